/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Mappings: what the kernel is asked, in order; random histories against an array of pages. */

#include "iommufd_rig_use.h"

#define PAGE UINT64_C(4096)
#define RW (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)
#define STEPS 20000

static struct iommufd_domain *domain;

static void
up(void)
{
	unit_up(ENTRIES, 8, 8);
	domain = domain_new(UIOMMU_DOMAIN_PAGING, 0, NULL);
	/* nobody has polled */
	queue->owner = 0;
	fake.nb_calls = 0;
}

static void
down(void)
{
	iommufd_domain_fini(&dev, domain);
	unit_down();
}

static int
map(uint64_t page, uint64_t nb, uint32_t prot)
{
	return iommufd_table_map(&dev, domain, page * PAGE, (page + 100) * PAGE, nb * PAGE, prot);
}

static int
unmap(uint64_t page, uint64_t nb)
{
	const struct uiommu_pgtable_range range = {.iova = page * PAGE, .len = nb * PAGE};

	return iommufd_table_unmap(&dev, domain, &range, 1);
}

static void
assert_call(uint32_t at, unsigned long request, uint64_t page, uint64_t nb)
{
	assert_true(at < fake.nb_calls);
	assert_int_equal(fake.calls[at].request, request);
	assert_int_equal(fake.calls[at].id, domain->ioas);
	assert_true(fake.calls[at].first == page * PAGE);
	assert_true(fake.calls[at].len == nb * PAGE);
}

/* What was mapped by one call goes by one, and several of those by one. */
static void
whole_areas(void **state)
{
	up();
	assert_int_equal(map(4, 8, RW), 0);
	assert_int_equal(map(12, 4, UIOMMU_PROT_READ), 0);
	assert_int_equal(map(20, 1, RW), 0);
	assert_int_equal(fake.calls[0].flags, IOMMUFD_MAP_FIXED_IOVA | IOMMUFD_MAP_READABLE |
					      IOMMUFD_MAP_WRITEABLE);
	assert_int_equal(fake.calls[1].flags, IOMMUFD_MAP_FIXED_IOVA | IOMMUFD_MAP_READABLE);
	assert_int_equal(unmap(12, 4), 0);
	assert_call(3, IOMMUFD_IOAS_UNMAP, 12, 4);
	assert_int_equal(unmap(0, 64), 0);
	assert_call(4, IOMMUFD_IOAS_UNMAP, 4, 17);
	assert_int_equal(fake.nb_calls, 5);
	/* nothing there: nothing is asked */
	assert_int_equal(unmap(0, 64), 0);
	assert_int_equal(fake.nb_calls, 5);
	assert_int_equal(stat_get("maps"), 3);
	assert_int_equal(stat_get("unmaps"), 2);
	assert_int_equal(stat_get("split_areas"), 0);
	down();
}

/* The kernel's map has no right to execute: it goes with reading. */
static void
rights(void **state)
{
	static const struct {
		uint32_t prot, flags;
	} rows[] = {
		{UIOMMU_PROT_READ | UIOMMU_PROT_EXEC, IOMMUFD_MAP_READABLE},
		{UIOMMU_PROT_ALL, IOMMUFD_MAP_READABLE | IOMMUFD_MAP_WRITEABLE},
		{UIOMMU_PROT_WRITE, IOMMUFD_MAP_WRITEABLE},
		{UIOMMU_PROT_WRITE | UIOMMU_PROT_EXEC,
		 IOMMUFD_MAP_READABLE | IOMMUFD_MAP_WRITEABLE},
	};
	uint32_t i;

	up();
	for (i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(map(i, 1, rows[i].prot), 0);
		assert_int_equal(fake.calls[i].flags, IOMMUFD_MAP_FIXED_IOVA | rows[i].flags);
	}
	assert_int_equal(unmap(0, i), 0);
	down();
}

/* A part: the whole goes, and what is left comes again, with its memory and access. */
static void
parts(void **state)
{
	up();
	assert_int_equal(map(10, 10, UIOMMU_PROT_READ), 0);
	assert_int_equal(unmap(13, 2), 0);
	assert_call(1, IOMMUFD_IOAS_UNMAP, 10, 10);
	assert_call(2, IOMMUFD_IOAS_MAP, 10, 3);
	assert_call(3, IOMMUFD_IOAS_MAP, 15, 5);
	assert_int_equal(fake.calls[3].flags, IOMMUFD_MAP_FIXED_IOVA | IOMMUFD_MAP_READABLE);
	assert_int_equal(fake.nb_calls, 4);
	assert_true(fake.page_va[12] == 112 * PAGE && fake.page_va[15] == 115 * PAGE);
	assert_int_equal(fake.pages[13] | fake.pages[14], 0);
	assert_int_equal(stat_get("split_areas"), 1);
	/* both ends of two areas */
	assert_int_equal(unmap(12, 4), 0);
	assert_call(4, IOMMUFD_IOAS_UNMAP, 10, 10);
	assert_call(5, IOMMUFD_IOAS_MAP, 10, 2);
	assert_call(6, IOMMUFD_IOAS_MAP, 16, 4);
	assert_int_equal(fake.nb_calls, 7);
	down();
}

static void
map_errors(void **state)
{
	static const struct {
		int from, to;
	} errors[] = {
		{-ENOMEM, -ENOMEM}, {-EFAULT, -EFAULT}, {-EEXIST, -EEXIST}, {-EINVAL, -EINVAL},
		{-EPERM, -EFAULT}, {-EOVERFLOW, -EINVAL}, {-EOPNOTSUPP, -EINVAL},
		{-EBUSY, -EAGAIN}, {-EAGAIN, -EAGAIN}, {-EIO, -EIO}, {-ENOENT, -EIO},
	};
	unsigned int i;

	up();
	for (i = 0; i < RTE_DIM(errors); i++) {
		fake.fail_request = IOMMUFD_IOAS_MAP;
		fake.fail_error = errors[i].from;
		fake.fail_times = 1;
		assert_int_equal(map(3, 2, RW), errors[i].to);
		/* nothing is left of it */
		assert_null(iommufd_areas_find(&domain->areas, 0, UINT64_MAX));
	}
	/* signals are nobody's business */
	fake.fail_error = -EINTR;
	fake.fail_times = 3;
	assert_int_equal(map(3, 2, RW), 0);
	assert_int_equal(map(4, 2, RW), -EEXIST);
	assert_int_equal(unmap(3, 2), 0);
	down();
}

static void
unmap_errors(void **state)
{
	up();
	assert_int_equal(map(3, 2, RW), 0);
	fake.fail_request = IOMMUFD_IOAS_UNMAP;
	fake.fail_error = -EDEADLK;
	fake.fail_times = 1;
	assert_int_equal(unmap(3, 2), -EIO);
	assert_non_null(strstr(log_text, "0x3000 to 0x4fff could not be unmapped"));
	/* still there, and known to be */
	assert_int_equal(map(3, 2, RW), -EEXIST);
	assert_int_equal(unmap(3, 2), 0);
	/* what is left cannot be mapped again */
	assert_int_equal(map(3, 4, RW), 0);
	fake.fail_request = IOMMUFD_IOAS_MAP;
	fake.fail_error = -ENOMEM;
	fake.fail_times = 1;
	assert_int_equal(unmap(3, 1), 0);
	assert_true(fake.pages[4] != 0);
	fake.fail_times = 10;
	log_text[0] = '\0';
	assert_int_equal(unmap(4, 1), -EIO);
	assert_non_null(strstr(log_text, "0x5000 to 0x6fff, left of an area a part of which was "
			       "unmapped, could not be mapped again"));
	assert_int_equal(stat_get("lost_pages"), 2);
	assert_null(iommufd_areas_find(&domain->areas, 0, UINT64_MAX));
	down();
}

/* ------------------------------------------------------------------- who may wait */

/* The owner of a queue waits for no lock and for no request of another thread. */
static void
owners_do_not_wait(void **state)
{
	struct iommufd_area *area;

	up();
	(void)fetch(8);
	pthread_mutex_lock(&domain->lock);
	assert_int_equal(map(3, 1, RW), -EAGAIN);
	assert_int_equal(unmap(3, 1), -EAGAIN);
	pthread_mutex_unlock(&domain->lock);
	assert_int_equal(map(3, 1, RW), 0);
	area = iommufd_areas_find(&domain->areas, 0, UINT64_MAX);
	iommufd_area_settle(area, IOMMUFD_AREA_BUSY);
	assert_int_equal(map(3, 1, RW), -EAGAIN);
	assert_int_equal(unmap(3, 1), -EAGAIN);
	assert_int_equal(stat_get("busy"), 4);
	iommufd_area_settle(area, IOMMUFD_AREA_MAPPED);
	assert_int_equal(unmap(3, 1), 0);
	/* one that has gone is as good as removed */
	area = iommufd_areas_add(&domain->areas, 3 * PAGE, PAGE, 0, RW);
	iommufd_area_settle(area, IOMMUFD_AREA_GONE);
	assert_int_equal(map(3, 1, RW), 0);
	assert_int_equal(unmap(3, 1), 0);
	down();
}

static void *
settle_later(void *area)
{
	const struct timespec moment = {.tv_nsec = 3000000};

	nanosleep(&moment, NULL);
	iommufd_area_settle(area, IOMMUFD_AREA_MAPPED);
	return NULL;
}

static void
others_wait(void **state)
{
	struct iommufd_area *area;
	pthread_t thread;

	up();
	assert_int_equal(map(3, 1, RW), 0);
	area = iommufd_areas_find(&domain->areas, 0, UINT64_MAX);
	iommufd_area_settle(area, IOMMUFD_AREA_BUSY);
	assert_int_equal(pthread_create(&thread, NULL, settle_later, area), 0);
	assert_int_equal(unmap(3, 1), 0);
	pthread_join(thread, NULL);
	assert_int_equal(fake.pages[3], 0);
	down();
}

static void
assert_extent(uint64_t page, uint64_t nb, uint64_t first, uint64_t pages_in_all)
{
	struct uiommu_pgtable_range range = {.iova = page * PAGE, .len = nb * PAGE};

	assert_int_equal(iommufd_table_extent(&dev, domain, &range), 0);
	assert_int_equal(range.iova, first * PAGE);
	assert_int_equal(range.len, pages_in_all * PAGE);
}

/* What will be absent for a moment: the areas at the ends of a range, as wholes. */
static void
extents(void **state)
{
	const uint32_t nb_calls = fake.nb_calls;

	up();
	assert_int_equal(map(4, 4, RW), 0);
	assert_int_equal(map(8, 4, RW), 0);
	assert_int_equal(map(14, 2, RW), 0);
	fake.nb_calls = nb_calls;
	assert_extent(0, 2, 0, 2);
	assert_extent(4, 4, 4, 4);
	assert_extent(5, 1, 4, 4);
	assert_extent(7, 2, 4, 8);
	assert_extent(0, 5, 0, 8);
	assert_extent(9, 6, 8, 8);
	assert_extent(12, 2, 12, 2);
	/* the kernel is not asked */
	assert_int_equal(fake.nb_calls, nb_calls);
	down();
}

/* More than go by one request. */
static void
many_areas(void **state)
{
	const struct uiommu_pgtable_range all = {.len = 1000 * PAGE};
	uint32_t i;

	up();
	for (i = 0; i < 1000; i++)
		iommufd_area_settle(iommufd_areas_add(&domain->areas, i * PAGE, PAGE, 0, RW),
				    IOMMUFD_AREA_MAPPED);
	fake.fail_request = IOMMUFD_IOAS_UNMAP;
	fake.fail_error = 0;
	fake.fail_times = 100;
	assert_int_equal(iommufd_table_unmap(&dev, domain, &all, 1), 0);
	assert_int_equal(100 - fake.fail_times, 4);
	assert_null(iommufd_areas_find(&domain->areas, 0, UINT64_MAX));
	down();
}

/* @return levels of a tree none of whose nodes is heavier than the one above it */
static unsigned int
depth(const struct iommufd_area *area)
{
	unsigned int left, right;

	if (area == NULL)
		return 0;
	assert_true(area->left == NULL || area->left->weight <= area->weight);
	assert_true(area->right == NULL || area->right->weight <= area->weight);
	left = depth(area->left);
	right = depth(area->right);
	return 1 + RTE_MAX(left, right);
}

/* In order, which is the worst: the tree stays low, when areas go too. */
static void
trees_stay_low(void **state)
{
	struct iommufd_areas areas = {0};
	uint64_t i;

	for (i = 0; i < 16384; i++)
		assert_non_null(iommufd_areas_add(&areas, i * PAGE, PAGE, 0, RW));
	assert_true(depth(areas.root) < 48);
	for (i = 0; i < 16384; i += 1 + (i / 64) % 3)
		iommufd_areas_remove(&areas, iommufd_areas_find(&areas, i * PAGE, i * PAGE));
	assert_true(depth(areas.root) < 48);
	iommufd_areas_fini(&areas);
	assert_null(areas.root);
}

/* --------------------------------------------------------------------- histories */

static bool pages[PAGES];

static void
assert_same(void)
{
	uint32_t i;

	for (i = 0; i < PAGES; i++) {
		const struct iommufd_area *area =
			iommufd_areas_find(&domain->areas, i * PAGE, i * PAGE + PAGE - 1);

		assert_int_equal(fake.pages[i] != 0, pages[i]);
		assert_int_equal(area != NULL, pages[i]);
		if (area == NULL)
			continue;
		assert_true(fake.page_va[i] == (i + 100) * PAGE);
		assert_true(area->va - area->iova == 100 * PAGE);
		assert_int_equal(iommufd_area_state(area), IOMMUFD_AREA_MAPPED);
		/* areas of the driver are those of the kernel */
		if (i > 0 && pages[i - 1])
			assert_int_equal(fake.pages[i] == fake.pages[i - 1],
					 area->iova < i * PAGE);
	}
}

static void
histories(void **state)
{
	uint64_t seed = 7;
	uint32_t step, i;

	up();
	memset(pages, 0, sizeof(pages));
	for (step = 0; step < STEPS; step++) {
		const uint32_t first = (uint32_t)(unit_random(&seed) % PAGES);
		const uint32_t nb = 1 + (uint32_t)(unit_random(&seed) % 9) %
				    RTE_MIN(9U, PAGES - first);
		const bool adds = unit_random(&seed) % 2 != 0;
		bool taken = false;

		for (i = first; i < first + nb; i++)
			taken |= pages[i];
		if (adds)
			assert_int_equal(map(first, nb, RW), taken ? -EEXIST : 0);
		else
			assert_int_equal(unmap(first, nb), 0);
		for (i = first; i < first + nb && !(adds && taken); i++)
			pages[i] = adds;
		assert_same();
	}
	assert_true(stat_get("split_areas") > 100);
	down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_areas),
		cmocka_unit_test(rights),
		cmocka_unit_test(parts),
		cmocka_unit_test(map_errors),
		cmocka_unit_test(unmap_errors),
		cmocka_unit_test(owners_do_not_wait),
		cmocka_unit_test(others_wait),
		cmocka_unit_test(extents),
		cmocka_unit_test(many_areas),
		cmocka_unit_test(trees_stay_low),
		cmocka_unit_test(histories),
	};

	return cmocka_run_group_tests_name("iommufd_map", tests, NULL, NULL);
}
