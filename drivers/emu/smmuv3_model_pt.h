/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_MODEL_PT_H
#define SMMUV3_MODEL_PT_H

/**
 * @file
 * Translation tables of stage 1 as the unit reads them: VMSAv8-64, granules of 4K, 16K and 64K,
 * the half that TTB0 names. The formats are those of the Arm architecture reference manual;
 * what the unit makes of them is in S 3.4, 5.4 and 7.3.22.
 */

#include "smmuv3_model.h"

#define SMMUV3_PT_LAST 3 /**< level of tables of pages */

/* Descriptors */
#define SMMUV3_PTE_VALID (UINT64_C(1) << 0)
#define SMMUV3_PTE_TABLE (UINT64_C(1) << 1) /**< at the last level: a page */
#define SMMUV3_PTE_USER (UINT64_C(1) << 6)  /**< AP[1] */
#define SMMUV3_PTE_RO (UINT64_C(1) << 7)    /**< AP[2] */
#define SMMUV3_PTE_AF (UINT64_C(1) << 10)
#define SMMUV3_PTE_NG (UINT64_C(1) << 11)
#define SMMUV3_PTE_DBM (UINT64_C(1) << 51)
#define SMMUV3_PTE_PXN (UINT64_C(1) << 53)
#define SMMUV3_PTE_UXN (UINT64_C(1) << 54)
/* Of a table: what is below has no more rights */
#define SMMUV3_PTE_PXN_TABLE (UINT64_C(1) << 59)
#define SMMUV3_PTE_UXN_TABLE (UINT64_C(1) << 60)
#define SMMUV3_PTE_NO_USER_TABLE (UINT64_C(1) << 61)
#define SMMUV3_PTE_RO_TABLE (UINT64_C(1) << 62)

/** Rights that a walk has lost on its way; also in emu_tlb_entry::flags of tables. */
#define SMMUV3_LOST_USER (1U << 0)
#define SMMUV3_LOST_WRITE (1U << 1)
#define SMMUV3_LOST_UXN (1U << 2)
#define SMMUV3_LOST_PXN (1U << 3)

/** Kinds of translations in the IOTLB: by granule and level, S 4.4.1.1 (TG, TTL). */
#define SMMUV3_KIND_4K(level) (1U << ((level)-1))       /* levels 1 to 3: bits 0 to 2 */
#define SMMUV3_KIND_16K(level) (1U << ((level) + 1))    /* levels 2, 3: bits 3, 4 */
#define SMMUV3_KIND_64K(level) (1U << ((level) + 3))    /* levels 2, 3: bits 5, 6 */
#define SMMUV3_KIND_ALL 0x7fU

/** Whose tables are walked, and how. */
struct smmuv3_walk {
	struct uiommu_emu *emu;
	uint64_t cd0;    /**< words of the CD */
	uint64_t cd1;
	uint32_t bond;
	uint16_t device; /**< index */
	uint16_t vmid;
	uint16_t want;   /**< EMU_REQ_READ, _WRITE, _EXEC, _PRIV */
	bool bypass;     /**< there are no tables: addresses are physical */
	bool look;       /**< nothing is marked or remembered */
	bool fresh;      /**< what is remembered does not count */
};

static inline uint16_t
smmuv3_asid(const struct smmuv3_walk *walk)
{
	return (uint16_t)(walk->cd0 >> SMMUV3_CD0_ASID_SHIFT);
}

/** log2 of the granule of TTB0's tables */
static inline unsigned int
smmuv3_granule(uint64_t cd0)
{
	static const uint8_t shifts[] = {12, 16, 14, 12};

	return shifts[cd0 >> SMMUV3_CD0_TG0_SHIFT & SMMUV3_CD0_TG0_MASK];
}

/** Bits of an address that a table of this granule resolves. */
static inline unsigned int
smmuv3_stride(unsigned int granule)
{
	return granule - 3;
}

/** Lowest bit of an address that chooses an entry of a table at a level. */
static inline unsigned int
smmuv3_level_shift(unsigned int granule, unsigned int level)
{
	return granule + (SMMUV3_PT_LAST - level) * smmuv3_stride(granule);
}

/** Bits of an address of a walk. */
static inline unsigned int
smmuv3_input_bits(uint64_t cd0)
{
	return 64 - (unsigned int)(cd0 & SMMUV3_CD0_T0SZ_MASK);
}

static inline unsigned int
smmuv3_first_level(uint64_t cd0)
{
	const unsigned int granule = smmuv3_granule(cd0);

	return SMMUV3_PT_LAST -
	       (smmuv3_input_bits(cd0) - 1 - granule) / smmuv3_stride(granule);
}

/** S 5.4: of the output; no more than the unit has */
static inline unsigned int
smmuv3_output_bits(const struct smmuv3_model *smmu, uint64_t cd0)
{
	const unsigned int ips = cd0 >> SMMUV3_CD0_IPS_SHIFT & SMMUV3_CD0_IPS_MASK;

	return RTE_MIN(smmuv3_address_bits(RTE_MIN(ips, 6U)), smmuv3_oas(smmu));
}

/** Address in a descriptor, for 48 bits; with 64K, what is above them is in bits 15:12. */
static inline uint64_t
smmuv3_pte_address(uint64_t pte, unsigned int granule)
{
	uint64_t pa = pte & ((UINT64_C(1) << 48) - 1) & ~((UINT64_C(1) << granule) - 1);

	if (granule == 16)
		pa |= (pte >> 12 & 0xf) << 48;
	return pa;
}

/** The address that TTB0's tables are asked for. @return false: it is none of theirs */
static inline bool
smmuv3_input(uint64_t cd0, uint64_t iova, uint64_t *address)
{
	const unsigned int bits = smmuv3_input_bits(cd0);

	*address = iova;
	if ((cd0 & SMMUV3_CD0_TBI0) != 0 && (iova >> 55 & 1) == 0)
		*address &= (UINT64_C(1) << 56) - 1;
	return *address >> bits == 0 && (cd0 & SMMUV3_CD0_EPD0) == 0;
}

/** Kind of a page of this granule and level. */
static inline uint8_t
smmuv3_kind(unsigned int granule, unsigned int level)
{
	if (granule == 12)
		return (uint8_t)SMMUV3_KIND_4K(level);
	return (uint8_t)(granule == 14 ? SMMUV3_KIND_16K(level) : SMMUV3_KIND_64K(level));
}

/** What is remembered of a page, and decides the matter, whatever its rights. */
static inline const struct emu_tlb_entry *
smmuv3_tlb_find(const struct smmuv3_walk *walk, uint64_t iova)
{
	return emu_tlb_find_for(&walk->emu->iotlb, walk->vmid, smmuv3_asid(walk), iova, walk->want);
}

/** What a walk has found besides the page. */
struct smmuv3_page {
	struct emu_leaf leaf; /**< its access is what a device may be told, of reads and writes */
	uint8_t kind;
	bool global;          /**< of all ASIDs */
	bool clean;           /**< a write would be let through, and make it dirty */
	bool exec;
};

/**
 * Translation tables from TTB0, or from a table that is remembered.
 *
 * @param page set where there is no fault; it grants what is wanted
 */
struct smmuv3_fault
smmuv3_model_page_walk(const struct smmuv3_walk *walk, uint64_t iova, struct smmuv3_page *page);

/**
 * The table on the way to an address, without a look into it.
 *
 * @param level of the table, below the first
 * @param lost SMMUV3_LOST_* on the way
 * @return false: there is none
 */
bool
smmuv3_model_table_walk(const struct smmuv3_walk *walk, uint64_t iova, unsigned int level,
			uint64_t *table, unsigned int *lost);

#endif /* SMMUV3_MODEL_PT_H */
