/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The unit as a whole: what it says of itself, and its table of functions.
 */

#include <errno.h>

#include "riscv_model_layout.h"

/* Bits of the ids of devices, where devargs do not say: a segment of PCIe. */
#define DID_BITS_DEFAULT 16
#define VERSION UINT64_C(0x10)
#define PAS_DEFAULT UINT64_C(52)
#define PAS_MAX 56
/* Each of the three sizes of a directory of devices. */
#define DDT_LEVELS_ALL 0x7

/* As a server part of these years has them; "IOMMU capabilities (capabilities)" */
#define CAPABILITIES_DEFAULT                                                                       \
	(VERSION | RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57 | RISCV_CAP_SVPBMT |           \
	 RISCV_CAP_MSI_FLAT | RISCV_CAP_AMO_HWAD | RISCV_CAP_ATS |                                 \
	 (uint64_t)RISCV_IGS_BOTH << RISCV_CAP_IGS_SHIFT | RISCV_CAP_DBG |                         \
	 PAS_DEFAULT << RISCV_CAP_PAS_SHIFT | RISCV_CAP_PD8 | RISCV_CAP_PD17 | RISCV_CAP_PD20 |    \
	 RISCV_CAP_NL | RISCV_CAP_S)

/* What is not modelled must not be announced: second stage, and what comes with it; 32 bits. */
#define REFUSED                                                                                    \
	(RISCV_CAP_SV32 | RISCV_CAP_SV32X4 | RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 |                 \
	 RISCV_CAP_SV57X4 | RISCV_CAP_AMO_MRIF | RISCV_CAP_MSI_MRIF | RISCV_CAP_T2GPA |            \
	 RISCV_CAP_END | RISCV_CAP_HPM | RISCV_CAP_QOSID)

/* A mode is there only with those that are narrower. */
static bool
modes_are_strange(uint64_t capabilities)
{
	return ((capabilities & RISCV_CAP_SV57) != 0 && (capabilities & RISCV_CAP_SV48) == 0) ||
	       ((capabilities & RISCV_CAP_SV48) != 0 && (capabilities & RISCV_CAP_SV39) == 0);
}

static int
capabilities_check(const struct uiommu_emu *emu, const struct riscv_model *riscv)
{
	const uint64_t capabilities = riscv->capabilities;

	if ((capabilities & REFUSED) == 0 && !modes_are_strange(capabilities) &&
	    riscv_pas(riscv) <= PAS_MAX && riscv_pas(riscv) >= 32 &&
	    (capabilities >> RISCV_CAP_IGS_SHIFT & RISCV_CAP_IGS_MASK) <= RISCV_IGS_BOTH)
		return 0;
	EMU_LOG(ERR, "%s: the model knows nothing of what these capabilities announce", emu->name);
	return -EINVAL;
}

static int
args_get(struct uiommu_emu *emu, struct uiommu_args *args)
{
	uint64_t caps = CAPABILITIES_DEFAULT, reorder = 0, bare = 0;
	uint64_t did_bits = DID_BITS_DEFAULT, levels = DDT_LEVELS_ALL;
	struct riscv_model *riscv = emu->unit;

	if (emu_args_bits(args, "caps", UINT64_MAX, &caps) < 0 ||
	    uiommu_args_get_u64(args, "ddt_levels", 1, DDT_LEVELS_ALL, &levels) < 0 ||
	    uiommu_args_get_u64(args, "did_bits", 1, RISCV_DID_BITS, &did_bits) < 0 ||
	    uiommu_args_get_u64(args, "bare", 0, 1, &bare) < 0 ||
	    uiommu_args_get_u64(args, "reorder", 0, 1, &reorder) < 0)
		return -EINVAL;
	riscv->capabilities = caps;
	riscv->ddt_modes = 1U << RISCV_DDTP_OFF | 1U << RISCV_DDTP_BARE |
			   (uint32_t)levels << RISCV_DDTP_1LVL;
	riscv->reorder = reorder != 0;
	/* "Reset behavior": one of both */
	riscv->ddtp = bare != 0 ? RISCV_DDTP_BARE : RISCV_DDTP_OFF;
	riscv->ddtp_on = riscv->ddtp;
	emu->endpoint_max = (UINT32_C(1) << did_bits) - 1;
	return capabilities_check(emu, riscv);
}

static int
riscv_model_open(struct uiommu_emu *emu, struct uiommu_args *args)
{
	struct riscv_model *riscv = emu->unit;

	if (args_get(emu, args) < 0)
		return -EINVAL;
	if ((riscv->capabilities >> RISCV_CAP_IGS_SHIFT & RISCV_CAP_IGS_MASK) == RISCV_IGS_WSI)
		riscv->fctl = RISCV_FCTL_WSI;
	return 0;
}

static const struct emu_model_ops riscv_model_ops = {
	.driver = "riscv",
	.unit_size = sizeof(struct riscv_model),
	.endpoint_max = UINT16_MAX,
	.entry_size = RISCV_PQ_SIZE,
	.event_size = RISCV_FAULT_SIZE,
	.kind_mask = RISCV_MODEL_KIND_MASK,
	.light_mask = RISCV_CMD0_OPCODE_MASK | RISCV_CMD0_FUNC3_MASK << RISCV_CMD0_FUNC3_SHIFT,
	/* what software makes of them is nowhere said */
	.reserved_allow = EMU_ALLOW_SUCCESS | EMU_ALLOW_INVALID,
	.open = riscv_model_open,
	.read32 = riscv_model_read32,
	.read64 = riscv_model_read64,
	.write32 = riscv_model_write32,
	.write64 = riscv_model_write64,
	.commands = riscv_model_commands,
	.execute = riscv_model_execute,
	.make = riscv_model_make,
	.room = riscv_model_room,
	.publish = riscv_model_publish,
	.latched = riscv_model_latched,
	.request = riscv_model_request,
	.raw = riscv_model_raw,
	.encode = riscv_model_encode,
	.decode = riscv_model_decode,
	.spoil = riscv_model_spoil,
	.response_word = riscv_model_response_word,
	.dma = riscv_model_dma,
	.translate = riscv_model_translate,
	.translated = riscv_model_translated,
	.verify_bulk = riscv_model_verify_bulk,
	.audit = &riscv_model_audit,
};

EMU_MODEL_REGISTER(riscv_model_ops);
