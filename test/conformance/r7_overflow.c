/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R7: overflow of the hardware queue. */

#include "conformance.h"

#define SMALL RTE_MAX(harness_unit()->entries_min, 128U)
#define USABLE (SMALL - harness_unit()->queue_full)

/* Fill the queue with groups of one page of PASID 8, from an index on. @return index after them */
static uint16_t
fill_from(struct rig *rig, uint16_t i)
{
	while (rig_send(rig, EP, 8, i, i, true) == UIOMMU_EMU_QUEUED)
		i++;
	return i;
}

static uint16_t
fill(struct rig *rig)
{
	return fill_from(rig, 0);
}

static struct rig *
small_rig(struct recorder **rec)
{
	struct rig_conf conf = {.dev = {.queue_entries = SMALL}};
	struct rig *rig = rig_open(&conf);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 4096);

	*rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	rig_attach(endpoint, 7, (*rec)->domain, NULL);
	rig_attach(endpoint, 8, (*rec)->domain, NULL);
	return rig;
}

/* The last request is lost to the overflow: the unit has answered, the members go. */
static void
middle_of_group(void)
{
	struct recorder *rec;
	struct rig *rig = small_rig(&rec);
	uint16_t filled, i;

	rig_ask(rig, 7, 400, 1, false);
	rig_ask(rig, 7, 400, 2, false);
	rig_ask(rig, 7, 402, 20, false);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).parked_now, 3);
	rig_ask(rig, 7, 401, 3, false);
	/* one that has got its last request into the queue before, behind others: it is whole */
	for (i = 0; i < 100; i++)
		rig_ask(rig, 8, i, i, true);
	rig_ask(rig, 7, 402, 21, true);
	filled = fill_from(rig, 100);
	CHECK_EQ(filled, USABLE - 2);
	/* the one that overflowed it, and two more while the flag is up */
	CHECK_EQ(rig_send(rig, EP, 7, 400, 4, true), UIOMMU_EMU_AUTO_SUCCESS);
	CHECK_EQ(rig_send(rig, EP, 7, 401, 5, false), UIOMMU_EMU_DROPPED);
	rig_expect_auto(rig, EP, 8, filled, UIOMMU_EMU_SUCCESS);
	rig_expect_auto(rig, EP, 7, 400, UIOMMU_EMU_SUCCESS);
	while (rig_stats(rig).overflows == 0)
		uiommu_poll(rig->dev, 0, 10);
	for (i = 0; i < filled; i++) {
		if (i == 100)
			rig_expect(rig, EP, 7, 402, UIOMMU_EMU_SUCCESS);
		rig_expect(rig, EP, 8, i, UIOMMU_EMU_SUCCESS);
	}
	CHECK_EQ(rec->kept[100].prg_index, 402);
	CHECK_EQ(rec->kept[100].nb_faults, 2);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).parked_now, 0);
	CHECK_EQ(rig_stats(rig).discarded, 3);
	CHECK_EQ(rig_stats(rig).overflows, 1);
	CHECK_EQ(rec->groups, filled + 1);
	/* the device asks again: nothing old in it */
	rig_ask(rig, 7, 400, 9, true);
	rig_ask(rig, 7, 401, 10, false);
	rig_ask(rig, 7, 401, 11, true);
	rig_settle(rig);
	CHECK_EQ(rec->kept[filled + 1].nb_faults, 1);
	CHECK_EQ(rec->kept[filled + 2].nb_faults, 2);
	rig_expect(rig, EP, 7, 400, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 401, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	rig_close(rig);
}

/* While entries are left the flag stays; the unit's own answers show it. */
static void
acknowledged_when_empty(void)
{
	struct recorder *rec;
	struct rig *rig = small_rig(&rec);
	unsigned int taken = 0;
	uint16_t filled = fill(rig);

	CHECK_EQ(filled, USABLE);
	while (taken < filled) {
		CHECK_EQ(rig_stats(rig).overflows, 0);
		CHECK_EQ(rig_send(rig, EP, 7, 300, 1, true), UIOMMU_EMU_AUTO_SUCCESS);
		taken += uiommu_poll(rig->dev, 0, 10);
	}
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).overflows, 1);
	rig_ask(rig, 7, 300, 1, true);
	rig_settle(rig);
	CHECK_EQ(rec->kept[rec->nb_kept - 1].prg_index, 300);
	/* the flag was set once, and its clearing is what the judge looks at */
	CHECK_EQ(rig_verdict(rig, false).protocol, 0);
	CHECK_EQ(rig_verdict(rig, false).overflows, 1);
	rig_close(rig);
}

/*
 * T5: all that was in the queue has been taken when it is seen that it overflowed, and nothing
 * comes: acknowledged all the same, or no request would ever get in again.
 */
static void
acknowledged_with_no_new_entry(void)
{
	struct recorder *rec;
	struct rig *rig = small_rig(&rec);
	struct uiommu_emu_response resp;
	unsigned int round;

	for (round = 1; round <= 20; round++) {
		uint64_t groups = rec->groups;
		unsigned int taken = 0;
		uint16_t filled = fill(rig);

		CHECK_EQ(filled, USABLE);
		/* in pieces, so that the unit is looked at more than once */
		while (taken < filled)
			taken += uiommu_poll(rig->dev, 0, 1 + round);
		CHECK_EQ(rec->groups, groups + filled);
		CHECK_EQ(uiommu_poll(rig->dev, 0, 64), 0);
		CHECK_EQ(uiommu_poll(rig->dev, 0, 64), 0);
		CHECK_EQ(rig_stats(rig).overflows, round);
		CHECK_EQ(rig_verdict(rig, false).overflows, round);
		while (rig_response(rig, &resp))
			CHECK_EQ(resp.code, UIOMMU_EMU_SUCCESS);
		rig_ask_and_expect(rig, EP, 7, 300, UIOMMU_EMU_SUCCESS);
	}
	rig_close(rig);
}

/* Again and again: the flag is acknowledged each time. */
static void
many_times(void)
{
	struct recorder *rec;
	struct rig *rig = small_rig(&rec);
	struct uiommu_emu_response resp;
	unsigned int round;

	for (round = 1; round <= 50; round++) {
		fill(rig);
		rig_settle(rig);
		CHECK_EQ(rig_stats(rig).overflows, round);
		CHECK_EQ(rig_verdict(rig, false).overflows, round);
		while (rig_response(rig, &resp))
			CHECK_EQ(resp.code, UIOMMU_EMU_SUCCESS);
	}
	rig_close(rig);
}

/* Whole groups that wait for an answer are no business of the overflow's. */
static void
deferred_groups_stay(void)
{
	struct recorder *rec;
	struct rig *rig = small_rig(&rec);
	struct uiommu_emu_response resp;
	uint8_t code = UIOMMU_CODE_INVALID;
	int status;

	rec->defer = true;
	rig_ask(rig, 7, 400, 1, false);
	rig_ask(rig, 7, 400, 2, true);
	rig_settle(rig);
	rec->defer = false;
	fill(rig);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).overflows, 1);
	CHECK_EQ(rig_stats(rig).deferred_now, 1);
	while (rig_response(rig, &resp))
		CHECK_EQ(resp.code, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_answer(rig->dev, &rec->kept[0].cookie, &code, &status, 1), 1);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 400, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	rig_close(rig);
}

/* A storm that overflows all the time, groups of several pages, on threads. */
static void
storm(bool churn)
{
	struct rig_conf conf = {
		.model_thread = true,
		.no_claim = true,
		.no_log = true,
		.dev = {.queue_entries = 256, .parked_max = 2048},
	};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 8,
		.overflow = true,
		.seed = 7,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = endpoint_with(rig, EP, 8, 4096, rec);
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	unsigned int round;

	endpoint_with(rig, 0x0200, 8, 4096, rec);
	/* nobody polls: it must overflow */
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	while (rig_verdict(rig, false).overflows == 0)
		CHECK(harness_now_ns() < end);
	rig_owner_start(rig);
	rig_traffic(rig, NULL, TRAFFIC(20000));
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; churn && round < TRAFFIC(80); round++) {
		uint32_t pasid = 1 + round % 8;

		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY)), 0);
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_DETACHED);
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		rig_attach(endpoint, pasid, rec->domain, rec);
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_ATTACHED);
	}
	uiommu_emu_traffic_run(rig->emu, false);
	rig_settle(rig);
	CHECK(rig_stats(rig).overflows > 0);
	CHECK_EQ(rig_stats(rig).overflows, rig_verdict(rig, false).overflows);
	rig_close(rig);
}

static void
storm_alone(void)
{
	storm(false);
}

static void
storm_with_detach(void)
{
	storm(true);
}

static const struct harness_case r7_cases[] = {
	{"R7 K23 T39 overflow in the middle of a group", middle_of_group, 0},
	{"R7 T4 overflow is acknowledged when the queue is empty, not before",
	 acknowledged_when_empty, 0},
	{"R7 T5 overflow is acknowledged with no new entry", acknowledged_with_no_new_entry, 0},
	{"R7 T3 overflow many times", many_times, 0},
	{"R7 overflow leaves whole groups alone", deferred_groups_stay, 0},
	{"R7 T3 T4 storm of overflows", storm_alone, 0},
	{"R7 O6 K28 detach in a storm of overflows", storm_with_detach, 0},
};

HARNESS_SUITE_OF(r7, UIOMMU_CAPA_PAGE_REQUESTS | HARNESS_NEEDS_OVERFLOW);
