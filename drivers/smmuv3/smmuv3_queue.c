/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "smmuv3_pvt.h"

/** Entries that are prefetched ahead of the one being decoded; four to a cache line. */
#define PREFETCH_AHEAD 16
/** Idle fetches between two looks at the unit's error register, power of two. */
#define IDLE_CHECK 1024
/** The same while the unit has commands to carry out. */
#define IDLE_CHECK_BUSY 64

/** Bits of *_PROD that are neither index, wrap nor overflow, S 6.3. */
#define PROD_RESERVED (~(SMMUV3_QUEUE_INDEX_MASK | SMMUV3_PROD_OVFLG))

/** Fetches between two such looks, whatever there is to do, power of two. */
#define BUSY_CHECK 4096
/**
 * A source that was empty so many times in a row is looked at in two fetches of QUIET_PERIOD (power
 * of two), as long as the other one has something: looking is reading a register.
 */
#define QUIET_AFTER 16
#define QUIET_PERIOD 8

/** room() looks at the unit when it knows of less room than this: the largest burst. */
#define ROOM_LOW 512

/** Entries of a burst that are no plain requests, by kind. */
struct odd_counts {
	uint32_t kinds[SMMUV3_PRI_KINDS];
	uint32_t all;
	uint32_t left_out;
};

static void
source_reset(struct smmuv3_source *source)
{
	source->head = 0;
	source->tail = 0;
	source->overflow = 0;
	source->ack = 0;
	source->empty = 0;
}

void
smmuv3_queue_reset(struct smmuv3_queue *queue)
{
	source_reset(&queue->pri);
	source_reset(&queue->event);
	queue->idle = 0;
	uiommu_reports_reset(&queue->reports);
}

/*
 * The register holds what it cannot hold. All ones is what a unit that has gone reads as. Nothing
 * more is taken then, since what is in memory is old.
 *
 * @return whether it can be used all the same
 */
static __rte_noinline __rte_cold bool
wild_index(struct smmuv3_queue *queue, const struct smmuv3_source *source, uint32_t prod)
{
	uiommu_count(&queue->stats.wild_index, 1);
	if (prod != UINT32_MAX)
		return uiommu_ring_hw_wrap_used(source->head, prod, source->mask) <=
		       source->mask + 1;
	if (uiommu_reg_read32(queue->plat, SMMUV3_REG_GERROR) == UINT32_MAX)
		smmuv3_cmdq_fail(&queue->cmdq, -EIO, "registers read as all ones");
	return false;
}

uint32_t
smmuv3_source_look(struct smmuv3_queue *queue, struct smmuv3_source *source)
{
	const uint32_t prod = uiommu_reg_read32(queue->plat, source->prod_reg);
	const uint32_t used = uiommu_ring_hw_wrap_used(source->head, prod, source->mask);

	const bool odd = used > source->mask + 1 || (prod & PROD_RESERVED) != 0;

	if (likely(!odd) || wild_index(queue, source, prod)) {
		source->tail = source->head + used;
		source->overflow = prod & SMMUV3_PROD_OVFLG;
	}
	/* pairs with the unit, which writes entries before *_PROD (S 3.5.2) */
	uiommu_rmb_after_index();
	return source->tail - source->head;
}

/* Answered here, since nobody else can: an endpoint that there cannot be, or a unit that stops. */
static void
answer_invalid(struct smmuv3_queue *queue, uint64_t w0, uint64_t w1)
{
	struct smmuv3_cmd *cmd;
	struct uiommu_fault fault;
	struct uiommu_resp resp;

	if ((w0 & SMMUV3_PRI0_LAST) == 0)
		return;
	smmuv3_pri_decode(w0, w1, &fault);
	resp = (struct uiommu_resp){
		.endpoint_id = fault.endpoint_id,
		.pasid = fault.pasid,
		.prg_index = fault.prg_index,
		.code = UIOMMU_CODE_INVALID,
	};
	cmd = smmuv3_cmdq_slot(&queue->cmdq, queue->nb_ended++);
	smmuv3_pri_resp_encode(&resp, &cmd->q[0], &cmd->q[1]);
}

/* An entry that is not plain. @return 1: decoded; 0: left out */
static __rte_noinline __rte_cold uint16_t
take_odd(struct smmuv3_queue *queue, struct odd_counts *odd, uint64_t w0, uint64_t w1,
	 struct uiommu_fault *fault)
{
	const enum smmuv3_pri_kind kind = smmuv3_pri_classify(w0, w1);

	odd->kinds[kind]++;
	odd->all++;
	if (kind == SMMUV3_PRI_STOP_MARKER || kind == SMMUV3_PRI_BAD_STREAM) {
		odd->left_out++;
		if (kind == SMMUV3_PRI_BAD_STREAM)
			answer_invalid(queue, w0, w1);
		return 0;
	}
	smmuv3_pri_decode_odd(w0, w1, fault);
	return 1;
}

static __rte_noinline __rte_cold void
count_odd(struct smmuv3_queue_stats *stats, const struct odd_counts *odd)
{
	const uint32_t stop_markers = odd->kinds[SMMUV3_PRI_STOP_MARKER];

	uiommu_count(&stats->malformed, odd->left_out - stop_markers);
	uiommu_count(&stats->stop_markers, stop_markers);
	uiommu_count(&stats->malformed_stream, odd->kinds[SMMUV3_PRI_BAD_STREAM]);
	uiommu_count(&stats->malformed_reserved, odd->kinds[SMMUV3_PRI_BAD_RESERVED]);
	uiommu_count(&stats->malformed_access, odd->kinds[SMMUV3_PRI_BAD_ACCESS]);
	uiommu_count(&stats->malformed_address, odd->kinds[SMMUV3_PRI_BAD_ADDRESS]);
}

/*
 * Take up to nb page requests. While an overflow is not acknowledged the unit adds nothing
 * (S 8.1), so with the flag in the same value of PRIQ_PROD the queue is known to be empty.
 *
 * @return faults written
 */
static uint16_t
requests_take(struct smmuv3_queue *queue, struct uiommu_fault *faults, uint16_t nb,
	      uint16_t *consumed, uint32_t *events)
{
	struct smmuv3_source *source = &queue->pri;
	const struct smmuv3_pri *ring = source->ring;
	const uint32_t mask = source->mask;
	const uint32_t head = source->head;
	struct uiommu_fault *out = faults;
	uint32_t n = source->tail - head;
	struct odd_counts odd;
	uint64_t w0, w1;
	uint32_t i;

	if (n < nb)
		n = smmuv3_source_look(queue, source);
	*consumed = 0;
	source->empty = n == 0 ? source->empty + 1 : 0;
	if (n == 0) {
		if (unlikely(source->overflow != source->ack))
			*events |= UIOMMU_EVENT_OVERFLOW;
		return 0;
	}
	n = RTE_MIN(n, (uint32_t)nb);
	odd = (struct odd_counts){0};
	for (i = 0; i < n; i++) {
		const struct smmuv3_pri *entry = &ring[(head + i) & mask];

		rte_prefetch0(entry + PREFETCH_AHEAD);
		/* read once: judged and decoded is what was read, whatever is written meanwhile */
		w0 = __atomic_load_n(&entry->q[0], __ATOMIC_RELAXED);
		w1 = __atomic_load_n(&entry->q[1], __ATOMIC_RELAXED);
		if (likely(smmuv3_pri_is_plain(w0, w1))) {
			smmuv3_pri_decode(w0, w1, out);
			out++;
		} else {
			out += take_odd(queue, &odd, w0, w1, out);
		}
	}
	source->head = head + n;
	source->taken += n;
	/* S 8: before the responses, which let the devices send more */
	smmuv3_source_release(queue, source);
	if (unlikely(odd.all != 0))
		count_odd(&queue->stats, &odd);
	*consumed = (uint16_t)n;
	return (uint16_t)(out - faults);
}

int
smmuv3_requests_end(struct smmuv3_queue *queue)
{
	struct smmuv3_source *source = &queue->pri;
	const struct smmuv3_pri *ring = source->ring;
	uint32_t left = smmuv3_source_look(queue, source), n, i;
	int ret = 0;

	for (; left != 0 && ret == 0; left -= n) {
		n = RTE_MIN(left, (uint32_t)SMMUV3_CMDQ_RESERVE);
		for (i = 0; i < n; i++) {
			const struct smmuv3_pri *entry = &ring[(source->head + i) & source->mask];
			const uint64_t w0 = entry->q[0], w1 = entry->q[1];

			if (smmuv3_pri_classify(w0, w1) != SMMUV3_PRI_STOP_MARKER)
				answer_invalid(queue, w0, w1);
		}
		smmuv3_cmdq_submit(&queue->cmdq, queue->nb_ended);
		uiommu_count(&queue->stats.requests_ended, n);
		queue->nb_ended = 0;
		source->head += n;
		source->taken += n;
		/* all of them carried out, and room for the next ones */
		ret = smmuv3_cmdq_run(&queue->cmdq, NULL, 0);
	}
	smmuv3_source_release(queue, source);
	return ret;
}

/* Nothing to take. */
static __rte_noinline void
fetch_idle(struct smmuv3_queue *queue, uint32_t *events)
{
	struct smmuv3_cmdq *cmdq = &queue->cmdq;
	const uint32_t period = cmdq->head != cmdq->tail ? IDLE_CHECK_BUSY : IDLE_CHECK;

	if ((++queue->idle & (period - 1)) == 0)
		smmuv3_cmdq_watch(cmdq);
	if (cmdq->failed != 0)
		*events |= UIOMMU_EVENT_FAILED;
}

/* No room for a single response: entries stay where they are. */
static __rte_noinline __rte_cold void
fetch_no_room(struct smmuv3_queue *queue, uint32_t *events)
{
	uiommu_count(&queue->cmdq.stats.cmdq_full, 1);
	smmuv3_cmdq_watch(&queue->cmdq);
	if (queue->cmdq.failed != 0)
		*events |= UIOMMU_EVENT_FAILED;
}

/* Answers that were given by the way are sent, and reports are announced. */
static __rte_noinline __rte_cold void
fetch_extras(struct smmuv3_queue *queue, uint32_t *events)
{
	if (queue->nb_ended != 0)
		smmuv3_cmdq_submit(&queue->cmdq, queue->nb_ended);
	queue->nb_ended = 0;
	if (!uiommu_reports_is_empty(&queue->reports))
		*events |= UIOMMU_EVENT_REPORTS;
}

/* Never idle: errors are looked for all the same. */
static __rte_noinline __rte_cold void
fetch_busy_check(struct smmuv3_queue *queue, uint32_t *events)
{
	smmuv3_cmdq_check(&queue->cmdq);
	if (queue->cmdq.failed != 0)
		*events |= UIOMMU_EVENT_FAILED;
}

/* What is under way in one fetch. */
struct fetch {
	struct uiommu_fault *faults;
	uint16_t nb;          /* faults that fit */
	uint16_t nb_faults;   /* that there are */
	uint16_t nb_consumed; /* entries, reports among them */
	uint16_t nb_taken;    /* entries without them */
};

static inline void
fetch_requests(struct smmuv3_queue *queue, struct fetch *fetch, uint32_t *events)
{
	uint16_t consumed;

	if (fetch->nb_consumed == fetch->nb)
		return;
	fetch->nb_faults += requests_take(queue, fetch->faults + fetch->nb_faults,
					  fetch->nb - fetch->nb_consumed, &consumed, events);
	fetch->nb_consumed += consumed;
	fetch->nb_taken += consumed;
}

static inline void
fetch_events(struct smmuv3_queue *queue, struct fetch *fetch)
{
	uint16_t consumed, n;

	if (fetch->nb_consumed == fetch->nb)
		return;
	n = smmuv3_events_take(queue, fetch->faults + fetch->nb_faults,
			       fetch->nb - fetch->nb_consumed, &consumed);
	fetch->nb_faults += n;
	fetch->nb_consumed += consumed;
	fetch->nb_taken += n;
}

static inline bool
is_due(const struct smmuv3_queue *queue, const struct smmuv3_source *source)
{
	return source->empty < QUIET_AFTER || source->tail != source->head ||
	       (queue->turns & (QUIET_PERIOD - 1)) < 2;
}

/*
 * From both sources. The one whose turn it is may take all of a burst; the other one has what is
 * left, and its turn the next time. A quiet one is passed over where the other has something.
 */
static uint16_t
smmuv3_fetch(void *queue_private, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken,
	     uint32_t *events)
{
	struct smmuv3_queue *queue = queue_private;
	struct fetch fetch = {.faults = faults};
	bool has_requests, has_events;
	uint32_t room;

	*taken = 0;
	if (unlikely(queue->cmdq.failed != 0)) {
		*events |= UIOMMU_EVENT_FAILED;
		return 0;
	}
	if (unlikely((++queue->turns & (BUSY_CHECK - 1)) == 0))
		fetch_busy_check(queue, events);
	room = smmuv3_cmdq_room(&queue->cmdq);
	if (unlikely(room < nb)) {
		smmuv3_cmdq_refresh(&queue->cmdq);
		room = smmuv3_cmdq_room(&queue->cmdq);
	}
	if (unlikely(room == 0)) {
		fetch_no_room(queue, events);
		return 0;
	}
	fetch.nb = (uint16_t)RTE_MIN(room, (uint32_t)nb);
	has_requests = queue->has_pri && is_due(queue, &queue->pri);
	has_events = is_due(queue, &queue->event);
	if (has_requests && (queue->turns & 1) != 0)
		fetch_requests(queue, &fetch, events);
	if (has_events)
		fetch_events(queue, &fetch);
	if (has_requests && (queue->turns & 1) == 0)
		fetch_requests(queue, &fetch, events);
	if (unlikely(fetch.nb_consumed == 0)) {
		if (!has_events)
			fetch_events(queue, &fetch);
		if (queue->has_pri && !has_requests)
			fetch_requests(queue, &fetch, events);
		if (fetch.nb_consumed == 0)
			fetch_idle(queue, events);
	}
	if (unlikely(queue->nb_ended != 0 || !uiommu_reports_is_empty(&queue->reports)))
		fetch_extras(queue, events);
	*taken = fetch.nb_taken;
	return fetch.nb_faults;
}

/*
 * Too little room, or a unit that is dead. What is handed to a dead one is lost, and taken all the
 * same, so that the engine does not keep it for ever.
 *
 * @return responses to be written
 */
static __rte_noinline __rte_cold uint16_t
respond_short(struct smmuv3_cmdq *cmdq, uint16_t nb, uint16_t *lost)
{
	uint32_t room;

	if (cmdq->failed == 0) {
		uiommu_count(&cmdq->stats.cmdq_full, 1);
		smmuv3_cmdq_watch(cmdq);
	}
	if (cmdq->failed != 0) {
		uiommu_count(&cmdq->stats.responses_lost, nb);
		*lost = nb;
		return 0;
	}
	room = smmuv3_cmdq_room(cmdq);
	return (uint16_t)RTE_MIN(room, (uint32_t)nb);
}

static uint16_t
smmuv3_respond(void *queue_private, const struct uiommu_resp *resps, uint16_t nb)
{
	struct smmuv3_cmdq *cmdq = &((struct smmuv3_queue *)queue_private)->cmdq;
	struct smmuv3_cmd *ring = cmdq->ring;
	const uint32_t mask = cmdq->mask;
	uint32_t i, room, tail;
	uint16_t lost = 0;

	room = smmuv3_cmdq_room(cmdq);
	if (unlikely(room < nb)) {
		smmuv3_cmdq_refresh(cmdq);
		room = smmuv3_cmdq_room(cmdq);
	}
	if (unlikely(room < nb || cmdq->failed != 0)) {
		nb = respond_short(cmdq, nb, &lost);
		if (nb == 0)
			return lost;
	}
	/* not before: what was repaired may have moved it */
	tail = cmdq->tail;
	for (i = 0; i < nb; i++) {
		struct smmuv3_cmd *cmd = &ring[(tail + i) & mask];

		smmuv3_resp_encode(&resps[i], &cmd->q[0], &cmd->q[1]);
	}
	smmuv3_cmdq_submit(cmdq, nb);
	return nb;
}

static uint16_t
smmuv3_room(void *queue_private)
{
	struct smmuv3_cmdq *cmdq = &((struct smmuv3_queue *)queue_private)->cmdq;
	uint32_t room;

	if (cmdq->failed != 0)
		return 0;
	room = smmuv3_cmdq_room(cmdq);
	if (room < ROOM_LOW) {
		smmuv3_cmdq_refresh(cmdq);
		room = smmuv3_cmdq_room(cmdq);
	}
	if (room == 0)
		smmuv3_cmdq_watch(cmdq);
	return (uint16_t)RTE_MIN(room, (uint32_t)UINT16_MAX);
}

/* S 8.1.1: only when nothing is left in the queue; one write, with no new entry too */
static bool
smmuv3_overflow_ack(void *queue_private)
{
	struct smmuv3_queue *queue = queue_private;
	struct smmuv3_source *source = &queue->pri;

	if (!queue->has_pri || smmuv3_source_look(queue, source) != 0)
		return false;
	source->ack = source->overflow;
	smmuv3_source_release(queue, source);
	uiommu_count(&queue->stats.overflows, 1);
	return true;
}

static void
smmuv3_mark(void *queue_private, uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	struct smmuv3_queue *queue = queue_private;

	marks[SMMUV3_MARK_PRI] = queue->has_pri ?
		queue->pri.taken + smmuv3_source_look(queue, &queue->pri) : 0;
	marks[SMMUV3_MARK_EVENT] =
		queue->event.taken + smmuv3_source_look(queue, &queue->event);
}

static bool
smmuv3_is_past(void *queue_private, const uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	const struct smmuv3_queue *queue = queue_private;

	return queue->pri.taken >= marks[SMMUV3_MARK_PRI] &&
	       queue->event.taken >= marks[SMMUV3_MARK_EVENT];
}

static uint16_t
smmuv3_reports(void *queue_private, struct uiommu_report *reports, uint16_t nb, uint64_t *lost)
{
	return uiommu_reports_take(&((struct smmuv3_queue *)queue_private)->reports, reports, nb,
				   lost);
}

const struct uiommu_queue_ops smmuv3_queue_ops = {
	.fetch = smmuv3_fetch,
	.respond = smmuv3_respond,
	.room = smmuv3_room,
	.overflow_ack = smmuv3_overflow_ack,
	.mark = smmuv3_mark,
	.is_past = smmuv3_is_past,
	.cmd_step = smmuv3_cmd_step,
	.invalidate = smmuv3_invalidate,
	.reports = smmuv3_reports,
};
