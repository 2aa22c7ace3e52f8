/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Queue entries of SMMUv3, bit by bit from the manual: S 4, 7.3, 8. */

#include "unit.h"

#include <string.h>

#include <smmuv3_desc.h>

static void
requests_are_decoded(void **state)
{
	static const struct {
		uint64_t w0, w1;
		enum smmuv3_pri_kind kind;
		bool plain;
		struct uiommu_fault fault;
	} cases[] = {
		/* SSV, Last, R; SSID 0xabcde */
		{0xd00abcde00123456, 0x0000123456789155, SMMUV3_PRI_REQUEST, true,
		 {0x123456789000, 0x123456, 0xabcde, 0x155, 0x25, 0, 0}},
		/* W alone, no SSV: the SSID is unknown */
		{0x200fffff00000008, 0x1000, SMMUV3_PRI_REQUEST, true,
		 {0x1000, 8, UIOMMU_NO_PASID, 0, 0x2, 0, 0}},
		/* X; Priv */
		{0xf800000100000008, 0x1ff, SMMUV3_PRI_BAD_ACCESS, false,
		 {0, 8, 1, 0x1ff, 0x6f, 0, 0}},
		{0xf400000100000008, 0x1ff, SMMUV3_PRI_BAD_ACCESS, false,
		 {0, 8, 1, 0x1ff, 0x77, 0, 0}},
		/* lowest address of the upper half */
		{0x1000000000000001, 0xffff000000000003, SMMUV3_PRI_REQUEST, true,
		 {0xffff000000000000, 1, UIOMMU_NO_PASID, 3, 0x1, 0, 0}},
		/* not canonical, by one bit */
		{0x1000000000000001, 0x0001000000000003, SMMUV3_PRI_BAD_ADDRESS, false,
		 {0x0001000000000000, 1, UIOMMU_NO_PASID, 3, 0x41, 0, 0}},
		{0x1000000000000001, 0xfffefffffffff003, SMMUV3_PRI_BAD_ADDRESS, false,
		 {0xfffefffffffff000, 1, UIOMMU_NO_PASID, 3, 0x41, 0, 0}},
		/* reserved bits: 52, 57 of word 0, 9, 11 of word 1 */
		{0x1010000000000001, 0x1000, SMMUV3_PRI_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		{0x1200000000000001, 0x1000, SMMUV3_PRI_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		{0x1000000000000001, 0x1200, SMMUV3_PRI_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		{0x1000000000000001, 0x1800, SMMUV3_PRI_BAD_RESERVED, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 0, 0x41, 0, 0}},
		/* S 8: last without access and without PASID is a request, which wants an answer */
		{0x4000000000000001, 0x1007, SMMUV3_PRI_BAD_ACCESS, false,
		 {0x1000, 1, UIOMMU_NO_PASID, 7, 0x44, 0, 0}},
		/* not last, without access */
		{0x8000000200000001, 0x1007, SMMUV3_PRI_BAD_ACCESS, false,
		 {0x1000, 1, 2, 7, 0x60, 0, 0}},
	};
	struct uiommu_fault fault;
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(smmuv3_pri_classify(cases[i].w0, cases[i].w1), cases[i].kind);
		assert_int_equal(smmuv3_pri_is_plain(cases[i].w0, cases[i].w1), cases[i].plain);
		memset(&fault, 0, sizeof(fault));
		if (cases[i].plain)
			smmuv3_pri_decode(cases[i].w0, cases[i].w1, &fault);
		else
			smmuv3_pri_decode_odd(cases[i].w0, cases[i].w1, &fault);
		assert_memory_equal(&fault, &cases[i].fault, sizeof(fault));
	}
}

static void
stop_markers_and_strangers(void **state)
{
	/* Last, SSV, no access, S 8 */
	assert_int_equal(smmuv3_pri_classify(0xc000000500000007, 0x1000), SMMUV3_PRI_STOP_MARKER);
	assert_int_equal(smmuv3_pri_classify(0xc000000501000007, 0x1000), SMMUV3_PRI_STOP_MARKER);
	assert_false(smmuv3_pri_is_plain(0xc000000500000007, 0x1000));
	/* a StreamID of 25 bits */
	assert_int_equal(smmuv3_pri_classify(0x1000000001000000, 0x1000), SMMUV3_PRI_BAD_STREAM);
	assert_false(smmuv3_pri_is_plain(0x1000000001000000, 0x1000));
	assert_true(smmuv3_pri_is_plain(0x1000000000ffffff, 0x1000));
}

/* The one test and the many say the same. */
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
			w0 &= ~UINT64_C(0x03f00000ff000000);
		if ((i & 2) != 0)
			w1 = (uint64_t)((int64_t)w1 >> 15) & ~UINT64_C(0xe00);
		plain = smmuv3_pri_is_plain(w0, w1);
		sound = smmuv3_pri_classify(w0, w1) == SMMUV3_PRI_REQUEST;
		assert_int_equal(plain, sound);
		found += plain;
	}
	assert_true(found > 1000);
}

/* S 4.5.2: the codes are not those of PCIe, and 0 switches a device off. */
static void
responses_are_encoded(void **state)
{
	static const uint64_t resp_of_code[] = {2, 1, 0, 2};
	struct uiommu_resp resp = {.endpoint_id = 0x123456, .pasid = 0xabcde, .prg_index = 0x1ff,
				   .flags = UIOMMU_FAULT_LAST | UIOMMU_FAULT_PASID};
	uint64_t w0, w1;
	uint32_t code;

	for (code = 0; code < UIOMMU_CODE_SENT_COUNT; code++) {
		resp.code = code;
		resp.pasid = 0xabcde;
		smmuv3_resp_encode(&resp, &w0, &w1);
		assert_true(w0 == UINT64_C(0x00123456abcde841));
		assert_true(w1 == (resp_of_code[code] << 12 | 0x1ff));
		resp.pasid = UIOMMU_NO_PASID;
		smmuv3_resp_encode(&resp, &w0, &w1);
		assert_true(w0 == UINT64_C(0x0012345600000041));
	}
}

/* S 4.7.1: Ac 12, Ab 13; all 16 bits of the tag. */
static void
stalls_are_resumed(void **state)
{
	static const uint64_t action_of_code[] = {0x1000, 0x2000, 0x2000, 0x1000};
	struct uiommu_resp resp = {.endpoint_id = 0x123456, .pasid = 7, .prg_index = 0xfedc,
				   .flags = UIOMMU_FAULT_LAST | UIOMMU_FAULT_STALL};
	uint64_t w0, w1;
	uint32_t code;

	for (code = 0; code < UIOMMU_CODE_SENT_COUNT; code++) {
		resp.code = code;
		smmuv3_resp_encode(&resp, &w0, &w1);
		assert_true(w0 == (UINT64_C(0x0012345600000044) | action_of_code[code]));
		assert_true(w1 == 0xfedc);
	}
}

static void
events_are_decoded(void **state)
{
	const uint64_t stall = UINT64_C(1) << 31;
	struct uiommu_fault fault;
	unsigned int type;

	for (type = 0; type < 256; type++) {
		assert_int_equal(smmuv3_event_is_stall(type, stall | 5),
				 type >= 0x10 && type <= 0x13);
		assert_false(smmuv3_event_is_stall(type, 5));
	}
	/* SSV 11, SSID 31:12; PnU 33, InD 34, RnW 35 */
	smmuv3_event_decode(0x00123456abcde810, stall | UINT64_C(0x0000000e0000ffff),
			    0x0000567812345678, &fault);
	assert_memory_equal(&fault, (&(struct uiommu_fault){0x567812345000, 0x123456, 0xabcde,
							     0xffff, 0xbd, 0, 0}), sizeof(fault));
	smmuv3_event_decode(0x00000007abcde013, stall, 0x1000, &fault);
	assert_memory_equal(&fault, (&(struct uiommu_fault){0x1000, 7, UIOMMU_NO_PASID, 0, 0x86,
							     0, 0}), sizeof(fault));
	/* S2 39: there is no stage 2 */
	smmuv3_event_decode(0x0000000700000013, stall | UINT64_C(1) << 39, 0x1000, &fault);
	assert_int_equal(fault.flags, 0x86 | UIOMMU_FAULT_REJECT);
}

static void
events_are_reported(void **state)
{
	static const uint8_t reasons[256] = {
		[0x02] = UIOMMU_REPORT_ENDPOINT, [0x03] = UIOMMU_REPORT_MEMORY,
		[0x04] = UIOMMU_REPORT_ENDPOINT, [0x05] = UIOMMU_REPORT_NOT_ALLOWED,
		[0x06] = UIOMMU_REPORT_ENDPOINT, [0x07] = UIOMMU_REPORT_NOT_ALLOWED,
		[0x08] = UIOMMU_REPORT_PASID, [0x09] = UIOMMU_REPORT_MEMORY,
		[0x0a] = UIOMMU_REPORT_PASID, [0x0b] = UIOMMU_REPORT_MEMORY,
		[0x10] = UIOMMU_REPORT_TRANSLATION, [0x11] = UIOMMU_REPORT_ADDRESS,
		[0x12] = UIOMMU_REPORT_PERMISSION, [0x13] = UIOMMU_REPORT_PERMISSION,
		[0x20] = UIOMMU_REPORT_TABLE, [0x21] = UIOMMU_REPORT_TABLE,
		[0x25] = UIOMMU_REPORT_MEMORY,
	};
	struct uiommu_report report;
	unsigned int i;

	for (i = 0; i < 256; i++) {
		smmuv3_event_decode_report(UINT64_C(0x00123456abcde800) | i,
					   UINT64_C(0x0000000e00000000), 0x123456789, &report);
		assert_int_equal(report.reason, reasons[i]);
		assert_int_equal(report.detail, i);
		assert_int_equal(report.endpoint_id, 0x123456);
		assert_int_equal(report.pasid, 0xabcde);
	}
	smmuv3_event_decode_report(0x0000000700000010, UINT64_C(0x0000000800000000), 0x1234,
				   &report);
	assert_true(report.iova == 0x1234);
	assert_int_equal(report.flags, UIOMMU_FAULT_READ);
	assert_int_equal(report.pasid, UIOMMU_NO_PASID);
	/* C_BAD_CD says nothing of the access, S 7.3.11 */
	smmuv3_event_decode_report(0x000000070000180a, UINT64_C(0x0000000800000000), 0x1234,
				   &report);
	assert_true(report.iova == 0);
	assert_int_equal(report.flags, UIOMMU_FAULT_PASID);
}

static void
assert_cmd(struct smmuv3_cmd cmd, uint64_t w0, uint64_t w1)
{
	assert_true(cmd.q[0] == w0);
	assert_true(cmd.q[1] == w1);
}

static void
commands_are_encoded(void **state)
{
	assert_cmd(smmuv3_cfgi_ste(0x123456), 0x0012345600000003, 0);
	assert_cmd(smmuv3_cfgi_all(), 0x04, 31);
	assert_cmd(smmuv3_cfgi_cd(0x123456, 0xabcde), 0x00123456abcde005, 0);
	assert_cmd(smmuv3_cfgi_cd_all(0x123456), 0x0012345600000006, 0);
	assert_cmd(smmuv3_tlbi_all(), 0x30, 0);
	assert_cmd(smmuv3_tlbi_el2_all(), 0x20, 0);
	assert_cmd(smmuv3_tlbi_asid(0xfedc), 0xfedc000000000011, 0);
	assert_cmd(smmuv3_tlbi_page(0xfedc, 0x123456789000, false), 0xfedc000000000012,
		   0x123456789000);
	assert_cmd(smmuv3_tlbi_page(0xfedc, 0x123456789000, true), 0xfedc000000000012,
		   0x123456789001);
	/* SCALE 25:20, NUM 0; TG 11:10 */
	assert_cmd(smmuv3_tlbi_range(1, 0x200000, 9, true), 0x0001000000900012, 0x200401);
	assert_cmd(smmuv3_tlbi_range(1, 0, 31, false), 0x0001000001f00012, 0x400);
	assert_cmd(smmuv3_atc_inv(7, UIOMMU_NO_PASID, 0x1000, 0), 0x0000000700000040, 0x1000);
	assert_cmd(smmuv3_atc_inv(7, 0xabcde, 0x200000, 9), 0x00000007abcde840, 0x200009);
	/* Global 9; Size 52: everything */
	assert_cmd(smmuv3_atc_inv_pasids(7), 0x0000000700000a40, 52);
	assert_cmd(smmuv3_sync(), 0x46, 0);
	/* CS 13:12, MSH 23:22, MSIAttr 27:24 */
	assert_cmd(smmuv3_sync_msi(0x123456789abc, 0x87654321), 0x876543210fc01046,
		   0x123456789abc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_decoded),
		cmocka_unit_test(stop_markers_and_strangers),
		cmocka_unit_test(plain_is_sound),
		cmocka_unit_test(responses_are_encoded),
		cmocka_unit_test(stalls_are_resumed),
		cmocka_unit_test(events_are_decoded),
		cmocka_unit_test(events_are_reported),
		cmocka_unit_test(commands_are_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
