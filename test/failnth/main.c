/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Every control call with the nth thing failing that it needs, for n = 1, 2, ... until none is. */

#include "call.h"

int
main(int argc, char **argv)
{
	static const struct harness_suite *const suites[] = {
		&unit_suite,
		&bonds_suite,
		&undo_suite,
		&faults_suite,
		&paging_suite,
		&fresh_suite,
		&serve_suite,
	};
	static const struct harness_program program = {
		.suites = suites,
		.nb_suites = ARRAY_COUNT(suites),
		.every_unit = true,
	};

	return harness_main(argc, argv, &program);
}
