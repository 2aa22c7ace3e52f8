/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains: identifiers, formats of tables, and what is refused. */

#include "riscv_rig.h"

static int
format_of(uint32_t levels, uint64_t flags, struct uiommu_table_format *format)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING, .levels = levels,
		.flags = flags,
	};

	return riscv_table_format(&dev, &conf, format);
}

static void
formats(void **state)
{
	struct uiommu_table_format format;

	assert_int_equal(format_of(0, 0, &format), 0);
	assert_int_equal(format.format, UIOMMU_PGTABLE_RISCV);
	assert_int_equal(format.levels, 4);
	assert_int_equal(format.page_shift, 12);
	assert_int_equal(format.pa_bits, 52);
	assert_true(format.leaf_sizes == (1U << 12 | 1U << 21 | 1U << 30));
	assert_int_equal(format.flags, UIOMMU_PGTABLE_BREAK_FIRST);
	assert_int_equal(format_of(3, 0, &format), 0);
	assert_int_equal(format_of(5, 0, &format), 0);
	assert_int_equal(format.levels, 5);
	assert_int_equal(format_of(2, 0, &format), -EINVAL);
	assert_int_equal(format_of(6, 0, &format), -EINVAL);
	assert_int_equal(format_of(0, UIOMMU_DOMAIN_SECOND_STAGE, &format), -ENOTSUP);
	assert_int_equal(format_of(0, UIOMMU_DOMAIN_NEST_PARENT, &format), -ENOTSUP);
}

/* Three levels, 44 bits of physical address, nobody sets accessed and dirty. */
static void
formats_of_a_small_unit(void **state)
{
	struct uiommu_table_format format;

	tear_down(state);
	hw_reset();
	hw.caps = 0x10 | RISCV_CAP_SV39 | UINT64_C(44) << 32;
	assert_int_equal(unit_start(), 0);
	assert_int_equal(format_of(0, 0, &format), 0);
	assert_int_equal(format.levels, 3);
	assert_int_equal(format.pa_bits, 44);
	assert_int_equal(format.flags, UIOMMU_PGTABLE_BREAK_FIRST | UIOMMU_PGTABLE_NO_AD);
	assert_int_equal(format_of(4, 0, &format), -EINVAL);
	assert_int_equal(format_of(5, 0, &format), -EINVAL);
}

static void
kinds(void **state)
{
	struct riscv_domain *paging = domain_new(UIOMMU_DOMAIN_PAGING);
	struct riscv_domain *sva = domain_new(UIOMMU_DOMAIN_SVA);
	struct riscv_domain *identity = domain_new(UIOMMU_DOMAIN_IDENTITY);
	struct riscv_domain *blocked = domain_new(UIOMMU_DOMAIN_BLOCKED);

	assert_int_equal(paging->pscid, 1);
	assert_true(paging->fsc == (UINT64_C(9) << 60 | 0x123456));
	assert_int_equal(sva->pscid, 2);
	assert_true(sva->fsc == (UINT64_C(9) << 60 | sva->root.pa >> 12));
	assert_int_equal(identity->pscid, 0);
	assert_int_equal(identity->fsc, 0);
	assert_int_equal(blocked->pscid, 0);
	riscv_domain_fini(&dev, paging);
	riscv_domain_fini(&dev, sva);
	riscv_domain_fini(&dev, identity);
	riscv_domain_fini(&dev, blocked);
}

static int
domain_try(struct uiommu_domain_conf conf)
{
	void *domain;
	int ret;

	conf.size = sizeof(conf);
	ret = riscv_domain_init(&dev, &conf, NULL, &domain);
	if (ret == 0)
		riscv_domain_fini(&dev, domain);
	return ret;
}

#define TRY(...) domain_try((struct uiommu_domain_conf){__VA_ARGS__})

static void
refusals(void **state)
{
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_NESTED, .table_pa = 0x1000), -ENOTSUP);
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000,
			     .flags = UIOMMU_DOMAIN_SECOND_STAGE), -ENOTSUP);
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_PAGING), -EINVAL);
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1800), -EINVAL);
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_PAGING, .table_pa = UINT64_C(1) << 56), -EINVAL);
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000, .levels = 6),
			 -EINVAL);
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000, .levels = 5), 0);
}

/* All identifiers are given out, each once, and used again. */
static void
identifiers(void **state)
{
	struct riscv_domain *domains[8];
	uint32_t i;

	riscv->pscids.nb = 8;
	for (i = 0; i < 7; i++) {
		domains[i] = domain_new(UIOMMU_DOMAIN_PAGING);
		assert_int_equal(domains[i]->pscid, i + 1);
	}
	assert_int_equal(TRY(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000), -ENOMEM);
	riscv_domain_fini(&dev, domains[3]);
	domains[3] = domain_new(UIOMMU_DOMAIN_PAGING);
	assert_int_equal(domains[3]->pscid, 4);
	for (i = 0; i < 7; i++)
		riscv_domain_fini(&dev, domains[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(formats), CASE(formats_of_a_small_unit), CASE(kinds),
		CASE(refusals), CASE(identifiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
