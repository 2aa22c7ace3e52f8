/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Fault records, "Fault/Event-Queue (FQ)". When there is no room they are lost, and so are those
 * that follow, until software has acknowledged it.
 */

#include "riscv_model.h"

/* Code of "Page Request" messages, PCIe */
#define MESSAGE_PAGE_REQUEST 0x04

/* "Fault record CAUSE field encodings": reported if DTF is 1 */
static bool
is_always_told(unsigned int cause)
{
	return (cause >= RISCV_CAUSE_ALL_DISALLOWED && cause <= RISCV_CAUSE_DDT_MISCONFIGURED) ||
	       cause == RISCV_CAUSE_DDT_CORRUPT || cause == RISCV_CAUSE_INTERNAL ||
	       cause == RISCV_CAUSE_MSI_WRITE;
}

static void
record_put(struct uiommu_emu *emu, const uint64_t *word)
{
	struct riscv_model *riscv = emu->unit;
	const uint32_t csr = riscv_csr(riscv, RISCV_FQ);
	bool room;

	if (!riscv_is_on(riscv, RISCV_FQ) || (csr & riscv_errors(RISCV_FQ)) != 0) {
		uiommu_count(&emu->live.reports_lost, 1);
		return;
	}
	if (emu->events.base == NULL || emu_fault_take(emu, UIOMMU_EMU_FAULT_EVENT_ABORT)) {
		riscv_model_csr_set(emu, RISCV_FQ, RISCV_CSR_MF);
		uiommu_count(&emu->live.reports_lost, 1);
		return;
	}
	if (emu->events.room == 0)
		riscv_model_room(emu);
	room = emu->events.room > 0;
	if (!room || emu_fault_take(emu, UIOMMU_EMU_FAULT_EVENT_OVERFLOW)) {
		/* what fills the queue is seen before the flag is */
		riscv_model_publish(emu);
		riscv_model_csr_set(emu, RISCV_FQ, RISCV_CSR_OF);
		uiommu_count(&emu->live.reports_lost, 1);
		uiommu_count(&emu->live.report_overflows, 1);
		return;
	}
	emu_ring_put(&emu->events, word, RISCV_FAULT_SHIFT);
	uiommu_count(&emu->live.reports, 1);
	riscv_model_publish(emu);
}

void
riscv_model_report(struct uiommu_emu *emu, unsigned int cause, unsigned int ttyp,
		   const struct emu_message *msg, bool dtf)
{
	uint64_t word[4] = {cause, 0, msg->iova, 0};

	if (dtf && !is_always_told(cause))
		return;
	word[0] |= (uint64_t)ttyp << RISCV_FAULT0_TTYP_SHIFT |
		   (uint64_t)msg->endpoint_id << RISCV_FAULT0_DID_SHIFT;
	if (msg->pasid != EMU_NO_PASID) {
		word[0] |= RISCV_FAULT0_PV | (uint64_t)msg->pasid << RISCV_FAULT0_PID_SHIFT;
		if ((msg->flags & EMU_REQ_PRIV) != 0)
			word[0] |= RISCV_FAULT0_PRIV;
	}
	if (ttyp == RISCV_TTYP_MESSAGE)
		word[2] = MESSAGE_PAGE_REQUEST;
	record_put(emu, word);
}

void
riscv_model_report_own(struct uiommu_emu *emu, unsigned int cause, uint64_t iotval)
{
	const uint64_t word[4] = {cause, 0, iotval, 0};

	record_put(emu, word);
}
