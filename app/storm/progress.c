/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "progress.h"
#include "storm.h"

#define SECOND_NS UINT64_C(1000000000)

void
progress_init(struct progress *p, const struct storm_options *o)
{
	memset(p, 0, sizeof(*p));
	p->terminal = !o->progress && isatty(STDERR_FILENO) == 1;
	p->on = !o->quiet && (o->progress || p->terminal);
}

void
progress_begin(struct progress *p, uint64_t now_ns)
{
	p->begin_ns = now_ns;
	p->last_ns = now_ns;
	p->due_ns = p->on ? now_ns + SECOND_NS : UINT64_MAX;
}

/* Of the fault lcore, since its loop began; or of the engine, since figures began. */
static uint64_t
requests_now(const struct storm *s)
{
	struct uiommu_stats stats = {0};

	if (!storm_defers(s))
		return __atomic_load_n(&s->fault.live_requests, __ATOMIC_RELAXED);
	uiommu_stats_get(s->dev_id, &stats);
	return stats.requests;
}

void
progress_turn(struct progress *p, const struct storm *s, uint64_t now_ns)
{
	uint64_t requests = requests_now(s);
	uint64_t cycles = __atomic_load_n(&s->fault.live_busy_cycles, __ATOMIC_RELAXED);
	uint64_t n = requests - p->last_requests, busy = cycles - p->last_busy_cycles;
	double seconds = (double)(now_ns - p->last_ns) / (double)SECOND_NS;
	double hz = (double)rte_get_tsc_hz();
	struct uiommu_emu_verdict v;

	/* the warm-up is in the first difference */
	if (p->last_ns == p->begin_ns) {
		n = storm_defers(s) ? requests
				    : requests - s->fault.at[PHASE_MEASURE].requests;
		busy = cycles - s->fault.at[PHASE_MEASURE].busy_cycles;
	}
	uiommu_emu_verdict(s->emu, false, &v);
	fprintf(stderr,
		"%s%5.0f s  %7.2f M requests/s  %5.1f ns each  %3.0f %% busy  %s%s",
		p->terminal ? "\r\033[K" : "", (double)(now_ns - p->begin_ns) / (double)SECOND_NS,
		(double)n / seconds * 1e-6, n == 0 ? 0 : (double)busy / hz * 1e9 / (double)n,
		(double)busy / hz / seconds * 100,
		uiommu_emu_verdict_clean(&v) ? "clean" : "NOT CLEAN", p->terminal ? "" : "\n");
	p->last_requests = requests;
	p->last_busy_cycles = cycles;
	p->last_ns = now_ns;
	p->due_ns += SECOND_NS;
}

void
progress_end(struct progress *p)
{
	if (p->on && p->terminal && p->last_ns != p->begin_ns)
		fprintf(stderr, "\r\033[K");
	p->due_ns = UINT64_MAX;
}
