/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Event queue, S 7: transactions that wait become faults, those that have ended reports. */

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_prefetch.h>

#include "smmuv3_pvt.h"

/** Entries that are prefetched ahead of the one being decoded; two to a cache line. */
#define EVENTS_AHEAD 8

/* End a stall here and now. There is room: no more is taken than can be answered. */
static void
stall_end(struct smmuv3_queue *queue, uint64_t w0, uint64_t w1, uint64_t action)
{
	struct smmuv3_cmd *cmd = smmuv3_cmdq_slot(&queue->cmdq, queue->nb_ended++);

	smmuv3_resume_encode(smmuv3_event_sid(w0), (uint16_t)(w1 & SMMUV3_EVT1_STAG_MASK), action,
			     &cmd->q[0], &cmd->q[1]);
}

/* @param now of the burst; with a rate. @return whether the engine is to see it */
static bool
stall_check(struct smmuv3_queue *queue, uint64_t w0, uint64_t w1, uint64_t now)
{
	struct smmuv3_storm_cell *cell = smmuv3_storm_find(&queue->storm, smmuv3_event_sid(w0));
	enum smmuv3_storm_verdict verdict;

	/* the engine answers for endpoints that it does not know */
	if (cell == NULL)
		return true;
	if (unlikely(cell->allowed == 0)) {
		uiommu_count(&queue->stats.stalls_refused, 1);
		stall_end(queue, w0, w1, SMMUV3_RESUME0_AB);
		return false;
	}
	if (queue->storm.rate == 0)
		return true;
	verdict = smmuv3_storm_count(&queue->storm, cell, now);
	if (likely(verdict == SMMUV3_STORM_PASS))
		return true;
	uiommu_count(&queue->stats.storms, verdict == SMMUV3_STORM_TRIPPED);
	uiommu_count(&queue->stats.stalls_calmed, 1);
	/* S 4.7.1: reads as zero, writes ignored, where the unit can do that */
	stall_end(queue, w0, w1, queue->abort_only ? SMMUV3_RESUME0_AB : 0);
	return false;
}

/* S 7.4: unlike the PRI queue the unit has gone on since; what was lost was not counted */
static __rte_noinline __rte_cold void
overflow_note(struct smmuv3_queue *queue)
{
	uiommu_count(&queue->stats.event_overflows, 1);
	queue->reports.lost++;
	queue->event.ack = queue->event.overflow;
}

static __rte_noinline void
report_keep(struct smmuv3_queue *queue, uint64_t w0, uint64_t w1, uint64_t input)
{
	struct uiommu_report report;

	if (smmuv3_event_type(w0) == SMMUV3_EVT_E_PAGE_REQUEST) {
		uiommu_count(&queue->stats.events_other, 1);
		return;
	}
	smmuv3_event_decode_report(w0, w1, input, &report);
	uiommu_reports_add(&queue->reports, &report);
}

uint16_t
smmuv3_events_take(struct smmuv3_queue *queue, struct uiommu_fault *faults, uint16_t nb,
		   uint16_t *consumed)
{
	struct smmuv3_source *source = &queue->event;
	const struct smmuv3_event *ring = source->ring;
	const uint32_t mask = source->mask;
	const uint32_t head = source->head;
	struct uiommu_fault *out = faults;
	uint32_t n = source->tail - head;
	uint64_t w[3], now = 0;
	bool overflow;
	uint32_t i;

	if (n < nb)
		n = smmuv3_source_look(queue, source);
	source->empty = n == 0 ? source->empty + 1 : 0;
	overflow = source->overflow != source->ack;
	if (unlikely(overflow))
		overflow_note(queue);
	n = RTE_MIN(n, (uint32_t)nb);
	if (unlikely(queue->storm.rate != 0 && n != 0))
		now = rte_get_tsc_cycles();
	for (i = 0; i < n; i++) {
		const struct smmuv3_event *entry = &ring[(head + i) & mask];

		rte_prefetch0(&ring[(head + i + EVENTS_AHEAD) & mask]);
		/* read once: judged and decoded is what was read, whatever is written meanwhile */
		w[0] = __atomic_load_n(&entry->q[0], __ATOMIC_RELAXED);
		w[1] = __atomic_load_n(&entry->q[1], __ATOMIC_RELAXED);
		w[2] = __atomic_load_n(&entry->q[2], __ATOMIC_RELAXED);
		if (unlikely(!smmuv3_event_is_stall(w[0], w[1])))
			report_keep(queue, w[0], w[1], w[2]);
		else if (likely(stall_check(queue, w[0], w[1], now)))
			smmuv3_event_decode(w[0], w[1], w[2], out++);
	}
	source->head = head + n;
	source->taken += n;
	if (n != 0 || overflow)
		smmuv3_source_release(queue, source);
	uiommu_count(&queue->stats.stalls, (uint64_t)(out - faults));
	*consumed = (uint16_t)n;
	return (uint16_t)(out - faults);
}
