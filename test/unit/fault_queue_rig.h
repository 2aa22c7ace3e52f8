/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef FAULT_QUEUE_RIG_H
#define FAULT_QUEUE_RIG_H

/*
 * Fault queues: lib/iommu/queue.c and queue_burst.c, included as source, with a heap and an engine
 * of our own.
 */

#include "heap_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int eventfd_errno;

static int
eventfd_make(unsigned int value, int flags)
{
	assert_int_equal(flags, EFD_NONBLOCK | EFD_CLOEXEC);
	errno = eventfd_errno;
	return eventfd_errno != 0 ? -1 : eventfd(value, flags);
}

#define eventfd eventfd_make
#include "../../lib/iommu/queue.c"
#include "../../lib/iommu/queue_burst.c"
#undef eventfd

/* ------------------------------------------------------------------ the engine */

static struct uiommu_unit unit;
static struct uiommu_queue queues[2];
static unsigned int nb_waits;
static bool in_handler;
static int revoke_result;
static unsigned int nb_muted;
static uiommu_cookie_t next_engine_cookie; /* 0: no slot is free */
static uiommu_cookie_t answered_cookie;
static int answer_result;
static unsigned int answered_code;
static void (*deliver_hook)(struct uiommu_fault_queue *fq);
static void (*wait_hook)(struct uiommu_fault_queue *fq);
static struct uiommu_fault_queue *hook_fq;

struct uiommu_unit *
uiommu_pvt_unit_get(int16_t dev_id)
{
	return dev_id == 0 ? &unit : NULL;
}

int
uiommu_pvt_lock(struct uiommu_unit *of)
{
	assert_ptr_equal(of, &unit);
	return in_handler ? -EDEADLK : 0;
}

void
uiommu_pvt_unlock(struct uiommu_unit *of)
{
}

void
uiommu_pvt_wait_turn(void)
{
	nb_waits++;
	assert_non_null(wait_hook);
	wait_hook(hook_fq);
}

void
uiommu_pvt_domain_mute(struct uiommu_domain *domain)
{
	domain->fault_queue = NULL;
	nb_muted++;
}

int
uiommu_pvt_revoke(struct uiommu_unit *of, const struct uiommu_whose *whose,
		  struct uiommu_endpoint *endpoint, enum uiommu_purge purge)
{
	assert_non_null(whose->fq);
	assert_null(whose->attach);
	assert_null(whose->endpoint);
	assert_null(endpoint);
	assert_int_equal(purge, UIOMMU_PURGE_NONE);
	return revoke_result;
}

struct uiommu_queue *
uiommu_pvt_group_queue(const struct uiommu_group *group)
{
	return &queues[group->slot & 1];
}

uiommu_cookie_t
uiommu_pvt_group_deliver(struct uiommu_group *group, struct uiommu_fault_queue *fq, uint32_t entry)
{
	if (deliver_hook != NULL)
		deliver_hook(fq);
	return next_engine_cookie != 0 ? next_engine_cookie++ : 0;
}

int
uiommu_pvt_answer_one(struct uiommu_unit *of, uiommu_cookie_t cookie, uint8_t code)
{
	assert_ptr_equal(of, &unit);
	answered_cookie = cookie;
	answered_code = code;
	return answer_result;
}

/* ---------------------------------------------------------------------- set up */

static int
set_up(void **state)
{
	uint16_t i;

	memset(&unit, 0, sizeof(unit));
	memset(queues, 0, sizeof(queues));
	unit.state = UIOMMU_DEV_CONFIGURED;
	unit.nb_queues = 2;
	unit.conf.deferred_max = 256;
	unit.conf.group_max = 8;
	TAILQ_INIT(&unit.domains);
	TAILQ_INIT(&unit.fault_queues);
	for (i = 0; i < 2; i++) {
		queues[i].id = i;
		queues[i].unit = &unit;
		queues[i].kept_max = 256;
		unit.queues[i] = &queues[i];
	}
	nb_allowed = UINT32_MAX;
	eventfd_errno = 0;
	in_handler = false;
	revoke_result = 0;
	nb_muted = 0;
	nb_waits = 0;
	next_engine_cookie = 1000;
	answered_cookie = 0;
	answer_result = 0;
	deliver_hook = NULL;
	wait_hook = NULL;
	return 0;
}

static int
tear_down(void **state)
{
	uiommu_pvt_fault_queues_fini(&unit);
	assert_int_equal(nb_blocks, 0);
	assert_int_equal(unit.fault_queue_slots, 0);
	return 0;
}

static inline struct uiommu_fault_queue *
make(uint32_t depth, uint32_t messages, uint64_t flags)
{
	const struct uiommu_fault_queue_conf conf = {
		.size = sizeof(conf),
		.depth = depth,
		.messages = messages,
		.flags = flags,
	};
	struct uiommu_fault_queue *fq = uiommu_fault_queue_create(0, &conf);

	assert_non_null(fq);
	return fq;
}

/* Deliver one group of nb requests, by a hardware queue. Its code. */
static inline unsigned int
deliver_faults(struct uiommu_fault_queue *fq, uint16_t queue, const struct uiommu_fault *faults,
	       uint16_t nb)
{
	struct uiommu_group group = {.faults = faults, .nb_faults = nb, .slot = queue};
	uint8_t code = UIOMMU_CODE_INVALID;

	uiommu_pvt_fault_queue_handler(fq, &group, &code, 1);
	return code;
}

static inline unsigned int
deliver(struct uiommu_fault_queue *fq, uint16_t queue, uint16_t prg_index, uint16_t nb)
{
	struct uiommu_fault faults[8] = {{0}};
	uint16_t i;

	for (i = 0; i < nb; i++)
		faults[i].prg_index = prg_index;
	return deliver_faults(fq, queue, faults, nb);
}

static inline uint32_t
read_one(struct uiommu_fault_queue *fq, uint16_t prg_index, int nb)
{
	struct uiommu_fault_msg msgs[8];

	assert_int_equal(uiommu_fault_queue_read(fq, msgs, (uint16_t)nb), nb);
	assert_int_equal(msgs[0].grpid, prg_index);
	return msgs[0].cookie;
}

static inline int
answer(struct uiommu_fault_queue *fq, uint32_t cookie)
{
	const struct uiommu_fault_answer one = {cookie, UIOMMU_FAULT_ANSWER_SUCCESS};
	int status = 1;
	uint16_t done = uiommu_fault_queue_write(fq, &one, &status, 1);

	assert_int_equal(done, status == 0);
	return status;
}

static inline struct uiommu_fault_queue_stats
stats_of(const struct uiommu_fault_queue *fq)
{
	struct uiommu_fault_queue_stats stats;

	assert_int_equal(uiommu_fault_queue_stats_get(fq, &stats), 0);
	return stats;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* FAULT_QUEUE_RIG_H */
