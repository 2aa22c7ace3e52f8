/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What the emulated VT-d unit keeps of page tables, and which descriptor makes it forget what,
 * S 6.1, 6.2, 6.5.2, 6.5.3.
 */

#include "emu_tables.h"

#define BIT(n) (1U << (n))
#define ALL_KINDS (BIT(FIRST) | BIT(SECOND) | BIT(NESTED) | BIT(PASS) | BIT(TWIN))

/* Every PASID has used its page, and then all pages have gone. */
static void
pages_cache_and_go(void)
{
	uint32_t pasid;

	for (pasid = FIRST; pasid < KINDS; pasid++)
		assert_true(dma(pasid, IOVA, true));
	for (pasid = FIRST; pasid < KINDS; pasid++)
		if (tables.leaf[pasid] != NULL)
			*tables.leaf[pasid] = 0;
	/* the identity goes with the kind of the PASID */
	bond_kind(PASS, VTD_PGTT_FIRST, tables.first, NULL);
	pasid_cache(VTD_PASID_CACHE_GRAN_PASID, KIND_DOMAIN(PASS), PASS);
}

/* PASIDs that still have their page. */
static unsigned int
still_there(void)
{
	unsigned int there = 0;
	uint32_t pasid;

	for (pasid = FIRST; pasid < KINDS; pasid++)
		if (dma(pasid, IOVA, true))
			there |= BIT(pasid);
	return there;
}

/* Each granularity drops what the manual says that it drops, and nothing else. */
static void
invalidations_drop_their_own(void **state)
{
	static const struct {
		uint64_t type, granularity, domain, pasid, word1;
		unsigned int dropped;
	} cases[] = {
		/* without any, everything is used as it was */
		{0, 0, 0, 0, 0, 0},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_GLOBAL, 0, 0, 0, ALL_KINDS},
		/* a domain: not its first stage */
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_DOMAIN, FIRST, 0, 0, 0},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_DOMAIN, SECOND, 0, 0, BIT(SECOND)},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_DOMAIN, NESTED, 0, 0, BIT(NESTED)},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_DOMAIN, PASS, 0, 0, BIT(PASS)},
		/* a page of a domain: nested ones have other addresses */
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_PAGE, FIRST, 0, IOVA, 0},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_PAGE, SECOND, 0, IOVA, BIT(SECOND)},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_PAGE, SECOND, 0, IOVA | VTD_QI_IH, BIT(SECOND)},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_PAGE, SECOND, 0, IOVA + 4096, 0},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_PAGE, NESTED, 0, IOVA, 0},
		{VTD_QI_IOTLB, VTD_IOTLB_GRAN_PAGE, PASS, 0, IOVA, BIT(PASS)},
		/* a PASID of a domain: not the second stage, nor another PASID */
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PASID, FIRST, FIRST, 0, BIT(FIRST)},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PASID, FIRST, TWIN, 0, BIT(TWIN)},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PASID, SECOND, FIRST, 0, 0},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PASID, SECOND, SECOND, 0, 0},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PASID, NESTED, NESTED, 0, BIT(NESTED)},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PASID, PASS, PASS, 0, BIT(PASS)},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PAGE, FIRST, FIRST, IOVA, BIT(FIRST)},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PAGE, FIRST, FIRST, IOVA - 4096, 0},
		{VTD_QI_PASID_IOTLB, VTD_PASID_IOTLB_GRAN_PAGE, NESTED, NESTED, IOVA,
		 BIT(NESTED)},
		/* tables on the way to page tables are another matter */
		{VTD_QI_PASID_CACHE, VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0, 0, 0},
		{VTD_QI_CONTEXT, VTD_CONTEXT_GRAN_GLOBAL, 0, 0, 0, 0},
		/* and so are devices */
		{VTD_QI_DEV_TLB, 0, 0, 0, VTD_QI_DEV_TLB_ALL | VTD_QI_DEV_TLB_S, 0},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		tables_open(NULL);
		pages_cache_and_go();
		assert_int_equal(still_there(), ALL_KINDS);
		if (cases[i].type != 0)
			run(cases[i].type | cases[i].granularity << VTD_QI_GRAN_SHIFT |
				    (cases[i].domain != 0 ? KIND_DOMAIN(cases[i].domain) : 0)
					    << VTD_QI_DID_SHIFT |
				    cases[i].pasid << VTD_QI_PASID_SHIFT,
			    cases[i].word1);
		assert_int_equal(still_there(), ALL_KINDS & ~cases[i].dropped);
		assert_clean();
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

/* ---------------------------------------------------------------------- ranges */

#define RANGE_PAGES 32

/* Pages before, in and behind a range of 2^AM pages, in either stage. */
static void
ranges_are_powers_of_two(void **state)
{
	const uint64_t base = IOVA & ~(uint64_t)(RANGE_PAGES * 4096 - 1);
	unsigned int am, first, i, stage;
	uint32_t pasid;

	(void)state;
	tables_open(NULL);
	for (stage = 0; stage < 2; stage++)
		for (am = 0; am <= 5; am++)
			for (first = 0; first < RANGE_PAGES; first += 1U << am) {
				pasid = stage == 0 ? FIRST : SECOND;
				for (i = 0; i < RANGE_PAGES; i++)
					*(stage == 0 ? first_entry(base + i * 4096, 1) :
						       second_entry(base + i * 4096, 1)) =
						tables.page[0].pa |
						(stage == 0 ? FIRST_RW : SECOND_RW);
				for (i = 0; i < RANGE_PAGES; i++)
					assert_true(dma(pasid, base + i * 4096, true));
				for (i = 0; i < RANGE_PAGES; i++)
					*(stage == 0 ? first_entry(base + i * 4096, 1) :
						       second_entry(base + i * 4096, 1)) = 0;
				if (stage == 0)
					pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST),
						    FIRST, (base + first * 4096) | am);
				else
					iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND),
					      (base + first * 4096) | am);
				for (i = 0; i < RANGE_PAGES; i++)
					assert_int_equal(dma(pasid, base + i * 4096, true),
							 i < first || i >= first + (1U << am));
				iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
			}
	/* more than there are addresses */
	*tables.leaf[FIRST] = tables.page[FIRST].pa | FIRST_RW;
	assert_true(dma(FIRST, IOVA, true));
	*tables.leaf[FIRST] = 0;
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, 52);
	assert_false(dma(FIRST, IOVA, true));
	assert_clean();
}

/* A page of 2 MiB goes as a whole, whatever part of it is named. */
static void
large_pages_go_as_a_whole(void **state)
{
	const uint64_t large = UINT64_C(1) << 40;
	uint64_t *entry;

	(void)state;
	tables_open(NULL);
	entry = first_entry(large, 2);
	*entry = (UINT64_C(1) << 30) | VTD_FS_PS | FIRST_RW;
	assert_true(dma(FIRST, large, true));
	*entry = 0;
	assert_true(dma(FIRST, large + 0x1ff000, true));
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, large + 0x200000);
	assert_true(dma(FIRST, large + 0x1ff000, true));
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, large + 0x123000);
	assert_false(dma(FIRST, large + 0x1ff000, true));
	assert_false(dma(FIRST, large, true));
	assert_clean();
}

/* ---------------------------------------------------------------------- tables */

/* A table is exchanged; what led to it is remembered until it is named without the hint. */
static void
tables_stay_with_the_hint(void **state)
{
	unsigned int stage, level;
	uint64_t *other, *entry;
	uint64_t word0, rights;
	uint32_t pasid;

	(void)state;
	for (stage = 0; stage < 2; stage++)
		for (level = 2; level <= 4; level++) {
			tables_open(NULL);
			pasid = stage == 0 ? FIRST : SECOND;
			rights = stage == 0 ? FIRST_RW : SECOND_RW;
			entry = stage == 0 ? first_entry(IOVA, level) : second_entry(IOVA, level);
			assert_true(lead(pasid, IOVA, true) == tables.page[pasid].pa);
			/* the same address, in tables of their own from here on */
			other = table_new();
			*table_entry(other, level - 1, IOVA, 1, rights) =
				tables.page[7].pa | rights;
			*entry = (uintptr_t)other | rights;
			word0 = stage == 0 ? VTD_QI_PASID_IOTLB |
						     (uint64_t)pasid << VTD_QI_PASID_SHIFT :
					     VTD_QI_IOTLB;
			word0 |= UINT64_C(3) << VTD_QI_GRAN_SHIFT |
				 KIND_DOMAIN(pasid) << VTD_QI_DID_SHIFT;
			run(word0, IOVA | VTD_QI_IH);
			device_forgets(pasid);
			assert_true(lead(pasid, IOVA, true) == tables.page[pasid].pa);
			/* a page that is not below the table */
			run(word0, IOVA ^ UINT64_C(1) << 47);
			run(word0, IOVA | VTD_QI_IH);
			device_forgets(pasid);
			assert_true(lead(pasid, IOVA, true) == tables.page[pasid].pa);
			run(word0, IOVA);
			device_forgets(pasid);
			assert_true(lead(pasid, IOVA, true) == tables.page[7].pa);
			assert_clean();
			rig_close(NULL);
		}
	memset(&rig, 0, sizeof(rig));
}

/* Rights on the way are remembered with the table, and so is what they lead to. */
static void
rights_of_tables_are_remembered(void **state)
{
	uint64_t *upper;

	(void)state;
	tables_open(NULL);
	upper = first_entry(IOVA, 3);
	assert_true(dma(FIRST, IOVA, true));
	*upper &= ~VTD_FS_RW;
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA | VTD_QI_IH);
	assert_true(dma(FIRST, IOVA, true));
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA);
	assert_true(dma(FIRST, IOVA, false));
	assert_false(dma(FIRST, IOVA, true));
	*upper |= VTD_FS_RW;
	assert_false(dma(FIRST, IOVA, true));
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA);
	assert_true(dma(FIRST, IOVA, true));
	assert_clean();
}

/* A table of the guest lies where the host's second stage says; also that is remembered. */
static void
nested_tables_go_with_the_domain(void **state)
{
	uint64_t *host_entry, *other;

	(void)state;
	tables_open(NULL);
	assert_true(lead(NESTED, IOVA, true) == tables.page[NESTED].pa);
	/* the guest's last table is moved by its host */
	other = table_new();
	other[IOVA >> 12 & 0x1ff] = (GUEST_PAGE + 4096) | FIRST_RW;
	*table_entry(tables.host, 4, GUEST_PAGE + 4096, 1, SECOND_RW) =
		tables.page[7].pa | SECOND_RW;
	host_entry = table_entry(tables.host, 4, GUEST_TABLES + 3 * 4096, 1, SECOND_RW);
	*host_entry = (uintptr_t)other | SECOND_RW;
	iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(NESTED), GUEST_TABLES + 3 * 4096);
	device_forgets(NESTED);
	assert_true(lead(NESTED, IOVA, true) == tables.page[NESTED].pa);
	iotlb(VTD_IOTLB_GRAN_DOMAIN, KIND_DOMAIN(NESTED), 0);
	device_forgets(NESTED);
	assert_true(lead(NESTED, IOVA, true) == tables.page[7].pa);
	assert_clean();
}

/* ------------------------------------------------------------ without being asked */

/* S 6.5.3.1: an accepted page request has the unit forget that page. */
static void
page_requests_invalidate(void **state)
{
	struct uiommu_emu_request req = request_for(FIRST, 0);
	uint32_t pasid;

	(void)state;
	for (pasid = FIRST; pasid < KINDS; pasid++) {
		tables_open(NULL);
		pages_cache_and_go();
		req.pasid = pasid;
		req.iova = IOVA + 4096;
		assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
		/* of a nested domain everything goes */
		assert_int_equal(still_there(), ALL_KINDS & ~(pasid == NESTED ? BIT(NESTED) : 0));
		req.iova = IOVA;
		req.prg_index++;
		assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
		assert_int_equal(still_there(), ALL_KINDS & ~BIT(pasid));
		serve_all();
		assert_clean();
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

/* Also those that traffic makes on the fast path. */
static void
page_requests_of_traffic_invalidate(void **state)
{
	(void)state;
	tables_open(NULL);
	*first_entry(UIOMMU_EMU_WINDOW_IOVA, 1) = tables.page[0].pa | FIRST_RW;
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8, .window_pages = 1});
	step();
	serve_all();
	assert_true(dma(FIRST, UIOMMU_EMU_WINDOW_IOVA, true));
	*first_entry(UIOMMU_EMU_WINDOW_IOVA, 1) = 0;
	step();
	rig_rest();
	assert_false(dma(FIRST, UIOMMU_EMU_WINDOW_IOVA, true));
	assert_clean();
}

static void
root_table_change(bool implicit)
{
	struct uiommu_args args[] = {{"cap_clear", implicit ? 0 : VTD_CAP_ESRTPS, NULL},
				     {NULL, 0, NULL}};

	tables_open(args);
	pages_cache_and_go();
	command(VTD_GCMD_SRTP, 0);
	assert_int_equal(still_there(), implicit ? 0 : ALL_KINDS);
	assert_clean();
	rig_close(NULL);
}

/* S 11.4.2: with ESRTPS a new root table has everything forgotten. */
static void
root_tables_invalidate_with_esrtps(void **state)
{
	(void)state;
	root_table_change(true);
	root_table_change(false);
	memset(&rig, 0, sizeof(rig));
}

/* S 6.1: with caching mode absence is remembered, but not that of the first stage. */
static void
absence_is_remembered(void **state)
{
	struct uiommu_args args[] = {{"cap_set", VTD_CAP_CM, NULL}, {NULL, 0, NULL}};
	unsigned int mode;
	uint64_t first, second, host;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		tables_open(mode != 0 ? args : NULL);
		first = *tables.leaf[FIRST];
		second = *tables.leaf[SECOND];
		host = *tables.host_leaf;
		*tables.leaf[FIRST] = 0;
		*tables.leaf[SECOND] = 0;
		*tables.host_leaf = 0;
		assert_false(dma(FIRST, IOVA, true));
		assert_false(dma(SECOND, IOVA, true));
		assert_false(dma(NESTED, IOVA, true));
		*tables.leaf[FIRST] = first;
		*tables.leaf[SECOND] = second;
		*tables.host_leaf = host;
		assert_true(dma(FIRST, IOVA, true));
		assert_int_equal(dma(SECOND, IOVA, true), mode == 0);
		assert_int_equal(dma(NESTED, IOVA, true), mode == 0);
		iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND), IOVA | VTD_QI_IH);
		assert_true(dma(SECOND, IOVA, true));
		iotlb(VTD_IOTLB_GRAN_DOMAIN, KIND_DOMAIN(NESTED), 0);
		assert_true(dma(NESTED, IOVA, true));
		assert_clean();
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

/* More rights are seen when they are told, S 11.4.2 (CAP.CM), with caching mode and without. */
static void
missing_rights_are_remembered(void **state)
{
	struct uiommu_args args[] = {{"cap_set", VTD_CAP_CM, NULL}, {NULL, 0, NULL}};
	unsigned int mode;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		tables_open(mode != 0 ? args : NULL);
		*tables.leaf[SECOND] = tables.page[0].pa | SECOND_RO;
		assert_true(dma(SECOND, IOVA, false));
		*tables.leaf[SECOND] |= SECOND_RW;
		assert_false(dma(SECOND, IOVA, true));
		iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND), IOVA);
		assert_true(dma(SECOND, IOVA, true));
		assert_clean();
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

/* A write that is refused does not take away what there is. */
static void
refused_writes_leave_the_rest(void **state)
{
	struct uiommu_args args[] = {{"cap_set", VTD_CAP_CM, NULL}, {NULL, 0, NULL}};

	(void)state;
	tables_open(args);
	*tables.leaf[SECOND] &= ~VTD_SS_W;
	*tables.host_leaf &= ~VTD_SS_W;
	assert_false(dma(SECOND, IOVA, true));
	assert_false(dma(NESTED, IOVA, true));
	assert_true(dma(SECOND, IOVA, false));
	assert_true(dma(NESTED, IOVA, false));
	*tables.leaf[SECOND] |= VTD_SS_W;
	*tables.host_leaf |= VTD_SS_W;
	assert_false(dma(SECOND, IOVA, true));
	assert_false(dma(NESTED, IOVA, true));
	iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND), IOVA | VTD_QI_IH);
	iotlb(VTD_IOTLB_GRAN_DOMAIN, KIND_DOMAIN(NESTED), 0);
	assert_true(dma(SECOND, IOVA, true));
	assert_true(dma(NESTED, IOVA, true));
	assert_clean();
}

/* A page that was written is not marked again before it is invalidated. */
static void
marks_are_remembered(void **state)
{
	(void)state;
	tables_open(NULL);
	assert_true(dma(FIRST, IOVA, false));
	assert_int_equal(*tables.leaf[FIRST] & (VTD_FS_A | VTD_FS_D), VTD_FS_A);
	assert_true(dma(FIRST, IOVA, true));
	assert_int_equal(*tables.leaf[FIRST] & (VTD_FS_A | VTD_FS_D), VTD_FS_A | VTD_FS_D);
	*tables.leaf[FIRST] &= ~(VTD_FS_A | VTD_FS_D);
	assert_true(dma(FIRST, IOVA, true));
	assert_int_equal(*tables.leaf[FIRST] & (VTD_FS_A | VTD_FS_D), 0);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA | VTD_QI_IH);
	assert_true(dma(FIRST, IOVA, true));
	assert_int_equal(*tables.leaf[FIRST] & (VTD_FS_A | VTD_FS_D), VTD_FS_A | VTD_FS_D);
	assert_clean();
}

/* As many as the unit has room for, the size of which is an argument. */
static void
caches_have_their_size(void **state)
{
	struct uiommu_args args[] = {{"iotlb", 4, NULL}, {"psc", 4, NULL}, {NULL, 0, NULL}};
	struct uiommu_args wrong[] = {{"iotlb", 5, NULL}, {NULL, 0, NULL}};
	struct uiommu_platform plat = {.ops = platform_ops, .name = "x0", .driver = "vtd"};
	unsigned int i, there = 0;

	(void)state;
	tables_open(args);
	for (i = 0; i < 8; i++) {
		*first_entry(IOVA + i * 4096, 1) = tables.page[0].pa | FIRST_RW;
		assert_true(dma(FIRST, IOVA + i * 4096, true));
	}
	for (i = 0; i < 8; i++)
		*first_entry(IOVA + i * 4096, 1) = 0;
	for (i = 0; i < 8; i++)
		there += dma(FIRST, IOVA + i * 4096, true);
	assert_int_equal(there, 4);
	assert_int_equal(platform_ops->open(&plat, wrong), -EINVAL);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(invalidations_drop_their_own),
		CASE(ranges_are_powers_of_two),
		CASE(large_pages_go_as_a_whole),
		CASE(tables_stay_with_the_hint),
		CASE(rights_of_tables_are_remembered),
		CASE(nested_tables_go_with_the_domain),
		CASE(page_requests_invalidate),
		CASE(page_requests_of_traffic_invalidate),
		CASE(root_tables_invalidate_with_esrtps),
		CASE(absence_is_remembered),
		CASE(missing_rights_are_remembered),
		CASE(refused_writes_leave_the_rest),
		CASE(marks_are_remembered),
		CASE(caches_have_their_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
