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

#include <uiommu_driver_inval_plan.h>

#include "riscv_omit.h"
#include "riscv_pvt.h"

/** What is to be written for an invalidation: the same for the same one each time. */
struct plan {
	struct uiommu_inval_plan of;
	struct riscv_cq *cq;
	uint32_t pscid;
	bool non_leaf; /**< pointers to tables are to be forgotten, too */
};

/*
 * What leads to tables is forgotten by address only where the unit can do that ("Non-leaf PTE
 * Invalidation Extension").
 */
static void
plan_make(struct plan *plan, struct riscv_queue *queue, const struct uiommu_inval *inval)
{
	plan->cq = &queue->cq;
	plan->pscid = ((const struct riscv_domain *)inval->domain_private)->pscid;
	plan->non_leaf = inval->tables && !riscv_omits(RISCV_SITE_INVALIDATE_TABLES);
	uiommu_inval_plan_make(&plan->of, inval, queue->has_s, RISCV_IOTINVAL1_ADDR_BITS,
			       !plan->non_leaf || queue->has_nl);
}

/* --------------------------------------------------------------------- commands */

static struct uiommu_inval_device
device_of(const void *endpoint_private)
{
	const struct riscv_endpoint *endpoint = endpoint_private;

	return (struct uiommu_inval_device){
		.caches = endpoint->ats, .has_pasids = endpoint->pasid_limit != 0,
	};
}

static struct riscv_cmd
unit_cmd(const struct plan *plan, uint16_t part, enum riscv_site *site)
{
	struct uiommu_inval_block block;

	*site = RISCV_SITE_INVALIDATE_VA;
	if (uiommu_inval_plan_unit(&plan->of, part, &block))
		return riscv_inval_vma_pages(plan->pscid, block.iova, block.order, plan->non_leaf);
	*site = RISCV_SITE_INVALIDATE_PSCID;
	return riscv_inval_vma(plan->pscid);
}

static struct riscv_cmd
device_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum riscv_site *site)
{
	const struct uiommu_inval_for_device what = uiommu_inval_plan_for_device(&plan->of, place);
	const uint32_t did = ((const struct riscv_endpoint *)what.endpoint_private)->did;

	*site = what.of_pasids || what.pasid != UIOMMU_NO_PASID ?
			RISCV_SITE_INVALIDATE_DEVICE_PASID :
			RISCV_SITE_INVALIDATE_DEVICE_RID;
	if (what.of_pasids)
		return riscv_ats_inval_pasids(did);
	if (what.block != NULL)
		return riscv_ats_inval(did, what.pasid, what.block->iova, what.block->order);
	return riscv_ats_inval(did, what.pasid, 0, RISCV_ATS_INVAL_ALL);
}

static uint32_t
row_parts(const void *plan, const struct uiommu_inval_place *place)
{
	return uiommu_inval_plan_parts(&((const struct plan *)plan)->of, place, device_of);
}

static struct riscv_cmd
row_cmd(const struct plan *plan, const struct uiommu_inval_place *place, enum riscv_site *site)
{
	if (place->phase == UIOMMU_INVAL_PHASE_UNIT)
		return unit_cmd(plan, place->part, site);
	if (place->phase == UIOMMU_INVAL_PHASE_DEVICES)
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
	const bool device = place->phase == UIOMMU_INVAL_PHASE_DEVICES;
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
	uiommu_count(&queue->stats.wide_invalidations, plan.of.wide);
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
	uiommu_count(&queue->stats.wide_invalidations, plan.of.wide);
	if (!riscv_omits(RISCV_SITE_INVALIDATE_END))
		row_add(&plan, &row, riscv_fence(RISCV_FENCE_MEMORY));
	riscv_cq_submit(cq, row.n);
	return true;
}
