/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include "pgtable_hw_decode.h"

#define BITS(high, low) ((~UINT64_C(0) >> (63 - (high))) & (~UINT64_C(0) << (low)))

static enum hw_kind
broken(struct hw_decoded *d, const char *why)
{
	d->why = why;
	return HW_KIND_BROKEN;
}

/* 4K pages: 2M and 1G; 16K: 32M; 64K: 512M. */
static bool
may_be_leaf(const struct hw_table *t, uint32_t level)
{
	if (level == 1)
		return true;
	if (level > (t->page_shift == 12 ? 3U : 2U))
		return false;
	return (t->leaf_sizes & BIT(hw_shift(t, level))) != 0;
}

/* Bits of the address of a leaf or table, below which and above which must be zeroes. */
static uint64_t
address_bits(const struct hw_table *t, uint32_t shift)
{
	return BITS(t->pa_bits - 1, shift);
}

static enum hw_kind
x86_decode(const struct hw_table *t, uint32_t level, uint64_t e, struct hw_decoded *d)
{
	bool large = level > 1 && (e & BIT(7)) != 0;
	bool leaf = level == 1 || large;
	uint64_t address = address_bits(t, leaf ? hw_shift(t, level) : 12);

	if ((e & BIT(0)) == 0)
		return HW_KIND_ABSENT;
	if (large && level > 3)
		return broken(d, "PS in a PML4E or PML5E");
	if (large && !may_be_leaf(t, level))
		return broken(d, "a leaf of a size that was not allowed");
	if ((e & BITS(51, 12) & ~address) != 0)
		return broken(d, "reserved bits of an address");
	if ((e & BIT(63)) != 0)
		return broken(d, "bit 63");
	if ((e & (BIT(3) | BIT(4) | BIT(8))) != 0 || (level == 1 && (e & BIT(7)) != 0))
		return broken(d, "memory type or global bit");
	if ((e & BIT(2)) == 0)
		return broken(d, "no access for users");
	d->pa = e & address;
	d->prot = UIOMMU_PROT_READ | UIOMMU_PROT_EXEC;
	if ((e & BIT(1)) != 0)
		d->prot |= UIOMMU_PROT_WRITE;
	d->accessed = (e & BIT(5)) != 0;
	d->dirty = (e & BIT(6)) != 0;
	return leaf ? HW_KIND_LEAF : HW_KIND_TABLE;
}

static enum hw_kind
second_decode(const struct hw_table *t, uint32_t level, uint64_t e, struct hw_decoded *d)
{
	bool large = level > 1 && (e & BIT(7)) != 0;
	bool leaf = level == 1 || large;
	uint64_t address = address_bits(t, leaf ? hw_shift(t, level) : 12);

	if ((e & (BIT(0) | BIT(1))) == 0)
		return HW_KIND_ABSENT;
	if (large && level > 3)
		return broken(d, "PS in a PML4E or PML5E");
	if (large && !may_be_leaf(t, level))
		return broken(d, "a leaf of a size that was not allowed");
	if ((e & BITS(51, 12) & ~address) != 0)
		return broken(d, "reserved bits of an address");
	if ((e & (BIT(61) | BIT(62))) != 0)
		return broken(d, "IR or IW");
	if ((e & BITS(6, 3)) != 0 || (level == 1 && (e & BIT(7)) != 0))
		return broken(d, "memory type");
	if (((e & BIT(11)) != 0) != (leaf && t->snoop))
		return broken(d, leaf ? "snoop bit of a leaf" : "snoop bit of a table");
	d->pa = e & address;
	d->prot = (e & BIT(0)) != 0 ? UIOMMU_PROT_READ : 0;
	if ((e & BIT(1)) != 0)
		d->prot |= UIOMMU_PROT_WRITE;
	d->accessed = (e & BIT(8)) != 0;
	d->dirty = (e & BIT(9)) != 0;
	return leaf ? HW_KIND_LEAF : HW_KIND_TABLE;
}

static enum hw_kind
lpae_leaf(const struct hw_table *t, uint32_t level, uint64_t e, struct hw_decoded *d)
{
	uint64_t address = address_bits(t, hw_shift(t, level));
	bool read_only = (e & BIT(7)) != 0, modifier = (e & BIT(51)) != 0;

	if ((e & BITS(50, 12) & ~address) != 0)
		return broken(d, "reserved bits of an address");
	if ((e & BITS(63, 59)) != 0 || (e & BIT(52)) != 0)
		return broken(d, "contiguous bit, or one above 58");
	if ((e & BITS(4, 2)) >> 2 != 1 || (e & BIT(5)) != 0 || (e & BITS(9, 8)) >> 8 != 3)
		return broken(d, "memory attributes");
	if ((e & BIT(6)) == 0 || (e & BIT(11)) == 0)
		return broken(d, "no access for users, or global");
	if (((e & BIT(53)) != 0) != ((e & BIT(54)) != 0))
		return broken(d, "PXN and UXN differ");
	if (modifier && t->presets)
		return broken(d, "DBM without hardware that looks at it");
	d->pa = e & address;
	d->prot = UIOMMU_PROT_READ;
	if (!read_only || modifier)
		d->prot |= UIOMMU_PROT_WRITE;
	if ((e & BIT(54)) == 0)
		d->prot |= UIOMMU_PROT_EXEC;
	d->accessed = (e & BIT(10)) != 0;
	d->dirty = !read_only;
	return HW_KIND_LEAF;
}

static enum hw_kind
lpae_decode(const struct hw_table *t, uint32_t level, uint64_t e, struct hw_decoded *d)
{
	if ((e & BIT(0)) == 0)
		return HW_KIND_ABSENT;
	if (level == 1 && (e & BIT(1)) == 0)
		return broken(d, "type 01 at the last level");
	if (level == 1)
		return lpae_leaf(t, level, e, d);
	if ((e & BIT(1)) == 0) {
		if (!may_be_leaf(t, level))
			return broken(d, "a leaf of a size that was not allowed");
		return lpae_leaf(t, level, e, d);
	}
	if ((e & BITS(63, 59)) != 0)
		return broken(d, "hierarchical attributes");
	if ((e & BITS(50, 12) & ~address_bits(t, t->page_shift)) != 0)
		return broken(d, "reserved bits of the address of a table");
	d->pa = e & address_bits(t, t->page_shift);
	d->prot = UIOMMU_PROT_ALL;
	return HW_KIND_TABLE;
}

static enum hw_kind
riscv_decode(const struct hw_table *t, uint32_t level, uint64_t e, struct hw_decoded *d)
{
	/* the address stands two bits lower than in the other formats */
	uint64_t pa = (e & BITS(53, 10)) << 2;

	if ((e & BIT(0)) == 0)
		return HW_KIND_ABSENT;
	if ((e & BITS(63, 54)) != 0)
		return broken(d, "bits above 53");
	if ((e & BIT(5)) != 0)
		return broken(d, "global bit");
	if (pa >> t->pa_bits != 0)
		return broken(d, "address beyond its width");
	d->pa = pa;
	if ((e & (BIT(1) | BIT(2) | BIT(3))) == 0) {
		if (level == 1)
			return broken(d, "pointer at the last level");
		if ((e & (BIT(4) | BIT(6) | BIT(7))) != 0)
			return broken(d, "U, A or D of a pointer");
		d->prot = UIOMMU_PROT_ALL;
		return HW_KIND_TABLE;
	}
	if ((e & BIT(1)) == 0)
		return broken(d, "W or X without R");
	if ((e & BIT(4)) == 0)
		return broken(d, "no access for users");
	if (!may_be_leaf(t, level))
		return broken(d, "a leaf of a size that was not allowed");
	if ((pa & (BIT(hw_shift(t, level)) - 1)) != 0)
		return broken(d, "superpage that is not aligned");
	d->prot = UIOMMU_PROT_READ;
	if ((e & BIT(2)) != 0)
		d->prot |= UIOMMU_PROT_WRITE;
	if ((e & BIT(3)) != 0)
		d->prot |= UIOMMU_PROT_EXEC;
	d->accessed = (e & BIT(6)) != 0;
	d->dirty = (e & BIT(7)) != 0;
	return HW_KIND_LEAF;
}

enum hw_kind
hw_decode(const struct hw_table *t, uint32_t level, uint64_t e, struct hw_decoded *d)
{
	enum hw_kind kind;

	memset(d, 0, sizeof(*d));
	switch (t->format) {
	case UIOMMU_PGTABLE_X86_FIRST:
		kind = x86_decode(t, level, e, d);
		break;
	case UIOMMU_PGTABLE_VTD_SECOND:
		kind = second_decode(t, level, e, d);
		break;
	case UIOMMU_PGTABLE_ARM_LPAE:
		kind = lpae_decode(t, level, e, d);
		break;
	default:
		kind = riscv_decode(t, level, e, d);
		break;
	}
	if (kind != HW_KIND_LEAF || !t->presets)
		return kind;
	if (!d->accessed)
		return broken(d, "not accessed, and nobody will set it");
	if ((d->prot & UIOMMU_PROT_WRITE) != 0 && !d->dirty)
		return broken(d, "writable and not dirty, and nobody will set it");
	return kind;
}

struct hw_marks
hw_marks(uint32_t format)
{
	switch (format) {
	case UIOMMU_PGTABLE_X86_FIRST:
		return (struct hw_marks){BIT(5), BIT(6), 0, BIT(5)};
	case UIOMMU_PGTABLE_VTD_SECOND:
		return (struct hw_marks){BIT(8), BIT(9), 0, BIT(8)};
	case UIOMMU_PGTABLE_ARM_LPAE:
		return (struct hw_marks){BIT(10), 0, BIT(7), 0};
	default:
		return (struct hw_marks){BIT(6), BIT(7), 0, 0};
	}
}
