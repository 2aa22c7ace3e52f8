/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Buckets of latency histograms (uiommu_stats.h). */

#include "unit.h"

#include <uiommu_stats.h>

#define LAST_BUCKET (UIOMMU_LATENCY_BUCKETS - 1)

static uint64_t
bucket_min(unsigned int bucket)
{
	return bucket == 0 ? 0 : uiommu_latency_bucket_max(bucket - 1) + 1;
}

/* Both ends of each bucket fall into it, so the buckets cover everything without a gap. */
static void
each_bucket_holds_its_ends(void **state)
{
	unsigned int bucket;

	for (bucket = 0; bucket <= LAST_BUCKET; bucket++) {
		assert_int_equal(uiommu_latency_bucket(bucket_min(bucket)), bucket);
		assert_int_equal(uiommu_latency_bucket(uiommu_latency_bucket_max(bucket)), bucket);
		if (bucket > 0)
			assert_true(uiommu_latency_bucket_max(bucket) >
				    uiommu_latency_bucket_max(bucket - 1));
	}
	assert_true(uiommu_latency_bucket_max(LAST_BUCKET) == UINT64_MAX);
}

static void
larger_values_never_fall_into_smaller_buckets(void **state)
{
	unsigned int bucket, before = 0, bit;
	uint64_t value;

	for (value = 0; value < 200000; value++) {
		bucket = uiommu_latency_bucket(value);
		assert_true(bucket == before || bucket == before + 1);
		before = bucket;
	}
	for (bit = 1; bit < 64; bit++) {
		uint64_t power = UINT64_C(1) << bit;

		assert_true(uiommu_latency_bucket(power - 1) < uiommu_latency_bucket(power));
		assert_true(uiommu_latency_bucket(power) <= uiommu_latency_bucket(power + 1));
	}
}

/* What is read back is at most 1/32 above the value, and never below it. */
static void
relative_error_is_bounded(void **state)
{
	uint64_t random = 1, value, max;
	unsigned int i;

	for (i = 0; i < 1000000; i++) {
		value = unit_random(&random) >> (i % 64);
		max = uiommu_latency_bucket_max(uiommu_latency_bucket(value));
		assert_true(max >= value);
		assert_true((max - value) <= value / 32);
		if (value < 64)
			assert_true(max == value);
	}
}

static void
golden_values(void **state)
{
	static const struct {
		uint64_t value;
		unsigned int bucket;
		uint64_t max;
	} golden[] = {
		{0, 0, 0},
		{1, 1, 1},
		{63, 63, 63},
		{64, 64, 65}, /* 32 buckets of 2 */
		{65, 64, 65},
		{66, 65, 67},
		{127, 95, 127},
		{128, 96, 131}, /* 32 buckets of 4 */
		{131, 96, 131},
		{132, 97, 135},
		{255, 127, 255},
		{256, 128, 263},	     /* of 8 */
		{1000, 128 + 32 + 30, 1007}, /* 512 to 1023 in 16s: 488 / 16 = 30 */
		{1024, 192, 1055},
		{UINT64_C(1) << 63, 64 + 57 * 32, (UINT64_C(1) << 63) + (UINT64_C(1) << 58) - 1},
		{UINT64_MAX, LAST_BUCKET, UINT64_MAX},
	};
	unsigned int i;

	assert_int_equal(UIOMMU_LATENCY_BUCKETS, 1920);
	for (i = 0; i < ARRAY_COUNT(golden); i++) {
		assert_int_equal(uiommu_latency_bucket(golden[i].value), golden[i].bucket);
		assert_true(uiommu_latency_bucket_max(golden[i].bucket) == golden[i].max);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bucket_holds_its_ends),
		cmocka_unit_test(larger_values_never_fall_into_smaller_buckets),
		cmocka_unit_test(relative_error_is_bounded),
		cmocka_unit_test(golden_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
