/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef DEVICE_H
#define DEVICE_H

/*
 * QEMU's edu device (1234:11e8), driven through its VFIO descriptor: a buffer of 4 KiB, and a DMA
 * engine between it and I/O addresses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device {
	volatile uint8_t *regs;
	size_t regs_size;
	int fd; /* the unit's, not ours to close */
};

/**
 * Let the device decode its registers and be a bus master, and map the registers.
 *
 * @param fd VFIO descriptor of the device
 * @return 0; negative errno, with a line on stderr that says why
 */
int
device_open(struct device *device, int fd);

/** It is no bus master any more. */
void
device_close(struct device *device);

/**
 * A DMA between the start of the device's buffer and memory, from its start to its end.
 *
 * @param iova I/O address in memory
 * @param len in bytes, up to 4096
 * @param to_memory the device writes; false: it reads
 * @return whether it came to its end; how, the device does not tell
 */
bool
device_dma(struct device *device, uint64_t iova, size_t len, bool to_memory);

#endif /* DEVICE_H */
