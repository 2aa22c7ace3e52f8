/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The emulated VT-d unit: page requests allowed or not, faults hidden or not, and translation in
 * two stages.
 */

#include "emu_rig.h"

/* Guest addresses: root of the first-stage table and those below it, a page of data */
#define GUEST_TABLE UINT64_C(0x10000)
#define GUEST_DATA UINT64_C(0x7654321000)
#define IOVA UINT64_C(0x123456789000)

#define SS_READ 1
#define SS_READ_WRITE 3

static void
forget_context(void)
{
	queue_put(VTD_QI_CONTEXT | VTD_CONTEXT_GRAN_DEVICE << VTD_QI_GRAN_SHIFT |
			  (uint64_t)DEVICE << VTD_QI_CONTEXT_SID_SHIFT, 0);
	assert_true(queue_wait());
}

/* --------------------------------------------------------------- page requests */

static void
unit_answers_where_requests_are_off(void **state)
{
	struct uiommu_emu_request req = request_for(1, 400);

	(void)state;
	rig_start(1);
	context_entry(DEVICE)[0] &= ~VTD_CTX0_PRE;
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	assert_int_equal(last_fault(), VTD_FR_PRE_CLEAR);
	req.last = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_DROPPED);
	assert_int_equal(last_fault(), VTD_FR_PRE_CLEAR);
	/* translation goes on */
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, false));
	assert_int_equal(last_fault(), VTD_FR_FS_NOT_PRESENT);
	/* the entry is remembered as it was */
	context_entry(DEVICE)[0] |= VTD_CTX0_PRE;
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	forget_context();
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	serve_all();
	/* and said nothing of, where the context entry says so */
	context_entry(DEVICE)[0] ^= VTD_CTX0_PRE | VTD_CTX0_FPD;
	forget_context();
	last_fault();
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	assert_int_equal(last_fault(), 0);
	assert_int_equal(verdict(true).lost, 0);
}

/* Requests switched off, with the invalidation that this needs, or without it. */
static void
requests_switched_off(bool invalidate)
{
	unsigned int i;

	rig_start(2);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	for (i = 0; i < 50; i++) {
		step();
		serve_all();
	}
	for (i = 1; i <= 2; i++)
		uiommu_emu_pasid_state(rig.emu, DEVICE, i, UIOMMU_EMU_CHANGING);
	context_entry(DEVICE)[0] &= ~VTD_CTX0_PRE;
	if (invalidate)
		forget_context();
	uiommu_emu_traffic_run(rig.emu, false);
	while (pending() != 0)
		serve_all();
	assert_clean();
	/* the PASID entries are as they were */
	for (i = 1; i <= 2; i++)
		uiommu_emu_pasid_state(rig.emu, DEVICE, i, UIOMMU_EMU_DETACHED);
	uiommu_emu_traffic_run(rig.emu, true);
	for (i = 0; i < 10; i++)
		step();
}

static void
stale_page_requests_show(void **state)
{
	(void)state;
	requests_switched_off(false);
	assert_in_range(verdict(false).stale, 10, UINT32_MAX);
}

static void
page_requests_are_off_when_invalidated(void **state)
{
	(void)state;
	requests_switched_off(true);
	assert_in_range(verdict(false).auto_invalid, 10, UINT32_MAX);
	assert_int_equal(pending(), 0);
	assert_clean();
}

/* The judge takes up what it was told before a request by hand, and looks at these too. */
static void
stale_requests_by_hand_show(void **state)
{
	(void)state;
	rig_start(1);
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	assert_int_equal(verdict(false).stale, 0);
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	assert_int_equal(verdict(false).stale, 1);
}

/* ---------------------------------------------------------------------- faults */

/* Absent, and silent about it: for DMA as for page requests, S 9.6 */
static void
absent_entries_can_hide_faults(void **state)
{
	(void)state;
	rig_start(1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, true));
	assert_int_equal(last_fault(), VTD_FR_FS_NOT_PRESENT);
	pasid_entry(1)[0] = (pasid_entry(1)[0] & ~VTD_PE0_P) | VTD_PE0_FPD;
	forget_pasid(1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, true));
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
	assert_int_equal(last_fault(), 0);
	assert_int_equal(verdict(false).faults_recorded, 1);
	pasid_entry(1)[0] &= ~VTD_PE0_FPD;
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, true));
	assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_NOT_PRESENT);
	assert_clean();
}

/* With caching mode the silence is remembered with the absence. */
static void
hidden_faults_are_remembered(void **state)
{
	struct uiommu_args args[] = {{"cap_set", VTD_CAP_CM, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	rig_up();
	rig_device(1, 0);
	pasid_entry(1)[0] = VTD_PE0_FPD;
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, true));
	pasid_entry(1)[0] = 0;
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, true));
	assert_int_equal(last_fault(), 0);
	forget_pasid(1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, true));
	assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_NOT_PRESENT);
	assert_clean();
}

/* ---------------------------------------------------------------- second stage */

static struct uiommu_dma second, first[4], data;

/* A page of the second stage, with the tables on the way to it. @return its entry */
static uint64_t *
second_map(uint64_t guest_pa, uint64_t host_pa, uint64_t access)
{
	uint64_t *table = second.va;
	struct uiommu_dma mem;
	unsigned int shift;
	uint64_t *entry;

	for (shift = 39; shift > 12; shift -= 9) {
		entry = &table[guest_pa >> shift & 0x1ff];
		if (*entry == 0) {
			memory(&mem, 4096);
			*entry = mem.pa | SS_READ_WRITE;
		}
		table = (uint64_t *)(uintptr_t)(*entry & VTD_ADDR_MASK);
	}
	entry = &table[guest_pa >> 12 & 0x1ff];
	*entry = host_pa | access;
	return entry;
}

/* Four levels of a guest's table, at guest addresses one behind the other. */
static void
guest_tables(void)
{
	unsigned int i;

	memory(&second, 4096);
	memory(&data, 4096);
	for (i = 0; i < 4; i++)
		memory(&first[i], 4096);
}

static uint64_t *
guest_entry(unsigned int level)
{
	return (uint64_t *)first[level].va + (IOVA >> (39 - 9 * level) & 0x1ff);
}

static void
kind_set(uint64_t pgtt, unsigned int aw)
{
	pasid_entry(1)[0] = 0;
	pasid_entry(1)[2] = pgtt == VTD_PGTT_NESTED ? GUEST_TABLE : 0;
	pasid_entry(1)[0] = second.pa | (uint64_t)aw << VTD_PE0_AW_SHIFT |
			    pgtt << VTD_PE0_PGTT_SHIFT | VTD_PE0_P;
	forget_pasid(1);
}

static void
dma_fails(uint64_t iova, bool write, unsigned int reason)
{
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, iova, write));
	assert_int_equal(last_fault(), reason);
}

/* What a table lets through at first: nothing. Page requests do not look at tables. */
static void
empty_tables_block(void **state)
{
	(void)state;
	rig_start(1);
	guest_tables();
	kind_set(VTD_PGTT_SECOND, VTD_AW_48);
	dma_fails(IOVA, false, VTD_FR_SS_PERMISSION);
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	kind_set(VTD_PGTT_NESTED, VTD_AW_48);
	dma_fails(IOVA, false, VTD_FR_FS_NESTED);
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	serve_all();
	assert_clean();
}

/* Addresses of the guest's tables and of its pages are guest addresses. */
static void
nested_walks_go_through_both(void **state)
{
	uint64_t *page;
	unsigned int i;

	(void)state;
	rig_start(1);
	guest_tables();
	kind_set(VTD_PGTT_NESTED, VTD_AW_48);
	for (i = 0; i < 4; i++) {
		/* the table of this level cannot be reached yet */
		dma_fails(IOVA, false, VTD_FR_FS_NESTED);
		second_map(GUEST_TABLE + i * 4096, first[i].pa, SS_READ_WRITE);
		dma_fails(IOVA, false, VTD_FR_FS_NOT_PRESENT);
		*guest_entry(i) = (i < 3 ? GUEST_TABLE + (i + 1) * 4096 : GUEST_DATA) | VTD_FS_P |
				  VTD_FS_RW | VTD_FS_US;
	}
	/* a page of the guest that its host does not have */
	dma_fails(IOVA, false, VTD_FR_SS_PERMISSION);
	page = second_map(GUEST_DATA, data.pa, SS_READ);
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, false));
	/* both have a say */
	dma_fails(IOVA, true, VTD_FR_SS_PERMISSION);
	*page |= SS_READ_WRITE;
	dma_fails(IOVA, true, VTD_FR_SS_PERMISSION);
	forget_translations();
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, true));
	*guest_entry(3) &= ~VTD_FS_RW;
	forget_translations();
	dma_fails(IOVA, true, VTD_FR_WRITE_DENIED);
	/* a guest address beyond the width of the host's table */
	*guest_entry(2) = UINT64_C(1) << 48 | VTD_FS_P | VTD_FS_RW | VTD_FS_US;
	forget_translations();
	dma_fails(IOVA, false, VTD_FR_FS_NESTED);
	assert_clean();
}

static void
second_stage_translates_alone(void **state)
{
	uint64_t *page;

	(void)state;
	rig_start(1);
	guest_tables();
	kind_set(VTD_PGTT_SECOND, VTD_AW_48);
	page = second_map(IOVA, data.pa, SS_READ);
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, false));
	dma_fails(IOVA, true, VTD_FR_SS_PERMISSION);
	dma_fails(IOVA + 4096, false, VTD_FR_SS_PERMISSION);
	/* IW without ECAP.SSIRWS */
	*page |= UINT64_C(1) << 62;
	forget_translations();
	dma_fails(IOVA, false, VTD_FR_SS_RESERVED);
	assert_clean();
}

/* Large pages as far as CAP.SSLPS has them: bit 34 for 2 MiB, bit 35 for 1 GiB */
static void
large_pages_need_the_unit(void **state)
{
	struct uiommu_args args[] = {{"cap_clear", UINT64_C(1) << 35, NULL}, {NULL, 0, NULL}};
	uint64_t *table;

	(void)state;
	rig_open(args);
	rig_up();
	rig_device(1, 0);
	guest_tables();
	kind_set(VTD_PGTT_SECOND, VTD_AW_48);
	second_map(IOVA, data.pa, SS_READ);
	table = (uint64_t *)(uintptr_t)(((uint64_t *)second.va)[IOVA >> 39] & VTD_ADDR_MASK);
	table = (uint64_t *)(uintptr_t)(table[IOVA >> 30 & 0x1ff] & VTD_ADDR_MASK);
	table[IOVA >> 21 & 0x1ff] = VTD_FS_PS | SS_READ;
	forget_translations();
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 1, IOVA, false));
	table = (uint64_t *)(uintptr_t)(((uint64_t *)second.va)[IOVA >> 39] & VTD_ADDR_MASK);
	table[IOVA >> 30 & 0x1ff] = VTD_FS_PS | SS_READ;
	forget_translations();
	dma_fails(IOVA, false, VTD_FR_SS_RESERVED);
}

/* What kinds a unit has, and with what widths; S 9.6, 11.4.2, 11.4.3 */
static void
kinds_need_the_unit(void **state)
{
	static const struct {
		uint64_t cap_clear;
		uint64_t ecap_clear;
		unsigned int aw;
		bool second;
		bool nested;
	} cases[] = {
		{0, 0, 2, true, true},
		{0, 0, 3, true, true},
		{0, 0, 1, false, false},
		{0, 0, 0, false, false},
		{UINT64_C(1) << 11, 0, 3, false, false},
		/* NEST, SSTS, both */
		{0, UINT64_C(1) << 26, 2, true, false},
		{0, UINT64_C(1) << 46, 2, false, false},
		{0, UINT64_C(0x400004000000), 2, false, false},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		struct uiommu_args args[] = {
			{"cap_clear", cases[i].cap_clear, NULL},
			{"ecap_clear", cases[i].ecap_clear, NULL},
			{NULL, 0, NULL},
		};

		rig_open(args);
		rig_up();
		rig_device(1, 0);
		guest_tables();
		kind_set(VTD_PGTT_SECOND, cases[i].aw);
		assert_int_equal(ask(1), cases[i].second ? UIOMMU_EMU_QUEUED :
							   UIOMMU_EMU_AUTO_INVALID);
		assert_int_equal(last_fault(), cases[i].second ? 0 : VTD_FR_PASID_ENTRY_INVALID);
		kind_set(VTD_PGTT_NESTED, cases[i].aw);
		assert_int_equal(ask(1), cases[i].nested ? UIOMMU_EMU_QUEUED :
							   UIOMMU_EMU_AUTO_INVALID);
		assert_int_equal(last_fault(), cases[i].nested ? 0 : VTD_FR_PASID_ENTRY_INVALID);
		/* a bit that no unit has a use for */
		kind_set(VTD_PGTT_SECOND, cases[i].aw);
		pasid_entry(1)[0] |= UINT64_C(1) << 5;
		assert_int_equal(ask(1), UIOMMU_EMU_AUTO_INVALID);
		assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_RESERVED);
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(unit_answers_where_requests_are_off),
		CASE(stale_page_requests_show),
		CASE(page_requests_are_off_when_invalidated),
		CASE(stale_requests_by_hand_show),
		CASE(absent_entries_can_hide_faults),
		CASE(hidden_faults_are_remembered),
		CASE(empty_tables_block),
		CASE(nested_walks_go_through_both),
		CASE(second_stage_translates_alone),
		CASE(large_pages_need_the_unit),
		CASE(kinds_need_the_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
