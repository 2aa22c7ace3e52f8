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
#include <string.h>

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
	uint32_t read;   /**< number of the read that brought it */
	uint32_t dev_id; /**< the kernel's number of the device */
	uint32_t pasid;  /**< UIOMMU_NO_PASID: none; or what this file has names for */
};

_Static_assert(offsetof(struct iommufd_slot, pasid) ==
		       offsetof(struct iommufd_slot, dev_id) + sizeof(uint32_t),
	       "device and PASID are one word of 64 bits");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the device is bits 31:0 of it");

/** iommufd_slot::dev_id and pasid in one word. */
static inline uint64_t
iommufd_slot_whose(uint32_t dev_id, uint32_t pasid)
{
	return (uint64_t)pasid << 32 | dev_id;
}

/**
 * Memory of all slots, as many as there are numbers of 16 bits: so no number needs a check, and
 * whatever is looked for is at a fixed distance. Those that are not to be used are free for good.
 */
struct iommufd_slots_table {
	struct iommufd_slot slots[UINT16_MAX + 1];
	/** of a slot in its chain; of others NONE; of NONE itself, which is no slot, another */
	uint16_t next[UINT16_MAX + 1];
	uint16_t heads[UINT16_MAX + 1]; /**< by the cookie's low bits: chains of those alive */
	uint16_t free[UINT16_MAX + 1];  /**< stack of the free ones */
};

struct iommufd_slots {
	struct iommufd_slots_table *table;
	uint32_t nb_slots;
	uint32_t nb_free;
	uint32_t nb_used; /**< slots from here on were never used; see iommufd_slots_note() */
};

/**
 * All free.
 *
 * @param nb_slots up to IOMMUFD_SLOTS_MAX
 */
void
iommufd_slots_init(struct iommufd_slots *slots, uint32_t nb_slots,
		   struct iommufd_slots_table *table);

/** After slots were taken: low ones go first, so as many as were in use at a time are all. */
static inline void
iommufd_slots_note(struct iommufd_slots *slots)
{
	const uint32_t nb = slots->nb_slots - slots->nb_free;

	if (nb > slots->nb_used)
		slots->nb_used = nb;
}

/** Slots that one call of iommufd_slots_end() looks at. */
#define IOMMUFD_SLOTS_STEP 1024

/** What the kernel has answered by itself: what it had read out for a device up to a read. */
struct iommufd_slots_ended {
	uint32_t dev_id;
	uint32_t pasid; /**< PASID, UIOMMU_NO_PASID, or IOMMUFD_SLOT_ANY_PASID */
	uint32_t read;  /**< number of the last read that was over by then */
};

/**
 * The kernel has answered some groups: their slots are dead. A step of the way through all slots,
 * so that nobody waits for long; what is answered or read meanwhile is no harm, since a group that
 * is not dead yet is written in vain, and one that was read later is left alone.
 *
 * @param at where the way goes on, 0 at first; 0 again at its end
 * @return slots that are dead now, and were not
 */
uint32_t
iommufd_slots_end(struct iommufd_slots *slots, const struct iommufd_slots_ended *ended,
		  uint32_t *at);

/** Take the slot out of its chain, where it is. */
static inline void
iommufd_slots_unmap(struct iommufd_slots_table *table, uint32_t slot)
{
	uint16_t *link = &table->heads[(uint16_t)table->slots[slot].cookie];

	while (*link != slot)
		link = &table->next[*link];
	*link = table->next[slot];
	table->next[slot] = IOMMUFD_SLOT_NONE;
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
	const uint16_t slot = table->free[--slots->nb_free];
	uint16_t *head = &table->heads[(uint16_t)cookie];
	uint32_t other;

	for (other = *head; other != IOMMUFD_SLOT_NONE; other = table->next[other]) {
		if (table->slots[other].cookie != cookie)
			continue;
		iommufd_slots_unmap(table, other);
		table->slots[other].pasid = IOMMUFD_SLOT_DEAD;
		(*recycled)++;
		break;
	}
	table->next[slot] = *head;
	*head = slot;
	table->slots[slot] = (struct iommufd_slot){
		.cookie = cookie, .dev_id = dev_id, .pasid = pasid, .read = read,
	};
	return slot;
}

/** Whether no slot has a cookie with the same low bits: then it is no other's. */
static inline bool
iommufd_slots_is_new(const struct iommufd_slots_table *table, uint32_t cookie)
{
	return table->heads[(uint16_t)cookie] == IOMMUFD_SLOT_NONE;
}

/**
 * As iommufd_slots_take(), for a cookie that iommufd_slots_is_new(), and a slot taken off free.
 *
 * @param whose iommufd_slot_whose()
 */
static inline void
iommufd_slots_fill_new(struct iommufd_slots_table *table, uint32_t slot, uint32_t cookie,
		       uint64_t whose, uint32_t read)
{
	struct iommufd_slot *of = &table->slots[slot];

	table->heads[(uint16_t)cookie] = (uint16_t)slot;
	of->cookie = cookie;
	of->read = read;
	memcpy((uint8_t *)of + offsetof(struct iommufd_slot, dev_id), &whose, sizeof(whose));
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
	struct iommufd_slot *const of = &table->slots[slot];
	enum iommufd_slot_end end = IOMMUFD_SLOT_WRITE;

	*cookie = of->cookie;
	if (of->pasid < IOMMUFD_SLOT_DEAD)
		iommufd_slots_unmap(table, slot);
	else if (of->pasid == IOMMUFD_SLOT_DEAD)
		end = IOMMUFD_SLOT_DROP;
	else
		return IOMMUFD_SLOT_WRONG;
	of->pasid = IOMMUFD_SLOT_FREE;
	table->free[slots->nb_free++] = (uint16_t)slot;
	return end;
}

/**
 * iommufd_slots_give() for the usual case: the group has no answer yet, and no other cookie has
 * the same low bits. Not counted in nb_free.
 *
 * @param free where the number of the slot is put
 * @return false: nothing was done
 */
static inline bool
iommufd_slots_give_plain(struct iommufd_slots_table *table, uint32_t slot, uint16_t *free,
			 uint32_t *cookie)
{
	struct iommufd_slot *const of = &table->slots[slot];
	const uint32_t its = of->cookie;
	uint16_t *const head = &table->heads[(uint16_t)its];

	/* only those alive are in a chain; IOMMUFD_SLOT_NONE, which looks like one, has a next */
	if (*head != slot || table->next[slot] != IOMMUFD_SLOT_NONE)
		return false;
	*cookie = its;
	*head = IOMMUFD_SLOT_NONE;
	of->pasid = IOMMUFD_SLOT_FREE;
	*free = (uint16_t)slot;
	return true;
}

#endif /* IOMMUFD_SLOT_H */
