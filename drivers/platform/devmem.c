/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "devmem": a VT-d unit's registers through /dev/mem, since such units are no
 * devices on a bus. Whether a unit is in use by somebody else than the running kernel is for its
 * driver to see: it knows the registers.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devmem_pvt.h"

/** Most that is taken for registers. */
#define REGS_MAX (UINT64_C(1) << 27)

static int
arguments_read(struct uiommu_platform *plat, struct uiommu_args *args, struct devmem_place *place,
	       uint64_t *number, bool *by_number)
{
	const bool by_address = uiommu_args_get_str(args, "address") != NULL;
	uint64_t force = 0;

	*by_number = uiommu_args_get_str(args, "unit") != NULL;
	if (by_address == *by_number) {
		PLATFORM_LOG(ERR, plat, "devargs need one of address=, of the registers, and "
			     "unit=, in the DMAR table");
		return -EINVAL;
	}
	if (uiommu_args_get_u64(args, "address", 0, UINT64_MAX, &place->pa) != 0 ||
	    uiommu_args_get_u64(args, "unit", 0, UINT32_MAX, number) != 0 ||
	    uiommu_args_get_u64(args, "size", DEVMEM_PAGE_SIZE, REGS_MAX, &place->size) != 0 ||
	    uiommu_args_get_u64(args, "force", 0, 1, &force) != 0)
		return -EINVAL;
	place->force = force != 0;
	return platform_coherent_get(plat, args);
}

static int
registers_map(struct uiommu_platform *plat, const struct devmem_place *place)
{
	char path[PLATFORM_PATH_SIZE];
	void *map;
	int fd, error;

	platform_path(path, "/dev/mem");
	/* O_SYNC: not by way of the caches */
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0) {
		error = errno;
		PLATFORM_LOG(ERR, plat, "/dev/mem cannot be opened: %s", strerror(error));
		return -error;
	}
	map = mmap(NULL, place->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)place->pa);
	error = errno;
	close(fd);
	if (map == MAP_FAILED && error == EPERM) {
		PLATFORM_LOG(ERR, plat, "the kernel keeps 0x%" PRIx64 " to itself "
			     "(CONFIG_STRICT_DEVMEM, CONFIG_IO_STRICT_DEVMEM): boot it with "
			     "iomem=relaxed", place->pa);
		return -EPERM;
	}
	if (map == MAP_FAILED) {
		PLATFORM_LOG(ERR, plat, "0x%" PRIx64 " cannot be mapped: %s", place->pa,
			     strerror(error));
		return -error;
	}
	plat->regs = map;
	plat->regs_size = place->size;
	return 0;
}

static int
devmem_open(struct uiommu_platform *plat, struct uiommu_args *args)
{
	struct devmem_place place = {.pa = 0};
	char what[PLATFORM_NAME_SIZE];
	uint64_t number = 0;
	bool by_number;
	int ret = arguments_read(plat, args, &place, &number, &by_number);

	if (ret == 0)
		ret = devmem_find(plat, by_number ? &number : NULL, &place);
	if (ret == 0)
		ret = devmem_check_owner(plat, &place);
	if (ret == 0)
		ret = devmem_check_kernel(plat);
	if (ret == 0)
		ret = platform_memory_check(plat, true);
	if (ret != 0)
		return ret;
	snprintf(what, sizeof(what), "the unit at 0x%" PRIx64, place.pa);
	ret = platform_claim(plat, what);
	if (ret != 0)
		return ret;
	ret = registers_map(plat, &place);
	if (ret != 0)
		platform_unclaim(plat);
	return ret;
}

static void
devmem_close(struct uiommu_platform *plat)
{
	munmap((void *)(uintptr_t)plat->regs, plat->regs_size);
	plat->regs = NULL;
	platform_unclaim(plat);
}

static const struct uiommu_platform_ops devmem_platform_ops = {
	.name = "devmem",
	.open = devmem_open,
	.close = devmem_close,
	.dma_alloc = platform_dma_alloc,
	.dma_free = platform_dma_free,
	.pa_of = platform_pa_of,
};

UIOMMU_PLATFORM_REGISTER(devmem_platform_ops);
