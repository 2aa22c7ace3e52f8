/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Devices: opened, bound to a context, and their ioctls (drivers/vfio/device_cdev.c).
 */

#include <errno.h>
#include <string.h>

#include "iommufd_model.h"

#define BIND_SIZE 16

/* @return place of a device; NULL: no memory */
static struct iommufd_model_device **
device_place(struct iommufd_model *model, uint32_t endpoint_id)
{
	struct iommufd_model_device ***segment =
		&model->segments[endpoint_id / IOMMUFD_MODEL_RIDS];

	if (*segment == NULL)
		*segment = emu_alloc(IOMMUFD_MODEL_RIDS * sizeof(**segment), model->emu->socket_id);
	return *segment == NULL ? NULL : &(*segment)[endpoint_id % IOMMUFD_MODEL_RIDS];
}

int
iommufd_model_device_open(struct iommufd_model *model, uint32_t endpoint_id,
			  const struct uiommu_file_device *conf)
{
	struct iommufd_model_device **place, *device;
	int fd;

	if (endpoint_id >= IOMMUFD_MODEL_SEGMENTS * IOMMUFD_MODEL_RIDS)
		return -ENODEV;
	place = device_place(model, endpoint_id);
	if (place == NULL || *place != NULL)
		return place == NULL ? -ENOMEM : -EBUSY;
	device = emu_alloc(sizeof(*device), model->emu->socket_id);
	if (device == NULL)
		return -ENOMEM;
	device->endpoint_id = endpoint_id;
	device->is_vf = conf->is_vf;
	device->lacks_requests = conf->lacks_page_requests;
	fd = iommufd_model_file_add(model, IOMMUFD_MODEL_FILE_DEVICE, device);
	if (fd < 0)
		emu_free(device);
	else
		*place = device;
	return fd;
}

static void
pasids_free(struct iommufd_model_device *device)
{
	uint32_t i;

	if (device->pasids == NULL)
		return;
	for (i = 0; i < UIOMMU_PASID_COUNT / IOMMUFD_MODEL_LEAF; i++)
		emu_free(device->pasids[i]);
	emu_free(device->pasids);
}

void
iommufd_model_device_close(struct iommufd_model *model, struct iommufd_model_device *device)
{
	struct iommufd_model_context *context = device->obj.context;

	iommufd_model_detach_all(model, device);
	*device_place(model, device->endpoint_id) = NULL;
	if (context != NULL) {
		iommufd_model_object_remove(&device->obj);
		iommufd_model_context_put(context);
	}
	pasids_free(device);
	emu_free(device->parts);
	emu_free(device);
}

static int
device_bind(struct iommufd_model *model, struct iommufd_model_device *device,
	    struct iommufd_vfio_bind *bind)
{
	struct iommufd_model_context *context;
	int ret;

	if (bind->argsz < BIND_SIZE || bind->flags != 0 || bind->iommufd < 0 ||
	    device->obj.context != NULL)
		return -EINVAL;
	context = iommufd_model_file_find(model, bind->iommufd, IOMMUFD_MODEL_FILE_CONTEXT);
	if (context == NULL)
		return -EBADF;
	ret = iommufd_model_object_add(context, &device->obj, IOMMUFD_MODEL_DEVICE);
	if (ret < 0) {
		device->obj.context = NULL;
		return ret;
	}
	device->obj.users = 1; /* its file */
	context->files++;
	bind->out_devid = device->obj.id;
	return 0;
}

/* @return 0, and the PASID that is meant; -EINVAL */
static int
pasid_get(struct iommufd_model *model, uint32_t argsz, uint32_t flags, uint32_t size_min,
	  uint32_t size_pasid, uint32_t given, uint32_t *pasid)
{
	const uint32_t valid = model->options.pasid_attach ? IOMMUFD_VFIO_PASID : 0;

	if (argsz < size_min || (flags & ~valid) != 0)
		return -EINVAL;
	*pasid = IOMMUFD_MODEL_RID;
	if ((flags & IOMMUFD_VFIO_PASID) == 0)
		return 0;
	if (argsz < size_pasid || given >> model->options.pasid_bits != 0)
		return -EINVAL;
	if (given == IOMMUFD_MODEL_RID) {
		emu_violation(model->emu, &model->emu->live.protocol,
			      "PASID 0 attached or detached: it is the kernel's number for none");
		return -EINVAL;
	}
	*pasid = given;
	return 0;
}

int
iommufd_model_device_ioctl(struct iommufd_model *model, struct iommufd_model_device *device,
			   unsigned long request, void *arg)
{
	struct iommufd_vfio_attach *attach = arg;
	struct iommufd_vfio_detach *detach = arg;
	const uint32_t flags = attach->flags; /* at one place in both */
	uint32_t pasid;
	int ret;

	if (request == IOMMUFD_VFIO_BIND)
		return device_bind(model, device, arg);
	if (device->obj.context == NULL)
		return -EINVAL;
	switch (request) {
	case IOMMUFD_VFIO_ATTACH:
		ret = pasid_get(model, attach->argsz, flags, IOMMUFD_VFIO_ATTACH_SIZE_MIN,
				sizeof(*attach),
				(flags & IOMMUFD_VFIO_PASID) != 0 ? attach->pasid : 0, &pasid);
		return ret == 0 ? iommufd_model_attach(model, device, pasid, &attach->pt_id) : ret;
	case IOMMUFD_VFIO_DETACH:
		ret = pasid_get(model, detach->argsz, flags, IOMMUFD_VFIO_DETACH_SIZE_MIN,
				sizeof(*detach),
				(flags & IOMMUFD_VFIO_PASID) != 0 ? detach->pasid : 0, &pasid);
		if (ret == 0)
			iommufd_model_detach(model, device, pasid);
		return ret;
	default:
		return -ENOTTY;
	}
}
