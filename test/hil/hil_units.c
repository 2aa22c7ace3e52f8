/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* In place of the harness' own table of units. */

#include <string.h>

#include "hil_units.h"

/** Address bits of a queue's register; of the others some say how large it is. */
#define QUEUE_PA_MASK UINT64_C(0x000ffffffffff000)

static size_t chosen;

uint64_t
hil_queue_pa(uint64_t base)
{
	return base << hil_unit()->base_shift & QUEUE_PA_MASK;
}

const struct hil_unit *
hil_unit(void)
{
	return &hil_units[chosen];
}

const struct harness_unit *
harness_unit(void)
{
	return &hil_units[chosen].unit;
}

size_t
harness_unit_count(void)
{
	return hil_nb_units;
}

void
harness_unit_choose(size_t index)
{
	chosen = index;
}

bool
harness_unit_find(const char *name, size_t *index)
{
	size_t i;

	for (i = 0; i < hil_nb_units; i++) {
		if (strcmp(hil_units[i].unit.name, name) != 0)
			continue;
		*index = i;
		return true;
	}
	return false;
}
