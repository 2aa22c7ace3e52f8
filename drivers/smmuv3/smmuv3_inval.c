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

#include <uiommu_driver_inval.h>
#include <uiommu_driver_inval_row.h>

#include "smmuv3_omit.h"
#include "smmuv3_pvt.h"

/** Pages of all blocks that are invalidated one by one, where the unit takes no ranges. */
#define PAGES_MAX 64
/** log2 of the pages of a range at most, S 4.4.1.1: SCALE has five bits. */
#define RANGE_ORDER_MAX 31
#define PAGE_SHIFT 12

/* Phases of a row */
enum {
	PHASE_UNIT,
	PHASE_UNIT_SYNC,
	PHASE_DEVICES,
	NB_PHASES,
};

/** How much of the devices' is forgotten. */
enum width {
	WIDTH_BLOCKS,
	WIDTH_PASID,  /**< all of the bond's PASID */
	WIDTH_DEVICE, /**< all that the device has */
};

/** What is to be written for an invalidation: the same for the same one each time. */
struct plan {
	const struct smmuv3_cmdq *cmdq;
	const struct smmuv3_domain *domain;
	const struct uiommu_inval *inval;
	enum width devices;
	uint16_t unit_parts;  /**< commands for the unit; 0: the ASID as a whole */
	bool by_range;        /**< a block each, else a page */
	bool leaves_only;     /**< no pointer to a table has changed */
	bool wide;            /**< more is forgotten than was asked for */
	uint32_t nb_blocks;
	struct uiommu_inval_block blocks[UIOMMU_INVAL_BLOCKS];
};

/* ------------------------------------------------------------------------ plans */

/* Commands for the unit, block by block or page by page; 0: too many, or too large */
static uint16_t
unit_parts(const struct plan *plan)
{
	uint64_t pages = 0;
	uint32_t i;

	for (i = 0; i < plan->nb_blocks; i++) {
		if (plan->blocks[i].order > RANGE_ORDER_MAX)
			return 0;
		pages += UINT64_C(1) << plan->blocks[i].order;
	}
	if (plan->by_range)
		return (uint16_t)plan->nb_blocks;
	return pages <= PAGES_MAX ? (uint16_t)pages : 0;
}

static void
plan_make(struct plan *plan, const struct smmuv3_queue *queue, const struct uiommu_inval *inval)
{
	plan->cmdq = &queue->cmdq;
	plan->domain = inval->domain_private;
	plan->inval = inval;
	plan->by_range = queue->has_ril;
	plan->leaves_only = !inval->tables || smmuv3_omits(SMMUV3_SITE_INVALIDATE_TABLES);
	plan->wide = false;
	plan->nb_blocks = inval->all ? 0 : uiommu_inval_blocks(inval, plan->blocks, &plan->wide);
	/* tables without a range: somewhere */
	plan->devices = plan->nb_blocks != 0 ? WIDTH_BLOCKS : WIDTH_PASID;
	plan->unit_parts = unit_parts(plan);
	plan->wide |= plan->unit_parts == 0 && !inval->all;
}

/* --------------------------------------------------------------------- commands */

/* Commands for a bond's device */
static uint32_t
device_parts(const struct plan *plan, uint32_t target)
{
	const struct uiommu_inval_target *targets = plan->inval->targets;
	const struct smmuv3_endpoint *endpoint = targets[target].endpoint_private;

	/* what is absent is not in a device */
	if (plan->inval->only_absent || !endpoint->ats)
		return 0;
	if (plan->devices == WIDTH_BLOCKS)
		return plan->nb_blocks;
	if (plan->devices == WIDTH_PASID)
		return 1;
	if (uiommu_inval_endpoint_is_repeated(targets, target))
		return 0;
	/* all without PASID, and all with one */
	return endpoint->ssid_bits != 0 ? 2 : 1;
}

/* The n-th of all pages of the blocks */
static uint64_t
nth_page(const struct plan *plan, uint64_t n)
{
	uint32_t i;

	for (i = 0; n >> plan->blocks[i].order != 0; i++)
		n -= UINT64_C(1) << plan->blocks[i].order;
	return plan->blocks[i].iova + (n << PAGE_SHIFT);
}

static struct smmuv3_cmd
unit_cmd(const struct plan *plan, uint16_t part, enum smmuv3_site *site)
{
	const struct uiommu_inval_block *block = &plan->blocks[part];
	const uint16_t asid = plan->domain->asid;

	*site = SMMUV3_SITE_INVALIDATE_VA;
	if (plan->unit_parts == 0) {
		*site = SMMUV3_SITE_INVALIDATE_ASID;
		return smmuv3_tlbi_asid(asid);
	}
	if (!plan->by_range)
		return smmuv3_tlbi_page(asid, nth_page(plan, part), plan->leaves_only);
	return block->order == 0 ?
		       smmuv3_tlbi_page(asid, block->iova, plan->leaves_only) :
		       smmuv3_tlbi_range(asid, block->iova, block->order, plan->leaves_only);
}

static struct smmuv3_cmd
device_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum smmuv3_site *site)
{
	const struct uiommu_inval_target *target = &plan->inval->targets[place->target];
	const struct smmuv3_endpoint *endpoint = target->endpoint_private;
	const struct uiommu_inval_block *block = &plan->blocks[place->part];
	const bool whole = plan->devices == WIDTH_DEVICE;
	const bool rid = whole ? place->part == 0 : target->pasid == UIOMMU_NO_PASID;

	*site = rid ? SMMUV3_SITE_INVALIDATE_DEVICE_RID : SMMUV3_SITE_INVALIDATE_DEVICE_PASID;
	if (plan->devices == WIDTH_BLOCKS)
		return smmuv3_atc_inv(endpoint->sid, target->pasid, block->iova, block->order);
	if (whole && !rid)
		return smmuv3_atc_inv_pasids(endpoint->sid);
	return smmuv3_atc_inv(endpoint->sid, rid ? UIOMMU_NO_PASID : target->pasid, 0,
			      SMMUV3_ATC_INV_SIZE_ALL);
}

/* Whether the domain has a device that caches */
static bool
has_devices(const struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < plan->inval->nb_targets; i++)
		if (device_parts(plan, i) != 0)
			return true;
	return false;
}

static uint32_t
row_parts(const void *any_plan, const struct uiommu_inval_place *place)
{
	const struct plan *plan = any_plan;

	if (place->phase == PHASE_DEVICES)
		return device_parts(plan, place->target);
	if (place->target != 0)
		return 0;
	return place->phase == PHASE_UNIT ? RTE_MAX(plan->unit_parts, (uint16_t)1) :
					    has_devices(plan);
}

static struct smmuv3_cmd
row_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum smmuv3_site *site)
{
	if (place->phase == PHASE_UNIT)
		return unit_cmd(plan, place->part, site);
	if (place->phase == PHASE_DEVICES)
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
	const bool device = place->phase == PHASE_DEVICES;
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
	row->unit += place->phase == PHASE_UNIT;
	return true;
}

static bool
row_widen(void *any_plan)
{
	struct plan *plan = any_plan;

	if (plan->devices == WIDTH_DEVICE)
		return false;
	plan->devices++;
	plan->unit_parts = 0;
	plan->wide = true;
	return true;
}

static const struct uiommu_inval_row_ops row_ops = {
	.nb_phases = NB_PHASES,
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
	uiommu_count(&queue->stats.wide_invalidations, plan.wide);
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
	uiommu_count(&queue->stats.wide_invalidations, plan.wide);
	if (!smmuv3_omits(SMMUV3_SITE_INVALIDATE_END))
		*smmuv3_cmdq_slot(cmdq, row.n++) = smmuv3_sync();
	smmuv3_cmdq_submit(cmdq, row.n);
	return true;
}
