/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What was written to control registers takes effect, and busy goes: a step after the write.
 */

#include "riscv_model.h"

static void
cq_open(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	struct riscv_queue *queue = &riscv->queues[RISCV_CQ];

	riscv_model_queue_open(emu, RISCV_CQ);
	riscv->cq = emu_memory_is_used(emu, queue->pa, queue->size) ?
			    (uint64_t *)(uintptr_t)queue->pa :
			    NULL;
	riscv->cq_mask = riscv_queue_mask(queue->base);
	riscv->cq_head = 0;
	riscv->cq_seen = 0;
	riscv->nb_held = 0;
	riscv->pending.nb = 0;
	riscv->pending_bonds.nb = 0;
	emu->asked.failed = false;
	__atomic_store_n(&queue->head, 0, __ATOMIC_RELEASE);
}

/* "Changing cqen from 0 to 1 sets ..."; on and busy follow. */
static void
csr_take(struct uiommu_emu *emu, enum riscv_queue_id id)
{
	struct riscv_model *riscv = emu->unit;
	struct riscv_queue *queue = &riscv->queues[id];
	const bool enable = (riscv_csr(riscv, id) & RISCV_CSR_EN) != 0;
	uint32_t clear = RISCV_CSR_BUSY;

	if (enable && !riscv_is_on(riscv, id)) {
		if (id == RISCV_CQ)
			cq_open(emu);
		else
			riscv_model_queue_open(emu, id);
		riscv->on |= 1U << id;
		clear |= riscv_errors(id) | (id == RISCV_CQ ? RISCV_CQCSR_FENCE_W_IP : 0);
		__atomic_fetch_or(&queue->csr, RISCV_CSR_ON, __ATOMIC_RELEASE);
	} else if (!enable && riscv_is_on(riscv, id)) {
		if (id == RISCV_CQ)
			riscv->cq = NULL;
		else
			riscv_model_queue_close(emu, id);
		riscv->on &= ~(1U << id);
		clear |= RISCV_CSR_ON;
	}
	emu_bonds_disarm(emu);
	/* pairs with the acquire load of who waits for it */
	__atomic_fetch_and(&queue->csr, ~clear, __ATOMIC_RELEASE);
	riscv_model_csr_set(emu, id, 0);
}

static void
ddtp_take(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	/* pairs with the release store of it */
	const uint64_t ddtp = __atomic_load_n(&riscv->ddtp, __ATOMIC_ACQUIRE) & ~RISCV_DDTP_BUSY;

	/* what was observed before the write is dealt with before busy goes */
	riscv_model_publish(emu);
	riscv->ddtp_on = ddtp;
	emu_bonds_disarm(emu);
	__atomic_store_n(&riscv->ddtp, ddtp, __ATOMIC_RELEASE);
}

/* Memory was given back: queues may have lain in it. */
static void
queues_check(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	const struct riscv_queue *queues = riscv->queues;

	if (riscv->cq != NULL &&
	    !emu_memory_is_used(emu, queues[RISCV_CQ].pa, queues[RISCV_CQ].size))
		riscv->cq = NULL;
	if (emu->ring.base != NULL &&
	    !emu_memory_is_used(emu, queues[RISCV_PQ].pa, queues[RISCV_PQ].size))
		emu->ring.base = NULL;
	if (emu->events.base != NULL &&
	    !emu_memory_is_used(emu, queues[RISCV_FQ].pa, queues[RISCV_FQ].size))
		emu->events.base = NULL;
}

void
riscv_model_commands(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	unsigned int id;
	uint32_t what;

	if (unlikely(emu_memory_shrank(emu->memory, &riscv->freed)))
		queues_check(emu);
	if (likely(__atomic_load_n(&riscv->written, __ATOMIC_RELAXED) == 0))
		return;
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS))
		return;
	/* pairs with the release in the register writes */
	what = __atomic_exchange_n(&riscv->written, 0, __ATOMIC_ACQUIRE);
	for (id = 0; id < RISCV_QUEUES; id++)
		if ((what & RISCV_WRITTEN_CSR(id)) != 0)
			csr_take(emu, (enum riscv_queue_id)id);
	if ((what & RISCV_WRITTEN_DDTP) != 0)
		ddtp_take(emu);
	if ((what & RISCV_WRITTEN_IRQ) != 0)
		riscv_model_interrupts_again(emu);
	if ((what & RISCV_WRITTEN_TR) != 0)
		riscv_model_debug(emu);
}
