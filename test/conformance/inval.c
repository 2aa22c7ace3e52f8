/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Translations that are taken away are forgotten: by the unit's caches, by what it keeps of
 * tables, and by the devices. Each case first has them all filled, and leaves one sort out at a
 * time: where the engine, or a driver, left out the invalidation of that sort, it is seen.
 */

#include "paging.h"

/* Of the bond. */
static void
prime(struct paging *p, uint64_t iova, unsigned int nb, uint64_t pa)
{
	paging_prime(p, p->pasid, iova, nb, pa);
}

static void
gone(struct paging *p, uint64_t iova, unsigned int nb)
{
	paging_gone(p, p->pasid, iova, nb);
}

/* Pages of a table that stays. */
static void
pages_of(const struct paging_conf *conf)
{
	struct paging p;
	uint64_t pa;

	paging_open(&p, conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 16 * PAGE, ALL), 0);
	prime(&p, IOVA, 16, pa);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 4 * PAGE, 5 * PAGE, NULL), 0);
	gone(&p, IOVA + 4 * PAGE, 5);
	CHECK_EQ(uiommu_emu_retire(p.rig->emu, pa + 4 * PAGE, 5 * PAGE), 0);
	prime(&p, IOVA, 4, pa);
	prime(&p, IOVA + 9 * PAGE, 7, pa + 9 * PAGE);
	/* something else comes there: it is what a device gets */
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 4 * PAGE, pa + LARGE, 5 * PAGE, ALL), 0);
	prime(&p, IOVA + 4 * PAGE, 5, pa + LARGE);
	paging_close(&p);
}

static void
pages(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};

	pages_of(&conf);
}
BOTH_STAGES(pages);

static void
pages_of_rid(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true, .rid = true};

	pages_of(&conf);
}
BOTH_STAGES(pages_of_rid);

/* Several bonds of one domain, on two devices: all forget, and one that has gone is let be. */
static void
all_bonds(bool second)
{
	static const uint32_t pasids[] = {1, 2, 8, UIOMMU_NO_PASID};
	const struct paging_conf conf = {.second = second, .plain = true};
	struct uiommu_endpoint *other;
	struct uiommu_attach *gone_bond;
	unsigned int i, round;
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	other = rig_endpoint(p.rig, 0x0210, 0);
	rig_attach(p.endpoint, 3, p.domain, NULL);
	gone_bond = rig_attach(p.endpoint, 9, p.domain, NULL);
	for (i = 0; i < ARRAY_COUNT(pasids); i++)
		rig_attach(other, pasids[i], p.domain, NULL);
	for (round = 0; round < 2; round++) {
		CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 2 * PAGE, ALL), 0);
		prime(&p, IOVA, 2, pa);
		CHECK_EQ(paging_reach_of(&p, EP, 3, IOVA, true), pa);
		for (i = 0; i < ARRAY_COUNT(pasids); i++)
			CHECK_EQ(paging_reach_of(&p, 0x0210, pasids[i], IOVA, true), pa);
		CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, PAGE, NULL), 0);
		gone(&p, IOVA, 1);
		CHECK_EQ(paging_reach_of(&p, EP, 3, IOVA, false), UIOMMU_PA_NONE);
		for (i = 0; i < ARRAY_COUNT(pasids); i++)
			CHECK_EQ(paging_reach_of(&p, 0x0210, pasids[i], IOVA, false),
				 UIOMMU_PA_NONE);
		if (round == 0)
			CHECK_EQ(uiommu_detach(gone_bond), 0);
	}
	paging_close(&p);
}
BOTH_STAGES(all_bonds);

/*
 * A table goes with all its pages. The next table is in the same memory: who remembers where the
 * old one was finds the entries of the new one.
 */
static void
tables(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	unsigned int round;
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	/* the level above stays */
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 8 * LARGE, pa, PAGE, ALL), 0);
	for (round = 0; round < 4; round++) {
		uint64_t from = IOVA + round * LARGE, to = from + LARGE;

		CHECK_EQ(uiommu_domain_map(p.domain, from, pa + PAGE, LARGE - PAGE, ALL), 0);
		prime(&p, from + 17 * PAGE, 1, pa + 18 * PAGE);
		CHECK_EQ(uiommu_domain_unmap(p.domain, from, LARGE, NULL), 0);
		gone(&p, from + 17 * PAGE, 1);
		CHECK_EQ(uiommu_domain_map(p.domain, to + 16 * PAGE, pa + LARGE, 4 * PAGE, ALL), 0);
		gone(&p, from + 16 * PAGE, 4);
		CHECK_EQ(uiommu_domain_unmap(p.domain, to, LARGE, NULL), 0);
	}
	paging_close(&p);
}
BOTH_STAGES(tables);

/* Tables of all levels. */
static void
tables_above(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	const uint64_t giant = UINT64_C(1) << 30;
	struct paging p;
	uint64_t pa;

	harness_need(HARNESS_NEEDS_WHOLE_TABLE);
	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, 64 * giant, pa, PAGE, ALL), 0);
	CHECK_EQ(uiommu_domain_map(p.domain, 65 * giant, pa, PAGE, ALL), 0);
	prime(&p, 64 * giant, 1, pa);
	CHECK_EQ(uiommu_domain_unmap(p.domain, 64 * giant, giant, NULL), 0);
	gone(&p, 64 * giant, 1);
	prime(&p, 65 * giant, 1, pa);
	CHECK_EQ(uiommu_domain_map(p.domain, 66 * giant + PAGE, pa + PAGE, 8 * PAGE, ALL), 0);
	gone(&p, 64 * giant, 16);
	CHECK_EQ(uiommu_domain_unmap(p.domain, 0, paging_whole_entries(&p), NULL), 0);
	gone(&p, 65 * giant, 1);
	gone(&p, 66 * giant + PAGE, 1);
	CHECK_EQ(paging_stats(&p).table_pages, 1);
	paging_close(&p);
}
BOTH_STAGES(tables_above);

/* A large leaf that becomes a table, and one that stays as it is. */
static void
large(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 2 * LARGE, ALL), 0);
	prime(&p, IOVA + 300 * PAGE, 4, pa + 300 * PAGE);
	prime(&p, IOVA + LARGE, 2, pa + LARGE);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 301 * PAGE, PAGE, NULL), 0);
	gone(&p, IOVA + 301 * PAGE, 1);
	prime(&p, IOVA + 300 * PAGE, 1, pa + 300 * PAGE);
	prime(&p, IOVA + LARGE, 2, pa + LARGE);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + LARGE, LARGE, NULL), 0);
	gone(&p, IOVA + LARGE, 2);
	paging_close(&p);
}
BOTH_STAGES(large);

/* More ranges, and wider ones, than are told one by one. */
static void
scattered(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct paging p;
	unsigned int i;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	for (i = 0; i < 100; i++) {
		CHECK_EQ(uiommu_domain_map(p.domain, IOVA + i * 37 * PAGE, pa + i * PAGE, PAGE,
					   ALL), 0);
		prime(&p, IOVA + i * 37 * PAGE, 1, pa + i * PAGE);
	}
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 100 * 37 * PAGE, pa, PAGE, ALL), 0);
	prime(&p, IOVA + 100 * 37 * PAGE, 1, pa);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, 100 * 37 * PAGE, NULL), 0);
	for (i = 0; i < 100; i++)
		gone(&p, IOVA + i * 37 * PAGE, 1);
	prime(&p, IOVA + 100 * 37 * PAGE, 1, pa);
	/* from a page in the middle of nowhere over many */
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 3 * PAGE, pa, 1000 * PAGE, ALL), 0);
	for (i = 0; i < 1000; i += 111)
		prime(&p, IOVA + (3 + i) * PAGE, 1, pa + i * PAGE);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 5 * PAGE, 997 * PAGE, NULL), 0);
	for (i = 111; i < 999; i += 111)
		gone(&p, IOVA + (3 + i) * PAGE, 1);
	CHECK_EQ(paging_count(&p, IOVA + 3 * PAGE, p.memory, 1000, true), 3);
	paging_close(&p);
}
BOTH_STAGES(scattered);

/* Every length at every place of a block: neither the first nor the last page is left out. */
static void
every_range(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	unsigned int first, nb;
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	for (first = 0; first < 12; first++) {
		for (nb = 1; nb < 20; nb += 1 + first % 3) {
			CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 32 * PAGE, ALL), 0);
			CHECK_EQ(paging_count(&p, IOVA, p.memory, 32, true), 32);
			CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + first * PAGE, nb * PAGE,
						     NULL), 0);
			CHECK_EQ(paging_count(&p, IOVA, p.memory, 32, false), 32 - nb);
			CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, 32 * PAGE, NULL), 0);
			CHECK_EQ(paging_count(&p, IOVA, p.memory, 32, false), 0);
		}
	}
	paging_close(&p);
}
BOTH_STAGES(every_range);

/* Access is taken away, the page stays. */
static void
access_taken(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 8 * PAGE, ALL), 0);
	prime(&p, IOVA, 8, pa);
	CHECK_EQ(uiommu_domain_protect(p.domain, IOVA + 2 * PAGE, 3 * PAGE, UIOMMU_PROT_READ), 0);
	paging_audit(&p);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, true), 5);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, false), 8);
	CHECK(!uiommu_emu_dma(p.rig->emu, EP, PASID, IOVA + 3 * PAGE, true));
	CHECK_EQ(uiommu_domain_protect(p.domain, IOVA, 8 * PAGE, ALL), 0);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, true), 8);
	paging_close(&p);
}
BOTH_STAGES(access_taken);

static void
written_count(void *priv, uint64_t iova, uint64_t len)
{
	*(uint64_t *)priv += len;
}

/* A page that was written, is read to be so, and is written again. */
static void
written_again(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct paging p;
	uint64_t written, word = 1;
	unsigned int round;
	int ret;

	paging_open(&p, &conf);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, paging_pa(p.memory), PAGE, ALL), 0);
	for (round = 0; round < 3; round++) {
		written = 0;
		CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA, true, &word, sizeof(word)));
		ret = uiommu_domain_dirty(p.domain, IOVA, PAGE, 0, written_count, &written);
		if (ret == -ENOTSUP) {
			rig_close(p.rig);
			harness_skip("the unit does not keep track of writes");
		}
		CHECK_EQ(ret, 0);
		CHECK_EQ(written, PAGE);
	}
	written = 0;
	CHECK_EQ(uiommu_domain_dirty(p.domain, IOVA, PAGE, 0, written_count, &written), 0);
	CHECK_EQ(written, 0);
	paging_close(&p);
}
BOTH_STAGES(written_again);

/* -------------------------------------------------------- pages that come */

/* A unit that remembers what was absent is told what has come, by hand and by a fault. */
static void
absent_before(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 8, .no_bond = true};
	const uint64_t hand = IOVA + LARGE;
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	/* a bond that was not there */
	CHECK_EQ(paging_reach(&p, IOVA, false), UIOMMU_PA_NONE);
	CHECK(!uiommu_emu_dma(p.rig->emu, EP, PASID, IOVA, false));
	rig_attach(p.endpoint, PASID, p.domain, NULL);
	paging_region(&p, IOVA, p.memory, 64 * PAGE, ALL, 0);
	for (i = 0; i < 32; i++) {
		CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, false), UIOMMU_PA_NONE);
		CHECK(!uiommu_emu_dma(p.rig->emu, EP, PASID, IOVA + i * PAGE, false));
	}
	for (i = 0; i < 8; i++) {
		CHECK_EQ(paging_reach(&p, hand + i * PAGE, false), UIOMMU_PA_NONE);
		CHECK(!uiommu_emu_dma(p.rig->emu, EP, PASID, hand + i * PAGE, false));
	}
	CHECK_EQ(uiommu_domain_map(p.domain, hand, paging_pa(p.memory), 8 * PAGE, ALL), 0);
	CHECK_EQ(paging_count(&p, hand, p.memory, 8, true), 8);
	for (i = 0; i < 8; i++)
		CHECK(uiommu_emu_dma(p.rig->emu, EP, PASID, hand + i * PAGE, true));
	/* the pages around the fault as well as its own, at once when the answer is there */
	CHECK_EQ(paging_ask(&p, IOVA + 19 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA + 16 * PAGE, p.memory + 16 * PAGE, 8, true), 8);
	for (i = 16; i < 24; i++)
		CHECK(uiommu_emu_dma(p.rig->emu, EP, PASID, IOVA + i * PAGE, true));
	/* more access than there was */
	CHECK_EQ(uiommu_domain_protect(p.domain, hand, 8 * PAGE, UIOMMU_PROT_READ), 0);
	CHECK_EQ(paging_count(&p, hand, p.memory, 8, true), 0);
	CHECK_EQ(uiommu_domain_protect(p.domain, hand, 8 * PAGE, ALL), 0);
	CHECK_EQ(paging_count(&p, hand, p.memory, 8, true), 8);
	paging_close(&p);
}
BOTH_STAGES(absent_before);

/*
 * A copy takes the place of what it was copied from, by a fault of one device: the others must
 * not read the old page any more when that one has its answer.
 */
static void
copied(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.frame_pages = 16}}};
	struct uiommu_endpoint *other;
	struct paging p;
	uint64_t copy;
	unsigned int i;

	paging_needs_exchange();
	paging_open(&p, &conf);
	other = rig_endpoint(p.rig, 0x0210, 0);
	rig_attach(p.endpoint, 8, p.domain, NULL);
	rig_attach(other, PASID, p.domain, NULL);
	rig_attach(other, UIOMMU_NO_PASID, p.domain, NULL);
	paging_region(&p, IOVA, p.memory, 16 * PAGE, ALL, UIOMMU_REGION_COW);
	paging_anon(&p, IOVA + LARGE, 16 * PAGE, ALL);
	for (i = 0; i < 2; i++) {
		uint64_t iova = IOVA + i * LARGE + 5 * PAGE, old;

		CHECK_EQ(paging_ask(&p, iova, false), UIOMMU_CODE_SUCCESS);
		old = paging_reach(&p, iova, false);
		CHECK_EQ(paging_reach_of(&p, EP, 8, iova, false), old);
		CHECK_EQ(paging_reach_of(&p, 0x0210, PASID, iova, false), old);
		CHECK_EQ(paging_reach_of(&p, 0x0210, UIOMMU_NO_PASID, iova, false), old);
		CHECK_EQ(paging_ask(&p, iova, true), UIOMMU_CODE_SUCCESS);
		paging_audit(&p);
		copy = paging_reach(&p, iova, true);
		CHECK(copy != UIOMMU_PA_NONE && copy != old);
		CHECK_EQ(paging_reach(&p, iova, false), copy);
		CHECK_EQ(paging_reach_of(&p, EP, 8, iova, false), copy);
		CHECK_EQ(paging_reach_of(&p, 0x0210, PASID, iova, false), copy);
		CHECK_EQ(paging_reach_of(&p, 0x0210, UIOMMU_NO_PASID, iova, false), copy);
	}
	paging_close(&p);
}
BOTH_STAGES(copied);

/* A region goes, and what it has is given back. */
static void
region_gone(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 8,
					 .rig = {.dev = {.frame_pages = 16}}};
	struct uiommu_region *region, *zeroes;
	struct paging p;
	uint64_t frame;

	paging_open(&p, &conf);
	region = paging_region(&p, IOVA, p.memory, 16 * PAGE, ALL, 0);
	zeroes = paging_anon(&p, IOVA + LARGE, 16 * PAGE, ALL);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + LARGE, true), UIOMMU_CODE_SUCCESS);
	prime(&p, IOVA, 8, paging_pa(p.memory));
	frame = paging_reach(&p, IOVA + LARGE, true);
	CHECK_EQ(uiommu_region_remove(zeroes), 0);
	CHECK_EQ(uiommu_emu_retire(p.rig->emu, frame, PAGE), 0);
	gone(&p, IOVA + LARGE, 8);
	prime(&p, IOVA, 8, paging_pa(p.memory));
	CHECK_EQ(uiommu_region_remove(region), 0);
	CHECK_EQ(uiommu_emu_retire(p.rig->emu, paging_pa(p.memory), PAGING_MEMORY), 0);
	gone(&p, IOVA, 8);
	paging_close(&p);
}
BOTH_STAGES(region_gone);

#define BOTH(text, name) FIRST_CASE("inval " text, name), SECOND_CASE("inval " text, name)

static const struct harness_case inval_cases[] = {
	BOTH("R4 pages of a table that stays", pages),
	BOTH("R4 pages of a table that stays, without PASID", pages_of_rid),
	BOTH("R4 all bonds of a domain", all_bonds),
	BOTH("R4 a table goes with its pages", tables),
	BOTH("R4 tables of all levels go", tables_above),
	BOTH("R4 a part of a large leaf", large),
	BOTH("R4 scattered pages", scattered),
	BOTH("R4 every range", every_range),
	BOTH("R4 access is taken away", access_taken),
	BOTH("a page is written again", written_again),
	BOTH("R3 what was absent before", absent_before),
	BOTH("R3 a copy takes a page's place", copied),
	BOTH("R4 a region goes", region_gone),
};

HARNESS_SUITE(inval);
