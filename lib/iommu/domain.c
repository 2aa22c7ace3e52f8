/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains: address spaces with their fault handlers. */

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "uiommu_pvt.h"

/* Of a domain that is not fault-capable. */
static void
invalid_handler(void *handler_priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	memset(codes, UIOMMU_CODE_INVALID, nb_groups);
}

static int
domain_conf_check(const struct uiommu_domain_conf *conf)
{
	static const struct uiommu_domain_conf zero;

	if (conf == NULL || conf->size != sizeof(*conf) || conf->flags != 0 ||
	    memcmp(conf->reserved, zero.reserved, sizeof(zero.reserved)) != 0 ||
	    conf->type > UIOMMU_DOMAIN_PAGING ||
	    (conf->type != UIOMMU_DOMAIN_PAGING && (conf->table_pa != 0 || conf->levels != 0)) ||
	    (conf->table_pa == 0 && conf->levels != 0))
		return -EINVAL;
	return 0;
}

static int
domain_alloc_locked(struct uiommu_unit *unit, const struct uiommu_domain_conf *conf,
		    struct uiommu_domain **out)
{
	struct uiommu_domain *domain;
	int ret;

	if (uiommu_pvt_state(unit) < UIOMMU_DEV_CONFIGURED)
		return -EINVAL;
	ret = domain_conf_check(conf);
	if (ret != 0)
		return ret;
	domain = rte_zmalloc_socket("uiommu_domain", sizeof(*domain), RTE_CACHE_LINE_SIZE,
				    unit->dev.platform.socket_id);
	if (domain == NULL)
		return -ENOMEM;
	domain->unit = unit;
	domain->type = conf->type;
	domain->handler = conf->handler != NULL ? conf->handler : invalid_handler;
	domain->handler_priv = conf->handler_priv;
	ret = unit->dev.ops->domain_init(&unit->dev, conf, &domain->drv);
	if (ret != 0) {
		rte_free(domain);
		return ret;
	}
	TAILQ_INSERT_TAIL(&unit->domains, domain, next);
	unit->nb_domains++;
	*out = domain;
	return 0;
}

struct uiommu_domain *
uiommu_domain_alloc(int16_t dev_id, const struct uiommu_domain_conf *conf)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	struct uiommu_domain *domain = NULL;
	int ret;

	if (unit == NULL) {
		rte_errno = ENODEV;
		return NULL;
	}
	ret = uiommu_pvt_lock(unit);
	if (ret == 0) {
		ret = domain_alloc_locked(unit, conf, &domain);
		uiommu_pvt_unlock(unit);
	}
	if (ret != 0)
		rte_errno = -ret;
	return domain;
}

static void
domain_forget(struct uiommu_domain *domain)
{
	struct uiommu_unit *unit = domain->unit;

	TAILQ_REMOVE(&unit->domains, domain, next);
	unit->nb_domains--;
	unit->dev.ops->domain_fini(&unit->dev, domain->drv);
	rte_free(domain);
}

int
uiommu_domain_free(struct uiommu_domain *domain)
{
	struct uiommu_unit *unit;
	int ret;

	if (domain == NULL)
		return -EINVAL;
	unit = domain->unit;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	if (domain->nb_attached != 0)
		ret = -EBUSY;
	else
		domain_forget(domain);
	uiommu_pvt_unlock(unit);
	return ret;
}

void
uiommu_pvt_domains_fini(struct uiommu_unit *unit)
{
	while (!TAILQ_EMPTY(&unit->domains))
		domain_forget(TAILQ_FIRST(&unit->domains));
}
