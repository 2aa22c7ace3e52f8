/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* One set of cases over every unit; see README.md for what is in it and what is not. */

#include "conformance.h"

int
main(int argc, char **argv)
{
	static const struct harness_suite *const suites[] = {
		&r1_suite, &r2_suite, &r4_suite, &r4_threads_suite, &r5_suite,	&r6_suite,
		&r7_suite, &r8_suite, &r9_suite, &r10_suite,	    &r11_suite, &defects_suite,
	};
	static const struct harness_program program = {
		.suites = suites,
		.nb_suites = ARRAY_COUNT(suites),
		.every_unit = true,
		.memory_mb = 512,
	};

	return harness_main(argc, argv, &program);
}
