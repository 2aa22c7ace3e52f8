/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_FAULT_H
#define UIOMMU_FAULT_H

/**
 * @file
 * Records of the data path: page requests, request groups, responses.
 *
 * Nothing here belongs to a vendor. A driver decodes the entries of a hardware
 * queue into struct uiommu_fault; the engine gathers them into struct
 * uiommu_group; a response leaves as struct uiommu_resp. This header makes no
 * call, so that unit tests, fuzzers and firmware without an EAL can use it.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Width of a PASID in bits (PCIe, and the largest any unit supports). */
#define UIOMMU_PASID_BITS 20

/** Number of PASID values. */
#define UIOMMU_PASID_COUNT (UINT32_C(1) << UIOMMU_PASID_BITS)

/** Width of an endpoint id in bits that no unit exceeds. */
#define UIOMMU_ENDPOINT_BITS_MAX 24

/**
 * The "PASID" of a request that carries none: it belongs to the requester id.
 * One more than the largest PASID, so that a PASID table can hold it too.
 */
#define UIOMMU_NO_PASID UIOMMU_PASID_COUNT

/** @name Flags of a page request (uiommu_fault::flags)
 * READ, WRITE and LAST have the bit positions of the PCIe Page Request
 * message, so that a decoder can copy them.
 * @{
 */
#define UIOMMU_FAULT_READ (1U << 0)   /**< read access wanted */
#define UIOMMU_FAULT_WRITE (1U << 1)  /**< write access wanted */
#define UIOMMU_FAULT_LAST (1U << 2)   /**< closes its group; wants the answer */
#define UIOMMU_FAULT_EXEC (1U << 3)   /**< execute access wanted */
#define UIOMMU_FAULT_PRIV (1U << 4)   /**< privileged mode */
#define UIOMMU_FAULT_PASID (1U << 5)  /**< the request carried a PASID */
/** the driver found it malformed: never given to a handler */
#define UIOMMU_FAULT_REJECT (1U << 6)
/**
 * no page request: an access that waits in the unit (stall) until it is answered. Always with
 * LAST, and a group by itself; prg_index is the unit's tag of it
 */
#define UIOMMU_FAULT_STALL (1U << 7)
/** @} */

/** Access bits of uiommu_fault::flags. */
#define UIOMMU_FAULT_ACCESS (UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE | UIOMMU_FAULT_EXEC)

/**
 * One page request, decoded.
 */
struct uiommu_fault {
	uint64_t iova;        /**< address of the page, in bytes, 4 KiB aligned */
	uint32_t endpoint_id; /**< who asks: requester id (bus 15:8, devfn 7:0) or StreamID */
	uint32_t pasid;       /**< address space, or UIOMMU_NO_PASID */
	uint16_t prg_index;   /**< page request group index (PCIe: 9 bits), or stall tag */
	uint16_t flags;       /**< UIOMMU_FAULT_* */
	uint16_t nb_pages;    /**< pages of 4 KiB asked for, as a hint; 0 means 1 */
	uint16_t tag;         /**< of the driver: comes back in the response to the group */
};

struct uiommu_attach;

/**
 * One page request group: every request of one endpoint and PASID with one
 * PRG index, in order of arrival, closed by the one with UIOMMU_FAULT_LAST.
 * This is the unit of response.
 */
struct uiommu_group {
	const struct uiommu_fault *faults; /**< nb_faults requests, the last one at the end */
	struct uiommu_attach *attach;      /**< the bond that owns the group */
	uint16_t nb_faults;                /**< requests in the group, 1 or more */
	uint16_t index;                    /**< place in the burst; belongs to the engine */
	uint32_t slot;                     /**< belongs to the engine; see uiommu_group_defer() */
};

/**
 * What a handler says of a group.
 */
enum uiommu_code {
	/** Every page is mapped with the access asked for. */
	UIOMMU_CODE_SUCCESS = 0,
	/** A page does not exist or the access is denied: only this work fails. */
	UIOMMU_CODE_INVALID = 1,
	/**
	 * Catastrophic: on PCIe the device shuts its page request interface
	 * down, the physical function and all of its virtual functions with it.
	 * Never an answer to a tenant's fault.
	 */
	UIOMMU_CODE_FAILURE = 2,
	/** Nothing was mapped; the device is to ask again (back-pressure). */
	UIOMMU_CODE_RETRY = 3,
	/** Answered later by cookie, see uiommu_group_defer(). */
	UIOMMU_CODE_DEFERRED = 4,
};

/** Number of values of enum uiommu_code. */
#define UIOMMU_CODE_COUNT 5

/** Number of codes that may be sent to a device. */
#define UIOMMU_CODE_SENT_COUNT 4

/**
 * One response: what of a request must come back, and the code.
 */
struct uiommu_resp {
	uint32_t endpoint_id; /**< as in the request */
	uint32_t pasid;       /**< as in the request, or UIOMMU_NO_PASID */
	uint16_t prg_index;   /**< as in the request */
	uint16_t flags;       /**< flags of the request with UIOMMU_FAULT_LAST */
	uint16_t code;        /**< enum uiommu_code, below UIOMMU_CODE_SENT_COUNT */
	uint16_t tag;         /**< as in the request with UIOMMU_FAULT_LAST */
};

/** Why an access failed for good. */
enum uiommu_report_reason {
	UIOMMU_REPORT_OTHER = 0,    /**< none of these; see uiommu_report::detail */
	UIOMMU_REPORT_TRANSLATION,  /**< no page there */
	UIOMMU_REPORT_PERMISSION,   /**< the page does not grant this access */
	UIOMMU_REPORT_ADDRESS,      /**< address beyond what the tables or the unit can hold */
	UIOMMU_REPORT_ENDPOINT,     /**< endpoint that has no entry, or is blocked */
	UIOMMU_REPORT_PASID,        /**< PASID that has no entry, or is out of range */
	/** kind of request that the endpoint may not make (ATS, say) */
	UIOMMU_REPORT_NOT_ALLOWED,
	UIOMMU_REPORT_TABLE,        /**< malformed entry of a device, PASID or page table */
	UIOMMU_REPORT_MEMORY,       /**< a table could not be read or written */
};

/** Number of values of enum uiommu_report_reason. */
#define UIOMMU_REPORT_REASONS 9

/**
 * An access that the unit has ended by itself: there is nothing to answer. For people who look for
 * mistakes of drivers and devices.
 */
struct uiommu_report {
	uint64_t iova;        /**< address of the access, as far as the unit tells */
	uint32_t endpoint_id; /**< as in struct uiommu_fault */
	uint32_t pasid;       /**< address space, or UIOMMU_NO_PASID */
	uint16_t reason;      /**< enum uiommu_report_reason */
	uint16_t flags;       /**< UIOMMU_FAULT_READ, _WRITE, _EXEC, _PRIV, _PASID */
	uint32_t detail;      /**< the unit's own number of the reason */
};

/** Cookie of a deferred group; 0 is none. */
typedef uint64_t uiommu_cookie_t;

#ifndef __cplusplus
_Static_assert(sizeof(struct uiommu_fault) == 24, "size of uiommu_fault");
_Static_assert(offsetof(struct uiommu_fault, endpoint_id) == 8, "layout of uiommu_fault");
_Static_assert(offsetof(struct uiommu_fault, pasid) == 12, "layout of uiommu_fault");
_Static_assert(offsetof(struct uiommu_fault, prg_index) == 16, "layout of uiommu_fault");
_Static_assert(offsetof(struct uiommu_fault, flags) == 18, "layout of uiommu_fault");
_Static_assert(offsetof(struct uiommu_fault, nb_pages) == 20, "layout of uiommu_fault");
_Static_assert(offsetof(struct uiommu_fault, tag) == 22, "layout of uiommu_fault");
_Static_assert(sizeof(struct uiommu_report) == 24, "size of uiommu_report");
_Static_assert(sizeof(struct uiommu_resp) == 16, "size of uiommu_resp");
_Static_assert(offsetof(struct uiommu_resp, endpoint_id) == 0, "layout of uiommu_resp");
_Static_assert(offsetof(struct uiommu_resp, pasid) == 4, "layout of uiommu_resp");
_Static_assert(offsetof(struct uiommu_resp, prg_index) == 8, "layout of uiommu_resp");
_Static_assert(offsetof(struct uiommu_resp, code) == 12, "layout of uiommu_resp");
_Static_assert(offsetof(struct uiommu_resp, tag) == 14, "layout of uiommu_resp");
#endif

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_FAULT_H */
