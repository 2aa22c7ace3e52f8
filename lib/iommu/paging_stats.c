/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What demand paging has done. */

#include <errno.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

#define ADD(member) stats->member += __atomic_load_n(&counts->member, __ATOMIC_RELAXED)
#define COPY(member) stats->member = __atomic_load_n(&paging->ctl.member, __ATOMIC_RELAXED)

/* Counts of one queue's owner. */
static void
counts_add(const struct uiommu_paging_counts *counts, struct uiommu_paging_stats *stats)
{
	/*
	 * Before the requests, so that the difference is not below 0, as a rule: counts are written
	 * without order, and this pairs with nothing.
	 */
	const uint64_t missed = __atomic_load_n(&counts->missed, __ATOMIC_ACQUIRE);
	const uint64_t requests = __atomic_load_n(&counts->requests, __ATOMIC_RELAXED);

	stats->requests += requests;
	stats->present += requests - RTE_MIN(missed, requests);
	ADD(merged_same);
	ADD(merged_next);
	ADD(mapped_pages);
	ADD(around_pages);
	ADD(hinted_pages);
	ADD(large_leaves);
	ADD(zeroed_pages);
	ADD(copied_pages);
	ADD(no_region);
	ADD(denied);
	ADD(no_page);
	ADD(busy);
	ADD(no_table);
	ADD(no_frame);
}

int
uiommu_paging_stats_get(const struct uiommu_domain *domain, struct uiommu_paging_stats *stats)
{
	const struct uiommu_paging *paging = uiommu_pvt_paging_of(domain);
	uint16_t i;

	if (paging == NULL || stats == NULL)
		return -EINVAL;
	*stats = (struct uiommu_paging_stats){0};
	for (i = 0; i < paging->unit->nb_queues; i++)
		counts_add(&paging->counts[i], stats);
	COPY(evicted_pages);
	COPY(written_pages);
	COPY(spared_pages);
	COPY(invalidations);
	COPY(ranges);
	COPY(wide);
	stats->resident_pages = __atomic_load_n(&paging->resident, __ATOMIC_RELAXED);
	stats->budget_pages = paging->budget != UINT64_MAX ? paging->budget : 0;
	stats->table_pages = uiommu_pgtable_pages(paging->pt);
	return 0;
}
