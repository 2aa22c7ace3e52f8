/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef MM_HOOKS_H
#define MM_HOOKS_H

/*
 * The sources of this process's own memory, with their system calls made visible: each is counted,
 * and can be made to fail. Otherwise they are the real ones, on the real memory of the test.
 */

#include "populate_probe.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <numaif.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <uiommu_sva.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define PAGE 4096

/* Of a call: how often it was made, and how often it fails with what. */
struct hook {
	unsigned int calls;
	unsigned int skip;     /* calls that go well first */
	unsigned int failures; /* to come */
	int code;
};

static struct hook hook_madvise, hook_mlock2, hook_set_mempolicy, hook_get_mempolicy, hook_calloc;
static int64_t hook_clock_s;	 /* 0: the real one */
static bool hook_madvise_fake;	 /* nothing is done in truth */
static bool hook_mlock2_fake;	 /* nothing is locked in truth */
static uint64_t hook_memlock;	 /* RLIMIT_MEMLOCK, which holds; 0: no privilege is needed */
static int hook_policies[64][2]; /* mode and first node of each set_mempolicy() */

static bool
hook_fails(struct hook *hook)
{
	__atomic_fetch_add(&hook->calls, 1, __ATOMIC_RELAXED);
	if (hook->skip > 0) {
		hook->skip--;
		return false;
	}
	if (hook->failures == 0)
		return false;
	hook->failures--;
	errno = hook->code;
	return true;
}

static int
hooked_madvise(void *va, size_t size, int advice)
{
	if (hook_fails(&hook_madvise))
		return -1;
	return hook_madvise_fake ? 0 : madvise(va, size, advice);
}

static int
hooked_mlock2(const void *va, size_t size, unsigned int flags)
{
	if (hook_fails(&hook_mlock2))
		return -1;
	return hook_mlock2_fake ? 0 : mlock2(va, size, flags);
}

static long
hooked_set_mempolicy(int mode, const unsigned long *mask, unsigned long nodes)
{
	unsigned int at = hook_set_mempolicy.calls;
	int node = 0;

	if (at < ARRAY_COUNT(hook_policies)) {
		while (node < (int)nodes && (mask[node / 64] >> (node % 64) & 1) == 0)
			node++;
		hook_policies[at][0] = mode;
		hook_policies[at][1] = node == (int)nodes ? -1 : node;
	}
	return hook_fails(&hook_set_mempolicy) ? -1 : 0;
}

/* The thread has a policy of its own: interleaved over node 3. */
static long
hooked_get_mempolicy(int *mode, unsigned long *mask, unsigned long nodes, void *va, unsigned flags)
{
	if (hook_fails(&hook_get_mempolicy))
		return -1;
	*mode = MPOL_INTERLEAVE;
	mask[0] = 1UL << 3;
	return 0;
}

static int
hooked_clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = clock_gettime(clock, now);

	if (hook_clock_s != 0)
		now->tv_sec = hook_clock_s;
	return ret;
}

/* Two arguments, whatever they are. Capabilities are all there, or none; other calls go through. */
static long
hooked_syscall(long number, void *first, void *second)
{
	long ret = syscall(number, first, second);

	if (number == SYS_capget)
		memset(second, hook_memlock != 0 ? 0 : 0xff,
		       2 * sizeof(struct __user_cap_data_struct));
	return ret;
}

static int
hooked_getrlimit(int resource, struct rlimit *limit)
{
	int ret = getrlimit(resource, limit);

	if (hook_memlock != 0)
		limit->rlim_cur = hook_memlock;
	return ret;
}

static void *
hooked_calloc(size_t count, size_t size)
{
	return hook_fails(&hook_calloc) ? NULL : calloc(count, size);
}

#define madvise hooked_madvise
#define mlock2 hooked_mlock2
#define set_mempolicy hooked_set_mempolicy
#define get_mempolicy hooked_get_mempolicy
#define clock_gettime hooked_clock_gettime
#define syscall(n, first, second) hooked_syscall(n, first, (void *)(uintptr_t)(second))
#define getrlimit hooked_getrlimit
#define calloc hooked_calloc

#include "mm_maps.c"
#include "mm_resident.c"
#include "mm_self.c"

#undef madvise
#undef mlock2
#undef set_mempolicy
#undef get_mempolicy
#undef clock_gettime
#undef syscall
#undef getrlimit
#undef calloc

/* -------------------------------------------------------------- what is under test */

static struct uiommu_mm_self *self;
static struct uiommu_mm_work work;
static uint8_t codes[UIOMMU_MM_BATCH_MAX];

static inline void
self_make(uint64_t flags, uint64_t locked_max_bytes, uint32_t limit_code)
{
	const struct uiommu_mm_conf conf = {
		.size = sizeof(conf),
		.flags = flags,
		.locked_max_bytes = locked_max_bytes,
		.lock_granule_bytes = 65536,
		.limit_code = limit_code,
	};

	assert_int_equal(uiommu_pvt_mm_self_create(&conf, &self), 0);
	hook_madvise.calls = 0;
}

static inline int
self_setup(void **state)
{
	hook_madvise = hook_mlock2 = hook_calloc = (struct hook){0};
	hook_set_mempolicy = hook_get_mempolicy = (struct hook){0};
	hook_clock_s = 0;
	hook_memlock = 0;
	hook_madvise_fake = hook_mlock2_fake = false;
	self = NULL;
	return 0;
}

static inline int
self_teardown(void **state)
{
	uiommu_pvt_mm_self_destroy(self);
	self = NULL;
	return 0;
}

static inline struct uiommu_mm_info
self_info(void)
{
	struct uiommu_mm_info info = {0};

	uiommu_pvt_mm_self_info(self, &info);
	return info;
}

/* One request, a group of its own. Its code. */
static inline uint8_t
ask(const void *va, uint32_t access, uint32_t nb_pages)
{
	const struct uiommu_mm_fault fault = {
		.iova = (uintptr_t)va,
		.nb_pages = nb_pages,
		.access = access,
		.numa_node = -1,
	};

	uiommu_pvt_mm_self_resolve(self, &work, &fault, 1, codes, 1);
	return codes[0];
}

/* ------------------------------------------------------------------- memory */

/* Pages between two that are not mapped. */
static inline uint8_t *
pages_map(size_t nb, int prot)
{
	uint8_t *va = mmap(NULL, (nb + 2) * PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(va != MAP_FAILED);
	assert_int_equal(mprotect(va + PAGE, nb * PAGE, prot), 0);
	/* huge pages would bring more than was asked for */
	madvise(va, (nb + 2) * PAGE, MADV_NOHUGEPAGE);
	assert_int_equal(munmap(va, PAGE), 0);
	assert_int_equal(munmap(va + (nb + 1) * PAGE, PAGE), 0);
	return va + PAGE;
}

static inline bool
is_present(const uint8_t *va)
{
	unsigned char seen = 0;

	assert_int_equal(mincore((void *)(uintptr_t)va, PAGE, &seen), 0);
	return (seen & 1) != 0;
}

static inline unsigned int
present_count(const uint8_t *va, size_t nb)
{
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < nb; i++)
		sum += is_present(va + i * PAGE);
	return sum;
}

/* Whether the kernel has a mapping locked: "lo" among its flags. */
static inline bool
is_locked(const uint8_t *va)
{
	uint64_t want = (uintptr_t)va;
	FILE *file = fopen("/proc/self/smaps", "r");
	bool inside = false, locked = false;
	unsigned long long begin, end;
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%llx-%llx ", &begin, &end) == 2)
			inside = want >= begin && want < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			locked = strstr(line, " lo") != NULL;
	}
	fclose(file);
	return locked;
}

#endif /* MM_HOOKS_H */
