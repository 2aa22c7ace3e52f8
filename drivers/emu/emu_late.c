/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests on their way. A device counts a request as sent (it has cost a credit), while
 * the unit knows nothing of it: on the link. Invalidation completions follow on the same link
 * and push it into the unit, where it may wait in a buffer for the unit's queue to be written. What
 * software sees is judged at that time, by the tables of that time.
 */

#include "emu_pvt.h"

bool
uiommu_emu_request_late(struct uiommu_emu *emu, const struct uiommu_emu_request *req)
{
	struct emu_late *late = &emu->late;
	struct emu_late_request request = {.msg = emu_manual_message(req)};
	const struct emu_device *dev;
	bool ok;

	emu_manual_enter(emu);
	if (late->requests == NULL)
		late->requests = emu_alloc(EMU_LATE_MAX * sizeof(late->requests[0]),
					   SOCKET_ID_ANY);
	ok = late->requests != NULL && late->nb < EMU_LATE_MAX &&
	     emu_manual_begin(emu, &request.msg, &request.group);
	if (ok) {
		dev = emu_device_find(emu, req->endpoint_id);
		request.bond = emu_bond_find(emu, dev, req->pasid);
		request.ended = __atomic_load_n(&emu->bonds[request.bond].ended, __ATOMIC_RELAXED);
		late->requests[late->nb++] = request;
	}
	emu_leave(emu);
	return ok;
}

/* S 7.9: what a device asked for before a detach must not be taken for what comes after it. */
static void
outlived_check(struct uiommu_emu *emu, const struct emu_late_request *request)
{
	const struct emu_bond *bond = &emu->bonds[request->bond];

	/* DETACHED now is what emu_stale_check() has looked at */
	if (request->bond == 0 ||
	    request->ended == __atomic_load_n(&bond->ended, __ATOMIC_RELAXED) ||
	    (emu->model->checks_pasids &&
	     (emu_bond_want(emu, request->bond) & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED))
		return;
	emu_violation(emu, &emu->live.stale,
		      "device 0x%x PASID 0x%x: request 0x%" PRIx64
		      " sent before detach and accepted after it",
		      request->msg.endpoint_id, request->msg.pasid, request->msg.iova);
}

/* The first of those that may arrive, and so on. */
static void
arrive(struct uiommu_emu *emu, bool buffered_only)
{
	struct emu_late *late = &emu->late;
	uint32_t i, kept = 0;

	for (i = 0; i < late->nb; i++) {
		if (buffered_only && !late->requests[i].buffered) {
			late->requests[kept++] = late->requests[i];
			continue;
		}
		if (emu_manual_arrive(emu, &late->requests[i].msg, late->requests[i].group) ==
		    UIOMMU_EMU_QUEUED)
			outlived_check(emu, &late->requests[i]);
	}
	late->nb = kept;
}

void
emu_late_push(struct uiommu_emu *emu, uint32_t endpoint_id)
{
	uint32_t i;

	for (i = 0; i < emu->late.nb; i++)
		if (emu->late.requests[i].msg.endpoint_id == endpoint_id)
			emu->late.requests[i].buffered = true;
}

void
emu_late_drain(struct uiommu_emu *emu)
{
	if (emu->late.nb > 0)
		arrive(emu, true);
}

void
uiommu_emu_arrive(struct uiommu_emu *emu)
{
	emu_manual_enter(emu);
	arrive(emu, false);
	emu->model->publish(emu);
	emu_leave(emu);
}
