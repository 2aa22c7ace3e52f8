/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_BOUND_H
#define STORM_BOUND_H

/*
 * The bound: what two cores achieve that only move the bytes. One writes
 * 32-byte records into a ring, the other one copies them to a second ring, the first one
 * reads them there. No decoding, no look-up, no protocol.
 */

#include <stdint.h>

/* Slices that are measured; the best one counts. */
#define BOUND_SLICES 3

struct bound_result {
	double slices[BOUND_SLICES]; /* records per second through both rings */
	double best;
};

/*
 * Blocks for about 1.2 seconds. Entries is a power of two, burst at most half of it. Returns 0,
 * -ENOMEM, -EBUSY (an lcore does something else), or -EIO (a record was lost or torn).
 */
int
bound_measure(unsigned int lcore_copy, unsigned int lcore_model, uint32_t entries, uint32_t burst,
	      struct bound_result *result);

#endif /* STORM_BOUND_H */
