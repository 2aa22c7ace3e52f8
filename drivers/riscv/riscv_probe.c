/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What the unit can do, counters. */

#include <errno.h>
#include <inttypes.h>

#include <rte_malloc.h>

#include "riscv_args.h"
#include "riscv_pvt.h"

int riscv_logtype;

RTE_INIT(riscv_log_init)
{
	riscv_logtype = rte_log_register_type_and_pick_level("drv.uiommu.riscv", RTE_LOG_NOTICE);
}

static unsigned int
field(uint64_t caps, unsigned int shift, uint64_t mask)
{
	return (unsigned int)(caps >> shift & mask);
}

/* One line for each thing that is missing. @return how many */
static unsigned int
check_needs(struct uiommu_dev *dev, uint64_t caps)
{
	const uint32_t fctl = uiommu_reg_read32(&dev->platform, RISCV_REG_FCTL);
	const struct {
		bool met;
		const char *why;
	} needs[] = {
		{field(caps, RISCV_CAP_VERSION_MAJOR_SHIFT, RISCV_CAP_VERSION_MAJOR_MASK) == 1,
		 "neither version 1.0 nor one like it (capabilities.version)"},
		{(caps & RISCV_CAP_SV39) != 0, "no tables of three levels (capabilities.Sv39)"},
		{(fctl & RISCV_FCTL_BE) == 0 || (caps & RISCV_CAP_END) != 0,
		 "big-endian tables only (fctl.BE, capabilities.END)"},
		{dev->platform.coherent, "platform's memory is not coherent"},
	};
	unsigned int i, missing = 0;

	for (i = 0; i < RTE_DIM(needs); i++) {
		if (needs[i].met)
			continue;
		RISCV_LOG(ERR, "%s: not supported: %s", dev->name, needs[i].why);
		missing++;
	}
	return missing;
}

/* Values that no unit can have: the registers are something else */
static int
check_sanity(const struct uiommu_dev *dev, uint64_t caps)
{
	const unsigned int pas = field(caps, RISCV_CAP_PAS_SHIFT, RISCV_CAP_PAS_MASK);
	const struct {
		bool sane;
		const char *what;
	} bounds[] = {
		{pas >= 32 && pas <= RISCV_PPN_BITS + RISCV_PAGE_SHIFT,
		 "width of physical addresses (PAS)"},
		{field(caps, RISCV_CAP_IGS_SHIFT, RISCV_CAP_IGS_MASK) <= RISCV_IGS_BOTH,
		 "kind of interrupts (IGS)"},
		{(caps & RISCV_CAP_SV57) == 0 || (caps & RISCV_CAP_SV48) != 0,
		 "Sv57 without Sv48"},
		{(caps & RISCV_CAP_SV48) == 0 || (caps & RISCV_CAP_SV39) != 0,
		 "Sv48 without Sv39"},
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(bounds); i++) {
		if (bounds[i].sane)
			continue;
		RISCV_LOG(ERR, "%s: not a unit of this kind: %s out of range (capabilities 0x%"
			  PRIx64 ")", dev->name, bounds[i].what, caps);
		return -ENOTSUP;
	}
	return 0;
}

static void
keep_sizes(struct riscv *riscv)
{
	const uint64_t caps = riscv->caps;

	riscv->pas = (uint8_t)field(caps, RISCV_CAP_PAS_SHIFT, RISCV_CAP_PAS_MASK);
	riscv->address_bits = (caps & RISCV_CAP_SV57) != 0 ? 57 :
			      (caps & RISCV_CAP_SV48) != 0 ? 48 : 39;
	riscv->has_pq = (caps & RISCV_CAP_ATS) != 0;
	riscv->queue.has_pq = riscv->has_pq;
	riscv->queue.has_s = (caps & RISCV_CAP_S) != 0;
	riscv->queue.has_nl = (caps & RISCV_CAP_NL) != 0;
	riscv->queue.sign_bit = riscv->address_bits - 1;
}

static int
read_capabilities(struct uiommu_dev *dev, struct riscv *riscv)
{
	struct uiommu_platform *plat = &dev->platform;

	if (plat->regs_size < RISCV_REG_SIZE) {
		RISCV_LOG(ERR, "%s: %zu bytes are too few for the registers, %d", dev->name,
			  plat->regs_size, RISCV_REG_SIZE);
		return -ENODEV;
	}
	riscv->caps = uiommu_reg_read64(plat, RISCV_REG_CAPABILITIES);
	if (riscv->caps == UINT64_MAX) {
		RISCV_LOG(ERR, "%s: no unit there: registers read as all ones", dev->name);
		return -ENODEV;
	}
	if (check_needs(dev, riscv->caps) != 0 || check_sanity(dev, riscv->caps) != 0)
		return -ENOTSUP;
	keep_sizes(riscv);
	return 0;
}

/* Bits of an endpoint id: of the widest directory, until it is known what the unit takes */
static uint8_t
endpoint_bits(const struct riscv *riscv)
{
	const uint8_t wanted = riscv->ddt_levels != 0 ? riscv->ddt_levels : RISCV_DIR_LEVELS_MAX;
	const uint8_t levels = riscv->running ? riscv->levels : wanted;
	const bool extended = (riscv->caps & RISCV_CAP_MSI_FLAT) != 0;

	if (levels == RISCV_DIR_LEVELS_MAX)
		return RISCV_DID_BITS;
	return (extended ? RISCV_DDI0_BITS_EXT : RISCV_DDI0_BITS_BASE) +
	       (levels == 2 ? RISCV_DDI1_BITS : 0);
}

static void
info_get(struct uiommu_dev *dev, struct uiommu_dev_info *info)
{
	const struct riscv *riscv = riscv_of(dev);

	info->capa = UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE | UIOMMU_CAPA_PAGE_TABLES |
		     UIOMMU_CAPA_CACHES_RIGHTS | UIOMMU_CAPA_PASSTHROUGH;
	if (riscv->pasid_bits != 0)
		info->capa |= UIOMMU_CAPA_PASID | UIOMMU_CAPA_PASSTHROUGH_PASID;
	if (riscv->has_pq)
		info->capa |= UIOMMU_CAPA_PAGE_REQUESTS;
	info->nb_queues = 1;
	info->pasid_bits = riscv->pasid_bits;
	info->address_bits = riscv->address_bits;
	info->endpoint_bits = endpoint_bits(riscv);
	info->queue_entries_max = riscv->has_pq ? riscv->pq_entries_max : riscv->fq_entries;
	info->queue_entries_min = RISCV_QUEUE_ENTRIES_MIN;
}

static void *
queue_get(struct uiommu_dev *dev, uint16_t queue)
{
	return queue == 0 ? &riscv_of(dev)->queue : NULL;
}

static const struct uiommu_driver_stat *
stats_get(struct uiommu_dev *dev)
{
	return riscv_of(dev)->stats;
}

static void
stats_init(struct riscv *riscv)
{
	const struct riscv_queue_stats *queue = &riscv->queue.stats;
	const struct riscv_cq_stats *cq = &riscv->queue.cq.stats;
	const struct uiommu_driver_stat stats[] = {
		{"stop_markers", &queue->stop_markers},
		{"overflows", &queue->overflows},
		{"hw_errors", &cq->hw_errors},
		{"malformed_reserved", &queue->malformed_reserved},
		{"malformed_access", &queue->malformed_access},
		{"malformed_address", &queue->malformed_address},
		{"wild_index", &queue->wild_index},
		{"fault_overflows", &queue->fault_overflows},
		{"fault_aborts", &queue->fault_aborts},
		{"faults_other", &queue->faults_other},
		{"requests_ended", &queue->requests_ended},
		{"cmd_ill", &cq->cmd_ill},
		{"cqmf", &cq->cqmf},
		{"cmd_to", &cq->cmd_to},
		{"given_up", &cq->given_up},
		{"in_doubt", &cq->in_doubt},
		{"repeated", &cq->repeated},
		{"write_faults", &cq->write_faults},
		{"cq_full", &cq->cq_full},
		{"cq_wild_index", &cq->cq_wild_index},
		{"responses_lost", &cq->responses_lost},
		{"cmd_restarts", &cq->cmd_restarts},
		{"fences", &cq->fences},
		{"tlb_invalidations", &queue->tlb_invalidations},
		{"atc_invalidations", &queue->atc_invalidations},
		{"wide_invalidations", &queue->wide_invalidations},
		{NULL, NULL},
	};
	unsigned int i;

	_Static_assert(RTE_DIM(stats) <= RTE_DIM(riscv->stats), "counters fit");
	for (i = 0; i < RTE_DIM(stats); i++)
		riscv->stats[i] = stats[i];
}

static const struct uiommu_dev_ops riscv_dev_ops = {
	.info_get = info_get,
	.configure = riscv_configure,
	.start = riscv_start,
	.stop = riscv_stop,
	.close = riscv_close,
	.queue_get = queue_get,
	.endpoint_set = riscv_endpoint_set,
	.endpoint_clear = riscv_endpoint_clear,
	.endpoint_enable = riscv_endpoint_enable,
	.endpoint_free = riscv_endpoint_free,
	.endpoint_page_requests = riscv_endpoint_page_requests,
	.domain_init = riscv_domain_init,
	.domain_fini = riscv_domain_fini,
	.bond_set = riscv_bond_set,
	.bond_clear = riscv_bond_clear,
	.bond_block = riscv_bond_block,
	.stats_get = stats_get,
	.table_format = riscv_table_format,
};

static int
riscv_probe(struct uiommu_dev *dev, struct uiommu_args *args)
{
	struct riscv *riscv;
	int ret;

	riscv = rte_zmalloc_socket("riscv", sizeof(*riscv), RTE_CACHE_LINE_SIZE,
				   dev->platform.socket_id);
	if (riscv == NULL)
		return -ENOMEM;
	riscv->dev = dev;
	ret = read_capabilities(dev, riscv);
	if (ret == 0)
		ret = riscv_args_read(riscv, args);
	if (ret != 0) {
		rte_free(riscv);
		return ret;
	}
	riscv->queue.has_pdt = riscv->pasid_bits != 0;
	stats_init(riscv);
	dev->dev_private = riscv;
	dev->ops = &riscv_dev_ops;
	dev->queue_ops = &riscv_queue_ops;
	/* entries that are not valid are not cached: "Caching in-memory data structures" */
	dev->cmd_mask = 1U << UIOMMU_CMD_ENDPOINT_SET | 1U << UIOMMU_CMD_ENDPOINT_CLEAR |
			1U << UIOMMU_CMD_ENDPOINT_UPDATE | 1U << UIOMMU_CMD_BOND_CLEAR |
			1U << UIOMMU_CMD_DRAIN | 1U << UIOMMU_CMD_SYNC |
			1U << UIOMMU_CMD_INVALIDATE;
	if (!riscv->queue.has_pdt)
		dev->cmd_mask |= 1U << UIOMMU_CMD_BOND_SET;
	RISCV_LOG(DEBUG, "%s: capabilities 0x%" PRIx64, dev->name, riscv->caps);
	return 0;
}

static const struct uiommu_driver riscv_driver = {
	.name = "riscv",
	.description = "RISC-V IOMMU, first stage",
	.probe = riscv_probe,
};
UIOMMU_DRIVER_REGISTER(riscv_driver);
