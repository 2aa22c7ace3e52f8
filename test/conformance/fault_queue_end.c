/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues: whatever takes groups away from their consumer. One thread, step by step. */

#include "fault_queue.h"

/* Of two domains on one queue, one is detached: its groups vanish, read or not. */
static void
one_of_two(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_create(rig, 0, 0, 0);
	struct uiommu_domain *domains[2] = {fq_domain(rig, fq), fq_domain(rig, fq)};
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach = rig_attach(endpoint, 7, domains[0], NULL);
	uint32_t cookies[2], kept[2];
	uint16_t i;

	rig_attach(endpoint, 8, domains[1], NULL);
	/* not in one burst: there a domain's groups are put in next to each other */
	for (i = 0; i < 6; i++) {
		fq_ask(rig, i == 1 || i == 4 ? 8 : 7, i, 10 * (i + 1), 1 + i % 3);
		rig_settle(rig);
	}
	cookies[0] = fq_expect(fq, 7, 0, 10, 1);
	kept[0] = fq_expect(fq, 8, 1, 20, 2);
	cookies[1] = fq_expect(fq, 7, 2, 30, 3);
	/* answered before, and not sent yet: that stays */
	CHECK_EQ(fq_answer(fq, cookies[1], UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	CHECK_EQ(uiommu_detach(attach), 0);
	rig_expect_any(rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
	rig_expect_any(rig, EP, 7, 0, UIOMMU_EMU_INVALID);
	rig_expect_any(rig, EP, 7, 3, UIOMMU_EMU_INVALID);
	rig_expect_any(rig, EP, 7, 5, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(fq_stats(fq).revoked, 3);
	CHECK_EQ(fq_answer(fq, cookies[0], UIOMMU_FAULT_ANSWER_SUCCESS), -ENOENT);
	CHECK_EQ(fq_answer(fq, cookies[1], UIOMMU_FAULT_ANSWER_SUCCESS), -ENOENT);
	kept[1] = fq_expect(fq, 8, 4, 50, 2);
	fq_expect_none(fq);
	CHECK_EQ(fq_answer(fq, kept[1], UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	CHECK_EQ(fq_answer(fq, kept[0], UIOMMU_FAULT_ANSWER_INVALID), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 8, 4, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 8, 1, UIOMMU_EMU_INVALID);
	CHECK_EQ(uiommu_domain_free(domains[0]), 0);
	fq_close(rig, fq);
}

/* Groups that nobody reads any more are in the way of none, however small the buffer. */
static void
dead_and_large(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_create(rig, 0, 0, 0);
	struct uiommu_domain *domain = fq_domain(rig, fq);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach = rig_attach(endpoint, 7, domain, NULL);
	struct uiommu_fault_msg msgs[4];
	unsigned int round;
	uint16_t i;

	rig_attach(endpoint, 8, domain, NULL);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 3; i++)
			fq_ask(rig, 7, i, i * 16, 10 + round);
		fq_ask(rig, 8, 3, 100, 2);
		fq_ask(rig, 7, 4, 200, 7);
		fq_ask(rig, 8, 5, 300, 1);
		rig_settle(rig);
		CHECK_EQ(uiommu_fault_queue_read(fq, msgs, 4), -EMSGSIZE);
		CHECK_EQ(uiommu_detach(attach), 0);
		for (i = 0; i < 5; i++) {
			if (i != 3)
				rig_expect_any(rig, EP, 7, i, UIOMMU_EMU_INVALID);
		}
		/* of those that stay, the first is larger than one */
		CHECK_EQ(uiommu_fault_queue_read(fq, msgs, 1), -EMSGSIZE);
		CHECK_EQ(fq_answer(fq, fq_expect(fq, 8, 3, 100, 2), 0), 0);
		CHECK_EQ(fq_answer(fq, fq_expect(fq, 8, 5, 300, 1), 0), 0);
		rig_settle(rig);
		rig_expect(rig, EP, 8, 3, UIOMMU_EMU_SUCCESS);
		rig_expect(rig, EP, 8, 5, UIOMMU_EMU_SUCCESS);
		fq_expect_none(fq);
		attach = rig_attach(endpoint, 7, domain, NULL);
	}
	CHECK_EQ(fq_stats(fq).revoked, 4 * 4);
	CHECK_EQ(fq_stats(fq).read, 4 * 2);
	fq_close(rig, fq);
}

/* An endpoint is removed with all its bonds; the queue serves another one on. */
static void
endpoint_removed(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_create(rig, 0, 0, 0);
	struct uiommu_domain *domain = fq_domain(rig, fq);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint32_t cookie;
	uint16_t i;

	rig_attach(rig_endpoint(rig, 0x0200, 0), 7, domain, NULL);
	rig_attach(endpoint, 7, domain, NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, domain, NULL);
	fq_ask(rig, 7, 1, 10, 1);
	fq_ask(rig, UIOMMU_NO_PASID, 2, 20, 2);
	rig_settle(rig);
	cookie = fq_expect(fq, 7, 1, 10, 1);
	CHECK_EQ(rig_send(rig, 0x0200, 7, 3, 1, true), UIOMMU_EMU_QUEUED);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	rig_expect_any(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_expect_any(rig, EP, UIOMMU_NO_PASID, 2, UIOMMU_EMU_INVALID);
	CHECK_EQ(fq_answer(fq, cookie, 0), -ENOENT);
	for (i = 0; i < 2; i++) {
		struct uiommu_fault_msg msg;

		rig_settle(rig);
		CHECK_EQ(uiommu_fault_queue_read(fq, &msg, 1), 1);
		CHECK_EQ(msg.dev_id, 0x0200);
		CHECK_EQ(fq_answer(fq, msg.cookie, 0), 0);
		rig_settle(rig);
		rig_expect(rig, 0x0200, 7, 3, UIOMMU_EMU_SUCCESS);
		if (i == 0)
			CHECK_EQ(rig_send(rig, 0x0200, 7, 3, 1, true), UIOMMU_EMU_QUEUED);
	}
	fq_close(rig, fq);
}

/* From queue to queue, and to a handler: it is the old one's groups that are answered. */
static void
replaced(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *a = fq_create(rig, 64, 0, 0);
	struct uiommu_fault_queue *b = fq_create(rig, 64, 0, 0);
	struct uiommu_domain *to_a = fq_domain(rig, a), *to_b = fq_domain(rig, b);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach = rig_attach(endpoint, 7, to_a, NULL);
	uint32_t old, other;

	rig_attach(endpoint, 8, to_b, NULL);
	fq_ask(rig, 7, 1, 10, 2);
	fq_ask(rig, 7, 2, 20, 2);
	fq_ask(rig, 8, 3, 30, 2);
	rig_settle(rig);
	old = fq_expect(a, 7, 1, 10, 2);
	other = fq_expect(b, 8, 3, 30, 2);
	attach = uiommu_replace(attach, to_b, NULL);
	CHECK(attach != NULL);
	rig_expect_any(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_expect_any(rig, EP, 7, 2, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(fq_stats(a).revoked, 2);
	CHECK_EQ(fq_stats(b).revoked, 0);
	CHECK_EQ(fq_answer(a, old, 0), -ENOENT);
	fq_expect_none(a);
	CHECK_EQ(fq_answer(b, other, 0), 0);
	/* new ones go to the new queue only */
	fq_ask(rig, 7, 4, 40, 1);
	rig_settle(rig);
	rig_expect(rig, EP, 8, 3, UIOMMU_EMU_SUCCESS);
	fq_expect_none(a);
	old = fq_expect(b, 7, 4, 40, 1);
	attach = uiommu_replace(attach, rec->domain, rec);
	CHECK(attach != NULL);
	rig_expect(rig, EP, 7, 4, UIOMMU_EMU_INVALID);
	CHECK_EQ(fq_answer(b, old, 0), -ENOENT);
	fq_ask(rig, 7, 5, 50, 1);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 5, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(recorder_groups(rec), 1);
	fq_check_sums(a);
	fq_close(rig, b);
}

/* --------------------------------------------------------------- destroyed */

static void
destroy_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct uiommu_fault_queue *fq = rec->hook_arg;

	EXPECT_EQ(uiommu_fault_queue_destroy(fq), -EDEADLK);
	EXPECT(uiommu_fault_queue_create(rec->rig->dev, NULL) == NULL);
	EXPECT_EQ(rte_errno, EDEADLK);
}

/* Read and unread groups are answered, once; domains stay, and have no queue any more. */
static void
destroyed(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 0, 0, UIOMMU_FAULT_QUEUE_EVENTFD);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_fault_queue *next;
	struct uiommu_dev_info info;
	uint16_t i;

	rig_attach(uiommu_endpoint_find(rig->dev, EP), 9, rec->domain, rec);
	rec->hook = destroy_hook;
	rec->hook_arg = fq;
	for (i = 0; i < 6; i++)
		fq_ask(rig, 7, i, i, 1 + i % 3);
	fq_ask(rig, 9, 6, 6, 1);
	rig_settle(rig);
	rig_expect(rig, EP, 9, 6, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(recorder_groups(rec), 1);
	fq_expect(fq, 7, 0, 0, 1);
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 1, 1, 2), UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	fq_expect(fq, 7, 2, 2, 3);
	/* one more is in the hardware queue, and a half one is parked */
	fq_ask(rig, 7, 7, 7, 1);
	rig_ask(rig, 8, 8, 8, false);
	CHECK_EQ(uiommu_fault_queue_destroy(fq), 0);
	rig_expect_any(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	for (i = 0; i < 8; i++) {
		if (i != 1 && i != 6)
			rig_expect_any(rig, EP, 7, i, UIOMMU_EMU_INVALID);
	}
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 0);
	CHECK_EQ(uiommu_info_get(rig->dev, &info), 0);
	CHECK_EQ(info.fault_queue_slots, 0);
	/* the memory may be another queue's by now */
	next = fq_create(rig, 0, 0, 0);
	fq_ask(rig, 7, 9, 9, 2);
	rig_ask(rig, 8, 8, 9, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 9, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, 8, 8, UIOMMU_EMU_INVALID);
	CHECK_EQ(fq_stats(next).delivered, 0);
	fq_close(rig, next);
}

/* Stop answers what is open; the queue is the same after the next start. */
static void
stopped(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 16, 0, 0);
	uint32_t cookies[2];
	unsigned int round;

	for (round = 0; round < 3; round++) {
		fq_ask(rig, 7, 1, 10, 2);
		fq_ask(rig, 7, 2, 20, 2);
		fq_ask(rig, 8, 3, 30, 1);
		rig_settle(rig);
		cookies[0] = fq_expect(fq, 7, 1, 10, 2);
		cookies[1] = fq_expect(fq, 7, 2, 20, 2);
		CHECK_EQ(fq_answer(fq, cookies[1], UIOMMU_FAULT_ANSWER_SUCCESS), 0);
		CHECK_EQ(uiommu_stop(rig->dev), 0);
		CHECK_EQ(fq_stats(fq).open, 0);
		fq_expect_none(fq);
		CHECK_EQ(fq_answer(fq, cookies[0], UIOMMU_FAULT_ANSWER_SUCCESS), -ENOENT);
		CHECK_EQ(uiommu_start(rig->dev), 0);
		rig_expect_any(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
		rig_expect_any(rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
		rig_expect_any(rig, EP, 8, 3, UIOMMU_EMU_INVALID);
	}
	fq_ask(rig, 7, 4, 40, 1);
	rig_settle(rig);
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 4, 40, 1), UIOMMU_FAULT_ANSWER_SUCCESS), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 4, UIOMMU_EMU_SUCCESS);
	/* destroyed and made while nothing runs */
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	CHECK_EQ(uiommu_fault_queue_destroy(fq), 0);
	fq = fq_create(rig, 0, 0, 0);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	fq_close(rig, fq);
}

/* Not answered in time, read or not: by policy. */
static void
deadline(uint32_t code)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_create(rig, 8, 0, 0);
	struct uiommu_domain *domain = fq_domain_deadline(rig, fq, 1000000, code);
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	uint32_t cookie;
	uint16_t i;

	rig_attach(rig_endpoint(rig, EP, 0), 7, domain, NULL);
	for (i = 0; i < 4; i++)
		fq_ask(rig, 7, i, i * 4, 1 + i);
	while (fq_stats(fq).delivered < 4 && harness_now_ns() < end)
		rig_turn(rig);
	while (fq_stats(fq).revoked < 4 && harness_now_ns() < end)
		rig_turn(rig);
	CHECK_EQ(fq_stats(fq).revoked, 4);
	CHECK_EQ(rig_stats(rig).expired, 4);
	for (i = 0; i < 4; i++)
		rig_expect_any(rig, EP, 7, i,
			       code == UIOMMU_CODE_RETRY ? UIOMMU_EMU_SUCCESS : UIOMMU_EMU_INVALID);
	fq_expect_none(fq);
	CHECK_EQ(fq_stats(fq).read, 0);
	/* and one that was read: the clock of the machine decides when */
	do {
		struct uiommu_fault_msg msg;

		fq_ask(rig, 7, 9, 9, 1);
		rig_turn(rig);
		cookie = uiommu_fault_queue_read(fq, &msg, 1) == 1 ? msg.cookie : 0;
		while (fq_stats(fq).open != 0 && harness_now_ns() < end)
			rig_turn(rig);
		rig_expect(rig, EP, 7, 9,
			   code == UIOMMU_CODE_RETRY ? UIOMMU_EMU_SUCCESS : UIOMMU_EMU_INVALID);
	} while (cookie == 0 && harness_now_ns() < end);
	CHECK(cookie != 0);
	CHECK_EQ(fq_answer(fq, cookie, UIOMMU_FAULT_ANSWER_SUCCESS), -ENOENT);
	CHECK_EQ(rig_stats(rig).codes[code], rig_stats(rig).responses);
	fq_close(rig, fq);
}

static void
deadline_invalid(void)
{
	deadline(UIOMMU_CODE_INVALID);
}

static void
deadline_retry(void)
{
	deadline(UIOMMU_CODE_RETRY);
}

/* ------------------------------------------------------------ one is stuck */

/* Nobody reads one queue: neither another queue nor a handler gets less than it was promised. */
static void
stuck_consumer(void)
{
	struct rig_conf conf = {.dev = {.deferred_max = 64}};
	struct rig *rig = rig_open(&conf);
	struct uiommu_fault_queue *stuck = fq_create(rig, 16, 0, 0);
	struct uiommu_fault_queue *fq = fq_create(rig, 16, 0, 0);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_RETRY);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	uint16_t i;

	rec->defer = true;
	rig_attach(endpoint, 7, fq_domain(rig, stuck), NULL);
	rig_attach(endpoint, 8, fq_domain(rig, fq), NULL);
	rig_attach(endpoint, 9, rec->domain, NULL);
	for (i = 0; i < 100; i++)
		fq_ask(rig, 7, i, i, 1);
	for (i = 0; i < 40; i++)
		fq_ask(rig, 9, (uint16_t)(100 + i), i, 1);
	for (i = 0; i < 16; i++)
		fq_ask(rig, 8, (uint16_t)(200 + i), i, 1);
	rig_settle(rig);
	CHECK_EQ(fq_stats(stuck).delivered, 16);
	CHECK_EQ(fq_stats(stuck).full, 84);
	CHECK_EQ(fq_stats(fq).full, 0);
	CHECK_EQ(rec->deferred, 32);
	CHECK_EQ(rig_stats(rig).no_slot, 8);
	CHECK_EQ(rig_stats(rig).deferred_now, 64);
	for (i = 0; i < 16; i++)
		CHECK_EQ(fq_answer(fq, fq_expect(fq, 8, (uint16_t)(200 + i), i, 1), 0), 0);
	for (i = 0; i < 40; i++)
		CHECK_EQ(uiommu_answer(rig->dev, &rec->kept[i].cookie, &code, NULL, 1), i < 32);
	rig_settle(rig);
	CHECK_EQ(fq_stats(stuck).open, 16);
	CHECK_EQ(rig_stats(rig).deferred_now, 16);
	/* what a queue gives back, handlers get */
	CHECK_EQ(uiommu_fault_queue_destroy(stuck), 0);
	for (i = 0; i < 50; i++)
		fq_ask(rig, 9, i, i, 1);
	rig_settle(rig);
	CHECK_EQ(rec->deferred, 32 + 48);
	fq_check_sums(fq);
	rig_close_now(rig);
}

static const struct harness_case fault_queue_end_cases[] = {
	{"R4 K24 fault queue: of two domains one is detached", one_of_two, HARNESS_NEEDS_LAST_WORD},
	{"R8 R4 T25 fault queue: dead groups larger than the buffer", dead_and_large, 0},
	{"R4 fault queue: an endpoint is removed", endpoint_removed, 0},
	{"R4 T29 fault queue: replace from queue to queue", replaced, 0},
	{"R1 T22 fault queue: destroyed with groups read and unread", destroyed, 0},
	{"R1 fault queue: stop with groups read and unread", stopped, HARNESS_NEEDS_LAST_WORD},
	{"fault queue: deadline, answered INVALID", deadline_invalid, 0},
	{"fault queue: deadline, answered RETRY", deadline_retry, 0},
	{"R5 T21 fault queue: a stuck consumer", stuck_consumer, 0},
};

HARNESS_SUITE(fault_queue_end);
