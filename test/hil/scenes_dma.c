/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What a table says, and what a device gets. */

#include <string.h>

#include "scene.h"

/** Number that devices carry. */
#define NUMBER UINT32_C(0x600dda7a)

static uint32_t
number_at(const uint8_t *va)
{
	uint32_t number;

	memcpy(&number, va, sizeof(number));
	return number;
}

static void
number_set(uint8_t *va, uint32_t number)
{
	memcpy(va, &number, sizeof(number));
}

/* The whole loop: refused, reported, mapped, done; both directions. */
static void
refused_then_mapped(void)
{
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t from_pa, to_pa;
	uint8_t *from = scene_memory(scene, PAGE, &from_pa);
	uint8_t *to = scene_memory(scene, PAGE, &to_pa);

	scene_attach(scene_endpoint(scene, 0), domain);
	number_set(from + 0x10, NUMBER);
	scene_refused_for(scene, 0, SCENE_IOVA + 0x10, false, UIOMMU_REPORT_TRANSLATION);
	scene_map(domain, SCENE_IOVA, from_pa, PAGE, READ);
	scene_load(scene, 0, SCENE_IOVA + 0x10, 4);
	scene_quiet(scene);
	scene_refused_for(scene, 0, SCENE_IOVA + PAGE + 0x20, true, UIOMMU_REPORT_TRANSLATION);
	scene_map(domain, SCENE_IOVA + PAGE, to_pa, PAGE, READ | WRITE);
	scene_copies(scene, 0, SCENE_IOVA + 0x10, SCENE_IOVA + PAGE + 0x20);
	CHECK_EQ(number_at(to + 0x20), NUMBER);
	scene_close(scene);
}

/* A page that is gone is gone at once, whatever was cached of it; a new one is used at once. */
static void
unmapped_faults_again(void)
{
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t pa[2];
	uint8_t *page[2];
	uint32_t i;

	scene_attach(scene_endpoint(scene, 0), domain);
	for (i = 0; i < 2; i++)
		page[i] = scene_memory(scene, PAGE, &pa[i]);
	for (i = 0; i < 6; i++) {
		number_set(page[i % 2], NUMBER + i);
		scene_map(domain, SCENE_IOVA, pa[i % 2], PAGE, READ | WRITE);
		scene_copies(scene, 0, SCENE_IOVA, SCENE_IOVA + 8);
		CHECK_EQ(number_at(page[i % 2] + 8), NUMBER + i);
		scene_unmap(domain, SCENE_IOVA, PAGE);
		scene_refused_for(scene, 0, SCENE_IOVA, i % 2 != 0, UIOMMU_REPORT_TRANSLATION);
	}
	scene_close(scene);
}

/* Rights: read only, then more, then less. */
static void
rights(void)
{
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t pa;
	uint8_t *page = scene_memory(scene, PAGE, &pa);

	scene_attach(scene_endpoint(scene, 0), domain);
	number_set(page, NUMBER);
	scene_map(domain, SCENE_IOVA, pa, PAGE, READ);
	scene_load(scene, 0, SCENE_IOVA, 4);
	scene_denied(scene, 0, SCENE_IOVA + 4);
	CHECK_EQ(number_at(page + 4), 0);
	scene_map(domain, SCENE_IOVA, pa, PAGE, READ | WRITE);
	scene_copies(scene, 0, SCENE_IOVA, SCENE_IOVA + 4);
	CHECK_EQ(number_at(page + 4), NUMBER);
	CHECK_EQ(uiommu_domain_protect(domain, SCENE_IOVA, PAGE, READ), 0);
	scene_denied(scene, 0, SCENE_IOVA + 8);
	CHECK_EQ(number_at(page + 8), 0);
	scene_load(scene, 0, SCENE_IOVA, 4);
	scene_close(scene);
}

/* Pages side by side that lead to places far apart: each byte goes where its page does. */
static void
scattered_pages(void)
{
	enum { NB = 8 };
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t pa[NB], gap;
	uint8_t *page[NB];
	uint32_t i;

	scene_attach(scene_endpoint(scene, 0), domain);
	for (i = 0; i < NB; i++) {
		page[i] = scene_memory(scene, PAGE, &pa[i]);
		(void)scene_memory(scene, PAGE, &gap);
		number_set(page[i] + 4 * i, NUMBER + i);
		/* in reverse, and across a boundary of two tables */
		scene_map(domain, SCENE_IOVA + LARGE - (i + 1) * PAGE + 4 * PAGE, pa[i], PAGE,
			  READ | WRITE);
	}
	for (i = 0; i < NB; i++) {
		uint64_t iova = SCENE_IOVA + LARGE - (i + 1) * PAGE + 4 * PAGE;

		scene_copies(scene, 0, iova + 4 * i, iova + 0xff8);
		CHECK_EQ(number_at(page[i] + 0xff8), NUMBER + i);
	}
	scene_close(scene);
}

/* 2 MiB in one leaf, then in small ones, with a hole. */
static void
large_leaf(void)
{
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t pa, found;
	uint8_t *large = scene_memory(scene, LARGE, &pa);

	scene_attach(scene_endpoint(scene, 0), domain);
	scene_map(domain, SCENE_IOVA, pa, LARGE, READ | WRITE);
	number_set(large + 0x123450, NUMBER);
	scene_copies(scene, 0, SCENE_IOVA + 0x123450, SCENE_IOVA + LARGE - 4);
	CHECK_EQ(number_at(large + LARGE - 4), NUMBER);
	CHECK_EQ(uiommu_domain_iova_to_phys(domain, SCENE_IOVA + 0x123450, &found), 0);
	CHECK_EQ(found, pa + 0x123450);
	scene_unmap(domain, SCENE_IOVA + 0x124000, PAGE);
	scene_refused_for(scene, 0, SCENE_IOVA + 0x124ffc, true, UIOMMU_REPORT_TRANSLATION);
	scene_copies(scene, 0, SCENE_IOVA + 0x123450, SCENE_IOVA + 0x125000);
	CHECK_EQ(number_at(large + 0x125000), NUMBER);
	scene_close(scene);
}

/* The last pages of the address space, and what lies beyond it. */
static void
ends_of_the_space(void)
{
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	const uint64_t end = UINT64_C(1) << 47;
	const struct uiommu_report *report;
	uint64_t pa;
	uint8_t *page = scene_memory(scene, PAGE, &pa);

	scene_attach(scene_endpoint(scene, 0), domain);
	number_set(page, NUMBER);
	scene_map(domain, end - PAGE, pa, PAGE, READ | WRITE);
	scene_map(domain, 0, pa, PAGE, READ | WRITE);
	scene_copies(scene, 0, end - PAGE, end - 4);
	scene_copies(scene, 0, 0, 0x20);
	CHECK_EQ(number_at(page + 0xffc), NUMBER);
	CHECK_EQ(number_at(page + 0x20), NUMBER);
	if (hil_unit()->beyond_is_silent) {
		scene_store(scene, 0, UINT64_C(1) << 58, 4);
		scene_quiet(scene);
	} else {
		report = scene_refused(scene, 0, UINT64_C(1) << 58, true);
		CHECK(report->reason == UIOMMU_REPORT_ADDRESS ||
		      report->reason == UIOMMU_REPORT_TRANSLATION);
	}
	scene_close(scene);
}

/* The whole buffer of a device at once. */
static void
many_bytes(void)
{
	enum { LEN = 4000 };
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	uint64_t from_pa, to_pa, seed = 1;
	uint8_t *from = scene_memory(scene, PAGE, &from_pa);
	uint8_t *to = scene_memory(scene, PAGE, &to_pa);
	uint32_t i;

	for (i = 0; i < LEN; i++)
		from[i] = (uint8_t)harness_random(&seed);
	scene_attach(scene_endpoint(scene, 0), domain);
	scene_map(domain, SCENE_IOVA, from_pa, PAGE, READ);
	scene_map(domain, SCENE_IOVA + LARGE, to_pa, PAGE, READ | WRITE);
	scene_load(scene, 0, SCENE_IOVA, LEN);
	scene_store(scene, 0, SCENE_IOVA + LARGE + 16, LEN);
	scene_quiet(scene);
	CHECK_EQ(memcmp(from, to + 16, LEN), 0);
	CHECK_EQ(to[15] | to[LEN + 16], 0);
	scene_close(scene);
}

/* A device that says itself whether it was refused: it agrees with what was reported. */
static void
second_opinion(void)
{
	struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.flags = UIOMMU_ENDPOINT_NO_PAGE_REQUESTS | UIOMMU_ENDPOINT_NO_ATS};
	struct scene *scene = scene_open(NULL);
	struct uiommu_domain *domain = scene_domain(scene);
	struct hil_testdev testdev;
	struct uiommu_endpoint *endpoint;
	uint64_t pa, other;
	uint8_t *page;

	if (scene->machine == NULL ||
	    hil_testdev_open(&testdev, scene->machine, SCENE_TESTDEV_DEVFN) != 0)
		harness_skip("no iommu-testdev in this unit's machine");
	page = scene_memory(scene, PAGE, &pa);
	(void)scene_memory(scene, PAGE, &other);
	endpoint = uiommu_endpoint_add(scene->dev, SCENE_TESTDEV_DEVFN, &conf);
	CHECK(endpoint != NULL);
	scene_attach(endpoint, domain);
	CHECK_EQ(hil_testdev_write(&testdev, SCENE_IOVA, pa, 4), HIL_TESTDEV_REFUSED);
	scene_await(scene, 1);
	CHECK_EQ(scene->reports[0].endpoint_id, SCENE_TESTDEV_DEVFN);
	CHECK_EQ(scene->reports[0].reason, UIOMMU_REPORT_TRANSLATION);
	scene_map(domain, SCENE_IOVA, pa, PAGE, READ | WRITE);
	CHECK_EQ(hil_testdev_write(&testdev, SCENE_IOVA, pa, 4), HIL_TESTDEV_DONE);
	CHECK_EQ(number_at(page), HIL_TESTDEV_PATTERN);
	CHECK_EQ(hil_testdev_write(&testdev, SCENE_IOVA, other, 4), HIL_TESTDEV_MISSED);
	CHECK_EQ(scene->nb_reports, 1);
	scene->nb_looked = 1;
	scene_close(scene);
}

static const struct harness_case dma_cases[] = {
	{"R3 refused, reported, mapped, done", refused_then_mapped, 0},
	{"R4 what is unmapped faults again", unmapped_faults_again, 0},
	{"rights", rights, 0},
	{"pages far apart", scattered_pages, 0},
	{"large leaf", large_leaf, 0},
	{"ends of the address space", ends_of_the_space, 0},
	{"many bytes", many_bytes, 0},
	{"second opinion", second_opinion, 0},
};
HARNESS_SUITE_OF(dma, UIOMMU_CAPA_PAGE_TABLES);
