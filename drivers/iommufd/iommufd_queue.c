/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* A fault queue as the queue of a unit: all but messages (iommufd_fetch.c) and answers. */

#include <string.h>

#include "iommufd_pvt.h"

void
iommufd_queue_reset(struct iommufd_queue *queue)
{
	iommufd_slots_init(&queue->slots, queue->slots.nb_slots, queue->slots.table);
	queue->pos = 0;
	queue->nb = 0;
	queue->widen = true;
	queue->failed = 0;
	/* a poll that is under way is still good: armed stays */
	iommufd_notices_reset(&queue->notices);
}

void
iommufd_queue_fail(struct iommufd_queue *queue, int error, const char *what)
{
	if (queue->failed != 0)
		return;
	queue->failed = error;
	IOMMUFD_LOG(ERR, "%s: fault queue %u: %s: %s", queue->name, queue->index, what,
		    strerror(-error));
}

void
iommufd_queue_hear_all(struct iommufd_queue *queue, uint32_t tail)
{
	uiommu_count(&queue->stats.ended_groups,
		     iommufd_notices_take(&queue->notices, &queue->slots, tail));
}

static uint16_t
iommufd_room(void *queue_private)
{
	return ((const struct iommufd_queue *)queue_private)->failed != 0 ? 0 : IOMMUFD_BURST_MAX;
}

/* The kernel's queue has no bound that could be exceeded: it never says so. */
static bool
iommufd_overflow_ack(void *queue_private)
{
	(void)queue_private;
	return true;
}

/*
 * What counts is what was read: what the kernel has beyond that it answers itself when the device
 * is detached, before the detach returns.
 */
static void
iommufd_mark(void *queue_private, uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	const struct iommufd_queue *queue = queue_private;

	marks[0] = queue->taken + (queue->nb - queue->pos);
	marks[1] = 0;
}

static bool
iommufd_is_past(void *queue_private, const uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	return ((const struct iommufd_queue *)queue_private)->taken >= marks[0];
}

/* The kernel does what it is asked before the call returns: nothing is left for the queue. */
static int
iommufd_cmd_step(void *queue_private, struct uiommu_cmd *cmd)
{
	(void)cmd;
	return ((const struct iommufd_queue *)queue_private)->failed;
}

const struct uiommu_queue_ops iommufd_queue_ops = {
	.fetch = iommufd_fetch,
	.respond = iommufd_respond,
	.room = iommufd_room,
	.overflow_ack = iommufd_overflow_ack,
	.mark = iommufd_mark,
	.is_past = iommufd_is_past,
	.cmd_step = iommufd_cmd_step,
};
