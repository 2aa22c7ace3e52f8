/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_RISCV_RIG_H
#define EMU_RISCV_RIG_H

/*
 * What the tests of the emulation of a RISC-V IOMMU stand on: a driver that does as the manual
 * says, with each of its steps in the tests' hands. Encodings are written out from the manual once
 * more, so that a mistake in the layout header, which the model uses, shows.
 */

#include "emu_neighbours.h"

#include "riscv_model.h"

/* "Register layout" */
#define CAPABILITIES 0
#define FCTL 8
#define DDTP 16
#define CQB 24
#define CQH 32
#define CQT 36
#define FQB 40
#define FQH 48
#define FQT 52
#define PQB 56
#define PQH 64
#define PQT 68
#define CQCSR 72
#define FQCSR 76
#define PQCSR 80
#define IPSR 84
#define TR_REQ_IOVA 600
#define TR_REQ_CTL 608
#define TR_RESPONSE 616
#define ICVEC 760
#define MSI_CFG_TBL 768

/* csrs */
#define EN 0x1U
#define IE 0x2U
#define MF 0x100U
#define OF 0x200U
#define CMD_TO 0x200U
#define CMD_ILL 0x400U
#define FENCE_W_IP 0x800U
#define ON 0x10000U
#define BUSY 0x20000U

/* "Translation control (tc)" */
#define TC_V 0x1
#define TC_EN_ATS 0x2
#define TC_EN_PRI 0x4
#define TC_T2GPA 0x8
#define TC_DTF 0x10
#define TC_PDTV 0x20
#define TC_PRPR 0x40
#define TC_SADE 0x100
#define TC_DPE 0x200
#define TC_ALL (TC_V | TC_EN_ATS | TC_EN_PRI | TC_PDTV | TC_PRPR | TC_SADE | TC_DPE)

#define ENTRIES 64         /* of all queues */
#define DEVICE 0x0108
#define STRANGER 0x0110    /* not plugged in */
#define PSCID(pasid) (UINT64_C(0x80100) + (pasid))
#define SV48 UINT64_C(9)
#define PD20 UINT64_C(3)

static struct rig {
	struct uiommu_platform plat;
	struct uiommu_emu *emu;
	/* directories from the root; a table of pages below three more */
	struct uiommu_dma ddt[3], pdt[3], table[4], cq, fq, pq, message;
	uint64_t tc;       /* of devices that are made from now on */
	uint32_t cq_tail;
	uint32_t fq_head;
	uint32_t pq_head;
	uint32_t serial;
} rig;

#include "emu_rig_unit.h"

/* ------------------------------------------------------------------------- tables */

/* Page number at bit 10, V */
#define NON_LEAF(pa) ((uint64_t)(pa) >> 12 << 10 | 1)

/* Extended format: 6, 9 and 9 bits; base: 7, 9 and 8 */
static inline uint64_t *
dc(uint32_t did)
{
	return (uint64_t *)rig.ddt[2].va + (size_t)(did & 63) * 8;
}

static inline uint64_t *
pc(uint32_t pid)
{
	return (uint64_t *)rig.pdt[2].va + (size_t)(pid & 255) * 2;
}

/* A device that asks, with a process directory of three levels. */
static inline void
endpoint(uint32_t did)
{
	dc(did)[3] = PD20 << 60 | rig.pdt[0].pa >> 12;
	dc(did)[0] = rig.tc;
}

static inline void
bond(uint32_t pid)
{
	pc(pid)[1] = SV48 << 60 | rig.table[0].pa >> 12;
	pc(pid)[0] = PSCID(pid) << 12 | 1;
}

/* Entry of the page at an address below 2 MiB. */
static inline uint64_t *
page(uint64_t iova)
{
	return (uint64_t *)rig.table[3].va + iova / 4096 % 512;
}

/* V, R, W, U; page number at bit 10 */
#define PTE(pa, bits) ((uint64_t)(pa) >> 12 << 10 | (bits))
#define PAGE(pa) PTE(pa, 0x17)
#define PTE_A 0x40
#define PTE_D 0x80
#define PTE_G 0x20

/* ---------------------------------------------------------------------- bring-up */

static inline void
rig_open(struct uiommu_args *args)
{
	unsigned int i;

	rig_unit_open("riscv0", "riscv", args);
	for (i = 0; i < 3; i++) {
		memory(&rig.ddt[i], 4096);
		memory(&rig.pdt[i], 4096);
	}
	for (i = 0; i < 4; i++)
		memory(&rig.table[i], 4096);
	/* devices 0x100 to 0x13f: DDI[1] 4; processes 0 to 255 */
	*(uint64_t *)rig.ddt[0].va = NON_LEAF(rig.ddt[1].pa);
	((uint64_t *)rig.ddt[1].va)[4] = NON_LEAF(rig.ddt[2].pa);
	*(uint64_t *)rig.pdt[0].va = NON_LEAF(rig.pdt[1].pa);
	*(uint64_t *)rig.pdt[1].va = NON_LEAF(rig.pdt[2].pa);
	for (i = 0; i < 3; i++)
		*(uint64_t *)rig.table[i].va = NON_LEAF(rig.table[i + 1].pa);
	memory(&rig.cq, 16 * ENTRIES);
	memory(&rig.fq, 32 * ENTRIES);
	memory(&rig.pq, 16 * ENTRIES);
	memory(&rig.message, 64);
	rig.tc = TC_ALL;
}

/* "Guidelines for initialization": base, index, enable, wait for on. */
static inline void
queue_on(uint32_t base, uint32_t index, uint32_t csr, uint64_t pa)
{
	put64(base, pa >> 12 << 10 | 5);
	put32(index, 0);
	put32(csr, EN);
	step();
	assert_int_equal(get32(csr), EN | ON);
}

static inline void
ddtp(unsigned int mode, uint64_t pa)
{
	put64(DDTP, pa >> 12 << 10 | mode);
	step();
	assert_int_equal(get64(DDTP), pa >> 12 << 10 | mode);
}

/* Of three levels. */
static inline void
rig_up(void)
{
	queue_on(CQB, CQT, CQCSR, rig.cq.pa);
	queue_on(FQB, FQH, FQCSR, rig.fq.pa);
	if ((get64(CAPABILITIES) >> 25 & 1) != 0)
		queue_on(PQB, PQH, PQCSR, rig.pq.pa);
	ddtp(4, rig.ddt[0].pa);
}

static inline void
command(uint64_t w0, uint64_t w1)
{
	uint64_t *at = (uint64_t *)rig.cq.va + (size_t)rig.cq_tail * 2;

	at[0] = w0;
	at[1] = w1;
	rig.cq_tail = (rig.cq_tail + 1) % ENTRIES;
}

static inline void
ring(void)
{
	put32(CQT, rig.cq_tail);
	step();
}

/* IOFENCE.C with AV. */
static inline void
fence(void)
{
	command(2 | 1 << 10 | (uint64_t)++rig.serial << 32, rig.message.pa >> 2);
}

/* @return whether it was carried out */
static inline bool
fence_wait(void)
{
	fence();
	ring();
	return *(uint32_t *)rig.message.va == rig.serial;
}

static inline void
run(uint64_t w0, uint64_t w1)
{
	command(w0, w1);
	assert_true(fence_wait());
}

#define IODIR_ALL() run(3, 0)
#define IODIR_DDT(did) run(3 | UINT64_C(1) << 33 | (uint64_t)(did) << 40, 0)
#define IODIR_PDT(did, pid)                                                                        \
	run(3 | 1 << 7 | (uint64_t)(pid) << 12 | UINT64_C(1) << 33 | (uint64_t)(did) << 40, 0)
#define VMA_ALL() run(1, 0)
#define VMA_PSCID(pid) run(1 | PSCID(pid) << 12 | UINT64_C(1) << 32, 0)
#define VMA_PAGE(pid, iova, more)                                                                  \
	run(1 | 1 << 10 | PSCID(pid) << 12 | UINT64_C(1) << 32 | (more), (uint64_t)(iova) >> 2)
#define ATS_INVAL(did, pid, payload)                                                               \
	run(4 | (uint64_t)(pid) << 12 | UINT64_C(1) << 32 | (uint64_t)(did) << 40, payload)

/* PASIDs 1 to nb, all in force. */
static inline void
rig_device(uint32_t did, uint32_t nb, uint32_t credits)
{
	uint32_t pasids[64], i;
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = did, .credits = credits, .nb_pasids = nb, .pasids = pasids,
	};

	endpoint(did);
	for (i = 0; i < nb; i++) {
		pasids[i] = i + 1;
		bond(i + 1);
	}
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
}

/* @param args devargs; NULL: none */
static inline void
rig_start_args(uint32_t nb_pasids, struct uiommu_args *args)
{
	rig_open(args);
	rig_up();
	rig_device(DEVICE, nb_pasids, 0);
}

static inline void
rig_start(uint32_t nb_pasids)
{
	rig_start_args(nb_pasids, NULL);
}

/* ------------------------------------------------------------------ queues by hand */

struct request {
	uint64_t q[2];
};

struct record {
	uint64_t q[4];
};

static inline uint32_t
pq_pending(void)
{
	return (get32(PQT) - rig.pq_head) % ENTRIES;
}

static inline uint32_t
fq_pending(void)
{
	return (get32(FQT) - rig.fq_head) % ENTRIES;
}

/* Next entry, copied out; its place is given back. */
static inline struct request
pq_next(void)
{
	struct request request;

	assert_int_not_equal(pq_pending(), 0);
	memcpy(&request, (struct request *)rig.pq.va + rig.pq_head, sizeof(request));
	rig.pq_head = (rig.pq_head + 1) % ENTRIES;
	put32(PQH, rig.pq_head);
	return request;
}

static inline struct record
fq_next(void)
{
	struct record record;

	assert_int_not_equal(fq_pending(), 0);
	memcpy(&record, (struct record *)rig.fq.va + rig.fq_head, sizeof(record));
	rig.fq_head = (rig.fq_head + 1) % ENTRIES;
	put32(FQH, rig.fq_head);
	return record;
}

/* "Page-request-queue record" */
static inline uint32_t
request_did(const struct request *request)
{
	return (uint32_t)(request->q[0] >> 40);
}

static inline bool
request_is_last(const struct request *request)
{
	return (request->q[1] >> 2 & 1) != 0;
}

/* ATS.PRGR: 0 Success, 1 Invalid, 15 Failure. DSV, with segment 0, or not: that is the same. */
static inline void
request_answer(const struct request *request, unsigned int code)
{
	const bool pv = (request->q[0] >> 32 & 1) != 0;
	const uint64_t prgi = request->q[1] >> 3 & 0x1ff;
	const bool dsv = (prgi & 1) != 0 || request_did(request) > UINT16_MAX;

	command(4 | 1 << 7 | (pv ? request->q[0] & UINT64_C(0x1fffff000) : 0) |
			(uint64_t)dsv << 33 | (uint64_t)request_did(request) << 40,
		prgi << 32 | (uint64_t)code << 44);
	ring();
}

/* As a driver does that is beyond reproach: refuse what is not of a device's bonds. */
static inline void
serve_one(void)
{
	const struct request request = pq_next();
	const uint32_t pasid = request.q[0] >> 12 & 0xfffff;
	const bool refused = request_did(&request) != DEVICE || pasid > 255 ||
			     pc(pasid)[0] == 0 || (request.q[0] & UINT64_C(0xfe00000fff)) != 0 ||
			     request.q[1] >> 48 != 0;

	/* R, W: a stop marker has neither */
	if (request_is_last(&request) && (request.q[1] & 3) != 0)
		request_answer(&request, refused ? 1 : 0);
}

/* What is in the queue now; each answer is a step, in which more may come. */
static inline void
serve_all(void)
{
	uint32_t nb;

	for (nb = pq_pending(); nb > 0; nb--)
		serve_one();
}

/* -------------------------------------------------------------- requests by hand */

#include "emu_rig_judge.h"

static inline void
answer_next(bool granted)
{
	const struct request request = pq_next();

	request_answer(&request, granted ? 0 : 1);
}

/* Cause of the fault record that was written last; 0: none. */
static inline unsigned int
last_cause(void)
{
	struct record record;

	if (fq_pending() == 0)
		return 0;
	record = fq_next();
	assert_int_equal(fq_pending(), 0);
	return record.q[0] & 0xfff;
}

/* Without ATS. @return cause of the record that it left; 0: it went through */
static inline unsigned int
dma(uint32_t did, uint32_t pasid, uint64_t iova, bool write)
{
	unsigned int cause;

	if (uiommu_emu_dma(rig.emu, did, pasid, iova, write))
		return 0;
	cause = last_cause();
	return cause == 0 ? UINT32_MAX : cause;
}

#endif /* EMU_RISCV_RIG_H */
