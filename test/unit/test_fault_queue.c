/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Fault queues, what moves groups: what no device here can ask for, and what another owner does in
 * the middle of a call.
 */

#include "fault_queue_rig.h"

/* -------------------------------------------------------------------- messages */

static void
members_of_messages(void **state)
{
	struct uiommu_fault_queue *fq = make(0, 0, 0);
	const struct uiommu_fault faults[] = {
		{0x123456789000, 0xffff, 0xfffff, 0x1ff,
		 UIOMMU_FAULT_PASID | UIOMMU_FAULT_READ | UIOMMU_FAULT_EXEC, 0, 0},
		{0xfffffffffffff000, 0xffff, 0xfffff, 0x1ff,
		 UIOMMU_FAULT_PASID | UIOMMU_FAULT_WRITE | UIOMMU_FAULT_PRIV, 1, 0},
		{0, 0xffff, 0xfffff, 0x1ff,
		 UIOMMU_FAULT_PASID | UIOMMU_FAULT_ACCESS | UIOMMU_FAULT_PRIV | UIOMMU_FAULT_LAST,
		 UINT16_MAX, 0},
	};
	const struct uiommu_fault plain = {
		0x1000, 3, UIOMMU_NO_PASID, 7, UIOMMU_FAULT_WRITE | UIOMMU_FAULT_LAST, 512, 0};
	struct uiommu_fault_msg msgs[4];

	assert_int_equal(deliver_faults(fq, 0, faults, 3), UIOMMU_CODE_DEFERRED);
	assert_int_equal(deliver_faults(fq, 0, &plain, 1), UIOMMU_CODE_DEFERRED);
	memset(msgs, 0xaa, sizeof(msgs));
	assert_int_equal(uiommu_fault_queue_read(fq, msgs, 4), 4);
	assert_int_equal(msgs[0].flags, UIOMMU_FAULT_MSG_PASID_VALID);
	assert_int_equal(msgs[1].flags, UIOMMU_FAULT_MSG_PASID_VALID);
	assert_int_equal(msgs[2].flags, UIOMMU_FAULT_MSG_PASID_VALID | UIOMMU_FAULT_MSG_LAST_PAGE);
	assert_int_equal(msgs[3].flags, UIOMMU_FAULT_MSG_LAST_PAGE);
	assert_int_equal(msgs[0].perm, UIOMMU_FAULT_MSG_READ | UIOMMU_FAULT_MSG_EXEC);
	assert_int_equal(msgs[1].perm, UIOMMU_FAULT_MSG_WRITE | UIOMMU_FAULT_MSG_PRIV);
	assert_int_equal(msgs[2].perm, UIOMMU_FAULT_MSG_READ | UIOMMU_FAULT_MSG_WRITE |
					       UIOMMU_FAULT_MSG_EXEC | UIOMMU_FAULT_MSG_PRIV);
	assert_int_equal(msgs[3].perm, UIOMMU_FAULT_MSG_WRITE);
	assert_true(msgs[0].addr == 0x123456789000 && msgs[1].addr == 0xfffffffffffff000);
	assert_int_equal(msgs[0].length, 0);
	assert_int_equal(msgs[1].length, 4096);
	assert_int_equal(msgs[2].length, UINT16_MAX * 4096);
	assert_int_equal(msgs[3].length, 512 * 4096);
	assert_int_equal(msgs[0].dev_id, 0xffff);
	assert_int_equal(msgs[0].pasid, 0xfffff);
	assert_int_equal(msgs[3].pasid, 0);
	assert_int_equal(msgs[2].grpid, 0x1ff);
	assert_int_equal(msgs[0].reserved | msgs[1].reserved | msgs[2].reserved, 0);
	assert_int_equal(msgs[0].cookie, msgs[2].cookie);
	assert_int_not_equal(msgs[0].cookie, msgs[3].cookie);
}

/* --------------------------------------------------------------------- cookies */

/* At the end of its numbers an entry begins anew, at 1: no cookie is 0. */
static void
generations_wrap(void **state)
{
	static const uint32_t depths[] = {1, 2, 256};
	unsigned int i, round;

	for (i = 0; i < ARRAY_COUNT(depths); i++) {
		struct uiommu_fault_queue *fq = make(depths[i], 0, 0);
		uint32_t last = UINT32_MAX >> fq->entry_bits;
		uint32_t cookie, before = 0;

		fq->entries[0].generation = last - 2;
		for (round = 0; round < 4 * depths[i]; round++) {
			assert_int_equal(deliver(fq, 0, 1, 1), UIOMMU_CODE_DEFERRED);
			cookie = read_one(fq, 1, 1);
			assert_int_not_equal(cookie, 0);
			assert_int_equal(answer(fq, before), -ENOENT);
			answered_cookie = 0;
			assert_int_equal(answer(fq, cookie), 0);
			assert_int_equal(answered_cookie, next_engine_cookie - 1);
			uiommu_pvt_fault_queue_closed(fq, cookie & (depths[i] - 1), false);
			before = cookie;
		}
		assert_int_equal(fq->entries[0].generation, 2);
		assert_int_equal(uiommu_fault_queue_destroy(fq), 0);
	}
}

static void
codes_reach_the_engine(void **state)
{
	struct uiommu_fault_queue *fq = make(4, 0, 0);
	const uint8_t retry = UIOMMU_CODE_RETRY;
	struct uiommu_fault_answer one;
	uint32_t cookie;
	int status;

	assert_int_equal(deliver(fq, 1, 1, 1), UIOMMU_CODE_DEFERRED);
	cookie = read_one(fq, 1, 1);
	one = (struct uiommu_fault_answer){cookie, UIOMMU_FAULT_ANSWER_INVALID};
	assert_int_equal(uiommu_fault_queue_write(fq, &one, &status, 1), 1);
	assert_int_equal(answered_code, UIOMMU_CODE_INVALID);
	assert_int_equal(uiommu_pvt_fault_queue_answer(fq, &cookie, &retry, 1), 1);
	assert_int_equal(answered_code, UIOMMU_CODE_RETRY);
	/* the engine has the last word */
	answer_result = -ENOENT;
	assert_int_equal(answer(fq, cookie), -ENOENT);
	assert_int_equal(uiommu_pvt_fault_queue_answer(fq, &cookie, &retry, 1), 0);
	assert_int_equal(stats_of(fq).answered, 2);
	assert_int_equal(stats_of(fq).stale_answers, 2);
	uiommu_pvt_fault_queue_closed(fq, cookie & 3, false);
}

/* ------------------------------------------------------------------------ full */

/* Another owner's groups come in between the look at the ring and the enqueue. */
static void
fill_ring(struct uiommu_fault_queue *fq)
{
	deliver_hook = NULL;
	assert_int_equal(deliver(fq, 1, 77, 8), UIOMMU_CODE_DEFERRED);
}

static void
other_owner_is_faster(void **state)
{
	struct uiommu_fault_queue *fq = make(8, 8, 0);
	struct uiommu_fault faults[2] = {{0}};
	struct uiommu_group groups[2] = {
		{.faults = &faults[0], .nb_faults = 1},
		{.faults = &faults[1], .nb_faults = 1},
	};
	uint8_t codes[2] = {0};
	uint32_t cookie;

	deliver_hook = fill_ring;
	uiommu_pvt_fault_queue_handler(fq, groups, codes, 2);
	assert_int_equal(codes[0], UIOMMU_CODE_RETRY);
	assert_int_equal(codes[1], UIOMMU_CODE_RETRY);
	assert_int_equal(queues[0].stats.queue_full, 2);
	assert_int_equal(queues[0].stats.delivered, 0);
	assert_int_equal(queues[1].stats.delivered, 1);
	assert_int_equal(stats_of(fq).delivered, 1);
	assert_int_equal(stats_of(fq).full, 2);
	/* the engine takes the deferrals back: entries 0 and 1 were theirs, 2 is the other one's */
	assert_int_equal(stats_of(fq).open, 3);
	uiommu_pvt_fault_queue_closed(fq, 0, false);
	uiommu_pvt_fault_queue_closed(fq, 1, false);
	cookie = read_one(fq, 77, 8);
	assert_int_equal(answer(fq, cookie), 0);
	uiommu_pvt_fault_queue_closed(fq, cookie & 7, false);
	assert_int_equal(stats_of(fq).open, 0);
	assert_int_equal(deliver(fq, 0, 5, 8), UIOMMU_CODE_DEFERRED);
	read_one(fq, 5, 8);
}

/* No slot in the engine: entries come back, however often. */
static void
no_slot(void **state)
{
	struct uiommu_fault_queue *fq = make(2, 0, 0);
	unsigned int i;

	next_engine_cookie = 0;
	for (i = 0; i < 10; i++)
		assert_int_equal(deliver(fq, 0, 1, 2), UIOMMU_CODE_RETRY);
	assert_int_equal(stats_of(fq).full, 10);
	assert_int_equal(stats_of(fq).open, 0);
	next_engine_cookie = 1;
	assert_int_equal(deliver(fq, 0, 2, 2), UIOMMU_CODE_DEFERRED);
	assert_int_equal(deliver(fq, 1, 3, 2), UIOMMU_CODE_DEFERRED);
	assert_int_equal(deliver(fq, 0, 4, 2), UIOMMU_CODE_RETRY);
	read_one(fq, 2, 2);
	read_one(fq, 3, 2);
}

/* As large as groups can be, over and over, with a ring that holds no more: all of it comes out. */
static void
ring_wraps(void **state)
{
	struct uiommu_fault_queue *fq = make(4, 8, 0);
	unsigned int round;

	for (round = 0; round < 100; round++) {
		uint16_t nb = 1 + round % 8;
		uint32_t cookie;

		assert_int_equal(deliver(fq, round % 2, (uint16_t)round, nb), UIOMMU_CODE_DEFERRED);
		assert_int_equal(deliver(fq, 0, 0, 8), UIOMMU_CODE_RETRY);
		cookie = read_one(fq, (uint16_t)round, nb);
		uiommu_pvt_fault_queue_closed(fq, cookie & 3, false);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(members_of_messages),   CASE(generations_wrap), CASE(codes_reach_the_engine),
		CASE(other_owner_is_faster), CASE(no_slot),	     CASE(ring_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
