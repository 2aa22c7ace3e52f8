/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: event queue and PRI queue, S 7.2, 7.4, 8.1, 8.2.
 */

#include "emu_smmuv3_rig.h"

/* Requests by hand until the queue is full. */
static void
pri_fill(void)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(pri_pending(), ENTRIES);
}

static bool
pri_overflown(void)
{
	return ((get32(PRIQ_PROD) ^ get32(PRIQ_CONS)) & FLAG) != 0;
}

/* S 8.1.1: up to PROD, then one write with the flag. */
static void
pri_recover(void)
{
	uint32_t nb = pri_pending();
	struct pri pri;

	while (nb-- > 0) {
		pri = pri_next();
		pri_answer(&pri, 2);
	}
	put32(PRIQ_CONS, rig.pri_cons | (get32(PRIQ_PROD) & FLAG));
}

static void
test_all_places_are_used(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(2);
	for (i = 0; i < 3; i++) {
		pri_fill();
		assert_false(pri_overflown());
		pri_recover();
	}
	assert_int_equal(verdict(true).overflows, 0);
	assert_clean();
}

static void
test_pri_overflow_latches(void **state)
{
	struct pri pri;

	(void)state;
	rig_start(2);
	pri_fill();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_true(pri_overflown());
	assert_int_equal(pri_pending(), ENTRIES);
	/* room alone does not help, S 8.1 */
	pri = pri_next();
	pri_answer(&pri, 2);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_int_equal(verdict(false).overflows, 1);
	pri_recover();
	assert_false(pri_overflown());
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	pri_recover();
	/* the flag has the other value the next time */
	assert_int_equal(get32(PRIQ_PROD) & FLAG, FLAG);
	pri_fill();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_int_equal(get32(PRIQ_PROD) & FLAG, 0);
	assert_true(pri_overflown());
	pri_recover();
	assert_clean();
}

static void
test_acknowledgement_comes_last(void **state)
{
	(void)state;
	rig_start(2);
	/* there is nothing to acknowledge */
	put32(PRIQ_CONS, FLAG);
	assert_int_equal(verdict(false).protocol, 1);
	put32(PRIQ_CONS, 0);
	pri_fill();
	ask(DEVICE, 1);
	pri_next();
	assert_int_equal(verdict(false).protocol, 1);
	/* with entries left */
	put32(PRIQ_CONS, rig.pri_cons | (get32(PRIQ_PROD) & FLAG));
	assert_int_equal(verdict(false).protocol, 2);
}

static void
test_index_must_not_pass(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(2);
	ask(DEVICE, 1);
	put32(PRIQ_CONS, 2);
	/* it shows when the unit looks for room */
	for (i = 0; i < ENTRIES; i++)
		ask(DEVICE, 1);
	assert_int_equal(verdict(false).protocol, 1);
}

/* S 8.1: by PASID, PPS, PPAR and the STE */
static void
test_overflow_answers(void **state)
{
	struct uiommu_emu_response resp;
	struct uiommu_emu_request req;

	(void)state;
	rig_start(2);
	pri_fill();
	uiommu_emu_log(rig.emu, true);
	/* PPAR 0: without PASID */
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_true(resp.by_unit);
	assert_int_equal(resp.pasid, UINT32_MAX);
	assert_int_equal(resp.code, UIOMMU_EMU_SUCCESS);
	ste(DEVICE)[1] |= UINT64_C(1) << 18;
	CFGI_STE(DEVICE, 1);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_int_equal(resp.pasid, 1);
	/* no Last, no answer; a stop marker has none either */
	req = request_for(DEVICE, 1, 3);
	req.last = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_DROPPED);
	req = request_for(DEVICE, 1, 4);
	req.read = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_DROPPED);
	assert_false(uiommu_emu_response_next(rig.emu, &resp));
	/* an STE that is none: Failure, without PASID */
	ste(DEVICE)[0] = 0;
	CFGI_STE(DEVICE, 1);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_FAILURE);
	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_int_equal(resp.pasid, UINT32_MAX);
	assert_int_equal(resp.code, UIOMMU_EMU_FAILURE);
	assert_int_equal(verdict(false).families_stopped, 1);
}

static void
test_overflow_answers_with_pps(void **state)
{
	struct uiommu_args args[] = {{"idr3_set", 1 << 5, NULL}, {NULL, 0, NULL}};
	struct uiommu_emu_response resp;

	(void)state;
	rig_start_one(DEVICE, args);
	pri_fill();
	uiommu_emu_log(rig.emu, true);
	ste(DEVICE)[0] = 0;
	CFGI_STE(DEVICE, 1);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_int_equal(resp.pasid, 1);
}

static void
test_without_queue_it_is_failure(void **state)
{
	struct uiommu_emu_request req;

	(void)state;
	rig_open(NULL);
	rig_up(ALL_ON & ~PRIQEN);
	rig_device(DEVICE, 1, 0);
	/* S 8.2: of any request */
	req = request_for(DEVICE, 1, 3);
	req.last = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_AUTO_FAILURE);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_NO_CREDIT);
	rig_close(NULL);
	/* PRIQEN has no effect without SMMUEN, S 6.3.9.5 */
	rig_open(NULL);
	rig_up(ALL_ON & ~SMMUEN);
	rig_device(DEVICE, 1, 0);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_FAILURE);
	assert_int_equal(verdict(true).auto_failure, 1);
	assert_clean();
}

static void
test_pri_queue_cannot_be_written(void **state)
{
	(void)state;
	rig_start(2);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_REQUEST_ABORT, 1);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_FAILURE);
	assert_int_equal(get32(GERROR), 1 << 3);
	assert_int_equal(pri_pending(), 0);
	assert_clean();
}

/* ------------------------------------------------------------------------- events */

static bool
event_overflown(void)
{
	return ((get32(EVENTQ_PROD) ^ get32(EVENTQ_CONS)) & FLAG) != 0;
}

static void
event_fill(void)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_int_equal(event_pending(), ENTRIES);
	assert_false(event_overflown());
}

static void
test_events_are_lost(void **state)
{
	(void)state;
	rig_start(2);
	event_fill();
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_true(event_overflown());
	assert_int_equal(event_pending(), ENTRIES);
	assert_int_equal(verdict(false).reports_lost, 1);
	assert_int_equal(verdict(false).report_overflows, 1);
	/* S 7.4: with room it goes on, acknowledged or not */
	event_next();
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_int_equal(event_pending(), ENTRIES);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_int_equal(verdict(false).report_overflows, 1);
	/* acknowledged with entries left, which is allowed here */
	put32(EVENTQ_CONS, rig.event_cons | (get32(EVENTQ_PROD) & FLAG));
	assert_false(event_overflown());
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_true(event_overflown());
	assert_int_equal(verdict(true).reports_lost, 3);
	assert_clean();
}

static void
test_stalls_wait_for_room(void **state)
{
	struct uiommu_emu_stalled access, other;
	struct event event;

	(void)state;
	rig_start(2);
	event_fill();
	access = stall(1, 0x5000, true);
	assert_int_equal(access.state, UIOMMU_EMU_ACCESS_UNSEEN);
	other = stall(1, 0x6000, true);
	assert_false(event_overflown());
	/* as though it had just arrived, S 3.12.2: the page is there by now */
	*page(0x5000) = PAGE(rig.message.pa);
	event_next();
	step();
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_DONE);
	assert_int_equal(stalled(other.handle).state, UIOMMU_EMU_ACCESS_STALLED);
	while (event_pending() > 0)
		event = event_next();
	assert_true(event_stalls(&event));
	assert_int_equal(event.q[2], 0x6000);
	resume(&event, ABORT);
	assert_int_equal(verdict(true).stalls, 1);
	assert_clean();
}

static void
test_waiting_stall_meets_a_new_configuration(void **state)
{
	struct uiommu_emu_stalled access;
	struct event event = {{0}};

	(void)state;
	rig_start(2);
	event_fill();
	access = stall(1, 0x5000, true);
	cd(STALLER, 1)[0] = 0;
	CFGI_CD(STALLER, 1, 1);
	while (event_pending() > 0) {
		event = event_next();
		step();
	}
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	/* C_BAD_CD instead of the stall */
	assert_int_equal(event_number(&event), 0x0a);
	assert_int_equal(verdict(true).stalls, 0);
	assert_clean();
}

static void
test_event_queue_cannot_be_written(void **state)
{
	struct uiommu_emu_stalled access;
	struct event event;

	(void)state;
	rig_start(2);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_EVENT_ABORT, 1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_int_equal(get32(GERROR), 1 << 2);
	access = stall(1, 0x5000, true);
	assert_int_equal(access.state, UIOMMU_EMU_ACCESS_UNSEEN);
	assert_int_equal(event_pending(), 0);
	assert_false(event_overflown());
	put32(GERRORN, 1 << 2);
	step();
	event = event_next();
	assert_true(event_stalls(&event));
	resume(&event, ABORT);
	assert_int_equal(verdict(true).reports_lost, 1);
	assert_clean();
}

static void
test_overflow_without_need(void **state)
{
	(void)state;
	rig_start(2);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_EVENT_OVERFLOW, 1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_true(event_overflown());
	assert_int_equal(event_pending(), 0);
	/* without a new entry it is to be acknowledged as well */
	put32(EVENTQ_CONS, FLAG);
	assert_false(event_overflown());
	assert_clean();
}

static void
test_raw_entries(void **state)
{
	const uint64_t wild[4] = {
		0x10 | (uint64_t)STRANGER << 32, UINT64_C(1) << 31 | 0x77, 0x1000, 0,
	};
	const uint64_t odd[2] = {STRANGER | UINT64_C(0x3f) << 52 | UINT64_C(1) << 62 |
				 UINT64_C(1) << 60, 0x2000 | 7 << 9 | 5};
	struct event event;
	struct pri pri;

	(void)state;
	rig_start(2);
	assert_int_equal(uiommu_emu_request_raw(rig.emu, wild, 24), -EINVAL);
	assert_int_equal(uiommu_emu_request_raw(rig.emu, wild, 32), 0);
	assert_int_equal(uiommu_emu_request_raw(rig.emu, odd, 16), 0);
	event = event_next();
	assert_memory_equal(&event, wild, sizeof(wild));
	pri = pri_next();
	assert_memory_equal(&pri, odd, sizeof(odd));
	resume(&event, ABORT);
	pri_answer(&pri, 1);
	assert_clean();
	/* once, and no more */
	resume(&event, ABORT);
	assert_int_equal(verdict(true).unexpected, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_all_places_are_used),
		CASE(test_pri_overflow_latches),
		CASE(test_acknowledgement_comes_last),
		CASE(test_index_must_not_pass),
		CASE(test_overflow_answers),
		CASE(test_overflow_answers_with_pps),
		CASE(test_without_queue_it_is_failure),
		CASE(test_pri_queue_cannot_be_written),
		CASE(test_events_are_lost),
		CASE(test_stalls_wait_for_room),
		CASE(test_waiting_stall_meets_a_new_configuration),
		CASE(test_event_queue_cannot_be_written),
		CASE(test_overflow_without_need),
		CASE(test_raw_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
