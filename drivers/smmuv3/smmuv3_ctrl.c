/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Configure, start, stop, close, S 3.11. */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include <uiommu_driver_wait.h>

#include "smmuv3_pvt.h"

/** Entries of the command queue at least, where cmdq= does not say and the unit has as many. */
#define CMDQ_ENTRIES_DEFAULT 1024
/** Bits of CR0 that make the unit use memory. */
#define CR0_USES_MEMORY                                                                            \
	(SMMUV3_CR0_SMMUEN | SMMUV3_CR0_PRIQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_CMDQEN)

static void
free_memory(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;

	smmuv3_streams_free(smmu);
	smmuv3_storm_free(&smmu->queue.storm);
	uiommu_page_pool_free(&smmu->pool);
	uiommu_dma_free(plat, &smmu->priq_mem);
	uiommu_dma_free(plat, &smmu->evtq_mem);
	uiommu_dma_free(plat, &smmu->cmdq_mem);
	uiommu_dma_free(plat, &smmu->status_mem);
	uiommu_id_map_free(&smmu->asids);
}

/* Memory of a queue: aligned to its size, S 3.5.1 */
static int
queue_alloc(struct smmuv3 *smmu, uint32_t entries, size_t entry_size, struct uiommu_dma *mem)
{
	const size_t size = entries * entry_size;

	return uiommu_dma_alloc(&smmu->dev->platform, size,
				RTE_MAX(size, (size_t)UIOMMU_PAGE_SIZE), mem);
}

static int
take_memory(struct smmuv3 *smmu, uint32_t priq_entries, uint32_t evtq_entries,
	    uint32_t cmdq_entries)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	const uint32_t nb_asids = (smmu->idr0 & SMMUV3_IDR0_ASID16) != 0 ? 1U << 16 : 1U << 8;

	smmu->pool = (struct uiommu_page_pool){.plat = plat};
	if (smmuv3_streams_init(smmu) != 0 ||
	    smmuv3_storm_init(&smmu->queue.storm, smmu->sid_bits, plat->socket_id) != 0 ||
	    uiommu_id_map_init(&smmu->asids, nb_asids, plat->socket_id) != 0)
		return -ENOMEM;
	if ((smmu->has_pri &&
	     queue_alloc(smmu, priq_entries, SMMUV3_PRI_SIZE, &smmu->priq_mem) != 0) ||
	    queue_alloc(smmu, evtq_entries, SMMUV3_EVENT_SIZE, &smmu->evtq_mem) != 0 ||
	    queue_alloc(smmu, cmdq_entries, SMMUV3_CMD_SIZE, &smmu->cmdq_mem) != 0)
		return -ENOMEM;
	return uiommu_dma_alloc(plat, RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_SIZE, &smmu->status_mem);
}

static void
source_init(struct smmuv3_source *source, const struct uiommu_dma *mem, uint32_t entries,
	    uint32_t prod_reg, uint32_t cons_reg)
{
	source->ring = mem->va;
	source->mask = entries - 1;
	source->prod_reg = prod_reg;
	source->cons_reg = cons_reg;
}

static void
queue_init(struct smmuv3 *smmu, uint32_t priq_entries, uint32_t evtq_entries,
	   uint32_t cmdq_entries)
{
	struct smmuv3_queue *queue = &smmu->queue;
	struct smmuv3_cmdq *cmdq = &queue->cmdq;
	const double hz = (double)rte_get_tsc_hz();

	queue->plat = &smmu->dev->platform;
	source_init(&queue->pri, &smmu->priq_mem, priq_entries, SMMUV3_REG_PRIQ_PROD,
		    SMMUV3_REG_PRIQ_CONS);
	source_init(&queue->event, &smmu->evtq_mem, evtq_entries, SMMUV3_REG_EVENTQ_PROD,
		    SMMUV3_REG_EVENTQ_CONS);
	queue->storm.rate = (uint32_t)smmu->storm_rate;
	queue->storm.second_cycles = rte_get_tsc_hz();
	queue->storm.cooldown_cycles = (uint64_t)((double)smmu->cooldown_ms * 1e-3 * hz);
	cmdq->plat = &smmu->dev->platform;
	cmdq->ring = smmu->cmdq_mem.va;
	cmdq->mask = cmdq_entries - 1;
	cmdq->status = smmu->status_mem.va;
	cmdq->status_pa = smmu->status_mem.pa;
	cmdq->seq = 0;
	cmdq->name = smmu->dev->name;
}

/* Entries of the command queue: as many as there may be requests, if the unit has them */
static uint32_t
cmdq_entries_get(const struct smmuv3 *smmu, uint32_t queue_entries)
{
	const uint32_t order = smmu->idr1 >> SMMUV3_IDR1_CMDQS_SHIFT & SMMUV3_IDR1_CMDQS_MASK;

	if (smmu->cmdq_entries != 0)
		return smmu->cmdq_entries;
	return RTE_MIN(RTE_MAX(queue_entries, (uint32_t)CMDQ_ENTRIES_DEFAULT),
		       UINT32_C(1) << order);
}

int
smmuv3_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf)
{
	struct smmuv3 *smmu = smmuv3_of(dev);
	const uint32_t max = smmu->has_pri ? smmu->priq_entries_max : smmu->evtq_entries;
	const uint32_t evtq = smmu->has_pri ? smmu->evtq_entries : conf->queue_entries;
	const uint32_t cmdq = cmdq_entries_get(smmu, conf->queue_entries);

	if (!rte_is_power_of_2(conf->queue_entries) || conf->queue_entries > max)
		return -EINVAL;
	if (smmu->wedged) {
		SMMUV3_LOG(ERR, "%s: unit could not be turned off, and may be using its memory",
			   dev->name);
		return -EBUSY;
	}
	free_memory(smmu);
	if (take_memory(smmu, conf->queue_entries, evtq, cmdq) != 0) {
		free_memory(smmu);
		SMMUV3_LOG(ERR, "%s: no memory for tables and queues of %u, %u and %u entries",
			   dev->name, conf->queue_entries, evtq, cmdq);
		return -ENOMEM;
	}
	smmu->conf = *conf;
	queue_init(smmu, conf->queue_entries, evtq, cmdq);
	return 0;
}

/* Whether the unit may still be using memory of ours, after what could be done about it */
static bool
is_wedged(struct smmuv3 *smmu)
{
	const uint32_t ack = uiommu_reg_read32(&smmu->dev->platform, SMMUV3_REG_CR0ACK);

	/* one that has gone uses nothing */
	return ack != UINT32_MAX && (ack & CR0_USES_MEMORY) != 0;
}

/*
 * With translation off the unit would carry out no answer any more (S 4.5.2): all that were given
 * come first, and those for requests that nobody has taken.
 */
static int
requests_off(struct smmuv3 *smmu)
{
	struct smmuv3_queue *queue = &smmu->queue;
	int ret;

	if (queue->cmdq.failed != 0 || !smmu->has_pri)
		return 0;
	ret = smmuv3_reg_cr0(smmu, SMMUV3_CR0_PRIQEN, false, "PRI queue (CR0.PRIQEN)");
	if (ret == 0)
		ret = smmuv3_cmdq_run(&queue->cmdq, NULL, 0);
	return ret == 0 ? smmuv3_requests_end(queue) : ret;
}

/* S 6.3.9: translation first, then queues; @return the first error, each step is tried */
static int
turn_off(struct smmuv3 *smmu, bool own)
{
	int ret[5] = {0};
	unsigned int i;

	if (own)
		ret[4] = requests_off(smmu);
	ret[0] = smmuv3_reg_cr0(smmu, SMMUV3_CR0_SMMUEN, false, "translation (CR0.SMMUEN)");
	if (own && smmu->queue.cmdq.failed == 0)
		ret[1] = smmuv3_invalidate_all(smmu);
	ret[2] = smmuv3_reg_cr0(smmu, SMMUV3_CR0_PRIQEN | SMMUV3_CR0_EVENTQEN, false,
				"event and PRI queues (CR0)");
	ret[3] = smmuv3_reg_cr0(smmu, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_ATSCHK, false,
				"command queue (CR0.CMDQEN)");
	for (i = 0; i < RTE_DIM(ret); i++)
		if (ret[i] != 0)
			return ret[i];
	return 0;
}

/* Whoever had the unit before us: off, in order, if that is allowed */
static int
take_over(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	const uint32_t cr0 = uiommu_reg_read32(plat, SMMUV3_REG_CR0);
	const uint32_t ack = uiommu_reg_read32(plat, SMMUV3_REG_CR0ACK);

	if (smmu->wedged) {
		SMMUV3_LOG(ERR, "%s: unit could not be turned off, so it cannot be turned on",
			   smmu->dev->name);
		return -EBUSY;
	}
	if (((cr0 | ack) & CR0_USES_MEMORY) == 0)
		return 0;
	if (!smmu->takeover) {
		SMMUV3_LOG(ERR, "%s: unit is in use and takeover=1 was not given (CR0 0x%x)",
			   smmu->dev->name, cr0);
		return -EBUSY;
	}
	return turn_off(smmu, false);
}

/* LOG2SIZE and the address of a queue, S 6.3.26 */
static uint64_t
queue_base(const struct uiommu_dma *mem, uint32_t entries)
{
	return mem->pa | (uint64_t)__builtin_ctz(entries) | SMMUV3_QUEUE_BASE_ALLOC;
}

static int
commands_on(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	struct smmuv3_cmdq *cmdq = &smmu->queue.cmdq;
	int ret;

	smmuv3_cmdq_reset(cmdq, uiommu_timeout_cycles(smmu->dev));
	cmdq->stalls = smmu->stall_model != SMMUV3_STALL_MODEL_NONE;
	cmdq->msi = smmu->sync_mode == SMMUV3_SYNC_MSI;
	uiommu_reg_write64(plat, SMMUV3_REG_CMDQ_BASE, queue_base(&smmu->cmdq_mem, cmdq->mask + 1));
	uiommu_reg_write32(plat, SMMUV3_REG_CMDQ_PROD, 0);
	uiommu_reg_write32(plat, SMMUV3_REG_CMDQ_CONS, 0);
	ret = smmuv3_reg_cr0(smmu, SMMUV3_CR0_CMDQEN, true, "command queue (CR0.CMDQEN)");
	return ret == 0 ? smmuv3_invalidate_all(smmu) : ret;
}

/* Event queue, and PRI queue: on before what fills them, S 6.3.9 */
static int
sources_on(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	struct smmuv3_queue *queue = &smmu->queue;
	const uint32_t atschk = (smmu->idr0 & SMMUV3_IDR0_ATS) != 0 ? SMMUV3_CR0_ATSCHK : 0;
	int ret;

	smmuv3_queue_reset(queue);
	uiommu_reg_write64(plat, SMMUV3_REG_EVENTQ_BASE,
			   queue_base(&smmu->evtq_mem, queue->event.mask + 1));
	uiommu_reg_write32(plat, SMMUV3_REG_EVENTQ_PROD, 0);
	uiommu_reg_write32(plat, SMMUV3_REG_EVENTQ_CONS, 0);
	ret = smmuv3_reg_cr0(smmu, SMMUV3_CR0_EVENTQEN | atschk, true,
			     "event queue (CR0.EVENTQEN)");
	if (ret != 0 || !smmu->has_pri)
		return ret;
	uiommu_reg_write64(plat, SMMUV3_REG_PRIQ_BASE,
			   queue_base(&smmu->priq_mem, queue->pri.mask + 1));
	uiommu_reg_write32(plat, SMMUV3_REG_PRIQ_PROD, 0);
	uiommu_reg_write32(plat, SMMUV3_REG_PRIQ_CONS, 0);
	return smmuv3_reg_cr0(smmu, SMMUV3_CR0_PRIQEN, true, "PRI queue (CR0.PRIQEN)");
}

/* Memory attributes, what is recorded, and the stream table: with the unit off, S 6.3 */
static void
registers_set(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	const uint32_t cr1 = SMMUV3_CR1_CACHE_WB << SMMUV3_CR1_QUEUE_IC_SHIFT |
			     SMMUV3_CR1_CACHE_WB << SMMUV3_CR1_QUEUE_OC_SHIFT |
			     SMMUV3_SH_INNER << SMMUV3_CR1_QUEUE_SH_SHIFT |
			     SMMUV3_CR1_CACHE_WB << SMMUV3_CR1_TABLE_IC_SHIFT |
			     SMMUV3_CR1_CACHE_WB << SMMUV3_CR1_TABLE_OC_SHIFT |
			     SMMUV3_SH_INNER << SMMUV3_CR1_TABLE_SH_SHIFT;
	/* S 6.3.12: ASIDs are ours alone, so no processor's invalidations are listened to */
	const uint32_t cr2 = SMMUV3_CR2_RECINVSID |
			     ((smmu->idr0 & SMMUV3_IDR0_BTM) != 0 ? SMMUV3_CR2_PTM : 0);

	uiommu_reg_write32(plat, SMMUV3_REG_CR1, cr1);
	uiommu_reg_write32(plat, SMMUV3_REG_CR2, cr2);
	uiommu_reg_write64(plat, SMMUV3_REG_STRTAB_BASE,
			   smmu->streams.top.pa | SMMUV3_STRTAB_BASE_RA);
	uiommu_reg_write32(plat, SMMUV3_REG_STRTAB_BASE_CFG, smmuv3_streams_cfg(&smmu->streams));
}

static uint32_t
gbpa_read(struct smmuv3 *smmu)
{
	return uiommu_reg_read32(&smmu->dev->platform, SMMUV3_REG_GBPA) & ~SMMUV3_GBPA_UPDATE;
}

static int
bring_up(struct smmuv3 *smmu)
{
	int ret;

	smmuv3_reg_clear_errors(smmu);
	ret = smmuv3_reg_irq(smmu, 0);
	if (ret == 0 && smmu->gbpa_abort)
		ret = smmuv3_reg_gbpa(smmu, gbpa_read(smmu) | SMMUV3_GBPA_ABORT);
	if (ret != 0)
		return ret;
	registers_set(smmu);
	ret = commands_on(smmu);
	if (ret == 0)
		ret = sources_on(smmu);
	if (ret == 0)
		ret = smmuv3_reg_cr0(smmu, SMMUV3_CR0_SMMUEN, true, "translation (CR0.SMMUEN)");
	/* what a stop in blocking mode set counts only while the unit is off */
	if (ret == 0 && smmu->blocking && !smmu->gbpa_abort)
		ret = smmuv3_reg_gbpa(smmu, smmu->gbpa_before);
	return ret;
}

int
smmuv3_start(struct uiommu_dev *dev)
{
	struct smmuv3 *smmu = smmuv3_of(dev);
	int ret;

	if (!smmu->blocking)
		smmuv3_reg_save(smmu);
	ret = take_over(smmu);
	if (ret != 0)
		return ret;
	ret = bring_up(smmu);
	if (ret != 0) {
		(void)turn_off(smmu, false);
		smmu->wedged = is_wedged(smmu);
		dev->walks_on = smmu->wedged;
		return ret;
	}
	smmu->blocking = false;
	smmu->running = true;
	return 0;
}

/*
 * Each step is tried, whatever became of the one before; the first error counts. With the unit off
 * all transactions are as GBPA says: that is how they can be blocked with none of our memory in
 * use. Page requests that still come are answered by the unit, Response Failure (S 8.2).
 */
int
smmuv3_stop(struct uiommu_dev *dev)
{
	struct smmuv3 *smmu = smmuv3_of(dev);
	const uint32_t mode = smmu->conf.stop_mode;
	int ret[3] = {0};
	unsigned int i;

	if (mode == UIOMMU_STOP_BLOCK) {
		smmu->gbpa_before = gbpa_read(smmu);
		ret[0] = smmuv3_reg_gbpa(smmu, smmu->gbpa_before | SMMUV3_GBPA_ABORT);
	}
	ret[1] = turn_off(smmu, true);
	smmu->blocking = mode == UIOMMU_STOP_BLOCK;
	smmu->running = false;
	smmu->wedged = is_wedged(smmu);
	dev->walks_on = smmu->wedged;
	if (mode == UIOMMU_STOP_RESTORE && !smmu->wedged)
		ret[2] = smmuv3_reg_restore(smmu);
	for (i = 0; i < RTE_DIM(ret); i++)
		if (ret[i] != 0)
			return ret[i];
	return 0;
}

void
smmuv3_close(struct uiommu_dev *dev)
{
	struct smmuv3 *smmu = smmuv3_of(dev);

	if (smmu->running)
		(void)smmuv3_stop(dev);
	if (smmu->blocking)
		(void)smmuv3_reg_gbpa(smmu, smmu->gbpa_before);
	if (smmu->wedged)
		SMMUV3_LOG(ERR, "%s: unit could not be turned off: its memory is not given back",
			   dev->name);
	else
		free_memory(smmu);
	rte_free(smmu);
	dev->dev_private = NULL;
}
