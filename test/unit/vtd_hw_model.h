/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_HW_MODEL_H
#define VTD_HW_MODEL_H

/*
 * The unit's half of the queues. The invalidation queue is as S 6.5.2.11 has it: where it stops,
 * what it forgets, and what it still carries out. Responses carry a running number, so that
 * one lost, doubled or out of order shows. The driver's sources are part of the program.
 */

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <uiommu_driver_wait.h>

#include <vtd_iq.c>
#include <vtd_report.c>
#include <vtd_plan.c>
#include <vtd_inval.c>
#include <vtd_cmd.c>
#include <vtd_queue.c>

#define ENTRIES 128
#define SECOND UINT64_C(1000000000)
#define WAITING_MAX 16
#define SEEN_MAX 1024

int vtd_logtype;

static struct {
	uint32_t fsts;
	uint64_t iqh;
	uint64_t iqt;
	uint32_t prs;
	uint64_t pqh;
	uint64_t pqt;
	struct vtd_desc prq[ENTRIES];
	uint64_t pqt_wild;         /* bits that PQT shows besides */
	uint32_t gsts;
	unsigned int late;         /* requests that come when PRS is read */
	struct vtd_desc ring[ENTRIES];
	uint32_t status;
	/* how it misbehaves: times */
	unsigned int refuse;       /* IQE at the next descriptor */
	unsigned int refuse_type;  /* IQE at each descriptor of this type; 0: none */
	unsigned int time_out;     /* ITE at the next device-TLB invalidation */
	bool hold_waits;           /* takes waits, and does not finish them */
	bool lose_waits;
	bool dead;
	bool lazy;                 /* looks at the queue only when the tail is written */
	/* what it has seen */
	uint32_t waiting[WAITING_MAX]; /* data of waits taken but not finished */
	unsigned int nb_waiting;
	uint64_t responses;
	uint64_t invalidations;
	struct vtd_desc seen[SEEN_MAX]; /* the first of them, and fences between them */
	unsigned int nb_seen;
	struct vtd_desc wait;      /* the last that writes its status */
	bool out_of_order;
} hw;

static struct uiommu_dev dev;
static struct vtd_queue queue;
static struct vtd_endpoint *endpoint;
static struct vtd_domain domain;

static struct vtd_tag entry_tag;

/* Stands in for vtd_table.c. */
struct vtd_tag
vtd_endpoint_tag(const struct vtd_endpoint *ep, uint32_t pasid)
{
	return entry_tag;
}

static void
hw_execute(const struct vtd_desc *desc)
{
	unsigned int type = desc->q[0] & 0xf;

	assert_true(desc->q[2] == 0 && desc->q[3] == 0);
	if (type != VTD_QI_PGRP_RESP && hw.nb_seen < SEEN_MAX &&
	    (type != VTD_QI_WAIT || (desc->q[0] & VTD_QI_WAIT_SW) == 0))
		hw.seen[hw.nb_seen++] = *desc;
	if (type == VTD_QI_WAIT && (desc->q[0] & VTD_QI_WAIT_SW) != 0)
		hw.wait = *desc;
	if (type == VTD_QI_PGRP_RESP) {
		hw.out_of_order |= (desc->q[1] >> 3) != (hw.responses & 0x1ff);
		hw.responses++;
	} else if (type != VTD_QI_WAIT) {
		hw.invalidations++;
	} else if ((desc->q[0] & VTD_QI_WAIT_SW) != 0 && hw.hold_waits) {
		assert_true(hw.nb_waiting < WAITING_MAX);
		hw.waiting[hw.nb_waiting++] = (uint32_t)(desc->q[0] >> 32);
	} else if ((desc->q[0] & VTD_QI_WAIT_SW) != 0 && !hw.lose_waits) {
		hw.status = (uint32_t)(desc->q[0] >> 32);
	}
}

/* Take descriptors, as far as possible; called on each access to a register. */
static void
hw_run(bool tail_written)
{
	if (hw.lazy && !tail_written)
		return;
	while (hw.iqh != hw.iqt && !hw.dead && (hw.fsts & (VTD_FSTS_IQE | VTD_FSTS_ITE)) == 0) {
		const struct vtd_desc *desc = &hw.ring[hw.iqh / 32];
		unsigned int type = desc->q[0] & 0xf;

		if (hw.refuse != 0 || (hw.refuse_type != 0 && hw.refuse_type == type)) {
			hw.refuse -= hw.refuse != 0;
			hw.fsts |= VTD_FSTS_IQE; /* the head stays */
			return;
		}
		hw.iqh = (hw.iqh + 32) % sizeof(hw.ring);
		if (hw.time_out != 0 && (type == VTD_QI_DEV_TLB || type == VTD_QI_PASID_DEV_TLB)) {
			hw.time_out--;
			hw.fsts |= VTD_FSTS_ITE;
			hw.nb_waiting = 0; /* waits that were taken are aborted */
			return;
		}
		hw_execute(desc);
	}
}

/* A request goes into the queue, with garbage in the words that mean nothing. */
static void
hw_request(uint64_t w0, uint64_t w1)
{
	hw.prq[hw.pqt / 32] = (struct vtd_desc){{w0, w1, UINT64_MAX, UINT64_MAX}};
	hw.pqt = (hw.pqt + 32) % sizeof(hw.prq);
	assert_true(hw.pqt != hw.pqh);
	hw.prs |= VTD_PRS_PPR;
}

/* A sound one: PASID 1, page and index the same running number */
static inline void
hw_request_number(unsigned int n)
{
	hw_request(UINT64_C(0x0000000103020101), (uint64_t)n << 12 | (n & 0x1ff) << 3 | 5);
}

static uint32_t
read32(struct uiommu_platform *plat, uint32_t offset)
{
	hw_run(false);
	if (offset == VTD_REG_PRS) {
		for (; hw.late != 0; hw.late--)
			hw_request_number(hw.late);
		return hw.prs;
	}
	return offset == VTD_REG_FSTS ? hw.fsts : hw.gsts;
}

static uint64_t
read64(struct uiommu_platform *plat, uint32_t offset)
{
	hw_run(false);
	if (offset == VTD_REG_PQT)
		return hw.pqt | hw.pqt_wild;
	return offset == VTD_REG_IQH ? hw.iqh : hw.iqt;
}

static void
write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	if (offset == VTD_REG_PRS) {
		hw.prs &= ~value;
		return;
	}
	assert_int_equal(offset, VTD_REG_FSTS);
	hw.fsts &= ~value;
	hw_run(false);
}

static void
write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	if (offset == VTD_REG_PQH) {
		assert_true(value % 32 == 0 && value < sizeof(hw.prq));
		hw.pqh = value;
		return;
	}
	assert_int_equal(offset, VTD_REG_IQT);
	assert_true(value % 32 == 0 && value < sizeof(hw.ring));
	hw.iqt = value;
	hw_run(true);
}

static int
set_up(void **state)
{
	static const struct uiommu_platform_ops ops = {
		.read32 = read32, .read64 = read64, .write32 = write32, .write64 = write64,
	};

	memset(&hw, 0, sizeof(hw));
	memset(&queue, 0, sizeof(queue));
	dev.platform.ops = &ops;
	queue.plat = &dev.platform;
	queue.ring = hw.prq;
	queue.mask = ENTRIES - 1;
	queue.sign_bit = 47;
	queue.iq.plat = &dev.platform;
	queue.iq.ring = hw.ring;
	queue.iq.mask = ENTRIES - 1;
	queue.iq.status = &hw.status;
	queue.iq.status_pa = 0x1000;
	queue.iq.name = "unit";
	vtd_iq_reset(&queue.iq, SECOND * 100);
	endpoint = calloc(1, sizeof(*endpoint));
	assert_non_null(endpoint);
	endpoint->source_id = 0x0302;
	endpoint->pf_id = 0x0302;
	endpoint->ats = true;
	domain = (struct vtd_domain){
		.type = UIOMMU_DOMAIN_PAGING, .did = 7, .pgtt = VTD_PGTT_FIRST,
	};
	entry_tag = (struct vtd_tag){.did = 7, .pgtt = VTD_PGTT_FIRST};
	return 0;
}

static int
tear_down(void **state)
{
	free(endpoint);
	return 0;
}

/* Send responses with numbers that go on from those sent before. */
static inline uint16_t
respond(unsigned int *sent, uint16_t nb)
{
	struct uiommu_resp resps[ENTRIES];
	uint16_t i;

	for (i = 0; i < nb; i++)
		resps[i] = (struct uiommu_resp){.endpoint_id = 0x0302, .pasid = 1,
						.prg_index = (*sent + i) & 0x1ff};
	nb = vtd_respond(&queue, resps, nb);
	*sent += nb;
	return nb;
}

static inline void
assert_responses(unsigned int sent)
{
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* VTD_HW_MODEL_H */
