/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "table.h"

#define PROT (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)

static size_t
align_up(size_t size, size_t to)
{
	return (size + to - 1) & ~(to - 1);
}

void *
memory_take(size_t *size, bool *hugepages)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *memory = MAP_FAILED;

	*size = align_up(*size, LEAF_2M);
	if (*hugepages)
		memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
	*hugepages = memory != MAP_FAILED;
	if (!*hugepages)
		memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED) {
		talk("no memory: %zu MiB", *size >> 20);
		return NULL;
	}
	/* what was promised is there only when it was touched */
	memset(memory, 1, *size);
	return memory;
}

void
memory_give(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, size);
}

int
pool_open(struct bench *b, uint32_t nb_pages)
{
	uint32_t frames, i;

	b->memory_size = (size_t)nb_pages << PAGE_SHIFT;
	b->hugepages = true;
	b->memory = memory_take(&b->memory_size, &b->hugepages);
	if (b->memory == NULL)
		return -ENOMEM;
	frames = (uint32_t)(b->memory_size >> UIOMMU_PGPOOL_FRAME_SHIFT) + 1;
	b->pool_mem = aligned_alloc(64, align_up(uiommu_pgpool_size(frames, PAGE_SHIFT), 64));
	b->none = malloc(CALL_LEAVES * sizeof(*b->none));
	if (b->pool_mem == NULL || b->none == NULL)
		return -ENOMEM;
	for (i = 0; i < CALL_LEAVES; i++)
		b->none[i] = UIOMMU_PA_NONE;
	b->pool = uiommu_pgpool_init(b->pool_mem, frames, PAGE_SHIFT);
	/* the address for the unit is any: no unit walks these */
	return uiommu_pgpool_add(b->pool, b->memory, (uint64_t)(uintptr_t)b->memory,
				 b->memory_size);
}

void
pool_close(struct bench *b)
{
	free(b->none);
	free(b->pool_mem);
	memory_give(b->memory, b->memory_size);
}

struct uiommu_pgtable *
table_open(struct bench *b, uint32_t format, uint64_t leaf)
{
	struct uiommu_pgtable_conf conf = {
		.size = sizeof(conf),
		.format = format,
		.leaf_sizes = PAGE_SIZE | LEAF_2M | LEAF_1G,
		.pool = b->pool,
	};
	struct uiommu_pgtable *pt;
	int ret;

	/* a size and all below it */
	conf.leaf_sizes &= 2 * leaf - 1;
	pt = aligned_alloc(64, align_up(uiommu_pgtable_size(), 64));
	ret = pt == NULL ? -ENOMEM : uiommu_pgtable_init(pt, &conf);
	if (ret == 0)
		return pt;
	talk("cannot make a table: %s", strerror(-ret));
	free(pt);
	return NULL;
}

void
table_close(struct uiommu_pgtable *pt)
{
	if (pt == NULL)
		return;
	uiommu_pgtable_fini(pt);
	free(pt);
}

int
table_map(struct uiommu_pgtable *pt, uint64_t iova, uint64_t leaf, uint32_t nb, uint32_t call)
{
	uint64_t pa = TABLE_PA + iova;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < nb && ret == 0; i += call) {
		uint32_t part = nb - i < call ? nb - i : call;

		ret = uiommu_pgtable_map(pt, iova + i * leaf, pa + i * leaf, part * leaf, PROT,
					 NULL);
	}
	if (ret != 0)
		talk("map: %s", strerror(-ret));
	return ret;
}

const char *
leaf_name(uint64_t leaf)
{
	return leaf == PAGE_SIZE ? "4K" : leaf == LEAF_2M ? "2M" : "1G";
}
