/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_NEIGHBOURS_H
#define EMU_NEIGHBOURS_H

/*
 * Neighbours of the emulation that are stood in for, so that its tests need no EAL.
 */

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_memzone.h>

#include "emu_pvt.h"

void *
rte_zmalloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	const size_t room = RTE_ALIGN_CEIL(size, (size_t)RTE_MAX(align, 64U));
	void *mem = aligned_alloc(RTE_MAX(align, 64U), room);

	(void)type;
	(void)socket;
	return mem == NULL ? NULL : memset(mem, 0, room);
}

void
rte_free(void *mem)
{
	free(mem);
}

const struct rte_memzone *
rte_memzone_reserve_aligned(const char *name, size_t size, int socket, unsigned int flags,
			    unsigned int align)
{
	struct rte_memzone *mz = calloc(1, sizeof(*mz));

	(void)name;
	(void)socket;
	(void)flags;
	if (mz == NULL)
		return NULL;
	mz->addr = aligned_alloc(align, RTE_ALIGN_CEIL(size, (size_t)align));
	mz->len = size;
	return mz;
}

int
rte_memzone_free(const struct rte_memzone *mz)
{
	free(mz->addr);
	free((void *)(uintptr_t)mz);
	return 0;
}

struct uiommu_args {
	const char *key;
	uint64_t value;
	const char *text;
};

int
uiommu_args_get_u64(struct uiommu_args *args, const char *key, uint64_t min, uint64_t max,
		    uint64_t *value)
{
	for (; args->key != NULL; args++)
		if (strcmp(args->key, key) == 0) {
			*value = args->value;
			return args->value < min || args->value > max ? -EINVAL : 0;
		}
	return 0;
}

const char *
uiommu_args_get_str(struct uiommu_args *args, const char *key)
{
	for (; args->key != NULL; args++)
		if (strcmp(args->key, key) == 0)
			return args->text;
	return NULL;
}

static const struct uiommu_platform_ops *platform_ops;

void
uiommu_platform_register(const struct uiommu_platform_ops *ops)
{
	platform_ops = ops;
}

#endif /* EMU_NEIGHBOURS_H */
