/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_CASE_FAULT_H
#define BENCH_CASE_FAULT_H

/* The case "fault": page requests served, by plain loops and by the engine. */

#include "mock.h"

#define FAULT_BURST 64
#define FAULT_NB 4096
#define FAULT_NB_QUICK 512
/*
 * Of them, that wait when the clock starts; it stops when they are served. What counts is the slice
 * in the middle: now and then the kernel has work of its own in one of them.
 */
#define FAULT_SLICE 512

/* What the slices of a measurement have cost. */
struct fault_slices {
	uint32_t nb;
	double cost[FAULT_NB / FAULT_SLICE];
};

/* Points that others are held against. */
#define FAULT_LOOP_ONE "loop by 1"
#define FAULT_LOOP_BURST "loop by 64"
#define FAULT_ENGINE "engine, iommufd"

struct bench_fault {
	struct mock_queue queue;
	bool queue_open;
};

/*
 * Raise a slice of the case's requests.
 *
 * @param from number of the first one
 * @param refused how many must be answered INVALID is added
 * @return 0 or -errno
 */
int
fault_raise(const struct mock_device *d, uint32_t from, uint32_t *refused);

/* One more slice. */
void
fault_slice_add(struct fault_slices *slices, uint64_t cost);

/* What a request has cost in the slice in the middle. */
double
fault_slices_cost(struct fault_slices *slices);

/* case_fault_engine.c */
void
fault_engine_points(struct bench *b, uint32_t nb);

#endif /* BENCH_CASE_FAULT_H */
