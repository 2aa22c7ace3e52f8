/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains: address spaces with their fault handlers. */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "uiommu_pvt.h"

/* Of a domain that is not fault-capable. */
static void
invalid_handler(void *handler_priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	memset(codes, UIOMMU_CODE_INVALID, nb_groups);
}

/* What only domains with an I/O page table have. */
static bool
has_paging_members(const struct uiommu_domain_conf *conf)
{
	return conf->table_pa != 0 || conf->levels != 0 || conf->handler != NULL ||
	       conf->fault_queue != NULL || conf->deadline_ns != 0 || conf->deferred_max != 0 ||
	       conf->flags != 0;
}

static bool
is_fault_capable(const struct uiommu_domain_conf *conf)
{
	return conf->handler != NULL || conf->fault_queue != NULL;
}

static int
paging_check(const struct uiommu_unit *unit, const struct uiommu_domain_conf *conf)
{
	bool nest_parent = (conf->flags & UIOMMU_DOMAIN_NEST_PARENT) != 0;

	if ((conf->handler != NULL && conf->fault_queue != NULL) ||
	    (conf->deadline_ns != 0 && !is_fault_capable(conf)) ||
	    (conf->deferred_max != 0 && conf->handler == NULL))
		return -EINVAL;
	if (conf->fault_queue != NULL && !uiommu_pvt_fault_queue_is_of(conf->fault_queue, unit))
		return -EINVAL;
	if (conf->type == UIOMMU_DOMAIN_NESTED)
		return nest_parent || conf->parent->unit != unit || !conf->parent->nest_parent
			       ? -EINVAL
			       : 0;
	/* faults of the second stage have no handler: those of the first stage over it have */
	if ((nest_parent && is_fault_capable(conf)) || (conf->table_pa == 0 && conf->levels != 0))
		return -EINVAL;
	return 0;
}

static int
domain_conf_check(const struct uiommu_unit *unit, const struct uiommu_domain_conf *conf)
{
	static const struct uiommu_domain_conf zero;

	if (conf == NULL || conf->size != sizeof(*conf) ||
	    (conf->flags & ~UIOMMU_DOMAIN_NEST_PARENT) != 0 ||
	    memcmp(conf->reserved, zero.reserved, sizeof(zero.reserved)) != 0 ||
	    (conf->deadline_code > UIOMMU_CODE_INVALID &&
	     conf->deadline_code != UIOMMU_CODE_RETRY) ||
	    (conf->parent != NULL) != (conf->type == UIOMMU_DOMAIN_NESTED))
		return -EINVAL;
	switch (conf->type) {
	case UIOMMU_DOMAIN_BLOCKED:
	case UIOMMU_DOMAIN_IDENTITY:
		return has_paging_members(conf) ? -EINVAL : 0;
	case UIOMMU_DOMAIN_PAGING:
	case UIOMMU_DOMAIN_NESTED:
		return paging_check(unit, conf);
	default:
		return -EINVAL;
	}
}

static void
handler_set(struct uiommu_domain *domain, const struct uiommu_domain_conf *conf)
{
	domain->fault_capable = is_fault_capable(conf);
	domain->fault_queue = conf->fault_queue;
	domain->handler = invalid_handler;
	if (conf->fault_queue != NULL) {
		domain->handler = uiommu_pvt_fault_queue_handler;
		domain->handler_priv = conf->fault_queue;
	} else if (conf->handler != NULL) {
		domain->handler = conf->handler;
		domain->handler_priv = conf->handler_priv;
	}
	if (conf->deadline_ns != 0)
		/* a deadline of no time is one all the same */
		domain->deadline_cycles = 1 + (uint64_t)((double)conf->deadline_ns * 1e-9 *
							 (double)rte_get_tsc_hz());
	domain->kept_max = conf->deferred_max != 0 ? conf->deferred_max : UINT32_MAX;
	domain->deadline_code = conf->deadline_code == UIOMMU_CODE_RETRY ? UIOMMU_CODE_RETRY
									 : UIOMMU_CODE_INVALID;
}

int
uiommu_pvt_domain_create(struct uiommu_unit *unit, const struct uiommu_domain_conf *conf,
			 struct uiommu_domain **out)
{
	struct uiommu_domain *domain;
	int ret;

	domain = rte_zmalloc_socket("uiommu_domain", sizeof(*domain), RTE_CACHE_LINE_SIZE,
				    unit->dev.platform.socket_id);
	if (domain == NULL)
		return -ENOMEM;
	domain->unit = unit;
	domain->type = conf->type;
	domain->parent = conf->parent;
	domain->nest_parent = (conf->flags & UIOMMU_DOMAIN_NEST_PARENT) != 0;
	handler_set(domain, conf);
	ret = unit->dev.ops->domain_init(&unit->dev, conf,
					 conf->parent != NULL ? conf->parent->drv : NULL,
					 &domain->drv);
	if (ret != 0) {
		rte_free(domain);
		return ret;
	}
	if (domain->parent != NULL)
		domain->parent->nb_children++;
	TAILQ_INSERT_TAIL(&unit->domains, domain, next);
	unit->nb_domains++;
	*out = domain;
	return 0;
}

static int
domain_alloc_locked(struct uiommu_unit *unit, const struct uiommu_domain_conf *conf,
		    struct uiommu_domain **out)
{
	int ret;

	if (uiommu_pvt_state(unit) < UIOMMU_DEV_CONFIGURED)
		return -EINVAL;
	ret = domain_conf_check(unit, conf);
	return ret != 0 ? ret : uiommu_pvt_domain_create(unit, conf, out);
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

void
uiommu_pvt_domain_destroy(struct uiommu_domain *domain)
{
	struct uiommu_unit *unit = domain->unit;

	if (domain->parent != NULL)
		domain->parent->nb_children--;
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
	if (domain->nb_attached != 0 || domain->nb_children != 0 ||
	    domain->type == UIOMMU_DOMAIN_SVA)
		ret = -EBUSY;
	else
		uiommu_pvt_domain_destroy(domain);
	uiommu_pvt_unlock(unit);
	return ret;
}

void
uiommu_pvt_domain_mute(struct uiommu_domain *domain)
{
	/* handler_priv stays: a burst may have begun with the old handler */
	__atomic_store_n(&domain->handler, invalid_handler, __ATOMIC_RELAXED);
	domain->fault_queue = NULL;
}

void
uiommu_pvt_domains_fini(struct uiommu_unit *unit)
{
	/* from the end: nested ones come after their parents */
	while (!TAILQ_EMPTY(&unit->domains))
		uiommu_pvt_domain_destroy(TAILQ_LAST(&unit->domains, uiommu_domain_list));
}
