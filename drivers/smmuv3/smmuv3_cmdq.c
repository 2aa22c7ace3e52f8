/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "smmuv3_pvt.h"

void
smmuv3_cmdq_fail(struct smmuv3_cmdq *cmdq, int error, const char *why)
{
	if (cmdq->failed != 0)
		return;
	cmdq->failed = error;
	SMMUV3_LOG(ERR, "%s: unit failed: %s (GERROR 0x%x, CMDQ_CONS 0x%x, CMDQ_PROD 0x%x)",
		   cmdq->name, why, uiommu_reg_read32(cmdq->plat, SMMUV3_REG_GERROR),
		   uiommu_reg_read32(cmdq->plat, SMMUV3_REG_CMDQ_CONS),
		   uiommu_reg_read32(cmdq->plat, SMMUV3_REG_CMDQ_PROD));
}

void
smmuv3_cmdq_reset(struct smmuv3_cmdq *cmdq, uint64_t timeout_cycles)
{
	cmdq->timeout_cycles = timeout_cycles;
	cmdq->tail = 0;
	cmdq->head = 0;
	cmdq->failed = 0;
	cmdq->stuck = (struct uiommu_stuck){0};
	cmdq->refusal = (struct uiommu_refusal){0};
	cmdq->late = (struct uiommu_late){0};
}

uint32_t
smmuv3_cmdq_refresh(struct smmuv3_cmdq *cmdq)
{
	const uint32_t cons = uiommu_reg_read32(cmdq->plat, SMMUV3_REG_CMDQ_CONS);
	const uint32_t moved = uiommu_ring_hw_wrap_used(cmdq->head, cons, cmdq->mask);

	/* the unit cannot have passed the tail */
	if (moved > cmdq->tail - cmdq->head || cons == UINT32_MAX)
		uiommu_count(&cmdq->stats.cmdq_wild_index, 1);
	else
		cmdq->head += moved;
	/* pairs with the unit, which moves CMDQ_CONS after it has completed a CMD_SYNC (S 4.7.3) */
	uiommu_rmb_after_index();
	return smmuv3_cmdq_free(cmdq);
}

bool
smmuv3_cmdq_push(struct smmuv3_cmdq *cmdq, const struct smmuv3_cmd *cmds, uint32_t n)
{
	uint32_t i;

	if (smmuv3_cmdq_free(cmdq) < n && smmuv3_cmdq_refresh(cmdq) < n)
		return false;
	for (i = 0; i < n; i++)
		*smmuv3_cmdq_slot(cmdq, i) = cmds[i];
	smmuv3_cmdq_submit(cmdq, n);
	return true;
}

struct smmuv3_cmd
smmuv3_cmdq_sync(struct smmuv3_cmdq *cmdq, uint32_t ahead, uint32_t *token)
{
	uiommu_count(&cmdq->stats.syncs, 1);
	if (!cmdq->msi) {
		*token = smmuv3_cmdq_end(cmdq, ahead + 1);
		return smmuv3_sync();
	}
	*token = ++cmdq->seq;
	return smmuv3_sync_msi(cmdq->status_pa, *token);
}

/*
 * The unit stands at a command that it did not take. Offer it again, as often as
 * SMMUV3_CMDQ_RETRIES; then do without it.
 */
static void
recover_refused(struct smmuv3_cmdq *cmdq, uint32_t error)
{
	struct smmuv3_cmd *cmd = &cmdq->ring[cmdq->head & cmdq->mask];
	const unsigned int op = smmuv3_cmd_op(cmd);

	uiommu_count(error == SMMUV3_CERROR_ABT ? &cmdq->stats.cerror_abt :
						  &cmdq->stats.cerror_ill,
		     1);
	if (!uiommu_refusal_is_final(&cmdq->refusal, cmdq->head, SMMUV3_CMDQ_RETRIES))
		return;
	if (error == SMMUV3_CERROR_ABT || cmdq->head == cmdq->tail) {
		smmuv3_cmdq_fail(cmdq, -EIO, "the command queue is refused as a whole");
	} else if (op != SMMUV3_CMD_PRI_RESP && op != SMMUV3_CMD_RESUME) {
		smmuv3_cmdq_fail(cmdq, -EIO, "an invalidation is refused for good");
	} else {
		*cmd = smmuv3_sync();
		uiommu_count(&cmdq->stats.cerror_given_up, 1);
	}
}

/* Invalidations of devices directly before the head: all of them stand since the last CMD_SYNC */
static uint32_t
atc_run_length(const struct smmuv3_cmdq *cmdq, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && smmuv3_cmd_op(&cmdq->ring[(cmdq->head - 1 - n) & cmdq->mask]) ==
				  SMMUV3_CMD_ATC_INV)
		n++;
	return n;
}

/*
 * A device did not confirm in time, and the unit stands at the CMD_SYNC. The invalidations before
 * it are written once more, in front of it: all that is behind moves up. What was taken stays as
 * it is in memory as long as the tail does not reach it, which the reserve sees to.
 */
static void
recover_late(struct smmuv3_cmdq *cmdq)
{
	const uint32_t mask = cmdq->mask;
	uint32_t i, n;

	uiommu_count(&cmdq->stats.cerror_atc, 1);
	if (uiommu_late_is_final(&cmdq->late, cmdq->head, SMMUV3_ATC_TRIES,
				 cmdq->timeout_cycles)) {
		smmuv3_cmdq_fail(cmdq, -ETIMEDOUT, "a device does not confirm invalidations");
		return;
	}
	if (cmdq->late.times == 1)
		cmdq->late_run = atc_run_length(cmdq, RTE_MIN(smmuv3_cmdq_free(cmdq),
							      SMMUV3_ATC_RUN_MAX + 1U));
	n = cmdq->late_run;
	if (n > SMMUV3_ATC_RUN_MAX || 2 * n > smmuv3_cmdq_free(cmdq)) {
		smmuv3_cmdq_fail(cmdq, -EIO, "no room to invalidate a device once more");
		return;
	}
	for (i = cmdq->tail - cmdq->head; i-- > 0;)
		cmdq->ring[(cmdq->head + i + n) & mask] = cmdq->ring[(cmdq->head + i) & mask];
	for (i = 0; i < n; i++)
		cmdq->ring[(cmdq->head + i) & mask] = cmdq->ring[(cmdq->head - n + i) & mask];
	cmdq->late.head = cmdq->head + n;
	cmdq->inserted += n;
	smmuv3_cmdq_submit(cmdq, n);
}

static void
recover_command(struct smmuv3_cmdq *cmdq)
{
	const uint32_t cons = uiommu_reg_read32(cmdq->plat, SMMUV3_REG_CMDQ_CONS);
	const uint32_t error = cons >> SMMUV3_CMDQ_CONS_ERR_SHIFT & SMMUV3_CMDQ_CONS_ERR_MASK;

	smmuv3_cmdq_refresh(cmdq);
	if (error == SMMUV3_CERROR_ATC_INV_SYNC)
		recover_late(cmdq);
	else
		recover_refused(cmdq, error);
}

/* Completions cannot be written to memory: poll for them from now on. */
static void
msi_give_up(struct smmuv3_cmdq *cmdq)
{
	uiommu_count(&cmdq->stats.msi_aborts, 1);
	if (!cmdq->msi)
		return;
	cmdq->msi = false;
	cmdq->epoch++;
}

static void
look_at_queues(struct smmuv3_cmdq *cmdq, uint32_t active)
{
	if ((active & SMMUV3_GERROR_SFM) != 0)
		smmuv3_cmdq_fail(cmdq, -EIO, "it is in service failure mode");
	if ((active & SMMUV3_GERROR_PRIQ_ABT) != 0)
		smmuv3_cmdq_fail(cmdq, -EIO, "page requests could not be written to their queue");
	if ((active & SMMUV3_GERROR_EVENTQ_ABT) == 0)
		return;
	uiommu_count(&cmdq->stats.event_aborts, 1);
	/* without stalls only reports are lost; some emulations raise it for a full queue */
	if (cmdq->stalls)
		smmuv3_cmdq_fail(cmdq, -EIO, "events could not be written to their queue");
}

void
smmuv3_cmdq_check(struct smmuv3_cmdq *cmdq)
{
	const uint32_t gerror = uiommu_reg_read32(cmdq->plat, SMMUV3_REG_GERROR);
	const uint32_t active = (gerror ^ cmdq->gerrorn) & SMMUV3_GERROR_DEFINED_MASK;

	if (active == 0)
		return;
	if (gerror == UINT32_MAX) {
		smmuv3_cmdq_fail(cmdq, -EIO, "registers read as all ones");
		return;
	}
	uiommu_count(&cmdq->stats.hw_errors, 1);
	look_at_queues(cmdq, active);
	if ((active & SMMUV3_GERROR_MSI_CMDQ_ABT) != 0)
		msi_give_up(cmdq);
	if ((active & SMMUV3_GERROR_CMDQ) != 0 && cmdq->failed == 0)
		recover_command(cmdq);
	if (cmdq->failed != 0)
		return;
	/* the repaired commands before the bit that lets the unit fetch them, S 7.1 */
	uiommu_wmb_before_doorbell();
	cmdq->gerrorn ^= active;
	uiommu_reg_write32(cmdq->plat, SMMUV3_REG_GERRORN, cmdq->gerrorn);
}

void
smmuv3_cmdq_watch(struct smmuv3_cmdq *cmdq)
{
	smmuv3_cmdq_check(cmdq);
	if (cmdq->failed != 0)
		return;
	smmuv3_cmdq_refresh(cmdq);
	if (uiommu_stuck_look(&cmdq->stuck, cmdq->head, cmdq->tail, SMMUV3_CMDQ_STUCK_LOOKS,
			      cmdq->timeout_cycles))
		smmuv3_cmdq_fail(cmdq, -ETIMEDOUT, "the command queue does not move");
}

int
smmuv3_cmdq_run(struct smmuv3_cmdq *cmdq, const struct smmuv3_cmd *cmds, uint32_t n)
{
	const uint64_t end = rte_get_tsc_cycles() + cmdq->timeout_cycles;
	struct smmuv3_cmd sync;
	uint32_t epoch, token;

	if (cmdq->failed != 0)
		return cmdq->failed;
	do {
		epoch = cmdq->epoch;
		while (smmuv3_cmdq_refresh(cmdq) < n + 1 && cmdq->failed == 0 &&
		       rte_get_tsc_cycles() < end)
			smmuv3_cmdq_check(cmdq);
		if (cmdq->failed != 0)
			return cmdq->failed;
		if (smmuv3_cmdq_free(cmdq) < n + 1)
			return -ETIMEDOUT;
		sync = smmuv3_cmdq_sync(cmdq, n, &token);
		smmuv3_cmdq_push(cmdq, cmds, n);
		smmuv3_cmdq_push(cmdq, &sync, 1);
		while (epoch == cmdq->epoch && !smmuv3_cmdq_reached(cmdq, token)) {
			smmuv3_cmdq_check(cmdq);
			if (cmdq->failed != 0)
				return cmdq->failed;
			if (rte_get_tsc_cycles() > end)
				return -ETIMEDOUT;
			rte_pause();
		}
	} while (epoch != cmdq->epoch && rte_get_tsc_cycles() < end);
	return epoch == cmdq->epoch ? 0 : -ETIMEDOUT;
}
