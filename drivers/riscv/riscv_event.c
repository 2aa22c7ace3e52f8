/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queue, "Fault/Event-Queue (FQ)": records become reports. Nothing is ever answered. */

#include <rte_branch_prediction.h>

#include "riscv_pvt.h"

/** Records of one look at most. */
#define FAULTS_MAX 64

static void
record_take(struct riscv_queue *queue, const struct riscv_fault *entry)
{
	struct uiommu_report report;
	/* read once: judged and decoded is what was read, whatever is written meanwhile */
	const uint64_t w0 = __atomic_load_n(&entry->q[0], __ATOMIC_RELAXED);
	const uint64_t iotval = __atomic_load_n(&entry->q[2], __ATOMIC_RELAXED);

	if (!riscv_fault_has_device(w0)) {
		uiommu_count(&queue->stats.faults_other, 1);
		return;
	}
	riscv_fault_decode(w0, iotval, &report);
	uiommu_reports_add(&queue->reports, &report);
}

/*
 * "Fault queue CSR": the unit drops all records until the bits are cleared, so the queue was full,
 * or could not be written. What was lost is not counted by the unit.
 */
static void
errors_clear(struct riscv_queue *queue, uint32_t csr)
{
	const uint32_t errors = csr & (RISCV_CSR_MF | RISCV_CSR_OF);

	/* all ones: the unit has gone, which others find */
	if (errors == 0 || csr == UINT32_MAX || (csr & RISCV_CSR_BUSY) != 0)
		return;
	if ((errors & RISCV_CSR_OF) != 0)
		uiommu_count(&queue->stats.fault_overflows, 1);
	if ((errors & RISCV_CSR_MF) != 0)
		uiommu_count(&queue->stats.fault_aborts, 1);
	queue->reports.lost++;
	uiommu_reg_write32(queue->plat, RISCV_REG_FQCSR, RISCV_CSR_EN | errors);
}

void
riscv_faults_take(struct riscv_queue *queue)
{
	struct riscv_source *source = &queue->fq;
	const struct riscv_fault *ring = source->ring;
	const uint32_t n = RTE_MIN(riscv_source_look(queue, source), (uint32_t)FAULTS_MAX);
	uint32_t i;

	for (i = 0; i < n; i++)
		record_take(queue, &ring[(source->head + i) & source->mask]);
	source->head += n;
	source->taken += n;
	if (n != 0)
		riscv_source_release(queue, source);
	if (source->head != source->tail || !riscv_source_is_due(source))
		return;
	errors_clear(queue, uiommu_reg_read32(queue->plat, RISCV_REG_FQCSR));
	source->checked = source->head;
}
