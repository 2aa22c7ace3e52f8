/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "eal.h"

static int users_argc;
static char **users_argv;
static char runtime_dir[256];

void
eal_arguments(int argc, char **argv)
{
	users_argc = argc;
	users_argv = argv;
}

/* Runs after DPDK has removed its files from there. */
static void
runtime_dir_remove(void)
{
	if (runtime_dir[0] != '\0')
		rmdir(runtime_dir);
}

int
eal_start(struct bench *b)
{
	char prefix[64], lcores[64];
	char *argv[] = {(char *)(uintptr_t)"uiommu-bench", prefix, lcores,
			(char *)(uintptr_t)"--no-huge", (char *)(uintptr_t)"-m",
			(char *)(uintptr_t)"256", (char *)(uintptr_t)"--no-shconf",
			(char *)(uintptr_t)"--no-pci", (char *)(uintptr_t)"--iova-mode=va",
			(char *)(uintptr_t)"--log-level=error",
			(char *)(uintptr_t)"--no-telemetry", NULL};
	int argc = sizeof(argv) / sizeof(argv[0]) - 1, ret;

	snprintf(prefix, sizeof(prefix), "--file-prefix=bench%d", (int)getpid());
	/* the main thread is the one that measures */
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", b->cpus[0] < 0 ? 0 : b->cpus[0]);
	atexit(runtime_dir_remove);
	if (users_argc != 0)
		ret = rte_eal_init(users_argc, users_argv);
	else
		ret = rte_eal_init(argc, argv);
	if (ret < 0) {
		talk("cannot start DPDK: %s", rte_strerror(rte_errno));
		return -rte_errno;
	}
	if (users_argc == 0 && rte_eal_get_runtime_dir() != NULL)
		snprintf(runtime_dir, sizeof(runtime_dir), "%s", rte_eal_get_runtime_dir());
	b->eal = true;
	return 0;
}

void
eal_stop(struct bench *b)
{
	if (b->eal)
		rte_eal_cleanup();
	b->eal = false;
}
