/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_CORES_H
#define STORM_CORES_H

/* Two CPUs out of those that this process may use. */

struct cores {
	int fault; /* CPU of the fault lcore */
	int model; /* CPU of the model's lcore */
};

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
