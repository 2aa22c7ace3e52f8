/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <inttypes.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "allocs.h"
#include "devices.h"
#include "report.h"
#include "report_life.h"

static void
print_head(const struct storm *s)
{
	const struct storm_options *o = &s->o;

	printf("unit       %s (%s, %s), source %s, queue of %u, burst %u\n", s->info.name,
	       s->info.driver, s->info.platform, options_source_name(o->source),
	       s->info.queue_entries, s->info.burst);
	printf("devices    %u endpoints, %u PASID%s, %u domain%s", o->endpoints, options_pasids(o),
	       options_pasids(o) == 1 ? "" : "s", o->domains, o->domains == 1 ? "" : "s");
	if (s->credits[0] != 0)
		printf(", %u credits each", s->credits[0]);
	if (o->source == STORM_SOURCE_BOTH)
		printf(" of %u", devices_of_kind(o, false));
	if (s->credits[1] != 0)
		printf(", %u stalls each", s->credits[1]);
	if (o->source == STORM_SOURCE_BOTH)
		printf(" of %u", devices_of_kind(o, true));
	printf("\n");
	printf("traffic    %s, groups of %u-%u, %.3g writes, %.3g bad, seed %" PRIu64 "%s%s\n",
	       options_profile_name(o->traffic.profile), o->traffic.group_pages_min,
	       o->traffic.group_pages_max, o->traffic.write_ratio, o->traffic.bad_ratio,
	       o->traffic.seed, o->traffic.overflow ? ", overflow" : "",
	       o->preload ? ", preloaded" : "");
	printf("engine     handler %s, judge %s, memory %s\n", options_handler_name(o->handler),
	       options_judge_name(o->traffic.judge),
	       s->eal.hugepages ? "hugepages" : "no hugepages");
}

static void
print_bound(const struct storm *s, const struct storm_result *r)
{
	struct entry_bytes entries[SOURCE_KINDS];
	uint32_t nb = source_entries(s->o.source, s->kind, entries), i;

	printf("bound      %.3f M/s (bare rings", r->bound.best * 1e-6);
	for (i = 0; i < nb; i++)
		printf("%s %u in, %u out", i == 0 ? "," : " and", entries[i].in, entries[i].out);
	printf(": %.1f, %.1f, %.1f), ratio %.3f\n", r->bound.slices[0] * 1e-6,
	       r->bound.slices[1] * 1e-6, r->bound.slices[2] * 1e-6, r->bound_ratio);
}

static void
print_rates(const struct storm *s, const struct storm_result *r)
{
	const struct storm_run *run = &r->run;

	printf("\nmeasured   %.3f s%s\n", run->seconds, s->o.preload ? " of the engine alone" : "");
	printf("requests   %.3f M/s\n", r->requests_per_s * 1e-6);
	printf("cost       %.2f ns per request (undisturbed %.2f), fault lcore %.1f %% busy\n",
	       r->ns_per_request, r->undisturbed_ns_per_request, r->busy_ratio * 100);
	printf("engine     %.3f M/s at 100 %% busy\n", r->engine_requests_per_s * 1e-6);
	if (r->has_bound)
		print_bound(s, r);
	printf("round trip %.0f ns between the cores before, %.0f ns after\n",
	       r->round_trip_before_ns, r->round_trip_after_ns);
	printf("latency    p50 %" PRIu64 ", p90 %" PRIu64 ", p99 %" PRIu64 ", p99.9 %" PRIu64
	       ", max %" PRIu64 " ns\n", r->latency.p50, r->latency.p90, r->latency.p99,
	       r->latency.p999, r->latency.max);
}

static void
print_answers(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;
	const struct count_sums *handled = &r->run.handled;
	unsigned int i;

	printf("\nanswers   ");
	for (i = 0; i < UIOMMU_CODE_SENT_COUNT; i++)
		printf(" %s %" PRIu64, uiommu_code_name(i), r->run.stats.codes[i]);
	printf("\nby unit    success %" PRIu64 " invalid %" PRIu64 " dropped %" PRIu64 "\n",
	       v->auto_success, v->auto_invalid, v->dropped);
	if (s->o.handler == STORM_HANDLER_COUNT)
		printf("handler    groups %" PRIu64 " pages %" PRIu64 " reads %" PRIu64
		       " writes %" PRIu64 "\n", handled->groups, handled->pages, handled->reads,
		       handled->writes);
	if (v->bad_sent != 0)
		printf("bad        %" PRIu64 " sent, %" PRIu64 " refused, %" PRIu64
		       " never finished%s\n", v->bad_sent, r->refused, r->unfinished,
		       r->bad_exact ? "" : " (not comparable)");
	if (s->o.source != STORM_SOURCE_PRI)
		report_stalls(r);
	if (r->run.reports.all != 0)
		report_reports(&r->run.reports);
	if (r->run.churn.done != 0)
		report_churn(&r->run.churn);
	if (s->delivery.nb != 0)
		report_delivery(s, &r->run.delivered);
	if (s->o.handler == STORM_HANDLER_SVA)
		report_sva(s);
	if (s->o.handler == STORM_HANDLER_MAP)
		report_map(s, r);
	if (r->stuck.phases != 0)
		report_stuck(&r->stuck);
	if (s->o.preload)
		printf("rounds     %" PRIu64 ", model alone %.3f s\n", r->run.rounds,
		       r->run.model_seconds);
}

static void
print_counters(const struct storm_result *r)
{
	unsigned int i;

	printf("\ncounters\n");
	for (i = 0; i < r->nb_xstats; i++)
		if (r->xstats[i].value != 0)
			printf("  %-28s %20" PRIu64 "\n", r->xstats[i].name, r->xstats[i].value);
}

static void
print_lcore(const char *what, int cpu, const struct lcore_usage *usage)
{
	char where[32] = "";

	if (cpu >= 0)
		snprintf(where, sizeof(where), " core %d,", cpu);
	printf("%-10s%s switches %" PRIu64 " involuntary, %" PRIu64
	       " voluntary, %.2f %% lost, longest turn %.1f us", what, where, usage->involuntary,
	       usage->voluntary, usage->lost_share * 100,
	       (double)usage->longest_cycles * 1e6 / (double)rte_get_tsc_hz());
}

static void
print_lcores(const struct storm *s, const struct storm_result *r)
{
	printf("\n");
	print_lcore("fault", s->eal.cpu_fault, &r->run.fault_usage);
	if (allocs_can_count())
		printf(", %" PRIu64 " allocations", r->run.fault_allocations);
	printf("\n");
	print_lcore("model", s->eal.cpu_model, &r->run.model_usage);
	printf("\n");
}

static void
print_verdict(const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;

	printf("\nverdict    requests %" PRIu64 " groups %" PRIu64 " responses %" PRIu64
	       " overflows %" PRIu64 "\n", v->requests, v->groups, v->responses, v->overflows);
	printf("           lost %" PRIu64 " duplicated %" PRIu64 " wrong %" PRIu64
	       " unexpected %" PRIu64 "\n", v->lost, v->duplicated, v->wrong, v->unexpected);
	printf("           overdrawn %" PRIu64 " stale %" PRIu64 " protocol %" PRIu64
	       " unmapped %" PRIu64 " corrupt %" PRIu64 "\n",
	       v->overdrawn, v->stale, v->protocol, v->unmapped, v->corrupt);
	if (v->first[0] != '\0')
		printf("           first: %s\n", v->first);
	printf("           %s\n", r->clean ? "CLEAN" : "NOT CLEAN");
}

void
report_print(const struct storm *s, const struct storm_result *r)
{
	print_head(s);
	print_rates(s, r);
	print_answers(s, r);
	print_counters(r);
	print_lcores(s, r);
	print_verdict(r);
}
