/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef CONFORMANCE_H
#define CONFORMANCE_H

/* What the files of cases share. */

#include <errno.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "rig.h"

/*
 * Requests of a case, or rounds. Sanitizers make each of them dear, and so does an emulated
 * processor; units that are only there to be unlike others need not see as many. With a real kernel
 * each takes calls of the system, and its processors are emulated, too.
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#elif __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define TRAFFIC_SHARE 8
#elif defined(__SANITIZE_ADDRESS__)
#define TRAFFIC_SHARE 3
#elif defined(UIOMMU_TEST_EMULATED)
#define TRAFFIC_SHARE 8
#else
#define TRAFFIC_SHARE 1
#endif
#define TRAFFIC_SHARE_KERNEL 8
#define TRAFFIC(n)                                                                                 \
	((n) / (TRAFFIC_SHARE * (harness_unit()->needs_kernel ? TRAFFIC_SHARE_KERNEL :             \
				 harness_unit()->is_variant   ? 2 :                               \
								1)))

extern const struct harness_suite r1_suite, r2_suite, r4_suite, r4_threads_suite, r5_suite,
	r4_contexts_suite, r6_suite, r7_suite, r8_suite, r9_suite, r10_suite, r11_suite,
	r11_unit_errors_suite,
	defects_suite, reports_suite, wide_ids_suite, counters_suite, stall_suite, stall_end_suite,
	stall_storm_suite, stall_list_suite;
extern const struct harness_suite deadlines_suite, domains_suite, page_requests_suite,
	release_suite, replace_suite, replace_threads_suite, undo_suite, undo_threads_suite,
	user_pasids_suite, virtual_functions_suite;
extern const struct harness_suite fault_queue_suite, fault_queue_bounds_suite,
	fault_queue_end_suite, fault_queue_threads_suite;
extern const struct harness_suite paging_suite, paging_around_suite, paging_frames_suite,
	paging_map_suite, paging_short_suite, region_suite, inval_suite, inval_bonds_suite,
	inval_other_suite, evict_suite, evict_threads_suite;
extern const struct harness_suite sva_suite, sva_resolve_suite, sva_self_suite, sva_end_suite,
	sva_threads_suite;

/* Attach PASIDs first to first + nb - 1. */
void
attach_range(struct uiommu_endpoint *endpoint, uint32_t first, uint32_t nb, struct recorder *rec);

/* A device with PASIDs 1 to nb, its endpoint, all of them attached. */
struct uiommu_endpoint *
endpoint_with(struct rig *rig, uint32_t endpoint_id, uint32_t nb, uint32_t credits,
	      struct recorder *rec);

#endif /* CONFORMANCE_H */
