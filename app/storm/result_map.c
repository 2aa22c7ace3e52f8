/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <inttypes.h>

#include "result.h"
#include "talk.h"

/* Tables of a domain that stay when it is empty: the root, and no more than one of each level. */
#define TABLES_KEPT 5

/* Of each of these there must be none. */
static bool
must_be_none(uint64_t nb, const char *what)
{
	if (nb == 0)
		return true;
	talk("paging: %" PRIu64 " %s", nb, what);
	return false;
}

/* The library has had from the backing what it asked for, and has given it back. */
static bool
judge_store(const struct store_counts *counts)
{
	bool ok;

	ok = must_be_none(counts->again, "pages asked for again before they were given back");
	ok &= must_be_none(counts->strange, "pages given back that were not asked for");
	ok &= must_be_none(counts->changed, "pages given back as not written that were written");
	ok &= must_be_none(counts->broken, "pages written to after they were given back");
	ok &= must_be_none(counts->kept, "pages not given back");
	return ok;
}

static bool
judge_data(const struct storm *s, const struct storm_result *r)
{
	const struct map_figures *map = &r->run.map;
	bool ok = must_be_none(map->data_wrong, "pages that are not what was written to them");

	if (!s->o.map.data)
		return ok;
	if (map->data_checked_bytes == 0 || r->run.verdict.bytes_checked == 0) {
		talk("paging: no data was compared");
		ok = false;
	}
	return ok;
}

/* Requests that reached a domain are those that it counts; not so where bonds come and go. */
static bool
judge_books(const struct storm *s, const struct storm_result *r)
{
	const uint64_t seen = r->run.map.paging.requests, routed = r->run.stats.grouped;

	if (s->o.churn != 0 || s->o.traffic.bad_ratio > 0 || s->o.traffic.overflow ||
	    seen == routed)
		return true;
	talk("paging: %" PRIu64 " requests routed, %" PRIu64 " seen by the domains", routed, seen);
	return false;
}

static bool
judge_verified(const struct storm *s, const struct storm_result *r)
{
	if (s->o.map.budget_pages != 0 || r->run.verdict.verified != 0)
		return true;
	talk("paging: no page was looked for after Success");
	return false;
}

/* Without a budget no page leaves: what is not there after Success was answered RETRY. */
static bool
judge_vanished(const struct storm *s, const struct storm_result *r)
{
	const uint64_t vanished = r->run.verdict.vanished;
	const uint64_t retries = r->run.stats.codes[UIOMMU_CODE_RETRY];

	if (s->o.map.budget_pages != 0 || vanished <= retries * s->o.traffic.group_pages_max)
		return true;
	talk("paging: %" PRIu64 " pages were not there after Success, and only %" PRIu64
	     " groups were answered RETRY", vanished, retries);
	return false;
}

static bool
judge_compared(const struct storm *s, const struct storm_result *r)
{
	if (!s->o.map.compare)
		return true;
	if (!r->run.map.over) {
		talk("--compare-around: after a minute devices still ask for pages");
		return false;
	}
	if (s->o.traffic.profile == UIOMMU_EMU_SEQUENTIAL &&
	    r->run.map.paging.mapped_pages < s->o.traffic.window_pages * s->o.domains) {
		talk("--compare-around: devices ask no more, and only %" PRIu64 " pages are mapped",
		     r->run.map.paging.mapped_pages);
		return false;
	}
	return true;
}

bool
result_map_judge(const struct storm *s, const struct storm_result *r)
{
	const struct map_figures *map = &r->run.map;
	bool ok;

	if (s->o.handler != STORM_HANDLER_MAP)
		return true;
	ok = judge_books(s, r);
	ok &= judge_verified(s, r);
	ok &= judge_vanished(s, r);
	ok &= judge_data(s, r);
	ok &= judge_store(&map->store);
	ok &= must_be_none(map->remembered, "translations remembered after all was unmapped");
	if (map->table_pages_left > TABLES_KEPT * s->o.domains)
		ok &= must_be_none(map->table_pages_left, "pages of tables left, after all was "
							 "unmapped");
	ok &= judge_compared(s, r);
	if (s->o.map.compare && s->o.map.around != 1)
		ok &= r->single.clean;
	return ok;
}

void
result_map_single(struct storm_result *r, const struct storm_result *single)
{
	r->single = (struct map_single){
		.requests = single->run.stats.requests,
		.accesses = single->run.verdict.accesses,
		.seconds = single->run.seconds,
		.clean = single->clean,
		.figures = single->run.map,
	};
}
