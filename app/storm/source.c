/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stddef.h>
#include <string.h>

#include <rte_common.h>

#include "source.h"

/*
 * VT-d: descriptors of page requests, S 7.4.1.1, and of page group responses, S 7.6.1. SMMUv3: PRI
 * queue entries, chapter 8; event records, S 7.3; commands, S 4.1.1. RISC-V: page requests and
 * commands, "In-memory queue interface". iommufd: records and answers of a fault queue,
 * struct iommu_hwpt_pgfault and iommu_hwpt_page_response.
 */
static const struct unit_kind kinds[] = {
	{"vtd", {32, 32}, {0, 0}},
	{"smmuv3", {16, 16}, {32, 16}},
	{"riscv", {16, 16}, {0, 0}},
	{"iommufd", {40, 8}, {0, 0}},
};

const struct unit_kind *
unit_kind_find(const char *driver)
{
	size_t i;

	for (i = 0; i < RTE_DIM(kinds); i++)
		if (strcmp(kinds[i].driver, driver) == 0)
			return &kinds[i];
	return NULL;
}

uint32_t
source_entries(enum storm_source source, const struct unit_kind *kind,
	       struct entry_bytes entries[SOURCE_KINDS])
{
	uint32_t nb = 0;

	if (source != STORM_SOURCE_STALL)
		entries[nb++] = kind->pri;
	if (source != STORM_SOURCE_PRI)
		entries[nb++] = kind->stall;
	return nb;
}
