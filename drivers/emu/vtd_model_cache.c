/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What the unit remembers of root, context and PASID tables, and how it is made to forget,
 * S 6.2, 6.5.2. Nothing is
 * forgotten that software has not asked for, so that a missing invalidation shows.
 */

#include "vtd_model.h"

static void
bond_forget(struct uiommu_emu *emu, uint32_t bond)
{
	emu->bonds[bond].cache.state = EMU_CACHE_EMPTY;
	emu->bond_gen[bond] = 0;
}

static void
all_bonds_forget(struct uiommu_emu *emu)
{
	uint32_t i;

	for (i = 1; i < emu->nb_bonds; i++)
		emu->bonds[i].cache.state = EMU_CACHE_EMPTY;
	emu_bonds_disarm(emu);
}

void
vtd_model_forget_context(struct uiommu_emu *emu, unsigned int granularity, uint32_t sid,
			 unsigned int function_mask)
{
	/* S 6.5.2.1: bits of the function number that do not count */
	static const uint32_t ignored[] = {0, 4, 6, 7};
	struct emu_device *dev;
	uint32_t i, j;

	for (i = 1; i < emu->nb_devices; i++) {
		dev = emu->devices[i];
		if (granularity == VTD_CONTEXT_GRAN_DEVICE &&
		    ((dev->endpoint_id ^ sid) & ~ignored[function_mask % 4]) != 0)
			continue;
		dev->cache.state = EMU_CACHE_EMPTY;
		for (j = 0; j < dev->nb_bonds; j++)
			emu->bond_gen[dev->first_bond + j] = 0;
	}
}

void
vtd_model_forget_all(struct uiommu_emu *emu)
{
	vtd_model_forget_context(emu, VTD_CONTEXT_GRAN_GLOBAL, 0, 0);
	all_bonds_forget(emu);
	emu_tlbs_forget(emu);
}

/* One PASID of one domain, of a device. */
static void
pasid_forget(struct uiommu_emu *emu, uint32_t bond, uint32_t domain, uint32_t pasid)
{
	const struct emu_cache *cache = &emu->bonds[bond].cache;

	if (bond == 0 || cache->state == EMU_CACHE_EMPTY || cache->word[2] != pasid)
		return;
	/* what was not present had no domain */
	if (cache->state == EMU_CACHE_FAULT || cache->domain == domain)
		bond_forget(emu, bond);
}

void
vtd_model_forget_pasid(struct uiommu_emu *emu, unsigned int granularity, uint32_t domain,
		       uint32_t pasid)
{
	const struct emu_device *dev;
	uint32_t i;

	switch (granularity) {
	case VTD_PASID_CACHE_GRAN_GLOBAL:
		all_bonds_forget(emu);
		break;
	case VTD_PASID_CACHE_GRAN_DOMAIN:
		for (i = 1; i < emu->nb_bonds; i++)
			if (emu->bonds[i].cache.state == EMU_CACHE_FAULT ||
			    emu->bonds[i].cache.domain == domain)
				bond_forget(emu, i);
		break;
	default:
		for (i = 1; i < emu->nb_devices; i++) {
			dev = emu->devices[i];
			pasid_forget(emu, emu_bond_find(emu, dev, pasid), domain, pasid);
			/* requests without PASID go by one too, S 9.4 */
			pasid_forget(emu, emu_bond_find(emu, dev, EMU_NO_PASID), domain, pasid);
		}
	}
}
