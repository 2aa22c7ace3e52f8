/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What the unit must forget: ranges that are joined, and folded when there are too many. */

#include "unit.h"

#include <string.h>

#include <uiommu_pgtable.h>

#define MAX UIOMMU_PGTABLE_GATHER_RANGES

static struct uiommu_pgtable_gather gather;

static int
gather_make(void **state)
{
	memset(&gather, 0xa5, sizeof(gather));
	uiommu_pgtable_gather_init(&gather);
	return 0;
}

static void
expect(unsigned int i, uint64_t iova, uint64_t len)
{
	assert_true(i < gather.nb_ranges);
	assert_int_equal(gather.ranges[i].iova, iova);
	assert_int_equal(gather.ranges[i].len, len);
}

static void
starts_empty(void **state)
{
	assert_int_equal(gather.nb_ranges, 0);
	assert_int_equal(gather.bytes, 0);
	assert_int_equal(gather.nb_freed, 0);
	assert_false(gather.tables);
	uiommu_pgtable_gather_add(&gather, 5, 0);
	assert_int_equal(gather.nb_ranges, 0);
}

static void
neighbours_are_joined(void **state)
{
	uiommu_pgtable_gather_add(&gather, 0x3000, 0x1000);
	uiommu_pgtable_gather_add(&gather, 0x4000, 0x1000);
	assert_int_equal(gather.nb_ranges, 1);
	expect(0, 0x3000, 0x2000);
	uiommu_pgtable_gather_add(&gather, 0x2000, 0x1000);
	assert_int_equal(gather.nb_ranges, 1);
	expect(0, 0x2000, 0x3000);
	uiommu_pgtable_gather_add(&gather, 0x8000, 0x1000);
	uiommu_pgtable_gather_add(&gather, 0x0000, 0x1000);
	assert_int_equal(gather.nb_ranges, 3);
	expect(0, 0, 0x1000);
	expect(1, 0x2000, 0x3000);
	expect(2, 0x8000, 0x1000);
	/* closes a gap */
	uiommu_pgtable_gather_add(&gather, 0x5000, 0x3000);
	assert_int_equal(gather.nb_ranges, 2);
	expect(1, 0x2000, 0x7000);
	assert_int_equal(gather.bytes, 0x8000);
}

/* What is there twice counts once. */
static void
overlaps(void **state)
{
	uiommu_pgtable_gather_add(&gather, 0x10000, 0x4000);
	uiommu_pgtable_gather_add(&gather, 0x11000, 0x1000);
	assert_int_equal(gather.nb_ranges, 1);
	assert_int_equal(gather.bytes, 0x4000);
	uiommu_pgtable_gather_add(&gather, 0x20000, 0x1000);
	uiommu_pgtable_gather_add(&gather, 0x30000, 0x1000);
	assert_int_equal(gather.nb_ranges, 3);
	uiommu_pgtable_gather_add(&gather, 0x12000, 0x1e800);
	assert_int_equal(gather.nb_ranges, 1);
	expect(0, 0x10000, 0x21000);
	assert_int_equal(gather.bytes, 0x21000);
	uiommu_pgtable_gather_add(&gather, 0, 0x100000);
	expect(0, 0, 0x100000);
	assert_int_equal(gather.bytes, 0x100000);
}

/* The last address that there is. */
static void
end_of_addresses(void **state)
{
	uiommu_pgtable_gather_add(&gather, 0, 0x1000);
	uiommu_pgtable_gather_add(&gather, UINT64_C(0xfffffffffffff000), 0x1000);
	uiommu_pgtable_gather_add(&gather, UINT64_C(0xffffffffffffe000), 0x1000);
	assert_int_equal(gather.nb_ranges, 2);
	expect(0, 0, 0x1000);
	expect(1, UINT64_C(0xffffffffffffe000), 0x2000);
	/* nothing comes after it: the first address is no neighbour */
	uiommu_pgtable_gather_add(&gather, 0, 0x1000);
	assert_int_equal(gather.nb_ranges, 2);
	expect(0, 0, 0x1000);
}

/* One more than fit: the nearest two become one, and what lies between is not counted. */
static void
nearest_are_folded(void **state)
{
	unsigned int i;

	for (i = 0; i < MAX; i++)
		uiommu_pgtable_gather_add(&gather, i * UINT64_C(0x100000) + (i == 9 ? 0x80000 : 0),
					  0x1000);
	assert_int_equal(gather.nb_ranges, MAX);
	assert_int_equal(gather.bytes, MAX * 0x1000);
	uiommu_pgtable_gather_add(&gather, UINT64_C(0x10000000), 0x1000);
	assert_int_equal(gather.nb_ranges, MAX);
	/* 9 had moved towards 10 */
	expect(8, 0x800000, 0x1000);
	expect(9, 0x980000, 0x81000);
	expect(10, 0xb00000, 0x1000);
	expect(MAX - 1, 0x10000000, 0x1000);
	assert_int_equal(gather.bytes, (MAX + 1) * 0x1000);
	/* one that is nearest to another itself, before it and behind */
	uiommu_pgtable_gather_add(&gather, 0x1e000, 0x1000);
	assert_int_equal(gather.nb_ranges, MAX);
	expect(0, 0, 0x1f000);
	uiommu_pgtable_gather_add(&gather, 0x1f0000, 0x1000);
	expect(1, 0x100000, 0x1000);
	expect(2, 0x1f0000, 0x11000);
}

/* Whatever is added is covered by what comes out, in order, without overlap. */
static void
random_ranges(void **state)
{
	static bool added[4096];
	uint64_t random = 7;
	unsigned int round, i, k, n;

	for (round = 0; round < 200; round++) {
		unsigned int nb_added = 0, nb_in = 0;

		memset(added, 0, sizeof(added));
		uiommu_pgtable_gather_init(&gather);
		for (i = 0; i < 10 + round; i++) {
			unsigned int at = unit_random(&random) % 4000;

			n = 1 + unit_random(&random) % (i % 7 == 0 ? 90 : 3);
			uiommu_pgtable_gather_add(&gather, at * 4096U, n * 4096U);
			for (k = at; k < at + n; k++)
				added[k] = true;
			assert_in_range(gather.nb_ranges, 1, MAX);
		}
		for (i = 0; i < gather.nb_ranges; i++) {
			unsigned int at = (unsigned int)(gather.ranges[i].iova / 4096);

			n = (unsigned int)(gather.ranges[i].len / 4096);
			assert_true(n > 0);
			/* begins and ends with what was added, and a gap follows */
			assert_true(added[at] && added[at + n - 1]);
			if (i + 1 < gather.nb_ranges)
				assert_true((at + n) * 4096U < gather.ranges[i + 1].iova);
			for (k = at; k < at + n; k++)
				nb_in += added[k];
		}
		for (k = 0; k < 4096; k++)
			nb_added += added[k];
		assert_int_equal(nb_in, nb_added);
		assert_true(gather.bytes <= nb_added * 4096U);
		if (gather.nb_ranges < MAX && round < 10)
			assert_int_equal(gather.bytes, nb_added * 4096U);
	}
}

#define gather_test(f) cmocka_unit_test_setup(f, gather_make)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		gather_test(starts_empty),	 gather_test(neighbours_are_joined),
		gather_test(overlaps),		 gather_test(end_of_addresses),
		gather_test(nearest_are_folded), gather_test(random_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
