/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef CDEV_PVT_H
#define CDEV_PVT_H

/**
 * @file
 * The platform "cdev".
 */

#include "platform_pvt.h"

#define CDEV_CONTEXT "/dev/iommu"

/** A device, as the kernel shows it. */
struct cdev_place {
	char device[PLATFORM_NAME_SIZE]; /**< 0000:00:01.0 */
	char node[PLATFORM_PATH_SIZE];   /**< its character device */
};

/**
 * See whether /dev/iommu can be opened.
 *
 * @param path set
 * @return 0; a negative errno, with one line in the log
 */
int
cdev_find_context(const struct uiommu_platform *plat, char path[PLATFORM_PATH_SIZE]);

/**
 * Find the character device of a PCI function.
 *
 * @param endpoint_id segment 23:16, bus 15:8, device and function 7:0
 * @return 0; a negative errno, with one line in the log
 */
int
cdev_find_device(const struct uiommu_platform *plat, uint32_t endpoint_id,
		 struct cdev_place *place);

/** Fill in what the kernel shows of a device's page requests, as far as it may be read. */
void
cdev_find_requests(const struct cdev_place *place, struct uiommu_file_device *device);

#endif /* CDEV_PVT_H */
