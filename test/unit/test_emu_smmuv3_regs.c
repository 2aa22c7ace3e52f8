/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: registers, S 6.3.
 */

#include "emu_smmuv3_rig.h"

static uint64_t
violations(void)
{
	return verdict(false).protocol;
}

static void
test_identification(void **state)
{
	struct uiommu_args args[] = {
		{"idr0_clear", 1 << 16, NULL}, {"idr1", 0x1208, NULL}, {"idr5_set", 1 << 30, NULL},
		{"aidr", 1, NULL},
		{NULL, 0, NULL},
	};

	(void)state;
	rig_open(NULL);
	/* S1P, TTF 2, COHACC, HTTU 2, ATS, NS1ATS, ASID16, MSI, PRI, CD2L, TTENDIAN 2, 2 levels */
	assert_int_equal(get32(IDR0), 0x8493c9a);
	/* SIDSIZE 16, SSIDSIZE 20, queues of 2^19 */
	assert_int_equal(get32(IDR1), 16 | 20 << 6 | 19 << 11 | 19 << 16 | 19 << 21);
	rig_close(NULL);
	rig_open(args);
	assert_int_equal(get32(IDR0) & 1 << 16, 0);
	assert_int_equal(get32(IDR1), 0x1208);
	assert_int_equal(get32(0x14) >> 30 & 1, 1);
	assert_int_equal(get32(0x1c), 1);
	/* without PRI there are no registers of its queue, S 6.2 */
	put64(PRIQ_BASE, rig.priq.pa | LOG2);
	put32(PRIQ_CONS, 5);
	assert_int_equal(get32(PRIQ_BASE), 0);
	assert_int_equal(get32(PRIQ_CONS), 0);
	put32(IDR0, 0);
	assert_int_not_equal(get32(IDR0), 0);
	assert_int_equal(violations(), 0);
}

static void
test_what_is_not_modelled_is_refused(void **state)
{
	struct uiommu_args args[] = {{"idr0_set", 1, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig.plat = (struct uiommu_platform){
		.ops = platform_ops, .name = "smmuv30", .driver = "smmuv3",
		.socket_id = SOCKET_ID_ANY,
	};
	assert_int_equal(platform_ops->open(&rig.plat, args), -EINVAL);
	rig.plat.priv = NULL;
}

static void
test_fields_take_effect_a_step_later(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(CMDQ_BASE, rig.cmdq.pa | LOG2);
	put32(CR0, CMDQEN);
	assert_int_equal(get32(CR0), CMDQEN);
	assert_int_equal(get32(CR0ACK), 0);
	step();
	assert_int_equal(get32(CR0ACK), CMDQEN);
	assert_int_equal(violations(), 0);
	/* another field may be changed meanwhile, the same one may not */
	put64(EVENTQ_BASE, rig.eventq.pa | LOG2);
	put64(PRIQ_BASE, rig.priq.pa | LOG2);
	put32(CR0, CMDQEN | EVENTQEN);
	put32(CR0, CMDQEN | EVENTQEN | PRIQEN);
	assert_int_equal(violations(), 0);
	put32(CR0, CMDQEN | PRIQEN);
	assert_int_equal(violations(), 1);
	/* reserved bits are not stored */
	step();
	put32(CR0, CMDQEN | PRIQEN | 1U << 20);
	step();
	assert_int_equal(violations(), 2);
	assert_int_equal(get32(CR0ACK), CMDQEN | PRIQEN);
}

static void
test_registers_are_guarded(void **state)
{
	static const struct {
		uint32_t offset;
		bool wide;
	} guarded[] = {
		{STRTAB_BASE, true}, {STRTAB_BASE_CFG, false}, {CMDQ_BASE, true},
		{CMDQ_CONS, false}, {EVENTQ_BASE, true}, {EVENTQ_PROD, false}, {PRIQ_BASE, true},
		{PRIQ_PROD, false}, {CR1, false}, {CR2, false},
	};
	uint32_t old;
	unsigned int i;

	(void)state;
	rig_open(NULL);
	rig_up(ALL_ON);
	for (i = 0; i < RTE_DIM(guarded); i++) {
		old = get32(guarded[i].offset);
		if (guarded[i].wide)
			put64(guarded[i].offset, 0x123450);
		else
			put32(guarded[i].offset, old + 1);
		assert_int_equal(violations(), i + 1);
		assert_int_equal(get32(guarded[i].offset), old);
	}
	/* still so while they are being switched off, S 6.3.9 */
	put32(CR0, 0);
	put64(CMDQ_BASE, 0);
	assert_int_equal(violations(), i + 1);
	step();
	put64(CMDQ_BASE, 0x1000);
	assert_int_equal(violations(), i + 1);
	assert_int_equal(get32(CMDQ_BASE), 0x1000);
}

static void
test_global_bypass(void **state)
{
	(void)state;
	rig_open(NULL);
	assert_int_equal(get32(GBPA) & FLAG, 0);
	put32(GBPA, 1 << 20);
	/* S 6.3.14: without Update it is ignored */
	assert_int_equal(violations(), 1);
	assert_int_equal(get32(GBPA) >> 20 & 1, 0);
	put32(GBPA, FLAG | 1 << 20);
	assert_int_equal(get32(GBPA) & FLAG, FLAG);
	put32(GBPA, FLAG);
	assert_int_equal(violations(), 2);
	step();
	assert_int_equal(get32(GBPA), 1 << 20);
	/* what it says holds without translation */
	rig_device(DEVICE, 1, 0);
	rig_device(STALLER, 1, 0);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, true));
	assert_int_equal(stall(1, 0x1000, true).state, UIOMMU_EMU_ACCESS_ABORTED);
	put32(GBPA, FLAG);
	step();
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, true));
	assert_int_equal(stall(1, 0x1000, true).state, UIOMMU_EMU_ACCESS_DONE);
	assert_int_equal(violations(), 2);
}

static void
test_errors_are_toggled(void **state)
{
	(void)state;
	rig_open(NULL);
	rig_up(ALL_ON);
	assert_int_equal(get32(GERROR), 0);
	/* S 6.3.20: there is nothing to acknowledge */
	put32(GERRORN, 1);
	assert_int_equal(violations(), 1);
	put32(GERRORN, 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_COMMAND_ABORT, 1);
	command(0x46, 0);
	ring();
	assert_int_equal(get32(GERROR), 1);
	put32(GERRORN, 1);
	step();
	assert_int_equal(get32(CMDQ_CONS) & 0xfffff, rig.cmd_prod);
	/* the other way round the second time */
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_COMMAND_ABORT, 1);
	command(0x46, 0);
	ring();
	assert_int_equal(get32(GERROR), 0);
	assert_int_equal(get32(GERRORN), 1);
	put32(GERROR, 1);
	assert_int_equal(get32(GERROR), 0);
}

static void
test_interrupt_control(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(0xb0, 0x1000);
	put32(0xb8, 7);
	assert_int_equal(get32(0xb8), 7);
	put32(IRQ_CTRL, 4);
	assert_int_equal(get32(IRQ_CTRLACK), 0);
	step();
	assert_int_equal(get32(IRQ_CTRLACK), 4);
	assert_int_equal(violations(), 0);
	/* S 6.3.16 */
	put64(0xb0, 0x2000);
	assert_int_equal(violations(), 1);
	assert_int_equal(get32(0xb0), 0x1000);
}

static void
test_dead_control(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(CMDQ_BASE, rig.cmdq.pa | LOG2);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS, 0);
	put32(CR0, CMDQEN);
	step();
	step();
	assert_int_equal(get32(CR0ACK), 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_NONE, 0);
	step();
	assert_int_equal(get32(CR0ACK), CMDQEN);
}

static void
test_service_failure(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_SERVICE_FAILURE, 1);
	step();
	assert_int_equal(get32(GERROR), 1 << 8);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_NO_CREDIT);
	assert_false(sync_wait());
	/* S 12.3: acknowledged, it stays so */
	put32(GERRORN, 1 << 8);
	step();
	assert_false(sync_wait());
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, false));
	assert_clean();
}

static void
test_caches_must_be_clean(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(CMDQ_BASE, rig.cmdq.pa | LOG2);
	put64(STRTAB_BASE, rig.streams.pa);
	put32(STRTAB_BASE_CFG, STREAMS_LOG2);
	enable(CMDQEN);
	CFGI_ALL();
	enable(CMDQEN | SMMUEN);
	assert_int_equal(violations(), 1);
}

static void
test_wild_indices(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_WILD_INDEX, 1);
	assert_int_not_equal(get32(PRIQ_PROD) & ~UINT32_C(0x800fffff), 0);
	assert_int_equal(get32(PRIQ_PROD), 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_WILD_EVENT_INDEX, 1);
	assert_int_equal(get32(PRIQ_PROD), 0);
	assert_int_not_equal(get32(EVENTQ_PROD) & ~UINT32_C(0x800fffff), 0);
	assert_int_equal(get32(EVENTQ_PROD), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_identification),
		CASE(test_what_is_not_modelled_is_refused),
		CASE(test_fields_take_effect_a_step_later),
		CASE(test_registers_are_guarded),
		CASE(test_global_bypass),
		CASE(test_errors_are_toggled),
		CASE(test_interrupt_control),
		CASE(test_dead_control),
		CASE(test_service_failure),
		CASE(test_caches_must_be_clean),
		CASE(test_wild_indices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
