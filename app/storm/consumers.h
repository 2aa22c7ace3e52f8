/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_CONSUMERS_H
#define STORM_CONSUMERS_H

/*
 * Those who read groups out of the fault queues and answer Success: threads, or without any the
 * fault lcore between two polls, as a firmware with a single loop does.
 *
 * A consumer can be made to hold what it reads from the stuck queue: it goes on reading and answers
 * nothing, until it is let go.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu.h>

struct storm;

struct consumer {
	/* set before it runs */
	struct uiommu_fault_queue **queues;
	uint32_t nb_queues;
	struct uiommu_fault_queue *stuck; /* NULL, or one more that may be held */
	struct uiommu_fault_msg *msgs;
	struct uiommu_fault_answer *answers;
	struct uiommu_fault_answer *held;
	uint32_t held_max;
	struct pollfd *fds; /* to sleep on: end, then each queue's; NULL: does not sleep */
	pthread_t thread;
	bool running;

	/* written by the control thread, atomic */
	bool hold __attribute__((aligned(128)));
	bool stop;

	/* written by the consumer, atomic for those who look */
	uint64_t groups __attribute__((aligned(128))); /* answered, as the queues say */
	uint64_t messages;                             /* read */
	uint64_t sleeps;
	uint64_t errors; /* reads that failed */
	uint32_t nb_held;
};

/* What consumers have counted. */
struct consumer_figures {
	uint64_t groups, messages, sleeps, errors;
};

struct consumers {
	uint32_t nb;
	struct consumer *list;
	struct consumer_figures *before; /* when figures began */
	struct consumer_figures *done;   /* between begin and end of the figures */
	int end_fd;                      /* wakes all of them */
};

/* The fault queues are there. 0, or -errno after one line. */
int
consumers_open(struct storm *s);

/* None runs. */
void
consumers_close(struct storm *s);

/* Threads, where there are to be any. 0, or -errno after one line. */
int
consumers_start(struct storm *s);

void
consumers_stop(struct storm *s);

/* The consumer that the fault lcore itself is; NULL: none. */
struct consumer *
consumers_single(struct storm *s);

/*
 * One turn: what is in the queues is read and answered.
 *
 * Returns groups that were answered, or held.
 */
uint32_t
consumer_turn(struct consumer *c);

/* Whether what is read from the stuck queue is held; when it is let go, it is answered. */
void
consumers_hold(struct storm *s, bool hold);

/* Groups held at the moment. */
uint32_t
consumers_held(const struct storm *s);

void
consumers_figures_begin(struct storm *s);

void
consumers_figures_end(struct storm *s);

#endif /* STORM_CONSUMERS_H */
