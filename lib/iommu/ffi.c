/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The inline functions once more as symbols, for languages that cannot include a C
 * header. Each has the name of its inline with "_ffi" at the end.
 */

#include <uiommu.h>

uint16_t
uiommu_poll_ffi(int16_t dev_id, uint16_t queue, uint16_t budget);
uint16_t
uiommu_poll_ffi(int16_t dev_id, uint16_t queue, uint16_t budget)
{
	return uiommu_poll(dev_id, queue, budget);
}

uint16_t
uiommu_fault_burst_ffi(int16_t dev_id, uint16_t queue, struct uiommu_group *groups,
		       uint16_t nb_groups);
uint16_t
uiommu_fault_burst_ffi(int16_t dev_id, uint16_t queue, struct uiommu_group *groups,
		       uint16_t nb_groups)
{
	return uiommu_fault_burst(dev_id, queue, groups, nb_groups);
}

uint16_t
uiommu_respond_burst_ffi(int16_t dev_id, uint16_t queue, const struct uiommu_group *groups,
			 const uint8_t *codes, uint16_t nb_groups);
uint16_t
uiommu_respond_burst_ffi(int16_t dev_id, uint16_t queue, const struct uiommu_group *groups,
			 const uint8_t *codes, uint16_t nb_groups)
{
	return uiommu_respond_burst(dev_id, queue, groups, codes, nb_groups);
}

void *
uiommu_attach_priv_ffi(const struct uiommu_attach *attach);
void *
uiommu_attach_priv_ffi(const struct uiommu_attach *attach)
{
	return uiommu_attach_priv(attach);
}

uint32_t
uiommu_attach_pasid_ffi(const struct uiommu_attach *attach);
uint32_t
uiommu_attach_pasid_ffi(const struct uiommu_attach *attach)
{
	return uiommu_attach_pasid(attach);
}

uint32_t
uiommu_attach_endpoint_id_ffi(const struct uiommu_attach *attach);
uint32_t
uiommu_attach_endpoint_id_ffi(const struct uiommu_attach *attach)
{
	return uiommu_attach_endpoint_id(attach);
}
