/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The platform "vfio": registers, mapped or not; the device is given back as it was. */

#include "vfio_rig.h"

/* Registers are there, in both widths; close gives everything back. */
static void
registers_work(void)
{
	device_put(region_at(0) + 0x20, UINT64_C(0x1122334455667788), 8);
	assert_true(uiommu_reg_read64(&rig_plat, 0x20) == UINT64_C(0x1122334455667788));
	assert_int_equal(uiommu_reg_read32(&rig_plat, 0x20), 0x55667788);
	assert_int_equal(uiommu_reg_read32(&rig_plat, 0x24), 0x11223344);
	uiommu_reg_write32(&rig_plat, 0x40, 0xcafe0001);
	uiommu_reg_write64(&rig_plat, 4088, UINT64_C(0x8877665544332211));
	assert_int_equal(device_get(region_at(0) + 0x40, 4), 0xcafe0001);
	assert_true(device_get(region_at(0) + 4088, 8) == UINT64_C(0x8877665544332211));
}

static void
mapped(void **state)
{
	assert_int_equal(open_pci(), 0);
	assert_non_null(rig_plat.regs);
	assert_int_equal(rig_plat.regs_size, 4096);
	dev.nb_pread = dev.nb_pwrite = 0;
	registers_work();
	assert_int_equal(dev.nb_pread + dev.nb_pwrite, 0);
	(registered->close)(&rig_plat);
	assert_null(rig_plat.regs);
	assert_null(rig_plat.priv);
	assert_string_equal(log_take(), "");
}

static void
another_bar(void **state)
{
	dev.region[0].size = 0;
	dev.region[2].flags = RWM;
	dev.region[2].size = 131072;
	device_put(config_at(BAR(0)), 1, 4);
	assert_int_equal(plat_open("vtd,platform=vfio,bar=2,coherent=0,device=" PCI), 0);
	assert_int_equal(rig_plat.regs_size, 131072);
	assert_false(rig_plat.coherent);
	device_put(region_at(2) + 8, 99, 4);
	assert_int_equal(uiommu_reg_read32(&rig_plat, 8), 99);
	(registered->close)(&rig_plat);
}

static void
of_a_platform_device(void **state)
{
	dev.device_flags = VFIO_DEVICE_FLAGS_PLATFORM;
	dev.num_regions = 2;
	dev.region[1].flags = RWM;
	dev.region[1].size = 65536;
	assert_int_equal(plat_open("vtd,platform=vfio,device=" SOC ",region=1"), 0);
	assert_int_equal(rig_plat.regs_size, 65536);
	device_put(region_at(1) + 8, 77, 4);
	assert_int_equal(uiommu_reg_read32(&rig_plat, 8), 77);
	(registered->close)(&rig_plat);
	/* it has no configuration space */
	assert_int_equal(dev.nb_pread + dev.nb_pwrite, 0);
}

/* Memory and bus mastering are on while the unit is open, as before afterwards. */
static void
command_register(void **state)
{
	static const uint16_t before[] = {0, 0x0402, 0x0004, 0x0506, 0x0146};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(before); i++) {
		device_put(config_at(COMMAND), before[i], 2);
		dev.nb_pwrite = 0;
		assert_int_equal(open_pci(), 0);
		assert_int_equal(device_get(config_at(COMMAND), 2), before[i] | 6);
		(registered->close)(&rig_plat);
		assert_int_equal(device_get(config_at(COMMAND), 2), before[i]);
		/* nothing else is touched, and nothing at all where all is on */
		assert_int_equal(device_get(config_at(6), 2), 0);
		assert_int_equal(dev.nb_pwrite, (before[i] & 6) == 6 ? 0 : 2);
	}
	device_put(config_at(COMMAND), 0, 2);
	assert_int_equal(open_pci(), 0);
	dev.pwrite_error = EIO;
	(registered->close)(&rig_plat);
	assert_string_equal(log_take(),
			    "vfio: unit0: command register of 0000:00:01.0 could not be put back: "
			    "Input/output error\n");
}

/* A list of areas that may be mapped, as kernels before 4.16 had it for a page with MSI-X. */
static void
caps_sparse(uint32_t nr_areas, uint64_t offset, uint64_t size)
{
	struct vfio_region_info_cap_sparse_mmap sparse = {
		.header = {.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1},
		.nr_areas = nr_areas,
	};
	const struct vfio_region_sparse_mmap_area area = {.offset = offset, .size = size};

	/* behind another one */
	const struct vfio_info_cap_header other = {
		.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1,
		.next = sizeof(struct vfio_region_info) + 8,
	};

	memcpy(dev.caps, &other, sizeof(other));
	memcpy(dev.caps + 8, &sparse, sizeof(sparse));
	memcpy(dev.caps + 8 + sizeof(sparse), &area, sizeof(area));
	dev.caps_size = 8 + sizeof(sparse) + sizeof(area);
	dev.cap_offset = sizeof(struct vfio_region_info);
	dev.region[0].flags = RWM | VFIO_REGION_INFO_FLAG_CAPS;
}

static const char not_mapped_line[] =
	"vfio: unit0: BAR 0 of 0000:00:01.0 cannot be mapped: each access to a register is a "
	"system call\n";

static void
expect_mapped(bool is_mapped)
{
	assert_int_equal(open_pci(), 0);
	assert_int_equal(rig_plat.regs != NULL, is_mapped);
	assert_int_equal(rig_plat.regs_size, 4096);
	registers_work();
	(registered->close)(&rig_plat);
	assert_string_equal(log_take(), is_mapped ? "" : not_mapped_line);
}

/* Registers that share their page with the MSI-X table, and capabilities of all kinds. */
static void
not_mapped(void **state)
{
	struct vfio_info_cap_header loop = {
		.id = 99, .version = 1, .next = sizeof(struct vfio_region_info),
	};

	dev.region[0].flags = RW;
	expect_mapped(false);
	caps_sparse(1, 0, 4096);
	expect_mapped(true);
	caps_sparse(1, 0, 2048);
	expect_mapped(false);
	caps_sparse(1, 2048, 4096);
	expect_mapped(false);
	caps_sparse(0, 0, 4096);
	expect_mapped(false);
	caps_sparse(2, 0, 4096);
	expect_mapped(false);
	/* all of it may be mapped, MSI-X table included */
	caps_sparse(1, 0, 2048);
	memset(dev.caps + 4, 0, 4);
	expect_mapped(true);
	/* no such place, a list without an end, cut short, more than there is room for */
	caps_sparse(1, 0, 4096);
	dev.cap_offset = sizeof(struct vfio_region_info) + dev.caps_size - 4;
	expect_mapped(false);
	dev.cap_offset = UINT32_MAX;
	expect_mapped(false);
	caps_sparse(1, 0, 4096);
	memcpy(dev.caps, &loop, sizeof(loop));
	expect_mapped(false);
	caps_sparse(1, 0, 4096);
	dev.caps_size -= 8;
	expect_mapped(false);
	caps_sparse(1, 0, 4096);
	dev.caps_size = sizeof(dev.caps);
	expect_mapped(false);
	/* and one that ends with the room */
	caps_sparse(1, 0, 4096);
	dev.caps_size = sizeof(union region_info) - sizeof(struct vfio_region_info);
	memmove(dev.caps + dev.caps_size - 16, dev.caps + 8, 16);
	dev.cap_offset = sizeof(union region_info) - 16;
	expect_mapped(false);
	/* nothing is said */
	caps_sparse(1, 0, 2048);
	dev.cap_offset = 0;
	expect_mapped(true);
}

/* An access that fails reads as all ones, and is said once. */
static void
access_fails(void **state)
{
	static const char line[] =
		"vfio: unit0: register at 0x%x of 0000:00:01.0 cannot be accessed, it reads as all "
		"ones: %s\n";
	static const struct {
		int error;
		bool short_access;
		uint32_t offset;
		const char *text;
	} cases[] = {
		{EIO, false, 0x10, "Input/output error"},
		{EFAULT, false, 0x20, "Bad address"},
		{0, true, 0x30, "Input/output error"},
		{0, false, 4096, "Input/output error"},
		{0, false, 4093, "Input/output error"},
		{0, false, UINT32_MAX, "Input/output error"},
	};
	char text[256];
	size_t i;

	dev.region[0].flags = RW;
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(open_pci(), 0);
		log_take();
		dev.pread_error = dev.pwrite_error = cases[i].error;
		dev.short_access = cases[i].short_access;
		assert_int_equal(uiommu_reg_read32(&rig_plat, cases[i].offset), UINT32_MAX);
		snprintf(text, sizeof(text), line, cases[i].offset, cases[i].text);
		assert_string_equal(log_take(), text);
		assert_true(uiommu_reg_read64(&rig_plat, cases[i].offset) == UINT64_MAX);
		uiommu_reg_write32(&rig_plat, cases[i].offset, 1);
		assert_string_equal(log_take(), "");
		(registered->close)(&rig_plat);
		dev.pread_error = dev.pwrite_error = 0;
		dev.short_access = false;
		log_take();
		/* a write, too */
		assert_int_equal(open_pci(), 0);
		log_take();
		dev.pwrite_error = cases[i].error;
		dev.short_access = cases[i].short_access;
		uiommu_reg_write64(&rig_plat, cases[i].offset, 1);
		assert_string_equal(log_take(), text);
		dev.pwrite_error = 0;
		dev.short_access = false;
		(registered->close)(&rig_plat);
	}
	/* nothing was written beyond */
	assert_int_equal(device_get(region_at(0) + 4096, 8), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VFIO_CASE(mapped),
		VFIO_CASE(another_bar),
		VFIO_CASE(of_a_platform_device),
		VFIO_CASE(command_register),
		VFIO_CASE(not_mapped),
		VFIO_CASE(access_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
