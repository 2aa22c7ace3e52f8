/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Pages of a run: where the memory is, or as the application supplies them. */

#include <errno.h>

#include "mirror_pvt.h"
#include "resolve_pvt.h"
#include "uiommu_pvt.h"

/* ---------------------------------------------------------------- MEMORY, FILE */

/* Large leaves, the largest first. */
static const uint8_t large_shifts[] = {30, 21};

/* Whether the block around an address can be one large leaf. */
static bool
block_fits(const struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t iova,
	   unsigned int shift)
{
	const uint64_t size = UINT64_C(1) << shift;
	const uint64_t block = iova & ~(size - 1);

	return region->page_shift >= shift && block >= region->iova &&
	       region->iova + region->len - block >= size &&
	       (uiommu_pgtable_leaf_sizes(resolve->paging->pt) & size) != 0 &&
	       (uiommu_pvt_region_pa(region, block - region->iova) & (size - 1)) == 0;
}

/* Take in the whole of the large leaves that a range begins and ends in. */
static void
range_enlarge(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t *begin,
	      uint64_t *end)
{
	uint64_t size, last;
	unsigned int i;

	for (i = 0; i < RTE_DIM(large_shifts); i++) {
		size = UINT64_C(1) << large_shifts[i];
		last = *end - 1;
		if (!block_fits(resolve, region, *begin, large_shifts[i]))
			continue;
		*begin &= ~(size - 1);
		if (block_fits(resolve, region, last, large_shifts[i]))
			*end = (last & ~(size - 1)) + size;
		uiommu_count(&resolve->counts->large_leaves,
			     ((*end - *begin) >> large_shifts[i]));
		return;
	}
}

/* Map [begin, end) of a region. *at: how far it came. */
static int
range_map(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t begin,
	  uint64_t end, uint64_t *at)
{
	struct uiommu_pgtable *pt = resolve->paging->pt;
	const uint64_t page = UINT64_C(1) << region->page_shift;
	const uint32_t grown = uiommu_pgtable_grown(pt);
	uint64_t pos = begin, len, done;
	int ret = 0;

	while (pos < end && ret == 0) {
		const uint64_t offset = pos - region->iova;

		len = region->linear ? end - pos :
				       RTE_MIN(end - pos, page - (offset & (page - 1)));
		if (resolve->paging->mirror)
			ret = uiommu_pvt_mirror_fault(resolve->paging, pos,
						      uiommu_pvt_region_pa(region, offset), len,
						      region->prot, &done);
		else
			ret = uiommu_pgtable_map(pt, pos, uiommu_pvt_region_pa(region, offset), len,
						 region->prot, &done);
		pos += done;
	}
	*at = pos;
	if (pos > begin) {
		uiommu_count(&resolve->counts->mapped_pages, (pos - begin) >> RESOLVE_PAGE_SHIFT);
		uiommu_pvt_resolve_came(resolve, grown, begin, pos - begin);
	}
	return ret;
}

/* Pages of [begin, end) beyond those that were asked for. */
static void
around_count(struct uiommu_resolve *resolve, const struct resolve_run *run, uint64_t begin,
	     uint64_t end)
{
	uint64_t extra = (end - begin) - RTE_MIN(end - begin, run->end - run->begin);

	uiommu_count(&resolve->counts->around_pages, extra >> RESOLVE_PAGE_SHIFT);
	uiommu_count(&resolve->counts->hinted_pages,
		     (run->end - run->wanted_end) >> RESOLVE_PAGE_SHIFT);
}

/* Whether a run came with a large leaf that another of the burst has had mapped. */
static bool
came_with_another(struct uiommu_resolve *resolve, const struct resolve_run *run)
{
	const struct uiommu_region *region = run->miss->region;
	struct uiommu_pgtable_leaf leaf;

	return region->page_shift > RESOLVE_PAGE_SHIFT &&
	       uiommu_pgtable_walk(resolve->paging->pt, run->begin, &leaf) == 0 &&
	       leaf.iova + leaf.size >= run->wanted_end && (region->prot & ~leaf.prot) == 0;
}

/* From some page on: what one cannot have is no reason for its neighbours (mirrored). */
static uiommu_cold void
pages_map(struct uiommu_resolve *resolve, struct resolve_run *run, uint64_t begin)
{
	uint64_t pos, at;
	int ret;

	for (pos = begin; pos < run->wanted_end; pos += RESOLVE_PAGE_SIZE) {
		ret = range_map(resolve, run->miss->region, pos, pos + RESOLVE_PAGE_SIZE, &at);
		if (ret != 0)
			uiommu_pvt_resolve_fail(resolve, run, pos, pos + RESOLVE_PAGE_SIZE, ret);
	}
}

void
uiommu_pvt_resolve_direct(struct uiommu_resolve *resolve, struct resolve_run *run)
{
	const struct uiommu_region *region = run->miss->region;
	uint64_t begin, end, at;
	int ret;

	if (came_with_another(resolve, run)) {
		uiommu_count(&resolve->counts->merged_next, run->nb_misses);
		return;
	}
	uiommu_pvt_resolve_around(resolve->paging, region, run, &begin, &end);
	range_enlarge(resolve, region, &begin, &end);
	ret = range_map(resolve, region, begin, end, &at);
	around_count(resolve, run, begin, at);
	if (ret == 0 || at >= run->wanted_end)
		return;
	/* something around is in the way: only what was asked for, then */
	ret = range_map(resolve, region, run->begin, run->wanted_end, &at);
	if (ret != 0 && resolve->paging->mirror)
		pages_map(resolve, run, at);
	else if (ret != 0)
		uiommu_pvt_resolve_fail(resolve, run, at, run->wanted_end, ret);
}

/* -------------------------------------------------------------------- CALLBACK */

/* As many of nb leaves as the budget allows; they are counted. */
static uint32_t
budget_take(struct uiommu_resolve *resolve, uint32_t nb, unsigned int order)
{
	struct uiommu_paging *paging = resolve->paging;
	uint64_t resident = __atomic_load_n(&paging->resident, __ATOMIC_RELAXED);
	uint64_t room = paging->budget - RTE_MIN(paging->budget, resident);

	nb = (uint32_t)RTE_MIN((uint64_t)nb, room >> order);
	/* others may have been faster */
	return nb != 0 && uiommu_pvt_resident_take(paging, (uint64_t)nb << order) ? nb : 0;
}

/* Pages that were supplied, but not where leaves can lead. */
static void
pages_refuse(const struct uiommu_region *region, struct uiommu_backing_page *pages, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb; i++) {
		pages[i].access = 0;
		pages[i].dirty = 0;
	}
	region->ops->put(region->priv, pages, nb);
}

/* Ask for nb pages at pos, and note where they are. Pages that came, or a negative answer. */
static int
pages_get(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t pos,
	  uint32_t nb, uint32_t access)
{
	const uint64_t size = UINT64_C(1) << region->page_shift;
	int got, i;

	for (i = 0; i < (int)nb; i++)
		resolve->pages[i] = (struct uiommu_backing_page){
			.offset = pos - region->iova + (uint64_t)i * size,
			.pa = UIOMMU_PA_NONE,
			.access = access,
		};
	got = region->ops->get(region->priv, resolve->pages, nb);
	got = RTE_MIN(got, (int)nb);
	for (i = 0; i < got; i++) {
		if ((resolve->pages[i].pa & (size - 1)) != 0) {
			pages_refuse(region, &resolve->pages[i], (uint32_t)(got - i));
			return i;
		}
		resolve->pa[i] = resolve->pages[i].pa;
	}
	return got;
}

/* Pages that were supplied are mapped by the unit first; those that it cannot have go back. */
static int
pages_mirror(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t pos,
	     int got, int *error)
{
	uint32_t nb = got > 0 ? (uint32_t)got : 0;
	uint32_t came = uiommu_pvt_mirror_fill(resolve->paging, pos, region->page_shift, nb,
					       resolve->pa, region->prot, error);

	if (came == nb)
		return got;
	pages_refuse(region, &resolve->pages[came], nb - came);
	return (int)came;
}

/*
 * Fill nb entries at pos that were reserved; those that do not come are absent again. Number that
 * came, from the first on; -ENOENT: the first does not exist. *error: why the unit cannot have
 * the next one, or 0.
 */
static int
entries_fill(struct uiommu_resolve *resolve, struct resolve_run *run, uint64_t pos, uint32_t nb,
	     uint32_t access, int *error)
{
	const struct uiommu_region *region = run->miss->region;
	const unsigned int order = region->page_shift - RESOLVE_PAGE_SHIFT;
	const uint64_t size = UINT64_C(1) << region->page_shift;
	const uint32_t room = budget_take(resolve, nb, order);
	int got = room != 0 ? pages_get(resolve, region, pos, room, access) : 0;
	uint32_t i, came;

	*error = 0;
	if (resolve->paging->mirror)
		got = pages_mirror(resolve, region, pos, got, error);
	came = (uint32_t)RTE_MAX(got, 0);

	for (i = came; i < nb; i++)
		resolve->pa[i] = UIOMMU_PA_NONE;
	uiommu_pgtable_commit(resolve->paging->pt, pos, region->page_shift, nb, resolve->pa,
			      region->prot);
	uiommu_pvt_resident_give(resolve->paging, (uint64_t)(room - came) << order);
	uiommu_count(&resolve->counts->mapped_pages, (uint64_t)came << order);
	uiommu_count(&resolve->counts->large_leaves, order != 0 ? came : 0);
	if (resolve->paging->tell_absent && came != 0)
		uiommu_pgtable_gather_add(&resolve->came, pos, came * size);
	if (got >= 0)
		return got;
	uiommu_count(&resolve->counts->no_page,
		     uiommu_pvt_resolve_blame(run, pos, pos + size, UIOMMU_CODE_INVALID));
	return -ENOENT;
}

/* A page that is there lost some of its access by uiommu_domain_protect(): it may have it back. */
static void
access_restore(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t pos)
{
	const uint32_t grown = uiommu_pgtable_grown(resolve->paging->pt);
	struct uiommu_pgtable_leaf leaf;

	if (uiommu_pgtable_walk(resolve->paging->pt, pos, &leaf) != 0 ||
	    (region->prot & ~leaf.prot) == 0)
		return;
	if (resolve->paging->mirror) {
		(void)uiommu_pvt_mirror_grow(resolve->paging, pos, region->prot);
		return;
	}
	(void)uiommu_pgtable_map(resolve->paging->pt, leaf.iova, leaf.pa, leaf.size, region->prot,
				 NULL);
	uiommu_pvt_resolve_came(resolve, grown, leaf.iova, leaf.size);
}

/* Supply what is absent of [begin, end). Pages of 4 KiB that came; *complete: all of them. */
static uint64_t
range_supply(struct uiommu_resolve *resolve, struct resolve_run *run, uint64_t begin, uint64_t end,
	     uint32_t access, bool *complete)
{
	const struct uiommu_region *region = run->miss->region;
	const unsigned int shift = region->page_shift;
	const uint64_t size = UINT64_C(1) << shift;
	uint64_t pos = begin, came = 0;
	int ret, filled, error = 0;
	uint32_t nb;

	*complete = true;
	while (pos < end) {
		nb = (uint32_t)RTE_MIN((end - pos) >> shift, (uint64_t)RESOLVE_BATCH);
		ret = uiommu_pgtable_reserve(resolve->paging->pt, pos, shift, nb);
		if (ret == -EEXIST) {
			access_restore(resolve, region, pos);
			pos += size;
			continue;
		}
		filled = 0;
		if (ret > 0)
			filled = entries_fill(resolve, run, pos, (uint32_t)ret, access, &error);
		if (filled > 0) {
			came += (uint32_t)filled;
			pos += (uint64_t)filled << shift;
			if (filled == ret)
				continue;
		}
		*complete = false;
		if (ret > 0 && filled >= 0 && error == 0) {
			uiommu_pvt_resolve_fail(resolve, run, pos, end, -ENOSPC);
			break;
		}
		/*
		 * Neither what does not exist nor what is busy stands in the way of the next, nor
		 * what the unit cannot have
		 */
		if (ret <= 0 || error != 0)
			uiommu_pvt_resolve_fail(resolve, run, pos, pos + size,
						ret <= 0 ? ret : error);
		pos += size;
	}
	return came << (shift - RESOLVE_PAGE_SHIFT);
}

void
uiommu_pvt_resolve_callback(struct uiommu_resolve *resolve, struct resolve_run *run)
{
	const struct uiommu_region *region = run->miss->region;
	const uint64_t mask = (UINT64_C(1) << region->page_shift) - 1;
	uint64_t first = run->begin & ~mask, last = (run->wanted_end + mask) & ~mask;
	uint64_t begin, end, extra;
	uint32_t access = 0, i;
	bool complete;

	for (i = 0; i < run->nb_misses; i++)
		access |= run->miss[i].prot;
	(void)range_supply(resolve, run, first, last, access, &complete);
	if (!complete)
		return;
	/* what nobody has asked for comes last, and takes nothing from anybody */
	uiommu_pvt_resolve_around(resolve->paging, region, run, &begin, &end);
	begin &= ~mask;
	end = (end + mask) & ~mask;
	extra = range_supply(resolve, run, last, end, UIOMMU_PROT_READ, &complete);
	if (complete)
		extra += range_supply(resolve, run, begin, first, UIOMMU_PROT_READ, &complete);
	uiommu_count(&resolve->counts->around_pages, extra);
}
