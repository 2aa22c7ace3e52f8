/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Demand paging out of memory that is there: what comes, what is refused, what is merged. */

#include "resolve_rig.h"

#define R UIOMMU_FAULT_READ
#define W UIOMMU_FAULT_WRITE
#define IOVA UINT64_C(0x7f0000000000)
#define PA UINT64_C(0x40000000)

static void
page_comes_once(void **state)
{
	struct uiommu_pgtable_leaf leaf;

	region_linear(0, IOVA, 100, UIOMMU_PROT_READ | UIOMMU_PROT_WRITE, PA);
	assert_int_equal(leads_to(0, IOVA + 5 * PAGE, NULL), UIOMMU_PA_NONE);
	assert_int_equal(one(0, IOVA + 5 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + 5 * PAGE, &leaf), PA + 5 * PAGE);
	assert_int_equal(leaf.size, PAGE);
	assert_true((leaf.prot & UIOMMU_PROT_WRITE) != 0);
	assert_int_equal(leads_to(0, IOVA + 4 * PAGE, NULL), UIOMMU_PA_NONE);
	assert_int_equal(leads_to(0, IOVA + 6 * PAGE, NULL), UIOMMU_PA_NONE);
	assert_int_equal(counts_of(0)->mapped_pages, 1);
	assert_int_equal(counts_of(0)->requests - counts_of(0)->missed, 0);
	assert_int_equal(one(0, IOVA + 5 * PAGE, W), UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(0)->requests - counts_of(0)->missed, 1);
	assert_int_equal(counts_of(0)->mapped_pages, 1);
	assert_int_equal(counts_of(0)->requests, 2);
	/* another domain has nothing of it */
	assert_int_equal(one(1, IOVA + 5 * PAGE, R), UIOMMU_CODE_INVALID);
	assert_int_equal(nb_told, 0);
}

static void
refusals(void **state)
{
	region_linear(0, IOVA, 10, UIOMMU_PROT_READ, PA);
	assert_int_equal(one(0, IOVA - PAGE, R), UIOMMU_CODE_INVALID);
	assert_int_equal(one(0, IOVA + 10 * PAGE, R), UIOMMU_CODE_INVALID);
	assert_int_equal(one(0, 0, R), UIOMMU_CODE_INVALID);
	assert_int_equal(one(0, UINT64_MAX & ~(PAGE - 1), R), UIOMMU_CODE_INVALID);
	assert_int_equal(counts_of(0)->no_region, 4);
	assert_int_equal(one(0, IOVA, W), UIOMMU_CODE_INVALID);
	assert_int_equal(one(0, IOVA, R | UIOMMU_FAULT_EXEC), UIOMMU_CODE_INVALID);
	assert_int_equal(counts_of(0)->denied, 2);
	assert_int_equal(counts_of(0)->mapped_pages, 0);
	assert_int_equal(one(0, IOVA, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(one(0, IOVA, R | W), UIOMMU_CODE_INVALID);
	/* privileged, also where the page is there */
	assert_int_equal(one(0, IOVA, R | UIOMMU_FAULT_PRIV), UIOMMU_CODE_INVALID);
	assert_int_equal(counts_of(0)->denied, 4);
	assert_int_equal(one(0, IOVA + 9 * PAGE, R), UIOMMU_CODE_SUCCESS);
}

/* All of a group or INVALID; its neighbours in the burst are none the worse for it. */
static void
groups_whole(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA, R, 0},		{0, 0, IOVA + PAGE, R, 0},
		{0, 1, IOVA + 2 * PAGE, R, 0},	{0, 1, IOVA + 100 * PAGE, R, 0},
		{0, 1, IOVA + 3 * PAGE, R, 0},	{0, 2, IOVA + 4 * PAGE, R, 0},
		{0, 3, IOVA + 5 * PAGE, R | UIOMMU_FAULT_PRIV, 0},
		{0, 3, IOVA + 6 * PAGE, R, 0},	{0, 4, IOVA, R, 0},
	};

	region_linear(0, IOVA, 100, UIOMMU_PROT_READ, PA);
	assert_int_equal(burst(asks, ARRAY_COUNT(asks)), 5);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(codes[1], UIOMMU_CODE_INVALID);
	assert_int_equal(codes[2], UIOMMU_CODE_SUCCESS);
	assert_int_equal(codes[3], UIOMMU_CODE_INVALID);
	assert_int_equal(codes[4], UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + PAGE, NULL), PA + PAGE);
	assert_int_equal(leads_to(0, IOVA + 4 * PAGE, NULL), PA + 4 * PAGE);
}

static void
merged(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA + 8 * PAGE, R, 0}, {0, 1, IOVA + 3 * PAGE, R, 0},
		{0, 2, IOVA + 4 * PAGE, W, 0}, {1, 3, IOVA + 3 * PAGE, R, 0},
		{0, 4, IOVA + 3 * PAGE, W, 0}, {0, 5, IOVA + 2 * PAGE, R, 0},
		{0, 6, IOVA + 3 * PAGE, R, 0}, {1, 7, IOVA + 4 * PAGE, R, 0},
	};
	uint16_t i, nb;

	region_linear(0, IOVA, 100, UIOMMU_PROT_READ | UIOMMU_PROT_WRITE, PA);
	region_linear(1, IOVA, 100, UIOMMU_PROT_READ, PA);
	nb = burst(asks, ARRAY_COUNT(asks));
	assert_int_equal(nb, 8);
	for (i = 0; i < nb; i++)
		assert_int_equal(codes[i], UIOMMU_CODE_SUCCESS);
	/* pages 2 3 3 3 4 of the first domain are one run, 8 another */
	assert_int_equal(counts_of(0)->merged_same, 2);
	assert_int_equal(counts_of(0)->merged_next, 2);
	assert_int_equal(counts_of(0)->mapped_pages, 4);
	assert_int_equal(counts_of(1)->merged_next, 1);
	assert_int_equal(counts_of(1)->mapped_pages, 2);
	assert_int_equal(leads_to(1, IOVA + 2 * PAGE, NULL), UIOMMU_PA_NONE);
}

/* The aligned block, but not beyond the region, nor into the next one. */
static void
around(void **state)
{
	struct uiommu_pgtable_leaf leaf;
	unsigned int i;

	paging_of(0)->around_pages = 16;
	region_linear(0, IOVA + 4 * PAGE, 40, UIOMMU_PROT_READ | UIOMMU_PROT_WRITE, PA);
	region_make(0, IOVA + 44 * PAGE, 10, UIOMMU_PROT_READ);
	regions[1]->linear = true;
	regions[1]->pa = linear_pa;
	assert_int_equal(one(0, IOVA + 20 * PAGE, R), UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 64; i++)
		assert_int_equal(leads_to(0, IOVA + i * PAGE, NULL) != UIOMMU_PA_NONE,
				 i >= 16 && i < 32);
	assert_int_equal(counts_of(0)->around_pages, 15);
	assert_int_equal(counts_of(0)->mapped_pages, 16);
	assert_int_equal(one(0, IOVA + 4 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + 4 * PAGE, NULL), PA);
	assert_int_equal(leads_to(0, IOVA + 15 * PAGE, NULL), PA + 11 * PAGE);
	assert_int_equal(leads_to(0, IOVA + 3 * PAGE, NULL), UIOMMU_PA_NONE);
	assert_int_equal(one(0, IOVA + 43 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + 32 * PAGE, NULL), PA + 28 * PAGE);
	assert_int_equal(leads_to(0, IOVA + 44 * PAGE, NULL), UIOMMU_PA_NONE);
	assert_int_equal(one(0, IOVA + 45 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + 44 * PAGE, &leaf), PA);
	assert_int_equal(leaf.prot & UIOMMU_PROT_WRITE, 0);
	assert_int_equal(leads_to(0, IOVA + 54 * PAGE, NULL), UIOMMU_PA_NONE);
}

static void
hints(void **state)
{
	const struct ask wide = {0, 0, IOVA + 10 * PAGE, R, 8};
	const struct ask edge = {0, 0, IOVA + 95 * PAGE, R, UINT32_MAX};
	const struct ask endless = {1, 0, IOVA, R, UINT32_MAX};
	unsigned int i;

	region_linear(0, IOVA, 100, UIOMMU_PROT_READ, PA);
	region_linear(1, IOVA, 100000, UIOMMU_PROT_READ, PA);
	burst(&wide, 1);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 100; i++)
		assert_int_equal(leads_to(0, IOVA + i * PAGE, NULL) != UIOMMU_PA_NONE,
				 i >= 10 && i < 18);
	assert_int_equal(counts_of(0)->hinted_pages, 7);
	burst(&edge, 1);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + 99 * PAGE, NULL), PA + 99 * PAGE);
	assert_int_equal(leads_to(0, IOVA + 100 * PAGE, NULL), UIOMMU_PA_NONE);
	/* bounded: a hint does not hold others up */
	burst(&endless, 1);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(1)->mapped_pages, 512);
}

static void
large_leaves(void **state)
{
	const struct ask asks[] = {{2, 0, IOVA + 5 * PAGE, R, 0}, {2, 1, IOVA + 99 * PAGE, R, 0}};
	struct uiommu_region *region;
	struct uiommu_pgtable_leaf leaf;

	/* begins in the middle of a large page and ends in the middle of another */
	region = region_linear(0, IOVA + LARGE / 2, 512 + 256 + 100, UIOMMU_PROT_READ,
			       PA + LARGE / 2);
	region->page_shift = 21;
	assert_int_equal(one(0, IOVA + LARGE + 7 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + LARGE + 7 * PAGE, &leaf), PA + LARGE + 7 * PAGE);
	assert_int_equal(leaf.size, LARGE);
	assert_int_equal(counts_of(0)->large_leaves, 1);
	assert_int_equal(counts_of(0)->mapped_pages, 512);
	/* two of one burst in one large page */
	region = region_linear(2, IOVA, 1024, UIOMMU_PROT_READ, PA);
	region->page_shift = 21;
	burst(asks, 2);
	assert_int_equal(codes[0] | codes[1], UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(2)->large_leaves, 1);
	assert_int_equal(counts_of(2)->mapped_pages, 512);
	assert_int_equal(counts_of(2)->merged_next, 1);
	linear_pa[0] = PA + LARGE / 2;
	assert_int_equal(one(0, IOVA + LARGE / 2, R), UIOMMU_CODE_SUCCESS);
	leads_to(0, IOVA + LARGE / 2, &leaf);
	assert_int_equal(leaf.size, PAGE);
	assert_int_equal(one(0, IOVA + 2 * LARGE + 99 * PAGE, R), UIOMMU_CODE_SUCCESS);
	leads_to(0, IOVA + 2 * LARGE + 99 * PAGE, &leaf);
	assert_int_equal(leaf.size, PAGE);
	assert_int_equal(counts_of(0)->large_leaves, 1);
	/* not where it does not lie as it should */
	region = region_linear(1, IOVA, 1024, UIOMMU_PROT_READ, PA + PAGE);
	region->page_shift = 21;
	assert_int_equal(one(1, IOVA, R), UIOMMU_CODE_SUCCESS);
	leads_to(1, IOVA, &leaf);
	assert_int_equal(leaf.size, PAGE);
}

/* Pages that do not lie together. */
static void
scattered(void **state)
{
	static uint64_t pa[64], pa_large[4];
	struct uiommu_region *region;
	struct uiommu_pgtable_leaf leaf;
	unsigned int i;

	paging_of(0)->around_pages = 64;
	for (i = 0; i < 64; i++)
		pa[i] = PA + (i * 37 % 64) * 16 * PAGE;
	region = region_make(0, IOVA, 64, UIOMMU_PROT_READ);
	region->pa = pa;
	assert_int_equal(one(0, IOVA + 13 * PAGE, R), UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 64; i++)
		assert_int_equal(leads_to(0, IOVA + i * PAGE, NULL), pa[i]);
	paging_of(1)->around_pages = 512;
	for (i = 0; i < 4; i++)
		pa_large[i] = PA + (4 - i) * 3 * LARGE;
	region = region_make(1, IOVA + LARGE / 2, 1024, UIOMMU_PROT_READ);
	region->page_shift = 21;
	region->pa = pa_large;
	/* pages of the backing are 2 MiB, but not in step with the addresses */
	assert_int_equal(one(1, IOVA + LARGE + 255 * PAGE, R), UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 512; i++)
		assert_int_equal(leads_to(1, IOVA + LARGE + i * PAGE, &leaf),
				 pa_large[(256 + i) / 512] + (256 + i) % 512 * PAGE);
	assert_int_equal(leaf.size, PAGE);
}

static void
tables_run_out(void **state)
{
	struct uiommu_pgpool_info info;
	unsigned int i, nb;

	region_linear(0, IOVA, 100, UIOMMU_PROT_READ, PA);
	uiommu_pgpool_info_get(unit.table_pool, &info);
	nb = info.nb_pages - info.nb_used;
	uint64_t *taken = malloc(nb * sizeof(*taken));
	for (i = 0; i < nb; i++)
		assert_non_null(uiommu_pgpool_get(unit.table_pool, &taken[i]));
	assert_int_equal(one(0, IOVA, R), UIOMMU_CODE_RETRY);
	assert_int_equal(counts_of(0)->no_table, 1);
	for (i = 0; i < nb; i++)
		uiommu_pgpool_put(unit.table_pool, taken[i]);
	free(taken);
	assert_int_equal(one(0, IOVA, R), UIOMMU_CODE_SUCCESS);
}

/* Somebody else has the page in hand. */
static void
busy_page(void **state)
{
	const uint64_t pa = PA + 3 * PAGE;

	region_linear(0, IOVA, 100, UIOMMU_PROT_READ, PA);
	assert_int_equal(uiommu_pgtable_reserve(paging_of(0)->pt, IOVA + 3 * PAGE, 12, 1), 1);
	assert_int_equal(one(0, IOVA + 3 * PAGE, R), UIOMMU_CODE_RETRY);
	assert_int_equal(counts_of(0)->busy, 1);
	uiommu_pgtable_commit(paging_of(0)->pt, IOVA + 3 * PAGE, 12, 1, &pa, UIOMMU_PROT_READ);
	assert_int_equal(one(0, IOVA + 3 * PAGE, R), UIOMMU_CODE_SUCCESS);
	/* one in the way of the block around does not cost the page that was asked for */
	paging_of(0)->around_pages = 16;
	assert_int_equal(uiommu_pgtable_reserve(paging_of(0)->pt, IOVA + 33 * PAGE, 12, 1), 1);
	assert_int_equal(one(0, IOVA + 40 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(0)->busy, 1);
}

/* A unit that remembers what was absent: no SUCCESS before it was told. */
static void
absence_told(void **state)
{
	paging_of(0)->tell_absent = true;
	region_linear(0, IOVA, 100, UIOMMU_PROT_READ, PA);
	no_room = true;
	assert_int_equal(one(0, IOVA + PAGE, R), UIOMMU_CODE_RETRY);
	assert_int_equal(one(0, IOVA + PAGE, R), UIOMMU_CODE_RETRY);
	assert_int_equal(nb_told, 0);
	no_room = false;
	assert_int_equal(one(0, IOVA + PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_told, 1);
	assert_int_equal(told.nb_ranges, 1);
	assert_int_equal(told.ranges[0].iova, IOVA + PAGE);
	assert_int_equal(told.ranges[0].len, PAGE);
	assert_int_equal(one(0, IOVA + PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_told, 1);
	assert_int_equal(one(0, IOVA + 5 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_told, 2);
	assert_true(told_absent);
	assert_int_equal(told.ranges[0].iova, IOVA + 5 * PAGE);
}

/* Large bursts at random, against what a list of regions says. */
static void
random_bursts(void **state)
{
	static struct ask asks[1500];
	uint64_t seed = 7, iova;
	unsigned int round, i, d;
	bool inside, allowed;

	for (d = 0; d < DOMAINS; d++) {
		region_linear(d, IOVA, 200, UIOMMU_PROT_READ | (d == 1 ? UIOMMU_PROT_WRITE : 0),
			      PA);
		regions[nb_regions - 1]->pa = linear_pa;
		paging_of(d)->around_pages = 1U << (2 * d);
	}
	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_COUNT(asks); i++)
			asks[i] = (struct ask){
				.domain = (unsigned int)(unit_random(&seed) % DOMAINS),
				.group = i,
				.iova = IOVA + (unit_random(&seed) % 220) * PAGE - 10 * PAGE,
				.flags = unit_random(&seed) % 4 == 0 ? W : R,
				.nb_pages = (uint32_t)(unit_random(&seed) % 3),
			};
		assert_int_equal(burst(asks, ARRAY_COUNT(asks)), ARRAY_COUNT(asks));
		for (i = 0; i < ARRAY_COUNT(asks); i++) {
			iova = asks[i].iova;
			inside = iova >= IOVA && iova < IOVA + 200 * PAGE;
			allowed = asks[i].flags == R || asks[i].domain == 1;
			assert_int_equal(codes[i], inside && allowed ? UIOMMU_CODE_SUCCESS :
								       UIOMMU_CODE_INVALID);
			if (codes[i] == UIOMMU_CODE_SUCCESS)
				assert_int_equal(leads_to(asks[i].domain, iova, NULL),
						 PA + (iova - IOVA));
		}
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_make, rig_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(page_comes_once), CASE(refusals),	    CASE(groups_whole),
		CASE(merged),	       CASE(around),	    CASE(hints),
		CASE(large_leaves),    CASE(scattered),	    CASE(tables_run_out),
		CASE(busy_page),       CASE(absence_told),  CASE(random_bursts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
