/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_OMIT_H
#define RISCV_OMIT_H

/**
 * @file
 * Every place where the driver has the unit forget or order something, by name. The build option
 * "omit" leaves one of them out (-Domit=riscv_bond_clear_pdt, say), so that it can be shown that a
 * test fails without it: tools/omit.sh. In a normal build nothing of this is left.
 */

#include <stdbool.h>

/** Sites. */
enum riscv_site {
	RISCV_SITE_NONE = 0,

	/* in the place of one that has gone */
	RISCV_SITE_ENDPOINT_SET_DDT,
	RISCV_SITE_ENDPOINT_SET_TLB,

	RISCV_SITE_ENDPOINT_CLEAR_DDT,
	RISCV_SITE_ENDPOINT_CLEAR_DDT_FENCE,
	RISCV_SITE_ENDPOINT_CLEAR_TLB,
	RISCV_SITE_ENDPOINT_CLEAR_TLB_FENCE,
	RISCV_SITE_ENDPOINT_CLEAR_DEVICE_RID,
	RISCV_SITE_ENDPOINT_CLEAR_DEVICE_PASID,

	RISCV_SITE_ENDPOINT_UPDATE_DDT,
	RISCV_SITE_ENDPOINT_UPDATE_TLB,

	/* of a unit without process directories */
	RISCV_SITE_BOND_SET_DDT_BEFORE, /**< the identifier is new, the table still empty */
	RISCV_SITE_BOND_SET_DDT,
	RISCV_SITE_BOND_CLEAR_DDT,
	RISCV_SITE_BOND_CLEAR_DDT_AFTER,
	RISCV_SITE_ENDPOINT_CLEAR_DDT_AFTER,

	RISCV_SITE_BOND_CLEAR_PDT,
	RISCV_SITE_BOND_CLEAR_QUIET, /**< faults of the device are recorded, or not */
	RISCV_SITE_BOND_CLEAR_FENCE,
	RISCV_SITE_BOND_CLEAR_PSCID,
	RISCV_SITE_BOND_CLEAR_PSCID_FENCE,
	RISCV_SITE_BOND_CLEAR_DEVICE_RID,
	RISCV_SITE_BOND_CLEAR_DEVICE_PASID,

	RISCV_SITE_DRAIN_DEVICE_RID,
	RISCV_SITE_DRAIN_DEVICE_PASID,

	/* UIOMMU_CMD_INVALIDATE, and invalidate() of the data path */
	RISCV_SITE_INVALIDATE_VA,
	RISCV_SITE_INVALIDATE_PSCID,
	RISCV_SITE_INVALIDATE_TABLES, /**< not leaves only where tables go */
	RISCV_SITE_INVALIDATE_FENCE,  /**< between the unit and the devices */
	RISCV_SITE_INVALIDATE_DEVICE_RID,
	RISCV_SITE_INVALIDATE_DEVICE_PASID,
	RISCV_SITE_INVALIDATE_END,    /**< fence at the end, of the data path */

	/* with new tables */
	RISCV_SITE_ROOT_DIR,
	RISCV_SITE_ROOT_TLB,

	RISCV_SITE_FENCE, /**< a command's own, at its end */
};

#ifndef RISCV_OMIT
#define RISCV_OMIT RISCV_SITE_NONE
#endif

/** Whether a site is left out: a constant in a normal build. */
static inline bool
riscv_omits(enum riscv_site site)
{
	return RISCV_OMIT != RISCV_SITE_NONE && site == RISCV_OMIT;
}

#endif /* RISCV_OMIT_H */
