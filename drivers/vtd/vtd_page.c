/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "vtd_pvt.h"

/** Pages taken from the platform at once. */
#define CHUNK_PAGES 64

/* Take one more piece of memory, and make its pages free ones. */
static int
pool_grow(struct vtd_page_pool *pool)
{
	int socket_id = pool->plat->socket_id;
	struct uiommu_dma *chunks, *chunk;
	struct vtd_page *pages;
	uint32_t i;

	pages = rte_realloc_socket(pool->pages, (pool->nb_pages + CHUNK_PAGES) * sizeof(*pages), 0,
				   socket_id);
	if (pages == NULL)
		return -ENOMEM;
	pool->pages = pages;
	chunks = rte_realloc_socket(pool->chunks, (pool->nb_chunks + 1) * sizeof(*chunks), 0,
				    socket_id);
	if (chunks == NULL)
		return -ENOMEM;
	pool->chunks = chunks;
	chunk = &chunks[pool->nb_chunks];
	if (uiommu_dma_alloc(pool->plat, CHUNK_PAGES * VTD_PAGE_SIZE, VTD_PAGE_SIZE, chunk) != 0)
		return -ENOMEM;
	pool->nb_chunks++;
	pool->nb_pages += CHUNK_PAGES;
	for (i = CHUNK_PAGES; i-- > 0;)
		pages[pool->nb_free++] = (struct vtd_page){
			.va = RTE_PTR_ADD(chunk->va, i * VTD_PAGE_SIZE),
			.pa = chunk->pa + i * VTD_PAGE_SIZE,
		};
	return 0;
}

int
vtd_page_alloc(struct vtd_page_pool *pool, struct vtd_page *page)
{
	if (pool->nb_free == 0 && pool_grow(pool) != 0)
		return -ENOMEM;
	*page = pool->pages[--pool->nb_free];
	memset(page->va, 0, VTD_PAGE_SIZE);
	return 0;
}

void
vtd_page_free(struct vtd_page_pool *pool, const struct vtd_page *page)
{
	pool->pages[pool->nb_free++] = *page;
}

void
vtd_page_pool_free(struct vtd_page_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->nb_chunks; i++)
		uiommu_dma_free(pool->plat, &pool->chunks[i]);
	rte_free(pool->chunks);
	rte_free(pool->pages);
	*pool = (struct vtd_page_pool){0};
}
