/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The emulated devices that translate: what they are told, what they keep in their device-TLBs, and
 * DMA with it.
 */

#include "emu_tables.h"

/* Reason, type and address type of the last fault; 0: none. */
static unsigned int
fault_type(uint64_t *hi)
{
	const uint32_t offset = (uint32_t)((get64(VTD_REG_CAP) >> VTD_CAP_FRO_SHIFT) &
					   VTD_CAP_FRO_MASK) * 16 +
				((get32(VTD_REG_FSTS) >> VTD_FSTS_FRI_SHIFT) & 0xff) *
					VTD_FRCD_SIZE;

	*hi = get64(offset + 8);
	return last_fault();
}

static void
translations_lead_to_pages(void **state)
{
	(void)state;
	tables_open(NULL);
	assert_true(lead(FIRST, IOVA + 0x123, false) == tables.page[FIRST].pa + 0x123);
	assert_true(lead(SECOND, IOVA + 0xfff, true) == tables.page[SECOND].pa + 0xfff);
	assert_true(lead(NESTED, IOVA + 8, true) == tables.page[NESTED].pa + 8);
	assert_true(lead(PASS, IOVA + 8, true) == IOVA + 8);
	assert_int_equal(verdict(false).translations, 4);
	assert_int_equal(verdict(false).atc_hits, 0);
	assert_true(lead(FIRST, IOVA, false) == tables.page[FIRST].pa);
	assert_int_equal(verdict(false).atc_hits, 1);
	assert_int_equal(verdict(false).iotlb_hits, 0);
	/* the other PASID of the domain has a device-TLB entry and a tag of its own */
	assert_true(lead(TWIN, IOVA, false) == tables.page[FIRST].pa);
	assert_int_equal(verdict(false).translations, 5);
	assert_clean();
}

/* What is not there is no fault, for the device can ask for it. */
static void
absence_is_said_and_not_recorded(void **state)
{
	(void)state;
	tables_open(NULL);
	*tables.leaf[FIRST] = tables.page[FIRST].pa | FIRST_RO;
	assert_true(lead(FIRST, IOVA, true) == 0);
	*tables.leaf[FIRST] = 0;
	*tables.leaf[SECOND] = 0;
	*tables.host_leaf = 0;
	assert_true(lead(FIRST, IOVA, false) == 0);
	assert_true(lead(FIRST, UINT64_C(1) << 50, false) == 0);
	assert_true(lead(FIRST, 0xfee00000, true) == 0);
	assert_true(lead(SECOND, IOVA, false) == 0);
	assert_true(lead(SECOND, UINT64_C(1) << 50, false) == 0);
	assert_true(lead(NESTED, IOVA, false) == 0);
	assert_int_equal(verdict(false).faults_recorded, 0);
	/* what is wrong is one */
	*tables.leaf[SECOND] = tables.page[SECOND].pa | SECOND_RW | VTD_SS_IW;
	assert_true(lead(SECOND, IOVA, false) == 0);
	assert_int_equal(last_fault(), VTD_FR_SS_RESERVED);
	*first_entry(IOVA, 4) |= VTD_FS_PS;
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	assert_true(lead(FIRST, IOVA, false) == 0);
	assert_int_equal(last_fault(), VTD_FR_FS_RESERVED);
	assert_clean();
}

/* S 9.4, 7.1.3: tables on the way, and the leave to translate. */
static void
table_faults_are_recorded(void **state)
{
	uint64_t hi;

	(void)state;
	tables_open(NULL);
	context_entry(DEVICE)[0] &= ~(VTD_CTX0_DTE | VTD_CTX0_PRE);
	assert_true(lead(FIRST, IOVA, true) == 0);
	assert_int_equal(fault_type(&hi), VTD_FR_DTE_CLEAR);
	/* write; of a translation request */
	assert_int_equal(hi >> 60 & 7, 1);
	assert_true(lead(FIRST, IOVA, false) == 0);
	assert_int_equal(fault_type(&hi), VTD_FR_DTE_CLEAR);
	assert_int_equal(hi >> 60 & 7, 5);
	/* without ATS it may use its pages */
	assert_true(dma(FIRST, IOVA, true));
	context_entry(DEVICE)[0] |= VTD_CTX0_DTE;
	context_cache(VTD_CONTEXT_GRAN_DEVICE);
	pasid_entry(FIRST)[0] &= ~VTD_PE0_P;
	pasid_cache(VTD_PASID_CACHE_GRAN_PASID, KIND_DOMAIN(FIRST), FIRST);
	assert_true(lead(FIRST, IOVA, false) == 0);
	assert_int_equal(last_fault(), VTD_FR_PASID_ENTRY_NOT_PRESENT);
	assert_clean();
}

/* With DTE gone, what a device has translated before is not let through either. */
static void
translated_requests_need_dte(void **state)
{
	(void)state;
	tables_open(NULL);
	assert_true(lead(FIRST, IOVA, true) != 0);
	context_entry(DEVICE)[0] &= ~(VTD_CTX0_DTE | VTD_CTX0_PRE);
	/* the unit goes by what it remembers */
	assert_true(lead(FIRST, IOVA, true) != 0);
	context_cache(VTD_CONTEXT_GRAN_DEVICE);
	assert_true(lead(FIRST, IOVA, true) == 0);
	assert_clean();
}

/* Rights: what is asked for, and to write only with the mark that this leaves. */
static void
rights_are_told_as_asked(void **state)
{
	(void)state;
	tables_open(NULL);
	assert_true(lead(FIRST, IOVA, false) != 0);
	assert_int_equal(*tables.leaf[FIRST] & (VTD_FS_A | VTD_FS_D), VTD_FS_A);
	assert_true(lead(FIRST, IOVA, true) != 0);
	assert_int_equal(*tables.leaf[FIRST] & (VTD_FS_A | VTD_FS_D), VTD_FS_A | VTD_FS_D);
	assert_int_equal(verdict(false).translations, 2);
	assert_true(lead(FIRST, IOVA, true) != 0);
	assert_true(lead(FIRST, IOVA, false) != 0);
	assert_int_equal(verdict(false).translations, 2);
	/* without marks there is nothing to keep back */
	assert_true(lead(SECOND, IOVA, false) != 0);
	assert_true(lead(SECOND, IOVA, true) != 0);
	assert_int_equal(verdict(false).translations, 3);
	assert_clean();
}

/* ------------------------------------------------------------------ device-TLBs */

#define RANGE_PAGES 16
static uint64_t range;

/* Pages that the device has translated, and that have gone since. */
static void
range_open(void)
{
	unsigned int i;

	tables_open(NULL);
	range = IOVA & ~(uint64_t)(RANGE_PAGES * 4096 - 1);
	/* RID_PASID is 0 */
	bond_kind(0, VTD_PGTT_FIRST, tables.first, NULL);
	for (i = 0; i < RANGE_PAGES; i++) {
		*first_entry(range + i * 4096, 1) = tables.page[0].pa | FIRST_RW;
		assert_true(lead(FIRST, range + i * 4096, true) != 0);
		assert_true(lead(TWIN, range + i * 4096, true) != 0);
		assert_true(lead(UINT32_MAX, range + i * 4096, true) != 0);
		*first_entry(range + i * 4096, 1) = 0;
	}
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
}

/* Pages of the range that the device still has, as bits. */
static unsigned int
range_left(uint32_t pasid)
{
	unsigned int left = 0, i;

	for (i = 0; i < RANGE_PAGES; i++)
		if (lead(pasid, range + i * 4096, true) != 0)
			left |= 1U << i;
	return left;
}

#define ALL ((1U << RANGE_PAGES) - 1)

/* S 6.5.2.5, 6.5.2.6: types, the global bit, and ranges by the lowest clear bit. */
static void
device_tlbs_forget_what_they_are_told(void **state)
{
	static const struct {
		uint32_t pasid;  /* UINT32_MAX: type 3 */
		uint64_t offset; /* of the address, and what is below it */
		unsigned int first, twin, rid;
	} cases[] = {
		{FIRST, 0, ALL & ~1U, ALL, ALL},
		{FIRST, 5 * 4096, ALL & ~(1U << 5), ALL, ALL},
		{TWIN, 5 * 4096, ALL, ALL & ~(1U << 5), ALL},
		{UINT32_MAX, 5 * 4096, ALL, ALL, ALL & ~(1U << 5)},
		/* two, four, and sixteen pages */
		{FIRST, 4 * 4096 | VTD_QI_PASID_DEV_TLB_S, ALL & ~(3U << 4), ALL, ALL},
		{FIRST, 5 * 4096 | VTD_QI_PASID_DEV_TLB_S, ALL & ~(0xfU << 4), ALL, ALL},
		{FIRST, 7 * 4096 | VTD_QI_PASID_DEV_TLB_S, 0, ALL, ALL},
		{UINT32_MAX, 9 * 4096 | VTD_QI_DEV_TLB_S, ALL, ALL, ALL & ~(0xfU << 8)},
		/* the size bit of the other type is none */
		{UINT32_MAX, 0, ALL, ALL, ALL & ~1U},
		/* all PASIDs, which does not include none */
		{FIRST, VTD_QI_PASID_DEV_TLB_G | 2 * 4096, ALL & ~4U, ALL & ~4U, ALL},
		{FIRST, VTD_QI_PASID_DEV_TLB_G | VTD_QI_PASID_DEV_TLB_S, ALL & ~3U, ALL & ~3U,
		 ALL},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		range_open();
		if (cases[i].pasid == UINT32_MAX)
			device_tlb(range + cases[i].offset);
		else
			pasid_device_tlb(cases[i].pasid, range + cases[i].offset);
		assert_int_equal(range_left(FIRST), cases[i].first);
		assert_int_equal(range_left(TWIN), cases[i].twin);
		assert_int_equal(range_left(UINT32_MAX), cases[i].rid);
		assert_clean();
		rig_close(NULL);
	}
	range_open();
	device_forgets(FIRST);
	device_tlb(VTD_QI_DEV_TLB_ALL | VTD_QI_DEV_TLB_S);
	assert_int_equal(range_left(FIRST), 0);
	assert_int_equal(range_left(TWIN), ALL);
	assert_int_equal(range_left(UINT32_MAX), 0);
	assert_clean();
}

/* The unit forgets, the device does not; one that times out has not forgotten. */
static void
devices_forget_only_when_told(void **state)
{
	(void)state;
	tables_open(NULL);
	assert_true(lead(FIRST, IOVA, true) != 0);
	*tables.leaf[FIRST] = 0;
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0);
	context_cache(VTD_CONTEXT_GRAN_GLOBAL);
	assert_int_equal(ask(FIRST), UIOMMU_EMU_QUEUED);
	assert_true(lead(FIRST, IOVA, true) == tables.page[FIRST].pa);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEVICE_TIMEOUT, 1);
	queue_put(VTD_QI_PASID_DEV_TLB | (uint64_t)DEVICE << VTD_QI_PASID_DEV_TLB_SID_SHIFT |
			  (uint64_t)FIRST << VTD_QI_PASID_SHIFT,
		  VTD_QI_DEV_TLB_ALL | VTD_QI_PASID_DEV_TLB_S);
	queue_ring();
	put32(VTD_REG_FSTS, VTD_FSTS_ITE);
	assert_true(lead(FIRST, IOVA, true) == tables.page[FIRST].pa);
	device_forgets(FIRST);
	assert_true(lead(FIRST, IOVA, true) == 0);
	serve_all();
	assert_clean();
}

/* The device of another requester id keeps its own. */
static void
devices_are_apart(void **state)
{
	const uint32_t pasid = FIRST;
	const struct uiommu_emu_device_conf other = {
		.endpoint_id = STRANGER, .nb_pasids = 1, .pasids = &pasid, .atc_entries = 4,
	};
	uint64_t pa;

	(void)state;
	tables_open(NULL);
	endpoint(STRANGER);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &other), 0);
	assert_true(lead(FIRST, IOVA, true) != 0);
	assert_true(uiommu_emu_translate(rig.emu, STRANGER, FIRST, IOVA, true, &pa));
	/* the unit's cache serves both */
	assert_int_equal(verdict(false).iotlb_hits, 1);
	*tables.leaf[FIRST] = 0;
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	device_forgets(FIRST);
	assert_true(lead(FIRST, IOVA, true) == 0);
	assert_true(uiommu_emu_translate(rig.emu, STRANGER, FIRST, IOVA, true, &pa));
	assert_true(pa == tables.page[FIRST].pa);
	assert_false(uiommu_emu_translate(rig.emu, 0x999, FIRST, IOVA, true, NULL));
	assert_clean();
}

static void
device_tlbs_have_their_size(void **state)
{
	const uint32_t pasid = FIRST;
	struct uiommu_emu_device_conf conf = {
		.endpoint_id = STRANGER, .nb_pasids = 1, .pasids = &pasid, .atc_entries = 8,
	};
	unsigned int i, there = 0;

	(void)state;
	tables_open(NULL);
	endpoint(STRANGER);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
	for (i = 0; i < 64; i++)
		*first_entry(IOVA + i * 4096, 1) = tables.page[0].pa | FIRST_RW;
	for (i = 0; i < 64; i++)
		assert_true(uiommu_emu_translate(rig.emu, STRANGER, FIRST, IOVA + i * 4096, true,
						 NULL));
	for (i = 0; i < 64; i++)
		*first_entry(IOVA + i * 4096, 1) = 0;
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	for (i = 0; i < 64; i++)
		there += uiommu_emu_translate(rig.emu, STRANGER, FIRST, IOVA + i * 4096, true,
					      NULL);
	assert_int_equal(there, 8);
	conf.endpoint_id = 0x118;
	conf.atc_entries = 12;
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), -EINVAL);
	conf.atc_entries = 131072;
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), -EINVAL);
	assert_clean();
}

/* ---------------------------------------------------------------------------- DMA */

static void
accesses_move_bytes(void **state)
{
	char in[] = "as it was", out[sizeof(in)] = "";

	(void)state;
	tables_open(NULL);
	assert_true(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA + 100, true, in, sizeof(in)));
	assert_memory_equal((char *)tables.page[FIRST].va + 100, in, sizeof(in));
	assert_true(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA + 100, false, out,
				      sizeof(out)));
	assert_memory_equal(in, out, sizeof(in));
	/* not there, and not in one page */
	assert_false(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA + 4096, false, out, 1));
	assert_false(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA + 4090, false, out, 7));
	assert_true(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA + 4090, false, out, 6));
	assert_clean();
	/* nor in any memory */
	*first_entry(IOVA + 4096, 1) = 0x1000 | FIRST_RW;
	assert_false(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA + 4096, false, out, 1));
	assert_int_equal(verdict(false).protocol, 1);
	assert_non_null(strstr(verdict(false).first, "0x1000"));
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, FIRST, IOVA + 4096, false, NULL));
}

/* A page that was exchanged under a translation that nobody has invalidated. */
static void
stale_accesses_reach_the_old_page(void **state)
{
	uint64_t old = 1, new = 2, got = 0;

	(void)state;
	tables_open(NULL);
	memcpy(tables.page[FIRST].va, &old, sizeof(old));
	memcpy(tables.page[7].va, &new, sizeof(new));
	assert_true(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA, false, &got, sizeof(got)));
	assert_int_equal(got, 1);
	*tables.leaf[FIRST] = tables.page[7].pa | FIRST_RW;
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA);
	assert_true(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA, false, &got, sizeof(got)));
	assert_int_equal(got, 1);
	pasid_device_tlb(FIRST, IOVA);
	assert_true(uiommu_emu_access(rig.emu, DEVICE, FIRST, IOVA, false, &got, sizeof(got)));
	assert_int_equal(got, 2);
	assert_clean();
}

/* Spaces stay with their PASIDs, in whatever order these are given. */
static void
spaces_go_with_pasids(void **state)
{
	const uint32_t pasids[] = {9, 3, UINT32_MAX, 5}, spaces[] = {90, 30, 77, 50};
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = STRANGER, .nb_pasids = 4, .pasids = pasids, .spaces = spaces,
	};
	const struct emu_device *dev;
	unsigned int i;

	(void)state;
	tables_open(NULL);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
	dev = emu_device_find(rig.emu, STRANGER);
	for (i = 0; i < 4; i++)
		assert_int_equal(rig.emu->bonds[emu_bond_find(rig.emu, dev, pasids[i])].space,
				 spaces[i]);
}

/* With lazy devices what they were asked is done when something waits for it, and no sooner. */
static void
lazy_devices_confirm_late(void **state)
{
	struct uiommu_args args[] = {{"lazy", 1, NULL}, {NULL, 0, NULL}};

	(void)state;
	tables_open(args);
	assert_true(lead(FIRST, IOVA, true) != 0);
	*tables.leaf[FIRST] = 0;
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	queue_put(VTD_QI_PASID_DEV_TLB | (uint64_t)DEVICE << VTD_QI_PASID_DEV_TLB_SID_SHIFT |
			  (uint64_t)FIRST << VTD_QI_PASID_SHIFT,
		  IOVA);
	queue_ring();
	assert_true(lead(FIRST, IOVA, true) == tables.page[FIRST].pa);
	/* a fence is enough: no status is written */
	queue_put(VTD_QI_WAIT | VTD_QI_WAIT_FN, 0);
	queue_ring();
	assert_true(lead(FIRST, IOVA, true) == 0);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(translations_lead_to_pages),
		CASE(absence_is_said_and_not_recorded),
		CASE(table_faults_are_recorded),
		CASE(translated_requests_need_dte),
		CASE(rights_are_told_as_asked),
		CASE(device_tlbs_forget_what_they_are_told),
		CASE(devices_forget_only_when_told),
		CASE(devices_are_apart),
		CASE(device_tlbs_have_their_size),
		CASE(lazy_devices_confirm_late),
		CASE(accesses_move_bytes),
		CASE(stale_accesses_reach_the_old_page),
		CASE(spaces_go_with_pasids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
