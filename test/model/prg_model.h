/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PRG_MODEL_H
#define PRG_MODEL_H

/*
 * Group assembly once more, from the rules and as plainly as possible: arrays in order of
 * arrival, searched from end to end. It shares nothing with lib/iommu/prg.c but the records.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_fault.h>
#include <uiommu_prg.h>

#define PRG_MODEL_PARKED_MAX 64

struct prg_model_key {
	uint32_t pasid;
	uint16_t prg_index;
};

struct prg_model {
	uint32_t parked_max;
	uint32_t group_max;
	uint32_t nb_parked;
	struct uiommu_fault parked[PRG_MODEL_PARKED_MAX];
	uint32_t nb_lost; /* groups that are known to have lost a request */
	struct prg_model_key lost[PRG_MODEL_PARKED_MAX];
	bool index_lost[UIOMMU_PRG_INDEX_COUNT]; /* some group of this index has lost one */
};

void
prg_model_init(struct prg_model *model, uint32_t parked_max, uint32_t group_max);

/* As uiommu_prg_add(). */
enum uiommu_prg_result
prg_model_add(struct prg_model *model, const struct uiommu_fault *fault, struct uiommu_fault *out,
	      uint32_t *nb_out);

uint32_t
prg_model_discard(struct prg_model *model);

uint32_t
prg_model_purge(struct prg_model *model, uint32_t pasid);

/*
 * false: nothing was done, since there is not room to remember all of them one by one, and
 * which of them are remembered by index is not for the rules to say.
 */
bool
prg_model_lose_if(struct prg_model *model, bool (*match)(uint32_t pasid, const void *arg),
		  const void *arg, uint32_t *thrown);

uint32_t
prg_model_purge_if(struct prg_model *model, bool (*match)(uint32_t pasid, const void *arg),
		   const void *arg);

/* Losses that are remembered, of either kind. */
uint32_t
prg_model_incomplete(const struct prg_model *model);

#endif /* PRG_MODEL_H */
