/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory, see emu_audit.h: translations and tables are shared by
 * domain.
 */

#include "emu_audit.h"
#include "vtd_model_pt.h"

/* A bond's tables as memory has them. @return false: it has none now */
static bool
route_fresh(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, bool ats,
	    struct vtd_walk *walk)
{
	const struct emu_message msg = {.endpoint_id = endpoint_id, .pasid = pasid};

	*walk = (struct vtd_walk){0};
	/* nobody's caches: everything is read */
	if (vtd_model_route(emu, NULL, 0, &msg, ats, walk).reason != 0)
		return false;
	walk->look = true;
	walk->fresh = true;
	return true;
}

static bool
page_find(const void *walk, uint64_t iova, struct emu_leaf *leaf)
{
	return vtd_model_page_walk(walk, iova, leaf) == 0;
}

/* Whether a page, or nothing where absence is remembered, is as memory has it. */
static bool
page_agrees(struct vtd_walk *walk, const struct emu_tlb_entry *entry)
{
	walk->want = entry->access;
	return emu_audit_page(entry, page_find, walk);
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
	walk->want = 0;
	return vtd_model_table_walk(walk, entry->iova, entry->kind, level, &table, &access) == 0 &&
	       table == entry->pa && (entry->access & ~access) == 0;
}

static bool
entry_agrees(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
	     const struct emu_tlb_entry *entry, bool table)
{
	struct vtd_walk walk;

	return route_fresh(emu, endpoint_id, pasid, false, &walk) &&
	       entry->domain == walk.domain &&
	       (entry->pasid == EMU_TLB_ANY_PASID || entry->pasid == walk.pasid) &&
	       (table ? table_agrees(&walk, entry) : page_agrees(&walk, entry));
}

static bool
device_entry_agrees(struct uiommu_emu *emu, const struct emu_device *dev,
		    const struct emu_tlb_entry *entry)
{
	struct vtd_walk walk;

	return route_fresh(emu, dev->endpoint_id, entry->pasid, true, &walk) &&
	       page_agrees(&walk, entry);
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

static const struct emu_audit vtd_audit = {
	.tables = "paging structures",
	.domain = "domain",
	.pasid = "PASID",
	.device_entry = "context cache",
	.bond_entry = "PASID cache",
	.by_pasid = true,
	.agrees = entry_agrees,
	.device_agrees = device_entry_agrees,
	.device = context_read,
	.bond = pasid_entry_read,
};

unsigned int
vtd_model_audit(struct uiommu_emu *emu)
{
	const struct vtd_model *vtd = emu->unit;

	if (!vtd->translating)
		return 0;
	return emu_audit(emu, &vtd_audit, &emu->iotlb, &emu->walks);
}

unsigned int
vtd_model_retire(struct uiommu_emu *emu, uint64_t pa, uint64_t size)
{
	return emu_audit_retire(emu, &vtd_audit, &emu->iotlb, &emu->walks, pa, size);
}
