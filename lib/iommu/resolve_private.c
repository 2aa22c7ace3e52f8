/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Private pages. Reads see the backing, or zeroes, where nobody can write; the first write of a
 * page has a page of the unit take its place, with the same contents. What devices had cached of
 * the old one is forgotten before the answer is carried out.
 *
 * Where a leaf may not change in one step (Arm, mirrored tables), there is no view of zeroes: a
 * page that is read has one of the unit's at once.
 */

#include <errno.h>
#include <string.h>

#include "mirror_pvt.h"
#include "resolve_pvt.h"
#include "uiommu_pvt.h"

/* ----------------------------------------------------------------------- reads */

/* Where a page is read before it was written. */
static uint64_t
view_pa(const struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t iova)
{
	if (region->type == UIOMMU_BACKING_ANON)
		return resolve->queue->unit->zero_page.pa;
	return uiommu_pvt_region_pa(region, iova - region->iova);
}

/* Views of [begin, end); pages that are private by now stay. */
static int
views_map(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t begin,
	  uint64_t end)
{
	const uint32_t prot = region->prot & ~UIOMMU_PROT_WRITE;
	uint32_t i, nb, done, grown;
	uint64_t pos = begin;
	int ret = 0;

	while (pos < end) {
		nb = (uint32_t)RTE_MIN((end - pos) >> RESOLVE_PAGE_SHIFT, (uint64_t)RESOLVE_BATCH);
		for (i = 0; i < nb; i++)
			resolve->pa[i] = view_pa(resolve, region, pos + i * RESOLVE_PAGE_SIZE);
		grown = uiommu_pgtable_grown(resolve->paging->pt);
		ret = uiommu_pgtable_map_pages(resolve->paging->pt, pos, resolve->pa, nb, prot,
					       &done);
		uiommu_count(&resolve->counts->mapped_pages, done);
		uiommu_pvt_resolve_came(resolve, grown, pos, done * RESOLVE_PAGE_SIZE);
		pos += done * RESOLVE_PAGE_SIZE;
		if (ret == -EEXIST || ret == -EAGAIN)
			pos += RESOLVE_PAGE_SIZE;
		else if (ret != 0)
			return ret;
	}
	return 0;
}

static void
reads_resolve(struct uiommu_resolve *resolve, struct resolve_run *run)
{
	const struct uiommu_region *region = run->miss->region;
	uint64_t begin, end;
	int ret;

	ret = views_map(resolve, region, run->begin, run->end);
	if (ret != 0) {
		uiommu_pvt_resolve_fail(resolve, run, run->begin, run->wanted_end, ret);
		return;
	}
	uiommu_pvt_resolve_around(resolve->paging, region, run, &begin, &end);
	if (views_map(resolve, region, begin, run->begin) == 0 &&
	    views_map(resolve, region, run->end, end) == 0)
		uiommu_count(&resolve->counts->around_pages,
			     (end - begin - (run->end - run->begin)) >> RESOLVE_PAGE_SHIFT);
}

/* ---------------------------------------------------------------------- writes */

/* A page of the unit that holds what iova does. 0 or -ENOSPC. */
static int
frame_take(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t iova,
	   uint64_t *pa)
{
	void *frame;

	if (!uiommu_pvt_resident_take(resolve->paging, 1))
		return -ENOSPC;
	frame = uiommu_pgpool_get(resolve->queue->unit->frame_pool, pa);
	if (frame == NULL) {
		uiommu_pvt_resident_give(resolve->paging, 1);
		return -ENOSPC;
	}
	if (region->type != UIOMMU_BACKING_ANON)
		memcpy(frame, region->va + (iova - region->iova), RESOLVE_PAGE_SIZE);
	return 0;
}

static void
frame_give(struct uiommu_resolve *resolve, uint64_t pa)
{
	uiommu_pgpool_put(resolve->queue->unit->frame_pool, pa);
	uiommu_pvt_resident_give(resolve->paging, 1);
}

/* A page of the unit comes to iova: where nothing was, or in the place of a view. */
static int
frame_place(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t iova,
	    const struct uiommu_pgtable_leaf *view, uint64_t pa)
{
	struct uiommu_pgtable *pt = resolve->paging->pt;
	const uint32_t grown = uiommu_pgtable_grown(pt);
	int ret;

	if (view != NULL)
		return uiommu_pgtable_exchange(pt, iova, view->pa, pa, region->prot,
					       &resolve->changed);
	ret = uiommu_pgtable_map(pt, iova, pa, RESOLVE_PAGE_SIZE, region->prot, NULL);
	if (ret == 0)
		uiommu_pvt_resolve_came(resolve, grown, iova, RESOLVE_PAGE_SIZE);
	return ret;
}

/* One page is to be written. */
static int
page_write(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t iova)
{
	struct uiommu_pgtable *pt = resolve->paging->pt;
	struct uiommu_pgtable_leaf leaf;
	uint64_t pa;
	int ret;

	ret = uiommu_pgtable_walk(pt, iova, &leaf);
	if (ret != 0 && ret != -ENOENT)
		return ret;
	/* private by now, and its access was taken away by hand: it may have it back */
	if (ret == 0 && uiommu_pgpool_va(resolve->queue->unit->frame_pool, leaf.pa) != NULL)
		return frame_place(resolve, region, iova, NULL, leaf.pa);
	if (frame_take(resolve, region, iova, &pa) != 0)
		return -ENOSPC;
	ret = frame_place(resolve, region, iova, ret == 0 ? &leaf : NULL, pa);
	if (ret != 0) {
		frame_give(resolve, pa);
		return ret;
	}
	uiommu_count(&resolve->counts->mapped_pages, 1);
	uiommu_count(region->type == UIOMMU_BACKING_ANON ? &resolve->counts->zeroed_pages :
							   &resolve->counts->copied_pages, 1);
	return 0;
}

/* Only what was asked for: a copy costs memory. */
static void
writes_resolve(struct uiommu_resolve *resolve, struct resolve_run *run)
{
	const struct uiommu_region *region = run->miss->region;
	uint64_t last = UINT64_MAX;
	uint32_t i;
	int ret;

	for (i = 0; i < run->nb_misses; i++) {
		const uint64_t iova = run->miss[i].iova;

		if (iova == last)
			continue;
		last = iova;
		ret = page_write(resolve, region, iova);
		if (ret != 0)
			uiommu_pvt_resolve_fail(resolve, run, iova, iova + RESOLVE_PAGE_SIZE, ret);
	}
}

/* -------------------------------------------------------------------- mirrored tables */

/* Frames for nb pages at pos whose entries are reserved. Number that came; *error as elsewhere. */
static uint32_t
frames_fill(struct uiommu_resolve *resolve, const struct uiommu_region *region, uint64_t pos,
	    uint32_t nb, int *error)
{
	uint32_t taken, came, i;

	for (taken = 0; taken < nb; taken++)
		if (frame_take(resolve, region, pos + taken * RESOLVE_PAGE_SIZE,
			       &resolve->pa[taken]) != 0)
			break;
	came = uiommu_pvt_mirror_fill(resolve->paging, pos, RESOLVE_PAGE_SHIFT, taken, resolve->pa,
				      region->prot, error);
	if (*error == 0 && taken != nb)
		*error = -ENOSPC;
	for (i = came; i < taken; i++)
		frame_give(resolve, resolve->pa[i]);
	for (i = came; i < nb; i++)
		resolve->pa[i] = UIOMMU_PA_NONE;
	uiommu_pgtable_commit(resolve->paging->pt, pos, RESOLVE_PAGE_SHIFT, nb, resolve->pa,
			      region->prot);
	uiommu_count(&resolve->counts->mapped_pages, came);
	uiommu_count(&resolve->counts->zeroed_pages, came);
	return came;
}

/* Some of [begin, end) of ANON: where it goes on. */
static uint64_t
frames_step(struct uiommu_resolve *resolve, struct resolve_run *run, uint64_t begin, uint64_t end)
{
	const struct uiommu_region *region = run->miss->region;
	uint32_t nb = (uint32_t)RTE_MIN((end - begin) >> RESOLVE_PAGE_SHIFT,
					(uint64_t)RESOLVE_BATCH);
	int ret = uiommu_pgtable_reserve(resolve->paging->pt, begin, RESOLVE_PAGE_SHIFT, nb);
	int error = ret;

	if (ret > 0) {
		nb = frames_fill(resolve, region, begin, (uint32_t)ret, &error);
		begin += nb * RESOLVE_PAGE_SIZE;
		if (nb != 0)
			return begin;
	} else if (ret == -EEXIST) {
		/* its access was taken away by hand: it may have it back */
		error = uiommu_pvt_mirror_grow(resolve->paging, begin, region->prot);
	}
	if (error != 0)
		uiommu_pvt_resolve_fail(resolve, run, begin, begin + RESOLVE_PAGE_SIZE, error);
	return begin + RESOLVE_PAGE_SIZE;
}

/* As writes_resolve(), neighbours together: reads have pages of the unit at once, too. */
static void
frames_resolve(struct uiommu_resolve *resolve, struct resolve_run *run)
{
	uint64_t begin, end;
	uint32_t i;

	for (i = 0; i < run->nb_misses;) {
		begin = run->miss[i].iova;
		end = begin + RESOLVE_PAGE_SIZE;
		for (i++; i < run->nb_misses && run->miss[i].iova <= end; i++)
			end = run->miss[i].iova + RESOLVE_PAGE_SIZE;
		while (begin < end)
			begin = frames_step(resolve, run, begin, end);
	}
}

void
uiommu_pvt_resolve_private(struct uiommu_resolve *resolve, struct resolve_run *run)
{
	if (resolve->paging->mirror)
		frames_resolve(resolve, run);
	else if ((run->miss->prot & UIOMMU_PROT_WRITE) != 0 || !resolve->paging->can_exchange)
		writes_resolve(resolve, run);
	else
		reads_resolve(resolve, run);
}
