/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef MM_SELF_H
#define MM_SELF_H

/*
 * This process's own memory: page requests in, present pages out. No EAL, so that it can be tested,
 * and used, without one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu_sva.h>

/* Requests resolved at once; no group has more. */
#define UIOMMU_MM_BATCH_MAX 4096

/* ------------------------------------------------------------------ mm_maps.c */

/* Reads /proc/self/maps piece by piece; zeroed at the beginning. */
struct uiommu_mm_maps {
	uint64_t begin;
	uint64_t end;
	unsigned int column; /* enum of mm_maps.c */
	unsigned int prot;   /* PROT_*, filled up to column */
};

/* A mapping, in order of addresses. */
typedef void (*uiommu_mm_maps_visit_t)(void *arg, uint64_t begin, uint64_t end, unsigned int prot);

/* Visit what is in a piece of text; a line may go on in the next piece. */
void
uiommu_pvt_mm_maps_feed(struct uiommu_mm_maps *maps, const char *text, size_t length,
			uiommu_mm_maps_visit_t visit, void *arg);

/* Visit all mappings of this process. 0 or a negative errno. */
int
uiommu_pvt_mm_maps_read(uiommu_mm_maps_visit_t visit, void *arg);

/* -------------------------------------------------------------- mm_resident.c */

struct uiommu_mm_resident;

/*
 * Memory that faults keep resident.
 *
 * granule_bytes: power of two, at least 4096. max_bytes: bound, UINT64_MAX: none but those of the
 * kernel. 0 or -ENOMEM.
 */
int
uiommu_pvt_mm_resident_create(uint64_t granule_bytes, uint64_t max_bytes,
			      struct uiommu_mm_resident **resident);
/* Unlock what was locked. */
void
uiommu_pvt_mm_resident_destroy(struct uiommu_mm_resident *resident);
/*
 * Lock [begin, end), whole pages, and the granules around them as far as they are mapped; pages
 * become resident when they are touched. 0: locked, or not mapped; -ENOSPC: over a bound. Any
 * thread.
 */
int
uiommu_pvt_mm_resident_lock(struct uiommu_mm_resident *resident, uint64_t begin, uint64_t end);
/* Bytes of the granules locked, and the bound in force. */
uint64_t
uiommu_pvt_mm_resident_bytes(struct uiommu_mm_resident *resident);
uint64_t
uiommu_pvt_mm_resident_max(const struct uiommu_mm_resident *resident);

/* ------------------------------------------------------------------ mm_self.c */

struct uiommu_mm_self;

/* A request, while it is worked on. */
struct uiommu_mm_req {
	uint64_t begin;    /* the page that was asked for: this one must come */
	uint64_t end;      /* of what was asked for as a hint */
	uint32_t fault;    /* place in the batch */
	uint32_t write;
	int numa_node;
};

/* Scratch memory of one thread. */
struct uiommu_mm_work {
	struct uiommu_mm_req reqs[UIOMMU_MM_BATCH_MAX];
	uint8_t result[UIOMMU_MM_BATCH_MAX]; /* of each fault */
};

/* conf is checked. 0; -ENOTSUP: no MADV_POPULATE; -ENOMEM. */
int
uiommu_pvt_mm_self_create(const struct uiommu_mm_conf *conf, struct uiommu_mm_self **self);
void
uiommu_pvt_mm_self_destroy(struct uiommu_mm_self *self);
/*
 * Make pages present, with the access asked for. codes gets SUCCESS, INVALID, RETRY or the limit's
 * code for each group. Any thread, with a work of its own; at most UIOMMU_MM_BATCH_MAX faults.
 * Groups whose code is the limit's, because of the limit.
 */
uint32_t
uiommu_pvt_mm_self_resolve(struct uiommu_mm_self *self, struct uiommu_mm_work *work,
			   const struct uiommu_mm_fault *faults, uint32_t nb_faults, uint8_t *codes,
			   uint32_t nb_groups);
/* Fill the members of info that are this file's. */
void
uiommu_pvt_mm_self_info(struct uiommu_mm_self *self, struct uiommu_mm_info *info);

#endif /* MM_SELF_H */
