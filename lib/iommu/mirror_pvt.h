/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef MIRROR_PVT_H
#define MIRROR_PVT_H

/*
 * Mirrored tables: the unit's own table is somebody else's (the kernel's), and is changed by calls
 * of the driver; the library's table is a mirror of it, by which faults are judged.
 *
 *   in      entries are reserved in the mirror, the driver maps, then they are filled. What fails
 *           is absent again, and nobody has seen it (R3)
 *   out     entries become busy, the driver unmaps, then they are absent (R4)
 *   change  of access: out, then in with the other access; busy in between
 *
 * Whoever wants a busy entry is told -EAGAIN, so no address is in two calls of the driver at a
 * time. What one call can take together goes in one: neighbours in the mirror and in memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "paging_pvt.h"

/* What a unit is asked to forget at a time. */
#define UIOMMU_MIRROR_RANGES 64

/* Ranges on their way out of the unit's table, whose entries are busy. Lock held. */
struct uiommu_mirror_ranges {
	struct uiommu_paging *paging;
	int error; /* the first one */
	uint32_t nb;
	struct uiommu_pgtable_range range[UIOMMU_MIRROR_RANGES];
};

/* Leaves alike, side by side, that are busy. */
struct uiommu_mirror_part {
	uint64_t iova;
	uint64_t pa;   /* where they lead, side by side as well where that matters */
	uint64_t len;
	uint32_t prot; /* that they had */
	uint8_t shift;
};

static inline struct uiommu_mirror_part
uiommu_pvt_mirror_part_of(const struct uiommu_pgtable_leaf *leaf)
{
	return (struct uiommu_mirror_part){
		.iova = leaf->iova,
		.pa = leaf->pa,
		.len = leaf->size,
		.prot = leaf->prot,
		.shift = (uint8_t)__builtin_ctzll(leaf->size),
	};
}

/* Whether a leaf goes on where a part ends; alike: and leads on, with the same access. */
static inline bool
uiommu_pvt_mirror_goes_on(const struct uiommu_mirror_part *part,
			  const struct uiommu_pgtable_leaf *leaf, bool alike)
{
	if (part->iova + part->len != leaf->iova || UINT64_C(1) << part->shift != leaf->size)
		return false;
	return !alike || (part->pa + part->len == leaf->pa && part->prot == leaf->prot);
}

/* ------------------------------------------------------------------------ mirror.c */

/*
 * As uiommu_pgtable_map(), and the same errors; besides those of uiommu_dev_ops::table_map(), and
 * -EBUSY: something there is to get more access, and the lock is not held.
 */
int
uiommu_pvt_mirror_map(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len,
		      uint32_t prot, bool locked, uint64_t *done);
/* The same on the data path: without waiting. -EFAULT: the unit cannot have it, now or ever. */
int
uiommu_pvt_mirror_fault(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len,
			uint32_t prot, uint64_t *done);
/*
 * Have the unit map pages whose entries are reserved, so that they can be filled. Data path.
 * Number of pages that came, from the first on; *error: why the next one did not, or 0.
 */
uint32_t
uiommu_pvt_mirror_fill(struct uiommu_paging *paging, uint64_t iova, uint32_t shift, uint32_t nb,
		       const uint64_t *pa, uint32_t prot, int *error);
/* More access for the leaf at an address. Data path. 0, -EAGAIN: not now, or as table_map(). */
int
uiommu_pvt_mirror_grow(struct uiommu_paging *paging, uint64_t iova, uint32_t prot);

/* ------------------------------------------------------------------- mirror_call.c */

/* Entries that are busy, side by side, lead to memory side by side. */
void
uiommu_pvt_mirror_commit(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint32_t nb,
			 uint32_t shift, uint32_t prot);
static inline void
uiommu_pvt_mirror_part_fill(struct uiommu_paging *paging, const struct uiommu_mirror_part *part,
			    uint32_t prot)
{
	uiommu_pvt_mirror_commit(paging, part->iova, part->pa,
				 (uint32_t)(part->len >> part->shift), part->shift, prot);
}
/*
 * Somebody is at work on what is wanted: a moment later, then. Inside a handler he is as good as
 * through.
 *
 * @param give_up 0 at first
 * @return false: that was the unit's time-out
 */
bool
uiommu_pvt_mirror_wait(struct uiommu_unit *unit, uint64_t *give_up);
/* The driver maps. Patient: it is asked again while it says -EAGAIN, up to the time-out. */
int
uiommu_pvt_mirror_call_map(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len,
			   uint32_t prot, bool patient);
/* Add a range, and have the unit forget those before where there is no room. */
void
uiommu_pvt_mirror_ranges_add(struct uiommu_mirror_ranges *ranges, uint64_t iova, uint64_t len);
/* Have it forget the rest. 0, -ETIMEDOUT or -EIO: of any of them, and the unit has failed. */
int
uiommu_pvt_mirror_ranges_end(struct uiommu_mirror_ranges *ranges);

/* -------------------------------------------------------------------- mirror_out.c */

/*
 * As uiommu_pgtable_unmap(), but for the waits: when this returns 0 nothing reaches what was there.
 * Tables that have become empty go, too. Lock held.
 */
int
uiommu_pvt_mirror_unmap(struct uiommu_paging *paging, uint64_t iova, uint64_t len,
			uint64_t *unmapped);
/*
 * As uiommu_pgtable_protect(); with add, access is added to what each page has. A page that
 * cannot have the new access keeps the old one. Lock held.
 */
int
uiommu_pvt_mirror_protect(struct uiommu_paging *paging, uint64_t iova, uint64_t len, uint32_t prot,
			  bool add);

#endif /* MIRROR_PVT_H */
