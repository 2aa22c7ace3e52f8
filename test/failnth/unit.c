/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Calls on a unit as a whole, where there is no world yet, or none any more. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>

#include "call.h"

#define POINTS_MAX 400

static const struct uiommu_dev_conf small = {
	.size = sizeof(small),
	.queue_entries = 512,
	.deferred_max = 64,
	.parked_max = 32,
	.timeout_ns = WORLD_TIMEOUT_NS,
	.table_pages = 600, /* more than come in one piece */
	.frame_pages = 600,
};

static enum uiommu_dev_state
state_of(int16_t dev)
{
	struct uiommu_dev_info info = {.state = UIOMMU_DEV_UNUSED};

	return uiommu_info_get(dev, &info) == 0 ? info.state : UIOMMU_DEV_UNUSED;
}

/* ------------------------------------------------------------------ probe */

static int
probe(int16_t *dev)
{
	char devargs[256];

	snprintf(devargs, sizeof(devargs), "%s,inline=1", harness_unit()->devargs);
	return uiommu_probe(devargs, dev);
}

static void
probe_memory(void)
{
	struct holdings before = holdings_now();
	unsigned int counts[GATE_KINDS] = {0};
	unsigned int nth, refused;
	int16_t dev = -1;
	int ret;

	for (nth = 1; nth < POINTS_MAX; nth++) {
		gate_arm(gate_memory(), nth);
		ret = probe(&dev);
		refused = gate_disarm();
		points_note(counts);
		if (ret == 0)
			CHECK_EQ(uiommu_close(dev), 0);
		else
			/* devargs that cannot be parsed for want of memory look like wrong ones */
			CHECK(ret == -ENOMEM || (ret == -EINVAL && gate_count(GATE_HEAP) == 0));
		CHECK_EQ(uiommu_dev_next(0), -1);
		holdings_check(&before, "probe");
		if (refused == 0)
			break;
	}
	CHECK_EQ(ret, 0);
	points_print(counts);
	EXPECT(counts[GATE_HEAP] > 1 || !gate_has(GATE(HEAP)));
	EXPECT(counts[GATE_ARGS] == 1 || !gate_has(GATE(ARGS)));
	EXPECT(counts[GATE_KERNEL] > 1 || !gate_has(GATE(KERNEL)));
}

/* -------------------------------------------------------------- configure */

/* What the driver keeps of the first until the unit is closed must not become more. */
#define ROUNDS 6

/*
 * The nth thing is refused, again and again; with again, the unit is configured already, with
 * other sizes, and is not afterwards. Returns false when there was no nth thing: the unit is
 * configured.
 */
static bool
configure_refused(int16_t dev, bool again, unsigned int nth, unsigned int *counts)
{
	const struct uiommu_dev_conf other = {.size = sizeof(other), .queue_entries = 1024};
	struct holdings failed = holdings_now();
	unsigned int round, refused;
	int ret;

	for (round = 0; round < ROUNDS; round++) {
		if (again)
			CHECK_EQ(uiommu_configure(dev, &other), 0);
		gate_arm(gate_memory(), nth);
		ret = uiommu_configure(dev, &small);
		refused = gate_disarm();
		points_note(counts);
		if (refused == 0) {
			CHECK_EQ(ret, 0);
			return round != 0;
		}
		if (ret == 0)
			continue;
		EXPECT_EQ(ret, -ENOMEM);
		EXPECT_EQ(state_of(dev), UIOMMU_DEV_PROBED);
		if (round == ROUNDS - 1)
			holdings_check(&failed, "after failing again");
		failed = holdings_now();
		CHECK(harness_failures() == 0);
	}
	return true;
}

static void
configure(bool again)
{
	unsigned int counts[GATE_KINDS] = {0};
	struct holdings begin = holdings_now();
	unsigned int nth = 1;
	bool refused;
	int16_t dev = -1;

	do {
		CHECK_EQ(probe(&dev), 0);
		refused = configure_refused(dev, again, nth, counts);
		CHECK_EQ(uiommu_configure(dev, &small), 0);
		EXPECT_EQ(state_of(dev), UIOMMU_DEV_CONFIGURED);
		CHECK_EQ(uiommu_start(dev), 0);
		CHECK_EQ(uiommu_stop(dev), 0);
		CHECK_EQ(uiommu_close(dev), 0);
		holdings_check(&begin, "close");
		CHECK(harness_failures() == 0 && ++nth < POINTS_MAX);
	} while (refused);
	points_print(counts);
	EXPECT(counts[GATE_HEAP] > 1 || !gate_has(GATE(HEAP)));
	EXPECT(counts[GATE_DMA] > 1 || !gate_has(GATE(DMA)));
}

static void
configure_memory(void)
{
	configure(false);
}

static void
configure_again_memory(void)
{
	configure(true);
}

/* --------------------------------------------------- start, stop and close */

/* Nothing of these may depend on memory. */
static void
start_stop_close_memory(void)
{
	struct holdings before = holdings_now();
	unsigned int counts[GATE_KINDS] = {0};
	struct uiommu_endpoint *endpoint;
	int16_t dev = -1;

	CHECK_EQ(probe(&dev), 0);
	CHECK_EQ(uiommu_configure(dev, &small), 0);
	endpoint = uiommu_endpoint_add(dev, EP, NULL);
	CHECK(endpoint != NULL);
	gate_arm(gate_memory(), GATE_EACH);
	EXPECT_EQ(uiommu_start(dev), 0);
	EXPECT_EQ(uiommu_queue_claim(dev, 0), 0);
	EXPECT_EQ(uiommu_poll(dev, 0, 64), 0);
	EXPECT_EQ(uiommu_queue_release(dev, 0), 0);
	EXPECT_EQ(uiommu_stop(dev), 0);
	EXPECT_EQ(uiommu_start(dev), 0);
	EXPECT_EQ(uiommu_stop(dev), 0);
	EXPECT_EQ(uiommu_close(dev), 0);
	gate_disarm();
	points_note(counts);
	points_print(counts);
	holdings_check(&before, "close");
}

/* What a world holds goes with the unit. */
static void
close_memory(void)
{
	static struct world world;
	struct holdings before = holdings_now();

	world_open(&world);
	rig_release(world.rig);
	CHECK_EQ(uiommu_stop(world.rig->dev), 0);
	gate_arm(gate_memory(), GATE_EACH);
	rig_close_failed(world.rig);
	gate_disarm();
	holdings_check(&before, "close");
}

/* LeakSanitizer's, where it is: what this thread takes in between is not looked for. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void
leaks_are_expected(bool expected)
{
	if (expected && __lsan_disable != NULL)
		__lsan_disable();
	if (!expected && __lsan_enable != NULL)
		__lsan_enable();
}

/*
 * Alive again, the unit is as if nothing had been; but one that could not be turned off may
 * be using its memory still. It cannot be started, and its memory is not given back.
 */
static void
alive_again(int16_t dev, const struct holdings *before)
{
	struct uiommu_dev_info info;
	int ret;

	CHECK_EQ(uiommu_info_get(dev, &info), 0);
	uiommu_emu_fault_set(uiommu_emu_find(info.name), UIOMMU_EMU_FAULT_NONE, 0);
	ret = info.state == UIOMMU_DEV_STARTED ? 0 : uiommu_start(dev);
	EXPECT(ret == 0 || ret == -EBUSY);
	EXPECT_EQ(uiommu_stop(dev), ret == 0 ? 0 : -EINVAL);
	EXPECT_EQ(uiommu_close(dev), 0);
	if (ret == 0)
		holdings_check(before, "close");
}

/* The unit goes dead at the nth write of start, or of stop. */
static void
dead_at(enum uiommu_emu_fault fault, bool at_stop)
{
	unsigned int nth = 0, refused, failures = 0;
	struct holdings before;
	int16_t dev = -1;
	int ret;

	leaks_are_expected(true);
	do {
		before = holdings_now();
		CHECK_EQ(probe(&dev), 0);
		CHECK_EQ(uiommu_configure(dev, &small), 0);
		CHECK(uiommu_endpoint_add(dev, EP, NULL) != NULL);
		gate_hurry(WORLD_HURRY);
		if (at_stop)
			CHECK_EQ(uiommu_start(dev), 0);
		gate_arm_unit(fault, ++nth);
		ret = at_stop ? uiommu_stop(dev) : uiommu_start(dev);
		refused = gate_disarm();
		gate_hurry(1);
		failures += refused != 0 && ret != 0;
		EXPECT(ret == 0 || ret == -ETIMEDOUT || ret == -EIO);
		EXPECT_EQ(state_of(dev),
			  ret == 0 && !at_stop ? UIOMMU_DEV_STARTED : UIOMMU_DEV_CONFIGURED);
		alive_again(dev, &before);
		CHECK(harness_failures() == 0 && nth < POINTS_MAX);
		/* or too slow, on a busy machine, without being dead */
	} while (refused != 0 || ret != 0);
	leaks_are_expected(false);
	printf("# points of failure: register writes %u, of them %u failed\n", nth - 1, failures);
	EXPECT(fault != UIOMMU_EMU_FAULT_DEAD_COMMANDS || failures > 0);
}

static void
start_unit(void)
{
	dead_at(UIOMMU_EMU_FAULT_DEAD_COMMANDS, false);
	dead_at(UIOMMU_EMU_FAULT_DEAD_QUEUE, false);
}

static void
stop_unit(void)
{
	dead_at(UIOMMU_EMU_FAULT_DEAD_COMMANDS, true);
	dead_at(UIOMMU_EMU_FAULT_DEAD_QUEUE, true);
}

static const struct harness_case unit_cases[] = {
	{"fail-nth T26 T27 probe", probe_memory, 0},
	{"fail-nth configure", configure_memory, 0},
	{"fail-nth configure again", configure_again_memory, 0},
	{"fail-nth start, stop and close need no memory", start_stop_close_memory, 0},
	{"fail-nth close with everything there", close_memory, 0},
	{"fail-nth R11 start, the unit goes dead", start_unit,
	 HARNESS_NEEDS_COMMANDS},
	{"fail-nth R11 stop, the unit goes dead", stop_unit, HARNESS_NEEDS_COMMANDS},
};

HARNESS_SUITE(unit);
