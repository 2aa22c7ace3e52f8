/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues, and address spaces with what is bound to them. */

#include <errno.h>

#include <rte_errno.h>

#include "call.h"

/* ----------------------------------------------------------- fault queues */

static int
queue_take(struct world *world, uint64_t flags)
{
	const struct uiommu_fault_queue_conf conf = {
		.size = sizeof(conf),
		.depth = 16,
		.flags = flags,
	};

	world->new_fq = uiommu_fault_queue_create(world->rig->dev, &conf);
	return call_result(world->new_fq);
}

static int
queue_create(struct world *world)
{
	return queue_take(world, 0);
}

static int
queue_create_eventfd(struct world *world)
{
	return queue_take(world, UIOMMU_FAULT_QUEUE_EVENTFD);
}

static void
queue_undo(struct world *world)
{
	CHECK_EQ(uiommu_fault_queue_destroy(world->new_fq), 0);
}

CALL(queue_create, .run = queue_create, .undo = queue_undo, .errors = {-ENOMEM},
     .must = GATE(HEAP));
CALL(queue_create_eventfd, .run = queue_create_eventfd, .undo = queue_undo,
     .errors = {-ENOMEM, -EMFILE}, .must = GATE(HEAP) | GATE(FILE));

/* --------------------------------------------------------- address spaces */

static void
fault(void *priv, const struct uiommu_mm_fault *faults, uint32_t nb_faults, uint8_t *codes,
      uint32_t nb_groups)
{
	uint32_t i;

	for (i = 0; i < nb_groups; i++)
		codes[i] = UIOMMU_CODE_SUCCESS;
}

static const struct uiommu_mm_ops ops = {.fault = fault};

static int
mm_take(struct world *world, uint32_t kind, uint32_t mode, uint32_t nb_workers)
{
	const struct uiommu_mm_conf conf = {
		.size = sizeof(conf),
		.kind = kind,
		.mode = mode,
		.nb_workers = nb_workers,
		.queue_depth = mode == UIOMMU_MM_INLINE ? 0 : 8,
		.ops = kind == UIOMMU_MM_USER ? &ops : NULL,
	};

	world->mm = uiommu_mm_create(&conf);
	return call_result(world->mm);
}

static void
mm_drop(struct world *world)
{
	CHECK_EQ(uiommu_mm_destroy(world->mm), 0);
}

static int
mm_self(struct world *world)
{
	return mm_take(world, UIOMMU_MM_SELF, UIOMMU_MM_WORKER, 1);
}

static int
mm_workers(struct world *world)
{
	return mm_take(world, UIOMMU_MM_USER, UIOMMU_MM_WORKER, 3);
}

static int
mm_polled(struct world *world)
{
	return mm_take(world, UIOMMU_MM_USER, UIOMMU_MM_POLLED, 0);
}

static int
mm_inline(struct world *world)
{
	return mm_take(world, UIOMMU_MM_USER, UIOMMU_MM_INLINE, 0);
}

#define MM(name, kinds)                                                                 \
	CALL(name, .run = name, .undo = mm_drop, .errors = {-ENOMEM, -EMFILE, -EAGAIN}, \
	     .must = kinds)

MM(mm_self, GATE(HEAP) | GATE(LIBC) | GATE(FILE) | GATE(THREAD) | GATE(MAPPING));
MM(mm_workers, GATE(HEAP) | GATE(LIBC) | GATE(FILE) | GATE(THREAD));
MM(mm_polled, GATE(HEAP));
MM(mm_inline, GATE(HEAP));

static void
workers_bring(struct world *world)
{
	CHECK_EQ(mm_workers(world), 0);
}

static void
polled_bring(struct world *world)
{
	CHECK_EQ(mm_polled(world), 0);
}

static void
inline_bring(struct world *world)
{
	CHECK_EQ(mm_inline(world), 0);
}

static int
mm_destroy(struct world *world)
{
	return uiommu_mm_destroy(world->mm);
}

CALL(mm_destroy, .run = mm_destroy, .undo = workers_bring, .prepare = workers_bring,
     .finish = mm_drop);

/* --------------------------------------------------------- bind and unbind */

static int
sva_bind(struct world *world)
{
	world->sva = uiommu_sva_bind(world->ep, world->mm);
	return call_result(world->sva);
}

static void
sva_drop(struct world *world)
{
	CHECK_EQ(uiommu_sva_unbind(world->sva), 0);
}

/* The first endpoint of an address space: a PASID, a domain, a fault queue. */
#define BIND(name, bring, kinds)                                                               \
	static int name(struct world *world)                                                   \
	{                                                                                      \
		return sva_bind(world);                                                        \
	}                                                                                      \
	CALL(name, .run = name, .undo = sva_drop, .errors = {-ENOMEM, -EMFILE}, .must = kinds, \
	     .prepare = bring, .finish = mm_drop);                                             \
	CALL_UNIT(name)

BIND(bind_workers, workers_bring, GATE(HEAP) | GATE(FILE));
BIND(bind_polled, polled_bring, GATE(HEAP));
BIND(bind_inline, inline_bring, GATE(HEAP));

static void
bound_bring(struct world *world)
{
	polled_bring(world);
	CHECK_EQ(sva_bind(world), 0);
}

static void
bound_finish(struct world *world)
{
	sva_drop(world);
	mm_drop(world);
}

/* A second endpoint. */
static int
bind_other(struct world *world)
{
	world->sva_other = uiommu_sva_bind(world->other, world->mm);
	return call_result(world->sva_other);
}

static void
other_drop(struct world *world)
{
	CHECK_EQ(uiommu_sva_unbind(world->sva_other), 0);
}

CALL(bind_other, .run = bind_other, .undo = other_drop, .errors = {-ENOMEM}, .must = GATE(HEAP),
     .prepare = bound_bring, .finish = bound_finish);
CALL_UNIT(bind_other);

/* The same endpoint once more: a reference, and nothing else. */
static int
bind_again(struct world *world)
{
	struct uiommu_sva *again = uiommu_sva_bind(world->ep, world->mm);

	CHECK(again == NULL || again == world->sva);
	return call_result(again);
}

CALL(bind_again, .run = bind_again, .undo = sva_drop, .errors = {-ENOMEM}, .prepare = bound_bring,
     .finish = bound_finish);

static int
unbind(struct world *world)
{
	return uiommu_sva_unbind(world->sva);
}

static void
unbind_undo(struct world *world)
{
	CHECK_EQ(sva_bind(world), 0);
}

/* Where the unit failed the reference is gone all the same. */
static void
unbind_finish(struct world *world)
{
	if (!world->unit_failed)
		sva_drop(world);
	mm_drop(world);
}

CALL(unbind, .run = unbind, .undo = unbind_undo, .prepare = bound_bring, .finish = unbind_finish,
     .waits = true);
CALL_UNIT(unbind);

static int
mm_release(struct world *world)
{
	return uiommu_mm_release(world->mm);
}

static void
release_undo(struct world *world)
{
	sva_drop(world);
	mm_drop(world);
	bound_bring(world);
}

CALL(mm_release, .run = mm_release, .undo = release_undo, .prepare = bound_bring,
     .finish = bound_finish, .waits = true);
CALL_UNIT(mm_release);

#define MEMORY(name) "fail-nth " #name, name##_memory_case
#define UNIT(name) "fail-nth R11 " #name ", the unit goes dead", name##_unit_case

static const struct harness_case faults_cases[] = {
	{MEMORY(queue_create), 0},
	{MEMORY(queue_create_eventfd), 0},
	{MEMORY(mm_self), 0},
	{MEMORY(mm_workers), 0},
	{MEMORY(mm_polled), 0},
	{MEMORY(mm_inline), 0},
	{MEMORY(mm_destroy), 0},
	{MEMORY(bind_workers), UIOMMU_CAPA_FIRST_STAGE},
	{MEMORY(bind_polled), UIOMMU_CAPA_FIRST_STAGE},
	{MEMORY(bind_inline), UIOMMU_CAPA_FIRST_STAGE},
	{MEMORY(bind_other), UIOMMU_CAPA_FIRST_STAGE},
	{MEMORY(bind_again), UIOMMU_CAPA_FIRST_STAGE},
	{MEMORY(unbind), UIOMMU_CAPA_FIRST_STAGE},
	{MEMORY(mm_release), UIOMMU_CAPA_FIRST_STAGE},
	{UNIT(bind_workers), HARNESS_NEEDS_COMMANDS | UIOMMU_CAPA_FIRST_STAGE},
	{UNIT(bind_polled), HARNESS_NEEDS_COMMANDS | UIOMMU_CAPA_FIRST_STAGE},
	{UNIT(bind_inline), HARNESS_NEEDS_COMMANDS | UIOMMU_CAPA_FIRST_STAGE},
	{UNIT(bind_other), HARNESS_NEEDS_COMMANDS | UIOMMU_CAPA_FIRST_STAGE},
	{UNIT(unbind), HARNESS_NEEDS_COMMANDS | UIOMMU_CAPA_FIRST_STAGE},
	{UNIT(mm_release), HARNESS_NEEDS_COMMANDS | UIOMMU_CAPA_FIRST_STAGE},
};

HARNESS_SUITE(faults);
