/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGTABLE_RIG_H
#define PGTABLE_RIG_H

/*
 * For tests of page tables: each kind of table that there is, with a pool of its own whose
 * addresses for the unit are far from those of the processor. A case is run for every kind.
 */

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu_pgtable.h>

#define R UIOMMU_PROT_READ
#define W UIOMMU_PROT_WRITE
#define X UIOMMU_PROT_EXEC

struct rig_kind {
	const char *name;
	uint32_t format;
	uint32_t levels;
	uint32_t page_shift;
	uint32_t index_bits;
	uint32_t va_bits;
	uint32_t max_leaf; /* highest level of a leaf */
	bool is_signed;
};

static const struct rig_kind rig_kinds[] = {
	{"x86-4", UIOMMU_PGTABLE_X86_FIRST, 4, 12, 9, 48, 2, true},
	{"x86-5", UIOMMU_PGTABLE_X86_FIRST, 5, 12, 9, 57, 2, true},
	{"second-3", UIOMMU_PGTABLE_VTD_SECOND, 3, 12, 9, 39, 2, false},
	{"second-4", UIOMMU_PGTABLE_VTD_SECOND, 4, 12, 9, 48, 2, false},
	{"second-5", UIOMMU_PGTABLE_VTD_SECOND, 5, 12, 9, 57, 2, false},
	{"lpae-3", UIOMMU_PGTABLE_ARM_LPAE, 3, 12, 9, 39, 2, false},
	{"lpae-4", UIOMMU_PGTABLE_ARM_LPAE, 4, 12, 9, 48, 2, false},
	{"lpae-16k", UIOMMU_PGTABLE_ARM_LPAE, 4, 14, 11, 48, 1, false},
	{"lpae-64k", UIOMMU_PGTABLE_ARM_LPAE, 3, 16, 13, 48, 1, false},
	{"sv39", UIOMMU_PGTABLE_RISCV, 3, 12, 9, 39, 2, true},
	{"sv48", UIOMMU_PGTABLE_RISCV, 4, 12, 9, 48, 2, true},
	{"sv57", UIOMMU_PGTABLE_RISCV, 5, 12, 9, 57, 2, true},
};

#define RIG_KINDS ARRAY_COUNT(rig_kinds)
#define RIG_PAGES 192

/* Where the pool's memory is for the unit. */
#define RIG_POOL_PA UINT64_C(0x0000123456e00000)

struct rig {
	const struct rig_kind *kind;
	struct uiommu_pgtable_conf conf;
	void *mem;
	void *pool_mem;
	struct uiommu_pgpool *pool;
	struct uiommu_pgtable *pt;
	struct uiommu_pgtable_gather gather;
	uint64_t page;
	/* leaves that were reported, in order: the first ones, and how many */
	struct uiommu_pgtable_leaf seen[64];
	unsigned int nb_seen;
};

static struct rig rig;

static inline void *
rig_alloc(size_t align, size_t size)
{
	void *p = aligned_alloc(align, (size + align - 1) / align * align);

	assert_non_null(p);
	return p;
}

static inline uint64_t
rig_span(unsigned int level)
{
	return UINT64_C(1) << (rig.kind->page_shift + level * rig.kind->index_bits);
}

/* All addresses from 0 on, the upper half of a signed kind not. */
static inline uint64_t
rig_half(void)
{
	return UINT64_C(1) << (rig.kind->va_bits - (rig.kind->is_signed ? 1 : 0));
}

static inline uint32_t
rig_used(void)
{
	struct uiommu_pgpool_info info;

	uiommu_pgpool_info_get(rig.pool, &info);
	return info.nb_used;
}

/* A table as rig.conf has it by now. */
static inline void
rig_table_make(void)
{
	assert_int_equal(uiommu_pgtable_init(rig.pt, &rig.conf), 0);
}

static inline void
rig_table_end(void)
{
	uiommu_pgtable_gather_free(rig.pt, &rig.gather);
	uiommu_pgtable_gather_init(&rig.gather);
	uiommu_pgtable_fini(rig.pt);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 0);
	assert_int_equal(rig_used(), 0);
}

/* Again, with flags: tests that look at accessed and dirty bits, say. */
static inline void
rig_table_again(uint64_t flags)
{
	rig_table_end();
	rig.conf.flags = flags;
	rig_table_make();
}

static inline int
rig_open(void **state)
{
	size_t size;

	memset(&rig, 0, sizeof(rig));
	rig.kind = *state;
	rig.page = UINT64_C(1) << rig.kind->page_shift;
	size = RIG_PAGES << rig.kind->page_shift;
	rig.mem = rig_alloc(65536, size);
	rig.pool_mem = rig_alloc(64, uiommu_pgpool_size(16, rig.kind->page_shift));
	rig.pool = uiommu_pgpool_init(rig.pool_mem, 16, rig.kind->page_shift);
	assert_non_null(rig.pool);
	assert_int_equal(uiommu_pgpool_add(rig.pool, rig.mem, RIG_POOL_PA, size), 0);
	rig.pt = rig_alloc(64, uiommu_pgtable_size());
	rig.conf = (struct uiommu_pgtable_conf){
		.size = sizeof(rig.conf),
		.format = rig.kind->format,
		.levels = rig.kind->levels,
		.page_shift = rig.kind->page_shift,
		.pool = rig.pool,
	};
	uiommu_pgtable_gather_init(&rig.gather);
	rig_table_make();
	return 0;
}

static inline int
rig_close(void **state)
{
	rig_table_end();
	free(rig.pt);
	free(rig.pool_mem);
	free(rig.mem);
	return 0;
}

static inline void
rig_see(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	assert_ptr_equal(priv, &rig);
	if (rig.nb_seen < ARRAY_COUNT(rig.seen))
		rig.seen[rig.nb_seen] = *leaf;
	rig.nb_seen++;
}

static inline void
rig_map(uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot)
{
	uint64_t done = 0;

	assert_int_equal(uiommu_pgtable_map(rig.pt, iova, pa, len, prot, &done), 0);
	assert_int_equal(done, len);
}

static inline int
rig_unmap(uint64_t iova, uint64_t len, uint32_t flags, uint64_t *unmapped)
{
	rig.nb_seen = 0;
	return uiommu_pgtable_unmap(rig.pt, iova, len, flags, &rig.gather, rig_see, &rig, unmapped);
}

/* Gather from now on. What was taken out goes back: nobody else is in the table. */
static inline void
rig_gather_again(void)
{
	uiommu_pgtable_gather_free(rig.pt, &rig.gather);
	uiommu_pgtable_gather_init(&rig.gather);
}

static inline bool
rig_present(uint64_t iova, uint32_t prot)
{
	uint8_t want = (uint8_t)prot, present = 2;

	uiommu_pgtable_check(&rig.pt, &iova, &want, &present, 1);
	assert_in_range(present, 0, 1);
	return present == 1;
}

static inline void
rig_absent(uint64_t iova)
{
	struct uiommu_pgtable_leaf leaf;

	assert_int_equal(uiommu_pgtable_walk(rig.pt, iova, &leaf), -ENOENT);
	assert_false(rig_present(iova, 0));
}

static inline void
rig_busy(uint64_t iova, uint64_t size)
{
	struct uiommu_pgtable_leaf leaf;

	assert_int_equal(uiommu_pgtable_walk(rig.pt, iova, &leaf), -EAGAIN);
	assert_true(leaf.busy);
	assert_int_equal(leaf.iova, iova & ~(size - 1));
	assert_int_equal(leaf.size, size);
	assert_false(rig_present(iova, 0));
}

/* What formats add: where there is no bit for it, what can be read can be executed. */
static inline uint32_t
rig_prot(uint32_t prot)
{
	if (rig.kind->format == UIOMMU_PGTABLE_X86_FIRST)
		return prot | R | X;
	if (rig.kind->format == UIOMMU_PGTABLE_VTD_SECOND)
		return (prot & (R | X)) != 0 ? prot | R | X : prot;
	return prot;
}

/* The leaf that iova is in: it leads to pa there, is of that size, and allows just prot. */
static inline struct uiommu_pgtable_leaf
rig_leaf(uint64_t iova, uint64_t pa, uint64_t size, uint32_t prot)
{
	struct uiommu_pgtable_leaf leaf;
	uint32_t want;

	assert_int_equal(uiommu_pgtable_walk(rig.pt, iova, &leaf), 0);
	assert_false(leaf.busy);
	assert_int_equal(leaf.size, size);
	assert_int_equal(leaf.iova, iova & ~(size - 1));
	assert_int_equal(leaf.pa + (iova & (size - 1)), pa);
	assert_int_equal(leaf.prot, rig_prot(prot));
	for (want = 0; want <= UIOMMU_PROT_ALL; want++)
		assert_int_equal(rig_present(iova, want),
				 (want & UIOMMU_PROT_ALL & ~leaf.prot) == 0);
	return leaf;
}

#define RIG_TESTS_MAX 32

struct rig_test {
	const char *name;
	CMUnitTestFunction function;
};

#define rig_test(f)   \
	{             \
#f, f \
	}

/* Each test for each kind. */
static inline int
rig_run(const char *group, const struct rig_test *tests, unsigned int nb_tests)
{
	static struct CMUnitTest all[RIG_TESTS_MAX * RIG_KINDS];
	static char names[RIG_TESTS_MAX * RIG_KINDS][80];
	unsigned int i, k, nb = 0;

	for (i = 0; i < nb_tests && i < RIG_TESTS_MAX; i++) {
		for (k = 0; k < RIG_KINDS; k++, nb++) {
			snprintf(names[nb], sizeof(names[nb]), "%s_%s", tests[i].name,
				 rig_kinds[k].name);
			all[nb] = (struct CMUnitTest){
				.name = names[nb],
				.test_func = tests[i].function,
				.setup_func = rig_open,
				.teardown_func = rig_close,
				.initial_state = (void *)(uintptr_t)&rig_kinds[k],
			};
		}
	}
	return _cmocka_run_group_tests(group, all, nb, NULL, NULL);
}

#endif /* PGTABLE_RIG_H */
