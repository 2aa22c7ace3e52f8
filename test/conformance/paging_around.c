/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R3: what is mapped besides what was asked for, and what is asked for more than once. */

#include "paging.h"

/* The aligned block around a fault comes with it, each page where it belongs. */
static void
block(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 16};
	struct paging p;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 64 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA + 21 * PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 16, false), 0);
	CHECK_EQ(paging_count(&p, IOVA + 16 * PAGE, p.memory + 16 * PAGE, 16, false), 16);
	CHECK_EQ(paging_count(&p, IOVA + 32 * PAGE, p.memory, 32, false), 0);
	CHECK_EQ(paging_stats(&p).mapped_pages, 16);
	CHECK_EQ(paging_stats(&p).around_pages, 15);
	/* the last page of its block, and one in a block that is there in part */
	CHECK_EQ(paging_ask(&p, IOVA + 63 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 50 * PAGE, 9 * PAGE, NULL), 0);
	CHECK_EQ(paging_count(&p, IOVA + 48 * PAGE, p.memory + 48 * PAGE, 16, true), 7);
	CHECK_EQ(paging_ask(&p, IOVA + 52 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA + 48 * PAGE, p.memory + 48 * PAGE, 16, false), 16);
	CHECK_EQ(paging_count(&p, IOVA + 32 * PAGE, p.memory, 16, false), 0);
	paging_close(&p);
}
BOTH_STAGES(block);

/* Walking through a range takes as many requests as it has blocks. */
static void
walk(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 32};
	struct paging p;
	unsigned int i, asked = 0;

	paging_open(&p, &conf);
	/* over the end of a table, and begun in the middle of a block */
	paging_region(&p, IOVA + 8 * PAGE, p.memory + 8 * PAGE, LARGE + 64 * PAGE, ALL, 0);
	for (i = 8; i < 512 + 72; i++) {
		if (paging_reach(&p, IOVA + i * PAGE, true) == UIOMMU_PA_NONE) {
			CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
			asked++;
		}
		CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, true), paging_pa(p.memory) + i * PAGE);
	}
	CHECK_EQ(asked, (512 + 72 + 31) / 32);
	CHECK_EQ(paging_stats(&p).mapped_pages, 512 + 64);
	paging_close(&p);
}
BOTH_STAGES(walk);

/* No further than the region goes, and nothing with another region's access. */
static void
edges(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 64};
	struct paging p;

	paging_open(&p, &conf);
	paging_region(&p, IOVA + 10 * PAGE, p.memory + 10 * PAGE, 10 * PAGE, ALL, 0);
	paging_region(&p, IOVA + 20 * PAGE, p.memory + 20 * PAGE, 10 * PAGE, UIOMMU_PROT_READ, 0);
	paging_region(&p, IOVA + 31 * PAGE, p.memory + 31 * PAGE, 2 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA + 12 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 64, false), 10);
	CHECK_EQ(paging_count(&p, IOVA + 10 * PAGE, p.memory + 10 * PAGE, 10, false), 10);
	CHECK_EQ(paging_ask(&p, IOVA + 29 * PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 64, false), 20);
	CHECK_EQ(paging_count(&p, IOVA + 20 * PAGE, p.memory, 10, true), 0);
	CHECK_EQ(paging_ask(&p, IOVA + 20 * PAGE, true), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_ask(&p, IOVA + 30 * PAGE, false), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_ask(&p, IOVA + 9 * PAGE, false), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_ask(&p, IOVA + 33 * PAGE, false), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_ask(&p, IOVA + 32 * PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 64, false), 22);
	paging_close(&p);
}
BOTH_STAGES(edges);

/* One page asked for again and again in one burst, by groups and PASIDs. */
static void
same_page(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct uiommu_paging_stats stats;
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	rig_attach(p.endpoint, 8, p.domain, NULL);
	paging_region(&p, IOVA, p.memory, 64 * PAGE, ALL, 0);
	for (i = 0; i < 8; i++)
		paging_send(&p, IOVA + 3 * PAGE, true);
	CHECK_EQ(rig_send(p.rig, EP, 8, 100, (IOVA >> 12) + 3, true), UIOMMU_EMU_QUEUED);
	rig_settle(p.rig);
	paging_answers(&p, 9, UIOMMU_EMU_SUCCESS);
	stats = paging_stats(&p);
	CHECK_EQ(stats.requests, 9);
	CHECK_EQ(stats.mapped_pages, 1);
	CHECK_EQ(stats.merged_same, 8);
	CHECK_EQ(paging_reach(&p, IOVA + 3 * PAGE, true), paging_pa(p.memory) + 3 * PAGE);
	CHECK_EQ(paging_reach_of(&p, EP, 8, IOVA + 3 * PAGE, true), paging_pa(p.memory) + 3 * PAGE);
	/* it is there now: nothing to merge */
	for (i = 0; i < 3; i++)
		paging_send(&p, IOVA + 3 * PAGE, true);
	rig_settle(p.rig);
	paging_answers(&p, 3, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(paging_stats(&p).present, 3);
	CHECK_EQ(paging_stats(&p).mapped_pages, 1);
	paging_close(&p);
}
BOTH_STAGES(same_page);

/* Reads and writes of one page in one burst, the write last or first: it is there for both. */
static void
same_page_more_access(bool second)
{
	const struct paging_conf conf = {.second = second,
					 .rig = {.dev = {.frame_pages = 64}}};
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 64 * PAGE, ALL, 0);
	paging_anon(&p, IOVA + LARGE, 64 * PAGE, ALL);
	for (i = 0; i < 8; i++) {
		paging_send(&p, IOVA + (i / 2) * PAGE, (i % 2 == 0) == (i < 4));
		paging_send(&p, IOVA + LARGE + (i / 2) * PAGE, (i % 2 == 0) == (i < 4));
	}
	rig_settle(p.rig);
	paging_answers(&p, 16, UIOMMU_EMU_SUCCESS);
	for (i = 0; i < 4; i++) {
		CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, true), paging_pa(p.memory) + i * PAGE);
		CHECK(paging_reach(&p, IOVA + LARGE + i * PAGE, true) != UIOMMU_PA_NONE);
	}
	paging_close(&p);
}
BOTH_STAGES(same_page_more_access);

static void
neighbours(bool second)
{
	static const unsigned int mixed[] = {5, 2, 7, 0, 3, 6, 1, 4};
	const struct paging_conf conf = {.second = second};
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 64 * PAGE, ALL, 0);
	for (i = 0; i < 8; i++)
		paging_send(&p, IOVA + i * PAGE, true);
	rig_settle(p.rig);
	paging_answers(&p, 8, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 64, true), 8);
	CHECK_EQ(paging_stats(&p).mapped_pages, 8);
	CHECK_EQ(paging_stats(&p).merged_next, 7);
	for (i = 0; i < 8; i++)
		paging_send(&p, IOVA + (32 + mixed[i]) * PAGE, true);
	rig_settle(p.rig);
	paging_answers(&p, 8, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA + 32 * PAGE, p.memory + 32 * PAGE, 32, true), 8);
	CHECK_EQ(paging_stats(&p).mapped_pages, 16);
	CHECK(paging_stats(&p).merged_next > 7);
	paging_close(&p);
}
BOTH_STAGES(neighbours);

/* Memory of 2 MiB pages comes in leaves of that size, where a region has all of it. */
static void
large(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_MEMORY,
		.page_shift = 21,
	};
	struct uiommu_region *region;
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	backing.va = p.memory;
	region = uiommu_region_add(p.domain, IOVA, 2 * LARGE, &backing, ALL);
	CHECK(region != NULL);
	CHECK_EQ(paging_ask(&p, IOVA + LARGE + 77 * PAGE, true), UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 512; i += 73)
		CHECK_EQ(paging_reach(&p, IOVA + LARGE + i * PAGE, true),
			 paging_pa(p.memory) + LARGE + i * PAGE);
	CHECK_EQ(paging_reach(&p, IOVA, false), UIOMMU_PA_NONE);
	CHECK_EQ(paging_reach(&p, IOVA + 2 * LARGE, false), UIOMMU_PA_NONE);
	CHECK_EQ(paging_stats(&p).large_leaves, 1);
	CHECK_EQ(paging_stats(&p).mapped_pages, 512);
	/* a part of it goes by hand: the rest stays where it is */
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + LARGE + 73 * PAGE, PAGE, NULL), 0);
	CHECK_EQ(paging_reach(&p, IOVA + LARGE + 73 * PAGE, false), UIOMMU_PA_NONE);
	CHECK_EQ(paging_reach(&p, IOVA + LARGE + 74 * PAGE, true),
		 paging_pa(p.memory) + LARGE + 74 * PAGE);
	/* and comes back, in whatever size fits */
	CHECK_EQ(paging_ask(&p, IOVA + LARGE + 73 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA + LARGE + 73 * PAGE, true),
		 paging_pa(p.memory) + LARGE + 73 * PAGE);
	CHECK_EQ(uiommu_region_remove(region), 0);
	CHECK_EQ(paging_reach(&p, IOVA + LARGE + 74 * PAGE, false), UIOMMU_PA_NONE);
	paging_close(&p);
}
BOTH_STAGES(large);

/* A region of large pages whose addresses do not line up with them: small leaves, all right. */
static void
large_askew(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 512};
	struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_MEMORY,
		.page_shift = 21,
	};
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	backing.va = p.memory;
	CHECK(uiommu_region_add(p.domain, IOVA + PAGE, 2 * LARGE, &backing, ALL) != NULL);
	CHECK_EQ(paging_ask(&p, IOVA + LARGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 2 * LARGE, true), UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 512; i += 73)
		CHECK_EQ(paging_reach(&p, IOVA + LARGE + i * PAGE, true),
			 paging_pa(p.memory) + LARGE + i * PAGE - PAGE);
	CHECK_EQ(paging_reach(&p, IOVA + 2 * LARGE, true), paging_pa(p.memory) + 2 * LARGE - PAGE);
	CHECK_EQ(paging_reach(&p, IOVA + 2 * LARGE + PAGE, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_stats(&p).large_leaves, 0);
	paging_close(&p);
}
BOTH_STAGES(large_askew);

static const struct harness_case paging_around_cases[] = {
	FIRST_CASE("R3 fault-around, the aligned block", block),
	SECOND_CASE("R3 fault-around, the aligned block", block),
	FIRST_CASE("R3 fault-around, a walk through a range", walk),
	SECOND_CASE("R3 fault-around, a walk through a range", walk),
	FIRST_CASE("R3 T37 fault-around, edges of regions", edges),
	SECOND_CASE("R3 T37 fault-around, edges of regions", edges),
	FIRST_CASE("R3 one page many times in a burst", same_page),
	SECOND_CASE("R3 one page many times in a burst", same_page),
	FIRST_CASE("R3 reads and writes of one page in a burst", same_page_more_access),
	SECOND_CASE("R3 reads and writes of one page in a burst", same_page_more_access),
	FIRST_CASE("R3 neighbours in a burst", neighbours),
	SECOND_CASE("R3 neighbours in a burst", neighbours),
	FIRST_CASE("R3 large leaves", large),
	SECOND_CASE("R3 large leaves", large),
	FIRST_CASE("R3 large pages that do not line up", large_askew),
	SECOND_CASE("R3 large pages that do not line up", large_askew),
};

HARNESS_SUITE(paging_around);
