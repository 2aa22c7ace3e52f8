/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_BURST_H
#define UIOMMU_BURST_H

/**
 * @file
 * The data path: poll a queue, or take groups and answer them yourself.
 *
 * A hardware queue has exactly one owner, the thread that called
 * uiommu_queue_claim(). Only the owner may call the functions of this file,
 * uiommu_group_defer() and uiommu_answer() apart. They take no lock, allocate
 * nothing, make no system call and write no log line.
 *
 * dev_id and queue are not checked here: they must be those of a configured
 * unit. Calls on a unit that is not started return 0.
 */

#include <stdint.h>

#include <uiommu_core.h>
#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One turn of the engine on one queue: fetch, route, group, resolve, respond.
 *
 * Handlers are called from here, each at most once for each domain with groups
 * in this burst. Answers given by cookie and commands of the control path are
 * carried out here too, so a started unit must be polled even when no fault is
 * expected.
 *
 * @param dev_id unit
 * @param queue queue of the unit
 * @param budget requests to take off the queue at most; values over the
 *   configured burst are as the burst
 * @return page requests (and responses given by cookie) handled; 0: idle
 */
static inline uint16_t
uiommu_poll(int16_t dev_id, uint16_t queue, uint16_t budget)
{
	const struct uiommu_fp_queue *fp = &uiommu_fp_queues[dev_id][queue];

	return fp->poll(fp->queue, budget);
}

/**
 * Take up to a burst of groups, routed to their bonds, in order of arrival.
 *
 * For applications that want no handler called: groups of all bonds come here,
 * their domains' handlers are not called. Requests that have no bond were
 * answered already. The groups stay valid until the next call of this function
 * or of uiommu_poll() on this queue; a group that is neither answered nor
 * deferred by then is answered INVALID (counter "unanswered").
 *
 * @param dev_id unit
 * @param queue queue of the unit
 * @param groups array that is filled
 * @param nb_groups size of the array
 * @return groups written
 */
static inline uint16_t
uiommu_fault_burst(int16_t dev_id, uint16_t queue, struct uiommu_group *groups, uint16_t nb_groups)
{
	const struct uiommu_fp_queue *fp = &uiommu_fp_queues[dev_id][queue];

	return fp->fault_burst(fp->queue, groups, nb_groups);
}

/**
 * Answer groups of the last uiommu_fault_burst() of this queue.
 *
 * All responses of a call leave with one doorbell. Any subset, in any order.
 * A group that was answered already, or that is none of the last burst, is
 * passed over (counter "stale_answers").
 *
 * @param dev_id unit
 * @param queue queue of the unit
 * @param groups groups as they were received; a group whose code is
 *   UIOMMU_CODE_DEFERRED must have been given to uiommu_group_defer()
 * @param codes enum uiommu_code of each
 * @param nb_groups size of both arrays
 * @return groups that were answered or deferred by this call
 */
static inline uint16_t
uiommu_respond_burst(int16_t dev_id, uint16_t queue, const struct uiommu_group *groups,
		     const uint8_t *codes, uint16_t nb_groups)
{
	const struct uiommu_fp_queue *fp = &uiommu_fp_queues[dev_id][queue];

	return fp->respond_burst(fp->queue, groups, codes, nb_groups);
}

/**
 * The caller's pointer of a bond.
 *
 * @param attach bond of a group, not NULL
 */
static inline void *
uiommu_attach_priv(const struct uiommu_attach *attach)
{
	return ((const struct uiommu_attach_head *)attach)->priv;
}

/** PASID of a bond, or UIOMMU_NO_PASID. */
static inline uint32_t
uiommu_attach_pasid(const struct uiommu_attach *attach)
{
	return ((const struct uiommu_attach_head *)attach)->pasid;
}

/** Requester id or StreamID of a bond's endpoint. */
static inline uint32_t
uiommu_attach_endpoint_id(const struct uiommu_attach *attach)
{
	return ((const struct uiommu_attach_head *)attach)->endpoint_id;
}

/**
 * Keep a group for an answer later. Only from inside a handler, or between
 * uiommu_fault_burst() and the next call on the queue, by the queue's owner.
 *
 * The group takes one of the queue's slots (uiommu_dev_conf::deferred_max). The
 * caller copies what it needs of the group: its requests are gone when the
 * handler returns. The group's code must then be UIOMMU_CODE_DEFERRED; with
 * any other code the deferral is taken back and the code is sent, unless
 * another thread has answered by then. The answer may be given before the
 * handler returns.
 *
 * @param group group to keep
 * @return cookie for uiommu_answer(), or 0 when all slots are in use, or the domain's share of
 *   them (uiommu_domain_conf::deferred_max): answer with UIOMMU_CODE_RETRY, the device asks again
 */
uiommu_cookie_t
uiommu_group_defer(struct uiommu_group *group);

/**
 * Answer deferred groups by cookie, from any thread.
 *
 * The responses are sent by the owner of the queue, in its next turn. Of
 * several answers, detach and stop, exactly one takes effect.
 *
 * @param dev_id unit
 * @param cookies cookies, in any order
 * @param codes enum uiommu_code of each, below UIOMMU_CODE_SENT_COUNT
 * @param status result for each, or NULL when not wanted: 0; -ENOENT: not
 *   waiting for an answer (answered before, detached, or never given out);
 *   -EINVAL: code out of range, the group still waits
 * @param nb size of the arrays
 * @return cookies that were answered by this call
 */
uint16_t
uiommu_answer(int16_t dev_id, const uiommu_cookie_t *cookies, const uint8_t *codes, int *status,
	      uint16_t nb);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_BURST_H */
