/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STRESS_H
#define STRESS_H

/* What the stress programs have in common: their arguments, and the kinds of traffic in turn. */

#include <stdint.h>

#include <uiommu_emu.h>

struct harness_program;

/** Arguments, in their order on the command line. */
struct stress_arguments {
	const char *unit; /**< --unit: of the harness' table; NULL: the program's own choice */
	double seconds;
	uint64_t seed;
	unsigned int nb_controllers;
};

/**
 * What is not given keeps its value; the seed is from the clock then. Returns 0, or 2 after one
 * line about the usage; a number out of range ends the program so.
 */
int stress_arguments_read(int argc, char **argv, unsigned int controllers_max,
			  struct stress_arguments *arguments);

/** Run the program. @return its exit code */
int stress_run(char *name, const struct stress_arguments *arguments,
	       const struct harness_program *program);

#define STRESS_TRAFFICS 5

extern const struct uiommu_emu_traffic stress_traffics[STRESS_TRAFFICS];

#endif /* STRESS_H */
