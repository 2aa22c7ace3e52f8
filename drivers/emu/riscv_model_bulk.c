/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Many pages looked up at once, as for VT-d: the upper tables are few and at hand; the entries of
 * the last level are brought in for all walks before they are looked at. Nothing is remembered or
 * marked. What the unit has cached of the pages is used as for a request, where there is anything
 * cached at all.
 */

#include <rte_prefetch.h>

#include "emu_bulk.h"
#include "riscv_model_pt.h"

/* What a page may have, and is seldom seen with. */
#define STRANGE (RISCV_PTE_N | RISCV_PTE_PBMT)

/* An entry of a page, and what it must be like. */
struct last {
	const uint64_t *at;
	uint64_t need; /* bits that are set */
	struct emu_lookup *lookup;
};

/* Walks that have got that far. */
struct lanes {
	struct emu_span known; /* tables were found there */
	uint64_t forbid;       /* bits that no entry may have */
	unsigned int nb;
	struct last last[EMU_LANES];
};

/* One by one: larger pages, or something cached that has a say. */
static __rte_noinline bool
page_look(struct uiommu_emu *emu, const struct emu_lookup *lookup)
{
	const struct emu_message msg = emu_lookup_message(emu, lookup);
	const struct emu_tlb_entry *entry;
	struct riscv_walk walk;
	struct riscv_page page;

	if (riscv_model_route(emu, emu->devices[lookup->device], lookup->bond, &msg,
			      RISCV_TTYP_ATS, &walk) != 0)
		return false;
	if (walk.bypass)
		return lookup->iova >> riscv_pas(emu->unit) == 0;
	walk.look = true;
	entry = riscv_tlb_find(&walk, lookup->iova);
	if (entry != NULL)
		return (lookup->access & ~entry->access) == 0;
	return riscv_model_page_walk(&walk, lookup->iova, &page) == 0;
}

/* Where an entry lies. @return NULL: there is no memory */
static inline const uint64_t *
entry_at(struct uiommu_emu *emu, struct lanes *lanes, uint64_t table, uint64_t iova,
	 unsigned int level)
{
	if (!emu_span_has(emu, &lanes->known, table))
		return NULL;
	return (const uint64_t *)(uintptr_t)table + (iova >> riscv_level_shift(level)) % 512;
}

/* From the root down to the tables of pages. @return false: to be looked at more closely */
static inline bool
upper_walk(struct uiommu_emu *emu, struct lanes *lanes, const struct emu_lookup *lookup,
	   uint64_t fsc, struct last *last)
{
	const uint64_t forbid = lanes->forbid | RISCV_PTE_R | RISCV_PTE_W | RISCV_PTE_X |
				RISCV_PTE_U | RISCV_PTE_A | RISCV_PTE_D | STRANGE;
	uint64_t table = riscv_atp_pa(fsc), pte;
	unsigned int level;

	for (level = riscv_top_level(fsc); level > 0; level--) {
		last->at = entry_at(emu, lanes, table, lookup->iova, level);
		if (unlikely(last->at == NULL))
			return false;
		/* pairs with the release that put it there */
		pte = __atomic_load_n(last->at, __ATOMIC_ACQUIRE);
		if ((pte & RISCV_PTE_V) == 0 || (pte & forbid) != 0)
			return false;
		table = riscv_pte_pa(pte);
	}
	last->at = entry_at(emu, lanes, table, lookup->iova, 0);
	if (unlikely(last->at == NULL))
		return false;
	rte_prefetch0(last->at);
	return true;
}

/* @return false: to be looked at more closely */
static inline bool
lane_begin(struct uiommu_emu *emu, struct lanes *lanes, struct emu_lookup *lookup)
{
	const struct emu_cache *dc = &emu->devices[lookup->device]->cache;
	const struct emu_cache *pc = &emu->bonds[lookup->bond].cache;
	const uint64_t fsc = pc->word[1];
	struct last last = {.lookup = lookup};

	/* requests of this bond are let in, and the way to its tables is known */
	if (emu->tlb_used || emu->bond_gen[lookup->bond] != emu->generation ||
	    pc->state != EMU_CACHE_GOOD || riscv_atp_mode(fsc) == RISCV_IOSATP_BARE ||
	    !riscv_is_canonical(fsc, lookup->iova))
		return false;
	last.need = RISCV_PTE_V | RISCV_PTE_U |
		    ((lookup->access & EMU_REQ_READ) != 0 ? RISCV_PTE_R : 0) |
		    ((lookup->access & EMU_REQ_WRITE) != 0 ? RISCV_PTE_R | RISCV_PTE_W : 0);
	if ((dc->word[0] & RISCV_TC_SADE) == 0)
		last.need |= RISCV_PTE_A |
			     ((lookup->access & EMU_REQ_WRITE) != 0 ? RISCV_PTE_D : 0);
	if (!upper_walk(emu, lanes, lookup, fsc, &last))
		return false;
	lanes->last[lanes->nb++] = last;
	return true;
}

static void
lanes_walk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb)
{
	struct lanes lanes;
	struct last *last;
	uint64_t pte;
	unsigned int i;

	lanes.known.size = 0;
	lanes.forbid = riscv_pte_reserved(emu->unit);
	lanes.nb = 0;
	for (i = 0; i < nb; i++)
		if (!lane_begin(emu, &lanes, &lookups[i]))
			lookups[i].ok = page_look(emu, &lookups[i]);
	for (i = 0; i < lanes.nb; i++) {
		last = &lanes.last[i];
		/* pairs with the release that put the entry there */
		pte = __atomic_load_n(last->at, __ATOMIC_ACQUIRE);
		last->lookup->ok = (~pte & last->need) == 0 &&
				   (pte & (lanes.forbid | STRANGE)) == 0;
		/* it may be good all the same */
		if (unlikely(!last->lookup->ok))
			last->lookup->ok = page_look(emu, last->lookup);
	}
}

void
riscv_model_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb)
{
	unsigned int done;

	for (done = 0; done < nb; done += EMU_LANES)
		lanes_walk(emu, lookups + done, RTE_MIN(nb - done, (unsigned int)EMU_LANES));
}
