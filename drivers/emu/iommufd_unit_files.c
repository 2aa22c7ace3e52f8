/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Files of the unit: the driver's system calls on their way to a kernel. Calls that go wrong on
 * purpose do so here; what a call has caused is judged, and devices have forgotten what they must,
 * before it returns.
 */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include <iommufd_hw.h>

#include "iommufd_unit.h"

#define DEVICES_MORE 64

static struct iommufd_unit *
unit_of(struct uiommu_platform *plat)
{
	struct uiommu_emu *emu = plat->priv;

	return emu->unit;
}

static void
unit_enter(struct uiommu_emu *emu)
{
	emu_enter(emu);
	emu->now = rte_rdtsc();
}

/* What a call has caused is judged before it returns. */
static void
settle(struct uiommu_platform *plat)
{
	struct uiommu_emu *emu = plat->priv;

	unit_enter(emu);
	iommufd_unit_collect(emu);
	emu_leave(emu);
}

/* The model's turn, where it has no thread of its own. */
static void
turn(struct uiommu_platform *plat)
{
	struct uiommu_emu *emu = plat->priv;

	if (emu->inline_steps)
		uiommu_emu_step(emu);
}

static int
unit_context_open(struct uiommu_platform *plat)
{
	struct iommufd_unit *unit = unit_of(plat);

	return unit->ops->context_open(&unit->kernel);
}

/* Whose descriptor it is; with the emulation's lock held. */
static int
device_note(struct uiommu_emu *emu, int fd, uint32_t endpoint_id)
{
	struct iommufd_unit *unit = emu->unit;
	struct iommufd_unit_device *devices;

	if (unit->nb_devices == unit->devices_size) {
		devices = emu_alloc((unit->devices_size + DEVICES_MORE) * sizeof(*devices),
				    emu->socket_id);
		if (devices == NULL)
			return -ENOMEM;
		if (unit->nb_devices > 0)
			memcpy(devices, unit->devices, unit->nb_devices * sizeof(*devices));
		emu_free(unit->devices);
		unit->devices = devices;
		unit->devices_size += DEVICES_MORE;
	}
	unit->devices[unit->nb_devices++] = (struct iommufd_unit_device){
		.fd = fd, .endpoint_id = endpoint_id,
	};
	return 0;
}

static void
device_drop(struct uiommu_emu *emu, int fd)
{
	struct iommufd_unit *unit = emu->unit;
	uint32_t i;

	for (i = 0; i < unit->nb_devices; i++)
		if (unit->devices[i].fd == fd) {
			unit->devices[i] = unit->devices[--unit->nb_devices];
			return;
		}
}

static int
unit_device_open(struct uiommu_platform *plat, int context, uint32_t endpoint_id,
		 struct uiommu_file_device *device)
{
	struct iommufd_unit *unit = unit_of(plat);
	struct uiommu_emu *emu = plat->priv;
	const struct emu_device *dev;
	int fd, ret;

	*device = (struct uiommu_file_device){.has_page_requests = true};
	emu_enter(emu);
	dev = emu_device_find(emu, endpoint_id);
	device->is_vf = dev != NULL && dev->pf_id != endpoint_id;
	emu_leave(emu);
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_OPEN)) {
		EMU_LOG(ERR, "%s: device 0x%x cannot be opened, as was wished", emu->name,
			endpoint_id);
		return -EBUSY;
	}
	fd = unit->ops->device_open(&unit->kernel, context, endpoint_id, device);
	if (fd < 0)
		return fd;
	emu_enter(emu);
	ret = device_note(emu, fd, endpoint_id);
	emu_leave(emu);
	if (ret < 0)
		unit->ops->file_close(&unit->kernel, fd);
	return ret < 0 ? ret : fd;
}

/*
 * A call may have taken translations away: devices confirm that they have forgotten them, and what
 * they sent before is there. Of a first stage nobody knows what has led to an address.
 */
static void
devices_settle(struct uiommu_emu *emu, int fd, unsigned long request, uint64_t first, uint64_t last)
{
	struct iommufd_unit *unit = emu->unit;
	uint32_t i;

	if (request == IOMMUFD_IOAS_UNMAP && !unit->nested) {
		iommufd_unit_forget(emu, first, last);
		return;
	}
	iommufd_unit_forget(emu, 0, UINT64_MAX);
	for (i = 0; i < unit->nb_devices; i++)
		if (unit->devices[i].fd == fd)
			emu_late_push(emu, unit->devices[i].endpoint_id);
	emu_late_drain(emu);
}

static void
unit_close(struct uiommu_platform *plat, int fd)
{
	struct iommufd_unit *unit = unit_of(plat);
	struct uiommu_emu *emu = plat->priv;

	unit->ops->file_close(&unit->kernel, fd);
	unit_enter(emu);
	iommufd_unit_collect(emu);
	/* whatever it was */
	devices_settle(emu, fd, 0, 0, UINT64_MAX);
	device_drop(emu, fd);
	emu_leave(emu);
	turn(plat);
}

/* ------------------------------------------------------------------------ ioctl */

/* Faults that are wanted. @return 0: none */
static int
ioctl_fault(struct uiommu_emu *emu, unsigned long request)
{
	switch (request) {
	case IOMMUFD_IOAS_MAP:
		if (emu_fault_take(emu, UIOMMU_EMU_FAULT_MAP_NO_MEMORY))
			return -ENOMEM;
		return emu_fault_take(emu, UIOMMU_EMU_FAULT_MAP_BAD_ADDRESS) ? -EFAULT : 0;
	case IOMMUFD_IOAS_UNMAP:
		return emu_fault_take(emu, UIOMMU_EMU_FAULT_UNMAP) ? -EBUSY : 0;
	case IOMMUFD_VFIO_ATTACH:
		return emu_fault_take(emu, UIOMMU_EMU_FAULT_ATTACH) ? -ENOMEM : 0;
	case IOMMUFD_HWPT_ALLOC:
		return emu_fault_take(emu, UIOMMU_EMU_FAULT_TABLE) ? -ENOMEM : 0;
	default:
		return 0;
	}
}

static bool
takes_away(unsigned long request)
{
	return request == IOMMUFD_IOAS_UNMAP || request == IOMMUFD_HWPT_INVALIDATE ||
	       request == IOMMUFD_VFIO_ATTACH || request == IOMMUFD_VFIO_DETACH;
}

static int
unit_ioctl(struct uiommu_platform *plat, int fd, unsigned long request, void *arg)
{
	struct iommufd_unit *unit = unit_of(plat);
	struct uiommu_emu *emu = plat->priv;
	const struct iommufd_ioas_unmap *unmap = arg;
	uint64_t first = 0, last = UINT64_MAX;
	int ret;

	turn(plat);
	if (request == IOMMUFD_IOAS_UNMAP && unmap->length != UINT64_MAX) {
		first = unmap->iova;
		last = unmap->iova + (unmap->length - 1);
	}
	ret = ioctl_fault(emu, request);
	if (ret == 0)
		ret = unit->ops->ioctl(&unit->kernel, fd, request, arg);
	if (request == IOMMUFD_HWPT_ALLOC && ret == 0 &&
	    ((const struct iommufd_hwpt_alloc *)arg)->data_type != IOMMUFD_HWPT_DATA_NONE)
		__atomic_store_n(&unit->nested, true, __ATOMIC_RELAXED);
	if (!takes_away(request) && request != IOMMUFD_DESTROY)
		return ret;
	unit_enter(emu);
	iommufd_unit_collect(emu);
	if (takes_away(request))
		devices_settle(emu, fd, request, first, last);
	emu_leave(emu);
	return ret;
}

/* ------------------------------------------------------------------- fault queues */

/* Faults that are wanted of calls with a fault queue. @return 0: none */
static int
queue_fault(struct uiommu_emu *emu, bool reads)
{
	if (likely(!emu_fault_is_set(emu)))
		return 0;
	if (reads && emu_fault_take(emu, UIOMMU_EMU_FAULT_READ_NO_MEMORY))
		return -ENOMEM;
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_INTERRUPTED))
		return -EINTR;
	return emu_fault_take(emu, UIOMMU_EMU_FAULT_FILE_DEAD) ? -EIO : 0;
}

static ssize_t
unit_read(struct uiommu_platform *plat, int fd, void *buf, size_t len)
{
	struct iommufd_unit *unit = unit_of(plat);
	int fault;

	turn(plat);
	fault = queue_fault(plat->priv, true);
	if (fault != 0)
		return fault;
	return unit->ops->read(&unit->kernel, fd, buf, len);
}

static ssize_t
unit_write(struct uiommu_platform *plat, int fd, const void *buf, size_t len)
{
	struct iommufd_unit *unit = unit_of(plat);
	struct uiommu_emu *emu = plat->priv;
	ssize_t ret = queue_fault(emu, false);

	if (ret != 0)
		return ret;
	if (len > sizeof(struct iommufd_resp) && emu_fault_is_set(emu) &&
	    emu_fault_take(emu, UIOMMU_EMU_FAULT_SHORT_WRITE))
		len = sizeof(struct iommufd_resp);
	ret = unit->ops->write(&unit->kernel, fd, buf, len);
	if ((unit->kernel.flags & IOMMUFD_KERNEL_ANSWERS) != 0)
		settle(plat);
	turn(plat);
	return ret;
}

static int
unit_poll(struct uiommu_platform *plat, int fd, short events)
{
	struct iommufd_unit *unit = unit_of(plat);

	turn(plat);
	return unit->ops->poll(&unit->kernel, fd, events);
}

const struct uiommu_file_ops iommufd_unit_files = {
	.context_open = unit_context_open,
	.device_open = unit_device_open,
	.close = unit_close,
	.ioctl = unit_ioctl,
	.read = unit_read,
	.write = unit_write,
	.poll = unit_poll,
};
