/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Cookies of the kernel's fault queues, and what became of them. An answer that the kernel takes is
 * seen by the probe; one that it does not take is not, and what software meant by it is for
 * the judge to say. Queues have one reader and writer each, who is the caller here.
 */

#include <errno.h>
#include <stdlib.h>

#include "emu_pvt.h"
#include "iommufd_mock.h"

#define COOKIES_MORE 1024
/** More groups without an answer than there can be: what is above is not a cookie. */
#define COOKIES_MAX (UINT32_C(1) << 24)

static struct mock_queue *
queue_of(struct mock *mock, int fd)
{
	unsigned int i;

	for (i = 0; i < mock->nb_queues; i++)
		if (mock->queues[i].fd == fd)
			return &mock->queues[i];
	if (mock->nb_queues == MOCK_QUEUES_MAX)
		return NULL;
	mock->queues[i].fd = fd;
	mock->nb_queues++;
	return &mock->queues[i];
}

/* @return NULL: no memory, or impossible */
static struct iommufd_kernel_answer *
cookie_at(struct mock_queue *queue, uint32_t cookie)
{
	struct iommufd_kernel_answer *more;
	uint32_t size = queue->size;

	if (cookie < size)
		return &queue->cookies[cookie];
	if (cookie >= COOKIES_MAX)
		return NULL;
	size = RTE_MAX(cookie + COOKIES_MORE, 2 * size);
	more = realloc(queue->cookies, size * sizeof(*more));
	if (more == NULL)
		return NULL;
	for (; queue->size < size; queue->size++)
		more[queue->size].refused = IOMMUFD_KERNEL_STRANGE;
	queue->cookies = more;
	return &more[cookie];
}

void
mock_cookie_read(struct mock *mock, int fd, const struct mock_device *device,
		 const struct iommufd_fault *fault)
{
	struct mock_queue *queue = queue_of(mock, fd);
	struct iommufd_kernel_answer *group =
		queue != NULL ? cookie_at(queue, fault->cookie) : NULL;

	if (group == NULL) {
		mock->trace.lost++;
		return;
	}
	*group = (struct iommufd_kernel_answer){
		.endpoint_id = device->endpoint_id,
		.pasid = (fault->flags & IOMMUFD_FAULT_PASID_VALID) != 0 ? fault->pasid :
									   device->pasid,
		.prgi = (uint16_t)fault->grpid,
		/* the kernel does not take it: it has answered */
		.refused = IOMMUFD_KERNEL_TOO_LATE,
	};
}

static void
refused(struct mock *mock, struct mock_queue *queue, const struct iommufd_resp *resp)
{
	struct iommufd_kernel_answer answer = {.refused = IOMMUFD_KERNEL_STRANGE};

	if (resp->cookie < queue->size && resp->code <= 1)
		answer = queue->cookies[resp->cookie];
	answer.code = (uint8_t)resp->code;
	if (!mock_answer_keep(&mock->answers, &answer))
		mock->trace.lost++;
}

void
mock_cookies_written(struct mock *mock, int fd, const struct iommufd_resp *resps, size_t bytes,
		     ssize_t done)
{
	const size_t nb = bytes / sizeof(*resps);
	const size_t taken = done > 0 ? (size_t)done / sizeof(*resps) : 0;
	struct mock_queue *queue;
	size_t i;

	pthread_mutex_lock(&mock->lock);
	queue = queue_of(mock, fd);
	for (i = 0; queue != NULL && i < taken; i++)
		if (resps[i].cookie < queue->size)
			queue->cookies[resps[i].cookie].refused = IOMMUFD_KERNEL_AGAIN;
	if (queue != NULL && taken < nb && (done >= 0 || done == -EINVAL))
		refused(mock, queue, &resps[taken]);
	pthread_mutex_unlock(&mock->lock);
}

void
mock_queue_forget(struct mock *mock, int fd)
{
	unsigned int i;

	pthread_mutex_lock(&mock->lock);
	for (i = 0; i < mock->nb_queues; i++)
		if (mock->queues[i].fd == fd) {
			free(mock->queues[i].cookies);
			mock->queues[i] = mock->queues[--mock->nb_queues];
			mock->queues[mock->nb_queues] = (struct mock_queue){0};
			break;
		}
	pthread_mutex_unlock(&mock->lock);
}

void
mock_queues_forget(struct mock *mock)
{
	while (mock->nb_queues > 0)
		mock_queue_forget(mock, mock->queues[0].fd);
}
