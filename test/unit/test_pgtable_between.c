/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What another thread may do in the middle of a call. It is played from within the hooks that the
 * call makes, so that each case comes at the very moment that it is about, always.
 */

#include "pgtable_rig.h"

#include <signal.h>

#include <sys/mman.h>

#define BASE (UINT64_C(1) << 32)

static void (*other)(void); /* what the other thread does, once */
static unsigned int after;  /* flushes until it does */

static void
flush(void *priv, const void *va, size_t len)
{
	void (*now)(void) = other;

	if (now == NULL || after-- != 0)
		return;
	other = NULL;
	now();
}

/* A table that is made: its page, the entry that leads to it, and that again on the way down. */
#define PER_TABLE 3

/* Have the other thread do it at a flush of the next call. */
static void
meanwhile(void (*what)(void), unsigned int flushes)
{
	other = what;
	after = flushes;
}

static void
open_hooked(void)
{
	rig_table_end();
	rig.conf.flags = UIOMMU_PGTABLE_NONCOHERENT;
	rig.conf.flush = flush;
	other = NULL;
	rig_table_make();
}

/* ------------------------------------------------------- two that make the same */

static void
map_the_page(void)
{
	rig_map(BASE + rig.page, 7 * rig.page, rig.page, R);
}

/* Both find no table, both bring a page: one page goes back, whichever level they meet at. */
static void
same_table(void **state)
{
	uint32_t levels = rig.kind->levels;
	unsigned int level;

	open_hooked();
	for (level = 0; level < levels - 1; level++) {
		meanwhile(map_the_page, PER_TABLE * level);
		map_the_page();
		assert_null(other);
		rig_leaf(BASE + rig.page, 7 * rig.page, rig.page, R);
		assert_int_equal(uiommu_pgtable_pages(rig.pt), levels);
		assert_int_equal(rig_used(), levels);
		assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
		rig_gather_again();
	}
}

static void
take_the_last_page(void)
{
	/* the caller has just taken the last one */
	assert_int_equal(uiommu_pgtable_map(rig.pt, 3 * BASE, 0, rig.page, R, NULL), -ENOMEM);
	assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
}

static void
last_page(void **state)
{
	open_hooked();
	rig_table_end();
	rig.conf.pages_max = rig.kind->levels;
	rig_table_make();
	/* of that the way down is unreachable, when it comes to link the last table */
	meanwhile(take_the_last_page, PER_TABLE * (rig.kind->levels - 2));
	assert_int_equal(uiommu_pgtable_map(rig.pt, BASE + rig.page, 0, rig.page, R, NULL),
			 -EAGAIN);
	assert_null(other);
	rig_absent(BASE + rig.page);
	assert_int_equal(rig.gather.nb_freed, rig.kind->levels - 2);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
	rig_map(BASE, 0, rig.page, R);
}

static void
write_to_second_page(void)
{
	rig_map(BASE + rig.page, rig.page, rig.page, R | W);
}

/* Both split a leaf. */
static void
same_leaf(void **state)
{
	uint32_t before;

	open_hooked();
	rig_map(BASE, 0, rig_span(1), R);
	before = rig_used();
	/* after the entries of the way down, the new table: zeroed, and filled */
	meanwhile(write_to_second_page, rig.kind->levels - 2 + 1);
	rig_map(BASE + 3 * rig.page, 3 * rig.page, rig.page, R | W);
	assert_null(other);
	rig_leaf(BASE + rig.page, rig.page, rig.page, R | W);
	rig_leaf(BASE + 2 * rig.page, 2 * rig.page, rig.page, R);
	rig_leaf(BASE + 3 * rig.page, 3 * rig.page, rig.page, R | W);
	assert_int_equal(rig_used(), before + 1);
}

/* ----------------------------------------- one that maps, while tables are taken out */

static void
take_out_all(void)
{
	assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
	assert_int_equal(rig.gather.nb_freed, rig.kind->levels - 1);
}

static void
take_out_empty(void)
{
	uint64_t boundary = BASE + rig_span(1);

	assert_int_equal(rig_unmap(boundary - 2 * rig.page, 2 * rig.page, 0, NULL), 0);
	assert_int_equal(rig.gather.nb_freed, 0);
	assert_int_equal(uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather),
			 rig.kind->levels - 1);
}

/* It goes on from the end of one table, below a table that is not reachable any more. */
static void
goes_on(void (*what)(void))
{
	uint64_t page = rig.page, boundary = BASE + rig_span(1), done = 1;

	/* the tables of the way, then the pages of the first */
	meanwhile(what, PER_TABLE * (rig.kind->levels - 1));
	assert_int_equal(uiommu_pgtable_map(rig.pt, boundary - 2 * page, 0, 4 * page, R, &done),
			 -EAGAIN);
	assert_null(other);
	assert_int_equal(done, 2 * page);
	rig_absent(boundary - page);
	rig_absent(boundary);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), rig.kind->levels);
	rig_gather_again();
	/* nothing was put where nobody finds it */
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
	rig_map(boundary - 2 * page, 0, 4 * page, R);
	rig_leaf(boundary, 2 * page, page, R);
}

static void
below_a_table_unmapped(void **state)
{
	open_hooked();
	goes_on(take_out_all);
}

static void
below_a_table_trimmed(void **state)
{
	open_hooked();
	goes_on(take_out_empty);
}

/* ------------------------------------- one that takes away, while entries are made */

static unsigned int nb_calls;
static unsigned int nb_got;

/* Of a table that is on its way out: what is gone is closed, what comes later is open. */
static void
fill_again(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	uint64_t page = rig.page, start = leaf->iova & ~(rig_span(1) - 1), pa = 99 * page;
	uint64_t behind = start + rig_span(1) - page;

	nb_calls++;
	if (leaf->pa == pa)
		/* what was made below: in time, and gone with the rest */
		return;
	assert_int_equal(uiommu_pgtable_map(rig.pt, leaf->iova, pa, page, R, NULL), -EAGAIN);
	assert_int_equal(uiommu_pgtable_map(rig.pt, start, pa, page, R, NULL), -EAGAIN);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, start + page, rig.kind->page_shift, 1),
			 -EAGAIN);
	assert_int_equal(uiommu_pgtable_exchange(rig.pt, leaf->iova, leaf->pa, pa, R, &rig.gather),
			 -EAGAIN);
	assert_int_equal(uiommu_pgtable_map(rig.pt, behind, pa, page, R, NULL), 0);
}

static void
table_on_its_way_out(void **state)
{
	uint64_t page = rig.page, unmapped;

	nb_calls = 0;
	rig_map(BASE + 5 * page, 0, 3 * page, R);
	assert_int_equal(uiommu_pgtable_unmap(rig.pt, BASE, rig_span(1), 0, &rig.gather, fill_again,
					      NULL, &unmapped),
			 0);
	assert_int_equal(nb_calls, 4);
	assert_int_equal(unmapped, 4 * page);
	assert_int_equal(rig.gather.nb_freed, 1);
	rig_absent(BASE + rig_span(1) - page);
	rig_gather_again();
}

/* One that reserves while the table is being frozen: it stays. */
static void
reserve_behind(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	uint64_t start = leaf->iova & ~(rig_span(1) - 1);

	if (nb_calls++ == 0)
		nb_got += uiommu_pgtable_reserve(rig.pt, start + 20 * rig.page,
						 rig.kind->page_shift, 2) == 2;
}

static void
reservation_in_the_last_moment(void **state)
{
	uint64_t page = rig.page, unmapped, pa[2] = {8 * page, UIOMMU_PA_NONE};

	nb_calls = nb_got = 0;
	rig_map(BASE + 5 * page, 0, 3 * page, R);
	rig_map(BASE + 30 * page, 0, 3 * page, R);
	assert_int_equal(uiommu_pgtable_unmap(rig.pt, 0, rig_half(), 0, &rig.gather, reserve_behind,
					      NULL, &unmapped),
			 -EAGAIN);
	assert_int_equal(nb_got, 1);
	assert_int_equal(nb_calls, 6);
	assert_int_equal(unmapped, 6 * page);
	assert_int_equal(rig.gather.nb_freed, 0);
	uiommu_pgtable_commit(rig.pt, BASE + 20 * page, rig.kind->page_shift, 2, pa, R);
	rig_leaf(BASE + 20 * page, 8 * page, page, R);
	rig_absent(BASE + 21 * page);
	rig_absent(BASE + 5 * page);
	rig_absent(BASE + 30 * page);
	rig_map(BASE + 5 * page, 0, page, R);
}

/* ----------------------------------------------------------- memory is added to the pool */

/*
 * A walk makes no call that the other thread could be played from, but it loads entries: those of
 * one table cannot be read at first, and the signal is the moment.
 */
static void *shut;

static void
on_shut(int number)
{
	void (*now)(void) = other;

	mprotect(shut, rig.page, PROT_READ | PROT_WRITE);
	other = NULL;
	if (now != NULL)
		now();
}

static void
shut_table(void *table, void (*what)(void))
{
	shut = table;
	other = what;
	assert_int_equal(mprotect(table, rig.page, PROT_NONE), 0);
}

#define ELSEWHERE_SIZE (UINT64_C(32) << 20)
#define ELSEWHERE_PAGES 8

static uint8_t *elsewhere;

/*
 * Memory with another difference between its addresses than the pool's first. Whoever took it for
 * the same would read what follows it, which is zero. The next tables are made of it.
 */
static void
add_memory_and_map(void)
{
	const uint64_t size = ELSEWHERE_PAGES * rig.page;
	/* aligned to pages of every kind */
	const uint64_t middle = (uint64_t)(uintptr_t)elsewhere + ELSEWHERE_SIZE / 2;
	const uint64_t va = middle & ~UINT64_C(0xffff);
	const uint64_t wrong = va + size - (uint64_t)(uintptr_t)rig.mem;

	assert_int_equal(uiommu_pgpool_add(rig.pool, (void *)(uintptr_t)va, RIG_POOL_PA + wrong,
					   size), 0);
	rig_map(BASE + rig_span(1), 7 * rig.page, rig.page, R);
}

/* How a pointer comes from an address is known after the entry was loaded, not before. */
static void
memory_while_walking(void **state)
{
	const uint64_t iovas[2] = {BASE, BASE + rig_span(1)};
	struct uiommu_pgtable *pts[2];
	const uint8_t prot[2] = {R, R};
	struct uiommu_pgtable_hint hint = {0};
	struct uiommu_pgtable_hint *const hints[2] = {&hint, &hint};
	struct sigaction catch = {.sa_handler = on_shut}, before;
	uint8_t present[2];
	unsigned int near;

	elsewhere = mmap(NULL, ELSEWHERE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(elsewhere != MAP_FAILED);
	assert_int_equal(sigaction(SIGSEGV, &catch, &before), 0);
	for (near = 0; near < 2; near++) {
		rig_close(state);
		rig_open(state);
		pts[0] = rig.pt;
		pts[1] = rig.pt;
		hint = (struct uiommu_pgtable_hint){0};
		rig_map(BASE, 0, rig.page, R);
		uiommu_pgtable_check_near(&rig.pt, hints, iovas, prot, present, 1);
		assert_int_equal(present[0], 1);
		shut_table(near ? (void *)(uintptr_t)hint.table :
				  uiommu_pgpool_va(rig.pool, uiommu_pgtable_root(rig.pt)),
			   add_memory_and_map);
		if (near)
			uiommu_pgtable_check_near(pts, hints, iovas, prot, present, 2);
		else
			uiommu_pgtable_check(pts, iovas, prot, present, 2);
		assert_null(other);
		assert_int_equal(present[0], 1);
		assert_int_equal(present[1], 1);
	}
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	/* the table goes with its pool, and the pool before its memory */
	rig_close(state);
	munmap(elsewhere, ELSEWHERE_SIZE);
	rig_open(state);
}

int
main(void)
{
	static const struct rig_test tests[] = {
		rig_test(same_table),
		rig_test(last_page),
		rig_test(same_leaf),
		rig_test(below_a_table_unmapped),
		rig_test(below_a_table_trimmed),
		rig_test(table_on_its_way_out),
		rig_test(reservation_in_the_last_moment),
		rig_test(memory_while_walking),
	};

	return rig_run("pgtable_between", tests, ARRAY_COUNT(tests));
}
