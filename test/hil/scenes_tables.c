/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Tables of every shape that the driver and the unit know: levels of directories and of tables. */

#include <string.h>

#include "scene.h"

/** In reach of three levels too. */
#define LOOP_IOVA UINT64_C(0x1000200000)

/* A small loop: it works, and it ends. */
static void
loop(struct scene *scene, unsigned int device, struct uiommu_domain *domain)
{
	uint64_t from_pa, to_pa;
	uint8_t *from = scene_memory(scene, PAGE, &from_pa);
	uint8_t *to = scene_memory(scene, PAGE, &to_pa);
	struct uiommu_attach *attach = scene_attach(scene_endpoint(scene, device), domain);

	memcpy(from, "loop", 4);
	scene_refused_for(scene, device, LOOP_IOVA, false, UIOMMU_REPORT_TRANSLATION);
	scene_map(domain, LOOP_IOVA, from_pa, PAGE, READ);
	scene_map(domain, LOOP_IOVA + 512 * LARGE, to_pa, PAGE, READ | WRITE);
	scene_copies(scene, device, LOOP_IOVA, LOOP_IOVA + 512 * LARGE);
	CHECK_EQ(memcmp(from, to, 4), 0);
	scene_unmap(domain, LOOP_IOVA, PAGE);
	scene_refused_for(scene, device, LOOP_IOVA, false, UIOMMU_REPORT_TRANSLATION);
	scene_unmap(domain, LOOP_IOVA + 512 * LARGE, PAGE);
	CHECK_EQ(uiommu_detach(attach), 0);
}

/* Directories of devices. */
static void
directories(void)
{
	const char *const *shape = hil_unit()->directories;

	if (shape == NULL)
		harness_skip("there is one shape only");
	for (; *shape != NULL; shape++) {
		const struct scene_conf conf = {.devargs = *shape};
		struct scene *scene = scene_open(&conf);
		unsigned int i;

		for (i = 0; i < SCENE_DEVICES; i++)
			loop(scene, i, scene_domain(scene));
		scene_close(scene);
	}
}

/* Page tables of each number of levels that the unit takes. */
static void
levels(void)
{
	struct scene *scene = scene_open(NULL);
	unsigned int i, done = 0;

	for (i = 3; i <= 5; i++) {
		struct uiommu_domain_conf conf = {
			.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING, .levels = i};
		struct uiommu_domain *domain;
		struct uiommu_endpoint *endpoint = uiommu_endpoint_find(scene->dev, SCENE_ID(0));

		if (endpoint != NULL)
			CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
		if ((scene->info.capa & UIOMMU_CAPA_FIRST_STAGE) == 0)
			conf.flags = UIOMMU_DOMAIN_SECOND_STAGE;
		domain = uiommu_domain_alloc(scene->dev, &conf);
		if (domain == NULL)
			continue;
		loop(scene, 0, domain);
		CHECK_EQ(uiommu_domain_free(domain), 0);
		done |= 1U << i;
	}
	CHECK_EQ(done, hil_unit()->levels);
	scene_close(scene);
}

static const struct harness_case tables_cases[] = {
	{"directories of each shape", directories, 0},
	{"tables of each number of levels", levels, 0},
};
HARNESS_SUITE_OF(tables, UIOMMU_CAPA_PAGE_TABLES);
