/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_CASE_FAULT_H
#define BENCH_CASE_FAULT_H

/* The case "fault": page requests served, by plain loops and by the engine. */

#include "unit.h"

#define FAULT_BURST 64

/* What of a measurement is wanted. */
enum fault_part {
	FAULT_ALL,
	FAULT_READ,
	FAULT_HANDLE,
	FAULT_WRITE,
	NB_FAULT_PARTS,
};

/* What was done so far, and what of it the last slice has cost. */
struct fault_sums {
	uint64_t cost[NB_FAULT_PARTS];
	uint32_t served, refused;
	bool parts; /* more than FAULT_ALL is wanted, and taken by the clock */
};

/*
 * Who serves: by a plain loop, or by uiommu_poll(). The unit is opened for each measurement.
 */
struct fault_server {
	/* u->dev_id stays -1 where it cannot be. Returns as mock_open(). */
	int (*open)(struct bench *b, struct fault_sums *sums, struct bench_unit *u, int *fd);
	/* Until so many have been served in all, or no more come. 0 or -errno. */
	int (*serve)(const struct bench_unit *u, int fd, uint32_t nb, uint32_t burst,
		     struct fault_sums *sums);
	/* Nothing is left: all have their answers. Else tells, and returns -errno. */
	int (*check)(const struct bench_point *p, const struct bench_unit *u, int fd);
};

extern const struct fault_server fault_loop;     /* case_fault_loop.c */
extern const struct fault_server fault_iommufd;  /* case_fault_engine.c */
extern const struct fault_server fault_emulated;

#endif /* BENCH_CASE_FAULT_H */
