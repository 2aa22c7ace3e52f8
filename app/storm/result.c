/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "allocs.h"
#include "result.h"
#include "talk.h"

/* Time lost to others from which on a core is called busy. */
#define BUSY_SHARE 0.10
/* Round trips that differ by more mean that the cores have moved. */
#define MOVED_FACTOR 2.0

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

/* Counter of the driver, by its name behind the driver's; 0: it has none. */
static uint64_t
driver_counter(const struct storm *s, const struct storm_result *r, const char *name)
{
	char whole[UIOMMU_XSTAT_NAME_SIZE];
	unsigned int i;

	snprintf(whole, sizeof(whole), "%s_%s", s->info.driver, name);
	for (i = 0; i < r->nb_xstats; i++)
		if (strcmp(r->xstats[i].name, whole) == 0)
			return r->xstats[i].value;
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
	r->storms = driver_counter(s, r, "storms");
	r->stalls_calmed = driver_counter(s, r, "stalls_calmed");
	r->unheard = driver_counter(s, r, "dead_answers") + driver_counter(s, r, "refused_answers");
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
	stuck_result_make(&r->run.stuck, &r->stuck);
	if (r->run.stats.requests != 0)
		r->around_ratio = (double)r->single.requests / (double)r->run.stats.requests;
	bad_requests_count(s, r);
	return 0;
}

static bool
judge_bad_requests(const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;
	uint64_t counted = r->refused + r->unfinished;

	if (!r->bad_exact ||
	    (counted <= v->bad_sent && counted >= v->bad_sent - v->bad_allowed))
		return true;
	talk("bad requests: %" PRIu64 " sent, %" PRIu64 " of them for software to judge, %" PRIu64
	     " counted", v->bad_sent, v->bad_allowed, counted);
	return false;
}

/* Engine and model must agree on what went through the queue and back. */
static bool
judge_books(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;
	const struct uiommu_stats *stats = &r->run.stats;
	bool ok = true;

	/*
	 * Stalls that the driver has ended by itself the engine never sees; a kernel answers what
	 * a bond has left by itself, read or not.
	 */
	if (stats->responses + r->stalls_calmed != v->responses + r->unheard) {
		talk("%" PRIu64 " responses sent, %" PRIu64 " seen by the devices, %" PRIu64
		     " too late", stats->responses + r->stalls_calmed, v->responses, r->unheard);
		ok = false;
	}
	if (stats->requests + r->stalls_calmed + v->unread != v->requests) {
		talk("%" PRIu64 " requests put into the queue, %" PRIu64 " taken off, %" PRIu64
		     " ended there", v->requests, stats->requests + r->stalls_calmed, v->unread);
		ok = false;
	}
	if (r->stalls_calmed < r->storms || (r->stalls_calmed != 0 && s->o.storm_limit == 0)) {
		talk("%" PRIu64 " storms of stalls, %" PRIu64 " stalls ended for them", r->storms,
		     r->stalls_calmed);
		ok = false;
	}
	if (s->o.handler == STORM_HANDLER_COUNT &&
	    r->run.handled.groups + stats->delivered + stats->queue_full != stats->groups) {
		talk("%" PRIu64 " groups routed, %" PRIu64 " seen by the handler", stats->groups,
		     r->run.handled.groups);
		ok = false;
	}
	return ok;
}

/* What has failed for good is told to the application: all of it, and nothing else. */
static bool
judge_reports(const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;
	const struct uiommu_stats *stats = &r->run.stats;
	bool ok = true;

	if (stats->reports != r->run.reports.all) {
		talk("%" PRIu64 " reports of the engine, %" PRIu64 " taken", stats->reports,
		     r->run.reports.all);
		ok = false;
	}
	/* of an overflow, software learns that there was one */
	if (v->reports != 0 && v->report_overflows == 0 &&
	    stats->reports + stats->reports_lost != v->reports) {
		talk("%" PRIu64 " reports of the unit, %" PRIu64 " of the engine and %" PRIu64
		     " lost", v->reports, stats->reports, stats->reports_lost);
		ok = false;
	}
	return ok;
}

static bool
must_equal(const char *what, uint64_t a, const char *and, uint64_t b)
{
	if (a == b)
		return true;
	talk("fault queues: %" PRIu64 " groups %s, %" PRIu64 " %s", a, what, b, and);
	return false;
}

/* Engine, fault queues and consumers must agree on what was handed over and answered. */
static bool
judge_delivery(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_fault_queue_stats *fq = &r->run.delivered;
	const struct uiommu_stats *stats = &r->run.stats;
	uint64_t groups = 0, errors = 0;
	uint32_t i;
	bool ok;

	if (s->delivery.nb == 0)
		return true;
	for (i = 0; i < s->consumers.nb; i++) {
		groups += s->consumers.done[i].groups;
		errors += s->consumers.done[i].errors;
	}
	ok = must_equal("delivered by the engine", stats->delivered, "into the queues",
			fq->delivered);
	ok &= must_equal("answered RETRY by the engine", stats->queue_full, "refused by the queues",
			 fq->full);
	ok &= must_equal("delivered", fq->delivered, "answered or revoked",
			 fq->answered + fq->revoked);
	ok &= must_equal("answered by the consumers", groups, "answered of the queues'",
			 fq->answered);
	if (s->o.handler == STORM_HANDLER_DELIVER)
		ok &= must_equal("routed", stats->groups, "delivered or answered RETRY",
				 stats->delivered + stats->queue_full);
	if (errors != 0) {
		talk("fault queues: %" PRIu64 " reads failed", errors);
		ok = false;
	}
	if (s->o.stuck && r->stuck.phases != 0 && !r->stuck.was_stuck) {
		talk("the consumer was not stuck: in one of the phases it held no group");
		ok = false;
	}
	return ok;
}

/*
 * A page that was answered "retry" cannot be told from one that is there: there must be none. While
 * bonds go and come there may be some, since groups that were taken back still fill the queue until
 * somebody has read past them: then no more pages may be missing than were answered so.
 */
static bool
judge_sva(const struct storm *s, const struct storm_result *r)
{
	const struct sva_window *w = &s->sva;
	uint64_t retries = r->run.stats.codes[UIOMMU_CODE_RETRY];
	uint64_t excused = s->o.churn != 0 ? retries * s->o.traffic.group_pages_max : 0;
	bool ok = true;

	if (s->o.handler != STORM_HANDLER_SVA)
		return true;
	if (retries != 0 && s->o.churn == 0) {
		talk("%" PRIu64 " groups were answered RETRY: pages cannot be checked", retries);
		ok = false;
	}
	if (w->nb_missing > excused) {
		talk("%" PRIu64 " of %" PRIu64 " pages were answered Success and are not there",
		     w->nb_missing, w->nb_touched);
		ok = false;
	}
	if (w->nb_touched == 0) {
		talk("no page was answered Success");
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
	r->clean &= judge_reports(r);
	r->clean &= judge_bad_requests(r);
	r->clean &= judge_delivery(s, r);
	r->clean &= judge_sva(s, r);
	r->clean &= result_map_judge(s, r);
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
