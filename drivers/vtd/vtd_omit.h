/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_OMIT_H
#define VTD_OMIT_H

/**
 * @file
 * Every place where the driver has the unit forget or order something, by name. The build option
 * "omit" leaves one of them out (-Domit=bond_clear_iotlb, say), so that it can be shown that a
 * test fails without it: tools/omit.sh. In a normal build nothing of this is left.
 */

#include <stdbool.h>

/** Sites; those that one function writes for several commands stand in the same order in each. */
enum vtd_site {
	VTD_SITE_NONE = 0,

	/* UIOMMU_CMD_ENDPOINT_SET, with caching mode */
	VTD_SITE_ENDPOINT_SET_CONTEXT,
	VTD_SITE_ENDPOINT_SET_PASID_CACHE,
	VTD_SITE_ENDPOINT_SET_IOTLB,

	VTD_SITE_ENDPOINT_CLEAR_CONTEXT,
	VTD_SITE_ENDPOINT_CLEAR_PASID_CACHE,
	VTD_SITE_ENDPOINT_CLEAR_IOTLB,
	VTD_SITE_ENDPOINT_CLEAR_DEVICE_RID,
	VTD_SITE_ENDPOINT_CLEAR_DEVICE_PASID,

	VTD_SITE_ENDPOINT_UPDATE_CONTEXT,

	/* UIOMMU_CMD_BOND_SET, with caching mode */
	VTD_SITE_BOND_SET_ABSENT_PASID_CACHE, /**< of domain id 0 */
	VTD_SITE_BOND_SET_PASID_CACHE,
	VTD_SITE_BOND_SET_PASID_IOTLB,
	VTD_SITE_BOND_SET_IOTLB,

	VTD_SITE_BOND_CLEAR_ABSENT_PASID_CACHE, /**< of domain id 0, with caching mode */
	VTD_SITE_BOND_CLEAR_PASID_CACHE,
	VTD_SITE_BOND_CLEAR_PASID_IOTLB,
	VTD_SITE_BOND_CLEAR_IOTLB,
	VTD_SITE_BOND_CLEAR_DEVICE_RID,
	VTD_SITE_BOND_CLEAR_DEVICE_PASID,

	VTD_SITE_DRAIN_FENCE,
	VTD_SITE_DRAIN_PASID_IOTLB,
	VTD_SITE_DRAIN_IOTLB,
	VTD_SITE_DRAIN_DEVICE_RID,
	VTD_SITE_DRAIN_DEVICE_PASID,
	VTD_SITE_DRAIN_PD, /**< the bit of the wait */

	/* UIOMMU_CMD_INVALIDATE, and invalidate() of the data path */
	VTD_SITE_INVALIDATE_PASID_IOTLB,
	VTD_SITE_INVALIDATE_IOTLB,
	VTD_SITE_INVALIDATE_TABLES, /**< not "leaves only" where tables go */
	VTD_SITE_INVALIDATE_DEVICE_RID,
	VTD_SITE_INVALIDATE_DEVICE_PASID,
	VTD_SITE_INVALIDATE_FENCE, /**< of the data path */

	/* with a new root table */
	VTD_SITE_ROOT_CONTEXT,
	VTD_SITE_ROOT_PASID_CACHE,
	VTD_SITE_ROOT_IOTLB,

	VTD_SITE_WAIT, /**< a command's own, at its end */
};

#ifndef VTD_OMIT
#define VTD_OMIT VTD_SITE_NONE
#endif

/** Whether a site is left out: a constant in a normal build. */
static inline bool
vtd_omits(enum vtd_site site)
{
	return VTD_OMIT != VTD_SITE_NONE && site == VTD_OMIT;
}

#endif /* VTD_OMIT_H */
