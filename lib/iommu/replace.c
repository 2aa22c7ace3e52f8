/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Replace: another domain in the place of a bond's.
 *
 *   the endpoint's page requests go on, if the new domain is the first that wants them
 *   the unit forgets the old entry, and what it has let in for it is taken
 *   the table has the new bond; the unit gets the new entry
 *   page requests go off, if the old domain was the last that wanted them
 *   what is under way for the old bond ends, its open groups are answered INVALID
 *
 * An entry is larger than what a unit reads at once, so it is absent for a moment in between; the
 * unit answers meanwhile. The last request of a group whose others are parked may be one of those,
 * and the others would join the next group with this index: so nothing stays parked over that
 * moment, and where the last one comes after all, its group is asked for again.
 *
 * A unit that changes its entry in one step (uiommu_dev::swaps_bonds) has the old one in force
 * until then, and after a refusal. Between the table and the unit the new bond is asked what the
 * old one would have been: a Success has the device ask once more.
 */

#include <errno.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

static int
entry_clear(struct uiommu_attach *attach)
{
	struct uiommu_endpoint *endpoint = attach->endpoint;
	struct uiommu_unit *unit = endpoint->unit;
	uint32_t pasid = attach->head.pasid;
	int ret;

	unit->dev.ops->bond_clear(&unit->dev, endpoint->drv, pasid);
	ret = uiommu_pvt_cmd(unit, UIOMMU_CMD_BOND_CLEAR, endpoint, pasid, attach->domain);
	return ret != 0 ? ret : uiommu_pvt_pass_and_lose(unit, endpoint, pasid);
}

/* After a refusal the old entry comes back: it was there before, so that needs no memory. */
static int
entry_clear_and_set(struct uiommu_attach *old, struct uiommu_attach *new)
{
	int ret = entry_clear(old);
	bool is_set;

	if (ret == 0)
		ret = uiommu_pvt_bond_enter(new, &is_set);
	if (ret != 0)
		(void)uiommu_pvt_bond_enter(old, &is_set);
	return ret;
}

/* After a refusal the old entry is still there: another attempt to make it could fail, too. */
static int
entry_swap(struct uiommu_attach *old, struct uiommu_attach *new)
{
	bool is_set;
	int ret;

	if (!old->unit->dev.swaps_bonds)
		return entry_clear_and_set(old, new);
	ret = uiommu_pvt_bond_enter(new, &is_set);
	if (ret != 0 && !is_set)
		uiommu_pvt_pasid_table_set(&old->endpoint->pasids, old->head.pasid, old);
	return ret;
}

static int
update_tell(struct uiommu_endpoint *endpoint)
{
	return uiommu_pvt_cmd(endpoint->unit, UIOMMU_CMD_ENDPOINT_UPDATE, endpoint,
			      UIOMMU_NO_PASID, NULL);
}

/* The new bond is in force: nothing more reaches the old one. */
static int
old_revoke(struct uiommu_attach *old)
{
	struct uiommu_endpoint *endpoint = old->endpoint;
	const struct uiommu_whose whose = {.attach = old};
	bool update = uiommu_pvt_page_requests_put(endpoint, old->domain);
	int ret = update ? update_tell(endpoint) : 0;

	if (ret != 0)
		return ret;
	return uiommu_pvt_revoke(endpoint->unit, &whose, endpoint,
				 update ? UIOMMU_PURGE_ALL : UIOMMU_PURGE_NONE);
}

static int
swap_and_revoke(struct uiommu_attach *old, struct uiommu_attach *new)
{
	struct uiommu_endpoint *endpoint = old->endpoint;
	int ret = uiommu_pvt_targets_reserve(new->domain);

	if (ret == 0)
		ret = uiommu_pvt_page_requests_get(endpoint, new->domain);
	if (ret != 0) {
		rte_free(new);
		return ret;
	}
	/* known as a bond of its domain before the unit can cache anything of it */
	uiommu_pvt_attach_link(new);
	ret = entry_swap(old, new);
	if (ret != 0) {
		if (uiommu_pvt_page_requests_put(endpoint, new->domain))
			(void)update_tell(endpoint);
		/* groups may have found the new bond in the table for a moment */
		(void)uiommu_pvt_revoke(endpoint->unit,
					&(const struct uiommu_whose){.attach = new}, endpoint,
					UIOMMU_PURGE_NONE);
		/* on a unit that has failed it stays until close */
		if (uiommu_pvt_state(endpoint->unit) != UIOMMU_DEV_FAILED) {
			uiommu_pvt_attach_unlink(new);
			rte_free(new);
		}
		return ret;
	}
	ret = old_revoke(old);
	if (ret != 0)
		return ret;
	uiommu_pvt_attach_unlink(old);
	rte_free(old);
	return 0;
}

static int
replace_locked(struct uiommu_attach *old, struct uiommu_domain *domain, void *priv,
	       struct uiommu_attach **out)
{
	struct uiommu_endpoint *endpoint = old->endpoint;
	struct uiommu_attach *new;
	int ret;

	if (uiommu_pvt_state(endpoint->unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (domain->unit != endpoint->unit || domain->type == UIOMMU_DOMAIN_SVA)
		return -EINVAL;
	if (old->is_sva)
		return -EBUSY;
	ret = uiommu_pvt_page_requests_check(endpoint, domain);
	if (ret != 0)
		return ret;
	/* a handler of its own may want to end it meanwhile */
	if (!uiommu_pvt_undo_claim(old))
		return -EBUSY;
	new = uiommu_pvt_attach_create(endpoint, old->head.pasid, domain, priv);
	ret = new != NULL ? swap_and_revoke(old, new) : -ENOMEM;
	uiommu_pvt_undo_unclaim(ret == 0 ? new : old);
	if (ret == 0)
		*out = new;
	return ret;
}

struct uiommu_attach *
uiommu_replace(struct uiommu_attach *attach, struct uiommu_domain *domain, void *priv)
{
	struct uiommu_attach *new = NULL;
	struct uiommu_unit *unit;
	int ret;

	if (attach == NULL || domain == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	unit = attach->endpoint->unit;
	ret = uiommu_pvt_lock(unit);
	if (ret == 0) {
		ret = replace_locked(attach, domain, priv, &new);
		uiommu_pvt_unlock(unit);
	}
	if (ret != 0)
		rte_errno = -ret;
	return new;
}
