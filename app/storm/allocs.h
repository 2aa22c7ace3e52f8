/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_ALLOCS_H
#define STORM_ALLOCS_H

/*
 * Counts what the calling thread allocates and frees between begin and end, on the heaps of the C
 * library and of DPDK. For the fault lcore, which must do neither during a storm.
 */

#include <stdbool.h>
#include <stdint.h>

/* Whether this build can count; sanitizers have the C library's heap to themselves. */
bool
allocs_can_count(void);

void
allocs_count_begin(void);

uint64_t
allocs_count_end(void);

/* For those who stand in for an allocator's functions. */
void
allocs_count_one(void);

#endif /* STORM_ALLOCS_H */
