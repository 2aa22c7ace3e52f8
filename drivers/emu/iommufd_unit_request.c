/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests on their way to the kernel: single ones at once, those of the fast path by the burst.
 */

#include "iommufd_unit.h"

#define BURST 64

void
iommufd_unit_room(struct uiommu_emu *emu)
{
	struct emu_ring *ring = &emu->ring;

	ring->room = IOMMUFD_UNIT_RING - (ring->tail - ring->published);
}

unsigned int
iommufd_unit_make(struct uiommu_emu *emu, unsigned int max)
{
	return emu_fast_send(emu, max, EMU_SOURCE_REQUESTS, IOMMUFD_UNIT_LAYOUT(emu));
}

/* The kernel has answered a request that was counted as one that it would queue. */
static void
request_refused(struct uiommu_emu *emu, const struct emu_message *msg)
{
	const uint16_t device = emu->device_of[msg->endpoint_id];

	emu_unit_answer(emu, msg, UIOMMU_EMU_INVALID);
	uiommu_count(&emu->live.requests, UINT64_MAX);
	if (emu_own_end(emu, device, msg->pasid, msg->prgi))
		/* from now on each is looked at */
		emu_bonds_disarm(emu);
}

void
iommufd_unit_publish(struct uiommu_emu *emu)
{
	struct iommufd_unit *unit = emu->unit;
	struct emu_ring *ring = &emu->ring;
	struct emu_message msgs[BURST];
	uint8_t outcomes[BURST];
	unsigned int nb, i;

	while (ring->published != ring->tail) {
		nb = RTE_MIN(ring->tail - ring->published, (uint32_t)BURST);
		for (i = 0; i < nb; i++)
			emu->model->decode(unit->ring[(ring->published + i) & ring->mask], 0,
					   &msgs[i]);
		unit->ops->raise(&unit->kernel, msgs, outcomes, nb);
		ring->published += nb;
		for (i = 0; i < nb; i++)
			if (unlikely(outcomes[i] != IOMMUFD_KERNEL_QUEUED))
				request_refused(emu, &msgs[i]);
	}
	ring->room = IOMMUFD_UNIT_RING;
}

enum uiommu_emu_outcome
iommufd_unit_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		     const struct emu_message *msg)
{
	struct iommufd_unit *unit = emu->unit;
	uint8_t outcome = IOMMUFD_KERNEL_CANNOT;

	/* drivers of units drop stop markers */
	if (!emu_message_wants(msg) && (msg->flags & EMU_REQ_LAST) != 0)
		return UIOMMU_EMU_DROPPED;
	unit->ops->raise(&unit->kernel, msg, &outcome, 1);
	if (outcome == IOMMUFD_KERNEL_REFUSED)
		return emu_unit_answer(emu, msg, UIOMMU_EMU_INVALID);
	if (outcome != IOMMUFD_KERNEL_QUEUED) {
		uiommu_count(&emu->live.dropped, 1);
		return UIOMMU_EMU_DROPPED;
	}
	uiommu_count(&emu->live.requests, 1);
	emu_class_requests(emu, emu_pack_one(dev->class));
	emu_bond_arm(emu, bond);
	return UIOMMU_EMU_QUEUED;
}
