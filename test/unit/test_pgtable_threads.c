/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page tables and threads: any number that map and look, and one that takes away. Every kind of
 * table. What was taken out is given back after a grace period, as an application has it: each
 * of the others says between two calls that it holds nothing.
 */

#include "pgtable_rig.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define BASE (UINT64_C(1) << 32)
#define AWAY UINT64_C(0x4000000000)
#define READERS 3
#define GRACE_LIMIT_S 60

struct reader {
	_Alignas(64) uint64_t passed; /* calls that are over */
	pthread_t thread;
	unsigned int id;
	uint64_t wrong;
	uint64_t filled;
};

static struct reader readers[READERS];
static uint32_t stop;

/*
 * Both sides read and write: who comes second has what the first one did before. Release pairs with
 * acquire of the other function.
 */
static uint64_t
passed(struct reader *reader, uint64_t more)
{
	return __atomic_fetch_add(&reader->passed, more, __ATOMIC_ACQ_REL);
}

/* Until each reader has ended the call that it may be in, and one that began after this. */
static bool
grace_period(void)
{
	time_t end = time(NULL) + GRACE_LIMIT_S;
	unsigned int i;

	for (i = 0; i < READERS; i++) {
		uint64_t seen = passed(&readers[i], 0);

		while (passed(&readers[i], 0) < seen + 2) {
			if (time(NULL) > end)
				return false;
			sched_yield();
		}
	}
	return true;
}

static void
readers_start(void *(*function)(void *))
{
	unsigned int i;

	memset(readers, 0, sizeof(readers));
	stop = 0;
	for (i = 0; i < READERS; i++) {
		readers[i].id = i;
		assert_int_equal(pthread_create(&readers[i].thread, NULL, function, &readers[i]),
				 0);
	}
}

static void
readers_join(void)
{
	unsigned int i;

	for (i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
	for (i = 0; i < READERS; i++)
		assert_int_equal(readers[i].wrong, 0);
}

#define SAME_PAGES 600

static void *
map_the_same(void *arg)
{
	struct reader *reader = arg;
	uint64_t i, done;

	/* one after the other, so that they meet at each new table */
	for (i = 0; i < SAME_PAGES; i++) {
		uint64_t at = BASE + i * rig.page + i / 50 * rig_span(1);

		reader->wrong +=
			uiommu_pgtable_map(rig.pt, at, at + AWAY, rig.page, R | W, &done) != 0 ||
			done != rig.page;
	}
	return NULL;
}

/* All succeed, and no page for a table is taken twice. */
static void
same_pages(void **state)
{
	uint32_t pages;
	uint64_t i;

	readers_start(map_the_same);
	readers_join();
	pages = uiommu_pgtable_pages(rig.pt);
	assert_int_equal(rig_used(), pages);
	for (i = 0; i < SAME_PAGES; i++) {
		uint64_t at = BASE + i * rig.page + i / 50 * rig_span(1);

		rig_leaf(at, at + AWAY, rig.page, R | W);
	}
	assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
	assert_int_equal(rig.nb_seen, SAME_PAGES);
	assert_int_equal(rig.gather.nb_freed, pages - 1);
	rig_gather_again();
	/* just as many as one thread alone takes */
	memset(readers, 0, sizeof(readers));
	map_the_same(&readers[0]);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), pages);
}

static void *
map_neighbours(void *arg)
{
	struct reader *reader = arg;
	uint64_t i;

	for (i = reader->id; i < SAME_PAGES; i += READERS) {
		uint64_t at = BASE + (i - SAME_PAGES / 2) * rig.page;

		if (i % 5 == 0)
			reader->wrong +=
				uiommu_pgtable_reserve(rig.pt, at, rig.kind->page_shift, 1) != 1;
		if (i % 5 == 0)
			uiommu_pgtable_commit(rig.pt, at, rig.kind->page_shift, 1,
					      &(uint64_t){at + AWAY}, R | W);
		else
			reader->wrong += uiommu_pgtable_map(rig.pt, at, at + AWAY, rig.page, R | W,
							    NULL) != 0;
		/* access is added to what others have mapped */
		at = BASE + 2 * rig_span(1) + i / READERS * rig.page;
		reader->wrong += uiommu_pgtable_map(rig.pt, at, at + AWAY, rig.page,
						    reader->id == 0   ? R
						    : reader->id == 1 ? R | W
								      : R | X,
						    NULL) != 0;
	}
	return NULL;
}

static void
neighbours(void **state)
{
	uint64_t i;

	readers_start(map_neighbours);
	readers_join();
	for (i = 0; i < SAME_PAGES; i++) {
		uint64_t at = BASE + (i - SAME_PAGES / 2) * rig.page;

		rig_leaf(at, at + AWAY, rig.page, R | W);
		at = BASE + 2 * rig_span(1) + i / READERS * rig.page;
		rig_leaf(at, at + AWAY, rig.page, R | W | X);
	}
	assert_int_equal(rig_used(), uiommu_pgtable_pages(rig.pt));
}

/* Part of a large leaf wants more access: one of them splits it. */
static void *
split_the_same(void *arg)
{
	struct reader *reader = arg;
	uint64_t i;

	for (i = 0; i < 8; i++) {
		uint64_t at = BASE + i * rig_span(1) + (reader->id + 1) * rig.page;

		reader->wrong +=
			uiommu_pgtable_map(rig.pt, at, at + AWAY, rig.page, R | W, NULL) != 0;
	}
	return NULL;
}

static void
same_large_leaf(void **state)
{
	uint32_t before;
	uint64_t i, k;

	rig_map(BASE, BASE + AWAY, 8 * rig_span(1), R);
	before = uiommu_pgtable_pages(rig.pt);
	readers_start(split_the_same);
	readers_join();
	for (i = 0; i < 8; i++)
		for (k = 0; k < READERS + 2; k++) {
			uint64_t at = BASE + i * rig_span(1) + k * rig.page;

			rig_leaf(at, at + AWAY, rig.page, k == 0 || k == READERS + 1 ? R : R | W);
		}
	assert_int_equal(uiommu_pgtable_pages(rig.pt), before + 8);
	assert_int_equal(rig_used(), before + 8);
}

/*
 * Pages, now and then large leaves; whatever is there is right. The area is two entries of level 1,
 * so that tables come and go all the time.
 */
static void
use_area(struct reader *reader, uint64_t *random)
{
	uint64_t r = unit_random(random), large = rig_span(1);
	uint64_t at = BASE + (r >> 8) % (2 * large / rig.page) * rig.page;
	struct uiommu_pgtable_leaf leaf;
	uint8_t want = R, present;
	uint64_t pa, done;
	int rc;

	switch (r % 8) {
	case 0:
		at = BASE + (r >> 8) % 2 * large;
		rc = uiommu_pgtable_map(rig.pt, at, at + AWAY, large, R, &done);
		reader->wrong += rc != 0 && rc != -EAGAIN;
		break;
	case 1:
		rc = uiommu_pgtable_reserve(rig.pt, at, rig.kind->page_shift, 1);
		if (rc == 1) {
			pa = r % 16 < 8 ? at + AWAY : UIOMMU_PA_NONE;
			uiommu_pgtable_commit(rig.pt, at, rig.kind->page_shift, 1, &pa, R);
		}
		reader->wrong += rc != 1 && rc != -EAGAIN && rc != -EEXIST;
		break;
	case 2:
		rc = uiommu_pgtable_walk(rig.pt, at, &leaf);
		reader->wrong += rc == 0 && leaf.pa - leaf.iova != AWAY;
		reader->wrong += rc != 0 && rc != -EAGAIN && rc != -ENOENT;
		break;
	case 3:
		uiommu_pgtable_check(&rig.pt, &at, &want, &present, 1);
		break;
	default:
		rc = uiommu_pgtable_map(rig.pt, at, at + AWAY, rig.page, r % 16 < 8 ? R : R | W,
					&done);
		reader->wrong += rc != 0 && rc != -EAGAIN;
		reader->wrong += done != (rc == 0 ? rig.page : 0);
		break;
	}
}

static void *
use_table(void *arg)
{
	struct reader *reader = arg;
	uint64_t random = reader->id + 1;

	while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
		use_area(reader, &random);
		/* where there are more threads than processors, the writer gets its turn */
		if (passed(reader, 1) % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void
leads_right(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	uint64_t *bytes = priv;

	if (leaf->pa - leaf->iova != AWAY)
		fail_msg("0x%llx leads to 0x%llx", (unsigned long long)leaf->iova,
			 (unsigned long long)leaf->pa);
	*bytes += leaf->size;
}

static void
take_away(uint64_t r)
{
	uint64_t large = rig_span(1), at = BASE + (r >> 8) % (2 * large / rig.page) * rig.page;
	uint64_t bytes = 0, unmapped = 0;
	int rc = 0;

	switch (r % 6) {
	case 0: /* all, with the tables above */
		rc = uiommu_pgtable_unmap(rig.pt, 0, rig_half(), 0, &rig.gather, leads_right,
					  &bytes, &unmapped);
		break;
	case 1: /* one table */
		rc = uiommu_pgtable_unmap(rig.pt, BASE + (r >> 8) % 2 * large, large, 0,
					  &rig.gather, leads_right, &bytes, &unmapped);
		break;
	case 2: /* some pages */
		rc = uiommu_pgtable_unmap(rig.pt, at, BASE + 2 * large - at, 0, &rig.gather,
					  leads_right, &bytes, &unmapped);
		break;
	case 3:
		rc = uiommu_pgtable_protect(rig.pt, at, rig.page, R, &rig.gather);
		break;
	case 4:
		uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather);
		break;
	default:
		rc = uiommu_pgtable_sample(rig.pt, BASE, 2 * large, UIOMMU_SAMPLE_CLEAR_ACCESSED,
					   &rig.gather, leads_right, &bytes);
		unmapped = bytes;
		break;
	}
	assert_true(rc == 0 || rc == -EAGAIN);
	assert_int_equal(bytes, unmapped);
}

#define ROUNDS 60

/* Nobody ever finds a wrong address, and in the end every page is back. */
static void
one_takes_away(void **state)
{
	uint64_t random = 99;
	unsigned int i;
	bool waited = true;

	readers_start(use_table);
	for (i = 0; i < ROUNDS && waited; i++) {
		take_away(unit_random(&random));
		waited = grace_period();
		rig_gather_again();
		sched_yield();
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	readers_join();
	assert_true(waited);
	assert_int_equal(rig_unmap(0, rig_half(), 0, NULL), 0);
	rig_gather_again();
	assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
	assert_int_equal(rig_used(), 1);
}

/* Reservations that are filled, each a leaf that was not there before. */
static void *
fill_entries(void *arg)
{
	struct reader *reader = arg;
	uint64_t random = reader->id + 1, pa[4];
	int got, i;

	while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
		uint64_t r = unit_random(&random);
		uint64_t at = BASE + r % 2 * rig_span(1) + (r >> 8) % 64 * rig.page;

		got = uiommu_pgtable_reserve(rig.pt, at, rig.kind->page_shift, 1 + (r >> 32) % 4);
		reader->wrong += got < 1 && got != -EAGAIN && got != -EEXIST;
		for (i = 0; i < got; i++)
			pa[i] = (r >> (40 + i) & 1) != 0 ? at + i * rig.page + AWAY
							 : UIOMMU_PA_NONE;
		for (i = 0; i < got; i++)
			reader->filled += pa[i] != UIOMMU_PA_NONE;
		if (got > 0)
			uiommu_pgtable_commit(rig.pt, at, rig.kind->page_shift, (uint32_t)got, pa,
					      R);
		if (passed(reader, 1) % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* What was filled is taken away, once: nothing is put into a table that is on its way out. */
static void
each_leaf_once(void **state)
{
	uint64_t random = 5, gone = 0, filled = 0, unmapped;
	unsigned int i;
	bool waited = true;

	readers_start(fill_entries);
	for (i = 0; i < ROUNDS && waited; i++) {
		uint64_t r = unit_random(&random), at = BASE + (r >> 8) % 64 * rig.page;
		uint64_t begin = r % 4 == 0 ? at : 0;
		uint64_t len = r % 4 == 0 ? 8 * rig.page : rig_half();

		uiommu_pgtable_unmap(rig.pt, begin, len, 0, &rig.gather, NULL, NULL, &unmapped);
		gone += unmapped / rig.page;
		uiommu_pgtable_trim(rig.pt, 0, rig_half(), &rig.gather);
		waited = grace_period();
		rig_gather_again();
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	readers_join();
	assert_true(waited);
	for (i = 0; i < READERS; i++)
		filled += readers[i].filled;
	assert_int_equal(rig_unmap(0, rig_half(), 0, &unmapped), 0);
	assert_int_equal(gone + unmapped / rig.page, filled);
	assert_int_not_equal(filled, 0);
	rig_gather_again();
	assert_int_equal(rig_used(), 1);
}

int
main(void)
{
	static const struct rig_test tests[] = {
		rig_test(same_pages),	  rig_test(neighbours),	    rig_test(same_large_leaf),
		rig_test(one_takes_away), rig_test(each_leaf_once),
	};

	return rig_run("pgtable_threads", tests, ARRAY_COUNT(tests));
}
