/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Answers that the kernel gives to mock devices.
 *
 * Who has answered is told by the thread that did: all that a call has caused is taken out of the
 * trace before the call returns to the driver, so an answer belongs to what its thread does
 * right now.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>

#include "emu_pvt.h"
#include "iommufd_mock.h"

#define TRACE_KIB 4096
/** Threads whose calls are known, power of two. */
#define CALLERS 1024
#define ANSWERS_MIN 1024

/* What threads do, by their numbers: a place is taken once, and stays the thread's. */
static struct {
	int32_t tid; /* 0: free */
	uint32_t call;
} callers[CALLERS];

/*
 * Who makes the kernel answer, and who reads what it has traced. When its reader stands at the
 * end of a page, Linux (6.12 and 7.2, rb_get_reader_page() of kernel/trace/ring_buffer.c) looks
 * whether there is more on that page, and then whether the writer has gone on to another one; what
 * is written in between is dropped, and not even counted as lost. So nobody of this process
 * writes while somebody reads. Of all units: each one's trace has the answers of all.
 */
static pthread_rwlock_t tracing = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

void
mock_kernel_enter(void)
{
	pthread_rwlock_rdlock(&tracing);
}

void
mock_kernel_leave(void)
{
	pthread_rwlock_unlock(&tracing);
}

static __thread uint32_t my_caller = UINT32_MAX;
static __thread bool my_answers; /* since this thread has taken some, it has given some */

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
mock_call_set(struct mock *mock, enum mock_call call)
{
	/* without a judge nobody asks */
	if (!mock->judge)
		return;
	if (my_answers)
		mock_answers_take(mock);
	my_answers = call == MOCK_CALL_WRITE || call == MOCK_CALL_OTHER;
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

static int
answers_init(struct mock_answers *answers)
{
	answers->size = ANSWERS_MIN;
	answers->ring = malloc(ANSWERS_MIN * sizeof(*answers->ring));
	return answers->ring != NULL ? 0 : -ENOMEM;
}

int
mock_answers_open(struct mock *mock)
{
	int ret;

	if (answers_init(&mock->answers) < 0 || answers_init(&mock->refusals) < 0)
		return -ENOMEM;
	ret = iommufd_trace_open(&mock->trace, TRACE_KIB, false);
	if (ret < 0)
		EMU_LOG(ERR,
			"kernel=mock: answers cannot be seen: %s (tracefs at /sys/kernel/tracing,"
			" CONFIG_KPROBE_EVENTS, root); judge=0 does without",
			strerror(-ret));
	return ret;
}

void
mock_answers_close(struct mock *mock)
{
	iommufd_trace_close(&mock->trace);
	free(mock->answers.ring);
	free(mock->refusals.ring);
	mock->answers.ring = mock->refusals.ring = NULL;
}

/* The device of an answer; NULL: another process's. An introduction is taken here. */
static struct mock_device *
device_of(struct mock *mock, const struct iommufd_trace_record *record)
{
	uint32_t place = record->grpid & (MOCK_DEVICES_MAX - 1);

	if ((record->grpid & ~(uint32_t)(MOCK_DEVICES_MAX - 1)) == mock->introduction) {
		mock_device_address(mock, &mock->devices[place], record->device);
		return NULL;
	}
	if ((record->grpid & MOCK_INTRODUCTION) != 0) {
		/* of another unit or process: from now on, it is not ours */
		mock_address_forget(mock, record->device);
		return NULL;
	}
	return mock_device_by(mock, MOCK_BY_ADDRESS, record->device);
}

/* @return false: no memory */
bool
mock_answer_keep(struct mock_answers *answers, const struct iommufd_kernel_answer *answer)
{
	struct iommufd_kernel_answer *more;
	uint32_t i;

	if (answers->tail - answers->head == answers->size) {
		more = malloc(2 * answers->size * sizeof(*more));
		if (more == NULL)
			return false;
		for (i = 0; i < answers->size; i++)
			more[i] = answers->ring[(answers->head + i) & (answers->size - 1)];
		free(answers->ring);
		answers->ring = more;
		answers->head = 0;
		answers->tail = answers->size;
		answers->size *= 2;
	}
	answers->ring[answers->tail++ & (answers->size - 1)] = *answer;
	return true;
}

static void
record_take(struct mock *mock, const struct iommufd_trace_record *record)
{
	struct mock_device *device = device_of(mock, record);
	enum mock_call call = call_of(record->tid);
	struct iommufd_kernel_answer answer;
	bool was_read;

	if (device == NULL)
		return;
	answer = (struct iommufd_kernel_answer){
		.endpoint_id = device->endpoint_id,
		.pasid = record->pasid == 0 ? device->pasid : record->pasid,
		.prgi = (uint16_t)record->grpid,
		.code = (uint8_t)record->code,
		.by_kernel = call != MOCK_CALL_WRITE,
	};
	was_read = mock_reads_take(&mock->reads, (uint32_t)(device - mock->devices), record->pasid,
				   record->grpid);
	answer.unread = answer.by_kernel && !was_read;
	if (!mock_answer_keep(call == MOCK_CALL_RAISE ? &mock->refusals : &mock->answers, &answer))
		mock->trace.lost++;
}

void
mock_answers_take(struct mock *mock)
{
	const struct iommufd_trace_record *records;
	bool lost;
	int got, i;

	my_answers = false;
	pthread_mutex_lock(&mock->lock);
	pthread_rwlock_wrlock(&tracing);
	got = iommufd_trace_take(&mock->trace, &records);
	pthread_rwlock_unlock(&tracing);
	for (i = 0; i < got; i++)
		record_take(mock, &records[i]);
	if (got < 0)
		mock->trace.lost++;
	lost = mock->trace.lost != mock->lost_told;
	mock->lost_told = mock->trace.lost;
	pthread_mutex_unlock(&mock->lock);
	if (lost)
		emu_violation(mock->kernel->emu, &mock->kernel->emu->live.protocol,
			      "kernel=mock: answers were lost on their way to the judge");
}

unsigned int
mock_responses(struct iommufd_kernel *kernel, struct iommufd_kernel_answer *answers,
	       unsigned int max)
{
	struct mock *mock = mock_of(kernel);
	struct mock_answers *kept = &mock->answers;
	unsigned int nb = 0;

	if (!mock->judge)
		return 0;
	mock_answers_take(mock);
	pthread_mutex_lock(&mock->lock);
	while (nb < max && kept->head != kept->tail)
		answers[nb++] = kept->ring[kept->head++ & (kept->size - 1)];
	pthread_mutex_unlock(&mock->lock);
	return nb;
}
