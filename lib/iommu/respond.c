/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Answers on their way out: codes of handlers, and groups that are kept for later. */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "uiommu_pvt.h"

/* A response has the members of a request in the same order, from the endpoint on. */
#define SAME_PLACE(member)                                                                         \
	_Static_assert(offsetof(struct uiommu_fault, member) -                                     \
				       offsetof(struct uiommu_fault, endpoint_id) ==               \
			       offsetof(struct uiommu_resp, member),                               \
		       "request and response: " #member)
SAME_PLACE(pasid);
SAME_PLACE(prg_index);
SAME_PLACE(flags);
_Static_assert(offsetof(struct uiommu_fault, nb_pages) -
			       offsetof(struct uiommu_fault, endpoint_id) ==
		       offsetof(struct uiommu_resp, code),
	       "request and response: pages and code");
_Static_assert(offsetof(struct uiommu_fault, tag) - offsetof(struct uiommu_fault, endpoint_id) ==
		       offsetof(struct uiommu_resp, tag),
	       "request and response: tag");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the code is bits 47:32 of a word");

static inline void
resp_fill(struct uiommu_resp *resp, const struct uiommu_fault *fault, unsigned int code)
{
	/* what follows the address, with the code in place of the pages */
	uint64_t who, what;

	memcpy(&who, (const uint8_t *)fault + offsetof(struct uiommu_fault, endpoint_id), 8);
	memcpy(&what, (const uint8_t *)fault + offsetof(struct uiommu_fault, prg_index), 8);
	what = (what & ~(UINT64_C(0xffff) << 32)) | (uint64_t)code << 32;
	memcpy(resp, &who, 8);
	memcpy((uint8_t *)resp + offsetof(struct uiommu_resp, prg_index), &what, 8);
}

static inline struct uiommu_resp *
resp_next(struct uiommu_queue *queue)
{
	return &queue->resps[queue->nb_resps++];
}

void
uiommu_pvt_refuse(struct uiommu_queue *queue, const struct uiommu_fault *fault, unsigned int code)
{
	resp_fill(resp_next(queue), fault, code);
	uiommu_count(&queue->stats.refused, 1);
	uiommu_count(&queue->stats.codes[code], 1);
}

void
uiommu_pvt_resps_flush(struct uiommu_queue *queue)
{
	uint16_t nb = queue->nb_resps;
	uint16_t sent;

	if (nb == 0)
		return;
	sent = queue->ops->respond(queue->drv, queue->resps, nb);
	uiommu_count(&queue->stats.responses, sent);
	queue->nb_resps = nb - sent;
	if (unlikely(sent < nb))
		memmove(queue->resps, queue->resps + sent, (nb - sent) * sizeof(queue->resps[0]));
}

/* What may be sent to an endpoint: FAILURE would shut others down too. */
static unsigned int
code_demote(struct uiommu_queue *queue, const struct uiommu_attach *attach, unsigned int code)
{
	if (code != UIOMMU_CODE_FAILURE || attach->endpoint->may_fail)
		return code;
	uiommu_count(&queue->stats.demoted, 1);
	return UIOMMU_CODE_INVALID;
}

/* One slot more or less is kept by the handler of a domain. */
static inline void
kept_count(struct uiommu_queue *queue, struct uiommu_domain *domain, int more)
{
	queue->nb_kept += more;
	domain->mark[queue->id].nb_kept += more;
}

void
uiommu_pvt_slot_put(struct uiommu_queue *queue, struct uiommu_slot *slot, bool revoked)
{
	uint64_t gen = uiommu_slot_gen(__atomic_load_n(&slot->word, __ATOMIC_RELAXED));

	/* a cookie of the old generation finds nothing from here on (R9) */
	__atomic_store_n(&slot->word, uiommu_slot_word(gen + 1, UIOMMU_SLOT_FREE, 0),
			 __ATOMIC_RELAXED);
	if (slot->fq != NULL)
		uiommu_pvt_fault_queue_closed(slot->fq, slot->fq_entry, revoked);
	else
		kept_count(queue, slot->attach->domain, -1);
	slot->fq = NULL;
	queue->nb_timed -= slot->deadline_tsc != 0;
	slot->deadline_tsc = 0;
	slot->attach->nb_deferred[queue->id]--;
	slot->attach = NULL;
	slot->next_free = queue->free_slot;
	queue->free_slot = (uint32_t)(slot - queue->slots);
	queue->nb_deferred--;
	__atomic_store_n(&queue->stats.deferred_now, queue->nb_deferred, __ATOMIC_RELAXED);
}

struct uiommu_queue *
uiommu_pvt_group_queue(const struct uiommu_group *group)
{
	return group->attach->unit->queues[group->slot & UIOMMU_SLOT_QUEUE_MASK];
}

/* Put a group into a slot. Its cookie. */
static uiommu_cookie_t
slot_take(struct uiommu_queue *queue, struct uiommu_group *group, struct uiommu_fault_queue *fq,
	  uint32_t fq_entry)
{
	struct uiommu_slot *slot = &queue->slots[queue->free_slot];
	struct uiommu_domain *domain = group->attach->domain;
	uint64_t gen;

	queue->free_slot = slot->next_free;
	resp_fill(&slot->resp, &group->faults[group->nb_faults - 1], UIOMMU_CODE_INVALID);
	slot->attach = group->attach;
	slot->attach->nb_deferred[queue->id]++;
	slot->fq = fq;
	slot->fq_entry = fq_entry;
	if (fq == NULL)
		kept_count(queue, domain, 1);
	if (unlikely(domain->deadline_cycles != 0)) {
		slot->deadline_tsc = rte_get_tsc_cycles() + domain->deadline_cycles;
		queue->nb_timed++;
	}
	group->slot = (uint32_t)(slot - queue->slots);
	queue->groups[group->index].slot = group->slot; /* the caller may have a copy */
	gen = uiommu_slot_gen(__atomic_load_n(&slot->word, __ATOMIC_RELAXED));
	/* pairs with the compare-and-swap in uiommu_slot_answer() */
	__atomic_store_n(&slot->word, uiommu_slot_word(gen, UIOMMU_SLOT_DEFERRED, 0),
			 __ATOMIC_RELEASE);
	queue->nb_deferred++;
	uiommu_count(&queue->stats.deferred, 1);
	__atomic_store_n(&queue->stats.deferred_now, queue->nb_deferred, __ATOMIC_RELAXED);
	return gen << UIOMMU_SLOT_GEN_SHIFT | (uint64_t)queue->id << UIOMMU_SLOT_QUEUE_SHIFT |
	       group->slot;
}

uiommu_cookie_t
uiommu_group_defer(struct uiommu_group *group)
{
	const struct uiommu_domain *domain = group->attach->domain;
	struct uiommu_queue *queue;

	if (group->slot < UIOMMU_SLOT_NONE)
		return 0;
	queue = uiommu_pvt_group_queue(group);
	if (queue->groups[group->index].slot != group->slot)
		return 0;
	/* what fault queues were promised is not for others */
	if (queue->free_slot == UIOMMU_SLOT_NONE ||
	    queue->nb_kept >= __atomic_load_n(&queue->kept_max, __ATOMIC_RELAXED) ||
	    domain->mark[queue->id].nb_kept >= domain->kept_max) {
		uiommu_count(&queue->stats.no_slot, 1);
		return 0;
	}
	return slot_take(queue, group, NULL, 0);
}

uiommu_cookie_t
uiommu_pvt_group_deliver(struct uiommu_group *group, struct uiommu_fault_queue *fq,
			 uint32_t fq_entry)
{
	struct uiommu_queue *queue = uiommu_pvt_group_queue(group);

	if (queue->free_slot == UIOMMU_SLOT_NONE)
		return 0;
	return slot_take(queue, group, fq, fq_entry);
}

/* What is to be sent for a group whose code is not plain; UIOMMU_CODE_DEFERRED: nothing now. */
static unsigned int
code_settle(struct uiommu_queue *queue, const struct uiommu_group *group, unsigned int code)
{
	struct uiommu_slot *slot;

	if (group->slot < UIOMMU_SLOT_NONE && code == UIOMMU_CODE_DEFERRED)
		return code;
	if (code >= UIOMMU_CODE_SENT_COUNT) {
		uiommu_count(&queue->stats.handler_errors, 1);
		code = UIOMMU_CODE_INVALID;
	}
	code = code_demote(queue, group->attach, code);
	if (group->slot >= UIOMMU_SLOT_NONE)
		return code;
	/* deferred and answered at once: one of the two wins */
	slot = &queue->slots[group->slot];
	if (!uiommu_slot_answer(slot, __atomic_load_n(&slot->word, __ATOMIC_RELAXED), code))
		return UIOMMU_CODE_DEFERRED;
	uiommu_pvt_slot_put(queue, slot, false);
	return code;
}

void
uiommu_pvt_codes_apply(struct uiommu_queue *queue, const struct uiommu_group *groups,
		       const uint8_t *codes, uint16_t nb_groups)
{
	struct uiommu_resp *const first = &queue->resps[queue->nb_resps], *resp = first;
	const struct uiommu_group *group = groups, *end = groups + nb_groups;
	uint64_t tally = 0; /* 16 bits for each code but SUCCESS: a burst is at most 512 */
	unsigned int code, nb;

	for (; group < end; group++, codes++) {
		code = *codes;
		/* what most are, in as few steps as there can be */
		if (likely(code == UIOMMU_CODE_SUCCESS && group->slot >= UIOMMU_SLOT_NONE)) {
			resp_fill(resp++, &group->faults[group->nb_faults - 1],
				  UIOMMU_CODE_SUCCESS);
			continue;
		}
		if (unlikely(code >= UIOMMU_CODE_SENT_COUNT || code == UIOMMU_CODE_FAILURE ||
			     group->slot < UIOMMU_SLOT_NONE)) {
			code = code_settle(queue, group, code);
			if (code == UIOMMU_CODE_DEFERRED)
				continue;
		}
		resp_fill(resp++, &group->faults[group->nb_faults - 1], code);
		if (code != UIOMMU_CODE_SUCCESS)
			tally += UINT64_C(1) << (16 * code);
	}
	queue->nb_resps = (uint16_t)(resp - queue->resps);
	nb = (unsigned int)(resp - first);
	for (code = UIOMMU_CODE_SUCCESS + 1; code < UIOMMU_CODE_SENT_COUNT; code++) {
		const unsigned int nb_code = (tally >> (16 * code)) & 0xffff;

		uiommu_count(&queue->stats.codes[code], nb_code);
		nb -= nb_code;
	}
	uiommu_count(&queue->stats.codes[UIOMMU_CODE_SUCCESS], nb);
}

uint16_t
uiommu_pvt_respond_burst(void *arg, const struct uiommu_group *groups, const uint8_t *codes,
			 uint16_t nb_groups)
{
	struct uiommu_queue *queue = arg;
	uint16_t done = 0;
	uint16_t i;

	if (__atomic_load_n(&queue->owner, __ATOMIC_RELAXED) != uiommu_pvt_self() ||
	    queue->in_handler) {
		__atomic_fetch_add(&queue->not_owner, 1, __ATOMIC_RELAXED);
		return 0;
	}
	for (i = 0; i < nb_groups; i++) {
		uint16_t index = groups[i].index;
		const struct uiommu_group *own = &queue->groups[index];

		/* of this burst is what has its number, or the slot that it was deferred to */
		if (queue->nb_open == 0 || index >= queue->nb_groups ||
		    (groups[i].slot != own->slot && groups[i].slot != uiommu_slot_none(queue)) ||
		    (queue->answered[index / 64] & (UINT64_C(1) << (index % 64))) != 0) {
			__atomic_fetch_add(&queue->stale_answers, 1, __ATOMIC_RELAXED);
			continue;
		}
		queue->answered[index / 64] |= UINT64_C(1) << (index % 64);
		queue->nb_open--;
		uiommu_pvt_codes_apply(queue, own, &codes[i], 1);
		done++;
	}
	uiommu_pvt_resps_flush(queue);
	return done;
}

void
uiommu_pvt_slot_send(struct uiommu_queue *queue, struct uiommu_slot *slot, bool revoked)
{
	unsigned int code = uiommu_slot_code(__atomic_load_n(&slot->word, __ATOMIC_RELAXED));
	struct uiommu_resp *resp = resp_next(queue);

	code = code_demote(queue, slot->attach, code);
	*resp = slot->resp;
	resp->code = (uint16_t)code;
	uiommu_count(&queue->stats.codes[code], 1);
	uiommu_pvt_slot_put(queue, slot, revoked);
}
