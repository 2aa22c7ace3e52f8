/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef WORLD_H
#define WORLD_H

/**
 * @file
 * What is there when a call is made to fail, and must be there afterwards: a unit with an
 * endpoint and one bond of each sort, two of them with groups that wait for an answer.
 */

#include <rte_common.h>

#include <uiommu.h>

#include "harness.h"
#include "rig.h"

/** The endpoint's bonds. */
#define PASID_ANSWERED 1  /**< the handler answers at once */
#define PASID_DEFERRED 2  /**< the handler keeps the groups; one is open */
#define PASID_QUEUED 3	  /**< groups go to a fault queue; one is open */
#define PASID_PLAIN 7	  /**< the domain takes no faults */
#define PASID_FREE 8	  /**< no bond; that of the case under test, where it wants one */

/** Bound on a wait for the unit; see gate_hurry(). */
#define WORLD_TIMEOUT_NS UINT64_C(30000000000)
/** A unit that is dead is waited for 5 ms. */
#define WORLD_HURRY 6000

/** A second endpoint, without bonds. */
#define EP_OTHER 0x0110
/** No endpoint has this id, nor one near it. */
#define EP_NEW 0x4208
/** The device is a virtual function of EP_OTHER. */
#define EP_VF 0x4310

struct world {
	struct rig *rig;
	struct uiommu_endpoint *ep, *other;
	struct recorder *answering, *deferring;
	struct uiommu_fault_queue *fq;
	struct uiommu_domain *queued, *plain, *parent;
	struct uiommu_attach *bonds[PASID_PLAIN + 1]; /* by PASID */
	uiommu_cookie_t cookie;			      /* of the group that the handler keeps */
	uint32_t queue_cookie;			      /* of the one in the fault queue */
	uint16_t index;				      /* next page request group index */
	uint16_t kept_index, queued_index;
	/* of the case under test */
	struct uiommu_endpoint *new_ep;
	struct uiommu_attach *attach;
	struct uiommu_domain *domain;
	struct uiommu_fault_queue *new_fq;
	struct uiommu_mm *mm;
	struct uiommu_sva *sva, *sva_other;
	struct uiommu_region *region;
	struct uiommu_attach *new_attach;
	bool unit_failed;
};

/** What a call must not change when it fails. */
struct snapshot {
	struct uiommu_dev_info info;
	struct uiommu_attach *bonds[PASID_PLAIN + 1], *free, *far, *rid;
	uint64_t deferred_now;
};

/** What can be lost. */
struct holdings {
	int64_t heap;
	int64_t libc;
	int64_t dma;
	int64_t objects; /* the kernel's */
	unsigned int files;
	unsigned int threads;
};

void world_open(struct world *world);

/** Like PASID_FREE, where no table is yet. */
static inline uint32_t
world_far(const struct world *world)
{
	return RTE_MIN(UINT32_C(0x41234), rig_pasid_max(world->rig));
}

/** Everything in order, nothing lost: see rig_close(). */
void world_close(struct world *world);

/** The unit has failed: stop and close come to an end. */
void world_close_failed(struct world *world);

void snapshot_take(const struct world *world, struct snapshot *snapshot);

/** All is as it was: what the library says, and what becomes of requests. */
void snapshot_check(struct world *world, const struct snapshot *before);

/** Page request group index that no group has. */
uint16_t world_index(struct world *world);

/** A request of an endpoint is answered by software with this code. */
void world_ask(struct world *world, uint32_t endpoint_id, uint32_t pasid, uint16_t code);

/** The same for a page, by its number. */
void world_touch(struct world *world, uint32_t endpoint_id, uint32_t pasid, uint64_t page,
		 uint16_t code);

/** The groups that wait for an answer get theirs. */
void world_answer(struct world *world);

/** Open the group of PASID_DEFERRED, or of PASID_QUEUED, (again). */
void world_defer(struct world *world);
void world_queue(struct world *world);

/** After a stop and a start: what was open then was answered Invalid, and waits anew. */
void world_started(struct world *world);

struct holdings holdings_now(void);

/** Note what is more, or less, than it was. */
void holdings_check(const struct holdings *before, const char *when);

#endif /* WORLD_H */
