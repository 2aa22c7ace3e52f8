/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../drivers/emu/iommufd_mock_hw.h"
#include "../../drivers/iommufd/iommufd_hw.h"

#include "mock.h"

static int
call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int
mock_context_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int
mock_device_make(int iommu, struct mock_device *d)
{
	struct iommufd_mock_cmd cmd = {.size = sizeof(cmd), .op = IOMMUFD_MOCK_OP_DEVICE};
	struct iommufd_ioas_alloc ioas = {.size = sizeof(ioas)};
	int ret;

	ret = call(iommu, IOMMUFD_IOAS_ALLOC, &ioas);
	if (ret != 0)
		return ret;
	cmd.id = ioas.out_ioas_id;
	ret = call(iommu, IOMMUFD_MOCK_CMD, &cmd);
	if (ret != 0)
		return ret;
	d->iommu = iommu;
	d->parking = ioas.out_ioas_id;
	d->stdev = cmd.device.out_stdev_id;
	d->idev = cmd.device.out_idev_id;
	return 0;
}

int
mock_device_attach(const struct mock_device *d, uint32_t pt)
{
	struct iommufd_mock_cmd cmd = {.size = sizeof(cmd), .op = IOMMUFD_MOCK_OP_REPLACE,
				       .id = d->stdev, .replace.pt_id = pt};

	return call(d->iommu, IOMMUFD_MOCK_CMD, &cmd);
}

int
mock_raise(const struct mock_device *d, uint64_t iova, uint32_t perm, uint32_t group)
{
	struct iommufd_mock_cmd cmd = {.size = sizeof(cmd), .op = IOMMUFD_MOCK_OP_TRIGGER_IOPF,
				       .trigger = {.dev_id = d->idev, .grpid = group,
						   .perm = perm, .addr = iova}};

	return call(d->iommu, IOMMUFD_MOCK_CMD, &cmd);
}

int
mock_hwpt_alloc(int iommu, struct iommufd_hwpt_alloc *hwpt, uint32_t *parent)
{
	struct iommufd_hwpt_alloc above = {.size = sizeof(above), .dev_id = hwpt->dev_id,
					   .flags = IOMMUFD_HWPT_NEST_PARENT,
					   .pt_id = hwpt->pt_id};
	struct iommufd_hwpt_alloc nested = *hwpt;
	struct iommufd_mock_hwpt data = {.iotlb = 0};
	int ret;

	*parent = 0;
	ret = call(iommu, IOMMUFD_HWPT_ALLOC, hwpt);
	if (ret != -EOPNOTSUPP || hwpt->flags != IOMMUFD_HWPT_FAULT_ID_VALID ||
	    hwpt->data_type != IOMMUFD_HWPT_DATA_NONE)
		return ret;
	ret = call(iommu, IOMMUFD_HWPT_ALLOC, &above);
	if (ret != 0)
		return ret;
	*parent = above.out_hwpt_id;
	nested.pt_id = above.out_hwpt_id;
	nested.data_type = IOMMUFD_MOCK_HWPT_DATA;
	nested.data_len = sizeof(data);
	nested.data_uptr = (uintptr_t)&data;
	ret = call(iommu, IOMMUFD_HWPT_ALLOC, &nested);
	hwpt->out_hwpt_id = nested.out_hwpt_id;
	return ret;
}

/* A page table with a fault queue, and the device at it. */
static int
queue_attach(struct mock_queue *q)
{
	struct iommufd_fault_alloc fault = {.size = sizeof(fault)};
	struct iommufd_ioas_alloc ioas = {.size = sizeof(ioas)};
	uint32_t parent; /* goes with the context */
	struct iommufd_hwpt_alloc hwpt = {.size = sizeof(hwpt),
					  .flags = IOMMUFD_HWPT_FAULT_ID_VALID,
					  .dev_id = q->device.idev};
	int ret;

	ret = call(q->iommu, IOMMUFD_FAULT_QUEUE_ALLOC, &fault);
	if (ret != 0)
		return ret;
	q->fd = (int)fault.out_fault_fd;
	ret = call(q->iommu, IOMMUFD_IOAS_ALLOC, &ioas);
	if (ret != 0)
		return ret;
	hwpt.pt_id = ioas.out_ioas_id;
	hwpt.fault_id = fault.out_fault_id;
	ret = mock_hwpt_alloc(q->iommu, &hwpt, &parent);
	return ret != 0 ? ret : mock_device_attach(&q->device, hwpt.out_hwpt_id);
}

int
mock_queue_open(struct bench *b, struct mock_queue *q)
{
	int ret;

	memset(q, 0, sizeof(*q));
	q->fd = -1;
	q->iommu = mock_context_open();
	if (q->iommu < 0)
		return bench_missing(b, "/dev/iommu: %s", strerror(-q->iommu));
	ret = mock_device_make(q->iommu, &q->device);
	if (ret != 0)
		bench_missing(b, "the kernel makes no mock device (CONFIG_IOMMUFD_TEST): %s",
			      strerror(-ret));
	if (ret == 0) {
		ret = queue_attach(q);
		if (ret != 0)
			bench_missing(b, "no fault queue (Linux 6.11): %s", strerror(-ret));
	}
	if (ret == 0)
		return 0;
	mock_queue_close(q);
	return -ENOTSUP;
}

int
mock_possible(struct bench *b)
{
	struct mock_queue queue;
	int ret = mock_queue_open(b, &queue);
	uint32_t i;

	if (ret != 0)
		return ret;
	mock_queue_close(&queue);
	for (i = 0; uiommu_driver_name(i) != NULL; i++)
		if (strcmp(uiommu_driver_name(i), "iommufd") == 0)
			return 0;
	return bench_missing(b, "built without the driver");
}

/* Whatever the context has goes with it, the device too. */
void
mock_queue_close(struct mock_queue *q)
{
	if (q->fd >= 0)
		close(q->fd);
	if (q->iommu >= 0)
		close(q->iommu);
	q->fd = -1;
	q->iommu = -1;
}
