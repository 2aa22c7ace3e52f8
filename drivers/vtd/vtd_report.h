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

#include <uiommu_driver_report.h>

/** What a fault record says. @param lo, hi its words */
struct uiommu_report
vtd_report_decode(uint64_t lo, uint64_t hi);

#endif /* VTD_REPORT_H */
