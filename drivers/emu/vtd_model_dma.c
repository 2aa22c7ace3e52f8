/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * DMA without ATS: page tables, S 9.7, 9.8, and their faults, S 7.1.3.
 */

#include "vtd_model.h"

#define INTERRUPT_RANGE_FIRST UINT64_C(0xfee00000)
#define INTERRUPT_RANGE_LAST UINT64_C(0xfeefffff)
#define LEVEL_BITS 9
#define ENTRY_COUNT (1U << LEVEL_BITS)
#define LARGE_LEVEL_MAX 3

/* Second-stage entry, S 9.8 */
#define SS_R (UINT64_C(1) << 0)
#define SS_W (UINT64_C(1) << 1)
#define SS_A (UINT64_C(1) << 8)
#define SS_D (UINT64_C(1) << 9)
#define SS_SNP (UINT64_C(1) << 11)
#define SS_IW (UINT64_C(1) << 62)

/* Large pages of the second stage, by level less 2, S 11.4.2 */
#define CAP_SSLPS_SHIFT 34

/* A request on its way through the page tables. */
struct walk {
	struct uiommu_emu *emu;
	uint64_t pe0;
	uint64_t pe2;
	bool write;
	bool privileged;
};

static unsigned int
second_stage(const struct walk *walk, uint64_t address, bool write, uint64_t *out);

/* Where an entry of a first-stage table lies; with nesting, an address to be translated itself. */
static unsigned int
table_at(const struct walk *walk, uint64_t table, unsigned int index, uint64_t **entry)
{
	const bool nested = ((walk->pe0 >> VTD_PE0_PGTT_SHIFT) & VTD_PE0_PGTT_MASK) ==
			    VTD_PGTT_NESTED;
	uint64_t pa = table + index * sizeof(uint64_t);

	if (nested && second_stage(walk, pa, false, &pa) != 0)
		return VTD_FR_FS_NESTED;
	*entry = emu_memory_at(walk->emu, pa, sizeof(**entry));
	return *entry == NULL ? VTD_FR_FS_ACCESS : 0;
}

/* Address bits that a leaf of this level does not use, S 9.7, 9.8: reserved, but for PAT (12) */
static uint64_t
leaf_reserved(unsigned int level, uint64_t pat)
{
	const uint64_t below = (UINT64_C(1) << (VTD_PAGE_SHIFT + LEVEL_BITS * (level - 1))) - 1;

	return level == 1 ? 0 : below & VTD_ADDR_MASK & ~pat;
}

static bool
first_is_reserved(const struct vtd_model *vtd, uint64_t entry, unsigned int level, bool leaf)
{
	if ((entry & VTD_MODEL_ADDR_RESERVED & ((UINT64_C(1) << 52) - 1)) != 0)
		return true;
	if (leaf && level == LARGE_LEVEL_MAX && (vtd->cap & VTD_CAP_FS1GP) == 0)
		return true;
	if (leaf)
		return (entry & leaf_reserved(level, UINT64_C(1) << 12)) != 0;
	return level > LARGE_LEVEL_MAX && (entry & VTD_FS_PS) != 0;
}

static unsigned int
first_stage(const struct walk *walk, uint64_t address, uint64_t *out)
{
	const struct vtd_model *vtd = walk->emu->unit;
	unsigned int level =
		((walk->pe2 >> VTD_PE2_FSPM_SHIFT) & VTD_PE2_FSPM_MASK) == 1 ? 5 : 4;
	const unsigned int top = VTD_PAGE_SHIFT + LEVEL_BITS * level - 1;
	uint64_t table = walk->pe2 & VTD_ADDR_MASK;
	unsigned int reason;
	uint64_t *at, entry;
	bool leaf;

	if ((uint64_t)((int64_t)(address << (63 - top)) >> (63 - top)) != address)
		return VTD_FR_FS_NOT_CANONICAL;
	for (;; level--) {
		reason = table_at(walk, table,
				  (address >> (VTD_PAGE_SHIFT + LEVEL_BITS * (level - 1))) %
					  ENTRY_COUNT,
				  &at);
		if (reason != 0)
			return reason;
		entry = __atomic_load_n(at, __ATOMIC_ACQUIRE);
		if ((entry & VTD_FS_P) == 0)
			return VTD_FR_FS_NOT_PRESENT;
		leaf = level == 1 || (level <= LARGE_LEVEL_MAX && (entry & VTD_FS_PS) != 0);
		if (first_is_reserved(vtd, entry, level, leaf))
			return VTD_FR_FS_RESERVED;
		if ((entry & VTD_FS_US) == 0 && !walk->privileged)
			return VTD_FR_USER;
		if (walk->write && (entry & VTD_FS_RW) == 0)
			return VTD_FR_WRITE_DENIED;
		__atomic_fetch_or(at, VTD_FS_A | (leaf && walk->write ? VTD_FS_D : 0),
				  __ATOMIC_RELAXED);
		if (leaf)
			break;
		table = entry & VTD_ADDR_MASK & ~VTD_MODEL_ADDR_RESERVED;
	}
	*out = (entry & VTD_ADDR_MASK & ~VTD_MODEL_ADDR_RESERVED & ~leaf_reserved(level, 0)) |
	       (address & (leaf_reserved(level, 0) | (VTD_PAGE_SIZE - 1)));
	return 0;
}

static bool
second_is_reserved(const struct vtd_model *vtd, uint64_t entry, unsigned int level, bool leaf)
{
	/* no unit of ours reports SSIRWS */
	if ((entry & SS_IW) != 0)
		return true;
	if (!leaf)
		return (entry & SS_SNP) != 0 ||
		       (level > LARGE_LEVEL_MAX && (entry & VTD_FS_PS) != 0);
	if (level > 1 && ((vtd->cap >> (CAP_SSLPS_SHIFT + level - 2)) & 1) == 0)
		return true;
	return (entry & leaf_reserved(level, 0)) != 0;
}

static unsigned int
second_stage(const struct walk *walk, uint64_t address, bool write, uint64_t *out)
{
	const unsigned int width = (walk->pe0 >> VTD_PE0_AW_SHIFT) & VTD_PE0_AW_MASK;
	const bool dirty = (walk->pe0 & VTD_PE0_SSADE) != 0;
	unsigned int level = width + 2;
	uint64_t table = walk->pe0 & VTD_ADDR_MASK;
	uint64_t *at, entry;
	bool leaf;

	if (address >> (VTD_PAGE_SHIFT + LEVEL_BITS * level) != 0)
		return VTD_FR_SS_ADDRESS;
	for (;; level--) {
		at = emu_memory_at(walk->emu,
				   table + ((address >>
					     (VTD_PAGE_SHIFT + LEVEL_BITS * (level - 1))) %
					    ENTRY_COUNT) *
						   sizeof(*at),
				   sizeof(*at));
		if (at == NULL)
			return VTD_FR_SS_ACCESS;
		entry = __atomic_load_n(at, __ATOMIC_ACQUIRE);
		if ((entry & (write ? SS_W : SS_R)) == 0)
			return VTD_FR_SS_PERMISSION;
		leaf = level == 1 || (level <= LARGE_LEVEL_MAX && (entry & VTD_FS_PS) != 0);
		if (second_is_reserved(walk->emu->unit, entry, level, leaf))
			return VTD_FR_SS_RESERVED;
		if (dirty)
			__atomic_fetch_or(at, SS_A | (leaf && write ? SS_D : 0), __ATOMIC_RELAXED);
		if (leaf)
			break;
		table = entry & VTD_ADDR_MASK & ~VTD_MODEL_ADDR_RESERVED;
	}
	*out = (entry & VTD_ADDR_MASK & ~VTD_MODEL_ADDR_RESERVED & ~leaf_reserved(level, 0)) |
	       (address & (leaf_reserved(level, 0) | (VTD_PAGE_SIZE - 1)));
	return 0;
}

static unsigned int
translate(const struct walk *walk, uint64_t address)
{
	unsigned int reason;
	uint64_t out;

	switch ((walk->pe0 >> VTD_PE0_PGTT_SHIFT) & VTD_PE0_PGTT_MASK) {
	case VTD_PGTT_FIRST:
		return first_stage(walk, address, &out);
	case VTD_PGTT_SECOND:
		return second_stage(walk, address, walk->write, &out);
	case VTD_PGTT_NESTED:
		reason = first_stage(walk, address, &out);
		return reason != 0 ? reason : second_stage(walk, out, walk->write, &out);
	default:
		/* pass-through */
		return (address & VTD_MODEL_ADDR_RESERVED) != 0 ? 0x83 : 0;
	}
}

static struct vtd_fault
dma_walk(struct uiommu_emu *emu, struct emu_cache *context, struct emu_cache *entry,
	 const struct emu_message *msg)
{
	struct vtd_fault fault;
	struct walk walk = {
		.emu = emu,
		.write = (msg->flags & EMU_REQ_WRITE) != 0,
		.privileged = (msg->flags & EMU_REQ_PRIV) != 0,
	};
	uint32_t pasid;

	fault = vtd_model_context(emu, msg->endpoint_id, context);
	if (fault.reason != 0)
		return fault;
	fault.hide = context->hide;
	fault.reason = (uint8_t)vtd_model_pasid(emu->unit, context, msg->pasid, &pasid);
	if (fault.reason == 0)
		fault = vtd_model_pasid_entry(emu, context, pasid, entry);
	if (fault.reason != 0)
		return fault;
	if (msg->iova >= INTERRUPT_RANGE_FIRST && msg->iova <= INTERRUPT_RANGE_LAST) {
		fault.reason = VTD_FR_INTERRUPT_RANGE;
		return fault;
	}
	walk.pe0 = entry->word[0];
	walk.pe2 = entry->word[1];
	fault.reason = (uint8_t)translate(&walk, msg->iova);
	return fault;
}

bool
vtd_model_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
	      const struct emu_message *msg)
{
	const struct vtd_model *vtd = emu->unit;
	struct emu_cache no_device = {0}, no_bond = {0};
	struct vtd_fault fault;

	if (!vtd->translating)
		return true;
	fault = dma_walk(emu, dev != NULL ? &dev->cache : &no_device,
			 bond != 0 ? &emu->bonds[bond].cache : &no_bond, msg);
	/* a legacy table is named otherwise where no page is requested, table 30 */
	if (fault.reason == VTD_FR_TTM_LEGACY_PRQ)
		fault.reason = VTD_FR_TTM_LEGACY_PASID;
	if (fault.reason != 0 && !fault.hide)
		vtd_model_fault(emu, fault.reason, msg,
				(msg->flags & EMU_REQ_WRITE) != 0 ? VTD_ACCESS_WRITE :
								    VTD_ACCESS_READ);
	return fault.reason == 0;
}
