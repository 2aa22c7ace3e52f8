/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_CASE_IDLE_H
#define BENCH_CASE_IDLE_H

/* The case "idle": what a queue costs in which nothing is, and the first request after that. */

#include "ready.h"

#define IDLE_NB 20000
#define WAKE_NB 1000
#define IDLE_NB_QUICK 1000

/* case_idle_engine.c */
void
idle_engine_points(struct bench *b, uint32_t nb);

#endif /* BENCH_CASE_IDLE_H */
