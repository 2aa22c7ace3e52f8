/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_EAL_H
#define STORM_EAL_H

#include <stdbool.h>

#include "options.h"

struct storm_eal {
	unsigned int lcore_fault, lcore_model;
	int cpu_fault, cpu_model; /* -1: that lcore is not pinned to one CPU */
	bool hugepages;
};

/*
 * The part of the command line before "--" and the rest: *eal_argc is 0 where there is no "--" or
 * nothing before it. Both parts begin with the program's name.
 */
void
eal_split(int argc, char **argv, int *eal_argc, int *own_argc, char ***own_argv);

/*
 * Starts the EAL, with the user's arguments where there are some, else with ours. Returns an
 * exit code; what went wrong was told in one line.
 */
int
eal_start(const struct storm_options *o, int eal_argc, char **argv, struct storm_eal *eal);

void
eal_stop(void);

#endif /* STORM_EAL_H */
