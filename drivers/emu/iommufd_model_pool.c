/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Memory of the kernel's side: pieces of one size, and arrays that grow.
 */

#include <string.h>

#include "iommufd_model.h"

#define CHUNK_HEAD RTE_ALIGN_CEIL(sizeof(struct iommufd_model_chunk), 64)

void *
iommufd_model_pool_take(struct iommufd_model_pool *pool, int socket_id)
{
	struct iommufd_model_chunk *chunk;
	uint8_t *piece;
	unsigned int i;

	if (pool->free == NULL) {
		chunk = emu_alloc(CHUNK_HEAD + IOMMUFD_MODEL_CHUNK * pool->size, socket_id);
		if (chunk == NULL)
			return NULL;
		chunk->next = pool->chunks;
		pool->chunks = chunk;
		for (i = IOMMUFD_MODEL_CHUNK; i-- > 0;) {
			piece = (uint8_t *)chunk + CHUNK_HEAD + i * pool->size;
			iommufd_model_pool_give(pool, piece);
		}
	}
	piece = pool->free;
	pool->free = *(void **)piece;
	return piece;
}

void
iommufd_model_pool_give(struct iommufd_model_pool *pool, void *piece)
{
	*(void **)piece = pool->free;
	pool->free = piece;
}

void
iommufd_model_pool_fini(struct iommufd_model_pool *pool)
{
	struct iommufd_model_chunk *chunk;

	while ((chunk = pool->chunks) != NULL) {
		pool->chunks = chunk->next;
		emu_free(chunk);
	}
	pool->free = NULL;
}

bool
iommufd_model_grow(void **array, size_t item, uint32_t nb, uint32_t more)
{
	void *mem = emu_alloc(((size_t)nb + more) * item, SOCKET_ID_ANY);

	if (mem == NULL)
		return false;
	if (nb > 0)
		memcpy(mem, *array, nb * item);
	emu_free(*array);
	*array = mem;
	return true;
}
