/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Queue entries of the RISC-V IOMMU, bit by bit from the manual: "In-memory queue interface". */

#include "unit.h"

#include <string.h>

#include <riscv_desc.h>

#define SIGN_BIT 56 /* Sv57 */

static void
requests_are_decoded(void **state)
{
	static const struct {
		uint64_t w0, w1;
		enum riscv_pq_kind kind;
		bool plain;
		struct uiommu_fault fault;
	} cases[] = {
		/* DID 0x123456, PV, PID 0xabcde; index 0x155, L, R */
		{0x12345601abcde000, 0x0000123456789aad, RISCV_PQ_REQUEST, true,
		 {0x123456789000, 0x123456, 0xabcde, 0x155, 0x25, 0, 0}},
		/* W alone, no PV: the PID means nothing */
		{0x00000800fffff000, 0x1002, RISCV_PQ_REQUEST, true,
		 {0x1000, 8, UIOMMU_NO_PASID, 0, 0x2, 0, 0}},
		/* EXEC; PRIV */
		{0x0000080500001000, 0xffd, RISCV_PQ_BAD_ACCESS, false,
		 {0, 8, 1, 0x1ff, 0x6d, 0, 0}},
		{0x0000080300001000, 0xffe, RISCV_PQ_BAD_ACCESS, false,
		 {0, 8, 1, 0x1ff, 0x76, 0, 0}},
		/* lowest address of the upper half */
		{0x0000010000000000, 0xff00000000000019, RISCV_PQ_REQUEST, true,
		 {0xff00000000000000, 1, UIOMMU_NO_PASID, 3, 0x1, 0, 0}},
		/* not canonical, by one bit */
		{0x0000010000000000, 0x0100000000000019, RISCV_PQ_BAD_ADDRESS, false,
		 {0x0100000000000000, 1, UIOMMU_NO_PASID, 3, 0x41, 0, 0}},
		{0x0000010000000000, 0xfefffffffffff019, RISCV_PQ_BAD_ADDRESS, false,
		 {0xfefffffffffff000, 1, UIOMMU_NO_PASID, 3, 0x41, 0, 0}},
		/* reserved bits: 0, 11, 35, 39 */
		{0x0000010000000001, 0x1001, RISCV_PQ_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		{0x0000010000000800, 0x1001, RISCV_PQ_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		{0x0000010800000000, 0x1001, RISCV_PQ_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		{0x0000018000000000, 0x1001, RISCV_PQ_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		/* not last, without access */
		{0x0000010100002000, 0x1038, RISCV_PQ_BAD_ACCESS, false,
		 {0x1000, 1, 2, 7, 0x60, 0, 0}},
	};
	struct uiommu_fault fault;
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const uint64_t w0 = cases[i].w0, w1 = cases[i].w1;

		assert_int_equal(riscv_pq_classify(w0, w1, SIGN_BIT), cases[i].kind);
		assert_int_equal(riscv_pq_is_plain(w0, w1, SIGN_BIT), cases[i].plain);
		memset(&fault, 0, sizeof(fault));
		if (cases[i].plain)
			riscv_pq_decode(w0, w1, &fault);
		else
			riscv_pq_decode_odd(w0, w1, &fault);
		assert_memory_equal(&fault, &cases[i].fault, sizeof(fault));
	}
}

/* Last, no access, whether with a PASID or without. */
static void
stop_markers(void **state)
{
	assert_int_equal(riscv_pq_classify(0x0000070100005000, 0x1004, SIGN_BIT),
			 RISCV_PQ_STOP_MARKER);
	assert_int_equal(riscv_pq_classify(0x0000070000000000, 0x1ffc, SIGN_BIT),
			 RISCV_PQ_STOP_MARKER);
	assert_false(riscv_pq_is_plain(0x0000070100005000, 0x1004, SIGN_BIT));
	assert_false(riscv_pq_is_plain(0x0000070000000000, 0x1ffc, SIGN_BIT));
}

/* How far addresses reach is the unit's. */
static void
addresses_of_each_width(void **state)
{
	static const unsigned int sign_bits[] = {38, 47, 56};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(sign_bits); i++) {
		const uint64_t half = UINT64_C(1) << sign_bits[i];

		assert_true(riscv_pq_is_plain(0, (half - 0x1000) | 1, sign_bits[i]));
		assert_false(riscv_pq_is_plain(0, half | 1, sign_bits[i]));
		assert_true(riscv_pq_is_plain(0, (0 - half) | 1, sign_bits[i]));
		assert_false(riscv_pq_is_plain(0, (0 - half - 0x1000) | 1, sign_bits[i]));
	}
}

/* The few tests and the many say the same. */
static void
plain_is_sound(void **state)
{
	uint64_t seed = 5, found = 0;
	unsigned int i;

	for (i = 0; i < 2000000; i++) {
		uint64_t w0 = unit_random(&seed) & unit_random(&seed);
		uint64_t w1 = unit_random(&seed);
		bool plain, sound;

		if ((i & 1) != 0)
			w0 &= ~UINT64_C(0x000000fe00000fff);
		if ((i & 2) != 0)
			w1 = (uint64_t)((int64_t)w1 >> 15);
		plain = riscv_pq_is_plain(w0, w1, SIGN_BIT);
		sound = riscv_pq_classify(w0, w1, SIGN_BIT) == RISCV_PQ_REQUEST;
		assert_int_equal(plain, sound);
		found += plain;
	}
	assert_true(found > 1000);
}

/* Index at 40:32, code at 47:44, and nothing beside them. */
static void
responses_are_encoded(void **state)
{
	static const uint64_t codes[] = {0x0, 0x1, 0xf, 0x0};
	struct uiommu_resp resp = {.endpoint_id = 0x123456, .pasid = 0xabcde, .prg_index = 0x1ff,
				   .flags = UIOMMU_FAULT_LAST | UIOMMU_FAULT_PASID};
	uint64_t w0, w1;
	uint32_t code;

	for (code = 0; code < UIOMMU_CODE_SENT_COUNT; code++) {
		resp.code = code;
		riscv_prgr_encode(&resp, &w0, &w1);
		/* segment 0x12, DSV, RID 0x3456, PV */
		assert_true(w0 == 0x12345603abcde084);
		assert_true(w1 == (UINT64_C(0x1ff) << 32 | codes[code] << 44));
	}
	resp = (struct uiommu_resp){.endpoint_id = 8, .pasid = UIOMMU_NO_PASID, .prg_index = 0x200,
				    .flags = 0xffff, .code = UIOMMU_CODE_INVALID};
	riscv_prgr_encode(&resp, &w0, &w1);
	assert_true(w0 == 0x0000080200000084);
	assert_true(w1 == UINT64_C(1) << 44);
	resp.pasid = 0;
	riscv_prgr_encode(&resp, &w0, &w1);
	assert_true(w0 == 0x0000080300000084);
}

static void
assert_cmd(struct riscv_cmd cmd, uint64_t w0, uint64_t w1)
{
	assert_true(cmd.q[0] == w0);
	assert_true(cmd.q[1] == w1);
}

static void
directories_are_forgotten(void **state)
{
	assert_cmd(riscv_inval_ddt_all(), 0x003, 0);
	assert_cmd(riscv_inval_ddt(0xfedcba), 0xfedcba0200000003, 0);
	assert_cmd(riscv_inval_pdt(0xfedcba, 0xfffff), 0xfedcba02fffff083, 0);
	assert_cmd(riscv_inval_pdt(1, 0), 0x0000010200000083, 0);
}

/* The address is shifted right by two. */
static void
translations_are_forgotten(void **state)
{
	assert_cmd(riscv_inval_vma_all(), 0x001, 0);
	assert_cmd(riscv_inval_gvma_all(), 0x081, 0);
	assert_cmd(riscv_inval_vma(0x98765), 0x0000000198765001, 0);
	/* AV */
	assert_cmd(riscv_inval_vma_pages(0x98765, 0xfffffffffffff000, 0, false),
		   0x0000000198765401, 0x3ffffffffffffc00);
	/* NL; S, and as many ones below as the pages have bits but one */
	assert_cmd(riscv_inval_vma_pages(1, 0x8000, 0, true), 0x0000000500001401, 0x2000);
	assert_cmd(riscv_inval_vma_pages(1, 0x8000, 1, false), 0x0000000100001401, 0x2200);
	assert_cmd(riscv_inval_vma_pages(1, 0x8000, 3, false), 0x0000000100001401, 0x2e00);
	assert_cmd(riscv_inval_vma_pages(1, 0x40000000, 18, true), 0x0000000500001401,
		   0x0000000017fffe00);
	/* everything: all but the highest bit */
	assert_cmd(riscv_inval_vma_pages(1, 0, 52, false), 0x0000000100001401,
		   0x1ffffffffffffe00);
}

/* The address is in place, as PCIe has it. */
static void
devices_are_told(void **state)
{
	assert_cmd(riscv_ats_inval(0x123456, 0xabcde, 0x7000, 0), 0x12345603abcde004, 0x7000);
	assert_cmd(riscv_ats_inval(0x123456, UIOMMU_NO_PASID, 0x8000, 1), 0x1234560200000004,
		   0x8800);
	assert_cmd(riscv_ats_inval(8, 5, 0x8000, 3), 0x0000080300005004, 0xb800);
	assert_cmd(riscv_ats_inval(8, 5, 0xffff800000000000, 9), 0x0000080300005004,
		   0xffff8000000ff800);
	assert_cmd(riscv_ats_inval(8, UIOMMU_NO_PASID, 0, RISCV_ATS_INVAL_ALL), 0x0000080200000004,
		   0x7ffffffffffff800);
	assert_cmd(riscv_ats_inval_pasids(8), 0x0000080300000004, 0x7ffffffffffff801);
}

static void
fences(void **state)
{
	assert_cmd(riscv_fence(0), 0x002, 0);
	assert_cmd(riscv_fence(RISCV_FENCE_MEMORY), 0x3002, 0);
	/* the address is shifted right by two here, too */
	assert_cmd(riscv_fence_write(RISCV_FENCE_MEMORY, 0x123456789abcdec, 0x89abcdef),
		   0x89abcdef00003402, 0x048d159e26af37b);
}

static struct uiommu_report
report_of(uint64_t w0, uint64_t iotval)
{
	struct uiommu_report report;

	memset(&report, 0xee, sizeof(report));
	riscv_fault_decode(w0, iotval, &report);
	return report;
}

static void
reports_are_decoded(void **state)
{
	/* DID 0x123456, TTYP 3, PRIV, PV, PID 0xabcde, cause 15 */
	struct uiommu_report report = report_of(0x1234560fabcde00f, 0x1234567890);

	assert_true(riscv_fault_has_device(0x1234560fabcde00f));
	assert_true(report.iova == 0x1234567890);
	assert_int_equal(report.endpoint_id, 0x123456);
	assert_int_equal(report.pasid, 0xabcde);
	assert_int_equal(report.reason, UIOMMU_REPORT_TRANSLATION);
	assert_int_equal(report.flags, UIOMMU_FAULT_WRITE | UIOMMU_FAULT_PRIV |
					       UIOMMU_FAULT_PASID);
	assert_int_equal(report.detail, 15);
	/* a page request that was refused: the code of the message is no address */
	report = report_of(UINT64_C(8) << 40 | UINT64_C(9) << 34 | 260, 4);
	assert_true(report.iova == 0);
	assert_int_equal(report.endpoint_id, 8);
	assert_int_equal(report.pasid, UIOMMU_NO_PASID);
	assert_int_equal(report.reason, UIOMMU_REPORT_NOT_ALLOWED);
	assert_int_equal(report.flags, 0);
	/* of no device at all */
	assert_false(riscv_fault_has_device(273));
}

/* Every cause of the manual, and one that it has not. */
static void
reasons(void **state)
{
	static const struct {
		uint16_t cause, reason;
	} cases[] = {
		{1, UIOMMU_REPORT_MEMORY},       {4, UIOMMU_REPORT_ADDRESS},
		{5, UIOMMU_REPORT_MEMORY},       {6, UIOMMU_REPORT_ADDRESS},
		{7, UIOMMU_REPORT_MEMORY},       {12, UIOMMU_REPORT_TRANSLATION},
		{13, UIOMMU_REPORT_TRANSLATION}, {15, UIOMMU_REPORT_TRANSLATION},
		{20, UIOMMU_REPORT_TRANSLATION}, {21, UIOMMU_REPORT_TRANSLATION},
		{23, UIOMMU_REPORT_TRANSLATION}, {256, UIOMMU_REPORT_ENDPOINT},
		{257, UIOMMU_REPORT_MEMORY},     {258, UIOMMU_REPORT_ENDPOINT},
		{259, UIOMMU_REPORT_TABLE},      {260, UIOMMU_REPORT_NOT_ALLOWED},
		{261, UIOMMU_REPORT_MEMORY},     {262, UIOMMU_REPORT_TABLE},
		{263, UIOMMU_REPORT_TABLE},      {264, UIOMMU_REPORT_MEMORY},
		{265, UIOMMU_REPORT_MEMORY},     {266, UIOMMU_REPORT_PASID},
		{267, UIOMMU_REPORT_TABLE},      {268, UIOMMU_REPORT_MEMORY},
		{269, UIOMMU_REPORT_MEMORY},     {270, UIOMMU_REPORT_MEMORY},
		{271, UIOMMU_REPORT_MEMORY},     {272, UIOMMU_REPORT_OTHER},
		{273, UIOMMU_REPORT_OTHER},      {274, UIOMMU_REPORT_MEMORY},
		{275, UIOMMU_REPORT_OTHER},
	};
	static const uint16_t access[] = {
		0, UIOMMU_FAULT_READ | UIOMMU_FAULT_EXEC, UIOMMU_FAULT_READ, UIOMMU_FAULT_WRITE, 0,
		UIOMMU_FAULT_READ | UIOMMU_FAULT_EXEC, UIOMMU_FAULT_READ, UIOMMU_FAULT_WRITE, 0, 0,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(riscv_fault_reason(cases[i].cause), cases[i].reason);
	for (i = 0; i < ARRAY_COUNT(access); i++)
		assert_int_equal(riscv_ttyp_access(i), access[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_decoded),
		cmocka_unit_test(stop_markers),
		cmocka_unit_test(addresses_of_each_width),
		cmocka_unit_test(plain_is_sound),
		cmocka_unit_test(responses_are_encoded),
		cmocka_unit_test(directories_are_forgotten),
		cmocka_unit_test(translations_are_forgotten),
		cmocka_unit_test(devices_are_told),
		cmocka_unit_test(fences),
		cmocka_unit_test(reports_are_decoded),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
