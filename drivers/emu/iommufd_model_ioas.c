/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Address spaces (drivers/iommu/iommufd/ioas.c, io_pagetable.c). Memory is not pinned: it is where
 * it is.
 */

#include <errno.h>
#include <string.h>

#include "iommufd_model.h"

/* Where an x86 has its interrupts: devices cannot use these addresses. */
#define MSI_FIRST UINT64_C(0xfee00000)
#define MSI_LAST UINT64_C(0xfeefffff)
/* Largest alignment that a chosen address gets, in bytes. */
#define ALIGN_MAX (UINT64_C(1) << 21)

#define MAP_FLAGS (IOMMUFD_MAP_FIXED_IOVA | IOMMUFD_MAP_WRITEABLE | IOMMUFD_MAP_READABLE)

static struct iommufd_model_ioas *
ioas_find(struct iommufd_model_context *context, uint32_t id)
{
	return (struct iommufd_model_ioas *)iommufd_model_object_find(context, id,
								      IOMMUFD_MODEL_IOAS);
}

static uint64_t
aperture_last(const struct iommufd_model *model)
{
	return (UINT64_C(1) << model->options.aperture_bits) - 1;
}

int
iommufd_model_ioas_alloc(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_ioas_alloc *cmd = arg;
	struct iommufd_model_ioas *ioas;

	if (cmd->flags != 0)
		return -EOPNOTSUPP;
	ioas = emu_alloc(sizeof(*ioas), context->model->emu->socket_id);
	if (ioas == NULL)
		return -ENOMEM;
	if (iommufd_model_object_add(context, &ioas->obj, IOMMUFD_MODEL_IOAS) < 0) {
		emu_free(ioas);
		return -ENOMEM;
	}
	ioas->random = ioas->obj.id;
	cmd->out_ioas_id = ioas->obj.id;
	return 0;
}

static void
area_drop(struct iommufd_model *model, struct iommufd_model_ioas *ioas,
	  struct iommufd_model_area *area)
{
	iommufd_model_area_remove(&ioas->areas, area);
	iommufd_model_pool_give(&model->areas, area);
}

void
iommufd_model_ioas_free(struct iommufd_model *model, struct iommufd_model_ioas *ioas)
{
	while (ioas->areas != NULL)
		area_drop(model, ioas, ioas->areas);
	emu_free(ioas);
}

int
iommufd_model_ioas_limit(struct iommufd_model *model, struct iommufd_model_ioas *ioas,
			 bool attached)
{
	const uint64_t last = aperture_last(model);

	if (attached) {
		if (iommufd_model_area_first(ioas->areas, MSI_FIRST, MSI_LAST) != NULL)
			return -EADDRINUSE;
		ioas->nb_attached++;
		return 0;
	}
	if (iommufd_model_area_first(ioas->areas, last + 1, UINT64_MAX) != NULL)
		return -EADDRINUSE;
	ioas->nb_hwpts++;
	return 0;
}

int
iommufd_model_ioas_ranges(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_iova_ranges *cmd = arg;
	struct iommufd_model_ioas *ioas = ioas_find(context, cmd->ioas_id);
	struct iommufd_iova_range *out = (void *)(uintptr_t)cmd->allowed_iovas;
	struct iommufd_iova_range ranges[2] = {{.start = 0, .last = UINT64_MAX}};
	const uint32_t room = cmd->num_iovas;
	uint32_t i;

	if (cmd->reserved != 0)
		return -EOPNOTSUPP;
	if (ioas == NULL)
		return -ENOENT;
	cmd->num_iovas = 1;
	if (ioas->nb_hwpts > 0)
		ranges[0].last = aperture_last(context->model);
	if (ioas->nb_attached > 0) {
		ranges[1] = (struct iommufd_iova_range){
			.start = MSI_LAST + 1, .last = ranges[0].last,
		};
		ranges[0].last = MSI_FIRST - 1;
		cmd->num_iovas = 2;
	}
	for (i = 0; i < RTE_MIN(room, cmd->num_iovas); i++)
		out[i] = ranges[i];
	cmd->out_iova_alignment = ioas->nb_hwpts > 0 ? EMU_PAGE_SIZE : 1;
	return cmd->num_iovas > room ? -EMSGSIZE : 0;
}

/* Whether a range may be had: iopt_check_iova(). */
static int
range_check(const struct iommufd_model *model, const struct iommufd_model_ioas *ioas, uint64_t iova,
	    uint64_t len)
{
	const uint64_t last = iova + (len - 1);

	if (ioas->nb_hwpts > 0 && (iova & (EMU_PAGE_SIZE - 1)) != 0)
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	if ((ioas->nb_hwpts > 0 && last > aperture_last(model)) ||
	    (ioas->nb_attached > 0 && iova <= MSI_LAST && last >= MSI_FIRST))
		return -EINVAL;
	return iommufd_model_area_first(ioas->areas, iova, last) != NULL ? -EEXIST : 0;
}

/* The first free range from the second page on: iopt_alloc_iova(). */
static int
range_choose(const struct iommufd_model *model, const struct iommufd_model_ioas *ioas, uint64_t va,
	     uint64_t len, uint64_t *iova)
{
	const struct iommufd_model_area *area;
	uint64_t align = ALIGN_MAX;
	uint64_t at;
	int ret;

	while (align > EMU_PAGE_SIZE && (align / 2 >= len || (va & (align - 1)) != 0))
		align /= 2;
	for (at = align; at != 0; at = RTE_ALIGN_CEIL(at, align)) {
		ret = range_check(model, ioas, at, len);
		if (ret == 0) {
			*iova = at;
			return 0;
		}
		if (ret == -EEXIST) {
			area = iommufd_model_area_first(ioas->areas, at, at + (len - 1));
			at = area->last + 1;
		} else if (ret == -EINVAL && at <= MSI_LAST) {
			at = MSI_LAST + 1;
		} else {
			break;
		}
	}
	return -ENOSPC;
}

static int
area_add(struct iommufd_model *model, struct iommufd_model_ioas *ioas,
	 const struct iommufd_ioas_map *cmd)
{
	struct iommufd_model_area *area =
		iommufd_model_pool_take(&model->areas, model->emu->socket_id);

	if (area == NULL)
		return -ENOMEM;
	*area = (struct iommufd_model_area){
		.first = cmd->iova,
		.last = cmd->iova + (cmd->length - 1),
		.va = cmd->user_va,
		.priority = (uint32_t)emu_random(&ioas->random),
		.access = ((cmd->flags & IOMMUFD_MAP_READABLE) != 0 ? EMU_REQ_READ : 0) |
			  ((cmd->flags & IOMMUFD_MAP_WRITEABLE) != 0 ? EMU_REQ_WRITE : 0),
	};
	iommufd_model_area_insert(&ioas->areas, area);
	return 0;
}

int
iommufd_model_ioas_map(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_model *model = context->model;
	struct iommufd_ioas_map *cmd = arg;
	struct iommufd_model_ioas *ioas;
	int ret;

	if ((cmd->flags & ~MAP_FLAGS) != 0 || cmd->reserved != 0)
		return -EOPNOTSUPP;
	if (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX)
		return -EOVERFLOW;
	if ((cmd->flags & (IOMMUFD_MAP_WRITEABLE | IOMMUFD_MAP_READABLE)) == 0)
		return -EINVAL;
	ioas = ioas_find(context, cmd->ioas_id);
	if (ioas == NULL)
		return -ENOENT;
	if (cmd->length == 0)
		return -EINVAL;
	if (cmd->user_va + (cmd->length - 1) < cmd->user_va)
		return -EOVERFLOW;
	if (ioas->nb_hwpts > 0 && ((cmd->length | cmd->user_va) & (EMU_PAGE_SIZE - 1)) != 0)
		return -EINVAL;
	if ((cmd->flags & IOMMUFD_MAP_FIXED_IOVA) != 0)
		ret = range_check(model, ioas, cmd->iova, cmd->length);
	else
		ret = range_choose(model, ioas, cmd->user_va, cmd->length, &cmd->iova);
	/* nothing of a process is in its first page */
	if (ret == 0 && ioas->nb_hwpts > 0 && cmd->user_va < EMU_PAGE_SIZE)
		ret = -EFAULT;
	return ret == 0 ? area_add(model, ioas, cmd) : ret;
}

/* Whole areas from the first on; one that is there in part stops it: iopt_unmap_iova_range(). */
static int
areas_unmap(struct iommufd_model *model, struct iommufd_model_ioas *ioas, uint64_t first,
	    uint64_t last, uint64_t *bytes)
{
	struct iommufd_model_area *area;

	while ((area = iommufd_model_area_first(ioas->areas, first, last)) != NULL) {
		if (area->first < first || area->last > last)
			return -ENOENT;
		*bytes += area->last - area->first + 1;
		area_drop(model, ioas, area);
	}
	return 0;
}

int
iommufd_model_ioas_unmap(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_ioas_unmap *cmd = arg;
	struct iommufd_model_ioas *ioas = ioas_find(context, cmd->ioas_id);
	const bool all = cmd->iova == 0 && cmd->length == UINT64_MAX;
	uint64_t bytes = 0;
	int ret;

	if (ioas == NULL)
		return -ENOENT;
	if (!all && (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX))
		return -EOVERFLOW;
	if (cmd->length == 0)
		return -EINVAL;
	if (!all && cmd->iova + (cmd->length - 1) < cmd->iova)
		return -EOVERFLOW;
	ret = areas_unmap(context->model, ioas, cmd->iova,
			  all ? UINT64_MAX : cmd->iova + (cmd->length - 1), &bytes);
	if (ret == 0 && bytes == 0 && !all)
		ret = -ENOENT;
	if (ret == 0)
		cmd->length = bytes;
	return ret;
}
