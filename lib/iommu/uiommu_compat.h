/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_COMPAT_H
#define UIOMMU_COMPAT_H

/*
 * What differs between the DPDK versions that we build with (22.11, 24.11, 25.11),
 * and the attributes that their headers name differently. No other file asks for a version.
 * Besides, what the C library's headers may not have yet.
 */

#include <pthread.h>
#include <sys/mman.h>

#include <rte_common.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_telemetry.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define uiommu_tel_dict_uint(d, name, value) rte_tel_data_add_dict_u64(d, name, value)
#else
#define uiommu_tel_dict_uint(d, name, value) rte_tel_data_add_dict_uint(d, name, value)
#endif

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Threads of the library: they run on what the lcores leave free. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
typedef pthread_t uiommu_thread_t;
typedef void *uiommu_thread_ret_t;
#define uiommu_thread_create(thread, name, func, arg)                                              \
	rte_ctrl_thread_create(thread, name, NULL, func, arg)
#define uiommu_thread_join(thread) pthread_join(thread, NULL)
#else
typedef rte_thread_t uiommu_thread_t;
typedef uint32_t uiommu_thread_ret_t;
#define uiommu_thread_create(thread, name, func, arg)                                              \
	rte_thread_create_control(thread, name, func, arg)
#define uiommu_thread_join(thread) rte_thread_join(thread, NULL)
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
