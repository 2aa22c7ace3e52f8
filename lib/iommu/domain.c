/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains: address spaces with their fault handlers. */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

#define DOMAIN_FLAGS                                                                               \
	(UIOMMU_DOMAIN_NEST_PARENT | UIOMMU_DOMAIN_DEMAND | UIOMMU_DOMAIN_SECOND_STAGE)
/* Of a block that is mapped around a fault: as many as a large leaf has. */
#define AROUND_PAGES_MAX 512

/* Of a domain that is not fault-capable. */
static void
invalid_handler(void *handler_priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	memset(codes, UIOMMU_CODE_INVALID, nb_groups);
}

/* What only domains whose table the library keeps have. */
static bool
has_table_members(const struct uiommu_domain_conf *conf)
{
	return conf->table_pages_max != 0 || conf->fault_around_pages != 0 ||
	       conf->budget_pages != 0;
}

/* What only domains with an I/O page table have. */
static bool
has_paging_members(const struct uiommu_domain_conf *conf)
{
	return conf->table_pa != 0 || conf->levels != 0 || conf->handler != NULL ||
	       conf->fault_queue != NULL || conf->deadline_ns != 0 || conf->deferred_max != 0 ||
	       conf->flags != 0 || has_table_members(conf);
}

/* What only domains have that resolve faults by themselves. */
static int
demand_check(const struct uiommu_domain_conf *conf)
{
	const uint32_t around = conf->fault_around_pages;

	if ((conf->flags & UIOMMU_DOMAIN_DEMAND) == 0)
		return around != 0 || conf->budget_pages != 0 ? -EINVAL : 0;
	if (conf->handler != NULL || conf->fault_queue != NULL || conf->table_pa != 0 ||
	    (conf->flags & UIOMMU_DOMAIN_NEST_PARENT) != 0)
		return -EINVAL;
	return around > AROUND_PAGES_MAX || (around & (around - 1)) != 0 ? -EINVAL : 0;
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
		return conf->flags != 0 || conf->parent->unit != unit ||
				       !conf->parent->nest_parent || has_table_members(conf)
			       ? -EINVAL
			       : 0;
	/* faults of the second stage have no handler: those of the first stage over it have */
	if ((nest_parent && is_fault_capable(conf)) ||
	    (conf->table_pa != 0 && conf->table_pages_max != 0))
		return -EINVAL;
	return demand_check(conf);
}

static int
domain_conf_check(const struct uiommu_unit *unit, const struct uiommu_domain_conf *conf)
{
	static const struct uiommu_domain_conf zero;

	if (conf == NULL || conf->size != sizeof(*conf) ||
	    (conf->flags & ~DOMAIN_FLAGS) != 0 ||
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
	const bool demand = (conf->flags & UIOMMU_DOMAIN_DEMAND) != 0;

	domain->fault_capable = is_fault_capable(conf) || demand;
	domain->bulk = demand ? domain->unit->demand : domain;
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
uiommu_pvt_demand_create(struct uiommu_unit *unit)
{
	unit->demand = rte_zmalloc_socket("uiommu_domain", sizeof(*unit->demand),
					  RTE_CACHE_LINE_SIZE, unit->dev.platform.socket_id);
	if (unit->demand == NULL)
		return -ENOMEM;
	unit->demand->unit = unit;
	unit->demand->handler = uiommu_pvt_demand_handler;
	unit->demand->bulk = unit->demand;
	return 0;
}

void
uiommu_pvt_demand_destroy(struct uiommu_unit *unit)
{
	rte_free(unit->demand);
	unit->demand = NULL;
}

/* Whether the library keeps the table, and not the driver, the caller or the parent. */
static bool
keeps_table(const struct uiommu_unit *unit, const struct uiommu_domain_conf *conf)
{
	return conf->type == UIOMMU_DOMAIN_PAGING && conf->table_pa == 0 &&
	       unit->dev.ops->table_format != NULL;
}

/* Table, then the driver's part. */
static int
domain_equip(struct uiommu_domain *domain, const struct uiommu_domain_conf *wanted)
{
	struct uiommu_unit *unit = domain->unit;
	struct uiommu_domain_conf conf = *wanted;
	int ret = 0;

	if (keeps_table(unit, &conf))
		ret = uiommu_pvt_paging_create(unit, domain, &conf);
	else if ((conf.flags & UIOMMU_DOMAIN_DEMAND) != 0)
		ret = -ENOTSUP;
	if (ret != 0)
		return ret;
	ret = unit->dev.ops->domain_init(&unit->dev, &conf,
					 conf.parent != NULL ? conf.parent->drv : NULL,
					 &domain->drv);
	if (ret != 0 && domain->paging != NULL)
		uiommu_pvt_paging_destroy(domain);
	return ret;
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
	uiommu_pvt_targets_init(domain);
	ret = domain_equip(domain, conf);
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
	if (domain->paging != NULL)
		uiommu_pvt_paging_destroy(domain);
	uiommu_pvt_targets_free(domain);
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
	    domain->type == UIOMMU_DOMAIN_SVA ||
	    (domain->paging != NULL && domain->paging->evicting != 0))
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

bool
uiommu_pvt_domains_in_use(const struct uiommu_unit *unit)
{
	const struct uiommu_domain *domain;

	TAILQ_FOREACH(domain, &unit->domains, next)
		if (domain->paging != NULL && domain->paging->evicting != 0)
			return true;
	return false;
}

void
uiommu_pvt_domains_fini(struct uiommu_unit *unit)
{
	/* from the end: nested ones come after their parents */
	while (!TAILQ_EMPTY(&unit->domains))
		uiommu_pvt_domain_destroy(TAILQ_LAST(&unit->domains, uiommu_domain_list));
}
