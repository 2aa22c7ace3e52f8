/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HARNESS_UNIT_H
#define HARNESS_UNIT_H

/**
 * @file
 * The units that cases run on, and what of a vendor's format cases need: entries of the
 * request queue, put together by hand from the vendor's manual and not with the driver's header.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Largest entry of a request queue, in 64-bit words. */
#define HARNESS_ENTRY_WORDS 5

/** Ways to spoil an entry. */
struct harness_spoil {
	const char *what;
	uint64_t clear[HARNESS_ENTRY_WORDS]; /**< bits to clear first */
	uint64_t set[HARNESS_ENTRY_WORDS];   /**< bits to set then */
	bool answered; /**< INVALID, where it is the last of its group; else no answer at all */
};

struct uiommu_emu_request;

/** The driver's own counters of what the model can be made to do; NULL: the unit has no such. */
struct harness_counters {
	const char *device_timeout; /**< devices confirmed late: UIOMMU_EMU_FAULT_DEVICE_TIMEOUT */
	const char *bad_completion; /**< stray confirmations: ..._BAD_COMPLETION */
	const char *bad_command;    /**< commands that were refused: ..._BAD_DESCRIPTOR */
	const char *given_up;       /**< responses among them that were refused too often */
	const char *wild_index;     /**< impossible indices: ..._WILD_INDEX */
	const char *command_abort;  /**< commands that could not be read: ..._COMMAND_ABORT */
	const char *message_abort;  /**< completions that could not be written: ..._MSI_ABORT */
	const char *storms;         /**< storms of stalls: see storm= of the driver */
	const char *terminated;     /**< stalls that they have cost: ended by the driver */
	const char *not_allowed;    /**< stalls of endpoints that may not: ended likewise */
	/* answers of the engine that did not get to the unit, which had answered by itself: */
	const char *dead_answers;    /**< kept back by the driver */
	const char *refused_answers; /**< that the unit would not have */
};

/** A unit that cases run on. */
struct harness_unit {
	const char *name;       /**< in the output: driver/platform */
	const char *driver;     /**< name of the driver, which its own counters begin with */
	const char *devargs;    /**< without the keys that the harness adds */
	bool is_variant;        /**< unlike its driver's first one, which sees most traffic */
	uint64_t capa;          /**< what it has; compared when it is opened */
	uint64_t lacks;         /**< HARNESS_NEEDS_* that it cannot give */
	uint32_t entries_min;   /**< of the request queue */
	uint32_t entries_max;
	uint32_t entries_default;
	uint32_t queue_full;    /**< entries that a queue of n cannot hold: n - this are usable */
	size_t entry_size;      /**< in bytes */
	uint32_t reserved_pasid; /**< PASID that cannot be attached; UIOMMU_NO_PASID: none */
	/** argument for as small a command queue as there can be, beginning with a comma */
	const char *small_commands;
	/** the same for the queue of stalls and reports, where they have one of their own */
	const char *small_events;
	uint32_t events_min;     /**< entries of that */
	/** the same for endpoint ids of more than 16 bits; NULL: the unit has none */
	const char *wide_ids;
	const struct harness_spoil *spoils;
	size_t nb_spoils;
	const struct harness_spoil *refused; /**< one of them that is answered */
	/** the unit says when it cannot reach its queues in memory, or can do nothing any more */
	bool has_memory_errors;
	bool has_messages;       /**< completions of commands are written to memory */
	/** a page can take another's place in a table in one step: COW regions */
	bool can_exchange;
	/**
	 * requests of endpoints whose page requests are off are answered by the unit, without their
	 * PASID; that of others is not looked at
	 */
	bool refuses_endpoints;
	bool small_tables;       /**< of an endpoint: pages, of those that are kept ready */
	/** addresses begin at 0: there is no second half from their negative on */
	bool one_table;
	/** requests for a BLOCKED domain are queued as others are */
	bool queues_blocked;
	/** its devices send groups of one request only: cases with others are skipped */
	bool lone_requests;
	/** it needs a kernel that most machines have not: without, all cases are skipped */
	bool needs_kernel;
	bool merges_faults;      /**< reports tell no page that is missing from a right that is */
	bool reorders;           /**< commands, and so answers, are carried out in any order */
	/** a last request without access, without PASID, is one like others: INVALID */
	bool answers_no_access;
	/** it is a stop marker, as one with PASID is; neither: nothing that could be answered */
	bool bare_markers;
	struct harness_counters counters;
	/** bits of an address above address_bits that choose between two tables */
	unsigned int sign_bits;
	/** Entry of a request. NULL: none can be put past the unit's own checks. */
	void (*encode)(const struct uiommu_emu_request *req, uint64_t *entry);
	/** Entry of an access that waits, of stall_size bytes; prg_index is its tag. */
	void (*encode_stall)(const struct uiommu_emu_request *req, uint64_t *entry);
	size_t stall_size;
	/**
	 * A guest's first-stage table of the unit's usual levels, with one page that may be
	 * read and written. va: 8 pages of 4 KiB for it; at: where they are for the guest; iova
	 * leads to target, in the guest's memory.
	 */
	void (*guest_table)(void *va, uint64_t at, uint64_t iova, uint64_t target);
};

/** The unit that the running case is for. */
const struct harness_unit *
harness_unit(void);

/** @return whether the unit lacks something, HARNESS_NEEDS_* */
static inline bool
harness_lacks(uint64_t needs)
{
	return (harness_unit()->lacks & needs) != 0;
}

size_t
harness_unit_count(void);

void
harness_unit_choose(size_t index);

/** @return whether there is one of the name */
bool
harness_unit_find(const char *name, size_t *index);

#endif /* HARNESS_UNIT_H */
