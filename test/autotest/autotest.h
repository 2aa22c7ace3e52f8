/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef AUTOTEST_H
#define AUTOTEST_H

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "rig.h"

extern const struct harness_suite probe_suite, probe_platform_suite, probe_smmuv3_suite,
	probe_riscv_suite,
	lifecycle_suite, objects_suite, datapath_suite, paging_suite, telemetry_suite;

/* What uiommu_probe() says; closes what it opened. */
int
probe_result(const char *devargs);

/* Probe each: none is refused. */
void
probe_good(const char *const *devargs, size_t nb);

/* Probe once, and look at what becomes of it, and at lines in the log. @param what in words */
void
probe_expect(const char *devargs, const char *what, int ret, unsigned int lines);

/** A unit that lacks something, or has something odd. */
struct probe_unit {
	const char *what;
	const char *args; /**< devargs of the emulation */
	int ret;          /**< what becomes of it */
};

/* Probe each: what is refused is refused with one line in the log, the others with none. */
void
probe_each(const char *driver, const struct probe_unit *units, size_t nb);

/* Probe each: refused with -EINVAL and one line, and nothing is left. @param bad a key each */
void
probe_bad(const char *driver, const char *const *bad, size_t nb);

/* A rig with a unit of the harness' table, with further devargs. */
struct rig *
probe_rig(const char *unit, const char *devargs);

/** What a unit does not show, by devargs of the emulation. */
struct probe_lack {
	const char *args;
	uint64_t capa;
};

/* Open each: it shows all capabilities but those. */
void
probe_lacks(const char *unit, uint64_t all, const struct probe_lack *lacks, size_t nb);

/* Memory comes and goes under DMA without ATS; what is refused is reported. */
void
probe_dma(struct rig *rig, uint32_t endpoint_id);

/* Other ways to do the same, each by further devargs: they bring a unit up, and it serves. */
void
probe_ways(const char *unit, uint32_t endpoint_id, const char *const *args, size_t nb);

/* Endpoint ids beyond those that a unit was made for. */
void
probe_ids(const char *unit, const char *devargs, unsigned int bits);

#endif /* AUTOTEST_H */
