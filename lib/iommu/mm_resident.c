/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What faults keep resident: mlock2() with MLOCK_ONFAULT, so that a page stays from its first
 * touch on and nothing is populated that nobody asked for.
 *
 * The kernel keeps the locks with its mappings, and each lock of a part of one splits it; so memory
 * is locked by granules. A set remembers which granules were locked, to count each once, to hold
 * the bound, and to undo it all at the end. The pages of a request are locked at each fault all
 * the same: their mapping may be another one by now than that which was locked. A granule
 * that was unmapped meanwhile leaves the set when the bound is reached.
 */

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mm_self.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

/* Entries of the set at the beginning, and at most: 32 MiB, so 3 million granules. */
#define SET_MIN (UINT64_C(1) << 10)
#define SET_MAX (UINT64_C(1) << 22)

struct uiommu_mm_resident {
	pthread_mutex_t lock;
	uint64_t granule;  /* bytes */
	uint64_t page;	   /* bytes, of the kernel */
	uint64_t max;	   /* bytes */
	uint64_t *set;	   /* hash with linear probing: number of a granule plus 1; 0: empty */
	uint64_t set_size; /* power of two */
	uint64_t nb;	   /* granules in the set */
	int64_t swept_s;   /* when it was last looked through */
};

/* Granules that a set may hold before it is too dense. */
static uint64_t
set_room(uint64_t size)
{
	return size / 4 * 3;
}

/* Where a granule stands, or the empty place where it belongs. */
static uint64_t *
set_place(const struct uiommu_mm_resident *r, uint64_t granule)
{
	uint64_t at = (granule * UINT64_C(0x9e3779b97f4a7c15)) >> 32;

	for (;; at++) {
		uint64_t *place = &r->set[at & (r->set_size - 1)];

		if (*place == 0 || *place == granule + 1)
			return place;
	}
}

static bool
set_has(const struct uiommu_mm_resident *r, uint64_t granule)
{
	return *set_place(r, granule) != 0;
}

/* There is room for it. */
static void
set_add(struct uiommu_mm_resident *r, uint64_t granule)
{
	uint64_t *place = set_place(r, granule);

	r->nb += *place == 0;
	*place = granule + 1;
}

/* Make room for so many granules. */
static int
set_reserve(struct uiommu_mm_resident *r, uint64_t nb)
{
	uint64_t size = r->set_size, old_size = r->set_size;
	uint64_t *old = r->set;
	uint64_t i;

	while (set_room(size) < nb && size < SET_MAX)
		size *= 2;
	if (set_room(size) < nb)
		return -ENOSPC;
	if (size == old_size)
		return 0;
	r->set = calloc(size, sizeof(r->set[0]));
	if (r->set == NULL) {
		r->set = old;
		return -ENOSPC;
	}
	r->set_size = size;
	r->nb = 0;
	for (i = 0; i < old_size; i++) {
		if (old[i] != 0)
			set_add(r, old[i] - 1);
	}
	free(old);
	return 0;
}

/* Whether RLIMIT_MEMLOCK does not hold for this process. */
static bool
may_lock_all(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &head, caps) != 0)
		return false;
	return (caps[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

/* The least of the bounds that there are. */
static uint64_t
bound_find(uint64_t granule_bytes, uint64_t max_bytes)
{
	uint64_t bound = set_room(SET_MAX) * granule_bytes;
	struct rlimit limit;

	if (max_bytes < bound)
		bound = max_bytes;
	if (!may_lock_all() && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < bound)
		bound = limit.rlim_cur;
	return bound;
}

int
uiommu_pvt_mm_resident_create(uint64_t granule_bytes, uint64_t max_bytes,
			      struct uiommu_mm_resident **out)
{
	struct uiommu_mm_resident *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->page = (uint64_t)sysconf(_SC_PAGESIZE);
	r->granule = granule_bytes > r->page ? granule_bytes : r->page;
	r->max = bound_find(r->granule, max_bytes);
	r->swept_s = -1;
	r->set_size = SET_MIN;
	r->set = calloc(r->set_size, sizeof(r->set[0]));
	if (r->set == NULL) {
		free(r);
		return -ENOMEM;
	}
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

/* Sanitizers make munlock() do nothing, and mlock2() not. */
static int
range_unlock(uint64_t begin, uint64_t size)
{
	return (int)syscall(SYS_munlock, (void *)(uintptr_t)begin, (size_t)size);
}

static void
granule_unlock(const struct uiommu_mm_resident *r, uint64_t granule)
{
	uint64_t begin = granule * r->granule;
	uint64_t at;

	if (range_unlock(begin, r->granule) == 0)
		return;
	/* parts of it are not mapped */
	for (at = begin; at < begin + r->granule; at += r->page)
		(void)range_unlock(at, r->page);
}

void
uiommu_pvt_mm_resident_destroy(struct uiommu_mm_resident *r)
{
	uint64_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->set_size; i++) {
		if (r->set[i] != 0)
			granule_unlock(r, r->set[i] - 1);
	}
	pthread_mutex_destroy(&r->lock);
	free(r->set);
	free(r);
}

/* -------------------------------------------------------------------- sweep */

struct sweep {
	uint64_t granule_bytes;
	uint64_t *granules; /* in order */
	uint64_t nb;
	uint64_t at;
	uint64_t nb_kept; /* at the beginning of granules */
};

/* Keep the granules that a mapping has a part of. */
static void
sweep_visit(void *arg, uint64_t begin, uint64_t end, unsigned int prot)
{
	struct sweep *sweep = arg;

	(void)prot;
	while (sweep->at < sweep->nb &&
	       (sweep->granules[sweep->at] + 1) * sweep->granule_bytes <= begin)
		sweep->at++;
	while (sweep->at < sweep->nb && sweep->granules[sweep->at] * sweep->granule_bytes < end)
		sweep->granules[sweep->nb_kept++] = sweep->granules[sweep->at++];
}

static int
number_compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void
set_sweep(struct uiommu_mm_resident *r)
{
	struct sweep sweep = {.granule_bytes = r->granule};
	uint64_t i;

	sweep.granules = calloc(r->nb + 1, sizeof(sweep.granules[0]));
	if (sweep.granules == NULL)
		return;
	for (i = 0; i < r->set_size; i++) {
		if (r->set[i] != 0)
			sweep.granules[sweep.nb++] = r->set[i] - 1;
	}
	qsort(sweep.granules, sweep.nb, sizeof(sweep.granules[0]), number_compare);
	if (uiommu_pvt_mm_maps_read(sweep_visit, &sweep) == 0) {
		memset(r->set, 0, r->set_size * sizeof(r->set[0]));
		r->nb = 0;
		for (i = 0; i < sweep.nb_kept; i++)
			set_add(r, sweep.granules[i]);
	}
	free(sweep.granules);
}

/* Reading all mappings takes its time, so not more often than once a second. */
static bool
sweep_is_due(struct uiommu_mm_resident *r)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (r->swept_s == now.tv_sec)
		return false;
	r->swept_s = now.tv_sec;
	return true;
}

/* --------------------------------------------------------------------- lock */

/* Granules of a range that are not in the set. */
static uint64_t
granules_new(const struct uiommu_mm_resident *r, uint64_t begin, uint64_t end)
{
	uint64_t granule, nb = 0;

	for (granule = begin / r->granule; granule <= (end - 1) / r->granule; granule++)
		nb += !set_has(r, granule);
	return nb;
}

static int
room_make(struct uiommu_mm_resident *r, uint64_t nb_new)
{
	if (nb_new == 0)
		return 0;
	if (r->nb + nb_new > r->max / r->granule) {
		if (sweep_is_due(r))
			set_sweep(r);
		if (r->nb + nb_new > r->max / r->granule)
			return -ENOSPC;
	}
	return set_reserve(r, r->nb + nb_new);
}

/* -EFAULT: not, or not all, mapped. */
static int
range_lock(uint64_t begin, uint64_t end)
{
	void *va = (void *)(uintptr_t)begin;

	if (mlock2(va, end - begin, MLOCK_ONFAULT) == 0)
		return 0;
	/* one errno for a bound and for what is not mapped; this call has only the second */
	if (errno == ENOMEM && msync(va, end - begin, MS_ASYNC) != 0 && errno == ENOMEM)
		return -EFAULT;
	return -ENOSPC;
}

static void
granules_add(struct uiommu_mm_resident *r, uint64_t begin, uint64_t end)
{
	uint64_t granule;

	for (granule = begin / r->granule; granule <= (end - 1) / r->granule; granule++) {
		if (set_has(r, granule))
			continue;
		set_add(r, granule);
		/* as far as it goes: nobody has asked for these pages yet */
		(void)mlock2((void *)(uintptr_t)(granule * r->granule), r->granule, MLOCK_ONFAULT);
	}
}

int
uiommu_pvt_mm_resident_lock(struct uiommu_mm_resident *r, uint64_t begin, uint64_t end)
{
	uint64_t nb_new;
	int ret;

	pthread_mutex_lock(&r->lock);
	nb_new = granules_new(r, begin, end);
	ret = room_make(r, nb_new);
	if (ret == 0)
		ret = range_lock(begin, end);
	if (ret == 0 && nb_new != 0)
		granules_add(r, begin, end);
	pthread_mutex_unlock(&r->lock);
	return ret == -EFAULT ? 0 : ret;
}

uint64_t
uiommu_pvt_mm_resident_bytes(struct uiommu_mm_resident *r)
{
	uint64_t bytes;

	pthread_mutex_lock(&r->lock);
	bytes = r->nb * r->granule;
	pthread_mutex_unlock(&r->lock);
	return bytes;
}

uint64_t
uiommu_pvt_mm_resident_max(const struct uiommu_mm_resident *r)
{
	return r->max;
}
