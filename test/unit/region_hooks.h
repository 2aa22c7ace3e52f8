/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef REGION_HOOKS_H
#define REGION_HOOKS_H

/*
 * The sources of regions and eviction, with their memory and their system calls made visible: each
 * can be made to fail. Otherwise files and mappings are real ones.
 */

#include "heap_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <rte_memory.h>

/* DPDK's memory: a range made of pages of one size, in segments. */
static uint8_t *dpdk_va;
static uint64_t dpdk_len;
static struct rte_memseg dpdk_seg[4];

static struct rte_memseg *
memseg_of(const void *va, const struct rte_memseg_list *list)
{
	const uint64_t offset = (uint64_t)((const uint8_t *)va - dpdk_va);
	uint64_t at = offset / (dpdk_len != 0 ? dpdk_len : 1);

	if (dpdk_va == NULL || at >= ARRAY_COUNT(dpdk_seg) || dpdk_seg[at].len == 0)
		return NULL;
	return &dpdk_seg[at];
}

/* System calls: each can be made to fail. */
static int madvise_errno, mlock_errno, mmap_errno;
static unsigned int madvise_fails, nb_madvise, nb_mlock;
static int last_advice;
static uint64_t huge_bytes; /* files are of hugetlbfs, with pages of this size; 0: they are not */
static bool hide_pages;     /* mincore() sees none */

static int
hooked_madvise(void *va, size_t len, int advice)
{
	nb_madvise++;
	last_advice = advice;
	if (madvise_fails != 0) {
		madvise_fails--;
		errno = madvise_errno;
		return -1;
	}
	return madvise(va, len, advice);
}

static int
hooked_mlock2(const void *va, size_t len, unsigned int flags)
{
	nb_mlock++;
	errno = mlock_errno;
	return mlock_errno != 0 ? -1 : 0;
}

static int
hooked_mincore(void *va, size_t len, unsigned char *in_core)
{
	int ret = mincore(va, len, in_core);

	if (hide_pages)
		in_core[0] = 0;
	return ret;
}

static void *
hooked_mmap(void *va, size_t len, int prot, int flags, int fd, off_t offset)
{
	errno = mmap_errno;
	return mmap_errno != 0 ? MAP_FAILED : mmap(va, len, prot, flags, fd, offset);
}

static int
hooked_fstatfs(int fd, struct statfs *fs)
{
	int ret = fstatfs(fd, fs);

	if (ret == 0 && huge_bytes != 0) {
		fs->f_type = 0x958458f6; /* hugetlbfs */
		fs->f_bsize = (long)huge_bytes;
	}
	return ret;
}

#define rte_mem_virt2memseg memseg_of
#define madvise hooked_madvise
#define mlock2 hooked_mlock2
#define mincore hooked_mincore
#define mmap hooked_mmap
#define fstatfs hooked_fstatfs
#include "../../lib/iommu/backing.c"
#undef PAGE_SIZE
#include "../../lib/iommu/backing_file.c"
#undef PAGE_SIZE
#include "../../lib/iommu/evict_batch.c"
#undef PAGE_SHIFT
#include "../../lib/iommu/evict.c"
#include "../../lib/iommu/mirror.c"
#include "../../lib/iommu/mirror_call.c"
#include "../../lib/iommu/mirror_out.c"
#include "../../lib/iommu/region.c"
#include "../../lib/iommu/region_unmap.c"
#undef madvise
#undef mlock2
#undef mincore
#undef mmap
#undef fstatfs

#endif /* REGION_HOOKS_H */
