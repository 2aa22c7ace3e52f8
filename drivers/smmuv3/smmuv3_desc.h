/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_DESC_H
#define SMMUV3_DESC_H

/**
 * @file
 * Queue entries of SMMUv3: requests and events decoded, commands encoded.
 *
 * Pure functions, no access to hardware and no call outside of this file. Words are in the
 * processor's order: little-endian, as the entries are.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <uiommu_fault.h>

#include "smmuv3_hw.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are used as they are");
_Static_assert(UIOMMU_FAULT_READ == SMMUV3_PRI0_R >> 60, "flags are shifted");
_Static_assert(UIOMMU_FAULT_WRITE == SMMUV3_PRI0_W >> 60, "flags are shifted");
_Static_assert(UIOMMU_FAULT_LAST == SMMUV3_PRI0_LAST >> 60, "flags are shifted");
_Static_assert(UIOMMU_FAULT_PASID == SMMUV3_PRI0_SSV >> 58, "flag is shifted");
_Static_assert(UIOMMU_FAULT_EXEC == SMMUV3_PRI0_X >> 56, "flag is shifted");
_Static_assert(UIOMMU_FAULT_PRIV == SMMUV3_PRI0_PRIV >> 54, "flag is shifted");

/** Bits of an address: beyond that, on either side of 0, no table reaches. */
#define SMMUV3_ADDRESS_BITS 48

/* ------------------------------------------------------------ page requests */

/** What an entry of the PRI queue is. */
enum smmuv3_pri_kind {
	SMMUV3_PRI_REQUEST,      /**< a sound page request */
	SMMUV3_PRI_STOP_MARKER,  /**< S 8: last, no access, with PASID; never answered */
	SMMUV3_PRI_BAD_STREAM,   /**< StreamID that no endpoint can have */
	SMMUV3_PRI_BAD_RESERVED, /**< reserved bits set */
	SMMUV3_PRI_BAD_ACCESS,   /**< no access wanted, or privileged or execute access */
	SMMUV3_PRI_BAD_ADDRESS,  /**< not canonical */
};

#define SMMUV3_PRI_KINDS 6

/** Bits of word 0 that a plain request has not: a StreamID too wide is one of them. */
#define SMMUV3_PRI0_ODD                                                                            \
	(SMMUV3_PRI0_RESERVED | SMMUV3_PRI0_PRIV | SMMUV3_PRI0_X |                                 \
	 (SMMUV3_PRI0_SID_MASK & ~((UINT64_C(1) << UIOMMU_ENDPOINT_BITS_MAX) - 1)))

/* Half of what canonical addresses span, around 0; and the bits that a span leaves clear */
#define SMMUV3_ADDRESS_HALF (UINT64_C(1) << SMMUV3_ADDRESS_BITS)
#define SMMUV3_ADDRESS_ABOVE (~((SMMUV3_ADDRESS_HALF << 1) - 1))

/** Whether an entry is a sound request, in one test, for the data path. */
static inline bool
smmuv3_pri_is_plain(uint64_t w0, uint64_t w1)
{
	return ((w0 & SMMUV3_PRI0_ODD) | (w1 & SMMUV3_PRI1_RESERVED) |
		((w1 + SMMUV3_ADDRESS_HALF) & SMMUV3_ADDRESS_ABOVE)) == 0 &&
	       (w0 & (SMMUV3_PRI0_R | SMMUV3_PRI0_W)) != 0;
}

/** What an entry is, S 8. */
static inline enum smmuv3_pri_kind
smmuv3_pri_classify(uint64_t w0, uint64_t w1)
{
	const uint64_t access = w0 & (SMMUV3_PRI0_R | SMMUV3_PRI0_W);

	if (access == 0 && (w0 & SMMUV3_PRI0_LAST) != 0 && (w0 & SMMUV3_PRI0_SSV) != 0)
		return SMMUV3_PRI_STOP_MARKER;
	if ((w0 & SMMUV3_PRI0_SID_MASK) >> UIOMMU_ENDPOINT_BITS_MAX != 0)
		return SMMUV3_PRI_BAD_STREAM;
	if ((w0 & SMMUV3_PRI0_RESERVED) != 0 || (w1 & SMMUV3_PRI1_RESERVED) != 0)
		return SMMUV3_PRI_BAD_RESERVED;
	/* no table here grants more than reads and writes to devices */
	if (access == 0 || (w0 & (SMMUV3_PRI0_X | SMMUV3_PRI0_PRIV)) != 0)
		return SMMUV3_PRI_BAD_ACCESS;
	if (((w1 + SMMUV3_ADDRESS_HALF) & SMMUV3_ADDRESS_ABOVE) != 0)
		return SMMUV3_PRI_BAD_ADDRESS;
	return SMMUV3_PRI_REQUEST;
}

/** StreamID and SubstreamID as the members endpoint_id and pasid stand in memory. */
static inline uint64_t
smmuv3_pri_who(uint64_t w0)
{
	const uint64_t with = w0 & (SMMUV3_PRI0_SID_MASK |
				    SMMUV3_PRI0_SSID_MASK << SMMUV3_PRI0_SSID_SHIFT);
	const uint64_t without = (w0 & SMMUV3_PRI0_SID_MASK) | (uint64_t)UIOMMU_NO_PASID << 32;

	/* S 8: the SubstreamID means nothing without SSV */
	return (w0 & SMMUV3_PRI0_SSV) != 0 ? with : without;
}

/** Decode a request that smmuv3_pri_is_plain(). */
static inline void
smmuv3_pri_decode(uint64_t w0, uint64_t w1, struct uiommu_fault *fault)
{
	/* members two and two, as they stand in memory: half the instructions */
	const uint64_t who = smmuv3_pri_who(w0);
	const uint64_t what = (w1 & SMMUV3_PRI1_PRGI_MASK) | (w0 >> 60 & 7) << 16 | w0 >> 63 << 21;

	fault->iova = w1 & SMMUV3_PRI1_ADDR_MASK;
	memcpy((uint8_t *)fault + offsetof(struct uiommu_fault, endpoint_id), &who, sizeof(who));
	memcpy((uint8_t *)fault + offsetof(struct uiommu_fault, prg_index), &what, sizeof(what));
}

/** Decode a malformed request of any kind but stop markers: it gets UIOMMU_FAULT_REJECT. */
static inline void
smmuv3_pri_decode_odd(uint64_t w0, uint64_t w1, struct uiommu_fault *fault)
{
	smmuv3_pri_decode(w0, w1, fault);
	fault->flags |= (uint16_t)((w0 & SMMUV3_PRI0_X) >> 56 | (w0 & SMMUV3_PRI0_PRIV) >> 54 |
				   UIOMMU_FAULT_REJECT);
}

/* -------------------------------------------------------------------- events */

/** Number of an event, S 7.3. */
static inline unsigned int
smmuv3_event_type(uint64_t w0)
{
	return (unsigned int)(w0 & SMMUV3_EVT0_TYPE_MASK);
}

/** Whether an event is of a transaction that waits for an answer: four kinds can, S 3.12. */
static inline bool
smmuv3_event_is_stall(uint64_t w0, uint64_t w1)
{
	return (w1 & SMMUV3_EVT1_STALL) != 0 &&
	       (w0 & (SMMUV3_EVT0_TYPE_MASK & ~UINT64_C(3))) == SMMUV3_EVT_F_TRANSLATION;
}

static inline uint32_t
smmuv3_event_sid(uint64_t w0)
{
	return (uint32_t)(w0 >> SMMUV3_EVT0_SID_SHIFT);
}

static inline uint32_t
smmuv3_event_pasid(uint64_t w0)
{
	return (w0 & SMMUV3_EVT0_SSV) != 0 ?
		       (uint32_t)(w0 >> SMMUV3_EVT0_SSID_SHIFT & SMMUV3_EVT0_SSID_MASK) :
		       UIOMMU_NO_PASID;
}

/** Access and PASID of an event, as flags of a fault or a report. */
static inline uint16_t
smmuv3_event_flags(uint64_t w0, uint64_t w1)
{
	uint64_t flags = (w1 & SMMUV3_EVT1_RNW) != 0 ? UIOMMU_FAULT_READ : UIOMMU_FAULT_WRITE;

	flags |= (w1 & SMMUV3_EVT1_IND) != 0 ? UIOMMU_FAULT_EXEC : 0;
	flags |= (w1 & SMMUV3_EVT1_PNU) != 0 ? UIOMMU_FAULT_PRIV : 0;
	flags |= (w0 & SMMUV3_EVT0_SSV) != 0 ? UIOMMU_FAULT_PASID : 0;
	return (uint16_t)flags;
}

/** Decode an event that smmuv3_event_is_stall(). No stage 2 is in use, so none can have failed. */
static inline void
smmuv3_event_decode(uint64_t w0, uint64_t w1, uint64_t input, struct uiommu_fault *fault)
{
	fault->iova = input & ~UINT64_C(0xfff);
	fault->endpoint_id = smmuv3_event_sid(w0);
	fault->pasid = smmuv3_event_pasid(w0);
	fault->prg_index = (uint16_t)(w1 & SMMUV3_EVT1_STAG_MASK);
	fault->flags = (uint16_t)(smmuv3_event_flags(w0, w1) | UIOMMU_FAULT_LAST |
				  UIOMMU_FAULT_STALL |
				  ((w1 & SMMUV3_EVT1_S2) != 0 ? UIOMMU_FAULT_REJECT : 0));
	fault->nb_pages = 0;
	fault->tag = 0;
}

/** Why an access has ended, by number of the event. */
static inline uint16_t
smmuv3_event_reason(unsigned int type)
{
	switch (type) {
	case SMMUV3_EVT_F_TRANSLATION:
		return UIOMMU_REPORT_TRANSLATION;
	case SMMUV3_EVT_F_ACCESS:
	case SMMUV3_EVT_F_PERMISSION:
		return UIOMMU_REPORT_PERMISSION;
	case SMMUV3_EVT_F_ADDR_SIZE:
		return UIOMMU_REPORT_ADDRESS;
	case SMMUV3_EVT_C_BAD_STREAMID:
	case SMMUV3_EVT_C_BAD_STE: /* an entry that is not valid, S 5.2 */
	case SMMUV3_EVT_F_STREAM_DISABLED:
		return UIOMMU_REPORT_ENDPOINT;
	case SMMUV3_EVT_C_BAD_SUBSTREAMID:
	case SMMUV3_EVT_C_BAD_CD: /* likewise, S 5.4 */
		return UIOMMU_REPORT_PASID;
	case SMMUV3_EVT_F_BAD_ATS_TREQ:
	case SMMUV3_EVT_F_TRANSL_FORBIDDEN:
		return UIOMMU_REPORT_NOT_ALLOWED;
	case SMMUV3_EVT_F_TLB_CONFLICT:
	case SMMUV3_EVT_F_CFG_CONFLICT:
		return UIOMMU_REPORT_TABLE;
	case SMMUV3_EVT_F_STE_FETCH:
	case SMMUV3_EVT_F_CD_FETCH:
	case SMMUV3_EVT_F_VMS_FETCH:
	case SMMUV3_EVT_F_WALK_EABT:
		return UIOMMU_REPORT_MEMORY;
	default:
		return UIOMMU_REPORT_OTHER;
	}
}

/** Whether the event says which access it was, and to what address, S 7.3. */
static inline bool
smmuv3_event_has_access(unsigned int type)
{
	return type == SMMUV3_EVT_F_UUT || type == SMMUV3_EVT_F_TRANSL_FORBIDDEN ||
	       (type >= SMMUV3_EVT_F_WALK_EABT && type <= SMMUV3_EVT_F_PERMISSION) ||
	       type == SMMUV3_EVT_F_TLB_CONFLICT;
}

/** Decode an event of an access that has ended. */
static inline void
smmuv3_event_decode_report(uint64_t w0, uint64_t w1, uint64_t input, struct uiommu_report *report)
{
	const unsigned int type = smmuv3_event_type(w0);
	const bool has_access = smmuv3_event_has_access(type);

	report->iova = has_access ? input : 0;
	report->endpoint_id = smmuv3_event_sid(w0);
	report->pasid = smmuv3_event_pasid(w0);
	report->reason = smmuv3_event_reason(type);
	report->flags = has_access ? smmuv3_event_flags(w0, w1) :
				     smmuv3_event_flags(w0, w1) & UIOMMU_FAULT_PASID;
	report->detail = type;
}

/* ----------------------------------------------------------------- responses */

/**
 * Codes of PRI responses, S 4.5.2, two bits each by enum uiommu_code, at their place in word 1;
 * retry is success.
 */
#define SMMUV3_RESP_OF_CODE                                                                        \
	((uint64_t)(SMMUV3_RESP_SUCCESS << 0 | SMMUV3_RESP_INVALID << 2 |                          \
		    SMMUV3_RESP_FAILURE << 4 | SMMUV3_RESP_SUCCESS << 6)                           \
	 << SMMUV3_PRI_RESP1_RESP_SHIFT)

_Static_assert(UIOMMU_CODE_SENT_COUNT == 4, "a code that may be sent has two bits");

/** Words of the command that answers a page request group, S 4.5.2. */
static inline void
smmuv3_pri_resp_encode(const struct uiommu_resp *resp, uint64_t *w0, uint64_t *w1)
{
	uint64_t who, what;

	memcpy(&who, resp, sizeof(who));
	memcpy(&what, (const uint8_t *)resp + offsetof(struct uiommu_resp, prg_index),
	       sizeof(what));
	/* bit 20 of the PASID is the one of UIOMMU_NO_PASID */
	*w0 = (who << SMMUV3_CMD0_SID_SHIFT |
	       (who >> (32 - SMMUV3_CMD0_SSID_SHIFT) &
		SMMUV3_CMD0_SSID_MASK << SMMUV3_CMD0_SSID_SHIFT) |
	       SMMUV3_CMD0_SSV | SMMUV3_CMD_PRI_RESP) ^
	      (who >> (32 + UIOMMU_PASID_BITS - 11) & SMMUV3_CMD0_SSV);
	/* twice the code is where it stands among them */
	*w1 = (what & SMMUV3_PRI_RESP1_PRGI_MASK) |
	      (SMMUV3_RESP_OF_CODE >> (what >> 31 & 6) &
	       SMMUV3_PRI_RESP1_RESP_MASK << SMMUV3_PRI_RESP1_RESP_SHIFT);
}

/** Words of the command that answers a stalled transaction, S 4.7.1. */
static inline void
smmuv3_resume_encode(uint32_t sid, uint16_t stag, uint64_t action, uint64_t *w0, uint64_t *w1)
{
	*w0 = (uint64_t)sid << SMMUV3_CMD0_SID_SHIFT | action | SMMUV3_CMD_RESUME;
	*w1 = stag;
}

/** Words of the command for a response of either kind. */
static inline void
smmuv3_resp_encode(const struct uiommu_resp *resp, uint64_t *w0, uint64_t *w1)
{
	if ((resp->flags & UIOMMU_FAULT_STALL) == 0) {
		smmuv3_pri_resp_encode(resp, w0, w1);
		return;
	}
	/* success and retry: once more; invalid and failure: abort */
	smmuv3_resume_encode(resp->endpoint_id, resp->prg_index,
			     resp->code == UIOMMU_CODE_SUCCESS || resp->code == UIOMMU_CODE_RETRY ?
				     SMMUV3_RESUME0_AC :
				     SMMUV3_RESUME0_AB,
			     w0, w1);
}

/* ------------------------------------------------------------------ commands */

static inline unsigned int
smmuv3_cmd_op(const struct smmuv3_cmd *cmd)
{
	return (unsigned int)(__atomic_load_n(&cmd->q[0], __ATOMIC_RELAXED) & SMMUV3_CMD0_OP_MASK);
}

/** StreamID and SubstreamID in word 0. */
static inline uint64_t
smmuv3_cmd_stream(uint32_t sid, uint32_t ssid)
{
	return (uint64_t)sid << SMMUV3_CMD0_SID_SHIFT |
	       (ssid & SMMUV3_CMD0_SSID_MASK) << SMMUV3_CMD0_SSID_SHIFT;
}

/** One stream table entry with what leads to it, and all that was cached of its CDs, S 4.3.1. */
static inline struct smmuv3_cmd
smmuv3_cfgi_ste(uint32_t sid)
{
	return (struct smmuv3_cmd){{SMMUV3_CMD_CFGI_STE | smmuv3_cmd_stream(sid, 0)}};
}

/** All configuration, S 4.3.6. */
static inline struct smmuv3_cmd
smmuv3_cfgi_all(void)
{
	return (struct smmuv3_cmd){{SMMUV3_CMD_CFGI_STE_RANGE, SMMUV3_CFGI_RANGE_ALL}};
}

/** One context descriptor with what leads to it, S 4.3.3. @param ssid 0 for the RID's */
static inline struct smmuv3_cmd
smmuv3_cfgi_cd(uint32_t sid, uint32_t ssid)
{
	return (struct smmuv3_cmd){{SMMUV3_CMD_CFGI_CD | smmuv3_cmd_stream(sid, ssid)}};
}

/** All context descriptors of a stream, S 4.3.4. */
static inline struct smmuv3_cmd
smmuv3_cfgi_cd_all(uint32_t sid)
{
	return (struct smmuv3_cmd){{SMMUV3_CMD_CFGI_CD_ALL | smmuv3_cmd_stream(sid, 0)}};
}

/** All translations, S 4.4.4.1. */
static inline struct smmuv3_cmd
smmuv3_tlbi_all(void)
{
	return (struct smmuv3_cmd){{SMMUV3_CMD_TLBI_NSNH_ALL}};
}

/** All translations of EL2, S 4.4.2.7; needs IDR0.Hyp. */
static inline struct smmuv3_cmd
smmuv3_tlbi_el2_all(void)
{
	return (struct smmuv3_cmd){{SMMUV3_CMD_TLBI_EL2_ALL}};
}

/** All translations with an ASID, S 4.4.2.2. */
static inline struct smmuv3_cmd
smmuv3_tlbi_asid(uint16_t asid)
{
	return (struct smmuv3_cmd){{
		SMMUV3_CMD_TLBI_NH_ASID | (uint64_t)asid << SMMUV3_TLBI0_ASID_SHIFT,
	}};
}

/**
 * Translations of one page, S 4.4.2.4.
 *
 * @param leaves_only no entry has changed that leads to a table
 */
static inline struct smmuv3_cmd
smmuv3_tlbi_page(uint16_t asid, uint64_t iova, bool leaves_only)
{
	return (struct smmuv3_cmd){{
		SMMUV3_CMD_TLBI_NH_VA | (uint64_t)asid << SMMUV3_TLBI0_ASID_SHIFT,
		(iova & SMMUV3_TLBI1_ADDR_MASK) | (leaves_only ? SMMUV3_TLBI1_LEAF : 0),
	}};
}

/**
 * Translations of 2^order pages of 4 KiB, S 4.4.1.1; needs IDR3.RIL.
 *
 * @param order 1 to 31: for 0 the command would be illegal (NUM, SCALE and TTL all 0)
 */
static inline struct smmuv3_cmd
smmuv3_tlbi_range(uint16_t asid, uint64_t iova, unsigned int order, bool leaves_only)
{
	struct smmuv3_cmd cmd = smmuv3_tlbi_page(asid, iova, leaves_only);

	cmd.q[0] |= (uint64_t)order << SMMUV3_TLBI0_SCALE_SHIFT;
	cmd.q[1] |= (uint64_t)SMMUV3_TLBI_TG_4K << SMMUV3_TLBI1_TG_SHIFT;
	return cmd;
}

/**
 * What a device has cached, S 4.5.1.
 *
 * @param pasid or UIOMMU_NO_PASID: without
 * @param order log2 of the pages; SMMUV3_ATC_INV_SIZE_ALL: everything, iova is 0
 */
static inline struct smmuv3_cmd
smmuv3_atc_inv(uint32_t sid, uint32_t pasid, uint64_t iova, unsigned int order)
{
	const bool with = pasid != UIOMMU_NO_PASID;

	return (struct smmuv3_cmd){{
		SMMUV3_CMD_ATC_INV | smmuv3_cmd_stream(sid, with ? pasid : 0) |
			(with ? SMMUV3_CMD0_SSV : 0),
		(iova & SMMUV3_ATC_INV1_ADDR_MASK) | order,
	}};
}

/** Everything that a device has cached with any PASID, S 4.5.1. */
static inline struct smmuv3_cmd
smmuv3_atc_inv_pasids(uint32_t sid)
{
	struct smmuv3_cmd cmd = smmuv3_atc_inv(sid, 0, 0, SMMUV3_ATC_INV_SIZE_ALL);

	cmd.q[0] |= SMMUV3_ATC_INV0_GLOBAL;
	return cmd;
}

/** What follows comes after all before it, S 4.7.3. */
static inline struct smmuv3_cmd
smmuv3_sync(void)
{
	return (struct smmuv3_cmd){{SMMUV3_CMD_SYNC}};
}

/** The same, and @p data is written to normal memory then; needs IDR0.MSI. */
static inline struct smmuv3_cmd
smmuv3_sync_msi(uint64_t status_pa, uint32_t data)
{
	return (struct smmuv3_cmd){{
		SMMUV3_CMD_SYNC | (uint64_t)SMMUV3_CS_IRQ << SMMUV3_SYNC0_CS_SHIFT |
			(uint64_t)SMMUV3_SH_INNER << SMMUV3_SYNC0_MSH_SHIFT |
			(uint64_t)SMMUV3_MEMATTR_WB << SMMUV3_SYNC0_MSIATTR_SHIFT |
			(uint64_t)data << SMMUV3_SYNC0_MSIDATA_SHIFT,
		status_pa & SMMUV3_SYNC1_MSIADDR_MASK,
	}};
}

#endif /* SMMUV3_DESC_H */
