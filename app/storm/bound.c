/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include "bound.h"
#include "clock.h"
#include "job.h"

#define SLICE_NS UINT64_C(350000000)
#define WARM_UP_NS UINT64_C(50000000)

struct record {
	uint64_t word[4];
} __attribute__((aligned(32)));

/* Single producer, single consumer; the indices run freely and are published once a burst. */
struct bare_ring {
	uint32_t tail __attribute__((aligned(128)));  /* written by the producer */
	uint32_t head __attribute__((aligned(128)));  /* written by the consumer */
	struct record *records __attribute__((aligned(128)));
	uint32_t mask;
};

struct bound {
	struct bare_ring to_copy;
	struct bare_ring to_model;
	uint32_t burst;
	bool stop __attribute__((aligned(128)));
	uint64_t moved __attribute__((aligned(128))); /* records that came back */
	uint64_t sum_back;                            /* of their first words */
};

static inline uint32_t
index_load(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static inline void
index_publish(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* The engine's side: one ring to the other, record by record. */
static int
copy_main(void *arg)
{
	struct bound *b = arg;
	struct bare_ring *in = &b->to_copy, *out = &b->to_model;
	const struct record *from = in->records;
	struct record *to = out->records;
	const uint32_t mask = in->mask, entries = mask + 1, burst = b->burst;
	uint32_t in_head = 0, in_tail = 0, out_head = 0, out_tail = 0;
	uint32_t n, i;

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		n = in_tail - in_head;
		if (n < burst) {
			in_tail = index_load(&in->tail);
			n = in_tail - in_head;
			if (n == 0) {
				rte_pause();
				continue;
			}
		}
		n = RTE_MIN(n, burst);
		if (out_tail + n - out_head > entries) {
			out_head = index_load(&out->head);
			if (out_tail + n - out_head > entries) {
				rte_pause();
				continue;
			}
		}
		for (i = 0; i < n; i++)
			to[(out_tail + i) & mask] = from[(in_head + i) & mask];
		out_tail += n;
		in_head += n;
		index_publish(&out->tail, out_tail);
		index_publish(&in->head, in_head);
	}
	return 0;
}

struct model_side {
	uint32_t send_tail, send_head; /* of the ring to the copying side */
	uint32_t back_tail, back_head; /* of the ring back */
	uint64_t sent, moved, sum_back;
};

static inline void
model_send(struct bare_ring *ring, struct model_side *m, uint32_t burst)
{
	struct record *to = ring->records;
	const uint32_t mask = ring->mask;
	uint64_t sequence = m->sent;
	uint32_t i;

	if (m->send_tail + burst - m->send_head > mask + 1) {
		m->send_head = index_load(&ring->head);
		if (m->send_tail + burst - m->send_head > mask + 1)
			return;
	}
	for (i = 0; i < burst; i++) {
		struct record *r = &to[(m->send_tail + i) & mask];

		r->word[0] = sequence + i;
		r->word[1] = sequence;
		r->word[2] = 0;
		r->word[3] = 0;
	}
	m->sent += burst;
	m->send_tail += burst;
	index_publish(&ring->tail, m->send_tail);
}

static inline void
model_receive(struct bare_ring *ring, struct model_side *m, uint32_t burst)
{
	const struct record *from = ring->records;
	const uint32_t mask = ring->mask;
	uint32_t n = m->back_tail - m->back_head, i;

	if (n < burst) {
		m->back_tail = index_load(&ring->tail);
		n = m->back_tail - m->back_head;
		if (n == 0)
			return;
	}
	n = RTE_MIN(n, burst);
	for (i = 0; i < n; i++)
		m->sum_back += from[(m->back_head + i) & mask].word[0];
	m->back_head += n;
	m->moved += n;
	index_publish(&ring->head, m->back_head);
}

/* The hardware's side: writes one ring and reads the other one, in turn. */
static int
model_main(void *arg)
{
	struct bound *b = arg;
	const uint32_t burst = b->burst;
	struct model_side m = {0};

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		model_send(&b->to_copy, &m, burst);
		model_receive(&b->to_model, &m, burst);
		__atomic_store_n(&b->moved, m.moved, __ATOMIC_RELAXED);
	}
	b->sum_back = m.sum_back;
	return 0;
}

static int
ring_create(struct bare_ring *ring, uint32_t entries)
{
	ring->records = rte_zmalloc("bound", entries * sizeof(struct record), 128);
	ring->mask = entries - 1;
	return ring->records == NULL ? -ENOMEM : 0;
}

static void
measure_slices(const struct bound *b, struct bound_result *result)
{
	uint64_t start, start_moved, cycles, moved;
	unsigned int i;

	clock_sleep_ns(WARM_UP_NS);
	for (i = 0; i < BOUND_SLICES; i++) {
		start = rte_rdtsc();
		start_moved = __atomic_load_n(&b->moved, __ATOMIC_RELAXED);
		clock_sleep_ns(SLICE_NS);
		moved = __atomic_load_n(&b->moved, __ATOMIC_RELAXED) - start_moved;
		cycles = rte_rdtsc() - start;
		result->slices[i] = (double)moved * (double)rte_get_tsc_hz() / (double)cycles;
		result->best = RTE_MAX(result->best, result->slices[i]);
	}
}

/* The first words were 0, 1, 2, ... in order. */
static int
check_sum(const struct bound *b)
{
	uint64_t n = b->moved;
	uint64_t expected = n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n;

	return b->sum_back == expected ? 0 : -EIO;
}

int
bound_measure(unsigned int lcore_copy, unsigned int lcore_model, uint32_t entries, uint32_t burst,
	      struct bound_result *result)
{
	struct bound *b = rte_zmalloc("bound", sizeof(*b), 128);
	int ret = -ENOMEM;

	memset(result, 0, sizeof(*result));
	if (b == NULL)
		return -ENOMEM;
	b->burst = burst;
	if (ring_create(&b->to_copy, entries) < 0 || ring_create(&b->to_model, entries) < 0)
		goto out;
	ret = job_start(lcore_copy, copy_main, b);
	if (ret < 0)
		goto out;
	ret = job_start(lcore_model, model_main, b);
	if (ret == 0)
		measure_slices(b, result);
	__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
	job_wait(lcore_copy);
	job_wait(lcore_model);
	if (ret == 0)
		ret = check_sum(b);
out:
	rte_free(b->to_model.records);
	rte_free(b->to_copy.records);
	rte_free(b);
	return ret;
}
