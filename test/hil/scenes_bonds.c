/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Who is bonded to what, and when that is in force. */

#include <string.h>

#include "scene.h"

#define NUMBER UINT32_C(0xb01d0000)

/** A page in a domain of its own. */
struct place {
	struct uiommu_domain *domain;
	uint8_t *page;
	uint64_t pa;
};

static struct place
place_make(struct scene *scene, uint32_t number)
{
	struct place place = {.domain = scene_domain(scene)};

	place.page = scene_memory(scene, PAGE, &place.pa);
	memcpy(place.page, &number, sizeof(number));
	scene_map(place.domain, SCENE_IOVA, place.pa, PAGE, READ | WRITE);
	return place;
}

/* The device finds the number of this place, and nothing else happens. */
static void
place_is_seen(struct scene *scene, unsigned int device, const struct place *place)
{
	memset(place->page + 8, 0, 4);
	scene_copies(scene, device, SCENE_IOVA, SCENE_IOVA + 8);
	CHECK_EQ(memcmp(place->page, place->page + 8, 4), 0);
}

/* Another domain in the place of the first: at once, and nothing of the first is left. */
static void
replaced(void)
{
	struct scene *scene = scene_open(NULL);
	struct place place[2] = {place_make(scene, NUMBER), place_make(scene, NUMBER + 1)};
	struct uiommu_attach *attach;
	unsigned int i;

	attach = scene_attach(scene_endpoint(scene, 0), place[0].domain);
	for (i = 0; i < 5; i++) {
		place_is_seen(scene, 0, &place[i % 2]);
		attach = uiommu_replace(attach, place[(i + 1) % 2].domain, NULL);
		CHECK(attach != NULL);
	}
	scene_close(scene);
}

/* Two devices: each has its own space, then both have one. */
static void
two_devices(void)
{
	struct scene *scene = scene_open(NULL);
	struct place place[2] = {place_make(scene, NUMBER), place_make(scene, NUMBER + 1)};
	struct uiommu_endpoint *endpoint[2];
	struct uiommu_attach *attach[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		endpoint[i] = scene_endpoint(scene, i);
		attach[i] = scene_attach(endpoint[i], place[i].domain);
	}
	for (i = 0; i < 4; i++)
		place_is_seen(scene, i % 2, &place[i % 2]);
	CHECK_EQ(uiommu_detach(attach[1]), 0);
	scene_detached(scene, 1, SCENE_IOVA);
	place_is_seen(scene, 0, &place[0]);
	scene_attach(endpoint[1], place[0].domain);
	place_is_seen(scene, 1, &place[0]);
	place_is_seen(scene, 0, &place[0]);
	scene_unmap(place[0].domain, SCENE_IOVA, PAGE);
	for (i = 0; i < 2; i++)
		scene_refused_for(scene, i, SCENE_IOVA, true, UIOMMU_REPORT_TRANSLATION);
	scene_close(scene);
}

/* No access before, between and after; each time somebody is told. */
static void
detached_and_removed(void)
{
	struct scene *scene = scene_open(NULL);
	struct place place = place_make(scene, NUMBER);
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
	unsigned int i;

	CHECK_EQ(scene_refused(scene, 0, SCENE_IOVA, false)->reason, UIOMMU_REPORT_ENDPOINT);
	for (i = 0; i < 3; i++) {
		endpoint = scene_endpoint(scene, 0);
		(void)scene_refused(scene, 0, SCENE_IOVA, true);
		attach = scene_attach(endpoint, place.domain);
		place_is_seen(scene, 0, &place);
		if (i != 1)
			CHECK_EQ(uiommu_detach(attach), 0);
		if (i != 1)
			scene_detached(scene, 0, SCENE_IOVA);
		CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
		CHECK_EQ(scene_refused(scene, 0, SCENE_IOVA, true)->reason,
			 hil_unit()->gone_are_empty ? UIOMMU_REPORT_PASID :
						      UIOMMU_REPORT_ENDPOINT);
	}
	CHECK_EQ(memcmp(place.page + 4, "\0\0\0\0", 4), 0);
	scene_close(scene);
}

/* A domain without any access is one that refuses all. */
static void
blocked(void)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_BLOCKED};
	struct scene *scene = scene_open(NULL);
	struct place place = place_make(scene, NUMBER);
	struct uiommu_endpoint *endpoint = scene_endpoint(scene, 0);
	struct uiommu_attach *attach = scene_attach(endpoint, place.domain);
	struct uiommu_domain *domain = uiommu_domain_alloc(scene->dev, &conf);

	CHECK(domain != NULL);
	place_is_seen(scene, 0, &place);
	attach = uiommu_replace(attach, domain, NULL);
	CHECK(attach != NULL);
	(void)scene_refused(scene, 0, SCENE_IOVA, true);
	attach = uiommu_replace(attach, place.domain, NULL);
	CHECK(attach != NULL);
	place_is_seen(scene, 0, &place);
	scene_close(scene);
}

/* Another domain for a device, where need be for one that is new. */
static struct uiommu_attach *
exchanged(struct scene *scene, struct uiommu_attach *attach, struct uiommu_domain *domain)
{
	struct uiommu_endpoint *endpoint = uiommu_endpoint_find(scene->dev, SCENE_ID(0));

	if (hil_unit()->identity_sticks) {
		CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
		return scene_attach(scene_endpoint(scene, 0), domain);
	}
	attach = uiommu_replace(attach, domain, NULL);
	CHECK(attach != NULL);
	return attach;
}

/* Addresses as they are, then not any more. */
static void
identity(void)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_IDENTITY};
	struct scene *scene = scene_open(NULL);
	struct place place = place_make(scene, NUMBER);
	struct uiommu_domain *domain = uiommu_domain_alloc(scene->dev, &conf);
	struct uiommu_attach *attach;
	unsigned int i;

	CHECK(domain != NULL);
	attach = scene_attach(scene_endpoint(scene, 0), domain);
	for (i = 0; i < 3; i++) {
		memset(place.page + 8, 0, 4);
		scene_copies(scene, 0, place.pa, place.pa + 8);
		CHECK_EQ(memcmp(place.page, place.page + 8, 4), 0);
		attach = exchanged(scene, attach, place.domain);
		place_is_seen(scene, 0, &place);
		scene_refused_for(scene, 0, SCENE_IOVA + PAGE, true, UIOMMU_REPORT_TRANSLATION);
		attach = exchanged(scene, attach, domain);
	}
	scene_close(scene);
}

/* Bonds that were made before the start, and that stay over a stop. */
static void
start_and_stop(void)
{
	const struct scene_conf conf = {.no_start = true, .dev.stop_mode = UIOMMU_STOP_OFF};
	struct scene *scene = scene_open(&conf);
	struct place place = place_make(scene, NUMBER);
	unsigned int i;

	scene_attach(scene_endpoint(scene, 0), place.domain);
	for (i = 0; i < 3; i++) {
		scene_start(scene);
		place_is_seen(scene, 0, &place);
		scene_unmap(place.domain, SCENE_IOVA, PAGE);
		scene_refused_for(scene, 0, SCENE_IOVA, false, UIOMMU_REPORT_TRANSLATION);
		scene_map(place.domain, SCENE_IOVA, place.pa, PAGE, READ | WRITE);
		place_is_seen(scene, 0, &place);
		scene_stop(scene);
		/* what changes meanwhile is in force after the start */
		CHECK_EQ(uiommu_domain_unmap(place.domain, SCENE_IOVA, PAGE, NULL), 0);
		scene_map(place.domain, SCENE_IOVA, place.pa, PAGE, READ | WRITE);
	}
	scene_close(scene);
}

/* After a stop that blocks no byte gets through; after one that does not, all do. */
static void
stop_modes(void)
{
	static const uint32_t modes[] = {UIOMMU_STOP_BLOCK, UIOMMU_STOP_OFF, UIOMMU_STOP_RESTORE};
	const uint32_t number = NUMBER, zero = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(modes); i++) {
		const struct scene_conf conf = {.dev.stop_mode = modes[i]};
		struct scene *scene = scene_open(&conf);
		struct place place = place_make(scene, number);
		uint64_t pa;
		uint8_t *page = scene_memory(scene, PAGE, &pa);
		bool blocks;

		if (scene->machine == NULL)
			harness_skip("the emulation's devices do nothing while a unit is off");
		scene_attach(scene_endpoint(scene, 0), place.domain);
		place_is_seen(scene, 0, &place);
		scene_stop(scene);
		scene_store(scene, 0, pa, 4);
		hil_qtest_flush(&scene->machine->link);
		blocks = (modes[i] == UIOMMU_STOP_BLOCK && !hil_unit()->cannot_block) ||
			 (modes[i] == UIOMMU_STOP_RESTORE && hil_unit()->found_blocking);
		CHECK_EQ(memcmp(page, blocks ? &zero : &number, 4), 0);
		scene_close(scene);
	}
}

static const struct harness_case bonds_cases[] = {
	{"R4 replaced", replaced, 0},
	{"two devices", two_devices, 0},
	{"R4 detached and removed", detached_and_removed, 0},
	{"R4 blocked", blocked, 0},
	{"identity", identity, UIOMMU_CAPA_PASSTHROUGH},
	{"start and stop", start_and_stop, 0},
	{"stop modes", stop_modes, 0},
};
HARNESS_SUITE_OF(bonds, UIOMMU_CAPA_PAGE_TABLES);
