/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests of an endpoint are let through by the unit from its first fault-capable bond to
 * its last. An endpoint without one cannot fill the queue: the unit answers it.
 */

#include <errno.h>

#include "uiommu_pvt.h"

int
uiommu_pvt_page_requests_check(const struct uiommu_endpoint *endpoint,
			       const struct uiommu_domain *domain)
{
	return domain->fault_capable && !endpoint->can_fault ? -ENOTSUP : 0;
}

static void
page_requests_set(struct uiommu_endpoint *endpoint, bool on)
{
	struct uiommu_dev *dev = &endpoint->unit->dev;

	dev->ops->endpoint_page_requests(dev, endpoint->drv, on);
}

int
uiommu_pvt_page_requests_get(struct uiommu_endpoint *endpoint, const struct uiommu_domain *domain)
{
	int ret;

	if (!domain->fault_capable)
		return 0;
	if (endpoint->nb_fault_capable == 0) {
		page_requests_set(endpoint, true);
		ret = uiommu_pvt_cmd(endpoint->unit, UIOMMU_CMD_ENDPOINT_UPDATE, endpoint,
				     UIOMMU_NO_PASID, NULL);
		if (ret != 0) {
			page_requests_set(endpoint, false);
			return ret;
		}
	}
	endpoint->nb_fault_capable++;
	return 0;
}

bool
uiommu_pvt_page_requests_put(struct uiommu_endpoint *endpoint, const struct uiommu_domain *domain)
{
	if (!domain->fault_capable || --endpoint->nb_fault_capable != 0)
		return false;
	page_requests_set(endpoint, false);
	return true;
}
