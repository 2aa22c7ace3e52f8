/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R6: no memory grows with what a device sends; the bounds are reported. */

#include <rte_malloc.h>

#include "conformance.h"

static void
bounds_are_reported(void)
{
	struct rig_conf conf = {
		.dev =
			{
				.queue_entries = 256,
				.endpoints_max = 3,
				.parked_max = 17,
				.deferred_max = 8,
				.burst = 33,
			},
	};
	struct rig *rig = rig_open(&conf);

	CHECK_EQ(rig->info.queue_entries, 256);
	CHECK_EQ(rig->info.endpoints_max, 3);
	CHECK_EQ(rig->info.parked_max, 17);
	CHECK_EQ(rig->info.deferred_max, 8);
	CHECK_EQ(rig->info.burst, 33);
	rig_endpoint(rig, 1, 0);
	rig_endpoint(rig, 2, 0);
	rig_endpoint(rig, 3, 0);
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, 4, NULL), ENOSPC);
	rig_close(rig);
}

/* More members than may be parked: the group that lost some is asked for again. */
static void
parking_is_bounded(void)
{
	struct rig_conf conf = {.dev = {.parked_max = 8}};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_INVALID);
	struct recorder *other = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint16_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_attach(rig_endpoint(rig, 0x0200, 0), 7, other->domain, NULL);
	for (i = 0; i < 100; i++) {
		rig_ask(rig, 7, i, i, false);
		rig_turn(rig);
		CHECK(rig_stats(rig).parked_now <= 8);
	}
	CHECK(rig_stats(rig).park_full > 0);
	rig_expect_none(rig);
	/* its neighbour has places of its own */
	for (i = 0; i < 7; i++)
		rig_send(rig, 0x0200, 7, 1, i, false);
	rig_send(rig, 0x0200, 7, 1, 7, true);
	rig_settle(rig);
	rig_expect(rig, 0x0200, 7, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(other->kept[0].nb_faults, 8);
	/* group 99 lost its member: Success without a mapping, not the handler's Invalid */
	CHECK_EQ(rec->groups, 0);
	rig_ask(rig, 7, 99, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 99, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(rec->groups, 0);
	CHECK_EQ(rig_stats(rig).incomplete, 1);
	CHECK_EQ(rig_stats(rig).codes[UIOMMU_CODE_RETRY], 1);
	/* group 0 has its member */
	rig_ask(rig, 7, 0, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 0, UIOMMU_EMU_INVALID);
	CHECK_EQ(rec->kept[0].nb_faults, 2);
	/* asked again, it is served */
	rig_ask(rig, 7, 99, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 99, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	rig_close(rig);
}

static void
groups_are_bounded(void)
{
	struct rig_conf conf = {.dev = {.parked_max = 64, .group_max = 4}};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_INVALID);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint16_t size, i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	for (size = 1; size < 10; size++) {
		for (i = 0; i < size; i++)
			rig_ask(rig, 7, size, i, i + 1 == size);
		rig_settle(rig);
		rig_expect(rig, EP, 7, size, size <= 4 ? UIOMMU_EMU_INVALID : UIOMMU_EMU_SUCCESS);
		rig_expect_none(rig);
	}
	CHECK_EQ(rec->groups, 4);
	CHECK_EQ(rig_stats(rig).incomplete, 5);
	rig_close(rig);
}

static void
slots_are_bounded(void)
{
	struct rig_conf conf = {.dev = {.deferred_max = 4}};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_RETRY);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint8_t code = UIOMMU_CODE_INVALID;
	uint16_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	rec->defer = true;
	for (i = 0; i < 10; i++)
		rig_ask(rig, 7, i, i, true);
	rig_settle(rig);
	for (i = 4; i < 10; i++)
		rig_expect(rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).no_slot, 6);
	CHECK_EQ(rec->kept[4].cookie, 0);
	/* a slot that is given back is of use again */
	CHECK_EQ(uiommu_answer(rig->dev, &rec->kept[1].cookie, &code, NULL, 1), 1);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_ask(rig, 7, 20, 1, true);
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).no_slot, 6);
	for (i = 0; i < rec->nb_kept; i++)
		uiommu_answer(rig->dev, &rec->kept[i].cookie, &code, NULL, 1);
	rig_close(rig);
}

static size_t
heap_used(void)
{
	struct rte_malloc_socket_stats stats;
	size_t sum = 0;
	int socket;

	for (socket = 0; socket < RTE_MAX_NUMA_NODES; socket++) {
		if (rte_malloc_get_socket_stats(socket, &stats) == 0)
			sum += stats.heap_allocsz_bytes;
	}
	return sum;
}

/* All that a device can send: nothing is allocated for it. */
static void
nothing_is_allocated(void)
{
	struct rig_conf conf = {.no_log = true, .dev = {.queue_entries = 256}};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 16,
		.bad_ratio = 0.3,
		.overflow = true,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	size_t before;

	endpoint_with(rig, EP, 16, 2000, rec);
	rig_traffic(rig, &traffic, 1000);
	before = heap_used();
	rig_traffic(rig, NULL, TRAFFIC(50000));
	CHECK_EQ(heap_used(), before);
	CHECK(rig_stats(rig).overflows > 0);
	rig_close(rig);
}

static const struct harness_case r6_cases[] = {
	{"R6 bounds are reported", bounds_are_reported, 0},
	{"R6 K6 T41 parking of an endpoint is bounded", parking_is_bounded, HARNESS_NEEDS_PARKING},
	{"R6 size of a group is bounded", groups_are_bounded, 0},
	{"R6 T28 slots for later answers are bounded", slots_are_bounded, 0},
	{"R6 nothing is allocated for what devices send", nothing_is_allocated,
	 HARNESS_NEEDS_OVERFLOW},
};

HARNESS_SUITE(r6);
