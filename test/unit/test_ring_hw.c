/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Head and tail arithmetic: every state of small rings against a count, corners of large ones. */

#include "unit.h"

#include <uiommu_ring_hw.h>

#define SMALL_LOG2_MAX 6

/*
 * A ring of `size` entries by counting: the consumer stands at `head` and has `used` entries
 * before it, of which there are at most size - 1.
 */
static void
used_and_free_add_up(void **state)
{
	uint32_t log2, head, used;

	for (log2 = 1; log2 <= SMALL_LOG2_MAX; log2++) {
		uint32_t size = UINT32_C(1) << log2;

		for (head = 0; head < size; head++) {
			for (used = 0; used < size; used++) {
				uint32_t tail = (head + used) % size;

				assert_int_equal(uiommu_ring_hw_used(head, tail, size - 1), used);
				assert_int_equal(uiommu_ring_hw_free(head, tail, size - 1),
						 size - 1 - used);
				assert_int_equal(uiommu_ring_hw_is_full(head, tail, size - 1),
						 used == size - 1);
			}
		}
	}
}

static void
advance_steps_one_by_one(void **state)
{
	uint32_t log2, index, n;

	for (log2 = 1; log2 <= SMALL_LOG2_MAX; log2++) {
		uint32_t size = UINT32_C(1) << log2;

		for (index = 0; index < size; index++) {
			uint32_t at = index;

			for (n = 0; n <= 2 * size; n++) {
				assert_int_equal(uiommu_ring_hw_advance(index, n, size - 1), at);
				at = at + 1 == size ? 0 : at + 1;
			}
		}
	}
}

static void
to_end_reaches_the_wrap(void **state)
{
	uint32_t log2, index;

	for (log2 = 1; log2 <= SMALL_LOG2_MAX; log2++) {
		uint32_t size = UINT32_C(1) << log2;

		for (index = 0; index < size; index++) {
			uint32_t n = uiommu_ring_hw_to_end(index, size - 1);

			assert_int_equal(n, size - index);
			assert_int_equal(uiommu_ring_hw_advance(index, n, size - 1), 0);
			if (n > 1)
				assert_int_equal(uiommu_ring_hw_advance(index, n - 1, size - 1),
						 size - 1);
		}
	}
}

/* A consumer walks from `from`; `target` is `wanted` entries ahead of it. */
static void
passed_after_as_many_steps_as_wanted(void **state)
{
	uint32_t log2, from, wanted, steps;

	for (log2 = 1; log2 <= SMALL_LOG2_MAX; log2++) {
		uint32_t size = UINT32_C(1) << log2;

		for (from = 0; from < size; from++) {
			for (wanted = 0; wanted < size; wanted++) {
				for (steps = 0; steps < size; steps++) {
					bool passed = uiommu_ring_hw_passed(
						from, (from + steps) % size, (from + wanted) % size,
						size - 1);

					assert_int_equal(passed, steps >= wanted);
				}
			}
		}
	}
}

/* Fill to the brim and empty, bursts of every length, for longer than the ring. */
static void
producer_and_consumer_go_round(void **state)
{
	uint32_t burst, round;

	for (burst = 1; burst <= 16; burst++) {
		uint32_t head = 5, tail = 5, in = 0, out = 0;

		for (round = 0; round < 200; round++) {
			uint32_t n = uiommu_ring_hw_free(head, tail, 15);

			n = n < burst ? n : burst;
			tail = uiommu_ring_hw_advance(tail, n, 15);
			in += n;
			assert_int_equal(uiommu_ring_hw_used(head, tail, 15), in - out);
			n = uiommu_ring_hw_used(head, tail, 15);
			n = round % 3 == 0 ? n / 2 : n;
			head = uiommu_ring_hw_advance(head, n, 15);
			out += n;
			assert_true(in - out <= 15);
		}
		assert_true(in > 16);
	}
}

static void
golden_values(void **state)
{
	/* VT-d's largest queue: 2^15 descriptors of 32 bytes */
	assert_int_equal(uiommu_ring_hw_used(0, 0, 0x7fff), 0);
	assert_int_equal(uiommu_ring_hw_free(0, 0, 0x7fff), 0x7fff);
	assert_int_equal(uiommu_ring_hw_used(0x7fff, 0x7ffe, 0x7fff), 0x7fff);
	assert_int_equal(uiommu_ring_hw_free(0x7fff, 0x7ffe, 0x7fff), 0);
	assert_true(uiommu_ring_hw_is_full(0x7fff, 0x7ffe, 0x7fff));
	assert_true(uiommu_ring_hw_is_full(0, 0x7fff, 0x7fff));
	assert_false(uiommu_ring_hw_is_full(0, 0, 0x7fff));
	assert_int_equal(uiommu_ring_hw_used(0x7ff0, 0x10, 0x7fff), 0x20);
	assert_int_equal(uiommu_ring_hw_advance(0x7ff0, 0x20, 0x7fff), 0x10);
	assert_int_equal(uiommu_ring_hw_to_end(0x7ff0, 0x7fff), 0x10);
	assert_true(uiommu_ring_hw_passed(0x7ff0, 0x10, 0x8, 0x7fff));
	assert_false(uiommu_ring_hw_passed(0x7ff0, 0x7, 0x8, 0x7fff));
	/* the largest mask that there can be */
	assert_int_equal(uiommu_ring_hw_used(UINT32_MAX, 0, UINT32_MAX), 1);
	assert_int_equal(uiommu_ring_hw_free(0, UINT32_MAX, UINT32_MAX), 0);
	assert_int_equal(uiommu_ring_hw_advance(UINT32_MAX, 2, UINT32_MAX), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used_and_free_add_up),
		cmocka_unit_test(advance_steps_one_by_one),
		cmocka_unit_test(to_end_reaches_the_wrap),
		cmocka_unit_test(passed_after_as_many_steps_as_wanted),
		cmocka_unit_test(producer_and_consumer_go_round),
		cmocka_unit_test(golden_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
