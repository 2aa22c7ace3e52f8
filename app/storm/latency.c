/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include <rte_cycles.h>

#include <uiommu.h>

#include "latency.h"

static uint64_t
cycles_to_ns(uint64_t cycles)
{
	return (uint64_t)((double)cycles * 1e9 / (double)rte_get_tsc_hz());
}

/* Largest value of the bucket in which the share is reached. */
static uint64_t
percentile(const uint64_t *counts, uint64_t total, double share)
{
	uint64_t wanted = (uint64_t)((double)total * share), sum = 0;
	unsigned int i, last = 0;

	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++) {
		if (counts[i] == 0)
			continue;
		last = i;
		sum += counts[i];
		if (sum > wanted)
			break;
	}
	return cycles_to_ns(uiommu_latency_bucket_max(last));
}

void
latency_make(const uint64_t *counts, struct latency_ns *latency)
{
	unsigned int i;

	memset(latency, 0, sizeof(*latency));
	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
		latency->count += counts[i];
	if (latency->count == 0)
		return;
	latency->p50 = percentile(counts, latency->count, 0.5);
	latency->p90 = percentile(counts, latency->count, 0.9);
	latency->p99 = percentile(counts, latency->count, 0.99);
	latency->p999 = percentile(counts, latency->count, 0.999);
	latency->max = percentile(counts, latency->count, 1.0);
}
