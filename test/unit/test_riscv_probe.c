/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What a unit must have, what it says of itself, arguments. */

#include "riscv_rig.h"

#define SMALLEST (UINT64_C(0x10) | RISCV_CAP_SV39 | UINT64_C(32) << 32)

static int
probe_caps(uint64_t caps)
{
	int ret;

	hw_reset();
	hw.caps = caps;
	ret = unit_probe();
	if (ret == 0)
		riscv_close(&dev);
	return ret;
}

/* Each by itself: present in the smallest that is taken, and refused without. */
static void
needs(void **state)
{
	assert_int_equal(probe_caps(SMALLEST), 0);
	assert_int_equal(probe_caps(SMALLEST | 0x3), 0);
	assert_int_equal(probe_caps((SMALLEST & ~UINT64_C(0xff)) | 0x20), -ENOTSUP);
	assert_int_equal(probe_caps(SMALLEST & ~UINT64_C(0xff)), -ENOTSUP);
	assert_int_equal(probe_caps(SMALLEST & ~RISCV_CAP_SV39), -ENOTSUP);
	assert_int_equal(probe_caps(0), -ENOTSUP);
	assert_int_equal(probe_caps(UINT64_MAX), -ENODEV);
}

/* What no unit can say. */
static void
nonsense(void **state)
{
	assert_int_equal(probe_caps(SMALLEST | RISCV_CAP_SV57), -ENOTSUP);
	assert_int_equal(probe_caps(SMALLEST | RISCV_CAP_SV48 | RISCV_CAP_SV57), 0);
	assert_int_equal(probe_caps(SMALLEST | UINT64_C(3) << 28), -ENOTSUP);
	assert_int_equal(probe_caps(SMALLEST | UINT64_C(2) << 28), 0);
	assert_int_equal(probe_caps((SMALLEST & ~(UINT64_C(63) << 32)) | UINT64_C(57) << 32),
			 -ENOTSUP);
	assert_int_equal(probe_caps((SMALLEST & ~(UINT64_C(63) << 32)) | UINT64_C(56) << 32), 0);
	assert_int_equal(probe_caps((SMALLEST & ~(UINT64_C(63) << 32)) | UINT64_C(31) << 32),
			 -ENOTSUP);
}

static void
surroundings(void **state)
{
	hw_reset();
	dev.platform.coherent = false;
	assert_int_equal(unit_probe(), -ENOTSUP);
	hw_reset();
	dev.platform.regs_size = 4095;
	assert_int_equal(unit_probe(), -ENODEV);
	hw_reset();
	hw.gone = true;
	assert_int_equal(unit_probe(), -ENODEV);
	/* big-endian, which can be changed or not */
	hw_reset();
	*hw_reg(RISCV_REG_FCTL) = RISCV_FCTL_BE;
	assert_int_equal(unit_probe(), -ENOTSUP);
	hw.caps |= RISCV_CAP_END;
	assert_int_equal(unit_probe(), 0);
	riscv_close(&dev);
}

static struct uiommu_dev_info
info_of(uint64_t caps)
{
	struct uiommu_dev_info info = {0};

	hw_reset();
	hw.caps = caps;
	assert_int_equal(unit_probe(), 0);
	assert_int_equal(hw.nb_writes, 0);
	dev.ops->info_get(&dev, &info);
	riscv_close(&dev);
	return info;
}

static void
capabilities(void **state)
{
	const uint64_t always = UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |
				UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_CACHES_RIGHTS |
				UIOMMU_CAPA_PASSTHROUGH;
	struct uiommu_dev_info info = info_of(CAPS_ALL);

	assert_true(info.capa == (always | UIOMMU_CAPA_PASID | UIOMMU_CAPA_PASSTHROUGH_PASID |
				  UIOMMU_CAPA_PAGE_REQUESTS));
	assert_int_equal(info.pasid_bits, 20);
	assert_int_equal(info.address_bits, 57);
	assert_int_equal(info.endpoint_bits, 24);
	assert_int_equal(info.queue_entries_max, 16384);
	assert_int_equal(info.queue_entries_min, 128);
	info = info_of(SMALLEST);
	assert_true(info.capa == always);
	assert_int_equal(info.pasid_bits, 0);
	assert_int_equal(info.address_bits, 39);
	info = info_of(SMALLEST | RISCV_CAP_SV48 | RISCV_CAP_PD8);
	assert_int_equal(info.pasid_bits, 8);
	assert_int_equal(info.address_bits, 48);
	info = info_of(SMALLEST | RISCV_CAP_PD17 | RISCV_CAP_PD8);
	assert_int_equal(info.pasid_bits, 17);
}

static int
probe_with(const char *key, const char *text)
{
	hw_args.key = key;
	hw_args.text = text;
	return unit_probe();
}

static int
arg(const char *key, const char *text, uint64_t caps)
{
	int ret;

	hw_reset();
	hw.caps = caps;
	ret = probe_with(key, text);
	if (ret == 0)
		riscv_close(&dev);
	return ret;
}

static void
arguments(void **state)
{
	static const char *const good[][2] = {
		{"pq", "128"}, {"pq", "65536"}, {"fq", "128"}, {"fq", "65536"}, {"cq", "2048"},
		{"cq", "65536"}, {"ddt", "auto"}, {"ddt", "1"}, {"ddt", "2"}, {"ddt", "3"},
		{"pid", "auto"}, {"pid", "8"}, {"pid", "17"}, {"pid", "20"}, {"takeover", "1"},
	};
	static const char *const bad[][2] = {
		{"pq", "64"}, {"pq", "129"}, {"pq", "131072"}, {"fq", "1000"}, {"cq", "1024"},
		{"cq", "3000"}, {"ddt", "0"}, {"ddt", "4"}, {"ddt", ""}, {"pid", "16"},
		{"pid", "0"}, {"takeover", "2"},
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(good); i++)
		assert_int_equal(arg(good[i][0], good[i][1], CAPS_ALL), 0);
	for (i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(arg(bad[i][0], bad[i][1], CAPS_ALL), -EINVAL);
	assert_int_equal(arg("pid", "8", CAPS_ALL & ~RISCV_CAP_PD8), -EINVAL);
	assert_int_equal(arg("pid", "17", CAPS_ALL & ~RISCV_CAP_PD17), -EINVAL);
	assert_int_equal(arg("pid", "20", CAPS_ALL & ~RISCV_CAP_PD20), -EINVAL);
}

/* What they say is what is done. */
static void
arguments_count(void **state)
{
	static const struct {
		const char *text;
		uint64_t caps;
		uint8_t bits;
	} ids[] = {
		{"1", CAPS_ALL, 6}, {"2", CAPS_ALL, 15}, {"3", CAPS_ALL, 24},
		{"1", CAPS_ALL & ~RISCV_CAP_MSI_FLAT, 7}, {"2", CAPS_ALL & ~RISCV_CAP_MSI_FLAT, 16},
		{"3", CAPS_ALL & ~RISCV_CAP_MSI_FLAT, 24},
	};
	struct uiommu_dev_info info;
	unsigned int i;

	for (i = 0; i < RTE_DIM(ids); i++) {
		hw_reset();
		hw.caps = ids[i].caps;
		assert_int_equal(probe_with("ddt", ids[i].text), 0);
		dev.ops->info_get(&dev, &info);
		assert_int_equal(info.endpoint_bits, ids[i].bits);
		riscv_close(&dev);
	}
	hw_reset();
	assert_int_equal(probe_with("pid", "17"), 0);
	dev.ops->info_get(&dev, &info);
	assert_int_equal(info.pasid_bits, 17);
	riscv_close(&dev);
	hw_reset();
	assert_int_equal(probe_with("pq", "512"), 0);
	dev.ops->info_get(&dev, &info);
	assert_int_equal(info.queue_entries_max, 512);
	riscv_close(&dev);
	hw_reset();
	assert_int_equal(probe_with("takeover", "1"), 0);
	assert_true(riscv->takeover);
	riscv_close(&dev);
}

static void
counters(void **state)
{
	const struct uiommu_driver_stat *stats;
	unsigned int nb;

	hw_reset();
	assert_int_equal(unit_probe(), 0);
	stats = dev.ops->stats_get(&dev);
	queue->stats.overflows = 5;
	for (nb = 0; stats[nb].name != NULL; nb++)
		if (strcmp(stats[nb].name, "overflows") == 0)
			assert_int_equal(*stats[nb].value, 5);
	assert_int_equal(nb, 26);
	assert_ptr_equal(dev.ops->queue_get(&dev, 0), queue);
	assert_null(dev.ops->queue_get(&dev, 1));
	riscv_close(&dev);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs),     cmocka_unit_test(nonsense),
		cmocka_unit_test(surroundings), cmocka_unit_test(capabilities),
		cmocka_unit_test(arguments), cmocka_unit_test(arguments_count),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
