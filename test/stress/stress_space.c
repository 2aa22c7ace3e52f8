/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_common.h>

#include "stress_space.h"

#define PROT (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)

static unsigned int
dice(uint64_t *random, unsigned int sides)
{
	return (unsigned int)(harness_random(random) % sides);
}

static void
count(uint64_t *counter, uint64_t nb)
{
	__atomic_fetch_add(counter, nb, __ATOMIC_RELAXED);
}

static uint64_t
part_iova(enum part_kind kind)
{
	return UIOMMU_EMU_WINDOW_IOVA + (uint64_t)kind * PART_PAGES * PAGE;
}

/* No device holds a translation to it. */
static void
unreached(const struct space *space, const void *va, uint64_t len)
{
	EXPECT_EQ(uiommu_emu_retire(space->rig->emu, (uintptr_t)va, len), 0);
}

/* ---------------------------------------------------------------------- store */

/* On the fault lcore: sometimes it has less than it could have, and sometimes nothing. */
static int
store_get(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	struct space *space = priv;
	uint32_t i, most;

	pthread_mutex_lock(&space->store_lock);
	most = dice(&space->random, 8) == 0 ? dice(&space->random, 3) : nb;
	for (i = 0; i < RTE_MIN(nb, most) && space->nb_free != 0; i++) {
		uint64_t page = pages[i].offset / PAGE;

		if (page >= PART_PAGES || space->pa[page] != 0) {
			harness_note(__FILE__, __LINE__, "get() of page %llu",
				     (unsigned long long)page);
			break;
		}
		pages[i].pa = (uintptr_t)space->frames + space->free[--space->nb_free] * PAGE;
		space->pa[page] = pages[i].pa;
	}
	pthread_mutex_unlock(&space->store_lock);
	count(&space->gets, i);
	return (int)i;
}

static void
store_put(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	struct space *space = priv;
	uint32_t i;

	for (i = 0; i < nb; i++)
		unreached(space, (const void *)(uintptr_t)pages[i].pa, PAGE);
	pthread_mutex_lock(&space->store_lock);
	for (i = 0; i < nb; i++) {
		uint64_t page = pages[i].offset / PAGE;

		if (page >= PART_PAGES || space->pa[page] != pages[i].pa) {
			harness_note(__FILE__, __LINE__, "put() of page %llu",
				     (unsigned long long)page);
			continue;
		}
		memset((void *)(uintptr_t)pages[i].pa, 0xdb, PAGE);
		space->pa[page] = 0;
		space->free[space->nb_free++] =
			(uint32_t)((pages[i].pa - (uintptr_t)space->frames) / PAGE);
	}
	pthread_mutex_unlock(&space->store_lock);
	count(&space->puts, nb);
}

static const struct uiommu_backing_ops store_ops = {.get = store_get, .put = store_put};

/* --------------------------------------------------------------------- regions */

static void
region_bring(struct space *space, enum part_kind kind)
{
	static const uint32_t types[PARTS] = {
		[PART_MEMORY] = UIOMMU_BACKING_MEMORY,
		[PART_ANON] = UIOMMU_BACKING_ANON,
		[PART_COW] = UIOMMU_BACKING_MEMORY,
		[PART_CALLBACK] = UIOMMU_BACKING_CALLBACK,
	};
	struct part *part = &space->parts[kind];
	struct uiommu_backing backing = {.size = sizeof(backing), .type = types[kind]};

	if (backing.type == UIOMMU_BACKING_MEMORY) {
		backing.va = part->memory;
		backing.page_shift = 12;
	}
	/* plain memory instead, where there are no copies */
	if (kind == PART_COW && harness_unit()->can_exchange)
		backing.flags = UIOMMU_REGION_COW;
	if (kind == PART_CALLBACK) {
		backing.ops = &store_ops;
		backing.priv = space;
	}
	part->region = uiommu_region_add(space->domain, part_iova(kind), PART_PAGES * PAGE,
					 &backing, PROT);
	if (part->region == NULL)
		harness_fail(__FILE__, __LINE__, "region %u: %s", kind, rte_strerror(rte_errno));
}

static void
region_drop(struct space *space, enum part_kind kind)
{
	struct part *part = &space->parts[kind];
	unsigned int i;

	EXPECT_EQ(uiommu_region_remove(part->region), 0);
	part->region = NULL;
	if (kind != PART_CALLBACK) {
		unreached(space, part->memory, PART_PAGES * PAGE);
		return;
	}
	for (i = 0; i < PART_PAGES; i++)
		EXPECT_EQ(space->pa[i], 0);
}

static void
region_change(struct space *space, enum part_kind kind)
{
	struct part *part = &space->parts[kind];

	if (pthread_mutex_trylock(&part->lock) != 0)
		return;
	if (part->region != NULL)
		region_drop(space, kind);
	else
		region_bring(space, kind);
	count(&space->regions, 1);
	pthread_mutex_unlock(&part->lock);
}

/* ------------------------------------------------------------------- by hand */

static void
range_choose(uint64_t *random, enum part_kind kind, uint64_t *first, uint64_t *nb)
{
	*first = dice(random, PART_PAGES);
	*nb = 1 + dice(random, (unsigned int)(PART_PAGES - *first));
}

/* Its memory is nobody else's, so after unmap nobody reaches it. */
static void
hand_change(struct space *space, uint64_t *random)
{
	struct part *part = &space->parts[PART_HAND];
	uint64_t first, nb, iova, unmapped;
	int ret;

	if (pthread_mutex_trylock(&part->lock) != 0)
		return;
	range_choose(random, PART_HAND, &first, &nb);
	iova = part_iova(PART_HAND) + first * PAGE;
	switch (dice(random, 4)) {
	case 0:
		EXPECT_EQ(uiommu_domain_unmap(space->domain, iova, nb * PAGE, &unmapped), 0);
		unreached(space, part->memory + first * PAGE, nb * PAGE);
		count(&space->unmapped, unmapped / PAGE);
		break;
	case 1:
		EXPECT_EQ(uiommu_domain_protect(space->domain, iova, nb * PAGE, UIOMMU_PROT_READ),
			  0);
		break;
	default:
		/* the unit's tables may be used up for a while */
		ret = uiommu_domain_map(space->domain, iova,
					(uintptr_t)part->memory + first * PAGE, nb * PAGE, PROT);
		EXPECT(ret == 0 || ret == -ENOMEM || ret == -EAGAIN);
		count(&space->mapped, nb);
	}
	pthread_mutex_unlock(&part->lock);
}

/* What regions have mapped goes, or loses access, and comes back when it is asked for. */
static void
range_disturb(struct space *space, uint64_t *random)
{
	enum part_kind kind = (enum part_kind)dice(random, PART_HAND);
	uint64_t first, nb, iova, unmapped = 0;
	int ret;

	range_choose(random, kind, &first, &nb);
	iova = part_iova(kind) + first * PAGE;
	if (dice(random, 3) == 0) {
		ret = uiommu_domain_protect(space->domain, iova, nb * PAGE, UIOMMU_PROT_READ);
		EXPECT(ret == 0 || ret == -EAGAIN);
		return;
	}
	EXPECT_EQ(uiommu_domain_unmap(space->domain, iova, nb * PAGE, &unmapped), 0);
	count(&space->unmapped, unmapped / PAGE);
}

static void
look_around(struct space *space, uint64_t *random)
{
	struct uiommu_paging_stats stats;
	uint64_t pa;
	int ret;

	EXPECT_EQ(uiommu_paging_stats_get(space->domain, &stats), 0);
	EXPECT_EQ(stats.budget_pages, BUDGET);
	ret = uiommu_domain_iova_to_phys(space->domain, UIOMMU_EMU_WINDOW_IOVA +
					 dice(random, WINDOW_PAGES) * PAGE, &pa);
	EXPECT(ret == 0 || ret == -ENOENT);
}

void
space_change(struct space *space, uint64_t *random)
{
	uint32_t evicted = 0;
	unsigned int what = dice(random, 16);

	if (what < 5) {
		EXPECT_EQ(uiommu_domain_evict(space->domain, 1 + dice(random, 32), &evicted), 0);
		count(&space->evicted, evicted);
	} else if (what < 8) {
		range_disturb(space, random);
	} else if (what < 12) {
		hand_change(space, random);
	} else if (what < 14) {
		region_change(space, (enum part_kind)dice(random, PART_HAND));
	} else {
		look_around(space, random);
	}
}

/* ------------------------------------------------------------------------ life */

void
space_domain_make(struct space *space)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_DEMAND | (space->second ? UIOMMU_DOMAIN_SECOND_STAGE : 0),
		.fault_around_pages = space->second ? 8 : 4,
		.budget_pages = BUDGET,
	};
	enum part_kind kind;

	space->domain = uiommu_domain_alloc(space->rig->dev, &conf);
	CHECK(space->domain != NULL);
	for (kind = 0; kind < PART_HAND; kind++)
		region_bring(space, kind);
}

void
space_domain_drop(struct space *space)
{
	enum part_kind kind;

	EXPECT_EQ(uiommu_domain_free(space->domain), 0);
	space->domain = NULL;
	for (kind = 0; kind < PARTS; kind++) {
		space->parts[kind].region = NULL;
		unreached(space, space->parts[kind].memory, PART_PAGES * PAGE);
	}
	unreached(space, space->frames, FRAMES * PAGE);
	EXPECT_EQ(space->nb_free, FRAMES);
}

static uint8_t *
memory_take(struct rig *rig, uint64_t len)
{
	uint8_t *va = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(va != MAP_FAILED);
	CHECK_EQ(uiommu_emu_memory_add(rig->emu, va, len), 0);
	return va;
}

void
space_open(struct space *space, struct rig *rig, bool second, uint64_t seed)
{
	enum part_kind kind;
	uint32_t i;

	memset(space, 0, sizeof(*space));
	space->rig = rig;
	space->second = second;
	space->random = seed;
	CHECK_EQ(pthread_rwlock_init(&space->lock, NULL), 0);
	CHECK_EQ(pthread_mutex_init(&space->store_lock, NULL), 0);
	space->frames = memory_take(rig, FRAMES * PAGE);
	for (i = 0; i < FRAMES; i++)
		space->free[space->nb_free++] = i;
	for (kind = 0; kind < PARTS; kind++) {
		CHECK_EQ(pthread_mutex_init(&space->parts[kind].lock, NULL), 0);
		space->parts[kind].memory = memory_take(rig, PART_PAGES * PAGE);
	}
	space_domain_make(space);
}

void
space_close(struct space *space)
{
	enum part_kind kind;

	munmap(space->frames, FRAMES * PAGE);
	for (kind = 0; kind < PARTS; kind++)
		munmap(space->parts[kind].memory, PART_PAGES * PAGE);
}
