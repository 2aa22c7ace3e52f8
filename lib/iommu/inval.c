/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Invalidation of translations: who may hold some of a domain, and how they are made to forget.
 *
 * The bonds of a domain are kept as an array that the data path can read. There are two of them:
 * while readers may be looking at one, the other is filled and takes its place.
 */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

#define PAGE_SIZE UINT64_C(4096)
#define CAPACITY_MIN 8

/* Where nothing is attached. */
static const struct uiommu_targets no_targets;

/* Whether a domain has translations that it can take back. */
static bool
has_targets(const struct uiommu_domain *domain)
{
	return domain->paging != NULL || domain->type == UIOMMU_DOMAIN_NESTED;
}

static struct uiommu_targets *
targets_alloc(const struct uiommu_domain *domain, uint32_t capacity)
{
	struct uiommu_targets *targets;

	targets = rte_zmalloc_socket("uiommu_targets",
				     sizeof(*targets) + capacity * sizeof(targets->target[0]),
				     RTE_CACHE_LINE_SIZE, domain->unit->dev.platform.socket_id);
	if (targets != NULL)
		targets->capacity = capacity;
	return targets;
}

/* Nobody reads the spare any more. */
static void
spare_await(struct uiommu_domain *domain)
{
	struct uiommu_unit *unit = domain->unit;
	uint64_t give_up = uiommu_pvt_give_up_tsc(unit);

	/* after a time-out the unit has failed, and answers nothing any more */
	while (domain->targets_wait && uiommu_pvt_unit_is_started(unit) &&
	       uiommu_pvt_grace_check(unit, domain->targets_token, give_up) == -EINPROGRESS)
		uiommu_pvt_wait_turn();
	domain->targets_wait = false;
}

static void
targets_publish(struct uiommu_domain *domain, struct uiommu_targets *targets)
{
	const struct uiommu_targets *old = domain->targets;

	/* pairs with the acquire load in targets_of() */
	__atomic_store_n(&domain->targets, targets, __ATOMIC_RELEASE);
	domain->targets_spare = old == &no_targets ? NULL : (struct uiommu_targets *)(uintptr_t)old;
	domain->targets_wait = uiommu_pvt_unit_is_started(domain->unit);
	if (domain->targets_wait)
		domain->targets_token = rte_rcu_qsbr_start(domain->unit->rcu);
}

static void
targets_fill(const struct uiommu_domain *domain, struct uiommu_targets *targets)
{
	const struct uiommu_attach *attach;

	targets->nb = 0;
	TAILQ_FOREACH(attach, &domain->bonds, bond) {
		struct uiommu_inval_target *target = &targets->target[targets->nb++];

		target->endpoint_private = attach->endpoint->drv;
		target->pasid = attach->head.pasid;
	}
}

int
uiommu_pvt_targets_reserve(struct uiommu_domain *domain)
{
	const struct uiommu_targets *now = domain->targets;
	struct uiommu_targets *first, *second;
	uint32_t capacity;

	if (!has_targets(domain) || domain->nb_attached < now->capacity)
		return 0;
	capacity = RTE_MAX(2 * now->capacity, (uint32_t)CAPACITY_MIN);
	first = targets_alloc(domain, capacity);
	second = targets_alloc(domain, capacity);
	if (first == NULL || second == NULL) {
		rte_free(first);
		rte_free(second);
		return -ENOMEM;
	}
	spare_await(domain);
	rte_free(domain->targets_spare);
	targets_fill(domain, first);
	targets_publish(domain, first);
	spare_await(domain);
	rte_free(domain->targets_spare);
	domain->targets_spare = second;
	return 0;
}

void
uiommu_pvt_targets_update(struct uiommu_domain *domain)
{
	struct uiommu_targets *spare;

	if (!has_targets(domain))
		return;
	spare_await(domain);
	spare = domain->targets_spare;
	targets_fill(domain, spare);
	targets_publish(domain, spare);
}

void
uiommu_pvt_targets_init(struct uiommu_domain *domain)
{
	TAILQ_INIT(&domain->bonds);
	domain->targets = &no_targets;
}

void
uiommu_pvt_targets_free(struct uiommu_domain *domain)
{
	spare_await(domain);
	rte_free(domain->targets_spare);
	if (domain->targets != &no_targets)
		rte_free((void *)(uintptr_t)domain->targets);
	domain->targets_spare = NULL;
	domain->targets = &no_targets;
}

static void
inval_fill(struct uiommu_inval *inval, const struct uiommu_domain *domain,
	   const struct uiommu_pgtable_gather *gather)
{
	/* pairs with the release store in targets_publish() */
	const struct uiommu_targets *targets = __atomic_load_n(&domain->targets, __ATOMIC_ACQUIRE);

	*inval = (struct uiommu_inval){
		.domain_private = domain->drv,
		.ranges = gather->ranges,
		.nb_ranges = gather->nb_ranges,
		.tables = gather->tables,
		.targets = targets->target,
		.nb_targets = targets->nb,
	};
}

/* Guests' tables over this one: what is cached of them came through it, by other addresses. */
static int
children_invalidate(struct uiommu_domain *parent, const struct uiommu_pgtable_gather *gather,
		    bool only_absent)
{
	struct uiommu_unit *unit = parent->unit;
	struct uiommu_domain *child;
	struct uiommu_inval inval;
	int ret = 0;

	TAILQ_FOREACH(child, &unit->domains, next) {
		if (child->parent != parent || child->nb_attached == 0 || ret != 0)
			continue;
		inval_fill(&inval, child, gather);
		inval.all = true;
		inval.only_absent = only_absent;
		ret = uiommu_pvt_cmd_inval(unit, &inval);
	}
	return ret;
}

static void
batch_count(struct uiommu_paging *paging, const struct uiommu_pgtable_gather *gather)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < gather->nb_ranges; i++)
		bytes += gather->ranges[i].len;
	uiommu_count(&paging->ctl.invalidations, 1);
	uiommu_count(&paging->ctl.ranges, gather->nb_ranges);
	uiommu_count(&paging->ctl.wide, bytes > gather->bytes);
}

int
uiommu_pvt_invalidate(struct uiommu_domain *domain, const struct uiommu_pgtable_gather *gather,
		      bool only_absent)
{
	struct uiommu_inval inval;
	int ret = 0;

	/* what is gone from a mirrored table is out of force already; tables are its own */
	if ((gather->nb_ranges == 0 && !gather->tables) || domain->paging->mirror)
		return 0;
	batch_count(domain->paging, gather);
	inval_fill(&inval, domain, gather);
	inval.only_absent = only_absent;
	/* without a bond there is nobody who could have cached something */
	if (inval.nb_targets != 0)
		ret = uiommu_pvt_cmd_inval(domain->unit, &inval);
	if (ret == 0 && domain->nb_children != 0)
		ret = children_invalidate(domain, gather, only_absent);
	return ret;
}

int
uiommu_pvt_paging_flush(struct uiommu_domain *domain, struct uiommu_pgtable_gather *gather)
{
	struct uiommu_paging *paging = domain->paging;
	int ret = uiommu_pvt_invalidate(domain, gather, false);

	if (ret == 0 && gather->nb_freed != 0) {
		ret = uiommu_pvt_paging_grace(paging);
		if (ret == 0)
			uiommu_pgtable_gather_free(paging->pt, gather);
	}
	uiommu_pgtable_gather_init(gather);
	return ret;
}

bool
uiommu_pvt_paging_invalidate(struct uiommu_queue *queue, const struct uiommu_paging *paging,
			     const struct uiommu_pgtable_gather *gather, bool only_absent)
{
	struct uiommu_inval inval;

	if (queue->ops->invalidate == NULL)
		return false;
	inval_fill(&inval, paging->domain, gather);
	inval.only_absent = only_absent;
	return inval.nb_targets == 0 || queue->ops->invalidate(queue->drv, &inval);
}

/* ----------------------------------------------------------------------- nested */

static int
nested_forget(struct uiommu_domain *domain, uint64_t iova, uint64_t len)
{
	struct uiommu_unit *unit = domain->unit;
	const struct uiommu_dev_ops *ops = unit->dev.ops;
	struct uiommu_pgtable_gather gather;
	struct uiommu_inval inval;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (ops->nested_invalidate != NULL) {
		ret = ops->nested_invalidate(&unit->dev, domain->drv, iova, len);
		if (ret == -EIO)
			uiommu_pvt_unit_fail(unit, "what a nested domain led to was not forgotten");
		return ret;
	}
	uiommu_pgtable_gather_init(&gather);
	if (len != UINT64_MAX)
		uiommu_pgtable_gather_add(&gather, iova, len);
	/* the user may have taken tables out, too */
	gather.tables = true;
	inval_fill(&inval, domain, &gather);
	inval.all = len == UINT64_MAX;
	return inval.nb_targets != 0 ? uiommu_pvt_cmd_inval(unit, &inval) : 0;
}

int
uiommu_domain_invalidate(struct uiommu_domain *domain, uint64_t iova, uint64_t len)
{
	const uint64_t mask = PAGE_SIZE - 1;
	int ret;

	if (domain == NULL || domain->type != UIOMMU_DOMAIN_NESTED || (iova & mask) != 0 ||
	    len == 0 || (len != UINT64_MAX && ((len & mask) != 0 || iova + (len - 1) < iova)))
		return -EINVAL;
	ret = uiommu_pvt_lock(domain->unit);
	if (ret != 0)
		return ret;
	ret = nested_forget(domain, iova, len);
	uiommu_pvt_unlock(domain->unit);
	return ret;
}
