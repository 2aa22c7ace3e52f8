/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_STUCK_H
#define STORM_STUCK_H

/*
 * What a stuck consumer does to others. The last endpoint has a fault queue of its own. In turn
 * its consumer answers (A), and reads without ever answering (B); what the other endpoints get is
 * measured in each phase. Of each kind that half of the phases counts in which the two lcores lost
 * least of their time to other threads: what others do on the machine is not asked for. Works on
 * the control thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_emu.h>

struct storm;

/* Classes of devices. */
#define STORM_CLASS_OTHERS 0
#define STORM_CLASS_STUCK 1

/* Phases of a kind; half of them count. */
#define STUCK_PHASES_MIN 8
#define STUCK_PHASES_MAX 128

enum stuck_kind {
	STUCK_ANSWERS = 0, /* A */
	STUCK_HOLDS,       /* B */
	STUCK_KINDS,
};

/* What the other endpoints got; of one phase, or medians over the phases of a kind. */
struct stuck_figures {
	double requests_per_s;
	double p50_ns, p99_ns, p999_ns;
	double stuck_requests_per_s; /* of the endpoint with the stuck consumer */
	double retries_per_s;        /* its groups that found the queue full */
	double held;                 /* groups that its consumer held at the end */
	double lost_ratio;           /* of the time of the lcore that lost more, to other threads */
};

struct stuck {
	struct storm *storm; /* NULL: nothing of all this */
	uint64_t due_ns;     /* monotonic clock: end of what goes on; UINT64_MAX: nothing does */
	uint64_t phase_ns;
	uint32_t pairs;      /* phases of each kind to come in all */
	/* of the phase that goes on */
	enum stuck_kind kind;
	bool measures; /* settled */
	uint64_t begin_ns;
	uint64_t begin_cpu_ns[2]; /* fault lcore, model */
	uint64_t begin_full;
	struct uiommu_emu_class begin[2];
	/* done */
	uint32_t nb[STUCK_KINDS];
	struct stuck_figures phases[STUCK_KINDS][STUCK_PHASES_MAX];
};

/* What a storm has shown. */
struct stuck_result {
	uint32_t phases; /* of each kind that count; 0: too few */
	struct stuck_figures medians[STUCK_KINDS];
	/* stuck to not stuck; 0: not known */
	double throughput_ratio, p50_ratio, p99_ratio, p999_ratio;
	bool was_stuck; /* in each phase B groups were held */
};

/* Without --stuck: nothing happens in the other calls. */
void
stuck_init(struct stuck *st, struct storm *s);

void
stuck_begin(struct stuck *st, uint64_t now_ns, uint64_t duration_ns);

/* Whether there are phases to come; they may end a little after the duration. */
bool
stuck_goes_on(const struct stuck *st);

/* At due_ns or later: what is due. */
void
stuck_turn(struct stuck *st, uint64_t now_ns);

/* The consumer answers again; a phase that was not over is left out. */
void
stuck_end(struct stuck *st);

void
stuck_result_make(struct stuck *st, struct stuck_result *result);

#endif /* STORM_STUCK_H */
