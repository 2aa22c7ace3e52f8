/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef MIRROR_HAND_RIG_H
#define MIRROR_HAND_RIG_H

/*
 * A domain with a mirrored table, as source: lib/iommu/mirror*.c, paging.c, paging_hand.c. Around
 * it a lock that knows whether the thread holds it.
 */

#include "heap_rig.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/iommu/mirror.c"
#include "../../lib/iommu/mirror_call.c"
#include "../../lib/iommu/mirror_out.c"
#include "../../lib/iommu/paging.c"
#include "../../lib/iommu/paging_hand.c"

#define PAGE UINT64_C(4096)
#define LARGE (UINT64_C(1) << 21)
#define HUGE (UINT64_C(1) << 30)
#define R UIOMMU_PROT_READ
#define W UIOMMU_PROT_WRITE
#define RW (R | W)
#define X UIOMMU_PROT_EXEC
#define IOVA (UINT64_C(7) << 32)
#define VA UINT64_C(0x7f0000000000)
#define POOL_BYTES ((size_t)16 << 21)

const struct uiommu_region_table uiommu_pvt_no_regions;

static struct uiommu_unit unit;
static struct uiommu_domain domain;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool lock_is_held, in_handler;
static unsigned int nb_turns; /* counted by threads without the lock, too */
static unsigned int nb_graces;
static void (*grace_hook)(void);
static void *pool_memory, *pool_mem;

#include "mirror_rig.h"

/* ----------------------------------------------------------------------- the engine */

bool
uiommu_pvt_in_handler(void)
{
	return in_handler;
}

struct uiommu_queue *
uiommu_pvt_handler_queue(void)
{
	fail_msg("a unit that remembers nothing is told something");
	return NULL;
}

int
uiommu_pvt_lock(struct uiommu_unit *of)
{
	if (in_handler)
		return -EDEADLK;
	assert_false(lock_is_held);
	pthread_mutex_lock(&lock);
	lock_is_held = true;
	return 0;
}

bool
uiommu_pvt_trylock(struct uiommu_unit *of)
{
	if (lock_is_held || lock_is_taken || pthread_mutex_trylock(&lock) != 0)
		return false;
	lock_is_held = true;
	return true;
}

void
uiommu_pvt_unlock(struct uiommu_unit *of)
{
	assert_true(lock_is_held);
	lock_is_held = false;
	pthread_mutex_unlock(&lock);
}

void
uiommu_pvt_wait_turn(void)
{
	assert_false(in_handler);
	__atomic_fetch_add(&nb_turns, 1, __ATOMIC_RELAXED);
	sched_yield();
}

int
uiommu_pvt_grace(struct uiommu_unit *of)
{
	assert_true(lock_is_held);
	nb_graces++;
	if (grace_hook != NULL)
		grace_hook();
	return 0;
}

int
uiommu_pvt_invalidate(struct uiommu_domain *of, const struct uiommu_pgtable_gather *gather,
		      bool only_absent)
{
	fail_msg("invalidates by a command");
	return 0;
}

bool
uiommu_pvt_paging_invalidate(struct uiommu_queue *queue, const struct uiommu_paging *paging,
			     const struct uiommu_pgtable_gather *gather, bool only_absent)
{
	fail_msg("invalidates on the data path");
	return false;
}

int
uiommu_pvt_paging_flush(struct uiommu_domain *of, struct uiommu_pgtable_gather *gather)
{
	int ret = uiommu_pvt_paging_grace(of->paging);

	uiommu_pgtable_gather_free(of->paging->pt, gather);
	uiommu_pgtable_gather_init(gather);
	return ret;
}

int
uiommu_pvt_regions_unmap(struct uiommu_domain *of, uint64_t iova, uint64_t len, uint64_t *unmapped)
{
	fail_msg("no regions");
	return 0;
}

void
uiommu_pvt_regions_fini(struct uiommu_domain *of)
{
}

static int
format_get(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
	   struct uiommu_table_format *format)
{
	*format = (struct uiommu_table_format){
		.format = UIOMMU_PGTABLE_VTD_SECOND,
		.levels = 4,
		.page_shift = 12,
		.pa_bits = 52,
		.leaf_sizes = PAGE | LARGE | HUGE,
	};
	return 0;
}

static int
setup(void **state)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	const uint32_t frames = (POOL_BYTES >> 21) + 1;

	memset(&unit, 0, sizeof(unit));
	memset(&domain, 0, sizeof(domain));
	lock_is_held = in_handler = false;
	nb_turns = nb_graces = 0;
	grace_hook = NULL;
	pool_memory = aligned_alloc(LARGE, POOL_BYTES);
	pool_mem = aligned_alloc(64, (uiommu_pgpool_size(frames, 12) + 63) / 64 * 64);
	unit.table_pool = uiommu_pgpool_init(pool_mem, frames, 12);
	assert_int_equal(uiommu_pgpool_add(unit.table_pool, pool_memory, (uintptr_t)pool_memory,
					   POOL_BYTES), 0);
	mirror_ops.table_format = format_get;
	mirror_ops.table_map = fake_map;
	unit.dev.ops = &mirror_ops;
	unit.capa = UIOMMU_CAPA_CACHES_RIGHTS | UIOMMU_CAPA_CACHES_ABSENT;
	domain.unit = &unit;
	assert_int_equal(uiommu_pvt_paging_create(&unit, &domain, &conf), 0);
	/* the unit does not walk it, and remembers nothing that the library knows of */
	assert_true(domain.paging->mirror);
	assert_int_equal(conf.table_pa, 0);
	assert_false(domain.paging->can_exchange || domain.paging->tracks ||
		     domain.paging->tell_absent || domain.paging->tell_more);
	mirror_make(domain.paging);
	return 0;
}

static int
teardown(void **state)
{
	struct uiommu_pgpool_info info;

	assert_false(lock_is_held);
	assert_int_equal(domain.paging->guard_active[0] + domain.paging->guard_active[1], 0);
	uiommu_pvt_paging_destroy(&domain);
	uiommu_pgpool_info_get(unit.table_pool, &info);
	assert_int_equal(info.nb_used, 0);
	assert_int_equal(nb_blocks, 0);
	free(pool_memory);
	free(pool_mem);
	return 0;
}

static inline int
map(uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot)
{
	return uiommu_domain_map(&domain, iova, pa, len, prot);
}

static inline uint64_t
unmap(uint64_t iova, uint64_t len)
{
	uint64_t bytes = UINT64_MAX;

	assert_int_equal(uiommu_domain_unmap(&domain, iova, len, &bytes), 0);
	return bytes;
}

/* Calls so far; and forget them. */
static inline void
assert_calls(unsigned int maps, unsigned int unmaps)
{
	assert_int_equal(nb_maps, maps);
	assert_int_equal(nb_unmaps, unmaps);
	nb_maps = nb_unmaps = 0;
	nb_ranges_unmapped = 0;
}

#endif /* MIRROR_HAND_RIG_H */
