/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* PRI queue and event queue: what is taken, in which turn, what is left out, and overflow. */

#include "smmuv3_rig.h"

static struct uiommu_fault faults[2 * ENTRIES];
static uint16_t taken;
static uint32_t events;

static uint16_t
fetch(uint16_t nb)
{
	events = 0;
	return smmuv3_fetch(queue, faults, nb, &taken, &events);
}

/* In order over many wraps, in bursts of all sizes, each place given back. */
static void
requests_come_in_order(void **state)
{
	uint32_t asked = 0, got = 0, sent = 0, round;
	uint64_t marks[UIOMMU_QUEUE_SOURCES];

	for (round = 0; round < 20 * ENTRIES; round++) {
		uint32_t i, nb = 1 + round % 100;

		for (i = 0; i < nb; i++)
			hw_request_number(asked++);
		smmuv3_mark(queue, marks);
		assert_int_equal(marks[0], asked);
		assert_int_equal(marks[1], 0);
		assert_false(smmuv3_is_past(queue, marks));
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
		assert_int_equal(hw.priq_cons, hw.priq_prod);
		assert_true(smmuv3_is_past(queue, marks));
		assert_int_equal(fetch(64), 0);
		assert_int_equal(events, 0);
	}
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
}

/* S 3.5.1: all entries are usable; full and empty differ in the wrap bit only. */
static void
full_queue(void **state)
{
	uint32_t round, n, i, sent = 0;

	for (round = 0; round < 5; round++) {
		for (n = 0; n < ENTRIES; n++)
			hw_request_number(n);
		for (n = 0; n < ENTRIES; n += i) {
			i = fetch(100);
			assert_int_equal(i, RTE_MIN(100U, ENTRIES - n));
			assert_int_equal(respond(&sent, (uint16_t)i), i);
		}
		assert_int_equal(events, 0);
	}
	assert_int_equal(queue->stats.wild_index, 0);
}

static void
stalls_come_in_order(void **state)
{
	uint32_t asked = 0, got = 0, i, round;
	uint64_t marks[UIOMMU_QUEUE_SOURCES];
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, UIOMMU_ENDPOINT_STALL);

	for (round = 0; round < ENTRIES; round++) {
		for (i = 0; i < 1 + round % 50; i++)
			hw_stall(SID, asked++);
		smmuv3_mark(queue, marks);
		assert_int_equal(marks[1], asked);
		while (got != asked) {
			uint16_t n;

			assert_false(smmuv3_is_past(queue, marks));
			n = fetch(1 + round % 33);

			assert_int_equal(taken, n);
			for (i = 0; i < n; i++, got++) {
				assert_true(faults[i].iova == (uint64_t)got << 12);
				assert_int_equal(faults[i].prg_index, got & 0xffff);
				assert_int_equal(faults[i].flags,
						 UIOMMU_FAULT_STALL | UIOMMU_FAULT_LAST |
						 UIOMMU_FAULT_READ | UIOMMU_FAULT_PASID);
			}
		}
		assert_true(smmuv3_is_past(queue, marks));
		assert_int_equal(hw.eventq_cons, hw.eventq_prod);
	}
	assert_int_equal(queue->stats.stalls, asked);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* While both have more than a burst, each gets every other one. */
static void
sources_take_turns(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, UIOMMU_ENDPOINT_STALL);
	uint32_t i, requests = 0, stalls = 0;

	for (i = 0; i < 100; i++) {
		hw_request_number(i);
		hw_stall(SID, i);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(fetch(16), 16);
		if ((faults[0].flags & UIOMMU_FAULT_STALL) != 0)
			stalls++;
		else
			requests++;
	}
	assert_int_equal(requests, 2);
	assert_int_equal(stalls, 2);
	/* what one leaves of a burst the other one has */
	for (i = 0; i < 9; i++)
		assert_int_equal(fetch(16), i < 8 ? 16 : 8);
	assert_int_equal(fetch(16), 0);
	smmuv3_endpoint_free(&dev, endpoint);
}

/*
 * While the other one has something, a source that was empty for long is looked at now and then,
 * and what comes is found within as many fetches; where there is nothing at all, in each.
 */
static void
quiet_source_is_looked_at_seldom(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, UIOMMU_ENDPOINT_STALL);
	uint32_t i, number = 0, before;

	for (i = 0; i < 100; i++) {
		hw_request_number(number++);
		assert_int_equal(fetch(16), 1);
	}
	before = hw.eventq_looks;
	for (i = 0; i < 80; i++) {
		hw_request_number(number++);
		assert_int_equal(fetch(16), 1);
	}
	assert_int_equal(hw.eventq_looks - before, 20);
	hw_stall(SID, 7);
	for (i = 0; i < 8; i++) {
		hw_request_number(number++);
		if (fetch(16) == 2)
			break;
	}
	assert_true(i < 8);
	/* idle: both, each time */
	for (i = 0; i < 100; i++)
		assert_int_equal(fetch(16), 0);
	before = hw.eventq_looks + hw.priq_looks;
	for (i = 0; i < 80; i++)
		assert_int_equal(fetch(16), 0);
	assert_int_equal(hw.eventq_looks + hw.priq_looks - before, 160);
	hw_stall(SID, 8);
	assert_int_equal(fetch(16), 1);
	hw_request_number(number++);
	hw_stall(SID, 9);
	for (i = 0; i < 8 && queue->pri.taken != number; i++)
		assert_true(fetch(16) > 0 || queue->event.taken == 3);
	assert_true(queue->pri.taken == number);
	assert_int_equal(queue->event.taken, 3);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* What was there at a mark is taken within a few fetches, quiet or not. */
static void
marked_entries_are_not_passed_over(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, UIOMMU_ENDPOINT_STALL);
	uint64_t marks[UIOMMU_QUEUE_SOURCES];
	uint32_t i;

	for (i = 0; i < 200; i++) {
		hw_request_number(i);
		assert_int_equal(fetch(16), 1);
	}
	hw_stall(SID, 1);
	smmuv3_mark(queue, marks);
	assert_false(smmuv3_is_past(queue, marks));
	hw_request_number(i++);
	assert_int_equal(fetch(16), 2);
	assert_true(smmuv3_is_past(queue, marks));
	smmuv3_endpoint_free(&dev, endpoint);
}

/* A unit that gives up is noticed while there is always something to take. */
static void
errors_are_seen_under_load(void **state)
{
	uint32_t i;

	*hw_reg(SMMUV3_REG_GERROR) ^= SMMUV3_GERROR_SFM;
	for (i = 0; i < 5000; i++) {
		hw_request_number(i);
		if (fetch(16) != 1 || events != 0)
			break;
	}
	assert_true(i < 5000);
	assert_int_equal(events & UIOMMU_EVENT_FAILED, UIOMMU_EVENT_FAILED);
}

/* Each kind is counted once; what can be answered is delivered, to be refused. */
static void
odd_entries_are_sorted_out(void **state)
{
	/* sound, stop marker, stranger that is last, reserved bit, no access, not canonical */
	hw_request(0xd000000100000302, 0x1000);
	hw_request(0xc000000100000302, 0x1000);
	hw_request(0xd000000111000302, 0x1000);
	hw_request(0x9000000111000302, 0x1000);
	hw_request(0xd010000100000302, 0x1000);
	hw_request(0x4000000100000302, 0x1000);
	hw_request(0xd000000100000302, 0x2000000000000);
	assert_int_equal(fetch(64), 4);
	assert_int_equal(taken, 7);
	assert_int_equal(faults[0].flags & UIOMMU_FAULT_REJECT, 0);
	assert_int_equal(faults[1].flags & UIOMMU_FAULT_REJECT, UIOMMU_FAULT_REJECT);
	assert_int_equal(faults[2].flags & UIOMMU_FAULT_REJECT, UIOMMU_FAULT_REJECT);
	assert_int_equal(faults[3].flags & UIOMMU_FAULT_REJECT, UIOMMU_FAULT_REJECT);
	assert_int_equal(queue->stats.stop_markers, 1);
	assert_int_equal(queue->stats.malformed, 2);
	assert_int_equal(queue->stats.malformed_stream, 2);
	assert_int_equal(queue->stats.malformed_reserved, 1);
	assert_int_equal(queue->stats.malformed_access, 1);
	assert_int_equal(queue->stats.malformed_address, 1);
	/* the stranger was answered Invalid, the one that was not last not at all */
	assert_int_equal(hw.responses, 1);
	assert_true(hw.answered[0].q[0] == UINT64_C(0x1100030200001841));
	assert_true(hw.answered[0].q[1] == 0x1000);
}

/* S 8.1, T5: acknowledged in one write, and with nothing new in the queue too. */
static void
overflow_is_acknowledged(void **state)
{
	uint32_t round, i, got, sent = 0;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < ENTRIES + 3; i++)
			hw_request_number(i);
		assert_true((hw.priq_prod ^ hw.priq_cons) >> 31 == 1);
		for (got = 0; got < ENTRIES; got += i) {
			i = fetch(128);
			assert_true(i != 0);
			assert_int_equal(events & UIOMMU_EVENT_OVERFLOW, 0);
			assert_int_equal(respond(&sent, (uint16_t)i), i);
		}
		/* until it is acknowledged the unit adds nothing */
		hw_request_number(0);
		assert_int_equal(fetch(128), 0);
		assert_int_equal(events, UIOMMU_EVENT_OVERFLOW);
		hw.priq_cons_writes = 0;
		assert_true(smmuv3_overflow_ack(queue));
		assert_int_equal(hw.priq_cons_writes, 1);
		assert_int_equal(hw.priq_cons, hw.priq_prod);
		assert_int_equal(fetch(128), 0);
		assert_int_equal(events, 0);
		hw_request_number(0);
		assert_int_equal(fetch(128), 1);
	}
	assert_int_equal(queue->stats.overflows, 4);
}

static void
no_acknowledgement_with_entries(void **state)
{
	hw_request_number(1);
	assert_false(smmuv3_overflow_ack(queue));
	assert_int_equal(fetch(8), 1);
	assert_int_equal(queue->stats.overflows, 0);
}

static void
reports_are_kept(void **state)
{
	struct uiommu_report reports[8];
	uint64_t lost;

	hw_event_raw(SMMUV3_EVT_C_BAD_STREAMID | UINT64_C(0x999) << 32, 0, 0);
	hw_event_raw(SMMUV3_EVT_F_PERMISSION | (uint64_t)SID << 32, SMMUV3_EVT1_RNW, 0x5123);
	/* a hint, which is nobody's access */
	hw_event_raw(SMMUV3_EVT_E_PAGE_REQUEST, 0, 0);
	assert_int_equal(fetch(8), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(events, UIOMMU_EVENT_REPORTS);
	assert_int_equal(smmuv3_reports(queue, reports, 8, &lost), 2);
	assert_int_equal(lost, 0);
	assert_int_equal(reports[0].reason, UIOMMU_REPORT_ENDPOINT);
	assert_int_equal(reports[0].endpoint_id, 0x999);
	assert_int_equal(reports[1].reason, UIOMMU_REPORT_PERMISSION);
	assert_true(reports[1].iova == 0x5123);
	assert_int_equal(queue->stats.events_other, 1);
	assert_int_equal(fetch(8), 0);
	assert_int_equal(events, 0);
}

/* S 7.4: nobody has to do anything; that something was lost is said. */
static void
event_overflow(void **state)
{
	struct uiommu_report reports[ENTRIES];
	uint64_t lost;
	uint32_t i;

	for (i = 0; i < ENTRIES + 9; i++)
		hw_event_raw(SMMUV3_EVT_F_TRANSLATION, 0, i);
	for (i = 0; i < 8; i++)
		assert_int_equal(fetch(100), 0);
	assert_int_equal(hw.eventq_cons, hw.eventq_prod);
	assert_int_equal(smmuv3_reports(queue, reports, ENTRIES, &lost), ENTRIES);
	assert_int_equal(lost, 1);
	assert_int_equal(queue->stats.event_overflows, 1);
	/* the next one is noticed too, without a new entry: the flag turns with the queue full */
	for (i = 0; i < ENTRIES; i++)
		hw_event_raw(SMMUV3_EVT_F_TRANSLATION, 0, i);
	for (i = 0; i < 8; i++)
		assert_int_equal(fetch(100), 0);
	hw.eventq_prod ^= SMMUV3_PROD_OVFLG;
	assert_int_equal(fetch(100), 0);
	assert_int_equal(hw.eventq_cons, hw.eventq_prod);
	assert_int_equal(queue->stats.event_overflows, 2);
}

/* No more is taken than can be answered, of both sources together. */
static void
as_many_as_there_is_room_for(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, UIOMMU_ENDPOINT_STALL);
	uint32_t sent = 0, room, i, got = 0;

	hw.dead = true;
	room = smmuv3_room(queue);
	assert_int_equal(room, ENTRIES - SMMUV3_CMDQ_RESERVE);
	assert_int_equal(respond(&sent, (uint16_t)(room - 10)), room - 10);
	for (i = 0; i < 20; i++) {
		hw_request_number(i);
		hw_stall(SID, i);
	}
	got = fetch(64);
	assert_int_equal(got, 10);
	assert_int_equal(respond(&sent, 10), 10);
	assert_int_equal(fetch(64), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(smmuv3_room(queue), 0);
	assert_int_equal(respond(&sent, 1), 0);
	hw.dead = false;
	for (got = 10; got < 40; got += i) {
		i = fetch(64);
		assert_true(i != 0);
		assert_int_equal(respond(&sent, (uint16_t)i), i);
	}
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* One write of CMDQ_PROD for a burst. */
static void
one_doorbell(void **state)
{
	uint32_t sent = 0;

	hw.prod_writes = 0;
	assert_int_equal(respond(&sent, 100), 100);
	assert_int_equal(hw.prod_writes, 1);
}

/* Registers that no queue can have, and those of a unit that has gone */
static void
wild_registers(void **state)
{
	const uint32_t prod = hw.priq_prod;

	hw.priq_prod = ENTRIES + 7;
	assert_int_equal(fetch(8), 0);
	assert_int_equal(queue->stats.wild_index, 1);
	hw.priq_prod = prod;
	hw_request_number(0);
	assert_int_equal(fetch(8), 1);
	hw.gone = true;
	assert_int_equal(fetch(8), 0);
	assert_int_equal(fetch(8), 0);
	assert_int_equal(events & UIOMMU_EVENT_FAILED, UIOMMU_EVENT_FAILED);
	assert_int_equal(queue->cmdq.failed, -EIO);
	hw.gone = false;
}

/* What is handed to a unit that has failed is taken, and counted. */
static void
answers_for_a_dead_unit(void **state)
{
	uint32_t sent = 0;

	smmuv3_cmdq_fail(&queue->cmdq, -EIO, "test");
	assert_int_equal(respond(&sent, 9), 9);
	assert_int_equal(queue->cmdq.stats.responses_lost, 9);
	assert_int_equal(smmuv3_room(queue), 0);
	assert_int_equal(hw.responses, 0);
}

/* The burst that finds the queue repaired goes behind what was repaired. */
static void
repair_in_the_way(void **state)
{
	const struct smmuv3_cmd cmds[2] = {
		smmuv3_atc_inv(SID, 1, 0, SMMUV3_ATC_INV_SIZE_ALL), smmuv3_sync(),
	};
	uint32_t sent = 0;

	smmuv3_cmdq_refresh(&queue->cmdq);
	hw.dead = true;
	smmuv3_cmdq_push(&queue->cmdq, cmds, 2);
	while (smmuv3_cmdq_room(&queue->cmdq) > 4)
		respond(&sent, 1);
	hw.dead = false;
	hw.atc_late = 1;
	/* the unit stands at the CMD_SYNC; when it goes on there is room */
	assert_int_equal(respond(&sent, 8), 8);
	smmuv3_cmdq_refresh(&queue->cmdq);
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
	assert_int_equal(queue->cmdq.stats.cerror_atc, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(requests_come_in_order),
		CASE(full_queue),
		CASE(stalls_come_in_order),
		CASE(sources_take_turns),
		CASE(quiet_source_is_looked_at_seldom),
		CASE(marked_entries_are_not_passed_over),
		CASE(errors_are_seen_under_load),
		CASE(odd_entries_are_sorted_out),
		CASE(overflow_is_acknowledged),
		CASE(no_acknowledgement_with_entries),
		CASE(reports_are_kept),
		CASE(event_overflow),
		CASE(as_many_as_there_is_room_for),
		CASE(one_doorbell),
		CASE(wild_registers),
		CASE(answers_for_a_dead_unit),
		CASE(repair_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
