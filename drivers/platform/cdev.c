/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "cdev": units of the kernel's, reached by its character devices. /dev/iommu is the
 * unit, a file of /dev/vfio/devices each device. Memory is the process's, by its own addresses.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "cdev_pvt.h"

/** A device that is open. */
struct cdev_device {
	struct cdev_device *next;
	int fd;
	char name[PLATFORM_NAME_SIZE];
};

static int
cdev_open(struct uiommu_platform *plat, struct uiommu_args *args)
{
	(void)args;
	if (strcmp(plat->driver, "iommufd") != 0) {
		PLATFORM_LOG(ERR, plat, "a unit of driver %s has registers, and here are files: "
			     "another platform=, or the driver iommufd", plat->driver);
		return -ENOTSUP;
	}
	plat->coherent = true;
	return 0;
}

static void
cdev_close(struct uiommu_platform *plat)
{
	(void)plat;
}

static int
node_open(const struct uiommu_platform *plat, const char *path, const char *name)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	const int error = errno;

	if (fd >= 0)
		return fd;
	PLATFORM_LOG(ERR, plat, "%s cannot be opened: %s", name, strerror(error));
	return -error;
}

static int
context_open(struct uiommu_platform *plat)
{
	char path[PLATFORM_PATH_SIZE];
	int ret = cdev_find_context(plat, path);

	return ret != 0 ? ret : node_open(plat, path, CDEV_CONTEXT);
}

static int
device_keep(struct uiommu_platform *plat, int fd, const char *name)
{
	struct cdev_device *device = calloc(1, sizeof(*device));

	if (device == NULL) {
		PLATFORM_LOG(ERR, plat, "out of memory");
		return -ENOMEM;
	}
	device->fd = fd;
	memcpy(device->name, name, sizeof(device->name));
	device->next = plat->priv;
	plat->priv = device;
	return 0;
}

static int
device_open(struct uiommu_platform *plat, int context, uint32_t endpoint_id,
	    struct uiommu_file_device *device)
{
	struct cdev_place place;
	int ret = cdev_find_device(plat, endpoint_id, &place), fd;

	(void)context;
	if (ret == 0)
		ret = platform_claim(plat, place.device);
	if (ret != 0)
		return ret == -EEXIST ? -EBUSY : ret;
	cdev_find_requests(&place, device);
	fd = node_open(plat, place.node, place.device);
	ret = fd < 0 ? fd : device_keep(plat, fd, place.device);
	if (ret == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	platform_unclaim_one(place.device);
	return ret;
}

/* A device is given back, other files are just closed. */
static void
file_close(struct uiommu_platform *plat, int fd)
{
	struct cdev_device **link = (struct cdev_device **)&plat->priv, *device;

	close(fd);
	while (*link != NULL && (*link)->fd != fd)
		link = &(*link)->next;
	device = *link;
	if (device == NULL)
		return;
	*link = device->next;
	platform_unclaim_one(device->name);
	free(device);
}

static int
file_ioctl(struct uiommu_platform *plat, int fd, unsigned long request, void *arg)
{
	const int ret = ioctl(fd, request, arg);

	(void)plat;
	return ret < 0 ? -errno : ret;
}

static ssize_t
file_read(struct uiommu_platform *plat, int fd, void *buf, size_t len)
{
	const ssize_t got = read(fd, buf, len);

	(void)plat;
	return got < 0 ? -errno : got;
}

static ssize_t
file_write(struct uiommu_platform *plat, int fd, const void *buf, size_t len)
{
	const ssize_t done = write(fd, buf, len);

	(void)plat;
	return done < 0 ? -errno : done;
}

static int
file_poll(struct uiommu_platform *plat, int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	const int ret = poll(&pollfd, 1, 0);

	(void)plat;
	return ret < 0 ? -errno : pollfd.revents;
}

static const struct uiommu_file_ops cdev_files = {
	.context_open = context_open,
	.device_open = device_open,
	.close = file_close,
	.ioctl = file_ioctl,
	.read = file_read,
	.write = file_write,
	.poll = file_poll,
	.real = true,
};

/* ------------------------------------------------------------------------- memory */

static int
cdev_dma_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	void *va = NULL;

	if (size != 0 && align <= UINT32_MAX / 2 + 1)
		va = rte_zmalloc_socket("uiommu_cdev", size, (unsigned int)align, plat->socket_id);
	if (va == NULL) {
		PLATFORM_LOG(ERR, plat, "no %zu bytes in EAL's memory: more hugepages", size);
		return -ENOMEM;
	}
	*mem = (struct uiommu_dma){.va = va, .pa = (uintptr_t)va, .size = size};
	return 0;
}

static void
cdev_dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	(void)plat;
	rte_free(mem->va);
}

/* The kernel finds out where it is, and keeps it there as long as it is mapped. */
static int
cdev_pa_of(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	(void)plat;
	(void)len;
	*pa = (uintptr_t)va;
	return 0;
}

static const struct uiommu_platform_ops cdev_ops = {
	.name = "cdev",
	.open = cdev_open,
	.close = cdev_close,
	.dma_alloc = cdev_dma_alloc,
	.dma_free = cdev_dma_free,
	.pa_of = cdev_pa_of,
	.files = &cdev_files,
};
UIOMMU_PLATFORM_REGISTER(cdev_ops);
