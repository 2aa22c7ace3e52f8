/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What faults keep resident: lib/iommu/mm_resident.c, on the memory of the test. */

#include "mm_hooks.h"

#define WRITE UIOMMU_FAULT_WRITE
#define GRANULE 65536
#define GRANULE_PAGES (GRANULE / PAGE)

/* Whole granules, and one more page on each side that is not mapped. */
static uint8_t *
granules_map(size_t nb)
{
	uint8_t *va = mmap(NULL, (nb + 2) * GRANULE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *begin;

	assert_true(va != MAP_FAILED);
	begin = (uint8_t *)(((uintptr_t)va + GRANULE) & ~(uintptr_t)(GRANULE - 1));
	assert_int_equal(munmap(va, (size_t)(begin - va)), 0);
	assert_int_equal(munmap(begin + nb * GRANULE,
				(size_t)(va + (nb + 2) * GRANULE - begin - nb * GRANULE)),
			 0);
	madvise(begin, nb * GRANULE, MADV_NOHUGEPAGE);
	return begin;
}

/* The granule around a fault is locked, and nothing of it is populated that nobody asked for. */
static void
granule_is_locked(void **state)
{
	uint8_t *va = granules_map(3);

	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	assert_int_equal(ask(va + GRANULE + 3 * PAGE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_locked(va + GRANULE));
	assert_true(is_locked(va + 2 * GRANULE - PAGE));
	assert_false(is_locked(va + GRANULE - PAGE));
	assert_false(is_locked(va + 2 * GRANULE));
	assert_int_equal(present_count(va, 3 * GRANULE_PAGES), 1);
	assert_int_equal(self_info().locked_bytes, GRANULE);
	munmap(va, 3 * GRANULE);
}

static void
each_granule_counts_once(void **state)
{
	uint8_t *va = granules_map(4);
	unsigned int i;

	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	for (i = 0; i < 2 * GRANULE_PAGES; i++)
		assert_int_equal(ask(va + i * PAGE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(self_info().locked_bytes, 2 * GRANULE);
	/* over a border, by a hint */
	assert_int_equal(ask(va + (3 * GRANULE_PAGES - 1) * PAGE, WRITE, 2), UIOMMU_CODE_SUCCESS);
	assert_int_equal(self_info().locked_bytes, 4 * GRANULE);
	munmap(va, 4 * GRANULE);
}

static void
not_locked_when_not_wanted(void **state)
{
	uint8_t *va = granules_map(1);

	self_make(UIOMMU_MM_NO_NUMA | UIOMMU_MM_NO_LOCK, 0, 0);
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_false(is_locked(va));
	assert_int_equal(hook_mlock2.calls, 0);
	assert_int_equal(self_info().locked_bytes, 0);
	assert_true(self_info().locked_max_bytes == UINT64_MAX);
	munmap(va, GRANULE);
}

/* A granule that is mapped in part: that part. */
static void
mapped_part_of_a_granule(void **state)
{
	uint8_t *va = granules_map(1);

	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	assert_int_equal(munmap(va + 2 * PAGE, PAGE), 0);
	assert_int_equal(ask(va + 4 * PAGE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_locked(va + 4 * PAGE));
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_locked(va));
	assert_int_equal(ask(va + 2 * PAGE, WRITE, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(self_info().locked_bytes, GRANULE);
	assert_int_equal(self_info().over_limit, 0);
	munmap(va, GRANULE);
}

static void
unmapped_is_not_counted(void **state)
{
	uint8_t *va = granules_map(1);

	self_make(UIOMMU_MM_NO_NUMA, GRANULE, UIOMMU_CODE_RETRY);
	munmap(va, GRANULE);
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(self_info().locked_bytes, 0);
	assert_int_equal(self_info().over_limit, 0);
}

/* ------------------------------------------------------------------- bounds */

static void
bound_is_held(void **state)
{
	static const uint32_t limit_codes[] = {0, UIOMMU_CODE_INVALID, UIOMMU_CODE_RETRY};
	static const uint8_t want[] = {UIOMMU_CODE_INVALID, UIOMMU_CODE_INVALID, UIOMMU_CODE_RETRY};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(limit_codes); i++) {
		uint8_t *va = granules_map(4);

		self_make(UIOMMU_MM_NO_NUMA, 2 * GRANULE + 5, limit_codes[i]);
		assert_int_equal(self_info().locked_max_bytes, 2 * GRANULE + 5);
		assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
		assert_int_equal(ask(va + GRANULE, WRITE, 1), UIOMMU_CODE_SUCCESS);
		assert_int_equal(ask(va + 2 * GRANULE, WRITE, 1), want[i]);
		assert_int_equal(self_info().over_limit, 1);
		assert_false(is_present(va + 2 * GRANULE));
		assert_false(is_locked(va + 2 * GRANULE));
		/* what is locked already goes on */
		assert_int_equal(ask(va + GRANULE + PAGE, WRITE, 1), UIOMMU_CODE_SUCCESS);
		assert_int_equal(self_info().locked_bytes, 2 * GRANULE);
		munmap(va, 4 * GRANULE);
		self_teardown(state);
	}
}

/* A run over the bound: the requests within it are served. */
static void
bound_inside_a_run(void **state)
{
	struct uiommu_mm_fault faults[3 * GRANULE_PAGES];
	uint8_t *va = granules_map(3);
	unsigned int i;

	self_make(UIOMMU_MM_NO_NUMA, 2 * GRANULE, UIOMMU_CODE_RETRY);
	for (i = 0; i < 3 * GRANULE_PAGES; i++)
		faults[i] = (struct uiommu_mm_fault){
			.iova = (uintptr_t)va + i * PAGE,
			.nb_pages = 1,
			.access = WRITE,
			.numa_node = -1,
			.group = i,
		};
	assert_int_equal(uiommu_pvt_mm_self_resolve(self, &work, faults, i, codes, i),
			 GRANULE_PAGES);
	for (i = 0; i < 3 * GRANULE_PAGES; i++)
		assert_int_equal(codes[i],
				 i < 2 * GRANULE_PAGES ? UIOMMU_CODE_SUCCESS : UIOMMU_CODE_RETRY);
	assert_int_equal(self_info().over_limit, GRANULE_PAGES);
	munmap(va, 3 * GRANULE);
}

/* The kernel's own bound, in each way in which it says so. */
static void
bound_of_the_kernel(void **state)
{
	static const int errors[] = {ENOMEM, EPERM, EAGAIN};
	uint8_t *va = granules_map(1);
	unsigned int i;

	self_make(UIOMMU_MM_NO_NUMA, 0, UIOMMU_CODE_RETRY);
	for (i = 0; i < ARRAY_COUNT(errors); i++) {
		hook_mlock2 = (struct hook){.failures = 1, .code = errors[i]};
		assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_RETRY);
		assert_int_equal(self_info().over_limit, i + 1);
		assert_int_equal(self_info().locked_bytes, 0);
	}
	assert_false(is_present(va));
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	munmap(va, GRANULE);
}

static void
rlimit_is_reported(void **state)
{
	hook_memlock = 8 * GRANULE;
	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	assert_int_equal(self_info().locked_max_bytes, 8 * GRANULE);
	self_teardown(state);
	self_make(UIOMMU_MM_NO_NUMA, 3 * GRANULE, 0);
	assert_int_equal(self_info().locked_max_bytes, 3 * GRANULE);
	self_teardown(state);
	hook_memlock = 0;
	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	assert_true(self_info().locked_max_bytes == set_room(SET_MAX) * GRANULE);
}

/* No memory for the set: over a bound, as it were, and nothing else goes wrong. */
static void
no_memory_for_the_set(void **state)
{
	uint8_t *va = granules_map(1024);
	unsigned int i;

	hook_mlock2_fake = true;
	self_make(UIOMMU_MM_NO_NUMA, 0, UIOMMU_CODE_RETRY);
	for (i = 0; i < set_room(SET_MIN); i++)
		assert_int_equal(ask(va + i * GRANULE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	hook_calloc = (struct hook){.failures = 1, .code = ENOMEM};
	assert_int_equal(ask(va + i * GRANULE, WRITE, 1), UIOMMU_CODE_RETRY);
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va + i * GRANULE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(self_info().locked_bytes, (i + 1) * (uint64_t)GRANULE);
	munmap(va, 1024 * GRANULE);
}

/* Many granules: the set grows and forgets none. */
static void
set_grows(void **state)
{
	const unsigned int nb = 4000;
	uint8_t *va = granules_map(nb);
	unsigned int i;

	hook_mlock2_fake = true;
	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	for (i = 0; i < nb; i++)
		assert_int_equal(ask(va + (size_t)(i * 1237 % nb) * GRANULE, WRITE, 1),
				 UIOMMU_CODE_SUCCESS);
	assert_int_equal(self_info().locked_bytes, nb * (uint64_t)GRANULE);
	for (i = 0; i < nb; i++)
		assert_true(set_has(self->resident, (uintptr_t)va / GRANULE + i));
	assert_false(set_has(self->resident, (uintptr_t)va / GRANULE + nb));
	assert_false(set_has(self->resident, (uintptr_t)va / GRANULE - 1));
	munmap(va, (size_t)nb * GRANULE);
}

/* ------------------------------------------------------- mappings that change */

/* The same addresses, another mapping: its pages are locked too. */
static void
mapped_again(void **state)
{
	uint8_t *va = granules_map(1);

	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_locked(va));
	assert_true(mmap(va, GRANULE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == va);
	assert_false(is_locked(va));
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_locked(va));
	assert_int_equal(self_info().locked_bytes, GRANULE);
	munmap(va, GRANULE);
}

/* At the bound, what is not mapped any more makes room; looked for once a second at most. */
static void
unmapped_makes_room(void **state)
{
	uint8_t *va = granules_map(4);

	self_make(UIOMMU_MM_NO_NUMA, 2 * GRANULE, UIOMMU_CODE_RETRY);
	hook_clock_s = 100;
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va + GRANULE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va + 2 * GRANULE, WRITE, 1), UIOMMU_CODE_RETRY);
	munmap(va, GRANULE);
	/* but for its last page: stays in the account */
	munmap(va + GRANULE, GRANULE - PAGE);
	assert_int_equal(ask(va + 2 * GRANULE, WRITE, 1), UIOMMU_CODE_RETRY);
	assert_int_equal(self_info().locked_bytes, 2 * GRANULE);
	hook_clock_s = 101;
	assert_int_equal(ask(va + 2 * GRANULE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(self_info().locked_bytes, 2 * GRANULE);
	assert_int_equal(ask(va + 3 * GRANULE, WRITE, 1), UIOMMU_CODE_RETRY);
	munmap(va, 4 * GRANULE);
}

static void
end_unlocks(void **state)
{
	uint8_t *va = granules_map(3);

	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va + GRANULE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	/* a hole before what is to be unlocked */
	assert_int_equal(munmap(va + GRANULE + PAGE, PAGE), 0);
	assert_true(is_locked(va + PAGE) && is_locked(va + GRANULE + 2 * PAGE));
	self_teardown(state);
	assert_false(is_locked(va));
	assert_false(is_locked(va + GRANULE));
	assert_false(is_locked(va + GRANULE + 2 * PAGE));
	munmap(va, 3 * GRANULE);
}

/* ------------------------------------------------------------------ threads */

#define THREADS 4
#define SHARED_GRANULES 64

struct asker {
	uint8_t *va;
	uint64_t seed;
	unsigned int wrong;
};

static void *
asker_main(void *arg)
{
	struct asker *asker = arg;
	struct uiommu_mm_work *own = malloc(sizeof(*own));
	struct uiommu_mm_fault faults[16];
	uint8_t own_codes[16];
	unsigned int round, i;

	for (round = 0; round < 200; round++) {
		for (i = 0; i < 16; i++)
			faults[i] = (struct uiommu_mm_fault){
				.iova = (uintptr_t)asker->va +
					unit_random(&asker->seed) %
						(SHARED_GRANULES * GRANULE_PAGES) * PAGE,
				.access = i % 2 == 0 ? WRITE : UIOMMU_FAULT_READ,
				.numa_node = -1,
				.group = i,
			};
		uiommu_pvt_mm_self_resolve(self, own, faults, 16, own_codes, 16);
		for (i = 0; i < 16; i++)
			asker->wrong += own_codes[i] != UIOMMU_CODE_SUCCESS;
	}
	free(own);
	return NULL;
}

static void
several_threads(void **state)
{
	uint8_t *va = granules_map(SHARED_GRANULES);
	struct asker askers[THREADS];
	pthread_t threads[THREADS];
	unsigned int i;

	self_make(UIOMMU_MM_NO_NUMA, 0, 0);
	for (i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){va, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, asker_main, &askers[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(askers[i].wrong, 0);
	}
	assert_int_equal(self_info().locked_bytes, SHARED_GRANULES * (uint64_t)GRANULE);
	munmap(va, SHARED_GRANULES * GRANULE);
}

#define self_test(f) cmocka_unit_test_setup_teardown(f, self_setup, self_teardown)

/* What several_threads() locks, and a little more. */
static bool
may_lock_enough(void)
{
	uint8_t *va = granules_map(SHARED_GRANULES + 8);
	bool may = mlock2(va, (SHARED_GRANULES + 8) * GRANULE, MLOCK_ONFAULT) == 0;

	munmap(va, (SHARED_GRANULES + 8) * GRANULE);
	return may;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		self_test(granule_is_locked),
		self_test(each_granule_counts_once),
		self_test(not_locked_when_not_wanted),
		self_test(mapped_part_of_a_granule),
		self_test(unmapped_is_not_counted),
		self_test(bound_is_held),
		self_test(bound_inside_a_run),
		self_test(bound_of_the_kernel),
		self_test(rlimit_is_reported),
		self_test(no_memory_for_the_set),
		self_test(set_grows),
		self_test(mapped_again),
		self_test(unmapped_makes_room),
		self_test(end_unlocks),
		self_test(several_threads),
	};

	if (!populate_works()) {
		printf("1..0 # SKIP madvise(MADV_POPULATE_WRITE) brings no pages here\n");
		return 0;
	}
	if (!may_lock_enough()) {
		printf("1..0 # SKIP this process may not lock 5 MiB of memory\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
