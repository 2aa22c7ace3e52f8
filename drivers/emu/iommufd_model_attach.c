/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Attachments (drivers/iommu/iommufd/device.c): first, instead of another one, and away, with the
 * answers that the kernel gives by itself.
 */

#include <errno.h>

#include "iommufd_model.h"

static struct iommufd_model_handle **
handle_at(struct iommufd_model_device *device, uint32_t pasid)
{
	if (pasid == IOMMUFD_MODEL_RID)
		return &device->rid;
	return &device->pasids[pasid >> IOMMUFD_MODEL_LEAF_BITS][pasid % IOMMUFD_MODEL_LEAF];
}

/* The place of a PASID is there. */
static int
place_make(struct iommufd_model *model, struct iommufd_model_device *device, uint32_t pasid)
{
	const uint32_t top = pasid >> IOMMUFD_MODEL_LEAF_BITS;
	const int socket_id = model->emu->socket_id;

	if (pasid == IOMMUFD_MODEL_RID)
		return 0;
	if (device->pasids == NULL)
		device->pasids = emu_alloc(UIOMMU_PASID_COUNT / IOMMUFD_MODEL_LEAF *
						   sizeof(device->pasids[0]),
					   socket_id);
	if (device->pasids == NULL)
		return -ENOMEM;
	if (device->pasids[top] == NULL)
		device->pasids[top] = emu_alloc(IOMMUFD_MODEL_LEAF *
							sizeof(device->pasids[top][0]),
						socket_id);
	return device->pasids[top] == NULL ? -ENOMEM : 0;
}

struct iommufd_model_handle *
iommufd_model_handle_find(const struct iommufd_model_device *device, uint32_t pasid)
{
	if (pasid == IOMMUFD_MODEL_RID)
		return device->rid;
	if (device->pasids == NULL ||
	    device->pasids[pasid >> IOMMUFD_MODEL_LEAF_BITS] == NULL)
		return NULL;
	return device->pasids[pasid >> IOMMUFD_MODEL_LEAF_BITS][pasid % IOMMUFD_MODEL_LEAF];
}

/* Whether a table may be used so: what RID and PASIDs want of each other, and of the device. */
static int
attach_check(const struct iommufd_model_device *device, uint32_t pasid,
	     const struct iommufd_model_hwpt *hwpt)
{
	if (pasid != IOMMUFD_MODEL_RID &&
	    (!hwpt->takes_pasids || (device->rid != NULL && !device->rid->hwpt->takes_pasids)))
		return -EINVAL;
	if (pasid == IOMMUFD_MODEL_RID && device->nb_pasids > 0 && !hwpt->takes_pasids)
		return -EINVAL;
	if (hwpt->fault != NULL && device->is_vf)
		return -EINVAL;
	return hwpt->fault != NULL && device->lacks_requests ? -ENODEV : 0;
}

static void
faulting_change(struct iommufd_model_device *device, const struct iommufd_model_hwpt *old,
		const struct iommufd_model_hwpt *hwpt)
{
	if (hwpt != NULL && hwpt->fault != NULL)
		device->faulting++;
	if (old != NULL && old->fault != NULL && --device->faulting == 0)
		iommufd_model_parts_drop(device);
}

/* What came by an attachment that has gone; and it is gone. */
static void
handle_end(struct iommufd_model *model, struct iommufd_model_handle *handle,
	   struct iommufd_model_fault *queue)
{
	if (queue != NULL)
		iommufd_model_fault_flush(model, queue, handle);
	if (handle->nb_groups > 0) {
		iommufd_model_fault_disown(handle->hwpt->fault, handle);
		emu_violation(model->emu, &model->emu->live.protocol,
			      "device 0x%x PASID 0x%x: replaced with %u groups in a queue that is "
			      "not the new one's, which the kernel leaves there",
			      handle->device->endpoint_id, handle->pasid, handle->nb_groups);
	}
	/* what was made by hand, of no attachment, goes with the last one */
	if (handle->hwpt->fault != NULL && --handle->hwpt->fault->nb_handles == 0)
		iommufd_model_fault_flush(model, handle->hwpt->fault, &model->by_hand);
	iommufd_model_hwpt_put(model, handle->hwpt);
	emu_free(handle);
}

static int
hwpt_attach(struct iommufd_model *model, struct iommufd_model_device *device, uint32_t pasid,
	    struct iommufd_model_hwpt *hwpt)
{
	struct iommufd_model_handle *old = iommufd_model_handle_find(device, pasid);
	struct iommufd_model_handle *handle;
	int ret;

	if (old != NULL && old->hwpt == hwpt)
		return 0;
	ret = attach_check(device, pasid, hwpt);
	if (ret == 0)
		ret = place_make(model, device, pasid);
	if (ret < 0)
		return ret;
	handle = emu_alloc(sizeof(*handle), model->emu->socket_id);
	if (handle == NULL)
		return -ENOMEM;
	ret = iommufd_model_ioas_limit(model, hwpt->ioas, true);
	if (ret < 0) {
		emu_free(handle);
		return ret;
	}
	*handle = (struct iommufd_model_handle){
		.device = device, .hwpt = hwpt, .pasid = pasid,
	};
	hwpt->obj.users++;
	if (hwpt->fault != NULL)
		hwpt->fault->nb_handles++;
	faulting_change(device, NULL, hwpt);
	*handle_at(device, pasid) = handle;
	device->nb_pasids += pasid != IOMMUFD_MODEL_RID && old == NULL;
	if (old != NULL) {
		old->hwpt->ioas->nb_attached--;
		faulting_change(device, old->hwpt, NULL);
		handle_end(model, old, model->options.quirk ? hwpt->fault : old->hwpt->fault);
	}
	return 0;
}

/* A table that was made for the address space before will do. */
static struct iommufd_model_hwpt *
auto_find(const struct iommufd_model_context *context, const struct iommufd_model_ioas *ioas)
{
	struct iommufd_model_hwpt *hwpt;
	uint32_t id;

	for (id = 1; id < context->nb_objects; id++) {
		hwpt = (struct iommufd_model_hwpt *)context->objects[id];
		if (hwpt != NULL && hwpt->obj.type == IOMMUFD_MODEL_HWPT && hwpt->automatic &&
		    hwpt->ioas == ioas)
			return hwpt;
	}
	return NULL;
}

static int
ioas_attach(struct iommufd_model *model, struct iommufd_model_device *device, uint32_t pasid,
	    struct iommufd_model_ioas *ioas, uint32_t *pt_id)
{
	struct iommufd_model_context *context = device->obj.context;
	struct iommufd_model_hwpt *hwpt = auto_find(context, ioas);
	int ret;

	if (hwpt == NULL) {
		ret = iommufd_model_hwpt_auto(context, ioas, &hwpt);
		if (ret < 0)
			return ret;
	}
	ret = hwpt_attach(model, device, pasid, hwpt);
	if (ret == 0)
		*pt_id = hwpt->obj.id;
	else if (hwpt->obj.users == 0)
		iommufd_model_object_destroy(context, hwpt->obj.id);
	return ret;
}

int
iommufd_model_attach(struct iommufd_model *model, struct iommufd_model_device *device,
		     uint32_t pasid, uint32_t *pt_id)
{
	struct iommufd_model_object *pt =
		iommufd_model_object_find(device->obj.context, *pt_id, IOMMUFD_MODEL_ANY);

	if (pt == NULL)
		return -ENOENT;
	if (pt->type == IOMMUFD_MODEL_HWPT)
		return hwpt_attach(model, device, pasid, (struct iommufd_model_hwpt *)pt);
	if (pt->type == IOMMUFD_MODEL_IOAS)
		return ioas_attach(model, device, pasid, (struct iommufd_model_ioas *)pt, pt_id);
	return -EINVAL;
}

void
iommufd_model_detach(struct iommufd_model *model, struct iommufd_model_device *device,
		     uint32_t pasid)
{
	struct iommufd_model_handle *handle = iommufd_model_handle_find(device, pasid);

	if (handle == NULL)
		return;
	*handle_at(device, pasid) = NULL;
	device->nb_pasids -= pasid != IOMMUFD_MODEL_RID;
	handle->hwpt->ioas->nb_attached--;
	faulting_change(device, handle->hwpt, NULL);
	handle_end(model, handle, handle->hwpt->fault);
}

void
iommufd_model_detach_all(struct iommufd_model *model, struct iommufd_model_device *device)
{
	uint32_t top, pasid;

	for (top = 0; device->nb_pasids > 0 && top < UIOMMU_PASID_COUNT / IOMMUFD_MODEL_LEAF;
	     top++)
		for (pasid = 0; device->pasids[top] != NULL && pasid < IOMMUFD_MODEL_LEAF; pasid++)
			if (device->pasids[top][pasid] != NULL)
				iommufd_model_detach(model, device,
						     top << IOMMUFD_MODEL_LEAF_BITS | pasid);
	iommufd_model_detach(model, device, IOMMUFD_MODEL_RID);
}
