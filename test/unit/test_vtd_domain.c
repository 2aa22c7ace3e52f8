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
}

/* Whoever keeps a table has a root; the driver has one of its own for mirrors of a process. */
static void
roots_are_given(void **state)
{
	static const struct uiommu_domain_conf *const confs[] = {&paging, &second, &parent_conf};
	struct uiommu_domain_conf conf;
	struct vtd_domain *domain;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(confs); i++) {
		conf = *confs[i];
		conf.table_pa = 0;
		assert_int_equal(domain_try(&conf, NULL), -EINVAL);
		conf.table_pa = HOST_TABLE | 0x800;
		assert_int_equal(domain_try(&conf, NULL), -EINVAL);
		/* the last page within 44 bits, and the one behind it */
		vtd.haw = 44;
		conf.table_pa = UINT64_C(0x00000ffffffff000);
		assert_int_equal(domain_try(&conf, NULL), 0);
		conf.table_pa = UINT64_C(0x0000100000000000);
		assert_int_equal(domain_try(&conf, NULL), -EINVAL);
		vtd.haw = 52;
		assert_int_equal(domain_try(&conf, NULL), 0);
	}
	conf = sva;
	conf.table_pa = 0;
	domain = domain_new(&conf, NULL);
	assert_non_null(domain->root.va);
	assert_true(domain->first_pa == domain->root.pa && domain->second_pa == 0);
	vtd_domain_fini(&dev, domain);
	assert_int_equal(did_used[0], 0);
}

#define FORMAT_4K UINT64_C(0x1000)
#define FORMAT_2M UINT64_C(0x200000)
#define FORMAT_1G UINT64_C(0x40000000)

static void
assert_format(const struct uiommu_domain_conf *conf, uint32_t format, uint32_t levels,
	      uint64_t leaf_sizes, uint64_t flags)
{
	struct uiommu_table_format got = {.flags = UINT64_MAX};

	assert_int_equal(vtd_table_format(&dev, conf, &got), 0);
	assert_int_equal(got.format, format);
	assert_int_equal(got.levels, levels);
	assert_int_equal(got.page_shift, 12);
	assert_int_equal(got.pa_bits, vtd.haw);
	assert_true(got.leaf_sizes == leaf_sizes);
	assert_true(got.flags == flags);
}

static int
format_try(const struct uiommu_domain_conf *conf)
{
	struct uiommu_table_format format;

	return vtd_table_format(&dev, conf, &format);
}

/* FS1GP 56, FS5LP 60 of CAP */
static void
first_stage_has_its_format(void **state)
{
	struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_PAGING};

	(void)state;
	assert_format(&conf, UIOMMU_PGTABLE_X86_FIRST, 4, FORMAT_4K | FORMAT_2M, 0);
	conf.levels = 5;
	vtd.haw = 46;
	vtd.cap |= UINT64_C(1) << 56;
	assert_format(&conf, UIOMMU_PGTABLE_X86_FIRST, 5, FORMAT_4K | FORMAT_2M | FORMAT_1G, 0);
	vtd.cap &= ~(UINT64_C(1) << 60);
	assert_int_equal(format_try(&conf), -ENOTSUP);
	conf.levels = 3;
	assert_int_equal(format_try(&conf), -EINVAL);
	/* what the second stage has is not the first one's */
	conf.levels = 4;
	vtd.cap = UINT64_C(3) << 34;
	vtd.ecap = UINT64_C(3) << 47;
	assert_format(&conf, UIOMMU_PGTABLE_X86_FIRST, 4, FORMAT_4K | FORMAT_2M, 0);
}

/* SMPWCS 48: walks that do not snoop find what was brought out of the caches */
static void
walks_may_pass_the_caches(void **state)
{
	struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_PAGING};
	struct vtd_domain *domain;

	(void)state;
	vtd.ecap &= ~(UINT64_C(1) << 48);
	vtd.flushes = true;
	assert_format(&conf, UIOMMU_PGTABLE_X86_FIRST, 4, FORMAT_4K | FORMAT_2M,
		      UIOMMU_PGTABLE_NONCOHERENT);
	conf.flags = UIOMMU_DOMAIN_SECOND_STAGE;
	assert_format(&conf, UIOMMU_PGTABLE_VTD_SECOND, 4, FORMAT_4K,
		      UIOMMU_PGTABLE_NONCOHERENT | UIOMMU_PGTABLE_NO_AD);
	conf = sva;
	conf.table_pa = 0;
	domain = domain_new(&conf, NULL);
	assert_true(is_brought_out(domain->root.va, 4096));
	vtd_domain_fini(&dev, domain);
}

/* FSTS 47: what is not asked for by name is of the stage that there is */
static void
one_stage_is_enough(void **state)
{
	struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_PAGING, .table_pa = HOST_TABLE};
	struct vtd_domain *domain;

	(void)state;
	vtd.ecap &= ~(UINT64_C(1) << 47);
	domain = domain_new(&conf, NULL);
	assert_int_equal(domain->pgtt, 2);
	assert_int_equal(domain->aw, 2);
	assert_true(domain->second_pa == HOST_TABLE && domain->first_pa == 0);
	vtd_domain_fini(&dev, domain);
	assert_format(&conf, UIOMMU_PGTABLE_VTD_SECOND, 4, FORMAT_4K, UIOMMU_PGTABLE_NO_AD);
	assert_int_equal(domain_try(&sva, NULL), -ENOTSUP);
	assert_int_equal(domain_try(&parent_conf, NULL), -ENOTSUP);
	assert_int_equal(did_used[0], 0);
}

/* SAGAW 12:8, SSLPS 35:34 of CAP; SC 7, SSADS 45 of ECAP */
static void
second_stage_has_its_format(void **state)
{
	struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_PAGING, .flags = UIOMMU_DOMAIN_SECOND_STAGE,
	};

	(void)state;
	assert_format(&conf, UIOMMU_PGTABLE_VTD_SECOND, 4, FORMAT_4K, UIOMMU_PGTABLE_NO_AD);
	vtd.cap |= UINT64_C(1) << 34;
	vtd.ecap |= UINT64_C(1) << 45;
	assert_format(&conf, UIOMMU_PGTABLE_VTD_SECOND, 4, FORMAT_4K | FORMAT_2M, 0);
	vtd.cap |= UINT64_C(1) << 35;
	vtd.ecap |= UINT64_C(1) << 7;
	conf.flags = UIOMMU_DOMAIN_NEST_PARENT;
	conf.levels = 3;
	assert_format(&conf, UIOMMU_PGTABLE_VTD_SECOND, 3, FORMAT_4K | FORMAT_2M | FORMAT_1G,
		      UIOMMU_PGTABLE_SNOOP);
	conf.levels = 5;
	assert_int_equal(format_try(&conf), -ENOTSUP);
	conf.levels = 6;
	assert_int_equal(format_try(&conf), -EINVAL);
	conf.levels = 4;
	/* a parent needs nesting, a second stage alone does not: NEST 26, SSTS 46 */
	vtd.ecap &= ~(UINT64_C(1) << 26);
	assert_int_equal(format_try(&conf), -ENOTSUP);
	conf.flags = UIOMMU_DOMAIN_SECOND_STAGE;
	assert_int_equal(format_try(&conf), 0);
	vtd.ecap &= ~(UINT64_C(1) << 46);
	assert_int_equal(format_try(&conf), -ENOTSUP);
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
		assert_int_equal(domain_try(&second, NULL), i == 0 ? 0 : -ENOTSUP);
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
		CASE(roots_are_given),
		CASE(first_stage_has_its_format),
		CASE(walks_may_pass_the_caches),
		CASE(one_stage_is_enough),
		CASE(second_stage_has_its_format),
		CASE(nesting_needs_the_unit),
		CASE(nesting_needs_a_parent),
		CASE(domain_ids_run_out),
	};

	rte_log_set_level_pattern("*", RTE_LOG_CRIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
