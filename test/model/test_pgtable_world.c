/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Several threads at one table: see pgtable_world.h.
 *
 *   test_pgtable_world [--seed N] [--rounds N]
 *
 * --rounds is the work of the writer, and a quarter of each other's calls, at least. Output is TAP.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgtable_world.h"

#define ROUNDS_DEFAULT 30000
#define PAGES_PLENTY 256
/* Root, two tables above the regions, and the rest by turns. */
#define PAGES_SCARCE 16

struct trial {
	const char *name;
	uint32_t format, levels;
	uint32_t nb_pages;
	uint32_t nb_mappers;
};

static const struct trial trials[] = {
	{"x86-first", UIOMMU_PGTABLE_X86_FIRST, 4, PAGES_PLENTY, 3},
	{"x86-first, 5 levels, 2 mappers", UIOMMU_PGTABLE_X86_FIRST, 5, PAGES_PLENTY, 2},
	{"x86-first, too few pages", UIOMMU_PGTABLE_X86_FIRST, 4, PAGES_SCARCE, 3},
	{"vtd-second", UIOMMU_PGTABLE_VTD_SECOND, 4, PAGES_PLENTY, 3},
	{"arm-lpae", UIOMMU_PGTABLE_ARM_LPAE, 4, PAGES_PLENTY, 3},
	{"riscv", UIOMMU_PGTABLE_RISCV, 3, PAGES_PLENTY, 3},
	{"riscv, too few pages", UIOMMU_PGTABLE_RISCV, 4, PAGES_SCARCE, 3},
};

#define NB_TRIALS (sizeof(trials) / sizeof(trials[0]))

static uint64_t
seed_of(const struct world *w, uint32_t id)
{
	return (w->seed * 2 + 1) * UINT64_C(0x9e3779b97f4a7c15) + id * 2 + 1;
}

/* All that was mapped in KEPT by any of them is there at the end. */
static void
compare_kept(struct world *w, const struct world_thread *threads)
{
	struct uiommu_pgtable_leaf leaf;
	uint32_t page, i;
	uint8_t mine;

	for (page = 0; page < WORLD_REGIONS * REGION_PAGES; page++) {
		uint64_t iova = world_iova(w, page / REGION_PAGES, page % REGION_PAGES);
		uint32_t prot = 0;
		int ret;

		if (world_kind(page / REGION_PAGES) != REGION_KEPT)
			continue;
		mine = 0;
		for (i = 0; i < w->nb_mappers; i++)
			mine |= threads[i].mine[page];
		ret = uiommu_pgtable_walk(w->pt, iova, &leaf);
		if (ret == 0)
			prot = leaf.prot & (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE);
		/* where a call has failed for want of a page, more may be there */
		if (ret != (mine == 0 ? -ENOENT : 0) || (mine != 0 && prot != mine))
			if (!w->scarce || mine != 0)
				world_fail(w, "0x%" PRIx64 ": %d with access %u, mapped with %u",
					   iova, ret, prot, mine);
	}
}

/* What became dirty since the writer looked last, and what is still there. */
static void
last_look(struct world *w)
{
	struct uiommu_pgtable_leaf leaf;
	enum region kind;
	uint32_t page;

	for (page = 0; page < WORLD_REGIONS * REGION_PAGES; page++) {
		uint64_t iova = world_iova(w, page / REGION_PAGES, page % REGION_PAGES);

		if (uiommu_pgtable_walk(w->pt, iova, &leaf) != 0)
			continue;
		kind = world_kind(page / REGION_PAGES);
		w->said_dirty[page] += kind == REGION_WRITTEN && leaf.dirty;
		w->taken[page] += kind == REGION_RESERVED;
	}
}

static bool
run_trial(const struct trial *trial, uint64_t seed, uint32_t rounds)
{
	static struct world_thread threads[WORLD_READERS + 1];
	pthread_t ids[WORLD_READERS];
	uint64_t done = 0, again = 0;
	static struct world w;
	uint32_t i, nb;

	if (world_open(&w, trial->format, trial->levels, trial->nb_pages, seed) < 0)
		return false;
	w.scarce = trial->nb_pages == PAGES_SCARCE;
	w.nb_mappers = trial->nb_mappers;
	memset(threads, 0, sizeof(threads));
	/* mappers, the unit, and last the writer, who is this thread */
	nb = w.nb_mappers + 1;
	for (i = 0; i <= nb; i++) {
		threads[i].w = &w;
		threads[i].id = i;
		threads[i].random = seed_of(&w, i);
	}
	for (i = 0; i < nb; i++)
		if (pthread_create(&ids[i], NULL, i + 1 < nb ? world_mapper : world_unit,
				   &threads[i]) != 0)
			exit(1);
	world_writer(&threads[nb], rounds, threads, nb);
	__atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < nb; i++)
		pthread_join(ids[i], NULL);
	compare_kept(&w, threads);
	last_look(&w);
	world_close(&w);
	for (i = 0; i < nb; i++) {
		done += threads[i].done;
		again += threads[i].again;
	}
	printf("# %s: %" PRIu64 " calls beside %" PRIu64 " of the writer, %" PRIu64
	       " were told to come again\n", trial->name, done, threads[nb].done, again);
	if (w.failed != 0)
		printf("# seed 0x%" PRIx64 ": %s\n", seed, w.why);
	return w.failed == 0;
}

static int
number_parse(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return *text < '0' || *text > '9' || *end != '\0' ? -1 : 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"rounds", required_argument, NULL, 'n'},
		{NULL, 0, NULL, 0},
	};
	uint64_t seed = 1, rounds = ROUNDS_DEFAULT;
	bool all = true, ok;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?' || number_parse(optarg, c == 's' ? &seed : &rounds) < 0 ||
		    rounds > UINT32_MAX) {
			fprintf(stderr, "usage: %s [--seed N] [--rounds N]\n", argv[0]);
			return 2;
		}
	}
	printf("1..%zu\n# seed 0x%" PRIx64 ", %" PRIu64 " rounds\n", NB_TRIALS, seed, rounds);
	for (i = 0; i < NB_TRIALS; i++) {
		ok = run_trial(&trials[i], seed, (uint32_t)rounds);
		all = all && ok;
		printf("%s %zu - %s\n", ok ? "ok" : "not ok", i + 1, trials[i].name);
		fflush(stdout);
	}
	return all ? 0 : 1;
}
