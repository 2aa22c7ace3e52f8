/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues from create to destroy: memory that runs out, calls under way, failed units. */

#include "fault_queue_rig.h"

/* Each allocation in turn fails, and at last none: nothing is left over. */
static void
memory_runs_out(void **state)
{
	const struct uiommu_fault_queue_conf conf = {
		.size = sizeof(conf),
		.flags = UIOMMU_FAULT_QUEUE_EVENTFD,
	};
	struct uiommu_fault_queue *fq;
	unsigned int n = 0;

	for (;;) {
		nb_allowed = n++;
		fq = uiommu_fault_queue_create(0, &conf);
		if (fq != NULL)
			break;
		assert_int_equal(rte_errno, ENOMEM);
		assert_int_equal(nb_blocks, 0);
		assert_int_equal(unit.fault_queue_slots, 0);
		assert_int_equal(queues[0].kept_max, 256);
		assert_true(TAILQ_EMPTY(&unit.fault_queues));
	}
	assert_in_range(n, 5, 10);
	assert_int_equal(uiommu_fault_queue_destroy(fq), 0);
}

static void
no_eventfd(void **state)
{
	const struct uiommu_fault_queue_conf conf = {
		.size = sizeof(conf),
		.flags = UIOMMU_FAULT_QUEUE_EVENTFD,
	};
	struct uiommu_fault_queue *fq;
	int fd;

	eventfd_errno = EMFILE;
	assert_null(uiommu_fault_queue_create(0, &conf));
	assert_int_equal(rte_errno, EMFILE);
	assert_int_equal(nb_blocks, 0);
	assert_int_equal(unit.fault_queue_slots, 0);
	/* and one that is there is closed with the queue */
	eventfd_errno = 0;
	fq = uiommu_fault_queue_create(0, &conf);
	assert_non_null(fq);
	fd = uiommu_fault_queue_fd(fq);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	assert_int_equal(uiommu_fault_queue_destroy(fq), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
refused_states(void **state)
{
	unit.state = UIOMMU_DEV_PROBED;
	assert_null(uiommu_fault_queue_create(0, NULL));
	assert_int_equal(rte_errno, EINVAL);
	unit.state = UIOMMU_DEV_FAILED;
	assert_null(uiommu_fault_queue_create(0, NULL));
	assert_int_equal(rte_errno, EIO);
	unit.state = UIOMMU_DEV_STARTED;
	in_handler = true;
	assert_null(uiommu_fault_queue_create(0, NULL));
	assert_int_equal(rte_errno, EDEADLK);
}

/* What handlers may keep is what queues leave, in each hardware queue. */
static void
slots_are_shared(void **state)
{
	struct uiommu_fault_queue *a = make(64, 0, 0);
	struct uiommu_fault_queue *b = make(128, 0, 0);

	assert_int_equal(queues[0].kept_max, 64);
	assert_int_equal(queues[1].kept_max, 64);
	assert_int_equal(uiommu_fault_queue_destroy(a), 0);
	assert_int_equal(queues[0].kept_max, 128);
	assert_int_equal(uiommu_fault_queue_destroy(b), 0);
	assert_int_equal(queues[1].kept_max, 256);
}

static void
caller_leaves(struct uiommu_fault_queue *fq)
{
	struct uiommu_fault_msg msg;

	/* a call that comes too late, while the one before is waited for */
	assert_int_equal(uiommu_fault_queue_read(fq, &msg, 1), -EBADF);
	assert_int_equal(answer(fq, 1), -EBADF);
	assert_int_equal(uiommu_fault_queue_arm(fq), -EBADF);
	if (nb_waits == 3)
		fault_queue_leave(fq);
}

/* Destroy waits for calls under way; further ones are refused. */
static void
calls_under_way(void **state)
{
	struct uiommu_fault_queue *fq = make(0, 0, UIOMMU_FAULT_QUEUE_EVENTFD);
	struct uiommu_domain domains[2] = {{.fault_queue = fq}, {.fault_queue = NULL}};

	TAILQ_INSERT_TAIL(&unit.domains, &domains[0], next);
	TAILQ_INSERT_TAIL(&unit.domains, &domains[1], next);
	assert_int_equal(deliver(fq, 0, 1, 1), UIOMMU_CODE_DEFERRED);
	assert_true(fault_queue_enter(fq));
	hook_fq = fq;
	wait_hook = caller_leaves;
	assert_int_equal(uiommu_fault_queue_destroy(fq), 0);
	assert_int_equal(nb_waits, 3);
	assert_int_equal(nb_muted, 1);
	TAILQ_INIT(&unit.domains);
}

/* The unit does not react: all stays, refusing, until it is closed. */
static void
destroy_fails(void **state)
{
	struct uiommu_fault_queue *fq = make(64, 0, 0);
	struct uiommu_fault_msg msg;

	assert_true(uiommu_pvt_fault_queue_is_of(fq, &unit));
	assert_false(uiommu_pvt_fault_queue_is_of(fq, NULL));
	assert_int_equal(deliver(fq, 0, 1, 1), UIOMMU_CODE_DEFERRED);
	revoke_result = -ETIMEDOUT;
	assert_int_equal(uiommu_fault_queue_destroy(fq), -ETIMEDOUT);
	assert_int_equal(uiommu_fault_queue_read(fq, &msg, 1), -EBADF);
	assert_false(uiommu_pvt_fault_queue_is_of(fq, &unit));
	assert_int_equal(unit.fault_queue_slots, 64);
	revoke_result = -EIO;
	assert_int_equal(uiommu_fault_queue_destroy(fq), -EIO);
	in_handler = true;
	assert_int_equal(uiommu_fault_queue_destroy(fq), -EDEADLK);
	/* a group that is still open then is forgotten without harm */
	uiommu_pvt_fault_queue_closed(fq, 0, true);
	assert_int_equal(stats_of(fq).revoked, 1);
}

/* Whoever has a reference may call until he gives it up. */
static void
references(void **state)
{
	struct uiommu_fault_queue *fq = make(4, 0, UIOMMU_FAULT_QUEUE_EVENTFD);
	struct uiommu_fault_msg msg;

	uiommu_pvt_fault_queue_ref(fq);
	uiommu_pvt_fault_queue_ref(fq);
	assert_int_equal(uiommu_fault_queue_destroy(fq), 0);
	assert_true(TAILQ_EMPTY(&unit.fault_queues));
	assert_int_equal(uiommu_fault_queue_read(fq, &msg, 1), -EBADF);
	uiommu_pvt_fault_queue_unref(fq);
	assert_int_equal(uiommu_fault_queue_arm(fq), -EBADF);
	assert_int_not_equal(nb_blocks, 0);
	uiommu_pvt_fault_queue_unref(fq);
	assert_int_equal(nb_blocks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(memory_runs_out),	CASE(no_eventfd),      CASE(refused_states),
		CASE(slots_are_shared), CASE(calls_under_way), CASE(destroy_fails),
		CASE(references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
