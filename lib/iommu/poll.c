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
	const uint32_t end = queue->nb_faults;
	uint32_t i;

	for (i = begin; i < end; i++) {
		uint32_t id = faults[i].endpoint_id;
		const struct uiommu_endpoint_leaf *leaf;
		struct uiommu_endpoint *endpoint;

		/* pair with the release stores of endpoint_publish() */
		leaf = __atomic_load_n(&dir[(id >> UIOMMU_ENDPOINT_LEAF_SHIFT) &
					    (UIOMMU_ENDPOINT_DIR_ENTRIES - 1)],
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

/* Throw away what is parked of a group that will not be delivered. */
static void
group_drop(struct uiommu_queue *queue, struct uiommu_endpoint *endpoint,
	   const struct uiommu_fault *fault)
{
	uint32_t nb = queue->group_max;
	enum uiommu_prg_result result;

	if (endpoint->assembly_busy == 0)
		return;
	result = uiommu_prg_add(endpoint->prg, fault, queue->gather + queue->nb_gathered, &nb);
	endpoint->assembly_busy = !uiommu_prg_is_idle(endpoint->prg);
	if (result == UIOMMU_PRG_GROUP)
		nb--; /* the last one was never parked */
	uiommu_count(&queue->stats.discarded, nb);
}

/* A request that must not reach a handler: answered if it is the last of its group. */
static void
fault_refuse(struct uiommu_queue *queue, struct uiommu_endpoint *endpoint,
	     const struct uiommu_fault *fault)
{
	if (fault->flags & UIOMMU_FAULT_REJECT)
		uiommu_count(&queue->stats.malformed, 1);
	else if (endpoint->prg == NULL)
		uiommu_count(&queue->stats.unknown_endpoint, 1);
	else
		uiommu_count(&queue->stats.unknown_pasid, 1);
	if ((fault->flags & UIOMMU_FAULT_LAST) == 0)
		return;
	group_drop(queue, endpoint, fault);
	uiommu_pvt_refuse(queue, fault, UIOMMU_CODE_INVALID);
}

/*
 * A request that is not a whole group by itself. Returns the requests of the group that it
 * closed, which begin at queue->gather[queue->nb_gathered]; 0: none.
 */
static uint16_t
fault_assemble(struct uiommu_queue *queue, struct uiommu_endpoint *endpoint,
	       const struct uiommu_fault *fault)
{
	uint32_t nb = queue->group_max;
	enum uiommu_prg_result result;

	result = uiommu_prg_add(endpoint->prg, fault, queue->gather + queue->nb_gathered, &nb);
	endpoint->assembly_busy = !uiommu_prg_is_idle(endpoint->prg);
	switch (result) {
	case UIOMMU_PRG_GROUP:
		return (uint16_t)nb;
	case UIOMMU_PRG_PARKED:
		uiommu_count(&queue->stats.parked, 1);
		break;
	case UIOMMU_PRG_DROPPED:
		/* the rest of its group has made room for others */
		uiommu_count(&queue->stats.park_full, 1);
		uiommu_count(&queue->stats.discarded, nb);
		break;
	case UIOMMU_PRG_INCOMPLETE:
		uiommu_count(&queue->stats.incomplete, 1);
		uiommu_pvt_refuse(queue, fault, UIOMMU_CODE_RETRY);
		break;
	}
	return 0;
}

/* What burst_group() knows of the groups so far. */
struct grouping {
	uint32_t fault_pos;
	uint32_t nb_groups;
	uint32_t grouped; /* requests in them */
	const struct uiommu_domain *domain; /* of the first one */
	uintptr_t mixed;                    /* not 0: another one has another domain */
};

/*
 * Requests that are whole groups by themselves, up to max, until there is one that is not.
 * This is where nearly all requests of most devices go: kept short.
 */
static void
group_plain(const struct uiommu_queue *queue, struct grouping *so_far, uint32_t max)
{
	const struct uiommu_fault *fault = &queue->faults[so_far->fault_pos];
	const struct uiommu_route *route = &queue->routes[so_far->fault_pos];
	struct uiommu_group *group = &queue->groups[so_far->nb_groups];
	const struct uiommu_domain *domain = so_far->domain;
	const uint32_t no_slot = uiommu_slot_none(queue);
	uint32_t index = so_far->nb_groups;
	uintptr_t mixed = 0;
	uint32_t n;

	if (domain == NULL && max != 0 && route->attach != NULL)
		domain = route->attach->domain;
	for (n = 0; n < max; n++, fault++, route++, group++, index++) {
		struct uiommu_attach *attach = route->attach;

		if (unlikely((fault->flags & (UIOMMU_FAULT_LAST | UIOMMU_FAULT_REJECT)) !=
				     UIOMMU_FAULT_LAST ||
			     attach == NULL || route->endpoint->assembly_busy != 0))
			break;
		group->faults = fault;
		group->attach = attach;
		group->nb_faults = 1;
		group->index = (uint16_t)index;
		group->slot = no_slot;
		mixed |= (uintptr_t)attach->domain ^ (uintptr_t)domain;
	}
	so_far->fault_pos += n;
	so_far->nb_groups += n;
	so_far->grouped += n;
	so_far->domain = domain;
	so_far->mixed |= mixed;
}

/*
 * Who gets a request of an endpoint whose user manages the PASIDs, where the PASID has no bond: the
 * NESTED domain of the RID, and nobody else. Or NULL.
 */
static uiommu_cold struct uiommu_attach *
nested_find(const struct uiommu_endpoint *endpoint, const struct uiommu_fault *fault)
{
	struct uiommu_attach *attach;

	if (fault->pasid >> endpoint->pasid_bits != 0)
		return NULL;
	attach = uiommu_pvt_pasid_table_get(&endpoint->pasids, UIOMMU_NO_PASID);
	return attach != NULL && attach->domain->type == UIOMMU_DOMAIN_NESTED ? attach : NULL;
}

/* The next request, which is not a group by itself, or must not be one. */
static void
group_other(struct uiommu_queue *queue, struct grouping *so_far)
{
	const struct uiommu_fault *fault = &queue->faults[so_far->fault_pos];
	const struct uiommu_route *route = &queue->routes[so_far->fault_pos];
	struct uiommu_attach *attach = route->attach;
	struct uiommu_group *group = &queue->groups[so_far->nb_groups];
	uint16_t nb;

	so_far->fault_pos++;
	if (attach == NULL && route->endpoint->user_pasids)
		attach = nested_find(route->endpoint, fault);
	if ((fault->flags & UIOMMU_FAULT_REJECT) != 0 || attach == NULL) {
		fault_refuse(queue, route->endpoint, fault);
		return;
	}
	nb = fault_assemble(queue, route->endpoint, fault);
	if (nb == 0)
		return;
	group->faults = queue->gather + queue->nb_gathered;
	group->attach = attach;
	group->nb_faults = nb;
	group->index = (uint16_t)so_far->nb_groups;
	group->slot = uiommu_slot_none(queue);
	queue->nb_gathered += nb;
	if (so_far->domain == NULL)
		so_far->domain = attach->domain;
	so_far->mixed |= (uintptr_t)attach->domain ^ (uintptr_t)so_far->domain;
	so_far->nb_groups++;
	so_far->grouped += nb;
}

/*
 * Turn routed faults into groups, until none are left or the room for groups of
 * more than one request is used up. At most max groups.
 */
static void
burst_group(struct uiommu_queue *queue, uint16_t max)
{
	struct grouping so_far = {.fault_pos = queue->fault_pos};
	const uint32_t nb_faults = queue->nb_faults;

	queue->burst_number++;
	queue->nb_gathered = 0;
	for (;;) {
		group_plain(queue, &so_far,
			    RTE_MIN(nb_faults - so_far.fault_pos, max - so_far.nb_groups));
		if (so_far.fault_pos == nb_faults || so_far.nb_groups == max ||
		    queue->gather_max - queue->nb_gathered < queue->group_max)
			break;
		group_other(queue, &so_far);
	}
	queue->fault_pos = (uint16_t)so_far.fault_pos;
	queue->nb_groups = (uint16_t)so_far.nb_groups;
	queue->mixed = so_far.mixed != 0;
	if (so_far.nb_groups != 0) {
		uiommu_count(&queue->stats.groups, so_far.nb_groups);
		uiommu_count(&queue->stats.grouped, so_far.grouped);
	}
}

static void
handler_call(struct uiommu_queue *queue, const struct uiommu_domain *domain,
	     struct uiommu_group *groups, uint16_t nb_groups)
{
	uiommu_fault_handler_t handler;

	memset(queue->codes, UIOMMU_CODE_INVALID, nb_groups);
	queue->in_handler = true;
	uiommu_pvt_handler_enter();
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
		struct uiommu_domain *domain = queue->groups[i].attach->domain;
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
		const struct uiommu_domain *domain = queue->groups[i].attach->domain;
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
		handler_call(queue, queue->groups[0].attach->domain, queue->groups,
			     queue->nb_groups);
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

	for (i = 0; i < RTE_DIM(unit->endpoint_dir); i++) {
		/* pair with the release stores of endpoint_publish() */
		struct uiommu_endpoint_leaf *leaf =
			__atomic_load_n(&unit->endpoint_dir[i], __ATOMIC_ACQUIRE);

		if (leaf == unit->endpoint_leaf_empty)
			continue;
		for (j = 0; j < UIOMMU_ENDPOINT_LEAF_ENTRIES; j++) {
			struct uiommu_endpoint *endpoint =
				__atomic_load_n(&leaf->endpoint[j], __ATOMIC_ACQUIRE);

			if (endpoint->assembly_busy == 0)
				continue;
			nb += uiommu_prg_discard(endpoint->prg);
			endpoint->assembly_busy = 0;
		}
	}
	uiommu_count(&queue->stats.discarded, nb);
}

static uiommu_cold void
events_handle(struct uiommu_queue *queue, uint32_t events)
{
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
			burst_group(queue, queue->burst);
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
			burst_group(queue, RTE_MIN(nb_groups, queue->burst));
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
