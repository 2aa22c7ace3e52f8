/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests, S 8: into the queue, or answered by the unit. Tables are not looked at, but for
 * STE.PPAR when the queue overflows.
 */

#include "smmuv3_model_layout.h"

static bool
is_in_trouble(const struct uiommu_emu *emu)
{
	const uint32_t fault = __atomic_load_n(&emu->fault, __ATOMIC_RELAXED);

	return fault == UIOMMU_EMU_FAULT_REQUEST_ABORT || fault == UIOMMU_EMU_FAULT_EVENT_ABORT ||
	       smmuv3_model_error_is_active(emu->unit, SMMUV3_GERROR_PRIQ_ABT |
							       SMMUV3_GERROR_EVENTQ_ABT);
}

unsigned int
smmuv3_model_make(struct uiommu_emu *emu, unsigned int max)
{
	const struct emu_layout layout = SMMUV3_MODEL_LAYOUT(emu);
	const unsigned int both = EMU_SOURCE_REQUESTS | EMU_SOURCE_EVENTS;

	if (unlikely(((struct smmuv3_model *)emu->unit)->failed))
		return 0;
	if (unlikely(is_in_trouble(emu)))
		return emu_traffic_singly(emu, max);
	/* loops that know what they have to do with */
	switch (emu->traffic.sources) {
	case EMU_SOURCE_REQUESTS:
		return emu_fast_send(emu, max, EMU_SOURCE_REQUESTS, layout);
	case EMU_SOURCE_EVENTS:
		return emu_fast_send(emu, max, EMU_SOURCE_EVENTS, layout);
	default:
		return emu_fast_send(emu, max, both, layout);
	}
}

/* S 8.1: the answer, and whether it carries the PASID, where the queue overflows. */
static enum uiommu_emu_outcome
overflow_answer(struct uiommu_emu *emu, struct emu_device *dev, const struct emu_message *msg)
{
	const struct smmuv3_model *smmu = emu->unit;
	enum uiommu_emu_code code = UIOMMU_EMU_SUCCESS;
	struct emu_message bare = *msg;

	bare.pasid = EMU_NO_PASID;
	if (!emu_message_is_answered(msg) || msg->pasid == EMU_NO_PASID ||
	    (smmu->idr[3] & SMMUV3_IDR3_PPS) != 0)
		return emu_unit_answer(emu, msg, code);
	if (smmuv3_model_ste(emu, msg->endpoint_id, &dev->cache).event != 0)
		code = UIOMMU_EMU_FAILURE;
	else if ((dev->cache.word[1] & SMMUV3_STE1_PPAR) != 0)
		return emu_unit_answer(emu, msg, code);
	return emu_unit_answer(emu, &bare, code);
}

/* An access of a device that stalls, to a page that is taken to be missing. */
static enum uiommu_emu_outcome
stall_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
	      const struct emu_message *msg)
{
	const struct smmuv3_fault missing = {
		.event = SMMUV3_EVT_F_TRANSLATION, .class = SMMUV3_CLASS_IN,
	};

	if (!smmuv3_is_on(emu->unit, SMMUV3_CR0_SMMUEN))
		return UIOMMU_EMU_NO_CREDIT;
	if (emu->bond_gen[bond] != emu->generation) {
		if (!smmuv3_model_admits(emu, dev, bond, msg)) {
			if (bond != 0)
				emu->bonds[bond].refused = true;
			return UIOMMU_EMU_AUTO_INVALID;
		}
		emu_bond_arm(emu, bond);
	}
	if (!smmuv3_model_event_room(emu))
		return UIOMMU_EMU_NO_CREDIT;
	smmuv3_model_stall(emu, missing, msg);
	uiommu_count(&emu->live.stalls, 1);
	return UIOMMU_EMU_QUEUED;
}

enum uiommu_emu_outcome
smmuv3_model_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		     const struct emu_message *msg)
{
	struct smmuv3_model *smmu = emu->unit;
	struct emu_message bare = *msg;
	uint64_t word[2];

	if (dev->stalls)
		return stall_request(emu, dev, bond, msg);
	/* S 12.3: nothing comes through any more */
	if (smmu->failed)
		return UIOMMU_EMU_NO_CREDIT;
	bare.pasid = EMU_NO_PASID;
	if (emu->ring.base != NULL && emu_fault_take(emu, UIOMMU_EMU_FAULT_REQUEST_ABORT))
		smmuv3_model_error(smmu, SMMUV3_GERROR_PRIQ_ABT);
	/* S 8.2 */
	if (emu->ring.base == NULL || smmuv3_model_error_is_active(smmu, SMMUV3_GERROR_PRIQ_ABT))
		return emu_unit_answer(emu, &bare, UIOMMU_EMU_FAILURE);
	emu_bond_arm(emu, bond);
	if (smmuv3_model_latched(emu))
		return overflow_answer(emu, dev, msg);
	if (emu->ring.room == 0)
		smmuv3_model_room(emu);
	if (emu->ring.room == 0) {
		smmuv3_model_overflow(emu, &emu->ring, &smmu->priq);
		return overflow_answer(emu, dev, msg);
	}
	smmuv3_model_encode(msg, word);
	emu_request_put(emu, dev, word, SMMUV3_PRI_SHIFT);
	return UIOMMU_EMU_QUEUED;
}

/* ---------------------------------------------------------------- entry formats */

void
smmuv3_model_encode(const struct emu_message *msg, uint64_t *entry)
{
	entry[0] = msg->endpoint_id;
	if (msg->pasid != EMU_NO_PASID)
		entry[0] |= SMMUV3_PRI0_SSV | (uint64_t)msg->pasid << SMMUV3_PRI0_SSID_SHIFT;
	else
		/* unknown without SSV */
		entry[0] |= EMU_NOISE & SMMUV3_PRI0_SSID_MASK << SMMUV3_PRI0_SSID_SHIFT;
	if ((msg->flags & EMU_REQ_READ) != 0)
		entry[0] |= SMMUV3_PRI0_R;
	if ((msg->flags & EMU_REQ_WRITE) != 0)
		entry[0] |= SMMUV3_PRI0_W;
	if ((msg->flags & EMU_REQ_LAST) != 0)
		entry[0] |= SMMUV3_PRI0_LAST;
	/* only with a PASID */
	if ((msg->flags & EMU_REQ_EXEC) != 0 && msg->pasid != EMU_NO_PASID)
		entry[0] |= SMMUV3_PRI0_X;
	if ((msg->flags & EMU_REQ_PRIV) != 0 && msg->pasid != EMU_NO_PASID)
		entry[0] |= SMMUV3_PRI0_PRIV;
	entry[1] = (msg->iova & SMMUV3_PRI1_ADDR_MASK) | (msg->prgi & SMMUV3_PRI1_PRGI_MASK);
}

static bool
event_decode(const uint64_t *entry, struct emu_message *msg)
{
	*msg = (struct emu_message){
		.endpoint_id = (uint32_t)(entry[0] >> SMMUV3_EVT0_SID_SHIFT),
		.pasid = EMU_NO_PASID,
		.iova = entry[2],
		.prgi = entry[1] & SMMUV3_EVT1_STAG_MASK,
		.flags = (uint16_t)(EMU_REQ_LAST | ((entry[1] & SMMUV3_EVT1_RNW) != 0 ?
							    EMU_REQ_READ :
							    EMU_REQ_WRITE)),
	};
	if ((entry[0] & SMMUV3_EVT0_SSV) != 0)
		msg->pasid = entry[0] >> SMMUV3_EVT0_SSID_SHIFT & SMMUV3_EVT0_SSID_MASK;
	return (entry[1] & SMMUV3_EVT1_STALL) != 0;
}

bool
smmuv3_model_decode(const uint64_t *entry, uint32_t size, struct emu_message *msg)
{
	if (size == SMMUV3_EVENT_SIZE)
		return event_decode(entry, msg);
	*msg = (struct emu_message){
		.endpoint_id = (uint32_t)(entry[0] & SMMUV3_PRI0_SID_MASK),
		.pasid = EMU_NO_PASID,
		.iova = entry[1] & SMMUV3_PRI1_ADDR_MASK,
		.prgi = entry[1] & SMMUV3_PRI1_PRGI_MASK,
		.flags = (uint16_t)(((entry[0] & SMMUV3_PRI0_R) != 0 ? EMU_REQ_READ : 0) |
				    ((entry[0] & SMMUV3_PRI0_W) != 0 ? EMU_REQ_WRITE : 0) |
				    ((entry[0] & SMMUV3_PRI0_LAST) != 0 ? EMU_REQ_LAST : 0) |
				    ((entry[0] & SMMUV3_PRI0_X) != 0 ? EMU_REQ_EXEC : 0) |
				    ((entry[0] & SMMUV3_PRI0_PRIV) != 0 ? EMU_REQ_PRIV : 0)),
	};
	if ((entry[0] & SMMUV3_PRI0_SSV) != 0)
		msg->pasid = entry[0] >> SMMUV3_PRI0_SSID_SHIFT & SMMUV3_PRI0_SSID_MASK;
	return true;
}

/* One reserved bit; there are no types here. */
void
smmuv3_model_spoil(uint64_t *entry, enum emu_kind kind, uint64_t random)
{
	const unsigned int bit = random % 9;

	(void)kind;
	if (bit < 6)
		entry[0] |= UINT64_C(1) << (52 + bit);
	else
		entry[1] |= UINT64_C(1) << (9 + bit - 6);
}
