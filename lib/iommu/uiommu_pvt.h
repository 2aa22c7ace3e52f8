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
	/* control path */
	struct uiommu_unit *unit;
	void *drv; /* of the driver */
	struct uiommu_fault_queue *fault_queue; /* NULL: none */
	struct uiommu_domain *parent;           /* NESTED */
	uint32_t nb_attached;
	uint32_t nb_children; /* NESTED domains over it */
	bool nest_parent;
	TAILQ_ENTRY(uiommu_domain) next;
} uiommu_cache_aligned;

struct uiommu_attach {
	struct uiommu_attach_head head; /* first: what applications may see */
	struct uiommu_domain *domain;
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
} uiommu_cache_aligned;

/* How far an asynchronous detach has come. */
enum uiommu_undoing {
	UIOMMU_UNDOING_NOT = 0,
	UIOMMU_UNDOING_WAITS, /* for its turn */
	UIOMMU_UNDOING_RUNS,
	UIOMMU_UNDOING_OVER,  /* undo_result holds; memory waits for uiommu_detach_done() */
};

TAILQ_HEAD(uiommu_attach_list, uiommu_attach);
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
	struct uiommu_unit *unit;
	void *drv; /* of the driver */
	uint8_t pasid_bits;
	bool can_page_request;
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
	uint64_t pass_target;             /* value of stats.requests that must be reached */
	int result;
	uint64_t give_up_tsc;             /* when the control path stops waiting */
	uint32_t done;                    /* release store by the owner, after result */
};

/* A teardown that goes from queue to queue. Control lock. */
struct uiommu_teardown {
	struct uiommu_ctl wish;  /* as it is posted to the first queue */
	uint16_t queue;          /* where it is */
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
/* Whether the caller is inside a handler. */
bool
uiommu_pvt_in_handler(void);
/* Take a lock of the control path, polling the caller's own queues meanwhile. 0 or -EDEADLK. */
int
uiommu_pvt_mutex_lock(pthread_mutex_t *mutex);
/* Keep the caller's own queues going while it waits for something; sleeps a little without any. */
void
uiommu_pvt_wait_turn(void);
/*
 * Take the control lock of a unit, polling meanwhile, and bring asynchronous work to its end.
 * 0 or -EDEADLK.
 */
int
uiommu_pvt_lock(struct uiommu_unit *unit);
/* To look only: asynchronous work may be under way. 0 or -EDEADLK. */
int
uiommu_pvt_lock_to_look(struct uiommu_unit *unit);
void
uiommu_pvt_unlock(struct uiommu_unit *unit);
/* Have unit->ctl, filled in, done on the owner of a queue; lock held. Its result. */
int
uiommu_pvt_ctl_run(struct uiommu_queue *queue);
/* The same without waiting: post once, then check until it is something else than -EINPROGRESS. */
void
uiommu_pvt_ctl_post(struct uiommu_queue *queue);
int
uiommu_pvt_ctl_check(struct uiommu_queue *queue);
/* A moment by which whoever is waited for should have come by. */
uint64_t
uiommu_pvt_give_up_tsc(const struct uiommu_unit *unit);
/* Keep the caller's own queues going. Whether there are any. */
bool
uiommu_pvt_owned_turn(void);
/* Poll a queue that nobody polls. Whether the caller could. */
bool
uiommu_pvt_unowned_turn(struct uiommu_queue *queue);
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
/* Answer INVALID every deferred group. -EINPROGRESS: the unit has no room at the moment. */
int
uiommu_pvt_answers_sweep(struct uiommu_queue *queue, const struct uiommu_whose *whose);
/* Answer by policy what is past its deadline. Number answered. */
uint16_t
uiommu_pvt_answers_expire(struct uiommu_queue *queue);
/* Answer one deferred group, any thread; code is in range. 0 or -ENOENT. */
int
uiommu_pvt_answer_one(struct uiommu_unit *unit, uiommu_cookie_t cookie, uint8_t code);
/*
 * Keep a group of the running burst for a fault queue, in its place fq_entry. Cookie, or 0: no
 * slot is free. The owner, inside a handler.
 */
uiommu_cookie_t
uiommu_pvt_group_deliver(struct uiommu_group *group, struct uiommu_fault_queue *fq,
			 uint32_t fq_entry);
/* The hardware queue whose burst a group is of. */
struct uiommu_queue *
uiommu_pvt_group_queue(const struct uiommu_group *group);

/* drain.c */
/*
 * Steps (2) to (5) of the teardown of a bond (attach), or of an endpoint (attach NULL). update: the
 * device entry was changed too. To the end:
 */
int
uiommu_pvt_drain(struct uiommu_unit *unit, struct uiommu_endpoint *endpoint,
		 struct uiommu_attach *attach, bool update);
/* Or bit by bit. Each returns 0: over; -EINPROGRESS: go on; or an error. */
int
uiommu_pvt_drain_begin(struct uiommu_unit *unit, struct uiommu_teardown *teardown,
		       struct uiommu_endpoint *endpoint, struct uiommu_attach *attach, bool update);
int
uiommu_pvt_drain_step(struct uiommu_unit *unit, struct uiommu_teardown *teardown);
/* Keep what it waits for going, where nobody else does. Whether there was something to poll. */
bool
uiommu_pvt_drain_turn(struct uiommu_unit *unit, const struct uiommu_teardown *teardown);
/* From ret, of begin or step, to the end. */
int
uiommu_pvt_drain_finish(struct uiommu_unit *unit, struct uiommu_teardown *teardown, int ret);
/*
 * Every burst that is under way has ended, and the open groups of somebody are answered INVALID.
 * Nothing new must reach him any more. purge: UIOMMU_PURGE_ALL or _NONE, of this endpoint. Lock
 * held.
 */
int
uiommu_pvt_revoke(struct uiommu_unit *unit, const struct uiommu_whose *whose,
		  struct uiommu_endpoint *endpoint, enum uiommu_purge purge);
/*
 * What is in the queues for an endpoint and PASID has left them, and what is parked of it is lost.
 * The unit lets nothing of it in meanwhile. Lock held.
 */
int
uiommu_pvt_pass_and_lose(struct uiommu_unit *unit, struct uiommu_endpoint *endpoint,
			 uint32_t pasid);
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
/* Enter a new bond in the lists, or take one out. */
void
uiommu_pvt_attach_link(struct uiommu_attach *attach);
void
uiommu_pvt_attach_unlink(struct uiommu_attach *attach);
/* A bond in no table and no list yet. */
struct uiommu_attach *
uiommu_pvt_attach_create(struct uiommu_endpoint *endpoint, uint32_t pasid,
			 struct uiommu_domain *domain, void *priv);
/* Take a bond out of force and begin to drain it; see uiommu_pvt_drain_begin(). */
int
uiommu_pvt_detach_begin(struct uiommu_attach *attach, struct uiommu_teardown *teardown);

/* As uiommu_attach() and uiommu_detach(), for SVA: lock held. */
int
uiommu_pvt_attach_locked(struct uiommu_endpoint *endpoint, uint32_t pasid,
			 struct uiommu_domain *domain, void *priv, struct uiommu_attach **attach);
int
uiommu_pvt_detach_locked(struct uiommu_attach *attach);

/* page_request.c */
/* Whether an endpoint may be given a domain. 0 or -ENOTSUP. */
int
uiommu_pvt_page_requests_check(const struct uiommu_endpoint *endpoint,
			       const struct uiommu_domain *domain);
/* Count a fault-capable bond more; with the first one page requests go on. */
int
uiommu_pvt_page_requests_get(struct uiommu_endpoint *endpoint, const struct uiommu_domain *domain);
/*
 * Count one less. With the last one page requests are off in the unit's tables, and the caller
 * must have the unit told. Whether that is so.
 */
bool
uiommu_pvt_page_requests_put(struct uiommu_endpoint *endpoint, const struct uiommu_domain *domain);

/* undo.c: asynchronous detach */
/* Bring all of it to its end; lock held. */
void
uiommu_pvt_undo_finish(struct uiommu_unit *unit);
/*
 * Have a bond to oneself: from now on uiommu_detach_start(), which handlers may call without
 * the lock, says -EALREADY. False: it was first. Whoever frees a bond that was in force does
 * this before.
 */
bool
uiommu_pvt_undo_claim(struct uiommu_attach *attach);
/* Give it back: it stays in force. */
void
uiommu_pvt_undo_unclaim(struct uiommu_attach *attach);
/* Forget it all: the unit is closed. */
void
uiommu_pvt_undo_forget(struct uiommu_unit *unit);

/* domain.c */
void
uiommu_pvt_domains_fini(struct uiommu_unit *unit);
/* As uiommu_domain_alloc() and _free(); lock held, conf checked. SVA too. */
int
uiommu_pvt_domain_create(struct uiommu_unit *unit, const struct uiommu_domain_conf *conf,
			 struct uiommu_domain **domain);
void
uiommu_pvt_domain_destroy(struct uiommu_domain *domain);
/* Its fault queue goes: groups are answered INVALID from the next burst on. Lock held. */
void
uiommu_pvt_domain_mute(struct uiommu_domain *domain);

/* queue.c: fault queues */
bool
uiommu_pvt_fault_queue_is_of(const struct uiommu_fault_queue *fq, const struct uiommu_unit *unit);
/* Handler of domains that have one: handler_priv is the queue. */
void
uiommu_pvt_fault_queue_handler(void *fq, struct uiommu_group *groups, uint8_t *codes,
			       uint16_t nb_groups);
/*
 * A group in place fq_entry was answered, or revoked: its cookie is dead, its place free. By the
 * owner of the hardware queue that put it there.
 */
void
uiommu_pvt_fault_queue_closed(struct uiommu_fault_queue *fq, uint32_t fq_entry, bool revoked);
/* As uiommu_fault_queue_write(), with any code that may be sent. Answers that took effect. */
uint16_t
uiommu_pvt_fault_queue_answer(struct uiommu_fault_queue *fq, const uint32_t *cookies,
			      const uint8_t *codes, uint16_t nb);
/* As uiommu_fault_queue_create() and _destroy(); lock held. conf is complete and checked. */
int
uiommu_pvt_fault_queue_create(struct uiommu_unit *unit, const struct uiommu_fault_queue_conf *conf,
			      struct uiommu_fault_queue **fq);
int
uiommu_pvt_fault_queue_destroy(struct uiommu_fault_queue *fq);
/*
 * Users besides the creator. The memory of a queue lives until the last one has gone; calls on one
 * that was destroyed give -EBADF.
 */
void
uiommu_pvt_fault_queue_ref(struct uiommu_fault_queue *fq);
void
uiommu_pvt_fault_queue_unref(struct uiommu_fault_queue *fq);
/* The unit is closed: destroy all that are left, without answers. */
void
uiommu_pvt_fault_queues_fini(struct uiommu_unit *unit);

/* sva.c: lock order is this one, then that of a unit */
/* 0 or -EDEADLK. Around everything that takes bonds of SVA away: removal, close. */
int
uiommu_pvt_sva_lock(void);
void
uiommu_pvt_sva_unlock(void);
/* An endpoint goes, with its bonds: forget them. Both locks held; attach handles still there. */
void
uiommu_pvt_sva_endpoint_gone(struct uiommu_endpoint *endpoint);
/* A unit is unconfigured: forget all that is bound on it. SVA's lock held. */
void
uiommu_pvt_sva_unit_gone(struct uiommu_unit *unit);

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
