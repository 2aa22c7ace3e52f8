/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Demand paging during a storm: one thread polls, one is the model, whose devices keep
 * translations and walk the tables for each Success; others map, unmap, protect, evict, add and
 * remove regions, attach, detach and replace, and let whole domains go, at random.
 * Arguments: seconds (3), seed (from the clock), control threads (3).
 *
 * What must hold: each Success is true when it arrives, nothing is reached by a device after it
 * was taken away, and at the end everything has been given back.
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"
#include "stress_space.h"

#define SPACES 4
#define ENDPOINTS 4
/** Bonds of each: PASIDs 1 to 4, and one without PASID. */
#define PLACES 5
#define WORKERS_MAX 16
/* A thread that has not come a step further in this time hangs. */
#define PATIENCE_NS UINT64_C(60000000000)

static const uint32_t pasids[PLACES] = {1, 2, 3, 4, UIOMMU_NO_PASID};

struct bond {
	pthread_mutex_t lock;
	struct uiommu_attach *attach; /* NULL: none */
	struct space *space;          /* that it is attached to */
};

struct storm {
	struct rig *rig;
	struct space spaces[SPACES];
	struct uiommu_endpoint *endpoints[ENDPOINTS];
	struct bond bonds[ENDPOINTS][PLACES];
	bool end; /* atomic */
	/* atomic: what was done */
	uint64_t attached, detached, replaced, domains;
};

struct worker {
	struct storm *storm;
	pthread_t thread;
	uint64_t random;
	uint64_t steps; /* atomic */
	bool ended;     /* atomic */
};

static struct storm storm;
static struct worker workers[WORKERS_MAX];
static struct stress_arguments arguments = {.seconds = 3, .nb_controllers = 3};

static const struct uiommu_emu_traffic traffics[] = {
	{.profile = UIOMMU_EMU_UNIFORM, .write_ratio = 0.5},
	{.profile = UIOMMU_EMU_SEQUENTIAL, .write_ratio = 0.1},
	{.profile = UIOMMU_EMU_ZIPF, .write_ratio = 0.3},
	{.profile = UIOMMU_EMU_HOTSPOT, .write_ratio = 0.3},
};

static uint32_t
endpoint_id(unsigned int index)
{
	return 0x0108 + index * 0x110;
}

static unsigned int
dice(struct worker *self, unsigned int sides)
{
	return (unsigned int)(harness_random(&self->random) % sides);
}

static void
count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static bool
is_over(void)
{
	return __atomic_load_n(&storm.end, __ATOMIC_ACQUIRE) || harness_failures() != 0;
}

/* ---------------------------------------------------------------------- bonds */

static void
judge_tell(unsigned int endpoint, unsigned int place, enum uiommu_emu_pasid_state state)
{
	EXPECT_EQ(uiommu_emu_pasid_state(storm.rig->emu, endpoint_id(endpoint),
					 rig_pasid_to_emu(pasids[place]), state), 0);
}

/* Every response that was handed to the unit so far has reached its device. */
static void
model_catch_up(void)
{
	uint64_t responses = rig_stats(storm.rig).responses;

	while (rig_verdict(storm.rig, false).responses < responses && harness_failures() == 0)
		sched_yield();
}

static void
bond_bring(unsigned int endpoint, unsigned int place, struct space *space)
{
	struct bond *bond = &storm.bonds[endpoint][place];

	judge_tell(endpoint, place, UIOMMU_EMU_CHANGING);
	bond->attach = rig_attach(storm.endpoints[endpoint], pasids[place], space->domain, NULL);
	bond->space = space;
	judge_tell(endpoint, place, UIOMMU_EMU_ATTACHED);
	count(&storm.attached);
}

static void
bond_drop(unsigned int endpoint, unsigned int place)
{
	struct bond *bond = &storm.bonds[endpoint][place];

	judge_tell(endpoint, place, UIOMMU_EMU_CHANGING);
	EXPECT_EQ(uiommu_detach(bond->attach), 0);
	judge_tell(endpoint, place, UIOMMU_EMU_DETACHED);
	bond->attach = NULL;
	bond->space = NULL;
	count(&storm.detached);
}

static void
bond_move(unsigned int endpoint, unsigned int place, struct space *space)
{
	struct bond *bond = &storm.bonds[endpoint][place];

	judge_tell(endpoint, place, UIOMMU_EMU_CHANGING);
	bond->attach = uiommu_replace(bond->attach, space->domain, NULL);
	CHECK(bond->attach != NULL);
	bond->space = space;
	model_catch_up();
	judge_tell(endpoint, place, UIOMMU_EMU_ATTACHED);
	count(&storm.replaced);
}

/* The caller holds the space's lock: its domain stays. */
static void
bond_change(struct worker *self, struct space *space)
{
	unsigned int endpoint = dice(self, ENDPOINTS), place = dice(self, PLACES);
	struct bond *bond = &storm.bonds[endpoint][place];

	if (pthread_mutex_trylock(&bond->lock) != 0)
		return;
	if (bond->attach == NULL)
		bond_bring(endpoint, place, space);
	else if (dice(self, 2) == 0)
		bond_move(endpoint, place, space);
	else
		bond_drop(endpoint, place);
	pthread_mutex_unlock(&bond->lock);
}

/* The caller is alone with the space: nothing new is attached to it. */
static void
domain_change(struct space *space)
{
	unsigned int endpoint, place;

	for (endpoint = 0; endpoint < ENDPOINTS; endpoint++) {
		for (place = 0; place < PLACES; place++) {
			struct bond *bond = &storm.bonds[endpoint][place];

			pthread_mutex_lock(&bond->lock);
			if (bond->space == space)
				bond_drop(endpoint, place);
			pthread_mutex_unlock(&bond->lock);
		}
	}
	space_domain_drop(space);
	space_domain_make(space);
	count(&storm.domains);
}

static void *
worker_main(void *arg)
{
	struct worker *self = arg;

	while (!is_over()) {
		struct space *space = &storm.spaces[dice(self, SPACES)];
		unsigned int what = dice(self, 128);

		if (what == 0 && pthread_rwlock_trywrlock(&space->lock) == 0) {
			domain_change(space);
			pthread_rwlock_unlock(&space->lock);
		} else if (pthread_rwlock_tryrdlock(&space->lock) == 0) {
			if (what < 24)
				bond_change(self, space);
			else
				space_change(space, &self->random);
			pthread_rwlock_unlock(&space->lock);
		}
		count(&self->steps);
	}
	__atomic_store_n(&self->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* -------------------------------------------------------------------- watchdog */

struct watch {
	uint64_t steps[WORKERS_MAX];
	uint64_t since[WORKERS_MAX];
};

/* Ends the program where a thread does not come further. Whether all have ended. */
static bool
workers_watch(struct watch *watch)
{
	uint64_t now = harness_now_ns();
	bool all = true;
	unsigned int i;

	for (i = 0; i < arguments.nb_controllers; i++) {
		uint64_t steps = __atomic_load_n(&workers[i].steps, __ATOMIC_RELAXED);

		if (__atomic_load_n(&workers[i].ended, __ATOMIC_ACQUIRE))
			continue;
		all = false;
		if (steps != watch->steps[i] || watch->since[i] == 0) {
			watch->steps[i] = steps;
			watch->since[i] = now;
		} else if (now - watch->since[i] > PATIENCE_NS) {
			fprintf(stderr, "thread %u hangs after %llu steps\n", i,
				(unsigned long long)steps);
			printf("not ok 1 - a thread hangs\n");
			fflush(NULL);
			_exit(1);
		}
	}
	return all;
}

/* ---------------------------------------------------------------------- phases */

static void
devices_plug(void)
{
	uint32_t list[PLACES];
	unsigned int i, place;

	for (i = 0; i < PLACES; i++)
		list[i] = rig_pasid_to_emu(pasids[i]);
	for (i = 0; i < ENDPOINTS; i++) {
		const struct uiommu_emu_device_conf conf = {
			.endpoint_id = endpoint_id(i),
			.credits = 128,
			.pasids = list,
			.nb_pasids = PLACES,
			.atc_entries = 64u << i,
			/* regions come and go */
			.may_fail_invalid = true,
			/* the last one waits for its pages, where the unit can do that */
			.stalls = i == ENDPOINTS - 1 &&
				  (storm.rig->info.capa & UIOMMU_CAPA_STALL) != 0,
		};

		CHECK_EQ(uiommu_emu_device_add(storm.rig->emu, &conf), 0);
		storm.endpoints[i] = rig_endpoint_add(storm.rig, endpoint_id(i),
						      conf.stalls ? RIG_STALLS : 0, 0);
		for (place = 0; place < PLACES; place++) {
			CHECK_EQ(pthread_mutex_init(&storm.bonds[i][place].lock, NULL), 0);
			judge_tell(i, place, UIOMMU_EMU_DETACHED);
			bond_bring(i, place, &storm.spaces[(i + place) % SPACES]);
		}
	}
}

static void
storm_open(void)
{
	const struct rig_conf conf = {
		.model_thread = true,
		.owner_thread = true,
		.no_log = true,
		.dev = {.queue_entries = 1024, .table_pages = 128, .frame_pages = 256},
	};
	unsigned int i;

	memset(&storm, 0, sizeof(storm));
	storm.rig = rig_open(&conf);
	for (i = 0; i < SPACES; i++)
		space_open(&storm.spaces[i], storm.rig,
			   i % 2 != 0 &&
				   (storm.rig->info.capa & UIOMMU_CAPA_SECOND_STAGE) != 0,
			   arguments.seed + i);
	devices_plug();
}

static void
phase(unsigned int which)
{
	struct uiommu_emu_traffic traffic = traffics[which];
	uint64_t end = harness_now_ns() +
		       (uint64_t)(arguments.seconds * 1e9 / ARRAY_COUNT(traffics));
	struct watch watch = {0};
	unsigned int i;

	traffic.group_pages_min = traffic.group_pages_max = 1;
	traffic.window_pages = WINDOW_PAGES;
	traffic.verify = traffic.translate = traffic.may_vanish = true;
	traffic.seed = arguments.seed + which;
	CHECK_EQ(uiommu_emu_traffic_set(storm.rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(storm.rig->emu, true);
	__atomic_store_n(&storm.end, false, __ATOMIC_RELEASE);
	for (i = 0; i < arguments.nb_controllers; i++) {
		workers[i] = (struct worker){
			.storm = &storm, .random = harness_random(&arguments.seed),
		};
		CHECK_EQ(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
	}
	while (harness_now_ns() < end && harness_failures() == 0) {
		usleep(10000);
		workers_watch(&watch);
	}
	__atomic_store_n(&storm.end, true, __ATOMIC_RELEASE);
	while (!workers_watch(&watch))
		usleep(1000);
	for (i = 0; i < arguments.nb_controllers; i++)
		pthread_join(workers[i].thread, NULL);
	uiommu_emu_traffic_run(storm.rig->emu, false);
	rig_settle(storm.rig);
	rig_check_verdict(storm.rig, false);
	rig_check_counters(storm.rig);
}

static uint64_t
so_far(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void
report(void)
{
	struct uiommu_emu_verdict v = rig_verdict(storm.rig, false);
	uint64_t gets = 0, puts = 0, evicted = 0, regions = 0, mapped = 0, unmapped = 0;
	unsigned int i;

	for (i = 0; i < SPACES; i++) {
		gets += so_far(&storm.spaces[i].gets);
		puts += so_far(&storm.spaces[i].puts);
		evicted += so_far(&storm.spaces[i].evicted);
		regions += so_far(&storm.spaces[i].regions);
		mapped += so_far(&storm.spaces[i].mapped);
		unmapped += so_far(&storm.spaces[i].unmapped);
	}
	fprintf(stderr,
		"%llu accesses, %llu requests, %llu verified, %llu vanished, %llu invalidations\n",
		(unsigned long long)v.accesses, (unsigned long long)v.requests,
		(unsigned long long)v.verified, (unsigned long long)v.vanished,
		(unsigned long long)v.invalidations);
	fprintf(stderr,
		"%llu attached, %llu detached, %llu replaced, %llu domains, %llu regions, "
		"%llu pages supplied, %llu evicted, %llu mapped, %llu unmapped\n",
		(unsigned long long)storm.attached, (unsigned long long)storm.detached,
		(unsigned long long)storm.replaced, (unsigned long long)storm.domains,
		(unsigned long long)regions, (unsigned long long)gets,
		(unsigned long long)evicted, (unsigned long long)mapped,
		(unsigned long long)unmapped);
	/* it was what it claims to be */
	CHECK(v.verified > 0 && v.accesses > 0);
	CHECK(storm.detached > 0 && storm.replaced > 0);
	CHECK(gets > 0 && puts > 0 && evicted > 0 && regions > 0 && mapped > 0 && unmapped > 0);
}

static void
storm_close(void)
{
	struct uiommu_dev_info info;
	unsigned int i, place;

	for (i = 0; i < ENDPOINTS; i++) {
		for (place = 0; place < PLACES; place++) {
			if (storm.bonds[i][place].attach != NULL)
				bond_drop(i, place);
		}
	}
	for (i = 0; i < SPACES; i++) {
		space_domain_drop(&storm.spaces[i]);
		EXPECT_EQ(storm.spaces[i].gets, storm.spaces[i].puts);
	}
	CHECK_EQ(uiommu_info_get(storm.rig->dev, &info), 0);
	EXPECT_EQ(info.table_pages_used, 0);
	EXPECT_EQ(info.frame_pages_used, 0);
	rig_close(storm.rig);
	for (i = 0; i < SPACES; i++)
		space_close(&storm.spaces[i]);
}

static void
stress_paging(void)
{
	unsigned int which;

	fprintf(stderr, "seed %llu\n", (unsigned long long)arguments.seed);
	storm_open();
	for (which = 0; which < ARRAY_COUNT(traffics) && harness_failures() == 0; which++)
		phase(which);
	report();
	storm_close();
}

int
main(int argc, char **argv)
{
	static const struct harness_case paging_cases[] = {
		{"R1 R3 R4 R6 T16 T37 demand paging with everything at once", stress_paging,
		 UIOMMU_CAPA_PAGE_TABLES},
	};
	static HARNESS_SUITE(paging);
	static const struct harness_suite *const suites[] = {&paging_suite};
	static const struct harness_program program = {
		.suites = suites, .nb_suites = 1, .every_unit = true,
	};

	if (stress_arguments_read(argc, argv, WORKERS_MAX, &arguments) != 0)
		return 2;
	return stress_run(argv[0], &arguments, &program);
}
