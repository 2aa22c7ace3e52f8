/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "stress.h"

const struct uiommu_emu_traffic stress_traffics[STRESS_TRAFFICS] = {
	{.group_pages_min = 1, .group_pages_max = 1},
	{.group_pages_min = 1, .group_pages_max = 8, .write_ratio = 0.5},
	{.group_pages_min = 1, .group_pages_max = 4, .bad_ratio = 0.1},
	{.group_pages_min = 1, .group_pages_max = 6, .overflow = true},
	{.group_pages_min = 1,
	 .group_pages_max = 3,
	 .bad_ratio = 0.05,
	 .overflow = true,
	 .profile = UIOMMU_EMU_ZIPF},
};

static double
number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= max)) {
		fprintf(stderr, "'%s': expected a number from %g to %g\n", text, min, max);
		exit(2);
	}
	return value;
}

int
stress_arguments_read(int argc, char **argv, unsigned int controllers_max,
		      struct stress_arguments *arguments)
{
	const char *name = argv[0];

	arguments->seed = harness_now_ns() % 1000000;
	if (argc > 2 && strcmp(argv[1], "--unit") == 0) {
		arguments->unit = argv[2];
		argc -= 2;
		argv += 2;
	}
	if (argc > 4 || (argc > 1 && argv[1][0] == '-')) {
		fprintf(stderr, "Usage: %s [--unit NAME] [SECONDS [SEED [CONTROL-THREADS]]]\n",
			name);
		return 2;
	}
	if (argc > 1)
		arguments->seconds = number(argv[1], 0.1, 1e6);
	if (argc > 2)
		arguments->seed = (uint64_t)number(argv[2], 0, 1e15);
	if (argc > 3)
		arguments->nb_controllers = (unsigned int)number(argv[3], 1, controllers_max);
	return 0;
}

int
stress_run(char *name, const struct stress_arguments *arguments,
	   const struct harness_program *program)
{
	char option[] = "--unit";
	char *argv[] = {name, option, (char *)(uintptr_t)arguments->unit, NULL};

	return harness_main(arguments->unit != NULL ? 3 : 1, argv, program);
}
