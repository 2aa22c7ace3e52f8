/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * "Process to translate an IOVA": accesses, translation requests (ATS) and accesses with addresses
 * that a device has translated; the IOTLB.
 */

#include "riscv_model_pt.h"

static bool
is_ats(unsigned int ttyp)
{
	return ttyp >= RISCV_TTYP_TRANSLATED_EXEC && ttyp <= RISCV_TTYP_ATS;
}

/* Steps 10 to 16: whose first stage. @param walk with what the device context says */
static unsigned int
first_stage(const struct emu_cache *dc, struct emu_cache *pc, const struct emu_message *msg,
	    struct riscv_walk *walk)
{
	const uint64_t tc = dc->word[0];
	unsigned int cause;

	if ((tc & RISCV_TC_PDTV) == 0) {
		walk->fsc = dc->word[1];
		walk->pscid = (uint32_t)(tc >> RISCV_DC_PSCID_SHIFT);
		walk->bypass = riscv_atp_mode(walk->fsc) == RISCV_IOSATP_BARE;
		return 0;
	}
	walk->bypass = (msg->pasid == EMU_NO_PASID && (tc & RISCV_TC_DPE) == 0) ||
		       riscv_atp_mode(dc->word[1]) == RISCV_PDTP_BARE;
	if (walk->bypass)
		return 0;
	cause = riscv_model_pc(walk->emu, dc, msg->pasid == EMU_NO_PASID ? 0 : msg->pasid, pc);
	if (cause != 0)
		return cause;
	/* privilege comes with a PASID, or not at all */
	if (msg->pasid == EMU_NO_PASID)
		walk->want &= (uint16_t)~EMU_REQ_PRIV;
	if ((walk->want & EMU_REQ_PRIV) != 0 && (pc->word[0] & RISCV_PC_TA_ENS) == 0)
		return RISCV_CAUSE_TYPE_DISALLOWED;
	walk->fsc = pc->word[1];
	walk->pscid = pc->word[0] >> RISCV_PC_TA_PSCID_SHIFT & RISCV_PSCID_MASK;
	walk->sum = (pc->word[0] & RISCV_PC_TA_SUM) != 0;
	walk->bypass = riscv_atp_mode(walk->fsc) == RISCV_IOSATP_BARE;
	return 0;
}

/* Step 7. */
static bool
is_disallowed(const struct emu_cache *dc, const struct emu_message *msg, unsigned int ttyp)
{
	if (is_ats(ttyp) && (dc->word[0] & RISCV_TC_EN_ATS) == 0)
		return true;
	return msg->pasid != EMU_NO_PASID && ((dc->word[0] & RISCV_TC_PDTV) == 0 ||
					      riscv_model_pid_is_wide(dc, msg->pasid));
}

unsigned int
riscv_model_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		  const struct emu_message *msg, unsigned int ttyp, struct riscv_walk *walk)
{
	struct emu_cache no_device = {0}, no_bond = {0};
	struct emu_cache *dc = dev != NULL ? &dev->cache : &no_device;
	struct emu_cache *pc = bond != 0 ? &emu->bonds[bond].cache : &no_bond;
	const struct riscv_model *riscv = emu->unit;
	const unsigned int mode = riscv_ddt_mode(riscv);
	unsigned int cause;

	*walk = (struct riscv_walk){
		.emu = emu, .bond = bond, .want = msg->flags, .bypass = true,
	};
	if (mode == RISCV_DDTP_OFF)
		return RISCV_CAUSE_ALL_DISALLOWED;
	if (mode == RISCV_DDTP_BARE)
		return is_ats(ttyp) ? RISCV_CAUSE_TYPE_DISALLOWED : 0;
	if (riscv_model_did_is_wide(riscv, msg->endpoint_id))
		return RISCV_CAUSE_TYPE_DISALLOWED;
	cause = riscv_model_dc(emu, msg->endpoint_id, dc);
	if (cause != 0)
		return cause;
	if (msg->endpoint_id <= emu->endpoint_max)
		walk->device = emu->device_of[msg->endpoint_id];
	walk->dtf = (dc->word[0] & RISCV_TC_DTF) != 0;
	walk->sade = (dc->word[0] & RISCV_TC_SADE) != 0;
	if (is_disallowed(dc, msg, ttyp))
		return RISCV_CAUSE_TYPE_DISALLOWED;
	/* step 8: a translated request is at its end here */
	if (is_ats(ttyp) && ttyp != RISCV_TTYP_ATS)
		return 0;
	return first_stage(dc, pc, msg, walk);
}

/* -------------------------------------------------------------------------------- IOTLB */

static void
tlb_add(const struct riscv_walk *walk, const struct riscv_page *page)
{
	/* rights of the privileged, and to execute, are nobody else's */
	if ((walk->want & (EMU_REQ_PRIV | EMU_REQ_EXEC)) != 0 || !page->whole)
		return;
	emu_tlb_add(&walk->emu->iotlb, &(struct emu_tlb_entry){
		.iova = page->leaf.iova,
		.pa = page->leaf.pa,
		.pasid = page->global ? EMU_TLB_ANY_PASID : walk->pscid,
		.bond = walk->bond,
		.device = walk->device,
		.shift = (uint8_t)__builtin_ctzll(page->leaf.size),
		.access = (uint8_t)page->leaf.access,
		.kind = EMU_TLB_FIRST,
		.flags = page->clean ? EMU_TLB_CLEAN : 0,
	});
	walk->emu->tlb_used = true;
}

/* Where there are no tables. */
static unsigned int
bare_page(const struct riscv_walk *walk, uint64_t iova, struct emu_leaf *leaf)
{
	*leaf = EMU_LEAF_BARE(iova);
	/* an address that the unit does not have */
	return iova >> riscv_pas(walk->emu->unit) != 0 ? riscv_cause(walk->want, false) : 0;
}

unsigned int
riscv_model_page(const struct riscv_walk *walk, uint64_t iova, struct emu_leaf *leaf)
{
	const struct emu_tlb_entry *entry;
	struct riscv_page page;
	unsigned int cause;

	if (walk->bypass)
		return bare_page(walk, iova, leaf);
	entry = walk->fresh ? NULL : riscv_tlb_find(walk, iova);
	if (entry != NULL) {
		uiommu_count(&walk->emu->live.iotlb_hits, 1);
		/* rights that were missing are missing until they are invalidated */
		if ((walk->want & (EMU_REQ_READ | EMU_REQ_WRITE) & ~entry->access) != 0)
			return riscv_cause(walk->want, true);
		*leaf = emu_tlb_leaf(entry);
		return 0;
	}
	cause = riscv_model_page_walk(walk, iova, &page);
	if (cause != 0)
		return cause;
	if (!walk->look)
		tlb_add(walk, &page);
	*leaf = page.leaf;
	return 0;
}

/* ------------------------------------------------------------------------------ accesses */

bool
riscv_model_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		const struct emu_message *msg)
{
	const unsigned int ttyp = riscv_ttyp(msg);
	struct riscv_walk walk;
	struct emu_leaf leaf;
	unsigned int cause;

	cause = riscv_model_route(emu, dev, bond, msg, ttyp, &walk);
	if (cause == 0)
		cause = riscv_model_page(&walk, msg->iova, &leaf);
	if (cause != 0)
		riscv_model_report(emu, cause, ttyp, msg, walk.dtf);
	return cause == 0;
}

/* "PCIe ATS translation request handling": these are answered Success, with no rights. */
static bool
is_untold(unsigned int cause)
{
	return cause == RISCV_CAUSE_INST_PAGE || cause == RISCV_CAUSE_READ_PAGE ||
	       cause == RISCV_CAUSE_WRITE_PAGE || cause == RISCV_CAUSE_PDT_INVALID;
}

bool
riscv_model_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		      const struct emu_message *msg, struct emu_leaf *leaf)
{
	struct riscv_walk walk;
	struct emu_leaf found;
	unsigned int cause;

	cause = riscv_model_route(emu, dev, bond, msg, RISCV_TTYP_ATS, &walk);
	if (cause == 0)
		cause = riscv_model_page(&walk, msg->iova, &found);
	if (cause != 0) {
		if (!is_untold(cause))
			riscv_model_report(emu, cause, RISCV_TTYP_ATS, msg, walk.dtf);
		return false;
	}
	*leaf = found;
	return true;
}

bool
riscv_model_translated(struct uiommu_emu *emu, struct emu_device *dev)
{
	const struct emu_message msg = {
		.endpoint_id = dev->endpoint_id, .pasid = EMU_NO_PASID, .flags = EMU_REQ_READ,
	};
	struct riscv_walk walk;
	unsigned int cause;

	cause = riscv_model_route(emu, dev, 0, &msg, RISCV_TTYP_TRANSLATED_READ, &walk);
	if (cause != 0)
		riscv_model_report(emu, cause, RISCV_TTYP_TRANSLATED_READ, &msg, walk.dtf);
	return cause == 0;
}
