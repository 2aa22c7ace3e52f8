/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include <rte_malloc.h>

#include "smmuv3_storm.h"

int
smmuv3_storm_init(struct smmuv3_storm *storm, uint8_t sid_bits, int socket_id)
{
	const uint8_t bits = RTE_MAX(sid_bits, (uint8_t)SMMUV3_STORM_LEAF_BITS);

	storm->nb_leaves = UINT32_C(1) << (bits - SMMUV3_STORM_LEAF_BITS);
	storm->leaves = rte_zmalloc_socket("smmuv3_storm",
					   storm->nb_leaves * sizeof(storm->leaves[0]), 0,
					   socket_id);
	if (storm->leaves != NULL)
		return 0;
	storm->nb_leaves = 0;
	return -ENOMEM;
}

void
smmuv3_storm_free(struct smmuv3_storm *storm)
{
	uint32_t i;

	for (i = 0; i < storm->nb_leaves; i++)
		rte_free(storm->leaves[i]);
	rte_free(storm->leaves);
	storm->leaves = NULL;
	storm->nb_leaves = 0;
}

int
smmuv3_storm_know(struct smmuv3_storm *storm, uint32_t sid, bool allowed, int socket_id)
{
	struct smmuv3_storm_cell **leaf = &storm->leaves[sid >> SMMUV3_STORM_LEAF_BITS];
	struct smmuv3_storm_cell *cell = *leaf;

	if (cell == NULL) {
		cell = rte_zmalloc_socket("smmuv3_storm", SMMUV3_STORM_LEAF * sizeof(*cell),
					  RTE_CACHE_LINE_SIZE, socket_id);
		if (cell == NULL)
			return -ENOMEM;
		/* pairs with the acquire load in smmuv3_storm_find() */
		__atomic_store_n(leaf, cell, __ATOMIC_RELEASE);
	}
	cell += sid % SMMUV3_STORM_LEAF;
	cell->allowed = allowed;
	/* pairs with the acquire load in smmuv3_storm_find() */
	__atomic_store_n(&cell->known, 1, __ATOMIC_RELEASE);
	return 0;
}

/* What was counted stays: an endpoint does not get out of its cool-down by coming back. */
void
smmuv3_storm_forget(struct smmuv3_storm *storm, uint32_t sid)
{
	struct smmuv3_storm_cell *leaf = storm->leaves[sid >> SMMUV3_STORM_LEAF_BITS];

	__atomic_store_n(&leaf[sid % SMMUV3_STORM_LEAF].known, 0, __ATOMIC_RELAXED);
}

enum smmuv3_storm_verdict
smmuv3_storm_count(const struct smmuv3_storm *storm, struct smmuv3_storm_cell *cell, uint64_t now)
{
	if (cell->calm != 0 && (int64_t)(now - cell->since) < 0)
		return SMMUV3_STORM_CALM;
	if (cell->calm != 0 || now - cell->since >= storm->second_cycles) {
		cell->calm = 0;
		cell->count = 0;
		cell->since = now;
	}
	if (++cell->count <= storm->rate)
		return SMMUV3_STORM_PASS;
	cell->calm = 1;
	cell->since = now + storm->cooldown_cycles;
	return SMMUV3_STORM_TRIPPED;
}
