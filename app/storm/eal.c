/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "cores.h"
#include "eal.h"
#include "memory.h"
#include "talk.h"

#define BUSY_SAMPLE_MS 100
#define BUSY_SHARE 0.10
#define ARGUMENTS_MAX 20

static char runtime_dir[256];

void
eal_split(int argc, char **argv, int *eal_argc, int *own_argc, char ***own_argv)
{
	int i;

	*eal_argc = 0;
	*own_argc = argc;
	*own_argv = argv;
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			*eal_argc = i == 1 ? 0 : i;
			*own_argc = argc - i;
			*own_argv = argv + i;
			argv[i] = argv[0];
			return;
		}
	}
}

/* Runs after DPDK has removed its socket from there. */
static void
runtime_dir_remove(void)
{
	if (runtime_dir[0] != '\0')
		rmdir(runtime_dir);
}

/* Loud: what the EAL has to say is wanted. */
static int
init(int argc, char **argv, bool loud)
{
	int ret;

	if (!loud) {
		talk_hold();
		talk_mute();
	}
	ret = rte_eal_init(argc, argv);
	if (!loud) {
		talk_unmute();
		talk_release();
	}
	return ret;
}

struct arguments {
	int nb;
	char *list[ARGUMENTS_MAX + 1];
	char text[ARGUMENTS_MAX][64];
};

__attribute__((format(printf, 2, 3))) static void
add(struct arguments *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(a->text[a->nb], sizeof(a->text[0]), format, args);
	va_end(args);
	a->list[a->nb] = a->text[a->nb];
	a->nb++;
}

/*
 * The main lcore floats over both CPUs: it sleeps nearly always. Hugepages need no mount with
 * --in-memory; without hugepages 22.11 refuses that option.
 */
static int
start_with_ours(const struct storm_options *o, const struct cores *cores, struct storm_eal *eal)
{
	struct arguments a = {0};
	int ret;

	add(&a, "uiommu-storm");
	add(&a, "--lcores=0@(%d,%d),1@%d,2@%d", cores->fault, cores->model, cores->fault,
	    cores->model);
	add(&a, "--main-lcore=0");
	add(&a, "--no-pci");
	add(&a, "--iova-mode=va");
	add(&a, "--file-prefix=storm%d", (int)getpid());
	add(&a, "--log-level=error");
	add(&a, "--log-level=lib.uiommu:notice");
	add(&a, "--log-level=drv.uiommu*:notice");
	if (eal->hugepages) {
		add(&a, "--in-memory");
	} else {
		add(&a, "--no-huge");
		add(&a, "--no-shconf");
		add(&a, "-m");
		add(&a, "%u", memory_needed_mb(o) * 2);
	}
	atexit(runtime_dir_remove);
	ret = init(a.nb, a.list, false);
	if (rte_eal_get_runtime_dir() != NULL)
		snprintf(runtime_dir, sizeof(runtime_dir), "%s", rte_eal_get_runtime_dir());
	if (ret < 0) {
		talk("cannot start DPDK: %s", talk_reason(rte_strerror(rte_errno)));
		return STORM_FAILED;
	}
	eal->lcore_fault = 1;
	eal->lcore_model = 2;
	eal->cpu_fault = cores->fault;
	eal->cpu_model = cores->model;
	return STORM_OK;
}

/* The CPU of an lcore that is bound to one only. */
static int
lcore_cpu(unsigned int lcore)
{
	rte_cpuset_t cpus = rte_lcore_cpuset(lcore);
	int cpu;

	if (CPU_COUNT(&cpus) != 1)
		return -1;
	for (cpu = 0; !CPU_ISSET(cpu, &cpus); cpu++)
		;
	return cpu;
}

static bool
wants_to_hear(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strncmp(argv[i], "--log-level", strlen("--log-level")) == 0 ||
		    strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
		    strcmp(argv[i], "-v") == 0)
			return true;
	return false;
}

static int
start_with_users(int argc, char **argv, struct storm_eal *eal)
{
	unsigned int lcore;

	if (init(argc, argv, wants_to_hear(argc, argv)) < 0) {
		talk("cannot start DPDK with these EAL arguments: %s",
		     talk_reason(rte_strerror(rte_errno)));
		return rte_errno == EINVAL ? STORM_USAGE : STORM_FAILED;
	}
	lcore = rte_get_next_lcore(-1, 1, 0);
	if (lcore >= RTE_MAX_LCORE || rte_get_next_lcore(lcore, 1, 0) >= RTE_MAX_LCORE) {
		talk("the EAL arguments give %u lcores, 3 are needed: main, fault and model",
		     rte_lcore_count());
		rte_eal_cleanup();
		return STORM_USAGE;
	}
	eal->lcore_fault = lcore;
	eal->lcore_model = rte_get_next_lcore(lcore, 1, 0);
	eal->cpu_fault = lcore_cpu(eal->lcore_fault);
	eal->cpu_model = lcore_cpu(eal->lcore_model);
	eal->hugepages = rte_eal_has_hugepages() != 0;
	return STORM_OK;
}

static int
check_exclusive(const struct cores *cores)
{
	double fault, model;

	if (cores_busy(cores, BUSY_SAMPLE_MS, &fault, &model) < 0)
		return STORM_OK;
	if (fault < BUSY_SHARE && model < BUSY_SHARE)
		return STORM_OK;
	talk("core %d is busy: others use %.0f %% of it",
	     fault >= model ? cores->fault : cores->model, 100 * (fault >= model ? fault : model));
	return STORM_FAILED;
}

int
eal_start(const struct storm_options *o, int eal_argc, char **argv, struct storm_eal *eal)
{
	struct cores cores = {.fault = o->cpu_fault, .model = o->cpu_model};
	int ret;

	memset(eal, 0, sizeof(*eal));
	cores_remember();
	if (talk_log_open() < 0) {
		talk("cannot open the log");
		return STORM_FAILED;
	}
	if (eal_argc != 0) {
		if (o->cpu_fault >= 0 || o->no_huge) {
			talk("--cores and --no-huge do not go with EAL arguments");
			return STORM_USAGE;
		}
		return start_with_users(eal_argc, argv, eal);
	}
	if (cores_choose(&cores) < 0)
		return STORM_FAILED;
	ret = o->exclusive ? check_exclusive(&cores) : STORM_OK;
	if (ret != STORM_OK)
		return ret;
	eal->hugepages = !o->no_huge && memory_hugepages(memory_needed_mb(o));
	return start_with_ours(o, &cores, eal);
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}
