/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef TWO_QUEUES_RIG_H
#define TWO_QUEUES_RIG_H

/*
 * A unit with two queues: the engine from fetch to answer as source, and hardware that hands over
 * groups of three, torn over bursts.
 */

#include "heap_rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_random.h>
#include <rte_rcu_qsbr.h>

#define rte_malloc_socket heap_zmalloc
#define rte_get_tsc_hz() UINT64_C(1000000000)

#include "../../lib/iommu/answers.c"
#include "../../lib/iommu/ctrl.c"
#include "../../lib/iommu/drain.c"
#include "../../lib/iommu/endpoint.c"
#include "../../lib/iommu/group.c"
#include "../../lib/iommu/pasid_table.c"
#include "../../lib/iommu/poll.c"
#include "../../lib/iommu/respond.c"

#define BURST 16
#define SLOTS 64
#define PASID 5
#define PER_QUEUE 3
#define GROUP 3 /* requests of a group */

int uiommu_logtype;

static struct uiommu_unit unit;
static struct uiommu_domain domain;
static unsigned int nb_failed;
static struct uiommu_attach attaches[2][PER_QUEUE];
static struct uiommu_endpoint *endpoints[2][PER_QUEUE];

/* One hardware queue, as its owner finds it. */
struct source {
	unsigned int id;
	uint32_t requests;      /* so far: which comes next */
	bool paused;            /* atomic */
	uint32_t events;        /* atomic: what the next fetch says */
	uint64_t answers;       /* atomic */
	uint64_t torn;          /* groups that came in parts of others */
	uint64_t groups;        /* atomic */
	bool run;               /* atomic */
};
static struct source sources[2];

/* Commands, and where they were carried out. */
static struct {
	enum uiommu_cmd_op op;
	unsigned int queue;
} commands[64];
static unsigned int nb_commands;

/* ------------------------------------------------------------------------ neighbours */

struct uiommu_unit *
uiommu_pvt_unit_get(int16_t dev_id)
{
	return &unit;
}

bool
uiommu_pvt_unit_is_started(const struct uiommu_unit *of)
{
	return uiommu_pvt_state(of) == UIOMMU_DEV_STARTED;
}

void
uiommu_pvt_unit_fail(struct uiommu_unit *of, const char *why)
{
	nb_failed++;
}

void
uiommu_pvt_undo_finish(struct uiommu_unit *of)
{
}

bool
uiommu_pvt_undo_claim(struct uiommu_attach *attach)
{
	return true;
}

void
uiommu_pvt_undo_unclaim(struct uiommu_attach *attach)
{
}

int
uiommu_pvt_sva_lock(void)
{
	return 0;
}

void
uiommu_pvt_sva_unlock(void)
{
}

void
uiommu_pvt_sva_endpoint_gone(struct uiommu_endpoint *endpoint)
{
}

void
uiommu_pvt_attach_unlink(struct uiommu_attach *attach)
{
	fail_msg("nothing is linked");
}

void
uiommu_pvt_fault_queue_closed(struct uiommu_fault_queue *fq, uint32_t number, bool revoked)
{
	fail_msg("no fault queues");
}

/* ------------------------------------------------------------------------- the unit */

/* Endpoint ids say which queue they are of. */
static uint32_t
id_of(unsigned int queue, unsigned int i)
{
	return queue << 8 | i;
}

/* The next request of a queue: its endpoints in turn, each with a group of its own. */
static struct uiommu_fault
request_next(struct source *source)
{
	const uint32_t n = source->requests++;
	const uint32_t round = n / PER_QUEUE;

	return (struct uiommu_fault){
		.endpoint_id = id_of(source->id, n % PER_QUEUE),
		.pasid = PASID,
		.prg_index = (uint16_t)(round / GROUP % 512),
		.iova = (uint64_t)(round % GROUP) << 12,
		.flags = UIOMMU_FAULT_PASID | UIOMMU_FAULT_READ |
			 (round % GROUP == GROUP - 1 ? UIOMMU_FAULT_LAST : 0),
	};
}

static uint16_t
fetch(void *queue, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken, uint32_t *events)
{
	struct source *source = queue;
	uint16_t i;

	*events |= __atomic_exchange_n(&source->events, 0, __ATOMIC_RELAXED);
	if (__atomic_load_n(&source->paused, __ATOMIC_RELAXED))
		nb = 0;
	/* no multiple of a group of each endpoint */
	nb = RTE_MIN(nb, 7);
	for (i = 0; i < nb; i++)
		faults[i] = request_next(source);
	*taken = nb;
	return nb;
}

static uint16_t
respond(void *queue, const struct uiommu_resp *resps, uint16_t nb)
{
	struct source *source = queue;
	uint16_t i;

	for (i = 0; i < nb; i++)
		assert_int_equal(resps[i].endpoint_id >> 8, source->id);
	__atomic_fetch_add(&source->answers, nb, __ATOMIC_RELAXED);
	return nb;
}

static uint16_t
room(void *queue)
{
	return BURST;
}

static bool
overflow_ack(void *queue)
{
	return true;
}

static void
mark(void *queue, uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	marks[0] = marks[1] = 0;
}

static bool
is_past(void *queue, const uint64_t marks[UIOMMU_QUEUE_SOURCES])
{
	return true;
}

static int
command(void *queue, struct uiommu_cmd *cmd)
{
	const struct source *source = queue;

	if (nb_commands < ARRAY_COUNT(commands)) {
		commands[nb_commands].op = cmd->op;
		commands[nb_commands].queue = source->id;
	}
	nb_commands++;
	return 0;
}

static const struct uiommu_queue_ops queue_ops = {
	.fetch = fetch,
	.respond = respond,
	.room = room,
	.overflow_ack = overflow_ack,
	.mark = mark,
	.is_past = is_past,
	.cmd_step = command,
};

static int
endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id, const struct uiommu_endpoint_conf *conf,
	     void **endpoint_private)
{
	*endpoint_private = (void *)(uintptr_t)(endpoint_id + 1);
	return 0;
}

static void
endpoint_nothing(struct uiommu_dev *dev, void *endpoint_private)
{
}

static uint16_t
endpoint_queue(struct uiommu_dev *dev, void *endpoint_private)
{
	return (uint16_t)(((uintptr_t)endpoint_private - 1) >> 8);
}

static const struct uiommu_dev_ops dev_ops = {
	.endpoint_set = endpoint_set,
	.endpoint_clear = endpoint_nothing,
	.endpoint_free = endpoint_nothing,
	.endpoint_queue = endpoint_queue,
};

/* ---------------------------------------------------------------------------- set-up */

/* Whole groups, each of one endpoint of this queue: pages in the order in which they came. */
static void
resolve_all(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	struct source *source = &sources[uiommu_pvt_group_queue(groups)->id];
	uint16_t i, j;

	for (i = 0; i < nb_groups; i++) {
		codes[i] = UIOMMU_CODE_SUCCESS;
		/* what was thrown away meanwhile is missing; nothing else is */
		source->torn += groups[i].nb_faults != GROUP;
		assert_true(groups[i].nb_faults <= GROUP);
		for (j = 0; j < groups[i].nb_faults; j++) {
			const struct uiommu_fault *fault = &groups[i].faults[j];

			assert_int_equal(fault->endpoint_id, groups[i].attach->head.endpoint_id);
			assert_int_equal(fault->endpoint_id >> 8, source->id);
			assert_int_equal(fault->iova >> 12,
					 (uint64_t)(GROUP - groups[i].nb_faults + j));
		}
	}
	__atomic_fetch_add(&source->groups, nb_groups, __ATOMIC_RELAXED);
}

static void *
table(size_t nb, size_t size)
{
	return heap_zmalloc("", nb * size + RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_SIZE, 0);
}

static struct uiommu_queue *
queue_make(uint16_t id)
{
	struct uiommu_queue *queue = heap_zmalloc("", sizeof(*queue), RTE_CACHE_LINE_SIZE, 0);
	uint32_t i;

	queue->unit = &unit;
	queue->id = id;
	queue->ops = &queue_ops;
	queue->drv = &sources[id];
	queue->endpoint_dir = unit.endpoint_dir;
	queue->endpoint_beyond = unit.endpoint_beyond;
	queue->burst = BURST;
	queue->group_max = unit.conf.group_max;
	queue->gather_max = 2 * queue->group_max + 4 * BURST;
	queue->faults = table(BURST, sizeof(queue->faults[0]));
	queue->routes = table(BURST, sizeof(queue->routes[0]));
	queue->groups = table(BURST, sizeof(queue->groups[0]));
	queue->sorted = table(BURST, sizeof(queue->sorted[0]));
	queue->codes = table(BURST, sizeof(queue->codes[0]));
	queue->resps = table(BURST, sizeof(queue->resps[0]));
	queue->buckets = table(BURST, sizeof(queue->buckets[0]));
	queue->bucket_end = table(BURST, sizeof(queue->bucket_end[0]));
	queue->answered = table(1, sizeof(queue->answered[0]));
	queue->gather = table(queue->gather_max, sizeof(queue->gather[0]));
	queue->slots = table(SLOTS, sizeof(queue->slots[0]));
	for (i = 0; i < SLOTS; i++)
		queue->slots[i].next_free = i + 1 < SLOTS ? i + 1 : UIOMMU_SLOT_NONE;
	return queue;
}

static void
queue_unmake(struct uiommu_queue *queue)
{
	heap_free(queue->faults);
	heap_free(queue->routes);
	heap_free(queue->groups);
	heap_free(queue->sorted);
	heap_free(queue->codes);
	heap_free(queue->resps);
	heap_free(queue->buckets);
	heap_free(queue->bucket_end);
	heap_free(queue->answered);
	heap_free(queue->gather);
	heap_free(queue->slots);
	heap_free(queue);
}

static void
bond_make(unsigned int queue, unsigned int i)
{
	struct uiommu_endpoint *endpoint = endpoints[queue][i];
	struct uiommu_attach *attach = &attaches[queue][i];

	memset(attach, 0, sizeof(*attach));
	attach->head.endpoint_id = endpoint->id;
	attach->head.pasid = PASID;
	attach->domain = &domain;
	attach->bulk = &domain;
	attach->endpoint = endpoint;
	attach->unit = &unit;
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&endpoint->pasids, PASID, 0), 0);
	uiommu_pvt_pasid_table_set(&endpoint->pasids, PASID, attach);
}

static void
endpoint_make(unsigned int queue, unsigned int i)
{
	endpoints[queue][i] = uiommu_endpoint_add(0, id_of(queue, i), NULL);
	assert_non_null(endpoints[queue][i]);
	assert_int_equal(endpoints[queue][i]->queue, queue);
	bond_make(queue, i);
}

static int
setup(void **state)
{
	unsigned int i, j;

	memset(&unit, 0, sizeof(unit));
	memset(&domain, 0, sizeof(domain));
	memset(sources, 0, sizeof(sources));
	nb_failed = nb_commands = 0;
	unit.state = UIOMMU_DEV_CONFIGURED;
	unit.nb_queues = 2;
	unit.pasid_bits = 20;
	unit.capa = UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_REQUESTS;
	unit.dev.ops = &dev_ops;
	unit.dev.cmd_mask = UINT32_MAX;
	unit.dev.timeout_ns = unit.conf.timeout_ns = UINT64_C(60000000000);
	unit.conf.endpoints_max = 16;
	unit.conf.parked_max = 64;
	unit.conf.group_max = 16;
	unit.conf.deferred_max = SLOTS;
	pthread_mutex_init(&unit.lock, NULL);
	TAILQ_INIT(&unit.endpoints);
	domain.handler = resolve_all;
	domain.bulk = &domain;
	domain.unit = &unit;
	domain.kept_max = UINT32_MAX;
	assert_int_equal(uiommu_pvt_endpoints_init(&unit, 16), 0);
	unit.rcu = heap_zmalloc("", rte_rcu_qsbr_get_memsize(2), RTE_CACHE_LINE_SIZE, 0);
	assert_int_equal(rte_rcu_qsbr_init(unit.rcu, 2), 0);
	for (i = 0; i < 2; i++) {
		sources[i].id = i;
		unit.queues[i] = queue_make((uint16_t)i);
	}
	unit.state = UIOMMU_DEV_STARTED;
	for (i = 0; i < 2; i++) {
		sources[i].paused = true;
		for (j = 0; j < PER_QUEUE; j++)
			endpoint_make(i, j);
		sources[i].paused = false;
	}
	nb_commands = 0;
	return 0;
}

static int
teardown(void **state)
{
	unsigned int i;

	assert_int_equal(nb_failed, 0);
	uiommu_pvt_endpoints_fini(&unit);
	for (i = 0; i < 2; i++)
		queue_unmake(unit.queues[i]);
	heap_free(unit.rcu);
	assert_int_equal(nb_blocks, 0);
	pthread_mutex_destroy(&unit.lock);
	return 0;
}

#endif /* TWO_QUEUES_RIG_H */
