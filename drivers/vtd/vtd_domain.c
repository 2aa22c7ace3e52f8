/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Domains: domain ids, the format of their tables, and what a PASID entry is to say of them.
 */

#include <errno.h>

#include <rte_malloc.h>

#include "vtd_pvt.h"

/** Bits of an address that a level of a table translates, S 9.7, 9.8. */
#define LEVEL_BITS 9
/** Levels of a second-stage table less its width as a field, S 9.6: 1 is 39 bits, three levels. */
#define LEVELS_OF_AW 2
#define PAGE_2M (UINT64_C(1) << 21)
#define PAGE_1G (UINT64_C(1) << 30)

static int
did_alloc(struct vtd *vtd, uint16_t *did)
{
	*did = (uint16_t)uiommu_id_alloc(&vtd->dids);
	if (*did != 0)
		return 0;
	VTD_LOG(ERR, "%s: all %u domain ids are in use", vtd->dev->name, vtd->dids.nb - 1);
	return -ENOMEM;
}

/* What is asked for, or all that there is */
static bool
wants_second(const struct vtd *vtd, const struct uiommu_domain_conf *conf)
{
	return !vtd_has_first(vtd) ||
	       (conf->flags & (UIOMMU_DOMAIN_NEST_PARENT | UIOMMU_DOMAIN_SECOND_STAGE)) != 0;
}

/* S 9.6: 4 KiB aligned, and within the width of a host address */
static int
root_check(const struct vtd *vtd, uint64_t table_pa)
{
	return table_pa == 0 || (table_pa & ~VTD_ADDR_MASK) != 0 || table_pa >> vtd->haw != 0 ?
		       -EINVAL : 0;
}

static int
first_levels_get(const struct vtd *vtd, uint32_t wanted, uint8_t *levels)
{
	if (wanted == 0)
		wanted = 4;
	if (wanted != 4 && wanted != 5)
		return -EINVAL;
	if (!vtd_has_first(vtd))
		return -ENOTSUP;
	if (wanted == 5 && (vtd->cap & VTD_CAP_FS5LP) == 0)
		return -ENOTSUP;
	*levels = (uint8_t)wanted;
	return 0;
}

static int
first_stage(struct vtd *vtd, const struct uiommu_domain_conf *conf, struct vtd_domain *domain)
{
	int ret = first_levels_get(vtd, conf->levels, &domain->first_levels);

	if (ret != 0)
		return ret;
	domain->pgtt = VTD_PGTT_FIRST;
	domain->first_pa = conf->table_pa;
	/* a process's address space that is mirrored elsewhere: an empty table */
	if (conf->type == UIOMMU_DOMAIN_SVA && conf->table_pa == 0) {
		ret = uiommu_page_alloc(&vtd->pool, &domain->root);
		domain->first_pa = domain->root.pa;
		if (ret == 0)
			vtd_publish(vtd, domain->root.va, VTD_PAGE_SIZE);
		return ret;
	}
	return root_check(vtd, conf->table_pa);
}

/* Four levels where the unit has them: what lies beyond 48 bits is seldom wanted */
static uint8_t
second_aw_default(uint32_t sagaw)
{
	return (sagaw & VTD_SAGAW_48) != 0 ? VTD_AW_48 :
	       (sagaw & VTD_SAGAW_39) != 0 ? VTD_AW_39 : VTD_AW_57;
}

static int
second_aw_get(const struct vtd *vtd, uint32_t levels, uint8_t *aw)
{
	const uint32_t sagaw = (uint32_t)(vtd->cap >> VTD_CAP_SAGAW_SHIFT & VTD_CAP_SAGAW_MASK);

	*aw = second_aw_default(sagaw);
	if (levels == 0)
		return 0;
	if (levels < LEVELS_OF_AW + VTD_AW_39 || levels > LEVELS_OF_AW + VTD_AW_57)
		return -EINVAL;
	*aw = (uint8_t)(levels - LEVELS_OF_AW);
	/* SAGAW's bits stand where the widths have their values */
	return (sagaw & (UINT32_C(1) << *aw)) == 0 ? -ENOTSUP : 0;
}

/* Parents need nesting; a second stage alone does not. */
static int
second_check(const struct vtd *vtd, const struct uiommu_domain_conf *conf)
{
	const bool parent = (conf->flags & UIOMMU_DOMAIN_NEST_PARENT) != 0;

	return vtd_has_second(vtd) && (!parent || vtd_can_nest(vtd)) ? 0 : -ENOTSUP;
}

static int
second_stage(struct vtd *vtd, const struct uiommu_domain_conf *conf, struct vtd_domain *domain)
{
	int ret = second_check(vtd, conf);

	if (ret == 0)
		ret = second_aw_get(vtd, conf->levels, &domain->aw);
	if (ret != 0)
		return ret;
	domain->pgtt = VTD_PGTT_SECOND;
	domain->marks = (vtd->ecap & VTD_ECAP_SSADS) != 0;
	domain->second_pa = conf->table_pa;
	return root_check(vtd, conf->table_pa);
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
	ret = first_levels_get(vtd, conf->levels, &domain->first_levels);
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
	domain->marks = parent->marks;
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
		ret = wants_second(vtd, conf) ? second_stage(vtd, conf, domain) :
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

/* ----------------------------------------------------------------------- formats */

/* S 11.4.2: 2 MiB as a rule, 1 GiB where the unit says so. Marks are not optional (S 3.6). */
static int
first_format(const struct vtd *vtd, uint32_t levels, struct uiommu_table_format *format)
{
	uint8_t first_levels;
	int ret = first_levels_get(vtd, levels, &first_levels);

	if (ret != 0)
		return ret;
	format->format = UIOMMU_PGTABLE_X86_FIRST;
	format->levels = first_levels;
	format->leaf_sizes |= PAGE_2M;
	if ((vtd->cap & VTD_CAP_FS1GP) != 0)
		format->leaf_sizes |= PAGE_1G;
	return 0;
}

static int
second_format(const struct vtd *vtd, uint32_t levels, struct uiommu_table_format *format)
{
	uint8_t aw;
	int ret = second_aw_get(vtd, levels, &aw);

	if (ret != 0)
		return ret;
	format->format = UIOMMU_PGTABLE_VTD_SECOND;
	format->levels = (uint32_t)aw + LEVELS_OF_AW;
	if ((vtd->cap & VTD_CAP_SSLPS_2M) != 0)
		format->leaf_sizes |= PAGE_2M;
	if ((vtd->cap & VTD_CAP_SSLPS_1G) != 0)
		format->leaf_sizes |= PAGE_1G;
	if ((vtd->ecap & VTD_ECAP_SC) != 0)
		format->flags |= UIOMMU_PGTABLE_SNOOP;
	if ((vtd->ecap & VTD_ECAP_SSADS) == 0)
		format->flags |= UIOMMU_PGTABLE_NO_AD;
	return 0;
}

int
vtd_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		 struct uiommu_table_format *format)
{
	const struct vtd *vtd = vtd_of(dev);
	int ret;

	*format = (struct uiommu_table_format){
		.page_shift = VTD_PAGE_SHIFT,
		.pa_bits = vtd->haw,
		.leaf_sizes = VTD_PAGE_SIZE,
		.flags = (vtd->ecap & VTD_ECAP_SMPWCS) == 0 ? UIOMMU_PGTABLE_NONCOHERENT : 0,
	};
	if (!wants_second(vtd, conf))
		return first_format(vtd, conf->levels, format);
	ret = second_check(vtd, conf);
	return ret != 0 ? ret : second_format(vtd, conf->levels, format);
}

/* ------------------------------------------------------------------------ domains */

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

	uiommu_id_free(&vtd->dids, domain->did);
	if (domain->root.va != NULL)
		uiommu_page_free(&vtd->pool, &domain->root);
	rte_free(domain);
}
