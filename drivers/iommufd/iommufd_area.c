/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The tree of areas. No path in it is walked by recursion. */

#include <stdlib.h>

#include "iommufd_area.h"

/** Areas that memory is taken for at a time. */
#define CHUNK_AREAS 128

struct iommufd_area_chunk {
	struct iommufd_area_chunk *next;
	struct iommufd_area areas[CHUNK_AREAS];
};

void
iommufd_areas_fini(struct iommufd_areas *areas)
{
	struct iommufd_area_chunk *chunk;

	while ((chunk = areas->chunks) != NULL) {
		areas->chunks = chunk->next;
		free(chunk);
	}
	*areas = (struct iommufd_areas){0};
}

static int
grow(struct iommufd_areas *areas)
{
	struct iommufd_area_chunk *chunk = malloc(sizeof(*chunk));
	unsigned int i;

	if (chunk == NULL)
		return -1;
	chunk->next = areas->chunks;
	areas->chunks = chunk;
	for (i = 0; i < CHUNK_AREAS; i++) {
		chunk->areas[i].right = areas->free;
		areas->free = &chunk->areas[i];
	}
	return 0;
}

/* Numbers that addresses have nothing to do with (xorshift, Marsaglia 2003) */
static uint32_t
next_weight(struct iommufd_areas *areas)
{
	uint32_t x = areas->random != 0 ? areas->random : UINT32_C(2463534242);

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	areas->random = x;
	return x;
}

struct iommufd_area *
iommufd_areas_find(const struct iommufd_areas *areas, uint64_t first, uint64_t last)
{
	struct iommufd_area *area = areas->root, *found = NULL;

	while (area != NULL) {
		if (iommufd_area_last(area) < first) {
			area = area->right;
		} else {
			found = area;
			area = area->left;
		}
	}
	return found != NULL && found->iova <= last ? found : NULL;
}

/* Where it belongs by its weight; what is below is divided by its address. */
static void
insert(struct iommufd_areas *areas, struct iommufd_area *area)
{
	struct iommufd_area **link = &areas->root, **low = &area->left, **high = &area->right;
	struct iommufd_area *below;

	while (*link != NULL && (*link)->weight >= area->weight)
		link = area->iova < (*link)->iova ? &(*link)->left : &(*link)->right;
	below = *link;
	*link = area;
	while (below != NULL) {
		if (below->iova < area->iova) {
			*low = below;
			low = &below->right;
			below = below->right;
		} else {
			*high = below;
			high = &below->left;
			below = below->left;
		}
	}
	*low = NULL;
	*high = NULL;
}

struct iommufd_area *
iommufd_areas_add(struct iommufd_areas *areas, uint64_t iova, uint64_t len, uint64_t va,
		  uint32_t prot)
{
	struct iommufd_area *area;

	if (areas->free == NULL && grow(areas) != 0)
		return NULL;
	area = areas->free;
	areas->free = area->right;
	*area = (struct iommufd_area){
		.iova = iova, .len = len, .va = va, .prot = prot, .state = IOMMUFD_AREA_BUSY,
		.weight = next_weight(areas),
	};
	insert(areas, area);
	return area;
}

void
iommufd_areas_remove(struct iommufd_areas *areas, struct iommufd_area *area)
{
	struct iommufd_area **link = &areas->root, *low = area->left, *high = area->right;

	while (*link != area)
		link = area->iova < (*link)->iova ? &(*link)->left : &(*link)->right;
	/* both halves below it into one */
	while (low != NULL && high != NULL) {
		if (low->weight >= high->weight) {
			*link = low;
			link = &low->right;
			low = low->right;
		} else {
			*link = high;
			link = &high->left;
			high = high->left;
		}
	}
	*link = low != NULL ? low : high;
	area->right = areas->free;
	areas->free = area;
}

struct iommufd_area *
iommufd_areas_split(struct iommufd_areas *areas, struct iommufd_area *area, uint64_t at)
{
	const uint64_t below = at - area->iova;
	struct iommufd_area *upper;

	upper = iommufd_areas_add(areas, at, area->len - below, area->va + below, area->prot);
	if (upper == NULL)
		return NULL;
	upper->state = iommufd_area_state(area);
	area->len = below;
	return upper;
}
