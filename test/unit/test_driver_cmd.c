/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Watch over the queues of drivers: when one counts as dead, and when a refusal is final. */

#include "unit.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_are_needed_besides_time),
		cmocka_unit_test(time_is_needed_besides_looks),
		cmocka_unit_test(moving_begins_anew),
		cmocka_unit_test(refusals_of_one_command_count),
	};

	return cmocka_run_group_tests_name("driver_cmd", tests, NULL, NULL);
}
