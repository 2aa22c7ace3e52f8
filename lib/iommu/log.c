/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "uiommu_compat.h"

RTE_LOG_REGISTER(uiommu_logtype, lib.uiommu, NOTICE)
