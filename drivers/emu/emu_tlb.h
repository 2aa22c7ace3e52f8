/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_TLB_H
#define EMU_TLB_H

/**
 * @file
 * A cache of translations, as units and devices have them. Tags are no vendor's: a domain and a
 * PASID, either of which a user of this may leave constant. What is in it is used until it is
 * dropped, or until its place is needed; which place that is depends on nothing but the
 * order of calls.
 *
 * By the holder of uiommu_emu::lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uiommu_args;
struct uiommu_emu;

/** Where a page lies. */
struct emu_leaf {
	uint64_t iova;   /**< first address of the page */
	uint64_t pa;     /**< where that is */
	uint64_t size;   /**< of the page as it was found, in bytes, power of two */
	uint32_t access; /**< EMU_REQ_READ, EMU_REQ_WRITE */
};

/** The page of an address where there are no tables, for reading and writing. */
#define EMU_LEAF_BARE(address)                                                                     \
	((struct emu_leaf){                                                                        \
		.iova = (address) & ~UINT64_C(0xfff),                                              \
		.pa = (address) & ~UINT64_C(0xfff),                                                \
		.size = 4096,                                                                      \
		.access = EMU_REQ_READ | EMU_REQ_WRITE,                                            \
	})

/** A page to be looked up without anything being remembered or marked. */
struct emu_lookup {
	uint64_t iova;
	uint32_t bond;
	uint16_t device; /**< index */
	uint8_t access;  /**< EMU_REQ_READ, EMU_REQ_WRITE: all of it must be granted */
	bool ok;         /**< out: it is */
};

/** Tag of translations that go by the domain alone. */
#define EMU_TLB_ANY_PASID UINT32_MAX

/** Ways of translating; bits, for struct emu_tlb_drop. */
#define EMU_TLB_FIRST (1U << 0)
#define EMU_TLB_SECOND (1U << 1)
#define EMU_TLB_NESTED (1U << 2)
#define EMU_TLB_PASS (1U << 3)
#define EMU_TLB_ALL_KINDS 0xfU

/** A translation, or, in a cache of tables, where the table for these addresses lies. */
struct emu_tlb_entry {
	uint64_t iova;    /**< first address */
	uint64_t pa;
	uint32_t pasid;   /**< tag; or EMU_TLB_ANY_PASID */
	uint32_t bond;    /**< that it was found for; 0: of a PASID that is none of the device's */
	uint16_t domain;  /**< tag */
	uint16_t device;  /**< index, that it was found for */
	uint8_t shift;    /**< log2 of its size; 0: not in use */
	uint8_t access;   /**< EMU_REQ_READ, EMU_REQ_WRITE */
	uint8_t kind;     /**< one EMU_TLB_* way */
	uint8_t flags;    /**< EMU_TLB_DIRTY, EMU_TLB_ABSENT, EMU_TLB_CLEAN */
};
/** Writes need no look at the table: it is marked, or marks are not kept. */
#define EMU_TLB_DIRTY (1U << 0)
/** There was no page, and that is remembered. */
#define EMU_TLB_ABSENT (1U << 1)
/** A write would be let through, and make the page dirty: that is done in its table. */
#define EMU_TLB_CLEAN (1U << 2)

#define EMU_TLB_WAYS 4
#define EMU_TLB_ENTRIES_MAX 65536
/** Sizes that entries can have: 2^12, 2^21, ... bytes. */
#define EMU_TLB_SIZES 5
#define EMU_TLB_SHIFT(level) (12 + 9 * (level))

struct emu_tlb {
	struct emu_tlb_entry *entries; /**< sets of EMU_TLB_WAYS */
	uint8_t *victims;              /**< of each set, what goes next */
	uint32_t mask;                 /**< of sets */
	uint32_t nb;                   /**< entries in use */
	uint32_t nb_of[EMU_TLB_SIZES]; /**< by size */
	bool any;                      /**< there were entries of any PASID */
	bool tables;                   /**< pa is that of a table of 4 KiB, whatever the size */
	uint16_t *leads;               /**< entries that lead to 4 KiB, by a hash of where */
	uint32_t leads_mask;
	uint32_t nb_wide;              /**< entries that lead to more */
};

/** What is to be dropped: entries to which all of it applies. */
struct emu_tlb_drop {
	uint64_t first;  /**< addresses, both inclusive; an entry that has one of them goes */
	uint64_t last;
	uint32_t kinds;  /**< EMU_TLB_* ways */
	uint32_t pasid;
	uint16_t domain;
	bool any_pasid;  /**< pasid does not count */
	bool any_domain; /**< domain does not count */
};

/**
 * @param entries power of two, EMU_TLB_WAYS to EMU_TLB_ENTRIES_MAX
 * @param tables a cache of tables, and not of pages
 * @return 0; -ENOMEM
 */
int
emu_tlb_init(struct emu_tlb *tlb, uint32_t entries, bool tables, int socket_id);
/**
 * A unit's caches, of sizes that devargs choose: "iotlb", "psc". How much a unit can remember is
 * said in no manual.
 *
 * @return 0; -EINVAL: not a power of two, or out of range; -ENOMEM
 */
int
emu_tlbs_open(struct uiommu_emu *emu, struct uiommu_args *args);
/** Both of them are empty. */
void
emu_tlbs_forget(struct uiommu_emu *emu);
void
emu_tlb_fini(struct emu_tlb *tlb);
/** @return entry of this size that has the address; NULL: none. Until the next call. */
struct emu_tlb_entry *
emu_tlb_find_size(const struct emu_tlb *tlb, uint16_t domain, uint32_t pasid, uint64_t iova,
		  unsigned int shift);
/** Likewise, of any size; the smallest. */
struct emu_tlb_entry *
emu_tlb_find(const struct emu_tlb *tlb, uint16_t domain, uint32_t pasid, uint64_t iova);
/**
 * Likewise, for a unit that remembers what users may read and write, and which pages are of all
 * PASIDs.
 *
 * @param want EMU_REQ_*
 * @return what decides the matter, whatever its rights; NULL: nothing does
 */
const struct emu_tlb_entry *
emu_tlb_find_for(const struct emu_tlb *tlb, uint16_t domain, uint32_t pasid, uint64_t iova,
		 uint16_t want);
/** The page of an entry. */
static inline struct emu_leaf
emu_tlb_leaf(const struct emu_tlb_entry *entry)
{
	return (struct emu_leaf){
		.iova = entry->iova,
		.pa = entry->pa,
		.size = UINT64_C(1) << entry->shift,
		.access = entry->access,
	};
}
/** One with the same tags, address and size is replaced. */
void
emu_tlb_add(struct emu_tlb *tlb, const struct emu_tlb_entry *entry);
/** @return entries dropped */
unsigned int
emu_tlb_drop(struct emu_tlb *tlb, const struct emu_tlb_drop *what);
/** @param first set to one of them. @return entries that lead into a piece of memory */
unsigned int
emu_tlb_leads_to(const struct emu_tlb *tlb, uint64_t pa, uint64_t size,
		 const struct emu_tlb_entry **first);

#endif /* EMU_TLB_H */
