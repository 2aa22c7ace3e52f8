/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: what the judge says of answers to stalls and page requests, of bonds that
 * come and go, and how stalls end otherwise, S 3.12.2, 4.7.
 */

#include "emu_smmuv3_rig.h"

static void
test_stall_without_answer(void **state)
{
	(void)state;
	rig_start(1);
	stall(1, 0x5000, true);
	assert_int_equal(verdict(false).outstanding, 1);
	assert_int_equal(verdict(true).lost, 1);
}

static void
test_stall_answered_twice(void **state)
{
	struct event event;

	(void)state;
	rig_start(1);
	stall(1, 0x5000, true);
	event = event_next();
	resume(&event, ABORT);
	assert_clean();
	resume(&event, ABORT);
	assert_int_equal(verdict(true).duplicated, 1);
}

static void
test_answer_to_what_does_not_stall(void **state)
{
	struct event event;

	(void)state;
	rig_start(1);
	stall(1, 0x5000, true);
	event = event_next();
	/* another tag, another stream, a device that has no stalls: no effect, S 4.7.1 */
	event.q[1] ^= 1;
	resume(&event, ABORT);
	event.q[1] ^= 1 | 0x8000;
	resume(&event, ABORT);
	event.q[1] ^= 0x8000;
	event.q[0] ^= UINT64_C(1) << 32;
	resume(&event, ABORT);
	assert_int_equal(verdict(false).unexpected, 3);
	assert_int_equal(verdict(false).outstanding, 1);
	event.q[0] ^= UINT64_C(1) << 32;
	resume(&event, ABORT);
	assert_int_equal(verdict(true).lost, 0);
}

static void
test_page_group_response_to_a_stall(void **state)
{
	(void)state;
	rig_start(1);
	stall(1, 0x5000, true);
	command(0x41 | 1 << 11 | 1 << 12 | (uint64_t)STALLER << 32, 2 << 12);
	ring();
	assert_int_equal(verdict(false).unexpected, 1);
}

static void
test_answer_with_another_pasid(void **state)
{
	struct pri pri;

	(void)state;
	rig_start(2);
	ask(DEVICE, 1);
	pri = pri_next();
	pri.q[0] ^= UINT64_C(3) << 32;
	pri_answer(&pri, 2);
	assert_int_equal(verdict(true).wrong, 1);
}

static void
test_term_model(void **state)
{
	struct uiommu_args args[] = {{"idr0_set", 1 << 26, NULL}, {NULL, 0, NULL}};
	struct uiommu_emu_stalled access;
	struct event event;

	(void)state;
	rig_start_one(STALLER, args);
	access = stall(1, 0x5000, false);
	event = event_next();
	/* S 4.7.1: Ab is ignored */
	resume(&event, RAZ_WI);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	assert_clean();
}

static void
test_stall_term(void **state)
{
	struct uiommu_emu_stalled access[2];
	struct event event;

	(void)state;
	rig_start(1);
	access[0] = stall(1, 0x5000, false);
	access[1] = stall(1, 0x6000, true);
	/* S 4.7.2.1: the STE first */
	ste(STALLER)[0] = 1;
	CFGI_STE(STALLER, 1);
	run(0x45 | (uint64_t)STALLER << 32, 0);
	assert_int_equal(stalled(access[0].handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	assert_int_equal(stalled(access[1].handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	assert_int_equal(verdict(true).stalls_ended, 2);
	assert_clean();
	/* one answer may have been on its way */
	event = event_next();
	resume(&event, ABORT);
	assert_clean();
	resume(&event, ABORT);
	assert_int_equal(verdict(true).duplicated, 1);
}

static void
test_stall_term_too_early(void **state)
{
	(void)state;
	rig_start(1);
	stall(1, 0x5000, false);
	run(0x45 | (uint64_t)STALLER << 32, 0);
	assert_int_equal(verdict(false).protocol, 1);
	/* written, and not invalidated */
	ste(STALLER)[0] = 1;
	run(0x45 | (uint64_t)STALLER << 32, 0);
	assert_int_equal(verdict(false).protocol, 2);
}

static void
test_unit_off_ends_stalls(void **state)
{
	struct uiommu_emu_stalled access;

	(void)state;
	rig_start(1);
	access = stall(1, 0x5000, false);
	enable(ALL_ON & ~SMMUEN);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	assert_int_equal(verdict(true).lost, 0);
	assert_clean();
}

static void
test_early_retry(void **state)
{
	struct uiommu_emu_stalled access;
	struct event event;

	(void)state;
	rig_start(1);
	access = stall(1, 0x5000, false);
	assert_int_equal(uiommu_emu_retry_early(rig.emu), 0);
	*page(0x5000) = PAGE(rig.message.pa);
	assert_int_equal(uiommu_emu_retry_early(rig.emu), 1);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_DONE);
	/* S 3.12.2.2: no new event, and the answer is wanted all the same */
	assert_int_equal(event_pending(), 1);
	assert_int_equal(verdict(true).lost, 1);
	event = event_next();
	resume(&event, ABORT);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_DONE);
	assert_clean();
}

static void
test_limit_of_stalls(void **state)
{
	/* STALL_MAX 2, all granules, 48 bits */
	struct uiommu_args args[] = {{"idr5", 2 << 16 | 0x75, NULL}, {NULL, 0, NULL}};
	struct event event;
	unsigned int i;

	(void)state;
	rig_open(args);
	rig_up(ALL_ON);
	rig_device(STALLER, 4, 0);
	rig_traffic(&(struct uiommu_emu_traffic){0});
	for (i = 0; i < 10; i++)
		step();
	assert_int_equal(event_pending(), 2);
	event = event_next();
	resume(&event, RETRY);
	for (i = 0; i < 10; i++)
		step();
	assert_int_equal(event_pending(), 2);
	rig_rest();
	assert_clean();
}

/* -------------------------------------------------------------------------- bonds */

static void
out(void)
{
	cd(DEVICE, 1)[0] = 0;
	CFGI_CD(DEVICE, 1, 1);
	TLBI_ASID(1);
}

static void
in(void)
{
	bond(DEVICE, 1);
	CFGI_CD(DEVICE, 1, 1);
}

static void
test_requests_after_detach_are_for_software(void **state)
{
	(void)state;
	rig_start_one(DEVICE, NULL);
	check_detach(out, in);
}

static void
test_success_after_detach_is_wrong(void **state)
{
	(void)state;
	rig_start_one(DEVICE, NULL);
	check_success_after_detach(out);
}

static void
test_answer_from_before_detach(void **state)
{
	(void)state;
	rig_start_one(DEVICE, NULL);
	check_answer_from_before_detach(out);
}

static void
test_request_sent_while_it_changes(void **state)
{
	(void)state;
	rig_start_one(DEVICE, NULL);
	check_request_sent_while_it_changes(out);
}

static void
test_quiet_devices_that_stall(void **state)
{
	unsigned int i;

	(void)state;
	rig_start_one(STALLER, NULL);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	assert_int_equal(uiommu_emu_pasid_quiesce(rig.emu, STALLER, 1, true), 0);
	for (i = 0; i < 5; i++)
		step();
	/* stop markers are for page requests */
	assert_int_equal(event_pending(), 0);
	assert_int_equal(uiommu_emu_pasid_quiesce(rig.emu, STALLER, 1, false), 0);
	step();
	assert_int_not_equal(event_pending(), 0);
	rig_rest();
	assert_clean();
}

static void
test_stall_by_a_remembered_descriptor(void **state)
{
	(void)state;
	rig_start_one(STALLER, NULL);
	rig_traffic(&(struct uiommu_emu_traffic){0});
	step();
	serve_all();
	/* the CD is cleared, and not invalidated */
	bond_is(STALLER, UIOMMU_EMU_CHANGING);
	cd(STALLER, 1)[0] = 0;
	step();
	while (event_pending() > 0) {
		const struct event event = event_next();

		resume(&event, ABORT);
		uiommu_emu_traffic_run(rig.emu, false);
	}
	bond_is(STALLER, UIOMMU_EMU_DETACHED);
	uiommu_emu_traffic_run(rig.emu, true);
	step();
	assert_true(verdict(false).stale > 0);
}

static void
test_access_after_detach_is_reported(void **state)
{
	unsigned int i;

	(void)state;
	rig_start_one(STALLER, NULL);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	bond_is(STALLER, UIOMMU_EMU_CHANGING);
	cd(STALLER, 1)[0] = 0;
	CFGI_CD(STALLER, 1, 1);
	TLBI_ASID(1);
	while (event_pending() > 0) {
		const struct event event = event_next();

		resume(&event, ABORT);
	}
	bond_is(STALLER, UIOMMU_EMU_DETACHED);
	uiommu_emu_traffic_run(rig.emu, true);
	for (i = 0; i < 10; i++)
		step();
	/* C_BAD_CD, and the device leaves it at that */
	assert_int_equal(event_pending(), 1);
	assert_int_equal(event_next().q[0] & 0xff, 0x0a);
	bond_is(STALLER, UIOMMU_EMU_CHANGING);
	bond(STALLER, 1);
	CFGI_CD(STALLER, 1, 1);
	bond_is(STALLER, UIOMMU_EMU_ATTACHED);
	step();
	assert_int_not_equal(event_pending(), 0);
	rig_rest();
	/* once more while it changed */
	assert_int_equal(verdict(true).reports, 2);
	assert_clean();
}

static void
test_pcie_must_not_stall(void **state)
{
	(void)state;
	rig_start(1);
	ste(DEVICE)[1] &= ~(UINT64_C(1) << 27);
	cd(DEVICE, 1)[0] = CD0(1, 1);
	CFGI_STE(DEVICE, 1);
	assert_false(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x5000, false, NULL));
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_stalls_of_a_device_that_leaves(void **state)
{
	struct uiommu_emu_stalled access;
	struct event event;

	(void)state;
	rig_start(1);
	access = stall(1, 0x5000, true);
	event = event_next();
	assert_int_equal(uiommu_emu_device_remove(rig.emu, STALLER), 0);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	resume(&event, RETRY);
	assert_int_equal(verdict(true).lost, 0);
	assert_clean();
	assert_int_equal(stall(1, 0x5000, true).state, UIOMMU_EMU_ACCESS_NO_CREDIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_stall_without_answer),
		CASE(test_stall_answered_twice),
		CASE(test_answer_to_what_does_not_stall),
		CASE(test_page_group_response_to_a_stall),
		CASE(test_answer_with_another_pasid),
		CASE(test_term_model),
		CASE(test_stall_term),
		CASE(test_stall_term_too_early),
		CASE(test_unit_off_ends_stalls),
		CASE(test_early_retry),
		CASE(test_limit_of_stalls),
		CASE(test_requests_after_detach_are_for_software),
		CASE(test_success_after_detach_is_wrong),
		CASE(test_answer_from_before_detach),
		CASE(test_request_sent_while_it_changes),
		CASE(test_quiet_devices_that_stall),
		CASE(test_stall_by_a_remembered_descriptor),
		CASE(test_access_after_detach_is_reported),
		CASE(test_pcie_must_not_stall),
		CASE(test_stalls_of_a_device_that_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
