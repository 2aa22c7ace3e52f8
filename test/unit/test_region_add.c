/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What can be a region, and where it lies: lib/iommu/region.c, backing.c. */

#include "region_rig.h"

#define IOVA UINT64_C(0x40000000)
#define MEMORY_PAGES 64

static uint8_t *memory; /* aligned to 2 MiB */

static int
memory_setup(void **state)
{
	memory = aligned_alloc(2 * LARGE, 2 * LARGE);
	assert_non_null(memory);
	return rig_setup(state);
}

static int
memory_teardown(void **state)
{
	int ret = rig_teardown(state);

	free(memory);
	return ret;
}

static struct uiommu_backing
of_memory(void)
{
	return (struct uiommu_backing){
		.size = sizeof(struct uiommu_backing), .type = UIOMMU_BACKING_MEMORY, .va = memory};
}

static struct uiommu_backing
of_callback(void)
{
	return (struct uiommu_backing){.size = sizeof(struct uiommu_backing),
				       .type = UIOMMU_BACKING_CALLBACK,
				       .ops = &store_ops,
				       .priv = &stores[0]};
}

static struct uiommu_backing
of_nothing(void)
{
	return (struct uiommu_backing){.size = sizeof(struct uiommu_backing),
				       .type = UIOMMU_BACKING_ANON};
}

static const struct uiommu_region *
find(uint64_t iova)
{
	return uiommu_pvt_region_find(paging->regions, iova);
}

/* -------------------------------------------------------------------------- refused */

static void
parameters(void **state)
{
	struct uiommu_backing good = of_nothing(), bad;

	assert_int_equal(add(IOVA + 1, PAGE, &good, RW), EINVAL);
	assert_int_equal(add(IOVA, PAGE + 1, &good, RW), EINVAL);
	assert_int_equal(add(IOVA, 0, &good, RW), EINVAL);
	assert_int_equal(add(IOVA, PAGE, &good, 0), EINVAL);
	assert_int_equal(add(IOVA, PAGE, &good, UIOMMU_PROT_WRITE), EINVAL);
	assert_int_equal(add(IOVA, PAGE, &good, RW | UINT32_C(1) << 8), EINVAL);
	assert_int_equal(add(IOVA, PAGE, NULL, RW), EINVAL);
	/* addresses that the table does not have */
	assert_int_equal(add(UINT64_C(1) << 47, PAGE, &good, RW), EINVAL);
	assert_int_equal(add((UINT64_C(1) << 47) - PAGE, 2 * PAGE, &good, RW), EINVAL);
	assert_int_equal(add(-PAGE, 2 * PAGE, &good, RW), EINVAL);
	assert_int_equal(add(0, -PAGE, &good, RW), EINVAL);
	bad = good, bad.size--;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = good, bad.type = 9;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = good, bad.page_shift = 12;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = good, bad.reserved0 = 1;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = good, bad.reserved[3] = 1;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = good, bad.flags = UIOMMU_REGION_COW << 1;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = good, bad.flags = UIOMMU_REGION_COW;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = good, bad.va = memory;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	assert_ptr_equal(paging->regions, &uiommu_pvt_no_regions);
	assert_int_equal(add(IOVA, PAGE, &good, RW), 0);
}

static void
members_of_other_types(void **state)
{
	struct uiommu_backing bad;

	bad = of_memory(), bad.va = NULL;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_memory(), bad.va = memory + 1;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_memory(), bad.va = memory + PAGE, bad.page_shift = 21;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_memory(), bad.page_shift = 13;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_memory(), bad.fd = 1;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_memory(), bad.ops = &store_ops;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_memory(), bad.va = (void *)(uintptr_t)-PAGE;
	assert_int_equal(add(IOVA, 2 * PAGE, &bad, RW), EINVAL);
	bad = of_callback(), bad.ops = NULL;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_callback();
	bad.ops = &(struct uiommu_backing_ops){.get = store_get};
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad.ops = &(struct uiommu_backing_ops){.put = store_put};
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_callback(), bad.flags = UIOMMU_REGION_COW;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_callback(), bad.offset = PAGE;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_callback(), bad.page_shift = 21;
	assert_int_equal(add(IOVA + PAGE, LARGE, &bad, RW), EINVAL);
	assert_int_equal(add(IOVA, LARGE + PAGE, &bad, RW), EINVAL);
	assert_int_equal(add(IOVA, LARGE, &bad, RW), 0);
	assert_int_equal(find(IOVA)->page_shift, 21);
}

/* What the unit or the platform cannot do. */
static void
not_supported(void **state)
{
	struct uiommu_backing cow = of_memory(), plain = of_memory(), anon = of_nothing();
	struct uiommu_pgpool *frames = unit.frame_pool;
	struct uiommu_region *region;

	cow.flags = UIOMMU_REGION_COW;
	unit.frame_pool = NULL;
	assert_int_equal(add(IOVA, PAGE, &cow, RW), ENOTSUP);
	assert_int_equal(add(IOVA, PAGE, &anon, RW), ENOTSUP);
	unit.frame_pool = frames;
	paging->can_exchange = false;
	assert_int_equal(add(IOVA, PAGE, &cow, RW), ENOTSUP);
	paging->can_exchange = true;
	queue_ops.invalidate = NULL;
	assert_int_equal(add(IOVA, PAGE, &anon, RW), ENOTSUP);
	queue_ops.invalidate = invalidate_now;
	plat_ops.pa_of = NULL;
	assert_int_equal(add(IOVA, PAGE, &plain, RW), ENOTSUP);
	plat_ops.pa_of = pa_identity;
	paging->demand = false;
	assert_int_equal(add(IOVA, PAGE, &plain, RW), ENOTSUP);
	paging->demand = true;
	in_handler = true;
	assert_int_equal(add(IOVA, PAGE, &plain, RW), EDEADLK);
	in_handler = false;
	unit.state = UIOMMU_DEV_FAILED;
	assert_int_equal(add(IOVA, PAGE, &plain, RW), EIO);
	unit.state = UIOMMU_DEV_STARTED;
	region = uiommu_region_add(NULL, IOVA, PAGE, &plain, RW);
	assert_null(region);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(add(IOVA, PAGE, &plain, RW), 0);
}

/* ---------------------------------------------------------------------------- the array */

static void
regions_do_not_overlap(void **state)
{
	struct uiommu_backing anon = of_nothing();

	assert_int_equal(add(IOVA, 16 * PAGE, &anon, RW), 0);
	assert_int_equal(add(IOVA, 16 * PAGE, &anon, RW), EEXIST);
	assert_int_equal(add(IOVA + 15 * PAGE, PAGE, &anon, RW), EEXIST);
	assert_int_equal(add(IOVA - PAGE, 2 * PAGE, &anon, RW), EEXIST);
	assert_int_equal(add(IOVA - PAGE, 32 * PAGE, &anon, RW), EEXIST);
	assert_int_equal(add(IOVA + 16 * PAGE, PAGE, &anon, RW), 0);
	assert_int_equal(add(IOVA - PAGE, PAGE, &anon, RW), 0);
	/* nor is there something that was mapped by hand */
	assert_int_equal(uiommu_pgtable_map(paging->pt, IOVA + LARGE, IOVA, PAGE, R, NULL), 0);
	assert_int_equal(add(IOVA + LARGE - PAGE, 4 * PAGE, &anon, RW), EEXIST);
	assert_int_equal(add(IOVA + LARGE + PAGE, 4 * PAGE, &anon, RW), 0);
	assert_int_equal(paging->regions->nb, 4);
}

#define MANY 40

static void
each_address_has_its_region(void **state)
{
	struct uiommu_region *region[MANY];
	struct uiommu_backing anon = of_nothing();
	unsigned int i, j;

	/* in any order, with a page between two */
	for (i = 0; i < MANY; i++) {
		j = i * 7 % MANY;
		region[j] = uiommu_region_add(&domain, IOVA + j * 4 * PAGE, 3 * PAGE, &anon, RW);
		assert_non_null(region[j]);
	}
	for (j = 0; j < MANY; j++) {
		assert_ptr_equal(find(IOVA + j * 4 * PAGE), region[j]);
		assert_ptr_equal(find(IOVA + j * 4 * PAGE + 3 * PAGE - 1), region[j]);
		assert_null(find(IOVA + j * 4 * PAGE + 3 * PAGE));
	}
	assert_null(find(IOVA - 1));
	for (i = 0; i < MANY; i += 2)
		assert_int_equal(uiommu_region_remove(region[i]), 0);
	for (j = 0; j < MANY; j++)
		assert_ptr_equal(find(IOVA + j * 4 * PAGE), j % 2 == 0 ? NULL : region[j]);
}

static const struct uiommu_region_table *seen;

static void
old_one_is_there(void)
{
	/* freed memory would be found by the sanitizer */
	assert_int_equal(seen->nb, 1);
	assert_int_equal(paging->regions->nb, 2);
}

/* Faults may still be looking at the old array. */
static void
readers_pass_before_it_is_freed(void **state)
{
	struct uiommu_backing anon = of_nothing();

	assert_int_equal(add(IOVA, PAGE, &anon, RW), 0);
	seen = paging->regions;
	grace_hook = old_one_is_there;
	nb_graces = 0;
	assert_int_equal(add(IOVA + LARGE, PAGE, &anon, RW), 0);
	assert_int_equal(nb_graces, 1);
	/* they do not pass: it is not freed before the domain goes */
	grace_hook = NULL;
	seen = paging->regions;
	grace_result = -ETIMEDOUT;
	assert_int_equal(add(IOVA + 2 * LARGE, PAGE, &anon, RW), 0);
	assert_int_equal(seen->nb, 2);
	assert_ptr_equal(paging->old_tables, seen);
	assert_non_null(find(IOVA + 2 * LARGE));
}

/* Each allocation fails once: an error, and nothing is left of it. */
static void
no_memory(void **state)
{
	struct uiommu_backing scattered = of_memory();
	unsigned int before = nb_blocks, n;
	int ret = ENOMEM;

	for (n = 0; ret != 0; n++) {
		assert_true(n < 10);
		nb_allowed = n;
		ret = add(IOVA, PAGE, &scattered, RW);
		assert_true(ret == 0 || ret == ENOMEM);
		if (ret != 0)
			assert_int_equal(nb_blocks, before);
	}
	nb_allowed = UINT32_MAX;
	/* region, addresses, array */
	assert_int_equal(n, 4);
}

/* --------------------------------------------------------------------- where memory lies */

static void
memory_that_lies_together(void **state)
{
	struct uiommu_backing backing = of_memory();
	const struct uiommu_region *region;

	pa_delta = UINT64_C(0x100000000000);
	assert_int_equal(add(IOVA, MEMORY_PAGES * PAGE, &backing, RW), 0);
	region = find(IOVA);
	assert_true(region->linear);
	assert_int_equal(region->page_shift, 12);
	assert_true(uiommu_pvt_region_pa(region, 0) == (uintptr_t)memory + pa_delta);
	assert_true(uiommu_pvt_region_pa(region, 63 * PAGE + 5) ==
		    (uintptr_t)memory + pa_delta + 63 * PAGE + 5);
	assert_ptr_equal(region->va, memory);
	assert_false(uiommu_pvt_region_returns(region));
}

/* Pages in reverse; each one asked for by itself. */
static int
pa_reverse(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	const uint64_t page = (uint64_t)((const uint8_t *)va - memory) / PAGE;

	assert_int_equal(len, PAGE);
	*pa = (UINT64_C(1) << 40) + (1000 - page) * PAGE;
	return page == 99 ? -EFAULT : 0;
}

static void
memory_that_does_not(void **state)
{
	struct uiommu_backing backing = of_memory();
	const struct uiommu_region *region;
	unsigned int i;

	plat_ops.pa_of = pa_reverse;
	assert_int_equal(add(IOVA, MEMORY_PAGES * PAGE, &backing, RW), 0);
	region = find(IOVA);
	assert_false(region->linear);
	for (i = 0; i < MEMORY_PAGES; i++)
		assert_true(uiommu_pvt_region_pa(region, i * PAGE + 7) ==
			    (UINT64_C(1) << 40) + (1000 - i) * PAGE + 7);
	/* a page that is not there, behind others that are */
	assert_int_equal(add(IOVA + LARGE, 100 * PAGE, &backing, RW), EFAULT);
	backing.va = memory + 99 * PAGE;
	assert_int_equal(add(IOVA + LARGE, 1 * PAGE, &backing, RW), EFAULT);
}

static int
pa_crooked(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	*pa = 512;
	return 0;
}

static void
memory_that_is_not_there(void **state)
{
	struct uiommu_backing backing = of_memory();
	uint8_t *va = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(va != MAP_FAILED);
	assert_int_equal(munmap(va + 2 * PAGE, PAGE), 0);
	backing.va = va;
	assert_int_equal(add(IOVA, 2 * PAGE, &backing, R), 0);
	assert_int_equal(add(IOVA + LARGE, 4 * PAGE, &backing, R), EFAULT);
	plat_ops.pa_of = pa_crooked;
	assert_int_equal(add(IOVA + LARGE, PAGE, &backing, R), EFAULT);
	munmap(va, 4 * PAGE);
}

/* Pages of 2 MiB; of the last one the region has a half. */
static int
pa_large(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	const bool first = va == memory;

	assert_int_equal(len, first ? LARGE : LARGE / 2);
	assert_int_equal((uintptr_t)va % LARGE, 0);
	*pa = first ? 6 * LARGE : 2 * LARGE;
	return 0;
}

static void
hugepages_of_dpdk(void **state)
{
	struct uiommu_backing backing = of_memory();
	const struct uiommu_region *region;

	dpdk_va = memory;
	dpdk_len = LARGE;
	dpdk_seg[0] = (struct rte_memseg){.addr = memory, .len = LARGE, .hugepage_sz = LARGE};
	dpdk_seg[1] = (struct rte_memseg){
		.addr = memory + LARGE, .len = LARGE, .hugepage_sz = LARGE};
	plat_ops.pa_of = pa_large;
	assert_int_equal(add(IOVA + PAGE, LARGE + LARGE / 2, &backing, RW), 0);
	region = find(IOVA + PAGE);
	assert_int_equal(region->page_shift, 21);
	assert_false(region->linear);
	assert_true(uiommu_pvt_region_pa(region, LARGE - 1) == 7 * LARGE - 1);
	assert_true(uiommu_pvt_region_pa(region, LARGE + PAGE) == 2 * LARGE + PAGE);
	/* it does not begin with a page, or not all of it is DPDK's: smaller pages */
	plat_ops.pa_of = pa_identity;
	backing.va = memory + PAGE;
	assert_int_equal(add(2 * IOVA, LARGE, &backing, RW), 0);
	assert_int_equal(find(2 * IOVA)->page_shift, 12);
	backing.va = memory;
	dpdk_seg[1].len = 0;
	assert_int_equal(add(3 * IOVA, 2 * LARGE, &backing, RW), 0);
	assert_int_equal(find(3 * IOVA)->page_shift, 12);
	/* as the caller says */
	backing.page_shift = 21;
	assert_int_equal(add(4 * IOVA, 2 * LARGE, &backing, RW), 0);
	assert_int_equal(find(4 * IOVA)->page_shift, 21);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, memory_setup, memory_teardown)
		CASE(parameters),
		CASE(members_of_other_types),
		CASE(not_supported),
		CASE(regions_do_not_overlap),
		CASE(each_address_has_its_region),
		CASE(readers_pass_before_it_is_freed),
		CASE(no_memory),
		CASE(memory_that_lies_together),
		CASE(memory_that_does_not),
		CASE(memory_that_is_not_there),
		CASE(hugepages_of_dpdk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
