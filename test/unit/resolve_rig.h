/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RESOLVE_RIG_H
#define RESOLVE_RIG_H

/*
 * The resolver of demand paging, included as source, over the real page tables, with regions made
 * by hand and a unit that notes what it is told.
 */

#include "heap_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/iommu/mirror.c"
#include "../../lib/iommu/mirror_call.c"
#include "../../lib/iommu/mirror_out.c"
#include "../../lib/iommu/resolve.c"
#include "../../lib/iommu/resolve_mem.c"
#include "../../lib/iommu/resolve_pages.c"
#include "../../lib/iommu/resolve_private.c"
#include "../../lib/iommu/resolve_run.c"

#define PAGE UINT64_C(4096)
#define LARGE (UINT64_C(1) << 21)
#define POOL_BYTES ((size_t)16 << 21)
#define FRAME_BYTES ((size_t)1 << 21)
/* Addresses of the unit are not those of the processor. */
#define PA_DELTA UINT64_C(0x50000000000)
#define BURST 64
#define DOMAINS 3

static struct uiommu_unit unit;
static struct uiommu_queue queue;
static struct uiommu_domain domains[DOMAINS];
static struct uiommu_attach attaches[DOMAINS];
static void *pool_memory, *frame_memory, *table_mem, *frame_mem;
static struct uiommu_region *regions[8];
static unsigned int nb_regions;

/* What the unit was told. */
static unsigned int nb_told;
static bool told_absent;
static struct uiommu_pgtable_gather told;
static bool no_room;

/* Always inside a handler, and never with the lock but in a call that takes it for a moment. */
static bool lock_is_held;

bool
uiommu_pvt_in_handler(void)
{
	return true;
}

void
uiommu_pvt_wait_turn(void)
{
	fail_msg("waits on the data path");
}

void
uiommu_pvt_unlock(struct uiommu_unit *of)
{
	assert_true(lock_is_held);
	lock_is_held = false;
}

int
uiommu_pvt_paging_grace(struct uiommu_paging *of)
{
	fail_msg("waits for itself");
	return 0;
}

int
uiommu_pvt_paging_flush(struct uiommu_domain *of, struct uiommu_pgtable_gather *gather)
{
	fail_msg("frees tables on the data path");
	return 0;
}

#include "mirror_rig.h"

bool
uiommu_pvt_trylock(struct uiommu_unit *of)
{
	assert_ptr_equal(of, &unit);
	if (lock_is_held || lock_is_taken)
		return false;
	lock_is_held = true;
	return true;
}

struct uiommu_queue *
uiommu_pvt_group_queue(const struct uiommu_group *group)
{
	return &queue;
}

bool
uiommu_pvt_paging_invalidate(struct uiommu_queue *of, const struct uiommu_paging *paging,
			     const struct uiommu_pgtable_gather *gather, bool only_absent)
{
	assert_ptr_equal(of, &queue);
	if (no_room)
		return false;
	nb_told++;
	told = *gather;
	told_absent = only_absent;
	return true;
}

static struct uiommu_pgpool *
pool_make(size_t bytes, void **memory, void **mem)
{
	const uint32_t frames = (uint32_t)(bytes >> 21) + 1;
	struct uiommu_pgpool *pool;

	*memory = aligned_alloc(LARGE, bytes);
	*mem = aligned_alloc(64, (uiommu_pgpool_size(frames, 12) + 63) / 64 * 64);
	pool = uiommu_pgpool_init(*mem, frames, 12);
	assert_non_null(pool);
	assert_int_equal(uiommu_pgpool_add(pool, *memory, (uintptr_t)*memory + PA_DELTA, bytes), 0);
	return pool;
}

static void
domain_make(unsigned int i, uint32_t pages_max)
{
	const struct uiommu_pgtable_conf conf = {
		.size = sizeof(conf),
		.format = UIOMMU_PGTABLE_X86_FIRST,
		.pages_max = pages_max,
		.pool = unit.table_pool,
	};
	struct uiommu_paging *paging = heap_zmalloc("", sizeof(*paging), 64, 0);

	paging->pt = heap_zmalloc("", uiommu_pgtable_size(), 64, 0);
	assert_int_equal(uiommu_pgtable_init(paging->pt, &conf), 0);
	paging->unit = &unit;
	paging->domain = &domains[i];
	paging->budget = UINT64_MAX;
	paging->around_pages = 1;
	paging->demand = true;
	paging->can_exchange = true;
	paging->tracks = true;
	paging->regions = heap_zmalloc("", sizeof(*paging->regions) + 8 * sizeof(void *), 64, 0);
	domains[i].unit = &unit;
	domains[i].paging = paging;
	attaches[i].domain = &domains[i];
	attaches[i].paging = paging;
}

static struct uiommu_paging *
paging_of(unsigned int i)
{
	return domains[i].paging;
}

/* Counts of the domain, as of the one queue that there is. */
static const struct uiommu_paging_counts *
counts_of(unsigned int i)
{
	return &domains[i].paging->counts[0];
}

/* A region behind the last one of a domain. */
static struct uiommu_region *
region_make(unsigned int i, uint64_t iova, uint64_t pages, uint32_t prot)
{
	struct uiommu_region_table *table =
		(struct uiommu_region_table *)(uintptr_t)domains[i].paging->regions;
	struct uiommu_region *region = heap_zmalloc("", sizeof(*region), 64, 0);

	region->iova = iova;
	region->len = pages * PAGE;
	region->prot = prot;
	region->page_shift = 12;
	region->domain = &domains[i];
	table->region[table->nb++] = region;
	regions[nb_regions++] = region;
	return region;
}

static uint64_t linear_pa[1];

/* Memory that lies together, at pa. */
static struct uiommu_region *
region_linear(unsigned int i, uint64_t iova, uint64_t pages, uint32_t prot, uint64_t pa)
{
	struct uiommu_region *region = region_make(i, iova, pages, prot);

	linear_pa[0] = pa;
	region->pa = linear_pa;
	region->linear = true;
	return region;
}

/* A request of the burst; consecutive ones with one number are a group. */
struct ask {
	unsigned int domain;
	unsigned int group;
	uint64_t iova;
	uint16_t flags;
	uint32_t nb_pages;
};

static struct uiommu_fault faults[2048];
static struct uiommu_group groups[2048];
static uint8_t codes[2048];

/* Have a burst resolved; codes[] by group. Groups. */
static uint16_t
burst(const struct ask *asks, unsigned int nb)
{
	uint16_t nb_groups = 0;
	unsigned int i;

	assert_true(nb <= queue.resolve->max);
	for (i = 0; i < nb; i++) {
		faults[i] = (struct uiommu_fault){
			.iova = asks[i].iova,
			.flags = asks[i].flags,
			.nb_pages = asks[i].nb_pages,
		};
		if (i == 0 || asks[i].group != asks[i - 1].group)
			groups[nb_groups++] = (struct uiommu_group){
				.faults = &faults[i],
				.attach = &attaches[asks[i].domain],
			};
		groups[nb_groups - 1].nb_faults++;
	}
	/* as the engine has it: requests that were put together */
	queue.nb_gathered = nb_groups != nb ? nb : 0;
	memset(codes, 0xee, sizeof(codes));
	uiommu_pvt_demand_handler(NULL, groups, codes, nb_groups);
	return nb_groups;
}

/* One request in a burst of its own. */
static uint8_t
one(unsigned int domain, uint64_t iova, uint16_t flags)
{
	const struct ask ask = {.domain = domain, .iova = iova, .flags = flags};

	assert_int_equal(burst(&ask, 1), 1);
	return codes[0];
}

/* Where an address leads; UIOMMU_PA_NONE: nowhere. */
static uint64_t
leads_to(unsigned int domain, uint64_t iova, struct uiommu_pgtable_leaf *leaf)
{
	struct uiommu_pgtable_leaf own;

	if (leaf == NULL)
		leaf = &own;
	if (uiommu_pgtable_walk(domains[domain].paging->pt, iova, leaf) != 0)
		return UIOMMU_PA_NONE;
	return leaf->pa + (iova - leaf->iova);
}

static int
rig_make(void **state)
{
	unsigned int i;

	memset(&unit, 0, sizeof(unit));
	memset(&queue, 0, sizeof(queue));
	nb_regions = 0;
	nb_told = 0;
	no_room = false;
	unit.table_pool = pool_make(POOL_BYTES, &pool_memory, &table_mem);
	unit.frame_pool = pool_make(FRAME_BYTES, &frame_memory, &frame_mem);
	unit.zero_page.pa = UINT64_C(0x7000);
	unit.nb_queues = 1;
	unit.queues[0] = &queue;
	queue.unit = &unit;
	queue.burst = BURST;
	queue.gather_max = 2048 - BURST;
	queue.resolve = uiommu_pvt_resolve_create(&queue);
	for (i = 0; i < DOMAINS; i++)
		domain_make(i, 0);
	return 0;
}

/* Tables go back whole; nothing of the pools is lost but the frames in use. */
static int
rig_end(void **state)
{
	struct uiommu_pgpool_info info;
	unsigned int i;

	for (i = 0; i < DOMAINS; i++) {
		uiommu_pgtable_fini(domains[i].paging->pt);
		heap_free((void *)(uintptr_t)domains[i].paging->regions);
		heap_free(domains[i].paging->pt);
		heap_free(domains[i].paging);
	}
	uiommu_pgpool_info_get(unit.table_pool, &info);
	assert_int_equal(info.nb_used, 0);
	for (i = 0; i < nb_regions; i++)
		heap_free(regions[i]);
	uiommu_pvt_resolve_destroy(queue.resolve);
	free(pool_memory);
	free(frame_memory);
	free(table_mem);
	free(frame_mem);
	assert_int_equal(nb_blocks, 0);
	return 0;
}

#endif /* RESOLVE_RIG_H */
