/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_REPORT_H
#define STORM_REPORT_H

#include <stdio.h>

#include "result.h"

/* The report for people, on stdout. */
void
report_print(const struct storm *s, const struct storm_result *r);

/* Open the file for the report as JSON, "-" for stdout. NULL after one line on stderr. */
FILE *
json_open(const char *file);

/* The report as a JSON object; closes the file. 0, or -errno after one line. */
int
json_write(const struct storm *s, const struct storm_result *r, FILE *file);

#endif /* STORM_REPORT_H */
