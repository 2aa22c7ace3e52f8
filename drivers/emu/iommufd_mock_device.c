/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Mock devices of the kernel in the place of VFIO devices. A mock device is attached as long as it
 * is there: one that VFIO would have detached is attached to an address space with nothing in it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "emu_pvt.h"
#include "iommufd_hw.h"
#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"

static int
mock_cmd(struct mock *mock, struct iommufd_mock_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ioctl(mock->context, IOMMUFD_MOCK_CMD, cmd) == 0 ? 0 : -errno;
}

struct mock_device *
mock_device_find(struct mock *mock, int fd)
{
	struct mock_device *found = NULL;
	unsigned int i;

	pthread_mutex_lock(&mock->lock);
	for (i = 0; i < mock->nb_devices && found == NULL; i++)
		if (mock->devices[i].fd == fd)
			found = &mock->devices[i];
	pthread_mutex_unlock(&mock->lock);
	return found;
}

/* A free place of the table, for this file. */
static struct mock_device *
device_take(struct mock *mock, int fd, uint32_t endpoint_id)
{
	struct mock_device *device = NULL;
	unsigned int i;

	pthread_mutex_lock(&mock->lock);
	for (i = 0; i < mock->nb_devices; i++)
		if (mock->devices[i].fd < 0)
			break;
	if (i < MOCK_DEVICES_MAX) {
		device = &mock->devices[i];
		*device = (struct mock_device){.fd = fd, .endpoint_id = endpoint_id};
		if (i == mock->nb_devices)
			mock->nb_devices++;
	}
	pthread_mutex_unlock(&mock->lock);
	return device;
}

int
mock_device_open(struct iommufd_kernel *kernel, int context, uint32_t endpoint_id,
		 struct uiommu_file_device *device)
{
	struct mock *mock = mock_of(kernel);
	int fd;

	(void)device;
	if (context != mock->context)
		return -EBADF;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (device_take(mock, fd, endpoint_id) == NULL) {
		EMU_LOG(ERR, "kernel=mock: no more than %u devices", MOCK_DEVICES_MAX);
		close(fd);
		return -ENOSPC;
	}
	return fd;
}

/* Its address stays in the table until the place is taken again: answers may be on their way. */
bool
mock_device_close(struct mock *mock, int fd)
{
	struct mock_device *device = mock_device_find(mock, fd);
	struct iommufd_destroy destroy = {.size = sizeof(destroy)};

	if (device == NULL)
		return false;
	destroy.id = device->stdev_id;
	if (destroy.id != 0 && ioctl(mock->context, IOMMUFD_DESTROY, &destroy) != 0)
		EMU_LOG(ERR, "kernel=mock: device 0x%x cannot be destroyed: %s",
			device->endpoint_id, strerror(errno));
	free(device->pasids);
	pthread_mutex_lock(&mock->lock);
	device->pasids = NULL;
	device->nb_pasids = 0;
	device->stdev_id = 0;
	device->idev_id = 0;
	device->fd = -1;
	pthread_mutex_unlock(&mock->lock);
	close(fd);
	return true;
}

/*
 * The device sends a request that nobody is there for: the kernel answers it at once, and the
 * answer tells its address.
 */
static int
introduce(struct mock *mock, const struct mock_device *device)
{
	struct iommufd_mock_cmd cmd = {
		.op = IOMMUFD_MOCK_OP_TRIGGER_IOPF,
		.trigger.dev_id = device->idev_id,
		.trigger.grpid = mock->introduction | (uint32_t)(device - mock->devices),
		.trigger.perm = IOMMUFD_PERM_READ,
	};

	return mock_cmd(mock, &cmd);
}

static int
device_bind(struct mock *mock, struct mock_device *device, struct iommufd_vfio_bind *bind)
{
	struct iommufd_mock_cmd cmd = {.op = IOMMUFD_MOCK_OP_DEVICE, .id = mock->empty_ioas};
	int ret;

	if (bind->argsz < sizeof(*bind) || bind->flags != 0 || bind->iommufd != mock->context ||
	    device->stdev_id != 0)
		return -EINVAL;
	if ((mock->kernel->flags & IOMMUFD_KERNEL_PASIDS) != 0) {
		cmd.op = IOMMUFD_MOCK_OP_DEVICE_FLAGS;
		cmd.device.flags = IOMMUFD_MOCK_DEVICE_PASID;
	}
	ret = mock_cmd(mock, &cmd);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&mock->lock);
	device->stdev_id = cmd.device.out_stdev_id;
	device->idev_id = cmd.device.out_idev_id;
	pthread_mutex_unlock(&mock->lock);
	bind->out_devid = device->idev_id;
	return introduce(mock, device);
}

/* @return where the PASID is in the table of those attached; nb_pasids: it is not */
static uint32_t
pasid_find(const struct mock_device *device, uint32_t pasid)
{
	uint32_t i;

	for (i = 0; i < device->nb_pasids; i++)
		if (device->pasids[i] == pasid)
			break;
	return i;
}

static int
pasid_attach(struct mock *mock, struct mock_device *device, struct iommufd_vfio_attach *attach)
{
	uint32_t at = pasid_find(device, attach->pasid);
	struct iommufd_mock_cmd cmd = {
		.op = at < device->nb_pasids ? IOMMUFD_MOCK_OP_PASID_REPLACE :
					       IOMMUFD_MOCK_OP_PASID_ATTACH,
		.id = device->stdev_id,
		.pasid = {.pasid = attach->pasid, .pt_id = attach->pt_id},
	};
	uint32_t *more;
	int ret;

	if (at == device->nb_pasids) {
		more = realloc(device->pasids, (at + 1) * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		device->pasids = more;
	}
	ret = mock_cmd(mock, &cmd);
	if (ret == 0 && at == device->nb_pasids)
		device->pasids[device->nb_pasids++] = attach->pasid;
	return ret;
}

static int
device_attach(struct mock *mock, struct mock_device *device, struct iommufd_vfio_attach *attach)
{
	struct iommufd_mock_cmd cmd = {.op = IOMMUFD_MOCK_OP_REPLACE, .id = device->stdev_id};
	int ret;

	if (attach->argsz < IOMMUFD_VFIO_ATTACH_SIZE_MIN || device->stdev_id == 0)
		return -EINVAL;
	if (attach->flags == IOMMUFD_VFIO_PASID) {
		if ((mock->kernel->flags & IOMMUFD_KERNEL_PASIDS) == 0 ||
		    attach->argsz < sizeof(*attach))
			return -EINVAL;
		return pasid_attach(mock, device, attach);
	}
	if (attach->flags != 0)
		return -EINVAL;
	cmd.replace.pt_id = attach->pt_id;
	ret = mock_cmd(mock, &cmd);
	if (ret == 0)
		attach->pt_id = cmd.replace.pt_id;
	return ret;
}

static int
device_detach(struct mock *mock, struct mock_device *device,
	      const struct iommufd_vfio_detach *detach)
{
	struct iommufd_mock_cmd cmd = {.id = device->stdev_id};
	uint32_t at;
	int ret;

	if (detach->argsz < IOMMUFD_VFIO_DETACH_SIZE_MIN || device->stdev_id == 0)
		return -EINVAL;
	if (detach->flags == IOMMUFD_VFIO_PASID && detach->argsz >= sizeof(*detach)) {
		at = pasid_find(device, detach->pasid);
		if (at == device->nb_pasids)
			return 0; /* as VFIO has it */
		cmd.op = IOMMUFD_MOCK_OP_PASID_DETACH;
		cmd.pasid.pasid = detach->pasid;
		ret = mock_cmd(mock, &cmd);
		if (ret == 0)
			device->pasids[at] = device->pasids[--device->nb_pasids];
		return ret;
	}
	if (detach->flags != 0)
		return -EINVAL;
	cmd.op = IOMMUFD_MOCK_OP_REPLACE;
	cmd.replace.pt_id = mock->empty_ioas;
	return mock_cmd(mock, &cmd);
}

int
mock_device_ioctl(struct mock *mock, struct mock_device *device, unsigned long request, void *arg)
{
	switch (request) {
	case IOMMUFD_VFIO_BIND:
		return device_bind(mock, device, arg);
	case IOMMUFD_VFIO_ATTACH:
		return device_attach(mock, device, arg);
	case IOMMUFD_VFIO_DETACH:
		return device_detach(mock, device, arg);
	default:
		return -ENOTTY;
	}
}
