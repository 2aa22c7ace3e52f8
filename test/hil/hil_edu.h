/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_EDU_H
#define HIL_EDU_H

/**
 * @file
 * QEMU's device "edu": copies between memory and a buffer of its own, through the IOMMU, without
 * PASID and without ATS. It does not say whether an access was refused: the unit does, once for
 * each 4 bytes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hil_machine.h"

/** Bytes that one transfer can have. */
#define HIL_EDU_MAX 4092

/** A device. */
struct hil_edu {
	struct hil_machine *machine;
	uint64_t bar;
	uint8_t devfn;
};

/** @param devfn slot 7:3, function 2:0. @return 0; -ENODEV: there is no edu */
int
hil_edu_open(struct hil_edu *edu, struct hil_machine *machine, uint8_t devfn);

/** Into the device, from an address of the device's. @return whether it came to its end in time */
bool
hil_edu_load(struct hil_edu *edu, uint64_t iova, uint32_t len);

/** What was loaded last, out of the device. @return likewise */
bool
hil_edu_store(struct hil_edu *edu, uint64_t iova, uint32_t len);

#endif /* HIL_EDU_H */
