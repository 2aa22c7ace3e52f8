/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef R4_SCENE_H
#define R4_SCENE_H

/**
 * @file
 * Bonds of every sort with groups that wait for an answer on each, a device that asks all the
 * time besides, and every call that takes a bond away.
 */

#include "conformance.h"

/* PASIDs of EP's bonds; those of SVA come first. */
#define PASID_TRAFFIC 40
#define PASID_DETACH 41
#define PASID_QUEUED 42
#define PASID_DESTROYED 43
#define PASID_REPLACED 44
#define PASID_STEPS 45
#define PASID_HANDLER 46
/* An endpoint that goes, and one that asks all the time. */
#define EP_GONE 0x0210
#define EP_BUSY 0x0318

/** Everything that a case has. */
struct scene {
	struct rig *rig;
	struct uiommu_endpoint *endpoint, *gone;
	struct recorder *deferring, *answering, *calling;
	struct uiommu_fault_queue *queue, *destroyed;
	struct uiommu_attach *detach, *queued, *replaced, *steps;
	struct uiommu_mm *mm;
	struct uiommu_sva *sva;
	uint32_t open_groups;
	uint64_t operations; /* atomic: calls of the address space's operation */
	void (*in_operation)(struct scene *scene);
	bool go;   /* atomic: the operation, or the handler, may do its work */
	bool done; /* atomic: all calls have returned */
};

/** All calls have returned. */
void scene_done(struct scene *scene);

/** Wait for that; the caller's own queue, where it has one, is polled. */
void scene_wait(struct scene *scene, struct rig *own);

/** Every call that takes a bond away; those of the case must not need to wait for each other. */
void scene_everything(struct scene *scene);

/** The same inside a handler: nothing that waits, but a detach can be begun. */
void scene_refuses(struct scene *scene);

/** What is left to do when nothing was done but that. */
void scene_rest(struct scene *scene);

/** Have nb groups of a bond wait for an answer; scene_settle() sees them do so. */
void scene_ask(struct scene *scene, uint32_t endpoint_id, uint32_t pasid, uint32_t nb);
void scene_settle(struct scene *scene, bool nobody);

/** @param mode of the address space; with POLLED, which nobody polls, its groups wait too */
void scene_open(struct scene *scene, const struct rig_conf *wanted, uint32_t mode);

/** Everything was answered, INVALID and once: the judge says so. */
void scene_close(struct scene *scene);

#endif /* R4_SCENE_H */
