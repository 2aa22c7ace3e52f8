/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "json_parts.h"

#define PAGE_BYTES UINT64_C(4096)

#define SET(to, from, member) set_count(to, #member, (from)->member)

static void
add_stats(json_t *to, const struct uiommu_paging_stats *p)
{
	SET(to, p, requests);
	SET(to, p, present);
	SET(to, p, merged_same);
	SET(to, p, merged_next);
	SET(to, p, mapped_pages);
	SET(to, p, around_pages);
	SET(to, p, hinted_pages);
	SET(to, p, large_leaves);
	SET(to, p, zeroed_pages);
	SET(to, p, copied_pages);
	SET(to, p, no_region);
	SET(to, p, denied);
	SET(to, p, no_page);
	SET(to, p, busy);
	SET(to, p, no_table);
	SET(to, p, no_frame);
	SET(to, p, evicted_pages);
	SET(to, p, written_pages);
	SET(to, p, spared_pages);
	SET(to, p, invalidations);
	SET(to, p, ranges);
	SET(to, p, wide);
	SET(to, p, resident_pages);
	SET(to, p, table_pages);
	set_count(to, "table_bytes", p->table_pages * PAGE_BYTES);
}

static json_t *
access_make(const struct storm *s, const struct uiommu_emu_verdict *v)
{
	json_t *to;

	if (!s->o.map.access)
		return json_null();
	to = json_object();
	SET(to, v, accesses);
	set_real(to, "per_request",
		 v->requests == 0 ? 0 : (double)v->accesses / (double)v->requests);
	SET(to, v, translations);
	SET(to, v, atc_hits);
	SET(to, v, iotlb_hits);
	SET(to, v, vanished);
	return to;
}

static json_t *
evict_make(const struct storm *s, const struct map_figures *map)
{
	json_t *to;

	if (s->o.map.budget_pages == 0)
		return json_null();
	to = json_object();
	set_count(to, "calls", map->evictor_calls);
	set_real(to, "mean_us", map->evict_mean_us);
	set_real(to, "max_us", map->evict_max_us);
	return to;
}

static json_t *
store_make(const struct storm *s, const struct map_figures *map)
{
	const struct store_counts *c = &map->store;
	json_t *to;

	if (s->o.map.backing != STORM_BACKING_CALLBACK || !map->settled)
		return json_null();
	to = json_object();
	SET(to, c, got);
	SET(to, c, returned);
	SET(to, c, written);
	SET(to, c, again);
	SET(to, c, strange);
	SET(to, c, changed);
	SET(to, c, broken);
	SET(to, c, kept);
	return to;
}

static json_t *
data_make(const struct storm *s, const struct storm_result *r)
{
	json_t *to;

	if (!s->o.map.data)
		return json_null();
	to = json_object();
	set_count(to, "device_bytes", r->run.verdict.bytes_checked);
	set_count(to, "device_wrong", r->run.verdict.corrupt);
	set_count(to, "checked_bytes", r->run.map.data_checked_bytes);
	set_count(to, "wrong", r->run.map.data_wrong);
	return to;
}

static json_t *
around_make(const struct storm *s, const struct storm_result *r)
{
	json_t *to;

	if (!s->o.map.compare)
		return json_null();
	to = json_object();
	set_count(to, "single_requests", r->single.requests);
	set_count(to, "single_accesses", r->single.accesses);
	set_real(to, "single_seconds", r->single.seconds);
	set_count(to, "single_mapped_pages", r->single.figures.paging.mapped_pages);
	set_real(to, "ratio", r->around_ratio);
	return to;
}

static json_t *
paging_make(const struct storm *s, const struct storm_result *r)
{
	const struct map_options *o = &s->o.map;
	const struct map_figures *map = &r->run.map;
	json_t *to;

	if (s->o.handler != STORM_HANDLER_MAP)
		return json_null();
	to = json_object();
	set_text(to, "stage", options_stage_name(o->stage));
	set_text(to, "backing", options_backing_name(o->backing));
	set_bool(to, "large", o->large);
	set_bool(to, "warm", o->warm);
	set_count(to, "fault_around", o->around);
	set_count(to, "budget_pages", o->budget_pages);
	add_stats(to, &map->paging);
	set_count(to, "verified", r->run.verdict.verified);
	set_bool(to, "over", map->over);
	json_object_set_new(to, "tables_left",
			    map->settled ? json_integer(map->table_pages_left) : json_null());
	json_object_set_new(to, "remembered",
			    map->settled ? json_integer(map->remembered) : json_null());
	json_object_set_new(to, "access", access_make(s, &r->run.verdict));
	json_object_set_new(to, "evict", evict_make(s, map));
	json_object_set_new(to, "store", store_make(s, map));
	json_object_set_new(to, "data", data_make(s, r));
	json_object_set_new(to, "around", around_make(s, r));
	return to;
}

void
json_map_add(json_t *root, const struct storm *s, const struct storm_result *r)
{
	json_object_set_new(root, "paging", paging_make(s, r));
}
