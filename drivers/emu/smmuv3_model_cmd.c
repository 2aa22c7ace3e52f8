/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Commands, S 4: their fields, and what they do. Reserved fields are looked at: not zero is
 * CERROR_ILL.
 */

#include "smmuv3_model.h"

#define SID_BITS (SMMUV3_CMD0_SID_MASK << SMMUV3_CMD0_SID_SHIFT)
#define SSID_BITS (SMMUV3_CMD0_SSID_MASK << SMMUV3_CMD0_SSID_SHIFT)
#define VMID_BITS (SMMUV3_TLBI0_VMID_MASK << SMMUV3_TLBI0_VMID_SHIFT)
#define ASID_BITS (SMMUV3_TLBI0_ASID_MASK << SMMUV3_TLBI0_ASID_SHIFT)
#define RANGE0_BITS                                                                                \
	(SMMUV3_TLBI0_NUM_MASK << SMMUV3_TLBI0_NUM_SHIFT |                                         \
	 UINT64_C(0x1f) << SMMUV3_TLBI0_SCALE_SHIFT)
#define RANGE1_BITS                                                                                \
	(SMMUV3_TLBI1_TTL_MASK << SMMUV3_TLBI1_TTL_SHIFT |                                         \
	 SMMUV3_TLBI1_TG_MASK << SMMUV3_TLBI1_TG_SHIFT)
#define PAGE_BITS (SMMUV3_TLBI1_ADDR_MASK | SMMUV3_TLBI1_LEAF)

/* What of the unit a command needs; else it is not known. */
enum need {
	NEED_NOTHING = 1,
	NEED_STAGE1,
	NEED_ATS,
	NEED_PRI,
	NEED_STALLS,
};

/* Fields besides the opcode; need 0: unknown opcode. */
static const struct shape {
	uint64_t word[2];
	uint8_t need;
} shapes[] = {
	[SMMUV3_CMD_PREFETCH_CONFIG] = {{SMMUV3_CMD0_SSV | SSID_BITS | SID_BITS, 0}, NEED_NOTHING},
	[SMMUV3_CMD_PREFETCH_ADDR] = {{UINT64_MAX, UINT64_MAX}, NEED_NOTHING},
	[SMMUV3_CMD_CFGI_STE] = {{SID_BITS, SMMUV3_CFGI1_LEAF}, NEED_NOTHING},
	[SMMUV3_CMD_CFGI_STE_RANGE] = {{SID_BITS, SMMUV3_CFGI1_RANGE_MASK}, NEED_NOTHING},
	[SMMUV3_CMD_CFGI_CD] = {{SSID_BITS | SID_BITS, SMMUV3_CFGI1_LEAF}, NEED_STAGE1},
	[SMMUV3_CMD_CFGI_CD_ALL] = {{SID_BITS, 0}, NEED_STAGE1},
	[SMMUV3_CMD_TLBI_NH_ALL] = {{VMID_BITS, 0}, NEED_STAGE1},
	[SMMUV3_CMD_TLBI_NH_ASID] = {{VMID_BITS | ASID_BITS, 0}, NEED_STAGE1},
	[SMMUV3_CMD_TLBI_NH_VA] = {{VMID_BITS | ASID_BITS | RANGE0_BITS, PAGE_BITS | RANGE1_BITS},
				   NEED_STAGE1},
	[SMMUV3_CMD_TLBI_NH_VAA] = {{VMID_BITS | RANGE0_BITS, PAGE_BITS | RANGE1_BITS},
				    NEED_STAGE1},
	[SMMUV3_CMD_TLBI_NSNH_ALL] = {{0, 0}, NEED_NOTHING},
	[SMMUV3_CMD_ATC_INV] = {{SMMUV3_ATC_INV0_GLOBAL | SMMUV3_CMD0_SSV | SSID_BITS | SID_BITS,
				 SMMUV3_ATC_INV1_SIZE_MASK | SMMUV3_ATC_INV1_ADDR_MASK}, NEED_ATS},
	[SMMUV3_CMD_PRI_RESP] = {{SMMUV3_CMD0_SSV | SSID_BITS | SID_BITS,
				  SMMUV3_PRI_RESP1_PRGI_MASK |
				  SMMUV3_PRI_RESP1_RESP_MASK << SMMUV3_PRI_RESP1_RESP_SHIFT},
				 NEED_PRI},
	[SMMUV3_CMD_RESUME] = {{SMMUV3_RESUME0_AC | SMMUV3_RESUME0_AB | SID_BITS,
				SMMUV3_RESUME1_STAG_MASK}, NEED_STALLS},
	[SMMUV3_CMD_STALL_TERM] = {{SID_BITS, 0}, NEED_STALLS},
	[SMMUV3_CMD_SYNC] = {{SMMUV3_SYNC0_CS_MASK << SMMUV3_SYNC0_CS_SHIFT |
			      SMMUV3_SYNC0_MSH_MASK << SMMUV3_SYNC0_MSH_SHIFT |
			      SMMUV3_SYNC0_MSIATTR_MASK << SMMUV3_SYNC0_MSIATTR_SHIFT |
			      UINT64_C(0xffffffff) << SMMUV3_SYNC0_MSIDATA_SHIFT,
			      SMMUV3_SYNC1_MSIADDR_MASK}, NEED_NOTHING},
};

static bool
has_need(const struct smmuv3_model *smmu, enum need need)
{
	switch (need) {
	case NEED_STAGE1:
		return (smmu->idr[0] & SMMUV3_IDR0_S1P) != 0;
	case NEED_ATS:
		return (smmu->idr[0] & SMMUV3_IDR0_ATS) != 0;
	case NEED_PRI:
		return (smmu->idr[0] & SMMUV3_IDR0_PRI) != 0;
	case NEED_STALLS:
		return smmuv3_field(smmu->idr[0], SMMUV3_IDR0_STALL_MODEL_SHIFT,
				    SMMUV3_IDR0_STALL_MODEL_MASK) != SMMUV3_STALL_MODEL_NONE;
	default:
		return need == NEED_NOTHING;
	}
}

void
smmuv3_model_command_error(struct smmuv3_model *smmu, uint32_t code)
{
	const uint32_t cons = smmu->cmdq_head | code << SMMUV3_CMDQ_CONS_ERR_SHIFT;

	/* meanwhile what was not consumed may be taken back */
	smmu->cmdq_seen = smmu->cmdq_head;
	/* the reason is seen before the error, S 7.1 */
	__atomic_store_n(&smmu->cmdq_cons, cons, __ATOMIC_RELEASE);
	smmuv3_model_error(smmu, SMMUV3_GERROR_CMDQ);
}

/* Malformed, by the driver's fault. */
static enum smmuv3_done
refuse(struct uiommu_emu *emu, const uint64_t *word)
{
	smmuv3_model_command_error(emu->unit, SMMUV3_CERROR_ILL);
	emu_violation(emu, &emu->live.protocol,
		      "illegal command 0x%" PRIx64 " 0x%" PRIx64, word[0], word[1]);
	return SMMUV3_STUCK;
}

static bool
is_illegal(const struct smmuv3_model *smmu, const uint64_t *word)
{
	const unsigned int op = word[0] & SMMUV3_CMD0_OP_MASK;
	uint64_t range = 0;

	if (op >= RTE_DIM(shapes) || shapes[op].need == 0 ||
	    !has_need(smmu, (enum need)shapes[op].need))
		return true;
	if ((smmu->idr[3] & SMMUV3_IDR3_RIL) == 0 &&
	    (op == SMMUV3_CMD_TLBI_NH_VA || op == SMMUV3_CMD_TLBI_NH_VAA))
		range = (word[0] & RANGE0_BITS) | (word[1] & RANGE1_BITS);
	return (word[0] & ~(shapes[op].word[0] | SMMUV3_CMD0_OP_MASK)) != 0 ||
	       (word[1] & ~shapes[op].word[1]) != 0 || range != 0;
}

/* ------------------------------------------------------------------------------ CMD_SYNC */

/* @return false: it cannot be written */
static bool
message_write(struct uiommu_emu *emu, const uint64_t *word)
{
	uint32_t *at = emu_memory_at(emu, word[1] & SMMUV3_SYNC1_MSIADDR_MASK, sizeof(*at));

	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_MSI_ABORT))
		return false;
	if (at == NULL) {
		emu_violation(emu, &emu->live.protocol,
			      "MSI of CMD_SYNC to 0x%" PRIx64 ", which is not the unit's memory",
			      word[1]);
		return false;
	}
	/* everything that was executed before is seen by who sees this */
	__atomic_store_n(at, (uint32_t)(word[0] >> SMMUV3_SYNC0_MSIDATA_SHIFT), __ATOMIC_RELEASE);
	return true;
}

static enum smmuv3_done
sync(struct uiommu_emu *emu, const uint64_t *word)
{
	const unsigned int signal = word[0] >> SMMUV3_SYNC0_CS_SHIFT & SMMUV3_SYNC0_CS_MASK;
	struct smmuv3_model *smmu = emu->unit;

	if (signal > SMMUV3_CS_SEV)
		return refuse(emu, word);
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_LOST_WAIT))
		return SMMUV3_STUCK;
	/* S 3.9.1.4: one that has not confirmed; the next CMD_SYNC does not wait for it */
	if (!smmuv3_model_atc_await(emu)) {
		smmuv3_model_command_error(smmu, SMMUV3_CERROR_ATC_INV_SYNC);
		return SMMUV3_STUCK;
	}
	uiommu_count(&emu->live.waits, 1);
	smmu->pending.nb = 0;
	/* what devices sent before they confirmed is ahead of that */
	emu_late_drain(emu);
	smmuv3_model_publish(emu);
	if (signal == SMMUV3_CS_IRQ && (smmu->idr[0] & SMMUV3_IDR0_MSI) != 0 &&
	    (word[1] & SMMUV3_SYNC1_MSIADDR_MASK) != 0 && !message_write(emu, word))
		smmuv3_model_error(smmu, SMMUV3_GERROR_MSI_CMDQ_ABT);
	return SMMUV3_DONE;
}

/* -------------------------------------------------------------------------- invalidation */

static void
config_forget(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint32_t sid = (uint32_t)(word[0] >> SMMUV3_CMD0_SID_SHIFT);
	const bool leaf = (word[1] & SMMUV3_CFGI1_LEAF) != 0;
	const unsigned int order = (word[1] & SMMUV3_CFGI1_RANGE_MASK) + 1;
	const uint32_t below = order < 32 ? (1U << order) - 1 : UINT32_MAX;
	struct smmuv3_model *smmu = emu->unit;
	const unsigned int op = word[0] & SMMUV3_CMD0_OP_MASK;

	if (op == SMMUV3_CMD_CFGI_STE_RANGE) {
		smmuv3_model_forget_ste(emu, sid & ~below, sid | below, false);
		smmu->config_clean |= order == SMMUV3_CFGI_RANGE_ALL + 1;
		return;
	}
	/* S 4.1.7 */
	if (sid > emu->endpoint_max)
		emu_violation(emu, &emu->live.protocol,
			      "command 0x%" PRIx64 " of a StreamID that is out of range", word[0]);
	if (op == SMMUV3_CMD_CFGI_STE)
		smmuv3_model_forget_ste(emu, sid, sid, leaf);
	else if (op == SMMUV3_CMD_CFGI_CD_ALL)
		smmuv3_model_forget_cd(emu, sid, UINT32_MAX, false);
	else
		smmuv3_model_forget_cd(emu, sid,
				       (uint32_t)(word[0] >> SMMUV3_CMD0_SSID_SHIFT &
						  SMMUV3_CMD0_SSID_MASK),
				       leaf);
}

enum smmuv3_done
smmuv3_model_command(struct uiommu_emu *emu, const uint64_t *word)
{
	const unsigned int op = word[0] & SMMUV3_CMD0_OP_MASK;
	struct smmuv3_model *smmu = emu->unit;

	if (is_illegal(smmu, word))
		return refuse(emu, word);
	switch (op) {
	case SMMUV3_CMD_PRI_RESP:
	case SMMUV3_CMD_RESUME:
	case SMMUV3_CMD_STALL_TERM:
		if (smmuv3_model_answer(emu, word) == SMMUV3_STUCK)
			return refuse(emu, word);
		return op == SMMUV3_CMD_STALL_TERM ? SMMUV3_DONE : SMMUV3_DONE_ANSWER;
	case SMMUV3_CMD_SYNC:
		return sync(emu, word);
	case SMMUV3_CMD_PREFETCH_CONFIG:
	case SMMUV3_CMD_PREFETCH_ADDR:
		/* a hint */
		return SMMUV3_DONE;
	default:
		break;
	}
	uiommu_count(&emu->live.invalidations, 1);
	if (op <= SMMUV3_CMD_CFGI_CD_ALL) {
		config_forget(emu, word);
		return SMMUV3_DONE;
	}
	if (op != SMMUV3_CMD_ATC_INV)
		return smmuv3_model_tlbi(emu, word) == SMMUV3_STUCK ? refuse(emu, word) :
								     SMMUV3_DONE;
	if ((word[1] & SMMUV3_ATC_INV1_SIZE_MASK) > SMMUV3_ATC_INV_SIZE_ALL)
		return refuse(emu, word);
	/* S 4.5.1: ignored without translation */
	if (smmuv3_is_on(smmu, SMMUV3_CR0_SMMUEN))
		smmuv3_model_atc_inv(emu, word);
	return SMMUV3_DONE;
}
