/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Devices of the emulation that use addresses: they ask for what they cannot translate, and for
 * nothing else.
 */

#include "emu_pages.h"

static const struct uiommu_emu_traffic walk = {
	.profile = UIOMMU_EMU_SEQUENTIAL,
	.window_pages = WINDOW_PAGES,
	.burst = 32,
	.translate = true,
};
static const struct uiommu_emu_traffic anywhere = {
	.window_pages = WINDOW_PAGES, .burst = 32, .write_ratio = 0.5, .translate = true,
};

static void
run_steps(unsigned int steps)
{
	while (steps-- > 0) {
		step();
		serve_pages();
	}
}

/* Nothing more is begun; what was begun is answered. */
static void
rest(void)
{
	uiommu_emu_traffic_run(rig.emu, false);
	run_steps(100);
	assert_int_equal(verdict(true).lost, 0);
}

static void
what_is_there_is_not_asked_for(void **state)
{
	unsigned int i, done;

	(void)state;
	pages_open(4);
	pages_map(WINDOW_PAGES, PAGE_WRITE);
	rig_traffic(&anywhere);
	for (i = 0; i < 100; i++) {
		done = uiommu_emu_step(rig.emu);
		/* work, but not without end */
		assert_in_range(done, 1, 32);
	}
	assert_clean();
	assert_int_equal(verdict(false).requests, 0);
	assert_in_range(verdict(false).accesses, 1000, 3200);
	assert_int_equal(verdict(false).atc_hits + verdict(false).translations,
			 verdict(false).accesses);
	assert_in_range(verdict(false).atc_hits, 100, UINT32_MAX);
	/* filling the queue comes to an end */
	assert_int_equal(uiommu_emu_preload(rig.emu), 0);
	uiommu_emu_traffic_run(rig.emu, false);
	assert_int_equal(uiommu_emu_step(rig.emu), 0);
}

/* Each page once; the access is tried again and finds it. */
static void
what_is_absent_is_asked_for_once(void **state)
{
	struct uiommu_emu_verdict v;

	(void)state;
	pages_open(1);
	rig_traffic(&walk);
	run_steps(2000);
	rest();
	v = verdict(false);
	assert_clean();
	assert_int_equal(v.requests, WINDOW_PAGES);
	assert_int_equal(v.code_success, WINDOW_PAGES);
	assert_in_range(v.accesses, WINDOW_PAGES * 2, UINT32_MAX);
	/* the first access to each page, and the one after the answer */
	assert_in_range(v.translations, WINDOW_PAGES * 2, UINT32_MAX);
}

/* Pages that are mapped besides are never asked for. */
static void
neighbours_are_not_asked_for(void **state)
{
	(void)state;
	pages_open(1);
	pages.around = 16;
	rig_traffic(&walk);
	run_steps(2000);
	rest();
	assert_clean();
	assert_int_equal(verdict(false).requests, WINDOW_PAGES / 16);
}

/* A PASID that walks through its window waits for each page. */
static void
walks_wait_for_their_pages(void **state)
{
	uint32_t i, seen = 0;
	struct vtd_desc request;

	(void)state;
	pages_open(6);
	rig_traffic(&walk);
	for (i = 0; i < 300; i++)
		step();
	assert_int_equal(pending(), 6);
	for (i = 0; i < 6; i++) {
		request = fetch();
		assert_int_equal(page_of(&request), 0);
		seen |= UINT32_C(1) << ((request.q[0] >> VTD_PRQ0_PASID_SHIFT) & 0x1f);
		page_map(0, PAGE_WRITE);
		answer(&request, VTD_RC_SUCCESS);
		step();
	}
	assert_int_equal(seen, 0x7e);
	for (i = 0; i < 300; i++)
		step();
	assert_int_equal(pending(), 6);
	request = fetch();
	assert_int_equal(page_of(&request), 1);
}

/* Other profiles have as much under way as there are credits. */
static void
others_do_not_wait(void **state)
{
	unsigned int i;

	(void)state;
	pages_open(6);
	rig_traffic(&anywhere);
	for (i = 0; i < 300; i++)
		step();
	assert_int_equal(pending(), ENTRIES - 1);
	serve_pages();
	run_steps(3000);
	rest();
	assert_clean();
	assert_in_range(pages.asked, WINDOW_PAGES, UINT32_MAX);
	/* it is all there, now */
	uiommu_emu_reset_counters(rig.emu);
	uiommu_emu_traffic_run(rig.emu, true);
	run_steps(100);
	assert_int_equal(verdict(false).requests, 0);
	assert_in_range(verdict(false).accesses, 1000, UINT32_MAX);
}

/* A read is allowed, a write is not: it is asked for, and then possible. */
static void
access_counts(void **state)
{
	struct uiommu_emu_traffic conf = walk;
	struct vtd_desc request;
	unsigned int i;

	(void)state;
	pages_open(1);
	pages_map(WINDOW_PAGES, PAGE_READ);
	conf.write_ratio = 1;
	rig_traffic(&conf);
	for (i = 0; i < WINDOW_PAGES; i++) {
		step();
		assert_int_equal(pending(), 1);
		request = fetch();
		assert_int_equal(page_of(&request), i);
		assert_true((request.q[1] & VTD_PRQ1_WRR) != 0);
		page_map(i, PAGE_WRITE);
		answer(&request, VTD_RC_SUCCESS);
	}
	assert_clean();
}

/* ------------------------------------------------------------------- judgement */

static void
success_without_a_page_is_unmapped(void **state)
{
	struct uiommu_emu_verdict v;
	struct vtd_desc request;

	(void)state;
	pages_open(1);
	rig_traffic(&walk);
	step();
	request = fetch();
	answer(&request, VTD_RC_SUCCESS);
	v = verdict(false);
	assert_int_equal(v.unmapped, 1);
	assert_int_equal(v.vanished, 0);
	assert_non_null(strstr(v.first, "0x100000000 cannot be read"));
	/* it has gone on */
	step();
	request = fetch();
	assert_int_equal(page_of(&request), 1);
}

static void
pages_that_vanish_are_asked_for_again(void **state)
{
	struct uiommu_emu_traffic conf = walk;
	struct vtd_desc request;
	unsigned int i;

	(void)state;
	pages_open(1);
	conf.may_vanish = true;
	conf.verify = true;
	rig_traffic(&conf);
	step();
	for (i = 0; i < 5; i++) {
		assert_int_equal(pending(), 1);
		request = fetch();
		assert_int_equal(page_of(&request), 0);
		answer(&request, VTD_RC_SUCCESS);
		assert_int_equal(verdict(false).vanished, i + 1);
		step();
	}
	run_steps(2000);
	rest();
	assert_clean();
	assert_int_equal(verdict(false).vanished, 5);
	assert_int_equal(verdict(false).requests, WINDOW_PAGES + 5);
	assert_int_equal(verdict(false).verified, WINDOW_PAGES);
}

/* Many at once, more than there are credits for. */
static void
many_pages_vanish(void **state)
{
	struct uiommu_emu_traffic conf = anywhere;
	struct vtd_desc request;
	uint32_t i, nb;

	(void)state;
	pages_open(4);
	conf.may_vanish = true;
	rig_traffic(&conf);
	for (i = 0; i < 300; i++) {
		step();
		for (nb = pending(); nb > 0; nb--) {
			request = fetch();
			answer(&request, VTD_RC_SUCCESS);
		}
	}
	assert_in_range(verdict(false).vanished, 1000, UINT32_MAX);
	run_steps(3000);
	rest();
	assert_clean();
}

/* The translation goes by the caches, what Success says is looked up besides. */
static void
success_is_verified_besides(void **state)
{
	struct uiommu_emu_traffic conf = walk;

	(void)state;
	pages_open(1);
	conf.verify = true;
	rig_traffic(&conf);
	run_steps(600);
	rest();
	assert_clean();
	assert_in_range(verdict(false).requests, 100, UINT32_MAX);
	assert_int_equal(verdict(false).verified, verdict(false).requests);
}

static void
refused_accesses_are_given_up(void **state)
{
	struct vtd_desc request;
	unsigned int i;

	(void)state;
	pages_open(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	rig_traffic(&walk);
	for (i = 0; i < 10; i++) {
		step();
		request = fetch();
		assert_int_equal(page_of(&request), i);
		answer(&request, i % 2 == 0 ? VTD_RC_INVALID : VTD_RC_SUCCESS);
	}
	assert_clean();
	/* by the unit, too */
	step();
	request = fetch();
	pasid_entry(1)[0] = 0;
	forget_pasid(1);
	answer(&request, VTD_RC_INVALID);
	for (i = 0; i < 10; i++)
		step();
	assert_in_range(verdict(false).auto_invalid, 8, UINT32_MAX);
	assert_clean();
}

/* Detached, with the device's cache invalidated or not. */
static void
detach(bool device_too)
{
	unsigned int i;

	pages_open(1);
	pages_map(WINDOW_PAGES, PAGE_WRITE);
	rig_traffic(&anywhere);
	run_steps(100);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	pasid_entry(1)[0] = 0;
	forget_pasid(1);
	if (device_too)
		forget_pages(1);
	assert_clean();
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	for (i = 0; i < 100; i++)
		step();
}

static void
translations_after_detach_are_stale(void **state)
{
	(void)state;
	detach(false);
	assert_in_range(verdict(false).stale, 10, UINT32_MAX);
	assert_non_null(strstr(verdict(false).first, "translated after detach"));
}

static void
detach_with_invalidation_is_clean(void **state)
{
	(void)state;
	detach(true);
	assert_in_range(verdict(false).auto_invalid, 10, UINT32_MAX);
	assert_clean();
}

/* --------------------------------------------------------------------- control */

static void
quiet_pasids_use_nothing(void **state)
{
	unsigned int i;

	(void)state;
	pages_open(1);
	pages_map(WINDOW_PAGES, PAGE_WRITE);
	rig_traffic(&walk);
	uiommu_emu_pasid_quiesce(rig.emu, DEVICE, 1, true);
	for (i = 0; i < 10; i++)
		step();
	assert_int_equal(verdict(false).accesses, 0);
	uiommu_emu_pasid_quiesce(rig.emu, DEVICE, 1, false);
	step();
	assert_in_range(verdict(false).accesses, 1, UINT32_MAX);
}

/* A queue that is full is no reason to lose an access. */
static void
overflow_is_asked_again(void **state)
{
	unsigned int i;

	(void)state;
	pages_open(1);
	/* by hand, up to the brim and over it */
	for (i = 0; i < ENTRIES; i++)
		ask(1);
	rig_traffic(&walk);
	for (i = 0; i < 10; i++)
		step();
	serve_all();
	put32(VTD_REG_PRS, VTD_PRS_PRO);
	run_steps(2000);
	rest();
	assert_clean();
	assert_int_equal(verdict(false).requests, WINDOW_PAGES + ENTRIES - 1);
	/* none was thrown at a unit that takes nothing */
	assert_int_equal(verdict(false).auto_success, 1);
}

static void
bad_requests_go_along(void **state)
{
	struct uiommu_emu_traffic conf = walk;
	unsigned int i;

	(void)state;
	pages_open(4);
	pages_map(WINDOW_PAGES, PAGE_WRITE);
	conf.bad_ratio = 0.2;
	rig_traffic(&conf);
	for (i = 0; i < 300; i++) {
		step();
		serve_all();
	}
	rig_rest();
	assert_clean();
	assert_in_range(verdict(false).bad_sent, 100, UINT32_MAX);
	assert_in_range(verdict(false).accesses, 1000, UINT32_MAX);
}

static void
traffic_of_other_kinds_is_refused(void **state)
{
	struct uiommu_emu_traffic conf = anywhere;
	uint32_t versions[WINDOW_PAGES];
	struct uiommu_emu_data data = {.nb_spaces = 1, .versions = versions};

	(void)state;
	pages_open(1);
	conf.group_pages_min = 1;
	conf.group_pages_max = 2;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &conf), -EINVAL);
	conf.group_pages_max = 1;
	conf.overflow = true;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &conf), -EINVAL);
	conf.overflow = false;
	conf.data = &data;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &conf), 0);
	data.nb_spaces = 0;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &conf), -EINVAL);
	data.nb_spaces = 1;
	data.versions = NULL;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &conf), -EINVAL);
	data.versions = versions;
	conf.translate = false;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &conf), -EINVAL);
	conf.data = NULL;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &conf), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_there_is_not_asked_for),
		CASE(what_is_absent_is_asked_for_once),
		CASE(neighbours_are_not_asked_for),
		CASE(walks_wait_for_their_pages),
		CASE(others_do_not_wait),
		CASE(access_counts),
		CASE(success_without_a_page_is_unmapped),
		CASE(pages_that_vanish_are_asked_for_again),
		CASE(many_pages_vanish),
		CASE(success_is_verified_besides),
		CASE(refused_accesses_are_given_up),
		CASE(translations_after_detach_are_stale),
		CASE(detach_with_invalidation_is_clean),
		CASE(quiet_pasids_use_nothing),
		CASE(overflow_is_asked_again),
		CASE(bad_requests_go_along),
		CASE(traffic_of_other_kinds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
