/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Answers: from handlers at once, and later by cookie. */

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>

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
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the code is the upper half of a word");

static inline void
resp_fill(struct uiommu_resp *resp, const struct uiommu_fault *fault, unsigned int code)
{
	/* what follows the address, with the code in place of the pages */
	uint64_t who, what;

	memcpy(&who, (const uint8_t *)fault + offsetof(struct uiommu_fault, endpoint_id), 8);
	memcpy(&what, (const uint8_t *)fault + offsetof(struct uiommu_fault, prg_index), 8);
	what = (uint32_t)what | (uint64_t)code << 32;
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

/* Only the owner takes and gives slots, so the list needs no atomics. */
static void
slot_put(struct uiommu_queue *queue, struct uiommu_slot *slot)
{
	uint64_t gen = uiommu_slot_gen(__atomic_load_n(&slot->word, __ATOMIC_RELAXED));

	/* a cookie of the old generation finds nothing from here on (R9) */
	__atomic_store_n(&slot->word, uiommu_slot_word(gen + 1, UIOMMU_SLOT_FREE, 0),
			 __ATOMIC_RELAXED);
	slot->attach->nb_deferred--;
	slot->attach = NULL;
	slot->next_free = queue->free_slot;
	queue->free_slot = (uint32_t)(slot - queue->slots);
	queue->nb_deferred--;
	__atomic_store_n(&queue->stats.deferred_now, queue->nb_deferred, __ATOMIC_RELAXED);
}

uiommu_cookie_t
uiommu_group_defer(struct uiommu_group *group)
{
	struct uiommu_group *own; /* the caller may have a copy */
	struct uiommu_queue *queue;
	struct uiommu_slot *slot;
	uint64_t gen;

	if (group->slot < UIOMMU_SLOT_NONE)
		return 0;
	queue = group->attach->endpoint->unit->queues[group->slot & UIOMMU_SLOT_QUEUE_MASK];
	own = &queue->groups[group->index];
	if (own->slot != group->slot)
		return 0;
	if (queue->free_slot == UIOMMU_SLOT_NONE) {
		uiommu_count(&queue->stats.no_slot, 1);
		return 0;
	}
	slot = &queue->slots[queue->free_slot];
	queue->free_slot = slot->next_free;
	resp_fill(&slot->resp, &group->faults[group->nb_faults - 1], UIOMMU_CODE_INVALID);
	slot->attach = group->attach;
	slot->attach->nb_deferred++;
	group->slot = (uint32_t)(slot - queue->slots);
	own->slot = group->slot;
	gen = uiommu_slot_gen(__atomic_load_n(&slot->word, __ATOMIC_RELAXED));
	/* pairs with the compare-and-swap in answer_one() */
	__atomic_store_n(&slot->word, uiommu_slot_word(gen, UIOMMU_SLOT_DEFERRED, 0),
			 __ATOMIC_RELEASE);
	queue->nb_deferred++;
	uiommu_count(&queue->stats.deferred, 1);
	__atomic_store_n(&queue->stats.deferred_now, queue->nb_deferred, __ATOMIC_RELAXED);
	return gen << UIOMMU_SLOT_GEN_SHIFT | (uint64_t)queue->id << UIOMMU_SLOT_QUEUE_SHIFT |
	       group->slot;
}

/* What is to be sent for a group whose code is not plain; UIOMMU_CODE_DEFERRED: nothing now. */
static unsigned int
code_settle(struct uiommu_queue *queue, const struct uiommu_group *group, unsigned int code)
{
	struct uiommu_slot *slot;
	uint64_t word, answered;

	if (group->slot < UIOMMU_SLOT_NONE && code == UIOMMU_CODE_DEFERRED)
		return code;
	if (code >= UIOMMU_CODE_SENT_COUNT) {
		uiommu_count(&queue->stats.handler_errors, 1);
		code = UIOMMU_CODE_INVALID;
	}
	if (group->slot >= UIOMMU_SLOT_NONE)
		return code;
	/* deferred and answered at once: one of the two wins */
	slot = &queue->slots[group->slot];
	word = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
	answered = uiommu_slot_word(uiommu_slot_gen(word), UIOMMU_SLOT_ANSWERED, code);
	if (uiommu_slot_state(word) != UIOMMU_SLOT_DEFERRED ||
	    !__atomic_compare_exchange_n(&slot->word, &word, answered, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return UIOMMU_CODE_DEFERRED;
	slot_put(queue, slot);
	return code;
}

void
uiommu_pvt_codes_apply(struct uiommu_queue *queue, const struct uiommu_group *groups,
		       const uint8_t *codes, uint16_t nb_groups)
{
	struct uiommu_resp *resp = &queue->resps[queue->nb_resps];
	uint64_t tally = 0; /* 16 bits for each code: a burst is at most 512 */
	unsigned int code;
	uint16_t i;

	for (i = 0; i < nb_groups; i++) {
		const struct uiommu_group *group = &groups[i];

		code = codes[i];
		if (unlikely(code >= UIOMMU_CODE_SENT_COUNT || group->slot < UIOMMU_SLOT_NONE)) {
			code = code_settle(queue, group, code);
			if (code == UIOMMU_CODE_DEFERRED)
				continue;
		}
		resp_fill(resp, &group->faults[group->nb_faults - 1], code);
		tally += UINT64_C(1) << (16 * code);
		resp++;
	}
	queue->nb_resps = (uint16_t)(resp - queue->resps);
	for (code = 0; code < UIOMMU_CODE_SENT_COUNT; code++)
		uiommu_count(&queue->stats.codes[code], (tally >> (16 * code)) & 0xffff);
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

/* Responses by cookie that may be sent now: room is kept for requests already taken. */
static uint16_t
answers_room(struct uiommu_queue *queue)
{
	uint16_t room = queue->ops->room(queue->drv);
	uint16_t kept = queue->nb_faults - queue->fault_pos + queue->nb_resps;

	/* resps[] has room for a burst */
	return room > kept ? RTE_MIN(room - kept, queue->burst - queue->nb_resps) : 0;
}

/* Send what the slot's answer says. The slot is in state ANSWERED. */
static void
slot_send(struct uiommu_queue *queue, struct uiommu_slot *slot)
{
	unsigned int code = uiommu_slot_code(__atomic_load_n(&slot->word, __ATOMIC_RELAXED));
	struct uiommu_resp *resp = resp_next(queue);

	*resp = slot->resp;
	resp->code = code;
	uiommu_count(&queue->stats.codes[code], 1);
	slot_put(queue, slot);
}

/* Answers that found the ring full wait in their slots. */
static uiommu_cold uint16_t
answers_rescan(struct uiommu_queue *queue, uint16_t room)
{
	uint32_t i, nb_slots = queue->unit->conf.deferred_max;
	uint16_t sent = 0;

	/* before the look at the slots: an answer that comes meanwhile sets it again */
	__atomic_store_n(&queue->rescan, 0, __ATOMIC_SEQ_CST);
	for (i = 0; i < nb_slots; i++) {
		struct uiommu_slot *slot = &queue->slots[i];
		uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);

		if (uiommu_slot_state(word) != UIOMMU_SLOT_ANSWERED)
			continue;
		if (sent == room) {
			__atomic_store_n(&queue->rescan, 1, __ATOMIC_RELAXED);
			break;
		}
		slot_send(queue, slot);
		uiommu_count(&queue->stats.late_answers, 1);
		sent++;
	}
	return sent;
}

uint16_t
uiommu_pvt_answers_send(struct uiommu_queue *queue)
{
	uint16_t room = answers_room(queue);
	uint16_t sent = 0;
	void *cookie;

	while (sent < room && rte_ring_sc_dequeue(queue->answers, &cookie) == 0) {
		uint64_t number = (uintptr_t)cookie;
		struct uiommu_slot *slot = &queue->slots[number & 0xffff];
		/* pairs with the compare-and-swap in answer_one() */
		uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);

		/* a sweep or a rescan may have sent it before it came out of the ring */
		if (uiommu_slot_gen(word) != number >> UIOMMU_SLOT_GEN_SHIFT ||
		    uiommu_slot_state(word) != UIOMMU_SLOT_ANSWERED)
			continue;
		slot_send(queue, slot);
		uiommu_count(&queue->stats.late_answers, 1);
		sent++;
	}
	if (unlikely(__atomic_load_n(&queue->rescan, __ATOMIC_RELAXED) != 0))
		sent += answers_rescan(queue, room - sent);
	uiommu_pvt_resps_flush(queue);
	return sent;
}

int
uiommu_pvt_answers_sweep(struct uiommu_queue *queue, const struct uiommu_attach *attach,
			 const struct uiommu_endpoint *endpoint)
{
	uint32_t i, nb_slots = queue->unit->conf.deferred_max;
	uint16_t room = answers_room(queue);

	if (queue->nb_deferred == 0 || (attach != NULL && attach->nb_deferred == 0))
		return 0;
	for (i = 0; i < nb_slots; i++) {
		struct uiommu_slot *slot = &queue->slots[i];
		uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);

		if (uiommu_slot_state(word) == UIOMMU_SLOT_FREE ||
		    (attach != NULL && slot->attach != attach) ||
		    (endpoint != NULL && slot->attach->endpoint != endpoint))
			continue;
		if (room == 0) {
			uiommu_pvt_resps_flush(queue);
			return -EINPROGRESS;
		}
		if (uiommu_slot_state(word) == UIOMMU_SLOT_DEFERRED &&
		    __atomic_compare_exchange_n(
			    &slot->word, &word,
			    uiommu_slot_word(uiommu_slot_gen(word), UIOMMU_SLOT_ANSWERED,
					     UIOMMU_CODE_INVALID),
			    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			uiommu_count(&queue->stats.drained, 1);
		else
			uiommu_count(&queue->stats.late_answers, 1);
		slot_send(queue, slot);
		room--;
	}
	uiommu_pvt_resps_flush(queue);
	return 0;
}

void
uiommu_pvt_slots_reset(struct uiommu_queue *queue)
{
	uint32_t i, nb_slots = queue->unit->conf.deferred_max;

	for (i = 0; i < nb_slots && queue->nb_deferred != 0; i++) {
		if (queue->slots[i].attach != NULL)
			slot_put(queue, &queue->slots[i]);
	}
}

static int
answer_one(struct uiommu_unit *unit, uiommu_cookie_t cookie, uint8_t code)
{
	uint16_t queue_id = (cookie >> UIOMMU_SLOT_QUEUE_SHIFT) & (UIOMMU_MAX_QUEUES - 1);
	uint64_t gen = cookie >> UIOMMU_SLOT_GEN_SHIFT;
	uint32_t index = cookie & 0xffff;
	struct uiommu_queue *queue;
	uint64_t expected;

	if (code >= UIOMMU_CODE_SENT_COUNT)
		return -EINVAL;
	if (queue_id >= unit->nb_queues || index >= unit->conf.deferred_max)
		return -ENOENT;
	queue = unit->queues[queue_id];
	expected = uiommu_slot_word(gen, UIOMMU_SLOT_DEFERRED, 0);
	/* pairs with the store in uiommu_group_defer(); and, as release, with the owner's loads */
	if (!__atomic_compare_exchange_n(&queue->slots[index].word, &expected,
					 uiommu_slot_word(gen, UIOMMU_SLOT_ANSWERED, code), false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(&queue->stale_answers, 1, __ATOMIC_RELAXED);
		return -ENOENT;
	}
	if (rte_ring_enqueue(queue->answers, (void *)(uintptr_t)cookie) != 0)
		__atomic_store_n(&queue->rescan, 1, __ATOMIC_SEQ_CST);
	return 0;
}

uint16_t
uiommu_answer(int16_t dev_id, const uiommu_cookie_t *cookies, const uint8_t *codes, int *status,
	      uint16_t nb)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	uint16_t answered = 0;
	uint16_t i;

	for (i = 0; i < nb; i++) {
		int ret = unit == NULL || unit->nb_queues == 0 || unit->queues[0] == NULL
				  ? -ENOENT
				  : answer_one(unit, cookies[i], codes[i]);

		if (status != NULL)
			status[i] = ret;
		answered += ret == 0;
	}
	return answered;
}
