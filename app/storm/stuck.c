/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "clock.h"
#include "latency.h"
#include "storm.h"
#include "stuck.h"

/* Long enough for a p99 that means something, short enough for many of them. */
#define PHASE_NS UINT64_C(100000000)
/*
 * Before a phase counts: a part of it, bounded. The queues come to the new state in microseconds;
 * where the machine is crowded they are waited for, a look at a time.
 */
#define SETTLE_PART 5
#define SETTLE_NS_MAX UINT64_C(50000000)
#define LOOK_NS UINT64_C(1000000)
#define LOOKS_END_NS UINT64_C(60000000000)

void
stuck_init(struct stuck *st, struct storm *s)
{
	memset(st, 0, sizeof(*st));
	st->storm = s->o.stuck ? s : NULL;
	st->due_ns = UINT64_MAX;
}

static uint64_t
settle_ns(const struct stuck *st)
{
	return RTE_MIN(st->phase_ns / SETTLE_PART, SETTLE_NS_MAX);
}

static void
phase_enter(struct stuck *st, enum stuck_kind kind, uint64_t now_ns)
{
	st->kind = kind;
	st->measures = false;
	st->begin_ns = now_ns;
	st->due_ns = now_ns + settle_ns(st);
	consumers_hold(st->storm, kind == STUCK_HOLDS);
}

void
stuck_begin(struct stuck *st, uint64_t now_ns, uint64_t duration_ns)
{
	uint64_t pairs = duration_ns / 2 / PHASE_NS;

	if (st->storm == NULL)
		return;
	pairs = RTE_MIN(pairs, (uint64_t)STUCK_PHASES_MAX);
	st->pairs = (uint32_t)RTE_MAX(pairs, (uint64_t)STUCK_PHASES_MIN);
	st->phase_ns = duration_ns / 2 / st->pairs;
	phase_enter(st, STUCK_ANSWERS, now_ns);
}

bool
stuck_goes_on(const struct stuck *st)
{
	return st->due_ns != UINT64_MAX;
}

static uint64_t
queue_full(const struct storm *s)
{
	struct uiommu_fault_queue_stats stats = {0};

	uiommu_fault_queue_stats_get(s->delivery.queues[s->delivery.nb - 1], &stats);
	return stats.full;
}

static void
measure_begin(struct stuck *st, uint64_t now_ns)
{
	struct storm *s = st->storm;

	st->measures = true;
	st->due_ns = now_ns - settle_ns(st) + st->phase_ns;
	uiommu_emu_class_get(s->emu, STORM_CLASS_OTHERS, &st->begin[STORM_CLASS_OTHERS]);
	uiommu_emu_class_get(s->emu, STORM_CLASS_STUCK, &st->begin[STORM_CLASS_STUCK]);
	st->begin_full = queue_full(s);
	st->begin_cpu_ns[0] = lcore_cpu_ns(&s->fault.cpu_clock);
	st->begin_cpu_ns[1] = lcore_cpu_ns(&s->model.cpu_clock);
	st->begin_ns = clock_now_ns();
}

/* Of the time since the phase began, of the lcore that lost more. */
static double
lost_ratio(const struct stuck *st, double wall_ns)
{
	const struct storm *s = st->storm;
	uint64_t fault = lcore_cpu_ns(&s->fault.cpu_clock) - st->begin_cpu_ns[0];
	uint64_t model = lcore_cpu_ns(&s->model.cpu_clock) - st->begin_cpu_ns[1];
	double had = (double)RTE_MIN(fault, model);

	return had < wall_ns ? 1 - had / wall_ns : 0;
}

static void
measure_end(struct stuck *st)
{
	struct stuck_figures *f = &st->phases[st->kind][st->nb[st->kind]];
	struct storm *s = st->storm;
	struct uiommu_emu_class others, stuck;
	struct latency_ns latency;
	double lost, seconds;
	unsigned int i;

	seconds = (double)(clock_now_ns() - st->begin_ns) * 1e-9;
	lost = lost_ratio(st, seconds * 1e9);
	uiommu_emu_class_get(s->emu, STORM_CLASS_OTHERS, &others);
	uiommu_emu_class_get(s->emu, STORM_CLASS_STUCK, &stuck);
	others.requests -= st->begin[STORM_CLASS_OTHERS].requests;
	stuck.requests -= st->begin[STORM_CLASS_STUCK].requests;
	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
		others.counts[i] -= st->begin[STORM_CLASS_OTHERS].counts[i];
	latency_make(others.counts, &latency);
	*f = (struct stuck_figures){
		.requests_per_s = (double)others.requests / seconds,
		.p50_ns = (double)latency.p50,
		.p99_ns = (double)latency.p99,
		.p999_ns = (double)latency.p999,
		.stuck_requests_per_s = (double)stuck.requests / seconds,
		.retries_per_s = (double)(queue_full(s) - st->begin_full) / seconds,
		.held = (double)consumers_held(s),
		.lost_ratio = lost,
	};
	st->nb[st->kind]++;
}

/* Whether the consumer does what it was told. */
static bool
is_settled(const struct stuck *st)
{
	return (consumers_held(st->storm) != 0) == (st->kind == STUCK_HOLDS);
}

void
stuck_turn(struct stuck *st, uint64_t now_ns)
{
	if (!st->measures) {
		if (is_settled(st) || now_ns > st->begin_ns + LOOKS_END_NS)
			measure_begin(st, now_ns);
		else
			st->due_ns = now_ns + LOOK_NS;
		return;
	}
	measure_end(st);
	if (st->nb[STUCK_HOLDS] == st->pairs)
		stuck_end(st);
	else
		phase_enter(st, st->kind == STUCK_ANSWERS ? STUCK_HOLDS : STUCK_ANSWERS,
			    clock_now_ns());
}

void
stuck_end(struct stuck *st)
{
	if (st->storm != NULL)
		consumers_hold(st->storm, false);
	st->due_ns = UINT64_MAX;
}

/* --------------------------------------------------------------------- result */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median of one member, that lies at this offset, over the first phases of a kind. */
static double
median(const struct stuck *st, enum stuck_kind kind, uint32_t nb, size_t offset)
{
	double values[STUCK_PHASES_MAX];
	uint32_t i;

	for (i = 0; i < nb; i++)
		memcpy(&values[i], (const char *)&st->phases[kind][i] + offset, sizeof(values[i]));
	qsort(values, nb, sizeof(values[0]), compare);
	return (values[(nb - 1) / 2] + values[nb / 2]) / 2;
}

#define MEDIAN(member) median(st, kind, nb, offsetof(struct stuck_figures, member))

static void
medians_make(const struct stuck *st, enum stuck_kind kind, uint32_t nb, struct stuck_figures *f)
{
	*f = (struct stuck_figures){
		.requests_per_s = MEDIAN(requests_per_s),
		.p50_ns = MEDIAN(p50_ns),
		.p99_ns = MEDIAN(p99_ns),
		.p999_ns = MEDIAN(p999_ns),
		.stuck_requests_per_s = MEDIAN(stuck_requests_per_s),
		.retries_per_s = MEDIAN(retries_per_s),
		.held = MEDIAN(held),
		.lost_ratio = MEDIAN(lost_ratio),
	};
}

static double
ratio(double b, double a)
{
	return a > 0 ? b / a : 0;
}

static int
compare_lost(const void *a, const void *b)
{
	const struct stuck_figures *x = a, *y = b;

	return compare(&x->lost_ratio, &y->lost_ratio);
}

void
stuck_result_make(struct stuck *st, struct stuck_result *r)
{
	const struct stuck_figures *a = &r->medians[STUCK_ANSWERS], *b = &r->medians[STUCK_HOLDS];
	uint32_t nb = RTE_MIN(st->nb[STUCK_ANSWERS], st->nb[STUCK_HOLDS]), i;

	memset(r, 0, sizeof(*r));
	r->phases = nb / 2;
	if (r->phases == 0)
		return;
	r->was_stuck = true;
	for (i = 0; i < st->nb[STUCK_HOLDS]; i++)
		r->was_stuck &= st->phases[STUCK_HOLDS][i].held > 0;
	for (i = 0; i < STUCK_KINDS; i++) {
		qsort(st->phases[i], st->nb[i], sizeof(st->phases[i][0]), compare_lost);
		medians_make(st, i, r->phases, &r->medians[i]);
	}
	r->throughput_ratio = ratio(b->requests_per_s, a->requests_per_s);
	r->p50_ratio = ratio(b->p50_ns, a->p50_ns);
	r->p99_ratio = ratio(b->p99_ns, a->p99_ns);
	r->p999_ratio = ratio(b->p999_ns, a->p999_ns);
}
