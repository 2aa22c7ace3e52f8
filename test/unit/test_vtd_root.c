/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * With another root table nothing that was cached holds any more: three global invalidations, in
 * the order of S 6.6. Words were put together by hand from the bit positions of S 6.5.2.
 */

#include "vtd_hw_model.h"

#include <vtd_reg.c>

static void
everything_is_forgotten(void **state)
{
	const struct vtd_desc expected[] = {
		/* types 1, 7 and 2; granularity 5:4 = 1, 3 and 1; drains 7:6 */
		{{0x11}}, {{0x37}}, {{0xd2}},
	};
	struct vtd vtd = {.dev = &dev};

	vtd.queue = queue;
	vtd.queue.drain_flags = VTD_QI_IOTLB_DR | VTD_QI_IOTLB_DW;
	assert_int_equal(vtd_invalidate_all(&vtd), 0);
	assert_int_equal(hw.nb_seen, ARRAY_COUNT(expected));
	assert_memory_equal(hw.seen, expected, sizeof(expected));
	assert_true((uint32_t)hw.wait.q[0] == 0x25);
}

/* A unit that stands still is given up. */
static void
wait_is_bounded(void **state)
{
	struct vtd vtd = {.dev = &dev};

	vtd.queue = queue;
	vtd.queue.iq.timeout_cycles = 1000;
	hw.dead = true;
	rte_log_set_level_pattern("*", RTE_LOG_CRIT);
	assert_int_equal(vtd_invalidate_all(&vtd), -ETIMEDOUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(everything_is_forgotten),
		CASE(wait_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
