/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_RESULT_H
#define STORM_RESULT_H

/* What a storm has shown, in the units of the report. */

#include "bound.h"
#include "latency.h"
#include "run.h"

struct storm_result {
	struct storm_run run;
	/* the engine */
	double requests_per_s;
	double ns_per_request;
	double undisturbed_ns_per_request; /* without turns in which the lcore was away */
	double engine_requests_per_s;
	double busy_ratio;
	struct latency_ns latency;
	struct uiommu_xstat *xstats;
	unsigned int nb_xstats;
	/* --storm-limit: times that it tripped, and stalls that the driver ended by itself */
	uint64_t storms, stalls_calmed;
	uint64_t unheard;    /* answers that came after the kernel's own, and went nowhere */
	/* bad requests as the engine counted them */
	uint64_t refused;    /* malformed, of unknown endpoint or PASID, stop markers */
	uint64_t unfinished; /* of groups that were never closed */
	bool bad_exact;      /* both together must be what the model has sent */
	/* the stuck consumer */
	struct stuck_result stuck;
	/* --compare-around: the same with single pages, how many times as many requests it took */
	struct map_single single;
	double around_ratio;
	/* the bound */
	bool has_bound;
	struct bound_result bound;
	double bound_ratio;
	double round_trip_before_ns, round_trip_after_ns;
	/* the end */
	bool clean;
	int exit_code;
};

/* Figures out of what a run has left. The unit must still be there. 0 or -ENOMEM. */
int
result_make(const struct storm *s, struct storm_result *r);

/* After the bound: one line on stderr for each thing that is not in order, and the exit code. */
void
result_judge(const struct storm *s, struct storm_result *r);

/* Of --handler map; whether all is in order. In result_map.c. */
bool
result_map_judge(const struct storm *s, const struct storm_result *r);

/* What the same storm has shown with single pages, before the other one was run. */
void
result_map_single(struct storm_result *r, const struct storm_result *single);

void
result_free(struct storm_result *r);

#endif /* STORM_RESULT_H */
