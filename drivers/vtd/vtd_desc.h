/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_DESC_H
#define VTD_DESC_H

/**
 * @file
 * Descriptors of VT-d: requests decoded, invalidations and responses encoded.
 *
 * Pure functions, no access to hardware and no call outside of this file. Words are in the
 * processor's order, which on every machine with this unit is little-endian. In each
 * descriptor that is written here, words 2 and 3 are zero.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <uiommu_fault.h>

#include "vtd_hw.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are used as they are");
_Static_assert(UIOMMU_FAULT_READ == VTD_PRQ1_RDR, "flags are copied");
_Static_assert(UIOMMU_FAULT_WRITE == VTD_PRQ1_WRR, "flags are copied");
_Static_assert(UIOMMU_FAULT_LAST == VTD_PRQ1_LPIG, "flags are copied");
_Static_assert(UIOMMU_FAULT_PASID == VTD_PRQ0_PP >> 3, "flag is shifted");
_Static_assert(UIOMMU_FAULT_EXEC == VTD_PRQ0_EXR >> 49, "flag is shifted");
_Static_assert(UIOMMU_FAULT_PRIV == VTD_PRQ0_PMR >> 49, "flag is shifted");

/** Fields of 20 bits at 51:32 of word 0: PASIDs. */
#define VTD_PASID_MASK UINT64_C(0xfffff)

/* ------------------------------------------------------------ page requests */

/** What an entry of the page request queue is. */
enum vtd_prq_kind {
	VTD_PRQ_REQUEST,      /**< a sound page request */
	VTD_PRQ_STOP_MARKER,  /**< S 7.4.1.1: last, no access, with PASID; never answered */
	VTD_PRQ_BAD_TYPE,     /**< not a page request: nothing in it means anything */
	VTD_PRQ_BAD_RESERVED, /**< reserved bits set */
	VTD_PRQ_BAD_ACCESS,   /**< no access wanted, or privileged or execute access */
	VTD_PRQ_BAD_ADDRESS,  /**< not canonical */
};

#define VTD_PRQ_KINDS 6

/**
 * Whether an entry is a sound request, in one test, for the data path. What fails it may
 * still be one: see vtd_prq_classify().
 *
 * @param sign_bit the highest bit of an address: all above must equal it
 */
static inline bool
vtd_prq_is_plain(uint64_t w0, uint64_t w1, unsigned int sign_bit)
{
	const uint64_t mask =
		VTD_PRQ0_TYPE_MASK | VTD_PRQ0_RESERVED | VTD_PRQ0_EXR | VTD_PRQ0_PMR;
	/* canonical addresses are those of [-half, half): half more, and nothing is above them */
	const uint64_t half = UINT64_C(1) << sign_bit;
	const uint64_t above = ~((half << 1) - 1);

	return (((w0 & mask) ^ VTD_PRQ_TYPE) | ((w1 + half) & above)) == 0 &&
	       (w1 & (VTD_PRQ1_RDR | VTD_PRQ1_WRR)) != 0;
}

/** What an entry is; words 2 and 3 are reserved, and not looked at (some units leave garbage). */
static inline enum vtd_prq_kind
vtd_prq_classify(uint64_t w0, uint64_t w1, unsigned int sign_bit)
{
	uint64_t high = (uint64_t)((int64_t)w1 >> sign_bit);

	if ((w0 & VTD_PRQ0_TYPE_MASK) != VTD_PRQ_TYPE)
		return VTD_PRQ_BAD_TYPE;
	if ((w0 & VTD_PRQ0_RESERVED) != 0)
		return VTD_PRQ_BAD_RESERVED;
	if ((w1 & (VTD_PRQ1_RDR | VTD_PRQ1_WRR)) == 0) {
		/* S 7.4.1.1: index undefined, so there is nothing that could be answered */
		if ((w1 & VTD_PRQ1_LPIG) != 0 && (w0 & VTD_PRQ0_PP) != 0)
			return VTD_PRQ_STOP_MARKER;
		return VTD_PRQ_BAD_ACCESS;
	}
	if (high != 0 && high != UINT64_MAX)
		return VTD_PRQ_BAD_ADDRESS;
	if ((w0 & VTD_PRQ0_PMR) != 0)
		return VTD_PRQ_BAD_ACCESS;
	/* EXR means something only with PP and RDR */
	if ((w0 & VTD_PRQ0_EXR) != 0 && (w0 & VTD_PRQ0_PP) != 0 && (w1 & VTD_PRQ1_RDR) != 0)
		return VTD_PRQ_BAD_ACCESS;
	return VTD_PRQ_REQUEST;
}

/** Whether an entry of this kind has an index and so can be answered. */
static inline bool
vtd_prq_is_answerable(enum vtd_prq_kind kind, uint64_t w1)
{
	return kind != VTD_PRQ_BAD_TYPE && kind != VTD_PRQ_STOP_MARKER &&
	       (w1 & (VTD_PRQ1_RDR | VTD_PRQ1_WRR)) != 0;
}

/** Decode a request that vtd_prq_is_plain(). */
static inline void
vtd_prq_decode(uint64_t w0, uint64_t w1, struct uiommu_fault *fault)
{
	/* members two and two, as they stand in memory: half the instructions */
	uint64_t pasid = w0 & (VTD_PASID_MASK << VTD_PRQ0_PASID_SHIFT);
	uint64_t who, what;

	if ((w0 & VTD_PRQ0_PP) == 0)
		pasid = (uint64_t)UIOMMU_NO_PASID << VTD_PRQ0_PASID_SHIFT;
	who = pasid | ((w0 >> VTD_PRQ0_RID_SHIFT) & 0xffff);
	what = ((w1 >> VTD_PRQ1_PRGI_SHIFT) & VTD_PRGI_MASK) |
	       (w1 & (VTD_PRQ1_RDR | VTD_PRQ1_WRR | VTD_PRQ1_LPIG)) << 16 |
	       (w0 & VTD_PRQ0_PP) << 13;
	fault->iova = w1 & VTD_PRQ1_ADDR_MASK;
	memcpy((uint8_t *)fault + offsetof(struct uiommu_fault, endpoint_id), &who, sizeof(who));
	memcpy((uint8_t *)fault + offsetof(struct uiommu_fault, prg_index), &what, sizeof(what));
}

/** Decode a request of any answerable kind; the malformed get UIOMMU_FAULT_REJECT. */
static inline void
vtd_prq_decode_odd(uint64_t w0, uint64_t w1, enum vtd_prq_kind kind, struct uiommu_fault *fault)
{
	vtd_prq_decode(w0, w1, fault);
	if (kind != VTD_PRQ_REQUEST)
		fault->flags |= (uint16_t)(((w0 & (VTD_PRQ0_EXR | VTD_PRQ0_PMR)) >> 49) |
					   UIOMMU_FAULT_REJECT);
}

/* ------------------------------------------------------ page group responses */

/** Words 0 and 1 of a page group response, S 7.6.1. */
static inline void
vtd_resp_encode(const struct uiommu_resp *resp, uint64_t *w0, uint64_t *w1)
{
	/* success, invalid, failure, retry: a nibble each. Retry is success without a mapping */
	const uint32_t rc_of_code = VTD_RC_SUCCESS << 0 | VTD_RC_INVALID << 4 |
				    VTD_RC_FAILURE << 8 | VTD_RC_SUCCESS << 12;
	uint64_t rc = (rc_of_code >> (resp->code % UIOMMU_CODE_SENT_COUNT * 4)) & VTD_RESP0_RC_MASK;
	uint64_t who, without;

	memcpy(&who, resp, sizeof(who));
	/* bit 20 of the PASID is the one of UIOMMU_NO_PASID */
	without = who >> (VTD_RESP0_PASID_SHIFT + UIOMMU_PASID_BITS) & 1;
	*w0 = (VTD_QI_PGRP_RESP | VTD_RESP0_PP | rc << VTD_RESP0_RC_SHIFT |
	       (who & 0xffff) << VTD_RESP0_RID_SHIFT |
	       (who & (VTD_PASID_MASK << VTD_RESP0_PASID_SHIFT))) ^
	      without << 4;
	*w1 = (uint64_t)(resp->prg_index & VTD_PRGI_MASK) << VTD_RESP1_PRGI_SHIFT;
}

/* ------------------------------------------------------------ invalidations */

/** Type field of a descriptor: bits 3:0, and 11:9 above them. */
static inline unsigned int
vtd_qi_type(const struct vtd_desc *desc)
{
	return (unsigned int)((desc->q[0] & 0xf) | ((desc->q[0] >> 5) & 0x70));
}

/** Context cache, S 6.5.2.1. @param gran VTD_CONTEXT_GRAN_*; source_id for DEVICE, else 0 */
static inline struct vtd_desc
vtd_qi_context(unsigned int gran, uint16_t source_id)
{
	return (struct vtd_desc){{
		VTD_QI_CONTEXT | (uint64_t)gran << VTD_QI_GRAN_SHIFT |
			(uint64_t)source_id << VTD_QI_CONTEXT_SID_SHIFT,
	}};
}

/** PASID cache, S 6.5.2.2. @param gran VTD_PASID_CACHE_GRAN_*; what it does not use is 0 */
static inline struct vtd_desc
vtd_qi_pasid_cache(unsigned int gran, uint16_t did, uint32_t pasid)
{
	return (struct vtd_desc){{
		VTD_QI_PASID_CACHE | (uint64_t)gran << VTD_QI_GRAN_SHIFT |
			(uint64_t)did << VTD_QI_DID_SHIFT |
			(pasid & VTD_PASID_MASK) << VTD_QI_PASID_SHIFT,
	}};
}

/**
 * IOTLB, global or of a domain, S 6.5.2.3.
 *
 * @param gran VTD_IOTLB_GRAN_GLOBAL (did is 0) or _DOMAIN
 * @param drain VTD_QI_IOTLB_DR and _DW, as far as the unit has them
 */
static inline struct vtd_desc
vtd_qi_iotlb(unsigned int gran, uint16_t did, uint64_t drain)
{
	return (struct vtd_desc){{
		VTD_QI_IOTLB | (uint64_t)gran << VTD_QI_GRAN_SHIFT | drain |
			(uint64_t)did << VTD_QI_DID_SHIFT,
	}};
}

/** All of a PASID from the PASID-based IOTLB, S 6.5.2.4. */
static inline struct vtd_desc
vtd_qi_pasid_iotlb(uint16_t did, uint32_t pasid)
{
	return (struct vtd_desc){{
		VTD_QI_PASID_IOTLB | (uint64_t)VTD_PASID_IOTLB_GRAN_PASID << VTD_QI_GRAN_SHIFT |
			(uint64_t)did << VTD_QI_DID_SHIFT |
			(pasid & VTD_PASID_MASK) << VTD_QI_PASID_SHIFT,
	}};
}

/** Word 1 of page-selective invalidations: 2^order pages, the address aligned to that. */
static inline uint64_t
vtd_qi_pages(uint64_t iova, unsigned int order, bool leaves_only)
{
	return (iova & VTD_ADDR_MASK) | (leaves_only ? VTD_QI_IH : 0) | (order & VTD_QI_AM_MASK);
}

/**
 * Pages of a domain from the IOTLB, S 6.5.2.3; needs CAP.PSI.
 *
 * @param order log2 of the pages, up to CAP.MAMV; iova is aligned to that
 * @param leaves_only no entry has changed that leads to a table
 */
static inline struct vtd_desc
vtd_qi_iotlb_pages(uint16_t did, uint64_t iova, unsigned int order, bool leaves_only,
		   uint64_t drain)
{
	struct vtd_desc desc = vtd_qi_iotlb(VTD_IOTLB_GRAN_PAGE, did, drain);

	desc.q[1] = vtd_qi_pages(iova, order, leaves_only);
	return desc;
}

/** Pages of a PASID from the PASID-based IOTLB, S 6.5.2.4; else as vtd_qi_iotlb_pages(). */
static inline struct vtd_desc
vtd_qi_pasid_iotlb_pages(uint16_t did, uint32_t pasid, uint64_t iova, unsigned int order,
			 bool leaves_only)
{
	return (struct vtd_desc){{
		VTD_QI_PASID_IOTLB | (uint64_t)VTD_PASID_IOTLB_GRAN_PAGE << VTD_QI_GRAN_SHIFT |
			(uint64_t)did << VTD_QI_DID_SHIFT |
			(pasid & VTD_PASID_MASK) << VTD_QI_PASID_SHIFT,
		vtd_qi_pages(iova, order, leaves_only),
	}};
}

/** PFSID, split over word 0 of types 3 and 8. */
static inline uint64_t
vtd_qi_pfsid(uint16_t pfsid)
{
	return (uint64_t)(pfsid & 0xf) << VTD_QI_PFSID_LO_SHIFT |
	       (uint64_t)(pfsid >> 4) << VTD_QI_PFSID_HI_SHIFT;
}

/**
 * All that a device has cached without a PASID, S 6.5.2.5.
 *
 * @param pfsid 0 unless ECAP.DIT
 * @param mip invalidations that the device may have pending
 */
static inline struct vtd_desc
vtd_qi_dev_tlb_all(uint16_t source_id, uint16_t pfsid, unsigned int mip)
{
	return (struct vtd_desc){{
		VTD_QI_DEV_TLB | (uint64_t)mip << VTD_QI_DEV_TLB_MIP_SHIFT | vtd_qi_pfsid(pfsid) |
			(uint64_t)source_id << VTD_QI_DEV_TLB_SID_SHIFT,
		VTD_QI_DEV_TLB_ALL | VTD_QI_DEV_TLB_S,
	}};
}

/**
 * All that a device has cached of a PASID, or of all PASIDs, S 6.5.2.6.
 *
 * @param global all PASIDs; pasid is 0
 * @param pfsid 0 unless ECAP.DIT
 * @param mip invalidations that the device may have pending
 */
static inline struct vtd_desc
vtd_qi_pasid_dev_tlb_all(uint16_t source_id, uint32_t pasid, bool global, uint16_t pfsid,
			 unsigned int mip)
{
	return (struct vtd_desc){{
		VTD_QI_PASID_DEV_TLB | (uint64_t)mip << VTD_QI_PASID_DEV_TLB_MIP_SHIFT |
			vtd_qi_pfsid(pfsid) |
			(uint64_t)source_id << VTD_QI_PASID_DEV_TLB_SID_SHIFT |
			(pasid & VTD_PASID_MASK) << VTD_QI_PASID_SHIFT,
		VTD_QI_DEV_TLB_ALL | VTD_QI_PASID_DEV_TLB_S |
			(global ? VTD_QI_PASID_DEV_TLB_G : 0),
	}};
}

/*
 * Address of 2^order pages in types 3 and 8, S 6.5.2.5: the lowest bit that is clear says how
 * many, where there is more than one. An order that leaves no such bit is everything.
 */
static inline uint64_t
vtd_qi_dev_tlb_pages_addr(uint64_t iova, unsigned int order)
{
	uint64_t below;

	if (order == 0)
		return iova & VTD_ADDR_MASK;
	if (order > 63 - VTD_PAGE_SHIFT)
		return VTD_QI_DEV_TLB_ALL;
	below = (UINT64_C(1) << (VTD_PAGE_SHIFT + order - 1)) - 1;
	return ((iova & ~(below << 1 | 1)) | below) & VTD_ADDR_MASK;
}

/** Pages that a device has cached without a PASID, S 6.5.2.5; else as vtd_qi_dev_tlb_all(). */
static inline struct vtd_desc
vtd_qi_dev_tlb_pages(uint16_t source_id, uint64_t iova, unsigned int order, uint16_t pfsid,
		     unsigned int mip)
{
	struct vtd_desc desc = vtd_qi_dev_tlb_all(source_id, pfsid, mip);

	desc.q[1] = vtd_qi_dev_tlb_pages_addr(iova, order) | (order != 0 ? VTD_QI_DEV_TLB_S : 0);
	return desc;
}

/** Pages that a device has cached of a PASID, S 6.5.2.6; else as vtd_qi_pasid_dev_tlb_all(). */
static inline struct vtd_desc
vtd_qi_pasid_dev_tlb_pages(uint16_t source_id, uint32_t pasid, uint64_t iova, unsigned int order,
			   uint16_t pfsid, unsigned int mip)
{
	struct vtd_desc desc = vtd_qi_pasid_dev_tlb_all(source_id, pasid, false, pfsid, mip);

	desc.q[1] = vtd_qi_dev_tlb_pages_addr(iova, order) |
		    (order != 0 ? VTD_QI_PASID_DEV_TLB_S : 0);
	return desc;
}

/** Wait that only orders: what follows comes after all before it, S 6.5.2.9. */
static inline struct vtd_desc
vtd_qi_fence(void)
{
	return (struct vtd_desc){{VTD_QI_WAIT | VTD_QI_WAIT_FN}};
}

/**
 * Wait that writes @p data to @p status_pa when all before it is done, S 6.5.2.9.
 *
 * @param drain hold it until page requests received before are in the queue; needs ECAP.PDS
 */
static inline struct vtd_desc
vtd_qi_wait(uint64_t status_pa, uint32_t data, bool drain)
{
	return (struct vtd_desc){{
		VTD_QI_WAIT | VTD_QI_WAIT_SW | (drain ? VTD_QI_WAIT_PD : 0) |
			(uint64_t)data << VTD_QI_WAIT_DATA_SHIFT,
		status_pa & VTD_QI_WAIT_ADDR_MASK,
	}};
}

#endif /* VTD_DESC_H */
