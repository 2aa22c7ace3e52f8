/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_DEVICES_H
#define STORM_DEVICES_H

/* The devices behind the unit: ids, PASIDs, credits, traffic. */

#include "storm.h"

/* PASID 0 is taken for requests without PASID on some units. */
#define PASID_FIRST 1U

/* How many devices of a kind the storm has: with stalled accesses, or with page requests. */
uint32_t
devices_of_kind(const struct storm_options *o, bool stalls);

/* Requests that one may have outstanding, once that is planned. */
uint32_t
devices_credits(const struct storm *s, uint32_t endpoint);

/* Entries of the page-request queue. */
uint32_t
devices_queue_entries(const struct storm *s);

/*
 * How much can be outstanding, and what must be there to hold it. 0, or -EINVAL after one line on
 * stderr.
 */
int
devices_plan(struct storm *s);

/* Which bonds each endpoint has. */
void
devices_lay_out(struct storm *s);

/*
 * Plug them in and set their traffic; the model must not run. With --handler sva the PASID must be
 * known. 0, or -errno after one line.
 */
int
devices_plug(struct storm *s);

/* PASID of a bond. Each endpoint uses the same PASIDs: only together do they name a bond. */
uint32_t
devices_pasid(const struct storm *s, const struct storm_endpoint *e, uint32_t bond);

#endif /* STORM_DEVICES_H */
