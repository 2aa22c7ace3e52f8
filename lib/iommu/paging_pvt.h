/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PAGING_PVT_H
#define PAGING_PVT_H

/*
 * Domains whose table the library keeps, and demand paging over them.
 *
 * Who looks at a table without a lock:
 *   - owners of queues, in handlers: readers of the unit's RCU
 *   - any thread inside uiommu_domain_map() and uiommu_domain_iova_to_phys(): between
 *     uiommu_pvt_paging_enter() and _leave()
 * Who takes things out of it holds the unit's control lock, so there is one at a time. Before
 * memory is given back uiommu_pvt_paging_flush() has waited for both kinds of readers.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_driver.h>
#include <uiommu_pgtable.h>
#include <uiommu_region.h>

#include "objects.h"

/* Bonds of a domain at some moment. Filled before it is published. */
struct uiommu_targets {
	uint32_t nb;
	uint32_t capacity;
	struct uiommu_inval_target target[];
};

/* A declared range of addresses. Written before it is published, then read by all. */
struct uiommu_region {
	uint64_t iova;
	uint64_t len;
	uint32_t prot;
	uint8_t type;         /* enum uiommu_backing_type */
	uint8_t page_shift;   /* of the backing; ANON: 12 */
	bool cow;
	/* MEMORY, FILE: where pages lie, of page_shift each; linear: pa[0] runs on */
	bool linear;
	const uint64_t *pa;
	const uint8_t *va;
	/* CALLBACK */
	const struct uiommu_backing_ops *ops;
	void *priv;
	/* control path */
	struct uiommu_domain *domain;
	void *file_map;       /* FILE: to be unmapped with file_len */
	size_t file_len;
	bool may_move;        /* FILE: its pages are not locked */
	uint32_t users;       /* evictions that are giving its pages back */
	struct uiommu_region *next; /* in uiommu_paging::leaving */
	bool leaving;         /* faults find it no more */
	bool stuck;           /* the unit failed while it was being removed */
};

/* Regions of a domain, by address; never changes, freed after a grace period. */
struct uiommu_region_table {
	struct uiommu_region_table *next; /* control path: in uiommu_paging::old_tables */
	uint32_t nb;
	struct uiommu_region *region[];
};

/* Counters of the data path; each copy by one queue's owner. See struct uiommu_paging_stats. */
struct uiommu_paging_counts {
	struct uiommu_pgtable_hint hint; /* no counter, but for the same hands */
	uint64_t requests;
	uint64_t missed; /* of them, those that were not there */
	uint64_t merged_same;
	uint64_t merged_next;
	uint64_t mapped_pages;
	uint64_t around_pages;
	uint64_t hinted_pages;
	uint64_t large_leaves;
	uint64_t zeroed_pages;
	uint64_t copied_pages;
	uint64_t no_region;
	uint64_t denied;
	uint64_t no_page;
	uint64_t busy;
	uint64_t no_table;
	uint64_t no_frame;
} uiommu_cache_aligned;

/* What only the control path counts, lock held, by uiommu_count(). */
struct uiommu_paging_ctl_counts {
	uint64_t evicted_pages;
	uint64_t written_pages;
	uint64_t spared_pages;
	uint64_t invalidations;
	uint64_t ranges;
	uint64_t wide;
};

/* Of a domain whose table the library keeps. */
struct uiommu_paging {
	struct uiommu_pgtable *pt;
	struct uiommu_unit *unit;
	struct uiommu_domain *domain;
	/* atomic: release by the control path, acquire by readers; never NULL */
	const struct uiommu_region_table *regions;
	uint64_t budget;       /* pages of 4 KiB; UINT64_MAX: none */
	uint32_t around_pages; /* power of two; 1: none */
	bool demand;
	bool mirror;           /* the unit's table is another, see mirror_pvt.h */
	bool can_exchange;     /* a leaf may change in one step */
	bool tracks;           /* the unit keeps accessed and dirty bits */
	bool tell_absent;      /* the unit must be told when something comes */
	bool tell_more;        /* or when what is there gets more access */
	uint32_t untold;       /* 1: that was so, and there was no room to tell; atomic */
	/*
	 * Whether a queue owes invalidations that found no room; by its owner. It answers nothing
	 * of the domain SUCCESS meanwhile.
	 */
	uint32_t owes[UIOMMU_MAX_QUEUES];
	uint64_t pa_last;      /* mirror: highest address that entries can hold */
	/* written by several */
	uint64_t resident uiommu_cache_aligned; /* pages that count for the budget; atomic */
	uint32_t guard;        /* which of guard_active new readers use; atomic */
	uint32_t guard_active[2];
	/* control path */
	uint64_t clock_iova uiommu_cache_aligned; /* where the clock's hand stands */
	uint32_t evicting;     /* calls of uiommu_domain_evict() that are giving pages back */
	/*
	 * Dirty bits do not tell any more what was written: write access was taken away where the
	 * unit does not track. What may be written counts as dirty then.
	 */
	bool dirty_unknown;
	/* out of regions, not unmapped yet: nothing may begin there */
	struct uiommu_region *leaving;
	struct uiommu_region_table *old_tables;  /* could not be freed: the unit failed */
	struct uiommu_outgoing_block *stranded;  /* pages that could not be given back, likewise */
	struct uiommu_paging_ctl_counts ctl;
	struct uiommu_paging_counts counts[UIOMMU_MAX_QUEUES];
	struct uiommu_pgtable_gather owed[UIOMMU_MAX_QUEUES]; /* each by its queue's owner */
};

/* ------------------------------------------------------------------ paging.c */

/* Table of a domain, where the library keeps it; fills conf->table_pa and levels. */
int
uiommu_pvt_paging_create(struct uiommu_unit *unit, struct uiommu_domain *domain,
			 struct uiommu_domain_conf *conf);
/* The domain has no bonds any more. Regions give their pages back. Lock held. */
void
uiommu_pvt_paging_destroy(struct uiommu_domain *domain);
/* paging_pools.c: pages of a unit for tables and frames. 0 or -ENOMEM. */
int
uiommu_pvt_pools_create(struct uiommu_unit *unit);
void
uiommu_pvt_pools_destroy(struct uiommu_unit *unit);
/* A reader that is not the owner of a queue comes; token for leave(). */
unsigned int
uiommu_pvt_paging_enter(struct uiommu_paging *paging);
void
uiommu_pvt_paging_leave(struct uiommu_paging *paging, unsigned int token);
/* Everybody who may have looked at something that was taken out before has gone. Lock held. */
int
uiommu_pvt_paging_grace(struct uiommu_paging *paging);
/* Its table, or NULL: not of the kind (PAGING without table_pa). */
static inline struct uiommu_paging *
uiommu_pvt_paging_of(const struct uiommu_domain *domain)
{
	return domain != NULL ? domain->paging : NULL;
}

/* ------------------------------------------------------------------- inval.c */

/* A domain without bonds. */
void
uiommu_pvt_targets_init(struct uiommu_domain *domain);
/* Make room for one bond more. Lock held. 0 or -ENOMEM. */
int
uiommu_pvt_targets_reserve(struct uiommu_domain *domain);
/* The bonds of a domain have changed. Lock held. */
void
uiommu_pvt_targets_update(struct uiommu_domain *domain);
void
uiommu_pvt_targets_free(struct uiommu_domain *domain);
/* The unit forgets; see UIOMMU_CMD_INVALIDATE. Lock held. 0, -ETIMEDOUT or -EIO. */
int
uiommu_pvt_invalidate(struct uiommu_domain *domain, const struct uiommu_pgtable_gather *gather,
		      bool only_absent);
/*
 * The unit and the devices forget what was gathered, of the domain and of those nested in it; one
 * wait. Then, where tables were taken out, all readers pass and the pages are given back.
 * After an error the pages stay out of use. Lock held. 0, -ETIMEDOUT or -EIO.
 */
int
uiommu_pvt_paging_flush(struct uiommu_domain *domain, struct uiommu_pgtable_gather *gather);
/* On the data path: the same without waiting, before the responses that follow. Whether it could */
bool
uiommu_pvt_paging_invalidate(struct uiommu_queue *queue, const struct uiommu_paging *paging,
			     const struct uiommu_pgtable_gather *gather, bool only_absent);

/* ------------------------------------------------------------- resolve_mem.c */

/* What the resolver of a queue works with: all of it is taken here. */
struct uiommu_resolve *
uiommu_pvt_resolve_create(struct uiommu_queue *queue);
void
uiommu_pvt_resolve_destroy(struct uiommu_resolve *resolve);

/* ----------------------------------------------------------------- resolve.c */

/* Handler of domains with UIOMMU_DOMAIN_DEMAND: groups of any of them, of one unit. */
void
uiommu_pvt_demand_handler(void *unit, struct uiommu_group *groups, uint8_t *codes,
			  uint16_t nb_groups);

/* ------------------------------------------------------------------ region.c */

/* Region of an address, or NULL. Data path. */
static inline const struct uiommu_region *
uiommu_pvt_region_find(const struct uiommu_region_table *table, uint64_t iova)
{
	uint32_t low = 0, nb = table->nb;

	while (nb > 0) {
		uint32_t half = nb >> 1;
		const struct uiommu_region *region = table->region[low + half];

		if (iova - region->iova < region->len)
			return region;
		if (iova > region->iova) {
			low += half + 1;
			nb -= half + 1;
		} else {
			nb = half;
		}
	}
	return NULL;
}

/* Either may end at the end of all addresses. */
static inline bool
uiommu_pvt_region_overlaps(const struct uiommu_region *region, uint64_t iova, uint64_t len)
{
	return region->iova - iova < len || iova - region->iova < region->len;
}

/* MEMORY, FILE: where an offset lies. */
static inline uint64_t
uiommu_pvt_region_pa(const struct uiommu_region *region, uint64_t offset)
{
	if (region->linear)
		return region->pa[0] + offset;
	return region->pa[offset >> region->page_shift] +
	       (offset & ((UINT64_C(1) << region->page_shift) - 1));
}

/* Whether pages of a region go back to somebody when they are unmapped. */
static inline bool
uiommu_pvt_region_returns(const struct uiommu_region *region)
{
	return region->type == UIOMMU_BACKING_CALLBACK || region->type == UIOMMU_BACKING_ANON ||
	       region->cow;
}

/* The table of a domain without regions. */
extern const struct uiommu_region_table uiommu_pvt_no_regions;

/* ------------------------------------------------------------------- evict.c */

/*
 * Unmap a range of a domain with regions: pages of those that want them back are given back.
 * Lock held; it is let go of while pages are given back. *unmapped is added to.
 */
int
uiommu_pvt_regions_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len,
			 uint64_t *unmapped);
/* The domain goes: give everything back, free the regions. No unit uses the table any more. */
void
uiommu_pvt_regions_fini(struct uiommu_domain *domain);

/* ----------------------------------------------------------------- budget */

/* Count pages of 4 KiB for the budget; false: there is no room for them, nothing was counted. */
static inline bool
uiommu_pvt_resident_take(struct uiommu_paging *paging, uint64_t nb)
{
	uint64_t before = __atomic_fetch_add(&paging->resident, nb, __ATOMIC_RELAXED);

	if (before + nb <= paging->budget)
		return true;
	__atomic_fetch_sub(&paging->resident, nb, __ATOMIC_RELAXED);
	return false;
}

static inline void
uiommu_pvt_resident_give(struct uiommu_paging *paging, uint64_t nb)
{
	__atomic_fetch_sub(&paging->resident, nb, __ATOMIC_RELAXED);
}

#endif /* PAGING_PVT_H */
