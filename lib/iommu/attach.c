/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Attach handles: the bonds between endpoints with their PASIDs, and domains. */

#include <errno.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

static int
pasid_check(const struct uiommu_endpoint *endpoint, uint32_t pasid)
{
	if (pasid == UIOMMU_NO_PASID || pasid < (UINT32_C(1) << endpoint->pasid_bits))
		return 0;
	return -EINVAL;
}

struct uiommu_attach *
uiommu_pvt_attach_create(struct uiommu_endpoint *endpoint, uint32_t pasid,
			 struct uiommu_domain *domain, void *priv)
{
	struct uiommu_attach *attach;

	attach = rte_zmalloc_socket("uiommu_attach", sizeof(*attach), RTE_CACHE_LINE_SIZE,
				    endpoint->unit->dev.platform.socket_id);
	if (attach == NULL)
		return NULL;
	attach->head.priv = priv;
	attach->head.endpoint_id = endpoint->id;
	attach->head.pasid = pasid;
	attach->domain = domain;
	attach->bulk = domain->bulk;
	attach->paging = domain->paging;
	attach->endpoint = endpoint;
	attach->unit = endpoint->unit;
	attach->undoing = UIOMMU_UNDOING_RUNS; /* nobody else's, until it is in force for good */
	return attach;
}

void
uiommu_pvt_attach_link(struct uiommu_attach *attach)
{
	TAILQ_INSERT_TAIL(&attach->endpoint->attached, attach, next);
	TAILQ_INSERT_TAIL(&attach->domain->bonds, attach, bond);
	attach->endpoint->nb_attached++;
	attach->domain->nb_attached++;
	attach->unit->nb_attached++;
	uiommu_pvt_targets_update(attach->domain);
}

void
uiommu_pvt_attach_unlink(struct uiommu_attach *attach)
{
	TAILQ_REMOVE(&attach->endpoint->attached, attach, next);
	TAILQ_REMOVE(&attach->domain->bonds, attach, bond);
	attach->endpoint->nb_attached--;
	attach->domain->nb_attached--;
	attach->unit->nb_attached--;
	uiommu_pvt_targets_update(attach->domain);
}

int
uiommu_pvt_bond_enter(struct uiommu_attach *attach, bool *is_set)
{
	struct uiommu_endpoint *endpoint = attach->endpoint;
	struct uiommu_unit *unit = attach->unit;
	uint32_t pasid = attach->head.pasid;
	int ret;

	/* found by the data path before the unit lets requests through, never the other way */
	uiommu_pvt_pasid_table_set(&endpoint->pasids, pasid, attach);
	ret = unit->dev.ops->bond_set(&unit->dev, endpoint->drv, pasid, attach->domain->drv);
	*is_set = ret == 0;
	if (ret != 0)
		return ret;
	return uiommu_pvt_cmd(unit, UIOMMU_CMD_BOND_SET, endpoint, pasid, attach->domain);
}

int
uiommu_pvt_attach_locked(struct uiommu_endpoint *endpoint, uint32_t pasid,
			 struct uiommu_domain *domain, void *priv, struct uiommu_attach **out)
{
	struct uiommu_unit *unit = endpoint->unit;
	struct uiommu_attach *attach;
	bool is_set;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (domain->unit != unit || pasid_check(endpoint, pasid) != 0)
		return -EINVAL;
	if (uiommu_pvt_pasid_table_get(&endpoint->pasids, pasid) != NULL)
		return -EBUSY;
	ret = uiommu_pvt_page_requests_check(endpoint, domain);
	if (ret != 0)
		return ret;
	attach = uiommu_pvt_attach_create(endpoint, pasid, domain, priv);
	if (attach == NULL)
		return -ENOMEM;
	ret = uiommu_pvt_pasid_table_reserve(&endpoint->pasids, pasid,
					     unit->dev.platform.socket_id);
	if (ret == 0)
		ret = uiommu_pvt_targets_reserve(domain);
	if (ret != 0) {
		rte_free(attach);
		return ret;
	}
	uiommu_pvt_attach_link(attach);
	ret = uiommu_pvt_bond_enter(attach, &is_set);
	if (ret == 0)
		ret = uiommu_pvt_page_requests_get(endpoint, domain);
	if (ret == 0) {
		uiommu_pvt_undo_unclaim(attach);
		*out = attach;
		return 0;
	}
	/* a device may have been faster with a request */
	uiommu_pvt_pasid_table_set(&endpoint->pasids, pasid, NULL);
	/* what was refused may be the entry of another bond: that of the RID */
	if (is_set)
		unit->dev.ops->bond_clear(&unit->dev, endpoint->drv, pasid);
	if (uiommu_pvt_drain(unit, endpoint, attach, false) == 0) {
		uiommu_pvt_attach_unlink(attach);
		rte_free(attach);
	}
	return ret;
}

struct uiommu_attach *
uiommu_attach(struct uiommu_endpoint *endpoint, uint32_t pasid, struct uiommu_domain *domain,
	      void *priv)
{
	struct uiommu_attach *attach = NULL;
	int ret;

	if (endpoint == NULL || domain == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	if (domain->type == UIOMMU_DOMAIN_SVA) {
		rte_errno = EINVAL;
		return NULL;
	}
	ret = uiommu_pvt_lock(endpoint->unit);
	if (ret == 0) {
		ret = uiommu_pvt_attach_locked(endpoint, pasid, domain, priv, &attach);
		uiommu_pvt_unlock(endpoint->unit);
	}
	if (ret != 0)
		rte_errno = -ret;
	return attach;
}

int
uiommu_pvt_detach_begin(struct uiommu_attach *attach, struct uiommu_teardown *teardown)
{
	struct uiommu_endpoint *endpoint = attach->endpoint;
	struct uiommu_unit *unit = attach->unit;
	bool update;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	uiommu_pvt_pasid_table_set(&endpoint->pasids, attach->head.pasid, NULL);
	unit->dev.ops->bond_clear(&unit->dev, endpoint->drv, attach->head.pasid);
	update = uiommu_pvt_page_requests_put(endpoint, attach->domain);
	return uiommu_pvt_drain_begin(unit, teardown, endpoint, attach, update);
}

int
uiommu_pvt_detach_locked(struct uiommu_attach *attach)
{
	struct uiommu_unit *unit = attach->unit;
	struct uiommu_teardown teardown;
	int ret = uiommu_pvt_detach_begin(attach, &teardown);

	ret = uiommu_pvt_drain_finish(unit, &teardown, ret);
	if (ret == 0) {
		uiommu_pvt_attach_unlink(attach);
		rte_free(attach);
	}
	return ret;
}

int
uiommu_detach(struct uiommu_attach *attach)
{
	struct uiommu_unit *unit;
	int ret;

	if (attach == NULL)
		return -EINVAL;
	if (attach->is_sva)
		return -EBUSY;
	unit = attach->unit;
	if (uiommu_pvt_in_handler())
		return -EDEADLK;
	/* of this call and uiommu_detach_start(), one has the bond */
	if (!uiommu_pvt_undo_claim(attach))
		return -EBUSY;
	(void)uiommu_pvt_lock(unit); /* not inside a handler */
	ret = uiommu_pvt_detach_locked(attach);
	if (ret != 0)
		uiommu_pvt_undo_unclaim(attach);
	uiommu_pvt_unlock(unit);
	return ret;
}

struct uiommu_attach *
uiommu_attach_find(struct uiommu_endpoint *endpoint, uint32_t pasid, uint32_t type)
{
	struct uiommu_attach *attach = NULL;
	bool other;

	if (endpoint == NULL || pasid > UIOMMU_NO_PASID ||
	    (type != UIOMMU_DOMAIN_ANY && type > UIOMMU_DOMAIN_NESTED)) {
		rte_errno = EINVAL;
		return NULL;
	}
	if (uiommu_pvt_lock_to_look(endpoint->unit) != 0) {
		rte_errno = EDEADLK;
		return NULL;
	}
	attach = uiommu_pvt_pasid_table_get(&endpoint->pasids, pasid);
	other = attach != NULL && type != UIOMMU_DOMAIN_ANY && attach->domain->type != type;
	uiommu_pvt_unlock(endpoint->unit);
	if (attach == NULL)
		rte_errno = ENOENT;
	else if (other)
		rte_errno = EBUSY;
	return other ? NULL : attach;
}
