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

/** What an audit asks a vendor's model, and the vendor's words for what was found. */
struct emu_audit {
	const char *tables;       /**< cache of tables on the way */
	const char *domain;       /**< tags of translations */
	const char *pasid;
	const char *device_entry; /**< what is remembered of a device, emu_device::cache */
	const char *bond_entry;   /**< and of a bond, emu_bond::cache */
	/** tags of translations are PASIDs: one of no bond can be looked up by its own */
	bool by_pasid;

	/**
	 * Whether a translation, or where a table lies, is as a bond's tables say in memory now.
	 *
	 * @param entry its address, tags, size and way count
	 */
	bool (*agrees)(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
		       const struct emu_tlb_entry *entry, bool table);
	/** Likewise a translation that a device holds. */
	bool (*device_agrees)(struct uiommu_emu *emu, const struct emu_device *dev,
			      const struct emu_tlb_entry *entry);
	/** What memory says of a device. @param fresh empty */
	void (*device)(struct uiommu_emu *emu, const struct emu_device *dev,
		       struct emu_cache *fresh);
	/** What it says of a bond; nothing where there is no way to it. @param fresh empty */
	void (*bond)(struct uiommu_emu *emu, const struct emu_device *dev,
		     const struct emu_bond *bond, struct emu_cache *fresh);
};

/**
 * Compare what is remembered of devices and bonds, and translations of devices and of the unit.
 *
 * @param pages,tables the unit's caches
 * @return what differs; each is a violation
 */
unsigned int
emu_audit(struct uiommu_emu *emu, const struct emu_audit *audit, const struct emu_tlb *pages,
	  const struct emu_tlb *tables);

/** Translations of the unit that lead to a piece of memory; each is a violation. */
unsigned int
emu_audit_retire(struct uiommu_emu *emu, const struct emu_audit *audit,
		 const struct emu_tlb *pages, const struct emu_tlb *tables, uint64_t pa,
		 uint64_t size);

/** Find a page in memory. @param walk a vendor's. @return false: there is none */
typedef bool (*emu_audit_find)(const void *walk, uint64_t iova, struct emu_leaf *leaf);

/** Whether all of a translation is as memory has it. */
bool
emu_audit_page(const struct emu_tlb_entry *entry, emu_audit_find find, const void *walk);

#endif /* EMU_AUDIT_H */
