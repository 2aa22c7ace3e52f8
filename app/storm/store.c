/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_lcore.h>

#include "store.h"

static inline void
count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static inline uint8_t *
page_at(const struct store_space *space, uint64_t page)
{
	return space->base + page * FRAME_BYTES;
}

static bool
page_bring(struct store_space *space, struct uiommu_backing_page *wanted)
{
	struct store *st = space->store;
	const uint64_t page = wanted->offset / FRAME_BYTES;
	bool intact = true;
	void *frame;

	/* pairs with the release store in page_return() */
	if (__atomic_load_n(&space->frame_of[page], __ATOMIC_ACQUIRE) != 0) {
		count(&st->counts.again);
		return false;
	}
	frame = frames_take(&st->frames, &intact);
	if (frame == NULL)
		return false;
	if (!intact)
		count(&st->counts.broken);
	memcpy(frame, page_at(space, page), FRAME_BYTES);
	__atomic_store_n(&space->frame_of[page], frames_index(&st->frames, frame) + 1,
			 __ATOMIC_RELAXED);
	wanted->pa = (uint64_t)(uintptr_t)frame;
	count(&st->counts.got);
	return true;
}

static int
store_get(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	struct store_space *space = priv;
	uint32_t i;

	for (i = 0; i < nb; i++)
		if (!page_bring(space, &pages[i]))
			break;
	return (int)i;
}

/*
 * Frames get another purpose: nobody may know the way to them any more. The model has to be stopped
 * for a look, so neighbours are looked for together. What was never mapped comes back on the fault
 * lcore; nobody ever knew a way to it.
 */
static void
frames_retire(const struct store *st, const struct uiommu_backing_page *pages, uint32_t nb)
{
	uint64_t begin, end;
	uint32_t i, j;

	if (rte_lcore_id() == st->lcore_fault)
		return;
	for (i = 0; i < nb; i = j) {
		begin = pages[i].pa;
		end = begin + FRAME_BYTES;
		for (j = i + 1; j < nb; j++) {
			if (pages[j].pa == end)
				end += FRAME_BYTES;
			else if (pages[j].pa + FRAME_BYTES == begin)
				begin -= FRAME_BYTES;
			else
				break;
		}
		uiommu_emu_retire(st->emu, begin, end - begin);
	}
}

static void
page_return(struct store_space *space, const struct uiommu_backing_page *given)
{
	struct store *st = space->store;
	const uint64_t page = given->offset / FRAME_BYTES;
	const uint32_t index_plus_1 = __atomic_load_n(&space->frame_of[page], __ATOMIC_RELAXED);
	void *frame = (void *)(uintptr_t)given->pa;

	if (index_plus_1 == 0 || frames_index(&st->frames, frame) + 1 != index_plus_1) {
		count(&st->counts.strange);
		return;
	}
	if (given->dirty != 0) {
		memcpy(page_at(space, page), frame, FRAME_BYTES);
		count(&st->counts.written);
	} else if (memcmp(page_at(space, page), frame, FRAME_BYTES) != 0) {
		count(&st->counts.changed);
	}
	count(&st->counts.returned);
	/* pairs with the acquire load in page_bring() */
	__atomic_store_n(&space->frame_of[page], 0, __ATOMIC_RELEASE);
	frames_give(&st->frames, frame);
}

static void
store_put(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	struct store_space *space = priv;
	uint32_t i;

	frames_retire(space->store, pages, nb);
	for (i = 0; i < nb; i++)
		page_return(space, &pages[i]);
}

const struct uiommu_backing_ops store_ops = {
	.get = store_get,
	.put = store_put,
};

void
store_count(struct store *st)
{
	uint32_t broken;

	st->counts.kept = st->frames.nb - frames_count(&st->frames, &broken);
	st->counts.broken += broken;
}

static void
spaces_lay_out(struct store *st)
{
	uint32_t i;

	for (i = 0; i < st->nb_spaces; i++) {
		st->spaces[i].store = st;
		st->spaces[i].base = st->memory + i * st->pages * FRAME_BYTES;
		st->spaces[i].frame_of = st->frame_of + i * st->pages;
	}
}

int
store_open(struct store *st, uint32_t nb_spaces, uint64_t pages, uint32_t nb_frames, int socket_id)
{
	int ret = -ENOMEM;
	void *va;

	st->nb_spaces = nb_spaces;
	st->pages = pages;
	st->bytes = nb_spaces * pages * FRAME_BYTES;
	/* zeroes, that take no memory until they are written to */
	va = mmap(NULL, st->bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (va != MAP_FAILED)
		st->memory = va;
	st->spaces = calloc(nb_spaces, sizeof(*st->spaces));
	st->frame_of = calloc(nb_spaces * pages, sizeof(*st->frame_of));
	if (st->memory != NULL && st->spaces != NULL && st->frame_of != NULL)
		ret = frames_open(&st->frames, nb_frames, socket_id);
	if (ret < 0)
		store_close(st);
	else
		spaces_lay_out(st);
	return ret;
}

void
store_close(struct store *st)
{
	frames_close(&st->frames);
	if (st->memory != NULL)
		munmap(st->memory, st->bytes);
	free(st->spaces);
	free(st->frame_of);
	st->memory = NULL;
	st->spaces = NULL;
	st->frame_of = NULL;
}
