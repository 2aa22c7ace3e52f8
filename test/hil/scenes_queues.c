/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Queues between the driver and the unit: many laps, and more than they hold. */

#include <string.h>

#include "scene.h"

/** Rounds in which a command queue of the smallest size goes round more than once. */
#define ROUNDS 1500

/* Commands: each unmap has some. After each the page is gone. */
static void
laps_of_commands(void)
{
	const struct scene_conf conf = {.devargs = hil_unit()->unit.small_commands};
	struct scene *scene = scene_open(&conf);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t pa;
	uint32_t i;

	(void)scene_memory(scene, PAGE, &pa);
	scene_attach(scene_endpoint(scene, 0), domain);
	for (i = 0; i < ROUNDS; i++) {
		scene_map(domain, SCENE_IOVA, pa, PAGE, READ | WRITE);
		if (i % 50 == 0)
			scene_load(scene, 0, SCENE_IOVA, 4);
		scene_unmap(domain, SCENE_IOVA, PAGE);
		if (i % 50 == 0)
			scene_refused_for(scene, 0, SCENE_IOVA, false, UIOMMU_REPORT_TRANSLATION);
	}
	scene_close(scene);
}

/* Reports: each access is told of once, whole, and in order. */
static void
laps_of_reports(void)
{
	struct scene_conf conf = {.devargs = hil_unit()->unit.small_events,
				  .dev.queue_entries = hil_unit()->unit.entries_min};
	struct scene *scene = scene_open(&conf);
	struct uiommu_domain *domain = scene_domain(scene);
	uint32_t i, nb = hil_unit()->reports != 0 ? hil_unit()->reports : 270;

	scene_attach(scene_endpoint(scene, 0), domain);
	for (i = 0; i < nb; i++) {
		scene_load(scene, 0, SCENE_IOVA + i * PAGE, 4);
		scene_await(scene, i + 1);
	}
	for (i = 0; i < nb; i++) {
		CHECK_EQ(scene->reports[i].iova & ~hil_unit()->iova_lost,
			 (SCENE_IOVA + i * PAGE) & ~hil_unit()->iova_lost);
		CHECK_EQ(scene->reports[i].reason, hil_unit()->second_stage ?
			 UIOMMU_REPORT_PERMISSION : UIOMMU_REPORT_TRANSLATION);
		CHECK_EQ(scene->reports[i].endpoint_id, SCENE_ID(0));
	}
	scene->nb_looked = nb;
	scene_close(scene);
}

/* More than there is room for: what is lost is known to be lost, and service goes on. */
static void
too_many_reports(void)
{
	struct scene_conf conf = {.devargs = hil_unit()->unit.small_events,
				  .dev.queue_entries = hil_unit()->unit.entries_min};
	struct scene *scene = scene_open(&conf);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t pa;
	uint32_t round;

	if (scene->machine == NULL)
		harness_skip("the emulation's devices make one access at a time");
	(void)scene_memory(scene, PAGE, &pa);
	scene_attach(scene_endpoint(scene, 0), domain);
	scene_attach(scene_endpoint(scene, 1), domain);
	for (round = 0; round < 3; round++) {
		uint32_t before = scene->nb_reports;

		scene_load(scene, 0, SCENE_IOVA, 4000);
		scene_load(scene, 1, SCENE_IOVA, 4);
		scene_await(scene, before + 1);
		scene_poll(scene);
		CHECK(scene->nb_reports < before + 1001);
		scene_await_above(scene, hil_unit()->lost, round);
		scene->hw_errors += hil_unit()->lost_is_error;
		scene->nb_looked = scene->nb_reports;
		scene_refused_for(scene, 0, SCENE_IOVA + 0x10, true, UIOMMU_REPORT_TRANSLATION);
		scene_map(domain, SCENE_IOVA, pa, PAGE, READ | WRITE);
		scene_copies(scene, 0, SCENE_IOVA, SCENE_IOVA + 8);
		scene_unmap(domain, SCENE_IOVA, PAGE);
	}
	scene_close(scene);
}

static const struct harness_case queues_cases[] = {
	{"laps of commands", laps_of_commands, 0},
	{"laps of reports", laps_of_reports, 0},
	{"R6 too many reports", too_many_reports, 0},
};
HARNESS_SUITE_OF(queues, UIOMMU_CAPA_PAGE_TABLES);
