/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Arm LPAE, pages of 4 KiB: 39 bits in 3 levels, 48 in 4; leaves of 4 KiB, 2 MiB and 1 GiB. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#include "pt_pvt.h"

#define FMT_OPS uiommu_pvt_pt_arm_lpae_4k
#define FMT_NAME "arm-lpae"
#define FMT_PAGE_SHIFT 12
#define FMT_INDEX_BITS 9
#define FMT_MAX_LEAF 2
#define FMT_LEVELS_MIN 3
#define FMT_LEVELS_MAX 4
#define FMT_LEVELS_DEFAULT 4
#define FMT_VA_BITS_MAX 48

#include "arm_lpae.h"
#include "pt_format.h"
