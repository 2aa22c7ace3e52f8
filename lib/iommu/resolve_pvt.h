/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RESOLVE_PVT_H
#define RESOLVE_PVT_H

/* What the files of the resolver share. Everything here belongs to the owner of one queue. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "paging_pvt.h"

#define RESOLVE_PAGE_SHIFT 12
#define RESOLVE_PAGE_SIZE (UINT64_C(1) << RESOLVE_PAGE_SHIFT)
/* Pages that are handed over at a time: as many as a table has entries. */
#define RESOLVE_BATCH 512

/* A request whose page is not there, or not with the access wanted. */
struct resolve_miss {
	struct uiommu_paging *paging;
	const struct uiommu_region *region;
	uint64_t iova;     /* of the page */
	uint32_t nb_pages; /* hint, 1 or more */
	uint16_t group;
	uint8_t prot;      /* UIOMMU_PROT_* wanted */
	uint8_t code;      /* what it is answered if it does not come */
	bool there;        /* only waits for an invalidation that is owed */
};

struct uiommu_resolve {
	struct uiommu_queue *queue;
	/* requests of a burst; as many as there can be */
	uint32_t max;
	struct uiommu_pgtable **pts;
	struct uiommu_pgtable_hint **hints;
	uint64_t *iovas;
	uint8_t *prots;
	uint8_t *present;
	const struct uiommu_fault **faults;
	uint16_t *groups;          /* which group each belongs to */
	struct resolve_miss *misses;
	uint32_t nb_misses;
	bool single;               /* as many groups as requests: faults and groups do not hold */
	/* of the run that is being resolved */
	struct uiommu_paging *paging;
	struct uiommu_paging_counts *counts;
	struct uiommu_pgtable_gather changed; /* led elsewhere before */
	struct uiommu_pgtable_gather came;    /* absent before */
	struct uiommu_backing_page pages[RESOLVE_BATCH];
	uint64_t pa[RESOLVE_BATCH];
};

/* Neighbouring requests for pages of one region. */
struct resolve_run {
	struct resolve_miss *miss;
	uint32_t nb_misses;
	uint64_t begin; /* address of the first page */
	uint64_t end;   /* past the last one; with hints, as far as the region goes */
	uint64_t wanted_end; /* past the last one that was asked for */
};

/* resolve_run.c */
/* Sort misses by domain and address, and resolve them; those that fail get their code. */
void
uiommu_pvt_resolve_misses(struct uiommu_resolve *resolve);

/* resolve_pages.c: pages of a run, by what is behind them */
/* MEMORY and FILE: where the memory is. */
void
uiommu_pvt_resolve_direct(struct uiommu_resolve *resolve, struct resolve_run *run);
/* CALLBACK: supplied by the application. */
void
uiommu_pvt_resolve_callback(struct uiommu_resolve *resolve, struct resolve_run *run);

/* resolve_private.c */
/* ANON and COW: seen until they are written, then pages of the unit. */
void
uiommu_pvt_resolve_private(struct uiommu_resolve *resolve, struct resolve_run *run);

/* Misses of a run in [begin, end) get this code, if they do not come. Number of them. */
static inline uint32_t
uiommu_pvt_resolve_blame(struct resolve_run *run, uint64_t begin, uint64_t end, uint8_t code)
{
	uint32_t i, nb = 0;

	for (i = 0; i < run->nb_misses; i++) {
		if (run->miss[i].iova < begin || run->miss[i].iova >= end)
			continue;
		run->miss[i].code = code;
		nb++;
	}
	return nb;
}

/* Why misses of a run in [begin, end) must be asked for again; -EFAULT: they never come. */
static inline void
uiommu_pvt_resolve_fail(struct uiommu_resolve *resolve, struct resolve_run *run, uint64_t begin,
			uint64_t end, int error)
{
	uint64_t *counter = error == -EFAULT ? &resolve->counts->no_page :
			    error == -ENOMEM ? &resolve->counts->no_table :
			    error == -ENOSPC ? &resolve->counts->no_frame :
					       &resolve->counts->busy;

	uiommu_count(counter, uiommu_pvt_resolve_blame(run, begin, end,
						       error == -EFAULT ? UIOMMU_CODE_INVALID :
									  UIOMMU_CODE_RETRY));
}

/*
 * A range came, as a whole or with more access.
 *
 * @param grown uiommu_pgtable_grown() before
 */
static inline void
uiommu_pvt_resolve_came(struct uiommu_resolve *resolve, uint32_t grown, uint64_t iova, uint64_t len)
{
	const struct uiommu_paging *paging = resolve->paging;

	if (len != 0 && (paging->tell_absent ||
			 (paging->tell_more && grown != uiommu_pgtable_grown(paging->pt))))
		uiommu_pgtable_gather_add(&resolve->came, iova, len);
}

/* The block around a run that is mapped with it, within the region. */
static inline void
uiommu_pvt_resolve_around(const struct uiommu_paging *paging, const struct uiommu_region *region,
			  const struct resolve_run *run, uint64_t *begin, uint64_t *end)
{
	const uint64_t block = (uint64_t)paging->around_pages << RESOLVE_PAGE_SHIFT;
	const uint64_t region_end = region->iova + region->len;

	*begin = run->begin & ~(block - 1);
	*end = (run->end + block - 1) & ~(block - 1);
	if (*begin < region->iova)
		*begin = region->iova;
	/* the block may end at the end of all addresses */
	if (*end > region_end || *end < run->end)
		*end = region_end;
}

#endif /* RESOLVE_PVT_H */
