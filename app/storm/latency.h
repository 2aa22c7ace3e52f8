/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_LATENCY_H
#define STORM_LATENCY_H

/* Percentiles out of a histogram of cycles. */

#include <stdint.h>

struct latency_ns {
	uint64_t p50, p90, p99, p999, max;
	uint64_t count;
};

/* counts: UIOMMU_LATENCY_BUCKETS of them. All 0 where nothing was counted. */
void
latency_make(const uint64_t *counts, struct latency_ns *latency);

#endif /* STORM_LATENCY_H */
