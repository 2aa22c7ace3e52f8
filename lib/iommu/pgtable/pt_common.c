/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What is alike in all formats: pages of a table, and what a writer gathers. */

#include <string.h>

#include "pt_pvt.h"

/* A page for a table, zeroed also for a walker that does not snoop. */
void *
uiommu_pvt_pt_take(struct uiommu_pgtable *pt, uint64_t *pa)
{
	void *page;

	if (__atomic_fetch_add(&pt->nb_pages, 1, __ATOMIC_RELAXED) >= pt->pages_max) {
		__atomic_fetch_sub(&pt->nb_pages, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	page = uiommu_pgpool_get(pt->pool, pa);
	if (page != NULL && *pa >> pt->pa_bits != 0) {
		/* no entry of this table can hold its address */
		uiommu_pgpool_put(pt->pool, *pa);
		page = NULL;
	}
	if (page == NULL) {
		__atomic_fetch_sub(&pt->nb_pages, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	pt_flush(pt, page, ((size_t)1 << pt->pool->page_shift) / sizeof(uint64_t));
	return page;
}

/* A page that no entry has ever led to, or that nobody can reach any more. */
void
uiommu_pvt_pt_give_back(struct uiommu_pgtable *pt, uint64_t pa)
{
	uiommu_pgpool_put(pt->pool, pa);
	__atomic_fetch_sub(&pt->nb_pages, 1, __ATOMIC_RELAXED);
}

static uint64_t
range_last(const struct uiommu_pgtable_range *range)
{
	return range->iova + (range->len - 1);
}

/* Insert where it belongs; ranges[] has room for one more. */
static uint32_t
range_insert(struct uiommu_pgtable_range *ranges, uint32_t nb, uint64_t iova, uint64_t len)
{
	uint32_t at = nb;

	while (at > 0 && ranges[at - 1].iova > iova)
		at--;
	memmove(&ranges[at + 1], &ranges[at], (nb - at) * sizeof(*ranges));
	ranges[at].iova = iova;
	ranges[at].len = len;
	return at;
}

/* Make one of two neighbours, and of what lies between. @return bytes that both had */
static uint64_t
range_join(struct uiommu_pgtable_range *ranges, uint32_t nb, uint32_t at)
{
	uint64_t last = range_last(&ranges[at]), next_last = range_last(&ranges[at + 1]);
	uint64_t both = 0;

	if (ranges[at + 1].iova <= last)
		both = (last < next_last ? last : next_last) - ranges[at + 1].iova + 1;
	if (next_last > last)
		ranges[at].len = next_last - ranges[at].iova + 1;
	memmove(&ranges[at + 1], &ranges[at + 2], (nb - at - 2) * sizeof(*ranges));
	return both;
}

static bool
range_touches(const struct uiommu_pgtable_range *range, const struct uiommu_pgtable_range *next)
{
	uint64_t last = range_last(range);

	return next->iova <= last || next->iova - last == 1;
}

void
uiommu_pgtable_gather_add(struct uiommu_pgtable_gather *gather, uint64_t iova, uint64_t len)
{
	struct uiommu_pgtable_range ranges[UIOMMU_PGTABLE_GATHER_RANGES + 1];
	uint32_t nb = gather->nb_ranges, at, i;
	uint64_t gap, smallest = UINT64_MAX;

	if (len == 0)
		return;
	gather->bytes += len;
	/* mostly what comes follows the last */
	if (nb != 0 && range_last(&gather->ranges[nb - 1]) + 1 == iova && iova != 0) {
		gather->ranges[nb - 1].len += len;
		return;
	}
	memcpy(ranges, gather->ranges, nb * sizeof(*ranges));
	at = range_insert(ranges, nb++, iova, len);
	while (at + 1 < nb && range_touches(&ranges[at], &ranges[at + 1]))
		gather->bytes -= range_join(ranges, nb--, at);
	if (at > 0 && range_touches(&ranges[at - 1], &ranges[at])) {
		/* the one before may reach over what follows, too */
		at--;
		while (at + 1 < nb && range_touches(&ranges[at], &ranges[at + 1]))
			gather->bytes -= range_join(ranges, nb--, at);
	}
	if (nb > UIOMMU_PGTABLE_GATHER_RANGES) {
		for (i = 0; i + 1 < nb; i++) {
			gap = ranges[i + 1].iova - range_last(&ranges[i]);
			if (gap < smallest) {
				smallest = gap;
				at = i;
			}
		}
		range_join(ranges, nb--, at);
	}
	memcpy(gather->ranges, ranges, nb * sizeof(*ranges));
	gather->nb_ranges = nb;
}

void
uiommu_pgtable_gather_free(struct uiommu_pgtable *pt, struct uiommu_pgtable_gather *gather)
{
	uint32_t nb = 0;

	while (gather->freed != PGPOOL_NONE) {
		uint32_t index = gather->freed;

		gather->freed = __atomic_load_n(&pt->pool->next[index], __ATOMIC_RELAXED);
		uiommu_pvt_pgpool_put_index(pt->pool, index);
		nb++;
	}
	__atomic_fetch_sub(&pt->nb_pages, nb, __ATOMIC_RELAXED);
	gather->nb_freed = 0;
}

void
uiommu_pvt_pt_gather_end(struct pt_writer *writer)
{
	uiommu_pgtable_gather_add(writer->gather, writer->base + writer->run_pos,
				  writer->run_end - writer->run_pos);
	writer->run_pos = writer->run_end;
}

/* Leaves come in order, mostly one beside the other. */
void
uiommu_pvt_pt_gather_run(struct pt_writer *writer, uint64_t pos, uint64_t len)
{
	if (pos != writer->run_end) {
		uiommu_pvt_pt_gather_end(writer);
		writer->run_pos = pos;
	}
	writer->run_end = pos + len;
}

/*
 * A table that no entry leads to any more. What it covered is gathered, mapped or not: the unit may
 * have kept a pointer to it for any of these addresses.
 */
void
uiommu_pvt_pt_take_out(struct pt_writer *writer, uint64_t pa, uint64_t pos, uint64_t len)
{
	struct uiommu_pgtable_gather *gather = writer->gather;
	struct uiommu_pgpool *pool = writer->pt->pool;
	uint32_t index = uiommu_pvt_pgpool_index(pool, pa);

	/*
	 * Nobody finds it from the root any more; who has found it before and remembers it looks
	 * here first: pairs with the loads in pt_batch_near() and pt_hints_begin().
	 */
	__atomic_fetch_add(&writer->pt->generation, 1, __ATOMIC_RELEASE);
	/* the link is the writer's: the page is in no other chain */
	__atomic_store_n(&pool->next[index], gather->freed, __ATOMIC_RELAXED);
	gather->freed = index;
	gather->nb_freed++;
	gather->tables = true;
	writer->nb_tables++;
	uiommu_pvt_pt_gather_end(writer);
	uiommu_pgtable_gather_add(gather, writer->base + pos, len);
}
