/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_HANDLERS_H
#define STORM_HANDLERS_H

#include <stdint.h>

#include <uiommu.h>

/* What the count handler knows of one bond; its private pointer. Written by the fault lcore. */
struct bond_count {
	uint64_t reads;  /* requests that asked to read */
	uint64_t writes; /* requests that asked to write */
	uint64_t pages;
	uint64_t groups;
};

/* Answers Success and looks at nothing. */
void
handler_null(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups);

/* Looks at each request of each group, counts it at its bond, and answers Success. */
void
handler_count(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups);

#endif /* STORM_HANDLERS_H */
