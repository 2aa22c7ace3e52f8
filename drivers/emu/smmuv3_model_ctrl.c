/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Control registers taking effect, S 6.3.9: fields of CR0 are acknowledged a step later.
 */

#include "smmuv3_model.h"

static void
cmdq_open(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint64_t base = __atomic_load_n(&smmu->cmdq_base, __ATOMIC_RELAXED);
	const uint32_t order_max =
		smmuv3_field(smmu->idr[1], SMMUV3_IDR1_CMDQS_SHIFT, SMMUV3_IDR1_CMDQS_MASK);
	uint64_t size;

	smmu->cmdq_order = (uint32_t)RTE_MIN(base & SMMUV3_QUEUE_BASE_LOG2SIZE_MASK,
					     (uint64_t)order_max);
	size = (uint64_t)SMMUV3_CMD_SIZE << smmu->cmdq_order;
	/* S 6.3.26: aligned to its size by the unit */
	smmu->cmdq_pa = base & SMMUV3_QUEUE_BASE_ADDR_MASK & ~(RTE_MAX(size, UINT64_C(32)) - 1);
	smmu->cmdq = emu_memory_at(emu, smmu->cmdq_pa, size);
	smmu->cmdq_head = __atomic_load_n(&smmu->cmdq_cons, __ATOMIC_RELAXED) &
			  ((2U << smmu->cmdq_order) - 1);
	smmu->cmdq_seen = smmu->cmdq_head;
	if (smmu->cmdq == NULL)
		emu_violation(emu, &emu->live.protocol,
			      "CMDQ_BASE 0x%" PRIx64 " is not the unit's memory", base);
	else if (smmu->cmdq_pa != (base & SMMUV3_QUEUE_BASE_ADDR_MASK))
		emu_violation(emu, &emu->live.protocol,
			      "CMDQ_BASE 0x%" PRIx64 " is not aligned to the queue's size", base);
}

static void
outputs_switch(struct uiommu_emu *emu, uint32_t on, uint32_t changed)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t pri = SMMUV3_CR0_SMMUEN | SMMUV3_CR0_PRIQEN;

	if ((changed & SMMUV3_CR0_EVENTQEN) != 0)
		smmuv3_model_queue_switch(emu, &emu->events, &smmu->eventq,
					  (on & SMMUV3_CR0_EVENTQEN) != 0);
	/* what is effective, S 6.3.9.5 */
	if ((changed & pri) != 0)
		smmuv3_model_queue_switch(emu, &emu->ring, &smmu->priq, (on & pri) == pri);
}

/* S 6.3.24, 6.3.25 */
static void
table_take(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t cfg = __atomic_load_n(&smmu->strtab_cfg, __ATOMIC_RELAXED);
	const uint64_t base = __atomic_load_n(&smmu->strtab_base, __ATOMIC_RELAXED) &
			      SMMUV3_STRTAB_BASE_ADDR_MASK;
	const uint32_t log2size = cfg & SMMUV3_STRTAB_CFG_LOG2SIZE_MASK;
	uint32_t split = smmuv3_field(cfg, SMMUV3_STRTAB_CFG_SPLIT_SHIFT,
				      SMMUV3_STRTAB_CFG_SPLIT_MASK);
	unsigned int shift = SMMUV3_STE_SHIFT + log2size;

	smmu->strtab_split = 0;
	if (smmuv3_field(smmu->idr[0], SMMUV3_IDR0_ST_LEVEL_SHIFT, SMMUV3_IDR0_ST_LEVEL_MASK) !=
		    SMMUV3_ST_LEVEL_LINEAR &&
	    smmuv3_field(cfg, SMMUV3_STRTAB_CFG_FMT_SHIFT, SMMUV3_STRTAB_CFG_FMT_MASK) ==
		    SMMUV3_STRTAB_FMT_TWO) {
		if (split != SMMUV3_SPLIT_16K && split != SMMUV3_SPLIT_64K)
			split = SMMUV3_SPLIT_4K;
		smmu->strtab_split = split;
		shift = log2size > split ? log2size - split + 3 : 3;
	}
	shift = RTE_MIN(RTE_MAX(shift, 6U), 55U);
	smmu->strtab_log2 = RTE_MIN(log2size, smmu->idr[1] & SMMUV3_IDR1_SIDSIZE_MASK);
	smmu->strtab_pa = base & ~((UINT64_C(1) << shift) - 1);
	if (smmu->strtab_pa != base)
		emu_violation(emu, &emu->live.protocol,
			      "STRTAB_BASE 0x%" PRIx64 " is not aligned to the table's size", base);
}

static void
translation_switch(struct uiommu_emu *emu, bool on)
{
	struct smmuv3_model *smmu = emu->unit;
	uint32_t i;

	emu_bonds_disarm(emu);
	if (on) {
		table_take(emu);
		/* S 3.11, 6.3.9.6: caches hold anything after reset */
		if (!smmu->config_clean || !smmu->tlb_clean)
			emu_violation(emu, &emu->live.protocol,
				      "SMMUEN set before caches were invalidated");
		return;
	}
	/* S 6.3.9.6: what waits is terminated */
	for (i = 1; i < emu->nb_devices; i++)
		if (emu->devices[i]->stalls)
			emu_stalls_end(emu, i);
}

static void
cr0_take(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;
	/* pairs with the release store of it */
	const uint32_t on = __atomic_load_n(&smmu->cr0, __ATOMIC_ACQUIRE);
	const uint32_t changed = on ^ smmu->on;

	smmuv3_model_publish(emu);
	if ((changed & on & SMMUV3_CR0_CMDQEN) != 0)
		cmdq_open(emu);
	if ((changed & SMMUV3_CR0_SMMUEN) != 0)
		translation_switch(emu, (on & SMMUV3_CR0_SMMUEN) != 0);
	smmu->on = on;
	outputs_switch(emu, on, changed);
	emu_bonds_disarm(emu);
	__atomic_store_n(&smmu->cr0ack, on, __ATOMIC_RELEASE);
}

static void
written_take(struct uiommu_emu *emu, uint32_t what)
{
	struct smmuv3_model *smmu = emu->unit;

	if ((what & SMMUV3_WRITTEN_GBPA) != 0)
		__atomic_store_n(&smmu->gbpa, __atomic_load_n(&smmu->gbpa_new, __ATOMIC_RELAXED),
				 __ATOMIC_RELEASE);
	if ((what & SMMUV3_WRITTEN_IRQ_CTRL) != 0)
		__atomic_store_n(&smmu->irq_ctrlack,
				 __atomic_load_n(&smmu->irq_ctrl, __ATOMIC_RELAXED),
				 __ATOMIC_RELEASE);
	if ((what & SMMUV3_WRITTEN_CR0) != 0)
		cr0_take(emu);
}

/* Memory was given back: queues may have lain in it. */
static void
queues_check(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;

	if (smmu->cmdq != NULL &&
	    !emu_memory_is_used(emu, smmu->cmdq_pa,
				(size_t)SMMUV3_CMD_SIZE << smmu->cmdq_order))
		smmu->cmdq = NULL;
	if (emu->ring.base != NULL && !emu_memory_is_used(emu, smmu->priq.pa, smmu->priq.size))
		emu->ring.base = NULL;
	if (emu->events.base != NULL &&
	    !emu_memory_is_used(emu, smmu->eventq.pa, smmu->eventq.size))
		emu->events.base = NULL;
}

void
smmuv3_model_commands(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;
	uint32_t what;

	if (unlikely(emu_memory_shrank(emu->memory, &smmu->freed)))
		queues_check(emu);
	if (unlikely(emu_fault_take(emu, UIOMMU_EMU_FAULT_SERVICE_FAILURE))) {
		smmu->failed = true;
		smmuv3_model_error(smmu, SMMUV3_GERROR_SFM);
	}
	if (likely(__atomic_load_n(&smmu->written, __ATOMIC_RELAXED) == 0))
		return;
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS))
		return;
	/* pairs with the release in the register writes */
	what = __atomic_exchange_n(&smmu->written, 0, __ATOMIC_ACQUIRE);
	written_take(emu, what);
}
