/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Translations of a domain that are to be forgotten: which descriptors, and in which order
 * (S 6.5.3.3).
 */

#include "vtd_inval_rig.h"

/* ----------------------------------------------------------------------- blocks */

static void
ranges_become_aligned_blocks(void **state)
{
	EXPECT(PASID_PAGES(1, PAGES(0x10) | IH), DEVICE_PAGES(0x0302, 1, PAGES(0x10)));
	/* a block of 16: bits 14:12 set, 15 clear */
	range_is(0, 0x10, 16);
	EXPECT(PASID_PAGES(1, PAGES(0x10) | IH | 4), DEVICE_PAGES(0x0302, 1, PAGES(0x17) | 0x800));
	/* 4 to 8: four, and one */
	range_is(0, 4, 5);
	EXPECT(PASID_PAGES(1, PAGES(4) | IH | 2), PASID_PAGES(1, PAGES(8) | IH),
	       DEVICE_PAGES(0x0302, 1, PAGES(5) | 0x800), DEVICE_PAGES(0x0302, 1, PAGES(8)));
	/* 3 to 10: one, four, two, one */
	range_is(0, 3, 8);
	EXPECT(PASID_PAGES(1, PAGES(3) | IH), PASID_PAGES(1, PAGES(4) | IH | 2),
	       PASID_PAGES(1, PAGES(8) | IH | 1), PASID_PAGES(1, PAGES(10) | IH),
	       DEVICE_PAGES(0x0302, 1, PAGES(3)), DEVICE_PAGES(0x0302, 1, PAGES(5) | 0x800),
	       DEVICE_PAGES(0x0302, 1, PAGES(8) | 0x800), DEVICE_PAGES(0x0302, 1, PAGES(10)));
	assert_int_equal(queue.wide_invalidations, 0);
	/* 1 to 62 would be ten: four of 16 pages, 0 to 63 */
	range_is(0, 1, 62);
	EXPECT(PASID_PAGES(1, PAGES(0) | IH | 4), PASID_PAGES(1, PAGES(0x10) | IH | 4),
	       PASID_PAGES(1, PAGES(0x20) | IH | 4), PASID_PAGES(1, PAGES(0x30) | IH | 4),
	       DEVICE_PAGES(0x0302, 1, PAGES(7) | 0x800),
	       DEVICE_PAGES(0x0302, 1, PAGES(0x17) | 0x800),
	       DEVICE_PAGES(0x0302, 1, PAGES(0x27) | 0x800),
	       DEVICE_PAGES(0x0302, 1, PAGES(0x37) | 0x800));
	assert_int_equal(queue.wide_invalidations, 1);
	/* 1 to 19 would be five, of one size or of many: three of 8 pages, 0 to 23 */
	range_is(0, 1, 19);
	EXPECT(PASID_PAGES(1, PAGES(0) | IH | 3), PASID_PAGES(1, PAGES(8) | IH | 3),
	       PASID_PAGES(1, PAGES(0x10) | IH | 3), DEVICE_PAGES(0x0302, 1, PAGES(3) | 0x800),
	       DEVICE_PAGES(0x0302, 1, PAGES(0xb) | 0x800),
	       DEVICE_PAGES(0x0302, 1, PAGES(0x13) | 0x800));
	assert_int_equal(queue.wide_invalidations, 2);
}

/* The highest page there is; then 2^47 bytes that end with it. */
static void
high_addresses_are_reached(void **state)
{
	ranges[0] = (struct uiommu_pgtable_range){.iova = UINT64_C(0xfffffffffffff000),
						  .len = 0x1000};
	EXPECT(PASID_PAGES(1, UINT64_C(0xfffffffffffff000) | IH),
	       DEVICE_PAGES(0x0302, 1, UINT64_C(0xfffffffffffff000)));
	ranges[0] = (struct uiommu_pgtable_range){.iova = UINT64_C(0xffff800000000000),
						  .len = UINT64_C(0x0000800000000000)};
	EXPECT(PASID_PAGES(1, UINT64_C(0xffff800000000000) | IH | 35),
	       DEVICE_PAGES(0x0302, 1, UINT64_C(0xffffbffffffff800)));
}

static void
many_blocks_become_all(void **state)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		range_is(i, 0x100 * i, 1);
	hw.nb_seen = 0;
	queue.iotlb_invalidations = 0;
	{
		struct uiommu_cmd cmd = command();

		assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
		assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
	}
	assert_int_equal(hw.nb_seen, 32);
	assert_int_equal(queue.iotlb_invalidations, 16);
	assert_int_equal(queue.device_tlb_invalidations, 16);
	assert_int_equal(queue.wide_invalidations, 0);
	range_is(16, 0x5000, 1);
	EXPECT(PASID_ALL(1), DEVICE_ALL(0x0302, 1));
	assert_int_equal(queue.wide_invalidations, 1);
	/* asked for, it is not wide */
	inval.all = true;
	EXPECT(PASID_ALL(1), DEVICE_ALL(0x0302, 1));
	assert_int_equal(queue.wide_invalidations, 1);
}

/* Whether a descriptor of the unit's reaches a page, by AM 5:0, or as a whole (G 5:4 = 2) */
static bool
unit_reaches(const struct vtd_desc *desc, uint64_t iova)
{
	const unsigned int shift = 12 + (desc->q[1] & 0x3f);

	if ((desc->q[0] & 0xf) != 6)
		return false;
	if ((desc->q[0] >> 4 & 3) == 2)
		return true;
	assert_true((desc->q[1] >> 12 & ((UINT64_C(1) << (shift - 12)) - 1)) == 0);
	return desc->q[1] >> shift == iova >> shift;
}

/* Whether one of a device's does: with S (11) the ones from bit 12 up, and a zero, say how far. */
static bool
device_reaches(const struct vtd_desc *desc, uint64_t iova)
{
	uint64_t page = desc->q[1] >> 12;
	unsigned int shift = 12;

	if ((desc->q[0] & 0xf) != 8)
		return false;
	if ((desc->q[1] & 0x800) != 0) {
		for (; (page & 1) != 0; page >>= 1)
			shift++;
		shift++;
	}
	return shift > 63 || desc->q[1] >> shift == iova >> shift;
}

static void
reached(uint64_t iova)
{
	bool unit = false, device = false;
	unsigned int i;

	for (i = 0; i < hw.nb_seen; i++) {
		unit |= unit_reaches(&hw.seen[i], iova);
		device |= device_reaches(&hw.seen[i], iova);
	}
	assert_true(unit && device);
}

/* Whatever the ranges, the ends and the middle of each are reached, with few descriptors. */
static void
no_page_is_left_out(void **state)
{
	uint64_t seed = 1;
	unsigned int round, i, nb;

	for (round = 0; round < 20000; round++) {
		struct uiommu_cmd cmd = command();

		nb = 1 + unit_random(&seed) % (round % 2 == 0 ? 2 : 20);
		for (i = 0; i < nb; i++)
			range_is(i, unit_random(&seed) >> (16 + unit_random(&seed) % 40),
				 1 + (unit_random(&seed) >> (round % 4 == 0 ?
					 60 : 20 + unit_random(&seed) % 43)));
		hw.nb_seen = 0;
		assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
		assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
		assert_in_range(hw.nb_seen, 2, 32);
		for (i = 0; i < nb; i++) {
			reached(ranges[i].iova);
			reached(ranges[i].iova + (ranges[i].len / 2 & ~UINT64_C(0xfff)));
			reached(ranges[i].iova + ranges[i].len - 0x1000);
		}
	}
	assert_in_range(queue.wide_invalidations, 1000, 19000);
}

/* Nobody knows where: all of it. */
static void
tables_without_ranges(void **state)
{
	inval.nb_ranges = 0;
	inval.tables = true;
	EXPECT(PASID_ALL(1), DEVICE_ALL(0x0302, 1));
	range_is(0, 0x10, 0);
	EXPECT(PASID_ALL(1), DEVICE_ALL(0x0302, 1));
}

/* ------------------------------------------------------------------------- kinds */

/* IH says that only leaves have changed */
static void
tables_are_forgotten_with_pages(void **state)
{
	inval.tables = true;
	EXPECT(PASID_PAGES(1, PAGES(0x10)), DEVICE_PAGES(0x0302, 1, PAGES(0x10)));
	domain.pgtt = VTD_PGTT_SECOND;
	EXPECT(DOMAIN_PAGES(PAGES(0x10)), DEVICE_PAGES(0x0302, 1, PAGES(0x10)));
}

static void
second_stage_goes_by_domain(void **state)
{
	domain.pgtt = VTD_PGTT_SECOND;
	EXPECT(DOMAIN_PAGES(PAGES(0x10) | IH), DEVICE_PAGES(0x0302, 1, PAGES(0x10)));
	/* as many pages as the unit takes at once, and twice that: MAMV is 9 */
	range_is(0, 0x400, 0x200);
	EXPECT(DOMAIN_PAGES(PAGES(0x400) | IH | 9),
	       DEVICE_PAGES(0x0302, 1, PAGES(0x4ff) | 0x800));
	assert_int_equal(queue.wide_invalidations, 0);
	range_is(0, 0x400, 0x400);
	EXPECT(DOMAIN_ALL, DEVICE_PAGES(0x0302, 1, PAGES(0x5ff) | 0x800));
	assert_int_equal(queue.wide_invalidations, 1);
	/* the unit cannot do pages; devices always can */
	queue.psi = false;
	range_is(0, 0x10, 1);
	EXPECT(DOMAIN_ALL, DEVICE_PAGES(0x0302, 1, PAGES(0x10)));
	/* the first stage goes by PASID whatever PSI and MAMV say */
	domain.pgtt = VTD_PGTT_FIRST;
	range_is(0, 0x400, 0x400);
	EXPECT(PASID_PAGES(1, PAGES(0x400) | IH | 10),
	       DEVICE_PAGES(0x0302, 1, PAGES(0x5ff) | 0x800));
}

static void
nested_goes_by_domain(void **state)
{
	domain.pgtt = VTD_PGTT_NESTED;
	EXPECT(DOMAIN_ALL, DEVICE_PAGES(0x0302, 1, PAGES(0x10)));
	inval.all = true;
	EXPECT(DOMAIN_ALL, DEVICE_ALL(0x0302, 1));
}

/* With caching mode; what was absent may be a table too, and is in no device */
static void
absence_is_the_units_alone(void **state)
{
	inval.only_absent = true;
	EXPECT(PASID_PAGES(1, PAGES(0x10)));
	domain.pgtt = VTD_PGTT_SECOND;
	EXPECT(DOMAIN_PAGES(PAGES(0x10)));
	assert_int_equal(queue.device_tlb_invalidations, 0);
}

/* ------------------------------------------------------------------------- bonds */

/* Of each PASID once, of the domain once; then each device for each bond. */
static void
every_bond_is_reached(void **state)
{
	targets[1] = (struct uiommu_inval_target){.endpoint_private = other, .pasid = 1};
	targets[2] = (struct uiommu_inval_target){.endpoint_private = other, .pasid = 2};
	targets[3] = (struct uiommu_inval_target){.endpoint_private = other,
						  .pasid = UIOMMU_NO_PASID};
	inval.nb_targets = 4;
	range_is(0, 0x10, 2);
	EXPECT(PASID_PAGES(1, PAGES(0x10) | IH | 1), PASID_PAGES(2, PAGES(0x10) | IH | 1),
	       PASID_PAGES(0, PAGES(0x10) | IH | 1),
	       DEVICE_PAGES(0x0302, 1, PAGES(0x10) | 0x800),
	       DEVICE_PAGES(0x0303, 1, PAGES(0x10) | 0x800),
	       DEVICE_PAGES(0x0303, 2, PAGES(0x10) | 0x800), RID_PAGES(0x0303, PAGES(0x10) | 1));
	domain.pgtt = VTD_PGTT_SECOND;
	inval.all = true;
	EXPECT(DOMAIN_ALL, DEVICE_ALL(0x0302, 1), DEVICE_ALL(0x0303, 1), DEVICE_ALL(0x0303, 2),
	       RID_ALL(0x0303));
	other->ats = false;
	EXPECT(DOMAIN_ALL, DEVICE_ALL(0x0302, 1));
	endpoint->ats = false;
	EXPECT(DOMAIN_ALL);
}

/* PFSID 3:0 at 15:12, 15:4 at 63:52, where the unit has the field */
static void
virtual_functions_name_their_pf(void **state)
{
	endpoint->pf_id = 0x1234;
	queue.dit = true;
	EXPECT(PASID_PAGES(1, PAGES(0x10) | IH),
	       {{UINT64_C(0x1230000103024018), PAGES(0x10)}});
	targets[0].pasid = UIOMMU_NO_PASID;
	EXPECT(PASID_PAGES(0, PAGES(0x10) | IH), {{UINT64_C(0x1230030200014003), PAGES(0x10)}});
}

static void
nothing_without_bonds(void **state)
{
	struct uiommu_cmd cmd = command();

	inval.nb_targets = 0;
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
	assert_true(vtd_invalidate(&queue, &inval));
	assert_int_equal(hw.nb_seen, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(ranges_become_aligned_blocks),
		CASE(high_addresses_are_reached),
		CASE(many_blocks_become_all),
		CASE(no_page_is_left_out),
		CASE(tables_without_ranges),
		CASE(tables_are_forgotten_with_pages),
		CASE(second_stage_goes_by_domain),
		CASE(nested_goes_by_domain),
		CASE(absence_is_the_units_alone),
		CASE(every_bond_is_reached),
		CASE(virtual_functions_name_their_pf),
		CASE(nothing_without_bonds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
