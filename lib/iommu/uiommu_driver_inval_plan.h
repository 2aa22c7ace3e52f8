/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_INVAL_PLAN_H
#define UIOMMU_DRIVER_INVAL_PLAN_H

/**
 * @file
 * For drivers of units that tag translations with one identifier for each domain: what an
 * invalidation is to hold. First the unit, by blocks or pages or all that has the identifier; then,
 * behind something that orders, devices, bond by bond. A driver makes the commands of it, see
 * uiommu_driver_inval_row.h. Pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_driver.h>
#include <uiommu_driver_inval.h>
#include <uiommu_driver_inval_row.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Pages of all blocks that are invalidated one by one, where a unit takes no ranges. */
#define UIOMMU_INVAL_PAGES_MAX 64

/** Phases of a row. */
enum uiommu_inval_phase {
	UIOMMU_INVAL_PHASE_UNIT,
	UIOMMU_INVAL_PHASE_ORDER,   /**< one command, where devices follow */
	UIOMMU_INVAL_PHASE_DEVICES,
	UIOMMU_INVAL_PHASES,
};

/** How much of the devices' is forgotten. */
enum uiommu_inval_width {
	UIOMMU_INVAL_BY_BLOCK,
	UIOMMU_INVAL_BY_PASID,  /**< all of the bond's PASID */
	UIOMMU_INVAL_BY_DEVICE, /**< all that the device has */
};

/** What a driver knows of a device. */
struct uiommu_inval_device {
	bool caches;     /**< translations */
	bool has_pasids;
};

/** What is to be written for an invalidation: the same for the same one each time. */
struct uiommu_inval_plan {
	const struct uiommu_inval *inval;
	enum uiommu_inval_width devices;
	uint16_t unit_parts; /**< commands for the unit; 0: all that has the identifier */
	bool by_range;       /**< a block each, else a page */
	bool wide;           /**< more is forgotten than was asked for */
	uint32_t nb_blocks;
	struct uiommu_inval_block blocks[UIOMMU_INVAL_BLOCKS];
};

/**
 * @param by_range the unit takes ranges
 * @param order_max log2 of the pages that one may have
 * @param by_address false: what is to go can not be named by addresses
 */
static inline void
uiommu_inval_plan_make(struct uiommu_inval_plan *plan, const struct uiommu_inval *inval,
		       bool by_range, unsigned int order_max, bool by_address)
{
	uint64_t pages = 0;
	uint32_t i;

	plan->inval = inval;
	plan->by_range = by_range;
	plan->wide = false;
	plan->nb_blocks = inval->all ? 0 : uiommu_inval_blocks(inval, plan->blocks, &plan->wide);
	/* tables without a range: somewhere */
	plan->devices = plan->nb_blocks != 0 ? UIOMMU_INVAL_BY_BLOCK : UIOMMU_INVAL_BY_PASID;
	for (i = 0; i < plan->nb_blocks; i++) {
		by_address = by_address && plan->blocks[i].order <= order_max;
		pages += UINT64_C(1) << plan->blocks[i].order;
	}
	if (!by_address || (!by_range && pages > UIOMMU_INVAL_PAGES_MAX))
		plan->unit_parts = 0;
	else
		plan->unit_parts = (uint16_t)(by_range ? plan->nb_blocks : pages);
	plan->wide = plan->wide || (plan->unit_parts == 0 && !inval->all);
}

/** uiommu_inval_row_ops::widen, of the plan. */
static inline bool
uiommu_inval_plan_widen(struct uiommu_inval_plan *plan)
{
	if (plan->devices == UIOMMU_INVAL_BY_DEVICE)
		return false;
	plan->devices = (enum uiommu_inval_width)(plan->devices + 1);
	plan->unit_parts = 0;
	plan->wide = true;
	return true;
}

/** What a command for the unit is about. @return false: all that has the identifier */
static inline bool
uiommu_inval_plan_unit(const struct uiommu_inval_plan *plan, uint64_t n,
		       struct uiommu_inval_block *block)
{
	uint32_t i;

	if (plan->unit_parts == 0)
		return false;
	if (plan->by_range) {
		*block = plan->blocks[n];
		return true;
	}
	/* the n-th of all pages */
	for (i = 0; n >> plan->blocks[i].order != 0; i++)
		n -= UINT64_C(1) << plan->blocks[i].order;
	block->iova = plan->blocks[i].iova + (n << UIOMMU_INVAL_PAGE_SHIFT);
	block->order = 0;
	return true;
}

/* Commands for a bond's device */
static inline uint32_t
uiommu_inval_plan_device_parts(const struct uiommu_inval_plan *plan, uint32_t target,
			       struct uiommu_inval_device device)
{
	/* what is absent is not in a device */
	if (plan->inval->only_absent || !device.caches)
		return 0;
	if (plan->devices == UIOMMU_INVAL_BY_BLOCK)
		return plan->nb_blocks;
	if (plan->devices == UIOMMU_INVAL_BY_PASID)
		return 1;
	if (uiommu_inval_endpoint_is_repeated(plan->inval->targets, target))
		return 0;
	/* all without PASID, and all with one */
	return device.has_pasids ? 2 : 1;
}

/**
 * uiommu_inval_row_ops::parts, of the plan.
 *
 * @param device_of what the driver knows of an endpoint_private; a constant
 */
static __rte_always_inline uint32_t
uiommu_inval_plan_parts(const struct uiommu_inval_plan *plan,
			const struct uiommu_inval_place *place,
			struct uiommu_inval_device (*device_of)(const void *endpoint_private))
{
	const struct uiommu_inval_target *targets = plan->inval->targets;
	uint32_t i;

	if (place->phase == UIOMMU_INVAL_PHASE_DEVICES)
		return uiommu_inval_plan_device_parts(
			plan, place->target, device_of(targets[place->target].endpoint_private));
	if (place->target != 0)
		return 0;
	if (place->phase == UIOMMU_INVAL_PHASE_UNIT)
		return plan->unit_parts != 0 ? plan->unit_parts : 1;
	for (i = 0; i < plan->inval->nb_targets; i++)
		if (uiommu_inval_plan_device_parts(plan, i,
						   device_of(targets[i].endpoint_private)) != 0)
			return 1;
	return 0;
}

/** What a command for a device is about. */
struct uiommu_inval_for_device {
	void *endpoint_private;
	uint32_t pasid; /**< or UIOMMU_NO_PASID; nothing where it is of all PASIDs */
	bool of_pasids; /**< of all PASIDs */
	const struct uiommu_inval_block *block; /**< NULL: everything */
};

static inline struct uiommu_inval_for_device
uiommu_inval_plan_for_device(const struct uiommu_inval_plan *plan,
			     const struct uiommu_inval_place *place)
{
	const struct uiommu_inval_target *target = &plan->inval->targets[place->target];
	const bool whole = plan->devices == UIOMMU_INVAL_BY_DEVICE;
	struct uiommu_inval_for_device what;

	what.endpoint_private = target->endpoint_private;
	what.pasid = whole ? UIOMMU_NO_PASID : target->pasid;
	what.of_pasids = whole && place->part != 0;
	what.block = plan->devices == UIOMMU_INVAL_BY_BLOCK ? &plan->blocks[place->part] :
							      NULL;
	return what;
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_INVAL_PLAN_H */
