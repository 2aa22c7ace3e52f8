/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_PLAN_H
#define VTD_PLAN_H

/**
 * @file
 * How much is to be forgotten for an invalidation: ranges made into a few aligned blocks, as
 * descriptors take them, or more than that where it is less work.
 */

#include <uiommu_driver_inval.h>

#include "vtd_pvt.h"

/** How much is forgotten. */
enum vtd_width {
	VTD_WIDTH_BLOCKS,
	VTD_WIDTH_DOMAIN, /**< all of the domain */
	VTD_WIDTH_GLOBAL, /**< all of the unit, and of each device */
};

/** What is to be written for an invalidation. */
struct vtd_plan {
	const struct vtd_queue *queue;
	const struct vtd_domain *domain;
	const struct uiommu_inval *inval;
	enum vtd_width unit;    /**< in the unit */
	enum vtd_width devices; /**< in the devices: never more than in the unit */
	bool leaves_only;       /**< no pointer to a table has changed */
	bool wide;              /**< more is forgotten than was asked for */
	uint32_t nb_blocks;
	struct uiommu_inval_block blocks[UIOMMU_INVAL_BLOCKS];
};

/** The same for the same invalidation each time. */
void
vtd_plan_make(struct vtd_plan *plan, const struct vtd_queue *queue,
	      const struct uiommu_inval *inval);

/** The next wider one, which takes fewer descriptors; devices' width is not GLOBAL yet. */
void
vtd_plan_widen(struct vtd_plan *plan);

#endif /* VTD_PLAN_H */
