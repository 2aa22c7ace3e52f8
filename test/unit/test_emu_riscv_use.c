/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: the judge, around a detach; what is looked up after Success; devices
 * that use addresses.
 */

#include "emu_riscv_rig.h"

static void
steps(unsigned int nb)
{
	while (nb-- > 0) {
		step();
		serve_all();
	}
}

static void
bond_is(enum uiommu_emu_pasid_state state)
{
	assert_int_equal(uiommu_emu_pasid_state(rig.emu, DEVICE, 1, state), 0);
	step();
}

/* As the manual has it for a process context, and with the device's own cache. */
static void
detach(void)
{
	bond_is(UIOMMU_EMU_CHANGING);
	pc(1)[0] = 0;
	IODIR_PDT(DEVICE, 1);
	VMA_PSCID(1);
	ATS_INVAL(DEVICE, 1, UINT64_C(0x7ffffffffffff800));
}

/* The device asks in one step, and no more. */
static void
ask_once(void)
{
	rig_traffic(&(struct uiommu_emu_traffic){0});
	step();
	uiommu_emu_traffic_run(rig.emu, false);
}

static void
test_requests_after_detach_are_for_software(void **state)
{
	struct uiommu_emu_verdict v;

	(void)state;
	rig_start(1);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	step();
	detach();
	/* what was asked before is answered by now; the device asks on */
	uiommu_emu_traffic_run(rig.emu, false);
	steps(2);
	serve_all();
	bond_is(UIOMMU_EMU_DETACHED);
	uiommu_emu_traffic_run(rig.emu, true);
	steps(20);
	v = verdict(false);
	assert_true(v.code_invalid > 10);
	assert_string_equal(v.first, "");
	/* and back: what becomes valid needs no invalidation */
	bond_is(UIOMMU_EMU_CHANGING);
	bond(1);
	bond_is(UIOMMU_EMU_ATTACHED);
	steps(20);
	rig_rest();
	assert_true(verdict(true).code_success > v.code_success + 10);
	assert_clean();
}

static void
test_success_after_detach_is_wrong(void **state)
{
	struct request request;

	(void)state;
	rig_start(1);
	detach();
	bond_is(UIOMMU_EMU_DETACHED);
	ask_once();
	request = pq_next();
	request_answer(&request, 0);
	assert_int_equal(verdict(false).wrong, 1);
	assert_int_equal(verdict(false).stale, 0);
}

static void
test_answer_from_before_detach(void **state)
{
	struct request request;

	(void)state;
	rig_start(1);
	ask_once();
	detach();
	bond_is(UIOMMU_EMU_DETACHED);
	request = pq_next();
	/* even Invalid: the drain has missed it */
	request_answer(&request, 1);
	assert_int_equal(verdict(false).unexpected, 1);
}

static void
test_request_that_outlives_its_bond(void **state)
{
	const struct uiommu_emu_request req = request_for(DEVICE, 1, 7);

	(void)state;
	rig_start(1);
	assert_true(uiommu_emu_request_late(rig.emu, &req));
	bond_is(UIOMMU_EMU_CHANGING);
	bond_is(UIOMMU_EMU_DETACHED);
	/* a drain would have found it */
	uiommu_emu_arrive(rig.emu);
	assert_int_equal(verdict(false).stale, 1);
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
	unsigned int i;

	(void)state;
	rig_start(2);
	rig_traffic(&(struct uiommu_emu_traffic){
		.verify = true, .burst = 8, .window_pages = 16, .window_iova = 4096,
		.write_ratio = 0.5, .group_pages_max = 3,
	});
	for (i = 1; i <= 16; i++)
		*page(i * 4096) = PAGE(rig.message.pa);
	steps(50);
	rig_rest();
	assert_true(verdict(true).verified > 100);
	assert_clean();
	/* a page that can only be read */
	*page(3 * 4096) = PTE(rig.message.pa, 0x13);
	uiommu_emu_traffic_run(rig.emu, true);
	steps(50);
	rig_rest();
	assert_true(verdict(true).unmapped > 0);
	assert_int_equal(verdict(true).wrong | verdict(true).unexpected, 0);
}

/* Many at once, and one by one: both say the same. */
static void
many_at_once(struct uiommu_args *args)
{
	static const uint64_t kinds[] = {
		0, 0x1, 0x17, 0x57, 0xd7, 0xd3, 0x97, 0xc7, 0xd5, 0xdd, UINT64_C(1) << 54 | 0xd7,
		UINT64_C(1) << 61 | 0xd7, UINT64_C(3) << 61 | 0xd7,
		UINT64_C(1) << 63 | 0x20d7, UINT64_C(1) << 63 | 0xd7,
	};
	struct emu_lookup lookups[64];
	struct emu_leaf leaf;
	struct emu_message msg;
	unsigned int i, good = 0;

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
	/* in force: the way to the tables is known */
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	emu_bond_arm(rig.emu, 1);
	rig.emu->model->verify_bulk(rig.emu, lookups, 64);
	rig.emu->model->verify_bulk(rig.emu, lookups, 64);
	assert_false(rig.emu->tlb_used);
	for (i = 0; i < 64; i++) {
		msg = (struct emu_message){
			.endpoint_id = DEVICE, .pasid = 1, .iova = lookups[i].iova,
			.flags = lookups[i].access,
		};
		assert_int_equal(lookups[i].ok,
				 rig.emu->model->translate(rig.emu, rig.emu->devices[1], 1, &msg,
							   &leaf));
		good += lookups[i].ok;
	}
	assert_true(good > 10 && good < 50);
	assert_true(lookups[62].ok);
	assert_false(lookups[63].ok);
	/* also with what is cached now */
	rig.emu->model->verify_bulk(rig.emu, lookups, 64);
	for (i = 0; i < 64; i++)
		good -= lookups[i].ok;
	assert_int_equal(good, 0);
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
	struct uiommu_args args[] = {{"caps_clear", 1 << 24}, {NULL, 0}};

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
use_addresses(struct uiommu_args *args)
{
	struct uiommu_emu_verdict v;
	unsigned int i;

	rig_start_args(2, args);
	rig_traffic(&(struct uiommu_emu_traffic){
		.translate = true, .verify = true, .burst = 8, .window_pages = 64,
		.window_iova = 4096, .write_ratio = 0.5, .profile = UIOMMU_EMU_SEQUENTIAL,
	});
	for (i = 0; i < 220; i++) {
		if (i == 200)
			uiommu_emu_traffic_run(rig.emu, false);
		step();
		map_all();
	}
	v = verdict(true);
	assert_true(v.accesses > 200);
	/* each page was asked for, by one process or another, and then it was there */
	assert_true(v.groups >= 64 && v.groups < v.accesses);
	assert_clean();
}

static void
test_devices_that_use_addresses(void **state)
{
	struct uiommu_args args[] = {{"reorder", 1}, {NULL, 0}};

	(void)state;
	use_addresses(NULL);
	rig_close(NULL);
	use_addresses(args);
}

static void
test_success_without_a_page(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	rig_traffic(&(struct uiommu_emu_traffic){
		.translate = true, .burst = 4, .window_pages = 64, .window_iova = 4096,
	});
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	for (i = 0; i < 10; i++) {
		serve_all();
		step();
	}
	assert_int_not_equal(verdict(true).groups, 0);
	assert_int_equal(verdict(true).unmapped, verdict(true).groups);
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
		CASE(test_request_that_outlives_its_bond),
		CASE(test_translation_that_outlives_its_bond),
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
