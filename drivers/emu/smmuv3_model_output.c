/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The queues that the unit writes, S 3.5, 7.4, 8: all of 2^n places are used, and an index has a
 * bit more to tell full from empty.
 */

#include "smmuv3_model.h"

static uint32_t *
reg_at(struct smmuv3_model *smmu, uint32_t offset)
{
	switch (offset) {
	case SMMUV3_REG_EVENTQ_PROD:
		return &smmu->eventq_prod;
	case SMMUV3_REG_EVENTQ_CONS:
		return &smmu->eventq_cons;
	case SMMUV3_REG_PRIQ_PROD:
		return &smmu->priq_prod;
	default:
		return &smmu->priq_cons;
	}
}

static void
queue_open(struct uiommu_emu *emu, struct emu_ring *ring, struct smmuv3_output *out)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint64_t base = __atomic_load_n(out->base, __ATOMIC_RELAXED);
	const uint32_t prod = __atomic_load_n(reg_at(smmu, out->prod_reg), __ATOMIC_RELAXED);
	const uint32_t cons = __atomic_load_n(reg_at(smmu, out->cons_reg), __ATOMIC_RELAXED);
	const uint32_t order = (uint32_t)RTE_MIN(base & SMMUV3_QUEUE_BASE_LOG2SIZE_MASK,
						 (uint64_t)out->order_max);
	const uint32_t wrap_mask = (2U << order) - 1;

	out->order = order;
	out->size = UINT64_C(1) << (order + out->shift);
	out->pa = base & SMMUV3_QUEUE_BASE_ADDR_MASK & ~(RTE_MAX(out->size, UINT64_C(32)) - 1);
	out->overflow = (prod & SMMUV3_PROD_OVFLG) != 0;
	ring->mask = (1U << order) - 1;
	ring->tail = prod & wrap_mask;
	ring->published = ring->tail;
	ring->room = 0;
	ring->base = emu_memory_at(emu, out->pa, out->size);
	if (ring->base == NULL || out->pa != (base & SMMUV3_QUEUE_BASE_ADDR_MASK))
		emu_violation(emu, &emu->live.protocol, "%s_BASE 0x%" PRIx64 " is %s", out->name,
			      base,
			      ring->base == NULL ? "not the unit's memory" :
						   "not aligned to the queue's size");
	if (((ring->tail - cons) & wrap_mask) > ring->mask + 1)
		emu_violation(emu, &emu->live.protocol,
			      "%s enabled with PROD 0x%x, CONS 0x%x", out->name, prod, cons);
}

void
smmuv3_model_queue_switch(struct uiommu_emu *emu, struct emu_ring *ring,
			  struct smmuv3_output *out, bool on)
{
	if (on)
		queue_open(emu, ring, out);
	else
		ring->base = NULL;
}

static void
room_look(struct uiommu_emu *emu, struct emu_ring *ring, struct smmuv3_output *out)
{
	struct smmuv3_model *smmu = emu->unit;
	/* pairs with the release store of it: what was freed was read */
	const uint32_t reg = __atomic_load_n(reg_at(smmu, out->cons_reg), __ATOMIC_ACQUIRE);
	const uint32_t wrap_mask = (2U << out->order) - 1;
	const uint32_t cons = reg & wrap_mask;

	if (ring->base == NULL) {
		ring->room = 0;
		return;
	}
	ring->room = ring->mask + 1 - RTE_MIN((ring->tail - cons) & wrap_mask, ring->mask + 1);
}

void
smmuv3_model_room(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;
	/* stray answers count as well, hence the sign */
	const int64_t stalled =
		(int64_t)(emu->live.stalls - emu->live.stalls_retried - emu->live.stalls_aborted -
			  emu->live.stalls_terminated - emu->live.stalls_ended);
	const int64_t stall_max =
		smmuv3_field(smmu->idr[5], SMMUV3_IDR5_STALL_MAX_SHIFT, SMMUV3_IDR5_STALL_MAX_MASK);

	room_look(emu, &emu->ring, &smmu->priq);
	room_look(emu, &emu->events, &smmu->eventq);
	/* more than that wait outside, S 3.12.2.3; an error keeps them there as well, S 7.2.1 */
	if (smmuv3_model_error_is_active(smmu, SMMUV3_GERROR_EVENTQ_ABT))
		emu->events.room = 0;
	else if (smmuv3_field(smmu->idr[0], SMMUV3_IDR0_STALL_MODEL_SHIFT,
			      SMMUV3_IDR0_STALL_MODEL_MASK) == SMMUV3_STALL_MODEL_NONE)
		return;
	else if (stalled < stall_max)
		emu->events.room = (uint32_t)RTE_MIN((int64_t)emu->events.room,
						     stall_max - stalled);
	else
		emu->events.room = 0;
}

static void
publish(struct smmuv3_model *smmu, struct emu_ring *ring, struct smmuv3_output *out)
{
	uint32_t prod = ring->tail & ((2U << out->order) - 1);

	if (out->overflow)
		prod |= SMMUV3_PROD_OVFLG;
	ring->published = ring->tail;
	/* release for the entries: pairs with the acquire load of the register */
	__atomic_store_n(reg_at(smmu, out->prod_reg), prod, __ATOMIC_SEQ_CST);
}

void
smmuv3_model_publish(struct uiommu_emu *emu)
{
	struct smmuv3_model *smmu = emu->unit;

	if (emu->ring.tail != emu->ring.published)
		publish(smmu, &emu->ring, &smmu->priq);
	if (emu->events.tail != emu->events.published)
		publish(smmu, &emu->events, &smmu->eventq);
}

void
smmuv3_model_overflow(struct uiommu_emu *emu, struct emu_ring *ring, struct smmuv3_output *out)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t cons = __atomic_load_n(reg_at(smmu, out->cons_reg), __ATOMIC_SEQ_CST);

	/* entries are seen to fill the queue before it is seen to overflow, S 7.4 */
	publish(smmu, ring, out);
	if (out->overflow != ((cons & SMMUV3_CONS_OVACKFLG) != 0))
		return;
	out->overflow = !out->overflow;
	publish(smmu, ring, out);
	uiommu_count(ring == &emu->ring ? &emu->live.overflows : &emu->live.report_overflows, 1);
}

/* Nothing is written to the PRI queue until the overflow is acknowledged, S 8.1 */
bool
smmuv3_model_latched(struct uiommu_emu *emu)
{
	const struct smmuv3_model *smmu = emu->unit;
	/* pairs with the acknowledging write: the queue was emptied before it */
	const uint32_t cons = __atomic_load_n(&smmu->priq_cons, __ATOMIC_SEQ_CST);

	return emu->ring.base != NULL &&
	       smmu->priq.overflow != ((cons & SMMUV3_CONS_OVACKFLG) != 0);
}

bool
smmuv3_model_raw(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size)
{
	const bool event = size == SMMUV3_EVENT_SIZE;
	struct emu_ring *ring = event ? &emu->events : &emu->ring;
	const struct emu_device *dev;
	uint32_t sid;

	if (ring->base == NULL || (!event && smmuv3_model_latched(emu)))
		return false;
	if (ring->room == 0)
		smmuv3_model_room(emu);
	if (ring->room == 0)
		return false;
	emu_ring_put(ring, entry, event ? SMMUV3_EVENT_SHIFT : SMMUV3_PRI_SHIFT);
	uiommu_count(&emu->live.requests, 1);
	if (event && (entry[1] & SMMUV3_EVT1_STALL) != 0)
		uiommu_count(&emu->live.stalls, 1);
	sid = (uint32_t)(event ? entry[0] >> SMMUV3_EVT0_SID_SHIFT : entry[0]);
	dev = sid <= emu->endpoint_max ? emu->devices[emu->device_of[sid]] : NULL;
	if (dev != NULL)
		emu_class_requests(emu, emu_pack_one(dev->class));
	return true;
}
