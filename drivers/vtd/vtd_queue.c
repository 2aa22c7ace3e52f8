/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "vtd_pvt.h"

/** Entries that are prefetched ahead of the one being decoded; two to a cache line. */
#define PREFETCH_AHEAD 8
/** Idle fetches between two looks at the unit's error registers, power of two. */
#define IDLE_CHECK 1024
/** The same while the unit has responses to carry out. */
#define IDLE_CHECK_BUSY 64

/** Fetches between two such looks, whatever there is to do, power of two. */
#define BUSY_CHECK 4096

/** room() looks at the unit when it knows of less room than this: the largest burst. */
#define ROOM_LOW 512

/** Entries of a burst that are no sound requests, by kind. */
struct odd_counts {
	uint32_t kinds[VTD_PRQ_KINDS];
	uint32_t all;
	uint32_t left_out;
};

void
vtd_queue_reset(struct vtd_queue *queue)
{
	queue->head = 0;
	queue->tail = 0;
	queue->idle = 0;
}

/* An entry that is not plain. @return 1: decoded; 0: left out */
static __rte_noinline __rte_cold uint16_t
fetch_odd(struct odd_counts *odd, uint64_t w0, uint64_t w1, unsigned int sign_bit,
	  struct uiommu_fault *fault)
{
	enum vtd_prq_kind kind = vtd_prq_classify(w0, w1, sign_bit);

	odd->kinds[kind]++;
	odd->all++;
	if (!vtd_prq_is_answerable(kind, w1)) {
		odd->left_out++;
		return 0;
	}
	vtd_prq_decode_odd(w0, w1, kind, fault);
	return 1;
}

static __rte_noinline __rte_cold void
count_odd(struct vtd_queue *queue, const struct odd_counts *odd)
{
	uint32_t stop_markers = odd->kinds[VTD_PRQ_STOP_MARKER];

	uiommu_count(&queue->malformed, odd->left_out - stop_markers);
	uiommu_count(&queue->stop_markers, stop_markers);
	uiommu_count(&queue->malformed_type, odd->kinds[VTD_PRQ_BAD_TYPE]);
	uiommu_count(&queue->malformed_reserved, odd->kinds[VTD_PRQ_BAD_RESERVED]);
	uiommu_count(&queue->malformed_access, odd->kinds[VTD_PRQ_BAD_ACCESS]);
	uiommu_count(&queue->malformed_address, odd->kinds[VTD_PRQ_BAD_ADDRESS]);
}

/*
 * The tail register holds what it cannot hold. All ones is what a unit that has gone
 * reads as: nothing is taken then, since what is in memory is old.
 */
static __rte_noinline __rte_cold uint32_t
wild_tail(struct vtd_queue *queue, uint64_t pqt)
{
	uiommu_count(&queue->prq_wild_index, 1);
	if (pqt == UINT64_MAX) {
		if (uiommu_reg_read32(queue->plat, VTD_REG_GSTS) == UINT32_MAX)
			vtd_iq_fail(&queue->iq, -EIO, "registers read as all ones");
		return queue->tail;
	}
	return (uint32_t)(pqt >> VTD_DESC_SHIFT) & queue->mask;
}

/* S 7.4.1: after PQT was read, the entries before it are visible */
static inline uint32_t
read_tail(struct vtd_queue *queue)
{
	uint64_t pqt;

	/* S 11.4.11: the registers are reserved then */
	if (unlikely(queue->no_requests))
		return queue->tail;
	pqt = uiommu_reg_read64(queue->plat, VTD_REG_PQT);
	if (likely((pqt & ~((uint64_t)queue->mask << VTD_DESC_SHIFT)) == 0))
		queue->tail = (uint32_t)(pqt >> VTD_DESC_SHIFT);
	else
		queue->tail = wild_tail(queue, pqt);
	uiommu_rmb_after_index();
	return queue->tail;
}

/*
 * Nothing to take. PRS.PRO stops the unit from adding entries, so the queue is known to be
 * empty only when PQT is read after PRO.
 */
static inline void
events_add(const struct vtd_iq *iq, uint32_t *events)
{
	if (iq->failed != 0)
		*events |= UIOMMU_EVENT_FAILED;
	if (!uiommu_reports_is_empty(&iq->reports))
		*events |= UIOMMU_EVENT_REPORTS;
}

/* Never idle: errors and fault records are looked for all the same. */
static __rte_noinline __rte_cold void
fetch_busy_check(struct vtd_queue *queue, uint32_t *events)
{
	vtd_iq_check(&queue->iq);
	events_add(&queue->iq, events);
}

static __rte_noinline void
fetch_idle(struct vtd_queue *queue, uint32_t *events)
{
	struct vtd_iq *iq = &queue->iq;
	uint32_t period = iq->head != iq->tail ? IDLE_CHECK_BUSY : IDLE_CHECK;

	if (!queue->no_requests &&
	    (uiommu_reg_read32(queue->plat, VTD_REG_PRS) & VTD_PRS_PRO) != 0 &&
	    read_tail(queue) == queue->head)
		*events |= UIOMMU_EVENT_OVERFLOW;
	if ((++queue->idle & (period - 1)) == 0)
		vtd_iq_watch(iq);
	events_add(iq, events);
}

/* No room for a single response: requests stay where they are. */
static __rte_noinline __rte_cold void
fetch_no_room(struct vtd_queue *queue, uint32_t *events)
{
	uiommu_count(&queue->iq.stats.iq_full, 1);
	vtd_iq_watch(&queue->iq);
	events_add(&queue->iq, events);
}

static uint16_t
vtd_fetch(void *queue_private, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken,
	  uint32_t *events)
{
	struct vtd_queue *queue = queue_private;
	const struct vtd_desc *ring = queue->ring;
	const uint32_t mask = queue->mask;
	const unsigned int sign_bit = queue->sign_bit;
	struct uiommu_fault *out = faults;
	uint32_t head = queue->head;
	struct odd_counts odd;
	uint32_t i, n, room;
	uint64_t w0, w1;

	*taken = 0;
	if (unlikely(queue->iq.failed != 0)) {
		*events |= UIOMMU_EVENT_FAILED;
		return 0;
	}
	if (unlikely((++queue->turns & (BUSY_CHECK - 1)) == 0))
		fetch_busy_check(queue, events);
	n = uiommu_ring_hw_used(head, queue->tail, mask);
	if (n < nb)
		n = uiommu_ring_hw_used(head, read_tail(queue), mask);
	if (n == 0) {
		fetch_idle(queue, events);
		return 0;
	}
	room = vtd_iq_room(&queue->iq);
	if (unlikely(room < nb)) {
		vtd_iq_refresh(&queue->iq);
		room = vtd_iq_room(&queue->iq);
	}
	if (unlikely(room == 0)) {
		fetch_no_room(queue, events);
		return 0;
	}
	room = RTE_MIN(room, (uint32_t)nb);
	n = RTE_MIN(n, room);

	odd = (struct odd_counts){0};
	for (i = 0; i < n; i++) {
		const struct vtd_desc *entry = &ring[(head + i) & mask];

		rte_prefetch0(entry + PREFETCH_AHEAD);
		/* read once: judged and decoded is what was read, whatever is written meanwhile */
		w0 = __atomic_load_n(&entry->q[0], __ATOMIC_RELAXED);
		w1 = __atomic_load_n(&entry->q[1], __ATOMIC_RELAXED);
		if (likely(vtd_prq_is_plain(w0, w1, sign_bit))) {
			vtd_prq_decode(w0, w1, out);
			out++;
		} else {
			out += fetch_odd(&odd, w0, w1, sign_bit, out);
		}
	}
	head = uiommu_ring_hw_advance(head, n, mask);
	queue->head = head;
	queue->taken += n;
	uiommu_mb_before_release();
	uiommu_reg_write64(queue->plat, VTD_REG_PQH, (uint64_t)head << VTD_DESC_SHIFT);
	if (unlikely(odd.all != 0))
		count_odd(queue, &odd);
	*taken = (uint16_t)n;
	return (uint16_t)(out - faults);
}

/*
 * Too little room, or a unit that is dead. What is handed to a dead one is lost, and taken all the
 * same, so that the engine does not keep it for ever.
 *
 * @return responses to be written
 */
static __rte_noinline __rte_cold uint16_t
respond_short(struct vtd_iq *iq, uint16_t nb, uint16_t *lost)
{
	uint32_t room;

	if (iq->failed == 0) {
		uiommu_count(&iq->stats.iq_full, 1);
		vtd_iq_watch(iq);
	}
	if (iq->failed != 0) {
		uiommu_count(&iq->stats.responses_lost, nb);
		*lost = nb;
		return 0;
	}
	room = vtd_iq_room(iq);
	return (uint16_t)RTE_MIN(room, (uint32_t)nb);
}

static uint16_t
vtd_respond(void *queue_private, const struct uiommu_resp *resps, uint16_t nb)
{
	struct vtd_iq *iq = &((struct vtd_queue *)queue_private)->iq;
	struct vtd_desc *ring = iq->ring;
	const uint32_t mask = iq->mask;
	const uint32_t tail = iq->tail;
	uint16_t lost = 0;
	uint32_t i, room;

	room = vtd_iq_room(iq);
	if (unlikely(room < nb)) {
		vtd_iq_refresh(iq);
		room = vtd_iq_room(iq);
	}
	if (unlikely(room < nb || iq->failed != 0)) {
		nb = respond_short(iq, nb, &lost);
		if (nb == 0)
			return lost;
	}
	for (i = 0; i < nb; i++) {
		struct vtd_desc *desc = &ring[(tail + i) & mask];

		vtd_resp_encode(&resps[i], &desc->q[0], &desc->q[1]);
	}
	vtd_iq_submit(iq, nb);
	return nb;
}

static uint16_t
vtd_room(void *queue_private)
{
	struct vtd_iq *iq = &((struct vtd_queue *)queue_private)->iq;
	uint32_t room;

	if (iq->failed != 0)
		return 0;
	room = vtd_iq_room(iq);
	if (room < ROOM_LOW) {
		vtd_iq_refresh(iq);
		room = vtd_iq_room(iq);
	}
	if (room == 0)
		vtd_iq_watch(iq);
	return (uint16_t)room;
}

/* S 7.4.1, 7.10: only when nothing is left in the queue */
static bool
vtd_overflow_ack(void *queue_private)
{
	struct vtd_queue *queue = queue_private;

	if (read_tail(queue) != queue->head)
		return false;
	uiommu_reg_write32(queue->plat, VTD_REG_PRS, VTD_PRS_PRO | VTD_PRS_PPR);
	uiommu_count(&queue->overflows, 1);
	return true;
}

static void
vtd_mark(void *queue_private, uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	struct vtd_queue *queue = queue_private;

	marks[0] = queue->taken + uiommu_ring_hw_used(queue->head, read_tail(queue), queue->mask);
	marks[1] = 0;
}

static bool
vtd_is_past(void *queue_private, const uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	const struct vtd_queue *queue = queue_private;

	return queue->taken >= marks[0];
}

static uint16_t
vtd_reports(void *queue_private, struct uiommu_report *reports, uint16_t nb, uint64_t *lost)
{
	struct vtd_queue *queue = queue_private;

	return uiommu_reports_take(&queue->iq.reports, reports, nb, lost);
}

const struct uiommu_queue_ops vtd_queue_ops = {
	.fetch = vtd_fetch,
	.respond = vtd_respond,
	.room = vtd_room,
	.overflow_ack = vtd_overflow_ack,
	.mark = vtd_mark,
	.is_past = vtd_is_past,
	.cmd_step = vtd_cmd_step,
	.invalidate = vtd_invalidate,
	.reports = vtd_reports,
};
