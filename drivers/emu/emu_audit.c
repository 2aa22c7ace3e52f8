/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Audit of caches, see emu_audit.h.
 */

#include "emu_audit.h"
#include "emu_pvt.h"

bool
emu_audit_page(const struct emu_tlb_entry *entry, bool bypass, emu_audit_find find,
	       const void *walk)
{
	const uint64_t size = UINT64_C(1) << entry->shift;
	struct emu_leaf leaf;
	uint64_t offset;

	if (bypass)
		return entry->pa == entry->iova;
	if ((entry->flags & EMU_TLB_ABSENT) != 0)
		return !find(walk, entry->iova, &leaf);
	/* it may be in smaller pages by now, if they are still the same */
	for (offset = 0; offset < size; offset += leaf.size)
		if (!find(walk, entry->iova + offset, &leaf) ||
		    leaf.pa - leaf.iova != entry->pa - entry->iova)
			return false;
	return true;
}

/* ------------------------------------------------------------------------- the unit */

/* The bond that it was found for, else any. */
static bool
entry_is_true(struct uiommu_emu *emu, const struct emu_audit *audit,
	      const struct emu_tlb_entry *entry, enum emu_audit_what what)
{
	const struct emu_device *dev = emu->devices[entry->device];
	const uint32_t pasid = entry->bond != 0 ? emu->bonds[entry->bond].pasid : entry->pasid;
	uint32_t i;

	if (dev != NULL && (entry->bond != 0 || audit->by_pasid) &&
	    audit->agrees(emu, dev->endpoint_id, pasid, entry, what))
		return true;
	for (i = 1; i < emu->nb_bonds; i++) {
		dev = emu->devices[emu->bonds[i].device];
		if (audit->agrees(emu, dev->endpoint_id, emu->bonds[i].pasid, entry, what))
			return true;
	}
	return false;
}

static void
entry_tell(struct uiommu_emu *emu, const struct emu_audit *audit, const char *name,
	   const struct emu_tlb_entry *entry, bool table)
{
	/* flags of tables are the vendor's own */
	if (!table && (entry->flags & EMU_TLB_ABSENT) != 0)
		emu_stale(emu, 1,
			  "%s: %s %u %s 0x%x 0x%" PRIx64 " is absent, which memory does not say",
			  name, audit->domain, entry->domain, audit->pasid, entry->pasid,
			  entry->iova);
	else
		emu_stale(emu, 1,
			  "%s: %s %u %s 0x%x 0x%" PRIx64 " size 2^%u leads to 0x%" PRIx64
			  ", which memory does not say",
			  name, audit->domain, entry->domain, audit->pasid, entry->pasid,
			  entry->iova, entry->shift, entry->pa);
}

static unsigned int
cache_audit(struct uiommu_emu *emu, const struct emu_audit *audit, const char *name,
	    const struct emu_tlb *tlb)
{
	const size_t nb = ((size_t)tlb->mask + 1) * EMU_TLB_WAYS;
	const struct emu_tlb_entry *entry;
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < nb; i++) {
		entry = &tlb->entries[i];
		if (entry->shift == 0 ||
		    entry_is_true(emu, audit, entry,
				  tlb->tables ? EMU_AUDIT_TABLE : EMU_AUDIT_PAGE))
			continue;
		found++;
		entry_tell(emu, audit, name, entry, tlb->tables);
	}
	return found;
}

/* -------------------------------------------------------------------------- devices */

static unsigned int
device_audit(struct uiommu_emu *emu, const struct emu_audit *audit, const struct emu_device *dev)
{
	const size_t nb = ((size_t)dev->atc.mask + 1) * EMU_TLB_WAYS;
	const struct emu_tlb_entry *entry;
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < nb && dev->atc.nb > 0; i++) {
		entry = &dev->atc.entries[i];
		if (entry->shift == 0 || audit->agrees(emu, dev->endpoint_id, entry->pasid, entry,
						       EMU_AUDIT_DEVICE))
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
bond_audit(struct uiommu_emu *emu, const struct emu_audit *audit, const struct emu_device *dev,
	   const struct emu_bond *bond)
{
	struct emu_cache fresh = {0};

	if (bond->cache.state == EMU_CACHE_EMPTY)
		return 0;
	audit->bond(emu, dev, bond, &fresh);
	if (caches_agree(&bond->cache, &fresh))
		return 0;
	emu_stale(emu, 1, "%s: device 0x%x PASID 0x%x is not what memory says", audit->bond_entry,
		  dev->endpoint_id, bond->pasid);
	return 1;
}

/* Entries of tables that are remembered for a device. */
static unsigned int
entries_audit(struct uiommu_emu *emu, const struct emu_audit *audit, const struct emu_device *dev)
{
	struct emu_cache fresh = {0};
	unsigned int found = 0;
	uint32_t i;

	audit->device(emu, dev, &fresh);
	if (dev->cache.state != EMU_CACHE_EMPTY && !caches_agree(&dev->cache, &fresh)) {
		emu_stale(emu, 1, "%s: device 0x%x is not what memory says", audit->device_entry,
			  dev->endpoint_id);
		found++;
	}
	for (i = 0; i < dev->nb_bonds; i++)
		found += bond_audit(emu, audit, dev, &emu->bonds[dev->first_bond + i]);
	return found;
}

/* ------------------------------------------------------------------------------ all */

unsigned int
emu_audit(struct uiommu_emu *emu)
{
	const struct emu_audit *audit = emu->model->audit;
	const struct emu_device *dev;
	unsigned int found = 0;
	uint32_t i;

	if (!audit->translates(emu))
		return 0;
	for (i = 1; i < emu->nb_devices; i++) {
		dev = emu->devices[i];
		if (dev->removed)
			continue;
		found += entries_audit(emu, audit, dev) + device_audit(emu, audit, dev);
		if (audit->more != NULL)
			found += audit->more(emu, dev);
	}
	return found + cache_audit(emu, audit, audit->tables, &emu->walks) +
	       cache_audit(emu, audit, "IOTLB", &emu->iotlb);
}

unsigned int
emu_audit_retire(struct uiommu_emu *emu, uint64_t pa, uint64_t size)
{
	const struct emu_tlb *const caches[] = {&emu->iotlb, &emu->walks};
	const struct emu_audit *audit = emu->model->audit;
	const struct emu_tlb_entry *entry;
	unsigned int found = 0, here, i;

	for (i = 0; i < RTE_DIM(caches); i++) {
		here = emu_tlb_leads_to(caches[i], pa, size, &entry);
		if (here > 0)
			emu_stale(emu, here,
				  "%s: %s %u %s 0x%x 0x%" PRIx64 " leads to 0x%" PRIx64
				  ", which was retired",
				  caches[i]->tables ? audit->tables : "IOTLB", audit->domain,
				  entry->domain, audit->pasid, entry->pasid, entry->iova,
				  entry->pa);
		found += here;
	}
	return found;
}
