/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "bench": the mock device, with nothing between the driver and the kernel that would
 * be measured too. The emulation's kernel=mock has a judge.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <uiommu_driver.h>

#include "../../drivers/iommufd/iommufd_hw.h"

#include "mock.h"

#define TABLES_MAX 16

/* A nested table that stands for one of the kernel's own. */
struct table {
	uint32_t id;
	uint32_t parent; /* 0: this place is free */
};

/* Of the one unit that there is. */
static struct {
	bool used;
	struct mock_device device; /* stdev 0: none */
	int device_fd;             /* stands for the VFIO device */
	struct table tables[TABLES_MAX];
	struct mock_costs *costs;
} state = {.device_fd = -1};

const struct mock_device *
mock_platform_device(void)
{
	return state.device.stdev == 0 ? NULL : &state.device;
}

void
mock_platform_watch(struct mock_costs *costs)
{
	state.costs = costs;
}

static int
platform_open(struct uiommu_platform *plat, struct uiommu_args *args)
{
	if (state.used)
		return -EBUSY;
	state.used = true;
	plat->coherent = true;
	return 0;
}

static void
platform_close(struct uiommu_platform *plat)
{
	state.used = false;
	memset(state.tables, 0, sizeof(state.tables));
}

static int
memory_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	size_t whole = RTE_ALIGN_CEIL(size, align);

	mem->va = aligned_alloc(align, whole);
	if (mem->va == NULL)
		return -ENOMEM;
	memset(mem->va, 0, whole);
	mem->pa = (uintptr_t)mem->va;
	mem->size = size;
	return 0;
}

static void
memory_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	free(mem->va);
}

static int
memory_pa_of(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	*pa = (uintptr_t)va;
	return 0;
}

static int
context_open(struct uiommu_platform *plat)
{
	return mock_context_open();
}

static int
device_open(struct uiommu_platform *plat, int context, uint32_t endpoint_id,
	    struct uiommu_file_device *device)
{
	int ret;

	if (state.device_fd >= 0)
		return -EBUSY;
	ret = mock_device_make(context, &state.device);
	if (ret != 0)
		return ret;
	memset(device, 0, sizeof(*device));
	device->has_page_requests = true;
	state.device_fd = dup(context);
	return state.device_fd < 0 ? -errno : state.device_fd;
}

/* The mock device itself goes with the context. */
static void
file_close(struct uiommu_platform *plat, int fd)
{
	if (fd == state.device_fd) {
		mock_device_attach(&state.device, state.device.parking);
		memset(&state.device, 0, sizeof(state.device));
		state.device_fd = -1;
	}
	close(fd);
}

/* What VFIO makes of these requests. */
static int
device_ioctl(unsigned long request, void *arg)
{
	struct iommufd_vfio_attach *attach;
	struct iommufd_vfio_bind *bind;

	switch (request) {
	case IOMMUFD_VFIO_BIND:
		bind = arg;
		bind->out_devid = state.device.idev;
		return 0;
	case IOMMUFD_VFIO_ATTACH:
		attach = arg;
		return attach->flags != 0 ? -EINVAL :
					    mock_device_attach(&state.device, attach->pt_id);
	case IOMMUFD_VFIO_DETACH:
		return mock_device_attach(&state.device, state.device.parking);
	default:
		return -ENOTTY;
	}
}

static struct table *
table_find(uint32_t parent, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < TABLES_MAX; i++)
		if (state.tables[i].parent == parent || (id != 0 && state.tables[i].id == id))
			return &state.tables[i];
	return NULL;
}

static int
table_alloc(int fd, struct iommufd_hwpt_alloc *hwpt)
{
	struct table *table = table_find(0, 0);
	uint32_t parent;
	int ret;

	if (table == NULL)
		return -ENOSPC;
	ret = mock_hwpt_alloc(fd, hwpt, &parent);
	if (ret == 0 && parent != 0)
		*table = (struct table){.id = hwpt->out_hwpt_id, .parent = parent};
	return ret;
}

/* With the parent that was made for it. */
static int
object_destroy(int fd, struct iommufd_destroy *destroy)
{
	struct iommufd_destroy above = {.size = sizeof(above)};
	struct table *table = table_find(UINT32_MAX, destroy->id);

	if (ioctl(fd, IOMMUFD_DESTROY, destroy) != 0)
		return -errno;
	if (table == NULL)
		return 0;
	above.id = table->parent;
	memset(table, 0, sizeof(*table));
	return ioctl(fd, IOMMUFD_DESTROY, &above) != 0 ? -errno : 0;
}

static int
file_ioctl(struct uiommu_platform *plat, int fd, unsigned long request, void *arg)
{
	int ret;

	if (fd == state.device_fd)
		return device_ioctl(request, arg);
	if (request == IOMMUFD_HWPT_ALLOC)
		return table_alloc(fd, arg);
	if (request == IOMMUFD_DESTROY)
		return object_destroy(fd, arg);
	ret = ioctl(fd, request, arg);
	return ret < 0 ? -errno : ret;
}

static ssize_t
file_read(struct uiommu_platform *plat, int fd, void *buf, size_t len)
{
	struct mock_costs *costs = state.costs;
	uint64_t start = costs == NULL ? 0 : bench_now();
	ssize_t ret = read(fd, buf, len);

	if (costs != NULL) {
		costs->read += bench_now() - start;
		costs->nb_reads++;
	}
	return ret < 0 ? -errno : ret;
}

static ssize_t
file_write(struct uiommu_platform *plat, int fd, const void *buf, size_t len)
{
	struct mock_costs *costs = state.costs;
	uint64_t start = costs == NULL ? 0 : bench_now();
	ssize_t ret = write(fd, buf, len);

	if (costs != NULL) {
		costs->write += bench_now() - start;
		costs->nb_writes++;
	}
	return ret < 0 ? -errno : ret;
}

static int
file_poll(struct uiommu_platform *plat, int fd, short events)
{
	struct pollfd file = {.fd = fd, .events = events};

	return poll(&file, 1, 0) < 0 ? -errno : file.revents;
}

static const struct uiommu_file_ops file_ops = {
	.context_open = context_open,
	.device_open = device_open,
	.close = file_close,
	.ioctl = file_ioctl,
	.read = file_read,
	.write = file_write,
	.poll = file_poll,
	.real = true,
};

static const struct uiommu_platform_ops bench_platform = {
	.name = "bench",
	.open = platform_open,
	.close = platform_close,
	.dma_alloc = memory_alloc,
	.dma_free = memory_free,
	.pa_of = memory_pa_of,
	.files = &file_ops,
};

UIOMMU_PLATFORM_REGISTER(bench_platform);
