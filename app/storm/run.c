/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "clock.h"
#include "preload.h"
#include "progress.h"
#include "run.h"
#include "talk.h"

#define WARM_UP_NS UINT64_C(200000000)
#define REST_NS UINT64_C(60000000000)
#define REST_LOOK_NS UINT64_C(1000000)
#define TICK_NS UINT64_C(100000000)
#define SECOND_NS UINT64_C(1000000000)
#define COMPARE_NS (60 * SECOND_NS)
/* How long a storm waits for its first request where it should be over. */
#define FIRST_NS (10 * SECOND_NS)

bool
run_wait_for_rest(struct storm *s)
{
	uint64_t end = clock_now_ns() + REST_NS;
	struct uiommu_emu_verdict verdict;
	struct uiommu_stats stats;
	uint64_t last = 0, last_turns = 0, turns;
	int quiet = 0;

	do {
		clock_sleep_ns(REST_LOOK_NS);
		/*
		 * A model in the middle of a turn has more to do with answers that it has counted.
		 * Pairs with the release store in model_lcore_main()
		 */
		turns = __atomic_load_n(&s->model.turns, __ATOMIC_ACQUIRE);
		if (turns < last_turns + 2)
			continue;
		last_turns = turns;
		uiommu_emu_verdict(s->emu, false, &verdict);
		uiommu_stats_get(s->dev_id, &stats);
		quiet = verdict.outstanding == 0 && stats.requests == last ? quiet + 1 : 0;
		last = stats.requests;
		if (quiet == 3)
			return true;
	} while (clock_now_ns() < end);
	return false;
}

void
run_figures_begin(struct storm *s, struct storm_run *run)
{
	struct uiommu_stats stats;

	uiommu_emu_verdict(s->emu, true, &run->verdict);
	run->warm_up_clean = uiommu_emu_verdict_clean(&run->verdict);
	if (!run->warm_up_clean)
		talk("verdict not clean after the warm-up: %s", run->verdict.first);
	uiommu_stats_get(s->dev_id, &stats);
	run->parked_before = stats.parked_now;
	uiommu_stats_reset(s->dev_id);
	uiommu_emu_reset_counters(s->emu);
	memset(s->counts, 0, s->o.pasids * sizeof(*s->counts));
	reports_figures_begin(&s->reports);
	delivery_figures_begin(s);
	consumers_figures_begin(s);
	sva_window_figures_begin(s);
	map_figures_begin(s);
}

void
run_figures_end(struct storm *s, struct storm_run *run)
{
	uiommu_stats_get(s->dev_id, &run->stats);
	uiommu_emu_verdict(s->emu, true, &run->verdict);
	uiommu_emu_latency_get(s->emu, run->latency);
	counts_sum(s->counts, s->o.pasids, &run->handled);
	reports_figures_end(&s->reports, &run->reports);
	delivery_figures_end(s, &run->delivered);
	consumers_figures_end(s);
	sva_window_figures_end(s);
	run->fault_usage = s->fault.usage;
	run->fault_allocations = s->fault.allocations;
}

/* When the control thread has to do something next. */
static uint64_t
next_due(const struct storm_run *run, const struct progress *progress, uint64_t now, uint64_t end)
{
	uint64_t next = RTE_MIN(now < end ? end : UINT64_MAX, now + TICK_NS);

	next = RTE_MIN(next, progress->due_ns);
	next = RTE_MIN(next, run->stuck.due_ns);
	return run->churn.period_ns != 0 ? RTE_MIN(next, run->churn.due_ns) : next;
}

/* A storm that is to be compared goes on until it has come to its end by itself. */
static uint64_t
duration_of(const struct storm_options *o)
{
	return o->map.compare ? COMPARE_NS : (uint64_t)(o->duration_s * (double)SECOND_NS);
}

/* A fault lcore that was not given the processor all the time has nothing to show yet. */
static bool
has_begun(const struct storm *s)
{
	return __atomic_load_n(&s->fault.live_requests, __ATOMIC_RELAXED) !=
	       s->fault.at[PHASE_MEASURE].requests;
}

/* The control thread's part while the storm goes on: sleep, churn, phases, progress. */
static int
control(struct storm *s, struct storm_run *run, uint64_t duration_ns, struct progress *progress)
{
	uint64_t now = clock_now_ns(), end = now + duration_ns, latest = end + FIRST_NS;
	struct churn *churn = &run->churn;
	uint64_t next;
	int ret = 0;

	churn_begin(churn, now);
	stuck_begin(&run->stuck, now, duration_ns);
	progress_begin(progress, now);
	while (ret == 0 && (now < end || stuck_goes_on(&run->stuck)) && !storm_interrupted() &&
	       !map_is_over(s)) {
		next = next_due(run, progress, now, end);
		if (options_map_ends(&s->o))
			next = RTE_MIN(next, now + REST_LOOK_NS);
		if (next > now)
			clock_sleep_until_ns(next);
		now = clock_now_ns();
		if (now >= run->stuck.due_ns)
			stuck_turn(&run->stuck, now);
		if (churn->period_ns != 0 && now >= churn->due_ns && now < end)
			ret = churn_turn(churn);
		now = clock_now_ns();
		if (now >= progress->due_ns)
			progress_turn(progress, s, now);
		if (now >= end && now < latest && !has_begun(s))
			end = now + TICK_NS;
	}
	stuck_end(&run->stuck);
	progress_end(progress);
	return ret;
}

static void
sums_between(const struct fault_sums *from, const struct fault_sums *to, struct fault_sums *sums)
{
	sums->tsc = to->tsc - from->tsc;
	sums->busy_cycles = to->busy_cycles - from->busy_cycles;
	sums->requests = to->requests - from->requests;
	sums->busy_turns = to->busy_turns - from->busy_turns;
	sums->idle_turns = to->idle_turns - from->idle_turns;
	sums->away_cycles = to->away_cycles - from->away_cycles;
	sums->away_requests = to->away_requests - from->away_requests;
}

static int
warm_up(struct storm *s)
{
	uiommu_emu_traffic_run(s->emu, true);
	clock_sleep_ns(WARM_UP_NS);
	uiommu_emu_traffic_run(s->emu, false);
	if (run_wait_for_rest(s))
		return 0;
	talk("requests of the warm-up are not answered: %s does not work", s->info.name);
	return -ETIMEDOUT;
}

/*
 * Where groups are answered by cookie, a turn of the fault lcore counts requests and answers alike.
 * The engine knows how many of them were requests.
 */
static void
sums_of_requests(const struct storm *s, struct fault_sums *sums)
{
	struct uiommu_stats stats;
	double share;

	if (!storm_defers(s) || sums->requests == 0)
		return;
	uiommu_stats_get(s->dev_id, &stats);
	share = (double)stats.requests / (double)sums->requests;
	sums->away_requests = (uint64_t)((double)sums->away_requests * share);
	sums->requests = stats.requests;
}

static int
measure(struct storm *s, struct storm_run *run)
{
	struct fault_lcore *f = &s->fault;
	struct progress progress;
	int ret;

	ret = map_cool(s);
	if (ret < 0)
		return ret;
	progress_init(&progress, &s->o);
	run_figures_begin(s, run);
	fault_lcore_enter(f, PHASE_MEASURE);
	uiommu_emu_traffic_run(s->emu, true);
	ret = control(s, run, duration_of(&s->o), &progress);
	uiommu_emu_traffic_run(s->emu, false);
	fault_lcore_enter(f, PHASE_COOL);
	sums_between(&f->at[PHASE_MEASURE], &f->at[PHASE_COOL], &run->sums);
	sums_of_requests(s, &run->sums);
	run->at_rest = run_wait_for_rest(s);
	run->seconds = (double)run->sums.tsc / (double)rte_get_tsc_hz();
	return ret;
}

/* The fault lcore and the consumers, around the storm itself. */
static int
run_with_consumers(struct storm *s, struct storm_run *run)
{
	struct fault_lcore *f = &s->fault;
	int ret, ret2;

	ret = consumers_start(s);
	if (ret == 0)
		ret = evictor_start(s);
	if (ret == 0)
		ret = fault_lcore_launch(f, s->eal.lcore_fault);
	if (ret < 0)
		goto out;
	ret = warm_up(s);
	if (ret == 0)
		ret = measure(s, run);
	ret2 = fault_lcore_halt(f, s->eal.lcore_fault);
	ret = ret < 0 ? ret : ret2;
out:
	ret2 = evictor_stop(s);
	ret = ret < 0 ? ret : ret2;
	consumers_stop(s);
	map_figures_end(s, &run->map);
	if (ret == 0)
		ret = map_settle(s, run);
	run_figures_end(s, run);
	return ret;
}

void
run_fault_lcore_init(struct storm *s)
{
	struct fault_lcore *f = &s->fault;

	memset(f, 0, sizeof(*f));
	f->dev_id = s->dev_id;
	f->nb_queues = s->info.nb_queues;
	f->budget = (uint16_t)s->o.burst;
	f->holds = s->o.traffic.overflow;
	f->consumer = consumers_single(s);
}

int
run_storm(struct storm *s, struct storm_run *run)
{
	memset(run, 0, sizeof(*run));
	churn_init(&run->churn, s);
	stuck_init(&run->stuck, s);
	run_fault_lcore_init(s);
	return s->o.preload ? preload_storm(s, run) : run_with_consumers(s, run);
}
