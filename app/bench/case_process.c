/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What a process pays the kernel for as many pages of its own. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "crew.h"
#include "table.h"

/* Linux 5.14; the headers of the system may be older. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Pages of 4 KiB, whatever the system likes better. */
static uint8_t *
process_map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		talk("mmap: %s", strerror(errno));
		return NULL;
	}
	madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

static void
touch(uint8_t *memory, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += PAGE_SIZE)
		__atomic_store_n(&memory[at], 1, __ATOMIC_RELAXED);
}

static int
populate(uint8_t *memory, size_t size)
{
	int ret = madvise(memory, size, MADV_POPULATE_WRITE) == 0 ? 0 : -errno;

	if (ret != 0)
		talk("MADV_POPULATE_WRITE: %s", strerror(-ret));
	/* what an older kernel says */
	return ret == -EINVAL ? -ENOTSUP : ret;
}

struct share {
	uint8_t *memory;
	size_t size;
};

static int
touch_share(void *arg, uint32_t thread)
{
	struct share *share = arg;

	touch(share->memory + thread * share->size, share->size);
	return 0;
}

static double
run_touch(struct bench *b, const struct bench_point *p)
{
	struct share share = {.size = p->nb / p->threads * PAGE_SIZE};
	uint64_t start, ns;
	int ret;

	start = bench_now();
	share.memory = process_map(p->nb * PAGE_SIZE);
	if (share.memory == NULL)
		return -ENOMEM;
	if (p->threads == 1) {
		touch(share.memory, share.size);
		ns = bench_now() - start;
		ret = 0;
	} else {
		ret = crew_run(b, p->threads, touch_share, &share, &ns);
	}
	munmap(share.memory, p->nb * PAGE_SIZE);
	return ret != 0 ? ret : (double)ns / p->nb;
}

static double
run_populate(struct bench *b, const struct bench_point *p)
{
	size_t size = p->nb * PAGE_SIZE;
	uint64_t start, end;
	uint8_t *memory;
	int ret;

	start = bench_now();
	memory = process_map(size);
	if (memory == NULL)
		return -ENOMEM;
	ret = populate(memory, size);
	end = bench_now();
	munmap(memory, size);
	return ret != 0 ? ret : (double)(end - start) / p->nb;
}

static double
run_munmap(struct bench *b, const struct bench_point *p)
{
	size_t size = p->nb * PAGE_SIZE;
	uint8_t *memory = process_map(size);
	uint64_t start;

	if (memory == NULL)
		return -ENOMEM;
	touch(memory, size);
	start = bench_now();
	munmap(memory, size);
	return (double)(bench_now() - start) / p->nb;
}

static double
run_mprotect(struct bench *b, const struct bench_point *p)
{
	size_t size = p->nb * PAGE_SIZE;
	uint8_t *memory = process_map(size);
	uint64_t start, end;
	int ret;

	if (memory == NULL)
		return -ENOMEM;
	touch(memory, size);
	start = bench_now();
	ret = mprotect(memory, size, PROT_READ);
	end = bench_now();
	munmap(memory, size);
	return ret != 0 ? -errno : (double)(end - start) / p->nb;
}

void
process_points(struct bench *b)
{
	static const struct {
		const char *name;
		bench_run_t run;
	} peers[] = {
		{"touch", run_touch},
		{"populate", run_populate},
		{"munmap", run_munmap},
		{"mprotect", run_mprotect},
	};
	struct bench_point *p;
	uint32_t threads;
	size_t i;

	for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		p = points_add(b, CASE_PROCESS, "page", peers[i].run);
		if (p == NULL)
			return;
		p->nb = b->o.pages;
		p->threads = 1;
		p->leaf = PAGE_SIZE;
		snprintf(p->name, sizeof(p->name), "%s", peers[i].name);
	}
	for (threads = 2; threads <= b->o.threads; threads *= 2) {
		p = points_add(b, CASE_PROCESS, "page", run_touch);
		if (p == NULL)
			return;
		p->nb = b->o.pages / threads * threads;
		p->threads = threads;
		p->leaf = PAGE_SIZE;
		snprintf(p->name, sizeof(p->name), "touch, %u threads", threads);
	}
}
