/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The unit as a whole: capabilities, and commands of GCMD, S 11.4.4.
 */

#include <errno.h>

#include "vtd_model.h"

/* Requester ids have 16 bits. */
#define ENDPOINT_MAX 0xffff
#define FRCD_OFFSET 0x400
#define IOTLB_OFFSET 0x500
#define NB_FRCD 8

/* As a server part of these years has them; S 11.4.2, 11.4.3 */
#define CAP_DEFAULT                                                                                \
	((UINT64_C(6) << VTD_CAP_ND_SHIFT) |                                                       \
	 ((uint64_t)(VTD_SAGAW_48 | VTD_SAGAW_57) << VTD_CAP_SAGAW_SHIFT) |                        \
	 (UINT64_C(56) << VTD_CAP_MGAW_SHIFT) | (UINT64_C(1) << 22) /* ZLR */ |                    \
	 ((uint64_t)(FRCD_OFFSET / 16) << VTD_CAP_FRO_SHIFT) |                                     \
	 (UINT64_C(3) << 34) /* SSLPS */ | VTD_CAP_PSI |                                           \
	 ((uint64_t)(NB_FRCD - 1) << VTD_CAP_NFR_SHIFT) |                                          \
	 (UINT64_C(0x3f) << VTD_CAP_MAMV_SHIFT) | VTD_CAP_DWD | VTD_CAP_DRD | VTD_CAP_FS1GP |      \
	 VTD_CAP_FS5LP | VTD_CAP_ESIRTPS | VTD_CAP_ESRTPS)
#define ECAP_DEFAULT                                                                               \
	(VTD_ECAP_C | VTD_ECAP_QI | VTD_ECAP_DT | VTD_ECAP_IR | (UINT64_C(1) << 4) /* EIM */ |     \
	 VTD_ECAP_PT | VTD_ECAP_SC | ((uint64_t)(IOTLB_OFFSET / 16) << VTD_ECAP_IRO_SHIFT) |       \
	 (UINT64_C(0xf) << 20) /* MHMV */ | VTD_ECAP_NEST | VTD_ECAP_PRS | VTD_ECAP_SRS |          \
	 (UINT64_C(19) << VTD_ECAP_PSS_SHIFT) | VTD_ECAP_PASID | VTD_ECAP_PDS | VTD_ECAP_SMTS |    \
	 VTD_ECAP_SSADS | VTD_ECAP_SSTS | VTD_ECAP_FSTS | VTD_ECAP_SMPWCS | VTD_ECAP_RPS |         \
	 VTD_ECAP_ADMS | VTD_ECAP_RPRIVS | VTD_ECAP_SMS)
#define VER_DEFAULT 0x60

static int
capabilities_get(struct vtd_model *vtd, struct uiommu_args *args)
{
	uint64_t ver = VER_DEFAULT;

	vtd->cap = CAP_DEFAULT;
	vtd->ecap = ECAP_DEFAULT;
	if (emu_args_bits(args, "cap", UINT64_MAX, &vtd->cap) < 0 ||
	    emu_args_bits(args, "ecap", UINT64_MAX, &vtd->ecap) < 0 ||
	    uiommu_args_get_u64(args, "ver", 0, UINT32_MAX, &ver) < 0)
		return -EINVAL;
	vtd->ver = (uint32_t)ver;
	return 0;
}

static int
vtd_model_open(struct uiommu_emu *emu, struct uiommu_args *args)
{
	struct vtd_model *vtd = emu->unit;

	if (capabilities_get(vtd, args) < 0)
		return -EINVAL;
	vtd->frcd_offset =
		(uint32_t)((vtd->cap >> VTD_CAP_FRO_SHIFT) & VTD_CAP_FRO_MASK) * 16;
	vtd->nb_frcd = (uint32_t)((vtd->cap >> VTD_CAP_NFR_SHIFT) & VTD_CAP_NFR_MASK) + 1;
	/* reset values, S 11.4 */
	vtd->fectl = VTD_EVENT_IM;
	vtd->iectl = VTD_EVENT_IM;
	vtd->pectl = VTD_EVENT_IM;
	vtd_model_pt_open(vtd);
	return 0;
}

/* SRTP: the root table register takes effect, S 6.6, 11.4.5 */
static void
root_take(struct uiommu_emu *emu)
{
	struct vtd_model *vtd = emu->unit;
	const uint64_t rtaddr = __atomic_load_n(&vtd->rtaddr, __ATOMIC_RELAXED);

	if (vtd->translating && (vtd->cap & VTD_CAP_ESRTPS) == 0 &&
	    ((rtaddr ^ vtd->root) & VTD_RTADDR_TTM_MASK) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "TTM changed while translation is on, without ESRTPS");
	vtd->root = rtaddr;
	vtd->root_set = true;
	if ((vtd->cap & VTD_CAP_ESRTPS) != 0)
		vtd_model_forget_all(emu);
}

static void
queue_switch(struct uiommu_emu *emu, bool on)
{
	struct vtd_model *vtd = emu->unit;
	const uint64_t iqa = __atomic_load_n(&vtd->iqa, __ATOMIC_RELAXED);
	const size_t size = VTD_PAGE_SIZE << (iqa & VTD_IQA_QS_MASK);

	if (on) {
		vtd->iq_shift = (iqa & VTD_IQA_DW) != 0 ? VTD_DESC_SHIFT : VTD_DESC_SHIFT - 1;
		vtd->iq_entries = (uint32_t)(size >> vtd->iq_shift);
		vtd->iq_pa = iqa & VTD_IQA_ADDR_MASK;
		vtd->iq = emu_memory_at(emu, vtd->iq_pa, size);
	} else if (__atomic_load_n(&vtd->iqt, __ATOMIC_ACQUIRE) !=
		   (uint64_t)vtd->iq_head << vtd->iq_shift) {
		emu_violation(emu, &emu->live.protocol,
			      "invalidation queue switched off while it is not empty");
	}
	/* S 11.4.9: clearing QIE resets the head */
	vtd->iq_head = 0;
	vtd->iq_seen = 0;
	vtd->aborting = false;
	emu->asked.nb = 0;
	__atomic_store_n(&vtd->iqh, 0, __ATOMIC_RELAXED);
	vtd->fetching = on;
}

static void
translation_switch(struct uiommu_emu *emu, bool on)
{
	struct vtd_model *vtd = emu->unit;

	if (on && !vtd->root_set)
		emu_violation(emu, &emu->live.protocol,
			      "translation switched on without a root table");
	vtd->translating = on;
	emu_bonds_disarm(emu);
}

static void
command_execute(struct uiommu_emu *emu, uint32_t value)
{
	const uint32_t one_shot = VTD_GCMD_SRTP | VTD_GCMD_SIRTP | VTD_GCMD_WBF;
	const uint32_t level = VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE | VTD_GCMD_CFI;
	struct vtd_model *vtd = emu->unit;
	const uint32_t gsts = __atomic_load_n(&vtd->gsts, __ATOMIC_RELAXED);
	const uint32_t changed = (value & one_shot) | ((value ^ gsts) & level);

	if (__builtin_popcount(changed) > 1)
		emu_violation(emu, &emu->live.protocol,
			      "GCMD 0x%x with GSTS 0x%x: more than one command", value, gsts);
	if ((changed & VTD_GCMD_SRTP) != 0)
		root_take(emu);
	if ((changed & VTD_GCMD_QIE) != 0)
		queue_switch(emu, (value & VTD_GCMD_QIE) != 0);
	if ((changed & VTD_GCMD_TE) != 0)
		translation_switch(emu, (value & VTD_GCMD_TE) != 0);
	__atomic_fetch_and(&vtd->gsts, ~(VTD_GCMD_WBF | (changed & level & ~value)),
			   __ATOMIC_RELEASE);
	__atomic_fetch_or(&vtd->gsts,
			  (changed & level & value) |
				  (changed & (VTD_GCMD_SRTP | VTD_GCMD_SIRTP)),
			  __ATOMIC_RELEASE);
}

/* Memory was given back: queues may have lain in it. */
static void
queues_check(struct uiommu_emu *emu)
{
	struct vtd_model *vtd = emu->unit;

	if (vtd->iq != NULL &&
	    !emu_memory_is_used(emu, vtd->iq_pa, (size_t)vtd->iq_entries << vtd->iq_shift))
		vtd->iq = NULL;
	if (emu->ring.base != NULL &&
	    !emu_memory_is_used(emu, vtd->pq_pa, ((size_t)emu->ring.mask + 1) << VTD_DESC_SHIFT))
		emu->ring.base = NULL;
}

void
vtd_model_commands(struct uiommu_emu *emu)
{
	struct vtd_model *vtd = emu->unit;
	uint32_t events;
	uint64_t gcmd;

	if (unlikely(emu_memory_shrank(emu->memory, &vtd->freed)))
		queues_check(emu);
	if (likely(__atomic_load_n(&vtd->events, __ATOMIC_RELAXED) == 0))
		return;
	/* pairs with the release in the register writes */
	events = __atomic_exchange_n(&vtd->events, 0, __ATOMIC_ACQUIRE);
	if ((events & VTD_EVENT_PRQ) != 0)
		vtd_model_prq_reload(emu);
	if ((events & VTD_EVENT_GCMD) == 0)
		return;
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS)) {
		__atomic_fetch_or(&vtd->events, VTD_EVENT_GCMD, __ATOMIC_RELAXED);
		return;
	}
	gcmd = __atomic_fetch_and(&vtd->gcmd, ~VTD_GCMD_FRESH, __ATOMIC_ACQ_REL);
	if ((gcmd & VTD_GCMD_FRESH) != 0)
		command_execute(emu, (uint32_t)gcmd);
}

/* ---------------------------------------------------------------- entry formats */

static void
vtd_model_encode(const struct emu_message *msg, uint64_t *entry)
{
	entry[0] = VTD_PRQ_TYPE | (uint64_t)msg->endpoint_id << VTD_PRQ0_RID_SHIFT;
	if (msg->pasid != EMU_NO_PASID)
		entry[0] |= VTD_PRQ0_PP | (uint64_t)msg->pasid << VTD_PRQ0_PASID_SHIFT;
	if ((msg->flags & EMU_REQ_EXEC) != 0)
		entry[0] |= VTD_PRQ0_EXR;
	if ((msg->flags & EMU_REQ_PRIV) != 0)
		entry[0] |= VTD_PRQ0_PMR;
	entry[1] = (msg->iova & VTD_PRQ1_ADDR_MASK) |
		   (uint64_t)msg->prgi << VTD_PRQ1_PRGI_SHIFT |
		   ((msg->flags & EMU_REQ_READ) != 0 ? VTD_PRQ1_RDR : 0) |
		   ((msg->flags & EMU_REQ_WRITE) != 0 ? VTD_PRQ1_WRR : 0) |
		   ((msg->flags & EMU_REQ_LAST) != 0 ? VTD_PRQ1_LPIG : 0);
}

static bool
vtd_model_decode(const uint64_t *entry, uint32_t size, struct emu_message *msg)
{
	(void)size;
	*msg = (struct emu_message){
		.endpoint_id = (entry[0] >> VTD_PRQ0_RID_SHIFT) & UINT16_MAX,
		.pasid = (entry[0] & VTD_PRQ0_PP) == 0 ?
				 EMU_NO_PASID :
				 (entry[0] >> VTD_PRQ0_PASID_SHIFT) & (UIOMMU_PASID_COUNT - 1),
		.iova = entry[1] & VTD_PRQ1_ADDR_MASK,
		.prgi = (entry[1] >> VTD_PRQ1_PRGI_SHIFT) & VTD_PRGI_MASK,
		.flags = (uint16_t)(((entry[1] & VTD_PRQ1_RDR) != 0 ? EMU_REQ_READ : 0) |
				    ((entry[1] & VTD_PRQ1_WRR) != 0 ? EMU_REQ_WRITE : 0) |
				    ((entry[1] & VTD_PRQ1_LPIG) != 0 ? EMU_REQ_LAST : 0) |
				    ((entry[0] & VTD_PRQ0_EXR) != 0 ? EMU_REQ_EXEC : 0) |
				    ((entry[0] & VTD_PRQ0_PMR) != 0 ? EMU_REQ_PRIV : 0)),
	};
	return (entry[0] & VTD_PRQ0_TYPE_MASK) == VTD_PRQ_TYPE;
}

/* One reserved bit, or a type that is none, S 7.4.1.1 */
static void
vtd_model_spoil(uint64_t *entry, enum emu_kind kind, uint64_t random)
{
	const unsigned int bit = random % 17;

	if (kind == EMU_KIND_RESERVED)
		entry[0] |= UINT64_C(1) << (bit < 7 ? 9 + bit : 54 + (bit - 7));
	else
		entry[0] = (entry[0] & ~VTD_PRQ0_TYPE_MASK) | (2 + random % 254);
}

static uint64_t
vtd_model_response_word(const struct emu_device *dev, uint32_t pasid)
{
	uint64_t word = VTD_QI_PGRP_RESP | (uint64_t)dev->endpoint_id << VTD_RESP0_RID_SHIFT |
			(uint64_t)VTD_RC_SUCCESS << VTD_RESP0_RC_SHIFT;

	if (pasid != EMU_NO_PASID)
		word |= VTD_RESP0_PP | (uint64_t)pasid << VTD_RESP0_PASID_SHIFT;
	return word;
}

static const struct emu_model_ops vtd_model_ops = {
	.driver = "vtd",
	.unit_size = sizeof(struct vtd_model),
	.endpoint_max = ENDPOINT_MAX,
	.entry_size = VTD_DESC_SIZE,
	.typed = true,
	.kind_mask = VTD_QI_PGRP_RESP,
	.reserved_allow = EMU_ALLOW_INVALID,
	.checks_pasids = true,
	.light_mask = VTD_QI_TYPE_MASK | VTD_RESP0_RC_MASK << VTD_RESP0_RC_SHIFT,
	.open = vtd_model_open,
	.read32 = vtd_model_read32,
	.read64 = vtd_model_read64,
	.write32 = vtd_model_write32,
	.write64 = vtd_model_write64,
	.commands = vtd_model_commands,
	.execute = vtd_model_execute,
	.make = vtd_model_make,
	.room = vtd_model_room,
	.publish = vtd_model_publish,
	.latched = vtd_model_latched,
	.request = vtd_model_request,
	.raw = vtd_model_raw,
	.encode = vtd_model_encode,
	.decode = vtd_model_decode,
	.spoil = vtd_model_spoil,
	.response_word = vtd_model_response_word,
	.dma = vtd_model_dma,
	.translate = vtd_model_translate,
	.translated = vtd_model_translated,
	.verify_bulk = vtd_model_verify_bulk,
	.audit = &vtd_model_audit,
};

EMU_MODEL_REGISTER(vtd_model_ops);
