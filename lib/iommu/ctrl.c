/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * How the control path and the owners of queues get along.
 *
 * Whatever touches a hardware queue is done by the queue's owner; the control path
 * posts a wish and waits. While it waits, a thread keeps polling the queues that it
 * owns itself, so two threads that want something of each other's
 * queues cannot block each other. A queue without owner is claimed for the
 * time of the wish.
 */

#include <errno.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "uiommu_pvt.h"

#define OWNED_MAX 16

struct thread_state {
	/* those of one unit more for the time of a control call */
	struct uiommu_queue *owned[OWNED_MAX + UIOMMU_MAX_QUEUES];
	unsigned int nb_owned;
	unsigned int handlers; /* depth of handler calls */
	struct uiommu_queue *handler_queue[OWNED_MAX + UIOMMU_MAX_QUEUES]; /* of each */
};

static __thread struct thread_state thread uiommu_tls_fast;

void *
uiommu_pvt_self(void)
{
	return &thread;
}

void
uiommu_pvt_handler_enter(struct uiommu_queue *queue)
{
	/* no queue twice: a handler cannot poll its own */
	thread.handler_queue[thread.handlers++] = queue;
}

void
uiommu_pvt_handler_leave(void)
{
	thread.handlers--;
}

int
uiommu_pvt_queue_claim(struct uiommu_queue *queue)
{
	void *nobody = NULL;

	if (thread.nb_owned == RTE_DIM(thread.owned))
		return -ENOSPC;
	/* pairs with the release store in uiommu_pvt_queue_release() */
	if (!__atomic_compare_exchange_n(&queue->owner, &nobody, &thread, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return nobody == &thread ? -EALREADY : -EBUSY;
	thread.owned[thread.nb_owned++] = queue;
	rte_rcu_qsbr_thread_register(queue->unit->rcu, queue->id);
	rte_rcu_qsbr_thread_online(queue->unit->rcu, queue->id);
	return 0;
}

void
uiommu_pvt_queue_release(struct uiommu_queue *queue)
{
	unsigned int i;

	rte_rcu_qsbr_thread_offline(queue->unit->rcu, queue->id);
	rte_rcu_qsbr_thread_unregister(queue->unit->rcu, queue->id);
	for (i = 0; i < thread.nb_owned; i++) {
		if (thread.owned[i] == queue) {
			thread.owned[i] = thread.owned[--thread.nb_owned];
			break;
		}
	}
	/* pairs with the compare-and-swap in uiommu_pvt_queue_claim(): what the owner has
	 * written is seen by the next one
	 */
	__atomic_store_n(&queue->owner, NULL, __ATOMIC_RELEASE);
}

bool
uiommu_pvt_owned_too_many(void)
{
	return thread.nb_owned > OWNED_MAX;
}

bool
uiommu_pvt_in_handler(void)
{
	return thread.handlers != 0;
}

struct uiommu_queue *
uiommu_pvt_handler_queue(void)
{
	return thread.handlers == 0 ? NULL : thread.handler_queue[thread.handlers - 1];
}

bool
uiommu_pvt_owned_turn(void)
{
	unsigned int i;

	for (i = 0; i < thread.nb_owned; i++) {
		struct uiommu_queue *queue = thread.owned[i];

		if (uiommu_pvt_unit_is_started(queue->unit))
			uiommu_pvt_turn(queue, queue->burst);
	}
	return thread.nb_owned != 0;
}

/* Leave the processor to the thread that is waited for. */
static void
wait_a_little(void)
{
	const struct timespec pause = {.tv_nsec = 20000};

	nanosleep(&pause, NULL);
}

void
uiommu_pvt_wait_turn(void)
{
	if (!uiommu_pvt_owned_turn())
		wait_a_little();
}

int
uiommu_pvt_mutex_lock(pthread_mutex_t *mutex)
{
	if (thread.handlers != 0)
		return -EDEADLK;
	if (thread.nb_owned == 0) {
		pthread_mutex_lock(mutex);
		return 0;
	}
	/* whoever holds it may be waiting for one of our queues */
	while (pthread_mutex_trylock(mutex) != 0) {
		uiommu_pvt_owned_turn();
		rte_pause();
	}
	return 0;
}

int
uiommu_pvt_lock(struct uiommu_unit *unit)
{
	int ret = uiommu_pvt_mutex_lock(&unit->lock);

	/* unit->ctl is free then */
	if (ret == 0)
		uiommu_pvt_undo_finish(unit);
	return ret;
}

int
uiommu_pvt_lock_to_look(struct uiommu_unit *unit)
{
	return uiommu_pvt_mutex_lock(&unit->lock);
}

bool
uiommu_pvt_trylock(struct uiommu_unit *unit)
{
	return pthread_mutex_trylock(&unit->lock) == 0;
}

void
uiommu_pvt_unlock(struct uiommu_unit *unit)
{
	pthread_mutex_unlock(&unit->lock);
}

bool
uiommu_pvt_unowned_turn(struct uiommu_queue *queue)
{
	if (uiommu_pvt_queue_claim(queue) != 0)
		return false;
	uiommu_pvt_turn(queue, queue->burst);
	uiommu_pvt_burst_finish(queue);
	uiommu_pvt_queue_release(queue);
	return true;
}

/* The unit bounds its own steps; the owner of the queue may take as long again to come by. */
uint64_t
uiommu_pvt_give_up_tsc(const struct uiommu_unit *unit)
{
	return rte_get_tsc_cycles() +
	       (uint64_t)((double)unit->conf.timeout_ns * 2e-9 * (double)rte_get_tsc_hz());
}

void
uiommu_pvt_ctl_post(struct uiommu_queue *queue)
{
	struct uiommu_ctl *ctl = &queue->unit->ctl;

	ctl->result = -EINPROGRESS;
	ctl->done = 0;
	ctl->give_up_tsc = uiommu_pvt_give_up_tsc(queue->unit);
	/* pairs with the acquire load in turn_end() */
	__atomic_store_n(&queue->ctl, ctl, __ATOMIC_RELEASE);
}

int
uiommu_pvt_ctl_check(struct uiommu_queue *queue)
{
	struct uiommu_unit *unit = queue->unit;
	struct uiommu_ctl *ctl = &unit->ctl;

	/* pairs with the release store in ctl_step() */
	if (__atomic_load_n(&ctl->done, __ATOMIC_ACQUIRE) == 0) {
		if (rte_get_tsc_cycles() <= ctl->give_up_tsc)
			return -EINPROGRESS;
		uiommu_pvt_unit_fail(unit, "the owner of the queue does not poll");
		return -ETIMEDOUT;
	}
	if (ctl->result == -ETIMEDOUT || ctl->result == -EIO)
		uiommu_pvt_unit_fail(unit, "a command was not carried out");
	return ctl->result;
}

int
uiommu_pvt_ctl_run(struct uiommu_queue *queue)
{
	struct uiommu_unit *unit = queue->unit;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	uiommu_pvt_ctl_post(queue);
	while ((ret = uiommu_pvt_ctl_check(queue)) == -EINPROGRESS) {
		bool polled = uiommu_pvt_owned_turn();

		polled |= uiommu_pvt_unowned_turn(queue);
		if (!polled)
			wait_a_little();
	}
	return ret;
}

int
uiommu_pvt_grace_check(struct uiommu_unit *unit, uint64_t token, uint64_t give_up_tsc)
{
	if (rte_rcu_qsbr_check(unit->rcu, token, false) != 0)
		return 0;
	if (rte_get_tsc_cycles() <= give_up_tsc)
		return -EINPROGRESS;
	uiommu_pvt_unit_fail(unit, "the owner of a queue does not poll");
	return -ETIMEDOUT;
}

int
uiommu_pvt_grace(struct uiommu_unit *unit)
{
	uint64_t token, give_up;
	int ret;

	/* owners of queues that are not started read nothing, and report nothing */
	if (!uiommu_pvt_unit_is_started(unit))
		return 0;
	token = rte_rcu_qsbr_start(unit->rcu);
	give_up = uiommu_pvt_give_up_tsc(unit);
	while ((ret = uiommu_pvt_grace_check(unit, token, give_up)) == -EINPROGRESS)
		uiommu_pvt_wait_turn();
	return ret;
}
