/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests while memory runs out. The data path takes none of its own; a kernel does, for what is
 * read, and for requests of devices before anybody can read them. Each of them has one answer all
 * the same. And the start: a kernel attaches what has bonds.
 */

#include <errno.h>
#include <stdio.h>

#include "call.h"

#define POINTS_MAX 400

/* ------------------------------------------------------------ reads and writes */

/* Several groups come by one read, and go by one write. */
static int
serve(struct world *world)
{
	static const struct {
		uint32_t pasid;
		uint16_t code;
	} asks[] = {
		{PASID_ANSWERED, UIOMMU_EMU_SUCCESS},
		{UIOMMU_NO_PASID, UIOMMU_EMU_SUCCESS},
		{PASID_PLAIN, UIOMMU_EMU_INVALID},
	};
	uint64_t groups = recorder_groups(world->answering);
	uint16_t indices[ARRAY_COUNT(asks)];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(asks); i++) {
		indices[i] = world_index(world);
		CHECK_EQ(rig_send(world->rig, EP, asks[i].pasid, indices[i], 1, true),
			 UIOMMU_EMU_QUEUED);
	}
	rig_settle(world->rig);
	for (i = 0; i < ARRAY_COUNT(asks); i++)
		rig_expect_any(world->rig, EP, asks[i].pasid, indices[i], asks[i].code);
	rig_expect_none(world->rig);
	EXPECT_EQ(recorder_groups(world->answering), groups + 2);
	return 0;
}

static void
nothing(struct world *world)
{
	(void)world;
}

CALL(serve, .run = serve, .undo = nothing);

static void
ask_many(struct world *world, uint32_t pasid, uint16_t *indices, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++) {
		indices[i] = world_index(world);
		CHECK_EQ(rig_send(world->rig, EP, pasid, indices[i], 1, true), UIOMMU_EMU_QUEUED);
	}
}

static void
expect_many(struct world *world, uint32_t pasid, const uint16_t *indices, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		rig_expect_any(world->rig, EP, pasid, indices[i], UIOMMU_EMU_SUCCESS);
}

static void
answer_many(struct rig *rig, const struct kept_group *groups, unsigned int nb)
{
	uint8_t code = UIOMMU_CODE_SUCCESS;
	unsigned int i;
	int status;

	for (i = 0; i < nb; i++) {
		CHECK_EQ(uiommu_answer(rig->dev, &groups[i].cookie, &code, &status, 1), 1);
		CHECK_EQ(status, 0);
	}
	rig_settle(rig);
}

/* With the two that wait all the numbers that the kernel has in one page: 1 to 63. */
#define KEPT 61
#define MANY 20

/* While there is none at all. What cannot be read stays, and is read later. */
static void
serve_without(void)
{
	static struct world world;
	struct holdings before = holdings_now();
	uint16_t kept[KEPT], asked[MANY];
	struct recorder *deferring;

	world_open(&world);
	deferring = world.deferring;
	ask_many(&world, PASID_DEFERRED, kept, KEPT);
	rig_settle(world.rig);
	CHECK_EQ(deferring->nb_kept, 1 + KEPT);
	ask_many(&world, PASID_ANSWERED, asked, MANY);
	gate_arm(gate_memory(), GATE_EACH);
	rig_settle(world.rig);
	printf("# allocations that failed: %u\n", gate_disarm());
	if (gate_has(GATE(KERNEL))) {
		EXPECT(rig_xstat(world.rig, "_read_retries") > 0);
		rig_expect_none(world.rig);
	}
	rig_settle(world.rig);
	expect_many(&world, PASID_ANSWERED, asked, MANY);
	EXPECT_EQ(recorder_groups(world.answering), MANY);
	answer_many(world.rig, deferring->kept + 1, KEPT);
	expect_many(&world, PASID_DEFERRED, kept, KEPT);
	rig_expect_none(world.rig);
	world_close(&world);
	holdings_check(&before, "at the end");
}

/* ----------------------------------------------------- requests before they are read */

/* Who has answered must be one of the two. Returns false when there was no nth allocation. */
static bool
request_refused(struct world *world, unsigned int nth, unsigned int *counts, unsigned int *by_unit)
{
	uint64_t groups = recorder_groups(world->answering);
	uint16_t index = world_index(world);
	enum uiommu_emu_outcome outcome;
	unsigned int refused;

	gate_arm(GATE(REQUEST), nth);
	outcome = rig_send(world->rig, EP, PASID_ANSWERED, index, 1, true);
	refused = gate_disarm();
	points_note(counts);
	rig_settle(world->rig);
	if (outcome == UIOMMU_EMU_QUEUED) {
		rig_expect(world->rig, EP, PASID_ANSWERED, index, UIOMMU_EMU_SUCCESS);
		groups++;
	} else {
		CHECK_EQ(outcome, UIOMMU_EMU_AUTO_INVALID);
		rig_expect_auto(world->rig, EP, PASID_ANSWERED, index, UIOMMU_EMU_INVALID);
		(*by_unit)++;
	}
	rig_expect_none(world->rig);
	CHECK_EQ(recorder_groups(world->answering), groups);
	return refused != 0;
}

static void
requests(void)
{
	static struct world world;
	struct holdings before = holdings_now();
	unsigned int counts[GATE_KINDS] = {0};
	unsigned int nth = 1, by_unit = 0;
	struct snapshot snapshot;

	world_open(&world);
	snapshot_take(&world, &snapshot);
	while (request_refused(&world, nth, counts, &by_unit) && harness_failures() == 0)
		CHECK(++nth < POINTS_MAX);
	/* each in the middle of others, too */
	snapshot_check(&world, &snapshot);
	points_print(counts);
	EXPECT((by_unit > 0 && counts[GATE_REQUEST] > 1) || !gate_has(GATE(REQUEST)));
	world_close(&world);
	holdings_check(&before, "at the end");
}

/* ------------------------------------------------------------------------- the start */

/* Returns false when there was no nth thing. The unit is started again. */
static bool
start_refused(struct world *world, unsigned int nth, unsigned int *counts)
{
	struct holdings before;
	struct uiommu_dev_info info;
	struct snapshot snapshot;
	unsigned int refused;
	int ret;

	snapshot_take(world, &snapshot);
	rig_release(world->rig);
	CHECK_EQ(uiommu_stop(world->rig->dev), 0);
	before = holdings_now();
	gate_arm(gate_memory(), nth);
	ret = uiommu_start(world->rig->dev);
	refused = gate_disarm();
	points_note(counts);
	if (ret != 0) {
		EXPECT_EQ(ret, -ENOMEM);
		CHECK_EQ(uiommu_info_get(world->rig->dev, &info), 0);
		EXPECT_EQ(info.state, UIOMMU_DEV_CONFIGURED);
		EXPECT_EQ(info.attached, snapshot.info.attached);
		holdings_check(&before, "after a start that failed");
		CHECK_EQ(uiommu_start(world->rig->dev), 0);
	}
	world_started(world);
	snapshot_check(world, &snapshot);
	return refused != 0;
}

static void
start(void)
{
	static struct world world;
	struct holdings before = holdings_now();
	unsigned int counts[GATE_KINDS] = {0};
	unsigned int nth = 1;

	world_open(&world);
	while (start_refused(&world, nth, counts) && harness_failures() == 0)
		CHECK(++nth < POINTS_MAX);
	points_print(counts);
	EXPECT(counts[GATE_KERNEL] > 1 || !gate_has(GATE(KERNEL)));
	world_close(&world);
	holdings_check(&before, "at the end");
}

static const struct harness_case serve_cases[] = {
	{"fail-nth R1 requests are read and answered", serve_memory_case, 0},
	{"fail-nth R1 requests without any memory", serve_without, 0},
	{"fail-nth R1 requests on their way to the queue", requests, 0},
	{"fail-nth start with everything there", start, 0},
};

HARNESS_SUITE(serve);
