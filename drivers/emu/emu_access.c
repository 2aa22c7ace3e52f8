/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Translations and DMA by hand, and what is asked about caches.
 */

#include <string.h>

#include <rte_cycles.h>

#include "emu_audit.h"
#include "emu_pvt.h"

/* Registers as of now, as for a request. */
static void
hand_enter(struct uiommu_emu *emu)
{
	emu_enter(emu);
	emu->now = rte_rdtsc();
	emu->model->commands(emu);
}

static bool
translate(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint64_t iova, bool write,
	  uint64_t *pa)
{
	const struct emu_device *dev = emu_device_find(emu, endpoint_id);
	struct emu_leaf leaf;

	if (dev == NULL ||
	    !emu_atc_request(emu, emu->device_of[endpoint_id], emu_bond_find(emu, dev, pasid),
			     pasid, iova, write ? EMU_REQ_WRITE : EMU_REQ_READ, &leaf))
		return false;
	*pa = leaf.pa + (iova - leaf.iova);
	return true;
}

bool
uiommu_emu_translate(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
		     bool write, uint64_t *pa)
{
	uint64_t found;
	bool ok;

	hand_enter(emu);
	ok = translate(emu, endpoint_id, pasid, iova, write, &found);
	emu_leave(emu);
	if (ok && pa != NULL)
		*pa = found;
	return ok;
}

bool
uiommu_emu_access(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
		  bool write, void *buf, size_t size)
{
	const struct emu_device *dev;
	void *at = NULL;
	uint64_t pa;

	if (size == 0 || (iova & (EMU_PAGE_SIZE - 1)) + size > EMU_PAGE_SIZE)
		return false;
	hand_enter(emu);
	if (translate(emu, endpoint_id, pasid, iova, write, &pa)) {
		dev = emu_device_find(emu, endpoint_id);
		at = emu_dma_at(emu, dev, pasid, pa, size);
	}
	if (at != NULL && write)
		memcpy(at, buf, size);
	else if (at != NULL)
		memcpy(buf, at, size);
	emu_leave(emu);
	return at != NULL;
}

bool
uiommu_emu_dma(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
	       bool write)
{
	const struct emu_message msg = {
		.endpoint_id = endpoint_id,
		.pasid = pasid,
		.iova = iova,
		.flags = write ? EMU_REQ_WRITE : EMU_REQ_READ,
	};
	struct emu_device *dev;
	bool ok;

	hand_enter(emu);
	dev = emu_device_find(emu, endpoint_id);
	ok = emu->model->dma(emu, dev, dev != NULL ? emu_bond_find(emu, dev, pasid) : 0, &msg);
	emu_leave(emu);
	return ok;
}

unsigned int
uiommu_emu_audit(struct uiommu_emu *emu)
{
	unsigned int found;

	hand_enter(emu);
	found = emu_audit(emu);
	emu_leave(emu);
	return found;
}

unsigned int
uiommu_emu_retire(struct uiommu_emu *emu, uint64_t pa, size_t size)
{
	const struct emu_tlb_entry *entry;
	unsigned int found, here;
	uint32_t i;

	emu_enter(emu);
	found = emu->tlb_used ? emu_audit_retire(emu, pa, size) : 0;
	for (i = 1; i < emu->nb_devices && emu->tlb_used; i++) {
		if (emu->devices[i]->removed)
			continue;
		here = emu_tlb_leads_to(&emu->devices[i]->atc, pa, size, &entry);
		if (here > 0)
			emu_stale(emu, here,
				  "device-TLB of 0x%x: PASID 0x%x 0x%" PRIx64
				  " leads to 0x%" PRIx64 ", which was retired",
				  emu->devices[i]->endpoint_id, entry->pasid, entry->iova,
				  entry->pa);
		found += here;
	}
	emu_leave(emu);
	return found;
}
