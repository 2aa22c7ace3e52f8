/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Endpoints: devices that are opened, bound to the unit's context, and looked at. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd_pvt.h"

/* Why a device could not be bound. Linux, drivers/vfio/device_cdev.c, iommufd/device.c */
static const char *
bind_reason(int error)
{
	switch (error) {
	case -ENOTTY:
		return "not supported: no binding by character device (Linux 6.6 and later, "
		       "CONFIG_VFIO_DEVICE_CDEV)";
	case -EBUSY:
		return "it is in use: by another process, or another device of its IOMMU group is "
		       "bound to a driver that does DMA";
	case -EPERM:
		return "its interrupts are not isolated: interrupt remapping is off "
		       "(iommufd.allow_unsafe_interrupts)";
	case -EINVAL:
		return "the kernel does not take it: in use already, or DMA that is not coherent";
	case -ENODEV:
		return "no IOMMU stands before it";
	default:
		return strerror(-error);
	}
}

static int
device_bind(struct iommufd_endpoint *endpoint)
{
	const struct iommufd *unit = endpoint->unit;
	struct iommufd_vfio_bind bind = {.argsz = sizeof(bind), .iommufd = unit->fd};
	int ret = iommufd_ioctl(unit, endpoint->fd, IOMMUFD_VFIO_BIND, &bind);

	if (ret != 0) {
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: cannot be bound: %s", unit->dev->name,
			    endpoint->id, bind_reason(ret));
		return ret == -ENOTTY ? -ENOTSUP : ret;
	}
	endpoint->dev_id = bind.out_devid;
	return 0;
}

/*
 * What the device's IOMMU is. A kernel that cannot say: nothing is known. One that could say it
 * another time: the endpoint would be without PASIDs for good. @return 0; -ENOMEM
 */
static int
hw_info_get(struct iommufd_endpoint *endpoint)
{
	const struct iommufd *unit = endpoint->unit;
	struct iommufd_hw_info info = {.size = sizeof(info), .dev_id = endpoint->dev_id};
	int ret = iommufd_ioctl(unit, unit->fd, IOMMUFD_GET_HW_INFO, &info);

	if (ret != 0) {
		IOMMUFD_LOG(DEBUG, "%s: endpoint 0x%x: GET_HW_INFO: %s", unit->dev->name,
			    endpoint->id, strerror(-ret));
		return ret == -ENOMEM ? ret : 0;
	}
	endpoint->info_type = info.out_data_type;
	endpoint->pasids = info.out_max_pasid_log2 != 0 && unit->pasid_bits != 0;
	return 0;
}

/* Whether page requests can come, by what the platform knows. @return 0; -ENOTSUP */
static int
requests_check(const struct iommufd_endpoint *endpoint, const struct uiommu_file_device *device)
{
	const char *name = endpoint->unit->dev->name;

	if (!endpoint->requests)
		return 0;
	if (device->is_vf) {
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: not supported: page requests of a virtual "
			    "function, which the kernel refuses: add it without "
			    "(UIOMMU_ENDPOINT_NO_PAGE_REQUESTS)", name, endpoint->id);
		return -ENOTSUP;
	}
	if (device->lacks_page_requests) {
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: not supported: the device has no page "
			    "requests: add it without (UIOMMU_ENDPOINT_NO_PAGE_REQUESTS)", name,
			    endpoint->id);
		return -ENOTSUP;
	}
	return 0;
}

static int
endpoint_open(struct iommufd_endpoint *endpoint)
{
	struct iommufd *unit = endpoint->unit;
	struct uiommu_file_device device = {0};
	int ret;

	ret = unit->files->device_open(unit->plat, unit->fd, endpoint->id, &device);
	if (ret < 0)
		return ret;
	endpoint->fd = ret;
	ret = requests_check(endpoint, &device);
	if (ret == 0)
		ret = device_bind(endpoint);
	if (ret == 0)
		ret = hw_info_get(endpoint);
	if (ret == 0) {
		if (iommufd_devmap_add(unit->devmap, endpoint->dev_id, endpoint->id) == 0)
			return 0;
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: too many devices", unit->dev->name,
			    endpoint->id);
		ret = -ENOSPC;
	}
	unit->files->close(unit->plat, endpoint->fd);
	return ret;
}

/* One that has the fewest endpoints; of those, the first. */
static uint16_t
queue_choose(const struct iommufd *unit)
{
	uint16_t best = 0, queue;

	for (queue = 1; queue < unit->nb_queues; queue++)
		if (unit->nb_served[queue] < unit->nb_served[best])
			best = queue;
	return best;
}

int
iommufd_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		     const struct uiommu_endpoint_conf *conf, void **endpoint_private)
{
	struct iommufd *unit = iommufd_of(dev);
	struct iommufd_endpoint *endpoint;
	int ret;

	if (conf->pasid_bits > unit->pasid_bits)
		return -EINVAL;
	endpoint = calloc(1, sizeof(*endpoint));
	if (endpoint == NULL)
		return -ENOMEM;
	endpoint->unit = unit;
	endpoint->id = endpoint_id;
	endpoint->requests = (conf->flags & UIOMMU_ENDPOINT_NO_PAGE_REQUESTS) == 0;
	endpoint->queue = endpoint->requests ? queue_choose(unit) : 0;
	endpoint->enabled = true;
	ret = endpoint_open(endpoint);
	if (ret != 0) {
		free(endpoint);
		return ret;
	}
	unit->nb_served[endpoint->queue] += endpoint->requests;
	iommufd_list_lock();
	SLIST_INSERT_HEAD(&unit->endpoints, endpoint, next);
	iommufd_list_unlock();
	*endpoint_private = endpoint;
	return 0;
}

void
iommufd_endpoint_clear(struct uiommu_dev *dev, void *endpoint_private)
{
	struct iommufd_endpoint *endpoint = endpoint_private;

	(void)dev;
	endpoint->enabled = false;
	iommufd_bonds_detach(endpoint);
}

/* Its bonds come into force at the start */
void
iommufd_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private)
{
	(void)dev;
	((struct iommufd_endpoint *)endpoint_private)->enabled = true;
}

void
iommufd_endpoint_free(struct uiommu_dev *dev, void *endpoint_private)
{
	struct iommufd *unit = iommufd_of(dev);
	struct iommufd_endpoint *endpoint = endpoint_private;
	struct iommufd_bond *bond;

	iommufd_bonds_detach(endpoint);
	while ((bond = SLIST_FIRST(&endpoint->bonds)) != NULL) {
		SLIST_REMOVE_HEAD(&endpoint->bonds, next);
		free(bond);
	}
	iommufd_list_lock();
	SLIST_REMOVE(&unit->endpoints, endpoint, iommufd_endpoint, next);
	iommufd_list_unlock();
	/* before the kernel can give the number to another */
	iommufd_devmap_remove(unit->devmap, endpoint->dev_id);
	unit->files->close(unit->plat, endpoint->fd);
	unit->nb_served[endpoint->queue] -= endpoint->requests;
	free(endpoint);
}

/* The kernel takes page requests as long as a page table with a fault queue is attached. */
void
iommufd_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on)
{
	(void)dev;
	(void)endpoint_private;
	(void)on;
}

uint16_t
iommufd_endpoint_queue(struct uiommu_dev *dev, void *endpoint_private)
{
	(void)dev;
	return ((const struct iommufd_endpoint *)endpoint_private)->queue;
}
