/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "emu": registers and DMA memory of an emulated unit.
 */

#include <errno.h>
#include <string.h>

#include "emu_pvt.h"

/* Bytes that the registers of the models take; what is not there reads 0. */
#define REGS_SIZE 131072

static void
emu_close(struct uiommu_platform *plat)
{
	emu_destroy(plat->priv);
	plat->priv = NULL;
}

static uint32_t
emu_read32(struct uiommu_platform *plat, uint32_t offset)
{
	struct uiommu_emu *emu = plat->priv;

	if (emu->inline_steps)
		uiommu_emu_step(emu);
	return emu->model->read32(emu, offset);
}

static uint64_t
emu_read64(struct uiommu_platform *plat, uint32_t offset)
{
	struct uiommu_emu *emu = plat->priv;

	if (emu->inline_steps)
		uiommu_emu_step(emu);
	return emu->model->read64(emu, offset);
}

static void
emu_write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	struct uiommu_emu *emu = plat->priv;

	emu->model->write32(emu, offset, value);
	if (emu->inline_steps)
		uiommu_emu_step(emu);
}

static void
emu_write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	struct uiommu_emu *emu = plat->priv;

	emu->model->write64(emu, offset, value);
	if (emu->inline_steps)
		uiommu_emu_step(emu);
}

static int
emu_dma_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	void *va = emu_memory_take(plat->priv, size, align);

	if (va == NULL)
		return -ENOMEM;
	*mem = (struct uiommu_dma){.va = va, .pa = (uintptr_t)va, .size = size};
	return 0;
}

static void
emu_dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	emu_memory_give(plat->priv, mem->va, mem->size);
}

/* Memory of this process is where it is: nothing moves behind the model's back. */
static int
emu_pa_of(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	(void)plat;
	(void)len;
	*pa = (uintptr_t)va;
	return 0;
}

/* ------------------------------------------------------------------------ files */

/* The model's, if it has any. */
static const struct uiommu_file_ops *
files_of(struct uiommu_platform *plat)
{
	const struct uiommu_emu *emu = plat->priv;

	return emu->model->files;
}

static int
emu_context_open(struct uiommu_platform *plat)
{
	if (files_of(plat) != NULL)
		return files_of(plat)->context_open(plat);
	EMU_LOG(ERR, "%s: a unit with registers has no files", plat->name);
	return -ENODEV;
}

static int
emu_device_open(struct uiommu_platform *plat, int context, uint32_t endpoint_id,
		struct uiommu_file_device *device)
{
	return files_of(plat)->device_open(plat, context, endpoint_id, device);
}

static void
emu_file_close(struct uiommu_platform *plat, int fd)
{
	files_of(plat)->close(plat, fd);
}

static int
emu_file_ioctl(struct uiommu_platform *plat, int fd, unsigned long request, void *arg)
{
	return files_of(plat)->ioctl(plat, fd, request, arg);
}

static ssize_t
emu_file_read(struct uiommu_platform *plat, int fd, void *buf, size_t len)
{
	return files_of(plat)->read(plat, fd, buf, len);
}

static ssize_t
emu_file_write(struct uiommu_platform *plat, int fd, const void *buf, size_t len)
{
	return files_of(plat)->write(plat, fd, buf, len);
}

static int
emu_file_poll(struct uiommu_platform *plat, int fd, short events)
{
	return files_of(plat)->poll(plat, fd, events);
}

#define EMU_FILES(is_real)                                                                         \
	{                                                                                          \
		.context_open = emu_context_open, .device_open = emu_device_open,                  \
		.close = emu_file_close, .ioctl = emu_file_ioctl, .read = emu_file_read,           \
		.write = emu_file_write, .poll = emu_file_poll, .real = (is_real),                 \
	}

static const struct uiommu_file_ops emu_files = EMU_FILES(false);
static const struct uiommu_file_ops emu_real_files = EMU_FILES(true);

#define EMU_PLATFORM(its_files)                                                                    \
	{                                                                                          \
		.name = "emu", .open = emu_open, .close = emu_close, .read32 = emu_read32,         \
		.read64 = emu_read64, .write32 = emu_write32, .write64 = emu_write64,              \
		.dma_alloc = emu_dma_alloc, .dma_free = emu_dma_free, .pa_of = emu_pa_of,          \
		.files = (its_files),                                                              \
	}

static int
emu_open(struct uiommu_platform *plat, struct uiommu_args *args);

static const struct uiommu_platform_ops emu_platform_ops = EMU_PLATFORM(&emu_files);
/* the same, where descriptors are those of the machine's kernel */
static const struct uiommu_platform_ops emu_platform_real_ops = EMU_PLATFORM(&emu_real_files);

static int
emu_open(struct uiommu_platform *plat, struct uiommu_args *args)
{
	struct uiommu_emu *emu;
	uint64_t coherent = 1;
	int ret;

	if (uiommu_args_get_u64(args, "coherent", 0, 1, &coherent) < 0)
		return -EINVAL;
	ret = emu_create(plat, args, &emu);
	if (ret < 0)
		return ret;
	plat->priv = emu;
	plat->regs = NULL;
	plat->regs_size = REGS_SIZE;
	plat->coherent = coherent != 0;
	if (emu->real_files)
		plat->ops = &emu_platform_real_ops;
	return 0;
}

UIOMMU_PLATFORM_REGISTER(emu_platform_ops);
