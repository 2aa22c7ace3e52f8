/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Translations of a domain that are to be forgotten, S 6.5.3.3: IOTLB or PASID-based IOTLB first,
 * then the device-TLBs. From a plan and from the bonds of the domain descriptors are made one after
 * the other, so that a long row of them can be written in pieces.
 */

#include <errno.h>

#include <uiommu_driver_inval_row.h>

#include "vtd_omit.h"
#include "vtd_plan.h"

/* Phases of a row */
enum {
	PHASE_UNIT,
	PHASE_DEVICES,
	NB_PHASES,
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

	for (i = at > UIOMMU_INVAL_LOOK_BACK ? at - UIOMMU_INVAL_LOOK_BACK : 0; i < at; i++)
		if (target_pasid(&targets[i]) == target_pasid(&targets[at]))
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
	return uiommu_inval_endpoint_is_repeated(targets, target) ? 0 : 2;
}

static struct vtd_desc
unit_desc(const struct vtd_plan *plan, const struct uiommu_inval_place *place, enum vtd_site *site)
{
	const struct uiommu_inval_block *block = &plan->blocks[place->part];
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
device_desc(const struct vtd_plan *plan, const struct uiommu_inval_place *place,
	    enum vtd_site *site)
{
	const struct uiommu_inval_target *target = &plan->inval->targets[place->target];
	const struct vtd_endpoint *endpoint = target->endpoint_private;
	const struct uiommu_inval_block *block = &plan->blocks[place->part];
	const bool global = plan->devices == VTD_WIDTH_GLOBAL;
	const bool rid = global ? place->part == 0 : target->pasid == UIOMMU_NO_PASID;
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
row_parts(const void *plan, const struct uiommu_inval_place *place)
{
	return place->phase == PHASE_UNIT ? unit_count(plan, place->target) :
					    device_count(plan, place->target);
}

static bool
row_write(const void *any_plan, struct uiommu_inval_row *row)
{
	const struct vtd_plan *plan = any_plan;
	const bool unit = row->place.phase == PHASE_UNIT;
	struct vtd_desc desc;
	enum vtd_site site;

	if (row->n == row->room)
		return false;
	desc = unit ? unit_desc(plan, &row->place, &site) : device_desc(plan, &row->place, &site);
	if (vtd_omits(site))
		return true;
	*vtd_iq_slot(&plan->queue->iq, row->n++) = desc;
	row->unit += unit;
	row->devices += !unit;
	return true;
}

static bool
row_widen(void *any_plan)
{
	struct vtd_plan *plan = any_plan;

	if (plan->devices == VTD_WIDTH_GLOBAL)
		return false;
	vtd_plan_widen(plan);
	return true;
}

static const struct uiommu_inval_row_ops row_ops = {
	.nb_phases = NB_PHASES,
	.parts = row_parts,
	.write = row_write,
	.widen = row_widen,
};

static void
row_count(struct vtd_queue *queue, const struct uiommu_inval_row *row)
{
	uiommu_count(&queue->iotlb_invalidations, row->unit);
	uiommu_count(&queue->device_tlb_invalidations, row->devices);
}

/* ----------------------------------------------------------------- control path */

/*
 * Begin, or write the next piece when the unit has taken the one before. What was written before a
 * device time-out counts for nothing.
 */
int
vtd_inval_step(void *queue_private, struct uiommu_cmd *cmd)
{
	struct vtd_queue *queue = queue_private;
	struct vtd_iq *iq = &queue->iq;
	struct uiommu_inval_row row;
	struct vtd_plan plan;
	uint32_t n, seq;

	if (cmd->inval->nb_targets == 0)
		return 0;
	vtd_iq_refresh(iq);
	if (cmd->step == UIOMMU_STEP_PIECE && (int32_t)(iq->head - uiommu_cmd_token(cmd)) < 0)
		return -EINPROGRESS;
	n = vtd_iq_free(iq);
	if (n < 2)
		return -EINPROGRESS;
	vtd_plan_make(&plan, queue, cmd->inval);
	/* the last one is for the wait */
	uiommu_inval_row_resume(&row, cmd, n - 1);
	if (!uiommu_inval_row_write(&row, &row_ops, &plan, cmd->inval->nb_targets)) {
		row_count(queue, &row);
		vtd_iq_submit(iq, row.n);
		uiommu_inval_row_pause(&row, cmd, iq->tail, iq->epoch);
		return -EINPROGRESS;
	}
	row_count(queue, &row);
	uiommu_count(&queue->wide_invalidations, plan.wide);
	if (vtd_omits(VTD_SITE_WAIT)) {
		vtd_iq_submit(iq, row.n);
		return 0;
	}
	*vtd_iq_slot(iq, row.n++) = vtd_iq_wait_desc(iq, false, &seq);
	vtd_iq_submit(iq, row.n);
	uiommu_cmd_wait(cmd, seq, iq->epoch);
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
	struct uiommu_inval_row row;
	struct vtd_plan plan;
	uint32_t room;

	/* a unit that has failed carries out no answer any more */
	if (iq->failed != 0 || inval->nb_targets == 0)
		return true;
	vtd_iq_refresh(iq);
	/* half of it stays for answers to what was fetched */
	room = vtd_iq_room(iq) / 2;
	if (room == 0)
		return false;
	vtd_plan_make(&plan, queue, inval);
	if (!uiommu_inval_row_fit(&row, &row_ops, &plan, inval->nb_targets, room - 1))
		return false;
	row_count(queue, &row);
	uiommu_count(&queue->wide_invalidations, plan.wide);
	if (!vtd_omits(VTD_SITE_INVALIDATE_FENCE))
		*vtd_iq_slot(iq, row.n++) = vtd_qi_fence();
	vtd_iq_submit(iq, row.n);
	return true;
}
