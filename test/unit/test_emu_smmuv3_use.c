/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: ATS and the devices' own caches, S 3.9.1, 4.5.1; requests on their way; what
 * is looked up after Success, compared with memory, and retired.
 */

#include "emu_smmuv3_rig.h"

#define ADDRESS 0x5000

static void
mapped(struct uiommu_args *args)
{
	rig_open(args);
	rig_up(ALL_ON);
	rig_device(DEVICE, 2, 0);
	rig_device(STALLER, 2, 0);
	*page(ADDRESS) = PAGE(rig.message.pa);
}

static bool
translates(uint32_t pasid)
{
	return uiommu_emu_translate(rig.emu, DEVICE, pasid, ADDRESS, true, NULL);
}

static unsigned int
last_event(void)
{
	struct event event = {{0}};

	while (event_pending() > 0)
		event = event_next();
	return event_number(&event);
}

static void
test_translation_requests(void **state)
{
	(void)state;
	mapped(NULL);
	assert_true(translates(1));
	/* what is missing is told to the device alone, S 3.9.1.2 */
	assert_false(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x9000, true, NULL));
	cd(DEVICE, 2)[0] = 0;
	assert_false(translates(2));
	assert_int_equal(event_pending(), 0);
	/* EATS 0; the descriptor stays where it is */
	ste(DEVICE)[1] &= ~(UINT64_C(3) << 28);
	CFGI_STE(DEVICE, 1);
	ATC_INV(DEVICE, 1, 0, 52);
	assert_false(translates(1));
	assert_int_equal(last_event(), 0x05);
	assert_clean();
}

static void
test_translated_requests(void **state)
{
	uint64_t data;

	(void)state;
	mapped(NULL);
	assert_true(uiommu_emu_access(rig.emu, DEVICE, 1, ADDRESS, false, &data, 8));
	/* S 3.9.1.3: with ATSCHK, EATS is looked at */
	ste(DEVICE)[1] &= ~(UINT64_C(3) << 28);
	CFGI_STE(DEVICE, 1);
	assert_false(uiommu_emu_access(rig.emu, DEVICE, 1, ADDRESS, false, &data, 8));
	assert_int_equal(last_event(), 0x07);
	/* and without, it is not */
	enable(ALL_ON & ~ATSCHK);
	assert_true(uiommu_emu_access(rig.emu, DEVICE, 1, ADDRESS, false, &data, 8));
	enable(ALL_ON & ~ATSCHK & ~SMMUEN);
	assert_false(uiommu_emu_access(rig.emu, DEVICE, 1, ADDRESS, false, &data, 8));
	assert_clean();
}

static void
test_device_caches(void **state)
{
	(void)state;
	mapped(NULL);
	assert_true(translates(1));
	assert_true(translates(2));
	*page(ADDRESS) = 0;
	TLBI_ALL();
	assert_true(translates(1));
	/* other pages, another PASID */
	ATC_INV(DEVICE, 1, 0x6000, 0);
	ATC_INV(DEVICE, 1, 0x0, 2);
	assert_true(translates(1));
	/* S 4.5.1: the span is aligned to its size */
	ATC_INV(DEVICE, 1, 0x7000, 2);
	assert_false(translates(1));
	assert_true(translates(2));
	/* Global: of any PASID */
	run(0x40 | 1 << 9 | 1 << 11 | (uint64_t)DEVICE << 32, 52);
	assert_false(translates(2));
	assert_clean();
}

static void
test_devices_are_asked_after_the_unit(void **state)
{
	(void)state;
	mapped(NULL);
	assert_true(translates(1));
	assert_true(translates(2));
	/* another ASID */
	command(0x12 | ASID(2) << 48, ADDRESS | 1);
	ATC_INV(DEVICE, 1, ADDRESS, 0);
	assert_clean();
	/* without a CMD_SYNC between them, S 3.9.1 */
	command(0x12 | ASID(1) << 48, ADDRESS | 1);
	ATC_INV(DEVICE, 1, ADDRESS, 0);
	assert_int_equal(verdict(false).protocol, 1);
	TLBI_VA(1, ADDRESS, 1);
	ATC_INV(DEVICE, 1, ADDRESS, 0);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_requests_without_pasid_are_apart(void **state)
{
	const uint32_t none = UINT32_MAX;
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = STRANGER, .nb_pasids = 1, .pasids = &none,
	};

	(void)state;
	mapped(NULL);
	stream(STRANGER, false);
	ste(STRANGER)[0] = ste(DEVICE)[0];
	bond(DEVICE, 0);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
	assert_true(uiommu_emu_translate(rig.emu, STRANGER, none, ADDRESS, true, NULL));
	*page(ADDRESS) = 0;
	TLBI_ALL();
	/* with SSV 0 only, S 4.5.1 */
	run(0x40 | 1 << 9 | 1 << 11 | (uint64_t)STRANGER << 32, 52);
	assert_true(uiommu_emu_translate(rig.emu, STRANGER, none, ADDRESS, true, NULL));
	run(0x40 | (uint64_t)STRANGER << 32, 52);
	assert_false(uiommu_emu_translate(rig.emu, STRANGER, none, ADDRESS, true, NULL));
	assert_clean();
}

static void
test_lazy_devices(void **state)
{
	struct uiommu_args args[] = {{"lazy", 1, NULL}, {NULL, 0, NULL}};

	(void)state;
	mapped(args);
	assert_true(translates(1));
	*page(ADDRESS) = 0;
	TLBI_ALL();
	command(0x40 | 1 << 11 | 1 << 12 | (uint64_t)DEVICE << 32, 52);
	ring();
	/* consumed is not complete, S 4.5.1 */
	assert_int_equal(get32(CMDQ_CONS), rig.cmd_prod);
	assert_true(translates(1));
	assert_true(sync_wait());
	assert_false(translates(1));
	assert_clean();
}

static void
test_requests_on_their_way(void **state)
{
	const struct uiommu_emu_request req = request_for(DEVICE, 1, 7);
	struct pri pri;

	(void)state;
	mapped(NULL);
	assert_true(uiommu_emu_request_late(rig.emu, &req));
	/* a CMD_SYNC by itself does not push it, another device's invalidation neither */
	assert_true(sync_wait());
	ATC_INV(STALLER, 1, 0, 52);
	assert_int_equal(pri_pending(), 0);
	ATC_INV(DEVICE, 1, 0, 52);
	assert_int_equal(pri_pending(), 1);
	pri = pri_next();
	pri_answer(&pri, 2);
	assert_clean();
}

static void
test_request_that_outlives_its_bond(void **state)
{
	(void)state;
	/* S 3.9.1 */
	mapped(NULL);
	check_request_that_outlives_its_bond();
}

/* --------------------------------------------------------------------------- the judge */

static void
test_success_is_looked_up(void **state)
{
	(void)state;
	mapped(NULL);
	/* of both kinds of devices */
	check_success_is_looked_up(PAGE(rig.message.pa) | READ_ONLY);
}

static void
test_many_at_once(void **state)
{
	static const uint64_t kinds[] = {
		0, 0x3, 0x43, 0x443, 0x4c3, 0xc43, UINT64_C(1) << 51 | 0x4c3, 0x441,
		UINT64_C(3) << 53 | 0x443,
	};
	struct emu_lookup lookups[64];
	unsigned int i, good;

	(void)state;
	mapped(NULL);
	for (i = 0; i < 64; i++) {
		*page(i * 4096) = kinds[i % RTE_DIM(kinds)] | (uint64_t)i << 20;
		lookups[i] = (struct emu_lookup){
			.iova = i * 4096, .bond = 1, .device = 1,
			.access = i % 2 != 0 ? EMU_REQ_WRITE : EMU_REQ_READ,
		};
	}
	good = check_many_at_once(lookups, 64);
	assert_true(good > 20 && good < 50);
}

static void
test_audit(void **state)
{
	(void)state;
	mapped(NULL);
	assert_true(translates(1));
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 2, ADDRESS, true));
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	/* a page, in the device's cache and twice in the unit's */
	*page(ADDRESS) = PAGE(rig.message.pa + 4096);
	assert_int_equal(uiommu_emu_audit(rig.emu), 3);
	TLBI_ALL();
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
	ATC_INV(DEVICE, 1, 0, 52);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	/* a CD and an STE, with what hangs on them */
	cd(DEVICE, 1)[0] ^= UINT64_C(1) << 45;
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
	CFGI_CD(DEVICE, 1, 1);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	ste(DEVICE)[1] |= UINT64_C(1) << 18;
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
	CFGI_STE(DEVICE, 1);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	/* a table on the way */
	assert_true(uiommu_emu_dma(rig.emu, DEVICE, 2, ADDRESS, true));
	TLBI_VA(2, ADDRESS, 1);
	/* that gives less now */
	((uint64_t *)rig.table[1].va)[0] |= UINT64_C(1) << 62;
	assert_int_equal(uiommu_emu_audit(rig.emu), 2);
	((uint64_t *)rig.table[1].va)[0] = 0;
	assert_true(uiommu_emu_audit(rig.emu) > 0);
	TLBI_ASID(2);
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
}

static void
test_retired_memory(void **state)
{
	(void)state;
	mapped(NULL);
	assert_true(translates(1));
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.message.pa, 4096), 2);
	/* tables as well */
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.table[3].pa, 4096), 1);
	TLBI_ALL();
	ATC_INV(DEVICE, 1, 0, 52);
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.message.pa, 4096), 0);
	assert_int_equal(uiommu_emu_retire(rig.emu, rig.table[3].pa, 4096), 0);
	assert_int_equal(verdict(true).stale, 3);
}

/* -------------------------------------------------------------- devices that use addresses */

/* As serve_all(), and it maps. */
static void
map_all(void)
{
	uint32_t nb;

	for (nb = pri_pending(); nb > 0; nb--) {
		const struct pri pri = pri_next();

		*page(pri.q[1] & 0x1ff000) = PAGE(rig.message.pa);
		pri_answer(&pri, 2);
	}
	for (nb = event_pending(); nb > 0; nb--) {
		const struct event event = event_next();

		*page(event.q[2] & 0x1ff000) = PAGE(rig.message.pa);
		resume(&event, RETRY);
	}
}

static void
test_devices_that_use_addresses(void **state)
{
	struct uiommu_emu_verdict v;

	(void)state;
	rig_start(2);
	v = check_use_of_addresses(map_all);
	assert_true(v.stalls > 0 && v.stalls < v.groups);
	assert_int_equal(v.stalls_retried, v.stalls);
}

static void
test_success_without_a_page(void **state)
{
	(void)state;
	rig_start(1);
	check_success_without_a_page();
	/* of both kinds */
	assert_true(verdict(true).stalls > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_translation_requests),
		CASE(test_translated_requests),
		CASE(test_device_caches),
		CASE(test_devices_are_asked_after_the_unit),
		CASE(test_requests_without_pasid_are_apart),
		CASE(test_lazy_devices),
		CASE(test_requests_on_their_way),
		CASE(test_request_that_outlives_its_bond),
		CASE(test_success_is_looked_up),
		CASE(test_many_at_once),
		CASE(test_audit),
		CASE(test_retired_memory),
		CASE(test_devices_that_use_addresses),
		CASE(test_success_without_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
