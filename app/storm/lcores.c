/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_pause.h>

#include <uiommu.h>

#include "allocs.h"
#include "consumers.h"
#include "job.h"
#include "lcores.h"
#include "talk.h"

/* With --overflow: a hold this long, this often. */
#define HOLD_US 1000
#define HOLD_EVERY_US 10000

/* A turn that takes longer was interrupted. */
#define AWAY_US 200

uint64_t
fault_away_limit(void)
{
	return AWAY_US * (rte_get_tsc_hz() / 1000000);
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
cpu_clock_tell(clockid_t *cpu_clock)
{
	clockid_t clock;

	if (pthread_getcpuclockid(pthread_self(), &clock) == 0)
		__atomic_store_n(cpu_clock, clock, __ATOMIC_RELAXED);
}

uint64_t
lcore_cpu_ns(const clockid_t *cpu_clock)
{
	clockid_t clock = __atomic_load_n(cpu_clock, __ATOMIC_RELAXED);

	return clock == 0 ? 0 : clock_ns(clock);
}

static void
mark_now(struct usage_mark *mark)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	mark->involuntary = (uint64_t)usage.ru_nivcsw;
	mark->voluntary = (uint64_t)usage.ru_nvcsw;
	mark->wall_ns = clock_ns(CLOCK_MONOTONIC);
	mark->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void
usage_begin(struct usage_mark *mark)
{
	mark_now(mark);
}

void
usage_end(const struct usage_mark *mark, struct lcore_usage *usage)
{
	struct usage_mark end;
	double wall, cpu;

	mark_now(&end);
	wall = (double)(end.wall_ns - mark->wall_ns);
	cpu = (double)(end.cpu_ns - mark->cpu_ns);
	usage->lost_share = wall > cpu && wall > 0 ? 1.0 - cpu / wall : 0;
	usage->involuntary = end.involuntary - mark->involuntary;
	usage->voluntary = end.voluntary - mark->voluntary;
}

/* Called with sums up to the moment; the control thread reads them after it has seen the phase. */
static void
phase_enter(struct fault_lcore *f, uint32_t phase, const struct fault_sums *sums)
{
	f->at[phase] = *sums;
	/* pairs with the acquire load in fault_lcore_enter() */
	__atomic_store_n(&f->phase_seen, phase, __ATOMIC_RELEASE);
}

static uint64_t
hold(uint64_t until)
{
	uint64_t now;

	do {
		rte_pause();
		now = rte_rdtsc();
	} while (now < until);
	return now;
}

/*
 * One reading of the clock a turn: what ends one turn begins the next, so that the whole
 * time is in one turn or another.
 */
static __rte_always_inline void
poll_loop(struct fault_lcore *f, const bool holds, const bool serves)
{
	const uint64_t us = rte_get_tsc_hz() / 1000000;
	const uint64_t away_limit = fault_away_limit();
	const uint16_t budget = f->budget, nb_queues = f->nb_queues;
	const int16_t dev_id = f->dev_id;
	uint32_t phase, seen = PHASE_WARM_UP;
	struct fault_sums sums = {.tsc = rte_rdtsc()};
	uint64_t next_hold = sums.tsc + HOLD_EVERY_US * us;
	uint64_t begin, took, longest = 0;
	uint32_t n = 0;

	phase_enter(f, seen, &sums);
	for (;;) {
		/* pairs with the release store in fault_lcore_enter() */
		phase = __atomic_load_n(&f->phase, __ATOMIC_ACQUIRE);
		if (unlikely(phase != seen)) {
			seen = phase;
			phase_enter(f, seen, &sums);
		}
		if (unlikely(seen == PHASE_END) && n == 0)
			break;
		begin = sums.tsc;
		n = fault_queues_poll(dev_id, nb_queues, budget);
		if (serves)
			n += consumer_turn(f->consumer);
		sums.tsc = rte_rdtsc();
		took = sums.tsc - begin;
		longest = RTE_MAX(longest, took);
		if (n != 0) {
			fault_sums_add(&sums, took, n, away_limit);
			__atomic_store_n(&f->live_busy_cycles, sums.busy_cycles, __ATOMIC_RELAXED);
			__atomic_store_n(&f->live_requests, sums.requests, __ATOMIC_RELAXED);
		} else {
			sums.idle_turns++;
		}
		if (holds && sums.tsc >= next_hold) {
			sums.tsc = hold(sums.tsc + HOLD_US * us);
			next_hold = sums.tsc + HOLD_EVERY_US * us;
		}
	}
	f->usage.longest_cycles = longest;
}

int
fault_queues_claim(const struct fault_lcore *f)
{
	uint16_t queue;
	int ret;

	for (queue = 0; queue < f->nb_queues; queue++) {
		ret = uiommu_queue_claim(f->dev_id, queue);
		if (ret < 0) {
			while (queue-- > 0)
				uiommu_queue_release(f->dev_id, queue);
			return ret;
		}
	}
	return 0;
}

int
fault_queues_release(const struct fault_lcore *f)
{
	uint16_t queue;
	int ret = 0, error;

	for (queue = 0; queue < f->nb_queues; queue++) {
		error = uiommu_queue_release(f->dev_id, queue);
		ret = error < 0 ? error : ret;
	}
	return ret;
}

static int
fault_lcore_main(void *arg)
{
	struct fault_lcore *f = arg;
	struct usage_mark mark;

	f->result = fault_queues_claim(f);
	if (f->result < 0) {
		__atomic_store_n(&f->phase_seen, PHASE_COUNT, __ATOMIC_RELEASE);
		return f->result;
	}
	cpu_clock_tell(&f->cpu_clock);
	usage_begin(&mark);
	allocs_count_begin();
	if (f->consumer != NULL)
		poll_loop(f, f->holds, true);
	else if (f->holds)
		poll_loop(f, true, false);
	else
		poll_loop(f, false, false);
	f->allocations = allocs_count_end();
	usage_end(&mark, &f->usage);
	f->result = fault_queues_release(f);
	return f->result;
}

static int
model_lcore_main(void *arg)
{
	struct model_lcore *m = arg;
	uint64_t begin, end = rte_rdtsc(), longest = 0;
	struct usage_mark mark;

	cpu_clock_tell(&m->cpu_clock);
	usage_begin(&mark);
	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		begin = end;
		uiommu_emu_step(m->emu);
		/* pairs with the acquire load in run_wait_for_rest() */
		__atomic_store_n(&m->turns, m->turns + 1, __ATOMIC_RELEASE);
		end = rte_rdtsc();
		longest = RTE_MAX(longest, end - begin);
	}
	m->usage.longest_cycles = longest;
	usage_end(&mark, &m->usage);
	return 0;
}

void
fault_lcore_enter(struct fault_lcore *f, enum storm_phase phase)
{
	const struct timespec pause = {.tv_nsec = 20000};
	uint32_t seen;

	/* pairs with the acquire load in poll_loop() */
	__atomic_store_n(&f->phase, phase, __ATOMIC_RELEASE);
	/* pairs with the release store in phase_enter() */
	while ((seen = __atomic_load_n(&f->phase_seen, __ATOMIC_ACQUIRE)) != phase &&
	       seen != PHASE_COUNT)
		nanosleep(&pause, NULL);
}

int
fault_lcore_launch(struct fault_lcore *f, unsigned int lcore)
{
	f->phase = PHASE_WARM_UP;
	f->phase_seen = PHASE_WARM_UP;
	return job_start(lcore, fault_lcore_main, f);
}

int
fault_lcore_halt(struct fault_lcore *f, unsigned int lcore)
{
	fault_lcore_enter(f, PHASE_END);
	job_wait(lcore);
	if (f->result < 0)
		talk("the fault lcore cannot have or give back its queues: %s",
		     rte_strerror(-f->result));
	return f->result;
}

int
model_lcore_launch(struct model_lcore *m, unsigned int lcore)
{
	m->stop = false;
	return job_start(lcore, model_lcore_main, m);
}

void
model_lcore_halt(struct model_lcore *m, unsigned int lcore)
{
	__atomic_store_n(&m->stop, true, __ATOMIC_RELAXED);
	job_wait(lcore);
}
