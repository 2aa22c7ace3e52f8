/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EDU_H
#define EDU_H

/*
 * QEMU's edu device (1234:11e8) by way of sysfs, so that no driver has it: a buffer of 4 KiB and a
 * DMA engine between it and I/O addresses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of its buffer. */
#define EDU_BUFFER_SIZE 4096

struct edu {
	volatile uint8_t *regs;
	uint32_t endpoint_id; /**< requester id: bus 15:8, devfn 7:0 */
	char address[16];
};

/**
 * Find the device, let it decode its registers and be a bus master, and map the registers.
 *
 * @param address where it is, "0000:00:03.0"
 * @return 0; negative errno, with a line on stderr that says why
 */
int
edu_open(struct edu *edu, const char *address);

/** It is no bus master any more. */
void
edu_close(struct edu *edu);

/**
 * Begin a DMA between the start of the buffer and memory.
 *
 * @param iova I/O address in memory
 * @param len in bytes, up to EDU_BUFFER_SIZE
 * @param to_memory the device writes; false: it reads
 */
void
edu_dma_start(struct edu *edu, uint64_t iova, size_t len, bool to_memory);

/** @return whether the DMA is over, well or not: the device does not tell */
bool
edu_dma_is_over(const struct edu *edu);

#endif /* EDU_H */
