/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_PVT_H
#define UIOMMU_PVT_H

/*
 * The engine's own: units, queues, endpoints, bonds, and what one file
 * asks of another. Never installed.
 */

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

/* ------------------------------------------------------------------- objects */

struct uiommu_unit;
struct uiommu_queue;

struct uiommu_args {
	char driver[UIOMMU_NAME_SIZE];
	struct rte_kvargs *kv;
	uint64_t used; /* bit for each pair that was asked for */
};

/* Place of a domain in the burst that a queue is working on. */
struct uiommu_domain_mark {
	uint32_t burst;  /* number of the burst */
	uint32_t bucket;
};

struct uiommu_domain {
	/* data path */
	uiommu_fault_handler_t handler; /* never NULL */
	void *handler_priv;
	struct uiommu_domain_mark mark[UIOMMU_MAX_QUEUES]; /* each by its queue's owner */
	/* control path */
	struct uiommu_unit *unit;
	void *drv; /* of the driver */
	uint32_t type;
	uint32_t nb_attached;
	TAILQ_ENTRY(uiommu_domain) next;
} uiommu_cache_aligned;

struct uiommu_attach {
	struct uiommu_attach_head head; /* first: what applications may see */
	struct uiommu_domain *domain;
	struct uiommu_endpoint *endpoint;
	uint32_t nb_deferred; /* slots of this bond; by the owner of the queue */
	TAILQ_ENTRY(uiommu_attach) next; /* in its endpoint */
} uiommu_cache_aligned;

TAILQ_HEAD(uiommu_attach_list, uiommu_attach);
TAILQ_HEAD(uiommu_domain_list, uiommu_domain);
TAILQ_HEAD(uiommu_endpoint_list, uiommu_endpoint);

struct uiommu_endpoint {
	/* data path: of the owner of the queue */
	uint32_t assembly_busy; /* 0: a last request is a whole group (copy of prg's state) */
	uint32_t id;
	struct uiommu_prg *prg; /* NULL for the endpoint that stands for unknown ones */
	/* control path */
	struct uiommu_unit *unit;
	void *drv; /* of the driver */
	uint8_t pasid_bits;
	uint32_t nb_attached;
	struct uiommu_attach_list attached;
	TAILQ_ENTRY(uiommu_endpoint) next;
	/* data path: read by the owner, written under the control lock */
	struct uiommu_pasid_table pasids;
} uiommu_cache_aligned;

/* Counters of a driver that a reset can begin anew; further ones count on. */
#define UIOMMU_DRIVER_STATS_MAX 64

#define UIOMMU_ENDPOINT_LEAF_SHIFT 8
#define UIOMMU_ENDPOINT_LEAF_ENTRIES (1U << UIOMMU_ENDPOINT_LEAF_SHIFT)
#define UIOMMU_ENDPOINT_BITS 16
#define UIOMMU_ENDPOINT_DIR_ENTRIES (1U << (UIOMMU_ENDPOINT_BITS - UIOMMU_ENDPOINT_LEAF_SHIFT))

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
	uint32_t next_free;
} uiommu_cache_aligned;

/*
 * uiommu_group::slot of a group without a slot. The low bits are the queue's id; those above
 * number the burst, so that a group of an older one is told from one of this.
 */
#define UIOMMU_SLOT_NONE UINT32_C(0x80000000)
#define UIOMMU_SLOT_BURST_SHIFT 4
#define UIOMMU_SLOT_QUEUE_MASK ((1U << UIOMMU_SLOT_BURST_SHIFT) - 1)

/* Something that the control path wants done on the thread that owns a queue. */
struct uiommu_ctl {
	/* -EINPROGRESS: call again after the next burst. */
	int (*step)(struct uiommu_queue *queue, struct uiommu_ctl *ctl);
	struct uiommu_cmd cmd;
	struct uiommu_attach *attach;     /* whose groups; NULL: see endpoint */
	struct uiommu_endpoint *endpoint; /* whose groups; NULL: all of them */
	unsigned int phase;               /* of a teardown */
	unsigned int tries;               /* of the hardware drain */
	bool pass_begun;
	uint64_t pass_target;             /* value of stats.requests that must be reached */
	int result;
	uint32_t done;                    /* release store by the owner, after result */
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
	struct uiommu_endpoint_leaf *const *endpoint_dir;
	uint16_t id;
	uint16_t burst;
	bool failed;                    /* of the owner: the unit is beyond repair */
	bool in_handler;                /* of the owner */
	struct uiommu_fault *faults;    /* burst: as fetched */
	struct uiommu_route *routes;    /* burst */
	struct uiommu_group *groups;    /* burst: in order of arrival */
	struct uiommu_group *sorted;    /* burst: by domain */
	uint8_t *codes;                 /* burst */
	struct uiommu_resp *resps;      /* burst */
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
} uiommu_cache_aligned;

struct uiommu_unit {
	struct uiommu_dev dev; /* first: what its driver sees */
	enum uiommu_dev_state state; /* see uiommu_pvt_state() */
	const struct uiommu_driver *driver;
	struct uiommu_dev_conf conf;
	uint16_t nb_queues;
	uint8_t pasid_bits;
	pthread_mutex_t lock; /* control path */
	struct uiommu_queue *queues[UIOMMU_MAX_QUEUES];
	struct rte_rcu_qsbr *rcu; /* thread id = queue */
	struct uiommu_ctl ctl;
	struct uiommu_endpoint *unknown; /* has no bonds */
	struct uiommu_endpoint_leaf *endpoint_dir[UIOMMU_ENDPOINT_DIR_ENTRIES];
	struct uiommu_endpoint_leaf *endpoint_leaf_empty; /* all `unknown` */
	uint32_t nb_endpoints;
	uint32_t nb_domains;
	uint32_t nb_attached;
	struct uiommu_endpoint_list endpoints;
	struct uiommu_domain_list domains;
	struct uiommu_stats stats_base; /* counters at the last reset */
	uint64_t driver_stats_base[UIOMMU_DRIVER_STATS_MAX];
};

/* ------------------------------------------------------------- across files */

/* args.c */
int
uiommu_pvt_args_parse(struct uiommu_args *args, const char *devargs);
void
uiommu_pvt_args_free(struct uiommu_args *args);
/* A key that nobody has asked for, or NULL. */
const char *
uiommu_pvt_args_unused(const struct uiommu_args *args);

/* registry.c */
const struct uiommu_driver *
uiommu_pvt_driver_find(const char *name);
const struct uiommu_platform_ops *
uiommu_pvt_platform_find(const char *name);

/* State of a unit: the owner of a queue may mark it failed at any time. */
static inline enum uiommu_dev_state
uiommu_pvt_state(const struct uiommu_unit *unit)
{
	return __atomic_load_n(&unit->state, __ATOMIC_RELAXED);
}

/* dev.c */
struct uiommu_unit *
uiommu_pvt_unit_get(int16_t dev_id);
/* The unit can do no more than be stopped and closed. Logs why, once. Any thread. */
void
uiommu_pvt_unit_fail(struct uiommu_unit *unit, const char *why);
bool
uiommu_pvt_unit_is_started(const struct uiommu_unit *unit);

/* lifecycle.c */
bool
uiommu_pvt_unit_is_owned(const struct uiommu_unit *unit);
/* Back to probed: free what configure has taken. */
void
uiommu_pvt_unit_unconfigure(struct uiommu_unit *unit);

/* ctrl.c: threads, the control lock, and wishes to the owner of a queue */
/* Token of the calling thread. */
void *
uiommu_pvt_self(void);
/* Handlers are called between enter and leave. */
void
uiommu_pvt_handler_enter(void);
void
uiommu_pvt_handler_leave(void);
/* Take the control lock, polling the caller's own queues meanwhile. 0 or -EDEADLK. */
int
uiommu_pvt_lock(struct uiommu_unit *unit);
void
uiommu_pvt_unlock(struct uiommu_unit *unit);
/* Have unit->ctl, filled in, done on the owner of a queue; lock held. Its result. */
int
uiommu_pvt_ctl_run(struct uiommu_queue *queue);
/* Wait until every reader has passed; lock held. 0 or -ETIMEDOUT. */
int
uiommu_pvt_grace(struct uiommu_unit *unit);
int
uiommu_pvt_queue_claim(struct uiommu_queue *queue);
/* The caller has claimed more queues than a thread may keep. */
bool
uiommu_pvt_owned_too_many(void);
void
uiommu_pvt_queue_release(struct uiommu_queue *queue);

/* dummy.c */
/* Data path of a queue that is not started. */
void
uiommu_pvt_fp_dummy(struct uiommu_queue *queue, struct uiommu_fp_queue *fp);

/* queue_mem.c */
struct uiommu_queue *
uiommu_pvt_queue_create(struct uiommu_unit *unit, uint16_t id);
void
uiommu_pvt_queue_destroy(struct uiommu_queue *queue);

/* poll.c */
uint16_t
uiommu_pvt_poll(void *queue, uint16_t budget);
uint16_t
uiommu_pvt_fault_burst(void *queue, struct uiommu_group *groups, uint16_t nb_groups);
/* One turn without regard to who calls: the caller owns the queue. */
uint16_t
uiommu_pvt_turn(struct uiommu_queue *queue, uint16_t budget);
/* Answer INVALID what the application has left of its burst. */
void
uiommu_pvt_burst_finish(struct uiommu_queue *queue);
/* Throw away what is parked in all endpoints. */
void
uiommu_pvt_discard_parked(struct uiommu_queue *queue);

/* respond.c */
uint16_t
uiommu_pvt_respond_burst(void *queue, const struct uiommu_group *groups, const uint8_t *codes,
			 uint16_t nb_groups);
/* Gather responses for groups with their codes. */
void
uiommu_pvt_codes_apply(struct uiommu_queue *queue, const struct uiommu_group *groups,
		       const uint8_t *codes, uint16_t nb_groups);
/* Gather one response of the engine's own. */
void
uiommu_pvt_refuse(struct uiommu_queue *queue, const struct uiommu_fault *fault, unsigned int code);
/* Hand what was gathered to the driver. */
void
uiommu_pvt_resps_flush(struct uiommu_queue *queue);
/* Send answers given by cookie. Number sent. */
uint16_t
uiommu_pvt_answers_send(struct uiommu_queue *queue);
/*
 * Answer INVALID every deferred group of a bond (attach), an endpoint, or all (both NULL).
 * -EINPROGRESS: the unit has no room at the moment.
 */
int
uiommu_pvt_answers_sweep(struct uiommu_queue *queue, const struct uiommu_attach *attach,
			 const struct uiommu_endpoint *endpoint);

/* drain.c */
/* Steps (2) to (5) of a teardown for one PASID or, with UIOMMU_CMD_ALL_PASIDS, an endpoint. */
int
uiommu_pvt_drain(struct uiommu_unit *unit, struct uiommu_endpoint *endpoint, uint32_t pasid,
		 struct uiommu_attach *attach);
/* Tell the unit of a change of its tables, where it wants to know. */
int
uiommu_pvt_cmd(struct uiommu_unit *unit, enum uiommu_cmd_op op,
	       const struct uiommu_endpoint *endpoint, uint32_t pasid,
	       const struct uiommu_domain *domain);

/* Forget deferred groups without an answer: the unit is off. */
void
uiommu_pvt_slots_reset(struct uiommu_queue *queue);

/* endpoint.c */
int
uiommu_pvt_endpoints_init(struct uiommu_unit *unit);
void
uiommu_pvt_endpoints_fini(struct uiommu_unit *unit);

/* attach.c */
/* Forget a bond: no reader, no hardware has it any more. */
void
uiommu_pvt_attach_free(struct uiommu_attach *attach);

/* domain.c */
void
uiommu_pvt_domains_fini(struct uiommu_unit *unit);

/* ---------------------------------------------------------------------- slots */

#define UIOMMU_SLOT_GEN_SHIFT 18
#define UIOMMU_SLOT_QUEUE_SHIFT 16

static inline uint64_t
uiommu_slot_word(uint64_t gen, enum uiommu_slot_state state, unsigned int code)
{
	return gen << UIOMMU_SLOT_GEN_SHIFT | (uint64_t)code << 4 | state;
}

static inline uint64_t
uiommu_slot_gen(uint64_t word)
{
	return word >> UIOMMU_SLOT_GEN_SHIFT;
}

static inline enum uiommu_slot_state
uiommu_slot_state(uint64_t word)
{
	return (enum uiommu_slot_state)(word & 0xf);
}

static inline unsigned int
uiommu_slot_code(uint64_t word)
{
	return (word >> 4) & 0xf;
}

/* uiommu_group::slot of the groups of the burst that a queue is working on. */
static inline uint32_t
uiommu_slot_none(const struct uiommu_queue *queue)
{
	return UIOMMU_SLOT_NONE | (queue->burst_number << UIOMMU_SLOT_BURST_SHIFT) | queue->id;
}

#endif /* UIOMMU_PVT_H */
