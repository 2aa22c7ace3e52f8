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
#include <string.h>

#include <uiommu_driver_inval.h>

#include "smmuv3_omit.h"
#include "smmuv3_pvt.h"

/** Bonds that are looked back on for one with the same endpoint; twice is no more than a waste. */
#define LOOK_BACK 64
/** Commands of an invalidation in the queue at a time: responses come behind them. */
#define PIECE 64
/** Pages of all blocks that are invalidated one by one, where the unit takes no ranges. */
#define PAGES_MAX 64
/** log2 of the pages of a range at most, S 4.4.1.1: SCALE has five bits. */
#define RANGE_ORDER_MAX 31
#define PAGE_SHIFT 12

/** How far the commands of a plan were made. */
struct place {
	uint32_t target;
	uint16_t part;  /**< block, or page of all blocks */
	uint8_t phase;  /**< PHASE_* */
	uint8_t run;    /**< invalidations of devices since the last CMD_SYNC */
};
_Static_assert(sizeof(struct place) == sizeof(uint64_t), "kept in a word of uiommu_cmd::scratch");

enum {
	PHASE_UNIT,
	PHASE_UNIT_SYNC,
	PHASE_DEVICES,
	PHASE_END,
};

/** How much of the devices' is forgotten. */
enum width {
	WIDTH_BLOCKS,
	WIDTH_PASID,  /**< all of the bond's PASID */
	WIDTH_DEVICE, /**< all that the device has */
};

/** What is to be written for an invalidation: the same for the same one each time. */
struct plan {
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

/** Commands written. */
struct written {
	uint32_t unit;
	uint32_t devices;
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

/* Fewer commands, and more is forgotten */
static void
plan_widen(struct plan *plan)
{
	plan->devices++;
	plan->unit_parts = 0;
	plan->wide = true;
}

/* --------------------------------------------------------------------- commands */

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
	if (endpoint_is_repeated(targets, target))
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
device_cmd(const struct plan *plan, const struct place *place, enum smmuv3_site *site)
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
unit_write(const struct plan *plan, struct place *place, const struct smmuv3_cmdq *cmdq, uint32_t n,
	   uint32_t room, struct written *written)
{
	const uint16_t parts = RTE_MAX(plan->unit_parts, (uint16_t)1);
	enum smmuv3_site site;

	for (; place->part < parts && n < room; place->part++) {
		const struct smmuv3_cmd cmd = unit_cmd(plan, place->part, &site);

		if (smmuv3_omits(site))
			continue;
		*smmuv3_cmdq_slot(cmdq, n++) = cmd;
		written->unit++;
	}
	if (place->part == parts) {
		place->part = 0;
		place->phase = has_devices(plan) ? PHASE_UNIT_SYNC : PHASE_END;
	}
	return n;
}

/* One command for a device; before it a CMD_SYNC where too many would stand without one */
static uint32_t
device_write(const struct plan *plan, struct place *place, const struct smmuv3_cmdq *cmdq,
	     uint32_t n, struct written *written)
{
	enum smmuv3_site site;
	const struct smmuv3_cmd cmd = device_cmd(plan, place, &site);

	if (smmuv3_omits(site))
		return n;
	if (place->run == SMMUV3_ATC_RUN_MAX) {
		*smmuv3_cmdq_slot(cmdq, n++) = smmuv3_sync();
		place->run = 0;
	}
	*smmuv3_cmdq_slot(cmdq, n++) = cmd;
	place->run++;
	written->devices++;
	return n;
}

static uint32_t
devices_write(const struct plan *plan, struct place *place, const struct smmuv3_cmdq *cmdq,
	      uint32_t n, uint32_t room, struct written *written)
{
	while (place->phase == PHASE_DEVICES) {
		const uint32_t parts = device_parts(plan, place->target);

		for (; place->part < parts; place->part++) {
			if (n + 2 > room)
				return n;
			n = device_write(plan, place, cmdq, n, written);
		}
		place->part = 0;
		if (++place->target == plan->inval->nb_targets)
			place->phase = PHASE_END;
	}
	return n;
}

/* Go on from a place, as far as there is room. @return commands written behind the tail */
static uint32_t
cmds_write(const struct plan *plan, struct place *place, const struct smmuv3_cmdq *cmdq,
	   uint32_t room, struct written *written)
{
	uint32_t n = 0;

	if (place->phase == PHASE_UNIT)
		n = unit_write(plan, place, cmdq, n, room, written);
	if (place->phase == PHASE_UNIT_SYNC && n < room) {
		if (!smmuv3_omits(SMMUV3_SITE_INVALIDATE_TLB_SYNC))
			*smmuv3_cmdq_slot(cmdq, n++) = smmuv3_sync();
		place->phase = PHASE_DEVICES;
	}
	return devices_write(plan, place, cmdq, n, room, written);
}

static void
written_count(struct smmuv3_queue *queue, const struct written *written)
{
	uiommu_count(&queue->stats.tlb_invalidations, written->unit);
	uiommu_count(&queue->stats.atc_invalidations, written->devices);
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
	struct written written = {0};
	struct place place = {0};
	struct plan plan;
	uint32_t n, token;

	if (cmd->inval->nb_targets == 0)
		return 0;
	smmuv3_cmdq_refresh(cmdq);
	if (cmd->step == SMMUV3_STEP_PIECE) {
		if (!smmuv3_cmdq_is_past(cmdq, uiommu_cmd_token(cmd)))
			return -EINPROGRESS;
		memcpy(&place, &cmd->scratch[UIOMMU_CMD_PLACE], sizeof(place));
	}
	n = smmuv3_cmdq_free(cmdq);
	if (n < SMMUV3_CMDQ_RESERVE / 2)
		return -EINPROGRESS;
	plan_make(&plan, queue, cmd->inval);
	/* the last one is for the CMD_SYNC */
	n = cmds_write(&plan, &place, cmdq, RTE_MIN(n / 2, (uint32_t)PIECE), &written);
	written_count(queue, &written);
	cmd->scratch[UIOMMU_CMD_EPOCH] = cmdq->epoch;
	if (place.phase != PHASE_END) {
		smmuv3_cmdq_submit(cmdq, n);
		memcpy(&cmd->scratch[UIOMMU_CMD_PLACE], &place, sizeof(place));
		cmd->scratch[UIOMMU_CMD_TOKEN] = smmuv3_cmdq_end(cmdq, 0);
		cmd->step = SMMUV3_STEP_PIECE;
		return -EINPROGRESS;
	}
	uiommu_count(&queue->stats.wide_invalidations, plan.wide);
	if (smmuv3_omits(SMMUV3_SITE_SYNC)) {
		smmuv3_cmdq_submit(cmdq, n);
		return 0;
	}
	*smmuv3_cmdq_slot(cmdq, n) = smmuv3_cmdq_sync(cmdq, n, &token);
	smmuv3_cmdq_submit(cmdq, n + 1);
	cmd->scratch[UIOMMU_CMD_TOKEN] = token;
	cmd->step = SMMUV3_STEP_WAIT;
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
	struct written written = {0};
	struct place place = {0};
	struct plan plan;
	uint32_t room, n;

	/* a unit that has failed carries out no answer any more */
	if (cmdq->failed != 0 || inval->nb_targets == 0)
		return true;
	smmuv3_cmdq_refresh(cmdq);
	/* half of it stays for answers to what was fetched */
	room = smmuv3_cmdq_room(cmdq) / 2;
	if (room == 0)
		return false;
	plan_make(&plan, queue, inval);
	n = cmds_write(&plan, &place, cmdq, room - 1, &written);
	while (place.phase != PHASE_END && plan.devices != WIDTH_DEVICE) {
		plan_widen(&plan);
		written = (struct written){0};
		place = (struct place){0};
		n = cmds_write(&plan, &place, cmdq, room - 1, &written);
	}
	if (place.phase != PHASE_END)
		return false;
	if (!smmuv3_omits(SMMUV3_SITE_INVALIDATE_END))
		*smmuv3_cmdq_slot(cmdq, n++) = smmuv3_sync();
	smmuv3_cmdq_submit(cmdq, n);
	written_count(queue, &written);
	uiommu_count(&queue->stats.wide_invalidations, plan.wide);
	return true;
}
