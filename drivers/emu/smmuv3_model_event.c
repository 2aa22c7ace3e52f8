/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Event queue, S 7: faults that are over, which are lost where there is no room, and accesses that
 * wait, which wait for room as well.
 */

#include "smmuv3_model_layout.h"

/* Words 0 to 2 of a fault of an access, S 7.3 */
static void
entry_fill(struct smmuv3_fault fault, const struct emu_message *msg, uint64_t *word)
{
	word[0] = fault.event | (uint64_t)msg->endpoint_id << SMMUV3_EVT0_SID_SHIFT;
	if (msg->pasid != EMU_NO_PASID)
		word[0] |= SMMUV3_EVT0_SSV | (uint64_t)msg->pasid << SMMUV3_EVT0_SSID_SHIFT;
	word[1] = 0;
	word[2] = 0;
	word[3] = 0;
	switch (fault.event) {
	case SMMUV3_EVT_F_STE_FETCH:
	case SMMUV3_EVT_F_CD_FETCH:
		word[3] = fault.at & SMMUV3_EVT3_FETCH_ADDR_MASK;
		return;
	case SMMUV3_EVT_C_BAD_STREAMID:
	case SMMUV3_EVT_C_BAD_STE:
	case SMMUV3_EVT_F_STREAM_DISABLED:
	case SMMUV3_EVT_C_BAD_SUBSTREAMID:
	case SMMUV3_EVT_C_BAD_CD:
		return;
	case SMMUV3_EVT_F_BAD_ATS_TREQ:
		/* the request's wishes are elsewhere in this one, S 7.3.6 */
		word[2] = msg->iova & ~UINT64_C(0xfff);
		return;
	default:
		break;
	}
	if ((msg->flags & EMU_REQ_WRITE) == 0)
		word[1] |= SMMUV3_EVT1_RNW;
	if ((msg->flags & EMU_REQ_EXEC) != 0)
		word[1] |= SMMUV3_EVT1_IND;
	if ((msg->flags & EMU_REQ_PRIV) != 0)
		word[1] |= SMMUV3_EVT1_PNU;
	if (fault.event != SMMUV3_EVT_F_TRANSL_FORBIDDEN)
		word[1] |= (uint64_t)fault.class << SMMUV3_EVT1_CLASS_SHIFT;
	word[2] = msg->iova;
	if (fault.event == SMMUV3_EVT_F_WALK_EABT)
		word[3] = fault.at & SMMUV3_EVT3_FETCH_ADDR_MASK;
}

void
smmuv3_model_event(const struct emu_message *msg, uint64_t *entry)
{
	const struct smmuv3_fault missing = {
		.event = SMMUV3_EVT_F_TRANSLATION, .class = SMMUV3_CLASS_IN,
	};

	entry_fill(missing, msg, entry);
	entry[1] |= SMMUV3_EVT1_STALL | SMMUV3_MODEL_STAG | msg->prgi;
}

bool
smmuv3_model_event_room(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;

	if (emu->events.base == NULL || smmu->failed)
		return false;
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_EVENT_ABORT))
		smmuv3_model_error(smmu, SMMUV3_GERROR_EVENTQ_ABT);
	if (smmuv3_model_error_is_active(smmu, SMMUV3_GERROR_EVENTQ_ABT))
		return false;
	if (emu->events.room == 0)
		smmuv3_model_room(emu);
	return emu->events.room > 0;
}

void
smmuv3_model_stall(struct uiommu_emu *emu, struct smmuv3_fault fault,
		   const struct emu_message *msg)
{
	const struct emu_device *dev = emu->devices[emu->device_of[msg->endpoint_id]];
	uint64_t word[4];

	entry_fill(fault, msg, word);
	word[1] |= SMMUV3_EVT1_STALL | SMMUV3_MODEL_STAG | msg->prgi;
	emu_ring_put(&emu->events, word, SMMUV3_EVENT_SHIFT);
	uiommu_count(&emu->live.requests, 1);
	emu_class_requests(emu, emu_pack_one(dev->class));
}

void
smmuv3_model_report(struct uiommu_emu *emu, struct smmuv3_fault fault,
		    const struct emu_message *msg)
{
	struct smmuv3_model *smmu = emu->unit;
	uint64_t word[4];
	bool room;

	if (fault.hide || fault.event == SMMUV3_EVT_SILENT)
		return;
	room = smmuv3_model_event_room(emu);
	if (!room || emu_fault_take(emu, UIOMMU_EMU_FAULT_EVENT_OVERFLOW)) {
		uiommu_count(&emu->live.reports_lost, 1);
		/* S 7.4: only for want of room */
		if (emu->events.base != NULL && !smmu->failed &&
		    !smmuv3_model_error_is_active(smmu, SMMUV3_GERROR_EVENTQ_ABT))
			smmuv3_model_overflow(emu, &emu->events, &smmu->eventq);
		return;
	}
	entry_fill(fault, msg, word);
	emu_ring_put(&emu->events, word, SMMUV3_EVENT_SHIFT);
	uiommu_count(&emu->live.reports, 1);
	smmuv3_model_publish(emu);
}
