/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Files behind regions: of hugetlbfs, or in memory (memfd, tmpfs). Devices do not fault on them
 * as processes do: all pages are made resident when the region is added, and stay.
 */

#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <rte_common.h>

#include "region_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SIZE UINT64_C(4096)
/* Pages that are asked about at a time. */
#define MINCORE_PAGES 1024
/* Signals may interrupt a call that populates. */
#define POPULATE_TRIES 16

/* Size of its pages, of files that are nothing but memory. */
static int
file_page_size(int fd, uint64_t *page_size)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return -EBADF;
	if (fs.f_type == HUGETLBFS_MAGIC)
		*page_size = (uint64_t)fs.f_bsize;
	else if (fs.f_type == TMPFS_MAGIC)
		*page_size = PAGE_SIZE;
	else
		return -ENOTSUP;
	return 0;
}

/* Whether the file has these bytes. */
static int
file_reaches(int fd, uint64_t offset, uint64_t len)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -EBADF;
	return offset <= (uint64_t)st.st_size && len <= (uint64_t)st.st_size - offset ? 0 : -EFAULT;
}

/* -------------------------------------------------------------------------- resident */

static bool
is_resident(uint8_t *va, size_t len)
{
	unsigned char in_core[MINCORE_PAGES];
	size_t at, part, i;

	for (at = 0; at < len; at += part) {
		part = RTE_MIN(len - at, (size_t)MINCORE_PAGES * PAGE_SIZE);
		if (mincore(va + at, part, in_core) != 0)
			return false;
		for (i = 0; i < part / PAGE_SIZE; i++)
			if ((in_core[i] & 1) == 0)
				return false;
	}
	return true;
}

/*
 * Touching the pages would end in a signal where memory runs out. Kernels that cannot be asked to
 * populate a mapping do so when they make it, and do not say how far they came.
 */
static int
populate_anew(int fd, void *va, size_t len, int prot, uint64_t offset)
{
	if (mmap(va, len, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, (off_t)offset) != va)
		return errno == ENOMEM ? -ENOMEM : -EFAULT;
	return is_resident(va, len) ? 0 : -ENOMEM;
}

static int
populate(int fd, void *va, size_t len, int prot, uint64_t offset)
{
	const int advice = (prot & PROT_WRITE) != 0 ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	unsigned int tries = 0;

	while (madvise(va, len, advice) != 0) {
		if ((errno == EINTR || errno == EAGAIN) && ++tries < POPULATE_TRIES)
			continue;
		if (errno == EINVAL)
			return populate_anew(fd, va, len, prot, offset);
		return errno == EFAULT ? -EFAULT : -ENOMEM;
	}
	return 0;
}

/* ------------------------------------------------------------------------------- open */

static int
file_map(struct uiommu_region *region, const struct uiommu_backing *backing, uint64_t page_size)
{
	/* where the first write makes a copy, the file itself is only read */
	const bool write = (region->prot & UIOMMU_PROT_WRITE) != 0 && !region->cow;
	const int prot = PROT_READ | (write ? PROT_WRITE : 0);
	/* a mapping of huge pages has whole ones only */
	const size_t len = (region->len + page_size - 1) & ~(page_size - 1);
	void *va;

	va = mmap(NULL, len, prot, MAP_SHARED, backing->fd, (off_t)backing->offset);
	if (va == MAP_FAILED)
		return errno == ENOMEM ? -ENOMEM : errno == EACCES ? -EBADF : -EFAULT;
	region->va = va;
	region->file_map = va;
	region->file_len = len;
	return populate(backing->fd, va, len, prot, backing->offset);
}

static void
file_lock(struct uiommu_region *region)
{
	if (mlock2(region->file_map, region->file_len, 0) == 0)
		return;
	region->may_move = true;
	UIOMMU_LOG(NOTICE, "region of a file: %zu bytes are not locked, see RLIMIT_MEMLOCK",
		   region->file_len);
}

int
uiommu_pvt_file_open(struct uiommu_region *region, const struct uiommu_backing *backing)
{
	uint64_t page_size = PAGE_SIZE;
	int ret;

	ret = file_page_size(backing->fd, &page_size);
	if (ret == 0)
		ret = file_reaches(backing->fd, backing->offset, region->len);
	if (ret != 0)
		return ret;
	if ((backing->offset & (page_size - 1)) != 0 ||
	    (backing->page_shift != 0 && UINT64_C(1) << backing->page_shift > page_size))
		return -EINVAL;
	region->page_shift = backing->page_shift != 0 ?
				     (uint8_t)backing->page_shift :
				     uiommu_pvt_page_shift(page_size, backing->offset);
	ret = file_map(region, backing, page_size);
	/* huge pages are neither moved nor taken away */
	if (ret == 0 && page_size == PAGE_SIZE)
		file_lock(region);
	return ret;
}

void
uiommu_pvt_file_close(struct uiommu_region *region)
{
	if (region->file_map != NULL)
		munmap(region->file_map, region->file_len);
	region->file_map = NULL;
}
