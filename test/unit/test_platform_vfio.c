/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "vfio" as a whole, all of its sources included, on a device that is a file with
 * regions. What vfio_find.c refuses is in test_platform_find.c.
 */

#include "platform_rig.h"

#include <sys/ioctl.h>

#include <linux/vfio.h>

#include <rte_vfio.h>

#define PCI "0000:00:01.0"
#define PCI_DIR "/sys/bus/pci/devices/" PCI
#define SOC "9050000.iommu"
#define SOC_DIR "/sys/bus/platform/devices/" SOC

#define RW (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM (RW | VFIO_REGION_INFO_FLAG_MMAP)
#define COMMAND 4
#define BAR(index) (0x10 + 4 * (index))

/* The device, and what becomes of it. */
static struct {
	int fd;
	int setup_ret;
	uint32_t device_flags;
	uint32_t num_regions;
	struct {
		uint32_t flags;
		uint64_t size;
		int error;           /* of VFIO_DEVICE_GET_REGION_INFO */
	} region[9];
	uint8_t caps[2048];          /* behind the information on the registers' region */
	uint32_t caps_size;
	uint32_t cap_offset;
	unsigned int nb_open;        /* devices that EAL holds */
	int release_ret;
	int mmap_error, pread_error, pwrite_error;
	bool pwrite_lost;            /* what is written has no effect */
	bool short_access;
	unsigned int nb_maps, nb_pread, nb_pwrite;
} dev;

static uint64_t
region_at(unsigned int index)
{
	return (uint64_t)(index + 1) << 16;
}

static int
rig_setup(const char *devices, const char *device, int *fd, struct vfio_device_info *info)
{
	char wanted[PATH_MAX + 64];
	const bool pci = strcmp(device, PCI) == 0;

	snprintf(wanted, sizeof(wanted), "%s/sys/bus/%s/devices", rig_root,
		 pci ? "pci" : "platform");
	assert_string_equal(devices, wanted);
	assert_true(pci || strcmp(device, SOC) == 0);
	assert_int_equal(info->argsz, sizeof(*info));
	if (dev.setup_ret != 0)
		return dev.setup_ret;
	info->flags = dev.device_flags;
	info->num_regions = dev.num_regions;
	*fd = dev.fd;
	dev.nb_open++;
	return 0;
}

static int
rig_release(const char *devices, const char *device, int fd)
{
	assert_non_null(strstr(devices, "/devices"));
	assert_true(strcmp(device, PCI) == 0 || strcmp(device, SOC) == 0);
	assert_int_equal(fd, dev.fd);
	dev.nb_open--;
	return dev.release_ret;
}

static int
rig_ioctl(int fd, unsigned long request, struct vfio_region_info *info)
{
	const uint32_t room = info->argsz, index = info->index;

	assert_int_equal(fd, dev.fd);
	assert_true(request == VFIO_DEVICE_GET_REGION_INFO);
	assert_true(index < ARRAY_COUNT(dev.region));
	if (dev.region[index].error != 0) {
		errno = dev.region[index].error;
		return -1;
	}
	info->flags = dev.region[index].flags;
	info->size = dev.region[index].size;
	info->offset = region_at(index);
	info->argsz = (uint32_t)sizeof(*info) + dev.caps_size;
	info->cap_offset = 0;
	if ((info->flags & VFIO_REGION_INFO_FLAG_CAPS) != 0 && info->argsz <= room) {
		memcpy(info + 1, dev.caps, dev.caps_size);
		info->cap_offset = dev.cap_offset;
	}
	return 0;
}

static void *
rig_mmap(void *va, size_t size, int prot, int flags, int fd, off_t offset)
{
	assert_int_equal(prot, PROT_READ | PROT_WRITE);
	assert_int_equal(flags, MAP_SHARED);
	assert_int_equal(fd, dev.fd);
	if (dev.mmap_error != 0) {
		errno = dev.mmap_error;
		return MAP_FAILED;
	}
	dev.nb_maps++;
	return mmap(va, size, prot, flags, fd, offset);
}

static int
rig_munmap(void *va, size_t size)
{
	dev.nb_maps--;
	return munmap(va, size);
}

static ssize_t
rig_pread(int fd, void *bytes, size_t size, off_t offset)
{
	assert_int_equal(fd, dev.fd);
	dev.nb_pread++;
	errno = dev.pread_error;
	if (dev.pread_error != 0)
		return -1;
	return dev.short_access ? (ssize_t)size - 1 : pread(fd, bytes, size, offset);
}

static ssize_t
rig_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	assert_int_equal(fd, dev.fd);
	dev.nb_pwrite++;
	errno = dev.pwrite_error;
	if (dev.pwrite_error != 0)
		return -1;
	if (dev.short_access)
		return (ssize_t)size - 1;
	return dev.pwrite_lost ? (ssize_t)size : pwrite(fd, bytes, size, offset);
}

static int
rig_vfio_is_enabled(const char *module)
{
	return strcmp(module, "vfio") == 0;
}

#define rte_vfio_is_enabled rig_vfio_is_enabled
#define rte_vfio_setup_device rig_setup
#define rte_vfio_release_device rig_release
#define ioctl rig_ioctl
#define mmap rig_mmap
#define munmap rig_munmap
#define pread rig_pread
#define pwrite rig_pwrite

#include "platform_claim.c"
#include "platform_file.c"
#include "platform_memory.c"
#include "vfio_find.c"
#include "vfio_pci.c"
#include "vfio_device.c"
#include "vfio.c"

#undef mmap
#undef munmap
#undef pread
#undef pwrite

static uint64_t
device_get(uint64_t at, size_t size)
{
	uint64_t value = 0;

	assert_int_equal(pread(dev.fd, &value, size, (off_t)at), size);
	return rte_le_to_cpu_64(value);
}

static void
device_put(uint64_t at, uint64_t value, size_t size)
{
	value = rte_cpu_to_le_64(value);
	assert_int_equal(pwrite(dev.fd, &value, size, (off_t)at), size);
}

static uint64_t
config_at(unsigned int at)
{
	return region_at(VFIO_PCI_CONFIG_REGION_INDEX) + at;
}

/* A function as QEMU's RISC-V unit is: registers and the MSI-X table in BAR 0 of a page. */
static int
set_up(void **state)
{
	unsigned int i;

	if (rig_set_up(state) != 0)
		return -1;
	platform_root = rig_root;
	memset(&dev, 0, sizeof(dev));
	dev.fd = memfd_create("device", 0);
	if (dev.fd < 0 || ftruncate(dev.fd, 1 << 20) != 0)
		return -1;
	dev.device_flags = VFIO_DEVICE_FLAGS_PCI;
	dev.num_regions = ARRAY_COUNT(dev.region);
	dev.region[0].flags = RWM;
	dev.region[0].size = 4096;
	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].flags = RW;
	dev.region[VFIO_PCI_CONFIG_REGION_INDEX].size = 4096;
	for (i = 0; i < 6; i++)
		device_put(config_at(BAR(i)), 0x40000004, 4);
	tree_folder(PCI_DIR);
	tree_link(PCI_DIR "/driver", "vfio-pci");
	tree_link(PCI_DIR "/iommu_group", "7");
	tree_folder(SOC_DIR);
	tree_link(SOC_DIR "/driver", "vfio-platform");
	tree_link(SOC_DIR "/iommu_group", "7");
	tree_file("/dev/vfio/vfio", "");
	tree_file("/dev/vfio/7", "");
	return 0;
}

static int
tear_down(void **state)
{
	const bool clean = dev.nb_open == 0 && dev.nb_maps == 0 && claims == NULL;

	close(dev.fd);
	return rig_tear_down(state) == 0 && clean ? 0 : -1;
}

static int
open_pci(void)
{
	return plat_open("vtd,platform=vfio,device=" PCI);
}

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

#define VFIO_CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
