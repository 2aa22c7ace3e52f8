/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_EVICTOR_H
#define STORM_EVICTOR_H

/*
 * The thread that makes room: it looks at each domain, and evicts where its budget is nearly used.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct storm;

struct evictor {
	struct storm *storm;
	pthread_t thread;
	bool running;
	bool stop __attribute__((aligned(128))); /* atomic */
	/* written by the thread */
	uint64_t calls __attribute__((aligned(128))); /* of uiommu_domain_evict() */
	uint64_t busy_ns, busy_ns_max;                /* in them */
	int result;
};

/* Where there is a budget. 0, or -errno after one line. */
int
evictor_start(struct storm *s);

/* 0, or what made it end, after one line. */
int
evictor_stop(struct storm *s);

#endif /* STORM_EVICTOR_H */
