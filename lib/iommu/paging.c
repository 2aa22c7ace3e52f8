/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains whose table the library keeps: the table itself, and mapping by hand. */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include <uiommu_barrier.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SIZE UINT64_C(4096)

/* ---------------------------------------------------------------------- readers */

unsigned int
uiommu_pvt_paging_enter(struct uiommu_paging *paging)
{
	unsigned int side;

	for (;;) {
		/*
		 * All three in one order with the store and the load in guard_await(): whoever
		 * sees its side in use after it has registered there is waited for.
		 */
		side = __atomic_load_n(&paging->guard, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&paging->guard_active[side], 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&paging->guard, __ATOMIC_SEQ_CST) == side)
			return side;
		__atomic_fetch_sub(&paging->guard_active[side], 1, __ATOMIC_RELAXED);
	}
}

void
uiommu_pvt_paging_leave(struct uiommu_paging *paging, unsigned int side)
{
	/* pairs with the load in guard_await(): what was read was read before */
	__atomic_fetch_sub(&paging->guard_active[side], 1, __ATOMIC_RELEASE);
}

/* Readers that registered before have left; those that come now use the other side. */
static void
guard_await(struct uiommu_paging *paging)
{
	const unsigned int side = paging->guard;

	/* both pair with those in uiommu_pvt_paging_enter() */
	__atomic_store_n(&paging->guard, side ^ 1, __ATOMIC_SEQ_CST);
	/* they do not wait for anything themselves */
	while (__atomic_load_n(&paging->guard_active[side], __ATOMIC_SEQ_CST) != 0)
		uiommu_pvt_wait_turn();
}

int
uiommu_pvt_paging_grace(struct uiommu_paging *paging)
{
	guard_await(paging);
	return uiommu_pvt_grace(paging->unit);
}

/* ------------------------------------------------------------------ life of a table */

static void
lines_flush(void *priv, const void *va, size_t len)
{
	uiommu_flush_lines(va, len);
}

/* A large leaf is being split by a writer, who holds the lock. */
static void
range_invalidate(void *priv, uint64_t iova, uint64_t len)
{
	struct uiommu_domain *domain = priv;
	struct uiommu_pgtable_gather gather;

	uiommu_pgtable_gather_init(&gather);
	uiommu_pgtable_gather_add(&gather, iova, len);
	/* an error has made the unit a failed one, and the writer's own flush will say so */
	(void)uiommu_pvt_invalidate(domain, &gather, false);
}

static int
table_create(struct uiommu_paging *paging, const struct uiommu_domain_conf *conf,
	     const struct uiommu_table_format *format)
{
	struct uiommu_unit *unit = paging->unit;
	const struct uiommu_pgtable_conf table = {
		.size = sizeof(table),
		.format = format->format,
		.levels = format->levels,
		.page_shift = format->page_shift,
		.pa_bits = format->pa_bits,
		.leaf_sizes = format->leaf_sizes,
		.pages_max = conf->table_pages_max,
		.flags = format->flags,
		.pool = unit->table_pool,
		.flush = lines_flush,
		.invalidate = range_invalidate,
		.hook_priv = paging->domain,
	};

	paging->pt = rte_zmalloc_socket("uiommu_pgtable", uiommu_pgtable_size(),
					RTE_CACHE_LINE_SIZE, unit->dev.platform.socket_id);
	if (paging->pt == NULL)
		return -ENOMEM;
	return uiommu_pgtable_init(paging->pt, &table);
}

static void
paging_free(struct uiommu_domain *domain)
{
	rte_free(domain->paging->pt);
	rte_free(domain->paging);
	domain->paging = NULL;
}

int
uiommu_pvt_paging_create(struct uiommu_unit *unit, struct uiommu_domain *domain,
			 struct uiommu_domain_conf *conf)
{
	struct uiommu_table_format format = {0};
	struct uiommu_paging *paging;
	int ret;

	ret = unit->dev.ops->table_format(&unit->dev, conf, &format);
	if (ret != 0)
		return ret;
	paging = rte_zmalloc_socket("uiommu_paging", sizeof(*paging), RTE_CACHE_LINE_SIZE,
				    unit->dev.platform.socket_id);
	if (paging == NULL)
		return -ENOMEM;
	paging->unit = unit;
	paging->domain = domain;
	paging->regions = &uiommu_pvt_no_regions;
	paging->budget = conf->budget_pages != 0 ? conf->budget_pages : UINT64_MAX;
	paging->around_pages = RTE_MAX(conf->fault_around_pages, UINT32_C(1));
	paging->demand = (conf->flags & UIOMMU_DOMAIN_DEMAND) != 0;
	paging->can_exchange = (format.flags & UIOMMU_PGTABLE_BREAK_FIRST) == 0;
	paging->tracks = (format.flags & UIOMMU_PGTABLE_NO_AD) == 0;
	paging->tell_absent = (unit->capa & UIOMMU_CAPA_CACHES_ABSENT) != 0;
	paging->tell_more = (unit->capa & UIOMMU_CAPA_CACHES_RIGHTS) != 0;
	domain->paging = paging;
	ret = table_create(paging, conf, &format);
	if (ret != 0) {
		paging_free(domain);
		return ret;
	}
	conf->table_pa = uiommu_pgtable_root(paging->pt);
	conf->levels = format.levels;
	return 0;
}

void
uiommu_pvt_paging_destroy(struct uiommu_domain *domain)
{
	struct uiommu_paging *paging = domain->paging;

	uiommu_pvt_regions_fini(domain);
	uiommu_pgtable_fini(paging->pt);
	paging_free(domain);
}

/* ----------------------------------------------------------------- mapping by hand */

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
	int ret = -EEXIST;

	*done = 0;
	if (!touches_region(paging, iova, len))
		ret = uiommu_pgtable_map(paging->pt, iova, pa, len, prot, done);
	uiommu_pvt_paging_leave(paging, side);
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
	if (likely(!paging->tell_more ||
		   (grown == uiommu_pgtable_grown(paging->pt) &&
		    __atomic_load_n(&paging->untold, __ATOMIC_RELAXED) == 0)))
		return ret;
	told = growth_tell(domain, iova, len);
	return ret != 0 ? ret : told;
}

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

static int
range_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint64_t *unmapped)
{
	struct uiommu_pgtable_gather gather;
	int ret, flushed;

	if (domain->paging->demand)
		return uiommu_pvt_regions_unmap(domain, iova, len, unmapped);
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

int
uiommu_domain_protect(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint32_t prot)
{
	struct uiommu_pgtable_gather gather;
	int ret, flushed;

	ret = writer_begin(domain, iova, len);
	if (ret != 0)
		return ret;
	/* that a page could be written was the only sign that it may have been */
	if (!domain->paging->tracks && (prot & UIOMMU_PROT_WRITE) == 0)
		domain->paging->dirty_unknown = true;
	uiommu_pgtable_gather_init(&gather);
	ret = uiommu_pgtable_protect(domain->paging->pt, iova, len, prot, &gather);
	flushed = uiommu_pvt_paging_flush(domain, &gather);
	if (flushed == 0)
		flushed = range_tell(domain, iova, len);
	uiommu_pvt_unlock(domain->unit);
	return flushed != 0 ? flushed : ret;
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
