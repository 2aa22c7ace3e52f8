/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_REPORT_H
#define STORM_REPORT_H

#include "result.h"

/* The report for people, on stdout. */
void
report_print(const struct storm *s, const struct storm_result *r);

/* The same as a JSON object. 0, or -errno after one line. "-" is stdout. */
int
json_write(const struct storm *s, const struct storm_result *r, const char *file);

#endif /* STORM_REPORT_H */
