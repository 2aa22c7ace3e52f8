/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* RISC-V Sv39, Sv48 and Sv57: 3, 4 and 5 levels. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#include "pt_pvt.h"

#define FMT_OPS uiommu_pvt_pt_riscv
#define FMT_NAME "riscv"
#define FMT_PAGE_SHIFT 12
#define FMT_INDEX_BITS 9
#define FMT_MAX_LEAF 2
#define FMT_LEVELS_MIN 3
#define FMT_LEVELS_MAX 5
#define FMT_LEVELS_DEFAULT 4
#define FMT_VA_BITS_MAX 57
#define FMT_PA_BITS_MAX 52
#define FMT_SIGNED true
#define FMT_PROT_NEEDS UIOMMU_PROT_READ

#define V (UINT64_C(1) << 0)
#define R (UINT64_C(1) << 1)
#define W (UINT64_C(1) << 2) /* reserved without R */
#define X (UINT64_C(1) << 3)
#define U (UINT64_C(1) << 4)
#define A (UINT64_C(1) << 6)
#define D (UINT64_C(1) << 7)
#define PPN_SHIFT 10 /* bits 53:10 are address bits 55:12 */
#define PPN UINT64_C(0x003ffffffffffc00)

static inline bool
fmt_present(uint64_t e)
{
	return (e & V) != 0;
}

static inline bool
fmt_is_table(uint64_t e, unsigned int level)
{
	return level != 0 && (e & (V | R | W | X)) == V;
}

static inline uint64_t
fmt_table(uint64_t pa)
{
	return pa >> FMT_PAGE_SHIFT << PPN_SHIFT | V;
}

static inline uint64_t
fmt_table_pa(uint64_t e)
{
	return (e & PPN) >> PPN_SHIFT << FMT_PAGE_SHIFT;
}

static inline uint64_t
fmt_attr(uint32_t flags, uint32_t prot)
{
	bool write = (prot & UIOMMU_PROT_WRITE) != 0;
	uint64_t attr = V | R | U | (write ? W : 0) | ((prot & UIOMMU_PROT_EXEC) != 0 ? X : 0);

	/* without hardware that sets them, access to a page that lacks them faults */
	if ((flags & UIOMMU_PGTABLE_NO_AD) != 0)
		attr |= A | (write ? D : 0);
	return attr;
}

/* A leaf is told by its access bits, at every level. */
static inline uint64_t
fmt_leaf(uint64_t attr, uint64_t pa, unsigned int level)
{
	(void)level;
	return attr | pa >> FMT_PAGE_SHIFT << PPN_SHIFT;
}

static inline uint64_t
fmt_child(uint64_t e, uint64_t pa, unsigned int level)
{
	return fmt_leaf(e & (V | R | W | X | U | A | D), pa, level - 1);
}

static inline uint32_t
fmt_prot(uint64_t e)
{
	return ((e & R) != 0 ? UIOMMU_PROT_READ : 0) | ((e & W) != 0 ? UIOMMU_PROT_WRITE : 0) |
	       ((e & X) != 0 ? UIOMMU_PROT_EXEC : 0);
}

static inline uint64_t
fmt_with_prot(uint32_t flags, uint64_t e, uint32_t prot)
{
	return (e & ~(W | X)) | (fmt_attr(flags, prot) & (W | X | A | D));
}

#include "pt_marks.h"
#include "pt_format.h"
