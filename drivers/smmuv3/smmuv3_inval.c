/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Translations of a domain that are to be forgotten, S 3.9.1, 4.4, 4.5.1: those of the unit, by
 * ASID, and a CMD_SYNC; then those of devices, and a CMD_SYNC. From a plan and from the bonds of
 * the domain commands are made one after the other, so that a long row of them can be written in
 * pieces.
 */

#include <errno.h>

#include <uiommu_driver_inval_plan.h>

#include "smmuv3_omit.h"
#include "smmuv3_pvt.h"

/** log2 of the pages of a range at most, S 4.4.1.1: SCALE has five bits. */
#define RANGE_ORDER_MAX 31

/** What is to be written for an invalidation: the same for the same one each time. */
struct plan {
	struct uiommu_inval_plan of;
	const struct smmuv3_cmdq *cmdq;
	uint16_t asid;
	bool leaves_only; /**< no pointer to a table has changed */
};

static void
plan_make(struct plan *plan, const struct smmuv3_queue *queue, const struct uiommu_inval *inval)
{
	plan->cmdq = &queue->cmdq;
	plan->asid = ((const struct smmuv3_domain *)inval->domain_private)->asid;
	plan->leaves_only = !inval->tables || smmuv3_omits(SMMUV3_SITE_INVALIDATE_TABLES);
	uiommu_inval_plan_make(&plan->of, inval, queue->has_ril, RANGE_ORDER_MAX, true);
}

/* --------------------------------------------------------------------- commands */

static struct uiommu_inval_device
device_of(const void *endpoint_private)
{
	const struct smmuv3_endpoint *endpoint = endpoint_private;

	return (struct uiommu_inval_device){
		.caches = endpoint->ats, .has_pasids = endpoint->ssid_bits != 0,
	};
}

static struct smmuv3_cmd
unit_cmd(const struct plan *plan, uint16_t part, enum smmuv3_site *site)
{
	struct uiommu_inval_block block;

	*site = SMMUV3_SITE_INVALIDATE_VA;
	if (!uiommu_inval_plan_unit(&plan->of, part, &block)) {
		*site = SMMUV3_SITE_INVALIDATE_ASID;
		return smmuv3_tlbi_asid(plan->asid);
	}
	return block.order == 0 ?
		       smmuv3_tlbi_page(plan->asid, block.iova, plan->leaves_only) :
		       smmuv3_tlbi_range(plan->asid, block.iova, block.order, plan->leaves_only);
}

static struct smmuv3_cmd
device_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum smmuv3_site *site)
{
	const struct uiommu_inval_for_device what = uiommu_inval_plan_for_device(&plan->of, place);
	const uint32_t sid = ((const struct smmuv3_endpoint *)what.endpoint_private)->sid;

	*site = what.of_pasids || what.pasid != UIOMMU_NO_PASID ?
			SMMUV3_SITE_INVALIDATE_DEVICE_PASID :
			SMMUV3_SITE_INVALIDATE_DEVICE_RID;
	if (what.of_pasids)
		return smmuv3_atc_inv_pasids(sid);
	if (what.block != NULL)
		return smmuv3_atc_inv(sid, what.pasid, what.block->iova, what.block->order);
	return smmuv3_atc_inv(sid, what.pasid, 0, SMMUV3_ATC_INV_SIZE_ALL);
}

static uint32_t
row_parts(const void *plan, const struct uiommu_inval_place *place)
{
	return uiommu_inval_plan_parts(&((const struct plan *)plan)->of, place, device_of);
}

static struct smmuv3_cmd
row_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum smmuv3_site *site)
{
	if (place->phase == UIOMMU_INVAL_PHASE_UNIT)
		return unit_cmd(plan, place->part, site);
	if (place->phase == UIOMMU_INVAL_PHASE_DEVICES)
		return device_cmd(plan, place, site);
	*site = SMMUV3_SITE_INVALIDATE_TLB_SYNC;
	return smmuv3_sync();
}

/* Before a command for a device a CMD_SYNC, where too many would stand without one */
static bool
row_write(const void *any_plan, struct uiommu_inval_row *row)
{
	const struct plan *plan = any_plan;
	struct uiommu_inval_place *place = &row->place;
	const bool device = place->phase == UIOMMU_INVAL_PHASE_DEVICES;
	enum smmuv3_site site;
	struct smmuv3_cmd cmd;

	if (row->n + 1 + device > row->room)
		return false;
	cmd = row_cmd(plan, place, &site);
	if (smmuv3_omits(site))
		return true;
	if (device && place->run == SMMUV3_ATC_RUN_MAX) {
		*smmuv3_cmdq_slot(plan->cmdq, row->n++) = smmuv3_sync();
		place->run = 0;
	}
	*smmuv3_cmdq_slot(plan->cmdq, row->n++) = cmd;
	place->run += device;
	row->devices += device;
	row->unit += place->phase == UIOMMU_INVAL_PHASE_UNIT;
	return true;
}

static bool
row_widen(void *plan)
{
	return uiommu_inval_plan_widen(&((struct plan *)plan)->of);
}

static const struct uiommu_inval_row_ops row_ops = {
	.nb_phases = UIOMMU_INVAL_PHASES,
	.parts = row_parts,
	.write = row_write,
	.widen = row_widen,
};

static void
row_count(struct smmuv3_queue *queue, const struct uiommu_inval_row *row)
{
	uiommu_count(&queue->stats.tlb_invalidations, row->unit);
	uiommu_count(&queue->stats.atc_invalidations, row->devices);
}

/* ----------------------------------------------------------------- control path */

/*
 * Begin, or write the next piece when the unit has taken the one before. What was written before
 * an error counts for nothing.
 */
int
smmuv3_inval_step(struct smmuv3_queue *queue, struct uiommu_cmd *cmd)
{
	struct smmuv3_cmdq *cmdq = &queue->cmdq;
	struct uiommu_inval_row row;
	struct plan plan;
	uint32_t n, token;

	if (cmd->inval->nb_targets == 0)
		return 0;
	smmuv3_cmdq_refresh(cmdq);
	if (cmd->step == SMMUV3_STEP_PIECE && !smmuv3_cmdq_is_past(cmdq, uiommu_cmd_token(cmd)))
		return -EINPROGRESS;
	n = smmuv3_cmdq_free(cmdq);
	if (n < SMMUV3_CMDQ_RESERVE / 2)
		return -EINPROGRESS;
	plan_make(&plan, queue, cmd->inval);
	/* the rest is for the CMD_SYNC, and for devices that are late */
	uiommu_inval_row_resume(&row, cmd, n / 2);
	if (!uiommu_inval_row_write(&row, &row_ops, &plan, cmd->inval->nb_targets)) {
		row_count(queue, &row);
		smmuv3_cmdq_submit(cmdq, row.n);
		uiommu_inval_row_pause(&row, cmd, smmuv3_cmdq_end(cmdq, 0), cmdq->epoch,
				       SMMUV3_STEP_PIECE);
		return -EINPROGRESS;
	}
	row_count(queue, &row);
	uiommu_count(&queue->stats.wide_invalidations, plan.of.wide);
	if (smmuv3_omits(SMMUV3_SITE_SYNC)) {
		smmuv3_cmdq_submit(cmdq, row.n);
		return 0;
	}
	*smmuv3_cmdq_slot(cmdq, row.n) = smmuv3_cmdq_sync(cmdq, row.n, &token);
	smmuv3_cmdq_submit(cmdq, row.n + 1);
	uiommu_cmd_wait(cmd, token, cmdq->epoch, SMMUV3_STEP_WAIT);
	return -EINPROGRESS;
}

/* -------------------------------------------------------------------- data path */

/*
 * The unit carries out nothing behind a CMD_SYNC before it is done, devices' confirmations among
 * it (S 4.7.3): what is answered from now on is answered after it.
 */
bool
smmuv3_invalidate(void *queue_private, const struct uiommu_inval *inval)
{
	struct smmuv3_queue *queue = queue_private;
	struct smmuv3_cmdq *cmdq = &queue->cmdq;
	struct uiommu_inval_row row;
	struct plan plan;
	uint32_t room;

	/* a unit that has failed carries out no answer any more */
	if (cmdq->failed != 0 || inval->nb_targets == 0)
		return true;
	smmuv3_cmdq_refresh(cmdq);
	/* half of it stays for answers to what was fetched */
	room = smmuv3_cmdq_room(cmdq) / 2;
	if (room == 0)
		return false;
	plan_make(&plan, queue, inval);
	if (!uiommu_inval_row_fit(&row, &row_ops, &plan, inval->nb_targets, room - 1))
		return false;
	row_count(queue, &row);
	uiommu_count(&queue->stats.wide_invalidations, plan.of.wide);
	if (!smmuv3_omits(SMMUV3_SITE_INVALIDATE_END))
		*smmuv3_cmdq_slot(cmdq, row.n++) = smmuv3_sync();
	smmuv3_cmdq_submit(cmdq, row.n);
	return true;
}
