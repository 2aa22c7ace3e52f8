/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include <uiommu_driver_wait.h>

#include "vtd_pvt.h"

/** Entries of the invalidation queue at least, where iq= does not say. */
#define IQ_ENTRIES_DEFAULT 1024

/* PQS or QS of a queue: 2^(field + 7) entries of 32 bytes */
static uint64_t
size_field(uint32_t entries)
{
	return (uint64_t)__builtin_ctz(entries) - VTD_QUEUE_ENTRIES_SHIFT;
}

static void
free_memory(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;

	uiommu_page_pool_free(&vtd->pool);
	uiommu_dma_free(plat, &vtd->prq_mem);
	uiommu_dma_free(plat, &vtd->iq_mem);
	uiommu_id_map_free(&vtd->dids);
	memset(vtd->contexts, 0, sizeof(vtd->contexts));
}

static int
take_memory(struct vtd *vtd, uint32_t prq_entries, uint32_t iq_entries)
{
	struct uiommu_platform *plat = &vtd->dev->platform;

	/* stays until close(): the unit may be looking at the empty root table */
	if (vtd->base_mem.va == NULL &&
	    uiommu_dma_alloc(plat, VTD_BASE_SIZE, VTD_PAGE_SIZE, &vtd->base_mem) != 0)
		return -ENOMEM;
	memset(vtd->base_mem.va, 0, VTD_BASE_SIZE);
	vtd_publish(vtd, vtd->base_mem.va, VTD_BASE_SIZE);
	/* aligned to their size: no unit can want more */
	if ((!vtd->queue.no_requests &&
	     uiommu_dma_alloc(plat, (size_t)prq_entries * VTD_DESC_SIZE,
			      (size_t)prq_entries * VTD_DESC_SIZE, &vtd->prq_mem) != 0) ||
	    uiommu_dma_alloc(plat, (size_t)iq_entries * VTD_DESC_SIZE,
			     (size_t)iq_entries * VTD_DESC_SIZE, &vtd->iq_mem) != 0)
		return -ENOMEM;
	vtd->pool = (struct uiommu_page_pool){.plat = plat};
	/* 0 is never used: S 6.1 has it tag what is cached of absent entries */
	return uiommu_id_map_init(&vtd->dids, vtd->nb_did, plat->socket_id);
}

int
vtd_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf)
{
	struct vtd *vtd = vtd_of(dev);
	struct vtd_queue *queue = &vtd->queue;
	uint32_t iq_entries = vtd->iq_entries;

	if (!rte_is_power_of_2(conf->queue_entries) ||
	    conf->queue_entries < VTD_QUEUE_ENTRIES_MIN ||
	    conf->queue_entries > vtd->prq_entries_max)
		return -EINVAL;
	if (vtd->wedged) {
		VTD_LOG(ERR, "%s: unit could not be turned off, and may be using its memory",
			dev->name);
		return -EBUSY;
	}
	if (iq_entries == 0)
		iq_entries = RTE_MAX(queue->no_requests ? 0 : conf->queue_entries,
				     (uint32_t)IQ_ENTRIES_DEFAULT);
	free_memory(vtd);
	if (take_memory(vtd, conf->queue_entries, iq_entries) != 0) {
		free_memory(vtd);
		VTD_LOG(ERR, "%s: no memory for queues of %u and %u entries", dev->name,
			conf->queue_entries, iq_entries);
		return -ENOMEM;
	}
	vtd->conf = *conf;
	queue->plat = &dev->platform;
	queue->ring = vtd->prq_mem.va;
	queue->mask = conf->queue_entries - 1;
	queue->iq.plat = &dev->platform;
	queue->iq.ring = vtd->iq_mem.va;
	queue->iq.mask = iq_entries - 1;
	queue->iq.status = RTE_PTR_ADD(vtd->base_mem.va, VTD_BASE_STATUS);
	queue->iq.status_pa = vtd->base_mem.pa + VTD_BASE_STATUS;
	queue->iq.seq = 0;
	queue->iq.name = dev->name;
	return 0;
}

static int
translation_off(struct vtd *vtd)
{
	return vtd_reg_command(vtd, VTD_GCMD_TE, false, "translation (GCMD.TE)");
}

/* S 6.5.2: a queue is turned off when it is empty; one of our own also when it is stuck */
static int
invalidation_off(struct vtd *vtd, bool own)
{
	int empty = vtd_reg_await_queue(vtd);
	int ret;

	if (empty != 0 && !own)
		return empty;
	ret = vtd_reg_command(vtd, VTD_GCMD_QIE, false, "queued invalidation (GCMD.QIE)");
	return ret != 0 ? ret : empty;
}

/* Whether the unit may still be using memory of ours, after what could be done about it */
static bool
is_wedged(struct vtd *vtd)
{
	uint32_t gsts = uiommu_reg_read32(&vtd->dev->platform, VTD_REG_GSTS);
	uint32_t bits = VTD_GCMD_QIE | (vtd->blocking ? 0 : VTD_GCMD_TE);

	/* one that has gone uses nothing */
	return gsts != UINT32_MAX && (gsts & bits) != 0;
}

/* Whoever had the unit before us: off, in order, if that is allowed */
static int
take_over(struct vtd *vtd)
{
	uint32_t gsts = uiommu_reg_read32(&vtd->dev->platform, VTD_REG_GSTS);
	int ret = 0;

	if (vtd->wedged) {
		VTD_LOG(ERR, "%s: unit could not be turned off, so it cannot be turned on",
			vtd->dev->name);
		return -EBUSY;
	}
	/* what a stop in blocking mode left is ours, and goes on blocking until the root changes */
	if (vtd->blocking || (gsts & (VTD_GCMD_TE | VTD_GCMD_QIE)) == 0)
		return 0;
	if (!vtd->takeover) {
		VTD_LOG(ERR, "%s: unit is in use and takeover=1 was not given (GSTS 0x%x)",
			vtd->dev->name, gsts);
		return -EBUSY;
	}
	if ((gsts & VTD_GCMD_TE) != 0)
		ret = translation_off(vtd);
	if (ret == 0 && (gsts & VTD_GCMD_QIE) != 0)
		ret = invalidation_off(vtd, false);
	return ret;
}

static int
invalidation_on(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;
	struct vtd_iq *iq = &vtd->queue.iq;

	vtd_iq_reset(iq, uiommu_timeout_cycles(vtd->dev));
	uiommu_wmb_before_doorbell();
	uiommu_reg_write64(plat, VTD_REG_IQT, 0);
	uiommu_reg_write64(plat, VTD_REG_IQA,
			   vtd->iq_mem.pa | VTD_IQA_DW | size_field(iq->mask + 1));
	return vtd_reg_command(vtd, VTD_GCMD_QIE, true, "queued invalidation (GCMD.QIE)");
}

static void
page_requests_on(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;
	struct vtd_queue *queue = &vtd->queue;

	vtd_queue_reset(queue);
	/* the queues are polled: no events */
	uiommu_reg_write32(plat, VTD_REG_FECTL, VTD_EVENT_IM);
	if (queue->no_requests)
		return;
	uiommu_reg_write64(plat, VTD_REG_PQH, 0);
	uiommu_reg_write64(plat, VTD_REG_PQT, 0);
	uiommu_reg_write64(plat, VTD_REG_PQA, vtd->prq_mem.pa | size_field(queue->mask + 1));
	uiommu_reg_write32(plat, VTD_REG_PECTL, VTD_EVENT_IM);
}

/*
 * Make tables and translations of this unit unreachable. Page requests that still come are
 * answered by the unit, Invalid Request (S 7.4.1), and do not enter the queue.
 */
static int
block_all(struct vtd *vtd)
{
	int ret = vtd_reg_root_set(vtd, (vtd->base_mem.pa + VTD_BASE_EMPTY_ROOT) |
						(VTD_TTM_SCALABLE << VTD_RTADDR_TTM_SHIFT));
	int ret2 = vtd_invalidate_all(vtd);

	return ret != 0 ? ret : ret2;
}

static void
page_requests_off(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;

	if (vtd->queue.no_requests)
		return;
	uiommu_reg_write64(plat, VTD_REG_PQA, 0);
	uiommu_reg_write64(plat, VTD_REG_PQH, 0);
	uiommu_reg_write64(plat, VTD_REG_PQT, 0);
	uiommu_reg_write32(plat, VTD_REG_PRS, VTD_PRS_PPR | VTD_PRS_PRO);
}

/* Each step is tried, whatever became of the one before; the first error counts. */
int
vtd_stop(struct uiommu_dev *dev)
{
	struct vtd *vtd = vtd_of(dev);
	uint32_t mode = vtd->conf.stop_mode;
	int ret[4];
	unsigned int i;

	ret[0] = block_all(vtd);
	vtd->blocking = mode == UIOMMU_STOP_BLOCK;
	ret[1] = vtd->blocking ? 0 : translation_off(vtd);
	ret[2] = invalidation_off(vtd, true);
	page_requests_off(vtd);
	vtd->running = false;
	vtd->wedged = is_wedged(vtd);
	dev->walks_on = vtd->wedged;
	ret[3] = mode == UIOMMU_STOP_RESTORE ? vtd_reg_restore(vtd) : 0;
	for (i = 0; i < RTE_DIM(ret); i++)
		if (ret[i] != 0)
			return ret[i];
	return 0;
}

/*
 * S 6.5.2, 7.4, 6.6 and 11.4.4. The tables are in memory already, with page requests on, so the
 * page request queue comes before the root table (S 11.4.11.3).
 */
static int
bring_up(struct vtd *vtd)
{
	int ret;

	vtd_reg_clear_sticky(vtd);
	ret = invalidation_on(vtd);
	if (ret != 0)
		return ret;
	page_requests_on(vtd);
	ret = vtd_reg_root_set(vtd, (vtd->base_mem.pa + VTD_BASE_ROOT) |
					    (VTD_TTM_SCALABLE << VTD_RTADDR_TTM_SHIFT));
	if (ret != 0)
		return ret;
	/* without ESRTPS the unit keeps what it has cached of another table; with CM, absence */
	if ((vtd->cap & VTD_CAP_ESRTPS) == 0 || (vtd->cap & VTD_CAP_CM) != 0) {
		ret = vtd_invalidate_all(vtd);
		if (ret != 0)
			return ret;
	}
	return vtd_reg_command(vtd, VTD_GCMD_TE, true, "translation (GCMD.TE)");
}

int
vtd_start(struct uiommu_dev *dev)
{
	struct vtd *vtd = vtd_of(dev);
	int ret;

	if (!vtd->blocking)
		vtd_reg_save(vtd);
	ret = take_over(vtd);
	if (ret != 0)
		return ret;
	ret = bring_up(vtd);
	if (ret != 0) {
		(void)(vtd->blocking ? block_all(vtd) : translation_off(vtd));
		(void)invalidation_off(vtd, true);
		page_requests_off(vtd);
		vtd->wedged = is_wedged(vtd);
		dev->walks_on = vtd->wedged;
		return ret;
	}
	vtd->blocking = false;
	vtd->running = true;
	return 0;
}

void
vtd_close(struct uiommu_dev *dev)
{
	struct vtd *vtd = vtd_of(dev);

	if (vtd->running)
		(void)vtd_stop(dev);
	if (vtd->blocking)
		vtd->wedged |= translation_off(vtd) != 0;
	if (vtd->wedged) {
		VTD_LOG(ERR, "%s: unit could not be turned off: its memory is not given back",
			dev->name);
	} else {
		free_memory(vtd);
		uiommu_dma_free(&dev->platform, &vtd->base_mem);
	}
	rte_free(vtd);
	dev->dev_private = NULL;
}
