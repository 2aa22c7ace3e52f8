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

/* One page of a group. */
static inline void
page_gather(struct uiommu_resolve *resolve, uint32_t n, struct uiommu_paging *paging,
	    const struct uiommu_fault *fault)
{
	struct uiommu_paging_counts *counts = &paging->counts[resolve->queue->id];

	resolve->pts[n] = paging->pt;
	resolve->hints[n] = &counts->hint;
	resolve->iovas[n] = fault->iova;
	resolve->prots[n] = (uint8_t)(fault->flags & FLAGS_WANTED);
	uiommu_count(&counts->requests, 1);
}

/*
 * Pages of all groups, in order. Number of them. *odd: not 0 where what is there may not be
 * SUCCESS.
 */
static uint32_t
burst_gather(struct uiommu_resolve *resolve, const struct uiommu_group *groups, uint16_t nb_groups,
	     uint32_t *odd)
{
	const uint16_t queue_id = resolve->queue->id;
	uint32_t strange = 0, n = 0;
	uint16_t i, j;

	/* no group of this burst has more than one request */
	resolve->single = resolve->queue->nb_gathered == 0;
	if (likely(resolve->single)) {
		for (i = 0; i < nb_groups; i++) {
			struct uiommu_paging *paging = groups[i].attach->paging;
			const struct uiommu_fault *fault = groups[i].faults;

			strange |= (fault->flags & UIOMMU_FAULT_PRIV) | paging->owes[queue_id];
			page_gather(resolve, i, paging, fault);
		}
		*odd = strange;
		return nb_groups;
	}
	for (i = 0; i < nb_groups; i++) {
		struct uiommu_paging *paging = groups[i].attach->paging;

		for (j = 0; j < groups[i].nb_faults; j++, n++) {
			const struct uiommu_fault *fault = &groups[i].faults[j];

			strange |= (fault->flags & UIOMMU_FAULT_PRIV) | paging->owes[queue_id];
			page_gather(resolve, n, paging, fault);
			resolve->faults[n] = fault;
			resolve->groups[n] = i;
		}
	}
	*odd = strange;
	return n;
}

/* Something is not as it is in the good case. */
static uiommu_cold void
miss_add(struct uiommu_resolve *resolve, const struct uiommu_group *groups, uint32_t n)
{
	const uint32_t group = resolve->single ? n : resolve->groups[n];
	const struct uiommu_fault *fault =
		resolve->single ? groups[n].faults : resolve->faults[n];
	struct uiommu_paging *paging = groups[group].attach->paging;
	struct resolve_miss *miss = &resolve->misses[resolve->nb_misses++];

	*miss = (struct resolve_miss){
		.paging = paging,
		.iova = fault->iova,
		.nb_pages = RTE_MAX(fault->nb_pages, UINT32_C(1)),
		.group = (uint16_t)group,
		.prot = resolve->prots[n] & UIOMMU_PROT_ALL,
		.code = UIOMMU_CODE_RETRY,
		.there = resolve->present[n] != 0,
	};
	/* tables have no pages for privileged use only */
	if ((fault->flags & UIOMMU_FAULT_PRIV) != 0)
		miss->code = UIOMMU_CODE_INVALID;
	uiommu_count(&paging->counts[resolve->queue->id].missed, 1);
}

static inline bool
is_good(const struct uiommu_resolve *resolve, const struct uiommu_group *groups, uint32_t n)
{
	const uint32_t group = resolve->single ? n : resolve->groups[n];

	return resolve->present[n] != 0 && (resolve->prots[n] & UIOMMU_FAULT_PRIV) == 0 &&
	       groups[group].attach->paging->owes[resolve->queue->id] == 0;
}

/* What is there is SUCCESS; the rest are misses. */
static void
present_apply(struct uiommu_resolve *resolve, const struct uiommu_group *groups, uint32_t nb,
	      uint32_t odd)
{
	uint32_t i;

	/* present[] has 1 for what is there, and nothing else but 0 */
	if (likely(odd == 0 && memchr(resolve->present, 0, nb) == NULL))
		return;
	for (i = 0; i < nb; i++)
		if (!is_good(resolve, groups, i))
			miss_add(resolve, groups, i);
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
	uint32_t nb, odd;

	nb = burst_gather(resolve, groups, nb_groups, &odd);
	uiommu_pgtable_check_near(resolve->pts, resolve->hints, resolve->iovas, resolve->prots,
				  resolve->present, nb);
	memset(codes, UIOMMU_CODE_SUCCESS, nb_groups);
	resolve->nb_misses = 0;
	present_apply(resolve, groups, nb, odd);
	if (unlikely(resolve->nb_misses != 0))
		misses_resolve(resolve, codes);
}
