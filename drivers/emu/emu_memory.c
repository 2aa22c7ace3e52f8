/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * DMA memory of an emulated unit. "Physical" addresses are virtual ones, so contiguous memory is
 * all that is needed of EAL. Every page handed out is known, so that the model can tell an
 * address that it finds in a table from a wild one. Tables come by the thousand and memzones are
 * few: small pieces are cut out of larger ones. Nothing goes back to EAL before the unit
 * is closed, so that following a stale pointer is a counted fault and not a crash.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_memzone.h>

#include "emu_pvt.h"

#define CHUNK_PAGES 512
#define CHUNK_PAGES_POOR 64
/* Largest piece that is cut off a chunk; larger ones have a memzone of their own. */
#define PIECE_PAGES_MAX 64
#define CHUNK_ALIGN (PIECE_PAGES_MAX * EMU_PAGE_SIZE)

void *
emu_alloc(size_t size, int socket_id)
{
	void *mem = rte_zmalloc_socket("uiommu_emu", size, 64, socket_id);

	if (mem == NULL && socket_id != SOCKET_ID_ANY)
		mem = rte_zmalloc_socket("uiommu_emu", size, 64, SOCKET_ID_ANY);
	return mem;
}

void
emu_free(void *mem)
{
	rte_free(mem);
}

static const struct rte_memzone *
memzone_take(size_t size, size_t align, int socket_id)
{
	static uint32_t serial;
	const struct rte_memzone *mz;
	char name[RTE_MEMZONE_NAMESIZE];

	snprintf(name, sizeof(name), "uiommu_emu_%u",
		 __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
	mz = rte_memzone_reserve_aligned(name, size, socket_id, 0, align);
	if (mz == NULL && socket_id != SOCKET_ID_ANY)
		mz = rte_memzone_reserve_aligned(name, size, SOCKET_ID_ANY, 0, align);
	return mz;
}

static struct emu_chunk *
chunk_append(struct emu_memory *memory, uintptr_t base, size_t pages, const void *mz)
{
	struct emu_chunk *chunk;

	if (memory->nb_chunks == EMU_CHUNKS_MAX)
		return NULL;
	chunk = &memory->chunks[memory->nb_chunks];
	*chunk = (struct emu_chunk){
		.base = base, .pages = pages, .gaps = pages, .memzone = mz,
	};
	chunk->state = emu_alloc(pages, SOCKET_ID_ANY);
	if (chunk->state == NULL)
		return NULL;
	/* pairs with the acquire load in chunk_find() */
	__atomic_store_n(&memory->nb_chunks, memory->nb_chunks + 1, __ATOMIC_RELEASE);
	return chunk;
}

static struct emu_chunk *
chunk_new(struct emu_memory *memory, size_t pages, size_t align, int socket_id)
{
	const struct rte_memzone *mz = memzone_take(pages << EMU_PAGE_SHIFT, align, socket_id);
	struct emu_chunk *chunk;

	if (mz == NULL)
		return NULL;
	chunk = chunk_append(memory, (uintptr_t)mz->addr, pages, mz);
	if (chunk == NULL)
		rte_memzone_free(mz);
	return chunk;
}

/* Pages that are all in use, or none of them, change over. */
static void
chunk_mark(struct emu_chunk *chunk, size_t first, size_t pages, enum emu_page_state state)
{
	size_t i;

	if (state == EMU_PAGE_FREED)
		__atomic_fetch_add(&chunk->gaps, pages, __ATOMIC_RELEASE);
	for (i = first; i < first + pages; i++)
		__atomic_store_n(&chunk->state[i], (uint8_t)state, __ATOMIC_RELEASE);
	if (state == EMU_PAGE_USED)
		__atomic_fetch_sub(&chunk->gaps, pages, __ATOMIC_RELEASE);
}

static void
pages_mark(struct emu_memory *memory, uintptr_t va, size_t pages, enum emu_page_state state)
{
	struct emu_chunk *chunk;
	uint32_t i;

	for (i = 0; i < memory->nb_chunks; i++) {
		chunk = &memory->chunks[i];
		if (va - chunk->base >= chunk->pages << EMU_PAGE_SHIFT)
			continue;
		chunk_mark(chunk, (va - chunk->base) >> EMU_PAGE_SHIFT, pages, state);
		return;
	}
}

/* Cut naturally aligned pieces off the newest chunk. */
static uintptr_t
piece_cut(struct emu_memory *memory, size_t pages, int socket_id)
{
	struct emu_chunk *chunk = NULL;
	size_t first;
	uint32_t i;

	for (i = memory->nb_chunks; i-- > 0;) {
		chunk = &memory->chunks[i];
		if (chunk->memzone != NULL && chunk->used < chunk->pages &&
		    RTE_ALIGN_CEIL(chunk->used, pages) + pages <= chunk->pages)
			break;
		chunk = NULL;
	}
	if (chunk == NULL)
		chunk = chunk_new(memory, CHUNK_PAGES, CHUNK_ALIGN, socket_id);
	if (chunk == NULL)
		chunk = chunk_new(memory, CHUNK_PAGES_POOR, CHUNK_ALIGN, socket_id);
	if (chunk == NULL)
		return 0;
	first = RTE_ALIGN_CEIL(chunk->used, pages);
	chunk->used = first + pages;
	return chunk->base + (first << EMU_PAGE_SHIFT);
}

static unsigned int
class_of(size_t pages)
{
	return pages <= 1 ? 0 : 64 - (unsigned int)__builtin_clzll(pages - 1);
}

/* A freed piece of the class that has the alignment. */
static uintptr_t
piece_reuse(struct emu_memory *memory, unsigned int class, size_t align)
{
	uintptr_t *link = &memory->free_list[class];
	uintptr_t va;

	while (*link != 0 && (*link & (align - 1)) != 0)
		link = (uintptr_t *)*link;
	va = *link;
	if (va != 0)
		*link = *(uintptr_t *)va;
	return va;
}

void *
emu_memory_take(struct uiommu_emu *emu, size_t size, size_t align)
{
	struct emu_memory *memory = emu->memory;
	const unsigned int class = class_of((size + EMU_PAGE_SIZE - 1) >> EMU_PAGE_SHIFT);
	const size_t pages = (size_t)1 << class;
	struct emu_chunk *chunk;
	uintptr_t va;

	if (size == 0 || size > (size_t)1 << (EMU_CLASSES - 1 + EMU_PAGE_SHIFT))
		return NULL;
	align = RTE_MAX(align, EMU_PAGE_SIZE);
	emu_lock_take(&memory->lock);
	va = piece_reuse(memory, class, align);
	if (va == 0 && pages <= PIECE_PAGES_MAX && align <= pages << EMU_PAGE_SHIFT) {
		va = piece_cut(memory, pages, emu->socket_id);
	} else if (va == 0) {
		chunk = chunk_new(memory, pages, align, emu->socket_id);
		if (chunk != NULL) {
			chunk->used = pages;
			va = chunk->base;
		}
	}
	if (va != 0) {
		memset((void *)va, 0, pages << EMU_PAGE_SHIFT);
		pages_mark(memory, va, pages, EMU_PAGE_USED);
	}
	emu_lock_drop(&memory->lock);
	return (void *)va;
}

void
emu_memory_give(struct uiommu_emu *emu, void *va, size_t size)
{
	struct emu_memory *memory = emu->memory;
	const unsigned int class = class_of((size + EMU_PAGE_SIZE - 1) >> EMU_PAGE_SHIFT);

	emu_lock_take(&memory->lock);
	pages_mark(memory, (uintptr_t)va, (size_t)1 << class, EMU_PAGE_FREED);
	__atomic_fetch_add(&memory->freed, 1, __ATOMIC_RELEASE);
	*(uintptr_t *)va = memory->free_list[class];
	memory->free_list[class] = (uintptr_t)va;
	emu_lock_drop(&memory->lock);
}

void
emu_memory_fini(struct emu_memory *memory)
{
	uint32_t i;

	for (i = 0; i < memory->nb_chunks; i++) {
		emu_free(memory->chunks[i].state);
		if (memory->chunks[i].memzone != NULL)
			rte_memzone_free(memory->chunks[i].memzone);
	}
}

static bool
is_in(const struct emu_chunk *chunk, uint64_t pa, size_t size)
{
	return pa >= chunk->base &&
	       (pa + size - 1 - chunk->base) >> EMU_PAGE_SHIFT < chunk->pages;
}

/* Most addresses are where their neighbours were. @return NULL: in no chunk */
static const struct emu_chunk *
chunk_find(struct emu_memory *memory, uint64_t pa, size_t size)
{
	/* pairs with the release store in chunk_append() */
	const uint32_t nb = __atomic_load_n(&memory->nb_chunks, __ATOMIC_ACQUIRE);
	uint16_t *hint = &memory->hints[(pa >> EMU_HINT_SHIFT) % EMU_HINTS];
	uint32_t c = __atomic_load_n(hint, __ATOMIC_RELAXED);

	if (c < nb && is_in(&memory->chunks[c], pa, size))
		return &memory->chunks[c];
	for (c = 0; c < nb; c++)
		if (is_in(&memory->chunks[c], pa, size)) {
			__atomic_store_n(hint, (uint16_t)c, __ATOMIC_RELAXED);
			return &memory->chunks[c];
		}
	return NULL;
}

/* State of all pages of a range: the worst of them. */
static enum emu_page_state
range_state(struct emu_memory *memory, uint64_t pa, size_t size)
{
	const struct emu_chunk *chunk = chunk_find(memory, pa, size);
	size_t last, i;
	uint8_t state;

	if (chunk == NULL)
		return EMU_PAGE_NONE;
	last = (pa + size - 1 - chunk->base) >> EMU_PAGE_SHIFT;
	for (i = (pa - chunk->base) >> EMU_PAGE_SHIFT; i <= last; i++) {
		state = __atomic_load_n(&chunk->state[i], __ATOMIC_ACQUIRE);
		if (state != EMU_PAGE_USED)
			return (enum emu_page_state)state;
	}
	return EMU_PAGE_USED;
}

void
emu_memory_whole(struct uiommu_emu *emu, uint64_t pa, uint64_t *base, uint64_t *size)
{
	const struct emu_chunk *chunk = chunk_find(emu->memory, pa, EMU_PAGE_SIZE);

	/* pairs with the release stores in chunk_mark() */
	if (chunk == NULL || __atomic_load_n(&chunk->gaps, __ATOMIC_ACQUIRE) != 0)
		return;
	*base = chunk->base;
	*size = (uint64_t)chunk->pages << EMU_PAGE_SHIFT;
}

bool
emu_memory_is_used(struct uiommu_emu *emu, uint64_t pa, size_t size)
{
	return range_state(emu->memory, pa, size) == EMU_PAGE_USED;
}

void *
emu_memory_at(struct uiommu_emu *emu, uint64_t pa, size_t size)
{
	const enum emu_page_state state = range_state(emu->memory, pa, size);

	if (state == EMU_PAGE_FREED)
		emu_violation(emu, &emu->live.protocol,
			      "memory at 0x%" PRIx64 " used by the unit after it was freed", pa);
	return state == EMU_PAGE_USED ? (void *)(uintptr_t)pa : NULL;
}

int
uiommu_emu_memory_add(struct uiommu_emu *emu, void *va, size_t size)
{
	struct emu_memory *memory = emu->memory;
	struct emu_chunk *chunk;

	if (va == NULL || size == 0 || (((uintptr_t)va | size) & (EMU_PAGE_SIZE - 1)) != 0)
		return -EINVAL;
	emu_lock_take(&memory->lock);
	chunk = chunk_append(memory, (uintptr_t)va, size >> EMU_PAGE_SHIFT, NULL);
	if (chunk != NULL)
		pages_mark(memory, (uintptr_t)va, chunk->pages, EMU_PAGE_USED);
	emu_lock_drop(&memory->lock);
	return chunk == NULL ? -ENOMEM : 0;
}
