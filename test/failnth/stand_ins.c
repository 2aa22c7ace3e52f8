/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What stands in for EAL and the platform; DPDK's heap is in heap_libc.c. */

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_kvargs.h>

#include <uiommu_driver.h>

#include "gate.h"
#include "harness.h"
#include "harness_unit.h"

/* The next library's function of the same name. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct rte_kvargs *
rte_kvargs_parse(const char *args, const char *const keys[])
{
	struct rte_kvargs *kv = NULL;

	if (!gate_pass(GATE_ARGS))
		return NULL;
	/* it takes many small pieces, of which it tells nothing */
	gate_pause(true);
	kv = NEXT(rte_kvargs_parse)(args, keys);
	gate_pause(false);
	return kv;
}

static unsigned int hurry = 1;

void
gate_hurry(unsigned int times)
{
	__atomic_store_n(&hurry, times, __ATOMIC_RELAXED);
}

/* By this each bound in time becomes one in cycles. */
uint64_t
rte_get_tsc_hz(void)
{
	return NEXT(rte_get_tsc_hz)() / __atomic_load_n(&hurry, __ATOMIC_RELAXED);
}

unsigned int
gate_kinds(void)
{
	if (harness_unit()->needs_kernel)
		return gate_kernel_kinds();
	return GATE(HEAP) | GATE(DMA) | GATE(ARGS) | GATE(REGISTER) | gate_libc_kinds();
}

unsigned int
gate_memory(void)
{
	return gate_kinds() & ~(GATE(REGISTER) | GATE(REQUEST));
}

/* -------------------------------------------------------------- platform */

/*
 * Platforms register themselves before main(), and come by here. Theirs is the memory for the
 * unit, cut from larger pieces, and the way to its registers.
 */
struct platform {
	struct uiommu_platform_ops ops; /* as the library knows it */
	struct uiommu_file_ops files;
	const struct uiommu_platform_ops *real;
};

static struct platform platforms[8];
static unsigned int nb_platforms;
static int64_t dma_live;

int64_t
gate_dma_live(void)
{
	return __atomic_load_n(&dma_live, __ATOMIC_RELAXED);
}

static const struct uiommu_platform_ops *
real_ops(const struct uiommu_platform *plat)
{
	return ((const struct platform *)(const void *)plat->ops)->real;
}

static void
platform_write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	gate_register_write(plat->name);
	real_ops(plat)->write32(plat, offset, value);
}

static void
platform_write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	gate_register_write(plat->name);
	real_ops(plat)->write64(plat, offset, value);
}

static int
platform_dma_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	int ret = gate_pass(GATE_DMA) ? real_ops(plat)->dma_alloc(plat, size, align, mem) : -ENOMEM;

	if (ret == 0)
		__atomic_fetch_add(&dma_live, 1, __ATOMIC_RELAXED);
	return ret;
}

static void
platform_dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	__atomic_fetch_sub(&dma_live, 1, __ATOMIC_RELAXED);
	real_ops(plat)->dma_free(plat, mem);
}

/* What of iommufd the driver has asked for, on this thread; its system calls are the platform's. */
static __thread unsigned long driver_request;

unsigned long
gate_driver_request(void)
{
	return driver_request;
}

static int
platform_ioctl(struct uiommu_platform *plat, int fd, unsigned long request, void *arg)
{
	int ret;

	driver_request = request;
	ret = real_ops(plat)->files->ioctl(plat, fd, request, arg);
	driver_request = 0;
	return ret;
}

static int
platform_open(struct uiommu_platform *plat, struct uiommu_args *args);

/* That of a platform's operations; it knows nothing of them before. NULL: too many */
static struct platform *
platform_of(const struct uiommu_platform_ops *ops)
{
	struct platform *platform;
	unsigned int i;

	_Static_assert(offsetof(struct platform, ops) == 0, "real_ops() relies on it");
	for (i = 0; i < nb_platforms; i++)
		if (platforms[i].real == ops)
			return &platforms[i];
	if (nb_platforms == RTE_DIM(platforms))
		return NULL;
	platform = &platforms[nb_platforms++];
	platform->real = ops;
	platform->ops = *ops;
	platform->ops.open = platform_open;
	platform->ops.write32 = platform_write32;
	platform->ops.write64 = platform_write64;
	platform->ops.dma_alloc = platform_dma_alloc;
	platform->ops.dma_free = platform_dma_free;
	if (ops->files != NULL) {
		platform->files = *ops->files;
		platform->files.ioctl = platform_ioctl;
		platform->ops.files = &platform->files;
	}
	return platform;
}

/* It may choose other operations. */
static int
platform_open(struct uiommu_platform *plat, struct uiommu_args *args)
{
	const struct uiommu_platform_ops *before = plat->ops;
	struct platform *platform;
	int ret = real_ops(plat)->open(plat, args);

	if (plat->ops == before)
		return ret;
	platform = platform_of(plat->ops);
	CHECK(platform != NULL);
	plat->ops = &platform->ops;
	return ret;
}

void
uiommu_platform_register(const struct uiommu_platform_ops *ops)
{
	struct platform *platform = platform_of(ops);

	/* else the case that wants it will not find it */
	if (platform != NULL)
		NEXT(uiommu_platform_register)(&platform->ops);
}
