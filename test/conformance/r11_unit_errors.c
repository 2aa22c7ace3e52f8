/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R11: errors that a unit reports of itself, where it can: most have a way back, some have none. */

#include "conformance.h"

#define TIMEOUT_NS UINT64_C(50000000)
#define BOUND_NS UINT64_C(30000000000)

/* A unit with PASID 7 attached, or skip. */
static struct rig *
errors_rig(bool can, struct recorder **rec, struct uiommu_endpoint **endpoint)
{
	const struct rig_conf conf = {.dev = {.timeout_ns = TIMEOUT_NS}};
	struct rig *rig;

	if (!can)
		harness_skip("the unit has no such error");
	rig = rig_open(&conf);
	*rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	*endpoint = rig_endpoint(rig, EP, 0);
	rig_attach(*endpoint, 7, (*rec)->domain, NULL);
	rig_ask_and_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	return rig;
}

/* The owner's turns notice it, and only stop and close are left. */
static void
check_fails(struct rig *rig, struct uiommu_endpoint *endpoint)
{
	uint64_t begin = harness_now_ns();

	while (rig_state(rig) != UIOMMU_DEV_FAILED) {
		rig_turn(rig);
		CHECK(harness_now_ns() - begin < BOUND_NS);
	}
	CHECK_EQ(uiommu_endpoint_remove(endpoint), -EIO);
	CHECK_EQ(rig_turn(rig), 0);
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	rig_close_failed(rig);
	CHECK(harness_now_ns() - begin < BOUND_NS);
}

/* Commands cannot be read some times: offered again, and nothing is lost. */
static void
commands_aborted(void)
{
	const char *counter = harness_unit()->counters.command_abort;
	struct uiommu_endpoint *endpoint;
	struct recorder *rec;
	struct rig *rig = errors_rig(counter != NULL, &rec, &endpoint);
	uint16_t round;

	for (round = 1; round <= 4; round++) {
		uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_COMMAND_ABORT, round);
		rig_ask_and_expect(rig, EP, 7, round, UIOMMU_EMU_SUCCESS);
		CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY)), 0);
		rig_attach(endpoint, 7, rec->domain, NULL);
		uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	}
	CHECK(rig_xstat(rig, counter) >= 4);
	CHECK(rig_stats(rig).hw_errors >= 4);
	rig_close(rig);
}

/* For ever: an invalidation that nobody has read is as good as refused. */
static void
commands_aborted_for_ever(void)
{
	struct uiommu_endpoint *endpoint;
	struct recorder *rec;
	struct rig *rig = errors_rig(harness_unit()->counters.command_abort != NULL, &rec,
				     &endpoint);
	int ret;

	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_COMMAND_ABORT, 0);
	ret = uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY));
	CHECK(ret == -EIO || ret == -ETIMEDOUT);
	check_fails(rig, endpoint);
}

/* The unit cannot say that it is done: it is asked instead. */
static void
messages_aborted(void)
{
	const char *counter = harness_unit()->counters.message_abort;
	struct uiommu_endpoint *endpoint;
	struct recorder *rec;
	struct rig *rig = errors_rig(harness_unit()->has_messages, &rec, &endpoint);
	uint16_t round;

	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_MSI_ABORT, 0);
	for (round = 1; round <= 10; round++) {
		CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY)), 0);
		rig_attach(endpoint, 7, rec->domain, NULL);
		rig_ask_and_expect(rig, EP, 7, round, UIOMMU_EMU_SUCCESS);
	}
	CHECK(rig_xstat(rig, counter) > 0);
	CHECK_EQ(rig_state(rig), UIOMMU_DEV_STARTED);
	rig_close(rig);
}

/* Page requests cannot be written: some may be lost, and all that follow are refused. */
static void
requests_aborted(void)
{
	struct uiommu_endpoint *endpoint;
	struct recorder *rec;
	struct rig *rig = errors_rig(harness_unit()->has_memory_errors, &rec, &endpoint);

	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_REQUEST_ABORT, 0);
	rig_send(rig, EP, 7, 2, 1, true);
	check_fails(rig, endpoint);
}

/* Accesses that wait cannot be told of: nobody would ever end them. */
static void
events_aborted(void)
{
	struct uiommu_endpoint *endpoint;
	struct recorder *rec;
	struct rig *rig = errors_rig(harness_unit()->has_memory_errors, &rec, &endpoint);

	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_EVENT_ABORT, 0);
	CHECK(!uiommu_emu_dma(rig->emu, EP, 7, 0x5000, false));
	check_fails(rig, endpoint);
}

/* The unit has given up. */
static void
service_failure(void)
{
	struct uiommu_endpoint *endpoint;
	struct recorder *rec;
	struct rig *rig = errors_rig(harness_unit()->has_memory_errors, &rec, &endpoint);

	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_SERVICE_FAILURE, 0);
	check_fails(rig, endpoint);
}

/* Bits in the tail of the events that it cannot have. */
static void
wild_event_index(void)
{
	struct uiommu_endpoint *endpoint;
	struct recorder *rec;
	struct rig *rig = errors_rig(harness_unit()->has_memory_errors, &rec, &endpoint);
	unsigned int i;

	for (i = 0; i < 40; i++) {
		uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_WILD_EVENT_INDEX, 3);
		CHECK(!uiommu_emu_dma(rig->emu, EP, 7, 0x5000, false));
		rig_wait_for(rig, "reports", i + 1);
	}
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).reports, 40);
	rig_close(rig);
}

static const struct harness_case r11_unit_errors_cases[] = {
	{"R11 commands cannot be read some times", commands_aborted, UIOMMU_CAPA_PASID},
	{"R11 commands cannot be read any more", commands_aborted_for_ever, UIOMMU_CAPA_PASID},
	{"R11 completions cannot be written any more", messages_aborted, UIOMMU_CAPA_PASID},
	{"R11 page requests cannot be written any more", requests_aborted, UIOMMU_CAPA_PASID},
	{"R11 events cannot be written any more", events_aborted,
	 UIOMMU_CAPA_PASID | UIOMMU_CAPA_STALL},
	{"R11 unit that gives up", service_failure, UIOMMU_CAPA_PASID},
	{"R10 tail register of events with bits that it cannot have", wild_event_index,
	 UIOMMU_CAPA_PASID},
};

HARNESS_SUITE(r11_unit_errors);
