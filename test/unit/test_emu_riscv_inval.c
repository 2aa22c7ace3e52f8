/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: what the unit and devices remember of translations, and how they are
 * made to forget: IOTINVAL, ATS.INVAL.
 */

#include "emu_riscv_rig.h"

#define BIT(n) (UINT64_C(1) << (n))
#define NL BIT(34)
#define SIZED BIT(9)
#define AT 0x5000

/* Two processes with the same tables; a page, remembered for both. */
static void
cached(void)
{
	rig_start(2);
	*page(AT) = PAGE(rig.message.pa) | PTE_A | PTE_D;
	assert_int_equal(dma(DEVICE, 1, AT, true), 0);
	assert_int_equal(dma(DEVICE, 2, AT, true), 0);
	*page(AT) = 0;
}

static bool
remembers(uint32_t pasid)
{
	return dma(DEVICE, pasid, AT, true) == 0;
}

static void
test_pages_are_remembered(void **state)
{
	(void)state;
	cached();
	assert_true(remembers(1));
	assert_true(remembers(2));
	/* what is not about tables does not take it */
	IODIR_ALL();
	run(4 | UINT64_C(1) << 32 | 1 << 12 | (uint64_t)DEVICE << 40, UINT64_C(0x7ffffffffffff800));
	run(1 | 1 << 7, 0);
	assert_true(remembers(1));
	VMA_ALL();
	assert_false(remembers(1));
	assert_false(remembers(2));
	assert_clean();
}

static void
test_by_pscid(void **state)
{
	(void)state;
	cached();
	VMA_PSCID(3);
	VMA_PSCID(2);
	assert_true(remembers(1));
	assert_false(remembers(2));
	VMA_PSCID(1);
	assert_false(remembers(1));
	assert_clean();
}

static void
test_by_page(void **state)
{
	(void)state;
	cached();
	VMA_PAGE(1, 0x4000, 0);
	VMA_PAGE(1, 0x6000, 0);
	VMA_PAGE(1, AT | UINT64_C(1) << 63, 0);
	assert_true(remembers(1));
	VMA_PAGE(1, AT, 0);
	assert_false(remembers(1));
	assert_true(remembers(2));
	/* of all processes */
	run(1 | 1 << 10, AT >> 2);
	assert_false(remembers(2));
	assert_clean();
}

static void
test_by_range(void **state)
{
	(void)state;
	cached();
	/* 8 KiB at 6000; with S 0 one page */
	run(1 | 1 << 10, (UINT64_C(0x6000) >> 2) | SIZED);
	run(1 | 1 << 10, UINT64_C(0x7000) >> 2);
	assert_true(remembers(1));
	/* 16 KiB at 4000: ones below a zero */
	run(1 | 1 << 10 | PSCID(1) << 12 | BIT(32), (UINT64_C(0x5000) >> 2) | SIZED);
	assert_false(remembers(1));
	assert_true(remembers(2));
	/* everything: the top bit 0, ones below */
	run(1 | 1 << 10, (UINT64_C(0x7ffffffffffff000) >> 2) | SIZED);
	assert_false(remembers(2));
	assert_clean();
}

/* A page of 2 MiB goes with any of its addresses. */
static void
test_large_page(void **state)
{
	uint64_t *entry;

	(void)state;
	rig_start(1);
	entry = (uint64_t *)rig.table[2].va + 1;
	*entry = PTE(0x40000000, 0xd7);
	assert_int_equal(dma(DEVICE, 1, 0x234000, false), 0);
	*entry = 0;
	assert_int_equal(dma(DEVICE, 1, 0x3ff000, false), 0);
	VMA_PAGE(1, 0x400000, 0);
	assert_int_equal(dma(DEVICE, 1, 0x3ff000, false), 0);
	VMA_PAGE(1, 0x210000, 0);
	assert_int_equal(dma(DEVICE, 1, 0x234000, false), 13);
	assert_clean();
}

/* Tables are remembered as well, and are another matter. */
static void
test_tables(void **state)
{
	struct uiommu_dma other;

	(void)state;
	cached();
	memory(&other, 4096);
	((uint64_t *)other.va)[5] = PAGE(rig.message.pa);
	*(uint64_t *)rig.table[2].va = NON_LEAF(other.pa);
	/* leaves alone: the old table still is what is looked at */
	VMA_PAGE(1, AT, 0);
	assert_false(remembers(1));
	/* NL of another page below the same table takes it */
	VMA_PAGE(1, 0x9000, NL);
	assert_true(remembers(1));
	assert_int_equal(((uint64_t *)other.va)[5], PAGE(rig.message.pa) | PTE_A | PTE_D);
	VMA_PAGE(2, AT, 0);
	assert_false(remembers(2));
	VMA_PSCID(2);
	assert_true(remembers(2));
	assert_clean();
}

static void
test_global_pages(void **state)
{
	(void)state;
	rig_start(2);
	*page(AT) = PAGE(rig.message.pa) | PTE_G;
	assert_int_equal(dma(DEVICE, 1, AT, true), 0);
	*page(AT) = 0;
	/* of all processes, and not taken with one of them */
	assert_true(remembers(2));
	VMA_PSCID(1);
	VMA_PSCID(2);
	VMA_PAGE(1, AT, 0);
	assert_true(remembers(2));
	run(1 | 1 << 10, AT >> 2);
	assert_false(remembers(2));
	/* by a table on the way */
	*(uint64_t *)rig.table[1].va |= PTE_G;
	*page(AT) = PAGE(rig.message.pa);
	VMA_ALL();
	assert_true(remembers(1));
	*page(AT) = 0;
	VMA_PSCID(1);
	assert_true(remembers(1));
	assert_true(remembers(2));
	/* nor is that table */
	*(uint64_t *)rig.table[1].va = 0;
	*page(AT) = PAGE(rig.message.pa);
	run(1 | 1 << 10, AT >> 2);
	VMA_PSCID(1);
	assert_true(remembers(1));
	VMA_ALL();
	assert_false(remembers(1));
	assert_clean();
}

static void
test_rights_are_remembered(void **state)
{
	(void)state;
	rig_start(1);
	*page(AT) = PTE(rig.message.pa, 0xd3);
	assert_int_equal(dma(DEVICE, 1, AT, false), 0);
	*page(AT) = PTE(rig.message.pa, 0xd7);
	assert_int_equal(dma(DEVICE, 1, AT, true), 15);
	VMA_PAGE(1, AT, 0);
	assert_int_equal(dma(DEVICE, 1, AT, true), 0);
	/* a write that makes a page dirty looks at the table */
	*page(AT) = PTE(rig.message.pa, 0x57);
	VMA_PAGE(1, AT, 0);
	assert_int_equal(dma(DEVICE, 1, AT, false), 0);
	assert_int_equal(*page(AT), PTE(rig.message.pa, 0x57));
	assert_int_equal(dma(DEVICE, 1, AT, true), 0);
	assert_int_equal(*page(AT), PTE(rig.message.pa, 0xd7));
	/* absence is not remembered */
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 13);
	*page(0x6000) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 0);
	assert_clean();
}

/* --------------------------------------------------------------------------- devices */

static bool
translates(uint32_t pasid)
{
	return uiommu_emu_translate(rig.emu, DEVICE, pasid, AT, true, NULL);
}

/* Both processes have the page in the device's own cache, and the unit has forgotten it. */
static void
held(struct uiommu_args *args)
{
	rig_start_args(2, args);
	*page(AT) = PAGE(rig.message.pa);
	assert_true(translates(1));
	assert_true(translates(2));
	*page(AT) = 0;
	VMA_ALL();
	assert_true(translates(1));
}

static void
test_device_caches(void **state)
{
	(void)state;
	held(NULL);
	/* other pages, another device */
	ATS_INVAL(DEVICE, 1, 0x6000);
	ATS_INVAL(DEVICE, 1, 0x6000 | 0x800);
	ATS_INVAL(STRANGER, 1, UINT64_C(0x7ffffffffffff800));
	/* of what comes without PASID, and of another segment */
	run(4 | (uint64_t)DEVICE << 40, UINT64_C(0x7ffffffffffff800));
	run(4 | 1 << 12 | BIT(32) | BIT(33) | (uint64_t)DEVICE << 40 | BIT(56),
	    UINT64_C(0x7ffffffffffff800));
	assert_true(translates(1));
	ATS_INVAL(DEVICE, 1, 0x4000 | 0x800);
	assert_false(translates(1));
	assert_true(translates(2));
	/* G: of any PASID */
	ATS_INVAL(DEVICE, 1, 0x5000 | 1);
	assert_false(translates(2));
	assert_clean();
}

static void
test_translated_requests(void **state)
{
	uint64_t data;

	(void)state;
	rig_start(1);
	*page(AT) = PAGE(rig.message.pa);
	assert_true(uiommu_emu_access(rig.emu, DEVICE, 1, AT, false, &data, 8));
	dc(DEVICE)[0] = TC_V | TC_PDTV;
	IODIR_DDT(DEVICE);
	assert_false(uiommu_emu_access(rig.emu, DEVICE, 1, AT, false, &data, 8));
	/* TTYP 6 */
	assert_int_equal(fq_next().q[0], 260 | UINT64_C(6) << 34 | (uint64_t)DEVICE << 40);
	ddtp(0, rig.ddt[0].pa);
	assert_false(uiommu_emu_access(rig.emu, DEVICE, 1, AT, false, &data, 8));
	assert_int_equal(last_cause(), 256);
	ddtp(1, rig.ddt[0].pa);
	assert_false(uiommu_emu_access(rig.emu, DEVICE, 1, AT, false, &data, 8));
	assert_int_equal(last_cause(), 260);
}

static void
test_devices_are_asked_after_the_unit(void **state)
{
	(void)state;
	held(NULL);
	IODIR_DDT(STRANGER);
	assert_true(translates(1));
	/* another process */
	command(1 | 1 << 10 | PSCID(2) << 12 | BIT(32), AT >> 2);
	ATS_INVAL(DEVICE, 1, AT);
	assert_clean();
	*page(AT) = PAGE(rig.message.pa);
	assert_true(translates(1));
	/* without a fence between them */
	command(1 | 1 << 10 | PSCID(1) << 12 | BIT(32), AT >> 2);
	ATS_INVAL(DEVICE, 1, AT);
	assert_int_equal(verdict(false).protocol, 1);
	command(3 | 1 << 7 | 1 << 12 | BIT(33) | (uint64_t)DEVICE << 40, 0);
	ATS_INVAL(DEVICE, 1, AT);
	assert_int_equal(verdict(false).protocol, 2);
	VMA_PAGE(1, AT, 0);
	IODIR_PDT(DEVICE, 1);
	ATS_INVAL(DEVICE, 1, AT);
	assert_int_equal(verdict(false).protocol, 2);
}

static void
test_lazy_devices(void **state)
{
	struct uiommu_args args[] = {{"lazy", 1, NULL}, {NULL, 0, NULL}};

	(void)state;
	held(args);
	command(4 | 1 << 12 | BIT(32) | (uint64_t)DEVICE << 40, UINT64_C(0x7ffffffffffff800));
	ring();
	/* fetched is not complete */
	assert_int_equal(get32(CQH), rig.cq_tail);
	assert_true(translates(1));
	assert_true(fence_wait());
	assert_false(translates(1));
	assert_clean();
}

static void
test_requests_on_their_way(void **state)
{
	const struct uiommu_emu_request req = request_for(DEVICE, 1, 7);
	struct request request;

	(void)state;
	rig_start(1);
	assert_true(uiommu_emu_request_late(rig.emu, &req));
	/* a fence by itself does not push it, another device's invalidation neither */
	assert_true(fence_wait());
	ATS_INVAL(STRANGER, 1, UINT64_C(0x7ffffffffffff800));
	assert_int_equal(pq_pending(), 0);
	ATS_INVAL(DEVICE, 1, UINT64_C(0x7ffffffffffff800));
	assert_int_equal(pq_pending(), 1);
	request = pq_next();
	request_answer(&request, 0);
	assert_clean();
}

/* --------------------------------------------------------------------------- comparison */

static void
test_audit(void **state)
{
	(void)state;
	rig_start(2);
	*page(AT) = PAGE(rig.message.pa);
	assert_true(translates(1));
	assert_int_equal(dma(DEVICE, 2, AT, true), 0);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	/* a page, in the device's cache and twice in the unit's */
	*page(AT) = PAGE(rig.message.pa + 4096);
	assert_int_equal(uiommu_emu_audit(rig.emu), 3);
	VMA_ALL();
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
	ATS_INVAL(DEVICE, 1, UINT64_C(0x7ffffffffffff800));
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	/* a table on the way */
	assert_int_equal(dma(DEVICE, 2, AT, true), 0);
	VMA_PAGE(2, AT, 0);
	*(uint64_t *)rig.table[1].va = 0;
	assert_int_equal(uiommu_emu_audit(rig.emu), 2);
	VMA_PSCID(2);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	/* ATS is off, and the device still knows something */
	*(uint64_t *)rig.table[1].va = NON_LEAF(rig.table[2].pa);
	assert_true(translates(1));
	dc(DEVICE)[0] = TC_V | TC_PDTV | TC_SADE;
	IODIR_DDT(DEVICE);
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
}

static void
test_retired_memory(void **state)
{
	(void)state;
	rig_start(1);
	*page(AT) = PAGE(rig.message.pa);
	assert_true(translates(1));
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.message.pa, 4096), 2);
	/* tables as well */
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.table[3].pa, 4096), 1);
	VMA_ALL();
	ATS_INVAL(DEVICE, 1, UINT64_C(0x7ffffffffffff800));
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.message.pa, 4096), 0);
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.table[3].pa, 4096), 0);
	assert_int_equal(verdict(true).stale, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pages_are_remembered),
		CASE(test_by_pscid),
		CASE(test_by_page),
		CASE(test_by_range),
		CASE(test_large_page),
		CASE(test_tables),
		CASE(test_global_pages),
		CASE(test_rights_are_remembered),
		CASE(test_device_caches),
		CASE(test_translated_requests),
		CASE(test_devices_are_asked_after_the_unit),
		CASE(test_lazy_devices),
		CASE(test_requests_on_their_way),
		CASE(test_audit),
		CASE(test_retired_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
