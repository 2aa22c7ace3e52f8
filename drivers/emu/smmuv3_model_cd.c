/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Context descriptors, S 5.3, 5.4.
 */

#include "smmuv3_model.h"

static uint32_t
cd_max(const struct smmuv3_model *smmu, const struct emu_cache *ste)
{
	if (smmuv3_field(smmu->idr[1], SMMUV3_IDR1_SSIDSIZE_SHIFT, SMMUV3_IDR1_SSIDSIZE_MASK) == 0)
		return 0;
	return ste->word[0] >> SMMUV3_STE0_S1CDMAX_SHIFT & SMMUV3_STE0_S1CDMAX_MASK;
}

struct smmuv3_fault
smmuv3_model_cd_index(const struct smmuv3_model *smmu, const struct emu_cache *ste, uint32_t pasid,
		      uint32_t *index)
{
	const uint32_t max = cd_max(smmu, ste);
	const unsigned int dss = ste->word[1] >> SMMUV3_STE1_S1DSS_SHIFT & SMMUV3_STE1_S1DSS_MASK;

	*index = pasid;
	if (smmuv3_ste_config(ste) != SMMUV3_STE_CONFIG_S1 || max == 0) {
		*index = smmuv3_ste_config(ste) == SMMUV3_STE_CONFIG_S1 ? 0 : SMMUV3_CD_BYPASS;
		return smmuv3_fault_of(pasid != EMU_NO_PASID ? SMMUV3_EVT_C_BAD_SUBSTREAMID : 0, 0);
	}
	if (pasid != EMU_NO_PASID) {
		if (pasid >> max != 0)
			return smmuv3_fault_of(SMMUV3_EVT_C_BAD_SUBSTREAMID, 0);
		/* CD 0 is that of requests without SubstreamID */
		return smmuv3_fault_of(dss == SMMUV3_S1DSS_SSID0 && pasid == 0 ?
					       SMMUV3_EVT_F_STREAM_DISABLED :
					       0, 0);
	}
	*index = dss == SMMUV3_S1DSS_SSID0 ? 0 : SMMUV3_CD_BYPASS;
	return smmuv3_fault_of(dss == SMMUV3_S1DSS_SSID0 || dss == SMMUV3_S1DSS_BYPASS ?
				       0 :
				       SMMUV3_EVT_F_STREAM_DISABLED, 0);
}

/* Where a CD lies. @param by_table set where the first level does not lead to it */
static struct smmuv3_fault
cd_find(struct uiommu_emu *emu, const struct emu_cache *ste, uint32_t index, const void **cd,
	bool *by_table)
{
	const struct smmuv3_model *smmu = emu->unit;
	const unsigned int fmt = ste->word[0] >> SMMUV3_STE0_S1FMT_SHIFT & SMMUV3_STE0_S1FMT_MASK;
	const bool two = cd_max(smmu, ste) != 0 &&
			 (fmt == SMMUV3_S1FMT_4K || fmt == SMMUV3_S1FMT_64K);
	const unsigned int split = fmt == SMMUV3_S1FMT_64K ? SMMUV3_CD_SPLIT_64K :
							     SMMUV3_CD_SPLIT_4K;
	uint64_t pa = ste->word[0] & SMMUV3_STE0_S1CONTEXTPTR_MASK, entry;
	const void *at;

	*by_table = false;
	if (two) {
		pa += (uint64_t)(index >> split) * SMMUV3_L1CD_SIZE;
		at = emu_memory_at(emu, pa, SMMUV3_L1CD_SIZE);
		if (at == NULL)
			return smmuv3_fault_of(SMMUV3_EVT_F_CD_FETCH, pa);
		entry = smmuv3_word(at, 0);
		*by_table = (entry & SMMUV3_L1CD_V) == 0;
		if (*by_table)
			return smmuv3_fault_of(SMMUV3_EVT_C_BAD_SUBSTREAMID, 0);
		pa = entry & SMMUV3_L1CD_L2PTR_MASK;
		index &= (1U << split) - 1;
	}
	pa += (uint64_t)index << SMMUV3_CD_SHIFT;
	*cd = emu_memory_at(emu, pa, SMMUV3_CD_SIZE);
	return smmuv3_fault_of(*cd == NULL ? SMMUV3_EVT_F_CD_FETCH : 0, pa);
}

static bool
granule_is_known(const struct smmuv3_model *smmu, unsigned int granule_shift)
{
	switch (granule_shift) {
	case 12:
		return (smmu->idr[5] & SMMUV3_IDR5_GRAN4K) != 0;
	case 14:
		return (smmu->idr[5] & SMMUV3_IDR5_GRAN16K) != 0;
	case 16:
		return (smmu->idr[5] & SMMUV3_IDR5_GRAN64K) != 0;
	default:
		return false;
	}
}

/* One half of the address space: size, granule, base; S 5.4 */
static bool
half_is_illegal(const struct smmuv3_model *smmu, unsigned int txsz, unsigned int granule_shift,
		uint64_t ttb, unsigned int output_bits)
{
	return txsz < 16 || txsz > 39 || !granule_is_known(smmu, granule_shift) ||
	       ttb >> output_bits != 0;
}

static bool
tables_are_illegal(const struct smmuv3_model *smmu, const uint64_t *word)
{
	static const uint8_t tg0[] = {12, 16, 14, 0}, tg1[] = {0, 14, 12, 16};
	const unsigned int ips = word[0] >> SMMUV3_CD0_IPS_SHIFT & SMMUV3_CD0_IPS_MASK;
	const unsigned int bits = RTE_MIN(smmuv3_address_bits(RTE_MIN(ips, 6U)), smmuv3_oas(smmu));
	const unsigned int endian =
		smmuv3_field(smmu->idr[0], SMMUV3_IDR0_TTENDIAN_SHIFT, SMMUV3_IDR0_TTENDIAN_MASK);
	const bool epd0 = (word[0] & SMMUV3_CD0_EPD0) != 0, epd1 = (word[0] & SMMUV3_CD0_EPD1) != 0;
	const bool big = (word[0] & SMMUV3_CD0_ENDI) != 0;

	if ((!epd0 || !epd1) && ((endian == SMMUV3_TTENDIAN_LITTLE && big) ||
				 (endian == SMMUV3_TTENDIAN_BIG && !big)))
		return true;
	if (!epd0 && half_is_illegal(smmu, word[0] & SMMUV3_CD0_T0SZ_MASK,
				     tg0[word[0] >> SMMUV3_CD0_TG0_SHIFT & SMMUV3_CD0_TG0_MASK],
				     word[1] & SMMUV3_CD1_TTB0_MASK, bits))
		return true;
	return !epd1 &&
	       half_is_illegal(smmu, word[0] >> SMMUV3_CD0_T1SZ_SHIFT & SMMUV3_CD0_T1SZ_MASK,
			       tg1[word[0] >> SMMUV3_CD0_TG1_SHIFT & SMMUV3_CD0_TG1_MASK],
			       word[2] & SMMUV3_CD2_TTB1_MASK, bits);
}

/* S 5.4.2, 5.5 */
static bool
cd_is_illegal(const struct smmuv3_model *smmu, const struct emu_cache *ste, const uint64_t *word)
{
	const unsigned int model = smmuv3_field(smmu->idr[0], SMMUV3_IDR0_STALL_MODEL_SHIFT,
						SMMUV3_IDR0_STALL_MODEL_MASK);
	const unsigned int httu =
		smmuv3_field(smmu->idr[0], SMMUV3_IDR0_HTTU_SHIFT, SMMUV3_IDR0_HTTU_MASK);
	const bool stall = (word[0] & SMMUV3_CD0_S) != 0;
	const bool ha = (word[0] & SMMUV3_CD0_HA) != 0, hd = (word[0] & SMMUV3_CD0_HD) != 0;

	if ((word[0] & SMMUV3_CD0_V) == 0 ||
	    ((ste->word[1] & SMMUV3_STE1_S1STALLD) != 0 && stall) ||
	    ((smmu->idr[0] & SMMUV3_IDR0_TERM_MODEL) != 0 && (word[0] & SMMUV3_CD0_A) == 0) ||
	    (model == SMMUV3_STALL_MODEL_NONE && stall) ||
	    (model == SMMUV3_STALL_MODEL_FORCED && !stall))
		return true;
	/* VMSAv8-32 tables are not known here */
	if ((word[0] & SMMUV3_CD0_AA64) == 0 ||
	    (smmuv3_field(smmu->idr[0], SMMUV3_IDR0_TTF_SHIFT, SMMUV3_IDR0_TTF_MASK) &
	     SMMUV3_TTF_AARCH64) == 0)
		return true;
	if (((ha || hd) && httu == SMMUV3_HTTU_NONE) || (hd && httu == SMMUV3_HTTU_ACCESS) ||
	    (httu == SMMUV3_HTTU_TABLE && (word[1] & SMMUV3_CD1_HAFT) != 0 && !ha))
		return true;
	if ((smmu->idr[0] & SMMUV3_IDR0_ASID16) == 0 && word[0] >> (SMMUV3_CD0_ASID_SHIFT + 8) != 0)
		return true;
	return tables_are_illegal(smmu, word);
}

static struct smmuv3_fault
cd_read(struct uiommu_emu *emu, const struct emu_cache *ste, uint32_t index,
	struct emu_cache *cache)
{
	struct smmuv3_fault fault;
	const void *cd;
	uint64_t word[3];

	fault = cd_find(emu, ste, index, &cd, &cache->hide);
	if (fault.event != 0)
		return fault;
	word[0] = smmuv3_word(cd, 0);
	word[1] = smmuv3_word(cd, 1);
	word[2] = smmuv3_word(cd, 2);
	if (cd_is_illegal(emu->unit, ste, word))
		fault.event = SMMUV3_EVT_C_BAD_CD;
	cache->word[0] = word[0];
	cache->word[1] = word[1];
	return fault;
}

struct smmuv3_fault
smmuv3_model_cd(struct uiommu_emu *emu, const struct emu_cache *ste, uint32_t index,
		struct emu_cache *cache)
{
	struct smmuv3_fault fault = {0};

	if (cache->state == EMU_CACHE_GOOD)
		return fault;
	if (cache->state == EMU_CACHE_FAULT) {
		fault.event = cache->reason;
		return fault;
	}
	fault = cd_read(emu, ste, index, cache);
	cache->word[2] = index;
	cache->reason = fault.event;
	cache->state = fault.event == 0 ? EMU_CACHE_GOOD : EMU_CACHE_FAULT;
	/* what could not be read is not remembered */
	if (fault.event == SMMUV3_EVT_F_CD_FETCH)
		cache->state = EMU_CACHE_EMPTY;
	return fault;
}
