/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Invalidation of translations, "IOMMU Page-Table cache invalidation commands", "Non-leaf PTE
 * Invalidation Extension", "Address Range Invalidation Extension". Each command drops what the
 * manual says that it drops, and nothing beside it, so that one that is missing shows:
 *
 *   AV 0, PSCV 0   all pages and tables
 *   AV 0, PSCV 1   pages and tables of the PSCID, but what is global
 *   AV 1           likewise, of the address or range: pages, and tables on the way with NL
 */

#include "riscv_model_pt.h"

/*
 * What a page number with a size in it names: ones up from bit 0, and a zero.
 *
 * @param pn page number
 * @return addresses, both inclusive
 */
static void
range_decode(uint64_t pn, bool sized, uint64_t *first, uint64_t *last)
{
	const unsigned int ones = sized ? (unsigned int)__builtin_ctzll(~pn) + 1 : 0;
	const unsigned int shift = RISCV_PAGE_SHIFT + ones;
	/* all of them, or a number that says nothing: everything */
	const uint64_t below = shift < 64 ? (UINT64_C(1) << shift) - 1 : UINT64_MAX;

	*first = pn << RISCV_PAGE_SHIFT & ~below;
	*last = *first | below;
}

static void
drop(struct uiommu_emu *emu, const struct emu_tlb_drop *what, bool tables)
{
	emu_tlb_drop(&emu->iotlb, what);
	if (tables)
		emu_tlb_drop(&emu->walks, what);
}

enum riscv_done
riscv_model_iotinval(struct uiommu_emu *emu, const uint64_t *word)
{
	const bool av = (word[0] & RISCV_IOTINVAL0_AV) != 0;
	const bool pscv = (word[0] & RISCV_IOTINVAL0_PSCV) != 0;
	struct emu_tlb_drop what = {
		.last = UINT64_MAX,
		.kinds = EMU_TLB_ALL_KINDS,
		.pasid = word[0] >> RISCV_IOTINVAL0_PSCID_SHIFT & RISCV_PSCID_MASK,
		.any_pasid = !pscv,
	};
	struct riscv_model *riscv = emu->unit;

	/* there is no second stage, hence no VM and nothing of theirs */
	if ((word[0] & RISCV_IOTINVAL0_GV) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "IOTINVAL 0x%" PRIx64 " of a GSCID, of which the unit has none",
			      word[0]);
	if ((word[0] & RISCV_IOTINVAL0_GV) != 0 ||
	    (word[0] >> RISCV_CMD0_FUNC3_SHIFT & RISCV_CMD0_FUNC3_MASK) == RISCV_IOTINVAL_GVMA)
		return RISCV_DONE;
	if (av)
		range_decode(word[1] >> RISCV_IOTINVAL1_ADDR_SHIFT &
				     ((UINT64_C(1) << RISCV_IOTINVAL1_ADDR_BITS) - 1),
			     (word[1] & RISCV_IOTINVAL1_S) != 0, &what.first, &what.last);
	drop(emu, &what, !av || (word[0] & RISCV_IOTINVAL0_NL) != 0);
	/* not before a fence is it complete, and may the devices be asked */
	if (pscv)
		emu_pending_add(&riscv->pending, what.pasid);
	return RISCV_DONE;
}

/* ----------------------------------------------------------------------------- devices */

static void
device_forget(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint32_t endpoint_id = riscv_model_ats_endpoint(word);
	const bool pv = (word[0] & RISCV_ATS0_PV) != 0;
	const uint32_t pasid =
		pv ? (uint32_t)(word[0] >> RISCV_ATS0_PID_SHIFT & RISCV_ATS0_PID_MASK) :
		     EMU_NO_PASID;
	uint64_t first, last;

	range_decode(word[1] >> RISCV_PAGE_SHIFT, (word[1] & RISCV_ATS_INVAL1_S) != 0, &first,
		     &last);
	emu_atc_ask(emu, endpoint_id, pasid, pv && (word[1] & RISCV_ATS_INVAL1_G) != 0, first,
		    last);
}

bool
riscv_model_ats_await(struct uiommu_emu *emu)
{
	return emu_asked_await(emu, &emu->asked, device_forget);
}

/* What was asked for since the last fence, and would have to be complete: of a bond. */
static bool
is_pending(const struct uiommu_emu *emu, uint32_t bond)
{
	const struct emu_cache *pc = &emu->bonds[bond].cache;
	const struct riscv_model *riscv = emu->unit;

	return emu_pending_has(&riscv->pending_bonds, bond) ||
	       (pc->state == EMU_CACHE_GOOD &&
		emu_pending_has(&riscv->pending, pc->word[0] >> RISCV_PC_TA_PSCID_SHIFT &
							 RISCV_PSCID_MASK));
}

/*
 * "Device Address Translation Cache invalidations": the unit first. Commands are executed in any
 * order, so a device that is asked before a fence may ask for what is forgotten only then.
 */
static void
order_check(struct uiommu_emu *emu, const uint64_t *word)
{
	const struct emu_device *dev = emu_device_find(emu, riscv_model_ats_endpoint(word));
	const uint32_t pid = word[0] >> RISCV_ATS0_PID_SHIFT & RISCV_ATS0_PID_MASK;
	uint32_t bond;

	if (dev == NULL)
		return;
	bond = emu_bond_find(emu, dev, (word[0] & RISCV_ATS0_PV) != 0 ? pid : EMU_NO_PASID);
	if (bond != 0 && is_pending(emu, bond))
		emu_violation(emu, &emu->live.protocol,
			      "ATS.INVAL of 0x%x PASID 0x%x before what the unit is to forget is "
			      "complete", dev->endpoint_id, emu->bonds[bond].pasid);
}

/* Fetched is not complete: with "lazy" a device confirms when a fence waits for it. */
void
riscv_model_ats_inval(struct uiommu_emu *emu, const uint64_t *word)
{
	order_check(emu, word);
	if ((word[1] & RISCV_ATS_INVAL1_G) != 0 && (word[0] & RISCV_ATS0_PV) == 0)
		emu_violation(emu, &emu->live.protocol,
			      "ATS.INVAL 0x%" PRIx64 " 0x%" PRIx64 ": G without a PASID", word[0],
			      word[1]);
	emu_asked_add(emu, &emu->asked, word, device_forget);
}
