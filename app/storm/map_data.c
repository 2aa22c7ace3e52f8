/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What devices have kept in their pages, byte by byte. */

#include "storm.h"
#include "talk.h"

#define PAGE_BYTES UINT64_C(4096)
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))

/* Where a page of an address space is now. NULL: nowhere, it was never used. */
static const uint64_t *
page_find(const struct storm *s, uint32_t space, uint64_t page)
{
	const struct storm_map *m = &s->map;
	uint64_t pa;

	switch (s->o.map.backing) {
	case STORM_BACKING_MEMORY:
		return (const uint64_t *)(m->base + page * PAGE_BYTES);
	case STORM_BACKING_CALLBACK:
		return (const uint64_t *)(m->store.spaces[space].base + page * PAGE_BYTES);
	default:
		/* in an emulated unit memory has its own address as physical one */
		if (uiommu_domain_iova_to_phys(s->domains[space], UIOMMU_EMU_WINDOW_IOVA +
					       page * PAGE_BYTES, &pa) < 0)
			return NULL;
		return (const uint64_t *)(uintptr_t)pa;
	}
}

static bool
page_is_right(const struct storm *s, uint32_t space, uint64_t page)
{
	const uint64_t *words = page_find(s, space, page);
	uint32_t version = __atomic_load_n(
		&s->map.data.versions[space * s->o.traffic.window_pages + page], __ATOMIC_RELAXED);
	uint64_t differs = 0;
	uint32_t i;

	if (words == NULL)
		return version == 0;
	for (i = 0; i < PAGE_WORDS; i++)
		differs |= words[i] ^ (version == 0 ? 0 : uiommu_emu_data_word(space, page, version,
									      i));
	return differs == 0;
}

void
map_data_check(const struct storm *s, struct map_figures *figures)
{
	uint32_t space;
	uint64_t page;

	if (!s->o.map.data)
		return;
	for (space = 0; space < s->map.data.nb_spaces; space++) {
		for (page = 0; page < s->o.traffic.window_pages; page++) {
			figures->data_checked_bytes += PAGE_BYTES;
			if (page_is_right(s, space, page))
				continue;
			if (figures->data_wrong++ == 0)
				talk("page %llu of address space %u is not what was written to it",
				     (unsigned long long)page, space);
		}
	}
}
