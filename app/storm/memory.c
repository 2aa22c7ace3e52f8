/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "delivery.h"
#include "map.h"
#include "memory.h"
#include "talk.h"

#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"

unsigned int
memory_needed_mb(const struct storm_options *o)
{
	uint64_t kilobytes = 96 * 1024; /* queues, bound, DPDK itself */

	/* PASID entries of unit, engine and model; parking, groups and directory of an endpoint */
	kilobytes += o->pasids * UINT64_C(1);
	kilobytes += o->endpoints * UINT64_C(300);
	kilobytes += delivery_memory_bytes(o) / 1024;
	kilobytes += map_memory_bytes(o) / 1024;
	return (unsigned int)(kilobytes / 1024);
}

static uint64_t
read_number(const char *dir, const char *file)
{
	unsigned long long n = 0;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), HUGEPAGES_DIR "/%s/%s", dir, file);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* Free and not promised to anybody, all page sizes. */
static uint64_t
free_kilobytes(uint64_t *largest)
{
	unsigned long long size_kb;
	uint64_t sum = 0, nb_free, reserved;
	struct dirent *entry;
	DIR *dir = opendir(HUGEPAGES_DIR);

	*largest = 0;
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (sscanf(entry->d_name, "hugepages-%llukB", &size_kb) != 1)
			continue;
		nb_free = read_number(entry->d_name, "free_hugepages");
		reserved = read_number(entry->d_name, "resv_hugepages");
		if (nb_free <= reserved)
			continue;
		sum += (nb_free - reserved) * size_kb;
		if (size_kb > *largest)
			*largest = size_kb;
	}
	closedir(dir);
	return sum;
}

/* Permission is not the same as existence: containers may forbid it. */
static bool
one_can_be_mapped(uint64_t size_kb)
{
	int shift = 63 - __builtin_clzll(size_kb * 1024);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (shift << MAP_HUGE_SHIFT);
	void *va = mmap(NULL, size_kb * 1024, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (va == MAP_FAILED)
		return false;
	munmap(va, size_kb * 1024);
	return true;
}

bool
memory_hugepages(unsigned int megabytes)
{
	uint64_t size_kb;
	uint64_t free_mb = free_kilobytes(&size_kb) / 1024;

	if (free_mb < megabytes) {
		talk("no hugepages: %u MiB wanted, %u MiB free; going on without",
		     megabytes, (unsigned int)free_mb);
		return false;
	}
	if (!one_can_be_mapped(size_kb)) {
		talk("no hugepages: %s; going on without", strerror(errno));
		return false;
	}
	return true;
}
