/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_STORE_H
#define STORM_STORE_H

/*
 * What is behind regions of --backing callback: a store that holds every page of every address
 * space, and fewer frames in which they are while devices use them. Watches what the library does
 * with them.
 */

#include <stdint.h>

#include <uiommu.h>
#include <uiommu_emu.h>

#include "frames.h"

struct store;

/* Of one address space; private pointer of its region. */
struct store_space {
	struct store *store;
	uint8_t *base;      /* its pages in the store */
	uint32_t *frame_of; /* of each page: frame that it is in, plus 1; 0: only here; atomic */
};

struct store_counts {
	uint64_t got, returned, written;
	/* each of them a fault of the library */
	uint64_t again;  /* asked for, and was not given back */
	uint64_t strange; /* given back, and was not asked for, or from another place */
	uint64_t changed; /* given back as not written, and had changed */
	uint64_t broken; /* frames that were written to while they were free */
	uint64_t kept;   /* frames that did not come back */
};

struct store {
	struct uiommu_emu *emu;
	unsigned int lcore_fault;
	uint64_t pages; /* of each space */
	uint32_t nb_spaces;
	struct store_space *spaces;
	uint32_t *frame_of;
	uint8_t *memory;
	size_t bytes;
	struct frames frames;
	struct store_counts counts; /* atomic */
};

extern const struct uiommu_backing_ops store_ops;

/* 0, or -errno; then nothing is left of it. */
int
store_open(struct store *st, uint32_t nb_spaces, uint64_t pages, uint32_t nb_frames, int socket_id);

void
store_close(struct store *st);

/* Everything was given back: what was not, and which frames are not as they were left. */
void
store_count(struct store *st);

#endif /* STORM_STORE_H */
