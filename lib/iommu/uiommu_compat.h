/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_COMPAT_H
#define UIOMMU_COMPAT_H

/*
 * What differs between the DPDK versions that we build with (22.11, 24.11, 25.11),
 * and the attributes that their headers name differently. No other file asks for a version.
 */

#include <rte_common.h>
#include <rte_log.h>
#include <rte_telemetry.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define uiommu_tel_dict_uint(d, name, value) rte_tel_data_add_dict_u64(d, name, value)
#else
#define uiommu_tel_dict_uint(d, name, value) rte_tel_data_add_dict_uint(d, name, value)
#endif

/* Cold code: kept out of line and away from the data path. */
#define uiommu_cold __attribute__((cold, noinline))

#define uiommu_cache_aligned __attribute__((aligned(RTE_CACHE_LINE_SIZE)))

/* Thread-local data that takes one load and no call to reach. */
#define uiommu_tls_fast __attribute__((tls_model("initial-exec")))

extern int uiommu_logtype;

/* One line; never on the data path. */
#define UIOMMU_LOG(level, fmt, ...)                                                                \
	rte_log(RTE_LOG_##level, uiommu_logtype, "uiommu: " fmt "\n", ##__VA_ARGS__)

#endif /* UIOMMU_COMPAT_H */
