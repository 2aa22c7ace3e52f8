/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Page request queue of VT-d: what is taken, what is left out, and overflow. */

#include "vtd_hw_model.h"

static struct uiommu_fault faults[ENTRIES];
static uint16_t taken;
static uint32_t events;

static uint16_t
fetch(uint16_t nb)
{
	events = 0;
	return vtd_fetch(&queue, faults, nb, &taken, &events);
}

/* In order over many wraps, in bursts of all sizes, each place given back. */
static void
requests_come_in_order(void **state)
{
	unsigned int asked = 0, got = 0, sent = 0, round;
	uint64_t marks[UIOMMU_QUEUE_SOURCES];

	for (round = 0; round < 100 * ENTRIES; round++) {
		unsigned int i, nb = 1 + round % 100;

		for (i = 0; i < nb; i++)
			hw_request_number(asked++);
		vtd_mark(&queue, marks);
		assert_int_equal(marks[0], asked);
		assert_int_equal(marks[1], 0);
		assert_false(vtd_is_past(&queue, marks));
		while (got != asked) {
			uint16_t n = fetch(1 + round % 61);

			assert_int_equal(taken, n);
			assert_int_equal(n, RTE_MIN(asked - got, 1 + round % 61));
			for (i = 0; i < n; i++, got++) {
				assert_true(faults[i].iova == (uint64_t)got << 12);
				assert_int_equal(faults[i].prg_index, got & 0x1ff);
			}
			assert_int_equal(respond(&sent, n), n);
		}
		assert_true(hw.pqh == hw.pqt);
		assert_true(vtd_is_past(&queue, marks));
		assert_int_equal(fetch(64), 0);
		assert_int_equal(events, 0);
	}
	assert_responses(sent);
	assert_int_equal(queue.malformed, 0);
}

/* R10: each kind is counted once; what can be answered is delivered, to be refused. */
static void
odd_entries_are_sorted_out(void **state)
{
	static const struct {
		uint64_t w0;
		uint64_t w1;
		uint16_t flags; /* 0: left out */
	} entries[] = {
		/* sound */
		{UINT64_C(0x0000000103020101), 0x1005, 0x25},
		/* stop marker */
		{UINT64_C(0x0000000103020101), 0x4, 0},
		/* type 2 */
		{UINT64_C(0x0000000103020102), 0x1005, 0},
		/* bit 9, bit 63 */
		{UINT64_C(0x0000000103020301), 0x1005, 0x65},
		{UINT64_C(0x8000000103020101), 0x1002, 0x62},
		/* no access, neither last nor PASID; no access, last, without PASID */
		{UINT64_C(0x0000000103020101), 0x1000, 0},
		{UINT64_C(0x0000000103020001), 0x1004, 0},
		/* privileged; execute with read */
		{UINT64_C(0x0020000103020101), 0x1005, 0x75},
		{UINT64_C(0x0010000103020101), 0x1005, 0x6d},
		/* execute without read means nothing */
		{UINT64_C(0x0010000103020101), 0x1006, 0x26},
		/* not canonical */
		{UINT64_C(0x0000000103020101), UINT64_C(0x0000800000000005), 0x65},
	};
	unsigned int i, out = 0;

	for (i = 0; i < ARRAY_COUNT(entries); i++)
		hw_request(entries[i].w0, entries[i].w1);
	assert_int_equal(fetch(64), 7);
	assert_int_equal(taken, ARRAY_COUNT(entries));
	for (i = 0; i < ARRAY_COUNT(entries); i++)
		if (entries[i].flags != 0)
			assert_int_equal(faults[out++].flags, entries[i].flags);
	assert_int_equal(out, 7);
	assert_int_equal(queue.malformed, 3);
	assert_int_equal(queue.stop_markers, 1);
	assert_int_equal(queue.malformed_type, 1);
	assert_int_equal(queue.malformed_reserved, 2);
	assert_int_equal(queue.malformed_access, 4);
	assert_int_equal(queue.malformed_address, 1);
	assert_true(hw.pqh == hw.pqt);
}

/* T3, T4: acknowledged, and only with an empty queue. */
static void
overflow_waits_for_empty(void **state)
{
	hw_request_number(0);
	hw_request_number(1);
	hw.prs |= VTD_PRS_PRO;
	assert_int_equal(fetch(1), 1);
	assert_int_equal(events, 0);
	assert_false(vtd_overflow_ack(&queue));
	assert_int_equal(fetch(64), 1);
	assert_int_equal(events, 0);
	assert_int_equal(fetch(64), 0);
	assert_int_equal(events, UIOMMU_EVENT_OVERFLOW);
	assert_int_equal(hw.prs & VTD_PRS_PRO, VTD_PRS_PRO);
	assert_true(vtd_overflow_ack(&queue));
	assert_int_equal(hw.prs, 0);
	assert_int_equal(queue.overflows, 1);
	assert_int_equal(fetch(64), 0);
	assert_int_equal(events, 0);
	hw_request_number(2);
	assert_int_equal(fetch(64), 1);
}

/* Requests that come between the look at PQT and the look at PRS, and the overflow behind them. */
static void
overflow_after_the_look(void **state)
{
	hw.late = 3;
	hw.prs = VTD_PRS_PRO;
	assert_int_equal(fetch(64), 0);
	assert_int_equal(events, 0);
	assert_int_equal(fetch(64), 3);
	assert_int_equal(fetch(64), 0);
	assert_int_equal(events, UIOMMU_EVENT_OVERFLOW);
}

/* T7: nothing depends on PPR. */
static void
pending_bit_does_not_matter(void **state)
{
	hw_request_number(0);
	hw.prs = 0;
	assert_int_equal(fetch(64), 1);
	hw.prs = VTD_PRS_PPR;
	assert_int_equal(fetch(64), 0);
	assert_int_equal(events, 0);
}

/* An answer never waits: no more is taken than can be answered. */
static void
room_bounds_what_is_taken(void **state)
{
	unsigned int i, sent = 0;

	hw.dead = true;
	assert_int_equal(respond(&sent, 100), 100);
	for (i = 0; i < 30; i++)
		hw_request_number(i);
	assert_int_equal(fetch(64), ENTRIES - 1 - VTD_IQ_RESERVE - 100);
	assert_int_equal(respond(&sent, taken), taken);
	assert_int_equal(fetch(64), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(events, 0);
	hw.dead = false;
	assert_int_equal(fetch(64), 30 - (ENTRIES - 1 - VTD_IQ_RESERVE - 100));
	assert_responses(sent);
}

/* R10: bits of the tail that no queue has. */
static void
wild_tail_is_masked(void **state)
{
	hw_request_number(0);
	hw.pqt_wild = UINT64_C(0xfff0000000070000) | 0x1f;
	assert_int_equal(fetch(64), 1);
	assert_int_equal(faults[0].prg_index, 0);
	assert_int_equal(fetch(64), 0);
	assert_true(queue.prq_wild_index >= 2);
	assert_int_equal(queue.iq.failed, 0);
}

/* A unit that has gone reads as all ones. What memory holds is old: none of it is taken. */
static void
gone_unit_is_noticed(void **state)
{
	hw_request_number(0);
	hw.pqt_wild = UINT64_MAX;
	assert_int_equal(fetch(64), 0);
	assert_int_equal(queue.iq.failed, 0);
	hw.gsts = UINT32_MAX;
	assert_int_equal(fetch(64), 0);
	assert_int_equal(events, UIOMMU_EVENT_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(requests_come_in_order),
		CASE(odd_entries_are_sorted_out),
		CASE(overflow_waits_for_empty),
		CASE(overflow_after_the_look),
		CASE(pending_bit_does_not_matter),
		CASE(room_bounds_what_is_taken),
		CASE(wild_tail_is_masked),
		CASE(gone_unit_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
