/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R5: the data path never waits for another thread. */

#include <sched.h>

#include "conformance.h"

/* A domain keeps every group for ever; the other one's are answered in the turn they came. */
static void
never_answers(void)
{
	struct rig_conf conf = {.dev = {.deferred_max = 16}};
	struct rig *rig = rig_open(&conf);
	struct recorder *stuck = rig_recorder(rig, UIOMMU_CODE_RETRY);
	struct recorder *good = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_emu_response resp;
	unsigned int nb_good = 0, nb_stuck = 0;
	uint16_t i;

	rig_attach(rig_endpoint(rig, 0x0200, 0), 1, stuck->domain, NULL);
	rig_attach(rig_endpoint(rig, EP, 0), 1, good->domain, NULL);
	stuck->defer = true;
	for (i = 0; i < 50; i++) {
		CHECK_EQ(rig_send(rig, 0x0200, 1, i, i, true), UIOMMU_EMU_QUEUED);
		CHECK_EQ(rig_send(rig, EP, 1, i, i, true), UIOMMU_EMU_QUEUED);
		CHECK_EQ(rig_turn(rig), 2);
	}
	while (rig_response(rig, &resp)) {
		CHECK_EQ(resp.code, UIOMMU_EMU_SUCCESS);
		nb_good += resp.endpoint_id == EP;
		nb_stuck += resp.endpoint_id != EP;
	}
	CHECK_EQ(nb_good, 50);
	/* all slots in use: the rest was told to ask again */
	CHECK_EQ(nb_stuck, 50 - 16);
	CHECK_EQ(rig_stats(rig).deferred_now, 16);
	CHECK_EQ(rig_stats(rig).no_slot, 50 - 16);
	rig_close_now(rig);
}

struct hog {
	struct rig *rig;
	bool end;	 /* atomic */
	uint64_t rounds; /* atomic */
};

/* Control calls without end: the lock for control calls is held most of the time. */
static void *
hog_main(void *arg)
{
	struct hog *hog = arg;

	while (!__atomic_load_n(&hog->end, __ATOMIC_ACQUIRE)) {
		struct uiommu_domain_conf conf = {.size = sizeof(conf),
						  .type = UIOMMU_DOMAIN_PAGING};
		struct uiommu_domain *domain = uiommu_domain_alloc(hog->rig->dev, &conf);
		struct uiommu_endpoint *endpoint = uiommu_endpoint_add(hog->rig->dev, 0x500, NULL);
		struct uiommu_attach *attach = uiommu_attach(endpoint, 3, domain, NULL);

		EXPECT_EQ(uiommu_detach(attach), 0);
		EXPECT_EQ(uiommu_endpoint_remove(endpoint), 0);
		EXPECT_EQ(uiommu_domain_free(domain), 0);
		__atomic_fetch_add(&hog->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * The owner's turns and a busy control path: if a turn waited for the control lock, and the
 * control path for the owner's turn, as it does, none of them would come to an end.
 */
static void
busy_control_path(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 1};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct hog hog = {.rig = rig};
	pthread_t threads[2];
	unsigned int i;

	endpoint_with(rig, EP, 4, 512, rec);
	CHECK_EQ(pthread_create(&threads[0], NULL, hog_main, &hog), 0);
	rig_traffic(rig, &traffic, TRAFFIC(50000));
	while (__atomic_load_n(&hog.rounds, __ATOMIC_RELAXED) < 20)
		rig_turn(rig);
	__atomic_store_n(&hog.end, true, __ATOMIC_RELEASE);
	for (i = 0; i < 1000000 && pthread_tryjoin_np(threads[0], NULL) != 0; i++) {
		rig_turn(rig);
		sched_yield();
	}
	CHECK(i < 1000000);
	rig_close(rig);
}

static const struct harness_case r5_cases[] = {
	{"R5 T21 a handler that never answers delays nobody else", never_answers, 0},
	{"R5 busy control path and traffic", busy_control_path, 0},
};

HARNESS_SUITE(r5);
