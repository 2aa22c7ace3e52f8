/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Arm LPAE, stage 1, of AArch64: entries are alike for all sizes of pages. The including file has
 * FMT_PAGE_SHIFT and FMT_INDEX_BITS before this, and ends with pt_format.h.
 *
 * Where hardware keeps dirty bits, a leaf that may be written has DBM. As long as it is clean it
 * has RO too; hardware takes RO away with the first write. A page that was written, and then
 * lost the access, keeps the news in a bit that is software's.
 */

#define FMT_PA_BITS_MAX 48
#define FMT_SIGNED false
#define FMT_PROT_NEEDS UIOMMU_PROT_READ

#define VALID (UINT64_C(1) << 0)
#define TYPE (UINT64_C(1) << 1)	 /* a table; at level 0 a page */
#define ATTR (UINT64_C(1) << 2)	 /* AttrIndx 1 */
#define USER (UINT64_C(1) << 6)	 /* AP[1] */
#define RO (UINT64_C(1) << 7)	 /* AP[2] */
#define INNER (UINT64_C(3) << 8) /* SH */
#define AF (UINT64_C(1) << 10)
#define NG (UINT64_C(1) << 11)
#define DBM (UINT64_C(1) << 51)
#define XN (UINT64_C(3) << 53) /* PXN and UXN */
#define WRITTEN (UINT64_C(1) << 55)
#define ADDR (UINT64_C(0x0000ffffffffffff) & ~((UINT64_C(1) << FMT_PAGE_SHIFT) - 1))

static inline bool
fmt_present(uint64_t e)
{
	return (e & VALID) != 0;
}

static inline bool
fmt_is_table(uint64_t e, unsigned int level)
{
	return level != 0 && (e & (VALID | TYPE)) == (VALID | TYPE);
}

static inline uint64_t
fmt_table(uint64_t pa)
{
	return pa | VALID | TYPE;
}

static inline uint64_t
fmt_table_pa(uint64_t e)
{
	return e & ADDR;
}

/* Access of a leaf that was not written. */
static inline uint64_t
lpae_access(uint32_t flags, uint32_t prot)
{
	uint64_t attr = (prot & UIOMMU_PROT_EXEC) != 0 ? 0 : XN;

	if ((prot & UIOMMU_PROT_WRITE) == 0)
		return attr | RO;
	return attr | ((flags & UIOMMU_PGTABLE_NO_AD) != 0 ? 0 : DBM | RO);
}

static inline uint64_t
fmt_attr(uint32_t flags, uint32_t prot)
{
	return VALID | ATTR | USER | INNER | NG | lpae_access(flags, prot) |
	       ((flags & UIOMMU_PGTABLE_NO_AD) != 0 ? AF : 0);
}

static inline uint64_t
fmt_leaf(uint64_t attr, uint64_t pa, unsigned int level)
{
	return attr | pa | (level == 0 ? TYPE : 0);
}

static inline uint64_t
fmt_child(uint64_t e, uint64_t pa, unsigned int level)
{
	return fmt_leaf(e & ~(ADDR | TYPE), pa, level - 1);
}

static inline bool
fmt_accessed(uint64_t e)
{
	return (e & AF) != 0;
}

static inline bool
fmt_dirty(uint64_t e)
{
	return (e & RO) == 0 || (e & WRITTEN) != 0;
}

static inline uint32_t
fmt_prot(uint64_t e)
{
	return UIOMMU_PROT_READ | ((e & XN) == 0 ? UIOMMU_PROT_EXEC : 0) |
	       ((e & RO) == 0 || (e & DBM) != 0 ? UIOMMU_PROT_WRITE : 0);
}

static inline uint64_t
fmt_with_prot(uint32_t flags, uint64_t e, uint32_t prot)
{
	uint64_t changed = (e & ~(RO | DBM | XN | WRITTEN)) | lpae_access(flags, prot);

	if ((flags & UIOMMU_PGTABLE_NO_AD) != 0)
		changed |= AF;
	if (!fmt_dirty(e))
		return changed;
	return (prot & UIOMMU_PROT_WRITE) != 0 ? changed & ~RO : changed | WRITTEN;
}

static inline uint64_t
fmt_cleared(uint64_t e, uint32_t sample)
{
	if ((sample & UIOMMU_SAMPLE_CLEAR_ACCESSED) != 0)
		e &= ~AF;
	if ((sample & UIOMMU_SAMPLE_CLEAR_DIRTY) != 0)
		e = (e & ~WRITTEN) | ((e & DBM) != 0 ? RO : 0);
	return e;
}
