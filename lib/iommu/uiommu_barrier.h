/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_BARRIER_H
#define UIOMMU_BARRIER_H

/**
 * @file
 * Barriers named for their purpose, and register access, for drivers.
 *
 * rte_io_wmb() and its like map to what a processor needs between normal
 * memory and device memory: a compiler barrier on x86-64, "dmb osh" on arm64,
 * "fence" on riscv64.
 */

#include <stddef.h>
#include <stdint.h>

#include <rte_atomic.h>
#include <rte_common.h>
#include <rte_io.h>

/**
 * Before a doorbell: descriptors written before are visible to the unit after it. Pairs with the
 * unit's fetch of descriptors after it has got the index.
 */
static inline void
uiommu_wmb_before_doorbell(void)
{
	rte_io_wmb();
}

/**
 * After a producer index was read: entries are read only after it. Pairs with the order of the
 * unit, which makes entries visible before the index.
 */
static inline void
uiommu_rmb_after_index(void)
{
	rte_io_rmb();
}

/**
 * Before a consumer index is published: the entries were read, and the unit may
 * overwrite them after it. Orders earlier loads before a later store. Pairs with the unit's look
 * at the index before it writes.
 */
static inline void
uiommu_mb_before_release(void)
{
#if defined(__riscv)
	asm volatile("fence ir, ow" : : : "memory");
#else
	/* arm64: "dmb oshld" orders loads before later stores too; x86-64: always in order */
	rte_io_rmb();
#endif
}

/**
 * Between the body of a table entry in memory and the store that makes it
 * present: the unit never sees a present entry with an old body. Pairs with the unit's reads of the
 * body after that of the word with the present bit.
 */
static inline void
uiommu_wmb_before_present(void)
{
	rte_io_wmb();
}

/**
 * Store one 64-bit word of a structure that a unit may be reading. Release
 * order; pairs with the unit's own ordered fetch (emulation: acquire load).
 */
static inline void
uiommu_store_shared64(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/** Load one 64-bit word that a unit may be writing. Acquire, pairs with the unit's write. */
static inline uint64_t
uiommu_load_shared64(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/**
 * Bring what was written to memory out of the caches, for a walker that does not snoop them.
 *
 * @param va start
 * @param len in bytes
 */
static inline void
uiommu_flush_lines(const void *va, size_t len)
{
	const uintptr_t end = (uintptr_t)va + len;
	uintptr_t line = (uintptr_t)va & ~(uintptr_t)(RTE_CACHE_LINE_MIN_SIZE - 1);

	for (; line < end; line += RTE_CACHE_LINE_MIN_SIZE) {
#if defined(__x86_64__)
		asm volatile("clflush (%0)" : : "r"(line) : "memory");
#elif defined(__aarch64__)
		asm volatile("dc cvac, %0" : : "r"(line) : "memory");
#elif defined(__riscv)
		/* cbo.clean (Zicbom), which assemblers may not know by name */
		asm volatile(".insn i 0x0f, 2, x0, %0, 1" : : "r"(line) : "memory");
#endif
	}
#if defined(__aarch64__)
	/* "dmb" would order them, but only "dsb" waits until they are through */
	asm volatile("dsb sy" : : : "memory");
#else
	rte_io_mb();
#endif
}

/**
 * Load one 32-bit word that a unit may be writing (a wait status). Acquire; pairs with the unit's
 * write of it after all that it says is done.
 */
static inline uint32_t
uiommu_load_shared32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

#endif /* UIOMMU_BARRIER_H */
