/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Walk of the tables of stage 1, with what is remembered of the way.
 */

#include "smmuv3_model_pt.h"

/* A walk under way. */
struct way {
	const struct smmuv3_walk *walk;
	uint64_t address;
	uint64_t table;
	unsigned int granule;
	unsigned int level;
	unsigned int lost;        /* SMMUV3_LOST_* */
	unsigned int output_bits;
};

static struct smmuv3_fault
fault_of(uint8_t event, uint64_t at)
{
	return (struct smmuv3_fault){
		.event = event,
		.class = event == SMMUV3_EVT_F_WALK_EABT ? SMMUV3_CLASS_TT : SMMUV3_CLASS_IN,
		.at = at,
	};
}

/* --------------------------------------------------------- what is remembered of the way */

/* Tables of the last level cover 2^21, those above 2^30 and 2^39: the granule of 4K alone. */
static void
way_begin(struct way *way)
{
	const struct smmuv3_walk *walk = way->walk;
	const struct emu_tlb_entry *entry;
	unsigned int level;

	if (walk->fresh || way->granule != 12)
		return;
	for (level = SMMUV3_PT_LAST; level > way->level; level--) {
		entry = emu_tlb_find_size(&walk->emu->walks, walk->vmid, smmuv3_asid(walk),
					  way->address,
					  smmuv3_level_shift(way->granule, level - 1));
		if (entry == NULL)
			continue;
		way->table = entry->pa;
		way->lost = entry->flags;
		way->level = level;
		return;
	}
}

static void
way_descend(struct way *way, uint64_t table)
{
	const struct smmuv3_walk *walk = way->walk;

	way->table = table;
	way->level++;
	if (walk->look || way->granule != 12)
		return;
	emu_tlb_add(&walk->emu->walks, &(struct emu_tlb_entry){
		.iova = way->address,
		.pa = table,
		.pasid = smmuv3_asid(walk),
		.bond = walk->bond,
		.domain = walk->vmid,
		.device = walk->device,
		.shift = (uint8_t)smmuv3_level_shift(way->granule, way->level - 1),
		/* by the level that the entry was read at */
		.kind = (uint8_t)(1U << (way->level - 1)),
		.flags = (uint8_t)way->lost,
	});
	walk->emu->tlb_used = true;
}

/* ---------------------------------------------------------------------------- descriptors */

static uint64_t
load(const uint64_t *at)
{
	/* pairs with the release that put it there: the table that it names is whole */
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static uint64_t *
descriptor_at(const struct way *way, uint64_t *pa)
{
	const unsigned int shift = smmuv3_level_shift(way->granule, way->level);
	const uint64_t index = way->address >> shift &
			       ((UINT64_C(1) << smmuv3_stride(way->granule)) - 1);

	*pa = way->table + index * sizeof(uint64_t);
	return emu_memory_at(way->walk->emu, *pa, sizeof(uint64_t));
}

static bool
is_table(uint64_t pte, unsigned int level)
{
	return level < SMMUV3_PT_LAST && (pte & SMMUV3_PTE_TABLE) != 0;
}

/* What is neither table, nor block, nor page at this level. */
static bool
is_invalid(const struct way *way, uint64_t pte)
{
	if ((pte & SMMUV3_PTE_VALID) == 0)
		return true;
	if ((pte & SMMUV3_PTE_TABLE) != 0)
		return false;
	/* a block: level 1 with 4K, level 2 with all */
	return way->level == SMMUV3_PT_LAST || way->level == 0 ||
	       (way->level == 1 && way->granule != 12);
}

static void
table_rights(struct way *way, uint64_t pte)
{
	if ((way->walk->cd1 & SMMUV3_CD1_HAD0) != 0 &&
	    (((const struct smmuv3_model *)way->walk->emu->unit)->idr[3] & SMMUV3_IDR3_HAD) != 0)
		return;
	way->lost |= ((pte & SMMUV3_PTE_NO_USER_TABLE) != 0 ? SMMUV3_LOST_USER : 0) |
		     ((pte & SMMUV3_PTE_RO_TABLE) != 0 ? SMMUV3_LOST_WRITE : 0) |
		     ((pte & SMMUV3_PTE_UXN_TABLE) != 0 ? SMMUV3_LOST_UXN : 0) |
		     ((pte & SMMUV3_PTE_PXN_TABLE) != 0 ? SMMUV3_LOST_PXN : 0);
}

/* Rights of a page to begin with, as its descriptor and those above say. */
static void
page_rights(const struct way *way, uint64_t pte, bool *access, bool *write, bool *exec)
{
	const bool privileged = (way->walk->want & EMU_REQ_PRIV) != 0;
	const bool user = (pte & SMMUV3_PTE_USER) != 0 && (way->lost & SMMUV3_LOST_USER) == 0;

	*access = privileged || user;
	*write = *access && (pte & SMMUV3_PTE_RO) == 0 && (way->lost & SMMUV3_LOST_WRITE) == 0;
	if (privileged)
		/* what a user can write is not executed by others */
		*exec = (pte & SMMUV3_PTE_PXN) == 0 && (way->lost & SMMUV3_LOST_PXN) == 0 &&
			!(user && *write);
	else
		*exec = user && (pte & SMMUV3_PTE_UXN) == 0 && (way->lost & SMMUV3_LOST_UXN) == 0;
	if (((way->walk->cd0 & SMMUV3_CD0_WXN) != 0 && *write) ||
	    ((way->walk->cd0 & SMMUV3_CD0_UWXN) != 0 && privileged && user && *write))
		*exec = false;
}

/*
 * S 3.13: marks that the unit sets by itself, as far as the CD lets it.
 *
 * @param bits set and cleared in a descriptor that is used as is wanted
 * @return event, 0: none
 */
static uint8_t
page_judge(const struct way *way, uint64_t pte, uint64_t *set, uint64_t *clear,
	   struct smmuv3_page *page)
{
	const struct smmuv3_walk *walk = way->walk;
	const bool ha = (walk->cd0 & SMMUV3_CD0_HA) != 0;
	/* HD without HA has no effect */
	const bool clean = ha && (walk->cd0 & SMMUV3_CD0_HD) != 0 && (pte & SMMUV3_PTE_DBM) != 0 &&
			   (pte & SMMUV3_PTE_RO) != 0;
	bool access, write, exec;

	*set = 0;
	*clear = 0;
	if ((pte & SMMUV3_PTE_AF) == 0) {
		if (ha)
			*set = SMMUV3_PTE_AF;
		else if ((walk->cd0 & SMMUV3_CD0_AFFD) == 0)
			return SMMUV3_EVT_F_ACCESS;
	}
	page_rights(way, pte, &access, &write, &exec);
	if (!access)
		return SMMUV3_EVT_F_PERMISSION;
	if ((walk->want & EMU_REQ_WRITE) != 0 && !write) {
		if (clean)
			*clear = SMMUV3_PTE_RO;
		page_rights(way, pte & ~*clear, &access, &write, &exec);
		if (!write)
			return SMMUV3_EVT_F_PERMISSION;
	}
	if ((walk->want & EMU_REQ_EXEC) != 0 && !exec)
		return SMMUV3_EVT_F_PERMISSION;
	page->leaf.access = EMU_REQ_READ | (write ? EMU_REQ_WRITE : 0);
	page->clean = clean && !write;
	page->exec = exec;
	return 0;
}

static void
page_set(const struct way *way, uint64_t pte, struct smmuv3_page *page)
{
	const unsigned int shift = smmuv3_level_shift(way->granule, way->level);

	page->leaf.size = UINT64_C(1) << shift;
	page->leaf.iova = way->address & ~(page->leaf.size - 1);
	page->leaf.pa = smmuv3_pte_address(pte, way->granule) & ~(page->leaf.size - 1);
	page->kind = smmuv3_kind(way->granule, way->level);
	page->global = (pte & SMMUV3_PTE_NG) == 0;
}

/* A page or block. @return false: it has changed meanwhile, look again */
static bool
page_take(const struct way *way, uint64_t *at, uint64_t pte, struct smmuv3_page *page,
	  struct smmuv3_fault *fault)
{
	uint64_t set, clear;

	fault->event = page_judge(way, pte, &set, &clear, page);
	if (fault->event != 0)
		return true;
	page_set(way, pte, page);
	if (way->walk->look || (set | clear) == 0)
		return true;
	return __atomic_compare_exchange_n(at, &pte, (pte | set) & ~clear, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* ----------------------------------------------------------------------------------- walks */

static bool
way_open(struct way *way, const struct smmuv3_walk *walk, uint64_t iova)
{
	*way = (struct way){
		.walk = walk,
		.table = walk->cd1 & SMMUV3_CD1_TTB0_MASK,
		.granule = smmuv3_granule(walk->cd0),
		.level = smmuv3_first_level(walk->cd0),
		.output_bits = smmuv3_output_bits(walk->emu->unit, walk->cd0),
	};
	return smmuv3_input(walk->cd0, iova, &way->address);
}

/* Down by one table, or to the page. @return true: there is no more to do */
static bool
way_step(struct way *way, struct smmuv3_page *page, struct smmuv3_fault *fault)
{
	uint64_t *at, pa, pte;

	at = descriptor_at(way, &pa);
	*fault = fault_of(at == NULL ? SMMUV3_EVT_F_WALK_EABT : 0, pa);
	while (fault->event == 0) {
		pte = load(at);
		if (is_invalid(way, pte))
			*fault = fault_of(SMMUV3_EVT_F_TRANSLATION, 0);
		else if (smmuv3_pte_address(pte, way->granule) >> way->output_bits != 0)
			*fault = fault_of(SMMUV3_EVT_F_ADDR_SIZE, 0);
		else if (is_table(pte, way->level)) {
			table_rights(way, pte);
			way_descend(way, smmuv3_pte_address(pte, way->granule));
			return false;
		} else if (page_take(way, at, pte, page, fault)) {
			break;
		}
	}
	return true;
}

struct smmuv3_fault
smmuv3_model_page_walk(const struct smmuv3_walk *walk, uint64_t iova, struct smmuv3_page *page)
{
	struct smmuv3_fault fault;
	struct way way;

	if (!way_open(&way, walk, iova))
		return fault_of(SMMUV3_EVT_F_TRANSLATION, 0);
	way_begin(&way);
	while (!way_step(&way, page, &fault))
		;
	/* the address as it came, with its top byte */
	if (fault.event == 0)
		page->leaf.iova = iova & ~(page->leaf.size - 1);
	return fault;
}

bool
smmuv3_model_table_walk(const struct smmuv3_walk *walk, uint64_t iova, unsigned int level,
			uint64_t *table, unsigned int *lost)
{
	struct smmuv3_page page;
	struct smmuv3_fault fault;
	struct way way;

	if (!way_open(&way, walk, iova) || way.level > level)
		return false;
	while (way.level < level)
		if (way_step(&way, &page, &fault))
			return false;
	*table = way.table;
	*lost = way.lost;
	return true;
}
