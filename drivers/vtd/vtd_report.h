/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_REPORT_H
#define VTD_REPORT_H

/**
 * @file
 * Fault records of the unit, S 7.2 and 11.4.7.6, as reports: accesses that it has ended by
 * itself. Read from registers now and then, kept until the engine takes them. By the owner of the
 * queue.
 */

#include <stdint.h>

#include <uiommu_driver.h>

/** Reports that are kept, power of two; further ones are counted only. */
#define VTD_REPORTS_MAX 256

struct vtd_reports {
	uint32_t head;
	uint32_t tail;   /**< indices run free */
	uint64_t lost;   /**< since the last vtd_reports_take() */
	struct uiommu_report ring[VTD_REPORTS_MAX];
};

/** What a fault record says. @param lo, hi its words */
struct uiommu_report
vtd_report_decode(uint64_t lo, uint64_t hi);

void
vtd_reports_add(struct vtd_reports *reports, uint64_t lo, uint64_t hi);

static inline bool
vtd_reports_is_empty(const struct vtd_reports *reports)
{
	return reports->head == reports->tail && reports->lost == 0;
}

/** uiommu_queue_ops::reports */
uint16_t
vtd_reports_take(struct vtd_reports *reports, struct uiommu_report *out, uint16_t nb,
		 uint64_t *lost);

#endif /* VTD_REPORT_H */
