/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Batches of requests of this process's own memory: lib/iommu/mm_self.c. */

#include "mm_hooks.h"

#define READ UIOMMU_FAULT_READ
#define WRITE UIOMMU_FAULT_WRITE
#define NO_EXTRAS (UIOMMU_MM_NO_LOCK | UIOMMU_MM_NO_NUMA)

static struct uiommu_mm_fault batch[UIOMMU_MM_BATCH_MAX];

/* A request of a page of va. */
static void
batch_put(uint32_t at, const uint8_t *va, uint32_t page, uint32_t access, uint32_t group)
{
	batch[at] = (struct uiommu_mm_fault){
		.iova = (uintptr_t)va + (uintptr_t)page * PAGE,
		.nb_pages = 1,
		.access = access,
		.numa_node = -1,
		.group = group,
	};
}

/* Neighbours in any order, some of them twice: one call. */
static void
neighbours_are_one_run(void **state)
{
	uint8_t *va = pages_map(64, PROT_READ | PROT_WRITE);
	uint32_t i;

	self_make(NO_EXTRAS, 0, 0);
	for (i = 0; i < 64; i++)
		batch_put(i, va, i * 37 % 64, WRITE, i);
	for (; i < 80; i++)
		batch_put(i, va, i - 30, WRITE, i);
	uiommu_pvt_mm_self_resolve(self, &work, batch, 80, codes, 80);
	for (i = 0; i < 80; i++)
		assert_int_equal(codes[i], UIOMMU_CODE_SUCCESS);
	assert_int_equal(present_count(va, 64), 64);
	assert_int_equal(hook_madvise.calls, 1);
	assert_int_equal(self_info().populate_calls, 1);
	munmap(va, 64 * PAGE);
}

static void
runs_end_at_gaps_and_kinds(void **state)
{
	uint8_t *va = pages_map(16, PROT_READ | PROT_WRITE);
	uint32_t i;

	self_make(NO_EXTRAS, 0, 0);
	for (i = 0; i < 4; i++)
		batch_put(i, va, i, WRITE, i);
	for (; i < 8; i++)
		batch_put(i, va, i, READ, i);
	for (; i < 12; i++)
		batch_put(i, va, i + 1, READ, i);
	uiommu_pvt_mm_self_resolve(self, &work, batch, 12, codes, 12);
	for (i = 0; i < 12; i++)
		assert_int_equal(codes[i], UIOMMU_CODE_SUCCESS);
	assert_int_equal(hook_madvise.calls, 3);
	assert_int_equal(present_count(va, 16), 12);
	assert_false(is_present(va + 8 * PAGE));
	munmap(va, 16 * PAGE);
}

/* R3 K19: one bad page, and its group is INVALID; others of the same run are not. */
static void
bad_page_spoils_its_group_only(void **state)
{
	uint8_t *va = pages_map(16, PROT_READ | PROT_WRITE);
	uint32_t i;

	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(mprotect(va + 6 * PAGE, PAGE, PROT_READ), 0);
	for (i = 0; i < 16; i++)
		batch_put(i, va, i, WRITE, i / 4);
	uiommu_pvt_mm_self_resolve(self, &work, batch, 16, codes, 4);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(codes[1], UIOMMU_CODE_INVALID);
	assert_int_equal(codes[2], UIOMMU_CODE_SUCCESS);
	assert_int_equal(codes[3], UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 16; i++)
		assert_true(i / 4 == 1 || is_present(va + i * PAGE));
	munmap(va, 16 * PAGE);
}

/* K19: of several that fail, the first one in order of arrival decides. */
static void
first_failure_decides(void **state)
{
	uint8_t *va = pages_map(2, PROT_READ | PROT_WRITE);

	self_make(NO_EXTRAS, 0, 0);
	/* the page cannot be had for now, the other one never */
	hook_madvise.failures = 3 * TRIES;
	hook_madvise.code = EAGAIN;
	batch_put(0, va, 0, WRITE, 0);
	batch_put(1, va, 0, UIOMMU_FAULT_PRIV, 0);
	batch_put(2, va, 1, UIOMMU_FAULT_PRIV, 1);
	batch_put(3, va, 1, WRITE, 1);
	uiommu_pvt_mm_self_resolve(self, &work, batch, 4, codes, 2);
	assert_int_equal(codes[0], UIOMMU_CODE_RETRY);
	assert_int_equal(codes[1], UIOMMU_CODE_INVALID);
	munmap(va, 2 * PAGE);
}

static void
largest_batch(void **state)
{
	uint8_t *va = pages_map(UIOMMU_MM_BATCH_MAX, PROT_READ | PROT_WRITE);
	uint32_t i;

	self_make(NO_EXTRAS, 0, 0);
	for (i = 0; i < UIOMMU_MM_BATCH_MAX; i++)
		batch_put(i, va, UIOMMU_MM_BATCH_MAX - 1 - i, READ, 0);
	uiommu_pvt_mm_self_resolve(self, &work, batch, UIOMMU_MM_BATCH_MAX, codes, 1);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(present_count(va, UIOMMU_MM_BATCH_MAX), UIOMMU_MM_BATCH_MAX);
	assert_int_equal(hook_madvise.calls, 1);
	munmap(va, (size_t)UIOMMU_MM_BATCH_MAX * PAGE);
}

/* ----------------------------------------------------------- kernel's moods */

static void
interruptions_are_bounded(void **state)
{
	uint8_t *va = pages_map(1, PROT_READ | PROT_WRITE);

	self_make(NO_EXTRAS, 0, 0);
	hook_madvise.failures = TRIES - 1;
	hook_madvise.code = EINTR;
	assert_int_equal(ask(va, READ, 1), UIOMMU_CODE_SUCCESS);
	hook_madvise = (struct hook){.failures = UINT32_MAX, .code = EAGAIN};
	assert_int_equal(ask(va, READ, 1), UIOMMU_CODE_RETRY);
	assert_int_equal(hook_madvise.calls, TRIES);
	munmap(va, PAGE);
}

static void
errors_are_invalid(void **state)
{
	static const int errors[] = {ENOMEM, EINVAL, EFAULT, EHWPOISON, EACCES};
	uint8_t *va = pages_map(1, PROT_READ | PROT_WRITE);
	unsigned int i;

	self_make(NO_EXTRAS, 0, 0);
	for (i = 0; i < ARRAY_COUNT(errors); i++) {
		hook_madvise = (struct hook){.failures = 1, .code = errors[i]};
		assert_int_equal(ask(va, READ, 1), UIOMMU_CODE_INVALID);
		assert_int_equal(hook_madvise.calls, 1);
	}
	munmap(va, PAGE);
}

static void
old_kernel_is_told(void **state)
{
	const struct uiommu_mm_conf conf = {.size = sizeof(conf), .lock_granule_bytes = 65536};

	hook_madvise = (struct hook){.failures = 1, .code = EINVAL};
	assert_int_equal(uiommu_pvt_mm_self_create(&conf, &self), -ENOTSUP);
	assert_null(self);
	hook_madvise_fake = true;
	assert_int_equal(uiommu_pvt_mm_self_create(&conf, &self), -ENOTSUP);
	assert_null(self);
}

/* Each allocation of a creation fails once; sanitizers see what is left behind. */
static void
no_memory_leaves_nothing(void **state)
{
	const struct uiommu_mm_conf conf = {.size = sizeof(conf), .lock_granule_bytes = 65536};
	unsigned int nth;
	int ret;

	for (nth = 0; self == NULL; nth++) {
		hook_calloc = (struct hook){.skip = nth, .failures = 1, .code = ENOMEM};
		ret = uiommu_pvt_mm_self_create(&conf, &self);
		assert_int_equal(ret, self == NULL ? -ENOMEM : 0);
	}
	/* the object, what is locked, and its set; then all went well */
	assert_int_equal(nth, 4);
}

/* A child has other memory: what it is asked for is not what was meant. */
static void
child_touches_nothing(void **state)
{
	uint8_t *va = pages_map(1, PROT_READ | PROT_WRITE);
	int status = 0;
	pid_t child;

	self_make(NO_EXTRAS, 0, 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(ask(va, READ, 1) == UIOMMU_CODE_INVALID && !is_present(va) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(ask(va, READ, 1), UIOMMU_CODE_SUCCESS);
	munmap(va, PAGE);
}

/* ------------------------------------------------------------------- placement */

static void
node_changes_between_runs_only(void **state)
{
	uint8_t *va = pages_map(16, PROT_READ | PROT_WRITE);
	uint32_t i;

	self_make(UIOMMU_MM_NO_LOCK, 0, 0);
	for (i = 0; i < 16; i++) {
		batch_put(i, va, i, WRITE, i);
		batch[i].numa_node = i % 2 == 0 ? 0 : 5;
	}
	uiommu_pvt_mm_self_resolve(self, &work, batch, 16, codes, 16);
	for (i = 0; i < 16; i++)
		assert_int_equal(codes[i], UIOMMU_CODE_SUCCESS);
	/* node 0, node 5, and what the thread had before */
	assert_int_equal(hook_get_mempolicy.calls, 1);
	assert_int_equal(hook_set_mempolicy.calls, 3);
	assert_int_equal(hook_policies[0][0], MPOL_PREFERRED);
	assert_int_equal(hook_policies[0][1], 0);
	assert_int_equal(hook_policies[1][0], MPOL_PREFERRED);
	assert_int_equal(hook_policies[1][1], 5);
	assert_int_equal(hook_policies[2][0], MPOL_INTERLEAVE);
	assert_int_equal(hook_policies[2][1], 3);
	assert_int_equal(self_info().numa_misses, 0);
	munmap(va, 16 * PAGE);
}

static void
no_node_no_policy(void **state)
{
	uint8_t *va = pages_map(1, PROT_READ | PROT_WRITE);

	self_make(UIOMMU_MM_NO_LOCK, 0, 0);
	assert_int_equal(ask(va, READ, 1), UIOMMU_CODE_SUCCESS);
	uiommu_pvt_mm_self_destroy(self);
	self_make(NO_EXTRAS, 0, 0);
	batch_put(0, va, 0, READ, 0);
	batch[0].numa_node = 1;
	uiommu_pvt_mm_self_resolve(self, &work, batch, 1, codes, 1);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(hook_get_mempolicy.calls + hook_set_mempolicy.calls, 0);
	munmap(va, PAGE);
}

/* The page comes all the same. */
static void
node_that_cannot_be_had(void **state)
{
	static const int nodes[] = {9, NODES_MAX, INT32_MAX};
	uint8_t *va = pages_map(3, PROT_READ | PROT_WRITE);
	uint32_t i;

	self_make(UIOMMU_MM_NO_LOCK, 0, 0);
	for (i = 0; i < 3; i++) {
		hook_set_mempolicy = (struct hook){.failures = 1, .code = EINVAL};
		batch_put(0, va, i, READ, 0);
		batch[0].numa_node = nodes[i];
		uiommu_pvt_mm_self_resolve(self, &work, batch, 1, codes, 1);
		assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
		assert_true(is_present(va + i * PAGE));
		assert_int_equal(self_info().numa_misses, i + 1);
	}
	hook_get_mempolicy = (struct hook){.failures = 1, .code = ENOSYS};
	uiommu_pvt_mm_self_resolve(self, &work, batch, 1, codes, 1);
	assert_int_equal(codes[0], UIOMMU_CODE_SUCCESS);
	assert_int_equal(self_info().numa_misses, 4);
	munmap(va, 3 * PAGE);
}

#define self_test(f) cmocka_unit_test_setup_teardown(f, self_setup, self_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		self_test(neighbours_are_one_run),
		self_test(runs_end_at_gaps_and_kinds),
		self_test(bad_page_spoils_its_group_only),
		self_test(first_failure_decides),
		self_test(largest_batch),
		self_test(interruptions_are_bounded),
		self_test(errors_are_invalid),
		self_test(old_kernel_is_told),
		self_test(no_memory_leaves_nothing),
		self_test(child_touches_nothing),
		self_test(node_changes_between_runs_only),
		self_test(no_node_no_policy),
		self_test(node_that_cannot_be_had),
	};

	if (!populate_works()) {
		printf("1..0 # SKIP madvise(MADV_POPULATE_WRITE) brings no pages here\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
