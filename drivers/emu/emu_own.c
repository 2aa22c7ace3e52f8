/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Answers that a unit gives by itself to what is in its queue: a kernel does at a detach. The
 * device has its answer, and software may give none.
 */

#include "emu_pvt.h"

static void
group_end(struct uiommu_emu *emu, uint32_t device, uint16_t prgi)
{
	const struct emu_group group = emu->devices[device]->groups[prgi];
	const uint64_t page = emu_hot_pages(&emu->hot[device])[prgi];

	uiommu_count(&emu->ended, 1);
	emu_group_end(emu, device, prgi);
	if (page != 0 && emu->traffic.use.wishes != NULL)
		emu_use_answered(emu, group.bond, page, false, false);
}

bool
emu_own_end(struct uiommu_emu *emu, uint32_t device, uint32_t pasid, uint16_t prgi)
{
	const struct emu_group *group;

	if (device == 0 || prgi >= EMU_PRGI_COUNT)
		return false;
	emu_group_unfold(emu, device, prgi);
	group = &emu->devices[device]->groups[prgi];
	if (group->state == EMU_GROUP_ORPHAN) {
		emu->devices[device]->groups[prgi].state = EMU_GROUP_FREE;
		return true;
	}
	if (group->state != EMU_GROUP_ACTIVE || group->pasid != pasid)
		return false;
	group_end(emu, device, prgi);
	return true;
}

void
emu_own_answer(struct uiommu_emu *emu, const struct emu_response *resp)
{
	const struct emu_message msg = {
		.endpoint_id = resp->endpoint_id,
		.pasid = resp->pasid,
		.prgi = resp->prgi,
		.flags = EMU_REQ_READ | EMU_REQ_LAST,
	};
	uint32_t device = 0;

	emu_unit_answer(emu, &msg, (enum uiommu_emu_code)resp->code);
	if (resp->endpoint_id <= emu->endpoint_max)
		device = emu->device_of[resp->endpoint_id];
	if (emu->nb_manual > 0 &&
	    emu_manual_own(emu, resp->endpoint_id, resp->pasid, resp->prgi))
		return;
	if (!emu_own_end(emu, device, resp->pasid, resp->prgi))
		emu_violation(emu, &emu->live.duplicated,
			      "device 0x%x PASID 0x%x index %u: answered by the unit, but not "
			      "outstanding",
			      resp->endpoint_id, resp->pasid, resp->prgi);
}
