/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The emulated VT-d unit: registers, and the tables on the way of a request, as the manual has
 * them.
 */

#include "emu_rig.h"

/* ------------------------------------------------------------------- registers */

static void
commands_take_a_step(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(VTD_REG_IQA, rig.iq.pa | VTD_IQA_DW);
	put32(VTD_REG_GCMD, VTD_GCMD_QIE);
	assert_int_equal(get32(VTD_REG_GSTS), 0);
	step();
	assert_int_equal(get32(VTD_REG_GSTS), VTD_GCMD_QIE);
	assert_clean();
	/* not acknowledged yet */
	put32(VTD_REG_GCMD, VTD_GCMD_QIE | VTD_GCMD_SRTP);
	put32(VTD_REG_GCMD, VTD_GCMD_QIE | VTD_GCMD_SRTP);
	step();
	assert_int_equal(verdict(false).protocol, 1);
	/* two at once */
	put32(VTD_REG_GCMD, VTD_GCMD_TE);
	step();
	assert_int_equal(verdict(false).protocol, 2);
	assert_int_equal(get32(VTD_REG_GSTS), VTD_GCMD_TE | VTD_GCMD_SRTP);
}

static void
translation_needs_a_root(void **state)
{
	(void)state;
	rig_open(NULL);
	command(VTD_GCMD_TE, 0);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
registers_read_as_written(void **state)
{
	static const uint32_t wide[] = {VTD_REG_RTADDR, VTD_REG_IQA, VTD_REG_PQA, VTD_REG_IRTA};
	size_t i;

	(void)state;
	rig_open(NULL);
	for (i = 0; i < ARRAY_COUNT(wide); i++) {
		put64(wide[i], rig.root.pa);
		assert_true(get64(wide[i]) == rig.root.pa);
		put32(wide[i] + 4, 0);
		assert_true(get64(wide[i]) == (uint32_t)rig.root.pa);
		assert_int_equal(get32(wide[i]), (uint32_t)rig.root.pa);
	}
	/* read only, and not there */
	put64(VTD_REG_CAP, 0);
	put64(VTD_REG_IQH, 64);
	put32(VTD_REG_GSTS, UINT32_MAX);
	put32(0x800, UINT32_MAX);
	assert_true(get64(VTD_REG_CAP) != 0);
	assert_true(get64(VTD_REG_IQH) == 0);
	assert_int_equal(get32(VTD_REG_GSTS), 0);
	assert_int_equal(get32(0x800), 0);
	/* masked at reset, S 11.4.11.5 */
	assert_int_equal(get32(VTD_REG_PECTL), VTD_EVENT_IM);
	assert_int_equal(get32(VTD_REG_FECTL), VTD_EVENT_IM);
}

static void
capabilities_come_from_arguments(void **state)
{
	struct uiommu_args args[] = {
		{"ecap_clear", VTD_ECAP_PRS, NULL}, {"cap_set", VTD_CAP_CM, NULL},
		{"ver", 0x10, NULL}, {NULL, 0, NULL},
	};
	struct uiommu_args incoherent[] = {{"coherent", 0, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	assert_true(rig.plat.coherent);
	assert_true((get64(VTD_REG_ECAP) & VTD_ECAP_PRS) == 0);
	assert_true((get64(VTD_REG_ECAP) & VTD_ECAP_SMTS) != 0);
	assert_true((get64(VTD_REG_CAP) & VTD_CAP_CM) != 0);
	assert_int_equal(get32(VTD_REG_VER), 0x10);
	rig_close(NULL);
	rig_open(incoherent);
	assert_false(rig.plat.coherent);
	assert_null(uiommu_emu_find("vtd1"));
}

static void
no_model_no_unit(void **state)
{
	struct uiommu_platform plat = {.ops = platform_ops, .name = "x0", .driver = "x"};
	struct uiommu_args none = {0};

	(void)state;
	memset(&rig, 0, sizeof(rig));
	rte_log_set_level_pattern("drv.uiommu.emu", RTE_LOG_CRIT);
	assert_int_equal(platform_ops->open(&plat, &none), -ENODEV);
}

/* ---------------------------------------------------------------------- tables */

/* Each entry made wrong in turn; what the unit says is in its fault record. */
static void
table_faults_have_their_reasons(void **state)
{
	struct uiommu_dma *const mem[] = {&rig.root, &rig.context, &rig.directory, &rig.table};
	static const struct {
		unsigned int reason;
		unsigned int table; /* 0 root, 1 context, 2 directory, 3 PASID entry */
		unsigned int word;
		uint64_t flip;
	} cases[] = {
		{VTD_FR_ROOT_NOT_PRESENT, 0, 0, VTD_ROOT_PRESENT},
		{VTD_FR_ROOT_RESERVED, 0, 0, UINT64_C(1) << 1},
		{VTD_FR_ROOT_RESERVED, 0, 0, UINT64_C(1) << 63},
		{VTD_FR_CONTEXT_ACCESS, 0, 0, UINT64_C(1) << 47},
		{VTD_FR_CONTEXT_NOT_PRESENT, 1, 0, VTD_CTX0_P},
		{VTD_FR_CONTEXT_RESERVED, 1, 0, UINT64_C(1) << 7},
		{VTD_FR_CONTEXT_RESERVED, 1, 1, UINT64_C(1) << 21},
		{VTD_FR_CONTEXT_RESERVED, 1, 3, UINT64_C(1) << 63},
		{VTD_FR_CONTEXT_INVALID, 1, 0, VTD_CTX0_DTE},
		{VTD_FR_CONTEXT_INVALID, 1, 1, UINT64_C(1) << 13},
		{VTD_FR_PASIDE_CLEAR, 1, 0, VTD_CTX0_PASIDE},
		{VTD_FR_PRE_CLEAR, 1, 0, VTD_CTX0_PRE},
		{VTD_FR_PASID_IS_RID_PASID, 1, 1, 1},
		{VTD_FR_PASID_DIR_ACCESS, 1, 0, UINT64_C(1) << 47},
		{VTD_FR_PASID_DIR_NOT_PRESENT, 2, 0, VTD_PASID_DIR_P},
		{VTD_FR_PASID_DIR_RESERVED, 2, 0, UINT64_C(1) << 2},
		{VTD_FR_PASID_ENTRY_ACCESS, 2, 0, UINT64_C(1) << 47},
		{VTD_FR_PASID_ENTRY_NOT_PRESENT, 3, 0, VTD_PE0_P},
		{VTD_FR_PASID_ENTRY_RESERVED, 3, 0, UINT64_C(1) << 5},
		{VTD_FR_PASID_ENTRY_RESERVED, 3, 1, UINT64_C(1) << 16},
		{VTD_FR_PASID_ENTRY_RESERVED, 3, 2, UINT64_C(1) << 1},
		{VTD_FR_PASID_ENTRY_RESERVED, 3, 6, 1},
		{VTD_FR_PASID_ENTRY_INVALID, 3, 0, UINT64_C(4) << VTD_PE0_PGTT_SHIFT},
		{VTD_FR_PASID_ENTRY_INVALID, 3, 2, UINT64_C(2) << VTD_PE2_FSPM_SHIFT},
	};
	size_t first[4];
	uint64_t *word;
	size_t i;

	(void)state;
	rig_start(1);
	first[0] = 2;
	first[1] = (DEVICE & 0x7f) * 4;
	first[2] = 0;
	first[3] = 8;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		word = (uint64_t *)mem[cases[i].table]->va + first[cases[i].table] + cases[i].word;
		*word ^= cases[i].flip;
		assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
		assert_int_equal(last_fault(), cases[i].reason);
		*word ^= cases[i].flip;
		/* one that is good is remembered; start from nothing again */
		command(VTD_GCMD_SRTP, 0);
	}
	assert_int_equal(ask(64 * 128), UIOMMU_EMU_AUTO_INVALID);
	assert_int_equal(last_fault(), VTD_FR_PASID_TOO_LARGE);
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	serve_all();
	assert_int_equal(verdict(false).faults_recorded, ARRAY_COUNT(cases) + 1);
	assert_int_equal(verdict(false).auto_invalid, ARRAY_COUNT(cases) + 1);
	assert_clean();
}

static void
fault_processing_can_be_disabled(void **state)
{
	(void)state;
	rig_start(1);
	pasid_entry(1)[0] = VTD_PE0_FPD;
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	assert_int_equal(last_fault(), 0);
	assert_clean();
}

static void
fault_records_overflow(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	pasid_entry(1)[0] = 0;
	for (i = 0; i < 20; i++)
		assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	assert_int_equal(verdict(false).faults_recorded, 8);
	assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_PFO | VTD_FSTS_PPF);
	assert_int_equal(get32(VTD_REG_FECTL), VTD_EVENT_IM | VTD_EVENT_IP);
	for (i = 0; i < 8; i++)
		assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_NOT_PRESENT);
	assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_PFO);
	ask(1);
	assert_int_equal(last_fault(), 0);
	put32(VTD_REG_FSTS, VTD_FSTS_PFO);
	ask(1);
	assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_NOT_PRESENT);
	assert_int_equal(get32(VTD_REG_FSTS), 0);
}

/* What is remembered is used until it is invalidated, and then no longer. */
static void
stale_entries_show(void **state)
{
	struct vtd_desc request;

	(void)state;
	rig_start(2);
	ask(1);
	serve_all();
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	pasid_entry(1)[0] = 0;
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	step();
	serve_all();
	assert_clean();
	/* the driver forgets the invalidation, and says that it is done */
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	step();
	step();
	assert_in_range(verdict(false).stale, 1, 1000);
	do
		request = fetch();
	while (((request.q[0] >> VTD_PRQ0_PASID_SHIFT) & 0xfffff) != 1);
	answer(&request, VTD_RC_INVALID);
	assert_int_equal(verdict(false).unexpected, 1);
}

static void
invalidated_entries_are_gone(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(2);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	for (i = 0; i < 50; i++) {
		step();
		serve_all();
	}
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	pasid_entry(1)[0] = 0;
	forget_pasid(1);
	while (pending() != 0)
		serve_all(), uiommu_emu_traffic_run(rig.emu, false);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	uiommu_emu_traffic_run(rig.emu, true);
	for (i = 0; i < 50; i++) {
		step();
		serve_all();
	}
	assert_in_range(verdict(false).auto_invalid, 100, 10000);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	bond(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_ATTACHED);
	rig_rest();
	assert_clean();
}

static void
invalid_is_right_only_in_between(void **state)
{
	struct vtd_desc request;

	(void)state;
	rig_start(1);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	request = fetch();
	answer(&request, VTD_RC_INVALID);
	assert_clean();
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_ATTACHED);
	request = fetch();
	answer(&request, VTD_RC_INVALID);
	assert_int_equal(verdict(false).wrong, 1);
	request = fetch();
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	answer(&request, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).unexpected, 1);
	assert_int_equal(uiommu_emu_pasid_state(rig.emu, DEVICE, 9, UIOMMU_EMU_DETACHED), -ENOENT);
	assert_int_equal(uiommu_emu_pasid_state(rig.emu, DEVICE, 1, 3), -EINVAL);
}

static void
quiet_devices_send_a_stop_marker(void **state)
{
	struct vtd_desc request;
	unsigned int i;

	(void)state;
	rig_start(1);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	assert_int_equal(uiommu_emu_pasid_quiesce(rig.emu, DEVICE, 1, true), 0);
	for (i = 0; i < 10; i++)
		step();
	assert_int_equal(pending(), 1);
	assert_int_equal(verdict(false).stop_markers, 1);
	request = fetch();
	assert_int_equal(request.q[1] & 7, VTD_PRQ1_LPIG);
	assert_clean();
	answer(&request, VTD_RC_INVALID);
	assert_int_equal(verdict(false).unexpected, 1);
	uiommu_emu_pasid_quiesce(rig.emu, DEVICE, 1, false);
	for (i = 0; i < 10; i++)
		step();
	assert_in_range(pending(), 8, ENTRIES);
	rig_rest();
	assert_int_equal(verdict(true).unexpected, 1);
}

/* With caching mode, absence is remembered until it is invalidated, S 6.1 */
static void
caching_mode_remembers_absence(void **state)
{
	struct uiommu_args args[] = {{"cap_set", VTD_CAP_CM, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	rig_up();
	rig_device(2, 0);
	pasid_entry(1)[0] = 0;
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	bond(1);
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	forget_pasid(1);
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	/* S 11.4.2: domain 0 is reserved */
	pasid_entry(2)[1] = 0;
	assert_int_equal(ask(2), UIOMMU_EMU_AUTO_INVALID);
}

static void
freed_memory_is_noticed(void **state)
{
	const uint64_t table = rig.table.pa;

	(void)state;
	(void)table;
	rig_start(1);
	uiommu_dma_free(&rig.plat, &rig.table);
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_ACCESS);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
dma_goes_by_the_page_table(void **state)
{
	static const uint64_t iova = UINT64_C(0x123456789000);
	uint64_t *level[4];
	unsigned int i, shift;

	(void)state;
	rig_start(1);
	for (i = 0; i < 4; i++) {
		if (i > 0)
			memory(&rig.page_table[i], 4096);
		level[i] = (uint64_t *)rig.page_table[i].va;
		shift = 39 - 9 * i;
		level[i] += (iova >> shift) % 512;
	}
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, iova, false));
	assert_int_equal(last_fault(), VTD_FR_FS_NOT_PRESENT);
	for (i = 0; i < 3; i++)
		*level[i] = rig.page_table[i + 1].pa | VTD_FS_P | VTD_FS_RW | VTD_FS_US;
	*level[3] = rig.status.pa | VTD_FS_P | VTD_FS_US;
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, iova, false));
	assert_int_equal(*level[3] & (VTD_FS_A | VTD_FS_D), VTD_FS_A);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, iova, true));
	assert_int_equal(last_fault(), VTD_FR_WRITE_DENIED);
	*level[3] |= VTD_FS_RW;
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, iova, true));
	assert_int_equal(last_fault(), VTD_FR_WRITE_DENIED);
	forget_translations();
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, iova, true));
	assert_int_equal(*level[3] & (VTD_FS_A | VTD_FS_D), VTD_FS_A | VTD_FS_D);
	*level[2] &= ~VTD_FS_US;
	forget_translations();
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, iova, false));
	assert_int_equal(last_fault(), VTD_FR_USER);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, UINT64_C(1) << 50, false));
	assert_int_equal(last_fault(), VTD_FR_FS_NOT_CANONICAL);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0xfee00000, true));
	assert_int_equal(last_fault(), VTD_FR_INTERRUPT_RANGE);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 2, iova, false));
	assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_NOT_PRESENT);
	assert_clean();
}

static void
dma_of_second_stage_and_passthrough(void **state)
{
	uint64_t *top;

	(void)state;
	rig_start(1);
	top = rig.page_table[0].va;
	pasid_entry(1)[0] = rig.page_table[0].pa | VTD_AW_48 << VTD_PE0_AW_SHIFT |
			    (uint64_t)VTD_PGTT_SECOND << VTD_PE0_PGTT_SHIFT | VTD_PE0_P;
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, false));
	assert_int_equal(last_fault(), VTD_FR_SS_PERMISSION);
	memory(&rig.page_table[1], 4096);
	/* a leaf of 1 GiB under the top level, readable */
	top[0] = rig.page_table[1].pa | 3;
	*(uint64_t *)rig.page_table[1].va = VTD_FS_PS | 1;
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, false));
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, true));
	assert_int_equal(last_fault(), VTD_FR_SS_PERMISSION);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, UINT64_C(1) << 48, false));
	assert_int_equal(last_fault(), VTD_FR_SS_ADDRESS);
	pasid_entry(1)[0] = (uint64_t)VTD_PGTT_PASSTHROUGH << VTD_PE0_PGTT_SHIFT | VTD_PE0_P;
	forget_pasid(1);
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, UINT64_C(1) << 48, true));
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(commands_take_a_step),
		CASE(translation_needs_a_root),
		CASE(registers_read_as_written),
		CASE(capabilities_come_from_arguments),
		CASE(no_model_no_unit),
		CASE(table_faults_have_their_reasons),
		CASE(fault_processing_can_be_disabled),
		CASE(fault_records_overflow),
		CASE(stale_entries_show),
		CASE(invalidated_entries_are_gone),
		CASE(invalid_is_right_only_in_between),
		CASE(quiet_devices_send_a_stop_marker),
		CASE(caching_mode_remembers_absence),
		CASE(freed_memory_is_noticed),
		CASE(dma_goes_by_the_page_table),
		CASE(dma_of_second_stage_and_passthrough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
