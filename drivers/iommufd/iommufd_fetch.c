/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Data path: messages in. Linux, drivers/iommu/iommufd/fault.c (eventq.c since 6.15).
 *
 * The kernel gives whole groups. One that does not fit is not given at all, and how that is said
 * differs: an error (-EINVAL) if it is the first, by newer kernels and those that were mended; as
 * if the queue were empty, by others. So an empty queue is always read with all the room that there
 * is: nothing means nothing then.
 */

#include <errno.h>
#include <string.h>

#include "iommufd_msg.h"
#include "iommufd_pvt.h"

_Static_assert(offsetof(struct iommufd_fault, flags) == 0 &&
		       offsetof(struct iommufd_fault, dev_id) == sizeof(uint32_t),
	       "flags and device are the first word of 64 bits");

_Static_assert(offsetof(struct uiommu_fault, pasid) ==
		       offsetof(struct uiommu_fault, endpoint_id) + sizeof(uint32_t),
	       "endpoint and PASID of a request are one word of 64 bits");
_Static_assert(offsetof(struct uiommu_fault, nb_pages) ==
		       offsetof(struct uiommu_fault, flags) + sizeof(uint16_t),
	       "flags and pages of a request are one word of 32 bits");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "endpoint and flags are their low bits");

/* Nothing there: in the end wait for something, where that is possible; and read with all room. */
static __rte_noinline void
read_empty(struct iommufd_queue *queue)
{
	uiommu_count(&queue->stats.empty_reads, 1);
	queue->widen = true;
	queue->idle_reads++;
	if (queue->ready == NULL || queue->idle_reads < IOMMUFD_ARM_AFTER)
		return;
	queue->armed = iommufd_ready_arm(queue->ready);
	uiommu_count(&queue->stats.armed, queue->armed);
}

/* The first group did not fit. */
static void
read_too_small(struct iommufd_queue *queue, uint32_t nb)
{
	/* as much as there ever is */
	if (nb == RTE_MIN(queue->entries, queue->slots.nb_slots)) {
		iommufd_queue_fail(queue, -EMSGSIZE, "a group is larger than queue_entries");
		return;
	}
	/* too little for want of slots: wait for answers */
	if (queue->widen)
		uiommu_count(&queue->stats.slots_full, 1);
	else
		uiommu_count(&queue->stats.grown_reads, 1);
	queue->widen = true;
}

static __rte_noinline __rte_cold void
read_error(struct iommufd_queue *queue, ssize_t got, uint32_t nb)
{
	if (got == -EINVAL)
		read_too_small(queue, nb);
	/* no memory for a cookie, or a signal: the groups stay where they are */
	else if (got == -ENOMEM || got == -EINTR || got == -EAGAIN)
		uiommu_count(&queue->stats.read_retries, 1);
	else
		iommufd_queue_fail(queue, got < 0 ? (int)got : -EIO, "cannot be read");
}

static __rte_noinline __rte_cold void
count_odd(struct iommufd_queue *queue, const struct iommufd_msgs_odd *odd)
{
	uiommu_count(&queue->stats.recycled_cookies, odd->recycled);
	uiommu_count(&queue->stats.not_ended, odd->not_ended);
}

/* There are messages. */
static inline void
read_done(struct iommufd_queue *queue, uint32_t nb)
{
	/* read by the control path before a detach: what it sees here was read before that */
	__atomic_store_n(&queue->reads, queue->reads + 1, __ATOMIC_RELEASE);
	queue->pos = 0;
	queue->nb = nb;
	queue->idle_reads = 0;
	/* for take_plain(), which looks no further */
	queue->msgs[nb].perm = IOMMUFD_MSG_END;
	queue->msgs[nb].cookie = ~queue->msgs[nb - 1].cookie;
	queue->widen = false;
	uiommu_count(&queue->stats.reads, 1);
	uiommu_count(&queue->stats.messages, nb);
}

/* uiommu_fault::endpoint_id and pasid. */
static inline uint64_t
sender_word(uint32_t endpoint_id, uint32_t pasid)
{
	return (uint64_t)pasid << 32 | endpoint_id;
}

/*
 * What a read gave, group by group, until there is one that is not plain, or the end. This is where
 * nearly all messages go, once: kept short, and apart, so that all of it stays in registers. How
 * many, all of them decoded.
 */
static __rte_noinline uint32_t
take_plain(struct iommufd_queue *queue, struct uiommu_fault *faults)
{
	struct iommufd_slots_table *table = queue->slots.table;
	const uint16_t *free = &table->free[queue->slots.nb_free];
	const struct iommufd_fault *msg = queue->msgs;
	const uint32_t number = queue->reads;
	uint64_t who, last_who, sender = 0, whose = 0;
	uint32_t flags = 0, nb;

	/* no message is like the one before the first */
	memcpy(&last_who, msg, sizeof(last_who));
	last_who = ~last_who;
	for (;; msg++, faults++) {
		const uint32_t perm = msg->perm, cookie = msg->cookie;
		uint32_t slot, access; /* flags of the request, and 0 for its pages */

		/* what stands behind the last one has no such access, and another cookie */
		if (unlikely(!iommufd_msg_is_plain(perm) || msg[1].cookie == cookie ||
			     !iommufd_slots_is_new(table, cookie)))
			break;
		/* flags and device: mostly those of the one before */
		memcpy(&who, msg, sizeof(who));
		if (unlikely(who != last_who)) {
			if ((msg->flags & IOMMUFD_FAULT_LAST) == 0)
				break;
			last_who = who;
			flags = iommufd_msg_last_flags(msg->flags);
			sender = sender_word(iommufd_devmap_get(queue->devmap, msg->dev_id),
					     UIOMMU_NO_PASID);
			whose = iommufd_slot_whose(msg->dev_id, UIOMMU_NO_PASID);
		}
		if (flags != UIOMMU_FAULT_LAST) {
			if (unlikely(msg->pasid >= UIOMMU_PASID_COUNT))
				break;
			sender = sender_word((uint32_t)sender, msg->pasid);
			whose = iommufd_slot_whose((uint32_t)whose, msg->pasid);
		}
		slot = *--free;
		faults->iova = msg->addr & IOMMUFD_MSG_PAGE_MASK;
		memcpy((uint8_t *)faults + offsetof(struct uiommu_fault, endpoint_id), &sender,
		       sizeof(sender));
		faults->prg_index = (uint16_t)msg->grpid;
		access = perm + flags;
		memcpy((uint8_t *)faults + offsetof(struct uiommu_fault, flags), &access,
		       sizeof(access));
		faults->tag = (uint16_t)slot;
		iommufd_slots_fill_new(table, slot, cookie, whose, number);
	}
	nb = (uint32_t)(msg - queue->msgs);
	queue->slots.nb_free -= nb;
	return nb;
}

/*
 * All groups of what was read get their slots here, before any answer is written. How many
 * messages are decoded already.
 */
static inline uint32_t
read_take(struct iommufd_queue *queue, struct uiommu_fault *faults, uint32_t max)
{
	struct iommufd_msgs_odd odd = {0};
	uint32_t n = likely(queue->nb <= max) ? take_plain(queue, faults) : 0;

	if (unlikely(n != queue->nb)) {
		iommufd_msgs_claim(&queue->slots, queue->msgs + n, queue->nb - n, queue->reads,
				   &odd);
		if (unlikely((odd.recycled | odd.not_ended) != 0))
			count_odd(queue, &odd);
	}
	iommufd_slots_note(&queue->slots);
	return n;
}

/* Read, unless the queue is known to be empty. @return whether there are messages */
static bool
refill(struct iommufd_queue *queue)
{
	uint32_t nb = queue->widen ? queue->entries : queue->want;
	ssize_t got;

	if (queue->armed) {
		if (likely(!iommufd_ready_look(queue->ready)))
			return false;
		queue->armed = false;
		queue->idle_reads = 0;
		uiommu_count(&queue->stats.wakeups, 1);
	}
	if (unlikely(nb > queue->slots.nb_free))
		nb = queue->slots.nb_free;
	if (unlikely(nb == 0)) {
		uiommu_count(&queue->stats.slots_full, 1);
		return false;
	}
	got = queue->files->read(queue->plat, queue->fd, queue->msgs, nb * sizeof(*queue->msgs));
	if (got == 0) {
		read_empty(queue);
		return false;
	}
	if (unlikely(got < 0 || (size_t)got % sizeof(*queue->msgs) != 0 ||
		     (size_t)got > nb * sizeof(*queue->msgs))) {
		read_error(queue, got, nb);
		return false;
	}
	read_done(queue, (uint32_t)((size_t)got / sizeof(*queue->msgs)));
	return true;
}

uint16_t
iommufd_fetch(void *queue_private, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken,
	      uint32_t *events)
{
	struct iommufd_queue *queue = queue_private;
	uint32_t dev_id = 0, endpoint_id = IOMMUFD_DEVMAP_UNKNOWN, bad = 0, n, i;
	struct uiommu_fault *out = faults;
	const struct iommufd_fault *msgs;
	uint32_t plain = 0;

	*taken = 0;
	__atomic_store_n(&queue->owner, (uintptr_t)pthread_self(), __ATOMIC_RELAXED);
	iommufd_queue_hear(queue);
	if (queue->pos == queue->nb) {
		if (unlikely(queue->failed != 0) || !refill(queue)) {
			if (unlikely(queue->failed != 0))
				*events |= UIOMMU_EVENT_FAILED;
			return 0;
		}
		plain = read_take(queue, faults, nb);
		out += plain;
	}
	msgs = queue->msgs + queue->pos;
	n = RTE_MIN(queue->nb - queue->pos, (uint32_t)nb);
	for (i = plain; i < n; i++) {
		const struct iommufd_fault *msg = &msgs[i];

		if (unlikely(msg->dev_id != dev_id)) {
			dev_id = msg->dev_id;
			endpoint_id = iommufd_devmap_get(queue->devmap, dev_id);
		}
		if (unlikely((msg->flags & IOMMUFD_MSG_DROP) != 0))
			continue;
		bad += iommufd_msg_decode(msg, endpoint_id, out);
		out++;
	}
	queue->pos += n;
	queue->taken += n;
	*taken = (uint16_t)n;
	if (unlikely(bad != 0))
		uiommu_count(&queue->stats.refused_messages, bad);
	if (unlikely((uint32_t)(out - faults) != n))
		uiommu_count(&queue->stats.mixed_pasids, n - (uint32_t)(out - faults));
	return (uint16_t)(out - faults);
}
