/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Where a device can be had, and whether: each cause that it cannot has a line of its own. Offsets
 * of configuration space are those of the PCI Express Base Specification 6.0, 7.6 and 10.5.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_byteorder.h>

#include "cdev_pvt.h"

#define CONFIG_SIZE 4096
#define CONFIG_EXTENDED 0x100
#define CAPABILITY_PAGE_REQUESTS 0x13
#define CAPABILITY_ID(head) ((head)&0xffff)
#define CAPABILITY_NEXT(head) ((head) >> 20 & 0xffc)

static int
open_check(const struct uiommu_platform *plat, const char *path, const char *node)
{
	if (platform_is_open_to_us(path))
		return 0;
	PLATFORM_LOG(ERR, plat, "no permission for %s: run as root, or have it opened to this "
		     "user", node);
	return -EACCES;
}

int
cdev_find_context(const struct uiommu_platform *plat, char path[PLATFORM_PATH_SIZE])
{
	platform_path(path, CDEV_CONTEXT);
	if (!platform_is_there(path)) {
		PLATFORM_LOG(ERR, plat, "no /dev/iommu: modprobe iommufd, or a kernel without it "
			     "(CONFIG_IOMMUFD, Linux 6.2 and later)");
		return -ENODEV;
	}
	return open_check(plat, path, CDEV_CONTEXT);
}

/* The folder of what VFIO has made of a function: it has one entry. @return 0; -ENOENT */
static int
vfio_name(const struct cdev_place *place, char name[PLATFORM_NAME_SIZE])
{
	char path[PLATFORM_PATH_SIZE];
	const struct dirent *entry;
	int ret = -ENOENT;
	DIR *dir;

	platform_path(path, "/sys/bus/pci/devices/%s/vfio-dev", place->device);
	dir = opendir(path);
	if (dir == NULL)
		return -ENOENT;
	while (ret != 0 && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "vfio", 4) != 0 ||
		    strlen(entry->d_name) >= PLATFORM_NAME_SIZE)
			continue;
		memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
		ret = 0;
	}
	closedir(dir);
	return ret;
}

/* Why VFIO has made nothing of it. */
static int
unbound_refuse(const struct uiommu_platform *plat, const struct cdev_place *place)
{
	char path[PLATFORM_PATH_SIZE], driver[PLATFORM_NAME_SIZE];

	platform_path(path, "/sys/bus/pci/devices/%s/driver", place->device);
	if (platform_link_name(path, driver) != 0) {
		PLATFORM_LOG(ERR, plat, "%s is not bound to a driver: bind it to vfio-pci",
			     place->device);
		return -ENODEV;
	}
	if (strncmp(driver, "vfio", 4) != 0) {
		PLATFORM_LOG(ERR, plat, "%s is bound to %s: unbind it from there, and bind it to "
			     "vfio-pci", place->device, driver);
		return -EBUSY;
	}
	PLATFORM_LOG(ERR, plat, "%s is bound to %s, but this kernel shows no device of it "
		     "(vfio-dev, Linux 6.1 and later)", place->device, driver);
	return -ENOTSUP;
}

int
cdev_find_device(const struct uiommu_platform *plat, uint32_t endpoint_id,
		 struct cdev_place *place)
{
	char path[PLATFORM_PATH_SIZE], name[PLATFORM_NAME_SIZE], node[PLATFORM_PATH_SIZE];

	snprintf(place->device, sizeof(place->device), "%04x:%02x:%02x.%x", endpoint_id >> 16,
		 endpoint_id >> 8 & 0xff, endpoint_id >> 3 & 0x1f, endpoint_id & 7);
	platform_path(path, "/sys/bus/pci/devices/%s", place->device);
	if (!platform_is_there(path)) {
		PLATFORM_LOG(ERR, plat, "no PCI function %s: \"lspci -D\" lists what is there; its "
			     "endpoint id is segment << 16 | bus << 8 | device << 3 | function",
			     place->device);
		return -ENODEV;
	}
	if (vfio_name(place, name) != 0)
		return unbound_refuse(plat, place);
	snprintf(node, sizeof(node), "/dev/vfio/devices/%s", name);
	platform_path(place->node, "%s", node);
	if (!platform_is_there(place->node)) {
		PLATFORM_LOG(ERR, plat, "%s of %s is missing: no udev, or a kernel without VFIO's "
			     "character devices (CONFIG_VFIO_DEVICE_CDEV, Linux 6.6 and later)",
			     node, place->device);
		return -ENOTSUP;
	}
	return open_check(plat, place->node, node);
}

/* Bytes of configuration space: 64 without the right to read more. */
static size_t
config_read(const char *path, uint8_t config[CONFIG_SIZE])
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return 0;
	got = read(fd, config, CONFIG_SIZE);
	close(fd);
	return got < 0 ? 0 : (size_t)got;
}

static bool
config_has(const uint8_t config[CONFIG_SIZE], size_t size, uint32_t id)
{
	uint32_t at = CONFIG_EXTENDED, links, head;

	/* each takes four bytes at least, so a list that goes in circles ends here too */
	for (links = 0; links < CONFIG_SIZE / sizeof(head); links++) {
		if (at < CONFIG_EXTENDED || at + sizeof(head) > size)
			break;
		memcpy(&head, config + at, sizeof(head));
		head = rte_le_to_cpu_32(head);
		if (CAPABILITY_ID(head) == id)
			return true;
		at = CAPABILITY_NEXT(head);
	}
	return false;
}

void
cdev_find_requests(const struct cdev_place *place, struct uiommu_file_device *device)
{
	char path[PLATFORM_PATH_SIZE];
	uint8_t config[CONFIG_SIZE];
	size_t size;

	platform_path(path, "/sys/bus/pci/devices/%s/physfn", place->device);
	device->is_vf = platform_is_there(path);
	platform_path(path, "/sys/bus/pci/devices/%s%s/config", place->device,
		      device->is_vf ? "/physfn" : "");
	size = config_read(path, config);
	/* what cannot be read is not known; a function on PCI without Express has no more */
	if (size < CONFIG_EXTENDED)
		return;
	device->has_page_requests = config_has(config, size, CAPABILITY_PAGE_REQUESTS);
	device->lacks_page_requests = !device->has_page_requests;
}
