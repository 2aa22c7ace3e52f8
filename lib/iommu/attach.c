/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Attach handles: the bonds between endpoints with their PASIDs, and domains. */

#include <errno.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "uiommu_pvt.h"

static int
pasid_check(const struct uiommu_endpoint *endpoint, uint32_t pasid)
{
	if (pasid == UIOMMU_NO_PASID || pasid < (UINT32_C(1) << endpoint->pasid_bits))
		return 0;
	return -EINVAL;
}

static int
attach_locked(struct uiommu_endpoint *endpoint, uint32_t pasid, struct uiommu_domain *domain,
	      void *priv, struct uiommu_attach **out)
{
	struct uiommu_unit *unit = endpoint->unit;
	int socket = unit->dev.platform.socket_id;
	struct uiommu_attach *attach;
	bool is_set;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (domain->unit != unit || pasid_check(endpoint, pasid) != 0)
		return -EINVAL;
	if (uiommu_pvt_pasid_table_get(&endpoint->pasids, pasid) != NULL)
		return -EBUSY;
	attach = rte_zmalloc_socket("uiommu_attach", sizeof(*attach), RTE_CACHE_LINE_SIZE, socket);
	if (attach == NULL)
		return -ENOMEM;
	attach->head.priv = priv;
	attach->head.endpoint_id = endpoint->id;
	attach->head.pasid = pasid;
	attach->domain = domain;
	attach->endpoint = endpoint;
	ret = uiommu_pvt_pasid_table_reserve(&endpoint->pasids, pasid, socket);
	if (ret != 0) {
		rte_free(attach);
		return ret;
	}
	/* found by the data path before the unit lets requests through, never the other way */
	uiommu_pvt_pasid_table_set(&endpoint->pasids, pasid, attach);
	ret = unit->dev.ops->bond_set(&unit->dev, endpoint->drv, pasid, domain->drv);
	is_set = ret == 0;
	if (is_set)
		ret = uiommu_pvt_cmd(unit, UIOMMU_CMD_BOND_SET, endpoint, pasid, domain);
	TAILQ_INSERT_TAIL(&endpoint->attached, attach, next);
	endpoint->nb_attached++;
	domain->nb_attached++;
	unit->nb_attached++;
	if (ret != 0) {
		/* a device may have been faster with a request */
		uiommu_pvt_pasid_table_set(&endpoint->pasids, pasid, NULL);
		/* what was refused may be the entry of another bond: that of the RID */
		if (is_set)
			unit->dev.ops->bond_clear(&unit->dev, endpoint->drv, pasid);
		if (uiommu_pvt_drain(unit, endpoint, pasid, attach) == 0)
			uiommu_pvt_attach_free(attach);
		return ret;
	}
	*out = attach;
	return 0;
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
	ret = uiommu_pvt_lock(endpoint->unit);
	if (ret == 0) {
		ret = attach_locked(endpoint, pasid, domain, priv, &attach);
		uiommu_pvt_unlock(endpoint->unit);
	}
	if (ret != 0)
		rte_errno = -ret;
	return attach;
}

void
uiommu_pvt_attach_free(struct uiommu_attach *attach)
{
	struct uiommu_endpoint *endpoint = attach->endpoint;

	TAILQ_REMOVE(&endpoint->attached, attach, next);
	endpoint->nb_attached--;
	endpoint->unit->nb_attached--;
	attach->domain->nb_attached--;
	rte_free(attach);
}

static int
detach_locked(struct uiommu_attach *attach)
{
	struct uiommu_endpoint *endpoint = attach->endpoint;
	struct uiommu_unit *unit = endpoint->unit;
	uint32_t pasid = attach->head.pasid;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	uiommu_pvt_pasid_table_set(&endpoint->pasids, pasid, NULL);
	unit->dev.ops->bond_clear(&unit->dev, endpoint->drv, pasid);
	ret = uiommu_pvt_drain(unit, endpoint, pasid, attach);
	if (ret == 0)
		uiommu_pvt_attach_free(attach);
	return ret;
}

int
uiommu_detach(struct uiommu_attach *attach)
{
	struct uiommu_unit *unit;
	int ret;

	if (attach == NULL)
		return -EINVAL;
	unit = attach->endpoint->unit;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	ret = detach_locked(attach);
	uiommu_pvt_unlock(unit);
	return ret;
}

struct uiommu_attach *
uiommu_attach_find(struct uiommu_endpoint *endpoint, uint32_t pasid)
{
	struct uiommu_attach *attach = NULL;

	if (endpoint == NULL || pasid > UIOMMU_NO_PASID) {
		rte_errno = EINVAL;
		return NULL;
	}
	if (uiommu_pvt_lock(endpoint->unit) != 0) {
		rte_errno = EDEADLK;
		return NULL;
	}
	attach = uiommu_pvt_pasid_table_get(&endpoint->pasids, pasid);
	uiommu_pvt_unlock(endpoint->unit);
	if (attach == NULL)
		rte_errno = ENOENT;
	return attach;
}
