/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGPOOL_PVT_H
#define PGPOOL_PVT_H

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

/* No page: the end of a chain. Indices of pages stay below 2^31. */
#define PGPOOL_NONE UINT32_MAX
/* In next[]: no memory was added there. */
#define PGPOOL_ABSENT (UINT32_MAX - 1)

/* Addresses for the unit: what an entry of any format can hold. */
#define PGPOOL_PA_BITS 52

#define PGPOOL_FRAME_SIZE (UINT64_C(1) << UIOMMU_PGPOOL_FRAME_SHIFT)

/* Where a frame is, by its number. va = pa + delta, modulo 2^64. */
struct pgpool_frame {
	uint64_t pa;
	uint64_t delta;
};

/* Where a frame is, by its address: a slot of the hash. */
struct pgpool_slot {
	uint64_t key; /* address, number and the valid bit: pgpool_key(); 0: free */
	uint64_t delta;
};

#define PGPOOL_KEY_VALID UINT64_C(1)
#define PGPOOL_KEY_FRAME_SHIFT 1
#define PGPOOL_KEY_PA_SHIFT 23

struct uiommu_pgpool {
	/* what walks read: written while memory is added, and hardly ever */
	uint64_t delta;	 /* of the first memory added */
	uint32_t linear; /* 1: it is the same for all */
	uint32_t page_shift;
	uint32_t frame_shift; /* log2 of pages in a frame */
	uint32_t hash_shift;  /* 64 - log2 of slots */
	uint32_t hash_mask;
	uint32_t frames_max;
	struct pgpool_slot *slots;
	struct pgpool_frame *frames;
	uint32_t *next; /* of each page: the one after it in the chain that it is in */
	uint32_t nb_frames;
	uint32_t nb_pages;
	/* what takes and gives write */
	_Alignas(64) uint64_t head; /* tag in the upper half, index of the first free page */
	uint32_t nb_used;
};

/* Slow look-ups, in the hash; pgpool.c. */
void *
uiommu_pvt_pgpool_va(const struct uiommu_pgpool *pool, uint64_t pa);
uint32_t
uiommu_pvt_pgpool_index(const struct uiommu_pgpool *pool, uint64_t pa);
void
uiommu_pvt_pgpool_put_index(struct uiommu_pgpool *pool, uint32_t index);

/*
 * Address of a table that an entry leads to: the entry was loaded with acquire, so whatever
 * uiommu_pgpool_add() wrote before it let go of the page is seen.
 */
static inline void *
pgpool_va(const struct uiommu_pgpool *pool, uint64_t pa)
{
	if (__atomic_load_n(&pool->linear, __ATOMIC_RELAXED) != 0)
		return (void *)(uintptr_t)(pa + pool->delta);
	return uiommu_pvt_pgpool_va(pool, pa);
}

#endif /* PGPOOL_PVT_H */
