/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Commands of the control path, step by step on the owner's thread. */

#include <errno.h>

#include "smmuv3_omit.h"
#include "smmuv3_pvt.h"

/** Commands, in order. */
struct batch {
	struct smmuv3_cmd cmds[SMMUV3_CMD_MAX];
	uint32_t n;
};

static void
add(struct batch *batch, enum smmuv3_site site, struct smmuv3_cmd cmd)
{
	if (!smmuv3_omits(site))
		batch->cmds[batch->n++] = cmd;
}

/* Context descriptor that a bond lives in */
static uint32_t
entry_ssid(uint32_t pasid)
{
	return pasid == UIOMMU_NO_PASID ? SMMUV3_RID_SSID : pasid;
}

/*
 * What the device has cached of one PASID, of its RID, or all, S 4.5.1. The site is that of the
 * RID; that of PASIDs follows it.
 */
static void
add_device(struct batch *batch, enum smmuv3_site site, const struct smmuv3_endpoint *endpoint,
	   uint32_t pasid)
{
	const bool all = pasid == UIOMMU_CMD_ALL_PASIDS;

	if (!endpoint->ats)
		return;
	if (all || pasid == UIOMMU_NO_PASID)
		add(batch, site,
		    smmuv3_atc_inv(endpoint->sid, UIOMMU_NO_PASID, 0, SMMUV3_ATC_INV_SIZE_ALL));
	if (all && endpoint->ssid_bits != 0)
		add(batch, site + 1, smmuv3_atc_inv_pasids(endpoint->sid));
	else if (!all && pasid != UIOMMU_NO_PASID)
		add(batch, site + 1,
		    smmuv3_atc_inv(endpoint->sid, pasid, 0, SMMUV3_ATC_INV_SIZE_ALL));
}

/* An endpoint has come: round one with the entry not valid yet, round two with it valid. */
static void
endpoint_set(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct smmuv3_endpoint *endpoint = cmd->endpoint_private;

	add(batch,
	    cmd->step == UIOMMU_STEP_WRITE ? SMMUV3_SITE_ENDPOINT_SET_STE_BEFORE :
					     SMMUV3_SITE_ENDPOINT_SET_STE,
	    smmuv3_cfgi_ste(endpoint->sid));
}

/* Configuration, then translations, then those of devices: each complete before the next begins */
static void
endpoint_clear(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct smmuv3_endpoint *endpoint = cmd->endpoint_private;

	add(batch, SMMUV3_SITE_ENDPOINT_CLEAR_STE, smmuv3_cfgi_ste(endpoint->sid));
	add(batch, SMMUV3_SITE_ENDPOINT_CLEAR_STE_SYNC, smmuv3_sync());
	add(batch, SMMUV3_SITE_ENDPOINT_CLEAR_TLB, smmuv3_tlbi_all());
	if (endpoint->ats)
		add(batch, SMMUV3_SITE_ENDPOINT_CLEAR_TLB_SYNC, smmuv3_sync());
	add_device(batch, SMMUV3_SITE_ENDPOINT_CLEAR_DEVICE_RID, endpoint, UIOMMU_CMD_ALL_PASIDS);
}

static void
bond_set(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct smmuv3_endpoint *endpoint = cmd->endpoint_private;
	const struct smmuv3_domain *domain = cmd->domain_private;

	if (domain->type == UIOMMU_DOMAIN_IDENTITY && cmd->step == UIOMMU_STEP_WRITE_2)
		add(batch, SMMUV3_SITE_BOND_SET_STE, smmuv3_cfgi_ste(endpoint->sid));
	if (domain->asid != 0)
		add(batch,
		    cmd->step == UIOMMU_STEP_WRITE ? SMMUV3_SITE_BOND_SET_CD_BEFORE :
						     SMMUV3_SITE_BOND_SET_CD,
		    smmuv3_cfgi_cd(endpoint->sid, entry_ssid(cmd->pasid)));
}

static void
bond_clear(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct smmuv3_endpoint *endpoint = cmd->endpoint_private;
	const struct smmuv3_domain *domain = cmd->domain_private;

	if (domain->type == UIOMMU_DOMAIN_IDENTITY) {
		add(batch, SMMUV3_SITE_BOND_CLEAR_STE, smmuv3_cfgi_ste(endpoint->sid));
		if (endpoint->ats)
			add(batch, SMMUV3_SITE_BOND_CLEAR_STE_SYNC, smmuv3_sync());
	} else if (domain->asid != 0) {
		add(batch, SMMUV3_SITE_BOND_CLEAR_CD,
		    smmuv3_cfgi_cd(endpoint->sid, entry_ssid(cmd->pasid)));
		add(batch, SMMUV3_SITE_BOND_CLEAR_CD_SYNC, smmuv3_sync());
		add(batch, SMMUV3_SITE_BOND_CLEAR_ASID, smmuv3_tlbi_asid(domain->asid));
		if (endpoint->ats)
			add(batch, SMMUV3_SITE_BOND_CLEAR_ASID_SYNC, smmuv3_sync());
	} else {
		return;
	}
	add_device(batch, SMMUV3_SITE_BOND_CLEAR_DEVICE_RID, endpoint, cmd->pasid);
}

/*
 * The device's confirmation of an invalidation pushes its page requests before it. Events of
 * transactions that wait become visible with the CMD_SYNC after their configuration was forgotten
 * (S 4.7.3).
 */
static void
drain(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct smmuv3_endpoint *endpoint = cmd->endpoint_private;

	if (endpoint->stall)
		add(batch, SMMUV3_SITE_DRAIN_CD,
		    cmd->pasid == UIOMMU_CMD_ALL_PASIDS ?
			    smmuv3_cfgi_cd_all(endpoint->sid) :
			    smmuv3_cfgi_cd(endpoint->sid, entry_ssid(cmd->pasid)));
	add_device(batch, SMMUV3_SITE_DRAIN_DEVICE_RID, endpoint, cmd->pasid);
}

static void
batch_fill(struct batch *batch, const struct uiommu_cmd *cmd)
{
	switch (cmd->op) {
	case UIOMMU_CMD_ENDPOINT_SET:
		endpoint_set(batch, cmd);
		break;
	case UIOMMU_CMD_ENDPOINT_CLEAR:
		endpoint_clear(batch, cmd);
		break;
	case UIOMMU_CMD_BOND_SET:
		bond_set(batch, cmd);
		break;
	case UIOMMU_CMD_BOND_CLEAR:
		bond_clear(batch, cmd);
		break;
	case UIOMMU_CMD_DRAIN:
		drain(batch, cmd);
		break;
	case UIOMMU_CMD_ENDPOINT_UPDATE: /* page requests are not for the unit to let through */
	case UIOMMU_CMD_SYNC:
	case UIOMMU_CMD_INVALIDATE:
		break;
	}
}

static void
batch_count(struct smmuv3_queue *queue, const struct batch *batch)
{
	uint32_t tlb = 0, atc = 0, i;

	for (i = 0; i < batch->n; i++) {
		const unsigned int op = smmuv3_cmd_op(&batch->cmds[i]);

		tlb += op == SMMUV3_CMD_TLBI_NH_ASID || op == SMMUV3_CMD_TLBI_NSNH_ALL;
		atc += op == SMMUV3_CMD_ATC_INV;
	}
	uiommu_count(&queue->stats.tlb_invalidations, tlb);
	uiommu_count(&queue->stats.atc_invalidations, atc);
}

static bool
has_two_rounds(const struct uiommu_cmd *cmd)
{
	return cmd->op == UIOMMU_CMD_ENDPOINT_SET || cmd->op == UIOMMU_CMD_BOND_SET;
}

/* S 3.21.3.1: nobody has cached the entry as it was, or half of it; now it may be used. */
static void
validate(struct uiommu_cmd *cmd)
{
	if (cmd->op == UIOMMU_CMD_ENDPOINT_SET)
		smmuv3_endpoint_validate(cmd->endpoint_private);
	else
		smmuv3_bond_validate(cmd->endpoint_private, cmd->pasid);
	cmd->step = UIOMMU_STEP_WRITE_2;
}

static int
round_end(struct uiommu_cmd *cmd)
{
	if (!has_two_rounds(cmd) || uiommu_cmd_is_round_2(cmd))
		return 0;
	validate(cmd);
	return -EINPROGRESS;
}

static int
write_command(void *queue_private, struct uiommu_cmd *cmd)
{
	struct smmuv3_queue *queue = queue_private;
	struct smmuv3_cmdq *cmdq = &queue->cmdq;
	struct batch batch = {.n = 0};
	uint32_t token;

	if (smmuv3_cmdq_free(cmdq) < SMMUV3_CMD_MAX && smmuv3_cmdq_refresh(cmdq) < SMMUV3_CMD_MAX)
		return -EINPROGRESS;
	batch_fill(&batch, cmd);
	if (batch.n == 0 && cmd->op != UIOMMU_CMD_SYNC)
		return round_end(cmd);
	batch_count(queue, &batch);
	if (smmuv3_omits(SMMUV3_SITE_SYNC)) {
		smmuv3_cmdq_push(cmdq, batch.cmds, batch.n);
		return round_end(cmd);
	}
	batch.cmds[batch.n] = smmuv3_cmdq_sync(cmdq, batch.n, &token);
	smmuv3_cmdq_push(cmdq, batch.cmds, batch.n + 1);
	uiommu_cmd_wait(cmd, token, cmdq->epoch);
	return -EINPROGRESS;
}

static int
await_command(void *queue_private, struct uiommu_cmd *cmd)
{
	struct smmuv3_queue *queue = queue_private;

	if (!smmuv3_cmdq_reached(&queue->cmdq, uiommu_cmd_token(cmd)))
		return -EINPROGRESS;
	if (cmd->op == UIOMMU_CMD_DRAIN && queue->has_pri) {
		/* requests that were answered by the unit meanwhile may be asked again */
		smmuv3_source_look(queue, &queue->pri);
		if (queue->pri.overflow != queue->pri.ack)
			return -EAGAIN;
	}
	return round_end(cmd);
}

static void
cmd_watch(void *queue_private)
{
	smmuv3_cmdq_watch(&((struct smmuv3_queue *)queue_private)->cmdq);
}

static void
cmd_give_up(void *queue_private)
{
	smmuv3_cmdq_fail(&((struct smmuv3_queue *)queue_private)->cmdq, -ETIMEDOUT,
			 "a command was not carried out in time");
}

static const struct uiommu_cmd_ops cmd_ops = {
	.write = write_command,
	.invalidate = smmuv3_inval_step,
	.await = await_command,
	.watch = cmd_watch,
	.give_up = cmd_give_up,
};

int
smmuv3_cmd_step(void *queue_private, struct uiommu_cmd *cmd)
{
	struct smmuv3_cmdq *cmdq = &((struct smmuv3_queue *)queue_private)->cmdq;

	return uiommu_cmd_step(&cmd_ops, queue_private, cmd, &cmdq->failed, cmdq->epoch,
			       &cmdq->stats.cmd_restarts);
}
