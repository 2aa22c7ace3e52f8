/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What the unit can do, arguments, counters. */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "smmuv3_args.h"
#include "smmuv3_pvt.h"

int smmuv3_logtype;

RTE_INIT(smmuv3_log_init)
{
	smmuv3_logtype = rte_log_register_type_and_pick_level("drv.uiommu.smmuv3", RTE_LOG_NOTICE);
}

static uint32_t
field(uint32_t reg, unsigned int shift, uint32_t mask)
{
	return reg >> shift & mask;
}

/* One line for each thing that is missing. @return how many */
static unsigned int
check_needs(const struct uiommu_dev *dev, const struct smmuv3 *smmu)
{
	const uint32_t ttendian =
		field(smmu->idr0, SMMUV3_IDR0_TTENDIAN_SHIFT, SMMUV3_IDR0_TTENDIAN_MASK);
	const struct {
		bool met;
		const char *why;
	} needs[] = {
		{(smmu->idr0 & SMMUV3_IDR0_S1P) != 0, "no stage 1 (IDR0.S1P)"},
		{(field(smmu->idr0, SMMUV3_IDR0_TTF_SHIFT, SMMUV3_IDR0_TTF_MASK) &
		  SMMUV3_TTF_AARCH64) != 0, "no AArch64 tables (IDR0.TTF)"},
		{(smmu->idr5 & SMMUV3_IDR5_GRAN4K) != 0, "no pages of 4 KiB (IDR5.GRAN4K)"},
		{ttendian != SMMUV3_TTENDIAN_BIG, "big-endian tables only (IDR0.TTENDIAN)"},
		{(smmu->idr0 & SMMUV3_IDR0_COHACC) != 0,
		 "its accesses to memory do not snoop the caches (IDR0.COHACC)"},
		{dev->platform.coherent, "platform's memory is not coherent"},
		{(smmu->idr1 & SMMUV3_IDR1_TABLES_PRESET) == 0,
		 "its stream table has a fixed place (IDR1.TABLES_PRESET)"},
		{(smmu->idr1 & SMMUV3_IDR1_QUEUES_PRESET) == 0,
		 "its queues have fixed places (IDR1.QUEUES_PRESET)"},
		{field(smmu->idr1, SMMUV3_IDR1_CMDQS_SHIFT, SMMUV3_IDR1_CMDQS_MASK) >=
			 (unsigned int)__builtin_ctz(SMMUV3_CMDQ_ENTRIES_MIN),
		 "command queue of less than 512 entries (IDR1.CMDQS)"},
	};
	unsigned int i, missing = 0;

	for (i = 0; i < RTE_DIM(needs); i++) {
		if (needs[i].met)
			continue;
		SMMUV3_LOG(ERR, "%s: not supported: %s", dev->name, needs[i].why);
		missing++;
	}
	return missing;
}

/* Values that no unit can have: the registers are something else */
static int
check_sanity(const struct uiommu_dev *dev, const struct smmuv3 *smmu)
{
	const struct {
		uint32_t value;
		uint32_t max;
		const char *what;
	} bounds[] = {
		{smmu->idr1 & SMMUV3_IDR1_SIDSIZE_MASK, SMMUV3_SIDSIZE_MAX,
		 "StreamID width (IDR1.SIDSIZE)"},
		{field(smmu->idr1, SMMUV3_IDR1_SSIDSIZE_SHIFT, SMMUV3_IDR1_SSIDSIZE_MASK),
		 SMMUV3_SSIDSIZE_MAX, "SubstreamID width (IDR1.SSIDSIZE)"},
		{field(smmu->idr1, SMMUV3_IDR1_PRIQS_SHIFT, SMMUV3_IDR1_PRIQS_MASK),
		 SMMUV3_QUEUE_ORDER_MAX, "PRI queue (IDR1.PRIQS)"},
		{field(smmu->idr1, SMMUV3_IDR1_EVENTQS_SHIFT, SMMUV3_IDR1_EVENTQS_MASK),
		 SMMUV3_QUEUE_ORDER_MAX, "event queue (IDR1.EVENTQS)"},
		{field(smmu->idr1, SMMUV3_IDR1_CMDQS_SHIFT, SMMUV3_IDR1_CMDQS_MASK),
		 SMMUV3_QUEUE_ORDER_MAX, "command queue (IDR1.CMDQS)"},
		{field(smmu->idr0, SMMUV3_IDR0_STALL_MODEL_SHIFT, SMMUV3_IDR0_STALL_MODEL_MASK),
		 SMMUV3_STALL_MODEL_FORCED, "stall model (IDR0.STALL_MODEL)"},
		{field(smmu->idr0, SMMUV3_IDR0_ST_LEVEL_SHIFT, SMMUV3_IDR0_ST_LEVEL_MASK),
		 SMMUV3_ST_LEVEL_TWO, "stream table levels (IDR0.ST_LEVEL)"},
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(bounds); i++) {
		if (bounds[i].value <= bounds[i].max)
			continue;
		SMMUV3_LOG(ERR, "%s: not a unit of this kind: %s out of range (IDR0 0x%x, "
			   "IDR1 0x%x)", dev->name, bounds[i].what, smmu->idr0, smmu->idr1);
		return -ENOTSUP;
	}
	return 0;
}

static void
keep_sizes(struct smmuv3 *smmu)
{
	static const uint8_t oas_bits[] = {32, 36, 40, 42, 44, 48, 52, 56};
	const uint32_t sids = smmu->idr1 & SMMUV3_IDR1_SIDSIZE_MASK;

	smmu->oas = smmu->idr5 & SMMUV3_IDR5_OAS_MASK;
	/* pages of 4 KiB hold addresses of 48 bits, S 3.4.1 */
	smmu->pa_bits = RTE_MIN(oas_bits[smmu->oas], (uint8_t)48);
	smmu->sid_bits = (uint8_t)RTE_MIN(sids, (uint32_t)UIOMMU_ENDPOINT_BITS_MAX);
	smmu->ssid_bits =
		(uint8_t)field(smmu->idr1, SMMUV3_IDR1_SSIDSIZE_SHIFT, SMMUV3_IDR1_SSIDSIZE_MASK);
	smmu->stall_model = (uint8_t)field(smmu->idr0, SMMUV3_IDR0_STALL_MODEL_SHIFT,
					   SMMUV3_IDR0_STALL_MODEL_MASK);
	/* page requests are of no use without the translations that they ask for */
	smmu->has_pri =
		(smmu->idr0 & SMMUV3_IDR0_PRI) != 0 && (smmu->idr0 & SMMUV3_IDR0_ATS) != 0;
}

static int
read_capabilities(struct uiommu_dev *dev, struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &dev->platform;

	if (plat->regs_size < SMMUV3_REG_SIZE) {
		SMMUV3_LOG(ERR, "%s: %zu bytes are too few for the registers, %d with page 1",
			   dev->name, plat->regs_size, SMMUV3_REG_SIZE);
		return -ENODEV;
	}
	smmu->idr0 = uiommu_reg_read32(plat, SMMUV3_REG_IDR0);
	smmu->idr1 = uiommu_reg_read32(plat, SMMUV3_REG_IDR1);
	smmu->idr3 = uiommu_reg_read32(plat, SMMUV3_REG_IDR3);
	smmu->idr5 = uiommu_reg_read32(plat, SMMUV3_REG_IDR5);
	if (smmu->idr0 == UINT32_MAX || smmu->idr1 == UINT32_MAX) {
		SMMUV3_LOG(ERR, "%s: no unit there: registers read as all ones", dev->name);
		return -ENODEV;
	}
	if (check_sanity(dev, smmu) != 0 || check_needs(dev, smmu) != 0)
		return -ENOTSUP;
	keep_sizes(smmu);
	return 0;
}

static void
info_get(struct uiommu_dev *dev, struct uiommu_dev_info *info)
{
	const struct smmuv3 *smmu = smmuv3_of(dev);

	info->capa = UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE | UIOMMU_CAPA_PAGE_TABLES |
		     UIOMMU_CAPA_CACHES_RIGHTS | UIOMMU_CAPA_PASSTHROUGH;
	if (smmu->ssid_bits != 0)
		info->capa |= UIOMMU_CAPA_PASID;
	if (smmu->has_pri)
		info->capa |= UIOMMU_CAPA_PAGE_REQUESTS;
	if (smmu->stall_model != SMMUV3_STALL_MODEL_NONE)
		info->capa |= UIOMMU_CAPA_STALL;
	info->nb_queues = 1;
	info->pasid_bits = smmu->ssid_bits;
	info->address_bits = SMMUV3_ADDRESS_BITS;
	info->endpoint_bits = RTE_MAX(smmu->sid_bits, (uint8_t)1);
	info->queue_entries_max = smmu->has_pri ? smmu->priq_entries_max : smmu->evtq_entries;
	info->queue_entries_min = RTE_MIN((uint32_t)SMMUV3_QUEUE_ENTRIES_MIN,
					  info->queue_entries_max);
}

static void *
queue_get(struct uiommu_dev *dev, uint16_t queue)
{
	return queue == 0 ? &smmuv3_of(dev)->queue : NULL;
}

static const struct uiommu_driver_stat *
stats_get(struct uiommu_dev *dev)
{
	return smmuv3_of(dev)->stats;
}

static void
stats_init(struct smmuv3 *smmu)
{
	const struct smmuv3_queue_stats *queue = &smmu->queue.stats;
	const struct smmuv3_cmdq_stats *cmdq = &smmu->queue.cmdq.stats;
	const struct uiommu_driver_stat stats[] = {
		{"malformed", &queue->malformed},
		{"stop_markers", &queue->stop_markers},
		{"overflows", &queue->overflows},
		{"hw_errors", &cmdq->hw_errors},
		{"malformed_stream", &queue->malformed_stream},
		{"malformed_reserved", &queue->malformed_reserved},
		{"malformed_access", &queue->malformed_access},
		{"malformed_address", &queue->malformed_address},
		{"wild_index", &queue->wild_index},
		{"event_overflows", &queue->event_overflows},
		{"event_aborts", &cmdq->event_aborts},
		{"events_other", &queue->events_other},
		{"stalls", &queue->stalls},
		{"stalls_refused", &queue->stalls_refused},
		{"stalls_calmed", &queue->stalls_calmed},
		{"requests_ended", &queue->requests_ended},
		{"storms", &queue->storms},
		{"cerror_ill", &cmdq->cerror_ill},
		{"cerror_abt", &cmdq->cerror_abt},
		{"cerror_atc", &cmdq->cerror_atc},
		{"cerror_given_up", &cmdq->cerror_given_up},
		{"msi_aborts", &cmdq->msi_aborts},
		{"cmdq_full", &cmdq->cmdq_full},
		{"cmdq_wild_index", &cmdq->cmdq_wild_index},
		{"responses_lost", &cmdq->responses_lost},
		{"cmd_restarts", &cmdq->cmd_restarts},
		{"syncs", &cmdq->syncs},
		{"tlb_invalidations", &queue->tlb_invalidations},
		{"atc_invalidations", &queue->atc_invalidations},
		{"wide_invalidations", &queue->wide_invalidations},
		{NULL, NULL},
	};
	unsigned int i;

	_Static_assert(RTE_DIM(stats) <= RTE_DIM(smmu->stats), "counters fit");
	for (i = 0; i < RTE_DIM(stats); i++)
		smmu->stats[i] = stats[i];
}

static const struct uiommu_dev_ops smmuv3_dev_ops = {
	.info_get = info_get,
	.configure = smmuv3_configure,
	.start = smmuv3_start,
	.stop = smmuv3_stop,
	.close = smmuv3_close,
	.queue_get = queue_get,
	.endpoint_set = smmuv3_endpoint_set,
	.endpoint_clear = smmuv3_endpoint_clear,
	.endpoint_enable = smmuv3_endpoint_enable,
	.endpoint_free = smmuv3_endpoint_free,
	.endpoint_page_requests = smmuv3_endpoint_page_requests,
	.domain_init = smmuv3_domain_init,
	.domain_fini = smmuv3_domain_fini,
	.bond_set = smmuv3_bond_set,
	.bond_clear = smmuv3_bond_clear,
	.bond_block = smmuv3_bond_block,
	.stats_get = stats_get,
	.table_format = smmuv3_table_format,
};

static int
smmuv3_probe(struct uiommu_dev *dev, struct uiommu_args *args)
{
	struct smmuv3 *smmu;
	int ret;

	smmu = rte_zmalloc_socket("smmuv3", sizeof(*smmu), RTE_CACHE_LINE_SIZE,
				  dev->platform.socket_id);
	if (smmu == NULL)
		return -ENOMEM;
	smmu->dev = dev;
	ret = read_capabilities(dev, smmu);
	if (ret == 0)
		ret = smmuv3_args_read(smmu, args);
	if (ret != 0) {
		rte_free(smmu);
		return ret;
	}
	smmu->queue.has_pri = smmu->has_pri;
	smmu->queue.has_ril = (smmu->idr3 & SMMUV3_IDR3_RIL) != 0;
	smmu->queue.abort_only = (smmu->idr0 & SMMUV3_IDR0_TERM_MODEL) != 0;
	stats_init(smmu);
	dev->dev_private = smmu;
	dev->ops = &smmuv3_dev_ops;
	dev->queue_ops = &smmuv3_queue_ops;
	/* S 3.21.3: entries are cached as they are, valid or not */
	dev->cmd_mask = 1U << UIOMMU_CMD_ENDPOINT_SET | 1U << UIOMMU_CMD_ENDPOINT_CLEAR |
			1U << UIOMMU_CMD_BOND_SET | 1U << UIOMMU_CMD_BOND_CLEAR |
			1U << UIOMMU_CMD_DRAIN | 1U << UIOMMU_CMD_SYNC |
			1U << UIOMMU_CMD_INVALIDATE;
	SMMUV3_LOG(DEBUG, "%s: IDR0 0x%x, IDR1 0x%x, IDR3 0x%x, IDR5 0x%x", dev->name, smmu->idr0,
		   smmu->idr1, smmu->idr3, smmu->idr5);
	return 0;
}

static const struct uiommu_driver smmuv3_driver = {
	.name = "smmuv3",
	.description = "Arm SMMUv3, stage 1",
	.probe = smmuv3_probe,
};
UIOMMU_DRIVER_REGISTER(smmuv3_driver);
