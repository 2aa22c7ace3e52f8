/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_MEM_H
#define UIOMMU_DRIVER_MEM_H

/**
 * @file
 * For drivers: pages for their tables, and identifiers that a unit has a bounded number of.
 * Control path; one thread at a time for each pool and each map.
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include <uiommu_driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a page of a pool. */
#define UIOMMU_PAGE_SIZE 4096
/** Pages taken from the platform at once. */
#define UIOMMU_PAGE_CHUNK 64

/** A page for a table. */
struct uiommu_page {
	void *va;
	uint64_t pa;
};

/** Pages of 4 KiB, carved out of larger pieces that stay until the end. */
struct uiommu_page_pool {
	struct uiommu_platform *plat;
	struct uiommu_dma *chunks;
	uint32_t nb_chunks;
	struct uiommu_page *pages; /**< stack of free ones */
	uint32_t nb_free;
	uint32_t nb_pages;         /**< in all, and size of the stack */
};

/* Take one more piece of memory, and make its pages free ones. */
static inline int
uiommu_page_pool_grow(struct uiommu_page_pool *pool)
{
	const int socket_id = pool->plat->socket_id;
	struct uiommu_dma *chunks, *chunk;
	struct uiommu_page *pages;
	uint32_t i;

	pages = (struct uiommu_page *)rte_realloc_socket(
		pool->pages, (pool->nb_pages + UIOMMU_PAGE_CHUNK) * sizeof(*pages), 0, socket_id);
	if (pages == NULL)
		return -ENOMEM;
	pool->pages = pages;
	chunks = (struct uiommu_dma *)rte_realloc_socket(
		pool->chunks, (pool->nb_chunks + 1) * sizeof(*chunks), 0, socket_id);
	if (chunks == NULL)
		return -ENOMEM;
	pool->chunks = chunks;
	chunk = &chunks[pool->nb_chunks];
	if (uiommu_dma_alloc(pool->plat, UIOMMU_PAGE_CHUNK * UIOMMU_PAGE_SIZE, UIOMMU_PAGE_SIZE,
			     chunk) != 0)
		return -ENOMEM;
	pool->nb_chunks++;
	pool->nb_pages += UIOMMU_PAGE_CHUNK;
	for (i = UIOMMU_PAGE_CHUNK; i-- > 0;) {
		pages[pool->nb_free].va = RTE_PTR_ADD(chunk->va, i * UIOMMU_PAGE_SIZE);
		pages[pool->nb_free++].pa = chunk->pa + i * UIOMMU_PAGE_SIZE;
	}
	return 0;
}

/** Take a page, zeroed. @return 0; -ENOMEM */
static inline int
uiommu_page_alloc(struct uiommu_page_pool *pool, struct uiommu_page *page)
{
	if (pool->nb_free == 0 && uiommu_page_pool_grow(pool) != 0)
		return -ENOMEM;
	*page = pool->pages[--pool->nb_free];
	memset(page->va, 0, UIOMMU_PAGE_SIZE);
	return 0;
}

/** Give a page back that was taken. */
static inline void
uiommu_page_free(struct uiommu_page_pool *pool, const struct uiommu_page *page)
{
	pool->pages[pool->nb_free++] = *page;
}

/** Free all memory of a pool, pages that are taken too, and clear it. */
static inline void
uiommu_page_pool_free(struct uiommu_page_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->nb_chunks; i++)
		uiommu_dma_free(pool->plat, &pool->chunks[i]);
	rte_free(pool->chunks);
	rte_free(pool->pages);
	memset(pool, 0, sizeof(*pool));
}

/** Which identifiers are in use: 1 to nb - 1; 0 is never given out. */
struct uiommu_id_map {
	uint64_t *used; /**< bit map */
	uint32_t nb;
	uint32_t next;  /**< where to look first: an id that was given back rests for a while */
};

/** @param nb number of values. @return 0; -ENOMEM */
static inline int
uiommu_id_map_init(struct uiommu_id_map *map, uint32_t nb, int socket_id)
{
	map->used = (uint64_t *)rte_zmalloc_socket(
		"uiommu_id_map", (nb + 63) / 64 * sizeof(*map->used), 0, socket_id);
	map->nb = nb;
	map->next = 1;
	return map->used != NULL ? 0 : -ENOMEM;
}

static inline void
uiommu_id_map_free(struct uiommu_id_map *map)
{
	rte_free(map->used);
	map->used = NULL;
}

/** @return an id; 0: all are in use */
static inline uint32_t
uiommu_id_alloc(struct uiommu_id_map *map)
{
	uint32_t i, at;

	for (i = 0; i < map->nb; i++) {
		at = (map->next + i) % map->nb;
		if (at == 0 || (map->used[at / 64] >> (at % 64) & 1) != 0)
			continue;
		map->used[at / 64] |= UINT64_C(1) << (at % 64);
		map->next = at + 1;
		return at;
	}
	return 0;
}

/** Give an id back; nothing for 0. */
static inline void
uiommu_id_free(struct uiommu_id_map *map, uint32_t id)
{
	if (id != 0)
		map->used[id / 64] &= ~(UINT64_C(1) << (id % 64));
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_MEM_H */
