/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Pools of pages for tables: lib/iommu/pgtable/pgpool.c. */

#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu_pgtable.h>

#define FRAME (UINT64_C(1) << UIOMMU_PGPOOL_FRAME_SHIFT)
#define FRAMES_MAX 4
#define PAGE UINT64_C(4096)

static struct uiommu_pgpool *pool;
static void *pool_mem;
static uint8_t *mem; /* FRAMES_MAX frames, and one page more */

static int
pool_make(void **state)
{
	pool_mem = aligned_alloc(64, uiommu_pgpool_size(FRAMES_MAX, 12));
	mem = aligned_alloc(FRAME, FRAME * (FRAMES_MAX + 1));
	assert_non_null(pool_mem);
	assert_non_null(mem);
	pool = uiommu_pgpool_init(pool_mem, FRAMES_MAX, 12);
	assert_non_null(pool);
	return 0;
}

static int
pool_end(void **state)
{
	free(pool_mem);
	free(mem);
	return 0;
}

static uint32_t
nb_used(void)
{
	struct uiommu_pgpool_info info;

	uiommu_pgpool_info_get(pool, &info);
	return info.nb_used;
}

static bool
is_zero(const uint8_t *page, size_t size)
{
	return page[0] == 0 && memcmp(page, page + 1, size - 1) == 0;
}

static void
parameters_out_of_range(void **state)
{
	assert_int_equal(uiommu_pgpool_size(0, 12), 0);
	assert_int_equal(uiommu_pgpool_size((1U << 22) + 1, 12), 0);
	assert_true(uiommu_pgpool_size(1U << 22, 12) > (UINT64_C(1) << 22) * 512 * 4);
	assert_int_equal(uiommu_pgpool_size(1, 13), 0);
	assert_int_equal(uiommu_pgpool_size(1, 0), 0);
	assert_int_not_equal(uiommu_pgpool_size(1, 14), 0);
	assert_int_not_equal(uiommu_pgpool_size(1, 16), 0);
	assert_null(uiommu_pgpool_init(NULL, FRAMES_MAX, 12));
	assert_null(uiommu_pgpool_init((uint8_t *)pool_mem + 8, FRAMES_MAX, 12));
	assert_null(uiommu_pgpool_init(pool_mem, 0, 12));
	assert_null(uiommu_pgpool_init(pool_mem, FRAMES_MAX, 11));
	assert_int_equal(uiommu_pgpool_add(pool, NULL, FRAME, PAGE), -EINVAL);
	assert_int_equal(uiommu_pgpool_add(pool, mem, FRAME, 0), -EINVAL);
	assert_int_equal(uiommu_pgpool_add(pool, mem, FRAME, PAGE + 1), -EINVAL);
	assert_int_equal(uiommu_pgpool_add(pool, mem + 8, FRAME, PAGE), -EINVAL);
	assert_int_equal(uiommu_pgpool_add(pool, mem, FRAME + 8, PAGE), -EINVAL);
	/* no entry of any format holds this address */
	assert_int_equal(uiommu_pgpool_add(pool, mem, UINT64_C(1) << 52, PAGE), -EINVAL);
	assert_int_equal(uiommu_pgpool_add(pool, mem, (UINT64_C(1) << 52) - PAGE, 2 * PAGE),
			 -EINVAL);
}

/* All pages come once, zeroed, each where it was added; then there is none. */
static void
each_page_once(void **state)
{
	static bool taken[512 + 3];
	struct uiommu_pgpool_info info;
	unsigned int i, at;
	uint64_t pa;
	void *va;

	memset(taken, 0, sizeof(taken));
	memset(mem, 0xa5, FRAME * 2);
	assert_null(uiommu_pgpool_get(pool, &pa));
	/* from the middle of a frame to the middle of the next */
	assert_int_equal(uiommu_pgpool_add(pool, mem, 5 * FRAME + 7 * PAGE, 515 * PAGE), 0);
	uiommu_pgpool_info_get(pool, &info);
	assert_int_equal(info.page_shift, 12);
	assert_int_equal(info.nb_pages, 515);
	assert_int_equal(info.nb_used, 0);
	assert_int_equal(info.frames_max, FRAMES_MAX);
	assert_int_equal(info.nb_frames, 2);
	for (i = 0; i < 515; i++) {
		va = uiommu_pgpool_get(pool, &pa);
		assert_non_null(va);
		assert_int_equal(pa % PAGE, 0);
		at = (unsigned int)((pa - (5 * FRAME + 7 * PAGE)) / PAGE);
		assert_in_range(at, 0, 514);
		assert_false(taken[at]);
		taken[at] = true;
		assert_ptr_equal(va, mem + at * PAGE);
		assert_ptr_equal(uiommu_pgpool_va(pool, pa), va);
		assert_true(is_zero(va, PAGE));
		memset(va, 0x5a, PAGE);
		assert_int_equal(nb_used(), i + 1);
	}
	assert_null(uiommu_pgpool_get(pool, &pa));
	assert_int_equal(nb_used(), 515);
	/* the page after them is not the pool's */
	assert_int_equal(mem[515 * PAGE], 0xa5);
	/* given back it is zeroed, and the next one taken */
	uiommu_pgpool_put(pool, 5 * FRAME + 100 * PAGE);
	assert_int_equal(nb_used(), 514);
	va = uiommu_pgpool_get(pool, &pa);
	assert_ptr_equal(va, mem + 93 * PAGE);
	assert_int_equal(pa, 5 * FRAME + 100 * PAGE);
	assert_true(is_zero(va, PAGE));
}

static void
addresses_that_are_not_of_the_pool(void **state)
{
	assert_null(uiommu_pgpool_va(pool, 5 * FRAME));
	assert_int_equal(uiommu_pgpool_add(pool, mem, 5 * FRAME + 2 * PAGE, 2 * PAGE), 0);
	assert_null(uiommu_pgpool_va(pool, 5 * FRAME));
	assert_null(uiommu_pgpool_va(pool, 5 * FRAME + 2 * PAGE - 1));
	assert_ptr_equal(uiommu_pgpool_va(pool, 5 * FRAME + 2 * PAGE), mem);
	assert_ptr_equal(uiommu_pgpool_va(pool, 5 * FRAME + 4 * PAGE - 1), mem + 2 * PAGE - 1);
	assert_null(uiommu_pgpool_va(pool, 5 * FRAME + 4 * PAGE));
	assert_null(uiommu_pgpool_va(pool, 6 * FRAME));
	assert_null(uiommu_pgpool_va(pool, UINT64_MAX));
	/* nor can they be given */
	uiommu_pgpool_put(pool, 6 * FRAME);
	uiommu_pgpool_put(pool, 5 * FRAME);
	assert_int_equal(nb_used(), 0);
}

/* Frames at unrelated places for the processor; two pieces of one frame must agree. */
static void
frames_anywhere(void **state)
{
	static const uint64_t pas[FRAMES_MAX] = {UINT64_C(0x000fffffffe00000), 0,
						 UINT64_C(0x123456e00000), 3 * FRAME};
	static const unsigned int at[FRAMES_MAX] = {3, 0, 1, 2};
	unsigned int i, nb = 0;
	uint64_t pa;
	uint8_t *va;

	for (i = 0; i < FRAMES_MAX; i++) {
		va = mem + at[i] * FRAME;
		assert_int_equal(
			uiommu_pgpool_add(pool, va + 8 * PAGE, pas[i] + 8 * PAGE, 4 * PAGE), 0);
		/* overlaps at either end */
		assert_int_equal(
			uiommu_pgpool_add(pool, va + 11 * PAGE, pas[i] + 11 * PAGE, 2 * PAGE),
			-EINVAL);
		assert_int_equal(
			uiommu_pgpool_add(pool, va + 6 * PAGE, pas[i] + 6 * PAGE, 3 * PAGE),
			-EINVAL);
		/* another difference */
		assert_int_equal(uiommu_pgpool_add(pool, va + 12 * PAGE, pas[i] + 13 * PAGE, PAGE),
				 -EINVAL);
		assert_int_equal(uiommu_pgpool_add(pool, va + 14 * PAGE, pas[i] + 14 * PAGE, PAGE),
				 0);
	}
	assert_int_equal(uiommu_pgpool_add(pool, mem + 4 * FRAME, 77 * FRAME, PAGE), -ENOSPC);
	while ((va = uiommu_pgpool_get(pool, &pa)) != NULL) {
		for (i = 0; i < FRAMES_MAX && pa - pas[i] >= FRAME; i++)
			;
		assert_in_range(i, 0, FRAMES_MAX - 1);
		assert_ptr_equal(va, mem + at[i] * FRAME + (pa - pas[i]));
		assert_ptr_equal(uiommu_pgpool_va(pool, pa), va);
		nb++;
	}
	assert_int_equal(nb, FRAMES_MAX * 5);
	/* what failed has added nothing */
	assert_null(uiommu_pgpool_va(pool, 77 * FRAME));
}

/* Larger pages. */
static void
pages_of_64k(void **state)
{
	struct uiommu_pgpool_info info;
	struct uiommu_pgpool *large;
	unsigned int nb = 0;
	uint64_t pa;
	uint8_t *va;

	assert_true(uiommu_pgpool_size(2, 16) <= uiommu_pgpool_size(FRAMES_MAX, 12));
	large = uiommu_pgpool_init(pool_mem, 2, 16);
	assert_non_null(large);
	assert_int_equal(uiommu_pgpool_add(large, mem + PAGE, 65536, 65536), -EINVAL);
	assert_int_equal(uiommu_pgpool_add(large, mem, 3 * FRAME, FRAME), 0);
	assert_int_equal(uiommu_pgpool_add(large, mem + FRAME, 4 * FRAME, 65536), 0);
	uiommu_pgpool_info_get(large, &info);
	assert_int_equal(info.nb_pages, 33);
	while ((va = uiommu_pgpool_get(large, &pa)) != NULL) {
		assert_ptr_equal(va, mem + (pa - 3 * FRAME));
		memset(va, 1, 65536);
		nb++;
	}
	assert_int_equal(nb, 33);
	uiommu_pgpool_put(large, 3 * FRAME + 65536);
	va = uiommu_pgpool_get(large, &pa);
	assert_ptr_equal(va, mem + 65536);
	assert_true(is_zero(va, 65536));
}

/* Threads that take and give: a page is one thread's at a time, and comes zeroed. */
#define THREADS 3
#define ROUNDS 200000

static void *
taker(void *arg)
{
	uint64_t mark = (uint64_t)(uintptr_t)arg, held[8], pa;
	unsigned int i, k, nb_held = 0;
	uintptr_t wrong = 0;
	uint64_t *va;

	for (i = 0; i < ROUNDS; i++) {
		if (nb_held < 8 && (va = uiommu_pgpool_get(pool, &pa)) != NULL) {
			for (k = i % 32; k < 512; k += 32)
				wrong += va[k] != 0;
			/* another that has it too has written there */
			wrong += va[511] != 0;
			va[i % 511] = mark;
			va[511] = mark;
			held[nb_held++] = pa;
		} else if (nb_held != 0) {
			va = uiommu_pgpool_va(pool, held[i % nb_held]);
			wrong += va[511] != mark;
			uiommu_pgpool_put(pool, held[i % nb_held]);
			held[i % nb_held] = held[nb_held - 1];
			nb_held--;
		}
	}
	while (nb_held != 0)
		uiommu_pgpool_put(pool, held[--nb_held]);
	return (void *)wrong;
}

/* Beside them memory is added, with another difference: no page is lost. */
static void
threads_share_a_pool(void **state)
{
	pthread_t threads[THREADS];
	struct uiommu_pgpool_info info;
	unsigned int i, nb = 0;
	void *wrong;
	uint64_t pa;

	assert_int_equal(uiommu_pgpool_add(pool, mem, FRAME, 10 * PAGE), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, taker, (void *)(uintptr_t)(i + 1)), 0);
	assert_int_equal(uiommu_pgpool_add(pool, mem + 10 * PAGE, FRAME + 10 * PAGE, PAGE), 0);
	assert_int_equal(uiommu_pgpool_add(pool, mem + 2 * FRAME, 9 * FRAME, 3 * PAGE), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	uiommu_pgpool_info_get(pool, &info);
	assert_int_equal(info.nb_used, 0);
	assert_int_equal(info.nb_pages, 14);
	while (uiommu_pgpool_get(pool, &pa) != NULL)
		nb++;
	assert_int_equal(nb, 14);
}

#define pool_test(f) cmocka_unit_test_setup_teardown(f, pool_make, pool_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		pool_test(parameters_out_of_range),
		pool_test(each_page_once),
		pool_test(addresses_that_are_not_of_the_pool),
		pool_test(frames_anywhere),
		pool_test(pages_of_64k),
		pool_test(threads_share_a_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
