/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_UNITS_H
#define HIL_UNITS_H

/**
 * @file
 * The units that the scenes of a program run on: those of QEMU, each version apart, and ours. Each
 * program has a table of its own; the harness walks it.
 */

#include <stddef.h>

#include "harness_unit.h"
#include "hil_machine.h"

/** The queue of commands of a unit, as the manual has it. */
struct hil_commands {
	uint32_t base;         /**< register that says where it is */
	uint32_t doorbell;     /**< register that software moves on */
	uint32_t ack;          /**< register that has the unit go on after an error */
	unsigned int shift;    /**< of an index in the doorbell */
	size_t size;           /**< of a command, in bytes */
	const char *refused;   /**< the driver's counter of commands that were refused */
	/** what is written to ack so that a unit can be turned off; 0: it can be in any case */
	uint64_t revive;
};

/** The queue of page requests of a unit, as the manual has it. */
struct hil_requests {
	uint32_t base;         /**< register that says where it is */
	uint32_t producer;     /**< register that the unit moves on */
	bool is_writable;      /**< so that it can be moved on for it; else reads are answered */
	unsigned int shift;    /**< of an index in it */
	uint32_t index_mask;   /**< indices of a queue of 128, with the bit that tells laps apart */
	size_t size;           /**< of a request, in bytes */
	uint32_t pasid;        /**< that most requests have, or UIOMMU_NO_PASID */
	/** Registers whose bits are shown although the unit does not have them. */
	struct {
		uint32_t offset;
		uint32_t bits;
	} shown[2];
	uint64_t capa;         /**< UIOMMU_CAPA_* that come of that */
	uint64_t reserved[2];  /**< bits of a response's words that the unit wants to be 0 */
	const char *given_up;  /**< the driver's counter of responses that it does without */
	bool needs_pasid;      /**< responses without PASID are refused */
	void (*encode)(uint64_t *entry, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
		       uint16_t group, bool last);
};

/** Address of a queue, out of the register that says where it is. */
uint64_t
hil_queue_pa(uint64_t base);

/** A unit. Of its harness_unit count: name, driver, devargs (without platform=), capa. */
struct hil_unit {
	struct harness_unit unit;
	const struct hil_model *model; /**< of QEMU's; NULL: emulated by drivers/emu */
	unsigned int version_min;      /**< of QEMU, major */
	unsigned int version_max;
	/** bits of an address that the unit's reports do not have */
	uint64_t iova_lost;
	const struct hil_commands *commands;
	const struct hil_requests *requests; /**< NULL: there is no way to make some */
	/** of an address in the register of a queue: bits that it is shifted down */
	unsigned int base_shift;
	const char *const *directories; /**< devargs for each shape of them; NULL at the end */
	unsigned int levels;   /**< bits: page tables that the unit takes have so many */
	/** counter that tells that reports found no room */
	const char *lost;
	/** reports in a row that a case makes; 0: more than two laps of a queue of 128 */
	uint32_t reports;
	bool lost_is_error;    /**< and each time is an error of the unit */
	/** tables are second-stage ones: what is absent in them is a right that is missing */
	bool second_stage;
	bool faults_are_one;   /**< a missing right is reported as a missing page is */
	bool gone_are_empty;   /**< one that has gone is an endpoint without PASIDs, or a RID */
	bool found_blocking;   /**< as it was found, the unit lets nothing pass */
	/*
	 * Where QEMU is not as the manual has it; see README.md.
	 */
	bool beyond_is_silent; /**< accesses with more bits than tables have are never reported */
	bool cannot_block;     /**< a unit that is off lets everything pass */
	bool names_rid_pasid;  /**< reports of requests without PASID may have PASID 0 */
	bool reads_are_writes; /**< reads are reported as writes */
	bool rights_are_silent; /**< rights that a cached translation lacks are not reported */
	bool uses_absent_entry; /**< after a detach translations go on */
	/** an endpoint that has passed through does so until its device entry is invalidated */
	bool identity_sticks;
	/** of the debug interface: the page number stands at bit 0, less its lower 10 bits */
	bool debug_is_shifted;
	bool debug_is_leaf;    /**< likewise: where a large leaf begins, as if it were small */
};

extern const struct hil_unit hil_units[];
extern const size_t hil_nb_units;

/** The unit that the running case is for. */
const struct hil_unit *
hil_unit(void);

#endif /* HIL_UNITS_H */
