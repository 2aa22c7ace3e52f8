/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Pages of a unit: for tables, and for what devices write. All of them are taken at configure. */

#include <errno.h>

#include <rte_malloc.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE ((size_t)1 << PAGE_SHIFT)
/*
 * What is asked of the platform at a time: a frame of a pool, which is one hugepage, less what an
 * allocator keeps for itself in front of it. Two hugepages that lie together may not be had.
 */
#define PIECE_PAGES ((1U << (UIOMMU_PGPOOL_FRAME_SHIFT - PAGE_SHIFT)) - 4)

static int
piece_add(struct uiommu_unit *unit, struct uiommu_pgpool *pool, struct uiommu_dma *piece,
	  uint32_t pages)
{
	const size_t size = (size_t)pages << PAGE_SHIFT;
	int ret = uiommu_dma_alloc(&unit->dev.platform, size, PAGE_SIZE, piece);

	return ret != 0 ? ret : uiommu_pgpool_add(pool, piece->va, piece->pa, size);
}

static int
pool_fill(struct uiommu_unit *unit, struct uiommu_pgpool *pool, struct uiommu_pool_memory *memory,
	  uint32_t nb_pages)
{
	int ret = 0;

	while (nb_pages > 0 && ret == 0) {
		uint32_t pages = RTE_MIN(nb_pages, PIECE_PAGES);

		ret = piece_add(unit, pool, &memory->piece[memory->nb_pieces++], pages);
		nb_pages -= pages;
	}
	return ret;
}

static int
pool_create(struct uiommu_unit *unit, uint32_t nb_pages, struct uiommu_pgpool **pool,
	    struct uiommu_pool_memory *memory)
{
	const uint32_t nb_pieces = (nb_pages + PIECE_PAGES - 1) / PIECE_PAGES;
	/* a piece that is not aligned lies in two frames */
	const uint32_t frames_max = 2 * nb_pieces;
	const int socket_id = unit->dev.platform.socket_id;
	void *mem;

	mem = rte_zmalloc_socket("uiommu_pool", uiommu_pgpool_size(frames_max, PAGE_SHIFT),
				 RTE_CACHE_LINE_SIZE, socket_id);
	memory->piece = rte_calloc_socket("uiommu_pool", nb_pieces, sizeof(memory->piece[0]), 0,
					  socket_id);
	if (mem != NULL)
		*pool = uiommu_pgpool_init(mem, frames_max, PAGE_SHIFT);
	if (*pool == NULL || memory->piece == NULL) {
		if (*pool == NULL)
			rte_free(mem);
		return -ENOMEM;
	}
	return pool_fill(unit, *pool, memory, nb_pages);
}

static void
pool_destroy(struct uiommu_unit *unit, struct uiommu_pgpool **pool,
	     struct uiommu_pool_memory *memory)
{
	uint32_t i;

	for (i = 0; i < memory->nb_pieces && !unit->dev.walks_on; i++)
		uiommu_dma_free(&unit->dev.platform, &memory->piece[i]);
	rte_free(memory->piece);
	memory->piece = NULL;
	memory->nb_pieces = 0;
	rte_free(*pool);
	*pool = NULL;
}

int
uiommu_pvt_pools_create(struct uiommu_unit *unit)
{
	int ret;

	if (unit->dev.ops->table_format == NULL)
		return 0;
	ret = pool_create(unit, unit->conf.table_pages, &unit->table_pool, &unit->table_memory);
	if (ret != 0 || unit->conf.frame_pages == 0)
		return ret;
	ret = pool_create(unit, unit->conf.frame_pages, &unit->frame_pool, &unit->frame_memory);
	if (ret == 0)
		ret = uiommu_dma_alloc(&unit->dev.platform, PAGE_SIZE, PAGE_SIZE, &unit->zero_page);
	return ret;
}

void
uiommu_pvt_pools_destroy(struct uiommu_unit *unit)
{
	if (!unit->dev.walks_on)
		uiommu_dma_free(&unit->dev.platform, &unit->zero_page);
	pool_destroy(unit, &unit->frame_pool, &unit->frame_memory);
	pool_destroy(unit, &unit->table_pool, &unit->table_memory);
}
