/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef DRIVER_RIG_H
#define DRIVER_RIG_H

/*
 * What tests of drivers whose sources are part of the program have in place of DPDK and of the
 * library: memory of the process, one argument, a clock of 1 GHz by name.
 */

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include <uiommu_driver.h>

#define SECOND UINT64_C(1000000000)

void *
rte_zmalloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	void *mem = aligned_alloc(64, RTE_ALIGN_CEIL(size, 64));

	(void)type;
	(void)align;
	(void)socket;
	if (mem != NULL)
		memset(mem, 0, size);
	return mem;
}

void *
rte_realloc_socket(void *mem, size_t size, unsigned int align, int socket)
{
	(void)align;
	(void)socket;
	return realloc(mem, size);
}

void
rte_free(void *mem)
{
	free(mem);
}

uint64_t
rte_get_tsc_hz(void)
{
	return SECOND;
}

struct uiommu_args {
	const char *key;
	const char *text;
};

static struct uiommu_args hw_args;

int
uiommu_args_get_u64(struct uiommu_args *args, const char *key, uint64_t min, uint64_t max,
		    uint64_t *value)
{
	uint64_t given;

	if (args->key == NULL || strcmp(args->key, key) != 0)
		return 0;
	given = strtoull(args->text, NULL, 0);
	if (given < min || given > max)
		return -EINVAL;
	*value = given;
	return 0;
}

const char *
uiommu_args_get_str(struct uiommu_args *args, const char *key)
{
	return args->key != NULL && strcmp(args->key, key) == 0 ? args->text : NULL;
}

void
uiommu_driver_register(const struct uiommu_driver *driver)
{
	(void)driver;
}

/* Where the unit finds memory: not where the driver does, if a rig says so */
#ifndef RIG_PA_OFFSET
#define RIG_PA_OFFSET UINT64_C(0)
#endif

static inline void *
rig_va(uint64_t pa)
{
	return (void *)(uintptr_t)(pa - RIG_PA_OFFSET);
}

static int
dma_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	(void)plat;
	mem->va = aligned_alloc(align, RTE_ALIGN_CEIL(size, align));
	mem->pa = (uintptr_t)mem->va + RIG_PA_OFFSET;
	mem->size = size;
	if (mem->va == NULL)
		return -ENOMEM;
	memset(mem->va, 0, size);
	return 0;
}

static void
dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	(void)plat;
	free(mem->va);
}

#endif /* DRIVER_RIG_H */
