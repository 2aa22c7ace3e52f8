/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_RIG_H
#define IOMMUFD_RIG_H

/*
 * What the tests of the iommufd driver stand on: files of a kernel that is played here, as far as
 * the driver can see it, and the log. The driver's sources are part of the program.
 */

#include "driver_rig.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include <rte_log.h>

static char log_text[4096];

static inline int
rig_log(uint32_t level, uint32_t type, const char *format, ...)
{
	const size_t used = strlen(log_text);
	va_list args;

	(void)type;
	if (level > RTE_LOG_NOTICE)
		return 0;
	va_start(args, format);
	vsnprintf(log_text + used, sizeof(log_text) - used, format, args);
	va_end(args);
	return 0;
}

#define rte_log rig_log

#include <iommufd_area.c>
#include <iommufd_bond.c>
#include <iommufd_ctrl.c>
#include <iommufd_domain.c>
#include <iommufd_endpoint.c>
#include <iommufd_fetch.c>
#include <iommufd_hwpt.c>
#include <iommufd_map.c>
#include <iommufd_probe.c>
#include <iommufd_queue.c>
#include <iommufd_ready.c>
#include <iommufd_respond.c>
#include <iommufd_slot.c>

#define CONTEXT_FD 10
#define FAULT_FD 20  /* of the first queue */
#define DEVICE_FD 40 /* of the first device */
#define FAKE_PERMS 17 /* accesses, and one that there is not */
#define ENTRIES 64
#define GROUPS_MAX 70000
#define PENDING_MAX 4096
#define PAGES 64     /* of the IOAS that is looked at closely */
#define CALLS_MAX 64

/* A group that was raised. */
struct fake_group {
	uint32_t dev_id;
	uint32_t pasid;   /* UIOMMU_NO_PASID: none */
	uint32_t nb;      /* messages */
	uint32_t cookie;  /* 0: not read */
	uint8_t answers;  /* ours and the kernel's */
	uint8_t code;     /* of the last one */
	bool by_kernel;   /* likewise */
};

/* A call that was made to change something. */
struct fake_call {
	unsigned long request;
	int fd;
	uint32_t id;      /* of what it is about, by the kind of request */
	uint32_t flags;
	uint64_t first;
	uint64_t len;
};

static struct {
	/* fault queue: all groups in one */
	struct fake_group groups[GROUPS_MAX];
	uint32_t nb_groups;
	uint32_t next;           /* group that is read next */
	uint32_t holders[GROUPS_MAX]; /* group of a cookie, and 1; 0: none */
	bool old;                /* a group that does not fit is like none */
	uint32_t odd_flags;      /* set in each message */
	bool all_perms;          /* groups have FAKE_PERMS in turn */
	uint32_t other_pasid;    /* message of each group that has another PASID, and 1 */
	bool unended;            /* no message says that it is the last */
	int read_errors[4];      /* next reads end so, if not 0 */
	int write_errors[4];
	uint32_t reads, writes;
	size_t last_read;        /* bytes asked for */
	/* requests */
	unsigned long fail_request;
	uint32_t fail_after;     /* times that it is carried out before */
	uint32_t fail_times;
	int fail_error;
	uint32_t next_id;
	uint32_t objects;        /* that there are */
	uint32_t info_type;
	uint8_t info_pasids;
	struct uiommu_file_device device;
	int open_error;
	bool no_pasid_tables;    /* a kernel before 6.15 */
	uint64_t alignment;
	struct fake_call calls[CALLS_MAX];
	uint32_t nb_calls;
	/* pages of the last IOAS: number of the area, 0: none */
	uint32_t pages[PAGES];
	uint64_t page_va[PAGES];
	uint32_t next_area;
	uint32_t nb_open;        /* files */
} fake;

static struct uiommu_dev dev;
static struct iommufd *unit;
static struct iommufd_queue *queue;

/* ---------------------------------------------------------------------- fault queue */

static inline uint32_t
fake_raise(uint32_t dev_id, uint32_t pasid, uint32_t nb)
{
	assert_true(fake.nb_groups < GROUPS_MAX);
	fake.groups[fake.nb_groups] = (struct fake_group){
		.dev_id = dev_id, .pasid = pasid, .nb = nb,
	};
	return fake.nb_groups++;
}

static inline void
fake_answer(uint32_t number, uint32_t code, bool by_kernel)
{
	struct fake_group *group = &fake.groups[number];

	if (group->cookie != 0)
		fake.holders[group->cookie] = 0;
	group->answers++;
	group->code = (uint8_t)code;
	group->by_kernel = by_kernel;
}

/* As a detach: what has no answer gets one. */
static inline void
fake_end_all(uint32_t dev_id)
{
	uint32_t i;

	for (i = 0; i < fake.nb_groups; i++)
		if (fake.groups[i].dev_id == dev_id && fake.groups[i].answers == 0)
			fake_answer(i, IOMMUFD_RESP_INVALID, true);
}

static inline uint32_t
fake_cookie(uint32_t number)
{
	uint32_t cookie = 1;

	while (fake.holders[cookie] != 0)
		cookie++;
	fake.holders[cookie] = number + 1;
	return cookie;
}

static inline void
fake_message(struct iommufd_fault *msg, uint32_t number, uint32_t at)
{
	const struct fake_group *group = &fake.groups[number];
	const bool last = at + 1 == group->nb && !fake.unended;
	uint32_t pasid = group->pasid;

	if (fake.other_pasid == at + 1)
		pasid ^= 1;
	*msg = (struct iommufd_fault){
		.flags = fake.odd_flags | (last ? IOMMUFD_FAULT_LAST : 0) |
			 (pasid != UIOMMU_NO_PASID ? IOMMUFD_FAULT_PASID_VALID : 0),
		.dev_id = group->dev_id,
		.pasid = pasid != UIOMMU_NO_PASID ? pasid : 0,
		.grpid = number & 0x1ff,
		.perm = fake.all_perms ? (number + 1) % FAKE_PERMS : IOMMUFD_PERM_READ,
		.addr = ((uint64_t)number << 24) + at * 4096 + 5,
		.cookie = group->cookie,
	};
}

static inline int
fake_take_error(int errors[4])
{
	const int error = errors[0];

	memmove(errors, errors + 1, 3 * sizeof(errors[0]));
	errors[3] = 0;
	return error;
}

static ssize_t
fake_read(struct uiommu_platform *plat, int fd, void *buf, size_t len)
{
	const size_t room = len / sizeof(struct iommufd_fault);
	struct iommufd_fault *msgs = buf;
	size_t done = 0;
	uint32_t i;
	int error = fake_take_error(fake.read_errors);

	(void)plat;
	assert_true(fd >= FAULT_FD && fd < FAULT_FD + IOMMUFD_QUEUES_MAX);
	assert_int_equal(len % sizeof(struct iommufd_fault), 0);
	fake.reads++;
	fake.last_read = len;
	if (error != 0)
		return error;
	for (; fake.next < fake.nb_groups; fake.next++) {
		struct fake_group *group = &fake.groups[fake.next];

		if (group->answers != 0)
			continue;
		if (group->nb > room - done) {
			if (done == 0 && !fake.old)
				return -EINVAL;
			break;
		}
		group->cookie = fake_cookie(fake.next);
		for (i = 0; i < group->nb; i++)
			fake_message(&msgs[done++], fake.next, i);
	}
	return (ssize_t)(done * sizeof(struct iommufd_fault));
}

static ssize_t
fake_write(struct uiommu_platform *plat, int fd, const void *buf, size_t len)
{
	const struct iommufd_resp *resps = buf;
	const size_t nb = len / sizeof(*resps);
	int error = fake_take_error(fake.write_errors);
	size_t i;

	(void)plat;
	assert_true(fd >= FAULT_FD && fd < FAULT_FD + IOMMUFD_QUEUES_MAX);
	assert_true(len != 0 && len % sizeof(*resps) == 0);
	fake.writes++;
	if (error != 0)
		return error;
	for (i = 0; i < nb; i++) {
		assert_true(resps[i].code <= IOMMUFD_RESP_INVALID);
		assert_true(resps[i].cookie < GROUPS_MAX);
		if (fake.holders[resps[i].cookie] == 0)
			break;
		fake_answer(fake.holders[resps[i].cookie] - 1, resps[i].code, false);
	}
	return i == 0 ? -EINVAL : (ssize_t)(i * sizeof(*resps));
}

/* -------------------------------------------------------------------------- requests */

static inline bool
fake_fails(unsigned long request)
{
	if (request != fake.fail_request || fake.fail_times == 0)
		return false;
	if (fake.fail_after != 0) {
		fake.fail_after--;
		return false;
	}
	fake.fail_times--;
	return true;
}

static inline void
fake_note(unsigned long request, int fd, uint32_t id, uint32_t flags, uint64_t first, uint64_t len)
{
	if (fake.nb_calls < CALLS_MAX)
		fake.calls[fake.nb_calls++] = (struct fake_call){
			.request = request, .fd = fd, .id = id, .flags = flags, .first = first,
			.len = len,
		};
}

static inline int
fake_map(const struct iommufd_ioas_map *map)
{
	uint64_t first = map->iova / 4096, nb = map->length / 4096, i;

	assert_true(first + nb <= PAGES && nb != 0);
	fake_note(IOMMUFD_IOAS_MAP, CONTEXT_FD, map->ioas_id, map->flags, map->iova, map->length);
	for (i = first; i < first + nb; i++)
		if (fake.pages[i] != 0)
			return -EEXIST;
	fake.next_area++;
	for (i = first; i < first + nb; i++) {
		fake.pages[i] = fake.next_area;
		fake.page_va[i] = map->user_va + (i - first) * 4096;
	}
	return 0;
}

/* Whole areas only. */
static inline int
fake_unmap(struct iommufd_ioas_unmap *unmap)
{
	uint64_t first = unmap->iova / 4096, end = first + unmap->length / 4096, i, nb = 0;

	assert_true(end <= PAGES && first < end);
	fake_note(IOMMUFD_IOAS_UNMAP, CONTEXT_FD, unmap->ioas_id, 0, unmap->iova, unmap->length);
	if ((first != 0 && fake.pages[first] != 0 && fake.pages[first] == fake.pages[first - 1]) ||
	    (end != PAGES && fake.pages[end] != 0 && fake.pages[end] == fake.pages[end - 1]))
		return -ENOENT;
	for (i = first; i < end; i++) {
		nb += fake.pages[i] != 0;
		fake.pages[i] = 0;
	}
	unmap->length = nb * 4096;
	return nb != 0 ? 0 : -ENOENT;
}

static inline int
fake_hwpt(struct iommufd_hwpt_alloc *alloc)
{
	fake_note(IOMMUFD_HWPT_ALLOC, CONTEXT_FD, alloc->pt_id, alloc->flags, alloc->data_type,
		  alloc->fault_id);
	if (fake.no_pasid_tables && (alloc->flags & IOMMUFD_HWPT_PASID) != 0)
		return -EOPNOTSUPP;
	alloc->out_hwpt_id = ++fake.next_id;
	fake.objects++;
	return 0;
}

static inline int
fake_context(unsigned long request, void *arg)
{
	struct iommufd_fault_alloc *queue_alloc = arg;
	struct iommufd_ioas_alloc *ioas = arg;
	const struct iommufd_hwpt_inval *inval = arg;
	struct iommufd_hw_info *info = arg;

	switch (request) {
	case IOMMUFD_FAULT_QUEUE_ALLOC:
		queue_alloc->out_fault_fd = FAULT_FD + fake.objects++;
		queue_alloc->out_fault_id = ++fake.next_id;
		fake.nb_open++;
		return 0;
	case IOMMUFD_IOAS_ALLOC:
		ioas->out_ioas_id = ++fake.next_id;
		fake.objects++;
		return 0;
	case IOMMUFD_IOAS_IOVA_RANGES:
		((struct iommufd_iova_ranges *)arg)->out_iova_alignment = fake.alignment;
		return 0;
	case IOMMUFD_HWPT_ALLOC:
		return fake_hwpt(arg);
	case IOMMUFD_GET_HW_INFO:
		info->out_data_type = fake.info_type;
		info->out_max_pasid_log2 = fake.info_pasids;
		return 0;
	case IOMMUFD_DESTROY:
		fake_note(request, CONTEXT_FD, ((struct iommufd_destroy *)arg)->id, 0, 0, 0);
		fake.objects--;
		return 0;
	case IOMMUFD_IOAS_MAP:
		return fake_map(arg);
	case IOMMUFD_IOAS_UNMAP:
		return fake_unmap(arg);
	case IOMMUFD_HWPT_INVALIDATE:
		fake_note(request, CONTEXT_FD, inval->hwpt_id, 0, 0, 0);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* The kernel's number of a device is that of its file. */
static inline int
fake_device(int fd, unsigned long request, void *arg)
{
	struct iommufd_vfio_attach *attach = arg;
	struct iommufd_vfio_detach *detach = arg;

	switch (request) {
	case IOMMUFD_VFIO_BIND:
		((struct iommufd_vfio_bind *)arg)->out_devid = (uint32_t)fd;
		return 0;
	case IOMMUFD_VFIO_ATTACH:
		fake_note(request, fd, attach->pt_id, attach->flags,
			  attach->flags != 0 ? attach->pasid : UIOMMU_NO_PASID, 0);
		return 0;
	case IOMMUFD_VFIO_DETACH:
		fake_note(request, fd, 0, detach->flags,
			  detach->flags != 0 ? detach->pasid : UIOMMU_NO_PASID, 0);
		fake_end_all((uint32_t)fd);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int
fake_ioctl(struct uiommu_platform *plat, int fd, unsigned long request, void *arg)
{
	(void)plat;
	if (fake_fails(request))
		return fake.fail_error;
	return fd == CONTEXT_FD ? fake_context(request, arg) : fake_device(fd, request, arg);
}

/* ------------------------------------------------------------------------------ files */

static int
fake_context_open(struct uiommu_platform *plat)
{
	(void)plat;
	fake.nb_open += fake.open_error == 0;
	return fake.open_error != 0 ? fake.open_error : CONTEXT_FD;
}

/* Files by the lowest bits of the endpoint's id */
static int
fake_device_open(struct uiommu_platform *plat, int context, uint32_t endpoint_id,
		 struct uiommu_file_device *device)
{
	(void)plat;
	assert_int_equal(context, CONTEXT_FD);
	*device = fake.device;
	if (fake.open_error != 0)
		return fake.open_error;
	fake.nb_open++;
	return DEVICE_FD + (int)(endpoint_id & 0xf);
}

static void
fake_close(struct uiommu_platform *plat, int fd)
{
	(void)plat;
	assert_true(fd >= CONTEXT_FD);
	assert_true(fake.nb_open != 0);
	fake.nb_open--;
}

static int
fake_poll(struct uiommu_platform *plat, int fd, short events)
{
	(void)plat;
	(void)fd;
	return events & POLLOUT;
}

#endif /* IOMMUFD_RIG_H */
