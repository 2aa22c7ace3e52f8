/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_AUDIT_H
#define EMU_AUDIT_H

/**
 * @file
 * What is cached against what is in memory. Each cached thing is looked up anew on behalf of the
 * bond that it was found for, and where that no longer leads there, of every other one:
 * translations and tables are shared. What gives no more than memory does is in order.
 *
 * By the holder of uiommu_emu::lock.
 */

#include <stdbool.h>
#include <stdint.h>

#include "emu_device.h"
#include "emu_tlb.h"

struct uiommu_emu;

/** What is cached. */
enum emu_audit_what {
	EMU_AUDIT_PAGE = 0, /**< a translation, by the unit */
	EMU_AUDIT_TABLE,    /**< where a table lies */
	EMU_AUDIT_DEVICE,   /**< a translation, by a device */
};

/** What an audit asks a vendor's model, and the vendor's words for what was found. */
struct emu_audit {
	const char *tables;       /**< cache of tables on the way */
	const char *domain;       /**< tags of translations */
	const char *pasid;
	const char *device_entry; /**< what is remembered of a device, emu_device::cache */
	const char *bond_entry;   /**< and of a bond, emu_bond::cache */
	/** tags of translations are PASIDs: one of no bond can be looked up by its own */
	bool by_pasid;

	/** Whether the unit translates at all: else nothing is compared. */
	bool (*translates)(const struct uiommu_emu *emu);
	/**
	 * Whether what is cached is as a bond's tables say in memory now. Where devices are not
	 * to translate, nothing that they hold is.
	 *
	 * @param entry its address, tags, size and way count
	 */
	bool (*agrees)(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
		       const struct emu_tlb_entry *entry, enum emu_audit_what what);
	/** What memory says of a device. @param fresh empty */
	void (*device)(struct uiommu_emu *emu, const struct emu_device *dev,
		       struct emu_cache *fresh);
	/** What it says of a bond; nothing where there is no way to it. @param fresh empty */
	void (*bond)(struct uiommu_emu *emu, const struct emu_device *dev,
		     const struct emu_bond *bond, struct emu_cache *fresh);
	/** What else is remembered of a device. @return what differs. NULL: nothing is */
	unsigned int (*more)(struct uiommu_emu *emu, const struct emu_device *dev);
};

/**
 * Compare what is remembered of devices and bonds, and translations of devices and of the unit.
 *
 * @return what differs; each is a violation
 */
unsigned int
emu_audit(struct uiommu_emu *emu);

/** Translations of the unit that lead to a piece of memory; each is a violation. */
unsigned int
emu_audit_retire(struct uiommu_emu *emu, uint64_t pa, uint64_t size);

/** Whether an entry has these tags. */
static inline bool
emu_audit_tags(const struct emu_tlb_entry *entry, uint16_t domain, uint32_t pasid)
{
	return entry->domain == domain &&
	       (entry->pasid == EMU_TLB_ANY_PASID || entry->pasid == pasid);
}

/** Find a page in memory. @param walk a vendor's. @return false: there is none */
typedef bool (*emu_audit_find)(const void *walk, uint64_t iova, struct emu_leaf *leaf);

/**
 * Whether all of a translation, or absence, is as memory has it.
 *
 * @param bypass there are no tables: addresses are physical
 */
bool
emu_audit_page(const struct emu_tlb_entry *entry, bool bypass, emu_audit_find find,
	       const void *walk);

#endif /* EMU_AUDIT_H */
