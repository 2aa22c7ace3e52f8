/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_MODEL_PT_H
#define VTD_MODEL_PT_H

/**
 * @file
 * Page tables of both stages as the unit reads them, S 9.7, 9.8. Shared by the walk of one request
 * and the walk of many.
 */

#include "vtd_model.h"

#define VTD_PT_LEVEL_BITS 9
#define VTD_PT_ENTRIES (1U << VTD_PT_LEVEL_BITS)
/** Lowest bit of an address that chooses an entry of a table; tables of pages are level 1. */
#define VTD_PT_SHIFT(level) (VTD_PAGE_SHIFT + VTD_PT_LEVEL_BITS * ((level) - 1))
/** Highest level at which an entry can be a page. */
#define VTD_PT_LEAF_MAX 3
#define VTD_PT_ADDR (VTD_ADDR_MASK & ~VTD_MODEL_ADDR_RESERVED)

/** Second-stage entry, S 9.8 */
#define VTD_SS_R (UINT64_C(1) << 0)
#define VTD_SS_W (UINT64_C(1) << 1)
#define VTD_SS_A (UINT64_C(1) << 8)
#define VTD_SS_D (UINT64_C(1) << 9)
#define VTD_SS_SNP (UINT64_C(1) << 11)
#define VTD_SS_IW (UINT64_C(1) << 62)

static inline unsigned int
vtd_pe_kind(uint64_t pe0)
{
	return (pe0 >> VTD_PE0_PGTT_SHIFT) & VTD_PE0_PGTT_MASK;
}

static inline unsigned int
vtd_first_levels(uint64_t pe2)
{
	return ((pe2 >> VTD_PE2_FSPM_SHIFT) & VTD_PE2_FSPM_MASK) == 1 ? 5 : 4;
}

static inline unsigned int
vtd_second_levels(uint64_t pe0)
{
	return ((pe0 >> VTD_PE0_AW_SHIFT) & VTD_PE0_AW_MASK) + 2;
}

/** S 3.6: the bits above the highest that is used are equal to it. */
static inline bool
vtd_is_canonical(uint64_t address, unsigned int levels)
{
	const unsigned int unused = 63 - (VTD_PT_SHIFT(levels + 1) - 1);

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

static inline bool
vtd_pt_is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || (level <= VTD_PT_LEAF_MAX && (entry & VTD_FS_PS) != 0);
}

/** Bits that must be zero in an entry, as vtd_model_pt_open() has worked them out. */
static inline uint64_t
vtd_pt_reserved(const struct vtd_model *vtd, bool second, unsigned int level, bool leaf)
{
	return vtd->pt_reserved[second][level][leaf];
}

/** @return EMU_REQ_READ, EMU_REQ_WRITE; 0: not present */
static inline uint32_t
vtd_second_access(uint64_t entry)
{
	return ((entry & VTD_SS_R) != 0 ? EMU_REQ_READ : 0) |
	       ((entry & VTD_SS_W) != 0 ? EMU_REQ_WRITE : 0);
}

/** @return bits that each entry on the way must have for this access, of a user */
static inline uint64_t
vtd_second_need(uint32_t access)
{
	return ((access & EMU_REQ_READ) != 0 ? VTD_SS_R : 0) |
	       ((access & EMU_REQ_WRITE) != 0 ? VTD_SS_W : 0);
}

static inline uint64_t
vtd_first_need(uint32_t access)
{
	return VTD_FS_P | VTD_FS_US | ((access & EMU_REQ_WRITE) != 0 ? VTD_FS_RW : 0);
}

/** Whose tables are walked, and how. */
struct vtd_walk {
	struct uiommu_emu *emu;
	uint64_t pe0;     /**< words of the PASID entry */
	uint64_t pe2;
	uint32_t pasid;   /**< that the entry was found by */
	uint32_t bond;
	uint16_t device;  /**< index */
	uint16_t domain;
	uint32_t want;    /**< EMU_REQ_READ, EMU_REQ_WRITE */
	bool privileged;
	bool look;        /**< nothing is marked or remembered */
	bool fresh;       /**< what is remembered does not count */
};

/** PASID that translations go by; what comes of the second stage alone has none, S 6.2.4 */
static inline uint32_t
vtd_tlb_pasid(const struct vtd_walk *walk)
{
	return vtd_pe_kind(walk->pe0) == VTD_PGTT_SECOND ? EMU_TLB_ANY_PASID : walk->pasid;
}

/**
 * Page tables from the root that the PASID entry names, or from a table that is remembered.
 *
 * @return fault reason; 0: the page, which grants what is wanted, with all the rights it gives
 */
unsigned int
vtd_model_page_walk(const struct vtd_walk *walk, uint64_t iova, struct emu_leaf *leaf);

/**
 * The table on the way to an address, without a look into it.
 *
 * @param kind EMU_TLB_SECOND: of the second stage; else of the first
 * @param level of the table, below the root's
 * @return fault reason; 0: where it is, and the rights of the entries that lead to it
 */
unsigned int
vtd_model_table_walk(const struct vtd_walk *walk, uint64_t iova, uint8_t kind, unsigned int level,
		     uint64_t *table, uint32_t *access);

#endif /* VTD_MODEL_PT_H */
