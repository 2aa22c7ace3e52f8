/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "vfio": a unit that is a function on PCI (vfio-pci) or a platform device
 * (vfio-platform), behind an IOMMU of its own or in noiommu mode.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_malloc.h>

#include "vfio_pvt.h"

/** BARs of a function of PCI. */
#define PCI_BARS 6
#define REGIONS_MAX 32

/* Which region has the registers: each bus has its own word for it. */
static int
region_read(struct uiommu_platform *plat, struct uiommu_args *args, struct vfio_unit *unit)
{
	const char *key = unit->place.pci ? "bar" : "region";
	const char *other = unit->place.pci ? "region" : "bar";
	uint64_t region = 0;

	if (uiommu_args_get_str(args, other) != NULL) {
		PLATFORM_LOG(ERR, plat, "devargs: %s is a %s: %s=, and not %s=", unit->place.device,
			     unit->place.pci ? "PCI function" : "platform device", key, other);
		return -EINVAL;
	}
	if (uiommu_args_get_u64(args, key, 0, unit->place.pci ? PCI_BARS - 1 : REGIONS_MAX - 1,
				&region) != 0)
		return -EINVAL;
	unit->region = (unsigned int)region;
	return 0;
}

static int
unit_open(struct uiommu_platform *plat, struct uiommu_args *args, struct vfio_unit *unit)
{
	const char *device = uiommu_args_get_str(args, "device");
	int ret;

	if (device == NULL) {
		PLATFORM_LOG(ERR, plat, "devargs need device=, the name of a PCI function (as "
			     "0000:00:01.0) or of a platform device");
		return -EINVAL;
	}
	ret = platform_coherent_get(plat, args);
	if (ret == 0)
		ret = vfio_find_device(plat, device, &unit->place);
	if (ret == 0)
		ret = region_read(plat, args, unit);
	if (ret == 0)
		ret = vfio_find_way(plat, &unit->place);
	if (ret == 0)
		ret = platform_memory_check(plat, unit->place.noiommu);
	if (ret == 0)
		ret = platform_claim(plat, unit->place.device);
	if (ret != 0)
		return ret;
	ret = vfio_device_open(plat, unit);
	if (ret != 0)
		platform_unclaim(plat);
	return ret;
}

static int
vfio_open(struct uiommu_platform *plat, struct uiommu_args *args)
{
	struct vfio_unit *unit;
	int ret;

	unit = rte_zmalloc_socket("uiommu_vfio", sizeof(*unit), RTE_CACHE_LINE_SIZE,
				  plat->socket_id);
	if (unit == NULL) {
		PLATFORM_LOG(ERR, plat, "out of memory");
		return -ENOMEM;
	}
	ret = unit_open(plat, args, unit);
	if (ret != 0) {
		rte_free(unit);
		return ret;
	}
	plat->priv = unit;
	plat->regs = unit->map;
	plat->regs_size = unit->size;
	PLATFORM_LOG(DEBUG, plat, "%s: group %d%s, %s %u of %llu bytes", unit->place.device,
		     unit->place.group, unit->place.noiommu ? " (noiommu)" : "",
		     unit->place.pci ? "BAR" : "region", unit->region,
		     (unsigned long long)unit->size);
	return 0;
}

static void
vfio_close(struct uiommu_platform *plat)
{
	vfio_device_close(plat, plat->priv);
	platform_unclaim(plat);
	rte_free(plat->priv);
	plat->priv = NULL;
	plat->regs = NULL;
}

/* --------------------------------------------- registers of a region that is not mapped */

/* Drivers find out by themselves that nothing answers: one line is enough. */
static void
access_failed(struct uiommu_platform *plat, uint32_t offset, int error)
{
	struct vfio_unit *unit = plat->priv;

	if (__atomic_exchange_n(&unit->broken, 1, __ATOMIC_RELAXED) == 0)
		PLATFORM_LOG(ERR, plat, "register at 0x%x of %s cannot be accessed, it reads as "
			     "all ones: %s", offset, unit->place.device, strerror(error));
}

static bool
is_inside(const struct vfio_unit *unit, uint32_t offset, size_t size)
{
	return offset <= unit->size && size <= unit->size - offset;
}

/* As a function that has gone reads on PCI: all ones. */
static void
file_read(struct uiommu_platform *plat, uint32_t offset, void *value, size_t size)
{
	const struct vfio_unit *unit = plat->priv;
	ssize_t got = 0;

	if (is_inside(unit, offset, size))
		got = pread(unit->fd, value, size, (off_t)(unit->offset + offset));
	if (got == (ssize_t)size)
		return;
	access_failed(plat, offset, got < 0 ? errno : EIO);
	memset(value, 0xff, size);
}

static void
file_write(struct uiommu_platform *plat, uint32_t offset, const void *value, size_t size)
{
	const struct vfio_unit *unit = plat->priv;
	ssize_t done = 0;

	if (is_inside(unit, offset, size))
		done = pwrite(unit->fd, value, size, (off_t)(unit->offset + offset));
	if (done != (ssize_t)size)
		access_failed(plat, offset, done < 0 ? errno : EIO);
}

static uint32_t
vfio_read32(struct uiommu_platform *plat, uint32_t offset)
{
	uint32_t le;

	file_read(plat, offset, &le, sizeof(le));
	return rte_le_to_cpu_32(le);
}

static uint64_t
vfio_read64(struct uiommu_platform *plat, uint32_t offset)
{
	uint64_t le;

	file_read(plat, offset, &le, sizeof(le));
	return rte_le_to_cpu_64(le);
}

static void
vfio_write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	const uint32_t le = rte_cpu_to_le_32(value);

	file_write(plat, offset, &le, sizeof(le));
}

static void
vfio_write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	const uint64_t le = rte_cpu_to_le_64(value);

	file_write(plat, offset, &le, sizeof(le));
}

static const struct uiommu_platform_ops vfio_platform_ops = {
	.name = "vfio",
	.open = vfio_open,
	.close = vfio_close,
	.read32 = vfio_read32,
	.read64 = vfio_read64,
	.write32 = vfio_write32,
	.write64 = vfio_write64,
	.dma_alloc = platform_dma_alloc,
	.dma_free = platform_dma_free,
	.pa_of = platform_pa_of,
};

UIOMMU_PLATFORM_REGISTER(vfio_platform_ops);
