/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Many pages looked up at once, as for VT-d: the upper tables are few and at hand; the descriptors
 * of the last level are brought in for all walks before they are looked at. Nothing is remembered
 * or marked. What the unit has cached of the pages is used as for a request, where there is
 * anything cached at all.
 */

#include <rte_prefetch.h>

#include "emu_bulk.h"
#include "smmuv3_model_pt.h"

/* A descriptor of a page, and what it must be like. */
struct last {
	const uint64_t *at;
	uint64_t need;   /* bits that are set */
	uint64_t forbid; /* bits that are not; but RO with DBM, where the unit marks dirty pages */
	bool marks;
	bool *ok;
};

/* Walks that have got that far. */
struct lanes {
	struct emu_span known; /* tables were found there */
	unsigned int nb;
	struct last last[EMU_LANES];
};

/* The way of a request through the tables, or through what is cached of them. */
static __rte_noinline bool
route_look(struct uiommu_emu *emu, const struct emu_lookup *lookup, struct smmuv3_walk *walk)
{
	const struct emu_message msg = emu_lookup_message(emu, lookup);

	return smmuv3_model_route(emu, emu->devices[lookup->device], lookup->bond, &msg, walk)
		       .event == 0;
}

/* One by one: another granule, or something cached that has a say. */
static __rte_noinline bool
page_look(struct uiommu_emu *emu, const struct emu_lookup *lookup)
{
	const struct smmuv3_model *smmu = emu->unit;
	const struct emu_tlb_entry *entry;
	struct smmuv3_walk walk = {0};
	struct smmuv3_page page;

	if (!route_look(emu, lookup, &walk))
		return false;
	if (walk.bypass)
		return lookup->iova >> smmuv3_oas(smmu) == 0;
	walk.look = true;
	entry = smmuv3_tlb_find(&walk, lookup->iova);
	if (entry != NULL)
		return (lookup->access & ~entry->access) == 0;
	return smmuv3_model_page_walk(&walk, lookup->iova, &page).event == 0;
}

static bool
page_is_good(uint64_t pte, const struct last *last)
{
	uint64_t forbid = last->forbid;

	if (last->marks && (pte & SMMUV3_PTE_DBM) != 0)
		forbid &= ~SMMUV3_PTE_RO;
	return (~pte & last->need) == 0 && (pte & forbid) == 0;
}

/* Where a descriptor lies. @return NULL: there is no memory */
static inline const uint64_t *
descriptor_at(struct uiommu_emu *emu, struct lanes *lanes, uint64_t table, uint64_t iova,
	      unsigned int level)
{
	if (!emu_span_has(emu, &lanes->known, table))
		return NULL;
	return (const uint64_t *)(uintptr_t)table + (iova >> smmuv3_level_shift(12, level)) % 512;
}

/* From TTB0 down to the tables of the last level, granule 4K. */
static inline void
upper_walk(struct uiommu_emu *emu, struct lanes *lanes, struct emu_lookup *lookup, uint64_t cd0,
	   uint64_t cd1, uint64_t iova, struct last *last)
{
	const bool had = (cd1 & SMMUV3_CD1_HAD0) != 0;
	const uint64_t lost = SMMUV3_PTE_NO_USER_TABLE |
			      ((lookup->access & EMU_REQ_WRITE) != 0 ? SMMUV3_PTE_RO_TABLE : 0);
	const uint64_t beyond =
		((UINT64_C(1) << 48) - 1) &
		~((UINT64_C(1) << smmuv3_output_bits(emu->unit, cd0)) - 1);
	uint64_t table = cd1 & SMMUV3_CD1_TTB0_MASK, pte;
	unsigned int level;

	for (level = smmuv3_first_level(cd0); level < SMMUV3_PT_LAST; level++) {
		last->at = descriptor_at(emu, lanes, table, iova, level);
		if (unlikely(last->at == NULL))
			return;
		/* pairs with the release that put it there */
		pte = __atomic_load_n(last->at, __ATOMIC_ACQUIRE);
		if ((pte & SMMUV3_PTE_VALID) == 0 || (pte & beyond) != 0)
			return;
		if ((pte & SMMUV3_PTE_TABLE) == 0) {
			last->need &= ~SMMUV3_PTE_TABLE;
			lookup->ok = level > 0 && page_is_good(pte, last);
			return;
		}
		if (!had && (pte & lost) != 0)
			return;
		table = smmuv3_pte_address(pte, 12);
	}
	last->at = descriptor_at(emu, lanes, table, iova, SMMUV3_PT_LAST);
	if (unlikely(last->at == NULL))
		return;
	rte_prefetch0(last->at);
	last->forbid |= beyond;
	last->ok = &lookup->ok;
	lanes->last[lanes->nb++] = *last;
}

static inline void
lane_begin(struct uiommu_emu *emu, struct lanes *lanes, struct emu_lookup *lookup)
{
	const struct emu_cache *cache = &emu->bonds[lookup->bond].cache;
	const uint64_t cd0 = cache->word[0];
	struct last last = {0};
	uint64_t iova;

	/* requests of this bond are let in: all the way to its tables is as it should be */
	if (emu->tlb_used || emu->bond_gen[lookup->bond] != emu->generation ||
	    cache->state != EMU_CACHE_GOOD || smmuv3_granule(cd0) != 12) {
		lookup->ok = page_look(emu, lookup);
		return;
	}
	if (!smmuv3_input(cd0, lookup->iova, &iova))
		return;
	last.need = SMMUV3_PTE_VALID | SMMUV3_PTE_TABLE | SMMUV3_PTE_USER;
	if ((cd0 & (SMMUV3_CD0_AFFD | SMMUV3_CD0_HA)) == 0)
		last.need |= SMMUV3_PTE_AF;
	if ((lookup->access & EMU_REQ_WRITE) != 0)
		last.forbid = SMMUV3_PTE_RO;
	last.marks = (cd0 & SMMUV3_CD0_HA) != 0 && (cd0 & SMMUV3_CD0_HD) != 0;
	upper_walk(emu, lanes, lookup, cd0, cache->word[1], iova, &last);
}

static void
lanes_walk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb)
{
	struct lanes lanes;
	unsigned int i;

	lanes.known.size = 0;
	lanes.nb = 0;
	for (i = 0; i < nb; i++)
		lane_begin(emu, &lanes, &lookups[i]);
	for (i = 0; i < lanes.nb; i++)
		/* pairs with the release that put the descriptor there */
		*lanes.last[i].ok = page_is_good(__atomic_load_n(lanes.last[i].at,
								 __ATOMIC_ACQUIRE),
						 &lanes.last[i]);
}

void
smmuv3_model_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb)
{
	const struct smmuv3_model *smmu = emu->unit;
	unsigned int done, i;

	for (i = 0; i < nb; i++)
		lookups[i].ok = false;
	for (done = 0; done < nb && smmuv3_is_on(smmu, SMMUV3_CR0_SMMUEN); done += EMU_LANES)
		lanes_walk(emu, lookups + done, RTE_MIN(nb - done, (unsigned int)EMU_LANES));
}
