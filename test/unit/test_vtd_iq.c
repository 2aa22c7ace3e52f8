/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Commands of VT-d, and error recovery of the invalidation queue that carries them. */

#include "vtd_hw_model.h"

#define FOR_EVER 1000000

static struct uiommu_cmd
command(enum uiommu_cmd_op op)
{
	return (struct uiommu_cmd){
		.op = op,
		.pasid = 1,
		.endpoint_private = endpoint,
		.domain_private = &domain,
		.deadline_tsc = UINT64_MAX,
	};
}

static int
carry_out(struct uiommu_cmd *cmd)
{
	unsigned int i;
	int ret = -EINPROGRESS;

	for (i = 0; i < FOR_EVER && ret == -EINPROGRESS; i++)
		ret = vtd_cmd_step(&queue, cmd);
	return ret;
}

/* Every command ends, and leaves nothing in the queue. */
static void
commands_end(void **state)
{
	static const enum uiommu_cmd_op ops[] = {
		UIOMMU_CMD_ENDPOINT_SET, UIOMMU_CMD_ENDPOINT_CLEAR, UIOMMU_CMD_ENDPOINT_UPDATE,
		UIOMMU_CMD_BOND_SET, UIOMMU_CMD_BOND_CLEAR, UIOMMU_CMD_DRAIN, UIOMMU_CMD_SYNC,
	};
	static const uint32_t pasids[] = {1, UIOMMU_NO_PASID, UIOMMU_CMD_ALL_PASIDS};
	unsigned int i, j, round;

	for (round = 0; round < 2 * ENTRIES; round++) {
		for (i = 0; i < ARRAY_COUNT(ops); i++) {
			for (j = 0; j < ARRAY_COUNT(pasids); j++) {
				struct uiommu_cmd cmd = command(ops[i]);

				cmd.pasid = pasids[j];
				assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
				assert_int_equal(carry_out(&cmd), 0);
				assert_true(hw.iqh == hw.iqt);
			}
		}
	}
}

/* T34: a device that does not confirm, some times; the work is issued again and ends. */
static void
device_time_outs_restart(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_BOND_CLEAR);

	hw.time_out = 5;
	assert_int_equal(carry_out(&cmd), 0);
	assert_int_equal(queue.iq.stats.ite, 5);
	assert_int_equal(queue.iq.stats.cmd_restarts, 5);
	assert_int_equal(hw.time_out, 0);
	/* PASID cache, PASID IOTLB and device-TLB, of which the last failed five times */
	assert_int_equal(hw.invalidations, 6 * 2 + 1);
}

/* Responses around device time-outs: each once, in order. */
static void
device_time_outs_spare_responses(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_DRAIN);
	unsigned int i, sent = 0;
	int ret = -EINPROGRESS;

	hw.time_out = 3;
	for (i = 0; i < FOR_EVER && ret == -EINPROGRESS; i++) {
		respond(&sent, 3);
		ret = vtd_cmd_step(&queue, &cmd);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(queue.iq.stats.ite, 3);
	cmd = command(UIOMMU_CMD_SYNC);
	assert_int_equal(carry_out(&cmd), 0);
	assert_responses(sent);
}

/* A wait that the unit had taken when another device timed out is gone: the command notices. */
static void
aborted_wait_is_issued_again(void **state)
{
	struct uiommu_cmd sync = command(UIOMMU_CMD_SYNC);
	struct uiommu_cmd drain_cmd = command(UIOMMU_CMD_DRAIN);

	hw.hold_waits = true;
	assert_int_equal(vtd_cmd_step(&queue, &sync), -EINPROGRESS);
	assert_int_equal(hw.nb_waiting, 1);
	hw.time_out = 1;
	assert_int_equal(vtd_cmd_step(&queue, &drain_cmd), -EINPROGRESS);
	assert_int_equal(hw.nb_waiting, 0);
	hw.hold_waits = false;
	assert_int_equal(carry_out(&sync), 0);
	assert_int_equal(carry_out(&drain_cmd), 0);
	assert_int_equal(queue.iq.stats.cmd_restarts, 2);
}

/* The status of a wait that was given up, written late, is not that of a later one. */
static void
late_status_is_not_mistaken(void **state)
{
	struct uiommu_cmd given_up = command(UIOMMU_CMD_SYNC);
	struct uiommu_cmd cmd = command(UIOMMU_CMD_SYNC);

	hw.hold_waits = true;
	assert_int_equal(vtd_cmd_step(&queue, &given_up), -EINPROGRESS);
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	hw.status = hw.waiting[0];
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	hw.status = hw.waiting[1];
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
}

static void
wait_numbers_wrap(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_SYNC);

	queue.iq.seq = UINT32_MAX;
	hw.status = UINT32_MAX;
	hw.hold_waits = true;
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(hw.waiting[0], 0);
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	hw.status = 0;
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
}

/* Sound descriptors refused some times: all are carried out, once, in order. */
static void
refused_descriptors_are_offered_again(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_BOND_CLEAR);
	unsigned int sent = 0;

	hw.refuse = VTD_IQ_RETRIES;
	assert_int_equal(respond(&sent, 20), 20);
	assert_int_equal(carry_out(&cmd), 0);
	assert_responses(sent);
	assert_int_equal(queue.iq.stats.iqe, VTD_IQ_RETRIES);
	assert_int_equal(queue.iq.stats.iqe_given_up, 0);
	assert_int_equal(queue.iq.failed, 0);
}

/* The same with a unit that looks at the queue only when the tail is written. */
static void
refused_descriptors_are_announced_again(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_BOND_CLEAR);
	unsigned int sent = 0;

	hw.lazy = true;
	hw.refuse = 3;
	assert_int_equal(respond(&sent, 20), 20);
	assert_int_equal(carry_out(&cmd), 0);
	assert_responses(sent);
}

/* The same, noticed by nothing but idle polls. */
static void
idle_polls_notice_refusal(void **state)
{
	unsigned int i, sent = 0;
	struct uiommu_fault fault;
	uint32_t events = 0;
	uint16_t taken;

	hw.refuse = 3;
	assert_int_equal(respond(&sent, 20), 20);
	for (i = 0; i < 4 * IDLE_CHECK_BUSY; i++)
		assert_int_equal(vtd_fetch(&queue, &fault, 1, &taken, &events), 0);
	assert_int_equal(events, 0);
	assert_responses(sent);
}

/* A response refused for good is given up; the queue goes on. */
static void
refused_response_is_given_up(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_SYNC);
	unsigned int sent = 0;

	hw.refuse_type = VTD_QI_PGRP_RESP;
	assert_int_equal(respond(&sent, 3), 3);
	assert_int_equal(carry_out(&cmd), 0);
	assert_int_equal(queue.iq.stats.iqe_given_up, 3);
	assert_int_equal(queue.iq.stats.iqe, 3 * (VTD_IQ_RETRIES + 1));
	assert_int_equal(hw.responses, 0);
}

/* An invalidation refused for good: what should be gone may be in use. Fatal. */
static void
refused_invalidation_is_fatal(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_BOND_CLEAR);

	hw.refuse_type = VTD_QI_PASID_IOTLB;
	assert_int_equal(carry_out(&cmd), -EIO);
	assert_int_equal(queue.iq.failed, -EIO);
}

/* R11: a wait that never comes back ends at the deadline, and the unit is marked failed. */
static void
lost_wait_times_out(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_SYNC);
	struct uiommu_fault fault;
	uint32_t events = 0;
	unsigned int sent = 0;
	uint16_t taken;

	hw.lose_waits = true;
	cmd.deadline_tsc = rte_get_tsc_cycles() + 100000;
	assert_int_equal(carry_out(&cmd), -ETIMEDOUT);
	assert_int_equal(vtd_fetch(&queue, &fault, 1, &taken, &events), 0);
	assert_int_equal(events, UIOMMU_EVENT_FAILED);
	assert_int_equal(vtd_room(&queue), 0);
	/* taken, so that the engine can let go of them, and counted */
	assert_int_equal(respond(&sent, 5), 5);
	assert_int_equal(queue.iq.stats.responses_lost, 5);
	assert_int_equal(hw.responses, 0);
}

/* R11: a queue that does not move is noticed without any command. */
static void
dead_queue_is_noticed(void **state)
{
	struct uiommu_fault fault;
	unsigned int i, sent = 0;
	uint32_t events = 0;
	uint16_t taken;

	queue.iq.timeout_cycles = 1000;
	hw.dead = true;
	respond(&sent, 1);
	for (i = 0; i < FOR_EVER && events == 0; i++)
		vtd_fetch(&queue, &fault, 1, &taken, &events);
	assert_int_equal(events, UIOMMU_EVENT_FAILED);
	assert_int_equal(queue.iq.failed, -ETIMEDOUT);
}

/* However long nobody looked: a queue that was idle meanwhile is not a dead one. */
static void
idle_queue_is_not_dead(void **state)
{
	unsigned int i, sent = 0;

	queue.iq.timeout_cycles = 0;
	for (i = 0; i < 100 * VTD_IQ_STUCK_LOOKS; i++) {
		vtd_iq_watch(&queue.iq);
		assert_int_equal(respond(&sent, 1), 1);
		vtd_iq_watch(&queue.iq);
	}
	assert_int_equal(queue.iq.failed, 0);
	assert_responses(sent);
}

/* All room is given out but what commands need; then responses wait, and nothing is lost. */
static void
full_queue_takes_part(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_BOND_CLEAR);
	unsigned int sent = 0;

	hw.dead = true;
	assert_int_equal(vtd_room(&queue), ENTRIES - 1 - VTD_IQ_RESERVE);
	assert_int_equal(respond(&sent, ENTRIES), ENTRIES - 1 - VTD_IQ_RESERVE);
	assert_int_equal(respond(&sent, 1), 0);
	assert_int_equal(vtd_room(&queue), 0);
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(cmd.step, UIOMMU_STEP_WAIT);
	hw.dead = false;
	assert_int_equal(carry_out(&cmd), 0);
	assert_int_equal(vtd_room(&queue), ENTRIES - 1 - VTD_IQ_RESERVE);
	assert_responses(sent);
}

/* S 7.10: an overflow during a drain makes it worthless. */
static void
drain_sees_overflow(void **state)
{
	struct uiommu_cmd cmd = command(UIOMMU_CMD_DRAIN);

	hw.prs = VTD_PRS_PRO;
	assert_int_equal(carry_out(&cmd), -EAGAIN);
	hw.prs = VTD_PRS_PPR;
	cmd = command(UIOMMU_CMD_DRAIN);
	assert_int_equal(carry_out(&cmd), 0);
	/* other commands do not care */
	hw.prs = VTD_PRS_PRO;
	cmd = command(UIOMMU_CMD_BOND_CLEAR);
	assert_int_equal(carry_out(&cmd), 0);
}

/* Heads that no queue can have: not believed. */
static void
wild_head_is_not_believed(void **state)
{
	unsigned int sent = 0;

	hw.dead = true;
	assert_int_equal(respond(&sent, 10), 10);
	hw.iqh = 11 * 32; /* beyond the tail */
	vtd_iq_refresh(&queue.iq);
	assert_int_equal(vtd_iq_free(&queue.iq), ENTRIES - 1 - 10);
	hw.iqh = UINT64_MAX;
	vtd_iq_refresh(&queue.iq);
	assert_int_equal(vtd_iq_free(&queue.iq), ENTRIES - 1 - 10);
	assert_int_equal(queue.iq.stats.iq_wild_index, 2);
	hw.iqh = 10 * 32;
	vtd_iq_refresh(&queue.iq);
	assert_int_equal(vtd_iq_free(&queue.iq), ENTRIES - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(commands_end),
		CASE(device_time_outs_restart),
		CASE(device_time_outs_spare_responses),
		CASE(aborted_wait_is_issued_again),
		CASE(late_status_is_not_mistaken),
		CASE(wait_numbers_wrap),
		CASE(refused_descriptors_are_offered_again),
		CASE(refused_descriptors_are_announced_again),
		CASE(idle_polls_notice_refusal),
		CASE(refused_response_is_given_up),
		CASE(refused_invalidation_is_fatal),
		CASE(lost_wait_times_out),
		CASE(dead_queue_is_noticed),
		CASE(idle_queue_is_not_dead),
		CASE(full_queue_takes_part),
		CASE(drain_sees_overflow),
		CASE(wild_head_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
