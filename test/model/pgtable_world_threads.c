/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <sched.h>

#include "pgtable_world.h"

#define RUN_MAX 24
#define BURST 40
/* Calls between two offers of the processor: there may be fewer than threads. */
#define TURN_CALLS 16
#define WRITER_TURN_ROUNDS 4
#define MINE_READ 1
#define MINE_WRITE 2

static bool
stopped(const struct world *w)
{
	return __atomic_load_n(&w->stop, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&w->failed, __ATOMIC_RELAXED) != 0;
}

static uint32_t
random_prot(struct world_thread *t)
{
	return UIOMMU_PROT_READ | (world_below(t, 2) != 0 ? UIOMMU_PROT_WRITE : 0);
}

/* What is there must lead where it should. */
static void
look_at(struct world_thread *t, uint64_t iova, bool wanted, uint32_t prot)
{
	struct uiommu_pgtable_leaf leaf;
	struct world *w = t->w;
	uint64_t pa;
	int ret;

	ret = uiommu_pgtable_walk(w->pt, iova, &leaf);
	if (ret != 0 && (wanted || (ret != -ENOENT && ret != -EAGAIN))) {
		world_fail(w, "walk of 0x%" PRIx64 ": %d", iova, ret);
		return;
	}
	pa = leaf.pa + (iova - leaf.iova);
	if (ret == 0 && pa != world_pa(w, iova, false) && pa != world_pa(w, iova, true))
		world_fail(w, "0x%" PRIx64 " leads to 0x%" PRIx64, iova, pa);
	if (ret == 0 && wanted && (prot & ~leaf.prot) != 0)
		world_fail(w, "0x%" PRIx64 " has access %u, wanted %u", iova, leaf.prot, prot);
}

static void
map_kept(struct world_thread *t)
{
	uint32_t region = world_region(t, REGION_KEPT), page = world_page(t), i;
	uint32_t nb = 1 + world_below(t, RUN_MAX), prot = random_prot(t);
	struct world *w = t->w;
	uint64_t iova;
	int ret;

	if (world_below(t, 8) == 0) {
		/* a large leaf, if nobody was faster with a small one */
		page = 0;
		nb = REGION_PAGES;
	}
	if (nb > REGION_PAGES - page)
		nb = REGION_PAGES - page;
	iova = world_iova(w, region, page);
	ret = uiommu_pgtable_map(w->pt, iova, world_pa(w, iova, false), nb * w->page, prot, NULL);
	if (ret != 0) {
		if (ret != -ENOMEM || !w->scarce)
			world_fail(w, "map 0x%" PRIx64 ", %u pages: %d", iova, nb, ret);
		return;
	}
	for (i = 0; i < nb; i++)
		t->mine[region * REGION_PAGES + page + i] |=
			MINE_READ | ((prot & UIOMMU_PROT_WRITE) != 0 ? MINE_WRITE : 0);
	look_at(t, iova, true, prot);
	look_at(t, iova + (nb - 1) * w->page, true, prot);
}

/* What this thread has mapped in KEPT is there, whatever others do beside it. */
static void
check_kept(struct world_thread *t)
{
	struct uiommu_pgtable_hint *hints[BURST];
	struct uiommu_pgtable *pts[BURST];
	uint8_t prot[BURST], present[BURST];
	uint64_t iovas[BURST];
	struct world *w = t->w;
	uint32_t nb = 0, i;

	for (i = 0; i < BURST; i++) {
		uint32_t region = world_region(t, REGION_KEPT);
		uint32_t page = world_below(t, REGION_PAGES);
		uint8_t mine = t->mine[region * REGION_PAGES + page];

		if (mine == 0)
			continue;
		pts[nb] = w->pt;
		hints[nb] = &t->hint;
		iovas[nb] = world_iova(w, region, page);
		prot[nb] = (mine & MINE_WRITE) != 0 ? UIOMMU_PROT_READ | UIOMMU_PROT_WRITE
						    : UIOMMU_PROT_READ;
		nb++;
	}
	/* what the hint leads to may have been taken out since it was made */
	uiommu_pgtable_check_near(pts, hints, iovas, prot, present, nb);
	for (i = 0; i < nb; i++)
		if (present[i] != 1)
			world_fail(w, "0x%" PRIx64 " was mapped and is not there", iovas[i]);
}

/* Regions that the writer is at: what comes may go at once. */
static void
map_lost(struct world_thread *t)
{
	struct world *w = t->w;
	uint32_t page = world_page(t), nb = 1 + world_below(t, RUN_MAX);
	uint64_t iova = world_below(t, 2) == 0
				? world_iova(w, world_region(t, REGION_LOST), page)
				: w->far + world_below(t, WORLD_FAR_REGIONS) * w->region +
					  page * w->page;
	uint64_t len;
	int ret;

	if (world_below(t, 6) == 0) {
		iova &= ~(w->region - 1);
		nb = REGION_PAGES;
	} else if (nb > REGION_PAGES - page) {
		nb = REGION_PAGES - page;
	}
	len = nb * w->page;
	ret = uiommu_pgtable_map(w->pt, iova, world_pa(w, iova, false), len, random_prot(t), NULL);
	t->again += ret == -EAGAIN;
	if (ret != 0 && ret != -EAGAIN && (ret != -ENOMEM || !w->scarce))
		world_fail(w, "map 0x%" PRIx64 "+0x%" PRIx64 ": %d", iova, len, ret);
	look_at(t, iova, false, 0);
}

static void
map_written(struct world_thread *t)
{
	uint32_t nb = 1 + world_below(t, RUN_MAX), page = world_page(t), i;
	struct world *w = t->w;
	uint64_t iova = world_iova(w, world_region(t, REGION_WRITTEN), page), pa[RUN_MAX];
	int ret;

	if (nb > REGION_PAGES - page)
		nb = REGION_PAGES - page;
	for (i = 0; i < nb; i++)
		pa[i] = world_pa(w, iova + i * w->page, false);
	ret = uiommu_pgtable_map_pages(w->pt, iova, pa, nb, UIOMMU_PROT_READ | UIOMMU_PROT_WRITE,
				       NULL);
	t->again += ret == -EAGAIN;
	if (ret != 0 && ret != -EAGAIN && (ret != -ENOMEM || !w->scarce))
		world_fail(w, "map_pages 0x%" PRIx64 ": %d", iova, ret);
	look_at(t, iova, false, 0);
}

/* Nobody else may have what this thread has reserved. */
static void
reserve(struct world_thread *t)
{
	uint32_t region = world_region(t, REGION_RESERVED), page = world_page(t);
	uint32_t nb = 1 + world_below(t, 4), free, i;
	struct world *w = t->w;
	uint64_t iova = world_iova(w, region, page), pa[4];
	uint32_t *owners = &w->owners[region * REGION_PAGES + page];
	int ret;

	if (nb > REGION_PAGES - page)
		nb = REGION_PAGES - page;
	ret = uiommu_pgtable_reserve(w->pt, iova, 12, nb);
	t->again += ret == -EAGAIN;
	if (ret <= 0) {
		if (ret != -EAGAIN && ret != -EEXIST && (ret != -ENOMEM || !w->scarce))
			world_fail(w, "reserve 0x%" PRIx64 ": %d", iova, ret);
		return;
	}
	for (i = 0; i < (uint32_t)ret; i++) {
		free = 0;
		/* acquire pairs with the release below: who had it before is done with it */
		if (!__atomic_compare_exchange_n(&owners[i], &free, t->id + 1, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			world_fail(w, "0x%" PRIx64 " is reserved twice, by %u and %u",
				   iova + i * w->page, t->id + 1, free);
		pa[i] = world_below(t, 3) == 0 ? UIOMMU_PA_NONE
					       : world_pa(w, iova + i * w->page, false);
		/* pairs with nothing: it is this thread's alone until it is committed */
		if (pa[i] != UIOMMU_PA_NONE)
			w->filled[region * REGION_PAGES + page + i]++;
	}
	for (i = 0; i < (uint32_t)ret; i++)
		__atomic_store_n(&owners[i], 0, __ATOMIC_RELEASE);
	uiommu_pgtable_commit(w->pt, iova, 12, (uint32_t)ret, pa, random_prot(t));
}

static void
exchange(struct world_thread *t)
{
	struct world *w = t->w;
	uint64_t iova = world_iova(w, world_region(t, REGION_RESERVED), world_page(t));
	bool other = world_below(t, 2) != 0;
	struct uiommu_pgtable_gather gather;
	int ret;

	uiommu_pgtable_gather_init(&gather);
	ret = uiommu_pgtable_exchange(w->pt, iova, world_pa(w, iova, other),
				      world_pa(w, iova, !other), UIOMMU_PROT_READ, &gather);
	if (ret != 0 && ret != -EAGAIN)
		world_fail(w, "exchange 0x%" PRIx64 ": %d", iova, ret);
	if ((ret == 0) != (gather.nb_ranges == 1 && gather.ranges[0].iova == iova))
		world_fail(w, "exchange 0x%" PRIx64 ": %d, %u ranges", iova, ret, gather.nb_ranges);
	look_at(t, iova, false, 0);
}

void *
world_mapper(void *arg)
{
	static void (*const works[])(struct world_thread *t) = {
		map_kept, map_kept, check_kept, map_lost, map_lost, map_written, map_written,
		reserve,  reserve,  exchange,
	};
	struct world_thread *t = arg;

	while (!stopped(t->w)) {
		world_enter(t->w, t->id);
		works[world_below(t, sizeof(works) / sizeof(works[0]))](t);
		world_leave(t->w, t->id);
		/* relaxed: how far the others are, no more */
		if (__atomic_add_fetch(&t->done, 1, __ATOMIC_RELAXED) % TURN_CALLS == 0)
			sched_yield();
	}
	return NULL;
}

/* As a unit does: walks, and sets bits in entries that others change at the same time. */
void *
world_unit(void *arg)
{
	struct world_thread *t = arg;
	struct world *w = t->w;
	struct hw_leaf leaf;
	bool newly;

	while (!stopped(w)) {
		enum region kind = world_below(t, 4) != 0 ? REGION_WRITTEN
							  : (enum region)world_below(t, NB_REGIONS);
		uint32_t region = world_region(t, kind), page = world_page(t);
		uint64_t iova = world_iova(w, region, page);
		enum hw_result result;

		if (world_below(t, 8) == 0)
			iova += w->far - w->base;
		world_enter(w, t->id);
		result = hw_access(&w->unit, iova, world_below(t, 2) != 0, &leaf, &newly);
		world_leave(w, t->id);
		if (result == HW_BROKEN || result == HW_BEYOND)
			world_fail(w, "unit at 0x%" PRIx64 ", level %u: %s", iova, leaf.level,
				   leaf.why);
		if (result == HW_LEAF &&
		    leaf.pa + (iova - leaf.iova) != world_pa(w, iova, false) &&
		    leaf.pa + (iova - leaf.iova) != world_pa(w, iova, true))
			world_fail(w, "unit at 0x%" PRIx64 ": leads to 0x%" PRIx64, iova, leaf.pa);
		if (newly && iova < w->far && world_kind(region) == REGION_WRITTEN)
			w->became_dirty[region * REGION_PAGES + page]++;
		/* relaxed: how far the others are, no more */
		if (__atomic_add_fetch(&t->done, 1, __ATOMIC_RELAXED) % TURN_CALLS == 0)
			sched_yield();
	}
	return NULL;
}

/* Of WRITTEN; leaves elsewhere do not count. */
static void
on_dirty(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct world *w = priv;
	uint64_t page = (leaf->iova - w->base) / w->page;

	if (leaf->dirty && leaf->iova < w->far && leaf->iova >= w->base &&
	    world_kind((uint32_t)(page / REGION_PAGES)) == REGION_WRITTEN)
		w->said_dirty[page]++;
}

static void
on_taken(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct world *w = priv;

	w->taken[(leaf->iova - w->base) / w->page]++;
}

/* A part of a region, or all of it. */
static void
part_of(struct world_thread *t, uint64_t start, uint64_t *iova, uint64_t *len)
{
	uint32_t page = world_page(t), nb = 1 + world_below(t, 64);

	*iova = start + page * t->w->page;
	*len = (nb < REGION_PAGES - page ? nb : REGION_PAGES - page) * t->w->page;
	if (world_below(t, 3) == 0) {
		*iova = start;
		*len = t->w->region;
	}
}

static void
write_lost(struct world_thread *t, struct uiommu_pgtable_gather *gather)
{
	struct world *w = t->w;
	uint32_t work = world_below(t, 8);
	uint64_t iova, len, unmapped;
	int ret = 0;

	part_of(t, world_below(t, 2) == 0 ? world_iova(w, world_region(t, REGION_LOST), 0)
					  : w->far + world_below(t, WORLD_FAR_REGIONS) * w->region,
		&iova, &len);
	if (work == 0) {
		/* with an upper table */
		ret = uiommu_pgtable_unmap(w->pt, w->far, UINT64_C(1) << 30, 0, gather, NULL, NULL,
					   &unmapped);
	} else if (work < 4) {
		ret = uiommu_pgtable_unmap(w->pt, iova, len, 0, gather, NULL, NULL, &unmapped);
	} else if (work < 6) {
		ret = uiommu_pgtable_protect(w->pt, iova, len, random_prot(t), gather);
	} else if (work == 6) {
		uiommu_pgtable_trim(w->pt, w->base, UINT64_C(2) << 30, gather);
	} else {
		ret = uiommu_pgtable_sample(w->pt, iova, len, UIOMMU_SAMPLE_CLEAR_ACCESSED, gather,
					    NULL, NULL);
	}
	if (ret != 0 && (ret != -ENOMEM || !w->scarce))
		world_fail(w, "writer, 0x%" PRIx64 "+0x%" PRIx64 ", work %u: %d", iova, len, work,
			   ret);
}

static void
write_written(struct world_thread *t, struct uiommu_pgtable_gather *gather)
{
	struct world *w = t->w;
	uint64_t iova, len;
	int ret;

	part_of(t, world_iova(w, world_region(t, REGION_WRITTEN), 0), &iova, &len);
	if (world_below(t, 2) == 0)
		ret = uiommu_pgtable_unmap(w->pt, iova, len, 0, gather, on_dirty, w, NULL);
	else
		ret = uiommu_pgtable_sample(w->pt, iova, len,
					    UIOMMU_SAMPLE_CLEAR_DIRTY |
						    UIOMMU_SAMPLE_CLEAR_ACCESSED,
					    gather, on_dirty, w);
	if (ret != 0)
		world_fail(w, "writer, 0x%" PRIx64 "+0x%" PRIx64 ": %d", iova, len, ret);
}

/* Entries that mappers have reserved at the moment stay theirs. */
static void
write_reserved(struct world_thread *t, struct uiommu_pgtable_gather *gather)
{
	struct world *w = t->w;
	uint64_t iova, len;
	int ret;

	part_of(t, world_iova(w, world_region(t, REGION_RESERVED), 0), &iova, &len);
	ret = uiommu_pgtable_unmap(w->pt, iova, len, 0, gather, on_taken, w, NULL);
	t->again += ret == -EAGAIN;
	if (ret != 0 && ret != -EAGAIN)
		world_fail(w, "writer, reserved 0x%" PRIx64 "+0x%" PRIx64 ": %d", iova, len, ret);
}

/* The others have done their share, too: they may have begun late. */
static bool
all_done(const struct world_thread *others, uint32_t nb, uint64_t calls)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		if (__atomic_load_n(&others[i].done, __ATOMIC_RELAXED) < calls)
			return false;
	return true;
}

void
world_writer(struct world_thread *t, uint32_t rounds, const struct world_thread *others,
	     uint32_t nb_others)
{
	struct uiommu_pgtable_gather gather;
	struct world *w = t->w;
	uint32_t i, work;

	uiommu_pgtable_gather_init(&gather);
	for (i = 0; !stopped(w); i++) {
		if (i >= rounds && all_done(others, nb_others, rounds * UINT64_C(4)))
			break;
		work = world_below(t, 8);
		if (work < 3)
			write_lost(t, &gather);
		else if (work < 6)
			write_written(t, &gather);
		else
			write_reserved(t, &gather);
		if (world_below(t, 2) == 0) {
			world_wait(w);
			uiommu_pgtable_gather_free(w->pt, &gather);
			uiommu_pgtable_gather_init(&gather);
		}
		t->done++;
		if (i % WRITER_TURN_ROUNDS == 0)
			sched_yield();
	}
	world_wait(w);
	uiommu_pgtable_gather_free(w->pt, &gather);
}
