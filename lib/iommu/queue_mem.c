/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Memory of a queue: all of it is taken here, before the data path runs. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

static void *
table_alloc(const struct uiommu_unit *unit, size_t count, size_t size)
{
	/* a line more: the data path may prefetch past the end */
	return rte_zmalloc_socket("uiommu_queue", count * size + RTE_CACHE_LINE_SIZE,
				  RTE_CACHE_LINE_SIZE, unit->dev.platform.socket_id);
}

static int
slots_create(struct uiommu_queue *queue)
{
	const struct uiommu_unit *unit = queue->unit;
	uint32_t i, nb = unit->conf.deferred_max;
	char name[RTE_RING_NAMESIZE];

	queue->slots = table_alloc(unit, nb, sizeof(queue->slots[0]));
	if (queue->slots == NULL)
		return -ENOMEM;
	for (i = 0; i < nb; i++) {
		queue->slots[i].word = uiommu_slot_word(1, UIOMMU_SLOT_FREE, 0);
		queue->slots[i].next_free = i + 1 < nb ? i + 1 : UIOMMU_SLOT_NONE;
	}
	queue->free_slot = 0;
	queue->kept_max = nb;
	/*
	 * Relaxed tail: a thread that was interrupted in the middle of an answer holds
	 * up no other. Twice the slots, since an entry may outlive its slot's generation.
	 */
	snprintf(name, sizeof(name), "uiommu_%d_%u", unit->dev.dev_id, queue->id);
	queue->answers = rte_ring_create(name, nb * 2, unit->dev.platform.socket_id,
					 RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	if (queue->answers == NULL)
		return rte_errno == 0 ? -ENOMEM : -rte_errno;
	/* as far behind as it likes */
	(void)rte_ring_set_prod_htd_max(queue->answers, queue->answers->capacity);
	return 0;
}

static int
arrays_create(struct uiommu_queue *queue)
{
	const struct uiommu_unit *unit = queue->unit;
	size_t burst = queue->burst;

	queue->gather_max = 2 * queue->group_max + 4 * queue->burst;
	queue->faults = table_alloc(unit, burst, sizeof(queue->faults[0]));
	queue->routes = table_alloc(unit, burst, sizeof(queue->routes[0]));
	queue->groups = table_alloc(unit, burst, sizeof(queue->groups[0]));
	queue->sorted = table_alloc(unit, burst, sizeof(queue->sorted[0]));
	queue->codes = table_alloc(unit, burst, sizeof(queue->codes[0]));
	queue->resps = table_alloc(unit, burst, sizeof(queue->resps[0]));
	queue->reports = table_alloc(unit, burst, sizeof(queue->reports[0]));
	queue->buckets = table_alloc(unit, burst, sizeof(queue->buckets[0]));
	queue->bucket_end = table_alloc(unit, burst, sizeof(queue->bucket_end[0]));
	queue->answered = table_alloc(unit, (burst + 63) / 64, sizeof(queue->answered[0]));
	queue->gather = table_alloc(unit, queue->gather_max, sizeof(queue->gather[0]));
	if (queue->faults == NULL || queue->routes == NULL || queue->groups == NULL ||
	    queue->sorted == NULL || queue->codes == NULL || queue->resps == NULL ||
	    queue->reports == NULL || queue->buckets == NULL || queue->bucket_end == NULL ||
	    queue->answered == NULL || queue->gather == NULL)
		return -ENOMEM;
	return 0;
}

/* Demand paging needs tables that the library keeps. */
static int
resolve_create(struct uiommu_queue *queue)
{
	if (queue->unit->dev.ops->table_format == NULL)
		return 0;
	queue->resolve = uiommu_pvt_resolve_create(queue);
	return queue->resolve == NULL ? -ENOMEM : 0;
}

struct uiommu_queue *
uiommu_pvt_queue_create(struct uiommu_unit *unit, uint16_t id)
{
	struct uiommu_queue *queue;

	queue = rte_zmalloc_socket("uiommu_queue", sizeof(*queue), RTE_CACHE_LINE_SIZE,
				   unit->dev.platform.socket_id);
	if (queue == NULL)
		return NULL;
	queue->unit = unit;
	queue->id = id;
	queue->ops = unit->dev.queue_ops;
	queue->drv = unit->dev.ops->queue_get(&unit->dev, id);
	queue->endpoint_dir = unit->endpoint_dir;
	queue->endpoint_beyond = unit->endpoint_beyond;
	queue->burst = unit->conf.burst;
	queue->group_max = unit->conf.group_max;
	if (arrays_create(queue) != 0 || slots_create(queue) != 0 || resolve_create(queue) != 0) {
		uiommu_pvt_queue_destroy(queue);
		return NULL;
	}
	return queue;
}

void
uiommu_pvt_queue_destroy(struct uiommu_queue *queue)
{
	if (queue == NULL)
		return;
	rte_free(queue->faults);
	rte_free(queue->routes);
	rte_free(queue->groups);
	rte_free(queue->sorted);
	rte_free(queue->codes);
	rte_free(queue->resps);
	rte_free(queue->reports);
	rte_free(queue->buckets);
	rte_free(queue->bucket_end);
	rte_free(queue->answered);
	rte_free(queue->gather);
	uiommu_pvt_resolve_destroy(queue->resolve);
	rte_free(queue->slots);
	rte_ring_free(queue->answers);
	rte_free(queue);
}
