/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_SOURCE_H
#define STORM_SOURCE_H

/* Where faults come from, and how large they are in the queues of a unit. */

#include <stdbool.h>
#include <stdint.h>

enum storm_source {
	STORM_SOURCE_PRI = 0, /* page requests of devices with ATS */
	STORM_SOURCE_STALL,   /* accesses that wait in the unit */
	STORM_SOURCE_BOTH,    /* devices take turns */
};

/* One entry of a queue from the unit, and the command that answers it, in bytes. */
struct entry_bytes {
	uint32_t in, out;
};

/* What is to be known of a kind of unit; sizes are 0 where it has no such source. */
struct unit_kind {
	const char *driver;
	struct entry_bytes pri, stall;
};

/* NULL: not known. */
const struct unit_kind *
unit_kind_find(const char *driver);

/* Kinds of devices that a storm has, at most. */
#define SOURCE_KINDS 2

/* Sizes of each kind that this storm has; returns how many. */
uint32_t
source_entries(enum storm_source source, const struct unit_kind *kind,
	       struct entry_bytes entries[SOURCE_KINDS]);

/* Whether the accesses of an endpoint stall, by its number. */
static inline bool
source_stalls(enum storm_source source, uint32_t endpoint)
{
	return source == STORM_SOURCE_STALL || (source == STORM_SOURCE_BOTH && endpoint % 2 == 1);
}

#endif /* STORM_SOURCE_H */
