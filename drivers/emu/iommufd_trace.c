/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests and answers of mock devices, out of tracefs in its binary form: pages
 * of a ring buffer for each processor (Linux's Documentation/trace/ftrace.rst, trace_pipe_raw, and
 * events/header_page).
 */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "iommufd_trace.h"

#define TRACEFS "/sys/kernel/tracing"

/** A probe. */
struct probe {
	const char *name;
	const char *text;
};

/*
 * Arguments of the first function: the device, the request, the answer, which begins with pasid,
 * grpid and code. Of the second: the device, the request; in that, behind its type: flags, pasid,
 * grpid, perm, addr.
 */
static const struct probe probes[IOMMUFD_TRACE_KINDS] = {
	[IOMMUFD_TRACE_ANSWER] = {
		"uiommu/iommufd_answer",
		"p:uiommu/iommufd_answer mock_domain_page_response device=$arg1:u64"
		" addr=+24($arg2):u64 pasid=+0($arg3):u32 grpid=+4($arg3):u32 code=+8($arg3):u32\n",
	},
	[IOMMUFD_TRACE_REQUEST] = {
		"uiommu/iommufd_request",
		"p:uiommu/iommufd_request iommu_report_device_fault device=$arg1:u64"
		" addr=+24($arg2):u64 pasid=+12($arg2):u32 grpid=+16($arg2):u32"
		" code=+20($arg2):u32\n",
	},
};

/* A page: time, bytes that are written, with bits for what was lost; then events. */
#define PAGE_BYTES 4096
#define PAGE_HEADER 16
#define PAGE_RECORDS 128 /* more than there can be */
#define PAGE_LOST (UINT64_C(1) << 31)
#define PAGE_COMMIT UINT64_C(0xfffff)
/* First word of an event: kind and length, difference of time. */
#define KIND(word) ((word) & 0x1f)
#define DELTA(word) ((word) >> 5)
#define KIND_DATA_MAX 28 /* 1 to this: data of as many words; 0: the next word has the bytes */
#define KIND_PADDING 29
#define KIND_TIME_EXTEND 30
#define KIND_TIME_STAMP 31
#define TIME_SHIFT 27
#define TIME_UPPER (UINT64_C(0x1f) << 59)

/** An event of our probe, behind that word: fields of all events, of all probes, and its own. */
struct event {
	uint16_t type;
	uint8_t flags;
	uint8_t preempt_count;
	int32_t tid;
	uint64_t ip;
	uint64_t device;
	uint64_t addr;
	uint32_t pasid;
	uint32_t grpid;
	uint32_t code;
};

/* What the kernel says of the layout above, event's own fields. */
static const char *const fields[] = {
	"field:u64 device;\toffset:16;\tsize:8;",
	"field:u64 addr;\toffset:24;\tsize:8;",
	"field:u32 pasid;\toffset:32;\tsize:4;",
	"field:u32 grpid;\toffset:36;\tsize:4;",
	"field:u32 code;\toffset:40;\tsize:4;",
};

static int
file_write(const char *folder, const char *name, const char *text, int flags)
{
	char path[256];
	ssize_t done;
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	done = write(fd, text, strlen(text));
	ret = done < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static ssize_t
file_read(const char *folder, const char *name, char *text, size_t size)
{
	char path[256];
	ssize_t done;
	int fd, error;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = read(fd, text, size - 1);
	error = errno;
	close(fd);
	if (done < 0)
		return -error;
	text[done] = '\0';
	return done;
}

/* Probes stay when we go: others may be listening too. */
static int
probe_make(struct iommufd_trace *trace, enum iommufd_trace_kind kind)
{
	char text[2048], name[64];
	unsigned int i;
	ssize_t ret;

	ret = file_write(TRACEFS, "kprobe_events", probes[kind].text, O_APPEND);
	if (ret < 0 && ret != -EEXIST)
		return ret == -EACCES || ret == -EPERM ? -EACCES : -ENODEV;
	snprintf(name, sizeof(name), "events/%s/format", probes[kind].name);
	ret = file_read(TRACEFS, name, text, sizeof(text));
	if (ret < 0)
		return (int)ret;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strstr(text, fields[i]) == NULL)
			return -EPROTO;
	snprintf(name, sizeof(name), "events/%s/id", probes[kind].name);
	ret = file_read(TRACEFS, name, text, sizeof(text));
	if (ret < 0)
		return (int)ret;
	trace->event_ids[kind] = (uint16_t)strtoul(text, NULL, 10);
	snprintf(name, sizeof(name), "events/%s/enable", probes[kind].name);
	return file_write(trace->instance, name, "1", 0);
}

static int
cpus_open(struct iommufd_trace *trace)
{
	char path[256];
	unsigned int cpu;

	for (cpu = 0; cpu < IOMMUFD_TRACE_CPUS; cpu++) {
		snprintf(path, sizeof(path), "%s/per_cpu/cpu%u/trace_pipe_raw", trace->instance,
			 cpu);
		trace->cpu_fd[cpu] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (trace->cpu_fd[cpu] < 0)
			break;
		trace->nb_cpus++;
	}
	return trace->nb_cpus > 0 ? 0 : -errno;
}

int
iommufd_trace_open(struct iommufd_trace *trace, unsigned int buffer_kib, bool requests)
{
	static unsigned int opened;
	char text[32];
	int ret;

	memset(trace, 0, sizeof(*trace));
	if (access(TRACEFS "/kprobe_events", F_OK) != 0)
		return -ENODEV;
	snprintf(trace->instance, sizeof(trace->instance), TRACEFS "/instances/uiommu-%d-%u",
		 (int)getpid(), __atomic_fetch_add(&opened, 1, __ATOMIC_RELAXED));
	if (mkdir(trace->instance, 0700) != 0) {
		ret = -errno;
		trace->instance[0] = '\0';
		return ret;
	}
	snprintf(text, sizeof(text), "%u", buffer_kib);
	ret = file_write(trace->instance, "buffer_size_kb", text, 0);
	if (ret == 0)
		ret = file_write(trace->instance, "trace_clock", "mono", 0);
	if (ret == 0)
		ret = probe_make(trace, IOMMUFD_TRACE_ANSWER);
	if (ret == 0 && requests)
		ret = probe_make(trace, IOMMUFD_TRACE_REQUEST);
	if (ret == 0)
		ret = cpus_open(trace);
	if (ret < 0)
		iommufd_trace_close(trace);
	return ret;
}

void
iommufd_trace_close(struct iommufd_trace *trace)
{
	while (trace->nb_cpus > 0)
		close(trace->cpu_fd[--trace->nb_cpus]);
	if (trace->instance[0] != '\0')
		rmdir(trace->instance);
	trace->instance[0] = '\0';
	free(trace->kept);
	trace->kept = NULL;
}

static void
record_take(struct iommufd_trace *trace, const uint8_t *data, uint32_t length, uint64_t time_ns,
	    struct iommufd_trace_record *records, int *nb)
{
	const uint32_t size = offsetof(struct event, code) + sizeof(uint32_t);
	enum iommufd_trace_kind kind = IOMMUFD_TRACE_ANSWER;
	struct event event;

	if (length < size || *nb == PAGE_RECORDS)
		return;
	memcpy(&event, data, size);
	if (event.type == trace->event_ids[IOMMUFD_TRACE_REQUEST])
		kind = IOMMUFD_TRACE_REQUEST;
	else if (event.type != trace->event_ids[IOMMUFD_TRACE_ANSWER])
		return;
	records[(*nb)++] = (struct iommufd_trace_record){
		.kind = kind,
		.tid = event.tid,
		.time_ns = time_ns,
		.device = event.device,
		.addr = event.addr,
		.pasid = event.pasid,
		.grpid = event.grpid,
		.code = kind == IOMMUFD_TRACE_ANSWER ? event.code : 0,
	};
}

/*
 * Bytes behind an event's first word, and how its time moves on.
 *
 * @return false: it is the page's last, or not understood
 */
static bool
event_length(const uint8_t *page, uint32_t at, uint32_t bytes, uint32_t word, uint32_t *length,
	     uint64_t *time_ns)
{
	uint32_t next = 0;

	*time_ns += DELTA(word);
	*length = KIND(word) * 4;
	if (KIND(word) > 0 && KIND(word) <= KIND_DATA_MAX)
		return *length <= bytes - at;
	if (at + sizeof(next) > bytes || (KIND(word) == KIND_PADDING && DELTA(word) == 0))
		return false;
	memcpy(&next, page + at, sizeof(next));
	*length = sizeof(next);
	if (KIND(word) == KIND_TIME_EXTEND)
		*time_ns += (uint64_t)next << TIME_SHIFT;
	else if (KIND(word) == KIND_TIME_STAMP)
		/* of the whole time, the upper bits are as they were */
		*time_ns = (*time_ns & TIME_UPPER) | (uint64_t)next << TIME_SHIFT | DELTA(word);
	else
		*length = next;
	return *length >= sizeof(next) && *length <= bytes - at;
}

/* Events of a page; what is not understood ends it. */
static int
page_take(struct iommufd_trace *trace, const uint8_t *page, uint32_t bytes, uint64_t time_ns,
	  struct iommufd_trace_record *records)
{
	uint32_t at = 0, word, length;
	int nb = 0;

	while (at + sizeof(word) <= bytes) {
		memcpy(&word, page + at, sizeof(word));
		at += sizeof(word);
		if (!event_length(page, at, bytes, word, &length, &time_ns))
			break;
		if (KIND(word) == 0)
			record_take(trace, page + at + sizeof(word), length - 4, time_ns, records,
				    &nb);
		else if (KIND(word) <= KIND_DATA_MAX)
			record_take(trace, page + at, length, time_ns, records, &nb);
		at += length;
	}
	return nb;
}

/* Records of one page, in any order of processors. @return 0: there is none left; -errno */
static int
page_read(struct iommufd_trace *trace, struct iommufd_trace_record *records)
{
	uint8_t page[PAGE_BYTES];
	unsigned int empty = 0;
	uint64_t time_ns, head;
	ssize_t done;
	int nb;

	while (empty < trace->nb_cpus) {
		done = read(trace->cpu_fd[trace->next], page, sizeof(page));
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (done < PAGE_HEADER) {
			trace->next = (trace->next + 1) % trace->nb_cpus;
			empty++;
			continue;
		}
		empty = 0;
		memcpy(&time_ns, page, sizeof(time_ns));
		memcpy(&head, page + sizeof(time_ns), sizeof(head));
		if ((head & PAGE_LOST) != 0)
			trace->lost++;
		head &= PAGE_COMMIT;
		if (head > (uint64_t)done - PAGE_HEADER)
			head = (uint64_t)done - PAGE_HEADER;
		nb = page_take(trace, page + PAGE_HEADER, (uint32_t)head, time_ns, records);
		if (nb > 0)
			return nb;
	}
	return 0;
}

static int
by_time(const void *left, const void *right)
{
	const struct iommufd_trace_record *a = left, *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	/* a request comes before its answer */
	return (a->kind == IOMMUFD_TRACE_ANSWER) - (b->kind == IOMMUFD_TRACE_ANSWER);
}

/* @return false: no memory */
static bool
room_make(struct iommufd_trace *trace)
{
	struct iommufd_trace_record *more;
	uint32_t size = 2 * trace->kept_size + PAGE_RECORDS;

	if (trace->kept_size - trace->nb_kept >= PAGE_RECORDS)
		return true;
	more = realloc(trace->kept, size * sizeof(*more));
	if (more == NULL)
		return false;
	trace->kept = more;
	trace->kept_size = size;
	return true;
}

/* Of one processor there may still come what is older than what came of another one. */
int
iommufd_trace_take(struct iommufd_trace *trace, const struct iommufd_trace_record **records)
{
	struct timespec now;
	uint64_t begin_ns;
	uint32_t nb = 0;
	int got;

	clock_gettime(CLOCK_MONOTONIC, &now);
	begin_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	trace->nb_kept -= trace->nb_given;
	if (trace->nb_kept > 0 && trace->nb_given > 0)
		memmove(trace->kept, trace->kept + trace->nb_given,
			trace->nb_kept * sizeof(*trace->kept));
	trace->nb_given = 0;
	do {
		if (!room_make(trace))
			return -ENOMEM;
		got = page_read(trace, trace->kept + trace->nb_kept);
		if (got < 0)
			return got;
		trace->nb_kept += (uint32_t)got;
	} while (got > 0);
	if (trace->nb_kept > 1)
		qsort(trace->kept, trace->nb_kept, sizeof(*trace->kept), by_time);
	while (nb < trace->nb_kept && trace->kept[nb].time_ns <= begin_ns)
		nb++;
	trace->nb_given = nb;
	*records = trace->kept;
	return (int)nb;
}
