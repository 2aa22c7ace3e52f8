/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The same for bonds: what the unit and the devices keep of entries, and of the translations
 * that came by them, does not outlive detach, replace, removal, and stop.
 */

#include "paging.h"

static void
gone(struct paging *p, uint32_t pasid)
{
	paging_gone(p, pasid, IOVA, 4);
}

/* Detach, and another domain at the same place; a bond beside it is let be. */
static void
detach_of(const struct paging_conf *conf)
{
	struct uiommu_domain *domains[2];
	struct uiommu_attach *attach;
	unsigned int round;
	struct paging p;
	uint64_t pa;

	paging_open(&p, conf);
	pa = paging_pa(p.memory);
	domains[0] = paging_domain_at(&p, pa);
	domains[1] = paging_domain_at(&p, pa + LARGE);
	rig_attach(p.endpoint, 8, domains[0], NULL);
	for (round = 0; round < 4; round++) {
		attach = rig_attach(p.endpoint, p.pasid, domains[round % 2], NULL);
		paging_prime_at(&p, p.pasid, pa + round % 2 * LARGE);
		paging_prime_at(&p, 8, pa);
		CHECK_EQ(uiommu_detach(attach), 0);
		gone(&p, p.pasid);
		paging_prime_at(&p, 8, pa);
	}
	/* the domain itself goes, and its memory with it */
	CHECK_EQ(uiommu_domain_free(domains[1]), 0);
	CHECK_EQ(uiommu_emu_retire(p.rig->emu, pa + LARGE, LARGE), 0);
	gone(&p, p.pasid);
	paging_close(&p);
}

static void
detach(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true, .plain = true};

	detach_of(&conf);
}
BOTH_STAGES(detach);

static void
detach_rid(bool second)
{
	const struct paging_conf conf = {
		.second = second, .no_bond = true, .plain = true, .rid = true,
	};

	detach_of(&conf);
}
BOTH_STAGES(detach_rid);

/* The same with domains that take faults: page requests are drained besides. */
static void
detach_demand(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true};

	detach_of(&conf);
}
BOTH_STAGES(detach_demand);

/* A unit that remembers what was absent remembers it of bonds, too. */
static void
absent_bond(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true};
	static const uint32_t pasids[] = {PASID, 9, UIOMMU_NO_PASID};
	struct uiommu_domain *domain;
	struct uiommu_attach *attach;
	unsigned int i, round;
	struct paging p;

	paging_open(&p, &conf);
	domain = paging_domain_at(&p, paging_pa(p.memory));
	/* what is set for the first bond of a device is set already */
	rig_attach(p.endpoint, 8, domain, NULL);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_COUNT(pasids); i++) {
			gone(&p, pasids[i]);
			attach = rig_attach(p.endpoint, pasids[i], domain, NULL);
			paging_prime_at(&p, pasids[i], paging_pa(p.memory));
			CHECK_EQ(uiommu_detach(attach), 0);
			gone(&p, pasids[i]);
		}
	}
	paging_close(&p);
}
BOTH_STAGES(absent_bond);

static void
replace_of(const struct paging_conf *conf)
{
	struct uiommu_attach *attach;
	struct uiommu_domain *domains[2];
	unsigned int round;
	struct paging p;
	uint64_t pa;

	paging_open(&p, conf);
	pa = paging_pa(p.memory);
	domains[0] = paging_domain_at(&p, pa);
	domains[1] = paging_domain_at(&p, pa + LARGE);
	attach = rig_attach(p.endpoint, p.pasid, domains[0], NULL);
	for (round = 0; round < 4; round++) {
		paging_prime_at(&p, p.pasid, pa + round % 2 * LARGE);
		attach = uiommu_replace(attach, domains[(round + 1) % 2], NULL);
		CHECK(attach != NULL);
		paging_audit(&p);
		paging_prime_at(&p, p.pasid, pa + (round + 1) % 2 * LARGE);
	}
	attach = uiommu_replace(attach, rig_domain(p.rig, UIOMMU_DOMAIN_BLOCKED), NULL);
	CHECK(attach != NULL);
	gone(&p, p.pasid);
	paging_close(&p);
}

static void
replace(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true, .plain = true};

	replace_of(&conf);
}
BOTH_STAGES(replace);

static void
replace_rid(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true, .rid = true};

	replace_of(&conf);
}
BOTH_STAGES(replace_rid);

/* From one stage to the other and back, each with translations of its own. */
static void
replace_stage(void)
{
	struct paging_conf conf = {.no_bond = true};
	struct uiommu_domain *domains[2];
	struct uiommu_attach *attach;
	unsigned int round;
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	domains[0] = paging_domain_at(&p, pa);
	p.conf.second = true;
	domains[1] = paging_domain_at(&p, pa + LARGE);
	attach = rig_attach(p.endpoint, PASID, domains[0], NULL);
	for (round = 0; round < 4; round++) {
		paging_prime_at(&p, PASID, pa + round % 2 * LARGE);
		attach = uiommu_replace(attach, domains[(round + 1) % 2], NULL);
		CHECK(attach != NULL);
		paging_audit(&p);
		paging_prime_at(&p, PASID, pa + (round + 1) % 2 * LARGE);
	}
	paging_close(&p);
}

/* Identity is cached, too. */
static void
identity_of(uint32_t pasid)
{
	struct paging_conf conf = {.no_bond = true};
	struct uiommu_attach *attach;
	struct uiommu_domain *there;
	struct paging p;

	paging_open(&p, &conf);
	there = paging_domain_at(&p, paging_pa(p.memory));
	attach = rig_attach(p.endpoint, pasid, rig_domain(p.rig, UIOMMU_DOMAIN_IDENTITY), NULL);
	paging_prime_at(&p, pasid, IOVA);
	attach = uiommu_replace(attach, there, NULL);
	CHECK(attach != NULL);
	paging_audit(&p);
	paging_prime_at(&p, pasid, paging_pa(p.memory));
	attach = uiommu_replace(attach, rig_domain(p.rig, UIOMMU_DOMAIN_IDENTITY), NULL);
	CHECK(attach != NULL);
	paging_prime_at(&p, pasid, IOVA);
	CHECK_EQ(uiommu_detach(attach), 0);
	gone(&p, pasid);
	paging_close(&p);
}

static void
identity_pasid(void)
{
	identity_of(PASID);
}

static void
identity_rid(void)
{
	identity_of(UIOMMU_NO_PASID);
}

/* The device's own entry goes; with and without bonds at that moment, and it comes back. */
static void
endpoint_removed(bool second)
{
	const struct paging_conf conf = {.second = second, .no_bond = true};
	struct uiommu_domain *domains[2];
	unsigned int round;
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	domains[0] = paging_domain_at(&p, pa);
	domains[1] = paging_domain_at(&p, pa + LARGE);
	for (round = 0; round < 4; round++) {
		rig_attach(p.endpoint, PASID, domains[round % 2], NULL);
		rig_attach(p.endpoint, UIOMMU_NO_PASID, domains[(round + 1) % 2], NULL);
		paging_prime_at(&p, PASID, pa + round % 2 * LARGE);
		paging_prime_at(&p, UIOMMU_NO_PASID, pa + (round + 1) % 2 * LARGE);
		if (round == 3) {
			CHECK_EQ(uiommu_detach(uiommu_attach_find(p.endpoint, PASID,
								  UIOMMU_DOMAIN_ANY)), 0);
			CHECK_EQ(uiommu_detach(uiommu_attach_find(p.endpoint, UIOMMU_NO_PASID,
								  UIOMMU_DOMAIN_ANY)), 0);
		}
		CHECK_EQ(uiommu_endpoint_remove(p.endpoint), 0);
		gone(&p, PASID);
		gone(&p, UIOMMU_NO_PASID);
		p.endpoint = rig_endpoint_add(p.rig, EP, 0, 0);
		gone(&p, PASID);
	}
	paging_close(&p);
}
BOTH_STAGES(endpoint_removed);

#define BOTH(text, name) FIRST_CASE("inval " text, name), SECOND_CASE("inval " text, name)

static const struct harness_case inval_bonds_cases[] = {
	BOTH("R4 detach", detach),
	BOTH("R4 detach, without PASID", detach_rid),
	BOTH("R4 detach of a domain with faults", detach_demand),
	BOTH("R3 R4 a bond that was absent", absent_bond),
	BOTH("R4 replace", replace),
	BOTH("R4 replace, without PASID", replace_rid),
	{"inval R4 replace by a domain of the other stage", replace_stage,
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_SECOND_STAGE},
	{"inval R4 replace of identity", identity_pasid,
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PASSTHROUGH_PASID},
	{"inval R4 replace of identity, without PASID", identity_rid,
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PASSTHROUGH},
	BOTH("R4 T16 endpoint removed", endpoint_removed),
};

HARNESS_SUITE(inval_bonds);
