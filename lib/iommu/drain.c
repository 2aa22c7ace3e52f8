/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Teardown of a bond, after the table entry was cleared:
 *
 *   clear   the unit forgets the entry and its translations
 *   update  and that the endpoint may send page requests, where this was the last bond for them
 *   pass    every request that is in the queue by now has left it; what is parked for the
 *           bond is thrown away, what is deferred is answered INVALID
 *   drain   every request that the device has sent by now is in the queue
 *   pass    again, for those
 *   sync    the unit has carried out every response
 *
 * All of it is one wish to the owner of the queue that takes the endpoint's requests; owners of
 * further queues pass and sync. Then an RCU grace period, and nobody can hold the handle any more.
 */

#include <errno.h>

#include <rte_cycles.h>

#include <uiommu_driver_wait.h>

#include "uiommu_pvt.h"

/*
 * The drain is repeated while the queue overflowed during it (O6: the unit has answered
 * meanwhile). An endless storm may overflow it each time; since the bond is out of the unit's
 * tables by now, nothing of it can enter the queue, so repeating ends here.
 */
#define DRAIN_TRIES 16

enum teardown_phase {
	PHASE_CLEAR,
	PHASE_UPDATE,
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
		cmd->deadline_tsc = rte_get_tsc_cycles() + uiommu_timeout_cycles(&queue->unit->dev);
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

static bool
is_unbonded(uint32_t pasid, const void *arg)
{
	const struct uiommu_endpoint *endpoint = arg;

	return uiommu_pvt_pasid_table_get(&endpoint->pasids, pasid) == NULL;
}

static bool
is_unbonded_or_rid(uint32_t pasid, const void *arg)
{
	return pasid == UIOMMU_NO_PASID || is_unbonded(pasid, arg);
}

static bool
is_same(uint32_t pasid, const void *arg)
{
	return pasid == *(const uint32_t *)arg;
}

static uint32_t
parked_lose(struct uiommu_endpoint *endpoint, uint32_t pasid)
{
	if (endpoint->user_pasids && pasid == UIOMMU_NO_PASID)
		return uiommu_prg_lose_if(endpoint->prg, is_unbonded_or_rid, endpoint);
	return uiommu_prg_lose_if(endpoint->prg, is_same, &pasid);
}

static void
parked_purge(struct uiommu_queue *queue, const struct uiommu_ctl *ctl)
{
	struct uiommu_endpoint *endpoint = ctl->endpoint;
	uint32_t nb = 0;

	/* what is parked is its own queue's */
	if (ctl->purge == UIOMMU_PURGE_NONE || endpoint->queue != queue->id ||
	    endpoint->assembly_busy == 0)
		return;
	if (ctl->purge == UIOMMU_PURGE_ALL)
		nb = uiommu_prg_discard(endpoint->prg);
	else if (ctl->purge == UIOMMU_PURGE_LOSE)
		nb = parked_lose(endpoint, ctl->purge_pasid);
	else if (ctl->purge == UIOMMU_PURGE_UNBONDED)
		nb = uiommu_prg_purge_if(endpoint->prg, is_unbonded, endpoint);
	else
		nb = uiommu_prg_purge(endpoint->prg, ctl->purge_pasid);
	endpoint->assembly_busy = !uiommu_prg_is_idle(endpoint->prg);
	uiommu_count(&queue->stats.discarded, nb);
}

static int
pass_step(struct uiommu_queue *queue, struct uiommu_ctl *ctl)
{
	if (!ctl->pass_begun) {
		ctl->pass_begun = true;
		queue->ops->mark(queue->drv, ctl->marks);
	}
	if (!queue->ops->is_past(queue->drv, ctl->marks) || queue->fault_pos != queue->nb_faults ||
	    queue->nb_open != 0 || queue->nb_resps != 0)
		return -EINPROGRESS;
	parked_purge(queue, ctl);
	return ctl->only_pass ? 0 : uiommu_pvt_answers_sweep(queue, &ctl->whose);
}

static int
phase_step(struct uiommu_queue *queue, struct uiommu_ctl *ctl)
{
	int ret;

	switch (ctl->phase) {
	case PHASE_UPDATE:
		return ctl->update ? cmd_step(queue, &ctl->cmd) : 0;
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
	if (ctl->phase == PHASE_UPDATE) {
		cmd_rewind(&ctl->cmd, UIOMMU_CMD_ENDPOINT_UPDATE);
	} else if (ctl->phase == PHASE_DRAIN) {
		cmd_rewind(&ctl->cmd, UIOMMU_CMD_DRAIN);
		ctl->cmd.pasid = ctl->drain_pasid;
	} else if (ctl->phase == PHASE_SYNC) {
		cmd_rewind(&ctl->cmd, UIOMMU_CMD_SYNC);
	}
	return ctl->phase == PHASE_END || ctl->only_pass ? 0 : -EINPROGRESS;
}

static void
ctl_fill(struct uiommu_ctl *ctl, enum uiommu_cmd_op op, const struct uiommu_endpoint *endpoint,
	 uint32_t pasid, const struct uiommu_domain *domain)
{
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

/* Where it is: the first one, then those behind it, then those before it. */
static struct uiommu_queue *
teardown_queue(const struct uiommu_unit *unit, const struct uiommu_teardown *teardown)
{
	const uint32_t at = (uint32_t)teardown->first + teardown->passed;

	return unit->queues[at < unit->nb_queues ? at : at - unit->nb_queues];
}

/* Have the wish done on one more queue: the hardware's part is done on the first. */
static void
teardown_post(struct uiommu_unit *unit, struct uiommu_teardown *teardown)
{
	unit->ctl = teardown->wish;
	if (teardown->passed != 0)
		unit->ctl.phase = PHASE_PASS_AGAIN;
	uiommu_pvt_ctl_post(teardown_queue(unit, teardown));
}

/* Begin a teardown whose wish is filled in. */
static int
teardown_begin(struct uiommu_unit *unit, struct uiommu_teardown *teardown)
{
	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	/* a unit that does not run holds nothing: stop has drained it */
	if (!uiommu_pvt_unit_is_started(unit))
		return 0;
	teardown->wish.step = teardown_step;
	teardown->first = teardown->wish.endpoint != NULL ? teardown->wish.endpoint->queue : 0;
	teardown->passed = 0;
	teardown->in_grace = false;
	teardown_post(unit, teardown);
	return -EINPROGRESS;
}

/* As much as there is to do for a bond, or for all of an endpoint. */
static void
drain_fill(struct uiommu_ctl *wish, struct uiommu_endpoint *endpoint, struct uiommu_attach *attach,
	   bool update)
{
	if (attach == NULL) {
		ctl_fill(wish, UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_CMD_ALL_PASIDS, NULL);
		wish->whose.endpoint = endpoint;
		wish->purge = UIOMMU_PURGE_ALL;
	} else {
		ctl_fill(wish, UIOMMU_CMD_BOND_CLEAR, endpoint, attach->head.pasid,
			 attach->domain);
		wish->whose.attach = attach;
		wish->purge = UIOMMU_PURGE_PASID;
		wish->purge_pasid = attach->head.pasid;
	}
	wish->endpoint = endpoint;
	wish->drain_pasid = wish->cmd.pasid;
	/* the RID may have got what came for any PASID without a bond */
	if (endpoint->user_pasids && wish->drain_pasid == UIOMMU_NO_PASID) {
		wish->drain_pasid = UIOMMU_CMD_ALL_PASIDS;
		wish->purge = UIOMMU_PURGE_UNBONDED;
	}
	wish->update = update;
	/* their last requests will not come: the unit answers them from now on */
	if (update)
		wish->purge = UIOMMU_PURGE_ALL;
}

int
uiommu_pvt_drain_begin(struct uiommu_unit *unit, struct uiommu_teardown *teardown,
		       struct uiommu_endpoint *endpoint, struct uiommu_attach *attach, bool update)
{
	drain_fill(&teardown->wish, endpoint, attach, update);
	teardown->wish.phase = PHASE_CLEAR;
	return teardown_begin(unit, teardown);
}

int
uiommu_pvt_drain_step(struct uiommu_unit *unit, struct uiommu_teardown *teardown)
{
	int ret;

	if (teardown->in_grace)
		return uiommu_pvt_grace_check(unit, teardown->rcu_token, teardown->give_up_tsc);
	ret = uiommu_pvt_ctl_check(teardown_queue(unit, teardown));
	if (ret != 0)
		return ret;
	if (++teardown->passed < unit->nb_queues) {
		teardown_post(unit, teardown);
		return -EINPROGRESS;
	}
	if (teardown->wish.only_pass)
		return 0;
	teardown->in_grace = true;
	teardown->rcu_token = rte_rcu_qsbr_start(unit->rcu);
	teardown->give_up_tsc = uiommu_pvt_give_up_tsc(unit);
	return -EINPROGRESS;
}

bool
uiommu_pvt_drain_turn(struct uiommu_unit *unit, const struct uiommu_teardown *teardown)
{
	bool polled = uiommu_pvt_owned_turn();

	if (!teardown->in_grace)
		polled |= uiommu_pvt_unowned_turn(teardown_queue(unit, teardown));
	return polled;
}

int
uiommu_pvt_drain_finish(struct uiommu_unit *unit, struct uiommu_teardown *teardown, int ret)
{
	while (ret == -EINPROGRESS) {
		bool polled = uiommu_pvt_drain_turn(unit, teardown);

		ret = uiommu_pvt_drain_step(unit, teardown);
		if (ret == -EINPROGRESS && !polled)
			uiommu_pvt_wait_turn();
	}
	return ret;
}

int
uiommu_pvt_drain(struct uiommu_unit *unit, struct uiommu_endpoint *endpoint,
		 struct uiommu_attach *attach, bool update)
{
	struct uiommu_teardown teardown;
	int ret = uiommu_pvt_drain_begin(unit, &teardown, endpoint, attach, update);

	return uiommu_pvt_drain_finish(unit, &teardown, ret);
}

int
uiommu_pvt_revoke(struct uiommu_unit *unit, const struct uiommu_whose *whose,
		  struct uiommu_endpoint *endpoint, enum uiommu_purge purge)
{
	struct uiommu_teardown teardown;

	ctl_fill(&teardown.wish, UIOMMU_CMD_SYNC, NULL, 0, NULL);
	teardown.wish.whose = *whose;
	teardown.wish.endpoint = endpoint;
	teardown.wish.purge = purge;
	teardown.wish.phase = PHASE_PASS_AGAIN;
	return uiommu_pvt_drain_finish(unit, &teardown, teardown_begin(unit, &teardown));
}

int
uiommu_pvt_pass_and_lose(struct uiommu_unit *unit, struct uiommu_endpoint *endpoint, uint32_t pasid)
{
	struct uiommu_teardown teardown;

	ctl_fill(&teardown.wish, UIOMMU_CMD_SYNC, NULL, 0, NULL);
	teardown.wish.endpoint = endpoint;
	teardown.wish.purge = UIOMMU_PURGE_LOSE;
	teardown.wish.purge_pasid = pasid;
	teardown.wish.only_pass = true;
	teardown.wish.phase = PHASE_PASS_AGAIN;
	return uiommu_pvt_drain_finish(unit, &teardown, teardown_begin(unit, &teardown));
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
	ctl_fill(&unit->ctl, op, endpoint, pasid, domain);
	unit->ctl.step = only_cmd_step;
	return uiommu_pvt_ctl_run(unit->queues[endpoint != NULL ? endpoint->queue : 0]);
}

int
uiommu_pvt_cmd_inval(struct uiommu_unit *unit, const struct uiommu_inval *inval)
{
	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (!uiommu_pvt_unit_is_started(unit) || !cmd_is_needed(unit, UIOMMU_CMD_INVALIDATE))
		return 0;
	ctl_fill(&unit->ctl, UIOMMU_CMD_INVALIDATE, NULL, 0, NULL);
	unit->ctl.cmd.inval = inval;
	unit->ctl.step = only_cmd_step;
	return uiommu_pvt_ctl_run(unit->queues[0]);
}
