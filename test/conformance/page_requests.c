/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests of an endpoint are on from its first fault-capable bond to its last, as the
 * answers of a unit tell that looks endpoints up (elsewhere it makes no difference); and devices
 * that cannot send any.
 */

#include <sched.h>

#include "conformance.h"

/* A PASID without handler tells: while page requests are on, software answers for it. */
static void
first_to_last(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_domain *not = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach[3];
	uint16_t round;

	rig_ask_in_vain(rig, EP, 1, 1);
	rig_attach(endpoint, 1, not, NULL);
	for (round = 0; round < 3; round++) {
		rig_ask_in_vain(rig, EP, 1, 1);
		attach[0] = rig_attach(endpoint, 7, rec->domain, NULL);
		rig_ask_and_expect(rig, EP, 1, 2, UIOMMU_EMU_INVALID);
		attach[1] = rig_attach(endpoint, 8, rec->domain, NULL);
		attach[2] = rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
		rig_ask_and_expect(rig, EP, 1, 3, UIOMMU_EMU_INVALID);
		/* in another order each time */
		CHECK_EQ(uiommu_detach(attach[round]), 0);
		rig_ask_and_expect(rig, EP, 1, 4, UIOMMU_EMU_INVALID);
		CHECK_EQ(uiommu_detach(attach[(round + 1) % 3]), 0);
		rig_ask_and_expect(rig, EP, 1, 5, UIOMMU_EMU_INVALID);
		CHECK_EQ(uiommu_detach(attach[(round + 2) % 3]), 0);
	}
	rig_ask_in_vain(rig, EP, 1, 1);
	CHECK_EQ(rec->groups, 0);
	CHECK_EQ(rig_served(rig), 12);
	rig_close(rig);
}

/* What comes in while they go off, of PASIDs that stay: answered once, by whichever of the two. */
static void
switched_off_under_requests(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_emu_response resp;
	struct uiommu_attach *attach;
	uint16_t i;

	rig_attach(endpoint, 1, rig_domain(rig, UIOMMU_DOMAIN_PAGING), NULL);
	attach = rig_attach(endpoint, 7, rec->domain, NULL);
	/* their last requests will not come any more */
	rig_ask(rig, 1, 50, 1, false);
	rig_ask(rig, 7, 51, 1, false);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).parked_now, 2);
	for (i = 0; i < 40; i++)
		rig_ask(rig, i % 2 == 0 ? 1 : 7, i, 1, true);
	rig_ask(rig, 1, 52, 1, false);
	CHECK_EQ(uiommu_detach(attach), 0);
	recorder_close(rec);
	CHECK_EQ(rig_stats(rig).parked_now, 0);
	CHECK_EQ(rig_stats(rig).responses, 40);
	CHECK_EQ(rig_stats(rig).discarded, 3);
	for (i = 0; i < 40; i++)
		CHECK(rig_response(rig, &resp));
	for (i = 50; i < 53; i++)
		rig_ask_in_vain(rig, EP, i == 51 ? 7 : 1, i);
	/* on again: no member of old joins */
	rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	rig_attach(endpoint, 7, rec->domain, NULL);
	CHECK_EQ(rig_send(rig, EP, 7, 51, 2, true), UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	CHECK_EQ(rec->kept[0].nb_faults, 1);
	rig_close(rig);
}

/* On and off outlive a stop. */
static void
stop_and_start(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *on = rig_endpoint(rig, EP, 0);
	struct uiommu_endpoint *off = rig_endpoint(rig, 0x0200, 0);
	struct uiommu_domain *not = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_attach *attach;

	attach = rig_attach(on, 7, rec->domain, NULL);
	rig_attach(off, 7, not, NULL);
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	rig_ask_and_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_ask_in_vain(rig, 0x0200, 7, 1);
	/* switched while nothing runs */
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	CHECK_EQ(uiommu_detach(attach), 0);
	rig_attach(on, 7, not, NULL);
	rig_attach(off, 8, rec->domain, NULL);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	rig_ask_in_vain(rig, EP, 7, 2);
	rig_ask_and_expect(rig, 0x0200, 7, 2, UIOMMU_EMU_INVALID);
	rig_ask_and_expect(rig, 0x0200, 8, 3, UIOMMU_EMU_SUCCESS);
	rig_close(rig);
}

/* Devices with and without page requests on one unit; none is in the way of another. */
static void
devices_without(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_domain *not = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_endpoint *can = rig_endpoint(rig, EP, 0);
	struct uiommu_endpoint *cannot =
		rig_endpoint_with(rig, 0x0200, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS, 0);
	struct uiommu_attach *attach[2];
	uint16_t round;

	rig_attach(can, 7, rec->domain, NULL);
	for (round = 0; round < 4; round++) {
		CHECK_ERRNO(uiommu_attach(cannot, 7, rec->domain, NULL), ENOTSUP);
		CHECK_ERRNO(uiommu_attach(cannot, UIOMMU_NO_PASID, rec->domain, NULL), ENOTSUP);
		CHECK_ERRNO(uiommu_attach_find(cannot, 7, UIOMMU_DOMAIN_ANY), ENOENT);
		attach[0] = rig_attach(cannot, 7, not, NULL);
		attach[1] = rig_attach(cannot, UIOMMU_NO_PASID,
				       rig_domain(rig, UIOMMU_DOMAIN_BLOCKED), NULL);
		rig_ask_in_vain(rig, 0x0200, 7, 1);
		rig_ask_in_vain(rig, 0x0200, UIOMMU_NO_PASID, 1);
		rig_ask_and_expect(rig, EP, 7, round, UIOMMU_EMU_SUCCESS);
		CHECK_EQ(uiommu_detach(attach[0]), 0);
		if (round % 2 == 0) {
			CHECK_EQ(uiommu_detach(attach[1]), 0);
			continue;
		}
		CHECK_EQ(uiommu_endpoint_remove(cannot), 0);
		cannot = rig_endpoint_add(rig, 0x0200, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS, 0);
	}
	CHECK_EQ(rec->groups, 4);
	CHECK_EQ(rig_served(rig), 4);
	rig_close(rig);
}

/* Groups that nobody was asked about, by the unit's hand or the engine's. */
static uint64_t
refusals(const struct rig *rig)
{
	return rig_verdict(rig, false).auto_invalid + rig_stats(rig).refused;
}

/*
 * The last fault-capable bond comes and goes while the device asks for a PASID without handler
 * all the time: each request is answered once, and none got in on the strength of an old entry.
 */
static void
switched_in_traffic(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 4};
	struct rig *rig = rig_open(&conf);
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	struct uiommu_endpoint *endpoint;
	unsigned int round;
	uint64_t groups = 0;

	rig_device_range(rig, EP, 1, 2, 512);
	endpoint = rig_endpoint_add(rig, EP, 0, 0);
	rig_attach(endpoint, 1, rig_domain(rig, UIOMMU_DOMAIN_PAGING), NULL);
	uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_CHANGING);
	uiommu_emu_pasid_state(rig->emu, EP, 2, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(80); round++) {
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		struct uiommu_attach *attach = rig_attach(endpoint, 2, rec->domain, NULL);

		/* by turns at once, and when requests came */
		while (round % 8 == 0 && recorder_groups(rec) == 0 && harness_now_ns() < end)
			sched_yield();
		CHECK_EQ(uiommu_detach(attach), 0);
		/* page requests are off: neither of the two gets in */
		uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_DETACHED);
		uiommu_emu_pasid_state(rig->emu, EP, 2, UIOMMU_EMU_DETACHED);
		groups += recorder_groups(rec);
		recorder_close(rec);
		uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_CHANGING);
		uiommu_emu_pasid_state(rig->emu, EP, 2, UIOMMU_EMU_CHANGING);
	}
	CHECK(groups > 0);
	while (refusals(rig) == 0 && harness_now_ns() < end)
		sched_yield();
	CHECK(refusals(rig) > 0);
	rig_close(rig);
}

static const struct harness_case page_requests_cases[] = {
	{"T19 page requests are on from the first fault-capable bond to the last", first_to_last,
	 0},
	{"R1 T43 page requests go off with requests under way", switched_off_under_requests,
	 HARNESS_NEEDS_SWITCH},
	{"T19 page requests over a stop", stop_and_start, 0},
	{"T19 devices with and without page requests", devices_without, 0},
	{"R4 T19 page requests go on and off, with traffic", switched_in_traffic,
	 HARNESS_NEEDS_SWITCH},
};

HARNESS_SUITE(page_requests);
