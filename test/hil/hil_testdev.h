/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_TESTDEV_H
#define HIL_TESTDEV_H

/**
 * @file
 * QEMU's device "iommu-testdev" (QEMU 11): writes a pattern through the IOMMU, and says itself
 * whether that was refused.
 */

#include <stdint.h>

#include "hil_machine.h"

/** What became of a write. */
enum hil_testdev_result {
	HIL_TESTDEV_DONE = 0,
	HIL_TESTDEV_REFUSED = UINT32_C(0xdead0002),  /**< by the IOMMU */
	HIL_TESTDEV_MISSED = UINT32_C(0xdead0004),   /**< the bytes are not at the given place */
};

/** What it writes, again and again. */
#define HIL_TESTDEV_PATTERN UINT32_C(0x12345678)

/** A device. */
struct hil_testdev {
	struct hil_machine *machine;
	uint64_t bar;
};

/** @return 0; -ENODEV: there is none */
int
hil_testdev_open(struct hil_testdev *testdev, struct hil_machine *machine, uint8_t devfn);

/**
 * Write the pattern.
 *
 * @param pa where the device is to look for it afterwards
 * @return enum hil_testdev_result, or another number of the device's
 */
uint32_t
hil_testdev_write(struct hil_testdev *testdev, uint64_t iova, uint64_t pa, uint32_t len);

#endif /* HIL_TESTDEV_H */
