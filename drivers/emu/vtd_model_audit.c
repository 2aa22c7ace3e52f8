/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory, see emu_audit.h: translations and tables are shared by
 * domain.
 */

#include "emu_audit.h"
#include "vtd_model_pt.h"

static bool
page_find(const void *walk, uint64_t iova, struct emu_leaf *leaf)
{
	return vtd_model_page_walk(walk, iova, leaf) == 0;
}

static bool
table_agrees(struct vtd_walk *walk, const struct emu_tlb_entry *entry)
{
	const unsigned int level = (entry->shift - EMU_TLB_SHIFT(0)) / VTD_PT_LEVEL_BITS;
	const unsigned int kind = vtd_pe_kind(walk->pe0);
	uint32_t access;
	uint64_t table;

	if (entry->kind == EMU_TLB_SECOND ?
		    kind != VTD_PGTT_SECOND && kind != VTD_PGTT_NESTED :
		    kind != VTD_PGTT_FIRST && kind != VTD_PGTT_NESTED)
		return false;
	return vtd_model_table_walk(walk, entry->iova, entry->kind, level, &table, &access) == 0 &&
	       table == entry->pa && (entry->access & ~access) == 0;
}

static bool
entry_agrees(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
	     const struct emu_tlb_entry *entry, enum emu_audit_what what)
{
	const struct emu_message msg = {.endpoint_id = endpoint_id, .pasid = pasid};
	struct vtd_walk walk = {0};

	/* nobody's caches: everything is read */
	if (vtd_model_route(emu, NULL, 0, &msg, what == EMU_AUDIT_DEVICE, &walk).reason != 0 ||
	    (what != EMU_AUDIT_DEVICE && !emu_audit_tags(entry, walk.domain, walk.pasid)))
		return false;
	walk.want = what == EMU_AUDIT_TABLE ? 0 : entry->access;
	walk.look = true;
	walk.fresh = true;
	return what == EMU_AUDIT_TABLE ? table_agrees(&walk, entry) :
					 emu_audit_page(entry, false, page_find, &walk);
}

static void
context_read(struct uiommu_emu *emu, const struct emu_device *dev, struct emu_cache *fresh)
{
	vtd_model_context(emu, dev->endpoint_id, fresh);
}

static void
pasid_entry_read(struct uiommu_emu *emu, const struct emu_device *dev,
		 const struct emu_bond *bond, struct emu_cache *fresh)
{
	struct emu_cache context = {0};
	uint32_t pasid = bond->pasid;

	vtd_model_context(emu, dev->endpoint_id, &context);
	if (context.state == EMU_CACHE_GOOD &&
	    vtd_model_pasid(emu->unit, &context, bond->pasid, &pasid) == 0)
		vtd_model_pasid_entry(emu, &context, pasid, fresh);
}

static bool
translates(const struct uiommu_emu *emu)
{
	const struct vtd_model *vtd = emu->unit;

	return vtd->translating;
}

const struct emu_audit vtd_model_audit = {
	.tables = "paging structures",
	.domain = "domain",
	.pasid = "PASID",
	.device_entry = "context cache",
	.bond_entry = "PASID cache",
	.by_pasid = true,
	.translates = translates,
	.agrees = entry_agrees,
	.device = context_read,
	.bond = pasid_entry_read,
};
