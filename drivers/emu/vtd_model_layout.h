/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_MODEL_LAYOUT_H
#define VTD_MODEL_LAYOUT_H

/**
 * @file
 * VT-d's entries for the inner loops of emu_fast.h.
 */

#include "emu_fast.h"
#include "vtd_model.h"

/* S 7.4.1.1, 7.6.1; bit 2 of a response's word 1 is ignored */
#define VTD_MODEL_LAYOUT                                                                           \
	((struct emu_layout){                                                                      \
		.entry_shift = VTD_DESC_SHIFT,                                                     \
		.request_prgi_shift = VTD_PRQ1_PRGI_SHIFT,                                         \
		.endpoint_shift = VTD_RESP0_RID_SHIFT,                                             \
		.endpoint_mask = UINT16_MAX,                                                       \
		.response_prgi_shift = VTD_RESP1_PRGI_SHIFT,                                       \
		.response_mask1 = ~(UINT64_C(1) << 2),                                             \
		.response_good1 = 0,                                                               \
		.kind_mask = VTD_QI_PGRP_RESP,                                                     \
		.wide = true,                                                                      \
	})

#endif /* VTD_MODEL_LAYOUT_H */
