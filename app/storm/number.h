/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_NUMBER_H
#define STORM_NUMBER_H

/*
 * Numbers of the command line, read to the last character. All return 0, or -EINVAL (no
 * number, or something after it) or -ERANGE (outside of min and max).
 */

#include <stdint.h>

/* Decimal, or hexadecimal after 0x; k, M and G after a decimal number multiply by 1000 each. */
int
number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* A fraction such as 0.25. */
int
ratio_parse(const char *text, double min, double max, double *value);

/* "A-B", or "A" for "A-A". */
int
range_parse(const char *text, uint32_t min, uint32_t max, uint32_t *from, uint32_t *to);

#endif /* STORM_NUMBER_H */
