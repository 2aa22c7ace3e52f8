/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Ranges of a domain with regions are unmapped: by hand, or since a region or the domain goes. */

#include <errno.h>

#include <rte_common.h>

#include "mirror_pvt.h"
#include "region_pvt.h"
#include "uiommu_pvt.h"

/* Addresses that are unmapped in one step; more are passed over where nothing is mapped. */
#define STEP_BYTES (UINT64_C(1) << 21)
#define STEP_LEAVES 512
#define SKIP_MAX (UINT64_C(1) << 30)

struct unmapping {
	struct uiommu_batch batch;
	struct uiommu_paging *paging;
	struct uiommu_region *only; /* it is all of one region, that faults do not find any more */
	uint64_t iova;
	uint64_t len;
	uint64_t done;              /* bytes from the start */
	uint64_t window;
	bool again;                 /* faults that were under way had entries reserved */
	uint64_t *unmapped;
};

/* --------------------------------------------------------------------- what is there */

static bool
contains(const struct uiommu_region *region, uint64_t iova)
{
	return iova - region->iova < region->len;
}

/* Of those that leave: one that somebody is removing, or (stuck) could not. */
static struct uiommu_region *
leaving_at(const struct uiommu_paging *paging, uint64_t iova, bool stuck)
{
	struct uiommu_region *region;

	for (region = paging->leaving; region != NULL; region = region->next)
		if (region->stuck == stuck && contains(region, iova))
			return region;
	return NULL;
}

/* Somebody else unmaps what is here. */
static bool
is_anothers(const struct unmapping *u)
{
	return u->only == NULL && leaving_at(u->paging, u->iova + u->done, false) != NULL;
}

static struct uiommu_region *
region_at(const struct unmapping *u, uint64_t iova)
{
	const struct uiommu_region *region;

	if (u->only != NULL)
		return u->only;
	region = uiommu_pvt_region_find(u->paging->regions, iova);
	/* faults only read it; to the control path it is its own */
	return region != NULL ? (struct uiommu_region *)(uintptr_t)region :
				leaving_at(u->paging, iova, true);
}

/* Bytes from iova on, up to a region that is not treated as what is before it. */
static uint64_t
plain_length(const struct uiommu_paging *paging, uint64_t iova, uint64_t len)
{
	const struct uiommu_region_table *table = paging->regions;
	const struct uiommu_region *region;
	uint32_t i;

	for (i = 0; i < table->nb; i++) {
		region = table->region[i];
		if (uiommu_pvt_region_returns(region) && region->iova >= iova)
			len = RTE_MIN(len, region->iova - iova);
	}
	for (region = paging->leaving; region != NULL; region = region->next)
		if (region->iova >= iova)
			len = RTE_MIN(len, region->iova - iova);
	return len;
}

static void
leaf_count(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	uint64_t *nb = priv;

	(*nb)++;
}

/* ------------------------------------------------------------------------------ steps */

/* Unmap what gives no pages back. */
static int
plain_step(struct unmapping *u, uint64_t iova, uint64_t len)
{
	uint64_t bytes = 0;
	int ret;

	if (u->paging->mirror)
		ret = uiommu_pvt_mirror_unmap(u->paging, iova, len, &bytes);
	else
		ret = uiommu_pgtable_unmap(u->paging->pt, iova, len, 0, &u->batch.gather, NULL,
					   NULL, &bytes);
	*u->unmapped += bytes;
	u->done += len;
	return ret;
}

/* One step as far as a large leaf that begins there, if it goes as a whole: nothing is split. */
static uint64_t
step_length(const struct unmapping *u, uint64_t iova, uint64_t len)
{
	struct uiommu_pgtable_leaf leaf;
	uint64_t step = STEP_BYTES - (iova & (STEP_BYTES - 1));

	if (uiommu_pgtable_walk(u->paging->pt, iova, &leaf) == 0 && leaf.iova == iova &&
	    leaf.size > step && leaf.size <= len)
		step = leaf.size;
	return RTE_MIN(step, len);
}

/* Unmap some of [iova, iova + len) of a region that gets pages back. */
static int
returning_step(struct unmapping *u, struct uiommu_region *region, uint64_t iova, uint64_t len)
{
	/* a page is given back as a whole, in however many leaves it was mapped */
	const uint64_t least = region->type == UIOMMU_BACKING_CALLBACK ?
				       UINT64_C(1) << region->page_shift : 0;
	uint64_t step = RTE_MIN(RTE_MAX(u->window, least), len), nb_leaves = 0;
	int ret;

	ret = uiommu_pgtable_iterate(u->paging->pt, iova, step, leaf_count, &nb_leaves);
	if (ret != 0)
		return ret;
	if (nb_leaves == 0) {
		u->done += step;
		u->window = RTE_MIN(u->window * 2, SKIP_MAX);
		return 0;
	}
	u->window = STEP_BYTES;
	ret = uiommu_pvt_batch_reserve(&u->batch);
	if (ret != 0)
		return ret;
	step = RTE_MIN(RTE_MAX(step_length(u, iova, len), least), len);
	u->done += step;
	return uiommu_pvt_batch_unmap(&u->batch, region, iova, step, u->unmapped);
}

/* The part of the range that lies in a region: pages of applications are not cut in two. */
static int
region_step(struct unmapping *u, struct uiommu_region *region)
{
	uint64_t iova = u->iova + u->done, len = u->len - u->done;
	const uint64_t mask = (UINT64_C(1) << region->page_shift) - 1;
	uint64_t before = 0, after = 0;
	int ret;

	len = RTE_MIN(len, region->len - (iova - region->iova));
	if (region->type == UIOMMU_BACKING_CALLBACK) {
		before = iova & mask;
		after = -(iova + len) & mask;
	}
	ret = returning_step(u, region, iova - before, len + before + after);
	/* u->done counts from the start that was asked for, up to its end */
	u->done -= before;
	u->done = RTE_MIN(u->done, u->len);
	return ret;
}

static int
one_step(struct unmapping *u)
{
	const uint64_t iova = u->iova + u->done;
	struct uiommu_region *region = region_at(u, iova);

	if (region != NULL && uiommu_pvt_region_returns(region))
		return region_step(u, region);
	return plain_step(u, iova, u->only != NULL ? u->len - u->done :
						     plain_length(u->paging, iova,
								  u->len - u->done));
}

/* Who removes a region unmaps it: until he is through. Nothing of ours is open. */
static int
leaving_await(struct unmapping *u)
{
	struct uiommu_unit *unit = u->paging->unit;

	while (is_anothers(u)) {
		if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
			return -EIO;
		uiommu_pvt_unlock(unit);
		uiommu_pvt_wait_turn();
		(void)uiommu_pvt_lock(unit);
	}
	return 0;
}

/* Steps until the batch is full, the end is reached, or somebody else's part comes. */
static int
steps(struct unmapping *u)
{
	int ret = 0;

	while (u->done < u->len && uiommu_pvt_batch_room(&u->batch) >= STEP_LEAVES &&
	       !is_anothers(u)) {
		ret = one_step(u);
		if (ret == -EAGAIN) {
			u->again = true;
			ret = 0;
		}
		if (ret != 0)
			break;
	}
	return ret;
}

static int
pass(struct unmapping *u)
{
	int ret = 0, flushed;

	u->done = 0;
	u->window = STEP_BYTES;
	while (u->done < u->len && ret == 0) {
		ret = leaving_await(u);
		if (ret == 0)
			ret = steps(u);
		flushed = uiommu_pvt_batch_finish(&u->batch);
		ret = flushed != 0 ? flushed : ret;
	}
	return ret;
}

static int
unmap_all(struct unmapping *u)
{
	int ret, ended;

	ret = uiommu_pvt_batch_begin(&u->batch, u->paging);
	if (ret == 0)
		ret = pass(u);
	/*
	 * Faults that were being resolved when this began have brought their pages by the end of
	 * the grace period. What is reserved after that comes from later ones, or is on its way
	 * out: not ours.
	 */
	if (ret == 0 && u->again) {
		ret = uiommu_pvt_paging_grace(u->paging);
		if (ret == 0)
			ret = pass(u);
	}
	ended = uiommu_pvt_batch_end(&u->batch);
	return ret != 0 ? ret : ended;
}

int
uiommu_pvt_regions_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len,
			 uint64_t *unmapped)
{
	struct unmapping u = {
		.paging = domain->paging,
		.iova = iova,
		.len = len,
		.unmapped = unmapped,
	};

	return unmap_all(&u);
}

int
uiommu_pvt_region_unmap(struct uiommu_region *region)
{
	uint64_t unmapped = 0;
	struct unmapping u = {
		.paging = region->domain->paging,
		.only = region,
		.iova = region->iova,
		.len = region->len,
		.unmapped = &unmapped,
	};

	return unmap_all(&u);
}
