/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A unit with two queues: what is parked of an endpoint belongs to the owner of its queue, who
 * alone throws it away, and whom the control path asks to.
 */

#include "two_queues_rig.h"

/* --------------------------------------------------------------------- one after another */

static void
assert_command(unsigned int i, enum uiommu_cmd_op op, unsigned int queue)
{
	assert_true(i < nb_commands);
	assert_int_equal(commands[i].op, op);
	assert_int_equal(commands[i].queue, queue);
}

/* What is about an endpoint goes to its queue first; the others pass, and sync. */
static void
commands_go_to_its_queue(void **state)
{
	unsigned int queue;

	sources[0].paused = sources[1].paused = true;
	for (queue = 0; queue < 2; queue++) {
		nb_commands = 0;
		assert_int_equal(uiommu_pvt_drain(&unit, endpoints[queue][0],
						  &attaches[queue][0], false), 0);
		assert_command(0, UIOMMU_CMD_BOND_CLEAR, queue);
		assert_command(1, UIOMMU_CMD_DRAIN, queue);
		assert_command(2, UIOMMU_CMD_SYNC, queue);
		assert_command(3, UIOMMU_CMD_SYNC, !queue);
		assert_int_equal(nb_commands, 4);
		nb_commands = 0;
		assert_int_equal(uiommu_pvt_cmd(&unit, UIOMMU_CMD_BOND_SET, endpoints[queue][1],
						PASID, &domain), 0);
		assert_command(0, UIOMMU_CMD_BOND_SET, queue);
		assert_int_equal(nb_commands, 1);
	}
	nb_commands = 0;
	assert_int_equal(uiommu_pvt_revoke(&unit, &(const struct uiommu_whose){0}, NULL,
					   UIOMMU_PURGE_NONE), 0);
	assert_command(0, UIOMMU_CMD_SYNC, 0);
	assert_command(1, UIOMMU_CMD_SYNC, 1);
	assert_int_equal(nb_commands, 2);
}

/* What is parked: one part of a group of each endpoint, on both queues. */
static void
park_some(void)
{
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		assert_int_equal(uiommu_pvt_queue_claim(unit.queues[i]), 0);
		uiommu_pvt_turn(unit.queues[i], PER_QUEUE);
		sources[i].paused = true;
		for (j = 0; j < PER_QUEUE; j++)
			assert_int_not_equal(endpoints[i][j]->assembly_busy, 0);
	}
}

static void
unpark(void)
{
	uiommu_pvt_queue_release(unit.queues[0]);
	uiommu_pvt_queue_release(unit.queues[1]);
}

/* A queue that overflows throws away what came by it, and nothing else. */
static void
overflow_of_one(void **state)
{
	unsigned int queue, i;

	for (queue = 0; queue < 2; queue++) {
		park_some();
		sources[queue].events = UIOMMU_EVENT_OVERFLOW;
		uiommu_pvt_turn(unit.queues[queue], BURST);
		for (i = 0; i < PER_QUEUE; i++) {
			assert_int_equal(endpoints[queue][i]->assembly_busy, 0);
			assert_int_not_equal(endpoints[!queue][i]->assembly_busy, 0);
		}
		assert_int_equal(unit.queues[queue]->stats.discarded, PER_QUEUE);
		assert_int_equal(unit.queues[!queue]->stats.discarded, 0);
		unpark();
		for (i = 0; i < 2; i++) {
			uiommu_pvt_discard_parked(unit.queues[i]);
			unit.queues[i]->stats.discarded = 0;
			sources[i].requests = 0;
			sources[i].paused = false;
		}
	}
}

/* The owner of the other queue passes first or last: he leaves it alone. */
static void
purge_on_its_queue(void **state)
{
	unsigned int queue;

	for (queue = 0; queue < 2; queue++) {
		struct uiommu_ctl ctl = {
			.purge = UIOMMU_PURGE_ALL,
			.endpoint = endpoints[queue][1],
		};

		if (queue == 0)
			park_some();
		parked_purge(unit.queues[!queue], &ctl);
		assert_int_not_equal(endpoints[queue][1]->assembly_busy, 0);
		parked_purge(unit.queues[queue], &ctl);
		assert_int_equal(endpoints[queue][1]->assembly_busy, 0);
		assert_int_not_equal(endpoints[queue][0]->assembly_busy, 0);
	}
	assert_int_equal(unit.queues[0]->stats.discarded, 1);
	assert_int_equal(unit.queues[1]->stats.discarded, 1);
	unpark();
}

/* ------------------------------------------------------------------------------ threads */

static void *
owner(void *priv)
{
	struct source *source = priv;
	struct uiommu_queue *queue = unit.queues[source->id];

	if (uiommu_pvt_queue_claim(queue) != 0)
		return NULL;
	while (__atomic_load_n(&source->run, __ATOMIC_RELAXED))
		uiommu_pvt_turn(queue, BURST);
	uiommu_pvt_burst_finish(queue);
	uiommu_pvt_queue_release(queue);
	return source;
}

static void
groups_await(unsigned int queue, uint64_t more)
{
	const uint64_t end = __atomic_load_n(&sources[queue].groups, __ATOMIC_RELAXED) + more;

	while (__atomic_load_n(&sources[queue].groups, __ATOMIC_RELAXED) < end)
		sched_yield();
}

/* Endpoints of either queue come and go, and queues overflow, while both are polled. */
static void
both_at_once(void **state)
{
	pthread_t threads[2];
	unsigned int round, i;
	void *done;

	for (i = 0; i < 2; i++) {
		sources[i].run = true;
		assert_int_equal(pthread_create(&threads[i], NULL, owner, &sources[i]), 0);
	}
	for (round = 0; round < 60; round++) {
		const unsigned int queue = round % 2, at = round / 2 % PER_QUEUE;

		groups_await(0, 5);
		groups_await(1, 5);
		if (round % 5 == 0)
			__atomic_fetch_or(&sources[!queue].events, UIOMMU_EVENT_OVERFLOW,
					  __ATOMIC_RELAXED);
		uiommu_pvt_pasid_table_set(&endpoints[queue][at]->pasids, PASID, NULL);
		assert_int_equal(uiommu_pvt_lock(&unit), 0);
		assert_int_equal(uiommu_pvt_drain(&unit, endpoints[queue][at],
						  &attaches[queue][at], false), 0);
		uiommu_pvt_unlock(&unit);
		if (round % 3 == 0) {
			assert_int_equal(uiommu_endpoint_remove(endpoints[queue][at]), 0);
			endpoint_make(queue, at);
		} else {
			bond_make(queue, at);
		}
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&sources[i].run, false, __ATOMIC_RELAXED);
		assert_int_equal(pthread_join(threads[i], &done), 0);
		assert_ptr_equal(done, &sources[i]);
		assert_true(sources[i].groups > 300);
		/* every group that was closed was answered, by its own queue */
		assert_int_equal(sources[i].answers, unit.queues[i]->stats.responses);
		assert_int_equal(sources[i].answers, unit.queues[i]->stats.groups +
						     unit.queues[i]->stats.refused);
		/* few were in the middle of what happened */
		assert_true(sources[i].torn < sources[i].groups / 2);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(commands_go_to_its_queue),
		CASE(overflow_of_one),
		CASE(purge_on_its_queue),
		CASE(both_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
