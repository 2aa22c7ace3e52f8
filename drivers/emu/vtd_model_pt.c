/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page tables, S 9.7, 9.8, and their faults, S 7.1.3. What a walk comes by is remembered as soon
 * as it was found good, S 6.2: where the next table lies, with the rights so far.
 *
 * Software may change an entry at any time. A mark (accessed, dirty) is set by compare and swap on
 * the entry that was judged, as the unit's locked access does it; else it is judged anew.
 */

#include "vtd_model_pt.h"

/* Large pages of the second stage, by level less 2, S 11.4.2 */
#define CAP_SSLPS_SHIFT 34

/* What one stage makes of an address. */
struct stage {
	uint64_t pa;     /* of the address */
	uint32_t shift;  /* of the page */
	uint32_t access; /* EMU_REQ_READ, EMU_REQ_WRITE */
};

/* A stage under way. */
struct way {
	const struct vtd_walk *walk;
	uint64_t address;
	uint64_t table;
	uint32_t want;
	uint32_t access;
	uint32_t tag;     /* PASID that tables are remembered by */
	unsigned int level;
	unsigned int stop; /* level whose table is wanted, and not what is in it; 0: a page */
	uint8_t kind;     /* EMU_TLB_* */
};

static unsigned int
second_stage(const struct vtd_walk *walk, uint64_t address, uint32_t want, unsigned int stop,
	     struct stage *out);

/* ------------------------------------------------------------------- reserved bits */

/* Address bits that a page of this level does not use, but for PAT (12) */
static uint64_t
leaf_low(unsigned int level, uint64_t pat)
{
	return ((UINT64_C(1) << VTD_PT_SHIFT(level)) - 1) & VTD_ADDR_MASK & ~pat;
}

/* S 9.7; a size that the unit does not have makes the size bit a reserved one */
static uint64_t
first_reserved(const struct vtd_model *vtd, unsigned int level, bool leaf)
{
	if (!leaf)
		return level > VTD_PT_LEAF_MAX ? VTD_FS_PS : 0;
	return leaf_low(level, UINT64_C(1) << 12) |
	       (level == VTD_PT_LEAF_MAX && (vtd->cap & VTD_CAP_FS1GP) == 0 ? VTD_FS_PS : 0);
}

/* S 9.8; no unit of ours reports SSIRWS, with which IW would have a meaning */
static uint64_t
second_reserved(const struct vtd_model *vtd, unsigned int level, bool leaf)
{
	uint64_t bits = VTD_SS_IW;

	if (!leaf)
		return bits | VTD_SS_SNP | (level > VTD_PT_LEAF_MAX ? VTD_FS_PS : 0);
	if ((vtd->ecap & VTD_ECAP_SC) == 0)
		bits |= VTD_SS_SNP;
	if (level > 1 && ((vtd->cap >> (CAP_SSLPS_SHIFT + level - 2)) & 1) == 0)
		bits |= VTD_FS_PS;
	return bits | leaf_low(level, 0);
}

void
vtd_model_pt_open(struct vtd_model *vtd)
{
	/* from the address width to 51; what is above has other meanings, or none */
	const uint64_t address = VTD_MODEL_ADDR_RESERVED & ((UINT64_C(1) << 52) - 1);
	unsigned int level;
	bool leaf;

	for (level = 1; level <= VTD_PT_LEVELS_MAX; level++) {
		leaf = false;
		do {
			vtd->pt_reserved[0][level][leaf] =
				address | first_reserved(vtd, level, leaf);
			vtd->pt_reserved[1][level][leaf] =
				address | second_reserved(vtd, level, leaf);
			leaf = !leaf;
		} while (leaf);
	}
}

/* -------------------------------------------------------------- tables remembered */

/* Begin with the lowest table that is remembered and lets the request through. */
static void
way_begin(struct way *way)
{
	const struct emu_tlb *tlb = &way->walk->emu->walks;
	const struct emu_tlb_entry *entry;
	unsigned int level;

	if (way->walk->fresh || tlb->nb == 0)
		return;
	for (level = 1; level < way->level; level++) {
		entry = emu_tlb_find_size(tlb, way->walk->domain, way->tag, way->address,
					  EMU_TLB_SHIFT(level));
		if (entry == NULL || (way->want & ~entry->access) != 0)
			continue;
		way->level = level;
		way->table = entry->pa;
		way->access = entry->access;
		return;
	}
}

/* One level down. */
static void
way_descend(struct way *way, uint64_t table)
{
	const struct vtd_walk *walk = way->walk;

	way->level--;
	way->table = table;
	if (walk->look || walk->privileged)
		return;
	emu_tlb_add(&walk->emu->walks, &(struct emu_tlb_entry){
		.iova = way->address,
		.pa = table,
		.pasid = way->tag,
		.bond = walk->bond,
		.domain = walk->domain,
		.device = walk->device,
		.shift = EMU_TLB_SHIFT(way->level),
		.access = (uint8_t)way->access,
		.kind = way->kind,
	});
	walk->emu->tlb_used = true;
}

/* Index of the entry at this level. */
static unsigned int
way_index(const struct way *way)
{
	return (way->address >> VTD_PT_SHIFT(way->level)) % VTD_PT_ENTRIES;
}

/* @return whether the entry was still as it was judged */
static bool
mark(const struct vtd_walk *walk, uint64_t *at, uint64_t entry, uint64_t bits)
{
	if (walk->look || (entry & bits) == bits)
		return true;
	return __atomic_compare_exchange_n(at, &entry, entry | bits, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static uint64_t
load(const uint64_t *at)
{
	/* pairs with the release that put the entry there: the table that it names is whole */
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

/* The table that was wanted is reached. */
static bool
way_stops(const struct way *way, struct stage *out)
{
	if (way->level != way->stop)
		return false;
	out->pa = way->table;
	out->access = way->access;
	return true;
}

/* The stage ends here, with a page. */
static void
way_end(const struct way *way, uint64_t entry, struct stage *out)
{
	const uint64_t below = (UINT64_C(1) << VTD_PT_SHIFT(way->level)) - 1;

	out->pa = (entry & VTD_PT_ADDR & ~below) | (way->address & below);
	out->shift = VTD_PT_SHIFT(way->level);
	out->access = way->access;
}

/* ---------------------------------------------------------------------- first stage */

/* Where an entry lies; with nesting, an address to be translated itself. */
static unsigned int
first_at(const struct way *way, uint64_t **entry)
{
	const struct vtd_walk *walk = way->walk;

	*entry = emu_memory_at(walk->emu, way->table + way_index(way) * sizeof(**entry),
			       sizeof(**entry));
	return *entry == NULL ? VTD_FR_FS_ACCESS : 0;
}

/* Of a table that an entry, or the PASID entry, names: where it is; S 3.8 */
static unsigned int
first_table(const struct vtd_walk *walk, uint64_t named, uint64_t *table)
{
	struct stage host;

	*table = named;
	if (vtd_pe_kind(walk->pe0) != VTD_PGTT_NESTED)
		return 0;
	if (second_stage(walk, named, EMU_REQ_READ, 0, &host) != 0)
		return VTD_FR_FS_NESTED;
	*table = host.pa;
	return 0;
}

static unsigned int
first_judge(const struct way *way, uint64_t entry, bool leaf)
{
	const struct vtd_walk *walk = way->walk;

	if ((entry & vtd_pt_reserved(walk->emu->unit, false, way->level, leaf)) != 0)
		return VTD_FR_FS_RESERVED;
	if ((entry & VTD_FS_US) == 0 && !walk->privileged)
		return VTD_FR_USER;
	/* S 9.6: WPE is what holds supervisors to it */
	if ((way->want & EMU_REQ_WRITE) != 0 && (entry & VTD_FS_RW) == 0 &&
	    (!walk->privileged || (walk->pe2 & VTD_PE2_WPE) != 0))
		return VTD_FR_WRITE_DENIED;
	return 0;
}

static unsigned int
first_stage(const struct vtd_walk *walk, uint64_t address, bool dirty, unsigned int stop,
	    struct stage *out)
{
	struct way way = {
		.walk = walk,
		.address = address,
		.want = walk->want,
		.access = EMU_REQ_READ | EMU_REQ_WRITE,
		.tag = walk->pasid,
		.level = vtd_first_levels(walk->pe2),
		.stop = stop,
		.kind = vtd_pe_kind(walk->pe0) == VTD_PGTT_NESTED ? EMU_TLB_NESTED : EMU_TLB_FIRST,
	};
	unsigned int reason;
	uint64_t *at, entry, table;
	bool leaf;

	if (!vtd_is_canonical(address, way.level))
		return VTD_FR_FS_NOT_CANONICAL;
	reason = first_table(walk, walk->pe2 & VTD_PT_ADDR, &way.table);
	if (reason != 0)
		return reason;
	way_begin(&way);
	while (!way_stops(&way, out)) {
		reason = first_at(&way, &at);
		if (reason != 0)
			return reason;
		do {
			entry = load(at);
			if ((entry & VTD_FS_P) == 0)
				return VTD_FR_FS_NOT_PRESENT;
			leaf = vtd_pt_is_leaf(entry, way.level);
			reason = first_judge(&way, entry, leaf);
			if (reason != 0)
				return reason;
		} while (!mark(walk, at, entry, VTD_FS_A | (leaf && dirty ? VTD_FS_D : 0)));
		if ((entry & VTD_FS_RW) == 0)
			way.access &= ~EMU_REQ_WRITE;
		if (leaf) {
			way_end(&way, entry, out);
			break;
		}
		reason = first_table(walk, entry & VTD_PT_ADDR, &table);
		if (reason != 0)
			return reason;
		way_descend(&way, table);
	}
	return 0;
}

/* --------------------------------------------------------------------- second stage */

static unsigned int
second_judge(const struct way *way, uint64_t entry, bool leaf)
{
	const uint32_t access = vtd_second_access(entry);

	if (access == 0)
		return VTD_FR_SS_PERMISSION;
	if ((entry & vtd_pt_reserved(way->walk->emu->unit, true, way->level, leaf)) != 0)
		return VTD_FR_SS_RESERVED;
	return (way->want & ~access) != 0 ? VTD_FR_SS_PERMISSION : 0;
}

static unsigned int
second_stage(const struct vtd_walk *walk, uint64_t address, uint32_t want, unsigned int stop,
	     struct stage *out)
{
	struct way way = {
		.walk = walk,
		.address = address,
		.table = walk->pe0 & VTD_PT_ADDR,
		.want = want,
		.access = EMU_REQ_READ | EMU_REQ_WRITE,
		.tag = EMU_TLB_ANY_PASID,
		.level = vtd_second_levels(walk->pe0),
		.stop = stop,
		.kind = EMU_TLB_SECOND,
	};
	const bool marks = (walk->pe0 & VTD_PE0_SSADE) != 0;
	const uint64_t dirty = (want & EMU_REQ_WRITE) != 0 ? VTD_SS_D : 0;
	unsigned int reason;
	uint64_t *at, entry;
	bool leaf;

	if (address >> VTD_PT_SHIFT(way.level + 1) != 0)
		return VTD_FR_SS_ADDRESS;
	way_begin(&way);
	while (!way_stops(&way, out)) {
		at = emu_memory_at(walk->emu, way.table + way_index(&way) * sizeof(*at),
				   sizeof(*at));
		if (at == NULL)
			return VTD_FR_SS_ACCESS;
		do {
			entry = load(at);
			leaf = vtd_pt_is_leaf(entry, way.level);
			reason = second_judge(&way, entry, leaf);
			if (reason != 0)
				return reason;
		} while (marks && !mark(walk, at, entry, VTD_SS_A | (leaf ? dirty : 0)));
		way.access &= vtd_second_access(entry);
		if (leaf) {
			way_end(&way, entry, out);
			break;
		}
		way_descend(&way, entry & VTD_PT_ADDR);
	}
	return 0;
}

/* ------------------------------------------------------------------- kinds of walks */

/* The page that both stages have in common, and the rights that both give. */
static unsigned int
nested_stages(const struct vtd_walk *walk, uint64_t iova, struct stage *out)
{
	struct stage first, second;
	unsigned int reason;

	reason = first_stage(walk, iova, false, 0, &first);
	if (reason == 0)
		reason = second_stage(walk, first.pa, walk->want, 0, &second);
	/* dirty is the page that is written: after all who have a say were asked */
	if (reason == 0 && (walk->want & EMU_REQ_WRITE) != 0)
		reason = first_stage(walk, iova, true, 0, &first);
	if (reason != 0)
		return reason;
	out->pa = second.pa;
	out->shift = RTE_MIN(first.shift, second.shift);
	out->access = first.access & second.access;
	return 0;
}

unsigned int
vtd_model_page_walk(const struct vtd_walk *walk, uint64_t iova, struct emu_leaf *leaf)
{
	struct stage stage = {
		.pa = iova, .shift = VTD_PAGE_SHIFT, .access = EMU_REQ_READ | EMU_REQ_WRITE,
	};
	unsigned int reason = 0;

	switch (vtd_pe_kind(walk->pe0)) {
	case VTD_PGTT_FIRST:
		reason = first_stage(walk, iova, (walk->want & EMU_REQ_WRITE) != 0, 0, &stage);
		break;
	case VTD_PGTT_SECOND:
		reason = second_stage(walk, iova, walk->want, 0, &stage);
		break;
	case VTD_PGTT_NESTED:
		reason = nested_stages(walk, iova, &stage);
		break;
	default:
		if ((iova & VTD_MODEL_ADDR_RESERVED) != 0)
			reason = VTD_FR_PT_ADDRESS;
	}
	if (reason != 0)
		return reason;
	leaf->size = UINT64_C(1) << stage.shift;
	leaf->iova = iova & ~(leaf->size - 1);
	leaf->pa = stage.pa & ~(leaf->size - 1);
	leaf->access = stage.access;
	return 0;
}

unsigned int
vtd_model_table_walk(const struct vtd_walk *walk, uint64_t iova, uint8_t kind, unsigned int level,
		     uint64_t *table, uint32_t *access)
{
	struct stage stage = {0};
	unsigned int reason;

	if (kind == EMU_TLB_SECOND)
		reason = second_stage(walk, iova, 0, level, &stage);
	else
		reason = first_stage(walk, iova, false, level, &stage);
	*table = stage.pa;
	*access = stage.access;
	/* a page where there was a table */
	return reason == 0 && stage.shift != 0 ? VTD_FR_FS_NOT_PRESENT : reason;
}
