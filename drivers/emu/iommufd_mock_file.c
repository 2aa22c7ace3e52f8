/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Device files, as VFIO has them, with mock devices behind them. */

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "emu_pvt.h"
#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"

struct mock_file *
mock_file_find(struct mock *mock, int fd)
{
	struct mock_file *found = NULL;
	unsigned int i;

	pthread_mutex_lock(&mock->lock);
	for (i = 0; i < mock->nb_files && found == NULL; i++)
		if (mock->files[i].fd == fd)
			found = &mock->files[i];
	pthread_mutex_unlock(&mock->lock);
	return found;
}

/* A free place of the table, for this file. */
static bool
file_take(struct mock *mock, int fd, uint32_t endpoint_id)
{
	unsigned int i;

	pthread_mutex_lock(&mock->lock);
	for (i = 0; i < mock->nb_files; i++)
		if (mock->files[i].fd < 0)
			break;
	if (i < MOCK_FILES_MAX) {
		mock->files[i] = (struct mock_file){.fd = fd, .endpoint_id = endpoint_id};
		if (i == mock->nb_files)
			mock->nb_files++;
	}
	pthread_mutex_unlock(&mock->lock);
	return i < MOCK_FILES_MAX;
}

int
mock_device_open(struct iommufd_kernel *kernel, int context, uint32_t endpoint_id,
		 struct uiommu_file_device *device)
{
	struct mock *mock = mock_of(kernel);
	int fd;

	(void)device;
	if (context != mock->context)
		return -EBADF;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (!file_take(mock, fd, endpoint_id)) {
		EMU_LOG(ERR, "kernel=mock: no more than %u device files", MOCK_FILES_MAX);
		close(fd);
		return -ENOSPC;
	}
	return fd;
}

/* By the kernel. */
static int
pasid_cmd(struct mock *mock, const struct mock_file *file, uint32_t op, uint32_t pasid,
	  uint32_t pt_id)
{
	struct iommufd_mock_cmd cmd = {
		.op = op, .id = file->stdev_id, .pasid = {.pasid = pasid, .pt_id = pt_id}};

	return mock_cmd(mock, &cmd);
}

static int
pasid_end(struct mock *mock, const struct mock_file *file, uint32_t pasid)
{
	if (mock->pasids)
		return pasid_cmd(mock, file, IOMMUFD_MOCK_OP_PASID_DETACH, pasid, 0);
	mock_device_destroy(mock, file->endpoint_id, pasid);
	return 0;
}

bool
mock_device_close(struct mock *mock, int fd)
{
	struct mock_file *file = mock_file_find(mock, fd);
	struct mock_bond *pasids;
	uint32_t i;

	if (file == NULL)
		return false;
	/* as VFIO does; what goes wrong goes with the device */
	for (i = 0; i < file->nb_pasids; i++)
		(void)pasid_end(mock, file, file->pasids[i].pasid);
	if (file->stdev_id != 0)
		mock_device_destroy(mock, file->endpoint_id, EMU_NO_PASID);
	pthread_mutex_lock(&mock->lock);
	pasids = file->pasids;
	*file = (struct mock_file){.fd = -1};
	pthread_mutex_unlock(&mock->lock);
	free(pasids);
	close(fd);
	return true;
}

static int
file_bind(struct mock *mock, struct mock_file *file, struct iommufd_vfio_bind *bind)
{
	int ret;

	if (bind->argsz < sizeof(*bind) || bind->flags != 0 || bind->iommufd != mock->context ||
	    file->stdev_id != 0)
		return -EINVAL;
	ret = mock_device_make(mock, file->endpoint_id, EMU_NO_PASID, &file->stdev_id,
			       &file->idev_id);
	if (ret < 0)
		file->stdev_id = 0;
	else
		bind->out_devid = file->idev_id;
	return ret;
}

/* ------------------------------------------------------------------ bonds */

/* @return where the PASID is in the table of those attached; nb_pasids: it is not */
static uint32_t
pasid_find(const struct mock_file *file, uint32_t pasid)
{
	uint32_t i;

	for (i = 0; i < file->nb_pasids; i++)
		if (file->pasids[i].pasid == pasid)
			break;
	return i;
}

bool
mock_bond_get(struct mock *mock, uint32_t endpoint_id, uint32_t pasid, struct mock_bond *bond)
{
	const struct mock_file *file = NULL;
	uint32_t at;
	unsigned int i;

	*bond = (struct mock_bond){0};
	pthread_mutex_lock(&mock->lock);
	for (i = 0; i < mock->nb_files && file == NULL; i++)
		if (mock->files[i].fd >= 0 && mock->files[i].endpoint_id == endpoint_id)
			file = &mock->files[i];
	if (file != NULL && pasid == EMU_NO_PASID) {
		*bond = file->function;
	} else if (file != NULL) {
		at = pasid_find(file, pasid);
		if (at < file->nb_pasids)
			*bond = file->pasids[at];
	}
	pthread_mutex_unlock(&mock->lock);
	return file != NULL;
}

static void
bond_begin(struct mock *mock, struct mock_bond *bond, uint32_t pt_id)
{
	pthread_mutex_lock(&mock->lock);
	bond->next_pt_id = pt_id;
	pthread_mutex_unlock(&mock->lock);
}

static void
bond_end(struct mock *mock, struct mock_bond *bond, bool done)
{
	pthread_mutex_lock(&mock->lock);
	if (done)
		bond->pt_id = bond->next_pt_id;
	bond->next_pt_id = 0;
	pthread_mutex_unlock(&mock->lock);
}

/* One more for a PASID, at the end. @return NULL: no memory */
static struct mock_bond *
pasid_add(struct mock *mock, struct mock_file *file, uint32_t pasid)
{
	struct mock_bond *more, *bond = NULL;

	pthread_mutex_lock(&mock->lock);
	more = realloc(file->pasids, (file->nb_pasids + 1) * sizeof(*more));
	if (more != NULL) {
		file->pasids = more;
		bond = &more[file->nb_pasids++];
		*bond = (struct mock_bond){.pasid = pasid};
	}
	pthread_mutex_unlock(&mock->lock);
	return bond;
}

static void
pasid_drop(struct mock *mock, struct mock_file *file, uint32_t at)
{
	pthread_mutex_lock(&mock->lock);
	file->pasids[at] = file->pasids[--file->nb_pasids];
	pthread_mutex_unlock(&mock->lock);
}

/* By a device that stands for it. */
static int
standing_attach(struct mock *mock, const struct mock_file *file, uint32_t pasid, uint32_t pt_id,
		bool is_new)
{
	struct mock_device *device;
	uint32_t stdev_id, idev_id;
	int ret;

	if (is_new) {
		ret = mock_device_make(mock, file->endpoint_id, pasid, &stdev_id, &idev_id);
		if (ret < 0)
			return ret;
	} else {
		pthread_mutex_lock(&mock->lock);
		device = mock_device_by(mock, MOCK_BY_ENDPOINT,
					mock_endpoint_key(file->endpoint_id, pasid));
		stdev_id = device->stdev_id;
		pthread_mutex_unlock(&mock->lock);
	}
	ret = mock_device_replace(mock, stdev_id, pt_id);
	if (ret < 0 && is_new)
		mock_device_destroy(mock, file->endpoint_id, pasid);
	return ret;
}

static int
pasid_attach(struct mock *mock, struct mock_file *file, const struct iommufd_vfio_attach *attach)
{
	uint32_t at = pasid_find(file, attach->pasid);
	bool is_new = at == file->nb_pasids;
	int ret;

	/* as the kernel has it: that is the function's own */
	if (attach->pasid == 0)
		return -EINVAL;
	if (is_new && pasid_add(mock, file, attach->pasid) == NULL)
		return -ENOMEM;
	bond_begin(mock, &file->pasids[at], attach->pt_id);
	if (mock->pasids)
		ret = pasid_cmd(mock, file,
				is_new ? IOMMUFD_MOCK_OP_PASID_ATTACH :
					 IOMMUFD_MOCK_OP_PASID_REPLACE,
				attach->pasid, attach->pt_id);
	else
		ret = standing_attach(mock, file, attach->pasid, attach->pt_id, is_new);
	bond_end(mock, &file->pasids[at], ret == 0);
	if (ret < 0 && is_new)
		pasid_drop(mock, file, at);
	return ret;
}

static int
pasid_detach(struct mock *mock, struct mock_file *file, uint32_t pasid)
{
	uint32_t at = pasid_find(file, pasid);
	int ret;

	if (at == file->nb_pasids)
		return 0; /* as VFIO has it */
	ret = pasid_end(mock, file, pasid);
	if (ret == 0)
		pasid_drop(mock, file, at);
	return ret;
}

/* ------------------------------------------------------------------ requests of VFIO */

static int
file_attach(struct mock *mock, struct mock_file *file, struct iommufd_vfio_attach *attach)
{
	struct mock_hwpt hwpt;
	int ret;

	if (attach->argsz < IOMMUFD_VFIO_ATTACH_SIZE_MIN || file->stdev_id == 0)
		return -EINVAL;
	if (attach->flags == IOMMUFD_VFIO_PASID && attach->argsz >= sizeof(*attach))
		return pasid_attach(mock, file, attach);
	if (attach->flags != 0)
		return -EINVAL;
	bond_begin(mock, &file->function, attach->pt_id);
	ret = mock_device_replace(mock, file->stdev_id, attach->pt_id);
	bond_end(mock, &file->function, ret == 0);
	if (ret == 0)
		__atomic_store_n(&file->nested,
				 mock_hwpt_get(mock, attach->pt_id, &hwpt) && hwpt.nested,
				 __ATOMIC_RELAXED);
	return ret;
}

static int
file_detach(struct mock *mock, struct mock_file *file, const struct iommufd_vfio_detach *detach)
{
	int ret;

	if (detach->argsz < IOMMUFD_VFIO_DETACH_SIZE_MIN || file->stdev_id == 0)
		return -EINVAL;
	if (detach->flags == IOMMUFD_VFIO_PASID && detach->argsz >= sizeof(*detach))
		return pasid_detach(mock, file, detach->pasid);
	if (detach->flags != 0)
		return -EINVAL;
	__atomic_store_n(&file->nested, false, __ATOMIC_RELAXED);
	bond_begin(mock, &file->function, 0);
	ret = mock_device_replace(mock, file->stdev_id, mock->empty_pt);
	bond_end(mock, &file->function, ret == 0);
	return ret;
}

int
mock_device_ioctl(struct mock *mock, struct mock_file *file, unsigned long request, void *arg)
{
	switch (request) {
	case IOMMUFD_VFIO_BIND:
		return file_bind(mock, file, arg);
	case IOMMUFD_VFIO_ATTACH:
		return file_attach(mock, file, arg);
	case IOMMUFD_VFIO_DETACH:
		return file_detach(mock, file, arg);
	default:
		return -ENOTTY;
	}
}
