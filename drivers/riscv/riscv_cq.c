/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "riscv_pvt.h"

#define CSR_ERRORS (RISCV_CSR_MF | RISCV_CQCSR_CMD_TO | RISCV_CQCSR_CMD_ILL)

void
riscv_cq_fail(struct riscv_cq *cq, int error, const char *why)
{
	if (cq->failed != 0)
		return;
	cq->failed = error;
	RISCV_LOG(ERR, "%s: unit failed: %s (cqcsr 0x%x, cqh 0x%x, cqt 0x%x)", cq->name, why,
		  uiommu_reg_read32(cq->plat, RISCV_REG_CQCSR),
		  uiommu_reg_read32(cq->plat, RISCV_REG_CQH),
		  uiommu_reg_read32(cq->plat, RISCV_REG_CQT));
}

void
riscv_cq_reset(struct riscv_cq *cq, uint64_t timeout_cycles)
{
	cq->timeout_cycles = timeout_cycles;
	cq->tail = 0;
	cq->head = 0;
	cq->done = 0;
	cq->fenced = 0;
	cq->inserted = 0;
	cq->failed = 0;
	cq->writes = true;
	cq->stuck = (struct uiommu_stuck){0};
	cq->refusal = (struct uiommu_refusal){0};
	cq->late = (struct uiommu_late){0};
}

static struct riscv_cmd *
at(const struct riscv_cq *cq, uint32_t position)
{
	return &cq->ring[position & cq->mask];
}

static bool
is_fence(const struct riscv_cmd *cmd)
{
	return riscv_cmd_op(cmd) == RISCV_CMD0(RISCV_OP_IOFENCE, RISCV_IOFENCE_C);
}

static bool
is_ats_inval(const struct riscv_cmd *cmd)
{
	return riscv_cmd_op(cmd) == RISCV_CMD0(RISCV_OP_ATS, RISCV_ATS_INVAL);
}

static bool
is_response(const struct riscv_cmd *cmd)
{
	return riscv_cmd_op(cmd) == RISCV_CMD0(RISCV_OP_ATS, RISCV_ATS_PRGR);
}

/* Carrying it out twice is no more than a waste. */
static bool
is_repeatable(const struct riscv_cmd *cmd)
{
	return !is_response(cmd) && !is_fence(cmd);
}

/* The unit has moved: which fence was the last that it passed? */
static void
done_find(struct riscv_cq *cq)
{
	uint32_t position;

	if ((int32_t)(cq->head - cq->fenced) >= 0) {
		/* what was repeated has moved it further already */
		if ((int32_t)(cq->fenced - cq->done) > 0)
			cq->done = cq->fenced;
		return;
	}
	for (position = cq->head; position != cq->done; position--) {
		if (!is_fence(at(cq, position - 1)))
			continue;
		cq->done = position;
		return;
	}
}

uint32_t
riscv_cq_refresh(struct riscv_cq *cq)
{
	const uint32_t cqh = uiommu_reg_read32(cq->plat, RISCV_REG_CQH);
	const uint32_t moved = uiommu_ring_hw_used(cq->head, cqh, cq->mask);

	/* the unit cannot have passed the tail */
	if ((cqh & ~cq->mask) != 0 || moved > cq->tail - cq->head) {
		uiommu_count(&cq->stats.cq_wild_index, 1);
	} else if (moved != 0) {
		cq->head += moved;
		done_find(cq);
	}
	/* pairs with the unit, which moves cqh past a fence after all before it is complete */
	uiommu_rmb_after_index();
	return riscv_cq_free(cq);
}

bool
riscv_cq_push(struct riscv_cq *cq, const struct riscv_cmd *cmds, uint32_t n)
{
	uint32_t i;

	if (riscv_cq_free(cq) < n && riscv_cq_refresh(cq) < n)
		return false;
	for (i = 0; i < n; i++)
		*riscv_cq_slot(cq, i) = cmds[i];
	riscv_cq_submit(cq, n);
	return true;
}

struct riscv_cmd
riscv_cq_fence(struct riscv_cq *cq, uint32_t ahead, uint32_t *token)
{
	riscv_cq_fenced(cq, ahead);
	if (!cq->writes) {
		*token = riscv_cq_end(cq, ahead + 1);
		return riscv_fence(RISCV_FENCE_MEMORY);
	}
	*token = ++cq->seq;
	return riscv_fence_write(RISCV_FENCE_MEMORY, cq->status_pa, *token);
}

/* What there is from the head on makes room for n commands in front of it. */
static void
open_gap(struct riscv_cq *cq, uint32_t n)
{
	uint32_t i;

	for (i = cq->tail - cq->head; i-- > 0;)
		*at(cq, cq->head + i + n) = *at(cq, cq->head + i);
	if ((int32_t)(cq->fenced - cq->head) > 0)
		cq->fenced += n;
	cq->inserted += n;
	uiommu_count(&cq->stats.repeated, n);
}

/*
 * Put what is to be repeated since the last fence in front of the head once more, with a fence
 * behind it. It stands where it stood as long as done does not move; that is free then.
 *
 * @return 0; -ENOSPC
 */
static int
repeat_run(struct riscv_cq *cq, bool (*is_wanted)(const struct riscv_cmd *cmd))
{
	const uint32_t from = cq->done, run = cq->head - from;
	uint32_t i, n = 0, to;

	for (i = 0; i < run; i++)
		n += is_wanted(at(cq, from + i));
	if (n == 0) {
		cq->done = cq->head;
		return 0;
	}
	/* one that stands at a fence needs no other */
	n += !is_fence(at(cq, cq->head));
	if (n > riscv_cq_free(cq))
		return -ENOSPC;
	open_gap(cq, n);
	to = cq->head;
	for (i = 0; i < run; i++)
		if (is_wanted(at(cq, from + i)))
			*at(cq, to++) = *at(cq, from + i);
	if (to != cq->head + n)
		*at(cq, to++) = riscv_fence(RISCV_FENCE_MEMORY);
	cq->done = cq->head;
	/* where no other fence is behind it, it is the last one */
	if ((int32_t)(to - cq->fenced) > 0 && is_fence(at(cq, to - 1)))
		cq->fenced = to;
	/* the command that the unit stands at has moved */
	cq->refusal.head += n;
	cq->late.head += n;
	riscv_cq_submit(cq, n);
	return 0;
}

/* The unit will not have the command at all. @return 0; -EIO: it cannot go on without it */
static int
do_without(struct riscv_cq *cq)
{
	struct riscv_cmd *cmd = at(cq, cq->head);

	if (!is_response(cmd))
		return -EIO;
	*cmd = riscv_fence(0);
	uiommu_count(&cq->stats.given_up, 1);
	return 0;
}

/* Responses since the last fence: done or not, who knows? Each counts once. */
static void
doubts_count(struct riscv_cq *cq)
{
	uint32_t i, n = 0;

	for (i = cq->done; i != cq->head; i++)
		n += is_response(at(cq, i));
	uiommu_count(&cq->stats.in_doubt, n);
}

/* The unit stands at a command that it did not take. */
static void
recover_refused(struct riscv_cq *cq, bool illegal)
{
	doubts_count(cq);
	uiommu_count(illegal ? &cq->stats.cmd_ill : &cq->stats.cqmf, 1);
	if (uiommu_refusal_is_final(&cq->refusal, cq->head, RISCV_CQ_RETRIES)) {
		if (!illegal || cq->head == cq->tail)
			riscv_cq_fail(cq, -EIO, "the command queue is refused as a whole");
		else if (do_without(cq) != 0)
			riscv_cq_fail(cq, -EIO, "an invalidation is refused for good");
	}
	if (cq->failed == 0 && repeat_run(cq, is_repeatable) != 0)
		riscv_cq_fail(cq, -EIO, "no room to write commands once more");
}

/* A fence found a device late. */
static void
recover_late(struct riscv_cq *cq)
{
	uiommu_count(&cq->stats.cmd_to, 1);
	if (uiommu_late_is_final(&cq->late, cq->head, RISCV_ATS_TRIES, cq->timeout_cycles))
		riscv_cq_fail(cq, -ETIMEDOUT, "a device does not confirm invalidations");
	else if (repeat_run(cq, is_ats_inval) != 0)
		riscv_cq_fail(cq, -EIO, "no room to invalidate a device once more");
}

/* Completions cannot be written to memory: poll for them from now on. */
static void
writes_give_up(struct riscv_cq *cq)
{
	uint32_t i;

	uiommu_count(&cq->stats.write_faults, 1);
	for (i = cq->head; i != cq->tail; i++)
		if (is_fence(at(cq, i)))
			*at(cq, i) = riscv_fence(RISCV_FENCE_MEMORY);
	cq->writes = false;
	cq->epoch++;
}

static bool
stands_at_write(const struct riscv_cq *cq)
{
	const struct riscv_cmd *cmd = at(cq, cq->head);

	return cq->head != cq->tail && is_fence(cmd) && (cmd->q[0] & RISCV_IOFENCE0_AV) != 0;
}

static void
recover(struct riscv_cq *cq, uint32_t csr)
{
	riscv_cq_refresh(cq);
	if ((csr & RISCV_CSR_MF) != 0 && stands_at_write(cq))
		writes_give_up(cq);
	else if ((csr & (RISCV_CSR_MF | RISCV_CQCSR_CMD_ILL)) != 0)
		recover_refused(cq, (csr & RISCV_CSR_MF) == 0);
	else
		recover_late(cq);
}

void
riscv_cq_check(struct riscv_cq *cq)
{
	const uint32_t csr = uiommu_reg_read32(cq->plat, RISCV_REG_CQCSR);

	if (csr == UINT32_MAX) {
		riscv_cq_fail(cq, -EIO, "registers read as all ones");
		return;
	}
	/* the register may not be written yet */
	if ((csr & RISCV_CSR_BUSY) != 0)
		return;
	if ((csr & RISCV_CSR_ON) == 0) {
		riscv_cq_fail(cq, -EIO, "the command queue has gone off");
		return;
	}
	if ((csr & CSR_ERRORS) == 0)
		return;
	uiommu_count(&cq->stats.hw_errors, 1);
	recover(cq, csr);
	if (cq->failed != 0)
		return;
	/* the repaired commands before the bits that let the unit fetch them */
	uiommu_wmb_before_doorbell();
	uiommu_reg_write32(cq->plat, RISCV_REG_CQCSR, RISCV_CSR_EN | (csr & CSR_ERRORS));
	/* some units look at the queue again only when the tail is written */
	riscv_cq_submit(cq, 0);
}

void
riscv_cq_watch(struct riscv_cq *cq)
{
	riscv_cq_check(cq);
	if (cq->failed != 0)
		return;
	riscv_cq_refresh(cq);
	if (uiommu_stuck_look(&cq->stuck, cq->head, cq->tail, RISCV_CQ_STUCK_LOOKS,
			      cq->timeout_cycles))
		riscv_cq_fail(cq, -ETIMEDOUT, "the command queue does not move");
}

/* Between two looks at what is waited for. @return 0; -ETIMEDOUT; or why the queue has failed */
static int
wait_a_turn(struct riscv_cq *cq, uint64_t end)
{
	riscv_cq_check(cq);
	if (cq->failed != 0)
		return cq->failed;
	if (rte_get_tsc_cycles() > end)
		return -ETIMEDOUT;
	rte_pause();
	return 0;
}

int
riscv_cq_run(struct riscv_cq *cq, const struct riscv_cmd *cmds, uint32_t n)
{
	const uint64_t end = rte_get_tsc_cycles() + cq->timeout_cycles;
	struct riscv_cmd fence;
	uint32_t epoch, token;
	int ret = 0;

	do {
		epoch = cq->epoch;
		while (ret == 0 && riscv_cq_refresh(cq) < n + 1)
			ret = wait_a_turn(cq, end);
		if (ret == 0)
			ret = cq->failed;
		if (ret != 0)
			return ret;
		fence = riscv_cq_fence(cq, n, &token);
		riscv_cq_push(cq, cmds, n);
		riscv_cq_push(cq, &fence, 1);
		while (ret == 0 && epoch == cq->epoch && !riscv_cq_reached(cq, token))
			ret = wait_a_turn(cq, end);
	} while (ret == 0 && epoch != cq->epoch);
	return ret;
}
