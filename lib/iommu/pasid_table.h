/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PASID_TABLE_H
#define PASID_TABLE_H

#include <stdint.h>

#include <uiommu_fault.h>

#define UIOMMU_PASID_LEAF_SHIFT 10
#define UIOMMU_PASID_LEAF_ENTRIES (1U << UIOMMU_PASID_LEAF_SHIFT)
#define UIOMMU_PASID_LEAF_MASK (UIOMMU_PASID_LEAF_ENTRIES - 1)
/* one more for UIOMMU_NO_PASID, which is the first value after the last PASID */
#define UIOMMU_PASID_DIR_ENTRIES ((UIOMMU_PASID_COUNT >> UIOMMU_PASID_LEAF_SHIFT) + 1)

struct uiommu_pasid_leaf {
	struct uiommu_attach *attach[UIOMMU_PASID_LEAF_ENTRIES];
};

struct uiommu_pasid_table {
	const struct uiommu_pasid_leaf *dir[UIOMMU_PASID_DIR_ENTRIES];
};

/* The leaf of every PASID that was never attached. Never written. */
extern const struct uiommu_pasid_leaf uiommu_pasid_leaf_empty;

void
uiommu_pvt_pasid_table_init(struct uiommu_pasid_table *table);

/* Free the leaves; no reader is left. */
void
uiommu_pvt_pasid_table_fini(struct uiommu_pasid_table *table);

/* Make sure that a later set() of this PASID needs no memory. 0 or -ENOMEM. */
int
uiommu_pvt_pasid_table_reserve(struct uiommu_pasid_table *table, uint32_t pasid, int socket_id);

/* Publish a handle, or NULL. The PASID was reserved before. */
void
uiommu_pvt_pasid_table_set(struct uiommu_pasid_table *table, uint32_t pasid,
			   struct uiommu_attach *attach);

/* Where the handle of a PASID stands; to be prefetched. pasid <= UIOMMU_NO_PASID. */
static inline struct uiommu_attach *const *
uiommu_pvt_pasid_table_slot(const struct uiommu_pasid_table *table, uint32_t pasid)
{
	/* pairs with the release store in uiommu_pvt_pasid_table_reserve() */
	const struct uiommu_pasid_leaf *leaf =
		__atomic_load_n(&table->dir[pasid >> UIOMMU_PASID_LEAF_SHIFT], __ATOMIC_ACQUIRE);

	return &leaf->attach[pasid & UIOMMU_PASID_LEAF_MASK];
}

/* The handle in a place given by uiommu_pvt_pasid_table_slot(), or NULL. */
static inline struct uiommu_attach *
uiommu_pvt_pasid_table_load(struct uiommu_attach *const *slot)
{
	/* pairs with the release store in uiommu_pvt_pasid_table_set() */
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static inline struct uiommu_attach *
uiommu_pvt_pasid_table_get(const struct uiommu_pasid_table *table, uint32_t pasid)
{
	return uiommu_pvt_pasid_table_load(uiommu_pvt_pasid_table_slot(table, pasid));
}

#endif /* PASID_TABLE_H */
