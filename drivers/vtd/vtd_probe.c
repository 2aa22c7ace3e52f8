/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_malloc.h>

#include "vtd_pvt.h"

/**
 * Bits of a host address, S 9: no register has the number, only firmware's tables, so it is the
 * most that an entry can hold unless haw= says less.
 */
#define HAW_DEFAULT 52
#define HAW_MIN 32

int vtd_logtype;

RTE_INIT(vtd_log_init)
{
	vtd_logtype = rte_log_register_type_and_pick_level("drv.uiommu.vtd", RTE_LOG_NOTICE);
}

/** What page requests need: without PDS they could not be drained, and a detach not be safe. */
#define ECAP_REQUESTS (VTD_ECAP_DT | VTD_ECAP_PRS | VTD_ECAP_PDS)
/** Tables in memory are read past the caches unless both are set. */
#define ECAP_SNOOPS (VTD_ECAP_C | VTD_ECAP_SMPWCS)

/** Bits of ECAP; without one of them this driver cannot work. */
struct need {
	uint64_t bits;
	const char *why;
};

static const struct need needs[] = {
	{VTD_ECAP_QI, "no queued invalidation (ECAP.QI)"},
	{VTD_ECAP_SMTS, "no scalable mode, so no 256-bit descriptors and no PASIDs (ECAP.SMTS)"},
	{VTD_ECAP_FSTS | VTD_ECAP_SSTS, "no translation in scalable mode (ECAP.FSTS, SSTS)"},
};

static uint32_t
field(uint64_t reg, unsigned int shift, uint64_t mask)
{
	return (uint32_t)((reg >> shift) & mask);
}

/* One line for each thing that is missing. @return how many */
static unsigned int
check_needs(const struct uiommu_dev *dev, uint64_t cap, uint64_t ecap)
{
	unsigned int i, missing = 0;

	for (i = 0; i < RTE_DIM(needs); i++) {
		if ((ecap & needs[i].bits) != 0)
			continue;
		VTD_LOG(ERR, "%s: not supported: %s", dev->name, needs[i].why);
		missing++;
	}
	if (!dev->platform.coherent) {
		VTD_LOG(ERR, "%s: not supported: platform's memory is not coherent", dev->name);
		missing++;
	}
	if ((cap & VTD_CAP_RWBF) != 0) {
		VTD_LOG(ERR, "%s: not supported: chipset with write buffers (CAP.RWBF)",
			dev->name);
		missing++;
	}
	return missing;
}

/* Values that no unit can have: the registers are something else */
static int
check_sanity(const struct uiommu_dev *dev, uint64_t cap, uint64_t ecap)
{
	uint32_t mgaw = field(cap, VTD_CAP_MGAW_SHIFT, VTD_CAP_MGAW_MASK) + 1;
	uint32_t sagaw = field(cap, VTD_CAP_SAGAW_SHIFT, VTD_CAP_SAGAW_MASK);
	uint32_t nd = field(cap, VTD_CAP_ND_SHIFT, VTD_CAP_ND_MASK);
	uint32_t pss = field(ecap, VTD_ECAP_PSS_SHIFT, VTD_ECAP_PSS_MASK);
	const char *what = NULL;

	if (mgaw < 39)
		what = "guest address width (CAP.MGAW)";
	else if ((sagaw & ~(VTD_SAGAW_39 | VTD_SAGAW_48 | VTD_SAGAW_57)) != 0 ||
		 ((ecap & VTD_ECAP_SSTS) != 0 && sagaw == 0))
		what = "second-stage widths (CAP.SAGAW)";
	else if (nd > 6)
		what = "number of domain ids (CAP.ND)";
	else if ((ecap & VTD_ECAP_PASID) != 0 && pss >= UIOMMU_PASID_BITS)
		what = "PASID width (ECAP.PSS)";
	if (what == NULL)
		return 0;
	VTD_LOG(ERR, "%s: not a unit of this kind: %s out of range (CAP 0x%" PRIx64 ", ECAP 0x%"
		PRIx64 ")", dev->name, what, cap, ecap);
	return -ENOTSUP;
}

/* Fault recording registers, S 11.4.7.6: where, and that they are inside of the registers */
static int
find_fault_records(struct uiommu_dev *dev, struct vtd *vtd)
{
	struct vtd_iq *iq = &vtd->queue.iq;

	iq->frcd_offset = field(vtd->cap, VTD_CAP_FRO_SHIFT, VTD_CAP_FRO_MASK) * 16;
	iq->nb_frcd = field(vtd->cap, VTD_CAP_NFR_SHIFT, VTD_CAP_NFR_MASK) + 1;
	if (iq->frcd_offset + (size_t)iq->nb_frcd * VTD_FRCD_SIZE <= dev->platform.regs_size)
		return 0;
	VTD_LOG(ERR, "%s: not supported: fault records end at 0x%zx, registers at 0x%zx",
		dev->name, iq->frcd_offset + (size_t)iq->nb_frcd * VTD_FRCD_SIZE,
		dev->platform.regs_size);
	return -ENOTSUP;
}

static int
read_capabilities(struct uiommu_dev *dev, struct vtd *vtd)
{
	static const uint8_t aw_bits[] = {
		[VTD_AW_39] = 39, [VTD_AW_48] = 48, [VTD_AW_57] = 57};
	struct uiommu_platform *plat = &dev->platform;
	uint8_t mgaw;
	uint32_t sagaw;

	if (plat->regs_size < VTD_REG_PEUADDR + sizeof(uint32_t)) {
		VTD_LOG(ERR, "%s: %zu bytes are too few for the registers", dev->name,
			plat->regs_size);
		return -ENODEV;
	}
	vtd->cap = uiommu_reg_read64(plat, VTD_REG_CAP);
	vtd->ecap = uiommu_reg_read64(plat, VTD_REG_ECAP);
	if (vtd->cap == UINT64_MAX || vtd->ecap == UINT64_MAX) {
		VTD_LOG(ERR, "%s: no unit there: registers read as all ones", dev->name);
		return -ENODEV;
	}
	if (check_sanity(dev, vtd->cap, vtd->ecap) != 0 ||
	    check_needs(dev, vtd->cap, vtd->ecap) != 0 || find_fault_records(dev, vtd) != 0)
		return -ENOTSUP;
	if ((vtd->ecap & VTD_ECAP_PASID) != 0)
		vtd->pasid_bits =
			(uint8_t)(field(vtd->ecap, VTD_ECAP_PSS_SHIFT, VTD_ECAP_PSS_MASK) + 1);
	vtd->queue.no_requests = (vtd->ecap & ECAP_REQUESTS) != ECAP_REQUESTS;
	vtd->flushes = (vtd->ecap & ECAP_SNOOPS) != ECAP_SNOOPS;
	vtd->nb_did = UINT32_C(1) << (4 + 2 * field(vtd->cap, VTD_CAP_ND_SHIFT, VTD_CAP_ND_MASK));
	sagaw = field(vtd->cap, VTD_CAP_SAGAW_SHIFT, VTD_CAP_SAGAW_MASK);
	mgaw = (uint8_t)(field(vtd->cap, VTD_CAP_MGAW_SHIFT, VTD_CAP_MGAW_MASK) + 1);
	vtd->aw = (sagaw & VTD_SAGAW_57) != 0 ? VTD_AW_57 :
		  (sagaw & VTD_SAGAW_48) != 0 ? VTD_AW_48 :
		  (sagaw & VTD_SAGAW_39) != 0 ? VTD_AW_39 : 0;
	vtd->address_bits = vtd_has_first(vtd) ? ((vtd->cap & VTD_CAP_FS5LP) != 0 ? 57 : 48) :
						 RTE_MIN(aw_bits[vtd->aw], mgaw);
	return 0;
}

static int
read_arguments(struct uiommu_dev *dev, struct vtd *vtd, struct uiommu_args *args)
{
	uint64_t prq = VTD_QUEUE_ENTRIES_MAX, iq = 0, takeover = 0, haw = HAW_DEFAULT;

	if (uiommu_args_get_u64(args, "prq", VTD_QUEUE_ENTRIES_MIN, VTD_QUEUE_ENTRIES_MAX, &prq) !=
		    0 ||
	    uiommu_args_get_u64(args, "iq", VTD_QUEUE_ENTRIES_MIN, VTD_QUEUE_ENTRIES_MAX, &iq) !=
		    0 ||
	    uiommu_args_get_u64(args, "takeover", 0, 1, &takeover) != 0 ||
	    uiommu_args_get_u64(args, "haw", HAW_MIN, HAW_DEFAULT, &haw) != 0)
		return -EINVAL;
	if (!rte_is_power_of_2((uint32_t)prq) || (iq != 0 && !rte_is_power_of_2((uint32_t)iq))) {
		VTD_LOG(ERR, "%s: prq= and iq= take powers of two from %u to %u", dev->name,
			VTD_QUEUE_ENTRIES_MIN, VTD_QUEUE_ENTRIES_MAX);
		return -EINVAL;
	}
	vtd->prq_entries_max = (uint32_t)prq;
	vtd->iq_entries = (uint32_t)iq;
	vtd->takeover = takeover != 0;
	vtd->haw = (uint8_t)haw;
	return 0;
}

static void
info_get(struct uiommu_dev *dev, struct uiommu_dev_info *info)
{
	const struct vtd *vtd = vtd_of(dev);

	/* more rights are seen when they are told, S 11.4.2 (CAP.CM) */
	info->capa = UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_CACHES_RIGHTS;
	if (vtd->pasid_bits != 0)
		info->capa |= UIOMMU_CAPA_PASID;
	if (vtd_has_first(vtd))
		info->capa |= UIOMMU_CAPA_FIRST_STAGE;
	if (!vtd->queue.no_requests)
		info->capa |= UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_AUTO_ANSWER;
	if ((vtd->ecap & VTD_ECAP_PT) != 0)
		info->capa |= UIOMMU_CAPA_PASSTHROUGH |
			      (vtd->pasid_bits != 0 ? UIOMMU_CAPA_PASSTHROUGH_PASID : 0);
	if ((vtd->cap & VTD_CAP_CM) != 0)
		info->capa |= UIOMMU_CAPA_CACHES_ABSENT;
	if (vtd_has_second(vtd))
		info->capa |= UIOMMU_CAPA_SECOND_STAGE;
	if (vtd_can_nest(vtd))
		info->capa |= UIOMMU_CAPA_NESTED;
	info->nb_queues = 1;
	info->endpoint_bits = 16;
	info->pasid_bits = vtd->pasid_bits;
	info->address_bits = vtd->address_bits;
	info->queue_entries_min = VTD_QUEUE_ENTRIES_MIN;
	info->queue_entries_max = vtd->prq_entries_max;
}

static void *
queue_get(struct uiommu_dev *dev, uint16_t queue)
{
	return queue == 0 ? &vtd_of(dev)->queue : NULL;
}

static const struct uiommu_driver_stat *
stats_get(struct uiommu_dev *dev)
{
	return vtd_of(dev)->stats;
}

static void
stats_init(struct vtd *vtd)
{
	const struct vtd_queue *queue = &vtd->queue;
	const struct uiommu_driver_stat stats[] = {
		{"malformed", &queue->malformed},
		{"stop_markers", &queue->stop_markers},
		{"overflows", &queue->overflows},
		{"hw_errors", &queue->iq.stats.hw_errors},
		{"malformed_type", &queue->malformed_type},
		{"malformed_reserved", &queue->malformed_reserved},
		{"malformed_access", &queue->malformed_access},
		{"malformed_address", &queue->malformed_address},
		{"prq_wild_index", &queue->prq_wild_index},
		{"fault_records", &queue->iq.stats.fault_records},
		{"fault_overflows", &queue->iq.stats.fault_overflows},
		{"iqe", &queue->iq.stats.iqe},
		{"iqe_given_up", &queue->iq.stats.iqe_given_up},
		{"ice", &queue->iq.stats.ice},
		{"ite", &queue->iq.stats.ite},
		{"iq_full", &queue->iq.stats.iq_full},
		{"iq_wild_index", &queue->iq.stats.iq_wild_index},
		{"responses_lost", &queue->iq.stats.responses_lost},
		{"cmd_restarts", &queue->iq.stats.cmd_restarts},
		{"iotlb_invalidations", &queue->iotlb_invalidations},
		{"device_tlb_invalidations", &queue->device_tlb_invalidations},
		{"wide_invalidations", &queue->wide_invalidations},
		{NULL, NULL},
	};
	unsigned int i;

	_Static_assert(RTE_DIM(stats) <= RTE_DIM(vtd->stats), "counters fit");
	for (i = 0; i < RTE_DIM(stats); i++)
		vtd->stats[i] = stats[i];
}

static const struct uiommu_dev_ops vtd_dev_ops = {
	.info_get = info_get,
	.configure = vtd_configure,
	.start = vtd_start,
	.stop = vtd_stop,
	.close = vtd_close,
	.queue_get = queue_get,
	.endpoint_set = vtd_endpoint_set,
	.endpoint_clear = vtd_endpoint_clear,
	.endpoint_enable = vtd_endpoint_enable,
	.endpoint_free = vtd_endpoint_free,
	.endpoint_page_requests = vtd_endpoint_page_requests,
	.domain_init = vtd_domain_init,
	.domain_fini = vtd_domain_fini,
	.bond_set = vtd_bond_set,
	.bond_clear = vtd_bond_clear,
	.bond_block = vtd_bond_block,
	.stats_get = stats_get,
	.table_format = vtd_table_format,
};

static int
vtd_probe(struct uiommu_dev *dev, struct uiommu_args *args)
{
	struct vtd *vtd;
	int ret;

	vtd = rte_zmalloc_socket("vtd", sizeof(*vtd), RTE_CACHE_LINE_SIZE,
				 dev->platform.socket_id);
	if (vtd == NULL)
		return -ENOMEM;
	vtd->dev = dev;
	ret = read_arguments(dev, vtd, args);
	if (ret == 0)
		ret = read_capabilities(dev, vtd);
	if (ret != 0) {
		rte_free(vtd);
		return ret;
	}
	vtd->queue.sign_bit = vtd->address_bits - 1;
	vtd->queue.dit = (vtd->ecap & VTD_ECAP_DIT) != 0;
	vtd->queue.caching = (vtd->cap & VTD_CAP_CM) != 0;
	vtd->queue.psi = (vtd->cap & VTD_CAP_PSI) != 0;
	vtd->queue.mamv = (uint8_t)field(vtd->cap, VTD_CAP_MAMV_SHIFT, VTD_CAP_MAMV_MASK);
	vtd->queue.drain_flags = ((vtd->cap & VTD_CAP_DRD) != 0 ? VTD_QI_IOTLB_DR : 0) |
				 ((vtd->cap & VTD_CAP_DWD) != 0 ? VTD_QI_IOTLB_DW : 0);
	stats_init(vtd);
	dev->dev_private = vtd;
	dev->ops = &vtd_dev_ops;
	dev->queue_ops = &vtd_queue_ops;
	dev->cmd_mask = 1U << UIOMMU_CMD_ENDPOINT_CLEAR | 1U << UIOMMU_CMD_ENDPOINT_UPDATE |
			1U << UIOMMU_CMD_BOND_CLEAR | 1U << UIOMMU_CMD_DRAIN |
			1U << UIOMMU_CMD_SYNC | 1U << UIOMMU_CMD_INVALIDATE;
	/* S 6.1: only with caching mode is the absence of an entry remembered */
	if ((vtd->cap & VTD_CAP_CM) != 0)
		dev->cmd_mask |= 1U << UIOMMU_CMD_ENDPOINT_SET | 1U << UIOMMU_CMD_BOND_SET;
	VTD_LOG(DEBUG, "%s: CAP 0x%" PRIx64 ", ECAP 0x%" PRIx64, dev->name, vtd->cap, vtd->ecap);
	return 0;
}

static const struct uiommu_driver vtd_driver = {
	.name = "vtd",
	.description = "Intel VT-d, scalable mode",
	.probe = vtd_probe,
};
UIOMMU_DRIVER_REGISTER(vtd_driver);
