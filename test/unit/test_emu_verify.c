/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Success must be true: the emulation walks the tables for each page that software has answered
 * for.
 */

#include "emu_pages.h"

#define PAGES 16
#define HOLE 5

/* What serve_marked() has seen of one page. */
static struct seen {
	uint32_t requests;
	uint32_t reads;  /* of the page that is watched, or of a group with it */
	uint32_t writes;
} seen;

static void
serve_marked(uint32_t page)
{
	uint32_t nb = pending();
	struct vtd_desc request;

	while (nb-- > 0) {
		request = fetch();
		seen.requests++;
		if (page_of(&request) == page) {
			seen.reads++;
			seen.writes += (request.q[1] & VTD_PRQ1_WRR) != 0;
		}
		serve(&request);
	}
}

static void
run_marked(const struct uiommu_emu_traffic *conf, uint32_t page, unsigned int steps)
{
	struct uiommu_emu_traffic traffic = *conf;
	unsigned int i;

	memset(&seen, 0, sizeof(seen));
	traffic.window_pages = PAGES;
	traffic.burst = 16;
	rig_traffic(&traffic);
	for (i = 0; i < steps; i++) {
		step();
		serve_marked(page);
	}
	uiommu_emu_traffic_run(rig.emu, false);
	for (i = 0; i < 100; i++) {
		step();
		serve_marked(page);
	}
	assert_int_equal(verdict(true).lost, 0);
}

/* Everything in the queue is mapped, then groups are answered. */
static void
serve_groups(void)
{
	static struct vtd_desc requests[ENTRIES];
	const uint32_t nb = pending();
	struct vtd_desc desc;
	uint32_t i;

	for (i = 0; i < nb; i++) {
		requests[i] = fetch();
		page_map(page_of(&requests[i]), PAGE_WRITE);
	}
	for (i = 0; i < nb; i++) {
		if (!is_last(&requests[i]))
			continue;
		desc = answer_make(&requests[i], VTD_RC_SUCCESS);
		queue_put(desc.q[0], desc.q[1]);
	}
	queue_ring();
}

/* ------------------------------------------------------------------- findings */

static void
pages_that_are_there_are_verified(void **state)
{
	const struct uiommu_emu_traffic conf = {.write_ratio = 0.5, .verify = true};

	(void)state;
	pages_open(4);
	pages_map(PAGES, PAGE_WRITE);
	run_marked(&conf, HOLE, 300);
	assert_clean();
	assert_in_range(verdict(false).requests, 1000, UINT32_MAX);
	assert_int_equal(verdict(false).verified, verdict(false).requests);
	assert_in_range(seen.writes, 1, seen.reads - 1);
}

static void
nothing_is_looked_up_unless_asked_for(void **state)
{
	const struct uiommu_emu_traffic conf = {.write_ratio = 0.5};

	(void)state;
	pages_open(4);
	run_marked(&conf, HOLE, 100);
	assert_clean();
	assert_int_equal(verdict(false).verified, 0);
}

/* On the fast path, and off it. */
static void
page_that_is_missing_is_unmapped(void **state)
{
	const struct uiommu_emu_traffic conf = {.verify = true};
	struct uiommu_emu_verdict v;
	unsigned int slow;

	(void)state;
	for (slow = 0; slow < 2; slow++) {
		pages_open(4);
		uiommu_emu_log(rig.emu, slow != 0);
		pages_map(PAGES, PAGE_WRITE);
		pages.leaf[HOLE] = 0;
		run_marked(&conf, HOLE, 100);
		v = verdict(false);
		assert_in_range(seen.reads, 10, UINT32_MAX);
		assert_int_equal(v.unmapped, seen.reads);
		assert_int_equal(v.verified, v.requests);
		assert_non_null(strstr(v.first, "0x100005000 cannot be read"));
		assert_false(uiommu_emu_verdict_clean(&v));
		rig_close(NULL);
	}
}

static void
page_that_cannot_be_written_is_unmapped_for_writes(void **state)
{
	const struct uiommu_emu_traffic conf = {.write_ratio = 0.5, .verify = true};
	struct uiommu_emu_verdict v;

	(void)state;
	pages_open(4);
	pages_map(PAGES, PAGE_WRITE);
	page_map(HOLE, PAGE_READ);
	run_marked(&conf, HOLE, 100);
	v = verdict(false);
	assert_in_range(seen.writes, 5, seen.reads - 5);
	assert_int_equal(v.unmapped, seen.writes);
	assert_non_null(strstr(v.first, "0x100005000 cannot be written"));
}

/* Taken out of the tables, at any level of them. */
static void
page_that_was_removed_is_unmapped(void **state)
{
	const struct uiommu_emu_traffic conf = {.verify = true};
	uint64_t *entry, before, unmapped;
	unsigned int level;

	(void)state;
	pages_open(4);
	pages_map(PAGES, PAGE_WRITE);
	for (level = 0; level < 3; level++) {
		run_marked(&conf, HOLE, 20);
		unmapped = verdict(false).unmapped;
		entry = (uint64_t *)rig.page_table[level].va + (level == 1 ? WINDOW_INDEX3 : 0);
		before = *entry;
		*entry = 0;
		forget_pages(1);
		run_marked(&conf, HOLE, 20);
		assert_int_equal(verdict(false).unmapped - unmapped, seen.requests);
		*entry = before;
		/* what was absent is not remembered */
		unmapped = verdict(false).unmapped;
		run_marked(&conf, HOLE, 20);
		assert_int_equal(verdict(false).unmapped, unmapped);
	}
}

/* One lookup for each page of each group; the window's end is followed by its start. */
static void
all_pages_of_a_group_are_looked_up(void **state)
{
	const struct uiommu_emu_traffic conf = {
		.group_pages_min = 1, .group_pages_max = 6, .verify = true,
	};
	uint32_t page;

	(void)state;
	pages_open(4);
	pages_map(PAGES, PAGE_WRITE);
	run_marked(&conf, HOLE, 300);
	assert_clean();
	assert_int_equal(verdict(false).verified, seen.requests);
	assert_in_range(verdict(false).groups, 100, seen.requests / 2);
	/* the first one and the last one, too */
	for (page = 0; page < PAGES; page += PAGES - 1) {
		pages.leaf[page] = 0;
		uiommu_emu_reset_counters(rig.emu);
		run_marked(&conf, page, 100);
		assert_in_range(seen.reads, 10, UINT32_MAX);
		assert_int_equal(verdict(false).unmapped, seen.reads);
		assert_int_equal(verdict(false).verified, seen.requests);
		page_map(page, PAGE_WRITE);
	}
}

/* ------------------------------------------------------ what is not to be judged */

/* Software maps what it was asked for, and knows nothing of what an overflow has swallowed. */
static void
groups_that_lost_a_member_are_not_judged(void **state)
{
	const struct uiommu_emu_traffic conf = {
		.window_pages = WINDOW_PAGES, .burst = 32, .overflow = true,
		.group_pages_min = 1, .group_pages_max = 8, .verify = true,
	};
	unsigned int i;

	(void)state;
	pages_open(4);
	rig_traffic(&conf);
	for (i = 0; i < 2000; i++) {
		if (i == 1900)
			uiommu_emu_traffic_run(rig.emu, false);
		step();
		if (i % 16 != 0)
			continue;
		/* all that was asked for is there before the first answer */
		serve_groups();
		put32(VTD_REG_PRS, VTD_PRS_PRO);
	}
	serve_groups();
	assert_clean();
	assert_in_range(verdict(false).dropped, 100, UINT32_MAX);
	assert_in_range(verdict(false).verified, 1000, UINT32_MAX);
	assert_in_range(verdict(false).verified, 1, verdict(false).requests - 1);
}

static void
bonds_that_change_are_not_judged(void **state)
{
	const struct uiommu_emu_traffic conf = {.verify = true};
	uint64_t unmapped;

	(void)state;
	pages_open(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	run_marked(&conf, HOLE, 20);
	assert_in_range(seen.requests, 10, UINT32_MAX);
	assert_clean();
	assert_int_equal(verdict(false).verified, 0);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_ATTACHED);
	unmapped = verdict(false).unmapped;
	assert_int_equal(unmapped, 0);
	run_marked(&conf, HOLE, 20);
	assert_int_equal(verdict(false).unmapped, seen.requests);
}

/* Sent while it changed, answered when it does not any more; and the other way round. */
static void
requests_from_a_change_are_not_judged(void **state)
{
	const struct uiommu_emu_traffic conf = {
		.window_pages = PAGES, .burst = 8, .verify = true,
	};
	uint32_t requests;

	(void)state;
	pages_open(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	rig_traffic(&conf);
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_ATTACHED);
	step();
	requests = pending();
	assert_in_range(requests, 8, UINT32_MAX);
	serve_all();
	assert_clean();
	uiommu_emu_traffic_run(rig.emu, true);
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	assert_in_range(pending(), 8, UINT32_MAX);
	serve_all();
	assert_clean();
	assert_int_equal(verdict(false).outstanding, 0);
}

/* Requests of a traffic that is no more. */
static void
pages_of_other_traffic_are_forgotten(void **state)
{
	struct uiommu_emu_traffic conf = {.window_pages = PAGES, .burst = 8, .verify = true};

	(void)state;
	pages_open(1);
	rig_traffic(&conf);
	step();
	conf.window_iova = UINT64_C(1) << 40;
	rig_traffic(&conf);
	uiommu_emu_traffic_run(rig.emu, false);
	assert_in_range(pending(), 8, UINT32_MAX);
	serve_all();
	assert_clean();
	assert_int_equal(verdict(false).verified, 0);
}

static void
pages_may_vanish(void **state)
{
	const struct uiommu_emu_traffic conf = {.verify = true, .may_vanish = true};

	(void)state;
	pages_open(1);
	pages_map(PAGES, PAGE_WRITE);
	pages.leaf[HOLE] = 0;
	run_marked(&conf, HOLE, 50);
	assert_clean();
	assert_in_range(seen.reads, 5, UINT32_MAX);
	assert_int_equal(verdict(false).vanished, seen.reads);
	assert_int_equal(verdict(false).verified, seen.requests);
}

/*
 * Software goes on when a wait is carried out, and may have announced another change by then: what
 * was answered before it is looked up before it.
 */
static void
answers_are_looked_up_before_a_wait(void **state)
{
	const struct uiommu_emu_traffic conf = {
		.window_pages = PAGES, .burst = 8, .verify = true,
	};
	struct vtd_desc desc, request;

	(void)state;
	pages_open(1);
	pages_map(PAGES, PAGE_WRITE);
	rig_traffic(&conf);
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	serve_all();
	uiommu_emu_traffic_run(rig.emu, true);
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	assert_in_range(pending(), 8, UINT32_MAX);
	/* the unit remembers the entry that leads to the pages; the new one leads to none */
	memory(&rig.context, 4096);
	pasid_entry(1)[2] = rig.context.pa;
	while (pending() != 0) {
		request = fetch();
		desc = answer_make(&request, VTD_RC_SUCCESS);
		queue_put(desc.q[0], desc.q[1]);
	}
	forget_pasid(1);
	assert_int_equal(verdict(false).outstanding, 0);
	assert_clean();
	/* and now it is in force */
	uiommu_emu_traffic_run(rig.emu, true);
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	serve_all();
	assert_in_range(verdict(false).unmapped, 8, UINT32_MAX);
}

static void
verdict_is_clean_only_without_findings(void **state)
{
	struct uiommu_emu_verdict v = {.verified = 1, .vanished = 1, .translations = 1};

	(void)state;
	assert_true(uiommu_emu_verdict_clean(&v));
	v.unmapped = 1;
	assert_false(uiommu_emu_verdict_clean(&v));
	v.unmapped = 0;
	v.corrupt = 1;
	assert_false(uiommu_emu_verdict_clean(&v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(pages_that_are_there_are_verified),
		CASE(nothing_is_looked_up_unless_asked_for),
		CASE(page_that_is_missing_is_unmapped),
		CASE(page_that_cannot_be_written_is_unmapped_for_writes),
		CASE(page_that_was_removed_is_unmapped),
		CASE(all_pages_of_a_group_are_looked_up),
		CASE(groups_that_lost_a_member_are_not_judged),
		CASE(bonds_that_change_are_not_judged),
		CASE(requests_from_a_change_are_not_judged),
		CASE(pages_of_other_traffic_are_forgotten),
		CASE(pages_may_vanish),
		CASE(answers_are_looked_up_before_a_wait),
		CASE(verdict_is_clean_only_without_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
