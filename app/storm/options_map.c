/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What fits together with --handler map, and its defaults. */

#include <errno.h>
#include <inttypes.h>

#include <rte_common.h>

#include "options.h"
#include "talk.h"

/* Window where nothing is said: of memory that nobody touches, and of memory that is really used */
#define WINDOW_PAGES 16384
#define WINDOW_PAGES_USED 1024
/* Pages of an address space for each page of its budget. */
#define WINDOW_TO_BUDGET 4
/* A budget that leaves a domain less is all eviction. */
#define BUDGET_PAGES_MIN 64
/* What is kept in pages of the storm's own: of all windows together. */
#define USED_PAGES_MAX (UINT64_C(1024) * 1024)
#define WINDOW_PAGES_MAX (UINT64_C(64) * 1024 * 1024)

static int
refuse(const char *text)
{
	talk("%s", text);
	return -EINVAL;
}

static bool
power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

/* Without the handler. */
static int
check_absent(const struct storm_options *o)
{
	const struct map_options *m = &o->map;

	if (m->stage != OPTION_NOT_GIVEN || m->backing != OPTION_NOT_GIVEN || m->large ||
	    m->warm || m->around != 0 || m->access || m->compare || m->budget_pages != 0 || m->data)
		return refuse("--stage, --backing, --large, --warm, --fault-around, --access, "
			      "--compare-around, --budget-pages and --data go with --handler map");
	return 0;
}

static void
defaults(struct storm_options *o)
{
	struct map_options *m = &o->map;

	if (m->stage == OPTION_NOT_GIVEN)
		m->stage = 0;
	if (m->backing == OPTION_NOT_GIVEN)
		m->backing = m->budget_pages != 0 ? STORM_BACKING_CALLBACK : STORM_BACKING_MEMORY;
	/* what came and went is to be compared with what the devices wrote */
	m->data |= m->budget_pages != 0;
	m->access |= m->data || m->compare;
	if (m->around == 0)
		m->around = 1;
	if (o->traffic.profile == STORM_PROFILE_NOT_GIVEN && m->compare)
		o->traffic.profile = UIOMMU_EMU_SEQUENTIAL;
	if (o->traffic.window_pages != 0)
		return;
	o->traffic.window_pages = m->backing == STORM_BACKING_MEMORY ? WINDOW_PAGES
								     : WINDOW_PAGES_USED;
	if (m->budget_pages != 0)
		o->traffic.window_pages = m->budget_pages / o->domains * WINDOW_TO_BUDGET;
}

static int
check_around(const struct storm_options *o)
{
	const struct map_options *m = &o->map;

	if (!power_of_two(m->around)) {
		talk("--fault-around %u: not a power of two", m->around);
		return -EINVAL;
	}
	if (!m->compare)
		return 0;
	if (m->around == 1)
		return refuse("--compare-around: with what? It goes with --fault-around 2 or more");
	if (m->data || m->budget_pages != 0 || o->churn != 0)
		return refuse("--compare-around does not go with --data, --budget-pages or "
			      "--churn");
	return 0;
}

static int
check_budget(const struct storm_options *o)
{
	const struct map_options *m = &o->map;

	if (m->budget_pages == 0)
		return 0;
	if (m->backing != STORM_BACKING_CALLBACK)
		return refuse("--budget-pages: pages of --backing callback only are evicted");
	if (m->budget_pages / o->domains < BUDGET_PAGES_MIN) {
		talk("--budget-pages %" PRIu64 ": for %u domains at least %u each", m->budget_pages,
		     o->domains, BUDGET_PAGES_MIN);
		return -EINVAL;
	}
	if (m->budget_pages / o->domains < m->around * UINT64_C(2)) {
		talk("--fault-around %u: more than half of a domain's budget", m->around);
		return -EINVAL;
	}
	return 0;
}

static int
check_access(const struct storm_options *o)
{
	const struct map_options *m = &o->map;

	if (m->data && m->backing == STORM_BACKING_FILE)
		return refuse("--data does not go with --backing file: the file is the library's "
			      "own mapping");
	if (m->data && (o->churn_modes & STORM_CHURN_REPLACE) != 0)
		return refuse("--data does not go with --churn-mode replace: another domain has "
			      "other data");
	if (m->access && o->traffic.group_pages_max != 1)
		return refuse("--access, --data and --budget-pages: devices ask for one page at a "
			      "time, not --group-pages");
	if (m->access && o->traffic.overflow)
		return refuse("--access, --data and --budget-pages do not go with --overflow");
	if (m->access && m->warm)
		return refuse("--warm: where all is there, devices with --access have nothing to "
			      "ask for");
	return 0;
}

static int
check_kind(const struct storm_options *o)
{
	const struct map_options *m = &o->map;

	if (o->stuck)
		return refuse("--stuck does not go with --handler map");
	if (o->traffic.judge != UIOMMU_EMU_JUDGE_FULL)
		return refuse("--judge light does not go with --handler map");
	if (o->preload && !m->warm)
		return refuse("--preload goes with --handler map where it is --warm");
	if (m->large && m->backing != STORM_BACKING_MEMORY)
		return refuse("--large goes with --backing memory");
	return 0;
}

static int
check_sizes(const struct storm_options *o)
{
	const uint64_t pages = o->traffic.window_pages * o->domains;

	if (o->traffic.window_pages > WINDOW_PAGES_MAX || pages > 4 * WINDOW_PAGES_MAX) {
		talk("--window-pages %" PRIu64 ": %u tables for so much are too large",
		     o->traffic.window_pages, o->domains);
		return -EINVAL;
	}
	if ((o->map.backing == STORM_BACKING_ANON || o->map.backing == STORM_BACKING_CALLBACK) &&
	    pages > USED_PAGES_MAX) {
		talk("--window-pages %" PRIu64 ": %" PRIu64 " GiB in %u domains, which is more "
		     "than %" PRIu64, o->traffic.window_pages, pages >> 18, o->domains,
		     USED_PAGES_MAX >> 18);
		return -EINVAL;
	}
	return 0;
}

int
options_map_complete(struct storm_options *o)
{
	int ret;

	if (o->handler != STORM_HANDLER_MAP) {
		ret = check_absent(o);
	} else {
		defaults(o);
		ret = check_kind(o);
		if (ret == 0)
			ret = check_around(o);
		if (ret == 0)
			ret = check_budget(o);
		if (ret == 0)
			ret = check_access(o);
		if (ret == 0)
			ret = check_sizes(o);
	}
	if (o->traffic.profile == STORM_PROFILE_NOT_GIVEN)
		o->traffic.profile = UIOMMU_EMU_UNIFORM;
	return ret;
}

bool
options_map_ends(const struct storm_options *o)
{
	const struct map_options *m = &o->map;

	return o->handler == STORM_HANDLER_MAP && m->access && !m->data;
}
