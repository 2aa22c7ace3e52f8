/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Commands of the control path, step by step on the owner's thread. */

#include <errno.h>

#include "riscv_omit.h"
#include "riscv_pvt.h"

/** Commands, in order. */
struct batch {
	struct riscv_cmd cmds[RISCV_CMD_MAX];
	uint32_t n;
};

static void
add(struct batch *batch, enum riscv_site site, struct riscv_cmd cmd)
{
	if (!riscv_omits(site))
		batch->cmds[batch->n++] = cmd;
}

/*
 * What the device has cached of one PASID, of its RID, or all. The site is that of the RID; that of
 * PASIDs follows it.
 */
static void
add_device(struct batch *batch, enum riscv_site site, const struct riscv_endpoint *endpoint,
	   uint32_t pasid)
{
	const bool all = pasid == UIOMMU_CMD_ALL_PASIDS;

	if (!endpoint->ats)
		return;
	if (all || pasid == UIOMMU_NO_PASID)
		add(batch, site,
		    riscv_ats_inval(endpoint->did, UIOMMU_NO_PASID, 0, RISCV_ATS_INVAL_ALL));
	if (all && endpoint->pasid_limit != 0)
		add(batch, site + 1, riscv_ats_inval_pasids(endpoint->did));
	else if (!all && pasid != UIOMMU_NO_PASID)
		add(batch, site + 1,
		    riscv_ats_inval(endpoint->did, pasid, 0, RISCV_ATS_INVAL_ALL));
}

/*
 * "Changing device directory table entry": an endpoint has come, in the place of one that has gone.
 * What is not valid is not cached, so nothing is to be forgotten at the first time.
 */
static void
endpoint_set(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct riscv_endpoint *endpoint = cmd->endpoint_private;

	if (!endpoint->known)
		return;
	add(batch, RISCV_SITE_ENDPOINT_SET_DDT, riscv_inval_ddt(endpoint->did));
	add(batch, RISCV_SITE_ENDPOINT_SET_TLB, riscv_inval_vma_all());
}

/*
 * The same section: directories, then translations, then those of devices. Each is complete before
 * the next begins: what is cached of one is filled by what is left of the one before.
 */
static void
endpoint_clear(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct riscv_endpoint *endpoint = cmd->endpoint_private;

	if (cmd->step == UIOMMU_STEP_WRITE_2) {
		add(batch, RISCV_SITE_ENDPOINT_CLEAR_DDT_AFTER, riscv_inval_ddt(endpoint->did));
		return;
	}
	add(batch, RISCV_SITE_ENDPOINT_CLEAR_DDT, riscv_inval_ddt(endpoint->did));
	add(batch, RISCV_SITE_ENDPOINT_CLEAR_DDT_FENCE, riscv_fence(0));
	add(batch, RISCV_SITE_ENDPOINT_CLEAR_TLB, riscv_inval_vma_all());
	if (endpoint->ats)
		add(batch, RISCV_SITE_ENDPOINT_CLEAR_TLB_FENCE, riscv_fence(0));
	add_device(batch, RISCV_SITE_ENDPOINT_CLEAR_DEVICE_RID, endpoint, UIOMMU_CMD_ALL_PASIDS);
}

/* The same section, of an entry that goes on leading to the same tables */
static void
endpoint_update(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct riscv_endpoint *endpoint = cmd->endpoint_private;

	add(batch, RISCV_SITE_ENDPOINT_UPDATE_DDT, riscv_inval_ddt(endpoint->did));
	add(batch, RISCV_SITE_ENDPOINT_UPDATE_TLB, riscv_inval_vma_all());
}

/* Without process directories: round one with the table without entries still */
static void
bond_set(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct riscv_endpoint *endpoint = cmd->endpoint_private;

	add(batch,
	    cmd->step == UIOMMU_STEP_WRITE ? RISCV_SITE_BOND_SET_DDT_BEFORE :
					     RISCV_SITE_BOND_SET_DDT,
	    riscv_inval_ddt(endpoint->did));
}

/* The entry that a bond lived in, and the context of the device where that changed, too */
static void
bond_clear_entry(struct batch *batch, const struct riscv_queue *queue,
		 struct riscv_endpoint *endpoint, uint32_t pid)
{
	if (!queue->has_pdt) {
		add(batch, RISCV_SITE_BOND_CLEAR_DDT, riscv_inval_ddt(endpoint->did));
		return;
	}
	add(batch, RISCV_SITE_BOND_CLEAR_PDT, riscv_inval_pdt(endpoint->did, pid));
	if (endpoint->quiet_told)
		return;
	add(batch, RISCV_SITE_BOND_CLEAR_QUIET, riscv_inval_ddt(endpoint->did));
	endpoint->quiet_told = true;
}

/* "Changing process directory table entry", in the order of endpoint_clear() */
static void
bond_clear(struct batch *batch, const struct riscv_queue *queue, const struct uiommu_cmd *cmd)
{
	struct riscv_endpoint *endpoint = cmd->endpoint_private;
	const struct riscv_domain *domain = cmd->domain_private;
	const uint32_t pid = cmd->pasid == UIOMMU_NO_PASID ? RISCV_RID_PID : cmd->pasid;

	if (cmd->step == UIOMMU_STEP_WRITE_2) {
		add(batch, RISCV_SITE_BOND_CLEAR_DDT_AFTER, riscv_inval_ddt(endpoint->did));
		return;
	}
	if (domain->type == UIOMMU_DOMAIN_BLOCKED)
		return;
	bond_clear_entry(batch, queue, endpoint, pid);
	add(batch, RISCV_SITE_BOND_CLEAR_FENCE, riscv_fence(0));
	/* what passed untranslated has no identifier, and may have been cached as 0 */
	add(batch, RISCV_SITE_BOND_CLEAR_PSCID, riscv_inval_vma(domain->pscid));
	if (endpoint->ats)
		add(batch, RISCV_SITE_BOND_CLEAR_PSCID_FENCE, riscv_fence(0));
	add_device(batch, RISCV_SITE_BOND_CLEAR_DEVICE_RID, endpoint, cmd->pasid);
}

/* The device's confirmation of an invalidation pushes its page requests before it. */
static void
drain(struct batch *batch, const struct uiommu_cmd *cmd)
{
	add_device(batch, RISCV_SITE_DRAIN_DEVICE_RID, cmd->endpoint_private, cmd->pasid);
}

static bool
is_blocked(const struct uiommu_cmd *cmd)
{
	return ((const struct riscv_domain *)cmd->domain_private)->type == UIOMMU_DOMAIN_BLOCKED;
}

static void
batch_fill(struct batch *batch, const struct riscv_queue *queue, const struct uiommu_cmd *cmd)
{
	switch (cmd->op) {
	case UIOMMU_CMD_ENDPOINT_SET:
		endpoint_set(batch, cmd);
		break;
	case UIOMMU_CMD_ENDPOINT_CLEAR:
		endpoint_clear(batch, cmd);
		break;
	case UIOMMU_CMD_ENDPOINT_UPDATE:
		endpoint_update(batch, cmd);
		break;
	case UIOMMU_CMD_BOND_SET:
		if (!queue->has_pdt && !is_blocked(cmd))
			bond_set(batch, cmd);
		break;
	case UIOMMU_CMD_BOND_CLEAR:
		bond_clear(batch, queue, cmd);
		break;
	case UIOMMU_CMD_DRAIN:
		drain(batch, cmd);
		break;
	case UIOMMU_CMD_SYNC:
	case UIOMMU_CMD_INVALIDATE:
		break;
	}
}

static void
batch_count(struct riscv_queue *queue, const struct batch *batch)
{
	uint32_t tlb = 0, atc = 0, i;

	for (i = 0; i < batch->n; i++) {
		const unsigned int op = riscv_cmd_op(&batch->cmds[i]);

		tlb += op == RISCV_CMD0(RISCV_OP_IOTINVAL, RISCV_IOTINVAL_VMA);
		atc += op == RISCV_CMD0(RISCV_OP_ATS, RISCV_ATS_INVAL);
	}
	uiommu_count(&queue->stats.tlb_invalidations, tlb);
	uiommu_count(&queue->stats.atc_invalidations, atc);
}

/*
 * Without process directories the identifier of an address space and its table are changed one
 * after the other: has the unit forgotten the first, the second may follow, once more with the
 * same command.
 */
static bool
has_two_rounds(const struct riscv_queue *queue, const struct uiommu_cmd *cmd)
{
	if (queue->has_pdt)
		return false;
	if (cmd->op == UIOMMU_CMD_BOND_SET || cmd->op == UIOMMU_CMD_BOND_CLEAR)
		return !is_blocked(cmd);
	return cmd->op == UIOMMU_CMD_ENDPOINT_CLEAR;
}

static int
round_end(const struct riscv_queue *queue, struct uiommu_cmd *cmd)
{
	if (!has_two_rounds(queue, cmd) || uiommu_cmd_is_round_2(cmd))
		return 0;
	if (cmd->op == UIOMMU_CMD_ENDPOINT_CLEAR)
		riscv_endpoint_settle(cmd->endpoint_private);
	else
		riscv_bond_settle(cmd->endpoint_private);
	cmd->step = UIOMMU_STEP_WRITE_2;
	return -EINPROGRESS;
}

static int
write_command(void *queue_private, struct uiommu_cmd *cmd)
{
	struct riscv_queue *queue = queue_private;
	struct riscv_cq *cq = &queue->cq;
	struct batch batch = {.n = 0};
	uint32_t token;

	if (riscv_cq_free(cq) < RISCV_CMD_MAX && riscv_cq_refresh(cq) < RISCV_CMD_MAX)
		return -EINPROGRESS;
	batch_fill(&batch, queue, cmd);
	if (batch.n == 0 && cmd->op != UIOMMU_CMD_SYNC)
		return round_end(queue, cmd);
	batch_count(queue, &batch);
	if (riscv_omits(RISCV_SITE_FENCE)) {
		riscv_cq_push(cq, batch.cmds, batch.n);
		return round_end(queue, cmd);
	}
	batch.cmds[batch.n] = riscv_cq_fence(cq, batch.n, &token);
	riscv_cq_push(cq, batch.cmds, batch.n + 1);
	uiommu_cmd_wait(cmd, token, cq->epoch);
	return -EINPROGRESS;
}

static int
await_command(void *queue_private, struct uiommu_cmd *cmd)
{
	struct riscv_queue *queue = queue_private;

	if (!riscv_cq_reached(&queue->cq, uiommu_cmd_token(cmd)))
		return -EINPROGRESS;
	/* requests that were answered by the unit meanwhile may be asked again */
	if (cmd->op == UIOMMU_CMD_DRAIN && queue->has_pq &&
	    (uiommu_reg_read32(queue->plat, RISCV_REG_PQCSR) & RISCV_CSR_OF) != 0)
		return -EAGAIN;
	return round_end(queue, cmd);
}

static void
cmd_watch(void *queue_private)
{
	riscv_cq_watch(&((struct riscv_queue *)queue_private)->cq);
}

static void
cmd_give_up(void *queue_private)
{
	riscv_cq_fail(&((struct riscv_queue *)queue_private)->cq, -ETIMEDOUT,
		      "a command was not carried out in time");
}

static const struct uiommu_cmd_ops cmd_ops = {
	.write = write_command,
	.invalidate = riscv_inval_step,
	.await = await_command,
	.watch = cmd_watch,
	.give_up = cmd_give_up,
};

int
riscv_cmd_step(void *queue_private, struct uiommu_cmd *cmd)
{
	struct riscv_cq *cq = &((struct riscv_queue *)queue_private)->cq;

	return uiommu_cmd_step(&cmd_ops, queue_private, cmd, &cq->failed, cq->epoch,
			       &cq->stats.cmd_restarts);
}
