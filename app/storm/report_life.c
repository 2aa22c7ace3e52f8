/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <inttypes.h>
#include <stdio.h>

#include "report_life.h"
#include "storm.h"

static double
mean_us(uint64_t sum_ns, uint64_t nb)
{
	return nb == 0 ? 0 : (double)sum_ns * 1e-3 / (double)nb;
}

void
report_stalls(const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;

	printf("stalls     %" PRIu64 " retried %" PRIu64 " aborted %" PRIu64 " terminated %" PRIu64
	       "; ended by the unit %" PRIu64 ", retried early %" PRIu64 "\n",
	       v->stalls, v->stalls_retried, v->stalls_aborted, v->stalls_terminated,
	       v->stalls_ended, v->early_retries);
	if (r->storms != 0)
		printf("           %" PRIu64 " storms, %" PRIu64 " stalls ended by the driver\n",
		       r->storms, r->stalls_calmed);
}

void
report_reports(const struct report_counts *counts)
{
	uint32_t i;

	printf("reports    %" PRIu64 ":", counts->all);
	for (i = 0; i < UIOMMU_REPORT_REASONS; i++)
		if (counts->by_reason[i] != 0)
			printf(" %s %" PRIu64, reports_reason_name(i), counts->by_reason[i]);
	printf("\n");
}

void
report_churn(const struct churn *c)
{
	printf("churn      %" PRIu64 " (%" PRIu64 " of whole endpoints, %" PRIu64 " late)", c->done,
	       c->endpoints, c->late);
	if (c->done != c->replaced)
		printf(", detach %.1f us mean, %.1f us max",
		       mean_us(c->detach_ns_sum, c->done - c->replaced),
		       (double)c->detach_ns_max * 1e-3);
	if (c->replaced != 0)
		printf(", %" PRIu64 " replaced %.1f us mean, %.1f us max", c->replaced,
		       mean_us(c->replace_ns_sum, c->replaced), (double)c->replace_ns_max * 1e-3);
	printf("\n");
}

static const char *
who_consumes(const struct storm_options *o)
{
	if (o->consumers == 0)
		return "the fault lcore itself";
	return o->sleep ? "asleep when idle" : "polling";
}

void
report_delivery(const struct storm *s, const struct uiommu_fault_queue_stats *fq)
{
	const struct delivery *d = &s->delivery;
	uint32_t i;

	printf("queues     %u of %u groups", d->nb,
	       s->o.fault_queues == 0 ? d->stuck_depth : d->depth);
	printf(", delivered %" PRIu64 " full %" PRIu64 " answered %" PRIu64 " revoked %" PRIu64
	       " stale %" PRIu64 "\n",
	       fq->delivered, fq->full, fq->answered, fq->revoked, fq->stale_answers);
	printf("consumers  %s, groups", who_consumes(&s->o));
	for (i = 0; i < s->consumers.nb; i++)
		printf(" %" PRIu64, s->consumers.done[i].groups);
	if (s->o.sleep)
		printf(", wake-ups %" PRIu64, fq->wakeups);
	printf("\n");
}

void
report_sva(const struct storm *s)
{
	const struct sva_window *w = &s->sva;

	printf("memory     window of %" PRIu64 " pages, touched %" PRIu64 " resident %" PRIu64
	       " (before: %" PRIu64 ") missing %" PRIu64 "\n",
	       w->pages, w->nb_touched, w->nb_resident, w->resident_before, w->nb_missing);
	printf("process    PASID %u, groups %" PRIu64 " pages %" PRIu64 " invalid %" PRIu64
	       ", populate calls %" PRIu64 ", locked %" PRIu64 " KiB\n",
	       w->pasid, w->done.groups, w->done.pages, w->done.invalid, w->done.populate_calls,
	       w->done.locked_bytes >> 10);
}

static void
print_phase(const char *what, const struct stuck_figures *f)
{
	printf("  %-8s others %.3f M/s, p50 %.0f p99 %.0f p99.9 %.0f ns; stuck endpoint %.3f M/s, "
	       "%.3f M/s refused, %.0f held; %.2f %% lost\n",
	       what, f->requests_per_s * 1e-6, f->p50_ns, f->p99_ns, f->p999_ns,
	       f->stuck_requests_per_s * 1e-6, f->retries_per_s * 1e-6, f->held,
	       f->lost_ratio * 100);
}

void
report_stuck(const struct stuck_result *stuck)
{
	printf("stuck      medians over the %u phases of each kind that were least disturbed\n",
	       stuck->phases);
	print_phase("answers", &stuck->medians[STUCK_ANSWERS]);
	print_phase("holds", &stuck->medians[STUCK_HOLDS]);
	printf("  ratio    others' requests/s %.3f, p50 %.3f p99 %.3f p99.9 %.3f\n",
	       stuck->throughput_ratio, stuck->p50_ratio, stuck->p99_ratio, stuck->p999_ratio);
}
