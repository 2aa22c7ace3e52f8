/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What is SMMUv3's alone: events written by hand. Registers and words by IHI 0070. */

#include "smmuv3_scenes.h"

#define EVENTQ_BASE 0xa0
#define EVENTQ_PROD 0x100a8
#define CMDQ_PROD 0x98
#define CMDQ_CONS 0x9c
/** Index and wrap of a queue of 128 entries. */
#define PROD_MASK 0xff
#define EVENT_SIZE 32

static uint64_t eventq_base;

static void
before_write(uint32_t offset, uint64_t value)
{
	if (offset == EVENTQ_BASE)
		eventq_base = value;
}

/* F_TRANSLATION that waits, 7.3.13: type 0x10, StreamID 63:32; tag 15:0, Stall 31, RnW 35. */
static void
stall_put(struct scene *scene, uint32_t endpoint_id, uint16_t tag)
{
	const uint64_t prod = scene_reg(scene, EVENTQ_PROD, 4);
	uint64_t *entry = hil_memory_va(&scene->machine->memory, hil_queue_pa(eventq_base) +
					prod % 128 * EVENT_SIZE, EVENT_SIZE);

	CHECK(entry != NULL);
	entry[0] = 0x10 | (uint64_t)endpoint_id << 32;
	entry[1] = tag | UINT64_C(1) << 31 | UINT64_C(1) << 35;
	entry[2] = SCENE_IOVA;
	entry[3] = 0;
	scene_reg_set(scene, EVENTQ_PROD, 4, (prod + 1) & PROD_MASK);
}

/* Stalls that nobody has asked for are ended: CMD_RESUME, which the unit must take. */
static void
stalls_are_ended(void)
{
	static const struct hil_hooks hooks = {.write = before_write};
	const struct scene_conf conf = {.dev.queue_entries = 128};
	struct scene *scene;
	uint64_t before;
	uint16_t i;

	if (hil_unit()->model == NULL)
		harness_skip("the emulation's devices stall by themselves: test/conformance");
	hil_platform_hooks_set(&hooks);
	scene = scene_open(&conf);
	scene_attach(scene_endpoint(scene, 0), scene_domain(scene));
	before = scene_reg(scene, CMDQ_PROD, 4);
	/* more than a lap; of an endpoint that may not, and of one that nobody knows */
	for (i = 0; i < 300; i++) {
		stall_put(scene, i % 2 == 0 ? SCENE_ID(0) : 0x123, i);
		scene_await_above(scene, i % 2 == 0 ? "_stalls_refused" : "unknown_endpoint",
				  i / 2);
	}
	CHECK_EQ(scene_xstat(scene, "_stalls_refused"), 150);
	CHECK_EQ(scene_xstat(scene, "unknown_endpoint"), 150);
	CHECK(scene_reg(scene, CMDQ_PROD, 4) != before);
	CHECK_EQ(scene_reg(scene, CMDQ_PROD, 4), scene_reg(scene, CMDQ_CONS, 4));
	scene_close(scene);
}

static const struct harness_case smmuv3_cases[] = {
	{"stalls are ended", stalls_are_ended, 0},
};
HARNESS_SUITE_OF(smmuv3, UIOMMU_CAPA_PAGE_TABLES);
