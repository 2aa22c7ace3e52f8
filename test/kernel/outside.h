/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef OUTSIDE_H
#define OUTSIDE_H

/**
 * @file
 * A judge outside of all processes that have mock devices: each request wants one answer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "iommufd_trace.h"

struct outside_request;

struct outside {
	struct iommufd_trace trace;
	uint64_t requests;
	uint64_t codes[3];    /**< answers: success, invalid, others */
	uint64_t outstanding; /**< requests without answer */
	uint64_t twice;       /**< answers to what was answered, or was never asked */
	char first[128];      /**< what was wrong first, in words; empty: nothing */
	struct outside_request **buckets;
};

/** @return NULL: the kernel cannot be listened to, or no memory */
struct outside *
outside_open(void);

void
outside_close(struct outside *outside);

/** Look at what there is. */
void
outside_take(struct outside *outside);

/** @return whether nothing was wrong so far, but for requests that wait */
bool
outside_is_clean(const struct outside *outside);

#endif /* OUTSIDE_H */
