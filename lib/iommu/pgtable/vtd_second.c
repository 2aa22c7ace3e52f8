/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* VT-d second stage (specification 9.8): 3, 4 or 5 levels. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#include "pt_pvt.h"

#define FMT_OPS uiommu_pvt_pt_vtd_second
#define FMT_NAME "vtd-second"
#define FMT_PAGE_SHIFT 12
#define FMT_INDEX_BITS 9
#define FMT_MAX_LEAF 2
#define FMT_LEVELS_MIN 3
#define FMT_LEVELS_MAX 5
#define FMT_LEVELS_DEFAULT 4
#define FMT_VA_BITS_MAX 57
#define FMT_PA_BITS_MAX 52
#define FMT_SIGNED false
#define FMT_PROT_NEEDS UIOMMU_PROT_ALL

#define R (UINT64_C(1) << 0)
#define W (UINT64_C(1) << 1)
#define PS (UINT64_C(1) << 7) /* a leaf above level 0 */
/* ignored unless the PASID entry enables them (SSADE) */
#define A (UINT64_C(1) << 8)
#define D (UINT64_C(1) << 9)
#define SNP (UINT64_C(1) << 11) /* leaves only, and reserved without ECAP.SC */
#define ADDR UINT64_C(0x000ffffffffff000)

static inline bool
fmt_present(uint64_t e)
{
	return (e & (R | W)) != 0;
}

static inline bool
fmt_is_table(uint64_t e, unsigned int level)
{
	return level != 0 && fmt_present(e) && (e & PS) == 0;
}

static inline uint64_t
fmt_table(uint64_t pa)
{
	return pa | R | W;
}

static inline uint64_t
fmt_table_pa(uint64_t e)
{
	return e & ADDR;
}

/* What can be read can be executed: there is no bit of its own. */
static inline uint64_t
fmt_attr(uint32_t flags, uint32_t prot)
{
	bool write = (prot & UIOMMU_PROT_WRITE) != 0;
	uint64_t attr = write ? W : 0;

	if ((prot & (UIOMMU_PROT_READ | UIOMMU_PROT_EXEC)) != 0)
		attr |= R;
	if ((flags & UIOMMU_PGTABLE_SNOOP) != 0)
		attr |= SNP;
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
	return fmt_leaf(e & (R | W | A | D | SNP), pa, level - 1);
}

static inline uint32_t
fmt_prot(uint64_t e)
{
	return ((e & R) != 0 ? UIOMMU_PROT_READ | UIOMMU_PROT_EXEC : 0) |
	       ((e & W) != 0 ? UIOMMU_PROT_WRITE : 0);
}

static inline uint64_t
fmt_with_prot(uint32_t flags, uint64_t e, uint32_t prot)
{
	return (e & ~(R | W)) | (fmt_attr(flags, prot) & (R | W | A | D));
}

#include "pt_marks.h"
#include "pt_format.h"
