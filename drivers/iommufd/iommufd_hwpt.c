/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Hardware page tables of the kernel (HWPT). Which devices can share one only the kernel knows, by
 * refusing an attach (-EINVAL); so those that a domain has are tried, and then one is made for the
 * device, as the kernel does for its own. Linux, drivers/iommu/iommufd/device.c, hw_pagetable.c.
 *
 * An endpoint has all its page tables with the fault queue of its own, or all without: what a
 * replace takes from one table to the next is answered as it should be only then.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd_pvt.h"

static int
device_attach(const struct iommufd_endpoint *endpoint, uint32_t pasid, uint32_t pt_id)
{
	struct iommufd_vfio_attach attach = {
		.argsz = IOMMUFD_VFIO_ATTACH_SIZE_MIN,
		.pt_id = pt_id,
	};

	if (pasid != UIOMMU_NO_PASID) {
		attach.argsz = sizeof(attach);
		attach.flags = IOMMUFD_VFIO_PASID;
		attach.pasid = pasid;
	}
	return iommufd_ioctl(endpoint->unit, endpoint->fd, IOMMUFD_VFIO_ATTACH, &attach);
}

/* Why a device could not be attached: what the kernel's number means there. */
static const char *
attach_reason(int error, const struct iommufd_endpoint *endpoint)
{
	switch (error) {
	case -EINVAL:
		return endpoint->requests ?
			"the kernel takes no page requests of this device (a virtual function, or "
			"it does not go with this kind of table)" :
			"the device does not go with this kind of table";
	case -ENODEV:
		return endpoint->requests ?
			"page requests cannot be enabled: the device or its IOMMU has none (ATS, "
			"PRI, drain), and would have to be added without" :
			"the device has gone";
	case -ENOMEM:
		return "no memory, or more than this process may lock (ulimit -l)";
	case -EFAULT:
		return "something is mapped that is not memory of this process any more";
	case -EADDRINUSE:
		return "something is mapped where the device has reserved addresses";
	case -EBUSY:
		return "something else is attached to the device or its IOMMU group";
	case -EOPNOTSUPP:
		return "the device's IOMMU cannot do it, or this kernel (6.12 and before have page "
		       "requests with guests' tables only)";
	default:
		return strerror(-error);
	}
}

static int
attach_failed(const struct iommufd_endpoint *endpoint, uint32_t pasid, int error, const char *what)
{
	const char *name = endpoint->unit->dev->name;

	if (pasid == UIOMMU_NO_PASID)
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x: %s: %s", name, endpoint->id, what,
			    attach_reason(error, endpoint));
	else
		IOMMUFD_LOG(ERR, "%s: endpoint 0x%x, PASID %u: %s: %s", name, endpoint->id, pasid,
			    what, attach_reason(error, endpoint));
	return error;
}

/* ------------------------------------------------------------------ making, destroying */

/* One more for a domain. @return it; NULL: no memory */
static struct iommufd_hwpt *
hwpt_add(struct iommufd_domain *domain, const struct iommufd_hwpt *model)
{
	struct iommufd_hwpt *hwpt = malloc(sizeof(*hwpt));

	if (hwpt == NULL)
		return NULL;
	*hwpt = *model;
	SLIST_INSERT_HEAD(&domain->hwpts, hwpt, next);
	iommufd_count(&domain->unit->stats.hwpts, 1);
	return hwpt;
}

static void
hwpt_destroy(struct iommufd_domain *domain, struct iommufd_hwpt *hwpt)
{
	SLIST_REMOVE(&domain->hwpts, hwpt, iommufd_hwpt, next);
	(void)iommufd_destroy(domain->unit, hwpt->id, "page table");
	free(hwpt);
}

void
iommufd_hwpts_destroy(struct iommufd_domain *domain)
{
	while (!SLIST_EMPTY(&domain->hwpts))
		hwpt_destroy(domain, SLIST_FIRST(&domain->hwpts));
}

static int
hwpt_alloc(struct iommufd_endpoint *endpoint, struct iommufd_hwpt_alloc *alloc,
	   const struct iommufd_hwpt *model)
{
	struct iommufd *unit = endpoint->unit;

	alloc->size = sizeof(*alloc);
	alloc->dev_id = endpoint->dev_id;
	if (model->queue >= 0) {
		alloc->flags |= IOMMUFD_HWPT_FAULT_ID_VALID;
		alloc->fault_id = unit->fault_ids[model->queue];
	} else {
		alloc->size = offsetof(struct iommufd_hwpt_alloc, fault_id);
	}
	if (model->pasids)
		alloc->flags |= IOMMUFD_HWPT_PASID;
	if (model->nest_parent)
		alloc->flags |= IOMMUFD_HWPT_NEST_PARENT;
	return iommufd_ioctl(unit, unit->fd, IOMMUFD_HWPT_ALLOC, alloc);
}

/* A table of a domain for a device, over an IOAS or a parent. @return 0; -errno */
static int
hwpt_make(struct iommufd_endpoint *endpoint, struct iommufd_domain *domain, uint32_t pt_id,
	  struct iommufd_hwpt *model, struct iommufd_hwpt **hwpt)
{
	struct iommufd_hwpt_alloc alloc = {.pt_id = pt_id};
	int ret;

	if (domain->type == UIOMMU_DOMAIN_NESTED) {
		alloc.data_type = IOMMUFD_HWPT_DATA_VTD_S1;
		alloc.data_len = sizeof(domain->first);
		alloc.data_uptr = (uintptr_t)&domain->first;
	}
	ret = hwpt_alloc(endpoint, &alloc, model);
	if (ret != 0)
		return ret;
	model->id = alloc.out_hwpt_id;
	*hwpt = hwpt_add(domain, model);
	if (*hwpt != NULL)
		return 0;
	(void)iommufd_destroy(domain->unit, model->id, "page table");
	return -ENOMEM;
}

/*
 * A nested table needs a parent that is made to be one, which takes no page requests itself: those
 * of the parent domain that there are, and then one for the device.
 */
static int
nested_make(struct iommufd_endpoint *endpoint, struct iommufd_domain *domain,
	    struct iommufd_hwpt *model, struct iommufd_hwpt **hwpt)
{
	struct iommufd_hwpt parent_model = {.queue = -1, .pasids = model->pasids,
					    .nest_parent = true};
	struct iommufd_domain *above = domain->parent;
	struct iommufd_hwpt *parent;
	int ret;

	SLIST_FOREACH(parent, &above->hwpts, next) {
		if (!parent->nest_parent || parent->pasids != model->pasids)
			continue;
		ret = hwpt_make(endpoint, domain, parent->id, model, hwpt);
		if (ret != -EINVAL)
			return ret;
	}
	ret = hwpt_make(endpoint, above, above->ioas, &parent_model, &parent);
	return ret != 0 ? ret : hwpt_make(endpoint, domain, parent->id, model, hwpt);
}

static int
table_make(struct iommufd_endpoint *endpoint, struct iommufd_domain *domain,
	   struct iommufd_hwpt *model, struct iommufd_hwpt **hwpt)
{
	if (domain->type == UIOMMU_DOMAIN_NESTED)
		return nested_make(endpoint, domain, model, hwpt);
	return hwpt_make(endpoint, domain, domain->ioas, model, hwpt);
}

/* ----------------------------------------------------------------------------- attach */

/* Those that the domain has. @return -EINVAL: none goes with the device */
static int
attach_existing(struct iommufd_endpoint *endpoint, struct iommufd_domain *domain, uint32_t pasid,
		const struct iommufd_hwpt *model)
{
	struct iommufd_hwpt *hwpt;
	int ret;

	SLIST_FOREACH(hwpt, &domain->hwpts, next) {
		if (hwpt->nest_parent || hwpt->queue != model->queue ||
		    hwpt->pasids != model->pasids)
			continue;
		ret = device_attach(endpoint, pasid, hwpt->id);
		if (ret != -EINVAL)
			return ret;
	}
	return -EINVAL;
}

static int
attach_new(struct iommufd_endpoint *endpoint, struct iommufd_domain *domain, uint32_t pasid,
	   struct iommufd_hwpt *model)
{
	struct iommufd_hwpt *hwpt;
	int ret = table_make(endpoint, domain, model, &hwpt);

	/* a kernel or a device without PASIDs: the device is attached without, for good */
	if (ret == -EOPNOTSUPP && model->pasids && pasid == UIOMMU_NO_PASID) {
		endpoint->pasids = false;
		model->pasids = false;
		return iommufd_hwpt_attach(endpoint, domain, pasid);
	}
	if (ret != 0)
		return attach_failed(endpoint, pasid, ret, "no page table can be made");
	ret = device_attach(endpoint, pasid, hwpt->id);
	if (ret == 0)
		return 0;
	hwpt_destroy(domain, hwpt);
	return attach_failed(endpoint, pasid, ret, "cannot be attached");
}

int
iommufd_hwpt_attach(struct iommufd_endpoint *endpoint, struct iommufd_domain *domain,
		    uint32_t pasid)
{
	struct iommufd_hwpt model = {
		.queue = endpoint->requests ? endpoint->queue : -1,
		.pasids = endpoint->pasids,
	};
	int ret = attach_existing(endpoint, domain, pasid, &model);

	if (ret == 0)
		return 0;
	if (ret != -EINVAL)
		return attach_failed(endpoint, pasid, ret, "cannot be attached");
	return attach_new(endpoint, domain, pasid, &model);
}
