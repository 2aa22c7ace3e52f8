/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Answers: to page request groups, S 4.5.2, and to stalls, S 4.7.1, 4.7.2.
 */

#include "smmuv3_model_layout.h"

uint64_t
smmuv3_model_response_word(const struct emu_device *dev, uint32_t pasid)
{
	const uint64_t sid = (uint64_t)dev->endpoint_id << SMMUV3_CMD0_SID_SHIFT;

	if (dev->stalls)
		return SMMUV3_CMD_RESUME | SMMUV3_RESUME0_AC | sid;
	if (pasid == EMU_NO_PASID)
		return SMMUV3_CMD_PRI_RESP | sid;
	return SMMUV3_CMD_PRI_RESP | sid | SMMUV3_CMD0_SSV |
	       (uint64_t)pasid << SMMUV3_CMD0_SSID_SHIFT;
}

static enum smmuv3_done
response(struct uiommu_emu *emu, const uint64_t *word)
{
	/* not the codes of the wire, S 8.3 */
	static const uint16_t codes[] = {
		[SMMUV3_RESP_FAILURE] = UIOMMU_EMU_FAILURE,
		[SMMUV3_RESP_INVALID] = UIOMMU_EMU_INVALID,
		[SMMUV3_RESP_SUCCESS] = UIOMMU_EMU_SUCCESS,
	};
	const unsigned int code =
		word[1] >> SMMUV3_PRI_RESP1_RESP_SHIFT & SMMUV3_PRI_RESP1_RESP_MASK;
	struct emu_response resp = {
		.endpoint_id = (uint32_t)(word[0] >> SMMUV3_CMD0_SID_SHIFT),
		.pasid = EMU_NO_PASID,
		.prgi = word[1] & SMMUV3_PRI_RESP1_PRGI_MASK,
	};

	if (code >= RTE_DIM(codes))
		return SMMUV3_STUCK;
	resp.code = codes[code];
	if ((word[0] & SMMUV3_CMD0_SSV) != 0)
		resp.pasid = (uint32_t)(word[0] >> SMMUV3_CMD0_SSID_SHIFT & SMMUV3_CMD0_SSID_MASK);
	if (smmuv3_is_on(emu->unit, SMMUV3_CR0_SMMUEN))
		emu_judge_response(emu, &resp);
	return SMMUV3_DONE_ANSWER;
}

static enum smmuv3_done
resume(struct uiommu_emu *emu, const uint64_t *word)
{
	const struct smmuv3_model *smmu = emu->unit;
	const bool aborts = (word[0] & SMMUV3_RESUME0_AB) != 0 ||
			    (smmu->idr[0] & SMMUV3_IDR0_TERM_MODEL) != 0;
	struct emu_response resp = {
		.endpoint_id = (uint32_t)(word[0] >> SMMUV3_CMD0_SID_SHIFT),
		.pasid = EMU_NO_PASID,
		.prgi = UINT16_MAX,
		.tag = word[1] & SMMUV3_RESUME1_STAG_MASK,
		.code = UIOMMU_EMU_INVALID,
		.answer = UIOMMU_EMU_ANSWER_ABORT,
	};

	if ((resp.tag & ~(EMU_PRGI_COUNT - 1)) == SMMUV3_MODEL_STAG)
		resp.prgi = resp.tag % EMU_PRGI_COUNT;
	if ((word[0] & SMMUV3_RESUME0_AC) != 0) {
		resp.code = UIOMMU_EMU_SUCCESS;
		resp.answer = UIOMMU_EMU_ANSWER_RETRY;
	} else if (!aborts) {
		resp.answer = UIOMMU_EMU_ANSWER_TERMINATE;
	}
	emu_judge_response(emu, &resp);
	return SMMUV3_DONE_ANSWER;
}

/* Only after the STE has been made to end what comes, and that is complete. */
static void
stall_term(struct uiommu_emu *emu, uint32_t sid)
{
	struct emu_device *dev = emu_device_find(emu, sid);
	struct emu_cache fresh = {0};

	if (dev == NULL || !dev->stalls)
		return;
	if (smmuv3_model_ste(emu, sid, &dev->cache).event == 0 ||
	    smmuv3_model_ste(emu, sid, &fresh).event == 0)
		emu_violation(emu, &emu->live.protocol,
			      "CMD_STALL_TERM of 0x%x, whose STE lets accesses through", sid);
	emu_stalls_end(emu, emu->device_of[sid]);
}

enum smmuv3_done
smmuv3_model_answer(struct uiommu_emu *emu, const uint64_t *word)
{
	switch (word[0] & SMMUV3_CMD0_OP_MASK) {
	case SMMUV3_CMD_PRI_RESP:
		return response(emu, word);
	case SMMUV3_CMD_RESUME:
		return resume(emu, word);
	default:
		stall_term(emu, (uint32_t)(word[0] >> SMMUV3_CMD0_SID_SHIFT));
		return SMMUV3_DONE;
	}
}
