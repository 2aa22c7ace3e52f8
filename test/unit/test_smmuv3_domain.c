/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Domains of SMMUv3: which there are, their ASIDs, and the format of their tables. */

#include "smmuv3_rig.h"

static int
try_domain(const struct uiommu_domain_conf *conf)
{
	void *domain;
	int ret = smmuv3_domain_init(&dev, conf, NULL, &domain);

	if (ret == 0)
		smmuv3_domain_fini(&dev, domain);
	return ret;
}

static void
kinds(void **state)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .table_pa = 0x1000};

	conf.type = UIOMMU_DOMAIN_PAGING;
	assert_int_equal(try_domain(&conf), 0);
	conf.flags = UIOMMU_DOMAIN_SECOND_STAGE;
	assert_int_equal(try_domain(&conf), -ENOTSUP);
	conf.flags = UIOMMU_DOMAIN_NEST_PARENT;
	assert_int_equal(try_domain(&conf), -ENOTSUP);
	conf.flags = 0;
	conf.type = UIOMMU_DOMAIN_NESTED;
	assert_int_equal(try_domain(&conf), -ENOTSUP);
	conf.type = UIOMMU_DOMAIN_SVA;
	assert_int_equal(try_domain(&conf), 0);
	conf.table_pa = 0;
	assert_int_equal(try_domain(&conf), 0);
	conf.type = UIOMMU_DOMAIN_PAGING;
	assert_int_equal(try_domain(&conf), -EINVAL);
}

/* S 5.4: aligned, within the width of a physical address; three or four levels. */
static void
tables(void **state)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct smmuv3_cd cd;
	void *domain;

	conf.table_pa = 0x1800;
	assert_int_equal(try_domain(&conf), -EINVAL);
	conf.table_pa = UINT64_C(1) << 48;
	assert_int_equal(try_domain(&conf), -EINVAL);
	conf.table_pa = (UINT64_C(1) << 48) - 4096;
	conf.levels = 5;
	assert_int_equal(try_domain(&conf), -EINVAL);
	conf.levels = 3;
	assert_int_equal(smmuv3_domain_init(&dev, &conf, NULL, &domain), 0);
	smmuv3_domain_cd(smmu, domain, false, &cd);
	assert_int_equal(cd.q[0] & 0x3f, 64 - 39);
	smmuv3_domain_fini(&dev, domain);
}

static void
formats(void **state)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_table_format format;

	assert_int_equal(smmuv3_table_format(&dev, &conf, &format), 0);
	assert_int_equal(format.format, UIOMMU_PGTABLE_ARM_LPAE);
	assert_int_equal(format.levels, 4);
	assert_int_equal(format.page_shift, 12);
	assert_int_equal(format.pa_bits, 48);
	assert_true(format.leaf_sizes == 0x40201000);
	assert_true(format.flags == UIOMMU_PGTABLE_BREAK_FIRST);
	/* sizes may change at once with BBML 2, addresses may not */
	smmu->idr3 = (smmu->idr3 & ~(3U << 11)) | 2U << 11;
	assert_int_equal(smmuv3_table_format(&dev, &conf, &format), 0);
	assert_true(format.flags == UIOMMU_PGTABLE_BREAK_FIRST);
	/* no accessed and dirty bits */
	smmu->idr0 = (smmu->idr0 & ~(3U << 6)) | SMMUV3_HTTU_ACCESS << 6;
	conf.levels = 3;
	assert_int_equal(smmuv3_table_format(&dev, &conf, &format), 0);
	assert_int_equal(format.levels, 3);
	assert_true(format.flags == (UIOMMU_PGTABLE_NO_AD | UIOMMU_PGTABLE_BREAK_FIRST));
	conf.levels = 5;
	assert_int_equal(smmuv3_table_format(&dev, &conf, &format), -EINVAL);
	conf.levels = 0;
	conf.flags = UIOMMU_DOMAIN_SECOND_STAGE;
	assert_int_equal(smmuv3_table_format(&dev, &conf, &format), -ENOTSUP);
}

/* HA and HD only where the unit has both, S 3.13. */
static void
marks(void **state)
{
	uint32_t httu;

	for (httu = 0; httu < 4; httu++) {
		struct smmuv3_domain *domain;
		struct smmuv3_cd cd;

		smmu->idr0 = (smmu->idr0 & ~(3U << 6)) | httu << 6;
		domain = domain_new(UIOMMU_DOMAIN_PAGING);
		smmuv3_domain_cd(smmu, domain, false, &cd);
		assert_int_equal(cd.q[0] >> 42 & 3, httu >= 2 ? 3 : 0);
		smmuv3_domain_fini(&dev, domain);
	}
}

/* Each its own, none twice, never 0; one that was given back rests. */
static void
asids(void **state)
{
	struct smmuv3_domain *domains[255];
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING,
					  .table_pa = 0x1000};
	bool seen[256] = {true};
	unsigned int i;
	void *one;

	smmu->asids.nb = 256;
	for (i = 0; i < RTE_DIM(domains); i++) {
		domains[i] = domain_new(UIOMMU_DOMAIN_PAGING);
		assert_true(domains[i]->asid < 256 && !seen[domains[i]->asid]);
		seen[domains[i]->asid] = true;
	}
	assert_int_equal(smmuv3_domain_init(&dev, &conf, NULL, &one), -ENOMEM);
	smmuv3_domain_fini(&dev, domains[7]);
	domains[7] = domain_new(UIOMMU_DOMAIN_PAGING);
	assert_int_equal(domains[7]->asid, 8);
	for (i = 0; i < RTE_DIM(domains); i++)
		smmuv3_domain_fini(&dev, domains[i]);
	domains[0] = domain_new(UIOMMU_DOMAIN_IDENTITY);
	domains[1] = domain_new(UIOMMU_DOMAIN_BLOCKED);
	for (i = 0; i < 2; i++) {
		assert_int_equal(domains[i]->asid, 0);
		smmuv3_domain_fini(&dev, domains[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(kinds),
		CASE(tables),
		CASE(formats),
		CASE(marks),
		CASE(asids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
