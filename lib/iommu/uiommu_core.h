/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_CORE_H
#define UIOMMU_CORE_H

/**
 * @file
 * What the inline data path sees of a unit, and nothing more. Not included by
 * applications themselves; uiommu_burst.h does it.
 */

#include <stdint.h>

#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Units that one process can hold. */
#define UIOMMU_MAX_DEVS 64

/** Fault queues of one unit that can be polled. */
#define UIOMMU_MAX_QUEUES 4

/** See uiommu_poll(). */
typedef uint16_t (*uiommu_poll_t)(void *queue, uint16_t budget);
/** See uiommu_fault_burst(). */
typedef uint16_t (*uiommu_fault_burst_t)(void *queue, struct uiommu_group *groups,
					 uint16_t nb_groups);
/** See uiommu_respond_burst(). */
typedef uint16_t (*uiommu_respond_burst_t)(void *queue, const struct uiommu_group *groups,
					   const uint8_t *codes, uint16_t nb_groups);

/**
 * Flat entry of one hardware queue: one cache line. A unit that is not started
 * has functions that do nothing but count, never NULL.
 */
struct uiommu_fp_queue {
	void *queue; /**< of the engine; first argument of the functions */
	uiommu_poll_t poll;
	uiommu_fault_burst_t fault_burst;
	uiommu_respond_burst_t respond_burst;
	void *reserved[4]; /**< spare, so that a new function moves nothing */
} __attribute__((aligned(64)));

/** All queues of all units; index with dev_id and queue id. */
extern struct uiommu_fp_queue uiommu_fp_queues[UIOMMU_MAX_DEVS][UIOMMU_MAX_QUEUES];

/** What an application may see of an attach handle. */
struct uiommu_attach_head {
	void *priv;           /**< the caller's pointer, as given to uiommu_attach() */
	uint32_t endpoint_id; /**< requester id or StreamID */
	uint32_t pasid;       /**< PASID, or UIOMMU_NO_PASID */
};

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_CORE_H */
