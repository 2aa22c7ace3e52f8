/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Demand paging: the handler of all domains that resolve faults by themselves.
 *
 *   gather  the pages of all groups of the burst, whichever domain they are of
 *   check   which of them are there already: all walks at once
 *   resolve those that are not: sorted, neighbours together, out of the regions
 *   check   those again: what a device is told is what the table says (R3)
 */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "resolve_pvt.h"
#include "uiommu_pvt.h"

_Static_assert(UIOMMU_PROT_READ == UIOMMU_FAULT_READ && UIOMMU_PROT_WRITE == UIOMMU_FAULT_WRITE &&
		       UIOMMU_PROT_EXEC == UIOMMU_FAULT_EXEC,
	       "access wanted is access allowed");

#define FLAGS_WANTED (UIOMMU_PROT_ALL | UIOMMU_FAULT_PRIV)

_Static_assert(FLAGS_WANTED <= UINT8_MAX, "fits in uiommu_resolve::prots");

/* Pages of all groups, in order. Number of them. */
static uint32_t
burst_gather(struct uiommu_resolve *resolve, const struct uiommu_group *groups, uint16_t nb_groups)
{
	uint32_t n = 0;
	uint16_t i, j;

	for (i = 0; i < nb_groups; i++) {
		const struct uiommu_fault *fault = groups[i].faults;
		struct uiommu_pgtable *pt = groups[i].attach->paging->pt;

		j = 0;
		do {
			resolve->pts[n] = pt;
			resolve->iovas[n] = fault[j].iova;
			resolve->prots[n] = (uint8_t)(fault[j].flags & FLAGS_WANTED);
			resolve->faults[n] = &fault[j];
			resolve->groups[n] = i;
			n++;
		} while (unlikely(++j < groups[i].nb_faults));
	}
	return n;
}

/* Something is not as it is in the good case. */
static uiommu_cold void
miss_add(struct uiommu_resolve *resolve, struct uiommu_paging *paging, uint32_t n)
{
	const struct uiommu_fault *fault = resolve->faults[n];
	struct resolve_miss *miss = &resolve->misses[resolve->nb_misses++];

	*miss = (struct resolve_miss){
		.paging = paging,
		.iova = fault->iova,
		.nb_pages = RTE_MAX(fault->nb_pages, UINT32_C(1)),
		.group = resolve->groups[n],
		.prot = resolve->prots[n] & UIOMMU_PROT_ALL,
		.code = UIOMMU_CODE_RETRY,
		.there = resolve->present[n] != 0,
	};
	/* tables have no pages for privileged use only */
	if ((fault->flags & UIOMMU_FAULT_PRIV) != 0)
		miss->code = UIOMMU_CODE_INVALID;
}

/* What is there is SUCCESS; the rest are misses. */
static void
present_apply(struct uiommu_resolve *resolve, const struct uiommu_group *groups, uint32_t nb)
{
	const uint16_t queue_id = resolve->queue->id;
	uint32_t i;

	for (i = 0; i < nb; i++) {
		struct uiommu_paging *paging = groups[resolve->groups[i]].attach->paging;
		bool good = resolve->present[i] != 0 && paging->owes[queue_id] == 0 &&
			    (resolve->prots[i] & UIOMMU_FAULT_PRIV) == 0;

		uiommu_count(&paging->counts[queue_id].requests, 1);
		uiommu_count(&paging->counts[queue_id].present, good);
		if (unlikely(!good))
			miss_add(resolve, paging, i);
	}
}

static void
owed_pay(struct uiommu_resolve *resolve, struct uiommu_paging *paging)
{
	const uint16_t id = resolve->queue->id;

	if (paging->owes[id] == 0)
		return;
	if (uiommu_pvt_paging_invalidate(resolve->queue, paging, &paging->owed[id], false))
		paging->owes[id] = 0;
}

/* Misses that are there now are SUCCESS; others are what they were told. */
static void
misses_answer(struct uiommu_resolve *resolve, uint8_t *codes)
{
	const uint16_t id = resolve->queue->id;
	uint32_t i;

	for (i = 0; i < resolve->nb_misses; i++) {
		const struct resolve_miss *miss = &resolve->misses[i];

		resolve->pts[i] = miss->code == UIOMMU_CODE_INVALID ? NULL : miss->paging->pt;
		resolve->iovas[i] = miss->iova;
		resolve->prots[i] = miss->prot;
	}
	uiommu_pgtable_check(resolve->pts, resolve->iovas, resolve->prots, resolve->present,
			     resolve->nb_misses);
	for (i = 0; i < resolve->nb_misses; i++) {
		const struct resolve_miss *miss = &resolve->misses[i];
		uint8_t *code = &codes[miss->group];

		if (resolve->present[i] != 0 && miss->paging->owes[id] == 0)
			continue;
		/* one page that cannot be had decides for its group */
		if (*code != UIOMMU_CODE_INVALID)
			*code = miss->code;
	}
}

static uiommu_cold void
misses_resolve(struct uiommu_resolve *resolve, uint8_t *codes)
{
	uint32_t i;

	for (i = 0; i < resolve->nb_misses; i++)
		owed_pay(resolve, resolve->misses[i].paging);
	uiommu_pvt_resolve_misses(resolve);
	misses_answer(resolve, codes);
}

void
uiommu_pvt_demand_handler(void *priv, struct uiommu_group *groups, uint8_t *codes,
			  uint16_t nb_groups)
{
	struct uiommu_resolve *resolve = uiommu_pvt_group_queue(groups)->resolve;
	uint32_t nb;

	nb = burst_gather(resolve, groups, nb_groups);
	uiommu_pgtable_check(resolve->pts, resolve->iovas, resolve->prots, resolve->present, nb);
	memset(codes, UIOMMU_CODE_SUCCESS, nb_groups);
	resolve->nb_misses = 0;
	present_apply(resolve, groups, nb);
	if (unlikely(resolve->nb_misses != 0))
		misses_resolve(resolve, codes);
}
