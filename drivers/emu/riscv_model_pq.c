/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests, "PCIe ATS Page Request handling": into the queue, or answered by the unit, which
 * looks at the device context and no further.
 */

#include "riscv_model_layout.h"

unsigned int
riscv_model_make(struct uiommu_emu *emu, unsigned int max)
{
	if (unlikely(__atomic_load_n(&emu->fault, __ATOMIC_RELAXED) ==
		     UIOMMU_EMU_FAULT_REQUEST_ABORT))
		return emu_traffic_singly(emu, max);
	return emu_fast_send(emu, max, EMU_SOURCE_REQUESTS, RISCV_MODEL_LAYOUT(emu));
}

/*
 * The unit's own answer. Requests that ask for none are discarded, whatever is wrong.
 *
 * @param prpr whether Success and Invalid carry the PASID; Failure always does
 */
static enum uiommu_emu_outcome
answer(struct uiommu_emu *emu, const struct emu_message *msg, enum uiommu_emu_code code, bool prpr)
{
	struct emu_message bare = *msg;

	bare.pasid = EMU_NO_PASID;
	if (!emu_message_is_answered(msg))
		return emu_unit_answer(emu, msg, UIOMMU_EMU_SUCCESS);
	return emu_unit_answer(emu, prpr || code == UIOMMU_EMU_FAILURE ? msg : &bare, code);
}

static enum uiommu_emu_outcome
refuse(struct uiommu_emu *emu, unsigned int cause, const struct emu_message *msg,
       const struct emu_cache *dc)
{
	/* "the PRPR value assumed is 0" where there is none, and DTF as well */
	const uint64_t tc = dc->state == EMU_CACHE_GOOD ? dc->word[0] : 0;

	riscv_model_report(emu, cause, RISCV_TTYP_MESSAGE, msg, (tc & RISCV_TC_DTF) != 0);
	return answer(emu, msg,
		      cause == RISCV_CAUSE_TYPE_DISALLOWED ? UIOMMU_EMU_INVALID :
							     UIOMMU_EMU_FAILURE,
		      (tc & RISCV_TC_PRPR) != 0);
}

/* Steps 1 to 5 of "Process to translate an IOVA", and the device context. */
static unsigned int
device_check(struct uiommu_emu *emu, const struct emu_message *msg, struct emu_cache *dc)
{
	const struct riscv_model *riscv = emu->unit;
	const unsigned int mode = riscv_ddt_mode(riscv);
	unsigned int cause;

	if (mode == RISCV_DDTP_OFF)
		return RISCV_CAUSE_ALL_DISALLOWED;
	if (mode == RISCV_DDTP_BARE || riscv_model_did_is_wide(riscv, msg->endpoint_id))
		return RISCV_CAUSE_TYPE_DISALLOWED;
	cause = riscv_model_dc(emu, msg->endpoint_id, dc);
	if (cause == 0 && (dc->word[0] & RISCV_TC_EN_PRI) == 0)
		cause = RISCV_CAUSE_TYPE_DISALLOWED;
	return cause;
}

/* The request is written to the queue, or what stands in its way. */
static enum uiommu_emu_outcome
queue_put(struct uiommu_emu *emu, struct emu_device *dev, const struct emu_message *msg, bool prpr)
{
	struct riscv_model *riscv = emu->unit;
	uint32_t csr = riscv_csr(riscv, RISCV_PQ);
	uint64_t word[2];

	if ((csr & RISCV_CSR_MF) == 0 && (csr & RISCV_CSR_OF) == 0 &&
	    (emu->ring.base == NULL || emu_fault_take(emu, UIOMMU_EMU_FAULT_REQUEST_ABORT))) {
		riscv_model_csr_set(emu, RISCV_PQ, RISCV_CSR_MF);
		csr |= RISCV_CSR_MF;
	}
	if ((csr & RISCV_CSR_MF) != 0)
		return answer(emu, msg, UIOMMU_EMU_FAILURE, prpr);
	if ((csr & RISCV_CSR_OF) != 0)
		return answer(emu, msg, UIOMMU_EMU_SUCCESS, prpr);
	if (emu->ring.room == 0)
		riscv_model_room(emu);
	if (emu->ring.room == 0) {
		/* what fills the queue is seen before the flag is */
		riscv_model_publish(emu);
		riscv_model_csr_set(emu, RISCV_PQ, RISCV_CSR_OF);
		uiommu_count(&emu->live.overflows, 1);
		return answer(emu, msg, UIOMMU_EMU_SUCCESS, prpr);
	}
	riscv_model_encode(msg, word);
	emu_request_put(emu, dev, word, RISCV_PQ_SHIFT);
	return UIOMMU_EMU_QUEUED;
}

enum uiommu_emu_outcome
riscv_model_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg)
{
	struct riscv_model *riscv = emu->unit;
	unsigned int cause;
	bool prpr;

	if (emu->bond_gen[bond] != emu->generation) {
		cause = device_check(emu, msg, &dev->cache);
		if (cause != 0)
			return refuse(emu, cause, msg, &dev->cache);
	}
	prpr = (dev->cache.word[0] & RISCV_TC_PRPR) != 0;
	if (!riscv_is_on(riscv, RISCV_PQ))
		return answer(emu, msg, UIOMMU_EMU_FAILURE, prpr);
	emu_bond_arm(emu, bond);
	return queue_put(emu, dev, msg, prpr);
}

/* ---------------------------------------------------------------- entry formats */

void
riscv_model_encode(const struct emu_message *msg, uint64_t *entry)
{
	entry[0] = (uint64_t)msg->endpoint_id << RISCV_PQ0_DID_SHIFT;
	if (msg->pasid != EMU_NO_PASID) {
		entry[0] |= RISCV_PQ0_PV | (uint64_t)msg->pasid << RISCV_PQ0_PID_SHIFT;
		if ((msg->flags & EMU_REQ_EXEC) != 0)
			entry[0] |= RISCV_PQ0_EXEC;
		if ((msg->flags & EMU_REQ_PRIV) != 0)
			entry[0] |= RISCV_PQ0_PRIV;
	} else {
		/* valid with PV alone */
		entry[0] |= EMU_NOISE & RISCV_PQ0_PID_MASK << RISCV_PQ0_PID_SHIFT;
	}
	entry[1] = (msg->iova & RISCV_PQ1_ADDR_MASK) | (uint64_t)msg->prgi << RISCV_PQ1_PRGI_SHIFT;
	if ((msg->flags & EMU_REQ_READ) != 0)
		entry[1] |= RISCV_PQ1_R;
	if ((msg->flags & EMU_REQ_WRITE) != 0)
		entry[1] |= RISCV_PQ1_W;
	if ((msg->flags & EMU_REQ_LAST) != 0)
		entry[1] |= RISCV_PQ1_L;
}

bool
riscv_model_decode(const uint64_t *entry, uint32_t size, struct emu_message *msg)
{
	if (size != RISCV_PQ_SIZE)
		return false;
	*msg = (struct emu_message){
		.endpoint_id = (uint32_t)(entry[0] >> RISCV_PQ0_DID_SHIFT),
		.pasid = EMU_NO_PASID,
		.iova = entry[1] & RISCV_PQ1_ADDR_MASK,
		.prgi = entry[1] >> RISCV_PQ1_PRGI_SHIFT & RISCV_PRGI_MASK,
		.flags = (uint16_t)(((entry[1] & RISCV_PQ1_R) != 0 ? EMU_REQ_READ : 0) |
				    ((entry[1] & RISCV_PQ1_W) != 0 ? EMU_REQ_WRITE : 0) |
				    ((entry[1] & RISCV_PQ1_L) != 0 ? EMU_REQ_LAST : 0) |
				    ((entry[0] & RISCV_PQ0_EXEC) != 0 ? EMU_REQ_EXEC : 0) |
				    ((entry[0] & RISCV_PQ0_PRIV) != 0 ? EMU_REQ_PRIV : 0)),
	};
	if ((entry[0] & RISCV_PQ0_PV) != 0)
		msg->pasid = entry[0] >> RISCV_PQ0_PID_SHIFT & RISCV_PQ0_PID_MASK;
	return true;
}

/* One reserved bit; there are no types here. */
void
riscv_model_spoil(uint64_t *entry, enum emu_kind kind, uint64_t random)
{
	const unsigned int bit = random % 17;

	(void)kind;
	entry[0] |= UINT64_C(1) << (bit < 12 ? bit : 35 + bit - 12);
}
