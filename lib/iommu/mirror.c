/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Ways into a mirrored table; see mirror_pvt.h. */

#include <errno.h>

#include <rte_common.h>

#include "mirror_pvt.h"
#include "uiommu_pvt.h"

#define SMALL_SHIFT 12
/* Leaves that are reserved at a time. */
#define LEAVES_MAX (UINT32_C(1) << 18)
/* Of one call: a few, unless small tables are scattered over the range. */
#define PIECES_MAX 32

/* Sizes of leaves, the largest first. */
static const uint8_t leaf_shifts[] = {30, 21, SMALL_SHIFT};

/* Leaves of one size, side by side, that are reserved. */
struct piece {
	uint64_t iova;
	uint64_t pa;
	uint32_t nb;
	uint8_t shift;
};

/* Pieces side by side: what one call of the driver maps. */
struct span {
	struct uiommu_paging *paging;
	uint64_t iova;
	uint64_t pa;
	uint64_t len;
	uint32_t nb;
	struct piece piece[PIECES_MAX];
};

/* -------------------------------------------------------------------------- reserve */

/* Leaves of a size up to where larger ones can begin. 0: none can be here. */
static uint32_t
leaves_here(const struct span *span, unsigned int i, uint64_t iova, uint64_t pa, uint64_t len)
{
	const uint64_t sizes = uiommu_pgtable_leaf_sizes(span->paging->pt);
	const uint64_t size = UINT64_C(1) << leaf_shifts[i];
	uint64_t larger, bytes = len;

	if ((sizes & size) == 0 || ((iova | pa) & (size - 1)) != 0)
		return 0;
	while (i-- > 0) {
		larger = UINT64_C(1) << leaf_shifts[i];
		if ((sizes & larger) != 0 && ((iova ^ pa) & (larger - 1)) == 0)
			bytes = RTE_MIN(bytes, larger - (iova & (larger - 1)));
	}
	return (uint32_t)RTE_MIN(bytes / size, (uint64_t)LEAVES_MAX);
}

/* One piece more. 0, or why it ends here, as uiommu_pgtable_reserve(). */
static int
piece_reserve(struct span *span, uint64_t iova, uint64_t pa, uint64_t len)
{
	unsigned int i;
	int got = -EEXIST;
	uint32_t nb;

	/* smaller ones where tables of smaller ones are */
	for (i = 0; i < RTE_DIM(leaf_shifts) && got == -EEXIST; i++) {
		nb = leaves_here(span, i, iova, pa, len);
		if (nb == 0)
			continue;
		got = uiommu_pgtable_reserve(span->paging->pt, iova, leaf_shifts[i], nb);
		if (got <= 0)
			continue;
		span->piece[span->nb++] = (struct piece){
			.iova = iova,
			.pa = pa,
			.nb = (uint32_t)got,
			.shift = leaf_shifts[i],
		};
		span->len += (uint64_t)(uint32_t)got << leaf_shifts[i];
	}
	return got > 0 ? 0 : got;
}

/* As far as entries are absent. 0: some are reserved; or why the first one is not. */
static int
span_reserve(struct span *span, uint64_t len)
{
	int ret = 0;

	span->len = 0;
	span->nb = 0;
	while (span->len < len && span->nb < PIECES_MAX && ret == 0)
		ret = piece_reserve(span, span->iova + span->len, span->pa + span->len,
				   len - span->len);
	return span->nb != 0 ? 0 : ret;
}

/* Have the unit map it; then it is there, or absent again. */
static int
span_map(const struct span *span, uint32_t prot)
{
	struct uiommu_paging *paging = span->paging;
	const struct piece *piece;
	int ret;

	ret = uiommu_pvt_mirror_call_map(paging, span->iova, span->pa, span->len, prot, false);
	for (piece = span->piece; piece < span->piece + span->nb; piece++) {
		if (ret == 0)
			uiommu_pvt_mirror_commit(paging, piece->iova, piece->pa, piece->nb,
						 piece->shift, prot);
		else
			uiommu_pgtable_commit(paging->pt, piece->iova, piece->shift, piece->nb,
					      NULL, 0);
	}
	return ret;
}

/* ---------------------------------------------------------------- what is there already */

/* Bytes from the beginning on that lead where they are to, and lack access. */
static uint64_t
lacking(const struct span *span, uint64_t len, uint32_t prot)
{
	struct uiommu_pgtable_leaf leaf;
	uint64_t at = 0;

	while (at < len) {
		if (uiommu_pgtable_walk(span->paging->pt, span->iova + at, &leaf) != 0 ||
		    (prot & ~leaf.prot) == 0 ||
		    leaf.pa + (span->iova + at - leaf.iova) != span->pa + at)
			break;
		at += RTE_MIN(len - at, leaf.iova + leaf.size - (span->iova + at));
	}
	return at;
}

/* Something is at span->iova. 0: go on behind span->len, or look again where that is 0. */
static int
span_there(struct span *span, uint64_t len, uint32_t prot, bool locked)
{
	struct uiommu_pgtable_leaf leaf;
	int ret = uiommu_pgtable_walk(span->paging->pt, span->iova, &leaf);

	span->len = 0;
	if (ret != 0)
		/* it has gone meanwhile */
		return ret == -ENOENT ? 0 : ret;
	if (leaf.pa + (span->iova - leaf.iova) != span->pa)
		return -EEXIST;
	if ((prot & ~leaf.prot) == 0) {
		span->len = RTE_MIN(len, leaf.iova + leaf.size - span->iova);
		return 0;
	}
	if (!locked)
		return -EBUSY;
	span->len = lacking(span, len, prot);
	return uiommu_pvt_mirror_protect(span->paging, span->iova, span->len, prot, true);
}

static int
mirror_map(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot,
	   bool locked, bool patient, uint64_t *done)
{
	struct span span = {.paging = paging};
	uint64_t at = 0, give_up = 0;
	int ret = 0;

	*done = 0;
	if (((iova | pa | len) & ((1U << SMALL_SHIFT) - 1)) != 0 ||
	    (prot & ~UIOMMU_PROT_ALL) != 0 ||
	    (prot & (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)) == 0)
		return -EINVAL;
	while (at < len && ret == 0) {
		span.iova = iova + at;
		span.pa = pa + at;
		ret = span_reserve(&span, len - at);
		if (ret == 0)
			ret = span_map(&span, prot);
		else if (ret == -EEXIST)
			ret = span_there(&span, len - at, prot, locked);
		if (ret == 0)
			at += span.len;
		else if (ret == -EAGAIN && patient &&
			 uiommu_pvt_mirror_wait(paging->unit, &give_up))
			/* the driver, or another thread that maps it, perhaps the same way */
			ret = 0;
	}
	*done = at;
	return ret;
}

int
uiommu_pvt_mirror_map(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len,
		      uint32_t prot, bool locked, uint64_t *done)
{
	return mirror_map(paging, iova, pa, len, prot, locked, !uiommu_pvt_in_handler(), done);
}

/* ------------------------------------------------------------------------- data path */

/* To those who ask for pages, one that the unit cannot have does not exist. */
static int
fault_error(int error)
{
	return error == -EINVAL ? -EFAULT : error;
}

int
uiommu_pvt_mirror_fault(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len,
			uint32_t prot, uint64_t *done)
{
	int ret = mirror_map(paging, iova, pa, len, prot, false, false, done);
	const uint64_t so_far = *done;

	if (ret != -EBUSY)
		return fault_error(ret);
	if (!uiommu_pvt_trylock(paging->unit))
		return -EAGAIN;
	ret = mirror_map(paging, iova + so_far, pa + so_far, len - so_far, prot, true, false, done);
	uiommu_pvt_unlock(paging->unit);
	*done += so_far;
	return fault_error(ret);
}

/* Pages from i on that lie side by side. */
static uint32_t
pages_together(const uint64_t *pa, uint32_t i, uint32_t nb, uint32_t shift)
{
	uint32_t n = 1;

	while (i + n < nb && pa[i + n] == pa[i] + ((uint64_t)n << shift))
		n++;
	return n;
}

uint32_t
uiommu_pvt_mirror_fill(struct uiommu_paging *paging, uint64_t iova, uint32_t shift, uint32_t nb,
		       const uint64_t *pa, uint32_t prot, int *error)
{
	uint32_t i = 0, n, one_by_one = 0;
	int ret = 0;

	while (i < nb) {
		n = i < one_by_one ? 1 : pages_together(pa, i, nb, shift);
		ret = uiommu_pvt_mirror_call_map(paging, iova + ((uint64_t)i << shift), pa[i],
						 (uint64_t)n << shift, prot, false);
		if (ret == 0)
			i += n;
		else if (n > 1 && ret != -EAGAIN)
			/* one of them cannot come: the others can */
			one_by_one = i + n;
		else
			break;
	}
	*error = fault_error(ret);
	return i;
}

int
uiommu_pvt_mirror_grow(struct uiommu_paging *paging, uint64_t iova, uint32_t prot)
{
	struct uiommu_pgtable_leaf leaf;
	int ret;

	if (!uiommu_pvt_trylock(paging->unit))
		return -EAGAIN;
	ret = uiommu_pgtable_walk(paging->pt, iova, &leaf);
	if (ret != 0)
		/* on its way in or out by now */
		ret = -EAGAIN;
	else if ((prot & ~leaf.prot) != 0)
		ret = uiommu_pvt_mirror_protect(paging, leaf.iova, leaf.size, prot, true);
	uiommu_pvt_unlock(paging->unit);
	return fault_error(ret);
}
