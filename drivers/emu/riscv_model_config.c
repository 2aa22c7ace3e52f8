/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * "IOMMU directory cache invalidation commands". Nothing is forgotten that software has not asked
 * for, so that a missing invalidation shows: of a device or a process the context alone, and not
 * the way to it.
 */

#include "riscv_model.h"

static void
bond_forget(struct uiommu_emu *emu, uint32_t bond, bool way)
{
	struct emu_cache *cache = &emu->bonds[bond].cache;

	cache->state = EMU_CACHE_EMPTY;
	if (way)
		cache->word[2] = 0;
	emu->bond_gen[bond] = 0;
}

/* The device context, and all of the process directory. @param way and how it was found */
static void
device_forget(struct uiommu_emu *emu, struct emu_device *dev, bool way)
{
	uint32_t i;

	dev->cache.state = EMU_CACHE_EMPTY;
	if (way)
		dev->cache.word[2] = 0;
	for (i = 0; i < dev->nb_bonds; i++)
		bond_forget(emu, dev->first_bond + i, true);
}

static void
ddt_forget(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint32_t did = (uint32_t)(word[0] >> RISCV_IODIR0_DID_SHIFT);
	struct emu_device *dev;
	uint32_t i;

	if ((word[0] & RISCV_IODIR0_DV) == 0) {
		for (i = 1; i < emu->nb_devices; i++)
			device_forget(emu, emu->devices[i], true);
		return;
	}
	dev = emu_device_find(emu, did);
	if (dev != NULL)
		device_forget(emu, dev, false);
}

static void
pdt_forget(struct uiommu_emu *emu, const uint64_t *word)
{
	struct riscv_model *riscv = emu->unit;
	const struct emu_device *dev =
		emu_device_find(emu, (uint32_t)(word[0] >> RISCV_IODIR0_DID_SHIFT));
	const uint32_t pid = word[0] >> RISCV_IODIR0_PID_SHIFT & RISCV_IODIR0_PID_MASK;
	uint32_t bond;

	if (dev == NULL)
		return;
	bond = emu_bond_find(emu, dev, pid);
	if (bond != 0) {
		bond_forget(emu, bond, false);
		/* not complete before a fence: until then devices are not to be asked to forget */
		emu_pending_add(&riscv->pending_bonds, bond);
	}
	/* requests without process_id go by process 0 */
	bond = pid == 0 ? emu_bond_find(emu, dev, EMU_NO_PASID) : 0;
	if (bond != 0) {
		bond_forget(emu, bond, false);
		emu_pending_add(&riscv->pending_bonds, bond);
	}
}

/* Ids that are not wider than the unit has, or than is in use. */
static void
ids_check(struct uiommu_emu *emu, const uint64_t *word)
{
	const struct riscv_model *riscv = emu->unit;
	const uint32_t pid = word[0] >> RISCV_IODIR0_PID_SHIFT & RISCV_IODIR0_PID_MASK;
	const unsigned int bits = riscv_has(riscv, RISCV_CAP_PD20) ? 20 :
				  riscv_has(riscv, RISCV_CAP_PD17) ? 17 :
				  riscv_has(riscv, RISCV_CAP_PD8)  ? 8 :
								     0;

	if ((word[0] & RISCV_IODIR0_DV) != 0 && riscv_ddt_mode(riscv) >= RISCV_DDTP_1LVL &&
	    riscv_model_did_is_wide(riscv, (uint32_t)(word[0] >> RISCV_IODIR0_DID_SHIFT)))
		emu_violation(emu, &emu->live.protocol,
			      "IODIR 0x%" PRIx64 ": DID is wider than ddtp's mode", word[0]);
	if (pid >> bits != 0)
		emu_violation(emu, &emu->live.protocol,
			      "IODIR 0x%" PRIx64 ": PID is wider than the unit has", word[0]);
}

enum riscv_done
riscv_model_iodir(struct uiommu_emu *emu, const uint64_t *word)
{
	ids_check(emu, word);
	if ((word[0] >> RISCV_CMD0_FUNC3_SHIFT & RISCV_CMD0_FUNC3_MASK) == RISCV_IODIR_INVAL_DDT)
		ddt_forget(emu, word);
	else
		pdt_forget(emu, word);
	return RISCV_DONE;
}
