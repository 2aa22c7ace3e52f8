/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Data path of a queue that is not started: does nothing, and counts that it was asked. */

#include "uiommu_pvt.h"

static void
dummy_count(struct uiommu_queue *queue)
{
	/* NULL: the unit was never configured */
	if (queue != NULL)
		__atomic_fetch_add(&queue->not_owner, 1, __ATOMIC_RELAXED);
}

static uint16_t
dummy_poll(void *queue, uint16_t budget)
{
	dummy_count(queue);
	return 0;
}

static uint16_t
dummy_fault_burst(void *queue, struct uiommu_group *groups, uint16_t nb_groups)
{
	dummy_count(queue);
	return 0;
}

static uint16_t
dummy_respond_burst(void *queue, const struct uiommu_group *groups, const uint8_t *codes,
		    uint16_t nb_groups)
{
	dummy_count(queue);
	return 0;
}

#define DUMMY                                                                                      \
	{                                                                                          \
		.poll = dummy_poll, .fault_burst = dummy_fault_burst,                              \
		.respond_burst = dummy_respond_burst,                                              \
	}

struct uiommu_fp_queue uiommu_fp_queues[UIOMMU_MAX_DEVS][UIOMMU_MAX_QUEUES] = {
	[0 ... UIOMMU_MAX_DEVS - 1] = {[0 ... UIOMMU_MAX_QUEUES - 1] = DUMMY},
};

void
uiommu_pvt_fp_dummy(struct uiommu_queue *queue, struct uiommu_fp_queue *fp)
{
	fp->queue = queue;
	fp->poll = dummy_poll;
	fp->fault_burst = dummy_fault_burst;
	fp->respond_burst = dummy_respond_burst;
}
