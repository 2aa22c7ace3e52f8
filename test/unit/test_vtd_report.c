/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault records of VT-d, S 11.4.7.6, put together by hand; and the reports that become of them. */

#include "unit.h"

#include <vtd_report.c>

#define BIT(n) (UINT64_C(1) << (n))

/* Reason 103:96, PASID 123:104, T1 126, T2 92, and so on: of the upper word, 64 less. */
static uint64_t
record_hi(unsigned int reason, uint32_t source_id, uint64_t more)
{
	return BIT(63) | (uint64_t)reason << 32 | source_id | more;
}

static void
fields_are_read(void **state)
{
	struct uiommu_report report;

	report = vtd_report_decode(UINT64_C(0xffff812345678fff),
				   record_hi(0x71, 0xbeef, BIT(62) | BIT(31) | BIT(29) | BIT(30) |
								   UINT64_C(0xabcde) << 40));
	assert_true(report.iova == UINT64_C(0xffff812345678000));
	assert_int_equal(report.endpoint_id, 0xbeef);
	assert_int_equal(report.pasid, 0xabcde);
	assert_int_equal(report.reason, UIOMMU_REPORT_TRANSLATION);
	assert_int_equal(report.detail, 0x71);
	assert_int_equal(report.flags, UIOMMU_FAULT_READ | UIOMMU_FAULT_PASID |
					       UIOMMU_FAULT_PRIV | UIOMMU_FAULT_EXEC);

	/* the PASID field holds anything where there is none */
	report = vtd_report_decode(0x1000, record_hi(0x85, 1, UINT64_C(0x12345) << 40));
	assert_int_equal(report.pasid, UIOMMU_NO_PASID);
	assert_int_equal(report.flags, UIOMMU_FAULT_WRITE);
}

static void
kinds_of_access(void **state)
{
	static const struct {
		uint64_t bits;
		uint16_t flags;
	} kinds[] = {
		{0, UIOMMU_FAULT_WRITE},
		{BIT(62), UIOMMU_FAULT_READ},
		{BIT(28), 0}, /* page request */
		{BIT(62) | BIT(28), UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE}, /* atomic */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++)
		assert_int_equal(vtd_report_decode(0, record_hi(0x71, 0, kinds[i].bits)).flags,
				 kinds[i].flags);
}

static void
reasons_by_number(void **state)
{
	static const uint8_t reasons[256] = {
		[0x01] = UIOMMU_REPORT_ENDPOINT,    [0x02] = UIOMMU_REPORT_ENDPOINT,
		[0x03] = UIOMMU_REPORT_TABLE,       [0x04] = UIOMMU_REPORT_ADDRESS,
		[0x05] = UIOMMU_REPORT_PERMISSION,  [0x06] = UIOMMU_REPORT_PERMISSION,
		[0x07] = UIOMMU_REPORT_MEMORY,      [0x08] = UIOMMU_REPORT_MEMORY,
		[0x09] = UIOMMU_REPORT_MEMORY,      [0x0a] = UIOMMU_REPORT_TABLE,
		[0x0b] = UIOMMU_REPORT_TABLE,       [0x0c] = UIOMMU_REPORT_TABLE,
		[0x0d] = UIOMMU_REPORT_NOT_ALLOWED,
		[0x30] = UIOMMU_REPORT_TABLE,       [0x31] = UIOMMU_REPORT_TABLE,
		[0x32] = UIOMMU_REPORT_TABLE,       [0x33] = UIOMMU_REPORT_ENDPOINT,
		[0x38] = UIOMMU_REPORT_MEMORY,      [0x39] = UIOMMU_REPORT_ENDPOINT,
		[0x3a] = UIOMMU_REPORT_TABLE,       [0x40] = UIOMMU_REPORT_MEMORY,
		[0x41] = UIOMMU_REPORT_ENDPOINT,    [0x42] = UIOMMU_REPORT_TABLE,
		[0x43] = UIOMMU_REPORT_TABLE,       [0x44] = UIOMMU_REPORT_NOT_ALLOWED,
		[0x45] = UIOMMU_REPORT_PASID,       [0x46] = UIOMMU_REPORT_PASID,
		[0x47] = UIOMMU_REPORT_NOT_ALLOWED, [0x48] = UIOMMU_REPORT_PASID,
		[0x50] = UIOMMU_REPORT_MEMORY,      [0x51] = UIOMMU_REPORT_PASID,
		[0x52] = UIOMMU_REPORT_TABLE,       [0x58] = UIOMMU_REPORT_MEMORY,
		[0x59] = UIOMMU_REPORT_PASID,       [0x5a] = UIOMMU_REPORT_TABLE,
		[0x5b] = UIOMMU_REPORT_TABLE,       [0x5d] = UIOMMU_REPORT_PERMISSION,
		[0x70] = UIOMMU_REPORT_MEMORY,      [0x71] = UIOMMU_REPORT_TRANSLATION,
		[0x72] = UIOMMU_REPORT_TABLE,       [0x73] = UIOMMU_REPORT_TABLE,
		[0x74] = UIOMMU_REPORT_TABLE,       [0x78] = UIOMMU_REPORT_MEMORY,
		[0x79] = UIOMMU_REPORT_PERMISSION,  [0x7a] = UIOMMU_REPORT_TABLE,
		[0x7b] = UIOMMU_REPORT_TABLE,       [0x80] = UIOMMU_REPORT_ADDRESS,
		[0x81] = UIOMMU_REPORT_PERMISSION,  [0x83] = UIOMMU_REPORT_ADDRESS,
		[0x84] = UIOMMU_REPORT_ADDRESS,     [0x85] = UIOMMU_REPORT_PERMISSION,
		[0x86] = UIOMMU_REPORT_PERMISSION,  [0x87] = UIOMMU_REPORT_ADDRESS,
	};
	unsigned int i;

	for (i = 0; i < 256; i++) {
		assert_int_equal(vtd_report_decode(0, record_hi(i, 0, 0)).reason, reasons[i]);
		assert_int_equal(vtd_report_decode(0, record_hi(i, 0, 0)).detail, i);
	}
}

static struct uiommu_report_ring reports;

static void
add(uint64_t iova, uint32_t endpoint_id)
{
	const struct uiommu_report report = {.iova = iova, .endpoint_id = endpoint_id};

	uiommu_reports_add(&reports, &report);
}

/* In order, over wraps; what does not fit is counted, once. */
static void
kept_until_taken(void **state)
{
	static struct uiommu_report out[UIOMMU_REPORTS_KEPT];
	unsigned int round, i;
	uint64_t lost;

	assert_true(uiommu_reports_is_empty(&reports));
	for (round = 0; round < 5; round++) {
		for (i = 0; i < UIOMMU_REPORTS_KEPT + 7; i++)
			add((uint64_t)i << 12, round);
		assert_false(uiommu_reports_is_empty(&reports));
		assert_int_equal(uiommu_reports_take(&reports, out, 100, &lost), 100);
		assert_int_equal(lost, 7);
		assert_int_equal(out[0].iova, 0);
		assert_int_equal(out[99].iova, 99 << 12);
		assert_int_equal(out[99].endpoint_id, round);
		assert_int_equal(uiommu_reports_take(&reports, out, UIOMMU_REPORTS_KEPT, &lost),
				 UIOMMU_REPORTS_KEPT - 100);
		assert_int_equal(lost, 0);
		assert_int_equal(out[0].iova, 100 << 12);
		assert_true(uiommu_reports_is_empty(&reports));
		/* begin the next round elsewhere in the ring */
		add(0, 0);
		assert_int_equal(uiommu_reports_take(&reports, out, 100, &lost), 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(kinds_of_access),
		cmocka_unit_test(reasons_by_number),
		cmocka_unit_test(kept_until_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
