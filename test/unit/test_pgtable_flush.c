/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Tables for a walker that does not snoop. Such a walker is played by a second table over a
 * copy of the memory, into which only the hook copies: what was not flushed is not there,
 * and pages that were never flushed are full of leaves that lead nowhere. Each flush may be
 * the moment at which it walks, so it does.
 */

#include "pgtable_rig.h"

#define BASE (UINT64_C(1) << 32)

/* Every address is mapped to itself and this. */
#define AWAY UINT64_C(0x4000000000)

/* A leaf in all formats, at all levels. */
#define POISON UINT64_C(0x00005a5a5a5a508d)

static struct uiommu_pgpool *copy_pool;
static struct uiommu_pgtable *copy_pt;
static void *copy_pool_mem;
static uint8_t *copy;
static unsigned int nb_flushed;
static size_t last_at; /* what was flushed last: from the start of the memory */
static bool late;      /* the hook of another thread, that has not come to it yet */

static void
leads_right(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	if (!leaf->busy && leaf->pa != leaf->iova + AWAY)
		fail_msg("the walker finds 0x%llx at 0x%llx", (unsigned long long)leaf->pa,
			 (unsigned long long)leaf->iova);
}

static void
walk_all(void)
{
	assert_int_equal(uiommu_pgtable_iterate(copy_pt, 0, rig_half(), leads_right, NULL), 0);
}

static void
flush(void *priv, const void *va, size_t len)
{
	size_t at = (size_t)((const uint8_t *)va - (uint8_t *)rig.mem);

	assert_ptr_equal(priv, &rig);
	assert_true(at + len <= RIG_PAGES * rig.page);
	if (late)
		return;
	memcpy(copy + at, va, len);
	nb_flushed++;
	last_at = at;
	walk_all();
}

/* For the walker the leaf is there, or is not. */
static void
walker_finds(uint64_t iova, uint64_t size, uint32_t prot)
{
	struct uiommu_pgtable_leaf leaf;

	assert_int_equal(uiommu_pgtable_walk(copy_pt, iova, &leaf), 0);
	assert_int_equal(leaf.pa, (iova & ~(size - 1)) + AWAY);
	assert_int_equal(leaf.size, size);
	assert_int_equal(leaf.prot, rig_prot(prot));
}

static void
walker_misses(uint64_t iova)
{
	uint8_t prot = 0, present = 1;

	uiommu_pgtable_check(&copy_pt, &iova, &prot, &present, 1);
	assert_int_equal(present, 0);
}

static void
forget(void *priv, uint64_t iova, uint64_t len)
{
	walker_misses(iova);
	walker_misses(iova + len - 1);
}

static void
open_both(uint64_t flags)
{
	size_t size = RIG_PAGES * rig.page;
	struct uiommu_pgtable_conf conf = rig.conf;
	uint64_t *word;

	/* the same addresses for the unit, in the same order: the root is the same page */
	copy = rig_alloc(65536, size);
	copy_pool_mem = rig_alloc(64, uiommu_pgpool_size(16, rig.kind->page_shift));
	copy_pool = uiommu_pgpool_init(copy_pool_mem, 16, rig.kind->page_shift);
	assert_int_equal(uiommu_pgpool_add(copy_pool, copy, RIG_POOL_PA, size), 0);
	copy_pt = rig_alloc(64, uiommu_pgtable_size());
	conf.pool = copy_pool;
	assert_int_equal(uiommu_pgtable_init(copy_pt, &conf), 0);
	for (word = (uint64_t *)copy; word < (uint64_t *)(copy + size); word++)
		*word = POISON;
	memset(uiommu_pgpool_va(copy_pool, uiommu_pgtable_root(copy_pt)), 0, rig.page);

	rig_table_end();
	rig.conf.flags = UIOMMU_PGTABLE_NONCOHERENT | flags;
	rig.conf.flush = flush;
	rig.conf.invalidate = forget;
	rig.conf.hook_priv = &rig;
	late = false;
	nb_flushed = 0;
	rig_table_make();
	assert_int_equal(uiommu_pgtable_root(rig.pt), uiommu_pgtable_root(copy_pt));
	assert_int_equal(nb_flushed, 1);
}

static void
close_both(void)
{
	free(copy_pt);
	free(copy_pool_mem);
	free(copy);
}

static void
map_here(uint64_t iova, uint64_t len, uint32_t prot)
{
	rig_map(iova, iova + AWAY, len, prot);
}

static void
mapped_and_unmapped(void **state)
{
	uint64_t page = rig.page, large = rig_span(1);

	open_both(0);
	map_here(BASE - 3 * page, 4 * page + large, R | W);
	walker_finds(BASE - 3 * page, page, R | W);
	walker_finds(BASE - page, page, R | W);
	walker_finds(BASE, large, R | W);
	walker_finds(BASE + large, page, R | W);
	walker_misses(BASE + large + page);
	assert_int_equal(rig_unmap(BASE - 2 * page, page, 0, NULL), 0);
	walker_finds(BASE - 3 * page, page, R | W);
	walker_misses(BASE - 2 * page);
	walker_finds(BASE - page, page, R | W);
	assert_int_equal(rig_unmap(BASE + 5 * page, 2 * page, 0, NULL), 0);
	walker_finds(BASE + 4 * page, page, R | W);
	walker_misses(BASE + 5 * page);
	walker_misses(BASE + 6 * page);
	walker_finds(BASE + 7 * page, page, R | W);
	assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
	walker_misses(BASE + 7 * page);
	walker_misses(BASE - 3 * page);
	rig_gather_again();
	/* pages that were tables before are zeroed for the walker, too */
	map_here(2 * BASE + page, page, R);
	map_here(BASE + page, page, R);
	map_here(BASE - page, page, R);
	walk_all();
	walker_finds(2 * BASE + page, page, R);
	close_both();
}

static void
changed(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), pa[3], i;
	uint32_t shift = rig.kind->page_shift;

	open_both(0);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, shift, 3), 3);
	for (i = 0; i < 3; i++) {
		walker_misses(BASE + i * page);
		pa[i] = BASE + i * page + AWAY;
	}
	uiommu_pgtable_commit(rig.pt, BASE, shift, 3, pa, R);
	for (i = 0; i < 3; i++)
		walker_finds(BASE + i * page, page, R);
	map_here(BASE + page, page, R | W);
	walker_finds(BASE + page, page, R | W);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, BASE, 3 * page, R, &rig.gather), 0);
	walker_finds(BASE + page, page, R);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, BASE, pa[0], pa[0], R | W, &rig.gather),
			 0);
	walker_finds(BASE, page, R | W);
	assert_int_equal(rig_unmap(BASE, 2 * page, UIOMMU_UNMAP_BUSY, NULL), 0);
	walker_misses(BASE);
	walker_misses(BASE + page);
	walker_finds(BASE + 2 * page, page, R);
	/* another's entry keeps the table: all others are absent to the walker */
	assert_int_equal(rig_unmap(BASE, large, 0, NULL), -EAGAIN);
	walker_misses(BASE + 2 * page);
	uiommu_pgtable_commit(rig.pt, BASE, shift, 2, NULL, 0);
	assert_true(uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather) > 0);
	rig_gather_again();
	map_here(BASE, large, R);
	walker_finds(BASE, large, R);
	/* a thread that maps splits, too */
	map_here(BASE + page, page, R | W);
	walker_finds(BASE, page, R);
	walker_finds(BASE + page, page, R | W);
	close_both();
}

/* Bits that were cleared are clear to the walker: it would not set them again. */
static void
sampled(void **state)
{
	static const uint64_t accessed[] = {0x20, 0x100, 0x400, 0x40};
	struct uiommu_pgtable_leaf leaf;
	uint64_t page = rig.page;

	open_both(0);
	map_here(BASE, page, R | W);
	/* the walker writes to memory, and here that is in both places */
	*(uint64_t *)(copy + last_at) |= accessed[rig.kind->format];
	*(uint64_t *)((uint8_t *)rig.mem + last_at) |= accessed[rig.kind->format];
	assert_int_equal(uiommu_pgtable_walk(rig.pt, BASE, &leaf), 0);
	assert_true(leaf.accessed);
	assert_int_equal(uiommu_pgtable_sample(rig.pt, BASE, page, UIOMMU_SAMPLE_CLEAR_ACCESSED,
					       &rig.gather, NULL, NULL),
			 0);
	assert_int_equal(uiommu_pgtable_walk(copy_pt, BASE, &leaf), 0);
	assert_false(leaf.accessed);
	/* nothing is set, nothing is written */
	nb_flushed = 0;
	assert_int_equal(uiommu_pgtable_sample(rig.pt, BASE, page, UIOMMU_SAMPLE_CLEAR_ACCESSED,
					       &rig.gather, NULL, NULL),
			 0);
	assert_int_equal(nb_flushed, 0);
	close_both();
}

/* A large leaf that must break first is gone for the walker when it is made to forget. */
static void
broken_first(void **state)
{
	uint64_t page = rig.page, large = rig_span(1);

	open_both(UIOMMU_PGTABLE_BREAK_FIRST);
	map_here(BASE, large, R | W);
	assert_int_equal(rig_unmap(BASE + page, page, 0, NULL), 0);
	walker_finds(BASE, page, R | W);
	walker_misses(BASE + page);
	close_both();
}

/* What another has written and not flushed yet: nobody says that it is there before it is. */
static void
written_by_another(void **state)
{
	uint64_t page = rig.page;
	uint32_t shift = rig.kind->page_shift;

	open_both(0);
	late = true;
	map_here(BASE, 2 * page, R);
	walker_misses(BASE);
	late = false;
	/* the pages of its tables were flushed before they were reachable: play that */
	memset(copy, 0, RIG_PAGES * rig.page);
	map_here(BASE, page, R);
	walker_finds(BASE, page, R);
	walker_misses(BASE + 2 * page);

	late = true;
	map_here(2 * BASE, page, R);
	late = false;
	walker_misses(2 * BASE);
	assert_true(rig_present(2 * BASE, R));
	walker_finds(2 * BASE, page, R);

	late = true;
	map_here(3 * BASE, page, R);
	late = false;
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, 3 * BASE + page, shift, 1), 1);
	uiommu_pgtable_commit(rig.pt, 3 * BASE + page, shift, 1,
			      &(uint64_t){3 * BASE + page + AWAY}, R);
	walker_finds(3 * BASE + page, page, R);
	close_both();
}

int
main(void)
{
	static const struct rig_test tests[] = {
		rig_test(mapped_and_unmapped),
		rig_test(changed),
		rig_test(sampled),
		rig_test(broken_first),
		rig_test(written_by_another),
	};

	return rig_run("pgtable_flush", tests, ARRAY_COUNT(tests));
}
