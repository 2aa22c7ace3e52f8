/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_LATE_H
#define EMU_LATE_H

/**
 * @file
 * Page requests that were sent and have not arrived: on the link between a device and the unit,
 * or in a buffer of the unit. What a device sends stays in order.
 *
 * By the holder of uiommu_emu::lock.
 */

#include <stdbool.h>
#include <stdint.h>

#include "emu_model.h"

struct uiommu_emu;

#define EMU_LATE_MAX 1024

/** A request on its way. */
struct emu_late_request {
	struct emu_message msg;
	uint32_t group; /**< in uiommu_emu::manual, or EMU_MANUAL_NONE */
	uint32_t bond;
	uint32_t ended; /**< emu_bond::ended when it was sent */
	bool buffered;  /**< has left the link */
};

struct emu_late {
	struct emu_late_request *requests; /**< EMU_LATE_MAX, in the order of sending */
	uint32_t nb;
};

/** A device has confirmed an invalidation: what it sent before has reached the unit. */
void
emu_late_push(struct uiommu_emu *emu, uint32_t endpoint_id);
/** What has reached the unit goes into its queue, or is answered. */
void
emu_late_drain(struct uiommu_emu *emu);

#endif /* EMU_LATE_H */
