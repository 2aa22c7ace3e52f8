/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * R3 R6: no page to be had at the moment. The device is asked to come again, nobody else
 * suffers, and when there is one it goes on.
 */

#include "paging.h"

/* A table for each 2 MiB; a small number of them. */
static void
no_table(bool second)
{
	const struct paging_conf conf = {.second = second, .table_pages_max = 8};
	struct paging p, other;
	unsigned int i, there = 0;

	paging_open(&p, &conf);
	other = p;
	other.domain = paging_domain(p.rig, &conf);
	other.pasid = 8;
	rig_attach(p.endpoint, 8, other.domain, NULL);
	paging_region(&other, IOVA, p.memory, PAGE, ALL, 0);
	for (i = 0; i < 16; i++)
		paging_region(&p, IOVA + i * 64 * LARGE, p.memory + i * PAGE, PAGE, ALL, 0);
	for (i = 0; i < 16; i++) {
		unsigned int code = paging_ask(&p, IOVA + i * 64 * LARGE, true);

		if (code == UIOMMU_CODE_SUCCESS)
			there++;
		else
			CHECK_EQ(code, UIOMMU_CODE_RETRY);
		CHECK_EQ(paging_reach(&p, IOVA + i * 64 * LARGE, true),
			 code == UIOMMU_CODE_SUCCESS ? paging_pa(p.memory) + i * PAGE :
						       UIOMMU_PA_NONE);
	}
	CHECK(there >= 2 && there < 8);
	CHECK(paging_stats(&p).table_pages <= 8);
	CHECK_EQ(paging_stats(&p).no_table, 16 - there);
	/* another domain has its own share */
	other.index = p.index;
	CHECK_EQ(paging_ask(&other, IOVA, true), UIOMMU_CODE_SUCCESS);
	p.index = other.index;
	/* what is unmapped makes room */
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, LARGE, NULL), 0);
	CHECK_EQ(paging_ask(&p, IOVA + 7 * 64 * LARGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_RETRY);
	paging_close(&p);
}
BOTH_STAGES(no_table);

/* The unit's own tables run out, by all domains together. */
static void
no_table_in_unit(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.table_pages = 40}}};
	struct uiommu_dev_info info;
	struct paging p;
	unsigned int i, there = 0;
	uint64_t done = 0;

	paging_open(&p, &conf);
	for (i = 0; i < 48; i++)
		paging_region(&p, IOVA + i * LARGE, p.memory, LARGE, ALL, 0);
	for (i = 0; i < 48; i++)
		there += paging_ask(&p, IOVA + i * LARGE, true) == UIOMMU_CODE_SUCCESS;
	CHECK(there > 24 && there < 40);
	CHECK_EQ(paging_stats(&p).no_table, 48 - there);
	CHECK_EQ(uiommu_info_get(p.rig->dev, &info), 0);
	CHECK_EQ(info.table_pages, 40);
	CHECK(info.table_pages_used <= 40);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 100 * LARGE, paging_pa(p.memory), PAGE, ALL),
		 -ENOMEM);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, 48 * LARGE, &done), 0);
	CHECK_EQ(done, there * PAGE);
	for (i = 0; i < 20; i++)
		CHECK_EQ(paging_ask(&p, IOVA + (47 - i) * LARGE, true), UIOMMU_CODE_SUCCESS);
	paging_close(&p);
}
BOTH_STAGES(no_table_in_unit);

/* A page was taken for the data, and none is left for the table: it goes back. */
static void
no_frame(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.frame_pages = 6}}};
	struct uiommu_dev_info info;
	struct paging p;
	unsigned int i, there = 0;

	paging_needs_exchange();
	paging_open(&p, &conf);
	paging_anon(&p, IOVA, 64 * PAGE, ALL);
	paging_region(&p, IOVA + LARGE, p.memory, 4 * PAGE, ALL, UIOMMU_REGION_COW);
	for (i = 0; i < 12; i++) {
		unsigned int code = paging_ask(&p, IOVA + i * PAGE, true);

		CHECK(code == UIOMMU_CODE_SUCCESS || code == UIOMMU_CODE_RETRY);
		CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, true) != UIOMMU_PA_NONE,
			 code == UIOMMU_CODE_SUCCESS);
		there += code == UIOMMU_CODE_SUCCESS;
	}
	CHECK(there >= 5 && there <= 6);
	CHECK_EQ(paging_stats(&p).no_frame, 12 - there);
	CHECK_EQ(paging_ask(&p, IOVA + LARGE, true), UIOMMU_CODE_RETRY);
	/* what needs no page comes as ever */
	CHECK_EQ(paging_ask(&p, IOVA + LARGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA + LARGE, false), paging_pa(p.memory));
	CHECK_EQ(paging_ask(&p, IOVA + LARGE, true), UIOMMU_CODE_RETRY);
	CHECK_EQ(paging_reach(&p, IOVA + LARGE, false), paging_pa(p.memory));
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, 2 * PAGE, NULL), 0);
	CHECK_EQ(paging_ask(&p, IOVA + LARGE, true), UIOMMU_CODE_SUCCESS);
	CHECK(paging_reach(&p, IOVA + LARGE, true) != paging_pa(p.memory));
	CHECK_EQ(paging_ask(&p, IOVA + 20 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 21 * PAGE, true), UIOMMU_CODE_RETRY);
	CHECK_EQ(uiommu_info_get(p.rig->dev, &info), 0);
	CHECK_EQ(info.frame_pages, 6);
	CHECK(info.frame_pages_used <= 6);
	paging_close(&p);
}
BOTH_STAGES(no_frame);

/* There is a page for the data, and none for the table: it goes back, and does not count. */
static void
frame_in_vain(bool second)
{
	const struct paging_conf conf = {
		.second = second, .table_pages_max = 5, .budget = 8,
		.rig = {.dev = {.frame_pages = 8}},
	};
	struct uiommu_dev_info before, after;
	struct paging p;
	unsigned int i;

	paging_needs_exchange();
	paging_open(&p, &conf);
	paging_anon(&p, IOVA, 64 * PAGE, ALL);
	paging_region(&p, IOVA + LARGE, p.memory, 64 * PAGE, ALL, UIOMMU_REGION_COW);
	/* tables for other addresses use up what there is */
	for (i = 1; i < 8 && uiommu_domain_map(p.domain, IOVA + i * 16 * LARGE,
					       paging_pa(p.memory), PAGE, ALL) == 0; i++)
		;
	CHECK(i < 8);
	CHECK_EQ(uiommu_info_get(p.rig->dev, &before), 0);
	for (i = 0; i < 12; i++) {
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_RETRY);
		CHECK_EQ(paging_ask(&p, IOVA + LARGE + i * PAGE, true), UIOMMU_CODE_RETRY);
	}
	CHECK_EQ(paging_stats(&p).no_table, 24);
	CHECK_EQ(paging_stats(&p).resident_pages, 0);
	CHECK_EQ(uiommu_info_get(p.rig->dev, &after), 0);
	CHECK_EQ(after.frame_pages_used, before.frame_pages_used);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 16 * LARGE, LARGE, NULL), 0);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_stats(&p).resident_pages, 1);
	paging_close(&p);
}
BOTH_STAGES(frame_in_vain);

static void
no_frames_at_all(void)
{
	struct paging p;

	paging_open(&p, NULL);
	/* either it is refused, or reads are served and writes come again */
	rte_errno = 0;
	if (uiommu_region_add(p.domain, IOVA, 4 * PAGE,
			      &(const struct uiommu_backing){.size = sizeof(struct uiommu_backing),
							     .type = UIOMMU_BACKING_ANON},
			      ALL) == NULL) {
		CHECK(rte_errno == ENOTSUP || rte_errno == ENOMEM || rte_errno == EINVAL);
	} else {
		CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_RETRY);
		CHECK_EQ(paging_reach(&p, IOVA, true), UIOMMU_PA_NONE);
	}
	paging_region(&p, IOVA + LARGE, p.memory, 4 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA + LARGE, true), UIOMMU_CODE_SUCCESS);
	paging_close(&p);
}

/* The budget of a domain: pages of the unit count, those of memory do not. */
static void
budget(bool second)
{
	const struct paging_conf conf = {
		.second = second, .budget = 4, .rig = {.dev = {.frame_pages = 32}},
	};
	struct paging p, other;
	unsigned int i;

	paging_open(&p, &conf);
	other = p;
	other.conf.budget = 0;
	other.domain = paging_domain(p.rig, &other.conf);
	other.pasid = 8;
	rig_attach(p.endpoint, 8, other.domain, NULL);
	paging_anon(&p, IOVA, 64 * PAGE, ALL);
	paging_anon(&other, IOVA, 64 * PAGE, ALL);
	paging_region(&p, IOVA + LARGE, p.memory, 64 * PAGE, ALL, 0);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true),
			 i < 4 ? UIOMMU_CODE_SUCCESS : UIOMMU_CODE_RETRY);
		CHECK(paging_stats(&p).resident_pages <= 4);
	}
	CHECK_EQ(paging_stats(&p).budget_pages, 4);
	CHECK_EQ(paging_stats(&p).resident_pages, 4);
	CHECK_EQ(paging_stats(&p).no_frame, 4);
	for (i = 0; i < 64; i += 7)
		CHECK_EQ(paging_ask(&p, IOVA + LARGE + i * PAGE, true), UIOMMU_CODE_SUCCESS);
	other.index = p.index;
	for (i = 0; i < 8; i++)
		CHECK_EQ(paging_ask(&other, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
	p.index = other.index;
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 2 * PAGE, PAGE, NULL), 0);
	CHECK_EQ(paging_stats(&p).resident_pages, 3);
	CHECK_EQ(paging_ask(&p, IOVA + 6 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 7 * PAGE, true), UIOMMU_CODE_RETRY);
	paging_close(&p);
}
BOTH_STAGES(budget);

/* A group of which some pages come and one does not is not answered Success. */
static void
group_over_budget(bool second)
{
	const struct paging_conf conf = {
		.second = second, .budget = 4, .rig = {.dev = {.frame_pages = 32}},
	};
	struct want wants[6];
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	paging_anon(&p, IOVA, 64 * PAGE, ALL);
	for (i = 0; i < 6; i++)
		wants[i] = (struct want){IOVA + i * PAGE, true};
	CHECK_EQ(paging_ask_group(&p, PASID, wants, 6), UIOMMU_CODE_RETRY);
	CHECK(paging_stats(&p).resident_pages <= 4);
	/* INVALID is for good, so it comes before RETRY */
	wants[3].iova = IOVA + LARGE;
	CHECK_EQ(paging_ask_group(&p, PASID, wants, 6), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_ask_group(&p, PASID, wants, 2), UIOMMU_CODE_SUCCESS);
	paging_close(&p);
}
BOTH_STAGES(group_over_budget);

static const struct harness_case paging_short_cases[] = {
	FIRST_CASE("R3 R6 a domain's tables are full", no_table),
	SECOND_CASE("R3 R6 a domain's tables are full", no_table),
	FIRST_CASE("R3 R6 the unit's tables are full", no_table_in_unit),
	SECOND_CASE("R3 R6 the unit's tables are full", no_table_in_unit),
	FIRST_CASE("R3 R6 no page to write to", no_frame),
	SECOND_CASE("R3 R6 no page to write to", no_frame),
	FIRST_CASE("R3 R6 a page to write to, and no table for it", frame_in_vain),
	SECOND_CASE("R3 R6 a page to write to, and no table for it", frame_in_vain),
	{"R3 R6 a unit without pages to write to", no_frames_at_all, UIOMMU_CAPA_PAGE_TABLES},
	FIRST_CASE("R3 R6 a domain's budget", budget),
	SECOND_CASE("R3 R6 a domain's budget", budget),
	FIRST_CASE("R3 R6 a group beyond the budget", group_over_budget),
	SECOND_CASE("R3 R6 a group beyond the budget", group_over_budget),
};

HARNESS_SUITE(paging_short);
