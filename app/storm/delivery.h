/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_DELIVERY_H
#define STORM_DELIVERY_H

/* Fault queues of the storm: how large, made and destroyed, and what they have counted. */

#include <stdint.h>

#include <uiommu.h>

struct storm;
struct storm_options;

struct delivery {
	uint32_t nb;       /* fault queues, the stuck one included, which is the last; 0: none */
	uint32_t depth;    /* groups that each may hold, the stuck one apart */
	uint32_t messages; /* requests that each may hold */
	uint32_t stuck_depth;
	uint32_t sva_depth; /* of the library's queue, with --handler sva */
	uint32_t slots;    /* groups of all of them */
	struct uiommu_fault_queue **queues;
	struct uiommu_fault_queue_stats *before; /* when figures began */
};

/* What devices have outstanding at a time, which the sizes of the queues follow from. */
struct delivery_load {
	uint64_t requests;    /* of all of them */
	uint64_t groups;      /* likewise */
	uint32_t last_groups; /* of the last one, that the stuck consumer may have */
};

/*
 * Sizes for the storm's options. 0, or -EINVAL after one line on stderr where groups of an SVA
 * storm would not fit: its queue must never be full, because a page that was answered "retry"
 * looks like one that is there.
 */
int
delivery_plan(struct storm *s, const struct delivery_load *load);

/* Memory that they take at most, before the unit is known. */
uint64_t
delivery_memory_bytes(const struct storm_options *o);

/* The unit is configured. 0, or -errno after one line. */
int
delivery_open(struct storm *s);

/* Domains that had the queues are gone, and nobody reads. 0, or -errno after one line. */
int
delivery_close(struct storm *s);

void
delivery_free(struct storm *s);

/* Fault queue of a domain by its number; NULL: it has none. */
struct uiommu_fault_queue *
delivery_queue(const struct storm *s, uint32_t domain);

/* Figures count from here ... */
void
delivery_figures_begin(struct storm *s);

/* ... to here: sums over all queues. */
void
delivery_figures_end(const struct storm *s, struct uiommu_fault_queue_stats *sums);

#endif /* STORM_DELIVERY_H */
