/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Data path: what is taken, answered, left out; overflows; reports. */

#include "riscv_rig.h"

static struct uiommu_fault faults[ENTRIES * 2];

/* @return faults; entries into taken, events added */
static uint16_t
fetch(uint16_t nb, uint16_t *taken, uint32_t *events)
{
	return riscv_queue_ops.fetch(queue, faults, nb, taken, events);
}

static uint16_t
fetch_all(uint32_t *events)
{
	uint16_t taken;

	return fetch(ENTRIES, &taken, events);
}

/* In order, over wraps, each once, with places given back once a burst. */
static void
requests_are_taken(void **state)
{
	uint32_t sent = 0, got = 0, round, events = 0;
	uint16_t taken, i, n;

	for (round = 0; round < 200; round++) {
		const uint32_t writes = hw.pqh_writes;

		for (i = 0; i < 1 + round % 100; i++)
			hw_request_number(sent++);
		n = fetch(128, &taken, &events);
		assert_int_equal(n, i);
		assert_int_equal(taken, n);
		assert_int_equal(hw.pqh_writes, writes + 1);
		for (i = 0; i < n; i++, got++) {
			assert_true(faults[i].iova == (uint64_t)got << 12);
			assert_int_equal(faults[i].prg_index, got & 0x1ff);
			assert_int_equal(faults[i].endpoint_id, DID);
			assert_int_equal(faults[i].pasid, 1);
			assert_int_equal(faults[i].flags, UIOMMU_FAULT_READ | UIOMMU_FAULT_LAST |
							  UIOMMU_FAULT_PASID);
		}
	}
	assert_int_equal(got, sent);
	assert_int_equal(events, 0);
}

static void
bursts_are_bounded(void **state)
{
	uint32_t events = 0, i;
	uint16_t taken;

	for (i = 0; i < 20; i++)
		hw_request_number(i);
	assert_int_equal(fetch(8, &taken, &events), 8);
	assert_int_equal(taken, 8);
	assert_int_equal(*hw_reg(RISCV_REG_PQH), 8);
	assert_int_equal(fetch(8, &taken, &events), 8);
	assert_int_equal(fetch(8, &taken, &events), 4);
	assert_int_equal(fetch(8, &taken, &events), 0);
	assert_int_equal(taken, 0);
}

/* No more is taken than can be answered. */
static void
no_room_no_requests(void **state)
{
	uint32_t sent = 0, events = 0;
	uint16_t taken;

	hw.dead = true;
	while (riscv_room(queue) > 3)
		respond(&sent, 1);
	hw_request_number(0);
	hw_request_number(1);
	hw_request_number(2);
	hw_request_number(3);
	assert_int_equal(fetch(64, &taken, &events), 3);
	while (riscv_room(queue) != 0)
		respond(&sent, 1);
	assert_int_equal(fetch(64, &taken, &events), 0);
	assert_int_equal(taken, 0);
	hw.dead = false;
	assert_int_equal(fetch(64, &taken, &events), 1);
	assert_int_equal(events, 0);
}

static void
odd_ones(void **state)
{
	uint32_t events = 0;
	uint16_t taken;

	hw_request((uint64_t)DID << 40 | 0x100001000, 0x1004);         /* stop marker */
	hw_request((uint64_t)DID << 40 | 0x500001000, 0x1005);         /* EXEC */
	hw_request((uint64_t)DID << 40 | 0x100001001, 0x1005);         /* reserved */
	hw_request((uint64_t)DID << 40 | 0x100001000, UINT64_C(1) << 60 | 5); /* address */
	hw_request_number(0);
	assert_int_equal(fetch(64, &taken, &events), 4);
	assert_int_equal(taken, 5);
	assert_true((faults[0].flags & UIOMMU_FAULT_REJECT) != 0);
	assert_true((faults[1].flags & UIOMMU_FAULT_REJECT) != 0);
	assert_true((faults[2].flags & UIOMMU_FAULT_REJECT) != 0);
	assert_true((faults[3].flags & UIOMMU_FAULT_REJECT) == 0);
	assert_int_equal(queue->stats.stop_markers, 1);
	assert_int_equal(queue->stats.malformed_access, 1);
	assert_int_equal(queue->stats.malformed_reserved, 1);
	assert_int_equal(queue->stats.malformed_address, 1);
}

/* One doorbell a burst, and a fence when there are enough. */
static void
responses_are_sent(void **state)
{
	uint32_t sent = 0;

	assert_int_equal(respond(&sent, 5), 5);
	assert_int_equal(hw.cqt_writes, 1);
	assert_int_equal(hw.responses, 5);
	assert_int_equal(hw.fences, 0);
	assert_int_equal(respond(&sent, RISCV_FENCE_EVERY - 5), RISCV_FENCE_EVERY - 5);
	assert_int_equal(hw.cqt_writes, 2);
	assert_int_equal(hw.fences, 1);
	assert_int_equal(respond(&sent, 500), 500);
	assert_int_equal(hw.cqt_writes, 3);
	assert_int_equal(hw.fences, 2);
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
	assert_true(hw.answered[7].q[0] == UINT64_C(0x0503020300001084));
}

/* A dead unit takes all, so that nobody keeps them for ever. */
static void
dead_units_take_all(void **state)
{
	uint32_t sent = 0, events = 0;

	queue->cq.failed = -EIO;
	assert_int_equal(respond(&sent, 9), 9);
	assert_int_equal(hw.responses, 0);
	assert_int_equal(queue->cq.stats.responses_lost, 9);
	assert_int_equal(riscv_room(queue), 0);
	assert_int_equal(fetch_all(&events), 0);
	assert_int_equal(events, UIOMMU_EVENT_FAILED);
	queue->cq.failed = 0;
}

/* The burst that finds the queue repaired goes behind what was repaired. */
static void
repair_in_the_way(void **state)
{
	const struct riscv_cmd cmds[2] = {
		riscv_ats_inval(DID, 1, 0, RISCV_ATS_INVAL_ALL), riscv_fence(0),
	};
	uint32_t sent = 0;

	hw.dead = true;
	riscv_cq_fenced(&queue->cq, 1);
	riscv_cq_push(&queue->cq, cmds, 2);
	while (riscv_cq_room(&queue->cq) > 4)
		respond(&sent, 1);
	hw.dead = false;
	hw.late = 1;
	/* the unit stands at the fence; when it goes on there is room */
	assert_int_equal(respond(&sent, 8), 8);
	riscv_cq_refresh(&queue->cq);
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
	assert_int_equal(queue->cq.stats.cmd_to, 1);
}

/* Found when the queue is empty, and only then; acknowledged once, with the queue kept on. */
static void
overflows(void **state)
{
	uint32_t events = 0, i;
	uint16_t taken;

	for (i = 0; i < ENTRIES + 3; i++)
		hw_request_number(i);
	assert_int_equal(fetch(ENTRIES / 2, &taken, &events), ENTRIES / 2);
	assert_int_equal(events, 0);
	assert_false(riscv_overflow_ack(queue));
	assert_int_equal(fetch(ENTRIES, &taken, &events), ENTRIES / 2 - 1);
	assert_int_equal(fetch(ENTRIES, &taken, &events), 0);
	assert_int_equal(events, UIOMMU_EVENT_OVERFLOW);
	hw_request_number(0);
	*hw_reg(RISCV_REG_IPSR) = RISCV_IPSR_PIP | RISCV_IPSR_FIP;
	hw.nb_writes = 0;
	hw.busy = true;
	assert_false(riscv_overflow_ack(queue));
	hw.busy = false;
	assert_true(riscv_overflow_ack(queue));
	assert_int_equal(hw.nb_writes, 2);
	assert_int_equal(hw.writes[0].reg, RISCV_REG_IPSR);
	assert_int_equal(hw.writes[0].value, RISCV_IPSR_PIP);
	assert_int_equal(hw.writes[1].reg, RISCV_REG_PQCSR);
	assert_int_equal(hw.writes[1].value, 0x201);
	assert_int_equal(*hw_reg(RISCV_REG_IPSR), RISCV_IPSR_FIP);
	assert_int_equal(queue->stats.overflows, 1);
	events = 0;
	hw_request_number(1);
	assert_int_equal(fetch(ENTRIES, &taken, &events), 1);
	assert_int_equal(fetch(ENTRIES, &taken, &events), 0);
	assert_int_equal(events, 0);
}

/* Looked for when it may have been, by what was taken since: not at each empty look. */
static void
overflow_is_found_in_time(void **state)
{
	uint32_t events = 0, i, reads, burst;
	uint16_t taken;

	hw.pqcsr_reads = 0;
	for (i = 0; i < 500; i++)
		fetch(ENTRIES, &taken, &events);
	assert_int_equal(hw.pqcsr_reads, 0);
	/* full, and taken from before the entry that has no place comes: in all ways */
	for (burst = 1; burst < ENTRIES; burst += 37) {
		for (i = 0; i < ENTRIES - 1; i++)
			hw_request_number(i);
		fetch((uint16_t)burst, &taken, &events);
		for (i = 0; i < burst; i++)
			hw_request_number(i);
		hw_request_number(0);
		events = 0;
		while (fetch(ENTRIES, &taken, &events) != 0)
			assert_int_equal(events, 0);
		assert_int_equal(events, UIOMMU_EVENT_OVERFLOW);
		assert_true(riscv_overflow_ack(queue));
	}
	reads = hw.pqcsr_reads;
	events = 0;
	for (i = 0; i < 100; i++)
		fetch(ENTRIES, &taken, &events);
	assert_int_equal(events, 0);
	assert_int_equal(hw.pqcsr_reads, reads);
}

/* Even a unit that says so without having been full. */
static void
overflow_out_of_nothing(void **state)
{
	uint32_t events = 0, i;

	*hw_reg(RISCV_REG_PQCSR) |= RISCV_CSR_OF;
	for (i = 0; i < 2 * BUSY_CHECK && events == 0; i++)
		fetch_all(&events);
	assert_int_equal(events, UIOMMU_EVENT_OVERFLOW);
}

static void
queue_cannot_be_written(void **state)
{
	uint32_t events = 0, i;

	*hw_reg(RISCV_REG_PQCSR) |= RISCV_CSR_MF;
	for (i = 0; i < 2 * BUSY_CHECK && events == 0; i++)
		fetch_all(&events);
	assert_int_equal(events, UIOMMU_EVENT_FAILED);
	assert_int_equal(queue->cq.failed, -EIO);
}

/* An index that cannot be moves nothing; all registers like that, and the unit has gone. */
static void
wild_tails(void **state)
{
	uint32_t events = 0;

	hw_request_number(0);
	*hw_reg(RISCV_REG_PQT) |= ENTRIES;
	assert_int_equal(fetch_all(&events), 0);
	assert_int_equal(queue->stats.wild_index, 1);
	assert_int_equal(queue->cq.failed, 0);
	*hw_reg(RISCV_REG_PQT) &= ENTRIES - 1;
	assert_int_equal(fetch_all(&events), 1);
	hw.gone = true;
	fetch_all(&events);
	assert_int_equal(queue->cq.failed, -EIO);
	hw.gone = false;
}

static void
marks(void **state)
{
	uint64_t marks_then[UIOMMU_QUEUE_SOURCES];
	uint32_t events = 0;
	uint16_t taken;

	hw_request_number(0);
	hw_request_number(1);
	riscv_mark(queue, marks_then);
	assert_int_equal(marks_then[1], 0);
	hw_request_number(2);
	assert_false(riscv_is_past(queue, marks_then));
	fetch(1, &taken, &events);
	assert_false(riscv_is_past(queue, marks_then));
	fetch(1, &taken, &events);
	assert_true(riscv_is_past(queue, marks_then));
}

/* Those that nobody has taken are answered at the end, once, INVALID. */
static void
requests_end(void **state)
{
	uint32_t i;

	for (i = 0; i < 200; i++)
		hw_request_number(i);
	hw_request((uint64_t)DID << 40 | 0x100001000, 0x1004); /* stop marker */
	hw_request((uint64_t)DID << 40 | 0x100001000, 0x1001); /* not the last */
	assert_int_equal(riscv_requests_end(queue), 0);
	assert_int_equal(hw.responses, 200);
	assert_false(hw.out_of_order);
	for (i = 0; i < 200; i++)
		assert_int_equal(hw.answered[i].q[1] >> 44, 1);
	assert_int_equal(queue->stats.requests_ended, 202);
	assert_int_equal(*hw_reg(RISCV_REG_PQH), 202);
}

/* Looks until there is something, or it is long enough. */
static uint32_t
look_for_reports(void)
{
	uint32_t events = 0, i;

	for (i = 0; i < 2 * FAULTS_PERIOD; i++)
		fetch_all(&events);
	return events;
}

static void
reports(void **state)
{
	struct uiommu_report some[8];
	uint64_t lost;

	/* a read of PASID 3 at 0x5000: cause 13; a fault of nobody's */
	hw_fault((uint64_t)DID << 40 | UINT64_C(2) << 34 | UINT64_C(1) << 32 | 3 << 12 | 13,
		 0x5000);
	hw_fault(273, 0);
	assert_int_equal(look_for_reports(), UIOMMU_EVENT_REPORTS);
	assert_int_equal(riscv_reports(queue, some, 8, &lost), 1);
	assert_int_equal(lost, 0);
	assert_true(some[0].iova == 0x5000);
	assert_int_equal(some[0].pasid, 3);
	assert_int_equal(some[0].detail, 13);
	assert_int_equal(queue->stats.faults_other, 1);
	assert_int_equal(*hw_reg(RISCV_REG_FQH), 2);
	assert_int_equal(look_for_reports(), 0);
}

/* What the unit had no room for is lost, and said so; then it goes on. */
static void
reports_are_lost(void **state)
{
	struct uiommu_report some[ENTRIES];
	uint64_t lost, all_lost = 0;
	uint32_t n = 0, i;

	for (i = 0; i < ENTRIES + 5; i++)
		hw_fault((uint64_t)DID << 40 | UINT64_C(2) << 34 | 13, 0x5000);
	for (i = 0; i < 10 && look_for_reports() != 0; i++) {
		n += riscv_reports(queue, some, ENTRIES, &lost);
		all_lost += lost;
	}
	assert_int_equal(n, ENTRIES - 1);
	assert_int_equal(all_lost, 1);
	assert_int_equal(queue->stats.fault_overflows, 1);
	assert_int_equal(*hw_reg(RISCV_REG_FQCSR), RISCV_CSR_EN | RISCV_CSR_ON);
	hw_fault((uint64_t)DID << 40 | UINT64_C(2) << 34 | 13, 0x6000);
	hw.fqcsr_reads = 0;
	assert_int_equal(look_for_reports(), UIOMMU_EVENT_REPORTS);
	/* not again before there can be another one */
	assert_int_equal(hw.fqcsr_reads, 0);
}

/* A unit without page requests is polled for reports and commands. */
static void
no_page_requests(void **state)
{
	uint64_t marks_then[UIOMMU_QUEUE_SOURCES];

	tear_down(state);
	hw_reset();
	hw.caps &= ~RISCV_CAP_ATS;
	assert_int_equal(unit_start(), 0);
	hw.pqcsr_reads = 0;
	assert_int_equal(look_for_reports(), 0);
	riscv_mark(queue, marks_then);
	assert_true(riscv_is_past(queue, marks_then));
	assert_false(riscv_overflow_ack(queue));
	hw_fault((uint64_t)DID << 40 | UINT64_C(2) << 34 | 13, 0x6000);
	assert_int_equal(look_for_reports(), UIOMMU_EVENT_REPORTS);
	assert_int_equal(hw.pqcsr_reads, 0);
	assert_int_equal(hw.pqh_writes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(requests_are_taken),      CASE(bursts_are_bounded),
		CASE(no_room_no_requests),     CASE(odd_ones),
		CASE(responses_are_sent),      CASE(dead_units_take_all),
		CASE(repair_in_the_way),       CASE(overflows),
		CASE(overflow_is_found_in_time), CASE(overflow_out_of_nothing),
		CASE(queue_cannot_be_written), CASE(wild_tails),
		CASE(marks),                   CASE(requests_end),
		CASE(reports),                 CASE(reports_are_lost),
		CASE(no_page_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
