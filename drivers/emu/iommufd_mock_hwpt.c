/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page tables in the kernel for mock devices. Nested ones have data of the mock's own. Linux 6.11
 * and 6.12 give a fault queue to nested ones only (iommufd_hwpt_paging_alloc(), -EOPNOTSUPP):
 * there, one that is over an address space becomes a nested one and its parent. A mock translates
 * nothing, so that is no difference.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"

static int
hwpt_ioctl(const struct mock *mock, unsigned long request, void *arg)
{
	return ioctl(mock->context, request, arg) == 0 ? 0 : -errno;
}

static int
destroy_id(const struct mock *mock, uint32_t id)
{
	struct iommufd_destroy destroy = {.size = sizeof(destroy), .id = id};

	return hwpt_ioctl(mock, IOMMUFD_DESTROY, &destroy);
}

static int
nested_alloc(const struct mock *mock, struct iommufd_hwpt_alloc *alloc, uint32_t parent_id)
{
	struct iommufd_mock_hwpt data = {.iotlb = 1};
	struct iommufd_hwpt_alloc nested = *alloc;
	int ret;

	/* where PASIDs are devices of their own, each table goes with them */
	if (!mock->pasids)
		nested.flags &= ~IOMMUFD_HWPT_PASID;
	nested.pt_id = parent_id;
	nested.data_type = IOMMUFD_MOCK_HWPT_DATA;
	nested.data_len = sizeof(data);
	nested.data_uptr = (uintptr_t)&data;
	ret = hwpt_ioctl(mock, IOMMUFD_HWPT_ALLOC, &nested);
	if (ret == 0)
		alloc->out_hwpt_id = nested.out_hwpt_id;
	return ret;
}

/* A table with a fault queue over an address space, for kernels that have no such thing. */
static int
pair_alloc(struct mock *mock, struct iommufd_hwpt_alloc *alloc, uint32_t *parent_id)
{
	struct iommufd_hwpt_alloc parent = {
		.size = sizeof(parent), .flags = IOMMUFD_HWPT_NEST_PARENT,
		.dev_id = alloc->dev_id, .pt_id = alloc->pt_id};
	int ret;

	ret = hwpt_ioctl(mock, IOMMUFD_HWPT_ALLOC, &parent);
	if (ret < 0)
		return ret;
	ret = nested_alloc(mock, alloc, parent.out_hwpt_id);
	if (ret < 0)
		destroy_id(mock, parent.out_hwpt_id);
	*parent_id = parent.out_hwpt_id;
	return ret;
}

static int
any_alloc(struct mock *mock, struct iommufd_hwpt_alloc *alloc, uint32_t *parent_id)
{
	uint32_t flags = alloc->flags;
	int ret;

	if (alloc->data_type == IOMMUFD_HWPT_DATA_VTD_S1)
		return nested_alloc(mock, alloc, alloc->pt_id);
	/* as above */
	if (!mock->pasids)
		alloc->flags &= ~IOMMUFD_HWPT_PASID;
	ret = hwpt_ioctl(mock, IOMMUFD_HWPT_ALLOC, alloc);
	if (ret == -EOPNOTSUPP && alloc->flags == IOMMUFD_HWPT_FAULT_ID_VALID &&
	    alloc->data_type == IOMMUFD_HWPT_DATA_NONE)
		ret = pair_alloc(mock, alloc, parent_id);
	alloc->flags = flags;
	return ret;
}

static void
hwpt_keep(struct mock *mock, struct mock_hwpt *hwpt)
{
	pthread_mutex_lock(&mock->lock);
	hwpt->next = mock->hwpts;
	mock->hwpts = hwpt;
	pthread_mutex_unlock(&mock->lock);
}

int
mock_hwpt_alloc(struct mock *mock, struct iommufd_hwpt_alloc *alloc)
{
	struct mock_hwpt *hwpt = calloc(1, sizeof(*hwpt));
	int ret;

	if (hwpt == NULL)
		return -ENOMEM;
	ret = any_alloc(mock, alloc, &hwpt->parent_id);
	if (ret < 0) {
		free(hwpt);
		return ret;
	}
	hwpt->id = alloc->out_hwpt_id;
	hwpt->ioas_id = alloc->pt_id;
	hwpt->nested = alloc->data_type != IOMMUFD_HWPT_DATA_NONE;
	hwpt_keep(mock, hwpt);
	return 0;
}

bool
mock_hwpt_get(struct mock *mock, uint32_t id, struct mock_hwpt *copy)
{
	const struct mock_hwpt *hwpt;

	pthread_mutex_lock(&mock->lock);
	for (hwpt = mock->hwpts; hwpt != NULL && hwpt->id != id; hwpt = hwpt->next)
		;
	if (hwpt != NULL)
		*copy = *hwpt;
	pthread_mutex_unlock(&mock->lock);
	return hwpt != NULL;
}

/* Out of the list. @return NULL: it is none of these */
static struct mock_hwpt *
hwpt_take(struct mock *mock, uint32_t id)
{
	struct mock_hwpt **at, *hwpt;

	pthread_mutex_lock(&mock->lock);
	for (at = &mock->hwpts; *at != NULL && (*at)->id != id; at = &(*at)->next)
		;
	hwpt = *at;
	if (hwpt != NULL)
		*at = hwpt->next;
	pthread_mutex_unlock(&mock->lock);
	return hwpt;
}

int
mock_destroy(struct mock *mock, struct iommufd_destroy *destroy)
{
	struct mock_hwpt *hwpt = hwpt_take(mock, destroy->id);
	int ret;

	ret = hwpt_ioctl(mock, IOMMUFD_DESTROY, destroy);
	if (hwpt == NULL) {
		if (ret == 0)
			mock_space_forget(mock, destroy->id);
		return ret;
	}
	if (ret < 0) {
		hwpt_keep(mock, hwpt);
		return ret;
	}
	if (hwpt->parent_id != 0)
		ret = destroy_id(mock, hwpt->parent_id);
	free(hwpt);
	return ret;
}

void
mock_hwpts_forget(struct mock *mock)
{
	struct mock_hwpt *hwpt;

	while ((hwpt = mock->hwpts) != NULL) {
		mock->hwpts = hwpt->next;
		free(hwpt);
	}
}
