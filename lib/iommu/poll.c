/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The pipeline: fetch, route, group, resolve, respond. Runs on the owner of a queue. */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "uiommu_pvt.h"

/*
 * Find the bond of each fault from the given one on. The loads of a burst are independent of
 * each other; the places of the handles and then the handles are prefetched for all of them
 * before the first is looked at. Holds until the end of the turn: see turn_end().
 */
static void
burst_route(struct uiommu_queue *queue, uint16_t begin)
{
	const struct uiommu_fault *faults = queue->faults;
	struct uiommu_route *routes = queue->routes;
	struct uiommu_endpoint_leaf *const *dir = queue->endpoint_dir;
	const uint32_t beyond = queue->endpoint_beyond;
	const uint32_t end = queue->nb_faults;
	uint32_t i;

	for (i = begin; i < end; i++) {
		uint32_t id = faults[i].endpoint_id;
		const struct uiommu_endpoint_leaf *leaf;
		struct uiommu_endpoint *endpoint;

		/* pair with the release stores of endpoint_publish() */
		leaf = __atomic_load_n(&dir[RTE_MIN(id >> UIOMMU_ENDPOINT_LEAF_SHIFT, beyond)],
				       __ATOMIC_ACQUIRE);
		endpoint = __atomic_load_n(
			&leaf->endpoint[id & (UIOMMU_ENDPOINT_LEAF_ENTRIES - 1)], __ATOMIC_ACQUIRE);
		routes[i].endpoint = endpoint;
		routes[i].slot = uiommu_pvt_pasid_table_slot(&endpoint->pasids, faults[i].pasid);
		rte_prefetch0(routes[i].slot);
	}
	for (i = begin; i < end; i++) {
		struct uiommu_attach *attach = uiommu_pvt_pasid_table_load(routes[i].slot);

		routes[i].attach = attach;
		rte_prefetch0(attach);
	}
}

static uint16_t
burst_fetch(struct uiommu_queue *queue, uint16_t budget, uint32_t *events)
{
	uint16_t taken = 0;
	uint16_t nb;

	nb = queue->ops->fetch(queue->drv, queue->faults, RTE_MIN(budget, queue->burst), &taken,
			       events);
	queue->fault_pos = 0;
	queue->nb_faults = nb;
	if (taken != 0)
		uiommu_count(&queue->stats.requests, taken);
	burst_route(queue, 0);
	return taken;
}

/* Faults to be grouped: what is left of the last burst, found anew, or else the next one. */
static inline uint16_t
burst_next(struct uiommu_queue *queue, uint16_t budget, uint32_t *events)
{
	if (likely(queue->fault_pos == queue->nb_faults))
		return burst_fetch(queue, budget, events);
	burst_route(queue, queue->fault_pos);
	return 0;
}

static void
handler_call(struct uiommu_queue *queue, const struct uiommu_domain *domain,
	     struct uiommu_group *groups, uint16_t nb_groups)
{
	uiommu_fault_handler_t handler;

	memset(queue->codes, UIOMMU_CODE_INVALID, nb_groups);
	queue->in_handler = true;
	uiommu_pvt_handler_enter(queue);
	handler = __atomic_load_n(&domain->handler, __ATOMIC_RELAXED);
	handler(domain->handler_priv, groups, queue->codes, nb_groups);
	uiommu_pvt_handler_leave();
	queue->in_handler = false;
	uiommu_pvt_codes_apply(queue, groups, queue->codes, nb_groups);
}

/* Put the groups of each domain next to each other, keeping their order. Number of domains. */
static uint16_t
groups_sort(struct uiommu_queue *queue)
{
	uint16_t nb_buckets = 0, sum = 0;
	uint16_t i;

	for (i = 0; i < queue->nb_groups; i++) {
		struct uiommu_domain *domain = queue->groups[i].attach->bulk;
		struct uiommu_domain_mark *mark = &domain->mark[queue->id];

		if (mark->burst != queue->burst_number) {
			mark->burst = queue->burst_number;
			mark->bucket = nb_buckets;
			queue->buckets[nb_buckets] = domain;
			queue->bucket_end[nb_buckets] = 0;
			nb_buckets++;
		}
		queue->bucket_end[mark->bucket]++;
	}
	for (i = 0; i < nb_buckets; i++) {
		uint16_t count = queue->bucket_end[i];

		queue->bucket_end[i] = sum; /* begin for now */
		sum += count;
	}
	for (i = 0; i < queue->nb_groups; i++) {
		const struct uiommu_domain *domain = queue->groups[i].attach->bulk;
		uint32_t bucket = domain->mark[queue->id].bucket;

		queue->sorted[queue->bucket_end[bucket]++] = queue->groups[i];
	}
	return nb_buckets;
}

static void
burst_resolve(struct uiommu_queue *queue)
{
	uint16_t nb_buckets, begin = 0;
	uint16_t i;

	if (queue->nb_groups == 0)
		return;
	if (!queue->mixed) {
		handler_call(queue, queue->groups[0].attach->bulk, queue->groups, queue->nb_groups);
		return;
	}
	nb_buckets = groups_sort(queue);
	for (i = 0; i < nb_buckets; i++) {
		uint16_t end = queue->bucket_end[i];

		handler_call(queue, queue->buckets[i], queue->sorted + begin, end - begin);
		begin = end;
	}
}

void
uiommu_pvt_discard_parked(struct uiommu_queue *queue)
{
	struct uiommu_unit *unit = queue->unit;
	uint32_t nb = 0;
	unsigned int i, j;

	for (i = 0; i < unit->endpoint_beyond; i++) {
		/* pair with the release stores of endpoint_publish() */
		struct uiommu_endpoint_leaf *leaf =
			__atomic_load_n(&unit->endpoint_dir[i], __ATOMIC_ACQUIRE);

		if (leaf == unit->endpoint_leaf_empty)
			continue;
		for (j = 0; j < UIOMMU_ENDPOINT_LEAF_ENTRIES; j++) {
			struct uiommu_endpoint *endpoint =
				__atomic_load_n(&leaf->endpoint[j], __ATOMIC_ACQUIRE);

			/* those of other queues are their owners' */
			if (endpoint->queue != queue->id || endpoint->assembly_busy == 0)
				continue;
			nb += uiommu_prg_discard(endpoint->prg);
			endpoint->assembly_busy = 0;
		}
	}
	uiommu_count(&queue->stats.discarded, nb);
}

/* What failed for good: counted, told to whoever wants to know, and never answered. */
static uiommu_cold void
reports_take(struct uiommu_queue *queue)
{
	const struct uiommu_dev_conf *conf = &queue->unit->conf;
	uint64_t lost = 0;
	uint16_t nb;

	if (queue->ops->reports == NULL)
		return;
	nb = queue->ops->reports(queue->drv, queue->reports, queue->burst, &lost);
	uiommu_count(&queue->stats.reports, nb);
	uiommu_count(&queue->stats.reports_lost, lost);
	if (nb == 0 || conf->report == NULL)
		return;
	queue->in_handler = true;
	uiommu_pvt_handler_enter(queue);
	conf->report(conf->report_priv, queue->unit->dev.dev_id, queue->reports, nb);
	uiommu_pvt_handler_leave();
	queue->in_handler = false;
}

static uiommu_cold void
events_handle(struct uiommu_queue *queue, uint32_t events)
{
	if (events & UIOMMU_EVENT_REPORTS)
		reports_take(queue);
	if (events & UIOMMU_EVENT_OVERFLOW) {
		/* the unit has answered for what is incomplete; only then may it go on (R7) */
		uiommu_pvt_discard_parked(queue);
		queue->ops->overflow_ack(queue->drv);
	}
	if (events & UIOMMU_EVENT_FAILED) {
		queue->failed = true;
		uiommu_pvt_unit_fail(queue->unit, "the unit does not react");
	}
}

static uiommu_cold void
ctl_step(struct uiommu_queue *queue, struct uiommu_ctl *ctl)
{
	int result = queue->failed ? -EIO : ctl->step(queue, ctl);

	if (result == -EINPROGRESS)
		return;
	__atomic_store_n(&queue->ctl, NULL, __ATOMIC_RELAXED);
	ctl->result = result;
	/* pairs with the acquire load in uiommu_pvt_ctl_run() */
	__atomic_store_n(&ctl->done, 1, __ATOMIC_RELEASE);
}

/* Nothing of the last burst is in use any more. */
static inline void
turn_end(struct uiommu_queue *queue)
{
	struct uiommu_ctl *ctl;

	rte_rcu_qsbr_quiescent(queue->unit->rcu, queue->id);
	/* pairs with the release store in uiommu_pvt_ctl_run() */
	ctl = __atomic_load_n(&queue->ctl, __ATOMIC_ACQUIRE);
	if (unlikely(ctl != NULL))
		ctl_step(queue, ctl);
}

/* What must be done before new requests are taken. True: new ones can be taken. */
static inline bool
turn_begin(struct uiommu_queue *queue, uint16_t *handled)
{
	if (unlikely(queue->nb_open != 0))
		uiommu_pvt_burst_finish(queue);
	if (unlikely(queue->nb_resps != 0))
		uiommu_pvt_resps_flush(queue);
	if (unlikely(queue->nb_deferred != 0)) {
		*handled = uiommu_pvt_answers_send(queue);
		if (queue->nb_timed != 0 && queue->nb_resps == 0)
			*handled += uiommu_pvt_answers_expire(queue);
	}
	return likely(queue->nb_resps == 0 && !queue->failed);
}

uint16_t
uiommu_pvt_turn(struct uiommu_queue *queue, uint16_t budget)
{
	uint32_t events = 0;
	uint16_t handled = 0;

	if (turn_begin(queue, &handled)) {
		handled += burst_next(queue, budget, &events);
		while (queue->fault_pos < queue->nb_faults && queue->nb_resps == 0) {
			uiommu_pvt_burst_group(queue, queue->burst);
			burst_resolve(queue);
			uiommu_pvt_resps_flush(queue);
		}
		if (unlikely(events != 0))
			events_handle(queue, events);
	}
	turn_end(queue);
	uiommu_count(&queue->stats.polls, 1);
	uiommu_count(&queue->stats.busy_polls, handled != 0);
	return handled;
}

/* Whether the caller may work on the queue; counts the others. */
static inline bool
owner_check(struct uiommu_queue *queue)
{
	if (likely(__atomic_load_n(&queue->owner, __ATOMIC_RELAXED) == uiommu_pvt_self() &&
		   !queue->in_handler))
		return true;
	__atomic_fetch_add(&queue->not_owner, 1, __ATOMIC_RELAXED);
	return false;
}

uint16_t
uiommu_pvt_poll(void *arg, uint16_t budget)
{
	struct uiommu_queue *queue = arg;

	return owner_check(queue) ? uiommu_pvt_turn(queue, budget) : 0;
}

void
uiommu_pvt_burst_finish(struct uiommu_queue *queue)
{
	uint16_t i;

	for (i = 0; i < queue->nb_groups && queue->nb_open != 0; i++) {
		uint8_t code = UIOMMU_CODE_DEFERRED;

		if (queue->answered[i / 64] & (UINT64_C(1) << (i % 64)))
			continue;
		if (queue->groups[i].slot >= UIOMMU_SLOT_NONE) {
			code = UIOMMU_CODE_INVALID;
			uiommu_count(&queue->stats.unanswered, 1);
		}
		uiommu_pvt_codes_apply(queue, &queue->groups[i], &code, 1);
		queue->nb_open--;
	}
	queue->nb_open = 0;
	uiommu_pvt_resps_flush(queue);
}

uint16_t
uiommu_pvt_fault_burst(void *arg, struct uiommu_group *groups, uint16_t nb_groups)
{
	struct uiommu_queue *queue = arg;
	uint32_t events = 0;
	uint16_t handled = 0;
	uint16_t nb = 0;
	uint16_t i;

	if (!owner_check(queue))
		return 0;
	if (turn_begin(queue, &handled)) {
		/* handles of the last burst are out of use, those of the next not in it yet */
		turn_end(queue);
		handled += burst_next(queue, nb_groups, &events);
		if (queue->nb_resps == 0) {
			uiommu_pvt_burst_group(queue, RTE_MIN(nb_groups, queue->burst));
			uiommu_pvt_resps_flush(queue);
			nb = queue->nb_groups;
			queue->nb_open = nb;
			memset(queue->answered, 0, (queue->burst + 63) / 64 * sizeof(uint64_t));
			for (i = 0; i < nb; i++)
				groups[i] = queue->groups[i];
		}
		if (unlikely(events != 0))
			events_handle(queue, events);
	} else {
		turn_end(queue);
	}
	uiommu_count(&queue->stats.polls, 1);
	uiommu_count(&queue->stats.busy_polls, handled != 0);
	return nb;
}
