/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: registers, "Memory-mapped register interface".
 */

#include "emu_riscv_rig.h"

static uint64_t
protocol(void)
{
	return verdict(false).protocol;
}

/* What a call must not do, as the judge sees it. */
#define assert_violation(call)                                                                     \
	do {                                                                                       \
		const uint64_t before_ = protocol();                                               \
		call;                                                                              \
		assert_int_equal(protocol(), before_ + 1);                                         \
	} while (0)

static void
test_reset_values(void **state)
{
	(void)state;
	rig_open(NULL);
	/* version 1.0, Sv39 to Sv57, MSI_FLAT, AMO_HWAD, ATS, both ways of interrupts, DBG, PAS,
	 * all process directories, NL, S
	 */
	assert_int_equal(get64(CAPABILITIES),
			 0x10 | UINT64_C(7) << 9 | 1 << 15 | 1 << 22 | 1 << 24 | 1 << 25 |
				 UINT64_C(2) << 28 | UINT64_C(1) << 31 | UINT64_C(52) << 32 |
				 UINT64_C(7) << 38 | UINT64_C(3) << 42);
	assert_int_equal(get32(FCTL), 0);
	assert_int_equal(get64(DDTP), 0);
	assert_int_equal(get32(CQCSR) | get32(FQCSR) | get32(PQCSR) | get32(IPSR), 0);
	put64(CAPABILITIES, 0);
	assert_int_not_equal(get64(CAPABILITIES), 0);
	assert_clean();
}

static void
test_devargs(void **state)
{
	struct uiommu_args args[] = {
		{"caps_clear", 1 << 25 | 1 << 22, NULL}, {"bare", 1, NULL}, {"ddt_levels", 2, NULL},
		{NULL, 0, NULL},
	};

	(void)state;
	rig_open(args);
	assert_int_equal(get64(CAPABILITIES) >> 22 & 9, 0);
	assert_int_equal(get64(DDTP), 1);
	/* without ATS there is no such queue */
	put64(PQB, UINT64_MAX >> 10);
	put32(PQCSR, EN);
	step();
	assert_int_equal(get64(PQB) | get32(PQCSR) | get32(PQT), 0);
	/* one level and three are not there: the mode is not taken */
	put64(DDTP, 4);
	step();
	assert_int_equal(get64(DDTP) & 0x1f, 1);
	put64(DDTP, 3);
	step();
	assert_int_equal(get64(DDTP) & 0x1f, 3);
	assert_clean();
}

static int
open_with(const char *key, uint64_t value)
{
	struct uiommu_args args[] = {{key, value, NULL}, {NULL, 0, NULL}};
	struct uiommu_platform plat = {
		.ops = platform_ops, .name = "riscv9", .driver = "riscv",
		.socket_id = SOCKET_ID_ANY,
	};
	const int ret = platform_ops->open(&plat, args);

	if (ret == 0)
		platform_ops->close(&plat);
	return ret;
}

static void
test_what_is_not_modelled_is_refused(void **state)
{
	(void)state;
	assert_int_equal(open_with("caps_set", 1 << 14), 0);
	assert_int_equal(open_with("caps_set", 1 << 17), -EINVAL); /* Sv39x4 */
	assert_int_equal(open_with("caps_set", 1 << 26), -EINVAL); /* T2GPA */
	assert_int_equal(open_with("caps_set", 1 << 27), -EINVAL); /* END */
	assert_int_equal(open_with("caps_set", 1 << 30), -EINVAL); /* HPM */
	assert_int_equal(open_with("caps_set", UINT64_C(1) << 28), -EINVAL); /* IGS 3 */
	assert_int_equal(open_with("caps_clear", 1 << 10), -EINVAL); /* Sv57 without Sv48 */
	assert_int_equal(open_with("did_bits", 25), -EINVAL);
	assert_int_equal(open_with("reorder", 2), -EINVAL);
}

static void
test_queue_is_on_a_step_later(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(PQB, rig.pq.pa >> 12 << 10 | 5);
	/* unspecified, but not what it was */
	assert_int_not_equal(get32(PQH), 0);
	put32(PQH, 0);
	put32(PQCSR, EN | IE);
	assert_int_equal(get32(PQCSR), EN | IE | BUSY);
	assert_violation(put32(PQCSR, EN));
	step();
	assert_int_equal(get32(PQCSR), EN | IE | ON);
	assert_violation(put64(PQB, rig.pq.pa >> 12 << 10 | 6));
	assert_int_equal(get64(PQB), rig.pq.pa >> 12 << 10 | 5);
	put32(PQCSR, 0);
	assert_int_equal(get32(PQCSR), BUSY | ON);
	assert_violation(put64(PQB, 0));
	step();
	assert_int_equal(get32(PQCSR), 0);
	put64(PQB, 0x400);
	assert_int_equal(get64(PQB), 0x400);
}

static void
test_enabling_resets_index_and_errors(void **state)
{
	(void)state;
	rig_start(1);
	while (ask(DEVICE, 1) == UIOMMU_EMU_QUEUED)
		;
	assert_int_equal(get32(PQCSR), EN | ON | OF);
	assert_int_equal(get32(PQT), ENTRIES - 1);
	put32(PQCSR, 0);
	step();
	/* what was there stays to be seen */
	assert_int_equal(get32(PQT), ENTRIES - 1);
	put32(PQH, 0);
	put32(PQCSR, EN);
	step();
	assert_int_equal(get32(PQCSR), EN | ON);
	assert_int_equal(get32(PQT), 0);
	assert_int_equal(verdict(false).protocol, 0);
}

static void
test_queues_in_no_memory(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(FQB, UINT64_C(0x10) << 10 | 5);
	put32(FQH, 0);
	assert_violation(put32(FQCSR, EN); step());
	put64(CQB, (rig.cq.pa >> 12) << 10 | 9);
	put32(CQT, 0);
	assert_violation(put32(CQCSR, EN); step());
}

static void
test_indexes(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(CQB, rig.cq.pa >> 12 << 10 | 5);
	put64(PQB, rig.pq.pa >> 12 << 10 | 5);
	assert_violation(put32(CQT, ENTRIES));
	assert_violation(put32(PQH, ENTRIES | 3));
	/* bits beyond the queue are not there */
	assert_int_equal(get32(CQT), 0);
	assert_int_equal(get32(PQH), 3);
}

static void
test_heads_move_forwards_to_the_tail(void **state)
{
	(void)state;
	rig_start(1);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	put32(PQH, 1);
	assert_int_equal(verdict(false).protocol, 0);
	assert_violation(put32(PQH, 0));
	put32(PQH, 2);
	assert_violation(put32(PQH, 3));
	/* the unit's own are not software's to write */
	put32(PQT, 7);
	put32(CQH, 7);
	assert_int_equal(get32(PQT), 2);
	assert_int_equal(get32(CQH), 0);
}

static void
test_ddtp(void **state)
{
	const uint64_t root = UINT64_C(0x1234) << 10;

	(void)state;
	rig_open(NULL);
	put64(DDTP, root | 4);
	assert_int_equal(get64(DDTP), root | 4 | 1 << 4);
	assert_violation(put64(DDTP, root | 3));
	step();
	assert_int_equal(get64(DDTP), root | 4);
	/* levels change by way of Off, and there the page number stays */
	assert_violation(put64(DDTP, root | 3); step());
	assert_violation(put64(DDTP, root | 1); step());
	put64(DDTP, root | 4);
	step();
	assert_violation(put64(DDTP, 0); step());
	put64(DDTP, root | 2);
	step();
	put64(DDTP, root);
	step();
	assert_int_equal(get64(DDTP), root);
	assert_violation(put64(DDTP, root | 1 << 5); step());
	/* 5 to 13 are reserved, and so not taken */
	put64(DDTP, root | 5);
	step();
	assert_int_equal(get64(DDTP), root);
}

static void
test_halves(void **state)
{
	(void)state;
	rig_open(NULL);
	put32(DDTP + 4, 0x3);
	assert_int_equal(get64(DDTP), UINT64_C(3) << 32);
	put32(DDTP, 0x800 | 3);
	assert_int_equal(get64(DDTP), UINT64_C(3) << 32 | 0x800 | 3 | 1 << 4);
	step();
	put32(CQB + 4, 0x1);
	put32(CQB, 0xc00 | 4);
	assert_int_equal(get64(CQB), UINT64_C(1) << 32 | 0xc00 | 4);
	assert_int_equal(get32(CQB + 4), 1);
	assert_clean();
}

static void
test_widths(void **state)
{
	(void)state;
	rig_open(NULL);
	assert_violation(get64(CQH));
	assert_violation(put64(CQCSR, 0));
	assert_violation(get64(PQB + 4));
	assert_violation(put32(FCTL + 2, 0));
	/* reserved, designated for custom use, and beyond */
	assert_int_equal(get32(12) | get32(700) | get32(1024), 0);
	put32(12, 1);
	put64(2048, 1);
	assert_int_equal(get32(12) | get64(2048), 0);
}

static void
test_reserved_bits(void **state)
{
	(void)state;
	rig_open(NULL);
	assert_violation(put32(CQCSR, 1 << 2); step());
	assert_violation(put32(FQCSR, CMD_ILL); step());
	/* reserved while fctl.WSI is 0 */
	assert_violation(put32(CQCSR, FENCE_W_IP); step());
	assert_violation(put64(FQB, 1 << 5));
	assert_violation(put32(FCTL, 8));
	assert_violation(put32(IPSR, 0x10));
	/* what reads 1 may be written back, and custom bits may be anything */
	put32(CQCSR, ON | UINT32_C(0xf0000000));
	step();
	assert_int_equal(get32(CQCSR), 0);
}

static void
test_fctl(void **state)
{
	(void)state;
	rig_open(NULL);
	/* one byte order, no 32 bits, and either way of interrupts */
	put32(FCTL, 7);
	assert_int_equal(get32(FCTL), 2);
	put32(FCTL, 0);
	assert_int_equal(get32(FCTL), 0);
	rig_up();
	put32(FCTL, 5);
	assert_int_equal(verdict(false).protocol, 0);
	assert_violation(put32(FCTL, 2));
	assert_int_equal(get32(FCTL), 0);
}

static void
test_wires_only(void **state)
{
	struct uiommu_args args[] = {
		{"caps_set", UINT64_C(1) << 28, NULL}, {"caps_clear", UINT64_C(1) << 29, NULL},
		{NULL, 0, NULL},
	};

	(void)state;
	rig_open(args);
	assert_int_equal(get32(FCTL), 2);
	put32(FCTL, 0);
	assert_int_equal(get32(FCTL), 2);
	/* "hardwired to 0" */
	put64(MSI_CFG_TBL, 0x1000);
	put32(MSI_CFG_TBL + 8, 1);
	assert_int_equal(get64(MSI_CFG_TBL) | get32(MSI_CFG_TBL + 8), 0);
	assert_clean();
}

static void
test_dead_commands(void **state)
{
	(void)state;
	rig_open(NULL);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS, 2);
	put64(DDTP, 1);
	step();
	step();
	assert_int_equal(get64(DDTP), 1 | 1 << 4);
	step();
	assert_int_equal(get64(DDTP), 1);
	assert_clean();
}

/* Vector 5 for page requests, 2 for faults, 9 for commands. */
static void
vectors_set(void)
{
	const unsigned int vectors[] = {9, 2, 5};
	unsigned int i;

	put64(ICVEC, 9 | 2 << 4 | 5 << 12);
	for (i = 0; i < 3; i++) {
		put64(MSI_CFG_TBL + 16 * vectors[i], rig.message.pa + 16 + 4 * i);
		put32(MSI_CFG_TBL + 16 * vectors[i] + 8, 0x100 + vectors[i]);
	}
}

static uint32_t
message_of(unsigned int queue)
{
	uint32_t *at = (uint32_t *)rig.message.va + 4 + queue, value = *at;

	*at = 0;
	return value;
}

static void
test_messages(void **state)
{
	(void)state;
	rig_start(1);
	vectors_set();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	/* not enabled */
	assert_int_equal(get32(IPSR), 0);
	put32(PQCSR, EN | IE);
	step();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(get32(IPSR), 8);
	assert_int_equal(message_of(2), 0x105);
	/* once, until the bit is cleared */
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(message_of(2), 0);
	put32(IPSR, 8);
	step();
	assert_int_equal(get32(IPSR), 0);
	/* masked: told when it is unmasked */
	put32(MSI_CFG_TBL + 16 * 5 + 12, 1);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(get32(IPSR), 8);
	assert_int_equal(message_of(2), 0);
	put32(MSI_CFG_TBL + 16 * 5 + 12, 0);
	step();
	assert_int_equal(message_of(2), 0x105);
	assert_int_equal(verdict(false).protocol, 0);
}

static void
test_errors_stay_pending(void **state)
{
	(void)state;
	rig_start(1);
	vectors_set();
	put32(CQCSR, EN | IE);
	put32(FQCSR, EN | IE);
	step();
	command(0x7f, 0);
	ring();
	assert_int_equal(get32(CQCSR), EN | IE | ON | CMD_ILL);
	assert_int_equal(get32(IPSR), 1);
	assert_int_equal(message_of(0), 0x109);
	/* cleared, but not what it stands for */
	put32(IPSR, 1);
	step();
	assert_int_equal(get32(IPSR), 1);
	assert_int_equal(message_of(0), 0x109);
	put32(CQCSR, EN | IE | CMD_ILL);
	rig.cq_tail = 0;
	put32(CQT, 0);
	put32(IPSR, 1);
	step();
	assert_int_equal(get32(IPSR), 0);
	/* a message that cannot be written is a fault, TTYP 0 */
	put64(MSI_CFG_TBL + 16 * 9, 0x1000);
	command(0x7f, 0);
	ring();
	assert_int_equal(get32(IPSR), 3);
	assert_int_equal(fq_next().q[0], 273);
	assert_int_equal(message_of(1), 0x102);
}

static void
test_wires_need_no_message(void **state)
{
	(void)state;
	rig_open(NULL);
	put32(FCTL, 2);
	rig_up();
	rig_device(DEVICE, 1, 0);
	vectors_set();
	put32(CQCSR, EN | IE);
	step();
	/* IOFENCE.C with WSI */
	command(2 | 1 << 11, 0);
	ring();
	assert_int_equal(get32(CQCSR), EN | IE | ON | FENCE_W_IP);
	assert_int_equal(get32(IPSR), 1);
	assert_int_equal(message_of(0), 0);
	/* it does not stop the queue */
	assert_true(fence_wait());
	put32(CQCSR, EN | IE | FENCE_W_IP);
	put32(IPSR, 1);
	step();
	assert_int_equal(get32(CQCSR), EN | IE | ON);
	assert_int_equal(get32(IPSR), 0);
	assert_clean();
}

static void
test_debug(void **state)
{
	const uint64_t who = (uint64_t)DEVICE << 40 | UINT64_C(1) << 32 | 1 << 12;

	(void)state;
	rig_start(1);
	*page(0x7000) = PAGE(rig.message.pa);
	put64(TR_REQ_IOVA, 0x7000);
	put64(TR_REQ_CTL, who | 1);
	assert_int_equal(get64(TR_REQ_CTL) & 1, 1);
	assert_violation(put64(TR_REQ_IOVA, 0));
	step();
	assert_int_equal(get64(TR_REQ_CTL) & 1, 0);
	assert_int_equal(get64(TR_RESPONSE), rig.message.pa >> 12 << 10);
	/* NW was 0: it was to be written as well */
	assert_int_equal(*page(0x7000) & (PTE_A | PTE_D), PTE_A | PTE_D);
	put64(TR_REQ_IOVA, 0x8000);
	put64(TR_REQ_CTL, who | 9);
	step();
	assert_int_equal(get64(TR_RESPONSE), 1);
	assert_int_equal(last_cause(), 13);
	/* 2 MiB: nine bits of ones, less the one that ends them */
	((uint64_t *)rig.table[2].va)[1] = PTE(0x40000000, 0x17);
	put64(TR_REQ_IOVA, 0x234000);
	put64(TR_REQ_CTL, who | 9);
	step();
	assert_int_equal(get64(TR_RESPONSE),
			 UINT64_C(0x40000000) >> 12 << 10 | 0xff << 10 | 1 << 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_reset_values),
		CASE(test_devargs),
		CASE(test_what_is_not_modelled_is_refused),
		CASE(test_queue_is_on_a_step_later),
		CASE(test_enabling_resets_index_and_errors),
		CASE(test_queues_in_no_memory),
		CASE(test_indexes),
		CASE(test_heads_move_forwards_to_the_tail),
		CASE(test_ddtp),
		CASE(test_halves),
		CASE(test_widths),
		CASE(test_reserved_bits),
		CASE(test_fctl),
		CASE(test_wires_only),
		CASE(test_dead_commands),
		CASE(test_messages),
		CASE(test_errors_stay_pending),
		CASE(test_wires_need_no_message),
		CASE(test_debug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
