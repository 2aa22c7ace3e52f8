/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Domains: domain ids, and what a PASID entry is to say of the tables.
 */

#include <errno.h>

#include <rte_malloc.h>

#include "vtd_pvt.h"

/** Bits of an address that a level of a table translates, S 9.7, 9.8. */
#define LEVEL_BITS 9
/** Levels of a second-stage table less its width as a field, S 9.6: 1 is 39 bits, three levels. */
#define LEVELS_OF_AW 2

static int
did_alloc(struct vtd *vtd, uint16_t *did)
{
	uint32_t i, at;

	/* 0 is never used: S 6.1 has it tag what is cached of absent entries */
	for (i = 0; i < vtd->nb_did; i++) {
		at = (vtd->did_next + i) % vtd->nb_did;
		if (at == 0 || (vtd->did_used[at / 64] >> (at % 64) & 1) != 0)
			continue;
		vtd->did_used[at / 64] |= UINT64_C(1) << (at % 64);
		vtd->did_next = at + 1;
		*did = (uint16_t)at;
		return 0;
	}
	VTD_LOG(ERR, "%s: all %u domain ids are in use", vtd->dev->name, vtd->nb_did - 1);
	return -ENOMEM;
}

/* Root table of the caller's, or an empty one */
static int
root_get(struct vtd *vtd, uint64_t table_pa, struct vtd_domain *domain, uint64_t *root_pa)
{
	int ret;

	/* S 9.6: 4 KiB aligned, and no machine address has more than 52 bits */
	if ((table_pa & ~VTD_ADDR_MASK) != 0 || table_pa >> 52 != 0)
		return -EINVAL;
	*root_pa = table_pa;
	if (table_pa != 0)
		return 0;
	ret = vtd_page_alloc(&vtd->pool, &domain->root);
	*root_pa = domain->root.pa;
	return ret;
}

static int
first_levels_set(const struct vtd *vtd, uint32_t levels, struct vtd_domain *domain)
{
	if (levels == 0)
		levels = 4;
	if (levels != 4 && levels != 5)
		return -EINVAL;
	if (levels == 5 && (vtd->cap & VTD_CAP_FS5LP) == 0)
		return -ENOTSUP;
	domain->first_levels = (uint8_t)levels;
	return 0;
}

static int
first_stage(struct vtd *vtd, const struct uiommu_domain_conf *conf, struct vtd_domain *domain)
{
	int ret = first_levels_set(vtd, conf->levels, domain);

	if (ret != 0)
		return ret;
	domain->pgtt = VTD_PGTT_FIRST;
	return root_get(vtd, conf->table_pa, domain, &domain->first_pa);
}

/* Four levels where the unit has them: what lies beyond 48 bits is seldom wanted */
static uint8_t
second_aw_default(uint32_t sagaw)
{
	return (sagaw & VTD_SAGAW_48) != 0 ? VTD_AW_48 :
	       (sagaw & VTD_SAGAW_39) != 0 ? VTD_AW_39 : VTD_AW_57;
}

/* Only parents have a second stage alone: others gain nothing by it */
static int
second_stage(struct vtd *vtd, const struct uiommu_domain_conf *conf, struct vtd_domain *domain)
{
	const uint32_t sagaw = (uint32_t)(vtd->cap >> VTD_CAP_SAGAW_SHIFT & VTD_CAP_SAGAW_MASK);

	if (!vtd_can_nest(vtd))
		return -ENOTSUP;
	domain->aw = second_aw_default(sagaw);
	if (conf->levels != 0) {
		if (conf->levels < LEVELS_OF_AW + VTD_AW_39 ||
		    conf->levels > LEVELS_OF_AW + VTD_AW_57)
			return -EINVAL;
		domain->aw = (uint8_t)(conf->levels - LEVELS_OF_AW);
		/* SAGAW's bits stand where the widths have their values */
		if ((sagaw & (UINT32_C(1) << domain->aw)) == 0)
			return -ENOTSUP;
	}
	domain->pgtt = VTD_PGTT_SECOND;
	return root_get(vtd, conf->table_pa, domain, &domain->second_pa);
}

/*
 * The second stage is the parent's, and the domain id a domain's own: entries with one id must
 * agree in their second stage (S 9.6), and with an id of its own what is cached of one
 * guest domain can be invalidated without that of its siblings.
 */
static int
nested(const struct vtd *vtd, const struct uiommu_domain_conf *conf,
       const struct vtd_domain *parent, struct vtd_domain *domain)
{
	int ret;

	if (!vtd_can_nest(vtd))
		return -ENOTSUP;
	if (parent == NULL || parent->pgtt != VTD_PGTT_SECOND)
		return -EINVAL;
	ret = first_levels_set(vtd, conf->levels, domain);
	if (ret != 0)
		return ret;
	/* the guest's address of its root table: in reach of the parent's table */
	if ((conf->table_pa & ~VTD_ADDR_MASK) != 0 ||
	    conf->table_pa >> (VTD_PAGE_SHIFT + LEVEL_BITS * (parent->aw + LEVELS_OF_AW)) != 0)
		return -EINVAL;
	domain->pgtt = VTD_PGTT_NESTED;
	domain->first_pa = conf->table_pa;
	domain->second_pa = parent->second_pa;
	domain->aw = parent->aw;
	return 0;
}

static int
pass_through(const struct vtd *vtd, struct vtd_domain *domain)
{
	if ((vtd->ecap & VTD_ECAP_PT) == 0)
		return -ENOTSUP;
	domain->pgtt = VTD_PGTT_PASSTHROUGH;
	return 0;
}

static int
domain_fill(struct vtd *vtd, const struct uiommu_domain_conf *conf,
	    const struct vtd_domain *parent, struct vtd_domain *domain)
{
	int ret;

	switch (conf->type) {
	case UIOMMU_DOMAIN_BLOCKED:
		return 0;
	case UIOMMU_DOMAIN_IDENTITY:
		ret = pass_through(vtd, domain);
		break;
	case UIOMMU_DOMAIN_PAGING:
		ret = (conf->flags & UIOMMU_DOMAIN_NEST_PARENT) != 0 ?
			      second_stage(vtd, conf, domain) :
			      first_stage(vtd, conf, domain);
		break;
	case UIOMMU_DOMAIN_SVA:
		ret = first_stage(vtd, conf, domain);
		break;
	case UIOMMU_DOMAIN_NESTED:
		ret = nested(vtd, conf, parent, domain);
		break;
	default:
		return -ENOTSUP;
	}
	return ret != 0 ? ret : did_alloc(vtd, &domain->did);
}

int
vtd_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		void *parent_private, void **domain_private)
{
	struct vtd *vtd = vtd_of(dev);
	struct vtd_domain *domain;
	int ret;

	domain = rte_zmalloc_socket("vtd_domain", sizeof(*domain), 0, dev->platform.socket_id);
	if (domain == NULL)
		return -ENOMEM;
	domain->type = conf->type;
	ret = domain_fill(vtd, conf, parent_private, domain);
	if (ret != 0) {
		vtd_domain_fini(dev, domain);
		return ret;
	}
	*domain_private = domain;
	return 0;
}

void
vtd_domain_fini(struct uiommu_dev *dev, void *domain_private)
{
	struct vtd *vtd = vtd_of(dev);
	struct vtd_domain *domain = domain_private;

	if (domain->did != 0)
		vtd->did_used[domain->did / 64] &= ~(UINT64_C(1) << (domain->did % 64));
	if (domain->root.va != NULL)
		vtd_page_free(&vtd->pool, &domain->root);
	rte_free(domain);
}
