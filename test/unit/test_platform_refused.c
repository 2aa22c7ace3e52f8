/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The platform "vfio": devices that are refused when they are open; nothing is left of them. */

#include "vfio_rig.h"

static void
bad_devargs(void **state)
{
	assert_refused(plat_open("vtd,platform=vfio"), -EINVAL, "vfio: unit0: devargs need "
		       "device=, the name of a PCI function (as 0000:00:01.0) or of a platform "
		       "device");
	assert_refused(plat_open("vtd,platform=vfio,device=" PCI ",region=1"), -EINVAL, "vfio: "
		       "unit0: devargs: 0000:00:01.0 is a PCI function: bar=, and not region=");
	assert_refused(plat_open("vtd,platform=vfio,device=" SOC ",bar=0"), -EINVAL, "vfio: unit0: "
		       "devargs: 9050000.iommu is a platform device: region=, and not bar=");
	assert_refused(plat_open("vtd,platform=vfio,device=" PCI ",bar=6"), -EINVAL, "uiommu: "
		       "devargs: bar=6: expected a number from 0 to 5");
	assert_refused(plat_open("vtd,platform=vfio,device=" SOC ",region=x"), -EINVAL, "uiommu: "
		       "devargs: region=x: expected a number from 0 to 31");
	assert_refused(plat_open("vtd,platform=vfio,device=" PCI ",coherent=2"), -EINVAL, "uiommu: "
		       "devargs: coherent=2: expected a number from 0 to 1");
}

/* What was looked at beforehand, through the front door: the device is not even opened. */
static void
found_out_before(void **state)
{
	dev.setup_ret = -1;
	assert_refused(plat_open("vtd,platform=vfio,device=0000:00:09.0"), -ENODEV, "vfio: unit0: "
		       "no PCI function 0000:00:09.0: \"lspci -D\" lists what is there");
	tree_remove(PCI_DIR "/driver");
	assert_refused(open_pci(), -ENODEV, "vfio: unit0: 0000:00:01.0 is not bound to a driver: "
		       "bind it to vfio-pci");
}

static void
noiommu_wants_physical_addresses(void **state)
{
	tree_remove("/dev/vfio/7");
	tree_file("/dev/vfio/noiommu-7", "");
	tree_file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	tree_file("/proc/self/status", "CapEff:\t0000000000020000\n");
	assert_int_equal(open_pci(), 0);
	(registered->close)(&rig_plat);
	eal_iova_mode = RTE_IOVA_VA;
	assert_refused(open_pci(), -ENOTSUP, "vfio: unit0: the unit takes physical addresses, but "
		       "EAL goes by virtual ones: start EAL with --iova-mode=pa, as root");
	eal_hugepages = 0;
	assert_refused(open_pci(), -ENOTSUP, "vfio: unit0: memory has no physical addresses: start "
		       "EAL without --no-huge, and give it hugepages");
	/* behind an IOMMU all of that is fine */
	tree_file("/dev/vfio/7", "");
	assert_int_equal(open_pci(), 0);
	(registered->close)(&rig_plat);
	assert_string_equal(log_take(), "");
}

static void
not_handed_out(void **state)
{
	dev.setup_ret = -1;
	assert_refused(open_pci(), -EBUSY, "vfio: unit0: VFIO does not hand 0000:00:01.0 out, "
		       "EAL's lines before this one say why: most often another process has it, or "
		       "memory cannot be locked (ulimit -l)");
	dev.setup_ret = 1;
	assert_int_equal(open_pci(), -ENODEV);
	assert_null(claims);
}

static void
open_twice(void **state)
{
	struct uiommu_platform second = {.ops = registered, .name = "unit1"};
	struct uiommu_args args;

	assert_int_equal(open_pci(), 0);
	assert_int_equal(uiommu_pvt_args_parse(&args, "vtd,device=" PCI), 0);
	assert_refused((registered->open)(&second, &args), -EEXIST, "vfio: unit1: 0000:00:01.0 is "
		       "open already, as unit0");
	uiommu_pvt_args_free(&args);
	assert_int_equal(dev.nb_open, 1);
	(registered->close)(&rig_plat);
	assert_int_equal(open_pci(), 0);
	(registered->close)(&rig_plat);
}

static void
wrong_kind(void **state)
{
	dev.device_flags = VFIO_DEVICE_FLAGS_PLATFORM;
	assert_refused(open_pci(), -ENODEV, "vfio: unit0: 0000:00:01.0 is no PCI function for VFIO "
		       "(flags 0x4)");
	dev.device_flags = VFIO_DEVICE_FLAGS_PCI;
	assert_refused(plat_open("vtd,platform=vfio,device=" SOC), -ENODEV, "vfio: unit0: "
		       "9050000.iommu is no platform device for VFIO (flags 0x2)");
	dev.device_flags = VFIO_DEVICE_FLAGS_PLATFORM;
	dev.num_regions = 1;
	dev.region[1].flags = RWM;
	dev.region[1].size = 4096;
	assert_refused(plat_open("vtd,platform=vfio,device=" SOC ",region=1"), -ENODEV, "vfio: "
		       "unit0: 9050000.iommu has no region 1: another region=");
}

static void
bad_bars(void **state)
{
	dev.region[0].size = 0;
	assert_refused(open_pci(), -ENODEV, "vfio: unit0: 0000:00:01.0 has no BAR 0: another bar=");
	dev.region[0].size = 4095;
	assert_refused(open_pci(), -ENODEV, "vfio: unit0: BAR 0 of 0000:00:01.0 is too small for "
		       "the registers of a unit, 4095 bytes: another bar=");
	dev.region[0].size = 4096;
	device_put(config_at(BAR(0)), 0xc001, 4);
	assert_refused(open_pci(), -ENODEV, "vfio: unit0: BAR 0 of 0000:00:01.0 is I/O ports, not "
		       "memory: another bar=");
	device_put(config_at(BAR(0)), 0, 4);
	dev.region[0].flags = VFIO_REGION_INFO_FLAG_READ;
	assert_refused(open_pci(), -ENOTSUP, "vfio: unit0: BAR 0 of 0000:00:01.0 can be neither "
		       "mapped nor read and written: another bar=");
	dev.region[0].flags = RWM;
	dev.region[0].error = EINVAL;
	assert_refused(open_pci(), -EINVAL, "vfio: unit0: VFIO knows nothing of BAR 0 of "
		       "0000:00:01.0: Invalid argument");
	dev.region[0].error = 0;
	dev.mmap_error = EAGAIN;
	assert_refused(open_pci(), -EAGAIN, "vfio: unit0: BAR 0 of 0000:00:01.0 cannot be mapped: "
		       "Resource temporarily unavailable");
	/* whatever was refused, the command register is as it was */
	assert_int_equal(device_get(config_at(COMMAND), 2), 0);
}

static void
bad_config_space(void **state)
{
	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].error = ENOTTY;
	assert_refused(open_pci(), -ENOTTY, "vfio: unit0: configuration space of 0000:00:01.0 "
		       "cannot be read: Inappropriate ioctl for device");
	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].error = 0;
	dev.pread_error = EIO;
	assert_refused(open_pci(), -EIO, "vfio: unit0: configuration space of 0000:00:01.0 cannot "
		       "be read: Input/output error");
	dev.pread_error = 0;
	dev.pwrite_lost = true;
	assert_refused(open_pci(), -EIO, "vfio: unit0: configuration space of 0000:00:01.0 cannot "
		       "be written, so memory and bus mastering stay off: Input/output error");
	dev.pwrite_lost = false;
	dev.pwrite_error = EPERM;
	assert_refused(open_pci(), -EPERM, "vfio: unit0: configuration space of 0000:00:01.0 "
		       "cannot be written, so memory and bus mastering stay off: Operation not "
		       "permitted");
}

static void
not_released(void **state)
{
	dev.release_ret = -1;
	assert_int_equal(open_pci(), 0);
	(registered->close)(&rig_plat);
	assert_string_equal(log_take(),
			    "vfio: unit0: EAL did not release 0000:00:01.0 in order, see its lines "
			    "before this one\n");
}

static void
no_memory(void **state)
{
	nb_allowed = 0;
	assert_refused(open_pci(), -ENOMEM, "vfio: unit0: out of memory");
	assert_int_equal(dev.nb_open, 0);
	nb_allowed = 1;
	assert_int_equal(open_pci(), 0);
	(registered->close)(&rig_plat);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VFIO_CASE(bad_devargs),
		VFIO_CASE(found_out_before),
		VFIO_CASE(noiommu_wants_physical_addresses),
		VFIO_CASE(not_handed_out),
		VFIO_CASE(open_twice),
		VFIO_CASE(wrong_kind),
		VFIO_CASE(bad_bars),
		VFIO_CASE(bad_config_space),
		VFIO_CASE(not_released),
		VFIO_CASE(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
