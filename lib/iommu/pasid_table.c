/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * PASID table of an endpoint: two-level radix, 20 bits and one entry for requests without PASID.
 *
 * Readers take no lock: absent leaves are all one shared empty leaf, so a look-up is two
 * loads and no branch. Writers hold the control lock. A leaf stays until the
 * endpoint is freed.
 */

#include <errno.h>

#include <rte_malloc.h>

#include "pasid_table.h"

const struct uiommu_pasid_leaf uiommu_pasid_leaf_empty;

void
uiommu_pvt_pasid_table_init(struct uiommu_pasid_table *table)
{
	unsigned int i;

	for (i = 0; i < UIOMMU_PASID_DIR_ENTRIES; i++)
		table->dir[i] = &uiommu_pasid_leaf_empty;
}

void
uiommu_pvt_pasid_table_fini(struct uiommu_pasid_table *table)
{
	unsigned int i;

	for (i = 0; i < UIOMMU_PASID_DIR_ENTRIES; i++) {
		if (table->dir[i] != &uiommu_pasid_leaf_empty)
			rte_free((void *)(uintptr_t)table->dir[i]);
	}
	uiommu_pvt_pasid_table_init(table);
}

int
uiommu_pvt_pasid_table_reserve(struct uiommu_pasid_table *table, uint32_t pasid, int socket_id)
{
	const struct uiommu_pasid_leaf **place = &table->dir[pasid >> UIOMMU_PASID_LEAF_SHIFT];
	struct uiommu_pasid_leaf *leaf;

	if (*place != &uiommu_pasid_leaf_empty)
		return 0;
	leaf = rte_zmalloc_socket("uiommu_pasid_leaf", sizeof(*leaf), RTE_CACHE_LINE_SIZE,
				  socket_id);
	if (leaf == NULL)
		return -ENOMEM;
	/* pairs with the load in uiommu_pvt_pasid_table_slot(): a leaf is seen zeroed */
	__atomic_store_n(place, leaf, __ATOMIC_RELEASE);
	return 0;
}

void
uiommu_pvt_pasid_table_set(struct uiommu_pasid_table *table, uint32_t pasid,
			   struct uiommu_attach *attach)
{
	struct uiommu_pasid_leaf *leaf = (struct uiommu_pasid_leaf *)(uintptr_t)
		table->dir[pasid >> UIOMMU_PASID_LEAF_SHIFT];

	/* pairs with the load in uiommu_pvt_pasid_table_get(): a handle is seen filled in */
	__atomic_store_n(&leaf->attach[pasid & UIOMMU_PASID_LEAF_MASK], attach, __ATOMIC_RELEASE);
}
