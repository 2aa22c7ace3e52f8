/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Demand paging over mirrored tables: a page is SUCCESS after the unit has mapped it, or not. */

#include "resolve_rig.h"

#define R UIOMMU_FAULT_READ
#define W UIOMMU_FAULT_WRITE
#define RW (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)
#define IOVA UINT64_C(0x7f0000000000)
#define PA UINT64_C(0x40000000)

static int
setup(void **state)
{
	rig_make(state);
	mirror_make(paging_of(0));
	return 0;
}

/* Frames that are in the table go with it. */
static void
frame_return(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	if (uiommu_pgpool_va(unit.frame_pool, leaf->pa) != NULL)
		uiommu_pgpool_put(unit.frame_pool, leaf->pa);
}

static int
teardown(void **state)
{
	struct uiommu_pgpool_info info;

	assert_mirrored();
	assert_false(lock_is_held);
	uiommu_pgtable_iterate(mirrored, 0, UINT64_C(1) << 47, frame_return, NULL);
	uiommu_pgpool_info_get(unit.frame_pool, &info);
	assert_int_equal(info.nb_used, 0);
	return rig_end(state);
}

/* Requests for nb pages from IOVA + first pages on, each a group. */
static void
ask(unsigned int first, unsigned int nb, uint16_t flags)
{
	struct ask asks[256];
	unsigned int i;

	for (i = 0; i < nb; i++)
		asks[i] = (struct ask){0, i, IOVA + (first + i) * PAGE, flags, 0};
	assert_int_equal(burst(asks, nb), nb);
}

static void
assert_codes(unsigned int nb, uint8_t code)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		assert_int_equal(codes[i], code);
}

/* --------------------------------------------------------------------------- memory */

/* Neighbours of a burst go in one call, however they come in. */
static void
neighbours(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA + 5 * PAGE, R, 0}, {0, 1, IOVA + 3 * PAGE, W, 0},
		{0, 2, IOVA + 4 * PAGE, W, 0}, {0, 3, IOVA + 40 * PAGE, R, 0},
		{0, 4, IOVA + 4 * PAGE, R, 0}, {0, 5, IOVA + 6 * PAGE, R, 0},
	};

	region_linear(0, IOVA, 100, RW, PA);
	burst(asks, ARRAY_COUNT(asks));
	assert_codes(ARRAY_COUNT(asks), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_maps, 2);
	assert_int_equal(areas[0].iova, IOVA + 3 * PAGE);
	assert_int_equal(areas[0].len, 4 * PAGE);
	assert_int_equal(areas[0].pa, PA + 3 * PAGE);
	assert_int_equal(areas[0].prot, RW);
	/* again: nothing is called */
	burst(asks, ARRAY_COUNT(asks));
	assert_int_equal(nb_maps, 2);
	assert_int_equal(nb_told, 0);
	/* what lies around comes along, with the same call */
	paging_of(0)->around_pages = 16;
	assert_int_equal(one(0, IOVA + 70 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_maps, 3);
	assert_int_equal(last_map.iova, IOVA + 64 * PAGE);
	assert_int_equal(last_map.len, 16 * PAGE);
	assert_int_equal(unit_reaches(IOVA + 79 * PAGE, W), PA + 79 * PAGE);
}

static void
large(void **state)
{
	struct uiommu_region *region = region_linear(0, IOVA, 2048, RW, PA);
	struct uiommu_pgtable_leaf leaf;

	region->page_shift = 21;
	assert_int_equal(one(0, IOVA + LARGE + 5 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_maps, 1);
	assert_int_equal(last_map.len, LARGE);
	assert_int_equal(leads_to(0, IOVA + LARGE, &leaf), PA + LARGE);
	assert_int_equal(leaf.size, LARGE);
}

/* What is answered when the unit cannot: never SUCCESS, and INVALID only where it never can. */
static void
memory_fails(void **state)
{
	static const struct {
		int error;
		uint8_t code;
		uint64_t no_table, no_page, busy;
	} rows[] = {
		{-ENOMEM, UIOMMU_CODE_RETRY, 1, 0, 0},
		{-EAGAIN, UIOMMU_CODE_RETRY, 0, 0, 1},
		{-EEXIST, UIOMMU_CODE_RETRY, 0, 0, 1},
		{-EIO, UIOMMU_CODE_RETRY, 0, 0, 1},
		{-EFAULT, UIOMMU_CODE_INVALID, 0, 1, 0},
		{-EINVAL, UIOMMU_CODE_INVALID, 0, 1, 0},
	};
	struct uiommu_paging_counts before;
	unsigned int i;

	region_linear(0, IOVA, 100, RW, PA);
	paging_of(0)->around_pages = 8;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		before = *counts_of(0);
		map_error = rows[i].error;
		map_error_nb = UINT32_MAX;
		assert_int_equal(one(0, IOVA + 9 * PAGE, W), rows[i].code);
		assert_int_equal(counts_of(0)->no_table - before.no_table, rows[i].no_table);
		assert_int_equal(counts_of(0)->no_page - before.no_page, rows[i].no_page);
		assert_int_equal(counts_of(0)->busy - before.busy, rows[i].busy);
		assert_int_equal(nb_areas, 0);
		assert_mirrored();
	}
	map_error_nb = 0;
	assert_int_equal(one(0, IOVA + 9 * PAGE, W), UIOMMU_CODE_SUCCESS);
}

/* One page that cannot come is no reason for its neighbours. */
static void
one_of_a_run_fails(void **state)
{
	unsigned int i;

	region_linear(0, IOVA, 100, RW, PA);
	paging_of(0)->around_pages = 16;
	map_error = -EFAULT;
	map_error_at = IOVA + 3 * PAGE;
	map_error_nb = UINT32_MAX;
	ask(0, 8, W);
	for (i = 0; i < 8; i++)
		assert_int_equal(codes[i], i == 3 ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(0)->no_page, 1);
	/* what nobody asked for is left out then */
	assert_int_equal(unit_reaches(IOVA + 9 * PAGE, R), UIOMMU_PA_NONE);
}

/* Another thread is in the middle of it, or it is on its way out. */
static void
busy(void **state)
{
	unsigned int i;

	region_linear(0, IOVA, 100, RW, PA);
	assert_int_equal(uiommu_pgtable_reserve(mirrored, IOVA + 2 * PAGE, 12, 1), 1);
	ask(0, 5, W);
	for (i = 0; i < 5; i++)
		assert_int_equal(codes[i], i == 2 ? UIOMMU_CODE_RETRY : UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(0)->busy, 1);
	uiommu_pgtable_commit(mirrored, IOVA + 2 * PAGE, 12, 1, NULL, 0);
}

/* ----------------------------------------------------------------- access comes back */

static void
less_access(uint64_t iova, uint64_t len)
{
	lock_is_held = true;
	assert_int_equal(uiommu_pvt_mirror_protect(paging_of(0), iova, len, R, false), 0);
	lock_is_held = false;
	nb_maps = nb_unmaps = 0;
}

static void
access_comes_back(void **state)
{
	region_linear(0, IOVA, 100, RW, PA);
	ask(0, 4, W);
	less_access(IOVA, 4 * PAGE);
	assert_int_equal(one(0, IOVA, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_maps, 0);
	lock_is_taken = true;
	ask(0, 4, W);
	assert_codes(4, UIOMMU_CODE_RETRY);
	assert_int_equal(nb_maps + nb_unmaps, 0);
	lock_is_taken = false;
	ask(0, 4, W);
	assert_codes(4, UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_maps, 1);
	assert_int_equal(nb_unmaps, 1);
	assert_int_equal(unit_reaches(IOVA + 3 * PAGE, W), PA + 3 * PAGE);
	/* somebody else was faster: nothing is called */
	assert_int_equal(uiommu_pvt_mirror_grow(paging_of(0), IOVA, RW), 0);
	assert_int_equal(nb_maps + nb_unmaps, 2);
	assert_int_equal(uiommu_pvt_mirror_grow(paging_of(0), IOVA + 50 * PAGE, RW), -EAGAIN);
	/* it cannot: what it had stays */
	less_access(IOVA, 4 * PAGE);
	map_error = -ENOMEM;
	map_error_prot = RW;
	map_error_nb = 1;
	assert_int_equal(one(0, IOVA, W), UIOMMU_CODE_SUCCESS); /* the second try */
	assert_mirrored();
	map_error_nb = UINT32_MAX;
	assert_int_equal(one(0, IOVA + PAGE, W), UIOMMU_CODE_RETRY);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + PAGE, R), PA + PAGE);
}

/* ------------------------------------------------------------------------- supplied */

static unsigned int nb_gets, nb_got, nb_back;
static uint64_t back_offset;
static uint64_t stride; /* of the pages that are supplied */

static int
supply(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	uint32_t i;

	nb_gets++;
	for (i = 0; i < nb; i++)
		pages[i].pa = PA + pages[i].offset * stride;
	nb_got += nb;
	return (int)nb;
}

static void
take_back(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	uint32_t i;

	/* nobody brings it again before it is back */
	assert_busy(IOVA + pages[0].offset, nb * PAGE);
	for (i = 0; i < nb; i++) {
		assert_int_equal(pages[i].dirty, 0);
		assert_int_equal(pages[i].pa, PA + pages[i].offset * stride);
		assert_int_equal(unit_reaches(IOVA + pages[i].offset, R), UIOMMU_PA_NONE);
	}
	back_offset = pages[0].offset;
	nb_back += nb;
}

static const struct uiommu_backing_ops ops = {.get = supply, .put = take_back};

static void
region_supplied(void)
{
	struct uiommu_region *region = region_make(0, IOVA, 200, RW);

	region->type = UIOMMU_BACKING_CALLBACK;
	region->ops = &ops;
	region->priv = region;
	nb_gets = nb_got = nb_back = 0;
	stride = 1;
}

static void
supplied(void **state)
{
	region_supplied();
	ask(0, 64, W);
	assert_codes(64, UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_gets, 1);
	assert_int_equal(nb_maps, 1);
	assert_int_equal(last_map.len, 64 * PAGE);
	assert_int_equal(paging_of(0)->resident, 64);
	/* that lie apart */
	stride = 2;
	ask(64, 10, W);
	assert_codes(10, UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_gets, 2);
	assert_int_equal(nb_maps, 11);
	assert_int_equal(nb_back, 0);
	less_access(IOVA, 2 * PAGE);
	assert_int_equal(one(0, IOVA, W), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_got, 74);
}

/* What the unit cannot have goes back at once, and the others come. */
static void
supplied_fails(void **state)
{
	unsigned int i;

	region_supplied();
	map_error = -EFAULT;
	map_error_at = IOVA + 5 * PAGE;
	map_error_nb = UINT32_MAX;
	ask(0, 10, W);
	for (i = 0; i < 10; i++)
		assert_int_equal(codes[i], i == 5 ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_got - nb_back, 9);
	assert_int_equal(paging_of(0)->resident, 9);
	assert_int_equal(counts_of(0)->no_page, 1);
	map_error = -ENOMEM;
	map_error_at = UIOMMU_PA_NONE;
	ask(20, 4, W);
	assert_codes(4, UIOMMU_CODE_RETRY);
	assert_int_equal(nb_got - nb_back, 9);
	assert_int_equal(paging_of(0)->resident, 9);
	assert_int_equal(counts_of(0)->no_table, 4);
	/* the driver is busy: for all of them */
	map_error = -EAGAIN;
	ask(20, 4, W);
	assert_codes(4, UIOMMU_CODE_RETRY);
	assert_int_equal(nb_got - nb_back, 9);
}

/* --------------------------------------------------------------------- private pages */

static uint32_t
frames_used(void)
{
	struct uiommu_pgpool_info info;

	uiommu_pgpool_info_get(unit.frame_pool, &info);
	return info.nb_used;
}

static void
anon(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA, R, 0},            {0, 1, IOVA + PAGE, W, 0},
		{0, 2, IOVA + 2 * PAGE, R, 0}, {0, 3, IOVA + 3 * PAGE, R, 0},
		{0, 4, IOVA + 9 * PAGE, W, 0}, {0, 5, IOVA + PAGE, R, 0},
	};
	unsigned int maps;

	region_make(0, IOVA, 100, RW)->type = UIOMMU_BACKING_ANON;
	burst(asks, ARRAY_COUNT(asks));
	assert_codes(ARRAY_COUNT(asks), UIOMMU_CODE_SUCCESS);
	assert_int_equal(frames_used(), 5);
	assert_int_equal(paging_of(0)->resident, 5);
	assert_int_equal(counts_of(0)->zeroed_pages, 5);
	assert_int_equal(counts_of(0)->mapped_pages, 5);
	/* pages of the pool lie together: reads and writes alike go in one call */
	assert_int_equal(nb_maps, 2);
	assert_int_equal(areas[0].len, 4 * PAGE);
	maps = nb_maps;
	ask(0, 4, W);
	assert_codes(4, UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_maps, maps);
	less_access(IOVA, 4 * PAGE);
	ask(0, 4, W);
	assert_codes(4, UIOMMU_CODE_SUCCESS);
	assert_int_equal(frames_used(), 5);
	less_access(IOVA, 4 * PAGE);
	lock_is_taken = true;
	ask(0, 2, W);
	assert_codes(2, UIOMMU_CODE_RETRY);
}

static void
anon_fails(void **state)
{
	unsigned int i;

	region_make(0, IOVA, 1000, RW)->type = UIOMMU_BACKING_ANON;
	map_error = -ENOMEM;
	map_error_nb = UINT32_MAX;
	map_error_at = IOVA + 2 * PAGE;
	ask(0, 5, W);
	for (i = 0; i < 5; i++)
		assert_int_equal(codes[i], i == 2 ? UIOMMU_CODE_RETRY : UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(0)->no_table, 1);
	assert_int_equal(frames_used(), 4);
	assert_int_equal(paging_of(0)->resident, 4);
	/* the budget is short */
	map_error_nb = 0;
	paging_of(0)->budget = 6;
	ask(10, 4, W);
	for (i = 0; i < 4; i++)
		assert_int_equal(codes[i], i < 2 ? UIOMMU_CODE_SUCCESS : UIOMMU_CODE_RETRY);
	assert_int_equal(counts_of(0)->no_frame, 2);
	assert_int_equal(frames_used(), 6);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(neighbours),
		CASE(large),
		CASE(memory_fails),
		CASE(one_of_a_run_fails),
		CASE(busy),
		CASE(access_comes_back),
		CASE(supplied),
		CASE(supplied_fails),
		CASE(anon),
		CASE(anon_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
