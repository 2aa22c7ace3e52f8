/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_LCORES_H
#define STORM_LCORES_H

/* The two lcores at work: one polls the engine, one steps the model. */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <uiommu.h>
#include <uiommu_emu.h>

struct consumer;

enum storm_phase {
	PHASE_WARM_UP = 0,
	PHASE_MEASURE, /* figures count from here ... */
	PHASE_COOL,    /* ... to here */
	PHASE_END,     /* the fault lcore stops when the queue is empty */
	PHASE_COUNT,
};

/* How an lcore fared with the processor, over its whole loop. */
struct lcore_usage {
	double lost_share;    /* of the time, to other threads */
	uint64_t involuntary; /* context switches */
	uint64_t voluntary;
	uint64_t longest_cycles; /* turn of the loop */
};

/* Sums of the fault lcore at one moment. */
struct fault_sums {
	uint64_t tsc;
	uint64_t busy_cycles; /* in poll calls that found work */
	uint64_t requests;    /* found by them */
	uint64_t busy_turns;
	uint64_t idle_turns;
	/* of the busy ones, those so long that the lcore must have been away meanwhile */
	uint64_t away_cycles;
	uint64_t away_requests;
};

/* Adds a turn that found n requests. */
static inline void
fault_sums_add(struct fault_sums *sums, uint64_t cycles, uint32_t n, uint64_t away_limit)
{
	sums->busy_cycles += cycles;
	sums->requests += n;
	sums->busy_turns++;
	if (cycles > away_limit) {
		sums->away_cycles += cycles;
		sums->away_requests += n;
	}
}

/* Cycles of a turn, beyond which the lcore was away: far more than the largest burst takes. */
uint64_t
fault_away_limit(void);

struct fault_lcore {
	/* set before it runs */
	int16_t dev_id;
	uint16_t nb_queues; /* of the unit: all are this lcore's */
	uint16_t budget;    /* of each, in a turn */
	bool holds; /* stop polling for a moment now and then, so that the queue overflows */
	struct consumer *consumer; /* NULL, or what is served between two polls */

	/* written by the control thread */
	uint32_t phase __attribute__((aligned(128))); /* enum storm_phase, atomic */

	/* written by the fault lcore */
	uint32_t phase_seen __attribute__((aligned(128))); /* atomic */
	uint64_t live_busy_cycles;                         /* atomic, for the progress line */
	uint64_t live_requests;                            /* atomic */
	clockid_t cpu_clock;               /* of its thread, atomic; 0: not running yet */
	struct fault_sums at[PHASE_COUNT];                 /* when each phase began */
	struct lcore_usage usage;
	uint64_t allocations;
	int result; /* of claiming and releasing the queues */
};

/* Of the calling thread, all of them. 0, or -errno: then it has none. */
int
fault_queues_claim(const struct fault_lcore *f);

/* 0, or -errno of the last one that could not be given back. */
int
fault_queues_release(const struct fault_lcore *f);

/* A turn over all of them. Requests found. */
static inline uint32_t
fault_queues_poll(int16_t dev_id, uint16_t nb_queues, uint16_t budget)
{
	uint32_t n = uiommu_poll(dev_id, 0, budget);
	uint16_t queue;

	for (queue = 1; queue < nb_queues; queue++)
		n += uiommu_poll(dev_id, queue, budget);
	return n;
}

struct model_lcore {
	struct uiommu_emu *emu;
	bool stop __attribute__((aligned(128))); /* atomic */
	clockid_t cpu_clock __attribute__((aligned(128))); /* of its thread, atomic; 0: not yet */
	uint64_t turns; /* of the loop that are over, atomic */
	struct lcore_usage usage;
};

/*
 * Launch and halt of the two loops. Launches return 0, or -errno after one line. A halt returns
 * when the loop has ended; of a loop that does not run, at once.
 */
int
fault_lcore_launch(struct fault_lcore *f, unsigned int lcore);

int
fault_lcore_halt(struct fault_lcore *f, unsigned int lcore);

int
model_lcore_launch(struct model_lcore *m, unsigned int lcore);

void
model_lcore_halt(struct model_lcore *m, unsigned int lcore);

/* Set a phase and wait until the fault lcore has seen it. */
void
fault_lcore_enter(struct fault_lcore *f, enum storm_phase phase);

/* Processor time that the thread of an lcore has had, in nanoseconds, by its cpu_clock. */
uint64_t
lcore_cpu_ns(const clockid_t *cpu_clock);

/* Usage of the calling thread: begin before a loop, end after it. */
struct usage_mark {
	uint64_t wall_ns, cpu_ns, involuntary, voluntary;
};

void
usage_begin(struct usage_mark *mark);

void
usage_end(const struct usage_mark *mark, struct lcore_usage *usage);

#endif /* STORM_LCORES_H */
