/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What is cached against what is in memory, see emu_audit.h: translations are shared by PSCID.
 */

#include "emu_audit.h"
#include "riscv_model_pt.h"

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
	     const struct emu_tlb_entry *entry, enum emu_audit_what what)
{
	const unsigned int ttyp = what == EMU_AUDIT_DEVICE ? RISCV_TTYP_ATS : RISCV_TTYP_READ;
	const struct emu_message msg = {.endpoint_id = endpoint_id, .pasid = pasid};
	struct riscv_walk walk;

	/* nobody's caches: everything is read. With ATS off, devices have nothing */
	if (riscv_model_route(emu, NULL, 0, &msg, ttyp, &walk) != 0 ||
	    (what != EMU_AUDIT_DEVICE && !emu_audit_tags(entry, 0, walk.pscid)))
		return false;
	walk.want = entry->access;
	walk.look = true;
	walk.fresh = true;
	return what == EMU_AUDIT_TABLE ? table_agrees(&walk, entry) :
					 emu_audit_page(entry, walk.bypass, page_find, &walk);
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

static bool
translates(const struct uiommu_emu *emu)
{
	return riscv_ddt_mode(emu->unit) >= RISCV_DDTP_1LVL;
}

const struct emu_audit riscv_model_audit = {
	.tables = "tables on the way",
	.domain = "GSCID",
	.pasid = "PSCID",
	.device_entry = "device context",
	.bond_entry = "process context",
	.translates = translates,
	.agrees = entry_agrees,
	.device = dc_read,
	.bond = pc_read,
	.more = ways_audit,
};
