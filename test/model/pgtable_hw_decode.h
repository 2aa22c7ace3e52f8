/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGTABLE_HW_DECODE_H
#define PGTABLE_HW_DECODE_H

/* Entries of the formats, read bit by bit. */

#include "pgtable_hw.h"

#define BIT(n) (UINT64_C(1) << (n))

enum hw_kind {
	HW_KIND_ABSENT,
	HW_KIND_TABLE,
	HW_KIND_LEAF,
	HW_KIND_BROKEN,
};

/* An entry, read. */
struct hw_decoded {
	uint64_t pa;
	uint32_t prot;
	bool accessed, dirty;
	const char *why;
};

/* Of the entries that hardware writes: what it adds, and what it takes away for a write. */
struct hw_marks {
	uint64_t accessed;
	uint64_t dirty_set;
	uint64_t dirty_clear;
	uint64_t table_accessed; /* in entries that lead to tables */
};

enum hw_kind
hw_decode(const struct hw_table *t, uint32_t level, uint64_t e, struct hw_decoded *d);

struct hw_marks
hw_marks(uint32_t format);

#endif /* PGTABLE_HW_DECODE_H */
