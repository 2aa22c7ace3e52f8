/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VFIO_PVT_H
#define VFIO_PVT_H

/**
 * @file
 * The platform "vfio".
 */

#include "platform_pvt.h"

/** Least that is taken for registers. */
#define VFIO_REGS_MIN 4096

/** A device, as the kernel shows it. */
struct vfio_place {
	char device[PLATFORM_NAME_SIZE]; /**< 0000:00:01.0, 9050000.iommu */
	char devices[PLATFORM_PATH_SIZE]; /**< folder of the devices of its bus */
	bool pci;                        /**< function on PCI; else a platform device */
	bool noiommu;                    /**< nothing stands between it and memory */
	int group;
};

/** An open device. */
struct vfio_unit {
	struct vfio_place place;
	int fd;                   /**< of the device; -1: not open */
	unsigned int region;      /**< index of the registers' region */
	uint64_t offset;          /**< where the region is in the device's file */
	uint64_t size;            /**< bytes of it */
	void *map;                /**< region; NULL: not mapped */
	uint64_t config_offset;   /**< PCI: where configuration space is in the file */
	uint16_t command;         /**< PCI: command register before us */
	bool command_changed;
	uint32_t broken;          /**< 1: an access to the file has failed, which was said */
};

/**
 * Find a device by its name.
 *
 * @param device as in device=
 * @param place device, devices and pci are set
 * @return 0; -ENODEV, with one line in the log
 */
int
vfio_find_device(struct uiommu_platform *plat, const char *device, struct vfio_place *place);

/**
 * See whether VFIO can have a device, and in which mode. Changes nothing.
 *
 * @param place noiommu and group are set
 * @return 0; a negative errno, with one line in the log
 */
int
vfio_find_way(struct uiommu_platform *plat, struct vfio_place *place);

/**
 * Take a device that was found: unit->place and unit->region are set, the rest is clear.
 *
 * @return 0; a negative errno, with one line in the log, and nothing is held
 */
int
vfio_device_open(struct uiommu_platform *plat, struct vfio_unit *unit);

/** Give it back as it was. */
void
vfio_device_close(struct uiommu_platform *plat, struct vfio_unit *unit);

/**
 * PCI: refuse a BAR that is not memory, and turn memory space and bus mastering on. The device is
 * open.
 *
 * @return 0; a negative errno, with one line in the log
 */
int
vfio_pci_enable(struct uiommu_platform *plat, struct vfio_unit *unit);

/** PCI: the command register as it was; nothing where it was not changed. */
void
vfio_pci_restore(struct uiommu_platform *plat, struct vfio_unit *unit);

/** Where a region is in the device's file. @return 0; -errno */
int
vfio_region_offset(int fd, unsigned int region, uint64_t *offset);

#endif /* VFIO_PVT_H */
