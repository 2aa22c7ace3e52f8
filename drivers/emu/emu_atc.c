/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Device-TLBs. A device believes what is in its cache, whatever the tables say by now, and
 * asks the unit for the rest. Rights that are missing are asked for again (PCIe, ATS).
 */

#include "emu_pvt.h"

#define ENTRIES_DEFAULT 256

/* Ways of learning: "all PASIDs" are not the requests without any (PCIe, ATS) */
#define KIND_PASID EMU_TLB_FIRST
#define KIND_RID EMU_TLB_SECOND

void
emu_atc_init(struct emu_device *dev, uint32_t entries)
{
	if (entries == 0)
		entries = ENTRIES_DEFAULT;
	dev->atc_entries = RTE_MAX(entries, (uint32_t)EMU_TLB_WAYS);
}

void
emu_atc_fini(struct emu_device *dev)
{
	emu_tlb_fini(&dev->atc);
}

static bool
leaf_take(const struct emu_tlb_entry *entry, uint32_t access, struct emu_leaf *leaf)
{
	if (entry == NULL || (access & ~entry->access) != 0)
		return false;
	*leaf = (struct emu_leaf){
		.iova = entry->iova,
		.pa = entry->pa,
		.size = UINT64_C(1) << entry->shift,
		.access = entry->access,
	};
	return true;
}

/* Most devices never translate: the cache comes with the first translation. */
static void
leaf_keep(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond, uint32_t pasid,
	  const struct emu_leaf *leaf)
{
	if (dev->atc.entries == NULL &&
	    emu_tlb_init(&dev->atc, dev->atc_entries, false, emu->socket_id) < 0)
		return;
	emu_tlb_add(&dev->atc, &(struct emu_tlb_entry){
		.iova = leaf->iova,
		.pa = leaf->pa,
		.pasid = pasid,
		.bond = bond,
		.device = emu->device_of[dev->endpoint_id],
		.shift = (uint8_t)__builtin_ctzll(leaf->size),
		.access = (uint8_t)leaf->access,
		.kind = pasid == EMU_NO_PASID ? KIND_RID : KIND_PASID,
	});
	emu->tlb_used = true;
}

bool
emu_atc_request(struct uiommu_emu *emu, uint16_t device, uint32_t bond, uint32_t pasid,
		uint64_t iova, uint32_t access, struct emu_leaf *leaf)
{
	struct emu_device *dev = emu->devices[device];
	const struct emu_message msg = {
		.endpoint_id = dev->endpoint_id,
		.pasid = pasid,
		.iova = iova,
		.flags = (uint16_t)access,
	};

	if (dev->stalls) {
		uiommu_count(&emu->live.translations, 1);
		return emu->model->reach(emu, dev, bond, &msg, leaf);
	}
	if (leaf_take(emu_tlb_find(&dev->atc, 0, pasid, iova), access, leaf)) {
		uiommu_count(&emu->live.atc_hits, 1);
		return emu->model->translated(emu, dev);
	}
	uiommu_count(&emu->live.translations, 1);
	if (!emu->model->translate(emu, dev, bond, &msg, leaf))
		return false;
	leaf_keep(emu, dev, bond, pasid, leaf);
	return true;
}

bool
emu_atc_translate(struct uiommu_emu *emu, uint16_t device, uint32_t bond, uint64_t iova,
		  uint32_t access, struct emu_leaf *leaf)
{
	return emu_atc_request(emu, device, bond, emu->bonds[bond].pasid, iova, access, leaf);
}

bool
emu_atc_look(struct uiommu_emu *emu, uint16_t device, uint32_t bond, uint64_t iova,
	     uint32_t access, struct emu_leaf *leaf)
{
	struct emu_device *dev = emu->devices[device];

	return leaf_take(emu_tlb_find(&dev->atc, 0, emu->bonds[bond].pasid, iova), access, leaf) &&
	       emu->model->translated(emu, dev);
}

void *
emu_dma_at(struct uiommu_emu *emu, const struct emu_device *dev, uint32_t pasid, uint64_t pa,
	   size_t size)
{
	if (emu_memory_is_used(emu, pa, size))
		return (void *)(uintptr_t)pa;
	emu_violation(emu, &emu->live.protocol,
		      "DMA of device 0x%x PASID 0x%x to 0x%" PRIx64 ", which is no memory",
		      dev->endpoint_id, pasid, pa);
	return NULL;
}

void
emu_atc_invalidate(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, bool all_pasids,
		   uint64_t first, uint64_t last)
{
	struct emu_tlb_drop drop = {
		.first = first,
		.last = last,
		.kinds = pasid == EMU_NO_PASID ? KIND_RID : KIND_PASID,
		.pasid = pasid,
		.any_pasid = all_pasids,
	};
	struct emu_device *dev = emu_device_find(emu, endpoint_id);

	if (dev != NULL)
		emu_tlb_drop(&dev->atc, &drop);
}

void
emu_atc_ask(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, bool all_pasids,
	    uint64_t first, uint64_t last)
{
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_DEVICE_TIMEOUT)) {
		emu->asked.failed = true;
		return;
	}
	emu_atc_invalidate(emu, endpoint_id, pasid, all_pasids, first, last);
	emu_late_push(emu, endpoint_id);
}
