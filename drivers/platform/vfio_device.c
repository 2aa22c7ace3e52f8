/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* A device of VFIO: opened by way of EAL, so that its memory is mapped, and a region of it. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <rte_vfio.h>

#include "vfio_pvt.h"

/** A region with what the kernel adds to it. */
union region_info {
	struct vfio_region_info info;
	uint8_t bytes[1024];
};

static int
region_info_get(int fd, unsigned int region, union region_info *info)
{
	memset(info, 0, sizeof(*info));
	info->info.argsz = sizeof(*info);
	info->info.index = region;
	return ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info->info) != 0 ? -errno : 0;
}

int
vfio_region_offset(int fd, unsigned int region, uint64_t *offset)
{
	union region_info info;
	int ret = region_info_get(fd, region, &info);

	if (ret == 0)
		*offset = info.info.offset;
	return ret;
}

/* Whether one area of those that may be mapped is the whole region. */
static bool
area_is_whole(const uint8_t *cap, size_t left, uint64_t size)
{
	struct vfio_region_info_cap_sparse_mmap sparse;
	struct vfio_region_sparse_mmap_area area;

	if (left < sizeof(sparse) + sizeof(area))
		return false;
	memcpy(&sparse, cap, sizeof(sparse));
	memcpy(&area, cap + sizeof(sparse), sizeof(area));
	return sparse.nr_areas == 1 && area.offset == 0 && area.size >= size;
}

/*
 * Kernels before 4.16 keep the page with the MSI-X table back and say so by a list of areas; later
 * ones let all of it be mapped. Registers that cannot be mapped as a whole are not mapped.
 */
static bool
is_mappable(const union region_info *region)
{
	const struct vfio_region_info *info = &region->info;
	const uint32_t size = RTE_MIN(info->argsz, (uint32_t)sizeof(*region));
	struct vfio_info_cap_header header;
	uint32_t at = info->cap_offset;
	unsigned int links;

	if ((info->flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
		return false;
	if ((info->flags & VFIO_REGION_INFO_FLAG_CAPS) == 0)
		return true;
	/* more was to be said than there was room for */
	if (info->argsz > sizeof(*region))
		return false;
	for (links = 0; at != 0 && links < sizeof(*region) / sizeof(header); links++) {
		if (at > size - sizeof(header))
			return false;
		memcpy(&header, region->bytes + at, sizeof(header));
		if (header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			return area_is_whole(region->bytes + at, size - at, info->size);
		at = header.next;
	}
	return at == 0;
}

/* What a region is called by those who gave its number. */
static const char *
region_name(const struct vfio_unit *unit)
{
	return unit->place.pci ? "BAR" : "region";
}

static int
region_map(struct uiommu_platform *plat, struct vfio_unit *unit, const union region_info *region)
{
	const uint32_t both = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	void *map;

	if (!is_mappable(region)) {
		if ((region->info.flags & both) == both) {
			PLATFORM_LOG(NOTICE, plat, "%s %u of %s cannot be mapped: each access to a "
				     "register is a system call", region_name(unit), unit->region,
				     unit->place.device);
			return 0;
		}
		PLATFORM_LOG(ERR, plat, "%s %u of %s can be neither mapped nor read and written: "
			     "another %s=", region_name(unit), unit->region, unit->place.device,
			     unit->place.pci ? "bar" : "region");
		return -ENOTSUP;
	}
	map = mmap(NULL, unit->size, PROT_READ | PROT_WRITE, MAP_SHARED, unit->fd,
		   (off_t)unit->offset);
	if (map == MAP_FAILED) {
		const int error = errno;

		PLATFORM_LOG(ERR, plat, "%s %u of %s cannot be mapped: %s", region_name(unit),
			     unit->region, unit->place.device, strerror(error));
		return -error;
	}
	unit->map = map;
	return 0;
}

static int
region_open(struct uiommu_platform *plat, struct vfio_unit *unit)
{
	union region_info region;
	int ret = region_info_get(unit->fd, unit->region, &region);

	if (ret != 0) {
		PLATFORM_LOG(ERR, plat, "VFIO knows nothing of %s %u of %s: %s", region_name(unit),
			     unit->region, unit->place.device, strerror(-ret));
		return ret;
	}
	unit->offset = region.info.offset;
	unit->size = region.info.size;
	if (unit->size == 0) {
		PLATFORM_LOG(ERR, plat, "%s has no %s %u: another %s=", unit->place.device,
			     region_name(unit), unit->region, unit->place.pci ? "bar" : "region");
		return -ENODEV;
	}
	if (unit->size < VFIO_REGS_MIN) {
		PLATFORM_LOG(ERR, plat, "%s %u of %s is too small for the registers of a unit, "
			     "%llu bytes: another %s=", region_name(unit), unit->region,
			     unit->place.device, (unsigned long long)unit->size,
			     unit->place.pci ? "bar" : "region");
		return -ENODEV;
	}
	return region_map(plat, unit, &region);
}

static int
kind_check(const struct uiommu_platform *plat, const struct vfio_unit *unit,
	   const struct vfio_device_info *info)
{
	const uint32_t kind = unit->place.pci ? VFIO_DEVICE_FLAGS_PCI : VFIO_DEVICE_FLAGS_PLATFORM;

	if ((info->flags & kind) == 0) {
		PLATFORM_LOG(ERR, plat, "%s is no %s for VFIO (flags 0x%x)", unit->place.device,
			     unit->place.pci ? "PCI function" : "platform device", info->flags);
		return -ENODEV;
	}
	if (unit->region >= info->num_regions) {
		PLATFORM_LOG(ERR, plat, "%s has no %s %u: another %s=", unit->place.device,
			     region_name(unit), unit->region, unit->place.pci ? "bar" : "region");
		return -ENODEV;
	}
	return 0;
}

int
vfio_device_open(struct uiommu_platform *plat, struct vfio_unit *unit)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int ret;

	unit->fd = -1;
	ret = rte_vfio_setup_device(unit->place.devices, unit->place.device, &unit->fd, &info);
	if (ret != 0) {
		PLATFORM_LOG(ERR, plat, "VFIO does not hand %s out, EAL's lines before this one "
			     "say why: most often another process has it, or memory cannot be "
			     "locked (ulimit -l)", unit->place.device);
		unit->fd = -1;
		return ret > 0 ? -ENODEV : -EBUSY;
	}
	ret = kind_check(plat, unit, &info);
	if (ret == 0 && unit->place.pci)
		ret = vfio_pci_enable(plat, unit);
	if (ret == 0)
		ret = region_open(plat, unit);
	if (ret != 0)
		vfio_device_close(plat, unit);
	return ret;
}

void
vfio_device_close(struct uiommu_platform *plat, struct vfio_unit *unit)
{
	if (unit->map != NULL)
		munmap(unit->map, unit->size);
	unit->map = NULL;
	if (unit->fd < 0)
		return;
	vfio_pci_restore(plat, unit);
	if (rte_vfio_release_device(unit->place.devices, unit->place.device, unit->fd) != 0)
		PLATFORM_LOG(NOTICE, plat, "EAL did not release %s in order, see its lines before "
			     "this one", unit->place.device);
	unit->fd = -1;
}
