/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Regions: what an application has declared to be behind addresses of a domain. Faults find them
 * in an array that never changes; the control path publishes another one instead.
 */

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "region_pvt.h"
#include "uiommu_pvt.h"

const struct uiommu_region_table uiommu_pvt_no_regions;

/* ------------------------------------------------------------------------- the array */

static struct uiommu_region_table *
table_alloc(const struct uiommu_paging *paging, uint32_t nb)
{
	struct uiommu_region_table *table;

	table = rte_zmalloc_socket("uiommu_regions", sizeof(*table) + nb * sizeof(table->region[0]),
				   RTE_CACHE_LINE_SIZE, paging->unit->dev.platform.socket_id);
	if (table != NULL)
		table->nb = nb;
	return table;
}

static struct uiommu_region_table *
table_with(const struct uiommu_paging *paging, struct uiommu_region *region)
{
	const struct uiommu_region_table *old = paging->regions;
	struct uiommu_region_table *table = table_alloc(paging, old->nb + 1);
	uint32_t at = 0;

	if (table == NULL)
		return NULL;
	while (at < old->nb && old->region[at]->iova < region->iova)
		at++;
	memcpy(table->region, old->region, at * sizeof(old->region[0]));
	table->region[at] = region;
	memcpy(&table->region[at + 1], &old->region[at], (old->nb - at) * sizeof(old->region[0]));
	return table;
}

static struct uiommu_region_table *
table_without(const struct uiommu_paging *paging, const struct uiommu_region *region)
{
	const struct uiommu_region_table *old = paging->regions;
	struct uiommu_region_table *table = table_alloc(paging, old->nb - 1);
	uint32_t i, nb = 0;

	if (table == NULL)
		return NULL;
	for (i = 0; i < old->nb; i++)
		if (old->region[i] != region)
			table->region[nb++] = old->region[i];
	return table;
}

static void
table_free(const struct uiommu_region_table *table)
{
	if (table != &uiommu_pvt_no_regions)
		rte_free((void *)(uintptr_t)table);
}

/* From now on faults find these regions. When this returns 0, nobody sees the old ones. */
static int
table_publish(struct uiommu_paging *paging, struct uiommu_region_table *table)
{
	struct uiommu_region_table *old = (struct uiommu_region_table *)(uintptr_t)paging->regions;
	int ret;

	/* pairs with the acquire loads in resolve_run.c and paging.c */
	__atomic_store_n(&paging->regions, table, __ATOMIC_RELEASE);
	ret = uiommu_pvt_paging_grace(paging);
	if (ret == 0 || old == &uiommu_pvt_no_regions) {
		table_free(old);
	} else {
		old->next = paging->old_tables;
		paging->old_tables = old;
	}
	return ret;
}

/* ------------------------------------------------------------------------------- add */

static void
leaf_found(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	bool *found = priv;

	*found = true;
}

/* Another region, or something that was mapped by hand. */
static bool
is_taken(const struct uiommu_paging *paging, uint64_t iova, uint64_t len)
{
	const struct uiommu_region_table *table = paging->regions;
	const struct uiommu_region *region;
	bool found = false;
	uint32_t i;

	for (i = 0; i < table->nb; i++)
		if (uiommu_pvt_region_overlaps(table->region[i], iova, len))
			return true;
	for (region = paging->leaving; region != NULL; region = region->next)
		if (uiommu_pvt_region_overlaps(region, iova, len))
			return true;
	uiommu_pgtable_iterate(paging->pt, iova, len, leaf_found, &found);
	return found;
}

static int
add_locked(struct uiommu_paging *paging, struct uiommu_region *region)
{
	struct uiommu_region_table *table;
	int ret;

	if (uiommu_pvt_state(paging->unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (is_taken(paging, region->iova, region->len))
		return -EEXIST;
	ret = uiommu_pvt_backing_locate(region);
	if (ret != 0)
		return ret;
	table = table_with(paging, region);
	if (table == NULL)
		return -ENOMEM;
	/* if the unit fails now, the region is there all the same: the next call will say so */
	(void)table_publish(paging, table);
	return 0;
}

static int
region_add(struct uiommu_paging *paging, struct uiommu_region *region,
	   const struct uiommu_backing *backing)
{
	int ret;

	/* making a file resident takes its time: without the lock */
	ret = uiommu_pvt_backing_open(region, backing);
	if (ret != 0)
		return ret;
	ret = uiommu_pvt_lock(paging->unit);
	if (ret != 0)
		return ret;
	ret = add_locked(paging, region);
	uiommu_pvt_unlock(paging->unit);
	return ret;
}

void
uiommu_pvt_region_free(struct uiommu_region *region)
{
	uiommu_pvt_backing_close(region);
	rte_free(region);
}

struct uiommu_region *
uiommu_region_add(struct uiommu_domain *domain, uint64_t iova, uint64_t len,
		  const struct uiommu_backing *backing, uint32_t prot)
{
	struct uiommu_paging *paging = uiommu_pvt_paging_of(domain);
	struct uiommu_region *region = NULL;
	int ret;

	if (domain == NULL || backing == NULL)
		ret = -EINVAL;
	else if (uiommu_pvt_in_handler())
		ret = -EDEADLK;
	else if (paging == NULL || !paging->demand)
		ret = -ENOTSUP;
	else
		ret = uiommu_pvt_backing_check(paging, iova, len, backing, prot);
	if (ret == 0) {
		region = rte_zmalloc_socket("uiommu_region", sizeof(*region), RTE_CACHE_LINE_SIZE,
					    paging->unit->dev.platform.socket_id);
		ret = region == NULL ? -ENOMEM : 0;
	}
	if (ret == 0) {
		region->domain = domain;
		region->iova = iova;
		region->len = len;
		region->prot = prot;
		ret = region_add(paging, region, backing);
	}
	if (ret == 0)
		return region;
	if (region != NULL)
		uiommu_pvt_region_free(region);
	rte_errno = -ret;
	return NULL;
}

/* ---------------------------------------------------------------------------- remove */

/* Out of the array, into the list of those that leave. */
static int
region_hide(struct uiommu_paging *paging, struct uiommu_region *region)
{
	struct uiommu_region_table *table = table_without(paging, region);

	if (table == NULL)
		return -ENOMEM;
	region->leaving = true;
	region->next = paging->leaving;
	paging->leaving = region;
	return table_publish(paging, table);
}

/* Evictions that are giving pages back come to their end. */
static void
users_await(struct uiommu_paging *paging, struct uiommu_region *region)
{
	paging->evicting++;
	while (region->users != 0) {
		uiommu_pvt_unlock(paging->unit);
		uiommu_pvt_wait_turn();
		/* not inside a handler: the lock was taken before */
		(void)uiommu_pvt_lock(paging->unit);
	}
	paging->evicting--;
}

static void
leaving_unlink(struct uiommu_paging *paging, const struct uiommu_region *region)
{
	struct uiommu_region **link = &paging->leaving;

	while (*link != region)
		link = &(*link)->next;
	*link = region->next;
}

static int
remove_locked(struct uiommu_paging *paging, struct uiommu_region *region)
{
	int ret = 0;

	if (uiommu_pvt_state(paging->unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	region->stuck = false;
	if (!region->leaving)
		ret = region_hide(paging, region);
	/* still found by faults */
	if (!region->leaving)
		return ret;
	if (ret == 0) {
		users_await(paging, region);
		ret = uiommu_pvt_region_unmap(region);
	}
	if (ret != 0)
		region->stuck = true;
	else
		leaving_unlink(paging, region);
	return ret;
}

int
uiommu_region_remove(struct uiommu_region *region)
{
	struct uiommu_unit *unit;
	int ret;

	if (region == NULL)
		return -EINVAL;
	unit = region->domain->unit;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	ret = remove_locked(region->domain->paging, region);
	uiommu_pvt_unlock(unit);
	if (ret == 0)
		uiommu_pvt_region_free(region);
	return ret;
}

/* ---------------------------------------------------------------------- domain goes */

/* Pages that are given back together. */
#define FINI_PAGES 32

struct fini {
	const struct uiommu_paging *paging;
	const struct uiommu_region *region;
	uint32_t nb;
	struct uiommu_backing_page page[FINI_PAGES];
};

static void
fini_put(struct fini *fini)
{
	if (fini->nb != 0)
		fini->region->ops->put(fini->region->priv, fini->page, fini->nb);
	fini->nb = 0;
}

static void
leaf_give(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct fini *fini = priv;
	const struct uiommu_region *region = fini->region;
	const uint64_t mask = (UINT64_C(1) << region->page_shift) - 1;
	const uint64_t offset = (leaf->iova & ~mask) - region->iova;
	struct uiommu_backing_page *page;

	/* who was giving it back has done so, or it is stranded */
	if (leaf->busy)
		return;
	if (region->type != UIOMMU_BACKING_CALLBACK) {
		if (uiommu_pvt_leaf_is_frame(fini->paging, leaf->pa))
			uiommu_pgpool_put(fini->paging->unit->frame_pool, leaf->pa);
		return;
	}
	/* a large page whose leaf was split comes as many leaves */
	if (fini->nb == 0 || fini->page[fini->nb - 1].offset != offset) {
		if (fini->nb == FINI_PAGES)
			fini_put(fini);
		fini->page[fini->nb++] = (struct uiommu_backing_page){
			.offset = offset,
			.pa = leaf->pa - (leaf->iova & mask),
		};
	}
	page = &fini->page[fini->nb - 1];
	page->dirty |= uiommu_pvt_leaf_dirty(fini->paging, region, leaf);
}

static void
region_fini(struct uiommu_paging *paging, struct uiommu_region *region)
{
	struct fini fini = {.paging = paging, .region = region};

	if (uiommu_pvt_region_returns(region)) {
		uiommu_pgtable_iterate(paging->pt, region->iova, region->len, leaf_give, &fini);
		fini_put(&fini);
	}
	uiommu_pvt_region_free(region);
}

void
uiommu_pvt_regions_fini(struct uiommu_domain *domain)
{
	struct uiommu_paging *paging = domain->paging;
	const struct uiommu_region_table *table = paging->regions;
	struct uiommu_region_table *old;
	struct uiommu_region *region;
	uint32_t i;

	/* before the regions that these are of */
	uiommu_pvt_batch_fini(paging);
	for (i = 0; i < table->nb; i++)
		region_fini(paging, table->region[i]);
	while ((region = paging->leaving) != NULL) {
		paging->leaving = region->next;
		region_fini(paging, region);
	}
	paging->regions = &uiommu_pvt_no_regions;
	table_free(table);
	while ((old = paging->old_tables) != NULL) {
		paging->old_tables = old->next;
		table_free(old);
	}
}
