/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains whose table the library keeps: the table itself, and who looks at it. */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include <uiommu_barrier.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

#define PA_BITS_MAX 52

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

/* Nobody walks it but the library. */
static void
mirror_prepare(struct uiommu_paging *paging, struct uiommu_table_format *format)
{
	const uint32_t pa_bits = format->pa_bits != 0 ? format->pa_bits : PA_BITS_MAX;

	format->flags &= ~(UIOMMU_PGTABLE_NONCOHERENT | UIOMMU_PGTABLE_BREAK_FIRST);
	format->flags |= UIOMMU_PGTABLE_NO_AD;
	paging->mirror = true;
	paging->pa_last = (UINT64_C(1) << pa_bits) - 1;
	paging->can_exchange = false;
	paging->tracks = false;
	paging->tell_absent = false;
	paging->tell_more = false;
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
	if (unit->dev.ops->table_map != NULL)
		mirror_prepare(paging, &format);
	ret = table_create(paging, conf, &format);
	if (ret != 0) {
		paging_free(domain);
		return ret;
	}
	if (!paging->mirror)
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
