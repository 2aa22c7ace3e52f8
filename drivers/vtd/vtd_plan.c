/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "vtd_omit.h"
#include "vtd_plan.h"

/** Blocks that a range is covered with; more than that, and fewer cover more than it. */
#define RANGE_BLOCKS_MAX 4
/** Blocks times bonds; more than that, and all of the domain is forgotten. */
#define WORK_MAX 512
/** Bits of a page's number. */
#define PAGE_NUMBER_BITS 52

static unsigned int
log2_of(uint64_t n)
{
	return 63 - (unsigned int)__builtin_clzll(n);
}

/* Largest aligned blocks, one after the other. @return how many; 0: they are too many */
static uint32_t
range_split(uint64_t first, uint64_t last, struct vtd_block *blocks)
{
	uint32_t n;

	for (n = 0; n < RANGE_BLOCKS_MAX; n++) {
		unsigned int order = log2_of(last - first + 1);

		if (first != 0)
			order = RTE_MIN(order, (unsigned int)__builtin_ctzll(first));
		blocks[n] = (struct vtd_block){.iova = first << VTD_PAGE_SHIFT, .order = order};
		first += UINT64_C(1) << order;
		if (first > last)
			return n + 1;
	}
	return 0;
}

/* Blocks of one size that cover more. */
static uint32_t
range_cover(uint64_t first, uint64_t last, struct vtd_block *blocks)
{
	unsigned int order = 0;
	uint64_t at;
	uint32_t n = 0;

	while ((last >> order) - (first >> order) >= RANGE_BLOCKS_MAX)
		order++;
	for (at = first >> order; at <= last >> order; at++)
		blocks[n++] = (struct vtd_block){
			.iova = at << order << VTD_PAGE_SHIFT, .order = order,
		};
	return n;
}

/* @return whether there was room for the blocks of all ranges */
static bool
blocks_make(struct vtd_plan *plan)
{
	const struct uiommu_inval *inval = plan->inval;
	struct vtd_block blocks[RANGE_BLOCKS_MAX];
	uint32_t i, j, n;

	for (i = 0; i < inval->nb_ranges; i++) {
		const struct uiommu_pgtable_range *range = &inval->ranges[i];

		if (range->len == 0)
			continue;
		n = range_split(range->iova >> VTD_PAGE_SHIFT,
				(range->iova + range->len - 1) >> VTD_PAGE_SHIFT, blocks);
		if (n == 0) {
			n = range_cover(range->iova >> VTD_PAGE_SHIFT,
					(range->iova + range->len - 1) >> VTD_PAGE_SHIFT, blocks);
			plan->wide = true;
		}
		if (plan->nb_blocks + n > VTD_PLAN_BLOCKS)
			return false;
		for (j = 0; j < n; j++)
			plan->blocks[plan->nb_blocks++] = blocks[j];
	}
	return (uint64_t)plan->nb_blocks * inval->nb_targets <= WORK_MAX;
}

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
	plan->nb_blocks = 0;
	/* tables without a range: somewhere */
	if (inval->all || !blocks_make(plan) || plan->nb_blocks == 0) {
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
