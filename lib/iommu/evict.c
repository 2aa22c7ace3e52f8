/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Eviction: a clock goes round the pages of CALLBACK regions. What was used since it came by last
 * is spared, and its accessed bit is cleared; what was not goes. A call goes round twice at
 * most: the first time it may find nothing but used pages.
 */

#include <errno.h>

#include <rte_common.h>

#include "region_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SHIFT 12
/* Addresses that are looked at in one step; more where nothing is mapped. */
#define WINDOW_MIN (UINT64_C(1) << 21)
#define WINDOW_MAX (UINT64_C(1) << 30)
/* Runs of neighbouring victims of one step. */
#define RUNS_MAX 64

/* One call of uiommu_domain_evict(). */
struct clock {
	struct uiommu_batch batch;
	struct uiommu_paging *paging;
	uint64_t want;    /* pages of 4 KiB that are still wanted */
	uint64_t scanned; /* bytes that the hand has passed */
	uint64_t window;
};

/* One step of the hand, over a part of a region. */
struct step {
	const struct uiommu_paging *paging;
	const struct uiommu_region *region;
	uint64_t want;
	uint32_t room;       /* for victims, in pages of the region */
	bool full;           /* the hand stops before the page */
	uint64_t nb_leaves;
	uint64_t spared;     /* pages of 4 KiB */
	/* the page that its leaves are being looked at */
	uint64_t page_iova;
	bool page_open;
	bool page_used;
	bool page_busy;
	uint64_t hand;       /* everything before it was decided */
	uint32_t nb_runs;
	struct uiommu_pgtable_range runs[RUNS_MAX]; /* victims */
};

static uint64_t
page_size(const struct uiommu_region *region)
{
	return UINT64_C(1) << region->page_shift;
}

/* ------------------------------------------------------------------------- one step */

/* False: no room for another run. */
static bool
victim_add(struct step *step, uint64_t iova, uint64_t size)
{
	struct uiommu_pgtable_range *run = &step->runs[step->nb_runs];
	const uint64_t pages = size >> PAGE_SHIFT;

	if (step->nb_runs != 0 && run[-1].iova + run[-1].len == iova) {
		run[-1].len += size;
	} else {
		if (step->nb_runs == RUNS_MAX)
			return false;
		*run = (struct uiommu_pgtable_range){.iova = iova, .len = size};
		step->nb_runs++;
	}
	step->room--;
	step->want -= RTE_MIN(step->want, pages);
	return true;
}

/* All leaves of a page were seen. */
static void
page_decide(struct step *step)
{
	const uint64_t size = page_size(step->region);

	if (!step->page_open || step->full)
		return;
	step->page_open = false;
	if (step->want == 0 || step->room == 0)
		step->full = true;
	else if (step->page_used)
		step->spared += size >> PAGE_SHIFT;
	else if (!step->page_busy)
		step->full = !victim_add(step, step->page_iova, size);
	if (!step->full)
		step->hand = step->page_iova + size;
}

static void
leaf_look(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct step *step = priv;
	const uint64_t iova = leaf->iova & ~(page_size(step->region) - 1);

	step->nb_leaves++;
	if (step->page_open && step->page_iova != iova)
		page_decide(step);
	if (step->full)
		return;
	if (!step->page_open) {
		step->page_open = true;
		step->page_iova = iova;
		step->page_used = false;
		step->page_busy = false;
	}
	/* on its way in or out: none of ours */
	step->page_busy |= leaf->busy;
	/* where the unit does not track, all look used: first in, first out */
	step->page_used |= !leaf->busy && leaf->accessed && step->paging->tracks;
}

/* Victims go; what was spared is to show whether it is used again. */
static int
step_apply(struct clock *clock, struct step *step, struct uiommu_region *region, uint64_t start)
{
	struct uiommu_paging *paging = clock->paging;
	uint64_t unmapped = 0;
	uint32_t i;
	int ret;

	for (i = 0; i < step->nb_runs; i++) {
		ret = uiommu_pvt_batch_unmap(&clock->batch, region, step->runs[i].iova,
					     step->runs[i].len, &unmapped);
		/* what is busy is on its way already */
		if (ret != 0 && ret != -EAGAIN)
			return ret;
	}
	if (step->spared == 0)
		return 0;
	uiommu_count(&paging->ctl.spared_pages, step->spared);
	return uiommu_pgtable_sample(paging->pt, start, step->hand - start,
				     UIOMMU_SAMPLE_CLEAR_ACCESSED, &clock->batch.gather, NULL,
				     NULL);
}

/* Look at [start, start + len) of a region. The hand moves. */
static int
hand_step(struct clock *clock, struct uiommu_region *region, uint64_t start, uint64_t len)
{
	struct step step = {
		.paging = clock->paging,
		.region = region,
		.want = clock->want - RTE_MIN(clock->want, clock->batch.pages),
		.room = uiommu_pvt_batch_room(&clock->batch),
		.hand = start,
	};
	int ret;

	ret = uiommu_pgtable_iterate(clock->paging->pt, start, len, leaf_look, &step);
	if (ret != 0)
		return ret;
	page_decide(&step);
	if (!step.full)
		step.hand = start + len;
	clock->window = step.nb_leaves != 0 ? WINDOW_MIN :
					      RTE_MIN(clock->window * 2, WINDOW_MAX);
	ret = step_apply(clock, &step, region, start);
	clock->paging->clock_iova = step.hand;
	clock->scanned += step.hand - start;
	return ret;
}

/* ------------------------------------------------------------------------- the round */

/* Bytes of a round. */
static uint64_t
round_bytes(const struct uiommu_region_table *table)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < table->nb; i++)
		if (table->region[i]->type == UIOMMU_BACKING_CALLBACK)
			bytes += table->region[i]->len;
	return bytes;
}

/* The region that the hand stands in, or comes to next. There is one. */
static struct uiommu_region *
region_at_hand(const struct uiommu_region_table *table, uint64_t hand)
{
	struct uiommu_region *first = NULL;
	uint32_t i;

	for (i = 0; i < table->nb; i++) {
		struct uiommu_region *region = table->region[i];

		if (region->type != UIOMMU_BACKING_CALLBACK)
			continue;
		if (region->iova >= hand || hand - region->iova < region->len)
			return region;
		if (first == NULL)
			first = region;
	}
	return first;
}

static int
hand_move(struct clock *clock, const struct uiommu_region_table *table)
{
	uint64_t hand = clock->paging->clock_iova;
	struct uiommu_region *region = region_at_hand(table, hand);
	uint64_t window = RTE_MAX(clock->window, page_size(region));
	uint64_t offset = hand - region->iova;

	if (offset >= region->len)
		offset = 0;
	/* the hand may have been moved by a region with smaller pages, which is gone */
	offset &= ~(page_size(region) - 1);
	return hand_step(clock, region, region->iova + offset,
			 RTE_MIN(window, region->len - offset));
}

/* Fill the batch, until there is enough, or the clock has gone round once more. */
static int
batch_fill(struct clock *clock, const struct uiommu_region_table *table)
{
	const uint64_t bytes = round_bytes(table);
	const uint64_t end = clock->scanned < bytes ? bytes : 2 * bytes;
	int ret = 0;

	while (ret == 0 && clock->scanned < end && clock->batch.pages < clock->want &&
	       uiommu_pvt_batch_room(&clock->batch) != 0)
		ret = hand_move(clock, table);
	return ret;
}

static int
batch_evict(struct clock *clock, uint64_t *gone)
{
	struct uiommu_paging *paging = clock->paging;
	uint64_t pages;
	int ret, flushed;

	ret = batch_fill(clock, paging->regions);
	pages = clock->batch.pages;
	flushed = uiommu_pvt_batch_finish(&clock->batch);
	if (flushed != 0)
		return flushed;
	uiommu_count(&paging->ctl.evicted_pages, pages);
	if (pages != 0)
		uiommu_count(&paging->ctl.written_pages, clock->batch.dirty_pages);
	clock->want -= RTE_MIN(clock->want, pages);
	*gone += pages;
	return ret;
}

static int
evict_locked(struct uiommu_paging *paging, uint32_t nb_pages, uint64_t *gone)
{
	struct clock clock = {.paging = paging, .want = nb_pages, .window = WINDOW_MIN};
	int ret, ended;

	ret = uiommu_pvt_batch_begin(&clock.batch, paging);
	if (ret == 0)
		ret = uiommu_pvt_batch_reserve(&clock.batch);
	/* the regions may be others after each batch: the lock is let go of */
	while (ret == 0 && clock.want != 0 && clock.scanned < 2 * round_bytes(paging->regions))
		ret = batch_evict(&clock, gone);
	ended = uiommu_pvt_batch_end(&clock.batch);
	return ret != 0 ? ret : ended;
}

int
uiommu_domain_evict(struct uiommu_domain *domain, uint32_t nb_pages, uint32_t *evicted)
{
	struct uiommu_paging *paging = uiommu_pvt_paging_of(domain);
	uint64_t gone = 0;
	int ret;

	if (evicted != NULL)
		*evicted = 0;
	if (paging == NULL || !paging->demand)
		return -EINVAL;
	ret = uiommu_pvt_lock(paging->unit);
	if (ret != 0)
		return ret;
	if (uiommu_pvt_state(paging->unit) == UIOMMU_DEV_FAILED)
		ret = -EIO;
	else
		ret = evict_locked(paging, nb_pages, &gone);
	uiommu_pvt_unlock(paging->unit);
	if (evicted != NULL)
		*evicted = (uint32_t)RTE_MIN(gone, (uint64_t)UINT32_MAX);
	return ret;
}
