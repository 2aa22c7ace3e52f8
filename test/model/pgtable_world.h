/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGTABLE_WORLD_H
#define PGTABLE_WORLD_H

/*
 * One table for several threads: some that make entries, one that takes them away, and a unit that
 * walks and marks what it uses. Where a page leads is told by its address, so each of them can
 * judge what it finds at any time.
 *
 * The addresses are cut into regions of one table of the lowest level each:
 *
 *   KEPT      is mapped only, with leaves of all sizes: what one thread has mapped stays
 *   LOST      is mapped by all, while the writer unmaps, protects and takes out tables
 *   WRITTEN   pages of the smallest size; the unit writes, and the writer collects what is dirty
 *   RESERVED  entries are reserved, filled, given up and exchanged
 *
 * Beyond them is a place of its own with LOST regions only, so that tables of an upper level go,
 * too.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pgtable_hw.h"

#define WORLD_MAPPERS_MAX 3
#define WORLD_READERS (WORLD_MAPPERS_MAX + 1)
#define WORLD_REGIONS 16
#define WORLD_FAR_REGIONS 8
#define REGION_PAGES 512
#define HOT_PAGES 4

enum region {
	REGION_KEPT,
	REGION_LOST,
	REGION_WRITTEN,
	REGION_RESERVED,
	NB_REGIONS,
};

/* Odd while the thread is inside a call. */
struct reader {
	_Alignas(64) uint64_t turn;
};

struct world {
	struct hw_memory memory;
	struct hw_table unit;
	void *pool_mem;
	struct uiommu_pgpool *pool;
	struct uiommu_pgtable *pt;
	uint64_t base, far; /* first addresses of both places */
	uint64_t page, region;
	bool scarce;        /* too few pages for tables: a failure is no fault */
	uint32_t nb_mappers;
	uint64_t seed;
	struct reader readers[WORLD_READERS];
	uint32_t owners[WORLD_REGIONS * REGION_PAGES]; /* RESERVED: who has reserved it, or 0 */
	/* WRITTEN: how often a page became dirty, and was said to be so */
	uint64_t became_dirty[WORLD_REGIONS * REGION_PAGES];
	uint64_t said_dirty[WORLD_REGIONS * REGION_PAGES];
	/* RESERVED: how often a page was filled, and taken away */
	uint64_t filled[WORLD_REGIONS * REGION_PAGES];
	uint64_t taken[WORLD_REGIONS * REGION_PAGES];
	bool stop;
	uint32_t failed;
	char why[200];
};

struct world_thread {
	struct world *w;
	uint32_t id;
	uint64_t random;
	/* KEPT: what this thread has mapped, with writing or without */
	uint8_t mine[WORLD_REGIONS * REGION_PAGES];
	uint64_t done, again;
	struct uiommu_pgtable_hint hint;
};

static inline uint64_t
world_random(struct world_thread *t)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return t->random * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint32_t
world_below(struct world_thread *t, uint32_t limit)
{
	return (uint32_t)((world_random(t) >> 32) * limit >> 32);
}

static inline enum region
world_kind(uint32_t region)
{
	return (enum region)(region % NB_REGIONS);
}

/* A random region of a kind: half the time the same, so that threads meet. */
static inline uint32_t
world_region(struct world_thread *t, enum region kind)
{
	if (world_below(t, 2) == 0)
		return kind;
	return world_below(t, WORLD_REGIONS / NB_REGIONS) * NB_REGIONS + kind;
}

/* A random page of a region: likewise. */
static inline uint32_t
world_page(struct world_thread *t)
{
	return world_below(t, world_below(t, 2) == 0 ? HOT_PAGES : REGION_PAGES);
}

static inline uint64_t
world_iova(const struct world *w, uint32_t region, uint32_t page)
{
	return w->base + region * w->region + page * w->page;
}

/* Where an address leads; other: the second place that a page of RESERVED may lead to. */
static inline uint64_t
world_pa(const struct world *w, uint64_t iova, bool other)
{
	return (iova & ((UINT64_C(1) << 36) - 1)) + (other ? w->region * 64 : 0);
}

__attribute__((format(printf, 2, 3))) void
world_fail(struct world *w, const char *format, ...);

/* 0 or -1. */
int
world_open(struct world *w, uint32_t format, uint32_t levels, uint32_t nb_pages, uint64_t seed);

/* All threads are gone: takes everything away, counts. */
void
world_close(struct world *w);

/* Reading sides of the grace period. */
void
world_enter(struct world *w, uint32_t reader);
void
world_leave(struct world *w, uint32_t reader);

/* No reader is inside a call that it began before. */
void
world_wait(struct world *w);

/* Threads, until world::stop; the argument is a struct world_thread. */
void *
world_mapper(void *arg);
void *
world_unit(void *arg);

/* In the calling thread, until all have done their share. */
void
world_writer(struct world_thread *t, uint32_t rounds, const struct world_thread *others,
	     uint32_t nb_others);

#endif /* PGTABLE_WORLD_H */
