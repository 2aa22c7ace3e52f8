/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains of VT-d: what each kind asks of the unit and of its configuration; domain ids. */

#include "vtd_table_rig.h"

/* 39, 48 and 57 bits are widths 1, 2 and 3 */
static void
second_stage_has_the_units_widths(void **state)
{
	struct uiommu_domain_conf conf = parent_conf;
	struct vtd_domain *domain;

	(void)state;
	conf.levels = 0;
	domain = domain_new(&conf, NULL);
	assert_int_equal(domain->aw, 2);
	vtd_domain_fini(&dev, domain);
	conf.levels = 3;
	domain = domain_new(&conf, NULL);
	assert_int_equal(domain->aw, 1);
	vtd_domain_fini(&dev, domain);
	conf.levels = 5;
	assert_int_equal(domain_try(&conf, NULL), -ENOTSUP);
	conf.levels = 6;
	assert_int_equal(domain_try(&conf, NULL), -EINVAL);
	conf.levels = 2;
	assert_int_equal(domain_try(&conf, NULL), -EINVAL);
	vtd.cap = UINT64_C(0x800);
	conf.levels = 0;
	domain = domain_new(&conf, NULL);
	assert_int_equal(domain->aw, 3);
	vtd_domain_fini(&dev, domain);
	/* a root table of the driver's own: empty */
	conf.table_pa = 0;
	domain = domain_new(&conf, NULL);
	assert_non_null(domain->root.va);
	assert_true(domain->second_pa == domain->root.pa && domain->first_pa == 0);
	vtd_domain_fini(&dev, domain);
}

static void
nesting_needs_the_unit(void **state)
{
	const uint64_t all = vtd.ecap;
	struct vtd_domain *parent = domain_new(&parent_conf, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		/* NEST, SSTS */
		vtd.ecap = all & ~(UINT64_C(1) << (i == 0 ? 26 : 46));
		assert_int_equal(domain_try(&parent_conf, NULL), -ENOTSUP);
		assert_int_equal(domain_try(&nested_conf, parent), -ENOTSUP);
		assert_int_equal(domain_try(&paging, NULL), 0);
		assert_int_equal(domain_try(&sva, NULL), 0);
	}
	vtd.ecap = all & ~(UINT64_C(1) << 6);
	assert_int_equal(domain_try(&identity, NULL), -ENOTSUP);
	vtd_domain_fini(&dev, parent);
	assert_int_equal(did_used[0], 0);
}

static void
nesting_needs_a_parent(void **state)
{
	struct vtd_domain *parent = domain_new(&parent_conf, NULL);
	struct vtd_domain *other = domain_new(&paging, NULL);
	struct uiommu_domain_conf conf = nested_conf;

	(void)state;
	assert_int_equal(domain_try(&conf, NULL), -EINVAL);
	conf.table_pa = 0x1000;
	assert_int_equal(domain_try(&conf, other), -EINVAL);
	assert_int_equal(domain_try(&conf, parent), 0);
	conf.levels = 3;
	assert_int_equal(domain_try(&conf, parent), -EINVAL);
	conf.levels = 0;
	assert_int_equal(domain_try(&conf, parent), 0);
	conf.table_pa = 0;
	assert_int_equal(domain_try(&conf, parent), 0);
	conf.table_pa = GUEST_TABLE | 0x800;
	assert_int_equal(domain_try(&conf, parent), -EINVAL);
	/* the last page within 48 bits, and the one behind it */
	conf.table_pa = UINT64_C(0x0000fffffffff000);
	assert_int_equal(domain_try(&conf, parent), 0);
	conf.table_pa = UINT64_C(0x0001000000000000);
	assert_int_equal(domain_try(&conf, parent), -EINVAL);
	vtd_domain_fini(&dev, other);
	vtd_domain_fini(&dev, parent);
	assert_int_equal(did_used[0], 0);
}

static void
domain_ids_run_out(void **state)
{
	struct vtd_domain *domains[NB_DID];
	unsigned int i, j;

	(void)state;
	for (i = 1; i < NB_DID; i++) {
		domains[i] = domain_new(&sva, NULL);
		for (j = 1; j < i; j++)
			assert_int_not_equal(domains[i]->did, domains[j]->did);
	}
	assert_int_equal(domain_try(&sva, NULL), -ENOMEM);
	assert_int_equal(domain_try(&blocked, NULL), 0);
	vtd_domain_fini(&dev, domains[7]);
	domains[7] = domain_new(&identity, NULL);
	for (i = 1; i < NB_DID; i++)
		vtd_domain_fini(&dev, domains[i]);
	assert_int_equal(did_used[0], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(second_stage_has_the_units_widths),
		CASE(nesting_needs_the_unit),
		CASE(nesting_needs_a_parent),
		CASE(domain_ids_run_out),
	};

	rte_log_set_level_pattern("*", RTE_LOG_CRIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
