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
 * A slot is found by its cookie in a chain, of those whose cookies have the same low bits. Linux
 * gives out the lowest cookies that are free, so a chain has one link as a rule; the
 * cookies are one dense run then, which open addressing would walk through for each answer.
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

/**
 * Memory of all slots, as many as there are numbers of 16 bits: so no number needs a check, and
 * whatever is looked for is at a fixed distance. Those that are not to be used are free for good.
 */
struct iommufd_slots_table {
	struct iommufd_slot slots[UINT16_MAX + 1];
	uint16_t next[UINT16_MAX + 1];  /**< of each slot: next of its chain, or of the free ones */
	uint16_t heads[UINT16_MAX + 1]; /**< by the cookie's low bits: chains of those alive */
};

struct iommufd_slots {
	struct iommufd_slots_table *table;
	uint32_t nb_slots;
	uint32_t nb_free;
	uint32_t free; /**< the first free one */
};

/**
 * All free.
 *
 * @param nb_slots up to IOMMUFD_SLOTS_MAX
 */
void
iommufd_slots_init(struct iommufd_slots *slots, uint32_t nb_slots,
		   struct iommufd_slots_table *table);

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

/** Take the slot out of its chain, where it is. */
static inline void
iommufd_slots_unmap(struct iommufd_slots_table *table, uint32_t slot)
{
	uint16_t *link = &table->heads[(uint16_t)table->slots[slot].cookie];

	while (*link != slot)
		link = &table->next[*link];
	*link = table->next[slot];
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
	struct iommufd_slots_table *table = slots->table;
	uint16_t *head = &table->heads[(uint16_t)cookie], *link;
	const uint16_t slot = (uint16_t)slots->free;

	for (link = head; *link != IOMMUFD_SLOT_NONE; link = &table->next[*link]) {
		if (table->slots[*link].cookie != cookie)
			continue;
		table->slots[*link].pasid = IOMMUFD_SLOT_DEAD;
		*link = table->next[*link];
		(*recycled)++;
		break;
	}
	slots->free = table->next[slot];
	slots->nb_free--;
	table->next[slot] = *head;
	*head = slot;
	table->slots[slot] = (struct iommufd_slot){
		.cookie = cookie, .dev_id = dev_id, .pasid = pasid, .read = read,
	};
	return slot;
}

/** Whether no slot has a cookie with the same low bits: then it is no other's. */
static inline bool
iommufd_slots_is_new(const struct iommufd_slots *slots, uint32_t cookie)
{
	return slots->table->heads[(uint16_t)cookie] == IOMMUFD_SLOT_NONE;
}

/** As iommufd_slots_take(), for a cookie that iommufd_slots_is_new(). The caller counts nb_free. */
static inline uint32_t
iommufd_slots_take_new(struct iommufd_slots *slots, uint32_t cookie, uint32_t dev_id,
		       uint32_t pasid, uint32_t read)
{
	struct iommufd_slots_table *table = slots->table;
	const uint32_t slot = slots->free;

	slots->free = table->next[slot];
	table->next[slot] = IOMMUFD_SLOT_NONE;
	table->heads[(uint16_t)cookie] = (uint16_t)slot;
	table->slots[slot].cookie = cookie;
	table->slots[slot].dev_id = dev_id;
	table->slots[slot].pasid = pasid;
	table->slots[slot].read = read;
	return slot;
}

/** What became of a slot that was given back. */
enum iommufd_slot_end {
	IOMMUFD_SLOT_WRITE,  /**< its group has no answer yet: to be written */
	IOMMUFD_SLOT_DROP,   /**< the kernel has answered */
	IOMMUFD_SLOT_WRONG,  /**< there is no such slot in use */
};

/** Give a slot back, and get its cookie. @param slot number of 16 bits */
static inline enum iommufd_slot_end
iommufd_slots_give(struct iommufd_slots *slots, uint32_t slot, uint32_t *cookie)
{
	struct iommufd_slots_table *table = slots->table;
	const uint32_t pasid = table->slots[slot].pasid;
	enum iommufd_slot_end end = IOMMUFD_SLOT_WRITE;

	*cookie = table->slots[slot].cookie;
	if (pasid < IOMMUFD_SLOT_DEAD)
		iommufd_slots_unmap(table, slot);
	else if (pasid == IOMMUFD_SLOT_DEAD)
		end = IOMMUFD_SLOT_DROP;
	else
		return IOMMUFD_SLOT_WRONG;
	table->slots[slot].pasid = IOMMUFD_SLOT_FREE;
	table->next[slot] = (uint16_t)slots->free;
	slots->free = slot;
	slots->nb_free++;
	return end;
}

#endif /* IOMMUFD_SLOT_H */
