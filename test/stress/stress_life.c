/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The whole life cycle during a storm: one thread polls, one is the model at full rate, others
 * attach, replace, detach, remove, add, bind, unbind, destroy fault queues that are in use,
 * and let address spaces die, at random, while consumers answer late, twice, or not at all.
 * Arguments: --unit, seconds (3), seed (from the clock), control threads (3).
 *
 * What must hold, holds in any order: the judge has nothing to say, the sums are right, nothing
 * is touched after its end, and nobody waits for ever.
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "life.h"
#include "stress.h"

/* A thread that has not come a step further in this time hangs. */
#define PATIENCE_NS UINT64_C(60000000000)

uint32_t
endpoint_id(unsigned int index)
{
	/* the functions of the family have one bus and device */
	static const uint32_t ids[ENDPOINTS] = {
		0x0000, 0x0108, 0x0318, 0x0319, 0x031a, 0x0420, 0x0528, 0x0630,
	};

	return ids[index];
}

void
judge_tell(struct life *life, unsigned int index, unsigned int place,
	   enum uiommu_emu_pasid_state state)
{
	int ret = uiommu_emu_pasid_state(life->rig->emu, endpoint_id(index),
					 rig_pasid_to_emu(place_pasid(place)), state);

	EXPECT_EQ(ret, 0);
}

void
model_catch_up(struct worker *self)
{
	uint64_t responses = rig_stats(self->life->rig).responses;

	doing(self, "wait for the model");
	while (rig_verdict(self->life->rig, false).responses < responses && harness_failures() == 0)
		sched_yield();
}

/* ------------------------------------------------------------ control threads */

/* Of the family of PF_INDEX, where virtual functions may ask for pages. */
static bool
endpoint_is_vf(unsigned int index)
{
	return index > PF_INDEX && index < BOND_ENDPOINTS &&
	       !harness_lacks(HARNESS_NEEDS_VF_REQUESTS);
}

static void
endpoint_add(struct worker *self, unsigned int index)
{
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
	struct endpoint *endpoint = &self->life->endpoints[index];

	if (endpoint_is_vf(index)) {
		conf.flags = UIOMMU_ENDPOINT_VF;
		conf.pf_id = (uint16_t)endpoint_id(PF_INDEX);
	} else if (index >= BOND_ENDPOINTS) {
		/* one of them is too narrow for some PASIDs that the others have */
		conf.pasid_bits = index == ENDPOINTS - 1 ? 3 : 4;
	}
	if (endpoint_stalls(self->life, index))
		conf.flags = RIG_STALLS;
	doing(self, "add an endpoint");
	endpoint->uiommu = uiommu_endpoint_add(self->life->rig->dev, endpoint_id(index), &conf);
	CHECK(endpoint->uiommu != NULL);
	bonds_bring(self, index);
}

static void
endpoint_remove(struct worker *self, unsigned int index)
{
	struct endpoint *endpoint = &self->life->endpoints[index];

	bonds_leave(self, index);
	sva_leave(self, index);
	doing(self, "remove an endpoint");
	EXPECT_EQ(uiommu_endpoint_remove(endpoint->uiommu), 0);
	endpoint->uiommu = NULL;
	bonds_gone(self, index);
	sva_gone(self, index);
	life_count(&self->life->removed);
}

static void
endpoint_change(struct worker *self, unsigned int index)
{
	unsigned int what = dice(self, 32);

	if (what == 0 && index != PF_INDEX) {
		endpoint_remove(self, index);
		sched_yield();
		endpoint_add(self, index);
	} else if (index >= BOND_ENDPOINTS && what < 24 && has_spaces(self->life)) {
		sva_change(self, index);
	} else {
		bond_change(self, index);
	}
}

static void
look_around(struct worker *self)
{
	struct life *life = self->life;
	struct uiommu_dev_info info;
	struct uiommu_stats stats;

	doing(self, "look around");
	EXPECT_EQ(uiommu_info_get(life->rig->dev, &info), 0);
	EXPECT_EQ(info.state, UIOMMU_DEV_STARTED);
	EXPECT_EQ(uiommu_stats_get(life->rig->dev, &stats), 0);
}

static void *
controller_main(void *worker)
{
	struct worker *self = worker;
	struct life *life = self->life;

	while (!life_is_over(life)) {
		unsigned int what = dice(self, 32);
		unsigned int index = dice(self, ENDPOINTS);

		if (what < 8) {
			doing(self, "answer by cookie");
			cookies_answer(self);
		} else if (what < 14) {
			spaces_poll(self);
		} else if (what == 14) {
			station_change(self);
		} else if (what == 15) {
			space_change(self);
		} else if (what == 16) {
			look_around(self);
		} else if (pthread_mutex_trylock(&life->endpoints[index].lock) == 0) {
			endpoint_change(self, index);
			pthread_mutex_unlock(&life->endpoints[index].lock);
		}
	}
	__atomic_store_n(&self->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* --------------------------------------------------------------- watchdog */

static void
hang_report(const struct life *life)
{
	unsigned int i;

	for (i = 0; i < life->nb_workers; i++)
		fprintf(stderr, "thread %u: %s%s, %llu steps\n", i,
			life->workers[i].ended ? "has ended: " : "",
			__atomic_load_n(&life->workers[i].doing, __ATOMIC_RELAXED),
			(unsigned long long)__atomic_load_n(&life->workers[i].steps,
							    __ATOMIC_RELAXED));
	fprintf(stderr, "model: %llu turns, owner: %llu turns, deferred now %llu\n",
		(unsigned long long)__atomic_load_n(&life->rig->model_turns, __ATOMIC_RELAXED),
		(unsigned long long)__atomic_load_n(&life->rig->owner_turns, __ATOMIC_RELAXED),
		(unsigned long long)rig_stats(life->rig).deferred_now);
	printf("not ok 1 - a thread hangs\n");
	fflush(NULL);
	_exit(1);
}

struct watch {
	uint64_t steps[WORKERS_MAX];
	uint64_t since[WORKERS_MAX];
};

/* Ends the program where a thread that is to come further does not. Whether all have ended. */
static bool
watch_threads(const struct life *life, struct watch *watch, unsigned int first, unsigned int last)
{
	uint64_t now = harness_now_ns();
	bool all = true;
	unsigned int i;

	for (i = first; i < last; i++) {
		const struct worker *worker = &life->workers[i];
		uint64_t steps = __atomic_load_n(&worker->steps, __ATOMIC_RELAXED);

		/* a thread that a check has ended does not say so */
		if (__atomic_load_n(&worker->ended, __ATOMIC_ACQUIRE))
			continue;
		all = false;
		if (steps != watch->steps[i] || watch->since[i] == 0) {
			watch->steps[i] = steps;
			watch->since[i] = now;
		} else if (now - watch->since[i] > PATIENCE_NS) {
			fprintf(stderr, "thread %u hangs\n", i);
			hang_report(life);
		}
	}
	return all;
}

static void
threads_end(struct life *life, bool *flag, unsigned int first, unsigned int last)
{
	struct watch watch = {0};
	unsigned int i;

	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
	while (!watch_threads(life, &watch, first, last) && harness_failures() == 0)
		usleep(1000);
	/* after a failure threads may wait for what one that was ended holds */
	if (harness_failures() != 0)
		hang_report(life);
	for (i = first; i < last; i++)
		pthread_join(life->workers[i].thread, NULL);
}

/* ------------------------------------------------------------------ phases */

static struct stress_arguments arguments = {.seconds = 3, .nb_controllers = 3};

static struct worker *
worker_prepare(struct life *life, unsigned int number)
{
	struct worker *worker = &life->workers[number];

	memset(worker, 0, sizeof(*worker));
	worker->life = life;
	worker->number = number;
	worker->random = arguments.seed ^ (uint64_t)number << 40;
	worker->doing = "nothing";
	return worker;
}

static void
workers_start(struct life *life, unsigned int first, unsigned int last, void *(*function)(void *))
{
	unsigned int i;

	for (i = first; i < last; i++) {
		struct worker *worker = worker_prepare(life, i);

		worker->random += harness_random(&arguments.seed);
		CHECK_EQ(pthread_create(&worker->thread, NULL, function, worker), 0);
	}
}

static void
devices_plug(struct life *life)
{
	uint32_t pasids[SVA_PASIDS + 1];
	unsigned int i;

	pasids[SVA_PASIDS] = UINT32_MAX;
	for (i = 0; i < SVA_PASIDS; i++)
		pasids[i] = i + 1;
	for (i = 0; i < ENDPOINTS; i++) {
		const struct uiommu_emu_device_conf conf = {
			.endpoint_id = endpoint_id(i),
			.credits = 128,
			.pasids = pasids,
			.nb_pasids = i < BOND_ENDPOINTS ? BOND_PASIDS : SVA_PASIDS + 1,
			.is_vf = endpoint_is_vf(i),
			.pf_id = endpoint_is_vf(i) ? endpoint_id(PF_INDEX) : 0,
			.stalls = endpoint_stalls(life, i),
		};
		unsigned int place;

		CHECK_EQ(uiommu_emu_device_add(life->rig->emu, &conf), 0);
		for (place = i < BOND_ENDPOINTS ? 1 : 0; place < PLACES; place++) {
			if (i >= BOND_ENDPOINTS || place <= BOND_PASIDS)
				judge_tell(life, i, place, UIOMMU_EMU_DETACHED);
		}
	}
}

static struct life *
life_open(void)
{
	static struct life life;
	struct rig_conf conf = {
		.model_thread = true,
		.owner_thread = true,
		.no_log = true,
		.dev = {.queue_entries = 1024, .deferred_max = 2048, .parked_max = 256},
	};
	struct worker *first = worker_prepare(&life, 0);
	unsigned int i;

	life.window = mmap(NULL, (size_t)WINDOW_PAGES << 12, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(life.window != MAP_FAILED);
	life.handler_random = arguments.seed;
	life.rig = rig_open(&conf);
	devices_plug(&life);
	domains_open(&life);
	stations_open(&life);
	spaces_open(&life);
	for (i = 0; i < ENDPOINTS; i++) {
		CHECK_EQ(pthread_mutex_init(&life.endpoints[i].lock, NULL), 0);
		endpoint_add(first, i);
	}
	return &life;
}

/*
 * Devices wait for what nobody has answered. Each endpoint goes and comes back: whatever was
 * open on it is answered by that.
 */
static void
come_to_rest(struct life *life)
{
	const uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	struct worker *self = worker_prepare(life, 0);
	unsigned int i;

	uiommu_emu_traffic_run(life->rig->emu, false);
	/* the family's head stays, so its bonds go one by one */
	for (i = 0; i < ENDPOINTS; i++) {
		unsigned int changes;

		if (i != PF_INDEX) {
			endpoint_remove(self, i);
			endpoint_add(self, i);
			continue;
		}
		bonds_leave(self, i);
		for (changes = 1; changes <= BOND_PASIDS; changes++) {
			struct bond *bond = &life->endpoints[i].bonds[changes];

			if (bond->attach != NULL)
				EXPECT_EQ(uiommu_detach(bond->attach), 0);
		}
		bonds_gone(self, i);
		bonds_bring(self, i);
	}
	/* what was in the hardware queue still has come to the new bonds by now */
	do {
		rig_settle(life->rig);
		cookies_answer(self);
		spaces_poll(self);
		for (i = 0; i < PLACES * ENDPOINTS; i++) {
			struct bond *bond = &life->endpoints[i / PLACES].bonds[i % PLACES];

			if (bond->own_fq != NULL)
				queue_serve(self, bond->own_fq);
		}
		/* their consumers have ended */
		for (i = 0; i < STATIONS; i++)
			station_serve(self, &life->stations[i]);
		CHECK(harness_now_ns() < end);
	} while (rig_stats(life->rig).deferred_now != 0 && harness_failures() == 0);
	rig_settle(life->rig);
}

static void
phase(struct life *life, unsigned int which)
{
	struct uiommu_emu_traffic traffic = stress_traffics[which % STRESS_TRAFFICS];
	uint64_t end = harness_now_ns() + (uint64_t)(arguments.seconds * 1e9 / STRESS_TRAFFICS);
	struct watch watch = {0};

	traffic.seed = arguments.seed + which;
	traffic.window_iova = (uintptr_t)life->window;
	traffic.window_pages = WINDOW_PAGES;
	CHECK_EQ(uiommu_emu_traffic_set(life->rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(life->rig->emu, true);
	life->end = life->end_consumers = false;
	life->nb_workers = STATIONS + arguments.nb_controllers;
	workers_start(life, 0, STATIONS, consumer_main);
	workers_start(life, STATIONS, life->nb_workers, controller_main);
	while (harness_now_ns() < end && harness_failures() == 0) {
		usleep(10000);
		watch_threads(life, &watch, 0, life->nb_workers);
	}
	threads_end(life, &life->end, STATIONS, life->nb_workers);
	threads_end(life, &life->end_consumers, 0, STATIONS);
	come_to_rest(life);
	rig_check_verdict(life->rig, false);
	rig_check_counters(life->rig);
}

static void
report(const struct life *life)
{
	struct uiommu_stats stats = rig_stats(life->rig);

	fprintf(stderr,
		"%llu requests, %llu responses, %llu delivered, %llu expired, %llu full, "
		"%llu overflows\n",
		(unsigned long long)stats.requests, (unsigned long long)stats.responses,
		(unsigned long long)stats.delivered, (unsigned long long)stats.expired,
		(unsigned long long)stats.queue_full, (unsigned long long)stats.overflows);
	fprintf(stderr,
		"%llu detached, %llu step by step, %llu replaced, %llu removed, %llu bound, "
		"%llu unbound, %llu refused, %llu died, %llu + %llu fault queues destroyed, "
		"%llu late answers\n",
		(unsigned long long)life->detached, (unsigned long long)life->started,
		(unsigned long long)life->replaced, (unsigned long long)life->removed,
		(unsigned long long)life->bound, (unsigned long long)life->unbound,
		(unsigned long long)life->refused, (unsigned long long)life->died,
		(unsigned long long)life->queues, (unsigned long long)life->own_queues,
		(unsigned long long)life->late);
}

static void
life_close(struct life *life)
{
	struct worker *self = worker_prepare(life, 0);
	unsigned int i;

	/* VFs before their PF */
	for (i = ENDPOINTS; i-- != 0;)
		endpoint_remove(self, i);
	spaces_close(life);
	rig_close(life->rig);
	munmap(life->window, (size_t)WINDOW_PAGES << 12);
}

static void
stress_life(void)
{
	struct life *life;
	struct uiommu_stats stats;
	unsigned int which;

	fprintf(stderr, "seed %llu\n", (unsigned long long)arguments.seed);
	life = life_open();
	for (which = 0; which < STRESS_TRAFFICS && harness_failures() == 0; which++)
		phase(life, which);
	report(life);
	stats = rig_stats(life->rig);
	/* it was what it claims to be */
	CHECK(stats.groups > 0 && stats.delivered > 0);
	CHECK(life->detached > 0 && life->started > 0 && life->replaced > 0);
	CHECK(life->removed > 0);
	CHECK((life->bound > 0 && life->unbound > 0) || !has_spaces(life));
	CHECK(stats.late_answers >= life->answered);
	life_close(life);
}

int
main(int argc, char **argv)
{
	static const struct harness_case life_cases[] = {
		{"R1 R2 R4 R5 R7 R9 T14 T16 T17 T18 T29 the whole life cycle at once", stress_life,
		 0},
	};
	static HARNESS_SUITE(life);
	static const struct harness_suite *const suites[] = {&life_suite};
	static const struct harness_program program = {.suites = suites, .nb_suites = 1};

	if (stress_arguments_read(argc, argv, WORKERS_MAX - STATIONS, &arguments) != 0)
		return 2;
	return stress_run(argv[0], &arguments, &program);
}
