/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdlib.h>

#include <rte_malloc.h>

#include "frames.h"

#define FRAME_WORDS (FRAME_BYTES / sizeof(uint64_t))
#define POISON UINT64_C(0xdead4bad0f00d5a5)

static uint64_t
poison_of(uint32_t index)
{
	return POISON ^ index;
}

static void
poison(struct frames *f, uint32_t index)
{
	uint64_t *words = (uint64_t *)(f->base + (size_t)index * FRAME_BYTES);
	size_t i;

	for (i = 0; i < FRAME_WORDS; i++)
		words[i] = poison_of(index);
}

static bool
is_intact(const struct frames *f, uint32_t index)
{
	const uint64_t *words = (const uint64_t *)(f->base + (size_t)index * FRAME_BYTES);
	uint64_t differs = 0;
	size_t i;

	for (i = 0; i < FRAME_WORDS; i++)
		differs |= words[i] ^ poison_of(index);
	return differs == 0;
}

/* The same page on top again is another top: who has looked before must look again. */
static uint64_t
top_next(uint64_t top, uint32_t index_plus_1)
{
	return ((top >> 32) + 1) << 32 | index_plus_1;
}

void *
frames_take(struct frames *f, bool *intact)
{
	/* pairs with the release exchange in frames_give(): the next one and the poison */
	uint64_t top = __atomic_load_n(&f->top, __ATOMIC_ACQUIRE);
	uint32_t index, next;

	do {
		index = (uint32_t)top;
		if (index-- == 0)
			return NULL;
		next = __atomic_load_n(&f->next[index], __ATOMIC_RELAXED);
		/* failure: the acquire load above, once more */
	} while (!__atomic_compare_exchange_n(&f->top, &top, top_next(top, next), false,
					      __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
	*intact = is_intact(f, index);
	return f->base + (size_t)index * FRAME_BYTES;
}

void
frames_give(struct frames *f, void *frame)
{
	uint32_t index = frames_index(f, frame);
	uint64_t top = __atomic_load_n(&f->top, __ATOMIC_RELAXED);

	poison(f, index);
	do {
		__atomic_store_n(&f->next[index], (uint32_t)top, __ATOMIC_RELAXED);
		/* pairs with the acquire loads in frames_take() */
	} while (!__atomic_compare_exchange_n(&f->top, &top, top_next(top, index + 1), false,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

uint32_t
frames_count(const struct frames *f, uint32_t *broken)
{
	uint32_t index = (uint32_t)__atomic_load_n(&f->top, __ATOMIC_ACQUIRE), nb = 0;

	*broken = 0;
	while (index != 0 && nb < f->nb) {
		nb++;
		*broken += !is_intact(f, index - 1);
		index = __atomic_load_n(&f->next[index - 1], __ATOMIC_RELAXED);
	}
	return nb;
}

int
frames_open(struct frames *f, uint32_t nb, int socket_id)
{
	uint32_t i;

	f->nb = nb;
	f->top = 0;
	f->next = calloc(nb, sizeof(*f->next));
	f->base = rte_malloc_socket("storm", (size_t)nb * FRAME_BYTES, FRAME_BYTES, socket_id);
	if (f->next == NULL || f->base == NULL) {
		frames_close(f);
		return -ENOMEM;
	}
	/* the first one is taken first */
	for (i = nb; i-- > 0;)
		frames_give(f, f->base + (size_t)i * FRAME_BYTES);
	return 0;
}

void
frames_close(struct frames *f)
{
	rte_free(f->base);
	free(f->next);
	f->base = NULL;
	f->next = NULL;
}
