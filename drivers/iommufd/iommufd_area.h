/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_AREA_H
#define IOMMUFD_AREA_H

/**
 * @file
 * Areas: what each call has mapped in an address space of the kernel. It unmaps whole areas only,
 * so they must be known. A tree in order of addresses, balanced by chance (a treap): lookups,
 * insertions and removals take a time that grows with the logarithm of their number.
 *
 * Nodes come out of chunks that are taken from the C library as needed, and given back with the
 * tree: an area is made beside a request to the kernel, which allocates itself and costs a hundred
 * times as much. So memory is bounded by the most areas that there were at a time.
 *
 * Callers see to it that one thread at a time is here; iommufd_area::state is atomic besides.
 */

#include <stdbool.h>
#include <stdint.h>

/** iommufd_area::state */
enum iommufd_area_state {
	IOMMUFD_AREA_BUSY,   /**< a request to the kernel about it is under way */
	IOMMUFD_AREA_MAPPED,
	IOMMUFD_AREA_GONE,   /**< not mapped any more; whoever comes by removes it */
};

struct iommufd_area {
	uint64_t iova; /**< in bytes, as all */
	uint64_t len;
	uint64_t va;   /**< of the memory of this process */
	uint32_t prot; /**< UIOMMU_PROT_* */
	uint32_t state;
	struct iommufd_area *left;
	struct iommufd_area *right; /**< free: the next free one */
	uint32_t weight;            /**< none below has a larger one */
};

struct iommufd_area_chunk;

/** All zero: empty. */
struct iommufd_areas {
	struct iommufd_area *root;
	struct iommufd_area *free;
	struct iommufd_area_chunk *chunks;
	uint32_t random;
};

/** Free all memory; empty then. */
void
iommufd_areas_fini(struct iommufd_areas *areas);

/** @return the lowest area with a byte from first to last; NULL: none */
struct iommufd_area *
iommufd_areas_find(const struct iommufd_areas *areas, uint64_t first, uint64_t last);

/**
 * Add an area where there is none.
 *
 * @return it, BUSY; NULL: no memory
 */
struct iommufd_area *
iommufd_areas_add(struct iommufd_areas *areas, uint64_t iova, uint64_t len, uint64_t va,
		  uint32_t prot);

/** Remove an area that is in the tree. */
void
iommufd_areas_remove(struct iommufd_areas *areas, struct iommufd_area *area);

/**
 * Make an area into two.
 *
 * @param at address within it, not its first
 * @return the upper one, with state and access of the lower; NULL: no memory, nothing has changed
 */
struct iommufd_area *
iommufd_areas_split(struct iommufd_areas *areas, struct iommufd_area *area, uint64_t at);

static inline uint32_t
iommufd_area_state(const struct iommufd_area *area)
{
	/* pairs with the store below: the kernel is done with it */
	return __atomic_load_n(&area->state, __ATOMIC_ACQUIRE);
}

static inline void
iommufd_area_settle(struct iommufd_area *area, enum iommufd_area_state state)
{
	__atomic_store_n(&area->state, (uint32_t)state, __ATOMIC_RELEASE);
}

/** Last byte of an area. */
static inline uint64_t
iommufd_area_last(const struct iommufd_area *area)
{
	return area->iova + area->len - 1;
}

#endif /* IOMMUFD_AREA_H */
