/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * "Device-Directory-Table (DDT)". What was found is used until it is invalidated; what is not
 * valid is never remembered, "Caching in-memory data structures".
 */

#include "riscv_model.h"

/* With emu_cache::word[2] */
#define LEAF_KNOWN UINT64_C(1)

static unsigned int
leaf_bits(const struct riscv_model *riscv)
{
	return riscv_has(riscv, RISCV_CAP_MSI_FLAT) ? RISCV_DDI0_BITS_EXT : RISCV_DDI0_BITS_BASE;
}

/* DDI[level] */
static unsigned int
did_index(const struct riscv_model *riscv, uint32_t did, unsigned int level)
{
	const unsigned int bits = leaf_bits(riscv);

	if (level == 0)
		return did & ((1U << bits) - 1);
	did >>= bits;
	if (level == 1)
		return did & ((1U << RISCV_DDI1_BITS) - 1);
	return did >> RISCV_DDI1_BITS;
}

/* Level of the root. */
static unsigned int
top_level(const struct riscv_model *riscv)
{
	return riscv_ddt_mode(riscv) - RISCV_DDTP_1LVL;
}

bool
riscv_model_did_is_wide(const struct riscv_model *riscv, uint32_t did)
{
	unsigned int level;

	for (level = 2; level > top_level(riscv); level--)
		if (did_index(riscv, did, level) != 0)
			return true;
	return did >> RISCV_DID_BITS != 0;
}

/* By one table. @return 0, or one of causes */
static unsigned int
step_down(struct uiommu_emu *emu, uint64_t pa, const uint16_t *causes, uint64_t *table)
{
	const void *at = emu_memory_at(emu, pa, RISCV_DIR_ENTRY_SIZE);
	uint64_t entry;

	if (at == NULL)
		return causes[0];
	entry = riscv_word(at, 0);
	if ((entry & RISCV_DIR_V) == 0)
		return causes[1];
	if ((entry & ~(RISCV_DIR_V | RISCV_PPN_FIELD_MASK)) != 0)
		return causes[2];
	*table = riscv_entry_pa(entry);
	return 0;
}

unsigned int
riscv_model_dir_walk(struct uiommu_emu *emu, const struct riscv_dir *dir, struct emu_cache *cache,
		     uint64_t *page)
{
	unsigned int level, cause;

	*page = dir->root;
	if (dir->levels == 1)
		return 0;
	if ((cache->word[2] & LEAF_KNOWN) != 0) {
		*page = cache->word[2] & ~LEAF_KNOWN;
		return 0;
	}
	for (level = dir->levels - 1; level > 0; level--) {
		cause = step_down(emu, *page + (uint64_t)dir->index[level] * RISCV_DIR_ENTRY_SIZE,
				  dir->causes, page);
		if (cause != 0)
			return cause;
	}
	cache->word[2] = *page | LEAF_KNOWN;
	return 0;
}

/* --------------------------------------- "Device-context configuration checks" */

static bool
tc_is_bad(const struct riscv_model *riscv, uint64_t tc)
{
	const bool ats = riscv_has(riscv, RISCV_CAP_ATS);

	return (tc & RISCV_TC_RESERVED) != 0 ||
	       (!ats && (tc & (RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_PRPR)) != 0) ||
	       ((tc & RISCV_TC_EN_ATS) == 0 && (tc & (RISCV_TC_T2GPA | RISCV_TC_EN_PRI)) != 0) ||
	       ((tc & RISCV_TC_EN_PRI) == 0 && (tc & RISCV_TC_PRPR) != 0) ||
	       /* without a second stage there are no guest addresses to return */
	       (tc & RISCV_TC_T2GPA) != 0 ||
	       ((tc & RISCV_TC_PDTV) == 0 && (tc & RISCV_TC_DPE) != 0) ||
	       (!riscv_has(riscv, RISCV_CAP_AMO_HWAD) &&
		(tc & (RISCV_TC_SADE | RISCV_TC_GADE)) != 0) ||
	       /* END and GXL: one byte order, and no 32 bits */
	       (tc & (RISCV_TC_SBE | RISCV_TC_SXL)) != 0;
}

static bool
fsc_is_bad(const struct riscv_model *riscv, uint64_t tc, uint64_t fsc)
{
	if ((fsc & RISCV_ATP_RESERVED) != 0)
		return true;
	if ((tc & RISCV_TC_PDTV) == 0)
		return !riscv_model_iosatp_is_known(riscv, riscv_atp_mode(fsc));
	switch (riscv_atp_mode(fsc)) {
	case RISCV_PDTP_BARE:
		return false;
	case RISCV_PDTP_PD8:
		return !riscv_has(riscv, RISCV_CAP_PD8);
	case RISCV_PDTP_PD17:
		return !riscv_has(riscv, RISCV_CAP_PD17);
	case RISCV_PDTP_PD20:
		return !riscv_has(riscv, RISCV_CAP_PD20);
	default:
		return true;
	}
}

/* What only the extended format has; without a second stage Flat is reserved as well. */
static bool
msi_is_bad(const struct riscv_model *riscv, const void *dc)
{
	const uint64_t msiptp = riscv_word(dc, 4);
	/* "MGPAW": as wide as an address, without a second stage */
	const uint64_t field = (UINT64_C(1) << (riscv_pas(riscv) - RISCV_PAGE_SHIFT)) - 1;

	return (msiptp & RISCV_ATP_RESERVED) != 0 || riscv_atp_mode(msiptp) != RISCV_MSIPTP_OFF ||
	       (riscv_word(dc, 5) & ~field) != 0 || (riscv_word(dc, 6) & ~field) != 0 ||
	       riscv_word(dc, 7) != 0;
}

static unsigned int
dc_read(struct uiommu_emu *emu, const void *dc, struct emu_cache *cache)
{
	const struct riscv_model *riscv = emu->unit;
	const uint64_t tc = riscv_word(dc, 0), iohgatp = riscv_word(dc, 1),
		       ta = riscv_word(dc, 2), fsc = riscv_word(dc, 3);
	const uint64_t qos = RISCV_DC_TA_RCID_MASK << RISCV_DC_TA_RCID_SHIFT |
			     RISCV_DC_TA_MCID_MASK << RISCV_DC_TA_MCID_SHIFT;

	if ((tc & RISCV_TC_V) == 0)
		return RISCV_CAUSE_DDT_INVALID;
	if (tc_is_bad(riscv, tc) || riscv_atp_mode(iohgatp) != RISCV_IOHGATP_BARE ||
	    (ta & (RISCV_DC_TA_RESERVED | qos)) != 0 || fsc_is_bad(riscv, tc, fsc) ||
	    (riscv_has(riscv, RISCV_CAP_MSI_FLAT) && msi_is_bad(riscv, dc)))
		return RISCV_CAUSE_DDT_MISCONFIGURED;
	cache->word[0] = tc & UINT32_MAX;
	/* the process directory has its own */
	if ((tc & RISCV_TC_PDTV) == 0)
		cache->word[0] |= (ta >> RISCV_DC_TA_PSCID_SHIFT & RISCV_PSCID_MASK)
				  << RISCV_DC_PSCID_SHIFT;
	cache->word[1] = fsc;
	cache->domain = 0;
	cache->state = EMU_CACHE_GOOD;
	return 0;
}

unsigned int
riscv_model_dc(struct uiommu_emu *emu, uint32_t did, struct emu_cache *cache)
{
	static const uint16_t causes[] = {
		RISCV_CAUSE_DDT_LOAD, RISCV_CAUSE_DDT_INVALID, RISCV_CAUSE_DDT_MISCONFIGURED,
	};
	const struct riscv_model *riscv = emu->unit;
	const unsigned int size = riscv_has(riscv, RISCV_CAP_MSI_FLAT) ? RISCV_DC_SIZE :
									 RISCV_DC_BASE_SIZE;
	const struct riscv_dir dir = {
		.root = riscv_entry_pa(riscv->ddtp_on),
		.levels = top_level(riscv) + 1,
		.index = {did_index(riscv, did, 0), did_index(riscv, did, 1),
			  did_index(riscv, did, 2)},
		.causes = causes,
	};
	unsigned int cause;
	uint64_t page;
	const void *dc;

	if (cache->state == EMU_CACHE_GOOD)
		return 0;
	cause = riscv_model_dir_walk(emu, &dir, cache, &page);
	if (cause != 0)
		return cause;
	dc = emu_memory_at(emu, page + (uint64_t)dir.index[0] * size, size);
	return dc == NULL ? RISCV_CAUSE_DDT_LOAD : dc_read(emu, dc, cache);
}
