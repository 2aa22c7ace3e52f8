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
	return GATE(HEAP) | GATE(DMA) | GATE(ARGS) | GATE(REGISTER) | gate_libc_kinds();
}

/* -------------------------------------------------------------- platform */

/*
 * Platforms register themselves before main(), and come by here. Theirs is the memory for the
 * unit, cut from larger pieces, and the way to its registers.
 */
struct platform {
	struct uiommu_platform_ops ops; /* as the library knows it */
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

void
uiommu_platform_register(const struct uiommu_platform_ops *ops)
{
	struct platform *platform;

	_Static_assert(offsetof(struct platform, ops) == 0, "real_ops() relies on it");
	if (nb_platforms == RTE_DIM(platforms))
		return; /* the case that wants it will not find it */
	platform = &platforms[nb_platforms++];
	platform->real = ops;
	platform->ops = *ops;
	platform->ops.write32 = platform_write32;
	platform->ops.write64 = platform_write64;
	platform->ops.dma_alloc = platform_dma_alloc;
	platform->ops.dma_free = platform_dma_free;
	NEXT(uiommu_platform_register)(&platform->ops);
}
