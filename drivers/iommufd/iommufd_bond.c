/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Bonds: attach and detach. The kernel carries a detach out before it returns, and has answered
 * then whatever of the attachment had no answer, read or not. The owner of the queue hears of what
 * had been read before, so that it does not write answers in vain; what is read meanwhile, it
 * finds out by such a write.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd_pvt.h"

static struct iommufd_bond *
bond_find(const struct iommufd_endpoint *endpoint, uint32_t pasid)
{
	struct iommufd_bond *bond;

	SLIST_FOREACH(bond, &endpoint->bonds, next)
		if (bond->pasid == pasid)
			return bond;
	return NULL;
}

/*
 * Whose attachment a group belonged to is certain only where requests for the PASID could go
 * one way: where the RID is nested, those of a PASID that is not attached are the RID's. A slot
 * that is ended by mistake would be a group without an answer; one that is not costs a write.
 */
static bool
notice_fill(const struct iommufd_endpoint *endpoint, uint32_t pasid,
	    struct iommufd_slots_ended *notice)
{
	notice->dev_id = endpoint->dev_id;
	notice->pasid = pasid;
	if (!endpoint->had_nested)
		return true;
	notice->pasid = endpoint->had_pasids ? pasid : IOMMUFD_SLOT_ANY_PASID;
	return pasid == UIOMMU_NO_PASID;
}

/* Reads of the endpoint's queue that are over. */
static uint32_t
reads_now(const struct iommufd_endpoint *endpoint)
{
	/* pairs with the store in read_done() */
	return __atomic_load_n(&endpoint->unit->queues[endpoint->queue]->reads, __ATOMIC_ACQUIRE);
}

/* The attachment of a bond is over, or another is in its place. */
static void
attachment_ended(struct iommufd_endpoint *endpoint, uint32_t pasid, uint32_t reads)
{
	struct iommufd_slots_ended notice = {.read = reads};

	if (endpoint->requests && notice_fill(endpoint, pasid, &notice))
		iommufd_notices_post(&endpoint->unit->queues[endpoint->queue]->notices, &notice);
}

static void
bond_detach(struct iommufd_endpoint *endpoint, struct iommufd_bond *bond)
{
	struct iommufd_vfio_detach detach = {.argsz = IOMMUFD_VFIO_DETACH_SIZE_MIN};
	const uint32_t reads = reads_now(endpoint);
	int ret;

	if (!bond->attached)
		return;
	if (bond->pasid != UIOMMU_NO_PASID) {
		detach.argsz = sizeof(detach);
		detach.flags = IOMMUFD_VFIO_PASID;
		detach.pasid = bond->pasid;
	}
	bond->attached = false;
	ret = iommufd_ioctl(endpoint->unit, endpoint->fd, IOMMUFD_VFIO_DETACH, &detach);
	if (ret == 0)
		attachment_ended(endpoint, bond->pasid, reads);
	else
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: cannot be detached: %s",
			    endpoint->unit->dev->name, endpoint->id, strerror(-ret));
}

/*
 * What is attached already is replaced, by the kernel. The same page table once more is no change
 * to it: then nothing of the attachment was answered.
 */
static int
bond_attach(struct iommufd_endpoint *endpoint, struct iommufd_bond *bond,
	    struct iommufd_domain *domain)
{
	const uint32_t reads = reads_now(endpoint);
	uint32_t hwpt_id = 0;
	int ret = iommufd_hwpt_attach(endpoint, domain, bond->pasid, &hwpt_id);

	if (ret != 0)
		return ret;
	if (bond->attached && bond->hwpt_id != hwpt_id)
		attachment_ended(endpoint, bond->pasid, reads);
	bond->attached = true;
	bond->hwpt_id = hwpt_id;
	if (bond->pasid != UIOMMU_NO_PASID)
		endpoint->had_pasids = true;
	else if (domain->type == UIOMMU_DOMAIN_NESTED)
		endpoint->had_nested = true;
	return 0;
}

int
iommufd_bonds_attach(struct iommufd_endpoint *endpoint)
{
	struct iommufd_bond *bond;
	int ret;

	SLIST_FOREACH(bond, &endpoint->bonds, next) {
		ret = bond_attach(endpoint, bond, bond->domain);
		if (ret != 0)
			return ret;
	}
	return 0;
}

void
iommufd_bonds_detach(struct iommufd_endpoint *endpoint)
{
	struct iommufd_bond *bond;

	SLIST_FOREACH(bond, &endpoint->bonds, next)
		bond_detach(endpoint, bond);
}

/* @return 0; -EINVAL; -ENOTSUP, with one line in the log */
static int
bond_check(const struct iommufd_endpoint *endpoint, uint32_t pasid,
	   const struct iommufd_domain *domain)
{
	const char *name = endpoint->unit->dev->name;

	/* the kernel has requests without PASID as its 0 (IOMMU_NO_PASID) */
	if (pasid == 0)
		return -EINVAL;
	if (pasid != UIOMMU_NO_PASID && !endpoint->pasids) {
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: not supported: PASIDs, by the device or its "
			    "IOMMU, or by this kernel (Linux 6.15 and later)", name, endpoint->id);
		return -ENOTSUP;
	}
	if (domain->type == UIOMMU_DOMAIN_NESTED && endpoint->info_type != IOMMUFD_HW_INFO_VTD) {
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: not supported: guests' tables for the IOMMU "
			    "of this device (kind %u)", name, endpoint->id, endpoint->info_type);
		return -ENOTSUP;
	}
	return 0;
}

/* The kernel's numbers, in the words of uiommu_dev_ops::bond_set */
static int
bond_error(int error)
{
	switch (error) {
	case 0:
	case -EINVAL:
	case -ENOMEM:
		return error;
	case -EOPNOTSUPP:
	case -ENODEV:
		return -ENOTSUP;
	default:
		return -EIO;
	}
}

int
iommufd_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid,
		 void *domain_private)
{
	struct iommufd_endpoint *endpoint = endpoint_private;
	struct iommufd_bond *bond = bond_find(endpoint, pasid), *new = NULL;
	int ret = bond_check(endpoint, pasid, domain_private);

	if (ret != 0)
		return ret;
	if (bond == NULL) {
		new = calloc(1, sizeof(*new));
		if (new == NULL)
			return -ENOMEM;
		new->pasid = pasid;
		bond = new;
	}
	if (iommufd_of(dev)->running && endpoint->enabled)
		ret = bond_error(bond_attach(endpoint, bond, domain_private));
	if (ret != 0) {
		free(new);
		return ret;
	}
	bond->domain = domain_private;
	if (new != NULL)
		SLIST_INSERT_HEAD(&endpoint->bonds, new, next);
	return 0;
}

void
iommufd_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	struct iommufd_endpoint *endpoint = endpoint_private;
	struct iommufd_bond *bond = bond_find(endpoint, pasid);

	(void)dev;
	if (bond == NULL)
		return;
	bond_detach(endpoint, bond);
	SLIST_REMOVE(&endpoint->bonds, bond, iommufd_bond, next);
	free(bond);
}
