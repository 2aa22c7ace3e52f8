/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgtable_world.h"

#define FRAMES_MAX 8
#define TABLES_PA UINT64_C(0x40000000)
#define PAGES_MAX 1024

static _Alignas(2 << 20) uint8_t arena[PAGES_MAX << 12];

void
world_fail(struct world *w, const char *format, ...)
{
	va_list args;

	/* the first one has the say; relaxed: threads are joined before it is read */
	if (__atomic_exchange_n(&w->failed, 1, __ATOMIC_RELAXED) != 0)
		return;
	va_start(args, format);
	vsnprintf(w->why, sizeof(w->why), format, args);
	va_end(args);
}

int
world_open(struct world *w, uint32_t format, uint32_t levels, uint32_t nb_pages, uint64_t seed)
{
	struct uiommu_pgtable_conf conf = {.size = sizeof(conf), .format = format,
					   .levels = levels};
	size_t bytes = (size_t)nb_pages << 12;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->pool_mem = aligned_alloc(64, (uiommu_pgpool_size(FRAMES_MAX, 12) + 63) & ~63UL);
	w->pt = aligned_alloc(64, (uiommu_pgtable_size() + 63) & ~63UL);
	if (w->pool_mem == NULL || w->pt == NULL || nb_pages > PAGES_MAX)
		return -1;
	w->pool = uiommu_pgpool_init(w->pool_mem, FRAMES_MAX, 12);
	if (uiommu_pgpool_add(w->pool, arena, TABLES_PA, bytes) != 0)
		return -1;
	conf.pool = w->pool;
	if (uiommu_pgtable_init(w->pt, &conf) != 0)
		return -1;
	w->memory = (struct hw_memory){1, {{TABLES_PA, bytes, arena}}};
	w->unit = (struct hw_table){.memory = &w->memory, .format = format, .levels = levels,
				    .page_shift = 12,
				    .pa_bits = format == UIOMMU_PGTABLE_ARM_LPAE ? 48 : 52,
				    .leaf_sizes = uiommu_pgtable_leaf_sizes(w->pt),
				    .root = uiommu_pgtable_root(w->pt)};
	w->page = UINT64_C(1) << 12;
	w->region = REGION_PAGES * w->page;
	w->base = UINT64_C(1) << 30;
	w->far = w->base * 2;
	w->nb_mappers = WORLD_MAPPERS_MAX;
	return 0;
}

void
world_enter(struct world *w, uint32_t reader)
{
	/* pairs with world_wait(): one of both comes first, and the other sees what was before */
	__atomic_fetch_add(&w->readers[reader].turn, 1, __ATOMIC_SEQ_CST);
}

void
world_leave(struct world *w, uint32_t reader)
{
	/* release pairs with world_wait(): what the reader did is over */
	__atomic_fetch_add(&w->readers[reader].turn, 1, __ATOMIC_RELEASE);
}

void
world_wait(struct world *w)
{
	uint64_t turn;
	uint32_t i;

	for (i = 0; i < WORLD_READERS; i++) {
		/* a read that takes part in the order of those that write; see world_enter() */
		turn = __atomic_fetch_add(&w->readers[i].turn, 0, __ATOMIC_SEQ_CST);
		while (turn % 2 == 1 &&
		       __atomic_load_n(&w->readers[i].turn, __ATOMIC_ACQUIRE) == turn)
			sched_yield();
	}
}

/* A page that is only mapped must be there to the end, and what is there leads where it must. */
static void
on_leaf(void *priv, const struct hw_leaf *leaf)
{
	struct world *w = priv;
	uint64_t at;

	for (at = leaf->iova; at < leaf->iova + leaf->size; at += w->page) {
		uint64_t pa = leaf->pa + (at - leaf->iova);

		if (pa != world_pa(w, at, false) && pa != world_pa(w, at, true))
			world_fail(w, "0x%" PRIx64 " leads to 0x%" PRIx64, at, pa);
	}
}

static void
count_tables(struct world *w)
{
	struct uiommu_pgpool_info info;
	uint32_t nb_tables;
	const char *why;

	if (hw_scan(&w->unit, on_leaf, w, &nb_tables, &why) < 0)
		world_fail(w, "scan: %s", why);
	uiommu_pgpool_info_get(w->pool, &info);
	if (info.nb_used != nb_tables || uiommu_pgtable_pages(w->pt) != nb_tables)
		world_fail(w, "%u pages are used, %u counted, %u tables can be reached",
			   info.nb_used, uiommu_pgtable_pages(w->pt), nb_tables);
}

static void
count_pages(struct world *w)
{
	uint32_t i;

	for (i = 0; i < WORLD_REGIONS * REGION_PAGES; i++) {
		if (w->became_dirty[i] != w->said_dirty[i])
			world_fail(w, "page %u became dirty %" PRIu64 " times, it was said %" PRIu64
				   " times", i, w->became_dirty[i], w->said_dirty[i]);
		if (w->filled[i] != w->taken[i])
			world_fail(w, "page %u was filled %" PRIu64 " times, taken %" PRIu64
				   " times", i, w->filled[i], w->taken[i]);
	}
}

void
world_close(struct world *w)
{
	struct uiommu_pgtable_gather gather;
	/* whole tables, at each level but the root's */
	uint64_t half = UINT64_C(1) << (hw_width(&w->unit) - 1);
	struct uiommu_pgpool_info info;
	int ret;

	count_tables(w);
	count_pages(w);
	uiommu_pgtable_gather_init(&gather);
	ret = uiommu_pgtable_unmap(w->pt, 0, half, 0, &gather, NULL, NULL, NULL);
	uiommu_pgtable_gather_free(w->pt, &gather);
	if (ret != 0 || uiommu_pgtable_pages(w->pt) != 1)
		world_fail(w, "unmap of everything: %d, %u tables are left", ret,
			   uiommu_pgtable_pages(w->pt));
	uiommu_pgtable_fini(w->pt);
	uiommu_pgpool_info_get(w->pool, &info);
	if (info.nb_used != 0)
		world_fail(w, "%u pages of tables are lost", info.nb_used);
	free(w->pt);
	free(w->pool_mem);
}
