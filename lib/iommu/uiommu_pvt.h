/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_PVT_H
#define UIOMMU_PVT_H

/* The engine's own: what one file asks of another. Never installed. */

#include "objects.h"

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
/* Handlers are called between enter and leave. queue: whose burst it is */
void
uiommu_pvt_handler_enter(struct uiommu_queue *queue);
void
uiommu_pvt_handler_leave(void);
/* Whether the caller is inside a handler. */
bool
uiommu_pvt_in_handler(void);
/* The queue whose burst the handler that the caller is in works on; NULL: it is in none. */
struct uiommu_queue *
uiommu_pvt_handler_queue(void);
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
/* On the data path, for a moment: whether it could be had. Asynchronous work may be under way. */
bool
uiommu_pvt_trylock(struct uiommu_unit *unit);
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
/* One look whether they have, since the token was taken. 0, -EINPROGRESS or -ETIMEDOUT. */
int
uiommu_pvt_grace_check(struct uiommu_unit *unit, uint64_t token, uint64_t give_up_tsc);
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

/* group.c */
/*
 * Turn routed faults into groups, until none are left or the room for groups of more than one
 * request is used up. At most max groups.
 */
void
uiommu_pvt_burst_group(struct uiommu_queue *queue, uint16_t max);

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
/*
 * Give a slot back. Only the owner takes and gives slots, so their list needs no atomics. revoked:
 * answered by the engine, not by whom it was kept for.
 */
void
uiommu_pvt_slot_put(struct uiommu_queue *queue, struct uiommu_slot *slot, bool revoked);
/* Gather the response that a slot in state ANSWERED says, and give the slot back. */
void
uiommu_pvt_slot_send(struct uiommu_queue *queue, struct uiommu_slot *slot, bool revoked);
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

/* answers.c */
/* Send answers given by cookie. Number sent. */
uint16_t
uiommu_pvt_answers_send(struct uiommu_queue *queue);
/* Answer INVALID every deferred group. -EINPROGRESS: the unit has no room at the moment. */
int
uiommu_pvt_answers_sweep(struct uiommu_queue *queue, const struct uiommu_whose *whose);
/* Answer by policy what is past its deadline. Number answered. */
uint16_t
uiommu_pvt_answers_expire(struct uiommu_queue *queue);
/* Forget deferred groups without an answer: the unit is off. */
void
uiommu_pvt_slots_reset(struct uiommu_queue *queue);
/* Answer one deferred group, any thread; code is in range. 0 or -ENOENT. */
int
uiommu_pvt_answer_one(struct uiommu_unit *unit, uiommu_cookie_t cookie, uint8_t code);

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
/* Have the unit and devices forget translations. */
int
uiommu_pvt_cmd_inval(struct uiommu_unit *unit, const struct uiommu_inval *inval);

/* endpoint.c */
/* @param bits width of ids */
int
uiommu_pvt_endpoints_init(struct uiommu_unit *unit, unsigned int bits);
void
uiommu_pvt_endpoints_fini(struct uiommu_unit *unit);

/* attach.c */
/* Enter a new bond in the lists, or take one out. */
void
uiommu_pvt_attach_link(struct uiommu_attach *attach);
void
uiommu_pvt_attach_unlink(struct uiommu_attach *attach);
/* Put a bond into the table, and into the unit's entry, absent so far. *is_set: that was filled. */
int
uiommu_pvt_bond_enter(struct uiommu_attach *attach, bool *is_set);
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
/* A thread is giving pages of one back, without the lock. */
bool
uiommu_pvt_domains_in_use(const struct uiommu_unit *unit);
void
uiommu_pvt_domains_fini(struct uiommu_unit *unit);
/* As uiommu_domain_alloc() and _free(); lock held, conf checked. SVA too. */
int
uiommu_pvt_domain_create(struct uiommu_unit *unit, const struct uiommu_domain_conf *conf,
			 struct uiommu_domain **domain);
void
uiommu_pvt_domain_destroy(struct uiommu_domain *domain);
/* The domain that stands for all that resolve faults by themselves. 0 or -ENOMEM. */
int
uiommu_pvt_demand_create(struct uiommu_unit *unit);
void
uiommu_pvt_demand_destroy(struct uiommu_unit *unit);
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

/*
 * The step from DEFERRED to ANSWERED: of all who answer a slot, on any thread, one takes it. word:
 * what the slot held, or is to hold for a cookie to count. Whether the caller was the one.
 *
 * Acquire pairs with the store in slot_take(), or with whoever was first; release with the owner's
 * loads in answers.c.
 */
static inline bool
uiommu_slot_answer(struct uiommu_slot *slot, uint64_t word, unsigned int code)
{
	uint64_t answered = uiommu_slot_word(uiommu_slot_gen(word), UIOMMU_SLOT_ANSWERED, code);

	return uiommu_slot_state(word) == UIOMMU_SLOT_DEFERRED &&
	       __atomic_compare_exchange_n(&slot->word, &word, answered, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* uiommu_group::slot of the groups of the burst that a queue is working on. */
static inline uint32_t
uiommu_slot_none(const struct uiommu_queue *queue)
{
	return UIOMMU_SLOT_NONE | (queue->burst_number << UIOMMU_SLOT_BURST_SHIFT) | queue->id;
}

#endif /* UIOMMU_PVT_H */
