/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Platforms of real hardware on whatever machine this is: what they refuse, and with which words.
 * No hardware is touched: EAL runs without hugepages here, with which neither /dev/mem nor
 * noiommu mode goes, and devices that are VFIO's are left alone.
 */

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "autotest.h"

/* A probe is refused with this code and this one line. */
static void
expect_refused(const char *devargs, int ret, const char *line)
{
	char whole[512];
	int got;

	snprintf(whole, sizeof(whole), "%s\n", line);
	harness_log_watch();
	got = probe_result(devargs);
	if (got != ret || strcmp(harness_log_text(), whole) != 0)
		harness_note(__FILE__, __LINE__, "'%s': %d, '%s'; not %d, '%s'", devargs, got,
			     harness_log_text(), ret, whole);
	harness_log_lines();
	CHECK_EQ(uiommu_dev_next(0), -1);
}

static void
listed(void)
{
	static const char *const names[] = {"vfio", "devmem"};
	unsigned int i, found;
	size_t n;

	for (n = 0; n < ARRAY_COUNT(names); n++) {
		for (found = 0, i = 0; uiommu_platform_name(i) != NULL; i++)
			found += strcmp(uiommu_platform_name(i), names[n]) == 0;
		CHECK_EQ(found, 1);
	}
}

static void
vfio_devargs(void)
{
	expect_refused("vtd,platform=vfio", -EINVAL,
		       "vfio: vtd0: devargs need device=, the name of a PCI function (as "
		       "0000:00:01.0) or of a platform device");
	expect_refused("smmuv3,platform=vfio,device=ffff:ff:1f.7,name=mine", -ENODEV,
		       "vfio: mine: no PCI function ffff:ff:1f.7: \"lspci -D\" lists what is "
		       "there");
	expect_refused("smmuv3,platform=vfio,device=no.such.device", -ENODEV,
		       "vfio: smmuv30: no platform device no.such.device in "
		       "/sys/bus/platform/devices, and not the name of a PCI function, as "
		       "0000:00:01.0 is");
	expect_refused("vtd,platform=vfio,device=ffff:ff:1f.7,coherent=3", -EINVAL,
		       "uiommu: devargs: coherent=3: expected a number from 0 to 1");
}

/* What the kernel says of a device's driver. False: it has none. */
static bool
driver_of(const char *bus, const char *device, char *driver, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/driver", bus, device);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	snprintf(driver, size, "%s", strrchr(target, '/') + 1);
	return true;
}

/* Each device of a bus that is not VFIO's is refused, and its driver named. @return how many */
static unsigned int
devices_of(const char *bus, const char *wanted)
{
	char path[PATH_MAX], driver[256], devargs[512], line[1024];
	const struct dirent *entry;
	unsigned int nb = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/%s/devices", bus);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL && nb < 8) {
		const char *name = entry->d_name;

		/* names that devargs cannot hold */
		if (name[0] == '.' || strpbrk(name, ",=[]\"") != NULL || strlen(name) > 60)
			continue;
		snprintf(devargs, sizeof(devargs), "vtd,platform=vfio,device=%s", name);
		if (!driver_of(bus, name, driver, sizeof(driver))) {
			snprintf(line, sizeof(line),
				 "vfio: vtd0: %s is not bound to a driver: bind it to %s", name,
				 wanted);
			expect_refused(devargs, -ENODEV, line);
		} else if (strcmp(driver, wanted) != 0) {
			snprintf(line, sizeof(line),
				 "vfio: vtd0: %s is bound to %s: unbind it from there, and bind it "
				 "to %s", name, driver, wanted);
			expect_refused(devargs, -EBUSY, line);
		}
		nb++;
	}
	closedir(dir);
	return nb;
}

static void
vfio_devices(void)
{
	if (devices_of("pci", "vfio-pci") + devices_of("platform", "vfio-platform") == 0)
		harness_skip("neither PCI functions nor platform devices in /sys/bus");
}

static void
devmem_devargs(void)
{
	expect_refused("vtd,platform=devmem", -EINVAL,
		       "devmem: vtd0: devargs need one of address=, of the registers, and unit=, "
		       "in the DMAR table");
	expect_refused("vtd,platform=devmem,address=0xfed90000,unit=1", -EINVAL,
		       "devmem: vtd0: devargs need one of address=, of the registers, and unit=, "
		       "in the DMAR table");
	expect_refused("vtd,platform=devmem,address=0xfed90004,force=1", -EINVAL,
		       "devmem: vtd0: 0xfed90004 is not the address of a page: registers begin on "
		       "one of 4096 bytes");
}

static void
devmem_without_table(void)
{
	if (access("/sys/firmware/acpi/tables/DMAR", F_OK) == 0)
		harness_skip("this machine has a DMAR table");
	expect_refused("vtd,platform=devmem,unit=0", -ENODEV,
		       "devmem: vtd0: no DMAR table, so firmware knows of no VT-d unit here: turn "
		       "VT-d on in its set-up, or give address= and force=1");
}

/* A page of memory that /proc/iomem shows; 0: it shows none to us. */
static uint64_t
ram_page(void)
{
	uint64_t first, last, page = 0;
	char line[256];
	FILE *file = fopen("/proc/iomem", "r");

	if (file == NULL)
		harness_skip("no /proc/iomem");
	while (page == 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strstr(line, " : System RAM") == NULL ||
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &first, &last) != 2)
			continue;
		page = (first + 4095) & ~UINT64_C(4095);
		if (page > last)
			page = 0;
	}
	fclose(file);
	return page;
}

static void
devmem_memory(void)
{
	const uint64_t page = ram_page();
	char devargs[128], line[256];

	if (page == 0) {
		expect_refused("vtd,platform=devmem,force=1,address=0xfed90000", -EACCES,
			       "devmem: vtd0: /proc/iomem has no addresses for this user: run as "
			       "root");
		return;
	}
	snprintf(devargs, sizeof(devargs), "vtd,platform=devmem,force=1,address=0x%" PRIx64, page);
	snprintf(line, sizeof(line),
		 "devmem: vtd0: 4096 bytes at 0x%" PRIx64 " are System RAM, not registers: another "
		 "address=", page);
	expect_refused(devargs, -EINVAL, line);
}

static const struct harness_case probe_platform_cases[] = {
	{"platforms of hardware, listed", listed, 0},
	{"platform vfio, devargs that are not", vfio_devargs, 0},
	{"platform vfio, devices of this machine", vfio_devices, 0},
	{"platform devmem, devargs that are not", devmem_devargs, 0},
	{"platform devmem, without a DMAR table", devmem_without_table, 0},
	{"platform devmem, memory is no unit", devmem_memory, 0},
};

HARNESS_SUITE_OF(probe_platform, 0);
