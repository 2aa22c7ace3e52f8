/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "json_parts.h"
#include "storm.h"

static double
mean_us(uint64_t sum_ns, uint64_t nb)
{
	return nb == 0 ? 0 : (double)sum_ns * 1e-3 / (double)nb;
}

static json_t *
stalls_make(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;
	json_t *to;

	if (s->o.source == STORM_SOURCE_PRI)
		return json_null();
	to = json_object();
	set_count(to, "all", v->stalls);
	set_count(to, "retried", v->stalls_retried);
	set_count(to, "aborted", v->stalls_aborted);
	set_count(to, "terminated", v->stalls_terminated);
	set_count(to, "ended", v->stalls_ended);
	set_count(to, "early_retries", v->early_retries);
	set_count(to, "storms", r->storms);
	set_count(to, "calmed", r->stalls_calmed);
	return to;
}

static json_t *
reports_make(const struct storm_result *r)
{
	json_t *to = json_object();
	uint32_t i;

	set_count(to, "all", r->run.reports.all);
	set_count(to, "lost", r->run.stats.reports_lost);
	for (i = 0; i < UIOMMU_REPORT_REASONS; i++)
		set_count(to, reports_reason_name(i), r->run.reports.by_reason[i]);
	set_count(to, "by_unit", r->run.verdict.reports);
	set_count(to, "lost_by_unit", r->run.verdict.reports_lost);
	set_count(to, "overflows", r->run.verdict.report_overflows);
	return to;
}

static json_t *
churn_make(const struct churn *churn)
{
	json_t *to = json_object();

	set_count(to, "done", churn->done);
	set_count(to, "endpoints", churn->endpoints);
	set_count(to, "replaced", churn->replaced);
	set_count(to, "quiesced", churn->quiesced);
	set_count(to, "late", churn->late);
	set_real(to, "detach_mean_us",
		 mean_us(churn->detach_ns_sum, churn->done - churn->replaced));
	set_real(to, "detach_max_us", (double)churn->detach_ns_max * 1e-3);
	set_real(to, "replace_mean_us", mean_us(churn->replace_ns_sum, churn->replaced));
	set_real(to, "replace_max_us", (double)churn->replace_ns_max * 1e-3);
	return to;
}

static json_t *
consumers_make(const struct consumers *consumers)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < consumers->nb; i++) {
		const struct consumer_figures *done = &consumers->done[i];
		json_t *to = json_object();

		set_count(to, "groups", done->groups);
		set_count(to, "messages", done->messages);
		set_count(to, "sleeps", done->sleeps);
		json_array_append_new(list, to);
	}
	return list;
}

static json_t *
deliver_make(const struct storm *s, const struct uiommu_fault_queue_stats *fq)
{
	json_t *to;

	if (s->delivery.nb == 0)
		return json_null();
	to = json_object();
	set_count(to, "fault_queues", s->delivery.nb);
	set_count(to, "depth", s->delivery.depth);
	set_count(to, "messages", s->delivery.messages);
	set_count(to, "stuck_depth", s->delivery.stuck_depth);
	set_count(to, "delivered", fq->delivered);
	set_count(to, "queue_full", fq->full);
	set_count(to, "read", fq->read);
	set_count(to, "answered", fq->answered);
	set_count(to, "revoked", fq->revoked);
	set_count(to, "stale_answers", fq->stale_answers);
	set_count(to, "wakeups", fq->wakeups);
	json_object_set_new(to, "consumers", consumers_make(&s->consumers));
	return to;
}

static json_t *
sva_make(const struct storm *s)
{
	const struct sva_window *w = &s->sva;
	json_t *to;

	if (s->o.handler != STORM_HANDLER_SVA)
		return json_null();
	to = json_object();
	set_count(to, "pasid", w->pasid);
	set_count(to, "window_pages", w->pages);
	set_count(to, "resident_before", w->resident_before);
	set_count(to, "touched", w->nb_touched);
	set_count(to, "resident", w->nb_resident);
	set_count(to, "missing", w->nb_missing);
	set_count(to, "workers", s->o.consumers);
	set_count(to, "depth", s->delivery.sva_depth);
	set_count(to, "groups", w->done.groups);
	set_count(to, "pages", w->done.pages);
	set_count(to, "populate_calls", w->done.populate_calls);
	set_count(to, "invalid", w->done.invalid);
	set_count(to, "over_limit", w->done.over_limit);
	set_count(to, "numa_misses", w->done.numa_misses);
	set_bool(to, "locks", w->locks);
	set_count(to, "locked_bytes", w->done.locked_bytes);
	return to;
}

static json_t *
phase_make(const struct stuck_figures *f)
{
	json_t *to = json_object();

	set_real(to, "requests_per_s", f->requests_per_s);
	set_real(to, "p50_ns", f->p50_ns);
	set_real(to, "p99_ns", f->p99_ns);
	set_real(to, "p999_ns", f->p999_ns);
	set_real(to, "stuck_requests_per_s", f->stuck_requests_per_s);
	set_real(to, "retries_per_s", f->retries_per_s);
	set_real(to, "held", f->held);
	set_real(to, "lost_ratio", f->lost_ratio);
	return to;
}

static json_t *
stuck_make(const struct storm *s, const struct storm_result *r)
{
	const struct stuck_result *stuck = &r->stuck;
	json_t *to;

	if (!s->o.stuck || stuck->phases == 0)
		return json_null();
	to = json_object();
	set_count(to, "phases", stuck->phases);
	set_real(to, "phase_s", (double)r->run.stuck.phase_ns * 1e-9);
	json_object_set_new(to, "answers", phase_make(&stuck->medians[STUCK_ANSWERS]));
	json_object_set_new(to, "holds", phase_make(&stuck->medians[STUCK_HOLDS]));
	set_real(to, "throughput_ratio", stuck->throughput_ratio);
	set_real(to, "p50_ratio", stuck->p50_ratio);
	set_real(to, "p99_ratio", stuck->p99_ratio);
	set_real(to, "p999_ratio", stuck->p999_ratio);
	return to;
}

void
json_life_add(json_t *root, const struct storm *s, const struct storm_result *r)
{
	json_object_set_new(root, "stalls", stalls_make(s, r));
	json_object_set_new(root, "reports", reports_make(r));
	json_object_set_new(root, "churn", churn_make(&r->run.churn));
	json_object_set_new(root, "deliver", deliver_make(s, &r->run.delivered));
	json_object_set_new(root, "sva", sva_make(s));
	json_object_set_new(root, "stuck", stuck_make(s, r));
}
