/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Objects of a context: ids, and when they may go (drivers/iommu/iommufd/main.c).
 */

#include <errno.h>

#include "iommufd_model.h"

#define OBJECTS_FIRST 64

int
iommufd_model_object_add(struct iommufd_model_context *context, struct iommufd_model_object *obj,
			 enum iommufd_model_type type)
{
	const uint32_t more = RTE_MAX(context->nb_objects, (uint32_t)OBJECTS_FIRST);
	void *objects = context->objects;
	uint32_t id;

	for (id = 1; id < context->nb_objects; id++)
		if (context->objects[id] == NULL)
			break;
	if (id >= context->nb_objects) {
		if (!iommufd_model_grow(&objects, sizeof(context->objects[0]), context->nb_objects,
					more))
			return -ENOMEM;
		context->objects = objects;
		context->nb_objects += more;
	}
	context->objects[id] = obj;
	obj->context = context;
	obj->type = type;
	obj->id = id;
	obj->users = 0;
	return 0;
}

struct iommufd_model_object *
iommufd_model_object_find(struct iommufd_model_context *context, uint32_t id,
			  enum iommufd_model_type type)
{
	struct iommufd_model_object *obj = id < context->nb_objects ? context->objects[id] : NULL;

	return obj == NULL || (type != IOMMUFD_MODEL_ANY && obj->type != type) ? NULL : obj;
}

void
iommufd_model_object_remove(struct iommufd_model_object *obj)
{
	obj->context->objects[obj->id] = NULL;
	obj->context = NULL;
}

int
iommufd_model_object_destroy(struct iommufd_model_context *context, uint32_t id)
{
	struct iommufd_model_object *obj =
		iommufd_model_object_find(context, id, IOMMUFD_MODEL_ANY);
	struct iommufd_model *model = context->model;

	if (obj == NULL)
		return -ENOENT;
	/* a device has its file for a user */
	if (obj->users > 0)
		return -EBUSY;
	iommufd_model_object_remove(obj);
	switch (obj->type) {
	case IOMMUFD_MODEL_IOAS:
		iommufd_model_ioas_free(model, (struct iommufd_model_ioas *)obj);
		break;
	case IOMMUFD_MODEL_HWPT:
		iommufd_model_hwpt_free(model, (struct iommufd_model_hwpt *)obj);
		break;
	case IOMMUFD_MODEL_FAULT:
		iommufd_model_fault_free(model, (struct iommufd_model_fault *)obj);
		break;
	default:
		break;
	}
	return 0;
}
