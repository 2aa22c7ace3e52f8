/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <time.h>

#include "hil_edu.h"
#include "hil_pci.h"

#define EDU_ID UINT32_C(0x11e81234)
#define REG_SOURCE 0x80
#define REG_DESTINATION 0x88
#define REG_COUNT 0x90
#define REG_COMMAND 0x98
#define COMMAND_RUN 1
#define COMMAND_OUT 2
/** The device's buffer, in its own addresses. */
#define BUFFER 0x40000
/** After so much virtual time a transfer is made. */
#define DELAY_NS UINT64_C(100000000)
/** Looks at a transfer under way. */
#define PATIENCE 200000

int
hil_edu_open(struct hil_edu *edu, struct hil_machine *machine, uint8_t devfn)
{
	*edu = (struct hil_edu){.machine = machine, .devfn = devfn};
	edu->bar = hil_pci_enable(machine, devfn, EDU_ID);
	return edu->bar != 0 ? 0 : -ENODEV;
}

static bool
transfer(struct hil_edu *edu, uint64_t from, uint64_t to, uint32_t len, uint32_t command)
{
	struct hil_machine *machine = edu->machine;
	unsigned int i;

	hil_write(machine, edu->bar + REG_SOURCE, 8, from);
	hil_write(machine, edu->bar + REG_DESTINATION, 8, to);
	hil_write(machine, edu->bar + REG_COUNT, 8, len);
	hil_write(machine, edu->bar + REG_COMMAND, 8, command | COMMAND_RUN);
	if (machine->own_time)
		hil_qtest_clock_step(&machine->link, DELAY_NS);
	for (i = 0; i < PATIENCE; i++) {
		if ((hil_read(machine, edu->bar + REG_COMMAND, 8) & COMMAND_RUN) == 0)
			return true;
		if (hil_qtest_broken(&machine->link) != NULL)
			return false;
	}
	return false;
}

bool
hil_edu_load(struct hil_edu *edu, uint64_t iova, uint32_t len)
{
	return transfer(edu, iova, BUFFER, len, 0);
}

bool
hil_edu_store(struct hil_edu *edu, uint64_t iova, uint32_t len)
{
	return transfer(edu, BUFFER, iova, len, COMMAND_OUT);
}
