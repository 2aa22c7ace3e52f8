/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STALL_H
#define STALL_H

/**
 * @file
 * A device whose accesses wait in the unit until their faults are answered, its bond, and pages
 * that it finds when they were mapped.
 */

#include "conformance.h"
#include "paging.h"

/** The device that waits; EP is one that sends page requests. */
#define EP_STALL 0x0410

struct stall {
	struct rig *rig;
	struct recorder *rec;
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
	uint8_t *memory;
};

/** EP_STALL with a bond of this PASID. @param conf may be NULL */
void stall_open(struct stall *s, const struct rig_conf *conf, uint32_t pasid);

/** Nothing more was answered, and all that rig_close() looks at. */
void stall_close(struct stall *s);

/** Page number i of the device is there from now on. */
void stall_map(struct stall *s, uint32_t i);

/** An access to page number i, which must wait. @return handle */
uint32_t stall_wait_on(struct stall *s, uint32_t pasid, uint32_t i, bool write);

/** The same of some pages from the first on, whose handles go into an array. */
void stall_wait_on_all(struct stall *s, uint32_t first, uint32_t nb, uint32_t *handles);

/** Answer the group that the recorder has kept under this number. */
void stall_answer(struct stall *s, uint32_t kept, unsigned int code);

/** All of them have ended so. */
void stall_expect_all(struct stall *s, const uint32_t *handles, uint32_t nb,
		      enum uiommu_emu_access_state state);

/** Responses that are there; taken out. */
uint32_t stall_count_responses(struct stall *s);

#endif /* STALL_H */
