/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Eviction: lib/iommu/evict.c and evict_batch.c. */

#include "region_rig.h"

#define IOVA UINT64_C(0x40000000)

static uint32_t
evict(uint32_t nb)
{
	uint32_t gone = UINT32_MAX;

	assert_int_equal(uiommu_domain_evict(&domain, nb, &gone), 0);
	assert_false(lock_is_held);
	assert_int_equal(paging->evicting, 0);
	return gone;
}

/* ----------------------------------------------------------------------- the clock */

static void
what_nobody_uses_goes(void **state)
{
	struct store *store = store_add(0, IOVA, 64, 12);
	unsigned int i;

	store_bring(store, 0, 64);
	for (i = 0; i < 64; i += 2)
		store_use(store, i, i % 4 == 0);
	assert_int_equal(evict(8), 8);
	/* the first eight that were not used */
	for (i = 0; i < 64; i++)
		assert_int_equal(is_there(store, i), i % 2 == 0 || i >= 16);
	assert_int_equal(store->nb_puts, 8);
	assert_int_equal(store->nb_dirty, 0);
	assert_int_equal(paging->resident, 56);
	assert_int_equal(paging->ctl.evicted_pages, 8);
	assert_int_equal(paging->ctl.spared_pages, 8);
	assert_int_equal(paging->ctl.written_pages, 0);
	/* one batch: one flush for all that was unmapped and all that was spared; tables stay */
	assert_int_equal(nb_flushes, 1);
	assert_int_equal(store->nb_put_calls, 1);
}

/* Spared pages are forgotten by the unit, so that it shows when they are used again. */
static void
used_again_is_spared_again(void **state)
{
	struct store *store = store_add(0, IOVA, 8, 12);
	unsigned int i;

	store_bring(store, 0, 8);
	for (i = 0; i < 8; i++)
		store_use(store, i, false);
	/* round one spares all, round two takes the first */
	assert_int_equal(evict(1), 1);
	assert_false(is_there(store, 0));
	assert_int_equal(paging->ctl.spared_pages, 8);
	assert_int_equal(nb_cached, 0);
	store_use(store, 1, false);
	store_use(store, 3, false);
	assert_int_equal(evict(2), 2);
	for (i = 1; i < 8; i++)
		assert_int_equal(is_there(store, i), i != 2 && i != 4);
	assert_int_equal(paging->ctl.spared_pages, 10);
}

static void
use_first(void)
{
	if (nb_flushes == 1)
		store_use(&stores[0], 0, false);
}

/* All were used; what is used once more while the clock is on its way round is spared again. */
static void
second_round_looks_again(void **state)
{
	struct store *store = store_add(0, IOVA, 8, 12);
	unsigned int i;

	store_bring(store, 0, 8);
	for (i = 0; i < 8; i++)
		store_use(store, i, false);
	flush_hook = use_first;
	assert_int_equal(evict(1), 1);
	assert_true(is_there(store, 0));
	assert_false(is_there(store, 1));
}

static void
the_hand_goes_on_and_round(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);
	unsigned int i;

	store_bring(store, 0, 16);
	assert_int_equal(evict(6), 6);
	store_bring(store, 0, 6);
	assert_int_equal(evict(6), 6);
	for (i = 0; i < 16; i++)
		assert_int_equal(is_there(store, i), i < 6 || i >= 12);
	/* over the end, on with the first: ascending runs are one put() each */
	store->nb_put_calls = 0;
	assert_int_equal(evict(6), 6);
	for (i = 0; i < 16; i++)
		assert_int_equal(is_there(store, i), i >= 2 && i < 6);
	assert_int_equal(store->nb_put_calls, 2);
}

static void
there_are_not_so_many(void **state)
{
	struct store *store = store_add(0, IOVA, 64, 12);
	uint32_t gone = 1;

	assert_int_equal(evict(5), 0);
	store_bring(store, 3, 2);
	assert_int_equal(evict(5), 2);
	assert_int_equal(store->nb_supplied, 0);
	assert_int_equal(paging->resident, 0);
	assert_int_equal(evict(0), 0);
	assert_int_equal(uiommu_domain_evict(&domain, 1, NULL), 0);
	assert_int_equal(uiommu_domain_evict(NULL, 1, &gone), -EINVAL);
	assert_int_equal(gone, 0);
	paging->demand = false;
	assert_int_equal(uiommu_domain_evict(&domain, 1, NULL), -EINVAL);
	paging->demand = true;
	in_handler = true;
	assert_int_equal(uiommu_domain_evict(&domain, 1, NULL), -EDEADLK);
	in_handler = false;
	unit.state = UIOMMU_DEV_FAILED;
	assert_int_equal(uiommu_domain_evict(&domain, 1, NULL), -EIO);
	unit.state = UIOMMU_DEV_STARTED;
	nb_allowed = 0;
	assert_int_equal(uiommu_domain_evict(&domain, 1, NULL), -ENOMEM);
	nb_allowed = UINT32_MAX;
}

/* Only pages of applications: the rest stays where it is. */
static void
several_regions(void **state)
{
	const struct uiommu_backing anon = {.size = sizeof(anon), .type = UIOMMU_BACKING_ANON};
	struct store *last = store_add(1, UINT64_C(0x7f0000000000), 16, 12);
	struct store *first = store_add(0, IOVA, 16, 12);
	uint64_t pa;

	assert_non_null(uiommu_region_add(&domain, IOVA + 64 * PAGE, PAGE, &anon, RW));
	assert_non_null(uiommu_pgpool_get(unit.frame_pool, &pa));
	assert_int_equal(uiommu_pgtable_map(paging->pt, IOVA + 64 * PAGE, pa, PAGE, RW, NULL), 0);
	store_bring(first, 0, 16);
	store_bring(last, 0, 16);
	assert_int_equal(evict(20), 20);
	assert_int_equal(first->nb_puts, 16);
	assert_int_equal(last->nb_puts, 4);
	assert_int_equal(evict(100), 12);
	assert_int_equal(pool_used(unit.frame_pool), 1);
	/* in one batch: two applications, two calls */
	assert_int_equal(first->nb_put_calls, 1);
	assert_int_equal(last->nb_put_calls, 2);
}

/* Much is sparse: the hand takes long steps and finds what there is. */
static void
far_apart(void **state)
{
	struct store *store = store_add(0, 0, STORE_PAGES, 21);
	unsigned int i;

	for (i = 0; i < STORE_PAGES; i += 700)
		store_bring(store, i, 1);
	assert_int_equal(evict(6 * 512), 6 * 512);
	for (i = 0; i < STORE_PAGES; i += 700)
		assert_int_equal(is_there(store, i), i >= 6 * 700);
	assert_int_equal(evict(UINT32_MAX), 6 * 512);
	/* root, and none of the tables below */
	assert_int_equal(uiommu_pgtable_pages(paging->pt) <= 2, 1);
}

static void
more_than_a_batch(void **state)
{
	struct store *store = store_add(0, IOVA, STORE_PAGES, 12);

	store_bring(store, 0, STORE_PAGES);
	assert_int_equal(evict(3000), 3000);
	assert_int_equal(store->nb_puts, 3000);
	assert_int_equal(store->nb_put_calls, 3);
	assert_int_equal(store->longest_put, UIOMMU_BATCH_ITEMS);
	assert_int_equal(paging->resident, STORE_PAGES - 3000);
	assert_true(is_there(store, 3000));
	assert_false(is_there(store, 2999));
}

/* ----------------------------------------------------------------------------- dirty */

static void
what_was_written_is_said_to_be(void **state)
{
	struct store *store = store_add(0, IOVA, 32, 12);
	unsigned int i;

	store_bring(store, 0, 32);
	for (i = 0; i < 32; i += 3)
		store_use(store, i, true);
	assert_int_equal(evict(32), 32);
	assert_int_equal(store->nb_dirty, 11);
	assert_int_equal(paging->ctl.written_pages, 11);
	/* again, and nothing is written: nothing is dirty */
	store_bring(store, 0, 32);
	assert_int_equal(evict(32), 32);
	assert_int_equal(store->nb_dirty, 11);
	assert_int_equal(paging->ctl.written_pages, 11);
}

/* A unit without accessed and dirty bits: first in, first out; all that can be is dirty. */
static void
untracked(void **state)
{
	struct store *store;
	unsigned int i;

	rig_teardown(state);
	assert_int_equal(rig_open(UIOMMU_PGTABLE_X86_FIRST, UIOMMU_PGTABLE_NO_AD), 0);
	lock_is_held = false;
	store = store_add(0, IOVA, 8, 12);
	store_bring(store, 0, 8);
	store_use(store, 0, true);
	assert_int_equal(evict(3), 3);
	for (i = 0; i < 8; i++)
		assert_int_equal(is_there(store, i), i >= 3);
	assert_int_equal(store->nb_dirty, 3);
	assert_int_equal(paging->ctl.spared_pages, 0);
}

static void
dirty_bits_were_lost(void **state)
{
	struct store *store = store_add(0, IOVA, 8, 12);

	store_bring(store, 0, 8);
	paging->dirty_unknown = true;
	assert_int_equal(evict(8), 8);
	assert_int_equal(store->nb_dirty, 8);
}

/* -------------------------------------------------------------------------- large pages */

static void
large_pages_go_as_a_whole(void **state)
{
	struct store *store = store_add(0, IOVA, 4, 21);
	struct uiommu_pgtable_gather gather;

	store_bring(store, 0, 4);
	store_use(store, 0, false);
	/* a part of a page loses access: its leaf is split, the page is one page all the same */
	uiommu_pgtable_gather_init(&gather);
	assert_int_equal(uiommu_pgtable_protect(paging->pt, IOVA + 3 * LARGE + 5 * PAGE, PAGE, R,
						&gather), 0);
	nb_cached = 0;
	assert_true(access_page(IOVA + 3 * LARGE + 9 * PAGE, true) ==
		    frame_of(store, 3) + 9 * PAGE);
	store->held[3]++;
	assert_int_equal(evict(1), 512);
	assert_false(is_there(store, 1));
	assert_int_equal(evict(513), 1024);
	assert_int_equal(evict(1), 512);
	assert_int_equal(store->nb_puts, 4);
	assert_int_equal(store->nb_dirty, 1);
	assert_int_equal(paging->resident, 0);
	/* the table that the split leaf had left is gone: large pages come again */
	store_bring(store, 0, 4);
	assert_true(is_there(store, 3));
}

/* ----------------------------------------------------------------------- several threads */

static void
evict_too(struct store *store)
{
	uint32_t gone = 0;

	assert_int_equal(uiommu_domain_evict(&domain, 4, &gone), 0);
	assert_int_equal(gone, 4);
}

/* While pages are given back, another thread evicts others. */
static void
two_at_once(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);
	unsigned int i;

	store_bring(store, 0, 16);
	store->hook = evict_too;
	assert_int_equal(evict(4), 4);
	for (i = 0; i < 16; i++)
		assert_int_equal(is_there(store, i), i >= 8);
	assert_int_equal(paging->resident, 8);
	assert_int_equal(store->region->users, 0);
}

static void
remove_other(struct store *store)
{
	assert_int_equal(paging->evicting, 1);
	assert_int_equal(uiommu_region_remove(stores[1].region), 0);
	stores[1].region = NULL;
}

/* ... or takes another region away, which is next. */
static void
region_goes_meanwhile(void **state)
{
	struct store *first = store_add(0, IOVA, UIOMMU_BATCH_ITEMS, 12);
	struct store *second = store_add(1, IOVA + 4 * LARGE, 16, 12);

	store_bring(first, 0, UIOMMU_BATCH_ITEMS);
	store_bring(second, 0, 16);
	first->hook = remove_other;
	assert_int_equal(evict(UIOMMU_BATCH_ITEMS + 8), UIOMMU_BATCH_ITEMS);
	assert_int_equal(second->nb_puts, 16);
	assert_int_equal(first->nb_puts, UIOMMU_BATCH_ITEMS);
	assert_int_equal(paging->regions->nb, 1);
}

/* A fault is on its way to a page: it is none of ours. */
static void
page_on_its_way_in(void **state)
{
	struct store *store = store_add(0, IOVA, 4, 12);
	struct uiommu_backing_page page = {.offset = PAGE};

	store_bring(store, 0, 1);
	store_bring(store, 2, 1);
	assert_int_equal(uiommu_pgtable_reserve(paging->pt, IOVA + PAGE, 12, 1), 1);
	assert_int_equal(evict(4), 2);
	store_get(store, &page, 1);
	assert_true(uiommu_pvt_resident_take(paging, 1));
	uiommu_pgtable_commit(paging->pt, IOVA + PAGE, 12, 1, &page.pa, RW);
	assert_true(is_there(store, 1));
	assert_int_equal(evict(4), 1);
}

static unsigned int puts_at_grace;

static void
grace_look(void)
{
	puts_at_grace = stores[0].nb_puts;
	assert_int_equal(nb_flushes, 1);
}

/* Who has looked a page up may map it again: he has gone before it is given back. */
static void
readers_pass_first(void **state)
{
	struct store *store = store_add(0, IOVA, 4, 12);

	store_bring(store, 0, 4);
	nb_graces = 0;
	puts_at_grace = UINT32_MAX;
	grace_hook = grace_look;
	assert_int_equal(evict(4), 4);
	grace_hook = NULL;
	assert_int_equal(nb_graces, 1);
	assert_int_equal(puts_at_grace, 0);
}

/* ------------------------------------------------------------------------------- errors */

/* The unit does not say that it has forgotten: nothing is given back. */
static void
unit_fails(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);
	uint32_t gone = 1;

	store_bring(store, 0, 16);
	store_use(store, 1, true);
	flush_result = -ETIMEDOUT;
	assert_int_equal(uiommu_domain_evict(&domain, 8, &gone), -ETIMEDOUT);
	assert_int_equal(gone, 0);
	assert_int_equal(store->nb_puts, 0);
	assert_int_equal(paging->resident, 16);
	assert_int_equal(paging->ctl.evicted_pages, 0);
	/* faults do not bring them back, other pages are untouched */
	assert_int_equal(uiommu_pgtable_reserve(paging->pt, IOVA, 12, 1), -EAGAIN);
	/* still not: nothing changes */
	assert_int_equal(uiommu_domain_evict(&domain, 8, &gone), -ETIMEDOUT);
	assert_int_equal(store->nb_puts, 0);
	/* the unit works again: they are given back, as they may have been written */
	flush_result = 0;
	assert_int_equal(evict(1), 1);
	assert_int_equal(store->nb_puts, 9);
	assert_true(store->nb_dirty >= 8);
	assert_int_equal(paging->resident, 7);
	store_bring(store, 0, 9);
}

/* It never does: the domain gives everything back when it goes. */
static void
unit_fails_for_good(void **state)
{
	struct store *store = store_add(0, IOVA, 16, 12);

	store_bring(store, 0, 16);
	store_use(store, 15, true);
	grace_result = -ETIMEDOUT;
	assert_int_equal(uiommu_domain_evict(&domain, 8, NULL), -ETIMEDOUT);
	assert_int_equal(store->nb_puts, 0);
	assert_int_equal(store->nb_supplied, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		CASE(what_nobody_uses_goes),
		CASE(used_again_is_spared_again),
		CASE(second_round_looks_again),
		CASE(the_hand_goes_on_and_round),
		CASE(there_are_not_so_many),
		CASE(several_regions),
		CASE(far_apart),
		CASE(more_than_a_batch),
		CASE(what_was_written_is_said_to_be),
		CASE(untracked),
		CASE(dirty_bits_were_lost),
		CASE(large_pages_go_as_a_whole),
		CASE(two_at_once),
		CASE(region_goes_meanwhile),
		CASE(page_on_its_way_in),
		CASE(readers_pass_first),
		CASE(unit_fails),
		CASE(unit_fails_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
