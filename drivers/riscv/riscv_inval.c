/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Translations of a domain that are to be forgotten, "Changing first-stage page table entry",
 * "Device Address Translation Cache invalidations": those of the unit, by PSCID, and a fence; then
 * those of devices, and a fence. From a plan and from the bonds of the domain commands are made one
 * after the other, so that a long row of them can be written in pieces.
 */

#include <errno.h>

#include <uiommu_driver_inval.h>
#include <uiommu_driver_inval_row.h>

#include "riscv_omit.h"
#include "riscv_pvt.h"

/** Pages of all blocks that are invalidated one by one, where the unit takes no ranges. */
#define PAGES_MAX 64
#define PAGE_SHIFT 12

/* Phases of a row */
enum {
	PHASE_UNIT,
	PHASE_UNIT_FENCE,
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
	struct riscv_cq *cq;
	const struct riscv_domain *domain;
	const struct uiommu_inval *inval;
	enum width devices;
	uint16_t unit_parts;  /**< commands for the unit; 0: the address space as a whole */
	bool by_range;        /**< a block each, else a page */
	bool non_leaf;        /**< pointers to tables are to be forgotten, too */
	bool wide;            /**< more is forgotten than was asked for */
	uint32_t nb_blocks;
	struct uiommu_inval_block blocks[UIOMMU_INVAL_BLOCKS];
};

/* ------------------------------------------------------------------------ plans */

/*
 * Commands for the unit, block by block or page by page; 0: too many. What leads to tables is
 * forgotten with an address only where the unit can do that ("Non-leaf PTE Invalidation
 * Extension").
 */
static uint16_t
unit_parts(const struct plan *plan, bool has_nl)
{
	uint64_t pages = 0;
	uint32_t i;

	if (plan->non_leaf && !has_nl)
		return 0;
	if (plan->by_range)
		return (uint16_t)plan->nb_blocks;
	for (i = 0; i < plan->nb_blocks; i++) {
		if (plan->blocks[i].order > PAGE_SHIFT)
			return 0;
		pages += UINT64_C(1) << plan->blocks[i].order;
	}
	return pages <= PAGES_MAX ? (uint16_t)pages : 0;
}

static void
plan_make(struct plan *plan, struct riscv_queue *queue, const struct uiommu_inval *inval)
{
	plan->cq = &queue->cq;
	plan->domain = inval->domain_private;
	plan->inval = inval;
	plan->by_range = queue->has_s;
	plan->non_leaf = inval->tables && !riscv_omits(RISCV_SITE_INVALIDATE_TABLES);
	plan->wide = false;
	plan->nb_blocks = inval->all ? 0 : uiommu_inval_blocks(inval, plan->blocks, &plan->wide);
	/* tables without a range: somewhere */
	plan->devices = plan->nb_blocks != 0 ? WIDTH_BLOCKS : WIDTH_PASID;
	plan->unit_parts = unit_parts(plan, queue->has_nl);
	plan->wide |= plan->unit_parts == 0 && !inval->all;
}

/* --------------------------------------------------------------------- commands */

/* Commands for a bond's device */
static uint32_t
device_parts(const struct plan *plan, uint32_t target)
{
	const struct uiommu_inval_target *targets = plan->inval->targets;
	const struct riscv_endpoint *endpoint = targets[target].endpoint_private;

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
	return endpoint->pasid_limit != 0 ? 2 : 1;
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

static struct riscv_cmd
unit_cmd(const struct plan *plan, uint16_t part, enum riscv_site *site)
{
	const uint32_t pscid = plan->domain->pscid;

	*site = RISCV_SITE_INVALIDATE_VA;
	if (plan->unit_parts == 0) {
		*site = RISCV_SITE_INVALIDATE_PSCID;
		return riscv_inval_vma(pscid);
	}
	if (!plan->by_range)
		return riscv_inval_vma_pages(pscid, nth_page(plan, part), 0, plan->non_leaf);
	return riscv_inval_vma_pages(pscid, plan->blocks[part].iova, plan->blocks[part].order,
				     plan->non_leaf);
}

static struct riscv_cmd
device_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum riscv_site *site)
{
	const struct uiommu_inval_target *target = &plan->inval->targets[place->target];
	const struct riscv_endpoint *endpoint = target->endpoint_private;
	const struct uiommu_inval_block *block = &plan->blocks[place->part];
	const bool whole = plan->devices == WIDTH_DEVICE;
	const bool rid = whole ? place->part == 0 : target->pasid == UIOMMU_NO_PASID;

	*site = rid ? RISCV_SITE_INVALIDATE_DEVICE_RID : RISCV_SITE_INVALIDATE_DEVICE_PASID;
	if (plan->devices == WIDTH_BLOCKS)
		return riscv_ats_inval(endpoint->did, target->pasid, block->iova, block->order);
	if (whole && !rid)
		return riscv_ats_inval_pasids(endpoint->did);
	return riscv_ats_inval(endpoint->did, rid ? UIOMMU_NO_PASID : target->pasid, 0,
			       RISCV_ATS_INVAL_ALL);
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

static struct riscv_cmd
row_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum riscv_site *site)
{
	if (place->phase == PHASE_UNIT)
		return unit_cmd(plan, place->part, site);
	if (place->phase == PHASE_DEVICES)
		return device_cmd(plan, place, site);
	*site = RISCV_SITE_INVALIDATE_FENCE;
	return riscv_fence(0);
}

static void
row_add(const struct plan *plan, struct uiommu_inval_row *row, struct riscv_cmd cmd)
{
	const bool fence = riscv_cmd_op(&cmd) == RISCV_CMD0(RISCV_OP_IOFENCE, RISCV_IOFENCE_C);

	*riscv_cq_slot(plan->cq, row->n) = cmd;
	if (fence)
		riscv_cq_fenced(plan->cq, row->n);
	row->n++;
}

/* Before a command for a device a fence, where too many would stand without one */
static bool
row_write(const void *any_plan, struct uiommu_inval_row *row)
{
	const struct plan *plan = any_plan;
	struct uiommu_inval_place *place = &row->place;
	const bool device = place->phase == PHASE_DEVICES;
	enum riscv_site site;
	struct riscv_cmd cmd;

	if (row->n + 1 + device > row->room)
		return false;
	cmd = row_cmd(plan, place, &site);
	if (riscv_omits(site))
		return true;
	if (device && place->run == RISCV_ATS_RUN_MAX) {
		row_add(plan, row, riscv_fence(0));
		place->run = 0;
	}
	row_add(plan, row, cmd);
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
row_count(struct riscv_queue *queue, const struct uiommu_inval_row *row)
{
	uiommu_count(&queue->stats.tlb_invalidations, row->unit);
	uiommu_count(&queue->stats.atc_invalidations, row->devices);
}

/* ----------------------------------------------------------------- control path */

/* A piece ends with a fence: only that tells that the unit is through with it. */
static void
piece_end(struct riscv_queue *queue, struct uiommu_cmd *cmd, const struct uiommu_inval_row *row)
{
	struct riscv_cq *cq = &queue->cq;
	const uint32_t end = riscv_cq_end(cq, row->n + 1);

	row_count(queue, row);
	*riscv_cq_slot(cq, row->n) = riscv_fence(0);
	riscv_cq_fenced(cq, row->n);
	riscv_cq_submit(cq, row->n + 1);
	uiommu_inval_row_pause(row, cmd, end, cq->epoch, RISCV_STEP_PIECE);
}

/*
 * Begin, or write the next piece when the unit is through with the one before. What was written
 * before an error is written again by riscv_cq_check().
 */
int
riscv_inval_step(struct riscv_queue *queue, struct uiommu_cmd *cmd)
{
	struct riscv_cq *cq = &queue->cq;
	struct uiommu_inval_row row;
	struct plan plan;
	uint32_t token;

	if (cmd->inval->nb_targets == 0)
		return 0;
	riscv_cq_refresh(cq);
	if (cmd->step == RISCV_STEP_PIECE && !riscv_cq_is_past(cq, uiommu_cmd_token(cmd)))
		return -EINPROGRESS;
	if (riscv_cq_free(cq) < 2 * UIOMMU_INVAL_PIECE)
		return -EINPROGRESS;
	plan_make(&plan, queue, cmd->inval);
	uiommu_inval_row_resume(&row, cmd, UIOMMU_INVAL_PIECE);
	if (!uiommu_inval_row_write(&row, &row_ops, &plan, cmd->inval->nb_targets)) {
		piece_end(queue, cmd, &row);
		return -EINPROGRESS;
	}
	row_count(queue, &row);
	uiommu_count(&queue->stats.wide_invalidations, plan.wide);
	if (riscv_omits(RISCV_SITE_FENCE)) {
		riscv_cq_submit(cq, row.n);
		return 0;
	}
	*riscv_cq_slot(cq, row.n) = riscv_cq_fence(cq, row.n, &token);
	riscv_cq_submit(cq, row.n + 1);
	uiommu_cmd_wait(cmd, token, cq->epoch, RISCV_STEP_WAIT);
	return -EINPROGRESS;
}

/* -------------------------------------------------------------------- data path */

/*
 * Nothing behind a fence is fetched before all in front of it is complete, devices' confirmations
 * among it (see riscv_cq.h): what is answered from now on is answered after it.
 */
bool
riscv_invalidate(void *queue_private, const struct uiommu_inval *inval)
{
	struct riscv_queue *queue = queue_private;
	struct riscv_cq *cq = &queue->cq;
	const uint32_t fenced = cq->fenced;
	struct uiommu_inval_row row;
	struct plan plan;
	uint32_t room;

	/* a unit that has failed carries out no answer any more */
	if (cq->failed != 0 || inval->nb_targets == 0)
		return true;
	riscv_cq_refresh(cq);
	/* half of it stays for answers to what was fetched, and no run gets too long */
	room = RTE_MIN(riscv_cq_room(cq) / 2, (uint32_t)RISCV_RUN_MAX / 2);
	if (room == 0)
		return false;
	plan_make(&plan, queue, inval);
	if (!uiommu_inval_row_fit(&row, &row_ops, &plan, inval->nb_targets, room - 1)) {
		cq->fenced = fenced;
		return false;
	}
	row_count(queue, &row);
	uiommu_count(&queue->stats.wide_invalidations, plan.wide);
	if (!riscv_omits(RISCV_SITE_INVALIDATE_END))
		row_add(&plan, &row, riscv_fence(RISCV_FENCE_MEMORY));
	riscv_cq_submit(cq, row.n);
	return true;
}
