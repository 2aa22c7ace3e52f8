/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Data path and counters as a caller sees them. */

#include "autotest.h"

static void
budgets(void)
{
	struct rig_conf conf = {.dev = {.burst = 32}};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	uint16_t i;

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	for (i = 0; i < 100; i++)
		rig_ask(rig, 7, i, i, true);
	CHECK_EQ(uiommu_poll(rig->dev, 0, 0), 0);
	CHECK_EQ(uiommu_poll(rig->dev, 0, 1), 1);
	CHECK_EQ(uiommu_poll(rig->dev, 0, 7), 7);
	CHECK_EQ(uiommu_poll(rig->dev, 0, 32), 32);
	CHECK_EQ(uiommu_poll(rig->dev, 0, UINT16_MAX), 32);
	CHECK_EQ(uiommu_poll(rig->dev, 0, 64), 28);
	CHECK_EQ(uiommu_poll(rig->dev, 0, 64), 0);
	CHECK_EQ(rec->groups, 100);
	rig_close(rig);
}

static void
counters_by_name(void)
{
	static const char *const names[] = {
		"requests", "grouped", "groups", "responses", "responses_success",
		"responses_invalid", "responses_failure", "responses_retry", "malformed",
		"unknown_endpoint", "unknown_pasid", "stop_markers", "parked", "park_full",
		"discarded", "incomplete", "refused", "overflows", "deferred", "late_answers",
		"stale_answers", "no_slot", "drained", "delivered", "queue_full", "expired",
		"demoted", "unanswered", "handler_errors", "hw_errors",
		"polls", "busy_polls", "not_owner", "parked_now", "deferred_now",
	};
	struct rig *rig = rig_open(NULL);
	struct uiommu_xstat xstats[128], few[3];
	int nb = uiommu_xstats_get(rig->dev, xstats, 128);
	int i, j;

	CHECK(nb > (int)ARRAY_COUNT(names) && nb <= 128);
	for (i = 0; i < (int)ARRAY_COUNT(names); i++)
		rig_xstat(rig, names[i]);
	for (i = 0; i < nb; i++) {
		CHECK(memchr(xstats[i].name, '\0', sizeof(xstats[i].name)) != NULL);
		CHECK_EQ(strspn(xstats[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
			 strlen(xstats[i].name));
		for (j = 0; j < i; j++)
			CHECK(strcmp(xstats[i].name, xstats[j].name) != 0);
	}
	few[2].value = 4711;
	CHECK_EQ(uiommu_xstats_get(rig->dev, few, 2), nb);
	CHECK_EQ(few[2].value, 4711);
	rig_close(rig);
}

static void
counters_reset(void)
{
	const struct uiommu_emu_request marker = {
		.endpoint_id = EP, .pasid = 7, .prg_index = 9, .last = true,
	};
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_stats stats;
	uint8_t code = UIOMMU_CODE_SUCCESS;

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	rig_ask(rig, 7, 1, 1, false);
	rec->defer = true;
	rig_ask(rig, 7, 2, 1, true);
	rig_raw(rig, &marker, NULL);
	rig_settle(rig);
	CHECK_EQ(rig_xstat(rig, "_stop_markers"), 1);
	CHECK_EQ(uiommu_stats_reset(rig->dev), 0);
	CHECK_EQ(rig_xstat(rig, "_stop_markers"), 0); /* a counter of the driver */
	stats = rig_stats(rig);
	CHECK_EQ(stats.requests, 0);
	CHECK_EQ(stats.groups, 0);
	CHECK_EQ(stats.deferred, 0);
	CHECK_EQ(stats.not_owner, 0);
	/* what there is now, is there now */
	CHECK_EQ(stats.parked_now, 1);
	CHECK_EQ(stats.deferred_now, 1);
	rec->defer = false;
	rig_ask(rig, 7, 1, 1, true);
	CHECK_EQ(uiommu_answer(rig->dev, &rec->kept[0].cookie, &code, NULL, 1), 1);
	rig_settle(rig);
	stats = rig_stats(rig);
	CHECK_EQ(stats.requests, 1);
	CHECK_EQ(stats.groups, 1);
	CHECK_EQ(stats.responses, 2);
	CHECK_EQ(stats.parked_now, 0);
	CHECK_EQ(stats.deferred_now, 0);
	rig_close_now(rig);
}

static void
codes_by_name(void)
{
	CHECK_EQ(strcmp(uiommu_code_name(UIOMMU_CODE_SUCCESS), "success"), 0);
	CHECK_EQ(strcmp(uiommu_code_name(UIOMMU_CODE_INVALID), "invalid"), 0);
	CHECK_EQ(strcmp(uiommu_code_name(UIOMMU_CODE_FAILURE), "failure"), 0);
	CHECK_EQ(strcmp(uiommu_code_name(UIOMMU_CODE_RETRY), "retry"), 0);
	CHECK_EQ(strcmp(uiommu_code_name(UIOMMU_CODE_DEFERRED), "deferred"), 0);
	CHECK_EQ(strcmp(uiommu_code_name(UIOMMU_CODE_COUNT), "unknown"), 0);
	CHECK_EQ(strcmp(uiommu_code_name(UINT32_MAX), "unknown"), 0);
}

static const struct harness_case datapath_cases[] = {
	{"budget of a poll", budgets, 0},
	{"counters by name", counters_by_name, 0},
	{"counters start again from zero", counters_reset, 0},
	{"codes by name", codes_by_name, 0},
};

HARNESS_SUITE(datapath);
