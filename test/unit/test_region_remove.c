/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Regions that are removed, and domains that go: lib/iommu/region.c, region_unmap.c. */

#include "region_rig.h"

#define IOVA UINT64_C(0x40000000)

static struct uiommu_region *
private_add(uint64_t iova, uint64_t len)
{
	const struct uiommu_backing backing = {
		.size = sizeof(backing), .type = UIOMMU_BACKING_ANON};
	struct uiommu_region *region = uiommu_region_add(&domain, iova, len, &backing, RW);

	assert_non_null(region);
	return region;
}

/* No region can be added there. */
static bool
nothing_may_be_at(uint64_t iova)
{
	const struct uiommu_backing backing = {
		.size = sizeof(backing), .type = UIOMMU_BACKING_ANON};

	return uiommu_region_add(&domain, iova, PAGE, &backing, RW) == NULL && rte_errno == EEXIST;
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

/* ------------------------------------------------------------------------- remove */

static struct uiommu_region *watched;

/* Before a page goes, faults have stopped to find the region. */
static void
look_for_region(struct store *store)
{
	assert_null(uiommu_pvt_region_find(paging->regions, watched->iova));
	assert_true(nb_graces >= 2);
	assert_int_equal(paging->evicting, 1);
	/* nothing new comes in its place yet */
	assert_true(nothing_may_be_at(watched->iova));
}

static void
region_goes(void **state)
{
	struct store *first = store_add(0, IOVA, 64, 12);
	struct store *second = store_add(1, IOVA + 64 * PAGE, 64, 12);

	store_bring(first, 0, 64);
	store_bring(second, 0, 64);
	store_use(first, 63, true);
	nb_graces = 0;
	watched = first->region;
	first->hook = look_for_region;
	assert_int_equal(uiommu_region_remove(first->region), 0);
	first->region = NULL;
	assert_int_equal(first->nb_puts, 64);
	assert_int_equal(first->nb_dirty, 1);
	assert_int_equal(second->nb_puts, 0);
	assert_null(paging->leaving);
	assert_int_equal(paging->resident, 64);
	first = store_add(0, IOVA, 64, 12);
	store_bring(first, 0, 64);
	assert_int_equal(uiommu_region_remove(NULL), -EINVAL);
	in_handler = true;
	assert_int_equal(uiommu_region_remove(first->region), -EDEADLK);
	in_handler = false;
	unit.state = UIOMMU_DEV_FAILED;
	assert_int_equal(uiommu_region_remove(first->region), -EIO);
	unit.state = UIOMMU_DEV_STARTED;
}

/* What is not given back is unmapped, too. */
static void
memory_goes(void **state)
{
	static _Alignas(4096) uint8_t memory[16 * 4096];
	const struct uiommu_backing backing = {
		.size = sizeof(backing), .type = UIOMMU_BACKING_MEMORY, .va = memory};
	struct uiommu_region *region = uiommu_region_add(&domain, IOVA, 16 * PAGE, &backing, RW);

	assert_non_null(region);
	map(IOVA, (uintptr_t)memory, 16 * PAGE, RW);
	map(IOVA + 16 * PAGE, UINT64_C(0x7700000000), PAGE, RW);
	assert_true(access_page(IOVA, true) == (uintptr_t)memory);
	assert_int_equal(uiommu_region_remove(region), 0);
	assert_int_equal(nb_cached, 0);
	assert_false(leads(IOVA) || leads(IOVA + 15 * PAGE));
	assert_true(leads(IOVA + 16 * PAGE));
}

static void
user_leaves(void)
{
	assert_null(uiommu_pvt_region_find(paging->regions, IOVA));
	assert_int_equal(stores[0].nb_puts, 0);
	assert_int_equal(paging->evicting, 1);
	if (nb_turns == 3)
		stores[0].region->users--;
}

/* Another thread is giving pages of it back: not before it is through. */
static void
users_are_waited_for(void **state)
{
	struct store *store = store_add(0, IOVA, 4, 12);

	store_bring(store, 0, 4);
	store->region->users = 1;
	turn_hook = user_leaves;
	assert_int_equal(uiommu_region_remove(store->region), 0);
	store->region = NULL;
	assert_int_equal(nb_turns, 3);
	assert_int_equal(store->nb_puts, 4);
}

static void
remover_is_through(void)
{
	if (nb_turns == 2) {
		paging->leaving = NULL;
		watched->leaving = false;
	}
}

/* Somebody is removing a region: its part of a range is his, and has gone when the call ends. */
static void
remover_is_waited_for(void **state)
{
	struct store *store = store_add(0, IOVA, 4, 12);
	const struct uiommu_region_table *table = paging->regions;

	watched = store->region;
	store_bring(store, 0, 4);
	map(IOVA + LARGE, UINT64_C(0x7700000000), PAGE, RW);
	paging->regions = &uiommu_pvt_no_regions;
	paging->leaving = watched;
	watched->leaving = true;
	turn_hook = remover_is_through;
	assert_int_equal(unmap(IOVA - LARGE, LARGE), 0);
	assert_int_equal(nb_turns, 0);
	/* he left the pages there, in this test: they are not his any more, nor given back */
	assert_int_equal(unmap(IOVA - LARGE, 4 * LARGE), 5 * PAGE);
	assert_int_equal(nb_turns, 2);
	assert_int_equal(store->nb_puts, 0);
	paging->regions = table;
	memset(store->supplied, 0, sizeof(store->supplied));
	store->nb_supplied = 0;
	/* the unit fails meanwhile: nobody waits */
	paging->leaving = watched;
	paging->regions = &uiommu_pvt_no_regions;
	unit.state = UIOMMU_DEV_FAILED;
	lock_is_held = true;
	assert_int_equal(uiommu_pvt_regions_unmap(&domain, IOVA, PAGE, &(uint64_t){0}), -EIO);
	lock_is_held = false;
	paging->leaving = NULL;
	paging->regions = table;
}

/* --------------------------------------------------------------------------- errors */

static void
unit_fails(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);

	store_bring(store, 0, 16);
	flush_result = -EIO;
	assert_int_equal(uiommu_region_remove(store->region), -EIO);
	assert_int_equal(store->nb_puts, 0);
	assert_int_equal(paging->resident, 16);
	/* faults find it no more, nothing else may take its place */
	assert_null(uiommu_pvt_region_find(paging->regions, IOVA));
	assert_true(nothing_may_be_at(IOVA + PAGE));
	assert_int_equal(uiommu_region_remove(store->region), -EIO);
	/* it works again */
	flush_result = 0;
	assert_int_equal(uiommu_region_remove(store->region), 0);
	store->region = NULL;
	assert_int_equal(store->nb_puts, 16);
	assert_int_equal(paging->resident, 0);
	assert_null(paging->stranded);
}

/* The unit failed while a region was removed; its range is unmapped by hand later. */
static void
stuck_region_is_unmapped(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);

	store_bring(store, 0, 16);
	grace_result = -ETIMEDOUT;
	assert_int_equal(uiommu_region_remove(store->region), -ETIMEDOUT);
	assert_true(is_there(store, 0));
	assert_non_null(paging->old_tables);
	grace_result = 0;
	assert_int_equal(unmap(IOVA, 8 * PAGE), 8 * PAGE);
	assert_int_equal(store->nb_puts, 8);
	/* nothing is mapped there, and yet it is taken */
	assert_true(nothing_may_be_at(IOVA));
}

/* No memory for a batch: nothing has happened, or the rest can be done later. */
static void
no_memory(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);
	uint64_t bytes = 0;

	store_bring(store, 0, 16);
	nb_allowed = 0;
	lock_is_held = true;
	assert_int_equal(uiommu_pvt_regions_unmap(&domain, IOVA, 16 * PAGE, &bytes), -ENOMEM);
	lock_is_held = false;
	assert_int_equal(bytes, 0);
	assert_int_equal(uiommu_region_remove(store->region), -ENOMEM);
	assert_ptr_equal(uiommu_pvt_region_find(paging->regions, IOVA), store->region);
	/* enough for the new array, not for the batch */
	nb_allowed = 1;
	assert_int_equal(uiommu_region_remove(store->region), -ENOMEM);
	assert_null(uiommu_pvt_region_find(paging->regions, IOVA));
	assert_int_equal(store->nb_puts, 0);
	nb_allowed = UINT32_MAX;
	assert_int_equal(uiommu_region_remove(store->region), 0);
	store->region = NULL;
	assert_int_equal(store->nb_puts, 16);
}

/* The domain goes with everything in it: mapped, stranded, of regions that could not leave. */
static void
domain_goes(void **state)
{
	struct store *store = store_add(0, IOVA, 300, 12);
	struct store *stuck = store_add(1, IOVA + 2 * LARGE, 4, 12);
	struct store *large = store_add(2, IOVA + 4 * LARGE, 4, 21);
	struct uiommu_pgtable_gather gather;

	private_add(IOVA + 16 * LARGE, LARGE);
	frame_bring(IOVA + 16 * LARGE);
	store_bring(store, 0, 300);
	store_bring(stuck, 0, 4);
	store_bring(large, 0, 4);
	store_use(store, 7, true);
	store_use(stuck, 1, true);
	store_use(large, 2, true);
	uiommu_pgtable_gather_init(&gather);
	assert_int_equal(uiommu_pgtable_protect(paging->pt, IOVA + 6 * LARGE + PAGE, PAGE, R,
						&gather), 0);
	flush_result = -ETIMEDOUT;
	assert_int_equal(uiommu_region_remove(stuck->region), -ETIMEDOUT);
	assert_int_equal(uiommu_domain_evict(&domain, 50, NULL), -ETIMEDOUT);
	assert_int_equal(rig_teardown(state), 0);
	assert_int_equal(store->nb_puts, 300);
	assert_int_equal(stuck->nb_puts, 4);
	assert_int_equal(large->nb_puts, 4);
	/* few are dirty where the unit did not fail */
	assert_int_equal(large->nb_dirty, 1);
	rig_setup(state);
}

/* ---------------------------------------------------------------------------- history */

#define STEPS 60000

/* Anything at any time. The application's own checks are in its put(). */
static void
random_history(void **state)
{
	uint64_t seed = 1, expected = 0;
	struct store *store;
	unsigned int step, i;
	uint32_t gone;

	store_add(0, IOVA, 700, 12);
	store_add(1, IOVA + 700 * PAGE, 300, 12);
	store_add(2, IOVA + 8 * LARGE, 6, 21);
	for (step = 0; step < STEPS; step++) {
		const uint64_t r = unit_random(&seed);
		uint64_t pages, page, mapped;

		store = &stores[r % 3];
		pages = store->region->len >> store->shift;
		page = (r >> 8) % pages;
		switch (r >> 32 & 31) {
		case 0:
			assert_int_equal(uiommu_domain_evict(&domain, (uint32_t)(r >> 40 & 127),
							     &gone), 0);
			break;
		case 1:
			mapped = unmap(store->region->iova + (page << store->shift),
				       (1 + (r >> 40) % (pages - page)) << store->shift);
			assert_int_equal(mapped % PAGE, 0);
			break;
		case 2:
			if ((r >> 40 & 63) != 0)
				break;
			assert_int_equal(uiommu_region_remove(store->region), 0);
			assert_int_equal(store->nb_supplied, 0);
			store_add((unsigned int)(r % 3),
				  IOVA + (r % 3 == 0 ? 0 : r % 3 == 1 ? 700 * PAGE : 8 * LARGE),
				  pages, store->shift);
			break;
		default:
			store_bring(store, page, 1);
			store_use(store, page, (r >> 40 & 3) == 0);
		}
		expected = 0;
		for (i = 0; i < 3; i++)
			expected += (uint64_t)stores[i].nb_supplied << (stores[i].shift - 12);
		assert_int_equal(paging->resident, expected);
	}
	assert_true(paging->ctl.spared_pages > 100);
	assert_true(paging->ctl.evicted_pages > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		CASE(region_goes),
		CASE(memory_goes),
		CASE(users_are_waited_for),
		CASE(remover_is_waited_for),
		CASE(unit_fails),
		CASE(stuck_region_is_unmapped),
		CASE(no_memory),
		CASE(domain_goes),
		CASE(random_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
