/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_RIG_H
#define EMU_RIG_H

/*
 * What the tests of the emulation of VT-d stand on: a driver that does as the manual says, with
 * each of its steps in the tests' hands. The model takes a step where a test says so.
 */

#include "emu_neighbours.h"

#include <vtd_hw.h>

#include "vtd_model.h"

/* --------------------------------------------------------------------- driver */

#define ENTRIES 128 /* of both queues */
#define DEVICE 0x0108
#define STRANGER 0x0110 /* not plugged in */
#define DOMAIN_ID 5

static struct rig {
	struct uiommu_platform plat;
	struct uiommu_emu *emu;
	struct uiommu_dma root, context, directory, table, page_table[4], iq, prq, status;
	uint32_t iq_tail;
	uint32_t pq_head;
	uint32_t serial;
} rig;

#include "emu_rig_unit.h"

/* One register command, as S 11.4.4 has it. */
static inline void
command(uint32_t set, uint32_t clear)
{
	put32(VTD_REG_GCMD, (get32(VTD_REG_GSTS) & VTD_GSTS_KEEP_MASK & ~clear) | set);
	step();
	assert_int_equal(get32(VTD_REG_GSTS) & (set | clear), set);
}

static inline uint64_t *
pasid_entry(uint32_t pasid)
{
	return ((struct vtd_pasid_entry *)rig.table.va)[pasid % VTD_PASID_TABLE_ENTRIES].q;
}

static inline uint64_t *
context_entry(uint32_t endpoint_id)
{
	return ((struct vtd_context_entry *)rig.context.va)[endpoint_id & 0x7f].q;
}

/* PASIDs below 64, which share one table, of any device on bus 1 with a low devfn. */
static inline void
bond(uint32_t pasid)
{
	pasid_entry(pasid)[2] = rig.page_table[0].pa;
	pasid_entry(pasid)[1] = DOMAIN_ID;
	pasid_entry(pasid)[0] = (uint64_t)VTD_PGTT_FIRST << VTD_PE0_PGTT_SHIFT | VTD_PE0_P;
}

static inline void
endpoint(uint32_t endpoint_id)
{
	context_entry(endpoint_id)[1] = 0;
	context_entry(endpoint_id)[0] = rig.directory.pa | VTD_CTX0_PRE | VTD_CTX0_PASIDE |
					VTD_CTX0_DTE | VTD_CTX0_P;
}

/* Memory, and tables with nothing in them. */
static inline void
rig_open(struct uiommu_args *args)
{
	rig_unit_open("vtd0", "vtd", args);
	memory(&rig.root, 4096);
	memory(&rig.context, 4096);
	memory(&rig.directory, 4096);
	memory(&rig.table, 4096);
	memory(&rig.page_table[0], 4096);
	memory(&rig.iq, 4096);
	memory(&rig.prq, 4096);
	memory(&rig.status, 64);
	((uint64_t *)rig.root.va)[1 * 2] = rig.context.pa | VTD_ROOT_PRESENT;
	*(uint64_t *)rig.directory.va = rig.table.pa | VTD_PASID_DIR_P;
}

/* Bring-up in the order of the manual. */
static inline void
rig_up(void)
{
	put64(VTD_REG_IQT, 0);
	put64(VTD_REG_IQA, rig.iq.pa | VTD_IQA_DW);
	command(VTD_GCMD_QIE, 0);
	put64(VTD_REG_RTADDR, rig.root.pa | (uint64_t)VTD_TTM_SCALABLE << VTD_RTADDR_TTM_SHIFT);
	command(VTD_GCMD_SRTP, 0);
	put64(VTD_REG_PQH, 0);
	put64(VTD_REG_PQT, 0);
	put64(VTD_REG_PQA, rig.prq.pa);
	command(VTD_GCMD_TE, 0);
}

/* One device with PASIDs 1 to nb, all in force, and one that goes without PASID. */
static inline void
rig_device(uint32_t nb, uint32_t credits)
{
	uint32_t pasids[64], i;
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = DEVICE, .credits = credits, .nb_pasids = nb, .pasids = pasids,
	};

	endpoint(DEVICE);
	for (i = 0; i < nb; i++) {
		pasids[i] = i + 1;
		bond(i + 1);
	}
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
}

static inline void
rig_start(uint32_t nb_pasids)
{
	rig_open(NULL);
	rig_up();
	rig_device(nb_pasids, 0);
}

/* ------------------------------------------------------------ queues by hand */

static inline void
queue_put(uint64_t w0, uint64_t w1)
{
	uint64_t *desc = (uint64_t *)rig.iq.va + (size_t)rig.iq_tail * 4;

	desc[0] = w0;
	desc[1] = w1;
	desc[2] = 0;
	desc[3] = 0;
	rig.iq_tail = (rig.iq_tail + 1) % ENTRIES;
}

static inline void
queue_ring(void)
{
	put64(VTD_REG_IQT, (uint64_t)rig.iq_tail << VTD_DESC_SHIFT);
	step();
}

/* @return whether the wait was carried out */
static inline bool
queue_wait(void)
{
	const uint32_t serial = ++rig.serial;

	queue_put(VTD_QI_WAIT | VTD_QI_WAIT_SW | VTD_QI_WAIT_PD |
			  (uint64_t)serial << VTD_QI_WAIT_DATA_SHIFT,
		  rig.status.pa);
	queue_ring();
	return *(uint32_t *)rig.status.va == serial;
}

static inline void
forget_pasid(uint32_t pasid)
{
	queue_put(VTD_QI_PASID_CACHE | VTD_PASID_CACHE_GRAN_PASID << VTD_QI_GRAN_SHIFT |
			  (uint64_t)DOMAIN_ID << VTD_QI_DID_SHIFT |
			  (uint64_t)pasid << VTD_QI_PASID_SHIFT, 0);
	assert_true(queue_wait());
}

/* Whatever the unit has cached of page tables. */
static inline void
forget_translations(void)
{
	queue_put(VTD_QI_IOTLB | VTD_IOTLB_GRAN_GLOBAL << VTD_QI_GRAN_SHIFT, 0);
	assert_true(queue_wait());
}

/* Entries in the request queue. */
static inline uint32_t
pending(void)
{
	return ((uint32_t)(get64(VTD_REG_PQT) >> VTD_DESC_SHIFT) - rig.pq_head) % ENTRIES;
}

/* Next entry, copied out; its place is given back. */
static inline struct vtd_desc
fetch(void)
{
	struct vtd_desc desc;

	assert_int_not_equal(pending(), 0);
	memcpy(&desc, (struct vtd_desc *)rig.prq.va + rig.pq_head, sizeof(desc));
	rig.pq_head = (rig.pq_head + 1) % ENTRIES;
	put64(VTD_REG_PQH, (uint64_t)rig.pq_head << VTD_DESC_SHIFT);
	return desc;
}

/* The right answer to an entry with this code. */
static inline struct vtd_desc
answer_make(const struct vtd_desc *request, unsigned int code)
{
	struct vtd_desc answer = {{0}};

	answer.q[0] = VTD_QI_PGRP_RESP | (request->q[0] & UINT64_C(0xfffffffff0000)) |
		      (uint64_t)code << VTD_RESP0_RC_SHIFT;
	if ((request->q[0] & VTD_PRQ0_PP) != 0)
		answer.q[0] |= VTD_RESP0_PP;
	answer.q[1] = request->q[1] & VTD_PRGI_MASK << VTD_PRQ1_PRGI_SHIFT;
	return answer;
}

static inline void
answer(const struct vtd_desc *request, unsigned int code)
{
	const struct vtd_desc desc = answer_make(request, code);

	queue_put(desc.q[0], desc.q[1]);
	queue_ring();
}

static inline bool
is_last(const struct vtd_desc *request)
{
	return (request->q[1] & VTD_PRQ1_LPIG) != 0;
}

/* As a driver does that is beyond reproach, S 7.4.1: refuse what is malformed, grant the rest. */
static inline void
serve(const struct vtd_desc *request)
{
	const uint64_t q0 = request->q[0], q1 = request->q[1];
	const bool access = (q1 & (VTD_PRQ1_RDR | VTD_PRQ1_WRR)) != 0;
	const uint32_t pasid = (q0 >> VTD_PRQ0_PASID_SHIFT) & 0xfffff;
	const bool refused = (q0 & VTD_PRQ0_RESERVED) != 0 ||
			     (q0 & (VTD_PRQ0_EXR | VTD_PRQ0_PMR)) != 0 ||
			     (q1 >> 62) != 0 || pasid >= VTD_PASID_TABLE_ENTRIES ||
			     ((q0 >> VTD_PRQ0_RID_SHIFT) & 0xffff) != DEVICE;

	if ((q0 & VTD_PRQ0_TYPE_MASK) != VTD_PRQ_TYPE || !is_last(request) || !access)
		return;
	answer(request, refused ? VTD_RC_INVALID : VTD_RC_SUCCESS);
}

/* What is in the queue now; each answer is a step, in which more may come. */
static inline void
serve_all(void)
{
	uint32_t nb = pending();
	struct vtd_desc request;

	while (nb-- > 0) {
		request = fetch();
		serve(&request);
	}
}

/* -------------------------------------------------------------- requests by hand */

static inline struct uiommu_emu_request
request_for(uint32_t pasid, uint16_t prgi)
{
	return (struct uiommu_emu_request){
		.endpoint_id = DEVICE, .pasid = pasid, .iova = 0x123000, .prg_index = prgi,
		.read = true, .last = true,
	};
}

static inline enum uiommu_emu_outcome
ask(uint32_t pasid)
{
	static uint16_t prgi;
	const struct uiommu_emu_request req = request_for(pasid, prgi++ % EMU_PRGI_COUNT);

	return uiommu_emu_request(rig.emu, &req);
}

/* Reason in the fault record that was written last; 0: none. Clears it. */
static inline unsigned int
last_fault(void)
{
	const uint32_t fsts = get32(VTD_REG_FSTS);
	const uint32_t index = (fsts >> VTD_FSTS_FRI_SHIFT) & VTD_FSTS_FRI_MASK;
	const uint32_t offset =
		(uint32_t)((get64(VTD_REG_CAP) >> VTD_CAP_FRO_SHIFT) & VTD_CAP_FRO_MASK) * 16 +
		index * VTD_FRCD_SIZE;
	uint64_t hi;

	if ((fsts & VTD_FSTS_PPF) == 0)
		return 0;
	hi = get64(offset + 8);
	assert_int_equal(hi & VTD_FRCD_HI_SID_MASK, DEVICE);
	put32(offset + 12, UINT32_C(1) << 31);
	return (hi >> VTD_FRCD_HI_FR_SHIFT) & VTD_FRCD_HI_FR_MASK;
}

#endif /* EMU_RIG_H */
