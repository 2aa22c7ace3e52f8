/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_EAL_H
#define BENCH_EAL_H

#include "bench.h"

/*
 * Only what works on a unit needs the EAL: it is started by the first of these. Whoever writes EAL
 * arguments before "--" has them used then.
 */
void
eal_arguments(int argc, char **argv);

/* 0, or -errno after one line on stderr. */
int
eal_start(struct bench *b);

void
eal_stop(struct bench *b);

#endif /* BENCH_EAL_H */
