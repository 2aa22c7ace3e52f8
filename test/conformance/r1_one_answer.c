/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R1: every request with the last flag that leaves the queue gets exactly one response. */

#include "conformance.h"

/* A permutation of 0 to nb - 1. */
static void
shuffle(uint32_t *order, uint32_t nb, uint64_t *seed)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		order[i] = i;
	for (i = nb; i > 1; i--) {
		uint32_t j = (uint32_t)(harness_random(seed) % i);
		uint32_t swap = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swap;
	}
}

static void
groups_of_any_size(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint32_t order[32], size, i;
	uint64_t seed = 1;

	rig_attach(endpoint, 7, rec->domain, rec);
	for (size = 1; size <= ARRAY_COUNT(order); size++) {
		struct kept_group *kept = &rec->kept[size - 1];

		shuffle(order, size, &seed);
		for (i = 0; i < size; i++)
			rig_ask(rig, 7, (uint16_t)size, 100 + order[i], i + 1 == size);
		rig_settle(rig);
		CHECK_EQ(rec->nb_kept, size);
		CHECK_EQ(kept->nb_faults, size);
		CHECK_EQ(kept->prg_index, size);
		CHECK(kept->priv == rec);
		for (i = 0; i < size; i++)
			CHECK_EQ(kept->faults[i].iova, (uint64_t)(100 + order[i]) << 12);
		rig_expect(rig, EP, 7, (uint16_t)size, UIOMMU_EMU_SUCCESS);
		rig_expect_none(rig);
	}
	rig_close(rig);
}

/* Members of four PASIDs and of the RID, all with one index, in turn. */
static void
interleaved_pasids(void)
{
	struct rig *rig = rig_open(NULL);
	const uint32_t pasids[] = {9, 1, UIOMMU_NO_PASID, rig_pasid_max(rig), 64};
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint32_t round, i;

	for (i = 0; i < ARRAY_COUNT(pasids); i++)
		rig_attach(endpoint, pasids[i], rec->domain, NULL);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_COUNT(pasids); i++)
			rig_ask(rig, pasids[i], 5, 1000 * (i + 1) + round, round == 2);
	}
	rig_settle(rig);
	CHECK_EQ(rec->nb_kept, ARRAY_COUNT(pasids));
	for (i = 0; i < ARRAY_COUNT(pasids); i++) {
		struct kept_group *kept = &rec->kept[i];

		CHECK_EQ(kept->pasid, pasids[i]);
		CHECK_EQ(kept->nb_faults, 3);
		for (round = 0; round < 3; round++)
			CHECK_EQ(kept->faults[round].iova, (uint64_t)(1000 * (i + 1) + round)
								   << 12);
		rig_expect(rig, EP, pasids[i], 5, UIOMMU_EMU_SUCCESS);
	}
	rig_expect_none(rig);
	rig_close(rig);
}

/* A second group with the index of one that still waits: a group of its own. */
static void
last_repeated(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint8_t codes[2] = {UIOMMU_CODE_SUCCESS, UIOMMU_CODE_INVALID};
	uiommu_cookie_t cookies[2];

	rig_attach(endpoint, 7, rec->domain, NULL);
	rec->defer = true;
	rig_ask(rig, 7, 3, 1, false);
	rig_ask(rig, 7, 3, 2, true);
	rig_ask(rig, 7, 3, 3, true);
	rig_settle(rig);
	CHECK_EQ(rec->nb_kept, 2);
	CHECK_EQ(rec->kept[0].nb_faults, 2);
	CHECK_EQ(rec->kept[1].nb_faults, 1);
	rig_expect_none(rig);
	cookies[0] = rec->kept[0].cookie;
	cookies[1] = rec->kept[1].cookie;
	CHECK_EQ(uiommu_answer(rig->dev, cookies, codes, NULL, 2), 2);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 3, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 3, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	rig_close(rig);
}

/* Nobody to answer: the domain has no handler; the endpoint has no such bond; it has none. */
static void
nobody_answers(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	/* one bond that wants requests: with it the unit lets those of the others through too */
	rig_attach(endpoint, 9, rec->domain, NULL);
	rig_attach(endpoint, 7, rig_domain(rig, UIOMMU_DOMAIN_PAGING), NULL);
	rig_ask(rig, 7, 1, 1, false);
	rig_ask(rig, 7, 1, 2, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	/* the unit's tables let none of these in; a broken unit's would */
	rig_raw_ask(rig, EP, 8, 2, true);
	rig_raw_ask(rig, EP, UIOMMU_NO_PASID, 3, true);
	rig_raw_ask(rig, 0x0200, 8, 4, true);
	rig_settle(rig);
	rig_expect(rig, EP, 8, 2, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, UIOMMU_NO_PASID, 3, UIOMMU_EMU_INVALID);
	rig_expect(rig, 0x0200, 8, 4, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).unknown_pasid, 2);
	CHECK_EQ(rig_stats(rig).unknown_endpoint, 1);
	CHECK_EQ(rec->groups, 0);
	rig_close(rig);
}

/* The unit, where it looks them up: then software sees none of them. Else the engine. */
static void
nobody_is_asked(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	rig_attach(endpoint, 7, rig_domain(rig, UIOMMU_DOMAIN_BLOCKED), NULL);
	rig_attach(endpoint, 9, rec->domain, NULL);
	rig_ask_in_vain(rig, EP, 7, 1);
	rig_ask_in_vain(rig, EP, 8, 2);
	rig_ask_in_vain(rig, EP, UIOMMU_NO_PASID, 3);
	CHECK_EQ(rig_taken(rig), 0);
	CHECK_EQ(rig_send(rig, EP, 8, 2, 1, false),
		 (rig->info.capa & UIOMMU_CAPA_AUTO_ANSWER) != 0 ? UIOMMU_EMU_DROPPED
								 : UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(rig_served(rig), 0);
	CHECK_EQ(rec->calls, 0);
	CHECK_EQ(rig_stats(rig).parked_now, 0);
	rig_close(rig);
}

static void
codes_on_the_wire(void)
{
	static const struct {
		unsigned int code, counted;
		uint16_t wire;
	} codes[] = {
		{UIOMMU_CODE_SUCCESS, UIOMMU_CODE_SUCCESS, UIOMMU_EMU_SUCCESS},
		{UIOMMU_CODE_RETRY, UIOMMU_CODE_RETRY, UIOMMU_EMU_SUCCESS},
		{UIOMMU_CODE_INVALID, UIOMMU_CODE_INVALID, UIOMMU_EMU_INVALID},
		/* nobody has said that the device is one tenant's alone */
		{UIOMMU_CODE_FAILURE, UIOMMU_CODE_INVALID, UIOMMU_EMU_INVALID},
	};
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint16_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	for (i = 0; i < ARRAY_COUNT(codes); i++) {
		uint64_t before = rig_stats(rig).codes[codes[i].counted];

		rec->code = (uint8_t)codes[i].code;
		rig_ask_and_expect(rig, EP, 7, i, codes[i].wire);
		CHECK_EQ(rig_stats(rig).codes[codes[i].counted], before + 1);
	}
	CHECK_EQ(rig_stats(rig).demoted, 1);
	/* no code at all, and "later" without a slot */
	rec->code = 200;
	rig_ask(rig, 7, 10, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 10, UIOMMU_EMU_INVALID);
	rec->code = UIOMMU_CODE_DEFERRED;
	rig_ask(rig, 7, 11, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 11, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).handler_errors, 2);
	rig_close(rig);
}

/* One burst, three domains: each handler is called once, with its groups in order of arrival. */
static void
several_domains(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *recs[3];
	uint32_t i;

	for (i = 0; i < 3; i++) {
		struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP + i * 0x100, 0);

		recs[i] = rig_recorder(rig, i == 1 ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS);
		rig_attach(endpoint, 1 + i, recs[i]->domain, NULL);
	}
	for (i = 0; i < 30; i++)
		CHECK_EQ(rig_send(rig, EP + i % 3 * 0x100, 1 + i % 3, (uint16_t)i, i, true),
			 UIOMMU_EMU_QUEUED);
	CHECK_EQ(rig_turn(rig), 30);
	for (i = 0; i < 30; i++) {
		CHECK_EQ(recs[i % 3]->calls, 1);
		CHECK_EQ(recs[i % 3]->nb_kept, 10);
		CHECK_EQ(recs[i % 3]->kept[i / 3].prg_index, i);
	}
	rig_close(rig);
}

/* Each size that the unit has: filled to the last usable entry, and wrapped around. */
static void
queue_sizes(void)
{
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 4};
	uint32_t entries;

	for (entries = harness_unit()->entries_min; entries <= harness_unit()->entries_default;
	     entries *= 2) {
		struct rig_conf conf = {.dev = {.queue_entries = entries}, .no_log = true};
		struct rig *rig = rig_open(&conf);
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		uint32_t filled, i;

		CHECK_EQ(rig->info.queue_entries, entries);
		traffic.seed = entries;
		for (i = 0; i < 64; i++)
			endpoint_with(rig, EP + i, 4, 512, rec);
		traffic.group_pages_max = 1;
		CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
		filled = uiommu_emu_preload(rig->emu);
		CHECK_EQ(filled, entries - harness_unit()->queue_full);
		rig_settle(rig);
		CHECK_EQ(rig_stats(rig).requests, filled);
		traffic.group_pages_max = 4;
		rig_traffic(rig, &traffic, 3 * entries + 100);
		rig_close(rig);
	}
}

/* The smallest queues, many times around, with a budget that never divides them. */
static void
queues_wrap(void)
{
	struct rig_conf conf = {
		.devargs = harness_unit()->small_commands,
		.dev = {.queue_entries = harness_unit()->entries_min, .burst = 37},
		.no_log = true,
		.model_thread = true,
	};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 9,
		.seed = 3,
		.write_ratio = 0.5,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

	endpoint_with(rig, EP, 16, 400, rec);
	rig_traffic(rig, &traffic, TRAFFIC(30000));
	CHECK_EQ(recorder_faults(rec), rig_stats(rig).requests);
	rig_close(rig);
}

/* Threads on both sides, all profiles of traffic. */
static void
profiles(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	unsigned int profile;

	endpoint_with(rig, EP, 200, 512, rec);
	for (profile = UIOMMU_EMU_UNIFORM; profile <= UIOMMU_EMU_BURST; profile++) {
		struct uiommu_emu_traffic traffic = {
			.profile = profile,
			.group_pages_min = 1,
			.group_pages_max = 1 + profile * 3,
			.write_ratio = 0.3,
			.seed = profile,
		};

		rig_traffic(rig, &traffic, TRAFFIC(10000));
		rig_check_verdict(rig, false);
		rig_check_counters(rig);
	}
	CHECK_EQ(rig_verdict(rig, true).lost, 0);
	rig_close(rig);
}

static const struct harness_case r1_cases[] = {
	{"R1 G2 G5 K8 groups of 1 to 32 pages, members in any order", groups_of_any_size, 0},
	{"R1 K7 G7 T42 members of five PASIDs interleaved with one index", interleaved_pasids,
	 UIOMMU_CAPA_PASID | HARNESS_NEEDS_GROUPS_BY_PASID},
	{"R1 K13 K18 last repeated while its index still waits", last_repeated, 0},
	{"R1 K4 T20 T43 request that nobody will answer", nobody_answers, 0},
	{"R1 T20 request for a PASID that is nobody's, or is blocked", nobody_is_asked, 0},
	{"R1 K16 T40 codes on the wire, and codes that are none", codes_on_the_wire, 0},
	{"R1 three domains in one burst, one call each", several_domains, 0},
	{"R1 T9 queues of every size, filled to the last entry", queue_sizes,
	 HARNESS_NEEDS_OVERFLOW},
	{"R1 C4 queues wrap many times", queues_wrap, 0},
	{"R1 all profiles of traffic, threads on both sides", profiles, 0},
};

HARNESS_SUITE(r1);
