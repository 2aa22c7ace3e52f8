/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: command queue, S 4, 7.1.
 */

#include "emu_smmuv3_rig.h"

#define CERROR(cons) ((cons) >> 24 & 0x7f)

static void
start(void)
{
	rig_open(NULL);
	rig_up(ALL_ON);
}

/* A command that is refused; then the queue goes on with another in its place. */
static void
assert_illegal(uint64_t w0, uint64_t w1)
{
	const uint32_t at = rig.cmd_prod, serial = rig.serial;
	const uint64_t before = verdict(false).protocol;

	command(w0, w1);
	assert_false(sync_wait());
	assert_int_equal(get32(CMDQ_CONS), at | 1 << 24);
	assert_int_equal((get32(GERROR) ^ get32(GERRORN)) & 1, 1);
	assert_int_equal(verdict(false).protocol, before + 1);
	/* S 7.1: put right, and acknowledged; PROD need not be written */
	((uint64_t *)rig.cmdq.va)[at % ENTRIES * 2] = 0x46;
	((uint64_t *)rig.cmdq.va)[at % ENTRIES * 2 + 1] = 0;
	put32(GERRORN, get32(GERROR));
	step();
	assert_int_equal(*(uint32_t *)rig.message.va, serial + 1);
	assert_int_equal(get32(CMDQ_CONS) & 0xfffff, rig.cmd_prod);
}

static void
test_unknown_opcodes(void **state)
{
	static const uint8_t opcodes[] = {
		0x00, 0x07, 0x08, 0x14, 0x18, 0x1a, 0x20, 0x21, 0x22, 0x23, 0x28, 0x2a, 0x31,
		0x42, 0x47, 0x50, 0x60, 0x70, 0x73, 0x90, 0xff,
	};
	unsigned int i;

	(void)state;
	start();
	for (i = 0; i < RTE_DIM(opcodes); i++)
		assert_illegal(opcodes[i], 0);
}

static void
test_reserved_fields(void **state)
{
	static const uint64_t commands[][2] = {
		{0x03 | 1 << 10, 1},                      /* CFGI_STE with SSec */
		{0x03 | 1 << 12, 1},
		{0x03, 2},
		{0x04, 32},
		{0x05, 2},
		{0x06, 1},
		{0x10 | UINT64_C(1) << 48, 0},            /* NH_ALL with an ASID */
		{0x11, 1},
		{0x12 | 1 << 17, 0},
		{0x12 | 1 << 12, 0},                      /* NUM without TG */
		{0x12, 1 << 8},                           /* TTL without TG */
		{0x12, 1 << 10},                          /* TG without range or TTL */
		{0x12 | 1 << 25, 1 << 10},                /* SCALE has 5 bits */
		{0x13 | UINT64_C(1) << 48, 0},
		{0x30 | UINT64_C(1) << 32, 0},
		{0x40, 53},                               /* Size */
		{0x40 | 1 << 10, 0},
		{0x41, 3 << 12},                          /* Resp */
		{0x41, 1 << 9},
		{0x44 | 1 << 14, 0},
		{0x44, 1 << 16},
		{0x45, 1},
		{0x46 | 3 << 12, 0},                      /* CS */
		{0x46, 1},
		{0x46, UINT64_C(1) << 56},
	};
	unsigned int i;

	(void)state;
	start();
	for (i = 0; i < RTE_DIM(commands); i++)
		assert_illegal(commands[i][0], commands[i][1]);
}

static void
test_commands_of_what_is_not_there(void **state)
{
	/* ATS, PRI; RIL; STALL_MODEL 1 */
	struct uiommu_args args[] = {
		{"idr0_clear", 1 << 10 | 1 << 16, NULL}, {"idr0_set", 1 << 24, NULL},
		{"idr3_clear", 1 << 10, NULL}, {NULL, 0, NULL},
	};

	(void)state;
	rig_open(args);
	rig_up(SMMUEN | EVENTQEN | CMDQEN);
	assert_illegal(0x40, 0);
	assert_illegal(0x41, 2 << 12);
	assert_illegal(0x44, 0);
	assert_illegal(0x45, 0);
	assert_illegal(0x12 | 1 << 12, 1 << 10);
}

static void
test_sync_tells_in_three_ways(void **state)
{
	(void)state;
	start();
	assert_true(sync_wait());
	/* CS 0, CS 2: the index alone */
	*(uint32_t *)rig.message.va = 77;
	command(0x46 | UINT64_C(1) << 32, rig.message.pa);
	command(0x46 | 2 << 12 | UINT64_C(2) << 32, rig.message.pa);
	/* CS 1 without an address */
	command(0x46 | 1 << 12 | UINT64_C(3) << 32, 0);
	ring();
	assert_int_equal(*(uint32_t *)rig.message.va, 77);
	assert_int_equal(get32(CMDQ_CONS), rig.cmd_prod);
	assert_clean();
}

static void
test_sync_without_messages(void **state)
{
	struct uiommu_args args[] = {{"idr0_clear", 1 << 13, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	put64(CMDQ_BASE, rig.cmdq.pa | LOG2);
	enable(CMDQEN);
	/* S 4.7.3: the address is ignored */
	assert_false(sync_wait());
	assert_int_equal(get32(CMDQ_CONS), rig.cmd_prod);
	assert_clean();
}

static void
test_message_cannot_be_written(void **state)
{
	(void)state;
	start();
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_MSI_ABORT, 1);
	assert_false(sync_wait());
	/* the command is done all the same */
	assert_int_equal(get32(CMDQ_CONS), rig.cmd_prod);
	assert_int_equal(get32(GERROR), 1 << 4);
	assert_true(sync_wait());
	put32(GERRORN, 1 << 4);
	assert_clean();
	command(0x46 | 1 << 12, 0x1000);
	ring();
	assert_int_equal(get32(GERROR), 0);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_queue_wraps(void **state)
{
	unsigned int i, j;

	(void)state;
	start();
	for (i = 0; i < 5; i++) {
		/* all places are used, S 3.5.1 */
		for (j = 0; j < ENTRIES; j++)
			command(0x46, 0);
		ring();
		assert_int_equal(get32(CMDQ_CONS), rig.cmd_prod);
	}
	assert_clean();
}

static void
test_producer_must_not_overrun(void **state)
{
	(void)state;
	start();
	put32(CMDQ_PROD, (rig.cmd_prod + ENTRIES + 1) % WRAPPED);
	step();
	assert_int_equal(verdict(false).protocol, 1);
	put32(CMDQ_PROD, rig.cmd_prod | 1 << 20);
	step();
	assert_int_equal(verdict(false).protocol, 2);
}

static void
test_producer_may_go_back_while_stuck(void **state)
{
	const uint64_t *at;

	(void)state;
	start();
	command(0xff, 0);
	command(0x46, 0);
	command(0x46, 0);
	ring();
	assert_int_equal(CERROR(get32(CMDQ_CONS)), 1);
	/* S 7.1 */
	rig.cmd_prod = get32(CMDQ_CONS) & 0xfffff;
	put32(CMDQ_PROD, rig.cmd_prod);
	put32(GERRORN, 1);
	step();
	at = (const uint64_t *)rig.cmdq.va + (size_t)(rig.cmd_prod % ENTRIES) * 2;
	assert_int_equal(at[0], 0xff);
	assert_true(sync_wait());
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_producer_must_not_go_back_otherwise(void **state)
{
	(void)state;
	start();
	command(0x46, 0);
	command(0x46, 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_LOST_WAIT, 0);
	ring();
	put32(CMDQ_PROD, rig.cmd_prod - 1);
	step();
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_fetch_aborts(void **state)
{
	(void)state;
	start();
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_COMMAND_ABORT, 2);
	assert_false(sync_wait());
	assert_int_equal(CERROR(get32(CMDQ_CONS)), 2);
	put32(GERRORN, get32(GERROR));
	step();
	assert_int_equal(CERROR(get32(CMDQ_CONS)), 2);
	put32(GERRORN, get32(GERROR));
	step();
	assert_int_equal(get32(CMDQ_CONS), rig.cmd_prod);
	assert_int_equal(*(uint32_t *)rig.message.va, rig.serial);
	assert_clean();
}

static void
test_device_does_not_confirm(void **state)
{
	uint32_t at;

	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEVICE_TIMEOUT, 1);
	command(0x40 | (uint64_t)DEVICE << 32, 52);
	at = rig.cmd_prod;
	assert_false(sync_wait());
	/* the CMD_SYNC is not consumed, S 4.7.3 */
	assert_int_equal(get32(CMDQ_CONS), at | 3 << 24);
	assert_int_equal(get32(GERROR), 1);
	put32(GERRORN, 1);
	step();
	assert_int_equal(*(uint32_t *)rig.message.va, rig.serial);
	assert_clean();
}

static void
test_sync_that_does_not_end(void **state)
{
	uint32_t at;

	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_LOST_WAIT, 0);
	at = rig.cmd_prod;
	assert_false(sync_wait());
	step();
	assert_int_equal(get32(CMDQ_CONS), at);
	/* S 4.7.3: what comes behind does not begin */
	cd(DEVICE, 1)[0] = 0;
	*page(0x5000) = PAGE(rig.message.pa);
	command(0x05 | 1 << 12 | (uint64_t)DEVICE << 32, 1);
	ring();
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_NONE, 0);
	step();
	assert_int_equal(get32(CMDQ_CONS), rig.cmd_prod);
	assert_int_equal(*(uint32_t *)rig.message.va, rig.serial);
	assert_clean();
}

static void
test_dead_queue(void **state)
{
	(void)state;
	start();
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEAD_QUEUE, 0);
	assert_false(sync_wait());
	assert_int_equal(get32(GERROR), 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_BAD_DESCRIPTOR, 1);
	step();
	assert_int_equal(CERROR(get32(CMDQ_CONS)), 1);
	assert_clean();
}

static void
test_queue_off(void **state)
{
	(void)state;
	start();
	enable(ALL_ON & ~CMDQEN);
	assert_false(sync_wait());
	/* what is there is executed when it is on again, S 6.3.9.3 */
	enable(ALL_ON);
	step();
	assert_int_equal(*(uint32_t *)rig.message.va, rig.serial);
	assert_clean();
}

static void
test_freed_queue(void **state)
{
	(void)state;
	start();
	uiommu_dma_free(&rig.plat, &rig.cmdq);
	put32(CMDQ_PROD, (rig.cmd_prod + 1) % WRAPPED);
	step();
	step();
	assert_int_equal(CERROR(get32(CMDQ_CONS)), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_unknown_opcodes),
		CASE(test_reserved_fields),
		CASE(test_commands_of_what_is_not_there),
		CASE(test_sync_tells_in_three_ways),
		CASE(test_sync_without_messages),
		CASE(test_message_cannot_be_written),
		CASE(test_queue_wraps),
		CASE(test_producer_must_not_overrun),
		CASE(test_producer_may_go_back_while_stuck),
		CASE(test_producer_must_not_go_back_otherwise),
		CASE(test_fetch_aborts),
		CASE(test_device_does_not_confirm),
		CASE(test_sync_that_does_not_end),
		CASE(test_dead_queue),
		CASE(test_queue_off),
		CASE(test_freed_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
