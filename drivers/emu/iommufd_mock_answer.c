/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests of mock devices, and the answers that the kernel gives them.
 *
 * Who has answered is told by the thread that did: all that a call has caused is taken out of the
 * trace before the call returns to the driver, so an answer belongs to what its thread does
 * right now.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_eal.h>

#include "emu_pvt.h"
#include "iommufd_hw.h"
#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"

#define TRACE_KIB 4096
/** Threads whose calls are known, power of two. */
#define CALLERS 1024
#define ANSWERS_MIN 1024

/* What threads do, by their numbers: a place is taken once, and stays the thread's. */
static struct {
	int32_t tid; /* 0: free */
	uint32_t call;
} callers[CALLERS];

static __thread uint32_t my_caller = UINT32_MAX;

static uint32_t
caller_place(int32_t tid, bool take)
{
	uint32_t at = (uint32_t)tid % CALLERS, i;
	int32_t found;

	for (i = 0; i < CALLERS; i++, at = (at + 1) % CALLERS) {
		found = __atomic_load_n(&callers[at].tid, __ATOMIC_ACQUIRE);
		if (found == tid)
			return at;
		if (found != 0)
			continue;
		if (!take)
			break;
		if (__atomic_compare_exchange_n(&callers[at].tid, &found, tid, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return at;
	}
	return UINT32_MAX;
}

void
mock_call_set(enum mock_call call)
{
	if (my_caller == UINT32_MAX)
		my_caller = caller_place(rte_gettid(), true);
	/* Read under the lock of the emulation, after the trace: that orders it. */
	if (my_caller != UINT32_MAX)
		__atomic_store_n(&callers[my_caller].call, call, __ATOMIC_RELAXED);
}

static enum mock_call
call_of(int32_t tid)
{
	uint32_t at = caller_place(tid, false);

	if (at == UINT32_MAX)
		return MOCK_CALL_OTHER;
	return __atomic_load_n(&callers[at].call, __ATOMIC_RELAXED);
}

int
mock_answers_open(struct mock *mock)
{
	int ret;

	mock->answers_size = ANSWERS_MIN;
	mock->answers = malloc(ANSWERS_MIN * sizeof(*mock->answers));
	if (mock->answers == NULL)
		return -ENOMEM;
	ret = iommufd_trace_open(&mock->trace, TRACE_KIB, false);
	if (ret < 0) {
		EMU_LOG(ERR,
			"kernel=mock: answers cannot be seen: %s (tracefs at /sys/kernel/tracing,"
			" CONFIG_KPROBE_EVENTS, root); judge=0 does without",
			strerror(-ret));
		return ret;
	}
	return 0;
}

void
mock_answers_close(struct mock *mock)
{
	iommufd_trace_close(&mock->trace);
	free(mock->answers);
	mock->answers = NULL;
}

/* The device of an answer; NULL: another process's. An introduction is taken here. */
static struct mock_device *
device_of(struct mock *mock, const struct iommufd_trace_record *record)
{
	unsigned int i, index = record->grpid & (MOCK_DEVICES_MAX - 1);

	if ((record->grpid & ~(uint32_t)(MOCK_DEVICES_MAX - 1)) == mock->introduction) {
		for (i = 0; i < mock->nb_devices; i++)
			if (mock->devices[i].address == record->device)
				mock->devices[i].address = 0;
		mock->devices[index].address = record->device;
		return NULL;
	}
	for (i = 0; i < mock->nb_devices; i++)
		if (mock->devices[i].address == record->device)
			return &mock->devices[i];
	return NULL;
}

static void
answer_keep(struct mock *mock, const struct iommufd_kernel_answer *answer)
{
	uint32_t size = mock->answers_size, i;
	struct iommufd_kernel_answer *more;

	if (mock->answers_tail - mock->answers_head == size) {
		more = malloc(2 * size * sizeof(*more));
		if (more == NULL) {
			mock->trace.lost++;
			return;
		}
		for (i = 0; i < size; i++)
			more[i] = mock->answers[(mock->answers_head + i) & (size - 1)];
		free(mock->answers);
		mock->answers = more;
		mock->answers_head = 0;
		mock->answers_tail = size;
		mock->answers_size = 2 * size;
	}
	mock->answers[mock->answers_tail++ & (mock->answers_size - 1)] = *answer;
}

/* One of the requests that are being raised was refused: the first that looks so. */
static void
refused(const struct iommufd_kernel_answer *answer, const struct emu_message *msgs,
	uint8_t *outcomes, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		if (outcomes[i] == IOMMUFD_KERNEL_QUEUED && msgs[i].prgi == answer->prgi &&
		    msgs[i].endpoint_id == answer->endpoint_id && msgs[i].pasid == answer->pasid) {
			outcomes[i] = IOMMUFD_KERNEL_REFUSED;
			return;
		}
}

/* All answers so far, into the ring; those to what is being raised into outcomes. */
static void
answers_take(struct mock *mock, const struct emu_message *msgs, uint8_t *outcomes, unsigned int nb)
{
	struct iommufd_trace_record records[IOMMUFD_TRACE_BURST];
	struct iommufd_kernel_answer answer;
	struct mock_device *device;
	enum mock_call call;
	int got, i;

	pthread_mutex_lock(&mock->lock);
	while ((got = iommufd_trace_read(&mock->trace, records)) > 0)
		for (i = 0; i < got; i++) {
			device = device_of(mock, &records[i]);
			if (device == NULL)
				continue;
			call = call_of(records[i].tid);
			answer = (struct iommufd_kernel_answer){
				.endpoint_id = device->endpoint_id,
				.pasid = records[i].pasid == 0 ? EMU_NO_PASID : records[i].pasid,
				.prgi = (uint16_t)records[i].grpid,
				.code = (uint8_t)records[i].code,
				.by_kernel = call != MOCK_CALL_WRITE,
			};
			if (call == MOCK_CALL_RAISE)
				refused(&answer, msgs, outcomes, nb);
			else
				answer_keep(mock, &answer);
		}
	pthread_mutex_unlock(&mock->lock);
	if (got < 0)
		mock->trace.lost++;
	if (mock->trace.lost != mock->lost_told) {
		mock->lost_told = mock->trace.lost;
		emu_violation(mock->kernel->emu, &mock->kernel->emu->live.protocol,
			      "kernel=mock: answers were lost on their way to the judge");
	}
}

/* @return idev_id; 0: software has not bound it */
static uint32_t
idev_of(struct mock *mock, uint32_t endpoint_id)
{
	uint32_t idev_id = 0;
	unsigned int i;

	pthread_mutex_lock(&mock->lock);
	for (i = 0; i < mock->nb_devices && idev_id == 0; i++)
		if (mock->devices[i].fd >= 0 && mock->devices[i].endpoint_id == endpoint_id)
			idev_id = mock->devices[i].idev_id;
	pthread_mutex_unlock(&mock->lock);
	return idev_id;
}

static uint32_t
perm_of(uint16_t flags)
{
	return ((flags & EMU_REQ_READ) != 0 ? IOMMUFD_PERM_READ : 0) |
	       ((flags & EMU_REQ_WRITE) != 0 ? IOMMUFD_PERM_WRITE : 0) |
	       ((flags & EMU_REQ_EXEC) != 0 ? IOMMUFD_PERM_EXEC : 0) |
	       ((flags & EMU_REQ_PRIV) != 0 ? IOMMUFD_PERM_PRIV : 0);
}

static enum iommufd_kernel_raised
raise_one(struct mock *mock, const struct emu_message *msg)
{
	struct iommufd_mock_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMUFD_MOCK_OP_TRIGGER_IOPF,
		.trigger = {
			.dev_id = idev_of(mock, msg->endpoint_id),
			.pasid = msg->pasid == EMU_NO_PASID ? 0 : msg->pasid,
			.grpid = msg->prgi,
			.perm = perm_of(msg->flags),
			.addr = msg->iova,
		},
	};

	/* PASID 0 is none to a mock device. */
	if ((msg->flags & EMU_REQ_LAST) == 0 || msg->pasid == 0)
		return IOMMUFD_KERNEL_CANNOT;
	/* A driver of the kernel keeps stop markers to itself. */
	if (!emu_message_wants(msg) || cmd.trigger.dev_id == 0)
		return IOMMUFD_KERNEL_REFUSED;
	if (ioctl(mock->context, IOMMUFD_MOCK_CMD, &cmd) != 0)
		return IOMMUFD_KERNEL_REFUSED; /* it is closed this very moment */
	return IOMMUFD_KERNEL_QUEUED;
}

void
mock_raise(struct iommufd_kernel *kernel, const struct emu_message *msgs, uint8_t *outcomes,
	   unsigned int nb)
{
	struct mock *mock = mock_of(kernel);
	unsigned int i;

	mock_call_set(MOCK_CALL_RAISE);
	for (i = 0; i < nb; i++)
		outcomes[i] = raise_one(mock, &msgs[i]);
	if (mock->judge)
		answers_take(mock, msgs, outcomes, nb);
	mock_call_set(MOCK_CALL_OTHER);
}

unsigned int
mock_responses(struct iommufd_kernel *kernel, struct iommufd_kernel_answer *answers,
	       unsigned int max)
{
	struct mock *mock = mock_of(kernel);
	unsigned int nb = 0;

	if (!mock->judge)
		return 0;
	answers_take(mock, NULL, NULL, 0);
	while (nb < max && mock->answers_head != mock->answers_tail)
		answers[nb++] = mock->answers[mock->answers_head++ & (mock->answers_size - 1)];
	return nb;
}
