/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_RUN_H
#define STORM_RUN_H

/* One storm from warm-up to rest. */

#include "churn.h"
#include "storm.h"
#include "stuck.h"

struct storm_run {
	/* the part that is measured */
	struct fault_sums sums; /* differences over it; tsc: its length in cycles */
	double seconds;
	double model_seconds; /* with --preload: of them, when the model worked alone */
	/* everything since the warm-up, up to rest */
	struct uiommu_stats stats;
	struct uiommu_emu_verdict verdict;
	uint64_t parked_before; /* requests that were parked when it began */
	struct report_counts reports; /* accesses that have failed for good */
	struct count_sums handled; /* by the count handler, all bonds */
	uint64_t latency[UIOMMU_LATENCY_BUCKETS];
	struct churn churn;
	struct stuck stuck;
	struct uiommu_fault_queue_stats delivered; /* sums over all fault queues */
	struct map_figures map;
	uint64_t rounds; /* with --preload */
	struct lcore_usage fault_usage, model_usage;
	uint64_t fault_allocations;
	bool warm_up_clean;
	bool at_rest; /* nothing was outstanding at the end */
};

/*
 * The unit is started and the model runs on its lcore. Returns 0, or a negative errno after
 * one line; then the figures are worth nothing. The fault lcore has ended when this returns.
 */
int
run_storm(struct storm *s, struct storm_run *run);

/* A fault lcore that is yet to be launched, with what the options say. */
void
run_fault_lcore_init(struct storm *s);

/*
 * The devices send nothing any more. Wait until every group is answered and the engine has
 * found nothing for a few looks; a minute at most.
 */
bool
run_wait_for_rest(struct storm *s);

/* From here on figures count: counters of engine, model and handler from zero. */
void
run_figures_begin(struct storm *s, struct storm_run *run);

/* Collect what engine, model and handler have counted. Both lcores are at rest. */
void
run_figures_end(struct storm *s, struct storm_run *run);

#endif /* STORM_RUN_H */
