/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_MEMORY_H
#define EMU_MEMORY_H

/**
 * @file
 * DMA memory of an emulated unit, and memory of the model itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uiommu_emu;

#define EMU_PAGE_SHIFT 12
#define EMU_PAGE_SIZE ((size_t)1 << EMU_PAGE_SHIFT)
#define EMU_CHUNKS_MAX 2048

enum emu_page_state {
	EMU_PAGE_NONE = 0,
	EMU_PAGE_USED,
	EMU_PAGE_FREED,
};

/** A piece of memory out of which DMA memory is cut. Never given back before close. */
struct emu_chunk {
	uintptr_t base;
	size_t pages;
	size_t used;             /**< pages handed out from the front */
	size_t gaps;             /**< pages that are not EMU_PAGE_USED, atomic */
	const void *memzone;     /**< NULL: the caller's own (uiommu_emu_memory_add) */
	uint8_t *state;          /**< enum emu_page_state of each page, atomic */
};

#define EMU_CLASSES 20
/** Chunks are remembered by the bits of an address above this. */
#define EMU_HINT_SHIFT 21
#define EMU_HINTS 4096
struct emu_memory {
	struct emu_chunk chunks[EMU_CHUNKS_MAX];
	uint32_t nb_chunks;      /**< release: entries below are complete */
	uint32_t freed;          /**< counts dma_free, atomic */
	uintptr_t free_list[EMU_CLASSES]; /**< by log2 of pages, linked through their first word */
	uint16_t hints[EMU_HINTS]; /**< chunk that an address was last found in, atomic */
	int lock;
};

void
emu_memory_fini(struct emu_memory *memory);
/** Memory of the model itself, zeroed. */
void *
emu_alloc(size_t size, int socket_id);
void
emu_free(void *mem);
void *
emu_memory_take(struct uiommu_emu *emu, size_t size, size_t align);
void
emu_memory_give(struct uiommu_emu *emu, void *va, size_t size);
/**
 * Follow a physical address.
 *
 * @return where the processor finds it; NULL: not the unit's memory (counted, where it was once)
 */
void *
emu_memory_at(struct uiommu_emu *emu, uint64_t pa, size_t size);

/**
 * What lies around an address that was found to be the unit's, where all of that is.
 *
 * @param base start of it, and size in bytes; as they were where there is no telling
 */
void
emu_memory_whole(struct uiommu_emu *emu, uint64_t pa, uint64_t *base, uint64_t *size);

/** Whether memory was given back. @param seen to be kept from call to call */
static inline bool
emu_memory_shrank(const struct emu_memory *memory, uint32_t *seen)
{
	/* pairs with the release in emu_memory_give() */
	const uint32_t freed = __atomic_load_n(&memory->freed, __ATOMIC_ACQUIRE);

	if (freed == *seen)
		return false;
	*seen = freed;
	return true;
}

/** Whether memory is the unit's now; not counted. */
bool
emu_memory_is_used(struct uiommu_emu *emu, uint64_t pa, size_t size);

#endif /* EMU_MEMORY_H */
