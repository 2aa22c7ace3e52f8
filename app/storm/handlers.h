/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_HANDLERS_H
#define STORM_HANDLERS_H

#include <stdint.h>

#include <uiommu.h>

/* Two counters that are added to at once. */
typedef uint64_t count_pair __attribute__((vector_size(16)));

/* What the count handler knows of one bond; its private pointer. Written by the fault lcore. */
struct bond_count {
	count_pair access; /* requests: [0] that asked to read, [1] that asked to write */
	count_pair volume; /* [0] pages, [1] groups */
};

struct count_sums {
	uint64_t reads, writes, pages, groups;
};

/* Sums over an array of counts. */
void
counts_sum(const struct bond_count *counts, uint32_t nb, struct count_sums *sums);

/* Answers Success and looks at nothing. */
void
handler_null(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups);

/* Looks at each request of each group, counts it at its bond, and answers Success. */
void
handler_count(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups);

#endif /* STORM_HANDLERS_H */
