/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A bit for each PASID. Endpoints differ in width, so each width has a place of its own where its
 * next search begins. The caller sees to it that there is one call at a time.
 */

#include <stddef.h>

#include "pasid_alloc.h"

#define WORD_BITS 64

static uint64_t used[UIOMMU_PASID_COUNT / WORD_BITS];
static uint32_t next_of[UIOMMU_PASID_BITS + 1];

static bool
is_used(uint32_t pasid)
{
	return (used[pasid / WORD_BITS] >> (pasid % WORD_BITS) & 1) != 0;
}

/* The first one in [pasid, end) that is free, or end. */
static uint32_t
free_find(uint32_t pasid, uint32_t end, bool (*is_taken)(uint32_t pasid, const void *arg),
	  const void *arg)
{
	while (pasid < end) {
		/* words that are full are passed at once */
		if (pasid % WORD_BITS == 0 && used[pasid / WORD_BITS] == UINT64_MAX) {
			pasid += WORD_BITS;
			continue;
		}
		if (!is_used(pasid) && (is_taken == NULL || !is_taken(pasid, arg)))
			return pasid;
		pasid++;
	}
	return end;
}

uint32_t
uiommu_pvt_pasid_alloc(unsigned int bits, bool (*is_taken)(uint32_t pasid, const void *arg),
		       const void *arg)
{
	uint32_t end = UINT32_C(1) << bits;
	uint32_t begin = next_of[bits];
	uint32_t pasid;

	/* 0 stands for requests without PASID on some units: it is never given out */
	if (begin == 0)
		begin = 1;
	pasid = free_find(begin, end, is_taken, arg);
	if (pasid >= end) {
		pasid = free_find(1, begin, is_taken, arg);
		if (pasid >= begin)
			return UIOMMU_NO_PASID;
	}
	used[pasid / WORD_BITS] |= UINT64_C(1) << (pasid % WORD_BITS);
	next_of[bits] = pasid + 1;
	return pasid;
}

void
uiommu_pvt_pasid_free(uint32_t pasid)
{
	used[pasid / WORD_BITS] &= ~(UINT64_C(1) << (pasid % WORD_BITS));
}
