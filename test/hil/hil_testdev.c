/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include "hil_pci.h"
#include "hil_testdev.h"

#define TESTDEV_ID UINT32_C(0x00051b36)
#define REG_TRIGGER 0x00
#define REG_IOVA 0x04
#define REG_LENGTH 0x0c
#define REG_RESULT 0x10
#define REG_ARM 0x14
#define REG_ATTRIBUTES 0x18
#define REG_PA 0x1c
/** Non-secure, and the space is given. */
#define ATTRIBUTES_PLAIN (1 << 1 | 1 << 3)

int
hil_testdev_open(struct hil_testdev *testdev, struct hil_machine *machine, uint8_t devfn)
{
	*testdev = (struct hil_testdev){.machine = machine};
	testdev->bar = hil_pci_enable(machine, devfn, TESTDEV_ID);
	return testdev->bar != 0 ? 0 : -ENODEV;
}

static void
set(struct hil_testdev *testdev, uint32_t reg, uint32_t value)
{
	hil_write(testdev->machine, testdev->bar + reg, 4, value);
}

uint32_t
hil_testdev_write(struct hil_testdev *testdev, uint64_t iova, uint64_t pa, uint32_t len)
{
	set(testdev, REG_IOVA, (uint32_t)iova);
	set(testdev, REG_IOVA + 4, (uint32_t)(iova >> 32));
	set(testdev, REG_PA, (uint32_t)pa);
	set(testdev, REG_PA + 4, (uint32_t)(pa >> 32));
	set(testdev, REG_LENGTH, len);
	set(testdev, REG_ATTRIBUTES, ATTRIBUTES_PLAIN);
	set(testdev, REG_ARM, 1);
	(void)hil_read(testdev->machine, testdev->bar + REG_TRIGGER, 4);
	return (uint32_t)hil_read(testdev->machine, testdev->bar + REG_RESULT, 4);
}
