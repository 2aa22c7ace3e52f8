/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_REPORT_H
#define UIOMMU_DRIVER_REPORT_H

/**
 * @file
 * For drivers: reports that wait for uiommu_queue_ops::reports. By the owner of the queue.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Reports that are kept, power of two; further ones are counted only. */
#define UIOMMU_REPORTS_KEPT 1024

struct uiommu_report_ring {
	uint32_t head;
	uint32_t tail; /**< indices run free */
	uint64_t lost; /**< since the last uiommu_reports_take() */
	struct uiommu_report ring[UIOMMU_REPORTS_KEPT];
};

static inline void
uiommu_reports_reset(struct uiommu_report_ring *reports)
{
	reports->head = 0;
	reports->tail = 0;
	reports->lost = 0;
}

static inline bool
uiommu_reports_is_empty(const struct uiommu_report_ring *reports)
{
	return reports->head == reports->tail && reports->lost == 0;
}

static inline void
uiommu_reports_add(struct uiommu_report_ring *reports, const struct uiommu_report *report)
{
	if (reports->tail - reports->head == UIOMMU_REPORTS_KEPT)
		reports->lost++;
	else
		reports->ring[reports->tail++ % UIOMMU_REPORTS_KEPT] = *report;
}

/** uiommu_queue_ops::reports */
static inline uint16_t
uiommu_reports_take(struct uiommu_report_ring *reports, struct uiommu_report *out, uint16_t nb,
		    uint64_t *lost)
{
	uint16_t n;

	for (n = 0; n < nb && reports->head != reports->tail; n++)
		out[n] = reports->ring[reports->head++ % UIOMMU_REPORTS_KEPT];
	*lost = reports->lost;
	reports->lost = 0;
	return n;
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_REPORT_H */
