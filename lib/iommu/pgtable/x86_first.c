/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* x86-64 tables as VT-d's first stage walks them (specification 9.7): 4 or 5 levels. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#include "pt_pvt.h"

#define FMT_OPS uiommu_pvt_pt_x86_first
#define FMT_NAME "x86-first"
#define FMT_PAGE_SHIFT 12
#define FMT_INDEX_BITS 9
#define FMT_MAX_LEAF 2
#define FMT_LEVELS_MIN 4
#define FMT_LEVELS_MAX 5
#define FMT_LEVELS_DEFAULT 4
#define FMT_VA_BITS_MAX 57
#define FMT_PA_BITS_MAX 52
#define FMT_SIGNED true
#define FMT_PROT_NEEDS UIOMMU_PROT_READ

#define P (UINT64_C(1) << 0)
#define RW (UINT64_C(1) << 1)
#define US (UINT64_C(1) << 2) /* user access needs it at every level */
#define A (UINT64_C(1) << 5)
#define D (UINT64_C(1) << 6)
#define PS (UINT64_C(1) << 7) /* a leaf above level 0 */
#define ADDR UINT64_C(0x000ffffffffff000)

static inline bool
fmt_present(uint64_t e)
{
	return (e & P) != 0;
}

static inline bool
fmt_is_table(uint64_t e, unsigned int level)
{
	return level != 0 && (e & (P | PS)) == P;
}

static inline uint64_t
fmt_table(uint64_t pa)
{
	return pa | P | RW | US | A;
}

static inline uint64_t
fmt_table_pa(uint64_t e)
{
	return e & ADDR;
}

static inline uint64_t
fmt_attr(uint32_t flags, uint32_t prot)
{
	bool write = (prot & UIOMMU_PROT_WRITE) != 0;
	uint64_t attr = P | US | (write ? RW : 0);

	if ((flags & UIOMMU_PGTABLE_NO_AD) != 0)
		attr |= A | (write ? D : 0);
	return attr;
}

static inline uint64_t
fmt_leaf(uint64_t attr, uint64_t pa, unsigned int level)
{
	return attr | pa | (level != 0 ? PS : 0);
}

static inline uint64_t
fmt_child(uint64_t e, uint64_t pa, unsigned int level)
{
	return fmt_leaf(e & (P | RW | US | A | D), pa, level - 1);
}

/* What is present can be read and executed. */
static inline uint32_t
fmt_prot(uint64_t e)
{
	return UIOMMU_PROT_READ | UIOMMU_PROT_EXEC | ((e & RW) != 0 ? UIOMMU_PROT_WRITE : 0);
}

static inline uint64_t
fmt_with_prot(uint32_t flags, uint64_t e, uint32_t prot)
{
	return (e & ~RW) | (fmt_attr(flags, prot) & (RW | A | D));
}

#include "pt_marks.h"
#include "pt_format.h"
