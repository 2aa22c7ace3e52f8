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

/* What a record begins with; the rest of a larger one is zeroes. */
struct record {
	uint64_t sequence; /* of its source */
	uint64_t burst;    /* sequence of the first one of its burst */
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct record) == 16, "smallest entry of a unit");

/* Single producer, single consumer; the indices run freely and are published once a burst. */
struct bare_ring {
	uint32_t tail __attribute__((aligned(128)));  /* written by the producer */
	uint32_t head __attribute__((aligned(128)));  /* written by the consumer */
	struct record *records __attribute__((aligned(128)));
	uint32_t mask;
	uint32_t bytes; /* of an entry, 16 or 32 */
};

struct bound {
	struct bare_ring to_copy[SOURCE_KINDS];
	struct bare_ring to_model;
	uint32_t nb_sources;
	uint32_t burst; /* of each source */
	bool stop __attribute__((aligned(128)));
	uint64_t copied[SOURCE_KINDS] __attribute__((aligned(128))); /* by the copying side */
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

static inline struct record *
ring_at(const struct bare_ring *ring, uint32_t index, uint32_t bytes)
{
	return &ring->records[(index & ring->mask) * (bytes / sizeof(struct record))];
}

/* A ring as one of its two sides sees it. */
struct ring_side {
	uint32_t own, other; /* index that this side moves; the other one as it was seen last */
};

/* Records that can be taken, up to n. */
static inline uint32_t
ring_filled(const struct bare_ring *ring, struct ring_side *side, uint32_t n)
{
	if (side->other - side->own < n)
		side->other = index_load(&ring->tail);
	return RTE_MIN(side->other - side->own, n);
}

/* Whether there is room for n more. */
static inline bool
ring_has_room(const struct bare_ring *ring, struct ring_side *side, uint32_t n)
{
	if (side->own + n - side->other <= ring->mask + 1)
		return true;
	side->other = index_load(&ring->head);
	return side->own + n - side->other <= ring->mask + 1;
}

static __rte_always_inline void
copy_records(const struct bare_ring *from, uint32_t head, struct bare_ring *to, uint32_t tail,
	     uint32_t n, const uint32_t in, const uint32_t out)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		memcpy(ring_at(to, tail + i, out), ring_at(from, head + i, in), out);
}

/* A burst of one source; sizes are told to the compiler. */
static __rte_always_inline uint32_t
copy_burst(const struct bare_ring *from, struct ring_side *in, struct bare_ring *to,
	   struct ring_side *out, uint32_t burst)
{
	uint32_t n = ring_filled(from, in, burst);

	if (n == 0 || !ring_has_room(to, out, n))
		return 0;
	if (from->bytes == 16)
		copy_records(from, in->own, to, out->own, n, 16, 16);
	else if (to->bytes == 16)
		copy_records(from, in->own, to, out->own, n, 32, 16);
	else
		copy_records(from, in->own, to, out->own, n, 32, 32);
	in->own += n;
	out->own += n;
	return n;
}

/* The engine's side: from rings to a ring, record by record. */
static int
copy_main(void *arg)
{
	struct bound *b = arg;
	struct ring_side in[SOURCE_KINDS] = {{0, 0}}, out = {0, 0};
	uint64_t copied[SOURCE_KINDS] = {0};
	uint32_t n, sum, i;

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		sum = 0;
		for (i = 0; i < b->nb_sources; i++) {
			n = copy_burst(&b->to_copy[i], &in[i], &b->to_model, &out, b->burst);
			copied[i] += n;
			sum += n;
		}
		if (sum == 0) {
			rte_pause();
			continue;
		}
		index_publish(&b->to_model.tail, out.own);
		for (i = 0; i < b->nb_sources; i++)
			index_publish(&b->to_copy[i].head, in[i].own);
	}
	memcpy(b->copied, copied, sizeof(b->copied));
	return 0;
}

static __rte_always_inline void
write_records(struct bare_ring *ring, uint32_t tail, uint64_t sequence, uint32_t n,
	      const uint32_t bytes)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct record *r = ring_at(ring, tail + i, bytes);

		r[0] = (struct record){.sequence = sequence + i, .burst = sequence};
		if (bytes == 32)
			r[1] = (struct record){0, 0};
	}
}

static inline void
model_send(struct bare_ring *ring, struct ring_side *side, uint64_t *sent, uint32_t burst)
{
	if (!ring_has_room(ring, side, burst))
		return;
	if (ring->bytes == 16)
		write_records(ring, side->own, *sent, burst, 16);
	else
		write_records(ring, side->own, *sent, burst, 32);
	*sent += burst;
	side->own += burst;
	index_publish(&ring->tail, side->own);
}

static __rte_always_inline uint64_t
read_records(const struct bare_ring *ring, uint32_t head, uint32_t n, const uint32_t bytes)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += ring_at(ring, head + i, bytes)->sequence;
	return sum;
}

/* Returns how many came; their first words are added to the sum. */
static inline uint32_t
model_receive(struct bare_ring *ring, struct ring_side *side, uint64_t *sum, uint32_t burst)
{
	uint32_t n = ring_filled(ring, side, burst);

	if (n == 0)
		return 0;
	*sum += ring->bytes == 16 ? read_records(ring, side->own, n, 16)
				  : read_records(ring, side->own, n, 32);
	side->own += n;
	index_publish(&ring->head, side->own);
	return n;
}

/* The hardware's side: writes rings and reads the other one, in turn. */
static int
model_main(void *arg)
{
	struct bound *b = arg;
	struct ring_side send[SOURCE_KINDS] = {{0, 0}}, back = {0, 0};
	const uint32_t burst = b->burst, burst_back = burst * b->nb_sources;
	uint64_t sent[SOURCE_KINDS] = {0}, moved = 0, sum = 0;
	uint32_t i;

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		for (i = 0; i < b->nb_sources; i++)
			model_send(&b->to_copy[i], &send[i], &sent[i], burst);
		moved += model_receive(&b->to_model, &back, &sum, burst_back);
		__atomic_store_n(&b->moved, moved, __ATOMIC_RELAXED);
	}
	b->sum_back = sum;
	return 0;
}

static int
ring_create(struct bare_ring *ring, uint32_t entries, uint32_t bytes)
{
	ring->records = rte_zmalloc("bound", (size_t)entries * bytes, 128);
	ring->mask = entries - 1;
	ring->bytes = bytes;
	return ring->records == NULL ? -ENOMEM : 0;
}

static int
rings_create(struct bound *b, const struct bound_conf *conf)
{
	int ret = ring_create(&b->to_model, conf->ring_entries, conf->sources[0].out);
	uint32_t i;

	for (i = 0; i < conf->nb_sources && ret == 0; i++)
		ret = ring_create(&b->to_copy[i], conf->ring_entries, conf->sources[i].in);
	return ret;
}

static void
bound_free(struct bound *b)
{
	uint32_t i;

	for (i = 0; i < SOURCE_KINDS; i++)
		rte_free(b->to_copy[i].records);
	rte_free(b->to_model.records);
	rte_free(b);
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

/* Both have ended. The first words of each source were 0, 1, 2, ...; some are on their way back. */
static int
check_sum(const struct bound *b)
{
	const struct bare_ring *ring = &b->to_model;
	uint64_t copied = 0, expected = 0, n, sum = b->sum_back;
	uint32_t left = ring->tail - ring->head, i;

	for (i = 0; i < b->nb_sources; i++) {
		n = b->copied[i];
		copied += n;
		expected += n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n;
	}
	sum += read_records(ring, ring->head, left, ring->bytes);
	return b->moved + left == copied && sum == expected ? 0 : -EIO;
}

/* What comes back is of one size; larger than what it answers it cannot be. */
static bool
sizes_fit(const struct bound_conf *conf)
{
	bool fit = conf->nb_sources >= 1 && conf->nb_sources <= SOURCE_KINDS;
	uint32_t i;

	for (i = 0; i < conf->nb_sources && fit; i++) {
		const struct entry_bytes *e = &conf->sources[i];

		fit = (e->in == 16 || e->in == 32) && (e->out == 16 || e->out == 32) &&
		      e->out <= e->in && e->out == conf->sources[0].out;
	}
	return fit;
}

int
bound_measure(const struct bound_conf *conf, struct bound_result *result)
{
	struct bound *b;
	int ret;

	memset(result, 0, sizeof(*result));
	if (!sizes_fit(conf))
		return -EINVAL;
	b = rte_zmalloc("bound", sizeof(*b), 128);
	if (b == NULL)
		return -ENOMEM;
	b->nb_sources = conf->nb_sources;
	b->burst = RTE_MAX(conf->burst / conf->nb_sources, 1U);
	ret = rings_create(b, conf);
	if (ret < 0)
		goto out;
	ret = job_start(conf->lcore_copy, copy_main, b);
	if (ret < 0)
		goto out;
	ret = job_start(conf->lcore_model, model_main, b);
	if (ret == 0)
		measure_slices(b, result);
	__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
	job_wait(conf->lcore_copy);
	job_wait(conf->lcore_model);
	if (ret == 0)
		ret = check_sum(b);
out:
	bound_free(b);
	return ret;
}
