/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_DESC_H
#define RISCV_DESC_H

/**
 * @file
 * Queue entries of the RISC-V IOMMU: requests and fault records decoded, commands encoded.
 *
 * Pure functions, no access to hardware and no call outside of this file. Words are in the
 * processor's order: little-endian, as the entries are.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <uiommu_fault.h>

#include "riscv_hw.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are used as they are");
_Static_assert(UIOMMU_FAULT_READ == RISCV_PQ1_R, "flags are copied");
_Static_assert(UIOMMU_FAULT_WRITE == RISCV_PQ1_W, "flags are copied");
_Static_assert(UIOMMU_FAULT_LAST == RISCV_PQ1_L, "flags are copied");
_Static_assert(UIOMMU_FAULT_PASID == RISCV_PQ0_PV >> 27, "flag is shifted");
_Static_assert(UIOMMU_FAULT_PRIV == RISCV_PQ0_PRIV >> 29, "flag is shifted");
_Static_assert(UIOMMU_FAULT_EXEC == RISCV_PQ0_EXEC >> 31, "flag is shifted");
_Static_assert(UIOMMU_ENDPOINT_BITS_MAX == RISCV_DID_BITS, "every device_id is an endpoint id");

/* ------------------------------------------------------------ page requests */

/** What an entry of the page-request queue is. */
enum riscv_pq_kind {
	RISCV_PQ_REQUEST,      /**< a sound page request */
	RISCV_PQ_STOP_MARKER,  /**< "Page-Request-Queue": last, no access; never answered */
	RISCV_PQ_BAD_RESERVED, /**< reserved bits set */
	RISCV_PQ_BAD_ACCESS,   /**< no access wanted, or privileged or execute access */
	RISCV_PQ_BAD_ADDRESS,  /**< not canonical */
};

#define RISCV_PQ_KINDS 5

/** Bits of doubleword 0 that a plain request has not. */
#define RISCV_PQ0_ODD (RISCV_PQ0_RESERVED | RISCV_PQ0_PRIV | RISCV_PQ0_EXEC)

/** Whether no table can reach an address: the bits from @p sign_bit on must be equal. */
static inline bool
riscv_address_is_wild(uint64_t w1, unsigned int sign_bit)
{
	/* canonical addresses are those of [-half, half): half more, and nothing is above them */
	const uint64_t half = UINT64_C(1) << sign_bit;

	return ((w1 + half) & ~((half << 1) - 1)) != 0;
}

/** Whether an entry is a sound request, in few tests, for the data path. */
static inline bool
riscv_pq_is_plain(uint64_t w0, uint64_t w1, unsigned int sign_bit)
{
	const uint64_t half = UINT64_C(1) << sign_bit;

	return ((w0 & RISCV_PQ0_ODD) | ((w1 + half) & ~((half << 1) - 1))) == 0 &&
	       (w1 & (RISCV_PQ1_R | RISCV_PQ1_W)) != 0;
}

/** What an entry is, "Page-Request-Queue". */
static inline enum riscv_pq_kind
riscv_pq_classify(uint64_t w0, uint64_t w1, unsigned int sign_bit)
{
	const uint64_t access = w1 & (RISCV_PQ1_R | RISCV_PQ1_W);

	if (access == 0 && (w1 & RISCV_PQ1_L) != 0)
		return RISCV_PQ_STOP_MARKER;
	if ((w0 & RISCV_PQ0_RESERVED) != 0)
		return RISCV_PQ_BAD_RESERVED;
	/* no table here grants more than reads and writes to devices */
	if (access == 0 || (w0 & (RISCV_PQ0_PRIV | RISCV_PQ0_EXEC)) != 0)
		return RISCV_PQ_BAD_ACCESS;
	if (riscv_address_is_wild(w1, sign_bit))
		return RISCV_PQ_BAD_ADDRESS;
	return RISCV_PQ_REQUEST;
}

/** device_id and PASID as the members endpoint_id and pasid stand in memory. */
static inline uint64_t
riscv_pq_who(uint64_t w0)
{
	const uint64_t did = w0 >> RISCV_PQ0_DID_SHIFT;
	const uint64_t with = w0 << (32 - RISCV_PQ0_PID_SHIFT) & RISCV_PQ0_PID_MASK << 32;

	/* the PID means nothing without PV */
	return did | ((w0 & RISCV_PQ0_PV) != 0 ? with : (uint64_t)UIOMMU_NO_PASID << 32);
}

/** Decode a request that riscv_pq_is_plain(). */
static inline void
riscv_pq_decode(uint64_t w0, uint64_t w1, struct uiommu_fault *fault)
{
	/* members two and two, as they stand in memory: half the instructions */
	const uint64_t who = riscv_pq_who(w0);
	const uint64_t what = (w1 >> RISCV_PQ1_PRGI_SHIFT & RISCV_PRGI_MASK) |
			      (w1 & (RISCV_PQ1_R | RISCV_PQ1_W | RISCV_PQ1_L)) << 16 |
			      (w0 & RISCV_PQ0_PV) >> 11;

	fault->iova = w1 & RISCV_PQ1_ADDR_MASK;
	memcpy((uint8_t *)fault + offsetof(struct uiommu_fault, endpoint_id), &who, sizeof(who));
	memcpy((uint8_t *)fault + offsetof(struct uiommu_fault, prg_index), &what, sizeof(what));
}

/** Decode a malformed request of any kind but stop markers: it gets UIOMMU_FAULT_REJECT. */
static inline void
riscv_pq_decode_odd(uint64_t w0, uint64_t w1, struct uiommu_fault *fault)
{
	riscv_pq_decode(w0, w1, fault);
	fault->flags |= (uint16_t)((w0 & RISCV_PQ0_PRIV) >> 29 | (w0 & RISCV_PQ0_EXEC) >> 31 |
				   UIOMMU_FAULT_REJECT);
}

/* ------------------------------------------------------------- fault records */

static inline unsigned int
riscv_fault_cause(uint64_t w0)
{
	return (unsigned int)(w0 & RISCV_FAULT0_CAUSE_MASK);
}

static inline unsigned int
riscv_fault_ttyp(uint64_t w0)
{
	return (unsigned int)(w0 >> RISCV_FAULT0_TTYP_SHIFT & RISCV_FAULT0_TTYP_MASK);
}

/** Why an access has ended, "Fault record CAUSE field encodings". */
static inline uint16_t
riscv_fault_reason(unsigned int cause)
{
	switch (cause) {
	/* rights that are missing too: the unit tells no difference */
	case RISCV_CAUSE_INST_PAGE:
	case RISCV_CAUSE_READ_PAGE:
	case RISCV_CAUSE_WRITE_PAGE:
	case RISCV_CAUSE_INST_GUEST_PAGE:
	case RISCV_CAUSE_READ_GUEST_PAGE:
	case RISCV_CAUSE_WRITE_GUEST_PAGE:
		return UIOMMU_REPORT_TRANSLATION;
	case RISCV_CAUSE_READ_MISALIGNED:
	case RISCV_CAUSE_WRITE_MISALIGNED:
		return UIOMMU_REPORT_ADDRESS;
	case RISCV_CAUSE_ALL_DISALLOWED:
	case RISCV_CAUSE_DDT_INVALID:
		return UIOMMU_REPORT_ENDPOINT;
	case RISCV_CAUSE_PDT_INVALID:
		return UIOMMU_REPORT_PASID;
	case RISCV_CAUSE_TYPE_DISALLOWED:
		return UIOMMU_REPORT_NOT_ALLOWED;
	case RISCV_CAUSE_DDT_MISCONFIGURED:
	case RISCV_CAUSE_PDT_MISCONFIGURED:
	case RISCV_CAUSE_MSI_INVALID:
	case RISCV_CAUSE_MSI_MISCONFIGURED:
		return UIOMMU_REPORT_TABLE;
	case RISCV_CAUSE_INST_ACCESS:
	case RISCV_CAUSE_READ_ACCESS:
	case RISCV_CAUSE_WRITE_ACCESS:
	case RISCV_CAUSE_DDT_LOAD:
	case RISCV_CAUSE_PDT_LOAD:
	case RISCV_CAUSE_MSI_LOAD:
	case RISCV_CAUSE_MRIF_ACCESS:
	case RISCV_CAUSE_DDT_CORRUPT:
	case RISCV_CAUSE_PDT_CORRUPT:
	case RISCV_CAUSE_MSI_CORRUPT:
	case RISCV_CAUSE_MRIF_CORRUPT:
	case RISCV_CAUSE_PT_CORRUPT:
		return UIOMMU_REPORT_MEMORY;
	default:
		return UIOMMU_REPORT_OTHER;
	}
}

/** Access that a transaction type stands for; 0: it tells none (translation request, message). */
static inline uint16_t
riscv_ttyp_access(unsigned int ttyp)
{
	switch (ttyp) {
	case RISCV_TTYP_EXEC:
	case RISCV_TTYP_TRANSLATED_EXEC:
		return UIOMMU_FAULT_READ | UIOMMU_FAULT_EXEC;
	case RISCV_TTYP_READ:
	case RISCV_TTYP_TRANSLATED_READ:
		return UIOMMU_FAULT_READ;
	case RISCV_TTYP_WRITE:
	case RISCV_TTYP_TRANSLATED_WRITE:
		return UIOMMU_FAULT_WRITE;
	default:
		return 0;
	}
}

/** Whether the record is of a device's doing: else no endpoint is named. */
static inline bool
riscv_fault_has_device(uint64_t w0)
{
	return riscv_fault_ttyp(w0) != RISCV_TTYP_NONE;
}

/** Decode a record with riscv_fault_has_device(). @param iotval doubleword 2 */
static inline void
riscv_fault_decode(uint64_t w0, uint64_t iotval, struct uiommu_report *report)
{
	const unsigned int ttyp = riscv_fault_ttyp(w0);
	const bool with = (w0 & RISCV_FAULT0_PV) != 0;

	/* of a message iotval is the code, of anything else an address */
	report->iova = ttyp == RISCV_TTYP_MESSAGE ? 0 : iotval;
	report->endpoint_id = (uint32_t)(w0 >> RISCV_FAULT0_DID_SHIFT);
	report->pasid = with ? (uint32_t)(w0 >> RISCV_FAULT0_PID_SHIFT & RISCV_FAULT0_PID_MASK) :
			       UIOMMU_NO_PASID;
	report->reason = riscv_fault_reason(riscv_fault_cause(w0));
	report->flags = riscv_ttyp_access(ttyp);
	if (with)
		report->flags |= UIOMMU_FAULT_PASID;
	if ((w0 & RISCV_FAULT0_PRIV) != 0)
		report->flags |= UIOMMU_FAULT_PRIV;
	report->detail = riscv_fault_cause(w0);
}

/* ----------------------------------------------------------------- responses */

/** Codes of responses, four bits each by enum uiommu_code, at their place; retry is success. */
#define RISCV_PRGR_OF_CODE                                                                         \
	((uint64_t)(RISCV_PRGR_SUCCESS << 0 | RISCV_PRGR_INVALID << 4 | RISCV_PRGR_FAILURE << 8 |  \
		    RISCV_PRGR_SUCCESS << 12)                                                      \
	 << RISCV_ATS_PRGR1_CODE_SHIFT)

_Static_assert(UIOMMU_CODE_SENT_COUNT == 4, "a code that may be sent has two bits");

/** Opcode and function of a command. */
#define RISCV_CMD0(opcode, func3) ((uint64_t)(opcode) | (uint64_t)(func3) << RISCV_CMD0_FUNC3_SHIFT)

/** Words of the ATS.PRGR that answers a page request group. */
static inline void
riscv_prgr_encode(const struct uiommu_resp *resp, uint64_t *w0, uint64_t *w1)
{
	uint64_t who, what;

	memcpy(&who, resp, sizeof(who));
	memcpy(&what, (const uint8_t *)resp + offsetof(struct uiommu_resp, prg_index),
	       sizeof(what));
	/* RID and segment are the device_id; bit 20 of the PASID is the one of UIOMMU_NO_PASID */
	*w0 = (who << RISCV_ATS0_RID_SHIFT |
	       (who >> (32 - RISCV_ATS0_PID_SHIFT) & RISCV_ATS0_PID_MASK << RISCV_ATS0_PID_SHIFT) |
	       RISCV_ATS0_DSV | RISCV_ATS0_PV | RISCV_CMD0(RISCV_OP_ATS, RISCV_ATS_PRGR)) ^
	      (who >> UIOMMU_PASID_BITS & RISCV_ATS0_PV);
	/* four times the code is where it stands among them */
	*w1 = (what & RISCV_PRGI_MASK) << RISCV_ATS_PRGR1_PRGI_SHIFT |
	      (RISCV_PRGR_OF_CODE >> (what >> 30 & 12) &
	       RISCV_ATS_PRGR1_CODE_MASK << RISCV_ATS_PRGR1_CODE_SHIFT);
}

/* ------------------------------------------------------------------ commands */

/** Opcode and function of a command, as RISCV_CMD0() has them. */
static inline unsigned int
riscv_cmd_op(const struct riscv_cmd *cmd)
{
	return (unsigned int)(__atomic_load_n(&cmd->q[0], __ATOMIC_RELAXED) &
			      (RISCV_CMD0_OPCODE_MASK |
			       RISCV_CMD0_FUNC3_MASK << RISCV_CMD0_FUNC3_SHIFT));
}

/** Everything that was cached of both directories, for all devices. */
static inline struct riscv_cmd
riscv_inval_ddt_all(void)
{
	return (struct riscv_cmd){{RISCV_CMD0(RISCV_OP_IODIR, RISCV_IODIR_INVAL_DDT)}};
}

/** The device context of one device, and all that was cached of its process directory. */
static inline struct riscv_cmd
riscv_inval_ddt(uint32_t did)
{
	return (struct riscv_cmd){{
		RISCV_CMD0(RISCV_OP_IODIR, RISCV_IODIR_INVAL_DDT) | RISCV_IODIR0_DV |
			(uint64_t)did << RISCV_IODIR0_DID_SHIFT,
	}};
}

/** One process context. @param pid 0 for the one of requests without PASID */
static inline struct riscv_cmd
riscv_inval_pdt(uint32_t did, uint32_t pid)
{
	return (struct riscv_cmd){{
		RISCV_CMD0(RISCV_OP_IODIR, RISCV_IODIR_INVAL_PDT) | RISCV_IODIR0_DV |
			(uint64_t)did << RISCV_IODIR0_DID_SHIFT |
			(uint64_t)pid << RISCV_IODIR0_PID_SHIFT,
	}};
}

/** All first-stage translations that no guest is concerned with. */
static inline struct riscv_cmd
riscv_inval_vma_all(void)
{
	return (struct riscv_cmd){{RISCV_CMD0(RISCV_OP_IOTINVAL, RISCV_IOTINVAL_VMA)}};
}

/** All second-stage translations; needs a second stage. */
static inline struct riscv_cmd
riscv_inval_gvma_all(void)
{
	return (struct riscv_cmd){{RISCV_CMD0(RISCV_OP_IOTINVAL, RISCV_IOTINVAL_GVMA)}};
}

/** All translations of an address space, what leads to them included. */
static inline struct riscv_cmd
riscv_inval_vma(uint32_t pscid)
{
	return (struct riscv_cmd){{
		RISCV_CMD0(RISCV_OP_IOTINVAL, RISCV_IOTINVAL_VMA) | RISCV_IOTINVAL0_PSCV |
			(uint64_t)pscid << RISCV_IOTINVAL0_PSCID_SHIFT,
	}};
}

/*
 * Page number of 2^order pages, order not 0: the lowest bit that is clear says how many, as PCIe
 * has it ("Address Range Invalidation Extension").
 */
static inline uint64_t
riscv_napot(uint64_t page, unsigned int order)
{
	const uint64_t below = (UINT64_C(1) << (order - 1)) - 1;

	return (page & ~(below << 1 | 1)) | below;
}

/**
 * Translations of 2^order pages of 4 KiB of an address space.
 *
 * @param order 0; others, up to RISCV_IOTINVAL1_ADDR_BITS, need capabilities.S
 * @param non_leaf also entries that lead to a table; needs capabilities.NL
 */
static inline struct riscv_cmd
riscv_inval_vma_pages(uint32_t pscid, uint64_t iova, unsigned int order, bool non_leaf)
{
	const uint64_t page = iova >> RISCV_PAGE_SHIFT;
	struct riscv_cmd cmd = riscv_inval_vma(pscid);

	cmd.q[0] |= RISCV_IOTINVAL0_AV | (non_leaf ? RISCV_IOTINVAL0_NL : 0);
	cmd.q[1] = (order != 0 ? riscv_napot(page, order) : page) << RISCV_IOTINVAL1_ADDR_SHIFT |
		   (order != 0 ? RISCV_IOTINVAL1_S : 0);
	return cmd;
}

/** Order for riscv_ats_inval() that means everything. */
#define RISCV_ATS_INVAL_ALL 52

/**
 * What a device has cached, "IOMMU PCIe ATS commands".
 *
 * @param pasid or UIOMMU_NO_PASID: without
 * @param order log2 of the pages; RISCV_ATS_INVAL_ALL: everything
 */
static inline struct riscv_cmd
riscv_ats_inval(uint32_t did, uint32_t pasid, uint64_t iova, unsigned int order)
{
	const uint64_t page = iova >> RISCV_PAGE_SHIFT;
	const uint64_t who = pasid == UIOMMU_NO_PASID ?
		0 : RISCV_ATS0_PV | (uint64_t)pasid << RISCV_ATS0_PID_SHIFT;

	return (struct riscv_cmd){{
		RISCV_CMD0(RISCV_OP_ATS, RISCV_ATS_INVAL) | RISCV_ATS0_DSV | who |
			(uint64_t)did << RISCV_ATS0_RID_SHIFT,
		(order != 0 ? riscv_napot(page, order) : page) << RISCV_PAGE_SHIFT |
			(order != 0 ? RISCV_ATS_INVAL1_S : 0),
	}};
}

/** Everything that a device has cached with any PASID. */
static inline struct riscv_cmd
riscv_ats_inval_pasids(uint32_t did)
{
	struct riscv_cmd cmd = riscv_ats_inval(did, 0, 0, RISCV_ATS_INVAL_ALL);

	cmd.q[1] |= RISCV_ATS_INVAL1_G;
	return cmd;
}

/** Reads and writes that were let through before are committed with the fence, too. */
#define RISCV_FENCE_MEMORY (RISCV_IOFENCE0_PR | RISCV_IOFENCE0_PW)

/** All before is complete when the unit has gone past this. @param flags RISCV_IOFENCE0_* */
static inline struct riscv_cmd
riscv_fence(uint64_t flags)
{
	return (struct riscv_cmd){{RISCV_CMD0(RISCV_OP_IOFENCE, RISCV_IOFENCE_C) | flags}};
}

/** The same, and @p data is written to memory then. @param status_pa 4-byte aligned */
static inline struct riscv_cmd
riscv_fence_write(uint64_t flags, uint64_t status_pa, uint32_t data)
{
	return (struct riscv_cmd){{
		RISCV_CMD0(RISCV_OP_IOFENCE, RISCV_IOFENCE_C) | RISCV_IOFENCE0_AV | flags |
			(uint64_t)data << RISCV_IOFENCE0_DATA_SHIFT,
		status_pa >> 2,
	}};
}

#endif /* RISCV_DESC_H */
