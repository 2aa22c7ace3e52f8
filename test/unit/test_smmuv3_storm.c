/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Stalls of an endpoint: allowed or not, too many in a second, the cool-down, and after it. */

#include "smmuv3_rig.h"

static void
by_rate(void **state)
{
	struct smmuv3_storm *storm = &queue->storm;
	struct smmuv3_storm_cell *cell;
	uint64_t now = 1000 * SECOND;
	unsigned int i, round;

	storm->rate = 10;
	storm->second_cycles = SECOND;
	storm->cooldown_cycles = 3 * SECOND;
	assert_int_equal(smmuv3_storm_know(storm, SID, true, 0), 0);
	cell = smmuv3_storm_find(storm, SID);
	assert_non_null(cell);
	for (round = 0; round < 3; round++) {
		/* ten in each second */
		for (i = 0; i < 100; i++, now += SECOND / 10)
			assert_int_equal(smmuv3_storm_count(storm, cell, now), SMMUV3_STORM_PASS);
		now += SECOND;
		for (i = 0; i < 10; i++, now++)
			assert_int_equal(smmuv3_storm_count(storm, cell, now), SMMUV3_STORM_PASS);
		assert_int_equal(smmuv3_storm_count(storm, cell, now), SMMUV3_STORM_TRIPPED);
		for (i = 0; i < 30; i++)
			assert_int_equal(smmuv3_storm_count(storm, cell, now + i * SECOND / 10),
					 SMMUV3_STORM_CALM);
		now += 3 * SECOND;
	}
}

static void
neighbours(void **state)
{
	struct smmuv3_storm *storm = &queue->storm;

	assert_null(smmuv3_storm_find(storm, SID));
	assert_int_equal(smmuv3_storm_know(storm, SID, true, 0), 0);
	assert_int_equal(smmuv3_storm_know(storm, SID + 1, false, 0), 0);
	assert_int_equal(smmuv3_storm_find(storm, SID)->allowed, 1);
	assert_int_equal(smmuv3_storm_find(storm, SID + 1)->allowed, 0);
	assert_null(smmuv3_storm_find(storm, SID + 2));
	assert_null(smmuv3_storm_find(storm, 0x8000));
	assert_null(smmuv3_storm_find(storm, 0xffffff));
	smmuv3_storm_forget(storm, SID);
	assert_null(smmuv3_storm_find(storm, SID));
	assert_non_null(smmuv3_storm_find(storm, SID + 1));
}

/* What becomes of events: S 4.7.1, Ac 12, Ab 13. */
static void
events_end(void **state)
{
	struct smmuv3_endpoint *may_not = endpoint_new(SID, 0);
	struct smmuv3_endpoint *may = endpoint_new(SID + 1, UIOMMU_ENDPOINT_STALL);
	struct uiommu_fault faults[8];
	uint32_t events = 0, i;
	uint16_t taken;

	/* not allowed: aborted at once, and not seen by anybody */
	hw_stall(SID, 0);
	assert_int_equal(smmuv3_fetch(queue, faults, 8, &taken, &events), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(hw.responses, 1);
	assert_true(hw.answered[0].q[0] == ((uint64_t)SID << 32 | 0x2044));
	assert_int_equal(queue->stats.stalls_refused, 1);
	/* unknown: for the engine */
	hw_stall(SID + 2, 5);
	assert_int_equal(smmuv3_fetch(queue, faults, 8, &taken, &events), 1);
	assert_int_equal(faults[0].endpoint_id, SID + 2);
	/* two of five are let through */
	queue->storm.rate = 2;
	for (i = 1; i < 6; i++)
		hw_stall(SID + 1, i);
	assert_int_equal(smmuv3_fetch(queue, faults, 8, &taken, &events), 2);
	assert_int_equal(taken, 2);
	assert_int_equal(hw.responses, 4);
	assert_true(hw.answered[1].q[0] == ((uint64_t)(SID + 1) << 32 | 0x0044));
	assert_int_equal(hw.answered[3].q[1], 5);
	assert_int_equal(queue->stats.storms, 1);
	assert_int_equal(queue->stats.stalls_calmed, 3);
	/* where abort is all that there is */
	queue->abort_only = true;
	hw_stall(SID + 1, 6);
	assert_int_equal(smmuv3_fetch(queue, faults, 8, &taken, &events), 0);
	assert_true(hw.answered[4].q[0] == ((uint64_t)(SID + 1) << 32 | 0x2044));
	/* others are not concerned */
	hw_stall(SID + 2, 7);
	assert_int_equal(smmuv3_fetch(queue, faults, 8, &taken, &events), 1);
	assert_int_equal(events, 0);
	smmuv3_endpoint_free(&dev, may);
	smmuv3_endpoint_free(&dev, may_not);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(by_rate),
		CASE(neighbours),
		CASE(events_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
