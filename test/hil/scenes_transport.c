/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What everything here stands on: registers, interrupts, and an end that comes without notice. */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "scene.h"

/* Registers of edu: answers with what was written, inverted; raises its interrupt; lowers it. */
#define EDU_LIVE 0x04
#define EDU_STATUS 0x24
#define EDU_RAISE 0x60
#define EDU_LOWER 0x64
#define EDU_SOURCE 0x80

/** Bound on each wait for a unit that is not there any more. */
#define GONE_NS UINT64_C(200000000)
/** Inputs of a PC's interrupt controller that PCI functions have. */
#define PCI_IRQ_FIRST 16
#define PCI_IRQ_LAST 23

/* In order, whole, and more writes than may be outstanding. */
static void
registers(void)
{
	struct scene *scene = scene_open(NULL);
	struct hil_machine *machine = scene->machine;
	uint64_t bar;
	uint32_t i;

	if (machine == NULL)
		harness_skip("the emulation has no link");
	bar = scene->edu[0].bar;
	for (i = 0; i < 5 * HIL_QTEST_POSTED + 3; i++)
		hil_write(machine, bar + EDU_LIVE, 4, i);
	CHECK_EQ(hil_read(machine, bar + EDU_LIVE, 4), (uint32_t)~(i - 1));
	CHECK_EQ(machine->link.posted, 0);
	hil_write(machine, bar + EDU_SOURCE, 8, UINT64_C(0x123456789abcdef0));
	CHECK_EQ(hil_read(machine, bar + EDU_SOURCE, 8), UINT64_C(0x123456789abcdef0));
	CHECK_EQ(hil_read(machine, scene->edu[1].bar + EDU_SOURCE, 8), 0);
	scene_close(scene);
}

static uint32_t
raised(const struct hil_machine *machine)
{
	uint32_t i, sum = 0;

	for (i = PCI_IRQ_FIRST; i <= PCI_IRQ_LAST; i++)
		sum += machine->link.raised[i];
	return sum;
}

static bool
is_high(const struct hil_machine *machine)
{
	bool high = false;
	uint32_t i;

	for (i = PCI_IRQ_FIRST; i <= PCI_IRQ_LAST; i++)
		high |= machine->link.level[i];
	return high;
}

static void
interrupts(void)
{
	struct scene *scene = scene_open(NULL);
	struct hil_machine *machine = scene->machine;
	uint32_t i;

	if (machine == NULL || machine->model != &hil_model_vtd)
		harness_skip("only of the PC it is known where its interrupts go");
	hil_qtest_intercept(&machine->link, "ioapic");
	for (i = 0; i < 3; i++) {
		hil_write(machine, scene->edu[0].bar + EDU_RAISE, 4, 1);
		CHECK_EQ(hil_read(machine, scene->edu[0].bar + EDU_STATUS, 4), 1);
		CHECK_EQ(raised(machine), i + 1);
		CHECK(is_high(machine));
		hil_write(machine, scene->edu[0].bar + EDU_LOWER, 4, 1);
		CHECK_EQ(hil_read(machine, scene->edu[0].bar + EDU_STATUS, 4), 0);
		CHECK(!is_high(machine));
	}
	scene_close(scene);
}

/* The machine ends: registers read as all ones, the unit has failed, and the line says why. */
static void
gone(void)
{
	const struct scene_conf conf = {.dev.timeout_ns = GONE_NS};
	struct scene *scene = scene_open(&conf);
	struct uiommu_domain *domain = scene_domain(scene);
	struct uiommu_dev_info info;
	uint64_t pa;

	if (scene->machine == NULL)
		harness_skip("the emulation does not end by itself");
	(void)scene_memory(scene, PAGE, &pa);
	scene_attach(scene_endpoint(scene, 0), domain);
	scene_map(domain, SCENE_IOVA, pa, PAGE, READ);
	CHECK_EQ(kill(scene->machine->process.pid, SIGKILL), 0);
	CHECK_EQ(uiommu_domain_unmap(domain, SCENE_IOVA, PAGE, NULL), -EIO);
	CHECK_EQ(uiommu_info_get(scene->dev, &info), 0);
	CHECK_EQ(info.state, UIOMMU_DEV_FAILED);
	CHECK(hil_qtest_broken(&scene->machine->link) != NULL);
	CHECK(strstr(hil_qtest_broken(&scene->machine->link), "QEMU has ended, signal 9") != NULL);
	scene_close_failed(scene);
	hil_machine_stop();
	scene->machine = NULL;
}

static const struct harness_case transport_cases[] = {
	{"registers", registers, 0},
	{"interrupts", interrupts, 0},
	{"R11 a machine that is gone", gone, 0},
};
HARNESS_SUITE_OF(transport, UIOMMU_CAPA_PAGE_TABLES);
