/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_STORM_H
#define SMMUV3_STORM_H

/**
 * @file
 * Which stalls an endpoint may make, and how many: one that makes more than a number in a
 * second has its stalls ended at once for a while, so that it does not take the unit from others.
 * The control path makes a cell for each endpoint; the owner of the queue counts in it. No lock.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

/** StreamIDs whose cells lie together: 2^this. */
#define SMMUV3_STORM_LEAF_BITS 8
#define SMMUV3_STORM_LEAF (1U << SMMUV3_STORM_LEAF_BITS)

/** Cell of an endpoint. */
struct smmuv3_storm_cell {
	uint64_t since;  /**< cycles: beginning of the second, or end of the cool-down */
	uint32_t count;  /**< stalls in this second */
	uint8_t known;   /**< there is an endpoint; by the control path */
	uint8_t allowed; /**< it may stall; by the control path */
	uint8_t calm;    /**< in its cool-down */
};

struct smmuv3_storm {
	struct smmuv3_storm_cell **leaves; /**< by the upper bits of the StreamID; NULL: none */
	uint32_t nb_leaves;
	uint32_t rate;            /**< stalls in a second; 0: any number */
	uint64_t second_cycles;
	uint64_t cooldown_cycles;
};

/** What is to become of a stall. */
enum smmuv3_storm_verdict {
	SMMUV3_STORM_PASS,    /**< it is handed on */
	SMMUV3_STORM_REFUSED, /**< the endpoint may not stall */
	SMMUV3_STORM_TRIPPED, /**< one too many: the cool-down begins */
	SMMUV3_STORM_CALM,    /**< in the cool-down */
};

/** @param sid_bits width of a StreamID. @return 0; -ENOMEM */
int
smmuv3_storm_init(struct smmuv3_storm *storm, uint8_t sid_bits, int socket_id);

void
smmuv3_storm_free(struct smmuv3_storm *storm);

/** Make the cell of an endpoint. Control path. @return 0; -ENOMEM */
int
smmuv3_storm_know(struct smmuv3_storm *storm, uint32_t sid, bool allowed, int socket_id);

/** The endpoint has gone. Control path. */
void
smmuv3_storm_forget(struct smmuv3_storm *storm, uint32_t sid);

/** Count a stall, with a rate. @param now cycles of the time-stamp counter */
enum smmuv3_storm_verdict
smmuv3_storm_count(const struct smmuv3_storm *storm, struct smmuv3_storm_cell *cell, uint64_t now);

/** Cell of an endpoint; NULL: not known. Data path. */
static inline struct smmuv3_storm_cell *
smmuv3_storm_find(const struct smmuv3_storm *storm, uint32_t sid)
{
	const uint32_t at = sid >> SMMUV3_STORM_LEAF_BITS;
	struct smmuv3_storm_cell *leaf, *cell;

	if (at >= storm->nb_leaves)
		return NULL;
	/* pairs with the release store in smmuv3_storm_know(): the leaf is zeroed */
	leaf = __atomic_load_n(&storm->leaves[at], __ATOMIC_ACQUIRE);
	if (leaf == NULL)
		return NULL;
	cell = &leaf[sid % SMMUV3_STORM_LEAF];
	/* pairs with the release store in smmuv3_storm_know(): its other members */
	return __atomic_load_n(&cell->known, __ATOMIC_ACQUIRE) != 0 ? cell : NULL;
}

#endif /* SMMUV3_STORM_H */
