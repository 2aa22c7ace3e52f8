/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Arm LPAE, pages of 64 KiB: 48 bits in 3 levels, 64 entries in the root; leaves 64K, 512M. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#include "pt_pvt.h"

#define FMT_OPS uiommu_pvt_pt_arm_lpae_64k
#define FMT_NAME "arm-lpae-64k"
#define FMT_PAGE_SHIFT 16
#define FMT_INDEX_BITS 13
#define FMT_MAX_LEAF 1
#define FMT_LEVELS_MIN 3
#define FMT_LEVELS_MAX 3
#define FMT_LEVELS_DEFAULT 3
#define FMT_VA_BITS_MAX 48

#include "arm_lpae.h"
#include "pt_format.h"
