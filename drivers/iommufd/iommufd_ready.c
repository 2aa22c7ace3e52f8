/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A one-shot poll in an io_uring. The thread that armed it may have ended, or given the queue to
 * another, when it completes: the kernel cancels what an ended thread has left, and a poll
 * that was cancelled has completed like any other. What it says does not count: the queue is read.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "iommufd_ready.h"

#ifdef IOMMUFD_URING

#include <liburing.h>

/** Entries of the ring: one poll, and one more that has completed and was not looked at. */
#define RING_ENTRIES 4

struct iommufd_ready {
	struct io_uring ring;
	int fd;
};

bool
iommufd_ready_is_built(void)
{
	return true;
}

int
iommufd_ready_open(int fd, struct iommufd_ready **ready)
{
	struct iommufd_ready *new = calloc(1, sizeof(*new));
	int ret;

	if (new == NULL)
		return -ENOMEM;
	new->fd = fd;
	ret = io_uring_queue_init(RING_ENTRIES, &new->ring, 0);
	if (ret != 0) {
		free(new);
		return ret;
	}
	*ready = new;
	return 0;
}

void
iommufd_ready_close(struct iommufd_ready *ready)
{
	if (ready == NULL)
		return;
	io_uring_queue_exit(&ready->ring);
	free(ready);
}

bool
iommufd_ready_arm(struct iommufd_ready *ready)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ready->ring);

	/* full: one that could not be handed in before; it goes now */
	if (sqe != NULL)
		io_uring_prep_poll_add(sqe, ready->fd, POLLIN);
	return io_uring_submit(&ready->ring) > 0;
}

bool
iommufd_ready_look(struct iommufd_ready *ready)
{
	const unsigned int nb = io_uring_cq_ready(&ready->ring);

	if (nb == 0)
		return false;
	io_uring_cq_advance(&ready->ring, nb);
	return true;
}

#else /* IOMMUFD_URING */

bool
iommufd_ready_is_built(void)
{
	return false;
}

int
iommufd_ready_open(int fd, struct iommufd_ready **ready)
{
	(void)fd;
	(void)ready;
	return -ENOTSUP;
}

void
iommufd_ready_close(struct iommufd_ready *ready)
{
	(void)ready;
}

bool
iommufd_ready_arm(struct iommufd_ready *ready)
{
	(void)ready;
	return false;
}

bool
iommufd_ready_look(struct iommufd_ready *ready)
{
	(void)ready;
	return true;
}

#endif /* IOMMUFD_URING */
