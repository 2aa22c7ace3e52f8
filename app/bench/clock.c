/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <time.h>

#include <rte_cycles.h>

#include "bench.h"

/* Turns of each loop, and how far off the counter may be: there is more around a loop, or less. */
#define TURNS 20000
#define OFF_MAX (TURNS / 100)
/* Interrupts have instructions too, so some may fail. */
#define TRIES 10

static bool counts_instructions;

uint64_t
bench_now(void)
{
	struct timespec now;

	if (counts_instructions)
		return rte_rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#ifdef RTE_ARCH_X86_64
/* 2 instructions a turn. */
static void
loop_short(uint64_t turns)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
}

/* 10 a turn, of which a processor does several at a time. */
static void
loop_wide(uint64_t turns)
{
	asm volatile("1: nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tdec %0\n\tjnz 1b"
		     : "+r"(turns) : : "cc");
}

static bool
ticks_are(void (*loop)(uint64_t turns), uint64_t instructions)
{
	uint64_t start = rte_rdtsc(), ticks;

	loop(TURNS);
	ticks = rte_rdtsc() - start;
	return ticks + OFF_MAX >= instructions && ticks <= instructions + OFF_MAX;
}

bool
clock_count_instructions(void)
{
	unsigned int tries;

	for (tries = 0; tries < TRIES && !counts_instructions; tries++)
		counts_instructions = ticks_are(loop_short, UINT64_C(2) * TURNS) &&
				      ticks_are(loop_wide, UINT64_C(10) * TURNS);
	return counts_instructions;
}
#else
bool
clock_count_instructions(void)
{
	return false;
}
#endif
