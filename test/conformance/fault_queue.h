/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef FAULT_QUEUE_H
#define FAULT_QUEUE_H

/* What the cases about fault queues share: objects, and reading and answering by hand. */

#include <uiommu_queue.h>

#include "conformance.h"

/* A queue whose domain is attached to PASIDs 7 and 8 and to the RID of EP. */
struct uiommu_fault_queue *fq_open(struct rig *rig, uint32_t depth, uint32_t messages,
				   uint64_t flags);

/* At rest, nothing more was answered, and the sums hold. */
void fq_close(struct rig *rig, struct uiommu_fault_queue *fq);

/* Or end the case. */
struct uiommu_fault_queue *fq_create(struct rig *rig, uint32_t depth, uint32_t messages,
				     uint64_t flags);

/* A PAGING domain that has the queue, or end the case. */
struct uiommu_domain *fq_domain(struct rig *rig, struct uiommu_fault_queue *fq);

/* The same with a deadline. */
struct uiommu_domain *fq_domain_deadline(struct rig *rig, struct uiommu_fault_queue *fq,
					 uint64_t deadline_ns, uint32_t deadline_code);

struct uiommu_fault_queue_stats fq_stats(const struct uiommu_fault_queue *fq);

/* Answer one group. Its status. */
int fq_answer(struct uiommu_fault_queue *fq, uint32_t cookie, uint32_t code);

/* A group of EP by hand, of pages first to first + nb - 1. */
void fq_ask(struct rig *rig, uint32_t pasid, uint16_t index, uint64_t first, uint32_t nb);

/* The next thing in the queue is this group of EP, alone. Its cookie. */
uint32_t fq_expect(struct uiommu_fault_queue *fq, uint32_t pasid, uint16_t index, uint64_t first,
		   uint32_t nb);

/* Nothing is there. */
void fq_expect_none(struct uiommu_fault_queue *fq);

/* Messages are whole groups. Number of groups; a failure is noted. */
uint32_t fq_check_whole(const struct uiommu_fault_msg *msgs, uint32_t nb);

/* Once everything is at rest: each group was answered, revoked, or is open. */
void fq_check_sums(const struct uiommu_fault_queue *fq);

#endif /* FAULT_QUEUE_H */
