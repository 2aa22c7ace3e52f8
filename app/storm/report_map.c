/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <inttypes.h>
#include <stdio.h>

#include "report_life.h"

#define PAGE_BYTES UINT64_C(4096)

static void
print_paging(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_paging_stats *p = &r->run.map.paging;
	const struct map_options *o = &s->o.map;

	printf("paging     %s stage, %s%s, windows of %" PRIu64 " pages%s, fault-around %u\n",
	       options_stage_name(o->stage), options_backing_name(o->backing),
	       o->large ? " of 2 MiB" : "", s->o.traffic.window_pages, o->warm ? ", warm" : "",
	       o->around);
	printf("tables     %" PRIu64 " pages, %.1f MiB\n", p->table_pages,
	       (double)(p->table_pages * PAGE_BYTES) / (1024 * 1024));
	printf("resolved   requests %" PRIu64 " present %" PRIu64 " merged same %" PRIu64
	       " next %" PRIu64 " refused %" PRIu64 "; verified %" PRIu64 " pages\n",
	       p->requests, p->present, p->merged_same, p->merged_next,
	       p->no_region + p->denied + p->no_page, r->run.verdict.verified);
	printf("mapped     %" PRIu64 " pages, around %" PRIu64 " hinted %" PRIu64 " zeroed %" PRIu64
	       " large leaves %" PRIu64 "\n", p->mapped_pages, p->around_pages, p->hinted_pages,
	       p->zeroed_pages, p->large_leaves);
	if (p->busy + p->no_table + p->no_frame != 0)
		printf("put off    busy %" PRIu64 " no table %" PRIu64 " no frame %" PRIu64 "\n",
		       p->busy, p->no_table, p->no_frame);
}

static void
print_access(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_emu_verdict *v = &r->run.verdict;

	printf("accesses   %" PRIu64 ", requests %" PRIu64 ": one for %.2f accesses%s\n",
	       v->accesses, v->requests,
	       v->requests == 0 ? 0 : (double)v->accesses / (double)v->requests,
	       !options_map_ends(&s->o) ? "" : r->run.map.over ? "; all pages are there"
							      : "; pages are missing yet");
	printf("           device-TLB hits %" PRIu64 " translations %" PRIu64 " IOTLB hits %" PRIu64
	       " vanished %" PRIu64 "\n", v->atc_hits, v->translations, v->iotlb_hits, v->vanished);
}

static void
print_eviction(const struct storm *s, const struct map_figures *map)
{
	const struct uiommu_paging_stats *p = &map->paging;

	printf("budget     %" PRIu64 " pages of %" PRIu64 ", resident at the end %" PRIu64 "\n",
	       s->o.map.budget_pages, s->o.traffic.window_pages * s->o.domains, p->resident_pages);
	printf("evicted    %" PRIu64 " (written back %" PRIu64 ", spared %" PRIu64 ") by %" PRIu64
	       " calls, %.1f us mean, %.1f us max\n", p->evicted_pages, p->written_pages,
	       p->spared_pages, map->evictor_calls, map->evict_mean_us, map->evict_max_us);
}

static void
print_data(const struct storm_result *r)
{
	const struct map_figures *map = &r->run.map;

	printf("data       compared by the devices %" PRIu64 " MiB, wrong %" PRIu64
	       " pages; at the end %" PRIu64 " MiB, wrong %" PRIu64 " pages\n",
	       r->run.verdict.bytes_checked >> 20, r->run.verdict.corrupt,
	       map->data_checked_bytes >> 20, map->data_wrong);
}

void
report_map(const struct storm *s, const struct storm_result *r)
{
	const struct uiommu_paging_stats *p = &r->run.map.paging;

	print_paging(s, r);
	if (p->invalidations != 0)
		printf("forgotten  %" PRIu64 " batches of invalidations, ranges %" PRIu64
		       " joined %" PRIu64 "\n", p->invalidations, p->ranges, p->wide);
	if (s->o.map.access)
		print_access(s, r);
	if (s->o.map.budget_pages != 0)
		print_eviction(s, &r->run.map);
	if (s->o.map.data)
		print_data(r);
	if (s->o.map.compare)
		printf("around     single pages: %" PRIu64 " requests; fault-around %u: %" PRIu64
		       "; fault-around cuts requests by %.2f\n", r->single.requests,
		       s->o.map.around, r->run.stats.requests, r->around_ratio);
}
