/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include "handlers.h"

/* Groups whose counters are on their way while one is counted. */
#define PREFETCH_AHEAD 8

void
handler_null(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	memset(codes, UIOMMU_CODE_SUCCESS, nb_groups);
}

static inline void
bond_prefetch(const struct uiommu_group *group)
{
	rte_prefetch0(uiommu_attach_priv(group->attach));
}

/* What a request adds to its bond's access counts, by its flags READ and WRITE. */
static const count_pair access_counts[4] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};

_Static_assert(UIOMMU_FAULT_READ == 1 && UIOMMU_FAULT_WRITE == 2, "index of access_counts");

static inline count_pair
fault_access(const struct uiommu_fault *fault)
{
	return access_counts[fault->flags & (UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE)];
}

static inline count_pair
fault_pages(const struct uiommu_fault *fault)
{
	return (count_pair){fault->nb_pages + (fault->nb_pages == 0), 0};
}

static inline void
group_count(const struct uiommu_group *group)
{
	struct bond_count *count = uiommu_attach_priv(group->attach);
	const struct uiommu_fault *fault = group->faults;
	count_pair access = fault_access(fault);
	count_pair volume = fault_pages(fault) + (count_pair){0, 1};
	uint16_t i;

	for (i = 1; unlikely(i < group->nb_faults); i++) {
		access += fault_access(&fault[i]);
		volume += fault_pages(&fault[i]);
	}
	count->access += access;
	count->volume += volume;
}

void
handler_count(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	uint16_t ahead = RTE_MIN(nb_groups, PREFETCH_AHEAD);
	uint16_t i;

	for (i = 0; i < ahead; i++)
		bond_prefetch(&groups[i]);
	for (i = 0; i + ahead < nb_groups; i++) {
		bond_prefetch(&groups[i + ahead]);
		group_count(&groups[i]);
	}
	for (; i < nb_groups; i++)
		group_count(&groups[i]);
	memset(codes, UIOMMU_CODE_SUCCESS, nb_groups);
}

void
counts_sum(const struct bond_count *counts, uint32_t nb, struct count_sums *sums)
{
	count_pair access = {0, 0}, volume = {0, 0};
	uint32_t i;

	for (i = 0; i < nb; i++) {
		access += counts[i].access;
		volume += counts[i].volume;
	}
	*sums = (struct count_sums){
		.reads = access[0],
		.writes = access[1],
		.pages = volume[0],
		.groups = volume[1],
	};
}
