/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Pool of zeroed pages. Free pages are a stack of indices, linked by an array beside the pages:
 * a thread that is late may read a link of a page that is in use by now, but never the page.
 * The tag at the head makes it lose the exchange that follows.
 *
 * index = number of the frame << frame_shift | page in the frame
 */

#include <errno.h>
#include <string.h>

#include "pgpool_pvt.h"

#define ALIGN 64
#define FRAMES_MAX (UINT32_C(1) << 22)

static size_t
align_up(size_t size)
{
	return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static uint32_t
log2_up(uint32_t n)
{
	uint32_t bits = 0;

	while ((UINT64_C(1) << bits) < n)
		bits++;
	return bits;
}

/* Twice as many slots as frames: a search ends soon. */
static uint32_t
hash_bits(uint32_t frames_max)
{
	return log2_up(frames_max) + 1;
}

static bool
in_range(uint32_t frames_max, uint32_t page_shift)
{
	return frames_max >= 1 && frames_max <= FRAMES_MAX &&
	       (page_shift == 12 || page_shift == 14 || page_shift == 16);
}

static size_t
slots_size(uint32_t frames_max)
{
	return align_up(sizeof(struct pgpool_slot) << hash_bits(frames_max));
}

static size_t
frames_size(uint32_t frames_max)
{
	return align_up(sizeof(struct pgpool_frame) * (size_t)frames_max);
}

static size_t
next_size(uint32_t frames_max, uint32_t page_shift)
{
	return align_up(sizeof(uint32_t) *
			((size_t)frames_max << (UIOMMU_PGPOOL_FRAME_SHIFT - page_shift)));
}

size_t
uiommu_pgpool_size(uint32_t frames_max, uint32_t page_shift)
{
	if (!in_range(frames_max, page_shift))
		return 0;
	return align_up(sizeof(struct uiommu_pgpool)) + slots_size(frames_max) +
	       frames_size(frames_max) + next_size(frames_max, page_shift);
}

struct uiommu_pgpool *
uiommu_pgpool_init(void *mem, uint32_t frames_max, uint32_t page_shift)
{
	struct uiommu_pgpool *pool = mem;
	uint8_t *at = mem;
	size_t i, nb_next;

	if (mem == NULL || (uintptr_t)mem % ALIGN != 0 || !in_range(frames_max, page_shift))
		return NULL;
	memset(pool, 0, sizeof(*pool));
	pool->linear = 1;
	pool->page_shift = page_shift;
	pool->frame_shift = UIOMMU_PGPOOL_FRAME_SHIFT - page_shift;
	pool->hash_shift = 64 - hash_bits(frames_max);
	pool->hash_mask = (UINT32_C(1) << hash_bits(frames_max)) - 1;
	pool->frames_max = frames_max;
	pool->head = PGPOOL_NONE;
	at += align_up(sizeof(*pool));
	pool->slots = (struct pgpool_slot *)at;
	memset(pool->slots, 0, slots_size(frames_max));
	at += slots_size(frames_max);
	pool->frames = (struct pgpool_frame *)at;
	at += frames_size(frames_max);
	pool->next = (uint32_t *)at;
	nb_next = (size_t)frames_max << pool->frame_shift;
	for (i = 0; i < nb_next; i++)
		pool->next[i] = PGPOOL_ABSENT;
	return pool;
}

static uint64_t
key_of(uint64_t pa, uint32_t frame)
{
	return (pa >> UIOMMU_PGPOOL_FRAME_SHIFT) << PGPOOL_KEY_PA_SHIFT |
	       (uint64_t)frame << PGPOOL_KEY_FRAME_SHIFT | PGPOOL_KEY_VALID;
}

static uint32_t
frame_of(uint64_t key)
{
	return (uint32_t)(key >> PGPOOL_KEY_FRAME_SHIFT) & (FRAMES_MAX - 1);
}

/* The slot of an address, or the free one where it would be. Half of the slots are free. */
static struct pgpool_slot *
slot_find(const struct uiommu_pgpool *pool, uint64_t pa, uint64_t *key)
{
	uint64_t frame_pa = pa >> UIOMMU_PGPOOL_FRAME_SHIFT;
	uint32_t at = (uint32_t)(frame_pa * UINT64_C(0x9e3779b97f4a7c15) >> pool->hash_shift);

	for (;; at++) {
		struct pgpool_slot *slot = &pool->slots[at & pool->hash_mask];

		/* pairs with the store in frame_add(): delta and frame are seen */
		*key = __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE);
		if (*key == 0 || *key >> PGPOOL_KEY_PA_SHIFT == frame_pa)
			return slot;
	}
}

static uint32_t
index_in(const struct uiommu_pgpool *pool, uint64_t key, uint64_t pa)
{
	return frame_of(key) << pool->frame_shift |
	       (uint32_t)((pa & (PGPOOL_FRAME_SIZE - 1)) >> pool->page_shift);
}

uint32_t
uiommu_pvt_pgpool_index(const struct uiommu_pgpool *pool, uint64_t pa)
{
	uint64_t key;
	uint32_t index;

	if (pa >> PGPOOL_PA_BITS != 0)
		return PGPOOL_NONE;
	slot_find(pool, pa, &key);
	if (key == 0)
		return PGPOOL_NONE;
	index = index_in(pool, key, pa);
	if (__atomic_load_n(&pool->next[index], __ATOMIC_RELAXED) == PGPOOL_ABSENT)
		return PGPOOL_NONE;
	return index;
}

void *
uiommu_pvt_pgpool_va(const struct uiommu_pgpool *pool, uint64_t pa)
{
	uint64_t key;
	struct pgpool_slot *slot = slot_find(pool, pa, &key);

	return key == 0 ? NULL : (void *)(uintptr_t)(pa + slot->delta);
}

void *
uiommu_pgpool_va(const struct uiommu_pgpool *pool, uint64_t pa)
{
	if (uiommu_pvt_pgpool_index(pool, pa) == PGPOOL_NONE)
		return NULL;
	return uiommu_pvt_pgpool_va(pool, pa);
}

/* Can [pa, pa + size) be added? Counts the frames that are new. */
static int
add_check(const struct uiommu_pgpool *pool, uint64_t pa, uint64_t delta, uint64_t size)
{
	uint64_t end = pa + size, page = UINT64_C(1) << pool->page_shift;
	uint32_t nb_new = 0;
	uint64_t at, key;

	for (at = pa & ~(PGPOOL_FRAME_SIZE - 1); at < end; at += PGPOOL_FRAME_SIZE) {
		struct pgpool_slot *slot = slot_find(pool, at, &key);

		if (key == 0)
			nb_new++;
		else if (slot->delta != delta)
			return -EINVAL;
	}
	for (at = pa; at < end; at += page)
		if (uiommu_pvt_pgpool_index(pool, at) != PGPOOL_NONE)
			return -EINVAL;
	return nb_new > pool->frames_max - pool->nb_frames ? -ENOSPC : 0;
}

static void
frame_add(struct uiommu_pgpool *pool, uint64_t pa, uint64_t delta)
{
	uint32_t frame = pool->nb_frames;
	struct pgpool_slot *slot;
	uint64_t key;

	slot = slot_find(pool, pa, &key);
	if (key != 0)
		return;
	if (frame == 0)
		pool->delta = delta;
	else if (delta != pool->delta)
		/* before a page of the frame can be taken; see pgpool_va(), pt_batch_table() */
		__atomic_store_n(&pool->linear, 0, __ATOMIC_RELAXED);
	pool->frames[frame].pa = pa;
	pool->frames[frame].delta = delta;
	slot->delta = delta;
	/* pairs with the load in slot_find() */
	__atomic_store_n(&slot->key, key_of(pa, frame), __ATOMIC_RELEASE);
	__atomic_store_n(&pool->nb_frames, frame + 1, __ATOMIC_RELAXED);
}

/* A chain of pages becomes free. */
static void
push(struct uiommu_pgpool *pool, uint32_t first, uint32_t last)
{
	uint64_t old = __atomic_load_n(&pool->head, __ATOMIC_RELAXED);
	uint64_t head;

	do {
		__atomic_store_n(&pool->next[last], (uint32_t)old, __ATOMIC_RELAXED);
		head = ((old >> 32) + 1) << 32 | first;
		/* release pairs with the acquire in uiommu_pgpool_get(): pages are seen zeroed */
	} while (!__atomic_compare_exchange_n(&pool->head, &old, head, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

int
uiommu_pgpool_add(struct uiommu_pgpool *pool, void *va, uint64_t pa, size_t size)
{
	uint64_t page = UINT64_C(1) << pool->page_shift;
	uint64_t delta = (uint64_t)(uintptr_t)va - pa;
	uint32_t first = PGPOOL_NONE, last = PGPOOL_NONE;
	uint64_t at, key;
	int rc;

	if (va == NULL || (((uintptr_t)va | pa | size) & (page - 1)) != 0 || size == 0 ||
	    pa >> PGPOOL_PA_BITS != 0 || size > (UINT64_C(1) << PGPOOL_PA_BITS) - pa)
		return -EINVAL;
	rc = add_check(pool, pa, delta, size);
	if (rc != 0)
		return rc;
	memset(va, 0, size);
	for (at = pa & ~(PGPOOL_FRAME_SIZE - 1); at < pa + size; at += PGPOOL_FRAME_SIZE)
		frame_add(pool, at, delta);
	for (at = pa; at < pa + size; at += page) {
		uint32_t index;

		slot_find(pool, at, &key);
		index = index_in(pool, key, at);
		if (first == PGPOOL_NONE)
			first = index;
		else
			__atomic_store_n(&pool->next[last], index, __ATOMIC_RELAXED);
		last = index;
	}
	__atomic_fetch_add(&pool->nb_pages, (uint32_t)(size >> pool->page_shift), __ATOMIC_RELAXED);
	push(pool, first, last);
	return 0;
}

void *
uiommu_pgpool_get(struct uiommu_pgpool *pool, uint64_t *pa)
{
	/* pairs with the release in push(), here and below: links and pages are seen */
	uint64_t old = __atomic_load_n(&pool->head, __ATOMIC_ACQUIRE);
	const struct pgpool_frame *frame;
	uint64_t head;
	uint32_t index;

	do {
		index = (uint32_t)old;
		if (index == PGPOOL_NONE)
			return NULL;
		head = ((old >> 32) + 1) << 32 |
		       __atomic_load_n(&pool->next[index], __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&pool->head, &old, head, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_ACQUIRE));
	__atomic_fetch_add(&pool->nb_used, 1, __ATOMIC_RELAXED);
	frame = &pool->frames[index >> pool->frame_shift];
	*pa = frame->pa +
	      ((uint64_t)(index & ((UINT32_C(1) << pool->frame_shift) - 1)) << pool->page_shift);
	return (void *)(uintptr_t)(*pa + frame->delta);
}

void
uiommu_pvt_pgpool_put_index(struct uiommu_pgpool *pool, uint32_t index)
{
	const struct pgpool_frame *frame = &pool->frames[index >> pool->frame_shift];
	uint64_t pa = frame->pa + ((uint64_t)(index & ((UINT32_C(1) << pool->frame_shift) - 1))
				   << pool->page_shift);

	memset((void *)(uintptr_t)(pa + frame->delta), 0, (size_t)1 << pool->page_shift);
	__atomic_fetch_sub(&pool->nb_used, 1, __ATOMIC_RELAXED);
	push(pool, index, index);
}

void
uiommu_pgpool_put(struct uiommu_pgpool *pool, uint64_t pa)
{
	uint32_t index = uiommu_pvt_pgpool_index(pool, pa);

	if (index != PGPOOL_NONE)
		uiommu_pvt_pgpool_put_index(pool, index);
}

void
uiommu_pgpool_info_get(const struct uiommu_pgpool *pool, struct uiommu_pgpool_info *info)
{
	info->page_shift = pool->page_shift;
	info->nb_pages = __atomic_load_n(&pool->nb_pages, __ATOMIC_RELAXED);
	info->nb_used = __atomic_load_n(&pool->nb_used, __ATOMIC_RELAXED);
	info->frames_max = pool->frames_max;
	info->nb_frames = __atomic_load_n(&pool->nb_frames, __ATOMIC_RELAXED);
}
