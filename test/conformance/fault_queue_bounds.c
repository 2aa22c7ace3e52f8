/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues: bounds, arguments, wake-ups. One thread, step by step. */

#include <poll.h>

#include "fault_queue.h"

/* ------------------------------------------------------------------- bounds */

static void
depth_is_a_bound(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 4, 0, 0);
	uint32_t cookies[4];
	unsigned int round;
	uint16_t i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 10; i++)
			fq_ask(rig, 7, i, i, 1);
		rig_settle(rig);
		/* the device is to ask again: Success, and nobody was told */
		for (i = 4; i < 10; i++)
			rig_expect(rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
		rig_expect_none(rig);
		CHECK_EQ(rig_stats(rig).codes[UIOMMU_CODE_RETRY], (round + 1) * 6);
		CHECK_EQ(rig_stats(rig).queue_full, (round + 1) * 6);
		CHECK_EQ(fq_stats(fq).full, (round + 1) * 6);
		CHECK_EQ(fq_stats(fq).open, 4);
		/* read is not answered */
		for (i = 0; i < 4; i++)
			cookies[i] = fq_expect(fq, 7, i, i, 1);
		fq_expect_none(fq);
		CHECK_EQ(fq_stats(fq).open, 4);
		for (i = 0; i < 4; i++)
			CHECK_EQ(fq_answer(fq, cookies[i], UIOMMU_FAULT_ANSWER_INVALID), 0);
		rig_settle(rig);
		for (i = 0; i < 4; i++)
			rig_expect(rig, EP, 7, i, UIOMMU_EMU_INVALID);
	}
	CHECK_EQ(rig_stats(rig).delivered, 12);
	fq_close(rig, fq);
}

static void
messages_are_a_bound(void)
{
	struct rig_conf conf = {.dev = {.group_max = 8}};
	struct rig *rig = rig_open(&conf);
	struct uiommu_fault_queue *fq = fq_open(rig, 16, 8, 0);
	uint32_t cookie;

	fq_ask(rig, 7, 1, 10, 5);
	fq_ask(rig, 7, 2, 20, 4);
	/* what still fits is not held up by what does not */
	fq_ask(rig, 7, 3, 30, 3);
	fq_ask(rig, 7, 4, 40, 1);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 4, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	CHECK_EQ(fq_stats(fq).full, 2);
	CHECK_EQ(fq_stats(fq).messages, 8);
	/* read messages count no more, answered or not */
	cookie = fq_expect(fq, 7, 1, 10, 5);
	fq_ask(rig, 7, 5, 50, 5);
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(fq_answer(fq, cookie, 0), 0);
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 3, 30, 3), 0), 0);
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 5, 50, 5), 0), 0);
	/* the largest group that there can be */
	fq_ask(rig, 7, 6, 60, 8);
	rig_settle(rig);
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 6, 60, 8), 0), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 3, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 5, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 6, UIOMMU_EMU_SUCCESS);
	fq_close(rig, fq);
}

static void
bad_sizes(void)
{
	struct rig_conf rig_conf = {.dev = {.deferred_max = 64, .group_max = 100}};
	struct rig *rig = rig_open(&rig_conf);
	const struct uiommu_fault_queue_conf good = {.size = sizeof(good)};
	struct uiommu_fault_queue_conf conf;
	struct uiommu_fault_queue *fq[3];
	struct uiommu_dev_info info;
	static const uint32_t depths[] = {3, 63, 128, 65536, UINT32_MAX, UINT32_C(1) << 31};
	static const uint32_t messages[] = {64, 127, 129, 1U << 21, UINT32_MAX};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(depths); i++) {
		conf = good;
		conf.depth = depths[i];
		CHECK_ERRNO(uiommu_fault_queue_create(rig->dev, &conf), EINVAL);
	}
	for (i = 0; i < ARRAY_COUNT(messages); i++) {
		conf = good;
		conf.messages = messages[i];
		CHECK_ERRNO(uiommu_fault_queue_create(rig->dev, &conf), EINVAL);
	}
	for (i = 1; i < 64; i++) {
		conf = good;
		conf.flags = UINT64_C(1) << i;
		CHECK_ERRNO(uiommu_fault_queue_create(rig->dev, &conf), EINVAL);
	}
	for (i = 0; i < ARRAY_COUNT(conf.reserved); i++) {
		conf = good;
		conf.reserved[i] = 1;
		CHECK_ERRNO(uiommu_fault_queue_create(rig->dev, &conf), EINVAL);
	}
	conf = good;
	conf.size--;
	CHECK_ERRNO(uiommu_fault_queue_create(rig->dev, &conf), EINVAL);
	CHECK_ERRNO(uiommu_fault_queue_create(63, &good), ENODEV);
	CHECK_ERRNO(uiommu_fault_queue_create(-1, NULL), ENODEV);
	/* all of them together: not more than there are slots */
	fq[0] = fq_create(rig, 32, 0, 0);
	fq[1] = fq_create(rig, 16, 0, 0);
	conf = good;
	conf.depth = 32;
	CHECK_ERRNO(uiommu_fault_queue_create(rig->dev, &conf), ENOSPC);
	fq[2] = fq_create(rig, 16, 0, 0);
	conf.depth = 1;
	CHECK_ERRNO(uiommu_fault_queue_create(rig->dev, &conf), ENOSPC);
	CHECK_EQ(uiommu_info_get(rig->dev, &info), 0);
	CHECK_EQ(info.fault_queue_slots, 64);
	for (i = 0; i < 3; i++)
		CHECK_EQ(uiommu_fault_queue_destroy(fq[i]), 0);
	/* the defaults: as much as there is, and enough for any group */
	fq[0] = uiommu_fault_queue_create(rig->dev, NULL);
	CHECK(fq[0] != NULL);
	CHECK_EQ(fq_stats(fq[0]).depth, 64);
	CHECK_EQ(fq_stats(fq[0]).messages, 256);
	rig_close(rig);
}

static void
null_arguments(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_create(rig, 1, 0, 0);
	const struct uiommu_fault_answer answer = {1, 0};
	struct uiommu_fault_queue_stats stats;
	struct uiommu_fault_msg msg;
	int status = 1;

	CHECK_EQ(uiommu_fault_queue_destroy(NULL), -EINVAL);
	CHECK_EQ(uiommu_fault_queue_read(NULL, &msg, 1), -EINVAL);
	CHECK_EQ(uiommu_fault_queue_read(fq, NULL, 1), -EINVAL);
	CHECK_EQ(uiommu_fault_queue_write(NULL, &answer, &status, 1), 0);
	CHECK_EQ(uiommu_fault_queue_write(fq, NULL, &status, 1), 0);
	CHECK_EQ(uiommu_fault_queue_fd(NULL), -EINVAL);
	CHECK_EQ(uiommu_fault_queue_arm(NULL), -EINVAL);
	CHECK_EQ(uiommu_fault_queue_stats_get(NULL, &stats), -EINVAL);
	CHECK_EQ(uiommu_fault_queue_stats_get(fq, NULL), -EINVAL);
	CHECK_EQ(uiommu_fault_queue_fd(fq), -ENOTSUP);
	CHECK_EQ(uiommu_fault_queue_arm(fq), -ENOTSUP);
	rig_close(rig);
}

/* ------------------------------------------------------------------ eventfd */

static bool
is_readable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	int ret = poll(&pollfd, 1, 0);

	CHECK(ret >= 0);
	return ret == 1 && (pollfd.revents & POLLIN) != 0;
}

static void
eventfd_by_steps(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = fq_open(rig, 0, 0, UIOMMU_FAULT_QUEUE_EVENTFD);
	int fd = uiommu_fault_queue_fd(fq);
	uint16_t i;

	CHECK(fd >= 0);
	/* not armed: no signal, however many come */
	for (i = 0; i < 5; i++) {
		fq_ask(rig, 7, i, i, 1);
		rig_settle(rig);
		CHECK(!is_readable(fd));
	}
	CHECK_EQ(uiommu_fault_queue_arm(fq), 1);
	for (i = 0; i < 5; i++)
		CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, i, i, 1), 0), 0);
	CHECK_EQ(uiommu_fault_queue_arm(fq), 0);
	rig_settle(rig);
	CHECK(!is_readable(fd));
	/* one signal for one arming */
	fq_ask(rig, 7, 5, 5, 2);
	fq_ask(rig, 7, 6, 6, 2);
	rig_settle(rig);
	CHECK(is_readable(fd));
	CHECK_EQ(fq_stats(fq).wakeups, 1);
	fq_ask(rig, 7, 7, 7, 2);
	rig_settle(rig);
	CHECK_EQ(fq_stats(fq).wakeups, 1);
	for (i = 5; i < 8; i++)
		CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, i, i, 2), 0), 0);
	/* arming takes the old signal back */
	CHECK_EQ(uiommu_fault_queue_arm(fq), 0);
	CHECK(!is_readable(fd));
	fq_ask(rig, 7, 8, 8, 1);
	rig_settle(rig);
	CHECK(is_readable(fd));
	CHECK_EQ(fq_stats(fq).wakeups, 2);
	CHECK_EQ(fq_answer(fq, fq_expect(fq, 7, 8, 8, 1), 0), 0);
	rig_settle(rig);
	for (i = 0; i < 9; i++)
		rig_expect(rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
	fq_close(rig, fq);
}

static const struct harness_case fault_queue_bounds_cases[] = {
	{"R6 T28 fault queue: bound on groups", depth_is_a_bound, 0},
	{"R6 T28 fault queue: bound on messages", messages_are_a_bound, 0},
	{"R6 T28 fault queue: sizes that are refused", bad_sizes, 0},
	{"fault queue: arguments that are refused", null_arguments, 0},
	{"fault queue: eventfd, step by step", eventfd_by_steps, 0},
};

HARNESS_SUITE(fault_queue_bounds);
