/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_PRELOAD_H
#define STORM_PRELOAD_H

#include "run.h"

/*
 * The storm in rounds: the model fills the queue while the engine waits, the engine empties it
 * while the model waits, then the model judges. Otherwise as run_storm().
 */
int
preload_storm(struct storm *s, struct storm_run *run);

#endif /* STORM_PRELOAD_H */
