/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdlib.h>
#include <string.h>

#include "store.h"

static int
store_get(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	struct store *store = priv;
	size_t size = (size_t)1 << store->shift;
	uint32_t i;

	pthread_mutex_lock(&store->lock);
	EXPECT(!store->closed);
	EXPECT(nb > 0);
	store->calls_get++;
	for (i = 0; i < nb && i < store->supply && store->nb_free != 0; i++) {
		uint64_t page = pages[i].offset >> store->shift;
		uint32_t frame;

		EXPECT(page < store->nb_pages && pages[i].offset % size == 0);
		EXPECT(i == 0 || pages[i].offset > pages[i - 1].offset);
		EXPECT((pages[i].access & UIOMMU_PROT_READ) != 0);
		if (page >= store->nb_pages)
			break;
		EXPECT_EQ(store->pa[page], 0); /* not before put() has returned */
		frame = store->free[--store->nb_free];
		memcpy(store->frames + frame * size, store->contents + page * size, size);
		pages[i].pa = paging_pa(store->frames + frame * size);
		store->pa[page] = pages[i].pa;
		store->nb_out++;
		store->gets++;
	}
	store->out_max = RTE_MAX(store->out_max, store->nb_out);
	store->empty += i == 0;
	pthread_mutex_unlock(&store->lock);
	return i == 0 && store->missing ? -ENOENT : (int)i;
}

static void
page_back(struct store *store, const struct uiommu_backing_page *back)
{
	size_t size = (size_t)1 << store->shift;
	uint64_t page = back->offset >> store->shift;
	uint8_t *frame = (uint8_t *)(uintptr_t)back->pa;

	EXPECT(page < store->nb_pages && back->offset % size == 0);
	if (page >= store->nb_pages || store->pa[page] != back->pa) {
		harness_note(__FILE__, __LINE__, "page %llu given back from another place",
			     (unsigned long long)page);
		return;
	}
	if (!store->unit_dead)
		EXPECT_EQ(uiommu_emu_retire(store->rig->emu, back->pa, size), 0);
	if (back->dirty != 0)
		memcpy(store->contents + page * size, frame, size);
	else
		EXPECT_EQ(memcmp(store->contents + page * size, frame, size), 0);
	memset(frame, 0xdb, size);
	store->dirty += back->dirty != 0;
	store->puts++;
}

static void
store_put(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	struct store *store = priv;
	uint32_t i;

	EXPECT(nb > 0);
	/* after a failure the case is over */
	for (i = 0; store->in_put != NULL && harness_failures() == 0 && i < nb; i++)
		store->in_put(store, &pages[i]);
	pthread_mutex_lock(&store->lock);
	EXPECT(!store->closed);
	store->calls_put++;
	for (i = 0; i < nb; i++) {
		uint64_t page = pages[i].offset >> store->shift;

		page_back(store, &pages[i]);
		if (page >= store->nb_pages || store->pa[page] == 0)
			continue;
		store->free[store->nb_free++] =
			(uint32_t)((store->pa[page] - paging_pa(store->frames)) >> store->shift);
		store->pa[page] = 0;
		store->nb_out--;
	}
	pthread_mutex_unlock(&store->lock);
}

static const struct uiommu_backing_ops store_ops = {.get = store_get, .put = store_put};

void
store_open(struct store *store, struct paging *p, uint64_t iova, uint32_t nb_pages,
	   uint8_t *frames, uint32_t nb_frames, uint32_t shift)
{
	const struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_CALLBACK,
		.page_shift = shift,
		.ops = &store_ops,
		.priv = store,
	};
	uint32_t i;

	memset(store, 0, sizeof(*store));
	CHECK(nb_pages <= STORE_PAGES && nb_frames <= STORE_PAGES);
	store->rig = p->rig;
	store->iova = iova;
	store->shift = shift;
	store->nb_pages = nb_pages;
	store->frames = frames;
	store->nb_frames = nb_frames;
	store->supply = UINT32_MAX;
	store->contents = calloc(nb_pages, (size_t)1 << shift);
	CHECK(store->contents != NULL);
	CHECK_EQ(pthread_mutex_init(&store->lock, NULL), 0);
	for (i = nb_frames; i-- != 0;)
		store->free[store->nb_free++] = i;
	store->region = uiommu_region_add(p->domain, iova, (uint64_t)nb_pages << shift, &backing,
					  UIOMMU_PROT_READ | UIOMMU_PROT_WRITE);
	if (store->region == NULL)
		harness_fail(__FILE__, __LINE__, "region: %s", rte_strerror(rte_errno));
}

void
store_close(struct store *store)
{
	EXPECT_EQ(store->puts, store->gets);
	EXPECT_EQ(store->nb_out, 0);
	EXPECT_EQ(store->nb_free, store->nb_frames);
	store->closed = true;
	free(store->contents);
	store->contents = NULL;
}

bool
store_is_out(struct store *store, uint32_t page)
{
	bool out;

	pthread_mutex_lock(&store->lock);
	out = store->pa[page] != 0;
	pthread_mutex_unlock(&store->lock);
	return out;
}
