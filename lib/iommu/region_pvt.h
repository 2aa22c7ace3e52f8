/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef REGION_PVT_H
#define REGION_PVT_H

/* What the files about regions share. All of it is control path, under the unit's lock. */

#include <stdbool.h>
#include <stdint.h>

#include "paging_pvt.h"

/* ----------------------------------------------------------------- backing.c */

/* Whether a backing can be behind a region. 0, -EINVAL or -ENOTSUP. No lock is needed. */
int
uiommu_pvt_backing_check(const struct uiommu_paging *paging, uint64_t iova, uint64_t len,
			 const struct uiommu_backing *backing, uint32_t prot);
/* Fill a region from a backing that was checked: memory is there afterwards. No lock is needed. */
int
uiommu_pvt_backing_open(struct uiommu_region *region, const struct uiommu_backing *backing);
/* MEMORY, FILE: where the unit finds it. Lock held. */
int
uiommu_pvt_backing_locate(struct uiommu_region *region);
/* Undo the two above; also where they failed. No lock is needed. */
void
uiommu_pvt_backing_close(struct uiommu_region *region);

/* ------------------------------------------------------------ backing_file.c */

/* Map a file, resident. Sets va, page_shift, file_map and file_len. */
int
uiommu_pvt_file_open(struct uiommu_region *region, const struct uiommu_backing *backing);
void
uiommu_pvt_file_close(struct uiommu_region *region);

/* Log2 of the largest page size of ours, up to page_size, that start is a multiple of. */
static inline uint8_t
uiommu_pvt_page_shift(uint64_t page_size, uint64_t start)
{
	if (page_size >= UINT64_C(1) << 30 && (start & ((UINT64_C(1) << 30) - 1)) == 0)
		return 30;
	if (page_size >= UINT64_C(1) << 21 && (start & ((UINT64_C(1) << 21) - 1)) == 0)
		return 21;
	return 12;
}

/* ------------------------------------------------------------------ region.c */

/* Free a region that nobody finds any more, and let go of what is behind it. No lock is needed. */
void
uiommu_pvt_region_free(struct uiommu_region *region);

/* ------------------------------------------------------------- evict_batch.c */

/*
 * Pages on their way out. Their leaves are unmapped and busy: to the unit they are absent, and no
 * fault brings them back. Then the unit forgets them, all with one wait; then whoever was
 * in the middle of a look at the table has gone; then they are given back, and only then
 * their entries are absent for faults, too.
 */
#define UIOMMU_BATCH_ITEMS 1024

/* A page of a backing; of COW and ANON, a leaf. */
struct uiommu_outgoing {
	struct uiommu_region *region;
	uint64_t iova;
	uint64_t pa;
	uint8_t shift;      /* log2 of its size */
	uint8_t leaf_shift; /* of the leaves that it was mapped by: its own, or smaller */
	bool dirty;
	bool is_frame;      /* a page of the unit */
};

struct uiommu_outgoing_block {
	struct uiommu_outgoing_block *next; /* in uiommu_paging::stranded */
	uint32_t nb;
	struct uiommu_outgoing item[UIOMMU_BATCH_ITEMS];
	struct uiommu_backing_page page[UIOMMU_BATCH_ITEMS]; /* as put() is told */
};

struct uiommu_batch {
	struct uiommu_paging *paging;
	struct uiommu_outgoing_block *block; /* NULL: not needed so far */
	struct uiommu_region *region;        /* whose leaves are being unmapped */
	struct uiommu_pgtable_gather gather; /* also of what is unmapped besides */
	uint64_t pages;                      /* of 4 KiB, in block */
	uint64_t dirty_pages;
	struct uiommu_pgtable_gather went;   /* where tables may be empty now; only its ranges */
};

/* Begin: pages that an earlier failure of the unit has left are given back first. */
int
uiommu_pvt_batch_begin(struct uiommu_batch *batch, struct uiommu_paging *paging);
/* Memory for items is there. 0 or -ENOMEM. */
int
uiommu_pvt_batch_reserve(struct uiommu_batch *batch);
/* Items that there is room for. */
static inline uint32_t
uiommu_pvt_batch_room(const struct uiommu_batch *batch)
{
	return batch->block != NULL ? UIOMMU_BATCH_ITEMS - batch->block->nb : UIOMMU_BATCH_ITEMS;
}
/*
 * Unmap a range of a region whose pages go back. There is room for as many items as it has leaves,
 * and pages are not cut in two. As uiommu_pgtable_unmap().
 */
int
uiommu_pvt_batch_unmap(struct uiommu_batch *batch, struct uiommu_region *region, uint64_t iova,
		       uint64_t len, uint64_t *unmapped);
/*
 * Invalidate and give back; the lock is let go of meanwhile where an application is called. After
 * an error the items are kept until the domain goes or the unit works again.
 */
int
uiommu_pvt_batch_finish(struct uiommu_batch *batch);
/* The end, after the last finish(): tables that have become empty go. */
int
uiommu_pvt_batch_end(struct uiommu_batch *batch);
/* The domain goes: give back what is stranded, with the lock held. */
void
uiommu_pvt_batch_fini(struct uiommu_paging *paging);

/* Whether what a leaf leads to may have been written. */
static inline bool
uiommu_pvt_leaf_dirty(const struct uiommu_paging *paging, const struct uiommu_region *region,
		      const struct uiommu_pgtable_leaf *leaf)
{
	if (leaf->dirty || (!paging->tracks && (leaf->prot & UIOMMU_PROT_WRITE) != 0))
		return true;
	return paging->dirty_unknown && (region->prot & UIOMMU_PROT_WRITE) != 0;
}

/* Whether a leaf leads to a page of the unit. */
static inline bool
uiommu_pvt_leaf_is_frame(const struct uiommu_paging *paging, uint64_t pa)
{
	return paging->unit->frame_pool != NULL &&
	       uiommu_pgpool_va(paging->unit->frame_pool, pa) != NULL;
}

/* ------------------------------------------------------------ region_unmap.c */

/* Unmap all of a region that faults do not find any more. Lock held; it is let go of. */
int
uiommu_pvt_region_unmap(struct uiommu_region *region);

#endif /* REGION_PVT_H */
