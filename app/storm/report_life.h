/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_REPORT_LIFE_H
#define STORM_REPORT_LIFE_H

/* Parts of the text report: what came and went, and what was handed over. */

#include "result.h"

/* What became of accesses that waited in the unit. */
void
report_stalls(const struct storm_result *r);

/* Accesses that have failed for good, by reason. */
void
report_reports(const struct report_counts *counts);

void
report_churn(const struct churn *churn);

void
report_delivery(const struct storm *s, const struct uiommu_fault_queue_stats *fq);

void
report_sva(const struct storm *s);

void
report_stuck(const struct stuck_result *stuck);

void
report_map(const struct storm *s, const struct storm_result *r);

#endif /* STORM_REPORT_LIFE_H */
