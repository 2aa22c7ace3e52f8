/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_MODEL_LAYOUT_H
#define SMMUV3_MODEL_LAYOUT_H

/**
 * @file
 * SMMUv3's entries for the inner loops of emu_fast.h.
 */

#include "emu_fast.h"
#include "smmuv3_model.h"

/** In all answers, S 4.1.1 */
#define SMMUV3_MODEL_KIND_MASK UINT64_C(0x40)

/** Word 1 of the event of a stall with tag 0: a page is missing, for a write, S 7.3.13 */
#define SMMUV3_MODEL_STALL_WORD1                                                                   \
	(SMMUV3_EVT1_STALL | (uint64_t)SMMUV3_CLASS_IN << SMMUV3_EVT1_CLASS_SHIFT |                \
	 SMMUV3_MODEL_STAG)

/* S 8, 4.5.2 */
#define SMMUV3_MODEL_LAYOUT(emu)                                                                   \
	((struct emu_layout){                                                                      \
		.entry_shift = SMMUV3_PRI_SHIFT,                                                   \
		.request_prgi_shift = 0,                                                           \
		.endpoint_shift = SMMUV3_CMD0_SID_SHIFT,                                           \
		.endpoint_mask = (emu)->endpoint_max,                                              \
		.response_prgi_shift = 0,                                                          \
		.response_mask1 = UINT64_MAX,                                                      \
		.response_good1 = (uint64_t)SMMUV3_RESP_SUCCESS << SMMUV3_PRI_RESP1_RESP_SHIFT,    \
		.kind_mask = SMMUV3_MODEL_KIND_MASK,                                               \
		.event_word1 = SMMUV3_MODEL_STALL_WORD1,                                           \
		.event_read = SMMUV3_EVT1_RNW,                                                     \
	})

/* S 7.3.13, 4.7.1 */
#define SMMUV3_MODEL_STALL_LAYOUT(emu)                                                             \
	((struct emu_layout){                                                                      \
		.entry_shift = SMMUV3_PRI_SHIFT,                                                   \
		.endpoint_shift = SMMUV3_CMD0_SID_SHIFT,                                           \
		.endpoint_mask = (emu)->endpoint_max,                                              \
		.response_mask1 = UINT64_MAX,                                                      \
		.response_good1 = SMMUV3_MODEL_STAG,                                               \
		.kind_mask = SMMUV3_MODEL_KIND_MASK,                                               \
		.stall = true,                                                                     \
	})

#endif /* SMMUV3_MODEL_LAYOUT_H */
