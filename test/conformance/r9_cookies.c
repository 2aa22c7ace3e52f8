/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R9: answers by cookie; late ones have no effect. */

#include <sched.h>

#include "conformance.h"

static struct rig *
deferring_rig(struct recorder **rec, uint32_t slots)
{
	struct rig_conf conf = {.dev = {.deferred_max = slots}};
	struct rig *rig = rig_open(&conf);

	*rec = rig_recorder(rig, UIOMMU_CODE_RETRY);
	(*rec)->defer = true;
	rig_attach(rig_endpoint(rig, EP, 0), 7, (*rec)->domain, NULL);
	return rig;
}

static int
answer(struct rig *rig, uiommu_cookie_t cookie, unsigned int code)
{
	uint8_t codes = (uint8_t)code;
	int status = 1;
	uint16_t nb = uiommu_answer(rig->dev, &cookie, &codes, &status, 1);

	CHECK_EQ(nb, status == 0);
	return status;
}

static void
late_and_double(void)
{
	struct recorder *rec;
	struct rig *rig = deferring_rig(&rec, 2);
	unsigned int round;

	for (round = 0; round < 20; round++) {
		uiommu_cookie_t cookie;
		unsigned int old;

		rig_ask(rig, 7, (uint16_t)round, 1, true);
		rig_settle(rig);
		cookie = rec->kept[round].cookie;
		CHECK(cookie != 0);
		for (old = 0; old < round; old++) {
			CHECK(rec->kept[old].cookie != cookie);
			CHECK_EQ(answer(rig, rec->kept[old].cookie, UIOMMU_CODE_INVALID), -ENOENT);
		}
		/* no code for a device: the group still waits */
		CHECK_EQ(answer(rig, cookie, UIOMMU_CODE_DEFERRED), -EINVAL);
		CHECK_EQ(answer(rig, cookie, 255), -EINVAL);
		rig_settle(rig);
		rig_expect_none(rig);
		CHECK_EQ(answer(rig, cookie, UIOMMU_CODE_SUCCESS), 0);
		CHECK_EQ(answer(rig, cookie, UIOMMU_CODE_INVALID), -ENOENT);
		rig_settle(rig);
		CHECK_EQ(answer(rig, cookie, UIOMMU_CODE_INVALID), -ENOENT);
		rig_expect(rig, EP, 7, (uint16_t)round, UIOMMU_EMU_SUCCESS);
		rig_expect_none(rig);
	}
	CHECK_EQ(rig_stats(rig).late_answers, 20);
	CHECK_EQ(rig_stats(rig).stale_answers, 20 * 2 + 19 * 20 / 2);
	rig_close(rig);
}

/* Numbers that were never given out, near to one that was, and anywhere. */
static void
wrong_cookies(void)
{
	struct recorder *rec;
	struct rig *rig = deferring_rig(&rec, 4);
	uint64_t seed = 9;
	uiommu_cookie_t cookie;
	unsigned int i;

	CHECK_EQ(answer(rig, 0, UIOMMU_CODE_SUCCESS), -ENOENT);
	rig_ask(rig, 7, 1, 1, true);
	rig_settle(rig);
	cookie = rec->kept[0].cookie;
	for (i = 0; i < 64; i++)
		CHECK_EQ(answer(rig, cookie ^ UINT64_C(1) << i, UIOMMU_CODE_SUCCESS), -ENOENT);
	for (i = 0; i < 10000; i++) {
		uint64_t wild = harness_random(&seed) >> harness_random(&seed) % 64;

		if (wild != cookie)
			CHECK_EQ(answer(rig, wild, UIOMMU_CODE_SUCCESS), -ENOENT);
	}
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(answer(rig, cookie, UIOMMU_CODE_INVALID), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	/* units that are not there */
	CHECK_EQ(uiommu_answer(-1, &cookie, (uint8_t[]){0}, NULL, 1), 0);
	CHECK_EQ(uiommu_answer(63, &cookie, (uint8_t[]){0}, NULL, 1), 0);
	rig_close(rig);
}

/* A bad one in the middle stops nobody. */
static void
bulk(void)
{
	struct recorder *rec;
	struct rig *rig = deferring_rig(&rec, 64);
	uiommu_cookie_t cookies[30];
	uint8_t codes[30];
	int status[30];
	uint16_t i;

	for (i = 0; i < 30; i++)
		rig_ask(rig, 7, i, i, true);
	rig_settle(rig);
	for (i = 0; i < 30; i++) {
		cookies[i] = i % 5 == 2 ? rec->kept[i].cookie + 64 * 1024 : rec->kept[i].cookie;
		codes[i] = i % 5 == 4 ? 77 : i % 2;
	}
	CHECK_EQ(uiommu_answer(rig->dev, cookies, codes, status, 30), 18);
	rig_settle(rig);
	for (i = 0; i < 30; i++) {
		CHECK_EQ(status[i], i % 5 == 2 ? -ENOENT : i % 5 == 4 ? -EINVAL : 0);
		if (status[i] == 0)
			rig_expect(rig, EP, 7, i, i % 2);
	}
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 12);
	CHECK_EQ(uiommu_answer(rig->dev, cookies, codes, status, 0), 0);
	rig_close_now(rig);
}

/* Answered in the opposite order, all at once. */
static void
any_order(void)
{
	struct recorder *rec;
	struct rig *rig = deferring_rig(&rec, 256);
	uint16_t i;

	for (i = 0; i < 200; i++)
		rig_ask(rig, 7, i, i, true);
	rig_settle(rig);
	CHECK_EQ(rec->nb_kept, 200);
	for (i = 200; i-- > 0;)
		CHECK_EQ(answer(rig, rec->kept[i].cookie, i % 2), 0);
	rig_settle(rig);
	for (i = 200; i-- > 0;)
		rig_expect(rig, EP, 7, i, i % 2);
	rig_expect_none(rig);
	rig_close(rig);
}

/* ------------------------------------------------ inside the handler */

enum twist {
	ANSWER_BEFORE_RETURN, /* by cookie, and the code is DEFERRED */
	ANSWER_THEN_CODE,     /* by cookie, and a code is returned too */
	CODE_AFTER_DEFER,     /* the deferral is taken back */
	DEFER_TWICE,
};

static void
twist_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	enum twist twist = *(enum twist *)rec->hook_arg;
	uiommu_cookie_t cookie = rec->kept[rec->nb_kept - 1].cookie;
	uint8_t code = UIOMMU_CODE_SUCCESS;

	EXPECT_EQ(nb, 1);
	EXPECT(cookie != 0);
	if (twist == ANSWER_BEFORE_RETURN || twist == ANSWER_THEN_CODE)
		EXPECT_EQ(uiommu_answer(rec->rig->dev, &cookie, &code, NULL, 1), 1);
	if (twist == ANSWER_THEN_CODE || twist == CODE_AFTER_DEFER)
		codes[0] = UIOMMU_CODE_INVALID;
	if (twist == DEFER_TWICE)
		EXPECT_EQ(uiommu_group_defer(&groups[0]), 0);
}

static void
inside_handler(void)
{
	struct recorder *rec;
	struct rig *rig = deferring_rig(&rec, 2);
	enum twist twist = ANSWER_BEFORE_RETURN;
	unsigned int round;
	uint16_t index = 0;

	rec->hook = twist_hook;
	rec->hook_arg = &twist;
	/* more rounds than slots: each must come back */
	for (round = 0; round < 5; round++) {
		for (twist = ANSWER_BEFORE_RETURN; twist <= CODE_AFTER_DEFER; twist++) {
			rig_ask(rig, 7, index, 1, true);
			rig_settle(rig);
			rig_expect(rig, EP, 7, index++,
				   twist == CODE_AFTER_DEFER ? UIOMMU_EMU_INVALID
							     : UIOMMU_EMU_SUCCESS);
			rig_expect_none(rig);
			CHECK_EQ(rig_stats(rig).deferred_now, 0);
			CHECK_EQ(answer(rig, rec->kept[rec->nb_kept - 1].cookie, 0), -ENOENT);
		}
	}
	twist = DEFER_TWICE;
	rig_ask(rig, 7, index, 1, true);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 1);
	CHECK_EQ(answer(rig, rec->kept[rec->nb_kept - 1].cookie, 0), 0);
	rig_close(rig);
}

/* ------------------------------------------------------------- threads */

#define RACERS 3

/* The last groups that were deferred: each racer answers each of them. */
struct race {
	struct rig *rig;
	uiommu_cookie_t cookies[256]; /* atomic; by number of the group */
	uint64_t nb;		      /* atomic: groups deferred */
	uint64_t won;		      /* atomic */
	bool end;		      /* atomic */
};

static void
race_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct race *race = rec->hook_arg;
	uint16_t i;

	for (i = 0; i < nb; i++) {
		uiommu_cookie_t cookie = uiommu_group_defer(&groups[i]);

		codes[i] = cookie != 0 ? UIOMMU_CODE_DEFERRED : UIOMMU_CODE_RETRY;
		if (cookie == 0)
			continue;
		__atomic_store_n(&race->cookies[race->nb % 256], cookie, __ATOMIC_RELEASE);
		__atomic_store_n(&race->nb, race->nb + 1, __ATOMIC_RELEASE);
	}
}

static void *
race_main(void *arg)
{
	struct race *race = arg;
	uint64_t next = 0;

	while (!__atomic_load_n(&race->end, __ATOMIC_ACQUIRE)) {
		uint64_t nb = __atomic_load_n(&race->nb, __ATOMIC_ACQUIRE);
		uiommu_cookie_t cookies[32];
		uint8_t codes[32] = {0};
		uint16_t i;

		for (i = 0; i < 32 && next < nb; i++, next++)
			cookies[i] = __atomic_load_n(&race->cookies[next % 256], __ATOMIC_ACQUIRE);
		if (i == 0)
			sched_yield();
		i = uiommu_answer(race->rig->dev, cookies, codes, NULL, i);
		__atomic_fetch_add(&race->won, i, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Several threads answer the same groups: each is answered by one of them. */
static void
racers(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true, .dev = {.deferred_max = 128}};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 2};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_RETRY);
	struct race race = {.rig = rig};
	pthread_t threads[RACERS];
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	unsigned int i;

	rec->hook = race_hook;
	rec->hook_arg = &race;
	endpoint_with(rig, EP, 4, 512, rec);
	for (i = 0; i < RACERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, race_main, &race), 0);
	rig_traffic(rig, &traffic, TRAFFIC(20000));
	while (rig_stats(rig).deferred_now != 0 && harness_now_ns() < end)
		rig_turn(rig);
	__atomic_store_n(&race.end, true, __ATOMIC_RELEASE);
	for (i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 0);
	CHECK_EQ(rig_stats(rig).late_answers, race.won);
	CHECK_EQ(rig_stats(rig).deferred, race.won);
	rig_close(rig);
}

/* Answers race with the detach of their bond: each group is answered by one of the two. */
static void
race_with_detach(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 1};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_RETRY);
	struct race race = {.rig = rig};
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	struct uiommu_endpoint *endpoint;
	struct uiommu_stats stats;
	unsigned int round;
	pthread_t thread;

	rec->hook = race_hook;
	rec->hook_arg = &race;
	endpoint = endpoint_with(rig, EP, 1, 200, rec);
	CHECK_EQ(pthread_create(&thread, NULL, race_main, &race), 0);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(100); round++) {
		uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_CHANGING);
		EXPECT_EQ(uiommu_detach(uiommu_attach_find(endpoint, 1, UIOMMU_DOMAIN_ANY)), 0);
		uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_DETACHED);
		uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_CHANGING);
		EXPECT(uiommu_attach(endpoint, 1, rec->domain, rec) != NULL);
		uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_ATTACHED);
	}
	uiommu_emu_traffic_run(rig->emu, false);
	do
		rig_settle(rig);
	while (rig_stats(rig).deferred_now != 0 && harness_now_ns() < end);
	__atomic_store_n(&race.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	rig_settle(rig);
	stats = rig_stats(rig);
	CHECK_EQ(stats.deferred_now, 0);
	CHECK_EQ(stats.deferred, stats.late_answers + stats.drained);
	CHECK_EQ(stats.late_answers, race.won);
	rig_close(rig);
}

static const struct harness_case r9_cases[] = {
	{"R9 K14 T38 late and double answers", late_and_double, 0},
	{"R9 cookies that were never given out", wrong_cookies, 0},
	{"R9 T47 bulk answers with a status each", bulk, 0},
	{"R9 K18 answers in any order", any_order, 0},
	{"R9 answer before the handler returns, and deferral taken back", inside_handler, 0},
	{"R9 threads race for the same groups", racers, 0},
	{"R9 R4 K14 answers race with detach", race_with_detach, 0},
};

HARNESS_SUITE(r9);
