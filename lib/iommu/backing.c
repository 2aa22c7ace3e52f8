/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What is behind a region: whether it can be, and where it lies. Control path. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_malloc.h>
#include <rte_memory.h>

#include "region_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SIZE UINT64_C(4096)

/* ----------------------------------------------------------------------------- checks */

static bool
is_aligned(uint64_t value, unsigned int shift)
{
	return (value & ((UINT64_C(1) << shift) - 1)) == 0;
}

static bool
is_page_shift(uint32_t shift)
{
	return shift == 12 || shift == 21 || shift == 30;
}

static bool
has_callback_members(const struct uiommu_backing *backing)
{
	return backing->ops != NULL || backing->priv != NULL;
}

static bool
has_file_members(const struct uiommu_backing *backing)
{
	return backing->fd != 0 || backing->offset != 0;
}

static int
memory_check(const struct uiommu_backing *backing, uint64_t len)
{
	const uint64_t va = (uintptr_t)backing->va;

	if (backing->va == NULL || has_file_members(backing) || has_callback_members(backing) ||
	    va + (len - 1) < va)
		return -EINVAL;
	return is_aligned(va, backing->page_shift != 0 ? backing->page_shift : 12) ? 0 : -EINVAL;
}

static int
file_check(const struct uiommu_backing *backing)
{
	if (backing->va != NULL || has_callback_members(backing) ||
	    !is_aligned(backing->offset, backing->page_shift != 0 ? backing->page_shift : 12))
		return -EINVAL;
	return backing->fd >= 0 ? 0 : -EBADF;
}

static int
callback_check(const struct uiommu_paging *paging, const struct uiommu_backing *backing,
	       uint64_t iova, uint64_t len)
{
	const unsigned int shift = backing->page_shift != 0 ? backing->page_shift : 12;

	if (backing->ops == NULL || backing->ops->get == NULL || backing->ops->put == NULL ||
	    backing->va != NULL || has_file_members(backing) || backing->flags != 0 ||
	    !is_aligned(iova | len, shift))
		return -EINVAL;
	/* a page is a leaf: it comes and goes in one step */
	if ((uiommu_pgtable_leaf_sizes(paging->pt) & UINT64_C(1) << shift) == 0)
		return -ENOTSUP;
	return 0;
}

static int
type_check(const struct uiommu_paging *paging, const struct uiommu_backing *backing, uint64_t iova,
	   uint64_t len)
{
	switch (backing->type) {
	case UIOMMU_BACKING_MEMORY:
		return memory_check(backing, len);
	case UIOMMU_BACKING_FILE:
		return file_check(backing);
	case UIOMMU_BACKING_ANON:
		return backing->va != NULL || has_file_members(backing) ||
				       has_callback_members(backing) || backing->page_shift != 0 ||
				       backing->flags != 0 ?
			       -EINVAL : 0;
	case UIOMMU_BACKING_CALLBACK:
		return callback_check(paging, backing, iova, len);
	default:
		return -EINVAL;
	}
}

/* Whether the unit has what this kind of backing needs. */
static int
unit_check(const struct uiommu_paging *paging, const struct uiommu_backing *backing, uint32_t prot)
{
	const struct uiommu_unit *unit = paging->unit;
	const bool is_private = backing->type == UIOMMU_BACKING_ANON ||
				(backing->flags & UIOMMU_REGION_COW) != 0;

	/* pages for what is written, and the one with the zeroes */
	if (is_private && unit->frame_pool == NULL)
		return -ENOTSUP;
	/* a page that takes the place of another does so in one step, on the data path */
	if (is_private && unit->dev.queue_ops->invalidate == NULL && !paging->mirror)
		return -ENOTSUP;
	if ((backing->flags & UIOMMU_REGION_COW) != 0 && !paging->can_exchange)
		return -ENOTSUP;
	if ((backing->type == UIOMMU_BACKING_MEMORY || backing->type == UIOMMU_BACKING_FILE) &&
	    unit->dev.platform.ops->pa_of == NULL)
		return -ENOTSUP;
	return 0;
}

int
uiommu_pvt_backing_check(const struct uiommu_paging *paging, uint64_t iova, uint64_t len,
			 const struct uiommu_backing *backing, uint32_t prot)
{
	static const struct uiommu_backing zero;
	int ret;

	if (backing->size != sizeof(*backing) || (backing->flags & ~UIOMMU_REGION_COW) != 0 ||
	    backing->reserved0 != 0 ||
	    memcmp(backing->reserved, zero.reserved, sizeof(zero.reserved)) != 0 ||
	    (backing->page_shift != 0 && !is_page_shift(backing->page_shift)))
		return -EINVAL;
	if ((prot & UIOMMU_PROT_READ) == 0 || (prot & ~UIOMMU_PROT_ALL) != 0 || len == 0 ||
	    !is_aligned(iova | len, 12) || !uiommu_pgtable_reaches(paging->pt, iova, len))
		return -EINVAL;
	/* faults are resolved from a first address to the one past the last: that must be one */
	if (iova + len == 0)
		return -EINVAL;
	ret = type_check(paging, backing, iova, len);
	return ret != 0 ? ret : unit_check(paging, backing, prot);
}

/* --------------------------------------------------------------------- where it lies */

/* Pages that memory is made of, if all of it is DPDK's: of one size; else the smallest. */
static uint8_t
memory_page_shift(const uint8_t *va, uint64_t len)
{
	const struct rte_memseg *first = rte_mem_virt2memseg(va, NULL);
	uint64_t at = 0;

	if (first == NULL)
		return 12;
	while (at < len) {
		const struct rte_memseg *seg = rte_mem_virt2memseg(va + at, NULL);

		if (seg == NULL || seg->hugepage_sz != first->hugepage_sz)
			return 12;
		at = (uint64_t)((const uint8_t *)seg->addr + seg->len - va);
	}
	return uiommu_pvt_page_shift(first->hugepage_sz, (uintptr_t)va);
}

static int
memory_open(struct uiommu_region *region, const struct uiommu_backing *backing)
{
	/* the one way to ask whether all of it is mapped that takes no memory itself */
	if (msync(backing->va, region->len, MS_ASYNC) != 0)
		return -EFAULT;
	region->va = backing->va;
	region->page_shift = (uint8_t)backing->page_shift;
	if (backing->page_shift == 0)
		region->page_shift = memory_page_shift(region->va, region->len);
	return 0;
}

int
uiommu_pvt_backing_open(struct uiommu_region *region, const struct uiommu_backing *backing)
{
	region->type = (uint8_t)backing->type;
	region->cow = (backing->flags & UIOMMU_REGION_COW) != 0;
	region->page_shift = 12;
	switch (backing->type) {
	case UIOMMU_BACKING_MEMORY:
		return memory_open(region, backing);
	case UIOMMU_BACKING_FILE:
		return uiommu_pvt_file_open(region, backing);
	case UIOMMU_BACKING_CALLBACK:
		region->ops = backing->ops;
		region->priv = backing->priv;
		if (backing->page_shift != 0)
			region->page_shift = (uint8_t)backing->page_shift;
		return 0;
	default:
		return 0;
	}
}

/* Address of the page at an offset; the last page may be there in part only. */
static int
page_locate(const struct uiommu_region *region, uint64_t offset, uint64_t *pa)
{
	struct uiommu_platform *plat = &region->domain->unit->dev.platform;
	const uint64_t size = RTE_MIN(UINT64_C(1) << region->page_shift, region->len - offset);
	int ret = plat->ops->pa_of(plat, region->va + offset, size, pa);

	if (ret != 0 || (*pa & (PAGE_SIZE - 1)) != 0)
		return -EFAULT;
	/* a lock is what keeps pages of such a file where they are */
	if (region->may_move && *pa != (uintptr_t)region->va + offset)
		return -ENOMEM;
	return 0;
}

/* As long as pages run on from the first one. Offset of the first that does not, or the end. */
static int
linear_locate(const struct uiommu_region *region, uint64_t *first_pa, uint64_t *end)
{
	const uint64_t page = UINT64_C(1) << region->page_shift;
	uint64_t offset, pa;
	int ret;

	for (offset = 0; offset < region->len; offset += page) {
		ret = page_locate(region, offset, &pa);
		if (ret != 0)
			return ret;
		if (offset == 0)
			*first_pa = pa;
		else if (pa != *first_pa + offset)
			break;
	}
	*end = offset;
	return 0;
}

int
uiommu_pvt_backing_locate(struct uiommu_region *region)
{
	const uint64_t page = UINT64_C(1) << region->page_shift;
	uint64_t first_pa = 0, end = 0, nb = 1, i;
	uint64_t *pa;
	int ret;

	if (region->va == NULL)
		return 0;
	ret = linear_locate(region, &first_pa, &end);
	if (ret != 0)
		return ret;
	region->linear = end >= region->len;
	if (!region->linear)
		nb = (region->len + (page - 1)) >> region->page_shift;
	pa = rte_zmalloc_socket("uiommu_region", nb * sizeof(*pa), RTE_CACHE_LINE_SIZE,
				region->domain->unit->dev.platform.socket_id);
	if (pa == NULL)
		return -ENOMEM;
	region->pa = pa;
	pa[0] = first_pa;
	for (i = 1; i < nb && ret == 0; i++)
		ret = page_locate(region, i << region->page_shift, &pa[i]);
	return ret;
}

void
uiommu_pvt_backing_close(struct uiommu_region *region)
{
	rte_free((void *)(uintptr_t)region->pa);
	region->pa = NULL;
	uiommu_pvt_file_close(region);
}
