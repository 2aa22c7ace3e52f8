/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Misses of a burst: sorted by domain and address, then taken together as long as they are
 * neighbours in one region.
 */

#include "resolve_pvt.h"
#include "uiommu_pvt.h"

static inline bool
comes_before(const struct resolve_miss *a, const struct resolve_miss *b)
{
	if (a->paging != b->paging)
		return (uintptr_t)a->paging < (uintptr_t)b->paging;
	return a->iova < b->iova;
}

/* Shell's sort: in place, few lines, and a burst is small. */
static void
misses_sort(struct resolve_miss *miss, uint32_t nb)
{
	static const uint32_t gaps[] = {1968, 701, 301, 132, 57, 23, 10, 4, 1};
	uint32_t g, i, j;

	for (g = 0; g < RTE_DIM(gaps); g++) {
		const uint32_t gap = gaps[g];

		for (i = gap; i < nb; i++) {
			struct resolve_miss moved = miss[i];

			for (j = i; j >= gap && comes_before(&moved, &miss[j - gap]); j -= gap)
				miss[j] = miss[j - gap];
			miss[j] = moved;
		}
	}
}

/* Region of a miss; what none allows is INVALID. */
static void
miss_place(struct resolve_miss *miss, const struct uiommu_region_table *regions,
	   struct uiommu_paging_counts *counts)
{
	if (miss->code == UIOMMU_CODE_INVALID) {
		uiommu_count(&counts->denied, 1);
		return;
	}
	if (miss->there)
		return;
	miss->region = uiommu_pvt_region_find(regions, miss->iova);
	if (miss->region == NULL) {
		miss->code = UIOMMU_CODE_INVALID;
		uiommu_count(&counts->no_region, 1);
	} else if ((miss->prot & ~miss->region->prot) != 0) {
		miss->region = NULL;
		miss->code = UIOMMU_CODE_INVALID;
		uiommu_count(&counts->denied, 1);
	}
}

/* End of what a miss asks for, hint and all, within its region. */
static uint64_t
hint_end(const struct resolve_miss *miss)
{
	const uint64_t room = miss->region->iova + miss->region->len - miss->iova;
	/* a hint is no reason to keep others waiting */
	const uint64_t pages = RTE_MIN(miss->nb_pages, (uint32_t)RESOLVE_BATCH);
	const uint64_t want = pages << RESOLVE_PAGE_SHIFT;

	return miss->iova + RTE_MIN(room, want);
}

/*
 * The run that begins with the first of these misses, all of one domain. Private pages are taken
 * one by one, with the access of their own: there, reads and writes do not mix in a run, unless
 * both get pages of their own.
 */
static void
run_make(struct resolve_run *run, struct resolve_miss *miss, uint32_t nb,
	 struct uiommu_paging_counts *counts)
{
	const bool alike = miss->paging->can_exchange &&
			   (miss->region->cow || miss->region->type == UIOMMU_BACKING_ANON);
	uint32_t i;

	*run = (struct resolve_run){
		.miss = miss,
		.begin = miss->iova,
		.end = hint_end(miss),
		.wanted_end = miss->iova + RESOLVE_PAGE_SIZE,
	};
	for (i = 1; i < nb; i++) {
		if (miss[i].region != miss->region || miss[i].iova > run->end ||
		    (alike && (miss[i].prot ^ miss->prot) & UIOMMU_PROT_WRITE))
			break;
		if (miss[i].iova == miss[i - 1].iova)
			uiommu_count(&counts->merged_same, 1);
		else
			uiommu_count(&counts->merged_next, 1);
		run->end = RTE_MAX(run->end, hint_end(&miss[i]));
		run->wanted_end = miss[i].iova + RESOLVE_PAGE_SIZE;
	}
	run->nb_misses = i;
}

static void
run_resolve(struct uiommu_resolve *resolve, struct resolve_run *run)
{
	const struct uiommu_region *region = run->miss->region;

	if (region->type == UIOMMU_BACKING_ANON || region->cow)
		uiommu_pvt_resolve_private(resolve, run);
	else if (region->type == UIOMMU_BACKING_CALLBACK)
		uiommu_pvt_resolve_callback(resolve, run);
	else
		uiommu_pvt_resolve_direct(resolve, run);
}

/* Ranges that the unit still has to be told of; no room for them now. */
static void
owe(struct uiommu_resolve *resolve, const struct uiommu_pgtable_gather *gather)
{
	struct uiommu_paging *paging = resolve->paging;
	const uint16_t id = resolve->queue->id;
	uint32_t i;

	if (paging->owes[id] == 0)
		uiommu_pgtable_gather_init(&paging->owed[id]);
	for (i = 0; i < gather->nb_ranges; i++)
		uiommu_pgtable_gather_add(&paging->owed[id], gather->ranges[i].iova,
					  gather->ranges[i].len);
	paging->owes[id] = 1;
}

/*
 * What led elsewhere is forgotten before the answers are carried out, and a unit that remembers
 * absence, or rights that were missing, is told of what came.
 */
static void
changes_tell(struct uiommu_resolve *resolve)
{
	struct uiommu_paging *paging = resolve->paging;

	if (resolve->changed.nb_ranges != 0 &&
	    !uiommu_pvt_paging_invalidate(resolve->queue, paging, &resolve->changed, false))
		owe(resolve, &resolve->changed);
	if (resolve->came.nb_ranges != 0 &&
	    !uiommu_pvt_paging_invalidate(resolve->queue, paging, &resolve->came, true))
		owe(resolve, &resolve->came);
}

/* Misses of one domain, sorted. */
static void
domain_resolve(struct uiommu_resolve *resolve, struct resolve_miss *miss, uint32_t nb)
{
	struct uiommu_paging *paging = miss->paging;
	/* pairs with the release store that publishes a new set of regions */
	const struct uiommu_region_table *regions =
		__atomic_load_n(&paging->regions, __ATOMIC_ACQUIRE);
	struct resolve_run run;
	uint32_t i;

	resolve->paging = paging;
	resolve->counts = &paging->counts[resolve->queue->id];
	uiommu_pgtable_gather_init(&resolve->changed);
	uiommu_pgtable_gather_init(&resolve->came);
	for (i = 0; i < nb; i++)
		miss_place(&miss[i], regions, resolve->counts);
	for (i = 0; i < nb; i += run.nb_misses) {
		run.nb_misses = 1;
		if (miss[i].region == NULL)
			continue;
		run_make(&run, &miss[i], nb - i, resolve->counts);
		run_resolve(resolve, &run);
	}
	changes_tell(resolve);
}

void
uiommu_pvt_resolve_misses(struct uiommu_resolve *resolve)
{
	struct resolve_miss *miss = resolve->misses;
	const uint32_t nb = resolve->nb_misses;
	uint32_t begin, end;

	misses_sort(miss, nb);
	for (begin = 0; begin < nb; begin = end) {
		for (end = begin + 1; end < nb && miss[end].paging == miss[begin].paging; end++)
			;
		domain_resolve(resolve, &miss[begin], end - begin);
	}
}
