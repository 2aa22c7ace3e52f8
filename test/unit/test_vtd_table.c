/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Tables of VT-d: what stands in the entries of endpoints and bonds for each kind of domain, and
 * what is left of a bond in the entry of the next one. Expected words were put together by
 * hand from the bit positions of S 9.4 and 9.6.
 */

#include "vtd_table_rig.h"

/* ------------------------------------------------------------------- endpoints */

/* Context entry: P 0, DTE 2, PASIDE 3, PRE 4, PDTS 11:9 = 7 for 20 bits */
static void
page_requests_are_one_bit(void **state)
{
	struct vtd_endpoint *endpoint = endpoint_new(NULL);
	const uint64_t *word = endpoint->context->q;
	const uint64_t off = endpoint->dir.pa | UINT64_C(7) << 9 | 0xd;

	(void)state;
	assert_true(word[0] == off);
	vtd_endpoint_page_requests(&dev, endpoint, true);
	assert_true(word[0] == (off | 0x10));
	vtd_endpoint_page_requests(&dev, endpoint, false);
	assert_true(word[0] == off);
	/* kept while the entry is not present, and told then */
	vtd_endpoint_page_requests(&dev, endpoint, true);
	vtd_endpoint_clear(&dev, endpoint);
	assert_true(word[0] == ((off | 0x10) & ~UINT64_C(1)));
	vtd_endpoint_enable(&dev, endpoint);
	assert_true(word[0] == (off | 0x10));
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_page_requests(&dev, endpoint, false);
	assert_int_equal(word[0] & 1, 0);
	vtd_endpoint_enable(&dev, endpoint);
	assert_true(word[0] == off);
	assert_true((word[1] | word[2] | word[3]) == 0);
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_free(&dev, endpoint);
}

/* DTE 2: the unit translates for the device's own cache, or does not */
static void
devices_without_ats_are_not_served(void **state)
{
	const struct uiommu_endpoint_conf conf = {
		.flags = UIOMMU_ENDPOINT_NO_ATS | UIOMMU_ENDPOINT_NO_PAGE_REQUESTS,
	};
	struct vtd_endpoint *endpoint = endpoint_new(&conf);
	const uint64_t word = endpoint->dir.pa | UINT64_C(7) << 9 | 0x9;

	(void)state;
	assert_true(endpoint->context->q[0] == word);
	vtd_endpoint_page_requests(&dev, endpoint, false);
	assert_true(endpoint->context->q[0] == word);
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_enable(&dev, endpoint);
	assert_true(endpoint->context->q[0] == word);
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_free(&dev, endpoint);
}

/* S 9.4, 9.6: DT 2, PASID 40, SMPWCS 48 of ECAP: the bits of what is not there are reserved */
static void
what_is_not_there_is_reserved(void **state)
{
	struct vtd_endpoint *endpoint;
	struct vtd_domain *domain;

	(void)state;
	vtd.ecap &= ~(UINT64_C(0x4) | UINT64_C(1) << 40 | UINT64_C(1) << 48);
	endpoint = endpoint_new(NULL);
	domain = domain_new(&second, NULL);
	assert_true(endpoint->context->q[0] == (endpoint->dir.pa | UINT64_C(7) << 9 | 0x1));
	assert_int_equal(vtd_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), 0);
	/* P 0, AW 4:2 = 2, PGTT 8:6 = 2 */
	assert_entry(endpoint, 0, HOST_TABLE | 0x89, domain->did, 0);
	vtd_bond_clear(&dev, endpoint, UIOMMU_NO_PASID);
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_free(&dev, endpoint);
	vtd_domain_fini(&dev, domain);
}

/* The whole way to an entry, as a unit finds it that reads past the caches. */
static void
assert_way(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	const struct vtd_root_entry *root = vtd.base_mem.va;

	assert_true(is_brought_out(&root[ENDPOINT >> 8], sizeof(*root)));
	assert_true(is_brought_out(vtd.contexts[ENDPOINT >> 7], VTD_PAGE_SIZE));
	assert_true(is_brought_out(endpoint->dir.va, endpoint->dir.size));
	if (endpoint->tables[pasid >> 6] != NULL)
		assert_true(is_brought_out(endpoint->tables[pasid >> 6], VTD_PAGE_SIZE));
}

static void
everything_leaves_the_caches(void **state)
{
	struct vtd_endpoint *endpoint;
	struct vtd_domain *domain = domain_new(&sva, NULL);
	struct vtd_domain *none = domain_new(&blocked, NULL);

	(void)state;
	vtd.flushes = true;
	endpoint = endpoint_new(NULL);
	assert_way(endpoint, PASID);
	assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, domain), 0);
	assert_way(endpoint, PASID);
	vtd_bond_block(&dev, endpoint, PASID);
	assert_way(endpoint, PASID);
	vtd_bond_clear(&dev, endpoint, PASID);
	assert_way(endpoint, PASID);
	assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, none), 0);
	assert_way(endpoint, PASID);
	vtd_endpoint_page_requests(&dev, endpoint, true);
	assert_way(endpoint, PASID);
	vtd_endpoint_clear(&dev, endpoint);
	assert_way(endpoint, PASID);
	vtd_endpoint_enable(&dev, endpoint);
	assert_way(endpoint, PASID);
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_free(&dev, endpoint);
	vtd_domain_fini(&dev, domain);
	vtd_domain_fini(&dev, none);
}

/* One that snoops is spared that. */
static void
caches_are_left_alone(void **state)
{
	struct vtd_endpoint *endpoint = endpoint_new(NULL);

	(void)state;
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_free(&dev, endpoint);
	assert_int_equal(nb_lines, 0);
}

static void
functions_know_their_pf(void **state)
{
	const struct uiommu_endpoint_conf vf = {.flags = UIOMMU_ENDPOINT_VF, .pf_id = 0x0300};
	/* every other flag; the id is nothing without the one */
	const struct uiommu_endpoint_conf pf = {
		.flags = UIOMMU_ENDPOINT_NO_PAGE_REQUESTS | UIOMMU_ENDPOINT_USER_PASIDS |
			 UIOMMU_ENDPOINT_FAILURE | UIOMMU_ENDPOINT_NUMA,
		.pf_id = 0x0300,
	};
	struct vtd_endpoint *endpoint = endpoint_new(&vf);

	(void)state;
	assert_int_equal(endpoint->source_id, ENDPOINT);
	assert_int_equal(endpoint->pf_id, 0x0300);
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_free(&dev, endpoint);
	endpoint = endpoint_new(&pf);
	assert_int_equal(endpoint->pf_id, ENDPOINT);
	vtd_endpoint_clear(&dev, endpoint);
	vtd_endpoint_free(&dev, endpoint);
}

/* ----------------------------------------------------------------------- bonds */

/*
 * Word 0: P 0, AW 4:2 (48 bits: 2; 1 where it does not matter), PGTT 8:6, SSPTPTR 63:12.
 * Word 1: domain 15:0, PWSNP 23. Word 2: FSPM 3:2 (five levels: 1), FSPTPTR 63:12.
 */
static void
every_kind_has_its_entry(void **state)
{
	struct vtd_endpoint *endpoint = endpoint_new(NULL);
	struct vtd_domain *parent = domain_new(&parent_conf, NULL);
	const struct {
		const struct uiommu_domain_conf *conf;
		uint64_t w0;
		uint64_t w2;
	} kinds[] = {
		{&identity, 0x105, 0},
		{&paging, 0x45, HOST_TABLE | 0x4},
		{&sva, 0x45, HOST_TABLE},
		{&second, HOST_TABLE | 0x89, 0},
		{&parent_conf, HOST_TABLE | 0x89, 0},
		{&nested_conf, HOST_TABLE | 0xc9, GUEST_TABLE},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct vtd_domain *domain = domain_new(kinds[i].conf, parent);
		struct vtd_tag tag;

		assert_int_not_equal(domain->did, 0);
		assert_int_not_equal(domain->did, parent->did);
		assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, domain), 0);
		assert_entry(endpoint, PASID, kinds[i].w0, domain->did | UINT64_C(1) << 23,
			     kinds[i].w2);
		assert_int_equal(vtd_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), 0);
		assert_entry(endpoint, 0, kinds[i].w0, domain->did | UINT64_C(1) << 23,
			     kinds[i].w2);
		assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, domain), -EBUSY);
		tag = vtd_endpoint_tag(endpoint, PASID);
		assert_int_equal(tag.did, domain->did);
		assert_int_equal(tag.pgtt, kinds[i].w0 >> 6 & 7);
		vtd_bond_clear(&dev, endpoint, PASID);
		vtd_bond_clear(&dev, endpoint, UIOMMU_NO_PASID);
		vtd_domain_fini(&dev, domain);
	}
	vtd_domain_fini(&dev, parent);
	vtd_endpoint_free(&dev, endpoint);
}

/* Where the unit can keep them (SSADS 45 of ECAP): SSADE 9 of word 0, with a second stage only */
static void
second_stage_keeps_its_marks(void **state)
{
	struct vtd_endpoint *endpoint = endpoint_new(NULL);
	struct vtd_domain *parent;
	const struct {
		const struct uiommu_domain_conf *conf;
		uint64_t w0;
		uint64_t w2;
	} kinds[] = {
		{&identity, 0x105, 0},
		{&sva, 0x45, HOST_TABLE},
		{&second, HOST_TABLE | 0x289, 0},
		{&parent_conf, HOST_TABLE | 0x289, 0},
		{&nested_conf, HOST_TABLE | 0x2c9, GUEST_TABLE},
	};
	unsigned int i;

	(void)state;
	vtd.ecap |= UINT64_C(1) << 45;
	parent = domain_new(&parent_conf, NULL);
	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct vtd_domain *domain = domain_new(kinds[i].conf, parent);

		assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, domain), 0);
		assert_entry(endpoint, PASID, kinds[i].w0, domain->did | UINT64_C(1) << 23,
			     kinds[i].w2);
		vtd_bond_clear(&dev, endpoint, PASID);
		vtd_domain_fini(&dev, domain);
	}
	vtd_domain_fini(&dev, parent);
	vtd_endpoint_free(&dev, endpoint);
}

/* Any kind after any other: the entry is as if it had never been another, but for the tag. */
static void
bonds_follow_each_other(void **state)
{
	static const struct uiommu_domain_conf *const confs[] = {
		&blocked, &identity, &paging, &sva, &parent_conf, &nested_conf,
	};
	struct vtd_endpoint *endpoint = endpoint_new(NULL);
	struct vtd_domain *domains[ARRAY_COUNT(confs)];
	struct vtd_pasid_entry fresh[ARRAY_COUNT(confs)], *entry;
	unsigned int i, j, blocking;

	(void)state;
	/* the parent of the last one comes first */
	for (i = ARRAY_COUNT(confs) - 1; i-- > 0;)
		domains[i] = domain_new(confs[i], NULL);
	domains[5] = domain_new(confs[5], domains[4]);
	for (i = 1; i < ARRAY_COUNT(confs); i++) {
		assert_int_equal(vtd_bond_set(&dev, endpoint, 100 + i, domains[i]), 0);
		fresh[i] = *find_entry(endpoint, 100 + i);
	}
	memset(&fresh[0], 0, sizeof(fresh[0]));
	assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, domains[1]), 0);
	entry = find_entry(endpoint, PASID);
	vtd_bond_clear(&dev, endpoint, PASID);
	for (i = 0; i < ARRAY_COUNT(confs); i++) {
		for (j = 0; j < ARRAY_COUNT(confs); j++) {
			for (blocking = 0; blocking < 2; blocking++) {
				assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, domains[i]),
						 0);
				if (blocking != 0)
					vtd_bond_block(&dev, endpoint, PASID);
				else
					vtd_bond_clear(&dev, endpoint, PASID);
				assert_int_equal(entry->q[0] & 3, blocking * 2);
				assert_int_equal(vtd_endpoint_tag(endpoint, PASID).did,
						 domains[i]->did);
				assert_int_equal(vtd_endpoint_tag(endpoint, PASID).pgtt,
						 domains[i]->pgtt);
				assert_int_equal(vtd_bond_set(&dev, endpoint, PASID, domains[j]),
						 0);
				assert_memory_equal(entry, &fresh[j], sizeof(*entry));
				vtd_bond_clear(&dev, endpoint, PASID);
			}
		}
	}
	for (i = ARRAY_COUNT(confs); i-- > 0;)
		vtd_domain_fini(&dev, domains[i]);
	vtd_endpoint_free(&dev, endpoint);
}

/* FPD 1, with and without PASID; nothing else changes, and it is gone with the next change. */
static void
blocked_bonds_hide_their_faults(void **state)
{
	static const uint32_t pasids[] = {PASID, UIOMMU_NO_PASID};
	const struct uiommu_endpoint_conf conf = {.pasid_bits = 14};
	struct vtd_endpoint *endpoint = endpoint_new(&conf);
	struct vtd_domain *domain = domain_new(&sva, NULL);
	unsigned int i;

	(void)state;
	/* no table yet: nothing to be done */
	vtd_bond_block(&dev, endpoint, PASID);
	vtd_bond_clear(&dev, endpoint, PASID);
	assert_null(find_entry(endpoint, PASID));
	for (i = 0; i < ARRAY_COUNT(pasids); i++) {
		const uint32_t at = pasids[i] == UIOMMU_NO_PASID ? 0 : pasids[i];
		const uint64_t w1 = domain->did | UINT64_C(1) << 23;

		assert_int_equal(vtd_bond_set(&dev, endpoint, pasids[i], domain), 0);
		assert_entry(endpoint, at, 0x45, w1, HOST_TABLE);
		vtd_bond_block(&dev, endpoint, pasids[i]);
		assert_entry(endpoint, at, 0x46, w1, HOST_TABLE);
		vtd_bond_clear(&dev, endpoint, pasids[i]);
		assert_entry(endpoint, at, 0x44, w1, HOST_TABLE);
		/* one that is absent may be cleared, and blocked */
		vtd_bond_clear(&dev, endpoint, pasids[i]);
		vtd_bond_block(&dev, endpoint, pasids[i]);
		assert_entry(endpoint, at, 0x46, w1, HOST_TABLE);
		assert_int_equal(vtd_bond_set(&dev, endpoint, pasids[i], domain), 0);
		assert_entry(endpoint, at, 0x45, w1, HOST_TABLE);
		vtd_bond_clear(&dev, endpoint, pasids[i]);
	}
	assert_int_equal(vtd_bond_set(&dev, endpoint, 0, domain), -EINVAL);
	assert_int_equal(vtd_bond_set(&dev, endpoint, 1 << 14, domain), -EINVAL);
	assert_int_equal(vtd_bond_set(&dev, endpoint, (1 << 14) - 1, domain), 0);
	vtd_domain_fini(&dev, domain);
	vtd_endpoint_free(&dev, endpoint);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(page_requests_are_one_bit),
		CASE(devices_without_ats_are_not_served),
		CASE(what_is_not_there_is_reserved),
		CASE(everything_leaves_the_caches),
		CASE(caches_are_left_alone),
		CASE(functions_know_their_pf),
		CASE(every_kind_has_its_entry),
		CASE(second_stage_keeps_its_marks),
		CASE(bonds_follow_each_other),
		CASE(blocked_bonds_hide_their_faults),
	};

	rte_log_set_level_pattern("*", RTE_LOG_CRIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
