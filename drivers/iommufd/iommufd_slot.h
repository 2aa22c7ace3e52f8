/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_SLOT_H
#define IOMMUFD_SLOT_H

/**
 * @file
 * Slots: what is known of each group that was read and has no answer yet.
 *
 * The kernel names a group by a cookie, and gives the cookie to another group as soon as it is
 * free again: by an answer of ours, or by one of its own when a device is detached. It does so
 * inside read() only. So a group gets a slot when it is read, the engine knows it by the number of
 * its slot, and when a read brings a cookie that a slot still has, then the kernel has answered
 * the older group: its slot is dead, and no answer of ours is written for it. Thus an answer that
 * comes late never reaches a group that has got the cookie since.
 *
 * By the owner of the queue alone; no call of the system or of EAL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Slots at most: numbers of 16 bits, and one that means none. */
#define IOMMUFD_SLOTS_MAX 65535
/** No slot. */
#define IOMMUFD_SLOT_NONE UINT16_MAX

/** iommufd_slot::pasid of a slot that is free. */
#define IOMMUFD_SLOT_FREE UINT32_MAX
/** iommufd_slot::pasid of a slot whose group the kernel has answered. */
#define IOMMUFD_SLOT_DEAD (UINT32_MAX - 1)
/** In place of a PASID: any. */
#define IOMMUFD_SLOT_ANY_PASID (UINT32_MAX - 2)

struct iommufd_slot {
	uint32_t cookie;
	uint32_t dev_id; /**< the kernel's number of the device */
	uint32_t pasid;  /**< UIOMMU_NO_PASID: none; or what this file has names for */
	uint32_t read;   /**< number of the read that brought it */
};

struct iommufd_slots {
	struct iommufd_slot *slots;
	uint16_t *free;    /**< stack of the free ones */
	uint16_t *map;     /**< slot of a cookie: open addressing, of those that are alive */
	uint32_t nb_slots;
	uint32_t nb_free;
	uint32_t map_mask; /**< places of map, a power of two, less 1 */
};

/** @return bytes that so many slots take */
size_t
iommufd_slots_size(uint32_t nb_slots);

/**
 * All free.
 *
 * @param nb_slots up to IOMMUFD_SLOTS_MAX
 * @param memory iommufd_slots_size() bytes, aligned for any type
 */
void
iommufd_slots_init(struct iommufd_slots *slots, uint32_t nb_slots, void *memory);

/**
 * The kernel has answered, by itself, what it had read out for a device, or one PASID of it, up to
 * a read.
 *
 * @param pasid PASID, UIOMMU_NO_PASID, or IOMMUFD_SLOT_ANY_PASID
 * @param read number of the last read that was over by then
 * @return slots that are dead now, and were not
 */
uint32_t
iommufd_slots_end(struct iommufd_slots *slots, uint32_t dev_id, uint32_t pasid, uint32_t read);

/** Take the slot out of the map, where it is. */
static inline void
iommufd_slots_unmap(struct iommufd_slots *slots, uint32_t slot)
{
	uint16_t *map = slots->map;
	const uint32_t mask = slots->map_mask;
	uint32_t hole = slots->slots[slot].cookie & mask, at, home;

	while (map[hole] != slot)
		hole = (hole + 1) & mask;
	/* whatever follows and may not be behind a hole moves into it */
	for (at = (hole + 1) & mask; map[at] != IOMMUFD_SLOT_NONE; at = (at + 1) & mask) {
		home = slots->slots[map[at]].cookie & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		map[hole] = map[at];
		hole = at;
	}
	map[hole] = IOMMUFD_SLOT_NONE;
}

/**
 * Take a slot for a group that was read. There is a free one.
 *
 * @param recycled counts up where the cookie was that of another slot, which is dead now
 * @return its number
 */
static inline uint16_t
iommufd_slots_take(struct iommufd_slots *slots, uint32_t cookie, uint32_t dev_id, uint32_t pasid,
		   uint32_t read, uint32_t *recycled)
{
	const uint16_t slot = slots->free[--slots->nb_free];
	const uint32_t mask = slots->map_mask;
	uint16_t *map = slots->map;
	uint32_t at = cookie & mask;

	while (map[at] != IOMMUFD_SLOT_NONE && slots->slots[map[at]].cookie != cookie)
		at = (at + 1) & mask;
	if (map[at] != IOMMUFD_SLOT_NONE) {
		slots->slots[map[at]].pasid = IOMMUFD_SLOT_DEAD;
		(*recycled)++;
	}
	map[at] = slot;
	slots->slots[slot] = (struct iommufd_slot){
		.cookie = cookie, .dev_id = dev_id, .pasid = pasid, .read = read,
	};
	return slot;
}

/** What became of a slot that was given back. */
enum iommufd_slot_end {
	IOMMUFD_SLOT_WRITE,  /**< its group has no answer yet: to be written */
	IOMMUFD_SLOT_DROP,   /**< the kernel has answered */
	IOMMUFD_SLOT_WRONG,  /**< there is no such slot in use */
};

/** Give a slot back, and get its cookie. */
static inline enum iommufd_slot_end
iommufd_slots_give(struct iommufd_slots *slots, uint16_t slot, uint32_t *cookie)
{
	uint32_t pasid;

	if (slot >= slots->nb_slots)
		return IOMMUFD_SLOT_WRONG;
	pasid = slots->slots[slot].pasid;
	if (pasid == IOMMUFD_SLOT_FREE)
		return IOMMUFD_SLOT_WRONG;
	*cookie = slots->slots[slot].cookie;
	if (pasid != IOMMUFD_SLOT_DEAD)
		iommufd_slots_unmap(slots, slot);
	slots->slots[slot].pasid = IOMMUFD_SLOT_FREE;
	slots->free[slots->nb_free++] = slot;
	return pasid == IOMMUFD_SLOT_DEAD ? IOMMUFD_SLOT_DROP : IOMMUFD_SLOT_WRITE;
}

#endif /* IOMMUFD_SLOT_H */
