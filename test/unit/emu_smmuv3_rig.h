/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_SMMUV3_RIG_H
#define EMU_SMMUV3_RIG_H

/*
 * What the tests of the emulation of SMMUv3 stand on: a driver that does as the manual says, with
 * each of its steps in the tests' hands. Encodings are written out from the manual (S x.y) once
 * more, so that a mistake in the layout header, which the model uses, shows.
 */

#include "emu_neighbours.h"

#include "smmuv3_model.h"

/* Registers, S 6.2 */
#define IDR0 0x0
#define IDR1 0x4
#define CR0 0x20
#define CR0ACK 0x24
#define CR1 0x28
#define CR2 0x2c
#define GBPA 0x44
#define IRQ_CTRL 0x50
#define IRQ_CTRLACK 0x54
#define GERROR 0x60
#define GERRORN 0x64
#define STRTAB_BASE 0x80
#define STRTAB_BASE_CFG 0x88
#define CMDQ_BASE 0x90
#define CMDQ_PROD 0x98
#define CMDQ_CONS 0x9c
#define EVENTQ_BASE 0xa0
#define EVENTQ_PROD 0x100a8
#define EVENTQ_CONS 0x100ac
#define PRIQ_BASE 0xc0
#define PRIQ_PROD 0x100c8
#define PRIQ_CONS 0x100cc

/* CR0, S 6.3.9 */
#define SMMUEN 0x1U
#define PRIQEN 0x2U
#define EVENTQEN 0x4U
#define CMDQEN 0x8U
#define ATSCHK 0x10U
#define ALL_ON (SMMUEN | PRIQEN | EVENTQEN | CMDQEN | ATSCHK)

#define FLAG (UINT32_C(1) << 31) /* OVFLG, OVACKFLG, Update */

#define LOG2 6             /* of all queues */
#define ENTRIES (1U << LOG2)
#define WRAPPED (2U * ENTRIES)
#define DEVICE 0x0108      /* with ATS and PRI */
#define STALLER 0x0109     /* without, its accesses stall */
#define STRANGER 0x0110    /* not plugged in */
#define STREAMS_LOG2 9
#define CDS_LOG2 6
#define ASID(pasid) (UINT64_C(0x100) + (pasid))

static struct rig {
	struct uiommu_platform plat;
	struct uiommu_emu *emu;
	struct uiommu_dma streams, cds[2], table[4], cmdq, eventq, priq, message;
	uint32_t cmd_prod;
	uint32_t event_cons;
	uint32_t pri_cons;
	uint32_t serial;
} rig;

#include "emu_rig_unit.h"

/* ------------------------------------------------------------------------- tables */

static inline uint64_t *
ste(uint32_t sid)
{
	return (uint64_t *)rig.streams.va + (size_t)sid * 8;
}

/* CD of a PASID; each of the two devices has a table of its own. */
static inline uint64_t *
cd(uint32_t sid, uint32_t pasid)
{
	return (uint64_t *)rig.cds[sid != DEVICE].va + (size_t)pasid * 8;
}

/* S 5.2: stage 1, 2^6 CDs, linear, CD 0 for requests without SubstreamID. */
static inline void
stream(uint32_t sid, bool stalls)
{
	ste(sid)[1] = UINT64_C(2) | (stalls ? 0 : UINT64_C(1) << 27 | UINT64_C(1) << 28);
	ste(sid)[0] = UINT64_C(1) | UINT64_C(5) << 1 | rig.cds[sid != DEVICE].pa |
		      (uint64_t)CDS_LOG2 << 59;
}

/*
 * S 5.4: T0SZ 16, 4K, EPD1, V, IPS 48 bits, AA64, HD, HA, R, A; stalls as is wanted.
 */
#define CD0(pasid, stalls)                                                                         \
	(UINT64_C(16) | UINT64_C(1) << 30 | UINT64_C(1) << 31 | UINT64_C(5) << 32 |                \
	 UINT64_C(1) << 41 | UINT64_C(1) << 42 | UINT64_C(1) << 43 |                               \
	 (uint64_t)(stalls) << 44 | UINT64_C(1) << 45 | UINT64_C(1) << 46 | ASID(pasid) << 48)

static inline void
bond(uint32_t sid, uint32_t pasid)
{
	cd(sid, pasid)[1] = rig.table[0].pa;
	cd(sid, pasid)[0] = CD0(pasid, sid != DEVICE);
}

/* The table of pages for addresses below 2 MiB. */
static inline uint64_t *
page(uint64_t iova)
{
	return (uint64_t *)rig.table[3].va + iova / 4096;
}

/* VMSAv8-64: a page for users, read and write, not global. */
#define PAGE(pa) ((uint64_t)(pa) | 0x3 | 1 << 6 | 1 << 10 | 1 << 11)
#define READ_ONLY (UINT64_C(1) << 7)

/* ---------------------------------------------------------------------- bring-up */

static inline void
rig_open(struct uiommu_args *args)
{
	unsigned int i;

	rig_unit_open("smmuv30", "smmuv3", args);
	memory(&rig.streams, 64 << STREAMS_LOG2);
	memory(&rig.cds[0], 64 << CDS_LOG2);
	memory(&rig.cds[1], 64 << CDS_LOG2);
	for (i = 0; i < 4; i++)
		memory(&rig.table[i], 4096);
	for (i = 0; i < 3; i++)
		*(uint64_t *)rig.table[i].va = rig.table[i + 1].pa | 0x3;
	memory(&rig.cmdq, 16 * ENTRIES);
	memory(&rig.eventq, 32 * ENTRIES);
	memory(&rig.priq, 16 * ENTRIES);
	memory(&rig.message, 64);
}

/* S 6.3.9: a field takes effect with its acknowledgement. */
static inline void
enable(uint32_t bits)
{
	put32(CR0, bits);
	step();
	assert_int_equal(get32(CR0ACK), bits);
}

static inline void
command(uint64_t w0, uint64_t w1)
{
	uint64_t *at = (uint64_t *)rig.cmdq.va + (size_t)(rig.cmd_prod % ENTRIES) * 2;

	at[0] = w0;
	at[1] = w1;
	rig.cmd_prod = (rig.cmd_prod + 1) % WRAPPED;
}

static inline void
ring(void)
{
	put32(CMDQ_PROD, rig.cmd_prod);
	step();
}

/* S 4.7.3: CS 1, with a message. @return whether it came */
static inline bool
sync_wait(void)
{
	const uint32_t serial = ++rig.serial;

	command(0x46 | 1 << 12 | (uint64_t)serial << 32, rig.message.pa);
	ring();
	return *(uint32_t *)rig.message.va == serial;
}

static inline void
run(uint64_t w0, uint64_t w1)
{
	command(w0, w1);
	assert_true(sync_wait());
}

#define CFGI_ALL() run(0x04, 31)
#define CFGI_STE(sid, leaf) run(0x03 | (uint64_t)(sid) << 32, leaf)
#define CFGI_CD(sid, pasid, leaf)                                                                  \
	run(0x05 | (uint64_t)(pasid) << 12 | (uint64_t)(sid) << 32, leaf)
#define TLBI_ALL() run(0x30, 0)
#define TLBI_ASID(pasid) run(0x11 | ASID(pasid) << 48, 0)
#define TLBI_VA(pasid, iova, leaf) run(0x12 | ASID(pasid) << 48, (uint64_t)(iova) | (leaf))
#define ATC_INV(sid, pasid, iova, size)                                                            \
	run(0x40 | 1 << 11 | (uint64_t)(pasid) << 12 | (uint64_t)(sid) << 32,                      \
	    (uint64_t)(iova) | (size))

/* Bring-up in the order of the manual, S 3.11, 6.3.26 */
static inline void
rig_up(uint32_t bits)
{
	put64(STRTAB_BASE, rig.streams.pa);
	put32(STRTAB_BASE_CFG, STREAMS_LOG2);
	put64(CMDQ_BASE, rig.cmdq.pa | LOG2);
	put64(EVENTQ_BASE, rig.eventq.pa | LOG2);
	put64(PRIQ_BASE, rig.priq.pa | LOG2);
	put32(CR2, 0x2);
	enable(CMDQEN);
	CFGI_ALL();
	TLBI_ALL();
	enable(bits);
}

/* A device with PASIDs 1 to nb, all in force. */
static inline void
rig_device(uint32_t sid, uint32_t nb, uint32_t credits)
{
	uint32_t pasids[64], i;
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = sid, .credits = credits, .nb_pasids = nb, .pasids = pasids,
		.stalls = sid == STALLER,
	};

	stream(sid, conf.stalls);
	for (i = 0; i < nb; i++) {
		pasids[i] = i + 1;
		bond(sid, i + 1);
	}
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
}

/* One of both devices, with PASID 1. @param args devargs; NULL: none */
static inline void
rig_start_one(uint32_t sid, struct uiommu_args *args)
{
	rig_open(args);
	rig_up(ALL_ON);
	rig_device(sid, 1, 0);
}

/* Both devices. */
static inline void
rig_start(uint32_t nb_pasids)
{
	rig_open(NULL);
	rig_up(ALL_ON);
	rig_device(DEVICE, nb_pasids, 0);
	rig_device(STALLER, nb_pasids, 0);
}

/* ------------------------------------------------------------------ queues by hand */

struct pri {
	uint64_t q[2];
};

struct event {
	uint64_t q[4];
};

static inline uint32_t
pri_pending(void)
{
	return ((get32(PRIQ_PROD) & ~FLAG) - rig.pri_cons) % WRAPPED;
}

static inline uint32_t
event_pending(void)
{
	return ((get32(EVENTQ_PROD) & ~FLAG) - rig.event_cons) % WRAPPED;
}

/* Next entry, copied out; its place is given back, and the overflow flag stays as it is. */
static inline struct pri
pri_next(void)
{
	struct pri pri;

	assert_int_not_equal(pri_pending(), 0);
	memcpy(&pri, (struct pri *)rig.priq.va + rig.pri_cons % ENTRIES, sizeof(pri));
	rig.pri_cons = (rig.pri_cons + 1) % WRAPPED;
	put32(PRIQ_CONS, rig.pri_cons | (get32(PRIQ_CONS) & FLAG));
	return pri;
}

static inline struct event
event_next(void)
{
	struct event event;

	assert_int_not_equal(event_pending(), 0);
	memcpy(&event, (struct event *)rig.eventq.va + rig.event_cons % ENTRIES, sizeof(event));
	rig.event_cons = (rig.event_cons + 1) % WRAPPED;
	put32(EVENTQ_CONS, rig.event_cons | (get32(EVENTQ_CONS) & FLAG));
	return event;
}

/* S 8: fields of an entry */
static inline uint32_t
pri_sid(const struct pri *pri)
{
	return (uint32_t)pri->q[0];
}

static inline bool
pri_is_last(const struct pri *pri)
{
	return (pri->q[0] >> 62 & 1) != 0;
}

/* S 4.5.2: Resp 0 Failure, 1 Invalid, 2 Success */
static inline void
pri_answer(const struct pri *pri, unsigned int resp)
{
	const bool ssv = pri->q[0] >> 63 != 0;

	command(0x41 | (ssv ? UINT64_C(1) << 11 | (pri->q[0] >> 32 & 0xfffff) << 12 : 0) |
			(uint64_t)pri_sid(pri) << 32,
		(pri->q[1] & 0x1ff) | (uint64_t)resp << 12);
	ring();
}

/* S 7.3 */
static inline unsigned int
event_number(const struct event *event)
{
	return event->q[0] & 0xff;
}

static inline bool
event_stalls(const struct event *event)
{
	return (event->q[1] >> 31 & 1) != 0;
}

/* S 4.7.1: Ac in bit 12, Ab in bit 13 */
#define RETRY 0x1
#define ABORT 0x2
#define RAZ_WI 0x0
static inline void
resume(const struct event *event, unsigned int action)
{
	command(0x44 | (uint64_t)action << 12 | event->q[0] >> 32 << 32, event->q[1] & 0xffff);
	ring();
}

/* As a driver does that is beyond reproach: refuse what is not of a device's bonds. */
static inline void
serve_pri(void)
{
	const struct pri pri = pri_next();
	const uint32_t pasid = pri.q[0] >> 32 & 0xfffff;
	const bool refused = pri_sid(&pri) != DEVICE || pasid >= 1 << CDS_LOG2 ||
			     cd(DEVICE, pasid)[0] == 0 || (pri.q[0] >> 58 & 3) != 0 ||
			     pri.q[1] >> 48 != 0;

	/* R, W, X: a stop marker has none */
	if (pri_is_last(&pri) && (pri.q[0] >> 59 & 7) != 0)
		pri_answer(&pri, refused ? 1 : 2);
}

static inline void
serve_event(void)
{
	const struct event event = event_next();
	const uint32_t pasid = event.q[0] >> 12 & 0xfffff;
	const bool refused = pasid >= 1 << CDS_LOG2 || cd(STALLER, pasid)[0] == 0 ||
			     (event.q[1] >> 33 & 3) != 0 || event.q[2] >> 48 != 0;

	if (event_stalls(&event))
		resume(&event, refused ? ABORT : RETRY);
}

/* What is in the queues now; each answer is a step, in which more may come. */
static inline void
serve_all(void)
{
	uint32_t nb;

	for (nb = pri_pending(); nb > 0; nb--)
		serve_pri();
	for (nb = event_pending(); nb > 0; nb--)
		serve_event();
}

/* -------------------------------------------------------------- requests by hand */

#include "emu_rig_judge.h"

static inline void
answer_next(bool granted)
{
	const struct pri pri = pri_next();

	pri_answer(&pri, granted ? 2 : 1);
}

static inline struct uiommu_emu_stalled
stall(uint32_t pasid, uint64_t iova, bool write)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = STALLER, .pasid = pasid, .iova = iova, .read = !write,
		.write = write,
	};
	struct uiommu_emu_stalled out;

	assert_int_equal(uiommu_emu_stall(rig.emu, &req, &out), 0);
	return out;
}

static inline struct uiommu_emu_stalled
stalled(uint32_t handle)
{
	struct uiommu_emu_stalled out;

	assert_int_equal(uiommu_emu_stall_get(rig.emu, handle, &out), 0);
	return out;
}

/* DMA of the device with ATS. @return number of the event that it left; 0: it went through */
static inline unsigned int
dma(uint32_t sid, uint32_t pasid, uint64_t iova, bool write)
{
	struct event event;

	if (uiommu_emu_dma(rig.emu, sid, pasid, iova, write))
		return 0;
	if (event_pending() == 0)
		return UINT32_MAX;
	event = event_next();
	assert_int_equal(event.q[0] >> 32, sid);
	assert_false(event_stalls(&event));
	return event_number(&event);
}

#endif /* EMU_SMMUV3_RIG_H */
