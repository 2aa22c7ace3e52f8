/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Configure, start, stop, close, "Guidelines for initialization". */

#include <errno.h>
#include <inttypes.h>

#include <rte_malloc.h>

#include <uiommu_driver_wait.h>

#include "riscv_args.h"
#include "riscv_pvt.h"

/** Every interrupt that may be pending, "Interrupt pending status register". */
#define IPSR_OURS (RISCV_IPSR_CIP | RISCV_IPSR_FIP | RISCV_IPSR_PIP)

static void
free_memory(struct riscv *riscv)
{
	struct uiommu_platform *plat = &riscv->dev->platform;

	riscv_dir_free(&riscv->pool, &riscv->ddt);
	uiommu_page_pool_free(&riscv->pool);
	uiommu_dma_free(plat, &riscv->pq_mem);
	uiommu_dma_free(plat, &riscv->fq_mem);
	uiommu_dma_free(plat, &riscv->cq_mem);
	uiommu_dma_free(plat, &riscv->status_mem);
	uiommu_id_map_free(&riscv->pscids);
}

/* Memory of a queue: aligned to its size, or to a page */
static int
queue_alloc(struct riscv *riscv, uint32_t entries, size_t entry_size, struct uiommu_dma *mem)
{
	const size_t size = entries * entry_size;

	return uiommu_dma_alloc(&riscv->dev->platform, size,
				RTE_MAX(size, (size_t)UIOMMU_PAGE_SIZE), mem);
}

static int
take_memory(struct riscv *riscv, uint32_t pq_entries, uint32_t fq_entries, uint32_t cq_entries)
{
	struct uiommu_platform *plat = &riscv->dev->platform;

	riscv->pool = (struct uiommu_page_pool){.plat = plat};
	riscv->id_bits_used = 0;
	if (riscv_ddt_init(riscv) != 0 || uiommu_page_alloc(&riscv->pool, &riscv->nothing) != 0 ||
	    uiommu_id_map_init(&riscv->pscids, 1U << RISCV_PSCID_BITS, plat->socket_id) != 0)
		return -ENOMEM;
	if ((riscv->has_pq &&
	     queue_alloc(riscv, pq_entries, RISCV_PQ_SIZE, &riscv->pq_mem) != 0) ||
	    queue_alloc(riscv, fq_entries, RISCV_FAULT_SIZE, &riscv->fq_mem) != 0 ||
	    queue_alloc(riscv, cq_entries, RISCV_CMD_SIZE, &riscv->cq_mem) != 0)
		return -ENOMEM;
	return uiommu_dma_alloc(plat, RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_SIZE,
				&riscv->status_mem);
}

static void
queue_init(struct riscv *riscv, uint32_t pq_entries, uint32_t fq_entries, uint32_t cq_entries)
{
	struct riscv_queue *queue = &riscv->queue;
	struct riscv_cq *cq = &queue->cq;

	queue->plat = &riscv->dev->platform;
	queue->pq = (struct riscv_source){
		.ring = riscv->pq_mem.va, .mask = pq_entries - 1, .head_reg = RISCV_REG_PQH,
		.tail_reg = RISCV_REG_PQT, .csr_reg = RISCV_REG_PQCSR,
	};
	queue->fq = (struct riscv_source){
		.ring = riscv->fq_mem.va, .mask = fq_entries - 1, .head_reg = RISCV_REG_FQH,
		.tail_reg = RISCV_REG_FQT, .csr_reg = RISCV_REG_FQCSR,
	};
	cq->plat = &riscv->dev->platform;
	cq->ring = riscv->cq_mem.va;
	cq->mask = cq_entries - 1;
	cq->status = riscv->status_mem.va;
	cq->status_pa = riscv->status_mem.pa;
	cq->seq = 0;
	cq->name = riscv->dev->name;
}

int
riscv_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf)
{
	struct riscv *riscv = riscv_of(dev);
	const uint32_t entries = conf->queue_entries;
	const uint32_t max = riscv->has_pq ? riscv->pq_entries_max : riscv->fq_entries;
	const uint32_t fq = riscv->has_pq ? riscv->fq_entries : entries;
	const uint32_t cq = riscv->cq_entries != 0 ?
		riscv->cq_entries : RTE_MAX(entries, (uint32_t)RISCV_CQ_ENTRIES_MIN);

	if (!rte_is_power_of_2(entries) || entries > max)
		return -EINVAL;
	if (riscv->wedged) {
		RISCV_LOG(ERR, "%s: unit could not be turned off, and may be using its memory",
			  dev->name);
		return -EBUSY;
	}
	free_memory(riscv);
	if (take_memory(riscv, entries, fq, cq) != 0) {
		free_memory(riscv);
		RISCV_LOG(ERR, "%s: no memory for tables and queues of %u, %u and %u entries",
			  dev->name, entries, fq, cq);
		return -ENOMEM;
	}
	riscv->conf = *conf;
	queue_init(riscv, entries, fq, cq);
	return 0;
}

/* Whether the unit uses memory, by what its registers say */
static bool
is_on(struct riscv *riscv)
{
	struct uiommu_platform *plat = &riscv->dev->platform;
	const uint64_t ddtp = uiommu_reg_read64(plat, RISCV_REG_DDTP);
	uint32_t csr = uiommu_reg_read32(plat, RISCV_REG_CQCSR) |
		       uiommu_reg_read32(plat, RISCV_REG_FQCSR);

	if (riscv->has_pq)
		csr |= uiommu_reg_read32(plat, RISCV_REG_PQCSR);
	/* one that has gone uses nothing */
	if (ddtp == UINT64_MAX)
		return false;
	return (ddtp & RISCV_DDTP_MODE_MASK) > RISCV_DDTP_BARE || (ddtp & RISCV_DDTP_BUSY) != 0 ||
	       (csr & (RISCV_CSR_EN | RISCV_CSR_ON | RISCV_CSR_BUSY)) != 0;
}

/*
 * While translation goes off page requests would be answered Response Failure by the unit. So are
 * those that come from now on; but all answers that were given come first, and those for requests
 * that nobody has taken.
 */
static int
requests_off(struct riscv *riscv)
{
	struct riscv_queue *queue = &riscv->queue;
	int ret;

	if (queue->cq.failed != 0 || !riscv->has_pq)
		return 0;
	ret = riscv_reg_csr(riscv, RISCV_REG_PQCSR, false, "page-request queue");
	if (ret == 0)
		ret = riscv_cq_run(&queue->cq, NULL, 0);
	return ret == 0 ? riscv_requests_end(queue) : ret;
}

/* Translation first, then queues; @return the first error, each step is tried */
static int
turn_off(struct riscv *riscv, bool own)
{
	int ret[6] = {0};
	unsigned int i;

	if (own)
		ret[0] = requests_off(riscv);
	ret[1] = riscv_reg_ddtp(riscv, RISCV_DDTP_OFF, 0);
	if (own && riscv->queue.cq.failed == 0)
		ret[2] = riscv_invalidate_all(riscv);
	if (riscv->has_pq)
		ret[3] = riscv_reg_csr(riscv, RISCV_REG_PQCSR, false, "page-request queue");
	ret[4] = riscv_reg_csr(riscv, RISCV_REG_FQCSR, false, "fault queue");
	ret[5] = riscv_reg_csr(riscv, RISCV_REG_CQCSR, false, "command queue");
	for (i = 0; i < RTE_DIM(ret); i++)
		if (ret[i] != 0)
			return ret[i];
	return 0;
}

/* Whoever had the unit before us: off, in order, if that is allowed. One that is Bare is free. */
static int
take_over(struct riscv *riscv)
{
	struct uiommu_dev *dev = riscv->dev;

	if (riscv->wedged) {
		RISCV_LOG(ERR, "%s: unit could not be turned off, so it cannot be turned on",
			  dev->name);
		return -EBUSY;
	}
	if (!is_on(riscv))
		return riscv_reg_ddtp(riscv, RISCV_DDTP_OFF, 0);
	if (!riscv->takeover) {
		RISCV_LOG(ERR, "%s: unit is in use and takeover=1 was not given (ddtp 0x%"
			  PRIx64 ")", dev->name,
			  uiommu_reg_read64(&dev->platform, RISCV_REG_DDTP));
		return -EBUSY;
	}
	return turn_off(riscv, false);
}

/* A queue that is off: at its place, empty, and on */
static int
queue_on(struct riscv *riscv, uint32_t base_reg, uint32_t index_reg, uint32_t csr_reg,
	 const struct uiommu_dma *mem, uint32_t mask, const char *what)
{
	struct uiommu_platform *plat = &riscv->dev->platform;
	const uint64_t base = mem->pa >> RISCV_PAGE_SHIFT << RISCV_PPN_SHIFT |
			      ((uint64_t)__builtin_ctz(mask + 1) - 1);
	uint64_t got;

	uiommu_reg_write64(plat, base_reg, base);
	got = uiommu_reg_read64(plat, base_reg);
	if ((got & (RISCV_QB_LOG2SZ_MASK | RISCV_PPN_FIELD_MASK)) != base) {
		RISCV_LOG(ERR, "%s: not supported: %s of %u entries at 0x%" PRIx64,
			  riscv->dev->name, what, mask + 1, mem->pa);
		return -ENOTSUP;
	}
	uiommu_reg_write32(plat, index_reg, 0);
	return riscv_reg_csr(riscv, csr_reg, true, what);
}

static int
queues_on(struct riscv *riscv)
{
	struct riscv_queue *queue = &riscv->queue;
	int ret;

	riscv_cq_reset(&queue->cq, uiommu_timeout_cycles(riscv->dev));
	riscv_queue_reset(queue);
	ret = queue_on(riscv, RISCV_REG_CQB, RISCV_REG_CQT, RISCV_REG_CQCSR, &riscv->cq_mem,
		       queue->cq.mask, "command queue");
	if (ret == 0)
		ret = riscv_invalidate_all(riscv);
	if (ret == 0)
		ret = queue_on(riscv, RISCV_REG_FQB, RISCV_REG_FQH, RISCV_REG_FQCSR,
			       &riscv->fq_mem, queue->fq.mask, "fault queue");
	if (ret == 0 && riscv->has_pq)
		ret = queue_on(riscv, RISCV_REG_PQB, RISCV_REG_PQH, RISCV_REG_PQCSR,
			       &riscv->pq_mem, queue->pq.mask, "page-request queue");
	return ret;
}

/* The widest directory that the unit takes, or the one that is wanted */
static int
translation_on(struct riscv *riscv)
{
	const uint8_t most = riscv->ddt.levels;
	const uint8_t least = riscv->ddt_levels != 0 ? riscv->ddt_levels : 1;
	int ret = -ENOTSUP;

	for (riscv->levels = most; riscv->levels >= least; riscv->levels--) {
		if (riscv_dir_bits(&riscv->ddt, riscv->levels) < riscv->id_bits_used)
			break;
		ret = riscv_reg_ddtp(riscv, RISCV_DDTP_1LVL + riscv->levels - 1U,
				     riscv_dir_root_pa(&riscv->ddt, riscv->levels));
		if (ret != -ENOTSUP)
			return ret;
		ret = riscv_reg_ddtp(riscv, RISCV_DDTP_OFF, 0);
		if (ret != 0)
			return ret;
	}
	RISCV_LOG(ERR, "%s: not supported: device directory for ids of %u bits", riscv->dev->name,
		  riscv->id_bits_used);
	return -ENOTSUP;
}

static int
bring_up(struct riscv *riscv)
{
	struct uiommu_platform *plat = &riscv->dev->platform;
	int ret = riscv_reg_fctl(riscv);

	if (ret == 0)
		ret = queues_on(riscv);
	if (ret != 0)
		return ret;
	/* nothing is to be told: the unit is polled, and no queue has its interrupt enabled */
	uiommu_reg_write32(plat, RISCV_REG_IPSR, IPSR_OURS);
	return translation_on(riscv);
}

/* Whether transactions passed before us */
static bool
was_bare(const struct riscv *riscv)
{
	return (riscv->saved.ddtp & RISCV_DDTP_MODE_MASK) == RISCV_DDTP_BARE;
}

int
riscv_start(struct uiommu_dev *dev)
{
	struct riscv *riscv = riscv_of(dev);
	int ret;

	if (!riscv->blocking)
		riscv_reg_save(riscv);
	ret = take_over(riscv);
	if (ret != 0)
		return ret;
	ret = bring_up(riscv);
	if (ret != 0) {
		(void)turn_off(riscv, false);
		riscv->wedged = is_on(riscv);
		dev->walks_on = riscv->wedged;
		if (!riscv->wedged && was_bare(riscv))
			(void)riscv_reg_ddtp(riscv, RISCV_DDTP_BARE, 0);
		return ret;
	}
	riscv->blocking = false;
	riscv->running = true;
	return 0;
}

/* From Off; Bare from anything else would be unspecified */
static int
leave(struct riscv *riscv, uint32_t mode)
{
	if (mode == UIOMMU_STOP_RESTORE)
		return riscv_reg_restore(riscv);
	return mode == UIOMMU_STOP_OFF ? riscv_reg_ddtp(riscv, RISCV_DDTP_BARE, 0) : 0;
}

/*
 * Each step is tried, whatever became of the one before; the first error counts. Off is how
 * transactions can be blocked with none of our memory in use; Bare lets them all pass. Page
 * requests that still come are answered by the unit: Response Failure, and Invalid Request when it
 * is Bare.
 */
int
riscv_stop(struct uiommu_dev *dev)
{
	struct riscv *riscv = riscv_of(dev);
	const uint32_t mode = riscv->conf.stop_mode;
	int ret, left = 0;

	ret = turn_off(riscv, true);
	riscv->running = false;
	riscv->wedged = is_on(riscv);
	riscv->blocking = mode == UIOMMU_STOP_BLOCK;
	dev->walks_on = riscv->wedged;
	if (!riscv->wedged)
		left = leave(riscv, mode);
	return ret != 0 ? ret : left;
}

void
riscv_close(struct uiommu_dev *dev)
{
	struct riscv *riscv = riscv_of(dev);

	if (riscv->running)
		(void)riscv_stop(dev);
	/* nobody is left who blocks: as it was before, where that needs no tables */
	if (riscv->blocking && !riscv->wedged && was_bare(riscv))
		(void)riscv_reg_ddtp(riscv, RISCV_DDTP_BARE, 0);
	if (riscv->wedged)
		RISCV_LOG(ERR, "%s: unit could not be turned off: its memory is not given back",
			  dev->name);
	else
		free_memory(riscv);
	rte_free(riscv);
	dev->dev_private = NULL;
}
