/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Many pages looked up at once. The upper tables are few and at hand; each walk goes through them
 * in one go. The entries of the last two levels are brought in for all walks before
 * they are looked at, so that the misses of one hide those of the others. Nothing is remembered or
 * marked. What the unit has cached of the pages is used as for a request, where there is anything
 * cached at all.
 */

#include <rte_prefetch.h>

#include "emu_bulk.h"
#include "vtd_model_pt.h"

/* An entry of a table of pages, and what it must be like. */
struct last {
	const uint64_t *at;
	uint64_t need; /* bits; LAST_SECOND */
	bool *ok;
};
#define LAST_SECOND (UINT64_C(1) << 63)

/* Walks that have got that far. */
struct lanes {
	struct emu_lookup *lookups;
	struct emu_span known; /* tables were found there */
	unsigned int nb;
	struct last last[EMU_LANES];
};

/* One by one: with nesting or pass-through, or something cached that has a say. */
static bool
page_look(struct uiommu_emu *emu, const struct emu_lookup *lookup, struct vtd_walk *walk)
{
	const struct emu_tlb_entry *entry = NULL;
	struct emu_leaf leaf;

	if (emu->iotlb.nb > 0)
		entry = emu_tlb_find(&emu->iotlb, walk->domain, vtd_tlb_pasid(walk), lookup->iova);
	/* what is missing in an entry stays so until that is invalidated, S 11.4.2 (CAP.CM) */
	if (entry != NULL && ((entry->flags & EMU_TLB_ABSENT) != 0 ||
			      (walk->want & ~entry->access) != 0))
		return false;
	if (entry != NULL &&
	    ((walk->want & EMU_REQ_WRITE) == 0 || (entry->flags & EMU_TLB_DIRTY) != 0))
		return true;
	return vtd_model_page_walk(walk, lookup->iova, &leaf) == 0;
}

/* The way of a request through the tables, or through what is cached of them. */
static __rte_noinline bool
route_look(struct uiommu_emu *emu, const struct emu_lookup *lookup, struct vtd_walk *walk)
{
	const struct emu_message msg = emu_lookup_message(emu, lookup);

	return vtd_model_route(emu, emu->devices[lookup->device], lookup->bond, &msg, true, walk)
		       .reason == 0;
}

/* The tables of a bond. @return false: it has none */
static inline bool
route(struct uiommu_emu *emu, const struct emu_lookup *lookup, struct vtd_walk *walk)
{
	const struct emu_bond *bond = &emu->bonds[lookup->bond];

	if (emu->tlb_used || emu->bond_gen[lookup->bond] != emu->generation ||
	    bond->cache.state != EMU_CACHE_GOOD)
		return route_look(emu, lookup, walk);
	/* requests of this bond are let in: all the way to its tables is as it should be */
	walk->emu = emu; /* and no more than is needed, for it takes time */
	walk->pe0 = bond->cache.word[0];
	walk->pe2 = bond->cache.word[1];
	walk->want = lookup->access;
	return true;
}

/* Where an entry lies. @return NULL: there is no memory */
static inline const uint64_t *
entry_at(struct uiommu_emu *emu, struct lanes *lanes, uint64_t table, uint64_t iova,
	 unsigned int level)
{
	if (!emu_span_has(emu, &lanes->known, table))
		return NULL;
	return (const uint64_t *)(uintptr_t)table + (iova >> VTD_PT_SHIFT(level)) % VTD_PT_ENTRIES;
}

/*
 * One level down.
 *
 * @param need bits that the entry must have
 * @param table set to the next one
 * @return whether there is one; a page that is good is written down
 */
static __rte_always_inline bool
level_step(struct uiommu_emu *emu, struct lanes *lanes, struct emu_lookup *lookup, uint64_t need,
	   unsigned int level, bool second, uint64_t *table)
{
	const uint64_t *at = entry_at(emu, lanes, *table, lookup->iova, level);
	uint64_t entry;
	bool leaf;

	if (unlikely(at == NULL))
		return false;
	/* pairs with the release that put the entry there */
	entry = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	leaf = vtd_pt_is_leaf(entry, level);
	if (unlikely((~entry & need) != 0 ||
		     (entry & vtd_pt_reserved(emu->unit, second, level, leaf)) != 0))
		return false;
	*table = entry & VTD_PT_ADDR;
	lookup->ok = leaf;
	return !leaf;
}

/* From the root down to the tables of the last level. */
static __rte_always_inline void
upper_walk(struct uiommu_emu *emu, struct lanes *lanes, unsigned int lane, uint64_t table,
	   unsigned int levels, uint64_t need, bool second)
{
	struct emu_lookup *lookup = &lanes->lookups[lane];
	const uint64_t *at;

	/* each level by itself: shifts and masks are constants */
	if (levels == 5 && !level_step(emu, lanes, lookup, need, 5, second, &table))
		return;
	if (levels >= 4 && !level_step(emu, lanes, lookup, need, 4, second, &table))
		return;
	if (!level_step(emu, lanes, lookup, need, 3, second, &table) ||
	    !level_step(emu, lanes, lookup, need, 2, second, &table))
		return;
	at = entry_at(emu, lanes, table, lookup->iova, 1);
	if (unlikely(at == NULL))
		return;
	rte_prefetch0(at);
	lanes->last[lanes->nb++] = (struct last){
		.at = at, .need = need | (second ? LAST_SECOND : 0), .ok = &lookup->ok,
	};
}

static __rte_noinline void
other_look(struct uiommu_emu *emu, struct emu_lookup *lookup, struct vtd_walk *walk)
{
	walk->look = true;
	walk->fresh = false;
	lookup->ok = page_look(emu, lookup, walk);
}

static inline void
lane_begin(struct uiommu_emu *emu, struct lanes *lanes, unsigned int lane)
{
	struct emu_lookup *lookup = &lanes->lookups[lane];
	struct vtd_walk walk;
	unsigned int kind, levels;

	lookup->ok = false;
	if (!route(emu, lookup, &walk))
		return;
	kind = vtd_pe_kind(walk.pe0);
	if (unlikely(emu->tlb_used || (kind != VTD_PGTT_FIRST && kind != VTD_PGTT_SECOND))) {
		other_look(emu, lookup, &walk);
	} else if (kind == VTD_PGTT_FIRST) {
		levels = vtd_first_levels(walk.pe2);
		if (vtd_is_canonical(lookup->iova, levels))
			upper_walk(emu, lanes, lane, walk.pe2 & VTD_PT_ADDR, levels,
				   vtd_first_need(lookup->access), false);
	} else {
		levels = vtd_second_levels(walk.pe0);
		if (lookup->iova >> VTD_PT_SHIFT(levels + 1) == 0)
			upper_walk(emu, lanes, lane, walk.pe0 & VTD_PT_ADDR, levels,
				   vtd_second_need(lookup->access), true);
	}
}

static void
lanes_walk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb)
{
	struct lanes lanes;
	const struct last *last;
	uint64_t entry, need;
	unsigned int i;
	bool second;

	lanes.lookups = lookups;
	lanes.known.size = 0;
	lanes.nb = 0;
	for (i = 0; i < nb; i++)
		lane_begin(emu, &lanes, i);
	for (i = 0; i < lanes.nb; i++) {
		last = &lanes.last[i];
		second = (last->need & LAST_SECOND) != 0;
		need = last->need & ~LAST_SECOND;
		/* pairs with the release that put the entry there */
		entry = __atomic_load_n(last->at, __ATOMIC_ACQUIRE);
		*last->ok = (~entry & need) == 0 &&
			    (entry & vtd_pt_reserved(emu->unit, second, 1, true)) == 0;
	}
}

void
vtd_model_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb)
{
	const struct vtd_model *vtd = emu->unit;
	unsigned int done, i;

	for (i = 0; i < nb; i++)
		lookups[i].ok = false;
	for (done = 0; done < nb && vtd->translating; done += EMU_LANES)
		lanes_walk(emu, lookups + done, RTE_MIN(nb - done, (unsigned int)EMU_LANES));
}
