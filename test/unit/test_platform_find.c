/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Whether VFIO can have a device: drivers/platform/vfio_find.c and platform_file.c, included as
 * sources. Each refusal is the one line that it says.
 */

#include "platform_rig.h"

#include <rte_vfio.h>

static int vfio_enabled;

static int
rig_vfio_is_enabled(const char *module)
{
	assert_string_equal(module, "vfio");
	return vfio_enabled;
}

#define rte_vfio_is_enabled rig_vfio_is_enabled

#include "platform_file.c"
#include "vfio_find.c"

#define PCI "0000:00:01.0"
#define PCI_DIR "/sys/bus/pci/devices/" PCI
#define SOC "9050000.iommu"
#define SOC_DIR "/sys/bus/platform/devices/" SOC
#define GROUP "/sys/kernel/iommu_groups/7/devices/"

static const struct uiommu_platform_ops ops = {.name = "vfio"};
static struct vfio_place place;

/* A function on PCI that is vfio-pci's, in a group of its own behind an IOMMU. */
static void
good_pci(void)
{
	platform_root = rig_root;
	rig_plat = (struct uiommu_platform){.ops = &ops, .name = "unit0"};
	vfio_enabled = 1;
	tree_folder(PCI_DIR);
	tree_link(PCI_DIR "/driver", "../../../../bus/pci/drivers/vfio-pci");
	tree_link(PCI_DIR "/iommu_group", "../../../../kernel/iommu_groups/7");
	tree_folder(GROUP PCI);
	tree_link(GROUP PCI "/driver", "../../../../bus/pci/drivers/vfio-pci");
	tree_file("/dev/vfio/vfio", "");
	tree_file("/dev/vfio/7", "");
	tree_file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
	tree_file("/proc/self/status", "Name:\ttest\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n");
}

/* The same without an IOMMU. */
static void
good_noiommu(void)
{
	good_pci();
	tree_remove("/dev/vfio/7");
	tree_file("/dev/vfio/noiommu-7", "");
	tree_file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
}

/* A platform device that is vfio-platform's. */
static void
good_soc(void)
{
	good_pci();
	tree_folder(SOC_DIR);
	tree_link(SOC_DIR "/driver", "../../../../bus/platform/drivers/vfio-platform");
	tree_link(SOC_DIR "/iommu_group", "../../../../kernel/iommu_groups/7");
}

static int
find(const char *device)
{
	int ret;

	place = (struct vfio_place){.group = -1};
	ret = vfio_find_device(&rig_plat, device, &place);
	return ret != 0 ? ret : vfio_find_way(&rig_plat, &place);
}

static void
found(void **state)
{
	char devices[PLATFORM_PATH_SIZE];

	good_pci();
	assert_int_equal(find(PCI), 0);
	assert_true(place.pci);
	assert_false(place.noiommu);
	assert_int_equal(place.group, 7);
	assert_string_equal(place.device, PCI);
	platform_path(devices, "/sys/bus/pci/devices");
	assert_string_equal(place.devices, devices);

	good_noiommu();
	assert_int_equal(find(PCI), 0);
	assert_true(place.noiommu);

	good_soc();
	tree_file("/dev/vfio/7", "");
	assert_int_equal(find(SOC), 0);
	assert_false(place.pci);
	assert_false(place.noiommu);
	platform_path(devices, "/sys/bus/platform/devices");
	assert_string_equal(place.devices, devices);
	assert_string_equal(log_take(), "");
}

/* What is the name of a PCI function, and what of something else. */
static void
names(void **state)
{
	static const char *const pci[] = {
		"0000:00:01.0", "ffff:ff:1f.7", "10000:e1:00.0", "00000001:00:00.0",
	};
	static const char *const other[] = {
		"00:01.0", "0000:00:01", "0000:00:01.8", "0000:00:01.0x", "000:00:01.0",
		"0000:0:01.0", "0000:00:1.0", "000000001:00:00.0", "0000-00:01.0", "0000:00:01:0",
		"0000:000:01.0", "g000:00:01.0", "arm-smmu-v3.0.auto", "9050000.iommu",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(pci); i++)
		assert_true(is_pci_name(pci[i]));
	for (i = 0; i < ARRAY_COUNT(other); i++)
		assert_false(is_pci_name(other[i]));
	assert_false(is_pci_name(""));
}

static void
no_device(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../../../../dev", "/"};
	char longest[200];
	size_t i;

	good_pci();
	assert_refused(find("0000:00:02.0"), -ENODEV, "vfio: unit0: no PCI function 0000:00:02.0: "
		       "\"lspci -D\" lists what is there");
	assert_refused(find("00:01.0"), -ENODEV, "vfio: unit0: no platform device 00:01.0 in "
		       "/sys/bus/platform/devices, and not the name of a PCI function, as "
		       "0000:00:01.0 is");
	/* what is no name does not lead anywhere else */
	tree_folder("/sys/bus/platform/devices/x");
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(find(bad[i]), -ENODEV);
		assert_non_null(strstr(log_take(), "no platform device"));
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(find(longest), -ENODEV);
	assert_non_null(strstr(log_take(), "no platform device"));
}

static void
not_bound(void **state)
{
	good_soc();
	tree_remove(PCI_DIR "/driver");
	assert_refused(find(PCI), -ENODEV, "vfio: unit0: 0000:00:01.0 is not bound to a driver: "
		       "bind it to vfio-pci");
	tree_remove(SOC_DIR "/driver");
	assert_refused(find(SOC), -ENODEV, "vfio: unit0: 9050000.iommu is not bound to a driver: "
		       "bind it to vfio-platform");
}

/* Binding it would not help: VFIO has refused it, or would. */
static void
not_bound_for_a_reason(void **state)
{
	static const char unbound[] =
		"vfio: unit0: 0000:00:01.0 is not bound to a driver: bind it to vfio-pci\n";

	good_pci();
	tree_remove(PCI_DIR "/driver");
	tree_remove(PCI_DIR "/iommu_group");
	assert_refused(find(PCI), -ENODEV, "vfio: unit0: 0000:00:01.0 is not bound to a driver, "
		       "and vfio-pci does not take it without an IOMMU group while noiommu mode is "
		       "not enabled: echo Y > "
		       "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode, then bind it");
	tree_file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	assert_int_equal(find(PCI), -ENODEV);
	assert_string_equal(log_take(), unbound);
	tree_remove("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	assert_refused(find(PCI), -ENOTSUP, "vfio: unit0: 0000:00:01.0 is not bound to a driver, "
		       "and vfio-pci does not take it: it has no IOMMU group, and this kernel has "
		       "no noiommu mode (CONFIG_VFIO_NOIOMMU)");
	/* as long as the module is not there, nobody knows */
	tree_remove("/sys/module/vfio");
	assert_int_equal(find(PCI), -ENODEV);
	assert_string_equal(log_take(), unbound);
}

static void
bound_elsewhere(void **state)
{
	good_soc();
	tree_link(PCI_DIR "/driver", "../../../../bus/pci/drivers/riscv-iommu-pci");
	assert_refused(find(PCI), -EBUSY, "vfio: unit0: 0000:00:01.0 is bound to riscv-iommu-pci: "
		       "unbind it from there, and bind it to vfio-pci");
	tree_link(SOC_DIR "/driver", "arm-smmu-v3");
	assert_refused(find(SOC), -EBUSY, "vfio: unit0: 9050000.iommu is bound to arm-smmu-v3: "
		       "unbind it from there, and bind it to vfio-platform");
}

static void
no_module(void **state)
{
	good_soc();
	tree_remove("/dev/vfio/vfio");
	assert_refused(find(PCI), -ENOTSUP, "vfio: unit0: no VFIO here, /dev/vfio/vfio is missing: "
		       "modprobe vfio-pci");
	assert_refused(find(SOC), -ENOTSUP, "vfio: unit0: no VFIO here, /dev/vfio/vfio is missing: "
		       "modprobe vfio-platform");
}

static void
no_permission(void **state)
{
	good_pci();
	denied = "/dev/vfio/vfio";
	assert_refused(find(PCI), -EACCES, "vfio: unit0: no permission for /dev/vfio/vfio: run as "
		       "root, or have it opened to this user");
	denied = "/dev/vfio/7";
	assert_refused(find(PCI), -EACCES, "vfio: unit0: no permission for /dev/vfio/7: run as "
		       "root, or have it opened to this user");
	good_noiommu();
	denied = "/dev/vfio/noiommu-7";
	assert_refused(find(PCI), -EACCES, "vfio: unit0: no permission for /dev/vfio/noiommu-7: "
		       "run as root, or have it opened to this user");
}

static void
eal_without(void **state)
{
	good_pci();
	vfio_enabled = 0;
	assert_refused(find(PCI), -ENOTSUP, "vfio: unit0: EAL was started without VFIO: load the "
		       "modules first, then start the program");
}

/* No IOMMU, and no noiommu mode: for each of the reasons that there can be. */
static void
no_group(void **state)
{
	good_pci();
	tree_remove(PCI_DIR "/iommu_group");
	assert_refused(find(PCI), -ENOTSUP, "vfio: unit0: 0000:00:01.0 has no IOMMU group and "
		       "noiommu mode is not enabled: echo Y > "
		       "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode, then unbind it and "
		       "bind it again");
	tree_file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	assert_refused(find(PCI), -ENOTSUP, "vfio: unit0: 0000:00:01.0 has no IOMMU group, it was "
		       "bound before noiommu mode was enabled: unbind it and bind it again");
	tree_remove("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	assert_refused(find(PCI), -ENOTSUP, "vfio: unit0: 0000:00:01.0 has no IOMMU group, and "
		       "this kernel has no noiommu mode (CONFIG_VFIO_NOIOMMU)");
	tree_link(PCI_DIR "/iommu_group", "../../../../kernel/iommu_groups/7x");
	assert_refused(find(PCI), -ENODEV, "vfio: unit0: 0000:00:01.0: not the number of an IOMMU "
		       "group: 7x");
}

static void
no_group_node(void **state)
{
	good_pci();
	tree_remove("/dev/vfio/7");
	assert_refused(find(PCI), -ENODEV, "vfio: unit0: neither /dev/vfio/7 nor "
		       "/dev/vfio/noiommu-7 is there: no udev, or a kernel without VFIO groups "
		       "(CONFIG_VFIO_GROUP)");
}

static void
group_not_viable(void **state)
{
	static const char *const harmless[] = {"vfio-pci", "pci-stub", "pcieport"};
	size_t i;

	good_pci();
	/* a neighbour without a driver, or with one that leaves DMA alone, is fine */
	tree_folder(GROUP "0000:00:01.1");
	assert_int_equal(find(PCI), 0);
	for (i = 0; i < ARRAY_COUNT(harmless); i++) {
		tree_link(GROUP "0000:00:01.1/driver", harmless[i]);
		assert_int_equal(find(PCI), 0);
	}
	assert_string_equal(log_take(), "");
	tree_link(GROUP "0000:00:01.1/driver", "../../../../bus/pci/drivers/e1000e");
	assert_refused(find(PCI), -EBUSY, "vfio: unit0: IOMMU group 7 is not viable: 0000:00:01.1 "
		       "in it is bound to e1000e, unbind it, or bind it to VFIO too");
}

static void
noiommu_refused(void **state)
{
	good_noiommu();
	tree_file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
	assert_refused(find(PCI), -ENOTSUP, "vfio: unit0: noiommu mode is not enabled: echo Y > "
		       "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	good_noiommu();
	/* all but the one that it takes, bit 17 */
	tree_file("/proc/self/status", "CapEff:\t000001fffffdffff\n");
	assert_refused(find(PCI), -EACCES, "vfio: unit0: no permission for 0000:00:01.0 in noiommu "
		       "mode: it takes CAP_SYS_RAWIO, run as root");
	tree_remove("/proc/self/status");
	assert_int_equal(find(PCI), -EACCES);
	tree_file("/proc/self/status", "Name:\tx\n");
	assert_int_equal(find(PCI), -EACCES);
	/* behind an IOMMU it takes none */
	tree_file("/dev/vfio/7", "");
	log_take();
	assert_int_equal(find(PCI), 0);
	assert_string_equal(log_take(), "");
}

/* Small files and links, with ends that do not fit. */
static void
files(void **state)
{
	char path[PLATFORM_PATH_SIZE], text[8], name[PLATFORM_NAME_SIZE];
	char longest[PLATFORM_NAME_SIZE + 8];

	platform_root = rig_root;
	tree_file("/f", "0123456789");
	platform_path(path, "/%s", "f");
	assert_int_equal(platform_read_text(path, text, sizeof(text)), 0);
	assert_string_equal(text, "0123456");
	platform_path(path, "/none");
	assert_int_equal(platform_read_text(path, text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "");
	assert_int_equal(platform_link_name(path, name), -ENOENT);
	platform_path(path, "/");
	assert_int_equal(platform_read_text(path, text, sizeof(text)), -EISDIR);
	memset(longest, 'n', sizeof(longest));
	longest[PLATFORM_NAME_SIZE - 1] = '\0';
	tree_link("/link", longest);
	platform_path(path, "/link");
	assert_int_equal(platform_link_name(path, name), 0);
	assert_string_equal(name, longest);
	longest[PLATFORM_NAME_SIZE - 1] = 'n';
	longest[PLATFORM_NAME_SIZE] = '\0';
	tree_link("/link", longest);
	assert_int_equal(platform_link_name(path, name), -ENAMETOOLONG);
	/* a path that does not fit is another one, and is not there */
	platform_path(path, "/%600s", "f");
	assert_int_equal(strlen(path), PLATFORM_PATH_SIZE - 1);
	assert_false(platform_is_there(path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PLATFORM_CASE(found),
		PLATFORM_CASE(names),
		PLATFORM_CASE(no_device),
		PLATFORM_CASE(not_bound),
		PLATFORM_CASE(not_bound_for_a_reason),
		PLATFORM_CASE(bound_elsewhere),
		PLATFORM_CASE(no_module),
		PLATFORM_CASE(no_permission),
		PLATFORM_CASE(eal_without),
		PLATFORM_CASE(no_group),
		PLATFORM_CASE(no_group_node),
		PLATFORM_CASE(group_not_viable),
		PLATFORM_CASE(noiommu_refused),
		PLATFORM_CASE(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
