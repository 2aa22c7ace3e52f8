/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "allocs.h"
#include "devices.h"
#include "json_parts.h"
#include "report.h"
#include "talk.h"

static void
add_config(json_t *root, const struct storm *s)
{
	const struct storm_options *o = &s->o;
	json_t *config = json_object();
	char modes[64];

	set_text(config, "driver", s->info.driver);
	set_text(config, "platform", s->info.platform);
	set_count(config, "queue_entries", s->info.queue_entries);
	set_count(config, "burst", s->info.burst);
	set_text(config, "source", options_source_name(o->source));
	set_count(config, "storm_limit", o->storm_limit);
	set_text(config, "handler", options_handler_name(o->handler));
	set_count(config, "endpoints", o->endpoints);
	set_count(config, "pasids", options_pasids(o));
	set_count(config, "domains", o->domains);
	set_count(config, "credits", s->credits[0]);
	set_count(config, "stalls", s->credits[1]);
	set_count(config, "stall_endpoints", devices_of_kind(o, true));
	set_count(config, "group_pages_min", o->traffic.group_pages_min);
	set_count(config, "group_pages_max", o->traffic.group_pages_max);
	set_text(config, "profile", options_profile_name(o->traffic.profile));
	set_real(config, "write_ratio", o->traffic.write_ratio);
	set_real(config, "bad_ratio", o->traffic.bad_ratio);
	set_count(config, "rate", o->traffic.rate);
	set_bool(config, "overflow", o->traffic.overflow);
	set_count(config, "churn", o->churn);
	set_text(config, "churn_mode", o->churn == 0 ? "" :
		 options_churn_names(o->churn_modes, modes, sizeof(modes)));
	set_count(config, "consumers", o->consumers);
	set_count(config, "fault_queues", o->fault_queues);
	set_bool(config, "sleep", o->sleep);
	set_bool(config, "stuck", o->stuck);
	set_count(config, "window_pages", o->traffic.window_pages);
	set_text(config, "judge", options_judge_name(o->traffic.judge));
	set_bool(config, "preload", o->preload);
	set_real(config, "duration", o->duration_s);
	set_bool(config, "hugepages", s->eal.hugepages);
	json_object_set_new(root, "config", config);
}

static void
add_results(json_t *root, const struct storm_result *r)
{
	const struct storm_run *run = &r->run;

	set_count(root, "requests", run->stats.requests);
	set_count(root, "groups", run->stats.groups);
	set_count(root, "responses", run->stats.responses);
	set_count(root, "lost", run->verdict.lost);
	set_count(root, "duplicated", run->verdict.duplicated);
	set_count(root, "wrong", run->verdict.wrong);
	set_count(root, "unexpected", run->verdict.unexpected);
	set_bool(root, "clean", r->clean);
	set_real(root, "seconds", run->seconds);
	set_real(root, "requests_per_s", r->requests_per_s);
	set_real(root, "ns_per_request", r->ns_per_request);
	set_real(root, "undisturbed_ns_per_request", r->undisturbed_ns_per_request);
	set_real(root, "engine_requests_per_s", r->engine_requests_per_s);
	set_real(root, "busy_ratio", r->busy_ratio);
	if (r->has_bound) {
		set_real(root, "bound_requests_per_s", r->bound.best);
		set_real(root, "bound_ratio", r->bound_ratio);
	} else {
		json_object_set_new(root, "bound_requests_per_s", json_null());
		json_object_set_new(root, "bound_ratio", json_null());
	}
	set_real(root, "round_trip_before_ns", r->round_trip_before_ns);
	set_real(root, "round_trip_after_ns", r->round_trip_after_ns);
	set_count(root, "overflows", run->verdict.overflows);
	set_count(root, "bad_requests", r->refused + r->unfinished);
	set_count(root, "bad_sent", run->verdict.bad_sent);
	set_count(root, "bad_allowed", run->verdict.bad_allowed);
	set_bool(root, "bad_exact", r->bad_exact);
}

/* What the bound is measured with: bytes of the unit's entries, of each kind of fault. */
static void
add_bound_bytes(json_t *root, const struct storm *s)
{
	struct entry_bytes entries[SOURCE_KINDS];
	uint32_t nb = source_entries(s->o.source, s->kind, entries), i;
	json_t *list = json_array();

	for (i = 0; i < nb; i++) {
		json_t *to = json_object();

		set_count(to, "in", entries[i].in);
		set_count(to, "out", entries[i].out);
		json_array_append_new(list, to);
	}
	json_object_set_new(root, "bound_bytes", list);
}

static void
add_latency(json_t *root, const struct latency_ns *latency)
{
	json_t *to = json_object();

	set_count(to, "p50", latency->p50);
	set_count(to, "p90", latency->p90);
	set_count(to, "p99", latency->p99);
	set_count(to, "p999", latency->p999);
	set_count(to, "max", latency->max);
	set_count(to, "count", latency->count);
	json_object_set_new(root, "latency_ns", to);
}

static void
add_verdict(json_t *root, const struct uiommu_emu_verdict *v)
{
	json_t *to = json_object();

	set_count(to, "requests", v->requests);
	set_count(to, "groups", v->groups);
	set_count(to, "responses", v->responses);
	set_count(to, "overdrawn", v->overdrawn);
	set_count(to, "stale", v->stale);
	set_count(to, "protocol", v->protocol);
	set_count(to, "unmapped", v->unmapped);
	set_count(to, "corrupt", v->corrupt);
	set_count(to, "stop_markers", v->stop_markers);
	set_count(to, "auto_success", v->auto_success);
	set_count(to, "auto_invalid", v->auto_invalid);
	set_count(to, "dropped", v->dropped);
	set_count(to, "code_success", v->code_success);
	set_count(to, "code_invalid", v->code_invalid);
	set_count(to, "code_failure", v->code_failure);
	set_count(to, "code_other", v->code_other);
	set_count(to, "faults_recorded", v->faults_recorded);
	set_count(to, "invalidations", v->invalidations);
	set_count(to, "waits", v->waits);
	set_text(to, "first", v->first);
	json_object_set_new(root, "verdict", to);
}

static void
add_codes(json_t *root, const struct uiommu_stats *stats)
{
	json_t *to = json_object();
	unsigned int i;

	for (i = 0; i < UIOMMU_CODE_SENT_COUNT; i++)
		set_count(to, uiommu_code_name(i), stats->codes[i]);
	json_object_set_new(root, "codes", to);
}

static void
add_counters(json_t *root, const struct storm_result *r)
{
	json_t *to = json_object();
	unsigned int i;

	for (i = 0; i < r->nb_xstats; i++)
		if (r->xstats[i].value != 0)
			set_count(to, r->xstats[i].name, r->xstats[i].value);
	json_object_set_new(root, "counters", to);
}

static void
add_handled(json_t *root, const struct count_sums *handled)
{
	json_t *to = json_object();

	set_count(to, "groups", handled->groups);
	set_count(to, "pages", handled->pages);
	set_count(to, "reads", handled->reads);
	set_count(to, "writes", handled->writes);
	json_object_set_new(root, "handled", to);
}

static void
add_lcore(json_t *root, const char *key, int cpu, const struct lcore_usage *usage)
{
	json_t *to = json_object();

	json_object_set_new(to, "core", cpu < 0 ? json_null() : json_integer(cpu));
	set_count(to, "switches_involuntary", usage->involuntary);
	set_count(to, "switches_voluntary", usage->voluntary);
	set_real(to, "lost_ratio", usage->lost_share);
	set_real(to, "longest_turn_us",
		 (double)usage->longest_cycles * 1e6 / (double)rte_get_tsc_hz());
	json_object_set_new(root, key, to);
}

static void
add_lcores(json_t *root, const struct storm *s, const struct storm_result *r)
{
	add_lcore(root, "fault_lcore", s->eal.cpu_fault, &r->run.fault_usage);
	add_lcore(root, "model_lcore", s->eal.cpu_model, &r->run.model_usage);
	if (allocs_can_count())
		set_count(root, "fault_lcore_allocations", r->run.fault_allocations);
	else
		json_object_set_new(root, "fault_lcore_allocations", json_null());
}

FILE *
json_open(const char *file)
{
	FILE *f = strcmp(file, "-") == 0 ? stdout : fopen(file, "w");

	if (f == NULL)
		talk("cannot write %s: %s", file, strerror(errno));
	return f;
}

static json_t *
object_make(const struct storm *s, const struct storm_result *r)
{
	json_t *root = json_object();

	add_results(root, r);
	add_latency(root, &r->latency);
	add_codes(root, &r->run.stats);
	set_text(root, "unit", s->info.driver);
	set_text(root, "source", options_source_name(s->o.source));
	add_bound_bytes(root, s);
	set_text(root, "name", s->info.name);
	set_count(root, "seed", s->o.traffic.seed);
	set_text(root, "version", uiommu_version());
	set_text(root, "dpdk_version", rte_version());
	add_config(root, s);
	add_verdict(root, &r->run.verdict);
	add_counters(root, r);
	add_handled(root, &r->run.handled);
	json_life_add(root, s, r);
	json_map_add(root, s, r);
	add_lcores(root, s, r);
	return root;
}

int
json_write(const struct storm *s, const struct storm_result *r, FILE *file)
{
	json_t *root = object_make(s, r);
	bool ok;

	ok = root != NULL && json_dumpf(root, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
	ok &= fputc('\n', file) != EOF;
	ok &= (file == stdout ? fflush(file) : fclose(file)) == 0;
	json_decref(root);
	if (ok)
		return 0;
	talk("cannot write the report as JSON: %s", strerror(errno));
	return -EIO;
}
