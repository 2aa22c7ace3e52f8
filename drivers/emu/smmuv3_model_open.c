/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The unit as a whole: what it says of itself, and its table of functions.
 */

#include <errno.h>
#include <stdio.h>

#include "smmuv3_model_layout.h"

/* Stream ids that the model has room for. */
#define SIDSIZE_MAX 24

/* As a server part of these years has them; S 6.3.1 to 6.3.8 */
#define IDR0_DEFAULT                                                                               \
	(SMMUV3_IDR0_S1P | SMMUV3_TTF_AARCH64 << SMMUV3_IDR0_TTF_SHIFT | SMMUV3_IDR0_COHACC |      \
	 SMMUV3_HTTU_ACCESS_DIRTY << SMMUV3_IDR0_HTTU_SHIFT | SMMUV3_IDR0_ATS |                    \
	 SMMUV3_IDR0_NS1ATS | SMMUV3_IDR0_ASID16 | SMMUV3_IDR0_MSI | SMMUV3_IDR0_PRI |             \
	 SMMUV3_IDR0_CD2L | SMMUV3_TTENDIAN_LITTLE << SMMUV3_IDR0_TTENDIAN_SHIFT |                 \
	 SMMUV3_STALL_MODEL_BOTH << SMMUV3_IDR0_STALL_MODEL_SHIFT |                                \
	 SMMUV3_ST_LEVEL_TWO << SMMUV3_IDR0_ST_LEVEL_SHIFT)
#define IDR1_DEFAULT                                                                               \
	(16 | 20 << SMMUV3_IDR1_SSIDSIZE_SHIFT | 19 << SMMUV3_IDR1_PRIQS_SHIFT |                   \
	 19 << SMMUV3_IDR1_EVENTQS_SHIFT | 19 << SMMUV3_IDR1_CMDQS_SHIFT)
#define IDR3_DEFAULT (SMMUV3_IDR3_HAD | SMMUV3_IDR3_RIL)
#define IDR5_DEFAULT                                                                               \
	(SMMUV3_OAS_48 | SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_GRAN16K | SMMUV3_IDR5_GRAN64K |          \
	 UINT32_C(16384) << SMMUV3_IDR5_STALL_MAX_SHIFT)
/* SMMUv3.2 */
#define AIDR_DEFAULT 2

/* What is not modelled must not be announced: stage 2, EL2, and what comes with them. */
#define IDR0_REFUSED (SMMUV3_IDR0_S2P | SMMUV3_IDR0_HYP | SMMUV3_IDR0_BTM)
#define IDR1_REFUSED (SMMUV3_IDR1_QUEUES_PRESET | SMMUV3_IDR1_TABLES_PRESET | SMMUV3_IDR1_ECMDQ)
#define IDR3_REFUSED (SMMUV3_IDR3_MPAM | SMMUV3_IDR3_DPT | SMMUV3_IDR3_STT)
#define IDR5_REFUSED                                                                               \
	(SMMUV3_IDR5_DS | SMMUV3_IDR5_D128 | SMMUV3_IDR5_VAX_MASK << SMMUV3_IDR5_VAX_SHIFT)

/* idr<n>=, idr<n>_set=, idr<n>_clear= */
static int
id_get(struct smmuv3_model *smmu, struct uiommu_args *args, unsigned int index, uint32_t normal)
{
	uint64_t value = normal;
	char key[16];

	snprintf(key, sizeof(key), "idr%u", index);
	if (emu_args_bits(args, key, UINT32_MAX, &value) < 0)
		return -EINVAL;
	smmu->idr[index] = (uint32_t)value;
	return 0;
}

static int
ids_get(struct uiommu_emu *emu, struct uiommu_args *args)
{
	struct smmuv3_model *smmu = emu->unit;
	uint64_t aidr = AIDR_DEFAULT;

	if (id_get(smmu, args, 0, IDR0_DEFAULT) < 0 || id_get(smmu, args, 1, IDR1_DEFAULT) < 0 ||
	    id_get(smmu, args, 3, IDR3_DEFAULT) < 0 || id_get(smmu, args, 5, IDR5_DEFAULT) < 0 ||
	    uiommu_args_get_u64(args, "aidr", 0, UINT8_MAX, &aidr) < 0)
		return -EINVAL;
	smmu->aidr = (uint32_t)aidr;
	if ((smmu->idr[0] & IDR0_REFUSED) != 0 || (smmu->idr[1] & IDR1_REFUSED) != 0 ||
	    (smmu->idr[3] & IDR3_REFUSED) != 0 || (smmu->idr[5] & IDR5_REFUSED) != 0 ||
	    (smmu->idr[1] & SMMUV3_IDR1_SIDSIZE_MASK) > SIDSIZE_MAX) {
		EMU_LOG(ERR, "%s: the model knows nothing of what these ID registers announce",
			emu->name);
		return -EINVAL;
	}
	emu->endpoint_max = (UINT32_C(1) << (smmu->idr[1] & SMMUV3_IDR1_SIDSIZE_MASK)) - 1;
	return 0;
}

/* What never changes of the queues that the unit writes. */
static void
outputs_set(struct smmuv3_model *smmu)
{
	smmu->eventq = (struct smmuv3_output){
		.name = "EVENTQ",
		.base = &smmu->eventq_base,
		.prod_reg = SMMUV3_REG_EVENTQ_PROD,
		.cons_reg = SMMUV3_REG_EVENTQ_CONS,
		.shift = SMMUV3_EVENT_SHIFT,
		.order_max = (uint8_t)smmuv3_field(smmu->idr[1], SMMUV3_IDR1_EVENTQS_SHIFT,
						   SMMUV3_IDR1_EVENTQS_MASK),
	};
	smmu->priq = (struct smmuv3_output){
		.name = "PRIQ",
		.base = &smmu->priq_base,
		.prod_reg = SMMUV3_REG_PRIQ_PROD,
		.cons_reg = SMMUV3_REG_PRIQ_CONS,
		.shift = SMMUV3_PRI_SHIFT,
		.order_max = (uint8_t)smmuv3_field(smmu->idr[1], SMMUV3_IDR1_PRIQS_SHIFT,
						   SMMUV3_IDR1_PRIQS_MASK),
	};
}

static int
smmuv3_model_open(struct uiommu_emu *emu, struct uiommu_args *args)
{
	struct smmuv3_model *smmu = emu->unit;

	/* S 6.3.14: where it bypasses from reset on, attributes are those of the access */
	smmu->gbpa = SMMUV3_SHCFG_INCOMING << SMMUV3_GBPA_SHCFG_SHIFT;
	if (ids_get(emu, args) < 0)
		return -EINVAL;
	outputs_set(smmu);
	return 0;
}

static const struct emu_model_ops smmuv3_model_ops = {
	.driver = "smmuv3",
	.unit_size = sizeof(struct smmuv3_model),
	.endpoint_max = UINT16_MAX,
	.entry_size = SMMUV3_PRI_SIZE,
	.event_size = SMMUV3_EVENT_SIZE,
	.stalls = true,
	.kind_mask = SMMUV3_MODEL_KIND_MASK,
	.light_mask = SMMUV3_CMD0_OP_MASK,
	/* S 8: they may have a meaning some day */
	.reserved_allow = EMU_ALLOW_SUCCESS | EMU_ALLOW_INVALID,
	.open = smmuv3_model_open,
	.read32 = smmuv3_model_read32,
	.read64 = smmuv3_model_read64,
	.write32 = smmuv3_model_write32,
	.write64 = smmuv3_model_write64,
	.commands = smmuv3_model_commands,
	.execute = smmuv3_model_execute,
	.make = smmuv3_model_make,
	.room = smmuv3_model_room,
	.publish = smmuv3_model_publish,
	.latched = smmuv3_model_latched,
	.request = smmuv3_model_request,
	.raw = smmuv3_model_raw,
	.encode = smmuv3_model_encode,
	.event = smmuv3_model_event,
	.decode = smmuv3_model_decode,
	.spoil = smmuv3_model_spoil,
	.response_word = smmuv3_model_response_word,
	.dma = smmuv3_model_dma,
	.access = smmuv3_model_access,
	.reach = smmuv3_model_reach,
	.translate = smmuv3_model_translate,
	.translated = smmuv3_model_translated,
	.verify_bulk = smmuv3_model_verify_bulk,
	.audit = &smmuv3_model_audit,
};

EMU_MODEL_REGISTER(smmuv3_model_ops);
