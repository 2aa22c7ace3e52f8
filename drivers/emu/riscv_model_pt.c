/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Walk of page tables, with what is remembered of the way.
 */

#include "riscv_model_pt.h"

/* A walk under way. */
struct way {
	const struct riscv_walk *walk;
	uint64_t iova;
	uint64_t table;
	unsigned int level;
	bool global;
};

/* --------------------------------------------------------- what is remembered of the way */

static void
way_begin(struct way *way)
{
	const struct riscv_walk *walk = way->walk;
	const struct emu_tlb *tlb = &walk->emu->walks;
	const struct emu_tlb_entry *entry;
	unsigned int level;

	if (walk->fresh)
		return;
	for (level = 0; level < way->level; level++) {
		entry = emu_tlb_find_size(tlb, 0, walk->pscid, way->iova,
					  riscv_level_shift(level + 1));
		if (entry == NULL && tlb->any)
			entry = emu_tlb_find_size(tlb, 0, EMU_TLB_ANY_PASID, way->iova,
						  riscv_level_shift(level + 1));
		if (entry == NULL)
			continue;
		way->table = entry->pa;
		way->global = entry->pasid == EMU_TLB_ANY_PASID;
		way->level = level;
		return;
	}
}

static void
way_descend(struct way *way, uint64_t pte)
{
	const struct riscv_walk *walk = way->walk;

	way->table = riscv_pte_pa(pte);
	way->global |= (pte & RISCV_PTE_G) != 0;
	way->level--;
	if (walk->look)
		return;
	emu_tlb_add(&walk->emu->walks, &(struct emu_tlb_entry){
		.iova = way->iova,
		.pa = way->table,
		.pasid = way->global ? EMU_TLB_ANY_PASID : walk->pscid,
		.bond = walk->bond,
		.device = walk->device,
		.shift = (uint8_t)riscv_level_shift(way->level + 1),
		.kind = EMU_TLB_FIRST,
	});
	walk->emu->tlb_used = true;
}

/* -------------------------------------------------------------------------------- entries */

static bool
is_table(uint64_t pte)
{
	return (pte & (RISCV_PTE_R | RISCV_PTE_W | RISCV_PTE_X)) == 0;
}

/* Steps 3 and 4: an entry that is neither table nor page. */
static bool
is_invalid(const struct way *way, uint64_t pte)
{
	const uint64_t reserved = riscv_pte_reserved(way->walk->emu->unit);

	if ((pte & RISCV_PTE_V) == 0 || (pte & reserved) != 0 ||
	    (pte & (RISCV_PTE_R | RISCV_PTE_W)) == RISCV_PTE_W ||
	    (pte & RISCV_PTE_PBMT) == RISCV_PTE_PBMT)
		return true;
	if (is_table(pte))
		return way->level == 0 || (pte & (RISCV_PTE_D | RISCV_PTE_A | RISCV_PTE_U |
						  RISCV_PTE_PBMT | RISCV_PTE_N)) != 0;
	if ((pte & RISCV_PTE_N) == 0)
		return false;
	return way->level != 0 ||
	       (pte >> RISCV_PTE_PPN_SHIFT & RISCV_NAPOT_MASK) != RISCV_NAPOT_64K;
}

/* Steps 5 and 6: rights, and alignment. */
static bool
is_denied(const struct way *way, uint64_t pte)
{
	const struct riscv_walk *walk = way->walk;
	const bool user = (pte & RISCV_PTE_U) != 0;

	if (((walk->want & EMU_REQ_EXEC) != 0 && (pte & RISCV_PTE_X) == 0) ||
	    ((walk->want & EMU_REQ_READ) != 0 && (pte & RISCV_PTE_R) == 0) ||
	    ((walk->want & EMU_REQ_WRITE) != 0 && (pte & RISCV_PTE_W) == 0))
		return true;
	if ((walk->want & EMU_REQ_PRIV) == 0) {
		if (!user)
			return true;
	} else if (user && (!walk->sum || (walk->want & EMU_REQ_EXEC) != 0)) {
		return true;
	}
	return (riscv_pte_pa(pte) & ((UINT64_C(1) << riscv_level_shift(way->level)) - 1)) != 0 &&
	       (pte & RISCV_PTE_N) == 0;
}

static void
page_set(const struct way *way, uint64_t pte, uint64_t marks, struct riscv_page *page)
{
	const bool dirty = ((pte | marks) & RISCV_PTE_D) != 0;
	const bool write = (pte & RISCV_PTE_W) != 0;
	const uint64_t size = UINT64_C(1) << riscv_level_shift(way->level);
	uint64_t pa = riscv_pte_pa(pte);

	/* a part of 4 KiB around the address will do */
	if ((pte & RISCV_PTE_N) != 0)
		pa = (pa & ~(RISCV_NAPOT_MASK << RISCV_PAGE_SHIFT)) |
		     (way->iova & RISCV_NAPOT_MASK << RISCV_PAGE_SHIFT);
	*page = (struct riscv_page){
		.leaf = {
			.iova = way->iova & ~(size - 1),
			.pa = pa,
			.size = size,
			.access = ((pte & RISCV_PTE_R) != 0 ? EMU_REQ_READ : 0) |
				  (write && dirty ? EMU_REQ_WRITE : 0),
		},
		.pte = pte | marks,
		.global = way->global || (pte & RISCV_PTE_G) != 0,
		.clean = write && !dirty && way->walk->sade,
		.whole = (pte & RISCV_PTE_N) == 0,
	};
}

/* Step 7: A and D. @return false: the entry has changed meanwhile, look again */
static bool
page_take(const struct way *way, uint64_t *at, uint64_t pte, struct riscv_page *page, bool *ok)
{
	const struct riscv_walk *walk = way->walk;
	const uint64_t marks =
		RISCV_PTE_A | ((walk->want & EMU_REQ_WRITE) != 0 ? RISCV_PTE_D : 0);

	*ok = !is_denied(way, pte) && (walk->sade || (pte & marks) == marks);
	if (!*ok)
		return true;
	page_set(way, pte, marks, page);
	if (walk->look || (pte & marks) == marks)
		return true;
	return __atomic_compare_exchange_n(at, &pte, pte | marks, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* ----------------------------------------------------------------------------------- walks */

static bool
way_open(struct way *way, const struct riscv_walk *walk, uint64_t iova)
{
	*way = (struct way){
		.walk = walk,
		.iova = iova,
		.table = riscv_atp_pa(walk->fsc),
		.level = riscv_top_level(walk->fsc),
	};
	return riscv_is_canonical(walk->fsc, iova);
}

/* Down by one table, or to the page. @return true: there is no more to do */
static bool
way_step(struct way *way, struct riscv_page *page, unsigned int *cause)
{
	const uint64_t index = way->iova >> riscv_level_shift(way->level) & 511;
	uint64_t *at = emu_memory_at(way->walk->emu, way->table + index * sizeof(uint64_t),
				     sizeof(uint64_t));
	uint64_t pte;
	bool ok;

	*cause = at == NULL ? riscv_cause(way->walk->want, false) : 0;
	while (*cause == 0) {
		/* pairs with the release that put it there: the table that it names is whole */
		pte = __atomic_load_n(at, __ATOMIC_ACQUIRE);
		if (is_invalid(way, pte)) {
			*cause = riscv_cause(way->walk->want, true);
		} else if (is_table(pte)) {
			way_descend(way, pte);
			return false;
		} else if (page_take(way, at, pte, page, &ok)) {
			*cause = ok ? 0 : riscv_cause(way->walk->want, true);
			break;
		}
	}
	return true;
}

unsigned int
riscv_model_page_walk(const struct riscv_walk *walk, uint64_t iova, struct riscv_page *page)
{
	unsigned int cause;
	struct way way;

	if (!way_open(&way, walk, iova))
		return riscv_cause(walk->want, true);
	way_begin(&way);
	while (!way_step(&way, page, &cause))
		;
	return cause;
}

bool
riscv_model_table_walk(const struct riscv_walk *walk, uint64_t iova, unsigned int level,
		       uint64_t *table, bool *global)
{
	struct riscv_page page;
	unsigned int cause;
	struct way way;

	if (!way_open(&way, walk, iova) || way.level < level)
		return false;
	while (way.level > level)
		if (way_step(&way, &page, &cause))
			return false;
	*table = way.table;
	*global = way.global;
	return true;
}
