/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Command queue of SMMUv3: errors and what is done about them, S 7.1. */

#include "smmuv3_rig.h"

static struct smmuv3_cmdq *
cmdq(void)
{
	return &queue->cmdq;
}

/* Until the unit has taken all, or has failed */
static void
settle(void)
{
	uint32_t i;

	for (i = 0; i < 200 && cmdq()->failed == 0; i++)
		smmuv3_cmdq_watch(cmdq());
}

static uint32_t
seen(uint32_t op)
{
	uint32_t i, n = 0;

	for (i = 0; i < hw.nb_seen; i++)
		n += (hw.seen[i].q[0] & 0xff) == op;
	return n;
}

/* Over many wraps, with all entries in use. */
static void
wraps(void **state)
{
	uint32_t sent = 0, round;

	for (round = 0; round < 1000; round++)
		while (respond(&sent, 1 + round % 300) == 0)
			settle();
	settle();
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
	assert_int_equal(cmdq()->head, cmdq()->tail);
}

/* A command that is refused some times is offered again, and none is lost. */
static void
refused_for_a_while(void **state)
{
	uint32_t sent = 0, error;

	for (error = SMMUV3_CERROR_ILL; error <= SMMUV3_CERROR_ABT; error++) {
		hw.refuse_error = error;
		hw.refuse = SMMUV3_CMDQ_RETRIES;
		respond(&sent, 10);
		settle();
		assert_int_equal(cmdq()->failed, 0);
		assert_int_equal(hw.responses, sent);
	}
	assert_false(hw.out_of_order);
	assert_int_equal(cmdq()->stats.cerror_ill, SMMUV3_CMDQ_RETRIES);
	assert_int_equal(cmdq()->stats.cerror_abt, SMMUV3_CMDQ_RETRIES);
	assert_int_equal(cmdq()->stats.cerror_given_up, 0);
}

/* A response that is refused for good is done without; what is behind it follows. */
static void
response_is_given_up(void **state)
{
	uint32_t sent = 0;

	hw.refuse = SMMUV3_CMDQ_RETRIES + 1;
	respond(&sent, 3);
	settle();
	assert_int_equal(cmdq()->failed, 0);
	assert_int_equal(hw.responses, 2);
	assert_true((hw.answered[0].q[1] & 0x1ff) == 1);
	assert_int_equal(cmdq()->stats.cerror_given_up, 1);
	assert_int_equal(seen(SMMUV3_CMD_SYNC), 1);
}

/* An invalidation that is refused for good is fatal: something may be in use that has gone. */
static void
invalidation_is_refused(void **state)
{
	const struct smmuv3_cmd cmd = smmuv3_tlbi_asid(1);

	hw.refuse_op = SMMUV3_CMD_TLBI_NH_ASID;
	assert_int_equal(smmuv3_cmdq_run(cmdq(), &cmd, 1), -EIO);
	assert_int_equal(cmdq()->failed, -EIO);
	assert_int_equal(cmdq()->stats.cerror_given_up, 0);
}

static void
queue_cannot_be_read(void **state)
{
	uint32_t sent = 0;

	hw.refuse_error = SMMUV3_CERROR_ABT;
	hw.refuse_op = SMMUV3_CMD_PRI_RESP;
	respond(&sent, 1);
	settle();
	assert_int_equal(cmdq()->failed, -EIO);
}

/*
 * A device is late: all invalidations since the CMD_SYNC before are written again, in front of it,
 * and responses behind them are neither lost, doubled nor moved before.
 */
static void
device_is_late(void **state)
{
	struct smmuv3_cmd cmds[5];
	uint32_t sent = 0, times, n;

	for (times = 1; times < 4; times++) {
		cmds[0] = smmuv3_atc_inv(1, UIOMMU_NO_PASID, 0x1000, 0);
		cmds[1] = smmuv3_sync();
		cmds[2] = smmuv3_atc_inv(2, UIOMMU_NO_PASID, 0x2000, 0);
		cmds[3] = smmuv3_atc_inv(2, 5, 0x3000, 0);
		cmds[4] = smmuv3_sync();
		hw.dead = true;
		smmuv3_cmdq_push(cmdq(), cmds, 2);
		respond(&sent, 7);
		smmuv3_cmdq_push(cmdq(), cmds + 2, 3);
		respond(&sent, 100);
		hw.nb_seen = 0;
		hw.dead = false;
		smmuv3_cmdq_refresh(cmdq());
		/* the first CMD_SYNC passes */
		hw.atc_late = 0;
		settle();
		assert_int_equal(hw.responses, sent);
		/* once more, with a late device at the second one */
		hw.dead = true;
		hw.nb_seen = 0;
		smmuv3_cmdq_push(cmdq(), cmds + 2, 3);
		respond(&sent, 50);
		hw.atc_late = times;
		hw.dead = false;
		settle();
		assert_int_equal(hw.responses, sent);
		assert_false(hw.out_of_order);
		assert_int_equal(cmdq()->failed, 0);
		assert_int_equal(seen(SMMUV3_CMD_ATC_INV), 2 * (times + 1));
		assert_int_equal(seen(SMMUV3_CMD_SYNC), 1);
		for (n = 0; n <= times; n++) {
			assert_true(hw.seen[2 * n].q[1] == 0x2000);
			assert_true(hw.seen[2 * n + 1].q[1] == 0x3000);
		}
	}
	assert_int_equal(cmdq()->stats.cerror_atc, 1 + 2 + 3);
}

/* As many invalidations as there may be at a time, with as many responses behind as there may. */
static void
device_is_late_and_queue_full(void **state)
{
	struct smmuv3_cmd cmd;
	uint32_t sent = 0, i;

	hw.dead = true;
	for (i = 0; i < SMMUV3_ATC_RUN_MAX; i++) {
		cmd = smmuv3_atc_inv(1, UIOMMU_NO_PASID, (uint64_t)i << 12, 0);
		smmuv3_cmdq_push(cmdq(), &cmd, 1);
	}
	cmd = smmuv3_sync();
	smmuv3_cmdq_push(cmdq(), &cmd, 1);
	respond(&sent, ENTRIES - 1);
	assert_int_equal(sent, ENTRIES - SMMUV3_CMDQ_RESERVE - SMMUV3_ATC_RUN_MAX - 1);
	hw.atc_late = 2;
	hw.dead = false;
	settle();
	assert_int_equal(cmdq()->failed, 0);
	assert_int_equal(hw.responses, sent);
	assert_false(hw.out_of_order);
	assert_int_equal(seen(SMMUV3_CMD_ATC_INV), 3 * SMMUV3_ATC_RUN_MAX);
}

static void
device_never_confirms(void **state)
{
	struct smmuv3_cmd cmd = smmuv3_atc_inv(1, UIOMMU_NO_PASID, 0, 52);
	int ret;

	hw.atc_late = UINT32_MAX;
	ret = smmuv3_cmdq_run(cmdq(), &cmd, 1);
	assert_int_equal(ret, -ETIMEDOUT);
}

/* Places are counted without what was written again: the waiter writes nothing once more. */
static void
waits_go_by_place(void **state)
{
	struct smmuv3_cmd cmd = smmuv3_atc_inv(1, UIOMMU_NO_PASID, 0, 52);

	cmdq()->msi = false;
	hw.atc_late = 5;
	assert_int_equal(smmuv3_cmdq_run(cmdq(), &cmd, 1), 0);
	assert_int_equal(seen(SMMUV3_CMD_ATC_INV), 6);
	assert_int_equal(seen(SMMUV3_CMD_SYNC), 1);
	assert_int_equal(cmdq()->epoch, 0);
	assert_int_equal(smmuv3_cmdq_run(cmdq(), &cmd, 1), 0);
	assert_int_equal(seen(SMMUV3_CMD_ATC_INV), 7);
}

/* Completions cannot be written: CMDQ_CONS tells from then on. */
static void
messages_abort(void **state)
{
	struct smmuv3_cmd cmd = smmuv3_tlbi_asid(1);

	assert_true(cmdq()->msi);
	hw.msi_abort = true;
	assert_int_equal(smmuv3_cmdq_run(cmdq(), &cmd, 1), 0);
	assert_false(cmdq()->msi);
	assert_int_equal(cmdq()->stats.msi_aborts, 1);
	assert_int_equal(seen(SMMUV3_CMD_TLBI_NH_ASID), 2);
	assert_int_equal(smmuv3_cmdq_run(cmdq(), &cmd, 1), 0);
	assert_int_equal(seen(SMMUV3_CMD_TLBI_NH_ASID), 3);
}

static void
fatal_errors(void **state)
{
	static const uint32_t bits[] = {SMMUV3_GERROR_SFM, SMMUV3_GERROR_PRIQ_ABT,
					SMMUV3_GERROR_EVENTQ_ABT};
	unsigned int i;

	for (i = 0; i < RTE_DIM(bits); i++) {
		cmdq()->failed = 0;
		*hw_reg(SMMUV3_REG_GERROR) ^= bits[i];
		smmuv3_cmdq_check(cmdq());
		assert_int_equal(cmdq()->failed, -EIO);
		/* not acknowledged */
		assert_int_equal((*hw_reg(SMMUV3_REG_GERROR) ^ *hw_reg(SMMUV3_REG_GERRORN)) &
				 bits[i], bits[i]);
		*hw_reg(SMMUV3_REG_GERROR) ^= bits[i];
	}
	/* where nothing can wait, only reports are lost */
	cmdq()->failed = 0;
	cmdq()->stalls = false;
	*hw_reg(SMMUV3_REG_GERROR) ^= SMMUV3_GERROR_EVENTQ_ABT;
	smmuv3_cmdq_check(cmdq());
	assert_int_equal(cmdq()->failed, 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_GERROR), *hw_reg(SMMUV3_REG_GERRORN));
	assert_int_equal(cmdq()->stats.event_aborts, 2);
}

static void
queue_does_not_move(void **state)
{
	uint64_t end = rte_get_tsc_cycles() + rte_get_tsc_hz();
	uint32_t sent = 0;

	hw.dead = true;
	respond(&sent, 1);
	while (cmdq()->failed == 0 && rte_get_tsc_cycles() < end)
		smmuv3_cmdq_watch(cmdq());
	assert_int_equal(cmdq()->failed, -ETIMEDOUT);
}

static void
registers_are_gone(void **state)
{
	hw.gone = true;
	smmuv3_cmdq_check(cmdq());
	hw.gone = false;
	assert_int_equal(cmdq()->failed, -EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(wraps),
		CASE(refused_for_a_while),
		CASE(response_is_given_up),
		CASE(invalidation_is_refused),
		CASE(queue_cannot_be_read),
		CASE(device_is_late),
		CASE(device_is_late_and_queue_full),
		CASE(device_never_confirms),
		CASE(waits_go_by_place),
		CASE(messages_abort),
		CASE(fatal_errors),
		CASE(queue_does_not_move),
		CASE(registers_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
