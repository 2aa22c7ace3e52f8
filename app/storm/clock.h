/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_CLOCK_H
#define STORM_CLOCK_H

/* The control thread's clock: monotonic, nanoseconds. */

#include <stdint.h>

uint64_t
clock_now_ns(void);

/* Ends early when a signal asks the program to stop. */
void
clock_sleep_until_ns(uint64_t when_ns);

void
clock_sleep_ns(uint64_t ns);

#endif /* STORM_CLOCK_H */
