/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef FAULT_QUEUE_PVT_H
#define FAULT_QUEUE_PVT_H

/*
 * Inside of a fault queue. Whole groups of messages are in one ring; what is unanswered, read or
 * not, has an entry in a table, which translates the cookie that the consumer sees into the
 * engine's. Free entries are in a second ring, first in, first out, so that a cookie comes
 * back as late as its 32 bits allow: after nearly 2^32 groups.
 *
 * A group is revoked by its entry alone: the cookie in there is no longer the messages'. Those
 * stay in the ring until a reader finds them and throws them away.
 */

#include <rte_ring_elem.h>
#include <rte_ring_peek.h>

#include "uiommu_pvt.h"

/*
 * Group that waits for an answer. Written by the owner of the hardware queue that has it at the
 * moment: the rings hand it on. Read by all who answer:
 *
 *   closed:  cookie = 0                    taken: engine = x (release), cookie = c (release)
 *   answer:  cookie == c (acquire)         engine (acquire), cookie == c still
 *
 * Whoever has seen x also sees the 0 before it, so that the last look finds c only where
 * x was read for it.
 */
struct fault_queue_entry {
	uiommu_cookie_t engine;
	uint32_t cookie;     /* 0: dead */
	uint32_t generation; /* of the last cookie; the owner's */
};

struct uiommu_fault_queue {
	/* does not change */
	struct uiommu_unit *unit;
	struct rte_ring *messages; /* relaxed producers, consumers one at a time */
	struct rte_ring *free;	   /* numbers of entries; relaxed on both sides */
	struct fault_queue_entry *entries;
	struct uiommu_fault_msg *scratch[UIOMMU_MAX_QUEUES]; /* each of its queue's owner */
	uint32_t scratch_max;
	uint32_t depth;
	uint32_t messages_max;
	uint32_t entry_bits;
	int fd; /* -1: none */

	/* written by owners of hardware queues; several of them may share it */
	uint64_t delivered uiommu_cache_aligned;
	uint64_t full;
	uint64_t revoked;
	uint64_t wakeups;

	/* written by consumers */
	uint64_t read uiommu_cache_aligned;
	uint64_t answered;
	uint64_t stale_answers;
	uint32_t users;	  /* calls under way */
	uint32_t closing; /* no further ones */

	/* one thread wants to be woken; both sides write it with an exchange */
	uint32_t armed uiommu_cache_aligned;

	/* control path */
	uint32_t refs; /* atomic */
	TAILQ_ENTRY(uiommu_fault_queue) next;
} uiommu_cache_aligned;

static inline uint32_t
fault_queue_entry_of(const struct uiommu_fault_queue *fq, uint32_t cookie)
{
	return cookie & (fq->depth - 1);
}

/* Calls of consumers begin and end with these. False: the queue is being destroyed. */
static inline bool
fault_queue_enter(struct uiommu_fault_queue *fq)
{
	/*
	 * Sequentially consistent, as the store of closing and the load of users in
	 * queue.c, which they pair with: one of the two sees the other.
	 */
	__atomic_fetch_add(&fq->users, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&fq->closing, __ATOMIC_SEQ_CST) == 0;
}

static inline void
fault_queue_leave(struct uiommu_fault_queue *fq)
{
	/* pairs with the load of users in queue.c: what was read was read before the end */
	__atomic_fetch_sub(&fq->users, 1, __ATOMIC_RELEASE);
}

#endif /* FAULT_QUEUE_PVT_H */
