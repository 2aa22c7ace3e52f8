/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_UNIT_H
#define STORM_UNIT_H

#include "storm.h"

/*
 * All functions return 0, or a negative errno after one line on stderr. Every step is undone by
 * unit_close(), as far as it came.
 */

/*
 * Probe, configure, plug devices into the model, set their traffic: the last two but for --handler
 * sva, see devices_plug(). The model must not run yet.
 */
int
unit_open(struct storm *s);

/* Start the unit; add endpoints and domains, attach all PASIDs. The model must run. */
int
unit_start(struct storm *s);

/* Detach, remove, stop. The model must run, the queue have no owner. */
int
unit_stop(struct storm *s);

/* The model must not run any more. */
void
unit_close(struct storm *s);

/* Domain for a bond of an endpoint; they take turns. */
struct uiommu_domain *
unit_domain(const struct storm *s, const struct storm_endpoint *e, uint32_t turn);

int
unit_attach(struct storm *s, struct storm_endpoint *e, uint32_t bond);

/* Make the endpoint known and attach all of its PASIDs. */
int
unit_endpoint_add(struct storm *s, struct storm_endpoint *e);

#endif /* STORM_UNIT_H */
