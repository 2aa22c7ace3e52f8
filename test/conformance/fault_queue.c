/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues: whole groups out, answers in. One thread, step by step. */

#include "fault_queue.h"

/* ------------------------------------------------------------------ groups */

/* Groups of two PASIDs, one index, sent in turns; one without PASID in the middle. */
static void
whole_groups(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 0, 0, 0);
	uint32_t cookies[3];

	fq_expect_none(fq);
	rig_ask(rig, 7, 5, 100, false);
	rig_ask(rig, 8, 5, 200, false);
	rig_ask(rig, 7, 5, 101, false);
	rig_settle(rig);
	/* nothing until a group is complete */
	fq_expect_none(fq);
	rig_ask(rig, UIOMMU_NO_PASID, 5, 300, true);
	rig_ask(rig, 8, 5, 201, true);
	rig_settle(rig);
	cookies[0] = fq_expect(fq, UIOMMU_NO_PASID, 5, 300, 1);
	cookies[1] = fq_expect(fq, 8, 5, 200, 2);
	fq_expect_none(fq);
	rig_ask(rig, 7, 5, 102, true);
	rig_settle(rig);
	cookies[2] = fq_expect(fq, 7, 5, 100, 3);
	fq_expect_none(fq);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 3);
	CHECK_EQ(rig_stats(rig).delivered, 3);
	CHECK_EQ(fq_answer(fq, cookies[2], UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	CHECK_EQ(fq_answer(fq, cookies[0], UIOMMU_FAULT_ANSWER_INVALID), 0);
	CHECK_EQ(fq_answer(fq, cookies[1], UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 5, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, UIOMMU_NO_PASID, 5, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, 8, 5, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(fq_stats(fq).read, 3);
	CHECK_EQ(fq_stats(fq).answered, 3);
	CHECK_EQ(fq_stats(fq).open, 0);
	fq_close(rig, fq);
}

static void
access_bits(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 0, 0, 0);
	struct uiommu_fault_msg msgs[3];
	uint32_t perm;

	rig_groups_or_skip();
	for (perm = 1; perm <= 3; perm++) {
		const struct uiommu_emu_request req = {
			.endpoint_id = EP,
			.pasid = 7,
			.iova = (UINT64_C(1) << 37) + perm * 4096,
			.prg_index = 9,
			.read = (perm & 1) != 0,
			.write = (perm & 2) != 0,
			.last = perm == 3,
		};

		CHECK_EQ(uiommu_emu_request(rig->emu, &req), UIOMMU_EMU_QUEUED);
	}
	rig_settle(rig);
	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, 3), 3);
	for (perm = 1; perm <= 3; perm++) {
		const struct uiommu_fault_msg *msg = &msgs[perm - 1];

		CHECK_EQ(msg->perm, ((perm & 1) != 0 ? UIOMMU_FAULT_MSG_READ : 0) |
					    ((perm & 2) != 0 ? UIOMMU_FAULT_MSG_WRITE : 0));
		CHECK_EQ(msg->addr, (UINT64_C(1) << 37) + perm * 4096);
		CHECK_EQ(msg->flags, UIOMMU_FAULT_MSG_PASID_VALID |
					     (perm == 3 ? UIOMMU_FAULT_MSG_LAST_PAGE : 0));
		CHECK_EQ(msg->length, 0);
	}
	CHECK_EQ(fq_answer(fq, msgs[0].cookie, UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 9, UIOMMU_EMU_SUCCESS);
	fq_close(rig, fq);
}

/* More groups in one burst than are put into the queue at once, of 1 to 4 requests. */
static void
large_burst(void)
{
	struct rig_conf conf = {.dev = {.burst = 512}};
	struct rig *rig = rig_open(&conf);
	struct uiommu_fault_queue *fq = fq_open(rig, 256, 0, 0);
	struct uiommu_fault_msg msgs[1024];
	struct uiommu_fault_answer answers[200];
	uint32_t nb = 0;
	uint16_t i, group = 0;
	int ret;

	for (i = 0; i < 200; i++) {
		fq_ask(rig, 7, i, i * 4, i % 4 + 1);
		nb += i % 4 + 1;
	}
	rig_settle(rig);
	ret = uiommu_fault_queue_read(fq, msgs, ARRAY_COUNT(msgs));
	CHECK_EQ(ret, nb);
	CHECK_EQ(fq_check_whole(msgs, nb), 200);
	for (i = 0; i < nb; i++) {
		CHECK_EQ(msgs[i].grpid, group);
		CHECK_EQ(msgs[i].addr >> 12 >> 2, group);
		if ((msgs[i].flags & UIOMMU_FAULT_MSG_LAST_PAGE) == 0)
			continue;
		answers[group].code = group % 2;
		answers[group++].cookie = msgs[i].cookie;
	}
	CHECK_EQ(uiommu_fault_queue_write(fq, answers, NULL, 200), 200);
	rig_settle(rig);
	for (i = 0; i < 200; i++)
		rig_expect(rig, EP, 7, i, i % 2);
	fq_close(rig, fq);
}

/* ------------------------------------------------------------------ reading */

static void
small_buffer(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 0, 0, 0);
	struct uiommu_fault_msg msgs[16];
	unsigned int i;

	fq_ask(rig, 7, 1, 10, 2);
	fq_ask(rig, 7, 2, 20, 5);
	fq_ask(rig, 7, 3, 30, 1);
	rig_settle(rig);
	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, 1), -EMSGSIZE);
	/* the first one fits, the second in part: not a message of it */
	msgs[2].cookie = 0;
	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, 6), 2);
	CHECK_EQ(fq_check_whole(msgs, 2), 1);
	CHECK_EQ(msgs[0].grpid, 1);
	CHECK_EQ(fq_answer(fq, msgs[0].cookie, 0), 0);
	for (i = 0; i < 20; i++)
		CHECK_EQ(uiommu_fault_queue_read(fq, msgs, (uint16_t)(i % 5)), -EMSGSIZE);
	CHECK_EQ(fq_stats(fq).read, 1);
	/* it is still there, and whole */
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 2, 20, 5), 0), 0);
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 3, 30, 1), 0), 0);
	fq_expect_none(fq);
	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, 0), 0);
	rig_settle(rig);
	for (i = 1; i <= 3; i++)
		rig_expect(rig, EP, 7, (uint16_t)i, UIOMMU_EMU_SUCCESS);
	fq_close(rig, fq);
}

/* --------------------------------------------------------------- answering */

static void
late_and_double(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 2, 0, 0);
	uint32_t cookies[20];
	uint16_t round, old;

	for (round = 0; round < 20; round++) {
		fq_ask(rig, 7, round, round, 1 + round % 3);
		rig_settle(rig);
		cookies[round] = fq_expect(fq, 7, round, round, 1 + round % 3);
		for (old = 0; old < round; old++) {
			CHECK(cookies[old] != cookies[round]);
			CHECK_EQ(fq_answer(fq, cookies[old], old % 2), -ENOENT);
		}
		/* no code for an answer: the group still waits */
		CHECK_EQ(fq_answer(fq, cookies[round], 2), -EINVAL);
		CHECK_EQ(fq_answer(fq, cookies[round], UINT32_MAX), -EINVAL);
		CHECK_EQ(fq_answer(fq, cookies[round], 256), -EINVAL);
		rig_settle(rig);
		rig_expect_none(rig);
		CHECK_EQ(fq_answer(fq, cookies[round], round % 2), 0);
		CHECK_EQ(fq_answer(fq, cookies[round], 1 - round % 2), -ENOENT);
		rig_settle(rig);
		CHECK_EQ(fq_answer(fq, cookies[round], 1 - round % 2), -ENOENT);
		rig_expect(rig, EP, 7, round, round % 2);
		rig_expect_none(rig);
	}
	CHECK_EQ(fq_stats(fq).answered, 20);
	CHECK_EQ(fq_stats(fq).stale_answers, 20 * 2 + 20 * 19 / 2);
	fq_close(rig, fq);
}

/* Cookies that were never given out, near to one that was, and anywhere. */
static void
wrong_cookies(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 4, 0, 0);
	uint64_t seed = 3;
	uint32_t cookie;
	unsigned int i;

	for (i = 0; i < 64; i++)
		CHECK_EQ(fq_answer(fq, i, 0), -ENOENT);
	fq_ask(rig, 7, 1, 1, 1);
	rig_settle(rig);
	cookie = fq_expect(fq, 7, 1, 1, 1);
	for (i = 0; i < 32; i++)
		CHECK_EQ(fq_answer(fq, cookie ^ UINT32_C(1) << i, 0), -ENOENT);
	for (i = 0; i < 10000; i++) {
		uint32_t wild = (uint32_t)(harness_random(&seed) >> harness_random(&seed) % 64);

		if (wild != cookie)
			CHECK_EQ(fq_answer(fq, wild, 0), -ENOENT);
	}
	CHECK_EQ(fq_answer(fq, cookie, UIOMMU_FAULT_ANSWER_INVALID), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	fq_close(rig, fq);
}

/* Each entry is used thousands of times; no cookie is seen twice, and no old one has an effect. */
static void
many_generations(void)
{
	static uint32_t cookies[6000];
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 4, 0, 0);
	uint32_t nb = TRAFFIC(6000) / 4 * 4;
	uint64_t seed = 5;
	uint32_t i, j;

	for (i = 0; i < nb; i += 4) {
		for (j = 0; j < 4; j++)
			fq_ask(rig, 7, (uint16_t)j, j, 1);
		rig_turn(rig);
		for (j = 0; j < 4; j++)
			cookies[i + j] = fq_expect(fq, 7, (uint16_t)j, j, 1);
		for (j = 0; i != 0 && j < 8; j++) {
			uint32_t old = cookies[harness_random(&seed) % i];

			CHECK_EQ(fq_answer(fq, old, UIOMMU_FAULT_ANSWER_INVALID), -ENOENT);
		}
		/* in another order each time, so that entries are used in another one */
		for (j = 0; j < 4; j++)
			CHECK_EQ(fq_answer(fq, cookies[i + ((i >> 2) + 3 * j) % 4], 0), 0);
		rig_turn(rig);
		for (j = 0; j < 4; j++)
			rig_expect_any(rig, EP, 7, (uint16_t)j, UIOMMU_EMU_SUCCESS);
	}
	for (i = 0; i < nb; i++) {
		for (j = 0; j < i; j++)
			if (cookies[i] == cookies[j])
				harness_fail(__FILE__, __LINE__, "%u and %u: cookie 0x%x", i, j,
					     cookies[i]);
	}
	CHECK_EQ(fq_stats(fq).answered, nb);
	fq_close(rig, fq);
}

/* A bad one in the middle stops nobody. */
static void
bulk(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 64, 0, 0);
	struct uiommu_fault_answer answers[30];
	int status[30];
	uint16_t i;

	for (i = 0; i < 30; i++)
		fq_ask(rig, 7, i, i, 1);
	rig_settle(rig);
	for (i = 0; i < 30; i++) {
		answers[i].cookie = fq_expect(fq, 7, i, i, 1);
		if (i % 5 == 2)
			answers[i].cookie += 64 * 100;
		answers[i].code = i % 5 == 4 ? 77 : i % 2;
	}
	CHECK_EQ(uiommu_fault_queue_write(fq, answers, status, 30), 18);
	rig_settle(rig);
	for (i = 0; i < 30; i++) {
		CHECK_EQ(status[i], i % 5 == 2 ? -ENOENT : i % 5 == 4 ? -EINVAL : 0);
		if (status[i] == 0)
			rig_expect(rig, EP, 7, i, i % 2);
	}
	rig_expect_none(rig);
	CHECK_EQ(fq_stats(fq).open, 12);
	CHECK_EQ(uiommu_fault_queue_write(fq, answers, status, 0), 0);
	CHECK_EQ(uiommu_fault_queue_write(fq, NULL, NULL, 0), 0);
	fq_check_sums(fq);
	rig_close_now(rig);
}

static const struct harness_case fault_queue_cases[] = {
	{"R8 K12 T24 fault queue: whole groups, in order", whole_groups,
	 HARNESS_NEEDS_GROUPS_BY_PASID},
	{"R8 K12 fault queue: each member of a message", access_bits, 0},
	{"R8 T24 fault queue: a burst of many groups", large_burst, 0},
	{"R8 T24 T25 fault queue: buffer smaller than a group", small_buffer, 0},
	{"R9 K14 T38 fault queue: late and double answers", late_and_double, 0},
	{"R9 fault queue: cookies that were never given out", wrong_cookies, 0},
	{"R9 K14 fault queue: cookies of many generations", many_generations, 0},
	{"R9 T47 fault queue: bad answers among good ones", bulk, 0},
};

HARNESS_SUITE(fault_queue);
