/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Drivers and platforms, as they registered themselves at load time. */

#include <string.h>

#include <uiommu_driver.h>

#include "uiommu_compat.h"
#include "uiommu_pvt.h"

#define REGISTRY_MAX 16

static const struct uiommu_driver *drivers[REGISTRY_MAX];
static const struct uiommu_platform_ops *platforms[REGISTRY_MAX];

void
uiommu_driver_register(const struct uiommu_driver *driver)
{
	unsigned int i;

	for (i = 0; i < REGISTRY_MAX; i++) {
		if (drivers[i] == NULL) {
			drivers[i] = driver;
			return;
		}
	}
	UIOMMU_LOG(ERR, "driver %s: no room for more than %d drivers", driver->name, REGISTRY_MAX);
}

void
uiommu_platform_register(const struct uiommu_platform_ops *ops)
{
	unsigned int i;

	for (i = 0; i < REGISTRY_MAX; i++) {
		if (platforms[i] == NULL) {
			platforms[i] = ops;
			return;
		}
	}
	UIOMMU_LOG(ERR, "platform %s: no room for more than %d platforms", ops->name, REGISTRY_MAX);
}

const char *
uiommu_driver_name(unsigned int index)
{
	return index < REGISTRY_MAX && drivers[index] != NULL ? drivers[index]->name : NULL;
}

const char *
uiommu_platform_name(unsigned int index)
{
	return index < REGISTRY_MAX && platforms[index] != NULL ? platforms[index]->name : NULL;
}

const struct uiommu_driver *
uiommu_pvt_driver_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < REGISTRY_MAX && drivers[i] != NULL; i++) {
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	}
	return NULL;
}

const struct uiommu_platform_ops *
uiommu_pvt_platform_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < REGISTRY_MAX && platforms[i] != NULL; i++) {
		if (strcmp(platforms[i]->name, name) == 0)
			return platforms[i];
	}
	return NULL;
}
