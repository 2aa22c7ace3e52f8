/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: command queue, "Command-Queue (CQ)".
 */

#include "emu_riscv_rig.h"

#define GVMA (1 << 7)
#define PDT (1 << 7)
#define PRGR (1 << 7)
#define AV (1 << 10)
#define BIT(n) (UINT64_C(1) << (n))

/* The queue stops at a command, and goes on behind it. @param bit what it stops with */
static void
stops_at(uint64_t w0, uint64_t w1, uint32_t bit)
{
	const uint32_t at = rig.cq_tail;

	command(w0, w1);
	ring();
	assert_int_equal(get32(CQCSR), EN | ON | bit);
	assert_int_equal(get32(CQH), at);
	/* what follows waits */
	assert_false(fence_wait());
	/* put right, and acknowledged */
	((uint64_t *)rig.cq.va)[2 * at] = 2;
	((uint64_t *)rig.cq.va)[2 * at + 1] = 0;
	put32(CQCSR, EN | bit);
	step();
	step();
	assert_int_equal(get32(CQCSR), EN | ON);
	assert_int_equal(get32(CQH), rig.cq_tail);
}

static void
test_legal_commands(void **state)
{
	static const uint64_t commands[][2] = {
		{1, 0},
		{1 | AV | BIT(34), UINT64_C(0x1000) >> 2 | BIT(9)},
		{1 | UINT64_C(0xfffff) << 12 | BIT(32), UINT64_C(0x3ffffffffffffc00)},
		{1 | GVMA | UINT64_C(0xffff) << 44, 0},
		{2, 0},
		{2 | BIT(12) | BIT(13), UINT64_C(0x3fffffffffffffff)},
		{3, 0},
		{3 | UINT64_C(0xffffff) << 40, 0},
		{3 | BIT(33) | (uint64_t)DEVICE << 40, 0},
		{3 | PDT | UINT64_C(0xfffff) << 12 | BIT(33) | (uint64_t)STRANGER << 40, 0},
		{4 | UINT64_C(0xfffff) << 12 | BIT(32) | (uint64_t)DEVICE << 40,
		 UINT64_C(0x7ffffffffffff801)},
		{4 | UINT64_C(0xff) << 56 | (uint64_t)DEVICE << 40, 0x800},
	};
	unsigned int i;

	(void)state;
	rig_start(1);
	for (i = 0; i < RTE_DIM(commands); i++)
		run(commands[i][0], commands[i][1]);
	assert_int_equal(get32(CQCSR), EN | ON);
	assert_clean();
}

static void
test_illegal_commands(void **state)
{
	static const uint64_t commands[][2] = {
		{0, 0},
		{5, 0},
		{63, 0},
		{64, 0},
		{1 | 2 << 7, 0},
		{1 | BIT(11), 0},
		{1 | BIT(35), 0},
		{1 | BIT(60), 0},
		{1, 1},
		{1, BIT(8)},
		{1, BIT(62)},
		{1 | GVMA | BIT(32), 0},
		{2 | 1 << 7, 0},
		{2 | BIT(11), 0}, /* WSI without fctl.WSI */
		{2 | BIT(14), 0},
		{2, BIT(62)},
		{3 | 2 << 7, 0},
		{3 | BIT(10), 0},
		{3 | BIT(12), 0}, /* PID of INVAL_DDT */
		{3 | BIT(32), 0},
		{3, 1},
		{3 | PDT, 0}, /* DV 0 */
		{3 | PDT | BIT(33) | BIT(34), 0},
		{4 | 2 << 7, 0},
		{4 | BIT(11), 0},
		{4 | BIT(34), 0},
		{4, BIT(1)},
		{4, BIT(10)},
		{4 | PRGR, BIT(0)},
		{4 | PRGR, BIT(41)},
		{4 | PRGR, BIT(48)}, /* of the unit's own making */
		{4 | PRGR, BIT(63)},
	};
	unsigned int i;

	(void)state;
	rig_start(1);
	for (i = 0; i < RTE_DIM(commands); i++) {
		stops_at(commands[i][0], commands[i][1], CMD_ILL);
		assert_int_equal(verdict(false).protocol, i + 1);
	}
	assert_int_equal(verdict(false).responses, 0);
}

static void
test_what_capabilities_do_not_have_is_illegal(void **state)
{
	struct uiommu_args args[] = {{"caps_clear", UINT64_C(3) << 42 | 1 << 25, NULL},
		{NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	rig_up();
	run(1 | AV, 0);
	stops_at(1 | AV | BIT(34), 0, CMD_ILL);
	stops_at(1 | AV, BIT(9), CMD_ILL);
	stops_at(4 | (uint64_t)DEVICE << 40, 0x800, CMD_ILL);
	stops_at(4 | PRGR | (uint64_t)DEVICE << 40, 0, CMD_ILL);
}

static void
test_ids_that_are_too_wide(void **state)
{
	struct uiommu_args args[] = {{"caps_clear", UINT64_C(6) << 38, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	/* PD8 alone; one level, of 6 bits */
	queue_on(CQB, CQT, CQCSR, rig.cq.pa);
	ddtp(2, rig.ddt[2].pa);
	run(3 | PDT | 255 << 12 | BIT(33) | UINT64_C(63) << 40, 0);
	assert_int_equal(verdict(false).protocol, 0);
	run(3 | PDT | 256 << 12 | BIT(33), 0);
	assert_int_equal(verdict(false).protocol, 1);
	run(3 | BIT(33) | UINT64_C(64) << 40, 0);
	assert_int_equal(verdict(false).protocol, 2);
	/* no VM is there to be named */
	run(1 | BIT(33), 0);
	assert_int_equal(verdict(false).protocol, 3);
	/* nor all PASIDs of what has none */
	run(4 | (uint64_t)DEVICE << 40, 0x801);
	assert_int_equal(verdict(false).protocol, 4);
}

static void
test_fence_writes(void **state)
{
	uint32_t *at;

	(void)state;
	rig_start(1);
	at = rig.message.va;
	command(2, 0);
	ring();
	assert_int_equal(get32(CQH), 1);
	assert_int_equal(*at, 0);
	command(2 | AV | UINT64_C(0xfedcba98) << 32, (rig.message.pa + 12) >> 2);
	ring();
	assert_int_equal(at[3], 0xfedcba98);
	assert_int_equal(verdict(false).waits, 2);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_LOST_WAIT, 3);
	assert_false(fence_wait());
	assert_int_equal(get32(CQH), 2);
	step();
	step();
	assert_int_equal(get32(CQH), 2);
	step();
	assert_int_equal(get32(CQH), 3);
	assert_clean();
}

static void
test_memory_faults(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_COMMAND_ABORT, 1);
	stops_at(3, 0, MF);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_MSI_ABORT, 1);
	stops_at(2 | AV, rig.message.pa >> 2, MF);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_BAD_DESCRIPTOR, 1);
	stops_at(3, 0, CMD_ILL);
	assert_clean();
	stops_at(2 | AV, 0x1000, MF);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_device_that_is_late(void **state)
{
	uint32_t at;

	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEVICE_TIMEOUT, 1);
	command(4 | (uint64_t)DEVICE << 40, 0x800);
	ring();
	/* nothing is said before a fence */
	assert_int_equal(get32(CQCSR), EN | ON);
	assert_int_equal(get32(CQH), 1);
	at = rig.cq_tail;
	assert_false(fence_wait());
	assert_int_equal(get32(CQCSR), EN | ON | CMD_TO);
	assert_int_equal(get32(CQH), at);
	/* the same fence, again */
	put32(CQCSR, EN | CMD_TO);
	step();
	step();
	assert_int_equal(get32(CQH), rig.cq_tail);
	assert_int_equal(*(uint32_t *)rig.message.va, rig.serial);
	assert_clean();
}

static void
test_overrun(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEAD_QUEUE, 0);
	for (i = 0; i < ENTRIES - 1; i++)
		command(2, 0);
	ring();
	assert_int_equal(get32(CQH), 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_NONE, 0);
	step();
	assert_int_equal(get32(CQH), ENTRIES - 1);
	assert_int_equal(verdict(false).waits, ENTRIES - 1);
	assert_clean();
	/* something was seen there, and is there no more */
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_LOST_WAIT, 0);
	command(2, 0);
	command(2, 0);
	ring();
	put32(CQT, (rig.cq_tail + ENTRIES - 1) % ENTRIES);
	step();
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_queue_off_executes_nothing(void **state)
{
	(void)state;
	rig_start(1);
	put32(CQCSR, 0);
	step();
	assert_false(fence_wait());
	put32(CQCSR, EN);
	step();
	/* from the start */
	assert_int_equal(get32(CQH), rig.cq_tail);
	assert_clean();
}

static void
test_answers(void **state)
{
	struct uiommu_emu_response resp;

	(void)state;
	rig_start(1);
	uiommu_emu_log(rig.emu, true);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	/* DSV 0: the segment does not count */
	command(4 | PRGR | 1 << 12 | BIT(32) | (uint64_t)DEVICE << 40 | UINT64_C(7) << 56,
		UINT64_C(1) << 44 | (pq_next().q[1] >> 3 & 0x1ff) << 32);
	ring();
	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_int_equal(resp.endpoint_id, DEVICE);
	assert_int_equal(resp.pasid, 1);
	assert_int_equal(resp.code, 1);
	assert_clean();
	/* PV 0: nor does PID */
	command(4 | PRGR | 1 << 12 | BIT(33) | (uint64_t)DEVICE << 40 | UINT64_C(7) << 56,
		UINT64_C(15) << 44 | UINT64_C(0x1ff) << 32);
	ring();
	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_int_equal(resp.endpoint_id, 7 << 16 | DEVICE);
	assert_int_equal(resp.pasid, UINT32_MAX);
	assert_int_equal(resp.prg_index, 0x1ff);
	assert_int_equal(resp.code, 15);
	assert_int_equal(verdict(false).unexpected, 1);
}

/* In which order three invalidations take effect that are fetched at once. */
static void
test_any_order_between_fences(void **state)
{
	struct uiommu_args args[] = {{"reorder", 1, NULL}, {NULL, 0, NULL}};
	struct uiommu_emu_response resp;
	unsigned int orders = 0, round, i, last;
	struct request request[3];

	(void)state;
	rig_start_args(1, args);
	uiommu_emu_log(rig.emu, true);
	for (round = 0; round < 16; round++) {
		for (i = 0; i < 3; i++) {
			assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
			request[i] = pq_next();
		}
		for (i = 0; i < 3; i++)
			command(4 | PRGR | (request[i].q[0] & UINT64_C(0xffffff01fffff000)),
				(request[i].q[1] >> 3 & 0x1ff) << 32);
		assert_true(fence_wait());
		for (i = 0, last = 0; i < 3; i++) {
			assert_true(uiommu_emu_response_next(rig.emu, &resp));
			orders += resp.prg_index < last;
			last = resp.prg_index;
		}
		assert_false(uiommu_emu_response_next(rig.emu, &resp));
	}
	assert_true(orders > 4);
	/* without a fence they are executed as well, sooner or later */
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	request[0] = pq_next();
	request_answer(&request[0], 0);
	for (i = 0; i < 8 && verdict(false).outstanding > 0; i++)
		step();
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_legal_commands),
		CASE(test_illegal_commands),
		CASE(test_what_capabilities_do_not_have_is_illegal),
		CASE(test_ids_that_are_too_wide),
		CASE(test_fence_writes),
		CASE(test_memory_faults),
		CASE(test_device_that_is_late),
		CASE(test_overrun),
		CASE(test_queue_off_executes_nothing),
		CASE(test_answers),
		CASE(test_any_order_between_fences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
