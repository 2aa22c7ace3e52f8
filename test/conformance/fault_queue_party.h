/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef FAULT_QUEUE_PARTY_H
#define FAULT_QUEUE_PARTY_H

/* Consumers of a fault queue in threads of their own. */

#include "fault_queue.h"

#define CONSUMERS_MAX 4
/* Messages that a consumer takes at once. */
#define PARTY_BATCH 32

/* Consumers of one queue, and what they have to keep to. */
struct party {
	struct rig *rig;
	struct uiommu_fault_queue *fq;
	unsigned int nb;
	uint16_t group_size; /* of every group; 0: anything */
	bool may_be_short;     /* requests that the unit has dropped are missing */
	bool sleeps;	     /* in poll(2), when there is nothing */
	bool small;	     /* buffers of 1 to PARTY_BATCH messages, in turns */
	bool may_be_late;    /* -ENOENT is a right status */
	int end_fd;	     /* for those who sleep; its value stays */
	bool end;	     /* atomic */
	uint64_t read;	     /* groups; atomic */
	uint64_t answered;   /* atomic */
	uint64_t late;	     /* atomic */
	uint64_t slept;	     /* atomic */
	pthread_t threads[CONSUMERS_MAX];
};

void party_begin(struct party *party);

/* Wait until nothing is open any more, then have the consumers end; their sums are the queue's. */
void party_end(struct party *party);

/* An endpoint with PASIDs 1 to nb on a domain of the queue. */
struct uiommu_endpoint *party_endpoint(struct party *party, uint32_t nb, uint32_t credits);

/* Until consumers have read so many groups. */
void party_wait(struct party *party, uint64_t groups);

#endif /* FAULT_QUEUE_PARTY_H */
