/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * File descriptors of the model, and contexts that live as long as a file holds them.
 */

#include <errno.h>

#include "iommufd_model.h"

int
iommufd_model_file_add(struct iommufd_model *model, enum iommufd_model_file_kind kind, void *object)
{
	void *files = model->files;
	uint32_t i;

	for (i = 0; i < model->nb_files; i++)
		if (model->files[i].kind == IOMMUFD_MODEL_FILE_FREE)
			break;
	if (i == model->nb_files) {
		if (!iommufd_model_grow(&files, sizeof(model->files[0]), i, RTE_MAX(i, 16U)))
			return -ENOMEM;
		model->files = files;
		model->nb_files += RTE_MAX(i, 16U);
	}
	model->files[i] = (struct iommufd_model_file){.kind = kind, .object = object};
	return IOMMUFD_MODEL_FD_FIRST + (int)i;
}

const struct iommufd_model_file *
iommufd_model_file_at(const struct iommufd_model *model, int fd)
{
	const uint32_t index = (uint32_t)(fd - IOMMUFD_MODEL_FD_FIRST);

	return fd < IOMMUFD_MODEL_FD_FIRST || index >= model->nb_files ||
			       model->files[index].kind == IOMMUFD_MODEL_FILE_FREE ?
		       NULL :
		       &model->files[index];
}

void *
iommufd_model_file_find(const struct iommufd_model *model, int fd,
			enum iommufd_model_file_kind kind)
{
	const struct iommufd_model_file *file = iommufd_model_file_at(model, fd);

	return file == NULL || file->kind != kind ? NULL : file->object;
}

void
iommufd_model_file_release(struct iommufd_model *model, int fd)
{
	model->files[fd - IOMMUFD_MODEL_FD_FIRST] = (struct iommufd_model_file){0};
}

struct iommufd_model_context *
iommufd_model_context_new(struct iommufd_model *model)
{
	struct iommufd_model_context *context = emu_alloc(sizeof(*context), model->emu->socket_id);

	if (context == NULL)
		return NULL;
	context->model = model;
	context->files = 1;
	LIST_INSERT_HEAD(&model->contexts, context, next);
	return context;
}

/* What nobody uses goes first, then what it has used: iommufd_fops_release(). */
static void
objects_destroy(struct iommufd_model_context *context)
{
	bool any;
	uint32_t id;

	do {
		any = false;
		for (id = 1; id < context->nb_objects; id++)
			any |= iommufd_model_object_destroy(context, id) == 0;
	} while (any);
}

void
iommufd_model_context_put(struct iommufd_model_context *context)
{
	if (--context->files > 0)
		return;
	objects_destroy(context);
	LIST_REMOVE(context, next);
	emu_free(context->objects);
	emu_free(context);
}
