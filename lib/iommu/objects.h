/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef OBJECTS_H
#define OBJECTS_H

/* The engine's objects: units, queues, endpoints, domains, bonds. Who may write which member. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_kvargs.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <uiommu.h>
#include <uiommu_driver.h>
#include <uiommu_prg.h>

#include "pasid_table.h"
#include "uiommu_compat.h"

struct uiommu_attach;
struct uiommu_paging;
struct uiommu_pgpool;
struct uiommu_queue;
struct uiommu_targets;
struct uiommu_unit;

TAILQ_HEAD(uiommu_attach_list, uiommu_attach);

struct uiommu_args {
	char driver[UIOMMU_NAME_SIZE];
	struct rte_kvargs *kv;
	uint64_t used; /* bit for each pair that was asked for */
};

/* Place of a domain in the burst that a queue is working on. */
struct uiommu_domain_mark {
	uint32_t burst;  /* number of the burst */
	uint32_t bucket;
	uint32_t nb_kept; /* slots that its handler has */
};

struct uiommu_domain {
	/* data path */
	uiommu_fault_handler_t handler; /* never NULL; atomic: see uiommu_pvt_domain_mute() */
	void *handler_priv;
	struct uiommu_domain_mark mark[UIOMMU_MAX_QUEUES]; /* each by its queue's owner */
	uint64_t deadline_cycles; /* of deferred groups; 0: none */
	uint32_t kept_max; /* bound on each mark's nb_kept */
	uint32_t type;
	uint8_t deadline_code;
	bool fault_capable; /* has, or had, a handler or a fault queue */
	/*
	 * Whose handler gets the groups: its own, or one that stands for all domains of the unit
	 * that resolve faults by themselves, so that they are resolved in one call
	 */
	struct uiommu_domain *bulk;
	struct uiommu_paging *paging; /* NULL: its table is not kept by the library */
	/* control path */
	struct uiommu_unit *unit;
	void *drv; /* of the driver */
	struct uiommu_fault_queue *fault_queue; /* NULL: none */
	struct uiommu_domain *parent;           /* NESTED */
	uint32_t nb_attached;
	uint32_t nb_children; /* NESTED domains over it */
	bool nest_parent;
	struct uiommu_attach_list bonds;
	/* of bonds; two that take turns: the one that readers of the data path find, atomic */
	const struct uiommu_targets *targets;
	struct uiommu_targets *targets_spare;
	uint64_t targets_token; /* of RCU: when nobody reads the spare any more */
	bool targets_wait;
	TAILQ_ENTRY(uiommu_domain) next;
} uiommu_cache_aligned;

struct uiommu_attach {
	struct uiommu_attach_head head; /* first: what applications may see */
	struct uiommu_domain *domain;
	struct uiommu_domain *bulk;   /* the domain's */
	struct uiommu_paging *paging; /* the domain's */
	struct uiommu_endpoint *endpoint;
	uint32_t nb_deferred[UIOMMU_MAX_QUEUES]; /* slots of this bond; each by its queue's owner */
	/* control path */
	struct uiommu_unit *unit; /* its endpoint may go before uiommu_detach_done() is called */
	bool is_sva;         /* made by uiommu_sva_bind(): nobody else may undo it */
	uint32_t undoing;    /* enum uiommu_undoing, atomic */
	int undo_result;
	struct uiommu_attach *undo_next; /* in uiommu_unit::undo_wishes */
	TAILQ_ENTRY(uiommu_attach) undo; /* in uiommu_unit::undo_waiting */
	TAILQ_ENTRY(uiommu_attach) next; /* in its endpoint */
	TAILQ_ENTRY(uiommu_attach) bond; /* in its domain */
} uiommu_cache_aligned;

/* How far an asynchronous detach has come. */
enum uiommu_undoing {
	UIOMMU_UNDOING_NOT = 0,
	UIOMMU_UNDOING_WAITS, /* for its turn */
	UIOMMU_UNDOING_RUNS,
	UIOMMU_UNDOING_OVER,  /* undo_result holds; memory waits for uiommu_detach_done() */
};

TAILQ_HEAD(uiommu_domain_list, uiommu_domain);
TAILQ_HEAD(uiommu_endpoint_list, uiommu_endpoint);

struct uiommu_endpoint {
	/* data path: of the owner of the queue */
	uint32_t assembly_busy; /* 0: a last request is a whole group (copy of prg's state) */
	uint32_t id;
	struct uiommu_prg *prg; /* NULL for the endpoint that stands for unknown ones */
	/* control path */
	bool user_pasids; /* read by the owner, never changes */
	bool may_fail;    /* FAILURE may be sent; never changes */
	uint16_t queue;   /* that takes its requests, whose owner has assembly_busy and prg */
	struct uiommu_unit *unit;
	void *drv; /* of the driver */
	uint8_t pasid_bits;
	bool can_fault;   /* by page requests, or because its accesses may wait in the unit */
	int numa_node;      /* -1: any */
	struct uiommu_endpoint *pf; /* of a VF */
	uint32_t nb_vfs;
	uint32_t nb_attached;
	uint32_t nb_fault_capable; /* bonds whose domain is */
	struct uiommu_attach_list attached;
	TAILQ_ENTRY(uiommu_endpoint) next;
	/* data path: read by the owner, written under the control lock */
	struct uiommu_pasid_table pasids;
} uiommu_cache_aligned;

#define UIOMMU_ENDPOINT_LEAF_SHIFT 8
#define UIOMMU_ENDPOINT_LEAF_ENTRIES (1U << UIOMMU_ENDPOINT_LEAF_SHIFT)
/* A function's own part of an id; what is above says which bus hierarchy it is in. */
#define UIOMMU_ENDPOINT_RID_BITS 16

/* Endpoints whose ids have their upper bits in common. Absent ones are the unit's `unknown`. */
struct uiommu_endpoint_leaf {
	struct uiommu_endpoint *endpoint[UIOMMU_ENDPOINT_LEAF_ENTRIES];
};

/* Group waiting for an answer by cookie. */
enum uiommu_slot_state {
	UIOMMU_SLOT_FREE = 0,
	UIOMMU_SLOT_DEFERRED = 1,
	UIOMMU_SLOT_ANSWERED = 2,
};

struct uiommu_slot {
	/*
	 * Generation, state and code in one word: SLOT_WORD(). The step from DEFERRED to
	 * ANSWERED is a compare-and-swap, open to all threads; every other step is the
	 * owner's.
	 */
	uint64_t word;
	struct uiommu_resp resp;
	struct uiommu_attach *attach;
	struct uiommu_fault_queue *fq; /* where it was put; NULL: kept by a handler */
	uint32_t fq_entry;             /* place in there */
	uint32_t next_free;
	uint64_t deadline_tsc;         /* 0: none */
} uiommu_cache_aligned;

/*
 * uiommu_group::slot of a group without a slot. The low bits are the queue's id; those above
 * number the burst, so that a group of an older one is told from one of this.
 */
#define UIOMMU_SLOT_NONE UINT32_C(0x80000000)
#define UIOMMU_SLOT_BURST_SHIFT 4
#define UIOMMU_SLOT_QUEUE_MASK ((1U << UIOMMU_SLOT_BURST_SHIFT) - 1)

/* Which deferred groups. A member that is NULL does not restrict. */
struct uiommu_whose {
	const struct uiommu_attach *attach;
	const struct uiommu_endpoint *endpoint;
	const struct uiommu_fault_queue *fq;
};

/* Which parked requests of an endpoint are thrown away. */
enum uiommu_purge {
	UIOMMU_PURGE_NONE = 0,
	UIOMMU_PURGE_PASID,
	UIOMMU_PURGE_UNBONDED, /* those whose PASID has no bond, and those of the RID */
	UIOMMU_PURGE_ALL,
	/*
	 * PASID, or UNBONDED and those of the RID; and they are asked for again, where their last
	 * request is still to come
	 */
	UIOMMU_PURGE_LOSE,
};

/* Something that the control path wants done on the thread that owns a queue. */
struct uiommu_ctl {
	/* -EINPROGRESS: call again after the next burst. */
	int (*step)(struct uiommu_queue *queue, struct uiommu_ctl *ctl);
	struct uiommu_cmd cmd;
	struct uiommu_whose whose;        /* groups that are answered INVALID */
	struct uiommu_endpoint *endpoint; /* whose parked requests go */
	enum uiommu_purge purge;
	uint32_t purge_pasid;
	uint32_t drain_pasid;             /* for UIOMMU_CMD_DRAIN */
	bool update;                      /* the device entry was changed too */
	bool only_pass;                   /* nobody's groups are answered, nothing is waited for */
	unsigned int phase;               /* of a teardown */
	unsigned int tries;               /* of the hardware drain */
	bool pass_begun;
	uint64_t marks[UIOMMU_QUEUE_SOURCES]; /* of uiommu_queue_ops::mark() */
	int result;
	uint64_t give_up_tsc;             /* when the control path stops waiting */
	uint32_t done;                    /* release store by the owner, after result */
};

/* A teardown that goes from queue to queue. Control lock. */
struct uiommu_teardown {
	struct uiommu_ctl wish;  /* as it is posted to the first queue */
	uint16_t first;          /* the endpoint's */
	uint16_t passed;         /* queues that are done */
	bool in_grace;           /* past the last one */
	uint64_t rcu_token;
	uint64_t give_up_tsc;
};

/* A fault that was routed. */
struct uiommu_route {
	struct uiommu_endpoint *endpoint;
	union {
		struct uiommu_attach *const *slot; /* where its handle stands; then */
		struct uiommu_attach *attach;      /* its handle, or NULL */
	};
};

struct uiommu_queue {
	/* owner's, read-mostly */
	const struct uiommu_queue_ops *ops;
	void *drv;
	struct uiommu_unit *unit;
	struct uiommu_endpoint_leaf *const *endpoint_dir; /* of the unit */
	uint32_t endpoint_beyond;                         /* of the unit */
	uint16_t id;
	uint16_t burst;
	bool failed;                    /* of the owner: the unit is beyond repair */
	bool in_handler;                /* of the owner */
	struct uiommu_resolve *resolve; /* of demand paging; NULL: the unit has no tables of ours */
	struct uiommu_fault *faults;    /* burst: as fetched */
	struct uiommu_route *routes;    /* burst */
	struct uiommu_group *groups;    /* burst: in order of arrival */
	struct uiommu_group *sorted;    /* burst: by domain */
	uint8_t *codes;                 /* burst */
	struct uiommu_resp *resps;      /* burst */
	struct uiommu_report *reports;  /* burst */
	struct uiommu_domain **buckets; /* burst: domains of the burst */
	uint16_t *bucket_end;           /* burst */
	uint64_t *answered;             /* bit for each group of the application's burst */
	struct uiommu_fault *gather;    /* gather_max: requests of groups of more than one */
	uint32_t gather_max;
	uint32_t group_max;

	/* owner's, written each burst */
	uint16_t fault_pos uiommu_cache_aligned; /* next of faults[] to be grouped */
	uint16_t nb_faults;
	uint16_t nb_groups;   /* groups of this burst */
	uint16_t nb_resps;    /* responses gathered so far */
	uint16_t nb_open;     /* groups of the application's burst that it has not answered */
	bool mixed;           /* groups of more than one domain */
	uint32_t burst_number;
	uint32_t nb_gathered;
	uint32_t nb_deferred;
	uint32_t nb_kept;     /* of them, those that handlers keep */
	uint32_t nb_timed;    /* of them, those with a deadline */
	uint32_t expire_pos;  /* slot that is looked at next */
	uint32_t free_slot;
	struct uiommu_slot *slots;
	struct rte_ring *answers; /* cookies, from any thread to the owner */
	struct uiommu_stats stats;

	/* other threads' */
	void *owner uiommu_cache_aligned; /* thread token, NULL: nobody */
	struct uiommu_ctl *ctl;           /* wish of the control path, NULL: none */
	uint32_t rescan;                  /* answers found the ring full: look at all slots */
	uint64_t not_owner;               /* counted by whoever it was */
	uint64_t stale_answers;
	uint32_t kept_max;                /* slots for handlers: those that no fault queue has */
} uiommu_cache_aligned;

TAILQ_HEAD(uiommu_fault_queue_list, uiommu_fault_queue);
TAILQ_HEAD(uiommu_undo_list, uiommu_attach);

/* What a pool's pages lie in. */
struct uiommu_pool_memory {
	struct uiommu_dma *piece;
	uint32_t nb_pieces;
};

struct uiommu_unit {
	struct uiommu_dev dev; /* first: what its driver sees */
	enum uiommu_dev_state state; /* see uiommu_pvt_state() */
	const struct uiommu_driver *driver;
	struct uiommu_dev_conf conf;
	uint16_t nb_queues;
	uint8_t pasid_bits;
	uint64_t capa;        /* UIOMMU_CAPA_*, from configure on */
	pthread_mutex_t lock; /* control path */
	struct uiommu_queue *queues[UIOMMU_MAX_QUEUES];
	struct rte_rcu_qsbr *rcu; /* thread id = queue */
	struct uiommu_ctl ctl;
	struct uiommu_endpoint *unknown; /* has no bonds */
	/* by the upper bits of ids; one more, which stays empty, for ids that are too wide */
	struct uiommu_endpoint_leaf **endpoint_dir;
	uint32_t endpoint_beyond;        /* index of that one */
	struct uiommu_endpoint_leaf *endpoint_leaf_empty; /* all `unknown` */
	uint32_t nb_endpoints;
	uint32_t nb_domains;
	uint32_t nb_attached;
	struct uiommu_endpoint_list endpoints;
	struct uiommu_domain_list domains;
	struct uiommu_domain *demand;     /* stands for all that resolve faults by themselves */
	struct uiommu_pgpool *table_pool; /* pages for tables; NULL: the driver keeps its own */
	struct uiommu_pgpool *frame_pool; /* pages for what devices write; NULL: none */
	struct uiommu_pool_memory table_memory;
	struct uiommu_pool_memory frame_memory;
	struct uiommu_dma zero_page;      /* what devices read where nothing was written */
	struct uiommu_fault_queue_list fault_queues;
	uint32_t fault_queue_slots;           /* sum of their depths */
	struct uiommu_attach *undo_wishes;    /* stack: any thread pushes, atomic */
	struct uiommu_undo_list undo_waiting; /* taken off the stack, in order */
	struct uiommu_attach *undo_running;   /* NULL: none */
	struct uiommu_undo_list undo_over;
	struct uiommu_teardown undo_teardown; /* of undo_running */
	struct uiommu_stats stats_base; /* counters at the last reset */
	uint64_t driver_stats_base[UIOMMU_DRIVER_STATS_MAX];
};

#endif /* OBJECTS_H */
