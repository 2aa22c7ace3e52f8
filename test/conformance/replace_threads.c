/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Replace while devices ask without a pause. */

#include "conformance.h"

#define PASIDS 6

static const struct uiommu_emu_traffic traffic = {
	.group_pages_min = 1,
	.group_pages_max = 4,
	.write_ratio = 0.5,
	.seed = 6,
};

static struct uiommu_attach *
replace(struct uiommu_attach *attach, struct uiommu_domain *domain, void *priv)
{
	struct uiommu_attach *next = uiommu_replace(attach, domain, priv);

	if (next == NULL)
		harness_fail(__FILE__, __LINE__, "replace: %s", rte_strerror(rte_errno));
	return next;
}

/*
 * Once an open group of the old bond was answered the new one is in force: the old handler
 * is not called any more.
 */
static void
order_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	const uint64_t *drained = rec->hook_arg;

	EXPECT_EQ(rig_stats(rec->rig).drained, *drained);
}

/* On one thread: the device asks whenever the driver touches a register, inside replace too. */
static void
new_one_first(void)
{
	struct rig_conf conf = {.no_log = true};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = endpoint_with(rig, EP, 1, 64, rec);
	struct uiommu_attach *attach = uiommu_attach_find(endpoint, 1, UIOMMU_DOMAIN_ANY);
	uint64_t drained = 0, inside = 0;
	unsigned int round, i;

	uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < 50; round++) {
		struct recorder *next = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		uint64_t before;

		rec->hook_arg = &drained;
		rec->hook = order_hook;
		rec->defer = round % 2 == 0;
		for (i = 0; i < 8; i++)
			rig_turn(rig);
		rec->defer = false;
		before = rig_stats(rig).deferred_now;
		CHECK(before > 0 || round % 2 != 0);
		attach = replace(attach, next->domain, next);
		inside += recorder_groups(next);
		recorder_close(rec);
		CHECK_EQ(rig_stats(rig).drained, drained + before);
		drained += before;
		rec = next;
	}
	/* it was in force while replace was not over yet */
	CHECK(inside > 0);
	rig_close(rig);
}

/* Domains of a bond in turn: a handler, none, nested, the same again. */
struct turns {
	struct rig *rig;
	struct uiommu_endpoint *endpoint;
	uint32_t endpoint_id;
	unsigned int rounds;
	struct uiommu_domain *not;
	struct recorder *nested;
	bool done; /* atomic */
};

static void
turn_one(struct turns *t, uint32_t pasid, unsigned int round)
{
	struct uiommu_attach *attach = uiommu_attach_find(t->endpoint, pasid, UIOMMU_DOMAIN_ANY);
	struct recorder *old = uiommu_attach_priv(attach);
	struct recorder *next = rig_recorder(t->rig, UIOMMU_CODE_SUCCESS);

	uiommu_emu_pasid_state(t->rig->emu, t->endpoint_id, rig_pasid_to_emu(pasid),
			       UIOMMU_EMU_CHANGING);
	if (round % 3 == 1)
		attach = replace(attach, t->not, NULL);
	else if (round % 3 == 2)
		attach = replace(attach, t->nested->domain, NULL);
	replace(attach, next->domain, next);
	/* never again */
	recorder_close(old);
	uiommu_emu_pasid_state(t->rig->emu, t->endpoint_id, rig_pasid_to_emu(pasid),
			       UIOMMU_EMU_ATTACHED);
}

static uint32_t
turn_pasid(unsigned int round)
{
	return round % PASIDS == 0 ? UIOMMU_NO_PASID : round % PASIDS;
}

static struct turns
turns_open(struct rig *rig, uint32_t endpoint_id)
{
	struct turns t = {.rig = rig, .endpoint_id = endpoint_id, .rounds = TRAFFIC(160)};
	uint32_t pasids[PASIDS], i;

	for (i = 0; i < PASIDS; i++)
		pasids[i] = turn_pasid(i);
	rig_device(rig, endpoint_id, pasids, PASIDS, 512);
	t.endpoint = rig_endpoint_add(rig, endpoint_id, 0, 0);
	for (i = 0; i < PASIDS; i++) {
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

		rig_attach(t.endpoint, pasids[i], rec->domain, rec);
	}
	t.not = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	t.nested = rig_recorder_nested(rig, UIOMMU_CODE_SUCCESS);
	return t;
}

static void
control_thread(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct turns t = turns_open(rig, EP);
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < t.rounds; round++)
		turn_one(&t, turn_pasid(round), round);
	CHECK(rig_stats(rig).groups > 0);
	rig_close(rig);
}

/* The guest comes up while its device asks: one RID, replaced twice in a row, and back. */
static void
rid_twice(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	static const uint32_t rid = UIOMMU_NO_PASID;
	struct rig *rig = rig_open(&conf);
	struct recorder *nested[2] = {rig_recorder_nested(rig, UIOMMU_CODE_SUCCESS),
				      rig_recorder_nested(rig, UIOMMU_CODE_SUCCESS)};
	struct uiommu_domain *blocked = rig_domain(rig, UIOMMU_DOMAIN_BLOCKED);
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
	uint64_t begin, end = harness_now_ns() + RIG_PATIENCE_NS;
	unsigned int round;

	rig_device(rig, EP, &rid, 1, 512);
	endpoint = rig_endpoint_add(rig, EP, 0, 0);
	attach = rig_attach(endpoint, rid, blocked, NULL);
	uiommu_emu_pasid_state(rig->emu, EP, UINT32_MAX, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(40); round++) {
		attach = replace(attach, nested[0]->domain, NULL);
		attach = replace(attach, nested[1]->domain, NULL);
		attach = replace(attach, nested[1]->domain, NULL);
		uiommu_emu_pasid_state(rig->emu, EP, UINT32_MAX, UIOMMU_EMU_ATTACHED);
		/* faults are served from here on, each round */
		begin = recorder_groups(nested[1]);
		while (recorder_groups(nested[1]) < begin + 50)
			CHECK(harness_now_ns() < end);
		uiommu_emu_pasid_state(rig->emu, EP, UINT32_MAX, UIOMMU_EMU_CHANGING);
		attach = replace(attach, blocked, NULL);
	}
	rig_close(rig);
}

static void *
second_main(void *arg)
{
	struct turns *t = arg;
	unsigned int round;

	for (round = 0; round < t->rounds; round++)
		turn_one(t, turn_pasid(round), round);
	__atomic_store_n(&t->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The owner of the queue replaces between its polls, and another thread does so too. */
static void
owner_and_control_thread(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct turns mine = turns_open(rig, EP), theirs = turns_open(rig, 0x0200);
	unsigned int round;
	pthread_t thread;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	CHECK_EQ(pthread_create(&thread, NULL, second_main, &theirs), 0);
	for (round = 0; round < mine.rounds; round++) {
		rig_turn(rig);
		turn_one(&mine, turn_pasid(round), round);
	}
	while (!__atomic_load_n(&theirs.done, __ATOMIC_ACQUIRE) && harness_failures() == 0)
		rig_turn(rig);
	pthread_join(thread, NULL);
	rig_close(rig);
}

static const struct harness_case replace_threads_cases[] = {
	{"R4 replace: the new bond is in force before open groups are answered", new_one_first, 0},
	{"R4 T29 replace by a control thread, with traffic", control_thread, UIOMMU_CAPA_NESTED},
	{"R4 T29 T20 replace on a RID twice in a row, with traffic", rid_twice,
	 UIOMMU_CAPA_NESTED},
	{"R4 T15 replace by the owner and by a control thread at once", owner_and_control_thread,
	 UIOMMU_CAPA_NESTED},
};

HARNESS_SUITE(replace_threads);
