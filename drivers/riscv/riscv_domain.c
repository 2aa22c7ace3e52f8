/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains: PSCIDs, the format of their tables, and what a context is to say of them. */

#include <errno.h>

#include <rte_malloc.h>

#include <uiommu_pgtable.h>

#include "riscv_pvt.h"

#define PAGE_2M (UINT64_C(1) << 21)
#define PAGE_1G (UINT64_C(1) << 30)
/** Widest physical address that the library's tables hold. */
#define PA_BITS_MAX 52

/* Tables by levels */
static const struct {
	uint64_t cap;
	uint8_t mode;
} modes[] = {
	[3] = {RISCV_CAP_SV39, RISCV_IOSATP_SV39},
	[4] = {RISCV_CAP_SV48, RISCV_IOSATP_SV48},
	[5] = {RISCV_CAP_SV57, RISCV_IOSATP_SV57},
};

static int
levels_get(const struct riscv *riscv, uint32_t wanted, uint32_t *levels)
{
	if (wanted == 0)
		wanted = (riscv->caps & RISCV_CAP_SV48) != 0 ? 4 : 3;
	if (wanted < 3 || wanted >= RTE_DIM(modes) || (riscv->caps & modes[wanted].cap) == 0)
		return -EINVAL;
	*levels = wanted;
	return 0;
}

static bool
is_second_stage(const struct uiommu_domain_conf *conf)
{
	return (conf->flags & (UIOMMU_DOMAIN_NEST_PARENT | UIOMMU_DOMAIN_SECOND_STAGE)) != 0;
}

static int
translated(struct riscv *riscv, const struct uiommu_domain_conf *conf, struct riscv_domain *domain)
{
	uint64_t table_pa = conf->table_pa;
	uint32_t levels;
	int ret = levels_get(riscv, conf->levels, &levels);

	if (ret != 0)
		return ret;
	if (is_second_stage(conf))
		return -ENOTSUP;
	/* a process's address space that is mirrored elsewhere: an empty table */
	if (conf->type == UIOMMU_DOMAIN_SVA && table_pa == 0) {
		ret = uiommu_page_alloc(&riscv->pool, &domain->root);
		if (ret != 0)
			return ret;
		table_pa = domain->root.pa;
	}
	if (table_pa == 0 || table_pa % UIOMMU_PAGE_SIZE != 0 || table_pa >> riscv->pas != 0)
		return -EINVAL;
	domain->fsc = riscv_fsc(modes[levels].mode, table_pa);
	domain->pscid = uiommu_id_alloc(&riscv->pscids);
	if (domain->pscid != 0)
		return 0;
	RISCV_LOG(ERR, "%s: all %u PSCIDs are in use", riscv->dev->name, riscv->pscids.nb - 1);
	return -ENOMEM;
}

int
riscv_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		   struct uiommu_table_format *format)
{
	const struct riscv *riscv = riscv_of(dev);

	if (is_second_stage(conf))
		return -ENOTSUP;
	*format = (struct uiommu_table_format){
		.format = UIOMMU_PGTABLE_RISCV,
		.page_shift = RISCV_PAGE_SHIFT,
		.pa_bits = RTE_MIN(riscv->pas, (uint8_t)PA_BITS_MAX),
		.leaf_sizes = UIOMMU_PAGE_SIZE | PAGE_2M | PAGE_1G,
		/*
		 * "Accessed (A)/Dirty (D) bit updates and page promotions": an entry in use may
		 * change its size, but not where it leads, or what it allows.
		 */
		.flags = UIOMMU_PGTABLE_BREAK_FIRST,
	};
	if ((riscv->caps & RISCV_CAP_AMO_HWAD) == 0)
		format->flags |= UIOMMU_PGTABLE_NO_AD;
	return levels_get(riscv, conf->levels, &format->levels);
}

int
riscv_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		  void *parent_private __rte_unused, void **domain_private)
{
	struct riscv_domain *domain;
	int ret = 0;

	domain = rte_zmalloc_socket("riscv_domain", sizeof(*domain), 0, dev->platform.socket_id);
	if (domain == NULL)
		return -ENOMEM;
	domain->type = conf->type;
	domain->fsc = riscv_fsc(RISCV_IOSATP_BARE, 0);
	if (conf->type == UIOMMU_DOMAIN_PAGING || conf->type == UIOMMU_DOMAIN_SVA)
		ret = translated(riscv_of(dev), conf, domain);
	else if (conf->type != UIOMMU_DOMAIN_BLOCKED && conf->type != UIOMMU_DOMAIN_IDENTITY)
		ret = -ENOTSUP;
	if (ret != 0) {
		riscv_domain_fini(dev, domain);
		return ret;
	}
	*domain_private = domain;
	return 0;
}

void
riscv_domain_fini(struct uiommu_dev *dev, void *domain_private)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_domain *domain = domain_private;

	uiommu_id_free(&riscv->pscids, domain->pscid);
	if (domain->root.va != NULL)
		uiommu_page_free(&riscv->pool, &domain->root);
	rte_free(domain);
}
