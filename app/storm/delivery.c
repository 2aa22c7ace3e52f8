/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_errno.h>

#include "delivery.h"
#include "storm.h"
#include "talk.h"

/* A group has at most so many requests: the library's default for uiommu_dev_conf::group_max. */
#define GROUP_MAX 512U
#define MESSAGES_MAX (UINT32_C(1) << 20)
/* All messages of all queues together: a bound on memory. */
#define MESSAGES_ALL (UINT32_C(1) << 21)
/* For an estimate of memory: of any unit, and of a slot with the unit's and the queue's part. */
#define QUEUE_ENTRIES_MAX 32768U
#define SLOT_BYTES 256U

static uint32_t
power_up(uint64_t n, uint32_t max)
{
	return n >= max ? max : rte_align32pow2((uint32_t)RTE_MAX(n, UINT64_C(1)));
}

static uint32_t
power_down(uint32_t n)
{
	return rte_align32prevpow2(RTE_MAX(n, 1U));
}

static int
plan_sva(struct storm *s, const struct delivery_load *load)
{
	/* by default the queue takes four requests for each group of its depth: leave half of it */
	uint64_t wanted = RTE_MAX(load->groups, load->requests / 2);

	if (wanted > STORM_SLOTS_MAX) {
		talk("--handler sva: %" PRIu64 " groups and %" PRIu64 " requests can be "
		     "outstanding, a fault queue takes %u groups; fewer endpoints or larger groups",
		     load->groups, load->requests, STORM_SLOTS_MAX);
		return -EINVAL;
	}
	s->delivery.sva_depth = power_up(wanted, STORM_SLOTS_MAX);
	s->delivery.slots = s->delivery.sva_depth;
	return 0;
}

/*
 * All groups of all endpoints may be for the domains of one queue. Where that does not fit, what is
 * too much is asked for again.
 */
static void
plan_queues(struct delivery *d, const struct storm_options *o, const struct delivery_load *load)
{
	uint64_t requests = load->requests;
	uint32_t left = STORM_SLOTS_MAX - d->stuck_depth;

	if (o->fault_queues == 0)
		return;
	d->depth = o->depth != 0 ? o->depth : power_up(load->groups,
						   power_down(left / o->fault_queues));
	requests = RTE_MIN(requests, (uint64_t)d->depth * o->traffic.group_pages_max);
	requests = RTE_MAX(requests, (uint64_t)GROUP_MAX);
	d->messages = power_up(requests,
			       RTE_MIN(MESSAGES_MAX, power_down(MESSAGES_ALL / o->fault_queues)));
}

/*
 * Half of what the device can have outstanding: the rest of its credits goes on asking while the
 * consumer is stuck.
 */
static uint32_t
stuck_depth(const struct storm_options *o, const struct delivery_load *load)
{
	return o->depth != 0 ? o->depth : power_down(load->last_groups / 2);
}

int
delivery_plan(struct storm *s, const struct delivery_load *load)
{
	const struct storm_options *o = &s->o;
	struct delivery *d = &s->delivery;

	if (o->handler == STORM_HANDLER_SVA)
		return plan_sva(s, load);
	if (o->stuck)
		d->stuck_depth = stuck_depth(o, load);
	plan_queues(d, o, load);
	d->nb = o->fault_queues + o->stuck;
	d->slots = o->fault_queues * d->depth + d->stuck_depth;
	return 0;
}

uint64_t
delivery_memory_bytes(const struct storm_options *o)
{
	uint64_t nb = o->fault_queues + o->stuck + (o->handler == STORM_HANDLER_SVA);
	uint64_t group = o->traffic.group_pages_max;
	/* requests outstanding; the unit's queue is not known yet */
	uint64_t credits = RTE_MAX(QUEUE_ENTRIES_MAX, o->endpoints * group);
	uint64_t messages;

	if (nb == 0)
		return 0;
	if (o->traffic.overflow)
		credits = o->endpoints * GROUP_MAX * group;
	messages = RTE_MAX(GROUP_MAX, power_up(credits, MESSAGES_MAX));
	messages = RTE_MIN(nb * messages, MESSAGES_ALL);
	return messages * sizeof(struct uiommu_fault_msg) + STORM_SLOTS_MAX * SLOT_BYTES;
}

static int
queue_open(struct storm *s, uint32_t i)
{
	struct delivery *d = &s->delivery;
	bool stuck = s->o.stuck && i == d->nb - 1;
	struct uiommu_fault_queue_conf conf = {
		.size = sizeof(conf),
		.depth = stuck ? d->stuck_depth : d->depth,
		.messages = stuck ? 0 : d->messages,
		.flags = s->o.sleep ? UIOMMU_FAULT_QUEUE_EVENTFD : 0,
	};

	d->queues[i] = uiommu_fault_queue_create(s->dev_id, &conf);
	if (d->queues[i] != NULL)
		return 0;
	talk("cannot make fault queue %u of %u, %u groups: %s", i + 1, d->nb, conf.depth,
	     rte_strerror(rte_errno));
	return -rte_errno;
}

int
delivery_open(struct storm *s)
{
	struct delivery *d = &s->delivery;
	uint32_t i;
	int ret = 0;

	if (d->nb == 0)
		return 0;
	d->queues = calloc(d->nb, sizeof(struct uiommu_fault_queue *));
	d->before = calloc(d->nb, sizeof(*d->before));
	if (d->queues == NULL || d->before == NULL) {
		talk("no memory for %u fault queues", d->nb);
		return -ENOMEM;
	}
	for (i = 0; i < d->nb && ret == 0; i++)
		ret = queue_open(s, i);
	return ret;
}

int
delivery_close(struct storm *s)
{
	struct delivery *d = &s->delivery;
	uint32_t i;
	int ret = 0;

	for (i = 0; d->queues != NULL && i < d->nb && ret == 0; i++) {
		if (d->queues[i] == NULL)
			continue;
		ret = uiommu_fault_queue_destroy(d->queues[i]);
		if (ret < 0)
			talk("cannot destroy fault queue %u: %s", i, rte_strerror(-ret));
		d->queues[i] = NULL;
	}
	return ret;
}

void
delivery_free(struct storm *s)
{
	struct delivery *d = &s->delivery;

	free(d->queues);
	free(d->before);
	d->queues = NULL;
	d->before = NULL;
}

struct uiommu_fault_queue *
delivery_queue(const struct storm *s, uint32_t domain)
{
	const struct delivery *d = &s->delivery;

	if (s->o.stuck && domain == s->o.domains)
		return d->queues[d->nb - 1];
	return s->o.fault_queues == 0 ? NULL : d->queues[domain % s->o.fault_queues];
}

void
delivery_figures_begin(struct storm *s)
{
	uint32_t i;

	for (i = 0; i < s->delivery.nb; i++)
		uiommu_fault_queue_stats_get(s->delivery.queues[i], &s->delivery.before[i]);
}

void
delivery_figures_end(const struct storm *s, struct uiommu_fault_queue_stats *sums)
{
	const struct delivery *d = &s->delivery;
	struct uiommu_fault_queue_stats now;
	uint32_t i;

	memset(sums, 0, sizeof(*sums));
	for (i = 0; i < d->nb; i++) {
		const struct uiommu_fault_queue_stats *before = &d->before[i];

		uiommu_fault_queue_stats_get(d->queues[i], &now);
		sums->delivered += now.delivered - before->delivered;
		sums->full += now.full - before->full;
		sums->read += now.read - before->read;
		sums->answered += now.answered - before->answered;
		sums->revoked += now.revoked - before->revoked;
		sums->stale_answers += now.stale_answers - before->stale_answers;
		sums->wakeups += now.wakeups - before->wakeups;
		sums->open += now.open;
	}
}
