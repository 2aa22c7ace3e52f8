/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page request interfaces. A physical function and its virtual functions share one; Response
 * Failure stops it. A function that was told so asks for nothing more, and expects no answer to
 * what it has asked for.
 */

#include "emu_pvt.h"

static void
device_stop(struct uiommu_emu *emu, uint32_t device)
{
	emu_groups_forget(emu, device);
	emu->devices[device]->stopped = true;
	emu->credits_free -= emu->hot[device].credits;
	emu->hot[device].credits = 0;
}

void
emu_family_stop(struct uiommu_emu *emu, uint32_t device)
{
	const uint32_t pf_id = emu->devices[device]->pf_id;
	bool any = false;
	uint32_t i;

	for (i = 1; i < emu->nb_devices; i++) {
		if (emu->devices[i]->pf_id != pf_id || emu->devices[i]->removed ||
		    emu->devices[i]->stopped)
			continue;
		device_stop(emu, i);
		any = true;
	}
	if (any)
		uiommu_count(&emu->live.families_stopped, 1);
}
