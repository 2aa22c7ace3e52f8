/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_NOTICE_H
#define IOMMUFD_NOTICE_H

/**
 * @file
 * What the control path has detached, told to the owner of a queue: the kernel has answered what
 * had been read of it. One writer, one reader, who waits for nobody. No call of the system or of
 * EAL.
 */

#include <stdbool.h>
#include <stdint.h>

#include "iommufd_slot.h"

/** Notices that fit, power of two. One that does not fit is only a write in vain, later. */
#define IOMMUFD_NOTICES 64

struct iommufd_notices {
	uint32_t tail; /**< written by the control path; runs free, as head */
	uint32_t head; /**< written by the owner */
	struct iommufd_slots_ended ring[IOMMUFD_NOTICES];
	uint32_t at;   /**< the owner's: how far it is with the one at head */
};

/** By the owner: forget all of them. */
static inline void
iommufd_notices_reset(struct iommufd_notices *notices)
{
	notices->head = notices->tail;
	notices->at = 0;
}

/** By the control path. */
static inline void
iommufd_notices_post(struct iommufd_notices *notices, const struct iommufd_slots_ended *ended)
{
	const uint32_t tail = notices->tail;

	/* pairs with the store in iommufd_notices_take(): what was there was read */
	if (tail - __atomic_load_n(&notices->head, __ATOMIC_ACQUIRE) == IOMMUFD_NOTICES)
		return;
	notices->ring[tail % IOMMUFD_NOTICES] = *ended;
	/* pairs with the load in iommufd_notices_any() */
	__atomic_store_n(&notices->tail, tail + 1, __ATOMIC_RELEASE);
}

/** By the owner, often: whether there are any; up to which, for iommufd_notices_take(). */
static inline bool
iommufd_notices_any(const struct iommufd_notices *notices, uint32_t *tail)
{
	/* pairs with the store in iommufd_notices_post(): a notice is seen filled in */
	*tail = __atomic_load_n(&notices->tail, __ATOMIC_ACQUIRE);
	return *tail != notices->head;
}

/**
 * By the owner: as much of them as can be found out in a moment. The rest waits for the next call.
 *
 * @return slots that are dead now, and were not
 */
static inline uint32_t
iommufd_notices_take(struct iommufd_notices *notices, struct iommufd_slots *slots, uint32_t tail)
{
	uint32_t head = notices->head, looked = 0, nb = 0;

	for (; head != tail && looked < IOMMUFD_SLOTS_STEP; looked += slots->nb_used + 1) {
		nb += iommufd_slots_end(slots, &notices->ring[head % IOMMUFD_NOTICES],
					&notices->at);
		head += notices->at == 0;
	}
	/* pairs with the load in iommufd_notices_post(): the place may be written again */
	__atomic_store_n(&notices->head, head, __ATOMIC_RELEASE);
	return nb;
}

#endif /* IOMMUFD_NOTICE_H */
