/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_PROGRESS_H
#define STORM_PROGRESS_H

/* A line on stderr each second: rewritten in place on a terminal, one after another elsewhere. */

#include <stdbool.h>
#include <stdint.h>

struct storm;
struct storm_options;

struct progress {
	bool on, terminal;
	uint64_t begin_ns, last_ns, due_ns;
	uint64_t last_requests, last_busy_cycles;
};

void
progress_init(struct progress *p, const struct storm_options *o);

void
progress_begin(struct progress *p, uint64_t now_ns);

void
progress_turn(struct progress *p, const struct storm *s, uint64_t now_ns);

void
progress_end(struct progress *p);

#endif /* STORM_PROGRESS_H */
