/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory, see emu_audit.h: translations are shared by ASID.
 */

#include "emu_audit.h"
#include "smmuv3_model_pt.h"

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

/* With ATS off, nothing may be left in a device. */
static bool
may_translate(struct uiommu_emu *emu, uint32_t endpoint_id)
{
	struct emu_cache ste = {0};

	return smmuv3_model_ste(emu, endpoint_id, &ste).event == 0 &&
	       smmuv3_ste_eats(emu->unit, &ste) != SMMUV3_EATS_ABORT;
}

static bool
entry_agrees(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
	     const struct emu_tlb_entry *entry, enum emu_audit_what what)
{
	const struct emu_message msg = {
		.endpoint_id = endpoint_id, .pasid = pasid, .flags = EMU_REQ_READ,
	};
	struct smmuv3_walk walk;

	/* nobody's caches: everything is read */
	if (smmuv3_model_route(emu, NULL, 0, &msg, &walk).event != 0 ||
	    (what == EMU_AUDIT_DEVICE ?
		     !may_translate(emu, endpoint_id) :
		     !emu_audit_tags(entry, walk.vmid, smmuv3_asid(&walk))))
		return false;
	walk.want = entry->access;
	walk.look = true;
	walk.fresh = true;
	return what == EMU_AUDIT_TABLE ? table_agrees(&walk, entry) :
					 emu_audit_page(entry, walk.bypass, page_find, &walk);
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

static bool
translates(const struct uiommu_emu *emu)
{
	return smmuv3_is_on(emu->unit, SMMUV3_CR0_SMMUEN);
}

const struct emu_audit smmuv3_model_audit = {
	.tables = "tables on the way",
	.domain = "VMID",
	.pasid = "ASID",
	.device_entry = "STE",
	.bond_entry = "CD",
	.translates = translates,
	.agrees = entry_agrees,
	.device = ste_read,
	.bond = cd_read,
};
