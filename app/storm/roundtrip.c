/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdint.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "job.h"
#include "roundtrip.h"

#define ROUNDS 501
#define TURNS_PER_ROUND 20
/* No more rounds after this: where others use the cores, a turn may take their time slices. */
#define ENOUGH_MS 50

/* In place of a turn: the end. */
#define LAST_TURN UINT32_MAX

struct roundtrip {
	uint32_t ping __attribute__((aligned(128)));
	uint32_t pong __attribute__((aligned(128)));
	uint64_t cycles[ROUNDS] __attribute__((aligned(128)));
	unsigned int rounds; /* that were made */
};

static int
echo_main(void *arg)
{
	struct roundtrip *r = arg;
	uint32_t seen = 0, turn;

	while (seen != LAST_TURN) {
		turn = __atomic_load_n(&r->ping, __ATOMIC_ACQUIRE);
		if (turn == seen)
			continue;
		seen = turn;
		__atomic_store_n(&r->pong, seen, __ATOMIC_RELEASE);
	}
	return 0;
}

static void
ask(struct roundtrip *r, uint32_t turn)
{
	__atomic_store_n(&r->ping, turn, __ATOMIC_RELEASE);
	while (__atomic_load_n(&r->pong, __ATOMIC_ACQUIRE) != turn)
		;
}

static int
ask_main(void *arg)
{
	struct roundtrip *r = arg;
	uint64_t now = rte_rdtsc(), start;
	const uint64_t end = now + rte_get_tsc_hz() / 1000 * ENOUGH_MS;
	uint32_t turn = 0, i;

	while (r->rounds < ROUNDS && (r->rounds == 0 || now < end)) {
		start = now;
		for (i = 0; i < TURNS_PER_ROUND; i++)
			ask(r, ++turn);
		now = rte_rdtsc();
		r->cycles[r->rounds++] = now - start;
	}
	ask(r, LAST_TURN);
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
	qsort(r.cycles, r.rounds, sizeof(r.cycles[0]), compare_cycles);
	return (double)r.cycles[r.rounds / 2] / TURNS_PER_ROUND * 1e9 / (double)rte_get_tsc_hz();
}
