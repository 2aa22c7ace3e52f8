/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* PASIDs of address spaces: lib/iommu/pasid_alloc.c, included as source. */

#include "unit.h"

#include <string.h>

#include "pasid_alloc.c"

static int
alloc_reset(void **state)
{
	memset(used, 0, sizeof(used));
	memset(next_of, 0, sizeof(next_of));
	return 0;
}

static void
first_is_one(void **state)
{
	assert_int_equal(uiommu_pvt_pasid_alloc(20, NULL, NULL), 1);
	assert_int_equal(uiommu_pvt_pasid_alloc(20, NULL, NULL), 2);
	assert_int_equal(uiommu_pvt_pasid_alloc(20, NULL, NULL), 3);
}

/* Each width gives all of its PASIDs once, never 0, and then none. */
static void
each_width_gives_all_it_has(void **state)
{
	unsigned int bits;

	for (bits = 0; bits <= 20; bits += bits < 12 ? 1 : 8) {
		uint32_t i, pasid;

		alloc_reset(state);
		for (i = 1; i < UINT32_C(1) << bits; i++) {
			pasid = uiommu_pvt_pasid_alloc(bits, NULL, NULL);
			if (pasid != i)
				fail_msg("width %u: PASID %u in place of %u", bits, pasid, i);
		}
		assert_int_equal(uiommu_pvt_pasid_alloc(bits, NULL, NULL), UIOMMU_NO_PASID);
		assert_int_equal(uiommu_pvt_pasid_alloc(bits, NULL, NULL), UIOMMU_NO_PASID);
	}
}

/* One that was given back waits until all others have had their turn. */
static void
freed_one_comes_last(void **state)
{
	uint32_t i;

	assert_int_equal(uiommu_pvt_pasid_alloc(8, NULL, NULL), 1);
	uiommu_pvt_pasid_free(1);
	for (i = 2; i < 256; i++) {
		assert_int_equal(uiommu_pvt_pasid_alloc(8, NULL, NULL), i);
		uiommu_pvt_pasid_free(i);
	}
	assert_int_equal(uiommu_pvt_pasid_alloc(8, NULL, NULL), 1);
}

static void
what_is_out_is_not_given_again(void **state)
{
	uint32_t i;

	for (i = 1; i < 16; i++)
		assert_int_equal(uiommu_pvt_pasid_alloc(4, NULL, NULL), i);
	uiommu_pvt_pasid_free(5);
	uiommu_pvt_pasid_free(11);
	assert_int_equal(uiommu_pvt_pasid_alloc(4, NULL, NULL), 5);
	assert_int_equal(uiommu_pvt_pasid_alloc(4, NULL, NULL), 11);
	assert_int_equal(uiommu_pvt_pasid_alloc(4, NULL, NULL), UIOMMU_NO_PASID);
	uiommu_pvt_pasid_free(15);
	assert_int_equal(uiommu_pvt_pasid_alloc(4, NULL, NULL), 15);
}

/* A narrow endpoint gets a small number however far the wide ones are. */
static void
widths_share_the_numbers(void **state)
{
	uint32_t i, pasid;

	for (i = 1; i <= 1000; i++)
		assert_int_equal(uiommu_pvt_pasid_alloc(20, NULL, NULL), i);
	assert_int_equal(uiommu_pvt_pasid_alloc(8, NULL, NULL), UIOMMU_NO_PASID);
	uiommu_pvt_pasid_free(77);
	assert_int_equal(uiommu_pvt_pasid_alloc(8, NULL, NULL), 77);
	assert_int_equal(uiommu_pvt_pasid_alloc(8, NULL, NULL), UIOMMU_NO_PASID);
	pasid = uiommu_pvt_pasid_alloc(20, NULL, NULL);
	assert_int_equal(pasid, 1001);
	assert_int_equal(uiommu_pvt_pasid_alloc(10, NULL, NULL), 1002);
	assert_int_equal(uiommu_pvt_pasid_alloc(20, NULL, NULL), 1003);
}

/* From arg to arg + 9. */
static bool
is_in_ten(uint32_t pasid, const void *arg)
{
	uint32_t first = *(const uint32_t *)arg;

	return pasid >= first && pasid < first + 10;
}

static void
taken_ones_are_passed_over(void **state)
{
	uint32_t first = 1;

	assert_int_equal(uiommu_pvt_pasid_alloc(20, is_in_ten, &first), 11);
	assert_int_equal(uiommu_pvt_pasid_alloc(4, is_in_ten, &first), 12);
	/* and are free for whom they are not taken */
	assert_int_equal(uiommu_pvt_pasid_alloc(3, NULL, NULL), 1);
	first = 2;
	assert_int_equal(uiommu_pvt_pasid_alloc(3, is_in_ten, &first), UIOMMU_NO_PASID);
}

/* Against a list: nothing twice, nothing of it lost. */
static void
random_history(void **state)
{
	static bool out[UIOMMU_PASID_COUNT];
	uint64_t random = 1;
	uint32_t step, pasid, nb = 0, list[512];

	for (step = 0; step < 200000; step++) {
		if (nb < 512 && (nb == 0 || unit_random(&random) % 2 == 0)) {
			unsigned int bits = 4 + unit_random(&random) % 17;

			pasid = uiommu_pvt_pasid_alloc(bits, NULL, NULL);
			if (pasid == UIOMMU_NO_PASID)
				continue;
			if (pasid == 0 || pasid >> bits != 0 || out[pasid])
				fail_msg("width %u: PASID %u", bits, pasid);
			out[pasid] = true;
			list[nb++] = pasid;
		} else {
			uint32_t at = (uint32_t)(unit_random(&random) % nb);

			out[list[at]] = false;
			uiommu_pvt_pasid_free(list[at]);
			list[at] = list[--nb];
		}
	}
	while (nb > 0)
		uiommu_pvt_pasid_free(list[--nb]);
	for (pasid = 0; pasid < UIOMMU_PASID_COUNT / WORD_BITS; pasid++)
		assert_int_equal(used[pasid], 0);
}

#define alloc_test(f) cmocka_unit_test_setup(f, alloc_reset)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		alloc_test(first_is_one),
		alloc_test(each_width_gives_all_it_has),
		alloc_test(freed_one_comes_last),
		alloc_test(what_is_out_is_not_given_again),
		alloc_test(widths_share_the_numbers),
		alloc_test(taken_ones_are_passed_over),
		alloc_test(random_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
