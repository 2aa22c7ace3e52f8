/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: translation tables of stage 1, and what is remembered of them until a TLBI
 * names it, S 4.4, 5.4, 7.3.13 to 7.3.16.
 */

#include "emu_smmuv3_rig.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static uint64_t *
descriptor(unsigned int level, uint64_t iova)
{
	return (uint64_t *)rig.table[level].va + (iova >> (39 - 9 * level) & 0x1ff);
}

/* Where an address leads for the device with ATS; 0: nowhere. */
static uint64_t
leads(uint32_t pasid, uint64_t iova, bool write)
{
	struct uiommu_emu_leaf {
		uint64_t pa;
	} leaf = {0};

	/* the device's own cache must not have a say */
	ATC_INV(DEVICE, pasid, 0, 52);
	return uiommu_emu_translate(rig.emu, DEVICE, pasid, iova, write, &leaf.pa) ? leaf.pa : 0;
}

static void
test_pages(void **state)
{
	(void)state;
	rig_start(2);
	assert_int_equal(leads(1, 0x5123, false), 0);
	*page(0x5000) = PAGE(rig.message.pa);
	assert_int_equal(leads(1, 0x5123, false), rig.message.pa + 0x123);
	assert_int_equal(leads(1, 0x5123, true), rig.message.pa + 0x123);
	/* 01 at the last level is nothing */
	*page(0x6000) = PAGE(rig.message.pa) & ~UINT64_C(2);
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 0x10);
	assert_clean();
}

static void
test_blocks(void **state)
{
	(void)state;
	rig_start(2);
	/* 2 MiB and 1 GiB */
	*descriptor(2, 6 * MIB) = 0x40000000 | 0x1 | 1 << 6 | 1 << 10 | 1 << 11;
	assert_int_equal(leads(1, 7 * MIB + 5, false), 0x40100005);
	*descriptor(1, 3 * GIB) = 0x80000000 | 0x1 | 1 << 6 | 1 << 10 | 1 << 11;
	assert_int_equal(leads(1, 3 * GIB + 9 * MIB, false), 0x80000000 + 9 * MIB);
	/* none at the first level */
	*descriptor(0, 512 * GIB) = 0x80000000 | 0x1 | 1 << 6 | 1 << 10 | 1 << 11;
	assert_int_equal(dma(DEVICE, 1, 512 * GIB, false), 0x10);
	assert_clean();
}

static void
test_rights(void **state)
{
	(void)state;
	rig_start(2);
	cd(DEVICE, 1)[0] &= ~(UINT64_C(3) << 42); /* HA, HD */
	CFGI_CD(DEVICE, 1, 1);
	/* AP[2] */
	*page(0x5000) = PAGE(rig.message.pa) | READ_ONLY;
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	assert_int_equal(dma(DEVICE, 1, 0x5000, true), 0x13);
	/* AP[1] */
	*page(0x6000) = PAGE(rig.message.pa) & ~(UINT64_C(1) << 6);
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 0x13);
	/* AF */
	*page(0x7000) = PAGE(rig.message.pa) & ~(UINT64_C(1) << 10);
	assert_int_equal(dma(DEVICE, 1, 0x7000, false), 0x12);
	/* AFFD */
	cd(DEVICE, 1)[0] |= UINT64_C(1) << 35;
	CFGI_CD(DEVICE, 1, 1);
	assert_int_equal(dma(DEVICE, 1, 0x7000, false), 0);
	assert_clean();
}

static void
test_rights_of_tables(void **state)
{
	(void)state;
	rig_start(2);
	*page(0x5000) = PAGE(rig.message.pa);
	/* APTable: no writing */
	*descriptor(1, 0) |= UINT64_C(1) << 62;
	assert_int_equal(dma(DEVICE, 1, 0x5000, true), 0x13);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	/* nothing for users; tables on the way are remembered until Leaf 0 */
	*descriptor(1, 0) |= UINT64_C(1) << 61;
	TLBI_VA(1, 0x5000, 1);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	TLBI_VA(1, 0x5000, 0);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0x13);
	/* HAD0 */
	cd(DEVICE, 1)[1] |= 2;
	CFGI_CD(DEVICE, 1, 1);
	TLBI_ALL();
	assert_int_equal(dma(DEVICE, 1, 0x5000, true), 0);
	assert_clean();
}

static void
test_privileged(void **state)
{
	struct uiommu_emu_request req = {
		.endpoint_id = STALLER, .pasid = 1, .iova = 0x5000, .write = true, .priv = true,
	};
	struct uiommu_emu_stalled out;
	struct event event;

	(void)state;
	rig_start(2);
	*page(0x5000) = PAGE(rig.message.pa) & ~(UINT64_C(1) << 6);
	assert_int_equal(uiommu_emu_stall(rig.emu, &req, &out), 0);
	assert_int_equal(out.state, UIOMMU_EMU_ACCESS_DONE);
	/* UXN */
	*page(0x6000) = PAGE(rig.message.pa) | READ_ONLY | UINT64_C(1) << 54;
	req = (struct uiommu_emu_request){
		.endpoint_id = STALLER, .pasid = 1, .iova = 0x6000, .read = true, .exec = true,
	};
	assert_int_equal(uiommu_emu_stall(rig.emu, &req, &out), 0);
	assert_int_equal(out.state, UIOMMU_EMU_ACCESS_STALLED);
	event = event_next();
	/* F_PERMISSION with RnW and InD */
	assert_int_equal(event_number(&event), 0x13);
	assert_int_equal(event.q[1] >> 33 & 7, 6);
	resume(&event, ABORT);
	assert_clean();
}

static void
test_marks(void **state)
{
	const uint64_t clean = PAGE(0) | READ_ONLY | UINT64_C(1) << 51;

	(void)state;
	rig_start(2);
	/* HA: AF is set by an access; HD: a write makes a page dirty, S 3.13 */
	*page(0x5000) = (rig.message.pa | clean) & ~(UINT64_C(1) << 10);
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	assert_int_equal(*page(0x5000), rig.message.pa | clean);
	assert_int_equal(dma(DEVICE, 1, 0x5000, true), 0);
	assert_int_equal(*page(0x5000), (rig.message.pa | clean) & ~READ_ONLY);
	/* not without DBM */
	*page(0x6000) = PAGE(rig.message.pa) | READ_ONLY;
	assert_int_equal(dma(DEVICE, 1, 0x6000, true), 0x13);
	/* a device that does not ask to write gets no right to, as long as it would not show */
	*page(0x7000) = rig.message.pa | clean;
	assert_int_not_equal(leads(1, 0x7000, false), 0);
	assert_int_equal(*page(0x7000), rig.message.pa | clean);
	assert_int_not_equal(leads(1, 0x7000, true), 0);
	assert_int_equal(*page(0x7000), (rig.message.pa | clean) & ~READ_ONLY);
	assert_clean();
}

static void
test_sizes_of_addresses(void **state)
{
	(void)state;
	rig_start(2);
	/* beyond 48 bits; the upper half, with EPD1 */
	assert_int_equal(dma(DEVICE, 1, UINT64_C(1) << 48, false), 0x10);
	assert_int_equal(dma(DEVICE, 1, UINT64_C(0xffff) << 48, false), 0x10);
	/* T0SZ 25: 39 bits, from level 1 */
	cd(DEVICE, 1)[0] = (CD0(1, 0) & ~UINT64_C(0x3f)) | 25;
	cd(DEVICE, 1)[1] = rig.table[1].pa;
	CFGI_CD(DEVICE, 1, 1);
	TLBI_ALL();
	*page(0x5000) = PAGE(rig.message.pa);
	assert_int_equal(leads(1, 0x5000, false), rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, UINT64_C(1) << 39, false), 0x10);
	/* TBI0 */
	cd(DEVICE, 1)[0] |= UINT64_C(1) << 38;
	CFGI_CD(DEVICE, 1, 1);
	assert_int_equal(leads(1, UINT64_C(0xab) << 56 | 0x5000, false), rig.message.pa);
	/* EPD0 */
	cd(DEVICE, 1)[0] |= UINT64_C(1) << 14;
	CFGI_CD(DEVICE, 1, 1);
	TLBI_ALL();
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0x10);
	assert_clean();
}

static void
test_tables_that_are_not_there(void **state)
{
	struct event event;

	(void)state;
	rig_start(2);
	*descriptor(2, 0) = 0x3000 | 0x3;
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x5000, false));
	event = event_next();
	/* F_WALK_EABT, CLASS TT, and the address of what was fetched */
	assert_int_equal(event_number(&event), 0x0b);
	assert_int_equal(event.q[1] >> 40 & 3, 1);
	assert_int_equal(event.q[3], 0x3000 + 5 * 8);
	/* it never stalls */
	assert_int_equal(stall(1, 0x5000, false).state, UIOMMU_EMU_ACCESS_ABORTED);
	assert_clean();
}

static void
test_other_granules(void **state)
{
	struct uiommu_dma upper, lower;

	(void)state;
	rig_start(2);
	memory(&upper, 65536);
	memory(&lower, 65536);
	/* 16K, T0SZ 28: 36 bits, level 2 and 3 */
	cd(DEVICE, 1)[0] = (CD0(1, 0) & ~UINT64_C(0x3f)) | 28 | UINT64_C(2) << 6;
	cd(DEVICE, 1)[1] = upper.pa;
	CFGI_CD(DEVICE, 1, 1);
	((uint64_t *)upper.va)[1] = lower.pa | 0x3;
	((uint64_t *)lower.va)[2] = PAGE(0x7654000);
	assert_int_equal(leads(1, (UINT64_C(1) << 25) + 2 * 16384 + 0x3001, true), 0x7657001);
	((uint64_t *)upper.va)[3] = 0x8000000 | 0x1 | 1 << 6 | 1 << 10 | 1 << 11;
	assert_int_equal(leads(1, (UINT64_C(3) << 25) + 0x123456, true), 0x8123456);
	/* 64K, T0SZ 22: 42 bits, level 2 and 3 */
	cd(DEVICE, 1)[0] = (CD0(1, 0) & ~UINT64_C(0x3f)) | 22 | UINT64_C(1) << 6;
	CFGI_CD(DEVICE, 1, 1);
	TLBI_ALL();
	((uint64_t *)lower.va)[2] = PAGE(0x7650000);
	assert_int_equal(leads(1, (UINT64_C(1) << 29) + 2 * 65536 + 0xf001, true), 0x765f001);
	/* bits 15:12 are bits 51:48 of the address, beyond what there is */
	((uint64_t *)lower.va)[3] = PAGE(0x7651000);
	assert_int_equal(dma(DEVICE, 1, (UINT64_C(1) << 29) + 3 * 65536, true), 0x11);
	assert_clean();
}

/* ----------------------------------------------------------------- what is remembered */

/* A page of both PASIDs that is remembered, and has been moved since. */
static void
remembered(void)
{
	rig_start(2);
	*page(0x5000) = PAGE(0x10000000);
	assert_int_equal(leads(1, 0x5000, true), 0x10000000);
	assert_int_equal(leads(2, 0x5000, true), 0x10000000);
	*page(0x5000) = PAGE(0x20000000);
}

static bool
is_forgotten(uint32_t pasid)
{
	return leads(pasid, 0x5000, true) == 0x20000000;
}

static void
test_pages_are_used_until_invalidated(void **state)
{
	(void)state;
	remembered();
	assert_false(is_forgotten(1));
	TLBI_VA(1, 0x4000, 1);
	TLBI_VA(1, 0x6000, 1);
	CFGI_CD(DEVICE, 1, 1);
	assert_false(is_forgotten(1));
	TLBI_VA(1, 0x5000, 1);
	assert_true(is_forgotten(1));
	assert_false(is_forgotten(2));
	TLBI_ASID(2);
	assert_true(is_forgotten(2));
	assert_clean();
}

static void
test_rights_are_used_until_invalidated(void **state)
{
	(void)state;
	rig_start(2);
	*page(0x5000) = PAGE(rig.message.pa) | READ_ONLY;
	assert_int_equal(dma(DEVICE, 1, 0x5000, false), 0);
	/* more rights are none before they are invalidated */
	*page(0x5000) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, 0x5000, true), 0x13);
	assert_int_equal(dma(DEVICE, 2, 0x5000, true), 0);
	TLBI_VA(1, 0x5000, 1);
	assert_int_equal(dma(DEVICE, 1, 0x5000, true), 0);
	/* a fault is not remembered */
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 0x10);
	*page(0x6000) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, 0x6000, false), 0);
	assert_clean();
}

static void
test_invalidation_of_all_asids(void **state)
{
	(void)state;
	remembered();
	run(0x13, 0x5000 | 1);
	assert_true(is_forgotten(1));
	assert_true(is_forgotten(2));
	*page(0x5000) = PAGE(0x10000000);
	run(0x10, 0);
	*page(0x5000) = PAGE(0x20000000);
	assert_true(is_forgotten(1));
	assert_true(is_forgotten(2));
	assert_clean();
}

static void
test_global_pages(void **state)
{
	(void)state;
	rig_start(2);
	*page(0x5000) = PAGE(0x10000000) & ~(UINT64_C(1) << 11);
	assert_int_equal(leads(1, 0x5000, true), 0x10000000);
	*page(0x5000) = PAGE(0x20000000);
	/* of all ASIDs; not by ASID, S 4.4.2.2, but by address, S 4.4.2.4 */
	assert_false(is_forgotten(2));
	TLBI_ASID(1);
	assert_false(is_forgotten(1));
	TLBI_VA(2, 0x5000, 1);
	assert_true(is_forgotten(1));
	assert_clean();
}

/* S 4.4.1.1: so many granules, (NUM + 1) << SCALE */
#define RANGE(num, scale, iova, tg, ttl)                                                           \
	run(0x12 | (num) << 12 | (scale) << 20 | ASID(1) << 48,                                    \
	    (uint64_t)(iova) | 1 | (tg) << 10 | (ttl) << 8)

static void
test_ranges(void **state)
{
	(void)state;
	remembered();
	/* 4 pages from 0x1000, 4 from 0x6000 */
	RANGE(3, 0, 0x1000, 1, 0);
	RANGE(1, 1, 0x6000, 1, 0);
	assert_false(is_forgotten(1));
	/* of another granule, of another level */
	RANGE(3, 0, 0x4000, 2, 0);
	RANGE(3, 0, 0, 1, 2);
	assert_false(is_forgotten(1));
	RANGE(1, 1, 0x4000, 1, 3);
	assert_true(is_forgotten(1));
	assert_false(is_forgotten(2));
	assert_clean();
	*page(0x5000) = PAGE(0x10000000);
	TLBI_ALL();
	assert_int_equal(leads(1, 0x5000, true), 0x10000000);
	*page(0x5000) = PAGE(0x20000000);
	/* all that there is */
	RANGE(31, 31, 0, 1, 0);
	assert_true(is_forgotten(1));
	/* not aligned to the level */
	RANGE(0, 0, 0x5000, 1, 2);
	assert_int_equal(verdict(true).protocol, 1);
}

static void
test_blocks_are_met_by_any_address(void **state)
{
	(void)state;
	rig_start(2);
	*descriptor(2, 6 * MIB) = 0x40000000 | 0x1 | 1 << 6 | 1 << 10 | 1 << 11;
	assert_int_equal(leads(1, 6 * MIB, false), 0x40000000);
	*descriptor(2, 6 * MIB) = 0;
	assert_int_equal(leads(1, 6 * MIB, false), 0x40000000);
	TLBI_VA(1, 7 * MIB + 0x3000, 1);
	assert_int_equal(leads(1, 6 * MIB, false), 0);
	assert_clean();
}

static void
test_tables_on_the_way(void **state)
{
	struct uiommu_dma other;

	(void)state;
	rig_start(2);
	memory(&other, 4096);
	*page(0x5000) = PAGE(0x10000000);
	((uint64_t *)other.va)[6] = PAGE(0x30000000);
	assert_int_equal(leads(1, 0x5000, false), 0x10000000);
	/* another table of pages */
	*descriptor(2, 0) = other.pa | 0x3;
	TLBI_VA(1, 0x5000, 1);
	assert_int_equal(leads(1, 0x6000, false), 0);
	TLBI_VA(1, 0x5000, 0);
	assert_int_equal(leads(1, 0x6000, false), 0x30000000);
	/* TTL 2: what is below level 1 stays */
	*descriptor(2, 0) = rig.table[3].pa | 0x3;
	run(0x12 | ASID(1) << 48, 0 | 1 << 10 | 2 << 8);
	assert_int_equal(leads(1, 0x5000, false), 0);
	run(0x12 | ASID(1) << 48, 0x5000 | 1 << 10 | 3 << 8);
	assert_int_equal(leads(1, 0x5000, false), 0x10000000);
	assert_clean();
}

static void
test_vmids_are_none(void **state)
{
	(void)state;
	rig_start(1);
	run(0x11 | UINT64_C(1) << 32 | ASID(1) << 48, 0);
	assert_int_equal(verdict(true).protocol, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pages),
		CASE(test_blocks),
		CASE(test_rights),
		CASE(test_rights_of_tables),
		CASE(test_privileged),
		CASE(test_marks),
		CASE(test_sizes_of_addresses),
		CASE(test_tables_that_are_not_there),
		CASE(test_other_granules),
		CASE(test_pages_are_used_until_invalidated),
		CASE(test_rights_are_used_until_invalidated),
		CASE(test_invalidation_of_all_asids),
		CASE(test_global_pages),
		CASE(test_ranges),
		CASE(test_blocks_are_met_by_any_address),
		CASE(test_tables_on_the_way),
		CASE(test_vmids_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
