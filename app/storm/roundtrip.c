/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdint.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "job.h"
#include "roundtrip.h"

#define ROUNDS 201
#define TURNS_PER_ROUND 200

struct roundtrip {
	uint32_t ping __attribute__((aligned(128)));
	uint32_t pong __attribute__((aligned(128)));
	uint64_t cycles[ROUNDS] __attribute__((aligned(128)));
};

static inline void
wait_for(const uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		;
}

static int
echo_main(void *arg)
{
	struct roundtrip *r = arg;
	uint32_t i;

	for (i = 1; i <= ROUNDS * TURNS_PER_ROUND; i++) {
		wait_for(&r->ping, i);
		__atomic_store_n(&r->pong, i, __ATOMIC_RELEASE);
	}
	return 0;
}

static int
ask_main(void *arg)
{
	struct roundtrip *r = arg;
	uint64_t start;
	uint32_t i, round;

	for (round = 0, i = 1; round < ROUNDS; round++) {
		start = rte_rdtsc();
		for (; i <= (round + 1) * TURNS_PER_ROUND; i++) {
			__atomic_store_n(&r->ping, i, __ATOMIC_RELEASE);
			wait_for(&r->pong, i);
		}
		r->cycles[round] = rte_rdtsc() - start;
	}
	return 0;
}

static int
compare_cycles(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

double
roundtrip_measure(unsigned int lcore_a, unsigned int lcore_b)
{
	struct roundtrip r = {0};

	if (job_start(lcore_a, ask_main, &r) < 0)
		return 0;
	if (job_start(lcore_b, echo_main, &r) < 0)
		echo_main(&r);
	job_wait(lcore_a);
	job_wait(lcore_b);
	qsort(r.cycles, ROUNDS, sizeof(r.cycles[0]), compare_cycles);
	return (double)r.cycles[ROUNDS / 2] / TURNS_PER_ROUND * 1e9 / (double)rte_get_tsc_hz();
}
