/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Answers by cookie: given by any thread, or by the engine itself; sent by the queue's owner. */

#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "uiommu_pvt.h"

/* Responses by cookie that may be sent now: room is kept for requests already taken. */
static uint16_t
answers_room(struct uiommu_queue *queue)
{
	uint16_t room = queue->ops->room(queue->drv);
	uint16_t kept = queue->nb_faults - queue->fault_pos + queue->nb_resps;

	/* resps[] has room for a burst */
	return room > kept ? RTE_MIN(room - kept, queue->burst - queue->nb_resps) : 0;
}

/* Answers that found the ring full wait in their slots. */
static uiommu_cold uint16_t
answers_rescan(struct uiommu_queue *queue, uint16_t room)
{
	uint32_t i, nb_slots = queue->unit->conf.deferred_max;
	uint16_t sent = 0;

	/*
	 * Before the look at the slots: an answer that comes meanwhile sets it again. Acquire pairs
	 * with the exchange in uiommu_pvt_answer_one(): of all who have set it by now, the answer
	 * is seen. No store would do: the loads below may pass it.
	 */
	(void)__atomic_exchange_n(&queue->rescan, 0, __ATOMIC_ACQUIRE);
	for (i = 0; i < nb_slots; i++) {
		struct uiommu_slot *slot = &queue->slots[i];
		/* pairs with the compare-and-swap in uiommu_slot_answer() */
		uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);

		if (uiommu_slot_state(word) != UIOMMU_SLOT_ANSWERED)
			continue;
		if (sent == room) {
			/* no store: it would stand between the next look and whoever set it */
			(void)__atomic_exchange_n(&queue->rescan, 1, __ATOMIC_RELAXED);
			break;
		}
		uiommu_pvt_slot_send(queue, slot, false);
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
		/* pairs with the compare-and-swap in uiommu_slot_answer() */
		uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);

		/* a sweep or a rescan may have sent it before it came out of the ring */
		if (uiommu_slot_gen(word) != number >> UIOMMU_SLOT_GEN_SHIFT ||
		    uiommu_slot_state(word) != UIOMMU_SLOT_ANSWERED)
			continue;
		uiommu_pvt_slot_send(queue, slot, false);
		uiommu_count(&queue->stats.late_answers, 1);
		sent++;
	}
	if (unlikely(__atomic_load_n(&queue->rescan, __ATOMIC_RELAXED) != 0))
		sent += answers_rescan(queue, room - sent);
	uiommu_pvt_resps_flush(queue);
	return sent;
}

/* Slots that one turn looks at for deadlines. */
#define EXPIRE_SLOTS 32

uint16_t
uiommu_pvt_answers_expire(struct uiommu_queue *queue)
{
	uint32_t i, nb_slots = queue->unit->conf.deferred_max;
	uint64_t now = rte_get_tsc_cycles();
	uint16_t room = answers_room(queue);
	uint16_t sent = 0;

	for (i = 0; i < RTE_MIN(nb_slots, (uint32_t)EXPIRE_SLOTS) && sent < room; i++) {
		struct uiommu_slot *slot = &queue->slots[queue->expire_pos];
		/* pairs with the compare-and-swap in uiommu_slot_answer() */
		uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);

		queue->expire_pos = (queue->expire_pos + 1) & (nb_slots - 1);
		if (slot->deadline_tsc == 0 || now < slot->deadline_tsc ||
		    !uiommu_slot_answer(slot, word, slot->attach->domain->deadline_code))
			continue;
		uiommu_count(&queue->stats.expired, 1);
		uiommu_pvt_slot_send(queue, slot, true);
		sent++;
	}
	uiommu_pvt_resps_flush(queue);
	return sent;
}

static bool
slot_is_of(const struct uiommu_slot *slot, const struct uiommu_whose *whose)
{
	return (whose->attach == NULL || slot->attach == whose->attach) &&
	       (whose->endpoint == NULL || slot->attach->endpoint == whose->endpoint) &&
	       (whose->fq == NULL || slot->fq == whose->fq);
}

int
uiommu_pvt_answers_sweep(struct uiommu_queue *queue, const struct uiommu_whose *whose)
{
	uint32_t i, nb_slots = queue->unit->conf.deferred_max;
	uint16_t room = answers_room(queue);

	if (queue->nb_deferred == 0 ||
	    (whose->attach != NULL && whose->attach->nb_deferred[queue->id] == 0))
		return 0;
	for (i = 0; i < nb_slots; i++) {
		struct uiommu_slot *slot = &queue->slots[i];
		/* pairs with the compare-and-swap in uiommu_slot_answer() */
		uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
		bool revoked;

		if (uiommu_slot_state(word) == UIOMMU_SLOT_FREE || !slot_is_of(slot, whose))
			continue;
		if (room == 0) {
			uiommu_pvt_resps_flush(queue);
			return -EINPROGRESS;
		}
		revoked = uiommu_slot_answer(slot, word, UIOMMU_CODE_INVALID);
		uiommu_count(revoked ? &queue->stats.drained : &queue->stats.late_answers, 1);
		uiommu_pvt_slot_send(queue, slot, revoked);
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
			uiommu_pvt_slot_put(queue, &queue->slots[i], true);
	}
}

int
uiommu_pvt_answer_one(struct uiommu_unit *unit, uiommu_cookie_t cookie, uint8_t code)
{
	uint16_t queue_id = (cookie >> UIOMMU_SLOT_QUEUE_SHIFT) & (UIOMMU_MAX_QUEUES - 1);
	uint64_t gen = cookie >> UIOMMU_SLOT_GEN_SHIFT;
	uint32_t index = cookie & 0xffff;
	struct uiommu_queue *queue;

	if (queue_id >= unit->nb_queues || index >= unit->conf.deferred_max)
		return -ENOENT;
	queue = unit->queues[queue_id];
	if (!uiommu_slot_answer(&queue->slots[index],
				uiommu_slot_word(gen, UIOMMU_SLOT_DEFERRED, 0), code)) {
		__atomic_fetch_add(&queue->stale_answers, 1, __ATOMIC_RELAXED);
		return -ENOENT;
	}
	/* release pairs with the exchange in answers_rescan() */
	if (rte_ring_enqueue(queue->answers, (void *)(uintptr_t)cookie) != 0)
		(void)__atomic_exchange_n(&queue->rescan, 1, __ATOMIC_RELEASE);
	return 0;
}

static int
answer_check(struct uiommu_unit *unit, uiommu_cookie_t cookie, uint8_t code)
{
	if (code >= UIOMMU_CODE_SENT_COUNT)
		return -EINVAL;
	if (unit == NULL || unit->nb_queues == 0 || unit->queues[0] == NULL)
		return -ENOENT;
	return uiommu_pvt_answer_one(unit, cookie, code);
}

uint16_t
uiommu_answer(int16_t dev_id, const uiommu_cookie_t *cookies, const uint8_t *codes, int *status,
	      uint16_t nb)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	uint16_t answered = 0;
	uint16_t i;

	for (i = 0; i < nb; i++) {
		int ret = answer_check(unit, cookies[i], codes[i]);

		if (status != NULL)
			status[i] = ret;
		answered += ret == 0;
	}
	return answered;
}
