/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Calls that take something away. They have no error for want of memory, so they must do without
 * any: each of them succeeds with everything refused.
 */

#include <errno.h>
#include <sched.h>

#include <rte_errno.h>

#include "call.h"

static void
group_over(struct world *world, uint32_t pasid, uint16_t index)
{
	rig_settle(world->rig);
	rig_expect(world->rig, EP, pasid, index, UIOMMU_EMU_INVALID);
}

/* ----------------------------------------------------------------- detach */

static int
detach(struct world *world)
{
	return uiommu_detach(world->bonds[PASID_DEFERRED]);
}

static void
detach_undo(struct world *world)
{
	group_over(world, PASID_DEFERRED, world->kept_index);
	world->bonds[PASID_DEFERRED] =
		rig_attach(world->ep, PASID_DEFERRED, world->deferring->domain, NULL);
	world_defer(world);
}

static int
detach_queued(struct world *world)
{
	return uiommu_detach(world->bonds[PASID_QUEUED]);
}

static void
detach_queued_undo(struct world *world)
{
	group_over(world, PASID_QUEUED, world->queued_index);
	world->bonds[PASID_QUEUED] = rig_attach(world->ep, PASID_QUEUED, world->queued, NULL);
	world_queue(world);
}

static int
detach_step_by_step(struct world *world)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	int ret = uiommu_detach_start(world->bonds[PASID_DEFERRED]);

	while (ret == 0 || ret == -EINPROGRESS) {
		ret = uiommu_detach_done(world->bonds[PASID_DEFERRED]);
		if (ret != -EINPROGRESS)
			break;
		CHECK(harness_now_ns() < end);
		rig_turn(world->rig);
	}
	return ret;
}

/* The only bond of an endpoint: page requests go off. */
static void
only(struct world *world)
{
	world->attach = rig_attach(world->other, PASID_FREE, world->answering->domain, NULL);
}

static int
detach_last(struct world *world)
{
	return uiommu_detach(world->attach);
}

/* Takes nothing and needs nothing; all the same it waits. */
#define UNDO(name, undo_name, ...)                                              \
	CALL(name, .run = name, .undo = undo_name, .waits = true, __VA_ARGS__); \
	CALL_UNIT(name)

UNDO(detach, detach_undo, );
UNDO(detach_queued, detach_queued_undo, );
UNDO(detach_step_by_step, detach_undo, );
UNDO(detach_last, only, .prepare = only);

/* -------------------------------------------------------------- endpoints */

static void
endpoint_bring(struct world *world)
{
	only(world);
	rig_attach(world->other, UIOMMU_NO_PASID, world->plain, NULL);
	rig_attach(world->other, world_far(world), world->deferring->domain, NULL);
}

static int
endpoint_remove(struct world *world)
{
	return uiommu_endpoint_remove(world->other);
}

static void
endpoint_undo(struct world *world)
{
	world->other = uiommu_endpoint_add(world->rig->dev, EP_OTHER, NULL);
	CHECK(world->other != NULL);
	endpoint_bring(world);
}

UNDO(endpoint_remove, endpoint_undo, .prepare = endpoint_bring);

static void
vf_bring(struct world *world)
{
	const struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.flags = UIOMMU_ENDPOINT_VF,
		.pf_id = EP_OTHER,
	};

	world->new_ep = uiommu_endpoint_add(world->rig->dev, EP_VF, &conf);
	CHECK(world->new_ep != NULL);
	rig_attach(world->new_ep, PASID_FREE, world->answering->domain, NULL);
}

static int
vf_remove(struct world *world)
{
	return uiommu_endpoint_remove(world->new_ep);
}

UNDO(vf_remove, vf_bring, .prepare = vf_bring);

/* ---------------------------------------------------------------- domains */

static void
domain_bring(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_PAGING,
	};

	world->domain = uiommu_domain_alloc(world->rig->dev, &conf);
	CHECK(world->domain != NULL);
}

static int
domain_free(struct world *world)
{
	return uiommu_domain_free(world->domain);
}

static void
domain_finish(struct world *world)
{
	CHECK_EQ(uiommu_domain_free(world->domain), 0);
}

CALL(domain_free, .run = domain_free, .undo = domain_bring, .prepare = domain_bring,
     .finish = domain_finish);

/* ----------------------------------------------------------- fault queues */

static int
queue_destroy(struct world *world)
{
	return uiommu_fault_queue_destroy(world->fq);
}

/* Domains that had it answer INVALID; a new one takes its place. */
static void
queue_undo(struct world *world)
{
	const struct uiommu_fault_queue_conf fq_conf = {.size = sizeof(fq_conf), .depth = 8};
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_attach *attach;

	group_over(world, PASID_QUEUED, world->queued_index);
	world_ask(world, EP, PASID_QUEUED, UIOMMU_EMU_INVALID);
	world->fq = uiommu_fault_queue_create(world->rig->dev, &fq_conf);
	CHECK(world->fq != NULL);
	conf.fault_queue = world->fq;
	world->domain = uiommu_domain_alloc(world->rig->dev, &conf);
	CHECK(world->domain != NULL);
	attach = uiommu_replace(world->bonds[PASID_QUEUED], world->domain, NULL);
	CHECK(attach != NULL);
	world->bonds[PASID_QUEUED] = attach;
	CHECK_EQ(uiommu_domain_free(world->queued), 0);
	world->queued = world->domain;
	world_queue(world);
}

CALL(queue_destroy, .run = queue_destroy, .undo = queue_undo);

/* ------------------------------------------------------------------- stop */

static int
stop(struct world *world)
{
	rig_release(world->rig);
	return uiommu_stop(world->rig->dev);
}

static void
stop_undo(struct world *world)
{
	CHECK_EQ(uiommu_start(world->rig->dev), 0);
	world_started(world);
}

CALL(stop, .run = stop, .undo = stop_undo);

#define MEMORY(name) "fail-nth " #name, name##_memory_case
#define UNIT(name) "fail-nth R11 " #name ", the unit goes dead", name##_unit_case

static const struct harness_case undo_cases[] = {
	{MEMORY(detach), 0},
	{MEMORY(detach_queued), 0},
	{MEMORY(detach_step_by_step), 0},
	{MEMORY(detach_last), 0},
	{MEMORY(endpoint_remove), 0},
	{MEMORY(vf_remove), HARNESS_NEEDS_VF_REQUESTS},
	{MEMORY(domain_free), 0},
	{MEMORY(queue_destroy), 0},
	{MEMORY(stop), 0},
	{UNIT(detach), HARNESS_NEEDS_COMMANDS},
	{UNIT(detach_queued), HARNESS_NEEDS_COMMANDS},
	{UNIT(detach_step_by_step), HARNESS_NEEDS_COMMANDS},
	{UNIT(detach_last), HARNESS_NEEDS_COMMANDS},
	{UNIT(endpoint_remove), HARNESS_NEEDS_COMMANDS},
	{UNIT(vf_remove), HARNESS_NEEDS_COMMANDS | HARNESS_NEEDS_VF_REQUESTS},
};

HARNESS_SUITE(undo);
