/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Binds, unbinds and releases by threads, under full traffic: T15, T16, T18. */

#include <sched.h>
#include <stdlib.h>

#include "sva.h"

/* -------------------------------------------- what the operations need is freed */

#define PASIDS 7

/* What an application has behind an address space; freed as soon as it is released. */
struct object {
	uint64_t sum; /* atomic */
	uint64_t seed;
};

static void
object_hook(struct sva_user *user, const struct uiommu_mm_fault *faults, uint32_t nb_faults,
	    uint8_t *codes, uint32_t nb_groups)
{
	struct object *object = user->hook_arg;

	__atomic_fetch_add(&object->sum, object->seed + nb_faults, __ATOMIC_RELAXED);
}

struct poller {
	struct uiommu_mm *mm;
	bool end; /* atomic */
};

static void *
poller_main(void *arg)
{
	struct poller *poller = arg;

	while (!__atomic_load_n(&poller->end, __ATOMIC_ACQUIRE)) {
		if (uiommu_mm_poll(poller->mm, 32) == 0)
			sched_yield();
	}
	return NULL;
}

static void
pasid_judge(struct rig *rig, uint32_t pasid, enum uiommu_emu_pasid_state state)
{
	CHECK_EQ(uiommu_emu_pasid_state(rig->emu, EP, pasid, state), 0);
}

/*
 * Wait until so many groups more were resolved.
 * There are threads about: a failure is noted and the case goes on to its end.
 */
static void
groups_wait(struct uiommu_mm *mm, uint64_t more)
{
	uint64_t target = sva_info(mm).groups + more;
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (sva_info(mm).groups < target && harness_now_ns() < end)
		sched_yield();
	EXPECT(sva_info(mm).groups >= target);
}

/* One life: bound, used, released under full traffic, its object freed, unbound. */
static void
live_and_die(struct rig *rig, struct uiommu_endpoint *endpoint, uint32_t mode)
{
	const struct uiommu_mm_conf conf = {.nb_workers = mode == UIOMMU_MM_WORKER ? 3 : 0};
	struct sva_user *user = sva_user(mode, &conf);
	struct object *object = calloc(1, sizeof(*object));
	struct poller pollers[2];
	pthread_t threads[2];
	struct uiommu_sva *sva;
	unsigned int i, nb = mode == UIOMMU_MM_POLLED ? 2 : 0;
	uint32_t pasid;

	CHECK(object != NULL);
	object->seed = 1;
	sva_hook_set(user, object_hook, object);
	for (pasid = 1; pasid <= PASIDS; pasid++)
		pasid_judge(rig, pasid, UIOMMU_EMU_CHANGING);
	sva = sva_bind(endpoint, user->mm);
	for (i = 0; i < nb; i++) {
		pollers[i] = (struct poller){user->mm, false};
		CHECK_EQ(pthread_create(&threads[i], NULL, poller_main, &pollers[i]), 0);
	}
	groups_wait(user->mm, 20);
	EXPECT_EQ(uiommu_mm_release(user->mm), 0);
	object->seed = 0;
	free(object);
	for (i = 0; i < nb; i++) {
		__atomic_store_n(&pollers[i].end, true, __ATOMIC_RELEASE);
		pthread_join(threads[i], NULL);
	}
	CHECK_EQ(user->gets, user->puts);
	CHECK_EQ(user->gets, user->calls);
	pasid = uiommu_sva_pasid(sva);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	pasid_judge(rig, pasid, UIOMMU_EMU_DETACHED);
	sva_mm_end(user->mm);
}

static void
die_in(uint32_t mode)
{
	const struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 4,
		.seed = 9,
	};
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = sva_rig(&conf);
	struct uiommu_endpoint *endpoint = sva_endpoint_bits(rig, EP, 3);
	unsigned int round;
	uint32_t pasid;

	rig_device_range(rig, EP, 1, PASIDS, 256);
	for (pasid = 1; pasid <= PASIDS; pasid++)
		pasid_judge(rig, pasid, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < 8; round++)
		live_and_die(rig, endpoint, mode);
	rig_close(rig);
}

static void
die_with_workers(void)
{
	die_in(UIOMMU_MM_WORKER);
}

static void
die_with_pollers(void)
{
	die_in(UIOMMU_MM_POLLED);
}

static void
die_on_the_fault_lcore(void)
{
	die_in(UIOMMU_MM_INLINE);
}

/* --------------------------------------------------- binds of several threads */

struct binder {
	struct rig *rig;
	struct uiommu_endpoint *endpoint;
	struct sva_user *users[2];
	unsigned int rounds;
};

static void *
binder_main(void *arg)
{
	struct binder *binder = arg;
	unsigned int round;

	for (round = 0; round < binder->rounds; round++) {
		struct uiommu_mm *mm = binder->users[round % 2]->mm;
		struct uiommu_sva *sva = uiommu_sva_bind(binder->endpoint, mm);

		if (sva == NULL) {
			EXPECT_EQ(rte_errno, ESRCH);
			continue;
		}
		EXPECT(uiommu_sva_pasid(sva) >= 1 && uiommu_sva_pasid(sva) <= PASIDS);
		EXPECT_EQ(uiommu_sva_unbind(sva), 0);
	}
	return NULL;
}

/* T15 T18: first and last binds race, a release between them, with traffic; nobody hangs. */
static void
binds_of_several_threads(void)
{
	enum { THREADS = 3 };
	const struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 2,
		.seed = 7,
	};
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = sva_rig(&conf);
	struct binder binder = {
		.rig = rig,
		.endpoint = sva_endpoint_bits(rig, EP, 3),
		.users = {sva_user(UIOMMU_MM_WORKER, NULL), sva_user(UIOMMU_MM_INLINE, NULL)},
		.rounds = TRAFFIC(60),
	};
	pthread_t threads[THREADS];
	struct uiommu_sva *sva;
	unsigned int i;
	uint32_t pasid;

	rig_device_range(rig, EP, 1, PASIDS, 128);
	for (pasid = 1; pasid <= PASIDS; pasid++)
		pasid_judge(rig, pasid, UIOMMU_EMU_CHANGING);
	/* several threads write down nothing */
	binder.users[0]->nb_kept = SVA_KEPT;
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, binder_main, &binder), 0);
	/* the threads may be done at any time: a bond of our own, so that there is traffic */
	sva = uiommu_sva_bind(binder.endpoint, binder.users[1]->mm);
	EXPECT(sva != NULL);
	groups_wait(binder.users[1]->mm, 1);
	EXPECT_EQ(uiommu_sva_unbind(sva), 0);
	EXPECT_EQ(uiommu_mm_release(binder.users[1]->mm), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(sva_info(binder.users[i]->mm).nb_bound, 0);
		sva_mm_end(binder.users[i]->mm);
	}
	rig_close(rig);
}

static const struct harness_case sva_threads_cases[] = {
	{"SVA T16 T18 released with faults in flight, workers", die_with_workers,
	 UIOMMU_CAPA_PASID},
	{"SVA T16 T18 released with faults in flight, polled", die_with_pollers, UIOMMU_CAPA_PASID},
	{"SVA T16 T18 released with faults in flight, on the fault lcore", die_on_the_fault_lcore,
	 UIOMMU_CAPA_PASID},
	{"SVA T15 T18 binds and unbinds of several threads", binds_of_several_threads,
	 UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(sva_threads, UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_FIRST_STAGE);
