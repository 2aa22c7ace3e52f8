/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Addresses of devices, by what the kernel says of them. It remembers nothing of its own that could
 * be out of date; devices do, and are asked to forget before a system call returns.
 */

#include "emu_audit.h"
#include "emu_bulk.h"
#include "iommufd_unit.h"

#define BOTH (EMU_REQ_READ | EMU_REQ_WRITE)

static bool
can_look(const struct iommufd_unit *unit)
{
	return (unit->kernel.flags & IOMMUFD_KERNEL_LOOKUP) != 0;
}

static bool
page_look(struct uiommu_emu *emu, const struct emu_message *msg, struct emu_leaf *leaf)
{
	struct iommufd_unit *unit = emu->unit;
	const uint64_t offset = msg->iova & (EMU_PAGE_SIZE - 1);
	struct iommufd_kernel_lookup lookup = {
		.endpoint_id = msg->endpoint_id,
		.pasid = msg->pasid,
		.iova = msg->iova - offset,
		.access = msg->flags & BOTH,
	};

	if (!can_look(unit))
		return false;
	unit->ops->lookup(&unit->kernel, &lookup, 1);
	if (!lookup.ok)
		return false;
	*leaf = (struct emu_leaf){
		.iova = lookup.iova,
		.pa = lookup.pa,
		.size = EMU_PAGE_SIZE,
		.access = lookup.granted,
	};
	return true;
}

bool
iommufd_unit_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		 const struct emu_message *msg)
{
	struct emu_leaf leaf;

	(void)dev;
	(void)bond;
	if (page_look(emu, msg, &leaf))
		return true;
	/* of the kernel's log, which nobody hands over */
	uiommu_count(&emu->live.faults_recorded, 1);
	return false;
}

bool
iommufd_unit_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		       const struct emu_message *msg, struct emu_leaf *leaf)
{
	(void)dev;
	(void)bond;
	return page_look(emu, msg, leaf);
}

bool
iommufd_unit_translated(struct uiommu_emu *emu, struct emu_device *dev)
{
	(void)emu;
	(void)dev;
	return true;
}

void
iommufd_unit_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb)
{
	struct iommufd_unit *unit = emu->unit;
	struct iommufd_kernel_lookup asked[EMU_LANES];
	struct emu_message msg;
	unsigned int done, n, i;

	for (done = 0; done < nb; done += n) {
		n = RTE_MIN(nb - done, (unsigned int)EMU_LANES);
		for (i = 0; i < n; i++) {
			msg = emu_lookup_message(emu, &lookups[done + i]);
			asked[i] = (struct iommufd_kernel_lookup){
				.endpoint_id = msg.endpoint_id,
				.pasid = msg.pasid,
				.iova = msg.iova,
				.access = msg.flags & BOTH,
			};
		}
		if (can_look(unit))
			unit->ops->lookup(&unit->kernel, asked, n);
		for (i = 0; i < n; i++)
			lookups[done + i].ok = asked[i].ok;
	}
}

void
iommufd_unit_forget(struct uiommu_emu *emu, uint64_t first, uint64_t last)
{
	uint32_t i;

	for (i = 1; i < emu->nb_devices && emu->tlb_used; i++) {
		if (emu->devices[i]->removed || emu->devices[i]->atc.nb == 0)
			continue;
		emu_atc_invalidate(emu, emu->devices[i]->endpoint_id, 0, true, first, last);
		emu_atc_invalidate(emu, emu->devices[i]->endpoint_id, EMU_NO_PASID, false, first,
				   last);
	}
}

/* ------------------------------------------------------------------------- audit */

static bool
translates(const struct uiommu_emu *emu)
{
	return can_look(emu->unit);
}

/* The only caches are those of devices, of pages of 4 KiB. */
static bool
agrees(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
       const struct emu_tlb_entry *entry, enum emu_audit_what what)
{
	const struct emu_message msg = {
		.endpoint_id = endpoint_id,
		.pasid = pasid,
		.iova = entry->iova,
		.flags = entry->access,
	};
	struct emu_leaf leaf;

	(void)what;
	return page_look(emu, &msg, &leaf) && leaf.pa == entry->pa;
}

static void
nothing_of_device(struct uiommu_emu *emu, const struct emu_device *dev, struct emu_cache *fresh)
{
	(void)emu;
	(void)dev;
	(void)fresh;
}

static void
nothing_of_bond(struct uiommu_emu *emu, const struct emu_device *dev, const struct emu_bond *bond,
		struct emu_cache *fresh)
{
	(void)emu;
	(void)dev;
	(void)bond;
	(void)fresh;
}

const struct emu_audit iommufd_unit_audit = {
	.tables = "tables",
	.domain = "address space",
	.pasid = "PASID",
	.device_entry = "device",
	.bond_entry = "attachment",
	.by_pasid = true,
	.translates = translates,
	.agrees = agrees,
	.device = nothing_of_device,
	.bond = nothing_of_bond,
};
