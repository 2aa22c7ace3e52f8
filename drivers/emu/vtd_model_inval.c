/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Invalidation of translations, S 6.5.2.3 to 6.5.2.6 and 6.5.3.1. Each descriptor drops what the
 * manual says that it drops, and nothing beside it, so that one that is missing shows:
 *
 *   IOTLB, global            everything
 *   IOTLB, domain            second stage, nested and pass-through of the domain
 *   IOTLB, page              second stage and pass-through of the domain, in the range
 *   PASID-IOTLB              first stage, nested and pass-through of the PASID, all or a range
 *
 * Tables go with them, but for pages with IH: those that are on the way to the range. An address
 * of a nested translation says nothing of the second stage, hence a page of the domain leaves it.
 */

#include "vtd_model_pt.h"

#define FIRST_KINDS (EMU_TLB_FIRST | EMU_TLB_NESTED)
#define SECOND_KINDS (EMU_TLB_SECOND | EMU_TLB_NESTED)

/* Pages named by a descriptor: 2^AM of them. */
static void
range_set(struct emu_tlb_drop *drop, uint64_t word1)
{
	const unsigned int shift = VTD_PAGE_SHIFT + (word1 & VTD_QI_AM_MASK);
	const uint64_t below = shift < 64 ? (UINT64_C(1) << shift) - 1 : UINT64_MAX;

	drop->first = word1 & VTD_ADDR_MASK & ~below;
	drop->last = drop->first | below;
}

static void
domain_forget(struct uiommu_emu *emu, const uint64_t *word, bool pages)
{
	const struct vtd_model *vtd = emu->unit;
	struct emu_tlb_drop drop = {
		.last = UINT64_MAX,
		.kinds = pages ? EMU_TLB_SECOND : SECOND_KINDS,
		.pasid = EMU_TLB_ANY_PASID,
		.domain = (word[0] >> VTD_QI_DID_SHIFT) & UINT16_MAX,
		.any_pasid = !pages,
	};

	if (pages)
		range_set(&drop, word[1]);
	emu_tlb_drop(&emu->iotlb, &drop);
	if (!pages || (word[1] & VTD_QI_IH) == 0)
		emu_tlb_drop(&emu->walks, &drop);
	if (!vtd->passed)
		return;
	drop.kinds = EMU_TLB_PASS;
	drop.any_pasid = true;
	emu_tlb_drop(&emu->iotlb, &drop);
}

static void
pasid_forget(struct uiommu_emu *emu, const uint64_t *word, bool pages)
{
	struct emu_tlb_drop drop = {
		.last = UINT64_MAX,
		.kinds = FIRST_KINDS | EMU_TLB_PASS,
		.pasid = (word[0] >> VTD_QI_PASID_SHIFT) & (UIOMMU_PASID_COUNT - 1),
		.domain = (word[0] >> VTD_QI_DID_SHIFT) & UINT16_MAX,
	};

	if (pages)
		range_set(&drop, word[1]);
	emu_tlb_drop(&emu->iotlb, &drop);
	if (!pages || (word[1] & VTD_QI_IH) == 0)
		emu_tlb_drop(&emu->walks, &drop);
}

void
vtd_model_forget_pages(struct uiommu_emu *emu, const uint64_t *word)
{
	const unsigned int granularity = (word[0] >> VTD_QI_GRAN_SHIFT) & VTD_QI_GRAN_MASK;

	if ((word[0] & VTD_QI_TYPE_MASK) == VTD_QI_PASID_IOTLB)
		pasid_forget(emu, word, granularity == VTD_PASID_IOTLB_GRAN_PAGE);
	else if (granularity == VTD_IOTLB_GRAN_GLOBAL)
		emu_tlbs_forget(emu);
	else
		domain_forget(emu, word, granularity == VTD_IOTLB_GRAN_PAGE);
}

/* ----------------------------------------------------------------------- device-TLBs */

/* With S, the lowest clear bit of the address says how much: 2^(n + 1) pages for the n-th. */
static uint64_t
device_range(uint64_t word1, bool size, uint64_t *last)
{
	const uint64_t page = word1 >> VTD_PAGE_SHIFT;
	const unsigned int shift =
		VTD_PAGE_SHIFT + (size ? (unsigned int)__builtin_ctzll(~page) + 1 : 0);
	const uint64_t below = shift < 64 ? (UINT64_C(1) << shift) - 1 : UINT64_MAX;

	*last = word1 | below;
	return word1 & ~below;
}

void
vtd_model_forget_device(struct uiommu_emu *emu, const uint64_t *word)
{
	const bool pasids = (word[0] & VTD_QI_TYPE_MASK) == VTD_QI_PASID_DEV_TLB;
	const uint32_t endpoint_id =
		(word[0] >> (pasids ? VTD_QI_PASID_DEV_TLB_SID_SHIFT : VTD_QI_DEV_TLB_SID_SHIFT)) &
		UINT16_MAX;
	const uint32_t pasid = pasids ? (word[0] >> VTD_QI_PASID_SHIFT) & (UIOMMU_PASID_COUNT - 1) :
					EMU_NO_PASID;
	const uint64_t size = pasids ? VTD_QI_PASID_DEV_TLB_S : VTD_QI_DEV_TLB_S;
	uint64_t first, last;

	first = device_range(word[1] & (VTD_ADDR_MASK), (word[1] & size) != 0, &last);
	emu_atc_invalidate(emu, endpoint_id, pasid,
			   pasids && (word[1] & VTD_QI_PASID_DEV_TLB_G) != 0, first, last);
}

/* --------------------------------------------------------------------- page requests */

/*
 * Of the first stage the page of the PASID, of the second stage the page of the domain; with
 * nesting, pages of the domain. Tables stay.
 */
static void
page_forget(struct uiommu_emu *emu, const struct vtd_walk *walk, uint64_t iova)
{
	const uint64_t page = iova & VTD_ADDR_MASK;
	struct emu_tlb_drop drop = {
		.first = page,
		.last = page | (VTD_PAGE_SIZE - 1),
		.kinds = EMU_TLB_ALL_KINDS,
		.pasid = walk->pasid,
		.domain = walk->domain,
	};

	switch (vtd_pe_kind(walk->pe0)) {
	case VTD_PGTT_SECOND:
		drop.pasid = EMU_TLB_ANY_PASID;
		break;
	case VTD_PGTT_NESTED:
		drop.any_pasid = true;
		drop.kinds = SECOND_KINDS | EMU_TLB_PASS;
		drop.first = 0;
		drop.last = UINT64_MAX;
		break;
	default:
		break;
	}
	emu_tlb_drop(&emu->iotlb, &drop);
}

void
vtd_model_accepted(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		   const struct emu_message *msg)
{
	struct vtd_walk walk = {0};

	if (vtd_model_route(emu, dev, bond, msg, false, &walk).reason == 0)
		page_forget(emu, &walk, msg->iova);
}

void
vtd_model_accepted_entries(struct uiommu_emu *emu, uint32_t first, uint32_t end)
{
	struct emu_device *dev;
	struct emu_message msg;
	const uint64_t *entry;

	for (; first != end; first++) {
		entry = (const uint64_t *)(emu->ring.base + ((size_t)(first & emu->ring.mask)
							     << VTD_DESC_SHIFT));
		if (!emu->model->decode(entry, VTD_DESC_SIZE, &msg))
			continue;
		dev = emu_device_find(emu, msg.endpoint_id);
		if (dev != NULL)
			vtd_model_accepted(emu, dev, emu_bond_find(emu, dev, msg.pasid), &msg);
	}
}
