/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_errno.h>

#include "allocs.h"
#include "clock.h"
#include "job.h"
#include "preload.h"
#include "progress.h"
#include "talk.h"

#define WARM_UP_NS UINT64_C(200000000)
#define TICK_NS UINT64_C(100000000)

enum turn {
	TURN_MODEL = 0,
	TURN_ENGINE,
	TURN_END, /* both stop */
};

struct preload {
	struct storm *storm;
	bool stop __attribute__((aligned(128))); /* atomic; by the control thread */
	uint32_t turn __attribute__((aligned(128))); /* enum turn, atomic: whose it is */
	/* engine's */
	struct fault_sums sums __attribute__((aligned(128)));
	/* model's */
	uint64_t rounds __attribute__((aligned(128)));
	uint64_t model_cycles;
};

static inline void
turn_give(struct preload *p, enum turn to)
{
	/* pairs with the acquire load in turn_await() */
	__atomic_store_n(&p->turn, to, __ATOMIC_RELEASE);
}

/* Returns what came instead of "from". */
static inline enum turn
turn_await(const struct preload *p, enum turn from)
{
	uint32_t turn;

	/* pairs with the release store in turn_give() */
	while ((turn = __atomic_load_n(&p->turn, __ATOMIC_ACQUIRE)) == from)
		;
	return (enum turn)turn;
}

/* Empty the queue. The clock runs from letting the engine go until it finds nothing more. */
static void
engine_turn(struct preload *p, struct fault_lcore *f)
{
	struct fault_sums *sums = &p->sums;
	const uint64_t away_limit = fault_away_limit();
	uint64_t now = rte_rdtsc(), begin;
	uint32_t n;

	do {
		begin = now;
		n = fault_queues_poll(f->dev_id, f->nb_queues, f->budget);
		now = rte_rdtsc();
		sums->tsc += now - begin;
		if (n != 0) {
			fault_sums_add(sums, now - begin, n, away_limit);
		}
	} while (n != 0);
	sums->idle_turns++;
	__atomic_store_n(&f->live_busy_cycles, sums->busy_cycles, __ATOMIC_RELAXED);
	__atomic_store_n(&f->live_requests, sums->requests, __ATOMIC_RELAXED);
}

static int
engine_main(void *arg)
{
	struct preload *p = arg;
	struct fault_lcore *f = &p->storm->fault;
	struct usage_mark mark;

	f->result = fault_queues_claim(f);
	if (f->result < 0) {
		__atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
		while (turn_await(p, TURN_MODEL) != TURN_END)
			turn_give(p, TURN_MODEL);
		return f->result;
	}
	usage_begin(&mark);
	allocs_count_begin();
	while (turn_await(p, TURN_MODEL) == TURN_ENGINE) {
		engine_turn(p, f);
		turn_give(p, TURN_MODEL);
	}
	f->allocations = allocs_count_end();
	usage_end(&mark, &f->usage);
	f->result = fault_queues_release(f);
	return f->result;
}

static int
model_main(void *arg)
{
	struct preload *p = arg;
	struct model_lcore *m = &p->storm->model;
	struct usage_mark mark;
	uint64_t begin;

	usage_begin(&mark);
	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		begin = rte_rdtsc();
		uiommu_emu_preload(m->emu);
		p->model_cycles += rte_rdtsc() - begin;
		turn_give(p, TURN_ENGINE);
		turn_await(p, TURN_ENGINE);
		begin = rte_rdtsc();
		while (uiommu_emu_drain(m->emu) != 0)
			;
		p->model_cycles += rte_rdtsc() - begin;
		p->rounds++;
	}
	turn_give(p, TURN_END);
	usage_end(&mark, &m->usage);
	return 0;
}

static void
control(struct preload *p, uint64_t duration_ns, struct progress *progress)
{
	uint64_t now = clock_now_ns(), end = now + duration_ns;

	while (now < end && !storm_interrupted() && !__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		clock_sleep_until_ns(RTE_MIN(end, now + TICK_NS));
		now = clock_now_ns();
		if (progress != NULL && now >= progress->due_ns)
			progress_turn(progress, p->storm, now);
	}
	__atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
}

/* Rounds for a time. */
static int
rounds(struct storm *s, struct preload *p, uint64_t duration_ns, struct progress *progress)
{
	int ret;

	memset(p, 0, sizeof(*p));
	p->storm = s;
	ret = job_start(s->eal.lcore_fault, engine_main, p);
	if (ret == 0) {
		ret = job_start(s->eal.lcore_model, model_main, p);
		if (ret == 0)
			control(p, duration_ns, progress);
		else
			turn_give(p, TURN_END);
	}
	job_wait(s->eal.lcore_fault);
	job_wait(s->eal.lcore_model);
	if (ret == 0)
		ret = s->fault.result;
	if (ret < 0)
		talk("the lcores cannot be set to work: %s", rte_strerror(-ret));
	return ret;
}

static int
storm_of_rounds(struct storm *s, struct storm_run *run)
{
	struct uiommu_emu_verdict verdict;
	struct progress progress;
	struct preload p;
	double hz = (double)rte_get_tsc_hz();
	int ret;

	ret = rounds(s, &p, WARM_UP_NS, NULL);
	if (ret < 0)
		return ret;
	run_figures_begin(s, run);
	memset(&s->fault.at[PHASE_MEASURE], 0, sizeof(s->fault.at[PHASE_MEASURE]));
	progress_init(&progress, &s->o);
	progress_begin(&progress, clock_now_ns());
	ret = rounds(s, &p, (uint64_t)(s->o.duration_s * 1e9), &progress);
	progress_end(&progress);
	if (ret < 0)
		return ret;
	uiommu_emu_verdict(s->emu, false, &verdict);
	run->at_rest = verdict.outstanding == 0;
	run->sums = p.sums;
	run->rounds = p.rounds;
	run->seconds = (double)p.sums.tsc / hz;
	run->model_seconds = (double)p.model_cycles / hz;
	return 0;
}

int
preload_storm(struct storm *s, struct storm_run *run)
{
	int ret, ret2;

	model_lcore_halt(&s->model, s->eal.lcore_model);
	ret = storm_of_rounds(s, run);
	map_figures_end(s, &run->map);
	run_figures_end(s, run);
	ret2 = model_lcore_launch(&s->model, s->eal.lcore_model);
	return ret < 0 ? ret : ret2;
}
