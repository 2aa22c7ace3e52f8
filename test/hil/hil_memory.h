/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_MEMORY_H
#define HIL_MEMORY_H

/**
 * @file
 * Pieces of a machine's memory: for the unit's tables and queues, and for what devices use.
 */

#include <stddef.h>
#include <stdint.h>

/** Granule, in bytes. */
#define HIL_PAGE 4096

/** Which pages are taken. */
struct hil_memory {
	uint8_t *va;    /**< of the whole memory */
	uint64_t pa;    /**< where the machine has it */
	size_t size;    /**< in bytes */
	uint8_t *taken; /**< one byte a page */
};

/**
 * @param reserved bytes at the start that are left alone
 * @return 0; -ENOMEM
 */
int
hil_memory_init(struct hil_memory *memory, uint8_t *va, uint64_t pa, size_t size,
		size_t reserved);

void
hil_memory_fini(struct hil_memory *memory);

/**
 * Take a piece, zeroed, aligned for the machine.
 *
 * @param align in bytes, power of two
 * @return address for the processor; NULL: no room
 */
void *
hil_memory_take(struct hil_memory *memory, size_t size, size_t align);

/** Give a piece back. */
void
hil_memory_give(struct hil_memory *memory, void *va, size_t size);

/** @return where the machine has it; UINT64_MAX: nowhere */
uint64_t
hil_memory_pa(const struct hil_memory *memory, const void *va, size_t size);

/** @return where this process has size bytes of the machine's; NULL: nowhere */
void *
hil_memory_va(const struct hil_memory *memory, uint64_t pa, size_t size);

/** Pages that are taken. */
size_t
hil_memory_used(const struct hil_memory *memory);

#endif /* HIL_MEMORY_H */
