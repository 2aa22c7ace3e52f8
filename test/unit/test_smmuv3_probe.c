/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Units that are taken and units that are refused, by their identification registers; arguments. */

#include "smmuv3_rig.h"

static int
probe_set_up(void **state)
{
	hw_reset();
	return 0;
}

#define PROBE_CASE(name) cmocka_unit_test_setup_teardown(name, probe_set_up, tear_down)

static void
everything(void **state)
{
	struct uiommu_dev_info info = {0};

	assert_int_equal(unit_probe(), 0);
	assert_int_equal(hw.nb_writes, 0);
	dev.ops->info_get(&dev, &info);
	assert_true(info.capa == (UIOMMU_CAPA_PASID | UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |
				  UIOMMU_CAPA_CACHES_RIGHTS | UIOMMU_CAPA_PAGE_TABLES |
				  UIOMMU_CAPA_PASSTHROUGH |
				  UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_STALL));
	assert_int_equal(info.nb_queues, 1);
	assert_int_equal(info.pasid_bits, 20);
	assert_int_equal(info.address_bits, 48);
	assert_int_equal(info.endpoint_bits, 16);
	assert_int_equal(info.queue_entries_min, 128);
	assert_int_equal(info.queue_entries_max, 16384);
	assert_non_null(dev.ops->queue_get(&dev, 0));
	assert_null(dev.ops->queue_get(&dev, 1));
	assert_true(smmu->two_level);
	assert_int_equal(smmu->sync_mode, SMMUV3_SYNC_MSI);
}

/* As QEMU's is: no page requests, no stalls, no SubstreamIDs, aborts only, nothing optional. */
static void
little(void **state)
{
	struct uiommu_dev_info info = {0};

	hw.idr0 = SMMUV3_IDR0_S1P | SMMUV3_TTF_AARCH64 << 2 | SMMUV3_IDR0_COHACC |
		  SMMUV3_IDR0_ASID16 | SMMUV3_TTENDIAN_LITTLE << 21 |
		  SMMUV3_STALL_MODEL_NONE << 24 | SMMUV3_IDR0_TERM_MODEL |
		  SMMUV3_ST_LEVEL_TWO << 27;
	hw.idr1 = 16U | 19U << 16 | 19U << 21;
	hw.idr3 = 0;
	hw.idr5 = SMMUV3_OAS_44 | SMMUV3_IDR5_GRAN4K;
	assert_int_equal(unit_probe(), 0);
	dev.ops->info_get(&dev, &info);
	assert_true(info.capa == (UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |
				  UIOMMU_CAPA_CACHES_RIGHTS | UIOMMU_CAPA_PAGE_TABLES |
				  UIOMMU_CAPA_PASSTHROUGH));
	assert_int_equal(info.pasid_bits, 0);
	assert_int_equal(info.queue_entries_max, 16384);
	assert_int_equal(smmu->pa_bits, 44);
	assert_int_equal(smmu->sync_mode, SMMUV3_SYNC_POLL);
	assert_true(queue->abort_only);
	assert_false(queue->has_ril);
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	assert_false(queue->cmdq.msi);
}

static void
refused(void **state)
{
	static const struct {
		uint32_t idr0_set, idr0_clear, idr1_set, idr1_clear, idr5_clear;
	} cases[] = {
		{.idr0_clear = SMMUV3_IDR0_S1P},
		{.idr0_clear = 3 << 2},
		{.idr0_set = SMMUV3_TTF_AARCH32 << 2, .idr0_clear = SMMUV3_TTF_AARCH64 << 2},
		{.idr0_clear = SMMUV3_IDR0_COHACC},
		{.idr0_set = 3U << 21},
		{.idr5_clear = SMMUV3_IDR5_GRAN4K},
		{.idr1_set = SMMUV3_IDR1_TABLES_PRESET},
		{.idr1_set = SMMUV3_IDR1_QUEUES_PRESET},
		/* 256 commands */
		{.idr1_set = 8U << 21, .idr1_clear = 23U << 21},
		/* no unit is like that */
		{.idr1_set = 33, .idr1_clear = 30},
		{.idr1_set = 21U << 6},
		{.idr1_set = 20U << 11},
		{.idr1_set = 20U << 16},
		{.idr1_set = 20U << 21},
		{.idr0_set = 3U << 24},
		{.idr0_set = 2U << 27},
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(cases); i++) {
		hw_reset();
		hw.idr0 = (hw.idr0 & ~cases[i].idr0_clear) | cases[i].idr0_set;
		hw.idr1 = (hw.idr1 & ~cases[i].idr1_clear) | cases[i].idr1_set;
		hw.idr5 &= ~cases[i].idr5_clear;
		assert_int_equal(unit_probe(), -ENOTSUP);
		assert_null(dev.dev_private);
	}
	hw_reset();
	dev.platform.coherent = false;
	assert_int_equal(unit_probe(), -ENOTSUP);
	hw_reset();
	hw.gone = true;
	assert_int_equal(unit_probe(), -ENODEV);
	hw_reset();
	/* page 1 is missing */
	dev.platform.regs_size = SMMUV3_REG_PAGE_SIZE;
	assert_int_equal(unit_probe(), -ENODEV);
}

static void
arguments(void **state)
{
	static const struct {
		const char *key, *text;
		int ret;
	} cases[] = {
		{"priq", "128", 0}, {"priq", "524288", 0}, {"priq", "1048576", -EINVAL},
		{"priq", "129", -EINVAL}, {"priq", "64", -EINVAL}, {"evtq", "4096", 0},
		{"evtq", "4095", -EINVAL}, {"cmdq", "512", 0}, {"cmdq", "256", -EINVAL},
		{"cmdq", "1000", -EINVAL}, {"takeover", "1", 0}, {"takeover", "2", -EINVAL},
		{"gbpa", "keep", 0}, {"gbpa", "abort", 0}, {"gbpa", "bypass", -EINVAL},
		{"sync", "poll", 0}, {"sync", "msi", 0}, {"sync", "auto", 0},
		{"sync", "x", -EINVAL},
		{"storm", "100000", 0}, {"storm", "4294967296", -EINVAL}, {"cooldown", "1", 0},
		{"cooldown", "0", -EINVAL}, {"strtab", "linear", 0}, {"strtab", "two", 0},
		{"strtab", "three", -EINVAL}, {"sidbits", "12", 0}, {"sidbits", "17", -EINVAL},
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(cases); i++) {
		hw_args = (struct uiommu_args){cases[i].key, cases[i].text};
		assert_int_equal(unit_probe(), cases[i].ret);
		if (cases[i].ret == 0)
			smmuv3_close(&dev);
	}
	/* what the unit does not have */
	hw_args = (struct uiommu_args){"sync", "msi"};
	hw.idr0 &= ~SMMUV3_IDR0_MSI;
	assert_int_equal(unit_probe(), -EINVAL);
	hw_args = (struct uiommu_args){"strtab", "two"};
	hw.idr0 &= ~(3U << 27);
	assert_int_equal(unit_probe(), -EINVAL);
}

/* StreamIDs of more bits than an endpoint id, and fewer than two levels need */
static void
stream_ids(void **state)
{
	struct uiommu_dev_info info = {0};

	hw.idr1 = (hw.idr1 & ~0x3fU) | 32;
	assert_int_equal(unit_probe(), 0);
	dev.ops->info_get(&dev, &info);
	assert_int_equal(info.endpoint_bits, 24);
	assert_true(smmu->two_level);
	smmuv3_close(&dev);
	/* a linear table of them all would be too large */
	hw.idr0 &= ~(3U << 27);
	assert_int_equal(unit_probe(), 0);
	assert_int_equal(smmu->sid_bits, 16);
	assert_false(smmu->two_level);
	smmuv3_close(&dev);
	hw.idr0 |= SMMUV3_ST_LEVEL_TWO << 27;
	hw.idr1 = (hw.idr1 & ~0x3fU) | 8;
	assert_int_equal(unit_probe(), 0);
	assert_false(smmu->two_level);
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_STRTAB_BASE_CFG), 8);
}

/* Each counter has a name, and none has two. */
static void
counters(void **state)
{
	const struct uiommu_driver_stat *stats;
	unsigned int i, j, n;

	assert_int_equal(unit_probe(), 0);
	stats = dev.ops->stats_get(&dev);
	for (n = 0; stats[n].name != NULL; n++)
		assert_int_equal(*stats[n].value, 0);
	assert_true(n > 20);
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++) {
			assert_string_not_equal(stats[i].name, stats[j].name);
			assert_ptr_not_equal(stats[i].value, stats[j].value);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PROBE_CASE(everything),
		PROBE_CASE(little),
		PROBE_CASE(refused),
		PROBE_CASE(arguments),
		PROBE_CASE(stream_ids),
		PROBE_CASE(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
