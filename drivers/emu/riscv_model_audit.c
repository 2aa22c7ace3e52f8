/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory, see emu_audit.h: translations are shared by PSCID.
 */

#include "emu_audit.h"
#include "riscv_model_pt.h"

/* A bond's tables as memory has them. @return false: it has none now */
static bool
route_fresh(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, unsigned int ttyp,
	    struct riscv_walk *walk)
{
	const struct emu_message msg = {
		.endpoint_id = endpoint_id, .pasid = pasid, .flags = EMU_REQ_READ,
	};

	/* nobody's caches: everything is read */
	if (riscv_model_route(emu, NULL, 0, &msg, ttyp, walk) != 0)
		return false;
	walk->look = true;
	walk->fresh = true;
	return true;
}

static bool
page_find(const void *walk, uint64_t iova, struct emu_leaf *leaf)
{
	struct riscv_page page;

	if (riscv_model_page_walk(walk, iova, &page) != 0)
		return false;
	*leaf = page.leaf;
	return true;
}

static bool
page_agrees(struct riscv_walk *walk, const struct emu_tlb_entry *entry)
{
	if (walk->bypass)
		return entry->pa == entry->iova;
	walk->want = entry->access;
	return emu_audit_page(entry, page_find, walk);
}

static bool
table_agrees(const struct riscv_walk *walk, const struct emu_tlb_entry *entry)
{
	const unsigned int level = (entry->shift - EMU_TLB_SHIFT(0)) / 9 - 1;
	uint64_t table;
	bool global;

	return !walk->bypass && level < riscv_top_level(walk->fsc) &&
	       riscv_model_table_walk(walk, entry->iova, level, &table, &global) &&
	       table == entry->pa && (global || entry->pasid != EMU_TLB_ANY_PASID);
}

static bool
entry_agrees(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
	     const struct emu_tlb_entry *entry, bool table)
{
	struct riscv_walk walk;

	return route_fresh(emu, endpoint_id, pasid, RISCV_TTYP_READ, &walk) &&
	       (entry->pasid == EMU_TLB_ANY_PASID || entry->pasid == walk.pscid) &&
	       (table ? table_agrees(&walk, entry) : page_agrees(&walk, entry));
}

/* With ATS off, nothing may be left in there. */
static bool
device_entry_agrees(struct uiommu_emu *emu, const struct emu_device *dev,
		    const struct emu_tlb_entry *entry)
{
	struct riscv_walk walk;

	return route_fresh(emu, dev->endpoint_id, entry->pasid, RISCV_TTYP_ATS, &walk) &&
	       page_agrees(&walk, entry);
}

static void
dc_read(struct uiommu_emu *emu, const struct emu_device *dev, struct emu_cache *fresh)
{
	if (!riscv_model_did_is_wide(emu->unit, dev->endpoint_id))
		riscv_model_dc(emu, dev->endpoint_id, fresh);
}

static void
pc_read(struct uiommu_emu *emu, const struct emu_device *dev, const struct emu_bond *bond,
	struct emu_cache *fresh)
{
	struct emu_cache dc = {0};

	dc_read(emu, dev, &dc);
	if (dc.state == EMU_CACHE_GOOD && (dc.word[0] & RISCV_TC_PDTV) != 0 &&
	    riscv_atp_mode(dc.word[1]) != RISCV_PDTP_BARE)
		riscv_model_pc(emu, &dc, bond->pasid == EMU_NO_PASID ? 0 : bond->pasid, fresh);
}

static const struct emu_audit riscv_audit = {
	.tables = "tables on the way",
	.domain = "GSCID",
	.pasid = "PSCID",
	.device_entry = "device context",
	.bond_entry = "process context",
	.agrees = entry_agrees,
	.device_agrees = device_entry_agrees,
	.device = dc_read,
	.bond = pc_read,
};

/* The way to a context that is remembered; a context itself is looked at elsewhere. */
static bool
way_agrees(const struct emu_cache *cached, const struct emu_cache *fresh)
{
	return cached->word[2] == 0 || cached->word[2] == fresh->word[2];
}

/* Ways to the contexts of a device. @return what differs */
static unsigned int
ways_audit(struct uiommu_emu *emu, const struct emu_device *dev)
{
	struct emu_cache fresh = {0};
	const struct emu_bond *bond;
	unsigned int found = 0;
	uint32_t i;

	dc_read(emu, dev, &fresh);
	if (!way_agrees(&dev->cache, &fresh)) {
		emu_stale(emu, 1, "the way to the device context of 0x%x is not what memory says",
			  dev->endpoint_id);
		found++;
	}
	for (i = 0; i < dev->nb_bonds; i++) {
		bond = &emu->bonds[dev->first_bond + i];
		fresh = (struct emu_cache){0};
		pc_read(emu, dev, bond, &fresh);
		if (way_agrees(&bond->cache, &fresh))
			continue;
		emu_stale(emu, 1,
			  "the way to the process context of 0x%x PASID 0x%x is not what memory "
			  "says", dev->endpoint_id, bond->pasid);
		found++;
	}
	return found;
}

unsigned int
riscv_model_audit(struct uiommu_emu *emu)
{
	const struct riscv_model *riscv = emu->unit;
	unsigned int found = 0;
	uint32_t i;

	if (riscv_ddt_mode(riscv) < RISCV_DDTP_1LVL)
		return 0;
	for (i = 1; i < emu->nb_devices; i++)
		if (!emu->devices[i]->removed)
			found += ways_audit(emu, emu->devices[i]);
	return found + emu_audit(emu, &riscv_audit, &emu->iotlb, &emu->walks);
}

unsigned int
riscv_model_retire(struct uiommu_emu *emu, uint64_t pa, uint64_t size)
{
	return emu_audit_retire(emu, &riscv_audit, &emu->iotlb, &emu->walks, pa, size);
}
