/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef CONFORMANCE_SVA_H
#define CONFORMANCE_SVA_H

/* What the cases of shared virtual addressing have in common. */

#include "conformance.h"

#define SVA_PAGE 4096
/* Width of the endpoints of most cases; the devices use all of these PASIDs. */
#define SVA_BITS 6
#define SVA_PASIDS ((1U << SVA_BITS) - 1)
/* Requests that are written down of an address space. */
#define SVA_KEPT 64

struct sva_user;

/* What an operation does besides; may change the codes. On whatever thread resolves. */
typedef void (*sva_hook_t)(struct sva_user *user, const struct uiommu_mm_fault *faults,
			   uint32_t nb_faults, uint8_t *codes, uint32_t nb_groups);

/* An address space of operations that write down what they get. */
struct sva_user {
	struct uiommu_mm *mm;
	uint32_t mode;
	uint8_t code;          /* atomic; answer to each group */
	bool dead;             /* atomic; get() says so */
	sva_hook_t hook;       /* atomic; see sva_hook_set() */
	void *hook_arg;
	uint64_t calls, gets, puts, faults, groups; /* atomic */
	uint32_t nb_kept;      /* of one thread only */
	struct uiommu_mm_fault kept[SVA_KEPT];
};

/* A rig; what a case that ended in the middle has left is destroyed. conf may be NULL. */
struct rig *
sva_rig(const struct rig_conf *conf);

/* An address space of this mode. @param conf further members; may be NULL */
struct sva_user *
sva_user(uint32_t mode, const struct uiommu_mm_conf *conf);

/* At any time: those who resolve see it with their next call. */
void
sva_code_set(struct sva_user *user, unsigned int code);

void
sva_hook_set(struct sva_user *user, sva_hook_t hook, void *arg);

/* That of this process. Where the kernel cannot: rig, if any, is closed, and the case skipped. */
struct uiommu_mm *
sva_self(struct rig *rig, uint32_t mode, const struct uiommu_mm_conf *conf);

/* Destroy an address space, which nothing is bound to. */
void
sva_mm_end(struct uiommu_mm *mm);

/* A device with all PASIDs of the width, and its endpoint. */
struct uiommu_endpoint *
sva_endpoint(struct rig *rig, uint32_t endpoint_id);

/* An endpoint of some width, without a device. */
struct uiommu_endpoint *
sva_endpoint_bits(struct rig *rig, uint32_t endpoint_id, uint8_t bits);

/* Bind, or end the case. */
struct uiommu_sva *
sva_bind(struct uiommu_endpoint *endpoint, struct uiommu_mm *mm);

/* A request of EP; must get into the queue. */
void
sva_ask(struct rig *rig, struct uiommu_sva *sva, uint16_t index, const void *va, bool write,
	bool last);

/* Poll both queue and address space until so many responses were given since the unit started. */
void
sva_answers_wait(struct rig *rig, struct uiommu_mm *mm, uint64_t responses);

/* One group of one page; its answer. */
void
sva_ask_and_expect(struct rig *rig, struct uiommu_mm *mm, struct uiommu_sva *sva, const void *va,
		   bool write, uint16_t code);

struct uiommu_mm_info
sva_info(struct uiommu_mm *mm);

/* Private pages with none present, between two that are not mapped. */
uint8_t *
sva_map(size_t nb_pages, int prot);

void
sva_unmap(uint8_t *va, size_t nb_pages);

bool
sva_is_present(const uint8_t *va);

#endif /* CONFORMANCE_SVA_H */
