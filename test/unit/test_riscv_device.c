/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Device and process directories, and their entries, "In-memory data structures". */

#include "riscv_rig.h"

/* Entry of an id, as a unit finds it that begins at a table: bits of each level, the leaf's last */
static void *
walk(uint64_t pa, const uint8_t *bits, unsigned int levels, uint32_t id, size_t entry_size)
{
	unsigned int i, below = 0;

	for (i = 0; i < levels; i++)
		below += bits[i];
	for (i = 0; i + 1 < levels; i++) {
		const uint64_t *table = rig_va(pa);
		uint64_t entry;

		below -= bits[i];
		entry = table[id >> below & ((1U << bits[i]) - 1)];
		if ((entry & 1) == 0)
			return NULL;
		assert_int_equal(entry & ~RISCV_PPN_FIELD_MASK, 1);
		pa = (entry & RISCV_PPN_FIELD_MASK) << 2;
	}
	return (uint8_t *)rig_va(pa) + (id & ((1U << bits[levels - 1]) - 1)) * entry_size;
}

static uint64_t *
device_context(uint32_t did)
{
	static const uint8_t extended[] = {9, 9, 6}, base[] = {8, 9, 7};
	const bool is_extended = (hw.caps & RISCV_CAP_MSI_FLAT) != 0;
	const uint64_t ddtp = *hw_reg64(RISCV_REG_DDTP);
	const unsigned int levels = (ddtp & 0xf) - 1;

	return walk((ddtp & RISCV_PPN_FIELD_MASK) << 2,
		    (is_extended ? extended : base) + 3 - levels, levels, did,
		    is_extended ? 64 : 32);
}

static uint64_t *
process_context(const uint64_t *dc, uint32_t pid)
{
	static const uint8_t bits[] = {3, 9, 8};
	const unsigned int levels = dc[3] >> 60;

	return walk((dc[3] & RISCV_ATP_PPN_MASK) << 12, bits + 3 - levels, levels, pid, 16);
}

#define TC_RUNS 0x323 /* V, EN_ATS, PDTV, SADE, DPE */

/* Ids at the edges of tables have entries of their own, where the unit looks for them. */
static void
contexts_are_found(void **state)
{
	static const uint32_t dids[] = {0, 1, 63, 64, 127, 128, 0x7fff, 0x8000, 0xffff, 0x10000,
					0x7fffff, 0x800000, 0xffffff};
	struct riscv_endpoint *endpoints[RTE_DIM(dids)];
	unsigned int i, round;

	for (round = 0; round < 2; round++) {
		if (round == 1) {
			tear_down(state);
			hw_reset();
			hw.caps &= ~(RISCV_CAP_MSI_FLAT | RISCV_CAP_AMO_HWAD);
			assert_int_equal(unit_start(), 0);
		}
		for (i = 0; i < RTE_DIM(dids); i++) {
			endpoints[i] = endpoint_new(dids[i], 0);
			assert_ptr_equal(device_context(dids[i]), endpoints[i]->dc);
			assert_int_equal(endpoints[i]->dc->tc, round == 0 ? TC_RUNS : 0x223);
		}
		assert_null(device_context(0x300000));
		for (i = 0; i < RTE_DIM(dids); i++)
			riscv_endpoint_free(&dev, endpoints[i]);
	}
}

/* Nothing of an earlier use of the memory is left, and nothing beside what is meant is set. */
static void
context_is_filled(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	uint64_t *dc = device_context(DID);
	unsigned int i;

	assert_int_equal(dc[1], 0);
	assert_int_equal(dc[2], 0);
	assert_int_equal(dc[3] >> 60, RISCV_PDTP_PD20);
	assert_int_equal(dc[3] & RISCV_ATP_RESERVED, 0);
	for (i = 4; i < 8; i++)
		assert_int_equal(dc[i], 0);
	riscv_endpoint_page_requests(&dev, endpoint, true);
	/* EN_PRI, PRPR */
	assert_int_equal(dc[0], TC_RUNS | 0x44);
	riscv_endpoint_page_requests(&dev, endpoint, false);
	assert_int_equal(dc[0], TC_RUNS);
	riscv_endpoint_free(&dev, endpoint);
	endpoint = endpoint_new(DID + 1, UIOMMU_ENDPOINT_NO_ATS);
	riscv_endpoint_page_requests(&dev, endpoint, true);
	assert_int_equal(device_context(DID + 1)[0], TC_RUNS & ~2);
	riscv_endpoint_free(&dev, endpoint);
}

/* The narrowest process directory that holds what is wanted, of those that there are. */
static void
directory_is_chosen(void **state)
{
	static const struct {
		uint64_t without;
		uint8_t bits, mode;
	} cases[] = {
		{0, 1, 1}, {0, 8, 1}, {0, 9, 2}, {0, 17, 2}, {0, 18, 3}, {0, 20, 3},
		{RISCV_CAP_PD8, 1, 2}, {RISCV_CAP_PD8 | RISCV_CAP_PD17, 1, 3},
		{RISCV_CAP_PD17, 9, 3}, {RISCV_CAP_PD20 | RISCV_CAP_PD17, 8, 1},
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(cases); i++) {
		struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
		void *endpoint;

		tear_down(state);
		hw_reset();
		hw.caps &= ~cases[i].without;
		assert_int_equal(unit_start(), 0);
		conf.pasid_bits = cases[i].bits;
		assert_int_equal(riscv_endpoint_set(&dev, DID, &conf, &endpoint), 0);
		assert_int_equal(device_context(DID)[3] >> 60, cases[i].mode);
		assert_int_equal(((struct riscv_endpoint *)endpoint)->pasid_limit,
				 1U << cases[i].bits);
		conf.pasid_bits = riscv->pasid_bits + 1;
		assert_int_equal(riscv_endpoint_set(&dev, DID + 1, &conf, &endpoint), -EINVAL);
		riscv_endpoint_free(&dev, endpoint);
	}
}

/* Of each kind of domain, and at the edges of tables. */
static void
bonds_are_found(void **state)
{
	static const uint32_t pasids[] = {1, 255, 256, 0x1ffff, 0x20000, 0xfffff, UIOMMU_NO_PASID};
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct riscv_domain *identity = domain_new(UIOMMU_DOMAIN_IDENTITY);
	struct riscv_domain *blocked = domain_new(UIOMMU_DOMAIN_BLOCKED);
	const uint64_t *dc = device_context(DID);
	unsigned int i;

	for (i = 0; i < RTE_DIM(pasids); i++) {
		const uint32_t pid = pasids[i] == UIOMMU_NO_PASID ? 0 : pasids[i];
		uint64_t *pc;

		assert_int_equal(riscv_bond_set(&dev, endpoint, pasids[i], domain), 0);
		pc = process_context(dc, pid);
		assert_non_null(pc);
		assert_int_equal(pc[0], 0x1001);
		assert_true(pc[1] == (UINT64_C(9) << 60 | 0x123456));
		assert_int_equal(riscv_bond_set(&dev, endpoint, pasids[i], domain), -EBUSY);
		riscv_bond_clear(&dev, endpoint, pasids[i]);
		assert_int_equal(pc[0] & 1, 0);
		assert_int_equal(riscv_bond_set(&dev, endpoint, pasids[i], identity), 0);
		assert_int_equal(pc[0], 1);
		assert_int_equal(pc[1], 0);
		riscv_bond_clear(&dev, endpoint, pasids[i]);
		assert_int_equal(riscv_bond_set(&dev, endpoint, pasids[i], blocked), 0);
		assert_int_equal(pc[0] & 1, 0);
	}
	/* that of the RID is not to be had by number; beyond the directory there is nothing */
	assert_int_equal(riscv_bond_set(&dev, endpoint, 0, domain), -EINVAL);
	endpoint->pasid_limit = 256;
	assert_int_equal(riscv_bond_set(&dev, endpoint, 256, domain), -EINVAL);
	riscv_bond_clear(&dev, endpoint, 0x12345);
	riscv_domain_fini(&dev, domain);
	riscv_domain_fini(&dev, identity);
	riscv_domain_fini(&dev, blocked);
	riscv_endpoint_free(&dev, endpoint);
}

/* An endpoint that has gone has a context that leads nowhere and lets nothing pass. */
static void
what_is_left_of_an_endpoint(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	uint64_t *dc = device_context(DID);
	uint32_t pid;

	assert_int_equal(riscv_bond_set(&dev, endpoint, 5, domain), 0);
	riscv_endpoint_page_requests(&dev, endpoint, true);
	riscv_endpoint_clear(&dev, endpoint);
	assert_int_equal(dc[0], TC_RUNS & ~2);
	for (pid = 0; pid < 0x20000; pid += 0xffff)
		assert_null(process_context(dc, pid));
	/* what comes meanwhile is kept for later */
	riscv_endpoint_page_requests(&dev, endpoint, false);
	assert_int_equal(dc[0], TC_RUNS & ~2);
	riscv_endpoint_page_requests(&dev, endpoint, true);
	assert_int_equal(dc[0], TC_RUNS & ~2);
	riscv_endpoint_enable(&dev, endpoint);
	assert_int_equal(dc[0], TC_RUNS | 0x44);
	assert_int_equal(process_context(dc, 5)[0], 0x1001);
	riscv_domain_fini(&dev, domain);
	riscv_endpoint_free(&dev, endpoint);
}

/* Faults of a blocked bond are kept with those of the whole device, until none is left. */
static void
blocked_bonds(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct riscv_domain *blocked = domain_new(UIOMMU_DOMAIN_BLOCKED);
	uint64_t *dc = device_context(DID);
	uint32_t pid;

	for (pid = 1; pid < 4; pid++)
		assert_int_equal(riscv_bond_set(&dev, endpoint, pid, domain), 0);
	riscv_bond_block(&dev, endpoint, 1);
	riscv_bond_block(&dev, endpoint, 1);
	riscv_bond_block(&dev, endpoint, 2);
	assert_int_equal(dc[0], TC_RUNS | 0x10);
	assert_int_equal(process_context(dc, 1)[0] & 1, 0);
	riscv_bond_clear(&dev, endpoint, 1);
	riscv_bond_clear(&dev, endpoint, 1);
	riscv_bond_clear(&dev, endpoint, 3);
	assert_int_equal(dc[0], TC_RUNS | 0x10);
	assert_int_equal(riscv_bond_set(&dev, endpoint, 2, blocked), 0);
	assert_int_equal(dc[0], TC_RUNS);
	riscv_bond_block(&dev, endpoint, 3);
	assert_int_equal(dc[0], TC_RUNS | 0x10);
	assert_int_equal(riscv_bond_set(&dev, endpoint, 3, domain), 0);
	assert_int_equal(dc[0], TC_RUNS);
	assert_int_equal(process_context(dc, 3)[0], 0x1001);
	riscv_domain_fini(&dev, domain);
	riscv_domain_fini(&dev, blocked);
	riscv_endpoint_free(&dev, endpoint);
}

/* Without a process directory nothing passes before there is a bond: Bare comes by name only. */
static void
plain_contexts(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct riscv_domain *identity = domain_new(UIOMMU_DOMAIN_IDENTITY);
	uint64_t *dc = device_context(DID);
	const uint64_t nothing = dc[3];
	const uint64_t *table = rig_va((nothing & RISCV_ATP_PPN_MASK) << 12);
	unsigned int i;

	/* V, EN_ATS, SADE */
	assert_int_equal(dc[0], 0x103);
	assert_int_equal(nothing >> 60, RISCV_IOSATP_SV39);
	for (i = 0; i < 512; i++)
		assert_int_equal(table[i], 0);
	assert_int_equal(riscv_bond_set(&dev, endpoint, 1, domain), -EINVAL);
	assert_int_equal(riscv_bond_set(&dev, endpoint, UIOMMU_NO_PASID, identity), 0);
	riscv_bond_settle(endpoint);
	assert_int_equal(dc[2], 0);
	assert_int_equal(dc[3], 0);
	assert_int_equal(riscv_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), -EBUSY);
	riscv_bond_clear(&dev, endpoint, UIOMMU_NO_PASID);
	assert_true(dc[3] == nothing);
	riscv_endpoint_page_requests(&dev, endpoint, true);
	/* no PASID is there to be sent back */
	assert_int_equal(dc[0], 0x107);
	riscv_domain_fini(&dev, domain);
	riscv_domain_fini(&dev, identity);
	riscv_endpoint_free(&dev, endpoint);
}

/* A bond that was made outlasts a stop, whatever the context says meanwhile. */
static void
plain_bonds_outlast_a_stop(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	uint64_t *dc = device_context(DID);
	const uint64_t nothing = dc[3];

	assert_int_equal(riscv_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), 0);
	riscv_bond_settle(endpoint);
	assert_int_equal(dc[2], 0x1000);
	assert_int_equal(riscv_stop(&dev), 0);
	riscv_endpoint_clear(&dev, endpoint);
	assert_int_equal(dc[0], 0x101);
	assert_int_equal(dc[2], 0);
	assert_true(dc[3] == nothing);
	riscv_bond_clear(&dev, endpoint, UIOMMU_NO_PASID);
	assert_int_equal(riscv_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), 0);
	assert_int_equal(dc[2], 0);
	assert_true(dc[3] == nothing);
	riscv_endpoint_enable(&dev, endpoint);
	assert_int_equal(dc[0], 0x103);
	assert_int_equal(dc[2], 0x1000);
	assert_true(dc[3] == (UINT64_C(9) << 60 | 0x123456));
	riscv_domain_fini(&dev, domain);
	riscv_endpoint_free(&dev, endpoint);
}

/* All memory of directories is given back and taken again. */
static void
memory_is_used_again(void **state)
{
	uint32_t nb_chunks = 0;
	unsigned int i, round;

	for (round = 0; round < 50; round++) {
		struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
		struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);

		for (i = 1; i < 100; i++)
			assert_int_equal(riscv_bond_set(&dev, endpoint, i * 999, domain), 0);
		riscv_endpoint_clear(&dev, endpoint);
		riscv_endpoint_free(&dev, endpoint);
		riscv_domain_fini(&dev, domain);
		if (round == 0)
			nb_chunks = riscv->pool.nb_chunks;
	}
	assert_int_equal(riscv->pool.nb_chunks, nb_chunks);
}

/* What a unit that could not be turned off may be reading stays. */
static void
memory_of_a_wedged_unit_stays(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	const uint32_t nb_free = riscv->pool.nb_free;

	riscv->wedged = true;
	riscv_endpoint_free(&dev, endpoint);
	assert_int_equal(riscv->pool.nb_free, nb_free);
	riscv->wedged = false;
}

/* Ids that the directory has no place for. */
static void
ids_are_too_wide(void **state)
{
	const struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
	static const uint32_t limits[] = {1U << 6, 1U << 15, 1U << 24};
	void *endpoint;
	unsigned int i;

	assert_int_equal(riscv_dir_get(&riscv->pool, &riscv->ddt, limits[2], &endpoint), -EINVAL);
	assert_null(riscv_dir_find(&riscv->ddt, limits[2]));
	for (i = 0; i < 3; i++) {
		tear_down(state);
		hw_reset();
		hw.ddtp_modes = (1U << (i + 3)) - 1;
		assert_int_equal(unit_start(), 0);
		assert_int_equal(riscv_endpoint_set(&dev, limits[i], &conf, &endpoint), -EINVAL);
		endpoint = endpoint_new(limits[i] - 1, 0);
		assert_int_equal(device_context(limits[i] - 1)[0], TC_RUNS);
		riscv_endpoint_free(&dev, endpoint);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(contexts_are_found),
		CASE(context_is_filled),
		CASE(directory_is_chosen),
		CASE(bonds_are_found),
		CASE(what_is_left_of_an_endpoint),
		CASE(blocked_bonds),
		PLAIN_CASE(plain_contexts),
		PLAIN_CASE(plain_bonds_outlast_a_stop),
		CASE(memory_is_used_again),
		CASE(memory_of_a_wedged_unit_stays),
		CASE(ids_are_too_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
