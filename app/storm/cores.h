/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_CORES_H
#define STORM_CORES_H

/* CPUs out of those that this process may use. */

#include <pthread.h>

struct cores {
	int fault; /* CPU of the fault lcore */
	int model; /* CPU of the model's lcore */
};

/* Before the EAL binds threads to CPUs: which may be used. */
void
cores_remember(void);

/*
 * Have a thread run on the CPUs that are left when the fault lcore and the model (-1: not known)
 * have theirs; where none are, on all.
 */
void
cores_leave_to(pthread_t thread, int fault, int model);

/*
 * Chooses what is -1, checks what is given. Two cores of one package are preferred to two of
 * different ones, both to two threads of one core, and CPU 0 is taken last. Returns 0, or
 * -ENODEV after one line on stderr.
 */
int
cores_choose(struct cores *cores);

/* Share of the next ms milliseconds in which others use each CPU, 0 to 1; blocks. 0 or -errno. */
int
cores_busy(const struct cores *cores, unsigned int ms, double *fault, double *model);

#endif /* STORM_CORES_H */
