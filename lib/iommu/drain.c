/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Teardown of a bond, after the table entry was cleared:
 *
 *   clear   the unit forgets the entry and its translations
 *   pass    every request that is in the queue by now has left it; what is parked for the
 *           bond is thrown away, what is deferred is answered INVALID
 *   drain   every request that the device has sent by now is in the queue
 *   pass    again, for those
 *   sync    the unit has carried out every response
 *
 * All of it is one wish to the owner of the first queue; owners of further queues pass and
 * sync. Then an RCU grace period, and nobody can hold the handle any more.
 */

#include <errno.h>

#include <rte_cycles.h>

#include "uiommu_pvt.h"

/*
 * The drain is repeated while the queue overflowed during it (O6: the unit has answered
 * meanwhile). An endless storm may overflow it each time; since the bond is out of the unit's
 * tables by now, nothing of it can enter the queue, so repeating ends here.
 */
#define DRAIN_TRIES 16

enum teardown_phase {
	PHASE_CLEAR,
	PHASE_PASS,
	PHASE_DRAIN,
	PHASE_PASS_AGAIN,
	PHASE_SYNC,
	PHASE_END,
};

static bool
cmd_is_needed(const struct uiommu_unit *unit, enum uiommu_cmd_op op)
{
	return (unit->dev.cmd_mask & (1U << op)) != 0;
}

static int
cmd_step(struct uiommu_queue *queue, struct uiommu_cmd *cmd)
{
	if (!cmd_is_needed(queue->unit, cmd->op))
		return 0;
	if (cmd->deadline_tsc == 0)
		cmd->deadline_tsc = rte_get_tsc_cycles() +
				    (uint64_t)((double)queue->unit->conf.timeout_ns * 1e-9 *
					       (double)rte_get_tsc_hz());
	return queue->ops->cmd_step(queue->drv, cmd);
}

static void
cmd_rewind(struct uiommu_cmd *cmd, enum uiommu_cmd_op op)
{
	unsigned int i;

	cmd->op = op;
	cmd->step = 0;
	cmd->deadline_tsc = 0;
	for (i = 0; i < RTE_DIM(cmd->scratch); i++)
		cmd->scratch[i] = 0;
}

static void
parked_purge(struct uiommu_queue *queue, const struct uiommu_ctl *ctl)
{
	struct uiommu_endpoint *endpoint = ctl->endpoint;
	uint32_t nb;

	if (endpoint->assembly_busy == 0)
		return;
	if (ctl->cmd.pasid == UIOMMU_CMD_ALL_PASIDS)
		nb = uiommu_prg_discard(endpoint->prg);
	else
		nb = uiommu_prg_purge(endpoint->prg, ctl->cmd.pasid);
	endpoint->assembly_busy = !uiommu_prg_is_idle(endpoint->prg);
	uiommu_count(&queue->stats.discarded, nb);
}

static int
pass_step(struct uiommu_queue *queue, struct uiommu_ctl *ctl)
{
	if (!ctl->pass_begun) {
		ctl->pass_begun = true;
		ctl->pass_target = queue->stats.requests + queue->ops->pending(queue->drv);
	}
	if (queue->stats.requests < ctl->pass_target || queue->fault_pos != queue->nb_faults ||
	    queue->nb_open != 0 || queue->nb_resps != 0)
		return -EINPROGRESS;
	parked_purge(queue, ctl);
	return uiommu_pvt_answers_sweep(queue, ctl->attach,
					ctl->attach == NULL ? ctl->endpoint : NULL);
}

static int
phase_step(struct uiommu_queue *queue, struct uiommu_ctl *ctl)
{
	int ret;

	switch (ctl->phase) {
	case PHASE_PASS:
	case PHASE_PASS_AGAIN:
		return pass_step(queue, ctl);
	case PHASE_DRAIN:
		ret = cmd_step(queue, &ctl->cmd);
		if (ret == -EAGAIN && ++ctl->tries < DRAIN_TRIES) {
			cmd_rewind(&ctl->cmd, UIOMMU_CMD_DRAIN);
			return -EINPROGRESS;
		}
		return ret == -EAGAIN ? 0 : ret;
	default:
		return cmd_step(queue, &ctl->cmd);
	}
}

static int
teardown_step(struct uiommu_queue *queue, struct uiommu_ctl *ctl)
{
	int ret = phase_step(queue, ctl);

	if (ret != 0)
		return ret;
	ctl->phase++;
	ctl->pass_begun = false;
	if (ctl->phase == PHASE_DRAIN)
		cmd_rewind(&ctl->cmd, UIOMMU_CMD_DRAIN);
	else if (ctl->phase == PHASE_SYNC)
		cmd_rewind(&ctl->cmd, UIOMMU_CMD_SYNC);
	return ctl->phase == PHASE_END ? 0 : -EINPROGRESS;
}

static void
ctl_fill(struct uiommu_unit *unit, enum uiommu_cmd_op op, const struct uiommu_endpoint *endpoint,
	 uint32_t pasid, const struct uiommu_domain *domain)
{
	struct uiommu_ctl *ctl = &unit->ctl;

	*ctl = (struct uiommu_ctl){
		.cmd = {.op = op, .pasid = pasid},
	};
	if (endpoint != NULL) {
		ctl->cmd.endpoint_id = endpoint->id;
		ctl->cmd.endpoint_private = endpoint->drv;
	}
	if (domain != NULL)
		ctl->cmd.domain_private = domain->drv;
}

int
uiommu_pvt_drain(struct uiommu_unit *unit, struct uiommu_endpoint *endpoint, uint32_t pasid,
		 struct uiommu_attach *attach)
{
	enum uiommu_cmd_op op = pasid == UIOMMU_CMD_ALL_PASIDS ? UIOMMU_CMD_ENDPOINT_CLEAR
							       : UIOMMU_CMD_BOND_CLEAR;
	uint16_t i;
	int ret;

	/* a unit that does not run holds nothing: stop has drained it */
	if (!uiommu_pvt_unit_is_started(unit))
		return uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED ? -EIO : 0;
	for (i = 0; i < unit->nb_queues; i++) {
		ctl_fill(unit, op, endpoint, pasid, attach == NULL ? NULL : attach->domain);
		unit->ctl.attach = attach;
		unit->ctl.endpoint = endpoint;
		unit->ctl.step = teardown_step;
		unit->ctl.phase = i == 0 ? PHASE_CLEAR : PHASE_PASS_AGAIN;
		ret = uiommu_pvt_ctl_run(unit->queues[i]);
		if (ret != 0)
			return ret;
	}
	return uiommu_pvt_grace(unit);
}

static int
only_cmd_step(struct uiommu_queue *queue, struct uiommu_ctl *ctl)
{
	return cmd_step(queue, &ctl->cmd);
}

int
uiommu_pvt_cmd(struct uiommu_unit *unit, enum uiommu_cmd_op op,
	       const struct uiommu_endpoint *endpoint, uint32_t pasid,
	       const struct uiommu_domain *domain)
{
	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (!uiommu_pvt_unit_is_started(unit) || !cmd_is_needed(unit, op))
		return 0;
	ctl_fill(unit, op, endpoint, pasid, domain);
	unit->ctl.step = only_cmd_step;
	return uiommu_pvt_ctl_run(unit->queues[0]);
}
