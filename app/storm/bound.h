/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_BOUND_H
#define STORM_BOUND_H

/*
 * The bound: what two cores achieve that only move the bytes. One writes records into a ring, the
 * other one copies them to a second ring, the first one reads them there. No decoding, no look-up,
 * no protocol. Records are as large as the unit's entries are; where an answer is smaller than
 * what it answers, the rest of a record is left behind. With two sources, as the unit has a queue
 * for each, there are two rings to take from, a half of each burst from each, and one back.
 */

#include <stdint.h>

#include "source.h"

/* Slices that are measured; the best one counts. */
#define BOUND_SLICES 3

struct bound_result {
	double slices[BOUND_SLICES]; /* records per second through both rings */
	double best;
};

struct bound_conf {
	unsigned int lcore_copy, lcore_model;
	uint32_t ring_entries; /* of each ring, power of two */
	uint32_t burst;        /* at most half of that */
	uint32_t nb_sources;
	/* of each: 16 or 32 bytes in, no more of them out */
	struct entry_bytes sources[SOURCE_KINDS];
};

/*
 * Blocks for about 1.2 seconds. Returns 0, -EINVAL (sizes), -ENOMEM, -EBUSY (an lcore does
 * something else), or -EIO (a record was lost or torn).
 */
int
bound_measure(const struct bound_conf *conf, struct bound_result *result);

#endif /* STORM_BOUND_H */
