/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

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

static inline void
group_count(const struct uiommu_group *group)
{
	struct bond_count *count = uiommu_attach_priv(group->attach);
	const struct uiommu_fault *fault = group->faults;
	const struct uiommu_fault *end = fault + group->nb_faults;
	uint64_t reads = 0, writes = 0, pages = 0;

	_Static_assert(UIOMMU_FAULT_READ == 1 && UIOMMU_FAULT_WRITE == 2, "shifts below");
	do {
		reads += fault->flags & 1;
		writes += (fault->flags >> 1) & 1;
		pages += fault->nb_pages + (fault->nb_pages == 0);
	} while (++fault < end);
	count->reads += reads;
	count->writes += writes;
	count->pages += pages;
	count->groups++;
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
