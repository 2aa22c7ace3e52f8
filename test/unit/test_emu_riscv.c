/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: the whole of it at work, and the lay-out of what it writes.
 */

#include "emu_riscv_rig.h"

static void
test_request_and_answer(void **state)
{
	struct request request;

	(void)state;
	rig_start(2);
	assert_int_equal(ask(DEVICE, 2), UIOMMU_EMU_QUEUED);
	assert_int_equal(pq_pending(), 1);
	request = pq_next();
	/* DID 63:40, PV 32, PID 31:12; page, PRGI 11:3, L 2, W 1, R 0 */
	assert_int_equal(request.q[0], (uint64_t)DEVICE << 40 | UINT64_C(1) << 32 | 2 << 12);
	assert_int_equal(request.q[1] & ~UINT64_C(0xff8), 0x123000 | 4 | 1);
	request_answer(&request, 0);
	assert_int_equal(verdict(true).responses, 1);
	assert_int_equal(verdict(true).code_success, 1);
	assert_clean();
}

static void
test_traffic(void **state)
{
	const struct uiommu_emu_traffic traffic = {.write_ratio = 0.5};
	unsigned int i;

	(void)state;
	rig_start(8);
	rig_traffic(&traffic);
	for (i = 0; i < 200; i++) {
		step();
		serve_all();
	}
	rig_rest();
	assert_true(verdict(true).responses > 1000);
	assert_int_equal(verdict(true).lost, 0);
	assert_clean();
}

static void
test_traffic_in_groups(void **state)
{
	const struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1, .group_pages_max = 9, .write_ratio = 0.5, .bad_ratio = 0.2,
	};
	unsigned int i;

	(void)state;
	rig_start(8);
	rig_traffic(&traffic);
	for (i = 0; i < 300; i++) {
		step();
		serve_all();
	}
	rig_rest();
	assert_true(verdict(true).responses > 500);
	assert_true(verdict(true).bad_sent > 100);
	assert_clean();
}

static void
test_wrong_answers_show(void **state)
{
	struct request request;

	(void)state;
	rig_start(2);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 1});
	while (pq_pending() < 3)
		step();
	uiommu_emu_traffic_run(rig.emu, false);
	request = pq_next();
	request_answer(&request, 1);
	assert_int_equal(verdict(false).wrong, 1);
	request_answer(&request, 0);
	assert_int_equal(verdict(false).duplicated, 1);
	request = pq_next();
	request.q[0] ^= 3 << 12;
	request_answer(&request, 0);
	assert_int_equal(verdict(false).wrong, 2);
	request.q[1] ^= UINT64_C(0x100) << 3;
	request_answer(&request, 0);
	assert_int_equal(verdict(false).unexpected, 1);
	assert_int_equal(verdict(true).lost, verdict(true).groups - 2);
}

/* DSV 33, DSEG 63:56: which segment an answer goes to is said, or it is the first one. */
static void
test_answers_name_a_segment(void **state)
{
	static const struct {
		uint64_t word0;
		bool is_right;
	} cases[] = {
		{0, true},
		{UINT64_C(1) << 33, true},
		{UINT64_C(5) << 56, true},
		{UINT64_C(1) << 33 | UINT64_C(5) << 56, false},
	};
	struct request request;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		rig_start(2);
		rig_traffic(&(struct uiommu_emu_traffic){.burst = 1});
		while (pq_pending() < 1)
			step();
		uiommu_emu_traffic_run(rig.emu, false);
		request = pq_next();
		command(4 | 1 << 7 | (request.q[0] & UINT64_C(0x1fffff000)) |
				(uint64_t)request_did(&request) << 40 | cases[i].word0,
			(request.q[1] >> 3 & 0x1ff) << 32);
		ring();
		assert_int_equal(verdict(false).unexpected, !cases[i].is_right);
		assert_int_equal(verdict(true).lost, verdict(true).groups - cases[i].is_right);
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

static void
test_dma(void **state)
{
	struct record record;

	(void)state;
	rig_start(2);
	*page(0x5000) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	assert_int_equal(*page(0x5000), PAGE(rig.message.pa) | PTE_A);
	assert_int_equal(dma(DEVICE, 2, 0x5123, true), 0);
	assert_int_equal(*page(0x5000), PAGE(rig.message.pa) | PTE_A | PTE_D);
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 13);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 2, 0x6000, true));
	record = fq_next();
	/* CAUSE 11:0, PID 31:12, PV 32, TTYP 39:34, DID 63:40; IOVA */
	assert_int_equal(record.q[0], 15 | 2 << 12 | UINT64_C(1) << 32 | UINT64_C(3) << 34 |
					      (uint64_t)DEVICE << 40);
	assert_int_equal(record.q[1], 0);
	assert_int_equal(record.q[2], 0x6000);
	assert_int_equal(record.q[3], 0);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_request_and_answer), CASE(test_traffic),
		CASE(test_traffic_in_groups),  CASE(test_wrong_answers_show),
		CASE(test_answers_name_a_segment), CASE(test_dma),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
