/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Of --handler map: what happens before, while and after it is measured. */

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "clock.h"
#include "devices.h"
#include "run.h"
#include "talk.h"

#define PAGE_BYTES UINT64_C(4096)
#define WARM_NS UINT64_C(60000000000)
#define LOOK_NS UINT64_C(1000000)

static bool
is_on(const struct storm *s)
{
	return s->o.handler == STORM_HANDLER_MAP;
}

/* Sums over all domains. */
static void
stats_sum(const struct storm *s, struct uiommu_paging_stats *sums)
{
	struct uiommu_paging_stats stats;
	const uint64_t *from = (const uint64_t *)&stats;
	uint64_t *to = (uint64_t *)sums;
	uint32_t i;
	size_t j;

	_Static_assert(sizeof(stats) % sizeof(uint64_t) == 0, "nothing but counters");
	memset(sums, 0, sizeof(*sums));
	for (i = 0; i < s->o.domains; i++) {
		if (uiommu_paging_stats_get(s->domains[i], &stats) < 0)
			continue;
		for (j = 0; j < sizeof(stats) / sizeof(uint64_t); j++)
			to[j] += from[j];
	}
}

/* -------------------------------------------------------------------- warm, cold */

static int
traffic_change(struct storm *s, const struct uiommu_emu_traffic *traffic)
{
	int ret, ret2;

	model_lcore_halt(&s->model, s->eal.lcore_model);
	ret = uiommu_emu_traffic_set(s->emu, traffic);
	if (ret < 0)
		talk("cannot prepare the traffic: %s", rte_strerror(-ret));
	ret2 = model_lcore_launch(&s->model, s->eal.lcore_model);
	return ret < 0 ? ret : ret2;
}

/* Until the tables have as many pages as the windows. */
static int
all_mapped_await(struct storm *s)
{
	const uint64_t wanted = s->o.traffic.window_pages * s->o.domains;
	const uint64_t end = clock_now_ns() + WARM_NS;
	struct uiommu_paging_stats stats;

	do {
		clock_sleep_ns(LOOK_NS);
		stats_sum(s, &stats);
		if (stats.mapped_pages >= wanted || storm_interrupted())
			return 0;
	} while (clock_now_ns() < end);
	talk("--warm: after a minute %llu of %llu pages are mapped",
	     (unsigned long long)stats.mapped_pages, (unsigned long long)wanted);
	return -ETIMEDOUT;
}

static int
walk_windows(struct storm *s)
{
	int ret, ret2;

	run_fault_lcore_init(s);
	ret = fault_lcore_launch(&s->fault, s->eal.lcore_fault);
	if (ret < 0)
		return ret;
	uiommu_emu_traffic_run(s->emu, true);
	ret = all_mapped_await(s);
	uiommu_emu_traffic_run(s->emu, false);
	if (!run_wait_for_rest(s) && ret == 0)
		ret = -ETIMEDOUT;
	ret2 = fault_lcore_halt(&s->fault, s->eal.lcore_fault);
	return ret < 0 ? ret : ret2;
}

int
map_warm(struct storm *s)
{
	struct uiommu_emu_traffic traffic = s->o.traffic;
	int ret;

	if (!is_on(s) || !s->o.map.warm)
		return 0;
	traffic.profile = UIOMMU_EMU_SEQUENTIAL;
	traffic.group_pages_min = 1;
	traffic.group_pages_max = 1;
	/* what was written once is there for reading, too */
	traffic.write_ratio = 1;
	traffic.bad_ratio = 0;
	traffic.overflow = false;
	traffic.rate = 0;
	traffic.verify = false;
	ret = traffic_change(s, &traffic);
	if (ret == 0)
		ret = walk_windows(s);
	return ret < 0 ? ret : traffic_change(s, &s->o.traffic);
}

/* Everything, of all domains. */
static int
all_unmap(struct storm *s)
{
	const uint64_t bytes = s->o.traffic.window_pages * PAGE_BYTES;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < s->o.domains && ret == 0; i++)
		ret = uiommu_domain_unmap(s->domains[i], UIOMMU_EMU_WINDOW_IOVA, bytes, NULL);
	if (ret < 0)
		talk("cannot unmap domain %u of %u: %s", i, s->o.domains, rte_strerror(-ret));
	return ret;
}

int
map_cool(struct storm *s)
{
	const struct uiommu_emu_data *data = &s->map.data;
	uint64_t i;
	int ret;

	if (!is_on(s) || s->o.map.warm)
		return 0;
	ret = all_unmap(s);
	/* pages of the unit come back as zeroes */
	if (data->versions != NULL && s->o.map.backing == STORM_BACKING_ANON)
		for (i = 0; i < data->nb_spaces * s->o.traffic.window_pages; i++)
			__atomic_store_n(&data->versions[i], 0, __ATOMIC_RELAXED);
	return ret;
}

/* ----------------------------------------------------------------------- figures */

void
map_figures_begin(struct storm *s)
{
	struct storm_map *m = &s->map;

	if (!is_on(s))
		return;
	m->over = false;
	m->last_requests = 0;
	m->last_accesses = 0;
	stats_sum(s, &m->before);
}

/* Over: since the last request as many accesses as there are pages in the windows of all PASIDs. */
bool
map_is_over(struct storm *s)
{
	struct storm_map *m = &s->map;
	struct uiommu_emu_verdict verdict;
	uint64_t requests;

	if (!options_map_ends(&s->o))
		return false;
	uiommu_emu_verdict(s->emu, false, &verdict);
	/* bad requests do not come of accesses, and never end */
	requests = verdict.requests - verdict.bad_sent;
	/* while one PASID waits for its answer, others may go through their windows again */
	if (requests != m->last_requests || verdict.outstanding != 0) {
		m->last_requests = requests;
		m->last_accesses = verdict.accesses;
	}
	m->over = verdict.accesses - m->last_accesses >= s->o.traffic.window_pages * s->o.pasids &&
		  requests != 0;
	return m->over;
}

/* What is so at a moment is no difference. */
static void
stats_since(const struct uiommu_paging_stats *before, struct uiommu_paging_stats *stats)
{
	const struct uiommu_paging_stats now = *stats;
	const uint64_t *from = (const uint64_t *)before;
	uint64_t *to = (uint64_t *)stats;
	size_t i;

	for (i = 0; i < sizeof(now) / sizeof(uint64_t); i++)
		to[i] -= from[i];
	stats->resident_pages = now.resident_pages;
	stats->budget_pages = now.budget_pages;
	stats->table_pages = now.table_pages;
}

void
map_figures_end(struct storm *s, struct map_figures *figures)
{
	const struct evictor *ev = &s->map.evictor;

	memset(figures, 0, sizeof(*figures));
	if (!is_on(s))
		return;
	stats_sum(s, &figures->paging);
	stats_since(&s->map.before, &figures->paging);
	figures->over = s->map.over;
	figures->evictor_calls = ev->calls;
	if (ev->calls != 0)
		figures->evict_mean_us = (double)ev->busy_ns * 1e-3 / (double)ev->calls;
	figures->evict_max_us = (double)ev->busy_ns_max * 1e-3;
}

/* The model must be at rest for it; what its lcore was like until then is what counts. */
static int
audit(struct storm *s, struct storm_run *run)
{
	model_lcore_halt(&s->model, s->eal.lcore_model);
	run->model_usage = s->model.usage;
	run->map.remembered = uiommu_emu_audit(s->emu);
	return model_lcore_launch(&s->model, s->eal.lcore_model);
}

/* The library's pages are compared while they are mapped, the store once it has all back. */
int
map_settle(struct storm *s, struct storm_run *run)
{
	struct map_figures *figures = &run->map;
	struct storm_map *m = &s->map;
	struct uiommu_paging_stats stats;
	int ret;

	if (!is_on(s))
		return 0;
	if (s->o.map.backing != STORM_BACKING_CALLBACK)
		map_data_check(s, figures);
	ret = all_unmap(s);
	if (ret < 0)
		return ret;
	stats_sum(s, &stats);
	figures->table_pages_left = (uint32_t)stats.table_pages;
	figures->settled = true;
	ret = audit(s, run);
	if (ret < 0)
		return ret;
	if (s->o.map.backing != STORM_BACKING_CALLBACK)
		return 0;
	map_data_check(s, figures);
	store_count(&m->store);
	figures->store = m->store.counts;
	return 0;
}
