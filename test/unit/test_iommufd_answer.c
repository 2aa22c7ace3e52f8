/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Answers: what is written, what is refused, and what is never written. */

#include "iommufd_rig_use.h"

#define DEV DEVICE_FD

/* An answer for a group that the kernel has answered costs no other its own. */
static void
dead_cookies(void **state)
{
	static const uint32_t dead[][4] = {
		{0, 9, 9, 9}, {3, 9, 9, 9}, {7, 9, 9, 9}, {0, 1, 9, 9}, {3, 5, 9, 9}, {6, 7, 9, 9},
		{0, 4, 7, 9}, {0, 1, 2, 3},
	};
	unsigned int i, k;
	uint32_t first = 0, nb;

	device_up(64, 8, 8);
	for (i = 0; i < RTE_DIM(dead); i++, first += 8) {
		const uint64_t refused = stat_get("refused_answers");

		for (k = 0; k < 8; k++)
			fake_raise(DEV, 1, 1);
		assert_int_equal(fetch(8), 8);
		for (k = 0, nb = 0; k < 4 && dead[i][k] != 9; k++, nb++)
			fake_answer(first + dead[i][k], IOMMUFD_RESP_INVALID, true);
		answer(faults, 8, UIOMMU_CODE_SUCCESS);
		assert_answered(first, 8, IOMMUFD_RESP_SUCCESS);
		assert_int_equal(stat_get("refused_answers"), refused + nb);
		assert_int_equal(queue->slots.nb_free, queue->slots.nb_slots);
	}
	assert_true(stat_get("short_writes") != 0);
	assert_int_equal(queue->failed, 0);
	device_down();
}

/* The kernel has answered, and the cookie is another group's before our answer comes. */
static void
recycled_cookies(void **state)
{
	struct uiommu_fault late[4];
	uint32_t i;

	device_up(64, 8, 8);
	for (i = 0; i < 4; i++)
		fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 4);
	memcpy(late, faults, sizeof(late));
	fake_end_all(DEV);
	for (i = 0; i < 4; i++)
		fake_raise(DEV, 2, 1);
	assert_int_equal(fetch(8), 4);
	assert_int_equal(stat_get("recycled_cookies"), 4);
	/* the late ones first: none of them is written */
	answer(late, 4, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fake.writes, 0);
	assert_int_equal(stat_get("dead_answers"), 4);
	for (i = 4; i < 8; i++)
		assert_int_equal(fake.groups[i].answers, 0);
	answer(faults, 4, UIOMMU_CODE_INVALID);
	assert_answered(0, 8, IOMMUFD_RESP_INVALID);
	assert_int_equal(queue->slots.nb_free, queue->slots.nb_slots);
	device_down();
}

/* Twice, never given, out of range: nothing is written. */
static void
wrong_answers(void **state)
{
	const struct uiommu_resp never = {.tag = 77}, beyond = {.tag = UINT16_MAX};

	device_up(64, 8, 8);
	fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 1);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	assert_int_equal(iommufd_queue_ops.respond(queue, &never, 1), 1);
	assert_int_equal(iommufd_queue_ops.respond(queue, &beyond, 1), 1);
	assert_int_equal(fake.writes, 1);
	assert_int_equal(stat_get("wrong_answers"), 3);
	assert_answered(0, 1, IOMMUFD_RESP_SUCCESS);
	device_down();
}

static void
writes_put_off(void **state)
{
	device_up(64, 8, 8);
	fake_raise(DEV, 1, 1);
	fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 2);
	fake.write_errors[0] = -EINTR;
	fake.write_errors[1] = -EAGAIN;
	answer(faults, 2, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 2, IOMMUFD_RESP_SUCCESS);
	assert_int_equal(stat_get("write_retries"), 2);
	assert_int_equal(fake.writes, 3);
	device_down();
}

static void
writes_fail(void **state)
{
	uint32_t events = 0;
	uint16_t taken;

	device_up(64, 8, 8);
	fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 1);
	fake.write_errors[0] = -EIO;
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	assert_non_null(strstr(log_text, "cannot be written: Input/output error"));
	assert_int_equal(iommufd_queue_ops.fetch(queue, faults, 8, &taken, &events), 0);
	assert_int_equal(events, UIOMMU_EVENT_FAILED);
	assert_int_equal(stat_get("lost_answers"), 1);
	device_down();
}

/* Signals for ever: bounded all the same. */
static ssize_t
always_interrupted(struct uiommu_platform *plat, int fd, const void *buf, size_t len)
{
	fake.writes++;
	return -EINTR;
}

static void
writes_that_never_come_through(void **state)
{
	struct uiommu_file_ops files;

	device_up(64, 8, 8);
	files = *queue->files;
	files.write = always_interrupted;
	queue->files = &files;
	fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 1);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	assert_int_equal(queue->failed, -EINTR);
	assert_true(fake.writes < 100);
	device_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dead_cookies),
		cmocka_unit_test(recycled_cookies),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(writes_put_off),
		cmocka_unit_test(writes_fail),
		cmocka_unit_test(writes_that_never_come_through),
	};

	return cmocka_run_group_tests_name("iommufd_answer", tests, NULL, NULL);
}
