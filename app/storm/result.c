/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "allocs.h"
#include "result.h"
#include "talk.h"

/* Time lost to others from which on a core is called busy. */
#define BUSY_SHARE 0.10
/* Round trips that differ by more mean that the cores have moved. */
#define MOVED_FACTOR 2.0

static uint64_t
cycles_to_ns(uint64_t cycles)
{
	return (uint64_t)((double)cycles * 1e9 / (double)rte_get_tsc_hz());
}

/* Largest value of the bucket in which the share is reached. */
static uint64_t
percentile(const uint64_t *counts, uint64_t total, double share)
{
	uint64_t wanted = (uint64_t)((double)total * share), sum = 0;
	unsigned int i, last = 0;

	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++) {
		if (counts[i] == 0)
			continue;
		last = i;
		sum += counts[i];
		if (sum > wanted)
			break;
	}
	return cycles_to_ns(uiommu_latency_bucket_max(last));
}

static void
latency_make(const uint64_t *counts, struct latency_ns *latency)
{
	unsigned int i;

	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
		latency->count += counts[i];
	if (latency->count == 0)
		return;
	latency->p50 = percentile(counts, latency->count, 0.5);
	latency->p90 = percentile(counts, latency->count, 0.9);
	latency->p99 = percentile(counts, latency->count, 0.99);
	latency->p999 = percentile(counts, latency->count, 0.999);
	latency->max = percentile(counts, latency->count, 1.0);
}

/*
 * Every bad request must have been counted. Most kinds have a counter. A request whose group
 * is never closed is parked, and thrown away or, when the device uses the index again,
 * swallowed by another group: with groups of one page such a request shows as the second one of
 * a group. Churn and overflow make good requests bad on their way: then nothing can be compared.
 */
static void
bad_requests_count(const struct storm *s, struct storm_result *r)
{
	const struct uiommu_stats *stats = &r->run.stats;

	r->refused = stats->malformed + stats->unknown_endpoint + stats->unknown_pasid +
		     stats->stop_markers;
	r->bad_exact = s->o.traffic.group_pages_max == 1 && s->o.churn == 0 &&
		       !s->o.traffic.overflow && stats->incomplete == 0;
	if (s->o.traffic.group_pages_max == 1)
		r->unfinished = stats->grouped - stats->groups + stats->park_full +
				stats->discarded + stats->parked_now - r->run.parked_before;
}

static int
xstats_read(const struct storm *s, struct storm_result *r)
{
	int nb = uiommu_xstats_get(s->dev_id, NULL, 0);

	if (nb < 0)
		return nb;
	r->xstats = calloc((size_t)nb, sizeof(*r->xstats));
	if (r->xstats == NULL)
		return -ENOMEM;
	r->nb_xstats = (unsigned int)uiommu_xstats_get(s->dev_id, r->xstats, (unsigned int)nb);
	return 0;
}

int
result_make(const struct storm *s, struct storm_result *r)
{
	const struct fault_sums *sums = &r->run.sums;
	double busy_s = (double)sums->busy_cycles / (double)rte_get_tsc_hz();
	int ret = xstats_read(s, r);

	if (ret < 0) {
		talk("no memory for the counters");
		return ret;
	}
	if (r->run.seconds > 0) {
		r->requests_per_s = (double)sums->requests / r->run.seconds;
		r->busy_ratio = busy_s / r->run.seconds;
	}
	if (sums->requests != 0 && busy_s > 0) {
		r->ns_per_request = busy_s * 1e9 / (double)sums->requests;
		r->engine_requests_per_s = 1e9 / r->ns_per_request;
	}
	if (sums->requests > sums->away_requests)
		r->undisturbed_ns_per_request =
			(double)(sums->busy_cycles - sums->away_cycles) * 1e9 /
			(double)rte_get_tsc_hz() / (double)(sums->requests - sums->away_requests);
	latency_make(r->run.latency, &r->latency);
	bad_requests_count(s, r);
	return 0;
}

static bool
judge_bad_requests(const struct storm_result *r)
{
	uint64_t counted = r->refused + r->unfinished;

	if (!r->bad_exact || counted == r->run.verdict.bad_sent)
		return true;
	talk("bad requests: %" PRIu64 " sent, %" PRIu64 " counted", r->run.verdict.bad_sent,
	     counted);
	return false;
}

/* Engine and model must agree on what went through the queue and back. */
static bool
judge_books(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;
	const struct uiommu_stats *stats = &r->run.stats;
	bool ok = true;

	if (stats->responses != v->responses) {
		talk("%" PRIu64 " responses sent, %" PRIu64 " seen by the devices",
		     stats->responses, v->responses);
		ok = false;
	}
	if (stats->requests != v->requests) {
		talk("%" PRIu64 " requests put into the queue, %" PRIu64 " taken off", v->requests,
		     stats->requests);
		ok = false;
	}
	if (s->o.handler == STORM_HANDLER_COUNT && r->run.handled.groups != stats->groups) {
		talk("%" PRIu64 " groups delivered, %" PRIu64 " seen by the handler", stats->groups,
		     r->run.handled.groups);
		ok = false;
	}
	return ok;
}

static bool
judge_core(const char *what, int cpu, const struct lcore_usage *usage)
{
	char where[32] = "";

	if (usage->lost_share < BUSY_SHARE)
		return true;
	if (cpu >= 0)
		snprintf(where, sizeof(where), " %d", cpu);
	talk("core%s is busy: the %s lost %.0f %% of its time to others", where, what,
	     usage->lost_share * 100);
	return false;
}

static bool
judge_cores(const struct storm *s, const struct storm_result *r)
{
	double before = r->round_trip_before_ns, after = r->round_trip_after_ns;
	bool idle = judge_core("fault lcore", s->eal.cpu_fault, &r->run.fault_usage);

	idle &= judge_core("model", s->eal.cpu_model, &r->run.model_usage);
	if (before > 0 && after > 0 &&
	    (before > after * MOVED_FACTOR || after > before * MOVED_FACTOR))
		talk("the cores have moved: a round trip took %.0f ns before the storm, %.0f ns "
		     "after it; the bound may be another place's", before, after);
	return idle || !s->o.exclusive;
}

void
result_judge(const struct storm *s, struct storm_result *r)
{
	bool ok;

	r->clean = uiommu_emu_verdict_clean(&r->run.verdict) && r->run.warm_up_clean;
	if (!uiommu_emu_verdict_clean(&r->run.verdict))
		talk("verdict not clean: %s", r->run.verdict.first[0] != '\0' ?
			     r->run.verdict.first : "requests are not answered");
	r->clean &= judge_books(s, r);
	r->clean &= judge_bad_requests(r);
	ok = judge_cores(s, r);
	if (s->o.check_fast_path && !allocs_can_count()) {
		talk("--check-fast-path: this build cannot count allocations");
		ok = false;
	} else if (s->o.check_fast_path && r->run.fault_allocations != 0) {
		talk("the fault lcore allocated or freed memory %" PRIu64 " times",
		     r->run.fault_allocations);
		ok = false;
	}
	if (r->has_bound && r->bound.best > 0)
		r->bound_ratio = r->engine_requests_per_s / r->bound.best;
	r->exit_code = r->clean && ok ? STORM_OK : STORM_FAILED;
}

void
result_free(struct storm_result *r)
{
	free(r->xstats);
	r->xstats = NULL;
	r->nb_xstats = 0;
}
