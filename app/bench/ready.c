/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#ifdef BENCH_URING
#include <liburing.h>
#endif

#include "ready.h"

struct ready {
	enum ready_way way;
	int fd;
	bool armed;
#ifdef BENCH_URING
	struct io_uring ring;
#endif
};

#ifdef BENCH_URING
static int
uring_open(struct bench *b, struct ready *r)
{
	int ret = io_uring_queue_init(4, &r->ring, 0);

	return ret == 0 ? 0 : bench_missing(b, "io_uring: %s", strerror(-ret));
}

static int
uring_arm(struct ready *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
	int ret;

	if (sqe == NULL)
		return -EBUSY;
	io_uring_prep_poll_add(sqe, r->fd, POLLIN);
	ret = io_uring_submit(&r->ring);
	r->armed = ret == 1;
	return ret == 1 ? 0 : ret < 0 ? ret : -EIO;
}

static bool
uring_look(struct ready *r)
{
	/* one load; io_uring_peek_cqe() looks for more than this ring can have */
	if (io_uring_cq_ready(&r->ring) == 0)
		return false;
	io_uring_cq_advance(&r->ring, 1);
	r->armed = false;
	return true;
}

static void
uring_close(struct ready *r)
{
	io_uring_queue_exit(&r->ring);
}
#else
static int
uring_open(struct bench *b, struct ready *r)
{
	return bench_missing(b, "built without liburing");
}

static int
uring_arm(struct ready *r)
{
	return -ENOTSUP;
}

static bool
uring_look(struct ready *r)
{
	return false;
}

static void
uring_close(struct ready *r)
{
}
#endif

int
ready_open(struct bench *b, enum ready_way way, int fd, struct ready **ready)
{
	struct ready *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	r->way = way;
	r->fd = fd;
	ret = way == READY_URING ? uring_open(b, r) : 0;
	if (ret != 0) {
		free(r);
		return ret;
	}
	*ready = r;
	return 0;
}

int
ready_rest(struct ready *r)
{
	return r->way == READY_URING && !r->armed ? uring_arm(r) : 0;
}

bool
ready_look(struct ready *r)
{
	struct pollfd file = {.fd = r->fd, .events = POLLIN};

	if (r->way == READY_READ)
		return true;
	if (r->way == READY_POLL)
		return poll(&file, 1, 0) > 0 && (file.revents & POLLIN) != 0;
	return uring_look(r);
}

void
ready_close(struct ready *r)
{
	if (r->way == READY_URING)
		uring_close(r);
	free(r);
}
