/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef MM_PVT_H
#define MM_PVT_H

/*
 * Address spaces: the object, what it is on each unit, and who resolves.
 *
 *   mm.c          the object: creation, its end, counters
 *   mm_unit.c     on one unit: domain, fault queue, handler
 *   mm_resolve.c  from groups to codes: operations or this process's memory; batches
 *   mm_worker.c   threads
 *   sva.c         bonds: bind, unbind, and what ends them
 *
 * Locks, in this order: that of SVA (sva.c), that of a unit, uiommu_mm::lock. The last one
 * is held for a few steps only, and for nothing that waits; those who resolve take no other.
 */

#include "mm_self.h"
#include "uiommu_pvt.h"

#define UIOMMU_MM_WORKERS_MAX 16
#define UIOMMU_MM_LANES 8

struct uiommu_sva;
TAILQ_HEAD(uiommu_sva_list, uiommu_sva);

/*
 * Who resolves passes through one of several lanes, so that fault lcores do not share a line. The
 * end of the address space waits until each lane has been empty.
 */
struct uiommu_mm_lane {
	uint32_t running; /* atomic, as the counters are */
	uint64_t groups;
	uint64_t pages;
	uint64_t invalid;
	uint64_t dying;
} uiommu_cache_aligned;

/* What one thread resolves at once. */
struct uiommu_mm_batch {
	struct uiommu_mm_batch *next;
	struct uiommu_fault_msg msgs[UIOMMU_MM_BATCH_MAX];
	struct uiommu_mm_fault faults[UIOMMU_MM_BATCH_MAX];
	uint32_t cookies[UIOMMU_MM_BATCH_MAX]; /* of each group */
	uint8_t codes[UIOMMU_MM_BATCH_MAX];    /* of each group */
	struct uiommu_mm_work work;
};

struct uiommu_mm_worker {
	struct uiommu_mm *mm;
	uiommu_thread_t thread;
	bool ended; /* atomic */
};

/* An address space on a unit. */
struct uiommu_mm_unit {
	struct uiommu_mm *mm;
	struct uiommu_unit *unit;
	struct uiommu_domain *domain;
	struct uiommu_fault_queue *fq; /* NULL: resolved on the fault lcore */
	uint32_t refs;                 /* atomic: its being there, and who resolves */
	bool listed;                   /* in uiommu_mm::units */
	struct uiommu_sva_list bonds;  /* changed under both of SVA's and the mm's lock */
	uint32_t faults_max;           /* of each array: a burst, or one group */
	struct uiommu_mm_fault *faults[UIOMMU_MAX_QUEUES]; /* each by its queue's owner */
	TAILQ_ENTRY(uiommu_mm_unit) next;
	TAILQ_ENTRY(uiommu_mm_unit) all_next; /* SVA's lock */
};

TAILQ_HEAD(uiommu_mm_unit_list, uiommu_mm_unit);

struct uiommu_mm {
	struct uiommu_mm_conf conf;
	struct uiommu_mm_self *self; /* NULL: not this process */
	uint32_t refs;     /* atomic: the user's, and one for each uiommu_mm_unit */
	uint32_t dying;    /* 0 or 1; atomic */
	uint32_t pasid;    /* atomic; written under SVA's lock, as the next two are */
	uint32_t nb_bound; /* atomic */
	bool pasid_spoiled; /* a unit may still know it */
	pthread_mutex_t lock;
	struct uiommu_mm_unit_list units; /* lock */
	uint32_t nb_units;                /* atomic; written under lock */
	struct uiommu_mm_batch *batches;  /* lock; not in use */
	uint32_t nb_batches;
	int epoll_fd;      /* workers sleep on it; -1: there are none */
	int stop_fd;
	bool stop;         /* atomic */
	uint32_t nb_workers;
	struct uiommu_mm_worker workers[UIOMMU_MM_WORKERS_MAX];
	struct uiommu_mm_lane lanes[UIOMMU_MM_LANES];
} uiommu_cache_aligned;

/* Endpoint and address space: what uiommu_sva_bind() gives. */
struct uiommu_sva {
	uint32_t refs;                    /* SVA's lock, as all but the PASID */
	uint32_t pasid;                   /* atomic */
	struct uiommu_mm_unit *on;        /* NULL: its endpoint, or its unit, has gone */
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
	TAILQ_ENTRY(uiommu_sva) next;     /* in uiommu_mm_unit::bonds */
};

/* ----------------------------------------------------------------------- mm.c */

/* Pass through a lane. false: the address space has ended, nothing of it may be touched. */
bool
uiommu_pvt_mm_enter(struct uiommu_mm *mm, struct uiommu_mm_lane *lane);
void
uiommu_pvt_mm_leave(struct uiommu_mm_lane *lane);
/* Count groups that were answered INVALID since the address space has ended. */
void
uiommu_pvt_mm_count_dying(struct uiommu_mm_lane *lane, uint32_t nb_groups);
void
uiommu_pvt_mm_put(struct uiommu_mm *mm);

/* --------------------------------------------------------------- mm_resolve.c */

/* The caller is inside an operation of an address space. */
bool
uiommu_pvt_mm_in_operation(void);
/*
 * Resolve requests; the caller is in the lane. Those of group i, from 0 on, have i as their
 * number. codes is filled, with what may be sent for SVA.
 *
 * work: for uiommu_mm::self only.
 */
void
uiommu_pvt_mm_resolve(struct uiommu_mm *mm, struct uiommu_mm_lane *lane,
		      struct uiommu_mm_work *work, const struct uiommu_mm_fault *faults,
		      uint32_t nb_faults, uint8_t *codes, uint32_t nb_groups);
/* Resolve what is in the fault queues, up to budget groups. Number resolved. */
uint16_t
uiommu_pvt_mm_turn(struct uiommu_mm *mm, uint16_t budget);
/* Answer INVALID what is in the fault queues; dying, and nothing more will come. */
void
uiommu_pvt_mm_flush(struct uiommu_mm *mm);
/* Scratch memory for so many threads. 0 or -ENOMEM. */
int
uiommu_pvt_mm_batches_create(struct uiommu_mm *mm, uint32_t nb);
void
uiommu_pvt_mm_batches_free(struct uiommu_mm *mm);

/* ---------------------------------------------------------------- mm_worker.c */

/* 0 or a negative errno. */
int
uiommu_pvt_mm_workers_start(struct uiommu_mm *mm);
void
uiommu_pvt_mm_workers_stop(struct uiommu_mm *mm);
/* Have the workers look after a fault queue, or not any more. */
int
uiommu_pvt_mm_workers_watch(struct uiommu_mm *mm, struct uiommu_fault_queue *fq);
void
uiommu_pvt_mm_workers_forget(struct uiommu_mm *mm, struct uiommu_fault_queue *fq);

/* ------------------------------------------------------------------ mm_unit.c */

/* Both locks held. 0 or a negative errno. */
int
uiommu_pvt_mm_unit_create(struct uiommu_mm *mm, struct uiommu_unit *unit,
			  struct uiommu_mm_unit **on);
/*
 * Nothing is bound any more; both locks held. What a failed unit still holds stays until its end.
 * 0, or how the unit failed now.
 */
int
uiommu_pvt_mm_unit_end(struct uiommu_mm_unit *on);
/* The unit goes, and frees domain and fault queue itself; SVA's lock held. */
void
uiommu_pvt_mm_unit_forget(struct uiommu_mm_unit *on);
void
uiommu_pvt_mm_unit_put(struct uiommu_mm_unit *on);
/*
 * The one after another one, or the first after NULL. mm and unit restrict where they are not NULL.
 * SVA's lock held.
 */
struct uiommu_mm_unit *
uiommu_pvt_mm_unit_next(const struct uiommu_mm_unit *on, const struct uiommu_mm *mm,
			const struct uiommu_unit *unit);
void
uiommu_pvt_mm_unit_bond_add(struct uiommu_mm_unit *on, struct uiommu_sva *sva);
void
uiommu_pvt_mm_unit_bond_remove(struct uiommu_mm_unit *on, struct uiommu_sva *sva);
/* Node of an endpoint that is bound; -1: any. uiommu_mm::lock held. */
int
uiommu_pvt_mm_unit_node(const struct uiommu_mm_unit *on, uint32_t endpoint_id);

/* ---------------------------------------------------------------------- sva.c */

/* Translation of all bonds is blocked from now on; SVA's lock held. */
int
uiommu_pvt_sva_block(struct uiommu_mm *mm);

#endif /* MM_PVT_H */
