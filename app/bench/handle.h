/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_HANDLE_H
#define BENCH_HANDLE_H

/*
 * What is done with a request in the cases "fault" and "idle", by whomever: look at address and
 * access, choose a code. And the requests: a window of pages, of which each 16th must not be
 * written.
 */

#include <stdbool.h>
#include <stdint.h>

/* the kernel's mock device knows of none below */
#define WINDOW_IOVA UINT64_C(0x1000000)
#define WINDOW_PAGES UINT64_C(0x8000)
#define READ_ONLY_EVERY 16

/* @return 0: success; 1: invalid */
static inline uint32_t
handle_request(uint64_t iova, bool write)
{
	uint64_t page = (iova - WINDOW_IOVA) >> 12;

	if (page >= WINDOW_PAGES)
		return 1;
	return write && page % READ_ONLY_EVERY == 0;
}

/* The n-th request: each fourth one wants to write, one of 64 is beyond the window. */
static inline uint64_t
request_iova(uint32_t n)
{
	uint64_t page = n * UINT64_C(2654435761) % WINDOW_PAGES;

	return WINDOW_IOVA + ((n % 64 == 63 ? WINDOW_PAGES : 0) + page) * 4096;
}

static inline bool
request_writes(uint32_t n)
{
	return n % 4 == 0;
}

#endif /* BENCH_HANDLE_H */
