/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What else is remembered: whether page requests are let in, requests on their way, what changed
 * while the unit was stopped, devices without caches, and tables under tables.
 */

#include "paging.h"

/* Whether page requests are let in is in the device's entry, which is cached as well. */
static void
page_requests(void)
{
	struct paging_conf conf = {.no_bond = true};
	struct uiommu_attach *attach;
	struct uiommu_domain *not;
	struct paging p;
	uint16_t round;

	paging_open(&p, &conf);
	not = rig_domain(p.rig, UIOMMU_DOMAIN_PAGING);
	rig_attach(p.endpoint, 1, not, NULL);
	paging_region(&p, IOVA, p.memory, 16 * PAGE, ALL, 0);
	for (round = 0; round < 3; round++) {
		rig_ask_in_vain(p.rig, EP, 1, 500);
		attach = rig_attach(p.endpoint, PASID, p.domain, NULL);
		CHECK_EQ(paging_ask(&p, IOVA + round * PAGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(uiommu_detach(attach), 0);
		paging_audit(&p);
		/* neither that one nor one whose bond is still there */
		rig_ask_in_vain(p.rig, EP, PASID, 501);
		rig_ask_in_vain(p.rig, EP, 1, 502);
	}
	paging_close(&p);
}

/*
 * A request on its way between device and unit. When detach has returned it has come and was
 * answered, and the bond that takes the PASID next has nothing of it.
 */
static void
late_request_of(uint32_t pasid)
{
	struct paging_conf conf = {.no_bond = true, .rid = pasid == UIOMMU_NO_PASID};
	struct uiommu_emu_request late = {
		.endpoint_id = EP, .pasid = rig_pasid_to_emu(pasid), .iova = IOVA + 5 * PAGE,
		.read = true, .last = true,
	};
	struct uiommu_emu_response resp;
	struct uiommu_domain *next;
	struct uiommu_attach *attach;
	struct paging p, other;
	unsigned int round;

	paging_open(&p, &conf);
	/* page requests stay on for another one's sake */
	rig_attach(p.endpoint, 9, p.domain, NULL);
	paging_region(&p, IOVA, p.memory, 16 * PAGE, ALL, 0);
	next = paging_domain(p.rig, &conf);
	other = p;
	other.domain = next;
	paging_region(&other, IOVA, p.memory, 16 * PAGE, ALL, 0);
	for (round = 0; round < 3; round++) {
		attach = rig_attach(p.endpoint, pasid, p.domain, NULL);
		CHECK_EQ(paging_ask(&p, IOVA + round * PAGE, true), UIOMMU_CODE_SUCCESS);
		late.prg_index = (uint16_t)(400 + round);
		CHECK(uiommu_emu_request_late(p.rig->emu, &late));
		CHECK_EQ(rig_verdict(p.rig, false).responses, rig_stats(p.rig).responses);
		uiommu_emu_pasid_state(p.rig->emu, EP, late.pasid, UIOMMU_EMU_CHANGING);
		CHECK_EQ(uiommu_detach(attach), 0);
		uiommu_emu_pasid_state(p.rig->emu, EP, late.pasid, UIOMMU_EMU_DETACHED);
		uiommu_emu_step(p.rig->emu);
		/* by the unit, where the entry was gone by then, or by software */
		CHECK(rig_response(p.rig, &resp));
		CHECK(resp.pasid == pasid && resp.prg_index == late.prg_index);
		CHECK_EQ(resp.code, UIOMMU_EMU_INVALID);
		rig_expect_none(p.rig);
		uiommu_emu_pasid_state(p.rig->emu, EP, late.pasid, UIOMMU_EMU_CHANGING);
		attach = rig_attach(p.endpoint, pasid, next, NULL);
		uiommu_emu_pasid_state(p.rig->emu, EP, late.pasid, UIOMMU_EMU_ATTACHED);
		uiommu_emu_step(p.rig->emu);
		uiommu_emu_arrive(p.rig->emu);
		rig_settle(p.rig);
		rig_expect_none(p.rig);
		CHECK_EQ(paging_stats(&other).requests, 0);
		CHECK_EQ(uiommu_detach(attach), 0);
	}
	paging_close(&p);
}

static void
late_request(void)
{
	late_request_of(PASID);
}

static void
late_request_rid(void)
{
	late_request_of(UIOMMU_NO_PASID);
}

/* What is changed while the unit is stopped is not seen from before it was. */
static void
over_a_stop(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true};
	struct uiommu_domain *domains[2];
	struct uiommu_attach *attach;
	unsigned int round;
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	domains[0] = paging_domain_at(&p, pa);
	domains[1] = paging_domain_at(&p, pa + LARGE);
	attach = rig_attach(p.endpoint, PASID, domains[0], NULL);
	rig_attach(p.endpoint, 8, domains[0], NULL);
	for (round = 0; round < 3; round++) {
		paging_prime_at(&p, PASID, pa + round % 2 * LARGE);
		paging_prime_at(&p, 8, pa);
		CHECK_EQ(uiommu_stop(p.rig->dev), 0);
		CHECK_EQ(uiommu_detach(attach), 0);
		CHECK_EQ(uiommu_domain_unmap(domains[0], IOVA, 2 * PAGE, NULL), 0);
		if (round == 1)
			attach = rig_attach(p.endpoint, PASID, domains[0], NULL);
		CHECK_EQ(uiommu_start(p.rig->dev), 0);
		paging_audit(&p);
		CHECK_EQ(paging_reach_of(&p, EP, 8, IOVA, false), UIOMMU_PA_NONE);
		CHECK_EQ(paging_reach_of(&p, EP, PASID, IOVA, false), UIOMMU_PA_NONE);
		CHECK_EQ(paging_reach_of(&p, EP, 8, IOVA + 3 * PAGE, false), pa + 3 * PAGE);
		CHECK_EQ(paging_reach_of(&p, EP, PASID, IOVA + 3 * PAGE, false),
			 round == 1 ? pa + 3 * PAGE : UIOMMU_PA_NONE);
		CHECK_EQ(uiommu_domain_map(domains[0], IOVA, pa, 4 * PAGE, ALL), 0);
		if (round != 1)
			attach = rig_attach(p.endpoint, PASID, domains[(round + 1) % 2], NULL);
		else
			attach = uiommu_replace(attach, domains[0], NULL);
		CHECK(attach != NULL);
	}
	paging_close(&p);
}
BOTH_STAGES(over_a_stop);

/* A device without a cache of its own: only the unit's are there to be told. */
static void
without_ats(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true, .plain = true};
	const uint32_t id = 0x0210;
	struct uiommu_endpoint *endpoint;
	struct uiommu_domain *domain;
	struct uiommu_attach *attach;
	struct paging p;
	uint64_t pa;

	if (harness_lacks(HARNESS_NEEDS_SWITCH))
		harness_skip("the kernel switches ATS on and off");
	paging_open(&p, &conf);
	endpoint = rig_endpoint_with(p.rig, id, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS |
				     UIOMMU_ENDPOINT_NO_ATS, 0);
	domain = paging_domain_at(&p, paging_pa(p.memory));
	attach = rig_attach(endpoint, PASID, domain, NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, domain, NULL);
	CHECK(uiommu_emu_dma(p.rig->emu, id, PASID, IOVA, true));
	CHECK(uiommu_emu_dma(p.rig->emu, id, UINT32_MAX, IOVA, true));
	/* translations it does not get */
	CHECK(!uiommu_emu_translate(p.rig->emu, id, PASID, IOVA, false, &pa));
	CHECK_EQ(uiommu_domain_unmap(domain, IOVA, PAGE, NULL), 0);
	paging_audit(&p);
	CHECK(!uiommu_emu_dma(p.rig->emu, id, PASID, IOVA, false));
	CHECK(!uiommu_emu_dma(p.rig->emu, id, UINT32_MAX, IOVA, false));
	CHECK(uiommu_emu_dma(p.rig->emu, id, PASID, IOVA + PAGE, true));
	CHECK_EQ(uiommu_detach(attach), 0);
	paging_audit(&p);
	CHECK(!uiommu_emu_dma(p.rig->emu, id, PASID, IOVA + PAGE, true));
	CHECK(uiommu_emu_dma(p.rig->emu, id, UINT32_MAX, IOVA + PAGE, true));
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	paging_audit(&p);
	CHECK(!uiommu_emu_dma(p.rig->emu, id, UINT32_MAX, IOVA + PAGE, true));
	paging_close(&p);
}
BOTH_STAGES(without_ats);

/* --------------------------------------------------------------- nested */

/* Where the guest has its tables and its page, in its own memory. */
#define GUEST_TABLES (IOVA + 64 * PAGE)
#define GUEST_PAGE (IOVA + 4 * PAGE)
/* The guest's own address of it. */
#define GUEST_IOVA UINT64_C(0x200000000)

/* A guest's table in a parent's address space, where nothing is mapped yet. The parent. */
static struct uiommu_domain *
guest_open(struct paging *p, struct uiommu_domain_conf *child)
{
	const struct paging_conf conf = {.no_bond = true};
	const struct uiommu_domain_conf parent_conf = {
		.size = sizeof(parent_conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_NEST_PARENT,
	};
	struct uiommu_domain *parent;

	paging_open(p, &conf);
	parent = uiommu_domain_alloc(p->rig->dev, &parent_conf);
	CHECK(parent != NULL);
	*child = (struct uiommu_domain_conf){
		.size = sizeof(*child),
		.type = UIOMMU_DOMAIN_NESTED,
		.table_pa = GUEST_TABLES,
		.parent = parent,
	};
	harness_unit()->guest_table(p->memory + 64 * PAGE, GUEST_TABLES, GUEST_IOVA, GUEST_PAGE);
	return parent;
}

/* A parent's table under a guest's: what goes from the one is not reached through the other. */
static void
nested(void)
{
	struct uiommu_domain_conf child_conf;
	struct uiommu_domain *parent, *children[2];
	struct paging p;
	uint64_t pa;
	uint32_t i, round;

	parent = guest_open(&p, &child_conf);
	pa = paging_pa(p.memory);
	for (i = 0; i < 2; i++) {
		children[i] = uiommu_domain_alloc(p.rig->dev, &child_conf);
		CHECK(children[i] != NULL);
		rig_attach(p.endpoint, 1 + i, children[i], NULL);
	}
	rig_attach(p.endpoint, PASID, parent, NULL);
	for (round = 0; round < 2; round++) {
		CHECK_EQ(uiommu_domain_map(parent, IOVA, pa, 128 * PAGE, ALL), 0);
		for (i = 0; i < 2; i++) {
			CHECK_EQ(paging_reach_of(&p, EP, 1 + i, GUEST_IOVA, true), pa + 4 * PAGE);
			CHECK(uiommu_emu_dma(p.rig->emu, EP, 1 + i, GUEST_IOVA, true));
		}
		CHECK_EQ(paging_reach_of(&p, EP, PASID, GUEST_PAGE, true), pa + 4 * PAGE);
		/* the guest's page, then what its tables lie in */
		CHECK_EQ(uiommu_domain_unmap(parent, round == 0 ? GUEST_PAGE : GUEST_TABLES,
					     8 * PAGE, NULL), 0);
		paging_audit(&p);
		for (i = 0; i < 2; i++) {
			CHECK_EQ(paging_reach_of(&p, EP, 1 + i, GUEST_IOVA, false), UIOMMU_PA_NONE);
			CHECK(!uiommu_emu_dma(p.rig->emu, EP, 1 + i, GUEST_IOVA, false));
		}
		if (round == 0)
			CHECK_EQ(uiommu_emu_retire(p.rig->emu, pa + 4 * PAGE, 8 * PAGE), 0);
	}
	/* a child goes: nobody is told for it any more */
	CHECK_EQ(uiommu_detach(uiommu_attach_find(p.endpoint, 2, UIOMMU_DOMAIN_ANY)), 0);
	CHECK_EQ(uiommu_domain_free(children[1]), 0);
	CHECK_EQ(uiommu_domain_free(parent), -EBUSY);
	CHECK_EQ(uiommu_domain_map(parent, IOVA, pa, 128 * PAGE, ALL), 0);
	CHECK_EQ(paging_reach_of(&p, EP, 1, GUEST_IOVA, true), pa + 4 * PAGE);
	CHECK_EQ(uiommu_domain_unmap(parent, IOVA, LARGE, NULL), 0);
	paging_audit(&p);
	CHECK_EQ(paging_reach_of(&p, EP, 1, GUEST_IOVA, false), UIOMMU_PA_NONE);
	paging_close(&p);
}

/*
 * The guest changes its own table, which only its user knows of: once he has said so, nothing
 * reaches what it led to before, whether he named the range or meant everything.
 */
static void
nested_guest_changes(void)
{
	struct uiommu_domain_conf child_conf;
	struct uiommu_domain *parent, *child;
	struct paging p;
	uint64_t pa;
	uint32_t i;

	parent = guest_open(&p, &child_conf);
	pa = paging_pa(p.memory);
	child = uiommu_domain_alloc(p.rig->dev, &child_conf);
	CHECK(child != NULL);
	CHECK_EQ(uiommu_domain_invalidate(NULL, GUEST_IOVA, PAGE), -EINVAL);
	CHECK_EQ(uiommu_domain_invalidate(parent, GUEST_IOVA, PAGE), -EINVAL);
	CHECK_EQ(uiommu_domain_invalidate(child, GUEST_IOVA + 1, PAGE), -EINVAL);
	CHECK_EQ(uiommu_domain_invalidate(child, GUEST_IOVA, 0), -EINVAL);
	CHECK_EQ(uiommu_domain_invalidate(child, GUEST_IOVA, PAGE + 1), -EINVAL);
	CHECK_EQ(uiommu_domain_invalidate(child, UINT64_MAX & ~(PAGE - 1), 2 * PAGE), -EINVAL);
	/* nobody has it */
	CHECK_EQ(uiommu_domain_invalidate(child, GUEST_IOVA, PAGE), 0);
	CHECK_EQ(uiommu_domain_map(parent, IOVA, pa, 128 * PAGE, ALL), 0);
	rig_attach(p.endpoint, 1, child, NULL);
	for (i = 0; i < 4; i++) {
		const uint64_t target = GUEST_PAGE + i * PAGE;

		harness_unit()->guest_table(p.memory + 64 * PAGE, GUEST_TABLES, GUEST_IOVA,
					    target);
		CHECK_EQ(uiommu_domain_invalidate(child, i < 2 ? GUEST_IOVA : 0,
						  i < 2 ? PAGE : UINT64_MAX), 0);
		CHECK(uiommu_emu_dma(p.rig->emu, EP, 1, GUEST_IOVA, true));
		CHECK_EQ(paging_reach_of(&p, EP, 1, GUEST_IOVA, true), pa + target - IOVA);
	}
	paging_close(&p);
}

#define BOTH(text, name) FIRST_CASE("inval " text, name), SECOND_CASE("inval " text, name)

static const struct harness_case inval_other_cases[] = {
	{"inval R4 T19 page requests go on and off", page_requests, UIOMMU_CAPA_PAGE_TABLES},
	{"inval R4 a request that is late", late_request, UIOMMU_CAPA_PAGE_TABLES},
	{"inval R4 T12 a request that is late, without PASID", late_request_rid,
	 UIOMMU_CAPA_PAGE_TABLES},
	BOTH("R4 what changes while the unit is stopped", over_a_stop),
	BOTH("R4 a device without translations of its own", without_ats),
	{"inval R4 a parent's pages go", nested,
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_NESTED | HARNESS_NEEDS_GUEST_TABLES},
	{"inval R4 a guest changes its own table", nested_guest_changes,
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_NESTED | HARNESS_NEEDS_GUEST_TABLES},
};

HARNESS_SUITE(inval_other);
