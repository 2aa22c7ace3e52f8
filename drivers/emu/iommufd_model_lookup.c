/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What the addresses of devices lead to now: areas of the address space, with a first stage of user
 * space's in front of them where the table is nested. Nothing is remembered, or marked in tables.
 */

#include <vtd_hw.h>

#include "iommufd_model.h"

#define LEVEL_SHIFT(level) (12 + 9 * ((level) - 1))
#define LEVEL_MASK UINT64_C(0x1ff)
/* Address in an entry of the first stage, S 9.7 of VT-d's manual. */
#define ENTRY_ADDR UINT64_C(0x000ffffffffff000)
#define LEAF_LEVEL_MAX 3

/* One stage: the address space. */
static bool
space_look(const struct iommufd_model_ioas *ioas, uint64_t iova, uint16_t access, uint64_t *va,
	   uint16_t *granted)
{
	const struct iommufd_model_area *area = iommufd_model_area_first(ioas->areas, iova, iova);

	if (area == NULL || (access & ~area->access) != 0)
		return false;
	*va = area->va + (iova - area->first);
	*granted = (uint16_t)area->access;
	return true;
}

/* An entry of a first-stage table, which lies in the address space. */
static bool
entry_read(struct iommufd_model *model, const struct iommufd_model_ioas *ioas, uint64_t at,
	   uint64_t *entry)
{
	uint16_t granted;
	uint64_t va;

	if (!space_look(ioas, at, EMU_REQ_READ, &va, &granted) ||
	    !emu_memory_is_used(model->emu, va, sizeof(*entry)))
		return false;
	/* pairs with the release that put the entry there */
	*entry = __atomic_load_n((const uint64_t *)(uintptr_t)va, __ATOMIC_ACQUIRE);
	return true;
}

/* Highest bit used decides the rest, S 3.6. */
static bool
is_canonical(uint64_t iova, unsigned int levels)
{
	const unsigned int unused = 64 - LEVEL_SHIFT(levels + 1);

	return (uint64_t)((int64_t)(iova << unused) >> unused) == iova;
}

/* The first stage: from a device's address to one of the address space. */
static bool
first_stage(struct iommufd_model *model, const struct iommufd_model_hwpt *hwpt, uint64_t iova,
	    uint64_t *out, uint16_t *granted)
{
	uint64_t table = hwpt->root, entry;
	unsigned int level;

	*granted = EMU_REQ_READ | EMU_REQ_WRITE;
	if (!is_canonical(iova, hwpt->levels))
		return false;
	for (level = hwpt->levels; level > 0; level--) {
		if (!entry_read(model, hwpt->ioas,
				table + (iova >> LEVEL_SHIFT(level) & LEVEL_MASK) * sizeof(entry),
				&entry))
			return false;
		if ((entry & VTD_FS_P) == 0 || (entry & VTD_FS_US) == 0)
			return false;
		if ((entry & VTD_FS_RW) == 0)
			*granted = EMU_REQ_READ;
		table = entry & ENTRY_ADDR;
		if (level == 1 || (level <= LEAF_LEVEL_MAX && (entry & VTD_FS_PS) != 0))
			break;
	}
	*out = (table & ~((UINT64_C(1) << LEVEL_SHIFT(level)) - 1)) |
	       (iova & ((UINT64_C(1) << LEVEL_SHIFT(level)) - 1));
	return true;
}

/* Page table of a request: as for page requests, whether there is a fault queue or not. */
static const struct iommufd_model_hwpt *
hwpt_find(const struct iommufd_model *model, const struct iommufd_kernel_lookup *lookup)
{
	const struct iommufd_model_device *device =
		iommufd_model_device_find(model, lookup->endpoint_id);
	const struct iommufd_model_handle *handle = NULL;

	if (device == NULL)
		return NULL;
	if (lookup->pasid == EMU_NO_PASID)
		handle = device->rid;
	else if (lookup->pasid != IOMMUFD_MODEL_RID)
		handle = iommufd_model_handle_find(device, lookup->pasid);
	if (handle == NULL && model->options.user_pasids && device->rid != NULL &&
	    device->rid->hwpt->parent != NULL)
		handle = device->rid;
	return handle != NULL ? handle->hwpt : NULL;
}

static void
look(struct iommufd_model *model, struct iommufd_kernel_lookup *lookup)
{
	const struct iommufd_model_hwpt *hwpt = hwpt_find(model, lookup);
	uint16_t first = EMU_REQ_READ | EMU_REQ_WRITE;
	uint64_t iova = lookup->iova;

	lookup->ok = false;
	if (hwpt == NULL || (hwpt->parent != NULL &&
			     (!first_stage(model, hwpt, lookup->iova, &iova, &first) ||
			      (lookup->access & ~first) != 0)))
		return;
	lookup->ok = space_look(hwpt->ioas, iova, lookup->access, &lookup->pa, &lookup->granted);
	lookup->granted &= first;
}

void
iommufd_model_lookup(struct iommufd_kernel *kernel, struct iommufd_kernel_lookup *lookups,
		     unsigned int nb)
{
	struct iommufd_model *model = kernel->priv;
	unsigned int i;

	emu_lock_take(&model->lock);
	for (i = 0; i < nb; i++)
		look(model, &lookups[i]);
	emu_lock_drop(&model->lock);
}
