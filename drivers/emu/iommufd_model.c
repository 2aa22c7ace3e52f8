/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The kernel's side of iommufd in this process: files, and what kernel it is.
 */

#include <errno.h>

#include "iommufd_model.h"

#define APERTURE_BITS 48
#define APERTURE_BITS_MIN 32
#define APERTURE_BITS_MAX 57

static int
flag_get(struct uiommu_args *args, const char *key, bool fallback, bool *flag)
{
	uint64_t value = fallback;
	const int ret = uiommu_args_get_u64(args, key, 0, 1, &value);

	*flag = value != 0;
	return ret;
}

static int
options_get(struct iommufd_model_options *options, struct uiommu_args *args)
{
	uint64_t aperture = APERTURE_BITS, pasids = UIOMMU_PASID_BITS;

	if (flag_get(args, "paging_faults", true, &options->paging_faults) < 0 ||
	    flag_get(args, "pasid_attach", true, &options->pasid_attach) < 0 ||
	    flag_get(args, "user_pasids", false, &options->user_pasids) < 0 ||
	    flag_get(args, "nested", true, &options->nested) < 0 ||
	    flag_get(args, "old_read", false, &options->old_read) < 0 ||
	    flag_get(args, "quirk", false, &options->quirk) < 0 ||
	    flag_get(args, "leak_flags", true, &options->leak_flags) < 0 ||
	    uiommu_args_get_u64(args, "aperture_bits", APERTURE_BITS_MIN, APERTURE_BITS_MAX,
				&aperture) < 0 ||
	    uiommu_args_get_u64(args, "pasid_bits", 1, UIOMMU_PASID_BITS, &pasids) < 0)
		return -EINVAL;
	options->aperture_bits = (uint8_t)aperture;
	options->pasid_bits = (uint8_t)pasids;
	return 0;
}

static int
model_open(struct iommufd_kernel *kernel, struct uiommu_args *args)
{
	struct iommufd_model *model = kernel->priv;
	int ret;

	model->kernel = kernel;
	model->emu = kernel->emu;
	LIST_INIT(&model->contexts);
	model->groups.size = RTE_ALIGN_CEIL(sizeof(struct iommufd_model_group), 64);
	model->areas.size = RTE_ALIGN_CEIL(sizeof(struct iommufd_model_area), 64);
	ret = options_get(&model->options, args);
	if (ret < 0)
		return ret;
	if (!iommufd_model_answers_grow(&model->answers)) {
		EMU_LOG(ERR, "%s: no memory", kernel->emu->name);
		return -ENOMEM;
	}
	kernel->flags = IOMMUFD_KERNEL_GROUPS | IOMMUFD_KERNEL_ANSWERS | IOMMUFD_KERNEL_LOOKUP |
			(model->options.pasid_attach ? IOMMUFD_KERNEL_PASIDS : 0);
	return 0;
}

/* ------------------------------------------------------------------------ files */

static void
file_close(struct iommufd_model *model, int fd, const struct iommufd_model_file *file)
{
	struct iommufd_model_context *context;
	struct iommufd_model_fault *fault;

	iommufd_model_file_release(model, fd);
	switch (file->kind) {
	case IOMMUFD_MODEL_FILE_CONTEXT:
		iommufd_model_context_put(file->object);
		break;
	case IOMMUFD_MODEL_FILE_DEVICE:
		iommufd_model_device_close(model, file->object);
		break;
	case IOMMUFD_MODEL_FILE_FAULT:
		fault = file->object;
		context = fault->obj.context;
		fault->obj.users--;
		iommufd_model_context_put(context);
		break;
	default:
		break;
	}
}

static void
model_file_close(struct iommufd_kernel *kernel, int fd)
{
	struct iommufd_model *model = kernel->priv;
	const struct iommufd_model_file *file;

	emu_lock_take(&model->lock);
	file = iommufd_model_file_at(model, fd);
	if (file != NULL)
		file_close(model, fd, &(struct iommufd_model_file){file->kind, file->object});
	else
		emu_violation(model->emu, &model->emu->live.protocol,
			      "descriptor %d closed, which is not open", fd);
	emu_lock_drop(&model->lock);
}

/* What the driver has left open goes, devices first. */
static void
model_close(struct iommufd_kernel *kernel)
{
	static const enum iommufd_model_file_kind order[] = {
		IOMMUFD_MODEL_FILE_DEVICE, IOMMUFD_MODEL_FILE_FAULT, IOMMUFD_MODEL_FILE_CONTEXT,
	};
	struct iommufd_model *model = kernel->priv;
	unsigned int i, j;

	for (i = 0; i < RTE_DIM(order); i++)
		for (j = 0; j < model->nb_files; j++)
			if (model->files[j].kind == order[i])
				file_close(model, IOMMUFD_MODEL_FD_FIRST + (int)j,
					   &(struct iommufd_model_file){model->files[j].kind,
									model->files[j].object});
	iommufd_model_pool_fini(&model->groups);
	iommufd_model_pool_fini(&model->areas);
	emu_free(model->answers.ring);
	emu_free(model->nobody.parts);
	emu_free(model->files);
	for (i = 0; i < IOMMUFD_MODEL_SEGMENTS; i++)
		emu_free(model->segments[i]);
}

static int
model_context_open(struct iommufd_kernel *kernel)
{
	struct iommufd_model *model = kernel->priv;
	struct iommufd_model_context *context;
	int fd = -ENOMEM;

	emu_lock_take(&model->lock);
	context = iommufd_model_context_new(model);
	if (context != NULL) {
		fd = iommufd_model_file_add(model, IOMMUFD_MODEL_FILE_CONTEXT, context);
		if (fd < 0)
			iommufd_model_context_put(context);
	}
	emu_lock_drop(&model->lock);
	return fd;
}

static int
model_device_open(struct iommufd_kernel *kernel, int context, uint32_t endpoint_id,
		  struct uiommu_file_device *device)
{
	struct iommufd_model *model = kernel->priv;
	int fd;

	(void)context; /* the device is bound to it later */
	emu_lock_take(&model->lock);
	fd = iommufd_model_device_open(model, endpoint_id, device);
	emu_lock_drop(&model->lock);
	return fd;
}

static int
model_ioctl(struct iommufd_kernel *kernel, int fd, unsigned long request, void *arg)
{
	struct iommufd_model *model = kernel->priv;
	const struct iommufd_model_file *file;
	int ret = -EBADF;

	emu_lock_take(&model->lock);
	file = iommufd_model_file_at(model, fd);
	if (file != NULL && file->kind == IOMMUFD_MODEL_FILE_CONTEXT)
		ret = iommufd_model_context_ioctl(file->object, request, arg);
	else if (file != NULL && file->kind == IOMMUFD_MODEL_FILE_DEVICE)
		ret = iommufd_model_device_ioctl(model, file->object, request, arg);
	else if (file != NULL)
		ret = -ENOTTY;
	emu_lock_drop(&model->lock);
	return ret;
}

static ssize_t
model_read(struct iommufd_kernel *kernel, int fd, void *buf, size_t len)
{
	struct iommufd_model *model = kernel->priv;
	struct iommufd_model_fault *fault;
	ssize_t ret = -EBADF;

	emu_lock_take(&model->lock);
	fault = iommufd_model_file_find(model, fd, IOMMUFD_MODEL_FILE_FAULT);
	if (fault != NULL)
		ret = iommufd_model_fault_read(model, fault, buf, len);
	emu_lock_drop(&model->lock);
	return ret;
}

static ssize_t
model_write(struct iommufd_kernel *kernel, int fd, const void *buf, size_t len)
{
	struct iommufd_model *model = kernel->priv;
	struct iommufd_model_fault *fault;
	ssize_t ret = -EBADF;

	emu_lock_take(&model->lock);
	fault = iommufd_model_file_find(model, fd, IOMMUFD_MODEL_FILE_FAULT);
	if (fault != NULL)
		ret = iommufd_model_fault_write(model, fault, buf, len);
	emu_lock_drop(&model->lock);
	return ret;
}

static int
model_poll(struct iommufd_kernel *kernel, int fd, short events)
{
	struct iommufd_model *model = kernel->priv;
	struct iommufd_model_fault *fault;
	int ret = -EBADF;

	emu_lock_take(&model->lock);
	fault = iommufd_model_file_find(model, fd, IOMMUFD_MODEL_FILE_FAULT);
	if (fault != NULL)
		ret = POLLOUT | (STAILQ_EMPTY(&fault->deliver) ? 0 : POLLIN | POLLRDNORM);
	emu_lock_drop(&model->lock);
	return ret < 0 ? ret : ret & events;
}

const struct iommufd_kernel_ops iommufd_model_kernel = {
	.name = "model",
	.priv_size = sizeof(struct iommufd_model),
	.open = model_open,
	.close = model_close,
	.context_open = model_context_open,
	.device_open = model_device_open,
	.file_close = model_file_close,
	.ioctl = model_ioctl,
	.read = model_read,
	.write = model_write,
	.poll = model_poll,
	.raise = iommufd_model_raise,
	.raw = iommufd_model_raw,
	.responses = iommufd_model_responses,
	.lookup = iommufd_model_lookup,
};
