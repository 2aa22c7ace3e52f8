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

/**
 * The kernel's descriptor of a fault queue: an owner who has other files to wait for, too, waits
 * with poll(2) or epoll(7) until it is readable, and calls uiommu_poll() then until that finds
 * nothing. He waits for a moment only: answers by cookie, and control calls of other threads, want
 * his turns as well. It is the unit's: not to be closed. Good until uiommu_close().
 *
 * What is read from it the unit does not see: it is for the reader to answer, by write(2). That
 * is for comparisons and for looking at the kernel, on the thread that owns the queue, with nothing
 * outstanding in the unit.
 *
 * Any thread; not for the data path.
 *
 * @param dev_id unit
 * @param queue its queue, from 0
 * @return descriptor; -ENODEV: no such unit, or of another driver; -ENOENT: no such queue;
 *   -ENOTSUP: the unit is emulated, and its descriptors are not the kernel's
 */
int
uiommu_iommufd_queue_fd(int16_t dev_id, uint16_t queue);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_IOMMUFD_H */
