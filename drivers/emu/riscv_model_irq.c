/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Bits of csrs that software is to hear of, ipsr, and messages, "Interrupt pending status register
 * (ipsr)", "MSI configuration table (msi_cfg_tbl)". On the model's thread.
 */

#include "riscv_model.h"

static const uint32_t pending_bits[] = {
	[RISCV_CQ] = RISCV_IPSR_CIP,
	[RISCV_FQ] = RISCV_IPSR_FIP,
	[RISCV_PQ] = RISCV_IPSR_PIP,
};
static const uint8_t vector_shifts[] = {
	[RISCV_CQ] = RISCV_ICVEC_CIV_SHIFT,
	[RISCV_FQ] = RISCV_ICVEC_FIV_SHIFT,
	[RISCV_PQ] = RISCV_ICVEC_PIV_SHIFT,
};

static void
message_write(struct uiommu_emu *emu, unsigned int vector)
{
	struct riscv_model *riscv = emu->unit;
	const struct riscv_msi *msi = &riscv->msi[vector];
	const uint64_t pa = __atomic_load_n(&msi->pa, __ATOMIC_RELAXED);
	uint32_t *at;

	if ((__atomic_load_n(&msi->control, __ATOMIC_ACQUIRE) & RISCV_MSI_VEC_CTL_M) != 0) {
		riscv->msi_waits |= (uint16_t)(1U << vector);
		return;
	}
	riscv->msi_waits &= (uint16_t)~(1U << vector);
	at = emu_memory_is_used(emu, pa, sizeof(*at)) ? (uint32_t *)(uintptr_t)pa : NULL;
	if (at == NULL)
		riscv_model_report_own(emu, RISCV_CAUSE_MSI_WRITE, pa);
	else
		/* what it speaks of is seen by who sees it */
		__atomic_store_n(at, __atomic_load_n(&msi->data, __ATOMIC_RELAXED),
				 __ATOMIC_RELEASE);
}

void
riscv_model_interrupt(struct uiommu_emu *emu, enum riscv_queue_id queue)
{
	struct riscv_model *riscv = emu->unit;
	uint32_t old;

	if ((riscv_csr(riscv, queue) & RISCV_CSR_IE) == 0)
		return;
	old = __atomic_fetch_or(&riscv->ipsr, pending_bits[queue], __ATOMIC_ACQ_REL);
	/* messages come with a bit's way from 0 to 1; a wire just is as the bit is */
	if ((old & pending_bits[queue]) == 0 &&
	    (__atomic_load_n(&riscv->fctl, __ATOMIC_RELAXED) & RISCV_FCTL_WSI) == 0)
		message_write(emu, (unsigned int)(__atomic_load_n(&riscv->icvec,
								  __ATOMIC_RELAXED) >>
							  vector_shifts[queue] &
						  RISCV_ICVEC_FIELD_MASK));
}

void
riscv_model_csr_set(struct uiommu_emu *emu, enum riscv_queue_id queue, uint32_t bits)
{
	struct riscv_model *riscv = emu->unit;
	const uint32_t old =
		__atomic_fetch_or(&riscv->queues[queue].csr, bits, __ATOMIC_ACQ_REL);
	const uint32_t told = riscv_errors(queue) |
			      (queue == RISCV_CQ ? RISCV_CQCSR_FENCE_W_IP : 0);

	if (((old | bits) & told) != 0)
		riscv_model_interrupt(emu, queue);
}

void
riscv_model_interrupts_again(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	unsigned int i;

	/* "if the conditions to set that bit are still present" */
	for (i = 0; i < RISCV_QUEUES; i++)
		riscv_model_csr_set(emu, (enum riscv_queue_id)i, 0);
	for (i = 0; i < RISCV_MSI_ENTRIES; i++)
		if ((riscv->msi_waits & 1U << i) != 0)
			message_write(emu, i);
}
