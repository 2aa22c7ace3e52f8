/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Invalidation of translations, S 4.4, 4.5.1. Each command drops what the manual says that it
 * drops, and nothing beside it, so that one that is missing shows:
 *
 *   NSNH_ALL      everything
 *   NH_ALL        everything of the VMID
 *   NH_ASID       what is not global of the ASID: pages and tables
 *   NH_VA         pages of the ASID and global ones, in the range; tables on the way without Leaf
 *   NH_VAA        likewise of all ASIDs
 *
 * With a granule (TG) and a level (TTL), pages of that kind alone, and tables above that level.
 */

#include "smmuv3_model_pt.h"

/* Tables by the level that their entries were read at. */
#define TABLE_KINDS_ALL 0x7U

/* A command, decoded. */
struct tlbi {
	struct emu_tlb_drop drop; /* pages */
	uint32_t table_kinds;     /* 0: tables stay */
	bool globals;             /* of pages, those of all ASIDs as well */
};

static void
drop(struct uiommu_emu *emu, const struct tlbi *tlbi)
{
	struct emu_tlb_drop what = tlbi->drop;

	emu_tlb_drop(&emu->iotlb, &what);
	if (tlbi->globals && emu->iotlb.any && !what.any_pasid) {
		what.pasid = EMU_TLB_ANY_PASID;
		emu_tlb_drop(&emu->iotlb, &what);
		what.pasid = tlbi->drop.pasid;
	}
	what.kinds = tlbi->table_kinds;
	if (what.kinds != 0)
		emu_tlb_drop(&emu->walks, &what);
}

/* S 4.4.1.1: kinds of pages that are named by TG and TTL */
static uint32_t
page_kinds(unsigned int tg, unsigned int ttl)
{
	switch (tg) {
	case SMMUV3_TLBI_TG_4K:
		return ttl == 0 ? 0x7 : SMMUV3_KIND_4K(ttl);
	case SMMUV3_TLBI_TG_16K:
		return ttl < 2 ? SMMUV3_KIND_16K(2) | SMMUV3_KIND_16K(3) : SMMUV3_KIND_16K(ttl);
	case SMMUV3_TLBI_TG_64K:
		if (ttl == 1)
			return 0;
		return ttl == 0 ? SMMUV3_KIND_64K(2) | SMMUV3_KIND_64K(3) : SMMUV3_KIND_64K(ttl);
	default:
		return SMMUV3_KIND_ALL;
	}
}

/* Tables above the level; only those of 4K are remembered. */
static uint32_t
table_kinds(unsigned int tg, unsigned int ttl)
{
	if (tg > SMMUV3_TLBI_TG_4K)
		return 0;
	return ttl == 0 ? TABLE_KINDS_ALL : (1U << ttl) - 1;
}

/* S 4.4.1.1: with a granule, the address is aligned to what it is the level of. */
static uint64_t
address_unit(unsigned int tg, unsigned int ttl)
{
	const unsigned int granule = tg == SMMUV3_TLBI_TG_4K ? 12 :
				     tg == SMMUV3_TLBI_TG_16K ? 14 :
								16;

	if (ttl == 0 || (tg == SMMUV3_TLBI_TG_16K && ttl == 1))
		ttl = SMMUV3_PT_LAST;
	return UINT64_C(1) << smmuv3_level_shift(granule, ttl);
}

/* @return false: illegal */
static bool
range_decode(struct uiommu_emu *emu, const uint64_t *word, struct tlbi *tlbi)
{
	const struct smmuv3_model *smmu = emu->unit;
	const unsigned int num = word[0] >> SMMUV3_TLBI0_NUM_SHIFT & SMMUV3_TLBI0_NUM_MASK;
	const unsigned int scale = word[0] >> SMMUV3_TLBI0_SCALE_SHIFT & SMMUV3_TLBI0_SCALE_MASK;
	const unsigned int ttl = word[1] >> SMMUV3_TLBI1_TTL_SHIFT & SMMUV3_TLBI1_TTL_MASK;
	const unsigned int tg = word[1] >> SMMUV3_TLBI1_TG_SHIFT & SMMUV3_TLBI1_TG_MASK;
	const uint64_t granule = UINT64_C(1) << (tg == 0 ? 12 : 10 + 2 * tg);
	struct emu_tlb_drop *what = &tlbi->drop;
	uint64_t size;

	what->first = word[1] & SMMUV3_TLBI1_ADDR_MASK;
	what->last = what->first | (EMU_PAGE_SIZE - 1);
	what->kinds = page_kinds(tg, ttl);
	tlbi->table_kinds = (word[1] & SMMUV3_TLBI1_LEAF) != 0 ? 0 : table_kinds(tg, ttl);
	if (tg == SMMUV3_TLBI_TG_ANY)
		return num == 0 && scale == 0 && ttl == 0;
	if ((smmu->idr[3] & SMMUV3_IDR3_RIL) == 0 || scale > 31 ||
	    (num == 0 && scale == 0 && ttl == 0))
		return false;
	if ((what->first & (address_unit(tg, ttl) - 1)) != 0) {
		emu_violation(emu, &emu->live.protocol,
			      "TLBI 0x%" PRIx64 " 0x%" PRIx64 ": address not aligned to its level",
			      word[0], word[1]);
		/* what is invalidated is nowhere said */
		what->kinds = 0;
		tlbi->table_kinds = 0;
		return true;
	}
	/* no more than there is: what overflows ends at the top */
	if (scale + 5 + 16 > 63)
		size = UINT64_MAX - what->first;
	else
		size = ((uint64_t)(num + 1) << scale) * granule - 1;
	what->last = size > UINT64_MAX - what->first ? UINT64_MAX : what->first + size;
	return true;
}

enum smmuv3_done
smmuv3_model_tlbi(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint16_t vmid = word[0] >> SMMUV3_TLBI0_VMID_SHIFT & SMMUV3_TLBI0_VMID_MASK;
	const uint16_t asid = word[0] >> SMMUV3_TLBI0_ASID_SHIFT & SMMUV3_TLBI0_ASID_MASK;
	struct tlbi tlbi = {
		.drop = {
			.last = UINT64_MAX, .kinds = SMMUV3_KIND_ALL, .pasid = asid,
			.domain = vmid,
		},
		.table_kinds = TABLE_KINDS_ALL,
	};
	struct smmuv3_model *smmu = emu->unit;

	if (vmid != 0)
		emu_violation(emu, &emu->live.protocol,
			      "TLBI 0x%" PRIx64 " of a VMID, of which the unit has none", word[0]);
	switch (word[0] & SMMUV3_CMD0_OP_MASK) {
	case SMMUV3_CMD_TLBI_NSNH_ALL:
		emu_tlbs_forget(emu);
		smmu->tlb_clean = true;
		return SMMUV3_DONE;
	case SMMUV3_CMD_TLBI_NH_ALL:
		tlbi.drop.any_pasid = true;
		smmu->tlb_clean = true;
		break;
	case SMMUV3_CMD_TLBI_NH_ASID:
		break;
	case SMMUV3_CMD_TLBI_NH_VAA:
		tlbi.drop.any_pasid = true;
		if (!range_decode(emu, word, &tlbi))
			return SMMUV3_STUCK;
		break;
	default:
		tlbi.globals = true;
		if (!range_decode(emu, word, &tlbi))
			return SMMUV3_STUCK;
	}
	drop(emu, &tlbi);
	/* S 3.9.1: not before a CMD_SYNC is it complete, and may the devices be asked */
	if (!tlbi.drop.any_pasid)
		emu_pending_add(&smmu->pending, asid);
	return SMMUV3_DONE;
}

/* ----------------------------------------------------------------------------- devices */

static void
device_forget(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint32_t sid = (uint32_t)(word[0] >> SMMUV3_CMD0_SID_SHIFT);
	const bool ssv = (word[0] & SMMUV3_CMD0_SSV) != 0;
	const uint32_t pasid =
		ssv ? (uint32_t)(word[0] >> SMMUV3_CMD0_SSID_SHIFT & SMMUV3_CMD0_SSID_MASK) :
		      EMU_NO_PASID;
	const unsigned int shift = 12 + (word[1] & SMMUV3_ATC_INV1_SIZE_MASK);
	const uint64_t below = shift < 64 ? (UINT64_C(1) << shift) - 1 : UINT64_MAX;
	const uint64_t first = word[1] & SMMUV3_ATC_INV1_ADDR_MASK & ~below;

	emu_atc_ask(emu, sid, pasid, ssv && (word[0] & SMMUV3_ATC_INV0_GLOBAL) != 0, first,
		    first | below);
}

bool
smmuv3_model_atc_await(struct uiommu_emu *emu)
{
	return emu_asked_await(emu, &emu->asked, device_forget);
}

/* A device that is asked too early may ask for what is forgotten only then. */
static void
order_check(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint32_t sid = (uint32_t)(word[0] >> SMMUV3_CMD0_SID_SHIFT);
	const uint32_t ssid = (uint32_t)(word[0] >> SMMUV3_CMD0_SSID_SHIFT & SMMUV3_CMD0_SSID_MASK);
	const struct emu_device *dev = emu_device_find(emu, sid);
	const struct smmuv3_model *smmu = emu->unit;
	const struct emu_cache *cd;
	uint32_t bond, asid;

	if (smmu->pending.nb == 0 || dev == NULL)
		return;
	bond = emu_bond_find(emu, dev, (word[0] & SMMUV3_CMD0_SSV) != 0 ? ssid : EMU_NO_PASID);
	cd = &emu->bonds[bond].cache;
	if (bond == 0 || cd->state != EMU_CACHE_GOOD)
		return;
	asid = (uint16_t)(cd->word[0] >> SMMUV3_CD0_ASID_SHIFT);
	if (emu_pending_has(&smmu->pending, asid))
		emu_violation(emu, &emu->live.protocol,
			      "ATC_INV of 0x%x PASID 0x%x before the TLBI of ASID 0x%x is "
			      "complete", sid, ssid, asid);
}

/* Consumed is not complete: with "lazy" a device confirms when a CMD_SYNC waits for it. */
void
smmuv3_model_atc_inv(struct uiommu_emu *emu, const uint64_t *word)
{
	order_check(emu, word);
	emu_asked_add(emu, &emu->asked, word, device_forget);
}
