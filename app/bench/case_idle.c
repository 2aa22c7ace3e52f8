/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A file that is polled and has nothing to read: the kernel's fault queue where there is one, and
 * an eventfd in its place. A turn is one look; a wake-up is a request that is raised, noticed,
 * read and answered, until the file is at rest again. What the kernel does to notify is part of
 * raising, so that is in it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "case_idle.h"
#include "handle.h"
#include "mock.h"
#include "record.h"

/* Looks after which a request is given up that does not show. */
#define LOOKS_MAX 1000

static const char *const way_names[NB_READY_WAYS] = {"read", "poll", "io_uring"};

struct idle_file {
	int fd;
	struct bench_unit unit;
	bool is_queue;
	struct ready *ready;
};

static int
file_open(struct bench *b, const struct bench_point *p, struct idle_file *f)
{
	int ret = 0;

	memset(f, 0, sizeof(*f));
	f->is_queue = strstr(p->name, "queue") != NULL;
	if (f->is_queue) {
		ret = mock_open_plain(b, &f->unit, &f->fd);
	} else {
		f->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ret = f->fd < 0 ? -errno : 0;
	}
	return ret;
}

static void
file_close(struct idle_file *f)
{
	if (f->ready != NULL)
		ready_close(f->ready);
	if (f->is_queue)
		unit_close(&f->unit);
	else
		close(f->fd);
}

static int
file_raise(const struct idle_file *f)
{
	uint64_t one = 1;

	if (f->is_queue)
		return unit_raise(&f->unit, WINDOW_IOVA, false, 0);
	return write(f->fd, &one, sizeof(one)) == (ssize_t)sizeof(one) ? 0 : -errno;
}

/* Read and answer. 1: something was there; 0: nothing; or -errno. */
static int
file_serve(const struct idle_file *f)
{
	struct record_fault fault;
	struct record_resp resp;
	uint64_t count;
	ssize_t got;

	if (!f->is_queue) {
		got = read(f->fd, &count, sizeof(count));
		return got > 0 ? 1 : errno == EAGAIN ? 0 : -errno;
	}
	got = read(f->fd, &fault, sizeof(fault));
	if (got <= 0)
		return got == 0 ? 0 : -errno;
	resp.cookie = fault.cookie;
	resp.code = handle_request(fault.addr, (fault.perm & RECORD_WRITE) != 0);
	return write(f->fd, &resp, sizeof(resp)) == (ssize_t)sizeof(resp) ? 1 : -EIO;
}

/* One look. 1: a request came, and was served; 0; or -errno. */
static inline int
turn(struct idle_file *f)
{
	return ready_look(f->ready) ? file_serve(f) : 0;
}

static int
idle_turns(struct idle_file *f, uint32_t nb)
{
	int ret = 0;
	uint32_t i;

	for (i = 0; i < nb && ret == 0; i++)
		ret = turn(f);
	return ret > 0 ? -EIO : ret;
}

static int
wake_ups(struct idle_file *f, uint32_t nb)
{
	uint32_t i, looks;
	int ret = 0;

	for (i = 0; i < nb && ret >= 0; i++) {
		ret = file_raise(f);
		for (looks = 0; looks < LOOKS_MAX && ret == 0; looks++)
			ret = turn(f);
		if (ret == 0)
			return -EIO;
		/* and nothing more */
		while (ret > 0)
			ret = file_serve(f);
		if (ret == 0)
			ret = ready_rest(f->ready);
	}
	return ret;
}

static double
run(struct bench *b, const struct bench_point *p, enum ready_way way,
    int (*work)(struct idle_file *f, uint32_t nb))
{
	struct idle_file f;
	uint64_t start, end;
	int ret = file_open(b, p, &f);

	if (ret != 0)
		return ret;
	ret = ready_open(b, way, f.fd, &f.ready);
	if (ret == 0)
		ret = ready_rest(f.ready);
	start = bench_now();
	if (ret == 0)
		ret = work(&f, p->nb);
	end = bench_now();
	file_close(&f);
	return ret != 0 ? ret : (double)(end - start) / p->nb;
}

static double
idle_read(struct bench *b, const struct bench_point *p)
{
	return run(b, p, READY_READ, idle_turns);
}

static double
idle_poll(struct bench *b, const struct bench_point *p)
{
	return run(b, p, READY_POLL, idle_turns);
}

static double
idle_uring(struct bench *b, const struct bench_point *p)
{
	return run(b, p, READY_URING, idle_turns);
}

static double
wake_read(struct bench *b, const struct bench_point *p)
{
	return run(b, p, READY_READ, wake_ups);
}

static double
wake_poll(struct bench *b, const struct bench_point *p)
{
	return run(b, p, READY_POLL, wake_ups);
}

static double
wake_uring(struct bench *b, const struct bench_point *p)
{
	return run(b, p, READY_URING, wake_ups);
}

/* One point for each way. */
static void
add_ways(struct bench *b, const char *what, const char *operation, const char *file,
	 const bench_run_t *runs, uint32_t nb)
{
	struct bench_point *p;
	int way;

	for (way = 0; way < NB_READY_WAYS; way++) {
		p = points_add(b, CASE_IDLE, operation, runs[way]);
		if (p == NULL)
			return;
		p->nb = nb;
		p->call = 1;
		p->threads = 1;
		snprintf(p->name, sizeof(p->name), "%s %s, %s", what, file, way_names[way]);
		if (way != READY_READ)
			snprintf(p->against[0], sizeof(p->against[0]), "%s %s, read", what, file);
	}
}

void
idle_points(struct bench *b)
{
	static const bench_run_t idle[NB_READY_WAYS] = {idle_read, idle_poll, idle_uring};
	static const bench_run_t wake[NB_READY_WAYS] = {wake_read, wake_poll, wake_uring};
	static const char *const files[] = {"eventfd", "fault queue"};
	uint32_t nb_idle = b->o.quick ? IDLE_NB_QUICK : IDLE_NB;
	uint32_t nb_wake = b->o.quick ? IDLE_NB_QUICK : WAKE_NB;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		add_ways(b, "idle", "turn", files[i], idle, nb_idle);
		add_ways(b, "wake", "wake-up", files[i], wake, nb_wake);
	}
	idle_engine_points(b, nb_idle);
}
