/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: the way of a page request and of a stall, from device to answer.
 */

#include "emu_smmuv3_rig.h"

static void
test_page_request_and_answer(void **state)
{
	struct pri pri;

	(void)state;
	rig_start(2);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	pri = pri_next();
	assert_int_equal(pri_sid(&pri), DEVICE);
	assert_int_equal(pri.q[0] >> 32 & 0xfffff, 1);
	/* SSV, Last, not W, R, not X, not Priv */
	assert_int_equal(pri.q[0] >> 58, 0x34);
	assert_int_equal(pri.q[1] & ~UINT64_C(0xfff), 0x123000);
	pri_answer(&pri, 2);
	assert_int_equal(verdict(true).code_success, 1);
	assert_clean();
}

static void
test_codes_are_not_those_of_the_wire(void **state)
{
	static const struct {
		unsigned int resp;
		uint16_t code;
	} codes[] = {{2, 0x0}, {1, 0x1}, {0, 0xf}};
	struct uiommu_emu_response resp;
	struct pri pri;
	unsigned int i;

	(void)state;
	rig_start(2);
	uiommu_emu_log(rig.emu, true);
	for (i = 0; i < 3; i++) {
		assert_int_equal(ask(DEVICE, 2), UIOMMU_EMU_QUEUED);
		pri = pri_next();
		pri_answer(&pri, codes[i].resp);
		assert_true(uiommu_emu_response_next(rig.emu, &resp));
		assert_int_equal(resp.code, codes[i].code);
		assert_int_equal(resp.pasid, 2);
		assert_int_equal(resp.answer, UIOMMU_EMU_ANSWER_GROUP);
	}
	/* Failure was the last of it */
	assert_int_equal(verdict(false).families_stopped, 1);
	assert_int_equal(ask(DEVICE, 2), UIOMMU_EMU_NO_CREDIT);
	assert_clean();
}

static void
test_stall_is_retried(void **state)
{
	struct uiommu_emu_stalled access;
	struct event event;

	(void)state;
	rig_start(2);
	access = stall(1, 0x5008, true);
	assert_int_equal(access.state, UIOMMU_EMU_ACCESS_STALLED);
	event = event_next();
	/* F_TRANSLATION, SSV, SubstreamID, StreamID */
	assert_int_equal(event.q[0], 0x10 | 1 << 11 | 1 << 12 | (uint64_t)STALLER << 32);
	/* Stall, RnW 0, InD 0, PnU 0, S2 0, CLASS IN */
	assert_int_equal(event.q[1] & ~UINT64_C(0xffff), UINT64_C(1) << 31 | UINT64_C(2) << 40);
	assert_int_equal(event.q[1] & 0xffff, access.tag);
	assert_int_equal(event.q[2], 0x5008);
	*page(0x5000) = PAGE(rig.message.pa);
	resume(&event, RETRY);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_DONE);
	assert_int_equal(verdict(true).stalls_retried, 1);
	assert_clean();
}

static void
test_stall_is_ended(void **state)
{
	struct uiommu_emu_stalled access;
	struct uiommu_emu_response resp;
	struct event event;

	(void)state;
	rig_start(2);
	uiommu_emu_log(rig.emu, true);
	access = stall(1, 0x5000, false);
	event = event_next();
	assert_int_equal(event.q[1] >> 35 & 1, 1);
	resume(&event, ABORT);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_int_equal(resp.answer, UIOMMU_EMU_ANSWER_ABORT);
	assert_int_equal(resp.prg_index, access.tag);
	assert_int_equal(resp.pasid, 1);
	access = stall(1, 0x5000, false);
	event = event_next();
	resume(&event, RAZ_WI);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_IGNORED);
	assert_int_equal(verdict(true).stalls_aborted, 1);
	assert_int_equal(verdict(true).stalls_terminated, 1);
	assert_clean();
}

static void
test_vain_retry_is_a_new_stall(void **state)
{
	struct uiommu_emu_stalled access, again;
	struct event event;

	(void)state;
	rig_start(2);
	access = stall(2, 0x7000, true);
	event = event_next();
	resume(&event, RETRY);
	again = stalled(access.handle);
	assert_int_equal(again.state, UIOMMU_EMU_ACCESS_STALLED);
	assert_int_equal(again.events, 2);
	step();
	event = event_next();
	assert_int_equal(event.q[1] & 0xffff, again.tag);
	*page(0x7000) = PAGE(rig.message.pa) | READ_ONLY;
	/* there, but not for writing */
	resume(&event, RETRY);
	step();
	event = event_next();
	assert_int_equal(event_number(&event), 0x13);
	resume(&event, ABORT);
	assert_int_equal(stalled(access.handle).state, UIOMMU_EMU_ACCESS_ABORTED);
	assert_clean();
}

static void
test_traffic_of_both_kinds(void **state)
{
	struct uiommu_emu_verdict v;
	unsigned int i;

	(void)state;
	rig_start(4);
	rig_traffic(&(struct uiommu_emu_traffic){.write_ratio = 0.5, .burst = 16});
	for (i = 0; i < 200; i++) {
		step();
		serve_all();
	}
	rig_rest();
	v = verdict(true);
	assert_true(v.stalls > 500);
	assert_int_equal(v.stalls_retried, v.stalls);
	assert_true(v.groups > v.stalls + 500);
	assert_int_equal(v.responses, v.groups);
	assert_clean();
}

static void
test_traffic_with_bad_requests(void **state)
{
	struct uiommu_emu_verdict v;
	unsigned int i;

	(void)state;
	rig_start(4);
	rig_traffic(&(struct uiommu_emu_traffic){
		.write_ratio = 0.5, .bad_ratio = 0.2, .burst = 16, .group_pages_max = 4,
	});
	for (i = 0; i < 400; i++) {
		step();
		serve_all();
	}
	rig_rest();
	v = verdict(true);
	assert_true(v.bad_sent > 200);
	assert_true(v.code_invalid > 100);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_page_request_and_answer),
		CASE(test_codes_are_not_those_of_the_wire),
		CASE(test_stall_is_retried),
		CASE(test_stall_is_ended),
		CASE(test_vain_retry_is_a_new_stall),
		CASE(test_traffic_of_both_kinds),
		CASE(test_traffic_with_bad_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
