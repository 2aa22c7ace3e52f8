/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Front panel of the emulation: classes of devices, the window of pages and what became of them,
 * devices that may be refused, and page request interfaces that several functions share.
 */

#include "emu_rig.h"

#define VF 0x0109
#define OTHER 0x010a
#define WINDOW_PAGES 64

static uint8_t touched[WINDOW_PAGES];
static uint8_t granted[WINDOW_PAGES];

/* One more device with PASIDs 1 to 4. */
static void
device_add(struct uiommu_emu_device_conf conf)
{
	static const uint32_t pasids[] = {1, 2, 3, 4};
	unsigned int i;

	conf.nb_pasids = ARRAY_COUNT(pasids);
	conf.pasids = pasids;
	endpoint(conf.endpoint_id);
	for (i = 0; i < ARRAY_COUNT(pasids); i++)
		bond(pasids[i]);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
}

static uint32_t
sender(const struct vtd_desc *request)
{
	return (request->q[0] >> VTD_PRQ0_RID_SHIFT) & 0xffff;
}

/*
 * Answer Success to whoever asks, all at once. @return entries taken; those of one device, where
 * asked for
 */
static unsigned int
grant_all(uint32_t of)
{
	struct vtd_desc request, reply;
	uint32_t nb = pending();
	unsigned int n = 0;

	while (nb-- > 0) {
		request = fetch();
		n += of == 0 || sender(&request) == of;
		if (!is_last(&request))
			continue;
		reply = answer_make(&request, VTD_RC_SUCCESS);
		queue_put(reply.q[0], reply.q[1]);
	}
	queue_ring();
	return n;
}

static enum uiommu_emu_outcome
ask_of(uint32_t endpoint_id, uint16_t prgi)
{
	struct uiommu_emu_request req = request_for(1, prgi);

	req.endpoint_id = endpoint_id;
	return uiommu_emu_request(rig.emu, &req);
}

/* --------------------------------------------------------------------- classes */

static void
class_check(unsigned int class, uint64_t requests, uint64_t responses)
{
	struct uiommu_emu_class seen;
	uint64_t sum = 0;
	unsigned int i;

	uiommu_emu_class_get(rig.emu, class, &seen);
	assert_int_equal(seen.requests, requests);
	assert_int_equal(seen.responses, responses);
	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
		sum += seen.counts[i];
	assert_int_equal(sum, responses);
}

static void
classes_run(uint32_t group_pages)
{
	const struct uiommu_emu_traffic traffic = {.group_pages_min = group_pages, .burst = 16};
	unsigned int i, requests = 0, all = 0;
	uint64_t counts[UIOMMU_LATENCY_BUCKETS], sum = 0;

	uiommu_emu_reset_counters(rig.emu);
	rig_traffic(&traffic);
	for (i = 0; i < 500; i++) {
		if (i == 400)
			uiommu_emu_traffic_run(rig.emu, false);
		step();
		all += pending();
		requests += grant_all(VF);
	}
	assert_clean();
	assert_in_range(requests, 1000, all - 1000);
	assert_int_equal(verdict(true).requests, all);
	class_check(0, all - requests, (all - requests) / group_pages);
	class_check(1, 0, 0);
	class_check(3, requests, requests / group_pages);
	class_check(UIOMMU_EMU_CLASSES, 0, 0);
	uiommu_emu_latency_get(rig.emu, counts);
	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
		sum += counts[i];
	assert_int_equal(sum, all / group_pages);
	uiommu_emu_reset_counters(rig.emu);
	class_check(0, 0, 0);
	class_check(3, 0, 0);
}

static void
classes_are_measured_apart(void **state)
{
	struct uiommu_emu_device_conf conf = {.endpoint_id = OTHER};

	(void)state;
	rig_start(4);
	device_add((struct uiommu_emu_device_conf){.endpoint_id = VF, .latency_class = 3});
	classes_run(1);
	classes_run(2);
	uiommu_emu_traffic_run(rig.emu, false);
	/* by hand */
	assert_int_equal(ask_of(VF, 7), UIOMMU_EMU_QUEUED);
	class_check(3, 1, 0);
	grant_all(0);
	class_check(3, 1, 1);
	conf.latency_class = UIOMMU_EMU_CLASSES;
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), -EINVAL);
}

/* ---------------------------------------------------------------------- window */

static void
window_can_be_moved(void **state)
{
	const uint64_t first = UINT64_C(0x7f1234567000);
	struct uiommu_emu_traffic traffic = {
		.window_pages = WINDOW_PAGES, .window_iova = first, .burst = 8,
		.group_pages_min = 1, .group_pages_max = 4, .seed = 5,
	};
	struct vtd_desc request;
	unsigned int i, n = 0;
	uint64_t page;

	(void)state;
	rig_start(4);
	rig_traffic(&traffic);
	memset(granted, 0, sizeof(granted));
	for (i = 0; i < 2000; i++) {
		step();
		if (pending() == 0)
			continue;
		request = fetch();
		page = ((request.q[1] & VTD_PRQ1_ADDR_MASK) - first) >> 12;
		assert_in_range(page, 0, WINDOW_PAGES - 1);
		n += granted[page]++ == 0;
		serve(&request);
	}
	assert_int_equal(n, WINDOW_PAGES);
	rig_rest();
	assert_clean();
	traffic.window_iova = first + 1;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &traffic), -EINVAL);
	traffic.window_iova = (UINT64_C(1) << 56) - 4096;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &traffic), -EINVAL);
}

static void
page_note(const struct vtd_desc *request, uint64_t *pages)
{
	const uint64_t page =
		((request->q[1] & VTD_PRQ1_ADDR_MASK) - UIOMMU_EMU_WINDOW_IOVA) >> 12;

	assert_in_range(page, 0, WINDOW_PAGES - 1);
	*pages |= UINT64_C(1) << page;
}

/* Serve, two of three groups with Success, and note what that makes of the pages. */
static void
pages_serve(unsigned int rounds)
{
	static uint64_t pages[EMU_PRGI_COUNT];
	struct vtd_desc request;
	unsigned int i, j, n = 0;
	uint16_t prgi;

	memset(touched, 0, sizeof(touched));
	memset(granted, 0, sizeof(granted));
	for (i = 0; i < rounds; i++) {
		step();
		if (pending() == 0)
			continue;
		request = fetch();
		prgi = (request.q[1] >> VTD_PRQ1_PRGI_SHIFT) & VTD_PRGI_MASK;
		page_note(&request, &pages[prgi]);
		if (!is_last(&request))
			continue;
		if (++n % 3 != 0)
			for (j = 0; j < WINDOW_PAGES; j++)
				granted[j] |= (pages[prgi] >> j) & 1;
		answer(&request, n % 3 != 0 ? VTD_RC_SUCCESS : VTD_RC_INVALID);
		pages[prgi] = 0;
	}
}

static void
granted_pages_are_touched(void **state)
{
	struct uiommu_emu_traffic traffic = {
		.window_pages = WINDOW_PAGES, .touched = touched, .burst = 8, .group_pages_min = 1,
	};
	unsigned int i, groups;

	(void)state;
	rig_start(2);
	for (i = 1; i <= 2; i++)
		uiommu_emu_pasid_state(rig.emu, DEVICE, i, UIOMMU_EMU_CHANGING);
	for (groups = 1; groups < 4; groups++) {
		traffic.group_pages_min = groups;
		rig_traffic(&traffic);
		/* few enough that not every page has its turn */
		pages_serve(40);
		assert_memory_equal(touched, granted, sizeof(touched));
		for (i = 0; i < WINDOW_PAGES && granted[i] != 0; i++)
			;
		assert_in_range(i, 0, WINDOW_PAGES - 1);
		rig_rest();
	}
	assert_clean();
	/* without it, nothing is written any more */
	traffic.touched = NULL;
	rig_traffic(&traffic);
	pages_serve(500);
	rig_rest();
	for (i = 0; i < WINDOW_PAGES; i++)
		assert_int_equal(touched[i], 0);
	assert_clean();
	traffic.touched = touched;
	traffic.judge = UIOMMU_EMU_JUDGE_LIGHT;
	traffic.group_pages_max = traffic.group_pages_min;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &traffic), -EINVAL);
}

/* Nothing is said of groups of which software has not seen all. */
static void
lost_pages_are_not_touched(void **state)
{
	const struct uiommu_emu_traffic traffic = {
		.window_pages = WINDOW_PAGES, .touched = touched, .burst = 64,
		.group_pages_min = 5, .overflow = true,
	};
	unsigned int i, round, marked = 0;
	uint64_t seen;

	(void)state;
	rig_start(8);
	rig_traffic(&traffic);
	memset(touched, 0, sizeof(touched));
	/* the queue runs over, and what is lost is asked for again by other groups only */
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 20; i++)
			step();
		uiommu_emu_traffic_run(rig.emu, false);
		for (seen = 0; pending() != 0;) {
			struct vtd_desc request = fetch();

			page_note(&request, &seen);
			if (is_last(&request))
				answer(&request, VTD_RC_SUCCESS);
		}
		if ((get32(VTD_REG_PRS) & VTD_PRS_PRO) != 0)
			put32(VTD_REG_PRS, VTD_PRS_PRO);
		for (i = 0; i < WINDOW_PAGES; i++) {
			marked += touched[i];
			assert_false(touched[i] != 0 && (seen >> i & 1) == 0);
		}
		memset(touched, 0, sizeof(touched));
		uiommu_emu_traffic_run(rig.emu, true);
	}
	assert_in_range(verdict(false).overflows, 1, UINT32_MAX);
	assert_in_range(verdict(false).dropped, 1, UINT32_MAX);
	assert_in_range(marked, 1, UINT32_MAX);
	assert_clean();
}

static void
some_devices_may_be_refused(void **state)
{
	const struct uiommu_emu_traffic traffic = {.burst = 16};
	struct vtd_desc request;
	unsigned int i, refused = 0;

	(void)state;
	rig_start(4);
	device_add((struct uiommu_emu_device_conf){.endpoint_id = VF, .may_fail_invalid = true});
	rig_traffic(&traffic);
	for (i = 0; i < 300; i++) {
		step();
		if (pending() == 0)
			continue;
		request = fetch();
		if (sender(&request) == VF)
			refused++;
		answer(&request, sender(&request) == VF ? VTD_RC_INVALID : VTD_RC_SUCCESS);
	}
	assert_in_range(refused, 50, 250);
	assert_int_equal(verdict(false).code_invalid, refused);
	assert_string_equal(verdict(false).first, "");
	uiommu_emu_traffic_run(rig.emu, false);
	while (pending() != 0) {
		request = fetch();
		answer(&request, VTD_RC_INVALID);
		refused += sender(&request) == VF;
	}
	assert_int_equal(verdict(false).wrong, verdict(false).code_invalid - refused);
	assert_in_range(verdict(false).wrong, 1, UINT32_MAX);
}

/* Where nobody hears of answers, requests by hand need no credit, and none waits for an answer. */
static void
requests_that_nobody_hears_of(void **state)
{
	const uint16_t credits = 2;
	uint16_t i;

	(void)state;
	rig_open(NULL);
	rig_up();
	rig_device(1, credits);
	rig.emu->unheard = true;
	for (i = 0; i < 3 * credits; i++) {
		assert_int_equal(ask_of(DEVICE, i % credits), UIOMMU_EMU_QUEUED);
		fetch();
	}
	assert_int_equal(verdict(false).requests, 3 * credits);
	assert_int_equal(verdict(false).outstanding, 0);
	assert_int_equal(verdict(false).stop_markers, 0);
	/* to be heard is to be held to it */
	rig.emu->unheard = false;
	for (i = 0; i < credits; i++)
		assert_int_equal(ask_of(DEVICE, i), UIOMMU_EMU_QUEUED);
	assert_int_equal(ask_of(DEVICE, credits), UIOMMU_EMU_NO_CREDIT);
	assert_int_equal(verdict(false).outstanding, credits);
	grant_all(0);
	step();
	assert_clean();
}

/* ------------------------------------------------------------------- functions */

/* Response Failure is for all functions behind one page request interface. */
static void
failure_stops_the_family(void **state)
{
	const struct uiommu_emu_traffic traffic = {.burst = 16};
	struct vtd_desc of_pf, of_vf, of_other;
	unsigned int i;

	(void)state;
	rig_start(4);
	device_add((struct uiommu_emu_device_conf){
		.endpoint_id = VF, .is_vf = true, .pf_id = DEVICE});
	device_add((struct uiommu_emu_device_conf){.endpoint_id = OTHER});
	assert_int_equal(ask_of(DEVICE, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(ask_of(VF, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(ask_of(OTHER, 1), UIOMMU_EMU_QUEUED);
	of_pf = fetch();
	of_vf = fetch();
	of_other = fetch();
	answer(&of_vf, VTD_RC_FAILURE);
	assert_int_equal(verdict(false).families_stopped, 1);
	assert_int_equal(ask_of(DEVICE, 2), UIOMMU_EMU_NO_CREDIT);
	assert_int_equal(ask_of(VF, 2), UIOMMU_EMU_NO_CREDIT);
	assert_int_equal(ask_of(OTHER, 2), UIOMMU_EMU_QUEUED);
	/* they expect no answer, and do not mind one, nor another */
	assert_int_equal(verdict(false).outstanding, 2);
	answer(&of_pf, VTD_RC_SUCCESS);
	answer(&of_pf, VTD_RC_SUCCESS);
	answer(&of_vf, VTD_RC_FAILURE);
	answer(&of_other, VTD_RC_SUCCESS);
	grant_all(0);
	assert_int_equal(verdict(false).families_stopped, 1);
	/* nor do they send of themselves */
	rig_traffic(&traffic);
	for (i = 0; i < 100; i++) {
		step();
		assert_int_equal(grant_all(DEVICE) + grant_all(VF), 0);
	}
	assert_in_range(verdict(false).requests, 100, UINT32_MAX);
	assert_int_equal(uiommu_emu_pasid_quiesce(rig.emu, DEVICE, 1, true), 0);
	step();
	assert_int_equal(verdict(false).stop_markers, 0);
	uiommu_emu_traffic_run(rig.emu, false);
	for (i = 0; i < 100; i++) {
		step();
		grant_all(0);
	}
	assert_clean();
	/* plugged in again, it is another device */
	assert_int_equal(uiommu_emu_device_remove(rig.emu, VF), 0);
	device_add((struct uiommu_emu_device_conf){.endpoint_id = VF});
	assert_int_equal(ask_of(VF, 3), UIOMMU_EMU_QUEUED);
	grant_all(0);
	assert_clean();
}

/* With traffic under way in groups of several pages, some of them half sent. */
static void
failure_in_the_midst_of_traffic(void **state)
{
	const struct uiommu_emu_traffic traffic = {.burst = 16, .group_pages_min = 3};
	unsigned int i, wrong = 0;
	struct vtd_desc request;

	(void)state;
	rig_start(4);
	device_add((struct uiommu_emu_device_conf){
		.endpoint_id = VF, .is_vf = true, .pf_id = DEVICE});
	device_add((struct uiommu_emu_device_conf){.endpoint_id = OTHER});
	rig_traffic(&traffic);
	for (i = 0; i < 1000; i++) {
		step();
		if (pending() == 0)
			continue;
		request = fetch();
		if (!is_last(&request))
			continue;
		if (i >= 200 && wrong == 0 && sender(&request) == DEVICE) {
			/* the traffic did not deserve it */
			answer(&request, VTD_RC_FAILURE);
			wrong = 1;
			continue;
		}
		answer(&request, VTD_RC_SUCCESS);
	}
	assert_int_equal(wrong, 1);
	uiommu_emu_traffic_run(rig.emu, false);
	for (i = 0; i < 200; i++) {
		step();
		grant_all(0);
	}
	assert_int_equal(verdict(true).families_stopped, 1);
	assert_int_equal(verdict(true).wrong, 1);
	assert_int_equal(verdict(true).lost + verdict(true).duplicated +
				 verdict(true).unexpected + verdict(true).overdrawn +
				 verdict(true).protocol, 0);
}

static void
virtual_functions_have_another_pf(void **state)
{
	struct uiommu_emu_device_conf conf = {.endpoint_id = VF, .is_vf = true, .pf_id = VF};

	(void)state;
	rig_start(1);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), -EINVAL);
	conf.pf_id = 0x10000;
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), -EINVAL);
}

static uint64_t
pfsid_field(uint16_t pfsid)
{
	return (uint64_t)(pfsid & 0xf) << 12 | (uint64_t)(pfsid >> 4) << 52;
}

/* Both kinds of device-TLB invalidations, of one function, with this PFSID. */
static void
device_tlbs(uint16_t sid, uint16_t pfsid)
{
	queue_put(VTD_QI_DEV_TLB | (uint64_t)sid << 32 | pfsid_field(pfsid),
		  UINT64_C(0x7ffffffffffff001));
	queue_put(VTD_QI_PASID_DEV_TLB | (uint64_t)sid << 16 | pfsid_field(pfsid),
		  UINT64_C(0x7ffffffffffff800));
	assert_true(queue_wait());
}

static void
invalidations_name_the_pf(void **state)
{
	struct uiommu_args args[] = {{"ecap_set", VTD_ECAP_DIT, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	rig_up();
	rig_device(1, 0);
	device_add((struct uiommu_emu_device_conf){
		.endpoint_id = VF, .is_vf = true, .pf_id = DEVICE});
	device_tlbs(DEVICE, DEVICE);
	device_tlbs(VF, DEVICE);
	/* of a device that the model does not know, it cannot say */
	device_tlbs(STRANGER, 0);
	assert_clean();
	device_tlbs(VF, VF);
	assert_int_equal(verdict(false).protocol, 2);
	device_tlbs(DEVICE, 0);
	assert_int_equal(verdict(false).protocol, 4);
	assert_string_equal(verdict(false).first, "device-TLB invalidation of 0x109 with PFSID "
						  "0x109 instead of 0x108");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(classes_are_measured_apart),
		CASE(window_can_be_moved),
		CASE(granted_pages_are_touched),
		CASE(lost_pages_are_not_touched),
		CASE(some_devices_may_be_refused),
		CASE(requests_that_nobody_hears_of),
		CASE(failure_stops_the_family),
		CASE(failure_in_the_midst_of_traffic),
		CASE(virtual_functions_have_another_pf),
		CASE(invalidations_name_the_pf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
