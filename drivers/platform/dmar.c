/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include "dmar.h"

/* ACPI, 5.2.6: what each table begins with. */
#define ACPI_LENGTH 4
/* VT-d, 8.1: the table's own head, then structures to its end. */
#define DMAR_HEADER_SIZE 48
/* VT-d, 8.2: type and length in front of each structure. */
#define STRUCTURE_TYPE 0
#define STRUCTURE_LENGTH 2
#define STRUCTURE_HEADER_SIZE 4
/* VT-d, 8.3: a unit; scopes of devices follow. */
#define DRHD_TYPE 0
#define DRHD_FLAGS 4
#define DRHD_INCLUDE_PCI_ALL 0x01
#define DRHD_SIZE 5
#define DRHD_SIZE_MASK 0x0f
#define DRHD_SEGMENT 6
#define DRHD_BASE 8
#define DRHD_BYTES 16
#define PAGE_SHIFT 12

static uint64_t
little_endian(const uint8_t *bytes, unsigned int nb)
{
	uint64_t value = 0;

	while (nb-- > 0)
		value = value << 8 | bytes[nb];
	return value;
}

/* What is wrong with the table as a whole; its length where nothing is. */
static const char *
header_check(const uint8_t *table, size_t size, size_t *length)
{
	uint8_t sum = 0;
	size_t i;

	if (size < DMAR_HEADER_SIZE)
		return "too short for its head";
	if (memcmp(table, "DMAR", 4) != 0)
		return "no DMAR table";
	*length = little_endian(table + ACPI_LENGTH, 4);
	if (*length < DMAR_HEADER_SIZE)
		return "its length is less than its head";
	if (*length > size)
		return "cut short";
	for (i = 0; i < *length; i++)
		sum = (uint8_t)(sum + table[i]);
	return sum == 0 ? NULL : "its checksum is wrong";
}

static const char *
unit_add(const uint8_t *drhd, size_t length, struct dmar *dmar)
{
	struct dmar_unit *unit;

	if (length < DRHD_BYTES)
		return "a unit's structure is too short";
	if (dmar->nb_units == DMAR_UNITS_MAX)
		return "more units than any machine has";
	unit = &dmar->units[dmar->nb_units++];
	unit->pa = little_endian(drhd + DRHD_BASE, 8);
	unit->size = UINT64_C(1) << (PAGE_SHIFT + (drhd[DRHD_SIZE] & DRHD_SIZE_MASK));
	unit->segment = (uint16_t)little_endian(drhd + DRHD_SEGMENT, 2);
	unit->rest = (drhd[DRHD_FLAGS] & DRHD_INCLUDE_PCI_ALL) != 0;
	return NULL;
}

const char *
dmar_parse(const uint8_t *table, size_t size, struct dmar *dmar)
{
	size_t length = 0, at = DMAR_HEADER_SIZE, bytes;
	const char *wrong = header_check(table, size, &length);

	dmar->nb_units = 0;
	while (wrong == NULL && at < length) {
		if (length - at < STRUCTURE_HEADER_SIZE)
			return "a structure reaches beyond its end";
		bytes = little_endian(table + at + STRUCTURE_LENGTH, 2);
		if (bytes < STRUCTURE_HEADER_SIZE)
			return "a structure has no length";
		if (bytes > length - at)
			return "a structure reaches beyond its end";
		if (little_endian(table + at + STRUCTURE_TYPE, 2) == DRHD_TYPE)
			wrong = unit_add(table + at, bytes, dmar);
		at += bytes;
	}
	return wrong;
}

const struct dmar_unit *
dmar_find(const struct dmar *dmar, uint64_t pa)
{
	unsigned int i;

	for (i = 0; i < dmar->nb_units; i++) {
		if (dmar->units[i].pa == pa)
			return &dmar->units[i];
	}
	return NULL;
}
