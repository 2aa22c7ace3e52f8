/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <rte_common.h>

#include "reports.h"

static const char *const names[] = {
	[UIOMMU_REPORT_OTHER] = "other",
	[UIOMMU_REPORT_TRANSLATION] = "translation",
	[UIOMMU_REPORT_PERMISSION] = "permission",
	[UIOMMU_REPORT_ADDRESS] = "address",
	[UIOMMU_REPORT_ENDPOINT] = "endpoint",
	[UIOMMU_REPORT_PASID] = "pasid",
	[UIOMMU_REPORT_NOT_ALLOWED] = "not_allowed",
	[UIOMMU_REPORT_TABLE] = "table",
	[UIOMMU_REPORT_MEMORY] = "memory",
};

_Static_assert(RTE_DIM(names) == UIOMMU_REPORT_REASONS, "a name for each");

static void
count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n,
			 __ATOMIC_RELAXED);
}

void
reports_take(void *report_priv, int16_t dev_id, const struct uiommu_report *reports, uint16_t nb)
{
	struct storm_reports *r = report_priv;
	uint32_t reason;
	uint16_t i;

	for (i = 0; i < nb; i++) {
		reason = reports[i].reason;
		count(&r->counts.by_reason[reason < RTE_DIM(names) ? reason : UIOMMU_REPORT_OTHER],
		      1);
	}
	count(&r->counts.all, nb);
}

void
reports_figures_begin(struct storm_reports *r)
{
	r->before = r->counts;
}

void
reports_figures_end(const struct storm_reports *r, struct report_counts *counts)
{
	uint32_t i;

	counts->all = r->counts.all - r->before.all;
	for (i = 0; i < UIOMMU_REPORT_REASONS; i++)
		counts->by_reason[i] = r->counts.by_reason[i] - r->before.by_reason[i];
}

const char *
reports_reason_name(uint32_t reason)
{
	return names[reason];
}
