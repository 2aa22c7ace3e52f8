/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The platform "cdev": what is found in sysfs, what is refused, and files that are given back. */

#include "platform_rig.h"

#include <poll.h>

#include <platform_claim.c>
#include <platform_file.c>

#include <cdev.c>
#include <cdev_find.c>

#define NAME "0001:05:00.1"
#define ENDPOINT 0x010501
#define DIR_OF(name) "/sys/bus/pci/devices/" name
#define NODE "/dev/vfio/devices/vfio3"

static struct uiommu_file_device device;

static int
set_up(void **state)
{
	if (rig_set_up(state) != 0)
		return -1;
	platform_root = rig_root;
	tree_file(CDEV_CONTEXT, "");
	tree_folder(DIR_OF(NAME) "/vfio-dev/vfio3");
	tree_link(DIR_OF(NAME) "/driver", "../../../bus/pci/drivers/vfio-pci");
	tree_file(NODE, "");
	rig_plat = (struct uiommu_platform){
		.ops = registered, .name = "unit0", .driver = "iommufd",
	};
	memset(&device, 0, sizeof(device));
	return 0;
}

static int
tear_down(void **state)
{
	const bool clean = claims == NULL && rig_plat.priv == NULL;
	int ret = rig_tear_down(state);

	return clean ? ret : -1;
}

static int
open_device(void)
{
	return cdev_files.device_open(&rig_plat, 0, ENDPOINT, &device);
}

static void
files(void **state)
{
	int context, fd, fds[2], ret;
	char byte = 'x';

	assert_int_equal((registered->open)(&rig_plat, NULL), 0);
	assert_true(rig_plat.coherent);
	context = cdev_files.context_open(&rig_plat);
	assert_true(context >= 0);
	fd = open_device();
	assert_true(fd >= 0 && fd != context);
	/* known to be neither, since it could not be read */
	assert_false(device.is_vf || device.has_page_requests || device.lacks_page_requests);
	ret = cdev_files.ioctl(&rig_plat, fd, 0x3b76, NULL);
	/* the latter from qemu-user, which passes on what it knows */
	assert_true(ret == -ENOTTY || ret == -ENOSYS);
	assert_int_equal(cdev_files.read(&rig_plat, -1, &byte, 1), -EBADF);
	assert_int_equal(cdev_files.write(&rig_plat, -1, &byte, 1), -EBADF);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(cdev_files.poll(&rig_plat, fds[0], POLLIN), 0);
	assert_int_equal(cdev_files.write(&rig_plat, fds[1], &byte, 1), 1);
	assert_int_equal(cdev_files.poll(&rig_plat, fds[0], POLLIN), POLLIN);
	assert_int_equal(cdev_files.read(&rig_plat, fds[0], &byte, 1), 1);
	close(fds[1]);
	cdev_files.close(&rig_plat, fds[0]);
	/* another unit may not have it until it is closed */
	assert_refused(open_device(), -EBUSY,
		       "cdev: unit0: " NAME " is open already, as unit0");
	cdev_files.close(&rig_plat, fd);
	cdev_files.close(&rig_plat, context);
	fd = open_device();
	assert_true(fd >= 0);
	cdev_files.close(&rig_plat, fd);
	(registered->close)(&rig_plat);
	assert_string_equal(log_take(), "");
}

static void
units_refused(void **state)
{
	rig_plat.driver = "vtd";
	assert_refused((registered->open)(&rig_plat, NULL), -ENOTSUP,
		       "cdev: unit0: a unit of driver vtd has registers, and here are files: "
		       "another platform=, or the driver iommufd");
	denied = CDEV_CONTEXT;
	assert_refused(cdev_files.context_open(&rig_plat), -EACCES,
		       "cdev: unit0: no permission for /dev/iommu: run as root, or have it opened "
		       "to this user");
	denied = NULL;
	tree_remove(CDEV_CONTEXT);
	assert_refused(cdev_files.context_open(&rig_plat), -ENODEV,
		       "cdev: unit0: no /dev/iommu: modprobe iommufd, or a kernel without it "
		       "(CONFIG_IOMMUFD, Linux 6.2 and later)");
}

static void
devices_refused(void **state)
{
	denied = NODE;
	assert_refused(open_device(), -EACCES,
		       "cdev: unit0: no permission for " NODE ": run as root, or have it opened to "
		       "this user");
	denied = NULL;
	tree_remove(NODE);
	assert_refused(open_device(), -ENOTSUP,
		       "cdev: unit0: " NODE " of " NAME " is missing: no udev, or a kernel without "
		       "VFIO's character devices (CONFIG_VFIO_DEVICE_CDEV, Linux 6.6 and later)");
	tree_remove(DIR_OF(NAME) "/vfio-dev");
	assert_refused(open_device(), -ENOTSUP,
		       "cdev: unit0: " NAME " is bound to vfio-pci, but this kernel shows no "
		       "device of it (vfio-dev, Linux 6.1 and later)");
	tree_link(DIR_OF(NAME) "/driver", "../../../bus/pci/drivers/nvme");
	assert_refused(open_device(), -EBUSY,
		       "cdev: unit0: " NAME " is bound to nvme: unbind it from there, and bind it "
		       "to vfio-pci");
	tree_remove(DIR_OF(NAME) "/driver");
	assert_refused(open_device(), -ENODEV,
		       "cdev: unit0: " NAME " is not bound to a driver: bind it to vfio-pci");
	tree_remove(DIR_OF(NAME));
	assert_refused(open_device(), -ENODEV,
		       "cdev: unit0: no PCI function " NAME ": \"lspci -D\" lists what is there; "
		       "its endpoint id is segment << 16 | bus << 8 | device << 3 | function");
}

/* Seen to be open to us, and not opened: nothing is left of it. */
static void
open_fails(void **state)
{
	struct uiommu_platform second = rig_plat;
	int fd;

	/* a folder: may be read, cannot be opened for writing */
	tree_remove(NODE);
	tree_folder(NODE);
	assert_int_equal(open_device(), -EISDIR);
	assert_string_equal(log_take(), "cdev: unit0: " NAME " cannot be opened: Is a directory\n");
	assert_null(claims);
	tree_remove(NODE);
	tree_file(NODE, "");
	fd = open_device();
	assert_true(fd >= 0);
	second.name = "unit1";
	second.priv = NULL;
	assert_refused(cdev_files.device_open(&second, 0, ENDPOINT, &device), -EBUSY,
		       "cdev: unit1: " NAME " is open already, as unit0");
	cdev_files.close(&rig_plat, fd);
}

/* --------------------------------------------------------------- page requests */

static void
put32(uint8_t *config, unsigned int at, uint32_t value)
{
	value = rte_cpu_to_le_32(value);
	memcpy(config + at, &value, sizeof(value));
}

static void
look(const uint8_t *config, size_t size, const char *path)
{
	int fd;

	tree_bytes(path, config, size);
	memset(&device, 0, sizeof(device));
	fd = open_device();
	assert_true(fd >= 0);
	cdev_files.close(&rig_plat, fd);
}

static void
page_requests(void **state)
{
	static uint8_t config[CONFIG_SIZE];

	/* what one without rights may read */
	look(config, 64, DIR_OF(NAME) "/config");
	assert_false(device.has_page_requests || device.lacks_page_requests);
	/* no extended capabilities */
	look(config, 256, DIR_OF(NAME) "/config");
	assert_true(device.lacks_page_requests);
	/* ATS, then PRI; offsets are multiples of four */
	put32(config, 0x100, 0x0f | 1 << 16 | 0x140U << 20);
	put32(config, 0x140, 0x13 | 1 << 16);
	look(config, sizeof(config), DIR_OF(NAME) "/config");
	assert_true(device.has_page_requests && !device.lacks_page_requests);
	put32(config, 0x140, 0x1b | 1 << 16);
	look(config, sizeof(config), DIR_OF(NAME) "/config");
	assert_true(!device.has_page_requests && device.lacks_page_requests);
	/* in circles, and out of bounds */
	put32(config, 0x140, 0x1b | 1 << 16 | 0x100U << 20);
	look(config, sizeof(config), DIR_OF(NAME) "/config");
	assert_true(device.lacks_page_requests);
	put32(config, 0x140, 0x1b | 1 << 16 | 0x080U << 20);
	look(config, sizeof(config), DIR_OF(NAME) "/config");
	assert_true(device.lacks_page_requests);
	put32(config, 0x100, 0x0f | 1 << 16 | 0xffcU << 20);
	put32(config, 0xffc, 0x13);
	look(config, sizeof(config), DIR_OF(NAME) "/config");
	assert_true(device.has_page_requests);
	look(config, sizeof(config) - 1, DIR_OF(NAME) "/config");
	assert_true(device.lacks_page_requests);
}

/* A virtual function has those of its physical one. */
static void
virtual_functions(void **state)
{
	static uint8_t config[CONFIG_SIZE];

	tree_folder(DIR_OF("0001:05:00.0"));
	tree_link(DIR_OF(NAME) "/physfn", "../0001:05:00.0");
	put32(config, 0x100, 0x13 | 1 << 16);
	look(config, sizeof(config), DIR_OF("0001:05:00.0") "/config");
	assert_true(device.is_vf && device.has_page_requests);
}

/* Memory is the process's, by its own addresses. */
static void
memory(void **state)
{
	struct uiommu_dma mem = {0};
	uint64_t pa = 0;

	assert_int_equal((registered->dma_alloc)(&rig_plat, 8192, 4096, &mem), 0);
	assert_true(mem.pa == (uintptr_t)mem.va && mem.pa % 4096 == 0 && mem.size == 8192);
	(registered->dma_free)(&rig_plat, &mem);
	assert_int_equal((registered->pa_of)(&rig_plat, &pa, 8, &pa), 0);
	assert_true(pa == (uintptr_t)&pa);
	nb_allowed = 0;
	assert_refused((registered->dma_alloc)(&rig_plat, 4096, 4096, &mem), -ENOMEM,
		       "cdev: unit0: no 4096 bytes in EAL's memory: more hugepages");
	nb_allowed = UINT32_MAX;
	assert_int_equal((registered->dma_alloc)(&rig_plat, 0, 4096, &mem), -ENOMEM);
	(void)log_take();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(units_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(open_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(page_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(virtual_functions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("platform_cdev", tests, NULL, NULL);
}
