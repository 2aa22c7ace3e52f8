/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_OMIT_H
#define SMMUV3_OMIT_H

/**
 * @file
 * Every place where the driver has the unit forget or order something, by name. The build option
 * "omit" leaves one of them out (-Domit=smmuv3_bond_clear_cd, say), so that it can be shown that a
 * test fails without it: tools/omit.sh. In a normal build nothing of this is left.
 */

#include <stdbool.h>

/** Sites. */
enum smmuv3_site {
	SMMUV3_SITE_NONE = 0,

	SMMUV3_SITE_ENDPOINT_SET_STE_BEFORE, /**< while the entry is not valid, S 3.21.3.1 */
	SMMUV3_SITE_ENDPOINT_SET_STE,

	SMMUV3_SITE_ENDPOINT_CLEAR_STE,
	SMMUV3_SITE_ENDPOINT_CLEAR_STE_SYNC,
	SMMUV3_SITE_ENDPOINT_CLEAR_TLB,
	SMMUV3_SITE_ENDPOINT_CLEAR_TLB_SYNC,
	SMMUV3_SITE_ENDPOINT_CLEAR_DEVICE_RID,
	SMMUV3_SITE_ENDPOINT_CLEAR_DEVICE_PASID,

	SMMUV3_SITE_BOND_SET_CD_BEFORE, /**< while the entry is not valid */
	SMMUV3_SITE_BOND_SET_CD,
	SMMUV3_SITE_BOND_SET_STE,       /**< IDENTITY */

	SMMUV3_SITE_BOND_CLEAR_CD,
	SMMUV3_SITE_BOND_CLEAR_CD_SYNC,
	SMMUV3_SITE_BOND_CLEAR_ASID,
	SMMUV3_SITE_BOND_CLEAR_ASID_SYNC,
	SMMUV3_SITE_BOND_CLEAR_STE,     /**< IDENTITY */
	SMMUV3_SITE_BOND_CLEAR_STE_SYNC,
	SMMUV3_SITE_BOND_CLEAR_DEVICE_RID,
	SMMUV3_SITE_BOND_CLEAR_DEVICE_PASID,

	SMMUV3_SITE_DRAIN_CD, /**< what makes events of stalls visible, S 4.7.3 */
	SMMUV3_SITE_DRAIN_DEVICE_RID,
	SMMUV3_SITE_DRAIN_DEVICE_PASID,

	/* UIOMMU_CMD_INVALIDATE, and invalidate() of the data path */
	SMMUV3_SITE_INVALIDATE_VA,
	SMMUV3_SITE_INVALIDATE_ASID,
	SMMUV3_SITE_INVALIDATE_TABLES, /**< not "leaves only" where tables go */
	SMMUV3_SITE_INVALIDATE_TLB_SYNC, /**< between the unit and the devices, S 3.9.1 */
	SMMUV3_SITE_INVALIDATE_DEVICE_RID,
	SMMUV3_SITE_INVALIDATE_DEVICE_PASID,
	SMMUV3_SITE_INVALIDATE_END,    /**< CMD_SYNC at the end, of the data path */

	/* with new tables */
	SMMUV3_SITE_ROOT_CONFIG,
	SMMUV3_SITE_ROOT_TLB,

	SMMUV3_SITE_SYNC, /**< a command's own, at its end */
};

#ifndef SMMUV3_OMIT
#define SMMUV3_OMIT SMMUV3_SITE_NONE
#endif

/** Whether a site is left out: a constant in a normal build. */
static inline bool
smmuv3_omits(enum smmuv3_site site)
{
	return SMMUV3_OMIT != SMMUV3_SITE_NONE && site == SMMUV3_OMIT;
}

#endif /* SMMUV3_OMIT_H */
