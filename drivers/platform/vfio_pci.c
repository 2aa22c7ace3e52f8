/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Configuration space of a PCI function, by way of VFIO. Offsets and bits are those of the PCI
 * Local Bus Specification 3.0, 6.1 and 6.2.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <rte_byteorder.h>

#include "vfio_pvt.h"

#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY (1U << 1)
#define PCI_COMMAND_MASTER (1U << 2)
#define PCI_BAR 0x10
#define PCI_BAR_IO (1U << 0)

static int
config_read(const struct vfio_unit *unit, uint64_t at, void *value, size_t size)
{
	const ssize_t got = pread(unit->fd, value, size, (off_t)(unit->config_offset + at));

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}

static int
config_write(const struct vfio_unit *unit, uint64_t at, const void *value, size_t size)
{
	const ssize_t done = pwrite(unit->fd, value, size, (off_t)(unit->config_offset + at));

	if (done < 0)
		return -errno;
	return (size_t)done == size ? 0 : -EIO;
}

static int
command_read(const struct vfio_unit *unit, uint16_t *command)
{
	uint16_t le;
	int ret = config_read(unit, PCI_COMMAND, &le, sizeof(le));

	if (ret == 0)
		*command = rte_le_to_cpu_16(le);
	return ret;
}

static int
command_write(const struct vfio_unit *unit, uint16_t command)
{
	const uint16_t le = rte_cpu_to_le_16(command);

	return config_write(unit, PCI_COMMAND, &le, sizeof(le));
}

/* Written, and seen to have taken effect. */
static int
command_set(struct vfio_unit *unit, uint16_t bits)
{
	uint16_t now;
	int ret = command_write(unit, unit->command | bits);

	unit->command_changed = ret == 0;
	if (ret == 0)
		ret = command_read(unit, &now);
	if (ret == 0 && (now & bits) != bits)
		ret = -EIO;
	return ret;
}

int
vfio_pci_enable(struct uiommu_platform *plat, struct vfio_unit *unit)
{
	const uint16_t bits = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	uint32_t bar = 0;
	int ret;

	ret = vfio_region_offset(unit->fd, VFIO_PCI_CONFIG_REGION_INDEX, &unit->config_offset);
	if (ret == 0)
		ret = config_read(unit, PCI_BAR + 4 * unit->region, &bar, sizeof(bar));
	if (ret == 0)
		ret = command_read(unit, &unit->command);
	if (ret != 0) {
		PLATFORM_LOG(ERR, plat, "configuration space of %s cannot be read: %s",
			     unit->place.device, strerror(-ret));
		return ret;
	}
	if ((rte_le_to_cpu_32(bar) & PCI_BAR_IO) != 0) {
		PLATFORM_LOG(ERR, plat, "BAR %u of %s is I/O ports, not memory: another bar=",
			     unit->region, unit->place.device);
		return -ENODEV;
	}
	if ((unit->command & bits) == bits)
		return 0;
	ret = command_set(unit, bits);
	if (ret != 0)
		PLATFORM_LOG(ERR, plat, "configuration space of %s cannot be written, so memory "
			     "and bus mastering stay off: %s", unit->place.device, strerror(-ret));
	return ret;
}

void
vfio_pci_restore(struct uiommu_platform *plat, struct vfio_unit *unit)
{
	int ret;

	if (!unit->command_changed)
		return;
	unit->command_changed = false;
	ret = command_write(unit, unit->command);
	if (ret != 0)
		PLATFORM_LOG(NOTICE, plat, "command register of %s could not be put back: %s",
			     unit->place.device, strerror(-ret));
}
