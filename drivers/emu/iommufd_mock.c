/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The machine's kernel as the kernel of an emulated unit: its files. What only hardware of a
 * vendor has is said in the words of the mock.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "emu_pvt.h"
#include "iommufd_hw.h"
#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"

#define CONTEXT_PATH "/dev/iommu"
/* What a mock device says that its unit can: ECAP_REG.NEST. */
#define ECAP_NEST (UINT64_C(1) << 26)

#define PASID_BITS 20

static int
result(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* A context with an address space that has nothing in it. */
static int
empty_open(uint32_t *ioas_id)
{
	struct iommufd_ioas_alloc alloc = {.size = sizeof(alloc)};
	int fd, error;

	fd = open(CONTEXT_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, IOMMUFD_IOAS_ALLOC, &alloc) != 0) {
		error = errno;
		close(fd);
		return -error;
	}
	*ioas_id = alloc.out_ioas_id;
	return fd;
}

/* Whether there are mock devices, and those that attach PASIDs. */
static int
kernel_probe(struct iommufd_kernel *kernel)
{
	struct iommufd_mock_cmd cmd = {.size = sizeof(cmd)};
	uint32_t ioas_id = 0;
	int fd, ret = 0;

	fd = empty_open(&ioas_id);
	if (fd < 0) {
		EMU_LOG(ERR, "kernel=mock: no " CONTEXT_PATH " that can be used: %s",
			strerror(-fd));
		return fd == -ENOMEM ? fd : -ENODEV;
	}
	if (ioctl(fd, IOMMUFD_MOCK_CMD, &cmd) != 0 && errno == ENOTTY) {
		EMU_LOG(ERR, "kernel=mock: this kernel has no mock devices (CONFIG_IOMMUFD_TEST)");
		close(fd);
		return -ENODEV;
	}
	cmd = (struct iommufd_mock_cmd){
		.size = sizeof(cmd),
		.op = IOMMUFD_MOCK_OP_DEVICE_FLAGS,
		.id = ioas_id,
		.device.flags = IOMMUFD_MOCK_DEVICE_PASID,
	};
	mock_of(kernel)->pasids = ioctl(fd, IOMMUFD_MOCK_CMD, &cmd) == 0;
	/* not for want of memory */
	if (!mock_of(kernel)->pasids && errno == ENOMEM)
		ret = -ENOMEM;
	close(fd);
	return ret;
}

static void
locks_destroy(struct mock *mock)
{
	pthread_mutex_destroy(&mock->lock);
	pthread_mutex_destroy(&mock->sending);
	pthread_mutex_destroy(&mock->mapping);
}

static int
mock_open(struct iommufd_kernel *kernel, struct uiommu_args *args)
{
	static uint32_t units;
	struct mock *mock = mock_of(kernel);
	uint64_t judge = 1, stand_ins = 0;
	int ret;

	if (uiommu_args_get_u64(args, "judge", 0, 1, &judge) < 0 ||
	    uiommu_args_get_u64(args, "stand_ins", 0, 1, &stand_ins) < 0)
		return -EINVAL;
	kernel->flags = IOMMUFD_KERNEL_REAL | IOMMUFD_KERNEL_PASIDS;
	ret = kernel_probe(kernel);
	if (ret < 0)
		return ret;
	if (stand_ins != 0)
		mock->pasids = false;
	kernel->emu->window_iova = IOMMUFD_MOCK_IOVA_FIRST;
	mock->kernel = kernel;
	mock->context = -1;
	mock->judge = judge != 0;
	/* Other processes have devices, too. */
	mock->introduction = MOCK_INTRODUCTION | ((uint32_t)getpid() & 0x7fff) << 16 |
			     (__atomic_fetch_add(&units, 1, __ATOMIC_RELAXED) & 0xf) << 12;
	pthread_mutex_init(&mock->lock, NULL);
	pthread_mutex_init(&mock->sending, NULL);
	pthread_mutex_init(&mock->mapping, NULL);
	if (mock->judge) {
		kernel->flags |= IOMMUFD_KERNEL_ANSWERS | IOMMUFD_KERNEL_LOOKUP;
		ret = mock_answers_open(mock);
		if (ret < 0) {
			mock_answers_close(mock);
			locks_destroy(mock);
		}
	}
	return ret;
}

static void
mock_close(struct iommufd_kernel *kernel)
{
	struct mock *mock = mock_of(kernel);
	unsigned int i;

	for (i = 0; i < mock->nb_files; i++)
		if (mock->files[i].fd >= 0)
			mock_device_close(mock, mock->files[i].fd);
	if (mock->context >= 0)
		close(mock->context);
	if (mock->judge)
		mock_answers_close(mock);
	free(mock->reads.keys);
	mock_hwpts_forget(mock);
	mock_spaces_forget(mock);
	mock_queues_forget(mock);
	locks_destroy(mock);
}

static int
mock_context_open(struct iommufd_kernel *kernel)
{
	struct mock *mock = mock_of(kernel);

	if (mock->context >= 0)
		return -EBUSY;
	mock->context = empty_open(&mock->empty_ioas);
	mock->empty_pt = mock->empty_ioas;
	return mock->context;
}

static void
mock_file_close(struct iommufd_kernel *kernel, int fd)
{
	struct mock *mock = mock_of(kernel);

	mock_call_set(mock_of(kernel), MOCK_CALL_OTHER);
	if (mock_device_close(mock, fd))
		return;
	if (fd == mock->context)
		mock->context = -1;
	mock_queue_forget(mock, fd);
	mock_kernel_enter();
	close(fd);
	mock_kernel_leave();
}

static int
hwpt_invalidate(struct mock *mock, struct iommufd_hwpt_inval *inval)
{
	struct iommufd_mock_inval entry = {.flags = IOMMUFD_MOCK_INVALIDATE_ALL};
	struct iommufd_hwpt_inval mine = *inval;
	int ret;

	mine.data_uptr = (uintptr_t)&entry;
	mine.data_type = IOMMUFD_MOCK_INVALIDATE;
	mine.entry_len = sizeof(entry);
	mine.entry_num = inval->entry_num > 0 ? 1 : 0;
	ret = result(ioctl(mock->context, IOMMUFD_HWPT_INVALIDATE, &mine));
	if (ret < 0)
		inval->entry_num = 0;
	return ret;
}

/* A mock device can have nested tables, and PASIDs: that is what VT-d's registers say here. */
static int
hw_info(struct mock *mock, struct iommufd_hw_info *info)
{
	struct iommufd_hw_info_vtd vtd = {.ecap_reg = ECAP_NEST};
	uint64_t room = info->data_len, uptr = info->data_uptr;
	int ret;

	ret = result(ioctl(mock->context, IOMMUFD_GET_HW_INFO, info));
	if (ret < 0 || info->out_data_type != IOMMUFD_MOCK_HW_INFO)
		return ret;
	if (!mock->pasids && info->size >= sizeof(*info))
		info->out_max_pasid_log2 = PASID_BITS;
	info->out_data_type = IOMMUFD_HW_INFO_VTD;
	info->data_len = sizeof(vtd);
	if (uptr != 0)
		memcpy((void *)(uintptr_t)uptr, &vtd, RTE_MIN(room, sizeof(vtd)));
	return 0;
}

/* Those who want no fault queue may leave the end of it out. */
static int
hwpt_alloc(struct mock *mock, struct iommufd_hwpt_alloc *alloc)
{
	const uint32_t size = alloc->size;
	struct iommufd_hwpt_alloc whole = {0};
	int ret;

	if (size < IOMMUFD_HWPT_ALLOC_SIZE_MIN || size > sizeof(whole))
		return result(ioctl(mock->context, IOMMUFD_HWPT_ALLOC, alloc));
	memcpy(&whole, alloc, size);
	whole.size = sizeof(whole);
	ret = mock_hwpt_alloc(mock, &whole);
	if (ret == 0)
		alloc->out_hwpt_id = whole.out_hwpt_id;
	return ret;
}

static int
context_ioctl(struct mock *mock, unsigned long request, void *arg)
{
	const struct iommufd_hwpt_inval *inval = arg;

	if (request == IOMMUFD_HWPT_ALLOC)
		return hwpt_alloc(mock, arg);
	if (request == IOMMUFD_DESTROY)
		return mock_destroy(mock, arg);
	if (request == IOMMUFD_IOAS_MAP)
		return mock_ioas_map(mock, arg);
	if (request == IOMMUFD_IOAS_UNMAP)
		return mock_ioas_unmap(mock, arg);
	if (request == IOMMUFD_HWPT_INVALIDATE && inval->data_type == IOMMUFD_INVALIDATE_VTD_S1)
		return hwpt_invalidate(mock, arg);
	if (request == IOMMUFD_GET_HW_INFO)
		return hw_info(mock, arg);
	return result(ioctl(mock->context, request, arg));
}

static int
mock_ioctl(struct iommufd_kernel *kernel, int fd, unsigned long request, void *arg)
{
	struct mock *mock = mock_of(kernel);
	struct mock_file *file;

	mock_call_set(mock_of(kernel), MOCK_CALL_OTHER);
	if (fd == mock->context)
		return context_ioctl(mock, request, arg);
	file = mock_file_find(mock, fd);
	if (file == NULL)
		return -EBADF;
	return mock_device_ioctl(mock, file, request, arg);
}

static ssize_t
mock_read(struct iommufd_kernel *kernel, int fd, void *buf, size_t len)
{
	mock_call_set(mock_of(kernel), MOCK_CALL_NONE);
	return mock_messages_read(mock_of(kernel), fd, buf, len);
}

static ssize_t
mock_write(struct iommufd_kernel *kernel, int fd, const void *buf, size_t len)
{
	struct mock *mock = mock_of(kernel);
	ssize_t done;

	mock_call_set(mock, MOCK_CALL_WRITE);
	mock_kernel_enter();
	done = write(fd, buf, len);
	if (done < 0)
		done = -errno;
	mock_kernel_leave();
	if (mock->judge)
		mock_cookies_written(mock, fd, buf, len, done);
	return done;
}

static int
mock_poll(struct iommufd_kernel *kernel, int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};

	(void)kernel;
	if (poll(&pollfd, 1, 0) < 0)
		return -errno;
	return pollfd.revents;
}

const struct iommufd_kernel_ops iommufd_mock_kernel = {
	.name = "mock",
	.priv_size = sizeof(struct mock),
	.open = mock_open,
	.close = mock_close,
	.context_open = mock_context_open,
	.device_open = mock_device_open,
	.file_close = mock_file_close,
	.ioctl = mock_ioctl,
	.read = mock_read,
	.write = mock_write,
	.poll = mock_poll,
	.raise = mock_raise,
	.responses = mock_responses,
	.lookup = mock_lookup,
};
