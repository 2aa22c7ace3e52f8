/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_DEVICE_H
#define EMU_DEVICE_H

/**
 * @file
 * Devices with a page request interface, their groups and bonds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emu_tlb.h"
#include "uiommu_emu.h"

/** PRG indices of a device (PCIe: 9 bits). */
#define EMU_PRGI_COUNT 512
/** Requests of the "no answer may come" kind that one device holds back at most. */
#define EMU_SILENT_MAX 64

/**
 * One PRG index of a device. A group to a bond in force that waits for its answer is wholly
 * described here; for all others expect has no kind bits, and struct emu_group has the rest.
 */
struct emu_slot {
	uint64_t expect; /**< word 0 of the right response; kind bits clear: of the last one */
	uint64_t meta;   /**< 63:26 time stamp, 25:24 class of the device, 23:0 bond */
};
#define EMU_META_STAMP_SHIFT 26
#define EMU_META_CLASS_SHIFT 24
#define EMU_META_BOND_MASK UINT64_C(0xffffff)
#define EMU_BONDS_MAX (UINT32_C(1) << EMU_META_CLASS_SHIFT)

_Static_assert(UIOMMU_EMU_CLASSES <= 1 << (EMU_META_STAMP_SHIFT - EMU_META_CLASS_SHIFT),
	       "a class fits");

/** Counts by class, in one word: 16 bits each, enough for a queue of any size. */
#define EMU_PACK_BITS 16
#define EMU_PACK_MASK ((UINT64_C(1) << EMU_PACK_BITS) - 1)

_Static_assert(UIOMMU_EMU_CLASSES * EMU_PACK_BITS <= 64, "counts of all classes fit");

/** One of this class, as such a word. */
static inline uint64_t
emu_pack_one(uint64_t class)
{
	return UINT64_C(1) << (class % UIOMMU_EMU_CLASSES * EMU_PACK_BITS);
}

/**
 * What the data path needs of a device. Behind the slots lie the ring of free indices, for
 * each index the pages of its group beyond the first, and where they begin.
 */
struct emu_dev_hot {
	struct emu_slot *slots; /**< EMU_PRGI_COUNT */
	uint32_t credits;       /**< requests that may be sent now */
	uint16_t head;          /**< next free index to take, free running */
	uint16_t tail;          /**< where the next freed one goes, free running */
};

static inline uint16_t *
emu_hot_ring(const struct emu_dev_hot *hot)
{
	return (uint16_t *)(hot->slots + EMU_PRGI_COUNT);
}

static inline uint8_t *
emu_hot_more(const struct emu_dev_hot *hot)
{
	return (uint8_t *)(emu_hot_ring(hot) + EMU_PRGI_COUNT);
}

/**
 * First page of each index's group, where traffic keeps it: the address, with the access that was
 * asked for (EMU_REQ_*) below it; 0: not kept.
 */
static inline uint64_t *
emu_hot_pages(const struct emu_dev_hot *hot)
{
	return (uint64_t *)(emu_hot_more(hot) + EMU_PRGI_COUNT);
}

#define EMU_SLOTS_SIZE                                                                             \
	(EMU_PRGI_COUNT * (sizeof(struct emu_slot) + sizeof(uint16_t) + sizeof(uint8_t) +          \
			   sizeof(uint64_t)))

enum emu_group_state {
	EMU_GROUP_FREE = 0, /**< or described by its slot alone */
	EMU_GROUP_SENDING,  /**< the last request is not in the queue yet */
	EMU_GROUP_ACTIVE,   /**< waits for its answer */
	EMU_GROUP_SILENT,   /**< no answer may come; given back after a while */
	EMU_GROUP_ORPHAN,   /**< device was unplugged or stopped; an answer is nobody's fault */
};

#define EMU_ALLOW_SUCCESS (1U << 0)
#define EMU_ALLOW_INVALID (1U << 1)
#define EMU_ALLOW_FAILURE (1U << 2)

struct emu_group {
	uint32_t bond;  /**< 0: of no bond */
	uint32_t pasid;
	uint16_t pages; /**< credits that it holds */
	uint8_t state;  /**< enum emu_group_state */
	uint8_t allow;  /**< EMU_ALLOW_* */
	uint16_t hand;  /**< access made by hand, in uiommu_emu::hands, from 1; 0: none */
	bool ended;     /**< the unit was told to end it: one more answer does nothing */
};

/** What a unit remembers of its tables for a device or a bond. Used by the vendor's model. */
struct emu_cache {
	uint64_t word[3];
	uint16_t domain;
	uint8_t state;  /**< enum emu_cache_state */
	uint8_t reason; /**< of a remembered fault */
	bool hide;      /**< the fault is not to be recorded */
};

enum emu_cache_state {
	EMU_CACHE_EMPTY = 0,
	EMU_CACHE_GOOD,
	EMU_CACHE_FAULT,
};

struct emu_device {
	uint32_t endpoint_id;
	uint32_t credits;    /**< allocation */
	uint32_t first_bond; /**< its bonds are contiguous, by PASID */
	uint32_t nb_bonds;
	bool unknown;        /**< software does not know it */
	bool removed;
	bool stopped;        /**< its page request interface had a Response Failure */
	bool may_fail_invalid;
	bool stalls;         /**< its accesses wait in the unit; a group is one of them */
	uint8_t class;
	uint32_t pf_id;      /**< of its physical function, or its own */
	struct emu_cache cache;
	struct emu_tlb atc;  /**< by emu_atc.c; none before it is used */
	uint32_t atc_entries;
	uint16_t silent_max;
	uint16_t silent_head;
	uint16_t silent_count;
	uint16_t silent[EMU_SILENT_MAX];
	struct emu_group groups[EMU_PRGI_COUNT];
};

/** A PASID of a device. */
struct emu_bond {
	uint32_t pasid;  /**< or EMU_NO_PASID */
	uint16_t device;
	uint8_t want;    /**< enum uiommu_emu_pasid_state and EMU_WANT_QUIET; any thread, atomic */
	bool touched;    /**< is in uiommu_emu::touched; by control_lock */
	bool refused;    /**< an access was ended by the unit: no more until its state changes */
	uint32_t space;  /**< whose contents its pages have, see struct uiommu_emu_data */
	uint32_t ended;  /**< times it became DETACHED; any thread, atomic */
	struct emu_cache cache;
};
#define EMU_WANT_STATE 0x3
#define EMU_WANT_QUIET 0x4


struct emu_device *
emu_device_find(struct uiommu_emu *emu, uint32_t endpoint_id);
/** @return bond of a device; 0: none */
uint32_t
emu_bond_find(struct uiommu_emu *emu, const struct emu_device *dev, uint32_t pasid);
uint8_t
emu_bond_want(const struct uiommu_emu *emu, uint32_t bond);
/** Nothing stands in the way of requests for this bond: from now on they skip the look-ups. */
void
emu_bond_arm(struct uiommu_emu *emu, uint32_t bond);
/** Look everything up again. */
void
emu_bonds_disarm(struct uiommu_emu *emu);
/** Take up what other threads said of bonds. */
void
emu_control_apply(struct uiommu_emu *emu);
/** @return index; -1: no index or not enough credits */
int
emu_group_begin(struct uiommu_emu *emu, uint32_t device, uint32_t bond, uint32_t pasid,
		uint32_t pages);
/**
 * The last request of a good group is in the queue; Success must come.
 *
 * @param expect word 0 of the right response
 */
void
emu_group_await_good(struct uiommu_emu *emu, uint32_t device, uint16_t prgi, uint64_t expect);
/** The last request is in the queue; an answer must come. */
void
emu_group_await(struct uiommu_emu *emu, uint32_t device, uint16_t prgi, uint8_t allow);
/** No answer may come. */
void
emu_group_silence(struct uiommu_emu *emu, uint32_t device, uint16_t prgi);
/** Index and credits are free again. */
void
emu_group_end(struct uiommu_emu *emu, uint32_t device, uint16_t prgi);
/** Describe a group by struct emu_group that is described by its slot alone. */
void
emu_group_unfold(struct uiommu_emu *emu, uint32_t device, uint16_t prgi);
/** Codes that are right for a request of a bond that is sent now. */
uint8_t
emu_bond_allow(const struct uiommu_emu *emu, uint32_t bond);

/**
 * What may come for a group when its bond has gone: nothing, for it was drained. But a unit that
 * does not look at PASIDs lets in what was sent between the end of a detach and its announcement;
 * but it looks at them for accesses that wait.
 *
 * @param allow what might have come before
 */
uint8_t
emu_allow_detached(const struct uiommu_emu *emu, uint32_t device, uint8_t allow);

/** What is outstanding of a device that stalls was ended by the unit, unanswered. */
void
emu_stalls_end(struct uiommu_emu *emu, uint32_t device);

/* emu_family.c */
/** Response Failure to a device: it and all that share its interface stop. */
void
emu_family_stop(struct uiommu_emu *emu, uint32_t device);

/* emu_plug.c */
/** Nothing of this device is waited for any more; answers may still come. */
void
emu_groups_forget(struct uiommu_emu *emu, uint32_t device);
/** Device 0, which is nobody. */
int
emu_devices_init(struct uiommu_emu *emu);
void
emu_devices_fini(struct uiommu_emu *emu);
/** uiommu_emu_device_add() with the lock held. */
int
emu_device_plug(struct uiommu_emu *emu, const struct uiommu_emu_device_conf *conf);

#endif /* EMU_DEVICE_H */
