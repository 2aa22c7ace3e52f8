/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * DMA memory out of EAL. The unit's address of it is EAL's IOVA: a physical address, or, where an
 * IOMMU stands between the unit and memory, what EAL has mapped there.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_memory.h>
#include <rte_memzone.h>

#include "platform_pvt.h"

int
platform_memory_check(const struct uiommu_platform *plat, bool physical)
{
	if (!physical)
		return 0;
	if (rte_eal_has_hugepages() == 0) {
		PLATFORM_LOG(ERR, plat, "memory has no physical addresses: start EAL without "
			     "--no-huge, and give it hugepages");
		return -ENOTSUP;
	}
	if (rte_eal_iova_mode() != RTE_IOVA_PA) {
		PLATFORM_LOG(ERR, plat, "the unit takes physical addresses, but EAL goes by "
			     "virtual ones: start EAL with --iova-mode=pa, as root");
		return -ENOTSUP;
	}
	return 0;
}

static const struct rte_memzone *
memzone_take(size_t size, size_t align, int socket_id)
{
	static uint32_t serial;
	const struct rte_memzone *mz;
	char name[RTE_MEMZONE_NAMESIZE];

	snprintf(name, sizeof(name), "uiommu_dma_%u",
		 __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
	mz = rte_memzone_reserve_aligned(name, size, socket_id, RTE_MEMZONE_IOVA_CONTIG,
					 (unsigned int)align);
	if (mz == NULL && socket_id != SOCKET_ID_ANY)
		mz = rte_memzone_reserve_aligned(name, size, SOCKET_ID_ANY,
						 RTE_MEMZONE_IOVA_CONTIG, (unsigned int)align);
	return mz;
}

int
platform_dma_alloc(struct uiommu_platform *plat, size_t size, size_t align,
		   struct uiommu_dma *mem)
{
	const struct rte_memzone *mz;

	if (size == 0 || align > UINT32_MAX / 2 + 1)
		return -ENOMEM;
	mz = memzone_take(size, align, plat->socket_id);
	if (mz == NULL) {
		PLATFORM_LOG(ERR, plat, "no %zu bytes in one piece for the unit in EAL's memory: "
			     "more or larger hugepages, or EAL with --legacy-mem", size);
		return -ENOMEM;
	}
	if (mz->iova == RTE_BAD_IOVA || (mz->iova & (align - 1)) != 0) {
		if (mz->iova == RTE_BAD_IOVA)
			PLATFORM_LOG(ERR, plat, "EAL has no address for the unit of %zu bytes of "
				     "its memory", size);
		else
			PLATFORM_LOG(ERR, plat, "no %zu bytes aligned to %zu for the unit in EAL's "
				     "memory: larger hugepages", size, align);
		rte_memzone_free(mz);
		return -ENOMEM;
	}
	memset(mz->addr, 0, size);
	*mem = (struct uiommu_dma){.va = mz->addr, .pa = mz->iova, .size = size, .priv = mz};
	return 0;
}

void
platform_dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	(void)plat;
	rte_memzone_free(mem->priv);
}

int
platform_pa_of(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	const struct rte_memseg *seg = rte_mem_virt2memseg(va, NULL);
	uintptr_t offset;

	(void)plat;
	if (seg == NULL || seg->iova == RTE_BAD_IOVA)
		return -EFAULT;
	offset = (uintptr_t)va - (uintptr_t)seg->addr;
	if (len > seg->len - offset)
		return -EFAULT;
	*pa = seg->iova + offset;
	return 0;
}

int
platform_coherent_get(struct uiommu_platform *plat, struct uiommu_args *args)
{
	/* as Linux takes it where firmware says nothing: Arm is the one where it must be said */
#if defined(RTE_ARCH_X86) || defined(RTE_ARCH_RISCV)
	uint64_t coherent = 1;
#else
	uint64_t coherent = 0;
#endif

	if (uiommu_args_get_u64(args, "coherent", 0, 1, &coherent) != 0)
		return -EINVAL;
	plat->coherent = coherent != 0;
	return 0;
}
