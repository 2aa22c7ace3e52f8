/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_PRG_H
#define UIOMMU_PRG_H

/**
 * @file
 * Page request group assembly for one endpoint, usable without any unit or EAL.
 *
 * Requests without UIOMMU_FAULT_LAST are parked. The one that has it closes its
 * group: all parked requests with the same PASID and PRG index, in order of
 * arrival, and itself at the end. Groups of different PASIDs may share an
 * index and be interleaved.
 *
 * Memory is bounded: at most parked_max requests are parked. A request that finds no place
 * is dropped, and what is parked of its group is thrown away with it, to make room for
 * others; the group is remembered as incomplete, so that it can be answered "retry" instead of
 * being given to a handler with a page missing. Up to parked_max such groups are remembered by
 * PASID and index, more by index alone: another group of that index may then be answered
 * "retry" in its place.
 *
 * One thread at a time. No allocation: the caller gives the memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Number of PRG indices that are told apart when a request had to be dropped. */
#define UIOMMU_PRG_INDEX_COUNT 512

/** State of assembly; opaque but for what inlines need. */
struct uiommu_prg {
	uint32_t nb_parked;     /**< requests parked now */
	uint32_t nb_incomplete; /**< groups, or PRG indices, remembered to have lost a request */
	uint32_t parked_max;    /**< bound on nb_parked */
	uint32_t group_max;     /**< bound on the requests of a group, the last one included */
	/** factor of the hash, so that a device cannot choose collisions */
	uint64_t seed;
	uint32_t bucket_mask;   /**< buckets minus one */
	uint32_t free_entry;    /**< first of the free entries */
	uint32_t free_open;     /**< first of the free open groups */
	uint32_t reserved;      /**< 0 */
	uint64_t incomplete[UIOMMU_PRG_INDEX_COUNT / 64]; /**< bit for each PRG index */
	/* buckets, open groups and entries follow */
};

/** What uiommu_prg_add() did with a request. */
enum uiommu_prg_result {
	UIOMMU_PRG_PARKED = 0,  /**< waits for the rest of its group */
	UIOMMU_PRG_GROUP,       /**< closed a group, which was written out */
	UIOMMU_PRG_DROPPED,     /**< not the last, and no place: dropped */
	UIOMMU_PRG_INCOMPLETE,  /**< closed a group that had lost a request: answer "retry" */
};

/**
 * Bytes that an assembly needs.
 *
 * @param parked_max requests that may be parked, 1 to 65535
 * @return bytes; 0: parked_max out of range
 */
size_t
uiommu_prg_size(uint32_t parked_max);

/**
 * Make an empty assembly in the caller's memory.
 *
 * @param mem uiommu_prg_size() bytes, aligned to 64
 * @param parked_max as given to uiommu_prg_size()
 * @param group_max requests of a group at most, 1 to parked_max + 1; a larger group is incomplete
 * @param seed any number; random where devices are not trusted
 * @return assembly (the address of mem); NULL: an argument out of range
 */
struct uiommu_prg *
uiommu_prg_init(void *mem, uint32_t parked_max, uint32_t group_max, uint64_t seed);

/**
 * Whether a request with UIOMMU_FAULT_LAST that comes now is certainly a
 * whole group by itself, so that uiommu_prg_add() need not be called.
 */
static inline bool
uiommu_prg_is_idle(const struct uiommu_prg *prg)
{
	return (prg->nb_parked | prg->nb_incomplete) == 0;
}

/**
 * Take one request.
 *
 * @param prg assembly
 * @param fault request; its prg_index is below UIOMMU_PRG_INDEX_COUNT
 * @param out with UIOMMU_PRG_GROUP: the group, in order of arrival, the request itself last
 * @param nb_out in: places in out, at least group_max. Out: with UIOMMU_PRG_GROUP, requests in
 *   the group; with UIOMMU_PRG_DROPPED, parked requests of its group thrown away; else 0
 * @return see enum uiommu_prg_result
 */
enum uiommu_prg_result
uiommu_prg_add(struct uiommu_prg *prg, const struct uiommu_fault *fault, struct uiommu_fault *out,
	       uint32_t *nb_out);

/**
 * Throw away everything that is parked, and forget what was dropped: after an
 * overflow the unit has answered for it.
 *
 * @return parked requests thrown away
 */
uint32_t
uiommu_prg_discard(struct uiommu_prg *prg);

/**
 * Throw away what is parked for one PASID.
 *
 * @param pasid PASID or UIOMMU_NO_PASID
 * @return parked requests thrown away
 */
uint32_t
uiommu_prg_purge(struct uiommu_prg *prg, uint32_t pasid);

/**
 * Throw away what is parked for some PASIDs.
 *
 * @param match whether a PASID (or UIOMMU_NO_PASID) is one of them
 * @param arg second argument of match
 * @return parked requests thrown away
 */
uint32_t
uiommu_prg_purge_if(struct uiommu_prg *prg, bool (*match)(uint32_t pasid, const void *arg),
		    const void *arg);

/**
 * Throw away what is parked for some PASIDs, and remember it: their groups are
 * UIOMMU_PRG_INCOMPLETE when the last request comes, as if a request had been dropped for lack of
 * room. For when nobody knows whether the last request is still to come.
 *
 * @param match whether a PASID (or UIOMMU_NO_PASID) is one of them
 * @param arg second argument of match
 * @return parked requests thrown away
 */
uint32_t
uiommu_prg_lose_if(struct uiommu_prg *prg, bool (*match)(uint32_t pasid, const void *arg),
		   const void *arg);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_PRG_H */
