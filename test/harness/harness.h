/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HARNESS_H
#define HARNESS_H

/**
 * @file
 * Cases, checks, skips, and EAL on a bare machine. Output is TAP on stdout, talk is on stderr.
 *
 * A case is a function without arguments. Checks that fail end it; the next one runs
 * all the same. Each case is run on each unit that can do what it needs.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct harness_unit;

/*
 * What a case needs of a unit that no UIOMMU_CAPA_* says; see struct harness_unit::lacks. Beside
 * those, in one word.
 */
/** groups are put together by software: members without the last one are in its queue */
#define HARNESS_NEEDS_PARKING (UINT64_C(1) << 56)
/** the queue is bounded, and overflows */
#define HARNESS_NEEDS_OVERFLOW (UINT64_C(1) << 57)
/** who puts groups together looks at their PASIDs; Linux's iommu_report_device_fault() does not */
#define HARNESS_NEEDS_GROUPS_BY_PASID (UINT64_C(1) << 58)
/** what a bond has left when it ends is software's to answer, and in the queue until then */
#define HARNESS_NEEDS_LAST_WORD (UINT64_C(1) << 59)
/** the unit is told by a queue of commands, which can fail */
#define HARNESS_NEEDS_COMMANDS (UINT64_C(1) << 60)
/** page requests of virtual functions */
#define HARNESS_NEEDS_VF_REQUESTS (UINT64_C(1) << 61)
/** page requests and translations of an endpoint are switched on and off by software */
#define HARNESS_NEEDS_SWITCH (UINT64_C(1) << 62)
/** accesses that fail for good are reported to software */
#define HARNESS_NEEDS_REPORTS (UINT64_C(1) << 55)
/** stop markers are in the queue */
#define HARNESS_NEEDS_STOP_MARKERS (UINT64_C(1) << 54)
/** what the unit puts into its queue may have addresses that it cannot have */
#define HARNESS_NEEDS_ANY_ADDRESS (UINT64_C(1) << 53)
/** all addresses of a page table are mapped by whoever keeps it */
#define HARNESS_NEEDS_WHOLE_TABLE (UINT64_C(1) << 52)
/** a guest's page tables are walked */
#define HARNESS_NEEDS_GUEST_TABLES (UINT64_C(1) << 51)
#define HARNESS_NEEDS_FIRST HARNESS_NEEDS_GUEST_TABLES

/** One case. */
struct harness_case {
	const char *name;    /**< begins with the rules and rows that it is about: "R7 T39 ..." */
	void (*run)(void);
	uint64_t capa;       /**< UIOMMU_CAPA_* that a unit must have, and HARNESS_NEEDS_* */
};

/** A list of cases, in order. */
struct harness_suite {
	const struct harness_case *cases;
	size_t nb_cases;
	uint64_t capa;       /**< what a unit must have for each of them */
};

#define HARNESS_SUITE_OF(name, capa)                                                               \
	const struct harness_suite name##_suite = {name##_cases, ARRAY_COUNT(name##_cases), capa}

/** Most are about page requests. */
#define HARNESS_SUITE(name) HARNESS_SUITE_OF(name, UIOMMU_CAPA_PAGE_REQUESTS)

/** What a program is. */
struct harness_program {
	const struct harness_suite *const *suites;
	size_t nb_suites;
	bool every_unit;     /**< run all cases on each unit; else on the first one only */
	bool telemetry;      /**< EAL with its telemetry socket */
	unsigned int memory_mb; /**< 0: 384 */
};

/**
 * Start EAL and run the cases. Arguments: "--list"; "--unit NAME": only on that one; words: only
 * cases whose names have one of them.
 *
 * @return exit code: 0, 1 (a case failed), 2 (usage)
 */
int
harness_main(int argc, char **argv, const struct harness_program *program);

/** Start EAL alone, for programs that are no list of cases. @return 0 or a negative errno */
int
harness_eal_init(bool telemetry, unsigned int memory_mb);

/** Undo harness_eal_init(). */
void
harness_eal_end(void);

/** Folder of EAL's runtime files. */
const char *
harness_runtime_dir(void);

/** End the running case as skipped. */
void
harness_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/** End the running case as skipped where the unit lacks something, HARNESS_NEEDS_*. */
void
harness_need(uint64_t needs);

/** Whether the case that has ended was skipped: for the clean-up. */
bool
harness_skipped(void);

/** Note a failure and go on. Any thread. */
void
harness_note(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Note a failure and end the running case (in other threads: the thread). */
void
harness_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));

/** Failures of the running case so far. */
unsigned int
harness_failures(void);

/** Called when a case has ended in whatever way, to take down what it left. */
void
harness_cleanup_set(void (*cleanup)(void));

/* ---------------------------------------------------------------- checks */

/** Ends the case where it does not hold. Not in handlers: they must return. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			harness_fail(__FILE__, __LINE__, "%s", #condition);                        \
	} while (0)

/** Notes the failure where it does not hold. For handlers, threads and loops. */
#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			harness_note(__FILE__, __LINE__, "%s", #condition);                        \
	} while (0)

/** Two integers are equal. */
#define CHECK_EQ(left, right)                                                                      \
	do {                                                                                       \
		long long harness_left = (long long)(left);                                        \
		long long harness_right = (long long)(right);                                      \
		if (harness_left != harness_right)                                                 \
			harness_fail(__FILE__, __LINE__, "%s is %lld, %s is %lld", #left,          \
				     harness_left, #right, harness_right);                         \
	} while (0)

#define EXPECT_EQ(left, right)                                                                     \
	do {                                                                                       \
		long long harness_left = (long long)(left);                                        \
		long long harness_right = (long long)(right);                                      \
		if (harness_left != harness_right)                                                 \
			harness_note(__FILE__, __LINE__, "%s is %lld, %s is %lld", #left,          \
				     harness_left, #right, harness_right);                         \
	} while (0)

/** A call that returns a pointer failed with this errno. */
#define CHECK_ERRNO(pointer, code)                                                                 \
	do {                                                                                       \
		const void *harness_pointer = (pointer);                                           \
		if (harness_pointer != NULL || rte_errno != (code))                                \
			harness_fail(__FILE__, __LINE__, "%s: %s, rte_errno %d, not %d", #pointer, \
				     harness_pointer == NULL ? "NULL" : "not NULL", rte_errno,     \
				     (code));                                                      \
	} while (0)

/* ----------------------------------------------------------------- time */

/** Monotonic, in ns. */
uint64_t
harness_now_ns(void);

/** A small generator, the same everywhere (splitmix64). */
static inline uint64_t
harness_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* ----------------------------------------------------------------- log */

/** From here on count the lines that go to the log. */
void
harness_log_watch(void);

/** What has been logged since then; until the next call. */
const char *
harness_log_text(void);

/** Lines since then; ends the watch. */
unsigned int
harness_log_lines(void);

#endif /* HARNESS_H */
