/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef POPULATE_PROBE_H
#define POPULATE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/*
 * Whether pages come when they are asked for. Linux before 5.14 refuses; what only passes itself
 * off as a kernel (qemu-user) may say yes to any advice, and do nothing.
 */
static inline bool
populate_works(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in_core = 0;
	bool works;
	void *va;

	va = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (va == MAP_FAILED)
		return false;
	works = madvise(va, page, MADV_POPULATE_WRITE) == 0 && mincore(va, page, &in_core) == 0 &&
		(in_core & 1) != 0;
	munmap(va, page);
	return works;
}

#endif /* POPULATE_PROBE_H */
