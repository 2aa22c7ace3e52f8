/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A command goes bad between the driver and the unit, which refuses it. The unit stops there; the
 * driver finds out, offers it again, and what was wanted happens all the same.
 */

#include <errno.h>
#include <string.h>

#include "scene.h"

/** Lower bits of a command that no unit knows when all are set. */
#define SPOIL UINT64_C(0x7f)
/** Bound on each wait for a unit that is not well. */
#define STUCK_NS UINT64_C(1000000000)
/** Commands of a scene at most. */
#define COMMANDS 128

static struct {
	struct scene *scene;
	uint64_t base;
	uint64_t was;     /**< first word of the command that was spoiled */
	bool is_bad;      /**< and it still is */
	bool armed;       /**< the next one is spoiled */
	bool repairs;     /**< it is well again when the error is acknowledged */
	unsigned int spoiled;
} evil;

/* First word of a command. */
static uint64_t *
command_at(uint64_t index)
{
	const struct hil_commands *commands = hil_unit()->commands;
	const struct hil_machine *machine = evil.scene->machine;

	return hil_memory_va(&machine->memory, hil_queue_pa(evil.base) + index * commands->size,
			     commands->size);
}

/* The driver may have moved it meanwhile. */
static void
repair(void)
{
	uint64_t i;

	for (i = 0; i < COMMANDS; i++) {
		if (*command_at(i) != (evil.was | SPOIL))
			continue;
		*command_at(i) = evil.was;
		evil.is_bad = false;
	}
}

static void
before_write(uint32_t offset, uint64_t value)
{
	const struct hil_commands *commands = hil_unit()->commands;

	if (offset == commands->base)
		evil.base = value;
	if (offset == commands->doorbell && evil.armed) {
		/* queues have more entries than these scenes have commands */
		uint64_t *word = command_at((value >> commands->shift) - 1);

		evil.was = *word;
		*word |= SPOIL;
		evil.is_bad = true;
		evil.armed = false;
		evil.spoiled++;
	} else if (offset == commands->ack && evil.is_bad && evil.repairs) {
		repair();
	}
}

static struct scene *
evil_open(bool repairs)
{
	static const struct hil_hooks hooks = {.write = before_write};
	/* a unit that is stuck is waited for when it is stopped */
	const struct scene_conf conf = {.dev.timeout_ns = repairs ? 0 : STUCK_NS};

	if (hil_unit()->commands == NULL)
		harness_skip("the emulation's own faults are told of in test/conformance");
	memset(&evil, 0, sizeof(evil));
	evil.repairs = repairs;
	hil_platform_hooks_set(&hooks);
	evil.scene = scene_open(&conf);
	return evil.scene;
}

static void
offered_again(void)
{
	struct scene *scene = evil_open(true);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t pa;
	uint8_t *page = scene_memory(scene, PAGE, &pa);
	uint32_t i;

	scene_attach(scene_endpoint(scene, 0), domain);
	for (i = 0; i < 5; i++) {
		scene_map(domain, SCENE_IOVA, pa, PAGE, READ | WRITE);
		memcpy(page, &i, sizeof(i));
		scene_copies(scene, 0, SCENE_IOVA, SCENE_IOVA + 8);
		CHECK_EQ(memcmp(page, page + 8, sizeof(i)), 0);
		evil.armed = true;
		scene_unmap(domain, SCENE_IOVA, PAGE);
		CHECK_EQ(evil.spoiled, i + 1);
		CHECK(!evil.is_bad);
		scene_refused_for(scene, 0, SCENE_IOVA, true, UIOMMU_REPORT_TRANSLATION);
	}
	CHECK_EQ(scene_xstat(scene, hil_unit()->commands->refused), 5);
	scene->hw_errors = 5;
	scene_close(scene);
}

/*
 * Its queue is empty in the end, without which some are not turned off: what a driver cannot turn
 * off it gives no memory back of.
 */
static void
revive(void)
{
	const struct hil_commands *commands = hil_unit()->commands;
	const uint64_t tail = scene_reg(evil.scene, commands->doorbell, 4);

	if (commands->revive == 0)
		return;
	repair();
	scene_reg_set(evil.scene, commands->ack, 4, commands->revive);
	scene_reg_set(evil.scene, commands->doorbell, 4, tail);
}

/* Nobody repairs it: the caller is told, and the unit is given up. */
static void
refused_for_good(void)
{
	struct scene *scene = evil_open(false);
	struct uiommu_domain *domain = scene_domain(scene);
	struct uiommu_dev_info info;
	uint64_t pa;

	(void)scene_memory(scene, PAGE, &pa);
	scene_attach(scene_endpoint(scene, 0), domain);
	scene_map(domain, SCENE_IOVA, pa, PAGE, READ | WRITE);
	scene_load(scene, 0, SCENE_IOVA, 4);
	evil.armed = true;
	CHECK_EQ(uiommu_domain_unmap(domain, SCENE_IOVA, PAGE, NULL), -EIO);
	CHECK_EQ(evil.spoiled, 1);
	CHECK_EQ(uiommu_info_get(scene->dev, &info), 0);
	CHECK_EQ(info.state, UIOMMU_DEV_FAILED);
	CHECK(scene_xstat(scene, hil_unit()->commands->refused) > 1);
	CHECK_EQ(uiommu_domain_unmap(domain, SCENE_IOVA, PAGE, NULL), -EIO);
	revive();
	scene_close_failed(scene);
}

static const struct harness_case refusals_cases[] = {
	{"R11 refused command is offered again", offered_again, 0},
	{"R11 refused for good", refused_for_good, 0},
};
HARNESS_SUITE_OF(refusals, UIOMMU_CAPA_PAGE_TABLES);
