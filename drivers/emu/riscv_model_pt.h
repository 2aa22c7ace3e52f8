/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_MODEL_PT_H
#define RISCV_MODEL_PT_H

/**
 * @file
 * Page tables of the first stage as the unit reads them: Sv39, Sv48, Sv57 with Svnapot, as the
 * RISC-V privileged architecture has them ("Virtual Address Translation Process").
 */

#include "riscv_model.h"

#define RISCV_PTE_V (UINT64_C(1) << 0)
#define RISCV_PTE_R (UINT64_C(1) << 1)
#define RISCV_PTE_W (UINT64_C(1) << 2)
#define RISCV_PTE_X (UINT64_C(1) << 3)
#define RISCV_PTE_U (UINT64_C(1) << 4)
#define RISCV_PTE_G (UINT64_C(1) << 5)
#define RISCV_PTE_A (UINT64_C(1) << 6)
#define RISCV_PTE_D (UINT64_C(1) << 7)
#define RISCV_PTE_PPN_SHIFT 10
#define RISCV_PTE_PPN_MASK ((UINT64_C(1) << 44) - 1)
#define RISCV_PTE_RESERVED UINT64_C(0x07c0000000000000) /* 58:54 */
#define RISCV_PTE_RSW60T59B UINT64_C(0x1800000000000000)
#define RISCV_PTE_PBMT_SHIFT 61
#define RISCV_PTE_PBMT UINT64_C(0x6000000000000000)
#define RISCV_PTE_N (UINT64_C(1) << 63)
/** Of a page number with N: 64 KiB, the one size that there is. */
#define RISCV_NAPOT_MASK UINT64_C(0xf)
#define RISCV_NAPOT_64K UINT64_C(0x8)

/** Whose tables are walked, and how. */
struct riscv_walk {
	struct uiommu_emu *emu;
	uint64_t fsc;    /**< mode, and where the root is */
	uint32_t pscid;
	uint32_t bond;
	uint16_t device; /**< index */
	uint16_t want;   /**< EMU_REQ_READ, _WRITE, _EXEC, _PRIV */
	bool sade;       /**< the unit sets A and D */
	bool sum;        /**< the privileged may use pages of users */
	bool dtf;        /**< faults are not to be recorded */
	bool bypass;     /**< there are no tables: addresses are physical */
	bool look;       /**< nothing is marked or remembered */
	bool fresh;      /**< what is remembered does not count */
};

/** Level of the root table; pages are at level 0. */
static inline unsigned int
riscv_top_level(uint64_t fsc)
{
	return riscv_atp_mode(fsc) - RISCV_IOSATP_SV39 + 2;
}

/** Lowest bit of an address that chooses an entry of a table at a level. */
static inline unsigned int
riscv_level_shift(unsigned int level)
{
	return EMU_TLB_SHIFT(level);
}

/** Whether an address has the sign that the mode wants. */
static inline bool
riscv_is_canonical(uint64_t fsc, uint64_t iova)
{
	const unsigned int beyond = 64 - riscv_level_shift(riscv_top_level(fsc) + 1);

	return (uint64_t)((int64_t)(iova << beyond) >> beyond) == iova;
}

static inline uint64_t
riscv_pte_pa(uint64_t pte)
{
	return (pte >> RISCV_PTE_PPN_SHIFT & RISCV_PTE_PPN_MASK) << RISCV_PAGE_SHIFT;
}

/** Bits that no entry of this unit's may have. */
static inline uint64_t
riscv_pte_reserved(const struct riscv_model *riscv)
{
	return RISCV_PTE_RESERVED |
	       (riscv_has(riscv, RISCV_CAP_SVRSW60T59B) ? 0 : RISCV_PTE_RSW60T59B) |
	       (riscv_has(riscv, RISCV_CAP_SVPBMT) ? 0 : RISCV_PTE_PBMT);
}

/** What a walk has found besides the page. */
struct riscv_page {
	struct emu_leaf leaf; /**< its access is what a device may be told, of reads and writes */
	uint64_t pte;
	bool global;          /**< of all address spaces */
	bool clean;           /**< a write would be let through, and make it dirty */
	bool whole;           /**< of a size that can be remembered */
};

/** Cause of a fault by what was wanted: one of the page, or of an access on the way. */
static inline unsigned int
riscv_cause(uint16_t want, bool page)
{
	if ((want & EMU_REQ_EXEC) != 0)
		return page ? RISCV_CAUSE_INST_PAGE : RISCV_CAUSE_INST_ACCESS;
	if ((want & EMU_REQ_WRITE) != 0)
		return page ? RISCV_CAUSE_WRITE_PAGE : RISCV_CAUSE_WRITE_ACCESS;
	return page ? RISCV_CAUSE_READ_PAGE : RISCV_CAUSE_READ_ACCESS;
}

/** What is remembered of a page, and decides the matter, whatever its rights. */
static inline const struct emu_tlb_entry *
riscv_tlb_find(const struct riscv_walk *walk, uint64_t iova)
{
	return emu_tlb_find_for(&walk->emu->iotlb, 0, walk->pscid, iova, walk->want);
}

/**
 * From the root, or from a table that is remembered.
 *
 * @param page set where there is no cause; it grants what is wanted
 * @return cause; 0: none
 */
unsigned int
riscv_model_page_walk(const struct riscv_walk *walk, uint64_t iova, struct riscv_page *page);

/**
 * The table on the way to an address, without a look into it.
 *
 * @param level of the table, below the root
 * @param global whether all below it is of all address spaces
 * @return false: there is none
 */
bool
riscv_model_table_walk(const struct riscv_walk *walk, uint64_t iova, unsigned int level,
		       uint64_t *table, bool *global);

#endif /* RISCV_MODEL_PT_H */
