/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Page request group assembly: memory is bounded, and what happens at the bounds. */

#include "prg_check.h"

static void
size_is_bounded(void **state)
{
	uint32_t parked_max;
	size_t size, before = 0;

	assert_int_equal(uiommu_prg_size(0), 0);
	assert_int_equal(uiommu_prg_size(65536), 0);
	assert_int_equal(uiommu_prg_size(UINT32_MAX), 0);
	for (parked_max = 1; parked_max <= 65535; parked_max++) {
		size = uiommu_prg_size(parked_max);
		assert_true(size >= before);
		assert_int_equal(size % 64, 0);
		/* the requests themselves, and no more than a few times as much again */
		assert_true(size >= parked_max * sizeof(struct uiommu_fault));
		assert_true(size <= 512 + parked_max * 6 * sizeof(struct uiommu_fault));
		before = size;
	}
}

static void
init_refuses_bad_arguments(void **state)
{
	size_t size = uiommu_prg_size(8);
	uint8_t *mem = aligned_alloc(ALIGNMENT, size + ALIGNMENT);

	assert_non_null(mem);
	assert_null(uiommu_prg_init(NULL, 8, 8, 0));
	assert_null(uiommu_prg_init(mem + 8, 8, 8, 0));
	assert_null(uiommu_prg_init(mem, 0, 1, 0));
	assert_null(uiommu_prg_init(mem, 65536, 8, 0));
	assert_null(uiommu_prg_init(mem, 8, 0, 0));
	assert_null(uiommu_prg_init(mem, 8, 10, 0));
	assert_non_null(uiommu_prg_init(mem, 8, 9, 0));
	assert_non_null(uiommu_prg_init(mem, 8, 1, 0));
	free(mem);
}

/* T41, R6: a device that never sends the last request fills its places and no more. */
static void
parking_is_bounded(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 16, 64, 1000};
	uint32_t s, i;

	for (s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct uiommu_prg *prg = make(sizes[s], 2, s);

		for (i = 0; i < 10 * sizes[s] + 1000; i++) {
			enum uiommu_prg_result result =
				add(prg, i, (uint16_t)(i % UIOMMU_PRG_INDEX_COUNT), i, 0);

			assert_int_equal(result,
					 i < sizes[s] ? UIOMMU_PRG_PARKED : UIOMMU_PRG_DROPPED);
			assert_true(prg->nb_parked <= sizes[s]);
		}
		check_lists(prg);
		assert_int_equal(uiommu_prg_discard(prg), sizes[s]);
		done(prg);
	}
}

/* K6: the group of a dropped request is not delivered without it, and is told of once. */
static void
lost_group_is_incomplete_once(void **state)
{
	struct uiommu_prg *prg = make(2, 3, 9);

	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_parked(prg, 1, 2, 0x1000, 0);
	assert_dropped(prg, 1, 3, 0x1000, 0);
	assert_int_equal(prg->nb_incomplete, 1);
	assert_false(uiommu_prg_is_idle(prg));
	assert_incomplete(prg, 1, 3, 0x2000, LAST);
	assert_int_equal(prg->nb_incomplete, 0);
	assert_group(prg, 1, 3, 0x2000, LAST);
	assert_int_equal(nb_out, 1);
	assert_group(prg, 1, 1, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_group(prg, 1, 2, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

/* What a lost group had parked makes room for others at once. */
static void
lost_group_gives_its_places_back(void **state)
{
	struct uiommu_prg *prg = make(3, 4, 10);

	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_parked(prg, 1, 1, 0x2000, 0);
	assert_parked(prg, 2, 1, 0x3000, 0);
	assert_dropped(prg, 1, 1, 0x4000, 0);
	assert_int_equal(nb_out, 2);
	assert_int_equal(prg->nb_parked, 1);
	assert_dropped(prg, 1, 1, 0x5000, 0); /* lost already: takes no place again */
	assert_int_equal(nb_out, 0);
	assert_int_equal(prg->nb_parked, 1);
	assert_parked(prg, 2, 1, 0x6000, 0);
	assert_parked(prg, 2, 1, 0x7000, 0);
	assert_group(prg, 2, 1, 0x8000, LAST);
	assert_int_equal(nb_out, 4);
	assert_int_equal(out[0].iova, 0x3000);
	assert_incomplete(prg, 1, 1, 0x9000, LAST);
	assert_int_equal(nb_out, 0);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

/*
 * Eight groups of eight pages, interleaved, and room for half of the requests: the device asks
 * again for what was incomplete, in the same order. It must come to an end.
 */
static void
competing_groups_get_through(void **state)
{
	struct uiommu_prg *prg = make(32, 8, 11);
	bool served[8] = {false};
	uint32_t rounds = 0, left = 8, g, page;

	while (left > 0 && rounds < 8) {
		for (page = 0; page < 8; page++) {
			for (g = 0; g < 8; g++) {
				if (served[g])
					continue;
				if (add(prg, g, 0, page, page == 7 ? LAST : 0) ==
				    UIOMMU_PRG_GROUP) {
					assert_int_equal(nb_out, 8);
					served[g] = true;
					left--;
				}
			}
		}
		assert_true(uiommu_prg_is_idle(prg));
		rounds++;
	}
	assert_int_equal(left, 0);
	done(prg);
}

/* A loss of one PASID is not held against another with the same index. */
static void
loss_stays_with_its_pasid(void **state)
{
	struct uiommu_prg *prg = make(2, 3, 12);

	assert_parked(prg, 1, 4, 0x1000, 0);
	assert_parked(prg, 2, 4, 0x1000, 0);
	assert_dropped(prg, 3, 4, 0x1000, 0);
	assert_dropped(prg, 1, 4, 0x2000, 0);
	assert_int_equal(nb_out, 1);
	assert_int_equal(prg->nb_incomplete, 2);
	assert_group(prg, 2, 4, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_group(prg, 4, 4, 0x2000, LAST);
	assert_int_equal(nb_out, 1);
	assert_incomplete(prg, 3, 4, 0x2000, LAST);
	assert_incomplete(prg, 1, 4, 0x3000, LAST);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

/* More losses than can be told apart: by index, which errs on the side of asking again. */
static void
many_losses_are_remembered_by_index(void **state)
{
	struct uiommu_prg *prg = make(2, 3, 13);

	assert_parked(prg, 100, 1, 0x1000, 0);
	assert_parked(prg, 101, 1, 0x1000, 0);
	assert_dropped(prg, 1, 7, 0x1000, 0);
	assert_dropped(prg, 2, 7, 0x1000, 0);
	assert_dropped(prg, 3, 8, 0x1000, 0); /* from here on by index */
	assert_dropped(prg, 3, 8, 0x2000, 0);
	assert_dropped(prg, 4, 511, 0x1000, 0);
	assert_int_equal(prg->nb_incomplete, 4);
	check_lists(prg);
	assert_group(prg, 5, 7, 0x1000, LAST);
	assert_group(prg, 5, 0, 0x1000, LAST);
	assert_incomplete(prg, 5, 8, 0x1000, LAST); /* of another PASID: errs on the safe side */
	assert_group(prg, 5, 8, 0x1000, LAST);
	assert_incomplete(prg, 4, 511, 0x2000, LAST);
	assert_incomplete(prg, 1, 7, 0x2000, LAST);
	assert_incomplete(prg, 2, 7, 0x2000, LAST);
	assert_int_equal(prg->nb_incomplete, 0);
	assert_group(prg, 100, 1, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_group(prg, 101, 1, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

/* While an index is marked, a group of it that was open before is whole, and a new one is not. */
static void
mark_does_not_touch_groups_open_before(void **state)
{
	struct uiommu_prg *prg = make(1, 2, 14);

	assert_parked(prg, 1, 9, 0x1000, 0);
	assert_dropped(prg, 2, 9, 0x1000, 0); /* remembered by name */
	assert_dropped(prg, 3, 9, 0x1000, 0); /* remembered by index */
	assert_int_equal(prg->nb_incomplete, 2);
	assert_group(prg, 1, 9, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_dropped(prg, 4, 9, 0x1000, 0); /* there is room, but it may be PASID 3's */
	assert_int_equal(prg->nb_parked, 0);
	assert_incomplete(prg, 2, 9, 0x2000, LAST);
	assert_dropped(prg, 5, 9, 0x1000, 0);
	assert_incomplete(prg, 5, 9, 0x2000, LAST);
	assert_incomplete(prg, 3, 9, 0x2000, LAST);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

static void
group_max_counts_the_last_one(void **state)
{
	struct uiommu_prg *prg = make(8, 3, 15);

	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_parked(prg, 1, 1, 0x2000, 0);
	assert_group(prg, 1, 1, 0x3000, LAST);
	assert_int_equal(nb_out, 3);
	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_parked(prg, 1, 1, 0x2000, 0);
	assert_dropped(prg, 1, 1, 0x3000, 0);
	assert_int_equal(nb_out, 2);
	assert_int_equal(prg->nb_parked, 0);
	assert_dropped(prg, 1, 1, 0x4000, 0);
	assert_incomplete(prg, 1, 1, 0x5000, LAST);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

static void
group_max_of_one_parks_nothing(void **state)
{
	struct uiommu_prg *prg = make(8, 1, 16);

	assert_dropped(prg, 1, 1, 0x1000, 0);
	assert_int_equal(prg->nb_parked, 0);
	assert_incomplete(prg, 1, 1, 0x2000, LAST);
	assert_group(prg, 1, 1, 0x2000, LAST);
	assert_int_equal(nb_out, 1);
	done(prg);
}

static void
largest_assembly_in_one_group(void **state)
{
	struct uiommu_prg *prg = make(65535, 65536, 17);
	uint32_t i;

	for (i = 0; i < 65535; i++)
		assert_parked(prg, 1, 1, i, 0);
	assert_int_equal(prg->nb_parked, 65535);
	check_lists(prg);
	assert_group(prg, 1, 1, 65535, LAST);
	assert_int_equal(nb_out, 65536);
	for (i = 0; i < 65536; i++)
		assert_int_equal(out[i].iova, i);
	done(prg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(init_refuses_bad_arguments),
		cmocka_unit_test(parking_is_bounded),
		cmocka_unit_test(lost_group_is_incomplete_once),
		cmocka_unit_test(lost_group_gives_its_places_back),
		cmocka_unit_test(competing_groups_get_through),
		cmocka_unit_test(loss_stays_with_its_pasid),
		cmocka_unit_test(many_losses_are_remembered_by_index),
		cmocka_unit_test(mark_does_not_touch_groups_open_before),
		cmocka_unit_test(group_max_counts_the_last_one),
		cmocka_unit_test(group_max_of_one_parks_nothing),
		cmocka_unit_test(largest_assembly_in_one_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
