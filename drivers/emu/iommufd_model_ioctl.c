/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * ioctls of a context: structures that may grow (drivers/iommu/iommufd/main.c).
 */

#include <errno.h>
#include <string.h>

#include "iommufd_model.h"

union command {
	struct iommufd_destroy destroy;
	struct iommufd_ioas_alloc ioas_alloc;
	struct iommufd_iova_ranges ranges;
	struct iommufd_ioas_map map;
	struct iommufd_ioas_unmap unmap;
	struct iommufd_option option;
	struct iommufd_hwpt_alloc hwpt_alloc;
	struct iommufd_hw_info hw_info;
	struct iommufd_hwpt_inval inval;
	struct iommufd_fault_alloc fault_alloc;
};

static int
destroy(struct iommufd_model_context *context, void *arg)
{
	const struct iommufd_destroy *cmd = arg;

	return iommufd_model_object_destroy(context, cmd->id);
}

/* Nothing is pinned or accounted, and pages are of any size: nothing to be set. */
static int
option(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_option *cmd = arg;

	if (cmd->reserved != 0 || cmd->op > IOMMUFD_OPTION_GET)
		return -EOPNOTSUPP;
	if (cmd->option_id == IOMMUFD_OPTION_HUGE_PAGES)
		return iommufd_model_object_find(context, cmd->object_id, IOMMUFD_MODEL_IOAS) ==
				       NULL ?
			       -ENOENT :
			       0;
	return cmd->option_id != IOMMUFD_OPTION_RLIMIT_MODE || cmd->object_id != 0 ? -EOPNOTSUPP :
										     0;
}

static const struct {
	unsigned long request;
	uint32_t size;
	uint32_t size_min;
	int (*execute)(struct iommufd_model_context *context, void *arg);
	bool tells_always; /* what it has to say is told with an error, too */
} commands[] = {
	{IOMMUFD_DESTROY, sizeof(struct iommufd_destroy), 8, destroy, false},
	{IOMMUFD_IOAS_ALLOC, sizeof(struct iommufd_ioas_alloc), 12, iommufd_model_ioas_alloc,
	 false},
	{IOMMUFD_IOAS_IOVA_RANGES, sizeof(struct iommufd_iova_ranges), 32,
	 iommufd_model_ioas_ranges, true},
	{IOMMUFD_IOAS_MAP, sizeof(struct iommufd_ioas_map), 40, iommufd_model_ioas_map, false},
	{IOMMUFD_IOAS_UNMAP, sizeof(struct iommufd_ioas_unmap), 24, iommufd_model_ioas_unmap,
	 false},
	{IOMMUFD_OPTION, sizeof(struct iommufd_option), 24, option, false},
	{IOMMUFD_HWPT_ALLOC, sizeof(struct iommufd_hwpt_alloc), IOMMUFD_HWPT_ALLOC_SIZE_MIN,
	 iommufd_model_hwpt_alloc, false},
	{IOMMUFD_GET_HW_INFO, sizeof(struct iommufd_hw_info), IOMMUFD_HW_INFO_SIZE_MIN,
	 iommufd_model_hw_info, false},
	{IOMMUFD_HWPT_INVALIDATE, sizeof(struct iommufd_hwpt_inval), 32,
	 iommufd_model_hwpt_invalidate, true},
	{IOMMUFD_FAULT_QUEUE_ALLOC, sizeof(struct iommufd_fault_alloc), 16,
	 iommufd_model_fault_alloc, false},
};

static bool
is_zero(const uint8_t *bytes, size_t nb)
{
	while (nb-- > 0)
		if (*bytes++ != 0)
			return false;
	return true;
}

int
iommufd_model_context_ioctl(struct iommufd_model_context *context, unsigned long request, void *arg)
{
	union command cmd = {0};
	uint32_t size, i;
	int ret;

	for (i = 0; i < RTE_DIM(commands); i++)
		if (commands[i].request == request)
			break;
	if (i == RTE_DIM(commands))
		return -ENOTTY;
	memcpy(&size, arg, sizeof(size));
	if (size < commands[i].size_min)
		return -EINVAL;
	if (size > commands[i].size &&
	    !is_zero((const uint8_t *)arg + commands[i].size, size - commands[i].size))
		return -E2BIG;
	size = RTE_MIN(size, commands[i].size);
	memcpy(&cmd, arg, size);
	ret = commands[i].execute(context, &cmd);
	if (ret == 0 || commands[i].tells_always)
		memcpy(arg, &cmd, size);
	return ret;
}
