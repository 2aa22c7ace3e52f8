/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "vtd_hw.h"
#include "vtd_report.h"

/* S 7.1.3, reasons of scalable mode and of legacy mode by what a reader of them wants to know */
static uint16_t
reason_of(unsigned int fr)
{
	switch (fr) {
	case VTD_FR_FS_NOT_PRESENT:
		return UIOMMU_REPORT_TRANSLATION;
	case VTD_FR_SS_PERMISSION: /* absence of the second stage is missing permission */
	case VTD_FR_SRE_CLEAR:
	case VTD_FR_USER:
	case VTD_FR_WRITE_DENIED:
	case VTD_FR_READ_DENIED:
	case VTD_FR_LEGACY_WRITE_DENIED:
	case VTD_FR_LEGACY_READ_DENIED:
		return UIOMMU_REPORT_PERMISSION;
	case VTD_FR_FS_NOT_CANONICAL:
	case VTD_FR_PT_ADDRESS:
	case VTD_FR_SS_ADDRESS:
	case VTD_FR_INTERRUPT_RANGE:
	case VTD_FR_LEGACY_ADDRESS:
		return UIOMMU_REPORT_ADDRESS;
	case VTD_FR_TTM_ABORT:
	case VTD_FR_ROOT_NOT_PRESENT:
	case VTD_FR_CONTEXT_NOT_PRESENT:
	case VTD_FR_LEGACY_ROOT_NOT_PRESENT:
	case VTD_FR_LEGACY_CONTEXT_NOT_PRESENT:
		return UIOMMU_REPORT_ENDPOINT;
	case VTD_FR_PASIDE_CLEAR:
	case VTD_FR_PASID_TOO_LARGE:
	case VTD_FR_PASID_IS_RID_PASID:
	case VTD_FR_PASID_DIR_NOT_PRESENT:
	case VTD_FR_PASID_ENTRY_NOT_PRESENT:
		return UIOMMU_REPORT_PASID;
	case VTD_FR_DTE_CLEAR:
	case VTD_FR_PRE_CLEAR:
	case VTD_FR_LEGACY_TRANSLATED:
		return UIOMMU_REPORT_NOT_ALLOWED;
	case VTD_FR_RTADDR:
	case VTD_FR_TTM_LEGACY_PASID:
	case VTD_FR_TTM_LEGACY_PRQ:
	case VTD_FR_ROOT_RESERVED:
	case VTD_FR_CONTEXT_RESERVED:
	case VTD_FR_CONTEXT_INVALID:
	case VTD_FR_PASID_DIR_RESERVED:
	case VTD_FR_PASID_ENTRY_RESERVED:
	case VTD_FR_PASID_ENTRY_INVALID:
	case VTD_FR_FS_RESERVED:
	case VTD_FR_FS_ROOT:
	case VTD_FR_FS_NESTED:
	case VTD_FR_SS_RESERVED:
	case VTD_FR_SS_ROOT:
	case VTD_FR_LEGACY_CONTEXT_INVALID:
	case VTD_FR_LEGACY_ROOT_RESERVED:
	case VTD_FR_LEGACY_CONTEXT_RESERVED:
	case VTD_FR_LEGACY_PAGE_RESERVED:
		return UIOMMU_REPORT_TABLE;
	case VTD_FR_ROOT_ACCESS:
	case VTD_FR_CONTEXT_ACCESS:
	case VTD_FR_PASID_DIR_ACCESS:
	case VTD_FR_PASID_ENTRY_ACCESS:
	case VTD_FR_FS_ACCESS:
	case VTD_FR_SS_ACCESS:
	case VTD_FR_LEGACY_PAGE_ACCESS:
	case VTD_FR_LEGACY_ROOT_ACCESS:
	case VTD_FR_LEGACY_CONTEXT_ACCESS:
		return UIOMMU_REPORT_MEMORY;
	default:
		return UIOMMU_REPORT_OTHER;
	}
}

/* T1 and T2 name the kind of access; of a page request the access it wanted is not recorded. */
static uint16_t
access_of(uint64_t hi)
{
	const bool t1 = (hi & VTD_FRCD_HI_T1) != 0;
	const bool t2 = (hi & VTD_FRCD_HI_T2) != 0;

	if (t1)
		return UIOMMU_FAULT_READ | (t2 ? UIOMMU_FAULT_WRITE : 0); /* both: atomic */
	return t2 ? 0 : UIOMMU_FAULT_WRITE;
}

struct uiommu_report
vtd_report_decode(uint64_t lo, uint64_t hi)
{
	const unsigned int fr = (hi >> VTD_FRCD_HI_FR_SHIFT) & VTD_FRCD_HI_FR_MASK;
	const bool has_pasid = (hi & VTD_FRCD_HI_PP) != 0;
	struct uiommu_report report = {
		.iova = lo & VTD_FRCD_LO_FI_MASK,
		.endpoint_id = (uint32_t)(hi & VTD_FRCD_HI_SID_MASK),
		.pasid = UIOMMU_NO_PASID,
		.reason = reason_of(fr),
		.flags = access_of(hi),
		.detail = fr,
	};

	if ((hi & VTD_FRCD_HI_PRIV) != 0)
		report.flags |= UIOMMU_FAULT_PRIV;
	if ((hi & VTD_FRCD_HI_EXE) != 0)
		report.flags |= UIOMMU_FAULT_EXEC;
	if (has_pasid) {
		report.flags |= UIOMMU_FAULT_PASID;
		report.pasid = (uint32_t)((hi >> VTD_FRCD_HI_PV_SHIFT) & VTD_FRCD_HI_PV_MASK);
	}
	return report;
}
