/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORE_H
#define STORE_H

/**
 * @file
 * A backing of type CALLBACK: pages of a store, brought into few frames and taken back. It holds
 * the library to what uiommu_region.h says of get() and put(): a page is in one pair of hands,
 * and nothing reaches a frame that was given back.
 */

#include <pthread.h>

#include "paging.h"

#define STORE_PAGES 512

struct store {
	struct rig *rig;
	struct uiommu_region *region;
	uint64_t iova;
	uint32_t shift;          /* log2 of its pages in bytes */
	uint32_t nb_pages;
	uint8_t *frames;         /* nb_frames of them */
	uint32_t nb_frames;
	pthread_mutex_t lock;    /* of all that follows */
	uint8_t *contents;       /* nb_pages of them: what is not in a frame */
	uint32_t free[STORE_PAGES];
	uint32_t nb_free;
	uint64_t pa[STORE_PAGES]; /* 0: in the store */
	uint32_t nb_out;
	uint32_t out_max;        /* the most there ever were */
	uint64_t gets, puts, dirty, empty;
	uint64_t calls_get, calls_put;
	uint32_t supply;         /* pages that one get() supplies at most */
	bool missing;            /* get() says that there is no page */
	bool unit_dead;          /* devices may reach what is given back: the unit is off */
	bool closed;             /* a call is a failure */
	void (*in_put)(struct store *store, const struct uiommu_backing_page *page);
	void *hook_arg;
};

/** A region over a store. @param frames where, within the memory of p; @param shift 12 or 21 */
void store_open(struct store *store, struct paging *p, uint64_t iova, uint32_t nb_pages,
		uint8_t *frames, uint32_t nb_frames, uint32_t shift);

/** All pages are back. */
void store_close(struct store *store);

/** Whether a page is with the library. */
bool store_is_out(struct store *store, uint32_t page);

#endif /* STORE_H */
