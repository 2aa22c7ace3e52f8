/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page tables: taking away, and what the unit must forget for it. Every kind of table.
 * Reservations, access and accessed bits are in test_pgtable_change.c.
 */

#include "pgtable_rig.h"

#define BASE (UINT64_C(1) << 32)

static void
expect_range(unsigned int i, uint64_t iova, uint64_t len)
{
	assert_true(i < rig.gather.nb_ranges);
	assert_int_equal(rig.gather.ranges[i].iova, iova);
	assert_int_equal(rig.gather.ranges[i].len, len);
}

/* Some pages of a table: they go, they alone, and the table stays. */
static void
pages(void **state)
{
	uint64_t page = rig.page, unmapped = 1;

	rig_map(BASE, 0, 16 * page, R | W);
	assert_int_equal(rig_unmap(BASE + 3 * page, 4 * page, 0, &unmapped), 0);
	assert_int_equal(unmapped, 4 * page);
	assert_int_equal(rig.nb_seen, 4);
	assert_int_equal(rig.seen[0].iova, BASE + 3 * page);
	assert_int_equal(rig.seen[3].pa, 6 * page);
	assert_int_equal(rig.seen[3].size, page);
	assert_int_equal(rig.seen[3].prot, rig_prot(R | W));
	rig_leaf(BASE + 2 * page, 2 * page, page, R | W);
	rig_absent(BASE + 3 * page);
	rig_absent(BASE + 6 * page);
	rig_leaf(BASE + 7 * page, 7 * page, page, R | W);
	assert_int_equal(rig.gather.nb_ranges, 1);
	expect_range(0, BASE + 3 * page, 4 * page);
	assert_int_equal(rig.gather.bytes, 4 * page);
	assert_false(rig.gather.tables);
	assert_int_equal(rig.gather.nb_freed, 0);
	/* absent ones are not counted, nor gathered */
	assert_int_equal(rig_unmap(BASE, 9 * page, 0, &unmapped), 0);
	assert_int_equal(unmapped, 5 * page);
	assert_int_equal(rig.nb_seen, 5);
	assert_int_equal(rig.gather.nb_ranges, 1);
	expect_range(0, BASE, 9 * page);
	assert_int_equal(rig.gather.bytes, 9 * page);
	assert_int_equal(rig_unmap(2 * BASE, 9 * page, 0, &unmapped), 0);
	assert_int_equal(unmapped, 0);
	assert_int_equal(rig.gather.bytes, 9 * page);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), rig.kind->levels);
}

/* A range that covers tables: these go, with those above that it covers, to wait for the end. */
static void
whole_tables(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), unmapped;
	uint32_t levels = rig.kind->levels;

	rig_map(BASE, page, 3 * large, R);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), levels + 2);
	assert_int_equal(rig_unmap(BASE + page, 2 * large, 0, &unmapped), 0);
	assert_int_equal(unmapped, 2 * large);
	/* the one in the middle is covered */
	assert_int_equal(rig.gather.nb_freed, 1);
	assert_true(rig.gather.tables);
	assert_int_equal(rig.gather.nb_ranges, 1);
	expect_range(0, BASE + page, 2 * large);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), levels + 2);
	assert_int_equal(rig_used(), levels + 2);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), levels + 1);
	assert_int_equal(rig_used(), levels + 1);
	rig_leaf(BASE, page, page, R);
	rig_leaf(BASE + 2 * large + page, 2 * large + 2 * page, page, R);
	/* all that there is: only the root stays, and it is all forgotten */
	assert_int_equal(rig_unmap(0, rig_half(), 0, &unmapped), 0);
	assert_int_equal(unmapped, large);
	assert_int_equal(rig.gather.nb_freed, levels);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
	rig_absent(BASE);
	rig_map(BASE, page, 3 * large, R);
	rig_leaf(BASE, page, page, R);
}

/* A table that is empty already is covered too: whoever keeps a pointer to it must forget it. */
static void
empty_tables(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), unmapped;

	rig_map(BASE + page, 0, page, R);
	assert_int_equal(rig_unmap(BASE + page, page, 0, NULL), 0);
	assert_int_equal(rig.gather.nb_freed, 0);
	rig_gather_again();
	assert_int_equal(rig_unmap(BASE, large, 0, &unmapped), 0);
	assert_int_equal(unmapped, 0);
	assert_int_equal(rig.gather.nb_freed, 1);
	assert_true(rig.gather.tables);
	expect_range(0, BASE, large);
}

/* Every size: a page at the start, in the middle and at the end of a large leaf. */
static void
split(void **state)
{
	uint64_t page = rig.page, at, unmapped;
	unsigned int level, i;

	for (level = 1; level <= rig.kind->max_leaf; level++) {
		uint64_t size = rig_span(level), pa = 3 * size;
		const uint64_t holes[] = {0, size / 2 + page, size - page};

		for (i = 0; i < 3; i++) {
			uint32_t before = uiommu_pgtable_pages(rig.pt);

			rig_map(BASE, pa, size, R | W);
			before = uiommu_pgtable_pages(rig.pt);
			assert_int_equal(rig_unmap(BASE + holes[i], page, 0, &unmapped), 0);
			assert_int_equal(unmapped, page);
			assert_int_equal(rig.nb_seen, 1);
			assert_int_equal(rig.seen[0].iova, BASE + holes[i]);
			assert_int_equal(rig.seen[0].pa, pa + holes[i]);
			assert_int_equal(rig.seen[0].size, page);
			assert_int_equal(uiommu_pgtable_pages(rig.pt), before + level);
			/* the unit may hold it as one */
			assert_int_equal(rig.gather.nb_ranges, 1);
			expect_range(0, BASE, size);
			assert_int_equal(rig.gather.bytes, size);
			for (at = 0; at < size; at += size / 8)
				if (at != holes[i])
					assert_true(rig_present(BASE + at, R | W));
			rig_absent(BASE + holes[i]);
			at = holes[i] == 0 ? page : holes[i] - page;
			rig_leaf(BASE + at, pa + at, page, R | W);
			/* the next level down is of larger leaves */
			at = holes[i] < size / 2 ? size - page : 0;
			rig_leaf(BASE + at, pa + at, rig_span(level - 1), R | W);
			assert_int_equal(rig_unmap(BASE, size, 0, &unmapped), 0);
			assert_int_equal(unmapped, size - page);
			rig_gather_again();
			assert_int_equal(uiommu_pgtable_pages(rig.pt), before);
		}
		assert_int_equal(rig_unmap(0, 2 * BASE, 0, NULL), 0);
		assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
		rig_gather_again();
	}
}

static uint64_t broken_iova, broken_len;
static unsigned int nb_broken;

/* The unit is made to forget: by now the entry must be absent to it. */
static void
forget(void *priv, uint64_t iova, uint64_t len)
{
	assert_ptr_equal(priv, &rig);
	broken_iova = iova;
	broken_len = len;
	nb_broken++;
	rig_busy(iova, len);
	rig_busy(iova + len - 1, len);
}

static void
split_breaks_first(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), unmapped;

	rig_table_end();
	rig.conf.flags = UIOMMU_PGTABLE_BREAK_FIRST;
	rig_table_make();
	rig_map(BASE, 0, 2 * large, R);
	/* nobody to wait */
	assert_int_equal(rig_unmap(BASE + page, page, 0, &unmapped), -EBUSY);
	assert_int_equal(unmapped, 0);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, BASE, page, R | W, &rig.gather), -EBUSY);
	rig_leaf(BASE, 0, large, R);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, BASE, 0, page, R, &rig.gather), -ENOTSUP);
	rig_table_end();
	rig.conf.invalidate = forget;
	rig.conf.hook_priv = &rig;
	rig_table_make();
	nb_broken = 0;
	rig_map(BASE, 0, 2 * large, R);
	assert_int_equal(rig_unmap(BASE + large + page, page, 0, &unmapped), 0);
	assert_int_equal(nb_broken, 1);
	assert_int_equal(broken_iova, BASE + large);
	assert_int_equal(broken_len, large);
	rig_leaf(BASE + large, large, page, R);
	rig_absent(BASE + large + page);
	rig_leaf(BASE, 0, large, R);
	/* whole ones need no such thing */
	assert_int_equal(rig_unmap(BASE, large, 0, &unmapped), 0);
	assert_int_equal(nb_broken, 1);
}

/* Signed addresses are reported and gathered with their sign. */
static void
upper_half(void **state)
{
	uint64_t page = rig.page, at = -16 * page;

	if (!rig.kind->is_signed)
		at = rig_half() - 16 * page;
	rig_map(at, 0, 16 * page, R);
	rig.nb_seen = 0;
	assert_int_equal(uiommu_pgtable_iterate(rig.pt, at, 16 * page, rig_see, &rig), 0);
	assert_int_equal(rig.nb_seen, 16);
	assert_int_equal(rig.seen[15].iova, at + 15 * page);
	assert_int_equal(rig_unmap(at + page, 15 * page, 0, NULL), 0);
	assert_int_equal(rig.seen[14].iova, at + 15 * page);
	assert_int_equal(rig.gather.nb_ranges, 1);
	expect_range(0, at + page, 15 * page);
	assert_int_equal(rig_unmap(at, page, 0, NULL), 0);
	assert_int_equal(rig.gather.nb_ranges, 1);
	expect_range(0, at, 16 * page);
	assert_int_equal(uiommu_pgtable_trim(rig.pt, rig.kind->is_signed ? -rig_half() : 0,
					     rig_half(), &rig.gather),
			 rig.kind->levels - 1);
	assert_int_equal(rig.gather.nb_freed, rig.kind->levels - 1);
}

/* Others' reservations stay, and what they are in; the rest goes. */
static void
reserved_entries_stay(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), unmapped, pa = 7 * page;
	uint32_t levels = rig.kind->levels;

	rig_map(BASE, page, 3 * large, R);
	assert_int_equal(rig_unmap(BASE + large + 5 * page, page, 0, NULL), 0);
	assert_int_equal(
		uiommu_pgtable_reserve(rig.pt, BASE + large + 5 * page, rig.kind->page_shift, 1),
		1);
	rig_gather_again();
	assert_int_equal(rig_unmap(0, rig_half(), 0, &unmapped), -EAGAIN);
	assert_int_equal(unmapped, 3 * large - page);
	assert_int_equal(rig.nb_seen, (3U << rig.kind->index_bits) - 1);
	/* the two tables beside it */
	assert_int_equal(rig.gather.nb_freed, 2);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), levels);
	rig_busy(BASE + large + 5 * page, page);
	/* what had been frozen meanwhile is plainly absent */
	rig_absent(BASE + large);
	rig_absent(BASE + large + 4 * page);
	rig_absent(BASE + large + 6 * page);
	rig_absent(BASE);
	rig_map(BASE, 0, page, R);
	rig_map(BASE + large, 0, 5 * page, R);
	rig_map(BASE + large + 6 * page, 0, page, R);
	uiommu_pgtable_commit(rig.pt, BASE + large + 5 * page, rig.kind->page_shift, 1, &pa, R | W);
	rig_leaf(BASE + large + 5 * page, pa, page, R | W);
	assert_int_equal(rig_unmap(0, rig_half(), 0, &unmapped), 0);
	assert_int_equal(unmapped, 8 * page);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
}

/* Entries that stay busy, so that nobody fills them before the caller is through. */
static void
left_busy(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), unmapped;
	uint64_t pa[2] = {UIOMMU_PA_NONE, 77 * page};
	uint32_t shift = rig.kind->page_shift, used;

	rig_map(BASE, page, large, R | W);
	rig_map(BASE + large, 0, large, R | W);
	used = rig_used();
	assert_int_equal(rig_unmap(BASE, large, UIOMMU_UNMAP_BUSY, &unmapped), 0);
	assert_int_equal(unmapped, large);
	assert_int_equal(rig.gather.nb_freed, 0);
	assert_false(rig.gather.tables);
	rig_busy(BASE, page);
	rig_busy(BASE + large - page, page);
	assert_int_equal(uiommu_pgtable_map(rig.pt, BASE, page, page, R, NULL), -EAGAIN);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, shift, 1), -EAGAIN);
	/* a large one, in part: only that part */
	assert_int_equal(rig_unmap(BASE + large + page, page, UIOMMU_UNMAP_BUSY, &unmapped), 0);
	assert_int_equal(unmapped, page);
	rig_busy(BASE + large + page, page);
	rig_leaf(BASE + large, 0, page, R | W);
	assert_int_equal(rig_used(), used + 1);
	/* absent ones stay so */
	assert_int_equal(rig_unmap(2 * BASE, page, UIOMMU_UNMAP_BUSY, &unmapped), 0);
	rig_absent(2 * BASE);
	uiommu_pgtable_commit(rig.pt, BASE, shift, 2, pa, R);
	rig_absent(BASE);
	rig_leaf(BASE + page, 77 * page, page, R);
	rig_busy(BASE + 2 * page, page);
	assert_int_equal(rig_unmap(BASE, 2 * large, 0, &unmapped), -EAGAIN);
	assert_int_equal(unmapped, large);
	uiommu_pgtable_commit(rig.pt, BASE, shift, 1U << rig.kind->index_bits, NULL, 0);
	uiommu_pgtable_commit(rig.pt, BASE + large, shift, 2, NULL, 0);
	/* a large one, whole */
	assert_int_equal(uiommu_pgtable_trim(rig.pt, BASE, 2 * large, &rig.gather), 2);
	rig_map(BASE, 0, large, R);
	assert_int_equal(rig_unmap(BASE, large, UIOMMU_UNMAP_BUSY, &unmapped), 0);
	assert_int_equal(rig.nb_seen, 1);
	rig_busy(BASE + page, large);
	uiommu_pgtable_commit(rig.pt, BASE, shift + rig.kind->index_bits, 1, pa, R);
	rig_absent(BASE);
}

/* Trim takes empty tables within the range, and nothing else. */
static void
trim(void **state)
{
	uint64_t page = rig.page, large = rig_span(1);
	uint32_t levels = rig.kind->levels;

	rig_map(BASE, page, 4 * large, R);
	assert_int_equal(rig_unmap(BASE + page, large - page, 0, NULL), 0);
	assert_int_equal(rig_unmap(BASE + large, large - page, 0, NULL), 0);
	assert_int_equal(rig_unmap(BASE + 2 * large - page, page, 0, NULL), 0);
	assert_int_equal(rig_unmap(BASE + 3 * large, page, 0, NULL), 0);
	assert_int_equal(rig_unmap(BASE + 3 * large + page, large - page, 0, NULL), 0);
	assert_int_equal(rig.gather.nb_freed, 0);
	rig_gather_again();
	/* the last one is not wholly within */
	assert_int_equal(uiommu_pgtable_trim(rig.pt, 0, BASE + 4 * large - page, &rig.gather), 1);
	assert_int_equal(rig.gather.nb_freed, 1);
	assert_true(rig.gather.tables);
	assert_int_equal(rig.gather.nb_ranges, 1);
	expect_range(0, BASE + large, large);
	rig_leaf(BASE, page, page, R);
	rig_leaf(BASE + 2 * large, 2 * large + page, page, R);
	assert_int_equal(uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather), 1);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), levels + 1);
	/* a reservation is something */
	assert_int_equal(rig_unmap(BASE, page, 0, NULL), 0);
	assert_int_equal(rig_unmap(BASE + 2 * large, large, 0, NULL), 0);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE + 2 * page, rig.kind->page_shift, 1),
			 1);
	assert_int_equal(uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather), 0);
	rig_absent(BASE);
	uiommu_pgtable_commit(rig.pt, BASE + 2 * page, rig.kind->page_shift, 1, NULL, 0);
	assert_int_equal(uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather), levels - 1);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
	assert_int_equal(uiommu_pgtable_trim(rig.pt, rig_half(), page, &rig.gather), 0);
}

int
main(void)
{
	static const struct rig_test tests[] = {
		rig_test(pages),
		rig_test(whole_tables),
		rig_test(empty_tables),
		rig_test(split),
		rig_test(split_breaks_first),
		rig_test(upper_half),
		rig_test(reserved_entries_stay),
		rig_test(left_busy),
		rig_test(trim),
	};

	return rig_run("pgtable_unmap", tests, ARRAY_COUNT(tests));
}
