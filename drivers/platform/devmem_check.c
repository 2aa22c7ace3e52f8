/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Who else has a unit's registers, and whether the kernel lets physical memory out at all. */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devmem_pvt.h"

/* Whether the running kernel's VT-d driver shows this unit as its own. */
static int
owner_check(const struct uiommu_platform *plat, const struct devmem_place *place)
{
	char path[PLATFORM_PATH_SIZE], text[32];
	const struct dirent *entry;
	uint64_t pa;
	int ret = 0;
	DIR *dir;

	platform_path(path, "/sys/class/iommu");
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while (ret == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		platform_path(path, "/sys/class/iommu/%s/intel-iommu/address", entry->d_name);
		if (platform_read_text(path, text, sizeof(text)) != 0)
			continue;
		pa = strtoull(text, NULL, 16);
		if (pa < place->pa || pa - place->pa >= place->size)
			continue;
		PLATFORM_LOG(ERR, plat, "the running kernel owns the unit at 0x%" PRIx64 " (%s): "
			     "boot it with intel_iommu=off", pa, entry->d_name);
		ret = -EBUSY;
	}
	closedir(dir);
	return ret;
}

/*
 * A kernel without DMA remapping may still have its interrupts remapped by the same units, and
 * shows that by the names of its interrupt chips only: "IR-PCI-MSI", "IR-IO-APIC".
 */
static int
interrupts_check(const struct uiommu_platform *plat)
{
	char path[PLATFORM_PATH_SIZE];
	char *line = NULL;
	size_t size = 0;
	int ret = 0;
	FILE *file;

	platform_path(path, "/proc/interrupts");
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	while (ret == 0 && getline(&line, &size, file) >= 0) {
		if (strstr(line, " IR-") != NULL)
			ret = -EBUSY;
	}
	free(line);
	fclose(file);
	if (ret != 0)
		PLATFORM_LOG(ERR, plat, "the running kernel has its interrupts remapped, by this "
			     "unit or another one: boot it with intremap=off");
	return ret;
}

/** What /proc/iomem has said so far. */
struct iomem {
	bool numbers;   /**< a range that is not all zeroes */
	bool ram;       /**< memory is in our range */
};

/* "  fed90000-fed90fff : dmar0" */
static void
iomem_line(const char *line, const struct devmem_place *place, struct iomem *iomem)
{
	static const char ram[] = " : System RAM";
	char *end;
	uint64_t first = strtoull(line, &end, 16), last;

	if (*end != '-')
		return;
	last = strtoull(end + 1, &end, 16);
	if (first != 0 || last != 0)
		iomem->numbers = true;
	if (strncmp(end, ram, strlen(ram)) == 0 && first < place->pa + place->size &&
	    last >= place->pa)
		iomem->ram = true;
}

static int
iomem_read(const struct devmem_place *place, struct iomem *iomem)
{
	char path[PLATFORM_PATH_SIZE];
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	platform_path(path, "/proc/iomem");
	file = fopen(path, "re");
	if (file == NULL)
		return -errno;
	while (getline(&line, &size, file) >= 0)
		iomem_line(line, place, iomem);
	free(line);
	fclose(file);
	return 0;
}

int
devmem_check_owner(struct uiommu_platform *plat, const struct devmem_place *place)
{
	struct iomem iomem = {.numbers = false};
	int ret = owner_check(plat, place);

	if (ret == 0)
		ret = interrupts_check(plat);
	if (ret != 0)
		return ret;
	ret = iomem_read(place, &iomem);
	if (ret != 0) {
		PLATFORM_LOG(ERR, plat, "/proc/iomem cannot be read, so there is no telling what "
			     "is at 0x%" PRIx64 ": %s", place->pa, strerror(-ret));
		return ret;
	}
	if (!iomem.numbers) {
		PLATFORM_LOG(ERR, plat, "/proc/iomem has no addresses for this user: run as root");
		return -EACCES;
	}
	if (iomem.ram) {
		PLATFORM_LOG(ERR, plat, "%" PRIu64 " bytes at 0x%" PRIx64 " are System RAM, not "
			     "registers: another address=", place->size, place->pa);
		return -EINVAL;
	}
	return 0;
}

int
devmem_check_kernel(struct uiommu_platform *plat)
{
	char path[PLATFORM_PATH_SIZE], text[128];

	if (!platform_has_capability(PLATFORM_CAP_SYS_RAWIO)) {
		PLATFORM_LOG(ERR, plat, "no permission for /dev/mem: it takes CAP_SYS_RAWIO, run "
			     "as root");
		return -EACCES;
	}
	/* the level in force stands in brackets: "none [integrity] confidentiality" */
	platform_path(path, "/sys/kernel/security/lockdown");
	if (platform_read_text(path, text, sizeof(text)) == 0 && text[0] != '\0' &&
	    strstr(text, "[none]") == NULL) {
		PLATFORM_LOG(ERR, plat, "the kernel is locked down, so /dev/mem is closed: boot it "
			     "with lockdown=none, or without Secure Boot");
		return -EPERM;
	}
	platform_path(path, "/dev/mem");
	if (!platform_is_there(path)) {
		PLATFORM_LOG(ERR, plat, "no /dev/mem: a kernel without it (CONFIG_DEVMEM), or a "
			     "container");
		return -ENODEV;
	}
	return 0;
}
