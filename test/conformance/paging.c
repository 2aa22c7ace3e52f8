/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R3: Success when each page of a group is there with the access asked for, and only then. */

#include <string.h>

#include "paging.h"

static void
one_page(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct paging p;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 16 * PAGE, ALL, 0);
	/* a region maps nothing by itself */
	CHECK_EQ(paging_reach(&p, IOVA, false), UIOMMU_PA_NONE);
	CHECK_EQ(paging_ask(&p, IOVA, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA, false), paging_pa(p.memory));
	CHECK_EQ(paging_ask(&p, IOVA + 5 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA + 5 * PAGE, true), paging_pa(p.memory) + 5 * PAGE);
	/* and nothing besides */
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 16, false), 2);
	/* again, as a device does that has forgotten it */
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA, true), paging_pa(p.memory));
	CHECK_EQ(paging_stats(&p).requests, 3);
	CHECK_EQ(paging_stats(&p).mapped_pages, 2);
	paging_close(&p);
}
BOTH_STAGES(one_page);

/* Data gets where it belongs, and comes from there. */
static void
data(bool second)
{
	const struct paging_conf conf = {.second = second};
	static uint8_t out[256], in[256];
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 4 * PAGE, ALL, 0);
	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + 1);
	CHECK(!uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + PAGE + 64, true, out, sizeof(out)));
	CHECK_EQ(paging_ask(&p, IOVA + PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + PAGE + 64, true, out, sizeof(out)));
	CHECK_EQ(memcmp(p.memory + PAGE + 64, out, sizeof(out)), 0);
	CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + PAGE + 64, false, in, sizeof(in)));
	CHECK_EQ(memcmp(in, out, sizeof(out)), 0);
	paging_close(&p);
}
BOTH_STAGES(data);

static void
rid(bool second)
{
	const struct paging_conf conf = {.second = second, .rid = true};
	struct paging p;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 4 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA, true), paging_pa(p.memory));
	CHECK(uiommu_emu_dma(p.rig->emu, EP, UINT32_MAX, IOVA, true));
	CHECK(!uiommu_emu_dma(p.rig->emu, EP, UINT32_MAX, IOVA + PAGE, false));
	paging_close(&p);
}
BOTH_STAGES(rid);

/* Groups of several pages: near, far, twice the same, read and write of one. */
static void
groups(bool second)
{
	const struct paging_conf conf = {.second = second};
	const struct want near[] = {{IOVA, false}, {IOVA + PAGE, true}, {IOVA + 2 * PAGE, false}};
	const struct want far[] = {{IOVA + LARGE, true}, {IOVA + 5 * PAGE, false},
				   {IOVA + 3 * LARGE - PAGE, true}, {IOVA + LARGE, false}};
	const struct want both[] = {{IOVA + 9 * PAGE, false}, {IOVA + 9 * PAGE, true},
				    {IOVA + 9 * PAGE, false}};
	struct want many[256];
	struct paging p;
	unsigned int i;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 4 * LARGE, ALL, 0);
	CHECK_EQ(paging_ask_group(&p, PASID, near, 3), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 16, false), 3);
	CHECK_EQ(paging_ask_group(&p, PASID, far, 4), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA + LARGE, true), paging_pa(p.memory) + LARGE);
	CHECK_EQ(paging_reach(&p, IOVA + 5 * PAGE, false), paging_pa(p.memory) + 5 * PAGE);
	CHECK_EQ(paging_reach(&p, IOVA + 3 * LARGE - PAGE, true),
		 paging_pa(p.memory) + 3 * LARGE - PAGE);
	CHECK_EQ(paging_ask_group(&p, PASID, both, 3), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA + 9 * PAGE, true), paging_pa(p.memory) + 9 * PAGE);
	/* as many as a group may have here, every other page, backwards */
	for (i = 0; i < 64; i++)
		many[i] = (struct want){IOVA + LARGE + (130 - 2 * i) * PAGE, i % 3 == 0};
	CHECK_EQ(paging_ask_group(&p, PASID, many, 64), UIOMMU_CODE_SUCCESS);
	for (i = 0; i < 64; i++)
		CHECK_EQ(paging_reach(&p, many[i].iova, many[i].write),
			 paging_pa(p.memory) + (many[i].iova - IOVA));
	paging_close(&p);
}
BOTH_STAGES(groups);

/* One page that cannot be had, at any place of its group, and the group is not answered Success. */
static void
bad_page_in_group(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct paging p;
	unsigned int at;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 64 * PAGE, ALL, 0);
	paging_region(&p, IOVA + 64 * PAGE, p.memory + 64 * PAGE, 8 * PAGE, UIOMMU_PROT_READ, 0);
	for (at = 0; at < 4; at++) {
		struct want wants[4];
		unsigned int i;

		for (i = 0; i < 4; i++)
			wants[i] = (struct want){IOVA + (at * 8 + i) * PAGE, true};
		wants[at].iova = IOVA + LARGE; /* no region */
		CHECK_EQ(paging_ask_group(&p, PASID, wants, 4), UIOMMU_CODE_INVALID);
		wants[at].iova = IOVA + 65 * PAGE; /* not to be written */
		CHECK_EQ(paging_ask_group(&p, PASID, wants, 4), UIOMMU_CODE_INVALID);
		CHECK_EQ(paging_reach(&p, IOVA + LARGE, false), UIOMMU_PA_NONE);
		CHECK_EQ(paging_reach(&p, IOVA + 65 * PAGE, true), UIOMMU_PA_NONE);
		wants[at].write = false;
		CHECK_EQ(paging_ask_group(&p, PASID, wants, 4), UIOMMU_CODE_SUCCESS);
		for (i = 0; i < 4; i++)
			CHECK(paging_reach(&p, wants[i].iova, wants[i].write) != UIOMMU_PA_NONE);
	}
	CHECK_EQ(paging_stats(&p).no_region, 4);
	CHECK_EQ(paging_stats(&p).denied, 4);
	paging_close(&p);
}
BOTH_STAGES(bad_page_in_group);

/* A write where there is reading only, before and after the page has come. */
static void
read_only(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct paging p;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 8 * PAGE, UIOMMU_PROT_READ, 0);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_reach(&p, IOVA, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_ask(&p, IOVA, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA, false), paging_pa(p.memory));
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_INVALID);
	CHECK_EQ(paging_reach(&p, IOVA, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_reach(&p, IOVA, false), paging_pa(p.memory));
	CHECK_EQ(paging_stats(&p).denied, 2);
	paging_close(&p);
}
BOTH_STAGES(read_only);

/* A page of which some access was taken away gets it back when it is asked for. */
static void
more_access(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 4};
	struct paging p;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 8 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, true), 4);
	CHECK_EQ(uiommu_domain_protect(p.domain, IOVA, 4 * PAGE, UIOMMU_PROT_READ), 0);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, true), 0);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, false), 4);
	/* reading needs no change */
	CHECK_EQ(paging_ask(&p, IOVA + PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_stats(&p).present, 1);
	CHECK_EQ(paging_reach(&p, IOVA + PAGE, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_ask(&p, IOVA + PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA + PAGE, true), paging_pa(p.memory) + PAGE);
	paging_close(&p);
}
BOTH_STAGES(more_access);

/* What is mapped by hand and what is a region do not mix, and each is left alone by the other. */
static void
by_hand(bool second)
{
	const struct paging_conf conf = {.second = second, .around = 64};
	struct uiommu_backing backing = {
		.size = sizeof(backing), .type = UIOMMU_BACKING_MEMORY, .page_shift = 12,
	};
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	backing.va = p.memory;
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 8 * PAGE, pa + LARGE, PAGE, ALL), 0);
	CHECK_ERRNO(uiommu_region_add(p.domain, IOVA + PAGE, 8 * PAGE, &backing, ALL), EEXIST);
	paging_region(&p, IOVA, p.memory, 8 * PAGE, ALL, 0);
	paging_region(&p, IOVA + 9 * PAGE, p.memory + 9 * PAGE, 8 * PAGE, ALL, 0);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 16 * PAGE, pa + 16 * PAGE, 2 * PAGE, ALL),
		 -EEXIST);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, PAGE, ALL), -EEXIST);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, false), 0);
	CHECK_EQ(paging_ask(&p, IOVA + 7 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + 9 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, true), 8);
	CHECK_EQ(paging_count(&p, IOVA + 9 * PAGE, p.memory + 9 * PAGE, 16, true), 8);
	/* a device that asks for what a hand has mapped is told that it is there */
	CHECK_EQ(paging_reach(&p, IOVA + 8 * PAGE, true), pa + LARGE);
	CHECK_EQ(paging_ask(&p, IOVA + 8 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 8 * PAGE, PAGE, NULL), 0);
	CHECK_EQ(paging_reach(&p, IOVA + 8 * PAGE, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_ask(&p, IOVA + 8 * PAGE, true), UIOMMU_CODE_INVALID);
	paging_close(&p);
}
BOTH_STAGES(by_hand);

/* Execute and privileged requests: no unit here grants them, so none is answered Success. */
static void
execute_and_privileged(void)
{
	struct uiommu_emu_request req = {
		.endpoint_id = EP, .pasid = PASID, .iova = IOVA, .read = true, .last = true,
	};
	struct paging p;
	unsigned int kind;

	paging_open(&p, NULL);
	paging_region(&p, IOVA, p.memory, 8 * PAGE, UIOMMU_PROT_ALL, 0);
	for (kind = 1; kind < 4; kind++) {
		struct uiommu_emu_response resp;

		req.exec = (kind & 1) != 0;
		req.priv = (kind & 2) != 0;
		req.prg_index = (uint16_t)kind;
		uiommu_emu_request(p.rig->emu, &req);
		rig_settle(p.rig);
		CHECK(rig_response(p.rig, &resp));
		CHECK_EQ(resp.code, UIOMMU_EMU_INVALID);
		rig_expect_none(p.rig);
		CHECK_EQ(paging_reach(&p, IOVA, false), UIOMMU_PA_NONE);
	}
	paging_close(&p);
}

/* Domains of several kinds in one burst: each group is resolved out of its own domain. */
static void
domains_in_one_burst(void)
{
	static const uint32_t pasids[] = {1, 2, 3, 8};
	struct uiommu_domain *domains[4];
	struct recorder *rec;
	struct paging p, other;
	unsigned int i, round;

	paging_open(&p, NULL);
	rec = rig_recorder(p.rig, UIOMMU_CODE_SUCCESS);
	other = p;
	for (i = 0; i < 4; i++) {
		const struct paging_conf conf = {
			.second = i == 2 && (p.rig->info.capa & UIOMMU_CAPA_SECOND_STAGE) != 0,
		};

		domains[i] = i == 3 ? rec->domain : paging_domain(p.rig, &conf);
		rig_attach(p.endpoint, pasids[i], domains[i], NULL);
		other.domain = domains[i];
		if (i != 3)
			paging_region(&other, IOVA, p.memory + i * LARGE, LARGE, ALL, 0);
	}
	for (round = 0; round < 40; round++) {
		for (i = 0; i < 4; i++)
			CHECK_EQ(rig_send(p.rig, EP, pasids[i], (uint16_t)(round * 4 + i),
					  (IOVA >> 12) + round * 3, true), UIOMMU_EMU_QUEUED);
	}
	rig_settle(p.rig);
	paging_answers(&p, 160, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(recorder_groups(rec), 40);
	for (i = 0; i < 3; i++) {
		for (round = 0; round < 40; round++)
			CHECK_EQ(paging_reach_of(&p, EP, pasids[i], IOVA + round * 3 * PAGE, false),
				 paging_pa(p.memory) + i * LARGE + round * 3 * PAGE);
		CHECK_EQ(paging_reach_of(&p, EP, pasids[i], IOVA + PAGE, false), UIOMMU_PA_NONE);
	}
	paging_close(&p);
}

/* Demand paging without bonds, over stop and start, and of a domain attached twice. */
static void
stop_and_start(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct paging p;

	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 8 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(uiommu_stop(p.rig->dev), 0);
	CHECK_EQ(uiommu_start(p.rig->dev), 0);
	CHECK_EQ(paging_reach(&p, IOVA, false), paging_pa(p.memory));
	CHECK_EQ(paging_ask(&p, IOVA + PAGE, true), UIOMMU_CODE_SUCCESS);
	rig_attach(p.endpoint, 8, p.domain, NULL);
	CHECK_EQ(paging_reach_of(&p, EP, 8, IOVA + PAGE, true), paging_pa(p.memory) + PAGE);
	CHECK_EQ(uiommu_detach(p.attach), 0);
	CHECK_EQ(paging_reach(&p, IOVA, false), UIOMMU_PA_NONE);
	CHECK_EQ(paging_reach_of(&p, EP, 8, IOVA + PAGE, true), paging_pa(p.memory) + PAGE);
	paging_close(&p);
}
BOTH_STAGES(stop_and_start);

static const struct harness_case paging_cases[] = {
	FIRST_CASE("R3 a page comes when it is asked for", one_page),
	SECOND_CASE("R3 a page comes when it is asked for", one_page),
	FIRST_CASE("R3 data of a device", data),
	SECOND_CASE("R3 data of a device", data),
	FIRST_CASE("R3 requests without PASID", rid),
	SECOND_CASE("R3 requests without PASID", rid),
	FIRST_CASE("R3 groups of several pages", groups),
	SECOND_CASE("R3 groups of several pages", groups),
	FIRST_CASE("R3 a bad page in a group", bad_page_in_group),
	SECOND_CASE("R3 a bad page in a group", bad_page_in_group),
	FIRST_CASE("R3 a write where there is reading only", read_only),
	SECOND_CASE("R3 a write where there is reading only", read_only),
	FIRST_CASE("R3 more access than was there", more_access),
	SECOND_CASE("R3 more access than was there", more_access),
	FIRST_CASE("R3 T37 regions beside what was mapped by hand", by_hand),
	SECOND_CASE("R3 T37 regions beside what was mapped by hand", by_hand),
	{"R3 R10 execute and privileged requests", execute_and_privileged,
	 UIOMMU_CAPA_PAGE_TABLES},
	{"R3 domains of several kinds in one burst", domains_in_one_burst,
	 UIOMMU_CAPA_PAGE_TABLES},
	FIRST_CASE("R3 over stop and start", stop_and_start),
	SECOND_CASE("R3 over stop and start", stop_and_start),
};

HARNESS_SUITE(paging);
