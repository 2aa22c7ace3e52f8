/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Consumers of fault queues come and go on a real kernel, some of them killed in the middle; from
 * outside, each request that a mock device sends is seen, and each answer that it gets.
 * Arguments: seconds (10), seed (from the clock), and the consumer: a program and its arguments,
 * which attaches, replaces and detaches at random until it ends.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "outside.h"

#define MS UINT64_C(1000000)
#define LIFE_MIN_MS 700
#define LIFE_SPREAD_MS 1500
#define REST_MS 20000
#define INSTANCES "/sys/kernel/tracing/instances"

/** How a consumer ends. */
enum end {
	END_KILLED = 0,
	END_STOPPED_AND_KILLED, /**< it is there, and does nothing any more */
	END_BY_ITSELF,
	END_KINDS,
};

/** Most are killed. */
static const enum end ends_of[] = {
	END_KILLED, END_KILLED, END_KILLED, END_KILLED, END_STOPPED_AND_KILLED, END_BY_ITSELF,
	END_BY_ITSELF, END_BY_ITSELF,
};

static unsigned int cases, failures, ends[END_KINDS], judged;

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * MS + (uint64_t)now.tv_nsec;
}

static uint64_t
random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void
check(bool good, const char *what)
{
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++cases, what);
	fflush(stdout);
	failures += !good;
}

/* Words of a consumer have its talk on stderr; its cases are not ours. */
static pid_t
consumer_start(char *const *words)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (freopen("/tmp/consumer", "w", stdout) == NULL || dup2(1, 2) < 0)
		_exit(126);
	execvp(words[0], words);
	_exit(127);
}

/* What a process that was killed has left: its folder of the trace. */
static void
instance_remove(pid_t pid)
{
	char prefix[32], path[512];
	const struct dirent *entry;
	DIR *dir = opendir(INSTANCES);

	snprintf(prefix, sizeof(prefix), "uiommu-%d-", (int)pid);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(path, sizeof(path), INSTANCES "/%s", entry->d_name);
		rmdir(path);
	}
	if (dir != NULL)
		closedir(dir);
}

static void
listen_for(struct outside *outside, uint64_t ms)
{
	uint64_t end = now_ns() + ms * MS;

	do {
		outside_take(outside);
		usleep(2000);
	} while (now_ns() < end);
}

static bool
ended_well(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Those that get to their end say what their own judges think: nothing, else they fail. */
static bool
ended_judged(int status)
{
	judged += ended_well(status);
	return ended_well(status);
}

/* @return whether the consumer did as it should */
static bool
consumer_run(struct outside *outside, char *const *words, enum end end, uint64_t life_ms)
{
	pid_t pid = consumer_start(words);
	int status = 0;

	if (pid < 0)
		return false;
	if (end == END_BY_ITSELF) {
		while (waitpid(pid, &status, WNOHANG) == 0)
			listen_for(outside, 5);
		return ended_judged(status);
	}
	listen_for(outside, life_ms);
	/* it may have come to its end by itself */
	if (waitpid(pid, &status, WNOHANG) == pid)
		return ended_judged(status);
	if (end == END_STOPPED_AND_KILLED) {
		kill(pid, SIGSTOP);
		listen_for(outside, 100);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	instance_remove(pid);
	/* it may have been faster */
	return WIFSIGNALED(status) || ended_well(status);
}

/* The kernel has closed what the process had: nothing is left. */
static bool
comes_to_rest(struct outside *outside)
{
	uint64_t end = now_ns() + REST_MS * MS;

	do {
		listen_for(outside, 10);
	} while (outside->outstanding != 0 && now_ns() < end);
	return outside->outstanding == 0;
}

static void
report(const struct outside *outside, const char *talk)
{
	printf("# %s%u consumers killed, %u stopped and killed, %u ended by themselves; "
	       "%llu requests, answers: %llu success, %llu invalid, %llu others\n",
	       talk, ends[END_KILLED], ends[END_STOPPED_AND_KILLED], ends[END_BY_ITSELF],
	       (unsigned long long)outside->requests, (unsigned long long)outside->codes[0],
	       (unsigned long long)outside->codes[1], (unsigned long long)outside->codes[2]);
	fflush(stdout);
}

static void
talk_copy(void)
{
	char line[256];
	FILE *file = fopen("/tmp/consumer", "r");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		printf("# %s", line);
	if (file != NULL)
		fclose(file);
}

int
main(int argc, char **argv)
{
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
	uint64_t random = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	struct outside *outside = outside_open();
	bool well = true, at_rest = true;
	uint64_t begin = now_ns(), told = begin;
	enum end end;

	if (argc < 4 || outside == NULL) {
		fprintf(stderr, argc < 4 ? "Usage: %s SECONDS SEED CONSUMER [ARGUMENT...]\n" :
					   "%s: requests and answers cannot be seen\n", argv[0]);
		return 2;
	}
	random = random != 0 ? random : begin;
	printf("# seed %llu\n", (unsigned long long)random);
	while (well && at_rest && outside_is_clean(outside) &&
	       (now_ns() - begin < seconds * 1000 * MS || ends[END_KILLED] == 0 ||
		ends[END_STOPPED_AND_KILLED] == 0 || ends[END_BY_ITSELF] == 0)) {
		end = ends_of[random_next(&random) % (sizeof(ends_of) / sizeof(ends_of[0]))];
		well = consumer_run(outside, argv + 3, end,
				    LIFE_MIN_MS + random_next(&random) % LIFE_SPREAD_MS);
		ends[end]++;
		at_rest = comes_to_rest(outside);
		if (now_ns() - told > 60 * 1000 * MS) {
			told = now_ns();
			report(outside, "so far: ");
		}
	}
	report(outside, "");
	if (outside->first[0] != '\0')
		printf("# %s\n", outside->first);
	if (!well)
		talk_copy();
	check(well, "consumers end well, unless they are killed");
	printf("# judges of %u consumers had their say\n", judged);
	check(judged > 0, "consumers' own judges have nothing to say");
	check(outside->requests > 0 && outside->codes[0] > 0, "requests were served");
	check(at_rest && outside->outstanding == 0, "no request is lost");
	check(outside->twice == 0, "no request is answered twice");
	check(outside->codes[2] == 0, "no answer has a code of its own");
	check(outside->trace.lost == 0, "all has been seen");
	printf("1..%u\n", cases);
	outside_close(outside);
	return failures == 0 ? 0 : 1;
}
