/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Fault recording, S 7.2, 11.4.7.
 */

#include "vtd_model.h"

/* Address type of what was asked: a translation request, S 11.4.7.6 */
#define FRCD_HI_AT_TRANSLATION (UINT64_C(1) << 60)

static bool
any_pending(const struct vtd_model *vtd)
{
	uint32_t i;

	for (i = 0; i < vtd->nb_frcd; i++)
		if ((__atomic_load_n(&vtd->frcd[i][1], __ATOMIC_RELAXED) & VTD_FRCD_HI_F) != 0)
			return true;
	return false;
}

void
vtd_model_fault(struct uiommu_emu *emu, unsigned int reason, const struct emu_message *msg,
		enum vtd_access access)
{
	struct vtd_model *vtd = emu->unit;
	const uint32_t index = vtd->frcd_next;
	uint64_t hi = VTD_FRCD_HI_F | msg->endpoint_id |
		      (uint64_t)reason << VTD_FRCD_HI_FR_SHIFT;

	/* nothing is recorded until software has seen the overflow */
	if ((__atomic_load_n(&vtd->fsts, __ATOMIC_ACQUIRE) & VTD_FSTS_PFO) != 0)
		return;
	if ((__atomic_load_n(&vtd->frcd[index][1], __ATOMIC_ACQUIRE) & VTD_FRCD_HI_F) != 0) {
		__atomic_fetch_or(&vtd->fsts, VTD_FSTS_PFO, __ATOMIC_RELEASE);
		return;
	}
	if (access == VTD_ACCESS_READ || access == VTD_ACCESS_TRANSLATION)
		hi |= VTD_FRCD_HI_T1;
	else if (access == VTD_ACCESS_PAGE_REQUEST)
		hi |= VTD_FRCD_HI_T2;
	if (access == VTD_ACCESS_TRANSLATION || access == VTD_ACCESS_TRANSLATION_WRITE)
		hi |= FRCD_HI_AT_TRANSLATION;
	if (msg->pasid != EMU_NO_PASID)
		hi |= VTD_FRCD_HI_PP | (uint64_t)msg->pasid << VTD_FRCD_HI_PV_SHIFT;
	if ((msg->flags & EMU_REQ_PRIV) != 0)
		hi |= VTD_FRCD_HI_PRIV;
	if ((msg->flags & EMU_REQ_EXEC) != 0)
		hi |= VTD_FRCD_HI_EXE;
	if (!any_pending(vtd))
		__atomic_store_n(&vtd->fri, index, __ATOMIC_RELEASE);
	__atomic_store_n(&vtd->frcd[index][0], msg->iova & VTD_FRCD_LO_FI_MASK, __ATOMIC_RELAXED);
	/* F last; pairs with the acquire loads of the registers */
	__atomic_store_n(&vtd->frcd[index][1], hi, __ATOMIC_RELEASE);
	vtd->frcd_next = index + 1 == vtd->nb_frcd ? 0 : index + 1;
	uiommu_count(&emu->live.faults_recorded, 1);
}
