/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* A mirrored table in the hands of several threads: whoever sees a page there finds it there. */

#include "mirror_hand_rig.h"

#define BLOCKS 8
#define BLOCK_PAGES 16
#define HOLE 5 /* page of each block that comes and goes */
#define TIMES 2000      /* that it goes */
#define TRIES 10000000

static bool run; /* atomic */
static uint64_t nb_seen;

static uint64_t
block_iova(unsigned int i)
{
	return IOVA + i * 2 * BLOCK_PAGES * PAGE;
}

/* Whole blocks, with one call where nothing is, with one for the hole else. */
static void *
mapper(void *priv)
{
	unsigned int i;
	int ret;

	while (__atomic_load_n(&run, __ATOMIC_RELAXED)) {
		for (i = 0; i < BLOCKS; i++) {
			ret = map(block_iova(i), VA + i * LARGE, BLOCK_PAGES * PAGE, RW);
			/* another one is at it, or something is on its way out */
			assert_true(ret == 0 || ret == -EAGAIN);
		}
		sched_yield();
	}
	return NULL;
}

/* As one who answers faults: between what he sees and what he says the page stays. */
static void *
looker(void *priv)
{
	struct uiommu_pgtable_leaf leaf;
	unsigned int side, i, j;
	uint64_t iova, seen = 0, pa;

	while (__atomic_load_n(&run, __ATOMIC_RELAXED)) {
		for (i = 0; i < BLOCKS * BLOCK_PAGES; i++) {
			j = i % BLOCK_PAGES;
			iova = block_iova(i / BLOCK_PAGES) + j * PAGE;
			side = uiommu_pvt_paging_enter(domain.paging);
			if (j != HOLE && uiommu_pgtable_walk(domain.paging->pt, iova, &leaf) == 0) {
				sched_yield();
				pthread_mutex_lock(&areas_mutex);
				pa = unit_reaches(iova, RW);
				pthread_mutex_unlock(&areas_mutex);
				assert_int_equal(pa, VA + i / BLOCK_PAGES * LARGE + j * PAGE);
				seen++;
			}
			uiommu_pvt_paging_leave(domain.paging, side);
		}
	}
	__atomic_fetch_add(&nb_seen, seen, __ATOMIC_RELAXED);
	return NULL;
}

static void
a_part_comes_and_goes(void **state)
{
	static void *(*const bodies[])(void *) = {mapper, mapper, looker, looker};
	pthread_t threads[ARRAY_COUNT(bodies)];
	uint64_t went = 0, seed = 1;
	unsigned int i;

	__atomic_store_n(&run, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_COUNT(bodies); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, bodies[i], NULL), 0);
	for (i = 0; went < TIMES && i < TRIES; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (unmap(block_iova((seed >> 40) % BLOCKS) + HOLE * PAGE, PAGE) != 0)
			went++;
		else
			sched_yield();
	}
	__atomic_store_n(&run, false, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_COUNT(bodies); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_mirrored();
	assert_int_equal(nb_failed, 0);
	assert_int_equal(went, TIMES);
	assert_true(nb_seen > 0);
	unmap(0, UINT64_C(1) << 47);
	assert_int_equal(nb_areas, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_part_comes_and_goes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
