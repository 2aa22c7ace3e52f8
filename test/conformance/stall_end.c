/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bonds that end while accesses wait: each is answered once, and none waits for ever. */

#include "stall.h"

/* More than a burst, of either sort; fewer than the device may have waiting. */
#define NB 400

/* Some that the handler has kept, then some in the unit's queue that nobody has looked at. */
static void
leave_open(struct stall *s, uint32_t *handles)
{
	s->rec->defer = true;
	stall_wait_on_all(s, 0, NB / 2, handles);
	rig_settle(s->rig);
	CHECK_EQ(rig_stats(s->rig).deferred_now, NB / 2);
	stall_wait_on_all(s, NB / 2, NB / 2, handles + NB / 2);
}

/* All of them came to an end by one answer each; late answers find nothing. */
static void
check_ended(struct stall *s, const uint32_t *handles)
{
	const uint8_t code = UIOMMU_CODE_SUCCESS;
	uint32_t i;
	int status;

	stall_expect_all(s, handles, NB, UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(rig_stats(s->rig).responses, NB);
	CHECK_EQ(rig_verdict(s->rig, false).stalls_aborted, NB);
	CHECK_EQ(stall_count_responses(s), NB);
	for (i = 0; i < NB / 2; i++) {
		CHECK_EQ(uiommu_answer(s->rig->dev, &s->rec->kept[i].cookie, &code, &status, 1),
			 0);
		CHECK_EQ(status, -ENOENT);
	}
	rig_settle(s->rig);
	rig_expect_none(s->rig);
}

static void
detach_of(uint32_t pasid)
{
	struct stall s;
	uint32_t handles[NB];

	stall_open(&s, NULL, pasid);
	leave_open(&s, handles);
	CHECK_EQ(uiommu_detach(s.attach), 0);
	recorder_close(s.rec);
	check_ended(&s, handles);
	/* what comes now has nobody to wait for */
	rig_access(s.rig, EP_STALL, pasid, IOVA, false, UIOMMU_EMU_ACCESS_ABORTED);
	stall_close(&s);
}

static void
detach_pasid(void)
{
	detach_of(7);
}

static void
detach_rid(void)
{
	detach_of(UIOMMU_NO_PASID);
}

/* By somebody who does not wait for it, and while nobody owns the queue. */
static void
detach_in_steps(void)
{
	const struct rig_conf conf = {.dev = {.burst = 1}};
	struct stall s;
	uint32_t handles[NB];

	stall_open(&s, &conf, 7);
	leave_open(&s, handles);
	CHECK_EQ(uiommu_detach_start(s.attach), 0);
	while (uiommu_detach_done(s.attach) == -EINPROGRESS)
		uiommu_poll(s.rig->dev, 0, 1); /* not faster than the unit is told */
	check_ended(&s, handles);
	recorder_close(s.rec);
	stall_close(&s);
}

static void
detach_without_owner(void)
{
	struct stall s;
	uint32_t handles[NB];

	stall_open(&s, NULL, 7);
	leave_open(&s, handles);
	rig_release(s.rig);
	CHECK_EQ(uiommu_detach(s.attach), 0);
	rig_claim(s.rig);
	check_ended(&s, handles);
	stall_close(&s);
}

static void
remove_endpoint(void)
{
	struct stall s;
	uint32_t handles[NB];

	stall_open(&s, NULL, 7);
	leave_open(&s, handles);
	CHECK_EQ(uiommu_endpoint_remove(s.endpoint), 0);
	recorder_close(s.rec);
	check_ended(&s, handles);
	rig_access(s.rig, EP_STALL, 7, IOVA, false, UIOMMU_EMU_ACCESS_ABORTED);
	/* it comes back, and may wait again */
	s.endpoint = rig_endpoint_add(s.rig, EP_STALL, RIG_STALLS, 0);
	s.rec = rig_recorder(s.rig, UIOMMU_CODE_INVALID);
	s.attach = rig_attach(s.endpoint, 7, s.rec->domain, s.rec);
	handles[0] = stall_wait_on(&s, 7, 0, false);
	rig_settle(s.rig);
	CHECK_EQ(rig_access_state(s.rig, handles[0]), UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(s.rec->groups, 1);
	CHECK_EQ(stall_count_responses(&s), 1);
	stall_close(&s);
}

/* What the old one kept is answered for it; what comes after is the new one's. */
static void
replace(void)
{
	struct stall s;
	struct recorder *next;
	uint32_t handles[NB], kept;

	stall_open(&s, NULL, 7);
	next = rig_recorder(s.rig, UIOMMU_CODE_INVALID);
	leave_open(&s, handles);
	s.attach = uiommu_replace(s.attach, next->domain, next);
	CHECK(s.attach != NULL);
	kept = s.rec->nb_kept;
	rig_settle(s.rig);
	CHECK_EQ(kept + next->nb_kept, NB);
	check_ended(&s, handles);
	recorder_close(s.rec);
	s.rec = next;
	next->defer = true;
	handles[0] = stall_wait_on(&s, 7, 50, true);
	rig_settle(s.rig);
	stall_map(&s, 50);
	stall_answer(&s, next->nb_kept - 1, UIOMMU_CODE_SUCCESS);
	CHECK_EQ(rig_access_state(s.rig, handles[0]), UIOMMU_EMU_ACCESS_DONE);
	CHECK_EQ(stall_count_responses(&s), 1);
	stall_close(&s);
}

/* To a domain that nobody answers for, and back. */
static void
replace_by_none(void)
{
	struct stall s;
	struct uiommu_domain *domains[2];
	uint32_t handles[NB], i;
	uint64_t before;

	stall_open(&s, NULL, 7);
	domains[0] = rig_domain(s.rig, UIOMMU_DOMAIN_BLOCKED);
	domains[1] = rig_domain(s.rig, UIOMMU_DOMAIN_PAGING);
	leave_open(&s, handles);
	for (i = 0; i < 2; i++) {
		s.attach = uiommu_replace(s.attach, domains[i], NULL);
		CHECK(s.attach != NULL);
		rig_settle(s.rig);
		if (i == 0)
			check_ended(&s, handles);
		stall_count_responses(&s);
	}
	s.attach = uiommu_replace(s.attach, s.rec->domain, s.rec);
	CHECK(s.attach != NULL);
	before = s.rec->groups;
	s.rec->defer = false;
	handles[0] = stall_wait_on(&s, 7, 0, false);
	rig_settle(s.rig);
	CHECK_EQ(rig_access_state(s.rig, handles[0]), UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(s.rec->groups, before + 1);
	CHECK_EQ(stall_count_responses(&s), 1);
	stall_close(&s);
}

/* By answers, or because the unit is turned off: none waits any longer. */
static void
stop_and_start(void)
{
	struct stall s;
	uint32_t handles[NB], round;

	stall_open(&s, NULL, 7);
	for (round = 0; round < 3; round++) {
		const uint8_t code = UIOMMU_CODE_SUCCESS;
		int status;

		s.rec->nb_kept = 0;
		leave_open(&s, handles);
		CHECK(s.rec->nb_kept > 0);
		CHECK_EQ(uiommu_stop(s.rig->dev), 0);
		stall_expect_all(&s, handles, NB, UIOMMU_EMU_ACCESS_ABORTED);
		rig_check_verdict(s.rig, true);
		CHECK_EQ(uiommu_answer(s.rig->dev, &s.rec->kept[0].cookie, &code, &status, 1),
			 0);
		CHECK_EQ(status, -ENOENT);
		CHECK_EQ(uiommu_start(s.rig->dev), 0);
		stall_count_responses(&s);
	}
	s.rec->defer = false;
	handles[0] = stall_wait_on(&s, 7, 0, false);
	rig_settle(s.rig);
	CHECK_EQ(rig_access_state(s.rig, handles[0]), UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(stall_count_responses(&s), 1);
	stall_close(&s);
}

/* T20: nobody to answer; a page that is missing ends the access, at once or by the engine. */
static void
no_handler(void)
{
	struct stall s;
	struct uiommu_emu_stalled out;
	const struct uiommu_emu_request req = {
		.endpoint_id = EP_STALL, .pasid = 8, .iova = IOVA + PAGE, .read = true,
	};
	struct uiommu_domain *plain;

	stall_open(&s, NULL, 7);
	plain = rig_domain(s.rig, UIOMMU_DOMAIN_PAGING);
	rig_attach(s.endpoint, 8, plain, NULL);
	CHECK_EQ(uiommu_domain_map(plain, IOVA, paging_pa(s.memory), PAGE, ALL), 0);
	rig_access(s.rig, EP_STALL, 8, IOVA, true, UIOMMU_EMU_ACCESS_DONE);
	CHECK_EQ(uiommu_emu_stall(s.rig->emu, &req, &out), 0);
	rig_settle(s.rig);
	CHECK_EQ(rig_access_state(s.rig, out.handle), UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(s.rec->groups, 0);
	stall_count_responses(&s);
	stall_close(&s);
}

/* T20: entries of accesses that nobody knows: one answer each, all the same. */
static void
of_nobody(void)
{
	const struct harness_unit *unit = harness_unit();
	static const struct {
		uint32_t endpoint_id, pasid;
	} strangers[] = {
		{EP_STALL, 8}, {EP_STALL, UIOMMU_NO_PASID}, {0x0200, 7}, {0x0300, UIOMMU_NO_PASID},
	};
	struct stall s;
	uint16_t i;

	stall_open(&s, NULL, 7);
	for (i = 0; i < ARRAY_COUNT(strangers); i++) {
		const struct uiommu_emu_request req = {
			.endpoint_id = strangers[i].endpoint_id,
			.pasid = rig_pasid_to_emu(strangers[i].pasid),
			.iova = IOVA, .read = true, .prg_index = (uint16_t)(0x300 + i),
		};
		uint64_t entry[HARNESS_ENTRY_WORDS] = {0};

		unit->encode_stall(&req, entry);
		s.rig->raw = true;
		CHECK_EQ(uiommu_emu_request_raw(s.rig->emu, entry, unit->stall_size), 0);
		rig_settle(s.rig);
		rig_expect_stall(s.rig, strangers[i].endpoint_id, (uint16_t)(0x300 + i),
				 UIOMMU_EMU_ANSWER_ABORT);
		rig_expect_none(s.rig);
	}
	CHECK_EQ(rig_stats(s.rig).unknown_pasid, 2);
	CHECK_EQ(rig_stats(s.rig).unknown_endpoint, 2);
	CHECK_EQ(rig_stats(s.rig).refused, 4);
	CHECK_EQ(s.rec->groups, 0);
	stall_close(&s);
}

/* Bonds come and go while devices wait without a pause. */
static void
churn(void)
{
	/* small bursts, so that there is something left in the queue when a bond goes */
	struct rig_conf conf = {
		.model_thread = true, .owner_thread = true, .no_log = true, .dev = {.burst = 4},
	};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1, .group_pages_max = 1, .window_pages = 256,
	};
	static const uint32_t pasids[] = {1, 2, 3};
	const struct uiommu_emu_device_conf device = {
		.endpoint_id = EP_STALL, .credits = 512, .nb_pasids = 3, .pasids = pasids,
		.stalls = true, .may_fail_invalid = true,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_INVALID);
	struct uiommu_endpoint *endpoint;
	unsigned int round;

	CHECK_EQ(uiommu_emu_device_add(rig->emu, &device), 0);
	endpoint = rig_endpoint_add(rig, EP_STALL, RIG_STALLS, 0);
	attach_range(endpoint, 1, 3, rec);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(100); round++) {
		uint32_t pasid = 1 + round % 3;
		struct uiommu_attach *attach =
			uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY);

		uiommu_emu_pasid_state(rig->emu, EP_STALL, pasid, UIOMMU_EMU_CHANGING);
		if (round % 4 == 3) {
			CHECK(uiommu_replace(attach, rec->domain, rec) != NULL);
		} else {
			CHECK_EQ(uiommu_detach(attach), 0);
			uiommu_emu_pasid_state(rig->emu, EP_STALL, pasid, UIOMMU_EMU_DETACHED);
			uiommu_emu_pasid_state(rig->emu, EP_STALL, pasid, UIOMMU_EMU_CHANGING);
			rig_attach(endpoint, pasid, rec->domain, rec);
		}
		uiommu_emu_pasid_state(rig->emu, EP_STALL, pasid, UIOMMU_EMU_ATTACHED);
	}
	rig_check_verdict(rig, false);
	CHECK(recorder_groups(rec) > 0);
	rig_close(rig);
}

static const struct harness_case stall_end_cases[] = {
	{"R4 K24 stall: detach", detach_pasid, UIOMMU_CAPA_PASID},
	{"R4 T12 stall: detach, without PASID", detach_rid, 0},
	{"R4 stall: detach without waiting", detach_in_steps, UIOMMU_CAPA_PASID},
	{"R4 T13 stall: detach while nobody owns the queue", detach_without_owner,
	 UIOMMU_CAPA_PASID},
	{"R4 K24 T16 stall: endpoint removed", remove_endpoint, UIOMMU_CAPA_PASID},
	{"R4 T29 stall: replace", replace, UIOMMU_CAPA_PASID},
	{"R4 K4 stall: replace by a domain without handler", replace_by_none, UIOMMU_CAPA_PASID},
	{"R1 R4 stall: stop and start", stop_and_start, UIOMMU_CAPA_PASID},
	{"R1 T20 stall: a domain without handler", no_handler,
	 UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_TABLES},
	{"R1 R10 T20 stall: of unknown endpoint, PASID and RID", of_nobody, 0},
	{"R1 R4 T29 stall: detach and replace, with traffic", churn, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(stall_end, UIOMMU_CAPA_STALL);
