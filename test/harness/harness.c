/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The runner: cases, failures, skips. */

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_log.h>

#include "harness.h"
#include "harness_unit.h"

#define SKIP_REASON_SIZE 160

enum ending {
	ENDING_NONE = 0,
	ENDING_FAILED,
	ENDING_SKIPPED,
};

static jmp_buf case_end;
static bool in_case;
static pthread_t runner;
static unsigned int failures; /* of the running case; atomic */
static char skip_reason[SKIP_REASON_SIZE];
static bool skipped;          /* the running case has called harness_skip() */
static void (*cleanup_hook)(void);

uint64_t
harness_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

unsigned int
harness_failures(void)
{
	return __atomic_load_n(&failures, __ATOMIC_RELAXED);
}

void
harness_cleanup_set(void (*cleanup)(void))
{
	cleanup_hook = cleanup;
}

static void
failure_print(const char *file, int line, const char *fmt, va_list args)
{
	char text[512];
	const char *name = strrchr(file, '/');

	vsnprintf(text, sizeof(text), fmt, args);
	fprintf(stderr, "%s:%d: failed: %s\n", name == NULL ? file : name + 1, line, text);
	__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
}

void
harness_note(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	/* a check that fails in a loop need not fill the log */
	if (harness_failures() > 20) {
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
		return;
	}
	va_start(args, fmt);
	failure_print(file, line, fmt, args);
	va_end(args);
}

static _Noreturn void
case_leave(enum ending ending)
{
	if (!in_case)
		exit(ending == ENDING_SKIPPED ? 77 : 1);
	if (!pthread_equal(pthread_self(), runner))
		pthread_exit(NULL);
	longjmp(case_end, ending);
}

void
harness_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	failure_print(file, line, fmt, args);
	va_end(args);
	case_leave(ENDING_FAILED);
}

void
harness_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(skip_reason, sizeof(skip_reason), fmt, args);
	va_end(args);
	fprintf(stderr, "skipped: %s\n", skip_reason);
	skipped = true;
	case_leave(ENDING_SKIPPED);
}

bool
harness_skipped(void)
{
	return skipped;
}

/* ----------------------------------------------------------------- log */

static FILE *log_stream;
static char *log_text;
static size_t log_size;

void
harness_log_watch(void)
{
	log_stream = open_memstream(&log_text, &log_size);
	rte_openlog_stream(log_stream);
}

const char *
harness_log_text(void)
{
	fflush(log_stream);
	return log_text;
}

unsigned int
harness_log_lines(void)
{
	unsigned int lines = 0;
	size_t i;

	rte_openlog_stream(NULL);
	if (log_stream == NULL)
		return 0;
	fclose(log_stream);
	for (i = 0; i < log_size; i++)
		lines += log_text[i] == '\n';
	fputs(log_text, stderr);
	free(log_text);
	log_stream = NULL;
	log_text = NULL;
	return lines;
}

/* -------------------------------------------------------------- running */

static enum ending
case_run(const struct harness_case *one)
{
	enum ending ending;

	__atomic_store_n(&failures, 0, __ATOMIC_RELAXED);
	runner = pthread_self();
	skipped = false;
	in_case = true;
	ending = (enum ending)setjmp(case_end);
	if (ending == ENDING_NONE)
		one->run();
	in_case = false;
	if (log_stream != NULL)
		harness_log_lines();
	if (cleanup_hook != NULL)
		cleanup_hook();
	return harness_failures() != 0 ? ENDING_FAILED : ending;
}

static bool
case_is_wanted(const struct harness_case *one, int nb_words, char *const *words)
{
	int i;

	for (i = 0; i < nb_words; i++) {
		if (strstr(one->name, words[i]) != NULL)
			return true;
	}
	return nb_words == 0;
}

/* Why a case is not for the unit. @return NULL: it is */
static const char *
case_misfit(uint64_t wanted)
{
	static const struct {
		uint64_t needs;
		const char *why;
	} reasons[] = {
		{HARNESS_NEEDS_PARKING, "groups come whole: software has none to put together"},
		{HARNESS_NEEDS_OVERFLOW, "the unit's queue cannot overflow"},
		{HARNESS_NEEDS_GROUPS_BY_PASID, "groups are put together by their index alone"},
		{HARNESS_NEEDS_LAST_WORD, "the unit itself answers what a bond has left"},
		{HARNESS_NEEDS_COMMANDS, "the unit is told by system calls, not by commands"},
		{HARNESS_NEEDS_VF_REQUESTS, "virtual functions cannot send page requests"},
		{HARNESS_NEEDS_SWITCH, "the kernel switches page requests and ATS on and off"},
		{HARNESS_NEEDS_REPORTS, "accesses that fail are told to the kernel's log alone"},
		{HARNESS_NEEDS_ANY_ADDRESS, "the kernel has refused addresses that are none"},
		{HARNESS_NEEDS_STOP_MARKERS, "stop markers end before the queue"},
		{HARNESS_NEEDS_WHOLE_TABLE, "devices have a part of a table's addresses only"},
		{HARNESS_NEEDS_GUEST_TABLES, "nobody walks a guest's tables"},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(reasons); i++)
		if ((wanted & reasons[i].needs) != 0 && harness_lacks(reasons[i].needs))
			return reasons[i].why;
	wanted &= HARNESS_NEEDS_FIRST - 1;
	return (wanted & ~harness_unit()->capa) != 0 ? "the unit lacks a capability" : NULL;
}

void
harness_need(uint64_t needs)
{
	const char *misfit = case_misfit(needs);

	if (misfit != NULL)
		harness_skip("%s", misfit);
}

/* TAP takes '#' for the start of a directive. */
static void
result_print(unsigned int number, const char *name, enum ending ending, const char *reason,
	     uint64_t begin_ns)
{
	printf("%s %u - %s: %s", ending == ENDING_FAILED ? "not ok" : "ok", number,
	       harness_unit()->name, name);
	if (ending == ENDING_SKIPPED)
		printf(" # SKIP %s", reason);
	putchar('\n');
	fflush(stdout);
	fprintf(stderr, "%s: %s: %.3f s\n", harness_unit()->name, name,
		(double)(harness_now_ns() - begin_ns) * 1e-9);
}

/* Runs what is wanted; with number NULL only counts it. Returns failures, or the count. */
static unsigned int
suites_walk(const struct harness_program *program, size_t unit, int nb_words, char *const *words,
	    unsigned int *number)
{
	unsigned int result = 0;
	size_t i, j;

	for (i = 0; i < program->nb_suites; i++) {
		const struct harness_suite *suite = program->suites[i];

		for (j = 0; j < suite->nb_cases; j++) {
			const struct harness_case *one = &suite->cases[j];
			uint64_t begin = harness_now_ns();
			enum ending ending = ENDING_SKIPPED;
			const char *misfit;

			if (!case_is_wanted(one, nb_words, words))
				continue;
			/* a case may have chosen another one for itself */
			harness_unit_choose(unit);
			if (number == NULL) {
				result++;
				continue;
			}
			misfit = case_misfit(one->capa | suite->capa);
			if (misfit == NULL)
				ending = case_run(one);
			else
				snprintf(skip_reason, sizeof(skip_reason), "%s", misfit);
			result_print(++*number, one->name, ending, skip_reason, begin);
			result += ending == ENDING_FAILED;
		}
	}
	return result;
}

static int
names_print(const struct harness_program *program)
{
	size_t i, j;

	for (i = 0; i < program->nb_suites; i++) {
		for (j = 0; j < program->suites[i]->nb_cases; j++)
			puts(program->suites[i]->cases[j].name);
	}
	return 0;
}

static int
usage(const char *program)
{
	size_t i;

	fprintf(stderr, "Usage: %s [--list | --unit NAME] [WORD...]\nUnits:", program);
	for (i = 0; i < harness_unit_count(); i++) {
		harness_unit_choose(i);
		fprintf(stderr, " %s", harness_unit()->name);
	}
	fputc('\n', stderr);
	return 2;
}

int
harness_main(int argc, char **argv, const struct harness_program *program)
{
	size_t first = 0, end = program->every_unit ? harness_unit_count() : 1;
	unsigned int number = 0, failed = 0;
	size_t i;
	int ret;

	if (argc > 1 && strcmp(argv[1], "--list") == 0)
		return names_print(program);
	if (argc > 2 && strcmp(argv[1], "--unit") == 0) {
		if (!harness_unit_find(argv[2], &first))
			return usage(argv[0]);
		end = first + 1;
		argc -= 2;
		argv += 2;
	}
	if (argc > 1 && argv[1][0] == '-')
		return usage(argv[0]);
	ret = harness_eal_init(program->telemetry, program->memory_mb);
	if (ret != 0) {
		fprintf(stderr, "skipped: EAL does not start here: %s\n", strerror(-ret));
		printf("1..1\nok 1 - all # SKIP EAL does not start here: %s\n", strerror(-ret));
		return 0;
	}
	printf("1..%zu\n", suites_walk(program, first, argc - 1, argv + 1, NULL) * (end - first));
	for (i = first; i < end; i++)
		failed += suites_walk(program, i, argc - 1, argv + 1, &number);
	harness_eal_end();
	return failed == 0 ? 0 : 1;
}
