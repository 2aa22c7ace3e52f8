/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The emulated VT-d unit looks many pages up at once, for the judge: it finds what each walk by
 * itself would find, and leaves nothing behind.
 */

#include "emu_tables.h"

#define LOOKUPS 20000
static struct emu_lookup lookups[LOOKUPS];

/* Tables with all that can be in them, mostly good. */
static uint64_t
random_entry(uint64_t *seed, bool second, unsigned int level, uint64_t next)
{
	const uint64_t dice = unit_random(seed);
	uint64_t entry = next | (second ? SECOND_RW : FIRST_RW);

	switch (dice % 24) {
	case 0:
		return 0;
	case 1:
		entry &= second ? ~VTD_SS_W : ~VTD_FS_RW;
		break;
	case 2:
		entry &= second ? ~VTD_SS_R : ~VTD_FS_US;
		break;
	case 3:
		entry &= ~UINT64_C(1);
		break;
	case 4:
		entry |= UINT64_C(1) << (dice >> 8) % 12;
		break;
	case 5:
		entry |= UINT64_C(1) << (dice >> 8) % 64;
		break;
	case 6:
		/* a page, with or without the low bits that it must not have */
		if (level > 1)
			entry = (entry & 0xfff) | VTD_FS_PS |
				(dice >> 8 & (dice >> 40 & 3 ? 0x7ffc0000000 : 0x7fffffff000));
		break;
	default:
		break;
	}
	return entry;
}

static uint64_t *
random_table(uint64_t *seed, bool second, unsigned int level)
{
	uint64_t *table = table_new();
	uint64_t next = tables.page[0].pa;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (level > 1)
			next = (uintptr_t)random_table(seed, second, level - 1);
		table[i] = random_entry(seed, second, level, next);
	}
	return table;
}

static void
lookup_random(uint64_t *seed, struct emu_lookup *lookup, const struct emu_device *dev)
{
	static const uint32_t pasids[] = {FIRST, SECOND, NESTED, PASS, TWIN};
	unsigned int level;

	*lookup = (struct emu_lookup){
		.device = rig.emu->device_of[DEVICE],
		.bond = emu_bond_find(rig.emu, dev, pasids[unit_random(seed) % 5]),
		.access = 1 + unit_random(seed) % 3,
	};
	for (level = 1; level <= 5; level++)
		lookup->iova |= (unit_random(seed) % (level == 5 ? 2 : 4)) << VTD_PT_SHIFT(level);
	if (unit_random(seed) % 16 == 0)
		lookup->iova = IOVA;
	if (unit_random(seed) % 64 == 0)
		lookup->iova |= UINT64_C(1) << unit_random(seed) % 64;
	lookup->iova &= VTD_ADDR_MASK;
}

static bool
lookup_alone(const struct emu_lookup *lookup)
{
	struct emu_device *dev = rig.emu->devices[lookup->device];
	const struct emu_message msg = {
		.endpoint_id = DEVICE, .pasid = rig.emu->bonds[lookup->bond].pasid,
		.iova = lookup->iova, .flags = lookup->access,
	};
	struct vtd_walk walk = {.look = true};
	struct emu_leaf leaf;

	return vtd_model_route(rig.emu, dev, lookup->bond, &msg, true, &walk).reason == 0 &&
	       vtd_model_page_walk(&walk, lookup->iova, &leaf) == 0;
}

/*
 * The same answer as a walk of its own, for every kind of table; with bonds on the fast path or
 * not, and with the IOTLB having a say or not.
 */
static void
many_lookups_are_as_one(void **state)
{
	unsigned int round, i, found, good;
	const struct emu_device *dev;
	uint64_t seed = 1;

	(void)state;
	for (round = 0; round < 8; round++) {
		tables_open(NULL);
		dev = emu_device_find(rig.emu, DEVICE);
		bond_kind(FIRST, VTD_PGTT_FIRST, random_table(&seed, false, 4), NULL);
		bond_kind(TWIN, VTD_PGTT_FIRST, random_table(&seed, false, 5), NULL);
		pasid_entry(TWIN)[2] |= 1 << VTD_PE2_FSPM_SHIFT;
		bond_kind(SECOND, VTD_PGTT_SECOND, NULL, random_table(&seed, true, 4));
		for (i = FIRST; i < KINDS && (round & 1) != 0; i++)
			assert_int_equal(ask(i), UIOMMU_EMU_QUEUED);
		for (i = 0; i < LOOKUPS; i++)
			lookup_random(&seed, &lookups[i], dev);
		if ((round & 2) != 0)
			assert_true(dma(PASS, IOVA, true));
		for (i = 0; i < LOOKUPS; i += found) {
			found = RTE_MIN(1 + (unsigned int)(unit_random(&seed) % 200), LOOKUPS - i);
			rig.emu->model->verify_bulk(rig.emu, &lookups[i], found);
		}
		for (i = 0, good = 0; i < LOOKUPS; i++) {
			assert_int_equal(lookups[i].ok, lookup_alone(&lookups[i]));
			good += lookups[i].ok;
		}
		/* there is something of both */
		assert_in_range(good, LOOKUPS / 10, LOOKUPS * 9 / 10);
		assert_int_equal(verdict(false).faults_recorded, 0);
		serve_all();
		assert_clean();
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

static void
lookups_leave_nothing(void **state)
{
	struct emu_lookup lookup = {.iova = IOVA, .access = EMU_REQ_READ | EMU_REQ_WRITE};
	const struct emu_device *dev;
	uint32_t pasid;

	(void)state;
	tables_open(NULL);
	dev = emu_device_find(rig.emu, DEVICE);
	lookup.device = rig.emu->device_of[DEVICE];
	for (pasid = FIRST; pasid < KINDS; pasid++) {
		lookup.bond = emu_bond_find(rig.emu, dev, pasid);
		rig.emu->model->verify_bulk(rig.emu, &lookup, 1);
		assert_true(lookup.ok);
	}
	assert_int_equal(*tables.leaf[FIRST] & (VTD_FS_A | VTD_FS_D), 0);
	assert_int_equal(rig.emu->iotlb.nb, 0);
	assert_int_equal(rig.emu->walks.nb, 0);
	assert_false(rig.emu->tlb_used);
	/* without translation there is nothing to be found */
	command(0, VTD_GCMD_TE);
	rig.emu->model->verify_bulk(rig.emu, &lookup, 1);
	assert_false(lookup.ok);
	assert_clean();
}

/* What is cached has its say: absence, and tables. */
static void
lookups_go_by_the_caches(void **state)
{
	struct uiommu_args args[] = {{"cap_set", VTD_CAP_CM, NULL}, {NULL, 0, NULL}};
	struct emu_lookup lookup = {.iova = IOVA, .access = EMU_REQ_READ};
	const struct emu_device *dev;
	uint64_t *other;

	(void)state;
	tables_open(args);
	dev = emu_device_find(rig.emu, DEVICE);
	lookup.device = rig.emu->device_of[DEVICE];
	lookup.bond = emu_bond_find(rig.emu, dev, SECOND);
	*tables.leaf[SECOND] = 0;
	assert_false(dma(SECOND, IOVA, false));
	*tables.leaf[SECOND] = tables.page[0].pa | SECOND_RW;
	rig.emu->model->verify_bulk(rig.emu, &lookup, 1);
	assert_false(lookup.ok);
	iotlb(VTD_IOTLB_GRAN_PAGE, KIND_DOMAIN(SECOND), IOVA | VTD_QI_IH);
	rig.emu->model->verify_bulk(rig.emu, &lookup, 1);
	assert_true(lookup.ok);
	/* a new table that the unit does not know of: it uses the old one, without the page */
	lookup.bond = emu_bond_find(rig.emu, dev, FIRST);
	assert_true(dma(FIRST, IOVA, false));
	other = table_new();
	other[IOVA >> 12 & 0x1ff] = *tables.leaf[FIRST];
	*tables.leaf[FIRST] = 0;
	*first_entry(IOVA, 2) = (uintptr_t)other | FIRST_RW;
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA | VTD_QI_IH);
	rig.emu->model->verify_bulk(rig.emu, &lookup, 1);
	assert_false(lookup.ok);
	pasid_iotlb(VTD_PASID_IOTLB_GRAN_PAGE, KIND_DOMAIN(FIRST), FIRST, IOVA);
	rig.emu->model->verify_bulk(rig.emu, &lookup, 1);
	assert_true(lookup.ok);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(many_lookups_are_as_one),
		CASE(lookups_leave_nothing),
		CASE(lookups_go_by_the_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
