/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_CREW_H
#define BENCH_CREW_H

/* Several threads that begin at once. */

#include "bench.h"

/* @return 0 or -errno */
typedef int (*crew_work_t)(void *arg, uint32_t thread);

/*
 * Each thread on a CPU of its own, as far as there are some.
 *
 * @param ns set to the time from the common start to the end of the last one
 * @return 0; the first error of a work, or why a thread could not be made
 */
int
crew_run(const struct bench *b, uint32_t nb, crew_work_t work, void *arg, uint64_t *ns);

#endif /* BENCH_CREW_H */
