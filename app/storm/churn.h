/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_CHURN_H
#define STORM_CHURN_H

/* Bonds that come and go during a storm; on the control thread. */

#include <stdbool.h>
#include <stdint.h>

struct storm;

struct churn {
	struct storm *storm;
	uint64_t period_ns; /* 0: no churn */
	uint64_t due_ns;    /* monotonic clock: when the next one is due */
	uint64_t random;
	/* figures */
	uint64_t done;      /* all together */
	uint64_t endpoints; /* of them, whole endpoints removed and added */
	uint64_t replaced;  /* of them, bonds that got another domain in place */
	uint64_t quiesced;  /* of them, the device had stopped using the PASID before */
	uint64_t late;      /* more than a period after they were due */
	uint64_t detach_ns_sum; /* of those that left, detached or removed */
	uint64_t detach_ns_max;
	uint64_t replace_ns_sum;
	uint64_t replace_ns_max;
};

void
churn_init(struct churn *c, struct storm *s);

void
churn_begin(struct churn *c, uint64_t now_ns);

/*
 * One bond goes and comes back, or gets another domain; or now and then one endpoint goes and comes
 * back. 0, or -errno after one line.
 */
int
churn_turn(struct churn *c);

#endif /* STORM_CHURN_H */
