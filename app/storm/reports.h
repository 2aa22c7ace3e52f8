/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_REPORTS_H
#define STORM_REPORTS_H

/* Accesses that have failed for good, as the library tells of them. */

#include <stdint.h>

#include <uiommu.h>

struct report_counts {
	uint64_t all;
	uint64_t by_reason[UIOMMU_REPORT_REASONS];
};

/* Written by whoever polls, relaxed atomic; at rest it may be read as it is. */
struct storm_reports {
	struct report_counts counts;
	struct report_counts before; /* when figures began */
};

/* As uiommu_dev_conf::report; report_priv is a struct storm_reports. */
void
reports_take(void *report_priv, int16_t dev_id, const struct uiommu_report *reports, uint16_t nb);

/* Figures count from here ... */
void
reports_figures_begin(struct storm_reports *r);

/* ... to here. */
void
reports_figures_end(const struct storm_reports *r, struct report_counts *counts);

/* "translation", "permission", ... */
const char *
reports_reason_name(uint32_t reason);

#endif /* STORM_REPORTS_H */
