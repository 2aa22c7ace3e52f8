/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains: ASIDs, the format of their tables, and what a context descriptor is to say of them. */

#include <errno.h>

#include <rte_malloc.h>

#include <uiommu_pgtable.h>

#include "smmuv3_pvt.h"

/** Bits of an address, by levels of a table with pages of 4 KiB. */
#define VA_BITS_3 39
#define VA_BITS_4 48
#define PAGE_2M (UINT64_C(1) << 21)
#define PAGE_1G (UINT64_C(1) << 30)
/** Attribute of memory that the tables of the library name, and others that a caller's may. */
#define ATTR_NC 0
#define ATTR_WB 1
#define ATTR_DEVICE 2

static uint32_t
httu_of(const struct smmuv3 *smmu)
{
	return smmu->idr0 >> SMMUV3_IDR0_HTTU_SHIFT & SMMUV3_IDR0_HTTU_MASK;
}

static int
levels_get(uint32_t wanted, uint32_t *levels)
{
	if (wanted != 0 && wanted != 3 && wanted != 4)
		return -EINVAL;
	*levels = wanted != 0 ? wanted : 4;
	return 0;
}

void
smmuv3_domain_cd(const struct smmuv3 *smmu, const struct smmuv3_domain *domain, bool stall,
		 struct smmuv3_cd *cd)
{
	/* S 5.5: where stalls are all that the unit can do, they must be chosen */
	const bool may_stall = stall || smmu->stall_model == SMMUV3_STALL_MODEL_FORCED;
	const uint64_t ips = RTE_MIN(smmu->oas, (uint8_t)SMMUV3_OAS_48);

	*cd = (struct smmuv3_cd){{
		(64 - domain->va_bits) | SMMUV3_TG0_4K << SMMUV3_CD0_TG0_SHIFT |
			(uint64_t)SMMUV3_CD_CACHE_WBWA << SMMUV3_CD0_IR0_SHIFT |
			(uint64_t)SMMUV3_CD_CACHE_WBWA << SMMUV3_CD0_OR0_SHIFT |
			(uint64_t)SMMUV3_SH_INNER << SMMUV3_CD0_SH0_SHIFT | SMMUV3_CD0_EPD1 |
			ips << SMMUV3_CD0_IPS_SHIFT | SMMUV3_CD0_AA64 | SMMUV3_CD0_R |
			SMMUV3_CD0_A | SMMUV3_CD0_ASET |
			(uint64_t)domain->asid << SMMUV3_CD0_ASID_SHIFT,
		domain->table_pa & SMMUV3_CD1_TTB0_MASK,
		0,
		SMMUV3_MAIR_NC << SMMUV3_MAIR_SHIFT(ATTR_NC) |
			SMMUV3_MAIR_WB << SMMUV3_MAIR_SHIFT(ATTR_WB) |
			SMMUV3_MAIR_DEVICE_nGnRE << SMMUV3_MAIR_SHIFT(ATTR_DEVICE),
	}};
	if (domain->marks)
		cd->q[0] |= SMMUV3_CD0_HA | SMMUV3_CD0_HD;
	if (may_stall)
		cd->q[0] |= SMMUV3_CD0_S;
}

static int
asid_alloc(struct smmuv3 *smmu, struct smmuv3_domain *domain)
{
	domain->asid = (uint16_t)uiommu_id_alloc(&smmu->asids);
	if (domain->asid != 0)
		return 0;
	SMMUV3_LOG(ERR, "%s: all %u ASIDs are in use", smmu->dev->name, smmu->asids.nb - 1);
	return -ENOMEM;
}

static int
translated(struct smmuv3 *smmu, const struct uiommu_domain_conf *conf, struct smmuv3_domain *domain)
{
	uint32_t levels;
	int ret = levels_get(conf->levels, &levels);

	if (ret != 0)
		return ret;
	if ((conf->flags & (UIOMMU_DOMAIN_NEST_PARENT | UIOMMU_DOMAIN_SECOND_STAGE)) != 0)
		return -ENOTSUP;
	domain->va_bits = levels == 4 ? VA_BITS_4 : VA_BITS_3;
	domain->marks = httu_of(smmu) >= SMMUV3_HTTU_ACCESS_DIRTY;
	domain->table_pa = conf->table_pa;
	/* a process's address space that is mirrored elsewhere: an empty table */
	if (conf->type == UIOMMU_DOMAIN_SVA && conf->table_pa == 0) {
		ret = uiommu_page_alloc(&smmu->pool, &domain->root);
		if (ret != 0)
			return ret;
		domain->table_pa = domain->root.pa;
	}
	/* S 5.4: aligned, and within the width of a physical address */
	if (domain->table_pa == 0 || domain->table_pa % UIOMMU_PAGE_SIZE != 0 ||
	    domain->table_pa >> smmu->pa_bits != 0)
		return -EINVAL;
	return asid_alloc(smmu, domain);
}

int
smmuv3_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		    struct uiommu_table_format *format)
{
	const struct smmuv3 *smmu = smmuv3_of(dev);

	if ((conf->flags & (UIOMMU_DOMAIN_NEST_PARENT | UIOMMU_DOMAIN_SECOND_STAGE)) != 0)
		return -ENOTSUP;
	*format = (struct uiommu_table_format){
		.format = UIOMMU_PGTABLE_ARM_LPAE,
		.page_shift = 12,
		.pa_bits = smmu->pa_bits,
		.leaf_sizes = UIOMMU_PAGE_SIZE | PAGE_2M | PAGE_1G,
		/*
		 * S 3.21.1: BBML is about sizes, no level of it lets a page lead elsewhere in one
		 * step; that level 2 lets a block become a table is not made use of.
		 */
		.flags = UIOMMU_PGTABLE_BREAK_FIRST,
	};
	if (httu_of(smmu) < SMMUV3_HTTU_ACCESS_DIRTY)
		format->flags |= UIOMMU_PGTABLE_NO_AD;
	return levels_get(conf->levels, &format->levels);
}

int
smmuv3_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		   void *parent_private __rte_unused, void **domain_private)
{
	struct smmuv3_domain *domain;
	int ret = 0;

	domain = rte_zmalloc_socket("smmuv3_domain", sizeof(*domain), 0, dev->platform.socket_id);
	if (domain == NULL)
		return -ENOMEM;
	domain->type = conf->type;
	if (conf->type == UIOMMU_DOMAIN_PAGING || conf->type == UIOMMU_DOMAIN_SVA)
		ret = translated(smmuv3_of(dev), conf, domain);
	else if (conf->type != UIOMMU_DOMAIN_BLOCKED && conf->type != UIOMMU_DOMAIN_IDENTITY)
		ret = -ENOTSUP;
	if (ret != 0) {
		smmuv3_domain_fini(dev, domain);
		return ret;
	}
	*domain_private = domain;
	return 0;
}

void
smmuv3_domain_fini(struct uiommu_dev *dev, void *domain_private)
{
	struct smmuv3 *smmu = smmuv3_of(dev);
	struct smmuv3_domain *domain = domain_private;

	uiommu_id_free(&smmu->asids, domain->asid);
	if (domain->root.va != NULL)
		uiommu_page_free(&smmu->pool, &domain->root);
	rte_free(domain);
}
