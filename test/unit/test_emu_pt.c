/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The emulated VT-d unit's walk of page tables, S 9.7, 9.8: levels, sizes, rights, reserved bits,
 * marks.
 */

#include "emu_tables.h"

static void
dma_fails(uint32_t pasid, uint64_t iova, bool write, unsigned int reason)
{
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	assert_false(dma(pasid, iova, write));
	assert_int_equal(last_fault(), reason);
}

static void
dma_passes(uint32_t pasid, uint64_t iova, bool write)
{
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	assert_true(dma(pasid, iova, write));
}

/* Each level of either stage has its say on rights, and a bit that it must not have. */
static void
all_levels_have_their_say(void **state)
{
	unsigned int level;
	uint64_t *entry, old;

	(void)state;
	tables_open(NULL);
	for (level = 1; level <= 4; level++) {
		entry = first_entry(IOVA, level);
		dma_passes(FIRST, IOVA, true);
		old = *entry;
		*entry = old & ~VTD_FS_P;
		dma_fails(FIRST, IOVA, false, VTD_FR_FS_NOT_PRESENT);
		*entry = old & ~VTD_FS_RW;
		dma_fails(FIRST, IOVA, true, VTD_FR_WRITE_DENIED);
		dma_passes(FIRST, IOVA, false);
		*entry = old & ~VTD_FS_US;
		dma_fails(FIRST, IOVA, false, VTD_FR_USER);
		*entry = old | VTD_FS_PS;
		if (level == 1)
			dma_passes(FIRST, IOVA, true);
		else if (level == 4)
			dma_fails(FIRST, IOVA, false, VTD_FR_FS_RESERVED);
		/* ignored, or with another meaning for somebody else */
		*entry = old | UINT64_C(0xfff) << 52 | UINT64_C(7) << 9 | VTD_FS_A | VTD_FS_D;
		dma_passes(FIRST, IOVA, true);
		*entry = level > 1 ? (UINT64_C(1) << 51) | FIRST_RW : 0;
		dma_fails(FIRST, IOVA, false,
			  level > 1 ? VTD_FR_FS_ACCESS : VTD_FR_FS_NOT_PRESENT);
		*entry = old;

		entry = second_entry(IOVA, level);
		dma_passes(SECOND, IOVA, true);
		old = *entry;
		*entry = old & ~VTD_SS_W;
		dma_fails(SECOND, IOVA, true, VTD_FR_SS_PERMISSION);
		dma_passes(SECOND, IOVA, false);
		*entry = old & ~VTD_SS_R;
		dma_fails(SECOND, IOVA, false, VTD_FR_SS_PERMISSION);
		dma_passes(SECOND, IOVA, true);
		*entry = old | VTD_SS_IW;
		dma_fails(SECOND, IOVA, false, VTD_FR_SS_RESERVED);
		*entry = old | VTD_SS_SNP;
		if (level == 1)
			dma_passes(SECOND, IOVA, true);
		else
			dma_fails(SECOND, IOVA, false, VTD_FR_SS_RESERVED);
		*entry = level > 1 ? (UINT64_C(1) << 51) | SECOND_RW : 0;
		dma_fails(SECOND, IOVA, false,
			  level > 1 ? VTD_FR_SS_ACCESS : VTD_FR_SS_PERMISSION);
		*entry = old;
	}
	assert_clean();
}

/* Pages of 2 MiB and 1 GiB, where their low bits must be clear but for PAT. */
static void
large_pages_are_found(void **state)
{
	const uint64_t at = UINT64_C(0x5555) << 30;
	const uint64_t low = UINT64_C(0x1c1000);
	unsigned int level;
	uint64_t size, *entry;

	(void)state;
	tables_open(NULL);
	for (level = 2; level <= 3; level++) {
		size = UINT64_C(1) << VTD_PT_SHIFT(level);
		entry = first_entry(at, level);
		*entry = size * 5 | VTD_FS_PS | FIRST_RW | UINT64_C(1) << 12;
		assert_true(lead(FIRST, at + low, true) == size * 5 + low);
		assert_true(lead(FIRST, at + size - 1, true) == size * 6 - 1);
		assert_true(lead(FIRST, at + size, true) == 0);
		assert_int_equal(verdict(false).translations, level == 2 ? 2 : 5);
		*entry |= UINT64_C(1) << 13;
		dma_fails(FIRST, at, false, VTD_FR_FS_RESERVED);
		*entry = 0;
		device_forgets(FIRST);

		entry = second_entry(at, level);
		*entry = size * 5 | VTD_FS_PS | SECOND_RW;
		assert_true(lead(SECOND, at + low, true) == size * 5 + low);
		*entry |= UINT64_C(1) << 12;
		dma_fails(SECOND, at, false, VTD_FR_SS_RESERVED);
		*entry = 0;
		device_forgets(SECOND);
	}
	assert_clean();
}

/* What a unit does not have, by its capabilities. */
static void
sizes_need_the_unit(void **state)
{
	struct uiommu_args args[] = {
		{"cap_clear", VTD_CAP_FS1GP | UINT64_C(1) << 34, NULL},
		{"ecap_clear", VTD_ECAP_SC, NULL},
		{NULL, 0, NULL},
	};
	const uint64_t at = UINT64_C(0x5555) << 30;

	(void)state;
	tables_open(args);
	*first_entry(at, 3) = UINT64_C(1) << 30 | VTD_FS_PS | FIRST_RW;
	dma_fails(FIRST, at, false, VTD_FR_FS_RESERVED);
	*second_entry(at, 3) = UINT64_C(1) << 30 | VTD_FS_PS | SECOND_RW;
	dma_passes(SECOND, at, false);
	*second_entry(at, 3) = 0;
	*second_entry(at, 2) = UINT64_C(1) << 30 | VTD_FS_PS | SECOND_RW;
	dma_fails(SECOND, at, false, VTD_FR_SS_RESERVED);
	*tables.leaf[SECOND] |= VTD_SS_SNP;
	dma_fails(SECOND, IOVA, false, VTD_FR_SS_RESERVED);
	assert_clean();
}

/* Widths of the second stage, and five levels of the first. */
static void
tables_have_their_widths(void **state)
{
	struct uiommu_args args[] = {
		{"cap_set", (uint64_t)VTD_SAGAW_39 << VTD_CAP_SAGAW_SHIFT, NULL}, {NULL, 0, NULL},
	};
	unsigned int levels;
	uint64_t *root, top;

	(void)state;
	tables_open(args);
	for (levels = 3; levels <= 5; levels++) {
		root = table_new();
		top = (UINT64_C(1) << VTD_PT_SHIFT(levels + 1)) - 4096;
		*table_entry(root, levels, top, 1, SECOND_RW) = tables.page[0].pa | SECOND_RW;
		pasid_entry(SECOND)[0] = (uintptr_t)root |
					 (uint64_t)(levels - 2) << VTD_PE0_AW_SHIFT |
					 (uint64_t)VTD_PGTT_SECOND << VTD_PE0_PGTT_SHIFT |
					 VTD_PE0_P;
		pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0);
		dma_passes(SECOND, top, true);
		dma_fails(SECOND, top + 4096, true, VTD_FR_SS_ADDRESS);
	}
	/* canonical addresses, at either end */
	for (levels = 4; levels <= 5; levels++) {
		root = table_new();
		top = (UINT64_C(1) << (VTD_PT_SHIFT(levels + 1) - 1)) - 4096;
		*table_entry(root, levels, top, 1, FIRST_RW) = tables.page[0].pa | FIRST_RW;
		*table_entry(root, levels, ~top & VTD_ADDR_MASK, 1, FIRST_RW) =
			tables.page[1].pa | FIRST_RW;
		pasid_entry(FIRST)[2] = (uintptr_t)root | (levels - 4) << VTD_PE2_FSPM_SHIFT;
		pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0);
		dma_passes(FIRST, top, true);
		dma_passes(FIRST, ~top & VTD_ADDR_MASK, true);
		dma_fails(FIRST, top + 4096, true, VTD_FR_FS_NOT_CANONICAL);
		dma_fails(FIRST, (~top & VTD_ADDR_MASK) - 4096, true, VTD_FR_FS_NOT_CANONICAL);
	}
	assert_clean();
}

/* Accessed at all levels, dirty at the page and by a write; the second stage if SSADE says so. */
static void
marks_are_left(void **state)
{
	unsigned int level;

	(void)state;
	tables_open(NULL);
	assert_true(dma(FIRST, IOVA, false));
	for (level = 1; level <= 4; level++)
		assert_int_equal(*first_entry(IOVA, level) & (VTD_FS_A | VTD_FS_D), VTD_FS_A);
	assert_true(dma(FIRST, IOVA, true));
	for (level = 1; level <= 4; level++)
		assert_int_equal(*first_entry(IOVA, level) & (VTD_FS_A | VTD_FS_D),
				 level == 1 ? VTD_FS_A | VTD_FS_D : VTD_FS_A);
	assert_true(dma(SECOND, IOVA, true));
	for (level = 1; level <= 4; level++)
		assert_int_equal(*second_entry(IOVA, level) & (VTD_SS_A | VTD_SS_D), 0);
	pasid_entry(SECOND)[0] |= VTD_PE0_SSADE;
	pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0);
	dma_passes(SECOND, IOVA, false);
	for (level = 1; level <= 4; level++)
		assert_int_equal(*second_entry(IOVA, level) & (VTD_SS_A | VTD_SS_D), VTD_SS_A);
	assert_true(dma(SECOND, IOVA, true));
	assert_int_equal(*tables.leaf[SECOND] & (VTD_SS_A | VTD_SS_D), VTD_SS_A | VTD_SS_D);
	/* a write that the host forbids leaves no dirty mark with the guest */
	*tables.host_leaf &= ~VTD_SS_W;
	dma_fails(NESTED, IOVA, true, VTD_FR_SS_PERMISSION);
	assert_int_equal(*tables.leaf[NESTED] & VTD_FS_D, 0);
	*tables.host_leaf |= VTD_SS_W;
	dma_passes(NESTED, IOVA, true);
	assert_int_equal(*tables.leaf[NESTED] & VTD_FS_D, VTD_FS_D);
	/* what is not there is not marked */
	*tables.leaf[FIRST] = 0;
	dma_fails(FIRST, IOVA, true, VTD_FR_FS_NOT_PRESENT);
	assert_int_equal(*tables.leaf[FIRST], 0);
	assert_clean();
}

/* S 9.6: supervisors need SRE; WPE holds them to read-only pages. */
static void
supervisors_go_by_the_pasid_entry(void **state)
{
	const struct emu_message msg = {
		.endpoint_id = DEVICE, .pasid = FIRST, .iova = IOVA,
		.flags = EMU_REQ_WRITE | EMU_REQ_PRIV,
	};
	struct emu_device *dev;
	uint32_t bond;
	unsigned int sre, wpe;
	bool ok;

	(void)state;
	tables_open(NULL);
	dev = emu_device_find(rig.emu, DEVICE);
	bond = emu_bond_find(rig.emu, dev, FIRST);
	*tables.leaf[FIRST] &= ~(VTD_FS_US | VTD_FS_RW);
	for (sre = 0; sre < 2; sre++)
		for (wpe = 0; wpe < 2; wpe++) {
			pasid_entry(FIRST)[2] &= ~(VTD_PE2_SRE | VTD_PE2_WPE);
			pasid_entry(FIRST)[2] |= (sre ? VTD_PE2_SRE : 0) | (wpe ? VTD_PE2_WPE : 0);
			pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0);
			ok = rig.emu->model->dma(rig.emu, dev, bond, &msg);
			assert_int_equal(ok, sre && !wpe);
			assert_int_equal(last_fault(), !sre ? VTD_FR_SRE_CLEAR :
						       wpe  ? VTD_FR_WRITE_DENIED :
							      0);
			/* and that says nothing for users */
			assert_false(dma(FIRST, IOVA, true));
			assert_int_equal(last_fault(), VTD_FR_USER);
		}
	assert_clean();
}

/* The stage that has the smaller page, and the rights of both. */
static void
nested_pages_are_the_smaller(void **state)
{
	const uint64_t iova = UINT64_C(0x77) << 40, guest = UINT64_C(0x33) << 30;
	unsigned int i;

	(void)state;
	tables_open(NULL);
	for (i = 0; i < 3; i++)
		tables.guest[i][iova >> (39 - 9 * i) & 0x1ff] =
			i < 2 ? (GUEST_TABLES + (i + 1) * 4096) | FIRST_RW :
				guest | VTD_FS_PS | FIRST_RW;
	/* 2 MiB of the guest, 4 KiB of the host */
	*table_entry(tables.host, 4, guest + 0x5000, 1, SECOND_RW) =
		tables.page[6].pa | SECOND_RO;
	assert_true(lead(NESTED, iova + 0x5abc, false) == tables.page[6].pa + 0xabc);
	assert_true(lead(NESTED, iova + 0x5abc, true) == 0);
	assert_true(lead(NESTED, iova + 0x6abc, false) == 0);
	/* and the other way round */
	*table_entry(tables.host, 4, UINT64_C(0x44) << 30, 3, SECOND_RW) =
		UINT64_C(1) << 30 | VTD_FS_PS | SECOND_RW;
	*tables.leaf[NESTED] = ((UINT64_C(0x44) << 30) + 0x109000) | FIRST_RW;
	iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0);
	assert_true(lead(NESTED, IOVA + 1, true) == (UINT64_C(1) << 30) + 0x109001);
	assert_true(lead(NESTED, IOVA + 0x1000, true) == 0);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_levels_have_their_say),
		CASE(large_pages_are_found),
		CASE(sizes_need_the_unit),
		CASE(tables_have_their_widths),
		CASE(marks_are_left),
		CASE(supervisors_go_by_the_pasid_entry),
		CASE(nested_pages_are_the_smaller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
