/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HEAP_H
#define HEAP_H

/**
 * @file
 * DPDK's heap as a test program sees it where heap_libc.c is part of it.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * Asked before each allocation, on the thread that wants it, with the name of the function; NULL:
 * all are granted. @return false: it fails, for want of memory
 */
extern bool (*heap_gate)(const char *function);

/** Pieces of memory, rings and memzones that were taken and not given back. */
int64_t heap_live(void);

#endif /* HEAP_H */
