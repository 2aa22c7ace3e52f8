/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Pages on their way out of a domain: see region_pvt.h for the order that this keeps. */

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "mirror_pvt.h"
#include "region_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SHIFT 12
/* Entries that are given up in one call. */
#define COMMIT_MAX 64
/* Empty tables are looked for in whole blocks of this size around what went. */
#define TRIM_BLOCK (UINT64_C(1) << 30)

static uint8_t
size_shift(uint64_t size)
{
	return (uint8_t)__builtin_ctzll(size);
}

/* ------------------------------------------------------------------------ collect */

int
uiommu_pvt_batch_reserve(struct uiommu_batch *batch)
{
	if (batch->block != NULL)
		return 0;
	batch->block = rte_zmalloc_socket("uiommu_batch", sizeof(*batch->block),
					  RTE_CACHE_LINE_SIZE,
					  batch->paging->unit->dev.platform.socket_id);
	return batch->block != NULL ? 0 : -ENOMEM;
}

static void
item_count(struct uiommu_batch *batch, const struct uiommu_outgoing *item)
{
	const uint64_t size = UINT64_C(1) << item->shift;
	const struct uiommu_pgtable_range *last = NULL;

	batch->pages += size >> PAGE_SHIFT;
	if (batch->went.nb_ranges != 0)
		last = &batch->went.ranges[batch->went.nb_ranges - 1];
	if (last == NULL || item->iova - last->iova >= last->len)
		uiommu_pgtable_gather_add(&batch->went, item->iova & ~(TRIM_BLOCK - 1),
					  RTE_MAX(size, TRIM_BLOCK));
}

/* Called for each leaf that went. */
static void
leaf_take(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct uiommu_batch *batch = priv;
	struct uiommu_outgoing_block *block = batch->block;
	struct uiommu_region *region = batch->region;
	const uint8_t leaf_shift = size_shift(leaf->size);
	const uint8_t shift = region->type == UIOMMU_BACKING_CALLBACK &&
					      region->page_shift > leaf_shift ?
				      region->page_shift : leaf_shift;
	const uint64_t iova = leaf->iova & ~((UINT64_C(1) << shift) - 1);
	const bool dirty = uiommu_pvt_leaf_dirty(batch->paging, region, leaf);
	struct uiommu_outgoing *item = block->nb != 0 ? &block->item[block->nb - 1] : NULL;

	/* a large page whose leaf was split comes as many leaves */
	if (item != NULL && item->region == region && item->iova == iova) {
		item->leaf_shift = leaf_shift;
		item->dirty |= dirty;
		return;
	}
	item = &block->item[block->nb++];
	*item = (struct uiommu_outgoing){
		.region = region,
		.iova = iova,
		.pa = leaf->pa - (leaf->iova - iova),
		.shift = shift,
		.leaf_shift = leaf_shift,
		.dirty = dirty,
		.is_frame = region->type != UIOMMU_BACKING_CALLBACK &&
			    uiommu_pvt_leaf_is_frame(batch->paging, leaf->pa),
	};
	item_count(batch, item);
}

int
uiommu_pvt_batch_unmap(struct uiommu_batch *batch, struct uiommu_region *region, uint64_t iova,
		       uint64_t len, uint64_t *unmapped)
{
	uint64_t bytes = 0;
	int ret;

	batch->region = region;
	ret = uiommu_pgtable_unmap(batch->paging->pt, iova, len, UIOMMU_UNMAP_BUSY, &batch->gather,
				   leaf_take, batch, &bytes);
	*unmapped += bytes;
	return ret;
}

/* ---------------------------------------------------------------------- give back */

static bool
is_callback(const struct uiommu_outgoing *item)
{
	return item->region->type == UIOMMU_BACKING_CALLBACK;
}

/* Items from i on that one put() takes: of one region, ascending. */
static uint32_t
run_length(const struct uiommu_outgoing_block *block, uint32_t i)
{
	uint32_t n = 1;

	while (i + n < block->nb && block->item[i + n].region == block->item[i].region &&
	       block->item[i + n].iova > block->item[i + n - 1].iova)
		n++;
	return n;
}

static void
pages_fill(struct uiommu_batch *batch)
{
	struct uiommu_outgoing_block *block = batch->block;
	uint32_t i;

	batch->dirty_pages = 0;
	for (i = 0; i < block->nb; i++) {
		const struct uiommu_outgoing *item = &block->item[i];

		block->page[i] = (struct uiommu_backing_page){
			.offset = item->iova - item->region->iova,
			.pa = item->pa,
			.dirty = item->dirty,
		};
		if (item->dirty)
			batch->dirty_pages += UINT64_C(1) << (item->shift - PAGE_SHIFT);
	}
}

/* Add to the users of the regions of all items: they stay while the lock is let go of. */
static void
regions_pin(struct uiommu_outgoing_block *block, int32_t n)
{
	uint32_t i;

	for (i = 0; i < block->nb; i += run_length(block, i))
		block->item[i].region->users += (uint32_t)n;
}

static void
callbacks_put(struct uiommu_outgoing_block *block)
{
	uint32_t i, n;

	for (i = 0; i < block->nb; i += n) {
		const struct uiommu_region *region = block->item[i].region;

		n = run_length(block, i);
		if (is_callback(&block->item[i]))
			region->ops->put(region->priv, &block->page[i], n);
	}
}

/* Pages of the unit. Number that count for the budget, with those of applications. */
static uint64_t
frames_put(struct uiommu_paging *paging, const struct uiommu_outgoing_block *block)
{
	uint64_t nb = 0;
	uint32_t i;

	for (i = 0; i < block->nb; i++) {
		const struct uiommu_outgoing *item = &block->item[i];

		if (item->is_frame)
			uiommu_pgpool_put(paging->unit->frame_pool, item->pa);
		if (item->is_frame || is_callback(item))
			nb += UINT64_C(1) << (item->shift - PAGE_SHIFT);
	}
	return nb;
}

static bool
has_callbacks(const struct uiommu_outgoing_block *block)
{
	uint32_t i;

	for (i = 0; i < block->nb; i++)
		if (is_callback(&block->item[i]))
			return true;
	return false;
}

/* ----------------------------------------------------------------- absent for faults */

/* A leaf of a large page that was split; its entries were all there, so they are all ours. */
static void
split_leaf_absent(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct uiommu_paging *paging = priv;
	const uint64_t none = UIOMMU_PA_NONE;

	if (leaf->busy)
		uiommu_pgtable_commit(paging->pt, leaf->iova, size_shift(leaf->size), 1, &none, 0);
}

/* Items from i on whose entries are neighbours. */
static uint32_t
neighbours(const struct uiommu_outgoing_block *block, uint32_t i)
{
	const struct uiommu_outgoing *item = &block->item[i];
	uint32_t n = 1;

	while (i + n < block->nb && n < COMMIT_MAX && item[n].shift == item[0].shift &&
	       item[n].leaf_shift == item[n].shift &&
	       item[n].iova == item[0].iova + ((uint64_t)n << item[0].shift))
		n++;
	return n;
}

static void
entries_absent(struct uiommu_paging *paging, const struct uiommu_outgoing_block *block)
{
	uint64_t none[COMMIT_MAX];
	uint32_t i, n;

	memset(none, 0xff, sizeof(none)); /* UIOMMU_PA_NONE */
	for (i = 0; i < block->nb; i += n) {
		const struct uiommu_outgoing *item = &block->item[i];

		n = 1;
		if (item->leaf_shift != item->shift) {
			uiommu_pgtable_iterate(paging->pt, item->iova, UINT64_C(1) << item->shift,
					       split_leaf_absent, paging);
			continue;
		}
		n = neighbours(block, i);
		uiommu_pgtable_commit(paging->pt, item->iova, item->shift, n, none, 0);
	}
}

/* ---------------------------------------------------------------------------- batches */

/* Nobody reaches the pages any more. */
static void
items_give(struct uiommu_batch *batch, bool keep_lock)
{
	struct uiommu_outgoing_block *block = batch->block;
	struct uiommu_paging *paging = batch->paging;

	pages_fill(batch);
	if (has_callbacks(block)) {
		regions_pin(block, 1);
		if (!keep_lock)
			uiommu_pvt_unlock(paging->unit);
		callbacks_put(block);
		/* not inside a handler: the lock was taken before */
		if (!keep_lock)
			(void)uiommu_pvt_lock(paging->unit);
		regions_pin(block, -1);
	}
	uiommu_pvt_resident_give(paging, frames_put(paging, block));
	entries_absent(paging, block);
	block->nb = 0;
	batch->pages = 0;
}

/* The unit may still reach the pages: keep them. It may have written them meanwhile. */
static void
items_strand(struct uiommu_batch *batch)
{
	struct uiommu_outgoing_block *block = batch->block;
	uint32_t i;

	for (i = 0; i < block->nb; i++)
		block->item[i].dirty |= (block->item[i].region->prot & UIOMMU_PROT_WRITE) != 0;
	block->next = batch->paging->stranded;
	batch->paging->stranded = block;
	batch->block = NULL;
	batch->pages = 0;
}

/* What is gathered may be wider than what went: a mirrored table is told of the items. */
static int
items_forget(struct uiommu_paging *paging, const struct uiommu_outgoing_block *block)
{
	struct uiommu_mirror_ranges ranges = {.paging = paging};
	uint32_t i;

	for (i = 0; i < block->nb; i++)
		uiommu_pvt_mirror_ranges_add(&ranges, block->item[i].iova,
					     UINT64_C(1) << block->item[i].shift);
	return uiommu_pvt_mirror_ranges_end(&ranges);
}

int
uiommu_pvt_batch_finish(struct uiommu_batch *batch)
{
	struct uiommu_paging *paging = batch->paging;
	int ret = uiommu_pvt_paging_flush(paging->domain, &batch->gather);

	uiommu_pgtable_gather_init(&batch->gather);
	if (paging->mirror && batch->block != NULL && ret == 0)
		ret = items_forget(paging, batch->block);
	if (batch->block == NULL || batch->block->nb == 0)
		return ret;
	/*
	 * Who looked a page up before may be about to map it again, with more access. Its entry is
	 * busy until he has gone.
	 */
	if (ret == 0)
		ret = uiommu_pvt_paging_grace(paging);
	if (ret == 0)
		items_give(batch, false);
	else
		items_strand(batch);
	return ret;
}

/* The unit works again, perhaps: what it may still reach is invalidated once more. */
static int
stranded_finish(struct uiommu_batch *batch)
{
	struct uiommu_paging *paging = batch->paging;
	uint32_t i;
	int ret = 0;

	while (paging->stranded != NULL && ret == 0) {
		struct uiommu_outgoing_block *block = paging->stranded;

		paging->stranded = block->next;
		batch->block = block;
		for (i = 0; i < block->nb; i++) {
			item_count(batch, &block->item[i]);
			uiommu_pgtable_gather_add(&batch->gather, block->item[i].iova,
						  UINT64_C(1) << block->item[i].shift);
		}
		ret = uiommu_pvt_batch_finish(batch);
		rte_free(batch->block);
		batch->block = NULL;
	}
	return ret;
}

int
uiommu_pvt_batch_begin(struct uiommu_batch *batch, struct uiommu_paging *paging)
{
	memset(batch, 0, sizeof(*batch));
	batch->paging = paging;
	uiommu_pgtable_gather_init(&batch->gather);
	uiommu_pgtable_gather_init(&batch->went);
	paging->evicting++;
	return stranded_finish(batch);
}

/* Tables around what went that are empty now. */
static int
tables_trim(struct uiommu_batch *batch)
{
	struct uiommu_paging *paging = batch->paging;
	uint32_t i, nb = 0;

	for (i = 0; i < batch->went.nb_ranges; i++) {
		const struct uiommu_pgtable_range *range = &batch->went.ranges[i];

		if (uiommu_pgtable_reaches(paging->pt, range->iova, range->len))
			nb += uiommu_pgtable_trim(paging->pt, range->iova, range->len,
						  &batch->gather);
	}
	return nb != 0 ? uiommu_pvt_paging_flush(paging->domain, &batch->gather) : 0;
}

int
uiommu_pvt_batch_end(struct uiommu_batch *batch)
{
	int ret = tables_trim(batch);

	batch->paging->evicting--;
	rte_free(batch->block);
	batch->block = NULL;
	return ret;
}

void
uiommu_pvt_batch_fini(struct uiommu_paging *paging)
{
	struct uiommu_batch batch = {.paging = paging};

	while (paging->stranded != NULL) {
		batch.block = paging->stranded;
		paging->stranded = batch.block->next;
		items_give(&batch, true);
		rte_free(batch.block);
	}
}
