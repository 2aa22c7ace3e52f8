/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Demand paging out of pages that the application supplies, and of private ones. */

#include "resolve_rig.h"

#define R UIOMMU_FAULT_READ
#define W UIOMMU_FAULT_WRITE
#define RW (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)
#define IOVA UINT64_C(0x7f0000000000)
#define PA UINT64_C(0x40000000)

/* -------------------------------------------------------------------- supplied */

static struct uiommu_backing_page asked[1024];
static unsigned int nb_asked, nb_calls, nb_back;
static int supply_max;      /* pages of a call at most */
static uint64_t missing = UINT64_MAX; /* offset of a page that does not exist */
static uint64_t crooked = UINT64_MAX; /* offset of a page that is supplied where it cannot be */

static int
supply(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	const struct uiommu_region *region = priv;
	uint32_t i;

	nb_calls++;
	for (i = 0; i < nb; i++) {
		assert_int_equal(pages[i].offset % (UINT64_C(1) << region->page_shift), 0);
		assert_true(pages[i].offset < region->len);
		assert_true(i == 0 || pages[i].offset > pages[i - 1].offset);
		asked[nb_asked++] = pages[i];
		if (pages[i].offset == missing)
			return i == 0 ? -EFAULT : (int)i;
		if ((int)i == supply_max)
			return (int)i;
		pages[i].pa = PA + pages[i].offset + (pages[i].offset == crooked ? 64 : 0);
	}
	return (int)nb;
}

static void
take_back(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		assert_int_equal(pages[i].dirty, 0);
	nb_back += nb;
}

static const struct uiommu_backing_ops ops = {.get = supply, .put = take_back};

static struct uiommu_region *
region_supplied(unsigned int domain, uint64_t iova, uint64_t pages)
{
	struct uiommu_region *region = region_make(domain, iova, pages, RW);

	region->type = UIOMMU_BACKING_CALLBACK;
	region->ops = &ops;
	region->priv = region;
	nb_asked = 0;
	nb_calls = 0;
	nb_back = 0;
	supply_max = INT32_MAX;
	missing = UINT64_MAX;
	crooked = UINT64_MAX;
	return region;
}

static void
supplied_once(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA + 5 * PAGE, R, 0}, {0, 1, IOVA + 6 * PAGE, W, 0},
		{0, 2, IOVA + 5 * PAGE, W, 0}, {0, 3, IOVA + 9 * PAGE, R, 0},
	};
	unsigned int i;

	region_supplied(0, IOVA, 100);
	burst(asks, ARRAY_COUNT(asks));
	for (i = 0; i < 4; i++)
		assert_int_equal(codes[i], UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_calls, 2);
	assert_int_equal(nb_asked, 3);
	assert_int_equal(asked[0].offset, 5 * PAGE);
	assert_int_equal(asked[0].access, RW);
	assert_int_equal(asked[2].offset, 9 * PAGE);
	assert_int_equal(leads_to(0, IOVA + 6 * PAGE, NULL), PA + 6 * PAGE);
	assert_int_equal(paging_of(0)->resident, 3);
	burst(asks, ARRAY_COUNT(asks));
	assert_int_equal(nb_calls, 2);
	assert_int_equal(paging_of(0)->resident, 3);
}

/* What was asked for comes first; what is around takes only what is left of the budget. */
static void
budget_kept(void **state)
{
	unsigned int i, nb = 0;

	region_supplied(0, IOVA, 100);
	paging_of(0)->around_pages = 16;
	paging_of(0)->budget = 10;
	assert_int_equal(one(0, IOVA + 40 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(asked[0].offset, 40 * PAGE);
	assert_int_equal(paging_of(0)->resident, 10);
	for (i = 0; i < 100; i++)
		nb += leads_to(0, IOVA + i * PAGE, NULL) != UIOMMU_PA_NONE;
	assert_int_equal(nb, 10);
	assert_int_equal(one(0, IOVA + 70 * PAGE, R), UIOMMU_CODE_RETRY);
	assert_int_equal(counts_of(0)->no_frame, 1);
	assert_int_equal(paging_of(0)->resident, 10);
	uiommu_pvt_resident_give(paging_of(0), 1);
	assert_int_equal(one(0, IOVA + 70 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(paging_of(0)->resident, 10);
	assert_int_equal(nb_back, 0);
}

/* One page that does not exist is INVALID; neighbours of the burst come. */
static void
page_missing(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA + 5 * PAGE, R, 0}, {0, 1, IOVA + 6 * PAGE, R, 0},
		{0, 2, IOVA + 7 * PAGE, R, 0},
	};

	region_supplied(0, IOVA, 100);
	missing = 6 * PAGE;
	burst(asks, 3);
	/* it was not the first that was asked for: only the next call says so */
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(codes[1], UIOMMU_CODE_RETRY);
	burst(&asks[1], 2);
	assert_int_equal(codes[0], UIOMMU_CODE_INVALID);
	assert_int_equal(codes[1], UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(0)->no_page, 1);
	assert_int_equal(paging_of(0)->resident, 2);
	/* nothing stays reserved */
	missing = UINT64_MAX;
	assert_int_equal(one(0, IOVA + 6 * PAGE, R), UIOMMU_CODE_SUCCESS);
}

static void
supply_short(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA, R, 0}, {0, 1, IOVA + PAGE, R, 0}, {0, 2, IOVA + 2 * PAGE, R, 0},
	};

	region_supplied(0, IOVA, 100);
	supply_max = 1;
	burst(asks, 3);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(codes[1], UIOMMU_CODE_RETRY);
	assert_int_equal(codes[2], UIOMMU_CODE_RETRY);
	assert_int_equal(counts_of(0)->no_frame, 2);
	assert_int_equal(paging_of(0)->resident, 1);
	supply_max = 3;
	burst(asks, 3);
	assert_int_equal(codes[2], UIOMMU_CODE_SUCCESS);
	assert_int_equal(paging_of(0)->resident, 3);
}

/* A page that lies where no leaf can lead goes back at once, and is no page. */
static void
crooked_page(void **state)
{
	region_supplied(0, IOVA, 100);
	crooked = 0;
	assert_int_equal(one(0, IOVA, R), UIOMMU_CODE_RETRY);
	assert_int_equal(nb_back, 1);
	assert_int_equal(paging_of(0)->resident, 0);
	assert_int_equal(leads_to(0, IOVA, NULL), UIOMMU_PA_NONE);
}

static void
large_pages(void **state)
{
	struct uiommu_pgtable_leaf leaf;
	const struct ask asks[] = {
		{0, 0, IOVA + LARGE + PAGE, R, 0}, {0, 1, IOVA + LARGE + 9 * PAGE, W, 0},
		{0, 2, IOVA + 2 * LARGE + 3 * PAGE, R, 0},
	};

	region_supplied(0, IOVA, 4 * 512)->page_shift = 21;
	paging_of(0)->budget = 1024;
	burst(asks, 3);
	assert_int_equal(codes[0] | codes[1] | codes[2], UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_asked, 2);
	assert_int_equal(asked[0].offset, LARGE);
	assert_int_equal(leads_to(0, IOVA + LARGE + 9 * PAGE, &leaf), PA + LARGE + 9 * PAGE);
	assert_int_equal(leaf.size, LARGE);
	assert_int_equal(paging_of(0)->resident, 1024);
	assert_int_equal(counts_of(0)->large_leaves, 2);
	assert_int_equal(one(0, IOVA, R), UIOMMU_CODE_RETRY);
}

/* A page that is being supplied, or is on its way out, is not asked for twice. */
static void
supplied_busy(void **state)
{
	const uint64_t none = UIOMMU_PA_NONE;

	region_supplied(0, IOVA, 100);
	assert_int_equal(uiommu_pgtable_reserve(paging_of(0)->pt, IOVA + PAGE, 12, 1), 1);
	assert_int_equal(one(0, IOVA + PAGE, R), UIOMMU_CODE_RETRY);
	assert_int_equal(nb_calls, 0);
	assert_int_equal(counts_of(0)->busy, 1);
	uiommu_pgtable_commit(paging_of(0)->pt, IOVA + PAGE, 12, 1, &none, 0);
	assert_int_equal(one(0, IOVA + PAGE, R), UIOMMU_CODE_SUCCESS);
}

/* --------------------------------------------------------------------- private */

static unsigned char *
frame_of(uint64_t iova)
{
	return uiommu_pgpool_va(unit.frame_pool, leads_to(0, iova, NULL));
}

static void
anonymous(void **state)
{
	struct uiommu_pgtable_leaf leaf;

	region_make(0, IOVA, 100, RW)->type = UIOMMU_BACKING_ANON;
	paging_of(0)->around_pages = 4;
	assert_int_equal(one(0, IOVA + 5 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + 5 * PAGE, &leaf), 0x7000);
	assert_int_equal(leaf.prot & UIOMMU_PROT_WRITE, 0);
	assert_int_equal(leads_to(0, IOVA + 7 * PAGE, NULL), 0x7000);
	assert_int_equal(leads_to(0, IOVA + 8 * PAGE, NULL), UIOMMU_PA_NONE);
	assert_int_equal(paging_of(0)->resident, 0);
	assert_int_equal(nb_told, 0);
	/* written: what units hold of the zeroes is taken back before the answer */
	assert_int_equal(one(0, IOVA + 5 * PAGE, W), UIOMMU_CODE_SUCCESS);
	assert_non_null(frame_of(IOVA + 5 * PAGE));
	assert_int_equal(nb_told, 1);
	assert_false(told_absent);
	assert_int_equal(told.nb_ranges, 1);
	assert_int_equal(told.ranges[0].iova, IOVA + 5 * PAGE);
	assert_int_equal(told.ranges[0].len, PAGE);
	assert_int_equal(leads_to(0, IOVA + 6 * PAGE, NULL), 0x7000);
	/* never looked at before: nothing to take back */
	assert_int_equal(one(0, IOVA + 50 * PAGE, W), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_told, 1);
	assert_int_equal(counts_of(0)->zeroed_pages, 2);
	assert_int_equal(paging_of(0)->resident, 2);
	/* reads around it leave it alone */
	assert_int_equal(one(0, IOVA + 49 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_non_null(frame_of(IOVA + 50 * PAGE));
}

static void
copies(void **state)
{
	unsigned char *memory = aligned_alloc(PAGE, 8 * PAGE);
	struct uiommu_region *region;
	unsigned char *frame;

	memset(memory, 0x5a, 8 * PAGE);
	region = region_linear(0, IOVA, 8, RW, PA);
	region->cow = true;
	region->va = memory;
	assert_int_equal(one(0, IOVA + 2 * PAGE, R), UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA + 2 * PAGE, NULL), PA + 2 * PAGE);
	memory[2 * PAGE + 100] = 1;
	assert_int_equal(one(0, IOVA + 2 * PAGE, W), UIOMMU_CODE_SUCCESS);
	frame = frame_of(IOVA + 2 * PAGE);
	assert_non_null(frame);
	assert_memory_equal(frame, memory + 2 * PAGE, PAGE);
	assert_int_equal(frame[100], 1);
	assert_int_equal(counts_of(0)->copied_pages, 1);
	assert_int_equal(nb_told, 1);
	/* again: it is there */
	assert_int_equal(one(0, IOVA + 2 * PAGE, W), UIOMMU_CODE_SUCCESS);
	assert_int_equal(counts_of(0)->copied_pages, 1);
	free(memory);
}

/* Reads and writes of one page and its neighbours, in one burst. */
static void
mixed_burst(void **state)
{
	const struct ask asks[] = {
		{0, 0, IOVA + PAGE, R, 0}, {0, 1, IOVA, R, 0},	  {0, 2, IOVA + PAGE, W, 0},
		{0, 3, IOVA + PAGE, R, 0}, {0, 4, IOVA + 2 * PAGE, W, 0},
	};
	unsigned int i;

	region_make(0, IOVA, 100, RW)->type = UIOMMU_BACKING_ANON;
	burst(asks, ARRAY_COUNT(asks));
	for (i = 0; i < ARRAY_COUNT(asks); i++)
		assert_int_equal(codes[i], UIOMMU_CODE_SUCCESS);
	assert_int_equal(leads_to(0, IOVA, NULL), 0x7000);
	assert_non_null(frame_of(IOVA + PAGE));
	assert_non_null(frame_of(IOVA + 2 * PAGE));
	assert_int_equal(counts_of(0)->zeroed_pages, 2);
}

/* No SUCCESS for a page of which an old translation may be in use. */
static void
invalidation_owed(void **state)
{
	region_make(0, IOVA, 100, RW)->type = UIOMMU_BACKING_ANON;
	assert_int_equal(one(0, IOVA, R), UIOMMU_CODE_SUCCESS);
	no_room = true;
	assert_int_equal(one(0, IOVA, W), UIOMMU_CODE_RETRY);
	assert_int_equal(one(0, IOVA, W), UIOMMU_CODE_RETRY);
	assert_int_equal(one(0, IOVA + 9 * PAGE, R), UIOMMU_CODE_RETRY);
	no_room = false;
	assert_int_equal(one(0, IOVA, W), UIOMMU_CODE_SUCCESS);
	assert_int_equal(nb_told, 1);
	assert_int_equal(told.ranges[0].iova, IOVA);
	assert_int_equal(counts_of(0)->zeroed_pages, 1);
	assert_int_equal(one(0, IOVA + 9 * PAGE, R), UIOMMU_CODE_SUCCESS);
}

static void
frames_run_out(void **state)
{
	struct uiommu_pgpool_info info;
	unsigned int i;

	region_make(0, IOVA, 2000, RW)->type = UIOMMU_BACKING_ANON;
	uiommu_pgpool_info_get(unit.frame_pool, &info);
	for (i = 0; i < info.nb_pages; i++)
		assert_int_equal(one(0, IOVA + i * PAGE, W), UIOMMU_CODE_SUCCESS);
	assert_int_equal(one(0, IOVA + i * PAGE, W), UIOMMU_CODE_RETRY);
	assert_int_equal(counts_of(0)->no_frame, 1);
	assert_int_equal(paging_of(0)->resident, info.nb_pages);
	/* reads need none */
	assert_int_equal(one(0, IOVA + i * PAGE, R), UIOMMU_CODE_SUCCESS);
	/* one more than its share */
	region_make(1, IOVA, 10, RW)->type = UIOMMU_BACKING_ANON;
	paging_of(1)->budget = 1;
	uiommu_pgpool_put(unit.frame_pool, leads_to(0, IOVA, NULL));
	uiommu_pgpool_put(unit.frame_pool, leads_to(0, IOVA + PAGE, NULL));
	assert_int_equal(one(1, IOVA, W), UIOMMU_CODE_SUCCESS);
	assert_int_equal(one(1, IOVA + PAGE, W), UIOMMU_CODE_RETRY);
	assert_int_equal(paging_of(1)->resident, 1);
	uiommu_pgpool_info_get(unit.frame_pool, &info);
	assert_int_equal(info.nb_used, info.nb_pages - 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_make, rig_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(supplied_once), CASE(budget_kept),	      CASE(page_missing),
		CASE(supply_short),  CASE(crooked_page),      CASE(large_pages),
		CASE(supplied_busy), CASE(anonymous),	      CASE(copies),
		CASE(mixed_burst),   CASE(invalidation_owed), CASE(frames_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
