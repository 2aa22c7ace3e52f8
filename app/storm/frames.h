/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_FRAMES_H
#define STORM_FRAMES_H

/*
 * Pages of 4 KiB for what a budget lets in: taken by the fault lcore, given back by whoever evicts;
 * no lock, and nobody waits. A free page is full of poison: a device that still writes to it is
 * found out when the page is taken the next time.
 */

#include <stdbool.h>
#include <stdint.h>

#define FRAME_BYTES 4096

struct frames {
	uint8_t *base;
	uint32_t nb;
	uint32_t *next; /* of a free page: index of the one below it, plus 1; atomic */
	/* the topmost free page: number of changes in the upper half, index plus 1 in the lower */
	uint64_t top __attribute__((aligned(128))); /* atomic */
};

/* 0 or -ENOMEM. */
int
frames_open(struct frames *f, uint32_t nb, int socket_id);

void
frames_close(struct frames *f);

/*
 * A page, or NULL: all are taken. *intact says whether nobody has written to it while it was free.
 */
void *
frames_take(struct frames *f, bool *intact);

void
frames_give(struct frames *f, void *frame);

static inline uint32_t
frames_index(const struct frames *f, const void *frame)
{
	return (uint32_t)(((const uint8_t *)frame - f->base) / FRAME_BYTES);
}

/* Free pages; nobody takes or gives meanwhile. Those that were written to are counted. */
uint32_t
frames_count(const struct frames *f, uint32_t *broken);

#endif /* STORM_FRAMES_H */
