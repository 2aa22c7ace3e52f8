/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Mock devices of the kernel: made, attached to something else, destroyed. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "emu_pvt.h"
#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"

int
mock_cmd(struct mock *mock, struct iommufd_mock_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ioctl(mock->context, IOMMUFD_MOCK_CMD, cmd) == 0 ? 0 : -errno;
}

static void
stdev_destroy(struct mock *mock, uint32_t stdev_id)
{
	struct iommufd_destroy destroy = {.size = sizeof(destroy), .id = stdev_id};

	if (ioctl(mock->context, IOMMUFD_DESTROY, &destroy) != 0)
		EMU_LOG(ERR, "kernel=mock: device %u cannot be destroyed: %s", stdev_id,
			strerror(errno));
}

/*
 * The device sends a request that nobody is there for: the kernel answers it at once, and the
 * answer tells its address.
 */
static int
introduce(struct mock *mock, uint32_t idev_id, uint32_t place)
{
	struct iommufd_mock_cmd cmd = {
		.op = IOMMUFD_MOCK_OP_TRIGGER_IOPF,
		.trigger.dev_id = idev_id,
		.trigger.grpid = mock->introduction | place,
		.trigger.perm = IOMMUFD_PERM_READ,
	};
	int ret = mock_cmd(mock, &cmd);

	/* other units hear of it as well */
	if (mock->judge)
		mock_answers_take(mock);
	return ret;
}

static int
device_enter(struct mock *mock, const struct mock_device *like)
{
	struct mock_device *device;
	uint32_t place = 0;
	int ret;

	pthread_mutex_lock(&mock->lock);
	device = mock_device_add(mock, like);
	if (device != NULL)
		place = (uint32_t)(device - mock->devices);
	pthread_mutex_unlock(&mock->lock);
	if (place == 0) {
		EMU_LOG(ERR, "kernel=mock: no more than %u devices", MOCK_DEVICES_MAX - 1);
		return -ENOSPC;
	}
	ret = introduce(mock, like->idev_id, place);
	if (ret == 0) {
		pthread_mutex_lock(&mock->lock);
		device->silent = false;
		pthread_mutex_unlock(&mock->lock);
	}
	return ret;
}

int
mock_device_replace(struct mock *mock, uint32_t stdev_id, uint32_t pt_id)
{
	struct iommufd_mock_cmd cmd = {
		.op = IOMMUFD_MOCK_OP_REPLACE, .id = stdev_id, .replace.pt_id = pt_id};

	return mock_cmd(mock, &cmd);
}

/*
 * Where the kernel attaches PASIDs, the table on the RID must go with them, and those that the
 * kernel makes of itself for an address space do not (Linux's drivers/iommu/iommufd/device.c,
 * iommufd_hwpt_pasid_compat()). So there is one for all devices, made for the first one.
 */
static int
empty_attach(struct mock *mock, uint32_t stdev_id, uint32_t idev_id)
{
	struct iommufd_hwpt_alloc alloc = {
		.size = sizeof(alloc), .flags = IOMMUFD_HWPT_PASID,
		.dev_id = idev_id, .pt_id = mock->empty_ioas};
	int ret = 0;

	if (!mock->pasids)
		return 0;
	pthread_mutex_lock(&mock->lock);
	if (mock->empty_pt == mock->empty_ioas) {
		if (ioctl(mock->context, IOMMUFD_HWPT_ALLOC, &alloc) == 0)
			mock->empty_pt = alloc.out_hwpt_id;
		else
			ret = -errno;
	}
	pthread_mutex_unlock(&mock->lock);
	return ret < 0 ? ret : mock_device_replace(mock, stdev_id, mock->empty_pt);
}

int
mock_device_make(struct mock *mock, uint32_t endpoint_id, uint32_t pasid, uint32_t *stdev_id,
		 uint32_t *idev_id)
{
	struct iommufd_mock_cmd cmd = {.op = IOMMUFD_MOCK_OP_DEVICE, .id = mock->empty_ioas};
	struct mock_device like;
	int ret;

	if (mock->pasids) {
		cmd.op = IOMMUFD_MOCK_OP_DEVICE_FLAGS;
		cmd.device.flags = IOMMUFD_MOCK_DEVICE_PASID;
	}
	ret = mock_cmd(mock, &cmd);
	if (ret < 0)
		return ret;
	*stdev_id = cmd.device.out_stdev_id;
	*idev_id = cmd.device.out_idev_id;
	ret = empty_attach(mock, *stdev_id, *idev_id);
	if (ret < 0) {
		stdev_destroy(mock, *stdev_id);
		return ret;
	}
	like = (struct mock_device){
		.endpoint_id = endpoint_id,
		.pasid = pasid,
		.stdev_id = *stdev_id,
		.idev_id = *idev_id,
	};
	ret = device_enter(mock, &like);
	if (ret == -ENOSPC)
		stdev_destroy(mock, *stdev_id);
	else if (ret < 0)
		mock_device_destroy(mock, endpoint_id, pasid);
	return ret;
}

void
mock_device_destroy(struct mock *mock, uint32_t endpoint_id, uint32_t pasid)
{
	const uint64_t key = mock_endpoint_key(endpoint_id, pasid);
	struct mock_device *device;
	uint32_t stdev_id = 0;

	pthread_mutex_lock(&mock->sending);
	pthread_mutex_lock(&mock->lock);
	device = mock_device_by(mock, MOCK_BY_ENDPOINT, key);
	if (device != NULL) {
		stdev_id = device->stdev_id;
		device->silent = true;
	}
	pthread_mutex_unlock(&mock->lock);
	pthread_mutex_unlock(&mock->sending);
	if (stdev_id == 0)
		return;
	/* as long as the kernel has it, its messages may be read */
	stdev_destroy(mock, stdev_id);
	pthread_mutex_lock(&mock->lock);
	mock_device_remove(mock, device);
	pthread_mutex_unlock(&mock->lock);
}
