/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The judge's look at caches: what outlived its tables, and what leads to memory that has another
 * purpose now.
 */

#include "emu_tables.h"

/* Every kind of cache has something of every PASID. */
static void
caches_fill(struct uiommu_args *args)
{
	uint32_t pasid;

	rig_close(NULL);
	tables_open(args);
	for (pasid = FIRST; pasid < KINDS; pasid++)
		assert_true(lead(pasid, IOVA, true) != 0);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

/* @return what the first violation says */
static const char *
audit_finds(unsigned int nb)
{
	static struct uiommu_emu_verdict v;

	assert_int_equal(uiommu_emu_audit(rig.emu), nb);
	v = verdict(false);
	assert_int_equal(v.stale, nb);
	assert_false(uiommu_emu_verdict_clean(&v));
	return v.first;
}

static void
nothing_cached_is_nothing_found(void **state)
{
	(void)state;
	tables_open(NULL);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_int_equal(uiommu_emu_retire(rig.emu, 0, SIZE_MAX), 0);
	caches_fill(NULL);
	*tables.leaf[FIRST] = 0;
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	device_forgets(FIRST);
	device_forgets(TWIN);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

/* A page gone, of two PASIDs; in the unit and in the device. */
static void
stale_pages_are_found(void **state)
{
	const char *text;

	(void)state;
	caches_fill(NULL);
	*tables.leaf[FIRST] = 0;
	text = audit_finds(4);
	assert_non_null(strstr(text, "device-TLB of 0x108: PASID 0x"));
	assert_non_null(strstr(text, "0x123456789000"));
	uiommu_emu_reset_counters(rig.emu);
	device_forgets(FIRST);
	device_forgets(TWIN);
	text = audit_finds(2);
	assert_non_null(strstr(text, "IOTLB: domain 11 PASID 0x"));
	uiommu_emu_reset_counters(rig.emu);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA);
	audit_finds(1);
	uiommu_emu_reset_counters(rig.emu);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), TWIN, IOVA);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

static void
moved_and_narrowed_pages_are_found(void **state)
{
	(void)state;
	caches_fill(NULL);
	*tables.leaf[SECOND] = tables.page[7].pa | SECOND_RW;
	audit_finds(2);
	caches_fill(NULL);
	*tables.leaf[SECOND] &= ~VTD_SS_W;
	audit_finds(2);
	/* the host's page of a nested one */
	caches_fill(NULL);
	*tables.host_leaf = tables.page[7].pa | SECOND_RW;
	audit_finds(2);
}

/* What came since is no fault. */
static void
more_than_was_cached_is_in_order(void **state)
{
	(void)state;
	tables_open(NULL);
	*tables.leaf[SECOND] &= ~VTD_SS_W;
	assert_true(lead(SECOND, IOVA, false) != 0);
	assert_true(lead(SECOND, IOVA + 4096, false) == 0);
	*tables.leaf[SECOND] |= VTD_SS_W;
	*second_entry(IOVA + 4096, 1) = tables.page[0].pa | SECOND_RW;
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

/* A large page in small pieces is the same as long as each leads to the same place. */
static void
split_pages_are_compared_piece_by_piece(void **state)
{
	const uint64_t large = UINT64_C(1) << 40;
	uint64_t *entry, *pieces;
	unsigned int i;

	(void)state;
	tables_open(NULL);
	entry = first_entry(large, 2);
	*entry = UINT64_C(1) << 30 | VTD_FS_PS | FIRST_RW;
	assert_true(lead(FIRST, large, true) == UINT64_C(1) << 30);
	pieces = table_new();
	for (i = 0; i < 512; i++)
		pieces[i] = ((UINT64_C(1) << 30) + i * 4096) | FIRST_RW;
	*entry = (uintptr_t)pieces | FIRST_RW;
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	pieces[511] ^= 4096;
	audit_finds(2);
}

static void
stale_tables_are_found(void **state)
{
	const char *text;

	(void)state;
	caches_fill(NULL);
	/* nothing is below; pages were invalidated, but with the hint */
	*first_entry(IOVA, 2) = 0;
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA | VTD_QI_IH);
	device_forgets(FIRST);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), TWIN, IOVA | VTD_QI_IH);
	device_forgets(TWIN);
	text = audit_finds(2);
	assert_non_null(strstr(text, "paging structures: domain 11"));
	uiommu_emu_reset_counters(rig.emu);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), TWIN, IOVA);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	/* a table that gives less than it did, of the second stage */
	caches_fill(NULL);
	*second_entry(IOVA, 3) &= ~VTD_SS_W;
	*tables.leaf[SECOND] = 0;
	iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND), IOVA | VTD_QI_IH);
	device_forgets(SECOND);
	/* levels 1 and 2 lie below it */
	audit_finds(2);
}

static void
stale_entries_of_devices_are_found(void **state)
{
	const char *text;
	uint64_t old;

	(void)state;
	caches_fill(NULL);
	old = pasid_entry(PASS)[0];
	pasid_entry(PASS)[0] = 0;
	/* the entry, and what the unit and the device have by it */
	text = audit_finds(3);
	assert_string_equal(text, "PASID cache: device 0x108 PASID 0x4 is not what memory says");
	uiommu_emu_reset_counters(rig.emu);
	pasid_cache(VTD_PASID_CACHE_GRAN_PASID, KIND_DOMAIN(PASS), PASS);
	audit_finds(2);
	uiommu_emu_reset_counters(rig.emu);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PASID, KIND_DOMAIN(PASS), PASS, 0);
	device_forgets(PASS);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	pasid_entry(PASS)[0] = old;
	context_entry(DEVICE)[0] &= ~VTD_CTX0_PRE;
	text = audit_finds(1);
	assert_string_equal(text, "context cache: device 0x108 is not what memory says");
	uiommu_emu_reset_counters(rig.emu);
	context_cache(VTD_CONTEXT_GRAN_DEVICE);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

/* A translation that one bond brought in is good for another of the domain, if there is one. */
static void
shared_translations_may_outlive_a_bond(void **state)
{
	(void)state;
	tables_open(NULL);
	/* two PASIDs with one second stage */
	bond_kind(FIRST, VTD_PGTT_SECOND, NULL, tables.second);
	pasid_entry(FIRST)[1] = KIND_DOMAIN(SECOND);
	assert_true(dma(FIRST, IOVA, true));
	assert_true(dma(SECOND, IOVA, true));
	pasid_entry(FIRST)[0] = 0;
	pasid_cache(VTD_PASID_CACHE_GRAN_PASID, KIND_DOMAIN(SECOND), FIRST);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	pasid_entry(SECOND)[0] = 0;
	pasid_cache(VTD_PASID_CACHE_GRAN_PASID, KIND_DOMAIN(SECOND), SECOND);
	/* a page, and the three tables on the way to it */
	audit_finds(4);
}

static void
stale_absence_is_found(void **state)
{
	struct uiommu_args args[] = {{"cap_set", VTD_CAP_CM, NULL}, {NULL, 0, NULL}};

	(void)state;
	caches_fill(args);
	assert_false(dma(SECOND, IOVA + 4096, false));
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	*second_entry(IOVA + 4096, 1) = tables.page[0].pa | SECOND_RW;
	assert_non_null(strstr(audit_finds(1), "is absent"));
	uiommu_emu_reset_counters(rig.emu);
	iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND), IOVA + 4096);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

/* ---------------------------------------------------------------------- retiring */

static void
retired_pages_must_not_be_cached(void **state)
{
	uint64_t page;

	(void)state;
	caches_fill(NULL);
	page = tables.page[SECOND].pa;
	assert_int_equal(uiommu_emu_retire(rig.emu, tables.page[7].pa, 4096), 0);
	assert_int_equal(uiommu_emu_retire(rig.emu, tables.page[0].pa, 1), 0);
	assert_clean();
	assert_int_equal(uiommu_emu_retire(rig.emu, page + 4095, 1), 2);
	assert_int_equal(verdict(false).stale, 2);
	assert_non_null(strstr(verdict(false).first, "IOTLB: domain 12"));
	assert_non_null(strstr(verdict(false).first, "retired"));
	uiommu_emu_reset_counters(rig.emu);
	iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND), IOVA);
	assert_int_equal(uiommu_emu_retire(rig.emu, page, 4096), 1);
	assert_non_null(strstr(verdict(false).first, "device-TLB of 0x108: PASID 0x2"));
	uiommu_emu_reset_counters(rig.emu);
	device_forgets(SECOND);
	assert_int_equal(uiommu_emu_retire(rig.emu, page, 4096), 0);
	assert_clean();
}

static void
retired_tables_must_not_be_cached(void **state)
{
	uint64_t table;

	(void)state;
	caches_fill(NULL);
	table = *first_entry(IOVA, 2) & VTD_ADDR_MASK;
	assert_int_equal(uiommu_emu_retire(rig.emu, table, 4096), 2);
	assert_non_null(strstr(verdict(false).first, "paging structures"));
	uiommu_emu_reset_counters(rig.emu);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PASID, KIND_DOMAIN(FIRST), FIRST, 0);
	assert_int_equal(uiommu_emu_retire(rig.emu, table, 4096), 1);
	uiommu_emu_reset_counters(rig.emu);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PASID, KIND_DOMAIN(FIRST), TWIN, 0);
	assert_int_equal(uiommu_emu_retire(rig.emu, table, 4096), 0);
	assert_clean();
}

/* A large page leads to all of it. */
static void
retired_parts_of_large_pages_count(void **state)
{
	const uint64_t large = UINT64_C(1) << 40, pa = UINT64_C(1) << 30;

	(void)state;
	tables_open(NULL);
	*first_entry(large, 2) = pa | VTD_FS_PS | FIRST_RW;
	assert_true(dma(FIRST, large, true));
	assert_int_equal(uiommu_emu_retire(rig.emu, pa + 0x200000, 4096), 0);
	assert_int_equal(uiommu_emu_retire(rig.emu, pa + 0x1ff000, 4096), 1);
	assert_int_equal(uiommu_emu_retire(rig.emu, pa - 4096, 1 << 30), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_cached_is_nothing_found),
		CASE(stale_pages_are_found),
		CASE(moved_and_narrowed_pages_are_found),
		CASE(more_than_was_cached_is_in_order),
		CASE(split_pages_are_compared_piece_by_piece),
		CASE(stale_tables_are_found),
		CASE(stale_entries_of_devices_are_found),
		CASE(shared_translations_may_outlive_a_bond),
		CASE(stale_absence_is_found),
		CASE(retired_pages_must_not_be_cached),
		CASE(retired_tables_must_not_be_cached),
		CASE(retired_parts_of_large_pages_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
