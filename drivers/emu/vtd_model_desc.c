/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Descriptors of the invalidation queue, S 6.5.2: each is checked for reserved bits and then
 * carried out.
 */

#include "vtd_model.h"

#define BITS(high, low) ((~UINT64_C(0) >> (63 - (high))) & (~UINT64_C(0) << (low)))

/* Bits that a type has a meaning for, in words 0 and 1; all others are reserved. */
struct shape {
	uint64_t word[2];
};

#define TYPE_BITS BITS(3, 0)
#define GRAN_BITS BITS(5, 4)
#define DID_BITS BITS(31, 16)
#define PASID_BITS BITS(51, 32)
#define PFSID_BITS (BITS(15, 12) | BITS(63, 52))
#define IOTLB_WORD1 (VTD_QI_AM_MASK | VTD_QI_IH | BITS(63, 12))

static const struct shape shapes[] = {
	[VTD_QI_CONTEXT] = {{TYPE_BITS | GRAN_BITS | DID_BITS | BITS(49, 32), 0}},
	[VTD_QI_IOTLB] = {{TYPE_BITS | GRAN_BITS | VTD_QI_IOTLB_DW | VTD_QI_IOTLB_DR | DID_BITS,
			   IOTLB_WORD1}},
	[VTD_QI_DEV_TLB] = {{TYPE_BITS | BITS(20, 16) | BITS(47, 32) | PFSID_BITS,
			     VTD_QI_DEV_TLB_S | BITS(63, 12)}},
	[VTD_QI_IEC] = {{TYPE_BITS | BITS(4, 4) | BITS(31, 27) | BITS(47, 32), 0}},
	[VTD_QI_WAIT] = {{TYPE_BITS | VTD_QI_WAIT_IF | VTD_QI_WAIT_SW | VTD_QI_WAIT_FN |
				  VTD_QI_WAIT_PD | BITS(63, 32),
			  BITS(VTD_MODEL_HAW - 1, 2)}},
	[VTD_QI_PASID_IOTLB] = {{TYPE_BITS | GRAN_BITS | DID_BITS | PASID_BITS, IOTLB_WORD1}},
	[VTD_QI_PASID_CACHE] = {{TYPE_BITS | GRAN_BITS | DID_BITS | PASID_BITS, 0}},
	[VTD_QI_PASID_DEV_TLB] = {{TYPE_BITS | BITS(8, 4) | BITS(31, 16) | PASID_BITS | PFSID_BITS,
				   VTD_QI_PASID_DEV_TLB_G | VTD_QI_PASID_DEV_TLB_S | BITS(63, 12)}},
	/* bit 66 is ignored, S 7.6.1 */
	[VTD_QI_PGRP_RESP] = {{TYPE_BITS | VTD_RESP0_PP | BITS(15, 12) | BITS(31, 16) | PASID_BITS,
			       BITS(2, 2) | BITS(11, 3)}},
};

static enum vtd_done
refuse(struct uiommu_emu *emu, unsigned int reason, const uint64_t *word)
{
	vtd_model_queue_error(emu->unit, reason);
	emu_violation(emu, &emu->live.protocol,
		      "malformed descriptor 0x%" PRIx64 " 0x%" PRIx64 " (IQEI %u)", word[0],
		      word[1], reason);
	return VTD_STUCK;
}

static bool
is_reserved(const struct vtd_model *vtd, const struct shape *shape, const uint64_t *word,
	    unsigned int type)
{
	uint64_t known = shape->word[0];

	if ((type == VTD_QI_DEV_TLB || type == VTD_QI_PASID_DEV_TLB) &&
	    (vtd->ecap & VTD_ECAP_DIT) == 0)
		known &= ~PFSID_BITS;
	if (type == VTD_QI_WAIT && (vtd->ecap & VTD_ECAP_PDS) == 0)
		known &= ~VTD_QI_WAIT_PD;
	return ((word[0] & ~known) | (word[1] & ~shape->word[1]) | word[2] | word[3]) != 0;
}

/* Granularities that are defined, S 6.5.2.1 to 6.5.2.4 */
static bool
granularity_is_valid(unsigned int type, unsigned int granularity)
{
	switch (type) {
	case VTD_QI_CONTEXT:
	case VTD_QI_IOTLB:
		return granularity != 0;
	case VTD_QI_PASID_IOTLB:
		return granularity == VTD_PASID_IOTLB_GRAN_PASID ||
		       granularity == VTD_PASID_IOTLB_GRAN_PAGE;
	case VTD_QI_PASID_CACHE:
		return granularity != 2;
	default:
		return true;
	}
}

/* Page-selective: so many pages, and the address aligned to them, S 6.5.2.3 */
static bool
range_is_valid(const struct vtd_model *vtd, unsigned int type, unsigned int granularity,
	       uint64_t word1)
{
	const unsigned int order = word1 & VTD_QI_AM_MASK;
	const unsigned int order_max = (vtd->cap >> VTD_CAP_MAMV_SHIFT) & VTD_CAP_MAMV_MASK;

	if (granularity != VTD_IOTLB_GRAN_PAGE)
		return true;
	if (type == VTD_QI_IOTLB && ((vtd->cap & VTD_CAP_PSI) == 0 || order > order_max))
		return false;
	return order >= 52 || (word1 & VTD_ADDR_MASK & ((UINT64_C(1) << (order + 12)) - 1)) == 0;
}

/* PFSID: the function that throttling is done for, S 6.5.2.5, 6.5.2.6 */
static void
pfsid_check(struct uiommu_emu *emu, uint32_t sid, uint64_t word0)
{
	const struct vtd_model *vtd = emu->unit;
	const uint32_t pfsid = ((word0 >> VTD_QI_PFSID_LO_SHIFT) & 0xf) |
			       (uint32_t)(word0 >> VTD_QI_PFSID_HI_SHIFT) << 4;
	const struct emu_device *dev = emu->devices[emu->device_of[sid]];

	if ((vtd->ecap & VTD_ECAP_DIT) != 0 && dev != NULL && pfsid != dev->pf_id)
		emu_violation(emu, &emu->live.protocol,
			      "device-TLB invalidation of 0x%x with PFSID 0x%x instead of 0x%x",
			      sid, pfsid, dev->pf_id);
}

static uint32_t
device_tlb_sid(uint64_t word0)
{
	return (word0 & VTD_QI_TYPE_MASK) == VTD_QI_DEV_TLB ?
		       (word0 >> VTD_QI_DEV_TLB_SID_SHIFT) & UINT16_MAX :
		       (word0 >> VTD_QI_PASID_DEV_TLB_SID_SHIFT) & UINT16_MAX;
}

/*
 * S 7.7: a device confirms behind the page requests that it has sent before. Nothing says that
 * the unit looks at DTE here: the device is asked, whether or not it may translate.
 */
static void
device_tlb(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint32_t sid = device_tlb_sid(word[0]);
	struct vtd_model *vtd = emu->unit;
	uint64_t record = __atomic_load_n(&vtd->iqercd, __ATOMIC_RELAXED);

	pfsid_check(emu, sid, word[0]);
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_DEVICE_TIMEOUT)) {
		record &= ~((uint64_t)UINT16_MAX << VTD_IQERCD_ITESID_SHIFT);
		record |= (uint64_t)sid << VTD_IQERCD_ITESID_SHIFT;
		vtd->aborting = true;
		__atomic_store_n(&vtd->iqercd, record, __ATOMIC_RELAXED);
		return;
	}
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_BAD_COMPLETION)) {
		record &= ~((uint64_t)UINT16_MAX << VTD_IQERCD_ICESID_SHIFT);
		record |= (uint64_t)sid << VTD_IQERCD_ICESID_SHIFT;
		__atomic_store_n(&vtd->iqercd, record, __ATOMIC_RELAXED);
		__atomic_fetch_or(&vtd->fsts, VTD_FSTS_ICE, __ATOMIC_RELEASE);
	}
	vtd_model_forget_device(emu, word);
	emu_late_push(emu, sid);
}

/* What devices were asked is confirmed, as far as one does not time out. */
static void
devices_await(struct uiommu_emu *emu)
{
	emu_asked_await(emu, &emu->asked, device_tlb);
}

/*
 * S 6.5.2.9: descriptors are taken in order, but what one begins need not have ended when the next
 * is carried out: a page group response, say. Only a wait is behind all of it.
 */
static void
device_ask(struct uiommu_emu *emu, const uint64_t *word)
{
	emu_asked_add(emu, &emu->asked, word, device_tlb);
}

static void
wait(struct uiommu_emu *emu, const uint64_t *word)
{
	struct vtd_model *vtd = emu->unit;
	uint32_t *status;

	devices_await(emu);
	uiommu_count(&emu->live.waits, 1);
	/* S 6.5.2.11: aborted with the device-TLB invalidation that timed out */
	if (vtd->aborting || emu_fault_take(emu, UIOMMU_EMU_FAULT_LOST_WAIT))
		return;
	/* S 7.10: what was received before can be found in the queue, with PD */
	if ((word[0] & VTD_QI_WAIT_PD) != 0)
		emu_late_drain(emu);
	vtd_model_publish(emu);
	if ((word[0] & VTD_QI_WAIT_SW) != 0) {
		status = emu_memory_at(emu, word[1] & VTD_QI_WAIT_ADDR_MASK, sizeof(*status));
		if (status == NULL)
			emu_violation(emu, &emu->live.protocol,
				      "wait status address 0x%" PRIx64 " is not the unit's memory",
				      word[1]);
		else
			/* everything that was executed before is seen by who sees this */
			__atomic_store_n(status, (uint32_t)(word[0] >> VTD_QI_WAIT_DATA_SHIFT),
					 __ATOMIC_RELEASE);
	}
	if ((word[0] & VTD_QI_WAIT_IF) != 0)
		__atomic_fetch_or(&vtd->ics, 1, __ATOMIC_RELEASE);
}

static enum vtd_done
response(struct uiommu_emu *emu, const uint64_t *word)
{
	const struct emu_response resp = {
		.endpoint_id = (word[0] >> VTD_RESP0_RID_SHIFT) & UINT16_MAX,
		.pasid = (word[0] & VTD_RESP0_PP) == 0 ?
				 EMU_NO_PASID :
				 (word[0] >> VTD_RESP0_PASID_SHIFT) & (UIOMMU_PASID_COUNT - 1),
		.prgi = (word[1] >> VTD_RESP1_PRGI_SHIFT) & VTD_PRGI_MASK,
		.code = (word[0] >> VTD_RESP0_RC_SHIFT) & VTD_RESP0_RC_MASK,
	};

	if ((word[0] & VTD_RESP0_PP) == 0 && (word[0] & PASID_BITS) != 0)
		return refuse(emu, VTD_IQEI_RESERVED, word);
	emu_judge_response(emu, &resp);
	return VTD_DONE_ANSWER;
}

enum vtd_done
vtd_model_descriptor(struct uiommu_emu *emu, const uint64_t *word)
{
	const struct vtd_model *vtd = emu->unit;
	const unsigned int type = word[0] & VTD_QI_TYPE_MASK;
	const unsigned int granularity = (word[0] >> VTD_QI_GRAN_SHIFT) & VTD_QI_GRAN_MASK;
	const uint32_t domain = (word[0] >> VTD_QI_DID_SHIFT) & UINT16_MAX;
	const uint32_t pasid = (word[0] >> VTD_QI_PASID_SHIFT) & (UIOMMU_PASID_COUNT - 1);

	if (type == 0 || type >= RTE_DIM(shapes))
		return refuse(emu, VTD_IQEI_TYPE, word);
	if (is_reserved(vtd, &shapes[type], word, type) ||
	    !granularity_is_valid(type, granularity) ||
	    ((type == VTD_QI_IOTLB || type == VTD_QI_PASID_IOTLB) &&
	     !range_is_valid(vtd, type, granularity, word[1])))
		return refuse(emu, VTD_IQEI_RESERVED, word);
	if (type == VTD_QI_PGRP_RESP)
		return response(emu, word);
	if (type == VTD_QI_WAIT) {
		wait(emu, word);
		return VTD_DONE;
	}
	uiommu_count(&emu->live.invalidations, 1);
	switch (type) {
	case VTD_QI_CONTEXT:
		/* S 6.5.2.1: domain-selective means global in scalable mode */
		vtd_model_forget_context(emu, granularity,
					 (word[0] >> VTD_QI_CONTEXT_SID_SHIFT) & UINT16_MAX,
					 (word[0] >> VTD_QI_CONTEXT_FM_SHIFT) & 3);
		break;
	case VTD_QI_PASID_CACHE:
		vtd_model_forget_pasid(emu, granularity, domain, pasid);
		break;
	case VTD_QI_IOTLB:
	case VTD_QI_PASID_IOTLB:
		vtd_model_forget_pages(emu, word);
		break;
	case VTD_QI_DEV_TLB:
	case VTD_QI_PASID_DEV_TLB:
		device_ask(emu, word);
		break;
	default:
		break;
	}
	return VTD_DONE;
}
