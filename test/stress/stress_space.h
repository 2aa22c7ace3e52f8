/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STRESS_SPACE_H
#define STRESS_SPACE_H

/**
 * @file
 * Address spaces of stress_paging: a domain with regions of every sort in the window that the
 * devices use, and a part of it that is mapped by hand.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu.h>

#include "rig.h"

#define PAGE UINT64_C(4096)

/** What is behind a part of the window. */
enum part_kind {
	PART_MEMORY,
	PART_ANON,
	PART_COW,
	PART_CALLBACK,
	PART_HAND, /* mapped by hand */
	PARTS,
};

#define PART_PAGES 64
#define WINDOW_PAGES (PARTS * PART_PAGES)
/** Frames for the pages of PART_CALLBACK, and how many of them may be in use. */
#define FRAMES 48
#define BUDGET (FRAMES + PART_PAGES)

struct part {
	pthread_mutex_t lock;
	struct uiommu_region *region; /* NULL: none */
	uint8_t *memory;              /* PART_PAGES */
};

struct space {
	struct rig *rig;
	pthread_rwlock_t lock; /* to write: the domain may go */
	struct uiommu_domain *domain;
	bool second;
	struct part parts[PARTS];
	/* of PART_CALLBACK */
	pthread_mutex_t store_lock;
	uint8_t *frames;
	uint32_t free[FRAMES];
	uint32_t nb_free;
	uint64_t pa[PART_PAGES]; /* 0: not with the library */
	uint64_t random;         /* of the store */
	/* atomic: what was done */
	uint64_t gets, puts, evicted, regions, mapped, unmapped;
};

/** Take memory, and make the domain. */
void space_open(struct space *space, struct rig *rig, bool second, uint64_t seed);

/** The domain, with all its regions. */
void space_domain_make(struct space *space);

/** Nothing is attached to it. Everything has been given back. */
void space_domain_drop(struct space *space);

/** One thing at random; of several threads at once. Reader of the lock. */
void space_change(struct space *space, uint64_t *random);

/** Give memory back; the unit may be closed. */
void space_close(struct space *space);

#endif /* STRESS_SPACE_H */
