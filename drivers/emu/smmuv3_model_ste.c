/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Stream table, S 5.1, 5.2. What was found is used until it is invalidated, and so is what was
 * missing.
 */

#include "smmuv3_model.h"

/*
 * Where an STE lies.
 *
 * @param by_table set where a table of the first level does not lead to it
 */
static struct smmuv3_fault
ste_find(struct uiommu_emu *emu, uint32_t sid, const void **ste, bool *by_table)
{
	const struct smmuv3_model *smmu = emu->unit;
	uint64_t pa = smmu->strtab_pa, entry, span;
	const void *at;

	*by_table = false;
	if (sid >> smmu->strtab_log2 != 0)
		return smmuv3_fault_of(SMMUV3_EVT_C_BAD_STREAMID, 0);
	if (smmu->strtab_split == 0) {
		pa += (uint64_t)sid << SMMUV3_STE_SHIFT;
	} else {
		pa += (uint64_t)(sid >> smmu->strtab_split) * SMMUV3_L1STD_SIZE;
		at = emu_memory_at(emu, pa, SMMUV3_L1STD_SIZE);
		if (at == NULL)
			return smmuv3_fault_of(SMMUV3_EVT_F_STE_FETCH, pa);
		entry = smmuv3_word(at, 0);
		span = entry & SMMUV3_L1STD_SPAN_MASK;
		sid &= (1U << smmu->strtab_split) - 1;
		*by_table = true;
		if (span == 0 || span > SMMUV3_L1STD_SPAN_MAX || span > smmu->strtab_split + 1 ||
		    sid >> (span - 1) != 0)
			return smmuv3_fault_of(SMMUV3_EVT_C_BAD_STREAMID, 0);
		*by_table = false;
		pa = entry & SMMUV3_L1STD_L2PTR_MASK &
		     ~((UINT64_C(1) << (span - 1 + SMMUV3_STE_SHIFT)) - 1);
		pa += (uint64_t)sid << SMMUV3_STE_SHIFT;
	}
	*ste = emu_memory_at(emu, pa, SMMUV3_STE_SIZE);
	return smmuv3_fault_of(*ste == NULL ? SMMUV3_EVT_F_STE_FETCH : 0, pa);
}

/* Stage 1 is on: S 5.2.2, the fields that it goes by. */
static bool
stage1_is_illegal(const struct smmuv3_model *smmu, uint64_t word0, uint64_t word1)
{
	const uint32_t ssids =
		smmuv3_field(smmu->idr[1], SMMUV3_IDR1_SSIDSIZE_SHIFT, SMMUV3_IDR1_SSIDSIZE_MASK);
	const uint32_t cdmax = word0 >> SMMUV3_STE0_S1CDMAX_SHIFT & SMMUV3_STE0_S1CDMAX_MASK;
	const uint32_t fmt = word0 >> SMMUV3_STE0_S1FMT_SHIFT & SMMUV3_STE0_S1FMT_MASK;

	if ((smmu->idr[0] & SMMUV3_IDR0_S1P) == 0)
		return true;
	if ((word1 & SMMUV3_STE1_S1STALLD) != 0 &&
	    smmuv3_field(smmu->idr[0], SMMUV3_IDR0_STALL_MODEL_SHIFT,
			 SMMUV3_IDR0_STALL_MODEL_MASK) != SMMUV3_STALL_MODEL_BOTH)
		return true;
	if (ssids != 0 && cdmax > ssids)
		return true;
	if (ssids != 0 && cdmax != 0 && (smmu->idr[0] & SMMUV3_IDR0_CD2L) == 0 &&
	    (fmt == SMMUV3_S1FMT_4K || fmt == SMMUV3_S1FMT_64K))
		return true;
	return (word0 & SMMUV3_STE0_S1CONTEXTPTR_MASK) >> smmuv3_oas(smmu) != 0;
}

/* S 5.2.2, without stage 2, which this unit does not have */
static bool
ste_is_illegal(const struct smmuv3_model *smmu, uint64_t word0, uint64_t word1)
{
	const unsigned int config = word0 >> SMMUV3_STE0_CONFIG_SHIFT & SMMUV3_STE0_CONFIG_MASK;
	const unsigned int eats = word1 >> SMMUV3_STE1_EATS_SHIFT & SMMUV3_STE1_EATS_MASK;

	if ((word0 & SMMUV3_STE0_V) == 0)
		return true;
	if ((config & SMMUV3_STE_CONFIG_BYPASS) == 0)
		return false;
	if (config == SMMUV3_STE_CONFIG_S2 || config == SMMUV3_STE_CONFIG_S1_S2)
		return true;
	/* split-stage needs both stages */
	if ((smmu->idr[0] & SMMUV3_IDR0_ATS) != 0 && config != SMMUV3_STE_CONFIG_BYPASS &&
	    eats == SMMUV3_EATS_SPLIT)
		return true;
	return config == SMMUV3_STE_CONFIG_S1 && stage1_is_illegal(smmu, word0, word1);
}

static struct smmuv3_fault
ste_read(struct uiommu_emu *emu, uint32_t sid, struct emu_cache *cache, bool *by_table)
{
	const struct smmuv3_model *smmu = emu->unit;
	struct smmuv3_fault fault;
	const void *ste;

	fault = ste_find(emu, sid, &ste, by_table);
	if (fault.event != 0)
		return fault;
	cache->word[0] = smmuv3_word(ste, 0);
	cache->word[1] = smmuv3_word(ste, 1);
	/* without stage 2 there are no VMIDs, S 5.2 */
	cache->domain = 0;
	if (ste_is_illegal(smmu, cache->word[0], cache->word[1]))
		fault.event = SMMUV3_EVT_C_BAD_STE;
	else if ((smmuv3_ste_config(cache) & SMMUV3_STE_CONFIG_BYPASS) == 0)
		fault.event = SMMUV3_EVT_SILENT;
	return fault;
}

/* C_BAD_STREAMID is told only where it was asked for, S 7.3.3 */
static bool
is_hidden(const struct smmuv3_model *smmu, uint8_t event)
{
	return event == SMMUV3_EVT_C_BAD_STREAMID &&
	       (__atomic_load_n(&smmu->cr2, __ATOMIC_RELAXED) & SMMUV3_CR2_RECINVSID) == 0;
}

struct smmuv3_fault
smmuv3_model_ste(struct uiommu_emu *emu, uint32_t sid, struct emu_cache *cache)
{
	struct smmuv3_fault fault = {0};

	if (cache->state == EMU_CACHE_GOOD)
		return fault;
	if (cache->state == EMU_CACHE_FAULT) {
		fault.event = cache->reason;
	} else {
		fault = ste_read(emu, sid, cache, &cache->hide);
		cache->reason = fault.event;
		cache->state = fault.event == 0 ? EMU_CACHE_GOOD : EMU_CACHE_FAULT;
		/* what could not be read is not remembered */
		if (fault.event == SMMUV3_EVT_F_STE_FETCH)
			cache->state = EMU_CACHE_EMPTY;
	}
	fault.hide = is_hidden(emu->unit, fault.event);
	return fault;
}
