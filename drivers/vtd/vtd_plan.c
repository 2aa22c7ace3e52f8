/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "vtd_omit.h"
#include "vtd_plan.h"

/** Bits of a page's number. */
#define PAGE_NUMBER_BITS 52

/*
 * Whether the unit takes the blocks. Of a nested translation it caches both stages, and pages
 * named by a guest's address do not reach the second: all of the domain goes (S 6.5.3.3).
 */
static bool
unit_takes_blocks(const struct vtd_plan *plan)
{
	const uint8_t pgtt = plan->domain->pgtt;
	unsigned int order_max = PAGE_NUMBER_BITS - 1;
	uint32_t i;

	if (pgtt != VTD_PGTT_FIRST && pgtt != VTD_PGTT_SECOND)
		return false;
	if (pgtt == VTD_PGTT_SECOND && !plan->queue->psi)
		return false;
	if (pgtt == VTD_PGTT_SECOND)
		order_max = RTE_MIN(order_max, (unsigned int)plan->queue->mamv);
	for (i = 0; i < plan->nb_blocks; i++)
		if (plan->blocks[i].order > order_max)
			return false;
	return true;
}

void
vtd_plan_make(struct vtd_plan *plan, const struct vtd_queue *queue,
	      const struct uiommu_inval *inval)
{
	plan->queue = queue;
	plan->domain = inval->domain_private;
	plan->inval = inval;
	plan->unit = VTD_WIDTH_BLOCKS;
	plan->devices = VTD_WIDTH_BLOCKS;
	plan->leaves_only = (!inval->tables || vtd_omits(VTD_SITE_INVALIDATE_TABLES)) &&
			    !inval->only_absent;
	plan->wide = false;
	plan->nb_blocks = inval->all ? 0 : uiommu_inval_blocks(inval, plan->blocks, &plan->wide);
	/* tables without a range: somewhere */
	if (plan->nb_blocks == 0) {
		plan->unit = VTD_WIDTH_DOMAIN;
		plan->devices = VTD_WIDTH_DOMAIN;
	} else if (!unit_takes_blocks(plan)) {
		plan->unit = VTD_WIDTH_DOMAIN;
	}
	plan->wide |= plan->unit != VTD_WIDTH_BLOCKS && !inval->all;
}

void
vtd_plan_widen(struct vtd_plan *plan)
{
	plan->devices++;
	plan->unit = RTE_MAX(plan->unit, plan->devices);
	plan->wide = true;
}
