/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* T37: nothing outside of a region is touched, and regions come and go while devices ask. */

#include <pthread.h>
#include <unistd.h>

#include "paging.h"

static void
edges(bool second)
{
	const struct paging_conf conf = {.second = second};
	static const uint64_t outside[] = {
		0, PAGE, IOVA - PAGE, IOVA + 4 * PAGE, IOVA + 7 * PAGE, IOVA + 12 * PAGE,
		IOVA + LARGE, 2 * IOVA, UINT64_C(1) << 37,
	};
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	/* without any region */
	CHECK_EQ(paging_ask(&p, IOVA, false), UIOMMU_CODE_INVALID);
	paging_region(&p, IOVA, p.memory, 4 * PAGE, ALL, 0);
	paging_region(&p, IOVA + 8 * PAGE, p.memory + 8 * PAGE, 4 * PAGE, ALL, 0);
	for (i = 0; i < ARRAY_COUNT(outside); i++) {
		CHECK_EQ(paging_ask(&p, outside[i], false), UIOMMU_CODE_INVALID);
		CHECK_EQ(paging_ask(&p, outside[i], true), UIOMMU_CODE_INVALID);
		CHECK_EQ(paging_reach(&p, outside[i], false), UIOMMU_PA_NONE);
	}
	CHECK_EQ(paging_stats(&p).no_region, 1 + 2 * ARRAY_COUNT(outside));
	CHECK_EQ(paging_stats(&p).mapped_pages, 0);
	for (i = 0; i < 4; i++) {
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(paging_ask(&p, IOVA + (8 + i) * PAGE, true), UIOMMU_CODE_SUCCESS);
	}
	CHECK_EQ(paging_count(&p, IOVA - 8 * PAGE, p.memory - 8 * PAGE, 32, true), 8);
	paging_close(&p);
}
BOTH_STAGES(edges);

/* Many regions, found each by its own addresses, in whatever order they came and went. */
static void
many(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct uiommu_region *regions[101];
	struct paging p;
	unsigned int i, round;

	paging_open(&p, &conf);
	for (i = 0; i < 101; i++) {
		unsigned int at = i * 37 % 101;

		regions[at] = paging_region(&p, IOVA + at * 3 * PAGE, p.memory + at * 2 * PAGE,
					    (1 + at % 2) * PAGE,
					    at % 5 == 0 ? UIOMMU_PROT_READ : ALL, 0);
	}
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 101; i++) {
			uint64_t iova = IOVA + i * 3 * PAGE;
			bool gone = round != 0 && i % 3 == 0;

			CHECK_EQ(paging_ask(&p, iova, true),
				 gone || i % 5 == 0 ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS);
			CHECK_EQ(paging_ask(&p, iova, false),
				 gone ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS);
			CHECK_EQ(paging_reach(&p, iova, false),
				 gone ? UIOMMU_PA_NONE : paging_pa(p.memory) + i * 2 * PAGE);
			CHECK_EQ(paging_ask(&p, iova + PAGE, false),
				 gone || i % 2 == 0 ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS);
			CHECK_EQ(paging_ask(&p, iova + 2 * PAGE, false), UIOMMU_CODE_INVALID);
		}
		for (i = 0; round == 0 && i < 101; i += 3)
			CHECK_EQ(uiommu_region_remove(regions[i]), 0);
	}
	paging_close(&p);
}
BOTH_STAGES(many);

/* What a region must not be. */
static void
refused(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct uiommu_backing backing = {
		.size = sizeof(backing), .type = UIOMMU_BACKING_MEMORY, .page_shift = 12,
	};
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	backing.va = p.memory;
	paging_region(&p, IOVA + 8 * PAGE, p.memory, 8 * PAGE, ALL, 0);
	for (i = 0; i < 16; i++) {
		struct uiommu_region *region;

		rte_errno = 0;
		region = uiommu_region_add(p.domain, IOVA + (8 + i) * PAGE - 4 * PAGE, 5 * PAGE,
					   &backing, ALL);
		if (i < 12) {
			CHECK_ERRNO(region, EEXIST);
		} else {
			CHECK(region != NULL);
			CHECK_EQ(uiommu_region_remove(region), 0);
		}
	}
	CHECK_ERRNO(uiommu_region_add(p.domain, IOVA, 64 * PAGE, &backing, ALL), EEXIST);
	CHECK_ERRNO(uiommu_region_add(p.domain, IOVA + 1, PAGE, &backing, ALL), EINVAL);
	CHECK_ERRNO(uiommu_region_add(p.domain, IOVA, PAGE / 2, &backing, ALL), EINVAL);
	CHECK_ERRNO(uiommu_region_add(p.domain, IOVA, 0, &backing, ALL), EINVAL);
	CHECK_ERRNO(uiommu_region_add(p.domain, IOVA, PAGE, &backing, 0), EINVAL);
	CHECK_ERRNO(uiommu_region_add(p.domain, IOVA, PAGE, &backing, UIOMMU_PROT_WRITE), EINVAL);
	CHECK_ERRNO(uiommu_region_add(p.domain, UINT64_C(1) << 62, PAGE, &backing, ALL), EINVAL);
	CHECK_ERRNO(uiommu_region_add(p.domain, UINT64_MAX - PAGE + 1, 2 * PAGE, &backing, ALL),
		    EINVAL);
	CHECK_EQ(paging_ask(&p, IOVA + 8 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 7 * PAGE, true), UIOMMU_CODE_INVALID);
	paging_close(&p);
}
BOTH_STAGES(refused);

/* R4: what it had mapped is out of reach when the call returns, and another may take its place. */
static void
removed(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 8};
	struct uiommu_region *region;
	struct paging p;
	unsigned int round;

	paging_open(&p, &conf);
	paging_region(&p, IOVA + 64 * PAGE, p.memory + 4 * LARGE, 8 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA + 64 * PAGE, true), UIOMMU_CODE_SUCCESS);
	for (round = 0; round < 4; round++) {
		uint8_t *va = p.memory + round * LARGE;

		region = paging_region(&p, IOVA, va, 64 * PAGE, ALL, 0);
		CHECK_EQ(paging_ask(&p, IOVA + 9 * PAGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(paging_count(&p, IOVA, va, 64, true), 8);
		CHECK_EQ(uiommu_region_remove(region), 0);
		CHECK_EQ(paging_count(&p, IOVA, va, 64, false), 0);
		CHECK_EQ(uiommu_emu_retire(p.rig->emu, paging_pa(va), 64 * PAGE), 0);
		CHECK_EQ(paging_ask(&p, IOVA + 9 * PAGE, false), UIOMMU_CODE_INVALID);
		CHECK_EQ(paging_count(&p, IOVA + 64 * PAGE, p.memory + 4 * LARGE, 8, true), 8);
	}
	paging_close(&p);
}
BOTH_STAGES(removed);

/* A domain goes when nothing is attached to it any more, whatever regions it has. */
static void
domain_goes(bool second)
{
	const struct paging_conf conf = {
		.second = second, .rig = {.dev = {.frame_pages = 16}},
	};
	struct uiommu_dev_info before, after;
	struct uiommu_domain *domain;
	struct paging p;
	unsigned int round;

	paging_open(&p, &conf);
	CHECK_EQ(uiommu_domain_free(p.domain), -EBUSY);
	CHECK_EQ(uiommu_detach(p.attach), 0);
	CHECK_EQ(uiommu_domain_free(p.domain), 0);
	CHECK_EQ(uiommu_info_get(p.rig->dev, &before), 0);
	for (round = 0; round < 3; round++) {
		domain = paging_domain(p.rig, &conf);
		p.domain = domain;
		p.attach = rig_attach(p.endpoint, PASID, domain, NULL);
		paging_anon(&p, IOVA, 64 * PAGE, ALL);
		paging_region(&p, IOVA + LARGE, p.memory, 64 * PAGE, ALL,
			      harness_unit()->can_exchange ? UIOMMU_REGION_COW : 0);
		paging_region(&p, IOVA + 2 * LARGE, p.memory, 64 * PAGE, ALL, 0);
		CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(paging_ask(&p, IOVA + LARGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(paging_ask(&p, IOVA + LARGE + PAGE, false), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(paging_ask(&p, IOVA + 2 * LARGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(uiommu_domain_free(domain), -EBUSY);
		CHECK_EQ(paging_ask(&p, IOVA + PAGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(uiommu_detach(p.attach), 0);
		CHECK_EQ(uiommu_domain_free(domain), 0);
		CHECK_EQ(uiommu_emu_retire(p.rig->emu, paging_pa(p.memory), PAGING_MEMORY), 0);
		CHECK_EQ(uiommu_info_get(p.rig->dev, &after), 0);
		CHECK_EQ(after.frame_pages_used, before.frame_pages_used);
		CHECK_EQ(after.table_pages_used, before.table_pages_used);
		CHECK_EQ(after.domains, before.domains);
	}
	paging_close(&p);
}
BOTH_STAGES(domain_goes);

/* ------------------------------------------------------ regions, while devices ask */

/* A thread that adds a region and takes it away again, until it is told to end. */
struct changer {
	struct paging *p;
	pthread_t thread;
	bool end; /* atomic */
	unsigned int rounds; /* atomic */
};

static unsigned int
rounds_of(const struct changer *changer)
{
	return __atomic_load_n(&changer->rounds, __ATOMIC_RELAXED);
}

static void *
changer_main(void *arg)
{
	struct changer *self = arg;

	while (!__atomic_load_n(&self->end, __ATOMIC_ACQUIRE) && harness_failures() == 0) {
		struct uiommu_region *region;

		region = paging_region(self->p, IOVA + 64 * PAGE,
				       self->p->memory + 64 * PAGE, 64 * PAGE, ALL, 0);
		if (self->rounds % 2 == 0)
			usleep(500);
		EXPECT_EQ(uiommu_region_remove(region), 0);
		EXPECT_EQ(uiommu_emu_retire(self->p->rig->emu,
					    paging_pa(self->p->memory) + 64 * PAGE, 64 * PAGE), 0);
		__atomic_fetch_add(&self->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Half of the window is a region that stays, the other half one that comes and goes. */
static void
in_traffic(bool second)
{
	const struct paging_conf conf = {
		.second = second, .no_bond = true, .around = 4,
		.rig = {.model_thread = true, .owner_thread = true, .no_log = true},
	};
	const struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1, .group_pages_max = 1,
		.window_iova = IOVA, .window_pages = 128,
		.write_ratio = 0.5, .verify = true, .may_vanish = true, .translate = true,
	};
	/* the thread may outlive a case that fails */
	static struct changer changer;
	static struct paging p;
	const struct uiommu_emu_device_conf device = {
		.endpoint_id = 0x0210, .nb_pasids = 4, .pasids = (const uint32_t[]){1, 2, 3, 4},
		.may_fail_invalid = true,
	};
	uint32_t pasid, i;

	paging_open(&p, &conf);
	CHECK_EQ(uiommu_emu_device_remove(p.rig->emu, EP), 0);
	CHECK_EQ(uiommu_emu_device_add(p.rig->emu, &device), 0);
	p.endpoint = rig_endpoint_add(p.rig, 0x0210, 0, 0);
	paging_region(&p, IOVA, p.memory, 64 * PAGE, ALL, 0);
	for (pasid = 1; pasid <= 4; pasid++)
		rig_attach(p.endpoint, pasid, p.domain, NULL);
	changer = (struct changer){.p = &p};
	CHECK_EQ(pthread_create(&changer.thread, NULL, changer_main, &changer), 0);
	/* as often as it takes for the thread to have had its turn, and a request its moment */
	for (i = 0; i == 0 || (i < 1000 && (rounds_of(&changer) <= 2 ||
					    paging_stats(&p).no_region == 0)); i++)
		rig_traffic(p.rig, &traffic, TRAFFIC(20000));
	__atomic_store_n(&changer.end, true, __ATOMIC_RELEASE);
	pthread_join(changer.thread, NULL);
	CHECK(rounds_of(&changer) > 2);
	CHECK(paging_stats(&p).no_region > 0);
	rig_close(p.rig);
}
BOTH_STAGES(in_traffic);

static const struct harness_case region_cases[] = {
	FIRST_CASE("R3 T37 edges of regions", edges),
	SECOND_CASE("R3 T37 edges of regions", edges),
	FIRST_CASE("R3 T37 many regions", many),
	SECOND_CASE("R3 T37 many regions", many),
	FIRST_CASE("T37 regions that are refused", refused),
	SECOND_CASE("T37 regions that are refused", refused),
	FIRST_CASE("R4 T37 a region is removed", removed),
	SECOND_CASE("R4 T37 a region is removed", removed),
	FIRST_CASE("R4 a domain goes with its regions", domain_goes),
	SECOND_CASE("R4 a domain goes with its regions", domain_goes),
	FIRST_CASE("R3 R4 T37 regions come and go, with traffic", in_traffic),
	SECOND_CASE("R3 R4 T37 regions come and go, with traffic", in_traffic),
};

HARNESS_SUITE(region);
