/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* EAL without hugepages, devices or privileges, so that a test runs on any machine. */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "harness.h"

#define MEMORY_MB_DEFAULT 384

static int
first_cpu(const cpu_set_t *cpus)
{
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, cpus))
			return cpu;
	}
	return 0;
}

const char *
harness_runtime_dir(void)
{
	return rte_eal_get_runtime_dir();
}

/*
 * The process id in the file prefix keeps tests that run at the same time apart. Threads of a
 * test are ordinary ones, free to run anywhere: EAL's binding of the first one is undone.
 */
int
harness_eal_init(bool telemetry, unsigned int memory_mb)
{
	/* writable words, for EAL may change them */
	char words[][40] = {
		"uiommu-test",
		"--no-huge",
		"--no-pci",
		"--log-level=lib.eal:error",
		"-m",
		"",
		"--lcores",
		"",
		"",
		"",
		"--no-telemetry",
	};
	char *argv[ARRAY_COUNT(words) + 1] = {NULL};
	int argc = (int)ARRAY_COUNT(words) - (telemetry ? 1 : 0);
	cpu_set_t cpus;
	int i;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return -errno;
	snprintf(words[5], sizeof(words[5]), "%u", memory_mb != 0 ? memory_mb : MEMORY_MB_DEFAULT);
	snprintf(words[7], sizeof(words[7]), "0@%d", first_cpu(&cpus));
	snprintf(words[8], sizeof(words[8]), "--file-prefix=uiommu-test-%d", (int)getpid());
	snprintf(words[9], sizeof(words[9]), "%s", telemetry ? "--telemetry" : "--no-shconf");
	for (i = 0; i < argc; i++)
		argv[i] = words[i];
	if (rte_eal_init(argc, argv) < 0)
		return rte_errno != 0 ? -rte_errno : -ENOTSUP;
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return 0;
}

/* What a run leaves behind would add up: a folder of files for each process id. */
void
harness_eal_end(void)
{
	char folder[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	const struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	dir = opendir(folder);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	closedir(dir);
	rmdir(folder);
}
