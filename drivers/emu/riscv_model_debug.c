/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * "Debug support": a translation that software asks for, as if a device had made the access.
 */

#include "riscv_model_pt.h"

static struct emu_message
request_of(const struct riscv_model *riscv, uint64_t ctl)
{
	struct emu_message msg = {
		.endpoint_id = ctl >> RISCV_TR_CTL_DID_SHIFT & RISCV_TR_CTL_DID_MASK,
		.pasid = EMU_NO_PASID,
		.iova = __atomic_load_n(&riscv->tr_iova, __ATOMIC_RELAXED),
		.flags = EMU_REQ_READ,
	};

	if ((ctl & RISCV_TR_CTL_NW) == 0)
		msg.flags |= EMU_REQ_WRITE;
	if ((ctl & RISCV_TR_CTL_EXE) != 0)
		msg.flags |= EMU_REQ_EXEC;
	if ((ctl & RISCV_TR_CTL_PV) != 0) {
		msg.pasid = ctl >> RISCV_TR_CTL_PID_SHIFT & RISCV_TR_CTL_PID_MASK;
		if ((ctl & RISCV_TR_CTL_PRIV) != 0)
			msg.flags |= EMU_REQ_PRIV;
	}
	return msg;
}

/* A page, with its size as ones from the page number's bit 0 on. */
static uint64_t
response_of(const struct emu_leaf *leaf)
{
	uint64_t pn = leaf->pa >> RISCV_PAGE_SHIFT, response = 0;

	if (leaf->size > EMU_PAGE_SIZE) {
		pn |= (leaf->size >> (RISCV_PAGE_SHIFT + 1)) - 1;
		response |= RISCV_TR_RSP_S;
	}
	return response | pn << RISCV_PPN_SHIFT;
}

void
riscv_model_debug(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	/* pairs with the release store that has set Go */
	const uint64_t ctl = __atomic_load_n(&riscv->tr_ctl, __ATOMIC_ACQUIRE);
	const struct emu_message msg = request_of(riscv, ctl);
	struct emu_device *dev = emu_device_find(emu, msg.endpoint_id);
	const uint32_t bond = dev != NULL ? emu_bond_find(emu, dev, msg.pasid) : 0;
	uint64_t response = RISCV_TR_RSP_FAULT;
	struct riscv_walk walk;
	struct emu_leaf leaf;
	unsigned int cause;

	cause = riscv_model_route(emu, dev, bond, &msg, riscv_ttyp(&msg), &walk);
	if (cause == 0)
		cause = riscv_model_page(&walk, msg.iova, &leaf);
	if (cause == 0)
		response = response_of(&leaf);
	else
		riscv_model_report(emu, cause, riscv_ttyp(&msg), &msg, walk.dtf);
	__atomic_store_n(&riscv->tr_response, response, __ATOMIC_RELAXED);
	__atomic_store_n(&riscv->tr_ctl, ctl & ~RISCV_TR_CTL_GO, __ATOMIC_RELEASE);
}
