/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Translations of a domain that are to be forgotten, S 6.5.3.3: IOTLB or PASID-based IOTLB first,
 * then the device-TLBs. From a plan and from the bonds of the domain descriptors are made one after
 * the other, so that a long row of them can be written in pieces.
 */

#include <errno.h>
#include <string.h>

#include "vtd_omit.h"
#include "vtd_plan.h"

/** Bonds that are looked back on for one with the same PASID; twice is no more than a waste. */
#define LOOK_BACK 64
/** Descriptors of a command in the queue at a time: responses come behind them. */
#define PIECE 64

/** How far the descriptors of a plan were made. */
struct place {
	uint32_t target;
	uint16_t block;
	uint16_t phase; /**< PHASE_* */
};
_Static_assert(sizeof(struct place) == sizeof(uint64_t), "kept in a word of uiommu_cmd::scratch");

enum {
	PHASE_UNIT,
	PHASE_DEVICES,
	PHASE_END,
};

/** Descriptors written. */
struct written {
	uint32_t unit;
	uint32_t devices;
};

/* ------------------------------------------------------------------ descriptors */

/* PASID entry that a bond lives in */
static uint32_t
target_pasid(const struct uiommu_inval_target *target)
{
	return target->pasid == UIOMMU_NO_PASID ? VTD_RID_PASID : target->pasid;
}

/* Whether a bond before has the same PASID */
static bool
pasid_is_repeated(const struct uiommu_inval_target *targets, uint32_t at)
{
	uint32_t i;

	for (i = at > LOOK_BACK ? at - LOOK_BACK : 0; i < at; i++)
		if (target_pasid(&targets[i]) == target_pasid(&targets[at]))
			return true;
	return false;
}

/* Whether a bond before has the same endpoint */
static bool
endpoint_is_repeated(const struct uiommu_inval_target *targets, uint32_t at)
{
	uint32_t i;

	for (i = at > LOOK_BACK ? at - LOOK_BACK : 0; i < at; i++)
		if (targets[i].endpoint_private == targets[at].endpoint_private)
			return true;
	return false;
}

/* What the unit has of a first stage goes by PASID too; all else by domain alone. */
static bool
goes_by_pasid(const struct vtd_plan *plan)
{
	return plan->domain->pgtt == VTD_PGTT_FIRST && plan->unit != VTD_WIDTH_GLOBAL;
}

/* Descriptors for the unit on account of a bond */
static uint32_t
unit_count(const struct vtd_plan *plan, uint32_t target)
{
	const bool done = goes_by_pasid(plan) ? pasid_is_repeated(plan->inval->targets, target) :
						target != 0;

	if (done)
		return 0;
	return plan->unit == VTD_WIDTH_BLOCKS ? plan->nb_blocks : 1;
}

/* Descriptors for a bond's device */
static uint32_t
device_count(const struct vtd_plan *plan, uint32_t target)
{
	const struct uiommu_inval_target *targets = plan->inval->targets;
	const struct vtd_endpoint *endpoint = targets[target].endpoint_private;

	/* S 6.1: what is absent is not in a device */
	if (plan->inval->only_absent || !endpoint->ats)
		return 0;
	if (plan->devices == VTD_WIDTH_BLOCKS)
		return plan->nb_blocks;
	if (plan->devices == VTD_WIDTH_DOMAIN)
		return 1;
	/* all without PASID, and all with one */
	return endpoint_is_repeated(targets, target) ? 0 : 2;
}

static struct vtd_desc
unit_desc(const struct vtd_plan *plan, const struct place *place, enum vtd_site *site)
{
	const struct uiommu_inval_block *block = &plan->blocks[place->block];
	const uint32_t pasid = target_pasid(&plan->inval->targets[place->target]);
	const uint64_t drain = plan->queue->drain_flags;
	const uint16_t did = plan->domain->did;

	*site = VTD_SITE_INVALIDATE_IOTLB;
	if (plan->unit == VTD_WIDTH_GLOBAL)
		return vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, drain);
	if (!goes_by_pasid(plan))
		return plan->unit == VTD_WIDTH_DOMAIN ?
			       vtd_qi_iotlb(VTD_IOTLB_GRAN_DOMAIN, did, drain) :
			       vtd_qi_iotlb_pages(did, block->iova, block->order,
						  plan->leaves_only, drain);
	*site = VTD_SITE_INVALIDATE_PASID_IOTLB;
	return plan->unit == VTD_WIDTH_DOMAIN ?
		       vtd_qi_pasid_iotlb(did, pasid) :
		       vtd_qi_pasid_iotlb_pages(did, pasid, block->iova, block->order,
						plan->leaves_only);
}

static struct vtd_desc
device_desc(const struct vtd_plan *plan, const struct place *place, enum vtd_site *site)
{
	const struct uiommu_inval_target *target = &plan->inval->targets[place->target];
	const struct vtd_endpoint *endpoint = target->endpoint_private;
	const struct uiommu_inval_block *block = &plan->blocks[place->block];
	const bool global = plan->devices == VTD_WIDTH_GLOBAL;
	const bool rid = global ? place->block == 0 : target->pasid == UIOMMU_NO_PASID;
	const uint16_t pfsid = plan->queue->dit ? endpoint->pf_id : 0;
	const uint16_t sid = endpoint->source_id;

	*site = rid ? VTD_SITE_INVALIDATE_DEVICE_RID : VTD_SITE_INVALIDATE_DEVICE_PASID;
	if (plan->devices == VTD_WIDTH_BLOCKS)
		return rid ? vtd_qi_dev_tlb_pages(sid, block->iova, block->order, pfsid, VTD_MIP) :
			     vtd_qi_pasid_dev_tlb_pages(sid, target->pasid, block->iova,
							block->order, pfsid, VTD_MIP);
	return rid ? vtd_qi_dev_tlb_all(sid, pfsid, VTD_MIP) :
		     vtd_qi_pasid_dev_tlb_all(sid, global ? 0 : target->pasid, global, pfsid,
					      VTD_MIP);
}

static uint32_t
desc_write(const struct vtd_plan *plan, const struct place *place, struct vtd_desc *slot,
	   struct written *written)
{
	enum vtd_site site;

	if (place->phase == PHASE_UNIT)
		*slot = unit_desc(plan, place, &site);
	else
		*slot = device_desc(plan, place, &site);
	if (vtd_omits(site))
		return 0;
	written->unit += place->phase == PHASE_UNIT;
	written->devices += place->phase == PHASE_DEVICES;
	return 1;
}

/* Go on from a place, as far as there is room. @return descriptors written behind the tail */
static uint32_t
descs_write(const struct vtd_plan *plan, struct place *place, const struct vtd_iq *iq,
	    uint32_t room, struct written *written)
{
	uint32_t n = 0, count;

	while (place->phase != PHASE_END) {
		count = place->phase == PHASE_UNIT ? unit_count(plan, place->target) :
						     device_count(plan, place->target);
		for (; place->block < count; place->block++) {
			if (n == room)
				return n;
			n += desc_write(plan, place, vtd_iq_slot(iq, n), written);
		}
		place->block = 0;
		if (++place->target >= plan->inval->nb_targets) {
			place->target = 0;
			place->phase++;
		}
	}
	return n;
}

static void
written_count(struct vtd_queue *queue, const struct written *written)
{
	uiommu_count(&queue->iotlb_invalidations, written->unit);
	uiommu_count(&queue->device_tlb_invalidations, written->devices);
}

/* ----------------------------------------------------------------- control path */

/*
 * Begin, or write the next piece when the unit has taken the one before. What was written before a
 * device time-out counts for nothing.
 */
int
vtd_inval_step(struct vtd_queue *queue, struct uiommu_cmd *cmd)
{
	struct vtd_iq *iq = &queue->iq;
	struct written written = {0};
	struct place place;
	struct vtd_plan plan;
	uint32_t n, seq;

	if (cmd->inval->nb_targets == 0)
		return 0;
	if (cmd->step == VTD_STEP_WRITE)
		cmd->scratch[UIOMMU_CMD_EPOCH] = iq->epoch;
	vtd_iq_refresh(iq);
	if (cmd->step == VTD_STEP_PIECE &&
	    (int32_t)(iq->head - uiommu_cmd_token(cmd)) < 0)
		return -EINPROGRESS;
	n = vtd_iq_free(iq);
	if (n < 2)
		return -EINPROGRESS;
	vtd_plan_make(&plan, queue, cmd->inval);
	memcpy(&place, &cmd->scratch[UIOMMU_CMD_PLACE], sizeof(place));
	if (cmd->step == VTD_STEP_WRITE)
		place = (struct place){0};
	/* the last one is for the wait */
	n = descs_write(&plan, &place, iq, RTE_MIN(n - 1, (uint32_t)PIECE), &written);
	memcpy(&cmd->scratch[UIOMMU_CMD_PLACE], &place, sizeof(place));
	written_count(queue, &written);
	if (place.phase != PHASE_END) {
		vtd_iq_submit(iq, n);
		cmd->scratch[UIOMMU_CMD_TOKEN] = iq->tail;
		cmd->step = VTD_STEP_PIECE;
		return -EINPROGRESS;
	}
	uiommu_count(&queue->wide_invalidations, plan.wide);
	if (vtd_omits(VTD_SITE_WAIT)) {
		vtd_iq_submit(iq, n);
		return 0;
	}
	*vtd_iq_slot(iq, n++) = vtd_iq_wait_desc(iq, false, &seq);
	vtd_iq_submit(iq, n);
	cmd->scratch[UIOMMU_CMD_TOKEN] = seq;
	cmd->step = VTD_STEP_WAIT;
	return -EINPROGRESS;
}

/* -------------------------------------------------------------------- data path */

/*
 * The unit carries out nothing behind a wait with FN before all that stands before it is done,
 * devices' confirmations among it (S 6.5.2.9): what is answered from now on is answered after it.
 */
bool
vtd_invalidate(void *queue_private, const struct uiommu_inval *inval)
{
	struct vtd_queue *queue = queue_private;
	struct vtd_iq *iq = &queue->iq;
	struct written written = {0};
	struct place place = {0};
	struct vtd_plan plan;
	uint32_t room, n;

	/* a unit that has failed carries out no answer any more */
	if (iq->failed != 0 || inval->nb_targets == 0)
		return true;
	vtd_iq_refresh(iq);
	/* half of it stays for answers to what was fetched */
	room = vtd_iq_room(iq) / 2;
	if (room == 0)
		return false;
	vtd_plan_make(&plan, queue, inval);
	n = descs_write(&plan, &place, iq, room - 1, &written);
	while (place.phase != PHASE_END && plan.devices != VTD_WIDTH_GLOBAL) {
		vtd_plan_widen(&plan);
		written = (struct written){0};
		place = (struct place){0};
		n = descs_write(&plan, &place, iq, room - 1, &written);
	}
	if (place.phase != PHASE_END)
		return false;
	if (!vtd_omits(VTD_SITE_INVALIDATE_FENCE))
		*vtd_iq_slot(iq, n++) = vtd_qi_fence();
	vtd_iq_submit(iq, n);
	written_count(queue, &written);
	uiommu_count(&queue->wide_invalidations, plan.wide);
	return true;
}
