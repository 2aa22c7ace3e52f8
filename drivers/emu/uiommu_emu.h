/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_EMU_H
#define UIOMMU_EMU_H

/**
 * @file
 * Front panel of an emulated unit and of the devices behind it.
 *
 * A unit probed with "platform=emu" is a model of the hardware: registers, table walks and
 * queues as the vendor's manual has them. Behind it are devices with a
 * page request interface, or devices whose accesses wait in the unit where a page is missing
 * (stalls), as far as the unit has either. This header is for those who watch and drive the model:
 * storms and tests. The engine and its drivers never see it.
 *
 * The model runs where uiommu_emu_step() is called: one thread, on an lcore of its own.
 * With devargs "inline=1" it also takes a step at each access to a register,
 * on the accessing thread, so that single-threaded tests need no second one (never
 * use both).
 *
 * The judge. The model knows of each device which requests are outstanding, and holds the
 * other side to the protocol:
 *   lost        requests with the last flag that left the hardware queue and were never answered
 *               (known at the end: uiommu_emu_verdict() after everything came to rest)
 *   duplicated  responses for a group that was answered already
 *   wrong       responses with the wrong PASID, PASID-present bit or code
 *   unexpected  responses for what was never asked: unknown device, index not outstanding,
 *               answers to stop markers or to requests without the last flag
 *   overdrawn   credits of a device below zero (a fault of the model itself)
 *   stale       requests that were accepted on the strength of a cached table entry that
 *               software had cleared and reported as invalidated: PASID entries, and the leave to
 *               send page requests in the device's own entry; and cached translations that
 *               outlived what they lead to: see uiommu_emu_retire() and uiommu_emu_audit()
 *   (a stall counts as a group by itself; its answers are Success for "retry", Invalid for
 *   "abort" or "terminate")
 *   unmapped    groups answered Success of which a page cannot be translated with the access that
 *               was asked for: the model walks the tables itself (uiommu_emu_traffic::verify)
 *   corrupt     pages that did not hold what the devices had written (uiommu_emu_traffic::data)
 *   protocol    violations by the driver: malformed descriptors, rings overrun, registers
 *               written out of order, overflow acknowledged while entries were left
 * Responses that the model gave by itself (overflow, table faults) are counted apart.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu_stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An emulated unit. */
struct uiommu_emu;

/** Largest number of address spaces of one device that traffic can use. */
#define UIOMMU_EMU_PASIDS_MAX 65536

/** First address of the window of pages that traffic uses where nothing else is said, in bytes. */
#define UIOMMU_EMU_WINDOW_IOVA UINT64_C(0x100000000)

/** Classes of devices that are measured apart. */
#define UIOMMU_EMU_CLASSES 4

/** How pages (and PASIDs) are chosen. */
enum uiommu_emu_profile {
	UIOMMU_EMU_UNIFORM = 0, /**< any page of the window, any PASID, equally likely */
	UIOMMU_EMU_SEQUENTIAL,  /**< each PASID walks through its window */
	UIOMMU_EMU_ZIPF,        /**< few PASIDs and pages take most requests (s = 0.99) */
	UIOMMU_EMU_HOTSPOT,     /**< 90 % of the requests go to 10 % of the PASIDs and pages */
	UIOMMU_EMU_BURST,       /**< one PASID sends a run of 64 groups, then another one */
};

/** What the judge looks at. */
enum uiommu_emu_judge {
	UIOMMU_EMU_JUDGE_FULL = 0, /**< each response against its request, field by field */
	/** outstanding or not, by index; codes and PASIDs are not compared */
	UIOMMU_EMU_JUDGE_LIGHT,
};

/** Codes of responses, as the wire has them (PCIe). */
enum uiommu_emu_code {
	UIOMMU_EMU_SUCCESS = 0x0,
	UIOMMU_EMU_INVALID = 0x1,
	UIOMMU_EMU_FAILURE = 0xf,
};

/** A device behind the unit. */
struct uiommu_emu_device_conf {
	uint32_t endpoint_id;   /**< requester id */
	uint32_t credits;       /**< outstanding page request allocation, requests; 0: 512 */
	uint32_t nb_pasids;     /**< PASIDs in use, 0 to UIOMMU_EMU_PASIDS_MAX */
	const uint32_t *pasids; /**< nb_pasids of them (copied); UINT32_MAX is "without PASID" */
	const uint32_t *spaces; /**< see struct uiommu_emu_data: of each PASID (copied); NULL: 0 */
	/** translations that the device's own cache holds, power of two up to 65536; 0: 256 */
	uint32_t atc_entries;
	/** software was not told: see bad_ratio; answers must be Invalid */
	bool unknown;
	/**
	 * Virtual function: it shares the page request interface of its physical function. Response
	 * Failure to one of the family stops them all: what they have outstanding is forgotten,
	 * nothing more is sent, answers that still come are ignored.
	 */
	bool is_vf;
	uint32_t pf_id;         /**< for a VF: requester id of its physical function */
	/** class for uiommu_emu_class_get(), 0 to UIOMMU_EMU_CLASSES - 1 */
	uint8_t latency_class;
	/** some of its good requests are for bad addresses: Invalid is a right answer as well */
	bool may_fail_invalid;
	/**
	 * no ATS and no page requests: an access to a page that is missing waits in the unit and is
	 * answered by software (stall). credits: accesses that may wait, at most 512; 0: 512
	 */
	bool stalls;
};

/**
 * Contents of pages. A page of version 0 is all zeroes; of another version, it holds 512 words of
 * 64 bits that uiommu_emu_data_word() tells. Spaces are told apart by
 * uiommu_emu_device_conf::spaces: address spaces with one number are one memory.
 */
struct uiommu_emu_data {
	uint32_t nb_spaces;
	/** nb_spaces x window_pages versions, zero at the start; written by the model, atomic */
	uint32_t *versions;
};

/** @return word @p index (0 to 511) of a page of a version other than 0 */
static inline uint64_t
uiommu_emu_data_word(uint32_t space, uint64_t page, uint32_t version, uint32_t index)
{
	uint64_t x = ((uint64_t)space << 40 | page) * UINT64_C(0x9e3779b97f4a7c15) +
		     ((uint64_t)version << 9 | index);

	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

/** Traffic of all devices of a unit. */
struct uiommu_emu_traffic {
	enum uiommu_emu_profile profile;
	enum uiommu_emu_judge judge;
	/** pages of a group, 1 to 256; where devices send single requests (kernel=mock): 1 */
	uint32_t group_pages_min;
	uint32_t group_pages_max;   /**< at least group_pages_min */
	double write_ratio;         /**< 0 to 1: share of requests that want write access */
	double bad_ratio;           /**< 0 to 1: share of bad requests, see below */
	/** ignore that the queue may be full: devices have credits for more than it holds */
	bool overflow;
	uint64_t rate;              /**< requests per second, all devices; 0: as fast as possible */
	uint64_t window_pages;      /**< pages of each address space that are used; 0: 65536 */
	/** first address of them, page aligned, below 2^56; 0: UIOMMU_EMU_WINDOW_IOVA */
	uint64_t window_iova;
	/**
	 * window_pages bytes, or NULL. The byte of each page of a group that software answered
	 * Success is set to 1 (groups that lost a member to an overflow or a table fault are left
	 * out), by the model's thread, relaxed atomic. All address spaces share them. Software
	 * that also answers Success for a retry is not told apart. With it, judge must be FULL, and
	 * the model is several times as slow.
	 */
	uint8_t *touched;
	/**
	 * walk the tables for each page of each group that is answered Success: "unmapped" counts
	 * those that cannot be translated with the access asked for. Not groups of a PASID that is
	 * not ATTACHED, or was not when they were sent
	 */
	bool verify;
	/**
	 * devices use addresses: each asks for a translation first (its device-TLB, then the unit),
	 * and sends a page request only where that does not allow the access; with Success it asks
	 * again, and what is not there then is "unmapped". Groups of one page, no overflow.
	 * SEQUENTIAL: one access of each PASID at a time; else as many as there are credits. What
	 * the profile chooses, and rate counts, are accesses. verdict: accesses, translations
	 */
	bool translate;
	/**
	 * pages leave again: with verify or translate, a page that is not there after Success is
	 * counted as "vanished", not as "unmapped"; with translate it is asked for again
	 */
	bool may_vanish;
	/**
	 * with translate: what the devices keep in their pages, or NULL. Each access reads the
	 * whole page by DMA and compares it; those that write then fill it anew. Besides, the
	 * devices use what their caches hold, some of it in each step
	 */
	const struct uiommu_emu_data *data;
	/** requests made before the queue's tail is published; 0: 64 */
	uint32_t burst;
	uint64_t seed;              /**< same seed, same requests */
};
/*
 * Bad requests are what a device or a broken unit can put into the queue. Kinds, in turn:
 * reserved bits set; unknown descriptor type; an endpoint that software does not know
 * (raw entry in the queue: a unit with tables would have answered itself); a
 * PASID without bond (likewise); privileged or execute request where not allowed; an
 * address that is not canonical; a request with no access bit; a stop marker;
 * a request without the last flag that is never followed by one. The judge knows for each
 * what the right answer is (Invalid once, or none). On SMMUv3 and RISC-V, whose entries have no
 * type, the second kind is like the first one; to both, and to privilege, Success is right as
 * well. Of stalls there are those of a PASID without bond, of privilege, and of a strange address,
 * which is for software to judge.
 */

/** Sum of what the judge has seen. */
struct uiommu_emu_verdict {
	uint64_t requests;       /**< requests put into the queue, bad ones included */
	uint64_t groups;         /**< of them, those with the last flag that must be answered */
	uint64_t responses;      /**< page group responses executed */
	uint64_t outstanding;    /**< groups waiting for an answer now */
	uint64_t lost;           /**< see above */
	uint64_t duplicated;     /**< see above */
	uint64_t wrong;          /**< see above */
	uint64_t unexpected;     /**< see above */
	uint64_t overdrawn;      /**< see above */
	uint64_t stale;          /**< see above */
	uint64_t protocol;       /**< see above */
	uint64_t bad_sent;       /**< bad requests put into the queue */
	/** of them, those to which Success is right as well: software need not count them */
	uint64_t bad_allowed;
	uint64_t stop_markers;   /**< stop markers put into the queue */
	uint64_t overflows;      /**< times the overflow flag was set */
	uint64_t auto_success;   /**< answers given by the unit itself: overflow */
	uint64_t auto_invalid;   /**< answers given by the unit itself: tables */
	uint64_t auto_failure;   /**< answers given by the unit itself: no queue to write to */
	uint64_t dropped;        /**< requests without the last flag lost to overflow or tables */
	uint64_t code_success;   /**< responses by code */
	uint64_t code_invalid;
	uint64_t code_failure;
	uint64_t code_other;     /**< reserved codes: also wrong */
	uint64_t faults_recorded; /**< fault recording registers written */
	/** invalidation descriptors executed, responses and waits apart */
	uint64_t invalidations;
	uint64_t waits;          /**< wait descriptors executed */
	uint64_t families_stopped; /**< page request interfaces stopped by Response Failure */
	uint64_t unmapped;       /**< see above */
	uint64_t corrupt;        /**< see above */
	uint64_t vanished;       /**< see uiommu_emu_traffic::may_vanish */
	uint64_t verified;       /**< pages walked after Success */
	uint64_t accesses;       /**< with translate: pages that devices wanted to use */
	uint64_t translations;   /**< translation requests of devices to the unit */
	uint64_t atc_hits;       /**< accesses that a device-TLB could translate */
	uint64_t iotlb_hits;     /**< translations out of the unit's IOTLB */
	uint64_t bytes_checked;  /**< with data: read and compared */
	uint64_t stalls;         /**< accesses that waited in the unit; part of groups */
	uint64_t stalls_retried; /**< of them, answered "retry" */
	uint64_t stalls_aborted; /**< answered "abort" */
	uint64_t stalls_terminated; /**< answered "terminate" (RAZ/WI) */
	uint64_t stalls_ended;   /**< ended without an answer to each: STALL_TERM, unit disabled */
	/** retried by the unit before they were answered; an answer must come all the same */
	uint64_t early_retries;
	uint64_t reports;        /**< faults without an answer that were put into the queue */
	uint64_t reports_lost;   /**< those for which there was no room */
	uint64_t report_overflows; /**< times the overflow flag of their queue was set */
	/**
	 * requests that software cannot read: kept by the unit until the last one of their group
	 * comes, or forgotten; or of groups that the unit has answered itself before they were read
	 */
	uint64_t unread;
	char first[128];         /**< the first violation in words; empty: none */
};

/** What kind of answer a response is. */
enum uiommu_emu_answer {
	UIOMMU_EMU_ANSWER_GROUP = 0, /**< to a page request group: enum uiommu_emu_code says what */
	/* to a stalled access; the code is Success for retry and Invalid for the others: */
	UIOMMU_EMU_ANSWER_RETRY,
	UIOMMU_EMU_ANSWER_ABORT,
	UIOMMU_EMU_ANSWER_TERMINATE, /**< reads as zero, or is ignored (RAZ/WI) */
};

/** One response as the device saw it. */
struct uiommu_emu_response {
	uint32_t endpoint_id;
	uint32_t pasid;       /**< UINT32_MAX: without */
	uint16_t prg_index;   /**< or tag of a stall */
	uint16_t code;        /**< as on the wire */
	bool by_unit;         /**< given by the unit itself, not by software */
	uint8_t answer;       /**< enum uiommu_emu_answer */
};

/** One page request made by hand. */
struct uiommu_emu_request {
	uint32_t endpoint_id;
	uint32_t pasid;       /**< UINT32_MAX: without */
	uint64_t iova;        /**< bytes */
	uint16_t prg_index;
	bool read, write, last, exec, priv;
};

/** What became of a request made by hand. */
enum uiommu_emu_outcome {
	UIOMMU_EMU_QUEUED = 0,   /**< in the hardware queue */
	UIOMMU_EMU_AUTO_SUCCESS, /**< last flag, queue full: the unit has answered */
	UIOMMU_EMU_AUTO_INVALID, /**< last flag, table fault: the unit has answered */
	UIOMMU_EMU_DROPPED,      /**< without the last flag, not queued; or a stop marker */
	/** the device may not send now, or never again (stopped), or there is no such device */
	UIOMMU_EMU_NO_CREDIT,
	/** no queue: the unit has answered (SMMUv3 any request, RISC-V the last of a group) */
	UIOMMU_EMU_AUTO_FAILURE,
};

/** Where an access is that may wait in the unit. */
enum uiommu_emu_access_state {
	UIOMMU_EMU_ACCESS_DONE = 0, /**< the page was there, at once or in the end */
	UIOMMU_EMU_ACCESS_STALLED,  /**< waits for its answer; its event is in the queue */
	UIOMMU_EMU_ACCESS_UNSEEN,   /**< waits; there is no room for its event yet */
	/** ended with an abort: by software's answer, or at once with a report (or without) */
	UIOMMU_EMU_ACCESS_ABORTED,
	UIOMMU_EMU_ACCESS_IGNORED,  /**< ended as RAZ/WI */
	/** no such device, not one that stalls, or too many wait already; nothing was done */
	UIOMMU_EMU_ACCESS_NO_CREDIT,
};

/** An access made by hand. */
struct uiommu_emu_stalled {
	uint32_t state;       /**< enum uiommu_emu_access_state */
	uint16_t tag;         /**< of the event that was written last, while STALLED */
	uint16_t events;      /**< events written for it so far: 1 and one for each vain retry */
	uint32_t handle;      /**< for uiommu_emu_stall_get() */
};

/** Ways in which the hardware can be made to misbehave. */
enum uiommu_emu_fault {
	UIOMMU_EMU_FAULT_NONE = 0,
	UIOMMU_EMU_FAULT_DEAD_COMMANDS,  /**< register commands are never acknowledged */
	UIOMMU_EMU_FAULT_DEAD_QUEUE,     /**< the invalidation/command queue is never fetched */
	UIOMMU_EMU_FAULT_LOST_WAIT,      /**< wait descriptors never write their status */
	/** device-TLB invalidations time out (VT-d: ITE, waits aborted), count times */
	UIOMMU_EMU_FAULT_DEVICE_TIMEOUT,
	/** a completion error is flagged (VT-d: ICE), count times */
	UIOMMU_EMU_FAULT_BAD_COMPLETION,
	/** the next descriptors are refused as if malformed (VT-d: IQE), count times */
	UIOMMU_EMU_FAULT_BAD_DESCRIPTOR,
	/** the tail register shows bits outside of its field, count times */
	UIOMMU_EMU_FAULT_WILD_INDEX,
	/* SMMUv3 and RISC-V only: */
	/** likewise that of the event queue (RISC-V: fault queue), count times */
	UIOMMU_EMU_FAULT_WILD_EVENT_INDEX,
	UIOMMU_EMU_FAULT_COMMAND_ABORT,  /**< commands cannot be read (CERROR_ABT), count times */
	UIOMMU_EMU_FAULT_REQUEST_ABORT,  /**< page requests cannot be written (PRIQ_ABT_ERR) */
	UIOMMU_EMU_FAULT_EVENT_ABORT,    /**< events cannot be written (EVENTQ_ABT_ERR) */
	UIOMMU_EMU_FAULT_MSI_ABORT,      /**< MSI writes of CMD_SYNC fail (MSI_CMDQ_ABT_ERR) */
	UIOMMU_EMU_FAULT_SERVICE_FAILURE, /**< the unit gives up (SFM_ERR), at its next step */
	/** reports find no room, whatever there is (event queue overflow), count times */
	UIOMMU_EMU_FAULT_EVENT_OVERFLOW,
	/* iommufd only, system calls that fail, count times: */
	UIOMMU_EMU_FAULT_READ_NO_MEMORY, /**< read of a fault queue: -ENOMEM */
	UIOMMU_EMU_FAULT_INTERRUPTED,    /**< read or write of a fault queue: -EINTR */
	UIOMMU_EMU_FAULT_FILE_DEAD,      /**< read or write of a fault queue: -EIO */
	UIOMMU_EMU_FAULT_SHORT_WRITE,    /**< only the first of several answers is taken */
	UIOMMU_EMU_FAULT_MAP_NO_MEMORY,  /**< IOAS_MAP: -ENOMEM */
	UIOMMU_EMU_FAULT_MAP_BAD_ADDRESS, /**< IOAS_MAP: -EFAULT */
	UIOMMU_EMU_FAULT_UNMAP,          /**< IOAS_UNMAP: -EBUSY */
	UIOMMU_EMU_FAULT_ATTACH,         /**< ATTACH of a device or PASID: -ENOMEM */
	UIOMMU_EMU_FAULT_TABLE,          /**< HWPT_ALLOC: -ENOMEM */
	UIOMMU_EMU_FAULT_OPEN,           /**< opening a device: -EBUSY */
};
/*
 * The common ones, on SMMUv3. DEAD_COMMANDS: CR0ACK, IRQ_CTRLACK and GBPA.Update never follow.
 * DEAD_QUEUE: no command is fetched. LOST_WAIT: CMD_SYNC does not complete, CMDQ_CONS stays at it;
 * count: in so many steps. DEVICE_TIMEOUT: CERROR_ATC_INV_SYNC at the CMD_SYNC.
 * BAD_DESCRIPTOR: CERROR_ILL. BAD_COMPLETION: nothing.
 *
 * On RISC-V. DEAD_COMMANDS: busy of csrs and ddtp stays. DEAD_QUEUE: no command is fetched.
 * LOST_WAIT: IOFENCE.C does not complete, cqh stays at it; count: in so many steps. DEVICE_TIMEOUT:
 * cmd_to at the IOFENCE.C. BAD_DESCRIPTOR: cmd_ill. COMMAND_ABORT: cqmf; MSI_ABORT: likewise, of
 * what IOFENCE.C writes. REQUEST_ABORT: pqmf. EVENT_ABORT: fqmf. EVENT_OVERFLOW: fqof.
 * BAD_COMPLETION, SERVICE_FAILURE: nothing.
 *
 * On iommufd, none of those from above.
 */

/**
 * @param name name of a unit probed with platform=emu ("vtd0")
 * @return its model; NULL: none of this name
 */
struct uiommu_emu *
uiommu_emu_find(const char *name);

/**
 * Plug in a device. Before traffic runs.
 *
 * @return 0; -EINVAL: out of range; -EEXIST; -ENOMEM; -ENOTSUP: this unit has no stalls
 */
int
uiommu_emu_device_add(struct uiommu_emu *emu, const struct uiommu_emu_device_conf *conf);

/** Unplug a device; its outstanding requests are forgotten. @return 0; -ENOENT */
int
uiommu_emu_device_remove(struct uiommu_emu *emu, uint32_t endpoint_id);

/**
 * Set what the devices do. All templates are made here, so the model must not be running.
 *
 * @return 0; -EINVAL: a member out of range; -ENOMEM
 */
int
uiommu_emu_traffic_set(struct uiommu_emu *emu, const struct uiommu_emu_traffic *traffic);

/** Let the devices send (or stop sending); any thread. They start at rest. */
void
uiommu_emu_traffic_run(struct uiommu_emu *emu, bool run);

/**
 * Have a device stop using one PASID (or start again), as a device driver does before a detach.
 * Any thread, while the model runs; takes effect at the model's next step. Without this
 * call the device goes on sending, which is allowed: the unit answers for it.
 *
 * @return 0; -ENOENT: no such device or PASID
 */
int
uiommu_emu_pasid_quiesce(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
			 bool quiesce);

/** What the judge is to think of one PASID of one device. */
enum uiommu_emu_pasid_state {
	UIOMMU_EMU_ATTACHED = 0, /**< in force: answers must be Success. State at the start */
	/** being detached or attached: Success and Invalid are both right */
	UIOMMU_EMU_CHANGING,
	/**
	 * detach has returned: a response by software is "unexpected", an accepted request is
	 * "stale". A unit that does not look at the PASID of a page request (SMMUv3, RISC-V) queues
	 * it all the same: what was sent since CHANGING must be answered Invalid, Success is
	 * "wrong"
	 */
	UIOMMU_EMU_DETACHED,
};

/**
 * Tell the judge of a bond. Any thread, while the model runs; takes effect at the
 * model's next step. The order for a detach and attach during a storm:
 *
 *   uiommu_emu_pasid_state(..., UIOMMU_EMU_CHANGING);
 *   uiommu_detach();
 *   uiommu_emu_pasid_state(..., UIOMMU_EMU_DETACHED);
 *   (the device goes on asking; the unit answers Invalid by itself)
 *   uiommu_emu_pasid_state(..., UIOMMU_EMU_CHANGING);
 *   uiommu_attach();
 *   uiommu_emu_pasid_state(..., UIOMMU_EMU_ATTACHED);
 *
 * A request that was made while its PASID was CHANGING may be answered either way, even when its
 * answer comes after the state has changed to ATTACHED.
 *
 * @return 0; -ENOENT: no such device or PASID; -EINVAL: state out of range
 */
int
uiommu_emu_pasid_state(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
		       enum uiommu_emu_pasid_state state);

/**
 * One turn of the model: register commands, invalidation queue, judge, devices.
 *
 * @return page requests made (or accesses, if more) plus responses judged in this turn; 0: idle
 */
unsigned int
uiommu_emu_step(struct uiommu_emu *emu);

/**
 * Fill the page-request queue as far as it and the credits allow, without looking at responses
 * (--preload). The model must be running nowhere else.
 *
 * @return requests put into the queue
 */
unsigned int
uiommu_emu_preload(struct uiommu_emu *emu);

/**
 * Execute what is in the invalidation queue and judge it; no new requests.
 *
 * @return responses judged
 */
unsigned int
uiommu_emu_drain(struct uiommu_emu *emu);

/**
 * One request from a device, through the unit's tables and queue rules. Published at once.
 * The caller keeps the indices: a group may be sent in several calls (same endpoint, PASID and
 * index), and two PASIDs may use one index at a time. The judge expects one answer
 * for each group, of any code that the wire knows. Better not on devices that have traffic.
 */
enum uiommu_emu_outcome
uiommu_emu_request(struct uiommu_emu *emu, const struct uiommu_emu_request *req);

/**
 * A raw entry into the page-request queue, as a broken unit might write it. The judge does not
 * expect an answer, but takes one, of any code, where the entry has the last flag; read
 * what came with uiommu_emu_response_next().
 *
 * @param entry bytes of one entry
 * @param size size of an entry of this unit (VT-d: 32; iommufd: 40, a struct iommu_hwpt_pgfault
 *   with an endpoint id for dev_id; SMMUv3 and RISC-V: 16 for the page
 *   request queue, 32 for the other one; SMMUv3: where a stalled one may be answered once as well)
 * @return 0; -ENOSPC: queue full; -EINVAL: wrong size
 */
int
uiommu_emu_request_raw(struct uiommu_emu *emu, const void *entry, size_t size);

/**
 * One access of a device that stalls. Where a page is missing it waits, and software gets an event
 * (state STALLED); told to retry, it tries again, which may end with another event. The
 * judge takes any one answer to each event. Better not on devices that have traffic. Of the
 * request, prg_index and last do not count.
 *
 * @param out what became of it, so far
 * @return 0; -ENOTSUP: this unit has no stalls; -ENOMEM: no more handles (4096 accesses are kept)
 */
int
uiommu_emu_stall(struct uiommu_emu *emu, const struct uiommu_emu_request *req,
		 struct uiommu_emu_stalled *out);

/** What became of an access by now. @return 0; -ENOENT: no such handle */
int
uiommu_emu_stall_get(struct uiommu_emu *emu, uint32_t handle, struct uiommu_emu_stalled *out);

/**
 * The unit tries accesses that wait again before they are answered, as it may (SMMUv3: 3.12.2):
 * what goes through is done, and its answer, which must come all the same, does nothing.
 *
 * @return accesses that went through
 */
unsigned int
uiommu_emu_retry_early(struct uiommu_emu *emu);

/**
 * Responses in order; the last 4096 are kept. Only where uiommu_emu_log(emu, true) was called.
 *
 * @return true: one was taken out
 */
bool
uiommu_emu_response_next(struct uiommu_emu *emu, struct uiommu_emu_response *resp);

/** Keep responses for uiommu_emu_response_next(); off by default. */
void
uiommu_emu_log(struct uiommu_emu *emu, bool on);

/** Make the hardware misbehave: @p count times, 0 for until cleared with FAULT_NONE. */
void
uiommu_emu_fault_set(struct uiommu_emu *emu, enum uiommu_emu_fault fault, unsigned int count);

/**
 * Have a device ask for a translation (ATS), out of its own cache or the unit's, or by a walk; what
 * comes is kept in those caches.
 *
 * @param pa set to where it leads; NULL: not wanted
 * @return true: translated with the access wanted; false: not. A page that is missing is not
 *   recorded as a fault; what is wrong on the way to it is
 */
bool
uiommu_emu_translate(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
		     bool write, uint64_t *pa);

/**
 * DMA of a device with ATS: translated as by uiommu_emu_translate(), then bytes are moved. Within
 * one page.
 *
 * @param buf size bytes, written to memory or read from it
 * @return as uiommu_emu_translate(); also false where the memory is not known to the model
 */
bool
uiommu_emu_access(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
		  bool write, void *buf, size_t size);

/**
 * Compare everything that the unit and the devices have cached with the tables: root, context and
 * PASID entries, paging structures, translations in IOTLB and device-TLBs. For when software
 * is at rest and has had everything invalidated: what differs is "stale". A cached entry that
 * gives less than the tables is no fault (it was added since), unless the unit caches absence.
 *
 * @return entries that differ
 */
unsigned int
uiommu_emu_audit(struct uiommu_emu *emu);

/**
 * Software gives memory another purpose, and has had all translations to it invalidated: a cached
 * one that leads there is "stale". Any thread, while the model runs.
 *
 * @param pa start
 * @param size in bytes
 * @return cached translations that lead there
 */
unsigned int
uiommu_emu_retire(struct uiommu_emu *emu, uint64_t pa, size_t size);

/**
 * As uiommu_emu_request(), but the message is on its way between device and unit: it arrives
 * with uiommu_emu_arrive(), or when it is pushed: a device-TLB invalidation that the device
 * confirms has it leave the link, a wait with page-request drain (VT-d: PD) has what left the link
 * put into the queue. What becomes of it is known then; one that arrives after its bond was
 * detached (uiommu_emu_pasid_state(): DETACHED since it was sent) and is queued is "stale".
 *
 * @return false: no room for more
 */
bool
uiommu_emu_request_late(struct uiommu_emu *emu, const struct uiommu_emu_request *req);

/** Everything that is on its way arrives. */
void
uiommu_emu_arrive(struct uiommu_emu *emu);

/**
 * DMA without ATS from a device, to see what the tables say; through the unit's IOTLB. It never
 * waits: where it would be stalled, nothing happens (see uiommu_emu_stall()).
 *
 * @return true: translated; false: blocked, and a fault was recorded (where faults are to be)
 */
bool
uiommu_emu_dma(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
	       bool write);

/**
 * Tell the model of memory that tables may lie in besides what the platform gave out, such as
 * page tables that the caller keeps. Until the unit is closed.
 *
 * @param va start, 4 KiB aligned; its physical address is the same number
 * @param size in bytes, multiple of 4096
 * @return 0; -EINVAL: not aligned; -ENOMEM
 */
int
uiommu_emu_memory_add(struct uiommu_emu *emu, void *va, size_t size);

/**
 * What the judge has seen so far. Any thread; exact when the model is at rest.
 *
 * @param final nothing more will come: what is outstanding is lost
 */
void
uiommu_emu_verdict(struct uiommu_emu *emu, bool final, struct uiommu_emu_verdict *verdict);

/** @return whether nothing is wrong in a verdict */
bool
uiommu_emu_verdict_clean(const struct uiommu_emu_verdict *verdict);

/**
 * Time from a request's write into the queue to its response, in cycles of the
 * time-stamp counter, as counts by uiommu_latency_bucket(). The model reads the clock once
 * a burst.
 *
 * @param counts UIOMMU_LATENCY_BUCKETS counts, filled
 */
void
uiommu_emu_latency_get(struct uiommu_emu *emu, uint64_t *counts);

/** What was measured of one class of devices. */
struct uiommu_emu_class {
	uint64_t requests;  /**< requests put into the queue */
	uint64_t responses; /**< groups answered: sum of counts */
	/** as of uiommu_emu_latency_get(), which is the sum over all classes */
	uint64_t counts[UIOMMU_LATENCY_BUCKETS];
};

/**
 * What was measured of one class. Any thread; exact when the model is at rest.
 *
 * @param index class, below UIOMMU_EMU_CLASSES
 */
void
uiommu_emu_class_get(struct uiommu_emu *emu, unsigned int index, struct uiommu_emu_class *out);

/** Forget latencies and zero the counters; requests outstanding stay so. */
void
uiommu_emu_reset_counters(struct uiommu_emu *emu);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_EMU_H */
