/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_H
#define BENCH_H

/*
 * What is measured, and with what result. A point is one thing to be measured; a round measures
 * each point once, in order, so that all of them see the same machine: what is compared with what
 * is compared round by round.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <uiommu.h>

#define BENCH_OK 0
#define BENCH_FAILED 1
#define BENCH_USAGE 2

#define BENCH_ROUNDS_MAX 1000
#define BENCH_THREADS_MAX 64
#define BENCH_POINTS_MAX 256
#define BENCH_AGAINST_MAX 2

enum bench_case {
	CASE_MAP,
	CASE_UNMAP,
	CASE_LENGTH,
	CASE_THREADS,
	CASE_WALK,
	CASE_PROTECT,
	CASE_SAMPLE,
	CASE_PROCESS,
	CASE_DOMAIN,
	CASE_FAULT,
	CASE_IDLE,
	NB_CASES,
};

/* Those that are held against what a process pays. */
#define CASES_HELD_AGAINST_PROCESS                                                                 \
	(1U << CASE_MAP | 1U << CASE_UNMAP | 1U << CASE_THREADS | 1U << CASE_PROTECT)

struct bench_options {
	uint32_t cases;     /* bits 1 << enum bench_case */
	uint32_t formats;   /* bits 1 << enum uiommu_pgtable_format */
	uint32_t pages;     /* of 4 KiB, for each measurement */
	uint32_t tables_mib; /* walk: size of the tables */
	uint32_t threads;   /* most at once */
	uint32_t rounds;
	const char *unit;   /* domain, fault: name of a driver; its emulation is probed */
	const char *csv;    /* NULL: none; "-": stdout */
	const char *json;
	bool icount;        /* the clock counts instructions */
	bool quick;
	bool quiet;
};

struct bench;
struct bench_point;

/*
 * Measures once.
 *
 * @return what each operation cost, as bench_now() counts; negative: -errno, the reason was told;
 *   -ENOTSUP: the system cannot do it for the reason given to bench_missing(), and the rest goes on
 *   without
 */
typedef double (*bench_run_t)(struct bench *b, const struct bench_point *p);

struct bench_point {
	enum bench_case in;
	char name[64];        /* one of its own */
	const char *operation; /* what one of them is: "page", "leaf", "walk" */
	bench_run_t run;
	uint32_t format;
	uint64_t leaf;        /* size of leaves */
	uint32_t nb;          /* leaves, walks, pages */
	uint32_t call;        /* of them in one call */
	uint32_t threads;
	/* names of other points, in the same unit; the ratio of both is reported */
	char against[BENCH_AGAINST_MAX][64];
	bool missing;         /* cannot be measured here: */
	char why[128];
	double *cost;         /* by round */
	double median, min, max;
	double spread;        /* distance of the quartiles over the median */
	double ratio[BENCH_AGAINST_MAX]; /* median of the rounds' ratios; 0: none */
};

struct bench_walk;
struct bench_domain;

struct bench {
	struct bench_options o;
	struct bench_point *points[BENCH_POINTS_MAX];
	uint32_t nb_points;
	int cpus[BENCH_THREADS_MAX]; /* that may be used; -1: fewer than that */
	uint32_t nb_cpus;
	void *memory;          /* of the pool */
	size_t memory_size;
	bool hugepages;        /* memory is in such */
	void *pool_mem;
	struct uiommu_pgpool *pool;
	uint64_t *none;        /* UIOMMU_PA_NONE, as many as a call takes */
	struct bench_walk *walk[UIOMMU_PGTABLE_FORMATS];
	struct bench_domain *domain;
	char why[128];         /* of the point that is being measured */
	FILE *csv, *json;      /* NULL: not wanted */
	bool eal;              /* runs */
};

/* main.c: by Ctrl-C. */
bool
bench_interrupted(void);

/* points.c: what the options ask for. 0 or -errno. */
int
points_make(struct bench *b);
void
points_free(struct bench *b);
const struct bench_point *
points_find(const struct bench *b, const char *name);
const char *
points_case_name(enum bench_case in);

/* One more; the rest of it is to be filled. NULL: too many. */
struct bench_point *
points_add(struct bench *b, enum bench_case in, const char *operation, bench_run_t run);

/* Each case adds its points. */
void
table_points(struct bench *b, uint32_t format);
void
threads_points(struct bench *b, uint32_t format);
void
walk_points(struct bench *b, uint32_t format);
void
process_points(struct bench *b);
void
domain_points(struct bench *b);
void
fault_points(struct bench *b);
void
idle_points(struct bench *b);

void
walk_free(struct bench *b);
void
domain_free(struct bench *b);

/* result.c */
void
result_make(struct bench *b, uint32_t rounds);

/* Before anything is measured: a file that cannot be written is known at once. 0 or -errno. */
int
report_open(struct bench *b);

/* Text for people, and what else is wanted. All return 0 or -errno. */
int
report_print(const struct bench *b, uint32_t rounds);
int
report_csv(struct bench *b, uint32_t rounds);
int
report_json(struct bench *b, uint32_t rounds);
void
report_close(struct bench *b);

/* clock.c: nanoseconds since some time; instructions, after clock_count_instructions(). */
uint64_t
bench_now(void);

/*
 * Have bench_now() give the time-stamp counter where that counts the instructions of this
 * processor, as an emulator's can (QEMU: one CPU, -icount shift=0). It is tried, not believed.
 *
 * @return whether it does; if not, nothing has changed
 */
bool
clock_count_instructions(void);

/* Why the point cannot be measured here. Returns -ENOTSUP. */
__attribute__((format(printf, 2, 3))) int
bench_missing(struct bench *b, const char *format, ...);

/* Bind the calling thread to the n-th CPU, if there is one. */
void
bench_pin(const struct bench *b, uint32_t n);

/* Bind it to one that is another than cpu, if there is one. */
void
bench_pin_beside(const struct bench *b, int cpu);

/* One line on stderr, "uiommu-bench: ...". */
__attribute__((format(printf, 1, 2))) void
talk(const char *format, ...);

#endif /* BENCH_H */
