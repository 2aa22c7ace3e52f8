/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The judge of the emulation: whoever keeps to the protocol is found clean, and each way to break
 * it shows in its own counter.
 */

#include "emu_rig.h"

static const struct uiommu_emu_traffic simple = {.window_pages = 16, .burst = 8};

/* One request of simple traffic; others may be in the queue behind it. */
static struct vtd_desc
one_request(void)
{
	if (pending() == 0) {
		rig_traffic(&simple);
		step();
		uiommu_emu_traffic_run(rig.emu, false);
	}
	return fetch();
}

static void
right_answers_are_clean(void **state)
{
	struct uiommu_emu_verdict v;
	unsigned int i;

	(void)state;
	rig_start(8);
	rig_traffic(&simple);
	for (i = 0; i < 2000; i++) {
		step();
		serve_all();
	}
	rig_rest();
	v = verdict(true);
	assert_clean();
	assert_true(uiommu_emu_verdict_clean(&v));
	assert_in_range(v.requests, 2000, UINT32_MAX);
	assert_int_equal(v.groups, v.requests);
	assert_int_equal(v.responses, v.requests);
	assert_int_equal(v.code_success, v.requests);
	assert_int_equal(v.outstanding, 0);
	assert_int_equal(v.bad_sent + v.overflows + v.auto_success + v.auto_invalid + v.dropped, 0);
}

static void
second_answer_is_duplicated(void **state)
{
	struct vtd_desc request;

	(void)state;
	rig_start(8);
	request = one_request();
	answer(&request, VTD_RC_SUCCESS);
	assert_clean();
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).duplicated, 1);
	answer(&request, VTD_RC_INVALID);
	assert_int_equal(verdict(false).duplicated, 2);
	serve_all();
	assert_int_equal(verdict(true).lost, 0);
	assert_string_not_equal(verdict(true).first, "");
}

static void
answer_with_wrong_pasid_is_wrong(void **state)
{
	struct vtd_desc request;

	(void)state;
	rig_start(8);
	request = one_request();
	request.q[0] ^= UINT64_C(1) << (VTD_PRQ0_PASID_SHIFT + 4);
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).wrong, 1);
	serve_all();
	/* it has had its answer, such as it was */
	assert_int_equal(verdict(true).lost, 0);
	assert_int_equal(verdict(true).wrong, 1);
}

static void
answer_without_pasid_is_wrong(void **state)
{
	struct vtd_desc request;

	(void)state;
	rig_start(8);
	request = one_request();
	request.q[0] &= ~(VTD_PRQ0_PP | UINT64_C(0xfffff) << VTD_PRQ0_PASID_SHIFT);
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).wrong, 1);
}

static void
wrong_codes_are_wrong(void **state)
{
	struct vtd_desc request;
	unsigned int code;

	(void)state;
	rig_start(8);
	for (code = 1; code < 16; code++) {
		request = one_request();
		answer(&request, code);
		assert_int_equal(verdict(false).wrong, code);
	}
	assert_int_equal(verdict(false).code_success, 0);
	assert_int_equal(verdict(false).code_invalid, 1);
	assert_int_equal(verdict(false).code_failure, 1);
	assert_int_equal(verdict(false).code_other, 13);
	assert_int_equal(verdict(false).responses, 15);
}

static void
answer_that_never_comes_is_lost(void **state)
{
	(void)state;
	rig_start(8);
	one_request();
	serve_all();
	assert_int_equal(verdict(false).lost, 0);
	assert_int_equal(verdict(false).outstanding, 1);
	assert_int_equal(verdict(true).lost, 1);
}

static void
answers_out_of_the_blue_are_unexpected(void **state)
{
	struct vtd_desc request = {{VTD_PRQ_TYPE | (uint64_t)STRANGER << VTD_PRQ0_RID_SHIFT, 0}};

	(void)state;
	rig_start(8);
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).unexpected, 1);
	/* a device that is there, and an index that it has not used yet */
	request.q[0] = VTD_PRQ_TYPE | (uint64_t)DEVICE << VTD_PRQ0_RID_SHIFT;
	request.q[1] = (uint64_t)300 << VTD_PRQ1_PRGI_SHIFT;
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).unexpected, 2);
	assert_int_equal(verdict(false).duplicated + verdict(false).wrong, 0);
}

/* Bad requests of each kind: what serve() does is right, and anything else is not. */
static void
bad_requests_have_one_right_answer(void **state)
{
	const struct uiommu_emu_traffic bad = {.bad_ratio = 1, .burst = 8};
	struct uiommu_emu_verdict v;
	unsigned int i;

	(void)state;
	rig_start(8);
	rig_traffic(&bad);
	for (i = 0; i < 3000; i++) {
		step();
		serve_all();
	}
	rig_rest();
	v = verdict(true);
	assert_clean();
	assert_in_range(v.bad_sent, 2000, UINT32_MAX);
	assert_int_equal(v.bad_sent, v.requests);
	assert_in_range(v.stop_markers, v.bad_sent / 12, v.bad_sent / 6);
	assert_int_equal(v.code_invalid, v.groups);
	assert_int_equal(v.code_success, 0);
	/* five kinds of nine are answered */
	assert_in_range(v.groups * 9, v.bad_sent * 5 - v.bad_sent / 50,
			v.bad_sent * 5 + v.bad_sent / 50);
}

/* Success for what is refused, and any answer for what asks for none. */
static void
bad_requests_answered_otherwise(void **state)
{
	const struct uiommu_emu_traffic bad = {.bad_ratio = 1, .burst = 8};
	unsigned int unexpected = 0, wrong = 0, i;
	struct vtd_desc request;

	(void)state;
	rig_start(8);
	rig_traffic(&bad);
	for (i = 0; i < 90; i++) {
		while (pending() == 0)
			step();
		request = fetch();
		if ((request.q[0] & VTD_PRQ0_TYPE_MASK) == VTD_PRQ_TYPE && is_last(&request) &&
		    (request.q[1] & (VTD_PRQ1_RDR | VTD_PRQ1_WRR)) != 0)
			wrong++;
		else
			unexpected++;
		request.q[0] &= ~(VTD_PRQ0_TYPE_MASK | VTD_PRQ0_RESERVED) | VTD_PRQ0_PP;
		answer(&request, VTD_RC_SUCCESS);
	}
	assert_int_equal(wrong, 50);
	assert_int_equal(unexpected, 40);
	assert_int_equal(verdict(false).wrong, wrong);
	assert_int_equal(verdict(false).unexpected, unexpected);
}

static void
groups_of_several_pages(void **state)
{
	const struct uiommu_emu_traffic groups = {
		.group_pages_min = 2, .group_pages_max = 7, .burst = 16, .window_pages = 64,
	};
	struct uiommu_emu_verdict v;
	unsigned int i;

	(void)state;
	rig_start(8);
	rig_traffic(&groups);
	for (i = 0; i < 1000; i++) {
		step();
		serve_all();
	}
	rig_rest();
	v = verdict(true);
	assert_clean();
	assert_in_range(v.groups, 500, UINT32_MAX);
	assert_in_range(v.requests, v.groups * 2, v.groups * 7);
	assert_int_equal(v.responses, v.groups);
}

static void
answer_before_the_last_is_unexpected(void **state)
{
	const struct uiommu_emu_traffic groups = {.group_pages_min = 8, .burst = 8};
	struct vtd_desc request;

	(void)state;
	rig_start(1);
	rig_traffic(&groups);
	step();
	request = fetch();
	assert_false(is_last(&request));
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).unexpected, 1);
	uiommu_emu_traffic_run(rig.emu, false);
	rig_rest();
	assert_int_equal(verdict(true).unexpected, 1);
	assert_int_equal(verdict(true).lost, 0);
}

static void
light_judge_looks_less_closely(void **state)
{
	struct uiommu_emu_traffic light = simple;
	struct vtd_desc request;

	(void)state;
	light.judge = UIOMMU_EMU_JUDGE_LIGHT;
	rig_start(8);
	rig_traffic(&light);
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	request = fetch();
	request.q[0] ^= UINT64_C(1) << (VTD_PRQ0_PASID_SHIFT + 4);
	answer(&request, VTD_RC_SUCCESS);
	request = fetch();
	answer(&request, VTD_RC_INVALID);
	assert_int_equal(verdict(false).wrong, 0);
	assert_int_equal(verdict(false).code_invalid, 1);
	answer(&request, VTD_RC_INVALID);
	assert_int_equal(verdict(false).duplicated, 1);
	serve_all();
	assert_int_equal(verdict(true).lost, 0);
}

/* The credits that a device has and those that it has lent must add up. */
static void
credits_are_audited(void **state)
{
	(void)state;
	rig_start(8);
	one_request();
	assert_int_equal(verdict(true).overdrawn, 0);
	rig.emu->hot[1].credits--;
	assert_int_equal(verdict(true).overdrawn, 1);
	rig.emu->hot[1].credits += 2;
	serve_all();
	assert_in_range(verdict(true).overdrawn, 2, 100);
}

/* Without credits nothing is sent; each answer gives them back. */
static void
credits_are_kept(void **state)
{
	const struct uiommu_emu_traffic groups = {.group_pages_min = 3, .burst = 64};
	unsigned int i;

	(void)state;
	rig_open(NULL);
	rig_up();
	rig_device(4, 10);
	rig_traffic(&groups);
	for (i = 0; i < 50; i++)
		step();
	assert_int_equal(pending(), 9);
	serve_all();
	for (i = 0; i < 50; i++)
		step();
	assert_int_equal(pending(), 9);
	rig_rest();
	assert_clean();
}

static void
latencies_are_counted(void **state)
{
	uint64_t counts[UIOMMU_LATENCY_BUCKETS];
	uint64_t sum = 0;
	unsigned int i;

	(void)state;
	rig_start(8);
	rig_traffic(&simple);
	for (i = 0; i < 100; i++) {
		step();
		serve_all();
	}
	rig_rest();
	uiommu_emu_latency_get(rig.emu, counts);
	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
		sum += counts[i];
	assert_int_equal(sum, verdict(false).responses);
	uiommu_emu_reset_counters(rig.emu);
	uiommu_emu_latency_get(rig.emu, counts);
	for (sum = 0, i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
		sum += counts[i];
	assert_int_equal(sum, 0);
	assert_int_equal(verdict(false).responses, 0);
}

static void
reset_keeps_what_is_outstanding(void **state)
{
	struct vtd_desc request;

	(void)state;
	rig_start(8);
	request = one_request();
	serve_all();
	uiommu_emu_reset_counters(rig.emu);
	assert_int_equal(verdict(false).requests, 0);
	assert_int_equal(verdict(false).outstanding, 1);
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).outstanding, 0);
	assert_int_equal(verdict(false).responses, 1);
	assert_clean();
}

/* Put into the queue by hand, it opens no group that an answer could be for. */
static void
raw_stop_marker_wants_no_answer(void **state)
{
	const uint64_t marker[4] = {
		VTD_PRQ_TYPE | VTD_PRQ0_PP | (uint64_t)DEVICE << VTD_PRQ0_RID_SHIFT |
			UINT64_C(1) << VTD_PRQ0_PASID_SHIFT,
		VTD_PRQ1_LPIG | (uint64_t)300 << VTD_PRQ1_PRGI_SHIFT,
	};
	struct vtd_desc request;

	(void)state;
	rig_start(8);
	assert_int_equal(uiommu_emu_request_raw(rig.emu, marker, sizeof(marker)), 0);
	request = fetch();
	assert_clean();
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).unexpected, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(right_answers_are_clean),
		CASE(second_answer_is_duplicated),
		CASE(answer_with_wrong_pasid_is_wrong),
		CASE(answer_without_pasid_is_wrong),
		CASE(wrong_codes_are_wrong),
		CASE(answer_that_never_comes_is_lost),
		CASE(answers_out_of_the_blue_are_unexpected),
		CASE(bad_requests_have_one_right_answer),
		CASE(bad_requests_answered_otherwise),
		CASE(groups_of_several_pages),
		CASE(answer_before_the_last_is_unexpected),
		CASE(light_judge_looks_less_closely),
		CASE(credits_are_audited),
		CASE(credits_are_kept),
		CASE(latencies_are_counted),
		CASE(reset_keeps_what_is_outstanding),
		CASE(raw_stop_marker_wants_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
