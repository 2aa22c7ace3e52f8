/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * An idle queue is not read until there is something: with a file of the kernel's that stands for
 * the fault queue. Where there is no io_uring, by build or by kernel, each turn reads; then this
 * shows that.
 */

#include "iommufd_rig_use.h"

#include <sys/eventfd.h>
#include <unistd.h>

static int event_fd;
static bool has_uring;

static void
up(void)
{
	unit_up(ENTRIES, 8, 8);
	event_fd = eventfd(0, EFD_NONBLOCK);
	assert_true(event_fd >= 0);
	has_uring = iommufd_ready_open(event_fd, &queue->ready) == 0;
}

static void
down(void)
{
	unit_down();
	close(event_fd);
}

static void
raise_one(void)
{
	fake_raise(DEVICE_FD, 1, 1);
	assert_int_equal(eventfd_write(event_fd, 1), 0);
}

/* What the file says is taken back, as a read of a fault queue does. */
static uint16_t
fetch_and_calm(void)
{
	eventfd_t value;
	uint16_t n, tries;

	for (tries = 0, n = 0; n == 0 && tries < 1000; tries++) {
		n = fetch(8);
		if (n == 0)
			usleep(100);
	}
	(void)eventfd_read(event_fd, &value);
	return n;
}

/* As many turns as it takes to wait. */
static void
rest(void)
{
	uint32_t i;

	for (i = 0; i < IOMMUFD_ARM_AFTER; i++)
		assert_int_equal(fetch(8), 0);
}

static void
idle_turns_do_not_read(void **state)
{
	uint32_t i, round;

	up();
	for (round = 0; round < 5; round++) {
		/* some that find nothing, of which the last one arms */
		const uint32_t reads = fake.reads + IOMMUFD_ARM_AFTER;

		for (i = 0; i < 50; i++)
			assert_int_equal(fetch(8), 0);
		assert_int_equal(fake.reads, has_uring ? reads :
							   reads - IOMMUFD_ARM_AFTER + 50);
		raise_one();
		assert_int_equal(fetch_and_calm(), 1);
		answer(faults, 1, UIOMMU_CODE_SUCCESS);
	}
	assert_int_equal(stat_get("armed"), has_uring ? 5 : 0);
	assert_int_equal(stat_get("wakeups"), has_uring ? 5 : 0);
	assert_answered(0, 5, IOMMUFD_RESP_SUCCESS);
	down();
}

/* What comes in quick succession is read at once, and nothing is armed for it. */
static void
short_pauses_do_not_arm(void **state)
{
	uint32_t i, round;

	up();
	for (round = 0; round < 5; round++) {
		for (i = 0; i < IOMMUFD_ARM_AFTER - 1; i++)
			assert_int_equal(fetch(8), 0);
		raise_one();
		assert_int_equal(fetch_and_calm(), 1);
		answer(faults, 1, UIOMMU_CODE_SUCCESS);
	}
	assert_int_equal(stat_get("armed"), 0);
	assert_answered(0, 5, IOMMUFD_RESP_SUCCESS);
	down();
}

/* Something came between the read and the wait: it is found all the same. */
static void
nothing_is_missed(void **state)
{
	up();
	assert_int_equal(eventfd_write(event_fd, 1), 0);
	rest();
	fake_raise(DEVICE_FD, 1, 1);
	assert_int_equal(fetch_and_calm(), 1);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 1, IOMMUFD_RESP_SUCCESS);
	down();
}

static void *
poll_once(void *arg)
{
	rest();
	return NULL;
}

/* The thread that waits ends: another goes on. */
static void
threads_come_and_go(void **state)
{
	pthread_t thread;

	up();
	assert_int_equal(pthread_create(&thread, NULL, poll_once, NULL), 0);
	pthread_join(thread, NULL);
	raise_one();
	assert_int_equal(fetch_and_calm(), 1);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	/* over a stop and a start too */
	rest();
	assert_int_equal(iommufd_stop(&dev), 0);
	assert_int_equal(iommufd_start(&dev), 0);
	raise_one();
	assert_int_equal(fetch_and_calm(), 1);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 2, IOMMUFD_RESP_SUCCESS);
	down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_turns_do_not_read),
		cmocka_unit_test(short_pauses_do_not_arm),
		cmocka_unit_test(nothing_is_missed),
		cmocka_unit_test(threads_come_and_go),
	};

	return cmocka_run_group_tests_name("iommufd_ready", tests, NULL, NULL);
}
