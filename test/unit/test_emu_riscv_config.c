/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: device and process directories, "Device-Directory-Table (DDT)",
 * "Process-Directory-Table (PDT)", "Process to translate an IOVA", and what is remembered of them.
 */

#include "emu_riscv_rig.h"

#define BIT(n) (UINT64_C(1) << (n))

/* Cause of an access with what there is now, nothing being remembered. */
static unsigned int
cause_of(uint32_t did, uint32_t pasid)
{
	IODIR_ALL();
	VMA_ALL();
	return dma(did, pasid, 0x5000, false);
}

/* Page 5 is there. */
static void
open_page(struct uiommu_args *args)
{
	rig_start_args(1, args);
	*page(0x5000) = PAGE(rig.message.pa) | PTE_A | PTE_D;
	assert_int_equal(cause_of(DEVICE, 1), 0);
}

static void
test_reserved_bits_of_device_contexts(void **state)
{
	static const struct {
		unsigned int word;
		uint64_t bits;
	} bad[] = {
		{0, BIT(12)}, {0, BIT(23)}, {0, BIT(32)}, {0, BIT(63)},
		{2, BIT(0)}, {2, BIT(11)}, {2, BIT(32)}, {2, BIT(39)},
		/* RCID and MCID without QOSID */
		{2, BIT(40)}, {2, BIT(63)},
		{3, BIT(44)}, {3, BIT(59)},
		{4, BIT(44)}, {4, BIT(59)},
		/* as wide as an address, 52 bits */
		{5, BIT(40)}, {5, BIT(63)}, {6, BIT(40)},
		{7, BIT(0)}, {7, BIT(63)},
	};
	unsigned int i;

	(void)state;
	open_page(NULL);
	for (i = 0; i < RTE_DIM(bad); i++) {
		dc(DEVICE)[bad[i].word] ^= bad[i].bits;
		assert_int_equal(cause_of(DEVICE, 1), 259);
		dc(DEVICE)[bad[i].word] ^= bad[i].bits;
	}
	/* custom ones, and what is not looked at */
	dc(DEVICE)[0] |= UINT64_C(0xff) << 24;
	dc(DEVICE)[2] |= UINT64_C(0xfffff) << 12;
	dc(DEVICE)[5] |= BIT(39);
	assert_int_equal(cause_of(DEVICE, 1), 0);
	/* what is not valid may be anything */
	dc(DEVICE)[0] = UINT64_MAX - 1;
	assert_int_equal(cause_of(DEVICE, 1), 258);
	assert_clean();
}

/* "Device-context configuration checks", by their place in the list. */
static void
test_misconfigured_device_contexts(void **state)
{
	static const struct {
		uint64_t tc, iohgatp, fsc, msiptp;
	} bad[] = {
		{TC_PDTV | TC_T2GPA, 0, PD20 << 60, 0},
		{TC_PDTV | TC_EN_PRI, 0, PD20 << 60, 0},
		{TC_PDTV | TC_EN_ATS | TC_PRPR, 0, PD20 << 60, 0},
		{TC_PDTV | TC_EN_ATS | TC_T2GPA, 0, PD20 << 60, 0},
		{TC_PDTV, 0, UINT64_C(4) << 60, 0},
		{TC_PDTV, 0, UINT64_C(15) << 60, 0},
		{0, 0, UINT64_C(1) << 60, 0},
		{0, 0, UINT64_C(11) << 60, 0},
		{TC_DPE, 0, SV48 << 60, 0},
		{TC_PDTV, UINT64_C(1) << 60, PD20 << 60, 0},
		{TC_PDTV, UINT64_C(8) << 60, PD20 << 60, 0},
		{TC_PDTV, 0, PD20 << 60, UINT64_C(1) << 60},
		{TC_PDTV, 0, PD20 << 60, UINT64_C(2) << 60},
		{TC_PDTV | BIT(10), 0, PD20 << 60, 0},
		{TC_PDTV | BIT(11), 0, PD20 << 60, 0},
	};
	unsigned int i;

	(void)state;
	open_page(NULL);
	for (i = 0; i < RTE_DIM(bad); i++) {
		dc(DEVICE)[0] = 0;
		dc(DEVICE)[1] = bad[i].iohgatp;
		dc(DEVICE)[3] = bad[i].fsc | rig.pdt[0].pa >> 12;
		dc(DEVICE)[4] = bad[i].msiptp;
		dc(DEVICE)[0] = TC_V | bad[i].tc;
		assert_int_equal(cause_of(DEVICE, 1), 259);
	}
	assert_clean();
}

static void
misconfigured_without(uint64_t capability, uint64_t tc, uint64_t mode)
{
	struct uiommu_args args[] = {{"caps_clear", capability, NULL}, {NULL, 0, NULL}};

	rig_open(args);
	rig_up();
	dc(DEVICE)[3] = mode << 60 | rig.pdt[0].pa >> 12;
	dc(DEVICE)[0] = TC_V | tc;
	assert_int_equal(dma(DEVICE, 1, 0, false), 259);
	rig_close(NULL);
}

static void
test_what_capabilities_do_not_have(void **state)
{
	(void)state;
	misconfigured_without(BIT(25), TC_PDTV | TC_EN_ATS, PD20);
	misconfigured_without(BIT(24), TC_PDTV | TC_SADE, PD20);
	misconfigured_without(BIT(24), TC_PDTV | BIT(7), PD20);
	misconfigured_without(BIT(40), TC_PDTV, PD20);
	misconfigured_without(BIT(39), TC_PDTV, 2);
	misconfigured_without(BIT(38), TC_PDTV, 1);
	misconfigured_without(BIT(11), 0, 10);
	misconfigured_without(BIT(11) | BIT(10), 0, 9);
	misconfigured_without(BIT(11) | BIT(10) | BIT(9), 0, 8);
}

static void
test_process_contexts(void **state)
{
	static const uint64_t bad[][2] = {
		{BIT(3), 0}, {BIT(11), 0}, {BIT(32), 0}, {BIT(63), 0},
		{0, BIT(44)}, {0, BIT(59)}, {0, BIT(61)}, {0, UINT64_C(6) << 60},
	};
	unsigned int i;

	(void)state;
	open_page(NULL);
	for (i = 0; i < RTE_DIM(bad); i++) {
		pc(1)[0] ^= bad[i][0];
		pc(1)[1] ^= bad[i][1];
		assert_int_equal(cause_of(DEVICE, 1), 267);
		pc(1)[0] ^= bad[i][0];
		pc(1)[1] ^= bad[i][1];
	}
	assert_int_equal(cause_of(DEVICE, 1), 0);
	pc(1)[0] = UINT64_MAX - 1;
	assert_int_equal(cause_of(DEVICE, 1), 266);
	((uint64_t *)rig.pdt[1].va)[0] |= BIT(1);
	assert_int_equal(cause_of(DEVICE, 1), 267);
	((uint64_t *)rig.pdt[1].va)[0] = 0;
	assert_int_equal(cause_of(DEVICE, 1), 266);
	((uint64_t *)rig.pdt[0].va)[0] = NON_LEAF(0x1000);
	assert_int_equal(cause_of(DEVICE, 1), 265);
	assert_clean();
}

static void
test_way_to_device_contexts(void **state)
{
	uint64_t *entry;

	(void)state;
	open_page(NULL);
	entry = (uint64_t *)rig.ddt[1].va + 4;
	*entry |= BIT(9);
	assert_int_equal(cause_of(DEVICE, 1), 259);
	*entry = NON_LEAF(rig.ddt[2].pa) | BIT(54);
	assert_int_equal(cause_of(DEVICE, 1), 259);
	*entry = NON_LEAF(rig.ddt[2].pa) & ~BIT(0);
	assert_int_equal(cause_of(DEVICE, 1), 258);
	*entry = NON_LEAF(0x1000);
	assert_int_equal(cause_of(DEVICE, 1), 257);
	*entry = NON_LEAF(rig.ddt[2].pa);
	assert_int_equal(cause_of(DEVICE, 1), 0);
	assert_clean();
}

/* Ids of 24 bits: 9, 9 and 6 with extended contexts, 8, 9 and 7 with base ones. */
static void
wide_id(uint64_t caps_clear, uint32_t did, unsigned int root, unsigned int middle,
	unsigned int word)
{
	struct uiommu_args args[] = {{"caps_clear", caps_clear, NULL}, {"did_bits", 24, NULL},
		{NULL, 0, NULL}};
	uint64_t *at;

	rig_open(args);
	rig_up();
	((uint64_t *)rig.ddt[0].va)[root] = NON_LEAF(rig.ddt[1].pa);
	((uint64_t *)rig.ddt[1].va)[middle] = NON_LEAF(rig.ddt[2].pa);
	at = (uint64_t *)rig.ddt[2].va + word;
	at[3] = PD20 << 60 | rig.pdt[0].pa >> 12;
	at[0] = TC_ALL;
	bond(1);
	*page(0x5000) = PAGE(rig.message.pa);
	assert_int_equal(dma(did, 1, 0x5000, false), 0);
	assert_int_equal(dma(did ^ 1, 1, 0x5000, false), 258);
	assert_int_equal(dma(did ^ 0x800000, 1, 0x5000, false), 258);
	assert_clean();
	rig_close(NULL);
}

static void
test_wide_ids(void **state)
{
	(void)state;
	wide_id(0, 0xabcdef, 0xabcdef >> 15, 0xabcdef >> 6 & 0x1ff, (0xabcdef & 0x3f) * 8);
	wide_id(BIT(22), 0xabcdef, 0xabcdef >> 16, 0xabcdef >> 7 & 0x1ff, (0xabcdef & 0x7f) * 4);
}

static void
test_levels(void **state)
{
	(void)state;
	open_page(NULL);
	/* from the middle on: device 0x108 is entry 4 there */
	ddtp(0, rig.ddt[0].pa);
	ddtp(0, rig.ddt[1].pa);
	ddtp(3, rig.ddt[1].pa);
	assert_int_equal(cause_of(DEVICE, 1), 0);
	assert_int_equal(cause_of(0x8000, 1), 260);
	/* and from the end on: 8 */
	ddtp(0, rig.ddt[1].pa);
	ddtp(0, rig.ddt[2].pa);
	ddtp(2, rig.ddt[2].pa);
	assert_int_equal(cause_of(DEVICE & 63, 1), 0);
	assert_int_equal(cause_of(DEVICE, 1), 260);
	ddtp(0, rig.ddt[2].pa);
	assert_int_equal(cause_of(DEVICE & 63, 1), 256);
	ddtp(1, rig.ddt[2].pa);
	assert_int_equal(cause_of(DEVICE & 63, 1), 0);
	assert_clean();
}

/* PD8, PD17: from the middle on, from the end on. */
static void
test_process_directories(void **state)
{
	unsigned int i;

	(void)state;
	open_page(NULL);
	assert_int_equal(cause_of(DEVICE, 0x10001), 266);
	((uint64_t *)rig.pdt[1].va)[0x1ff] = NON_LEAF(rig.pdt[2].pa);
	((uint64_t *)rig.pdt[0].va)[7] = NON_LEAF(rig.pdt[1].pa);
	assert_int_equal(cause_of(DEVICE, 0xfff01), 0);
	for (i = 1; i < 3; i++) {
		dc(DEVICE)[3] = (3 - (uint64_t)i) << 60 | rig.pdt[i].pa >> 12;
		assert_int_equal(cause_of(DEVICE, 1), 0);
		assert_int_equal(cause_of(DEVICE, i == 1 ? 0x1ff01 : 0xff), i == 1 ? 0 : 266);
		assert_int_equal(cause_of(DEVICE, i == 1 ? 0x20001 : 0x101), 260);
	}
	/* no directory: nobody is translated */
	dc(DEVICE)[3] = 0;
	assert_int_equal(cause_of(DEVICE, 1), 0);
	IODIR_ALL();
	assert_int_equal(dma(DEVICE, 1, UINT64_C(1) << 51, false), 0);
	assert_int_equal(dma(DEVICE, 1, UINT64_C(1) << 52, false), 5);
	assert_clean();
}

static void
test_requests_without_process(void **state)
{
	(void)state;
	open_page(NULL);
	assert_int_equal(cause_of(DEVICE, UINT32_MAX), 266);
	bond(0);
	assert_int_equal(cause_of(DEVICE, UINT32_MAX), 0);
	assert_int_equal(dma(DEVICE, UINT32_MAX, 0x6000, true), 15);
	/* DPE 0: not translated */
	dc(DEVICE)[0] &= ~(uint64_t)TC_DPE;
	IODIR_ALL();
	assert_int_equal(dma(DEVICE, UINT32_MAX, 0x6000, true), 0);
	assert_int_equal(dma(DEVICE, 1, 0x6000, true), 15);
	/* no processes at all */
	dc(DEVICE)[0] &= ~(uint64_t)TC_PDTV;
	dc(DEVICE)[3] = SV48 << 60 | rig.table[0].pa >> 12;
	assert_int_equal(cause_of(DEVICE, UINT32_MAX), 0);
	assert_int_equal(dma(DEVICE, UINT32_MAX, 0x6000, true), 15);
	assert_int_equal(cause_of(DEVICE, 1), 260);
	assert_clean();
}

static void
test_bare_process(void **state)
{
	(void)state;
	open_page(NULL);
	pc(1)[1] = 0;
	IODIR_PDT(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, 0x123456000, true), 0);
	assert_clean();
}

/* DTF hides what is not about the directory of devices. */
static void
test_hidden_faults(void **state)
{
	(void)state;
	open_page(NULL);
	dc(DEVICE)[0] |= TC_DTF;
	IODIR_DDT(DEVICE);
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), UINT32_MAX);
	assert_int_equal(dma(DEVICE, 2, 0x6000, false), UINT32_MAX);
	dc(DEVICE)[0] |= BIT(12);
	IODIR_DDT(DEVICE);
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 259);
	dc(DEVICE)[0] = 0;
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 258);
	assert_clean();
}

/* ------------------------------------------------------------------ what is remembered */

static void
test_device_contexts_are_remembered(void **state)
{
	(void)state;
	open_page(NULL);
	dc(DEVICE)[0] = 0;
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	/* of another one, and of processes, and of tables: none of them helps */
	IODIR_DDT(STRANGER);
	IODIR_PDT(DEVICE, 1);
	VMA_ALL();
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	IODIR_DDT(DEVICE);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 258);
	/* what is not valid is not remembered */
	dc(DEVICE)[0] = TC_ALL;
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	assert_int_equal(verdict(true).protocol, 0);
}

static void
test_process_contexts_are_remembered(void **state)
{
	(void)state;
	open_page(NULL);
	pc(1)[0] = 0;
	IODIR_PDT(DEVICE, 2);
	VMA_ALL();
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	IODIR_PDT(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 266);
	bond(1);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	/* they go with their device */
	pc(1)[0] = 0;
	IODIR_DDT(DEVICE);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 266);
	assert_clean();
}

static void
test_process_zero_by_both_names(void **state)
{
	static const uint32_t pasids[] = {UINT32_MAX};
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = DEVICE, .nb_pasids = 1, .pasids = pasids,
	};

	(void)state;
	rig_open(NULL);
	rig_up();
	endpoint(DEVICE);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
	bond(0);
	*page(0x5000) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, UINT32_MAX, 0x5000, false), 0);
	pc(0)[0] = 0;
	assert_int_equal(dma(DEVICE, UINT32_MAX, 0x5000, false), 0);
	IODIR_PDT(DEVICE, 0);
	assert_int_equal(dma(DEVICE, UINT32_MAX, 0x5000, false), 266);
	assert_clean();
}

/* The way to a context stays when the context goes. */
static void
test_ways_are_remembered(void **state)
{
	struct uiommu_dma other;

	(void)state;
	open_page(NULL);
	memory(&other, 4096);
	memcpy(other.va, rig.pdt[2].va, 4096);
	((uint64_t *)rig.pdt[1].va)[0] = NON_LEAF(other.pa);
	pc(1)[0] = 0;
	IODIR_PDT(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 266);
	assert_int_not_equal(uiommu_emu_audit(rig.emu), 0);
	uiommu_emu_reset_counters(rig.emu);
	/* "if software changes a non-leaf-level PDT entry" */
	IODIR_DDT(DEVICE);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	memcpy(rig.pdt[2].va, rig.ddt[2].va, 4096);
	((uint64_t *)rig.ddt[1].va)[4] = NON_LEAF(rig.pdt[2].pa);
	dc(DEVICE)[0] = 0;
	IODIR_DDT(DEVICE);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 258);
	IODIR_ALL();
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_int_equal(verdict(true).protocol, 0);
}

static void
test_tables_in_freed_memory(void **state)
{
	(void)state;
	open_page(NULL);
	uiommu_dma_free(&rig.plat, &rig.pdt[2]);
	assert_int_equal(cause_of(DEVICE, 1), 265);
	assert_int_equal(verdict(true).protocol, 1);
}

static void
test_audit_of_contexts(void **state)
{
	(void)state;
	open_page(NULL);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	pc(1)[0] |= 1 << 2;
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
	IODIR_PDT(DEVICE, 1);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	dc(DEVICE)[0] |= TC_DTF;
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
	IODIR_DDT(DEVICE);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_int_equal(verdict(false).stale, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_reserved_bits_of_device_contexts),
		CASE(test_misconfigured_device_contexts),
		CASE(test_what_capabilities_do_not_have),
		CASE(test_process_contexts),
		CASE(test_way_to_device_contexts),
		CASE(test_wide_ids),
		CASE(test_levels),
		CASE(test_process_directories),
		CASE(test_requests_without_process),
		CASE(test_bare_process),
		CASE(test_hidden_faults),
		CASE(test_device_contexts_are_remembered),
		CASE(test_process_contexts_are_remembered),
		CASE(test_process_zero_by_both_names),
		CASE(test_ways_are_remembered),
		CASE(test_tables_in_freed_memory),
		CASE(test_audit_of_contexts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
