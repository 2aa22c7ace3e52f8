/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What stands before system calls of iommufd: the kernel is told which of its allocations in there
 * fails. It counts places as well at which it fails for its own tests only, lookups say, with
 * errors that there are not otherwise: a call that has met one of them is made again, past that.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_common.h>

#include "gate.h"
#include "harness.h"
#include "iommufd_hw.h"
#include "iommufd_mock_hw.h"

/* Sanitizers stand before the same functions. */
#ifdef __clang__
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define NOTHING_HERE 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define NOTHING_HERE 1
#endif

#ifdef NOTHING_HERE
unsigned int
gate_kernel_kinds(void)
{
	return 0;
}

int64_t
gate_kernel_live(void)
{
	return 0;
}
#else

#define FAILSLAB "/sys/kernel/debug/failslab/"
/* More failures than there will ever be: what is left of them is read, to see whose one was. */
#define TIMES 1000000000
#define FILES 1024
/* Places of tests that a call can meet one after the other. */
#define OTHERS_MAX 1000

/* Of this thread, the only one: the nth that fails, and whether all do. */
static int nth_fd = -1, each_fd = -1;
static bool prepared;

/* Whose objects are there, by the context's file; which files are fault queues. */
static int32_t objects[FILES];
static bool is_queue[FILES];

static bool
file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

/* Before anything is counted that is open. */
static void
prepare(void)
{
	prepared = true;
	if (!file_put(FAILSLAB "ignore-gfp-wait", "N") || !file_put(FAILSLAB "verbose", "0") ||
	    !file_put("/sys/kernel/debug/fail_iommufd/verbose", "0") ||
	    !file_put(FAILSLAB "task-filter", "Y") || !file_put(FAILSLAB "probability", "100") ||
	    !file_put(FAILSLAB "times", RTE_STR(TIMES)))
		return;
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	each_fd = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
}

unsigned int
gate_kernel_kinds(void)
{
	if (!prepared)
		prepare();
	return nth_fd >= 0 && each_fd >= 0 ? GATE(KERNEL) | GATE(REQUEST) : 0;
}

int64_t
gate_kernel_live(void)
{
	int64_t sum = 0;
	unsigned int i;

	for (i = 0; i < FILES; i++)
		sum += __atomic_load_n(&objects[i], __ATOMIC_RELAXED);
	return sum;
}

/* ------------------------------------------------------------- the kernel's switches */

static unsigned long
number_get(int fd)
{
	char text[24] = "";

	CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	return strtoul(text, NULL, 10);
}

static void
number_put(int fd, unsigned long number)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%lu", number);

	CHECK_EQ(pwrite(fd, text, (size_t)length, 0), length);
}

/* Failures of allocations that are left. */
static unsigned long
times_left(void)
{
	char text[24] = "";
	int fd = open(FAILSLAB "times", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 10);
}

/* ---------------------------------------------------------------------- system calls */

/** One, and how it is made. */
struct call_of_system {
	long (*make)(const struct call_of_system *call);
	int fd;
	unsigned long request;
	void *arg;
	size_t len;
};

/* Each allocation fails. */
static long
each_fails(const struct call_of_system *call, enum gate_kind kind)
{
	unsigned long times = times_left();
	long ret;
	int error;

	number_put(each_fd, 1);
	ret = call->make(call);
	error = errno;
	number_put(each_fd, 0);
	gate_told(kind, 0, (unsigned int)(times - times_left()));
	errno = error;
	return ret;
}

/* The nth allocation fails, of those that are left until then. */
static long
nth_fails(const struct call_of_system *call, enum gate_kind kind)
{
	unsigned int ahead = gate_ahead(), others = 0;
	unsigned long times, left;
	int error;
	long ret;

	if (ahead == UINT_MAX)
		return call->make(call);
	for (;; others++) {
		times = times_left();
		number_put(nth_fd, ahead + others + 1);
		ret = call->make(call);
		error = errno;
		left = number_get(nth_fd);
		number_put(nth_fd, 0);
		if (left != 0) {
			gate_told(kind, ahead + 1 - (unsigned int)left, 0);
			break;
		}
		if (times != times_left()) {
			gate_told(kind, ahead, 1);
			break;
		}
		/* a place of the kernel's tests */
		CHECK(others < OTHERS_MAX);
		if (ret >= 0) {
			gate_told(kind, ahead, 1);
			break;
		}
	}
	errno = error;
	return ret;
}

static long
call_make(const struct call_of_system *call, enum gate_kind kind)
{
	if (!gate_is_armed(kind))
		return call->make(call);
	return gate_is_each() ? each_fails(call, kind) : nth_fails(call, kind);
}

/* ------------------------------------------------------------------- those of iommufd */

static bool
makes_device(const struct iommufd_mock_cmd *cmd)
{
	return cmd->op == IOMMUFD_MOCK_OP_DEVICE || cmd->op == IOMMUFD_MOCK_OP_DEVICE_FLAGS;
}

/*
 * Mock devices want memory where VFIO has no need of any: a detach is a replace there, and on old
 * kernels a PASID that is attached is a device of its own first. Such calls are not refused.
 */
static bool
is_of_mock(unsigned long request, const struct iommufd_mock_cmd *cmd)
{
	const unsigned long wanted = gate_driver_request();

	if (request != IOMMUFD_MOCK_CMD)
		return false;
	return wanted == IOMMUFD_VFIO_DETACH ||
	       (makes_device(cmd) && wanted == IOMMUFD_VFIO_ATTACH);
}

static bool
is_request_of_device(unsigned long request, const struct iommufd_mock_cmd *cmd)
{
	return request == IOMMUFD_MOCK_CMD && cmd->op == IOMMUFD_MOCK_OP_TRIGGER_IOPF;
}

/* What has come into being by a call, or has ended. */
static void
objects_note(int fd, unsigned long request, const void *arg)
{
	const struct iommufd_fault_alloc *queue = arg;
	int32_t more = 0;

	if (request == IOMMUFD_IOAS_ALLOC || request == IOMMUFD_HWPT_ALLOC ||
	    request == IOMMUFD_FAULT_QUEUE_ALLOC ||
	    (request == IOMMUFD_MOCK_CMD && makes_device(arg)))
		more = 1;
	if (request == IOMMUFD_DESTROY)
		more = -1;
	if (fd >= 0 && fd < FILES)
		__atomic_fetch_add(&objects[fd], more, __ATOMIC_RELAXED);
	if (request == IOMMUFD_FAULT_QUEUE_ALLOC && queue->out_fault_fd < FILES)
		__atomic_store_n(&is_queue[queue->out_fault_fd], true, __ATOMIC_RELAXED);
}

static long
ioctl_make(const struct call_of_system *call)
{
	static __typeof__(&ioctl) next;

	if (next == NULL)
		next = (__typeof__(&ioctl))dlsym(RTLD_NEXT, "ioctl");
	return next(call->fd, call->request, call->arg);
}

int
ioctl(int fd, unsigned long request, ...)
{
	struct call_of_system call = {.make = ioctl_make, .fd = fd, .request = request};
	va_list args;
	int ret;

	va_start(args, request);
	call.arg = va_arg(args, void *);
	va_end(args);
	/* iommufd's numbers have neither sizes nor directions */
	if (request >> 8 != IOMMUFD_MOCK_CMD >> 8)
		return (int)ioctl_make(&call);
	if (is_of_mock(request, call.arg))
		ret = (int)ioctl_make(&call);
	else
		ret = (int)call_make(&call, is_request_of_device(request, call.arg) ?
						    GATE_REQUEST : GATE_KERNEL);
	if (ret == 0)
		objects_note(fd, request, call.arg);
	return ret;
}

static long
read_make(const struct call_of_system *call)
{
	static __typeof__(&read) next;

	if (next == NULL)
		next = (__typeof__(&read))dlsym(RTLD_NEXT, "read");
	return next(call->fd, call->arg, call->len);
}

static long
write_make(const struct call_of_system *call)
{
	static __typeof__(&write) next;

	if (next == NULL)
		next = (__typeof__(&write))dlsym(RTLD_NEXT, "write");
	return next(call->fd, call->arg, call->len);
}

static long
queue_call(const struct call_of_system *call)
{
	if (call->fd < 0 || call->fd >= FILES ||
	    !__atomic_load_n(&is_queue[call->fd], __ATOMIC_RELAXED))
		return call->make(call);
	return call_make(call, GATE_KERNEL);
}

ssize_t
read(int fd, void *buf, size_t len)
{
	return queue_call(&(const struct call_of_system){
		.make = read_make, .fd = fd, .arg = buf, .len = len});
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	return queue_call(&(const struct call_of_system){
		.make = write_make, .fd = fd, .arg = (void *)(uintptr_t)buf, .len = len});
}

int
close(int fd)
{
	static __typeof__(&close) next;

	if (next == NULL)
		next = (__typeof__(&close))dlsym(RTLD_NEXT, "close");
	if (fd >= 0 && fd < FILES) {
		__atomic_store_n(&objects[fd], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&is_queue[fd], false, __ATOMIC_RELAXED);
	}
	return next(fd);
}
#endif
