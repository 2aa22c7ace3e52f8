/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "eal.h"
#include "options.h"
#include "table.h"

static int interrupted;

bool
bench_interrupted(void)
{
	return __atomic_load_n(&interrupted, __ATOMIC_RELAXED) != 0;
}

static void
on_signal(int number)
{
	__atomic_store_n(&interrupted, number, __ATOMIC_RELAXED);
}

/* In the order of their numbers, but the first one last: it has most of the system's work. */
static void
cpus_find(struct bench *b)
{
	cpu_set_t cpus;
	int cpu, first = -1;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		if (first < 0)
			first = cpu;
		else if (b->nb_cpus < BENCH_THREADS_MAX - 1)
			b->cpus[b->nb_cpus++] = cpu;
	}
	b->cpus[b->nb_cpus++] = first;
}

void
bench_pin(const struct bench *b, uint32_t n)
{
	cpu_set_t cpus;

	if (b->nb_cpus == 0)
		return;
	CPU_ZERO(&cpus);
	CPU_SET(b->cpus[n % b->nb_cpus], &cpus);
	/* where this may not be, the thread runs where it likes */
	(void)pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

void
bench_pin_beside(const struct bench *b, int cpu)
{
	uint32_t i;

	for (i = 0; i < b->nb_cpus; i++) {
		if (b->cpus[i] != cpu) {
			bench_pin(b, i);
			return;
		}
	}
}

/* The most that is in use at once: tables of the walks stay, the rest comes and goes. */
static uint32_t
pool_pages(const struct bench *b)
{
	uint32_t formats = (uint32_t)__builtin_popcount(b->o.formats);
	uint32_t walk = (b->o.cases & 1U << CASE_WALK) == 0 ? 0 : b->o.tables_mib * 256 + 1024;

	return formats * walk + b->o.pages / 512 + 4096;
}

static void
progress(const struct bench *b, uint32_t round, uint32_t point)
{
	if (b->o.quiet || isatty(STDERR_FILENO) == 0)
		return;
	fprintf(stderr, "\rround %u of %u, %-40s", round + 1, b->o.rounds,
		b->points[point]->name);
	if (round + 1 == b->o.rounds && point + 1 == b->nb_points)
		fprintf(stderr, "\r%*s\r", 64, "");
}

/* Why there is no figure. */
static void
point_excuse(struct bench *b, struct bench_point *p)
{
	snprintf(p->why, sizeof(p->why), "%s", b->why[0] == '\0' ? "not supported" : b->why);
	b->why[0] = '\0';
}

/* Whole rounds only. Returns how many, or -errno. */
static int
rounds_run(struct bench *b)
{
	uint32_t round, i;
	double cost;

	for (round = 0; round < b->o.rounds; round++) {
		for (i = 0; i < b->nb_points; i++) {
			progress(b, round, i);
			cost = b->points[i]->missing ? 0 : b->points[i]->run(b, b->points[i]);
			if (cost == -ENOTSUP) {
				b->points[i]->missing = true;
				point_excuse(b, b->points[i]);
				cost = 0;
			}
			if (cost < 0) {
				talk("%s: %s", b->points[i]->name, strerror((int)-cost));
				return (int)cost;
			}
			b->points[i]->cost[round] = cost;
			if (bench_interrupted())
				return (int)round;
		}
	}
	return (int)round;
}

static int
report(struct bench *b, uint32_t rounds)
{
	bool text = !b->o.quiet;
	int ret = 0;

	if (b->o.csv != NULL) {
		text = text && strcmp(b->o.csv, "-") != 0;
		ret = report_csv(b, rounds);
	}
	if (ret == 0 && b->o.json != NULL) {
		text = text && strcmp(b->o.json, "-") != 0;
		ret = report_json(b, rounds);
	}
	if (ret == 0 && text)
		ret = report_print(b, rounds);
	return ret;
}

static int
bench(struct bench *b)
{
	int ret;

	/* what they are held against */
	if ((b->o.cases & CASES_HELD_AGAINST_PROCESS) != 0)
		b->o.cases |= 1U << CASE_PROCESS;
	if (report_open(b) != 0)
		return BENCH_FAILED;
	if (points_make(b) != 0 || pool_open(b, pool_pages(b)) != 0) {
		talk("no memory");
		return BENCH_FAILED;
	}
	ret = rounds_run(b);
	if (ret == 0)
		talk("ended before the first round was over");
	if (ret > 0) {
		result_make(b, (uint32_t)ret);
		ret = report(b, (uint32_t)ret) == 0 ? 1 : 0;
	}
	return ret > 0 ? BENCH_OK : BENCH_FAILED;
}

int
main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	int own_argc = argc, exit_code, i;
	static struct bench b;
	char **own_argv = argv;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		own_argc = argc - i;
		own_argv = argv + i;
		own_argv[0] = argv[0];
		eal_arguments(i == 1 ? 0 : i, argv);
		break;
	}
	cpus_find(&b);
	if (!options_parse(own_argc, own_argv, b.nb_cpus, &b.o, &exit_code))
		return exit_code;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	bench_pin(&b, 0);
	if (b.o.icount && !clock_count_instructions()) {
		talk("--icount: this clock does not count instructions (QEMU: one CPU, -icount "
		     "shift=0)");
		return BENCH_FAILED;
	}
	exit_code = bench(&b);
	report_close(&b);
	domain_free(&b);
	walk_free(&b);
	points_free(&b);
	pool_close(&b);
	eal_stop(&b);
	return exit_code;
}
