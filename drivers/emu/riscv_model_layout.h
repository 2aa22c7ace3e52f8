/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_MODEL_LAYOUT_H
#define RISCV_MODEL_LAYOUT_H

/**
 * @file
 * Entries of a RISC-V IOMMU for the inner loops of emu_fast.h.
 */

#include "emu_fast.h"
#include "riscv_model.h"

/** In all answers, and in no other command: of opcode ATS, and of function PRGR. */
#define RISCV_MODEL_KIND_MASK                                                                      \
	((uint64_t)RISCV_OP_ATS | (uint64_t)RISCV_ATS_PRGR << RISCV_CMD0_FUNC3_SHIFT)

/* "Page-Request-Queue (PQ)", "IOMMU PCIe ATS commands" */
#define RISCV_MODEL_LAYOUT(emu)                                                                    \
	((struct emu_layout){                                                                      \
		.entry_shift = RISCV_PQ_SHIFT,                                                     \
		.request_prgi_shift = RISCV_PQ1_PRGI_SHIFT,                                        \
		.endpoint_shift = RISCV_ATS0_RID_SHIFT,                                            \
		.endpoint_mask = (emu)->endpoint_max,                                              \
		.response_prgi_shift = RISCV_ATS_PRGR1_PRGI_SHIFT,                                 \
		.response_mask1 = UINT64_MAX,                                                      \
		.response_good1 = (uint64_t)RISCV_PRGR_SUCCESS << RISCV_ATS_PRGR1_CODE_SHIFT,      \
		.kind_mask = RISCV_MODEL_KIND_MASK,                                                \
	})

/**
 * Word 0 of an answer as riscv_model_response_word() has it: without DSV the segment that stands
 * there does not count, and it is the first one, "IOMMU PCIe ATS commands".
 */
static inline uint64_t
riscv_with_segment(uint64_t word0)
{
	const uint64_t rid = (UINT64_C(1) << RISCV_ATS0_DSEG_SHIFT) - 1;

	return (word0 & RISCV_ATS0_DSV) != 0 ? word0 : (word0 & rid) | RISCV_ATS0_DSV;
}

#endif /* RISCV_MODEL_LAYOUT_H */
