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
	/*
	 * Where QEMU is not as the manual has it; see README.md.
	 */
	bool beyond_is_silent; /**< accesses with more bits than tables have are never reported */
	bool cannot_block;     /**< a unit that is off lets everything pass */
};

extern const struct hil_unit hil_units[];
extern const size_t hil_nb_units;

/** The unit that the running case is for. */
const struct hil_unit *
hil_unit(void);

#endif /* HIL_UNITS_H */
