/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory. Each cached thing is looked up anew on behalf of the
 * bond that it was found for, and where that no longer leads there, of every other one:
 * translations and tables are shared by domain. What gives no more than memory does is in order.
 */

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

/* Whether a page, or nothing where absence is remembered, is as memory has it. */
static bool
page_agrees(struct vtd_walk *walk, const struct emu_tlb_entry *entry)
{
	const uint64_t size = UINT64_C(1) << entry->shift;
	struct emu_leaf leaf;
	uint64_t offset;

	walk->want = entry->access;
	if ((entry->flags & EMU_TLB_ABSENT) != 0)
		return vtd_model_page_walk(walk, entry->iova, &leaf) != 0;
	/* it may be in smaller pages by now, if they are still the same */
	for (offset = 0; offset < size; offset += leaf.size)
		if (vtd_model_page_walk(walk, entry->iova + offset, &leaf) != 0 ||
		    leaf.pa - leaf.iova != entry->pa - entry->iova)
			return false;
	return true;
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
entry_agrees(struct vtd_walk *walk, const struct emu_tlb_entry *entry, bool tables)
{
	return entry->domain == walk->domain &&
	       (entry->pasid == EMU_TLB_ANY_PASID || entry->pasid == walk->pasid) &&
	       (tables ? table_agrees(walk, entry) : page_agrees(walk, entry));
}

/* The bond that it was found for, else any. */
static bool
entry_is_true(struct uiommu_emu *emu, const struct emu_tlb_entry *entry, bool tables)
{
	const struct emu_device *dev = emu->devices[entry->device];
	struct vtd_walk walk;
	uint32_t i;

	if (dev != NULL &&
	    route_fresh(emu, dev->endpoint_id,
			entry->bond != 0 ? emu->bonds[entry->bond].pasid : entry->pasid, false,
			&walk) &&
	    entry_agrees(&walk, entry, tables))
		return true;
	for (i = 1; i < emu->nb_bonds; i++) {
		dev = emu->devices[emu->bonds[i].device];
		if (route_fresh(emu, dev->endpoint_id, emu->bonds[i].pasid, false, &walk) &&
		    entry_agrees(&walk, entry, tables))
			return true;
	}
	return false;
}

static unsigned int
cache_audit(struct uiommu_emu *emu, const struct emu_tlb *tlb, const char *name)
{
	const size_t nb = ((size_t)tlb->mask + 1) * EMU_TLB_WAYS;
	const struct emu_tlb_entry *entry;
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < nb; i++) {
		entry = &tlb->entries[i];
		if (entry->shift == 0 || entry_is_true(emu, entry, tlb->tables))
			continue;
		found++;
		if ((entry->flags & EMU_TLB_ABSENT) != 0)
			emu_stale(emu, 1,
				  "%s: domain %u PASID 0x%x 0x%" PRIx64
				  " is absent, which memory does not say",
				  name, entry->domain, entry->pasid, entry->iova);
		else
			emu_stale(emu, 1,
				  "%s: domain %u PASID 0x%x 0x%" PRIx64 " size 2^%u leads to 0x%"
				  PRIx64 ", which memory does not say",
				  name, entry->domain, entry->pasid, entry->iova, entry->shift,
				  entry->pa);
	}
	return found;
}

/* ------------------------------------------------------------------------ devices */

static bool
device_entry_is_true(struct uiommu_emu *emu, const struct emu_device *dev,
		     const struct emu_tlb_entry *entry)
{
	struct vtd_walk walk;

	return route_fresh(emu, dev->endpoint_id, entry->pasid, true, &walk) &&
	       page_agrees(&walk, entry);
}

static unsigned int
device_audit(struct uiommu_emu *emu, const struct emu_device *dev)
{
	const size_t nb = ((size_t)dev->atc.mask + 1) * EMU_TLB_WAYS;
	const struct emu_tlb_entry *entry;
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < nb && dev->atc.nb > 0; i++) {
		entry = &dev->atc.entries[i];
		if (entry->shift == 0 || device_entry_is_true(emu, dev, entry))
			continue;
		found++;
		emu_stale(emu, 1,
			  "device-TLB of 0x%x: PASID 0x%x 0x%" PRIx64 " size 2^%u leads to 0x%"
			  PRIx64 ", which memory does not say",
			  dev->endpoint_id, entry->pasid, entry->iova, entry->shift, entry->pa);
	}
	return found;
}

static bool
caches_agree(const struct emu_cache *cached, const struct emu_cache *fresh)
{
	if (cached->state != EMU_CACHE_GOOD || fresh->state != EMU_CACHE_GOOD)
		return cached->state == fresh->state && cached->reason == fresh->reason;
	return cached->word[0] == fresh->word[0] && cached->word[1] == fresh->word[1] &&
	       cached->domain == fresh->domain;
}

static unsigned int
bond_audit(struct uiommu_emu *emu, const struct emu_device *dev, const struct emu_bond *bond)
{
	struct emu_cache context = {0}, entry = {0};
	uint32_t pasid = bond->pasid;

	if (bond->cache.state == EMU_CACHE_EMPTY)
		return 0;
	vtd_model_context(emu, dev->endpoint_id, &context);
	if (context.state == EMU_CACHE_GOOD &&
	    vtd_model_pasid(emu->unit, &context, bond->pasid, &pasid) == 0)
		vtd_model_pasid_entry(emu, &context, pasid, &entry);
	if (caches_agree(&bond->cache, &entry))
		return 0;
	emu_stale(emu, 1, "PASID cache: device 0x%x PASID 0x%x is not what memory says",
		  dev->endpoint_id, bond->pasid);
	return 1;
}

/* Entries of tables that are remembered for a device. */
static unsigned int
entries_audit(struct uiommu_emu *emu, const struct emu_device *dev)
{
	struct emu_cache context = {0};
	unsigned int found = 0;
	uint32_t i;

	vtd_model_context(emu, dev->endpoint_id, &context);
	if (dev->cache.state != EMU_CACHE_EMPTY && !caches_agree(&dev->cache, &context)) {
		emu_stale(emu, 1, "context cache: device 0x%x is not what memory says",
			  dev->endpoint_id);
		found++;
	}
	for (i = 0; i < dev->nb_bonds; i++)
		found += bond_audit(emu, dev, &emu->bonds[dev->first_bond + i]);
	return found;
}

unsigned int
vtd_model_audit(struct uiommu_emu *emu)
{
	const struct vtd_model *vtd = emu->unit;
	unsigned int found = 0;
	uint32_t i;

	if (!vtd->translating)
		return 0;
	for (i = 1; i < emu->nb_devices; i++)
		if (!emu->devices[i]->removed)
			found += entries_audit(emu, emu->devices[i]) +
				 device_audit(emu, emu->devices[i]);
	return found + cache_audit(emu, &vtd->psc, "paging structures") +
	       cache_audit(emu, &vtd->iotlb, "IOTLB");
}

unsigned int
vtd_model_retire(struct uiommu_emu *emu, uint64_t pa, uint64_t size)
{
	const struct vtd_model *vtd = emu->unit;
	const struct emu_tlb *const caches[] = {&vtd->iotlb, &vtd->psc};
	const struct emu_tlb_entry *entry;
	unsigned int found = 0, here, i;

	for (i = 0; i < RTE_DIM(caches); i++) {
		here = emu_tlb_leads_to(caches[i], pa, size, &entry);
		if (here > 0)
			emu_stale(emu, here,
				  "%s: domain %u PASID 0x%x 0x%" PRIx64 " leads to 0x%" PRIx64
				  ", which was retired",
				  caches[i]->tables ? "paging structures" : "IOTLB",
				  entry->domain, entry->pasid, entry->iova, entry->pa);
		found += here;
	}
	return found;
}
