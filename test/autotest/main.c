/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The API as a careless caller sees it: each error that the headers promise, and telemetry. */

#include "autotest.h"

int
main(int argc, char **argv)
{
	static const struct harness_suite *const suites[] = {
		&probe_suite, &probe_platform_suite, &probe_smmuv3_suite, &probe_riscv_suite,
		&lifecycle_suite, &objects_suite, &datapath_suite, &paging_suite,
		&telemetry_suite,
	};
	static const struct harness_program program = {
		.suites = suites,
		.nb_suites = ARRAY_COUNT(suites),
		.telemetry = true,
		.memory_mb = 768,
	};

	return harness_main(argc, argv, &program);
}
