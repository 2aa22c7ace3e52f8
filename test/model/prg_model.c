/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include "prg_model.h"

void
prg_model_init(struct prg_model *model, uint32_t parked_max, uint32_t group_max)
{
	memset(model, 0, sizeof(*model));
	model->parked_max = parked_max;
	model->group_max = group_max;
}

static bool
is_of(const struct uiommu_fault *a, const struct uiommu_fault *b)
{
	return a->pasid == b->pasid && a->prg_index == b->prg_index;
}

/* Take the parked requests of a group out, in order of arrival; taken may be NULL. */
static uint32_t
take(struct prg_model *model, const struct uiommu_fault *like, struct uiommu_fault *taken)
{
	uint32_t kept = 0, nb = 0, i;

	for (i = 0; i < model->nb_parked; i++) {
		if (!is_of(&model->parked[i], like))
			model->parked[kept++] = model->parked[i];
		else if (taken != NULL)
			taken[nb++] = model->parked[i];
		else
			nb++;
	}
	model->nb_parked = kept;
	return nb;
}

static uint32_t
count(const struct prg_model *model, const struct uiommu_fault *like)
{
	uint32_t nb = 0, i;

	for (i = 0; i < model->nb_parked; i++)
		nb += is_of(&model->parked[i], like);
	return nb;
}

/* Place in the list of lost groups, or nb_lost. */
static uint32_t
find_lost(const struct prg_model *model, const struct uiommu_fault *like)
{
	uint32_t i;

	for (i = 0; i < model->nb_lost; i++)
		if (model->lost[i].pasid == like->pasid &&
		    model->lost[i].prg_index == like->prg_index)
			break;
	return i;
}

static enum uiommu_prg_result
add_last(struct prg_model *model, const struct uiommu_fault *fault, struct uiommu_fault *out,
	 uint32_t *nb_out)
{
	uint32_t lost = find_lost(model, fault);
	uint32_t nb;

	*nb_out = 0;
	if (lost < model->nb_lost) {
		model->lost[lost] = model->lost[--model->nb_lost];
		return UIOMMU_PRG_INCOMPLETE;
	}
	/* a group of which nothing is parked may be the one that an index has lost */
	if (count(model, fault) == 0 && model->index_lost[fault->prg_index]) {
		model->index_lost[fault->prg_index] = false;
		return UIOMMU_PRG_INCOMPLETE;
	}
	nb = take(model, fault, out);
	out[nb] = *fault;
	*nb_out = nb + 1;
	return UIOMMU_PRG_GROUP;
}

static enum uiommu_prg_result
add_part(struct prg_model *model, const struct uiommu_fault *fault, uint32_t *nb_out)
{
	uint32_t members = count(model, fault);

	*nb_out = 0;
	if (find_lost(model, fault) < model->nb_lost)
		return UIOMMU_PRG_DROPPED;
	if (model->nb_parked < model->parked_max && members + 1 < model->group_max &&
	    (members > 0 || !model->index_lost[fault->prg_index])) {
		model->parked[model->nb_parked++] = *fault;
		return UIOMMU_PRG_PARKED;
	}
	*nb_out = take(model, fault, NULL);
	if (model->nb_lost < model->parked_max)
		model->lost[model->nb_lost++] =
			(struct prg_model_key){fault->pasid, fault->prg_index};
	else
		model->index_lost[fault->prg_index] = true;
	return UIOMMU_PRG_DROPPED;
}

enum uiommu_prg_result
prg_model_add(struct prg_model *model, const struct uiommu_fault *fault, struct uiommu_fault *out,
	      uint32_t *nb_out)
{
	if (fault->flags & UIOMMU_FAULT_LAST)
		return add_last(model, fault, out, nb_out);
	return add_part(model, fault, nb_out);
}

uint32_t
prg_model_discard(struct prg_model *model)
{
	uint32_t nb = model->nb_parked;

	prg_model_init(model, model->parked_max, model->group_max);
	return nb;
}

uint32_t
prg_model_purge_if(struct prg_model *model, bool (*match)(uint32_t pasid, const void *arg),
		   const void *arg)
{
	uint32_t kept = 0, nb, i;

	for (i = 0; i < model->nb_parked; i++)
		if (!match(model->parked[i].pasid, arg))
			model->parked[kept++] = model->parked[i];
	nb = model->nb_parked - kept;
	model->nb_parked = kept;
	for (i = 0; i < model->nb_lost;) {
		if (match(model->lost[i].pasid, arg))
			model->lost[i] = model->lost[--model->nb_lost];
		else
			i++;
	}
	return nb;
}

bool
prg_model_lose_if(struct prg_model *model, bool (*match)(uint32_t pasid, const void *arg),
		  const void *arg, uint32_t *thrown)
{
	struct prg_model before = *model;
	uint32_t i;

	*thrown = 0;
	for (i = 0; i < before.nb_parked; i++) {
		const struct uiommu_fault *fault = &before.parked[i];

		if (!match(fault->pasid, arg) || find_lost(model, fault) < model->nb_lost)
			continue;
		if (model->nb_lost == model->parked_max) {
			*model = before;
			return false;
		}
		*thrown += take(model, fault, NULL);
		model->lost[model->nb_lost++] =
			(struct prg_model_key){fault->pasid, fault->prg_index};
	}
	return true;
}

static bool
is_same(uint32_t pasid, const void *arg)
{
	return pasid == *(const uint32_t *)arg;
}

uint32_t
prg_model_purge(struct prg_model *model, uint32_t pasid)
{
	return prg_model_purge_if(model, is_same, &pasid);
}

uint32_t
prg_model_incomplete(const struct prg_model *model)
{
	uint32_t nb = model->nb_lost, i;

	for (i = 0; i < UIOMMU_PRG_INDEX_COUNT; i++)
		nb += model->index_lost[i];
	return nb;
}
