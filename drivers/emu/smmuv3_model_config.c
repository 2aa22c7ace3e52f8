/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What the unit remembers of STEs and CDs, and how it is made to forget, S 4.3. Nothing is
 * forgotten that software has not asked for, so that a missing invalidation shows; an entry that
 * a table of the first level does not lead to stays missing until the table is asked for as well
 * (Leaf 0).
 */

#include "smmuv3_model.h"

static void
bond_forget(struct uiommu_emu *emu, uint32_t bond)
{
	emu->bonds[bond].cache.state = EMU_CACHE_EMPTY;
	emu->bonds[bond].cache.hide = false;
	emu->bond_gen[bond] = 0;
}

/* Missing because of a table of the first level. */
static bool
is_by_table(const struct emu_cache *cache)
{
	return cache->state == EMU_CACHE_FAULT && cache->hide;
}

static void
device_forget(struct uiommu_emu *emu, struct emu_device *dev, bool leaf)
{
	uint32_t i;

	if (!leaf || !is_by_table(&dev->cache)) {
		dev->cache.state = EMU_CACHE_EMPTY;
		dev->cache.hide = false;
	}
	/* CDs go with it, and L1CDs, S 4.3.1 */
	for (i = 0; i < dev->nb_bonds; i++)
		bond_forget(emu, dev->first_bond + i);
}

void
smmuv3_model_forget_ste(struct uiommu_emu *emu, uint32_t first, uint32_t last, bool leaf)
{
	struct emu_device *dev;
	uint32_t i;

	if (first == last) {
		dev = emu_device_find(emu, first);
		if (dev != NULL)
			device_forget(emu, dev, leaf);
		return;
	}
	for (i = 1; i < emu->nb_devices; i++) {
		dev = emu->devices[i];
		if (dev->endpoint_id >= first && dev->endpoint_id <= last)
			device_forget(emu, dev, leaf);
	}
}

static void
cd_forget(struct uiommu_emu *emu, uint32_t bond, uint32_t index, bool leaf)
{
	const struct emu_cache *cache = &emu->bonds[bond].cache;

	if (bond == 0 || cache->state == EMU_CACHE_EMPTY)
		return;
	if (index != UINT32_MAX && cache->word[2] != index &&
	    /* all that hang on one L1CD go with it; how many these are, S 5.2 says in the STE */
	    (leaf || !is_by_table(cache)))
		return;
	if (leaf && is_by_table(cache))
		return;
	bond_forget(emu, bond);
}

void
smmuv3_model_forget_cd(struct uiommu_emu *emu, uint32_t sid, uint32_t index, bool leaf)
{
	const struct emu_device *dev = emu_device_find(emu, sid);
	uint32_t i;

	if (dev == NULL)
		return;
	if (index != UINT32_MAX && leaf) {
		cd_forget(emu, emu_bond_find(emu, dev, index), index, leaf);
		/* requests without SubstreamID go by CD 0 */
		cd_forget(emu, emu_bond_find(emu, dev, EMU_NO_PASID), index, leaf);
		return;
	}
	for (i = 0; i < dev->nb_bonds; i++)
		cd_forget(emu, dev->first_bond + i, index, leaf);
}
