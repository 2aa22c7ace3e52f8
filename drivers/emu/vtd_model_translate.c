/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Untranslated DMA and translation requests (ATS): the way from the device to its tables, the
 * IOTLB, and what is said where there is no page, S 3.4, 6.2.4, 7.1.3.
 */

#include "vtd_model_pt.h"

#define INTERRUPT_RANGE_FIRST UINT64_C(0xfee00000)
#define INTERRUPT_RANGE_LAST UINT64_C(0xfeefffff)

struct vtd_fault
vtd_model_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		const struct emu_message *msg, bool ats, struct vtd_walk *walk)
{
	struct emu_cache no_device = {0}, no_bond = {0};
	struct emu_cache *context = dev != NULL ? &dev->cache : &no_device;
	struct emu_cache *entry = bond != 0 ? &emu->bonds[bond].cache : &no_bond;
	struct vtd_fault fault;

	fault = vtd_model_context(emu, msg->endpoint_id, context);
	if (fault.reason != 0)
		return fault;
	fault.hide = context->hide;
	if (ats && (context->word[0] & VTD_CTX0_DTE) == 0)
		fault.reason = VTD_FR_DTE_CLEAR;
	else
		fault.reason = (uint8_t)vtd_model_pasid(emu->unit, context, msg->pasid,
							&walk->pasid);
	if (fault.reason == 0)
		fault = vtd_model_pasid_entry(emu, context, walk->pasid, entry);
	walk->emu = emu;
	walk->pe0 = entry->word[0];
	walk->pe2 = entry->word[1];
	walk->domain = entry->domain;
	walk->bond = bond;
	walk->device = emu->device_of[msg->endpoint_id];
	walk->want = msg->flags & (EMU_REQ_READ | EMU_REQ_WRITE);
	walk->privileged = (msg->flags & EMU_REQ_PRIV) != 0;
	return fault;
}

/* ----------------------------------------------------------------------------- IOTLB */

static uint8_t
tlb_kind(const struct vtd_walk *walk)
{
	static const uint8_t kinds[] = {
		[VTD_PGTT_FIRST] = EMU_TLB_FIRST,
		[VTD_PGTT_SECOND] = EMU_TLB_SECOND,
		[VTD_PGTT_NESTED] = EMU_TLB_NESTED,
		[VTD_PGTT_PASSTHROUGH] = EMU_TLB_PASS,
	};

	return kinds[vtd_pe_kind(walk->pe0)];
}

/* Whether a write sets a mark in the table. */
static bool
keeps_dirty(const struct vtd_walk *walk)
{
	switch (vtd_pe_kind(walk->pe0)) {
	case VTD_PGTT_PASSTHROUGH:
		return false;
	case VTD_PGTT_SECOND:
		return (walk->pe0 & VTD_PE0_SSADE) != 0;
	default:
		return true;
	}
}

/* S 6.1: with caching mode absence is remembered, but not that of the first stage */
static bool
keeps_absence(const struct vtd_walk *walk, unsigned int reason)
{
	const struct vtd_model *vtd = walk->emu->unit;

	return (vtd->cap & VTD_CAP_CM) != 0 &&
	       (reason == VTD_FR_SS_PERMISSION || reason == VTD_FR_FS_NESTED);
}

static void
tlb_add(const struct vtd_walk *walk, uint64_t iova, const struct emu_leaf *leaf)
{
	struct vtd_model *vtd = walk->emu->unit;
	struct emu_tlb_entry entry = {
		.iova = iova,
		.pasid = vtd_tlb_pasid(walk),
		.bond = walk->bond,
		.domain = walk->domain,
		.device = walk->device,
		.shift = VTD_PAGE_SHIFT,
		.kind = tlb_kind(walk),
		.flags = EMU_TLB_ABSENT,
	};

	/* a supervisor's rights are nobody else's */
	if (walk->privileged)
		return;
	if (leaf != NULL) {
		entry.iova = leaf->iova;
		entry.pa = leaf->pa;
		entry.shift = (uint8_t)__builtin_ctzll(leaf->size);
		entry.access = (uint8_t)leaf->access;
		entry.flags = (walk->want & EMU_REQ_WRITE) != 0 || !keeps_dirty(walk) ?
				      EMU_TLB_DIRTY :
				      0;
	}
	emu_tlb_add(&walk->emu->iotlb, &entry);
	vtd->passed |= entry.kind == EMU_TLB_PASS;
	walk->emu->tlb_used = true;
}

/*
 * A page that is there and gets more rights has them only when that is told, S 11.4.2 (CAP.CM).
 *
 * @return whether what is remembered decides the matter; then reason says how
 */
static bool
tlb_decides(const struct vtd_walk *walk, const struct emu_tlb_entry *entry, unsigned int *reason)
{
	const unsigned int missing = walk->want & ~entry->access;

	*reason = 0;
	if ((entry->flags & EMU_TLB_ABSENT) == 0 && missing == 0)
		return (walk->want & EMU_REQ_WRITE) == 0 || (entry->flags & EMU_TLB_DIRTY) != 0;
	if ((entry->flags & EMU_TLB_ABSENT) != 0 || entry->kind != EMU_TLB_FIRST)
		*reason = VTD_FR_SS_PERMISSION;
	else if ((missing & EMU_REQ_WRITE) != 0)
		*reason = VTD_FR_WRITE_DENIED;
	else
		*reason = VTD_FR_READ_DENIED;
	return true;
}

/*
 * Nothing that grants what was wanted: with caching mode, what there is instead is remembered: a
 * page with less rights, or none.
 */
static void
absence_keep(const struct vtd_walk *walk, uint64_t iova, unsigned int reason)
{
	struct vtd_walk less = *walk;
	struct emu_leaf leaf;

	if (!keeps_absence(walk, reason))
		return;
	less.want = 0;
	if (vtd_model_page_walk(&less, iova, &leaf) == 0 && leaf.access != 0)
		tlb_add(&less, iova, &leaf);
	else
		tlb_add(walk, iova, NULL);
}

static bool
is_forbidden(const struct vtd_walk *walk, uint64_t iova, unsigned int *reason)
{
	const unsigned int kind = vtd_pe_kind(walk->pe0);

	if (iova >= INTERRUPT_RANGE_FIRST && iova <= INTERRUPT_RANGE_LAST)
		*reason = VTD_FR_INTERRUPT_RANGE;
	else if (walk->privileged && (walk->pe2 & VTD_PE2_SRE) == 0 &&
		 (kind == VTD_PGTT_FIRST || kind == VTD_PGTT_NESTED))
		*reason = VTD_FR_SRE_CLEAR;
	else
		return false;
	return true;
}

/*
 * The page of a request, out of the IOTLB or into it.
 *
 * @param leaf its access is what a device may be told: to write, only where that needs no mark
 */
static unsigned int
page_find(const struct vtd_walk *walk, uint64_t iova, struct emu_leaf *leaf)
{
	const struct emu_tlb_entry *entry;
	unsigned int reason;
	bool marked;

	if (is_forbidden(walk, iova, &reason))
		return reason;
	entry = emu_tlb_find(&walk->emu->iotlb, walk->domain, vtd_tlb_pasid(walk), iova);
	if (entry != NULL && tlb_decides(walk, entry, &reason)) {
		uiommu_count(&walk->emu->live.iotlb_hits, 1);
		if (reason != 0)
			return reason;
		*leaf = emu_tlb_leaf(entry);
		marked = (entry->flags & EMU_TLB_DIRTY) != 0;
	} else {
		reason = vtd_model_page_walk(walk, iova, leaf);
		if (reason != 0) {
			absence_keep(walk, iova, reason);
			return reason;
		}
		tlb_add(walk, iova, leaf);
		marked = (walk->want & EMU_REQ_WRITE) != 0 || !keeps_dirty(walk);
	}
	if (!marked)
		leaf->access &= ~EMU_REQ_WRITE;
	return 0;
}

/* ------------------------------------------------------------------------ requests */

bool
vtd_model_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
	      const struct emu_message *msg)
{
	const struct vtd_model *vtd = emu->unit;
	struct vtd_walk walk = {0};
	struct vtd_fault fault;
	struct emu_leaf leaf;

	if (!vtd->translating)
		return true;
	fault = vtd_model_route(emu, dev, bond, msg, false, &walk);
	if (fault.reason == 0)
		fault.reason = (uint8_t)page_find(&walk, msg->iova, &leaf);
	/* a legacy table is named otherwise where no page is requested, table 30 */
	if (fault.reason == VTD_FR_TTM_LEGACY_PRQ)
		fault.reason = VTD_FR_TTM_LEGACY_PASID;
	if (fault.reason != 0 && !fault.hide)
		vtd_model_fault(emu, fault.reason, msg,
				(msg->flags & EMU_REQ_WRITE) != 0 ? VTD_ACCESS_WRITE :
								    VTD_ACCESS_READ);
	return fault.reason == 0;
}

/* S 7.1.3: the completion says that there is no access, and the device may request the page */
static bool
is_recoverable(unsigned int reason)
{
	switch (reason) {
	case VTD_FR_SRE_CLEAR:
	case VTD_FR_FS_NOT_PRESENT:
	case VTD_FR_FS_NESTED:
	case VTD_FR_SS_PERMISSION:
	case VTD_FR_FS_NOT_CANONICAL:
	case VTD_FR_USER:
	case VTD_FR_PT_ADDRESS:
	case VTD_FR_SS_ADDRESS:
	case VTD_FR_WRITE_DENIED:
	case VTD_FR_READ_DENIED:
	case VTD_FR_INTERRUPT_RANGE:
		return true;
	default:
		return false;
	}
}

bool
vtd_model_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg, struct emu_leaf *leaf)
{
	const struct vtd_model *vtd = emu->unit;
	struct vtd_walk walk = {0};
	struct vtd_fault fault;
	struct emu_leaf found;

	/* S 4.1.1: without translation there is nothing to tell a device */
	if (!vtd->translating)
		return false;
	fault = vtd_model_route(emu, dev, bond, msg, true, &walk);
	if (fault.reason == VTD_FR_TTM_LEGACY_PRQ)
		fault.reason = VTD_FR_TTM_LEGACY_PASID;
	if (fault.reason == 0)
		fault.reason = (uint8_t)page_find(&walk, msg->iova, &found);
	if (fault.reason == 0) {
		*leaf = found;
		return true;
	}
	if (!fault.hide && !is_recoverable(fault.reason))
		vtd_model_fault(emu, fault.reason, msg,
				(msg->flags & EMU_REQ_WRITE) != 0 ? VTD_ACCESS_TRANSLATION_WRITE :
								    VTD_ACCESS_TRANSLATION);
	return false;
}

/* S 3.4, 9.4: DTE lets translated requests through as well */
bool
vtd_model_translated(struct uiommu_emu *emu, struct emu_device *dev)
{
	const struct vtd_model *vtd = emu->unit;

	if (!vtd->translating)
		return true;
	return vtd_model_context(emu, dev->endpoint_id, &dev->cache).reason == 0 &&
	       (dev->cache.word[0] & VTD_CTX0_DTE) != 0;
}
