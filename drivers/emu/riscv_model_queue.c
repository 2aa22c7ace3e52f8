/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The queues that the unit writes, "In-memory queue interface": one place is never used.
 */

#include "riscv_model.h"

static struct emu_ring *
ring_of(struct uiommu_emu *emu, enum riscv_queue_id id)
{
	return id == RISCV_PQ ? &emu->ring : &emu->events;
}

void
riscv_model_queue_open(struct uiommu_emu *emu, enum riscv_queue_id id)
{
	static const char *const names[] = {"cqb", "fqb", "pqb"};
	struct riscv_model *riscv = emu->unit;
	struct riscv_queue *queue = &riscv->queues[id];
	const uint64_t base = __atomic_load_n(&queue->base, __ATOMIC_RELAXED);
	struct emu_ring *ring;

	queue->pa = riscv_entry_pa(base);
	queue->size = ((uint64_t)riscv_queue_mask(base) + 1) << riscv_queue_shift(id);
	if (!emu_memory_is_used(emu, queue->pa, queue->size))
		emu_violation(emu, &emu->live.protocol,
			      "%s 0x%" PRIx64 " is not the unit's memory", names[id], base);
	else if ((queue->pa & (queue->size - 1)) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "%s 0x%" PRIx64 " is not aligned to the queue's size", names[id],
			      base);
	if (id == RISCV_CQ)
		return;
	ring = ring_of(emu, id);
	*ring = (struct emu_ring){
		.base = emu_memory_at(emu, queue->pa, queue->size),
		.mask = riscv_queue_mask(base),
	};
	__atomic_store_n(&queue->tail, 0, __ATOMIC_RELEASE);
	riscv_model_room(emu);
}

void
riscv_model_queue_close(struct uiommu_emu *emu, enum riscv_queue_id id)
{
	/* what was written is seen before "on" goes */
	riscv_model_publish(emu);
	ring_of(emu, id)->base = NULL;
	ring_of(emu, id)->room = 0;
}

static void
room_look(struct emu_ring *ring, const struct riscv_queue *queue)
{
	/* pairs with the release store of it: what was freed was read */
	const uint32_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);

	ring->room = ring->base == NULL ? 0 : ring->mask - ((ring->tail - head) & ring->mask);
}

void
riscv_model_room(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;

	room_look(&emu->ring, &riscv->queues[RISCV_PQ]);
	room_look(&emu->events, &riscv->queues[RISCV_FQ]);
}

static void
publish(struct uiommu_emu *emu, enum riscv_queue_id id)
{
	struct riscv_model *riscv = emu->unit;
	struct emu_ring *ring = ring_of(emu, id);

	if (ring->tail == ring->published)
		return;
	ring->published = ring->tail;
	/* release for the entries: pairs with the acquire load of the register */
	__atomic_store_n(&riscv->queues[id].tail, ring->tail & ring->mask, __ATOMIC_SEQ_CST);
	riscv_model_interrupt(emu, id);
}

void
riscv_model_publish(struct uiommu_emu *emu)
{
	publish(emu, RISCV_PQ);
	publish(emu, RISCV_FQ);
}

/* Nothing is written until software has cleared what is wrong. */
bool
riscv_model_latched(struct uiommu_emu *emu)
{
	return emu->ring.base != NULL &&
	       (riscv_csr(emu->unit, RISCV_PQ) & riscv_errors(RISCV_PQ)) != 0;
}

bool
riscv_model_raw(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size)
{
	const enum riscv_queue_id id = size == RISCV_FAULT_SIZE ? RISCV_FQ : RISCV_PQ;
	struct emu_ring *ring = ring_of(emu, id);
	const struct emu_device *dev;
	uint32_t did;

	if (ring->base == NULL || (riscv_csr(emu->unit, id) & riscv_errors(id)) != 0)
		return false;
	if (ring->room == 0)
		riscv_model_room(emu);
	if (ring->room == 0)
		return false;
	emu_ring_put(ring, entry, riscv_queue_shift(id));
	if (id == RISCV_FQ) {
		uiommu_count(&emu->live.reports, 1);
		return true;
	}
	uiommu_count(&emu->live.requests, 1);
	did = (uint32_t)(entry[0] >> RISCV_PQ0_DID_SHIFT);
	dev = did <= emu->endpoint_max ? emu->devices[emu->device_of[did]] : NULL;
	if (dev != NULL)
		emu_class_requests(emu, emu_pack_one(dev->class));
	return true;
}
