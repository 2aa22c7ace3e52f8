/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory, see emu_audit.h: translations are shared by ASID.
 */

#include "emu_audit.h"
#include "smmuv3_model_pt.h"

/* A bond's tables as memory has them. @return false: it has none now */
static bool
route_fresh(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
	    struct smmuv3_walk *walk)
{
	const struct emu_message msg = {
		.endpoint_id = endpoint_id, .pasid = pasid, .flags = EMU_REQ_READ,
	};

	/* nobody's caches: everything is read */
	if (smmuv3_model_route(emu, NULL, 0, &msg, walk).event != 0)
		return false;
	walk->look = true;
	walk->fresh = true;
	return true;
}

static bool
page_find(const void *walk, uint64_t iova, struct emu_leaf *leaf)
{
	struct smmuv3_page page;

	if (smmuv3_model_page_walk(walk, iova, &page).event != 0)
		return false;
	*leaf = page.leaf;
	return true;
}

static bool
page_agrees(struct smmuv3_walk *walk, const struct emu_tlb_entry *entry)
{
	if (walk->bypass)
		return entry->pa == entry->iova;
	walk->want = entry->access;
	return emu_audit_page(entry, page_find, walk);
}

static bool
table_agrees(struct smmuv3_walk *walk, const struct emu_tlb_entry *entry)
{
	const unsigned int level =
		SMMUV3_PT_LAST + 1 - (entry->shift - EMU_TLB_SHIFT(0)) / 9;
	unsigned int lost;
	uint64_t table;

	return !walk->bypass && smmuv3_granule(walk->cd0) == 12 &&
	       smmuv3_model_table_walk(walk, entry->iova, level, &table, &lost) &&
	       table == entry->pa && (lost & ~(unsigned int)entry->flags) == 0;
}

static bool
entry_agrees(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
	     const struct emu_tlb_entry *entry, bool table)
{
	struct smmuv3_walk walk;

	return route_fresh(emu, endpoint_id, pasid, &walk) && entry->domain == walk.vmid &&
	       (entry->pasid == EMU_TLB_ANY_PASID || entry->pasid == smmuv3_asid(&walk)) &&
	       (table ? table_agrees(&walk, entry) : page_agrees(&walk, entry));
}

static bool
device_entry_agrees(struct uiommu_emu *emu, const struct emu_device *dev,
		    const struct emu_tlb_entry *entry)
{
	struct emu_cache ste = {0};
	struct smmuv3_walk walk;

	/* with ATS off, nothing may be left in there */
	return smmuv3_model_ste(emu, dev->endpoint_id, &ste).event == 0 &&
	       smmuv3_ste_eats(emu->unit, &ste) != SMMUV3_EATS_ABORT &&
	       route_fresh(emu, dev->endpoint_id, entry->pasid, &walk) &&
	       page_agrees(&walk, entry);
}

static void
ste_read(struct uiommu_emu *emu, const struct emu_device *dev, struct emu_cache *fresh)
{
	smmuv3_model_ste(emu, dev->endpoint_id, fresh);
}

static void
cd_read(struct uiommu_emu *emu, const struct emu_device *dev, const struct emu_bond *bond,
	struct emu_cache *fresh)
{
	struct emu_cache ste = {0};
	uint32_t index;

	if (smmuv3_model_ste(emu, dev->endpoint_id, &ste).event == 0 &&
	    smmuv3_model_cd_index(emu->unit, &ste, bond->pasid, &index).event == 0 &&
	    index != SMMUV3_CD_BYPASS)
		smmuv3_model_cd(emu, &ste, index, fresh);
}

static const struct emu_audit smmuv3_audit = {
	.tables = "tables on the way",
	.domain = "VMID",
	.pasid = "ASID",
	.device_entry = "STE",
	.bond_entry = "CD",
	.agrees = entry_agrees,
	.device_agrees = device_entry_agrees,
	.device = ste_read,
	.bond = cd_read,
};

unsigned int
smmuv3_model_audit(struct uiommu_emu *emu)
{
	const struct smmuv3_model *smmu = emu->unit;

	if (!smmuv3_is_on(smmu, SMMUV3_CR0_SMMUEN))
		return 0;
	return emu_audit(emu, &smmuv3_audit, &emu->iotlb, &emu->walks);
}

unsigned int
smmuv3_model_retire(struct uiommu_emu *emu, uint64_t pa, uint64_t size)
{
	return emu_audit_retire(emu, &smmuv3_audit, &emu->iotlb, &emu->walks, pa, size);
}
