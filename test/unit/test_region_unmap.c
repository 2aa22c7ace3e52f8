/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Ranges that are unmapped: lib/iommu/region_unmap.c, evict_batch.c. */

#include "region_rig.h"

#define IOVA UINT64_C(0x40000000)

/* A region with memory that is not ours to look at. */
static struct uiommu_region *
private_add(uint64_t iova, uint64_t len, bool cow)
{
	static _Alignas(4096) uint8_t memory[4096 * 4];
	const struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = cow ? UIOMMU_BACKING_MEMORY : UIOMMU_BACKING_ANON,
		.va = cow ? memory : NULL,
		.flags = cow ? UIOMMU_REGION_COW : 0,
	};
	struct uiommu_region *region = uiommu_region_add(&domain, iova, len, &backing, RW);

	assert_non_null(region);
	return region;
}

/* A page of the unit comes to an address. */
static void
frame_bring(uint64_t iova)
{
	uint64_t pa;

	assert_non_null(uiommu_pgpool_get(unit.frame_pool, &pa));
	map(iova, pa, PAGE, RW);
	assert_true(uiommu_pvt_resident_take(paging, 1));
}

/* --------------------------------------------------------------------------- ranges */

static void
pages_are_given_back_once(void **state)
{
	struct store *store = store_add(0, IOVA, 64, 12);
	unsigned int i;

	store_bring(store, 0, 64);
	store_use(store, 10, true);
	store_use(store, 11, false);
	assert_int_equal(unmap(IOVA + 8 * PAGE, 16 * PAGE), 16 * PAGE);
	for (i = 0; i < 64; i++)
		assert_int_equal(is_there(store, i), i < 8 || i >= 24);
	assert_int_equal(store->nb_puts, 16);
	assert_int_equal(store->nb_dirty, 1);
	assert_int_equal(store->nb_put_calls, 1);
	assert_int_equal(paging->resident, 48);
	assert_int_equal(nb_flushes, 1);
	/* by hand, not by the clock */
	assert_int_equal(paging->ctl.evicted_pages, 0);
	assert_int_equal(unmap(IOVA + 8 * PAGE, 16 * PAGE), 0);
	assert_int_equal(store->nb_puts, 16);
	/* and they come again */
	store_bring(store, 8, 16);
}

static void
range_over_everything(void **state)
{
	struct store *store = store_add(0, IOVA, 600, 12);
	struct store *other = store_add(1, IOVA + (UINT64_C(1) << 38), 1, 12);
	const uint64_t hand = IOVA - LARGE, gap = IOVA + 3 * LARGE;

	private_add(IOVA + 2 * LARGE, LARGE, false);
	map(hand, UINT64_C(0x7700000000), LARGE, RW);
	map(gap, UINT64_C(0x7800000000), 3 * PAGE, R);
	store_bring(store, 0, 600);
	store_bring(other, 0, 1);
	frame_bring(IOVA + 2 * LARGE + 7 * PAGE);
	assert_true(access_page(hand + PAGE, true) != UIOMMU_PA_NONE);
	assert_true(access_page(gap, false) != UIOMMU_PA_NONE);
	assert_true(access_page(IOVA + 2 * LARGE + 7 * PAGE, true) != UIOMMU_PA_NONE);
	store_use(store, 599, true);
	assert_int_equal(unmap(0, UINT64_C(1) << 40), LARGE + 605 * PAGE);
	assert_int_equal(nb_cached, 0);
	assert_int_equal(store->nb_puts, 600);
	assert_int_equal(other->nb_puts, 1);
	assert_int_equal(pool_used(unit.frame_pool), 0);
	assert_int_equal(paging->resident, 0);
	assert_false(leads(hand) || leads(gap) || leads(IOVA));
	/* nothing is left of tables but what the root leads to */
	assert_true(uiommu_pgtable_pages(paging->pt) <= 3);
}

/* More leaves than a batch has room for. */
static void
several_batches(void **state)
{
	struct store *store = store_add(0, IOVA, 5000, 12);

	store_bring(store, 0, 5000);
	assert_int_equal(unmap(IOVA + PAGE, 4998 * PAGE), 4998 * PAGE);
	assert_int_equal(store->nb_puts, 4998);
	assert_true(is_there(store, 0) && is_there(store, 4999));
	assert_true(store->nb_put_calls >= 5 && store->nb_put_calls <= 10);
}

/* A page of the application is not cut in two. */
static void
large_pages(void **state)
{
	struct store *store = store_add(0, IOVA, 4, 21);

	store_bring(store, 0, 4);
	assert_int_equal(unmap(IOVA + LARGE + 5 * PAGE, PAGE), LARGE);
	assert_false(is_there(store, 1));
	assert_true(is_there(store, 0) && is_there(store, 2));
	assert_int_equal(unmap(IOVA + 3 * LARGE - PAGE, 2 * PAGE), 2 * LARGE);
	assert_int_equal(store->nb_puts, 3);
	assert_int_equal(paging->resident, 512);
	store_bring(store, 0, 4);
}

static void
giant_pages(void **state)
{
	struct store *store = store_add(0, UINT64_C(1) << 39, 4, 30);

	store_bring(store, 1, 3);
	assert_int_equal(unmap((UINT64_C(1) << 39) + (UINT64_C(3) << 30) - PAGE, PAGE),
			 UINT64_C(1) << 30);
	assert_int_equal(store->nb_puts, 1);
	assert_int_equal(unmap((UINT64_C(1) << 39) + PAGE, UINT64_C(3) << 30), UINT64_C(2) << 30);
	assert_int_equal(store->nb_puts, 3);
}

/* Nor by the end of a batch, in however many leaves it is. */
static void
split_page_between_batches(void **state)
{
	const uint64_t giant = UINT64_C(1) << 39;
	struct store *small = store_add(0, giant - LARGE, 512, 12);
	struct store *store = store_add(1, giant, 1, 30);
	struct uiommu_pgtable_gather gather;

	store_bring(small, 0, 512);
	store_bring(store, 0, 1);
	uiommu_pgtable_gather_init(&gather);
	assert_int_equal(uiommu_pgtable_protect(paging->pt, giant + 3 * LARGE + PAGE, PAGE, R,
						&gather), 0);
	assert_true(access_page(giant + 99 * LARGE, true) != UIOMMU_PA_NONE);
	store->held[0]++;
	assert_int_equal(unmap(giant - LARGE, 2 * LARGE), LARGE + (UINT64_C(1) << 30));
	assert_int_equal(store->nb_puts, 1);
	assert_int_equal(store->nb_dirty, 1);
	assert_int_equal(small->nb_puts, 512);
	store_bring(store, 0, 1);
}

/* Up to the end of all addresses. */
static void
at_the_end(void **state)
{
	struct store *store = store_add(0, -(UINT64_C(17) * PAGE), 16, 12);
	uint32_t gone;

	store_bring(store, 0, 16);
	assert_ptr_equal(uiommu_pvt_region_find(paging->regions, UINT64_MAX - PAGE), store->region);
	assert_null(uiommu_pvt_region_find(paging->regions, UINT64_MAX));
	assert_int_equal(uiommu_domain_evict(&domain, 4, &gone), 0);
	assert_int_equal(gone, 4);
	assert_int_equal(uiommu_domain_evict(&domain, 14, &gone), 0);
	assert_int_equal(gone, 12);
	store_bring(store, 0, 16);
	assert_int_equal(unmap(-(UINT64_C(32) * PAGE), 32 * PAGE), 16 * PAGE);
	store_bring(store, 0, 16);
	assert_int_equal(uiommu_region_remove(store->region), 0);
	store->region = NULL;
}

/* -------------------------------------------------------------------- private pages */

/* Pages of the unit go back to it, and nothing else does. */
static void
frames_and_views(void **state)
{
	struct uiommu_region *cow = private_add(IOVA, 4 * PAGE, true);
	const uint64_t zeroes = UINT64_C(0x123456000);
	unsigned int i;

	private_add(IOVA + LARGE, 4 * PAGE, false);
	for (i = 0; i < 4; i++) {
		map(IOVA + i * PAGE, (uintptr_t)cow->va + i * PAGE, PAGE, R);
		map(IOVA + LARGE + i * PAGE, zeroes, PAGE, R);
	}
	for (i = 0; i < 4; i += 2) {
		struct uiommu_pgtable_gather gather;

		uiommu_pgtable_gather_init(&gather);
		assert_int_equal(uiommu_pgtable_unmap(paging->pt, IOVA + i * PAGE, PAGE, 0, &gather,
						      NULL, NULL, NULL), 0);
		uiommu_pgtable_gather_free(paging->pt, &gather);
		frame_bring(IOVA + i * PAGE);
	}
	nb_unlocks = 0;
	assert_int_equal(unmap(IOVA, 3 * PAGE), 3 * PAGE);
	assert_int_equal(pool_used(unit.frame_pool), 0);
	assert_int_equal(paging->resident, 0);
	/* no application is called: the lock is kept, but for the caller's own */
	assert_int_equal(nb_unlocks, 1);
	assert_true(leads(IOVA + 3 * PAGE));
	frame_bring(IOVA);
	assert_int_equal(unmap(IOVA, 2 * LARGE), 6 * PAGE);
	assert_int_equal(pool_used(unit.frame_pool), 0);
}

/* A large view loses a part: the rest stays. */
static void
large_view(void **state)
{
	struct uiommu_region *region = private_add(IOVA, 4 * LARGE, false);
	uint64_t mapped = 4 * LARGE;

	map(IOVA, UINT64_C(0x6000000000), 4 * LARGE, R);
	assert_int_equal(unmap(IOVA + PAGE, PAGE), PAGE);
	assert_true(leads(IOVA) && !leads(IOVA + PAGE) && leads(IOVA + 2 * PAGE));
	mapped -= PAGE;
	assert_int_equal(unmap(IOVA + LARGE, LARGE), LARGE);
	mapped -= LARGE;
	assert_int_equal(unmap(IOVA, region->len), mapped);
	assert_false(leads(IOVA + 3 * LARGE));
}

/* ------------------------------------------------------------------ faults meanwhile */

static void
fault_ends(void)
{
	struct uiommu_backing_page page = {.offset = 3 * PAGE};

	/* the one that was under way brings its page, another one begins */
	if (stores[0].supplied[3])
		return;
	store_get(&stores[0], &page, 1);
	assert_true(uiommu_pvt_resident_take(paging, 1));
	uiommu_pgtable_commit(paging->pt, IOVA + 3 * PAGE, 12, 1, &page.pa, RW);
	assert_int_equal(uiommu_pgtable_reserve(paging->pt, IOVA + 5 * PAGE, 12, 1), 1);
}

/* A page that was on its way in when the call began is gone when it ends. */
static void
faults_under_way(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);
	const uint64_t none = UIOMMU_PA_NONE;

	store_bring(store, 0, 2);
	assert_int_equal(uiommu_pgtable_reserve(paging->pt, IOVA + 3 * PAGE, 12, 1), 1);
	grace_hook = fault_ends;
	/* the first pass has something to give back, so its own grace period ends the fault */
	assert_int_equal(unmap(IOVA, 16 * PAGE), 3 * PAGE);
	assert_int_equal(store->nb_puts, 3);
	/* again, with nothing else there */
	uiommu_pgtable_commit(paging->pt, IOVA + 5 * PAGE, 12, 1, &none, 0);
	assert_int_equal(uiommu_pgtable_reserve(paging->pt, IOVA + 3 * PAGE, 12, 1), 1);
	assert_int_equal(unmap(IOVA, 16 * PAGE), PAGE);
	assert_int_equal(store->nb_puts, 4);
	/* what began later is left alone */
	assert_int_equal(uiommu_pgtable_reserve(paging->pt, IOVA + 5 * PAGE, 12, 1), -EAGAIN);
	grace_hook = NULL;
	uiommu_pgtable_commit(paging->pt, IOVA + 5 * PAGE, 12, 1, &none, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		CASE(pages_are_given_back_once),
		CASE(range_over_everything),
		CASE(several_batches),
		CASE(large_pages),
		CASE(giant_pages),
		CASE(split_page_between_batches),
		CASE(at_the_end),
		CASE(frames_and_views),
		CASE(large_view),
		CASE(faults_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
