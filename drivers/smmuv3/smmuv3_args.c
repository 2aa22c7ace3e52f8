/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>

#include "smmuv3_args.h"

/** Longest cool-down: an hour. */
#define COOLDOWN_MAX_MS 3600000
#define COOLDOWN_DEFAULT_MS 100
/** StreamID bits that a linear stream table covers where sidbits= does not say: 4 MiB. */
#define LINEAR_BITS_DEFAULT 16

/* A size of a queue: power of two, from min to what the unit has. */
static int
entries_read(struct smmuv3 *smmu, struct uiommu_args *args, const char *key, uint32_t min,
	     uint32_t order, uint32_t *entries)
{
	const uint64_t max = UINT64_C(1) << order;
	uint64_t value = *entries;

	if (uiommu_args_get_u64(args, key, RTE_MIN((uint64_t)min, max), max, &value) != 0)
		return -EINVAL;
	*entries = (uint32_t)value;
	if (value == 0 || rte_is_power_of_2(*entries))
		return 0;
	SMMUV3_LOG(ERR, "%s: %s= takes powers of two", smmu->dev->name, key);
	return -EINVAL;
}

static int
queues_read(struct smmuv3 *smmu, struct uiommu_args *args)
{
	const uint32_t priqs =
		smmu->idr1 >> SMMUV3_IDR1_PRIQS_SHIFT & SMMUV3_IDR1_PRIQS_MASK;
	const uint32_t eventqs =
		smmu->idr1 >> SMMUV3_IDR1_EVENTQS_SHIFT & SMMUV3_IDR1_EVENTQS_MASK;
	const uint32_t cmdqs = smmu->idr1 >> SMMUV3_IDR1_CMDQS_SHIFT & SMMUV3_IDR1_CMDQS_MASK;
	const uint32_t dflt = SMMUV3_QUEUE_ENTRIES_DEFAULT;

	smmu->priq_entries_max = RTE_MIN(dflt, UINT32_C(1) << priqs);
	smmu->evtq_entries = RTE_MIN(dflt, UINT32_C(1) << eventqs);
	smmu->cmdq_entries = 0;
	if (entries_read(smmu, args, "priq", SMMUV3_QUEUE_ENTRIES_MIN, priqs,
			 &smmu->priq_entries_max) != 0 ||
	    entries_read(smmu, args, "evtq", SMMUV3_QUEUE_ENTRIES_MIN, eventqs,
			 &smmu->evtq_entries) != 0)
		return -EINVAL;
	return entries_read(smmu, args, "cmdq", SMMUV3_CMDQ_ENTRIES_MIN, cmdqs,
			    &smmu->cmdq_entries);
}

/*
 * One of some words. @return its place; -EINVAL: another one, with a line in the log; default_at:
 * the key is absent
 */
static int
word_read(struct smmuv3 *smmu, struct uiommu_args *args, const char *key,
	  const char *const words[], unsigned int nb, int default_at)
{
	const char *text = uiommu_args_get_str(args, key);
	unsigned int i;

	if (text == NULL)
		return default_at;
	for (i = 0; i < nb; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	SMMUV3_LOG(ERR, "%s: %s=%s: not known", smmu->dev->name, key, text);
	return -EINVAL;
}

static int
sync_read(struct smmuv3 *smmu, struct uiommu_args *args)
{
	static const char *const words[] = {
		[SMMUV3_SYNC_AUTO] = "auto", [SMMUV3_SYNC_POLL] = "poll", [SMMUV3_SYNC_MSI] = "msi",
	};
	const bool can_write = (smmu->idr0 & SMMUV3_IDR0_MSI) != 0;
	int mode = word_read(smmu, args, "sync", words, RTE_DIM(words), SMMUV3_SYNC_AUTO);

	if (mode < 0)
		return mode;
	if (mode == SMMUV3_SYNC_MSI && !can_write) {
		SMMUV3_LOG(ERR, "%s: sync=msi: the unit sends no messages (IDR0.MSI)",
			   smmu->dev->name);
		return -EINVAL;
	}
	if (mode == SMMUV3_SYNC_AUTO)
		mode = can_write ? SMMUV3_SYNC_MSI : SMMUV3_SYNC_POLL;
	smmu->sync_mode = (uint8_t)mode;
	return 0;
}

/* Two-level unless the unit cannot, or a linear table is small */
static int
streams_read(struct smmuv3 *smmu, struct uiommu_args *args)
{
	static const char *const words[] = {"linear", "two"};
	const uint32_t levels =
		smmu->idr0 >> SMMUV3_IDR0_ST_LEVEL_SHIFT & SMMUV3_IDR0_ST_LEVEL_MASK;
	bool can_two = levels == SMMUV3_ST_LEVEL_TWO && smmu->sid_bits > SMMUV3_SPLIT_16K;
	int two = word_read(smmu, args, "strtab", words, RTE_DIM(words), can_two);
	uint64_t bits = smmu->sid_bits;

	if (two < 0)
		return two;
	if (two == 0)
		bits = RTE_MIN(bits, (uint64_t)LINEAR_BITS_DEFAULT);
	if (uiommu_args_get_u64(args, "sidbits", 0, smmu->sid_bits, &bits) != 0)
		return -EINVAL;
	smmu->sid_bits = (uint8_t)bits;
	can_two = can_two && bits > SMMUV3_SPLIT_16K;
	if (two != 0 && !can_two && uiommu_args_get_str(args, "strtab") != NULL) {
		SMMUV3_LOG(ERR, "%s: strtab=two: not with this unit or so few StreamIDs",
			   smmu->dev->name);
		return -EINVAL;
	}
	smmu->two_level = two != 0 && can_two;
	return 0;
}

int
smmuv3_args_read(struct smmuv3 *smmu, struct uiommu_args *args)
{
	static const char *const gbpa_words[] = {"keep", "abort"};
	uint64_t takeover = 0, storm = 0, cooldown = COOLDOWN_DEFAULT_MS;
	int gbpa;

	if (uiommu_args_get_u64(args, "takeover", 0, 1, &takeover) != 0 ||
	    uiommu_args_get_u64(args, "storm", 0, UINT32_MAX, &storm) != 0 ||
	    uiommu_args_get_u64(args, "cooldown", 1, COOLDOWN_MAX_MS, &cooldown) != 0)
		return -EINVAL;
	gbpa = word_read(smmu, args, "gbpa", gbpa_words, RTE_DIM(gbpa_words), 0);
	if (gbpa < 0)
		return gbpa;
	smmu->gbpa_abort = gbpa != 0;
	smmu->takeover = takeover != 0;
	smmu->storm_rate = storm;
	smmu->cooldown_ms = cooldown;
	if (queues_read(smmu, args) != 0 || streams_read(smmu, args) != 0)
		return -EINVAL;
	return sync_read(smmu, args);
}
