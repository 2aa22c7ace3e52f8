/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

/* Tables to be measured, and the pool that they come from. */

#include "bench.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
#define LEAF_2M (UINT64_C(1) << 21)
#define LEAF_1G (UINT64_C(1) << 30)
/* Entries of a table, and leaves that a call gets where nothing else is said. */
#define CALL_LEAVES 512

/* Addresses in the lower half of each format. */
#define TABLE_IOVA (UINT64_C(1) << 38)
#define TABLE_PA (UINT64_C(1) << 40)

/*
 * Memory that is there; *hugepages: in such if there are enough, and set to whether it is so.
 * NULL: none, one line was told. *size is rounded up.
 */
void *
memory_take(size_t *size, bool *hugepages);

void
memory_give(void *memory, size_t size);

/* The pool for tables of all points. 0 or -errno. */
int
pool_open(struct bench *b, uint32_t nb_pages);

void
pool_close(struct bench *b);

/* A table with leaves up to a size. NULL: one line was told. */
struct uiommu_pgtable *
table_open(struct bench *b, uint32_t format, uint64_t leaf);

void
table_close(struct uiommu_pgtable *pt);

/* Map leaves from iova on, in calls of so many. 0 or -errno. */
int
table_map(struct uiommu_pgtable *pt, uint64_t iova, uint64_t leaf, uint32_t nb, uint32_t call);

/* "4K" */
const char *
leaf_name(uint64_t leaf);

#endif /* BENCH_TABLE_H */
