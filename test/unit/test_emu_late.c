/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests on their way while software does something else, S 7.7 to 7.10.
 */

#include "emu_rig.h"

static uint16_t next_index;

/* Sent, and not there yet. */
static void
late(uint32_t pasid)
{
	const struct uiommu_emu_request req = request_for(pasid, next_index++ % EMU_PRGI_COUNT);

	assert_true(uiommu_emu_request_late(rig.emu, &req));
}

static void
wait_put(uint64_t flags)
{
	queue_put(VTD_QI_WAIT | VTD_QI_WAIT_SW | flags |
			  (uint64_t)++rig.serial << VTD_QI_WAIT_DATA_SHIFT,
		  rig.status.pa);
	queue_ring();
	assert_int_equal(*(uint32_t *)rig.status.va, rig.serial);
}

static void
device_tlb_put(uint32_t endpoint_id, uint32_t pasid)
{
	queue_put(VTD_QI_PASID_DEV_TLB | (uint64_t)endpoint_id << VTD_QI_PASID_DEV_TLB_SID_SHIFT |
			  (uint64_t)pasid << VTD_QI_PASID_SHIFT,
		  VTD_QI_DEV_TLB_ALL | VTD_QI_PASID_DEV_TLB_S);
}

static void
requests_arrive_when_told(void **state)
{
	(void)state;
	rig_start(1);
	late(1);
	late(1);
	step();
	/* reading the tail is no push */
	assert_int_equal(pending(), 0);
	assert_int_equal(verdict(false).requests, 0);
	uiommu_emu_arrive(rig.emu);
	assert_int_equal(pending(), 2);
	assert_int_equal(verdict(false).groups, 2);
	serve_all();
	assert_clean();
}

/* Both are needed: the device's confirmation, and PD behind it. */
static void
invalidation_and_wait_push(void **state)
{
	(void)state;
	rig_start(2);
	late(1);
	/* still on the link */
	wait_put(VTD_QI_WAIT_PD);
	assert_int_equal(pending(), 0);
	/* in the unit, but not in the queue */
	device_tlb_put(DEVICE, 1);
	wait_put(0);
	assert_int_equal(pending(), 0);
	/* this one is on the link */
	late(2);
	wait_put(VTD_QI_WAIT_PD);
	assert_int_equal(pending(), 1);
	/* whatever PASID is named, it is the device's link */
	device_tlb_put(DEVICE, 1);
	wait_put(VTD_QI_WAIT_PD);
	assert_int_equal(pending(), 2);
	serve_all();
	assert_clean();
}

/* The descriptor without PASID pushes as well, and none of it that of another device. */
static void
other_devices_do_not_push(void **state)
{
	const uint32_t pasid = 1;
	const struct uiommu_emu_device_conf other = {
		.endpoint_id = STRANGER, .nb_pasids = 1, .pasids = &pasid,
	};

	(void)state;
	rig_start(1);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &other), 0);
	late(1);
	device_tlb_put(STRANGER, 1);
	wait_put(VTD_QI_WAIT_PD);
	assert_int_equal(pending(), 0);
	queue_put(VTD_QI_DEV_TLB | (uint64_t)DEVICE << VTD_QI_DEV_TLB_SID_SHIFT,
		  VTD_QI_DEV_TLB_ALL | VTD_QI_DEV_TLB_S);
	wait_put(VTD_QI_WAIT_PD);
	assert_int_equal(pending(), 1);
	serve_all();
	assert_clean();
}

/* An invalidation that times out is confirmed by nobody. */
static void
timeouts_do_not_push(void **state)
{
	(void)state;
	rig_start(1);
	late(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEVICE_TIMEOUT, 1);
	device_tlb_put(DEVICE, 1);
	queue_ring();
	put32(VTD_REG_FSTS, VTD_FSTS_ITE);
	wait_put(VTD_QI_WAIT_PD);
	assert_int_equal(pending(), 0);
	device_tlb_put(DEVICE, 1);
	wait_put(VTD_QI_WAIT_PD);
	assert_int_equal(pending(), 1);
	serve_all();
	assert_clean();
}

/* What becomes of it is for the tables of the time when it arrives. */
static void
tables_are_looked_at_on_arrival(void **state)
{
	(void)state;
	rig_start(1);
	late(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	pasid_entry(1)[0] = 0;
	forget_pasid(1);
	device_tlb_put(DEVICE, 1);
	wait_put(VTD_QI_WAIT_PD);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	assert_int_equal(pending(), 0);
	assert_int_equal(verdict(false).auto_invalid, 1);
	assert_clean();
}

/* A bond goes and comes again. @param drain whether software pushes requests before it is done */
static void
bond_again(bool drain)
{
	rig_start(1);
	late(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	pasid_entry(1)[0] = 0;
	forget_pasid(1);
	if (drain) {
		device_tlb_put(DEVICE, 1);
		wait_put(VTD_QI_WAIT_PD);
	}
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	step();
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
	bond(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_ATTACHED);
	uiommu_emu_arrive(rig.emu);
	serve_all();
}

/* One that was sent to the old bond is taken for one to the new bond. */
static void
requests_that_outlive_a_bond_are_stale(void **state)
{
	(void)state;
	bond_again(false);
	assert_int_equal(verdict(true).stale, 1);
	assert_non_null(strstr(verdict(false).first, "sent before detach"));
	rig_close(NULL);
	bond_again(true);
	assert_int_equal(verdict(false).auto_invalid, 1);
	assert_clean();
}

/* With the entry still there, a request arrives after detach. */
static void
requests_after_detach_are_stale(void **state)
{
	(void)state;
	rig_start(1);
	late(1);
	uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
	uiommu_emu_arrive(rig.emu);
	assert_int_equal(verdict(false).stale, 1);
}

/* They cost credits from when they are sent, and are forgotten with their device. */
static void
requests_on_their_way_hold_credits(void **state)
{
	const struct uiommu_emu_request req = request_for(1, 100);
	unsigned int i;

	(void)state;
	rig_open(NULL);
	rig_up();
	rig_device(1, 4);
	for (i = 0; i < 4; i++)
		late(1);
	assert_false(uiommu_emu_request_late(rig.emu, &req));
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_NO_CREDIT);
	assert_int_equal(verdict(true).overdrawn, 0);
	uiommu_emu_arrive(rig.emu);
	serve_all();
	late(1);
	assert_int_equal(uiommu_emu_device_remove(rig.emu, DEVICE), 0);
	uiommu_emu_arrive(rig.emu);
	assert_int_equal(pending(), 0);
	assert_clean();
}

/* Bounded, and stop markers go the same way. */
static void
there_is_an_end_to_the_link(void **state)
{
	struct uiommu_emu_request stop = request_for(1, 1);
	unsigned int i;

	(void)state;
	rig_open(NULL);
	rig_up();
	rig_device(1, 4096);
	stop.read = false;
	assert_true(uiommu_emu_request_late(rig.emu, &stop));
	for (i = 1; i < EMU_LATE_MAX; i++)
		assert_true(uiommu_emu_request_late(rig.emu, &stop));
	assert_false(uiommu_emu_request_late(rig.emu, &stop));
	/* more than the queue has room for; nobody answers those */
	uiommu_emu_arrive(rig.emu);
	assert_int_equal(pending(), ENTRIES - 1);
	assert_int_equal(verdict(false).stop_markers, ENTRIES - 1);
	assert_int_equal(verdict(false).outstanding, 0);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(requests_arrive_when_told),
		CASE(invalidation_and_wait_push),
		CASE(other_devices_do_not_push),
		CASE(timeouts_do_not_push),
		CASE(tables_are_looked_at_on_arrival),
		CASE(requests_that_outlive_a_bond_are_stale),
		CASE(requests_after_detach_are_stale),
		CASE(requests_on_their_way_hold_credits),
		CASE(there_is_an_end_to_the_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
