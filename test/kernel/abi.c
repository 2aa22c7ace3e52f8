/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What drivers/iommufd relies on, seen with the kernel's own mock device: how fault queues are read
 * and written, what becomes of requests that software has not answered, and that a kernel without
 * memory loses none.
 */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit.h"

#define SUCCESS IOMMUFD_RESP_SUCCESS
#define INVALID IOMMUFD_RESP_INVALID
/** enum iommu_page_response_code: what a kernel without memory answers. */
#define FAILURE 2
#define MANY 64

/* A device that is attached with a fault queue. */
struct scene {
	struct kit_context context;
	struct kit_device device;
	struct kit_queue queue;
	uint32_t hwpt;
};

static struct scene
scene_make(void)
{
	struct scene s = {.context = kit_open()};

	s.device = kit_device(&s.context);
	s.queue = kit_queue(&s.context);
	s.hwpt = kit_hwpt(&s.context, &s.device, &s.queue);
	assert_int_equal(kit_replace(&s.context, &s.device, s.hwpt), 0);
	return s;
}

static void
scene_end(struct scene *s)
{
	close(s->queue.fd);
	close(s->context.fd);
}

static int
begin(void **state)
{
	(void)state;
	kit_listen();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	kit_deafen();
	return 0;
}

static short
events_of(const struct kit_queue *queue)
{
	struct pollfd pollfd = {.fd = queue->fd, .events = POLLIN | POLLOUT};

	assert_true(poll(&pollfd, 1, 0) >= 0);
	return pollfd.revents;
}

/* nb requests, with addresses of their own, and as many of them read as there is room for. */
static void
raise_many(struct scene *s, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		kit_raise(&s->context, &s->device, i, (uint64_t)(i + 1) << 12);
}

static void
an_idle_queue_is_empty(void **state)
{
	struct scene s = scene_make();
	struct iommufd_fault faults[4];

	(void)state;
	assert_int_equal(kit_read(&s.queue, faults, 4), 0);
	assert_int_equal(events_of(&s.queue), POLLOUT);
	assert_int_equal(read(s.queue.fd, faults, sizeof(faults[0]) - 1), -1);
	assert_int_equal(errno, ESPIPE);
	assert_int_equal(write(s.queue.fd, faults, sizeof(struct iommufd_resp) - 1), -1);
	assert_int_equal(errno, ESPIPE);
	scene_end(&s);
}

static void
a_message_has_its_request(void **state)
{
	struct scene s = scene_make();
	struct iommufd_fault faults[4];
	struct iommufd_resp resp = {.code = SUCCESS};

	(void)state;
	kit_raise(&s.context, &s.device, 77, 0x123000);
	assert_int_equal(events_of(&s.queue), POLLIN | POLLOUT);
	assert_int_equal(kit_read(&s.queue, faults, 4), sizeof(faults[0]));
	assert_int_equal(faults[0].flags & IOMMUFD_FAULT_FLAGS, IOMMUFD_FAULT_LAST);
	assert_int_equal(faults[0].dev_id, s.device.idev);
	assert_int_equal(faults[0].grpid, 77);
	assert_int_equal(faults[0].perm, IOMMUFD_PERM_READ);
	assert_int_equal(faults[0].addr, 0x123000);
	assert_int_equal(faults[0].length, 0);
	assert_int_equal(faults[0].cookie, 1);
	assert_int_equal(events_of(&s.queue), POLLOUT);
	kit_answers(0, 0);
	resp.cookie = 1;
	assert_int_equal(kit_write(&s.queue, &resp, 1), sizeof(resp));
	kit_answers(1, SUCCESS);
	/* over */
	assert_int_equal(kit_write(&s.queue, &resp, 1), -EINVAL);
	kit_answers(0, 0);
	scene_end(&s);
}

static void
a_cookie_is_used_again_at_once(void **state)
{
	struct scene s = scene_make();
	struct iommufd_fault faults[4];
	struct iommufd_resp resp = {.cookie = 2, .code = INVALID};

	(void)state;
	raise_many(&s, 3);
	assert_int_equal(kit_read(&s.queue, faults, 4), 3 * sizeof(faults[0]));
	assert_int_equal(faults[2].cookie, 3);
	assert_int_equal(kit_write(&s.queue, &resp, 1), sizeof(resp));
	kit_answers(1, INVALID);
	kit_raise(&s.context, &s.device, 9, 0x9000);
	assert_int_equal(kit_read(&s.queue, faults, 4), sizeof(faults[0]));
	assert_int_equal(faults[0].cookie, 2);
	assert_int_equal(faults[0].grpid, 9);
	scene_end(&s);
	kit_answers(3, INVALID);
}

static void
a_write_stops_at_a_bad_entry(void **state)
{
	struct scene s = scene_make();
	struct iommufd_fault faults[4];
	struct iommufd_resp resps[3] = {{1, SUCCESS}, {9, SUCCESS}, {3, SUCCESS}};

	(void)state;
	raise_many(&s, 3);
	assert_int_equal(kit_read(&s.queue, faults, 4), 3 * sizeof(faults[0]));
	assert_int_equal(kit_write(&s.queue, resps, 3), sizeof(resps[0]));
	assert_int_equal(kit_write(&s.queue, resps + 1, 2), -EINVAL);
	kit_answers(1, SUCCESS);
	assert_int_equal(kit_write(&s.queue, resps + 2, 1), sizeof(resps[0]));
	kit_answers(1, SUCCESS);
	/* a bad code leaves the cookie as it is */
	resps[0] = (struct iommufd_resp){2, 7};
	assert_int_equal(kit_write(&s.queue, resps, 1), -EINVAL);
	resps[0].code = SUCCESS;
	assert_int_equal(kit_write(&s.queue, resps, 1), sizeof(resps[0]));
	kit_answers(1, SUCCESS);
	scene_end(&s);
}

/* 6.12.117 says so with an error, others read nothing. */
static void
what_does_not_fit_stays(void **state)
{
	struct scene s = scene_make();
	struct iommufd_fault fault;
	ssize_t done;

	(void)state;
	raise_many(&s, 1);
	done = kit_read(&s.queue, &fault, 0);
	assert_true(done == 0 || done == -EINVAL);
	assert_true((events_of(&s.queue) & POLLIN) != 0);
	assert_int_equal(kit_read(&s.queue, &fault, 1), sizeof(fault));
	scene_end(&s);
	kit_answers(1, INVALID);
}

/* Half of the requests are read, and two answered. */
static void
begin_half(struct scene *s)
{
	struct iommufd_fault faults[MANY / 2];
	struct iommufd_resp resps[2] = {{1, SUCCESS}, {2, SUCCESS}};

	raise_many(s, MANY);
	assert_int_equal(kit_read(&s->queue, faults, MANY / 2), sizeof(faults));
	assert_int_equal(kit_write(&s->queue, resps, 2), sizeof(resps));
	kit_answers(2, SUCCESS);
}

static void
all_cookies_are_over(const struct kit_queue *queue)
{
	struct iommufd_resp resp = {.code = SUCCESS};
	struct iommufd_fault fault;

	for (resp.cookie = 1; resp.cookie <= MANY; resp.cookie++)
		assert_int_equal(kit_write(queue, &resp, 1), -EINVAL);
	assert_int_equal(kit_read(queue, &fault, 1), 0);
	kit_answers(0, 0);
}

static void
a_detach_answers_the_rest(void **state)
{
	struct scene s = scene_make();

	(void)state;
	begin_half(&s);
	kit_destroy(&s.context, s.device.stdev);
	kit_answers(MANY - 2, INVALID);
	all_cookies_are_over(&s.queue);
	scene_end(&s);
	kit_answers(0, 0);
}

static void
a_replace_answers_the_rest(void **state)
{
	struct scene s = scene_make();
	struct kit_device other = kit_device(&s.context);
	uint32_t hwpt = kit_hwpt(&s.context, &s.device, &s.queue);
	struct iommufd_fault faults[2];

	(void)state;
	assert_int_equal(kit_replace(&s.context, &other, s.hwpt), 0);
	kit_raise(&s.context, &other, 5, 0x5000);
	begin_half(&s);
	/* the other device has its own: the first cookie was its request's, and was answered */
	assert_int_equal(kit_replace(&s.context, &s.device, hwpt), 0);
	kit_answers(MANY - 1, INVALID);
	all_cookies_are_over(&s.queue);
	/* it goes on in the same queue */
	raise_many(&s, 1);
	assert_int_equal(kit_read(&s.queue, faults, 2), sizeof(faults[0]));
	assert_int_equal(faults[0].cookie, 1);
	scene_end(&s);
	kit_answers(1, INVALID);
}

static void
a_table_without_queue_answers_the_rest(void **state)
{
	struct scene s = scene_make();

	(void)state;
	begin_half(&s);
	assert_int_equal(kit_replace(&s.context, &s.device, s.context.ioas), 0);
	kit_answers(MANY - 2, INVALID);
	all_cookies_are_over(&s.queue);
	/* nobody is there to be asked */
	raise_many(&s, 3);
	kit_answers(3, INVALID);
	scene_end(&s);
}

/* Linux 7.0 flushes the new table's queue only; what is left is answered at the end. */
static void
a_replace_across_queues_answers_once(void **state)
{
	struct scene s = scene_make();
	struct kit_queue queue = kit_queue(&s.context);
	uint32_t hwpt = kit_hwpt(&s.context, &s.device, &queue);

	(void)state;
	begin_half(&s);
	assert_int_equal(kit_replace(&s.context, &s.device, hwpt), 0);
	kit_destroy(&s.context, s.device.stdev);
	close(queue.fd);
	scene_end(&s);
	kit_answers_wait(MANY - 2, INVALID);
}

static void
a_dead_process_answers_the_rest(void **state)
{
	int pipe_fds[2], status;
	struct scene s;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct iommufd_fault faults[MANY / 2];

		close(pipe_fds[0]);

		s = scene_make();
		raise_many(&s, MANY);
		if (kit_read(&s.queue, faults, MANY / 2) == sizeof(faults) &&
		    write(pipe_fds[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	kit_answers(0, 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	kit_answers_wait(MANY, INVALID);
	close(pipe_fds[0]);
}

/* All allocations of a read fail, then each one in turn: the group stays, and is answered once. */
static void
a_read_without_memory_loses_nothing(void **state)
{
	struct scene s = scene_make();
	struct iommufd_resp resps[MANY];
	struct iommufd_fault faults[MANY];
	unsigned int nth, i;
	ssize_t done;
	bool failed;

	(void)state;
	for (nth = 0, failed = true; failed; nth++) {
		raise_many(&s, MANY);
		if (nth == 0)
			kit_fail_all(true);
		else
			kit_fail_nth(nth);
		done = kit_read(&s.queue, faults, MANY);
		if (nth == 0)
			kit_fail_all(false);
		else
			failed = kit_failed();
		if (nth == 0)
			assert_int_equal(done, -ENOMEM);
		if (!failed)
			assert_int_equal(done, sizeof(faults));
		if (done < 0) {
			assert_int_equal(done, -ENOMEM);
			done = 0;
		}
		done += kit_read(&s.queue, faults + done / (ssize_t)sizeof(faults[0]), MANY);
		assert_int_equal(done, sizeof(faults));
		for (i = 0; i < MANY; i++)
			resps[i] = (struct iommufd_resp){faults[i].cookie, SUCCESS};
		assert_int_equal(kit_write(&s.queue, resps, MANY), sizeof(resps));
		kit_answers(MANY, SUCCESS);
		assert_true(nth < 1000);
	}
	assert_true(nth > 2);
	scene_end(&s);
}

/* A request for which there is no memory is answered by the kernel. */
static void
a_request_without_memory_is_answered(void **state)
{
	struct scene s = scene_make();
	struct iommufd_fault fault;
	unsigned int nth, raised = 0, failures = 0;
	bool failed;
	int ret;

	(void)state;
	for (nth = 1, failed = true; failed; nth++) {
		assert_true(nth < 100);
		kit_fail_nth(nth);
		ret = kit_raise_try(&s.context, &s.device, nth, 0x1000);
		failed = kit_failed();
		if (ret != 0) {
			assert_int_equal(ret, -ENOENT);
			kit_answers(0, 0);
		} else if (kit_read(&s.queue, &fault, 1) == 0) {
			failures++;
			kit_answers(1, FAILURE);
		} else {
			raised++;
		}
	}
	assert_true(failures > 0);
	kit_destroy(&s.context, s.device.stdev);
	kit_answers(raised, INVALID);
	scene_end(&s);
}

/* Each allocation of a replace fails in turn: all or nothing, and no request is forgotten. */
static void
a_replace_without_memory_changes_nothing(void **state)
{
	struct scene s = scene_make();
	uint32_t hwpts[2] = {s.hwpt, kit_hwpt(&s.context, &s.device, &s.queue)};
	unsigned int nth, at = 0, failures = 0;
	struct iommufd_fault faults[2];
	bool failed;
	int ret;

	(void)state;
	for (nth = 1, failed = true; failed; nth++) {
		assert_true(nth < 100);
		raise_many(&s, 2);
		assert_int_equal(kit_read(&s.queue, faults, 1), sizeof(faults[0]));
		kit_fail_nth(nth);
		ret = kit_replace(&s.context, &s.device, hwpts[!at]);
		failed = kit_failed();
		if (ret != 0) {
			assert_true(ret == -ENOMEM || ret == -ENOENT);
			failures++;
			kit_answers(0, 0);
			assert_int_equal(kit_read(&s.queue, faults, 2), sizeof(faults[0]));
			assert_int_equal(kit_replace(&s.context, &s.device, hwpts[!at]), 0);
		}
		at = !at;
		kit_answers(2, INVALID);
	}
	assert_true(failures > 0);
	scene_end(&s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(an_idle_queue_is_empty),
		CASE(a_message_has_its_request),
		CASE(a_cookie_is_used_again_at_once),
		CASE(a_write_stops_at_a_bad_entry),
		CASE(what_does_not_fit_stays),
		CASE(a_detach_answers_the_rest),
		CASE(a_replace_answers_the_rest),
		CASE(a_table_without_queue_answers_the_rest),
		CASE(a_replace_across_queues_answers_once),
		CASE(a_dead_process_answers_the_rest),
		CASE(a_read_without_memory_loses_nothing),
		CASE(a_request_without_memory_is_answered),
		CASE(a_replace_without_memory_changes_nothing),
	};

	setenv("CMOCKA_MESSAGE_OUTPUT", "TAP", 0);
	return cmocka_run_group_tests(cases, NULL, NULL);
}
