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

/** A unit. Of its harness_unit count: name, driver, devargs (without platform=), capa. */
struct hil_unit {
	struct harness_unit unit;
	const struct hil_model *model; /**< of QEMU's; NULL: emulated by drivers/emu */
	unsigned int version_min;      /**< of QEMU, major */
	unsigned int version_max;
	/** bits of an address that the unit's reports do not have */
	uint64_t iova_lost;
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
	bool keeps_rights;     /**< a cached translation goes on without a right that came since */
	bool uses_absent_entry; /**< after a detach translations go on */
	/** an endpoint that has passed through does so until its device entry is invalidated */
	bool identity_sticks;
};

extern const struct hil_unit hil_units[];
extern const size_t hil_nb_units;

/** The unit that the running case is for. */
const struct hil_unit *
hil_unit(void);

#endif /* HIL_UNITS_H */
