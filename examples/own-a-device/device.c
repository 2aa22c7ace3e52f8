/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_io.h>

#include "device.h"

/* its registers: docs/specs/edu of QEMU */
#define ID 0x00
#define ID_VALUE UINT32_C(0x010000ed)
#define DMA_FROM 0x80
#define DMA_TO 0x88
#define DMA_LEN 0x90
#define DMA_COMMAND 0x98
#define DMA_RUN (1U << 0) /* reads 1 until it is over */
#define DMA_TO_MEMORY (1U << 1)
#define BUFFER 0x40000 /* of its own address space, for the DMA registers only */

/* configuration space of a PCI function */
#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY (1U << 1)
#define PCI_COMMAND_MASTER (1U << 2)

#define WAIT_SECONDS 10

static int
refuse(const char *what)
{
	int error = errno;

	fprintf(stderr, "device: %s: %s\n", what, strerror(error));
	return -error;
}

static int
region_get(int fd, uint32_t index, struct vfio_region_info *region)
{
	*region = (struct vfio_region_info){.argsz = sizeof(*region), .index = index};
	return ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, region) == 0 ? 0 : refuse("no such region");
}

/* Change bits of its command register. */
static int
command_change(int fd, uint16_t clear, uint16_t set)
{
	struct vfio_region_info config;
	uint16_t command;
	int ret = region_get(fd, VFIO_PCI_CONFIG_REGION_INDEX, &config);

	if (ret != 0)
		return ret;
	if (pread(fd, &command, sizeof(command), (off_t)config.offset + PCI_COMMAND) !=
	    sizeof(command))
		return refuse("configuration space cannot be read");
	command = rte_cpu_to_le_16((uint16_t)((rte_le_to_cpu_16(command) & ~clear) | set));
	if (pwrite(fd, &command, sizeof(command), (off_t)config.offset + PCI_COMMAND) !=
	    sizeof(command))
		return refuse("configuration space cannot be written");
	return 0;
}

int
device_open(struct device *device, int fd)
{
	struct vfio_region_info bar;
	void *regs;
	int ret = command_change(fd, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);

	if (ret == 0)
		ret = region_get(fd, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	if (ret != 0)
		return ret;
	regs = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)bar.offset);
	if (regs == MAP_FAILED)
		return refuse("its registers cannot be mapped");
	*device = (struct device){.regs = regs, .regs_size = bar.size, .fd = fd};
	if (rte_le_to_cpu_32(rte_read32(device->regs + ID)) == ID_VALUE)
		return 0;
	munmap(regs, bar.size);
	errno = ENODEV;
	return refuse("it is no edu");
}

void
device_close(struct device *device)
{
	(void)command_change(device->fd, PCI_COMMAND_MASTER, 0);
	munmap((void *)(uintptr_t)device->regs, device->regs_size);
}

static void
write64(struct device *device, uint32_t offset, uint64_t value)
{
	rte_write64(rte_cpu_to_le_64(value), device->regs + offset);
}

bool
device_dma(struct device *device, uint64_t iova, size_t len, bool to_memory)
{
	const uint64_t give_up = rte_get_timer_cycles() + WAIT_SECONDS * rte_get_timer_hz();

	write64(device, DMA_FROM, to_memory ? BUFFER : iova);
	write64(device, DMA_TO, to_memory ? iova : BUFFER);
	write64(device, DMA_LEN, len);
	write64(device, DMA_COMMAND, DMA_RUN | (to_memory ? DMA_TO_MEMORY : 0));
	while ((rte_read64(device->regs + DMA_COMMAND) & rte_cpu_to_le_64(DMA_RUN)) != 0) {
		if (rte_get_timer_cycles() > give_up)
			return false;
	}
	return true;
}
