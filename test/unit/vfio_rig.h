/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VFIO_RIG_H
#define VFIO_RIG_H

/*
 * The platform "vfio" as a whole, all of its sources included, on a device that is a file with
 * regions. What vfio_find.c refuses is in test_platform_find.c.
 */

#include "platform_rig.h"

#include <sys/ioctl.h>

#include <linux/vfio.h>

#include <rte_vfio.h>

#define PCI "0000:00:01.0"
#define PCI_DIR "/sys/bus/pci/devices/" PCI
#define SOC "9050000.iommu"
#define SOC_DIR "/sys/bus/platform/devices/" SOC

#define RW (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM (RW | VFIO_REGION_INFO_FLAG_MMAP)
#define COMMAND 4
#define BAR(index) (0x10 + 4 * (index))

/* The device, and what becomes of it. */
static struct {
	int fd;
	int setup_ret;
	uint32_t device_flags;
	uint32_t num_regions;
	struct {
		uint32_t flags;
		uint64_t size;
		int error;           /* of VFIO_DEVICE_GET_REGION_INFO */
	} region[9];
	uint8_t caps[2048];          /* behind the information on the registers' region */
	uint32_t caps_size;
	uint32_t cap_offset;
	unsigned int nb_open;        /* devices that EAL holds */
	int release_ret;
	int mmap_error, pread_error, pwrite_error;
	bool pwrite_lost;            /* what is written has no effect */
	bool short_access;
	unsigned int nb_maps, nb_pread, nb_pwrite;
} dev;

static uint64_t
region_at(unsigned int index)
{
	return (uint64_t)(index + 1) << 16;
}

static int
rig_setup(const char *devices, const char *device, int *fd, struct vfio_device_info *info)
{
	char wanted[PATH_MAX + 64];
	const bool pci = strcmp(device, PCI) == 0;

	snprintf(wanted, sizeof(wanted), "%s/sys/bus/%s/devices", rig_root,
		 pci ? "pci" : "platform");
	assert_string_equal(devices, wanted);
	assert_true(pci || strcmp(device, SOC) == 0);
	assert_int_equal(info->argsz, sizeof(*info));
	if (dev.setup_ret != 0)
		return dev.setup_ret;
	info->flags = dev.device_flags;
	info->num_regions = dev.num_regions;
	*fd = dev.fd;
	dev.nb_open++;
	return 0;
}

static int
rig_release(const char *devices, const char *device, int fd)
{
	assert_non_null(strstr(devices, "/devices"));
	assert_true(strcmp(device, PCI) == 0 || strcmp(device, SOC) == 0);
	assert_int_equal(fd, dev.fd);
	dev.nb_open--;
	return dev.release_ret;
}

static int
rig_ioctl(int fd, unsigned long request, struct vfio_region_info *info)
{
	const uint32_t room = info->argsz, index = info->index;

	assert_int_equal(fd, dev.fd);
	assert_true(request == VFIO_DEVICE_GET_REGION_INFO);
	assert_true(index < ARRAY_COUNT(dev.region));
	if (dev.region[index].error != 0) {
		errno = dev.region[index].error;
		return -1;
	}
	info->flags = dev.region[index].flags;
	info->size = dev.region[index].size;
	info->offset = region_at(index);
	info->argsz = (uint32_t)sizeof(*info) + dev.caps_size;
	info->cap_offset = 0;
	if ((info->flags & VFIO_REGION_INFO_FLAG_CAPS) != 0 && info->argsz <= room) {
		memcpy(info + 1, dev.caps, dev.caps_size);
		info->cap_offset = dev.cap_offset;
	}
	return 0;
}

static void *
rig_mmap(void *va, size_t size, int prot, int flags, int fd, off_t offset)
{
	assert_int_equal(prot, PROT_READ | PROT_WRITE);
	assert_int_equal(flags, MAP_SHARED);
	assert_int_equal(fd, dev.fd);
	if (dev.mmap_error != 0) {
		errno = dev.mmap_error;
		return MAP_FAILED;
	}
	dev.nb_maps++;
	return mmap(va, size, prot, flags, fd, offset);
}

static int
rig_munmap(void *va, size_t size)
{
	dev.nb_maps--;
	return munmap(va, size);
}

static ssize_t
rig_pread(int fd, void *bytes, size_t size, off_t offset)
{
	assert_int_equal(fd, dev.fd);
	dev.nb_pread++;
	errno = dev.pread_error;
	if (dev.pread_error != 0)
		return -1;
	return dev.short_access ? (ssize_t)size - 1 : pread(fd, bytes, size, offset);
}

static ssize_t
rig_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	assert_int_equal(fd, dev.fd);
	dev.nb_pwrite++;
	errno = dev.pwrite_error;
	if (dev.pwrite_error != 0)
		return -1;
	if (dev.short_access)
		return (ssize_t)size - 1;
	return dev.pwrite_lost ? (ssize_t)size : pwrite(fd, bytes, size, offset);
}

static int
rig_vfio_is_enabled(const char *module)
{
	return strcmp(module, "vfio") == 0;
}

#define rte_vfio_is_enabled rig_vfio_is_enabled
#define rte_vfio_setup_device rig_setup
#define rte_vfio_release_device rig_release
#define ioctl rig_ioctl
#define mmap rig_mmap
#define munmap rig_munmap
#define pread rig_pread
#define pwrite rig_pwrite

#include "platform_claim.c"
#include "platform_file.c"
#include "platform_memory.c"
#include "vfio_find.c"
#include "vfio_pci.c"
#include "vfio_device.c"
#include "vfio.c"

#undef mmap
#undef munmap
#undef pread
#undef pwrite

static inline uint64_t
device_get(uint64_t at, size_t size)
{
	uint64_t value = 0;

	assert_int_equal(pread(dev.fd, &value, size, (off_t)at), size);
	return rte_le_to_cpu_64(value);
}

static inline void
device_put(uint64_t at, uint64_t value, size_t size)
{
	value = rte_cpu_to_le_64(value);
	assert_int_equal(pwrite(dev.fd, &value, size, (off_t)at), size);
}

static uint64_t
config_at(unsigned int at)
{
	return region_at(VFIO_PCI_CONFIG_REGION_INDEX) + at;
}

/* A function as QEMU's RISC-V unit is: registers and the MSI-X table in BAR 0 of a page. */
static int
set_up(void **state)
{
	unsigned int i;

	if (rig_set_up(state) != 0)
		return -1;
	platform_root = rig_root;
	memset(&dev, 0, sizeof(dev));
	dev.fd = memfd_create("device", 0);
	if (dev.fd < 0 || ftruncate(dev.fd, 1 << 20) != 0)
		return -1;
	dev.device_flags = VFIO_DEVICE_FLAGS_PCI;
	dev.num_regions = ARRAY_COUNT(dev.region);
	dev.region[0].flags = RWM;
	dev.region[0].size = 4096;
	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].flags = RW;
	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].size = 4096;
	for (i = 0; i < 6; i++)
		device_put(config_at(BAR(i)), 0x40000004, 4);
	tree_folder(PCI_DIR);
	tree_link(PCI_DIR "/driver", "vfio-pci");
	tree_link(PCI_DIR "/iommu_group", "7");
	tree_folder(SOC_DIR);
	tree_link(SOC_DIR "/driver", "vfio-platform");
	tree_link(SOC_DIR "/iommu_group", "7");
	tree_file("/dev/vfio/vfio", "");
	tree_file("/dev/vfio/7", "");
	return 0;
}

static int
tear_down(void **state)
{
	const bool clean = dev.nb_open == 0 && dev.nb_maps == 0 && claims == NULL;

	close(dev.fd);
	return rig_tear_down(state) == 0 && clean ? 0 : -1;
}

static int
open_pci(void)
{
	return plat_open("vtd,platform=vfio,device=" PCI);
}

#define VFIO_CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* VFIO_RIG_H */
