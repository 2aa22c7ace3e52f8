/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cores.h"
#include "talk.h"

#define CPUS_MAX 8192

/* CPUs that the process may use. */
static unsigned char allowed_bits[CPUS_MAX / 8] __attribute__((aligned(sizeof(long))));
static int allowed_error;

static cpu_set_t *
allowed_set(void)
{
	return (cpu_set_t *)allowed_bits;
}

void
cores_remember(void)
{
	allowed_error = sched_getaffinity(0, sizeof(allowed_bits), allowed_set()) < 0 ? errno : 0;
}

void
cores_leave_to(pthread_t thread, int fault, int model)
{
	unsigned char bits[CPUS_MAX / 8] __attribute__((aligned(sizeof(long))));
	cpu_set_t *left = (cpu_set_t *)bits;

	if (allowed_error != 0)
		return;
	memcpy(bits, allowed_bits, sizeof(bits));
	if (fault >= 0)
		CPU_CLR_S((size_t)fault, sizeof(bits), left);
	if (model >= 0)
		CPU_CLR_S((size_t)model, sizeof(bits), left);
	if (CPU_COUNT_S(sizeof(bits), left) == 0)
		memcpy(bits, allowed_bits, sizeof(bits));
	pthread_setaffinity_np(thread, sizeof(bits), left);
}

/* A number out of sysfs, or -1. */
static int
topology(int cpu, const char *what)
{
	char path[128];
	int value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, what);
	f = fopen(path, "r");
	if (f == NULL)
		return -1;
	if (fscanf(f, "%d", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

/* Which of two CPUs goes better with the first one; more is better. */
static int
pair_score(int a, int b)
{
	int package = topology(a, "physical_package_id"), core = topology(a, "core_id");
	bool same_package = package == topology(b, "physical_package_id");
	bool same_core = same_package && core >= 0 && core == topology(b, "core_id");

	return (same_core ? 0 : 4) + (same_package ? 2 : 0) + (a != 0 && b != 0 ? 1 : 0);
}

static bool
check_given(int cpu, const cpu_set_t *allowed, size_t size)
{
	char path[64];

	if (CPU_ISSET_S((size_t)cpu, size, allowed))
		return true;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d", cpu);
	talk("core %d %s", cpu,
	     access(path, F_OK) < 0 ? "does not exist" : "is offline or not ours to use");
	return false;
}

int
cores_choose(struct cores *cores)
{
	const size_t size = sizeof(allowed_bits);
	const cpu_set_t *allowed = allowed_set();
	int best = -1, score, a, b;

	if (allowed_error != 0) {
		talk("cannot read which cores may be used: %s", strerror(allowed_error));
		return -ENODEV;
	}
	if (CPU_COUNT_S(size, allowed) < 2) {
		talk("two cores are needed, this process may use only one");
		return -ENODEV;
	}
	if (cores->fault >= 0) {
		if (!check_given(cores->fault, allowed, size) ||
		    !check_given(cores->model, allowed, size))
			return -ENODEV;
		return 0;
	}
	/* the last CPU, and the one that goes best with it */
	for (a = CPUS_MAX - 1; !CPU_ISSET_S((size_t)a, size, allowed); a--)
		;
	cores->fault = a;
	for (b = a - 1; b >= 0; b--) {
		score = CPU_ISSET_S((size_t)b, size, allowed) ? pair_score(a, b) : -1;
		if (score > best) {
			best = score;
			cores->model = b;
		}
	}
	return 0;
}

struct cpu_times {
	uint64_t total, idle;
};

static int
cpu_times_read(int cpu, struct cpu_times *times)
{
	unsigned long long t[8] = {0};
	char line[512], name[32];
	int i, ret = -ENOENT;
	FILE *f = fopen("/proc/stat", "r");

	if (f == NULL)
		return -errno;
	while (ret < 0 && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%31s %llu %llu %llu %llu %llu %llu %llu %llu", name, &t[0], &t[1],
			   &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 5)
			continue;
		if (sscanf(name, "cpu%d", &i) == 1 && i == cpu)
			ret = 0;
	}
	fclose(f);
	times->total = 0;
	for (i = 0; i < 8; i++)
		times->total += t[i];
	times->idle = t[3] + t[4];
	return ret;
}

static double
busy_between(const struct cpu_times *from, const struct cpu_times *to)
{
	uint64_t total = to->total - from->total;
	uint64_t idle = to->idle - from->idle;

	return total == 0 || idle > total ? 0 : 1.0 - (double)idle / (double)total;
}

int
cores_busy(const struct cores *cores, unsigned int ms, double *fault, double *model)
{
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	struct cpu_times fault_from, fault_to, model_from, model_to;
	int ret;

	ret = cpu_times_read(cores->fault, &fault_from);
	if (ret == 0)
		ret = cpu_times_read(cores->model, &model_from);
	if (ret < 0)
		return ret;
	nanosleep(&wait, NULL);
	ret = cpu_times_read(cores->fault, &fault_to);
	if (ret == 0)
		ret = cpu_times_read(cores->model, &model_to);
	if (ret < 0)
		return ret;
	*fault = busy_between(&fault_from, &fault_to);
	*model = busy_between(&model_from, &model_to);
	return 0;
}
