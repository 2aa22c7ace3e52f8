/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include "pgtable_hw_decode.h"

uint32_t
hw_width(const struct hw_table *t)
{
	uint32_t width = t->page_shift + t->levels * (t->page_shift - 3);

	/* Arm: 16K and 64K pages have a short root */
	return t->format == UIOMMU_PGTABLE_ARM_LPAE && width > 48 ? 48 : width;
}

bool
hw_is_signed(const struct hw_table *t)
{
	return t->format == UIOMMU_PGTABLE_X86_FIRST || t->format == UIOMMU_PGTABLE_RISCV;
}

uint32_t
hw_shift(const struct hw_table *t, uint32_t level)
{
	return t->page_shift + (level - 1) * (t->page_shift - 3);
}

static uint64_t *
table_at(const struct hw_table *t, uint64_t pa)
{
	size_t bytes = (size_t)1 << t->page_shift;
	uint32_t i;

	for (i = 0; i < t->memory->nb_areas; i++) {
		const struct hw_area *area = &t->memory->areas[i];

		if (pa >= area->pa && pa - area->pa <= area->size - bytes)
			return (uint64_t *)(void *)(area->va + (pa - area->pa));
	}
	return NULL;
}

static bool
reached(const struct hw_table *t, uint64_t iova)
{
	uint64_t above = iova >> (hw_width(t) - (hw_is_signed(t) ? 1 : 0));

	if (hw_is_signed(t))
		return above == 0 || above == ~UINT64_C(0) >> (hw_width(t) - 1);
	return above == 0;
}

static uint32_t
index_of(const struct hw_table *t, uint64_t iova, uint32_t level)
{
	uint32_t bits = t->page_shift - 3, shift = hw_shift(t, level), width = hw_width(t);

	if (shift + bits > width)
		bits = width - shift;
	return (uint32_t)(iova >> shift & (BIT(bits) - 1));
}

/* One walk; with mark, entries that lead to tables are marked accessed on the way. */
static enum hw_result
walk(const struct hw_table *t, uint64_t iova, uint64_t mark, struct hw_leaf *leaf)
{
	uint64_t pa = t->root, *table, size;
	struct hw_decoded d;
	enum hw_kind kind;

	memset(leaf, 0, sizeof(*leaf));
	if (!reached(t, iova))
		return HW_BEYOND;
	leaf->prot = UIOMMU_PROT_ALL;
	for (leaf->level = t->levels;; leaf->level--) {
		table = table_at(t, pa);
		leaf->why = "a table outside of the memory for tables";
		if (table == NULL || (pa & (BIT(t->page_shift) - 1)) != 0)
			return HW_BROKEN;
		leaf->tables[leaf->level] = pa;
		leaf->entry = &table[index_of(t, iova, leaf->level)];
		/* acquire: with the release of whoever wrote a pointer to a table filled before */
		leaf->value = __atomic_load_n(leaf->entry, __ATOMIC_ACQUIRE);
		kind = hw_decode(t, leaf->level, leaf->value, &d);
		leaf->why = d.why;
		leaf->prot &= d.prot;
		if (kind == HW_KIND_BROKEN)
			return HW_BROKEN;
		size = BIT(hw_shift(t, leaf->level));
		leaf->size = size;
		leaf->iova = iova & ~(size - 1);
		if (kind == HW_KIND_ABSENT)
			return HW_ABSENT;
		leaf->pa = pa = d.pa;
		leaf->accessed = d.accessed;
		leaf->dirty = d.dirty;
		if (kind == HW_KIND_LEAF)
			return HW_LEAF;
		if (mark != 0 && (leaf->value & mark) == 0 &&
		    !__atomic_compare_exchange_n(leaf->entry, &leaf->value, leaf->value | mark,
						 false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			leaf->level = t->levels + 1, pa = t->root; /* changed meanwhile: anew */
	}
}

enum hw_result
hw_walk(const struct hw_table *t, uint64_t iova, struct hw_leaf *leaf)
{
	return walk(t, iova, 0, leaf);
}

enum hw_result
hw_access(const struct hw_table *t, uint64_t iova, bool write, struct hw_leaf *leaf,
	  bool *newly_dirty)
{
	struct hw_marks marks = hw_marks(t->format);
	uint64_t value;
	enum hw_result result;

	if (newly_dirty != NULL)
		*newly_dirty = false;
	for (;;) {
		result = walk(t, iova, t->presets ? 0 : marks.table_accessed, leaf);
		if (result != HW_LEAF)
			return result;
		if ((leaf->prot & (write ? UIOMMU_PROT_WRITE : UIOMMU_PROT_READ)) == 0) {
			leaf->level = 0;
			leaf->value = 0;
			return HW_ABSENT;
		}
		value = leaf->value;
		if (!t->presets) {
			value |= marks.accessed;
			if (write)
				value = (value | marks.dirty_set) & ~marks.dirty_clear;
		}
		/* relaxed: hardware orders nothing by it */
		if (value != leaf->value &&
		    !__atomic_compare_exchange_n(leaf->entry, &leaf->value, value, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		if (newly_dirty != NULL)
			*newly_dirty = write && !leaf->dirty && !t->presets;
		leaf->accessed = true;
		leaf->dirty = leaf->dirty || write;
		return HW_LEAF;
	}
}

/* A table whose level and first address are known. */
struct scan {
	const struct hw_table *t;
	hw_leaf_t leaf_fn;
	void *priv;
	uint32_t nb_tables;
	const char *why;
};

static int
scan_table(struct scan *s, uint64_t pa, uint32_t level, uint64_t iova, uint32_t prot)
{
	const struct hw_table *t = s->t;
	uint32_t shift = hw_shift(t, level), width = hw_width(t), entries, i;
	uint64_t *table = table_at(t, pa);
	struct hw_leaf leaf = {.level = level, .size = BIT(shift)};
	struct hw_decoded d;
	enum hw_kind kind;

	s->nb_tables++;
	s->why = "a table outside of the memory for tables";
	if (table == NULL)
		return -1;
	entries = (uint32_t)1 << (t->page_shift - 3);
	for (i = 0; i < entries; i++) {
		leaf.entry = &table[i];
		leaf.value = __atomic_load_n(leaf.entry, __ATOMIC_ACQUIRE);
		kind = hw_decode(t, level, leaf.value, &d);
		leaf.iova = iova + ((uint64_t)i << shift);
		if (level == t->levels && hw_is_signed(t) && (leaf.iova >> (width - 1) & 1) != 0)
			leaf.iova |= ~(BIT(width) - 1);
		s->why = d.why;
		if (kind == HW_KIND_BROKEN)
			return -1;
		s->why = "an entry of the root beyond the width of addresses";
		if (kind != HW_KIND_ABSENT && !reached(t, leaf.iova))
			return -1;
		if (kind == HW_KIND_TABLE &&
		    scan_table(s, d.pa, level - 1, leaf.iova, prot & d.prot) < 0)
			return -1;
		leaf.pa = d.pa;
		leaf.prot = prot & d.prot;
		leaf.accessed = d.accessed;
		leaf.dirty = d.dirty;
		if (kind == HW_KIND_LEAF && s->leaf_fn != NULL)
			s->leaf_fn(s->priv, &leaf);
	}
	s->why = NULL;
	return 0;
}

int
hw_scan(const struct hw_table *t, hw_leaf_t leaf_fn, void *priv, uint32_t *nb_tables,
	const char **why)
{
	struct scan s = {.t = t, .leaf_fn = leaf_fn, .priv = priv};
	int ret = scan_table(&s, t->root, t->levels, 0, UIOMMU_PROT_ALL);

	*nb_tables = s.nb_tables;
	*why = s.why;
	return ret;
}
