/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Mirrored tables, mapped by hand. */

#include "mirror_hand_rig.h"

/* --------------------------------------------------------------------------- in, out */

/* Leaves of all sizes, one call in, one call out, and no table is left. */
static void
one_call(void **state)
{
	const uint64_t begin = HUGE - LARGE - 3 * PAGE, len = 2 * HUGE + 2 * LARGE + 8 * PAGE;
	struct uiommu_pgtable_leaf leaf;

	assert_int_equal(map(IOVA + begin, VA + begin, len, RW), 0);
	assert_calls(1, 0);
	assert_int_equal(last_map.iova, IOVA + begin);
	assert_int_equal(last_map.pa, VA + begin);
	assert_int_equal(last_map.len, len);
	assert_int_equal(last_map.prot, RW);
	assert_mirrored();
	assert_int_equal(uiommu_pgtable_walk(domain.paging->pt, IOVA + begin, &leaf), 0);
	assert_int_equal(leaf.size, PAGE);
	assert_int_equal(uiommu_pgtable_walk(domain.paging->pt, IOVA + HUGE - 1, &leaf), 0);
	assert_int_equal(leaf.size, LARGE);
	assert_int_equal(uiommu_pgtable_walk(domain.paging->pt, IOVA + HUGE, &leaf), 0);
	assert_int_equal(leaf.size, HUGE);
	assert_int_equal(unmap(IOVA + begin, len), len);
	assert_calls(0, 1);
	assert_int_equal(nb_areas, 0);
	assert_mirrored();
	assert_int_equal(unmap(0, UINT64_C(1) << 48), 0);
	assert_calls(0, 0);
}

/* Tables that nothing is left in go, but for those that the range covers in part only. */
static void
tables_go(void **state)
{
	uint32_t pages;

	assert_int_equal(map(IOVA, VA, PAGE, R), 0);
	pages = uiommu_pgtable_pages(domain.paging->pt);
	assert_int_equal(map(IOVA + LARGE, VA + PAGE, 3 * LARGE, R), 0);
	assert_int_equal(uiommu_pgtable_pages(domain.paging->pt), pages + 3);
	assert_int_equal(unmap(IOVA + LARGE, 3 * LARGE), 3 * LARGE);
	assert_int_equal(uiommu_pgtable_pages(domain.paging->pt), pages);
	assert_true(nb_graces != 0);
	assert_int_equal(unmap(IOVA, PAGE), PAGE);
	assert_int_equal(uiommu_pgtable_pages(domain.paging->pt), pages);
	/* where nothing is there, too */
	assert_int_equal(unmap(0, UINT64_C(1) << 48), 0);
	assert_int_equal(uiommu_pgtable_pages(domain.paging->pt), 1);
}

/* Memory that lies otherwise in a large page: small leaves, one call all the same. */
static void
crooked(void **state)
{
	assert_int_equal(map(IOVA, VA + PAGE, 3 * LARGE, R), 0);
	assert_calls(1, 0);
	assert_mirrored();
	assert_int_equal(unmap(IOVA + LARGE, LARGE), LARGE);
	assert_calls(0, 1);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + LARGE, R), UIOMMU_PA_NONE);
	assert_int_equal(unit_reaches(IOVA + LARGE - PAGE, R), VA + LARGE);
	/* where small tables are, large leaves cannot come: the rest has them */
	assert_int_equal(map(IOVA + 8 * LARGE + PAGE, VA, PAGE, R), 0);
	assert_int_equal(unmap(IOVA + 8 * LARGE + PAGE, PAGE), PAGE);
	nb_maps = nb_unmaps = 0;
	assert_int_equal(map(IOVA + 7 * LARGE, VA, 3 * LARGE, R), 0);
	assert_calls(1, 0);
	assert_mirrored();
	assert_int_equal(unmap(IOVA + 7 * LARGE, 3 * LARGE), 3 * LARGE);
	assert_calls(0, 1);
}

/* What is there stays, what lies between comes. */
static void
what_is_there(void **state)
{
	assert_int_equal(map(IOVA + 2 * PAGE, VA + 2 * PAGE, 2 * PAGE, RW), 0);
	assert_int_equal(map(IOVA + 6 * PAGE, VA + 6 * PAGE, PAGE, RW), 0);
	assert_calls(2, 0);
	assert_int_equal(map(IOVA, VA, 10 * PAGE, RW), 0);
	assert_calls(3, 0);
	assert_int_equal(map(IOVA, VA, 10 * PAGE, R), 0);
	assert_int_equal(map(IOVA, VA, 10 * PAGE, RW | X), 0);
	assert_calls(0, 0);
	assert_mirrored();
	/* elsewhere: what comes before it stays */
	assert_int_equal(map(IOVA - PAGE, VA + PAGE, 2 * PAGE, RW), -EEXIST);
	assert_calls(1, 0);
	assert_int_equal(unmap(IOVA - PAGE, 11 * PAGE), 11 * PAGE);
	assert_calls(0, 1);
	assert_mirrored();
	assert_int_equal(nb_areas, 0);
}

static void
refused(void **state)
{
	assert_int_equal(map(IOVA + 1, VA, PAGE, RW), -EINVAL);
	assert_int_equal(map(IOVA, VA + 1, PAGE, RW), -EINVAL);
	assert_int_equal(map(IOVA, VA, PAGE + 1, RW), -EINVAL);
	assert_int_equal(map(IOVA, VA, 0, RW), -EINVAL);
	assert_int_equal(map(IOVA, VA, PAGE, 0), -EINVAL);
	assert_int_equal(map(IOVA, VA, PAGE, X), -EINVAL);
	assert_int_equal(map(IOVA, VA, PAGE, 1U << 7), -EINVAL);
	/* what entries cannot hold would be absent, and there */
	assert_int_equal(map(IOVA, UINT64_C(1) << 52, PAGE, RW), -EINVAL);
	assert_int_equal(map(IOVA, (UINT64_C(1) << 52) - PAGE, 2 * PAGE, RW), -EINVAL);
	assert_int_equal(map(IOVA, -PAGE, 2 * PAGE, RW), -EINVAL);
	assert_int_equal(uiommu_domain_protect(&domain, IOVA, PAGE, X), -EINVAL);
	assert_calls(0, 0);
	assert_mirrored();
}

/* ---------------------------------------------------------------------------- errors */

static void
map_fails(void **state)
{
	static const int errors[] = {-ENOMEM, -EFAULT, -EEXIST, -EINVAL, -EIO};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(errors); i++) {
		map_error = errors[i];
		map_error_nb = 1;
		assert_int_equal(map(IOVA, VA, LARGE + PAGE, RW), errors[i]);
		assert_calls(1, 0);
		assert_mirrored();
		assert_int_equal(nb_areas, 0);
	}
	/* in part */
	assert_int_equal(map(IOVA + PAGE, VA + PAGE, PAGE, RW), 0);
	map_error_at = IOVA + 2 * PAGE;
	map_error_nb = 1;
	assert_int_equal(map(IOVA, VA, 4 * PAGE, RW), -EIO);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA, W), VA);
	assert_int_equal(unit_reaches(IOVA + 2 * PAGE, R), UIOMMU_PA_NONE);
	assert_int_equal(nb_failed, 0);
}

/* The driver is busy with something else: waited for, but for handlers. */
static void
not_now(void **state)
{
	map_error = -EAGAIN;
	map_error_nb = 3;
	assert_int_equal(map(IOVA, VA, PAGE, RW), 0);
	assert_calls(4, 0);
	assert_int_equal(nb_turns, 3);
	in_handler = true;
	map_error_nb = 1;
	assert_int_equal(map(IOVA + PAGE, VA, PAGE, RW), -EAGAIN);
	assert_int_equal(map(IOVA + PAGE, VA, PAGE, RW), 0);
	in_handler = false;
	assert_mirrored();
	nb_maps = 0;
	unmap_error = -EAGAIN;
	unmap_error_nb = 2;
	assert_int_equal(unmap(IOVA, PAGE), PAGE);
	assert_calls(0, 3);
	/* for ever: the unit is not fit for use */
	unmap_error_nb = UINT32_MAX;
	assert_int_equal(uiommu_domain_unmap(&domain, IOVA + PAGE, PAGE, NULL), -ETIMEDOUT);
	assert_int_equal(nb_failed, 1);
	assert_int_equal(uiommu_domain_unmap(&domain, IOVA + PAGE, PAGE, NULL), -EIO);
}

static void
unmap_fails(void **state)
{
	uint64_t bytes = 0;

	assert_int_equal(map(IOVA, VA, 4 * PAGE, RW), 0);
	unmap_error = -EIO;
	unmap_error_nb = 1;
	assert_int_equal(uiommu_domain_unmap(&domain, IOVA, 4 * PAGE, &bytes), -EIO);
	assert_int_equal(nb_failed, 1);
	assert_int_equal(bytes, 4 * PAGE);
}

/* --------------------------------------------------------------------------- changes */

/* More access: out and in with one call each for neighbours that lie together. */
static void
more_access(void **state)
{
	assert_int_equal(map(IOVA, VA, 8 * PAGE, R), 0);
	assert_int_equal(map(IOVA + 8 * PAGE, VA + 8 * PAGE, 8 * PAGE, W), 0);
	nb_maps = 0;
	assert_int_equal(map(IOVA + 2 * PAGE, VA + 2 * PAGE, 4 * PAGE, RW), 0);
	assert_calls(1, 1);
	assert_int_equal(last_map.len, 4 * PAGE);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + 2 * PAGE, RW), VA + 2 * PAGE);
	assert_int_equal(unit_reaches(IOVA + 6 * PAGE, W), UIOMMU_PA_NONE);
	/* what a page has stays */
	assert_int_equal(map(IOVA, VA, 17 * PAGE, R), 0);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + 8 * PAGE, RW), VA + 8 * PAGE);
	assert_int_equal(unit_reaches(IOVA + 16 * PAGE, W), UIOMMU_PA_NONE);
	/* a part of a large leaf */
	assert_int_equal(map(IOVA + LARGE, VA + LARGE, 2 * LARGE, R), 0);
	nb_maps = nb_unmaps = 0;
	assert_int_equal(map(IOVA + 2 * LARGE - PAGE, VA + 2 * LARGE - PAGE, 2 * PAGE, RW), 0);
	assert_calls(1, 1);
	assert_mirrored();
}

/* Only one may take something out at a time; handlers do not wait for that. */
static void
more_access_in_handlers(void **state)
{
	assert_int_equal(map(IOVA, VA, 2 * PAGE, R), 0);
	nb_maps = 0;
	in_handler = true;
	lock_is_taken = true;
	assert_int_equal(map(IOVA, VA, 3 * PAGE, RW), -EAGAIN);
	assert_calls(0, 0);
	lock_is_taken = false;
	assert_int_equal(map(IOVA, VA, 3 * PAGE, RW), 0);
	assert_calls(2, 1);
	assert_mirrored();
	in_handler = false;
}

static void
change_fails(void **state)
{
	assert_int_equal(map(IOVA, VA, 2 * PAGE, R), 0);
	map_error = -ENOMEM;
	map_error_prot = RW;
	map_error_nb = 1;
	assert_int_equal(map(IOVA, VA, 2 * PAGE, RW), -ENOMEM);
	/* as it was */
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + PAGE, R), VA + PAGE);
	/* nor that: it is not there, and nobody is told that it is */
	map_error_prot = 0;
	map_error_nb = 2;
	assert_int_equal(uiommu_domain_protect(&domain, IOVA, 2 * PAGE, RW), -ENOMEM);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA, R), UIOMMU_PA_NONE);
	assert_int_equal(nb_failed, 0);
	assert_int_equal(map(IOVA, VA, 2 * PAGE, RW), 0);
}

static void
protect(void **state)
{
	unsigned int i;

	assert_int_equal(map(IOVA, VA, 4 * PAGE, RW), 0);
	assert_int_equal(map(IOVA + 4 * PAGE, VA + 4 * PAGE, 4 * PAGE, R), 0);
	assert_int_equal(map(IOVA + 9 * PAGE, VA, PAGE, RW), 0);
	nb_maps = 0;
	assert_int_equal(uiommu_domain_protect(&domain, IOVA, 16 * PAGE, R), 0);
	assert_calls(2, 1);
	assert_mirrored();
	assert_int_equal(uiommu_domain_protect(&domain, IOVA, 16 * PAGE, RW), 0);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + 5 * PAGE, RW), VA + 5 * PAGE);
	assert_int_equal(uiommu_domain_protect(&domain, IOVA + LARGE, LARGE, RW), 0);
	unmap(IOVA, 16 * PAGE);
	/* more than is taken at a time */
	for (i = 0; i < 300; i++)
		assert_int_equal(map(IOVA + i * PAGE, VA + 7 * i * PAGE, PAGE, RW), 0);
	assert_int_equal(uiommu_domain_protect(&domain, IOVA, 300 * PAGE, R), 0);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + 299 * PAGE, R), VA + 7 * 299 * PAGE);
	assert_int_equal(unit_reaches(IOVA + 299 * PAGE, W), UIOMMU_PA_NONE);
}

/* Ranges are exact, however many: what lies between them stays. */
static void
scattered(void **state)
{
	unsigned int i;

	for (i = 0; i < 400; i++)
		assert_int_equal(map(IOVA + 2 * i * PAGE, VA, PAGE, RW), 0);
	assert_int_equal(unmap(IOVA, 200 * PAGE), 100 * PAGE);
	assert_mirrored();
	assert_int_equal(nb_ranges_unmapped, 100);
	assert_true(nb_unmaps <= 3);
	assert_int_equal(unmap(IOVA, 800 * PAGE), 300 * PAGE);
	assert_mirrored();
	assert_int_equal(nb_areas, 0);
}

/*
 * Of what came together a part goes: the rest is absent for a moment, and nobody is told that it is
 * there, nor was told so just before.
 */
static void
what_came_together(void **state)
{
	uint32_t pages;

	assert_int_equal(map(IOVA, VA, LARGE + 8 * PAGE, RW), 0);
	pages = uiommu_pgtable_pages(domain.paging->pt);
	assert_int_equal(unmap(IOVA + LARGE + 3 * PAGE, 2 * PAGE), 2 * PAGE);
	assert_int_equal(nb_extents, 1);
	assert_int_equal(nb_graces, 1);
	assert_int_equal(uiommu_pgtable_pages(domain.paging->pt), pages);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + LARGE + 2 * PAGE, W), VA + LARGE + 2 * PAGE);
	assert_int_equal(unit_reaches(IOVA + LARGE + 5 * PAGE, W), VA + LARGE + 5 * PAGE);
	/* all that is left of an area: nothing else is touched */
	assert_int_equal(unmap(IOVA + LARGE + 5 * PAGE, 3 * PAGE), 3 * PAGE);
	assert_int_equal(nb_graces, 1);
	assert_mirrored();
}

/* ------------------------------------------------------------------- somebody meanwhile */

static void
other_comes(void)
{
	const uint64_t pa = VA + LARGE;

	if (nb_graces != 1)
		return;
	/* he was inside a call: by now he is through */
	areas[nb_areas++] = (struct area){.iova = IOVA + PAGE, .pa = pa, .len = PAGE, .prot = RW};
	uiommu_pgtable_commit(domain.paging->pt, IOVA + PAGE, 12, 1, &pa, RW);
}

/* Who was mapping when an unmap began is waited for, and goes with the rest. */
static void
others_are_waited_for(void **state)
{
	assert_int_equal(map(IOVA, VA, PAGE, RW), 0);
	assert_int_equal(uiommu_pgtable_reserve(domain.paging->pt, IOVA + PAGE, 12, 1), 1);
	assert_int_equal(map(IOVA, VA, 4 * PAGE, RW), -EAGAIN);
	grace_hook = other_comes;
	assert_int_equal(unmap(IOVA, 4 * PAGE), 2 * PAGE);
	assert_mirrored();
	assert_int_equal(nb_areas, 0);
	/* the same when access changes */
	assert_int_equal(map(IOVA, VA, PAGE, RW), 0);
	assert_int_equal(uiommu_pgtable_reserve(domain.paging->pt, IOVA + PAGE, 12, 1), 1);
	nb_graces = 0;
	assert_int_equal(uiommu_domain_protect(&domain, IOVA, 4 * PAGE, R), 0);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + PAGE, W), UIOMMU_PA_NONE);
	/* later ones are not */
	grace_hook = NULL;
	assert_int_equal(uiommu_pgtable_reserve(domain.paging->pt, IOVA + 2 * PAGE, 12, 1), 1);
	assert_int_equal(unmap(IOVA, 4 * PAGE), 2 * PAGE);
	uiommu_pgtable_commit(domain.paging->pt, IOVA + 2 * PAGE, 12, 1, NULL, 0);
	assert_mirrored();
}

static void
regions_are_left_alone(void **state)
{
	static struct uiommu_region region = {.iova = IOVA + PAGE, .len = PAGE, .prot = R};
	struct uiommu_region_table *one = malloc(sizeof(*one) + sizeof(one->region[0]));

	assert_non_null(one);
	one->nb = 1;
	one->region[0] = &region;
	domain.paging->regions = one;
	assert_int_equal(map(IOVA, VA, 2 * PAGE, RW), -EEXIST);
	assert_int_equal(map(IOVA, VA, PAGE, R), 0);
	assert_int_equal(map(IOVA, VA, PAGE, RW), 0);
	domain.paging->regions = &uiommu_pvt_no_regions;
	free(one);
	assert_mirrored();
}

/* --------------------------------------------------------------------------- random */

#define SPACE_PAGES 2048

/* Whatever is done, and whatever fails, the mirror shows what there is. */
static void
random_history(void **state)
{
	static const uint32_t prots[] = {R, W, RW, RW | X};
	static const int errors[] = {-ENOMEM, -EFAULT, -EAGAIN};
	uint64_t seed = 1, iova, len;
	unsigned int step, what;

	for (step = 0; step < 6000; step++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		what = (unsigned int)(seed >> 60);
		iova = (seed >> 20) % SPACE_PAGES;
		len = 1 + (seed >> 34) % (seed >> 48 & 1 ? 600 : 6);
		len = RTE_MIN(len, SPACE_PAGES - iova) * PAGE;
		iova = IOVA + iova * PAGE;
		map_error = errors[(seed >> 50) % 3];
		map_error_nb = (seed >> 55) % 8 == 0;
		if (what < 8)
			(void)map(iova, VA + (iova - IOVA) + (what == 7 ? LARGE : 0), len,
				  prots[(seed >> 40) % 4]);
		else if (what < 13)
			unmap(iova, len);
		else
			(void)uiommu_domain_protect(&domain, iova, len, prots[(seed >> 40) % 4]);
		if (step % 16 == 0)
			assert_mirrored();
	}
	assert_mirrored();
	assert_int_equal(nb_failed, 0);
	unmap(IOVA, SPACE_PAGES * PAGE);
	assert_int_equal(nb_areas, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_call),
		CASE(tables_go),
		CASE(crooked),
		CASE(what_is_there),
		CASE(refused),
		CASE(map_fails),
		CASE(not_now),
		CASE(unmap_fails),
		CASE(more_access),
		CASE(more_access_in_handlers),
		CASE(change_fails),
		CASE(protect),
		CASE(scattered),
		CASE(what_came_together),
		CASE(others_are_waited_for),
		CASE(regions_are_left_alone),
		CASE(random_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
