/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* From routed requests to groups: the third step of the pipeline. Runs on the owner of a queue. */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "uiommu_pvt.h"

/* Throw away what is parked of a group that will not be delivered. */
static void
group_drop(struct uiommu_queue *queue, struct uiommu_endpoint *endpoint,
	   const struct uiommu_fault *fault)
{
	uint32_t nb = queue->group_max;
	enum uiommu_prg_result result;

	/* a tag is no group's index */
	if (endpoint->assembly_busy == 0 || (fault->flags & UIOMMU_FAULT_STALL) != 0)
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
 * A request that need not be a whole group by itself. Returns the requests of the group that it
 * closed, which begin at queue->gather[queue->nb_gathered]; 0: none.
 */
static uint16_t
fault_assemble(struct uiommu_queue *queue, struct uiommu_endpoint *endpoint,
	       const struct uiommu_fault *fault)
{
	uint32_t nb = queue->group_max;
	enum uiommu_prg_result result;

	if (unlikely((fault->flags & UIOMMU_FAULT_STALL) != 0)) {
		queue->gather[queue->nb_gathered] = *fault;
		return 1;
	}
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

/* What uiommu_pvt_burst_group() knows of the groups so far. */
struct grouping {
	uint32_t fault_pos;
	uint32_t nb_groups;
	uint32_t grouped; /* requests in them */
	const struct uiommu_domain *domain; /* of the first one */
	uintptr_t mixed;                    /* not 0: another one has another domain */
};

/* The members of a group behind its pointers, as bits of a word. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the number of requests is bits 15:0");
_Static_assert(offsetof(struct uiommu_group, index) ==
		       offsetof(struct uiommu_group, nb_faults) + 2, "the place is bits 31:16");
_Static_assert(offsetof(struct uiommu_group, slot) ==
		       offsetof(struct uiommu_group, nb_faults) + 4, "the slot is bits 63:32");

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
	/* number of requests, place in the burst, no slot: the members of a group in one word */
	uint64_t numbers = UINT64_C(1) | (uint64_t)so_far->nb_groups << 16 |
			   (uint64_t)uiommu_slot_none(queue) << 32;
	const struct uiommu_fault *const begin = fault, *const end = fault + max;
	uintptr_t mixed = 0;
	uint32_t n;

	if (domain == NULL && max != 0 && route->attach != NULL)
		domain = route->attach->bulk;
	for (; fault < end; fault++, route++, group++, numbers += UINT64_C(1) << 16) {
		struct uiommu_attach *attach = route->attach;

		if (unlikely((fault->flags & (UIOMMU_FAULT_LAST | UIOMMU_FAULT_REJECT)) !=
				     UIOMMU_FAULT_LAST ||
			     attach == NULL || route->endpoint->assembly_busy != 0))
			break;
		group->faults = fault;
		group->attach = attach;
		memcpy((uint8_t *)group + offsetof(struct uiommu_group, nb_faults), &numbers,
		       sizeof(numbers));
		mixed |= (uintptr_t)attach->bulk ^ (uintptr_t)domain;
	}
	n = (uint32_t)(fault - begin);
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
		so_far->domain = attach->bulk;
	so_far->mixed |= (uintptr_t)attach->bulk ^ (uintptr_t)so_far->domain;
	so_far->nb_groups++;
	so_far->grouped += nb;
}

void
uiommu_pvt_burst_group(struct uiommu_queue *queue, uint16_t max)
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
