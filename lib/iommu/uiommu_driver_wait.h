/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_WAIT_H
#define UIOMMU_DRIVER_WAIT_H

/** @file For drivers: bounded waits for a register. Control path. */

#include <errno.h>
#include <stdint.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include <uiommu_driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @return the unit's time-out in cycles of the time-stamp counter */
static inline uint64_t
uiommu_timeout_cycles(const struct uiommu_dev *dev)
{
	return (uint64_t)((double)dev->timeout_ns * 1e-9 * (double)rte_get_tsc_hz());
}

/** Read a register until (value & mask) == want. @return 0; -ETIMEDOUT: not within the time-out */
static inline int
uiommu_await_reg32(struct uiommu_dev *dev, uint32_t reg, uint32_t mask, uint32_t want)
{
	const uint64_t end = rte_get_tsc_cycles() + uiommu_timeout_cycles(dev);

	while ((uiommu_reg_read32(&dev->platform, reg) & mask) != want) {
		if (rte_get_tsc_cycles() > end)
			return -ETIMEDOUT;
		rte_pause();
	}
	return 0;
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_WAIT_H */
