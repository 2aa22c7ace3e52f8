/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* This process's own memory: lib/iommu/mm_self.c and mm_maps.c, on the memory of the test. */

#include "mm_hooks.h"

#define READ UIOMMU_FAULT_READ
#define WRITE UIOMMU_FAULT_WRITE
#define EXEC UIOMMU_FAULT_EXEC
#define NO_EXTRAS (UIOMMU_MM_NO_LOCK | UIOMMU_MM_NO_NUMA)

static void
read_brings_the_page(void **state)
{
	uint8_t *va = pages_map(4, PROT_READ | PROT_WRITE);

	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(present_count(va, 4), 0);
	assert_int_equal(ask(va + PAGE, READ, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_present(va + PAGE));
	assert_int_equal(present_count(va, 4), 1);
	assert_int_equal(va[PAGE], 0);
	munmap(va, 4 * PAGE);
}

/*
 * Whether a page is this mapping's alone: bit 56 of its word in /proc/self/pagemap. One that was
 * only read is the page of zeros that all share.
 */
static bool
is_own(const uint8_t *va)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t word = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &word, 8, (off_t)((uintptr_t)va / PAGE * 8)), 8);
	close(fd);
	return (word >> 56 & 1) != 0;
}

/* A write brings a page that can be written without another fault. */
static void
write_brings_a_writable_page(void **state)
{
	uint8_t *va = pages_map(3, PROT_READ | PROT_WRITE);

	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va + PAGE, READ | WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va + 2 * PAGE, READ, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_own(va));
	assert_true(is_own(va + PAGE));
	assert_false(is_own(va + 2 * PAGE));
	assert_int_equal(ask(va + 2 * PAGE, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_own(va + 2 * PAGE));
	munmap(va, 3 * PAGE);
}

/* K20: the mapping's own permissions. */
static void
permissions_hold(void **state)
{
	uint8_t *ro = pages_map(1, PROT_READ);
	uint8_t *none = pages_map(1, PROT_NONE);
	uint8_t *rw = pages_map(1, PROT_READ | PROT_WRITE);
	uint8_t *rx = pages_map(1, PROT_READ | PROT_EXEC);

	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(ask(ro, WRITE, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(ro, READ | WRITE, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(ro, READ, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(none, READ, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(none, WRITE, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(rw, EXEC, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(rw, READ | EXEC, 1), UIOMMU_CODE_INVALID);
	assert_false(is_present(rw));
	assert_int_equal(ask(rx, READ | EXEC, 1), UIOMMU_CODE_SUCCESS);
	assert_true(is_present(rx));
	assert_int_equal(ask(rx, WRITE | EXEC, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask((void *)(uintptr_t)permissions_hold, EXEC, 1), UIOMMU_CODE_SUCCESS);
	munmap(ro, PAGE);
	munmap(none, PAGE);
	munmap(rw, PAGE);
	munmap(rx, PAGE);
}

/* Several requests to execute are held against the mappings in one go, in any order. */
static void
execution_in_a_batch(void **state)
{
	struct uiommu_mm_fault faults[6] = {{0}};
	uint8_t *rx = pages_map(2, PROT_READ | PROT_EXEC);
	uint8_t *ro = pages_map(1, PROT_READ);
	const uint8_t *vas[] = {rx + PAGE, ro, (uint8_t *)(uintptr_t)PAGE, rx, ro, rx};
	static const uint8_t want[] = {0, 1, 1, 0, 0, 0};
	unsigned int i;

	self_make(NO_EXTRAS, 0, 0);
	for (i = 0; i < 6; i++) {
		faults[i].iova = (uintptr_t)vas[i];
		faults[i].access = i == 4 ? READ : READ | EXEC;
		faults[i].group = i;
		faults[i].numa_node = -1;
	}
	uiommu_pvt_mm_self_resolve(self, &work, faults, 6, codes, 6);
	for (i = 0; i < 6; i++)
		assert_int_equal(codes[i], want[i]);
	munmap(rx, 2 * PAGE);
	munmap(ro, PAGE);
}

static void
outside_any_mapping(void **state)
{
	uint8_t *va = pages_map(2, PROT_READ | PROT_WRITE);

	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(ask(va - PAGE, READ, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(va + 2 * PAGE, READ, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(NULL, READ, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(present_count(va, 2), 0);
	assert_int_equal(ask(va, READ, 1), UIOMMU_CODE_SUCCESS);
	munmap(va, 2 * PAGE);
	assert_int_equal(ask(va, READ, 1), UIOMMU_CODE_INVALID);
}

/* T37: addresses that no process has do not even reach the kernel. */
static void
addresses_out_of_range(void **state)
{
	static const uint64_t bad[] = {
		UINT64_MAX,	   UINT64_MAX - PAGE + 1,      UINT64_C(1) << 63,
		UINT64_C(1) << 56, (UINT64_C(1) << 56) - PAGE, UINT64_C(0xffff800000000000),
	};
	uint8_t *va = pages_map(1, PROT_READ | PROT_WRITE);
	unsigned int i;

	self_make(NO_EXTRAS, 0, 0);
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(ask((void *)(uintptr_t)bad[i], READ, UINT32_MAX),
				 UIOMMU_CODE_INVALID);
		/* a tag does not make it another address */
		assert_int_equal(ask((void *)((uintptr_t)va | bad[i]), READ, 1),
				 UIOMMU_CODE_INVALID);
	}
	assert_int_equal(hook_madvise.calls, 0);
	assert_int_equal(ask((void *)(uintptr_t)UINT64_C(0x7ffffffff000), READ, UINT32_MAX),
			 UIOMMU_CODE_INVALID);
	assert_int_equal(ask(va, READ | UIOMMU_FAULT_PRIV, 1), UIOMMU_CODE_INVALID);
	assert_false(is_present(va));
	munmap(va, PAGE);
}

/* T37: pages beyond the one that was asked for are a hint. */
static void
hints_need_not_be_there(void **state)
{
	uint8_t *va = pages_map(8, PROT_READ | PROT_WRITE);

	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(ask(va, READ, 4), UIOMMU_CODE_SUCCESS);
	assert_int_equal(present_count(va, 8), 4);
	assert_int_equal(hook_madvise.calls, 1);
	assert_int_equal(ask(va + 6 * PAGE, WRITE, 100), UIOMMU_CODE_SUCCESS);
	assert_int_equal(present_count(va, 8), 6);
	assert_int_equal(ask(va + 5 * PAGE, WRITE, UINT32_MAX), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va - PAGE, READ, 4), UIOMMU_CODE_INVALID);
	munmap(va, 8 * PAGE);
}

static void
hints_are_bounded(void **state)
{
	uint8_t *va = pages_map(2000, PROT_READ | PROT_WRITE);

	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(ask(va, WRITE, UINT32_MAX), UIOMMU_CODE_SUCCESS);
	assert_int_equal(present_count(va, 2000), 512);
	munmap(va, 2000 * PAGE);
}

static void
beyond_the_end_of_a_file(void **state)
{
	FILE *file = tmpfile();
	uint8_t *va;

	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), PAGE), 0);
	va = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
	assert_true(va != MAP_FAILED);
	self_make(NO_EXTRAS, 0, 0);
	assert_int_equal(ask(va, WRITE, 1), UIOMMU_CODE_SUCCESS);
	assert_int_equal(ask(va + PAGE, WRITE, 1), UIOMMU_CODE_INVALID);
	assert_int_equal(ask(va, WRITE, 2), UIOMMU_CODE_SUCCESS);
	munmap(va, 2 * PAGE);
	fclose(file);
}

/* ------------------------------------------------------------------- mappings */

struct seen_maps {
	unsigned int nb;
	uint64_t sum;
};

static void
maps_note(void *arg, uint64_t begin, uint64_t end, unsigned int prot)
{
	struct seen_maps *seen = arg;

	seen->sum = seen->sum * 31 + begin * 7 + end * 3 + prot;
	seen->nb++;
}

/* Text that comes in pieces of any length gives the same mappings. */
static void
maps_in_pieces(void **state)
{
	static const char text[] =
		"55d0c0a00000-55d0c0a02000 r--p 00000000 fe:00 1234      /usr/bin/a b-c\n"
		"7f00deadb000-7f00deadc000 rw-s 00000000 00:00 0\n"
		"7ffffffde000-7ffffffff000 --xp 00000000 00:00 0 [stack]\n"
		"ffffffffff600000-ffffffffff601000 r-xp 00000000 00:00 0 [vsyscall]\n";
	struct seen_maps want = {0};
	size_t piece, at;

	maps_note(&want, 0x55d0c0a00000, 0x55d0c0a02000, PROT_READ);
	maps_note(&want, 0x7f00deadb000, 0x7f00deadc000, PROT_READ | PROT_WRITE);
	maps_note(&want, 0x7ffffffde000, 0x7ffffffff000, PROT_EXEC);
	maps_note(&want, 0xffffffffff600000, 0xffffffffff601000, PROT_READ | PROT_EXEC);
	for (piece = 1; piece < sizeof(text); piece++) {
		struct uiommu_mm_maps maps = {0};
		struct seen_maps seen = {0};

		for (at = 0; at < sizeof(text) - 1; at += piece) {
			size_t left = sizeof(text) - 1 - at;

			uiommu_pvt_mm_maps_feed(&maps, text + at, left < piece ? left : piece,
						maps_note, &seen);
		}
		assert_int_equal(seen.nb, want.nb);
		assert_int_equal(seen.sum, want.sum);
	}
}

#define self_test(f) cmocka_unit_test_setup_teardown(f, self_setup, self_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		self_test(read_brings_the_page),     self_test(write_brings_a_writable_page),
		self_test(permissions_hold),	     self_test(execution_in_a_batch),
		self_test(outside_any_mapping),	     self_test(addresses_out_of_range),
		self_test(hints_need_not_be_there),  self_test(hints_are_bounded),
		self_test(beyond_the_end_of_a_file), self_test(maps_in_pieces),
	};

	if (!populate_works()) {
		printf("1..0 # SKIP madvise(MADV_POPULATE_WRITE) brings no pages here\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
