/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_io.h>

#include "edu.h"

/* its registers: docs/specs/edu of QEMU */
#define EDU_REGS_SIZE 0x100000
#define EDU_ID 0x00
#define EDU_ID_VALUE UINT32_C(0x010000ed)
#define EDU_DMA_FROM 0x80
#define EDU_DMA_TO 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_RUN (1U << 0) /* reads 1 until it is over */
#define EDU_DMA_TO_MEMORY (1U << 1)
#define EDU_BUFFER 0x40000 /* of its own address space, for the DMA registers only */

/* configuration space of a PCI function */
#define PCI_COMMAND 4
#define PCI_COMMAND_MEMORY (1U << 1)
#define PCI_COMMAND_MASTER (1U << 2)

static int
sysfs_open(const char *address, const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -errno;
	}
	return fd;
}

/* Change bits of its command register. */
static int
command_change(const char *address, uint16_t clear, uint16_t set)
{
	int fd = sysfs_open(address, "config", O_RDWR);
	uint16_t command;
	bool done;

	if (fd < 0)
		return fd;
	done = pread(fd, &command, sizeof(command), PCI_COMMAND) == sizeof(command);
	command = rte_cpu_to_le_16((rte_le_to_cpu_16(command) & ~clear) | set);
	done = done && pwrite(fd, &command, sizeof(command), PCI_COMMAND) == sizeof(command);
	close(fd);
	if (done)
		return 0;
	fprintf(stderr, "%s: its configuration cannot be changed\n", address);
	return -EIO;
}

static int
regs_map(struct edu *edu, const char *address)
{
	int fd = sysfs_open(address, "resource0", O_RDWR);
	void *regs;

	if (fd < 0)
		return fd;
	regs = mmap(NULL, EDU_REGS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (regs == MAP_FAILED) {
		fprintf(stderr, "%s: its registers cannot be mapped: %s\n", address,
			strerror(errno));
		return -errno;
	}
	edu->regs = regs;
	if (rte_le_to_cpu_32(rte_read32(edu->regs + EDU_ID)) == EDU_ID_VALUE)
		return 0;
	fprintf(stderr, "%s is no edu\n", address);
	munmap(regs, EDU_REGS_SIZE);
	return -ENODEV;
}

int
edu_open(struct edu *edu, const char *address)
{
	unsigned int domain, bus, device, function;
	int end = 0, ret;

	if (sscanf(address, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 ||
	    address[end] != '\0' || device > 31 || function > 7 ||
	    strlen(address) >= sizeof(edu->address)) {
		fprintf(stderr, "%s is no address of a PCI function\n", address);
		return -EINVAL;
	}
	memcpy(edu->address, address, strlen(address) + 1);
	edu->endpoint_id = bus << 8 | device << 3 | function;
	ret = command_change(address, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return ret != 0 ? ret : regs_map(edu, address);
}

void
edu_close(struct edu *edu)
{
	command_change(edu->address, PCI_COMMAND_MASTER, 0);
	munmap((void *)(uintptr_t)edu->regs, EDU_REGS_SIZE);
}

static void
write64(struct edu *edu, uint32_t offset, uint64_t value)
{
	rte_write64(rte_cpu_to_le_64(value), edu->regs + offset);
}

void
edu_dma_start(struct edu *edu, uint64_t iova, size_t len, bool to_memory)
{
	write64(edu, EDU_DMA_FROM, to_memory ? EDU_BUFFER : iova);
	write64(edu, EDU_DMA_TO, to_memory ? iova : EDU_BUFFER);
	write64(edu, EDU_DMA_LEN, len);
	write64(edu, EDU_DMA_COMMAND, EDU_DMA_RUN | (to_memory ? EDU_DMA_TO_MEMORY : 0));
}

bool
edu_dma_is_over(const struct edu *edu)
{
	return (rte_read64(edu->regs + EDU_DMA_COMMAND) & rte_cpu_to_le_64(EDU_DMA_RUN)) == 0;
}
