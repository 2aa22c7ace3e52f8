/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The runner. A call is made again and again, with the first, second, third ... thing failing that
 * it asks for, until none is left that could fail. Where memory ran out, all must be as it was;
 * where the unit went dead, stop and close must come to an end; and nothing may be lost.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>

#include "call.h"

/* Calls need some dozens of things; one that never comes to an end is a fault of its own. */
#define POINTS_MAX 400
/* A unit that is well is waited for longer and longer, where the machine is busy. */
#define HURRY_LESS 10

void
call_handler(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	uint16_t i;

	for (i = 0; i < nb; i++)
		codes[i] = UIOMMU_CODE_SUCCESS;
}

int
call_domain_take(struct world *world, const struct uiommu_domain_conf *what)
{
	struct uiommu_domain_conf conf = *what;

	conf.size = sizeof(conf);
	world->domain = uiommu_domain_alloc(world->rig->dev, &conf);
	return call_result(world->domain);
}

void
points_print(const unsigned int *counts)
{
	enum gate_kind kind;

	printf("# points of failure:");
	for (kind = 0; kind < GATE_KINDS; kind++) {
		if (counts[kind] != 0)
			printf(" %s %u", gate_kind_name(kind), counts[kind]);
	}
	printf("\n");
}

void
points_note(unsigned int *counts)
{
	enum gate_kind kind;

	for (kind = 0; kind < GATE_KINDS; kind++) {
		if (counts[kind] < gate_count(kind))
			counts[kind] = gate_count(kind);
	}
}

static void
must_check(const struct call *call, const unsigned int *counts)
{
	unsigned int must = call->must & gate_kinds();
	enum gate_kind kind;

	/* it may find all that it wants among what is there, or the tables are a kernel's */
	if (harness_unit()->small_tables || harness_lacks(HARNESS_NEEDS_COMMANDS))
		must &= ~GATE(DMA);
	points_print(counts);
	for (kind = 0; kind < GATE_KINDS; kind++) {
		if ((must & 1U << kind) != 0 && counts[kind] == 0)
			harness_note(__FILE__, __LINE__, "it asks for nothing of kind %s",
				     gate_kind_name(kind));
	}
}

static bool
is_documented(const struct call *call, int ret)
{
	unsigned int i;

	for (i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++) {
		if (call->errors[i] == ret)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- memory */

/* The nth thing is refused. Whether there was one. */
static bool
refuse(const struct call *call, struct world *world, unsigned int nth, unsigned int *counts,
       int *ret)
{
	unsigned int refused;

	gate_arm(gate_memory(), nth);
	*ret = call->run(world);
	refused = gate_disarm();
	points_note(counts);
	return refused != 0;
}

/* A call may keep so many things for the next time, such as pages of tables. */
static unsigned int
kept_max(void)
{
	return harness_unit()->needs_kernel ? 1 : 3;
}

/*
 * Several times: what the call may keep for the next time, it keeps once. Then it is to succeed.
 * Returns false when there was no nth thing.
 */
static bool
nth_in_world(const struct call *call, struct world *world, unsigned int nth, unsigned int *counts)
{
	struct holdings before;
	struct snapshot snapshot;
	unsigned int round;
	int ret;

	snapshot_take(world, &snapshot);
	for (round = 0; round <= kept_max(); round++) {
		before = holdings_now();
		if (!refuse(call, world, nth, counts, &ret)) {
			CHECK_EQ(ret, 0);
			call->undo(world);
			return round != 0;
		}
		if (ret == 0) {
			call->undo(world); /* there was another way */
			continue;
		}
		if (!is_documented(call, ret))
			harness_note(__FILE__, __LINE__, "failure of thing %u gives %s", nth,
				     strerror(-ret));
		if (round == kept_max())
			holdings_check(&before, "after failing again and again");
		snapshot_check(world, &snapshot);
	}
	CHECK_EQ(call->run(world), 0);
	call->undo(world);
	return true;
}

/* What needs nothing cannot fail. */
static void
each_in_world(const struct call *call, struct world *world, unsigned int *counts)
{
	struct holdings before = holdings_now();
	int ret;

	refuse(call, world, GATE_EACH, counts, &ret);
	CHECK_EQ(ret, 0);
	call->undo(world);
	holdings_check(&before, "done and undone");
}

/* In a world of its own; those that follow too, where worlds take long to make: in a guest. */
static bool
nth_fails(const struct call *call, unsigned int *nth, unsigned int *counts)
{
	static struct world world;
	struct holdings before = holdings_now();
	bool found = false;

	world_open(&world);
	if (call->prepare != NULL)
		call->prepare(&world);
	if (*nth == GATE_EACH)
		each_in_world(call, &world, counts);
	else
		found = nth_in_world(call, &world, *nth, counts);
	while (found && harness_unit()->needs_kernel && harness_failures() == 0) {
		CHECK(++*nth < POINTS_MAX);
		found = nth_in_world(call, &world, *nth, counts);
	}
	if (call->finish != NULL)
		call->finish(&world);
	world_close(&world);
	holdings_check(&before, "at the end");
	return found;
}

void
call_memory(const struct call *call)
{
	unsigned int counts[GATE_KINDS] = {0};
	unsigned int nth = 1, each = GATE_EACH;

	if (call->exchanges && !harness_unit()->can_exchange)
		harness_skip("no page can take another's place in one step");
	while (nth_fails(call, &nth, counts) && harness_failures() == 0)
		CHECK(++nth < POINTS_MAX);
	if ((call->must & (gate_kinds() | ~GATE(KERNEL))) == 0)
		nth_fails(call, &each, counts);
	must_check(call, counts);
}

/* ------------------------------------------------------------------ unit */

/* Only stop and close are left. */
static void
failed_check(const struct call *call, struct world *world, int ret)
{
	EXPECT(ret == -ETIMEDOUT || ret == -EIO);
	EXPECT_EQ(rig_state(world->rig), UIOMMU_DEV_FAILED);
	EXPECT(uiommu_attach(world->other, PASID_FREE, world->plain, NULL) == NULL &&
	       rte_errno == EIO);
	EXPECT_EQ(uiommu_endpoint_remove(world->other), -EIO);
	world->unit_failed = true;
	world_close_failed(world);
	if (call->finish != NULL)
		call->finish(world);
}

static void
fine_check(const struct call *call, struct world *world)
{
	gate_hurry(1);
	uiommu_emu_fault_set(world->rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	call->undo(world);
	if (call->finish != NULL)
		call->finish(world);
	world_close(world);
}

/* What became of a call whose nth write makes the unit go dead. */
struct outcome {
	bool dead; /* there was an nth write */
	int ret;
};

static struct outcome
nth_write(const struct call *call, enum uiommu_emu_fault fault, unsigned int nth,
	  unsigned int hurry)
{
	static struct world world;
	struct holdings before = holdings_now();
	struct outcome outcome;

	world_open(&world);
	if (call->prepare != NULL)
		call->prepare(&world);
	gate_hurry(hurry);
	gate_arm_unit(fault, nth);
	outcome.ret = call->run(&world);
	outcome.dead = gate_disarm() != 0;
	if (rig_state(world.rig) != UIOMMU_DEV_FAILED) {
		EXPECT_EQ(outcome.ret, 0);
		fine_check(call, &world);
	} else {
		failed_check(call, &world, outcome.ret);
	}
	gate_hurry(1);
	holdings_check(&before, "after the unit was closed");
	return outcome;
}

/* Returns false when there was no nth write, and the call has succeeded. */
static bool
nth_write_fails(const struct call *call, enum uiommu_emu_fault fault, unsigned int nth,
		unsigned int *failures)
{
	unsigned int hurry;

	for (hurry = WORLD_HURRY; hurry != 0; hurry /= HURRY_LESS) {
		struct outcome outcome = nth_write(call, fault, nth, hurry);

		if (outcome.dead) {
			*failures += outcome.ret != 0;
			return true;
		}
		/* a unit that is well may be too slow, where the machine is busy */
		if (outcome.ret == 0)
			return false;
	}
	harness_fail(__FILE__, __LINE__, "the call fails on a unit that is well");
}

void
call_unit(const struct call *call)
{
	static const enum uiommu_emu_fault faults[] = {
		UIOMMU_EMU_FAULT_DEAD_QUEUE,
		UIOMMU_EMU_FAULT_LOST_WAIT,
		UIOMMU_EMU_FAULT_BAD_DESCRIPTOR,
	};
	unsigned int failures, nth, writes = 0;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(faults); i++) {
		failures = 0;
		nth = 1;
		while (nth_write_fails(call, faults[i], nth, &failures) && harness_failures() == 0)
			CHECK(++nth < POINTS_MAX);
		/* a wait that cannot fail is none */
		EXPECT(!call->waits || failures > 0);
		writes = nth - 1;
	}
	printf("# points of failure: register writes %u\n", writes);
}
