/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Accesses that wait in the unit, made by hand.
 */

#include <errno.h>

#include "emu_pvt.h"

int
uiommu_emu_stall(struct uiommu_emu *emu, const struct uiommu_emu_request *req,
		 struct uiommu_emu_stalled *out)
{
	(void)req;
	(void)out;
	return emu->model->stalls ? -ENOMEM : -ENOTSUP;
}

int
uiommu_emu_stall_get(struct uiommu_emu *emu, uint32_t handle, struct uiommu_emu_stalled *out)
{
	(void)emu;
	(void)handle;
	(void)out;
	return -ENOENT;
}

unsigned int
uiommu_emu_retry_early(struct uiommu_emu *emu)
{
	(void)emu;
	return 0;
}
