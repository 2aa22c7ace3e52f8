/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Command queue: errors and what is done about them, "Command-queue CSR (cqcsr)". */

#include "riscv_rig.h"

static struct riscv_cq *
cq(void)
{
	return &queue->cq;
}

/* Until the unit has taken all, or has failed */
static void
settle(void)
{
	uint32_t i;

	for (i = 0; i < 200 && cq()->failed == 0; i++)
		riscv_cq_watch(cq());
}

static uint32_t
seen(uint32_t op)
{
	uint32_t i, n = 0;

	for (i = 0; i < hw.nb_seen; i++)
		n += (hw.seen[i].q[0] & 0x3ff) == op;
	return n;
}

/* Over many wraps, with a fence now and then, and one entry free. */
static void
wraps(void **state)
{
	uint32_t sent = 0, round;

	for (round = 0; round < 1000; round++)
		while (respond(&sent, 1 + round % 500) == 0)
			settle();
	settle();
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
	assert_int_equal(cq()->head, cq()->tail);
	assert_true(hw.fences > 500);
	/* each burst has one at most, and each run ends */
	assert_true(hw.fences <= 1000);
	assert_true(cq()->tail - cq()->fenced < RISCV_FENCE_EVERY);
}

/* What is behind the last fence that was passed stays as it is, read by the unit or not. */
static void
places_are_free_behind_a_fence(void **state)
{
	const uint32_t begin = cq()->tail;
	uint32_t sent = 0;

	respond(&sent, RISCV_FENCE_EVERY - 1);
	riscv_cq_refresh(cq());
	assert_int_equal(cq()->head, begin + RISCV_FENCE_EVERY - 1);
	assert_int_equal(cq()->done, begin);
	assert_int_equal(riscv_cq_free(cq()), cq()->mask - (RISCV_FENCE_EVERY - 1));
	respond(&sent, 1);
	riscv_cq_refresh(cq());
	assert_int_equal(cq()->done, begin + RISCV_FENCE_EVERY + 1);
	assert_int_equal(riscv_cq_free(cq()), cq()->mask);
	/* a fence that was passed, with others behind it that were not */
	hw.dead = true;
	respond(&sent, RISCV_FENCE_EVERY);
	respond(&sent, RISCV_FENCE_EVERY);
	*hw_reg(RISCV_REG_CQH) += RISCV_FENCE_EVERY + 3;
	riscv_cq_refresh(cq());
	assert_int_equal(cq()->done, begin + 2 * (RISCV_FENCE_EVERY + 1));
}

/* No more than there is room for, and the reserve is not touched. */
static void
fills(void **state)
{
	uint32_t sent = 0;

	hw.dead = true;
	while (respond(&sent, 64) != 0)
		;
	assert_true(riscv_cq_free(cq()) >= RISCV_CQ_RESERVE - 64);
	assert_int_equal(riscv_room(queue), 0);
	assert_true(cq()->stats.cq_full > 0);
	assert_int_equal(cq()->failed, 0);
	hw.dead = false;
	settle();
	assert_int_equal(hw.responses, sent);
	assert_true(riscv_room(queue) > 1000);
}

/* A command that is refused some times is offered again, and none is lost or doubled. */
static void
refused_for_a_while(void **state)
{
	static const uint32_t errors[] = {RISCV_CQCSR_CMD_ILL, RISCV_CSR_MF};
	uint32_t sent = 0, i;

	for (i = 0; i < 2; i++) {
		respond(&sent, 5);
		hw.refuse_error = errors[i];
		hw.refuse = RISCV_CQ_RETRIES;
		respond(&sent, 10);
		settle();
		assert_int_equal(cq()->failed, 0);
		assert_int_equal(hw.responses, sent);
	}
	assert_false(hw.out_of_order);
	assert_int_equal(cq()->stats.cmd_ill, RISCV_CQ_RETRIES);
	assert_int_equal(cq()->stats.cqmf, RISCV_CQ_RETRIES);
	assert_int_equal(cq()->stats.given_up, 0);
	/* those before, since the last fence; each counts once */
	assert_int_equal(cq()->stats.in_doubt, 5 + 15);
	assert_int_equal(cq()->stats.repeated, 0);
}

/* The same with a unit (QEMU 10) that goes on when it is told of the tail, and not before. */
static void
refused_by_one_that_waits(void **state)
{
	uint32_t sent = 0;

	hw.by_tail = true;
	hw.refuse = 3;
	respond(&sent, 10);
	settle();
	assert_int_equal(cq()->failed, 0);
	assert_int_equal(hw.responses, sent);
	assert_int_equal(cq()->stats.cmd_ill, 3);
}

/* A response that is refused for good is done without; what is behind it follows. */
static void
response_is_given_up(void **state)
{
	uint32_t sent = 0;

	hw.refuse = RISCV_CQ_RETRIES + 1;
	respond(&sent, 3);
	settle();
	assert_int_equal(cq()->failed, 0);
	assert_int_equal(hw.responses, 2);
	assert_true((hw.answered[0].q[1] >> 32 & 0x1ff) == 1);
	assert_int_equal(cq()->stats.given_up, 1);
}

/* The same behind what has to be written once more: the tries are counted on. */
static void
response_is_given_up_behind_others(void **state)
{
	const struct riscv_cmd cmd = riscv_inval_vma(1);
	uint32_t sent = 0;

	hw.dead = true;
	riscv_cq_push(cq(), &cmd, 1);
	respond(&sent, 1);
	hw.dead = false;
	hw.refuse_op = OP_PRGR;
	settle();
	assert_int_equal(cq()->failed, 0);
	assert_int_equal(hw.responses, 0);
	assert_int_equal(cq()->stats.cmd_ill, RISCV_CQ_RETRIES + 1);
	assert_int_equal(cq()->stats.given_up, 1);
	assert_int_equal(seen(OP_VMA), 2);
}

/* An invalidation that is refused for good is fatal: something may be in use that has gone. */
static void
invalidation_is_refused(void **state)
{
	const struct riscv_cmd cmd = riscv_inval_vma(1);

	hw.refuse_op = OP_VMA;
	assert_int_equal(riscv_cq_run(cq(), &cmd, 1), -EIO);
	assert_int_equal(cq()->failed, -EIO);
	assert_int_equal(cq()->stats.given_up, 0);
}

static void
queue_cannot_be_read(void **state)
{
	uint32_t sent = 0;

	hw.refuse_error = RISCV_CSR_MF;
	hw.refuse_op = OP_PRGR;
	respond(&sent, 1);
	settle();
	assert_int_equal(cq()->failed, -EIO);
}

/*
 * Nobody knows what became of those before the one that was refused: invalidations are written once
 * more, with a fence behind them, once. What is behind moves up, and is neither lost nor doubled.
 */
static void
run_is_repeated(void **state)
{
	const struct riscv_cmd cmds[] = {
		riscv_inval_vma(1), riscv_inval_vma(2), riscv_inval_ddt(3),
	};
	uint32_t sent = 0, token;
	struct riscv_cmd fence;

	hw.dead = true;
	riscv_cq_push(cq(), cmds, 3);
	fence = riscv_cq_fence(cq(), 0, &token);
	riscv_cq_push(cq(), &fence, 1);
	respond(&sent, 2);
	hw.dead = false;
	hw.refuse_op = OP_DDT;
	riscv_cq_check(cq());
	hw.dead = true;
	hw.refuse_op = 0;
	riscv_cq_check(cq());
	hw.dead = false;
	settle();
	assert_int_equal(cq()->failed, 0);
	assert_int_equal(seen(OP_VMA), 4);
	assert_int_equal(seen(OP_DDT), 1);
	assert_seen_at(0, cmds[0].q[0], 0);
	assert_seen_at(1, cmds[1].q[0], 0);
	assert_seen_at(2, cmds[0].q[0], 0);
	assert_seen_at(3, cmds[1].q[0], 0);
	assert_int_equal(hw.seen[4].q[0], 0x3002);
	assert_seen_at(5, cmds[2].q[0], 0);
	assert_int_equal(cq()->stats.repeated, 3);
	assert_int_equal(hw.responses, 2);
	assert_false(hw.out_of_order);
	assert_true(riscv_cq_reached(cq(), token));
}

/*
 * A device is late: all of its invalidations since the fence before are written again, in front of
 * the one that found it, and responses behind are neither lost, doubled nor moved before.
 */
static void
device_is_late(void **state)
{
	uint32_t sent = 0, times, n, token;
	struct riscv_cmd cmds[5];

	for (times = 1; times < 4; times++) {
		hw.nb_seen = 0;
		for (n = 0; n < 4; n++)
			cmds[n] = riscv_ats_inval(DID, n, 0, RISCV_ATS_INVAL_ALL);
		cmds[1] = riscv_inval_vma(1);
		respond(&sent, 3);
		hw.dead = true;
		cmds[4] = riscv_cq_fence(cq(), 4, &token);
		riscv_cq_push(cq(), cmds, 5);
		respond(&sent, 7);
		hw.late = times;
		hw.dead = false;
		settle();
		assert_true(riscv_cq_reached(cq(), token));
		assert_int_equal(seen(OP_ATS_INVAL), 3 * (times + 1));
		assert_int_equal(seen(OP_VMA), 1);
		assert_int_equal(hw.responses, sent);
	}
	assert_false(hw.out_of_order);
	assert_int_equal(cq()->stats.cmd_to, 6);
	assert_int_equal(cq()->stats.in_doubt, 0);
	assert_int_equal(cq()->failed, 0);
}

/* Who looks at the head does not take what was put in for what was to be waited for. */
static void
device_is_late_and_polled(void **state)
{
	const struct riscv_cmd cmd = riscv_ats_inval(DID, 1, 0, RISCV_ATS_INVAL_ALL);
	struct riscv_cmd fence;
	uint32_t token, i;

	cq()->writes = false;
	hw.late = 3;
	riscv_cq_push(cq(), &cmd, 1);
	fence = riscv_cq_fence(cq(), 0, &token);
	riscv_cq_push(cq(), &fence, 1);
	for (i = 0; i < 3; i++) {
		assert_false(riscv_cq_reached(cq(), token));
		riscv_cq_check(cq());
	}
	assert_true(riscv_cq_reached(cq(), token));
}

/* For longer than the time-out, and as often as that proves it. */
static void
device_is_dead(void **state)
{
	const struct riscv_cmd cmd = riscv_ats_inval(DID, 1, 0, RISCV_ATS_INVAL_ALL);

	const uint64_t end = rte_get_tsc_cycles() + 100 * SECOND;

	hw.late = UINT32_MAX;
	riscv_cq_push(cq(), &cmd, 1);
	*riscv_cq_slot(cq(), 0) = riscv_fence(0);
	riscv_cq_fenced(cq(), 0);
	riscv_cq_submit(cq(), 1);
	while (cq()->failed == 0 && rte_get_tsc_cycles() < end)
		riscv_cq_watch(cq());
	assert_int_equal(cq()->failed, -ETIMEDOUT);
	assert_true(cq()->stats.cmd_to > RISCV_ATS_TRIES);
}

/* Time alone is no proof: who waits may have been away. */
static void
device_is_late_for_long(void **state)
{
	const struct riscv_cmd cmd = riscv_ats_inval(DID, 1, 0, RISCV_ATS_INVAL_ALL);

	cq()->timeout_cycles = 1;
	hw.late = RISCV_ATS_TRIES;
	riscv_cq_push(cq(), &cmd, 1);
	*riscv_cq_slot(cq(), 0) = riscv_fence(0);
	riscv_cq_fenced(cq(), 0);
	riscv_cq_submit(cq(), 1);
	settle();
	assert_int_equal(cq()->failed, 0);
}

/* Where a fence cannot write, the head is looked at. */
static void
fence_cannot_write(void **state)
{
	const struct riscv_cmd cmd = riscv_inval_vma(1);
	const uint32_t epoch = cq()->epoch;

	hw.write_faults = true;
	assert_int_equal(riscv_cq_run(cq(), &cmd, 1), 0);
	assert_int_equal(cq()->epoch, epoch + 1);
	assert_int_equal(cq()->stats.write_faults, 1);
	assert_int_equal(riscv_cq_run(cq(), &cmd, 1), 0);
	assert_int_equal(cq()->stats.write_faults, 1);
	assert_false(cq()->writes);
}

static void
queue_does_not_move(void **state)
{
	uint32_t sent = 0, i;

	hw.dead = true;
	respond(&sent, 1);
	for (i = 0; i < RISCV_CQ_STUCK_LOOKS - 1; i++)
		riscv_cq_watch(cq());
	assert_int_equal(cq()->failed, 0);
	cq()->timeout_cycles = 0;
	riscv_cq_watch(cq());
	assert_int_equal(cq()->failed, -ETIMEDOUT);
}

static void
queue_goes_off(void **state)
{
	*hw_reg(RISCV_REG_CQCSR) &= ~RISCV_CSR_ON;
	riscv_cq_check(cq());
	assert_int_equal(cq()->failed, -EIO);
}

static void
unit_goes(void **state)
{
	hw.gone = true;
	riscv_cq_check(cq());
	assert_int_equal(cq()->failed, -EIO);
	hw.gone = false;
}

/* What cannot be is not believed: beyond the tail, beyond the queue. */
static void
wild_heads(void **state)
{
	uint32_t sent = 0;

	hw.dead = true;
	riscv_cq_refresh(cq());
	respond(&sent, 4);
	*hw_reg(RISCV_REG_CQH) = (cq()->tail + 1) & cq()->mask;
	riscv_cq_refresh(cq());
	*hw_reg(RISCV_REG_CQH) = cq()->mask + 1;
	riscv_cq_refresh(cq());
	assert_int_equal(cq()->stats.cq_wild_index, 2);
	assert_int_equal(cq()->tail - cq()->head, 4);
	*hw_reg(RISCV_REG_CQH) = cq()->head & cq()->mask;
}

/* Errors are left alone while the register may not be written. */
static void
register_is_busy(void **state)
{
	uint32_t sent = 0;

	hw.refuse = 1;
	respond(&sent, 1);
	hw.busy = true;
	riscv_cq_check(cq());
	assert_int_equal(cq()->stats.cmd_ill, 0);
	hw.busy = false;
	riscv_cq_check(cq());
	assert_int_equal(cq()->stats.cmd_ill, 1);
	assert_int_equal(hw.responses, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(wraps),
		CASE(places_are_free_behind_a_fence),
		CASE(fills),
		CASE(refused_for_a_while),
		CASE(refused_by_one_that_waits),
		CASE(response_is_given_up),
		CASE(response_is_given_up_behind_others),
		CASE(invalidation_is_refused),
		CASE(queue_cannot_be_read),
		CASE(run_is_repeated),
		CASE(device_is_late),
		CASE(device_is_late_and_polled),
		CASE(device_is_dead),
		CASE(device_is_late_for_long),
		CASE(fence_cannot_write),
		CASE(queue_does_not_move),
		CASE(queue_goes_off),
		CASE(unit_goes),
		CASE(wild_heads),
		CASE(register_is_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
