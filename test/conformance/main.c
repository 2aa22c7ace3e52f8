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
		&r4_contexts_suite,
		&r7_suite, &r8_suite, &r9_suite, &r10_suite,	    &r11_suite, &defects_suite,
		&domains_suite, &user_pasids_suite, &replace_suite, &replace_threads_suite,
		&page_requests_suite, &virtual_functions_suite, &release_suite, &undo_suite,
		&undo_threads_suite, &deadlines_suite,
		&fault_queue_suite, &fault_queue_bounds_suite, &fault_queue_end_suite,
		&fault_queue_threads_suite,
		&sva_suite,
		&sva_resolve_suite,
		&sva_self_suite,
		&sva_end_suite,
		&sva_threads_suite,
		&paging_suite,
		&paging_around_suite,
		&paging_frames_suite,
		&paging_short_suite,
		&paging_map_suite,
		&region_suite,
		&inval_suite,
		&inval_bonds_suite,
		&inval_other_suite,
		&evict_suite,
		&evict_threads_suite,
		&r11_unit_errors_suite,
		&reports_suite,
		&wide_ids_suite,
		&counters_suite,
		&stall_suite,
		&stall_end_suite,
		&stall_list_suite,
		&stall_storm_suite,
	};
	static const struct harness_program program = {
		.suites = suites,
		.nb_suites = ARRAY_COUNT(suites),
		.every_unit = true,
		.memory_mb = 512,
	};

	return harness_main(argc, argv, &program);
}
