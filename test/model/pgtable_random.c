/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "pgtable_history.h"

/* Of what is left of the width: addresses come from a few places, so that they meet. */
#define NEAR_PAGES 16
#define FAR_PAGES 1100

bool
history_valid(const struct history *h, uint64_t iova, uint64_t len)
{
	uint32_t width = hw_width(&h->unit);
	uint64_t half = UINT64_C(1) << (width - 1), pos = iova;

	/* a signed range that goes through zero is no range: 2^64 is its end */
	if (len == 0 || iova + (len - 1) < iova)
		return false;
	if (!hw_is_signed(&h->unit))
		return iova + (len - 1) < 2 * half;
	if (iova < half)
		return iova + (len - 1) < half;
	pos += half;
	return pos < half;
}

/* Bytes that an entry of a level covers, of the levels that leaves and their tables have. */
static uint64_t
span(const struct history *h, uint32_t level)
{
	return UINT64_C(1) << hw_shift(&h->unit, level);
}

uint64_t
history_iova(struct history *h)
{
	uint64_t spot = h->spots[history_below(h, h->nb_spots)], offset;
	uint32_t kind = (uint32_t)history_below(h, 16);

	if (kind < 8)
		offset = history_below(h, NEAR_PAGES) * history_page(h);
	else if (kind < 12)
		offset = history_below(h, FAR_PAGES) * history_page(h);
	else if (kind < 15 || h->v->page_shift != 12)
		offset = history_below(h, 6) * span(h, 2);
	else
		offset = history_below(h, 3) * span(h, 3);
	return history_percent(h, 50) ? spot + offset : spot - offset;
}

static uint64_t
random_len(struct history *h, uint64_t *align)
{
	uint32_t kind = (uint32_t)history_below(h, 64);

	*align = history_page(h);
	if (kind < 20)
		return history_page(h);
	if (kind < 42)
		return (1 + history_below(h, 2 * NEAR_PAGES)) * history_page(h);
	if (kind < 50)
		return (1 + history_below(h, FAR_PAGES)) * history_page(h);
	*align = span(h, 2);
	if (kind < 61 || h->v->page_shift != 12)
		return (1 + history_below(h, 4)) * span(h, 2);
	*align = span(h, 3);
	return (1 + history_below(h, 2)) * span(h, 3);
}

void
history_range(struct history *h, uint64_t *iova, uint64_t *len)
{
	uint64_t align;

	*iova = history_iova(h);
	*len = random_len(h, &align);
	if (history_percent(h, 90))
		*iova &= ~(align - 1);
	/* a range beyond the end is tried now and then, and must be refused */
	if (!history_valid(h, *iova, *len) && history_percent(h, 90)) {
		*iova = h->spots[0] & ~(align - 1);
		if (!history_valid(h, *iova, *len))
			*iova -= *len;
	}
}

uint64_t
history_pa(struct history *h, uint64_t iova)
{
	uint32_t i = (uint32_t)history_below(h, 16);
	uint64_t low = (UINT64_C(1) << (h->unit.pa_bits - 1)) - 1;

	/* mostly the same place, so that much can be mapped twice */
	i = i < 10 ? 0 : i < 12 ? 1 : i < 14 ? 2 : 3;
	/* where nothing fits, a large range is a great many entries */
	if (i == 3 && history_percent(h, 50))
		i = 2;
	return (iova & low) + h->deltas[i];
}

uint32_t
history_prot(struct history *h)
{
	uint32_t prot = UIOMMU_PROT_READ;

	if (history_percent(h, 60))
		prot |= UIOMMU_PROT_WRITE;
	if (history_percent(h, 30))
		prot |= UIOMMU_PROT_EXEC;
	if (h->v->format == UIOMMU_PGTABLE_VTD_SECOND && history_percent(h, 10))
		prot = UIOMMU_PROT_WRITE;
	return prot;
}

uint32_t
history_gets(const struct history *h, uint32_t prot)
{
	switch (h->v->format) {
	case UIOMMU_PGTABLE_X86_FIRST:
		return prot | UIOMMU_PROT_EXEC;
	case UIOMMU_PGTABLE_VTD_SECOND:
		/* it has no bit for that */
		return prot & ~UIOMMU_PROT_EXEC;
	default:
		return prot;
	}
}
