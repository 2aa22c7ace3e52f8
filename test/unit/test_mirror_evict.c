/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Pages that leave a mirrored table: exactly they, and before anybody gets them back (R4). */

#include "region_rig.h"

#define IOVA UINT64_C(0x40000000)
#define W UIOMMU_PROT_WRITE

static int
setup(void **state)
{
	rig_setup(state);
	mirror_make(paging);
	return 0;
}

static int
teardown(void **state)
{
	/* a domain that goes has lost its table in the unit before */
	nb_areas = 0;
	return rig_teardown(state);
}

/* What the resolver does at a fault, in one call. */
static void
bring(struct store *store, uint64_t first, uint32_t nb)
{
	const uint64_t iova = store->region->iova + (first << store->shift);
	const uint64_t pa = frame_of(store, first);

	store_bring(store, first, nb);
	areas[nb_areas++] = (struct area){iova, pa, (uint64_t)nb << store->shift, RW};
}

static uint32_t
evict(uint32_t nb)
{
	uint32_t gone = UINT32_MAX;

	assert_int_equal(uiommu_domain_evict(&domain, nb, &gone), 0);
	assert_false(lock_is_held);
	assert_mirrored();
	return gone;
}

static void
store_checked(struct store *store)
{
	/* in put(): the unit reaches none of them, whatever else it does */
	assert_int_equal(unit_reaches(store->region->iova, R), UIOMMU_PA_NONE);
}

static void
evicted(void **state)
{
	struct store *store = store_add(0, IOVA, 64, 12);

	bring(store, 0, 64);
	store->hook = store_checked;
	assert_int_equal(evict(10), 10);
	assert_int_equal(nb_unmaps, 1);
	assert_int_equal(nb_ranges_unmapped, 1);
	assert_int_equal(store->nb_puts, 10);
	assert_int_equal(store->nb_dirty, 10);
	assert_int_equal(unit_reaches(IOVA + 10 * PAGE, W), frame_of(store, 10));
	assert_int_equal(nb_flushes, 0);
}

/* More ranges than an invalidation would name: what lies between them stays where it is. */
static void
scattered(void **state)
{
	struct store *store = store_add(0, IOVA, 400, 12);
	unsigned int i;

	bring(store, 0, 400);
	for (i = 0; i < 400; i += 2)
		assert_int_equal(unmap(IOVA + i * PAGE, PAGE), PAGE);
	assert_mirrored();
	bring(store, 0, 1);
	assert_int_equal(unmap(IOVA, 300 * PAGE), 151 * PAGE);
	assert_mirrored();
	assert_int_equal(store->nb_supplied, 50);
	assert_int_equal(evict(100), 50);
	assert_int_equal(nb_areas, 0);
}

static void
wide_batch(void **state)
{
	struct store *store = store_add(0, IOVA, 400, 12);
	unsigned int i;

	/* every other one is busy, as somebody brings it: the batch is of 200 ranges */
	for (i = 0; i < 400; i += 2) {
		bring(store, i, 1);
		assert_int_equal(uiommu_pgtable_reserve(paging->pt, IOVA + (i + 1) * PAGE, 12, 1),
				 1);
	}
	for (i = 0; i < 400; i += 2)
		uiommu_pgtable_commit(paging->pt, IOVA + (i + 1) * PAGE, 12, 1, NULL, 0);
	map(IOVA + 400 * PAGE, FRAMES_PA, PAGE, RW);
	areas[nb_areas++] = (struct area){IOVA + 400 * PAGE, FRAMES_PA, PAGE, RW};
	assert_int_equal(unmap(IOVA, 400 * PAGE), 200 * PAGE);
	assert_int_equal(nb_ranges_unmapped, 200);
	assert_int_equal(nb_unmaps, (200 + UIOMMU_MIRROR_RANGES - 1) / UIOMMU_MIRROR_RANGES);
	assert_mirrored();
	assert_int_equal(unmap(IOVA + 400 * PAGE, PAGE), PAGE);
	assert_mirrored();
}

/* Large pages, and those whose leaf was split. */
static void
large_pages(void **state)
{
	struct store *store = store_add(0, IOVA, 8, 21);

	bring(store, 0, 4);
	assert_int_equal(uiommu_pvt_lock(&unit), 0);
	assert_int_equal(uiommu_pvt_mirror_protect(paging, IOVA + PAGE, PAGE, R, false), 0);
	uiommu_pvt_unlock(&unit);
	assert_mirrored();
	assert_int_equal(evict(512), 512);
	assert_int_equal(store->nb_puts, 1);
	assert_int_equal(evict(UINT32_MAX), 3 * 512);
	assert_int_equal(nb_areas, 0);
}

/* The unit may reach them still: they are kept, and go when it works again. */
static void
stranded(void **state)
{
	struct store *store = store_add(0, IOVA, 64, 12);
	uint32_t gone;

	bring(store, 0, 64);
	unmap_error = -EIO;
	unmap_error_nb = 1;
	assert_int_equal(uiommu_domain_evict(&domain, 8, &gone), -EIO);
	assert_int_equal(gone, 0);
	assert_int_equal(store->nb_puts, 0);
	assert_int_equal(nb_failed, 1);
	unit.state = UIOMMU_DEV_STARTED;
	assert_int_equal(evict(8), 8);
	assert_int_equal(store->nb_puts, 16);
	assert_mirrored();
}

/* Pages that somebody must get back are not lost for want of memory, as far as that can be. */
static void
owned_pages(void **state)
{
	struct store *store = store_add(0, IOVA, 64, 12);

	bring(store, 0, 4);
	assert_int_equal(uiommu_pvt_lock(&unit), 0);
	map_error = -ENOMEM;
	map_error_nb = 10;
	assert_int_equal(uiommu_pvt_mirror_protect(paging, IOVA, 4 * PAGE, R, false), -ENOMEM);
	assert_int_equal(nb_failed, 0);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA, W), frame_of(store, 0));
	map_error_nb = UINT32_MAX;
	assert_int_equal(uiommu_pvt_mirror_protect(paging, IOVA, 4 * PAGE, R, false), -ENOMEM);
	uiommu_pvt_unlock(&unit);
	assert_int_equal(nb_failed, 1);
	/* the end of the case sees that each comes back */
	assert_int_equal(nb_areas, 0);
	assert_int_equal(store->nb_supplied, 4);
}

/* Memory stays where it is: it is out of the table when the region is. */
static void
memory_goes(void **state)
{
	uint8_t *memory = aligned_alloc(LARGE, LARGE);
	const struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_MEMORY,
		.va = memory,
	};
	struct uiommu_region *region =
		uiommu_region_add(&domain, IOVA, 64 * PAGE, &backing, RW);
	uint64_t done;

	assert_non_null(region);
	assert_int_equal(uiommu_pvt_mirror_fault(paging, IOVA, (uintptr_t)memory, 64 * PAGE, RW,
						 &done), 0);
	assert_int_equal(unmap(IOVA + 8 * PAGE, 8 * PAGE), 8 * PAGE);
	assert_mirrored();
	assert_int_equal(unit_reaches(IOVA + 7 * PAGE, W), (uintptr_t)memory + 7 * PAGE);
	assert_int_equal(unit_reaches(IOVA + 16 * PAGE, W), (uintptr_t)memory + 16 * PAGE);
	assert_int_equal(uiommu_region_remove(region), 0);
	assert_mirrored();
	assert_int_equal(nb_areas, 0);
	free(memory);
}

/* A copy of a page would have to take its place in one step. */
static void
what_there_can_be(void **state)
{
	static uint8_t memory[2 * 4096];
	struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_MEMORY,
		.flags = UIOMMU_REGION_COW,
		.va = (void *)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095),
	};

	assert_int_equal(add(IOVA, PAGE, &backing, RW), ENOTSUP);
	backing = (struct uiommu_backing){.size = sizeof(backing), .type = UIOMMU_BACKING_ANON};
	queue_ops.invalidate = NULL;
	assert_int_equal(add(IOVA, PAGE, &backing, RW), 0);
	paging->mirror = false;
	assert_int_equal(add(IOVA + PAGE, PAGE, &backing, RW), ENOTSUP);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(evicted),
		CASE(scattered),
		CASE(wide_batch),
		CASE(large_pages),
		CASE(stranded),
		CASE(owned_pages),
		CASE(memory_goes),
		CASE(what_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
