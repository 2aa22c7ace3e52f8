/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory, as for VT-d: each cached thing is looked up anew on
 * behalf of the bond that it was found for, and where that no longer leads there, of every other
 * one: translations are shared by ASID. What gives no more than memory does is in order.
 */

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
page_agrees(struct smmuv3_walk *walk, const struct emu_tlb_entry *entry)
{
	const uint64_t size = UINT64_C(1) << entry->shift;
	struct smmuv3_page page;
	uint64_t offset;

	if (walk->bypass)
		return entry->pa == entry->iova;
	walk->want = entry->access;
	/* it may be in smaller pages by now, if they are still the same */
	for (offset = 0; offset < size; offset += page.leaf.size)
		if (smmuv3_model_page_walk(walk, entry->iova + offset, &page).event != 0 ||
		    page.leaf.pa - page.leaf.iova != entry->pa - entry->iova)
			return false;
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

static bool
entry_agrees(struct smmuv3_walk *walk, const struct emu_tlb_entry *entry, bool tables)
{
	return entry->domain == walk->vmid &&
	       (entry->pasid == EMU_TLB_ANY_PASID || entry->pasid == smmuv3_asid(walk)) &&
	       (tables ? table_agrees(walk, entry) : page_agrees(walk, entry));
}

static bool
entry_is_true(struct uiommu_emu *emu, const struct emu_tlb_entry *entry, bool tables)
{
	const struct emu_device *dev = emu->devices[entry->device];
	struct smmuv3_walk walk;
	uint32_t i;

	if (dev != NULL && entry->bond != 0 &&
	    route_fresh(emu, dev->endpoint_id, emu->bonds[entry->bond].pasid, &walk) &&
	    entry_agrees(&walk, entry, tables))
		return true;
	for (i = 1; i < emu->nb_bonds; i++) {
		dev = emu->devices[emu->bonds[i].device];
		if (route_fresh(emu, dev->endpoint_id, emu->bonds[i].pasid, &walk) &&
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
		emu_stale(emu, 1,
			  "%s: ASID 0x%x 0x%" PRIx64 " size 2^%u leads to 0x%" PRIx64
			  ", which memory does not say",
			  name, entry->pasid, entry->iova, entry->shift, entry->pa);
	}
	return found;
}

/* ------------------------------------------------------------------------ devices */

static bool
device_entry_is_true(struct uiommu_emu *emu, const struct emu_device *dev,
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
			  "ATC of 0x%x: PASID 0x%x 0x%" PRIx64 " size 2^%u leads to 0x%" PRIx64
			  ", which memory does not say",
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
	struct emu_cache ste = {0}, cd = {0};
	uint32_t index;

	if (bond->cache.state == EMU_CACHE_EMPTY)
		return 0;
	if (smmuv3_model_ste(emu, dev->endpoint_id, &ste).event == 0 &&
	    smmuv3_model_cd_index(emu->unit, &ste, bond->pasid, &index).event == 0 &&
	    index != SMMUV3_CD_BYPASS)
		smmuv3_model_cd(emu, &ste, index, &cd);
	if (caches_agree(&bond->cache, &cd))
		return 0;
	emu_stale(emu, 1, "CD of device 0x%x PASID 0x%x is not what memory says", dev->endpoint_id,
		  bond->pasid);
	return 1;
}

/* Entries of tables that are remembered for a device. */
static unsigned int
entries_audit(struct uiommu_emu *emu, const struct emu_device *dev)
{
	struct emu_cache ste = {0};
	unsigned int found = 0;
	uint32_t i;

	smmuv3_model_ste(emu, dev->endpoint_id, &ste);
	if (dev->cache.state != EMU_CACHE_EMPTY && !caches_agree(&dev->cache, &ste)) {
		emu_stale(emu, 1, "STE of device 0x%x is not what memory says", dev->endpoint_id);
		found++;
	}
	for (i = 0; i < dev->nb_bonds; i++)
		found += bond_audit(emu, dev, &emu->bonds[dev->first_bond + i]);
	return found;
}

unsigned int
smmuv3_model_audit(struct uiommu_emu *emu)
{
	const struct smmuv3_model *smmu = emu->unit;
	unsigned int found = 0;
	uint32_t i;

	if (!smmuv3_is_on(smmu, SMMUV3_CR0_SMMUEN))
		return 0;
	for (i = 1; i < emu->nb_devices; i++)
		if (!emu->devices[i]->removed)
			found += entries_audit(emu, emu->devices[i]) +
				 device_audit(emu, emu->devices[i]);
	return found + cache_audit(emu, &smmu->walks, "tables on the way") +
	       cache_audit(emu, &smmu->iotlb, "IOTLB");
}

unsigned int
smmuv3_model_retire(struct uiommu_emu *emu, uint64_t pa, uint64_t size)
{
	const struct smmuv3_model *smmu = emu->unit;
	const struct emu_tlb *const caches[] = {&smmu->iotlb, &smmu->walks};
	const struct emu_tlb_entry *entry;
	unsigned int found = 0, here, i;

	for (i = 0; i < RTE_DIM(caches); i++) {
		here = emu_tlb_leads_to(caches[i], pa, size, &entry);
		if (here > 0)
			emu_stale(emu, here,
				  "%s: ASID 0x%x 0x%" PRIx64 " leads to 0x%" PRIx64
				  ", which was retired",
				  caches[i]->tables ? "tables on the way" : "IOTLB", entry->pasid,
				  entry->iova, entry->pa);
		found += here;
	}
	return found;
}
