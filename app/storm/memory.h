/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_MEMORY_H
#define STORM_MEMORY_H

#include <stdbool.h>

#include "options.h"

/* Megabytes that a storm takes at most, roughly. */
unsigned int
memory_needed_mb(const struct storm_options *o);

/* Whether so much memory can be had in hugepages. Where not, one line on stderr says so and why. */
bool
memory_hugepages(unsigned int megabytes);

#endif /* STORM_MEMORY_H */
