/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Pages that an application supplies, and has back: by eviction, by hand, and at the end. */

#include <stdlib.h>

#include "store.h"

static struct store store;

static void
open_with(struct paging *p, const struct paging_conf *conf, uint32_t nb_pages, uint32_t nb_frames)
{
	paging_open(p, conf);
	store_open(&store, p, IOVA, nb_pages, p->memory, nb_frames, 12);
}

/* The domain goes, then the unit. */
static void
close_all(struct paging *p)
{
	rig_settle(p->rig);
	CHECK_EQ(uiommu_detach(p->attach), 0);
	CHECK_EQ(uiommu_domain_free(p->domain), 0);
	store_close(&store);
	CHECK_EQ(uiommu_emu_retire(p->rig->emu, paging_pa(p->memory), PAGING_MEMORY), 0);
	paging_close(p);
}

static void
write_word(struct paging *p, uint32_t page, uint64_t word)
{
	CHECK(uiommu_emu_access(p->rig->emu, EP, PASID, IOVA + page * PAGE + 8, true, &word,
				sizeof(word)));
}

static uint64_t
read_word(struct paging *p, uint32_t page)
{
	uint64_t word = 0;

	CHECK(uiommu_emu_access(p->rig->emu, EP, PASID, IOVA + page * PAGE + 8, false, &word,
				sizeof(word)));
	return word;
}

static void
written(void *priv, uint64_t iova, uint64_t len)
{
}

/* Whether the unit tells what was used and written. */
static bool
tracks(struct paging *p)
{
	return uiommu_domain_dirty(p->domain, IOVA, PAGE, UIOMMU_DIRTY_KEEP, written, NULL) == 0;
}

/* Each page is had once and given back once; what was written is told so, and kept. */
static void
there_and_back(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct paging p;
	uint32_t i, round, evicted;
	uint64_t dirty = 0;
	bool told;

	open_with(&p, &conf, 64, 64);
	told = tracks(&p);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 32; i++) {
			CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, i % 2 == 0), UIOMMU_CODE_SUCCESS);
			CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, false), store.pa[i]);
			CHECK_EQ(read_word(&p, i), round == 0 || i % 4 != 0 ? 0 : i * 1000 + round);
			if (i % 4 == 0)
				write_word(&p, i, i * 1000 + round + 1);
		}
		CHECK_EQ(store.gets, (round + 1) * 32);
		CHECK_EQ(paging_stats(&p).resident_pages, 32);
		CHECK_EQ(uiommu_domain_evict(p.domain, 64, &evicted), 0);
		CHECK_EQ(evicted, 32);
		CHECK_EQ(store.puts, store.gets);
		CHECK_EQ(paging_stats(&p).resident_pages, 0);
		CHECK_EQ(paging_count(&p, IOVA, p.memory, 64, false), 0);
		paging_audit(&p);
		if (told)
			CHECK_EQ(store.dirty - dirty, 8);
		else
			CHECK(store.dirty - dirty >= 8);
		dirty = store.dirty;
	}
	CHECK_EQ(paging_stats(&p).evicted_pages, 96);
	CHECK_EQ(paging_stats(&p).written_pages, store.dirty);
	/* nothing is left to go */
	CHECK_EQ(uiommu_domain_evict(p.domain, 64, &evicted), 0);
	CHECK_EQ(evicted, 0);
	close_all(&p);
}
BOTH_STAGES(there_and_back);

/* A page that is used all the time stays when others go. */
static void
used_stays(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct paging p;
	uint32_t i, round, evicted;

	open_with(&p, &conf, 16, 16);
	if (!tracks(&p)) {
		close_all(&p);
		harness_skip("the unit does not tell what was used");
	}
	for (i = 0; i < 8; i++) {
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
		read_word(&p, i);
	}
	/* all were used: the first call goes round twice */
	CHECK_EQ(uiommu_domain_evict(p.domain, 1, &evicted), 0);
	CHECK_EQ(evicted, 1);
	CHECK(paging_stats(&p).spared_pages > 0);
	for (i = 0; store.pa[i] == 0; i++)
		;
	for (round = 0; round < 6; round++) {
		CHECK_EQ(read_word(&p, i), 0);
		CHECK_EQ(uiommu_domain_evict(p.domain, 1, &evicted), 0);
		CHECK_EQ(evicted, 1);
		CHECK(store.pa[i] != 0);
	}
	CHECK_EQ(paging_stats(&p).resident_pages, 1);
	CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, true), store.pa[i]);
	close_all(&p);
}
BOTH_STAGES(used_stays);

/* As many as were wanted, from whatever thread, and not one more. */
static void
as_many_as_wanted(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 64};
	struct paging p;
	uint32_t i, evicted, left = 512;

	open_with(&p, &conf, 512, 512);
	for (i = 0; i < 512; i += 64)
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(store.gets, 512);
	CHECK(store.calls_get <= 16); /* what was asked for first, what is around it then */
	for (i = 1; left != 0; i = i * 2 + 1) {
		uint32_t wanted = RTE_MIN(i, left);

		if (i == 7)
			rig_release(p.rig);
		CHECK_EQ(uiommu_domain_evict(p.domain, i, &evicted), 0);
		CHECK_EQ(evicted, wanted);
		left -= wanted;
		CHECK_EQ(paging_stats(&p).resident_pages, left);
		CHECK_EQ(store.nb_out, left);
		if (i == 15)
			rig_claim(p.rig);
	}
	CHECK_EQ(uiommu_domain_evict(p.domain, 0, &evicted), 0);
	CHECK_EQ(uiommu_domain_evict(p.domain, 1, NULL), 0);
	close_all(&p);
}
BOTH_STAGES(as_many_as_wanted);

/* What is asked for in one burst is supplied in as few calls as there are runs of pages. */
static void
neighbours(bool second)
{
	static const unsigned int pages[] = {12, 5, 2, 7, 9, 0, 3, 6, 1, 4, 12};
	const struct paging_conf conf = {.second = second};
	struct paging p;
	unsigned int i;

	open_with(&p, &conf, 16, 16);
	for (i = 0; i < ARRAY_COUNT(pages); i++)
		paging_send(&p, IOVA + pages[i] * PAGE, i % 2 == 0);
	rig_settle(p.rig);
	paging_answers(&p, ARRAY_COUNT(pages), UIOMMU_EMU_SUCCESS);
	CHECK_EQ(rig_stats(p.rig).codes[UIOMMU_CODE_SUCCESS], ARRAY_COUNT(pages));
	for (i = 0; i < ARRAY_COUNT(pages); i++) {
		CHECK(store.pa[pages[i]] != 0);
		CHECK_EQ(paging_reach(&p, IOVA + pages[i] * PAGE, true), store.pa[pages[i]]);
	}
	CHECK_EQ(store.gets, 10);
	CHECK_EQ(store.calls_get, 3);
	CHECK_EQ(paging_stats(&p).merged_same, 1);
	CHECK_EQ(paging_stats(&p).resident_pages, 10);
	close_all(&p);
}
BOTH_STAGES(neighbours);

/* R6: never more than the budget, and what is over it comes when something has gone. */
static void
budget(bool second)
{
	const struct paging_conf conf = {.second = second, .budget = 10, .around = 4};
	struct paging p;
	uint32_t i, round, evicted;

	open_with(&p, &conf, 64, 64);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 64; i++) {
			uint64_t iova = IOVA + i * PAGE;
			unsigned int code = paging_ask(&p, iova, i % 3 == 0);

			CHECK(paging_stats(&p).resident_pages <= 10);
			CHECK(store.nb_out <= 10);
			if (code == UIOMMU_CODE_SUCCESS) {
				CHECK(paging_reach(&p, iova, i % 3 == 0) != UIOMMU_PA_NONE);
				continue;
			}
			CHECK_EQ(code, UIOMMU_CODE_RETRY);
			CHECK_EQ(paging_reach(&p, iova, false), UIOMMU_PA_NONE);
			CHECK_EQ(uiommu_domain_evict(p.domain, 4, &evicted), 0);
			CHECK_EQ(evicted, 4);
			CHECK_EQ(paging_ask(&p, iova, i % 3 == 0), UIOMMU_CODE_SUCCESS);
		}
	}
	CHECK(store.out_max <= 10);
	CHECK(paging_stats(&p).no_frame > 0);
	close_all(&p);
}
BOTH_STAGES(budget);

/* What get() says. */
static void
not_supplied(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 8};
	struct paging p;

	open_with(&p, &conf, 64, 12);
	store.supply = 0;
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_RETRY);
	CHECK_EQ(paging_reach(&p, IOVA, false), UIOMMU_PA_NONE);
	CHECK_EQ(paging_stats(&p).no_frame, 1);
	store.missing = true;
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_stats(&p).no_page, 1);
	CHECK_EQ(paging_stats(&p).resident_pages, 0);
	store.missing = false;
	/* one at a time: what was asked for comes first, whatever is around it */
	store.supply = 1;
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA, true), store.pa[0]);
	CHECK_EQ(paging_stats(&p).resident_pages, store.nb_out);
	/* more than there are frames */
	store.supply = UINT32_MAX;
	CHECK_EQ(paging_ask(&p, IOVA + 8 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK(paging_reach(&p, IOVA + 8 * PAGE, true) != UIOMMU_PA_NONE);
	CHECK_EQ(paging_ask(&p, IOVA + 16 * PAGE, true), UIOMMU_CODE_SUCCESS);
	while (store.nb_free != 0)
		CHECK_EQ(paging_ask(&p, IOVA + (24 + store.nb_free) * PAGE, true),
			 UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 63 * PAGE, true), UIOMMU_CODE_RETRY);
	CHECK_EQ(paging_stats(&p).resident_pages, 12);
	CHECK_EQ(store.nb_out, 12);
	close_all(&p);
}
BOTH_STAGES(not_supplied);

/* Pages were supplied, and there is no table to put them into. */
static void
supplied_in_vain(bool second)
{
	const struct paging_conf conf = {.second = second, .table_pages_max = 5};
	struct paging p;
	uint32_t i, there = 0;

	open_with(&p, &conf, STORE_PAGES, STORE_PAGES);
	/* by hand: tables for other addresses use up what there is */
	for (i = 1; i < 8 && uiommu_domain_map(p.domain, IOVA + i * 64 * LARGE,
					       paging_pa(p.memory), PAGE, ALL) == 0; i++)
		;
	CHECK(i < 8);
	for (i = 0; i < 8; i++)
		there += paging_ask(&p, IOVA + i * PAGE, true) == UIOMMU_CODE_SUCCESS;
	CHECK_EQ(there, 0);
	CHECK_EQ(store.nb_out, 0);
	CHECK_EQ(paging_stats(&p).resident_pages, 0);
	CHECK_EQ(paging_stats(&p).no_table, 8);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 64 * LARGE, LARGE, NULL), 0);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA, true), store.pa[0]);
	close_all(&p);
}
BOTH_STAGES(supplied_in_vain);

/* A device asks for a page that is on its way out: it is to come again, and gets it then. */
static void
ask_in_put(struct store *self, const struct uiommu_backing_page *page)
{
	paging_send(self->hook_arg, self->iova + page->offset, true);
	while (rig_turn(self->rig) != 0)
		;
}

static void
asked_on_its_way(bool second)
{
	const struct paging_conf conf = {.second = second};
	static struct paging p; /* the hook may be called after the case, if that fails */
	uint32_t i, evicted;

	open_with(&p, &conf, 16, 16);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
		write_word(&p, i, 100 + i);
	}
	store.in_put = ask_in_put;
	store.hook_arg = &p;
	CHECK_EQ(uiommu_domain_evict(p.domain, 3, &evicted), 0);
	CHECK_EQ(evicted, 3);
	store.in_put = NULL;
	rig_settle(p.rig);
	paging_answers(&p, 3, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(rig_stats(p.rig).codes[UIOMMU_CODE_RETRY], 3);
	CHECK_EQ(paging_stats(&p).busy, 3);
	CHECK_EQ(store.gets, 8);
	for (i = 0; i < 8; i++) {
		if (store.pa[i] == 0)
			CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(read_word(&p, i), 100 + i);
	}
	close_all(&p);
}
BOTH_STAGES(asked_on_its_way);

/* By hand, with the region, with the domain: all come back, those that were written so. */
static void
given_back(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 4};
	struct paging p;
	uint64_t unmapped;
	uint32_t i;

	open_with(&p, &conf, 64, 64);
	for (i = 0; i < 64; i += 4)
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(store.nb_out, 64);
	write_word(&p, 5, 55);
	write_word(&p, 40, 44);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 3 * PAGE, 4 * PAGE, &unmapped), 0);
	CHECK_EQ(unmapped, 4 * PAGE);
	CHECK_EQ(store.nb_out, 60);
	CHECK_EQ(paging_stats(&p).resident_pages, 60);
	CHECK(store.dirty > 0);
	CHECK_EQ(paging_ask(&p, IOVA + 5 * PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(read_word(&p, 5), 55);
	CHECK_EQ(uiommu_region_remove(store.region), 0);
	CHECK_EQ(store.nb_out, 0);
	CHECK_EQ(paging_stats(&p).resident_pages, 0);
	CHECK_EQ(((uint64_t *)(void *)(store.contents + 40 * PAGE))[1], 44);
	store_close(&store);
	paging_audit(&p);
	/* and with the domain */
	store_open(&store, &p, IOVA, 64, p.memory, 64, 12);
	for (i = 0; i < 64; i += 4)
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
	write_word(&p, 33, 77);
	CHECK_EQ(uiommu_detach(p.attach), 0);
	CHECK_EQ(store.nb_out, 64);
	CHECK_EQ(uiommu_domain_free(p.domain), 0);
	CHECK_EQ(store.nb_out, 0);
	CHECK_EQ(((uint64_t *)(void *)(store.contents + 33 * PAGE))[1], 77);
	store_close(&store);
	paging_close(&p);
}
BOTH_STAGES(given_back);

/* Pages of 2 MiB. */
static void
large(bool second)
{
	const struct paging_conf conf = {.second = second, .budget = 3 * 512};
	struct paging p;
	uint32_t evicted;

	paging_open(&p, &conf);
	store_open(&store, &p, IOVA, 6, p.memory, 4, 21);
	CHECK_EQ(paging_ask(&p, IOVA + 5 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 3 * LARGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 2 * LARGE - PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(store.gets, 3);
	CHECK_EQ(paging_stats(&p).resident_pages, 3 * 512);
	CHECK_EQ(paging_ask(&p, IOVA + 4 * LARGE, true), UIOMMU_CODE_RETRY);
	CHECK_EQ(paging_reach(&p, IOVA + 511 * PAGE, true), store.pa[0] + 511 * PAGE);
	write_word(&p, 3 * 512 + 9, 99);
	CHECK_EQ(uiommu_domain_evict(p.domain, 1, &evicted), 0);
	CHECK_EQ(evicted, 512);
	CHECK_EQ(store.nb_out, 2);
	CHECK_EQ(paging_ask(&p, IOVA + 4 * LARGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(uiommu_domain_evict(p.domain, 6 * 512, &evicted), 0);
	CHECK_EQ(evicted, 3 * 512);
	CHECK_EQ(store.nb_out, 0);
	CHECK_EQ(paging_ask(&p, IOVA + 3 * LARGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(read_word(&p, 3 * 512 + 9), 99);
	close_all(&p);
}
BOTH_STAGES(large);

/* R11: the unit is dead. Nothing that a device may still reach is given back. */
static void
unit_fails(bool second)
{
	struct paging_conf conf = {
		.second = second, .rig = {.dev = {.timeout_ns = 50000000}},
	};
	uint64_t begin = harness_now_ns();
	struct paging p;
	uint32_t i, evicted = 0;
	int ret;

	if (harness_lacks(HARNESS_NEEDS_COMMANDS))
		harness_skip("the unit is told by system calls, not by commands");
	open_with(&p, &conf, 16, 16);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
		write_word(&p, i, i);
	}
	uiommu_emu_fault_set(p.rig->emu, UIOMMU_EMU_FAULT_DEAD_QUEUE, 0);
	ret = uiommu_domain_evict(p.domain, 4, &evicted);
	CHECK(ret == -ETIMEDOUT || ret == -EIO);
	CHECK_EQ(evicted, 0);
	CHECK_EQ(store.puts, 0);
	CHECK_EQ(uiommu_domain_evict(p.domain, 4, &evicted), -EIO);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, 8 * PAGE, NULL), -EIO);
	CHECK_EQ(uiommu_region_remove(store.region), -EIO);
	CHECK_EQ(store.puts, 0);
	/* the devices reach what they reached */
	for (i = 0; i < 8; i++)
		CHECK_EQ(read_word(&p, i), i);
	CHECK(harness_now_ns() - begin < RIG_PATIENCE_NS);
	store.unit_dead = true;
	rig_close_failed(p.rig);
	CHECK(store.puts <= store.gets);
	free(store.contents);
}
BOTH_STAGES(unit_fails);

#define BOTH(text, name) FIRST_CASE("evict " text, name), SECOND_CASE("evict " text, name)

static const struct harness_case evict_cases[] = {
	BOTH("R3 R4 pages go and come back", there_and_back),
	BOTH("what is used stays", used_stays),
	BOTH("as many as wanted", as_many_as_wanted),
	BOTH("R3 neighbours in a burst", neighbours),
	BOTH("R6 budget", budget),
	BOTH("R3 pages that are not supplied", not_supplied),
	BOTH("R3 R6 pages that are supplied in vain", supplied_in_vain),
	BOTH("R3 R4 a page asked for on its way out", asked_on_its_way),
	BOTH("R4 pages are given back", given_back),
	BOTH("pages of 2 MiB", large),
	BOTH("R4 R11 the unit fails", unit_fails),
};

HARNESS_SUITE(evict);
