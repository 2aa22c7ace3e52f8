/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* K33: an access that waits in the unit is a group by itself, and ends as its answer says. */

#include "fault_queue.h"
#include "stall.h"

/* What a handler gets of it, and that it waits meanwhile. */
static void
group_of_one(uint32_t pasid)
{
	struct stall s;
	uint32_t handles[2], i;

	stall_open(&s, NULL, pasid);
	s.rec->defer = true;
	for (i = 0; i < 2; i++) {
		const struct kept_group *kept = &s.rec->kept[i];
		struct uiommu_emu_stalled access;

		handles[i] = stall_wait_on(&s, pasid, i, i != 0);
		access = rig_access_get(s.rig, handles[i]);
		rig_settle(s.rig);
		rig_expect_none(s.rig);
		CHECK_EQ(s.rec->nb_kept, i + 1);
		CHECK_EQ(kept->endpoint_id, EP_STALL);
		CHECK_EQ(kept->pasid, pasid);
		CHECK_EQ(kept->prg_index, access.tag);
		CHECK_EQ(kept->nb_faults, 1);
		CHECK_EQ(kept->faults[0].iova, IOVA + i * PAGE);
		CHECK_EQ(kept->faults[0].flags,
			 UIOMMU_FAULT_STALL | UIOMMU_FAULT_LAST |
				 (pasid != UIOMMU_NO_PASID ? UIOMMU_FAULT_PASID : 0) |
				 (i != 0 ? UIOMMU_FAULT_WRITE : UIOMMU_FAULT_READ));
		CHECK(kept->priv == s.rec);
		CHECK_EQ(access.events, 1);
	}
	stall_expect_all(&s, handles, 2, UIOMMU_EMU_ACCESS_STALLED);
	for (i = 0; i < 2; i++) {
		stall_map(&s, i);
		stall_answer(&s, i, UIOMMU_CODE_SUCCESS);
		rig_expect_stall(s.rig, EP_STALL, s.rec->kept[i].prg_index,
				 UIOMMU_EMU_ANSWER_RETRY);
		CHECK_EQ(rig_access_state(s.rig, handles[i]), UIOMMU_EMU_ACCESS_DONE);
	}
	CHECK_EQ(rig_verdict(s.rig, false).stalls, 2);
	CHECK_EQ(rig_stats(s.rig).groups, 2);
	CHECK_EQ(rig_stats(s.rig).parked, 0);
	stall_close(&s);
}

static void
group_of_one_pasid(void)
{
	group_of_one(7);
}

static void
group_of_one_rid(void)
{
	group_of_one(UIOMMU_NO_PASID);
}

static void
codes(void)
{
	static const struct {
		unsigned int code;
		enum uiommu_emu_answer answer;
	} wanted[] = {
		{UIOMMU_CODE_SUCCESS, UIOMMU_EMU_ANSWER_RETRY},
		{UIOMMU_CODE_RETRY, UIOMMU_EMU_ANSWER_RETRY},
		{UIOMMU_CODE_INVALID, UIOMMU_EMU_ANSWER_ABORT},
		{UIOMMU_CODE_FAILURE, UIOMMU_EMU_ANSWER_ABORT},
	};
	struct stall s;
	uint32_t handle, i, nb = 0;

	stall_open(&s, NULL, 7);
	s.rec->defer = true;
	for (i = 0; i < ARRAY_COUNT(wanted); i++) {
		bool again = wanted[i].answer == UIOMMU_EMU_ANSWER_RETRY;

		handle = stall_wait_on(&s, 7, i, false);
		rig_settle(s.rig);
		stall_answer(&s, nb, wanted[i].code);
		rig_expect_stall(s.rig, EP_STALL, s.rec->kept[nb].prg_index, wanted[i].answer);
		nb++;
		if (again) {
			/* its page is not there: it has tried in vain, and is a new group */
			CHECK_EQ(rig_access_get(s.rig, handle).events, 2);
			CHECK_EQ(rig_access_state(s.rig, handle), UIOMMU_EMU_ACCESS_STALLED);
			CHECK_EQ(s.rec->nb_kept, nb + 1);
			CHECK_EQ(s.rec->kept[nb].faults[0].iova, IOVA + i * PAGE);
			stall_answer(&s, nb, UIOMMU_CODE_INVALID);
			rig_expect_stall(s.rig, EP_STALL, s.rec->kept[nb].prg_index,
					 UIOMMU_EMU_ANSWER_ABORT);
			nb++;
		}
		CHECK_EQ(rig_access_state(s.rig, handle), UIOMMU_EMU_ACCESS_ABORTED);
	}
	CHECK_EQ(rig_verdict(s.rig, false).stalls_terminated, 0);
	/* a code that is none */
	s.rec->defer = false;
	s.rec->code = 200;
	handle = stall_wait_on(&s, 7, 10, false);
	rig_settle(s.rig);
	CHECK_EQ(rig_access_state(s.rig, handle), UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(rig_stats(s.rig).handler_errors, 1);
	CHECK_EQ(stall_count_responses(&s), 1);
	stall_close(&s);
}

/* Deferred, and answered from the end: each gets its own answer. */
static void
any_order(void)
{
	struct stall s;
	uint32_t handles[40], i;

	stall_open(&s, NULL, 7);
	s.rec->defer = true;
	stall_wait_on_all(&s, 0, ARRAY_COUNT(handles), handles);
	rig_settle(s.rig);
	CHECK_EQ(s.rec->deferred, ARRAY_COUNT(handles));
	for (i = ARRAY_COUNT(handles); i-- > 0;) {
		uint32_t page = (uint32_t)((s.rec->kept[i].faults[0].iova - IOVA) / PAGE);
		bool is_good = i % 3 != 0;

		if (is_good)
			stall_map(&s, page);
		stall_answer(&s, i, is_good ? UIOMMU_CODE_SUCCESS : UIOMMU_CODE_INVALID);
		rig_expect_stall(s.rig, EP_STALL, s.rec->kept[i].prg_index,
				 is_good ? UIOMMU_EMU_ANSWER_RETRY : UIOMMU_EMU_ANSWER_ABORT);
		CHECK_EQ(rig_access_state(s.rig, handles[page]),
			 is_good ? UIOMMU_EMU_ACCESS_DONE : UIOMMU_EMU_ACCESS_ABORTED);
	}
	stall_close(&s);
}

/* The same hand-over to a thread of the application as page requests have. */
static void
fault_queue(void)
{
	struct uiommu_fault_msg msgs[8];
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_create(rig, 0, 0, 0);
	struct uiommu_domain *domain = fq_domain(rig, fq);
	uint8_t *memory = paging_memory(rig);
	uint32_t handles[3], i;

	rig_attach(rig_stalling_endpoint(rig, EP_STALL, 0), 7, domain, NULL);
	for (i = 0; i < 3; i++)
		handles[i] = rig_access(rig, EP_STALL, 7, IOVA + i * PAGE, true,
					UIOMMU_EMU_ACCESS_STALLED);
	rig_settle(rig);
	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, ARRAY_COUNT(msgs)), 3);
	CHECK_EQ(fq_check_whole(msgs, 3), 3);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(msgs[i].dev_id, EP_STALL);
		CHECK_EQ(msgs[i].pasid, 7);
		CHECK_EQ(msgs[i].grpid, rig_access_get(rig, handles[i]).tag);
		CHECK_EQ(msgs[i].addr, IOVA + i * PAGE);
		CHECK_EQ(msgs[i].perm, UIOMMU_FAULT_MSG_WRITE);
	}
	CHECK_EQ(uiommu_domain_map(domain, IOVA, paging_pa(memory), PAGE, ALL), 0);
	CHECK_EQ(fq_answer(fq, msgs[0].cookie, UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	CHECK_EQ(fq_answer(fq, msgs[1].cookie, UIOMMU_FAULT_ANSWER_INVALID), 0);
	rig_settle(rig);
	CHECK_EQ(rig_access_state(rig, handles[0]), UIOMMU_EMU_ACCESS_DONE);
	CHECK_EQ(rig_access_state(rig, handles[1]), UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(rig_access_state(rig, handles[2]), UIOMMU_EMU_ACCESS_STALLED);
	/* the queue goes, with one that nobody has answered */
	CHECK_EQ(uiommu_fault_queue_destroy(fq), 0);
	rig_settle(rig);
	CHECK_EQ(rig_access_state(rig, handles[2]), UIOMMU_EMU_ACCESS_ABORTED);
	rig_close(rig);
}

/* Pages of a region come when a device stalls on them; what is no region's does not. */
static void
demand(void)
{
	struct paging p = {.conf = {.plain = false}};
	uint32_t handle, i;

	p.rig = rig_open(NULL);
	p.memory = paging_memory(p.rig);
	p.domain = paging_domain(p.rig, &p.conf);
	rig_attach(rig_stalling_endpoint(p.rig, EP_STALL, 0), 7, p.domain, NULL);
	paging_region(&p, IOVA, p.memory, 8 * PAGE, ALL, 0);
	paging_region(&p, IOVA + 8 * PAGE, p.memory + 8 * PAGE, 8 * PAGE, UIOMMU_PROT_READ, 0);
	for (i = 0; i < 24; i++) {
		bool write = i % 2 != 0;

		handle = rig_access(p.rig, EP_STALL, 7, IOVA + i * PAGE, write,
				    UIOMMU_EMU_ACCESS_STALLED);
		rig_settle(p.rig);
		CHECK_EQ(rig_access_state(p.rig, handle),
			 i < 8 || (i < 16 && !write) ? UIOMMU_EMU_ACCESS_DONE
						     : UIOMMU_EMU_ACCESS_ABORTED);
	}
	/* what is there needs no fault */
	rig_access(p.rig, EP_STALL, 7, IOVA, true, UIOMMU_EMU_ACCESS_DONE);
	CHECK_EQ(rig_verdict(p.rig, false).stalls, 24);
	rig_close(p.rig);
}

/* The unit may try again before it was told to; the answer comes all the same. */
static void
early_retry(void)
{
	struct stall s;
	uint32_t handles[6], i;

	stall_open(&s, NULL, 7);
	s.rec->defer = true;
	stall_wait_on_all(&s, 0, 6, handles);
	rig_settle(s.rig);
	for (i = 0; i < 3; i++)
		stall_map(&s, i);
	CHECK_EQ(uiommu_emu_retry_early(s.rig->emu), 3);
	stall_expect_all(&s, handles, 3, UIOMMU_EMU_ACCESS_DONE);
	stall_expect_all(&s, handles + 3, 3, UIOMMU_EMU_ACCESS_STALLED);
	for (i = 0; i < 6; i++)
		stall_answer(&s, i, UIOMMU_CODE_INVALID);
	stall_expect_all(&s, handles, 3, UIOMMU_EMU_ACCESS_DONE);
	stall_expect_all(&s, handles + 3, 3, UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(rig_stats(s.rig).responses, 6);
	CHECK_EQ(stall_count_responses(&s), 6);
	stall_close(&s);
}

/* A page request group and a stall of one number, at the same time: neither joins the other. */
static void
one_number(void)
{
	struct stall s;
	struct uiommu_endpoint *endpoint;
	struct recorder *pri;
	uint32_t handle;
	uint16_t tag;

	stall_open(&s, NULL, 7);
	pri = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);
	endpoint = rig_endpoint(s.rig, EP, 0);
	rig_attach(endpoint, 7, pri->domain, pri);
	s.rec->defer = true;
	handle = stall_wait_on(&s, 7, 0, false);
	tag = (uint16_t)(rig_access_get(s.rig, handle).tag % 512);
	rig_ask(s.rig, 7, tag, 100, false);
	rig_settle(s.rig);
	CHECK_EQ(s.rec->nb_kept, 1);
	CHECK_EQ(rig_stats(s.rig).parked_now, 1);
	rig_ask(s.rig, 7, tag, 101, true);
	rig_settle(s.rig);
	rig_expect(s.rig, EP, 7, tag, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(pri->kept[0].nb_faults, 2);
	CHECK_EQ(rig_access_state(s.rig, handle), UIOMMU_EMU_ACCESS_STALLED);
	stall_map(&s, 0);
	stall_answer(&s, 0, UIOMMU_CODE_SUCCESS);
	CHECK_EQ(rig_access_state(s.rig, handle), UIOMMU_EMU_ACCESS_DONE);
	CHECK_EQ(stall_count_responses(&s), 1);
	/* a raw request of the stalling device itself, with a tag's number */
	rig_raw_ask(s.rig, EP_STALL, 7, tag, false);
	handle = stall_wait_on(&s, 7, 1, false);
	rig_settle(s.rig);
	CHECK_EQ(s.rec->kept[1].nb_faults, 1);
	CHECK((s.rec->kept[1].faults[0].flags & UIOMMU_FAULT_STALL) != 0);
	stall_answer(&s, 1, UIOMMU_CODE_INVALID);
	CHECK_EQ(rig_access_state(s.rig, handle), UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(stall_count_responses(&s), 1);
	stall_close(&s);
}

/* Taken and answered by the application itself. */
static void
burst_interface(void)
{
	struct uiommu_group groups[8];
	uint8_t answers[8];
	struct stall s;
	uint32_t handles[8];
	uint16_t nb, i;

	stall_open(&s, NULL, 7);
	stall_wait_on_all(&s, 0, 8, handles);
	nb = uiommu_fault_burst(s.rig->dev, 0, groups, 8);
	CHECK_EQ(nb, 8);
	for (i = 0; i < nb; i++) {
		CHECK_EQ(groups[i].nb_faults, 1);
		CHECK(groups[i].attach == s.attach);
		answers[i] = UIOMMU_CODE_INVALID;
		if (groups[i].faults[0].iova == IOVA + 5 * PAGE) {
			stall_map(&s, 5);
			answers[i] = UIOMMU_CODE_SUCCESS;
		}
	}
	CHECK_EQ(uiommu_respond_burst(s.rig->dev, 0, groups, answers, nb), nb);
	rig_settle(s.rig);
	for (i = 0; i < 8; i++)
		CHECK_EQ(rig_access_state(s.rig, handles[i]),
			 i == 5 ? UIOMMU_EMU_ACCESS_DONE : UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(stall_count_responses(&s), 8);
	stall_close(&s);
}

/* Every page that is asked for is there when the handler returns: it maps what is missing. */
static void
mapping_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *answers, uint16_t nb)
{
	const uint64_t pa = paging_pa(rec->hook_arg);
	uint16_t i, j;

	for (i = 0; i < nb; i++) {
		for (j = 0; j < groups[i].nb_faults; j++) {
			uint64_t iova = groups[i].faults[j].iova;
			uint64_t at = pa + iova % PAGING_MEMORY;

			EXPECT_EQ(uiommu_domain_map(rec->domain, iova, at, PAGE, ALL), 0);
		}
	}
}

/*
 * Devices of both kinds in one traffic, threads on both sides. The judge looks each page up after
 * its Success.
 */
static void
both_kinds(void)
{
	struct rig_conf conf = {
		.model_thread = true, .owner_thread = true, .no_log = true,
		.dev = {.table_pages = 4096},
	};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1, .group_pages_max = 3, .window_pages = 2048, .verify = true,
		.window_iova = IOVA, .seed = 11,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint;
	uint32_t i;

	rec->hook = mapping_hook;
	rec->hook_arg = paging_memory(rig);
	if ((rig->info.capa & UIOMMU_CAPA_PAGE_REQUESTS) != 0)
		endpoint_with(rig, EP, 4, 256, rec);
	for (i = 0; i < 2; i++) {
		const uint32_t pasids[] = {1, 2, UINT32_MAX};
		const struct uiommu_emu_device_conf device = {
			.endpoint_id = EP_STALL + i, .credits = 128, .nb_pasids = 3,
			.pasids = pasids, .stalls = true,
		};

		CHECK_EQ(uiommu_emu_device_add(rig->emu, &device), 0);
		endpoint = rig_endpoint_add(rig, EP_STALL + i, RIG_STALLS, 0);
		rig_attach(endpoint, 1, rec->domain, NULL);
		rig_attach(endpoint, 2, rec->domain, NULL);
		rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
	}
	rig_traffic(rig, &traffic, TRAFFIC(20000));
	CHECK(rig_verdict(rig, false).stalls > 0);
	CHECK(rig_verdict(rig, false).verified > 0);
	if ((rig->info.capa & UIOMMU_CAPA_PAGE_REQUESTS) != 0)
		CHECK(rig_verdict(rig, false).groups > rig_verdict(rig, false).stalls);
	rig_close(rig);
}

static const struct harness_case stall_cases[] = {
	{"R1 K33 a stalled access is a group of one", group_of_one_pasid, UIOMMU_CAPA_PASID},
	{"R1 K33 a stalled access without PASID", group_of_one_rid, 0},
	{"R1 K33 K16 stall: each code, and retries in vain", codes, UIOMMU_CAPA_PASID},
	{"R9 K18 stall: answers in any order", any_order, UIOMMU_CAPA_PASID},
	{"R8 K33 T22 stall: by way of a fault queue", fault_queue, UIOMMU_CAPA_PASID},
	{"R3 K33 stall: pages of regions", demand, UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_TABLES},
	{"R1 K33 stall: tried again before the answer", early_retry, UIOMMU_CAPA_PASID},
	{"R1 K7 K33 stall: a group and a stall with one number", one_number,
	 UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_REQUESTS},
	{"R8 K33 stall: by the burst interface", burst_interface, UIOMMU_CAPA_PASID},
	{"R1 R3 K33 stalls and page requests in one traffic", both_kinds, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(stall, UIOMMU_CAPA_STALL);
