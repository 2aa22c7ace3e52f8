/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains whose table the library keeps: what an application maps and unmaps by hand. */

#include <errno.h>

#include <rte_branch_prediction.h>

#include "mirror_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SIZE UINT64_C(4096)

/* ---------------------------------------------------------------------------- map */

/* Regions fill their part of the table themselves. */
static bool
touches_region(struct uiommu_paging *paging, uint64_t iova, uint64_t len)
{
	/* pairs with the release store that publishes a new set of regions */
	const struct uiommu_region_table *regions =
		__atomic_load_n(&paging->regions, __ATOMIC_ACQUIRE);
	uint32_t i;

	for (i = 0; i < regions->nb; i++)
		if (uiommu_pvt_region_overlaps(regions->region[i], iova, len))
			return true;
	return false;
}

static int
range_map(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot,
	  uint64_t *done)
{
	unsigned int side = uiommu_pvt_paging_enter(paging);
	int ret;

	*done = 0;
	if (touches_region(paging, iova, len))
		ret = -EEXIST;
	else if (paging->mirror)
		ret = uiommu_pvt_mirror_map(paging, iova, pa, len, prot, false, done);
	else
		ret = uiommu_pgtable_map(paging->pt, iova, pa, len, prot, done);
	uiommu_pvt_paging_leave(paging, side);
	return ret;
}

/* Something there is to get more access: that is taken out first, which only one may do. */
static uiommu_cold int
mirror_map_more(struct uiommu_domain *domain, uint64_t iova, uint64_t pa, uint64_t len,
		uint32_t prot)
{
	struct uiommu_unit *unit = domain->unit;
	uint64_t done;
	int ret;

	if (uiommu_pvt_in_handler()) {
		if (!uiommu_pvt_trylock(unit))
			return -EAGAIN;
	} else {
		(void)uiommu_pvt_lock(unit);
	}
	ret = -EEXIST;
	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		ret = -EIO;
	else if (!touches_region(domain->paging, iova, len))
		ret = uiommu_pvt_mirror_map(domain->paging, iova, pa, len, prot, true, &done);
	uiommu_pvt_unlock(unit);
	return ret;
}

/* Something came to a range: a unit that remembers what was absent, or denied, is told. */
static int
range_tell(struct uiommu_domain *domain, uint64_t iova, uint64_t len)
{
	const struct uiommu_paging *paging = domain->paging;
	struct uiommu_pgtable_gather gather;

	if ((!paging->tell_absent && !paging->tell_more) || len == 0)
		return 0;
	uiommu_pgtable_gather_init(&gather);
	uiommu_pgtable_gather_add(&gather, iova, len);
	return uiommu_pvt_invalidate(domain, &gather, true);
}

/* On such a unit: it is waited for. */
static int
map_and_tell(struct uiommu_domain *domain, uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot)
{
	uint64_t done;
	int ret, told;

	ret = uiommu_pvt_lock(domain->unit);
	if (ret != 0)
		return ret;
	ret = range_map(domain->paging, iova, pa, len, prot, &done);
	told = range_tell(domain, iova, done);
	uiommu_pvt_unlock(domain->unit);
	return ret != 0 ? ret : told;
}

/* Inside a handler: the answers that it is about to give come after it. */
static int
told_on_queue(struct uiommu_domain *domain, struct uiommu_queue *queue, uint64_t iova, uint64_t len)
{
	struct uiommu_paging *paging = domain->paging;
	struct uiommu_pgtable_gather gather;

	uiommu_pgtable_gather_init(&gather);
	uiommu_pgtable_gather_add(&gather, iova, len);
	if (queue->unit == domain->unit &&
	    uiommu_pvt_paging_invalidate(queue, paging, &gather, true))
		return 0;
	/* the next call tries again, whoever makes it */
	__atomic_store_n(&paging->untold, 1, __ATOMIC_RELAXED);
	return -EAGAIN;
}

/*
 * Access was added to what was there, or that was so before and could not be told: a unit that
 * remembers the lack of it is told.
 */
static uiommu_cold int
growth_tell(struct uiommu_domain *domain, uint64_t iova, uint64_t len)
{
	struct uiommu_paging *paging = domain->paging;
	struct uiommu_queue *queue = uiommu_pvt_handler_queue();
	int ret;

	if (__atomic_exchange_n(&paging->untold, 0, __ATOMIC_RELAXED) != 0) {
		iova = 0;
		len = UINT64_MAX & ~(uint64_t)(PAGE_SIZE - 1);
	}
	if (queue != NULL)
		return told_on_queue(domain, queue, iova, len);
	ret = uiommu_pvt_lock(domain->unit);
	if (ret != 0)
		return ret;
	ret = range_tell(domain, iova, len);
	uiommu_pvt_unlock(domain->unit);
	return ret;
}

int
uiommu_domain_map(struct uiommu_domain *domain, uint64_t iova, uint64_t pa, uint64_t len,
		  uint32_t prot)
{
	struct uiommu_paging *paging = uiommu_pvt_paging_of(domain);
	uint32_t grown;
	uint64_t done;
	int ret, told;

	if (paging == NULL || len == 0 || !uiommu_pgtable_reaches(paging->pt, iova, len))
		return -EINVAL;
	if (paging->tell_absent)
		return map_and_tell(domain, iova, pa, len, prot);
	grown = uiommu_pgtable_grown(paging->pt);
	ret = range_map(paging, iova, pa, len, prot, &done);
	if (paging->mirror)
		return ret == -EBUSY ? mirror_map_more(domain, iova + done, pa + done, len - done,
						       prot) : ret;
	if (likely(!paging->tell_more ||
		   (grown == uiommu_pgtable_grown(paging->pt) &&
		    __atomic_load_n(&paging->untold, __ATOMIC_RELAXED) == 0)))
		return ret;
	told = growth_tell(domain, iova, len);
	return ret != 0 ? ret : told;
}

/* ------------------------------------------------------------------ unmap, protect */

/* Common to calls that take something away: parameters, then the lock. */
static int
writer_begin(struct uiommu_domain *domain, uint64_t iova, uint64_t len)
{
	const struct uiommu_paging *paging = uiommu_pvt_paging_of(domain);
	int ret;

	if (paging == NULL || len == 0 || ((iova | len) & (PAGE_SIZE - 1)) != 0 ||
	    !uiommu_pgtable_reaches(paging->pt, iova, len))
		return -EINVAL;
	ret = uiommu_pvt_lock(domain->unit);
	if (ret == 0 && uiommu_pvt_state(domain->unit) == UIOMMU_DEV_FAILED) {
		uiommu_pvt_unlock(domain->unit);
		ret = -EIO;
	}
	return ret;
}

/*
 * Entries that others have reserved when it begins are theirs until the end of a grace period;
 * what is reserved after that comes later than this call.
 */
static int
mirror_unmap(struct uiommu_paging *paging, uint64_t iova, uint64_t len, uint64_t *unmapped)
{
	int ret = uiommu_pvt_mirror_unmap(paging, iova, len, unmapped);

	if (ret != -EAGAIN)
		return ret;
	ret = uiommu_pvt_paging_grace(paging);
	if (ret == 0)
		ret = uiommu_pvt_mirror_unmap(paging, iova, len, unmapped);
	return ret == -EAGAIN ? 0 : ret;
}

static int
mirror_protect(struct uiommu_paging *paging, uint64_t iova, uint64_t len, uint32_t prot)
{
	int ret = uiommu_pvt_mirror_protect(paging, iova, len, prot, false);

	if (ret != -EAGAIN)
		return ret;
	ret = uiommu_pvt_paging_grace(paging);
	if (ret == 0)
		ret = uiommu_pvt_mirror_protect(paging, iova, len, prot, false);
	return ret == -EAGAIN ? 0 : ret;
}

static int
range_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint64_t *unmapped)
{
	struct uiommu_pgtable_gather gather;
	int ret, flushed;

	if (domain->paging->demand)
		return uiommu_pvt_regions_unmap(domain, iova, len, unmapped);
	if (domain->paging->mirror)
		return mirror_unmap(domain->paging, iova, len, unmapped);
	uiommu_pgtable_gather_init(&gather);
	ret = uiommu_pgtable_unmap(domain->paging->pt, iova, len, 0, &gather, NULL, NULL, unmapped);
	flushed = uiommu_pvt_paging_flush(domain, &gather);
	return flushed != 0 ? flushed : ret;
}

int
uiommu_domain_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint64_t *unmapped)
{
	uint64_t bytes = 0;
	int ret = writer_begin(domain, iova, len);

	if (ret == 0) {
		ret = range_unmap(domain, iova, len, &bytes);
		uiommu_pvt_unlock(domain->unit);
	}
	if (unmapped != NULL)
		*unmapped = bytes;
	return ret;
}

static int
range_protect(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint32_t prot)
{
	struct uiommu_pgtable_gather gather;
	int ret, flushed;

	if (domain->paging->mirror)
		return mirror_protect(domain->paging, iova, len, prot);
	uiommu_pgtable_gather_init(&gather);
	ret = uiommu_pgtable_protect(domain->paging->pt, iova, len, prot, &gather);
	flushed = uiommu_pvt_paging_flush(domain, &gather);
	if (flushed == 0)
		flushed = range_tell(domain, iova, len);
	return flushed != 0 ? flushed : ret;
}

int
uiommu_domain_protect(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint32_t prot)
{
	int ret = writer_begin(domain, iova, len);

	if (ret != 0)
		return ret;
	/* that a page could be written was the only sign that it may have been */
	if (!domain->paging->tracks && (prot & UIOMMU_PROT_WRITE) == 0)
		domain->paging->dirty_unknown = true;
	ret = range_protect(domain, iova, len, prot);
	uiommu_pvt_unlock(domain->unit);
	return ret;
}

int
uiommu_domain_iova_to_phys(struct uiommu_domain *domain, uint64_t iova, uint64_t *pa)
{
	struct uiommu_paging *paging = uiommu_pvt_paging_of(domain);
	struct uiommu_pgtable_leaf leaf;
	unsigned int side;
	int ret;

	if (paging == NULL || pa == NULL)
		return -EINVAL;
	side = uiommu_pvt_paging_enter(paging);
	ret = uiommu_pgtable_walk(paging->pt, iova, &leaf);
	uiommu_pvt_paging_leave(paging, side);
	if (ret == 0)
		*pa = leaf.pa + (iova - leaf.iova);
	/* on its way in or out: nobody gets there at the moment */
	return ret == -EAGAIN ? -ENOENT : ret;
}

/* --------------------------------------------------------------------- dirty pages */

struct dirty {
	uiommu_dirty_t fn;
	void *priv;
};

static void
leaf_tell(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	const struct dirty *dirty = priv;

	if (!leaf->busy && leaf->dirty)
		dirty->fn(dirty->priv, leaf->iova, leaf->size);
}

int
uiommu_domain_dirty(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint32_t flags,
		    uiommu_dirty_t dirty_fn, void *priv)
{
	struct dirty dirty = {.fn = dirty_fn, .priv = priv};
	struct uiommu_pgtable_gather gather;
	int ret, flushed;

	if (dirty_fn == NULL || (flags & ~UIOMMU_DIRTY_KEEP) != 0)
		return -EINVAL;
	ret = writer_begin(domain, iova, len);
	if (ret != 0)
		return ret;
	uiommu_pgtable_gather_init(&gather);
	if (!domain->paging->tracks)
		ret = -ENOTSUP;
	else if (domain->paging->demand && (flags & UIOMMU_DIRTY_KEEP) == 0)
		/* eviction would not know any more what is to be written back */
		ret = -EINVAL;
	else
		ret = uiommu_pgtable_sample(domain->paging->pt, iova, len,
					    (flags & UIOMMU_DIRTY_KEEP) != 0 ?
						    0 : UIOMMU_SAMPLE_CLEAR_DIRTY,
					    &gather, leaf_tell, &dirty);
	flushed = uiommu_pvt_paging_flush(domain, &gather);
	uiommu_pvt_unlock(domain->unit);
	return flushed != 0 ? flushed : ret;
}
