/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The unit's own opinion of tables: its debug interface translates an address for any device and
 * process id ("Translation-request control"), so tables of processes are walked too, which no
 * device of QEMU's can ask for.
 */

#include "riscv_scenes.h"

#define TR_REQ_IOVA 0x258
#define TR_REQ_CTL 0x260
#define TR_RESPONSE 0x268
#define CTL_GO UINT64_C(1)
/** Read only: else write access is asked for. */
#define CTL_NW (UINT64_C(1) << 3)
#define CTL_PID_SHIFT 12
#define CTL_PV (UINT64_C(1) << 32)
#define CTL_DID_SHIFT 40
#define RESPONSE_FAULT UINT64_C(1)
#define RESPONSE_S (UINT64_C(1) << 9)
#define RESPONSE_PPN_SHIFT 10
#define RESPONSE_PPN_MASK ((UINT64_C(1) << 44) - 1)
/** Looks at a request under way. */
#define PATIENCE 10000

/** Pages of each table that are looked at. */
#define NB_PAGES 12

static uint64_t
asked(struct scene *scene, uint32_t pasid, uint64_t iova, bool write)
{
	uint64_t ctl = CTL_GO | (write ? 0 : CTL_NW) | (uint64_t)SCENE_ID(0) << CTL_DID_SHIFT;
	unsigned int i;

	if (pasid != UIOMMU_NO_PASID)
		ctl |= CTL_PV | (uint64_t)pasid << CTL_PID_SHIFT;
	scene_reg_set(scene, TR_REQ_IOVA, 8, iova & ~(PAGE - 1));
	scene_reg_set(scene, TR_REQ_CTL, 8, ctl);
	for (i = 0; (scene_reg(scene, TR_REQ_CTL, 8) & CTL_GO) != 0; i++)
		CHECK(i < PATIENCE);
	return scene_reg(scene, TR_RESPONSE, 8);
}

/* Page that the unit finds; UINT64_MAX: none. */
static uint64_t
found(struct scene *scene, uint32_t pasid, uint64_t iova, bool write)
{
	const uint64_t response = asked(scene, pasid, iova, write);
	uint64_t ppn = response >> RESPONSE_PPN_SHIFT & RESPONSE_PPN_MASK, size;

	/* what is below the machine's memory is no page */
	if (hil_unit()->debug_is_shifted)
		return response < scene->machine->model->ram_pa / PAGE ? UINT64_MAX :
									 response * PAGE;
	if ((response & RESPONSE_FAULT) != 0)
		return UINT64_MAX;
	if ((response & RESPONSE_S) == 0)
		return ppn * PAGE;
	/* the lowest bit that is 0 tells the size of the range: twice what is below it */
	size = ((~ppn & (ppn + 1)) << 1) * PAGE;
	return (ppn * PAGE & ~(size - 1)) | (iova & (size - 1) & ~(PAGE - 1));
}

/* As much of an address as the unit tells. */
static uint64_t
told(uint64_t pa)
{
	return hil_unit()->debug_is_shifted ? pa & ~(1024 * PAGE - 1) : pa;
}

/* @param leaf size of the leaf that the address may lie in */
static void
same_opinion(struct scene *scene, uint32_t pasid, struct uiommu_domain *domain, uint64_t iova,
	     uint64_t leaf)
{
	uint64_t pa;
	int ret = uiommu_domain_iova_to_phys(domain, iova, &pa);

	if (!hil_unit()->debug_is_leaf)
		leaf = PAGE;
	CHECK_EQ(found(scene, pasid, iova, false),
		 ret == 0 ? told(pa & ~(leaf - 1)) : UINT64_MAX);
}

/* Addresses all over the space of a table with so many levels. */
static uint64_t
somewhere(unsigned int levels, uint64_t *seed)
{
	return harness_random(seed) & ((UINT64_C(1) << (11 + 9 * levels)) - 1) & ~(LARGE - 1);
}

static void
table_is_walked(struct scene *scene, struct uiommu_endpoint *endpoint, uint32_t pasid,
		unsigned int levels)
{
	struct uiommu_domain_conf conf = {
		.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING, .levels = levels};
	struct uiommu_domain *domain = uiommu_domain_alloc(scene->dev, &conf);
	uint64_t iova[NB_PAGES], pa, large_pa, seed = levels;
	struct uiommu_attach *attach;
	unsigned int i;

	CHECK(domain != NULL);
	attach = uiommu_attach(endpoint, pasid, domain, NULL);
	CHECK(attach != NULL);
	(void)scene_memory(scene, LARGE, &large_pa);
	for (i = 0; i < NB_PAGES; i++) {
		iova[i] = somewhere(levels, &seed);
		(void)scene_memory(scene, PAGE, &pa);
		if (i % 4 == 0)
			scene_map(domain, iova[i], large_pa, LARGE, READ | WRITE);
		else
			scene_map(domain, iova[i], pa, PAGE, i % 2 == 0 ? READ : READ | WRITE);
	}
	for (i = 0; i < NB_PAGES; i++) {
		const uint64_t leaf = i % 4 == 0 ? LARGE : PAGE;

		same_opinion(scene, pasid, domain, iova[i], leaf);
		same_opinion(scene, pasid, domain, iova[i] + PAGE, leaf);
		same_opinion(scene, pasid, domain, iova[i] + 0x55000, leaf);
		same_opinion(scene, pasid, domain, iova[i] + LARGE, PAGE);
		CHECK_EQ(found(scene, pasid, iova[i], true) != UINT64_MAX,
			 i % 4 == 0 || i % 2 != 0);
	}
	for (i = 0; i < NB_PAGES; i++) {
		scene_unmap(domain, iova[i], i % 4 == 0 ? LARGE : PAGE);
		same_opinion(scene, pasid, domain, iova[i], PAGE);
	}
	CHECK_EQ(uiommu_detach(attach), 0);
	CHECK_EQ(found(scene, pasid, iova[0], false), UINT64_MAX);
	CHECK_EQ(uiommu_domain_free(domain), 0);
}

static void
second_opinion(void)
{
	static const uint32_t pasids[] = {UIOMMU_NO_PASID, 1, 0x5a, 0xff};
	struct uiommu_endpoint *endpoint;
	struct scene *scene = scene_open(NULL);
	unsigned int levels, i;

	if (scene->machine == NULL)
		harness_skip("the emulation has no debug interface");
	endpoint = scene_endpoint(scene, 0);
	for (levels = 3; levels <= 5; levels++)
		for (i = 0; i < ARRAY_COUNT(pasids); i++)
			table_is_walked(scene, endpoint, pasids[i], levels);
	/* what it did not find it may have reported */
	scene_poll(scene);
	scene->nb_looked = scene->nb_reports;
	scene_close(scene);
}

/* Address spaces side by side, and one that is as it is. */
static void
processes(void)
{
	struct uiommu_domain_conf identity = {.size = sizeof(identity),
					      .type = UIOMMU_DOMAIN_IDENTITY};
	struct uiommu_domain *domain[4];
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach[4];
	struct scene *scene = scene_open(NULL);
	uint64_t pa[4];
	uint32_t i;

	if (scene->machine == NULL)
		harness_skip("the emulation has no debug interface");
	endpoint = scene_endpoint(scene, 0);
	for (i = 0; i < 4; i++) {
		uint64_t gap;

		/* places that differ in all that is told */
		(void)scene_memory(scene, 1024 * PAGE, &gap);
		domain[i] = i < 3 ? scene_domain(scene) :
				    uiommu_domain_alloc(scene->dev, &identity);
		CHECK(domain[i] != NULL);
		(void)scene_memory(scene, PAGE, &pa[i]);
		if (i < 3)
			scene_map(domain[i], SCENE_IOVA, pa[i], PAGE, READ);
		attach[i] = uiommu_attach(endpoint, i + 1, domain[i], NULL);
		CHECK(attach[i] != NULL);
	}
	for (i = 0; i < 3; i++)
		CHECK_EQ(found(scene, i + 1, SCENE_IOVA, false), told(pa[i]));
	CHECK_EQ(found(scene, 4, pa[3], true), told(pa[3]));
	CHECK_EQ(found(scene, 5, SCENE_IOVA, false), UINT64_MAX);
	CHECK_EQ(found(scene, UIOMMU_NO_PASID, SCENE_IOVA, false), UINT64_MAX);
	attach[0] = uiommu_replace(attach[0], domain[1], NULL);
	CHECK(attach[0] != NULL);
	CHECK_EQ(found(scene, 1, SCENE_IOVA, false), told(pa[1]));
	CHECK_EQ(uiommu_detach(attach[1]), 0);
	CHECK_EQ(found(scene, 2, SCENE_IOVA, false), UINT64_MAX);
	CHECK_EQ(found(scene, 1, SCENE_IOVA, false), told(pa[1]));
	scene_poll(scene);
	scene->nb_looked = scene->nb_reports;
	scene_close(scene);
}

static const struct harness_case riscv_cases[] = {
	{"walks by the debug interface", second_opinion, 0},
	{"processes by the debug interface", processes, 0},
};
HARNESS_SUITE_OF(riscv, UIOMMU_CAPA_PASID);
