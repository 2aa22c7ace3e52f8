/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The bits of entries. What is expected was worked out by hand from the manuals, and is given as
 * numbers: nothing here shares a constant with lib/iommu/pgtable. Hardware's part is played by
 * changing entries in memory.
 */

#include "pgtable_rig.h"

/* The entry for iova of the table at pa. */
static uint64_t *
entry_at(uint64_t table_pa, unsigned int index)
{
	uint64_t *table = uiommu_pgpool_va(rig.pool, table_pa);

	assert_non_null(table);
	return &table[index];
}

/* Address that an entry for a table holds. */
static uint64_t
table_pa_of(uint64_t e)
{
	if (rig.kind->format == UIOMMU_PGTABLE_RISCV)
		return (e & UINT64_C(0x003ffffffffffc00)) << 2;
	return e & (UINT64_C(0x0000fffffffff000) & ~(rig.page - 1));
}

static uint64_t
table_bits_of(uint64_t e)
{
	if (rig.kind->format == UIOMMU_PGTABLE_RISCV)
		return e & ~UINT64_C(0x003ffffffffffc00);
	return e & ~(UINT64_C(0x0000fffffffff000) & ~(rig.page - 1));
}

/* P, R/W, U/S, A; R, W; valid, table; V */
static const uint64_t table_bits[UIOMMU_PGTABLE_FORMATS] = {0x27, 0x3, 0x3, 0x1};

/*
 * An address, and the index of it at each level from the leaves on:
 * 0x7f1234567000 = 011111110 001001000 110100010 101100111 0...
 */
struct place {
	uint64_t iova;
	unsigned int index[5];
};

static struct place
place_of_kind(void)
{
	if (rig.kind->page_shift == 14)
		/* 0 11111110001 00100011010 00101011001 */
		return (struct place){UINT64_C(0x7f1234564000), {345, 282, 2033, 0}};
	if (rig.kind->page_shift == 16)
		/* 011111 1100010010001 1010001010110 */
		return (struct place){UINT64_C(0x7f1234560000), {5206, 6289, 31}};
	if (rig.kind->va_bits == 39)
		return (struct place){UINT64_C(0x1234567000), {359, 418, 72}};
	return (struct place){UINT64_C(0x7f1234567000), {359, 418, 72, 254, 0}};
}

/* The entry at a level for the place, by way of tables that must look right. */
static uint64_t *
entry_of(const struct place *place, unsigned int level)
{
	uint64_t pa = uiommu_pgtable_root(rig.pt), *e;
	unsigned int at = rig.kind->levels - 1;

	for (; at > level; at--) {
		e = entry_at(pa, place->index[at]);
		assert_int_equal(table_bits_of(*e), table_bits[rig.kind->format]);
		pa = table_pa_of(*e);
	}
	return entry_at(pa, place->index[level]);
}

struct bits {
	uint32_t prot;
	uint64_t flags;
	uint64_t page;	/* level 0 */
	uint64_t large; /* above */
};

#define NO_AD UIOMMU_PGTABLE_NO_AD
#define SNOOP UIOMMU_PGTABLE_SNOOP

static const struct bits x86_bits[] = {
	/* P, R/W, U/S, PS */
	{R, 0, 0x05, 0x85},
	{R | W, 0, 0x07, 0x87},
	{R | W | X, 0, 0x07, 0x87},
	/* A, and D where writable */
	{R, NO_AD, 0x25, 0xa5},
	{R | W, NO_AD, 0x67, 0xe7},
	/* for the other format */
	{R | W, SNOOP, 0x07, 0x87},
};

static const struct bits second_bits[] = {
	/* R, W, PS */
	{R, 0, 0x1, 0x81},
	{W, 0, 0x2, 0x82},
	{R | W, 0, 0x3, 0x83},
	{X, 0, 0x1, 0x81},
	/* SNP */
	{R | W, SNOOP, 0x803, 0x883},
	{R, SNOOP, 0x801, 0x881},
	/* A, D: ignored by a unit that does not keep them */
	{R, NO_AD, 0x101, 0x181},
	{R | W, NO_AD, 0x303, 0x383},
};

static const struct bits lpae_bits[] = {
	/* valid, page; AttrIndx 1, AP[1], SH inner, nG; AP[2]; PXN, UXN; DBM */
	{R, 0, 0x0060000000000bc7, 0x0060000000000bc5},
	{R | W, 0, 0x0068000000000bc7, 0x0068000000000bc5},
	{R | X, 0, 0x0000000000000bc7, 0x0000000000000bc5},
	{R | W | X, 0, 0x0008000000000bc7, 0x0008000000000bc5},
	/* AF, and no AP[2] where writable */
	{R, NO_AD, 0x0060000000000fc7, 0x0060000000000fc5},
	{R | W, NO_AD, 0x0060000000000f47, 0x0060000000000f45},
	{R | X, NO_AD, 0x0000000000000fc7, 0x0000000000000fc5},
	{R | W | X, NO_AD, 0x0000000000000f47, 0x0000000000000f45},
};

static const struct bits riscv_bits[] = {
	/* V, R, W, X, U; the same at all levels */
	{R, 0, 0x13, 0x13},
	{R | W, 0, 0x17, 0x17},
	{R | X, 0, 0x1b, 0x1b},
	{R | W | X, 0, 0x1f, 0x1f},
	/* A, and D where writable */
	{R, NO_AD, 0x53, 0x53},
	{R | W, NO_AD, 0xd7, 0xd7},
};

static const struct {
	const struct bits *bits;
	unsigned int nb;
} leaf_bits[UIOMMU_PGTABLE_FORMATS] = {
	{x86_bits, ARRAY_COUNT(x86_bits)},
	{second_bits, ARRAY_COUNT(second_bits)},
	{lpae_bits, ARRAY_COUNT(lpae_bits)},
	{riscv_bits, ARRAY_COUNT(riscv_bits)},
};

/* An address in an entry: PPN from bit 10 on, or as it is. */
static uint64_t
address_bits(uint64_t pa)
{
	return rig.kind->format == UIOMMU_PGTABLE_RISCV ? pa >> 2 : pa;
}

/* Each access, with each flag, at each level that has leaves. */
static void
leaves(void **state)
{
	struct place place = place_of_kind();
	unsigned int i, level;

	for (i = 0; i < leaf_bits[rig.kind->format].nb; i++) {
		const struct bits *bits = &leaf_bits[rig.kind->format].bits[i];

		rig_table_again(bits->flags);
		for (level = 0; level <= rig.kind->max_leaf; level++) {
			uint64_t iova = place.iova & ~(rig_span(level) - 1);
			uint64_t pa = UINT64_C(0x0000a87654321000) & ~(rig_span(level) - 1);

			rig_map(iova, pa, rig_span(level), bits->prot);
			assert_int_equal(*entry_of(&place, level),
					 address_bits(pa) |
						 (level == 0 ? bits->page : bits->large));
			assert_int_equal(rig_unmap(iova, rig_span(level), 0, NULL), 0);
			assert_int_equal(*entry_of(&place, level), 0);
			/* tables in the way of the next level */
			assert_int_equal(uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather),
					 rig.kind->levels - 1 - level);
			rig_gather_again();
		}
	}
}

/* The highest address that entries hold: 52 bits, LPAE 48. */
static void
highest_address(void **state)
{
	bool lpae = rig.kind->format == UIOMMU_PGTABLE_ARM_LPAE;
	uint64_t pa = (UINT64_C(1) << (lpae ? 48 : 52)) - rig.page;
	struct place place = place_of_kind();

	rig_map(place.iova, pa, rig.page, R);
	assert_int_equal(*entry_of(&place, 0),
			 address_bits(pa) | leaf_bits[rig.kind->format].bits[0].page);
	rig_leaf(place.iova + 17, pa + 17, rig.page, R);
}

/* The root is where it is said to be, and empty but for what was mapped. */
static void
rest_is_zero(void **state)
{
	struct place place = place_of_kind();
	unsigned int level, i, nb = 1U << rig.kind->index_bits;

	rig_map(place.iova, 0, rig.page, R);
	for (level = 0; level < rig.kind->levels; level++) {
		const uint64_t *table = entry_of(&place, level) - place.index[level];

		for (i = 0; i < nb; i++)
			assert_true((table[i] != 0) == (i == place.index[level]));
	}
	assert_int_equal(uiommu_pgtable_pages(rig.pt), rig.kind->levels);
}

/* Signed addresses: the upper half of the root. */
static void
upper_half(void **state)
{
	unsigned int top = rig.kind->levels - 1, last = (1U << rig.kind->index_bits) - 1;
	uint64_t root = uiommu_pgtable_root(rig.pt);

	if (!rig.kind->is_signed) {
		assert_int_equal(
			uiommu_pgtable_map(rig.pt, UINT64_MAX - rig.page + 1, 0, rig.page, R, NULL),
			-EINVAL);
		return;
	}
	rig_map(UINT64_MAX - rig.page + 1, 0x7000, rig.page, R);
	assert_int_not_equal(*entry_at(root, last), 0);
	rig_leaf(UINT64_MAX, 0x7fff, rig.page, R);
	rig_map(UINT64_MAX << (rig.kind->va_bits - 1), 0x8000, rig.page, R);
	assert_int_not_equal(*entry_at(root, (last + 1) / 2), 0);
	assert_int_equal(*entry_at(root, (last + 1) / 2 - 1), 0);
	assert_int_equal(top, rig.kind->levels - 1);
}

/* What hardware does to an entry of one page when it reads, and when it writes. */
static void
hardware_reads(uint64_t *e)
{
	static const uint64_t bit[] = {0x20, 0x100, 0x400, 0x40};

	*e |= bit[rig.kind->format];
}

static void
hardware_writes(uint64_t *e)
{
	static const uint64_t bit[] = {0x40, 0x200, 0, 0x80};

	hardware_reads(e);
	*e |= bit[rig.kind->format];
	if (rig.kind->format == UIOMMU_PGTABLE_ARM_LPAE && (*e & UINT64_C(1) << 51) != 0)
		*e &= ~UINT64_C(0x80);
}

static void
accessed_and_dirty(void **state)
{
	struct place place = place_of_kind();
	struct uiommu_pgtable_leaf leaf;
	uint64_t *e, clean;

	rig_map(place.iova, 0, rig.page, R | W);
	leaf = rig_leaf(place.iova, 0, rig.page, R | W);
	assert_false(leaf.accessed || leaf.dirty);
	e = entry_of(&place, 0);
	clean = *e;
	hardware_reads(e);
	leaf = rig_leaf(place.iova, 0, rig.page, R | W);
	assert_true(leaf.accessed && !leaf.dirty);
	hardware_writes(e);
	leaf = rig_leaf(place.iova, 0, rig.page, R | W);
	assert_true(leaf.accessed && leaf.dirty);
	/* cleared: just as it was made, and gathered */
	rig.nb_seen = 0;
	assert_int_equal(uiommu_pgtable_sample(rig.pt, place.iova, rig.page,
					       UIOMMU_SAMPLE_CLEAR_DIRTY, &rig.gather, rig_see,
					       &rig),
			 0);
	assert_int_equal(rig.nb_seen, 1);
	assert_true(rig.seen[0].accessed && rig.seen[0].dirty);
	leaf = rig_leaf(place.iova, 0, rig.page, R | W);
	assert_true(leaf.accessed && !leaf.dirty);
	assert_int_equal(rig.gather.nb_ranges, 1);
	assert_int_equal(uiommu_pgtable_sample(rig.pt, place.iova, rig.page,
					       UIOMMU_SAMPLE_CLEAR_ACCESSED, &rig.gather, NULL,
					       NULL),
			 0);
	assert_int_equal(*e, clean);
	/* nothing to clear: nothing to forget */
	rig_gather_again();
	assert_int_equal(
		uiommu_pgtable_sample(rig.pt, place.iova, rig.page,
				      UIOMMU_SAMPLE_CLEAR_ACCESSED | UIOMMU_SAMPLE_CLEAR_DIRTY,
				      &rig.gather, NULL, NULL),
		0);
	assert_int_equal(rig.gather.nb_ranges, 0);
}

/* That a page was written is not lost with the right to write, nor by giving it again. */
static void
dirty_outlives_access(void **state)
{
	struct place place = place_of_kind();
	struct uiommu_pgtable_leaf leaf;

	rig_map(place.iova, 0, rig.page, R | W);
	hardware_writes(entry_of(&place, 0));
	assert_int_equal(uiommu_pgtable_protect(rig.pt, place.iova, rig.page, R, &rig.gather), 0);
	leaf = rig_leaf(place.iova, 0, rig.page, R);
	assert_true(leaf.accessed && leaf.dirty);
	rig_map(place.iova, 0, rig.page, R | W);
	leaf = rig_leaf(place.iova, 0, rig.page, R | W);
	assert_true(leaf.accessed && leaf.dirty);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, place.iova, rig.page, R, &rig.gather), 0);
	assert_int_equal(uiommu_pgtable_sample(rig.pt, place.iova, rig.page,
					       UIOMMU_SAMPLE_CLEAR_DIRTY, &rig.gather, NULL, NULL),
			 0);
	leaf = rig_leaf(place.iova, 0, rig.page, R);
	assert_true(leaf.accessed && !leaf.dirty);
	rig_map(place.iova, 0, rig.page, R | W);
	leaf = rig_leaf(place.iova, 0, rig.page, R | W);
	assert_false(leaf.dirty);
	assert_int_equal(rig_unmap(place.iova, rig.page, 0, NULL), 0);
	assert_true(rig.seen[0].accessed && !rig.seen[0].dirty);
}

/* Nobody sets the bits: they stay set, and dirty is what could be written. */
static void
no_accessed_and_dirty(void **state)
{
	struct place place = place_of_kind();
	struct uiommu_pgtable_leaf leaf;
	uint64_t made;

	rig_table_again(UIOMMU_PGTABLE_NO_AD);
	rig_map(place.iova, 0, rig.page, R);
	leaf = rig_leaf(place.iova, 0, rig.page, R);
	assert_true(leaf.accessed && !leaf.dirty);
	rig_map(place.iova, 0, rig.page, R | W);
	leaf = rig_leaf(place.iova, 0, rig.page, R | W);
	assert_true(leaf.accessed && leaf.dirty);
	made = *entry_of(&place, 0);
	assert_int_equal(
		uiommu_pgtable_sample(rig.pt, place.iova, rig.page,
				      UIOMMU_SAMPLE_CLEAR_ACCESSED | UIOMMU_SAMPLE_CLEAR_DIRTY,
				      &rig.gather, NULL, NULL),
		0);
	assert_int_equal(*entry_of(&place, 0), made);
	assert_int_equal(rig.gather.nb_ranges, 0);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, place.iova, rig.page, R, &rig.gather), 0);
	leaf = rig_leaf(place.iova, 0, rig.page, R);
	assert_true(leaf.accessed && leaf.dirty);
}

/* The parts of a large leaf have the bits that it had, and those of their own size. */
static void
split_keeps_bits(void **state)
{
	struct place place = place_of_kind();
	uint64_t iova = place.iova & ~(rig_span(1) - 1), pa = 7 * rig_span(1), page, *e;
	unsigned int dirty;
	uint64_t want;

	for (dirty = 0; dirty < 2; dirty++) {
		rig_map(iova, pa, rig_span(1), R | W);
		if (dirty != 0)
			hardware_writes(entry_of(&place, 1));
		page = place.index[0] * rig.page;
		assert_int_equal(rig_unmap(iova, rig.page, 0, NULL), 0);
		assert_int_equal(rig.nb_seen, 1);
		assert_int_equal(rig.seen[0].dirty, dirty);
		e = entry_of(&place, 0);
		want = leaf_bits[rig.kind->format]
			       .bits[rig.kind->format == UIOMMU_PGTABLE_VTD_SECOND ? 2 : 1]
			       .page |
		       address_bits(pa + page);
		if (dirty != 0)
			hardware_writes(&want);
		assert_int_equal(*e, want);
		assert_int_equal(rig_unmap(iova, rig_span(1), 0, NULL), 0);
		rig_gather_again();
	}
}

/* An entry that is reserved is absent to every walker: P; R, W; valid; V are clear. */
static void
busy_is_absent(void **state)
{
	struct place place = place_of_kind();

	assert_int_equal(uiommu_pgtable_reserve(rig.pt, place.iova, rig.kind->page_shift, 1), 1);
	assert_int_not_equal(*entry_of(&place, 0), 0);
	assert_int_equal(*entry_of(&place, 0) & 3, 0);
	uiommu_pgtable_commit(rig.pt, place.iova, rig.kind->page_shift, 1, NULL, R);
	assert_int_equal(*entry_of(&place, 0), 0);
}

int
main(void)
{
	static const struct rig_test tests[] = {
		rig_test(leaves),
		rig_test(highest_address),
		rig_test(rest_is_zero),
		rig_test(upper_half),
		rig_test(accessed_and_dirty),
		rig_test(dirty_outlives_access),
		rig_test(no_accessed_and_dirty),
		rig_test(split_keeps_bits),
		rig_test(busy_is_absent),
	};

	return rig_run("pgtable_bits", tests, ARRAY_COUNT(tests));
}
