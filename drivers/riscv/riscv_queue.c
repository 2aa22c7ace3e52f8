/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Data path: page requests in, responses out. */

#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "riscv_pvt.h"

/** Entries that are prefetched ahead of the one being decoded; four to a cache line. */
#define PREFETCH_AHEAD 16
/** Idle fetches between two looks at the unit's error registers, power of two. */
#define IDLE_CHECK 1024
/** The same while the unit has commands to carry out. */
#define IDLE_CHECK_BUSY 64
/** Fetches between two such looks, whatever there is to do, power of two. */
#define BUSY_CHECK 4096
/** Fetches between two looks at the fault queue, power of two: looking is reading a register. */
#define FAULTS_PERIOD 8
/** room() looks at the unit when it knows of less room than this: the largest burst. */
#define ROOM_LOW 512

/** Entries of a burst that are no plain requests, by kind. */
struct odd_counts {
	uint32_t kinds[RISCV_PQ_KINDS];
	uint32_t all;
};

static void
source_reset(struct riscv_source *source)
{
	source->head = 0;
	source->tail = 0;
	source->checked = 0;
}

void
riscv_queue_reset(struct riscv_queue *queue)
{
	source_reset(&queue->pq);
	source_reset(&queue->fq);
	queue->idle = 0;
	uiommu_reports_reset(&queue->reports);
}

/*
 * The register holds what it cannot hold. All ones is what a unit that has gone reads as. Nothing
 * more is taken then, since what is in memory is old.
 */
static __rte_noinline __rte_cold void
wild_index(struct riscv_queue *queue, uint32_t index)
{
	uiommu_count(&queue->stats.wild_index, 1);
	if (index == UINT32_MAX &&
	    uiommu_reg_read32(queue->plat, RISCV_REG_CQCSR) == UINT32_MAX)
		riscv_cq_fail(&queue->cq, -EIO, "registers read as all ones");
}

uint32_t
riscv_source_look(struct riscv_queue *queue, struct riscv_source *source)
{
	const uint32_t index = uiommu_reg_read32(queue->plat, source->tail_reg);

	if (likely((index & ~source->mask) == 0))
		source->tail = source->head +
			       uiommu_ring_hw_used(source->head, index, source->mask);
	else
		wild_index(queue, index);
	/* pairs with the unit, which writes entries before the tail */
	uiommu_rmb_after_index();
	return source->tail - source->head;
}

/* An entry that is not plain. @return 1: decoded; 0: left out */
static __rte_noinline __rte_cold uint16_t
take_odd(struct odd_counts *odd, uint64_t w0, uint64_t w1, unsigned int sign_bit,
	 struct uiommu_fault *fault)
{
	const enum riscv_pq_kind kind = riscv_pq_classify(w0, w1, sign_bit);

	odd->kinds[kind]++;
	odd->all++;
	if (kind == RISCV_PQ_STOP_MARKER)
		return 0;
	riscv_pq_decode_odd(w0, w1, fault);
	return 1;
}

static __rte_noinline __rte_cold void
count_odd(struct riscv_queue_stats *stats, const struct odd_counts *odd)
{
	uiommu_count(&stats->stop_markers, odd->kinds[RISCV_PQ_STOP_MARKER]);
	uiommu_count(&stats->malformed_reserved, odd->kinds[RISCV_PQ_BAD_RESERVED]);
	uiommu_count(&stats->malformed_access, odd->kinds[RISCV_PQ_BAD_ACCESS]);
	uiommu_count(&stats->malformed_address, odd->kinds[RISCV_PQ_BAD_ADDRESS]);
}

/* What is wrong with the page-request queue, "Page-request-queue CSR". @return overflowed */
static bool
requests_check(struct riscv_queue *queue)
{
	const uint32_t csr = uiommu_reg_read32(queue->plat, RISCV_REG_PQCSR);

	/* all ones: the unit has gone, which riscv_cq_check() finds */
	if (csr == UINT32_MAX)
		return false;
	if ((csr & RISCV_CSR_MF) != 0)
		riscv_cq_fail(&queue->cq, -EIO,
			      "page requests could not be written to their queue");
	else if ((csr & (RISCV_CSR_ON | RISCV_CSR_BUSY)) == 0)
		riscv_cq_fail(&queue->cq, -EIO, "the page-request queue has gone off");
	return (csr & RISCV_CSR_OF) != 0;
}

/*
 * The queue is empty. While an overflow is not acknowledged the unit adds nothing, so when it is
 * found before the tail is read the queue stays empty.
 */
static __rte_noinline void
overflow_look(struct riscv_queue *queue, uint32_t *events)
{
	struct riscv_source *source = &queue->pq;

	if (!requests_check(queue))
		source->checked = source->head;
	else if (riscv_source_look(queue, source) == 0)
		*events |= UIOMMU_EVENT_OVERFLOW;
}

/* Take up to nb page requests. @return faults written */
static uint16_t
requests_take(struct riscv_queue *queue, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken,
	      uint32_t *events)
{
	struct riscv_source *source = &queue->pq;
	const struct riscv_pq *ring = source->ring;
	const unsigned int sign_bit = queue->sign_bit;
	const uint32_t mask = source->mask;
	const uint32_t head = source->head;
	struct uiommu_fault *out = faults;
	uint32_t n = source->tail - head;
	struct odd_counts odd;
	uint64_t w0, w1;
	uint32_t i;

	if (n < nb)
		n = riscv_source_look(queue, source);
	if (n == 0) {
		if (unlikely(riscv_source_is_due(source)))
			overflow_look(queue, events);
		return 0;
	}
	n = RTE_MIN(n, (uint32_t)nb);
	odd = (struct odd_counts){0};
	for (i = 0; i < n; i++) {
		const struct riscv_pq *entry = &ring[(head + i) & mask];

		rte_prefetch0(entry + PREFETCH_AHEAD);
		/* read once: judged and decoded is what was read, whatever is written meanwhile */
		w0 = __atomic_load_n(&entry->q[0], __ATOMIC_RELAXED);
		w1 = __atomic_load_n(&entry->q[1], __ATOMIC_RELAXED);
		if (likely(riscv_pq_is_plain(w0, w1, sign_bit))) {
			riscv_pq_decode(w0, w1, out);
			out++;
		} else {
			out += take_odd(&odd, w0, w1, sign_bit, out);
		}
	}
	source->head = head + n;
	source->taken += n;
	/* before the responses, which let the devices send more */
	riscv_source_release(queue, source);
	if (unlikely(odd.all != 0))
		count_odd(&queue->stats, &odd);
	*taken = (uint16_t)n;
	return (uint16_t)(out - faults);
}

/* Nobody has taken them: the n next entries are answered, as far as they want an answer. */
static uint32_t
requests_refuse(struct riscv_queue *queue, uint32_t n)
{
	const struct riscv_source *source = &queue->pq;
	const struct riscv_pq *ring = source->ring;
	uint32_t i, nb_resps = 0;

	for (i = 0; i < n; i++) {
		const struct riscv_pq *entry = &ring[(source->head + i) & source->mask];
		struct riscv_cmd *cmd = riscv_cq_slot(&queue->cq, nb_resps);
		struct uiommu_fault fault;
		struct uiommu_resp resp;

		if ((entry->q[1] & RISCV_PQ1_L) == 0 ||
		    riscv_pq_classify(entry->q[0], entry->q[1], queue->sign_bit) ==
			    RISCV_PQ_STOP_MARKER)
			continue;
		riscv_pq_decode(entry->q[0], entry->q[1], &fault);
		resp = (struct uiommu_resp){
			.endpoint_id = fault.endpoint_id,
			.pasid = fault.pasid,
			.prg_index = fault.prg_index,
			.code = UIOMMU_CODE_INVALID,
		};
		riscv_prgr_encode(&resp, &cmd->q[0], &cmd->q[1]);
		nb_resps++;
	}
	return nb_resps;
}

int
riscv_requests_end(struct riscv_queue *queue)
{
	struct riscv_source *source = &queue->pq;
	uint32_t left = riscv_source_look(queue, source), n;
	int ret = 0;

	for (; left != 0 && ret == 0; left -= n) {
		n = RTE_MIN(left, (uint32_t)RISCV_FENCE_EVERY);
		riscv_cq_submit(&queue->cq, requests_refuse(queue, n));
		uiommu_count(&queue->stats.requests_ended, n);
		source->head += n;
		source->taken += n;
		/* all of them carried out, and room for the next ones */
		ret = riscv_cq_run(&queue->cq, NULL, 0);
	}
	riscv_source_release(queue, source);
	return ret;
}

static void
watch(struct riscv_queue *queue, uint32_t *events)
{
	riscv_cq_watch(&queue->cq);
	if (queue->cq.failed != 0)
		*events |= UIOMMU_EVENT_FAILED;
}

/* Nothing to take. */
static __rte_noinline void
fetch_idle(struct riscv_queue *queue, uint32_t *events)
{
	const struct riscv_cq *cq = &queue->cq;
	const uint32_t period = cq->head != cq->tail ? IDLE_CHECK_BUSY : IDLE_CHECK;

	if ((++queue->idle & (period - 1)) == 0)
		watch(queue, events);
	if (cq->failed != 0)
		*events |= UIOMMU_EVENT_FAILED;
}

/* Never idle: errors are looked for all the same. */
static __rte_noinline __rte_cold void
fetch_busy_check(struct riscv_queue *queue, uint32_t *events)
{
	riscv_cq_check(&queue->cq);
	if (queue->has_pq && requests_check(queue))
		/* more than was taken since: have it looked at when it is empty */
		queue->pq.checked = queue->pq.head - queue->pq.mask;
	if (queue->cq.failed != 0)
		*events |= UIOMMU_EVENT_FAILED;
}

static __rte_noinline void
fetch_faults(struct riscv_queue *queue, uint32_t *events)
{
	riscv_faults_take(queue);
	if (!uiommu_reports_is_empty(&queue->reports))
		*events |= UIOMMU_EVENT_REPORTS;
}

static uint16_t
riscv_fetch(void *queue_private, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken,
	    uint32_t *events)
{
	struct riscv_queue *queue = queue_private;
	struct riscv_cq *cq = &queue->cq;
	uint16_t n = 0;
	uint32_t room;

	*taken = 0;
	if (unlikely(cq->failed != 0)) {
		*events |= UIOMMU_EVENT_FAILED;
		return 0;
	}
	if (unlikely((++queue->turns & (FAULTS_PERIOD - 1)) == 0)) {
		fetch_faults(queue, events);
		if ((queue->turns & (BUSY_CHECK - 1)) == 0)
			fetch_busy_check(queue, events);
	}
	room = riscv_cq_room(cq);
	if (unlikely(room < nb)) {
		riscv_cq_refresh(cq);
		room = riscv_cq_room(cq);
	}
	/* no room for a single response: entries stay where they are */
	if (unlikely(room == 0)) {
		uiommu_count(&cq->stats.cq_full, 1);
		watch(queue, events);
		return 0;
	}
	if (likely(queue->has_pq))
		n = requests_take(queue, faults, (uint16_t)RTE_MIN(room, (uint32_t)nb), taken,
				  events);
	if (*taken == 0)
		fetch_idle(queue, events);
	return n;
}

/*
 * Too little room, or a unit that is dead. What is handed to a dead one is lost, and taken all the
 * same, so that the engine does not keep it for ever.
 *
 * @return responses to be written
 */
static __rte_noinline __rte_cold uint16_t
respond_short(struct riscv_cq *cq, uint16_t nb, uint16_t *lost)
{
	if (cq->failed == 0) {
		uiommu_count(&cq->stats.cq_full, 1);
		riscv_cq_watch(cq);
	}
	if (cq->failed != 0) {
		uiommu_count(&cq->stats.responses_lost, nb);
		*lost = nb;
		return 0;
	}
	return (uint16_t)RTE_MIN(riscv_cq_room(cq), (uint32_t)nb);
}

/* There is room for a fence, whatever room() says: it has its place in the reserve. */
static uint16_t
riscv_respond(void *queue_private, const struct uiommu_resp *resps, uint16_t nb)
{
	struct riscv_cq *cq = &((struct riscv_queue *)queue_private)->cq;
	struct riscv_cmd *ring = cq->ring;
	const uint32_t mask = cq->mask;
	uint32_t i, room, tail;
	uint16_t lost = 0;

	room = riscv_cq_room(cq);
	if (unlikely(room < nb)) {
		riscv_cq_refresh(cq);
		room = riscv_cq_room(cq);
	}
	if (unlikely(room < nb || cq->failed != 0)) {
		nb = respond_short(cq, nb, &lost);
		if (nb == 0)
			return lost;
	}
	/* not before: what was repaired may have moved it */
	tail = cq->tail;
	for (i = 0; i < nb; i++) {
		struct riscv_cmd *cmd = &ring[(tail + i) & mask];

		riscv_prgr_encode(&resps[i], &cmd->q[0], &cmd->q[1]);
	}
	if (tail + nb - cq->fenced >= RISCV_FENCE_EVERY) {
		ring[(tail + i++) & mask] = riscv_fence(0);
		riscv_cq_fenced(cq, nb);
	}
	riscv_cq_submit(cq, i);
	return nb;
}

static uint16_t
riscv_room(void *queue_private)
{
	struct riscv_cq *cq = &((struct riscv_queue *)queue_private)->cq;
	uint32_t room;

	if (cq->failed != 0)
		return 0;
	room = riscv_cq_room(cq);
	if (room < ROOM_LOW) {
		riscv_cq_refresh(cq);
		room = riscv_cq_room(cq);
	}
	if (room == 0)
		riscv_cq_watch(cq);
	return (uint16_t)RTE_MIN(room, (uint32_t)UINT16_MAX);
}

/*
 * "Guidelines for handling interrupts from IOMMU", but the queue is emptied before the unit may add
 * to it again: what comes then is no part of a group that is broken.
 */
static bool
riscv_overflow_ack(void *queue_private)
{
	struct riscv_queue *queue = queue_private;
	struct riscv_source *source = &queue->pq;

	if (!queue->has_pq || riscv_source_look(queue, source) != 0)
		return false;
	/* the register may not be written yet */
	if ((uiommu_reg_read32(queue->plat, RISCV_REG_PQCSR) & RISCV_CSR_BUSY) != 0)
		return false;
	uiommu_reg_write32(queue->plat, RISCV_REG_IPSR, RISCV_IPSR_PIP);
	uiommu_reg_write32(queue->plat, RISCV_REG_PQCSR, RISCV_CSR_EN | RISCV_CSR_OF);
	source->checked = source->head;
	uiommu_count(&queue->stats.overflows, 1);
	return true;
}

/* Fault records are never answered, so nobody waits for them. */
static void
riscv_mark(void *queue_private, uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	struct riscv_queue *queue = queue_private;

	marks[0] = queue->has_pq ? queue->pq.taken + riscv_source_look(queue, &queue->pq) : 0;
	marks[1] = 0;
}

static bool
riscv_is_past(void *queue_private, const uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	return ((const struct riscv_queue *)queue_private)->pq.taken >= marks[0];
}

static uint16_t
riscv_reports(void *queue_private, struct uiommu_report *reports, uint16_t nb, uint64_t *lost)
{
	return uiommu_reports_take(&((struct riscv_queue *)queue_private)->reports, reports, nb,
				   lost);
}

const struct uiommu_queue_ops riscv_queue_ops = {
	.fetch = riscv_fetch,
	.respond = riscv_respond,
	.room = riscv_room,
	.overflow_ack = riscv_overflow_ack,
	.mark = riscv_mark,
	.is_past = riscv_is_past,
	.cmd_step = riscv_cmd_step,
	.invalidate = riscv_invalidate,
	.reports = riscv_reports,
};
