/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_INVAL_H
#define UIOMMU_DRIVER_INVAL_H

/**
 * @file
 * For drivers: ranges of an invalidation made into a few aligned blocks, as the commands of most
 * units take them. Pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#include <uiommu_driver.h>
#include <uiommu_pgtable.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Blocks of an invalidation; more than that, and all of the domain is to be forgotten. */
#define UIOMMU_INVAL_BLOCKS 16
/** Blocks that a range is covered with; more than that, and fewer cover more than it. */
#define UIOMMU_INVAL_RANGE_BLOCKS 4
/** Blocks times bonds; more than that, and all of the domain is to be forgotten. */
#define UIOMMU_INVAL_WORK_MAX 512
/** log2 of a page in bytes. */
#define UIOMMU_INVAL_PAGE_SHIFT 12

/** Aligned pages: 2^order of them. */
struct uiommu_inval_block {
	uint64_t iova;
	unsigned int order;
};

/* Largest aligned blocks, one after the other. @return how many; 0: they are too many */
static inline uint32_t
uiommu_inval_split(uint64_t first, uint64_t last, struct uiommu_inval_block *blocks)
{
	uint32_t n;

	for (n = 0; n < UIOMMU_INVAL_RANGE_BLOCKS; n++) {
		unsigned int order = 63 - (unsigned int)__builtin_clzll(last - first + 1);

		if (first != 0)
			order = RTE_MIN(order, (unsigned int)__builtin_ctzll(first));
		blocks[n].iova = first << UIOMMU_INVAL_PAGE_SHIFT;
		blocks[n].order = order;
		first += UINT64_C(1) << order;
		if (first > last)
			return n + 1;
	}
	return 0;
}

/* Blocks of one size that cover more. */
static inline uint32_t
uiommu_inval_cover(uint64_t first, uint64_t last, struct uiommu_inval_block *blocks)
{
	unsigned int order = 0;
	uint64_t at;
	uint32_t n = 0;

	while ((last >> order) - (first >> order) >= UIOMMU_INVAL_RANGE_BLOCKS)
		order++;
	for (at = first >> order; at <= last >> order; at++) {
		blocks[n].iova = at << order << UIOMMU_INVAL_PAGE_SHIFT;
		blocks[n++].order = order;
	}
	return n;
}

/**
 * Blocks for the ranges of an invalidation.
 *
 * @param blocks UIOMMU_INVAL_BLOCKS, filled
 * @param wide set where the blocks hold more than the ranges, else left alone
 * @return how many; 0: there is no range, or they would be too many: all of the domain
 */
static inline uint32_t
uiommu_inval_blocks(const struct uiommu_inval *inval, struct uiommu_inval_block *blocks, bool *wide)
{
	struct uiommu_inval_block some[UIOMMU_INVAL_RANGE_BLOCKS];
	uint32_t i, j, n, nb = 0;

	for (i = 0; i < inval->nb_ranges; i++) {
		const struct uiommu_pgtable_range *range = &inval->ranges[i];
		const uint64_t first = range->iova >> UIOMMU_INVAL_PAGE_SHIFT;
		const uint64_t last = (range->iova + range->len - 1) >> UIOMMU_INVAL_PAGE_SHIFT;

		if (range->len == 0)
			continue;
		n = uiommu_inval_split(first, last, some);
		if (n == 0) {
			n = uiommu_inval_cover(first, last, some);
			*wide = true;
		}
		if (nb + n > UIOMMU_INVAL_BLOCKS)
			return 0;
		for (j = 0; j < n; j++)
			blocks[nb++] = some[j];
	}
	return (uint64_t)nb * inval->nb_targets <= UIOMMU_INVAL_WORK_MAX ? nb : 0;
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_INVAL_H */
