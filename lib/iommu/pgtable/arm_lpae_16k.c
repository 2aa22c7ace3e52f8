/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Arm LPAE, pages of 16 KiB: 48 bits in 4 levels, 2 entries in the root; leaves of 16K and 32M. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#include "pt_pvt.h"

#define FMT_OPS uiommu_pvt_pt_arm_lpae_16k
#define FMT_NAME "arm-lpae-16k"
#define FMT_PAGE_SHIFT 14
#define FMT_INDEX_BITS 11
#define FMT_MAX_LEAF 1
#define FMT_LEVELS_MIN 4
#define FMT_LEVELS_MAX 4
#define FMT_LEVELS_DEFAULT 4
#define FMT_VA_BITS_MAX 48

#include "arm_lpae.h"
#include "pt_format.h"
