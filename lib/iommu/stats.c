/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Counters: added up over queues and driver, since the last reset, and by name. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "uiommu_pvt.h"

struct counter {
	const char *name;
	size_t offset;
	bool is_level; /* how much there is now, not how much there was */
};

#define COUNTER(member)                                                                            \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct uiommu_stats, member)                   \
	}
#define LEVEL(member)                                                                              \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct uiommu_stats, member),                  \
		.is_level = true                                                                   \
	}
#define CODE(code, text)                                                                           \
	{                                                                                          \
		.name = "responses_" text,                                                         \
		.offset = offsetof(struct uiommu_stats, codes) + (code) * sizeof(uint64_t)         \
	}

static const struct counter counters[] = {
	COUNTER(requests),
	COUNTER(grouped),
	COUNTER(groups),
	COUNTER(responses),
	CODE(UIOMMU_CODE_SUCCESS, "success"),
	CODE(UIOMMU_CODE_INVALID, "invalid"),
	CODE(UIOMMU_CODE_FAILURE, "failure"),
	CODE(UIOMMU_CODE_RETRY, "retry"),
	COUNTER(malformed),
	COUNTER(unknown_endpoint),
	COUNTER(unknown_pasid),
	COUNTER(stop_markers),
	COUNTER(parked),
	COUNTER(park_full),
	COUNTER(discarded),
	COUNTER(incomplete),
	COUNTER(refused),
	COUNTER(overflows),
	COUNTER(deferred),
	COUNTER(late_answers),
	COUNTER(stale_answers),
	COUNTER(no_slot),
	COUNTER(drained),
	COUNTER(delivered),
	COUNTER(queue_full),
	COUNTER(expired),
	COUNTER(demoted),
	COUNTER(unanswered),
	COUNTER(handler_errors),
	COUNTER(reports),
	COUNTER(reports_lost),
	COUNTER(hw_errors),
	COUNTER(polls),
	COUNTER(busy_polls),
	COUNTER(not_owner),
	LEVEL(parked_now),
	LEVEL(deferred_now),
};

_Static_assert(RTE_DIM(counters) * sizeof(uint64_t) == sizeof(struct uiommu_stats),
	       "every counter has a name");

static uint64_t *
counter_at(struct uiommu_stats *stats, const struct counter *counter)
{
	return (uint64_t *)((uintptr_t)stats + counter->offset);
}

static uint64_t
counter_read(const struct uiommu_stats *stats, const struct counter *counter)
{
	return __atomic_load_n((const uint64_t *)((uintptr_t)stats + counter->offset),
			       __ATOMIC_RELAXED);
}

static const struct uiommu_driver_stat *
driver_stats(struct uiommu_unit *unit)
{
	static const struct uiommu_driver_stat none[] = {{NULL, NULL}};

	/* a driver counts from configure on */
	if (unit->dev.ops->stats_get == NULL || uiommu_pvt_state(unit) < UIOMMU_DEV_CONFIGURED)
		return none;
	return unit->dev.ops->stats_get(&unit->dev);
}

static uint64_t
driver_stat_base(const struct uiommu_unit *unit, unsigned int index)
{
	return index < UIOMMU_DRIVER_STATS_MAX
		       ? __atomic_load_n(&unit->driver_stats_base[index], __ATOMIC_RELAXED)
		       : 0;
}

/* Counters since configure, a driver's added to ours of the same name. */
static void
stats_sum(struct uiommu_unit *unit, struct uiommu_stats *sum)
{
	const struct uiommu_driver_stat *stat;
	unsigned int i;
	uint16_t q;

	memset(sum, 0, sizeof(*sum));
	for (q = 0; q < unit->nb_queues; q++) {
		const struct uiommu_queue *queue = unit->queues[q];

		if (queue == NULL)
			continue;
		for (i = 0; i < RTE_DIM(counters); i++)
			*counter_at(sum, &counters[i]) += counter_read(&queue->stats, &counters[i]);
		sum->not_owner += __atomic_load_n(&queue->not_owner, __ATOMIC_RELAXED);
		sum->stale_answers += __atomic_load_n(&queue->stale_answers, __ATOMIC_RELAXED);
	}
	for (stat = driver_stats(unit); stat->name != NULL; stat++) {
		for (i = 0; i < RTE_DIM(counters); i++) {
			if (strcmp(stat->name, counters[i].name) == 0)
				*counter_at(sum, &counters[i]) +=
					__atomic_load_n(stat->value, __ATOMIC_RELAXED);
		}
	}
	/* what was parked and neither delivered nor thrown away; the owner may be between counts */
	sum->parked_now = sum->requests - sum->grouped - sum->malformed - sum->unknown_endpoint -
			  sum->unknown_pasid - sum->stop_markers - sum->park_full -
			  sum->incomplete - sum->discarded;
	if ((int64_t)sum->parked_now < 0)
		sum->parked_now = 0;
}

static void
stats_since_reset(struct uiommu_unit *unit, struct uiommu_stats *stats)
{
	unsigned int i;

	stats_sum(unit, stats);
	for (i = 0; i < RTE_DIM(counters); i++) {
		if (!counters[i].is_level)
			*counter_at(stats, &counters[i]) -=
				counter_read(&unit->stats_base, &counters[i]);
	}
}

int
uiommu_stats_get(int16_t dev_id, struct uiommu_stats *stats)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);

	if (unit == NULL)
		return -ENODEV;
	if (stats == NULL)
		return -EINVAL;
	stats_since_reset(unit, stats);
	return 0;
}

int
uiommu_stats_reset(int16_t dev_id)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	const struct uiommu_driver_stat *stat;
	struct uiommu_stats now;
	unsigned int i;

	if (unit == NULL)
		return -ENODEV;
	stat = driver_stats(unit);
	for (i = 0; stat[i].name != NULL && i < UIOMMU_DRIVER_STATS_MAX; i++)
		__atomic_store_n(&unit->driver_stats_base[i],
				 __atomic_load_n(stat[i].value, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
	stats_sum(unit, &now);
	for (i = 0; i < RTE_DIM(counters); i++)
		__atomic_store_n(counter_at(&unit->stats_base, &counters[i]),
				 *counter_at(&now, &counters[i]), __ATOMIC_RELAXED);
	return 0;
}

int
uiommu_xstats_get(int16_t dev_id, struct uiommu_xstat *xstats, unsigned int nb)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	const struct uiommu_driver_stat *stat;
	struct uiommu_stats stats;
	unsigned int i, count = 0;

	if (unit == NULL)
		return -ENODEV;
	if (xstats == NULL && nb != 0)
		return -EINVAL;
	stats_since_reset(unit, &stats);
	for (i = 0; i < RTE_DIM(counters); i++, count++) {
		if (count >= nb)
			continue;
		snprintf(xstats[count].name, sizeof(xstats[count].name), "%s", counters[i].name);
		xstats[count].value = *counter_at(&stats, &counters[i]);
	}
	stat = driver_stats(unit);
	for (i = 0; stat[i].name != NULL; i++, count++) {
		if (count >= nb)
			continue;
		snprintf(xstats[count].name, sizeof(xstats[count].name), "%s_%s",
			 unit->driver->name, stat[i].name);
		xstats[count].value = __atomic_load_n(stat[i].value, __ATOMIC_RELAXED) -
				      driver_stat_base(unit, i);
	}
	return (int)count;
}

const char *
uiommu_code_name(unsigned int code)
{
	static const char *const names[UIOMMU_CODE_COUNT] = {
		[UIOMMU_CODE_SUCCESS] = "success",   [UIOMMU_CODE_INVALID] = "invalid",
		[UIOMMU_CODE_FAILURE] = "failure",   [UIOMMU_CODE_RETRY] = "retry",
		[UIOMMU_CODE_DEFERRED] = "deferred",
	};

	return code < UIOMMU_CODE_COUNT ? names[code] : "unknown";
}
