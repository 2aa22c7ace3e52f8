/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: the judge, around a detach; what is looked up after Success; devices
 * that use addresses.
 */

#include "emu_riscv_rig.h"

/* As the manual has it for a process context, and with the device's own cache. */
static void
out(void)
{
	pc(1)[0] = 0;
	IODIR_PDT(DEVICE, 1);
	VMA_PSCID(1);
	ATS_INVAL(DEVICE, 1, UINT64_C(0x7ffffffffffff800));
}

/* What becomes valid needs no invalidation. */
static void
in(void)
{
	bond(1);
}

static void
test_requests_after_detach_are_for_software(void **state)
{
	(void)state;
	rig_start(1);
	check_detach(out, in);
}

static void
test_success_after_detach_is_wrong(void **state)
{
	(void)state;
	rig_start(1);
	check_success_after_detach(out);
}

static void
test_answer_from_before_detach(void **state)
{
	(void)state;
	rig_start(1);
	check_answer_from_before_detach(out);
}

static void
test_request_sent_while_it_changes(void **state)
{
	(void)state;
	rig_start(1);
	check_request_sent_while_it_changes(out);
}

static void
test_request_that_outlives_its_bond(void **state)
{
	(void)state;
	rig_start(1);
	check_request_that_outlives_its_bond();
}

static void
test_translation_that_outlives_its_bond(void **state)
{
	(void)state;
	rig_start(1);
	*page(0x5000) = PAGE(rig.message.pa);
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x5000, true, NULL));
	pc(1)[0] = 0;
	IODIR_PDT(DEVICE, 1);
	VMA_PSCID(1);
	/* the device was not asked */
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x5000, true, NULL));
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
}

/* Without tables, addresses are physical: also those that a device holds. */
static void
test_translation_that_outlives_its_tables(void **state)
{
	(void)state;
	rig_start(1);
	*page(0x5000) = PAGE(rig.message.pa);
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x5000, true, NULL));
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	pc(1)[1] = 0;
	IODIR_PDT(DEVICE, 1);
	VMA_PSCID(1);
	assert_int_equal(uiommu_emu_audit(rig.emu), 1);
	ATS_INVAL(DEVICE, 1, UINT64_C(0x7ffffffffffff800));
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x5000, true, NULL));
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
}

/* EN_PRI goes: whatever the device asks, the unit answers. */
static void
test_page_requests_off(void **state)
{
	(void)state;
	rig_start(1);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	steps(5);
	dc(DEVICE)[0] = TC_V | TC_EN_ATS | TC_PDTV | TC_SADE | TC_DPE;
	/* remembered */
	steps(5);
	assert_int_equal(verdict(false).auto_invalid, 0);
	IODIR_DDT(DEVICE);
	serve_all();
	steps(5);
	assert_int_not_equal(verdict(false).auto_invalid, 0);
	assert_int_equal(pq_pending(), 0);
	assert_int_equal(verdict(true).wrong | verdict(true).unexpected | verdict(true).stale, 0);
}

static void
test_overflow_in_traffic(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(4);
	rig_traffic(&(struct uiommu_emu_traffic){
		.overflow = true, .group_pages_max = 3, .burst = 16,
	});
	for (i = 0; i < 40; i++) {
		step();
		if (i % 8 != 7)
			continue;
		/* incomplete groups are nobody's, once the queue is empty */
		serve_all();
		if ((get32(PQCSR) & OF) != 0) {
			while (pq_pending() > 0)
				serve_one();
			put32(PQCSR, EN | OF);
		}
	}
	assert_true(verdict(false).overflows > 2);
	assert_true(verdict(false).auto_success > 2);
	assert_true(verdict(false).dropped > 2);
	assert_int_equal(verdict(true).wrong | verdict(true).unexpected | verdict(true).duplicated |
				 verdict(true).protocol, 0);
}

/* --------------------------------------------------------------------------- the judge */

static void
test_success_is_looked_up(void **state)
{
	(void)state;
	rig_start(2);
	check_success_is_looked_up(PTE(rig.message.pa, 0x13));
}

static void
many_at_once(struct uiommu_args *args)
{
	static const uint64_t kinds[] = {
		0, 0x1, 0x17, 0x57, 0xd7, 0xd3, 0x97, 0xc7, 0xd5, 0xdd, UINT64_C(1) << 54 | 0xd7,
		UINT64_C(1) << 61 | 0xd7, UINT64_C(3) << 61 | 0xd7,
		UINT64_C(1) << 63 | 0x20d7, UINT64_C(1) << 63 | 0xd7,
	};
	struct emu_lookup lookups[64];
	unsigned int i, good;

	rig_open(args);
	rig_up();
	if (args != NULL)
		rig.tc &= ~(uint64_t)TC_SADE;
	rig_device(DEVICE, 2, 0);
	((uint64_t *)rig.table[2].va)[1] = PTE(0x40000000, 0xd7);
	for (i = 0; i < 64; i++) {
		*page(i * 4096) = kinds[i % RTE_DIM(kinds)] | (uint64_t)i << 26;
		lookups[i] = (struct emu_lookup){
			.iova = i * 4096, .bond = 1, .device = 1,
			.access = i / RTE_DIM(kinds) % 2 != 0 ? EMU_REQ_WRITE : EMU_REQ_READ,
		};
	}
	lookups[62].iova = 0x234000;
	lookups[63].iova = UINT64_C(1) << 47;
	good = check_many_at_once(lookups, 64);
	assert_true(good > 10 && good < 50);
	assert_true(lookups[62].ok);
	assert_false(lookups[63].ok);
}

static void
test_many_at_once(void **state)
{
	(void)state;
	many_at_once(NULL);
}

static void
test_many_at_once_without_marks(void **state)
{
	struct uiommu_args args[] = {{"caps_clear", 1 << 24, NULL}, {NULL, 0, NULL}};

	(void)state;
	many_at_once(args);
}

/* As serve_all(), and it maps. */
static void
map_all(void)
{
	uint32_t nb;

	for (nb = pq_pending(); nb > 0; nb--) {
		const struct request request = pq_next();

		*page(request.q[1] & 0x1ff000) = PAGE(rig.message.pa);
		request_answer(&request, 0);
	}
}

static void
test_devices_that_use_addresses(void **state)
{
	struct uiommu_args args[] = {{"reorder", 1, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_start_args(2, NULL);
	check_use_of_addresses(map_all);
	rig_close(NULL);
	rig_start_args(2, args);
	check_use_of_addresses(map_all);
}

static void
test_success_without_a_page(void **state)
{
	(void)state;
	rig_start(1);
	check_success_without_a_page();
}

static void
test_devices_do_not_stall(void **state)
{
	const struct uiommu_emu_device_conf conf = {.endpoint_id = STRANGER, .stalls = true};
	const struct uiommu_emu_request req = request_for(DEVICE, 1, 0);
	struct uiommu_emu_stalled out;

	(void)state;
	rig_start(1);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), -ENOTSUP);
	assert_int_equal(uiommu_emu_stall(rig.emu, &req, &out), -ENOTSUP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_requests_after_detach_are_for_software),
		CASE(test_success_after_detach_is_wrong),
		CASE(test_answer_from_before_detach),
		CASE(test_request_sent_while_it_changes),
		CASE(test_request_that_outlives_its_bond),
		CASE(test_translation_that_outlives_its_bond),
		CASE(test_translation_that_outlives_its_tables),
		CASE(test_page_requests_off),
		CASE(test_overflow_in_traffic),
		CASE(test_success_is_looked_up),
		CASE(test_many_at_once),
		CASE(test_many_at_once_without_marks),
		CASE(test_devices_that_use_addresses),
		CASE(test_success_without_a_page),
		CASE(test_devices_do_not_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
