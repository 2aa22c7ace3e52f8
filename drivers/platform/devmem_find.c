/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Where VT-d units are, by firmware's table. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devmem_pvt.h"

#define TABLE_PATH "/sys/firmware/acpi/tables/DMAR"
/* Scopes of devices take most of it: a few KiB on large machines. */
#define TABLE_BYTES_MAX ((size_t)1 << 18)

/* Read what there is, up to a size. @return bytes; -errno */
static ssize_t
table_read(uint8_t *table, size_t size)
{
	char path[PLATFORM_PATH_SIZE];
	size_t length = 0;
	ssize_t got = 1;
	int fd;

	platform_path(path, TABLE_PATH);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (got > 0 && length < size) {
		got = read(fd, table + length, size - length);
		if (got > 0)
			length += (size_t)got;
	}
	if (got < 0)
		got = -errno;
	close(fd);
	return got < 0 ? got : (ssize_t)length;
}

static int
table_refuse(const struct uiommu_platform *plat, int error)
{
	if (error == -ENOENT) {
		PLATFORM_LOG(ERR, plat, "no DMAR table, so firmware knows of no VT-d unit here: "
			     "turn VT-d on in its set-up, or give address= and force=1");
		return -ENODEV;
	}
	if (error == -EACCES || error == -EPERM) {
		PLATFORM_LOG(ERR, plat, "no permission for " TABLE_PATH ": run as root");
		return -EACCES;
	}
	PLATFORM_LOG(ERR, plat, TABLE_PATH " cannot be read: %s", strerror(-error));
	return error;
}

static int
table_load(const struct uiommu_platform *plat, struct dmar *dmar)
{
	uint8_t *table = malloc(TABLE_BYTES_MAX);
	const char *wrong;
	ssize_t length;
	int ret = 0;

	if (table == NULL) {
		PLATFORM_LOG(ERR, plat, "out of memory");
		return -ENOMEM;
	}
	length = table_read(table, TABLE_BYTES_MAX);
	if (length < 0) {
		ret = table_refuse(plat, (int)length);
	} else {
		wrong = dmar_parse(table, (size_t)length, dmar);
		if (wrong != NULL) {
			PLATFORM_LOG(ERR, plat, "the DMAR table is damaged, %s: give address= and "
				     "force=1 if the address is known", wrong);
			ret = -ENODEV;
		}
	}
	free(table);
	return ret;
}

static int
unit_choose(const struct uiommu_platform *plat, const struct dmar *dmar, const uint64_t *number,
	    struct devmem_place *place)
{
	const struct dmar_unit *unit;

	if (number != NULL && *number >= dmar->nb_units) {
		PLATFORM_LOG(ERR, plat, "no unit=%" PRIu64 ": the DMAR table has %u, counted from "
			     "0", *number, dmar->nb_units);
		return -ENODEV;
	}
	unit = number != NULL ? &dmar->units[*number] : dmar_find(dmar, place->pa);
	if (unit == NULL) {
		PLATFORM_LOG(ERR, plat, "no unit at 0x%" PRIx64 " in the DMAR table, which has %u: "
			     "give unit=, or force=1 if the address is right all the same",
			     place->pa, dmar->nb_units);
		return -ENODEV;
	}
	place->pa = unit->pa;
	if (place->size == 0)
		place->size = unit->size;
	return 0;
}

/* A page that can be one of registers. */
static int
place_check(const struct uiommu_platform *plat, const struct devmem_place *place)
{
	if (place->pa == 0 || (place->pa & (DEVMEM_PAGE_SIZE - 1)) != 0) {
		PLATFORM_LOG(ERR, plat, "0x%" PRIx64 " is not the address of a page: registers "
			     "begin on one of %d bytes", place->pa, DEVMEM_PAGE_SIZE);
		return -EINVAL;
	}
	if ((place->size & (DEVMEM_PAGE_SIZE - 1)) != 0) {
		PLATFORM_LOG(ERR, plat, "size=%" PRIu64 ": a multiple of %d", place->size,
			     DEVMEM_PAGE_SIZE);
		return -EINVAL;
	}
	if (place->pa > UINT64_MAX - place->size || place->pa + place->size > UINT64_C(1) << 52) {
		PLATFORM_LOG(ERR, plat, "0x%" PRIx64 " and %" PRIu64 " bytes reach beyond all "
			     "memory", place->pa, place->size);
		return -EINVAL;
	}
	return 0;
}

int
devmem_find(struct uiommu_platform *plat, const uint64_t *number, struct devmem_place *place)
{
	struct dmar *dmar;
	int ret = 0;

	if (number == NULL && place->force) {
		if (place->size == 0)
			place->size = DEVMEM_PAGE_SIZE;
		return place_check(plat, place);
	}
	dmar = malloc(sizeof(*dmar));
	if (dmar == NULL) {
		PLATFORM_LOG(ERR, plat, "out of memory");
		return -ENOMEM;
	}
	ret = table_load(plat, dmar);
	if (ret == 0)
		ret = unit_choose(plat, dmar, number, place);
	free(dmar);
	return ret == 0 ? place_check(plat, place) : ret;
}
