/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit.h"

#define WAIT_MS 5000

static struct iommufd_trace trace;
/* of the one thread: fail-nth, make-it-fail */
static int fail_fd = -1;
static int make_fd = -1;

int
kit_ioctl(const struct kit_context *context, unsigned long request, void *arg)
{
	return ioctl(context->fd, request, arg) == 0 ? 0 : -errno;
}

int
kit_mock(const struct kit_context *context, struct iommufd_mock_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return kit_ioctl(context, IOMMUFD_MOCK_CMD, cmd);
}

uint32_t
kit_ioas(const struct kit_context *context)
{
	struct iommufd_ioas_alloc alloc = {.size = sizeof(alloc)};

	assert_int_equal(kit_ioctl(context, IOMMUFD_IOAS_ALLOC, &alloc), 0);
	return alloc.out_ioas_id;
}

struct kit_context
kit_open(void)
{
	struct kit_context context = {.fd = open("/dev/iommu", O_RDWR | O_CLOEXEC)};

	assert_true(context.fd >= 0);
	context.ioas = kit_ioas(&context);
	return context;
}

struct kit_device
kit_device(const struct kit_context *context)
{
	struct iommufd_mock_cmd cmd = {.op = IOMMUFD_MOCK_OP_DEVICE, .id = context->ioas};

	assert_int_equal(kit_mock(context, &cmd), 0);
	return (struct kit_device){cmd.device.out_stdev_id, cmd.device.out_idev_id};
}

struct kit_queue
kit_queue(const struct kit_context *context)
{
	struct iommufd_fault_alloc alloc = {.size = sizeof(alloc)};

	assert_int_equal(kit_ioctl(context, IOMMUFD_FAULT_QUEUE_ALLOC, &alloc), 0);
	return (struct kit_queue){.id = alloc.out_fault_id, .fd = (int)alloc.out_fault_fd};
}

static uint32_t
hwpt_alloc(const struct kit_context *context, struct iommufd_hwpt_alloc *alloc)
{
	alloc->size = sizeof(*alloc);
	assert_int_equal(kit_ioctl(context, IOMMUFD_HWPT_ALLOC, alloc), 0);
	return alloc->out_hwpt_id;
}

uint32_t
kit_hwpt(const struct kit_context *context, const struct kit_device *device,
	 const struct kit_queue *queue)
{
	struct iommufd_mock_hwpt data = {.iotlb = 1};
	struct iommufd_hwpt_alloc parent = {
		.flags = IOMMUFD_HWPT_NEST_PARENT, .dev_id = device->idev, .pt_id = context->ioas};
	struct iommufd_hwpt_alloc nested = {
		.flags = IOMMUFD_HWPT_FAULT_ID_VALID, .dev_id = device->idev,
		.pt_id = hwpt_alloc(context, &parent), .data_type = IOMMUFD_MOCK_HWPT_DATA,
		.data_len = sizeof(data), .data_uptr = (uintptr_t)&data, .fault_id = queue->id};

	return hwpt_alloc(context, &nested);
}

int
kit_replace(const struct kit_context *context, const struct kit_device *device, uint32_t pt)
{
	struct iommufd_mock_cmd cmd = {
		.op = IOMMUFD_MOCK_OP_REPLACE, .id = device->stdev, .replace.pt_id = pt};

	return kit_mock(context, &cmd);
}

void
kit_destroy(const struct kit_context *context, uint32_t id)
{
	struct iommufd_destroy destroy = {.size = sizeof(destroy), .id = id};

	assert_int_equal(kit_ioctl(context, IOMMUFD_DESTROY, &destroy), 0);
}

int
kit_raise_try(const struct kit_context *context, const struct kit_device *device, uint32_t grpid,
	      uint64_t addr)
{
	struct iommufd_mock_cmd cmd = {
		.op = IOMMUFD_MOCK_OP_TRIGGER_IOPF,
		.trigger = {.dev_id = device->idev, .grpid = grpid, .perm = IOMMUFD_PERM_READ,
			    .addr = addr},
	};

	return kit_mock(context, &cmd);
}

void
kit_raise(const struct kit_context *context, const struct kit_device *device, uint32_t grpid,
	  uint64_t addr)
{
	assert_int_equal(kit_raise_try(context, device, grpid, addr), 0);
}

ssize_t
kit_read(const struct kit_queue *queue, struct iommufd_fault *faults, size_t nb)
{
	ssize_t done = read(queue->fd, faults, nb * sizeof(*faults));

	return done < 0 ? -errno : done;
}

ssize_t
kit_write(const struct kit_queue *queue, const struct iommufd_resp *resps, size_t nb)
{
	ssize_t done = write(queue->fd, resps, nb * sizeof(*resps));

	return done < 0 ? -errno : done;
}

/* ----------------------------------------------------------------- answers */

void
kit_listen(void)
{
	assert_int_equal(iommufd_trace_open(&trace, 1024, false), 0);
}

void
kit_deafen(void)
{
	iommufd_trace_close(&trace);
}

static unsigned int
answers_take(uint32_t code)
{
	const struct iommufd_trace_record *records;
	int nb, i;

	nb = iommufd_trace_take(&trace, &records);
	assert_true(nb >= 0);
	for (i = 0; i < nb; i++)
		assert_int_equal(records[i].code, code);
	assert_int_equal(trace.lost, 0);
	return (unsigned int)nb;
}

void
kit_answers(unsigned int nb, uint32_t code)
{
	assert_int_equal(answers_take(code), nb);
}

void
kit_answers_wait(unsigned int nb, uint32_t code)
{
	unsigned int got = 0, ms;

	for (ms = 0; ms < WAIT_MS && got < nb; ms++) {
		got += answers_take(code);
		usleep(1000);
	}
	assert_int_equal(got, nb);
}

/* ------------------------------------------------------------- allocations */

static void
file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void
kit_fail_nth(unsigned int nth)
{
	char text[16];
	int length;

	if (fail_fd < 0) {
		file_put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
		file_put("/sys/kernel/debug/failslab/verbose", "0");
		file_put("/sys/kernel/debug/fail_iommufd/verbose", "0");
		/* opening it allocates, so it is open for good */
		fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
		assert_true(fail_fd >= 0);
	}
	length = snprintf(text, sizeof(text), "%u", nth);
	assert_int_equal(pwrite(fail_fd, text, (size_t)length, 0), length);
}

bool
kit_failed(void)
{
	char text[16] = "";

	assert_true(pread(fail_fd, text, sizeof(text) - 1, 0) > 0);
	kit_fail_nth(0);
	return strtoul(text, NULL, 10) == 0;
}

void
kit_fail_all(bool on)
{
	/* all of this allocates: before anything fails */
	if (make_fd < 0) {
		file_put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
		file_put("/sys/kernel/debug/failslab/verbose", "0");
		file_put("/sys/kernel/debug/failslab/task-filter", "Y");
		file_put("/sys/kernel/debug/failslab/times", "-1");
		file_put("/sys/kernel/debug/failslab/probability", "100");
		make_fd = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
		assert_true(make_fd >= 0);
	}
	assert_int_equal(pwrite(make_fd, on ? "1" : "0", 1, 0), 1);
}
