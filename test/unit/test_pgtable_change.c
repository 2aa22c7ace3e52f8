/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Page tables: reservations, exchange, access, accessed and dirty bits. Every kind of table. */

#include "pgtable_rig.h"

#define BASE (UINT64_C(1) << 32)

static uint32_t
shift_of(unsigned int level)
{
	return rig.kind->page_shift + level * rig.kind->index_bits;
}

static void
reserve_and_commit(void **state)
{
	uint64_t page = rig.page, at = BASE + rig_span(1) - 2 * page, pa[5], i;
	uint32_t shift = rig.kind->page_shift;

	/* over the end of a table */
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, at, shift, 5), 5);
	for (i = 0; i < 5; i++)
		rig_busy(at + i * page, page);
	rig_absent(at - page);
	rig_absent(at + 5 * page);
	/* they are nobody else's */
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, at + page, shift, 1), -EAGAIN);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, at - page, shift, 4), 1);
	assert_int_equal(uiommu_pgtable_map(rig.pt, at, 0, page, R, NULL), -EAGAIN);
	rig.nb_seen = 0;
	assert_int_equal(uiommu_pgtable_iterate(rig.pt, 0, rig_half(), rig_see, &rig), 0);
	assert_int_equal(rig.nb_seen, 6);
	assert_true(rig.seen[0].busy && rig.seen[5].busy);
	assert_int_equal(rig.seen[5].iova, at + 4 * page);
	assert_int_equal(rig.seen[5].size, page);
	for (i = 0; i < 5; i++)
		pa[i] = i == 3 ? UIOMMU_PA_NONE : (9 - i) * page;
	uiommu_pgtable_commit(rig.pt, at, shift, 5, pa, R | W);
	for (i = 0; i < 5; i++) {
		if (i == 3)
			rig_absent(at + i * page);
		else
			rig_leaf(at + i * page, (9 - i) * page, page, R | W);
	}
	rig_busy(at - page, page);
	/* to one that is there */
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, at, shift, 1), -EEXIST);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, at + 3 * page, shift, 2), 1);
	/* what is not busy is left as it is */
	pa[0] = pa[1] = 0;
	uiommu_pgtable_commit(rig.pt, at, shift, 2, pa, R);
	rig_leaf(at, 9 * page, page, R | W);
	/* a page that no entry can lead to, and access that there is not: absent */
	pa[0] = 1;
	uiommu_pgtable_commit(rig.pt, at - page, shift, 1, pa, R);
	rig_absent(at - page);
	pa[0] = 0;
	uiommu_pgtable_commit(rig.pt, at + 3 * page, shift, 1, pa, 0);
	rig_absent(at + 3 * page);
}

static void
reserve_large(void **state)
{
	uint64_t page = rig.page, pa[2];
	unsigned int level;

	for (level = 1; level <= rig.kind->max_leaf; level++) {
		uint64_t size = rig_span(level);

		assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, shift_of(level), 2), 2);
		rig_busy(BASE + page, size);
		rig_busy(BASE + 2 * size - 1, size);
		assert_int_equal(uiommu_pgtable_map(rig.pt, BASE + page, 0, page, R, NULL),
				 -EAGAIN);
		assert_int_equal(
			uiommu_pgtable_reserve(rig.pt, BASE + page, rig.kind->page_shift, 1),
			-EAGAIN);
		pa[0] = 4 * size;
		/* not aligned to such a leaf */
		pa[1] = 4 * size + page;
		uiommu_pgtable_commit(rig.pt, BASE, shift_of(level), 2, pa, R);
		rig_leaf(BASE + page, 4 * size + page, size, R);
		rig_absent(BASE + size);
		/* leaves of another size in its place */
		assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, rig.kind->page_shift, 1),
				 -EEXIST);
		rig_map(BASE + size, 0, page, R);
		assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE + size, shift_of(level), 1),
				 -EEXIST);
		assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
		rig_gather_again();
	}
}

static void
reserve_what_is_not(void **state)
{
	uint32_t shift = rig.kind->page_shift;

	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, shift, 0), 0);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, shift - 1, 1), -EINVAL);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, shift + 1, 1), -EINVAL);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, shift_of(rig.kind->max_leaf + 1), 1),
			 -EINVAL);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE + 1, shift, 1), -EINVAL);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE + rig.page, shift_of(1), 1), -EINVAL);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, rig_half() - rig.page, shift, 2), -EINVAL);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, rig_half(), shift, 1), -EINVAL);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, 0, shift, UINT32_MAX), -EINVAL);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
}

/* Copy on write: from the shared page to one's own, in one step. */
static void
exchange(void **state)
{
	uint64_t page = rig.page;

	rig_map(BASE, 5 * page, 2 * page, R);
	assert_int_equal(
		uiommu_pgtable_exchange(rig.pt, BASE, 6 * page, 9 * page, R | W, &rig.gather),
		-EAGAIN);
	assert_int_equal(rig.gather.nb_ranges, 0);
	rig_leaf(BASE, 5 * page, page, R);
	assert_int_equal(
		uiommu_pgtable_exchange(rig.pt, BASE, 5 * page, 9 * page, R | W, &rig.gather), 0);
	rig_leaf(BASE, 9 * page, page, R | W);
	rig_leaf(BASE + page, 6 * page, page, R);
	assert_int_equal(rig.gather.nb_ranges, 1);
	assert_int_equal(rig.gather.ranges[0].iova, BASE);
	assert_int_equal(rig.gather.ranges[0].len, page);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, BASE + 2 * page, 0, page, R, &rig.gather),
			 -EAGAIN);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE + 2 * page, rig.kind->page_shift, 1),
			 1);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, BASE + 2 * page, 0, page, R, &rig.gather),
			 -EAGAIN);
	rig_map(2 * BASE, 0, rig_span(1), R);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, 2 * BASE, 0, page, R, &rig.gather),
			 -ENOTSUP);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, BASE + 1, 9 * page, page, R, &rig.gather),
			 -EINVAL);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, BASE, 9 * page, 1, R, &rig.gather),
			 -EINVAL);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, BASE, 9 * page, page, 0, &rig.gather),
			 -EINVAL);
	rig_leaf(BASE, 9 * page, page, R | W);
}

static void
protect(void **state)
{
	uint64_t page = rig.page, large = rig_span(1);

	rig_map(BASE, 0, 8 * page, R | W);
	/* some lose it */
	assert_int_equal(uiommu_pgtable_protect(rig.pt, BASE + 2 * page, 3 * page, R, &rig.gather),
			 0);
	rig_leaf(BASE + page, page, page, R | W);
	rig_leaf(BASE + 2 * page, 2 * page, page, R);
	rig_leaf(BASE + 4 * page, 4 * page, page, R);
	rig_leaf(BASE + 5 * page, 5 * page, page, R | W);
	assert_int_equal(rig.gather.nb_ranges, 1);
	assert_int_equal(rig.gather.ranges[0].iova, BASE + 2 * page);
	assert_int_equal(rig.gather.ranges[0].len, 3 * page);
	/* who gains it need not forget; absent ones stay absent */
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_protect(rig.pt, BASE, 16 * page, R | W | X, &rig.gather),
			 0);
	assert_int_equal(rig.gather.nb_ranges, 0);
	rig_leaf(BASE + 4 * page, 4 * page, page, R | W | X);
	rig_absent(BASE + 8 * page);
	/* where others have reservations */
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE + 8 * page, rig.kind->page_shift, 1),
			 1);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, BASE, 16 * page, R, &rig.gather), -EAGAIN);
	rig_leaf(BASE + 7 * page, 7 * page, page, R);
	rig_busy(BASE + 8 * page, page);
	/* a large leaf: whole, and in part */
	rig_map(2 * BASE, 0, 2 * large, R | W);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_protect(rig.pt, 2 * BASE, large, R, &rig.gather), 0);
	rig_leaf(2 * BASE, 0, large, R);
	assert_int_equal(rig.gather.bytes, large);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, 2 * BASE + large, page, R, &rig.gather), 0);
	rig_leaf(2 * BASE + large, large, page, R);
	rig_leaf(2 * BASE + large + page, large + page, page, R | W);
	assert_int_equal(rig.gather.bytes, 2 * large);
	/* what a part has already needs no split */
	assert_int_equal(uiommu_pgtable_protect(rig.pt, 2 * BASE, page, R, &rig.gather), 0);
	rig_leaf(2 * BASE, 0, large, R);
}

static void
sample(void **state)
{
	uint64_t page = rig.page, large = rig_span(1);
	unsigned int i;

	rig_table_again(UIOMMU_PGTABLE_NO_AD);
	rig_map(BASE, 0, 3 * page, R);
	rig_map(BASE + 2 * large, 0, large, R | W);
	rig.nb_seen = 0;
	assert_int_equal(uiommu_pgtable_sample(rig.pt, BASE + page, 2 * large, 0, &rig.gather,
					       rig_see, &rig),
			 0);
	assert_int_equal(rig.nb_seen, 3);
	for (i = 0; i < 3; i++) {
		assert_true(rig.seen[i].accessed);
		assert_int_equal(rig.seen[i].dirty, i == 2);
	}
	assert_int_equal(rig.seen[0].iova, BASE + page);
	assert_int_equal(rig.seen[1].pa, 2 * page);
	/* in part, but seen as what it is */
	assert_int_equal(rig.seen[2].iova, BASE + 2 * large);
	assert_int_equal(rig.seen[2].size, large);
	assert_int_equal(rig.gather.nb_ranges, 0);
	rig_leaf(BASE + 2 * large, 0, large, R | W);
}

int
main(void)
{
	static const struct rig_test tests[] = {
		rig_test(reserve_and_commit),
		rig_test(reserve_large),
		rig_test(reserve_what_is_not),
		rig_test(exchange),
		rig_test(protect),
		rig_test(sample),
	};

	return rig_run("pgtable_change", tests, ARRAY_COUNT(tests));
}
