/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Whether VFIO can have a device. All of it is looked at beforehand, since what VFIO and EAL say
 * of a failure is a number, at most: here each cause has a line of its own that says what to do.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_vfio.h>

#include "vfio_pvt.h"

#define NOIOMMU_SWITCH "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/* Hexadecimal digits at the front. */
static size_t
hex_digits(const char *text)
{
	return strspn(text, "0123456789abcdefABCDEF");
}

/* Domain of four digits or more, bus, device, function: 0000:00:01.0 */
static bool
is_pci_name(const char *name)
{
	size_t digits = hex_digits(name);

	if (digits < 4 || digits > 8 || name[digits] != ':')
		return false;
	name += digits + 1;
	return hex_digits(name) == 2 && name[2] == ':' && hex_digits(name + 3) == 2 &&
	       name[5] == '.' && name[6] >= '0' && name[6] <= '7' && name[7] == '\0';
}

int
vfio_find_device(struct uiommu_platform *plat, const char *device, struct vfio_place *place)
{
	char path[PLATFORM_PATH_SIZE];
	const size_t length = strlen(device);

	place->pci = is_pci_name(device);
	if (length > 0 && length < PLATFORM_NAME_SIZE && strchr(device, '/') == NULL &&
	    device[0] != '.') {
		memcpy(place->device, device, length + 1);
		platform_path(place->devices, "/sys/bus/%s/devices",
			      place->pci ? "pci" : "platform");
		platform_path(path, "/sys/bus/%s/devices/%s", place->pci ? "pci" : "platform",
			      device);
		if (platform_is_there(path))
			return 0;
	}
	if (place->pci)
		PLATFORM_LOG(ERR, plat, "no PCI function %s: \"lspci -D\" lists what is there",
			     device);
	else
		PLATFORM_LOG(ERR, plat, "no platform device %s in /sys/bus/platform/devices, and "
			     "not the name of a PCI function, as 0000:00:01.0 is", device);
	return -ENODEV;
}

/* 'Y' or 'N'; 0: the kernel cannot do without an IOMMU */
static char
noiommu_switch(void)
{
	char path[PLATFORM_PATH_SIZE], text[8];

	platform_path(path, NOIOMMU_SWITCH);
	if (platform_read_text(path, text, sizeof(text)) != 0)
		return 0;
	return text[0] == 'Y' || text[0] == '1' ? 'Y' : 'N';
}

/* VFIO does not take a device without an IOMMU group but in noiommu mode: then it stays unbound. */
static int
unbound_refuse(const struct uiommu_platform *plat, const struct vfio_place *place,
	       const char *wanted)
{
	char path[PLATFORM_PATH_SIZE], module[PLATFORM_PATH_SIZE];
	char mode = 'Y';

	platform_path(path, "/sys/bus/%s/devices/%s/iommu_group", place->pci ? "pci" : "platform",
		      place->device);
	platform_path(module, "/sys/module/vfio");
	if (!platform_is_there(path) && platform_is_there(module))
		mode = noiommu_switch();
	switch (mode) {
	case 'Y':
		PLATFORM_LOG(ERR, plat, "%s is not bound to a driver: bind it to %s", place->device,
			     wanted);
		return -ENODEV;
	case 'N':
		PLATFORM_LOG(ERR, plat, "%s is not bound to a driver, and %s does not take it "
			     "without an IOMMU group while noiommu mode is not enabled: echo Y > "
			     NOIOMMU_SWITCH ", then bind it", place->device, wanted);
		return -ENODEV;
	default:
		PLATFORM_LOG(ERR, plat, "%s is not bound to a driver, and %s does not take it: it "
			     "has no IOMMU group, and this kernel has no noiommu mode "
			     "(CONFIG_VFIO_NOIOMMU)", place->device, wanted);
		return -ENOTSUP;
	}
}

static int
driver_check(const struct uiommu_platform *plat, const struct vfio_place *place)
{
	const char *wanted = place->pci ? "vfio-pci" : "vfio-platform";
	char path[PLATFORM_PATH_SIZE], name[PLATFORM_NAME_SIZE];

	platform_path(path, "/sys/bus/%s/devices/%s/driver", place->pci ? "pci" : "platform",
		      place->device);
	if (platform_link_name(path, name) != 0)
		return unbound_refuse(plat, place, wanted);
	if (strcmp(name, wanted) != 0) {
		PLATFORM_LOG(ERR, plat, "%s is bound to %s: unbind it from there, and bind it to "
			     "%s", place->device, name, wanted);
		return -EBUSY;
	}
	return 0;
}

static int
module_check(const struct uiommu_platform *plat, const struct vfio_place *place)
{
	char path[PLATFORM_PATH_SIZE];

	platform_path(path, "/dev/vfio/vfio");
	if (!platform_is_there(path)) {
		PLATFORM_LOG(ERR, plat, "no VFIO here, /dev/vfio/vfio is missing: modprobe %s",
			     place->pci ? "vfio-pci" : "vfio-platform");
		return -ENOTSUP;
	}
	if (!platform_is_open_to_us(path)) {
		PLATFORM_LOG(ERR, plat, "no permission for /dev/vfio/vfio: run as root, or have it "
			     "opened to this user");
		return -EACCES;
	}
	if (rte_vfio_is_enabled("vfio") == 0) {
		PLATFORM_LOG(ERR, plat, "EAL was started without VFIO: load the modules first, "
			     "then start the program");
		return -ENOTSUP;
	}
	return 0;
}

static int
group_find(const struct uiommu_platform *plat, struct vfio_place *place)
{
	char path[PLATFORM_PATH_SIZE], name[PLATFORM_NAME_SIZE];
	unsigned long group;
	char *end;

	platform_path(path, "/sys/bus/%s/devices/%s/iommu_group", place->pci ? "pci" : "platform",
		      place->device);
	if (platform_link_name(path, name) == 0) {
		group = strtoul(name, &end, 10);
		if (isdigit((unsigned char)name[0]) && *end == '\0' && group <= INT32_MAX) {
			place->group = (int)group;
			return 0;
		}
		PLATFORM_LOG(ERR, plat, "%s: not the number of an IOMMU group: %s", place->device,
			     name);
		return -ENODEV;
	}
	switch (noiommu_switch()) {
	case 'Y':
		PLATFORM_LOG(ERR, plat, "%s has no IOMMU group, it was bound before noiommu mode "
			     "was enabled: unbind it and bind it again", place->device);
		break;
	case 'N':
		PLATFORM_LOG(ERR, plat, "%s has no IOMMU group and noiommu mode is not enabled: "
			     "echo Y > " NOIOMMU_SWITCH ", then unbind it and bind it again",
			     place->device);
		break;
	default:
		PLATFORM_LOG(ERR, plat, "%s has no IOMMU group, and this kernel has no noiommu "
			     "mode (CONFIG_VFIO_NOIOMMU)", place->device);
	}
	return -ENOTSUP;
}

/* Drivers that leave DMA of a device alone. */
static bool
is_harmless(const char *driver)
{
	return strncmp(driver, "vfio", 4) == 0 || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

/* A group is whole or not at all: no device of it may have a driver that does DMA. */
static int
group_is_viable(const struct uiommu_platform *plat, const struct vfio_place *place)
{
	char path[PLATFORM_PATH_SIZE], name[PLATFORM_NAME_SIZE];
	const struct dirent *entry;
	int ret = 0;
	DIR *dir;

	platform_path(path, "/sys/kernel/iommu_groups/%d/devices", place->group);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while (ret == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		platform_path(path, "/sys/kernel/iommu_groups/%d/devices/%s/driver", place->group,
			      entry->d_name);
		if (platform_link_name(path, name) != 0 || is_harmless(name))
			continue;
		PLATFORM_LOG(ERR, plat, "IOMMU group %d is not viable: %s in it is bound to %s, "
			     "unbind it, or bind it to VFIO too", place->group, entry->d_name,
			     name);
		ret = -EBUSY;
	}
	closedir(dir);
	return ret;
}

static int
noiommu_check(const struct uiommu_platform *plat, const struct vfio_place *place)
{
	if (noiommu_switch() != 'Y') {
		PLATFORM_LOG(ERR, plat, "noiommu mode is not enabled: echo Y > " NOIOMMU_SWITCH);
		return -ENOTSUP;
	}
	if (!platform_has_capability(PLATFORM_CAP_SYS_RAWIO)) {
		PLATFORM_LOG(ERR, plat, "no permission for %s in noiommu mode: it takes "
			     "CAP_SYS_RAWIO, run as root", place->device);
		return -EACCES;
	}
	return 0;
}

static int
group_check(const struct uiommu_platform *plat, struct vfio_place *place)
{
	char path[PLATFORM_PATH_SIZE];

	platform_path(path, "/dev/vfio/%d", place->group);
	if (!platform_is_there(path)) {
		platform_path(path, "/dev/vfio/noiommu-%d", place->group);
		place->noiommu = true;
	}
	if (!platform_is_there(path)) {
		PLATFORM_LOG(ERR, plat, "neither /dev/vfio/%d nor /dev/vfio/noiommu-%d is there: "
			     "no udev, or a kernel without VFIO groups (CONFIG_VFIO_GROUP)",
			     place->group, place->group);
		return -ENODEV;
	}
	if (!platform_is_open_to_us(path)) {
		PLATFORM_LOG(ERR, plat, "no permission for /dev/vfio/%s%d: run as root, or have it "
			     "opened to this user", place->noiommu ? "noiommu-" : "", place->group);
		return -EACCES;
	}
	return place->noiommu ? noiommu_check(plat, place) : group_is_viable(plat, place);
}

int
vfio_find_way(struct uiommu_platform *plat, struct vfio_place *place)
{
	int ret = driver_check(plat, place);

	if (ret == 0)
		ret = module_check(plat, place);
	if (ret == 0)
		ret = group_find(plat, place);
	if (ret == 0)
		ret = group_check(plat, place);
	return ret;
}
