/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Command queue: fetching, S 4.1.2, 7.1, and answers that are simply right.
 */

#include "smmuv3_model_layout.h"

static const uint64_t *
command_at(const struct smmuv3_model *smmu, uint32_t at)
{
	return smmu->cmdq + (size_t)(at & ((1U << smmu->cmdq_order) - 1)) * 2;
}

/* The PROD that software wrote, with wrap. @return false: it is none */
static bool
prod_check(struct uiommu_emu *emu, uint32_t *prod)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t wrap_mask = (2U << smmu->cmdq_order) - 1;
	/* pairs with the release store of it: commands before it are there */
	const uint32_t reg = __atomic_load_n(&smmu->cmdq_prod, __ATOMIC_ACQUIRE);
	const uint32_t nb = (reg - smmu->cmdq_head) & wrap_mask;

	*prod = reg & wrap_mask;
	if (reg != *prod) {
		emu_violation(emu, &emu->live.protocol, "CMDQ_PROD written with 0x%x", reg);
		__atomic_store_n(&smmu->cmdq_prod, *prod, __ATOMIC_RELAXED);
	}
	if (nb > 1U << smmu->cmdq_order) {
		emu_violation(emu, &emu->live.protocol,
			      "command queue overrun: CMDQ_PROD 0x%x, CMDQ_CONS 0x%x", reg,
			      smmu->cmdq_head);
		return false;
	}
	/* what was seen to be in the queue is still there */
	if (nb < ((smmu->cmdq_seen - smmu->cmdq_head) & wrap_mask))
		emu_violation(emu, &emu->live.protocol, "CMDQ_PROD 0x%x moved backwards", reg);
	smmu->cmdq_seen = *prod;
	return true;
}

/* An answer that is simply right. */
static __rte_always_inline bool
is_good(struct uiommu_emu *emu, const uint64_t *word, struct emu_run *run, const bool several)
{
	switch (word[0] & SMMUV3_CMD0_OP_MASK) {
	case SMMUV3_CMD_PRI_RESP:
		return emu_fast_judge(emu, word, run, SMMUV3_MODEL_LAYOUT(emu), several);
	case SMMUV3_CMD_RESUME:
		return emu_fast_judge(emu, word, run, SMMUV3_MODEL_STALL_LAYOUT(emu), several);
	default:
		/* what software said before holds until this is carried out */
		if (several)
			emu_verify_flush(emu);
		return false;
	}
}

/* @return responses */
static __rte_always_inline unsigned int
entries_execute(struct uiommu_emu *emu, uint32_t prod, unsigned int max, const bool several)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t wrap_mask = (2U << smmu->cmdq_order) - 1;
	unsigned int done = 0, responses = 0;
	uint32_t head = smmu->cmdq_head;
	struct emu_run run = {0};
	enum smmuv3_done what = SMMUV3_DONE;
	uint64_t word[2];

	while (head != prod && done < max) {
		word[0] = command_at(smmu, head)[0];
		word[1] = command_at(smmu, head)[1];
		if (((prod - head) & wrap_mask) > EMU_LOOK_AHEAD)
			emu_slot_prefetch(emu, command_at(smmu, head + EMU_LOOK_AHEAD),
					  SMMUV3_MODEL_LAYOUT(emu));
		if (unlikely(!is_good(emu, word, &run, several))) {
			responses += emu_run_end(emu, &run);
			smmu->cmdq_head = head;
			what = smmuv3_model_command(emu, word);
			if (what == SMMUV3_STUCK)
				break;
			responses += what == SMMUV3_DONE_ANSWER;
		}
		head = (head + 1) & wrap_mask;
		done++;
	}
	responses += emu_run_end(emu, &run);
	smmu->cmdq_head = head;
	/* an error has its reason in there */
	if (!smmuv3_model_error_is_active(smmu, SMMUV3_GERROR_CMDQ))
		/* the places are free again: pairs with the acquire load of the register */
		__atomic_store_n(&smmu->cmdq_cons, head, __ATOMIC_RELEASE);
	return responses;
}

/* Ways in which fetching goes wrong. @return true: it does */
static bool
fetch_fails(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;
	const enum emu_fetch fetch = emu_fetch_look(emu, smmu->cmdq != NULL);

	if (fetch == EMU_FETCH_ABORT)
		smmuv3_model_command_error(smmu, SMMUV3_CERROR_ABT);
	else if (fetch == EMU_FETCH_ILLEGAL)
		smmuv3_model_command_error(smmu, SMMUV3_CERROR_ILL);
	return fetch != EMU_FETCH_GOES;
}

unsigned int
smmuv3_model_execute(struct uiommu_emu *emu, unsigned int max)
{
	struct smmuv3_model *smmu = emu->unit;
	uint32_t prod;

	if (!smmuv3_is_on(smmu, SMMUV3_CR0_CMDQEN))
		return 0;
	if (unlikely(smmuv3_model_error_is_active(smmu, SMMUV3_GERROR_CMDQ)))
		return 0;
	if (__atomic_load_n(&smmu->cmdq_prod, __ATOMIC_RELAXED) == smmu->cmdq_head)
		return 0;
	if (fetch_fails(emu) || !prod_check(emu, &prod))
		return 0;
	/* groups of one page that nobody verifies: a loop that knows */
	return emu->several ? entries_execute(emu, prod, max, true) :
			      entries_execute(emu, prod, max, false);
}
