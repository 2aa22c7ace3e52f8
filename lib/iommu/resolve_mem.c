/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Memory of a queue's resolver: all of it is taken here, before the data path runs. */

#include <rte_malloc.h>

#include "resolve_pvt.h"
#include "uiommu_pvt.h"

static void *
table_alloc(const struct uiommu_queue *queue, size_t count, size_t size)
{
	return rte_zmalloc_socket("uiommu_resolve", count * size, RTE_CACHE_LINE_SIZE,
				  queue->unit->dev.platform.socket_id);
}

struct uiommu_resolve *
uiommu_pvt_resolve_create(struct uiommu_queue *queue)
{
	/* a burst's own, and those of groups that were put together */
	const uint32_t max = queue->burst + queue->gather_max;
	struct uiommu_resolve *resolve = table_alloc(queue, 1, sizeof(*resolve));

	if (resolve == NULL)
		return NULL;
	resolve->queue = queue;
	resolve->max = max;
	resolve->pts = table_alloc(queue, max, sizeof(resolve->pts[0]));
	resolve->hints = table_alloc(queue, max, sizeof(resolve->hints[0]));
	resolve->iovas = table_alloc(queue, max, sizeof(resolve->iovas[0]));
	resolve->prots = table_alloc(queue, max, sizeof(resolve->prots[0]));
	resolve->present = table_alloc(queue, max, sizeof(resolve->present[0]));
	resolve->faults = table_alloc(queue, max, sizeof(resolve->faults[0]));
	resolve->groups = table_alloc(queue, max, sizeof(resolve->groups[0]));
	resolve->misses = table_alloc(queue, max, sizeof(resolve->misses[0]));
	if (resolve->pts == NULL || resolve->hints == NULL || resolve->iovas == NULL ||
	    resolve->prots == NULL || resolve->present == NULL || resolve->faults == NULL ||
	    resolve->groups == NULL || resolve->misses == NULL) {
		uiommu_pvt_resolve_destroy(resolve);
		return NULL;
	}
	return resolve;
}

void
uiommu_pvt_resolve_destroy(struct uiommu_resolve *resolve)
{
	if (resolve == NULL)
		return;
	rte_free(resolve->pts);
	rte_free(resolve->hints);
	rte_free(resolve->iovas);
	rte_free(resolve->prots);
	rte_free(resolve->present);
	rte_free(resolve->faults);
	rte_free(resolve->groups);
	rte_free(resolve->misses);
	rte_free(resolve);
}
