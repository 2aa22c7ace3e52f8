/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGTABLE_HW_H
#define PGTABLE_HW_H

/*
 * What a unit makes of page tables: a second reading of each format, for tests. It shares nothing
 * with the library but the names of the formats. All bits are looked at: one that the
 * specification wants clear, or that the library has no business to set, makes the walk BROKEN.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#define HW_LEVELS_MAX 5
#define HW_AREAS_MAX 8

/* Memory as a unit sees it. */
struct hw_area {
	uint64_t pa;
	size_t size;
	uint8_t *va;
};

struct hw_memory {
	uint32_t nb_areas;
	struct hw_area areas[HW_AREAS_MAX];
};

/* What software has told the unit. Levels count from 1, the pages, to the root. */
struct hw_table {
	const struct hw_memory *memory;
	uint32_t format; /* enum uiommu_pgtable_format */
	uint32_t levels;
	uint32_t page_shift;
	uint32_t pa_bits;
	uint64_t leaf_sizes;
	bool presets; /* accessed and dirty bits are software's: must be set from the start */
	bool snoop;   /* VT-d second stage: SNP is wanted in leaves, else reserved */
	uint64_t root;
};

enum hw_result {
	HW_LEAF,
	HW_ABSENT,
	HW_BEYOND, /* no address of the table */
	HW_BROKEN, /* hw_leaf::why */
};

struct hw_leaf {
	uint32_t level; /* where the walk ended */
	uint64_t iova, pa, size;
	uint32_t prot;  /* what all levels together allow */
	bool accessed, dirty;
	uint64_t value;  /* the entry where it ended */
	uint64_t *entry; /* where that is */
	uint64_t tables[HW_LEVELS_MAX + 1]; /* address of the table of each level; 0: not reached */
	const char *why;
};

/* Width of an address in bits. */
uint32_t
hw_width(const struct hw_table *t);

/* Whether the upper bits of an address repeat the highest one of the width. */
bool
hw_is_signed(const struct hw_table *t);

/* log2 of what an entry of a level covers. */
uint32_t
hw_shift(const struct hw_table *t, uint32_t level);

enum hw_result
hw_walk(const struct hw_table *t, uint64_t iova, struct hw_leaf *leaf);

/*
 * As an access of a device: sets accessed and dirty bits by compare-and-swap, like hardware, unless
 * they are software's. ABSENT with value 0 at level 0 where the access is not allowed.
 *
 * @param newly_dirty set to whether this access turned the page's dirty state on; or NULL
 */
enum hw_result
hw_access(const struct hw_table *t, uint64_t iova, bool write, struct hw_leaf *leaf,
	  bool *newly_dirty);

typedef void (*hw_leaf_t)(void *priv, const struct hw_leaf *leaf);

/* Everything that can be reached from the root, by address. Counts tables. 0, or -1: *why. */
int
hw_scan(const struct hw_table *t, hw_leaf_t leaf_fn, void *priv, uint32_t *nb_tables,
	const char **why);

#endif /* PGTABLE_HW_H */
