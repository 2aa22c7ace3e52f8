/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Accesses, translation requests (ATS) and accesses with addresses that a device has translated:
 * the way to the tables, the IOTLB, and what becomes of a fault, S 3.9.1, 3.12, 7.3.22.
 */

#include "smmuv3_model_pt.h"

struct smmuv3_fault
smmuv3_model_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		   const struct emu_message *msg, struct smmuv3_walk *walk)
{
	struct emu_cache no_device = {0}, no_bond = {0};
	struct emu_cache *ste = dev != NULL ? &dev->cache : &no_device;
	struct emu_cache *cd = bond != 0 ? &emu->bonds[bond].cache : &no_bond;
	struct smmuv3_fault fault;
	uint32_t index;

	fault = smmuv3_model_ste(emu, msg->endpoint_id, ste);
	if (fault.event != 0)
		return fault;
	*walk = (struct smmuv3_walk){
		.emu = emu, .bond = bond, .vmid = ste->domain, .want = msg->flags,
	};
	if (msg->endpoint_id <= emu->endpoint_max)
		walk->device = emu->device_of[msg->endpoint_id];
	fault = smmuv3_model_cd_index(emu->unit, ste, msg->pasid, &index);
	if (fault.event != 0)
		return fault;
	walk->bypass = index == SMMUV3_CD_BYPASS;
	if (walk->bypass)
		return fault;
	fault = smmuv3_model_cd(emu, ste, index, cd);
	walk->cd0 = cd->word[0];
	walk->cd1 = cd->word[1];
	return fault;
}

/* -------------------------------------------------------------------------------- IOTLB */

/* Sizes that the cache knows; what is between them is remembered in part. */
static uint8_t
cached_shift(uint64_t size)
{
	unsigned int i = EMU_TLB_SIZES - 1;

	while (i > 0 && UINT64_C(1) << EMU_TLB_SHIFT(i) > size)
		i--;
	return (uint8_t)EMU_TLB_SHIFT(i);
}

static void
tlb_add(const struct smmuv3_walk *walk, uint64_t iova, const struct smmuv3_page *page)
{
	const uint8_t shift = cached_shift(page->leaf.size);
	const uint64_t first = iova & ~((UINT64_C(1) << shift) - 1);

	/* rights of the privileged, and to execute, are nobody else's */
	if ((walk->want & (EMU_REQ_PRIV | EMU_REQ_EXEC)) != 0)
		return;
	emu_tlb_add(&walk->emu->iotlb, &(struct emu_tlb_entry){
		.iova = first,
		.pa = page->leaf.pa + (first - page->leaf.iova),
		.pasid = page->global ? EMU_TLB_ANY_PASID : smmuv3_asid(walk),
		.bond = walk->bond,
		.domain = walk->vmid,
		.device = walk->device,
		.shift = shift,
		.access = (uint8_t)page->leaf.access,
		.kind = page->kind,
		.flags = page->clean ? EMU_TLB_CLEAN : 0,
	});
	walk->emu->tlb_used = true;
}

/* The page of a request, out of the IOTLB or into it. */
static struct smmuv3_fault
page_find(const struct smmuv3_walk *walk, uint64_t iova, struct emu_leaf *leaf)
{
	const struct smmuv3_model *smmu = walk->emu->unit;
	const struct emu_tlb_entry *entry;
	struct smmuv3_fault fault = {0};
	struct smmuv3_page page;

	if (walk->bypass) {
		*leaf = EMU_LEAF_BARE(iova);
		/* S 3.4: an address that the unit does not have */
		if (iova >> smmuv3_oas(smmu) != 0)
			fault.event = SMMUV3_EVT_F_ADDR_SIZE;
		fault.class = SMMUV3_CLASS_IN;
		return fault;
	}
	entry = walk->fresh ? NULL : smmuv3_tlb_find(walk, iova);
	if (entry != NULL) {
		uiommu_count(&walk->emu->live.iotlb_hits, 1);
		/* rights that were missing are missing until they are invalidated */
		if ((walk->want & (EMU_REQ_READ | EMU_REQ_WRITE) & ~entry->access) != 0) {
			fault.event = SMMUV3_EVT_F_PERMISSION;
			fault.class = SMMUV3_CLASS_IN;
			return fault;
		}
		*leaf = emu_tlb_leaf(entry);
		return fault;
	}
	fault = smmuv3_model_page_walk(walk, iova, &page);
	if (fault.event != 0)
		return fault;
	if (!walk->look)
		tlb_add(walk, iova, &page);
	*leaf = page.leaf;
	return fault;
}

/* ------------------------------------------------------------------------------ accesses */

static bool
is_open(const struct smmuv3_model *smmu)
{
	return (__atomic_load_n(&smmu->gbpa, __ATOMIC_RELAXED) & SMMUV3_GBPA_ABORT) == 0;
}

/* S 5.5: whether a fault of a walk stalls */
static bool
does_stall(const struct smmuv3_walk *walk, struct smmuv3_fault fault)
{
	return smmuv3_is_translation(fault.event) && !walk->bypass &&
	       (walk->cd0 & SMMUV3_CD0_S) != 0;
}

/* S 5.5: the end of an access, told or not, as CD.A and CD.R have it */
static enum uiommu_emu_access_state
access_end(const struct smmuv3_walk *walk, struct smmuv3_fault fault,
	   const struct emu_message *msg)
{
	const bool by_cd = smmuv3_is_translation(fault.event) && !walk->bypass;

	if (!by_cd || (walk->cd0 & SMMUV3_CD0_R) != 0)
		smmuv3_model_report(walk->emu, fault, msg);
	return by_cd && (walk->cd0 & SMMUV3_CD0_A) == 0 ? UIOMMU_EMU_ACCESS_IGNORED :
							  UIOMMU_EMU_ACCESS_ABORTED;
}

/* Whose tables an access goes by; with no way to them, CDs have no say in what follows. */
static struct smmuv3_fault
access_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
	     const struct emu_message *msg, struct smmuv3_walk *walk)
{
	const struct smmuv3_fault fault = smmuv3_model_route(emu, dev, bond, msg, walk);

	walk->bypass |= fault.event != 0;
	return fault;
}

/* Likewise, as far as its page. */
static struct smmuv3_fault
access_find(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
	    const struct emu_message *msg, struct smmuv3_walk *walk, struct emu_leaf *leaf)
{
	const struct smmuv3_fault fault = access_route(emu, dev, bond, msg, walk);

	return fault.event != 0 ? fault : page_find(walk, msg->iova, leaf);
}

bool
smmuv3_model_reach(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		   const struct emu_message *msg, struct emu_leaf *leaf)
{
	const struct smmuv3_model *smmu = emu->unit;
	struct smmuv3_walk walk = {.emu = emu, .bypass = true};

	if (smmu->failed)
		return false;
	if ((smmu->on & SMMUV3_CR0_SMMUEN) == 0) {
		page_find(&walk, msg->iova, leaf);
		return is_open(smmu);
	}
	return access_find(emu, dev, bond, msg, &walk, leaf).event == 0;
}

bool
smmuv3_model_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		 const struct emu_message *msg)
{
	const struct smmuv3_model *smmu = emu->unit;
	struct smmuv3_walk walk = {.emu = emu, .bypass = true};
	struct smmuv3_fault fault;
	struct emu_leaf leaf;

	if (smmu->failed)
		return false;
	if ((smmu->on & SMMUV3_CR0_SMMUEN) == 0)
		return is_open(smmu);
	fault = access_find(emu, dev, bond, msg, &walk, &leaf);
	if (fault.event != 0 && !does_stall(&walk, fault))
		access_end(&walk, fault, msg);
	return fault.event == 0;
}

enum uiommu_emu_access_state
smmuv3_model_access(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg)
{
	const struct smmuv3_model *smmu = emu->unit;
	struct smmuv3_walk walk = {.emu = emu, .bypass = true};
	struct smmuv3_fault fault;
	struct emu_leaf leaf;

	if (smmu->failed)
		return UIOMMU_EMU_ACCESS_UNSEEN;
	if ((smmu->on & SMMUV3_CR0_SMMUEN) == 0)
		return is_open(smmu) ? UIOMMU_EMU_ACCESS_DONE : UIOMMU_EMU_ACCESS_ABORTED;
	fault = access_find(emu, dev, bond, msg, &walk, &leaf);
	if (fault.event == 0)
		return UIOMMU_EMU_ACCESS_DONE;
	if (!does_stall(&walk, fault))
		return access_end(&walk, fault, msg);
	if (!smmuv3_model_event_room(emu))
		return UIOMMU_EMU_ACCESS_UNSEEN;
	smmuv3_model_stall(emu, fault, msg);
	return UIOMMU_EMU_ACCESS_STALLED;
}

bool
smmuv3_model_admits(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg)
{
	struct smmuv3_walk walk = {.emu = emu, .bypass = true};
	struct smmuv3_fault fault = access_route(emu, dev, bond, msg, &walk);

	if (fault.event == 0) {
		fault = (struct smmuv3_fault){
			.event = SMMUV3_EVT_F_TRANSLATION, .class = SMMUV3_CLASS_IN,
		};
		if (does_stall(&walk, fault))
			return true;
		/* without tables the access goes through, and nothing is missing */
		if (walk.bypass)
			return false;
	}
	access_end(&walk, fault, msg);
	return false;
}

/* ---------------------------------------------------------------------------------- ATS */

/* S 3.9.1.2: what the device is told is nobody else's business, but for these. */
static void
refuse(struct uiommu_emu *emu, struct smmuv3_fault fault, const struct emu_message *msg)
{
	const struct smmuv3_model *smmu = emu->unit;
	const bool wanted = (smmu->idr[0] & SMMUV3_IDR0_ATSRECERR) != 0 &&
			    (__atomic_load_n(&smmu->cr2, __ATOMIC_RELAXED) &
			     SMMUV3_CR2_REC_CFG_ATS) != 0 &&
			    !smmuv3_is_translation(fault.event) &&
			    fault.event != SMMUV3_EVT_C_BAD_CD;

	if (fault.event == SMMUV3_EVT_F_BAD_ATS_TREQ ||
	    fault.event == SMMUV3_EVT_F_TRANSL_FORBIDDEN || wanted)
		smmuv3_model_report(emu, fault, msg);
}

/* @param event what it is where the stream has no ATS */
static struct smmuv3_fault
ats_check(struct uiommu_emu *emu, struct emu_device *dev, uint8_t event)
{
	struct smmuv3_fault fault = smmuv3_model_ste(emu, dev->endpoint_id, &dev->cache);

	if (fault.event == 0 && smmuv3_ste_eats(emu->unit, &dev->cache) == SMMUV3_EATS_ABORT)
		fault.event = event;
	return fault;
}

static struct smmuv3_fault
ats_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
	  const struct emu_message *msg, struct smmuv3_walk *walk)
{
	const struct smmuv3_model *smmu = emu->unit;
	struct smmuv3_fault fault = {.event = SMMUV3_EVT_F_BAD_ATS_TREQ};

	if ((smmu->on & SMMUV3_CR0_SMMUEN) == 0)
		return fault;
	fault = ats_check(emu, dev, SMMUV3_EVT_F_BAD_ATS_TREQ);
	if (fault.event != 0)
		return fault;
	return smmuv3_model_route(emu, dev, bond, msg, walk);
}

/* S 3.12: streams of PCIe devices must not stall */
static void
stall_check(struct uiommu_emu *emu, const struct emu_device *dev, const struct smmuv3_walk *walk)
{
	if (!walk->bypass && (walk->cd0 & SMMUV3_CD0_S) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "device 0x%x has ATS, and its accesses stall", dev->endpoint_id);
}

bool
smmuv3_model_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		       const struct emu_message *msg, struct emu_leaf *leaf)
{
	const struct smmuv3_model *smmu = emu->unit;
	struct smmuv3_walk walk = {.emu = emu, .bypass = true};
	struct smmuv3_fault fault;
	struct emu_leaf found;

	if (smmu->failed)
		return false;
	fault = ats_route(emu, dev, bond, msg, &walk);
	if (fault.event == 0) {
		stall_check(emu, dev, &walk);
		fault = page_find(&walk, msg->iova, &found);
	}
	if (fault.event != 0) {
		refuse(emu, fault, msg);
		return false;
	}
	*leaf = found;
	return true;
}

/* S 3.9.1.3 */
bool
smmuv3_model_translated(struct uiommu_emu *emu, struct emu_device *dev)
{
	const struct smmuv3_model *smmu = emu->unit;
	const struct emu_message msg = {
		.endpoint_id = dev->endpoint_id, .pasid = EMU_NO_PASID, .flags = EMU_REQ_READ,
	};
	struct smmuv3_fault fault = {.event = SMMUV3_EVT_F_TRANSL_FORBIDDEN};

	if (smmu->failed)
		return false;
	if ((smmu->on & SMMUV3_CR0_SMMUEN) != 0) {
		if ((smmu->on & SMMUV3_CR0_ATSCHK) == 0)
			return true;
		fault = ats_check(emu, dev, SMMUV3_EVT_F_TRANSL_FORBIDDEN);
	}
	if (fault.event != 0)
		refuse(emu, fault, &msg);
	return fault.event == 0;
}
