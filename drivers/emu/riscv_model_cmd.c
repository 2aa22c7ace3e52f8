/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Commands, "Command-Queue (CQ)": their fields, and what they do. A reserved bit that is set makes
 * a command illegal, and so does what the unit's capabilities do not have.
 */

#include "riscv_model_layout.h"

static unsigned int
opcode(const uint64_t *word)
{
	return word[0] & RISCV_CMD0_OPCODE_MASK;
}

static unsigned int
func3(const uint64_t *word)
{
	return word[0] >> RISCV_CMD0_FUNC3_SHIFT & RISCV_CMD0_FUNC3_MASK;
}

void
riscv_model_command_error(struct uiommu_emu *emu, uint32_t bit)
{
	struct riscv_model *riscv = emu->unit;

	/* meanwhile what was not consumed may be taken back */
	riscv->cq_seen = riscv->cq_head;
	/* where it is about is seen before the error */
	__atomic_store_n(&riscv->queues[RISCV_CQ].head, riscv->cq_head, __ATOMIC_RELEASE);
	riscv_model_csr_set(emu, RISCV_CQ, bit);
}

void
riscv_model_refuse(struct uiommu_emu *emu, const uint64_t *word)
{
	riscv_model_command_error(emu, RISCV_CQCSR_CMD_ILL);
	emu_violation(emu, &emu->live.protocol,
		      "illegal command 0x%" PRIx64 " 0x%" PRIx64, word[0], word[1]);
}

/* Reserved bits of both doublewords. @return false: there is no such command */
static bool
reserved_of(const struct riscv_model *riscv, const uint64_t *word, uint64_t reserved[2])
{
	switch (opcode(word)) {
	case RISCV_OP_IOTINVAL:
		reserved[0] = RISCV_IOTINVAL0_RESERVED |
			      (riscv_has(riscv, RISCV_CAP_NL) ? 0 : RISCV_IOTINVAL0_NL) |
			      (func3(word) == RISCV_IOTINVAL_GVMA ? RISCV_IOTINVAL0_PSCV : 0);
		reserved[1] = RISCV_IOTINVAL1_RESERVED |
			      (riscv_has(riscv, RISCV_CAP_S) ? 0 : RISCV_IOTINVAL1_S);
		return func3(word) <= RISCV_IOTINVAL_GVMA;
	case RISCV_OP_IOFENCE:
		reserved[0] = RISCV_IOFENCE0_RESERVED |
			      ((__atomic_load_n(&riscv->fctl, __ATOMIC_RELAXED) &
				RISCV_FCTL_WSI) != 0 ? 0 : RISCV_IOFENCE0_WSI);
		reserved[1] = RISCV_IOFENCE1_RESERVED;
		return func3(word) == RISCV_IOFENCE_C;
	case RISCV_OP_IODIR:
		reserved[0] = RISCV_IODIR0_RESERVED;
		if (func3(word) == RISCV_IODIR_INVAL_DDT)
			reserved[0] |= RISCV_IODIR0_PID_MASK << RISCV_IODIR0_PID_SHIFT;
		reserved[1] = UINT64_MAX;
		return func3(word) == RISCV_IODIR_INVAL_DDT ||
		       (func3(word) == RISCV_IODIR_INVAL_PDT &&
			(word[0] & RISCV_IODIR0_DV) != 0);
	case RISCV_OP_ATS:
		reserved[0] = RISCV_ATS0_RESERVED;
		reserved[1] = func3(word) == RISCV_ATS_INVAL ? RISCV_ATS_INVAL1_ZERO :
							       RISCV_ATS_PRGR1_ZERO;
		return riscv_has(riscv, RISCV_CAP_ATS) && func3(word) <= RISCV_ATS_PRGR;
	default:
		return false;
	}
}

bool
riscv_model_is_illegal(const struct riscv_model *riscv, const uint64_t *word)
{
	uint64_t reserved[2];

	return !reserved_of(riscv, word, reserved) || (word[0] & reserved[0]) != 0 ||
	       (word[1] & reserved[1]) != 0;
}

/* -------------------------------------------------------------------------- IOFENCE.C */

/* @return false: it cannot be written */
static bool
data_write(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint64_t pa = (word[1] & RISCV_IOFENCE1_ADDR_MASK) << 2;
	uint32_t *at = emu_memory_at(emu, pa, sizeof(*at));

	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_MSI_ABORT))
		return false;
	if (at == NULL) {
		emu_violation(emu, &emu->live.protocol,
			      "IOFENCE.C writes to 0x%" PRIx64 ", which is not the unit's memory",
			      pa);
		return false;
	}
	/* everything that was executed before is seen by who sees this */
	__atomic_store_n(at, (uint32_t)(word[0] >> RISCV_IOFENCE0_DATA_SHIFT), __ATOMIC_RELEASE);
	return true;
}

enum riscv_done
riscv_model_fence(struct uiommu_emu *emu, const uint64_t *word)
{
	struct riscv_model *riscv = emu->unit;

	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_LOST_WAIT))
		return RISCV_STUCK;
	/* one that has not confirmed; the same fence, repeated, does not wait for it */
	if (!riscv_model_ats_await(emu)) {
		riscv_model_command_error(emu, RISCV_CQCSR_CMD_TO);
		return RISCV_STUCK;
	}
	riscv->pending.nb = 0;
	riscv->pending_bonds.nb = 0;
	/* what devices sent before they confirmed is ahead of that */
	emu_late_drain(emu);
	riscv_model_publish(emu);
	if ((word[0] & RISCV_IOFENCE0_AV) != 0 && !data_write(emu, word)) {
		riscv_model_command_error(emu, RISCV_CSR_MF);
		return RISCV_STUCK;
	}
	uiommu_count(&emu->live.waits, 1);
	if ((word[0] & RISCV_IOFENCE0_WSI) != 0)
		riscv_model_csr_set(emu, RISCV_CQ, RISCV_CQCSR_FENCE_W_IP);
	return RISCV_DONE;
}

/* ---------------------------------------------------------------------------- answers */

/* Segments are above the ids of their devices; what is not said to be in one is in the first. */
uint32_t
riscv_model_ats_endpoint(const uint64_t *word)
{
	uint32_t endpoint_id = word[0] >> RISCV_ATS0_RID_SHIFT & RISCV_ATS0_RID_MASK;

	if ((word[0] & RISCV_ATS0_DSV) != 0)
		endpoint_id |= (uint32_t)(word[0] >> RISCV_ATS0_DSEG_SHIFT) << 16;
	return endpoint_id;
}

uint64_t
riscv_model_response_word(const struct emu_device *dev, uint32_t pasid)
{
	uint64_t word = RISCV_MODEL_KIND_MASK | RISCV_ATS0_DSV |
			(uint64_t)dev->endpoint_id << RISCV_ATS0_RID_SHIFT;

	if (pasid != EMU_NO_PASID)
		word |= RISCV_ATS0_PV | (uint64_t)pasid << RISCV_ATS0_PID_SHIFT;
	return word;
}

static void
response(struct uiommu_emu *emu, const uint64_t *word)
{
	struct emu_response resp = {
		.endpoint_id = riscv_model_ats_endpoint(word),
		.pasid = EMU_NO_PASID,
		.prgi = word[1] >> RISCV_ATS_PRGR1_PRGI_SHIFT & RISCV_PRGI_MASK,
		/* as on the wire */
		.code = word[1] >> RISCV_ATS_PRGR1_CODE_SHIFT & RISCV_ATS_PRGR1_CODE_MASK,
	};

	if ((word[0] & RISCV_ATS0_PV) != 0)
		resp.pasid = word[0] >> RISCV_ATS0_PID_SHIFT & RISCV_ATS0_PID_MASK;
	emu_judge_response(emu, &resp);
}

enum riscv_done
riscv_model_command(struct uiommu_emu *emu, const uint64_t *word)
{
	if (opcode(word) == RISCV_OP_ATS && func3(word) == RISCV_ATS_PRGR) {
		response(emu, word);
		return RISCV_DONE_ANSWER;
	}
	uiommu_count(&emu->live.invalidations, 1);
	switch (opcode(word)) {
	case RISCV_OP_IOTINVAL:
		return riscv_model_iotinval(emu, word);
	case RISCV_OP_IODIR:
		return riscv_model_iodir(emu, word);
	default:
		riscv_model_ats_inval(emu, word);
		return RISCV_DONE;
	}
}
