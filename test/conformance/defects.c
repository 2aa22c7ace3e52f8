/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Defects of other implementations that no rule's file is about. */

#include "conformance.h"

/* T1: requests that come between the last look and the head's update. */
static void
added_while_draining(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	uint16_t i, budget;

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	for (budget = 1; budget < 5; budget++) {
		for (i = 0; i < 100; i++) {
			/* from the handler's point of view: while the burst is being worked on */
			rig_ask(rig, 7, i, i, true);
			rig_ask(rig, 7, 200 + i, i, true);
			rig_turn_of(rig, budget);
		}
		rig_settle(rig);
		CHECK_EQ(rec->groups, 200 * budget);
	}
	rig_close(rig);
}

/* The handler's own burst is in work when more comes. */
static void
ask_again_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	if (recorder_groups(rec) < 300)
		EXPECT_EQ(rig_send(rec->rig, EP, 7, (uint16_t)recorder_groups(rec), 1, true),
			  UIOMMU_EMU_QUEUED);
}

static void
added_in_handler(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	rec->hook = ask_again_hook;
	rig_ask(rig, 7, 0, 1, true);
	rig_settle(rig);
	CHECK_EQ(rec->groups, 300);
	rig_close(rig);
}

/* T2, T7: a poller must not live on the pending bit: it is set once and never taken back. */
static void
pending_bit(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	unsigned int round;

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	for (round = 0; round < 300; round++) {
		rig_ask(rig, 7, (uint16_t)round, 1, true);
		rig_settle(rig);
		rig_expect(rig, EP, 7, (uint16_t)round, UIOMMU_EMU_SUCCESS);
	}
	rig_close(rig);
}

/* T8: what an entry held the time before must not be taken for a new one. */
static void
old_entries(void)
{
	struct rig_conf conf = {.dev = {.queue_entries = harness_unit()->entries_min}};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	unsigned int i;

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	for (i = 0; i < 3 * harness_unit()->entries_min; i++) {
		rig_ask(rig, 7, (uint16_t)(i % 512), i, true);
		rig_settle(rig);
		CHECK_EQ(rec->groups, i + 1);
		CHECK_EQ(rig_stats(rig).requests, i + 1);
		if (i < RECORDER_KEPT)
			CHECK_EQ(rec->kept[i].faults[0].iova, (uint64_t)i << 12);
	}
	rig_close(rig);
}

/* T9: unless told otherwise, as large as the unit can. */
static void
largest_queue(void)
{
	struct rig *rig = rig_open(NULL);

	CHECK_EQ(rig->info.queue_entries_min, harness_unit()->entries_min);
	CHECK_EQ(rig->info.queue_entries_max, harness_unit()->entries_max);
	CHECK_EQ(rig->info.queue_entries, harness_unit()->entries_default);
	rig_close(rig);
}

/* T33: two functions of one device. One goes; the other's page requests go on. */
static void
functions_of_one_device(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *pf = rig_endpoint(rig, 0x0300, 0);
	struct uiommu_endpoint *vf = rig_endpoint(rig, 0x0310, 0);

	rig_attach(pf, 7, rec->domain, pf);
	rig_attach(vf, 7, rec->domain, vf);
	CHECK_EQ(rig_send(rig, 0x0310, 7, 1, 1, false), UIOMMU_EMU_QUEUED);
	CHECK_EQ(rig_send(rig, 0x0300, 7, 1, 1, true), UIOMMU_EMU_QUEUED);
	CHECK_EQ(rig_send(rig, 0x0310, 7, 1, 2, true), UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	CHECK_EQ(rec->kept[0].endpoint_id, 0x0300);
	CHECK_EQ(rec->kept[0].nb_faults, 1);
	CHECK(rec->kept[0].priv == pf);
	CHECK_EQ(rec->kept[1].endpoint_id, 0x0310);
	CHECK_EQ(rec->kept[1].nb_faults, 2);
	CHECK(rec->kept[1].priv == vf);
	CHECK_EQ(uiommu_endpoint_remove(vf), 0);
	CHECK_EQ(rig_send(rig, 0x0300, 7, 2, 1, true), UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	rig_expect(rig, 0x0300, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, 0x0310, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, 0x0300, 7, 2, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	CHECK_EQ(rig_verdict(rig, false).code_failure, 0);
	rig_close(rig);
}

/* T40: nothing that one tenant does or suffers is answered with Response Failure. */
static void
never_failure(void)
{
	struct rig_conf conf = {
		.no_log = true,
		.dev = {.queue_entries = 128, .parked_max = 8, .deferred_max = 4},
	};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 12,
		.bad_ratio = 0.3,
		.overflow = true,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_RETRY);
	struct uiommu_endpoint *endpoint = endpoint_with(rig, EP, 8, 512, rec);
	uint32_t pasid;

	rig_traffic(rig, &traffic, TRAFFIC(20000));
	rec->defer = true;
	rig_traffic(rig, NULL, TRAFFIC(5000));
	for (pasid = 1; pasid <= 8; pasid++)
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
	CHECK(rig_stats(rig).deferred_now != 0);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	CHECK_EQ(rig_verdict(rig, false).code_failure, 0);
	CHECK_EQ(rig_stats(rig).codes[UIOMMU_CODE_FAILURE], 0);
	CHECK(rig_stats(rig).no_slot > 0);
	CHECK(harness_unit()->lone_requests || rig_stats(rig).incomplete > 0);
	rig_close_now(rig);
}

/* T35: DMA that is blocked, without end: its records are read and cleared, nothing is logged. */
static void
blocked_dma(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	unsigned int i;

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	harness_log_watch();
	for (i = 0; i < 20000; i++) {
		CHECK(!uiommu_emu_dma(rig->emu, EP, 7, (uint64_t)i << 12, i % 2));
		if (i % 16 == 0)
			rig_turn(rig);
		if (i % 1000 == 0) {
			rig_ask(rig, 7, 1, i, true);
			rig_settle(rig);
			rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
		}
	}
	CHECK_EQ(harness_log_lines(), 0);
	for (i = 0; i < 5000; i++)
		rig_turn(rig);
	CHECK(rig_faults_recorded(rig) > 0);
	CHECK(rig_stats(rig).reports > 0);
	CHECK_EQ(rig_state(rig), UIOMMU_DEV_STARTED);
	rig_close(rig);
}

/* T35: while a bond is taken away, requests for it are no news for the log. */
static void
no_log_at_detach(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_emu_response resp;
	unsigned int round, i;

	harness_log_watch();
	for (round = 0; round < 10; round++) {
		struct uiommu_attach *attach = rig_attach(endpoint, 7, rec->domain, NULL);

		for (i = 0; i < 50; i++)
			rig_ask(rig, 7, (uint16_t)i, i, true);
		CHECK_EQ(uiommu_detach(attach), 0);
		for (i = 0; i < 50; i++)
			CHECK(rig_response(rig, &resp));
		for (i = 0; i < 50; i++)
			rig_ask_in_vain(rig, EP, 7, (uint16_t)i);
		rig_settle(rig);
	}
	CHECK_EQ(harness_log_lines(), 0);
	rig_close(rig);
}

/* T44: PASID 0 is one like any other, but where the unit takes it for requests without PASID. */
static void
pasid_zero(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	if (harness_unit()->reserved_pasid == 0) {
		CHECK_ERRNO(uiommu_attach(endpoint, 0, rec->domain, NULL), EINVAL);
		rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
		rig_ask_in_vain(rig, EP, 0, 1);
		/* past the unit's checks: not the RID's bond */
		rig_raw_ask(rig, EP, 0, 2, true);
		rig_settle(rig);
		rig_expect(rig, EP, 0, 2, UIOMMU_EMU_INVALID);
		CHECK_EQ(rec->groups, 0);
	} else {
		rig_attach(endpoint, 0, rec->domain, NULL);
		rig_ask(rig, 0, 1, 1, true);
		rig_settle(rig);
		rig_expect(rig, EP, 0, 1, UIOMMU_EMU_SUCCESS);
	}
	rig_close(rig);
}

static const struct harness_case defects_cases[] = {
	{"T1 requests added while the queue is drained", added_while_draining, 0},
	{"T1 requests added while a handler works", added_in_handler, 0},
	{"T2 T7 polling does not depend on the pending bit", pending_bit, 0},
	{"T8 old entries are not taken for new ones", old_entries, 0},
	{"T9 C6 the default is the largest queue", largest_queue, 0},
	{"T33 P7 functions of one device are told apart", functions_of_one_device, 0},
	{"T40 P8 Response Failure is never sent for a tenant", never_failure, 0},
	{"T35 T45 blocked DMA does not flood the log", blocked_dma, HARNESS_NEEDS_REPORTS},
	{"T35 detach under fire does not flood the log", no_log_at_detach, 0},
	{"T44 PASID 0", pasid_zero, 0},
};

HARNESS_SUITE(defects);
