/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "conformance.h"

void
attach_range(struct uiommu_endpoint *endpoint, uint32_t first, uint32_t nb, struct recorder *rec)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		rig_attach(endpoint, first + i, rec->domain, rec);
}

struct uiommu_endpoint *
endpoint_with(struct rig *rig, uint32_t endpoint_id, uint32_t nb, uint32_t credits,
	      struct recorder *rec)
{
	struct uiommu_endpoint *endpoint;

	rig_device_range(rig, endpoint_id, 1, nb, credits);
	endpoint = uiommu_endpoint_add(rig->dev, endpoint_id, NULL);
	CHECK(endpoint != NULL);
	attach_range(endpoint, 1, nb, rec);
	return endpoint;
}
