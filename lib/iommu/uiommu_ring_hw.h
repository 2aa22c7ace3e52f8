/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_RING_HW_H
#define UIOMMU_RING_HW_H

/**
 * @file
 * Head and tail arithmetic of hardware queues.
 *
 * All sizes are powers of two and all indices count entries, not bytes. The
 * "plain" form is for queues that keep one entry free to tell full from empty
 * (VT-d, RISC-V): N - 1 entries usable. The "wrap" form is for queues whose
 * indices have one bit more, which changes at each wrap (SMMUv3): N entries
 * usable. No call is made, and no access to hardware.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * Entries between head and tail.
 *
 * @param head index of the consumer
 * @param tail index of the producer
 * @param mask number of entries minus one
 * @return entries that the consumer has yet to take, 0 to mask
 */
static inline uint32_t
uiommu_ring_hw_used(uint32_t head, uint32_t tail, uint32_t mask)
{
	return (tail - head) & mask;
}

/**
 * Entries that a producer may add before the queue is full.
 *
 * @param head index of the consumer
 * @param tail index of the producer
 * @param mask number of entries minus one
 * @return free entries, 0 to mask
 */
static inline uint32_t
uiommu_ring_hw_free(uint32_t head, uint32_t tail, uint32_t mask)
{
	return (head - tail - 1) & mask;
}

/** Whether nothing can be added: the tail is one entry behind the head. */
static inline bool
uiommu_ring_hw_is_full(uint32_t head, uint32_t tail, uint32_t mask)
{
	return ((tail + 1) & mask) == head;
}

/** The index @p n entries after @p index. */
static inline uint32_t
uiommu_ring_hw_advance(uint32_t index, uint32_t n, uint32_t mask)
{
	return (index + n) & mask;
}

/** Entries from @p index to the end of the ring: what can be taken without a wrap. */
static inline uint32_t
uiommu_ring_hw_to_end(uint32_t index, uint32_t mask)
{
	return mask + 1 - index;
}

/**
 * Whether @p target was passed (or reached) by a consumer that has moved from
 * @p from to @p now since, without lapping the ring.
 *
 * @param from index of the consumer when @p target was read
 * @param now index of the consumer now
 * @param target index that was the tail then
 * @param mask number of entries minus one
 */
static inline bool
uiommu_ring_hw_passed(uint32_t from, uint32_t now, uint32_t target, uint32_t mask)
{
	return ((now - from) & mask) >= ((target - from) & mask);
}

/**
 * Index and wrap bit, as registers of the wrap form hold them, of a position that runs free.
 *
 * @param mask number of entries minus one
 */
static inline uint32_t
uiommu_ring_hw_wrap_index(uint32_t position, uint32_t mask)
{
	return position & (mask << 1 | 1);
}

/**
 * Entries from a position up to what a register of the wrap form says.
 *
 * @param from position that runs free, or index and wrap bit
 * @param to the register; bits above the wrap bit do not count
 * @param mask number of entries minus one
 * @return 0: equal; mask + 1: a full queue; more than that: what no queue can have
 */
static inline uint32_t
uiommu_ring_hw_wrap_used(uint32_t from, uint32_t to, uint32_t mask)
{
	return (to - from) & (mask << 1 | 1);
}

#endif /* UIOMMU_RING_HW_H */
