/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Steps of a command, and watch over the queues of drivers: when one counts as dead, and when a
 * refusal is final.
 */

#include "unit.h"

#include <string.h>

#include <uiommu_driver_cmd.h>

#define LOOKS 4
#define RETRIES 3

/* A look at a queue that stands for so long that only looks are missing, or no time has passed */
static bool
look(struct uiommu_stuck *stuck, uint32_t head, uint64_t timeout_cycles)
{
	const bool dead = uiommu_stuck_look(stuck, head, 100, LOOKS, timeout_cycles);

	if (timeout_cycles == 0)
		stuck->since = 0;
	return dead;
}

static void
looks_are_needed_besides_time(void **state)
{
	struct uiommu_stuck stuck = {0};
	unsigned int i;

	for (i = 1; i < LOOKS; i++)
		assert_false(look(&stuck, 7, 0));
	assert_true(look(&stuck, 7, 0));
}

static void
time_is_needed_besides_looks(void **state)
{
	struct uiommu_stuck stuck = {0};
	unsigned int i;

	for (i = 0; i < 10 * LOOKS; i++)
		assert_false(look(&stuck, 7, UINT64_MAX));
}

static void
moving_begins_anew(void **state)
{
	struct uiommu_stuck stuck = {0};
	unsigned int i;

	for (i = 0; i < 10 * LOOKS; i++)
		assert_false(look(&stuck, i, 0));
	for (i = 1; i < LOOKS; i++)
		assert_false(look(&stuck, 50, 0));
	/* an empty queue need not move */
	assert_false(look(&stuck, 100, 0));
	for (i = 1; i < LOOKS; i++)
		assert_false(look(&stuck, 50, 0));
	assert_true(look(&stuck, 50, 0));
}

static void
refusals_of_one_command_count(void **state)
{
	struct uiommu_refusal refusal = {0};
	unsigned int round, i;

	/* the one that takes its place is counted from 0 */
	for (round = 0; round < 2; round++) {
		for (i = 0; i < RETRIES; i++)
			assert_false(uiommu_refusal_is_final(&refusal, 0, RETRIES));
		assert_true(uiommu_refusal_is_final(&refusal, 0, RETRIES));
	}
	for (i = 1; i < 10 * RETRIES; i++)
		assert_false(uiommu_refusal_is_final(&refusal, i, RETRIES));
}

/* Late at a place, with a time-out that is over or not */
static void
lateness_needs_tries_and_time(void **state)
{
	struct uiommu_late late = {0};
	unsigned int i;

	/* position 0 is one like others */
	assert_false(uiommu_late_is_final(&late, 0, RETRIES, 0));
	assert_true(late.since != 0);
	for (i = 0; i < 10 * RETRIES; i++)
		assert_false(uiommu_late_is_final(&late, 7, RETRIES, UINT64_MAX));
	/* another one, counted from 0 */
	for (i = 0; i < RETRIES; i++) {
		assert_false(uiommu_late_is_final(&late, 0, RETRIES, 0));
		assert_int_equal(late.times, i + 1);
		late.since = 0;
	}
	assert_true(uiommu_late_is_final(&late, 0, RETRIES, 0));
	assert_false(uiommu_late_is_final(&late, 7, RETRIES, 0));
}

/* ------------------------------------------------------------------------ steps */

/* What a driver would do, as told; and what it was asked for */
static struct {
	int ret;    /**< of write, invalidate and await */
	int failed;
	int watch_fails; /**< error that a look finds */
	uint32_t epoch;
	uint64_t restarts;
	unsigned int writes, invalidates, awaits, watches, give_ups;
} unit;

static int
unit_write(void *queue, struct uiommu_cmd *cmd)
{
	(void)queue;
	unit.writes++;
	if (unit.ret == -EINPROGRESS)
		uiommu_cmd_wait(cmd, 77, unit.epoch);
	return unit.ret;
}

static int
unit_invalidate(void *queue, struct uiommu_cmd *cmd)
{
	(void)queue;
	unit.invalidates++;
	cmd->scratch[UIOMMU_CMD_EPOCH] = unit.epoch;
	cmd->step = UIOMMU_STEP_PIECE;
	return unit.ret;
}

static int
unit_await(void *queue, struct uiommu_cmd *cmd)
{
	(void)queue;
	assert_int_equal(uiommu_cmd_token(cmd), 77);
	unit.awaits++;
	return unit.ret;
}

static void
unit_watch(void *queue)
{
	(void)queue;
	unit.watches++;
	unit.failed = unit.watch_fails;
}

static void
unit_give_up(void *queue)
{
	(void)queue;
	unit.give_ups++;
}

static int
step(struct uiommu_cmd *cmd)
{
	static const struct uiommu_cmd_ops ops = {
		.write = unit_write, .invalidate = unit_invalidate, .await = unit_await,
		.watch = unit_watch, .give_up = unit_give_up,
	};

	return uiommu_cmd_step(&ops, NULL, cmd, &unit.failed, unit.epoch, &unit.restarts);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&unit, 0, sizeof(unit));
	unit.ret = -EINPROGRESS;
	return 0;
}

static void
commands_are_written_and_awaited(void **state)
{
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_SYNC, .deadline_tsc = UINT64_MAX};

	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(cmd.step, UIOMMU_STEP_WAIT);
	assert_int_equal(step(&cmd), -EINPROGRESS);
	unit.ret = -EAGAIN;
	assert_int_equal(step(&cmd), -EAGAIN);
	assert_int_equal(unit.writes, 1);
	assert_int_equal(unit.awaits, 2);
	assert_int_equal(unit.restarts, 0);
}

/* What was written is void: the round begins again, and no earlier one */
static void
rounds_begin_again(void **state)
{
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_SYNC, .deadline_tsc = UINT64_MAX};

	assert_int_equal(step(&cmd), -EINPROGRESS);
	unit.epoch++;
	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(cmd.step, UIOMMU_STEP_WRITE);
	assert_int_equal(unit.restarts, 1);
	/* the second one: nothing of it is written, so nothing of it is void */
	cmd.step = UIOMMU_STEP_WRITE_2;
	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(cmd.step, UIOMMU_STEP_WAIT_2);
	assert_int_equal(unit.writes, 2);
	assert_int_equal(unit.restarts, 1);
	unit.epoch++;
	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(cmd.step, UIOMMU_STEP_WRITE_2);
	assert_int_equal(unit.restarts, 2);
	assert_int_equal(unit.awaits, 0);
}

static void
invalidations_begin_again(void **state)
{
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_INVALIDATE, .deadline_tsc = UINT64_MAX};

	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(unit.invalidates, 2);
	unit.epoch++;
	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(cmd.step, UIOMMU_STEP_WRITE);
	assert_int_equal(unit.invalidates, 2);
	assert_int_equal(unit.restarts, 1);
	/* the last piece was written */
	uiommu_cmd_wait(&cmd, 77, unit.epoch);
	assert_int_equal(cmd.step, UIOMMU_STEP_WAIT);
	assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(unit.awaits, 1);
	assert_int_equal(unit.writes, 0);
}

static void
dead_units_are_left_alone(void **state)
{
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_SYNC, .deadline_tsc = UINT64_MAX};
	unsigned int i;

	unit.watch_fails = -EIO;
	for (i = 1; i < UIOMMU_CMD_LOOK_CALLS; i++)
		assert_int_equal(step(&cmd), -EINPROGRESS);
	assert_int_equal(unit.watches, 0);
	assert_int_equal(step(&cmd), -EIO);
	assert_int_equal(unit.watches, 1);
	assert_int_equal(step(&cmd), -EIO);
	assert_int_equal(unit.writes, 1);
	assert_int_equal(unit.awaits, UIOMMU_CMD_LOOK_CALLS - 1);
	assert_int_equal(unit.give_ups, 0);
}

/* Late is what is not done in time; what is done is not late */
static void
late_commands_are_given_up(void **state)
{
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_SYNC, .deadline_tsc = 0};

	assert_int_equal(step(&cmd), -ETIMEDOUT);
	assert_int_equal(unit.give_ups, 1);
	unit.ret = 0;
	assert_int_equal(step(&cmd), 0);
	assert_int_equal(unit.give_ups, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_are_needed_besides_time),
		cmocka_unit_test(time_is_needed_besides_looks),
		cmocka_unit_test(moving_begins_anew),
		cmocka_unit_test(refusals_of_one_command_count),
		cmocka_unit_test(lateness_needs_tries_and_time),
		cmocka_unit_test_setup(commands_are_written_and_awaited, set_up),
		cmocka_unit_test_setup(rounds_begin_again, set_up),
		cmocka_unit_test_setup(invalidations_begin_again, set_up),
		cmocka_unit_test_setup(dead_units_are_left_alone, set_up),
		cmocka_unit_test_setup(late_commands_are_given_up, set_up),
	};

	return cmocka_run_group_tests_name("driver_cmd", tests, NULL, NULL);
}
