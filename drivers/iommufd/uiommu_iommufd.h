/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_IOMMUFD_H
#define UIOMMU_IOMMUFD_H

/**
 * @file
 * Units of the driver "iommufd": what an application can have of them besides.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The VFIO descriptor of an endpoint's device, through which the application drives it: regions
 * (registers, configuration space), interrupts, reset. It was opened and bound by
 * uiommu_endpoint_add(), and is the unit's: not to be closed, nor attached or detached by the
 * application. Good until uiommu_endpoint_remove() or uiommu_close(); an application that wants it
 * longer duplicates it, and then the device stays bound as long.
 *
 * Any thread; not for the data path.
 *
 * @param dev_id unit
 * @param endpoint_id endpoint of the unit
 * @return descriptor; -ENODEV: no such unit, or of another driver; -ENOENT: no such endpoint
 */
int
uiommu_iommufd_device_fd(int16_t dev_id, uint32_t endpoint_id);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_IOMMUFD_H */
